#include "core/source/recwriter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/crc32c.h"
#include "core/base/err.h"
#include "core/base/textdelta.h"
#include "core/source/recblocks.h"
#include "core/source/recformat.h"
#include "core/source/recpack.h"

/**
 * A whole frame comes when reading on from the last one would take too long: after so many frames, or when those since then
 * are several times as long as it is (and at least so many bytes).
 */
enum { KEY_FRAMES = 720, KEY_TIMES = 8, KEY_BYTES = 256 * 1024 };

struct vm_rec_writer {
	int fd;
	char *path;
	uint64_t end;              /* of the frames in the file */
	struct vm_rec_blocks blocks;
	struct vm_packer *packer;
	struct vm_rec_tree tree;
	/** The frame that is being made: what is said of files, their bytes, and the bytes that were there before. */
	struct vm_buf ops, data, before;
	uint32_t last_number;      /* of the file of the last op */
	uint32_t numbers;          /* given out since the last whole frame */
	struct vm_buf delta, packed;
	bool must_be_key;
	bool made;                 /* by us: without a frame it goes away again */
	uint64_t number;           /* of the next frame */
	uint64_t since, key_bytes; /* bytes of frames since the last whole one, and of that */
	unsigned frames_since;
};

static int fail_write(const struct vm_rec_writer *w, int code, struct vm_err *err)
{
	return vm_fail_os(err, code, "cannot write '%s'", w->path);
}

static int write_at(int fd, const void *data, size_t len, uint64_t at)
{
	for (size_t have = 0; have < len;) {
		ssize_t n = pwrite(fd, (const char *)data + have, len - have, (off_t)(at + have));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		have += (size_t)n;
	}
	return 0;
}

/** All of it at the end, or nothing: the head comes last, and without it what stands behind is no block. */
static int append(struct vm_rec_writer *w, uint64_t at, const void *head, size_t head_len, const void *data, size_t len)
{
	int r = write_at(w->fd, data, len, at + head_len);
	if (r == 0)
		r = write_at(w->fd, head, head_len, at);
	if (r < 0 && ftruncate(w->fd, (off_t)at) != 0)
		r = -errno;
	return r;
}

static int begin_file(struct vm_rec_writer *w, struct vm_err *err)
{
	uint8_t head[VM_REC_HEAD];
	vm_rec_put_head(head);
	int r = append(w, 0, head, sizeof(head), NULL, 0);
	w->end = VM_REC_HEAD;
	return r < 0 ? fail_write(w, -r, err) : 0;
}

static int go_on(struct vm_rec_writer *w, uint64_t size, uint64_t *cut, struct vm_err *err)
{
	int r = vm_rec_blocks_find(w->fd, w->path, &w->blocks, err);
	if (r == -EBADMSG) {
		vm_fail(err, EEXIST, "'%s' exists and is not a recording", w->path);
		vm_hint(err, "name a new file, or a recording to go on with");
		return -EEXIST;
	}
	if (r < 0)
		return r;
	*cut = w->blocks.indexed ? 0 : size - w->blocks.end;
	w->end = w->blocks.end;
	/* Each number comes once, so that frames of before and after don't pass for neighbours. */
	w->number = w->blocks.moments.n ? w->blocks.moments.n + 1 : 0;
	if (ftruncate(w->fd, (off_t)w->end) != 0)
		return fail_write(w, errno, err);
	return 0;
}

