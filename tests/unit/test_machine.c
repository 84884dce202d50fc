/** core/model/machine and core/source/machine: what the kernel tells of the machine, and rates between two readings. */
#include "core/source/machine.h"

#include <math.h>

#include "core/base/err.h"
#include "core/field/machine.h"
#include "core/source/session.h"

#include "unit.h"

#define SECOND UINT64_C(1000000000)

/* ---- Parsers ------------------------------------------------------------------------------------------------------ */

START_TEST(meminfo)
{
	struct vm_machine m = { 0 };
	vm_machine_parse_meminfo("MemTotal:       24683656 kB\nMemFree:        23500220 kB\nMemAvailable:   24185972 kB\n"
				 "Buffers:           53744 kB\nCached:           636924 kB\nActive:           419096 kB\n"
				 "Active(anon):       1568 kB\nShmem:              8924 kB\nSwapTotal:          1000 kB\n"
				 "SwapFree:            400 kB\nVmallocTotal:   34359738367 kB\nHugePages_Total:       3\n"
				 "HugePages_Free:        1\nHugepagesize:       2048 kB\nDirectMap4M:  8 kB\nNew: 17 kB\n", &m);
	vm_machine_derive(&m);
	ck_u64_eq(m.q[VM_M_TOTAL], UINT64_C(24683656) * 1024);
	ck_u64_eq(m.q[VM_M_ACTIVE], UINT64_C(419096) * 1024);
	ck_u64_eq(m.q[VM_M_ACTIVE_ANON], UINT64_C(1568) * 1024);
	ck_u64_eq(m.q[VM_M_POOL], 3 * 2048 * 1024);
	ck_u64_eq(m.q[VM_M_POOL_FREE], 2048 * 1024);
	/* A kernel that doesn't tell of all pools. */
	ck_u64_eq(m.q[VM_M_HUGETLB], 3 * 2048 * 1024);
	ck_u64_eq(m.q[VM_M_DIRECT_2M], 8 * 1024);
	ck_u64_eq(m.q[VM_M_USED], (uint64_t)(24683656 - 24185972) * 1024);
	ck_u64_eq(m.q[VM_M_FILE], (uint64_t)(636924 + 53744 - 8924) * 1024);
	ck_u64_eq(m.q[VM_M_SWAP], 600 * 1024);
	ck_assert(!m.words32);
	ck_assert(!vm_machine_has(&m, VM_M_SLAB));
	ck_u64_eq(m.q[VM_M_SLAB], 0);
}
END_TEST

START_TEST(meminfo_of_32_bits)
{
	struct vm_machine m = { 0 };
	vm_machine_parse_meminfo("MemTotal: 1000 kB\nVmallocTotal:     122880 kB\n", &m);
	ck_assert(m.words32);
}
END_TEST

START_TEST(vmstat)
{
	struct vm_machine m = { 0 };
	vm_machine_parse_vmstat("nr_zspages 2\nnr_foll_pin_acquired 9\nnr_foll_pin_released 4\npgpgin 7\npswpin 3\npgalloc_dma 1\n"
				"pgalloc_normal 20\npgfault 400\npgscan_kswapd 10\npgscan_direct 5\npgscan_khugepaged 2\npgscan_proactive 1\n"
				"pgscan_direct_throttle 77\npgsteal_kswapd 8\nallocstall_normal 3\nallocstall_movable 4\nthp_split_page 6\n"
				"thp_split_page_failed 2\npgdemote_kswapd 1\npgdemote_direct 2\nnuma_hint_faults 5\nnuma_hint_faults_local 4\n"
				"workingset_refault_anon 1\nworkingset_refault_file 2\nworkingset_restore_anon 3\nworkingset_restore_file 4\n",
				4096, &m);
	vm_machine_derive(&m);
	ck_u64_eq(m.q[VM_M_ZSPAGES], 8192);
	ck_u64_eq(m.q[VM_M_PINNED], 5 * 4096);
	ck_u64_eq(m.q[VM_M_PGPGIN], 7 * 1024);
	ck_u64_eq(m.q[VM_M_PSWPIN], 3 * 4096);
	ck_u64_eq(m.q[VM_M_PGALLOC], 21);
	ck_u64_eq(m.q[VM_M_PGFAULT], 400);
	/* Throttled are tasks, not pages. */
	ck_u64_eq(m.q[VM_M_PGSCAN_DIRECT], 5);
	ck_u64_eq(m.q[VM_M_PGSCAN_OTHER], 3);
	ck_u64_eq(m.q[VM_M_PGSCAN], 18);
	ck_u64_eq(m.q[VM_M_PGSTEAL], 8);
	ck_u64_eq(m.q[VM_M_ALLOCSTALL], 7);
	ck_u64_eq(m.q[VM_M_THP_SPLIT_PAGE], 6);
	ck_u64_eq(m.q[VM_M_THP_SPLIT_FAILED], 2);
	ck_u64_eq(m.q[VM_M_DEMOTED], 3);
	ck_u64_eq(m.q[VM_M_NUMA_HINT_LOCAL], 4);
	ck_u64_eq(m.q[VM_M_REFAULT_FILE], 2);
	ck_u64_eq(m.q[VM_M_RESTORE], 7);
	ck_assert(!vm_machine_has(&m, VM_M_OOM_KILL));
}
END_TEST

