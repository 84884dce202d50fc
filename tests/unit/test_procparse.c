/** core/source/procparse: the small files of /proc/PID, honest and hostile. */
#include "core/source/procparse.h"

#include <elf.h>
#include <math.h>
#include <stdio.h>

#include "core/model/process.h"
#include "core/model/system.h"
#include "unit.h"

/* Linux 6.18; every field has a value of its own. */
#define STAT_REST \
	" S 7 8 9 10 -1 4194560 101 102 103 104 150 250 16 17 20 0 6 0 987654 125837312 1436 " \
	"18446744073709551615 94000000000000 94000000100000 140720000000000 0 0 0 0 4096 1073744385 0 0 0 17 3 0 0 " \
	"0 0 0 94000000200000 94000000210000 94000000300000 140720000001000 140720000001100 140720000001100 " \
	"140720000001fff 0\n"

static struct vm_proc parse_stat(const char *text, bool addresses, bool want)
{
	struct vm_proc p;
	vm_proc_init(&p, 42);
	ck_assert_int_eq(vm_parse_stat(text, 4096, 100, addresses, &p), want);
	return p;
}

START_TEST(stat_golden)
{
	struct vm_proc p = parse_stat("42 (postgres)" STAT_REST, true, true);
	ck_assert_str_eq(p.comm, "postgres");
	ck_assert_int_eq(p.state, 'S');
	ck_assert_int_eq(p.ppid, 7);
	ck_assert(!p.kthread);
	ck_u64_eq(p.start, 987654);
	ck_u64_eq(p.cpu_ns, UINT64_C(4000000000));      /* (150 + 250) ticks of 10 ms */
	static const struct { enum vm_pqty q; uint64_t v; } want[] = {
		{ VM_P_MINFLT, 101 }, { VM_P_CMINFLT, 102 }, { VM_P_MAJFLT, 103 }, { VM_P_CMAJFLT, 104 },
		{ VM_P_THREADS, 6 }, { VM_P_VSZ, 125837312 }, { VM_P_RSS, 1436 * 4096 }, { VM_P_RSSLIM, UINT64_MAX },
		{ VM_P_START_CODE, 94000000000000 }, { VM_P_END_CODE, 94000000100000 },
		{ VM_P_START_STACK, 140720000000000 }, { VM_P_START_DATA, 94000000200000 },
		{ VM_P_END_DATA, 94000000210000 }, { VM_P_START_BRK, 94000000300000 },
		{ VM_P_ARG_START, 140720000001000 }, { VM_P_ARG_END, 140720000001100 },
		{ VM_P_ENV_START, 140720000001100 },
	};
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		ck_assert(vm_proc_has(&p, want[i].q));
		ck_u64_eq(p.q[want[i].q], want[i].v);
	}
}
END_TEST

START_TEST(stat_without_addresses)
{
	struct vm_proc p = parse_stat("42 (x)" STAT_REST, false, true);
	ck_assert(!vm_proc_has(&p, VM_P_START_CODE));
	ck_assert(!vm_proc_has(&p, VM_P_ENV_END));
	ck_assert(vm_proc_has(&p, VM_P_VSZ));
	ck_assert(!p.addresses_withheld);
	/* Withheld: the kernel shows 0, and 1 for the code (proc_pid_stat(5)). */
	p = parse_stat("42 (x) S 1 1 1 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 99 4096 1 18446744073709551615 1 1 0 0 0 0 0 0 0 "
		       "0 0 0 17 3 0 0 0 0 0 0 0 0 0 0 0 0 0\n", true, true);
	static const enum vm_pqty addresses[] = {
		VM_P_START_CODE, VM_P_END_CODE, VM_P_START_STACK, VM_P_START_DATA, VM_P_END_DATA, VM_P_START_BRK,
		VM_P_ARG_START, VM_P_ARG_END, VM_P_ENV_START, VM_P_ENV_END,
	};
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
		ck_assert(!vm_proc_has(&p, addresses[i]));
	ck_assert(p.addresses_withheld);
	ck_u64_eq(p.q[VM_P_RSS], 4096);
}
END_TEST

