/** vmtlb --hot: reports for people. */

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "cli/vmtlb/hot.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/field/tlb_hot.h"
#include "core/model/aspace.h"
#include "core/model/kind.h"

enum { WIDTH = 80, MARGIN = 8, FINDINGS = 4 };

/** So much of its blocks of 2M is there that huge pages would be no waste. */
#define DENSE 0.5
/** From such a share on pages in constant use that are walked again are worth a word. */
#define NOISE 0.1

const char *vmtlb_hot_known_by(enum vm_tlb_by by)
{
	static const char *const words[] = {
		[VM_TLB_BY_DEFAULT] = "default", [VM_TLB_BY_CPU] = "cpu", [VM_TLB_BY_PROBE] = "probe", [VM_TLB_BY_USER] = "user",
	};
	return words[by];
}

static unsigned long long ull(uint64_t v)
{
	return v;
}

/* ---- Findings ----------------------------------------------------------------------------------------------------- */

static void say_where(const struct vm_tlb_hot_row *r, struct vm_buf *b)
{
	vm_text_put(b, *r->m->name ? r->m->name : "[anon]");
	vm_buf_addf(b, " at %llx: ", ull(r->m->start));
}

static void say_use(const struct vm_tlb_hot *sum, const struct vm_tlb_hot_row *r, struct vm_buf *b)
{
	char ns[VM_NUMBUF], size[VM_NUMBUF];
	const bool flushed = r->used_bytes != VM_ACCESSED_UNKNOWN;
	const uint64_t entries = flushed ? r->used_entries : r->walked_entries;
	vm_buf_add_str(b, vm_format_size(flushed ? r->used_bytes : r->walked_bytes, size));
	if (entries != VM_ACCESSED_UNKNOWN)
		vm_buf_addf(b, " in %llu pages", ull(entries));
	vm_buf_addf(b, " are %s within %s", flushed ? "used" : "walked",
		    vm_format_duration(sum->window_ns[flushed ? VM_ACCESSED_USED : VM_ACCESSED_WALKED], ns));
	if (r->stlb_times > 1)
		vm_buf_addf(b, ", %.1f times what the second-level TLB translates", r->stlb_times);
	else
		vm_buf_addf(b, ", and all mappings together %.1f times what the second-level TLB translates", sum->total.stlb_times);
}

static void say_walks(const struct vm_tlb_hot_row *r, struct vm_buf *b)
{
	if (!isnan(r->walked_share))
		vm_buf_addf(b, ", and %.0f %% are walked", 100 * r->walked_share);
	vm_buf_addf(b, ": at least %.0f walks a second", r->walks_per_s);
	if (!isnan(r->time_share))
		vm_buf_addf(b, ", %.1f %% of its time where nothing hides them", 100 * r->time_share);
}

static bool may_be_huge(const struct vm_mapping *m)
{
	return m->kind == VM_KIND_ANON || m->kind == VM_KIND_HEAP || m->kind == VM_KIND_SHMEM || m->kind == VM_KIND_MEMFD;
}

static void say_advice(const struct vmtlb_hot_run *h, const struct vm_tlb_hot_row *r, struct vm_buf *b)
{
	if (r->order == VM_TLB_ORDER_UNKNOWN)
		vm_buf_add_str(b, ". In which order isn't known: if it goes through them in order this is harmless");
	if (isnan(r->density) || r->blocks == VM_ACCESSED_UNKNOWN || !may_be_huge(r->m)) {
		vm_buf_add_str(b, ".");
		return;
	}
	if (h->known.huge_pages_split == VM_TLB_SPLIT_YES)
		vm_buf_add_str(b, ". Huge pages would be split by this machine's host: they would make walks shorter, not fewer");
	else
		vm_buf_addf(b, ". Huge pages would be %llu entries for that (madvise(MADV_HUGEPAGE))", ull(r->blocks));
	if (r->density < DENSE)
		vm_buf_addf(b, ", and take up to %.1f times the memory", 1 / r->density);
	vm_buf_add_str(b, ": vmtlb --ab tells what is gained.");
}

/** The time that a page takes tells whether much is done with it, as far as setting bits leaves it to be seen. */
static void say_order(const struct vmtlb_hot_run *h, const struct vm_tlb_hot *sum, const struct vm_tlb_hot_row *r, struct vm_buf *b)
{
	vm_buf_add_str(b, ". It goes through them in order, a walk for all that is done with a page, and ahead of time: harmless unless "
		       "little is done with each");
	if (!isnan(sum->cpu_share) && !isnan(h->facts->set_again_ns) && r->walks_per_s > 0)
		vm_buf_addf(b, " (%.0fns of CPU time went by for each, some %.0fns of it to set its bit again)",
			    sum->cpu_share * 1e9 / r->walks_per_s, h->facts->set_again_ns);
	vm_buf_add_str(b, ".");
}

