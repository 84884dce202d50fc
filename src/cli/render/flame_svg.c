/** The picture of a flame graph. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/render/flame_tree.h"
#include "cli/render/text.h"
#include "core/base/str.h"
#include "core/field/field.h"

/** In pixels as drawn; the script has them from data-* attributes of the frames' group. */
enum {
	WIDTH = 1200, MARGIN = 10, TITLE_Y = 26, SUBTITLE_Y = 46, FRAMES_Y = 84, ROW = 18, FOOT = 34, FONT = 12, PAD = 3,
	LEAST_COLUMNS = 3,         /* of a name that is shown at all */
	FINEST = 3000,             /* part of the whole that is drawn */
	TINTS = 3,
};
/** Of a character; monospaced fonts are 0.60 times as wide as high. */
static const double char_width = 0.605 * FONT;
/** Between neighbours, which may have the same colour, if they are wider than 2. */
static const double gap = 0.5;

static const struct { char letter; const char *name; } classes[VM_FLAME_CLASSES] = {
	[VM_FLAME_PROGRAM] = { 'p', "program" }, [VM_FLAME_LIBRARY] = { 'l', "library" }, [VM_FLAME_JIT] = { 'j', "JIT" },
	[VM_FLAME_KERNEL] = { 'k', "kernel" }, [VM_FLAME_FAULT] = { 'f', "kind of fault" },
	[VM_FLAME_OTHER] = { 'o', "other" },
};

struct picture {
	struct vm_flame *f;
	const struct vm_flame_text *text;
	FILE *out;
	struct vm_buf b;           /* not written yet */
	struct vm_buf name;        /* the frame's, safe to show */
	uint64_t *end;             /* by depth: offset at which the next frame begins */
	uint32_t lowest;           /* depth of the deepest frame that is drawn */
	uint32_t cut;              /* frames that aren't */
	uint64_t cut_weight;
	bool seen[VM_FLAME_CLASSES];
};

/* ---- Text ---------------------------------------------------------------------------------------------------------- */

/** Without markup, and without what XML doesn't allow; s is UTF-8 without control characters. */
static void put_xml(struct vm_buf *b, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const char c = s[i];
		if (c == '&')
			vm_buf_add_str(b, "&amp;");
		else if (c == '<')
			vm_buf_add_str(b, "&lt;");
		else if (c == '>')
			vm_buf_add_str(b, "&gt;");
		else if (c == '"')
			vm_buf_add_str(b, "&quot;");
		else if (c == '\'')
			vm_buf_add_str(b, "&apos;");
		else if (len - i >= 3 && memcmp(s + i, "\xef\xbf", 2) == 0 && ((unsigned char)s[i + 2] | 1) == 0xbf) {
			/* U+FFFE and U+FFFF are no characters. */
			vm_buf_add_str(b, "\xef\xbf\xbd");
			i += 2;
		} else {
			vm_buf_add_char(b, c);
		}
	}
}

/** Any bytes, as tables show them. */
static void put_words(struct picture *p, const char *s)
{
	p->name.n = 0;
	vm_text_put(&p->name, s ? s : "");
	p->b.failed |= p->name.failed;
	put_xml(&p->b, p->name.s, p->name.n);
}

static void put_weight(struct picture *p, uint64_t weight)
{
	char num[VM_NUMBUF];
	if (p->text->unit == VM_FLAME_NS)
		vm_buf_add_str(&p->b, vm_format_duration(weight, num));
	else
		vm_buf_addf(&p->b, "%s fault%s", vm_format_u64(weight, num), weight == 1 ? "" : "s");
}

static double share(const struct picture *p, uint64_t weight)
{
	const uint64_t all = vm_flame_total(p->f);
	return all ? (double)weight / (double)all : 0;
}

/* ---- Frames -------------------------------------------------------------------------------------------------------- */

static unsigned tint_of(uint32_t frame)
{
	return (unsigned)(frame * 0x9e3779b1u >> 16) % TINTS;
}

/** The name, as much of it as goes into the width. */
static void put_label(struct picture *p, double x, double y, double width)
{
	const double columns = (width - 2 * PAD) / char_width;
	if (columns < LEAST_COLUMNS)
		return;
	const size_t room = (size_t)columns, all = vm_text_width(p->name.s, p->name.n);
	const size_t len = vm_text_fit(p->name.s, p->name.n, all > room ? room - 1 : room);
	vm_buf_addf(&p->b, "<text x=\"%.2f\" y=\"%g\">", x + PAD, y + ROW - 5);
	put_xml(&p->b, p->name.s, len);
	vm_buf_add_str(&p->b, len < p->name.n ? "…</text>" : "</text>");
}

static void put_frame(struct picture *p, const struct vm_flame_frame *f, const struct vm_flame_node *n, uint64_t offset)
{
	const double inner = WIDTH - 2 * MARGIN, x = MARGIN + share(p, offset) * inner, width = share(p, n->total) * inner;
	const double y = FRAMES_Y + n->depth * (double)ROW;
	p->seen[f->class] = true;
	vm_buf_addf(&p->b, "<g data-o=\"%llu\" data-w=\"%llu\"><title>", (unsigned long long)offset,
		    (unsigned long long)n->total);
	put_words(p, f->name);
	vm_buf_add_char(&p->b, '\n');
	put_weight(p, n->total);
	vm_buf_addf(&p->b, ", %.2f %%</title><rect class=\"%c%u\" x=\"%.2f\" y=\"%g\" width=\"%.2f\" height=\"%d\"/>",
		    100 * share(p, n->total), classes[f->class].letter, tint_of(n->frame), x, y,
		    width > 2 ? width - gap : width, ROW - 1);
	put_label(p, x, y, width);
	vm_buf_add_str(&p->b, "</g>\n");
}

