/** Pages as a picture: a cell for each block of pages, mapping by mapping. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/vmpage/vmpage.h"
#include "cli/render/text.h"
#include "core/analysis/pagegrid.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/model/aspace.h"
#include "core/source/session.h"

/** Rows that a picture should have at most: the blocks are as large as that takes. */
enum { ROWS = 48, LEAST_CELLS = 16, USUAL_WIDTH = 80, MARGIN = 15 };

static int take_runs(void *ctx, const struct vm_page_run *runs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		vm_pagegrid_add(ctx, &runs[i], -1);
	return 0;
}

static const char *color_of(char cell)
{
	/* Blue, orange and their kin: apart from each other for colour-blind eyes too. */
	static const struct { char letter; const char *color; } colors[] = {
		{ 'a', "\033[34m" }, { 'h', "\033[1;36m" }, { 'f', "\033[33m" }, { 'z', "\033[90m" }, { 's', "\033[35m" },
		{ 'n', "\033[90m" }, { 'g', "\033[31m" }, { 'o', "\033[31m" },
	};
	for (size_t i = 0; i < sizeof(colors) / sizeof(colors[0]); i++)
		if ((cell | 0x20) == colors[i].letter)
			return colors[i].color;
	return "";
}

static void say_cells(struct vmpage *v, const struct vm_pagegrid *g, const struct vm_pagegrid_row *row)
{
	struct vm_buf b = { 0 };
	const char *color = "";
	for (unsigned i = 0; i < row->cells; i++) {
		char cell = vm_pagegrid_letter(g, &g->cell[row->first + i]);
		const char *c = v->report.style.color ? color_of(cell) : "";
		if (strcmp(c, color) != 0) {
			vm_buf_add_str(&b, color[0] ? "\033[0m" : "");
			vm_buf_add_str(&b, c);
			color = c;
		}
		if (cell == '.' && v->report.style.utf8)
			vm_buf_add_str(&b, "\xc2\xb7");
		else
			vm_buf_add_char(&b, cell);
	}
	vm_buf_add_str(&b, color[0] ? "\033[0m" : "");
	vm_report_say(&v->report, "%012llx  %s\n", (unsigned long long)row->start, vm_buf_str(&b));
	vm_buf_free(&b);
}

static bool is_empty(const struct vm_pagegrid *g, const struct vm_pagegrid_row *row)
{
	for (unsigned i = 0; i < row->cells; i++)
		if (vm_pagegrid_letter(g, &g->cell[row->first + i]) != '.')
			return false;
	return true;
}

static void say_border(struct vmpage *v, const struct vm_mapping *m, unsigned width)
{
	struct vm_buf b = { 0 }, name = { 0 };
	char size[VM_NUMBUF];
	const char *line = v->report.style.utf8 ? "\xe2\x94\x80" : "-";
	vm_buf_addf(&b, "%s %s ", vm_mapping_perm(m), vm_format_size(vm_mapping_size(m), size));
	vm_text_put(&name, m->name[0] ? m->name : "anonymous");
	const char *shown = vm_buf_str(&name);
	/* Of a path that is too long the end tells more. */
	if (b.n + 4 + vm_text_width(shown, strlen(shown)) > width) {
		vm_buf_add_str(&b, "...");
		/* Not into the middle of a character. */
		while (*shown && (b.n + 4 + vm_text_width(shown, strlen(shown)) > width || (*shown & 0xc0) == 0x80))
			shown++;
	}
	vm_report_say(&v->report, "%s%s %s%s ", line, line, vm_buf_str(&b), shown);
	for (size_t n = b.n + vm_text_width(shown, strlen(shown)) + 4; n < width; n++)
		vm_report_say(&v->report, "%s", line);
	vm_report_say(&v->report, "\n");
	vm_buf_free(&b);
	vm_buf_free(&name);
}

