#include "core/source/machine.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/source/session.h"
#include "core/source/thp.h"

#define KHUGEPAGED "sys/kernel/mm/transparent_hugepage/khugepaged"
#define KSM "sys/kernel/mm/ksm"

/* ---- Parsers ------------------------------------------------------------------------------------------------------ */

/** The digits at *s, which moves behind them; false: there are none, or too many for a number of 64 bits. */
static bool take_u64(const char **s, uint64_t *v)
{
	const char *p = *s;
	uint64_t x = 0;
	bool fits = true;
	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++)
		fits = fits && !__builtin_mul_overflow(x, 10, &x) && !__builtin_add_overflow(x, (uint64_t)(*p - '0'), &x);
	*s = p;
	*v = x;
	return fits;
}

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

static const char *next_line(const char *s)
{
	s = strchr(s, '\n');
	return s && s[1] ? s + 1 : NULL;
}

/** A name as it stands in a file, and what becomes of it: names that begin so (`prefix`) are added up. */
struct line_key {
	const char *name;
	enum vm_machqty qty;
	bool prefix;
	uint64_t unit;             /* 0: 1 */
};
#define PAGES UINT64_MAX           /* unit: the size of a page */
enum { KEYS_MAX = 128 };

static const struct line_key meminfo_keys[] = {
	{ .name = "MemTotal", .qty = VM_M_TOTAL }, { .name = "MemFree", .qty = VM_M_FREE },
	{ .name = "MemAvailable", .qty = VM_M_AVAILABLE }, { .name = "Buffers", .qty = VM_M_BUFFERS },
	{ .name = "Cached", .qty = VM_M_CACHED }, { .name = "SwapCached", .qty = VM_M_SWAP_CACHED },
	{ .name = "Active", .qty = VM_M_ACTIVE }, { .name = "Inactive", .qty = VM_M_INACTIVE },
	{ .name = "Active(anon)", .qty = VM_M_ACTIVE_ANON }, { .name = "Inactive(anon)", .qty = VM_M_INACTIVE_ANON },
	{ .name = "Active(file)", .qty = VM_M_ACTIVE_FILE }, { .name = "Inactive(file)", .qty = VM_M_INACTIVE_FILE },
	{ .name = "Unevictable", .qty = VM_M_UNEVICTABLE }, { .name = "Mlocked", .qty = VM_M_MLOCKED },
	{ .name = "SwapTotal", .qty = VM_M_SWAP_TOTAL }, { .name = "SwapFree", .qty = VM_M_SWAP_FREE },
	{ .name = "Zswap", .qty = VM_M_ZSWAP }, { .name = "Zswapped", .qty = VM_M_ZSWAPPED },
	{ .name = "Dirty", .qty = VM_M_DIRTY }, { .name = "Writeback", .qty = VM_M_WRITEBACK },
	{ .name = "AnonPages", .qty = VM_M_ANON }, { .name = "Mapped", .qty = VM_M_MAPPED },
	{ .name = "Shmem", .qty = VM_M_SHMEM }, { .name = "Slab", .qty = VM_M_SLAB },
	{ .name = "SReclaimable", .qty = VM_M_SLAB_RECLAIMABLE }, { .name = "SUnreclaim", .qty = VM_M_SLAB_UNRECLAIMABLE },
	{ .name = "KernelStack", .qty = VM_M_KERNEL_STACK }, { .name = "PageTables", .qty = VM_M_PAGE_TABLES },
	{ .name = "SecPageTables", .qty = VM_M_SEC_PAGE_TABLES }, { .name = "CommitLimit", .qty = VM_M_COMMIT_LIMIT },
	{ .name = "Committed_AS", .qty = VM_M_COMMITTED }, { .name = "VmallocUsed", .qty = VM_M_VMALLOC },
	{ .name = "Percpu", .qty = VM_M_PERCPU }, { .name = "HardwareCorrupted", .qty = VM_M_CORRUPTED },
	{ .name = "AnonHugePages", .qty = VM_M_ANON_HUGE }, { .name = "ShmemHugePages", .qty = VM_M_SHMEM_HUGE },
	{ .name = "FileHugePages", .qty = VM_M_FILE_HUGE }, { .name = "Balloon", .qty = VM_M_BALLOON },
	{ .name = "Unaccepted", .qty = VM_M_UNACCEPTED }, { .name = "Hugetlb", .qty = VM_M_HUGETLB },
	{ .name = "HugePages_Total", .qty = VM_M_POOL }, { .name = "HugePages_Free", .qty = VM_M_POOL_FREE },
	{ .name = "HugePages_Rsvd", .qty = VM_M_POOL_RESERVED }, { .name = "HugePages_Surp", .qty = VM_M_POOL_SURPLUS },
	{ .name = "DirectMap4k", .qty = VM_M_DIRECT_4K }, { .name = "DirectMap2M", .qty = VM_M_DIRECT_2M },
	{ .name = "DirectMap4M", .qty = VM_M_DIRECT_2M }, { .name = "DirectMap1G", .qty = VM_M_DIRECT_1G },
};

