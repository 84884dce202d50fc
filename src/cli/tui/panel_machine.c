/** The machine: what its memory is used for, and what happens there, now and before. */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/tui/ui.h"
#include "core/base/str.h"
#include "core/field/machine.h"
#include "core/model/hugesys.h"
#include "core/model/nodes.h"

/** What is read at every refresh, so that the graphs have a past when they are first looked at; and what else is shown. */
#define ALWAYS (VM_MACH(MEMINFO) | VM_MACH(VMSTAT) | VM_MACH(PSI))
#define SEEN   (ALWAYS | VM_MACH(SHOOTDOWNS) | VM_MACH(THP) | VM_MACH(KSM))

/* ---- Following it ------------------------------------------------------------------------------------------------- */

int vm_machine_init(struct vm_ui *ui, struct vm_err *err)
{
	for (size_t q = 0; q < VM_M_NR; q++)
		ui->machine.none.a_second[q] = NAN;
	return vm_trends_init(&ui->machine.trends) < 0 ? vm_fail(err, ENOMEM, "out of memory") : 0;
}

void vm_machine_fini(struct vm_ui *ui)
{
	vm_trends_free(&ui->machine.trends);
	vm_machine_rates_free(&ui->machine.boot);
}

void vm_machine_want(struct vm_want *want)
{
	want->machine = ALWAYS;
}

/** Rates since boot are no rates of that moment. */
static struct vm_machine_row row_of(const struct vm_ui *ui, const struct vm_machine *m, const struct vm_machine_rates *rates)
{
	return (struct vm_machine_row){ .m = m, .rates = rates && !rates->since_boot ? rates : &ui->machine.none };
}

bool vm_machine_figures(struct vm_ui *ui, struct vm_machine_row *row)
{
	*row = row_of(ui, ui->frame.machine, ui->frame.rates);
	return row->m;
}

static void take_past(void *ctx, size_t moment, const struct vm_machine *m, const struct vm_machine_rates *rates)
{
	struct vm_ui *ui = ctx;
	const struct vm_machine_row row = row_of(ui, m, rates);
	vm_trends_add(&ui->machine.trends, &row, m->boot_ns, moment);
}

/** In a recording the graphs end with the moment that is shown; those before it are read when there are too few of them. */
void vm_machine_go_to(struct vm_ui *ui)
{
	enum { FEW = 60, MANY = 240 };
	struct vm_trends *t = &ui->machine.trends;
	const size_t to = ui->moment;
	if (!ui->feed->moments)
		return;
	vm_trends_go_to(t, to);
	if (vm_ui_top(ui) != &vm_panel_machine || t->n >= (to < FEW ? to : FEW))
		return;
	t->n = 0;
	ui->feed->look_back(ui->feed->ctx, to < MANY ? 0 : to - MANY, to, SEEN, take_past, ui);
}

void vm_machine_take(struct vm_ui *ui)
{
	if (ui->frame.machine)
		take_past(ui, ui->moment, ui->frame.machine, ui->frame.rates);
}

/* ---- Its memory --------------------------------------------------------------------------------------------------- */

static const struct { enum vm_tint tint; char letter; } looks[VM_PART_NR] = {
	[VM_PART_ANON] = { VM_TINT_BAR_ANON, 'a' }, [VM_PART_FILE] = { VM_TINT_BAR_FILE, 'f' },
	[VM_PART_SHMEM] = { VM_TINT_BAR_SHMEM, 's' }, [VM_PART_SLAB] = { VM_TINT_BAR_KERNEL, 'b' },
	[VM_PART_PAGE_TABLES] = { VM_TINT_BAR_TABLES, 't' }, [VM_PART_KERNEL] = { VM_TINT_BAR_TAKEN, 'k' },
	[VM_PART_POOLS] = { VM_TINT_BAR_POOLS, 'h' }, [VM_PART_REST] = { VM_TINT_BAR_OTHER, '?' },
};

