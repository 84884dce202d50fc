/**
 * vmlock(1): locked and pinned memory, and the limits.
 * - one process: show.c;  --explain: explain.c, its words: words.c
 * - columns: vm_lock_fields in core/field/process.c;  rules: core/model/memlock.h, core/analysis/lockrule.h
 */

#include "cli/vmlock/vmlock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/render/text.h"
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/model/aspace.h"
#include "core/model/procset.h"
#include "core/model/vmflags.h"
#include "core/source/session.h"
#include "core/source/sweep.h"

#define AT(member) offsetof(struct vmlock_options, member)

enum { GROUP_MODE = 1 };

static const struct vm_opt opts[] = {
	{ .short_name = 'p', .name = "pid", .arg = "PID,...", .type = VM_OPT_STRING, .at = AT(pids),
	  .help = "these processes, as the operands" },
	{ .short_name = 'm', .name = "mappings", .type = VM_OPT_FLAG, .at = AT(mappings), .group = GROUP_MODE,
	  .help = "the locked mappings, of these or all processes",
	  .man = "Columns, order and filter are then those of mappings." },
	{ .name = "explain", .arg = "SIZE|current|future", .type = VM_OPT_STRING, .at = AT(explain), .group = GROUP_MODE,
	  .help = "whether the process could lock so much now, why not, and what would help",
	  .man = "SIZE is that of an mlock(2) of memory that is written to; \\fBcurrent\\fP and \\fBfuture\\fP are mlockall(2) "
		 "with MCL_CURRENT and with MCL_FUTURE. Nothing is locked: the kernel's rules are tried on paper. Without "
		 "a process it is answered for a program started from here. Ends with 1 if it would fail." },
	{ .short_name = 'a', .name = "address", .arg = "ADDR", .type = VM_OPT_STRING, .at = AT(address),
	  .help = "with --explain SIZE: the range that begins there",
	  .man = "What is mapped there, locked already, or can't be locked is then taken into account." },
	{ .name = "onfault", .type = VM_OPT_FLAG, .at = AT(onfault),
	  .help = "with --explain SIZE: mlock2(2) with MLOCK_ONFAULT" },
	VM_OPT_END,
};

static const struct vmlock_options defaults = { 0 };

static const struct vm_example examples[] = {
	{ "vmlock", "who locks or pins how much, and how much more he may" },
	{ "vmlock --filter 'LOCKED > 0 or PINNED > 0'", "only those who do" },
	{ "vmlock -o PID,MAPS,MAPS%,COMMAND -s MAPS%", "who is near vm.max_map_count" },
	{ "vmlock 4242", "one process: limits, rights, what is locked and not resident" },
	{ "vmlock -m -s ABSENT", "locked mappings of all processes, those first of which the most isn't there" },
	{ "vmlock --explain 64M -p 4242", "could it lock 64 MiB more, and if not, why" },
	{ "vmlock --explain 64M", "could a program that is started from here" },
	{ "vmlock --explain 1M -a 7f3a12c05000 4242", "could it lock this range" },
	{ "vmlock --explain current 4242", "would mlockall(MCL_CURRENT) succeed" },
	{ NULL, NULL },
};

static const struct vm_fieldset *const fieldsets[] = { &vm_lock_fields, &vm_mapping_fields, NULL };

static const char table_columns[] = "ADDRESS,SIZE,RSS,ABSENT,LOCK,PERM,KIND,MAPPING";
static const char explain_columns[] = "PID,START,UID,LOCKED,PINNED,MEMLOCK,MEMLOCKMAX,HEADROOM,IPCLOCK,MAPS,MAPS%,COMM,CMDLINE";
static const char machine_columns[] = "START,END,SIZE,RSS,ABSENT,LOCKED,LOCK,PERM,KIND,VMFLAGS,MAPPING";

/* ---- What the modes share ---------------------------------------------------------------------------------------- */

const char *vmlock_size(const struct vmlock *v, uint64_t bytes, char text[static VMLOCK_TEXT])
{
	return vm_value_text(VM_U64(bytes), VM_U_BYTES, v->common->bytes, text, VMLOCK_TEXT);
}

void vmlock_title(const struct vmlock *v, const struct vm_proc *p, struct vm_buf *out)
{
	const size_t most = v->report.style.width ? v->report.style.width : 200;
	vm_buf_addf(out, "%d ", p->pid);
	vm_text_put(out, p->cmdline && p->cmdline[0] ? p->cmdline : p->comm);
	out->n = vm_text_fit(vm_buf_str(out), out->n, most);
}

