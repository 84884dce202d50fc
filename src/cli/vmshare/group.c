/** vmshare PID PID..., -n, -g, -a: processes side by side, and all pairs of them. */

#include <errno.h>
#include <stdlib.h>

#include "cli/vmshare/vmshare.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/source/session.h"

/** Pairs that are shown where not all are asked for: to people, and in documents. */
enum { PAIRS_SHOWN = 20, PAIRS_IN_DOCUMENTS = 100 };
/** Columns of the matrix. */
enum { CELL = 8 };

static uint64_t all_kinds(const uint64_t *kind)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < VM_SK_NR; i++)
		n += kind[i];
	return n;
}

/* ---- Pairs ---------------------------------------------------------------------------------------------------------- */

struct pairs { struct vm_share_pair_row *v; size_t n, cap; };

static int make_pairs(const struct vm_sharing_group *g, struct pairs *out)
{
	for (size_t b = 1; g->compared && g->group.pairs && b < g->n; b++)
		for (size_t a = 0; a < b; a++) {
			if (g->member[a] < 0 || g->member[b] < 0)
				continue;
			const uint32_t *pages = g->group.pairs[vm_pair_index((size_t)g->member[a], (size_t)g->member[b])];
			struct vm_share_pair_row row = {
				.a = g->rows[a].proc, .b = g->rows[b].proc, .merged_hidden = g->merged_hidden,
				.a_bytes = all_kinds(g->rows[a].group->frames), .b_bytes = all_kinds(g->rows[b].group->frames),
			};
			for (unsigned k = 0; k < VM_SK_NR; k++)
				row.bytes[k] = pages[k] * UINT64_C(4096);
			if (all_kinds(row.bytes) && !vm_vec_push(out, row))
				return -ENOMEM;
		}
	return 0;
}

static void put_cell(const struct vmshare *v, struct vm_buf *b, const struct vm_sharing_group *g, size_t i, size_t j)
{
	char text[VMSHARE_TEXT];
	if (g->member[i] < 0 || g->member[j] < 0)
		vm_buf_addf(b, " %*s", CELL - 1, "-");
	else
		vm_buf_addf(b, " %*s", CELL - 1,
			    vmshare_size(v, i == j ? all_kinds(g->rows[i].group->frames) :
					 vm_sharegroup_pair(&g->group, (size_t)g->member[i], (size_t)g->member[j], VM_SK_NR), text));
}

/** A square, where it fits: of each with each, what both map; of one with itself, what it maps. */
static bool say_matrix(struct vmshare *v, const struct vm_sharing_group *g)
{
	const size_t width = v->style.width ? v->style.width : 80;
	struct vm_buf b = { 0 };
	if (!g->compared || !g->group.pairs || v->common->bytes || (g->n + 1) * CELL > width)
		return false;
	vm_buf_addf(&b, "%*s", CELL, "BOTH MAP");
	for (size_t i = 0; i < g->n; i++)
		vm_buf_addf(&b, " %*d", CELL - 1, g->rows[i].proc->pid);
	for (size_t i = 0; i < g->n; i++) {
		vm_buf_addf(&b, "\n%*d", CELL, g->rows[i].proc->pid);
		for (size_t j = 0; j < g->n; j++)
			put_cell(v, &b, g, i, j);
	}
	vm_report_say(&v->report, "\n%s\n", vm_buf_str(&b));
	vm_buf_free(&b);
	return true;
}

/** Why there is no matrix; "": there is one. */
static void why_no_pairs(const struct vm_sharing_group *g, struct vm_buf *out)
{
	if (g->compared && !g->group.pairs)
		vm_buf_addf(out, "%zu processes are too many: %d at most", g->n, VM_GROUP_PAIRS_MOST);
	else if (!g->compared && g->n)
		vm_buf_addf(out, "%s%s%s", g->why.what[0] ? g->why.what : "frames aren't to be had", g->why.hint[0] ? "; " : "", g->why.hint);
}

static void json_pairs(struct vmshare *v, const struct vm_sharing_group *g, size_t n)
{
	struct vm_json *j = &v->report.json;
	struct vm_buf why = { 0 };
	why_no_pairs(g, &why);
	vm_json_key(j, "no_pairs_because");
	if (why.n)
		vm_json_str(j, vm_buf_str(&why));
	else
		vm_json_null(j);
	vm_buf_free(&why);
	if (g->group.pairs) {
		vm_json_put_u64(j, "pairs_that_share", n);
		return;
	}
	vm_json_key(j, "pairs");
	vm_json_null(j);
}

static int put_pairs(struct vmshare *v, const struct vm_sharing_group *g, bool chosen, struct vm_err *err)
{
	struct pairs pairs = { 0 };
	const bool document = vm_report_is_document(&v->report);
	const size_t most = chosen ? 0 : document ? PAIRS_IN_DOCUMENTS : PAIRS_SHOWN;
	int r = make_pairs(g, &pairs);
	if (r < 0)
		vm_fail(err, ENOMEM, "out of memory");
	if (r == 0 && document)
		json_pairs(v, g, pairs.n);
	if (r == 0 && g->group.pairs && (document || chosen || pairs.n)) {
		if (!chosen)
			vm_report_say(&v->report, "\n");
		r = vmshare_list(v, &vm_share_pair_fields, chosen, "BOTH", pairs.v, pairs.n, sizeof(pairs.v[0]), most, err);
	}
	if (r == 0 && most && pairs.n > most)
		vm_report_say(&v->report, "%zu more pairs: --pairs shows all\n", pairs.n - most);
	vm_vec_free(&pairs);
	return r;
}

