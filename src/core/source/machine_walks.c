#include "core/source/machine_walks.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "core/base/err.h"
#include "core/model/machine.h"
#include "core/model/tlbcount.h"
#include "core/source/counters.h"
#include "core/source/pmu.h"
#include "core/source/session.h"

struct vm_machine_walks {
	struct vm_pmu pmu;
	struct vm_counters *counters;
	struct vm_tc_set now;
};

static int refused(const struct vm_pmu *p, struct vm_err *err)
{
	struct vm_pmu_reason why;
	const bool has_reason = vm_pmu_reason(p, &why);
	const int code = p->state == VM_PMU_NONE || p->state == VM_PMU_NO_PERF ? ENODEV : EACCES;
	vm_fail(err, code, "%s", has_reason ? why.what : "the CPU's counters can't be used");
	if (has_reason && why.fix[0])
		vm_hint(err, "%s", why.fix);
	return -code;
}

int vm_machine_walks_open(struct vm_session *s, struct vm_machine_walks **out, struct vm_err *err)
{
	struct vm_machine_walks *w = calloc(1, sizeof(*w));
	if (!w)
		return vm_fail(err, ENOMEM, "out of memory");
	int r = s->live ? vm_pmu_probe(s, &w->pmu, err) : vm_fail(err, EOPNOTSUPP, "not in the %s", vm_session_kind(s));
	if (r == 0 && w->pmu.state != VM_PMU_READY)
		r = refused(&w->pmu, err);
	const struct vm_counters_ask ask = { .whom = VM_OF_ALL, .pmu = &w->pmu };
	if (r == 0)
		r = vm_counters_open(s, &ask, &w->counters, err);
	if (r == 0)
		r = vm_counters_enable(w->counters, err);
	if (r < 0) {
		vm_machine_walks_close(w);
		return r;
	}
	*out = w;
	return 0;
}

/** Of all sides and kinds of cores together. */
static void add_counts(const struct vm_tc_set *set, enum vm_tc_of of, struct vm_machine *m, enum vm_machqty to)
{
	double sum = NAN;
	for (size_t i = 0; i < set->n; i++) {
		const struct vm_tc_entry *e = &set->v[i];
		const bool fits = to == VM_M_CYCLES ? e->what == VM_TC_CYCLES : e->what < VM_TC_CYCLES && e->what % VM_TC_OFS == of;
		const double n = fits ? vm_tc_scaled(&e->c) : NAN;
		if (!isnan(n))
			sum = isnan(sum) ? n : sum + n;
	}
	if (!isnan(sum))
		vm_machine_set(m, to, (uint64_t)sum);
}

void vm_machine_walks_read(struct vm_machine_walks *w, struct vm_machine *m)
{
	vm_counters_read(w->counters, &w->now);
	add_counts(&w->now, VM_TC_WALKS, m, VM_M_WALKS);
	add_counts(&w->now, VM_TC_WALK_CYCLES, m, VM_M_WALK_CYCLES);
	add_counts(&w->now, VM_TC_WALKS, m, VM_M_CYCLES);
}

void vm_machine_walks_close(struct vm_machine_walks *w)
{
	if (!w)
		return;
	vm_counters_close(w->counters);
	free(w);
}