static void refused(struct vm_proc *p, uint32_t needs, int why)
{
	for (unsigned b = 0; b < VM_NEED_NR; b++)
		if (needs >> b & 1)
			p->why[b] = (int16_t)why;
	p->unmet |= needs;
}

/** What may not be read without permission to ptrace. */
static const uint32_t of_mappings = VM_NEED_KIND | VM_NEED(SMAPS) | VM_NEED(AUXV);

int vmlock_look(struct vmlock *v, pid_t pid, uint32_t needs, struct vm_aspace **out, struct vm_err *err)
{
	int r = vm_snapshot(v->s, pid, needs | VM_NEED(LAYOUT) | VM_NEED(SMAPS) | VM_NEED(FLAGS), 0, 0, out, err);
	if (r == -EACCES || r == -EPERM) {
		const int why = -r;
		r = vm_snapshot(v->s, pid, needs & ~of_mappings, 0, 0, out, err);
		if (r == 0)
			refused(&(*out)->proc, VM_NEED(SMAPS), why);
	}
	if (r < 0)
		return r;
	if (!((*out)->proc.unmet & (VM_NEED(FLAGS) | VM_NEED(SMAPS))))
		vm_lock_sum_to_proc(*out);
	(*out)->proc.max_map_count = v->sys.q[VM_S_MAX_MAP_COUNT];
	return 0;
}

static void json_figure(struct vmlock *v, const char *key, enum vm_sysqty q)
{
	vm_json_key(&v->report.json, key);
	if (vm_system_has(&v->sys, q))
		vm_json_u64(&v->report.json, v->sys.q[q]);
	else
		vm_json_null(&v->report.json);
}

void vmlock_machine(struct vmlock *v)
{
	vm_json_key(&v->report.json, "machine");
	vm_json_object_begin(&v->report.json);
	json_figure(v, "mem_total_bytes", VM_S_MEM_TOTAL);
	json_figure(v, "mem_available_bytes", VM_S_MEM_AVAILABLE);
	json_figure(v, "swap_free_bytes", VM_S_SWAP_FREE);
	json_figure(v, "mlocked_bytes", VM_S_MLOCKED);
	json_figure(v, "unevictable_bytes", VM_S_UNEVICTABLE);
	json_figure(v, "max_map_count", VM_S_MAX_MAP_COUNT);
	vm_json_object_end(&v->report.json);
}

/* ---- All processes ----------------------------------------------------------------------------------------------- */

/** Those whose mappings are looked at; others have none that is locked. */
static bool has_locked(const struct vm_proc *p)
{
	return !vm_proc_has(p, VM_P_LOCKED) || p->q[VM_P_LOCKED] != 0;
}

static void copy_locked(struct vm_proc *to, const struct vm_proc *from)
{
	for (unsigned q = VM_P_LOCKED_MAPS; q <= VM_P_LOCKED_ONFAULT; q++)
		if (vm_proc_has(from, q))
			vm_proc_set(to, q, from->q[q]);
}

static void fill_locked(struct vmlock *v, struct vm_proc *p)
{
	struct vm_aspace *as;
	if (!has_locked(p)) {
		for (unsigned q = VM_P_LOCKED_MAPS; q <= VM_P_LOCKED_ONFAULT; q++)
			vm_proc_set(p, q, 0);
		return;
	}
	/* One that has just ended keeps its row, as it was read. */
	if (vmlock_look(v, p->pid, 0, &as, NULL) < 0)
		return;
	if (as->proc.start == p->start)
		copy_locked(p, &as->proc);
	if (as->proc.unmet & VM_NEED(SMAPS))
		refused(p, VM_NEED(SMAPS), as->proc.why[VM_NEED_BIT_SMAPS]);
	vm_aspace_free(as);
}

static bool has_memory(const struct vm_proc *p)
{
	return !p->kthread && p->state != 'Z' && p->state != 'X';
}

/** Locked first, then pinned; of the others those with the most mappings. */
static int sort_rows(const struct vmlock *v, const void **rows, size_t n)
{
	static const char *const keys[] = { "MAPS", "PINNED", "LOCKED" };
	int r = 0;
	if (v->common->sort)
		return vm_sort_rows(&v->choice.sort, rows, n);
	for (size_t i = 0; i < vm_countof(keys) && r == 0; i++) {
		struct vm_sort sort;
		r = vm_sort_parse(&vm_lock_fields, keys[i], &sort, NULL);
		if (r == 0)
			r = vm_sort_rows(&sort, rows, n);
	}
	return r;
}

