#include "core/source/recblocks.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/crc32c.h"
#include "core/base/err.h"
#include "core/source/recformat.h"
#include "core/source/recpack.h"

/** An element of the index: offset (the highest bit: a key frame), real time, boot time. */
enum { ELEMENT = 24, STEP = 64 * 1024 };
#define KEY_BIT (UINT64_C(1) << 63)

/** Exactly len bytes. */
static bool read_at(int fd, void *to, size_t len, uint64_t at)
{
	for (size_t have = 0; have < len;) {
		ssize_t n = pread(fd, (char *)to + have, len - have, (off_t)(at + have));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		have += (size_t)n;
	}
	return true;
}

int vm_rec_read_block(int fd, uint64_t offset, struct vm_rec_block *b, struct vm_buf *payload)
{
	uint8_t head[VM_REC_BLOCK];
	if (!read_at(fd, head, sizeof(head), offset) || !vm_rec_take_block(head, b))
		return -EBADMSG;
	size_t len = (size_t)b->ops_packed + b->data_packed;
	payload->n = 0;
	if (!vm_buf_reserve(payload, len + 1))
		return -ENOMEM;
	if (!read_at(fd, payload->s, len, offset + VM_REC_BLOCK) || vm_crc32c(payload->s, len) != b->crc)
		return -EBADMSG;
	payload->n = len;
	return 0;
}

int vm_rec_put_index(struct vm_packer *p, struct vm_buf *to, const struct vm_rec_moment *m, size_t n, struct vm_rec_block *b)
{
	struct vm_buf plain = { 0 };
	for (size_t i = 0; i < n; i++) {
		const uint64_t element[3] = {
			htole64(m[i].offset | (m[i].key ? KEY_BIT : 0)), htole64((uint64_t)m[i].real_ns), htole64(m[i].boot_ns),
		};
		vm_buf_add(&plain, (const char *)element, sizeof(element));
	}
	size_t before = to->n;
	int r = plain.failed || plain.n > VM_REC_PART_MAX ? -ENOMEM : vm_pack(p, to, plain.s, plain.n, NULL, 0);
	*b = (struct vm_rec_block){
		.type = VM_REC_INDEX, .packing = (uint8_t)vm_pack_usual(), .number = n, .ops = (uint32_t)plain.n,
		.ops_packed = (uint32_t)(to->n - before),
	};
	if (r == 0)
		b->crc = vm_crc32c(to->s + before, to->n - before);
	vm_buf_free(&plain);
	return r;
}

static bool take_element(const char *from, struct vm_rec_moment *m)
{
	uint64_t element[3];
	memcpy(element, from, sizeof(element));
	m->offset = le64toh(element[0]) & ~KEY_BIT;
	m->key = le64toh(element[0]) & KEY_BIT;
	m->real_ns = (int64_t)le64toh(element[1]);
	m->boot_ns = le64toh(element[2]);
	return true;
}

static bool unpack_index(const struct vm_rec_block *b, const struct vm_buf *payload, struct vm_buf *plain)
{
	struct vm_packer *p = vm_packer_new();
	int r = p ? vm_unpack(p, b->packing, plain, b->ops, payload->s, b->ops_packed, NULL, 0) : -ENOMEM;
	vm_packer_free(p);
	return r == 0 && plain->n == b->number * ELEMENT;
}

/** Frames in order, the first one whole, none behind the index. */
static bool take_elements(const struct vm_buf *plain, uint64_t index, struct vm_rec_blocks *out)
{
	uint64_t least = VM_REC_HEAD;
	for (size_t at = 0; at < plain->n; at += ELEMENT) {
		struct vm_rec_moment m;
		take_element(plain->s + at, &m);
		if (m.offset < least || m.offset > index - VM_REC_BLOCK || (at == 0 && !m.key) || !vm_vec_push(&out->moments, m))
			return false;
		least = m.offset + VM_REC_BLOCK;
	}
	return true;
}

