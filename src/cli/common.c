#include "cli/common.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/outfile.h"
#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/model/need.h"
#include "core/model/system.h"
#include "core/source/recording.h"
#include "core/source/session.h"
#include "core/source/source.h"

static const char *const colors[] = { "auto", "always", "never", NULL };
/** In the order of vm_sinks[]. */
static const char *const formats[] = { "table", "json", "ndjson", "csv", "openmetrics", NULL };

#define AT(member) offsetof(struct vm_common, member)

enum { GROUP_FORMAT = 1000 };

const struct vm_opt vm_general_opts[] = {
	{ .name = "root", .arg = "DIR", .type = VM_OPT_PATH, .at = AT(root),
	  .help = "read a captured tree instead of this machine",
	  .man = "The tree holds proc/ as \\fB--capture\\fP of vmmap(1) writes it. Nothing outside is read." },
	{ .name = "replay", .arg = "FILE", .type = VM_OPT_PATH, .at = AT(replay),
	  .help = "read a recording instead of this machine", .man = "As \\fBvmrec\\fP(1) writes it. The last moment of it, unless "
		 "\\fB--at\\fP names another." },
	{ .name = "at", .arg = "TIME", .type = VM_OPT_STRING, .at = AT(at),
	  .help = "the moment of the recording: 14:05:30, +90s, -5m, #12",
	  .man = "A time (\\fB2026-11-28T14:05:30\\fP, \\fB14:05\\fP; local, UTC with \\fBZ\\fP), \\fB@\\fP and seconds since 1970, a "
		 "time after the first moment (\\fB+90s\\fP) or before the last (\\fB-5m\\fP), or \\fB#\\fP and a number from 1 on. What "
		 "was read last at that time is shown." },
	{ .name = "strict", .type = VM_OPT_FLAG, .at = AT(strict),
	  .help = "exit with 5 if anything that was wanted could not be read" },
	{ .name = "sources", .type = VM_OPT_FLAG, .at = AT(sources),
	  .help = "show where each fact comes from on this machine, and end" },
	{ .name = "color", .arg = "auto|always|never", .type = VM_OPT_ENUM, .at = AT(color), .words = colors,
	  .help = "colour the output (auto: on a terminal, unless NO_COLOR is set)" },
	{ .short_name = 'h', .name = "help", .type = VM_OPT_FLAG, .at = AT(help), .help = "show this help" },
	{ .short_name = 'V', .name = "version", .type = VM_OPT_FLAG, .at = AT(version),
	  .help = "show version and built-in parts" },
	VM_OPT_END,
};

const struct vm_opt vm_output_opts[] = {
	{ .short_name = 'o', .name = "columns", .arg = "A,B|+A", .type = VM_OPT_STRING, .at = AT(columns),
	  .columns = true, .help = "columns to show; + adds to the usual ones, - takes away, all for all",
	  .man = "Only what the columns need is read." },
	{ .short_name = 's', .name = "sort", .arg = "COLUMN", .type = VM_OPT_STRING, .at = AT(sort), .columns = true,
	  .help = "sort by a column, sizes biggest first; -COLUMN the other way round" },
	{ .name = "filter", .arg = "EXPR", .type = VM_OPT_STRING, .at = AT(filter),
	  .help = "only rows for which it holds: 'RSS > 1M and KIND == anon'",
	  .man = "Operators: == != < <= > >= =~ !~ and or not ( ). Sizes take K, M, G. A comparison with a cell "
		 "that isn't known is false." },
	{ .short_name = 'J', .name = "json", .type = VM_OPT_FLAG, .at = AT(json), .group = GROUP_FORMAT,
	  .help = "JSON, one object" },
	{ .name = "csv", .type = VM_OPT_FLAG, .at = AT(csv), .group = GROUP_FORMAT, .help = "CSV" },
	{ .name = "format", .arg = "table|json|ndjson|csv|openmetrics", .type = VM_OPT_ENUM, .at = AT(format),
	  .words = formats, .group = GROUP_FORMAT, .help = "form of the output" },
	{ .short_name = 'b', .name = "bytes", .type = VM_OPT_FLAG, .at = AT(bytes), .help = "exact numbers, in bytes" },
	{ .name = "no-headings", .type = VM_OPT_FLAG, .at = AT(no_headings),
	  .help = "no column names, totals or other lines around the rows" },
	VM_OPT_END,
};

