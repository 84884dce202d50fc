/**
 * vmshare(1): who shares memory with whom, and what copy-on-write has broken.
 * - one process: process.c;  several: group.c;  fork families: family.c;  pages: pages.c;
 *   who else has its pages: who.c
 * - columns: core/field/share.c;  sets of frames: core/model/frameset.h, core/analysis/sharegroup.h
 */

#include "cli/vmshare/vmshare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/render/text.h"
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/field/page.h"
#include "core/source/cgroupfs.h"
#include "core/source/pages.h"
#include "core/source/session.h"

enum { GROUP_TARGET = 1, GROUP_MODE = 2 };

#define AT(member) offsetof(struct vmshare_options, member)

static const struct vm_opt opts[] = {
	VM_TARGET_OPTS(AT(target), GROUP_TARGET),
	{ .name = "family", .type = VM_OPT_FLAG, .at = AT(family), .group = GROUP_MODE,
	  .help = "only the fork family of a process, as a tree",
	  .man = "Processes that came from one another by fork() without a program executed in between." },
	{ .short_name = 'w', .name = "watch", .type = VM_OPT_FLAG, .at = AT(watch), .group = GROUP_MODE,
	  .help = "the family again and again: how fast copy-on-write breaks, and what it will cost",
	  .man = "Operands are PID, INTERVAL (1 second) and COUNT." },
	{ .name = "pairs", .type = VM_OPT_FLAG, .at = AT(pairs), .group = GROUP_MODE,
	  .help = "all pairs of processes that share anything" },
	{ .name = "who", .type = VM_OPT_FLAG, .at = AT(who), .group = GROUP_MODE,
	  .help = "who else maps the pages of a process, mapping by mapping",
	  .man = "All processes are looked through; of each mapping the 64 that have most in common with it are shown." },
	{ .short_name = 'r', .name = "runs", .type = VM_OPT_FLAG, .at = AT(runs), .group = GROUP_MODE,
	  .help = "the pages of a process: frames, and how often each is mapped" },
	{ .name = "pfn", .type = VM_OPT_FLAG, .at = AT(pfn), .group = GROUP_MODE,
	  .help = "operands are page frame numbers, hexadecimal: who maps them" },
	{ .name = "range", .arg = "A-B", .type = VM_OPT_STRING, .at = AT(range),
	  .help = "only pages at these addresses, hexadecimal",
	  .man = "Figures of smaps stay those of whole mappings." },
	{ .name = "zeros", .type = VM_OPT_FLAG, .at = AT(zeros), .help = "mappings without pages too" },
	VM_OPT_END,
};

static const struct vm_example examples[] = {
	{ "vmshare 4242", "one process: what is private, what is shared and how often, its fork family" },
	{ "vmshare 4242 4243", "what the two share, by files, shared memory and forked memory" },
	{ "vmshare -n postgres", "all processes of that name, side by side" },
	{ "vmshare -a --pairs -s ANON", "pairs that have forked memory in common, the most first" },
	{ "vmshare -g system.slice/nginx.service -J", "the processes of a cgroup, as JSON" },
	{ "vmshare --family 4242", "the family as a tree: what each has in common, what is broken" },
	{ "vmshare --watch 4242 5", "how fast it breaks, every five seconds, and what it will cost" },
	{ "vmshare 4242 -s RISK", "mappings that a snapshot child makes dear, the dearest first" },
	{ "vmshare --who 4242 --filter 'MAPPING =~ libc'", "which processes have the same pages of a library" },
	{ "vmshare 4242 -o START,MANY,SHARERS,WITH,MAPPING", "the same in short: how many, and which, for each mapping" },
	{ "vmshare --runs 4242 --filter 'MAPPED > 1'", "shared pages, with their frames" },
	{ "vmshare --pfn 1ce848", "who maps this page frame" },
	{ NULL, NULL },
};

static const struct vm_fieldset *const fieldsets[] = {
	&vm_share_mapping_fields, &vm_share_count_fields, &vm_share_member_fields, &vm_share_process_fields, &vm_share_pair_fields,
	&vm_share_run_fields, &vm_share_sharer_fields, NULL,
};

/* ---- What the modes share ------------------------------------------------------------------------------------------ */

const char *vmshare_size(const struct vmshare *v, uint64_t bytes, char text[static VMSHARE_TEXT])
{
	return vm_value_text(VM_U64(bytes), VM_U_BYTES, v->common->bytes, text, VMSHARE_TEXT);
}