START_TEST(pressure)
{
	struct vm_machine m = { 0 };
	vm_machine_parse_pressure("some avg10=1.50 avg60=0.09 avg300=100.00 total=86719762\nfull avg10=0.00 avg60=0.07 avg300=0.06 total=25092087\n",
				  VM_M_PSI_MEM_SOME, VM_M_PSI_MEM_FULL, &m);
	ck_u64_eq(m.q[VM_M_PSI_MEM_SOME], UINT64_C(86719762000));
	ck_u64_eq(m.q[VM_M_PSI_MEM_FULL], UINT64_C(25092087000));
	ck_assert_double_eq_tol(m.psi_mem_some.of10, 0.015, 1e-9);
	ck_assert_double_eq_tol(m.psi_mem_some.of60, 0.0009, 1e-9);
	ck_assert_double_eq_tol(m.psi_mem_some.of300, 1, 1e-9);
	ck_assert_double_eq_tol(m.psi_mem_full.of60, 0.0007, 1e-9);
	/* Of CPUs "full" means nothing. */
	struct vm_machine cpu = { 0 };
	vm_machine_parse_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=2\n",
				  VM_M_PSI_CPU_SOME, VM_M_NR, &cpu);
	ck_u64_eq(cpu.q[VM_M_PSI_CPU_SOME], 1000);
	vm_machine_parse_pressure("some avg10=x avg60=1.999 total=\nfull\n\nsome total=99999999999999999999999\n", VM_M_PSI_MEM_SOME,
				  VM_M_PSI_MEM_FULL, &m);
	ck_assert(isnan(m.psi_mem_some.of10));
	ck_u64_eq(m.q[VM_M_PSI_MEM_SOME], UINT64_C(86719762000));
}
END_TEST

START_TEST(interrupts)
{
	struct vm_machine m = { 0 };
	static const char text[] = "           CPU0       CPU2       CPU10\n  0:         17          0          1   IO-APIC    2-edge      timer\n"
				   "NMI:          1          2          3   Non-maskable interrupts\n"
				   "TLB:        500        600          7   TLB shootdowns\nTRM:  0 0 0 Thermal\n";
	ck_assert_int_eq(vm_machine_parse_interrupts(text, &m), 0);
	ck_assert_uint_eq(m.shootdowns.n, 3);
	ck_assert_uint_eq(m.shootdowns.v[1].cpu, 2);
	ck_u64_eq(m.shootdowns.v[2].n, 7);
	ck_u64_eq(m.q[VM_M_SHOOTDOWNS], 1107);
	static const char *const nonsense[] = { "", "TLB:", "CPU0\nTLB:\n", "CPU0 CPU1\nTLB: 5\n", "CPUx\nTLB: 5\n", "TLB: 5 6\n",
						"CPU99999999999999999999\nTLB: 5\n" };
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		ck_assert_int_eq(vm_machine_parse_interrupts(nonsense[i], &m), 0);
		ck_assert_uint_le(m.shootdowns.n, 1);
	}
	vm_machine_free(&m);
}
END_TEST

START_TEST(uptime)
{
	ck_u64_eq(vm_parse_uptime("21914.52 1234.00\n"), UINT64_C(21914520000000));
	ck_u64_eq(vm_parse_uptime("7 1\n"), 7 * SECOND);
	ck_u64_eq(vm_parse_uptime("x"), 0);
	ck_u64_eq(vm_parse_uptime("1.x"), 0);
	ck_u64_eq(vm_parse_uptime("99999999999999999999.00"), 0);
	ck_u64_eq(vm_parse_uptime(""), 0);
}
END_TEST

/* ---- Rates -------------------------------------------------------------------------------------------------------- */

static struct vm_machine reading(double at, enum vm_machqty q, uint64_t n)
{
	struct vm_machine m = { .boot_ns = (uint64_t)(at * 1e9), .uptime_ns = (uint64_t)(at * 1e9), .page_bytes = 4096 };
	vm_machine_set(&m, q, n);
	return m;
}