START_TEST(stat_hostile_names)
{
	static const struct { const char *in_stat, *comm; } tab[] = {
		{ "(a b)", "a b" }, { "()", "" }, { "(a) S 1 (b)", "a) S 1 (b" }, { "())", ")" }, { "(()", "(" },
		{ "(new\nline)", "new\nline" }, { "(\xff\xfe)", "\xff\xfe" }, { "(\033[31m)", "\033[31m" },
		{ "((()))", "(())" },
	};
	for (size_t i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		char text[1000];
		snprintf(text, sizeof(text), "42 %s" STAT_REST, tab[i].in_stat);
		struct vm_proc p = parse_stat(text, true, true);
		ck_assert_str_eq(p.comm, tab[i].comm);
		ck_assert_int_eq(p.state, 'S');
		ck_u64_eq(p.start, 987654);
	}
}
END_TEST

START_TEST(stat_long_name)
{
	char text[1000] = "42 (";
	memset(text + 4, 'k', 200);
	strcpy(text + 204, ")" STAT_REST);
	struct vm_proc p = parse_stat(text, true, true);
	ck_assert_uint_eq(strlen(p.comm), VM_COMM_MAX);
}
END_TEST

START_TEST(stat_kernel_thread)
{
	struct vm_proc p = parse_stat("2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 3 0 0 20 0 1 0 15 0 0 18446744073709551615 "
				      "0 0 0 0 0 0 0 2147483647 0 0 0 0 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n", true, true);
	ck_assert(p.kthread && !p.addresses_withheld);
	ck_assert(!vm_proc_has(&p, VM_P_START_STACK));
	ck_u64_eq(p.start, 15);
}
END_TEST

START_TEST(stat_nonsense)
{
	static const char *const texts[] = {
		"", "42", "42 (", "42 (x", "42 x) S 1", "42 (x)", "42 (x) ", "42 (x) S", "42 (x)S 1 2 3", ")(", ") S (",
		"42 (x) S 1 2 3 4", "42 (x) S one two",
		/* cut behind field 23 */
		"42 (x) S 7 8 9 10 -1 4194560 101 102 103 104 150 250 16 17 20 0 6 0 987654 125837312",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		parse_stat(texts[i], true, false);
	/* The first field that may be missing is the 25th. */
	struct vm_proc p = parse_stat("42 (x) S 7 8 9 10 -1 4194560 101 102 103 104 150 250 16 17 20 0 6 0 987654 "
				      "125837312 1436", true, true);
	ck_assert(!vm_proc_has(&p, VM_P_RSSLIM));
	ck_u64_eq(p.q[VM_P_RSS], 1436 * 4096);
}
END_TEST

static const char status_text[] =
	"Name:\tpost\\ngres\n"
	"Umask:\t0022\nState:\tS (sleeping)\nTgid:\t42\nPid:\t42\nPPid:\t7\nTracerPid:\t0\n"
	"Uid:\t1000\t1001\t1002\t1003\nGid:\t100\t100\t100\t100\nFDSize:\t64\nGroups:\t4 27 \nKthread:\t0\n"
	"VmPeak:\t  201 kB\nVmSize:\t  202 kB\nVmLck:\t  203 kB\nVmPin:\t  204 kB\nVmHWM:\t  205 kB\n"
	"VmRSS:\t  206 kB\nRssAnon:\t  207 kB\nRssFile:\t  208 kB\nRssShmem:\t  209 kB\nVmData:\t  210 kB\n"
	"VmStk:\t  211 kB\nVmExe:\t  212 kB\nVmLib:\t  213 kB\nVmPTE:\t  214 kB\nVmSwap:\t  215 kB\n"
	"HugetlbPages:\t  216 kB\nCoreDumping:\t0\nTHP_enabled:\t1\nuntag_mask:\t0xffffffffffffffff\n"
	"Threads:\t5\nSigQ:\t0/96000\n";

START_TEST(status_golden)
{
	struct vm_proc p;
	vm_proc_init(&p, 42);
	ck_assert(vm_parse_status(status_text, &p));
	ck_assert(p.has_uid);
	ck_assert_uint_eq(p.uid, 1000);
	static const enum vm_pqty order[] = {
		VM_P_PEAK, VM_P_VSZ, VM_P_LOCKED, VM_P_PINNED, VM_P_HWM, VM_P_RSS, VM_P_ANON, VM_P_FILE, VM_P_SHMEM,
		VM_P_DATA, VM_P_STACK, VM_P_EXE, VM_P_LIB, VM_P_PAGE_TABLES, VM_P_SWAP, VM_P_HUGETLB,
	};
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		ck_assert(vm_proc_has(&p, order[i]));
		ck_u64_eq(p.q[order[i]], (201 + i) * 1024);
	}
	ck_u64_eq(p.q[VM_P_THREADS], 5);
}
END_TEST

