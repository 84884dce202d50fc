/** vmrep -p, -n, -g, -a: processes, a line each and sample. */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/vmrep/vmrep.h"
#include "core/base/arena.h"
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/model/procset.h"
#include "core/model/system.h"
#include "core/source/cgroupfs.h"
#include "core/source/session.h"
#include "core/source/source.h"
#include "core/source/sweep.h"

#define COLUMNS "PID,MINFLT/S,MAJFLT/S,VSZ,RSS,RSS/S,SWAP,MEM%,CPU%,COMMAND"

/** What the set of columns speaks of. */
struct row {
	const struct vm_proc *proc;
	const char *time;
	double elapsed;            /* seconds that rates are of; NAN: not known */
};

struct processes {
	struct vm_target target;
	struct vm_pids pids;
	struct vm_procset set;
	struct vm_system system;
	struct vm_arena arena;     /* the fieldset */
	/** CLOCK_BOOTTIME less the clock of rows: it grows by what the machine is suspended. */
	int64_t suspended_ns;
	uint64_t real_ns;
	/** By the clock that dates rows, of this and the sample before. */
	uint64_t taken_ns, before_ns;
	struct vm_common common;   /* -o as it is meant */
	uint64_t samples;
};

/* ---- Columns ------------------------------------------------------------------------------------------------------ */

static struct vm_value get_of_process(const struct vm_field *f, const void *row, struct vm_scratch *tmp)
{
	const struct vm_field *of = &vm_process_fields.v[f->arg];
	return of->get(of, ((const struct row *)row)->proc, tmp);
}

static struct vm_value get_time(const struct vm_field *f, const void *row, struct vm_scratch *tmp)
{
	(void)f, (void)tmp;
	const char *time = ((const struct row *)row)->time;
	return time[0] ? VM_STR(time) : VM_ABSENT;
}

static struct vm_value get_elapsed(const struct vm_field *f, const void *row, struct vm_scratch *tmp)
{
	(void)f, (void)tmp;
	const double elapsed = ((const struct row *)row)->elapsed;
	return isnan(elapsed) ? VM_ABSENT : VM_F64(elapsed);
}

static const struct vm_field_group groups[] = {
	{ "mem", "what memory it uses", "PID,VSZ,RSS,RSS/S,MEM%,ANON,FILE,SHMEM,LOCKED,PTE" },
	{ "fault", "page faults, so far and a second", "PID,MINFLT,MAJFLT,MINFLT/S,MAJFLT/S" },
	{ "swap", "what of it is swapped out", "PID,SWAP,SWAPPSS" },
	{ "thp", "its huge pages", "PID,THP,SHMEMTHP,FILETHP,HUGETLB" },
	{ "numa", "on which memory nodes it is", "PID,NODES,LOCAL%" },
	{ "tlb", "what of it a TLB translates", "PID,REACH%" },
	{ NULL, NULL, NULL },
};

/** Columns of processes, of which rates are what it is about here, and the time. */
static struct vm_fieldset *make_columns(struct vm_arena *a)
{
	const size_t n = vm_process_fields.n;
	struct vm_fieldset *set = vm_arena_alloc(a, sizeof(*set));
	struct vm_field *v = vm_arena_alloc(a, (n + 2) * sizeof(*v));
	if (!set || !v)
		return NULL;
	v[0] = (struct vm_field){
		.name = "TIME", .key = "time", .help = "when the line was made", .type = VM_T_STR, .flags = VM_F_MACHINE, .get = get_time,
	};
	v[1] = (struct vm_field){
		.name = "SECS", .key = "elapsed_seconds", .help = "of what time the rates are", .type = VM_T_F64, .unit = VM_U_FINE,
		.flags = VM_F_MACHINE, .get = get_elapsed,
	};
	for (size_t i = 0; i < n; i++) {
		struct vm_field *f = &v[i + 2];
		*f = vm_process_fields.v[i];
		f->arg = (uint16_t)i;
		f->get = get_of_process;
		/* But not the one that all processes would pay for, nor what burdens them. */
		if ((f->flags & VM_F_RATE) && !(f->needs & VM_NEED(FAULTTIME)))
			f->flags |= VM_F_MACHINE;
		if (f->flags & VM_F_DEAR)
			f->flags &= ~(unsigned)VM_F_MACHINE;
	}
	*set = vm_process_fields;
	set->v = v;
	set->n = n + 2;
	set->groups = groups;
	return set;
}

static bool names_group(const char *spec)
{
	for (const char *p = spec; *p; p += strcspn(p, ", "), p += strspn(p, ", "))
		for (const struct vm_field_group *g = groups; g->name; g++) {
			const size_t len = strlen(g->name);
			if (strncmp(p, g->name, len) == 0 && (!p[len] || strchr(", ", p[len])))
				return true;
		}
	return false;
}

