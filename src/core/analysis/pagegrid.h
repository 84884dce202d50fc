/** Pages as cells: blocks of an address space, each with what it holds most of. */
#ifndef VM_ANALYSIS_PAGEGRID_H
#define VM_ANALYSIS_PAGEGRID_H

#include <stddef.h>
#include <stdint.h>

struct vm_aspace;
struct vm_mapping;
struct vm_page_run;

enum vm_grid_kind {
	VM_GRID_ANON, VM_GRID_HUGE, VM_GRID_FILE, VM_GRID_ZERO, VM_GRID_SWAP, VM_GRID_NONE, VM_GRID_GUARD, VM_GRID_OTHER,
	VM_GRID_NR,
};

struct vm_grid_state {
	char letter;               /* 'A' */
	const char *words;
};
/** By enum vm_grid_kind; ended by NULL words. */
extern const struct vm_grid_state vm_grid_states[VM_GRID_NR + 1];

struct vm_grid_cell {
	uint64_t bytes[VM_GRID_NR];
};

/** Cells that stand side by side; those of a row belong to one mapping. */
struct vm_grid_row {
	const struct vm_mapping *m;
	uint64_t start;
	size_t first;              /* index into cell[] */
	unsigned cells;
};

struct vm_grid {
	uint64_t block;            /* bytes of a cell: a power of two */
	struct vm_grid_row *row;
	size_t nrows;
	struct vm_grid_cell *cell;
	size_t ncells;
	size_t at;                 /* row of the last run */
};

/**
 * Lay out [from, to) of the space (0, 0: all) in rows of at most `width` cells, with blocks so large that there are about
 * `rows` of them; each mapping has a row at least.  The kernel's half is left out.  0 or -ENOMEM.
 */
int vm_grid_begin(struct vm_grid *g, const struct vm_aspace *as, uint64_t from, uint64_t to, unsigned width, size_t rows);
void vm_grid_end(struct vm_grid *g);

/** Runs come ascending. */
void vm_grid_add(struct vm_grid *g, const struct vm_page_run *r);

/** What most of the populated part is: a capital if that part is at least half of the block; '.': nothing is. */
char vm_grid_letter(const struct vm_grid *g, const struct vm_grid_cell *c);

#endif
