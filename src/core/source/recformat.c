#include "core/source/recformat.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "core/base/crc32c.h"
#include "core/base/varint.h"

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
	put32(to + 32, b->ops);
	put32(to + 36, b->ops_packed);
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
		.boot_ns = take64(from + 24), .ops = take32(from + 32), .ops_packed = take32(from + 36),
		.data = take32(from + 40), .data_packed = take32(from + 44), .crc = take32(from + 48),
	};
	return b->type >= VM_REC_KEY && b->type <= VM_REC_INDEX && b->ops <= VM_REC_PART_MAX &&
	       b->ops_packed <= VM_REC_PART_MAX && b->data <= VM_REC_PART_MAX && b->data_packed <= VM_REC_PART_MAX;
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

void vm_rec_put_op(struct vm_buf *ops, uint32_t *last, const struct vm_rec_op *op)
{
	const bool is_new = op->kind == VM_REC_OP_NEW || op->kind == VM_REC_OP_NEW_LINK;
	/* Files are told of in much the same order each time, so that most steps are small. */
	const uint64_t step = is_new ? 0 : vm_zigzag((uint64_t)op->number - *last);
	vm_varint_put(ops, step << 3 | op->kind);
	if (!is_new)
		*last = op->number;
	if (is_new) {
		vm_varint_put(ops, op->path_len);
		vm_buf_add(ops, op->path, op->path_len);
	}
	if (op->kind != VM_REC_OP_GONE)
		vm_varint_put(ops, op->len);
	if (op->kind == VM_REC_OP_CHANGED)
		vm_buf_add(ops, op->delta, op->len);
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

static bool take_length(const char *ops, size_t len, size_t *at, size_t *out)
{
	uint64_t v;
	if (!vm_varint_take(ops, len, at, &v) || v > VM_REC_PART_MAX)
		return false;
	*out = (size_t)v;
	return true;
}

/** That many bytes, which follow. */
static bool take_bytes(const char *ops, size_t len, size_t *at, size_t n, const char **out)
{
	if (n > len - *at)
		return false;
	*out = ops + *at;
	*at += n;
	return true;
}

bool vm_rec_take_op(const char *ops, size_t len, size_t *at, uint32_t *last, struct vm_rec_op *op)
{
	uint64_t head;
	*op = (struct vm_rec_op){ 0 };
	if (!vm_varint_take(ops, len, at, &head) || (head & 7) >= VM_REC_OP_NR)
		return false;
	op->kind = (enum vm_rec_kind_of_op)(head & 7);
	if (op->kind == VM_REC_OP_NEW || op->kind == VM_REC_OP_NEW_LINK) {
		if (!take_length(ops, len, at, &op->path_len) || !take_bytes(ops, len, at, op->path_len, &op->path) ||
		    !is_below(op->path, op->path_len))
			return false;
	} else {
		*last += (uint32_t)vm_unzigzag(head >> 3);
		op->number = *last;
	}
	if (op->kind != VM_REC_OP_GONE && !take_length(ops, len, at, &op->len))
		return false;
	return op->kind != VM_REC_OP_CHANGED || take_bytes(ops, len, at, op->len, &op->delta);
}