/** Lines for people end with who it is. */
static int choose_columns(struct vmrep *v, struct processes *x, struct vm_err *err)
{
	const char *spec = v->common->columns;
	x->common = *v->common;
	if (!v->sink->machine && !spec)
		x->common.columns = COLUMNS;
	if (!v->sink->machine && spec && (*spec == '+' || *spec == '-' || names_group(spec))) {
		struct vm_buf b = { 0 };
		const bool adds = *spec == '+' || *spec == '-';
		vm_buf_addf(&b, "%s,%s", adds ? COLUMNS : "PID", spec);
		if (!adds)
			vm_buf_add_str(&b, ",COMMAND");
		x->common.columns = vm_arena_strndup(&x->arena, vm_buf_str(&b), b.n);
		vm_buf_free(&b);
		if (!x->common.columns)
			return vm_fail(err, ENOMEM, "out of memory");
	}
	v->common = &x->common;
	return 0;
}

/* ---- Samples ------------------------------------------------------------------------------------------------------ */

static int open_processes(struct vmrep *v, struct vm_err *err)
{
	struct processes *x = calloc(1, sizeof(*x));
	v->priv = x;
	v->set = x ? make_columns(&x->arena) : NULL;
	if (!v->set)
		return vm_fail(err, ENOMEM, "out of memory");
	int r = choose_columns(v, x, err);
	if (r == 0)
		r = vm_target_check(v->s, &v->o->target, err);
	if (r == 0)
		r = vm_target_find(v->s, &v->o->target, &x->target, err);
	if (r == 0)
		r = vm_system_read(v->s, &x->system, err);
	for (size_t i = 0; r == 0 && i < x->target.npids; i++)
		r = vm_vec_push(&x->pids, x->target.pids[i]) ? 0 : vm_fail(err, ENOMEM, "out of memory");
	return r;
}

static void close_processes(struct vmrep *v)
{
	struct processes *x = v->priv;
	if (!x)
		return;
	vm_target_free(&x->target);
	vm_vec_free(&x->pids);
	vm_procset_free(&x->set);
	vm_arena_free(&x->arena);
	free(x);
}

/** When it started, and when it was read, by CLOCK_BOOTTIME. */
struct span {
	uint64_t started_ns, now_ns;
};

/** false: not known. */
static bool span_of(const struct vmrep *v, const struct processes *x, const struct vm_proc *p, struct span *out)
{
	out->started_ns = p->start * (1000000000 / v->s->ticks_per_second);
	out->now_ns = p->taken_ns + (uint64_t)x->suspended_ns;
	return p->state && vm_session_boot_ns(v->s);
}

/** Since it started: what there was then is nothing. */
static void rates_since_start(const struct vmrep *v, const struct processes *x, struct vm_proc *p)
{
	struct span span;
	if (!span_of(v, x, p, &span) || span.now_ns <= span.started_ns)
		return;
	struct vm_proc nothing = *p;
	for (unsigned q = 0; q < VM_P_NR; q++)
		nothing.q[q] = 0;
	nothing.cpu_ns = 0;
	struct vm_proc dated = *p;
	dated.taken_ns = span.now_ns;
	nothing.taken_ns = span.started_ns;
	vm_proc_rates(&dated, &nothing);
	p->minflt_rate = dated.minflt_rate;
	p->majflt_rate = dated.majflt_rate;
	p->rss_rate = dated.rss_rate;
	p->cpu_share = dated.cpu_share;
}

/** Rows are dated by a clock that stands still while the machine is suspended. */
static void stretch_rates(struct vm_proc *p, double factor)
{
	p->minflt_rate *= factor;
	p->majflt_rate *= factor;
	p->rss_rate *= factor;
	p->cpu_share *= factor;
	p->fault_share *= factor;
}

static void correct_rates(struct vmrep *v, struct processes *x, int64_t suspended_before)
{
	struct vm_proclist *now = vm_procset_now(&x->set);
	const double awake = (double)(x->taken_ns - x->before_ns);
	const double away = (double)(x->suspended_ns - suspended_before);
	for (size_t i = 0; i < now->rows.n; i++) {
		struct vm_proc *p = &now->rows.v[i];
		if (!x->samples || !vm_proclist_get(vm_procset_prev(&x->set), p->pid, p->start))
			rates_since_start(v, x, p);
		else if (away > 1e6 && awake > 0)
			stretch_rates(p, awake / (awake + away));
	}
}

static int list_pids(struct vmrep *v, struct processes *x, struct vm_err *err)
{
	if (x->target.whom != VM_OF_CGROUP)
		return 0;
	x->pids.n = 0;
	return vm_cgroup_pids(v->s, x->target.cgroup, &x->pids, err);
}

/** We are no part of what is looked at, unless named. */
static bool is_not_us(const void *ctx, const struct vm_proc *p)
{
	return p->pid != *(const pid_t *)ctx;
}

