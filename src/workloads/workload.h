/**
 * Known memory, on demand.
 *
 * A workload makes memory whose facts are known by construction and states those facts before it
 * waits.  Tests compare them with what the tools see; people use the same programs to learn.
 */
#ifndef VM_WORKLOAD_H
#define VM_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct vm_err;
struct vm_truth;

enum vm_param_type { VM_P_SIZE, VM_P_U64, VM_P_RATIO, VM_P_WORD, VM_P_TEXT };

/** A parameter as the user types it: `--name value`. */
struct vm_param {
	const char *name;
	const char *help;          /* one line, lower case, no period */
	enum vm_param_type type;
	const char *def;           /* default, as it would be typed */
	const char *const *words;  /* VM_P_WORD: the choices, NULL-terminated */
	uint64_t min, max;         /* SIZE, U64: what is accepted; max 0: no limit */
};

/** No workload has more parameters. */
enum { VM_PARAMS_MAX = 8 };

/** A parsed argument, in the order of the workload's params[]. */
struct vm_arg {
	uint64_t u64;        /* SIZE: bytes; U64; WORD: index into words */
	double ratio;        /* RATIO: 0..1 */
	const char *text;    /* as typed, or the default */
};

/** What make() works with; outlives the state. */
struct vm_lab {
	const struct vm_arg *arg;
	const char *dir;     /* where temporary files belong */
	uint64_t page;       /* bytes of a base page */
	uint64_t step_ns;    /* time between steps; 0: they come when asked for */
};

struct vm_workload {
	const char *name;      /* "cow" */
	const char *help;      /* one line: what memory it makes */
	const char *shows;     /* "vmmap,vmpage": the commands that make it visible */
	const char *lesson;    /* a few sentences: what to look at and what it teaches */
	const struct vm_param *params;   /* ended by a NULL name; may be NULL */
	/**
	 * Build the state and state its truth.  Returns 0, or a negative errno with *err filled;
	 * -EPERM and -ENOSYS mean "cannot be made here", exit status 77.
	 * On failure *state may be half-built: done() is called on it whenever it isn't NULL.
	 */
	int (*make)(const struct vm_lab *lab, struct vm_truth *truth, void **state, struct vm_err *err);
	/**
	 * One step of activity; states its own truth line.  Returns 1 if more steps may follow,
	 * 0 after the last one, or a negative errno.  NULL: the state just sits there.
	 */
	int (*step)(void *state, struct vm_truth *truth, struct vm_err *err);
	/** Other processes of the state now; writes at most `max`, returns how many.  May be NULL. */
	size_t (*others)(const void *state, pid_t *pids, size_t max);
	/** Undo everything, files and children included; accepts a half-built state. */
	void (*done)(void *state);
};

/** All workloads, ended by NULL.  The one list to edit when adding one. */
extern const struct vm_workload *const vm_workloads[];

/** The workload of that name, or NULL with *err naming the nearest one. */
const struct vm_workload *vm_workload_find(const char *name, struct vm_err *err);

/**
 * Parse what was typed for each parameter (NULL: its default) into arg[], both in the order of
 * w->params.  Returns 0, or -EINVAL with a message that names the parameter.
 */
int vm_workload_args(const struct vm_workload *w, const char *const *typed, struct vm_arg *arg,
                     struct vm_err *err);

/**
 * Facts of the state, collected as key and value and printed as one JSON line.
 * Keys are lower case with the unit in the name, as in every JSON document of the suite.
 * The name of the workload, its pid and the number of the step are stated by the frame.
 *
 * Nine arrays have one meaning in all workloads, so that one checker serves them all:
 * - "mappings": each is exactly one mapping of the kernel ("start", "end"); its other keys are
 *   those of vmmap's JSON and hold exactly, unless they end in _min or _max;
 * - "ranges": addresses inside mappings; "present_bytes" have a page-table entry;
 * - "pages": what each page of a range is (workloads/pages.h);
 * - "areas": as "mappings", for all mappings between "start" and "end" together; "count" of them;
 * - "numa": mappings with their memory policy as vmnuma words it, bytes by node, and how many of them are elsewhere than
 *   it says;
 * - "huge": memory of a range by the sizes of its pages (workloads/hugepages.h);
 * - "faults": page faults of a kind in a range since the line before (workloads/faults.h); kinds that aren't named for
 *   a range did not occur there;
 * - "pairs": what two processes ("pid", "with_pid") both map of a range, by kind of frame (vmshare's), each frame once;
 * - "family": what a process has in common with its fork family in a range; keys are those of vmshare --family;
 * - "processes": whole processes as the kernel saw them at that moment (measured, not expected).
 * An object without a "pid" speaks of the workload's own process.
 */
void vm_truth_u64(struct vm_truth *t, const char *key, uint64_t v);
void vm_truth_f64(struct vm_truth *t, const char *key, double v);
void vm_truth_addr(struct vm_truth *t, const char *key, uint64_t addr);  /* "0x..." */
void vm_truth_str(struct vm_truth *t, const char *key, const char *s);
void vm_truth_bool(struct vm_truth *t, const char *key, bool v);
/** An array of objects: open one, state its facts as above, close it. */
void vm_truth_array_begin(struct vm_truth *t, const char *key);
void vm_truth_object_begin(struct vm_truth *t);
void vm_truth_object_end(struct vm_truth *t);
void vm_truth_array_end(struct vm_truth *t);

/** A sentence for the person who watches (standard error; silent with --quiet). */
__attribute__((format(printf, 2, 3)))
void vm_truth_say(struct vm_truth *t, const char *fmt, ...);

#endif