bool vmtlb_hot_finding(const struct vmtlb_hot_run *h, const struct vm_tlb_hot *sum, const struct vm_tlb_hot_row *r,
		       struct vm_buf *b)
{
	if (r->verdict != VM_TLB_HOT_WALKS && r->verdict != VM_TLB_HOT_IN_ORDER && r->verdict != VM_TLB_HOT_SPLIT)
		return false;
	say_where(r, b);
	say_use(sum, r, b);
	if (r->verdict == VM_TLB_HOT_SPLIT) {
		vm_buf_add_str(b, ", for its huge pages are split by this machine's host. What is walked within them isn't known.");
		return true;
	}
	say_walks(r, b);
	if (r->verdict == VM_TLB_HOT_IN_ORDER)
		say_order(h, sum, r, b);
	else
		say_advice(h, r, b);
	return true;
}

static void say_findings(struct vmtlb_hot_run *h, const struct vm_tlb_hot *sum)
{
	struct vm_buf b = { 0 };
	unsigned found = 0;
	for (size_t i = 0; i < sum->row.n && found < FINDINGS; i++) {
		b.n = 0;
		if (!vmtlb_hot_finding(h, sum, &sum->row.v[i], &b))
			continue;
		found++;
		vm_report_wrap(&h->v->report, MARGIN, "VERDICT", vm_buf_str(&b), WIDTH);
	}
	if (!found)
		vm_report_wrap(&h->v->report, MARGIN, "VERDICT", "no mapping was seen whose pages keep the page walker busy", WIDTH);
	vm_buf_free(&b);
}

/* ---- What it is worth --------------------------------------------------------------------------------------------- */

static void say_heading(struct vmtlb_hot_run *h, const struct vm_tlb_hot *sum)
{
	char usual[VM_NUMBUF], brief[VM_NUMBUF];
	struct vm_buf name = { 0 };
	vm_text_put(&name, h->as->proc.comm);
	vm_report_say(&h->v->report, "%d %s   %u samples   windows of %s and %s", h->pid, vm_buf_str(&name), h->samples,
		      vm_format_duration(sum->window_ns[VM_ACCESSED_WALKED], usual),
		      vm_format_duration(sum->window_ns[VM_ACCESSED_BRIEF], brief));
	if (!isnan(sum->cpu_share))
		vm_report_say(&h->v->report, "   ran %.0f %% of a CPU", 100 * sum->cpu_share);
	vm_report_say(&h->v->report, "\n\n");
	vm_buf_free(&name);
}

static void say_bounds(struct vmtlb_hot_run *h, const struct vm_tlb_hot *sum, struct vm_buf *b)
{
	b->n = 0;
	vm_buf_add_str(b, "lower bounds, from accessed bits: a page counts once in a window, however often it was walked");
	if (h->facts->clearing_flushes)
		vm_buf_add_str(b, "; what is walked isn't known, since clearing the bits makes this machine walk all pages again");
	if (h->facts->flush == VM_FLUSH_NONE)
		vm_buf_addf(b, "; what is used isn't known: %s", h->facts->why_no_flush);
	if (!h->facts->by_tables)
		vm_buf_addf(b, "; by smaps, which tells no order, and counts pages of files that were read or written by system calls "
			    "(not by page tables: %s)", h->facts->why_not_tables);
	vm_report_wrap(&h->v->report, MARGIN, "BOUNDS", vm_buf_str(b), WIDTH);
	b->n = 0;
	if (sum->disturbed)
		vm_buf_add_str(b, "the target was put onto a CPU anew in most windows, which may empty its TLB: WALK% of little memory says "
			       "nothing then. ");
	if (h->noise > NOISE)
		vm_buf_addf(b, "%.0f %% of pages of our own, in constant use, were walked again within %llu ms, and %.0f %% within "
			    "%.1f ms: something empties TLBs here.", 100 * h->noise, ull(h->noise_ns / 1000000),
			    100 * h->noise_brief, (double)h->brief_ns / 1e6);
	if (b->n)
		vm_report_wrap(&h->v->report, MARGIN, "NOISE", vm_buf_str(b), WIDTH);
}

static void say_tlb(struct vmtlb_hot_run *h, struct vm_buf *b)
{
	static const char *const by[] = {
		[VM_TLB_BY_DEFAULT] = "assumed, as of a recent x86-64 core; vmtlb --probe measures them, and what a walk costs",
		[VM_TLB_BY_CPU] = "as the CPU says; vmtlb --probe measures them, and what a walk costs",
		[VM_TLB_BY_PROBE] = "as --probe measured", [VM_TLB_BY_USER] = "as given",
	};
	b->n = 0;
	vm_buf_addf(b, "%u entries in the second level: %s", vm_tlb_entries(h->known.geometry.stlb), by[h->known.by]);
	if (h->known.by == VM_TLB_BY_PROBE && h->known.huge_pages_split == VM_TLB_SPLIT_YES)
		vm_buf_add_str(b, "; huge pages take many of them, as the host splits them");
	vm_report_wrap(&h->v->report, MARGIN, "TLB", vm_buf_str(b), WIDTH);
}

