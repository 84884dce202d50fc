/** Page faults as rows: by kind, by mapping, by thread, by whatever names a place; and what they were since a moment. */
#ifndef VM_ANALYSIS_FAULTVIEW_H
#define VM_ANALYSIS_FAULTVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/arena.h"
#include "core/base/map.h"
#include "core/base/vec.h"
#include "core/model/faultset.h"

/** Faults of one kind. */
struct vm_fault_kind_row {
	unsigned kind;
	struct vm_fault_count c;
	/** UINT64_MAX: not known.  max_ns is in c. */
	uint64_t p50_ns, p90_ns, p99_ns;
	/** Shares of all faults and of all their time; NAN: not known. */
	double share, time_share;
	/** Whether c.kernel and c.bytes are known. */
	bool mode_known, bytes_known;
};

/** Faults that have a place in common: a mapping, a site, a stack, a thread. */
struct vm_fault_place_row {
	pid_t pid, tid;            /* 0: of several */
	const char *comm;          /* NULL: of several */
	const struct vm_fault_mapping *m;   /* NULL: none, or not by mapping */
	const char *place;         /* what it is called; NULL: not known */
	const char *source;        /* source file, or NULL */
	unsigned line;
	uint64_t ip;               /* 0: not by site */
	uint64_t start, end;       /* of the mapping, as far as it ever reached */
	uint64_t count, kernel, ns, max_ns;
	uint64_t kinds[VM_FAULT_KIND_NR];
	bool timed;
	double share, time_share;
	/* By thread only. */
	uint64_t minor, major, invalid, cpu_ns;
	uint64_t own_minor, own_major;
	bool own_known, is_thread, ended;
	bool mode_known, invalid_known;    /* kernel, invalid */
	/** Of a file, or of a name, in whatever process and place: no range. */
	bool merged;
};

/** A set of places under way; rows keep their order of first appearance. */
struct vm_fault_places {
	VM_VEC(struct vm_fault_place_row) row;
	struct vm_map by_key;
	struct vm_arena arena;
};
void vm_fault_places_free(struct vm_fault_places *p);

/** The kinds of which there were some (`all`: every one), in the order of enum vm_fault_kind.  How many; into rows[VM_FAULT_KIND_NR]. */
size_t vm_fault_kind_rows(const struct vm_faultset *f, bool all, struct vm_fault_kind_row *rows);

/** Sum of all that was resolved or not, with percentiles over all kinds. */
struct vm_fault_kind_row vm_fault_total_row(const struct vm_faultset *f);

/** The row of a key, made when it is new (then *is_new); NULL when memory is out. */
struct vm_fault_place_row *vm_fault_place(struct vm_fault_places *p, uint64_t key, bool *is_new);

/** Count a group into a row. */
void vm_fault_place_add(struct vm_fault_place_row *r, const struct vm_faultset *f, const struct vm_fault_group *g);

/** Shares, once all is counted. */
void vm_fault_places_finish(struct vm_fault_places *p, const struct vm_faultset *f);

/** By mapping: those that overlap and are of the same file and permission are one, as they grow.  False: out of memory. */
bool vm_fault_by_mapping(const struct vm_faultset *f, struct vm_fault_places *p);
/** By file and permission, or by name where there is no file, over all processes. */
bool vm_fault_by_file(const struct vm_faultset *f, struct vm_fault_places *p);
bool vm_fault_by_thread(const struct vm_faultset *f, struct vm_fault_places *p);

/** The kind that a row has most of, by count. */
unsigned vm_fault_place_kind(const struct vm_fault_place_row *r);

/** What is kept of a set to tell later what came since. */
struct vm_fault_mark {
	uint64_t at_ns, own_minor, own_major, cpu_ns;
	struct vm_fault_count kind[VM_FAULT_KIND_NR];
	struct vm_histo histo[VM_FAULT_KIND_NR];
	VM_VEC(struct vm_fault_group) group;
	VM_VEC(struct vm_fault_thread) thread;
};
bool vm_fault_mark_set(struct vm_fault_mark *m, const struct vm_faultset *f);
void vm_fault_mark_free(struct vm_fault_mark *m);

/**
 * *out becomes what `f` has had since the mark: it borrows spaces, mappings and stacks, which are those of `f`.  The longest
 * time of a kind is the end of its highest bucket.  Free with vm_fault_since_free().
 */
bool vm_fault_since(const struct vm_faultset *f, const struct vm_fault_mark *m, struct vm_faultset *out);
void vm_fault_since_free(struct vm_faultset *out);

#endif