/* The kernel escapes newlines of the name (proc_task_name()), so no name can forge a line. */
START_TEST(status_hostile_name)
{
	static const char *const names[] = {
		"Uid:\t0", "\\nUid:\t0\t0\t0\t0", "VmRSS: 1 kB", "\\nVmRSS:\t1 kB", "x Uid:\t7", "",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char text[2000];
		snprintf(text, sizeof(text), "Name:\t%s\n%s", names[i], strchr(status_text, '\n') + 1);
		struct vm_proc p;
		vm_proc_init(&p, 42);
		ck_assert(vm_parse_status(text, &p));
		ck_assert_uint_eq(p.uid, 1000);
		ck_u64_eq(p.q[VM_P_RSS], 206 * 1024);
	}
}
END_TEST

START_TEST(status_without_memory)
{
	struct vm_proc p;
	vm_proc_init(&p, 42);
	ck_assert(vm_parse_status("Name:\tkworker/0:1\nState:\tI (idle)\nUid:\t0\t0\t0\t0\nThreads:\t1\n", &p));
	ck_assert(p.has_uid);
	ck_u64_eq(p.q[VM_P_THREADS], 1);
	ck_assert(!vm_proc_has(&p, VM_P_RSS));
	ck_assert(!vm_proc_has(&p, VM_P_SWAP));
}
END_TEST

START_TEST(status_other_kernels)
{
	struct vm_proc p;
	vm_proc_init(&p, 42);
	/* Order changed, unknown keys between, a value without number, no end of line. */
	ck_assert(vm_parse_status("Name:\tx\nUid:\t5\t5\t5\t5\nVmSwap:\t7 kB\nVmNew:\t1 kB\nVmPTE:\tmany\n"
				  "VmRSSold:\t9 kB\nVmRSS:\t3 kB\nVmLck:\t18446744073709551615 kB\nRssAnon:\t2", &p));
	ck_u64_eq(p.q[VM_P_SWAP], 7168);
	ck_u64_eq(p.q[VM_P_RSS], 3072);
	ck_u64_eq(p.q[VM_P_ANON], 2048);
	ck_assert(!vm_proc_has(&p, VM_P_PAGE_TABLES));
}
END_TEST

START_TEST(status_nonsense)
{
	struct vm_proc p;
	vm_proc_init(&p, 42);
	ck_assert(!vm_parse_status("", &p));
	ck_assert(!vm_parse_status("Name:\tx\n", &p));
	ck_assert(!vm_parse_status("Uid:\t0\n", &p));
	ck_assert(!vm_parse_status("Name:\tx\nUid:\t\n", &p));
	ck_assert(!vm_parse_status("Name:\tx\nUid:\troot\n", &p));
	ck_assert(!p.has_uid);
}
END_TEST

START_TEST(statm)
{
	struct vm_proc p;
	vm_proc_init(&p, 42);
	ck_assert(vm_parse_statm("1000 200 30 4 0 500 0\n", 4096, &p));
	ck_u64_eq(p.q[VM_P_SHARED], 30 * 4096);
	ck_u64_eq(p.q[VM_P_DATA_STACK], 500 * 4096);
	ck_assert(vm_parse_statm("1 2 3 4 5 6", 65536, &p));
	ck_u64_eq(p.q[VM_P_DATA_STACK], 6 * 65536);
	ck_assert(!vm_parse_statm("", 4096, &p));
	ck_assert(!vm_parse_statm("1 2 3 4 5", 4096, &p));
	ck_assert(!vm_parse_statm("x", 4096, &p));
}
END_TEST

static const char rollup_text[] =
	"55d0c3a00000-7ffc0c5f8000 ---p 00000000 00:00 0                          [rollup]\n"
	"Rss:                 301 kB\nPss:                 302 kB\nPss_Dirty:           303 kB\n"
	"Pss_Anon:            304 kB\nPss_File:            305 kB\nPss_Shmem:           306 kB\n"
	"Shared_Clean:        307 kB\nShared_Dirty:        308 kB\nPrivate_Clean:       309 kB\n"
	"Private_Dirty:       310 kB\nReferenced:          311 kB\nAnonymous:           312 kB\n"
	"KSM:                 313 kB\nLazyFree:            314 kB\nAnonHugePages:       315 kB\n"
	"ShmemPmdMapped:      316 kB\nFilePmdMapped:       317 kB\nShared_Hugetlb:      318 kB\n"
	"Private_Hugetlb:     319 kB\nSwap:                999 kB\nSwapPss:             320 kB\n"
	"Locked:              321 kB\n";

