/** vmws --heat: which addresses were used when, as a picture. */

#include "cli/vmws/vmws.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/render/heat.h"
#include "core/base/err.h"
#include "core/model/aspace.h"

enum { COLUMNS_MOST = 128, LINES = 14, BLOCK_BYTES = 256 << 10 };

struct vmws_heat_cell {
	uint64_t start;
	uint32_t used;             /* pages, over the rounds of the column */
};

/** A column: the blocks that are there, ascending. */
struct vmws_heat_column {
	VM_VEC(struct vmws_heat_cell) cell;
};

struct vmws_heat {
	struct vmws_heat_column column[COLUMNS_MOST];
	size_t n;
	unsigned rounds;           /* of a column; the last one may have fewer */
	unsigned filled;
	uint64_t ns;
	bool failed;
};

/* ---- Keeping ------------------------------------------------------------------------------------------------------- */

static bool merge(struct vmws_heat_column *to, struct vmws_heat_column *from)
{
	struct vmws_heat_column out = { { 0 } };
	size_t a = 0, b = 0;
	bool ok = vm_vec_reserve(&out.cell, to->cell.n + from->cell.n + 1);
	while (ok && (a < to->cell.n || b < from->cell.n)) {
		const uint64_t x = a < to->cell.n ? to->cell.v[a].start : UINT64_MAX;
		const uint64_t y = b < from->cell.n ? from->cell.v[b].start : UINT64_MAX;
		struct vmws_heat_cell c = { .start = x < y ? x : y };
		if (x == c.start)
			c.used += to->cell.v[a++].used;
		if (y == c.start)
			c.used += from->cell.v[b++].used;
		out.cell.v[out.cell.n++] = c;
	}
	vm_vec_free(&to->cell);
	vm_vec_free(&from->cell);
	*to = out;
	return ok;
}

/** Two columns become one: there is room again, and each is twice as long. */
static void halve(struct vmws_heat *h)
{
	for (size_t i = 0; i < COLUMNS_MOST; i += 2) {
		h->failed |= !merge(&h->column[i], &h->column[i + 1]);
		if (i) {
			h->column[i / 2] = h->column[i];
			memset(&h->column[i], 0, sizeof(h->column[i]));
		}
	}
	h->n = COLUMNS_MOST / 2;
	h->rounds *= 2;
}

static void take_block(void *ctx, uint64_t start, unsigned used)
{
	struct vmws_heat *h = ctx;
	h->failed |= !vm_vec_push(&h->column[h->n].cell, (struct vmws_heat_cell){ .start = start, .used = used });
}

void vmws_heat_free(struct vmws_heat *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < COLUMNS_MOST; i++)
		vm_vec_free(&h->column[i].cell);
	free(h);
}

int vmws_heat_add(struct vmws_process *p, uint64_t round_ns, struct vm_err *err)
{
	struct vmws_heat *h = p->heat;
	if (!h) {
		h = p->heat = calloc(1, sizeof(*h));
		if (!h)
			return vm_fail(err, ENOMEM, "out of memory");
		h->rounds = 1;
	}
	if (h->n == COLUMNS_MOST)
		halve(h);
	struct vmws_heat_column before = h->column[h->n];
	memset(&h->column[h->n], 0, sizeof(h->column[h->n]));
	vm_ages_blocks(&p->set.used, take_block, h);
	h->failed |= !merge(&h->column[h->n], &before);
	h->ns += round_ns;
	if (++h->filled == h->rounds) {
		h->filled = 0;
		h->n++;
	}
	return h->failed ? vm_fail(err, ENOMEM, "out of memory") : 0;
}

/* ---- Drawing ------------------------------------------------------------------------------------------------------- */

static int by_start(const void *a_, const void *b_)
{
	const uint64_t a = *(const uint64_t *)a_, b = *(const uint64_t *)b_;
	return a < b ? -1 : a > b;
}

struct rows {
	VM_VEC(uint64_t) start;
};