static const struct line_key vmstat_keys[] = {
	{ .name = "nr_zspages", .qty = VM_M_ZSPAGES, .unit = PAGES }, { .name = "nr_foll_pin_acquired", .qty = VM_M_PINNED,
	  .unit = PAGES },
	{ .name = "pgpgin", .qty = VM_M_PGPGIN, .unit = 1024 }, { .name = "pgpgout", .qty = VM_M_PGPGOUT, .unit = 1024 },
	{ .name = "pswpin", .qty = VM_M_PSWPIN, .unit = PAGES }, { .name = "pswpout", .qty = VM_M_PSWPOUT, .unit = PAGES },
	{ .name = "pgfault", .qty = VM_M_PGFAULT }, { .name = "pgmajfault", .qty = VM_M_PGMAJFAULT },
	{ .name = "pgreuse", .qty = VM_M_PGREUSE }, { .name = "pgalloc_", .qty = VM_M_PGALLOC, .prefix = true },
	{ .name = "pgfree", .qty = VM_M_PGFREE }, { .name = "pgactivate", .qty = VM_M_PGACTIVATE },
	{ .name = "pgdeactivate", .qty = VM_M_PGDEACTIVATE }, { .name = "pglazyfree", .qty = VM_M_PGLAZYFREE },
	{ .name = "pglazyfreed", .qty = VM_M_PGLAZYFREED }, { .name = "cow_ksm", .qty = VM_M_COW_KSM },
	{ .name = "swap_ra", .qty = VM_M_SWAP_RA }, { .name = "swap_ra_hit", .qty = VM_M_SWAP_RA_HIT },
	{ .name = "swpin_zero", .qty = VM_M_SWPIN_ZERO }, { .name = "swpout_zero", .qty = VM_M_SWPOUT_ZERO },
	{ .name = "zswpin", .qty = VM_M_ZSWPIN }, { .name = "zswpout", .qty = VM_M_ZSWPOUT }, { .name = "zswpwb", .qty = VM_M_ZSWPWB },
	{ .name = "thp_swpout", .qty = VM_M_THP_SWPOUT }, { .name = "thp_swpout_fallback", .qty = VM_M_THP_SWPOUT_FALLBACK },
	{ .name = "pgscan_kswapd", .qty = VM_M_PGSCAN_KSWAPD }, { .name = "pgscan_direct", .qty = VM_M_PGSCAN_DIRECT },
	{ .name = "pgscan_khugepaged", .qty = VM_M_PGSCAN_OTHER }, { .name = "pgscan_proactive", .qty = VM_M_PGSCAN_OTHER },
	{ .name = "pgscan_anon", .qty = VM_M_PGSCAN_ANON }, { .name = "pgscan_file", .qty = VM_M_PGSCAN_FILE },
	{ .name = "pgsteal_kswapd", .qty = VM_M_PGSTEAL_KSWAPD }, { .name = "pgsteal_direct", .qty = VM_M_PGSTEAL_DIRECT },
	{ .name = "pgsteal_khugepaged", .qty = VM_M_PGSTEAL_OTHER }, { .name = "pgsteal_proactive", .qty = VM_M_PGSTEAL_OTHER },
	{ .name = "pgsteal_anon", .qty = VM_M_PGSTEAL_ANON }, { .name = "pgsteal_file", .qty = VM_M_PGSTEAL_FILE },
	{ .name = "allocstall", .qty = VM_M_ALLOCSTALL }, { .name = "allocstall_", .qty = VM_M_ALLOCSTALL, .prefix = true },
	{ .name = "pgrefill", .qty = VM_M_PGREFILL }, { .name = "pageoutrun", .qty = VM_M_PAGEOUTRUN },
	{ .name = "pgrotated", .qty = VM_M_PGROTATED }, { .name = "slabs_scanned", .qty = VM_M_SLABS_SCANNED },
	{ .name = "pginodesteal", .qty = VM_M_INODESTEAL }, { .name = "kswapd_inodesteal", .qty = VM_M_INODESTEAL },
	/* One for both until Linux 5.9. */
	{ .name = "workingset_refault", .qty = VM_M_REFAULT_FILE }, { .name = "workingset_refault_file", .qty = VM_M_REFAULT_FILE },
	{ .name = "workingset_refault_anon", .qty = VM_M_REFAULT_ANON },
	{ .name = "workingset_restore", .qty = VM_M_RESTORE, .prefix = true },
	{ .name = "nr_vmscan_write", .qty = VM_M_VMSCAN_WRITE }, { .name = "nr_dirtied", .qty = VM_M_DIRTIED },
	{ .name = "nr_written", .qty = VM_M_WRITTEN }, { .name = "oom_kill", .qty = VM_M_OOM_KILL },
	{ .name = "drop_pagecache", .qty = VM_M_DROP_PAGECACHE }, { .name = "drop_slab", .qty = VM_M_DROP_SLAB },
	{ .name = "thp_fault_alloc", .qty = VM_M_THP_FAULT_ALLOC }, { .name = "thp_fault_fallback", .qty = VM_M_THP_FAULT_FALLBACK },
	{ .name = "thp_collapse_alloc", .qty = VM_M_THP_COLLAPSE },
	{ .name = "thp_collapse_alloc_failed", .qty = VM_M_THP_COLLAPSE_FAILED },
	{ .name = "thp_file_alloc", .qty = VM_M_THP_FILE_ALLOC }, { .name = "thp_file_fallback", .qty = VM_M_THP_FILE_FALLBACK },
	{ .name = "thp_file_mapped", .qty = VM_M_THP_FILE_MAPPED }, { .name = "thp_split_page", .qty = VM_M_THP_SPLIT_PAGE },
	{ .name = "thp_split_page_failed", .qty = VM_M_THP_SPLIT_FAILED }, { .name = "thp_split_pmd", .qty = VM_M_THP_SPLIT_PMD },
	{ .name = "thp_deferred_split_page", .qty = VM_M_THP_DEFERRED },
	{ .name = "thp_underused_split_page", .qty = VM_M_THP_UNDERUSED }, { .name = "thp_zero_page_alloc", .qty = VM_M_THP_ZERO },
	{ .name = "htlb_buddy_alloc_success", .qty = VM_M_HTLB_ALLOC }, { .name = "htlb_buddy_alloc_fail", .qty = VM_M_HTLB_FAIL },
	{ .name = "compact_stall", .qty = VM_M_COMPACT_STALL }, { .name = "compact_fail", .qty = VM_M_COMPACT_FAIL },
	{ .name = "compact_success", .qty = VM_M_COMPACT_SUCCESS },
	{ .name = "compact_migrate_scanned", .qty = VM_M_COMPACT_MIGRATE_SCANNED },
	{ .name = "compact_free_scanned", .qty = VM_M_COMPACT_FREE_SCANNED },
	{ .name = "compact_isolated", .qty = VM_M_COMPACT_ISOLATED }, { .name = "compact_daemon_wake", .qty = VM_M_COMPACT_WAKE },
	{ .name = "pgmigrate_success", .qty = VM_M_MIGRATE_SUCCESS }, { .name = "pgmigrate_fail", .qty = VM_M_MIGRATE_FAIL },
	{ .name = "numa_hit", .qty = VM_M_NUMA_HIT }, { .name = "numa_miss", .qty = VM_M_NUMA_MISS },
	{ .name = "numa_foreign", .qty = VM_M_NUMA_FOREIGN }, { .name = "numa_interleave", .qty = VM_M_NUMA_INTERLEAVE },
	{ .name = "numa_local", .qty = VM_M_NUMA_LOCAL }, { .name = "numa_other", .qty = VM_M_NUMA_OTHER },
	{ .name = "numa_pte_updates", .qty = VM_M_NUMA_PTE_UPDATES }, { .name = "numa_hint_faults", .qty = VM_M_NUMA_HINT_FAULTS },
	{ .name = "numa_hint_faults_local", .qty = VM_M_NUMA_HINT_LOCAL }, { .name = "numa_pages_migrated", .qty = VM_M_NUMA_MIGRATED },
	{ .name = "pgpromote_success", .qty = VM_M_PROMOTED }, { .name = "pgdemote_", .qty = VM_M_DEMOTED, .prefix = true },
	{ .name = "direct_map_level2_splits", .qty = VM_M_DIRECT_SPLITS }, { .name = "direct_map_level3_splits",
	  .qty = VM_M_DIRECT_SPLITS },
	{ .name = "nr_tlb_local_flush_all", .qty = VM_M_TLB_LOCAL_FLUSH }, { .name = "nr_tlb_local_flush_one",
	  .qty = VM_M_TLB_LOCAL_FLUSH },
};