START_TEST(rollup_golden)
{
	struct vm_proc p;
	vm_proc_init(&p, 42);
	ck_assert(vm_parse_rollup(rollup_text, &p));
	static const enum vm_pqty order[] = {
		VM_P_RSS, VM_P_PSS, VM_P_PSS_DIRTY, VM_P_PSS_ANON, VM_P_PSS_FILE, VM_P_PSS_SHMEM,
		VM_P_SHARED_CLEAN, VM_P_SHARED_DIRTY, VM_P_PRIVATE_CLEAN, VM_P_PRIVATE_DIRTY, VM_P_REFERENCED,
		VM_P_ANONYMOUS, VM_P_KSM, VM_P_LAZYFREE, VM_P_THP, VM_P_SHMEM_THP, VM_P_FILE_THP,
		VM_P_SHARED_HUGETLB, VM_P_PRIVATE_HUGETLB, VM_P_SWAP_PSS, VM_P_LOCKED_PSS,
	};
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		ck_assert_msg(vm_proc_has(&p, order[i]), "line %zu", i);
		ck_u64_eq(p.q[order[i]], (301 + i) * 1024);
	}
	ck_u64_eq(p.q[VM_P_USS], (309 + 310 + 319) * 1024);
	/* VmSwap of status counts otherwise. */
	ck_assert(!vm_proc_has(&p, VM_P_SWAP));
}
END_TEST

START_TEST(rollup_other_kernels)
{
	struct vm_proc p;
	vm_proc_init(&p, 42);
	/* Linux 5.10: no Pss_Dirty, no KSM; and a line of the future in front. */
	ck_assert(vm_parse_rollup("1000-2000 ---p 00000000 00:00 0 [rollup]\nRss: 4 kB\nPss: 3 kB\nPss_Anon: 1 kB\n"
				  "Private_Clean: 2 kB\nPrivate_Dirty: 1 kB\n", &p));
	ck_u64_eq(p.q[VM_P_USS], 3072);
	ck_assert(!vm_proc_has(&p, VM_P_PSS_DIRTY));
	ck_assert(!vm_proc_has(&p, VM_P_KSM));
	vm_proc_init(&p, 42);
	ck_assert(vm_parse_rollup("1000-2000 ---p 00000000 00:00 0 [rollup]\nMappings: 12\nRss: 4 kB\nPss: 3 kB\n", &p));
	ck_u64_eq(p.q[VM_P_PSS], 3072);
	ck_assert(!vm_proc_has(&p, VM_P_USS));
}
END_TEST

START_TEST(rollup_nonsense)
{
	struct vm_proc p;
	vm_proc_init(&p, 42);
	ck_assert(!vm_parse_rollup("", &p));
	ck_assert(!vm_parse_rollup("1000-2000 ---p 00000000 00:00 0 [rollup]\n", &p));
	ck_assert(!vm_parse_rollup("1000-2000 ---p 00000000 00:00 0 [rollup]\nPss: 3 kB\n", &p));
}
END_TEST

START_TEST(limits)
{
	static const char text[] =
		"Limit                     Soft Limit           Hard Limit           Units     \n"
		"Max cpu time              unlimited            unlimited            seconds   \n"
		"Max data size             111                  unlimited            bytes     \n"
		"Max stack size            8388608              unlimited            bytes     \n"
		"Max locked memory         67108864             134217728            bytes     \n"
		"Max address space         unlimited            unlimited            bytes     \n";
	struct vm_proc p;
	vm_proc_init(&p, 42);
	ck_assert(vm_parse_limits(text, &p));
	ck_u64_eq(p.q[VM_P_DATA_SOFT], 111);
	ck_u64_eq(p.q[VM_P_STACK_SOFT], 8388608);
	ck_u64_eq(p.q[VM_P_MEMLOCK_SOFT], 67108864);
	ck_u64_eq(p.q[VM_P_MEMLOCK_HARD], 134217728);
	ck_u64_eq(p.q[VM_P_AS_SOFT], UINT64_MAX);
	vm_proc_init(&p, 42);
	ck_assert(!vm_parse_limits("", &p));
	ck_assert(!vm_parse_limits("x\nMax locked memory         12\n", &p));
	ck_assert(!vm_parse_limits("x\nMax locked memory         soft hard\n", &p));
	ck_assert(!vm_proc_has(&p, VM_P_MEMLOCK_SOFT));
	ck_assert(vm_parse_limits("x\nMax locked memory         0                    unlimited            bytes", &p));
	ck_u64_eq(p.q[VM_P_MEMLOCK_SOFT], 0);
	ck_u64_eq(p.q[VM_P_MEMLOCK_HARD], UINT64_MAX);
}
END_TEST