/** Blocks that were used at all, ascending: what lies between them would be blank. */
static bool find_rows(const struct vmws_heat *h, size_t cols, struct rows *rows)
{
	bool ok = true;
	for (size_t i = 0; ok && i < cols; i++)
		for (size_t k = 0; ok && k < h->column[i].cell.n; k++)
			if (h->column[i].cell.v[k].used)
				ok = vm_vec_push(&rows->start, h->column[i].cell.v[k].start);
	if (!rows->start.n)
		return ok;
	qsort(rows->start.v, rows->start.n, sizeof(*rows->start.v), by_start);
	size_t n = 1;
	for (size_t i = 1; i < rows->start.n; i++)
		if (rows->start.v[i] != rows->start.v[n - 1])
			rows->start.v[n++] = rows->start.v[i];
	rows->start.n = n;
	return ok;
}

static void fill(const struct vmws_heat *h, size_t cols, const struct rows *rows, uint64_t *count)
{
	for (size_t i = 0; i < cols; i++) {
		size_t at = 0;
		for (size_t k = 0; k < h->column[i].cell.n; k++) {
			const struct vmws_heat_cell *c = &h->column[i].cell.v[k];
			while (at < rows->start.n && rows->start.v[at] < c->start)
				at++;
			if (at < rows->start.n && rows->start.v[at] == c->start)
				count[at * cols + i] = c->used;
		}
	}
}

/** A tick where another mapping begins. */
static size_t put_ticks(const struct vm_aspace *as, const struct rows *rows, struct vm_heat_tick *tick)
{
	const struct vm_mapping *last = NULL;
	size_t n = 0;
	for (size_t i = 0; i < rows->start.n; i++) {
		const size_t at = vm_aspace_find(as, rows->start.v[i]);
		const struct vm_mapping *m = at < as->nmaps && as->map[at].start < rows->start.v[i] + BLOCK_BYTES ? &as->map[at] : NULL;
		if (i == 0 || m != last)
			tick[n++] = (struct vm_heat_tick){ .at = i, .text = !m ? "?" : *m->name ? m->name : "[anon]" };
		last = m;
	}
	return n;
}

static void draw(struct vmws *v, const struct vmws_process *p, size_t cols, const struct rows *rows)
{
	const struct vmws_heat *h = p->heat;
	uint64_t *count = calloc(rows->start.n * cols, sizeof(*count));
	struct vm_heat_tick *tick = calloc(rows->start.n, sizeof(*tick));
	struct vm_heat_scale times;
	struct vm_buf b = { 0 };
	if (count && tick) {
		fill(h, cols, rows, count);
		vm_heat_time_scale(&times, h->ns, cols);
		const struct vm_heat heat = {
			.title = "pages used over time", .unit = "pages", .count = count, .rows = rows->start.n, .cols = cols,
			.row_tick = tick, .row_ticks = put_ticks(p->as, rows, tick), .col_tick = times.tick, .col_ticks = times.n,
			.row_bytes = BLOCK_BYTES, .col_ns = h->ns / cols, .max_lines = LINES,
		};
		vm_heat_put(&b, &heat, &v->report.style);
		vm_report_put(&v->report, vm_buf_str(&b), b.n);
	}
	vm_buf_free(&b);
	free(count);
	free(tick);
}

void vmws_heat_show(struct vmws *v, const struct vmws_process *p)
{
	struct rows rows = { { 0 } };
	const struct vmws_heat *h = p->heat;
	const size_t cols = h ? h->n + (h->filled > 0) : 0;
	if (!p->facts->pages)
		vm_report_say(&v->report, "no picture: pages can't be seen (%s)\n", p->facts->why_not_pages);
	else if (!cols || !find_rows(h, cols, &rows) || !rows.start.n)
		vm_report_say(&v->report, "no picture: nothing was seen in use\n");
	else
		draw(v, p, cols, &rows);
	vm_vec_free(&rows.start);
}
