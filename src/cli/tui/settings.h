/** What of the screens is kept in the file of settings. */
#ifndef VM_TUI_SETTINGS_H
#define VM_TUI_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "core/base/vec.h"

struct vm_err;
struct vm_ui;

/** Columns under a name. */
struct vm_set {
	char name[40];
	char columns[512];         /* as of -o; "": the usual ones */
	bool own;                  /* the user's: in the file */
};

struct vm_sets {
	VM_VEC(struct vm_set) v;
};

/** Those that come with vmtop.  False when memory is out. */
bool vm_sets_init(struct vm_sets *s);
void vm_sets_free(struct vm_sets *s);
const struct vm_set *vm_sets_find(const struct vm_sets *s, const char *name);
/** Keep columns under a name, in place of those that had it.  -EINVAL: not a name. */
int vm_sets_keep(struct vm_sets *s, const char *name, const char *columns, struct vm_err *err);
/** Forget one of the user's own; one that comes with vmtop is back then. */
void vm_sets_drop(struct vm_sets *s, const char *name);

/** Take what the file says; the first thing that makes no sense becomes a note. */
void vm_settings_apply(struct vm_ui *ui);

/** Write the file; says so in a note. */
void vm_settings_save(struct vm_ui *ui);

/** The settings as an mdoc list, for the manual. */
void vm_settings_write_man(FILE *out);

#endif