/** Frames that are wide enough, parents before children. */
static int put_frames(struct picture *p)
{
	const struct vm_flame_node *node = p->f->nodes.v;
	const uint64_t least = node[0].total / FINEST;
	const struct vm_flame_frame all = { "all", VM_FLAME_OTHER };
	int r = 0;
	put_frame(p, &all, &node[0], 0);
	for (uint32_t i = vm_flame_next(p->f, 0); i && r == 0;) {
		const struct vm_flame_node *n = &node[i];
		if (n->total <= least) {
			p->cut++;
			p->cut_weight += n->total;
			i = vm_flame_skip(p->f, i);
			continue;
		}
		const uint64_t offset = p->end[n->depth];
		p->end[n->depth] += n->total;
		/* Its first child begins where it does. */
		p->end[n->depth + 1] = offset;
		if (n->depth > p->lowest)
			p->lowest = n->depth;
		put_frame(p, &p->f->frames.v[n->frame], n, offset);
		r = vm_flame_flush(&p->b, p->out, false);
		i = vm_flame_next(p->f, i);
	}
	return r;
}

/* ---- The rest ------------------------------------------------------------------------------------------------------ */

/** Depth of the deepest frame that put_frames() will draw: the height comes before the frames. */
static uint32_t find_lowest(const struct vm_flame *f)
{
	const uint64_t least = f->nodes.v[0].total / FINEST;
	uint32_t lowest = 0;
	for (uint32_t i = vm_flame_next(f, 0); i;) {
		const struct vm_flame_node *n = &f->nodes.v[i];
		const bool drawn = n->total > least;
		if (drawn && n->depth > lowest)
			lowest = n->depth;
		i = drawn ? vm_flame_next(f, i) : vm_flame_skip(f, i);
	}
	return lowest;
}

static void put_head(struct picture *p, uint32_t height)
{
	vm_buf_addf(&p->b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		    "<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%d\" height=\"%u\" viewBox=\"0 0 %d %u\">\n"
		    "<title>", WIDTH, height, WIDTH, height);
	put_words(p, p->text->title);
	vm_buf_addf(&p->b, "</title>\n<style><![CDATA[\n%s]]></style>\n"
		    "<rect class=\"back\" width=\"100%%\" height=\"100%%\"/>\n<text class=\"title\" x=\"%d\" y=\"%d\">",
		    vm_flame_css, MARGIN, TITLE_Y);
	put_words(p, p->text->title);
	vm_buf_addf(&p->b, "</text>\n<text class=\"sub\" x=\"%d\" y=\"%d\">", MARGIN, SUBTITLE_Y);
	put_words(p, p->text->subtitle);
	vm_buf_addf(&p->b, "</text>\n<g class=\"frames\" data-unit=\"%s\" data-margin=\"%d\" data-top=\"%d\" data-row=\"%d\" "
		    "data-pad=\"%d\">\n", p->text->unit == VM_FLAME_NS ? "ns" : "faults", MARGIN, FRAMES_Y, ROW, PAD);
}

static void put_foot(struct picture *p, uint32_t height)
{
	const double y = height - FOOT / 2.0;
	double x = MARGIN;
	vm_buf_add_str(&p->b, "</g>\n<g class=\"legend\">\n");
	for (unsigned c = 0; c < VM_FLAME_CLASSES; c++) {
		if (!p->seen[c] || c == VM_FLAME_OTHER)
			continue;
		vm_buf_addf(&p->b, "<rect class=\"%c0\" x=\"%g\" y=\"%g\" width=\"12\" height=\"12\"/>"
			    "<text x=\"%g\" y=\"%g\">%s</text>\n", classes[c].letter, x, y - 6, x + 16, y + 4, classes[c].name);
		x += 16 + 24 + (double)strlen(classes[c].name) * char_width;
	}
	if (p->cut) {
		vm_buf_addf(&p->b, "<text x=\"%g\" y=\"%g\">too narrow to be drawn: %u frame%s, %.2f %%</text>\n", x, y + 4,
			    p->cut, p->cut == 1 ? "" : "s", 100 * share(p, p->cut_weight));
	}
	vm_buf_addf(&p->b, "</g>\n<script><![CDATA[\n%s]]></script>\n</svg>\n", vm_flame_script);
}

int vm_flame_svg(struct vm_flame *f, const struct vm_flame_text *text, FILE *out)
{
	struct picture p = { .f = f, .text = text, .out = out };
	int r = vm_flame_build(f);
	p.end = calloc((size_t)f->deepest + 2, sizeof(*p.end));
	if (r == 0 && !p.end)
		r = -ENOMEM;
	if (r == 0) {
		const uint32_t height = FRAMES_Y + (find_lowest(f) + 1) * ROW + FOOT;
		put_head(&p, height);
		r = put_frames(&p);
		put_foot(&p, height);
	}
	if (r == 0)
		r = vm_flame_flush(&p.b, out, true);
	free(p.end);
	vm_buf_free(&p.b);
	vm_buf_free(&p.name);
	return r;
}