/** In the order of the bar: what is free is its empty end. */
static const enum vm_mempart order[VM_PART_NR] = {
	VM_PART_ANON, VM_PART_FILE, VM_PART_SHMEM, VM_PART_SLAB, VM_PART_PAGE_TABLES, VM_PART_KERNEL, VM_PART_POOLS, VM_PART_REST,
	VM_PART_FREE,
};

static void draw_bar(struct vm_ui *ui, int y, const uint64_t part[static VM_PART_NR], uint64_t total)
{
	struct vm_canvas *c = &ui->canvas;
	struct vm_bar_part bar[VM_PART_NR - 1];
	char num[VM_NUMBUF], label[VM_NUMBUF + 1];
	for (size_t i = 0; i < VM_PART_NR - 1; i++)
		bar[i] = (struct vm_bar_part){ (double)part[order[i]], looks[order[i]].tint, looks[order[i]].letter };
	snprintf(label, sizeof(label), " %s", vm_ui_bytes(ui, total, num));
	const int n = (int)strlen(label);
	vm_canvas_text(c, 0, y, 3, VM_TINT_BOLD, "Mem");
	vm_canvas_bar(c, 3, y, c->w - 3 - n, (double)total, bar, VM_PART_NR - 1);
	vm_canvas_right(c, 0, y, c->w, VM_TINT_NORMAL, label);
}

/** Glyph, name, size and share of each part; returns how many lines that took, at most `most`. */
static int draw_legend(struct vm_ui *ui, int y, int most, const uint64_t part[static VM_PART_NR], uint64_t total)
{
	struct vm_canvas *c = &ui->canvas;
	const uint32_t known = vm_machine_parts_known(ui->frame.machine);
	int x = 0, line = 0;
	for (size_t i = 0; i < VM_PART_NR; i++) {
		const enum vm_mempart p = order[i];
		char num[VM_NUMBUF], text[80];
		if (known >> p & 1)
			snprintf(text, sizeof(text), "%s %s %.1f%%", vm_mempart_name[p], vm_ui_bytes(ui, part[p], num),
				 (double)part[p] * 100 / (double)total);
		else
			snprintf(text, sizeof(text), "%s -", vm_mempart_name[p]);
		const int n = 2 + (int)strlen(text);
		if (x + n > c->w && x) {
			x = 0;
			line++;
		}
		if (line == most)
			return most;
		if (p != VM_PART_FREE)
			vm_canvas_fill(c, x, y + line, 1, looks[p].tint, vm_canvas_bar_glyph(c, i, looks[p].letter));
		vm_canvas_text(c, x + 2, y + line, c->w - x - 2, part[p] ? VM_TINT_NORMAL : VM_TINT_DIM, text);
		x += n + 2;
	}
	return line + 1;
}

/** "3d 4h", "12m 30s". */
static const char *long_time(uint64_t ns, char *buf, size_t size)
{
	static const struct { unsigned s; char unit; } units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	const uint64_t s = (ns + 500000000) / 1000000000;
	size_t i = 0;
	while (i < 3 && s < units[i].s)
		i++;
	int n = snprintf(buf, size, "%llu%c", (unsigned long long)s / units[i].s, units[i].unit);
	if (i < 3 && s % units[i].s / units[i + 1].s)
		snprintf(buf + n, size - (size_t)n, " %u%c", (unsigned)(s % units[i].s / units[i + 1].s), units[i + 1].unit);
	return buf;
}

