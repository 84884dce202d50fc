/** core/model/walkset, core/analysis/walkview: samples to sums, and sums to rows. */
#include "core/analysis/walkview.h"

#include <math.h>
#include <stdio.h>
#include <sys/mman.h>

#include "core/model/spacemaps.h"
#include "core/source/walksamples.h"
#include "unit.h"

enum { BASE = 4096, LOADS = 0, STORES = 1 };

static void add(struct vm_walkset *w, struct vm_walk_group g, uint64_t page)
{
	/* What was counted so far is none of the caller's business. */
	g.samples = g.sized = g.huge = 77;
	ck_assert(vm_walkset_add(w, &g, page, BASE));
}

static struct vm_walkset two_events(void)
{
	return (struct vm_walkset){
		.nevents = 2, .event = { [LOADS] = { .name = "loads", .side = VM_TC_LOAD }, [STORES] = { .name = "stores", .side = VM_TC_STORE } },
	};
}

START_TEST(sums)
{
	struct vm_walkset w = two_events();
	for (unsigned i = 0; i < 1000; i++) {
		const struct vm_walk_group g = {
			.space = i % 2, .event = i % 4 == 0, .ip = 0x1000 + i % 8, .mapping = 0x7000, .addressed = i % 5 != 0,
			.stack = VM_FAULT_NONE, .weight = 10, .kernel = i % 16 == 0,
		};
		add(&w, g, i % 10 == 0 ? 0 : i % 10 == 1 ? 2 << 20 : BASE);
	}
	ck_u64_eq(vm_walkset_samples(&w), 1000);
	ck_u64_eq(w.event[LOADS].samples, 750);
	ck_u64_eq(w.event[STORES].samples, 250);
	ck_u64_eq(w.event[LOADS].weight, 7500);
	ck_u64_eq(w.event[LOADS].with_address + w.event[STORES].with_address, 800);
	uint64_t samples = 0, weight = 0, sized = 0, huge = 0;
	for (size_t i = 0; i < w.group.n; i++) {
		const struct vm_walk_group *a = &w.group.v[i];
		samples += a->samples;
		weight += a->weight;
		sized += a->sized;
		huge += a->huge;
		for (size_t k = 0; k < i; k++) {
			const struct vm_walk_group *b = &w.group.v[k];
			ck_assert(a->space != b->space || a->event != b->event || a->ip != b->ip || a->addressed != b->addressed ||
				  a->kernel != b->kernel);
		}
	}
	ck_u64_eq(samples, 1000);
	ck_u64_eq(weight, 10000);
	ck_u64_eq(sized, 900);
	ck_u64_eq(huge, 100);
	vm_walkset_clear(&w);
	ck_u64_eq(vm_walkset_samples(&w), 0);
	ck_assert_uint_eq(w.group.n, 0);
	add(&w, (struct vm_walk_group){ .ip = 0x1000, .weight = 1 }, 0);
	ck_assert_uint_eq(w.group.n, 1);
	ck_u64_eq(w.group.v[0].samples, 1);
	vm_walkset_free(&w);
}
END_TEST

static void ck_near(double have, double want)
{
	ck_assert_msg(fabs(have - want) <= 1e-9 * fabs(want), "%g instead of %g", have, want);
}

/** Samples tell shares, counters how many. */
START_TEST(estimates)
{
	struct vm_walkset w = two_events();
	add(&w, (struct vm_walk_group){ .event = LOADS, .ip = 1, .weight = 100 }, 0);
	add(&w, (struct vm_walk_group){ .event = LOADS, .ip = 2, .weight = 300 }, 0);
	/* Not counted: what the samples say. */
	ck_near(vm_walkset_events(&w, LOADS, 300), 300);
	vm_walkset_scale(&w, LOADS, NAN, 400);
	ck_near(vm_walkset_events(&w, LOADS, 300), 300);
	vm_walkset_scale(&w, LOADS, 1000, 400);
	ck_near(vm_walkset_events(&w, LOADS, 300), 750);
	/* Those that are passed over have their share of what was counted, too. */
	vm_walkset_pass(&w, LOADS, 600);
	ck_u64_eq(w.event[LOADS].all_weight, 1000);
	vm_walkset_scale(&w, LOADS, 1000, w.event[LOADS].all_weight);
	ck_near(vm_walkset_events(&w, LOADS, 300), 300);
	vm_walkset_scale(&w, LOADS, 1000, 0);
	ck_near(vm_walkset_events(&w, LOADS, 300), 300);
	ck_u64_eq(w.event[LOADS].samples, 2);
	vm_walkset_free(&w);
}
END_TEST

