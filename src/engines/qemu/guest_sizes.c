// SPDX-License-Identifier: GPL-2.0-or-later
#include "engines/qemu/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "core/source/uapi.h"

#define GIB (UINT64_C(1) << 30)

/** Of the time, reading smaps takes one of so many parts; and it isn't done again within PAUSE_NS. */
enum { PARTS = 20, PAUSE_NS = 20000000 };

/** Whether one page is part of a huge one: 1, 0, or a negative errno. */
static int scan(uint64_t at)
{
	struct vm_page_region region;
	const uint64_t page = at & ~(uint64_t)(VM_TLBTRACE_PAGE - 1);
	struct vm_pm_scan arg = {
		.size = sizeof(arg), .start = page, .end = page + VM_TLBTRACE_PAGE, .vec = (uintptr_t)&region, .vec_len = 1,
		.category_mask = VM_PAGE_IS_HUGE, .return_mask = VM_PAGE_IS_HUGE,
	};
	/* The program could close a descriptor that is kept. */
	const int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	const int n = ioctl(fd, VM_PAGEMAP_SCAN, &arg);
	const int r = n < 0 ? -errno : n > 0;
	close(fd);
	return r;
}

/* ---- By mapping --------------------------------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/** A line of a mapping, in KiB: the size of hugetlb pages; huge pages; all that is resident. */
static void take_line(struct vm_guest_smap *m, const char *line)
{
	char key[32];
	uint64_t v;
	if (sscanf(line, "%31[^:]: %" SCNu64, key, &v) != 2)
		return;
	if (strcmp(key, "KernelPageSize") == 0)
		m->page = v;
	else if (strcmp(key, "Rss") == 0)
		m->resident = v;
	else if (strcmp(key, "AnonHugePages") == 0 || strcmp(key, "ShmemPmdMapped") == 0 || strcmp(key, "FilePmdMapped") == 0)
		m->huge += v;
}

static void read_smaps(struct vm_guest *g)
{
	char *line = NULL;
	size_t size = 0;
	const uint64_t began_ns = now_ns();
	FILE *f = fopen("/proc/self/smaps", "re");
	if (!f)
		return;
	g->nsmaps = 0;
	while (getline(&line, &size, f) > 0) {
		uint64_t start, end;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &start, &end) != 2) {
			if (g->nsmaps)
				take_line(&g->smap[g->nsmaps - 1], line);
			continue;
		}
		if (!vm_guest_reserve((void **)&g->smap, &g->smaps_cap, g->nsmaps + 1, sizeof(*g->smap)))
			break;
		g->smap[g->nsmaps++] = (struct vm_guest_smap){ .start = start, .end = end };
	}
	free(line);
	fclose(f);
	g->smaps_ns = now_ns();
	g->smaps_took_ns = g->smaps_ns - began_ns;
}

static const struct vm_guest_smap *find(const struct vm_guest *g, uint64_t at)
{
	size_t low = 0, high = g->nsmaps;
	while (low < high) {
		const size_t mid = (low + high) / 2;
		if (g->smap[mid].end <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low < g->nsmaps && g->smap[low].start <= at ? &g->smap[low] : NULL;
}

/** What most of a mapping is made of. */
static enum vm_tlb_size most(const struct vm_guest_smap *m)
{
	if (m->page >= GIB / 1024)
		return VM_TLB_1G;
	return m->page >= 2048 || (m->huge && m->huge >= m->resident / 2) ? VM_TLB_2M : VM_TLB_4K;
}

static enum vm_tlb_size by_mapping(struct vm_guest *g, uint64_t at, bool *anew)
{
	const uint64_t pause_ns = g->smaps_took_ns * PARTS > PAUSE_NS ? g->smaps_took_ns * PARTS : PAUSE_NS;
	if (!g->smaps_ns || now_ns() - g->smaps_ns > pause_ns) {
		read_smaps(g);
		*anew = true;
	}
	const struct vm_guest_smap *m = find(g, at);
	return m ? most(m) : VM_TLB_4K;
}

/** A page that is huge: 1G pages are those of hugetlbfs, in mappings of that size, which don't change. */
static enum vm_tlb_size how_huge(struct vm_guest *g, uint64_t at)
{
	const struct vm_guest_mapping *in = vm_guest_find(g, at);
	if (!in || in->end - in->start < GIB || in->inode == 0)
		return VM_TLB_2M;
	const struct vm_guest_smap *m = find(g, at);
	if (!m || m->start != in->start) {
		read_smaps(g);
		m = find(g, at);
	}
	return m && most(m) == VM_TLB_1G ? VM_TLB_1G : VM_TLB_2M;
}

/* ---- Either ------------------------------------------------------------------------------------------------------- */

/** The kernel's huge pages are where the program has aligned blocks, too. */
static bool is_aligned(const struct vm_guest *g)
{
	return g->base % (UINT64_C(1) << VM_TLBSIM_PMD_SHIFT) == 0;
}

const char *vm_guest_sizes(const struct vm_guest *g)
{
	return !is_aligned(g) ? "assumed" : g->scans ? "scan" : "smaps";
}

enum vm_tlb_size vm_guest_page_size(struct vm_guest *g, uint64_t addr, bool *anew)
{
	*anew = false;
	if (!is_aligned(g))
		return VM_TLB_4K;
	const int huge = g->scans ? scan(addr + g->base) : -ENOTTY;
	if (huge >= 0)
		return huge ? how_huge(g, addr + g->base) : VM_TLB_4K;
	if (huge == -ENOTTY || huge == -EINVAL)
		g->scans = false;
	return by_mapping(g, addr + g->base, anew);
}
