/**
 * vmlab(1): make memory do one known thing, and say exactly what.
 *
 * Here: options, --list and the help of one workload.  The workloads and the frame that runs them
 * are in src/workloads/.
 */
#include <errno.h>
#include <string.h>

#include "cli/command.h"
#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/json.h"
#include "workloads/frame.h"
#include "workloads/workload.h"

struct opts {
	bool list, json, names, no_headings, hold, help;
	struct vm_frame_opts frame;
};

static const struct vm_opt opts[] = {
	{ 'l', "list", NULL, "list the workloads", NULL, VM_OPT_FLAG, .at = offsetof(struct opts, list),
	  .group = 1 },
	{ 'J', "json", NULL, "with --list: as JSON", NULL, VM_OPT_FLAG,
	  .at = offsetof(struct opts, json) },
	{ 0, "names", NULL, "with --list: only the names", NULL, VM_OPT_FLAG,
	  .at = offsetof(struct opts, names) },
	{ 0, "no-headings", NULL, "with --list: without the heading", NULL, VM_OPT_FLAG,
	  .at = offsetof(struct opts, no_headings) },
	{ 0, "hold", NULL, "keep the state until told to end (this is the default)",
	  "SIGTERM, SIGINT, SIGHUP and the end of the parent process end it.", VM_OPT_FLAG,
	  .at = offsetof(struct opts, hold), .group = 1 },
	{ 0, "exit", NULL, "make the state, undo it and end", NULL, VM_OPT_FLAG,
	  .at = offsetof(struct opts, frame.exit), .group = 1 },
	{ 0, "step", "TIME", "make one step every TIME",
	  "SIGUSR1 makes one step at any time.  Each step prints its truth.", VM_OPT_TIME,
	  .at = offsetof(struct opts, frame.step_ns), .min = 1 },
	{ 0, "steps", "N", "make N steps at once",
	  "With --watch: end after N steps; otherwise they go on until the workload's last one.",
	  VM_OPT_U64, .at = offsetof(struct opts, frame.steps) },
	{ 'w', "watch", "COMMAND", "run COMMAND on the workload, and again after each step",
	  "The process id is added as its last word, or takes the place of {}.  The command is looked "
	  "for beside vmlab, then in PATH.  After the last step vmlab ends, with the command's exit "
	  "status if that was not 0.  vmtop and vmfault run once, until they end; --step makes steps "
	  "meanwhile.",
	  VM_OPT_STRING, .at = offsetof(struct opts, frame.watch) },
	{ 0, "truth", NULL, "print the truth with --watch, too", NULL, VM_OPT_FLAG,
	  .at = offsetof(struct opts, frame.truth) },
	{ 'd', "dir", "DIR", "make temporary files in DIR",
	  "Default: $TMPDIR, else /tmp, or /var/tmp where /tmp has no disk below it.",
	  VM_OPT_PATH, .at = offsetof(struct opts, frame.dir) },
	{ 'q', "quiet", NULL, "no sentences on standard error", NULL, VM_OPT_FLAG,
	  .at = offsetof(struct opts, frame.quiet) },
	VM_OPT_END
};

/** Behind the name of a workload, --help speaks of that workload. */
static const struct vm_opt help_opt[] = {
	{ 'h', "help", NULL, "what this workload does, and its parameters", NULL, VM_OPT_FLAG,
	  .at = offsetof(struct opts, help) },
	VM_OPT_END
};

/* The list. */

static void list_table(FILE *out, bool headings)
{
	size_t name = strlen("NAME"), help = strlen("WHAT");
	for (size_t i = 0; vm_workloads[i]; i++) {
		size_t n = strlen(vm_workloads[i]->name), h = strlen(vm_workloads[i]->help);
		name = n > name ? n : name;
		help = h > help ? h : help;
	}
	if (headings)
		fprintf(out, "%-*s  %-*s  %s\n", (int)name, "NAME", (int)help, "WHAT", "SHOWN BY");
	for (size_t i = 0; vm_workloads[i]; i++)
		fprintf(out, "%-*s  %-*s  %s\n", (int)name, vm_workloads[i]->name, (int)help,
		        vm_workloads[i]->help, vm_workloads[i]->shows);
}

static const char *const type_name[] = {
	[VM_P_SIZE] = "size", [VM_P_U64] = "number", [VM_P_RATIO] = "share", [VM_P_WORD] = "word",
	[VM_P_TEXT] = "text",
};

static void json_pair(struct vm_json *j, const char *key, const char *value)
{
	vm_json_key(j, key);
	vm_json_str(j, value);
}

