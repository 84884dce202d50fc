/** core/model/process and system: rates are functions of two samples; tables of needs. */
#include "core/model/process.h"

#include <math.h>

#include "core/model/need.h"
#include "core/model/system.h"
#include "unit.h"

START_TEST(nothing_is_known_at_first)
{
	struct vm_proc p;
	memset(&p, 0xff, sizeof(p));
	vm_proc_init(&p, 42);
	ck_assert_int_eq(p.pid, 42);
	for (unsigned q = 0; q < VM_P_NR; q++)
		ck_assert(!vm_proc_has(&p, q));
	ck_assert(isnan(p.minflt_rate) && isnan(p.majflt_rate) && isnan(p.rss_rate) && isnan(p.cpu_share) && isnan(p.fault_share));
	ck_assert(!p.has_uid);
	ck_assert_ptr_null(p.cmdline);
	ck_assert_uint_eq(p.unmet, 0);
}
END_TEST

START_TEST(every_quantity_has_a_bit)
{
	struct vm_proc p;
	for (unsigned q = 0; q < VM_P_NR; q++) {
		vm_proc_init(&p, 1);
		vm_proc_set(&p, q, q + 1000);
		for (unsigned k = 0; k < VM_P_NR; k++)
			ck_assert_int_eq(vm_proc_has(&p, k), k == q);
		ck_u64_eq(p.q[q], q + 1000);
	}
}
END_TEST

static struct vm_proc sample(uint64_t at_ns, uint64_t minflt, uint64_t majflt, uint64_t rss, uint64_t cpu_ns)
{
	struct vm_proc p;
	vm_proc_init(&p, 1);
	p.taken_ns = at_ns;
	vm_proc_set(&p, VM_P_MINFLT, minflt);
	vm_proc_set(&p, VM_P_MAJFLT, majflt);
	vm_proc_set(&p, VM_P_RSS, rss);
	p.cpu_ns = cpu_ns;
	return p;
}

START_TEST(rates)
{
	struct vm_proc prev = sample(1000000000, 100, 10, 8192, 500000000);
	struct vm_proc cur = sample(3000000000, 300, 11, 4096, 1500000000);
	vm_proc_rates(&cur, &prev);
	ck_assert_double_eq(cur.minflt_rate, 100);
	ck_assert_double_eq(cur.majflt_rate, 0.5);
	ck_assert_double_eq(cur.rss_rate, -2048);
	ck_assert_double_eq(cur.cpu_share, 0.5);
}
END_TEST

/** Three threads that fault half of the time; what isn't known of both samples has no share. */
START_TEST(fault_time)
{
	struct vm_proc prev = sample(1000000000, 0, 0, 0, 0), cur = sample(3000000000, 0, 0, 0, 0);
	vm_proc_set(&prev, VM_P_FAULT_NS, 500);
	vm_proc_rates(&cur, &prev);
	ck_assert(isnan(cur.fault_share));
	vm_proc_set(&cur, VM_P_FAULT_NS, 3000000500);
	vm_proc_rates(&cur, &prev);
	ck_assert_double_eq(cur.fault_share, 1.5);
	/* It was dropped and begun anew in between. */
	cur = sample(3000000000, 0, 0, 0, 0);
	vm_proc_set(&cur, VM_P_FAULT_NS, 400);
	vm_proc_rates(&cur, &prev);
	ck_assert(isnan(cur.fault_share));
}
END_TEST

START_TEST(no_time_no_rate)
{
	struct vm_proc prev = sample(1000, 100, 10, 8192, 5);
	struct vm_proc cur = sample(1000, 300, 11, 4096, 15);
	vm_proc_rates(&cur, &prev);
	ck_assert(isnan(cur.minflt_rate) && isnan(cur.majflt_rate) && isnan(cur.rss_rate) && isnan(cur.cpu_share));
	cur.taken_ns = 999;
	vm_proc_rates(&cur, &prev);
	ck_assert(isnan(cur.minflt_rate) && isnan(cur.majflt_rate) && isnan(cur.rss_rate) && isnan(cur.cpu_share));
}
END_TEST

