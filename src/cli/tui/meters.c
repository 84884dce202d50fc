/** The machine, above the list: memory bar, swap, faults, pressure. */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/tui/ui.h"
#include "core/base/str.h"

/** Parts of the memory bar. */
struct part {
	const char *name;
	enum vm_tint tint;
	char letter;
	bool known;
	double bytes;
};
enum { PARTS = 5 };

static double figure(const struct vm_system *s, enum vm_sysqty q)
{
	return vm_system_has(s, q) ? (double)s->q[q] : 0;
}

/**
 * Anonymous, page cache, shared memory, the kernel's own, and what meminfo doesn't name.  Shared memory is
 * part of the kernel's "Cached", so it is taken out there.
 */
static void split_memory(const struct vm_system *s, struct part part[static PARTS])
{
	double file = figure(s, VM_S_CACHED) + figure(s, VM_S_BUFFERS) - figure(s, VM_S_SHMEM);
	double kernel = figure(s, VM_S_SLAB) + figure(s, VM_S_PAGE_TABLES);
	double named = figure(s, VM_S_ANON_PAGES) + file + figure(s, VM_S_SHMEM) + kernel;
	double other = figure(s, VM_S_MEM_TOTAL) - figure(s, VM_S_MEM_FREE) - named;
	const struct part parts[PARTS] = {
		{ "anon", VM_TINT_BAR_ANON, 'a', vm_system_has(s, VM_S_ANON_PAGES), figure(s, VM_S_ANON_PAGES) },
		{ "file", VM_TINT_BAR_FILE, 'f', vm_system_has(s, VM_S_CACHED), file > 0 ? file : 0 },
		{ "shmem", VM_TINT_BAR_SHMEM, 's', vm_system_has(s, VM_S_SHMEM), figure(s, VM_S_SHMEM) },
		{ "kernel", VM_TINT_BAR_KERNEL, 'k', vm_system_has(s, VM_S_SLAB), kernel },
		{ "other", VM_TINT_BAR_OTHER, 'o', vm_system_has(s, VM_S_MEM_FREE), other > 0 ? other : 0 },
	};
	memcpy(part, parts, sizeof(parts));
}

static const char *size_text(const struct vm_system *s, enum vm_sysqty q, char num[static VM_NUMBUF])
{
	return vm_system_has(s, q) ? vm_format_size(s->q[q], num) : "-";
}

static void draw_memory(struct vm_ui *ui, int x, int y, int w)
{
	struct vm_canvas *c = &ui->canvas;
	const struct vm_system *s = &ui->frame.sys;
	struct part part[PARTS];
	split_memory(s, part);
	struct vm_bar_part bar[PARTS];
	for (size_t i = 0; i < PARTS; i++)
		bar[i] = (struct vm_bar_part){ part[i].bytes, part[i].tint, part[i].letter };
	char free_text[VM_NUMBUF], total[VM_NUMBUF], label[80];
	snprintf(label, sizeof(label), " %s of %s available", size_text(s, VM_S_MEM_AVAILABLE, free_text),
		 size_text(s, VM_S_MEM_TOTAL, total));
	int n = (int)strlen(label);
	vm_canvas_text(c, x, y, 3, VM_TINT_BOLD, "Mem");
	int room = w - 3 - n;
	vm_canvas_bar(c, x + 3, y, room, figure(s, VM_S_MEM_TOTAL), bar, PARTS);
	vm_canvas_text(c, x + 3 + (room >= 3 ? room : 0), y, n, VM_TINT_NORMAL, label);
}

/** What the parts of the bar are: glyph, name and size of each. */
static void draw_legend(struct vm_ui *ui, int x, int y, int w)
{
	struct vm_canvas *c = &ui->canvas;
	const struct vm_system *s = &ui->frame.sys;
	struct part part[PARTS];
	split_memory(s, part);
	int end = x + w;
	char num[VM_NUMBUF];
	for (size_t i = 0; i < PARTS && x < end; i++) {
		if (!part[i].known)
			continue;
		vm_canvas_fill(c, x, y, 1, part[i].tint, vm_canvas_bar_glyph(c, i, part[i].letter));
		x += 2;
		x += vm_canvas_textf(c, x, y, end - x, VM_TINT_NORMAL, "%s %s  ", part[i].name,
				     vm_format_size((uint64_t)part[i].bytes, num));
	}
	char text[VM_NUMBUF + 8];
	snprintf(text, sizeof(text), "free %s", size_text(s, VM_S_MEM_FREE, num));
	if (x + (int)strlen(text) <= end)
		vm_canvas_text(c, x, y, end - x, VM_TINT_NORMAL, text);
}