/** Keys by their first letter: most lines differ from most keys in that. */
struct key_index {
	const struct line_key *keys;
	uint8_t len[KEYS_MAX];
	/** 1 + the first key with that letter, and the next one with the same; 0: none. */
	uint8_t first[256], next[KEYS_MAX];
};

static void index_keys(struct key_index *x, const struct line_key *keys, size_t n)
{
	*x = (struct key_index){ .keys = keys };
	for (size_t i = n; i-- > 0;) {
		uint8_t *first = &x->first[(unsigned char)keys[i].name[0]];
		x->len[i] = (uint8_t)strlen(keys[i].name);
		x->next[i] = *first;
		*first = (uint8_t)(i + 1);
	}
}

_Static_assert(vm_countof(vmstat_keys) <= KEYS_MAX && vm_countof(meminfo_keys) <= KEYS_MAX, "numbers of keys fit a byte");

static const struct line_key *find_key(const struct key_index *x, const char *name, size_t len)
{
	for (size_t i = len ? x->first[(unsigned char)name[0]] : 0; i; i = x->next[i - 1]) {
		const struct line_key *k = &x->keys[i - 1];
		const size_t n = x->len[i - 1];
		if ((n == len || (k->prefix && n < len)) && memcmp(k->name, name, n) == 0)
			return k;
	}
	return NULL;
}

static uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t r;
	return __builtin_mul_overflow(a, b, &r) ? UINT64_MAX : r;
}

static void add(struct vm_machine *m, enum vm_machqty q, uint64_t v)
{
	vm_machine_set(m, q, (vm_machine_has(m, q) ? m->q[q] : 0) + v);
}

/** "Name:   123 kB", or a number of huge pages. */
void vm_machine_parse_meminfo(const char *text, struct vm_machine *m)
{
	uint64_t v;
	struct key_index index;
	index_keys(&index, meminfo_keys, vm_countof(meminfo_keys));
	for (const char *line = text; line; line = next_line(line)) {
		const size_t len = strcspn(line, ":\n");
		const char *s = line[len] == ':' ? skip_blanks(line + len + 1) : "";
		if (!take_u64(&s, &v))
			continue;
		const bool kib = strncmp(s, " kB", 3) == 0;
		if (len == 12 && memcmp(line, "Hugepagesize", 12) == 0)
			m->pool_page_bytes = times(v, 1024);
		else if (len == 12 && memcmp(line, "VmallocTotal", 12) == 0)
			m->words32 = v <= UINT32_MAX / 1024;
		const struct line_key *k = find_key(&index, line, len);
		if (k)
			vm_machine_set(m, k->qty, kib ? times(v, 1024) : v);
	}
	/* The size comes behind the numbers. */
	for (unsigned q = VM_M_POOL; q <= VM_M_POOL_SURPLUS; q++)
		m->q[q] = times(m->q[q], m->pool_page_bytes);
	/* Linux 4.16 and before tell of one pool only. */
	if (!vm_machine_has(m, VM_M_HUGETLB) && vm_machine_has(m, VM_M_POOL))
		vm_machine_set(m, VM_M_HUGETLB, m->q[VM_M_POOL]);
}

