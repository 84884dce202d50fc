/** The keys as they are used: those of keys.c and of the tabs, with what the user changed. */
#ifndef VM_TUI_KEYMAP_H
#define VM_TUI_KEYMAP_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/tui/keys.h"
#include "cli/tui/tab.h"

struct vm_err;

enum { VM_KEY_TEXT = 40 };

struct vm_keymap {
	/** Copies: the common ones, those of recordings, then each tab's; and the text of those whose keys changed. */
	struct vm_key *v;
	char (*text)[VM_KEY_TEXT];
	size_t n;
	/** Where a tab's begin. */
	size_t tab[VM_TABS_MAX + 1];
};

/** 0 or -ENOMEM. */
int vm_keymap_init(struct vm_keymap *m);
void vm_keymap_free(struct vm_keymap *m);

/** The common ones, those of recordings, which go before them, and those of a tab. */
const struct vm_key *vm_keymap_common(const struct vm_keymap *m, size_t *n);
const struct vm_key *vm_keymap_scrub(const struct vm_keymap *m, size_t *n);
const struct vm_key *vm_keymap_tab(const struct vm_keymap *m, size_t tab, size_t *n);

/**
 * Give what is called `name` other keys: words between blanks, "none" for no key at all.  Where another meaning has one of them in
 * the same place, it loses it.  -EINVAL: there is no such name, or no such key.
 */
int vm_keymap_set(struct vm_keymap *m, const char *name, const char *keys, struct vm_err *err);

#endif