void vmshare_title(struct vmshare *v, const struct vm_proc *p)
{
	struct vm_buf b = { 0 };
	vm_buf_addf(&b, "%d ", p->pid);
	vm_text_put(&b, p->cmdline && p->cmdline[0] ? p->cmdline : p->comm);
	b.n = vm_text_fit(vm_buf_str(&b), b.n, v->style.width ? v->style.width : 200);
	vm_report_say(&v->report, "%.*s\n", (int)b.n, vm_buf_str(&b));
	vm_buf_free(&b);
}

void vmshare_wrap(struct vmshare *v, const char *text)
{
	vm_report_wrap(&v->report, 0, "", text, v->style.width ? v->style.width : 100);
}

void vmshare_json_kinds(struct vmshare *v, const char *key, const uint64_t *kind, bool merged_hidden)
{
	struct vm_json *j = &v->report.json;
	char name[32];
	vm_json_key(j, key);
	vm_json_object_begin(j);
	for (unsigned i = 0; i < VM_SK_NR; i++) {
		snprintf(name, sizeof(name), "%s_bytes", vm_share_kinds[i]);
		vm_json_put_known(j, name, i != VM_SK_KSM || !merged_hidden, kind[i]);
	}
	vm_json_object_end(j);
}

int vmshare_list(struct vmshare *v, const struct vm_fieldset *set, bool chosen, const char *sort, const void *rows, size_t n,
		 size_t size, size_t most, struct vm_err *err)
{
	const struct vm_listing l = {
		.set = set, .chosen = chosen, .sort = sort, .rows = rows, .n = n, .size = size, .most = most,
	};
	return vm_list_rows(&v->report, v->common, &l, err);
}

/* ---- The command line ----------------------------------------------------------------------------------------------- */

static const struct vmshare_mode *mode_of(const struct vmshare *v)
{
	const struct vmshare_options *o = v->o;
	const bool one = v->pids.n == 1 && v->named;
	return o->pfn ? &vmshare_pfn : o->watch ? &vmshare_watch : o->family ? &vmshare_family : o->runs ? &vmshare_runs :
	       o->who ? &vmshare_who :
	       o->pairs ? &vmshare_pairs : one ? &vmshare_process : &vmshare_group;
}

static int read_range(struct vmshare *v, struct vm_err *err)
{
	struct vm_sharing_range *r = &v->range;
	if (!v->o->range)
		return 0;
	if (vm_parse_range(v->o->range, &r->from, &r->to) != 0) {
		vm_fail(err, EINVAL, "--range: '%s' is not a range", v->o->range);
		vm_hint(err, "as in 7f0000000000-7f0000200000");
		return -EINVAL;
	}
	if (r->from >> 63 || r->to >> 63)
		return vm_fail(err, EINVAL, "--range: %s is in the kernel's half, which is no part of a process", v->o->range);
	r->from &= ~UINT64_C(4095);
	r->to = (r->to + 4095) & ~UINT64_C(4095);
	return 0;
}

static int by_number(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static int read_frames(struct vmshare *v, int argc, char **argv, struct vm_err *err)
{
	if (!argc)
		return vm_fail(err, EINVAL, "--pfn: name a page frame");
	if (vm_target_given(&v->o->target) || v->o->range)
		return vm_fail(err, EINVAL, "--pfn looks through all processes");
	v->pfn = calloc((size_t)argc, sizeof(*v->pfn));
	if (!v->pfn)
		return vm_fail(err, ENOMEM, "out of memory");
	for (int i = 0; i < argc; i++) {
		if (vm_parse_hex(argv[i], &v->pfn[i]) != 0) {
			vm_fail(err, EINVAL, "'%s' is not a page frame number", argv[i]);
			vm_hint(err, "hexadecimal, as vmshare --runs and vmpage show them");
			return -EINVAL;
		}
	}
	qsort(v->pfn, (size_t)argc, sizeof(*v->pfn), by_number);
	for (int i = 0; i < argc; i++)
		if (!i || v->pfn[i] != v->pfn[v->npfn - 1])
			v->pfn[v->npfn++] = v->pfn[i];
	return 0;
}

static int take_pids(struct vmshare *v, int argc, char **argv, struct vm_err *err)
{
	for (int i = 0; i < argc; i++) {
		pid_t pid;
		int r = vm_parse_pid(argv[i], &pid, err);
		if (r < 0)
			return r;
		if (!vm_vec_push(&v->pids, pid))
			return vm_fail(err, ENOMEM, "out of memory");
	}
	v->named = argc > 0;
	return 0;
}

static int list_targets(struct vmshare *v, struct vm_err *err)
{
	const struct vm_target_options *o = &v->o->target;
	struct vm_target t;
	int r = vm_target_check(v->s, o, err);
	if (r == 0)
		r = vm_target_find(v->s, o, &t, err);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < t.npids; i++)
		r = vm_vec_push(&v->pids, t.pids[i]) ? 0 : vm_fail(err, ENOMEM, "out of memory");
	v->named = o->pids;
	if (r == 0 && t.whom == VM_OF_CGROUP)
		r = vm_cgroup_pids(v->s, t.cgroup, &v->pids, err);
	if (r == 0 && t.whom == VM_OF_ALL)
		r = vm_proc_list_dir(v->s, &v->pids, err);
	vm_target_free(&t);
	/* Ourselves only if we are asked for. */
	const pid_t self = v->s->live && !v->named ? getpid() : 0;
	size_t n = 0;
	for (size_t i = 0; i < v->pids.n; i++)
		if (v->pids.v[i] != self)
			v->pids.v[n++] = v->pids.v[i];
	v->pids.n = n;
	return r;
}