/** What the machine has locked, and allows. */
static void say_machine(struct vmlock *v)
{
	static const struct { const char *name; enum vm_sysqty q; } figure[] = {
		{ "Mlocked", VM_S_MLOCKED }, { "Unevictable", VM_S_UNEVICTABLE }, { "of", VM_S_MEM_TOTAL },
	};
	struct vm_buf line = { 0 };
	char text[VMLOCK_TEXT];
	for (size_t i = 0; i < vm_countof(figure); i++)
		if (vm_system_has(&v->sys, figure[i].q))
			vm_buf_addf(&line, "%s%s %s", line.n ? "   " : "", figure[i].name, vmlock_size(v, v->sys.q[figure[i].q], text));
	if (vm_system_has(&v->sys, VM_S_MAX_MAP_COUNT))
		vm_buf_addf(&line, "%svm.max_map_count %llu", line.n ? "   " : "",
			    (unsigned long long)v->sys.q[VM_S_MAX_MAP_COUNT]);
	if (line.n)
		vm_report_say(&v->report, "%s\n", vm_buf_str(&line));
	vm_buf_free(&line);
}

/** "2 of 61 processes lock 1.3M, 1 pins 64.0K" */
static void say_sums(struct vmlock *v, const struct vm_proc *p, size_t n)
{
	uint64_t lockers = 0, locked = 0, pinners = 0, pinned = 0;
	char text[VMLOCK_TEXT];
	for (size_t i = 0; i < n; i++) {
		lockers += p[i].q[VM_P_LOCKED] != 0;
		locked += p[i].q[VM_P_LOCKED];
		pinners += p[i].q[VM_P_PINNED] != 0;
		pinned += p[i].q[VM_P_PINNED];
	}
	if (lockers)
		vm_report_say(&v->report, "%llu of %zu process%s lock%s %s", (unsigned long long)lockers, n, n == 1 ? "" : "es",
			      lockers == 1 ? "s" : "", vmlock_size(v, locked, text));
	else
		vm_report_say(&v->report, "none of %zu process%s locks memory", n, n == 1 ? "" : "es");
	if (pinners)
		vm_report_say(&v->report, ", %llu pin%s %s\n\n", (unsigned long long)pinners, pinners == 1 ? "s" : "",
			      vmlock_size(v, pinned, text));
	else
		vm_report_say(&v->report, ", none pins any\n\n");
}

/** Processes that were named must be there. */
static int check_named(const struct vmlock *v, const struct vm_proclist *l, struct vm_err *err)
{
	for (size_t i = 0, k = 0; i < v->pids.n; i++) {
		k = vm_proclist_find(l, v->pids.v[i], k);
		if (k == l->rows.n || l->rows.v[k].pid != v->pids.v[i])
			return vm_session_no_process(v->s, v->pids.v[i], err);
	}
	return 0;
}

static int sweep(struct vmlock *v, struct vm_procset *set, uint32_t needs, struct vm_err *err)
{
	const struct vm_sweep how = {
		.needs = needs | VM_NEED(STAT) | VM_NEED(STATUS), .budget_ns = UINT64_MAX, .bare_kthreads = true,
		.only = v->pids.n ? v->pids.v : NULL, .nonly = v->pids.n, .max_map_count = v->sys.q[VM_S_MAX_MAP_COUNT],
	};
	int r = vm_sweep(v->s, set, &how, err);
	return r == 0 ? check_named(v, vm_procset_now(set), err) : r;
}

/** Rows with memory of their own, or that were named, in rows[]; how many. */
static size_t gather(struct vmlock *v, struct vm_proclist *l, const void **rows)
{
	const bool maps = v->choice.needs & VM_NEED(SMAPS);
	size_t n = 0, to = 0;
	for (size_t i = 0; i < l->rows.n; i++) {
		struct vm_proc *p = &l->rows.v[i];
		if (!has_memory(p) && !v->pids.n)
			continue;
		if (maps && has_memory(p))
			fill_locked(v, p);
		if (has_memory(p))
			vm_proc_note_unmet(v->s, p);
		l->rows.v[n++] = *p;
	}
	l->rows.n = n;
	for (size_t i = 0; i < n; i++)
		if (vm_filter_accepts(v->choice.filter, &l->rows.v[i]))
			rows[to++] = &l->rows.v[i];
	return to;
}