START_TEST(auxv)
{
	static const uint64_t words[] = {
		AT_SYSINFO_EHDR, 0x7ffc0c5f6000, AT_PAGESZ, 4096, AT_PHDR, 0x55d0c3a00040, AT_BASE, 0x7f2a40500000,
		AT_ENTRY, 0x55d0c3a02a60, AT_UID, 1000, AT_NULL, 0, AT_PAGESZ, 7,
	};
	struct vm_proc p;
	vm_proc_init(&p, 42);
	ck_assert(vm_parse_auxv(words, sizeof(words), &p));
	ck_u64_eq(p.q[VM_P_VDSO], 0x7ffc0c5f6000);
	ck_u64_eq(p.q[VM_P_PAGE_BYTES], 4096);
	ck_u64_eq(p.q[VM_P_PHDR], 0x55d0c3a00040);
	ck_u64_eq(p.q[VM_P_BASE], 0x7f2a40500000);
	ck_u64_eq(p.q[VM_P_ENTRY], 0x55d0c3a02a60);
	/* A cut pair doesn't count, nor does what stands behind the end. */
	vm_proc_init(&p, 42);
	ck_assert(vm_parse_auxv(words, 31, &p));
	ck_assert(vm_proc_has(&p, VM_P_VDSO));
	ck_assert(!vm_proc_has(&p, VM_P_PAGE_BYTES));
	vm_proc_init(&p, 42);
	ck_assert(!vm_parse_auxv(words, 15, &p));
	ck_assert(!vm_parse_auxv(words, 0, &p));
	ck_assert(!vm_parse_auxv(words + 12, 32, &p));
}
END_TEST

START_TEST(auxv_of_a_32_bit_program)
{
	static const uint32_t words[] = {
		32, 0xf7f8d5e0, AT_SYSINFO_EHDR, 0xf7f8d000, AT_PAGESZ, 4096, AT_BASE, 0, AT_ENTRY, 0x8049000,
		AT_NULL, 0, AT_PAGESZ, 7,
	};
	struct vm_proc p;
	vm_proc_init(&p, 42);
	ck_assert(vm_parse_auxv(words, sizeof(words), &p));
	ck_u64_eq(p.q[VM_P_VDSO], 0xf7f8d000);
	ck_u64_eq(p.q[VM_P_PAGE_BYTES], 4096);
	ck_u64_eq(p.q[VM_P_BASE], 0);
	ck_u64_eq(p.q[VM_P_ENTRY], 0x8049000);
	ck_assert(!vm_proc_has(&p, VM_P_PHDR));
}
END_TEST

static void check_cgroup(const char *text, const char *want)
{
	char copy[1000];
	snprintf(copy, sizeof(copy), "%s", text);
	const char *got = vm_parse_cgroup(copy);
	if (want)
		ck_assert_pstr_eq(got, want);
	else
		ck_assert_ptr_null(got);
}

START_TEST(cgroup)
{
	check_cgroup("0::/user.slice/user-1000.slice/session-3.scope\n", "/user.slice/user-1000.slice/session-3.scope");
	check_cgroup("0::/", "/");
	check_cgroup("12:pids:/p\n5:memory:/docker/abc\n1:name=systemd:/s\n", "/docker/abc");
	/* Hybrid: the hierarchy that has the memory controller counts. */
	check_cgroup("5:memory:/docker/abc\n0::/init.scope\n", "/docker/abc");
	check_cgroup("0::/init.scope\n5:memory:/docker/abc\n", "/docker/abc");
	/* Controllers mounted together. */
	check_cgroup("5:cpu,memory:/m\n1:name=systemd:/s\n", "/m");
	check_cgroup("5:memory,hugetlb:/m\n", "/m");
	check_cgroup("5:memoryless:/m\n", NULL);
	check_cgroup("0::/a:b:memory:/c\n", "/a:b:memory:/c");
	check_cgroup("0::/gone (deleted)\n", "/gone (deleted)");
	check_cgroup("1:name=systemd:/s\n", NULL);
	check_cgroup("", NULL);
	check_cgroup("\n\n", NULL);
	check_cgroup("nonsense\n0:\n", NULL);
}
END_TEST

