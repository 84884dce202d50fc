/**
 * What differs between two texts of the same form, where the form is numbers between words: most files of /proc.
 *
 * Counters that went up a little become a byte or two each, and what stayed the same nothing.  Format: docs/recording.md.
 */
#ifndef VM_BASE_TEXTDELTA_H
#define VM_BASE_TEXTDELTA_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"

/**
 * Append to `out` what makes `to` of `from`.  False: the texts have other numbers of numbers, or it would be no shorter than
 * `to` itself, or memory is out (out->failed); then `out` is as before.
 */
bool vm_textdelta_make(const char *from, size_t from_len, const char *to, size_t to_len, struct vm_buf *out);

/** Append to `out` what it makes of `from`.  0, -EBADMSG (it isn't of such a text, or no delta at all), -ENOMEM. */
int vm_textdelta_apply(const char *from, size_t from_len, const char *delta, size_t delta_len, struct vm_buf *out);

#endif
