// SPDX-License-Identifier: GPL-2.0-or-later
#include "engines/qemu/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/source/uapi.h"

/* ---- Mappings ----------------------------------------------------------------------------------------------------- */

static bool reserve(void **v, size_t *cap, size_t n, size_t each)
{
	if (n <= *cap)
		return true;
	const size_t want = *cap ? *cap * 2 : 256;
	void *const more = realloc(*v, (want > n ? want : n) * each);
	if (!more)
		return false;
	*v = more;
	*cap = want > n ? want : n;
	return true;
}

/** Its name, without the kernel's escapes for newlines; where it begins in g->names. */
static bool keep_name(struct vm_guest *g, const char *name, uint32_t *at)
{
	const size_t n = strcspn(name, "\n");
	if (!reserve((void **)&g->names, &g->names_cap, g->names_n + n + 1, 1))
		return false;
	*at = (uint32_t)g->names_n;
	for (size_t i = 0; i < n; i++) {
		const bool newline = n - i >= 4 && memcmp(name + i, "\\012", 4) == 0;
		g->names[g->names_n++] = newline ? '\n' : name[i];
		i += newline ? 3 : 0;
	}
	g->names[g->names_n++] = '\0';
	return true;
}

static bool parse(struct vm_guest *g, const char *line, struct vm_guest_mapping *m)
{
	char perm[5];
	int name = 0;
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n", &m->start, &m->end, perm, &m->offset,
		   &m->dev_major, &m->dev_minor, &m->inode, &name) < 7)
		return false;
	m->read = perm[0] == 'r';
	m->write = perm[1] == 'w';
	m->exec = perm[2] == 'x';
	m->shared = perm[3] == 's';
	m->key = m->start;
	return keep_name(g, line + name, &m->name);
}

/** Anonymous memory that has grown or shrunk stays what it was: it has the key of the one it overlaps most. */
static void take_over_keys(struct vm_guest_mapping *map, size_t n, const struct vm_guest_mapping *old, size_t nold)
{
	size_t from = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t most = 0;
		while (from < nold && old[from].end <= map[i].start)
			from++;
		for (size_t j = from; map[i].inode == 0 && j < nold && old[j].start < map[i].end; j++) {
			const uint64_t start = old[j].start > map[i].start ? old[j].start : map[i].start;
			const uint64_t end = old[j].end < map[i].end ? old[j].end : map[i].end;
			if (old[j].inode || end - start <= most)
				continue;
			most = end - start;
			map[i].key = old[j].key;
		}
	}
}

static void read_maps(struct vm_guest *g)
{
	struct vm_guest_mapping *old = g->map, m = { .start = 0 };
	const size_t nold = g->nmaps;
	char *line = NULL;
	size_t size = 0;
	FILE *f = fopen("/proc/self/maps", "re");
	if (!f)
		return;
	g->map = NULL;
	g->nmaps = g->maps_cap = g->names_n = 0;
	while (getline(&line, &size, f) > 0) {
		if (!parse(g, line, &m) || !reserve((void **)&g->map, &g->maps_cap, g->nmaps + 1, sizeof(m)))
			break;
		g->map[g->nmaps++] = m;
	}
	free(line);
	fclose(f);
	take_over_keys(g->map, g->nmaps, old, nold);
	free(old);
	g->stale = false;
}

