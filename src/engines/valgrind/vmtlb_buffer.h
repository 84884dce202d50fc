// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Accesses of a program under Valgrind, on their way to the model.
 *
 * Translated code doesn't call for each access: it writes addresses into a buffer, which is emptied between blocks.
 */
#ifndef VM_ENGINES_VALGRIND_BUFFER_H
#define VM_ENGINES_VALGRIND_BUFFER_H

#include "pub_tool_basics.h"
#include "pub_tool_tooliface.h"

#include "engines/tlbtrace.h"

/** Begin; `core` gets the accesses. */
void vmtlb_buffer_open(struct vm_tlbtrace *core);

/** What was written becomes accesses of the thread that ran. */
void vmtlb_buffer_take(void);

/** Another thread runs from now on. */
void vmtlb_buffer_switch(struct vm_tlbtrace_thread *t);

/** As Valgrind's interface says of a tool's instrument(). */
IRSB *vmtlb_instrument(VgCallbackClosure *closure, IRSB *in, const VexGuestLayout *layout, const VexGuestExtents *extents,
		       const VexArchInfo *host, IRType guest_word, IRType host_word);

#endif
