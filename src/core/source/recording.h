/**
 * A recording: moments of a machine, one after the other, and each of them as a session that every reader takes for a
 * captured tree.
 */
#ifndef VM_SOURCE_RECORDING_H
#define VM_SOURCE_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/source/recblocks.h"
#include "core/source/rectree.h"

enum { VM_MOMENT_TEXT = 48 };

struct vm_err;
struct vm_recording;
struct vm_session;

/**
 * 0; -EBADMSG: not a recording, or nothing of it can be read; -ENOTSUP: of a newer version; another negative errno.
 */
int vm_recording_open(const char *path, struct vm_recording **out, struct vm_err *err);
void vm_recording_close(struct vm_recording *r);

/** Its moments in order of their making.  At least one. */
size_t vm_recording_count(const struct vm_recording *r);
const struct vm_rec_moment *vm_recording_moment(const struct vm_recording *r, size_t i);

/** Bytes of the file that are no frame (torn or broken), and if it was closed as it should be. */
uint64_t vm_recording_lost(const struct vm_recording *r);
bool vm_recording_closed(const struct vm_recording *r);
uint64_t vm_recording_bytes(const struct vm_recording *r);

/**
 * Which moment a text means: "#12" (counted from 1), "+90s" after the first, "-5m" before the last one, "@1700000000.5"
 * (seconds since 1970), "14:05" or "14:05:30" (local time, on the day of the first moment or later), "2026-11-28T14:05:30"
 * (local time; UTC with Z), the date alone too.  Of times the last moment that isn't later.  0; -EINVAL: it is none of
 * these; -ERANGE: the recording wasn't running then.
 */
int vm_recording_find(const struct vm_recording *r, const char *text, size_t *moment, struct vm_err *err);

/**
 * What was there at a moment.  Entries that differ from the last call's have `changed` set.  -EBADMSG: it is broken; then
 * nothing is known until the next call.
 */
int vm_recording_read(struct vm_recording *r, size_t moment, struct vm_err *err);

/** The frame that kept the last one from being read; and the first one from `from` on that needs none before it, or the count. */
size_t vm_recording_broken(const struct vm_recording *r);
size_t vm_recording_next_whole(const struct vm_recording *r, size_t from);

struct vm_rec_tree *vm_recording_tree(struct vm_recording *r);

/** What the moment that was read last holds. */
struct vm_rec_summary {
	size_t processes, with_mappings;
	char host[65], kernel[65]; /* "": it doesn't say */
};
void vm_recording_sum_up(struct vm_recording *r, struct vm_rec_summary *out);

/**
 * A session at a moment.  It owns the recording from here on, also if this fails.  Files, links and directories come from
 * memory.
 */
int vm_session_open_recording(struct vm_recording *r, size_t moment, struct vm_session **out, struct vm_err *err);

/** The same at the last moment that can be read; that others can't is noted. */
int vm_session_open_last(struct vm_recording *r, struct vm_session **out, struct vm_err *err);

/** The recording of the session; NULL: it isn't of one. */
struct vm_recording *vm_session_recording(const struct vm_session *s);
size_t vm_session_moment(const struct vm_session *s);

/** Go to another moment: what is read from now on is of that.  0 or a negative errno; then it stays where it is. */
int vm_session_seek(struct vm_session *s, size_t moment, struct vm_err *err);

/** Go to the first moment that can be read; that others can't is noted. */
int vm_session_begin(struct vm_session *s, struct vm_err *err);

/**
 * Go on to the first moment that is at least `ns` of recorded time later; broken ones are passed over, and that is noted.
 * -ENODATA: there is none.
 */
int vm_session_advance(struct vm_session *s, uint64_t ns, struct vm_err *err);

/** When it was: "2026-11-28 14:05:30" in local time; fractions of a second where `fraction` is set. */
void vm_moment_text(const struct vm_rec_moment *m, bool fraction, char to[static VM_MOMENT_TEXT]);

#endif