static int show_list(struct vmlock *v, struct vm_err *err)
{
	struct vm_procset set = { 0 };
	int r = sweep(v, &set, v->choice.needs & ~of_mappings, err);
	struct vm_proclist *l = vm_procset_now(&set);
	const void **rows = r == 0 ? malloc((l->rows.n + 1) * sizeof(*rows)) : NULL;
	if (r == 0 && !rows)
		r = vm_fail(err, ENOMEM, "out of memory");
	if (r == 0) {
		const size_t n = gather(v, l, rows);
		if (!v->pids.n && v->report.style.headings && !vm_report_is_machine(&v->report)) {
			say_machine(v);
			say_sums(v, l->rows.v, l->rows.n);
		}
		r = sort_rows(v, rows, n);
		r = r == 0 ? vm_report_list(&v->report, &v->choice.view, rows, n, NULL) : r;
		r = r < 0 ? vm_fail_os(err, -r, "cannot write the processes") : 0;
	}
	free(rows);
	vm_procset_free(&set);
	return r;
}

/* ---- Mappings ------------------------------------------------------------------------------------------------------ */

struct locked_maps {
	VM_VEC(struct vm_aspace *) spaces;
	VM_VEC(const void *) rows;
};

/** Keep the space if something is locked in it. */
static int take_space(struct vmlock *v, struct vm_aspace *as, struct locked_maps *all)
{
	const size_t before = all->rows.n;
	vm_proc_note_unmet(v->s, &as->proc);
	for (size_t i = 0; i < as->nmaps; i++) {
		const struct vm_mapping *m = &as->map[i];
		if ((m->flags & VM_VMF(LO)) && vm_filter_accepts(v->choice.filter, m) && !vm_vec_push(&all->rows, (const void *)m))
			return -ENOMEM;
	}
	if (all->rows.n == before) {
		vm_aspace_free(as);
		return 0;
	}
	if (vm_vec_push(&all->spaces, as))
		return 0;
	all->rows.n = before;
	vm_aspace_free(as);
	return -ENOMEM;
}

static int collect(struct vmlock *v, const struct vm_proclist *l, struct locked_maps *all)
{
	int r = 0;
	for (size_t i = 0; i < l->rows.n && r == 0; i++) {
		const struct vm_proc *p = &l->rows.v[i];
		struct vm_aspace *as;
		/* One that ended meanwhile has none any more. */
		if (has_memory(p) && has_locked(p) && vmlock_look(v, p->pid, v->choice.needs, &as, NULL) == 0)
			r = take_space(v, as, all);
	}
	return r;
}

static int show_mappings(struct vmlock *v, struct vm_err *err)
{
	struct vm_procset set = { 0 };
	struct locked_maps all = { 0 };
	int r = sweep(v, &set, 0, err);
	if (r == 0) {
		r = collect(v, vm_procset_now(&set), &all);
		if (r == 0)
			r = vm_sort_rows(&v->choice.sort, all.rows.v, all.rows.n);
		if (r == 0)
			r = vm_report_list(&v->report, &v->choice.view, all.rows.v, all.rows.n, NULL);
		r = r < 0 ? vm_fail_os(err, -r, "cannot write the mappings") : 0;
	}
	for (size_t i = 0; i < all.spaces.n; i++)
		vm_aspace_free(all.spaces.v[i]);
	vm_vec_free(&all.spaces);
	vm_vec_free(&all.rows);
	vm_procset_free(&set);
	return r;
}

/* ---- The command --------------------------------------------------------------------------------------------------- */

static int take_pids(struct vmlock *v, int argc, char **argv, struct vm_err *err)
{
	pid_t *named = NULL;
	size_t n = 0;
	int r = v->o->pids ? vm_parse_pids(v->o->pids, &named, &n, err) : 0;
	for (size_t i = 0; i < n && r == 0; i++)
		r = vm_vec_push(&v->pids, named[i]) ? 0 : vm_fail(err, ENOMEM, "out of memory");
	free(named);
	for (int i = 0; i < argc && r == 0; i++) {
		pid_t pid;
		r = vm_parse_pid(argv[i], &pid, err);
		if (r == 0 && !vm_vec_push(&v->pids, pid))
			r = vm_fail(err, ENOMEM, "out of memory");
	}
	vm_pids_sort(&v->pids);
	size_t to = 0;
	for (size_t i = 0; i < v->pids.n; i++)
		if (i == 0 || v->pids.v[i] != v->pids.v[to - 1])
			v->pids.v[to++] = v->pids.v[i];
	v->pids.n = to;
	return r;
}

