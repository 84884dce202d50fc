/**
 * A machine as seen from a root directory.
 *
 * Everything that is read goes through here: below one directory, so that a captured tree reads like
 * a live machine, and past the capture, if one is being written.  No globals.
 */
#ifndef VM_SOURCE_SESSION_H
#define VM_SOURCE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/vec.h"
#include "core/model/need.h"
#include "core/model/tlb.h"

struct vm_copies;
struct vm_err;
struct vm_nodes;
struct vm_replay;
struct vm_swap_types;

/** What could not be read, summed up over all processes. */
struct vm_unmet {
	int why;           /* errno; 0: met everywhere it was wanted */
	unsigned count;    /* processes */
	pid_t first;
};

/** What isn't of processes and could not be had: one of each name. */
struct vm_unmet_other {
	const char *name;          /* "psi": JSON; static */
	const char *what;          /* "pressure": for people; static */
	char why[480];             /* a clause, with what would help */
};

struct vm_session {
	/** The root directory; all paths are below it. */
	int root_fd;
	/** root/proc, for the hot path of a live machine; -1 on a captured tree. */
	int proc_fd;
	bool live;
	/** Directory of the capture that is being written, or -1. */
	int capture_fd;
	/** First error of writing the capture, or 0. */
	int capture_error;
	/** Who takes what is read instead of a directory, or NULL: vm_session_copy_to(). */
	const struct vm_copies *copies;
	/** Of the machine that is looked at: this one's, or what the tree or recording says. */
	uint64_t page_bytes;
	/** Clock ticks per second of stat's times (USER_HZ is 100 on every Linux ABI). */
	uint64_t ticks_per_second;
	struct vm_unmet unmet[VM_NEED_NR];
	VM_VEC(struct vm_unmet_other) unmet_other;
	/** Sources found unusable once are not asked again: errno by index into vm_sources[]; -1: not
	    yet asked. */
	int16_t probed[32];
	/** Names of users already looked up; texts in `arena`. */
	VM_VEC(struct vm_user { uid_t uid; const char *name; }) users;
	struct vm_arena arena;
	/** Set when the source "tlb" is first asked for. */
	struct vm_tlb_capacity tlb;
	/** NULL until vm_kernel_swap_types() is first called; in `arena`. */
	const struct vm_swap_types *swap_types;
	/** NULL until vm_nodes_known() is first called. */
	struct vm_nodes *nodes;
	/** Reads page tables; NULL until vm_walker_get() is first called.  Freed by its own function, so that who
	    doesn't ask for it doesn't link it. */
	struct vm_walker *walker;
	void (*walker_free)(struct vm_walker *w);
	/** Looks at all tasks; likewise, by vm_tasks_get(). */
	struct vm_tasks *tasks;
	void (*tasks_free)(struct vm_tasks *t);
	/** Looks at vm_area_structs; likewise, by vm_areas_get(). */
	struct vm_areas *areas;
	void (*areas_free)(struct vm_areas *a);
	/** Times page faults; likewise, by vm_faulttime_get(). */
	struct vm_faulttime *faulttime;
	void (*faulttime_free)(struct vm_faulttime *ft);
	/** The recording whose moment this shows (core/source/recording.h); NULL: it isn't of one.  Freed likewise. */
	struct vm_replay *replay;
	void (*replay_free)(struct vm_replay *rp);
	/** When the recording's moment was read: on the clock of vm_session_clock(), and the date. */
	uint64_t replay_ns, replay_real_ns;
	/** Which run of the machine that moment is of; 0: not known. */
	uint64_t replay_boot;
	/** Reused for every small file. */
	struct vm_buf scratch;
};

/**
 * Open a view of a machine.  `root` is "/" or the top of a captured tree that holds proc/.  Nothing
 * outside `root` is ever opened through it, also not by way of symbolic links (openat2(2) with
 * RESOLVE_IN_ROOT).
 */
int vm_session_open(const char *root, struct vm_session **out, struct vm_err *err);

/** The size of a page where the tree or recording says it: its file `pagesize`. */
void vm_session_learn_page(struct vm_session *s);

/** One that reads nothing yet: for recordings.  NULL when memory is out. */
struct vm_session *vm_session_new(void);
void vm_session_close(struct vm_session *s);

/** When what is read now was so, for rates and ages: CLOCK_MONOTONIC; of a recording, CLOCK_BOOTTIME of its moment. */
uint64_t vm_session_clock(const struct vm_session *s);

/** CLOCK_BOOTTIME and CLOCK_REALTIME then; 0 of a captured tree, which is of no moment. */
uint64_t vm_session_boot_ns(const struct vm_session *s);
uint64_t vm_session_real_ns(const struct vm_session *s);

/**
 * Two numbers that differ: the machine was started again in between, and counters began anew (proc/sys/kernel/random/boot_id).
 * 0: not known; one that is live, or captured, is always the same.
 */