void vm_machine_parse_vmstat(const char *text, uint64_t page_bytes, struct vm_machine *m)
{
	uint64_t v, released = 0;
	struct key_index index;
	index_keys(&index, vmstat_keys, vm_countof(vmstat_keys));
	for (const char *line = text; line; line = next_line(line)) {
		const size_t len = strcspn(line, " \n");
		const char *s = line[len] == ' ' ? line + len + 1 : "";
		if (!take_u64(&s, &v))
			continue;
		if (len == 20 && memcmp(line, "nr_foll_pin_released", 20) == 0)
			released = v;
		const struct line_key *k = find_key(&index, line, len);
		if (k)
			add(m, k->qty, times(v, k->unit == PAGES ? page_bytes : k->unit ? k->unit : 1));
	}
	/* Two counters, and not taken at once. */
	released = times(released, page_bytes);
	m->q[VM_M_PINNED] = m->q[VM_M_PINNED] > released ? m->q[VM_M_PINNED] - released : 0;
}

static double parse_share(const char *line, const char *name, size_t len)
{
	uint64_t whole, hundredths;
	const char *s = memmem(line, len, name, strlen(name));
	if (!s)
		return NAN;
	s += strlen(name);
	if (!take_u64(&s, &whole) || whole > 100 || *s++ != '.' || !take_u64(&s, &hundredths) || hundredths > 99)
		return NAN;
	return ((double)whole + (double)hundredths / 100) / 100;
}

static struct vm_psi_average parse_averages(const char *line, size_t len)
{
	return (struct vm_psi_average){
		parse_share(line, "avg10=", len), parse_share(line, "avg60=", len), parse_share(line, "avg300=", len),
	};
}

/** "some avg10=0.00 avg60=0.00 avg300=0.00 total=12345", microseconds. */
void vm_machine_parse_pressure(const char *text, enum vm_machqty some, enum vm_machqty full, struct vm_machine *m)
{
	uint64_t us;
	for (const char *line = text; line; line = next_line(line)) {
		const size_t len = strcspn(line, "\n");
		const bool is_some = strncmp(line, "some ", 5) == 0;
		const char *s = memmem(line, len, "total=", 6);
		if ((!is_some && strncmp(line, "full ", 5) != 0) || !s)
			continue;
		s += 6;
		if (take_u64(&s, &us) && (is_some || full != VM_M_NR))
			vm_machine_set(m, is_some ? some : full, times(us, 1000));
		if (some == VM_M_PSI_MEM_SOME)
			*(is_some ? &m->psi_mem_some : &m->psi_mem_full) = parse_averages(line, len);
	}
}

static const char *find_shootdowns(const char *text)
{
	while (text && strncmp(skip_blanks(text), "TLB:", 4) != 0)
		text = next_line(text);
	return text;
}

