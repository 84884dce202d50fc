/** Between the files of vmrec(1). */
#ifndef VM_CLI_VMREC_VMREC_H
#define VM_CLI_VMREC_VMREC_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/target.h"

struct vm_err;

struct vmrec_options {
	const char *file;          /* -o */
	const char *info;          /* --info */
	bool json;
	struct vm_target_options target;
	bool mappings, no_mappings;
	bool quiet;
	uint64_t interval_ns, count;
};

/** vmrec --info: what a recording holds, and whether all of it can be read. */
int vmrec_info(const struct vmrec_options *o, FILE *out, struct vm_err *err);

#endif
