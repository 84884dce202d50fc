#include "workloads/workload.h"

#include <errno.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "workloads/registry.h"

const struct vm_workload *const vm_workloads[] = {
	/* anon.c */    &vm_workload_anon, &vm_workload_mmap, &vm_workload_zero_page,
	/* file.c */    &vm_workload_file_private, &vm_workload_file_shared,
	/* shm.c */     &vm_workload_shm, &vm_workload_memfd,
	/* heap.c */    &vm_workload_brk, &vm_workload_malloc_threshold,
	/* leak.c */    &vm_workload_leak,
	/* sawtooth.c */ &vm_workload_sawtooth,
	/* stack.c */   &vm_workload_stack_growth, &vm_workload_thread_stacks,
	/* fork_cow.c */&vm_workload_cow,
	/* fork_family.c */     &vm_workload_fork_family,
	/* lock.c */    &vm_workload_mlock, &vm_workload_mlock_onfault, &vm_workload_mlockall,
	/* lock_limit.c */      &vm_workload_mlock_limit,
	/* many.c */    &vm_workload_many_mappings, &vm_workload_sparse,
	/* pattern.c */ &vm_workload_page_pattern, &vm_workload_soft_dirty,
	/* protect.c */ &vm_workload_guard, &vm_workload_prot_none, &vm_workload_pkey,
	/* mremap.c */  &vm_workload_mremap,
	/* working_set.c */     &vm_workload_working_set,
	/* thp.c */     &vm_workload_thp,
	/* mthp.c */    &vm_workload_mthp,
	/* hugepages.c */ &vm_workload_huge_holes, &vm_workload_fragment,
	/* hugetlb.c */ &vm_workload_hugetlb,
	/* swap.c */    &vm_workload_swap,
	/* ksm.c */     &vm_workload_ksm,
	/* chaos.c */   &vm_workload_chaos,
	/* fault_threads.c */   &vm_workload_fault_storm, &vm_workload_threads_faults,
	/* fault_file.c */      &vm_workload_major_faults, &vm_workload_file_mkwrite, &vm_workload_shm_faults,
	/* fault_processes.c */ &vm_workload_cow_faults, &vm_workload_children,
	/* fault_anon.c */      &vm_workload_zero_then_write, &vm_workload_kernel_fault, &vm_workload_gup_faults,
	/* fault_swap.c */      &vm_workload_swap_in,
	/* fault_huge.c */      &vm_workload_huge_fault,
	/* stack.c */           &vm_workload_stack_growth_faults,
	/* fault_invalid.c */   &vm_workload_invalid,
	/* fault_uffd.c */      &vm_workload_uffd,
	/* tlb.c */             &vm_workload_tlb_stride, &vm_workload_tlb_random, &vm_workload_tlb_chase,
	/* tlb_code.c */        &vm_workload_tlb_itlb,
	/* numa.c */            &vm_workload_numa_bind, &vm_workload_numa_interleave, &vm_workload_numa_weighted,
				&vm_workload_numa_preferred, &vm_workload_numa_local, &vm_workload_numa_misplaced,
				&vm_workload_numa_migrate,
	NULL
};

const struct vm_workload *vm_workload_find(const char *name, struct vm_err *err)
{
	const struct vm_workload *near = NULL;
	unsigned best = 0;
	for (size_t i = 0; vm_workloads[i]; i++) {
		if (strcmp(vm_workloads[i]->name, name) == 0)
			return vm_workloads[i];
		unsigned d = vm_edit_distance(vm_workloads[i]->name, name);
		if (!near || d < best) {
			near = vm_workloads[i];
			best = d;
		}
	}
	/* A name that shares hardly a letter isn't worth suggesting. */
	if (near && best <= 1 + strlen(name) / 3)
		vm_fail(err, EINVAL, "no workload '%s'; did you mean '%s'?", name, near->name);
	else
		vm_fail(err, EINVAL, "no workload '%s'; 'vmlab --list' shows them all", name);
	return NULL;
}

static int parse_word(const struct vm_param *p, struct vm_arg *a, struct vm_err *err)
{
	struct vm_buf all = { 0 };
	for (size_t i = 0; p->words[i]; i++) {
		if (strcmp(p->words[i], a->text) == 0) {
			a->u64 = i;
			vm_buf_free(&all);
			return 0;
		}
		vm_buf_addf(&all, "%s%s", i ? ", " : "", p->words[i]);
	}
	int r = vm_fail(err, EINVAL, "--%s '%s': must be one of %s", p->name, a->text,
	                vm_buf_str(&all));
	vm_buf_free(&all);
	return r;
}

static int check_range(const struct vm_param *p, const struct vm_arg *a, struct vm_err *err)
{
	bool low = a->u64 < p->min;
	if (!low && (p->max == 0 || a->u64 <= p->max))
		return 0;
	char buf[VM_NUMBUF];
	uint64_t bound = low ? p->min : p->max;
	return vm_fail(err, EINVAL, "--%s '%s': must be at %s %s", p->name, a->text,
	               low ? "least" : "most",
	               p->type == VM_P_SIZE ? vm_format_size(bound, buf) : vm_format_u64(bound, buf));
}

static int parse_one(const struct vm_param *p, struct vm_arg *a, struct vm_err *err)
{
	static const char *const wanted[] = {
		[VM_P_SIZE] = "a size such as 4096, 64K or 2M",
		[VM_P_U64] = "a whole number",
		[VM_P_RATIO] = "a share such as 50%, 0.5 or 1/2",
	};
	int r;
	switch (p->type) {
	case VM_P_SIZE:
		r = vm_parse_size(a->text, &a->u64);
		break;
	case VM_P_U64:
		r = vm_parse_u64(a->text, &a->u64);
		break;
	case VM_P_RATIO:
		r = vm_parse_ratio(a->text, &a->ratio);
		break;
	case VM_P_WORD:
		return parse_word(p, a, err);
	default:
		return 0;
	}
	if (r < 0)
		return vm_fail(err, EINVAL, "--%s '%s': must be %s", p->name, a->text, wanted[p->type]);
	return p->type == VM_P_RATIO ? 0 : check_range(p, a, err);
}

int vm_workload_args(const struct vm_workload *w, const char *const *typed, struct vm_arg *arg,
                     struct vm_err *err)
{
	for (size_t i = 0; w->params && w->params[i].name; i++) {
		arg[i] = (struct vm_arg){ .text = typed[i] ? typed[i] : w->params[i].def };
		int r = parse_one(&w->params[i], &arg[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}
