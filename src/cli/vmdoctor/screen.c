/** vmdoctor for people: one screen, or all there is to say. */

#include "cli/vmdoctor/vmdoctor.h"

#include <string.h>

#include "cli/render/text.h"

enum { WIDTH = 80, NAME = 14, STATE = 8 };

static unsigned width_of(const struct vm_report *r)
{
	return r->style.width >= 60 ? r->style.width : WIDTH;
}

/** A line that ends where the terminal does. */
static void put_line(struct vm_report *r, struct vm_buf *b)
{
	const size_t most = width_of(r);
	if (vm_text_width(b->s, b->n) > most) {
		b->n = vm_text_fit(b->s, b->n, most - 1);
		vm_buf_add_char(b, '+');
	}
	vm_buf_add_char(b, '\n');
	vm_report_put(r, b->s, b->n);
	b->n = 0;
}

static bool is_fine(const struct vm_check_row *row)
{
	return row->finding.verdict == VM_VERDICT_WORKS || row->finding.verdict == VM_VERDICT_FACT;
}

/** Those that say how the machine is rather than whether something works. */
static bool is_about_machine(const struct vm_check_row *row)
{
	static const char *const names[] = {
		"kernel", "paging", "page-offset", "tlb", "hugetlb", "thp", "numa", "capabilities", "container",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(row->check->name, names[i]) == 0)
			return true;
	return false;
}

static void put_facts(struct vm_report *r, const struct vm_check_row *rows, size_t n)
{
	struct vm_buf b = { 0 };
	for (size_t i = 0; i < n; i++) {
		if (!is_about_machine(&rows[i]))
			continue;
		vm_buf_addf(&b, "%-*s%s", NAME, rows[i].check->name, rows[i].finding.found);
		put_line(r, &b);
	}
	vm_buf_free(&b);
}

static void put_working(struct vm_report *r, const struct vm_check_row *rows, size_t n)
{
	struct vm_buf b = { 0 };
	for (size_t i = 0; i < n; i++)
		if (is_fine(&rows[i]) && !is_about_machine(&rows[i]))
			vm_buf_addf(&b, "%s%s", b.n ? ", " : "", rows[i].check->name);
	if (b.n)
		vm_report_wrap(r, STATE, "works", vm_buf_str(&b), width_of(r));
	vm_buf_free(&b);
}

/** A line each: what is missing, and what is used instead. */
static void put_missing(struct vm_report *r, const struct vm_check_row *rows, size_t n, enum vm_verdict verdict)
{
	struct vm_buf b = { 0 };
	for (size_t i = 0; i < n; i++) {
		const struct vm_finding *f = &rows[i].finding;
		if (f->verdict != verdict || is_about_machine(&rows[i]))
			continue;
		vm_buf_addf(&b, "%-*s%-*s%s", STATE, vm_verdict_name[verdict], NAME, rows[i].check->name, f->found);
		if (rows[i].check->instead[0])
			vm_buf_addf(&b, " -> %s", rows[i].check->instead);
		put_line(r, &b);
	}
	vm_buf_free(&b);
}

static void put_untried(struct vm_report *r, const struct vm_check_row *rows, size_t n)
{
	struct vm_buf b = { 0 };
	for (size_t i = 0; i < n; i++)
		if (rows[i].finding.verdict == VM_VERDICT_UNTRIED && !is_about_machine(&rows[i]))
			vm_buf_addf(&b, "%s%s", b.n ? ", " : "", rows[i].check->name);
	if (b.n)
		vm_report_wrap(r, STATE, vm_verdict_name[VM_VERDICT_UNTRIED], vm_buf_str(&b), width_of(r));
	vm_buf_free(&b);
}

void vmdoctor_screen(struct vm_report *r, const struct vm_check_row *rows, size_t n)
{
	put_facts(r, rows, n);
	put_working(r, rows, n);
	put_missing(r, rows, n, VM_VERDICT_PARTLY);
	put_missing(r, rows, n, VM_VERDICT_DENIED);
	put_missing(r, rows, n, VM_VERDICT_ABSENT);
	put_untried(r, rows, n);
}

static void put_part(struct vm_report *r, const char *heading, const char *text)
{
	if (text[0])
		vm_report_wrap(r, NAME, heading, text, width_of(r));
}

void vmdoctor_explain(struct vm_report *r, const struct vm_check_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct vm_check_info *c = rows[i].check;
		const struct vm_finding *f = &rows[i].finding;
		vm_report_say(r, "%s%s: %s\n", i ? "\n" : "", c->name, c->what);
		put_part(r, vm_verdict_name[f->verdict], f->found);
		put_part(r, "  why", f->why);
		put_part(r, "  fix", f->fix);
		put_part(r, "  tried by", c->how);
		put_part(r, "  used by", c->used_by);
		put_part(r, is_fine(&rows[i]) ? "  else" : "  instead", c->instead);
	}
}
