/** The state of the screens, shared by app.c and the panels; nobody else includes this. */
#ifndef VM_TUI_UI_H
#define VM_TUI_UI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/tui/app.h"
#include "cli/tui/canvas.h"
#include "cli/tui/feed.h"
#include "cli/tui/grid.h"
#include "cli/tui/history.h"
#include "cli/tui/keymap.h"
#include "cli/tui/keys.h"
#include "cli/tui/levels.h"
#include "cli/tui/settings.h"
#include "cli/tui/tab.h"
#include "cli/tui/term.h"
#include "cli/tui/trends.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/model/aspace.h"
#include "core/model/machine.h"

struct vm_ui;

/** What a handler asks the loop for. */
enum vm_do {
	VM_DO_NOTHING = 0,
	VM_DO_REDRAW  = 1 << 0,
	VM_DO_REFILL  = 1 << 1,    /* the lists have to be made again from the same data */
	VM_DO_REFRESH = 1 << 2,    /* data have to be read now */
	VM_DO_QUIT    = 1 << 3,
};

/** A screen; constant. */
struct vm_panel {
	/** Which keys work; those of its own, which go first (may be NULL). */
	unsigned (*scope)(const struct vm_ui *ui);
	const struct vm_key *(*keys)(const struct vm_ui *ui, size_t *n);
	/** What must be read, and what to do with it.  NULL: the screen below it goes on. */
	void (*want)(struct vm_ui *ui, struct vm_want *want);
	void (*feed)(struct vm_ui *ui);
	/** Draw into rows y .. y + h - 1 of ui->canvas, all columns. */
	void (*draw)(struct vm_ui *ui, int y, int h);
	/** enum vm_do. */
	unsigned (*act)(struct vm_ui *ui, enum vm_action act);
	unsigned (*mouse)(struct vm_ui *ui, const struct vm_event *ev);
	/** The list that it shows, or NULL. */
	struct vm_grid *(*grid)(struct vm_ui *ui);
	/** It goes away; may be NULL. */
	void (*leave)(struct vm_ui *ui);
};
extern const struct vm_panel vm_panel_procs, vm_panel_process, vm_panel_text, vm_panel_menu, vm_panel_machine;

enum vm_ask { VM_ASK_NOTHING, VM_ASK_SEARCH, VM_ASK_FILTER, VM_ASK_INTERVAL, VM_ASK_SET, VM_ASK_MOMENT, VM_ASK_ADDRESS };

/** The line at the bottom in which the user types. */
struct vm_prompt {
	enum vm_ask ask;
	char text[VM_GRID_TEXT];
	char before[VM_GRID_TEXT]; /* for Esc */
	char trouble[96];          /* why the text isn't accepted yet */
	size_t row_before;
};

enum vm_menu_kind { VM_MENU_COLUMNS, VM_MENU_SORT, VM_MENU_USERS, VM_MENU_SETS };

struct vm_menu_item {
	char name[40];
	const char *help;
	uint8_t field;
	bool on;
};

struct vm_menu {
	enum vm_menu_kind kind;
	const char *title;
	VM_VEC(struct vm_menu_item) items;
	size_t sel, top;
	int y, h;                  /* as drawn last */
};

/** Lines to read and scroll: help, all of a mapping. */
struct vm_page {
	char title[120];
	struct vm_buf text;
	size_t lines, top;
	int h;
};

/** The process that is open. */
struct vm_open {
	pid_t pid;
	uint64_t start;
	char comm[VM_COMM_MAX + 1];
	unsigned tab;              /* index into vm_tabs */
	bool shown;                /* that tab was told that it is seen */
	void *state[VM_TABS_MAX];
	/** Totals with rates against the photograph before; texts of `now` belong to the frame. */
	struct vm_proc now, before;
	bool known;
	bool ended;
	bool wants_picture;
};

/** What is followed of the machine, whichever screen is seen. */
struct vm_machine_view {
	struct vm_trends trends;
	/** Rates since boot, and none: of a first reading nothing else is known. */
	struct vm_machine_rates boot, none;
	/** The lines of the screen: the selected one, the first one seen; how many there are, and fit. */
	size_t sel, top, n, room;
	/* As drawn last. */
	int x[2], y, w, each, rows;
};

enum { VM_DEPTH = 6 };
#define VM_INTERVAL_LEAST_NS UINT64_C(50000000)

struct vm_ui {
	const struct vm_app_opts *opts;
	const struct vm_feed *feed;
	const struct vm_term *term;
	struct vm_canvas canvas;
	struct vm_frame frame;
	bool framed;               /* the frame holds data */
	struct vm_err trouble;     /* of the last refresh */
	/** What we cost, as a share of one CPU: since the first refresh that was drawn, weighted towards the last ones; NAN: not known. */
	double own_share;
	uint64_t own_cpu_ns, own_at_ns;
	uint64_t interval_ns;
	double budget;
	bool paused;
	bool exact;                /* numbers in bytes */
	int key;                   /* the one that was pressed last */
	char note[160];            /* said in the footer until the next key */
	/** Screens on top of each other; the last one is seen. */
	const struct vm_panel *stack[VM_DEPTH];
	unsigned depth;
	struct vm_grid_class procs_class;
	struct vm_grid procs;
	struct vm_history history;
	bool no_sparks, ascii;
	struct vm_levels levels;
	struct vm_config *config;
	struct vm_keymap keymap;
	struct vm_sets sets;
	bool kernel;
	char user[40];             /* only this user's; "": all */
	struct vm_open open;
	struct vm_machine_view machine;
	struct vm_prompt prompt;
	struct vm_menu menu;
	struct vm_page page;
	size_t moment;             /* of a recording: the one that is shown */
};

