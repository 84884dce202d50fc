#include "core/source/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/textdelta.h"
#include "core/base/vec.h"
#include "core/source/recformat.h"
#include "core/source/recpack.h"

struct vm_recording {
	int fd;
	char *path;
	uint64_t bytes;
	struct vm_rec_blocks blocks;
	struct vm_packer *packer;
	struct vm_rec_tree tree;
	/** The moment that `tree` holds; SIZE_MAX: none. */
	size_t at;
	/** The one that the last reading failed at. */
	size_t broken;
	/** Files by their numbers: indexes of the tree's entries. */
	VM_VEC(uint32_t) numbers;
	struct vm_buf payload, ops, data, before, text;
};

void vm_recording_close(struct vm_recording *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	vm_vec_free(&r->blocks.moments);
	vm_packer_free(r->packer);
	vm_rec_tree_free(&r->tree);
	vm_buf_free(&r->payload);
	vm_buf_free(&r->ops);
	vm_buf_free(&r->text);
	vm_vec_free(&r->numbers);
	vm_buf_free(&r->data);
	vm_buf_free(&r->before);
	free(r->path);
	free(r);
}

static int open_blocks(struct vm_recording *r, struct vm_err *err)
{
	struct stat st;
	r->fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (r->fd < 0)
		return vm_fail_os(err, errno, "cannot open '%s'", r->path);
	int e = vm_rec_blocks_find(r->fd, r->path, &r->blocks, err);
	if (e < 0)
		return e;
	if (r->blocks.moments.n == 0)
		return vm_fail(err, EBADMSG, "'%s' holds no complete frame", r->path);
	if (fstat(r->fd, &st) == 0)
		r->bytes = (uint64_t)st.st_size;
	return 0;
}

int vm_recording_open(const char *path, struct vm_recording **out, struct vm_err *err)
{
	struct vm_recording *r = calloc(1, sizeof(*r));
	if (!r)
		return vm_fail(err, ENOMEM, "out of memory");
	r->fd = -1;
	r->at = SIZE_MAX;
	r->path = strdup(path);
	r->packer = vm_packer_new();
	int e = r->path && r->packer ? open_blocks(r, err) : vm_fail(err, ENOMEM, "out of memory");
	if (e < 0) {
		vm_recording_close(r);
		return e;
	}
	*out = r;
	return 0;
}

size_t vm_recording_count(const struct vm_recording *r)
{
	return r->blocks.moments.n;
}

const struct vm_rec_moment *vm_recording_moment(const struct vm_recording *r, size_t i)
{
	return &r->blocks.moments.v[i];
}

uint64_t vm_recording_lost(const struct vm_recording *r)
{
	return r->blocks.lost;
}

bool vm_recording_closed(const struct vm_recording *r)
{
	return r->blocks.indexed;
}

uint64_t vm_recording_bytes(const struct vm_recording *r)
{
	return r->bytes;
}

size_t vm_recording_broken(const struct vm_recording *r)
{
	return r->broken;
}

struct vm_rec_tree *vm_recording_tree(struct vm_recording *r)
{
	return &r->tree;
}

/** The file of a number; NULL: there is none. */
static struct vm_rec_entry *numbered(struct vm_recording *r, uint32_t number)
{
	return number < r->numbers.n ? &r->tree.entries.v[r->numbers.v[number]] : NULL;
}

/** The bytes that files held before of which the frame tells all: what its data were packed with. */
static int gather_before(struct vm_recording *r, const struct vm_rec_block *b)
{
	struct vm_rec_op op;
	uint32_t last = 0;
	uint64_t bytes = 0;
	r->before.n = 0;
	for (size_t at = 0; at < r->ops.n;) {
		if (!vm_rec_take_op(r->ops.s, r->ops.n, &at, &last, &op))
			return -EBADMSG;
		const bool is_new = op.kind == VM_REC_OP_NEW || op.kind == VM_REC_OP_NEW_LINK;
		const struct vm_rec_entry *e = is_new ? NULL : numbered(r, op.number);
		if (!is_new && (!e || b->type == VM_REC_KEY))
			return -EBADMSG;
		if (op.kind == VM_REC_OP_CHANGED || op.kind == VM_REC_OP_GONE)
			continue;
		bytes += op.len;
		if (e && e->there)
			vm_buf_add(&r->before, e->data, e->len);
	}
	return bytes == b->data ? r->before.failed ? -ENOMEM : 0 : -EBADMSG;
}

static int apply_new(struct vm_recording *r, const struct vm_rec_op *op, const char *data)
{
	struct vm_rec_entry *e;
	int x = vm_rec_tree_set(&r->tree, op->path, op->path_len, op->kind == VM_REC_OP_NEW_LINK ? VM_REC_LINK : VM_REC_FILE,
				data, op->len, &e);
	if (x < 0)
		return x;
	return vm_vec_push(&r->numbers, (uint32_t)(e - r->tree.entries.v)) ? 0 : -ENOMEM;
}