static void draw_title(struct vm_ui *ui, int y)
{
	struct vm_canvas *c = &ui->canvas;
	const struct vm_system *s = &ui->frame.sys;
	const struct vm_machine *m = ui->frame.machine;
	const struct vm_nodes *nodes = ui->feed->nodes;
	char text[40];
	int x = vm_canvas_text(c, 0, y, c->w, VM_TINT_TITLE, "Machine ");
	x += vm_canvas_textf(c, x, y, c->w - x, VM_TINT_TITLE, "%s", s->host);
	if (*s->kernel)
		x += vm_canvas_textf(c, x, y, c->w - x, VM_TINT_NORMAL, "  Linux %s", s->kernel);
	if (nodes && nodes->nodes.n)
		x += vm_canvas_textf(c, x, y, c->w - x, VM_TINT_NORMAL, "  %zu node%s", nodes->nodes.n, nodes->nodes.n == 1 ? "" : "s");
	if (m && m->uptime_ns)
		x += vm_canvas_textf(c, x, y, c->w - x, VM_TINT_NORMAL, "  up %s", long_time(m->uptime_ns, text, sizeof(text)));
	vm_meters_draw_own(ui, x + 2, y);
	if (ui->paused)
		vm_canvas_right(c, 0, y, c->w, VM_TINT_WARN, " PAUSED");
}

/* ---- Lines of the list -------------------------------------------------------------------------------------------- */

enum what { NODE, POOL, POLICY, TREND };
struct line { enum what what; size_t at; };

static bool has_pool(const struct vm_huge_pool *p)
{
	return p->node < 0 && ((p->total && p->total != VM_HUGE_UNKNOWN) || (p->overcommit && p->overcommit != VM_HUGE_UNKNOWN));
}

/** The line at a place: nodes where there are several, pools that aren't empty, what is said of huge pages, and the figures. */
static bool find_line(const struct vm_ui *ui, size_t at, struct line *out)
{
	const struct vm_nodes *nodes = ui->frame.nodes;
	const struct vm_hugesys *h = ui->frame.hugesys;
	const size_t nnodes = nodes && nodes->nodes.n > 1 ? nodes->nodes.n : 0;
	*out = (struct line){ NODE, at };
	if (at < nnodes)
		return true;
	at -= nnodes;
	for (size_t i = 0; h && i < h->pools.n; i++) {
		*out = (struct line){ POOL, i };
		if (has_pool(&h->pools.v[i]) && at-- == 0)
			return true;
	}
	*out = (struct line){ TREND, at };
	if (at < vm_trends_n)
		return true;
	*out = (struct line){ POLICY, 0 };
	return at == vm_trends_n && h && vm_huge_word(h->enabled);
}

static size_t count_lines(const struct vm_ui *ui)
{
	struct line l;
	size_t n = 0;
	while (find_line(ui, n, &l))
		n++;
	return n;
}

static double figure(const struct vm_node *n, enum vm_nodeqty q)
{
	return vm_node_has(n, q) ? (double)n->q[q] : 0;
}

static void draw_node(struct vm_ui *ui, const struct vm_node *n, int x, int y, int w)
{
	struct vm_canvas *c = &ui->canvas;
	const double shmem = figure(n, VM_N_SHMEM), anon = figure(n, VM_N_ANON), file = fmax(0, figure(n, VM_N_FILE) - shmem);
	const double slab = figure(n, VM_N_SLAB), tables = figure(n, VM_N_PAGE_TABLES);
	const struct vm_bar_part bar[] = {
		{ anon, VM_TINT_BAR_ANON, 'a' }, { file, VM_TINT_BAR_FILE, 'f' }, { shmem, VM_TINT_BAR_SHMEM, 's' },
		{ slab, VM_TINT_BAR_KERNEL, 'b' }, { tables, VM_TINT_BAR_TABLES, 't' },
		{ fmax(0, figure(n, VM_N_USED) - anon - file - shmem - slab - tables), VM_TINT_BAR_OTHER, '?' },
	};
	char used[VM_NUMBUF], total[VM_NUMBUF], label[80];
	const int head = vm_canvas_textf(c, x, y, w, VM_TINT_NORMAL, "node %u ", n->id);
	if (!n->has_memory)
		snprintf(label, sizeof(label), "no memory, CPUs %.40s", n->cpus && *n->cpus ? n->cpus : "-");
	else
		snprintf(label, sizeof(label), " %s of %s used", vm_node_has(n, VM_N_USED) ? vm_ui_bytes(ui, n->q[VM_N_USED], used) : "-",
			 vm_node_has(n, VM_N_TOTAL) ? vm_ui_bytes(ui, n->q[VM_N_TOTAL], total) : "-");
	const int room = n->has_memory ? w - head - (int)strlen(label) : 0;
	vm_canvas_bar(c, x + head, y, room, figure(n, VM_N_TOTAL), bar, sizeof(bar) / sizeof(bar[0]));
	vm_canvas_text(c, x + head + (room >= 3 ? room : 0), y, w - head, VM_TINT_NORMAL, label);
}

