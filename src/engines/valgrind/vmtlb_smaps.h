// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * Page sizes by /proc/self/smaps, for vmtlb's tool for Valgrind: how much of each mapping is huge pages, where the kernel
 * doesn't tell of each page (before Linux 6.7), and of what size those of hugetlbfs are.
 */
#ifndef VM_ENGINES_VALGRIND_SMAPS_H
#define VM_ENGINES_VALGRIND_SMAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/model/tlb.h"

struct vmtlb_smap {
	uint64_t start, end;
	uint64_t rss, huge;        /* KiB */
	uint64_t page;             /* KiB: of hugetlbfs, more than 4 */
};

/** Zeroed: nothing was read yet. */
struct vmtlb_smaps {
	struct vmtlb_smap *v;      /* ascending */
	unsigned n, cap;
	unsigned read_ms, took_ms; /* when, and how long it took */
};

/** Read it, if what is known is old: reading takes a twentieth of the time at most.  true: it was read. */
bool vmtlb_smaps_refresh(struct vmtlb_smaps *s);

/** What was read of the mapping of an address; NULL: nothing. */
const struct vmtlb_smap *vmtlb_smaps_find(const struct vmtlb_smaps *s, uint64_t addr);

/** The size that most pages of the mapping of an address have. */
enum vm_tlb_size vmtlb_smaps_size(const struct vmtlb_smaps *s, uint64_t addr);

#endif
