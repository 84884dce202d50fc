#include "core/source/procparse.h"

#include <elf.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/model/process.h"
#include "core/model/system.h"

/** A decimal number after blanks; false if there is none.  Negative numbers (as in stat) wrap. */
static bool next_u64(const char **s, uint64_t *v)
{
	const char *p = *s;
	while (*p == ' ' || *p == '\t')
		p++;
	bool negative = *p == '-';
	p += negative;
	if (*p < '0' || *p > '9')
		return false;
	uint64_t x = 0;
	for (; *p >= '0' && *p <= '9'; p++)
		x = x * 10 + (uint64_t)(*p - '0');
	*v = negative ? -x : x;
	*s = p;
	return true;
}

/** A hexadecimal number of at most 16 digits. */
static bool take_hex(const char *s, uint64_t *v)
{
	unsigned n = 0;
	*v = 0;
	for (; n <= 16; n++) {
		const char c = s[n];
		const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
		if (digit < 0)
			break;
		*v = *v << 4 | (uint64_t)digit;
	}
	return n > 0 && n <= 16;
}

static uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t r;
	return __builtin_mul_overflow(a, b, &r) ? UINT64_MAX : r;
}

/** Fields of stat that we keep, by their number in proc_pid_stat(5). */
static const struct { uint8_t field; uint8_t qty; bool address; } stat_fields[] = {
	{ 10, VM_P_MINFLT, false }, { 11, VM_P_CMINFLT, false }, { 12, VM_P_MAJFLT, false },
	{ 13, VM_P_CMAJFLT, false }, { 20, VM_P_THREADS, false }, { 23, VM_P_VSZ, false },
	{ 25, VM_P_RSSLIM, false },
	{ 26, VM_P_START_CODE, true }, { 27, VM_P_END_CODE, true }, { 28, VM_P_START_STACK, true },
	{ 45, VM_P_START_DATA, true }, { 46, VM_P_END_DATA, true }, { 47, VM_P_START_BRK, true },
	{ 48, VM_P_ARG_START, true }, { 49, VM_P_ARG_END, true }, { 50, VM_P_ENV_START, true },
	{ 51, VM_P_ENV_END, true },
};
enum { STAT_FIELDS = 52 };

static void take_comm(struct vm_proc *p, const char *from, const char *to)
{
	size_t n = (size_t)(to - from);
	if (n > VM_COMM_MAX)
		n = VM_COMM_MAX;
	memcpy(p->comm, from, n);
	p->comm[n] = '\0';
}

bool vm_parse_stat(const char *text, uint64_t page_bytes, uint64_t ticks_per_second, bool mm_addresses,
		   struct vm_proc *p)
{
	/* The name may hold blanks and parentheses: it ends at the last one. */
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	if (!open || !close || close < open || close[1] != ' ' || !close[2])
		return false;
	uint64_t v[STAT_FIELDS + 1] = { 0 };
	const char *s = close + 3;
	unsigned n = 4;
	while (n <= STAT_FIELDS && next_u64(&s, &v[n]))
		n++;
	if (n <= 24)
		return false;
	take_comm(p, open + 1, close);
	p->state = close[2];
	p->ppid = (pid_t)v[4];
	p->kthread = v[9] & VM_PF_KTHREAD;
	p->forked = v[9] & VM_PF_FORKNOEXEC;
	p->start = v[22];
	p->cpu = n > 39 && v[39] <= INT16_MAX ? (int)v[39] : -1;
	p->addresses_withheld = v[26] == 1;
	const uint64_t tick_ns = 1000000000u / (ticks_per_second ? ticks_per_second : 100);
	p->cpu_ns = times(v[14] + v[15], tick_ns);
	p->children_cpu_ns = times(v[16] + v[17], tick_ns);
	for (size_t i = 0; i < sizeof(stat_fields) / sizeof(stat_fields[0]); i++) {
		unsigned f = stat_fields[i].field;
		if (f < n && (!stat_fields[i].address || (mm_addresses && v[f] > 1)))
			vm_proc_set(p, stat_fields[i].qty, v[f]);
	}
	vm_proc_set(p, VM_P_RSS, times(v[24], page_bytes));
	return true;
}

/** "VmRSS:\t    1780 kB" and the like. */
struct kib_line {
	const char *key;
	uint8_t len;
	uint8_t qty;
};
#define KIB(key, qty) { key ":", sizeof(key), qty }

