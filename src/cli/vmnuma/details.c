/** vmnuma PID: a process by node, and mapping by mapping. */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/vmnuma/vmnuma.h"
#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/source/numacalls.h"
#include "core/source/session.h"

enum { LEGEND = 100 };

/* ---- Samples ------------------------------------------------------------------------------------------------------ */

/** Addresses of pages spread evenly over a mapping. */
static size_t spread(const struct vmnuma *v, const struct vm_mapping *m, uint64_t *addr)
{
	const uint64_t page = v->s->page_bytes, pages = (m->end - m->start) / page;
	const uint64_t n = pages < v->o->sample ? pages : v->o->sample;
	for (uint64_t i = 0; i < n; i++)
		addr[i] = m->start + (uint64_t)((double)pages * ((double)i + 0.5) / (double)n) * page;
	return n;
}

/** An estimate: the share of the samples that are on a node, of the mapping's size. */
static bool estimate(struct vmnuma *v, const struct vm_aspace *as, struct vm_numa_mapping_row *row, const int *status, size_t n)
{
	const double each = n ? (double)(row->map->end - row->map->start) / (double)n : 0;
	uint64_t *on = vm_arena_alloc(&v->arena, v->nodes.nodes.n * sizeof(*on));
	size_t there = 0;
	if (!on)
		return false;
	memset(on, 0, v->nodes.nodes.n * sizeof(*on));
	for (size_t i = 0; i < n; i++) {
		const long at = status[i] < 0 ? -1 : vm_nodes_index(&v->nodes, (unsigned)status[i]);
		there += at >= 0;
		if (at >= 0)
			on[at]++;
	}
	for (size_t i = 0; i < v->nodes.nodes.n; i++)
		on[i] = (uint64_t)((double)on[i] * each + 0.5);
	row->cells.on = on;
	row->bytes = (uint64_t)((double)there * each + 0.5);
	row->samples = n;
	if (as->proc.numa && as->proc.numa->nnodes == v->nodes.nodes.n)
		row->local = vm_numa_local_share(as->proc.numa, on);
	return true;
}

static int sample_rows(struct vmnuma *v, const struct vm_aspace *as, struct vm_numa_mapping_row *rows, struct vm_err *err)
{
	vm_auto_free uint64_t *addr = malloc(v->o->sample * sizeof(*addr));
	vm_auto_free int *status = malloc(v->o->sample * sizeof(*status));
	if (!addr || !status)
		return vm_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < as->nmaps; i++) {
		vm_numa_row_unknown(&rows[i], &v->nodes, &as->map[i]);
		/* The gate page is in the kernel's half. */
		const size_t n = as->map[i].start >> 63 ? 0 : spread(v, &as->map[i], addr);
		int r = vm_numa_query(as->proc.pid, addr, status, n, err);
		if (r < 0)
			return r;
		if (!estimate(v, as, &rows[i], status, n))
			return vm_fail(err, ENOMEM, "out of memory");
	}
	return 0;
}

/* ---- Heading ------------------------------------------------------------------------------------------------------ */

static void say_threads(struct vmnuma *v, const struct vm_numa_sum *sum)
{
	struct vm_buf b = { 0 };
	uint64_t all = 0;
	for (unsigned i = 0; i < sum->nnodes; i++)
		all += sum->threads[i];
	vm_buf_addf(&b, "%llu thread%s, ran last on ", (unsigned long long)all, all == 1 ? "" : "s");
	for (unsigned i = 0, n = 0; i < sum->nnodes; i++)
		if (sum->threads[i]) {
			vm_buf_addf(&b, "%snode %u", n++ ? ", " : "", sum->ids[i]);
			if (sum->threads[i] < all)
				vm_buf_addf(&b, " (%llu)", (unsigned long long)sum->threads[i]);
		}
	vm_buf_addf(&b, "; may run on node%s ", vm_nodemask_count(&sum->may_run) == 1 ? "" : "s");
	vm_nodemask_put(&b, &sum->may_run);
	vm_report_say(&v->report, "%s\n", vm_buf_str(&b));
	vm_buf_free(&b);
}

