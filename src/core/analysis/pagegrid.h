/** Pages as cells: blocks of an address space, each with what it holds most of. */
#ifndef VM_ANALYSIS_PAGEGRID_H
#define VM_ANALYSIS_PAGEGRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm_aspace;
struct vm_mapping;
struct vm_page_run;

enum vm_pagegrid_kind {
	VM_PAGEGRID_ANON, VM_PAGEGRID_HUGE, VM_PAGEGRID_FILE, VM_PAGEGRID_ZERO, VM_PAGEGRID_SWAP, VM_PAGEGRID_NONE, VM_PAGEGRID_GUARD, VM_PAGEGRID_OTHER,
	VM_PAGEGRID_NR,
};

struct vm_pagegrid_state {
	char letter;               /* 'A' */
	const char *words;
};
/** By enum vm_pagegrid_kind; ended by NULL words. */
extern const struct vm_pagegrid_state vm_pagegrid_states[VM_PAGEGRID_NR + 1];

/** What a page can be besides. */
enum vm_pagegrid_trait {
	VM_PAGEGRID_SHARED, VM_PAGEGRID_DIRTY, VM_PAGEGRID_SOFT_DIRTY, VM_PAGEGRID_ACCESSED, VM_PAGEGRID_BIG, VM_PAGEGRID_TRAITS,
};
/** Nodes from the last one on count together. */
enum { VM_PAGEGRID_NODES = 16 };

struct vm_pagegrid_cell {
	uint64_t bytes[VM_PAGEGRID_NR];
	/** In memory, huge pages and pages of zeros included; of these, with each trait. */
	uint64_t present, with[VM_PAGEGRID_TRAITS];
	uint64_t node[VM_PAGEGRID_NODES];
	uint64_t unknown_node;
	/** The first page that has anything; 0: none. */
	uint64_t first;
	/** Bit n: trait n isn't known of all pages. */
	uint32_t unknown;
	/** For who reads: all of it was. */
	bool read;
};

/** Cells that stand side by side; those of a row belong to one mapping. */
struct vm_pagegrid_row {
	const struct vm_mapping *m;
	uint64_t start;
	size_t first;              /* index into cell[] */
	unsigned cells;
	/** Where it stands in a view (core/analysis/pageview.h); 0 in a grid of its own. */
	unsigned line, x;
};

struct vm_pagegrid {
	uint64_t block;            /* bytes of a cell: a power of two */
	struct vm_pagegrid_row *row;
	size_t nrows;
	struct vm_pagegrid_cell *cell;
	size_t ncells;
	size_t at;                 /* row of the last run */
};

/**
 * Lay out [from, to) of the space (0, 0: all) in rows of at most `width` cells, with blocks so large that there are about
 * `rows` of them; each mapping has a row at least.  The kernel's half is left out.  0 or -ENOMEM.
 */
int vm_pagegrid_begin(struct vm_pagegrid *g, const struct vm_aspace *as, uint64_t from, uint64_t to, unsigned width, size_t rows);
void vm_pagegrid_end(struct vm_pagegrid *g);

/** Runs come ascending.  `node`: where its frames are; -1: not known. */
void vm_pagegrid_add(struct vm_pagegrid *g, const struct vm_page_run *r, int node);

/** How many cells of `block` bytes, aligned to it, hold a part of [a, b). */
size_t vm_pagegrid_cells(uint64_t a, uint64_t b, uint64_t block);
/** [*a, *b): the part of the row's mapping that its cell `i` stands for. */
void vm_pagegrid_cell_range(const struct vm_pagegrid *g, const struct vm_pagegrid_row *row, unsigned i, uint64_t *a, uint64_t *b);

/** All that is there of it, in memory, in swap or as a marker; `most`: the kind that most of it is. */
uint64_t vm_pagegrid_populated(const struct vm_pagegrid_cell *c, unsigned *most);

/** What most of the populated part is: a capital if that part is at least half of the block; '.': nothing is. */
char vm_pagegrid_letter(const struct vm_pagegrid *g, const struct vm_pagegrid_cell *c);

#endif
