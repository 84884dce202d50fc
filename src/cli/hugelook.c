#include "cli/hugelook.h"

#include <errno.h>
#include <string.h>

#include "core/base/err.h"
#include "core/model/aspace.h"
#include "core/source/hugecollapse.h"
#include "core/source/hugescan.h"
#include "core/source/hugesys.h"
#include "core/source/session.h"
#include "core/source/source.h"
#include "core/source/tlbprobe.h"

/** smaps looks at every page, the kernel's areas at none, but an eBPF program must be loaded for them first. */
enum { NS_PER_PAGE = 22, NS_PER_MAPPING = 1000, NS_TO_LOAD = 4000000 };
/** Where the kernel has no transparent huge pages. */
#define RANGE_BYTES (UINT64_C(2) << 20)

/* ---- The world ---------------------------------------------------------------------------------------------------- */

int vm_huge_world_read(struct vm_session *s, struct vm_huge_world *w, struct vm_err *err)
{
	struct vm_tlb_known known;
	*w = (struct vm_huge_world){ 0 };
	int r = vm_hugesys_read(s, false, &w->sys, err);
	if (r < 0)
		return r;
	if (vm_hugefs_read(s, &w->fs) < 0)
		return vm_fail(err, ENOMEM, "out of memory");
	w->scanner = vm_hugescanner_open(s, &w->fs, &w->sys);
	if (!w->scanner)
		return vm_fail(err, ENOMEM, "out of memory");
	const int collapses = vm_hugesys_collapses(s);
	w->machine = vm_whynot_machine_of(&w->sys, s->page_bytes,
		collapses == 0 ? VM_TRI_YES : collapses == -EOPNOTSUPP ? VM_TRI_UNKNOWN : VM_TRI_NO);
	/* What wasn't captured isn't known; a kernel without them would say so. */
	if (!s->live && !w->machine.range_bytes)
		w->machine.range_bytes = RANGE_BYTES;
	w->may_collapse = !s->live || vm_huge_collapse_permitted();
	if (s->live) {
		vm_tlb_known(s, &known);
		w->tlb = vm_tlb_capacity_of(&known);
		w->split = known.huge_pages_split;
	}
	return 0;
}

void vm_huge_world_free(struct vm_huge_world *w)
{
	vm_hugescanner_close(w->scanner);
	vm_hugesys_free(&w->sys);
	vm_hugefs_free(&w->fs);
}

/* ---- A process ---------------------------------------------------------------------------------------------------- */

static bool areas_are_cheaper(const struct vm_session *s, const struct vm_aspace *as)
{
	const uint64_t rss = vm_proc_has(&as->proc, VM_P_RSS) ? as->proc.q[VM_P_RSS] : 0;
	return s->live && rss / s->page_bytes * NS_PER_PAGE + as->nmaps * NS_PER_MAPPING > NS_TO_LOAD;
}

static bool has_areas(const struct vm_aspace *as)
{
	size_t with = 0;
	for (size_t i = 0; i < as->nmaps; i++)
		with += as->map[i].area != NULL;
	return with && with + 2 >= as->nmaps;
}

/** The mappings, and their flags from where they are cheapest. */
static int read_mappings(struct vm_session *s, const struct vm_huge_ask *ask, struct vm_aspace **as, struct vm_err *err)
{
	const uint32_t needs = VM_NEED(STAT) | VM_NEED(STATUS) | VM_NEED(LAYOUT);
	int r = vm_snapshot(s, ask->pid, needs, ask->from, ask->to, as, err);
	if (r < 0)
		return r;
	const bool areas = areas_are_cheaper(s, *as);
	struct vm_aspace *more = NULL;
	r = vm_snapshot(s, ask->pid, needs | (areas ? VM_NEED(AREAS) : VM_NEED(FLAGS) | VM_NEED(SMAPS)), ask->from, ask->to, &more, err);
	if (r == 0 && areas && !has_areas(more)) {
		vm_aspace_free(more);
		r = vm_snapshot(s, ask->pid, needs | VM_NEED(FLAGS) | VM_NEED(SMAPS), ask->from, ask->to, &more, err);
	}
	if (r < 0)
		return r;
	vm_aspace_free(*as);
	*as = more;
	return 0;
}

/** Reasons of the largest part: of what could be huge, or else of what isn't. */
static uint32_t main_reason(const struct vm_why_space *y)
{
	return y->of_space.n ? y->of_space.v[0].why : 0;
}

static void sum_up(const struct vm_huge_world *w, struct vm_huge_look *p)
{
	struct vm_huge_process_row *row = &p->row;
	row->proc = p->as->proc;
	row->proc.tlb = w->tlb;
	row->total = p->space.total;
	for (unsigned what = 0; what < VM_HUGE_WHATS; what++)
		for (unsigned how = 0; how < VM_HUGE_HOWS; how++)
			for (unsigned order = 0; order < VM_HUGE_ORDERS; order++)
				row->by_entry[how != VM_HUGE_ENTRY ? 0 : order < 18 ? 1 : 2] += p->space.sum[what][how][order];
	row->could_bytes = p->why.could_bytes;
	row->now_bytes = p->why.now_bytes;
	row->costs_bytes = p->why.costs_bytes;
	row->aligned_bytes = p->why.aligned_bytes;
	row->why = main_reason(&p->why);
	row->sizes_known = p->space.read.sizes_known;
	row->could_known = p->space.read.ranges_known;
}

int vm_huge_look_read(struct vm_session *s, struct vm_huge_world *w, const struct vm_huge_ask *ask, struct vm_huge_look *p,
		      struct vm_err *err)
{
	*p = (struct vm_huge_look){ 0 };
	int r = read_mappings(s, ask, &p->as, err);
	if (r < 0)
		return r;
	const struct vm_hugescan_query q = {
		.pid = ask->pid, .from = ask->from, .to = ask->to, .via = (enum vm_pages_via)ask->via,
		.range_bytes = w->machine.range_bytes ? w->machine.range_bytes : RANGE_BYTES,
	};
	r = vm_hugescan(w->scanner, &q, p->as, &p->space, err);
	if (r < 0)
		return r;
	if (w->machine.wants_writable == VM_TRI_UNKNOWN && !w->tried_writable && vm_why_needs_writable(&p->space)) {
		const int wants = vm_huge_collapse_wants_writable(s, w->machine.range_bytes);
		w->machine.wants_writable = wants < 0 ? VM_TRI_UNKNOWN : wants ? VM_TRI_YES : VM_TRI_NO;
		w->tried_writable = true;
	}
	const bool disabled = vm_proc_has(&p->as->proc, VM_P_THP_ENABLED) && !p->as->proc.q[VM_P_THP_ENABLED];
	if (vm_why_space_make(&w->machine, &p->space, disabled, &p->why) < 0)
		return vm_fail(err, ENOMEM, "out of memory");
	sum_up(w, p);
	return 0;
}

void vm_huge_look_free(struct vm_huge_look *p)
{
	vm_why_space_free(&p->why);
	vm_huge_space_free(&p->space);
	vm_aspace_free(p->as);
	p->as = NULL;
}
