/** The source of the TLB's size, for columns of processes. */

#include <errno.h>

#include "core/base/err.h"
#include "core/model/process.h"
#include "core/source/session.h"
#include "core/source/snap.h"
#include "core/source/tlbprobe.h"

static int probe(struct vm_session *s, struct vm_err *err)
{
	struct vm_tlb_known known;
	vm_tlb_known(s, &known);
	s->tlb = vm_tlb_capacity_of(&known);
	/* The sizes of larger pages, too, are those of a granule of 4K. */
	if (s->page_bytes != 4096)
		return vm_fail(err, EOPNOTSUPP, "it isn't known for pages of %llu bytes", (unsigned long long)s->page_bytes);
	return s->tlb.entries ? 0 : vm_fail(err, ENODATA, "it hasn't been timed since boot");
}

static int fill(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	(void)want, (void)err;
	sn->proc->tlb = sn->s->tlb;
	return 0;
}

const struct vm_source vm_src_tlb = {
	.name = "tlb", .help = "what vmtlb --probe timed since boot, else what the CPU says: entries of the TLB",
	.provides = VM_NEED(TLB), .primary = VM_NEED(TLB), .flags = VM_SRC_LIVE, .probe = probe, .fill = fill,
};
