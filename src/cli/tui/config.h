/**
 * A file of settings: lines "name = value", comments, and whatever else is in it, which stays as it is.
 *
 * Text only: who reads and writes the file is the caller.
 */
#ifndef VM_TUI_CONFIG_H
#define VM_TUI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/vec.h"

struct vm_config_line {
	char *text;                /* the whole line; with a name, what is left of it is remade when it is set */
	char *name, *value;        /* NULL: a comment, a blank line, or no sense */
	bool known;                /* somebody asked for it */
};

/** Zeroed it is empty.  What memory had no room for is missing. */
struct vm_config {
	VM_VEC(struct vm_config_line) lines;
};

/** Any bytes; lines end at a newline.  The last of several lines with one name counts. */
void vm_config_parse(struct vm_config *c, const char *text, size_t len);
void vm_config_free(struct vm_config *c);

/** NULL: there is no such line. */
const char *vm_config_get(struct vm_config *c, const char *name);

/** The next line at or behind *at whose name begins with `prefix`, and *at behind it; NULL: none. */
const struct vm_config_line *vm_config_next(struct vm_config *c, const char *prefix, size_t *at);

/** Change its line, or append one, with `comment` (may be NULL) above it. */
void vm_config_set(struct vm_config *c, const char *name, const char *value, const char *comment);
void vm_config_remove(struct vm_config *c, const char *name);
/** A line that isn't a setting: a comment, or a blank line. */
void vm_config_say(struct vm_config *c, const char *text);

/** The number of the first line that has a name nobody asked for, or makes no sense, and its text; 0: there is none.  `more`:
    how many there are beside it. */
size_t vm_config_unknown(const struct vm_config *c, const char **text, size_t *more);

void vm_config_put(const struct vm_config *c, struct vm_buf *out);

#endif
