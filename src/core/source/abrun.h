/**
 * What is done to a program, and seen of it, that runs with transparent huge pages off or on.
 *
 * Off: PR_SET_THP_DISABLE, which execve(2) and fork(2) keep: no huge pages of any size for anonymous and shared memory or
 * mapped files, whatever the machine's policy and madvise(2) say; pages of the hugetlb pool stay.  (Linux 6.18 can make an
 * exception of what was advised: PR_THP_DISABLE_EXCEPT_ADVISED.  It isn't used: off means off.)  On: the flag taken back,
 * and where the machine gives huge pages only to memory that asks, glibc's malloc is told to ask
 * (GLIBC_TUNABLES=glibc.malloc.hugetlb=1, glibc 2.35).  Neither needs privileges.
 */
#ifndef VM_SOURCE_ABRUN_H
#define VM_SOURCE_ABRUN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/buf.h"
#include "core/model/abrun.h"
#include "core/source/source.h"

struct vm_err;
struct vm_session;

/** For the child, before its execve(2).  0 or a positive errno.  Async-signal-safe. */
int vm_ab_apply(enum vm_ab_side side);

/** Does the kernel let us do that?  Tried on ourselves, and taken back.  0, or -EOPNOTSUPP or -EPERM with the reason. */
int vm_ab_probe(struct vm_err *err);

/** Does this machine's C library know what follows (glibc 2.35)? */
bool vm_ab_malloc_listens(void);

/**
 * What malloc is told.  It isn't always heard: glibc 2.35 and 2.36 compare what they read of the machine's policy with a
 * text though it has no end, and so don't ask if the byte behind it happens not to be 0.  Of some programs that is never
 * so, of others (sort, git) in one run of four.
 */
#define VM_AB_TUNABLE "glibc.malloc.hugetlb"

/** The value of GLIBC_TUNABLES that asks for huge pages, behind what it says already (NULL: nothing).  False: it speaks of
    huge pages itself, and *out stays empty. */
bool vm_ab_tunables(const char *now, struct vm_buf *out);

/**
 * A copy of environ with this value of GLIBC_TUNABLES; free() it, its texts are those of environ and *entry, which
 * stays in place and is filled.  NULL when memory is out.
 */
char **vm_ab_environment(const char *tunables, struct vm_buf *entry);

/* ---- Looking ------------------------------------------------------------------------------------------------------ */

/** What kind of program it is: says why malloc may not have heard us. */
struct vm_ab_program {
	bool known;                /* it was seen */
	bool glibc;                /* it maps the shared C library of GNU */
	char allocator[16];        /* another library's malloc: "jemalloc"; "": none is seen */
	bool refuses;              /* it runs with PR_SET_THP_DISABLE, though we haven't set it: THP_enabled of its status */
};

/**
 * Looks at our children and theirs every now and then: smaps_rollup of each.  That holds up a process only where it maps
 * or unmaps memory at the same time, and for as long as its pages are gone through: 5 to 10 ms a GiB of 4K pages, where
 * the pages are huge a tenth of that.
 */
struct vm_ab_watch {
	struct vm_session *s;
	pid_t pid;
	struct vm_ab_seen seen;
	struct vm_ab_program program;   /* of the biggest process; only if `curious` */
	bool curious;              /* read its maps, too */
	unsigned share;            /* looking may take one part in so many of the time */
	uint64_t began_ns, step_ns, next_ns;   /* CLOCK_MONOTONIC; next_ns: when to look again */
	uint64_t biggest_rss;      /* of the process in `program`, when that was read */
	struct vm_pids pids;
	struct vm_buf text;
};

/** From now on `pid`, a child of ours, and its children: the first look after `first_ns`, then more and more seldom. */
void vm_ab_watch_start(struct vm_ab_watch *w, struct vm_session *s, pid_t pid, uint64_t first_ns, unsigned share);

/** Look, if it's time to. */
void vm_ab_watch_look(struct vm_ab_watch *w);
void vm_ab_watch_free(struct vm_ab_watch *w);

/* ---- Parsers ------------------------------------------------------------------------------------------------------ */

/** What maps says of a program. */
void vm_ab_parse_maps(const char *maps, struct vm_ab_program *out);

#endif
