/** vmtlb --ab: reports. */

#include "cli/vmtlb/ab.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/field/tlb_ab.h"

enum { WIDTH = 80, MARGIN = 8 };

static int list(struct vmtlb_ab *ab, struct vm_err *err)
{
	struct vm_ab_row rows[VM_AB_MEASURES];
	struct vm_choice c;
	size_t n;
	for (unsigned m = 0; m < VM_AB_MEASURES; m++)
		rows[m] = (struct vm_ab_row){ .measure = m, .pairs = ab->of[m], .exact = ab->v->style.exact };
	int r = vm_choice_parse(ab->v->common, &vm_ab_fields, &c, err);
	if (r < 0)
		return r;
	c.view.name = vm_ab_fields.rows;
	const void **which = vm_choice_apply(&c, rows, VM_AB_MEASURES, sizeof(rows[0]), &n);
	for (unsigned m = 0; m < VM_AB_MEASURES; m++)
		rows[m].texts = !vm_report_is_machine(&ab->v->report);
	r = which ? vm_report_list(&ab->v->report, &c.view, which, n, NULL) : -ENOMEM;
	free(which);
	vm_choice_free(&c);
	return r < 0 ? vm_fail_os(err, -r, "cannot write the rows") : 0;
}

/* ---- For people --------------------------------------------------------------------------------------------------- */

static void say_heading(struct vmtlb_ab *ab)
{
	struct vm_report *r = &ab->v->report;
	const struct vm_pairs *wall = &ab->of[VM_AB_WALL];
	const char *policy = vm_thp_word(ab->thp.huge);
	struct vm_buf name = { 0 }, text = { 0 };
	char size[VM_NUMBUF];
	vm_text_put(&name, ab->v->child.name);
	vm_report_say(r, "%s   %zu pair%s of runs with huge pages off and on, in turn\n", vm_buf_str(&name), ab->pairs,
		      ab->pairs == 1 ? "" : "s");
	vm_buf_addf(&text, "%s pages, policy %s; ON: ", ab->thp.page_bytes ? vm_format_size(ab->thp.page_bytes, size) : "huge",
		    policy ? policy : "not known");
	if (ab->tunables.n)
		vm_buf_addf(&text, "malloc asks for them (GLIBC_TUNABLES=%s)", VM_AB_TUNABLE "=1");
	else if (ab->thp.huge == VM_THP_ALWAYS)
		vm_buf_add_str(&text, "all memory that can");
	else
		vm_buf_add_str(&text, ab->asks_itself ? "as GLIBC_TUNABLES says already" : "memory for which the program asks");
	vm_report_wrap(r, 0, "", vm_buf_str(&text), WIDTH);
	vm_report_say(r, "a first run isn't counted; the output of the others is discarded\n");
	if (wall->confidence > 0)
		vm_report_say(r, "intervals: %.1f %% confidence%s (Wilcoxon signed-rank)\n", 100 * wall->confidence,
			      wall->confidence < VMTLB_AB_CONFIDENCE ? ", all that so few pairs reach" : "");
	vm_report_say(r, "\n");
	vm_buf_free(&name);
	vm_buf_free(&text);
}

static void say_findings(struct vmtlb_ab *ab)
{
	struct vmtlb_ab_finding found[VMTLB_AB_FINDINGS];
	const size_t n = vmtlb_ab_findings(ab, found);
	vm_report_say(&ab->v->report, "\n");
	for (size_t i = 0; i < n; i++) {
		char heading[16];
		const bool again = i && strcmp(found[i].heading, found[i - 1].heading) == 0;
		snprintf(heading, sizeof(heading), "%-*s", MARGIN, again ? "" : found[i].heading);
		vm_report_wrap(&ab->v->report, MARGIN, heading, found[i].text, WIDTH);
	}
}

/* ---- For programs ------------------------------------------------------------------------------------------------- */

static void figure(struct vm_json *j, const char *key, double v)
{
	vm_json_put_known(j, key, !isnan(v), isnan(v) ? 0 : (uint64_t)v);
}

