/**
 * Recordings: moments of a machine in a file, each read as a captured tree is.
 *
 * vmrec(1) writes them (core/source/recwriter.h); their format is described in docs/recording.md.  A session on a
 * recording serves files, links and directories as they were at one of its moments, from memory: who reads through
 * struct vm_session needs nothing of his own for that.
 */
#ifndef VM_SOURCE_RECORDING_H
#define VM_SOURCE_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm_err;
struct vm_session;

/** One frame of a recording. */
struct vm_moment {
	int64_t real_ns;           /* CLOCK_REALTIME when it had been read, since 1970 */
	uint64_t mono_ns;          /* CLOCK_MONOTONIC then: for rates within one run of vmrec */
	uint64_t offset;           /* in the file */
	uint32_t bytes;            /* in the file, header included */
	uint32_t run;              /* runs of vmrec that wrote to the file, from 0: clocks of different runs don't compare */
	bool key;                  /* holds everything; others hold what changed against the one before */
};

/** What is wrong with a recording that can be read in part; all 0: nothing. */
struct vm_rec_damage {
	uint64_t torn_bytes;       /* at the end: a frame that wasn't written to its end */
	uint64_t bad_bytes;        /* elsewhere: no frame, or one whose checksum is wrong */
	uint64_t lost_moments;     /* frames whose own bytes are whole, but that rest upon a lost one */
	uint64_t unknown;          /* blocks of a kind that this version doesn't know, passed over */
};

/**
 * A session on a recording.  `at` says which moment, as --at does (vm_recording_find()); NULL: the last one.
 *
 * 0 or a negative errno: -ENOENT and the like: the file; -EBADMSG: it is no recording, or nothing of it can be read;
 * -EPROTONOSUPPORT: of a newer version, or compressed in a way that this build can't undo; -EINVAL: `at` makes no sense
 * (so says *err, with what would); -ERANGE: it is outside of the recording.
 * Close it with vm_session_close().
 */
int vm_session_open_recording(const char *file, const char *at, struct vm_session **out, struct vm_err *err);

/** The moments that can be read, in the order of the file; NULL and 0 for sessions that aren't on a recording. */
const struct vm_moment *vm_session_moments(const struct vm_session *s, size_t *n);

/** Index of the moment that the session shows. */
size_t vm_session_moment(const struct vm_session *s);

/**
 * Show another moment.  What was read before stays as it was read; the session's own caches (users, nodes, swap types)
 * are dropped.  0; -ERANGE; -EBADMSG: its frame, or one that it rests upon, makes no sense (the session then shows
 * the last moment before the damage).
 */
int vm_session_seek(struct vm_session *s, size_t moment, struct vm_err *err);

/**
 * Go on by at least `ns` of recorded time, to the next moment at least.  Where a session isn't on a recording this
 * is -EOPNOTSUPP; -ENODATA: that was the last moment.
 */
int vm_session_advance(struct vm_session *s, uint64_t ns);

/**
 * The moment that a text means: the last one that isn't later than it.
 *
 *   2026-11-28T09:15:00Z, 2026-11-28T10:15+01:00, "2026-11-28 10:15" (local time)   a date and a time
 *   09:15, 09:15:30                                   local time, the first such within the recording
 *   +90, +1.5m, -30s                                  after its beginning; before its end
 *   @1795857300.5                                     seconds since 1970
 *   #7                                                the seventh frame
 *   first, last
 *
 * 0, -EINVAL or -ERANGE; *err says what would be right, or which times it spans.
 */
int vm_recording_find(const struct vm_moment *moments, size_t n, const char *text, size_t *at, struct vm_err *err);

/** What is wrong with the session's recording. */
void vm_session_damage(const struct vm_session *s, struct vm_rec_damage *out);

/** The time of a moment as people read it: "2026-11-28 10:15:00.250" (local time), or with `utc` as documents have it. */
void vm_moment_text(const struct vm_moment *m, bool utc, char *to, size_t size);

/** When documents say that the session's facts were true: CLOCK_MONOTONIC now, or that of the moment it shows. */
uint64_t vm_session_clock(const struct vm_session *s);

#endif
