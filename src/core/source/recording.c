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
	struct vm_buf payload, names, data, before;
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
	vm_buf_free(&r->names);
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

struct vm_rec_tree *vm_recording_tree(struct vm_recording *r)
{
	return &r->tree;
}

/** The bytes that the frame's files held before: what its data were packed with. */
static int gather_before(struct vm_recording *r, const struct vm_rec_block *b)
{
	struct vm_rec_name n;
	uint64_t bytes = 0;
	r->before.n = 0;
	for (size_t at = 0; at < r->names.n;) {
		if (!vm_rec_take_name(r->names.s, r->names.n, &at, &n))
			return -EBADMSG;
		bytes += n.len;
		const struct vm_rec_entry *e = vm_rec_tree_find(&r->tree, n.path, n.path_len);
		if (b->type == VM_REC_DELTA && n.op != VM_REC_OP_GONE && e && e->there)
			vm_buf_add(&r->before, e->data, e->len);
	}
	return bytes == b->data ? r->before.failed ? -ENOMEM : 0 : -EBADMSG;
}

static int apply_name(struct vm_recording *r, const struct vm_rec_name *n, size_t *data)
{
	if (n->op == VM_REC_OP_GONE) {
		vm_rec_tree_remove(&r->tree, n->path, n->path_len);
		return 0;
	}
	int e = vm_rec_tree_set(&r->tree, n->path, n->path_len, n->op == VM_REC_OP_LINK ? VM_REC_LINK : VM_REC_FILE,
				r->data.s + *data, n->len, NULL);
	*data += n->len;
	return e < 0 ? e : 0;
}

static int apply_names(struct vm_recording *r)
{
	struct vm_rec_name n;
	size_t data = 0;
	int e = 0;
	for (size_t at = 0; at < r->names.n && e == 0;)
		e = vm_rec_take_name(r->names.s, r->names.n, &at, &n) ? apply_name(r, &n, &data) : -EBADMSG;
	return e;
}

/** A whole frame says all that is there: what it doesn't name is gone. */
static void remove_unseen(struct vm_recording *r)
{
	for (size_t i = 0; i < r->tree.entries.n; i++) {
		const struct vm_rec_entry *e = &r->tree.entries.v[i];
		if (!e->seen)
			vm_rec_tree_remove(&r->tree, e->path, e->path_len);
	}
}

static int unpack(struct vm_recording *r, const struct vm_rec_block *b)
{
	r->names.n = r->data.n = 0;
	int e = vm_unpack(r->packer, b->packing, &r->names, b->names, r->payload.s, b->names_packed, NULL, 0);
	if (e == 0)
		e = gather_before(r, b);
	if (e == 0)
		e = vm_unpack(r->packer, b->packing, &r->data, b->data, r->payload.s + b->names_packed, b->data_packed,
			      r->before.s, r->before.n);
	return e;
}

static int apply_frame(struct vm_recording *r, size_t moment)
{
	struct vm_rec_block b;
	int e = vm_rec_read_block(r->fd, r->blocks.moments.v[moment].offset, &b, &r->payload);
	if (e == 0)
		e = unpack(r, &b);
	if (e < 0)
		return e;
	for (size_t i = 0; b.type == VM_REC_KEY && i < r->tree.entries.n; i++)
		r->tree.entries.v[i].seen = false;
	e = apply_names(r);
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

static size_t next_whole(const struct vm_recording *r, size_t from)
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
	size_t whole = next_whole(r, i + 1);
	vm_fail(err, EBADMSG, "frame #%zu of '%s' is broken", i + 1, r->path);
	if (whole < r->blocks.moments.n)
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
			return fail_frame(r, i, e, err);
		}
		r->at = i;
	}
	return 0;
}