/** The number of a column's CPU: the heading is "           CPU0       CPU2". */
static bool next_cpu(const char **heading, unsigned *cpu)
{
	uint64_t n;
	const char *s = skip_blanks(*heading);
	if (strncmp(s, "CPU", 3) != 0)
		return false;
	s += 3;
	if (!take_u64(&s, &n) || n > UINT32_MAX)
		return false;
	*heading = s;
	*cpu = (unsigned)n;
	return true;
}

int vm_machine_parse_interrupts(const char *text, struct vm_machine *m)
{
	const char *heading = text, *row = find_shootdowns(text);
	uint64_t n, sum = 0;
	unsigned cpu;
	m->shootdowns.n = 0;
	if (!row)
		return 0;
	row = skip_blanks(row) + 4;
	while (next_cpu(&heading, &cpu)) {
		row = skip_blanks(row);
		if (!take_u64(&row, &n))
			break;
		if (!vm_vec_push(&m->shootdowns, (struct vm_cpu_count){ .cpu = cpu, .n = n }))
			return -ENOMEM;
		sum += n;
	}
	if (m->shootdowns.n)
		vm_machine_set(m, VM_M_SHOOTDOWNS, sum);
	return 0;
}

uint64_t vm_parse_uptime(const char *text)
{
	uint64_t seconds, hundredths = 0;
	if (!take_u64(&text, &seconds))
		return 0;
	if (*text == '.') {
		text++;
		if (!take_u64(&text, &hundredths) || hundredths > 99)
			return 0;
	}
	const uint64_t ns = times(seconds, 1000000000);
	return ns == UINT64_MAX ? 0 : ns + hundredths * 10000000;
}

/* ---- Readers ------------------------------------------------------------------------------------------------------ */

static void note(struct vm_machine *m, enum vm_machpart part, long why)
{
	m->unmet |= UINT32_C(1) << part;
	m->why[part] = (int)-why;
}

static bool slurp(struct vm_session *s, const char *path, struct vm_machine *m, enum vm_machpart part)
{
	const long n = vm_session_slurp(s, &s->scratch, "%s", path);
	if (n < 0)
		note(m, part, n);
	return n >= 0;
}

/** Copies have the heading and the line that is read: with hundreds of CPUs the others are megabytes. */
static void tee_interrupts(struct vm_session *s, const char *text)
{
	vm_auto_tee struct vm_tee t = vm_session_tee(s, "proc/interrupts");
	const char *row = find_shootdowns(text);
	vm_tee_write(&t, text, strcspn(text, "\n"));
	vm_tee_write(&t, "\n", 1);
	if (row)
		vm_tee_write(&t, row, strcspn(row, "\n"));
	vm_tee_write(&t, "\n", row ? 1 : 0);
}

static bool slurp_interrupts(struct vm_session *s, struct vm_machine *m)
{
	enum { MOST = 64 << 20 };
	vm_auto_close int fd = vm_session_open_file(s, 0, "proc/interrupts");
	s->scratch.n = 0;
	long n = fd < 0 ? fd : 1;
	while (n > 0 && s->scratch.n < MOST)
		n = vm_read_all(fd, &s->scratch);
	if (n < 0)
		note(m, VM_MACH_SHOOTDOWNS, n);
	else
		tee_interrupts(s, vm_buf_str(&s->scratch));
	return n >= 0;
}

/** What a file with other contents than expected tells is nothing. */
static void take_vmstat(struct vm_session *s, struct vm_machine *m)
{
	vm_machine_parse_vmstat(s->scratch.s, s->page_bytes, m);
	if (!vm_machine_has(m, VM_M_PGFAULT))
		note(m, VM_MACH_VMSTAT, -EBADMSG);
}

static void take_meminfo(struct vm_session *s, struct vm_machine *m)
{
	vm_machine_parse_meminfo(s->scratch.s, m);
	if (!vm_machine_has(m, VM_M_TOTAL))
		note(m, VM_MACH_MEMINFO, -EBADMSG);
}

