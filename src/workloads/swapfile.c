#include "workloads/swapfile.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/cleanup.h"
#include "workloads/pages.h"

/* Linux 5.4; missing from older headers. */
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

/* ---- The swap file, in the keeper -------------------------------------------------------------------------------- */

enum { CHUNK = 256 * 1024 };

static int fill(const struct vm_swapfile *s, struct vm_err *err)
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
static int sign(const struct vm_swapfile *s, struct vm_err *err)
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
	struct vm_swapfile *s = arg;
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
	struct vm_swapfile *s = arg;
	if (s->on && swapoff(s->file.path) < 0)
		fprintf(stderr, "vmlab: cannot stop swapping to %s: %s\n", s->file.path, strerror(errno));
	else
		vm_tmpfile_remove(&s->file);
}

static const struct vm_kept swap_file = { .set = swap_on, .put_back = swap_off };

int vm_swapfile_start(struct vm_swapfile *s, const struct vm_lab *lab, uint64_t bytes, struct vm_err *err)
{
	*s = (struct vm_swapfile){ .lab = lab, .file.fd = -1 };
	/* Room for the head, and for what the kernel swaps of its own accord. */
	s->size = vm_pages_up(lab, bytes + bytes / 4) + (UINT64_C(1) << 20);
	int r = vm_tmpfile_open(&s->file, lab, err);
	return r < 0 ? r : vm_keeper_start(&s->keeper, &swap_file, s, err);
}

void vm_swapfile_end(struct vm_swapfile *s)
{
	if (!s->lab)
		return;
	const bool kept = s->keeper.pid > 0;
	vm_keeper_end(&s->keeper);
	/* A file that is still in use as swap must keep its name. */
	if (kept && s->file.fd >= 0)
		close(s->file.fd);
	else if (!kept)
		vm_tmpfile_remove(&s->file);
	*s = (struct vm_swapfile){ .file.fd = -1 };
}

/* ---- The pages --------------------------------------------------------------------------------------------------- */

uint64_t vm_swap_pattern_pages(const struct vm_region *r, const struct vm_swap_pattern *p)
{
	const uint64_t pages = r->size / r->page, rest = pages % p->every;
	return pages / p->every * p->out + (rest < p->out ? rest : p->out);
}

/** Ask for each of the pattern's pages; how many pages are in swap now, or -1. */
static long page_out(const struct vm_lab *lab, const struct vm_region *r, const struct vm_swap_pattern *p)
{
	const uint64_t page = lab->page, pages = r->size / page;
	for (uint64_t i = 0; i < pages; i += p->every)
		madvise(r->p + i * page, (pages - i < p->out ? pages - i : p->out) * page, MADV_PAGEOUT);
	long n = 0;
	for (uint64_t i = 0; i < pages && n >= 0; i += p->every) {
		long some = vm_own_pages(lab, r->p + i * page, pages - i < p->out ? pages - i : p->out, VM_OWN_SWAPPED);
		n = some < 0 ? some : n + some;
	}
	return n;
}

/**
 * Pages that a CPU has made and not yet put into the kernel's lists can't be swapped out, and only that CPU puts them there
 * (lru_add_drain() in mm/swap.c): ask from each in turn.
 */
static long page_out_from(unsigned turn, const cpu_set_t *cpus, const struct vm_lab *lab, const struct vm_region *r,
                          const struct vm_swap_pattern *p)
{
	const int n = CPU_COUNT(cpus);
	unsigned left = n > 0 ? turn % (unsigned)n : 0;
	cpu_set_t one;
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, cpus) && left-- == 0) {
			CPU_SET(cpu, &one);
			break;
		}
	/* Where that isn't allowed, from wherever we are. */
	sched_setaffinity(0, sizeof(one), &one);
	return page_out(lab, r, p);
}

int vm_swap_out(const struct vm_lab *lab, const struct vm_region *r, const struct vm_swap_pattern *p, struct vm_err *err)
{
	/* Pages that somebody else looks at just then stay for now. */
	enum { TIMES = 2000, PAUSE_NS = 1000000 };
	const uint64_t wanted = vm_swap_pattern_pages(r, p);
	long n = 0;
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	for (unsigned i = 0; i < TIMES; i++) {
		n = page_out_from(i, &cpus, lab, r, p);
		if (n < 0 || (uint64_t)n == wanted)
			break;
		vm_clock_sleep_until(vm_clock_ns() + PAUSE_NS);
	}
	sched_setaffinity(0, sizeof(cpus), &cpus);
	if (n == 0)
		return vm_fail(err, ENOSYS, "the kernel swaps nothing out here; memory.swap.max of the cgroup may forbid it");
	if (n < 0 || (uint64_t)n != wanted)
		return vm_fail(err, EBUSY, "only %ld of %llu pages were swapped out", n, (unsigned long long)wanted);
	return 0;
}
