/** Several samples, one after the other: of the machine as time goes by, of a recording from moment to moment. */
#ifndef VM_CLI_SAMPLES_H
#define VM_CLI_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm_common;
struct vm_err;
struct vm_session;
struct vm_signals;

/** 0, or -EINVAL: a captured tree is one sample only. */
int vm_check_samples(const struct vm_session *s, struct vm_err *err);

/**
 * Before the first of several samples: those of a recording begin with its first moment, unless --at names one.  0 or a
 * negative errno.
 */
int vm_begin_samples(const struct vm_common *c, struct vm_session *s, struct vm_err *err);

/**
 * Go to the moment before that of a recording's session, if there is one (*there): rates of a sample are against it.  Come back
 * with vm_session_seek() to `*at`.  0 or a negative errno.
 */
int vm_sample_before(struct vm_session *s, size_t *at, bool *there, struct vm_err *err);

/**
 * The next sample, `interval_ns` after the one before: wait for it, or go on in the recording by at least that.  `due_ns` is when
 * the sample before was due (CLOCK_MONOTONIC; at first, when it was taken); samples that were missed are left out.
 * `signals` may be NULL: then ^C ends us.  0; 1: there is no further one, or we were told to end; or a negative errno.
 */
int vm_next_sample(struct vm_session *s, struct vm_signals *signals, uint64_t interval_ns, uint64_t *due_ns, struct vm_err *err);

#endif
