/** Equal pages, merged by the kernel. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/str.h"
#include "workloads/keeper.h"
#include "workloads/kit.h"
#include "workloads/pages.h"
#include "workloads/registry.h"

#define KSM_DIR "/sys/kernel/mm/ksm/"

enum { KSM_GROUPS, KSM_EQUAL, KSM_OWN };

static const struct vm_param ksm_params[] = {
	{ "groups", "groups of equal pages", VM_P_U64, .def = "4", .min = 1, .max = 64 },
	/* max_page_sharing of the kernel is 256: beyond it there is a second frame. */
	{ "equal", "pages of a group", VM_P_U64, .def = "64", .min = 2, .max = 128 },
	{ "own", "pages that equal no other", VM_P_U64, .def = "64", .max = 1u << 16 },
	{ .name = NULL }
};

struct ksm {
	const struct vm_lab *lab;
	struct vm_region r;
	struct vm_keeper keeper;
	/** For the keeper: what the files said before, in the order of settings[]. */
	unsigned long long before[3];
	bool set[3];
};

/** Merging as fast as it goes, for the moment that it takes. */
static const struct {
	const char *path;
	unsigned long long value;
} settings[] = {
	{ KSM_DIR "sleep_millisecs", 1 }, { KSM_DIR "pages_to_scan", 20000 }, { KSM_DIR "run", 1 },
};

/** Runs in the keeper. */
static int ksm_start(void *arg, struct vm_err *err)
{
	struct ksm *k = arg;
	for (unsigned i = 0; i < vm_countof(settings); i++) {
		int r = vm_setting_read(settings[i].path, &k->before[i]);
		if (r == 0 && k->before[i] != settings[i].value) {
			r = vm_setting_write(settings[i].path, settings[i].value);
			k->set[i] = r == 0;
		}
		/* How fast it goes is the kernel's own decision where it advises itself. */
		if (r < 0 && i + 1 == vm_countof(settings))
			return vm_fail_os(err, r == -EACCES ? EPERM : -r, "cannot start merging (%s)", settings[i].path);
	}
	return 0;
}

/** Runs in the keeper: pages that are merged stay so. */
static void ksm_stop(void *arg)
{
	const struct ksm *k = arg;
	for (unsigned i = vm_countof(settings); i-- > 0;)
		if (k->set[i])
			vm_setting_write(settings[i].path, k->before[i]);
}

static const struct vm_kept merging = { .set = ksm_start, .put_back = ksm_stop };

/** No other process has pages with this content. */
static void write_pages(const struct ksm *k, uint64_t equal, uint64_t groups)
{
	const uint64_t page = k->lab->page, seed = (uint64_t)getpid() << 20 ^ vm_clock_ns();
	for (uint64_t i = 0; i < k->r.size / page; i++)
		vm_pattern(k->r.p + i * page, 0, page, seed + (i < groups * equal ? i / equal : i));
}

/** Until none of these pages is ours alone. */
static int await_merging(const struct ksm *k, uint64_t pages, struct vm_err *err)
{
	enum { TIMES = 6000, PAUSE_NS = 5000000 };
	long own = -1;
	for (unsigned i = 0; i < TIMES; i++) {
		own = vm_own_pages(k->lab, k->r.p, pages, VM_OWN_EXCLUSIVE);
		if (own <= 0)
			break;
		vm_clock_sleep_until(vm_clock_ns() + PAUSE_NS);
	}
	if (own < 0)
		return vm_fail(err, ENOSYS, "cannot read /proc/self/pagemap");
	return own ? vm_fail(err, EBUSY, "the kernel left %ld of %llu pages unmerged", own, (unsigned long long)pages) : 0;
}

static void ksm_truth(const struct ksm *k, struct vm_truth *t, uint64_t groups, uint64_t equal)
{
	const uint64_t page = k->lab->page, merged = groups * equal * page;
	vm_truth_u64(t, "merged_bytes", merged);
	vm_truth_u64(t, "saved_bytes", merged - groups * page);
	vm_truth_array_begin(t, "mappings");
	vm_truth_mapping_begin(t, "merged", k->r.p, k->r.size);
	vm_truth_str(t, "perm", "rw-p");
	vm_truth_u64(t, "rss_bytes", k->r.size);
	vm_truth_u64(t, "anon_bytes", k->r.size);
	vm_truth_u64(t, "uss_bytes", k->r.size - merged);
	vm_truth_object_end(t);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "pages");
	for (uint64_t i = 0; i < groups; i++)
		vm_truth_pages(t, &(struct vm_pages_fact){ .label = "equal", .p = k->r.p + i * equal * page, .size = equal * page,
		               .one_frame = true, .state = "present", .without = "exclusive file zero swap guard" });
	vm_truth_pages(t, &(struct vm_pages_fact){ .label = "own", .p = k->r.p + merged, .size = k->r.size - merged,
	               VM_PAGES_OWN });
	vm_truth_array_end(t);
	char a[VM_NUMBUF], b[VM_NUMBUF];
	vm_truth_say(t, "%s are %s of memory now", vm_format_size(merged, a), vm_format_size(groups * page, b));
}

static int ksm_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	const uint64_t groups = lab->arg[KSM_GROUPS].u64, equal = lab->arg[KSM_EQUAL].u64;
	if (access(KSM_DIR "run", F_OK) < 0)
		return vm_fail(err, ENOSYS, "this kernel doesn't merge pages (CONFIG_KSM)");
	struct ksm *k = *state = calloc(1, sizeof(*k));
	if (!k)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	k->lab = lab;
	int r = vm_keeper_start(&k->keeper, &merging, k, err);
	if (r == 0)
		r = vm_region_map(&k->r, lab, (groups * equal + lab->arg[KSM_OWN].u64) * lab->page, PROT_READ | PROT_WRITE,
		                  MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
	if (r < 0)
		return r;
	write_pages(k, equal, groups);
	if (madvise(k->r.p, k->r.size, MADV_MERGEABLE) < 0)
		return vm_fail_os(err, errno == EINVAL ? ENOSYS : errno, "the kernel doesn't merge these pages");
	r = await_merging(k, groups * equal, err);
	vm_keeper_end(&k->keeper);
	if (r == 0)
		ksm_truth(k, t, groups, equal);
	return r;
}

static void ksm_done(void *state)
{
	struct ksm *k = state;
	vm_keeper_end(&k->keeper);
	vm_region_unmap(&k->r);
	free(k);
}

const struct vm_workload vm_workload_ksm = {
	.name = "ksm",
	.help = "equal pages merged into one frame (KSM)",
	.shows = "vmpage,vmmap",
	.lesson = "The kernel looks for equal pages in memory that was offered with MADV_MERGEABLE and keeps one of them, "
	          "read-only, until somebody writes.  RSS doesn't notice: it counts every page that is mapped.  USS and "
	          "PSS do, and vmpage shows one frame at many addresses.",
	.params = ksm_params,
	.make = ksm_make,
	.done = ksm_done,
};