static void put_pages(struct vm_buf *b, const char *name, uint64_t n)
{
	if (n != VM_HUGE_UNKNOWN)
		vm_buf_addf(b, ", %s %llu", name, (unsigned long long)n);
}

static void draw_pool(struct vm_ui *ui, const struct vm_huge_pool *p, int x, int y, int w)
{
	struct vm_buf b = { 0 };
	char size[VM_NUMBUF], all[VM_NUMBUF];
	vm_buf_addf(&b, "huge pages of %s: %llu (%s)", vm_format_size(p->page_bytes, size), (unsigned long long)p->total,
		    vm_ui_bytes(ui, p->total * p->page_bytes, all));
	put_pages(&b, "free", p->free);
	put_pages(&b, "reserved", p->reserved);
	put_pages(&b, "surplus", p->surplus);
	put_pages(&b, "more if wanted", p->overcommit);
	vm_canvas_text(&ui->canvas, x, y, w, VM_TINT_NORMAL, vm_buf_str(&b));
	vm_buf_free(&b);
}

static void draw_policy(struct vm_ui *ui, const struct vm_hugesys *h, int x, int y, int w)
{
	const char *shmem = vm_huge_word(h->shmem), *defrag = vm_huge_word(h->defrag);
	vm_canvas_textf(&ui->canvas, x, y, w, VM_TINT_NORMAL, "huge pages for anonymous memory: %s; shared memory: %s; defrag: %s",
			vm_huge_word(h->enabled), shmem ? shmem : "-", defrag ? defrag : "-");
}

/** Why nothing is known of a figure. */
static const char *reason(const struct vm_ui *ui, const struct vm_field *f)
{
	const struct vm_machine *m = ui->frame.machine;
	const enum vm_machine_from from = ui->feed->moments ? VM_FROM_RECORDING : m->boot_ns ? VM_FROM_LIVE : VM_FROM_TREE;
	for (unsigned p = 0; p < VM_MACH_PARTS; p++)
		if (f->needs & m->unmet & UINT32_C(1) << p)
			return vm_machine_reason(p, m->why[p], from);
	if (!vm_machine_has(m, f->arg))
		return vm_machine_reason(VM_MACH_VMSTAT, ENOENT, from);
	return from == VM_FROM_TREE ? "one reading has no rates" : from == VM_FROM_LIVE ? "from the second reading on" :
									      "from the second moment on";
}

/** Columns of a figure's line, from the left: widths, 0 where there is no room. */
struct widths { int group, name, now, boot, most, graph; };

static struct widths divide(const struct vm_ui *ui, int w)
{
	const int num = ui->exact ? 15 : 9;
	struct widths d = { .group = 11, .name = 11, .now = num };
	d.boot = w >= 62 + (num - 9) * 3 ? num : 0;
	d.most = w >= 54 + (num - 9) * 2 ? num : 0;
	d.graph = w - d.group - d.name - d.now - d.boot - d.most - 1;
	if (d.graph < 4)
		d.group = 0, d.graph = w - d.name - d.now - 1;
	return d;
}