static void say_shares(struct vmnuma *v, const struct vm_numa_sum *sum, double local)
{
	char bytes[VM_NUMBUF], judged[VM_NUMBUF];
	if (!isnan(local))
		vm_report_say(&v->report, "%.1f %% of its memory is on nodes where its threads ran\n", local * 100);
	if (sum->judged)
		vm_report_say(&v->report, "%s of %s (%.1f %%) are on other nodes than the policies say\n",
			      vm_format_size(sum->misplaced, bytes), vm_format_size(sum->judged, judged),
			      (double)sum->misplaced * 100 / (double)sum->judged);
	if (sum->elsewhere)
		vm_report_say(&v->report, "%s are on nodes that aren't online\n", vm_format_size(sum->elsewhere, bytes));
}

static int list_classes(struct vmnuma *v, const struct vm_numa_sum *sum, struct vm_err *err)
{
	struct vm_numa_class_row rows[VM_NUMA_CLASSES + 1];
	const struct vm_fieldset *set = vm_numa_columns(&vm_numa_class_fields, &v->nodes, &v->arena);
	const bool machine = vm_report_is_machine(&v->report);
	const size_t n = vm_numa_class_rows(sum, &v->nodes, machine, &v->arena, rows);
	if (!set || !n)
		return vm_fail(err, ENOMEM, "out of memory");
	/* Programs add up themselves. */
	return vmnuma_list(v, set, false, NULL, rows, machine ? n - 1 : n, sizeof(rows[0]), NULL, err);
}

/** What stands above the mappings. */
static int say_process(struct vmnuma *v, const struct vm_aspace *as, struct vm_err *err)
{
	const struct vm_proc *p = &as->proc;
	const struct vm_numa_sum *sum = p->numa;
	struct vm_buf name = { 0 };
	vm_text_put(&name, p->cmdline && p->cmdline[0] ? p->cmdline : p->comm);
	if (v->style.width && name.n > v->style.width)
		name.n = v->style.width;
	vm_report_say(&v->report, "%d %s\n", p->pid, vm_buf_str(&name));
	vm_buf_free(&name);
	if (p->kthread || p->state == 'Z')
		vm_report_say(&v->report, "%s\n", p->kthread ? "a kernel thread: it has no user memory"
						 : "a zombie: it has ended and has no memory any more");
	vmnuma_say_single(v);
	if (!sum || sum->nnodes != v->nodes.nodes.n)
		return 0;
	if (sum->have_threads)
		say_threads(v, sum);
	if (v->o->sample)
		vm_report_say(&v->report, "estimated from %llu pages of each mapping, by move_pages(2)\n",
			      (unsigned long long)v->o->sample);
	if (!sum->have_pages) {
		vm_report_say(&v->report, "\n");
		return 0;
	}
	uint64_t *all = vm_arena_alloc(&v->arena, sum->nnodes * sizeof(*all));
	for (unsigned i = 0; all && i < sum->nnodes; i++)
		all[i] = vm_numa_sum_node(sum, i);
	if (all)
		say_shares(v, sum, vm_numa_local_share(sum, all));
	vm_report_say(&v->report, "\n");
	int r = list_classes(v, sum, err);
	vm_report_say(&v->report, "\n");
	return r;
}

static int json_process(struct vmnuma *v, const struct vm_aspace *as, struct vm_err *err)
{
	const struct vm_proc *p = &as->proc;
	const struct vm_fieldset *set = vm_numa_columns(&vm_numa_process_fields, &v->nodes, &v->arena);
	struct vm_numa_process_row row = { .cells = { .nodes = &v->nodes }, .proc = p, .local = NAN };
	struct vm_view view = { .set = set, .name = "process" };
	uint64_t *on = vm_arena_alloc(&v->arena, v->nodes.nodes.n * sizeof(*on));
	const bool known = p->numa && p->numa->have_pages && p->numa->nnodes == v->nodes.nodes.n;
	if (!set || !on)
		return vm_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; known && i < v->nodes.nodes.n; i++)
		on[i] = vm_numa_sum_node(p->numa, i);
	row.cells.on = known ? on : NULL;
	row.local = known ? vm_numa_local_share(p->numa, on) : NAN;
	int r = vm_columns_parse(set, NULL, VM_F_MACHINE, &view.cols, err);
	if (r < 0)
		return r;
	vm_report_members(&v->report, &view, &row);
	if (known)
		return list_classes(v, p->numa, err);
	vm_json_key(&v->report.json, "classes");
	vm_json_null(&v->report.json);
	return 0;
}

