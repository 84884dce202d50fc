// SPDX-License-Identifier: GPL-2.0-or-later
/** What vmtlb's tool for Valgrind knows of the process's memory: mappings by Valgrind's own book, page sizes by the kernel. */
#ifndef VM_ENGINES_VALGRIND_PAGES_H
#define VM_ENGINES_VALGRIND_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/model/tlb.h"
#include "engines/valgrind/vmtlb_smaps.h"

struct vm_tlbtrace_place;

/** Zeroed: not open. */
struct vmtlb_pages {
	int pagemap;               /* descriptor + 1; 0: none */
	bool scan;                 /* the kernel has PAGEMAP_SCAN, and it is used */
	bool no_scan;              /* it isn't to be used */
	struct vmtlb_smaps smaps;
	uint64_t program_break;    /* of the last brk(2); 0: none yet */
};

/** Begin, also in the child of a fork, whose pages are others. */
void vmtlb_pages_open(struct vmtlb_pages *p);

/** How page sizes are known: "scan" or "smaps". */
const char *vmtlb_pages_source(const struct vmtlb_pages *p);

/** The size of the page that maps an address now.  *anew: what was said of others may have changed meanwhile. */
enum vm_tlb_size vmtlb_pages_size(struct vmtlb_pages *p, uint64_t addr, bool *anew);

/** The mapping of the client that holds an address.  false: there is none. */
bool vmtlb_pages_place(const struct vmtlb_pages *p, uint64_t addr, struct vm_tlbtrace_place *out);

#endif
