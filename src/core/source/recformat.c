#include "core/source/recformat.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "core/base/crc32c.h"

/** As PNG's: what passes through something that takes it for text doesn't stay whole. */
static const char magic[8] = { 'V', 'M', 'R', 'E', 'C', '\r', '\n', '\x1a' };
static const char block_magic[4] = { 'V', 'M', 'R', 'B' };
static const char tail_magic[4] = { 'V', 'M', 'R', 'T' };

enum { PATH_MAX_LEN = 8192 };

static void put32(uint8_t *to, uint32_t v)
{
	v = htole32(v);
	memcpy(to, &v, sizeof(v));
}

static void put64(uint8_t *to, uint64_t v)
{
	v = htole64(v);
	memcpy(to, &v, sizeof(v));
}

static uint32_t take32(const uint8_t *from)
{
	uint32_t v;
	memcpy(&v, from, sizeof(v));
	return le32toh(v);
}

static uint64_t take64(const uint8_t *from)
{
	uint64_t v;
	memcpy(&v, from, sizeof(v));
	return le64toh(v);
}

void vm_rec_put_head(uint8_t to[static VM_REC_HEAD])
{
	memcpy(to, magic, sizeof(magic));
	put32(to + 8, VM_REC_VERSION);
	put32(to + 12, vm_crc32c(to, 12));
}

int vm_rec_take_head(const uint8_t from[static VM_REC_HEAD], uint32_t *version)
{
	*version = take32(from + 8);
	if (memcmp(from, magic, sizeof(magic)) != 0 || take32(from + 12) != vm_crc32c(from, 12) || *version == 0)
		return -EBADMSG;
	return *version > VM_REC_VERSION ? -ENOTSUP : 0;
}

void vm_rec_put_block(uint8_t to[static VM_REC_BLOCK], const struct vm_rec_block *b)
{
	memset(to, 0, VM_REC_BLOCK);
	memcpy(to, block_magic, sizeof(block_magic));
	to[4] = b->type;
	to[5] = b->packing;
	put64(to + 8, b->number);
	put64(to + 16, (uint64_t)b->real_ns);
	put64(to + 24, b->boot_ns);
	put32(to + 32, b->names);
	put32(to + 36, b->names_packed);
	put32(to + 40, b->data);
	put32(to + 44, b->data_packed);
	put32(to + 48, b->crc);
	put32(to + 60, vm_crc32c(to, 60));
}

bool vm_rec_take_block(const uint8_t from[static VM_REC_BLOCK], struct vm_rec_block *b)
{
	if (memcmp(from, block_magic, sizeof(block_magic)) != 0 || take32(from + 60) != vm_crc32c(from, 60))
		return false;
	*b = (struct vm_rec_block){
		.type = from[4], .packing = from[5], .number = take64(from + 8), .real_ns = (int64_t)take64(from + 16),
		.boot_ns = take64(from + 24), .names = take32(from + 32), .names_packed = take32(from + 36),
		.data = take32(from + 40), .data_packed = take32(from + 44), .crc = take32(from + 48),
	};
	return b->type >= VM_REC_KEY && b->type <= VM_REC_INDEX && b->names <= VM_REC_PART_MAX &&
	       b->names_packed <= VM_REC_PART_MAX && b->data <= VM_REC_PART_MAX && b->data_packed <= VM_REC_PART_MAX;
}

void vm_rec_put_tail(uint8_t to[static VM_REC_TAIL], uint64_t index)
{
	memcpy(to, tail_magic, sizeof(tail_magic));
	put64(to + 4, index);
	put32(to + 12, vm_crc32c(to, 12));
}

bool vm_rec_take_tail(const uint8_t from[static VM_REC_TAIL], uint64_t *index)
{
	*index = take64(from + 4);
	return memcmp(from, tail_magic, sizeof(tail_magic)) == 0 && take32(from + 12) == vm_crc32c(from, 12);
}

/** Seven bits a byte, the lowest first; the eighth says that more follow (LEB128). */
static void put_length(struct vm_buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		vm_buf_add_char(b, (char)(v | 0x80));
	vm_buf_add_char(b, (char)v);
}

static bool take_length(const char *names, size_t len, size_t *at, size_t *out)
{
	uint64_t v = 0;
	for (unsigned shift = 0; *at < len && shift < 35; shift += 7) {
		unsigned char c = (unsigned char)names[(*at)++];
		v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80)) {
			*out = (size_t)v;
			return v <= VM_REC_PART_MAX;
		}
	}
	return false;
}

void vm_rec_put_name(struct vm_buf *names, const struct vm_rec_name *n)
{
	vm_buf_add_char(names, (char)n->op);
	put_length(names, n->path_len);
	vm_buf_add(names, n->path, n->path_len);
	if (n->op != VM_REC_OP_GONE)
		put_length(names, n->len);
}

static bool is_below(const char *path, size_t len)
{
	if (len == 0 || len > PATH_MAX_LEN || memchr(path, '\0', len))
		return false;
	for (size_t from = 0; from <= len;) {
		const char *slash = memchr(path + from, '/', len - from);
		size_t part = slash ? (size_t)(slash - path) - from : len - from;
		if (part == 0 || part > 255 || (part <= 2 && memcmp(path + from, "..", part) == 0))
			return false;
		from += part + 1;
	}
	return true;
}

bool vm_rec_take_name(const char *names, size_t len, size_t *at, struct vm_rec_name *n)
{
	if (*at >= len)
		return false;
	n->op = (enum vm_rec_op)names[(*at)++];
	n->len = 0;
	if (n->op != VM_REC_OP_FILE && n->op != VM_REC_OP_LINK && n->op != VM_REC_OP_GONE)
		return false;
	if (!take_length(names, len, at, &n->path_len) || n->path_len > len - *at)
		return false;
	n->path = names + *at;
	*at += n->path_len;
	if (n->op != VM_REC_OP_GONE && !take_length(names, len, at, &n->len))
		return false;
	return is_below(n->path, n->path_len);
}