const struct vm_sink *vm_common_sink(const struct vm_common *c)
{
	return vm_sinks[c->json ? 1 : c->csv ? 3 : c->format];
}

const struct vm_sink *vm_common_sink_of_lines(const struct vm_common *c)
{
	const struct vm_sink *sink = vm_common_sink(c);
	return sink->document ? vm_sinks[2] : sink;
}

static unsigned terminal_width(int out)
{
	const char *columns = getenv("COLUMNS");
	uint64_t n;
	struct winsize ws;
	if (columns && vm_parse_u64(columns, &n) == 0 && n > 0 && n < 10000)
		return (unsigned)n;
	if (isatty(out) && ioctl(out, TIOCGWINSZ, &ws) == 0)
		return ws.ws_col;
	return 0;
}

static void make_style(const struct vm_common *c, int out, struct vm_style *style)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	bool tty = isatty(out);
	*style = (struct vm_style){
		.exact = c->bytes, .headings = !c->no_headings,
		.width = tty || getenv("COLUMNS") ? terminal_width(out) : 0,
		.color = c->color == VM_COLOR_ALWAYS ||
			 (c->color == VM_COLOR_AUTO && tty && !(no_color && *no_color) && term &&
			  strcmp(term, "dumb") != 0),
		.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
	};
}

void vm_common_style(const struct vm_common *c, FILE *out, struct vm_style *style)
{
	make_style(c, fileno(out), style);
}

int vm_common_output(const struct vm_common *c, const char *path, FILE *usual, struct vm_outfile *file, FILE **out,
		     struct vm_style *style, struct vm_err *err)
{
	const int r = path ? vm_outfile_open(file, path, err) : 0;
	*out = path ? file->out : usual;
	/* Of a file, out has no descriptor. */
	if (r == 0)
		make_style(c, path ? file->fd : fileno(usual), style);
	return r;
}

int vm_choice_parse(const struct vm_common *c, const struct vm_fieldset *set, struct vm_choice *out,
		    struct vm_err *err)
{
	struct vm_choice ch = { .view = { .set = set, .name = set->rows } };
	unsigned flag = vm_common_sink(c)->machine ? VM_F_MACHINE : VM_F_DEFAULT;
	int r = vm_columns_parse(set, c->columns, flag, &ch.view.cols, err);
	if (r == 0)
		r = vm_sort_parse(set, c->sort, &ch.sort, err);
	if (r == 0)
		r = vm_filter_parse(set, c->filter, &ch.filter, err);
	if (r < 0)
		return r;
	ch.needs = vm_columns_needs(set, &ch.view.cols) | vm_filter_needs(ch.filter) |
		   (ch.sort.field ? ch.sort.field->needs : 0);
	/* Every sample of OpenMetrics carries the labels, whatever the columns are. */
	for (size_t i = 0; vm_common_sink(c)->labels && i < set->n; i++)
		if (set->v[i].flags & VM_F_LABEL)
			ch.needs |= set->v[i].needs;
	*out = ch;
	return 0;
}

void vm_choice_free(struct vm_choice *c)
{
	vm_filter_free(c->filter);
	c->filter = NULL;
}

const void **vm_choice_apply(const struct vm_choice *c, const void *rows, size_t n, size_t size, size_t *kept)
{
	const void **list = malloc((n + 1) * sizeof(*list));
	size_t to = 0;
	for (size_t i = 0; list && i < n; i++) {
		const void *row = (const char *)rows + i * size;
		if (vm_filter_accepts(c->filter, row))
			list[to++] = row;
	}
	if (list && vm_sort_rows(&c->sort, list, to) < 0) {
		free(list);
		return NULL;
	}
	*kept = to;
	return list;
}