static const struct vm_guest_mapping *find(const struct vm_guest *g, uint64_t at)
{
	size_t low = 0, high = g->nmaps;
	while (low < high) {
		const size_t mid = (low + high) / 2;
		if (g->map[mid].end <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low < g->nmaps && g->map[low].start <= at ? &g->map[low] : NULL;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/** Anonymous memory has no name here, also where the kernel would name it if the program ran by itself. */
static const char *name_of(const struct vm_guest *g, const struct vm_guest_mapping *m)
{
	const char *name = g->names + m->name;
	if (name[0] || m->inode)
		return name;
	if (g->stack_at && g->stack_at + g->base >= m->start && g->stack_at + g->base < m->end)
		return "[stack]";
	/* The heap may follow zeroed data without a gap. */
	if (g->heap_start < g->heap_end && g->heap_start + g->base < m->end && g->heap_end + g->base > m->start)
		return "[heap]";
	return name;
}

bool vm_guest_place(struct vm_guest *g, uint64_t addr, struct vm_tlbtrace_place *out)
{
	const struct vm_guest_mapping *m = g->stale ? NULL : find(g, addr + g->base);
	if (!m) {
		read_maps(g);
		m = find(g, addr + g->base);
	}
	if (!m)
		return false;
	const char *const name = name_of(g, m), *const own = g->names + m->name;
	const bool memory = m->inode == 0 ? own[0] != '[' || begins(own, "[anon") :
			    begins(own, "/memfd:") || begins(own, "/SYSV") || begins(own, "/dev/zero") || begins(own, "/dev/shm/");
	*out = (struct vm_tlbtrace_place){
		.start = m->start - g->base, .end = m->end - g->base, .offset = m->offset, .key = m->key - g->base,
		.read = m->read, .write = m->write, .exec = m->exec, .shared = m->shared, .can_2m = memory,
		.dev_major = m->dev_major, .dev_minor = m->dev_minor, .inode = m->inode, .name = name,
	};
	return true;
}

/* ---- Sizes of pages ----------------------------------------------------------------------------------------------- */

/** Whether one page is part of a huge one: 1, 0, or a negative errno. */
static int scan(uint64_t at)
{
	struct vm_page_region region;
	const uint64_t page = at & ~(uint64_t)(VM_TLBTRACE_PAGE - 1);
	struct vm_pm_scan arg = {
		.size = sizeof(arg), .start = page, .end = page + VM_TLBTRACE_PAGE, .vec = (uintptr_t)&region, .vec_len = 1,
		.category_mask = VM_PAGE_IS_HUGE, .return_mask = VM_PAGE_IS_HUGE,
	};
	const int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	const int n = ioctl(fd, VM_PAGEMAP_SCAN, &arg);
	const int r = n < 0 ? -errno : n > 0;
	close(fd);
	return r;
}

/** What smaps tells of the mapping of an address, in KiB: the size of hugetlb pages; huge pages; all that is resident. */
struct smaps {
	uint64_t kernel_page, huge, resident;
};

static bool read_smaps(uint64_t at, struct smaps *out)
{
	char *line = NULL;
	size_t size = 0;
	bool inside = false;
	FILE *f = fopen("/proc/self/smaps", "re");
	if (!f)
		return false;
	*out = (struct smaps){ .kernel_page = 4 };
	while (getline(&line, &size, f) > 0) {
		uint64_t a, b;
		char key[32];
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &a, &b) == 2) {
			if (inside)
				break;
			inside = at >= a && at < b;
		} else if (inside && sscanf(line, "%31[^:]: %" SCNu64, key, &a) == 2) {
			if (strcmp(key, "KernelPageSize") == 0)
				out->kernel_page = a;
			else if (strcmp(key, "Rss") == 0)
				out->resident = a;
			else if (strcmp(key, "AnonHugePages") == 0 || strcmp(key, "ShmemPmdMapped") == 0 ||
				 strcmp(key, "FilePmdMapped") == 0)
				out->huge += a;
		}
	}
	free(line);
	fclose(f);
	return inside;
}

/** The kernel's huge pages are where the program has aligned blocks, too. */
static bool is_aligned(const struct vm_guest *g)
{
	return g->base % (UINT64_C(1) << VM_TLBSIM_PMD_SHIFT) == 0;
}

const char *vm_guest_sizes(const struct vm_guest *g)
{
	return !is_aligned(g) ? "assumed" : g->scans ? "scan" : "smaps";
}

enum vm_tlb_size vm_guest_page_size(struct vm_guest *g, uint64_t addr)
{
	struct smaps s;
	if (!is_aligned(g))
		return VM_TLB_4K;
	const int huge = g->scans ? scan(addr + g->base) : -ENOTTY;
	if (huge == 0)
		return VM_TLB_4K;
	if (huge == -ENOTTY || huge == -EINVAL)
		g->scans = false;
	if (!read_smaps(addr + g->base, &s))
		return VM_TLB_4K;
	if (s.kernel_page >= UINT64_C(1) << 20)
		return VM_TLB_1G;
	/* Without a scan, what most of the mapping is made of. */
	return huge > 0 || s.kernel_page >= 2048 || (s.huge && s.huge >= s.resident / 2) ? VM_TLB_2M : VM_TLB_4K;
}

void vm_guest_forked(struct vm_guest *g)
{
	g->stale = true;
}
