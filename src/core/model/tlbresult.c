#include "core/model/tlbresult.h"

void vm_tlb_result_free(struct vm_tlb_result *r)
{
	vm_vec_free(&r->program);
	vm_vec_free(&r->mapping);
	vm_vec_free(&r->site);
	vm_arena_free(&r->texts);
}

const char *vm_tlb_policy_name(enum vm_tlb_policy p)
{
	static const char *const name[] = {
		[VM_TLB_AS_IS] = "pages as they are", [VM_TLB_ALL_4K] = "all 4K", [VM_TLB_ALL_2M] = "2M where possible",
		[VM_TLB_ALL_2M_WHOLE] = "2M, not split",
	};
	return name[p];
}

const char *vm_tlb_policy_key(enum vm_tlb_policy p)
{
	static const char *const key[] = {
		[VM_TLB_AS_IS] = "as_is", [VM_TLB_ALL_4K] = "all_4k", [VM_TLB_ALL_2M] = "all_2m",
		[VM_TLB_ALL_2M_WHOLE] = "all_2m_not_split",
	};
	return key[p];
}

void vm_tlb_tallies_add(struct vm_tlb_tallies *to, const struct vm_tlb_tallies *what)
{
	for (int p = 0; p < VM_TLB_POLICIES; p++) {
		struct vm_tlb_tally *t = &to->policy[p];
		const struct vm_tlb_tally *w = &what->policy[p];
		t->l1 += w->l1;
		t->walks += w->walks;
		t->walks_2m += w->walks_2m;
		t->near += w->near;
		t->near_2m += w->near_2m;
		t->refs += w->refs;
	}
}