/* ---- The mode ----------------------------------------------------------------------------------------------------- */

/** People see mappings that have pages, or a policy of their own, unless they ask for a choice of their own. */
static size_t drop_plain(struct vmnuma *v, struct vm_numa_mapping_row *rows, size_t n)
{
	size_t kept = 0;
	if (v->o->zeros || v->common->filter || vm_report_is_machine(&v->report))
		return n;
	for (size_t i = 0; i < n; i++)
		if (!vm_numa_row_is_plain(&rows[i]))
			rows[kept++] = rows[i];
	return kept;
}

static void add_up(const struct vmnuma *v, const struct vm_numa_mapping_row *rows, size_t n, struct vm_numa_mapping_row *total,
		   struct vm_mapping *map, uint64_t *on)
{
	*map = (struct vm_mapping){ .count = 1, .name = "" };
	vm_numa_row_unknown(total, &v->nodes, map);
	total->bytes = 0;
	total->cells.on = on;
	memset(on, 0, v->nodes.nodes.n * sizeof(*on));
	for (size_t i = 0; i < n; i++) {
		map->end += rows[i].map->end - rows[i].map->start;
		for (size_t k = 0; rows[i].cells.on && k < v->nodes.nodes.n; k++)
			on[k] += rows[i].cells.on[k];
		total->bytes += rows[i].bytes == VM_NODE_UNKNOWN ? 0 : rows[i].bytes;
	}
}

/** A sum must be of what every row knows. */
static bool all_known(const struct vm_numa_mapping_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!rows[i].cells.on)
			return false;
	return n > 1;
}

/** What the policies mean that aren't everyone's, unless it was a part that was asked for. */
static void say_policies(struct vmnuma *v, const struct vm_aspace *as)
{
	const char *before = "\n";
	if (v->common->filter || v->common->columns || !v->style.headings || vm_report_is_machine(&v->report))
		return;
	for (size_t i = 0; as->numa && i < as->numa->policies.n; i++) {
		const struct vm_policy *p = &as->numa->policies.v[i];
		struct vm_buf words = { 0 }, means = { 0 };
		if (p->mode == VM_MPOL_DEFAULT)
			continue;
		vm_policy_put(&words, p);
		vm_buf_add_str(&words, ":");
		vm_policy_explain(&means, p, &v->nodes);
		vm_report_say(&v->report, "%s", before);
		vm_report_wrap(&v->report, (int)words.n + 1, vm_buf_str(&words), vm_buf_str(&means),
			       v->style.width ? v->style.width : LEGEND);
		before = "";
		vm_buf_free(&words);
		vm_buf_free(&means);
	}
}

static int list_mappings(struct vmnuma *v, struct vm_numa_mapping_row *rows, size_t all, struct vm_err *err)
{
	const struct vm_fieldset *set = vm_numa_columns(&vm_numa_mapping_fields, &v->nodes, &v->arena);
	uint64_t *on = vm_arena_alloc(&v->arena, v->nodes.nodes.n * sizeof(*on));
	struct vm_numa_mapping_row total;
	struct vm_mapping map;
	if (!set || !on)
		return vm_fail(err, ENOMEM, "out of memory");
	const size_t n = drop_plain(v, rows, all);
	const bool sum = all_known(rows, n) && v->style.headings && !vm_report_is_machine(&v->report);
	if (sum)
		add_up(v, rows, n, &total, &map, on);
	/* Documents name the array by the set; rows of several processes say whose they are. */
	const bool several = v->pids.n > 1 && vm_report_is_machine(&v->report) && !vm_report_is_document(&v->report);
	int r = vmnuma_list(v, set, true, several ? "+PID" : v->o->sample && !vm_report_is_machine(&v->report) ?
			    "+SAMPLES,-POLICY,-MISPL%" : NULL, rows, n, sizeof(*rows), sum ? &total : NULL, err);
	if (r == 0 && n < all && v->style.headings)
		vm_report_say(&v->report, "%zu mappings without pages and policy left out (--zeros shows them)\n", all - n);
	return r;
}