/**
 * Walk over lines "Key:  N kB" and set what the table knows.  Keys come in the table's order (with gaps
 * and additions), so the search goes on where the last key was found.  Returns how many were set.
 */
static unsigned take_kib_lines(const char *text, const struct kib_line *tab, unsigned n,
			       void (*set)(void *to, unsigned qty, uint64_t bytes), void *to)
{
	unsigned found = 0, at = 0;
	for (const char *s = text; *s; s++) {
		for (unsigned k = 0; k < n; k++) {
			const struct kib_line *l = &tab[(at + k) % n];
			if (*s != l->key[0] || strncmp(s, l->key, l->len) != 0)
				continue;
			const char *num = s + l->len;
			uint64_t v;
			if (next_u64(&num, &v)) {
				set(to, l->qty, times(v, 1024));
				found++;
			}
			s = num;
			at = (at + k + 1) % n;
			break;
		}
		s = found < n ? strchr(s, '\n') : NULL;
		if (!s)
			break;
	}
	return found;
}

static void set_proc(void *to, unsigned qty, uint64_t bytes)
{
	vm_proc_set(to, qty, bytes);
}

bool vm_parse_status(const char *text, struct vm_proc *p)
{
	static const struct kib_line tab[] = {
		KIB("VmPeak", VM_P_PEAK), KIB("VmSize", VM_P_VSZ), KIB("VmLck", VM_P_LOCKED),
		KIB("VmPin", VM_P_PINNED), KIB("VmHWM", VM_P_HWM), KIB("VmRSS", VM_P_RSS),
		KIB("RssAnon", VM_P_ANON), KIB("RssFile", VM_P_FILE), KIB("RssShmem", VM_P_SHMEM),
		KIB("VmData", VM_P_DATA), KIB("VmStk", VM_P_STACK), KIB("VmExe", VM_P_EXE),
		KIB("VmLib", VM_P_LIB), KIB("VmPTE", VM_P_PAGE_TABLES), KIB("VmSwap", VM_P_SWAP),
		KIB("HugetlbPages", VM_P_HUGETLB),
	};
	const char *uid = strstr(text, "\nUid:\t");
	uint64_t v;
	if (!uid)
		return false;
	uid += 6;
	if (!next_u64(&uid, &v))
		return false;
	p->uid = (uid_t)v;
	p->has_uid = true;
	/* The name stands first and may hold anything but a newline; figures come behind Uid. */
	const char *vm = strstr(uid, "\nVm");
	if (vm)
		take_kib_lines(vm + 1, tab, sizeof(tab) / sizeof(tab[0]), set_proc, p);
	const char *threads = strstr(uid, "\nThreads:\t");
	if (threads) {
		threads += 10;
		if (next_u64(&threads, &v))
			vm_proc_set(p, VM_P_THREADS, v);
	}
	const char *caps = strstr(uid, "\nCapEff:\t");
	if (caps && take_hex(caps + 9, &v))
		vm_proc_set(p, VM_P_CAPS, v);
	const char *thp = strstr(uid, "\nTHP_enabled:\t");
	if (thp) {
		thp += 14;
		if (next_u64(&thp, &v))
			vm_proc_set(p, VM_P_THP_ENABLED, v);
	}
	return true;
}

bool vm_parse_statm(const char *text, uint64_t page_bytes, struct vm_proc *p)
{
	uint64_t size, resident, shared, text_pages, lib, data;
	if (!next_u64(&text, &size) || !next_u64(&text, &resident) || !next_u64(&text, &shared) ||
	    !next_u64(&text, &text_pages) || !next_u64(&text, &lib) || !next_u64(&text, &data))
		return false;
	vm_proc_set(p, VM_P_SHARED, times(shared, page_bytes));
	vm_proc_set(p, VM_P_DATA_STACK, times(data, page_bytes));
	return true;
}