/** In words, or as a document: anything else is a list. */
static bool in_depth(const struct vmlock *v)
{
	const struct vm_sink *sink = vm_common_sink(v->common);
	return v->pids.n && !v->o->mappings && !v->common->columns && !v->common->sort && !v->common->filter &&
	       (!sink->machine || sink->document);
}

static int check_options(const struct vmlock *v, struct vm_err *err)
{
	const struct vm_common *c = v->common;
	const struct vm_sink *sink = vm_common_sink(c);
	if (!v->o->explain && (v->o->address || v->o->onfault))
		return vm_fail(err, EINVAL, "--%s goes with --explain", v->o->address ? "address" : "onfault");
	if (!v->o->explain)
		return 0;
	if (c->columns || c->sort || c->filter)
		return vm_fail(err, EINVAL, "--%s doesn't go with --explain",
			       c->columns ? "columns" : c->sort ? "sort" : "filter");
	if (sink->machine && !sink->document)
		return vm_fail(err, EINVAL, "--explain is told in words or as JSON, not as %s", sink->name);
	return 0;
}

static int choose(struct vmlock *v, struct vm_err *err)
{
	struct vm_common common = *v->common;
	const bool machine = vm_common_sink(v->common)->machine;
	const char *columns = machine ? machine_columns : table_columns;
	char with_pid[sizeof(machine_columns) + 5];
	v->locked_view = (struct vm_view){ .set = &vm_mapping_fields, .name = "mappings" };
	int r = vm_columns_parse(&vm_mapping_fields, columns, 0, &v->locked_view.cols, err);
	if (r < 0)
		return r;
	if (v->o->explain)
		common.columns = explain_columns;
	snprintf(with_pid, sizeof(with_pid), "PID,%s", columns);
	if (v->o->mappings && !common.columns)
		common.columns = with_pid;
	r = vm_choice_parse(&common, v->o->mappings ? &vm_mapping_fields : &vm_lock_fields, &v->choice, err);
	if (r == 0 && v->o->mappings && !v->choice.sort.field)
		vm_sort_parse(&vm_mapping_fields, "SIZE", &v->choice.sort, NULL);
	return r;
}

/** The document, and in it what the mode shows. */
static int report(struct vmlock *v, struct vm_err *err)
{
	vm_document_begin(&v->report, v->s, "vmlock/1");
	if (vm_report_is_document(&v->report))
		vmlock_machine(v);
	int r = v->o->explain ? vmlock_explain_all(v, err) : v->o->mappings ? show_mappings(v, err) :
		in_depth(v) ? vmlock_show_all(v, err) : show_list(v, err);
	vm_document_end(&v->report, v->s, vm_clock_ns() - v->began_ns);
	return r;
}

static int run(struct vm_ctx *ctx, const void *opts_, int argc, char **argv, struct vm_err *err)
{
	struct vmlock v = { .s = ctx->s, .common = ctx->common, .o = opts_, .began_ns = vm_clock_ns(), .status = -1 };
	struct vm_style style;
	int r = check_options(&v, err);
	if (r == 0 && v.o->explain)
		r = vmlock_explain_parse(&v, err);
	if (r == 0)
		r = take_pids(&v, argc, argv, err);
	if (r == 0)
		r = choose(&v, err);
	if (r == 0) {
		/* What the machine has is told as far as it is known. */
		if (vm_system_read(v.s, &v.sys, NULL) < 0)
			v.sys = (struct vm_system){ 0 };
		vm_common_style(ctx->common, ctx->out, &style);
		vm_report_open(&v.report, vm_common_sink(ctx->common), &style, ctx->out);
		r = report(&v, err);
		int closed = vm_report_close(&v.report, r == 0 ? err : NULL);
		r = r < 0 ? r : closed;
	}
	ctx->exit_status = v.status;
	vm_choice_free(&v.choice);
	vm_vec_free(&v.pids);
	return r;
}

const struct vm_command vm_command = {
	.name = "vmlock",
	.brief = "Show what is locked or pinned in memory, by whom, and against which limits",
	.operands = "[PID...]",
	.opts = opts,
	.fields = fieldsets,
	.examples = examples,
	.opts_size = sizeof(struct vmlock_options),
	.defaults = &defaults,
	.run = run,
};
