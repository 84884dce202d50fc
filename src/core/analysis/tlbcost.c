#include "core/analysis/tlbcost.h"

#include <math.h>

#include "core/base/cleanup.h"

/** Of less than this share of the time nothing is inferred about another time. */
#define TRUSTED_SHARE 0.25

static const double unknown = (double)NAN;

/* ---- Counts that belong together ---------------------------------------------------------------------------------- */

static const struct vm_tc_entry *find(const struct vm_tc_set *set, unsigned what, unsigned core)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i].what == what && set->v[i].core == core)
			return &set->v[i];
	return NULL;
}

static const struct vm_tc_entry *find_in_group(const struct vm_tc_set *set, unsigned what, const struct vm_tc_entry *beside)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i].what == what && set->v[i].core == beside->core && set->v[i].c.group == beside->c.group)
			return &set->v[i];
	return NULL;
}

static double scaled(const struct vm_tc_entry *e)
{
	return e ? vm_tc_scaled(&e->c) : unknown;
}

static double ratio(const struct vm_tc_entry *a, const struct vm_tc_entry *b)
{
	if (!a || !b || !vm_tc_counted(&a->c) || !vm_tc_counted(&b->c))
		return unknown;
	if (a->c.group == b->c.group)
		return b->c.raw ? (double)a->c.raw / (double)b->c.raw : unknown;
	if (vm_tc_share(&a->c) < TRUSTED_SHARE || vm_tc_share(&b->c) < TRUSTED_SHARE || !b->c.raw)
		return unknown;
	return vm_tc_scaled(&a->c) / vm_tc_scaled(&b->c);
}

/** To what was counted beside it; else, with a count that ran at other times, if both ran long enough. */
static double ratio_to(const struct vm_tc_set *set, const struct vm_tc_entry *a, unsigned what)
{
	if (!a)
		return unknown;
	const struct vm_tc_entry *beside = find_in_group(set, what, a);
	return ratio(a, beside ? beside : find(set, what, a->core));
}

/** All groups count cycles and instructions: the mean of them, each by the time that it ran. */
static double total(const struct vm_tc_set *set, unsigned what, unsigned core)
{
	double raw = 0, running = 0, enabled = 0;
	for (size_t i = 0; i < set->n; i++) {
		const struct vm_tc_entry *e = &set->v[i];
		if (e->what != what || e->core != core || !vm_tc_counted(&e->c))
			continue;
		raw += (double)e->c.raw;
		running += (double)e->c.running_ns;
		enabled = fmax(enabled, (double)e->c.enabled_ns);
	}
	return running > 0 ? raw * (enabled / running) : unknown;
}

/**
 * An event of one kind of core doesn't run while the task is on another: what it was enabled is then the time on its own
 * kind, which its groups have shared.
 */
static void own_time_only(struct vm_tc_set *set, unsigned core)
{
	uint64_t sum = 0;
	int group = -1;
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i].core == core && set->v[i].c.opened && set->v[i].c.group != group) {
			group = set->v[i].c.group;
			sum += set->v[i].c.running_ns;
		}
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i].core == core && sum < set->v[i].c.enabled_ns)
			set->v[i].c.enabled_ns = sum;
}

/* ---- Sides -------------------------------------------------------------------------------------------------------- */

static double least_share(const struct vm_tc_set *set, enum vm_tc_side side, unsigned core)
{
	double least = unknown;
	for (unsigned of = 0; of < VM_TC_OFS; of++) {
		const struct vm_tc_entry *e = find(set, vm_tc_what(side, of), core);
		if (e && vm_tc_counted(&e->c))
			least = fmin(isnan(least) ? 1 : least, vm_tc_share(&e->c));
	}
	return least;
}

static const struct vm_tc_entry *entry(const struct vm_tc_set *set, const struct vm_tlb_side_row *row, enum vm_tc_of of)
{
	return find(set, vm_tc_what(row->side, of), row->core);
}

/** Not counted by itself, but what is left of the misses when those that walked are taken away. */
static double stlb_hits(const struct vm_tc_set *set, const struct vm_tlb_side_row *row)
{
	const struct vm_tc_entry *hits = entry(set, row, VM_TC_STLB_HITS), *l1 = entry(set, row, VM_TC_L1_MISSES),
		*walks = entry(set, row, VM_TC_WALKS);
	if (hits || !l1 || !walks || l1->c.group != walks->c.group)
		return scaled(hits);
	return fmax(scaled(l1) - scaled(walks), 0);
}

