/** The picture of an address space. */

#include "cli/layout.h"

#include <stdio.h>
#include <string.h>

#include "cli/render/text.h"
#include "core/analysis/layout.h"
#include "core/base/str.h"
#include "core/field/field.h"
#include "core/model/kind.h"

enum { LABEL = 26, BAR = 12 };

/** Characters of the picture: with UTF-8, and without. */
static const struct glyphs {
	const char *corner[4];     /* top left, top right, bottom left, bottom right */
	const char *tee[2];        /* left, right */
	const char *line, *side, *full, *empty, *dots;
} glyphs[2] = {
	{ { "+", "+", "+", "+" }, { "+", "+" }, "-", "|", "#", ".", ":" },
	{ { "┌", "┐", "└", "┘" }, { "├", "┤" }, "─", "│", "█", "░", "⋮" },
};

struct picture {
	const struct vm_layout_style *style;
	const struct glyphs *g;
	struct vm_buf *out;
	struct vm_buf line;
};

static const char *color_of(enum vm_block_class class)
{
	/* Blue, orange-ish and grey tones that differ in brightness too (Okabe and Ito's palette in 8 colours). */
	static const char *const colors[] = {
		[VM_BLOCK_PROGRAM] = "\033[34m", [VM_BLOCK_HEAP] = "\033[33m", [VM_BLOCK_STACK] = "\033[35m",
		[VM_BLOCK_LIBS] = "\033[36m", [VM_BLOCK_FILES] = "\033[32m", [VM_BLOCK_ANON] = "\033[33m",
		[VM_BLOCK_SHARED] = "\033[32m", [VM_BLOCK_TSTACKS] = "\033[35m", [VM_BLOCK_KERNEL] = "\033[90m",
		[VM_BLOCK_RESERVE] = "\033[90m", [VM_BLOCK_MIXED] = "",
	};
	return colors[class];
}

static void put_n(struct picture *p, const char *s, unsigned n)
{
	while (n--)
		vm_buf_add_str(&p->line, s);
}

static void flush_line(struct picture *p)
{
	while (p->line.n && p->line.s[p->line.n - 1] == ' ')
		p->line.n--;
	vm_buf_add(p->out, p->line.s, p->line.n);
	vm_buf_add_char(p->out, '\n');
	p->line.n = 0;
}

/** "0000555555554000 +--------+": a border, with the address of the first byte above it. */
static void put_border(struct picture *p, uint64_t addr, bool top, bool bottom)
{
	char hex[17] = "";
	vm_put_hex(hex, addr, 16);
	vm_buf_add(&p->line, hex, 16);
	vm_buf_add_char(&p->line, ' ');
	vm_buf_add_str(&p->line, top ? p->g->corner[0] : bottom ? p->g->corner[2] : p->g->tee[0]);
	put_n(p, p->g->line, LABEL + 2);
	vm_buf_add_str(&p->line, top ? p->g->corner[1] : bottom ? p->g->corner[3] : p->g->tee[1]);
	flush_line(p);
}

static void put_row(struct picture *p, const char *color, const char *label, const char *right)
{
	bool colored = p->style->color && color[0];
	size_t len = vm_text_fit(label, strlen(label), LABEL);
	size_t width = vm_text_width(label, len);
	vm_buf_add_fill(&p->line, ' ', 17);
	vm_buf_add_str(&p->line, p->g->side);
	vm_buf_add_char(&p->line, ' ');
	if (colored)
		vm_buf_add_str(&p->line, color);
	vm_buf_add(&p->line, label, len);
	if (colored)
		vm_buf_add_str(&p->line, "\033[0m");
	vm_buf_add_fill(&p->line, ' ', LABEL - width);
	vm_buf_add_char(&p->line, ' ');
	vm_buf_add_str(&p->line, p->g->side);
	vm_buf_add_char(&p->line, ' ');
	vm_buf_add_str(&p->line, right);
	flush_line(p);
}

static void put_gap(struct picture *p, uint64_t bytes)
{
	char size[VM_NUMBUF];
	/* A line for small holes, one more for each factor of 4096. */
	unsigned lines = bytes < UINT64_C(1) << 20 ? 1 : bytes < UINT64_C(1) << 32 ? 2 : 3;
	for (unsigned i = 0; i < lines; i++) {
		vm_buf_add_fill(&p->line, ' ', 17);
		vm_buf_add_str(&p->line, p->g->dots);
		if (i == lines / 2)
			vm_buf_addf(&p->line, "   %s not mapped", vm_format_size(bytes, size));
		flush_line(p);
	}
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && slash[1] ? slash + 1 : path;
}