static void say_grid(struct vmpage *v, const struct vm_pagegrid *g, unsigned width)
{
	char block[VM_NUMBUF];
	size_t empty = 0;
	for (size_t i = 0; i < g->nrows; i++) {
		const struct vm_pagegrid_row *row = &g->row[i];
		const bool first = i == 0 || g->row[i - 1].m != row->m, last = i + 1 == g->nrows || g->row[i + 1].m != row->m;
		if (first)
			say_border(v, row->m, width);
		/* Many rows of nothing say no more than one. */
		if (!first && !last && is_empty(g, row)) {
			empty++;
			continue;
		}
		if (empty)
			vm_report_say(&v->report, "%12s  (%zu row%s of nothing)\n", "", empty, empty == 1 ? "" : "s");
		empty = 0;
		say_cells(v, g, row);
	}
	if (!g->nrows) {
		vm_report_say(&v->report, "no mapping lies there\n");
		return;
	}
	struct vm_buf line = { 0 };
	char word[64];
	vm_report_say(&v->report, "\na cell is %s, and what most of it is; small: less than half of it is there\n",
		      vm_format_size(g->block, block));
	for (const struct vm_pagegrid_state *s = vm_pagegrid_states; s->words; s++) {
		snprintf(word, sizeof(word), "%c %s", s->letter, s->words);
		vmpage_fill(v, &line, ", ", word);
	}
	vmpage_fill(v, &line, ", ", v->report.style.utf8 ? "\xc2\xb7 nothing" : ". nothing");
	vmpage_filled(v, &line);
}

static void json_grid(struct vmpage *v, const struct vm_pagegrid *g)
{
	struct vm_json *j = &v->report.json;
	vm_json_key(j, "block_bytes");
	vm_json_u64(j, g->block);
	vm_json_key(j, "rows");
	vm_json_array_begin(j);
	for (size_t i = 0; i < g->nrows; i++) {
		struct vm_buf b = { 0 };
		for (unsigned k = 0; k < g->row[i].cells; k++)
			vm_buf_add_char(&b, vm_pagegrid_letter(g, &g->cell[g->row[i].first + k]));
		vm_json_object_begin(j);
		vm_json_key(j, "start");
		vm_json_addr(j, g->row[i].start);
		vm_json_key(j, "mapping");
		vm_json_str(j, g->row[i].m->name);
		vm_json_key(j, "cells");
		vm_json_str(j, vm_buf_str(&b));
		vm_json_object_end(j);
		vm_buf_free(&b);
	}
	vm_json_array_end(j);
}

int vmpage_grid(struct vmpage *v, pid_t pid, struct vm_err *err)
{
	struct vm_aspace *as = NULL;
	struct vm_pagegrid g = { 0 };
	struct vm_pages_info info = { 0 };
	const bool document = vm_report_is_document(&v->report);
	const unsigned width = v->report.style.width ? v->report.style.width : USUAL_WIDTH;
	if (vm_report_is_machine(&v->report) && !document)
		return vm_fail(err, EINVAL, "a picture is text or JSON");
	int r = vmpage_mappings(v, pid, 0, 0, &as, err);
	if (r == 0 && vm_pagegrid_begin(&g, as, v->from, v->to, width > MARGIN + LEAST_CELLS ? width - MARGIN : LEAST_CELLS, ROWS) < 0)
		r = vm_fail(err, ENOMEM, "out of memory");
	const struct vm_pages_query q = {
		.from = v->from, .to = v->to, .via = (enum vm_pages_via)v->o->via, .as = as,
		.want = VM_PG(PRESENT) | VM_PG(SWAP) | VM_PG(FILE) | VM_PG(ZERO) | VM_PG(GUARD) | VM_PG(NONE) |
			VM_PG(SPECIAL),
	};
	if (r == 0)
		r = vm_pages_scan(v->s, pid, &q, take_runs, &g, &info, err);
	if (r == 0) {
		vmpage_heading(v, as, &info);
		if (document)
			json_grid(v, &g);
		else
			say_grid(v, &g, width);
		vm_document_end(&v->report, v->s, vm_clock_ns() - v->began);
	}
	vm_pagegrid_end(&g);
	vm_aspace_free(as);
	return r;
}