void vm_ui_push(struct vm_ui *ui, const struct vm_panel *panel);
void vm_ui_pop(struct vm_ui *ui);
const struct vm_panel *vm_ui_top(const struct vm_ui *ui);
/** The list that is seen, also from a menu above it; never NULL. */
struct vm_grid *vm_ui_grid(struct vm_ui *ui);
/** "1.5G", or all digits where exact numbers are wanted; in num. */
const char *vm_ui_bytes(const struct vm_ui *ui, uint64_t bytes, char num[static VM_NUMBUF]);

/** Draw a list into rows y .. y + h - 1. */
void vm_ui_draw_grid(struct vm_ui *ui, struct vm_grid *g, int y, int h);
/** If a list is filtered, how many of its rows are shown ("3 of 9", then `what`), and by which filter; how many lines that took. */
int vm_ui_draw_filtered(struct vm_ui *ui, const struct vm_grid *g, int y, const char *what);
/** A word in bold, in a column of its own, and behind it the rest of the line; empties the buffer. */
void vm_ui_draw_entry(struct vm_ui *ui, int y, int head_width, const char *head, struct vm_buf *b);

__attribute__((format(printf, 2, 3)))
void vm_ui_note(struct vm_ui *ui, const char *fmt, ...);

/** prompt.c: begin to ask; take a key; draw; say what the footer shows. */
unsigned vm_prompt_begin(struct vm_ui *ui, enum vm_ask ask);
unsigned vm_prompt_key(struct vm_ui *ui, int key);
void vm_prompt_draw(struct vm_ui *ui, int y);

/** A picture of the open process's address space, as soon as it is read. */
unsigned vm_layout_open(struct vm_ui *ui);
unsigned vm_process_open(struct vm_ui *ui, pid_t pid, uint64_t start, const char *comm);
/** Its tabs, before and after everything else. */
int vm_process_init(struct vm_ui *ui, struct vm_err *err);
void vm_process_fini(struct vm_ui *ui);

void vm_menu_open(struct vm_ui *ui, enum vm_menu_kind kind);
unsigned vm_help_open(struct vm_ui *ui);
/** "name" in a column of its own, then words wrapped at `width`. */
void vm_page_entry(struct vm_buf *b, const char *name, int name_width, const char *words, int width);
/** The next line of a text, cut where `size` ends; *s goes on behind it.  False: there is none left. */
bool vm_text_line(const char **s, char *line, size_t size);
/** All fields of a row, to read; and of a mapping its flags in words, too. */
unsigned vm_row_open(struct vm_ui *ui, const struct vm_fieldset *set, const void *row, const char *title);
/** The text that was put into ui->page. */
unsigned vm_text_open(struct vm_ui *ui, const char *title);
unsigned vm_mapping_open(struct vm_ui *ui, const struct vm_mapping *m);

/**
 * scrub.c: a recording's moments.  vm_scrub_key() returns enum vm_do, or -1: the key has nothing to do with them; draw
 * returns how many lines it took; the tick is that of playing on.
 */
int vm_scrub_key(struct vm_ui *ui, int key);
unsigned vm_scrub_tick(struct vm_ui *ui);
int vm_scrub_draw(struct vm_ui *ui, int y);
/** Footer, from column x; columns used. */
int vm_scrub_draw_keys(struct vm_ui *ui, int x, int y);
/** The prompt's text as a moment. */
unsigned vm_scrub_jump(struct vm_ui *ui);

/** panel_machine.c: follow the machine, at every refresh. */
int vm_machine_init(struct vm_ui *ui, struct vm_err *err);
void vm_machine_want(struct vm_want *want);
/** Before a refresh, and behind it. */
void vm_machine_go_to(struct vm_ui *ui);
void vm_machine_take(struct vm_ui *ui);
void vm_machine_fini(struct vm_ui *ui);
/** Its figures as a row; false: nothing is known. */
bool vm_machine_figures(struct vm_ui *ui, struct vm_machine_row *row);

/** meters.c: the machine, in at most `h` lines from `y`; returns how many it took. */
int vm_meters_draw(struct vm_ui *ui, int y, int h);
/** What we cost ourselves, at the right end of line y if that leaves the columns before x free. */
void vm_meters_draw_own(struct vm_ui *ui, int x, int y);
/** Swap as a bar of `w` columns. */
void vm_meters_draw_swap(struct vm_ui *ui, int x, int y, int w);

#endif
