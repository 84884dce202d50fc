/** The machine, above the list: memory bar, swap, faults, pressure. */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/tui/ui.h"
#include "core/base/str.h"
#include "core/model/machine.h"

/** Parts of the memory bar. */
struct part {
	const char *name;
	enum vm_tint tint;
	char letter;
	bool known;
	double bytes;
};
enum { PARTS = 6 };

static double figure(const struct vm_system *s, enum vm_sysqty q)
{
	return vm_system_has(s, q) ? (double)s->q[q] : 0;
}

/** The parts of the Machine screen, but all of the kernel's own as one. */
static void split_memory(const struct vm_machine *m, struct part part[static PARTS])
{
	static const struct { const char *name; enum vm_tint tint; char letter; enum vm_mempart of[3]; unsigned n; } looks[PARTS] = {
		{ "anon", VM_TINT_BAR_ANON, 'a', { VM_PART_ANON }, 1 }, { "file", VM_TINT_BAR_FILE, 'f', { VM_PART_FILE }, 1 },
		{ "shmem", VM_TINT_BAR_SHMEM, 's', { VM_PART_SHMEM }, 1 },
		{ "kernel", VM_TINT_BAR_KERNEL, 'k', { VM_PART_SLAB, VM_PART_PAGE_TABLES, VM_PART_KERNEL }, 3 },
		{ "other", VM_TINT_BAR_OTHER, 'o', { VM_PART_REST }, 1 }, { "pools", VM_TINT_BAR_POOLS, 'h', { VM_PART_POOLS }, 1 },
	};
	uint64_t bytes[VM_PART_NR] = { 0 };
	const uint32_t known = m && vm_machine_parts(m, bytes) ? vm_machine_parts_known(m) : 0;
	for (size_t i = 0; i < PARTS; i++) {
		part[i] = (struct part){ .name = looks[i].name, .tint = looks[i].tint, .letter = looks[i].letter };
		for (unsigned k = 0; k < looks[i].n; k++) {
			part[i].known = part[i].known || (known >> looks[i].of[k] & 1);
			part[i].bytes += (double)bytes[looks[i].of[k]];
		}
	}
	/* Most machines have none. */
	part[PARTS - 1].known = part[PARTS - 1].bytes > 0;
}

static const char *size_text(const struct vm_system *s, enum vm_sysqty q, char num[static VM_NUMBUF])
{
	return vm_system_has(s, q) ? vm_format_size(s->q[q], num) : "-";
}

static void draw_memory(struct vm_ui *ui, const struct part part[static PARTS], int x, int y, int w)
{
	struct vm_canvas *c = &ui->canvas;
	const struct vm_system *s = &ui->frame.sys;
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
static void draw_legend(struct vm_ui *ui, const struct part part[static PARTS], int x, int y, int w)
{
	struct vm_canvas *c = &ui->canvas;
	const struct vm_system *s = &ui->frame.sys;
	int end = x + w;
	char num[VM_NUMBUF];
	for (size_t i = 0; i < PARTS && x < end; i++) {
		char entry[40];
		const int n = snprintf(entry, sizeof(entry), "%s %s", part[i].name, vm_format_size((uint64_t)part[i].bytes, num));
		if (!part[i].known || x + 2 + n > end)
			continue;
		vm_canvas_fill(c, x, y, 1, part[i].tint, vm_canvas_bar_glyph(c, i, part[i].letter));
		vm_canvas_text(c, x + 2, y, n, VM_TINT_NORMAL, entry);
		x += n + 4;
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
	struct part part[PARTS];
	split_memory(ui->frame.machine, part);
	/* Wide: memory and swap side by side, so that a bar isn't a horizon. */
	int half = wide ? w * 2 / 3 : w;
	draw_memory(ui, part, 0, y + used, half - (wide ? 2 : 0));
	if (wide)
		vm_meters_draw_swap(ui, half, y + used, w - half);
	used++;
	if (used < h && !wide && h >= 4)
		vm_meters_draw_swap(ui, 0, y + used++, w);
	if (used < h && h >= 3)
		draw_legend(ui, part, 0, y + used++, w);
	if (used < h)
		draw_rates(ui, 0, y + used++, w);
	return used;
}
