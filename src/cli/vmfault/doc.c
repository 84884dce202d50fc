/** Blocks of vmfault's manual that its tables tell: kinds of faults. */

#include <string.h>

#include "cli/help.h"
#include "cli/vmfault/vmfault.h"
#include "core/model/fault.h"

static void man_fault_kinds(FILE *out)
{
	fputs(".Bl -tag -width Ds -compact\n", out);
	for (unsigned i = 0; i < VM_FAULT_KIND_NR; i++) {
		fprintf(out, ".It Li \"%s\" Pq Cm %s\n", vm_fault_kinds[i].name, vm_fault_kinds[i].key);
		vm_man_sentence(vm_fault_kinds[i].sentence, out);
		fputs(".\n", out);
	}
	fputs(".El\n", out);
}

bool vmfault_print_doc(const char *kind, FILE *out)
{
	if (strcmp(kind, "man-fault-kinds") != 0)
		return false;
	man_fault_kinds(out);
	return true;
}