static void json_param(struct vm_json *j, const struct vm_param *p)
{
	vm_json_object_begin(j);
	json_pair(j, "name", p->name);
	json_pair(j, "help", p->help);
	json_pair(j, "type", type_name[p->type]);
	json_pair(j, "default", p->def);
	if (p->words) {
		vm_json_key(j, "words");
		vm_json_array_begin(j);
		for (size_t i = 0; p->words[i]; i++)
			vm_json_str(j, p->words[i]);
		vm_json_array_end(j);
	}
	vm_json_object_end(j);
}

static void json_shows(struct vm_json *j, const char *shows)
{
	vm_json_key(j, "shows");
	vm_json_array_begin(j);
	char one[32];
	for (const char *s = shows; *s;) {
		size_t len = strcspn(s, ",");
		snprintf(one, sizeof(one), "%.*s", (int)len, s);
		vm_json_str(j, one);
		s += len + (s[len] == ',');
	}
	vm_json_array_end(j);
}

static int list_json(FILE *out)
{
	struct vm_json j = { .out = out, .indent = 2 };
	vm_json_object_begin(&j);
	json_pair(&j, "schema", "vmlab/1");
	vm_json_key(&j, "workloads");
	vm_json_array_begin(&j);
	for (size_t i = 0; vm_workloads[i]; i++) {
		const struct vm_workload *w = vm_workloads[i];
		vm_json_object_begin(&j);
		json_pair(&j, "name", w->name);
		json_pair(&j, "help", w->help);
		json_pair(&j, "lesson", w->lesson);
		json_shows(&j, w->shows);
		vm_json_key(&j, "steps");
		vm_json_bool(&j, w->step != NULL);
		vm_json_key(&j, "params");
		vm_json_array_begin(&j);
		for (const struct vm_param *p = w->params; p && p->name; p++)
			json_param(&j, p);
		vm_json_array_end(&j);
		vm_json_object_end(&j);
	}
	vm_json_array_end(&j);
	vm_json_object_end(&j);
	return vm_json_finish(&j);
}

static int list(struct vm_ctx *ctx, const struct opts *o, struct vm_err *err)
{
	if (o->names) {
		for (size_t i = 0; vm_workloads[i]; i++)
			fprintf(ctx->out, "%s\n", vm_workloads[i]->name);
		return 0;
	}
	if (o->json) {
		int r = list_json(ctx->out);
		/* A failed write is told when the output is flushed. */
		return r == -ENOMEM ? vm_fail_os(err, ENOMEM, "cannot write the list") : 0;
	}
	list_table(ctx->out, !o->no_headings);
	return 0;
}

/* Help of one workload. */

static void print_wrapped(FILE *out, const char *text, size_t width)
{
	size_t column = 0;
	for (const char *s = text; *s;) {
		size_t len = strcspn(s, " ");
		if (column && column + 1 + len > width) {
			fputc('\n', out);
			column = 0;
		} else if (column) {
			fputc(' ', out);
			column++;
		}
		fwrite(s, 1, len, out);
		column += len;
		s += len + strspn(s + len, " ");
	}
	fputc('\n', out);
}

static const char *const value_name[] = {
	[VM_P_SIZE] = "SIZE", [VM_P_U64] = "N", [VM_P_RATIO] = "SHARE", [VM_P_WORD] = "WORD",
	[VM_P_TEXT] = "TEXT",
};

static void print_param(FILE *out, const struct vm_param *p)
{
	int n = fprintf(out, "  --%s %s", p->name, value_name[p->type]);
	fprintf(out, "%*s%s", n < 22 ? 22 - n : 2, "", p->help);
	for (size_t i = 0; p->words && p->words[i]; i++)
		fprintf(out, "%s%s", i ? ", " : ": ", p->words[i]);
	if (*p->def)
		fprintf(out, " (%s)", p->def);
	fputc('\n', out);
}

