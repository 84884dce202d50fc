/** vmdiff: figures of one process at many moments, collected. */

#include "cli/vmdiff/trend.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/analysis/spacediff.h"
#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/model/aspace.h"
#include "core/model/kind.h"

/** A verdict looks at all pairs: with more, it would cost more than looking at the process. */
enum { SAMPLES_MAX = 512 };

static_assert((int)SAMPLES_MAX <= (int)VM_TREND_MAX, "what is kept can be judged");

/** Every other sample goes. */
static void thin(struct vmdiff_trend *trend)
{
	const size_t n = trend->t.n;
	for (size_t i = 0; 2 * i < n; i++) {
		trend->t.v[i] = trend->t.v[2 * i];
		for (unsigned f = 0; f < VMDIFF_FIGURES; f++)
			trend->figure[f].v[i] = trend->figure[f].v[2 * i];
		for (size_t g = 0; g < trend->groups.n; g++)
			trend->groups.v[g].y.v[i] = trend->groups.v[g].y.v[2 * i];
	}
	trend->t.n = (n + 1) / 2;
	for (unsigned f = 0; f < VMDIFF_FIGURES; f++)
		trend->figure[f].n = trend->t.n;
	for (size_t g = 0; g < trend->groups.n; g++)
		trend->groups.v[g].y.n = trend->t.n;
	trend->stride *= 2;
}

/* ---- One sample ------------------------------------------------------------------------------------------------------- */

static double figure_of(const struct vm_aspace *as, enum vmdiff_figure f)
{
	static const enum vm_pqty qty[VMDIFF_FIGURES] = {
		[VMDIFF_VSZ] = VM_P_VSZ, [VMDIFF_DATA] = VM_P_DATA, [VMDIFF_PTE] = VM_P_PAGE_TABLES,
		[VMDIFF_MAPS] = VM_P_MAP_COUNT, [VMDIFF_THREADS] = VM_P_THREADS,
	};
	const struct vm_proc *p = &as->proc;
	uint64_t bytes;
	if (f != VMDIFF_MEMORY)
		return vm_proc_has(p, qty[f]) ? (double)p->q[qty[f]] : NAN;
	/* The kernel's counters of a process lag behind by some pages a CPU (Linux 6.2); its smaps doesn't. */
	if (as->nmaps && vm_mapping_in_use(&as->total.m, &bytes))
		return (double)bytes;
	return vm_proc_has(p, VM_P_RSS) ? (double)(p->q[VM_P_RSS] + p->q[VM_P_SWAP] + p->q[VM_P_HUGETLB]) : NAN;
}

/** A group that is seen for the first time: before, it had nothing. */
static bool new_group(struct vmdiff_trend *trend, const struct vm_mapping *first)
{
	struct vm_sum *key = vm_arena_alloc(&trend->keys, sizeof(*key));
	const char *name = vm_arena_strndup(&trend->keys, first->name, strlen(first->name));
	if (!key || !name || !vm_vec_push(&trend->groups, (struct vmdiff_group){ .key = key }))
		return false;
	*key = (struct vm_sum){ 0 };
	vm_sum_add(key, first);
	key->m.name = name;
	key->m.area = NULL;
	key->m.differs |= VM_DIFFERS_RANGE;
	struct vmdiff_group *g = &trend->groups.v[trend->groups.n - 1];
	for (size_t i = 0; i < trend->t.n; i++)
		if (!vm_vec_push(&g->y, 0))
			return false;
	return true;
}

/** What its members don't have in common. */
static void widen(struct vm_sum *key, const struct vm_mapping *m)
{
	if (key->m.prot != m->prot || key->m.shared != m->shared)
		key->m.differs |= VM_DIFFERS_PERM;
	key->m.kind = (uint8_t)vm_kind_join(key->m.kind, m->kind);
}

