/** vmshare PID: one process, mapping by mapping, and its family. */

#include <errno.h>
#include <stdlib.h>

#include "cli/vmshare/vmshare.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/model/aspace.h"
#include "core/source/session.h"

/** "private 6.1M: 1.0M clean, 5.1M dirty" */
static void say_half(struct vmshare *v, const struct vm_proc *p, const char *what, enum vm_pqty clean, enum vm_pqty dirty)
{
	char all[VMSHARE_TEXT], c[VMSHARE_TEXT], d[VMSHARE_TEXT];
	if (vm_proc_has(p, clean) && vm_proc_has(p, dirty))
		vm_report_say(&v->report, "%-8s %7s: %s clean, %s dirty\n", what, vmshare_size(v, p->q[clean] + p->q[dirty], all),
			      vmshare_size(v, p->q[clean], c), vmshare_size(v, p->q[dirty], d));
}

static void say_risk(struct vmshare *v, const struct vm_sharing *x)
{
	char risk[VMSHARE_TEXT];
	if (x->of)
		vm_report_say(&v->report, "%-8s %7s: what a write to all of its private memory would copy\n", "at risk",
			      vmshare_size(v, x->total.risk, risk));
}

static void say_sums(struct vmshare *v, const struct vm_sharing *x)
{
	const struct vm_proc *p = &x->as->proc;
	char rss[VMSHARE_TEXT], pss[VMSHARE_TEXT], ksm[VMSHARE_TEXT];
	vmshare_title(v, p);
	if (p->kthread || p->state == 'Z') {
		vm_report_say(&v->report, "%s\n", p->kthread ? "a kernel thread: it has no user memory"
							     : "a zombie: it has ended and has no memory any more");
		return;
	}
	uint64_t resident;
	if (!v->o->range && vm_proc_has(p, VM_P_PSS) && vm_proc_smaps_rss(p, &resident)) {
		vm_report_say(&v->report, "RSS %s   PSS %s\n", vmshare_size(v, resident, rss), vmshare_size(v, p->q[VM_P_PSS], pss));
		say_half(v, p, "private", VM_P_PRIVATE_CLEAN, VM_P_PRIVATE_DIRTY);
		say_half(v, p, "shared", VM_P_SHARED_CLEAN, VM_P_SHARED_DIRTY);
	}
	say_risk(v, x);
	if (x->counted && x->total.kind[VM_SK_KSM])
		vm_report_say(&v->report, "%-8s %7s: merged with equal pages by KSM; a write copies them too\n", "ksm",
			      vmshare_size(v, x->total.kind[VM_SK_KSM], ksm));
	if (x->merged_hidden)
		vm_report_say(&v->report, "%-8s %7s: this kernel marks all anonymous pages as merged\n", "ksm", "-");
	vm_report_say(&v->report, "\n");
}

/** The sum of the counts is PSS, or the difference is told: pages that changed, folios of which only an average is known. */
static void say_pss(struct vmshare *v, const struct vm_sharing *x)
{
	const struct vm_proc *p = &x->as->proc;
	char a[VMSHARE_TEXT], b[VMSHARE_TEXT];
	struct vm_buf text = { 0 };
	if (!x->counted || v->o->range || !vm_proc_has(p, VM_P_PSS))
		return;
	const uint64_t counted = vm_share_sum_pss(&x->total), kernel = p->q[VM_P_PSS];
	const uint64_t rounding = 1024, apart = counted > kernel ? counted - kernel : kernel - counted;
	if (apart <= rounding)
		return;
	vm_buf_addf(&text, "The kernel says %s, which is %s apart: pages came or went while they were read, or it knows only the "
		    "average of large folios (CONFIG_NO_PAGE_MAPCOUNT).", vmshare_size(v, kernel, a), vmshare_size(v, apart, b));
	vmshare_wrap(v, vm_buf_str(&text));
	vm_buf_free(&text);
}

static int put_counts(struct vmshare *v, const struct vm_sharing *x, struct vm_err *err)
{
	struct vm_share_count_row rows[VM_SHARE_CLASSES];
	if (!x->of) {
		if (vm_report_is_document(&v->report)) {
			vm_json_key(&v->report.json, "counts");
			vm_json_null(&v->report.json);
		}
		return 0;
	}
	const size_t n = vm_sharing_counts(&x->total, x->counted, rows);
	int r = vmshare_list(v, &vm_share_count_fields, false, NULL, rows, n, sizeof(rows[0]), 0, err);
	if (r == 0 && !vm_report_is_machine(&v->report))
		say_pss(v, x);
	vm_report_say(&v->report, "\n");
	return r;
}

static bool has_pages(const struct vm_share_mapping_row *row)
{
	const struct vm_mapping *m = row->m;
	if (row->sum)
		return vm_share_rss(row->sum) || row->sum->kind[VM_SK_HUGETLB] || row->sum->swap;
	return !(m->have & VM_HAVE(VM_Q_RSS)) ||
	       m->q[VM_Q_RSS] || m->q[VM_Q_SWAP] || m->q[VM_Q_SHARED_HUGETLB] || m->q[VM_Q_PRIVATE_HUGETLB];
}

