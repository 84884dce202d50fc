/** The block of vmfault's manual that its kinds tell. */

#include <stdio.h>
#include <string.h>

#include "cli/help.h"
#include "cli/vmfault.h"

bool vmfault_print_doc(const char *kind, FILE *out)
{
	if (strcmp(kind, "man-kinds") != 0)
		return false;
	fputs(".Bl -tag -width \"anon-first\"\n", out);
	for (unsigned i = 0; i < VM_FAULT_KIND_NR; i++) {
		fprintf(out, ".It Li %s\n", vm_fault_kinds[i].key);
		vm_man_sentence(vm_fault_kinds[i].sentence, out);
		fputs(".\n", out);
	}
	fputs(".El\n", out);
	return true;
}
