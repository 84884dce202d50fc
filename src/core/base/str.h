/** Numbers, sizes and durations as text; text that may hold any bytes. */
#ifndef VM_BASE_STR_H
#define VM_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Whole text to number: decimal, or hexadecimal after 0x.
 * Returns 0, -EINVAL (not a number) or -ERANGE; *out is unchanged on failure.
 */
int vm_parse_u64(const char *s, uint64_t *out);

/** Whole text to number in base 16, with or without 0x, as in /proc/PID/maps. */
int vm_parse_hex(const char *s, uint64_t *out);

/** "7f0000000000-7f0000200000": two of them, the first below the second.  As vm_parse_u64 on failure. */
int vm_parse_range(const char *s, uint64_t *from, uint64_t *to);

/**
 * The next range of a list of CPUs or nodes as the kernel writes it, "0-3,8\n": sets *first and *last (the same for "8").
 * Returns where the next one begins, or NULL: there is none, or no sense in what follows.
 */
const char *vm_parse_list(const char *s, unsigned *first, unsigned *last);

/** "4096", "64K", "1.5G", "2MiB": bytes, powers of 1024.  As vm_parse_u64 on failure. */
int vm_parse_size(const char *s, uint64_t *bytes);

/** "500ms", "2s", "1m", "0.5" (seconds when no unit): nanoseconds. */
int vm_parse_duration(const char *s, uint64_t *ns);

/** "50%", "0.5", "1/2": a share between 0 and 1. */
int vm_parse_ratio(const char *s, double *ratio);

/** Big enough for every vm_format_*() below. */
enum { VM_NUMBUF = 32 };

/** "0", "512", "4.0K", "12.3M": at most 7 columns ("1023.9K").  Returns buf. */
const char *vm_format_size(uint64_t bytes, char buf[static VM_NUMBUF]);

/** Length of what vm_format_size() gives, without making it. */
size_t vm_size_width(uint64_t bytes);

/** How many decimal digits. */
size_t vm_u64_width(uint64_t v);

/** Decimal digits.  Returns the first digit, somewhere inside buf. */
const char *vm_format_u64(uint64_t v, char buf[static VM_NUMBUF]);

/** "0", "9999", "12.3K", "9.81G": powers of 1000, at most 6 columns.  Returns buf. */
const char *vm_format_amount(uint64_t n, char buf[static VM_NUMBUF]);

/** "850ns", "12.3us", "4.1ms", "2.0s".  Returns buf. */
const char *vm_format_duration(uint64_t ns, char buf[static VM_NUMBUF]);

/** Lower-case hexadecimal digits, at least `digits` (up to 16) of them; returns the length, writes no NUL. */
size_t vm_put_hex(char *to, uint64_t v, unsigned digits);

/**
 * Undo the octal escapes (\012 \134 ...) that the kernel writes into /proc/PID/maps,
 * which escapes newline only (fs/proc/task_mmu.c: seq_path with "\n").
 * In place; returns the new length.
 */
size_t vm_unescape_newlines(char *s, size_t len);

/** The next UTF-8 character at s[0..len); 0 and *used = 1 for a byte that is not part of one. */
uint32_t vm_utf8_next(const char *s, size_t len, size_t *used);

/** Edit distance for "did you mean"; case-insensitive (Damerau-Levenshtein, restricted). */
unsigned vm_edit_distance(const char *a, const char *b);

/** Case-insensitive equality. */
bool vm_streq_nocase(const char *a, const char *b);

#endif