void vm_meters_draw_swap(struct vm_ui *ui, int x, int y, int w)
{
	struct vm_canvas *c = &ui->canvas;
	const struct vm_system *s = &ui->frame.sys;
	vm_canvas_text(c, x, y, 3, VM_TINT_BOLD, "Swp");
	double total = figure(s, VM_S_SWAP_TOTAL), used = total - figure(s, VM_S_SWAP_FREE);
	char a[VM_NUMBUF], b[VM_NUMBUF], label[80];
	if (total > 0)
		snprintf(label, sizeof(label), " %s of %s used", vm_format_size((uint64_t)used, a),
			 vm_format_size((uint64_t)total, b));
	else
		snprintf(label, sizeof(label), "%s", vm_system_has(s, VM_S_SWAP_TOTAL) ? " none" : " -");
	int n = (int)strlen(label);
	int room = total > 0 ? w - 3 - n : 0;
	const struct vm_bar_part part = { used, VM_TINT_BAR_SWAP, '#' };
	vm_canvas_bar(c, x + 3, y, room, total, &part, 1);
	vm_canvas_text(c, x + 3 + (room >= 3 ? room : 0), y, n, VM_TINT_NORMAL, label);
}

static const char *rate_text(double v, char *buf, size_t size)
{
	if (isnan(v))
		snprintf(buf, size, "-");
	else if (v >= 9999.5)
		snprintf(buf, size, "%.0fK", v / 1000);
	else
		snprintf(buf, size, v < 9.95 ? "%.1f" : "%.0f", v);
	return buf;
}

static int own_text(const struct vm_ui *ui, char *buf, size_t size)
{
	buf[0] = '\0';
	return isnan(ui->own_share) ? 0 : snprintf(buf, size, "vmtop %.1f %%", ui->own_share * 100);
}

void vm_meters_draw_own(struct vm_ui *ui, int x, int y)
{
	struct vm_canvas *c = &ui->canvas;
	char text[40];
	const int n = own_text(ui, text, sizeof(text));
	if (n && x + n <= c->w)
		vm_canvas_right(c, 0, y, c->w, VM_TINT_DIM, text);
}

struct tasks { size_t all, kernel, running; };

static struct tasks count_tasks(const struct vm_ui *ui)
{
	struct tasks t = { 0 };
	const struct vm_proclist *l = &ui->frame.procs->list[ui->frame.procs->now];
	for (size_t i = 0; i < l->rows.n; i++) {
		t.all++;
		t.kernel += l->rows.v[i].kthread;
		t.running += l->rows.v[i].state == 'R';
	}
	return t;
}

/** As much as there is room for beside our own cost: what goes first is told elsewhere, too. */
static void draw_rates(struct vm_ui *ui, int x, int y, int w)
{
	struct vm_canvas *c = &ui->canvas;
	const struct vm_system *s = &ui->frame.sys, *b = &ui->frame.sys_before;
	char minor[24], major[24], in[24], out[24], psi[24], own[40], line[240];
	const struct tasks t = count_tasks(ui);
	rate_text(vm_system_rate(s, b, VM_S_PGFAULT), minor, sizeof(minor));
	rate_text(vm_system_rate(s, b, VM_S_PGMAJFAULT), major, sizeof(major));
	rate_text(vm_system_rate(s, b, VM_S_PSWPIN), in, sizeof(in));
	rate_text(vm_system_rate(s, b, VM_S_PSWPOUT), out, sizeof(out));
	snprintf(psi, sizeof(psi), isnan(s->psi_some10) ? "-" : "%.1f %%", s->psi_some10);
	const int room = w - (own_text(ui, own, sizeof(own)) ? (int)strlen(own) + 2 : 0);
	int n = snprintf(line, sizeof(line),
			 "Faults %s/s, major %s/s   Swap in %s/s, out %s/s   Pressure %s   Tasks %zu, kernel %zu, running %zu",
			 minor, major, in, out, psi, t.all - t.kernel, t.kernel, t.running);
	if (n > room)
		n = snprintf(line, sizeof(line), "Faults %s/s, major %s/s  Pressure %s  Tasks %zu, running %zu", minor, major, psi,
			     t.all - t.kernel, t.running);
	if (n > room)
		n = snprintf(line, sizeof(line), "Faults %s/s, major %s/s  Pressure %s  Tasks %zu", minor, major, psi, t.all - t.kernel);
	if (n > room)
		snprintf(line, sizeof(line), "Faults %s/s, major %s/s  Pressure %s", minor, major, psi);
	vm_meters_draw_own(ui, x + 2 + vm_canvas_text(c, x, y, w, VM_TINT_NORMAL, line), y);
}

int vm_meters_draw(struct vm_ui *ui, int y, int h)
{
	int w = ui->canvas.w;
	bool wide = w >= 120;
	int used = 0;
	/* Wide: memory and swap side by side, so that a bar isn't a horizon. */
	int half = wide ? w * 2 / 3 : w;
	draw_memory(ui, 0, y + used, half - (wide ? 2 : 0));
	if (wide)
		vm_meters_draw_swap(ui, half, y + used, w - half);
	used++;
	if (used < h && !wide && h >= 4)
		vm_meters_draw_swap(ui, 0, y + used++, w);
	if (used < h && h >= 3)
		draw_legend(ui, 0, y + used++, w);
	if (used < h)
		draw_rates(ui, 0, y + used++, w);
	return used;
}