static void put_run(struct vm_json *j, const struct vm_ab_run *run)
{
	const struct vm_ab_seen *s = &run->seen;
	const bool seen = s->samples > 0;
	const unsigned indent = j->indent;
	vm_json_object_begin(j);
	j->indent = 0;
	vm_json_put_str(j, "huge_pages", vmtlb_ab_side(run->side));
	vm_json_put_known(j, "pair", run->pair > 0, run->pair);
	for (unsigned m = 0; m < VM_AB_MEASURES; m++)
		figure(j, vm_ab_key(m), run->v[m]);
	vm_json_put_known(j, "anon_huge_bytes", seen, s->anon_huge_bytes);
	vm_json_put_known(j, "shmem_huge_bytes", seen, s->shmem_huge_bytes);
	vm_json_put_known(j, "file_huge_bytes", seen, s->file_huge_bytes);
	vm_json_put_known(j, "hugetlb_bytes", seen, s->hugetlb_bytes);
	vm_json_put_known(j, "anon_bytes", seen, s->anon_bytes);
	vm_json_put_known(j, "rss_bytes", seen, s->rss_bytes);
	vm_json_put_known(j, "samples", true, s->samples);
	vm_json_put_known(j, "sampling_ns", true, s->cost_ns);
	vm_json_put_known(j, "machine_huge_pages_made", run->machine_made != UINT64_MAX, run->machine_made);
	vm_json_put_known(j, "machine_huge_pages_refused", run->machine_refused != UINT64_MAX, run->machine_refused);
	vm_json_put_known(j, "machine_small_bytes_made", run->machine_small_bytes != UINT64_MAX, run->machine_small_bytes);
	vm_json_put_known(j, "exit_status", true, (uint64_t)run->status);
	vm_json_key(j, "deaf");
	vm_json_bool(j, run->deaf);
	vm_json_key(j, "left_processes");
	vm_json_bool(j, run->left_some);
	vm_json_object_end(j);
	j->indent = indent;
}

static void put_most(struct vm_json *j, const struct vmtlb_ab *ab, const char *key, enum vm_ab_side side)
{
	struct vm_ab_seen seen;
	const bool known = vmtlb_ab_most(ab, side, &seen);
	vm_json_put_known(j, key, known, seen.huge_bytes);
}

static void put_verdict(struct vm_json *j, const struct vmtlb_ab *ab)
{
	static const char *const reach[] = {
		[VMTLB_AB_NONE] = "none", [VMTLB_AB_UNSEEN] = "unseen", [VMTLB_AB_REACHED] = "reached",
	};
	struct vmtlb_ab_finding found[VMTLB_AB_FINDINGS];
	const size_t n = vmtlb_ab_findings(ab, found);
	vm_json_key(j, "verdict");
	vm_json_object_begin(j);
	vm_json_put_str(j, "wall", vmtlb_ab_word(ab, VM_AB_WALL));
	vm_json_put_str(j, "cpu", vmtlb_ab_word(ab, VM_AB_CPU));
	vm_json_put_str(j, "huge_pages", reach[vmtlb_ab_reached(ab)]);
	vm_json_object_end(j);
	vm_json_key(j, "findings");
	vm_json_array_begin(j);
	for (size_t i = 0; i < n; i++) {
		vm_json_object_begin(j);
		vm_json_put_str(j, "finding", found[i].key);
		vm_json_put_str(j, "text", found[i].text);
		vm_json_object_end(j);
	}
	vm_json_array_end(j);
}

static int put_all(struct vmtlb_ab *ab, struct vm_err *err)
{
	struct vm_json *j = &ab->v->report.json;
	vm_json_put_str(j, "command", ab->v->child.name);
	vm_json_put_known(j, "pairs", true, ab->pairs);
	vm_json_put_known(j, "pairs_wanted", true, ab->v->o->pairs);
	vm_json_put_str(j, "policy", vm_thp_word(ab->thp.huge));
	vm_json_put_str(j, "small_policy", vm_thp_word(ab->thp.small));
	vm_json_put_known(j, "huge_page_bytes", ab->thp.page_bytes > 0, ab->thp.page_bytes);
	vm_json_put_str(j, "tunables_on", ab->tunables.n ? vm_buf_str(&ab->tunables) : NULL);
	vm_json_put_known(j, "stdin_bytes", ab->in.kind == VM_SPOOL_COPY, ab->in.bytes);
	int r = list(ab, err);
	put_most(j, ab, "huge_bytes_off", VM_AB_OFF);
	put_most(j, ab, "huge_bytes_on", VM_AB_ON);
	put_most(j, ab, "huge_bytes_as_is", VM_AB_AS_IS);
	put_verdict(j, ab);
	vm_json_key(j, "runs");
	vm_json_array_begin(j);
	for (size_t i = 0; i < ab->run.n; i++)
		put_run(j, &ab->run.v[i]);
	vm_json_array_end(j);
	vm_json_put_known(j, "exit_status", true, (uint64_t)ab->v->status);
	return r;
}

/* ---- Both --------------------------------------------------------------------------------------------------------- */

int vmtlb_ab_show(struct vmtlb_ab *ab, struct vm_err *err)
{
	struct vmtlb *v = ab->v;
	const bool document = v->sink->document;
	/* People need no tables of nothing. */
	if (!ab->pairs && !document)
		return 0;
	int r = vmtlb_report_begin(v, &vmtlb_ab);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot begin the report");
	if (!document && v->style.headings)
		say_heading(ab);
	r = document ? put_all(ab, err) : list(ab, err);
	if (r == 0 && !document && v->style.headings)
		say_findings(ab);
	const int closed = vmtlb_report_end(v, r == 0 ? err : NULL);
	return r < 0 ? r : closed;
}