static void check_cmdline(const char *in, size_t len, const char *want)
{
	char copy[100];
	memcpy(copy, in, len);
	size_t n = vm_parse_cmdline(copy, len);
	ck_assert_uint_eq(n, strlen(want));
	ck_assert_mem_eq(copy, want, n);
}

START_TEST(cmdline)
{
	check_cmdline("", 0, "");
	check_cmdline("\0", 1, "");
	check_cmdline("a\0", 2, "a");
	check_cmdline("a\0b c\0", 6, "a b c");
	check_cmdline("a\0\0b\0\0\0", 7, "a  b");
	check_cmdline("postgres: writer", 16, "postgres: writer");
	check_cmdline("a\nb\0", 4, "a\nb");
}
END_TEST

START_TEST(meminfo)
{
	static const char text[] =
		"MemTotal:       24683956 kB\nMemFree:        24000001 kB\nMemAvailable:   24000002 kB\n"
		"Buffers:           12003 kB\nCached:           100004 kB\nSwapCached:            9 kB\n"
		"Mlocked:               5 kB\nSwapTotal:       1000006 kB\nSwapFree:         900007 kB\n"
		"Dirty:                 0 kB\nAnonPages:         50008 kB\nMapped:            30000 kB\n"
		"Shmem:              8009 kB\nSlab:              70010 kB\nPageTables:         1011 kB\n"
		"Committed_AS:     200012 kB\nAnonHugePages:     20013 kB\nShmemHugePages:        0 kB\n"
		"HugePages_Total:       0\nHugetlb:            2014 kB\nDirectMap4k:       75764 kB\n";
	static const struct { enum vm_sysqty q; uint64_t kib; } want[] = {
		{ VM_S_MEM_TOTAL, 24683956 }, { VM_S_MEM_FREE, 24000001 }, { VM_S_MEM_AVAILABLE, 24000002 },
		{ VM_S_BUFFERS, 12003 }, { VM_S_CACHED, 100004 }, { VM_S_MLOCKED, 5 }, { VM_S_SWAP_TOTAL, 1000006 },
		{ VM_S_SWAP_FREE, 900007 }, { VM_S_ANON_PAGES, 50008 }, { VM_S_SHMEM, 8009 }, { VM_S_SLAB, 70010 },
		{ VM_S_PAGE_TABLES, 1011 }, { VM_S_COMMITTED, 200012 }, { VM_S_ANON_HUGE, 20013 },
		{ VM_S_HUGETLB, 2014 },
	};
	struct vm_system sys = { 0 };
	vm_parse_meminfo(text, &sys);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		ck_assert(vm_system_has(&sys, want[i].q));
		ck_u64_eq(sys.q[want[i].q], want[i].kib * 1024);
	}
	ck_assert(!vm_system_has(&sys, VM_S_PGFAULT));
	sys = (struct vm_system){ 0 };
	vm_parse_meminfo("", &sys);
	vm_parse_meminfo("MemTotal: lots\nNews: 5 kB", &sys);
	ck_u64_eq(sys.have, 0);
	vm_parse_meminfo("SwapCached: 9 kB\nMemTotal: 3 kB", &sys);
	ck_u64_eq(sys.have, UINT64_C(1) << VM_S_MEM_TOTAL);
	ck_u64_eq(sys.q[VM_S_MEM_TOTAL], 3072);
}
END_TEST

