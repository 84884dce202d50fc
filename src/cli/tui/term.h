/**
 * A terminal, or what stands for one: curses.c and script.c each make one.
 */
#ifndef VM_TUI_TERM_H
#define VM_TUI_TERM_H

#include <stdbool.h>
#include <stdint.h>

struct vm_canvas;
struct vm_err;

/** Keys: Unicode characters, control characters as they come, and these. */
enum vm_keycode {
	VM_KEY_NONE = 0, VM_KEY_TAB = 9, VM_KEY_ENTER = 13, VM_KEY_ESC = 27, VM_KEY_BACKSPACE = 127,
	VM_KEY_UP = 0x110000, VM_KEY_DOWN, VM_KEY_LEFT, VM_KEY_RIGHT, VM_KEY_PGUP, VM_KEY_PGDN,
	VM_KEY_HOME, VM_KEY_END, VM_KEY_BACKTAB, VM_KEY_DELETE, VM_KEY_SHIFT_LEFT, VM_KEY_SHIFT_RIGHT, VM_KEY_OTHER,
	VM_KEY_F0 = 0x110100,
};
#define VM_KEY_F(n) (VM_KEY_F0 + (n))
#define VM_KEY_CTRL(c) ((c) & 31)

enum vm_event_type {
	VM_EV_TICK,                /* the deadline came */
	VM_EV_KEY, VM_EV_CLICK, VM_EV_WHEEL, VM_EV_RESIZE,
	VM_EV_END,                 /* a signal, or the end of the script: stop */
};

struct vm_event {
	enum vm_event_type type;
	int key;                   /* VM_EV_KEY */
	int x, y;                  /* VM_EV_CLICK, VM_EV_WHEEL */
	int turn;                  /* VM_EV_WHEEL: -1 up, 1 down */
	bool twice;                /* VM_EV_CLICK: a double click */
};

struct vm_term {
	void *ctx;
	bool utf8, color;
	void (*size)(void *ctx, int *w, int *h);
	/** Show the canvas; only what changed is written. */
	void (*draw)(void *ctx, const struct vm_canvas *c);
	/** The next event, VM_EV_TICK when CLOCK_MONOTONIC reaches the deadline (UINT64_MAX: never).
	    0, or a negative errno with *err filled. */
	int (*wait)(void *ctx, uint64_t deadline_ns, struct vm_event *ev, struct vm_err *err);
	/** Give the terminal back as it was, and free; NULL-safe parts only. */
	void (*close)(void *ctx);
	/** The signal that ended it, to be raised again after close(); 0: none.  */
	int (*ended_by)(void *ctx);
};

/**
 * Take the terminal over.  `color`: let it have colours if it can.
 * -ENOTTY: there is no terminal, or it can't place text; *err says so.
 */
int vm_curses_open(bool color, struct vm_term *out, struct vm_err *err);

/**
 * A terminal that exists on paper only: it presses the keys that the file says, and saves screens as text.
 * The commands are in vmtop(1).
 */
int vm_script_open(const char *path, bool utf8, struct vm_term *out, struct vm_err *err);

#endif