static void read_pressure(struct vm_session *s, struct vm_machine *m)
{
	if (slurp(s, "proc/pressure/memory", m, VM_MACH_PSI))
		vm_machine_parse_pressure(s->scratch.s, VM_M_PSI_MEM_SOME, VM_M_PSI_MEM_FULL, m);
	if (vm_session_slurp(s, &s->scratch, "proc/pressure/io") >= 0)
		vm_machine_parse_pressure(s->scratch.s, VM_M_PSI_IO_SOME, VM_M_PSI_IO_FULL, m);
	if (vm_session_slurp(s, &s->scratch, "proc/pressure/cpu") >= 0)
		vm_machine_parse_pressure(s->scratch.s, VM_M_PSI_CPU_SOME, VM_M_NR, m);
}

/** A file that holds a number. */
static void read_number(struct vm_session *s, const char *path, struct vm_machine *m, enum vm_machpart part, enum vm_machqty q,
			uint64_t unit)
{
	uint64_t v;
	if (!slurp(s, path, m, part))
		return;
	const char *text = s->scratch.s;
	if (take_u64(&text, &v))
		vm_machine_set(m, q, times(v, unit));
}

static void read_thp(struct vm_session *s, struct vm_machine *m)
{
	read_number(s, KHUGEPAGED "/full_scans", m, VM_MACH_THP, VM_M_KHUGEPAGED_SCANS, 1);
	const uint64_t bytes = vm_thp_small_bytes(s);
	if (bytes != UINT64_MAX)
		vm_machine_set(m, VM_M_MTHP_BYTES, bytes);
}

static void read_clocks(struct vm_session *s, struct vm_machine *m)
{
	if (vm_session_slurp(s, &s->scratch, "proc/uptime") >= 0)
		m->uptime_ns = vm_parse_uptime(s->scratch.s);
	m->boot_ns = vm_session_boot_ns(s);
	m->real_ns = vm_session_real_ns(s);
	m->boot = vm_session_boot(s);
	/* CLOCK_BOOTTIME is what uptime tells. */
	if (s->replay && !m->uptime_ns)
		m->uptime_ns = m->boot_ns;
}

int vm_machine_read(struct vm_session *s, uint32_t parts, struct vm_machine *out, struct vm_err *err)
{
	struct vm_machine m = { .shootdowns = out->shootdowns, .page_bytes = s->page_bytes };
	int r = 0;
	m.shootdowns.n = 0;
	m.psi_mem_some = m.psi_mem_full = (struct vm_psi_average){ NAN, NAN, NAN };
	read_clocks(s, &m);
	if ((parts & VM_MACH(VMSTAT)) && slurp(s, "proc/vmstat", &m, VM_MACH_VMSTAT))
		take_vmstat(s, &m);
	/* Also tells how many bits counters have. */
	if ((parts & (VM_MACH(MEMINFO) | VM_MACH(VMSTAT))) && slurp(s, "proc/meminfo", &m, VM_MACH_MEMINFO))
		take_meminfo(s, &m);
	if (parts & VM_MACH(PSI))
		read_pressure(s, &m);
	if ((parts & VM_MACH(SHOOTDOWNS)) && slurp_interrupts(s, &m)) {
		r = vm_machine_parse_interrupts(s->scratch.s, &m);
		if (r == 0 && !m.shootdowns.n)
			note(&m, VM_MACH_SHOOTDOWNS, -ENODATA);
	}
	if (parts & VM_MACH(THP))
		read_thp(s, &m);
	if (parts & VM_MACH(KSM)) {
		read_number(s, KSM "/pages_sharing", &m, VM_MACH_KSM, VM_M_KSM_SHARING, s->page_bytes);
		read_number(s, KSM "/pages_shared", &m, VM_MACH_KSM, VM_M_KSM_SHARED, s->page_bytes);
	}
	vm_machine_derive(&m);
	*out = m;
	return r < 0 ? vm_fail(err, ENOMEM, "out of memory") : 0;
}