/** Nothing but sizes is known: people have that from vmmap. */
static bool says_nothing(const struct vmnuma *v, const struct vm_numa_mapping_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].cells.on)
			return false;
	return !vm_report_is_machine(&v->report) && !v->o->zeros && !v->common->columns;
}

static int show_space(struct vmnuma *v, const struct vm_aspace *as, struct vm_err *err)
{
	struct vm_numa_mapping_row *rows = calloc(as->nmaps + 1, sizeof(*rows));
	int r = rows ? 0 : -ENOMEM;
	if (r == 0)
		r = v->o->sample ? sample_rows(v, as, rows, err) :
				vm_numa_rows(as, &v->nodes, v->s->page_bytes, &v->arena, rows);
	if (r == -ENOMEM)
		vm_fail(err, ENOMEM, "out of memory");
	if (r == 0 && vm_report_is_document(&v->report))
		r = json_process(v, as, err);
	else if (r == 0 && !vm_report_is_machine(&v->report) && v->style.headings)
		r = say_process(v, as, err);
	if (r == 0 && says_nothing(v, rows, as->nmaps)) {
		if (as->nmaps)
			vm_report_say(&v->report, "%zu mappings, of which nothing is known by node\n", as->nmaps);
	} else if (r == 0) {
		r = list_mappings(v, rows, as->nmaps, err);
	}
	if (r == 0)
		say_policies(v, as);
	free(rows);
	return r;
}

static int show_one(struct vmnuma *v, pid_t pid, bool first, struct vm_err *err)
{
	uint32_t needs = VM_NEED(STAT) | VM_NEED(LAYOUT) | VM_NEED(CPUS) | VM_NEED(CMDLINE);
	struct vm_aspace *as;
	if (!v->o->sample)
		needs |= VM_NEED(NUMA);
	if (!v->nodes.told)
		needs |= VM_NEED(STATUS);
	int r = vm_snapshot(v->s, pid, needs, 0, 0, &as, err);
	if (r < 0)
		return r;
	vm_proc_note_unmet(v->s, &as->proc);
	if (vm_report_is_document(&v->report))
		vm_json_object_begin(&v->report.json);
	else if (!first)
		vm_report_say(&v->report, "\n");
	r = show_space(v, as, err);
	if (vm_report_is_document(&v->report))
		vm_json_object_end(&v->report.json);
	vm_aspace_free(as);
	return r;
}

/** One process after the other; one that is missing doesn't keep the others from being shown. */
static int show(struct vmnuma *v, struct vm_err *err)
{
	int result = 0;
	if (v->o->sample && !v->s->live)
		return vm_fail(err, EOPNOTSUPP, "--sample asks the running kernel, not a %s", vm_session_kind(v->s));
	if (vm_report_is_document(&v->report)) {
		vm_json_key(&v->report.json, "processes");
		vm_json_array_begin(&v->report.json);
	}
	for (size_t i = 0; i < v->pids.n; i++) {
		struct vm_err why = { 0 };
		const int r = show_one(v, v->pids.v[i], i == 0, &why);
		if (r == 0)
			continue;
		if (result)
			fprintf(stderr, "vmnuma: %s\n", why.what);
		else
			*err = why;
		result = result ? result : r;
	}
	if (vm_report_is_document(&v->report))
		vm_json_array_end(&v->report.json);
	return result;
}

const struct vmnuma_mode vmnuma_details = { .name = "details", .set = &vm_numa_mapping_fields, .show = show };