static void draw_number(struct vm_ui *ui, int x, int y, int w, struct vm_value v, const struct vm_field *f)
{
	struct vm_buf b = { 0 };
	if (w) {
		vm_value_put(&b, v, f->unit, ui->exact);
		const bool dim = v.type == VM_T_ABSENT || (v.type == VM_T_F64 ? v.f64 == 0 : v.u64 == 0);
		vm_canvas_right(&ui->canvas, x, y, w, dim ? VM_TINT_DIM : VM_TINT_NORMAL, vm_buf_str(&b));
	}
	vm_buf_free(&b);
}

static struct vm_value number(double v, enum vm_type type)
{
	return isnan(v) ? VM_ABSENT : type == VM_T_U64 ? VM_U64((uint64_t)v) : VM_F64(v);
}

/** What fills a graph at least, so that next to nothing doesn't look like much. */
static double least(const struct vm_field *f)
{
	return f->unit == VM_U_RATIO ? 0.01 : f->unit == VM_U_PERSEC ? 1 : 65536;
}

static void draw_trend(struct vm_ui *ui, size_t at, bool headed, int x, int y, int w, int h)
{
	struct vm_canvas *c = &ui->canvas;
	const struct vm_trend *t = &vm_trends[at];
	const struct vm_field *f = ui->machine.trends.field[at];
	const struct widths d = divide(ui, w);
	struct vm_machine_row row;
	struct vm_scratch tmp;
	float v[2 * 512];
	if (!vm_machine_figures(ui, &row))
		return;
	const struct vm_value now = vm_field_get(f, &row, &tmp);
	size_t n = vm_canvas_graph_values(c, d.graph, h);
	n = n < sizeof(v) / sizeof(v[0]) ? n : sizeof(v) / sizeof(v[0]);
	vm_trends_get(&ui->machine.trends, at, v, n);
	double most = NAN;
	for (size_t i = 0; i < n; i++)
		most = fmax(most, (double)v[i]);
	if (headed)
		vm_canvas_text(c, x, y, d.group, VM_TINT_BOLD, d.group ? t->group : "");
	x += d.group;
	vm_canvas_text(c, x, y, d.name, VM_TINT_NORMAL, t->name);
	x += d.name;
	draw_number(ui, x, y, d.now, now, f);
	x += d.now;
	draw_number(ui, x, y, d.most, number(most, f->type), f);
	x += d.most;
	row.rates = &ui->machine.boot;
	draw_number(ui, x, y, d.boot, f->flags & VM_F_RATE ? vm_field_get(f, &row, &tmp) : VM_ABSENT, f);
	x += d.boot + 1;
	const double full = t->whole && vm_machine_has(row.m, t->whole) ? (double)row.m->q[t->whole] : fmax(most, least(f));
	if (isnan(most) && now.type == VM_T_ABSENT)
		vm_canvas_text(c, x, y, d.graph, VM_TINT_DIM, reason(ui, f));
	else
		vm_canvas_graph(c, x, y, d.graph, h, v, full, t->tint);
}

static void draw_headings(struct vm_ui *ui, int x, int y, int w, int h)
{
	struct vm_canvas *c = &ui->canvas;
	const struct widths d = divide(ui, w);
	const uint64_t span = vm_trends_span(&ui->machine.trends, vm_canvas_graph_values(c, d.graph, h));
	char text[VM_NUMBUF], past[VM_NUMBUF + 8] = "";
	if (span)
		snprintf(past, sizeof(past), "LAST %s", span < UINT64_C(10000000000) ? vm_format_duration(span, text) :
			 long_time(span, text, sizeof(text)));
	vm_canvas_fill(c, x, y, w, VM_TINT_HEAD, ' ');
	vm_canvas_text(c, x, y, d.group + d.name, VM_TINT_HEAD, "FIGURE");
	x += d.group + d.name;
	vm_canvas_right(c, x, y, d.now, VM_TINT_HEAD, "NOW");
	x += d.now;
	vm_canvas_right(c, x, y, d.most, VM_TINT_HEAD, d.most ? "HIGHEST" : "");
	x += d.most;
	vm_canvas_right(c, x, y, d.boot, VM_TINT_HEAD, d.boot ? "BOOT AVG" : "");
	x += d.boot + 1;
	vm_canvas_text(c, x, y, d.graph, VM_TINT_HEAD, past);
}

