/** Small drawings that stand inside a line: a bar, a sparkline, a ramp of shades. */
#ifndef VM_RENDER_STROKES_H
#define VM_RENDER_STROKES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

/**
 * Shades from nothing (a blank) to full, a column each; `*steps` is how many there are above nothing.  UTF-8 has four
 * that can be told apart (U+2591..2593, U+2588), ASCII has nine.
 */
const char *const *vm_shades(bool utf8, unsigned *steps);

/**
 * The step, 1..steps, of a value by its logarithm, where the steps share the range from 1 to `most` equally; 0 for 0.
 * If `most` is 1, that is the highest step.
 */
unsigned vm_log_step(uint64_t value, uint64_t most, unsigned steps);

/**
 * A bar, `share` (0..1) of `width` columns long, ending on an eighth of a column in UTF-8.  What isn't nothing is
 * seen: a share above 0 draws the thinnest stroke at least.  Nothing is appended behind its end.  Returns its columns.
 */
size_t vm_bar_put(struct vm_buf *out, double share, size_t width, bool utf8);

/**
 * Values over time, a column each, the greatest as high as the line.  If there are more values than `width`, a column
 * stands for several and shows the greatest of them: a peak is never lost.  0 is a blank, and only 0 is.  Returns its
 * columns: the smaller of `n` and `width`.
 */
size_t vm_spark_put(struct vm_buf *out, const uint64_t *v, size_t n, size_t width, bool utf8);

#endif
