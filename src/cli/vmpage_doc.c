/** Blocks of vmpage's manual that its tables tell: states, letters, flags of frames, bits of entries. */

#include <string.h>

#include "cli/help.h"
#include "cli/vmpage.h"
#include "core/analysis/census.h"
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

/** "63", "59-62": where the bits are; "(PMD, PUD)": at which levels, if not at all. */
static void man_bits(const struct vm_pt_arch *arch, FILE *out)
{
	const struct vm_pt_geometry g = { .arch = arch, .levels = 4 };
	const unsigned all = (1u << VM_PT_LEVELS) - 1;
	list_begin("SAVED_DIRTY 59-62", out);
	for (const struct vm_pte_bit *b = vm_pt_bits(arch); b->name; b++) {
		fprintf(out, ".It Li %s %u", b->name, b->from);
		if (b->bits > 1)
			fprintf(out, "\\-%u", b->from + b->bits - 1u);
		fputc('\n', out);
		vm_man_sentence(b->words, out);
		const char *between = " (";
		for (unsigned l = 0; b->levels != all && l < g.levels; l++) {
			if (!(b->levels >> l & 1))
				continue;
			fprintf(out, "%s%s", between, vm_pt_level_name(&g, l));
			between = ", ";
		}
		fprintf(out, "%s: %s.\n", b->levels != all ? ")" : "", b->sentence);
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