static void draw_line(struct vm_ui *ui, size_t at, bool first, int x, int y, int w, int h)
{
	struct line l, before;
	if (!find_line(ui, at, &l))
		return;
	switch (l.what) {
	case NODE:
		draw_node(ui, &ui->frame.nodes->nodes.v[l.at], x, y, w);
		break;
	case POOL:
		draw_pool(ui, &ui->frame.hugesys->pools.v[l.at], x, y, w);
		break;
	case POLICY:
		draw_policy(ui, ui->frame.hugesys, x, y, w);
		break;
	case TREND:
		first = first || !at || !find_line(ui, at - 1, &before) || before.what != TREND ||
			strcmp(vm_trends[before.at].group, vm_trends[l.at].group) != 0;
		draw_trend(ui, l.at, first, x, y, w, h);
		break;
	}
	if (at == ui->machine.sel)
		vm_canvas_tint(&ui->canvas, x, y, 22 < w ? 22 : w, VM_TINT_SELECT);
}

/** What the selected line says: one line. */
static void draw_meaning(struct vm_ui *ui, int y)
{
	static const char *const words[] = {
		[NODE] = "a memory node: what its memory is used for, by the same parts as above",
		[POOL] = "a pool of huge pages that only hugetlb mappings take from",
		[POLICY] = "what is decided over transparent huge pages; vmhuge tells more",
	};
	struct vm_canvas *c = &ui->canvas;
	struct line l;
	if (!find_line(ui, ui->machine.sel, &l))
		return;
	const struct vm_field *f = l.what == TREND ? ui->machine.trends.field[l.at] : NULL;
	struct vm_machine_row row;
	struct vm_scratch tmp;
	if (f && vm_machine_figures(ui, &row) && vm_field_get(f, &row, &tmp).type == VM_T_ABSENT)
		vm_canvas_textf(c, 0, y, c->w, VM_TINT_DIM, "%s: %s; %s", f->name, reason(ui, f), f->help);
	else if (f)
		vm_canvas_textf(c, 0, y, c->w, VM_TINT_DIM, "%s: %s  (%s)", f->name, f->help, f->source);
	else
		vm_canvas_text(c, 0, y, c->w, VM_TINT_DIM, words[l.what]);
}

/** The lines in columns as in a newspaper, each of them as high as lets all be seen. */
static void draw_lines(struct vm_ui *ui, int y, int h)
{
	enum { WIDE = 140, GAP = 3, HIGHEST = 4 };
	struct vm_machine_view *v = &ui->machine;
	struct vm_canvas *c = &ui->canvas;
	const int columns = c->w >= WIDE ? 2 : 1;
	v->n = count_lines(ui);
	v->each = HIGHEST;
	while (v->each > 1 && (size_t)(h / v->each * columns) < v->n)
		v->each--;
	/* As many in each column, unless there are more than fit. */
	const int even = ((int)v->n + columns - 1) / columns;
	v->rows = h / v->each < even ? h / v->each : even;
	v->room = (size_t)(v->rows * columns);
	v->y = y;
	v->w = (c->w - (columns - 1) * GAP) / columns;
	v->x[0] = 0;
	v->x[1] = columns > 1 ? v->w + GAP : c->w;
	if (v->sel >= v->n)
		v->sel = v->n ? v->n - 1 : 0;
	if (v->sel < v->top)
		v->top = v->sel;
	if (v->room && v->sel >= v->top + v->room)
		v->top = v->sel - v->room + 1;
	if (v->top + v->room > v->n)
		v->top = v->n > v->room ? v->n - v->room : 0;
	for (size_t i = 0; i < v->room && v->top + i < v->n; i++) {
		const size_t column = i / (size_t)v->rows, line = i % (size_t)v->rows;
		draw_line(ui, v->top + i, line == 0, v->x[column], y + (int)line * v->each, v->w, v->each);
	}
}