void vm_layout_label(struct vm_buf *b, const struct vm_block *k)
{
	static const char *const many[] = {
		[VM_BLOCK_LIBS] = "libraries", [VM_BLOCK_FILES] = "files", [VM_BLOCK_ANON] = "anonymous",
		[VM_BLOCK_SHARED] = "shared memory", [VM_BLOCK_TSTACKS] = "thread stacks",
		[VM_BLOCK_KERNEL] = "kernel pages", [VM_BLOCK_RESERVE] = "reserved", [VM_BLOCK_MIXED] = "mixed",
	};
	if (k->class == VM_BLOCK_PROGRAM || k->class == VM_BLOCK_HEAP || k->class == VM_BLOCK_STACK) {
		vm_buf_add_str(b, vm_kinds[k->kind].name);
		if (k->class == VM_BLOCK_PROGRAM && k->name[0]) {
			vm_buf_add_char(b, ' ');
			vm_text_put(b, base_name(k->name));
		}
	} else if (k->files > 1 || (k->class == VM_BLOCK_MIXED && k->mappings > 1)) {
		vm_buf_addf(b, "%u %s", k->class == VM_BLOCK_MIXED ? k->mappings : k->files,
			    k->class == VM_BLOCK_MIXED ? "mappings" : many[k->class]);
	} else if (k->class == VM_BLOCK_KERNEL && k->mappings > 1) {
		vm_buf_add_str(b, "vdso and its data");
	} else if (k->class == VM_BLOCK_TSTACKS) {
		vm_buf_add_str(b, k->mappings > 2 ? "thread stacks" : "thread stack");
	} else if (k->name[0]) {
		vm_text_put(b, base_name(k->name));
	} else {
		vm_buf_add_str(b, vm_kinds[k->kind].name);
	}
}

static void put_right(struct picture *p, struct vm_buf *b, const struct vm_block *k)
{
	char size[VM_NUMBUF], rss[VM_NUMBUF];
	vm_buf_addf(b, "%7s ", vm_format_size(k->mapped, size));
	if (!k->have_rss)
		return;
	/* One cell is shown as soon as a single page is resident, and the last one only if all are. */
	unsigned full = k->mapped ? (unsigned)((double)k->rss / (double)k->mapped * BAR) : 0;
	if (k->rss && full == 0)
		full = 1;
	if (full > BAR)
		full = BAR;
	for (unsigned i = 0; i < BAR; i++)
		vm_buf_add_str(b, i < full ? p->g->full : p->g->empty);
	vm_buf_addf(b, " %7s", vm_format_size(k->rss, rss));
}

static void put_block(struct picture *p, const struct vm_block *k)
{
	struct vm_buf label = { 0 }, right = { 0 };
	unsigned lines = vm_layout_lines(k->end - k->start);
	vm_layout_label(&label, k);
	put_right(p, &right, k);
	for (unsigned i = 0; i < lines; i++) {
		bool here = i == (lines - 1) / 2;
		put_row(p, color_of(k->class), here ? vm_buf_str(&label) : "", here ? vm_buf_str(&right) : "");
	}
	vm_buf_free(&label);
	vm_buf_free(&right);
}

/** Above the user half, on x86-64: the kernel's, and the addresses that no pointer may hold. */
static void put_upper(struct picture *p, const struct vm_block *gate, uint64_t user_end)
{
	char size[VM_NUMBUF], right[80];
	put_border(p, UINT64_MAX, true, false);
	snprintf(right, sizeof(right), "%7s", vm_format_size(user_end, size));
	put_row(p, color_of(VM_BLOCK_KERNEL), "kernel half", right);
	if (gate) {
		snprintf(right, sizeof(right), "%016llx", (unsigned long long)gate->start);
		put_row(p, color_of(VM_BLOCK_KERNEL), "[vsyscall]", right);
	}
	put_border(p, -user_end, false, false);
	snprintf(right, sizeof(right), "%7s no valid addresses", vm_format_size(-user_end - user_end, size));
	put_row(p, color_of(VM_BLOCK_KERNEL), "non-canonical", right);
	put_border(p, user_end, false, true);
}

static void put_blocks(struct picture *p, const struct vm_block *b, size_t n, uint64_t top)
{
	uint64_t above = top;
	for (size_t i = n; i-- > 0;) {
		bool gap = b[i].end < above;
		if (gap)
			put_gap(p, above - b[i].end);
		if (gap || i + 1 == n)
			put_border(p, b[i].end, true, false);
		put_block(p, &b[i]);
		bool more = i > 0 && b[i - 1].end == b[i].start;
		put_border(p, b[i].start, false, !more);
		above = b[i].start;
	}
	if (above > 0)
		put_gap(p, above);
}

void vm_layout_put(struct vm_buf *out, const struct vm_block *b, size_t n, const struct vm_layout_style *style)
{
	struct picture p = { .style = style, .g = &glyphs[style->utf8], .out = out };
	const struct vm_block *gate = n && b[n - 1].kind == VM_KIND_VSYSCALL ? &b[--n] : NULL;
	uint64_t top = n ? b[n - 1].end : 0;
	vm_buf_addf(out, "%s resident  %s not resident; each factor of 32 in size is a line more\n\n", p.g->full, p.g->empty);
	if (style->user_end) {
		top = style->user_end;
		put_upper(&p, gate, top);
	}
	put_blocks(&p, b, n, top);
	vm_buf_free(&p.line);
}