static int prepare(struct vm_rec_writer *w, uint64_t *cut, struct vm_err *err)
{
	struct stat st;
	w->fd = open(w->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
	if (w->fd < 0)
		return fail_write(w, errno, err);
	if (fstat(w->fd, &st) != 0)
		return fail_write(w, errno, err);
	if (!S_ISREG(st.st_mode)) {
		vm_fail(err, EINVAL, "'%s' is not a file", w->path);
		vm_hint(err, "a recording is read back and forth: it can't be a pipe or a device");
		return -EINVAL;
	}
	if (flock(w->fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? vm_fail(err, EBUSY, "another vmrec is writing '%s'", w->path) :
			fail_write(w, errno, err);
	w->made = st.st_size == 0;
	return st.st_size == 0 ? begin_file(w, err) : go_on(w, (uint64_t)st.st_size, cut, err);
}

static void free_writer(struct vm_rec_writer *w)
{
	if (w->fd >= 0)
		close(w->fd);
	vm_vec_free(&w->blocks.moments);
	vm_packer_free(w->packer);
	vm_rec_tree_free(&w->tree);
	vm_buf_free(&w->ops);
	vm_buf_free(&w->delta);
	vm_buf_free(&w->data);
	vm_buf_free(&w->before);
	vm_buf_free(&w->packed);
	free(w->path);
	free(w);
}

int vm_rec_writer_open(const char *path, struct vm_rec_writer **out, uint64_t *cut, struct vm_err *err)
{
	struct vm_rec_writer *w = calloc(1, sizeof(*w));
	*cut = 0;
	if (!w)
		return vm_fail(err, ENOMEM, "out of memory");
	w->fd = -1;
	w->must_be_key = true;
	w->path = strdup(path);
	w->packer = vm_packer_new();
	int r = w->path && w->packer ? prepare(w, cut, err) : vm_fail(err, ENOMEM, "out of memory");
	if (r < 0) {
		free_writer(w);
		return r;
	}
	*out = w;
	return 0;
}

struct vm_rec_tree *vm_rec_writer_tree(struct vm_rec_writer *w)
{
	return &w->tree;
}

static void put_op(struct vm_rec_writer *w, const struct vm_rec_op *op)
{
	vm_rec_put_op(&w->ops, &w->last_number, op);
}

/** A number for a file that has none, or all of one that has. */
static void put_whole(struct vm_rec_writer *w, struct vm_rec_entry *e, bool is_new)
{
	const bool link = e->kind == VM_REC_LINK;
	const struct vm_rec_op op = {
		.kind = is_new ? (link ? VM_REC_OP_NEW_LINK : VM_REC_OP_NEW) : link ? VM_REC_OP_LINK : VM_REC_OP_WHOLE,
		.number = e->number, .path = e->path, .path_len = e->path_len, .len = e->len,
	};
	if (is_new)
		e->number = w->numbers++;
	put_op(w, &op);
	vm_buf_add(&w->data, e->data, e->len);
}

/** What differs, if that is short: what is long is better told by zstd, which finds what was moved. */
static bool make_delta(struct vm_rec_writer *w, const struct vm_rec_entry *e, enum vm_rec_kind kind, const char *data,
		       size_t len)
{
	w->delta.n = 0;
	return e && e->there && kind == VM_REC_FILE && e->kind == VM_REC_FILE &&
	       vm_textdelta_make(e->data, e->len, data, len, &w->delta) && w->delta.n <= len / 2;
}

int vm_rec_put(struct vm_rec_writer *w, const char *path, enum vm_rec_kind kind, const void *data, size_t len)
{
	const size_t path_len = strlen(path), before = w->before.n;
	struct vm_rec_entry *e = vm_rec_tree_find(&w->tree, path, path_len);
	if (e && (e->changed || vm_rec_entry_holds(e, kind, data, len)))
		return 0;
	const bool is_new = !e, told = make_delta(w, e, kind, data, len);
	if (e && e->there && !told)
		vm_buf_add(&w->before, e->data, e->len);
	const int r = e ? vm_rec_entry_set(e, kind, data, len) : vm_rec_tree_set(&w->tree, path, path_len, kind, data, len, &e);
	if (r < 0) {
		w->before.n = before;
		return r;
	}
	if (told)
		put_op(w, &(struct vm_rec_op){
			.kind = VM_REC_OP_CHANGED, .number = e->number, .len = w->delta.n, .delta = w->delta.s });
	else
		put_whole(w, e, is_new);
	return 0;
}

void vm_rec_drop(struct vm_rec_writer *w, const char *path)
{
	struct vm_rec_entry *e = vm_rec_tree_find(&w->tree, path, strlen(path));
	if (e && !e->changed && vm_rec_entry_remove(e))
		put_op(w, &(struct vm_rec_op){ .kind = VM_REC_OP_GONE, .number = e->number });
}

/** Nothing is said yet. */
static void clear(struct vm_rec_writer *w)
{
	w->ops.n = w->data.n = w->before.n = 0;
	w->last_number = 0;
}

/** The frame that is being made has to be whole. */
static bool key_due(const struct vm_rec_writer *w)
{
	return w->must_be_key || w->frames_since >= KEY_FRAMES ||
	       (w->since > KEY_BYTES && w->since > KEY_TIMES * w->key_bytes);
}

/** All that is there, instead of what changed. */
static void make_whole(struct vm_rec_writer *w)
{
	clear(w);
	w->numbers = 0;
	for (size_t i = 0; i < w->tree.entries.n; i++)
		if (w->tree.entries.v[i].there)
			put_whole(w, &w->tree.entries.v[i], true);
}

static int pack(struct vm_rec_writer *w, struct vm_rec_block *b)
{
	if (w->ops.failed || w->data.failed || w->before.failed)
		return -ENOMEM;
	if (w->ops.n > VM_REC_PART_MAX || w->data.n > VM_REC_PART_MAX)
		return -EFBIG;
	w->packed.n = 0;
	int r = vm_pack(w->packer, &w->packed, w->ops.s, w->ops.n, NULL, 0);
	if (r < 0)
		return r;
	b->ops = (uint32_t)w->ops.n;
	b->ops_packed = (uint32_t)w->packed.n;
	r = vm_pack(w->packer, &w->packed, w->data.s, w->data.n, w->before.s, w->before.n);
	if (r < 0)
		return r;
	b->data = (uint32_t)w->data.n;
	b->data_packed = (uint32_t)(w->packed.n - b->ops_packed);
	b->crc = vm_crc32c(w->packed.s, w->packed.n);
	return 0;
}

static void count(struct vm_rec_writer *w, const struct vm_rec_block *b)
{
	uint64_t bytes = vm_rec_block_size(b);
	w->end += bytes;
	w->number++;
	clear(w);
	vm_rec_tree_settle(&w->tree);
	if (b->type == VM_REC_KEY) {
		w->key_bytes = bytes;
		w->since = w->frames_since = 0;
		w->must_be_key = false;
		vm_rec_tree_compact(&w->tree);
	} else {
		w->since += bytes;
		w->frames_since++;
	}
}

int vm_rec_commit(struct vm_rec_writer *w, int64_t real_ns, uint64_t boot_ns, struct vm_err *err)
{
	bool key = key_due(w);
	struct vm_rec_block b = {
		.type = key ? VM_REC_KEY : VM_REC_DELTA, .packing = (uint8_t)vm_pack_usual(), .number = w->number,
		.real_ns = real_ns, .boot_ns = boot_ns,
	};
	uint8_t head[VM_REC_BLOCK];
	if (key)
		make_whole(w);
	int r = pack(w, &b);
	const struct vm_rec_moment m = { .offset = w->end, .real_ns = real_ns, .boot_ns = boot_ns, .key = key };
	if (r == 0 && !vm_vec_push(&w->blocks.moments, m))
		r = -ENOMEM;
	if (r < 0)
		return vm_fail_os(err, -r, "cannot make a frame of '%s'", w->path);
	vm_rec_put_block(head, &b);
	r = append(w, w->end, head, sizeof(head), w->packed.s, w->packed.n);
	if (r < 0) {
		w->blocks.moments.n--;
		/* The frame is lost, so what comes next can't be told by how it differs from it. */
		w->must_be_key = true;
		clear(w);
		vm_rec_tree_settle(&w->tree);
		return fail_write(w, -r, err);
	}
	count(w, &b);
	/* What was whole stays whole when power is lost. */
	if (key && fdatasync(w->fd) != 0)
		return fail_write(w, errno, err);
	return 0;
}

uint64_t vm_rec_writer_bytes(const struct vm_rec_writer *w)
{
	return w->end;
}

static int write_index(struct vm_rec_writer *w, struct vm_err *err)
{
	struct vm_rec_block b;
	uint8_t head[VM_REC_BLOCK], tail[VM_REC_TAIL];
	w->packed.n = 0;
	int r = vm_rec_put_index(w->packer, &w->packed, w->blocks.moments.v, w->blocks.moments.n, &b);
	if (r < 0)
		return vm_fail(err, -r, "out of memory");
	vm_rec_put_block(head, &b);
	vm_rec_put_tail(tail, w->end);
	vm_buf_add(&w->packed, (const char *)tail, sizeof(tail));
	r = w->packed.failed ? -ENOMEM : append(w, w->end, head, sizeof(head), w->packed.s, w->packed.n);
	if (r == 0 && fdatasync(w->fd) != 0)
		r = -errno;
	return r < 0 ? fail_write(w, -r, err) : 0;
}

int vm_rec_writer_close(struct vm_rec_writer *w, struct vm_err *err)
{
	if (!w)
		return 0;
	int r = w->blocks.moments.n ? write_index(w, err) : 0;
	if (w->made && !w->blocks.moments.n)
		unlink(w->path);
	free_writer(w);
	return r;
}