/** What was done to the target. */
static void say_cost(struct vmtlb_hot_run *h, const struct vm_tlb_hot *sum, struct vm_buf *b)
{
	char clear[VM_NUMBUF], again[VM_NUMBUF], all[VM_NUMBUF];
	const enum vm_accessed_kind k = sum->windows[VM_ACCESSED_USED] ? VM_ACCESSED_USED : VM_ACCESSED_WALKED;
	b->n = 0;
	vm_buf_addf(b, "accessed bits of %d were cleared %zu times (%s each, its memory map locked meanwhile)", h->pid, h->window.n,
		    vm_format_duration(sum->clear_ns[k], clear));
	if (sum->set_again != VM_ACCESSED_UNKNOWN)
		vm_buf_addf(b, "; its CPUs set %llu of them again, and will set the others when they are used next", ull(sum->set_again));
	if (sum->set_again != VM_ACCESSED_UNKNOWN && !isnan(h->facts->set_again_ns))
		vm_buf_addf(b, "; at %.0fns each, as for pages of our own, that was %s of %s", h->facts->set_again_ns,
			    vm_format_duration((uint64_t)((double)sum->set_again * h->facts->set_again_ns), again),
			    vm_format_duration(sum->total_ns, all));
	if (h->facts->flush == VM_FLUSH_CLEAR_REFS && h->facts->soft_dirty)
		vm_buf_add_str(b, "; its soft-dirty bits are lost, and each page's next write faults");
	else if (h->facts->flush != VM_FLUSH_NONE)
		vm_buf_addf(b, "; TLBs were flushed %u times by %s", sum->windows[VM_ACCESSED_USED], vm_flush_words[h->facts->flush]);
	vm_report_wrap(&h->v->report, MARGIN, "COST", vm_buf_str(b), WIDTH);
}

/* ---- The table ---------------------------------------------------------------------------------------------------- */

/** Most walks first, then what is used most. */
static int by_walks(const void *a_, const void *b_)
{
	const struct vm_tlb_hot_row *a = a_, *b = b_;
	const double x = isnan(a->walks_per_s) ? -1 : a->walks_per_s, y = isnan(b->walks_per_s) ? -1 : b->walks_per_s;
	if (x != y)
		return x < y ? 1 : -1;
	return a->m->start < b->m->start ? -1 : 1;
}

static bool was_seen(const struct vm_tlb_hot_row *r)
{
	return r->used_bytes == VM_ACCESSED_UNKNOWN ? r->walked_bytes > 0 : r->used_bytes > 0;
}

/** Rows of what was used, unless somebody looks for the others. */
static size_t used_first(const struct vmtlb_hot_run *h, struct vm_tlb_hot_row *rows, size_t n)
{
	size_t kept = 0;
	qsort(rows, n, sizeof(*rows), by_walks);
	if (h->v->common->filter || h->v->o->top == 0)
		return n;
	for (size_t i = 0; i < n; i++)
		if (was_seen(&rows[i]))
			rows[kept++] = rows[i];
	return kept;
}

static int show_text(struct vmtlb_hot_run *h, struct vm_tlb_hot *sum, struct vm_err *err)
{
	struct vm_buf b = { 0 };
	const size_t all = sum->row.n;
	say_heading(h, sum);
	sum->row.n = used_first(h, sum->row.v, all);
	int r = vmtlb_list(h->v, &vm_tlb_hot_fields, true, sum->row.v, sum->row.n, sizeof(*sum->row.v), &sum->total, err);
	if (all > sum->row.n)
		vm_report_say(&h->v->report, "%zu mappings of which no page was seen in use left out (--top 0 shows all)\n", all - sum->row.n);
	vm_report_say(&h->v->report, "\n");
	say_findings(h, sum);
	say_bounds(h, sum, &b);
	say_tlb(h, &b);
	say_cost(h, sum, &b);
	if (h->ended)
		vm_report_say(&h->v->report, "It has ended.\n");
	vm_buf_free(&b);
	return r;
}

int vmtlb_hot_show(struct vmtlb_hot_run *h, struct vm_tlb_hot *sum, struct vm_err *err)
{
	struct vmtlb *v = h->v;
	int r = vmtlb_report_begin(v, &vmtlb_hot);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot begin the report");
	if (vm_report_is_document(&v->report))
		r = vmtlb_hot_json(h, sum, err);
	else if (vm_report_is_machine(&v->report))
		r = vmtlb_list(v, &vm_tlb_hot_fields, true, sum->row.v, sum->row.n, sizeof(*sum->row.v), &sum->total, err);
	else
		r = show_text(h, sum, err);
	const int end = vmtlb_report_end(v, err);
	return r < 0 ? r : end;
}