static double next(struct vm_machine_rates *r, double at, enum vm_machqty q, uint64_t n, bool words32)
{
	struct vm_machine m = reading(at, q, n);
	m.words32 = words32;
	ck_assert_int_eq(vm_machine_rates_next(r, &m), 0);
	return r->a_second[q];
}

START_TEST(since_boot_and_on)
{
	struct vm_machine_rates r = { 0 };
	struct vm_machine m = reading(100, VM_M_PGFAULT, 5000);
	ck_assert_int_eq(vm_machine_rates_begin(&r, &m), 0);
	ck_assert(r.since_boot);
	ck_u64_eq(r.elapsed_ns, 100 * SECOND);
	ck_assert_double_eq_tol(r.a_second[VM_M_PGFAULT], 50, 1e-9);
	ck_assert(isnan(r.a_second[VM_M_PSWPIN]));
	/* Levels have no rate. */
	ck_assert(isnan(r.a_second[VM_M_FREE]));
	ck_assert_double_eq_tol(next(&r, 100.5, VM_M_PGFAULT, 5010, false), 20, 1e-6);
	ck_assert(!r.since_boot);
	/* An hour of sleep is an hour, as CLOCK_BOOTTIME has it. */
	ck_assert_double_eq_tol(next(&r, 3700.5, VM_M_PGFAULT, 5010 + 7200, false), 2, 1e-6);
	ck_u64_eq(r.elapsed_ns, 3600 * SECOND);
	vm_machine_rates_free(&r);
}
END_TEST

/** A recording goes on after the machine was started again: its counters say nothing of those before. */
START_TEST(started_again)
{
	struct vm_machine m = { .boot_ns = 1000000000, .uptime_ns = 1000000000, .boot = 7 };
	struct vm_machine_rates r = { 0 };
	vm_machine_set(&m, VM_M_PGFAULT, 100);
	ck_assert_int_eq(vm_machine_rates_begin(&r, &m), 0);
	/* Longer after it than the first reading was. */
	m.boot_ns = m.uptime_ns = 5000000000;
	m.boot = 8;
	vm_machine_set(&m, VM_M_PGFAULT, 500);
	ck_assert_int_eq(vm_machine_rates_next(&r, &m), 0);
	ck_assert(r.since_boot);
	ck_assert_uint_eq(r.elapsed_ns, 5000000000);
	ck_assert_double_eq(r.a_second[VM_M_PGFAULT], 100);
	/* Which run it is isn't known, but the clock began anew. */
	m.boot_ns = m.uptime_ns = 2000000000;
	vm_machine_set(&m, VM_M_PGFAULT, 10);
	ck_assert_int_eq(vm_machine_rates_next(&r, &m), 0);
	ck_assert(r.since_boot);
	ck_assert_double_eq(r.a_second[VM_M_PGFAULT], 5);
	m.boot_ns = 4000000000;
	vm_machine_set(&m, VM_M_PGFAULT, 30);
	ck_assert_int_eq(vm_machine_rates_next(&r, &m), 0);
	ck_assert(!r.since_boot);
	ck_assert_double_eq(r.a_second[VM_M_PGFAULT], 10);
	vm_machine_rates_free(&r);
}
END_TEST

START_TEST(wrap)
{
	struct vm_machine_rates r = { 0 };
	struct vm_machine m = reading(10, VM_M_PGFAULT, UINT32_MAX - 9);
	ck_assert_int_eq(vm_machine_rates_begin(&r, &m), 0);
	ck_assert_double_eq_tol(next(&r, 11, VM_M_PGFAULT, 90, true), 100, 1e-6);
	ck_assert_double_eq_tol(next(&r, 12, VM_M_PGFAULT, 95, true), 5, 1e-6);
	/* KiB that the kernel counts in 32 bits are more bytes than that. */
	m = reading(10, VM_M_PGPGIN, UINT64_C(1024) * (UINT32_MAX - 1));
	ck_assert_int_eq(vm_machine_rates_begin(&r, &m), 0);
	ck_assert_double_eq_tol(next(&r, 11, VM_M_PGPGIN, 8 * 1024, true), 10 * 1024, 1e-6);
	m = reading(10, VM_M_PSWPOUT, UINT64_C(4096) * (UINT32_MAX - 1));
	ck_assert_int_eq(vm_machine_rates_begin(&r, &m), 0);
	ck_assert_double_eq_tol(next(&r, 11, VM_M_PSWPOUT, 8 * 4096, true), 10 * 4096, 1e-6);
	vm_machine_rates_free(&r);
	ck_u64_eq(vm_counter_increase(UINT32_MAX, 0, true), 1);
	ck_u64_eq(vm_counter_increase(UINT32_MAX, 0, false), UINT64_MAX);
	ck_u64_eq(vm_counter_increase(100, 99, true), UINT64_MAX);
	ck_u64_eq(vm_counter_increase(UINT64_C(1) << 33, 5, true), UINT64_MAX);
	ck_u64_eq(vm_counter_increase(7, 7, true), 0);
}
END_TEST