/* ---- The group ------------------------------------------------------------------------------------------------------ */

static void say_group(struct vmshare *v, const struct vm_sharing_group *g)
{
	char all[VMSHARE_TEXT], shared[VMSHARE_TEXT], ours[VMSHARE_TEXT], rss[VMSHARE_TEXT];
	const struct vm_group_sum *a = &g->group.all;
	struct vm_buf b = { 0 };
	uint64_t sum = 0;
	vm_buf_addf(&b, "%zu process%s", g->n, g->n == 1 ? "" : "es");
	for (size_t i = 0; i < g->n; i++)
		sum += g->rows[i].group ? vm_share_rss(&g->rows[i].group->sum) : 0;
	if (g->compared)
		vm_buf_addf(&b, " map %s, and their RSS adds up to %s: %s are shared among them; %s are mapped by nobody else",
			    vmshare_size(v, all_kinds(a->frames), all), vmshare_size(v, sum, rss),
			    vmshare_size(v, all_kinds(a->shared), shared), vmshare_size(v, a->ours, ours));
	vmshare_wrap(v, vm_buf_str(&b));
	b.n = 0;
	why_no_pairs(g, &b);
	if (b.n) {
		struct vm_buf line = { 0 };
		vm_buf_addf(&line, "Who shares with whom isn't known: %s", vm_buf_str(&b));
		vmshare_wrap(v, vm_buf_str(&line));
		vm_buf_free(&line);
	}
	vm_buf_free(&b);
	vm_report_say(&v->report, "\n");
}

static void json_group(struct vmshare *v, const struct vm_sharing_group *g)
{
	struct vm_json *j = &v->report.json;
	const struct vm_group_sum *a = &g->group.all;
	vm_json_key(j, "group");
	if (!g->compared) {
		vm_json_null(j);
		return;
	}
	vm_json_object_begin(j);
	vm_json_put_u64(j, "processes", g->group.members.n);
	vm_json_put_u64(j, "frames_bytes", all_kinds(a->frames));
	vm_json_put_u64(j, "shared_bytes", all_kinds(a->shared));
	vm_json_put_u64(j, "only_shown_bytes", a->ours);
	vmshare_json_kinds(v, "frames", a->frames, g->merged_hidden);
	vmshare_json_kinds(v, "shared", a->shared, g->merged_hidden);
	vm_json_object_end(j);
}

/** Those that were named must be there: the first that isn't is an error, after the others were shown. */
static int check_missing(const struct vmshare *v, const struct vm_sharing_group *g, struct vm_err *err)
{
	if (!v->named || !g->missing)
		return 0;
	*err = g->why_missing;
	return g->missing;
}

static int read(struct vmshare *v, struct vm_sharing_group *g, struct vm_err *err)
{
	return vm_sharing_group_read(v->s, v->pids.v, v->pids.n, v->choice.needs, v->range, g, err);
}

static int show(struct vmshare *v, struct vm_err *err)
{
	struct vm_sharing_group g;
	int r = read(v, &g, err);
	const bool document = vm_report_is_document(&v->report), table = !vm_report_is_machine(&v->report);
	if (r == 0 && document)
		json_group(v, &g);
	if (r == 0 && table && g.n && v->style.headings)
		say_group(v, &g);
	if (r == 0 && (g.n || !table))
		r = vmshare_list(v, &vm_share_process_fields, true, "RSS", g.rows, g.n, sizeof(g.rows[0]), 0, err);
	const bool plain = table && v->style.headings && !v->common->columns && !v->common->filter && !v->common->sort;
	if (r == 0 && (document || (plain && !say_matrix(v, &g))))
		r = put_pairs(v, &g, false, err);
	else if (r == 0 && plain && g.n > 1)
		r = put_pairs(v, &g, false, err);
	if (r == 0)
		r = check_missing(v, &g, err);
	vm_sharing_group_free(&g);
	return r;
}

const struct vmshare_mode vmshare_group = { .name = "processes", .set = &vm_share_process_fields, .show = show };

static int show_pairs(struct vmshare *v, struct vm_err *err)
{
	struct vm_sharing_group g;
	int r = read(v, &g, err);
	if (r == 0 && !g.compared && g.n) {
		*err = g.why;
		r = g.why.code ? -g.why.code : vm_fail(err, ENOTSUP, "frames aren't to be had");
	}
	if (r == 0 && !g.group.pairs && g.n > VM_GROUP_PAIRS_MOST)
		r = vm_fail(err, E2BIG, "%zu processes are too many for a matrix of pairs: %d at most", g.n, VM_GROUP_PAIRS_MOST);
	if (r == 0)
		r = put_pairs(v, &g, true, err);
	if (r == 0)
		r = check_missing(v, &g, err);
	vm_sharing_group_free(&g);
	return r;
}

const struct vmshare_mode vmshare_pairs = { .name = "pairs", .set = &vm_share_pair_fields, .show = show_pairs };
