/**
 * Options as data.  One table per command is parsed, printed by --help, written into the man page
 * and turned into completions.
 */
#ifndef VM_CLI_OPT_H
#define VM_CLI_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct vm_err;

enum vm_opt_type {
	VM_OPT_FLAG,       /* bool */
	VM_OPT_U64,        /* uint64_t, min..max (max 0: no limit) */
	VM_OPT_SIZE,       /* uint64_t bytes: 4096, 64K, 2M */
	VM_OPT_TIME,       /* uint64_t ns: 500ms, 2s, 0.5 */
	VM_OPT_ADDR,       /* uint64_t, base 16 */
	VM_OPT_STRING,     /* const char *, borrowed from argv */
	VM_OPT_PATH,       /* const char *, borrowed from argv; completed as a file */
	VM_OPT_ENUM,       /* int: index into words[] */
};

struct vm_opt {
	int short_name;            /* 'p', or 0 */
	const char *name;          /* "pid" */
	const char *arg;           /* "PID,..."; NULL for flags */
	const char *help;          /* one line, lower case, no period */
	const char *man;           /* further sentences for the man page, or NULL */
	enum vm_opt_type type;
	size_t at;                 /* offsetof the target in the command's options struct */
	uint64_t min, max;
	const char *const *words;  /* for VM_OPT_ENUM, ended by NULL; else words to complete */
	unsigned group;            /* non-zero: at most one option of a group may be given */
	bool columns;              /* its argument is a list of columns: completed from the fields */
};
#define VM_OPT_END { .name = NULL }

/** A table and the struct that its options write into. */
struct vm_optset {
	const struct vm_opt *v;    /* ended by VM_OPT_END */
	void *to;                  /* holds the defaults beforehand */
};

/**
 * Parse argv into the sets; a name is looked up in every set, in order.
 *
 * Operands may stand between options; they are moved behind them, as GNU getopt does, unless
 * `stop_at_operand`.  `--` ends the options.  Unambiguous prefixes of long names are accepted.  Returns the index of the first
 * operand, or -EINVAL with a message that names the option and the offending text (and the nearest
 * right name).
 */
int vm_opt_parse(const struct vm_optset *sets, size_t nsets, bool stop_at_operand, int argc, char **argv,
		 struct vm_err *err);

#endif