static void print_option(FILE *out, const struct vm_opt *o)
{
	int n = fprintf(out, "  --%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
	fprintf(out, "%*s%s\n", n < 22 ? 22 - n : 2, "", o->help);
}

static bool of_the_list(const struct vm_opt *o)
{
	return o->at == offsetof(struct opts, list) || o->at == offsetof(struct opts, json)
	       || o->at == offsetof(struct opts, names) || o->at == offsetof(struct opts, no_headings);
}

static void print_help(FILE *out, const struct vm_workload *w)
{
	fprintf(out, "Usage: vmlab %s [--PARAMETER VALUE]... [OPTION]...\n\n", w->name);
	print_wrapped(out, w->help, 80);
	fputc('\n', out);
	print_wrapped(out, w->lesson, 80);
	fprintf(out, "\nShown by: %s\n", w->shows);
	fprintf(out, "Steps: %s\n", w->step ? "yes (--step TIME, --steps N, or SIGUSR1)" : "none");
	if (w->params)
		fprintf(out, "\nParameters (and their defaults):\n");
	for (const struct vm_param *p = w->params; p && p->name; p++)
		print_param(out, p);
	fprintf(out, "\nOptions of every workload:\n");
	for (const struct vm_opt *o = opts; o->name; o++)
		if (!of_the_list(o))
			print_option(out, o);
}

/* Running one. */

/** What was typed for each parameter, as the target of an option table made from params[]. */
struct typed {
	const char *v[VM_PARAMS_MAX];
	struct vm_opt opt[VM_PARAMS_MAX + 1];
};

static void params_as_options(struct typed *t, const struct vm_workload *w)
{
	for (size_t i = 0; w->params && w->params[i].name && i < VM_PARAMS_MAX; i++) {
		const struct vm_param *p = &w->params[i];
		t->opt[i] = (struct vm_opt){
			.name = p->name, .arg = value_name[p->type], .help = p->help,
			.type = VM_OPT_STRING, .at = i * sizeof(t->v[0]), .words = p->words,
		};
	}
}

static int parse_rest(struct opts *o, const struct vm_workload *w, struct vm_arg *arg, int argc,
                      char **argv, struct vm_err *err)
{
	struct typed t = { .v = { NULL } };
	params_as_options(&t, w);
	const struct vm_optset sets[] = { { t.opt, t.v }, { opts, o }, { help_opt, o } };
	int at = vm_opt_parse(sets, vm_countof(sets), false, argc, argv, err);
	if (at < 0)
		return at;
	if (at < argc)
		return vm_fail(err, EINVAL, "'%s': a workload takes --PARAMETER VALUE only; "
		               "see 'vmlab %s --help'", argv[at], w->name);
	return vm_workload_args(w, t.v, arg, err);
}

/** A workload that can't be made here is a skip with its reason, not one of the usual failures. */
static int make_it(struct vm_ctx *ctx, const struct vm_workload *w, const struct vm_arg *arg,
                   const struct vm_frame_opts *frame, struct vm_err *err)
{
	struct vm_err why = { 0 };
	int r = vm_frame_run(w, arg, frame, ctx->out, &ctx->exit_status, &why);
	if (r < 0 && ctx->exit_status == VM_EXIT_SKIP) {
		fprintf(stderr, "%s: %s%s%s\n", vm_command.name, why.what, why.hint[0] ? "; " : "", why.hint);
		return 0;
	}
	if (r < 0)
		*err = why;
	return r;
}

static int run(struct vm_ctx *ctx, const void *given, int argc, char **argv, struct vm_err *err)
{
	struct opts o = *(const struct opts *)given;
	if (argc == 0 && o.list)
		return list(ctx, &o, err);
	if (argc == 0)
		return vm_fail(err, EINVAL, "which workload? 'vmlab --list' shows them");
	const struct vm_workload *w = vm_workload_find(argv[0], err);
	if (!w)
		return -EINVAL;
	struct vm_arg arg[VM_PARAMS_MAX];
	int r = parse_rest(&o, w, arg, argc, argv, err);
	if (r < 0)
		return r;
	if (o.help) {
		print_help(ctx->out, w);
		return 0;
	}
	if (o.list || o.json || o.names || o.no_headings)
		return vm_fail(err, EINVAL, "--list and what goes with it take no workload");
	return make_it(ctx, w, arg, &o.frame, err);
}

static const struct vm_example examples[] = {
	{ "vmlab --list", "every workload with a line on what it makes" },
	{ "vmlab cow --help", "what one of them teaches, and its parameters" },
	{ "vmlab cow --watch vmmap", "look at a fork, step by step" },
	{ "vmlab leak --rate 4M --step 1s --watch vmtop", "watch a leak grow" },
	{ "vmlab anon --size 100M --touch 1/4", "state the truth and hold it" },
	{ NULL, NULL }
};

const struct vm_command vm_command = {
	.name = "vmlab",
	.brief = "make memory do one known thing, and say exactly what",
	.operands = "[NAME [--PARAMETER VALUE]...]",
	.opts = opts,
	.examples = examples,
	.opts_size = sizeof(struct opts),
	.defaults = &(const struct opts){ .list = false },
	.run = run,
	.no_session = true,
	.stop_at_operand = true,
};
