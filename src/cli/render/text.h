/** Text on a terminal: widths in columns. */
#ifndef VM_RENDER_TEXT_H
#define VM_RENDER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Columns that a character takes: 0 combining, 2 wide (East Asian, emoji), else 1 (wcwidth(3)). */
unsigned vm_char_width(uint32_t c);

/** Columns that s[0..len) takes; a byte that isn't UTF-8 takes one. */
size_t vm_text_width(const char *s, size_t len);

/** Length of the longest start of s[0..len) that fits into `columns`. */
size_t vm_text_fit(const char *s, size_t len, size_t columns);

/**
 * Cut s[0..*len), a whole text of UTF-8, to `columns` (at least 1), with a + where it was cut: at its end, or with `path` at
 * its beginning, after " (deleted)" at its end.  Changes *len; returns the columns that it takes then.
 */
size_t vm_text_cut(char *s, size_t *len, size_t columns, bool path);

#endif
