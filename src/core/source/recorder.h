/** What a recording holds of this machine, read moment by moment: docs/recording.md. */
#ifndef VM_SOURCE_RECORDER_H
#define VM_SOURCE_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct vm_err;
struct vm_rec_writer;
struct vm_recorder;
struct vm_session;

struct vm_recorder_options {
	/** Processes whose PSS is read anew in a frame, as far as it takes no longer than this; in the first frame all are.
	    Nanoseconds. */
	uint64_t pss_budget_ns;
	/** Mappings with all their figures, policies and limits, too. */
	bool mappings;
};

/** What the last frame cost and holds. */
struct vm_recorder_frame {
	size_t processes;          /* recorded */
	size_t changed;            /* of them, those whose figures changed */
	size_t refused;            /* of them, those whose mappings may not be read */
	uint64_t took_ns;          /* from its first reading to its end on disk */
};

/** The session must be live; its capture is used up: what it reads goes into the recording.  0 or a negative errno. */
int vm_recorder_open(struct vm_session *s, struct vm_rec_writer *w, const struct vm_recorder_options *o,
		     struct vm_recorder **out, struct vm_err *err);
void vm_recorder_close(struct vm_recorder *r);

/**
 * Read the machine and these processes, and write the frame.  Those that have vanished are left out.  0 or a negative
 * errno.
 */
int vm_recorder_frame(struct vm_recorder *r, const pid_t *pids, size_t n, struct vm_recorder_frame *out,
		      struct vm_err *err);

#endif
