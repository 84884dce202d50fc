/** Transparent huge pages of sizes below that of a page table (mTHP, Linux 6.8): in place, moved, and cut. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/str.h"
#include "workloads/hugepages.h"
#include "workloads/keeper.h"
#include "workloads/kit.h"
#include "workloads/registry.h"

enum { MTHP_PAGE, MTHP_COUNT };

static const char *const page_words[] = { "16K", "32K", "64K", "128K", "256K", "512K", "1M", NULL };
enum { PAGE_SHIFT_FIRST = 14 };

static const struct vm_param mthp_params[] = {
	{ "page", "size of the pages", VM_P_WORD, .def = "64K", page_words },
	{ "count", "how many of each kind", VM_P_U64, .def = "8", .min = 1, .max = 4096 },
	{ .name = NULL }
};

/** The policy of one size: the kernel gives such pages to those who ask. */
struct policy {
	char path[96];
	char before[16];           /* "": it isn't changed */
	struct vm_keeper keeper;
};

struct mthp {
	struct policy policy;
	struct vm_reserve reserve;
	uint64_t page, count;
};

/* ---- The policy --------------------------------------------------------------------------------------------------- */

static int write_word(const char *path, const char *word)
{
	vm_auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, word, strlen(word)) == (ssize_t)strlen(word) ? 0 : -errno;
}

/** "always inherit madvise [never]": the word in brackets. */
static int read_word(const char *path, char *word, size_t size)
{
	char text[128];
	vm_auto_file FILE *f = fopen(path, "re");
	const char *open_ = f && fgets(text, sizeof(text), f) ? strchr(text, '[') : NULL;
	if (!open_)
		return f ? -EIO : -errno;
	snprintf(word, size, "%.*s", (int)strcspn(open_ + 1, "]"), open_ + 1);
	return 0;
}

/** Runs in the keeper. */
static int permit(void *arg, struct vm_err *err)
{
	struct policy *p = arg;
	int r = write_word(p->path, "madvise");
	if (r == 0)
		return 0;
	p->before[0] = '\0';
	vm_fail(err, EPERM, "this machine gives no such pages (%s), and that may not be changed: %s", p->path, strerror(-r));
	vm_hint(err, "run as root, or have madvise written there");
	return -EPERM;
}

static void forbid(void *arg)
{
	const struct policy *p = arg;
	if (p->before[0])
		write_word(p->path, p->before);
}

static const struct vm_kept permission = { .set = permit, .put_back = forbid };

static int have_permission(struct policy *p, uint64_t page, struct vm_err *err)
{
	snprintf(p->path, sizeof(p->path), "/sys/kernel/mm/transparent_hugepage/hugepages-%llukB/enabled",
	         (unsigned long long)page / 1024);
	if (read_word(p->path, p->before, sizeof(p->before)) < 0)
		return vm_fail(err, ENOSYS, "this kernel has no huge pages of %llu KiB (Linux 6.8)", (unsigned long long)page / 1024);
	return strcmp(p->before, "madvise") == 0 || strcmp(p->before, "always") == 0
		? 0 : vm_keeper_start(&p->keeper, &permission, p, err);
}

/* ---- The memory --------------------------------------------------------------------------------------------------- */

/** Write to all of each; how many came as one. */
static uint64_t fill(const struct vm_lab *lab, const struct mthp *s, char *p)
{
	uint64_t given = 0;
	for (uint64_t i = 0; i < s->count; i++) {
		char *at = p + i * s->page;
		given += vm_comes_whole(lab, at, s->page, true);
		vm_touch(lab, at, s->page);
	}
	return given;
}