START_TEST(missing_and_backward_counters)
{
	struct vm_proc prev = sample(1000000000, 100, 10, 8192, 500);
	struct vm_proc cur = sample(2000000000, 50, 12, 8192, 400);
	vm_proc_rates(&cur, &prev);
	ck_assert(isnan(cur.minflt_rate));
	ck_assert_double_eq(cur.majflt_rate, 2);
	ck_assert_double_eq(cur.rss_rate, 0);
	ck_assert(isnan(cur.cpu_share));
	struct vm_proc blind;
	vm_proc_init(&blind, 1);
	blind.taken_ns = 1;
	cur = sample(2000000000, 50, 12, 8192, 400);
	vm_proc_rates(&cur, &blind);
	ck_assert(isnan(cur.minflt_rate) && isnan(cur.majflt_rate) && isnan(cur.rss_rate));
}
END_TEST

START_TEST(rollup_is_kept_with_its_age)
{
	struct vm_proc prev, cur;
	vm_proc_init(&prev, 1);
	vm_proc_init(&cur, 1);
	vm_proc_set(&prev, VM_P_PSS, 11);
	vm_proc_set(&prev, VM_P_LOCKED_PSS, 22);
	vm_proc_set(&prev, VM_P_RSS, 33);
	prev.rollup_ns = 44;
	prev.unmet = VM_NEED(ROLLUP) | VM_NEED(STATUS);
	prev.why[VM_NEED_BIT_ROLLUP] = 13;
	vm_proc_keep_rollup(&cur, &prev);
	ck_u64_eq(cur.q[VM_P_PSS], 11);
	ck_u64_eq(cur.q[VM_P_LOCKED_PSS], 22);
	ck_assert(!vm_proc_has(&cur, VM_P_RSS));
	ck_assert(!vm_proc_has(&cur, VM_P_USS));
	ck_u64_eq(cur.rollup_ns, 44);
	ck_assert_uint_eq(cur.unmet, VM_NEED(ROLLUP));
	ck_assert_int_eq(cur.why[VM_NEED_BIT_ROLLUP], 13);
}
END_TEST

START_TEST(system_rate)
{
	struct vm_system prev = { .taken_ns = 1000000000 }, cur = { .taken_ns = 1500000000 };
	ck_assert(isnan(vm_system_rate(&cur, &prev, VM_S_PGFAULT)));
	prev.have = cur.have = UINT64_C(1) << VM_S_PGFAULT;
	prev.q[VM_S_PGFAULT] = 100;
	cur.q[VM_S_PGFAULT] = 150;
	ck_assert_double_eq(vm_system_rate(&cur, &prev, VM_S_PGFAULT), 100);
	ck_assert(isnan(vm_system_rate(&cur, &prev, VM_S_PGMAJFAULT)));
	ck_assert(isnan(vm_system_rate(&prev, &cur, VM_S_PGFAULT)));
	ck_assert(isnan(vm_system_rate(&cur, &cur, VM_S_PGFAULT)));
}
END_TEST

START_TEST(needs_have_names)
{
	for (unsigned i = 0; i < VM_NEED_NR; i++) {
		ck_assert_ptr_nonnull(vm_need_info[i].name);
		ck_assert_ptr_nonnull(vm_need_info[i].what);
		ck_assert_ptr_nonnull(vm_need_info[i].remedy);
		for (unsigned k = 0; k < i; k++)
			ck_assert_str_ne(vm_need_info[i].name, vm_need_info[k].name);
	}
	ck_assert_int_le(VM_NEED_NR, 32);
}
END_TEST

UNIT_MAIN("process", nothing_is_known_at_first, every_quantity_has_a_bit, rates, fault_time, no_time_no_rate,
	  missing_and_backward_counters, rollup_is_kept_with_its_age, system_rate, needs_have_names)
