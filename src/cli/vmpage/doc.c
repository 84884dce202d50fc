/** Blocks of vmpage's manual that its tables tell: states, letters, flags of frames, bits of entries. */

#include <string.h>

#include "cli/help.h"
#include "cli/vmpage/vmpage.h"
#include "core/analysis/census.h"
#include "core/base/buf.h"
#include "core/model/page.h"
#include "core/model/pageflags.h"
#include "core/model/pgtable.h"

static void list_begin(const char *width, FILE *out)
{
	fprintf(out, ".Bl -tag -width \"%s\" -compact\n", width);
}

static void item_end(const char *text, FILE *out)
{
	vm_man_sentence(text, out);
	fputs(".\n", out);
}

static void man_states(FILE *out)
{
	list_begin("soft-dirty", out);
	for (unsigned i = 0; i < VM_C_NR; i++) {
		fprintf(out, ".It Li \"%s\"\n", vm_census_info[i].name);
		item_end(vm_census_info[i].help, out);
	}
	fputs(".El\n", out);
}

static void man_letters(FILE *out)
{
	list_begin("p present", out);
	for (unsigned i = 0; i < VM_PG_BIT_NR; i++) {
		fprintf(out, ".It Li \"%c\" %s\n", vm_pg_info[i].letter, vm_pg_info[i].name);
		item_end(vm_pg_info[i].sentence, out);
	}
	fputs(".El\n", out);
}

static void man_flags(FILE *out)
{
	list_begin("R compound_head", out);
	for (unsigned i = 0; i < 64; i++) {
		if (!vm_kpf_info[i].name)
			continue;
		fprintf(out, ".It Li \"%c\" %s\n", vm_kpf_info[i].letter, vm_kpf_info[i].name);
		fprintf(out, "Bit %u: %s.\n", i, vm_kpf_info[i].sentence);
	}
	fputs(".El\n", out);
}

/** Begin another condition of a list in parentheses. */
static void also(struct vm_buf *where)
{
	vm_buf_add_str(where, where->n ? ", " : " (");
}

/** Where a bit has this meaning, if not in every entry: " (PMD, PUD, before Linux 6.17)". */
static void put_where(const struct vm_pte_bit *b, struct vm_buf *where)
{
	const struct vm_pt_geometry g = { .levels = 4 };
	const unsigned leaves = 1u << VM_PT_PTE | 1u << VM_PT_PMD | 1u << VM_PT_PUD;
	for (unsigned l = VM_PT_PTE; l <= VM_PT_PUD && b->pages && (b->pages & leaves) != leaves; l++) {
		if (b->pages >> l & 1) {
			also(where);
			vm_buf_add_str(where, vm_pt_level_name(&g, l));
		}
	}
	if (!b->tables || !b->pages) {
		also(where);
		vm_buf_add_str(where, b->pages ? "of pages" : "of tables");
	}
	if (b->since) {
		also(where);
		vm_buf_addf(where, "from Linux %u.%u", b->since / 100u, b->since % 100u);
	}
	if (b->before) {
		also(where);
		vm_buf_addf(where, "before Linux %u.%u", b->before / 100u, b->before % 100u);
	}
	if (where->n)
		vm_buf_add_char(where, ')');
}

/** "63", "59-62": where the bits are; their words, and the sentence. */
static void man_bits(const struct vm_pt_arch *arch, FILE *out)
{
	list_begin("SAVED_DIRTY 59-62", out);
	for (const struct vm_pte_bit *b = vm_pt_bits(arch); b->name; b++) {
		struct vm_buf where = { 0 };
		fprintf(out, ".It Li %s %u", b->name, b->from);
		if (b->bits > 1)
			fprintf(out, "\\-%u", b->from + b->bits - 1u);
		fputc('\n', out);
		vm_man_sentence(b->words, out);
		put_where(b, &where);
		fprintf(out, "%s: %s.\n", vm_buf_str(&where), b->sentence);
		vm_buf_free(&where);
	}
	fputs(".El\n", out);
}

bool vmpage_print_doc(const char *kind, FILE *out)
{
	if (strcmp(kind, "man-states") == 0)
		man_states(out);
	else if (strcmp(kind, "man-letters") == 0)
		man_letters(out);
	else if (strcmp(kind, "man-flags") == 0)
		man_flags(out);
	else if (strcmp(kind, "man-bits-x86-64") == 0)
		man_bits(&vm_pt_x86_64, out);
	else if (strcmp(kind, "man-bits-arm64") == 0)
		man_bits(&vm_pt_arm64, out);
	else
		return false;
	return true;
}
