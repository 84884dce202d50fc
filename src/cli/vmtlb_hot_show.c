/** vmtlb --hot: reports, for people and for programs. */

#include <math.h>
#include <stdlib.h>

#include "cli/vmtlb_hot.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/field/tlb_hot.h"
#include "core/model/aspace.h"

enum { WIDTH = 80, FINDINGS = 5 };

/** What a page's first walk costs more when the CPU has to set its bit again, measured on one virtual machine. */
#define SET_AGAIN_NS 400
/** Pages in constant use that are walked again all the same: from such a share on it is worth a word. */
#define NOISE_LEAST 0.1

static const char *known_by(enum vm_tlb_by by)
{
	static const char *const words[] = {
		[VM_TLB_BY_DEFAULT] = "default", [VM_TLB_BY_CPU] = "cpu", [VM_TLB_BY_PROBE] = "probe", [VM_TLB_BY_USER] = "user",
	};
	return words[by];
}

/* ---- Findings ----------------------------------------------------------------------------------------------------- */

static void say_use(const struct vm_tlb_hot_row *r, const struct vm_tlb_known *k, struct vm_buf *b)
{
	char used[VM_NUMBUF];
	const bool flushed = r->used_bytes != VM_ACCESSED_UNKNOWN;
	vm_buf_addf(b, "%s at ", flushed ? "uses" : "walks");
	(void)k;
	(void)used;
}

/** A mapping worth a sentence, as text; false: it isn't. */
static bool say_finding(const struct vmtlb_hot_run *h, const struct vm_tlb_hot_row *r, struct vm_buf *b)
{
	(void)h, (void)r, (void)b;
	(void)say_use;
	return false;
}

int vmtlb_hot_show(struct vmtlb_hot_run *h, const struct vm_tlb_hot *sum, struct vm_err *err)
{
	struct vmtlb *v = h->v;
	(void)known_by;(void)say_finding;
	int r = vmtlb_report_begin(v, &vmtlb_hot);
	if (r == 0)
		r = vmtlb_list(v, &vm_tlb_hot_fields, true, sum->row.v, sum->row.n, sizeof(*sum->row.v), &sum->total, err);
	int e = vmtlb_report_end(v, err);
	return r < 0 ? r : e;
}
