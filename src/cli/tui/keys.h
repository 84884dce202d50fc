/**
 * The keys of vmtop, in one table: dispatch, footer, help screen and the KEYS section of the manual come
 * from it.  To add a key, add a line in keys.c and handle its action where it belongs.
 */
#ifndef VM_TUI_KEYS_H
#define VM_TUI_KEYS_H

#include <stddef.h>
#include <stdio.h>

struct vm_buf;

enum vm_action {
	VM_ACT_NONE,
	/* everywhere */
	VM_ACT_HELP, VM_ACT_BACK, VM_ACT_QUIT, VM_ACT_UP, VM_ACT_DOWN, VM_ACT_PAGE_UP, VM_ACT_PAGE_DOWN,
	VM_ACT_FIRST, VM_ACT_LAST, VM_ACT_LEFT, VM_ACT_RIGHT, VM_ACT_OPEN, VM_ACT_REFRESH, VM_ACT_PAUSE,
	VM_ACT_DELAY, VM_ACT_EXACT, VM_ACT_EXPORT, VM_ACT_SAVE,
	/* lists */
	VM_ACT_COLUMNS, VM_ACT_SEARCH, VM_ACT_NEXT, VM_ACT_PREVIOUS, VM_ACT_FILTER, VM_ACT_SORT_MENU,
	VM_ACT_SORT_LEFT, VM_ACT_SORT_RIGHT, VM_ACT_INVERT, VM_ACT_SORT_PSS, VM_ACT_SORT_RSS, VM_ACT_SORT_USS,
	VM_ACT_SORT_VSZ, VM_ACT_SORT_SWAP, VM_ACT_SORT_FAULTS, VM_ACT_SORT_GROWTH, VM_ACT_SORT_PID,
	/* processes */
	VM_ACT_USER, VM_ACT_KERNEL, VM_ACT_TAG, VM_ACT_UNTAG, VM_ACT_TREE, VM_ACT_FOLD, VM_ACT_FOLD_ALL, VM_ACT_SPARKS, VM_ACT_MACHINE,
	/* a process */
	/* GO: an address was typed, and stands in the prompt */
	VM_ACT_GO, VM_ACT_LAYOUT, VM_ACT_TAB_NEXT, VM_ACT_TAB_PREVIOUS, VM_ACT_TAB_NUMBER,
	/* menus */
	VM_ACT_TOGGLE, VM_ACT_MOVE_UP, VM_ACT_MOVE_DOWN, VM_ACT_RESET, VM_ACT_SETS, VM_ACT_KEEP, VM_ACT_DROP,
	/* from here on, of recordings: scrub.c */
	VM_ACT_SCRUB = 500,
	/* from here on, each tab of a process counts its own */
	VM_ACT_OWN = 1000,
};

/** Where a key works. */
enum vm_scope {
	VM_IN_PROCS = 1 << 0,
	/* A process: every tab; tabs with a list; tabs that scroll. */
	VM_IN_TAB = 1 << 1, VM_IN_TAB_LIST = 1 << 2, VM_IN_TAB_PAGE = 1 << 3,
	VM_IN_TEXT = 1 << 4, VM_IN_MENU = 1 << 5, VM_IN_COLUMNS = 1 << 6, VM_IN_SETS = 1 << 7, VM_IN_MACHINE = 1 << 8,
};
#define VM_IN_LISTS   (VM_IN_PROCS | VM_IN_TAB_LIST)
#define VM_EVERYWHERE 0xffffu

enum { VM_KEY_CODES = 9 };

struct vm_key {
	const char *name;          /* "sort-rss": as settings name it */
	int code[VM_KEY_CODES];    /* enum vm_keycode; unused ones are 0 */
	const char *keys;          /* "F6", "< >": as people read it */
	const char *label;         /* one word for the footer, or NULL: not there */
	const char *help;          /* one line, lower case, no period */
	unsigned scope;            /* enum vm_scope */
	enum vm_action action;
};

/** Earlier entries win; entries with the same help share a line of the help screen. */
extern const struct vm_key vm_keys[];
extern const size_t vm_keys_n;
/** Those that mean something else where a recording is shown: scrub.c. */
extern const struct vm_key vm_scrub_keys[];
extern const size_t vm_scrub_keys_n;

/** "F4", "Up", "^L", "x": its code; 0: there is no such key.  And the other way round. */
int vm_key_code(const char *word);
void vm_key_put(struct vm_buf *b, int code);

/** The KEYS section of the manual, as an mdoc list. */
void vm_keys_write_man(FILE *out);

/** What the key does in that place, by a table of `n`; VM_ACT_NONE: nothing. */
enum vm_action vm_key_action(const struct vm_key *keys, size_t n, int code, unsigned scope);

#endif