static bool take_index(int fd, uint64_t size, struct vm_rec_blocks *out)
{
	uint8_t tail[VM_REC_TAIL];
	uint64_t index;
	if (size < VM_REC_HEAD + VM_REC_BLOCK + VM_REC_TAIL || !read_at(fd, tail, sizeof(tail), size - VM_REC_TAIL) ||
	    !vm_rec_take_tail(tail, &index) || index < VM_REC_HEAD + VM_REC_BLOCK ||
	    index > size - VM_REC_TAIL - VM_REC_BLOCK)
		return false;
	struct vm_rec_block b;
	struct vm_buf payload = { 0 }, plain = { 0 };
	bool ok = vm_rec_read_block(fd, index, &b, &payload) == 0 && b.type == VM_REC_INDEX &&
		  unpack_index(&b, &payload, &plain) && take_elements(&plain, index, out);
	vm_buf_free(&payload);
	vm_buf_free(&plain);
	if (!ok)
		out->moments.n = 0;
	out->end = index;
	out->indexed = ok;
	return ok;
}

static bool block_at(int fd, uint64_t at, uint64_t size, struct vm_rec_block *b)
{
	uint8_t head[VM_REC_BLOCK];
	return at + VM_REC_BLOCK <= size && read_at(fd, head, sizeof(head), at) && vm_rec_take_block(head, b) &&
	       at + vm_rec_block_size(b) <= size;
}

/** Where the next whole block begins, at `at` or behind it; `size`: nowhere. */
static uint64_t next_block(int fd, uint64_t at, uint64_t size, struct vm_rec_block *b)
{
	static const char mark[4] = { 'V', 'M', 'R', 'B' };
	char *step = malloc(STEP);
	for (; step && at + VM_REC_BLOCK <= size; at += STEP - (sizeof(mark) - 1)) {
		size_t n = size - at < STEP ? (size_t)(size - at) : STEP;
		if (!read_at(fd, step, n, at))
			break;
		for (const char *s = step, *end = step + n; (s = memmem(s, (size_t)(end - s), mark, sizeof(mark))); s++) {
			if (!block_at(fd, at + (uint64_t)(s - step), size, b))
				continue;
			at += (uint64_t)(s - step);
			free(step);
			return at;
		}
	}
	free(step);
	return size;
}

/** A frame whose first one, or whose neighbour, is missing can't be read until the next whole one. */
static bool follows(const struct vm_rec_blocks *out, const struct vm_rec_block *b, uint64_t expected)
{
	return b->type == VM_REC_KEY || (out->moments.n && b->type == VM_REC_DELTA && b->number == expected);
}

static int look_at_all(int fd, uint64_t size, struct vm_rec_blocks *out)
{
	uint64_t at = VM_REC_HEAD, expected = 0;
	struct vm_rec_block b;
	out->end = VM_REC_HEAD;
	while (at < size) {
		uint64_t from = block_at(fd, at, size, &b) ? at : next_block(fd, at + 1, size, &b);
		out->lost += from - at;
		if (from == size)
			break;
		at = from + vm_rec_block_size(&b);
		if (b.type == VM_REC_INDEX) {
			/* Of a file that was closed, but isn't whole. */
			at += VM_REC_TAIL;
			continue;
		}
		if (!follows(out, &b, expected)) {
			out->lost += vm_rec_block_size(&b);
			continue;
		}
		expected = b.number + 1;
		out->end = at;
		if (!vm_vec_push(&out->moments, (struct vm_rec_moment){
				.offset = from, .real_ns = b.real_ns, .boot_ns = b.boot_ns, .key = b.type == VM_REC_KEY }))
			return -ENOMEM;
	}
	return 0;
}

int vm_rec_blocks_find(int fd, const char *name, struct vm_rec_blocks *out, struct vm_err *err)
{
	uint8_t head[VM_REC_HEAD];
	uint32_t version = 0;
	struct stat st;
	memset(out, 0, sizeof(*out));
	if (fstat(fd, &st) != 0)
		return vm_fail_os(err, errno, "cannot read '%s'", name);
	if (!S_ISREG(st.st_mode) || !read_at(fd, head, sizeof(head), 0) || vm_rec_take_head(head, &version) == -EBADMSG) {
		vm_fail(err, EBADMSG, "'%s' is not a recording", name);
		vm_hint(err, "vmrec -o FILE makes one");
		return -EBADMSG;
	}
	if (version > VM_REC_VERSION) {
		vm_fail(err, ENOTSUP, "'%s' is a recording of version %u, and this program knows %u", name, version,
			VM_REC_VERSION);
		vm_hint(err, "read it with the vmtop suite that wrote it, or a newer one");
		return -ENOTSUP;
	}
	if (take_index(fd, (uint64_t)st.st_size, out))
		return 0;
	int r = look_at_all(fd, (uint64_t)st.st_size, out);
	return r < 0 ? vm_fail(err, -r, "out of memory") : 0;
}
