/** vmfault --explain: how a page fault travels. */
#ifndef VM_CLI_VMFAULT_EXPLAIN_H
#define VM_CLI_VMFAULT_EXPLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/model/fault_kinds.h"

struct vm_report;

/** The flow as a tree, with what was counted beside each branch where there are counts. */
void vmfault_explain(struct vm_report *r, const uint64_t count[VM_FAULT_KIND_NR], const uint64_t time_ns[VM_FAULT_KIND_NR],
		     bool have_counts);

/** How many of its steps speak of this kind: one, or the flow is wrong. */
unsigned vmfault_explained(unsigned kind);

#endif