/** Sites with names from their addresses. */
static void by_ip(const struct vm_walkset *w, struct vm_walk_rows *rows)
{
	for (size_t i = 0; i < w->group.n; i++) {
		bool is_new;
		struct vm_walk_row *row = vm_walk_row(rows, w->group.v[i].ip, &is_new);
		ck_assert(row != NULL);
		if (is_new)
			row->ip = w->group.v[i].ip;
		vm_walk_row_add(row, w, &w->group.v[i]);
	}
	vm_walk_rows_finish(rows);
}

START_TEST(places)
{
	struct vm_walkset w = two_events();
	struct vm_walk_rows rows = { 0 };
	ck_assert(vm_vec_push(&w.who.space, ((struct vm_fault_space){ .pid = 42, .comm = "one", .from = VM_FAULT_NONE })));
	ck_assert(vm_vec_push(&w.who.space, ((struct vm_fault_space){ .pid = 43, .comm = "two", .from = VM_FAULT_NONE })));
	add(&w, (struct vm_walk_group){ .space = 0, .event = LOADS, .ip = 0x10, .weight = 1 }, 0);
	add(&w, (struct vm_walk_group){ .space = 0, .event = STORES, .ip = 0x10, .weight = 2, .kernel = true }, 0);
	add(&w, (struct vm_walk_group){ .space = 0, .event = LOADS, .ip = 0x20, .weight = 5 }, 0);
	add(&w, (struct vm_walk_group){ .space = 1, .event = LOADS, .ip = 0x20, .weight = 2 }, 0);
	by_ip(&w, &rows);
	ck_assert_uint_eq(rows.row.n, 2);
	const struct vm_walk_row *a = &rows.row.v[0], *b = &rows.row.v[1];
	/* The one that stands for more comes first, and of several processes none is named. */
	ck_u64_eq(a->ip, 0x20);
	ck_assert(a->pid == 0 && !a->comm && b->pid == 42);
	ck_assert_str_eq(b->comm, "one");
	ck_near(a->share, 0.7);
	ck_near(b->events, 3);
	ck_u64_eq(a->samples, 2);
	ck_u64_eq(b->side[VM_TC_LOAD], 1);
	ck_u64_eq(b->side[VM_TC_STORE], 1);
	ck_u64_eq(b->kernel, 1);
	vm_walk_rows_free(&rows);
	vm_walkset_free(&w);
}
END_TEST

static void map(struct vm_spacemaps *maps, uint64_t start, uint64_t end, const char *name)
{
	const struct vm_fault_mapping m = { .prot = PROT_READ | PROT_WRITE, .start = start, .end = end, .name = name,
	                                    .backing = VM_FAULT_B_ANON };
	ck_assert(vm_spacemaps_map(maps, &m));
}

static void touch(struct vm_walkset *w, struct vm_spacemaps *maps, uint64_t address)
{
	uint64_t key = UINT64_MAX;
	vm_spacemaps_hit(maps, 0, address, &key);
	add(w, (struct vm_walk_group){ .ip = address, .mapping = key, .addressed = true, .weight = 1, .stack = VM_FAULT_NONE }, BASE);
}

START_TEST(mappings)
{
	struct vm_walkset w = two_events();
	struct vm_spacemaps maps = { 0 };
	struct vm_walk_rows rows = { 0 };
	ck_assert(vm_vec_push(&w.who.space, ((struct vm_fault_space){ .pid = 42, .from = VM_FAULT_NONE })));
	map(&maps, 0x10000, 0x20000, "[heap]");
	map(&maps, 0x40000, 0x50000, "");
	touch(&w, &maps, 0x10008);
	touch(&w, &maps, 0x11000);
	/* It grows, and stays one. */
	map(&maps, 0x10000, 0x30000, "[heap]");
	touch(&w, &maps, 0x2f000);
	touch(&w, &maps, 0x40000);
	touch(&w, &maps, 0x90000);
	add(&w, (struct vm_walk_group){ .mapping = VM_WALK_KERNEL, .addressed = true, .weight = 1 }, 0);
	/* Without an address it is in no mapping. */
	add(&w, (struct vm_walk_group){ .ip = 5, .mapping = UINT64_MAX, .weight = 100 }, 0);
	ck_assert(vm_spacemaps_put(&maps, &w.who));
	ck_assert(vm_walk_by_mapping(&w, false, &rows));
	ck_assert_uint_eq(rows.row.n, 4);
	ck_u64_eq(rows.row.v[0].samples, 3);
	ck_assert_str_eq(rows.row.v[0].place, "[heap]");
	ck_u64_eq(rows.row.v[0].start, 0x10000);
	ck_u64_eq(rows.row.v[0].end, 0x30000);
	ck_near(rows.row.v[0].share, 0.5);
	unsigned kernel = 0, nowhere = 0;
	for (size_t i = 1; i < 4; i++) {
		const struct vm_walk_row *row = &rows.row.v[i];
		ck_u64_eq(row->samples, 1);
		kernel += !row->m && row->place && strcmp(row->place, "[kernel]") == 0;
		nowhere += !row->m && !row->place;
	}
	ck_assert_uint_eq(kernel, 1);
	ck_assert_uint_eq(nowhere, 1);
	vm_walk_rows_free(&rows);
	rows = (struct vm_walk_rows){ 0 };
	/* Of another process, the same is one with it. */
	ck_assert(vm_vec_push(&w.who.space, ((struct vm_fault_space){ .pid = 43, .from = 0 })));
	add(&w, (struct vm_walk_group){ .space = 1, .ip = 7, .mapping = 0x40000, .addressed = true, .weight = 1 }, BASE);
	ck_assert(vm_walk_by_mapping(&w, true, &rows));
	ck_assert_uint_eq(rows.row.n, 4);
	ck_assert_str_eq(rows.row.v[1].place, "");
	ck_assert(rows.row.v[1].samples == 2 && rows.row.v[1].pid == 0 && rows.row.v[1].merged);
	vm_walk_rows_free(&rows);
	vm_spacemaps_free(&maps);
	vm_walkset_free(&w);
}
END_TEST

