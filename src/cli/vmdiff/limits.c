/** vmdiff: what growth runs into, and when. */

#include "cli/vmdiff/trend.h"

#include <math.h>
#include <stdlib.h>
#include <stdio.h>

#include "core/model/aspace.h"
#include "core/model/system.h"
#include "core/source/cgroupfs.h"
#include "core/source/source.h"

struct limits {
	const struct vm_trend_row *figure;
	const bool *known;
	char (*name)[VMDIFF_LIMIT_NAME];
	struct vm_limit_row *row;
	size_t n;
};

static double until(double room, double rate)
{
	return rate > 0 ? room / rate : INFINITY;
}

static void add(struct limits *l, enum vmdiff_figure f, uint64_t room, const char *name)
{
	struct vm_limit_row *row = &l->row[l->n];
	snprintf(l->name[l->n], VMDIFF_LIMIT_NAME, "%s", name);
	*row = (struct vm_limit_row){ .name = l->name[l->n++], .room = room, .seconds = NAN, .soonest = NAN, .latest = NAN };
	if (!l->known[f])
		return;
	row->of = &l->figure[f];
	if (row->of->growth.verdict != VM_GROWTH_GROWING)
		return;
	row->seconds = until((double)room, row->of->growth.rate);
	row->soonest = until((double)room, row->of->growth.high);
	row->latest = until((double)room, row->of->growth.low);
}

static void add_rlimit(struct limits *l, const struct vm_proc *p, enum vm_pqty limit, enum vm_pqty used, enum vmdiff_figure f,
		       const char *name)
{
	if (vm_proc_has(p, limit) && vm_proc_has(p, used) && p->q[limit] != UINT64_MAX)
		add(l, f, p->q[limit] > p->q[used] ? p->q[limit] - p->q[used] : 0, name);
}

static void add_cgroup(struct limits *l, const struct vmdiff_moment *m)
{
	struct vm_cgroup_limit limit;
	char name[VMDIFF_LIMIT_NAME];
	const char *path = m->as->proc.cgroup;
	if (!path || !vm_cgroup_memory_limit(m->s, path, &limit) || limit.room == UINT64_MAX)
		return;
	snprintf(name, sizeof(name), "the memory limit of the control group %.*s", limit.path_len ? limit.path_len : 1,
		 limit.path_len ? path : "/");
	add(l, VMDIFF_MEMORY, limit.room, name);
}

static void add_machine(struct limits *l, const struct vmdiff_moment *m)
{
	struct vm_system sys;
	const struct vm_proc *p = &m->as->proc;
	if (vm_system_read(m->s, &sys, NULL) < 0)
		return;
	if (vm_system_has(&sys, VM_S_MEM_AVAILABLE)) {
		const bool swap = vm_system_has(&sys, VM_S_SWAP_FREE) && sys.q[VM_S_SWAP_FREE];
		add(l, VMDIFF_MEMORY, sys.q[VM_S_MEM_AVAILABLE] + (swap ? sys.q[VM_S_SWAP_FREE] : 0),
		    swap ? "the available memory and free swap of the machine" : "the available memory of the machine");
	}
	if (vm_system_has(&sys, VM_S_MAX_MAP_COUNT) && vm_proc_has(p, VM_P_MAP_COUNT))
		add(l, VMDIFF_MAPS, sys.q[VM_S_MAX_MAP_COUNT] > p->q[VM_P_MAP_COUNT]
				? sys.q[VM_S_MAX_MAP_COUNT] - p->q[VM_P_MAP_COUNT] : 0, "vm.max_map_count");
}

/** What isn't reached last, by what is left. */
static int compare(const void *pa, const void *pb)
{
	const struct vm_limit_row *a = pa, *b = pb;
	const double x = isnan(a->seconds) ? INFINITY : a->seconds, y = isnan(b->seconds) ? INFINITY : b->seconds;
	return x != y ? (x > y) - (x < y) : (a->room > b->room) - (a->room < b->room);
}

size_t vmdiff_limits(const struct vmdiff_moment *m, const struct vm_trend_row *figure, const bool *known,
		     char name[VMDIFF_LIMITS][VMDIFF_LIMIT_NAME], struct vm_limit_row row[VMDIFF_LIMITS])
{
	struct limits l = { .figure = figure, .known = known, .name = name, .row = row };
	add_cgroup(&l, m);
	add_rlimit(&l, &m->as->proc, VM_P_AS_SOFT, VM_P_VSZ, VMDIFF_VSZ, "RLIMIT_AS");
	add_rlimit(&l, &m->as->proc, VM_P_DATA_SOFT, VM_P_DATA, VMDIFF_DATA, "RLIMIT_DATA");
	add_machine(&l, m);
	qsort(row, l.n, sizeof(*row), compare);
	return l.n;
}
