/** Samples of page walks as rows: by mapping, by whatever names a place. */
#ifndef VM_ANALYSIS_WALKVIEW_H
#define VM_ANALYSIS_WALKVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/vec.h"
#include "core/model/walkset.h"

/** Samples that have a place in common: a mapping, a site, a stack. */
struct vm_walk_row {
	pid_t pid;                 /* 0: of several */
	const char *comm;          /* NULL: of several */
	const struct vm_fault_mapping *m;   /* NULL: none, or not by mapping */
	uint64_t start, end;       /* of the mapping, as far as it ever reached */
	const char *place;         /* what it is called; NULL: not known */
	const char *source;        /* source file, or NULL */
	unsigned line;
	uint64_t ip;               /* 0: not by site */
	uint64_t samples, kernel;
	double events;             /* that they stand for: vm_walkset_events() */
	double share;              /* of all of them; NAN: there are none */
	/** Samples by side; the last of those whose event says nothing of it. */
	uint64_t side[VM_TC_SIDES + 1];
	uint64_t sized, huge;      /* as in vm_walk_group */
	bool merged;               /* of all processes: no range */
};

/** A set of rows under way; they keep their order of first appearance until it is finished.  Zeroed it is empty. */
struct vm_walk_rows {
	VM_VEC(struct vm_walk_row) row;
	struct vm_map by_key;
	struct vm_arena arena;
};
void vm_walk_rows_free(struct vm_walk_rows *r);

/** The row of a key, made when it is new (then *is_new); NULL when memory is out. */
struct vm_walk_row *vm_walk_row(struct vm_walk_rows *r, uint64_t key, bool *is_new);

/** Count a group into a row. */
void vm_walk_row_add(struct vm_walk_row *row, const struct vm_walkset *w, const struct vm_walk_group *g);

/** Shares, and the order: most events first. */
void vm_walk_rows_finish(struct vm_walk_rows *r);

/** Groups whose address is known, by the mapping that held it; `merge`: by its name and permissions, over all processes.
    False: out of memory. */
bool vm_walk_by_mapping(const struct vm_walkset *w, bool merge, struct vm_walk_rows *r);

#endif