/** A sum over CPUs is smaller for a moment while one of them leaves: nothing is counted twice afterwards. */
START_TEST(backwards)
{
	struct vm_machine_rates r = { 0 };
	struct vm_machine m = reading(10, VM_M_PGFAULT, 1000);
	ck_assert_int_eq(vm_machine_rates_begin(&r, &m), 0);
	ck_assert(isnan(next(&r, 11, VM_M_PGFAULT, 600, false)));
	ck_assert_double_eq_tol(next(&r, 12, VM_M_PGFAULT, 1100, false), 50, 1e-6);
	ck_assert_double_eq_tol(next(&r, 13, VM_M_PGFAULT, 1110, false), 10, 1e-6);
	/* Set back for good. */
	ck_assert(isnan(next(&r, 14, VM_M_PGFAULT, 5, false)));
	ck_assert(isnan(next(&r, 15, VM_M_PGFAULT, 6, false)));
	ck_assert_double_eq_tol(next(&r, 16, VM_M_PGFAULT, 9, false), 3, 1e-6);
	/* Not readable for once. */
	struct vm_machine none = { .boot_ns = 17 * SECOND };
	ck_assert_int_eq(vm_machine_rates_next(&r, &none), 0);
	ck_assert(isnan(r.a_second[VM_M_PGFAULT]));
	ck_assert_double_eq_tol(next(&r, 18, VM_M_PGFAULT, 13, false), 2, 1e-6);
	/* No time has passed. */
	ck_assert(isnan(next(&r, 18, VM_M_PGFAULT, 14, false)));
	vm_machine_rates_free(&r);
}
END_TEST

static double shootdowns(struct vm_machine_rates *r, double at, const char *text, bool begin)
{
	struct vm_machine m = { .boot_ns = (uint64_t)(at * 1e9), .uptime_ns = (uint64_t)(at * 1e9) };
	ck_assert_int_eq(vm_machine_parse_interrupts(text, &m), 0);
	ck_assert_int_eq((begin ? vm_machine_rates_begin : vm_machine_rates_next)(r, &m), 0);
	vm_machine_free(&m);
	return r->a_second[VM_M_SHOOTDOWNS];
}

START_TEST(hotplug)
{
	struct vm_machine_rates r = { 0 };
	ck_assert_double_eq_tol(shootdowns(&r, 10, "CPU0 CPU1 CPU2\nTLB: 100 200 300\n", true), 60, 1e-6);
	/* CPU 1 has left, with its 200. */
	ck_assert_double_eq_tol(shootdowns(&r, 11, "CPU0 CPU2\nTLB: 110 305\n", false), 15, 1e-6);
	/* It is back, with what it had; how much of that is new isn't known. */
	ck_assert_double_eq_tol(shootdowns(&r, 12, "CPU0 CPU1 CPU2\nTLB: 111 202 305\n", false), 1, 1e-6);
	ck_assert_double_eq_tol(shootdowns(&r, 13, "CPU0 CPU1 CPU2\nTLB: 111 210 305\n", false), 8, 1e-6);
	/* Each is an unsigned int. */
	shootdowns(&r, 14, "CPU0\nTLB: 4294967290\n", false);
	ck_assert_double_eq_tol(shootdowns(&r, 15, "CPU0\nTLB: 4\n", false), 10, 1e-6);
	ck_assert(isnan(shootdowns(&r, 16, "CPU7\nTLB: 4\n", false)));
	vm_machine_rates_free(&r);
}
END_TEST

/* ---- Parts -------------------------------------------------------------------------------------------------------- */

