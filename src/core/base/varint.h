/** Numbers of any length: seven bits a byte, the lowest first; the eighth bit says that more follow (LEB128). */
#ifndef VM_BASE_VARINT_H
#define VM_BASE_VARINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

static inline void vm_varint_put(struct vm_buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		vm_buf_add_char(b, (char)(v | 0x80));
	vm_buf_add_char(b, (char)v);
}

/** The number at s[*at..len), and *at behind it.  False: it is cut, or has more than 64 bits. */
static inline bool vm_varint_take(const char *s, size_t len, size_t *at, uint64_t *out)
{
	uint64_t v = 0;
	for (unsigned shift = 0; *at < len && shift < 64; shift += 7) {
		const uint64_t c = (unsigned char)s[(*at)++];
		if (shift == 63 && c > 1)
			return false;
		v |= (c & 0x7f) << shift;
		if (!(c & 0x80)) {
			*out = v;
			return true;
		}
	}
	return false;
}

/** Small numbers of either sign to small ones without: 0, -1, 1, -2, 2 ... (protobuf calls it zigzag). */
static inline uint64_t vm_zigzag(uint64_t difference)
{
	return difference << 1 ^ -(difference >> 63);
}

static inline uint64_t vm_unzigzag(uint64_t v)
{
	return v >> 1 ^ -(v & 1);
}

#endif