static int read_processes(struct vmrep *v, struct vm_err *err)
{
	struct processes *x = v->priv;
	const int64_t suspended_before = x->suspended_ns;
	int r = list_pids(v, x, err);
	if (r < 0)
		return r;
	vm_pids_sort(&x->pids);
	struct vm_sweep sweep = {
		.needs = v->choice.needs | VM_NEED(STAT), .budget_ns = UINT64_MAX,
		.only = x->target.whom == VM_OF_ALL ? NULL : x->pids.v, .nonly = x->pids.n,
		.mem_total = x->system.q[VM_S_MEM_TOTAL], .max_map_count = x->system.q[VM_S_MAX_MAP_COUNT],
	};
	const pid_t us = getpid();
	if (x->target.whom == VM_OF_ALL && v->s->live) {
		sweep.accepts = is_not_us;
		sweep.ctx = &us;
	}
	x->before_ns = x->taken_ns;
	x->real_ns = vm_session_real_ns(v->s);
	x->taken_ns = vm_session_clock(v->s);
	x->suspended_ns = (int64_t)(vm_session_boot_ns(v->s) - vm_session_clock(v->s));
	r = vm_sweep(v->s, &x->set, &sweep, err);
	if (r < 0)
		return r;
	correct_rates(v, x, suspended_before);
	x->samples++;
	vmrep_set_time(v, x->real_ns);
	if (!vm_session_boot_ns(v->s))
		vm_session_note_other(v->s, "rates", "rates", "a captured tree is one sample, and when processes started isn't known");
	const struct vm_proclist *now = vm_procset_now(&x->set);
	for (size_t i = 0; i < now->rows.n; i++)
		vm_proc_note_unmet(v->s, &now->rows.v[i]);
	if (now->rows.n || x->target.whom == VM_OF_ALL || x->target.whom == VM_OF_CGROUP)
		return 0;
	return x->pids.n == 1 ? vm_session_no_process(v->s, x->pids.v[0], err)
			      : vm_fail(err, ESRCH, "there is none of these processes");
}

/* ---- Output ------------------------------------------------------------------------------------------------------- */

static double elapsed_of(const struct vmrep *v, const struct processes *x, const struct vm_proc *p)
{
	const struct vm_proc *before = x->samples > 1 ? vm_proclist_get(vm_procset_prev(&x->set), p->pid, p->start) : NULL;
	struct span span;
	if (!span_of(v, x, p, &span))
		return NAN;
	if (before)
		return (double)(p->taken_ns - before->taken_ns) / 1e9;
	return span.now_ns > span.started_ns ? (double)(span.now_ns - span.started_ns) / 1e9 : NAN;
}

static void begin_document(struct vmrep *v, const struct processes *x)
{
	struct vm_json *j = &v->report.json;
	vm_document_begin(&v->report, v->s, "vmrep/1");
	vm_json_put_str(j, "mode", "processes");
	vm_json_put_bool(j, "since_start", x->samples == 1);
}

/** One process makes a table that goes on, several a table each time. */
static int put_rows(struct vmrep *v, const void **list, size_t n)
{
	const struct processes *x = v->priv;
	if (!vm_report_is_machine(&v->report) && x->target.whom == VM_OF_PIDS && x->pids.n == 1 && v->interval_ns) {
		for (size_t i = 0; i < n; i++)
			vmrep_put_line(v, list[i]);
		return 0;
	}
	if (!vm_report_is_machine(&v->report) && v->reports && n && v->style.headings)
		vm_report_say(&v->report, "\n");
	return n || vm_report_is_machine(&v->report) || v->style.headings
		? vm_report_list(&v->report, &v->choice.view, list, n, NULL) : 0;
}

static int show_processes(struct vmrep *v, bool *empty, struct vm_err *err)
{
	struct processes *x = v->priv;
	const struct vm_proclist *now = vm_procset_now(&x->set);
	const size_t n = now->rows.n;
	size_t kept = 0;
	vm_auto_free struct row *rows = calloc(n + 1, sizeof(*rows));
	if (!rows)
		return vm_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		rows[i] = (struct row){ .proc = &now->rows.v[i], .time = v->time, .elapsed = elapsed_of(v, x, &now->rows.v[i]) };
	vm_auto_free const void **list = vm_choice_apply(&v->choice, rows, n, sizeof(*rows), &kept);
	if (!list)
		return vm_fail(err, ENOMEM, "out of memory");
	(void)empty;
	if (vm_report_is_document(&v->report))
		begin_document(v, x);
	int r = put_rows(v, list, kept);
	if (vm_report_is_document(&v->report))
		vm_document_end(&v->report, v->s, vm_clock_ns() - v->began_ns);
	return r < 0 ? vm_fail(err, ENOMEM, "out of memory") : 0;
}

const struct vmrep_mode vmrep_processes = {
	.open = open_processes, .read = read_processes, .show = show_processes, .close = close_processes,
};