static int apply_changed(struct vm_recording *r, struct vm_rec_entry *e, const struct vm_rec_op *op)
{
	r->text.n = 0;
	if (!e->there)
		return -EBADMSG;
	int x = vm_textdelta_apply(e->data, e->len, op->delta, op->len, &r->text);
	if (x == 0 && r->text.n > VM_REC_PART_MAX)
		x = -EBADMSG;
	if (x == 0)
		x = vm_rec_entry_set(e, VM_REC_FILE, r->text.s, r->text.n);
	return x < 0 ? x : 0;
}

static int apply_op(struct vm_recording *r, const struct vm_rec_op *op, size_t *data)
{
	const char *bytes = r->data.s + *data;
	if (op->kind == VM_REC_OP_NEW || op->kind == VM_REC_OP_NEW_LINK) {
		*data += op->len;
		return apply_new(r, op, bytes);
	}
	struct vm_rec_entry *e = numbered(r, op->number);
	if (op->kind == VM_REC_OP_CHANGED)
		return apply_changed(r, e, op);
	if (op->kind == VM_REC_OP_GONE) {
		vm_rec_entry_remove(e);
		return 0;
	}
	*data += op->len;
	int x = vm_rec_entry_set(e, op->kind == VM_REC_OP_LINK ? VM_REC_LINK : VM_REC_FILE, bytes, op->len);
	return x < 0 ? x : 0;
}

static int apply_ops(struct vm_recording *r)
{
	struct vm_rec_op op;
	uint32_t last = 0;
	size_t data = 0;
	int e = 0;
	for (size_t at = 0; at < r->ops.n && e == 0;)
		e = vm_rec_take_op(r->ops.s, r->ops.n, &at, &last, &op) ? apply_op(r, &op, &data) : -EBADMSG;
	return e;
}

/** A whole frame says all that is there: what it doesn't name is gone. */
static void remove_unseen(struct vm_recording *r)
{
	for (size_t i = 0; i < r->tree.entries.n; i++) {
		struct vm_rec_entry *e = &r->tree.entries.v[i];
		if (!e->seen)
			vm_rec_entry_remove(e);
	}
}

static int unpack(struct vm_recording *r, const struct vm_rec_block *b)
{
	r->ops.n = r->data.n = 0;
	int e = vm_unpack(r->packer, b->packing, &r->ops, b->ops, r->payload.s, b->ops_packed, NULL, 0);
	if (e == 0)
		e = gather_before(r, b);
	if (e == 0)
		e = vm_unpack(r->packer, b->packing, &r->data, b->data, r->payload.s + b->ops_packed, b->data_packed,
			      r->before.s, r->before.n);
	return e;
}

/** What a whole frame doesn't rest upon. */
static void forget(struct vm_recording *r)
{
	r->numbers.n = 0;
	vm_rec_tree_compact(&r->tree);
	for (size_t i = 0; i < r->tree.entries.n; i++)
		r->tree.entries.v[i].seen = false;
}

static int apply_frame(struct vm_recording *r, size_t moment)
{
	struct vm_rec_block b;
	int e = vm_rec_read_block(r->fd, r->blocks.moments.v[moment].offset, &b, &r->payload);
	if (e == 0)
		e = unpack(r, &b);
	if (e < 0)
		return e;
	if (b.type == VM_REC_KEY)
		forget(r);
	e = apply_ops(r);
	if (e == 0 && b.type == VM_REC_KEY)
		remove_unseen(r);
	return e;
}

/** The frame to begin with: the last whole one up to there, unless what is held leads there by fewer. */
static size_t first_to_read(const struct vm_recording *r, size_t moment)
{
	size_t from = moment;
	while (!r->blocks.moments.v[from].key)
		from--;
	return r->at != SIZE_MAX && r->at >= from && r->at <= moment ? r->at + 1 : from;
}

size_t vm_recording_next_whole(const struct vm_recording *r, size_t from)
{
	while (from < r->blocks.moments.n && !r->blocks.moments.v[from].key)
		from++;
	return from;
}

static int fail_frame(const struct vm_recording *r, size_t i, int code, struct vm_err *err)
{
	if (code == -ENOTSUP) {
		vm_fail(err, ENOTSUP, "'%s' is packed by zstd, and this program was built without it", r->path);
		return code;
	}
	if (code == -ENOMEM)
		return vm_fail(err, ENOMEM, "out of memory");
	size_t whole = vm_recording_next_whole(r, i + 1);
	vm_fail(err, EBADMSG, "frame #%zu of '%s' is broken", i + 1, r->path);
	if (whole < r->blocks.moments.n && !i)
		vm_hint(err, "those from #%zu on can be read: --at '#%zu'", whole + 1, whole + 1);
	else if (whole < r->blocks.moments.n)
		vm_hint(err, "those from #%zu on can be read, and those before #%zu: --at '#%zu'", whole + 1, i + 1, whole + 1);
	else if (i > 0)
		vm_hint(err, "those before it can be read: --at '#%zu'", i);
	return -EBADMSG;
}

int vm_recording_read(struct vm_recording *r, size_t moment, struct vm_err *err)
{
	vm_rec_tree_settle(&r->tree);
	for (size_t i = first_to_read(r, moment); i <= moment; i++) {
		int e = apply_frame(r, i);
		if (e < 0) {
			r->at = SIZE_MAX;
			r->broken = i;
			return fail_frame(r, i, e, err);
		}
		r->at = i;
	}
	return 0;
}
