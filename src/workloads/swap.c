/** Pages in swap, of which there is some for as long as that takes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/cleanup.h"
#include "core/base/str.h"
#include "workloads/keeper.h"
#include "workloads/kit.h"
#include "workloads/pages.h"
#include "workloads/registry.h"

/* Linux 5.4; missing from older headers. */
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

enum { SWAP_SIZE, SWAP_EVERY, SWAP_OUT };

static const struct vm_param swap_params[] = {
	{ "size", "bytes to map and to write to", VM_P_SIZE, .def = "4M", .min = 1, .max = UINT64_C(1) << 36 },
	{ "every", "length of the pattern, in pages", VM_P_U64, .def = "4", .min = 1, .max = 1u << 20 },
	{ "out", "pages of it to swap out, from its start", VM_P_U64, .def = "3", .min = 1, .max = 1u << 20 },
	{ .name = NULL }
};

struct swap {
	struct vm_region r;
	struct vm_keeper keeper;
	/** For the keeper. */
	const struct vm_lab *lab;
	struct vm_tmpfile file;
	uint64_t size;
	bool on;
};

/* ---- The swap file, in the keeper -------------------------------------------------------------------------------- */

enum { CHUNK = 256 * 1024 };

static int fill(const struct swap *s, struct vm_err *err)
{
	vm_auto_free char *zeros = calloc(1, CHUNK);
	if (!zeros)
		return vm_fail_os(err, ENOMEM, "cannot fill the swap file");
	/* A file with holes is no swap file. */
	for (uint64_t at = 0; at < s->size; at += CHUNK) {
		const size_t n = s->size - at < CHUNK ? (size_t)(s->size - at) : CHUNK;
		ssize_t w = pwrite(s->file.fd, zeros, n, (off_t)at);
		if (w != (ssize_t)n)
			return vm_fail_os(err, w < 0 ? errno : ENOSPC, "cannot write %s", s->file.path);
	}
	return 0;
}

/** What mkswap(8) writes: union swap_header of include/linux/swap.h. */
static int sign(const struct swap *s, struct vm_err *err)
{
	const struct {
		uint32_t version, last_page, nr_badpages;
	} info = { .version = 1, .last_page = (uint32_t)(s->size / s->lab->page - 1) };
	static const char magic[] = "SWAPSPACE2";
	const size_t n = sizeof(magic) - 1;
	if (pwrite(s->file.fd, &info, sizeof(info), 1024) != (ssize_t)sizeof(info) ||
	    pwrite(s->file.fd, magic, n, (off_t)(s->lab->page - n)) != (ssize_t)n || fsync(s->file.fd) < 0)
		return vm_fail_os(err, errno, "cannot write %s", s->file.path);
	return 0;
}

static int swap_on(void *arg, struct vm_err *err)
{
	struct swap *s = arg;
	int r = fill(s, err);
	if (r == 0)
		r = sign(s, err);
	if (r < 0)
		return r;
	/* Before all other swap, so that the pages come here. */
	s->on = swapon(s->file.path, SWAP_FLAG_PREFER | SWAP_FLAG_PRIO_MASK) == 0;
	if (s->on)
		return 0;
	const int code = errno;
	if (code == EINVAL || code == ENOSYS) {
		vm_fail(err, ENOSYS, "%s can't be swap: its file system or this kernel doesn't do that", s->file.path);
		vm_hint(err, "another directory may: --dir");
		return -ENOSYS;
	}
	return vm_fail_os(err, code, "cannot swap to %s", s->file.path);
}

static void swap_off(void *arg)
{
	struct swap *s = arg;
	if (s->on && swapoff(s->file.path) < 0)
		fprintf(stderr, "vmlab: cannot stop swapping to %s: %s\n", s->file.path, strerror(errno));
	else
		vm_tmpfile_remove(&s->file);
}

static const struct vm_kept swap_file = { .set = swap_on, .put_back = swap_off };

/* ---- The pages --------------------------------------------------------------------------------------------------- */

/** Ask for each of the pattern's pages; how many pages are in swap now, or -1. */
static long page_out(const struct swap *s, uint64_t every, uint64_t out)
{
	const uint64_t page = s->lab->page, pages = s->r.size / page;
	for (uint64_t i = 0; i < pages; i += every)
		madvise(s->r.p + i * page, (pages - i < out ? pages - i : out) * page, MADV_PAGEOUT);
	long n = 0;
	for (uint64_t i = 0; i < pages && n >= 0; i += every) {
		long some = vm_own_pages(s->lab, s->r.p + i * page, pages - i < out ? pages - i : out, VM_OWN_SWAPPED);
		n = some < 0 ? some : n + some;
	}
	return n;
}