int vm_list_rows(struct vm_report *r, const struct vm_common *c, const struct vm_listing *l, struct vm_err *err)
{
	struct vm_common common = *c;
	struct vm_choice choice;
	size_t kept = 0;
	if (!l->chosen)
		common.columns = common.sort = common.filter = NULL;
	if (!common.columns)
		common.columns = l->columns;
	if (!common.sort)
		common.sort = l->sort;
	int e = vm_choice_parse(&common, l->set, &choice, err);
	if (e < 0)
		return e;
	vm_auto_free const void **list = vm_choice_apply(&choice, l->rows, l->n, l->size, &kept);
	const size_t most = l->most && l->most < kept ? l->most : kept;
	e = list ? vm_report_list(r, &choice.view, list, most, kept == l->n ? l->total : NULL) : -ENOMEM;
	if (e == 0 && l->more && kept > most)
		vm_report_say(r, "%s%zu more (--top 0 shows all)\n", l->more, kept - most);
	vm_choice_free(&choice);
	return e < 0 ? vm_fail_os(err, -e, "cannot write the rows") : 0;
}

int vm_parse_pid(const char *text, pid_t *pid, struct vm_err *err)
{
	uint64_t v;
	if (strcmp(text, "self") == 0) {
		*pid = getpid();
		return 0;
	}
	if (vm_parse_u64(text, &v) != 0 || v == 0 || v > INT32_MAX) {
		vm_fail(err, EINVAL, "'%s' is not a process ID", text);
		vm_hint(err, "a number, or self");
		return -EINVAL;
	}
	*pid = (pid_t)v;
	return 0;
}

int vm_parse_pids(const char *text, pid_t **pids, size_t *n, struct vm_err *err)
{
	VM_VEC(pid_t) list = { 0 };
	vm_auto_free char *copy = strdup(text);
	char *save = NULL;
	int r = copy ? 0 : vm_fail(err, ENOMEM, "out of memory");
	for (char *w = copy ? strtok_r(copy, ", ", &save) : NULL; w && r == 0; w = strtok_r(NULL, ", ", &save)) {
		pid_t pid;
		r = vm_parse_pid(w, &pid, err);
		if (r == 0 && !vm_vec_push(&list, pid))
			r = vm_fail(err, ENOMEM, "out of memory");
	}
	if (r == 0 && list.n == 0)
		r = vm_fail(err, EINVAL, "'%s' names no process", text);
	if (r < 0) {
		vm_vec_free(&list);
		return r;
	}
	*pids = list.v;
	*n = list.n;
	return 0;
}

int vm_parse_interval(int argc, char **argv, uint64_t *interval_ns, uint64_t *count, struct vm_err *err)
{
	uint64_t interval = 0, n = 0;
	if (argc > 2)
		return vm_fail(err, EINVAL, "'%s' is one operand too many: [INTERVAL [COUNT]]", argv[2]);
	if (argc > 0 && (vm_parse_duration(argv[0], &interval) != 0 || interval < 1000000)) {
		vm_fail(err, EINVAL, "'%s' is not an interval", argv[0]);
		vm_hint(err, "seconds, fractions allowed: 1, 0.5, 200ms");
		return -EINVAL;
	}
	if (argc > 1 && (vm_parse_u64(argv[1], &n) != 0 || n == 0))
		return vm_fail(err, EINVAL, "'%s' is not a count", argv[1]);
	*interval_ns = interval;
	*count = n;
	return 0;
}

/** When the document's facts were true: now, or when the tree was captured. */
static void put_time(struct vm_json *j, struct vm_session *s)
{
	char text[40];
	vm_json_key(j, "time");
	if (s->live) {
		struct timespec ts;
		struct tm tm;
		clock_gettime(CLOCK_REALTIME, &ts);
		gmtime_r(&ts.tv_sec, &tm);
		size_t n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(text + n, sizeof(text) - n, ".%03ldZ", ts.tv_nsec / 1000000);
		vm_json_str(j, text);
	} else if (vm_session_slurp(s, &s->scratch, "captured") > 0) {
		s->scratch.s[strcspn(s->scratch.s, "\n")] = '\0';
		vm_json_str(j, s->scratch.s);
	} else {
		vm_json_null(j);
	}
}