START_TEST(vmstat)
{
	struct vm_system sys = { 0 };
	vm_parse_vmstat("nr_free_pages 1\npgpgin 9\npswpin 12\npswpout 13\npgalloc_dma 1\npgfault 14\npgmajfault 15\n"
			"pgfault_x 99\nunevictable_pgs_culled 0\n", &sys);
	ck_u64_eq(sys.q[VM_S_PSWPIN], 12);
	ck_u64_eq(sys.q[VM_S_PSWPOUT], 13);
	ck_u64_eq(sys.q[VM_S_PGFAULT], 14);
	ck_u64_eq(sys.q[VM_S_PGMAJFAULT], 15);
	ck_assert(!vm_system_has(&sys, VM_S_MEM_TOTAL));
	sys = (struct vm_system){ 0 };
	vm_parse_vmstat("", &sys);
	vm_parse_vmstat("pgfault", &sys);
	vm_parse_vmstat("pgfault \n", &sys);
	vm_parse_vmstat("x pgfault 5\n", &sys);
	ck_u64_eq(sys.have, 0);
	vm_parse_vmstat("pgfault 7", &sys);
	ck_u64_eq(sys.q[VM_S_PGFAULT], 7);
}
END_TEST

START_TEST(capabilities)
{
	struct vm_proc p;
	vm_proc_init(&p, 1);
	ck_assert(vm_parse_status("Name:\tCapEff:\t7\nUid:\t0\t0\t0\t0\nVmLck:\t 4 kB\nCapPrm:\t0000000000000001\n"
				  "CapEff:\t000001ffFFffffff\nCapBnd:\t0\n", &p));
	/* The kernel writes small letters: what isn't one ends the number. */
	ck_assert(vm_proc_has(&p, VM_P_CAPS));
	ck_u64_eq(p.q[VM_P_CAPS], 0x1ff);
	vm_proc_init(&p, 1);
	ck_assert(vm_parse_status("Name:\tx\nUid:\t0\t0\t0\t0\nCapEff:\tffffffffffffffff\n", &p));
	ck_u64_eq(p.q[VM_P_CAPS], UINT64_MAX);
	static const char *const nonsense[] = { "CapEff:\t\n", "CapEff:\tx\n", "CapEff:\t1ffffffffffffffff\n", "XCapEff:\t1\n", "" };
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		char text[100];
		snprintf(text, sizeof(text), "Name:\tx\nUid:\t0\t0\t0\t0\n%s", nonsense[i]);
		vm_proc_init(&p, 1);
		ck_assert(vm_parse_status(text, &p));
		ck_assert(!vm_proc_has(&p, VM_P_CAPS));
	}
}
END_TEST

START_TEST(id_map)
{
	bool whole = false;
	ck_assert(vm_parse_id_map("         0          0 4294967295\n", &whole));
	ck_assert(whole);
	ck_assert(vm_parse_id_map("         0     100000      65536\n", &whole));
	ck_assert(!whole);
	ck_assert(vm_parse_id_map("0 0 1\n1 1 4294967294\n", &whole));
	ck_assert(!whole);
	ck_assert(!vm_parse_id_map("", &whole));
	ck_assert(!vm_parse_id_map("0 0", &whole));
	struct vm_system sys = { 0 };
	ck_assert(!vm_parse_max_map_count("many\n", &sys));
	ck_u64_eq(sys.have, 0);
	ck_assert(vm_parse_max_map_count("65530\n", &sys));
	ck_u64_eq(sys.q[VM_S_MAX_MAP_COUNT], 65530);
}
END_TEST

START_TEST(psi)
{
	ck_assert_double_eq(vm_parse_psi("some avg10=12.34 avg60=5.00 avg300=1.00 total=99\n"
					 "full avg10=1.00 avg60=0.00 avg300=0.00 total=5\n"), 12.34);
	ck_assert_double_eq(vm_parse_psi("some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"), 0);
	ck_assert_double_eq(vm_parse_psi("some avg10=100.00 avg60=0.00"), 100);
	ck_assert_double_eq(vm_parse_psi("some avg10=3"), 3);
	ck_assert(isnan(vm_parse_psi("")));
	ck_assert(isnan(vm_parse_psi("full avg10=1.00")));
	ck_assert(isnan(vm_parse_psi("some avg60=1.00")));
	ck_assert(isnan(vm_parse_psi("some avg10=")));
	ck_assert(isnan(vm_parse_psi("some avg10=.5")));
}
END_TEST

UNIT_MAIN("procparse", stat_golden, stat_without_addresses, stat_hostile_names, stat_long_name,
	  stat_kernel_thread, stat_nonsense, status_golden, status_hostile_name, status_without_memory,
	  status_other_kernels, status_nonsense, statm, rollup_golden, rollup_other_kernels, rollup_nonsense,
	  limits, auxv, auxv_of_a_32_bit_program, cgroup, cmdline, meminfo, vmstat, capabilities, id_map, psi)
