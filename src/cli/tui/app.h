/**
 * vmtop's screens as a state machine.
 *
 * Keys and ticks come in, a canvas goes out; what is to be done is returned by the handlers and done by the
 * loop.  Data come from a feed, the screen goes to a terminal: both are the caller's.
 */
#ifndef VM_TUI_APP_H
#define VM_TUI_APP_H

#include <stdbool.h>
#include <stdint.h>

struct vm_config;
struct vm_err;
struct vm_feed;
struct vm_fieldset;
struct vm_term;

struct vm_app_opts {
	/** 0: as the settings say, else a second. */
	uint64_t interval_ns;
	/** The file of settings, as it is kept up to date and saved; NULL: there is none. */
	struct vm_config *config;
	/** Of one CPU, for dear figures; 0: as the settings say, else 2 %. */
	double budget;
	/** Write and change nothing. */
	bool read_only;
	const struct vm_fieldset *fields;      /* of processes; NULL: vm_process_fields */
	const char *columns, *sort, *filter;   /* as of -o, -s and --filter; NULL: the usual */
	bool kernel;               /* show kernel threads */
	bool exact;
	/** Said in the footer until the first key; NULL: nothing. */
	const char *note;
};

/** Run until the user quits or the terminal ends.  0, or a negative errno with *err filled. */
int vm_app_run(const struct vm_app_opts *o, const struct vm_feed *feed, const struct vm_term *term,
	       struct vm_err *err);

#endif