/** People see mappings that have pages, unless they ask for a choice of their own. */
static size_t keep_populated(const struct vmshare *v, struct vm_share_mapping_row *rows, size_t n)
{
	size_t kept = 0;
	if (v->o->zeros || v->common->filter || vm_report_is_machine(&v->report))
		return n;
	for (size_t i = 0; i < n; i++)
		if (has_pages(&rows[i]))
			rows[kept++] = rows[i];
	return kept;
}

static void json_figure(struct vm_json *j, const char *key, bool have, uint64_t value)
{
	vm_json_key(j, key);
	if (have)
		vm_json_u64(j, value);
	else
		vm_json_null(j);
}

static void json_process(struct vmshare *v, const struct vm_sharing *x)
{
	static const struct { const char *key; enum vm_pqty q; } figures[] = {
		{ "pss_bytes", VM_P_PSS }, { "uss_bytes", VM_P_USS },
		{ "private_clean_bytes", VM_P_PRIVATE_CLEAN }, { "private_dirty_bytes", VM_P_PRIVATE_DIRTY },
		{ "shared_clean_bytes", VM_P_SHARED_CLEAN }, { "shared_dirty_bytes", VM_P_SHARED_DIRTY },
		{ "swap_bytes", VM_P_SWAP },
	};
	struct vm_json *j = &v->report.json;
	const struct vm_proc *p = &x->as->proc;
	vm_json_key(j, "process");
	vm_json_object_begin(j);
	vm_json_put_u64(j, "pid", (uint64_t)p->pid);
	vm_json_put_u64(j, "start_ticks", p->start);
	vm_json_put_str(j, "comm", p->comm);
	uint64_t rss;
	const bool resident = vm_proc_smaps_rss(p, &rss);
	json_figure(j, "rss_bytes", resident, rss);
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		json_figure(j, figures[i].key, vm_proc_has(p, figures[i].q), p->q[figures[i].q]);
	json_figure(j, "counted_rss_bytes", x->of, vm_share_rss(&x->total));
	json_figure(j, "counted_pss_bytes", x->counted, vm_share_sum_pss(&x->total));
	json_figure(j, "once_bytes", x->of, x->total.once);
	json_figure(j, "many_bytes", x->of, x->total.many);
	json_figure(j, "at_risk_bytes", x->of, x->total.risk);
	json_figure(j, "zero_bytes", x->of, x->total.zero);
	json_figure(j, "most_mapped", x->counted, x->total.most);
	if (x->counted) {
		vmshare_json_kinds(v, "kinds", x->total.kind, x->merged_hidden);
	} else {
		vm_json_key(j, "kinds");
		vm_json_null(j);
	}
	vm_json_object_end(j);
}

static void note(struct vmshare *v, const struct vm_sharing *x)
{
	const pid_t pid = x->as->proc.pid;
	if (x->as->proc.kthread || !x->as->nmaps)
		return;
	if (!x->of)
		vm_session_note(v->s, VM_NEED_BIT_PAGES, x->why_pages.code, pid);
	if (!x->counted)
		vm_session_note(v->s, VM_NEED_BIT_KPAGECOUNT, x->why_frames.code, pid);
}

static int put_process(struct vmshare *v, const struct vm_sharing *x, struct vm_err *err)
{
	const bool document = vm_report_is_document(&v->report), table = !vm_report_is_machine(&v->report);
	int r = 0;
	if (document)
		json_process(v, x);
	else if (table && v->style.headings)
		say_sums(v, x);
	if (document || (table && v->style.headings && x->as->nmaps))
		r = put_counts(v, x, err);
	const size_t n = keep_populated(v, x->rows, x->as->nmaps);
	if (r == 0 && (n || !table))
		r = vmshare_list(v, &vm_share_mapping_fields, true, NULL, x->rows, n, sizeof(x->rows[0]), 0, err);
	return r;
}

/** Who asks for mappings of a kind, or in a form that has one list, isn't told of the family. */
static bool wants_family(const struct vmshare *v)
{
	const struct vm_common *c = v->common;
	return !c->columns && !c->sort && !c->filter && v->style.headings && (!v->sink->machine || v->sink->document);
}

static int show(struct vmshare *v, struct vm_err *err)
{
	struct vm_sharing x;
	struct vm_sharing_who who = { .looked = 0 };
	struct vm_sharing_family f = { .taken_ns = 0 };
	const uint32_t needs = (v->choice.needs & ~VM_NEED(FRAMES)) | VM_NEED(CMDLINE) | VM_NEED_KIND | VM_NEED(ROLLUP);
	int r = vm_sharing_read(v->s, v->pids.v[0], needs, v->range, &x, err);
	if (r == 0) {
		vm_proc_note_unmet(v->s, &x.as->proc);
		note(v, &x);
		r = v->choice.needs & VM_NEED(FRAMES) ? vmshare_find_sharers(v, &x, &who, err) : 0;
	}
	if (r == 0)
		r = put_process(v, &x, err);
	if (r == 0 && wants_family(v) && !x.as->proc.kthread) {
		r = vm_sharing_family_read(v->s, v->pids.v[0], v->range, 0, &f, err);
		if (r == 0)
			r = vmshare_put_family(v, &f, VMSHARE_BELOW, err);
		vm_sharing_family_free(&f);
	}
	vm_sharing_who_free(&who);
	vm_sharing_free(&x);
	return r;
}

const struct vmshare_mode vmshare_process = { .name = "process", .set = &vm_share_mapping_fields, .show = show };
