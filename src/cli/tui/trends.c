#include "cli/tui/trends.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/field/field.h"
#include "core/field/machine.h"

const struct vm_trend vm_trends[] = {
	{ "memory", "available", "AVAIL", VM_TINT_BAR_FILE, VM_M_TOTAL },
	{ "pressure", "some wait%", "PSI%", VM_TINT_BAR_SWAP, 0 },
	{ "pressure", "all wait%", "PSIFULL%", VM_TINT_BAR_SWAP, 0 },
	{ "faults", "all", "FLT/S", VM_TINT_BAR_ANON, 0 },
	{ "faults", "major", "MAJ/S", VM_TINT_BAR_SWAP, 0 },
	{ "swap", "in", "SI/S", VM_TINT_BAR_SWAP, 0 },
	{ "swap", "out", "SO/S", VM_TINT_BAR_SWAP, 0 },
	{ "reclaim", "scanned", "SCAN/S", VM_TINT_BAR_ANON, 0 },
	{ "reclaim", "reclaimed", "STEAL/S", VM_TINT_BAR_SHMEM, 0 },
	{ "reclaim", "direct", "STALL/S", VM_TINT_BAR_SWAP, 0 },
	{ "reclaim", "refaults", "REFF/S", VM_TINT_BAR_SWAP, 0 },
	{ "compaction", "stalls", "CMP/S", VM_TINT_BAR_SWAP, 0 },
	{ "compaction", "failed", "CMPFAIL/S", VM_TINT_BAR_SWAP, 0 },
	{ "compaction", "moved", "MOVE/S", VM_TINT_BAR_KERNEL, 0 },
	{ "huge pages", "faults", "THP/S", VM_TINT_BAR_SHMEM, 0 },
	{ "huge pages", "refused", "THPFAIL/S", VM_TINT_BAR_SWAP, 0 },
	{ "huge pages", "collapsed", "COLL/S", VM_TINT_BAR_SHMEM, 0 },
	{ "huge pages", "split", "SPLIT/S", VM_TINT_BAR_ANON, 0 },
	{ "TLB", "shootdowns", "SHOOT/S", VM_TINT_BAR_KERNEL, 0 },
	{ "disk", "read", "IN/S", VM_TINT_BAR_FILE, 0 },
	{ "disk", "written", "OUT/S", VM_TINT_BAR_FILE, 0 },
	{ "disk", "dirty", "DIRTY", VM_TINT_BAR_FILE, 0 },
	{ "disk", "some wait%", "PSIIO%", VM_TINT_BAR_SWAP, 0 },
	{ "pages", "allocated", "ALLOC/S", VM_TINT_BAR_ANON, 0 },
	{ "pages", "freed", "PFREE/S", VM_TINT_BAR_SHMEM, 0 },
	{ "nodes", "elsewhere", "MISS/S", VM_TINT_BAR_SWAP, 0 },
	{ "nodes", "hints", "HINT/S", VM_TINT_BAR_KERNEL, 0 },
	{ "nodes", "moved", "NUMAMOVE/S", VM_TINT_BAR_KERNEL, 0 },
	{ "OOM", "killed", "OOM/S", VM_TINT_BAR_SWAP, 0 },
};
const size_t vm_trends_n = sizeof(vm_trends) / sizeof(vm_trends[0]);
static_assert(sizeof(vm_trends) / sizeof(vm_trends[0]) <= VM_TRENDS_MAX, "there is room for all trends");

int vm_trends_init(struct vm_trends *t)
{
	t->v = calloc(vm_trends_n, sizeof(*t->v));
	if (!t->v)
		return -ENOMEM;
	for (size_t i = 0; i < vm_trends_n; i++) {
		const int at = vm_field_find(&vm_machine_fields, vm_trends[i].column, strlen(vm_trends[i].column));
		t->field[i] = &vm_machine_fields.v[at < 0 ? 0 : at];
	}
	return 0;
}

void vm_trends_free(struct vm_trends *t)
{
	free(t->v);
	t->v = NULL;
}

void vm_trends_add(struct vm_trends *t, const struct vm_machine_row *row, uint64_t at_ns, size_t moment)
{
	for (size_t i = 0; i < vm_trends_n; i++) {
		struct vm_scratch tmp;
		const struct vm_value v = vm_field_get(t->field[i], row, &tmp);
		t->v[i][t->next] = v.type == VM_T_F64 ? (float)v.f64 : v.type == VM_T_U64 ? (float)v.u64 : NAN;
	}
	t->at_ns[t->next] = at_ns;
	t->moment[t->next] = moment;
	t->next = (t->next + 1) % VM_TREND_LENGTH;
	t->n += t->n < VM_TREND_LENGTH;
}

/** Place in the ring of the one that came `back` before the last; back < t->n. */
static size_t place(const struct vm_trends *t, size_t back)
{
	return (t->next + VM_TREND_LENGTH - 1 - back) % VM_TREND_LENGTH;
}

void vm_trends_go_to(struct vm_trends *t, size_t moment)
{
	while (t->n && t->moment[place(t, 0)] >= moment) {
		t->next = place(t, 0);
		t->n--;
	}
	if (t->n && t->moment[place(t, 0)] + 1 != moment)
		t->n = 0;
}

void vm_trends_get(const struct vm_trends *t, size_t trend, float *to, size_t n)
{
	for (size_t back = 0; back < n; back++)
		to[n - 1 - back] = back < t->n ? t->v[trend][place(t, back)] : NAN;
}

uint64_t vm_trends_span(const struct vm_trends *t, size_t n)
{
	const size_t shown = n < t->n ? n : t->n;
	return shown ? t->at_ns[place(t, 0)] - t->at_ns[place(t, shown - 1)] : 0;
}