bool vm_parse_rollup(const char *text, struct vm_proc *p)
{
	static const struct kib_line tab[] = {
		KIB("Rss", VM_P_RSS), KIB("Pss", VM_P_PSS), KIB("Pss_Dirty", VM_P_PSS_DIRTY),
		KIB("Pss_Anon", VM_P_PSS_ANON), KIB("Pss_File", VM_P_PSS_FILE),
		KIB("Pss_Shmem", VM_P_PSS_SHMEM), KIB("Shared_Clean", VM_P_SHARED_CLEAN),
		KIB("Shared_Dirty", VM_P_SHARED_DIRTY), KIB("Private_Clean", VM_P_PRIVATE_CLEAN),
		KIB("Private_Dirty", VM_P_PRIVATE_DIRTY), KIB("Referenced", VM_P_REFERENCED),
		KIB("Anonymous", VM_P_ANONYMOUS), KIB("KSM", VM_P_KSM), KIB("LazyFree", VM_P_LAZYFREE),
		KIB("AnonHugePages", VM_P_THP), KIB("ShmemPmdMapped", VM_P_SHMEM_THP),
		KIB("FilePmdMapped", VM_P_FILE_THP), KIB("Shared_Hugetlb", VM_P_SHARED_HUGETLB),
		KIB("Private_Hugetlb", VM_P_PRIVATE_HUGETLB), KIB("SwapPss", VM_P_SWAP_PSS),
		KIB("Locked", VM_P_LOCKED_PSS),
	};
	const char *first = strchr(text, '\n');
	if (!first || !strstr(first, "\nRss:"))
		return false;
	take_kib_lines(first + 1, tab, sizeof(tab) / sizeof(tab[0]), set_proc, p);
	if (vm_proc_has(p, VM_P_PRIVATE_CLEAN) && vm_proc_has(p, VM_P_PRIVATE_DIRTY)) {
		uint64_t uss = p->q[VM_P_PRIVATE_CLEAN] + p->q[VM_P_PRIVATE_DIRTY];
		if (vm_proc_has(p, VM_P_PRIVATE_HUGETLB))
			uss += p->q[VM_P_PRIVATE_HUGETLB];
		vm_proc_set(p, VM_P_USS, uss);
	}
	return true;
}

static bool take_limit(const char **s, uint64_t *v)
{
	while (**s == ' ')
		++*s;
	if (strncmp(*s, "unlimited", 9) != 0)
		return next_u64(s, v);
	*s += 9;
	*v = UINT64_MAX;
	return true;
}

bool vm_parse_limits(const char *text, struct vm_proc *p)
{
	static const struct { const char *name; int soft, hard; } tab[] = {
		{ "\nMax data size ", VM_P_DATA_SOFT, -1 },
		{ "\nMax stack size ", VM_P_STACK_SOFT, -1 },
		{ "\nMax locked memory ", VM_P_MEMLOCK_SOFT, VM_P_MEMLOCK_HARD },
		{ "\nMax address space ", VM_P_AS_SOFT, -1 },
	};
	bool any = false;
	for (size_t i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		const char *s = strstr(text, tab[i].name);
		uint64_t soft, hard;
		if (!s)
			continue;
		s += strlen(tab[i].name);
		if (!take_limit(&s, &soft) || !take_limit(&s, &hard))
			continue;
		vm_proc_set(p, (enum vm_pqty)tab[i].soft, soft);
		if (tab[i].hard >= 0)
			vm_proc_set(p, (enum vm_pqty)tab[i].hard, hard);
		any = true;
	}
	return any;
}

bool vm_parse_auxv(const void *data, size_t len, struct vm_proc *p)
{
	static const struct { uint64_t type; enum vm_pqty qty; } tab[] = {
		{ AT_PAGESZ, VM_P_PAGE_BYTES }, { AT_PHDR, VM_P_PHDR }, { AT_BASE, VM_P_BASE },
		{ AT_ENTRY, VM_P_ENTRY }, { AT_SYSINFO_EHDR, VM_P_VDSO },
	};
	const char *bytes = data;
	bool any = false;
	/* Types are small: a first word of 64 bits that isn't holds a pair of a 32-bit program. */
	uint64_t first = 0;
	memcpy(&first, bytes, len < sizeof(first) ? len : sizeof(first));
	const bool narrow = first >> 32;
	const size_t size = narrow ? 8 : 16;
	for (size_t at = 0; at + size <= len; at += size) {
		uint64_t pair[2];
		uint32_t half[2];
		memcpy(half, bytes + at, sizeof(half));
		if (narrow) {
			pair[0] = half[0];
			pair[1] = half[1];
		} else {
			memcpy(pair, bytes + at, sizeof(pair));
		}
		if (pair[0] == AT_NULL)
			break;
		for (size_t i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
			if (tab[i].type == pair[0]) {
				vm_proc_set(p, tab[i].qty, pair[1]);
				any = true;
			}
		}
	}
	return any;
}

