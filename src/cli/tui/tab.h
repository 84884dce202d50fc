/**
 * A tab of the screen of a process: what panel_process.c knows of it.
 *
 * Each is a file tab_*.c with one of these, and an entry in vm_tabs[] (panel_process.c).  What it shows comes from
 * ui->frame, which is read as want() says, or from a function of its own in struct vm_feed.  The state is the tab's
 * alone: zeroed memory of `size` bytes, there from init() to fini().  Functions may be NULL, but for draw().
 */
#ifndef VM_TUI_TAB_H
#define VM_TUI_TAB_H

#include <stddef.h>

#include "cli/tui/keys.h"

struct vm_err;
struct vm_event;
struct vm_grid;
struct vm_ui;
struct vm_want;

struct vm_tab {
	const char *name;          /* "Overview": as it is seen, and as settings name it */
	const char *help;          /* one line, lower case, no period */
	int key;                   /* '1': goes to it from any other */
	unsigned scope;            /* which of the common keys work: VM_IN_TAB_LIST, VM_IN_TAB_PAGE */
	/** Keys of its own, with actions of its own from VM_ACT_OWN on; they go before the common ones. */
	const struct vm_key *keys;
	size_t nkeys;

	size_t size;
	int (*init)(struct vm_ui *ui, void *st, struct vm_err *err);
	void (*fini)(void *st);
	/** Another process: forget what was known of the last one. */
	void (*reset)(struct vm_ui *ui, void *st);
	/** It is seen from now on; it isn't any more (a menu above it doesn't count).  What costs something while it runs
	    begins and ends here. */
	void (*open)(struct vm_ui *ui, void *st);
	void (*close)(struct vm_ui *ui, void *st);
	/** What has to be read of the process. */
	void (*want)(struct vm_ui *ui, void *st, struct vm_want *want);
	/** ui->frame is new; it has the process's space and totals. */
	void (*feed)(struct vm_ui *ui, void *st);
	/** Draw into rows y .. y + h - 1, all columns. */
	void (*draw)(struct vm_ui *ui, void *st, int y, int h);
	/** enum vm_do; those of lists are done for grid() where this does nothing. */
	unsigned (*act)(struct vm_ui *ui, void *st, enum vm_action act);
	/** As it comes; without it, clicks and the wheel go to grid(). */
	unsigned (*mouse)(struct vm_ui *ui, void *st, const struct vm_event *ev);
	/** The list that it shows. */
	struct vm_grid *(*grid)(void *st);
	/** Where it shows several: the one whose columns are kept in the settings.  NULL: grid(). */
	struct vm_grid *(*kept)(void *st);
};

static inline struct vm_grid *vm_tab_kept(const struct vm_tab *t, void *st)
{
	return t->kept ? t->kept(st) : t->grid(st);
}

/** In the order in which they are seen. */
extern const struct vm_tab *const vm_tabs[];
extern const size_t vm_tabs_n;
enum { VM_TABS_MAX = 12 };

extern const struct vm_tab vm_tab_overview, vm_tab_mappings, vm_tab_pages, vm_tab_faults, vm_tab_tlb, vm_tab_huge, vm_tab_numa,
	vm_tab_shared;

#endif
