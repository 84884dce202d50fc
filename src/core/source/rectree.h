/**
 * Files by their paths, in memory: what a machine's /proc and /sys held at one moment, as far as it was recorded.
 */
#ifndef VM_SOURCE_RECTREE_H
#define VM_SOURCE_RECTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/map.h"
#include "core/base/vec.h"

enum vm_rec_kind {
	VM_REC_FILE,
	VM_REC_LINK,               /* the data is the target */
};

struct vm_rec_entry {
	char *path;                /* without a slash in front; owned, as data is */
	size_t path_len;
	char *data;
	size_t len, cap;
	enum vm_rec_kind kind;
	bool there;                /* false: it was removed */
	bool changed;              /* since vm_rec_tree_settle() */
	bool seen;                 /* the caller's own, as `number` is */
	uint32_t number;
};

/** Zeroed it is empty. */
struct vm_rec_tree {
	VM_VEC(struct vm_rec_entry) entries;
	struct vm_map by_hash;
};

void vm_rec_tree_free(struct vm_rec_tree *t);

/** NULL: it was never there. */
struct vm_rec_entry *vm_rec_tree_find(struct vm_rec_tree *t, const char *path, size_t len);

/**
 * Make the file hold data[0..len).  1: it didn't before; 0: it did; -ENOMEM.  Marks it as changed, and as seen.
 * *entry, if not NULL, is valid until the next call.
 */
int vm_rec_tree_set(struct vm_rec_tree *t, const char *path, size_t path_len, enum vm_rec_kind kind, const void *data,
		    size_t len, struct vm_rec_entry **entry);

/** The same of a file that was found; `data` isn't its own. */
int vm_rec_entry_set(struct vm_rec_entry *e, enum vm_rec_kind kind, const void *data, size_t len);

/** It is there, of that kind and with just these bytes. */
bool vm_rec_entry_holds(const struct vm_rec_entry *e, enum vm_rec_kind kind, const void *data, size_t len);

/** True if it was there. */
bool vm_rec_entry_remove(struct vm_rec_entry *e);

/** Nothing has changed from here on. */
void vm_rec_tree_settle(struct vm_rec_tree *t);

/**
 * Give back what removed files hold, but those that were removed since vm_rec_tree_settle().  Indexes of entries change.
 * False when memory is out; then nothing has changed.
 */
bool vm_rec_tree_compact(struct vm_rec_tree *t);

#endif