static double l1_miss_ratio(const struct vm_tc_set *set, const struct vm_tlb_side_row *row)
{
	const struct vm_tc_entry *l1 = entry(set, row, VM_TC_L1_MISSES);
	const unsigned accesses = vm_tc_what(row->side, VM_TC_ACCESSES);
	if (l1)
		return ratio_to(set, l1, accesses);
	return ratio_to(set, entry(set, row, VM_TC_STLB_HITS), accesses) + ratio_to(set, entry(set, row, VM_TC_WALKS), accesses);
}

static bool fill_side(const struct vm_tc_set *set, struct vm_tlb_side_row *row)
{
	const struct vm_tc_entry *walks = entry(set, row, VM_TC_WALKS), *started = entry(set, row, VM_TC_WALKS_STARTED),
		*cycles = entry(set, row, VM_TC_WALK_CYCLES), *accesses = entry(set, row, VM_TC_ACCESSES);
	row->accesses = scaled(accesses);
	row->l1_misses = scaled(entry(set, row, VM_TC_L1_MISSES));
	row->stlb_hits = stlb_hits(set, row);
	if (isnan(row->l1_misses))
		row->l1_misses = row->stlb_hits + scaled(walks);
	row->walks = scaled(walks);
	row->walks_started = scaled(started);
	row->walk_cycles = scaled(cycles);
	row->l1_miss_ratio = l1_miss_ratio(set, row);
	row->walk_ratio = ratio_to(set, walks, vm_tc_what(row->side, VM_TC_ACCESSES));
	row->walks_per_kinst = 1000 * ratio_to(set, walks ? walks : started, VM_TC_INSTRUCTIONS);
	row->cycles_per_walk = ratio(cycles, walks);
	row->cycle_share = ratio_to(set, cycles, VM_TC_CYCLES);
	row->counted = least_share(set, row->side, row->core);
	return walks || started || cycles || accesses || !isnan(row->stlb_hits) || !isnan(row->l1_misses);
}

static void add_sides(const struct vm_tc_set *set, unsigned core, const char *core_name, struct vm_tlb_cost_view *out)
{
	for (unsigned side = 0; side < VM_TC_SIDES; side++) {
		struct vm_tlb_side_row *row = &out->side[out->nsides];
		*row = (struct vm_tlb_side_row){ .side = side, .core = core, .core_name = core_name };
		out->nsides += fill_side(set, row);
	}
}

static void add_sizes(const struct vm_tc_set *set, enum vm_tc_side side, unsigned core, const char *core_name,
		      struct vm_tlb_cost_view *out)
{
	static const enum vm_tc_of of[] = { VM_TC_WALKS_4K, VM_TC_WALKS_2M, VM_TC_WALKS_1G };
	static const uint64_t bytes[] = { UINT64_C(1) << 12, UINT64_C(1) << 21, UINT64_C(1) << 30 };
	const size_t first = out->nsizes;
	double sum = 0;
	bool trusted = true;
	int group = -1;
	for (size_t i = 0; i < vm_countof(of); i++) {
		const struct vm_tc_entry *e = find(set, vm_tc_what(side, of[i]), core);
		const double walks = scaled(e);
		if (!e)
			continue;
		out->size[out->nsizes++] = (struct vm_tlb_size_row){
			.side = side, .core = core, .core_name = core_name, .page_bytes = bytes[i], .walks = walks, .share = unknown,
		};
		sum += walks;
		trusted &= group < 0 || e->c.group == group || vm_tc_share(&e->c) >= TRUSTED_SHARE;
		group = e->c.group;
	}
	for (size_t i = first; trusted && sum > 0 && i < out->nsizes; i++)
		out->size[i].share = out->size[i].walks / sum;
}

/* ---- All ---------------------------------------------------------------------------------------------------------- */

/** Of hybrids, each kind's share counts for as much as the cycles that were spent on it. */
static void set_ceiling(struct vm_tlb_cost_view *v, const double *cycles)
{
	double sum = 0;
	bool any = false, missing = false;
	for (size_t i = 0; i < v->nsides; i++) {
		const struct vm_tlb_side_row *row = &v->side[i];
		const bool walks = !isnan(row->walks) || !isnan(row->walks_started);
		if (isnan(row->cycle_share))
			missing |= walks;
		else if (v->cycles > 0 && !isnan(cycles[row->core]))
			sum += row->cycle_share * (cycles[row->core] / v->cycles);
		any |= !isnan(row->cycle_share);
	}
	v->ceiling = any ? fmin(sum, 1) : unknown;
	v->speedup = any ? 1 / (1 - v->ceiling) : unknown;
	v->ceiling_partial = any && missing;
}

static double sum_known(double a, double b)
{
	return isnan(a) ? b : isnan(b) ? a : a + b;
}