static int add_groups(struct vmdiff_trend *trend, const struct vm_aspace *as, enum vm_group_by by)
{
	const size_t known = trend->groups.n, n = known + as->nmaps;
	vm_auto_free const struct vm_mapping **maps = malloc((n + 1) * sizeof(*maps));
	vm_auto_free uint32_t *of = malloc((n + 1) * sizeof(*of));
	if (!maps || !of)
		return -ENOMEM;
	/* Those known come first, and so have their own numbers. */
	for (size_t i = 0; i < n; i++)
		maps[i] = i < known ? &trend->groups.v[i].key->m : &as->map[i - known];
	const long groups = vm_group_assign(maps, n, by, of);
	if (groups < 0)
		return -ENOMEM;
	for (size_t i = known; i < n; i++)
		if (of[i] == trend->groups.n && !new_group(trend, maps[i]))
			return -ENOMEM;
	for (size_t g = 0; g < trend->groups.n; g++)
		if (!vm_vec_push(&trend->groups.v[g].y, 0))
			return -ENOMEM;
	for (size_t i = known; i < n; i++) {
		struct vmdiff_group *g = &trend->groups.v[of[i]];
		uint64_t bytes;
		vm_mapping_in_use(maps[i], &bytes);
		g->y.v[g->y.n - 1] += (double)bytes;
		widen(g->key, maps[i]);
	}
	return 0;
}

/** Of what is watched, by the clock that nobody sets. */
static uint64_t time_of(const struct vmdiff *v, const struct vmdiff_moment *m)
{
	return v->o->every_ns ? m->as->taken_ns + m->as->took_ns / 2 : m->time_ns;
}

int vmdiff_trend_add(struct vmdiff *v, struct vmdiff_trend *trend, const struct vmdiff_moment *m, struct vm_err *err)
{
	if (!trend->stride) {
		trend->stride = 1;
		trend->first_ns = time_of(v, m);
		trend->has_groups = m->as->nmaps && (m->as->total.m.have & VM_HAVE(VM_Q_RSS));
	}
	const double t = ((double)time_of(v, m) - (double)trend->first_ns) / 1e9;
	if (trend->t.n && t <= trend->t.v[trend->t.n - 1])
		return vm_fail(err, EINVAL, "%s is not later than the moment before it", m->text);
	if (trend->looked++ % trend->stride)
		return 0;
	int r = trend->has_groups ? add_groups(trend, m->as, v->o->by < 0 ? VM_BY_NAME : (enum vm_group_by)v->o->by) : 0;
	for (unsigned f = 0; r == 0 && f < VMDIFF_FIGURES; f++)
		r = vm_vec_push(&trend->figure[f], figure_of(m->as, (enum vmdiff_figure)f)) ? 0 : -ENOMEM;
	if (r == 0)
		r = vm_vec_push(&trend->t, t) ? 0 : -ENOMEM;
	if (r < 0)
		return vm_fail(err, ENOMEM, "out of memory");
	if (trend->t.n == SAMPLES_MAX)
		thin(trend);
	return 0;
}

void vmdiff_trend_free(struct vmdiff_trend *trend)
{
	for (size_t g = 0; g < trend->groups.n; g++)
		vm_vec_free(&trend->groups.v[g].y);
	vm_vec_free(&trend->groups);
	for (unsigned f = 0; f < VMDIFF_FIGURES; f++)
		vm_vec_free(&trend->figure[f]);
	vm_vec_free(&trend->t);
	vm_arena_free(&trend->keys);
}

bool vmdiff_trend_figure(const struct vmdiff_trend *trend, enum vmdiff_figure f, struct vm_trend_row *row)
{
	static const char *const names[VMDIFF_FIGURES] = {
		[VMDIFF_MEMORY] = "memory", [VMDIFF_VSZ] = "VSZ", [VMDIFF_DATA] = "data", [VMDIFF_PTE] = "page tables",
		[VMDIFF_MAPS] = "mappings", [VMDIFF_THREADS] = "threads",
	};
	*row = (struct vm_trend_row){
		.figure = names[f], .samples = trend->t.n, .count = f == VMDIFF_MAPS || f == VMDIFF_THREADS,
	};
	for (size_t i = 0; i < trend->t.n; i++)
		if (isnan(trend->figure[f].v[i]))
			return false;
	return trend->t.n && vm_growth_judge(trend->t.v, trend->figure[f].v, trend->t.n, &row->growth) == 0;
}
