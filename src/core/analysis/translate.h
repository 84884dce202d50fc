/** What a translation means, in words. */
#ifndef VM_ANALYSIS_TRANSLATE_H
#define VM_ANALYSIS_TRANSLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/model/pgtable.h"

struct vm_buf;
struct vm_mapping;

/** Where the address lies: "user half", "kernel half", "non-canonical ..." and what that means. */
void vm_say_half(const struct vm_pt_geometry *g, uint64_t addr, struct vm_buf *out);

/**
 * What the entry that ends the walk says of the address: a page, nothing, swap ...; for what isn't there, what a
 * touch would do.  `m`: the mapping, or NULL.  `swap_area`: its name, or NULL.
 */
void vm_say_leaf(const struct vm_pt_geometry *g, const struct vm_pte *p, const struct vm_mapping *m,
		 const char *swap_area, struct vm_buf *out);

/** The same where only pagemap could be read: VM_PG() bits of the page. */
void vm_say_state(uint32_t state, const struct vm_mapping *m, const char *swap_area, unsigned type, uint64_t slot,
		  struct vm_buf *out);

/** What a frame's flags say of it: "anonymous, mapped once, on the active LRU list".  `count`: mapped how often. */
void vm_say_frame(uint64_t flags, uint64_t count, bool have_count, struct vm_buf *out);

/** What changed between two entries, for --watch: "written (D)", "another frame: copy-on-write or migration". */
void vm_say_change(const struct vm_pte *was, const struct vm_pte *is, struct vm_buf *out);

#endif
