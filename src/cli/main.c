/**
 * The one main() of all commands: options, session, run, flush, exit status.
 *
 * - what a command is: cli/command.h; its table of options, columns and its run(): cli/vm*.c
 * - options as data: cli/opt.c; those that all commands share: cli/common.c
 * - --help, --version, --print-doc: cli/help.c, cli/doc.c
 * - facts come from core/source, are described by core/field and written by cli/render
 */

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/common.h"
#include "cli/help.h"
#include "core/base/err.h"
#include "core/field/field.h"
#include "core/field/source_row.h"
#include "core/source/recording.h"
#include "core/source/session.h"
#include "core/source/source.h"

static void print_error(const struct vm_err *err)
{
	fprintf(stderr, "%s: %s%s%s\n", vm_command.name, err->what, err->hint[0] ? "; " : "", err->hint);
}

static int status_of(int code)
{
	switch (code) {
	case EINVAL:
		return VM_EXIT_USAGE;
	case ESRCH:
		return VM_EXIT_GONE;
	case EACCES:
	case EPERM:
		return VM_EXIT_DENIED;
	default:
		return VM_EXIT_FAILED;
	}
}

/**
 * Write errors surface at the latest when the stream is flushed: a full disk, a closed pipe.  What failed
 * before has been told.
 */
static int flush_output(int status)
{
	int code = 0;
	if (fflush(stdout) != 0)
		code = errno;
	else if (ferror(stdout))
		code = EIO;
	if (!code)
		return status;
	if (code == EPIPE || status == VM_EXIT_FAILED)
		return VM_EXIT_FAILED;
	fprintf(stderr, "%s: cannot write the output: %s\n", vm_command.name, strerror(code));
	return VM_EXIT_FAILED;
}

static int parse_options(int argc, char **argv, struct vm_common *common, void *own, struct vm_err *err)
{
	static const struct vm_opt print_doc[] = {
		{ .name = "print-doc", .arg = "KIND", .type = VM_OPT_STRING,
		  .at = offsetof(struct vm_common, print_doc), .help = "for the build" },
		VM_OPT_END,
	};
	const struct vm_optset sets[] = {
		{ vm_command.opts, own }, { vm_command.fields ? vm_output_opts : NULL, common },
		{ vm_general_opts, common }, { print_doc, common },
	};
	return vm_opt_parse(sets, sizeof(sets) / sizeof(sets[0]), vm_command.stop_at_operand, argc, argv, err);
}

/** Of --sources: those of a list, whether they work, and what for. */
static size_t try_sources(struct vm_session *s, const struct vm_source *const *sources, struct vm_source_row *rows)
{
	uint32_t met = 0;
	size_t n = 0;
	for (; sources && sources[n]; n++) {
		const struct vm_source *src = sources[n];
		const bool first_choice = !(src->flags & VM_SRC_RANGE);
		struct vm_err why = { 0 };
		bool usable = vm_source_usable(s, src, &why) == 0;
		rows[n] = (struct vm_source_row){
			.name = src->name, .help = src->help, .provides = src->provides, .usable = usable,
			.chosen = usable && first_choice ? src->primary & ~met : 0,
		};
		if (usable && first_choice && !(src->flags & VM_SRC_PASS))
			met |= src->primary;
		snprintf(rows[n].why, sizeof(rows[n].why), "%.159s", why.what);
	}
	return n;
}

static size_t count_sources(const struct vm_source *const *sources)
{
	size_t n = 0;
	while (sources && sources[n])
		n++;
	return n;
}

/** For --sources: a row of vm_source_fields each. */
static int print_sources(struct vm_ctx *ctx, struct vm_err *err)
{
	size_t n = count_sources(vm_sources) + count_sources(vm_command.sources);
	struct vm_source_row *rows = calloc(n, sizeof(*rows));
	if (!rows)
		return vm_fail(err, ENOMEM, "out of memory");
	n = try_sources(ctx->s, vm_sources, rows);
	n += try_sources(ctx->s, vm_command.sources, rows + n);
	struct vm_common plain = *ctx->common;
	plain.columns = plain.sort = plain.filter = NULL;
	struct vm_choice choice;
	struct vm_style style;
	struct vm_report report;
	int r = vm_choice_parse(&plain, &vm_source_fields, &choice, err);
	if (r == 0) {
		size_t kept;
		const void **list = vm_choice_apply(&choice, rows, n, sizeof(*rows), &kept);
		vm_common_style(ctx->common, ctx->out, &style);
		vm_report_open(&report, vm_common_sink(ctx->common), &style, ctx->out);
		vm_document_begin(&report, ctx->s, "sources/1");
		r = list ? vm_report_list(&report, &choice.view, list, kept, NULL) : -ENOMEM;
		vm_document_end(&report, ctx->s, 0);
		int closed = vm_report_close(&report, err);
		r = r < 0 ? r : closed;
		free(list);
		vm_choice_free(&choice);
	}
	free(rows);
	return r;
}

