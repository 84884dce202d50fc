/** vmnuma -p, -n, -g, -a: a line for each process. */

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/vmnuma/vmnuma.h"
#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/parallel.h"
#include "core/source/cgroupfs.h"
#include "core/source/nodes.h"
#include "core/source/session.h"

/** With fewer a second thread costs more than it brings; so many are taken at a time. */
enum { SHARE_FROM = 64, BATCH = 16 };

/** Processes that are read by two threads. */
struct reading {
	const struct vmnuma *v;
	const struct vm_pids *pids;
	uint32_t needs;
	atomic_size_t next;
	struct vm_proc *procs;         /* pid 0: left out */
	struct vm_arena texts[2];
	/** The same descriptors, a scratch buffer of its own. */
	struct vm_session other;
	int why;                       /* of a process that was named */
	struct vm_err err;
};

static bool has_memory(const struct vm_proc *p)
{
	return !p->kthread && p->state != 'Z';
}

static void read_batch(struct reading *x, unsigned part, size_t from, size_t to)
{
	struct vm_session *s = part ? &x->other : x->v->s;
	const bool named = x->v->o->target.pids;
	for (size_t i = from; i < to; i++) {
		struct vm_err err = { 0 };
		struct vm_proc *p = &x->procs[i];
		const int r = vm_proc_read(s, x->pids->v[i], x->needs, &x->texts[part], p, &err);
		if (r == 0 && (named || has_memory(p)))
			continue;
		/* It left meanwhile, or is a part of the kernel. */
		p->pid = 0;
		if (r < 0 && named && part == 0) {
			x->why = r;
			x->err = err;
		}
	}
}

/** As many as come its way: on a busy machine one thread may get more time than the other. */
static void read_part(void *ctx, unsigned part, size_t from, size_t to)
{
	struct reading *x = ctx;
	const size_t n = x->pids->n;
	(void)from, (void)to;
	for (size_t at; (at = atomic_fetch_add(&x->next, BATCH)) < n;)
		read_batch(x, part, at, at + BATCH < n ? at + BATCH : n);
}

static int list_pids(struct vmnuma *v, struct vm_pids *all, struct vm_err *err)
{
	if (v->pids.n) {
		for (size_t i = 0; i < v->pids.n; i++)
			if (!vm_vec_push(all, v->pids.v[i]))
				return vm_fail(err, ENOMEM, "out of memory");
		return 0;
	}
	if (v->o->target.cgroup)
		return vm_cgroup_pids(v->s, v->o->target.cgroup, all, err);
	int r = vm_proc_list_dir(v->s, all, err);
	const pid_t self = v->s->live ? getpid() : 0;
	size_t kept = 0;
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i] != self)
			all->v[kept++] = all->v[i];
	all->n = kept;
	return r;
}

/** Two threads where that pays, and where neither a capture is written nor messages are to come in order. */
static void read_all(struct reading *x)
{
	struct vm_session *s = x->v->s;
	const bool share = x->pids->n >= SHARE_FROM && !x->v->o->target.pids && !vm_session_copies(s);
	struct vm_helper *helper = share ? vm_helper_start() : NULL;
	/* What the session looks up once must be there before. */
	vm_nodes_known(s);
	x->other = *s;
	x->other.scratch = (struct vm_buf){ 0 };
	if (helper)
		vm_helper_share(helper, 2, read_part, x);
	else
		read_part(x, 0, 0, 0);
	vm_helper_stop(helper);
	vm_buf_free(&x->other.scratch);
}

/** Rows of what could be read; cells are in v->arena. */
static size_t make_rows(struct vmnuma *v, const struct reading *x, struct vm_numa_process_row *rows)
{
	size_t n = 0;
	for (size_t i = 0; i < x->pids->n; i++) {
		const struct vm_proc *p = &x->procs[i];
		if (!p->pid)
			continue;
		vm_proc_note_unmet(v->s, p);
		struct vm_numa_process_row row = { .cells = { .nodes = &v->nodes }, .proc = p, .local = NAN };
		const struct vm_numa_sum *sum = p->numa;
		/* Nodes may have come or gone since the session looked. */
		uint64_t *on = sum && sum->have_pages ? vm_arena_alloc(&v->arena, v->nodes.nodes.n * sizeof(*on)) : NULL;
		for (size_t k = 0; on && k < v->nodes.nodes.n; k++)
			on[k] = k < sum->nnodes ? vm_numa_sum_node(sum, k) : VM_NODE_UNKNOWN;
		row.cells.on = on;
		if (on && sum->nnodes == v->nodes.nodes.n)
			row.local = vm_numa_local_share(sum, on);
		rows[n++] = row;
	}
	return n;
}

/** What the chosen columns want beyond what all do. */
static int column_needs(const struct vmnuma *v, const struct vm_fieldset *set, uint32_t *needs, struct vm_err *err)
{
	struct vm_choice c;
	int r = vm_choice_parse(v->common, set, &c, err);
	if (r < 0)
		return r;
	*needs |= c.needs;
	vm_choice_free(&c);
	return 0;
}

static int show(struct vmnuma *v, struct vm_err *err)
{
	struct vm_pids all = { 0 };
	struct reading x = { .v = v, .pids = &all, .needs = VM_NEED(STAT) | VM_NEED(CPUS) | VM_NEED(NUMA) };
	const struct vm_fieldset *set = vm_numa_columns(&vm_numa_process_fields, &v->nodes, &v->arena);
	/* In place of numa_maps, which such a kernel doesn't have. */
	if (!v->nodes.told)
		x.needs |= VM_NEED(STATUS);
	int r = set ? column_needs(v, set, &x.needs, err) : vm_fail(err, ENOMEM, "out of memory");
	if (r == 0)
		r = list_pids(v, &all, err);
	struct vm_numa_process_row *rows = calloc(all.n + 1, sizeof(*rows));
	x.procs = calloc(all.n + 1, sizeof(*x.procs));
	if (r == 0 && (!rows || !x.procs))
		r = vm_fail(err, ENOMEM, "out of memory");
	if (r == 0) {
		read_all(&x);
		const size_t n = make_rows(v, &x, rows);
		if (n && !vm_report_is_machine(&v->report) && !v->reports && v->style.headings)
			vmnuma_say_single(v);
		if (n || !x.why || vm_report_is_document(&v->report))
			r = vmnuma_list(v, set, true, NULL, rows, n, sizeof(*rows), NULL, err);
		if (r == 0 && x.why && (n == 0 || !v->interval_ns)) {
			r = x.why;
			*err = x.err;
		}
	}
	free(rows);
	free(x.procs);
	vm_arena_free(&x.texts[0]);
	vm_arena_free(&x.texts[1]);
	vm_vec_free(&all);
	return r;
}

const struct vmnuma_mode vmnuma_processes = { .name = "processes", .set = &vm_numa_process_fields, .show = show };
