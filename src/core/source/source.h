/**
 * Where facts come from.
 *
 * The only layer that opens /proc, /sys, perf or BPF.  A command never names a source: it names needs.
 * For every need the registry lists sources from best to plainest; the first that works is used.
 */
#ifndef VM_SOURCE_SOURCE_H
#define VM_SOURCE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/arena.h"
#include "core/base/vec.h"
#include "core/model/need.h"

struct vm_aspace;
struct vm_err;
struct vm_proc;
struct vm_session;
struct vm_system;
struct vm_task_entry;

enum vm_source_flag {
	/** Talks to the running kernel: unavailable on a captured tree. */
	VM_SRC_LIVE = 1 << 0,
	/** Changes the target: used only if the user asked for it. */
	VM_SRC_INTRUSIVE = 1 << 1,
	/** Tells of ranges only, not of a whole space: used when a range was asked for. */
	VM_SRC_RANGE = 1 << 2,
	/** Tells what a pass over all processes found: used where one was made (see vm_snap.task). */
	VM_SRC_PASS = 1 << 3,
};

/** What is being read: a process, its address space too where that is wanted. */
struct vm_snap {
	struct vm_session *s;
	pid_t pid;
	/** /proc/PID.  It stays bound to this very process: when the number is reused, reads fail. */
	int dir_fd;
	/** Live, open the files by their whole path instead, which is cheaper for one or two.  Between two
	    opens the number could only be reused if all others had been in between: the kernel hands
	    them out in a circle (alloc_pid() in kernel/pid.c). */
	bool direct;
	struct vm_proc *proc;
	struct vm_aspace *as;      /* NULL: totals only */
	struct vm_arena *arena;    /* for texts of *proc */
	/** The layout is wanted around these addresses only; 0, 0: all of it. */
	uint64_t from, to;
	/** What a pass over all tasks found of it, and the name by which it was known before; or NULL. */
	const struct vm_task_entry *task;
	const char *known_comm;
	/** Needs met so far. */
	uint32_t met;
};

struct vm_source {
	const char *name;            /* "smaps": --sources, messages, man */
	const char *help;            /* one line */
	uint32_t provides;           /* VM_NEED() bits */
	/** Bits that make it worth reading at all: smaps tells the layout too, but maps tells it cheaper. */
	uint32_t primary;
	uint32_t flags;
	/** 0, or why not (-ENOENT, -ENOTTY, ...): tried on ourselves, once a session.  NULL: always works. */
	int (*probe)(struct vm_session *s, struct vm_err *err);
	/**
	 * Add `want` (a subset of provides) to the snapshot.  Returns 0; -ESRCH if the process is gone;
	 * another negative errno if it can't be read.
	 */
	int (*fill)(struct vm_snap *sn, uint32_t want, struct vm_err *err);
};

/** All sources, best first, ended by NULL.  The one list to edit when adding one. */
extern const struct vm_source *const vm_sources[];

/** 0 if the source works here, else the negative errno and *err says why; remembered. */
int vm_source_usable(struct vm_session *s, const struct vm_source *src, struct vm_err *err);

/**
 * Photograph one process.  `from` and `to`: only mappings that touch [from, to) are needed; 0, 0: all.
 *
 * Returns 0 if anything could be read; what was wanted and missed is in (*out)->proc.unmet, because a
 * partial answer beats none.  -ESRCH: there is no such process, or it vanished half-way.
 * -EACCES or -EPERM: the layout was wanted and may not be read.
 */
int vm_snapshot(struct vm_session *s, pid_t pid, uint32_t needs, uint64_t from, uint64_t to,
		struct vm_aspace **out, struct vm_err *err);

/**
 * Read one process's totals into *p (initialised here; texts go to `arena`).
 * 0, or -ESRCH if it is gone; needs that can't be met are noted in p->unmet.
 */
int vm_proc_read(struct vm_session *s, pid_t pid, uint32_t needs, struct vm_arena *arena,
		 struct vm_proc *p, struct vm_err *err);

struct vm_pids {
	pid_t *v;
	size_t n, cap;
};

/** All processes, ascending.  libproc2 when live, the directory of a captured tree otherwise. */
int vm_proc_list(struct vm_session *s, struct vm_pids *out, struct vm_err *err);

/** Ascending. */
void vm_pids_sort(struct vm_pids *pids);

/** The same from the directory alone, as a captured tree has it; live it takes a fraction of the time. */
int vm_proc_list_dir(struct vm_session *s, struct vm_pids *out, struct vm_err *err);

/** Processes or threads that a directory has a subdirectory of, in its order, behind what `out` holds. */
int vm_list_numbers(struct vm_session *s, struct vm_pids *out, struct vm_err *err, const char *path);

/** Those whose name (comm) matches an extended regular expression, as pgrep; not ourselves.  -EINVAL; -ESRCH: none. */
int vm_proc_find(struct vm_session *s, const char *pattern, struct vm_pids *out, struct vm_err *err);

/** The number of a user, by name or number.  -EINVAL: there is no such user. */
int vm_user_find(struct vm_session *s, const char *name, uid_t *uid, struct vm_err *err);

/** Note what the row misses in the session, to be reported once at the end. */
void vm_proc_note_unmet(struct vm_session *s, const struct vm_proc *p);

/** The machine's own figures; what can't be read stays unknown.  0, or a negative errno. */
int vm_system_read(struct vm_session *s, struct vm_system *out, struct vm_err *err);

/** Only the names of host and kernel. */
void vm_system_identify(struct vm_session *s, struct vm_system *out);

#endif