void vm_tlb_cost_of(const struct vm_tc_set *set, const char *const *cores, size_t ncores, struct vm_tlb_cost_view *out)
{
	struct vm_tc_set own = *set;
	double cycles[VM_TLB_CORES_MAX];
	*out = (struct vm_tlb_cost_view){ .cycles = unknown, .instructions = unknown };
	for (unsigned core = 0; core < ncores && core < VM_TLB_CORES_MAX; core++) {
		if (ncores > 1)
			own_time_only(&own, core);
		cycles[core] = total(&own, VM_TC_CYCLES, core);
		out->cycles = sum_known(out->cycles, cycles[core]);
		out->instructions = sum_known(out->instructions, total(&own, VM_TC_INSTRUCTIONS, core));
		const char *name = ncores > 1 ? cores[core] : NULL;
		add_sides(&own, core, name, out);
		add_sizes(&own, VM_TC_LOAD, core, name, out);
		add_sizes(&own, VM_TC_DATA, core, name, out);
	}
	out->ipc = out->cycles > 0 ? out->instructions / out->cycles : unknown;
	set_ceiling(out, cycles);
}

size_t vm_tlb_event_rows(const struct vm_tc_set *set, struct vm_tlb_event_row *out)
{
	const double seconds = (double)set->wall_ns / 1e9;
	for (size_t i = 0; i < set->n; i++) {
		const struct vm_tc_entry *e = &set->v[i];
		const bool of_side = e->what < VM_TC_CYCLES && e->what % VM_TC_OFS != VM_TC_ACCESSES &&
				     e->what % VM_TC_OFS != VM_TC_WALK_CYCLES;
		out[i] = (struct vm_tlb_event_row){
			.name = e->name, .note = e->note, .what = e->what, .count = scaled(e),
			.rate = seconds > 0 ? scaled(e) / seconds : unknown,
			.per_kinst = e->what == VM_TC_INSTRUCTIONS ? unknown : 1000 * ratio_to(set, e, VM_TC_INSTRUCTIONS),
			.ratio = of_side ? ratio_to(set, e, vm_tc_what(e->what / VM_TC_OFS, VM_TC_ACCESSES)) : unknown,
			.counted = vm_tc_counted(&e->c) ? vm_tc_share(&e->c) : unknown, .raw = e->c.raw, .enabled_ns = e->c.enabled_ns,
			.running_ns = e->c.running_ns, .group = e->c.group, .opened = e->c.opened, .why = e->why,
		};
	}
	return set->n;
}

/* ---- Series ------------------------------------------------------------------------------------------------------- */

/** Of the kernel's own, which need no counter of the CPU: what wasn't counted didn't happen, as long as the target slept. */
static double per_second(const struct vm_tc_count *c, double seconds)
{
	return c->opened && seconds > 0 ? (double)c->raw / seconds : unknown;
}

void vm_tlb_sample_of(const struct vm_tc_set *part, const struct vm_tlb_cost_view *cost, uint64_t since_begin_ns,
		      struct vm_tlb_sample_row *out)
{
	const double s = (double)part->wall_ns / 1e9;
	double walks[VM_TC_SIDES] = { unknown, unknown, unknown, unknown }, kinst = unknown, data = unknown, fetch = unknown;
	double counted = unknown;
	for (size_t i = 0; i < cost->nsides; i++) {
		const struct vm_tlb_side_row *row = &cost->side[i];
		walks[row->side] = sum_known(walks[row->side], (isnan(row->walks) ? row->walks_started : row->walks) / s);
		kinst = sum_known(kinst, row->walks_per_kinst);
		if (row->side == VM_TC_FETCH)
			fetch = sum_known(fetch, row->cycle_share);
		else
			data = sum_known(data, row->cycle_share);
		counted = isnan(counted) ? row->counted : isnan(row->counted) ? counted : fmin(counted, row->counted);
	}
	*out = (struct vm_tlb_sample_row){
		.time_s = (double)since_begin_ns / 1e9, .seconds = s, .cycles = cost->cycles / s,
		.instructions = cost->instructions / s, .ipc = cost->ipc, .load_walks = walks[VM_TC_LOAD],
		.store_walks = walks[VM_TC_STORE], .data_walks = walks[VM_TC_DATA], .fetch_walks = walks[VM_TC_FETCH],
		.walks_per_kinst = kinst, .data_share = data, .fetch_share = fetch, .counted = counted,
		.cpus = per_second(&part->software[VM_TC_TASK_CLOCK], s) / 1e9,
		.faults = per_second(&part->software[VM_TC_PAGE_FAULTS], s),
		.minor = per_second(&part->software[VM_TC_MINOR_FAULTS], s),
		.major = per_second(&part->software[VM_TC_MAJOR_FAULTS], s),
		.switches = per_second(&part->software[VM_TC_CONTEXT_SWITCHES], s),
		.migrations = per_second(&part->software[VM_TC_MIGRATIONS], s),
	};
}