static char *make_area(const struct vm_lab *lab, struct mthp *s, unsigned i, uint64_t step, bool *all, struct vm_err *err)
{
	char *p = s->reserve.p + i * step;
	const uint64_t size = s->count * s->page;
	if (mmap(p, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED) {
		vm_fail_os(err, errno, "cannot map memory");
		return NULL;
	}
	madvise(p, size, MADV_HUGEPAGE);
	*all &= fill(lab, s, p) == s->count;
	/* No khugepaged, which would make larger ones of them. */
	madvise(p, size, MADV_NOHUGEPAGE);
	return p;
}

static void state_truth(struct vm_truth *t, const struct vm_lab *lab, const struct mthp *s, const char *whole, const char *moved,
                        const char *cut)
{
	const uint64_t size = s->count * s->page, half = s->page / 2;
	char text[VM_NUMBUF];
	vm_truth_u64(t, "page_bytes", s->page);
	vm_truth_array_begin(t, "mappings");
	vm_truth_anon_mapping(t, "whole", &(struct vm_region){ .p = (char *)(uintptr_t)whole, .size = size }, "rw-p", size);
	vm_truth_anon_mapping(t, "moved", &(struct vm_region){ .p = (char *)(uintptr_t)moved, .size = size }, "rw-p", size);
	vm_truth_anon_mapping(t, "cut", &(struct vm_region){ .p = (char *)(uintptr_t)cut, .size = size }, "rw-p", size - s->count * half);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "huge");
	vm_truth_huge(t, &(struct vm_huge_fact){ .label = "whole", .p = whole, .size = size, .resident = size, .aligned = size,
	              .page_bytes = s->page });
	vm_truth_huge(t, &(struct vm_huge_fact){ .label = "moved", .p = moved, .size = size, .resident = size, .unaligned = size,
	              .page_bytes = s->page });
	vm_truth_huge(t, &(struct vm_huge_fact){ .label = "cut", .p = cut, .size = size, .resident = size - s->count * half,
	              .partly = size - s->count * half });
	vm_truth_array_end(t);
	vm_truth_say(t, "got %llu pages of %s three times: left alone; moved by %llu bytes; half of each given back",
	             (unsigned long long)s->count, vm_format_size(s->page, text), (unsigned long long)lab->page);
}

static int mthp_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	const uint64_t huge = vm_thp_bytes(lab, err);
	struct mthp *s = huge ? *state = calloc(1, sizeof(*s)) : NULL;
	if (!s)
		return huge ? vm_fail_os(err, ENOMEM, "cannot keep the state") : -ENOSYS;
	s->page = UINT64_C(1) << (PAGE_SHIFT_FIRST + lab->arg[MTHP_PAGE].u64);
	s->count = lab->arg[MTHP_COUNT].u64;
	const uint64_t size = s->count * s->page, step = 3 * huge;
	/* Begun one page behind a multiple of the largest size, they hold no whole one of those. */
	if (s->page + size >= 2 * huge)
		return vm_fail(err, EINVAL, "--count: of pages of %s at most %llu fit where no larger ones do", page_words[lab->arg[MTHP_PAGE].u64],
		               (unsigned long long)((2 * huge - 1) / s->page - 1));
	int r = have_permission(&s->policy, s->page, err);
	if (r == 0)
		r = vm_reserve_map(&s->reserve, 4 * step, huge, err);
	if (r < 0)
		return r;
	bool all = true;
	s->reserve.p += s->page;
	char *whole = make_area(lab, s, 0, step, &all, err);
	char *moved = whole ? make_area(lab, s, 1, step, &all, err) : NULL;
	char *cut = moved ? make_area(lab, s, 2, step, &all, err) : NULL;
	if (!cut)
		return -err->code;
	if (!all)
		return vm_fail(err, ENOSYS, "the kernel gave base pages instead of pages of %llu KiB", (unsigned long long)s->page / 1024);
	char *to = s->reserve.p + 3 * step + lab->page;
	if (mremap(moved, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		return vm_fail_os(err, errno, "cannot move memory");
	for (uint64_t i = 0; i < s->count; i++)
		madvise(cut + i * s->page, s->page / 2, MADV_DONTNEED);
	state_truth(t, lab, s, whole, to, cut);
	return 0;
}

static void mthp_done(void *state)
{
	struct mthp *s = state;
	vm_reserve_unmap(&s->reserve);
	vm_keeper_end(&s->policy.keeper);
	free(s);
}

const struct vm_workload vm_workload_mthp = {
	.name = "mthp",
	.help = "transparent huge pages of a smaller size: in place, moved, and cut",
	.shows = "vmhuge",
	.lesson = "These are pages of 16K to 1M that entries of base pages map: the page tables look as ever, and only the flags "
	          "of the frames tell.  At an address that is a multiple of their size some CPUs use one entry of the TLB for "
	          "them; moved with mremap(2) they no longer do.  Of those that were cut, the rest stays one page.  If the "
	          "machine gives none, its policy for the size is changed, and put back at the end.",
	.params = mthp_params,
	.make = mthp_make,
	.done = mthp_done,
};