static inline uint64_t vm_session_boot(const struct vm_session *s)
{
	return s->replay_boot;
}

/** That number as it is read now, of a live machine or a captured tree as well. */
uint64_t vm_session_read_boot(struct vm_session *s);

/** What was remembered of the machine is forgotten: it is about to be another one, or another moment of it. */
void vm_session_forget(struct vm_session *s);

/**
 * From now on copy every file that is read into `dir`, which must be empty or not exist yet.
 * Returns 0 or a negative errno.
 */
int vm_session_capture(struct vm_session *s, const char *dir, struct vm_err *err);

/** Takes copies of what is read. */
struct vm_copies {
	void *ctx;
	/** A file or, if `link`, where a symbolic link leads; one that is read twice comes twice.  0 or a negative errno. */
	int (*take)(void *ctx, const char *path, bool link, const void *data, size_t len);
};

/** From now on hand over every file that is read, instead of a capture.  `to` must outlive the session; NULL: no more. */
void vm_session_copy_to(struct vm_session *s, const struct vm_copies *to);

/** What is read is copied: everything must come from files then, and through one thread. */
static inline bool vm_session_copies(const struct vm_session *s)
{
	return s->capture_fd >= 0 || s->copies;
}

/** A file below the root; printf-style path without leading slash.  A descriptor or a negative errno. */
__attribute__((format(printf, 3, 4)))
int vm_session_open_file(struct vm_session *s, int flags, const char *fmt, ...);

/**
 * Open below a directory of a captured tree; `resolve` as in openat2(2).  Only regular files are opened for
 * reading, -EBADMSG for others: the tree may be a stranger's.
 */
int vm_open_captured(int dir_fd, const char *path, int flags, unsigned resolve);

/**
 * The whole file into `to` (emptied first), NUL-terminated.  Returns its length or a negative errno.
 */
__attribute__((format(printf, 3, 4)))
long vm_session_slurp(struct vm_session *s, struct vm_buf *to, const char *fmt, ...);

/** Names in a directory, each with a NUL behind it, in no order; "." and ".." aren't among them.  0 or a negative errno. */
__attribute__((format(printf, 3, 4)))
int vm_session_list(struct vm_session *s, struct vm_buf *names, const char *fmt, ...);

/** The next of such names: NULL at first and at the end. */
const char *vm_next_name(const struct vm_buf *names, const char *name);

/** Target of a symbolic link, as text; its length or a negative errno. */
__attribute__((format(printf, 4, 5)))
long vm_session_readlink(struct vm_session *s, char *buf, size_t size, const char *fmt, ...);

/**
 * Read a descriptor to its end behind what `to` holds; of more than about 1 MiB only the beginning.  Length
 * read, or a negative errno.
 */
long vm_read_all(int fd, struct vm_buf *to);

/**
 * As vm_read_all() for files that the kernel makes in one piece (single_open() in fs/proc: stat, status,
 * smaps_rollup ...): a short read is the end, so one read(2) does.  Not for maps and smaps.
 */
long vm_read_at_once(int fd, struct vm_buf *to);

/** Write all of data[0..len), in as many pieces as it takes; signals don't end it.  0 or a negative errno. */
int vm_write_all(int fd, const void *data, size_t len);

/** A copy of a file that is being made. */
struct vm_tee {
	struct vm_session *s;
	int fd;                    /* of a capture; -1: none */
	char *path;                /* for vm_copies; NULL: none */
	struct vm_buf text;
};

/** Begin the copy of `path`, where copies are made at all.  Errors are kept in capture_error.  End it. */
struct vm_tee vm_session_tee(struct vm_session *s, const char *path);
void vm_tee_write(struct vm_tee *t, const void *data, size_t len);
void vm_tee_end(struct vm_tee *t);
#define vm_auto_tee __attribute__((cleanup(vm_tee_end)))

/** All of it at once. */
void vm_session_tee_file(struct vm_session *s, const char *path, const void *data, size_t len);

/** The copy of a symbolic link. */
void vm_session_tee_link(struct vm_session *s, const char *path, const char *target);

/** What messages call it if it isn't live: "captured tree" or "recording". */
static inline const char *vm_session_kind(const struct vm_session *s)
{
	return s->replay ? "recording" : "captured tree";
}

/** Why something of it isn't known. */
static inline const char *vm_session_lacks(const struct vm_session *s)
{
	return s->replay ? "not in the recording" : "not in the captured tree";
}

/** -ESRCH: there is no such process, on this machine or at this moment of what is looked at. */
int vm_session_no_process(const struct vm_session *s, pid_t pid, struct vm_err *err);

/** Note that `need` was wanted of `pid` and could not be read. */
void vm_session_note(struct vm_session *s, enum vm_need_bit need, int why, pid_t pid);

/** Note that something else could not be had; what was noted under that name before stays. */
void vm_session_note_other(struct vm_session *s, const char *name, const char *what, const char *why);

#endif