static void draw(struct vm_ui *ui, int y, int h)
{
	struct vm_canvas *c = &ui->canvas;
	const int end = y + h;
	uint64_t part[VM_PART_NR];
	draw_title(ui, y++);
	if (!ui->frame.machine || !vm_machine_parts(ui->frame.machine, part)) {
		vm_canvas_text(c, 0, y, c->w, VM_TINT_WARN, "Nothing is known of this machine's memory.");
		return;
	}
	const uint64_t total = ui->frame.machine->q[VM_M_TOTAL];
	draw_bar(ui, y++, part, total);
	if (h >= 8)
		y += draw_legend(ui, y, h >= 20 ? 6 : h >= 12 ? 2 : 1, part, total);
	if (h >= 10)
		vm_meters_draw_swap(ui, 0, y++, c->w);
	const int foot = h >= 10;
	const int head = h >= 6;
	draw_lines(ui, y + head, end - y - head - foot);
	for (int i = 0; head && i < 2 && ui->machine.x[i] < c->w; i++)
		draw_headings(ui, ui->machine.x[i], y, ui->machine.w, ui->machine.each);
	if (foot)
		draw_meaning(ui, end - 1);
}

/* ---- The screen --------------------------------------------------------------------------------------------------- */

static unsigned scope(const struct vm_ui *ui)
{
	(void)ui;
	return VM_IN_MACHINE;
}

static void want(struct vm_ui *ui, struct vm_want *want)
{
	(void)ui;
	want->machine = SEEN;
	want->machine_whole = true;
}

static void feed(struct vm_ui *ui)
{
	/* Without memory for what each CPU did, that is unknown. */
	if (ui->frame.machine)
		(void)vm_machine_rates_begin(&ui->machine.boot, ui->frame.machine);
}

static unsigned go_to(struct vm_machine_view *v, long at)
{
	v->sel = at < 0 ? 0 : (size_t)at;
	if (v->sel >= v->n)
		v->sel = v->n ? v->n - 1 : 0;
	return VM_DO_REDRAW;
}

static unsigned act(struct vm_ui *ui, enum vm_action act)
{
	struct vm_machine_view *v = &ui->machine;
	struct vm_machine_row row;
	const long at = (long)v->sel, page = v->room ? (long)v->room : 1;
	switch (act) {
	case VM_ACT_UP: return go_to(v, at - 1);
	case VM_ACT_DOWN: return go_to(v, at + 1);
	case VM_ACT_PAGE_UP: return go_to(v, at - page);
	case VM_ACT_PAGE_DOWN: return go_to(v, at + page);
	case VM_ACT_FIRST: return go_to(v, 0);
	case VM_ACT_LAST: return go_to(v, (long)v->n);
	case VM_ACT_OPEN:
		return vm_machine_figures(ui, &row) ? vm_row_open(ui, &vm_machine_fields, &row, "All figures of the machine") :
						      VM_DO_NOTHING;
	default: return VM_DO_NOTHING;
	}
}

static unsigned mouse(struct vm_ui *ui, const struct vm_event *ev)
{
	struct vm_machine_view *v = &ui->machine;
	if (ev->type == VM_EV_WHEEL)
		return go_to(v, (long)v->sel + 3 * ev->turn);
	if (ev->y < v->y || v->each < 1 || (ev->y - v->y) / v->each >= v->rows)
		return VM_DO_NOTHING;
	const size_t at = v->top + (size_t)((ev->y - v->y) / v->each + (ev->x >= v->x[1] ? v->rows : 0));
	return at < v->n ? go_to(v, (long)at) : VM_DO_NOTHING;
}

const struct vm_panel vm_panel_machine = {
	.scope = scope, .want = want, .feed = feed, .draw = draw, .act = act, .mouse = mouse,
};