/** "memory" in "cpu,memory:/path". */
static bool has_memory_controller(const char *list)
{
	while (*list != ':') {
		size_t len = strcspn(list, ",:");
		if (len == 6 && memcmp(list, "memory", 6) == 0)
			return true;
		list += len + (list[len] == ',');
	}
	return false;
}

const char *vm_parse_cgroup(char *text)
{
	const char *found = NULL;
	for (char *line = text, *next; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		char *controllers = strchr(line, ':');
		char *path = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!path)
			continue;
		if (strncmp(controllers, "::", 2) == 0 && !found)
			found = path + 1;
		else if (has_memory_controller(controllers + 1))
			found = path + 1;
	}
	return found;
}

size_t vm_parse_cmdline(char *text, size_t len)
{
	while (len && text[len - 1] == '\0')
		len--;
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	return len;
}

bool vm_parse_id_map(const char *text, bool *whole)
{
	uint64_t first, there, count;
	if (!next_u64(&text, &first) || !next_u64(&text, &there) || !next_u64(&text, &count))
		return false;
	*whole = first == 0 && there == 0 && count == UINT32_MAX;
	return true;
}

static void set_system(void *to, unsigned qty, uint64_t bytes)
{
	struct vm_system *sys = to;
	sys->have |= UINT64_C(1) << qty;
	sys->q[qty] = bytes;
}

void vm_parse_meminfo(const char *text, struct vm_system *sys)
{
	static const struct kib_line tab[] = {
		KIB("MemTotal", VM_S_MEM_TOTAL), KIB("MemFree", VM_S_MEM_FREE),
		KIB("MemAvailable", VM_S_MEM_AVAILABLE), KIB("Buffers", VM_S_BUFFERS),
		KIB("Cached", VM_S_CACHED), KIB("Unevictable", VM_S_UNEVICTABLE), KIB("Mlocked", VM_S_MLOCKED),
		KIB("SwapTotal", VM_S_SWAP_TOTAL), KIB("SwapFree", VM_S_SWAP_FREE),
		KIB("AnonPages", VM_S_ANON_PAGES), KIB("Shmem", VM_S_SHMEM), KIB("Slab", VM_S_SLAB),
		KIB("PageTables", VM_S_PAGE_TABLES), KIB("Committed_AS", VM_S_COMMITTED),
		KIB("AnonHugePages", VM_S_ANON_HUGE), KIB("Hugetlb", VM_S_HUGETLB),
	};
	take_kib_lines(text, tab, sizeof(tab) / sizeof(tab[0]), set_system, sys);
}

bool vm_parse_max_map_count(const char *text, struct vm_system *sys)
{
	uint64_t n;
	if (!next_u64(&text, &n))
		return false;
	set_system(sys, VM_S_MAX_MAP_COUNT, n);
	return true;
}

void vm_parse_vmstat(const char *text, struct vm_system *sys)
{
	static const struct { const char *key; enum vm_sysqty qty; } tab[] = {
		{ "pgfault ", VM_S_PGFAULT }, { "pgmajfault ", VM_S_PGMAJFAULT },
		{ "pswpin ", VM_S_PSWPIN }, { "pswpout ", VM_S_PSWPOUT },
	};
	for (const char *s = text; s && *s; s = (s = strchr(s, '\n')) ? s + 1 : NULL) {
		if (*s != 'p')
			continue;
		for (size_t i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
			size_t len = strlen(tab[i].key);
			const char *num = s + len;
			uint64_t v;
			if (strncmp(s, tab[i].key, len) == 0 && next_u64(&num, &v))
				set_system(sys, tab[i].qty, v);
		}
	}
}

double vm_parse_psi(const char *text)
{
	const char *s = strncmp(text, "some ", 5) == 0 ? strstr(text, "avg10=") : NULL;
	if (!s)
		return NAN;
	s += 6;
	uint64_t whole, frac = 0;
	if (!next_u64(&s, &whole))
		return NAN;
	if (s[0] == '.' && s[1] >= '0' && s[1] <= '9' && s[2] >= '0' && s[2] <= '9')
		frac = (uint64_t)(s[1] - '0') * 10 + (uint64_t)(s[2] - '0');
	return (double)whole + (double)frac / 100;
}