START_TEST(nothing)
{
	struct vm_walkset w = { 0 };
	struct vm_walk_rows rows = { 0 };
	ck_assert(vm_walk_by_mapping(&w, false, &rows));
	ck_assert_uint_eq(rows.row.n, 0);
	vm_walk_rows_finish(&rows);
	vm_walk_rows_free(&rows);
	vm_walkset_free(&w);
}
END_TEST

/** What IBS's samples say of themselves (perf_ibs_get_tlb_lvl() in the kernel). */
START_TEST(sources_of_data)
{
	union perf_mem_data_src src = { .mem_op = PERF_MEM_OP_LOAD, .mem_dtlb = PERF_MEM_TLB_L2 | PERF_MEM_TLB_MISS };
	ck_assert(vm_walks_missed(src.val));
	src.mem_op = PERF_MEM_OP_STORE;
	ck_assert(vm_walks_missed(src.val));
	src.mem_dtlb = PERF_MEM_TLB_L2 | PERF_MEM_TLB_HIT;
	ck_assert(!vm_walks_missed(src.val));
	src.mem_dtlb = PERF_MEM_TLB_L1 | PERF_MEM_TLB_HIT;
	ck_assert(!vm_walks_missed(src.val));
	src.mem_dtlb = PERF_MEM_TLB_NA;
	ck_assert(!vm_walks_missed(src.val));
	ck_assert(!vm_walks_missed(0));
}
END_TEST

START_TEST(names)
{
	const struct vm_pmu pmu = { .state = VM_PMU_NONE };
	struct vm_walk_pick pick[VM_WALK_EVENTS];
	char many[256] = "page-faults";
	ck_assert_int_eq(vm_walks_named(&pmu, "page-faults", pick, NULL), 1);
	ck_assert_uint_eq(pick[0].event.type, PERF_TYPE_SOFTWARE);
	ck_u64_eq(pick[0].event.config, PERF_COUNT_SW_PAGE_FAULTS);
	ck_assert_int_eq(pick[0].side, VM_TC_SIDES);
	ck_assert_int_eq(vm_walks_named(&pmu, "cpu-clock,page-faults", pick, NULL), 2);
	ck_u64_eq(pick[1].event.config, PERF_COUNT_SW_PAGE_FAULTS);
	ck_assert_int_lt(vm_walks_named(&pmu, "", pick, NULL), 0);
	ck_assert_int_lt(vm_walks_named(&pmu, "page-faults,", pick, NULL), 0);
	ck_assert_int_lt(vm_walks_named(&pmu, ",page-faults", pick, NULL), 0);
	ck_assert_int_lt(vm_walks_named(&pmu, "no-such-event", pick, NULL), 0);
	for (unsigned i = 1; i < VM_WALK_EVENTS; i++)
		strcat(many, ",page-faults");
	ck_assert_int_eq(vm_walks_named(&pmu, many, pick, NULL), VM_WALK_EVENTS);
	strcat(many, ",page-faults");
	ck_assert_int_lt(vm_walks_named(&pmu, many, pick, NULL), 0);
}
END_TEST

UNIT_MAIN("walkset", sums, estimates, places, mappings, nothing, sources_of_data, names)
