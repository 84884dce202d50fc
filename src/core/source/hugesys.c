#include "core/source/hugesys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/source/pages.h"
#include "core/source/session.h"
#include "core/source/source.h"

/* Linux 6.1; missing from older headers. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define THP "sys/kernel/mm/transparent_hugepage"
#define NODES "sys/devices/system/node"

/* ---- Parsers ------------------------------------------------------------------------------------------------------ */

/** Behind "NAME<between>" at the beginning of a line; NULL: there is no such line. */
static const char *find_line(const char *text, const char *name, char between)
{
	const size_t n = strlen(name);
	for (const char *line = text; *line;) {
		if (strncmp(line, name, n) == 0 && line[n] == between)
			return line + n + 1;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return NULL;
}

/** Decimal digits behind blanks, and where they end. */
static bool read_digits(const char **at, uint64_t *v)
{
	char *end;
	const char *p = *at + strspn(*at, " \t");
	if (*p < '0' || *p > '9')
		return false;
	errno = 0;
	*v = strtoull(p, &end, 10);
	*at = end;
	return errno == 0;
}

uint64_t vm_huge_parse_count(const char *vmstat, const char *name)
{
	uint64_t v;
	const char *at = find_line(vmstat, name, ' ');
	return at && read_digits(&at, &v) && (*at == '\n' || *at == '\0') ? v : VM_HUGE_UNKNOWN;
}

uint64_t vm_huge_parse_memory(const char *meminfo, const char *name)
{
	uint64_t v;
	const char *at = find_line(meminfo, name, ':');
	return at && read_digits(&at, &v) && strncmp(at, " kB", 3) == 0 && v <= UINT64_MAX / 2048 ? v * 1024 : VM_HUGE_UNKNOWN;
}

uint64_t vm_huge_parse_buddyinfo(const char *buddyinfo, uint64_t page_bytes, uint64_t least)
{
	uint64_t sum = 0, n;
	bool any = false;
	for (const char *line = buddyinfo; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		unsigned node, order = 0;
		int at = -1;
		if (sscanf(line, "Node %u, zone %*s%n", &node, &at) != 1 || at < 0)
			continue;
		for (const char *p = line + at; order < 32 && read_digits(&p, &n); order++) {
			const uint64_t bytes = page_bytes << order;
			any = true;
			if (bytes >= least && n < UINT64_MAX / bytes / 64)
				sum += n * bytes;
		}
	}
	return any ? sum : VM_HUGE_UNKNOWN;
}

/* ---- Small files -------------------------------------------------------------------------------------------------- */

static uint64_t read_number(struct vm_session *s, const char *dir, const char *name)
{
	uint64_t v;
	if (vm_session_slurp(s, &s->scratch, "%s/%s", dir, name) < 0)
		return VM_HUGE_UNKNOWN;
	s->scratch.s[strcspn(s->scratch.s, "\n")] = '\0';
	return vm_parse_u64(s->scratch.s, &v) == 0 ? v : VM_HUGE_UNKNOWN;
}

static enum vm_huge_word read_word(struct vm_session *s, const char *dir, const char *name)
{
	const long n = vm_session_slurp(s, &s->scratch, "%s/%s", dir, name);
	return n >= 0 ? vm_huge_parse_word(s->scratch.s) : n == -ENOENT ? VM_HUGE_WORD_ABSENT : VM_HUGE_WORD_UNKNOWN;
}

struct numbers {
	uint64_t v[64];
	size_t n;
};

static int ascending(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/** "hugepages-64kB" between "hugepages-" and "kB". */
static bool number_in_name(const char *name, const char *before, const char *behind, uint64_t *v)
{
	const size_t n = strlen(before);
	const char *at = name + n;
	return strncmp(name, before, n) == 0 && *at != ' ' && read_digits(&at, v) && strcmp(at, behind) == 0;
}

/** The numbers in the names of subdirectories. */
static void list_numbers(struct vm_session *s, const char *dir, const char *before, const char *behind, struct numbers *out)
{
	struct vm_buf names = { 0 };
	uint64_t v;
	out->n = 0;
	vm_session_list(s, &names, "%s", dir);
	for (const char *name = NULL; (name = vm_next_name(&names, name)) && out->n < vm_countof(out->v);)
		if (number_in_name(name, before, behind, &v))
			out->v[out->n++] = v;
	vm_buf_free(&names);
	qsort(out->v, out->n, sizeof(out->v[0]), ascending);
}

/* ---- Transparent huge pages --------------------------------------------------------------------------------------- */

static int read_size(struct vm_session *s, bool counters, struct vm_hugesys *h, uint64_t kib)
{
	char dir[96];
	struct vm_huge_size size = { .bytes = kib * 1024 };
	snprintf(dir, sizeof(dir), THP "/hugepages-%llukB", (unsigned long long)kib);
	size.anon = read_word(s, dir, "enabled");
	size.shmem = read_word(s, dir, "shmem_enabled");
	snprintf(dir, sizeof(dir), THP "/hugepages-%llukB/stats", (unsigned long long)kib);
	for (unsigned i = 0; i < VM_HUGE_STATS; i++)
		size.stat[i] = counters || i == VM_HUGE_NR_ANON ? read_number(s, dir, vm_huge_stat_names[i]) : VM_HUGE_UNKNOWN;
	return vm_vec_push(&h->sizes, size) ? 0 : -ENOMEM;
}

/** Before Linux 6.8 there is one size and no directory for it. */
static int only_size(struct vm_hugesys *h)
{
	struct vm_huge_size size = { .bytes = h->pmd_bytes, .anon = VM_HUGE_INHERIT, .shmem = VM_HUGE_INHERIT };
	for (unsigned i = 0; i < VM_HUGE_STATS; i++)
		size.stat[i] = VM_HUGE_UNKNOWN;
	return vm_vec_push(&h->sizes, size) ? 0 : -ENOMEM;
}

static int read_sizes(struct vm_session *s, bool counters, struct vm_hugesys *h)
{
	struct numbers kib;
	int r = 0;
	list_numbers(s, THP, "hugepages-", "kB", &kib);
	for (size_t i = 0; i < kib.n && r == 0; i++)
		if (kib.v[i] < UINT64_MAX / 1024)
			r = read_size(s, counters, h, kib.v[i]);
	return r == 0 && h->pmd_bytes && !vm_hugesys_size(h, h->pmd_bytes) ? only_size(h) : r;
}

static void read_khugepaged(struct vm_session *s, struct vm_khugepaged *k)
{
	const struct { uint64_t *to; const char *name; } file[] = {
		{ &k->pages_to_scan, "pages_to_scan" }, { &k->scan_sleep_ms, "scan_sleep_millisecs" },
		{ &k->alloc_sleep_ms, "alloc_sleep_millisecs" }, { &k->max_none, "max_ptes_none" }, { &k->max_swap, "max_ptes_swap" },
		{ &k->max_shared, "max_ptes_shared" }, { &k->defrag, "defrag" }, { &k->collapsed, "pages_collapsed" },
		{ &k->full_scans, "full_scans" },
	};
	for (size_t i = 0; i < vm_countof(file); i++)
		*file[i].to = read_number(s, THP "/khugepaged", file[i].name);
}

/** Where sysfs isn't to be had, as in captures: meminfo has AnonHugePages only of kernels that have them.  A table's worth of pages. */
static void without_sysfs(struct vm_session *s, struct vm_hugesys *h)
{
	if (vm_session_slurp(s, &s->scratch, "proc/meminfo") < 0 ||
	    vm_huge_parse_memory(s->scratch.s, "AnonHugePages") == VM_HUGE_UNKNOWN)
		return;
	h->pmd_bytes = s->page_bytes / sizeof(uint64_t) * s->page_bytes;
	h->enabled = h->defrag = h->shmem = VM_HUGE_WORD_UNKNOWN;
}

static int read_thp(struct vm_session *s, bool counters, struct vm_hugesys *h)
{
	const uint64_t bytes = read_number(s, THP, "hpage_pmd_size");
	h->pmd_bytes = bytes == VM_HUGE_UNKNOWN ? 0 : bytes;
	h->enabled = read_word(s, THP, "enabled");
	h->defrag = read_word(s, THP, "defrag");
	h->shmem = read_word(s, THP, "shmem_enabled");
	if (!h->pmd_bytes && h->enabled == VM_HUGE_WORD_ABSENT)
		without_sysfs(s, h);
	h->zero_page = read_number(s, THP, "use_zero_page");
	h->shrink_underused = read_number(s, THP, "shrink_underused");
	read_khugepaged(s, &h->khugepaged);
	return read_sizes(s, counters, h);
}

/* ---- The pools ---------------------------------------------------------------------------------------------------- */

static int read_pool(struct vm_session *s, struct vm_hugesys *h, const char *above, uint64_t kib, int node)
{
	char dir[128];
	snprintf(dir, sizeof(dir), "%s/hugepages-%llukB", above, (unsigned long long)kib);
	const struct vm_huge_pool pool = {
		.page_bytes = kib * 1024, .node = node,
		.total = read_number(s, dir, "nr_hugepages"), .free = read_number(s, dir, "free_hugepages"),
		.surplus = read_number(s, dir, "surplus_hugepages"),
		.reserved = node < 0 ? read_number(s, dir, "resv_hugepages") : VM_HUGE_UNKNOWN,
		.overcommit = node < 0 ? read_number(s, dir, "nr_overcommit_hugepages") : VM_HUGE_UNKNOWN,
	};
	/* A node has only the sizes that its memory can have. */
	if (pool.total == VM_HUGE_UNKNOWN)
		return 0;
	return vm_vec_push(&h->pools, pool) ? 0 : -ENOMEM;
}

static int read_pools(struct vm_session *s, struct vm_hugesys *h)
{
	struct numbers kib, node;
	char dir[64];
	int r = 0;
	list_numbers(s, "sys/kernel/mm/hugepages", "hugepages-", "kB", &kib);
	list_numbers(s, NODES, "node", "", &node);
	for (size_t i = 0; i < kib.n && r == 0; i++) {
		if (kib.v[i] >= UINT64_MAX / 1024)
			continue;
		r = read_pool(s, h, "sys/kernel/mm/hugepages", kib.v[i], -1);
		for (size_t k = 0; k < node.n && r == 0; k++) {
			snprintf(dir, sizeof(dir), NODES "/node%llu/hugepages", (unsigned long long)node.v[k]);
			r = read_pool(s, h, dir, kib.v[i], (int)node.v[k]);
		}
	}
	return r;
}

/* ---- Counters and memory ------------------------------------------------------------------------------------------ */

static void read_counts(struct vm_session *s, struct vm_hugesys *h)
{
	const bool have = vm_session_slurp(s, &s->scratch, "proc/vmstat") >= 0;
	for (unsigned i = 0; i < VM_HUGE_COUNTS; i++)
		h->count[i] = have ? vm_huge_parse_count(s->scratch.s, vm_huge_count_info[i].name) : VM_HUGE_UNKNOWN;
}

static void read_memory(struct vm_session *s, struct vm_hugesys *h)
{
	struct vm_huge_memory *m = &h->memory;
	const struct { uint64_t *to; const char *name; } line[] = {
		{ &m->total, "MemTotal" }, { &m->free, "MemFree" }, { &m->anon, "AnonHugePages" }, { &m->shmem, "ShmemHugePages" },
		{ &m->shmem_mapped, "ShmemPmdMapped" }, { &m->file, "FileHugePages" }, { &m->file_mapped, "FilePmdMapped" },
		{ &m->hugetlb, "Hugetlb" }, { &m->direct_4k, "DirectMap4k" }, { &m->direct_2m, "DirectMap2M" },
		{ &m->direct_1g, "DirectMap1G" },
	};
	const bool have = vm_session_slurp(s, &s->scratch, "proc/meminfo") >= 0;
	for (size_t i = 0; i < vm_countof(line); i++)
		*line[i].to = have ? vm_huge_parse_memory(s->scratch.s, line[i].name) : VM_HUGE_UNKNOWN;
	m->free_blocks = VM_HUGE_UNKNOWN;
	if (h->pmd_bytes && vm_session_slurp(s, &s->scratch, "proc/buddyinfo") >= 0)
		m->free_blocks = vm_huge_parse_buddyinfo(s->scratch.s, s->page_bytes, h->pmd_bytes);
}

int vm_hugesys_read(struct vm_session *s, bool counters, struct vm_hugesys *out, struct vm_err *err)
{
	*out = (struct vm_hugesys){ .taken_ns = vm_clock_ns() };
	int r = read_thp(s, counters, out);
	if (r == 0 && counters)
		r = read_pools(s, out);
	if (r < 0) {
		vm_hugesys_free(out);
		return vm_fail(err, ENOMEM, "out of memory");
	}
	if (counters)
		read_counts(s, out);
	read_memory(s, out);
	return 0;
}

/* ---- For advice --------------------------------------------------------------------------------------------------- */

const char *vm_hugesys_path(const struct vm_hugesys *h, enum vm_huge_setting which, uint64_t bytes, char *buf, size_t size)
{
	static const char *const files[] = {
		[VM_HUGE_SET_ANON] = "enabled", [VM_HUGE_SET_SIZE] = "enabled", [VM_HUGE_SET_SHMEM] = "shmem_enabled", [VM_HUGE_SET_SHMEM_ALL] = "shmem_enabled",
		[VM_HUGE_SET_MAX_NONE] = "khugepaged/max_ptes_none", [VM_HUGE_SET_MAX_SWAP] = "khugepaged/max_ptes_swap",
		[VM_HUGE_SET_MAX_SHARED] = "khugepaged/max_ptes_shared",
	};
	const struct vm_huge_size *z = vm_hugesys_size(h, bytes);
	const enum vm_huge_word own = !z ? VM_HUGE_WORD_ABSENT : which == VM_HUGE_SET_ANON ? z->anon : z->shmem;
	const bool of_size = which == VM_HUGE_SET_SIZE || ((which == VM_HUGE_SET_ANON || which == VM_HUGE_SET_SHMEM) && own != VM_HUGE_INHERIT &&
			     own != VM_HUGE_WORD_ABSENT && own != VM_HUGE_WORD_UNKNOWN);
	if (of_size)
		snprintf(buf, size, "/" THP "/hugepages-%llukB/%s", (unsigned long long)bytes / 1024, files[which]);
	else
		snprintf(buf, size, "/" THP "/%s", files[which]);
	return buf;
}

int vm_hugesys_collapses(const struct vm_session *s)
{
	if (!s->live)
		return -EOPNOTSUPP;
	/* Of no length it does nothing, but must be known (madvise_behavior_valid() in mm/madvise.c). */
	return madvise(NULL, 0, MADV_COLLAPSE) == 0 ? 0 : -errno;
}

/* ---- For --sources ------------------------------------------------------------------------------------------------ */

static int probe(struct vm_session *s, struct vm_err *err)
{
	const long n = vm_session_slurp(s, &s->scratch, THP "/enabled");
	if (n == -ENOENT)
		return vm_fail(err, ENOENT, "%s", s->live ? "this kernel has no transparent huge pages" : vm_session_lacks(s));
	return n < 0 ? vm_fail_os(err, (int)-n, "cannot read /" THP "/enabled") : 0;
}

static const struct vm_source hugesys = {
	.name = "transparent_hugepage", .help = "/sys/kernel/mm: policies and counters of each size, khugepaged, pools",
	.provides = VM_NEED(HUGE), .primary = VM_NEED(HUGE), .probe = probe,
};

const struct vm_source *const vm_huge_sources[] = {
	&hugesys, &vm_src_tables, &vm_src_pagemap, &vm_src_pagemap_frames, &vm_src_scan, &vm_src_kpageflags, NULL,
};