static int open_replay(struct vm_ctx *ctx, struct vm_err *err)
{
	struct vm_recording *rec;
	int r = vm_recording_open(ctx->common->replay, &rec, err);
	if (r < 0)
		return r;
	size_t moment;
	if (!ctx->common->at)
		return vm_session_open_last(rec, &ctx->s, err);
	r = vm_recording_find(rec, ctx->common->at, &moment, err);
	if (r < 0) {
		vm_recording_close(rec);
		return r;
	}
	return vm_session_open_recording(rec, moment, &ctx->s, err);
}

static int open_session(struct vm_ctx *ctx, struct vm_err *err)
{
	const struct vm_common *c = ctx->common;
	if (c->at && !c->replay)
		return vm_fail(err, EINVAL, "--at is a moment of a recording: it needs --replay FILE");
	if (c->replay && strcmp(c->root, "/") != 0)
		return vm_fail(err, EINVAL, "--root and --replay are two machines: name one");
	return c->replay ? open_replay(ctx, err) : vm_session_open(c->root, &ctx->s, err);
}

static int run(struct vm_ctx *ctx, const void *own, int argc, char **argv, struct vm_err *err)
{
	int r = 0;
	const struct vm_common *c = ctx->common;
	if (vm_command.no_session && (c->replay || c->at || c->sources || strcmp(c->root, "/") != 0))
		return vm_fail(err, EINVAL, "%s reads no process: --root, --replay, --at and --sources make no sense", vm_command.name);
	if (!vm_command.no_session) {
		r = open_session(ctx, err);
		if (r < 0)
			return r;
	}
	if (ctx->common->sources && ctx->s)
		r = print_sources(ctx, err);
	else
		r = vm_command.run(ctx, own, argc, argv, err);
	return r;
}

static int finish(struct vm_ctx *ctx, int r, const struct vm_err *err)
{
	int status = VM_EXIT_OK;
	bool partial = false;
	if (r < 0 && -r != EPIPE) {
		print_error(err);
		status = status_of(-r);
	} else if (r < 0) {
		status = VM_EXIT_FAILED;
	}
	if (ctx->s) {
		vm_print_unmet(ctx->s, vm_command.name);
		for (unsigned b = 0; b < VM_NEED_NR; b++)
			partial = partial || ctx->s->unmet[b].count;
		partial = partial || ctx->s->unmet_other.n;
	}
	if (status == VM_EXIT_OK && partial && ctx->common->strict)
		status = VM_EXIT_PARTIAL;
	if (status == VM_EXIT_OK && ctx->exit_status >= 0)
		status = ctx->exit_status;
	vm_session_close(ctx->s);
	return flush_output(status);
}

/**
 * Started with a standard stream closed, the next file would take its place and be written to or read from:
 * a file of a capture, say.  What stands in for it fails with EBADF, as a closed one does.
 */
static void keep_standard_streams(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			_exit(VM_EXIT_FAILED);
}

int main(int argc, char **argv)
{
	keep_standard_streams();
	struct vm_common common = { .root = "/" };
	struct vm_err err = { 0 };
	setlocale(LC_CTYPE, "");
	void *own = calloc(1, vm_command.opts_size + 1);
	if (!own)
		return VM_EXIT_FAILED;
	if (vm_command.defaults)
		memcpy(own, vm_command.defaults, vm_command.opts_size);
	int status = VM_EXIT_OK;
	int first = parse_options(argc, argv, &common, own, &err);
	if (first < 0) {
		print_error(&err);
		status = VM_EXIT_USAGE;
	} else if (common.help) {
		vm_print_help(&vm_command, stdout);
		status = flush_output(status);
	} else if (common.version) {
		vm_print_version(&vm_command, stdout);
		status = flush_output(status);
	} else if (common.print_doc) {
		if (vm_print_doc(&vm_command, common.print_doc, stdout, &err) < 0) {
			print_error(&err);
			status = VM_EXIT_USAGE;
		}
		status = flush_output(status);
	} else {
		struct vm_ctx ctx = { .common = &common, .out = stdout, .exit_status = -1 };
		int r = run(&ctx, own, argc - first, argv + first, &err);
		status = finish(&ctx, r, &err);
	}
	free(own);
	return status;
}
