/**
 * vmdoctor(1): what works on this machine, what doesn't and why, and what the suite uses instead.
 * - checks: core/source/doctor.h, one table;  columns: core/field/doctor.c;  for people: screen.c
 */

#include "cli/vmdoctor/vmdoctor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/source/doctor.h"
#include "core/source/session.h"

struct options {
	bool explain;
};

static const struct vm_opt opts[] = {
	{ .short_name = 'e', .name = "explain", .type = VM_OPT_FLAG, .at = offsetof(struct options, explain),
	  .help = "all about each check: why, what would help, how it was tried",
	  .man = "What is shown where checks are named." },
	VM_OPT_END,
};

static const struct vm_example examples[] = {
	{ "vmdoctor", "one screen" },
	{ "sudo vmdoctor", "the same with root's permissions: what differs is what they give" },
	{ "vmdoctor --explain | less", "all there is to say" },
	{ "vmdoctor pmu pagemap-pfn", "two checks; the exit status tells whether both work" },
	{ "vmdoctor --filter 'OK == false' -o CHECK,STATE,FIX", "what is missing, and what would give it" },
	{ "vmdoctor -J >report.json", "for a bug report" },
	{ NULL, NULL },
};

/* ---- The command line --------------------------------------------------------------------------------------------- */

static int unknown_check(const char *word, struct vm_err *err)
{
	const char *near = NULL;
	unsigned least = 4;
	for (size_t i = 0; vm_checks[i]; i++) {
		const unsigned d = vm_edit_distance(word, vm_checks[i]->info.name);
		if (d < least && d < strlen(word)) {
			least = d;
			near = vm_checks[i]->info.name;
		}
	}
	vm_fail(err, EINVAL, "there is no check '%s'", word);
	if (near)
		vm_hint(err, "did you mean %s?", near);
	else
		vm_hint(err, "vmdoctor -o CHECK,WHAT lists them");
	return -EINVAL;
}

/** Run those that were named, or all; rows in the order of the table or of the names. */
static int run_checks(struct vm_session *s, int argc, char **argv, struct vm_check_row *rows, size_t *n, struct vm_err *err)
{
	for (int i = 0; i < argc; i++)
		if (vm_check_find(argv[i]) < 0)
			return unknown_check(argv[i], err);
	*n = 0;
	for (int i = 0; i < argc; i++)
		vm_check_run(s, vm_checks[vm_check_find(argv[i])], &rows[(*n)++]);
	for (size_t i = 0; !argc && vm_checks[i]; i++)
		vm_check_run(s, vm_checks[i], &rows[(*n)++]);
	return 0;
}

/* ---- Output ------------------------------------------------------------------------------------------------------- */

/** How many came out so, by name of the state. */
static void put_summary(struct vm_json *j, const struct vm_check_row *rows, size_t n)
{
	vm_json_key(j, "states");
	vm_json_object_begin(j);
	for (unsigned v = 0; v < VM_VERDICT_NR; v++) {
		uint64_t count = 0;
		for (size_t i = 0; i < n; i++)
			count += rows[i].finding.verdict == v;
		vm_json_put_u64(j, vm_verdict_name[v], count);
	}
	vm_json_object_end(j);
}

static int list_rows(struct vm_report *r, const struct vm_choice *c, const struct vm_check_row *rows, size_t n)
{
	size_t kept;
	vm_auto_free const void **list = vm_choice_apply(c, rows, n, sizeof(*rows), &kept);
	return list ? vm_report_list(r, &c->view, list, kept, NULL) : -ENOMEM;
}

static int show(const struct vm_ctx *ctx, const struct vm_choice *c, bool explain, const struct vm_check_row *rows, size_t n,
		uint64_t took_ns, struct vm_err *err)
{
	const struct vm_common *common = ctx->common;
	const struct vm_sink *sink = vm_common_sink(common);
	const bool table = common->columns || common->sort || common->filter || common->no_headings || sink->machine;
	struct vm_style style;
	struct vm_report report;
	vm_common_style(common, ctx->out, &style);
	int r = vm_report_open(&report, sink, &style, ctx->out);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot begin the report");
	vm_document_begin(&report, ctx->s, "vmdoctor/1");
	if (vm_report_is_document(&report))
		put_summary(&report.json, rows, n);
	if (table)
		r = list_rows(&report, c, rows, n);
	else if (explain)
		vmdoctor_explain(&report, rows, n);
	else
		vmdoctor_screen(&report, rows, n);
	vm_document_end(&report, ctx->s, took_ns);
	const int closed = vm_report_close(&report, err);
	return r < 0 ? vm_fail_os(err, -r, "cannot write the rows") : closed;
}

/** Of checks that were named: do all of them work?  Of all, --strict asks. */
static int status_of(const struct vm_check_row *rows, size_t n, bool named, bool strict)
{
	bool denied = false, missing = false;
	for (size_t i = 0; i < n; i++) {
		const enum vm_verdict v = rows[i].finding.verdict;
		denied |= v == VM_VERDICT_DENIED;
		missing |= v == VM_VERDICT_PARTLY || v == VM_VERDICT_ABSENT || v == VM_VERDICT_UNTRIED;
	}
	if (named)
		return missing ? VM_EXIT_FAILED : denied ? VM_EXIT_DENIED : VM_EXIT_OK;
	return strict && (denied || missing) ? VM_EXIT_PARTIAL : VM_EXIT_OK;
}

static int run(struct vm_ctx *ctx, const void *opts_, int argc, char **argv, struct vm_err *err)
{
	const struct options *o = opts_;
	const size_t most = (size_t)argc > vm_checks_count() ? (size_t)argc : vm_checks_count();
	const uint64_t began = vm_clock_ns();
	struct vm_choice choice;
	size_t n = 0;
	int r = vm_choice_parse(ctx->common, &vm_check_fields, &choice, err);
	if (r < 0)
		return r;
	vm_auto_free struct vm_check_row *rows = calloc(most, sizeof(*rows));
	r = rows ? run_checks(ctx->s, argc, argv, rows, &n, err) : vm_fail(err, ENOMEM, "out of memory");
	if (r == 0)
		r = show(ctx, &choice, o->explain || argc > 0, rows, n, vm_clock_ns() - began, err);
	vm_choice_free(&choice);
	if (r == 0)
		ctx->exit_status = status_of(rows, n, argc > 0, ctx->common->strict);
	return r;
}

static const struct vm_fieldset *const fieldsets[] = { &vm_check_fields, NULL };

const struct vm_command vm_command = {
	.name = "vmdoctor",
	.brief = "Show what works on this machine, what doesn't and why, and what is used instead",
	.operands = "[CHECK...]",
	.opts = opts,
	.fields = fieldsets,
	.examples = examples,
	.opts_size = sizeof(struct options),
	.run = run,
};
