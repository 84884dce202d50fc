/** The result files of engines (engines/tlbtrace_text.h says how they look): whatever bytes they hold. */
#ifndef VM_SOURCE_TLBRESULT_H
#define VM_SOURCE_TLBRESULT_H

#include <stddef.h>

#include "core/model/tlbresult.h"

/**
 * Add what one file tells, all of it or nothing.  0, -EBADMSG (not a whole result: nothing was added), -ENOMEM.
 */
int vm_tlb_result_parse(const char *text, size_t len, struct vm_tlb_result *to);

#endif
