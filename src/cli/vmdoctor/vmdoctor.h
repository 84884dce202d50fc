/** Parts of vmdoctor: what its files share. */
#ifndef VM_CLI_VMDOCTOR_VMDOCTOR_H
#define VM_CLI_VMDOCTOR_VMDOCTOR_H

#include <stdbool.h>

#include "cli/common.h"
#include "core/field/doctor.h"

/** One screen of all that was checked. */
void vmdoctor_screen(struct vm_report *r, const struct vm_check_row *rows, size_t n);

/** Everything about each, some lines a check. */
void vmdoctor_explain(struct vm_report *r, const struct vm_check_row *rows, size_t n);

#endif
