#include "core/model/process.h"

#include <math.h>
#include <string.h>

#include "core/model/numa.h"

void vm_proc_init(struct vm_proc *p, pid_t pid)
{
	memset(p, 0, sizeof(*p));
	p->pid = pid;
	p->cpu = -1;
	p->minflt_rate = p->majflt_rate = p->rss_rate = p->cpu_share = p->fault_share = NAN;
}

static double rate(const struct vm_proc *cur, const struct vm_proc *prev, enum vm_pqty q, double seconds)
{
	if (!vm_proc_has(cur, q) || !vm_proc_has(prev, q) || cur->q[q] < prev->q[q])
		return NAN;
	return (double)(cur->q[q] - prev->q[q]) / seconds;
}

void vm_proc_rates(struct vm_proc *cur, const struct vm_proc *prev)
{
	if (cur->taken_ns <= prev->taken_ns)
		return;
	double seconds = (double)(cur->taken_ns - prev->taken_ns) / 1e9;
	cur->minflt_rate = rate(cur, prev, VM_P_MINFLT, seconds);
	cur->majflt_rate = rate(cur, prev, VM_P_MAJFLT, seconds);
	cur->fault_share = rate(cur, prev, VM_P_FAULT_NS, seconds) / 1e9;
	if (vm_proc_has(cur, VM_P_RSS) && vm_proc_has(prev, VM_P_RSS))
		cur->rss_rate = ((double)cur->q[VM_P_RSS] - (double)prev->q[VM_P_RSS]) / seconds;
	if (cur->cpu_ns >= prev->cpu_ns)
		cur->cpu_share = (double)(cur->cpu_ns - prev->cpu_ns) / 1e9 / seconds;
}

void vm_proc_keep_rollup(struct vm_proc *cur, const struct vm_proc *prev)
{
	for (unsigned q = VM_P_ROLLUP_FIRST; q <= VM_P_ROLLUP_LAST; q++)
		if (vm_proc_has(prev, q))
			vm_proc_set(cur, q, prev->q[q]);
	cur->rollup_ns = prev->rollup_ns;
	cur->unmet |= prev->unmet & VM_NEED(ROLLUP);
	cur->why[VM_NEED_BIT_ROLLUP] = prev->why[VM_NEED_BIT_ROLLUP];
}

void vm_proc_keep_numa(struct vm_proc *cur, const struct vm_proc *prev, struct vm_arena *texts)
{
	const enum vm_need_bit bits[] = { VM_NEED_BIT_NUMA, VM_NEED_BIT_CPUS };
	cur->numa = vm_numa_sum_copy(texts, prev->numa);
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		cur->unmet |= prev->unmet & UINT32_C(1) << bits[i];
		cur->why[bits[i]] = prev->why[bits[i]];
	}
}

bool vm_proc_smaps_rss(const struct vm_proc *p, uint64_t *bytes)
{
	*bytes = 0;
	for (unsigned q = VM_P_SHARED_CLEAN; q <= VM_P_PRIVATE_DIRTY; q++) {
		if (!vm_proc_has(p, q))
			return false;
		*bytes += p->q[q];
	}
	return true;
}