START_TEST(parts_add_up)
{
	struct vm_machine m = { 0 };
	uint64_t part[VM_PART_NR], sum = 0;
	ck_assert(!vm_machine_parts(&m, part));
	vm_machine_set(&m, VM_M_TOTAL, 1000);
	vm_machine_set(&m, VM_M_FREE, 300);
	vm_machine_set(&m, VM_M_ANON, 200);
	vm_machine_set(&m, VM_M_CACHED, 150);
	vm_machine_set(&m, VM_M_BUFFERS, 30);
	vm_machine_set(&m, VM_M_SHMEM, 50);
	vm_machine_set(&m, VM_M_VMALLOC, 20);
	vm_machine_set(&m, VM_M_KERNEL_STACK, 15);
	vm_machine_derive(&m);
	ck_assert(vm_machine_parts(&m, part));
	for (unsigned i = 0; i < VM_PART_NR; i++)
		sum += part[i];
	ck_u64_eq(sum, 1000);
	ck_u64_eq(part[VM_PART_FILE], 130);
	ck_u64_eq(part[VM_PART_KERNEL], 20);
	ck_u64_eq(part[VM_PART_REST], 1000 - 300 - 200 - 130 - 50 - 20);
	/* Stacks that aren't vmalloc()ed. */
	vm_machine_set(&m, VM_M_VMALLOC, 10);
	vm_machine_parts(&m, part);
	ck_u64_eq(part[VM_PART_KERNEL], 25);
}
END_TEST

START_TEST(this_machine)
{
	struct vm_session *s;
	struct vm_machine m = { 0 };
	struct vm_machine_rates r = { 0 };
	uint64_t part[VM_PART_NR], sum = 0;
	ck_assert_int_eq(vm_session_open("/", &s, NULL), 0);
	ck_assert_int_eq(vm_machine_read(s, VM_MACH_FILES, &m, NULL), 0);
	ck_assert_int_eq(vm_machine_rates_begin(&r, &m), 0);
	ck_assert(r.a_second[VM_M_PGFAULT] > 0);
	ck_assert(!vm_machine_has(&m, VM_M_WALKS));
	ck_assert(vm_machine_parts(&m, part));
	for (unsigned i = 0; i < VM_PART_NR; i++)
		sum += part[i];
	ck_u64_eq(sum, m.q[VM_M_TOTAL]);
	/* What nobody explains is not most of it. */
	ck_assert(part[VM_PART_REST] < m.q[VM_M_TOTAL] / 2);
	vm_machine_rates_free(&r);
	vm_machine_free(&m);
	vm_session_close(s);
}
END_TEST

/* ---- Columns ------------------------------------------------------------------------------------------------------ */

/** The name of each group is taken by -o, and what it names are columns. */
static size_t columns_of(const struct vm_fieldset *set, const char *spec, bool *seen)
{
	struct vm_columns cols;
	struct vm_err err = { 0 };
	ck_assert_msg(vm_columns_parse(set, spec, VM_F_DEFAULT, &cols, &err) == 0, "%s: %s", spec, err.what);
	for (size_t i = 0; i < cols.n; i++)
		seen[cols.at[i]] = true;
	return cols.n;
}

START_TEST(groups)
{
	bool wide[VM_COLUMNS_MAX] = { false }, some[VM_COLUMNS_MAX] = { false };
	ck_assert_ptr_eq(vm_machine_fields.v, vm_machine_wide_fields.v);
	for (const struct vm_field_group *g = vm_machine_fields.groups; g->name; g++) {
		/* As many as stand in the list: none is misspelt. */
		size_t commas = 1;
		for (const char *p = g->columns; *p; p++)
			commas += *p == ',';
		ck_assert_uint_eq(columns_of(&vm_machine_fields, g->name, some), commas);
		ck_assert_uint_ge(columns_of(&vm_machine_wide_fields, g->name, wide), commas);
	}
	for (size_t i = 0; i < vm_machine_fields.n; i++) {
		const char *name = vm_machine_fields.v[i].name;
		ck_assert_msg(wide[i] || i < 3, "%s is in no group", name);
		ck_assert_msg(wide[i] || !some[i], "%s is in the short group only", name);
	}
	struct vm_columns cols;
	ck_assert_int_eq(vm_columns_parse(&vm_machine_fields, "SWAP", VM_F_DEFAULT, &cols, NULL), 0);
	ck_assert_uint_eq(cols.n, 1);
	ck_assert_int_eq(vm_columns_parse(&vm_machine_fields, "swap,-SI/S,-psi", VM_F_DEFAULT, &cols, NULL), 0);
	ck_assert_uint_eq(cols.n, 6);
	ck_assert_int_lt(vm_columns_parse(&vm_machine_fields, "swaps", VM_F_DEFAULT, &cols, NULL), 0);
}
END_TEST

UNIT_MAIN("machine", meminfo, meminfo_of_32_bits, vmstat, pressure, interrupts, uptime, since_boot_and_on, started_again, wrap,
	  backwards, hotplug, parts_add_up, this_machine, groups)