/** Pages that somebody else looks at just then stay for now. */
static int page_out_all(const struct swap *s, uint64_t every, uint64_t out, uint64_t wanted, struct vm_err *err)
{
	enum { TIMES = 2000, PAUSE_NS = 1000000 };
	long n = 0;
	for (unsigned i = 0; i < TIMES; i++) {
		n = page_out(s, every, out);
		if (n < 0 || (uint64_t)n == wanted)
			break;
		vm_clock_sleep_until(vm_clock_ns() + PAUSE_NS);
	}
	if (n == 0)
		return vm_fail(err, ENOSYS, "the kernel swaps nothing out here; memory.swap.max of the cgroup may forbid it");
	if (n < 0 || (uint64_t)n != wanted)
		return vm_fail(err, EBUSY, "only %ld of %llu pages were swapped out", n, (unsigned long long)wanted);
	return 0;
}

static void swap_truth(const struct swap *s, struct vm_truth *t, uint64_t every, uint64_t out, uint64_t swapped)
{
	const uint64_t bytes = swapped * s->lab->page;
	vm_truth_str(t, "path", s->file.path);
	vm_truth_u64(t, "swapped_bytes", bytes);
	vm_truth_array_begin(t, "mappings");
	vm_truth_mapping_begin(t, "swapped", s->r.p, s->r.size);
	vm_truth_str(t, "perm", "rw-p");
	/* Where there is swap the kernel may use it for the others as well. */
	vm_truth_u64(t, "rss_bytes_max", s->r.size - bytes);
	vm_truth_u64(t, "swap_bytes_min", bytes);
	vm_truth_object_end(t);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "pages");
	vm_truth_pages(t, &(struct vm_pages_fact){ .label = "swapped out", .p = s->r.p, .size = s->r.size, .every = every,
	               .count = out, .state = "swap", .without = "present file zero guard marker" });
	vm_truth_pages(t, &(struct vm_pages_fact){ .label = "others", .p = s->r.p, .size = s->r.size, .every = every,
	               .first = out, .count = every - out, .state = "present exclusive", .without = "file zero guard" });
	vm_truth_array_end(t);
	char a[VM_NUMBUF], b[VM_NUMBUF];
	vm_truth_say(t, "%s of %s went to swap, into %s", vm_format_size(bytes, a), vm_format_size(s->r.size, b),
	             s->file.path);
}

static int swap_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	const uint64_t every = lab->arg[SWAP_EVERY].u64, out = lab->arg[SWAP_OUT].u64;
	if (out > every)
		return vm_fail(err, EINVAL, "--out must fit into --every");
	struct swap *s = *state = calloc(1, sizeof(*s));
	if (!s)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	s->lab = lab;
	s->file.fd = -1;
	/* Room for the head, and for what the kernel swaps of its own accord. */
	s->size = vm_pages_up(lab, lab->arg[SWAP_SIZE].u64 + lab->arg[SWAP_SIZE].u64 / 4) + (UINT64_C(1) << 20);
	int r = vm_tmpfile_open(&s->file, lab, err);
	if (r == 0)
		r = vm_keeper_start(&s->keeper, &swap_file, s, err);
	if (r == 0)
		r = vm_region_map(&s->r, lab, lab->arg[SWAP_SIZE].u64, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		                  err);
	if (r < 0)
		return r;
	const uint64_t pages = s->r.size / lab->page, rest = pages % every;
	const uint64_t wanted = pages / every * out + (rest < out ? rest : out);
	vm_touch(lab, s->r.p, s->r.size);
	r = page_out_all(s, every, out, wanted, err);
	if (r == 0)
		swap_truth(s, t, every, out, wanted);
	return r;
}

static void swap_done(void *state)
{
	struct swap *s = state;
	const bool kept = s->keeper.pid > 0;
	/* Our own pages needn't be read back. */
	vm_region_unmap(&s->r);
	vm_keeper_end(&s->keeper);
	/* A file that is still in use as swap must keep its name. */
	if (kept && s->file.fd >= 0)
		close(s->file.fd);
	else if (!kept)
		vm_tmpfile_remove(&s->file);
	free(s);
}

const struct vm_workload vm_workload_swap = {
	.name = "swap",
	.help = "pages in swap, in a pattern",
	.shows = "vmpage,vmmap",
	.lesson = "A page in swap still costs: an entry that tells the swap area and the slot, the slot itself, and a read "
	          "from the disk at the next touch.  RSS falls, SWAP grows, and the mapping is as before.  A swap file "
	          "is made for it, used by the whole machine meanwhile, and removed at the end.",
	.params = swap_params,
	.make = swap_make,
	.done = swap_done,
};