void vm_document_begin(struct vm_report *r, struct vm_session *s, const char *schema)
{
	struct vm_system sys;
	if (!vm_report_is_document(r))
		return;
	vm_system_identify(s, &sys);
	vm_json_object_begin(&r->json);
	vm_json_key(&r->json, "schema");
	vm_json_str(&r->json, schema);
	vm_json_key(&r->json, "host");
	vm_json_str(&r->json, sys.host[0] ? sys.host : NULL);
	vm_json_key(&r->json, "kernel");
	vm_json_str(&r->json, sys.kernel[0] ? sys.kernel : NULL);
	put_time(&r->json, s);
}

void vm_document_unmet(struct vm_report *r, const struct vm_session *s)
{
	struct vm_json *j = &r->json;
	vm_json_key(j, "unmet");
	vm_json_object_begin(j);
	for (unsigned b = 0; b < VM_NEED_NR; b++) {
		const struct vm_unmet *u = &s->unmet[b];
		if (!u->count)
			continue;
		vm_json_key(j, vm_need_info[b].name);
		vm_json_object_begin(j);
		vm_json_key(j, "what");
		vm_json_str(j, vm_need_info[b].what);
		vm_json_key(j, "why");
		vm_json_str(j, strerror(u->why));
		vm_json_key(j, "processes");
		vm_json_u64(j, u->count);
		vm_json_object_end(j);
	}
	for (size_t i = 0; i < s->unmet_other.n; i++) {
		const struct vm_unmet_other *u = &s->unmet_other.v[i];
		vm_json_key(j, u->name);
		vm_json_object_begin(j);
		vm_json_put_str(j, "what", u->what);
		vm_json_put_str(j, "why", u->why);
		vm_json_object_end(j);
	}
	vm_json_object_end(j);
}

void vm_document_end(struct vm_report *r, const struct vm_session *s, uint64_t took_ns)
{
	if (!vm_report_is_document(r))
		return;
	vm_document_unmet(r, s);
	vm_json_key(&r->json, "took_ns");
	if (s->live)
		vm_json_u64(&r->json, took_ns);
	else
		vm_json_null(&r->json);
	vm_json_object_end(&r->json);
}

void vm_print_unmet(const struct vm_session *s, const char *command)
{
	for (unsigned b = 0; b < VM_NEED_NR; b++) {
		const struct vm_unmet *u = &s->unmet[b];
		if (!u->count)
			continue;
		fprintf(stderr, "%s: %s: ", command, vm_need_info[b].what);
		/* It isn't of the processes. */
		if (b == VM_NEED_BIT_TLB && u->why == ENODATA && s->live) {
			fprintf(stderr, "not known; %s\n", vm_need_info[b].remedy);
			continue;
		}
		if (u->count == 1)
			fprintf(stderr, "not readable for process %d", u->first);
		else
			fprintf(stderr, "not readable for %u processes", u->count);
		if (u->why == EACCES || u->why == EPERM)
			fprintf(stderr, ": not permitted; %s\n", vm_need_info[b].remedy);
		else if (u->why == ENOENT || u->why == ENODATA || (u->why == EOPNOTSUPP && !s->live))
			fprintf(stderr, ": %s%s\n", s->live ? "this kernel doesn't tell" : "not in the ",
				s->live ? "" : vm_session_kind(s));
		else if (u->why == EBADMSG)
			fprintf(stderr, ": its file makes no sense\n");
		else if (u->why == EOPNOTSUPP)
			fprintf(stderr, ": not supported here; --sources tells why\n");
		else
			fprintf(stderr, ": %s\n", strerror(u->why));
	}
	for (size_t i = 0; i < s->unmet_other.n; i++)
		fprintf(stderr, "%s: %s: %s\n", command, s->unmet_other.v[i].what, s->unmet_other.v[i].why);
}
