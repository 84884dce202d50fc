/** A growing text buffer that writers append to and sinks flush. */
#ifndef VM_BASE_BUF_H
#define VM_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Zero-initialised is empty and valid. */
struct vm_buf {
	char *s;
	size_t n, cap;
	/** Memory ran out: something was not appended.  Sticky; check it once at the end. */
	bool failed;
};

/** Make room for `extra` more bytes; false (and failed) when memory is out. */
bool vm_buf_reserve(struct vm_buf *b, size_t extra);

/**
 * As vm_buf_reserve(), and have the kernel put memory behind all of it at once: a fault for each page costs
 * more than filling it with text.  For megabytes that will be filled for sure.
 */
bool vm_buf_reserve_now(struct vm_buf *b, size_t extra);
void vm_buf_free(struct vm_buf *b);

static inline void vm_buf_add(struct vm_buf *b, const char *s, size_t len)
{
	if (len == 0 || (b->cap - b->n < len && !vm_buf_reserve(b, len)))
		return;
	memcpy(b->s + b->n, s, len);
	b->n += len;
}

static inline void vm_buf_add_char(struct vm_buf *b, char c)
{
	if (b->cap == b->n && !vm_buf_reserve(b, 1))
		return;
	b->s[b->n++] = c;
}

static inline void vm_buf_add_str(struct vm_buf *b, const char *s)
{
	vm_buf_add(b, s, strlen(s));
}

/** `n` times the character `c`. */
void vm_buf_add_fill(struct vm_buf *b, char c, size_t n);
void vm_buf_add_u64(struct vm_buf *b, uint64_t v);
__attribute__((format(printf, 2, 3)))
void vm_buf_addf(struct vm_buf *b, const char *fmt, ...);

/** NUL-terminate and return the text ("" when empty); the NUL is not counted in n. */
const char *vm_buf_str(struct vm_buf *b);

/**
 * Append the string as JSON, quotes included, valid whatever bytes it holds.  A byte that is not
 * part of valid UTF-8 becomes \udcNN (PEP 383: Python's os.fsencode() gives the byte back; other
 * readers show a replacement character).
 */
void vm_buf_add_json_str(struct vm_buf *b, const char *s, size_t len);

#endif