static void sort_pids(struct vmshare *v)
{
	size_t n = 0;
	vm_pids_sort(&v->pids);
	for (size_t i = 0; i < v->pids.n; i++)
		if (!n || v->pids.v[i] != v->pids.v[n - 1])
			v->pids.v[n++] = v->pids.v[i];
	v->pids.n = n;
}

static int read_operands(struct vmshare *v, int argc, char **argv, struct vm_err *err)
{
	const struct vmshare_options *o = v->o;
	const bool targets = vm_target_given(&o->target), one = o->family || o->watch || o->runs || o->who;
	const char *mode = o->family ? "family" : o->watch ? "watch" : o->who ? "who" : "runs";
	if (o->pfn)
		return read_frames(v, argc, argv, err);
	int r = read_range(v, err);
	if (r == 0 && targets && argc && !o->watch)
		return vm_fail(err, EINVAL, "'%s': processes are named by an option or by operands, not by both", argv[0]);
	if (r == 0 && targets)
		r = list_targets(v, err);
	else if (r == 0)
		r = take_pids(v, o->watch && argc ? 1 : argc, argv, err);
	if (r == 0 && o->watch) {
		const int skip = targets || !argc ? 0 : 1;
		v->interval_ns = UINT64_C(1000000000);
		r = argc > skip ? vm_parse_interval(argc - skip, argv + skip, &v->interval_ns, &v->count, err) : 0;
	}
	if (r < 0)
		return r;
	sort_pids(v);
	if (!targets && !v->pids.n) {
		vm_fail(err, EINVAL, "name a process");
		vm_hint(err, "vmshare PID..., or -n NAME, -g CGROUP, -a");
		return -EINVAL;
	}
	if (one && v->pids.n != 1)
		return vm_fail(err, EINVAL, "--%s looks at one process, not at %zu", mode, v->pids.n);
	if (o->watch && !v->s->live)
		return vm_fail(err, EOPNOTSUPP, "--watch looks at this machine's processes, not at a %s's",
			       vm_session_kind(v->s));
	return 0;
}

/* ---- The run ---------------------------------------------------------------------------------------------------------- */

static int show(struct vmshare *v, const struct vmshare_mode *mode, struct vm_err *err)
{
	v->began_ns = vm_clock_ns();
	if (mode->lines)
		return mode->show(v, err);
	int r = vm_report_open(&v->report, v->sink, &v->style, v->out);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot begin the report");
	vm_document_begin(&v->report, v->s, "vmshare/1");
	if (vm_report_is_document(&v->report))
		vm_json_put_str(&v->report.json, "mode", mode->name);
	r = mode->show(v, err);
	vm_document_end(&v->report, v->s, vm_clock_ns() - v->began_ns);
	const int closed = vm_report_close(&v->report, r == 0 ? err : NULL);
	return r < 0 ? r : closed;
}

static int run(struct vm_ctx *ctx, const void *opts_, int argc, char **argv, struct vm_err *err)
{
	struct vmshare v = { .s = ctx->s, .common = ctx->common, .o = opts_, .out = ctx->out };
	v.sink = vm_common_sink(ctx->common);
	vm_common_style(ctx->common, ctx->out, &v.style);
	int r = read_operands(&v, argc, argv, err);
	const struct vmshare_mode *mode = mode_of(&v);
	/* What -o and its kin name must be there before anything is read. */
	if (r == 0)
		r = vm_choice_parse(v.common, mode->set, &v.choice, err);
	if (r == 0) {
		r = show(&v, mode, err);
		vm_choice_free(&v.choice);
	}
	vm_vec_free(&v.pids);
	free(v.pfn);
	return r;
}

const struct vm_command vm_command = {
	.name = "vmshare",
	.brief = "Show who shares memory with whom, and what copy-on-write has broken",
	.operands = "[PID...]",
	.opts = opts,
	.fields = fieldsets,
	.examples = examples,
	.opts_size = sizeof(struct vmshare_options),
	.run = run,
	.sources = vm_page_sources,
};
