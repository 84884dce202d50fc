#include "core/source/pagecache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/source/frames.h"
#include "core/source/pagemap.h"
#include "core/source/uapi.h"

/** Pages at a time: 64 MiB. */
enum { PIECE = 16 * 1024 };
/** Of a sparse file so much is skipped at a time. */
#define FIRST_STEP (UINT64_C(64) << 20)
#define LAST_STEP (UINT64_C(1) << 44)

struct look {
	int fd, pagemap;
	struct vm_frames *frames;
	struct vm_cached_file *file;
	int (*take)(void *ctx, const struct vm_cached_run *run);
	void *ctx;
	struct vm_cached_run run;  /* not handed over yet; bytes 0: none */
	unsigned char in_core[PIECE];
	uint64_t entry[PIECE];
};

static int flush(struct look *l)
{
	int r = l->run.bytes ? l->take(l->ctx, &l->run) : 0;
	l->run.bytes = 0;
	return r;
}

static int put(struct look *l, const struct vm_cached_run *page)
{
	struct vm_cached_run *r = &l->run;
	bool follows = r->bytes && r->offset + r->bytes == page->offset && r->have_flags == page->have_flags &&
		       r->flags == page->flags && r->mapped == page->mapped &&
		       (page->pfn == VM_PFN_NONE ? r->pfn == VM_PFN_NONE : r->pfn + r->bytes / 4096 == page->pfn);
	if (follows) {
		r->bytes += page->bytes;
		return 0;
	}
	int e = flush(l);
	*r = *page;
	return e;
}

/**
 * Map the page that is there, as a read does.  The file may become shorter at any time, and then a read is a SIGBUS;
 * the kernel's own reads fail instead.  This system call reads its argument and then refuses the unknown `how`.
 */
static void touch(const char *page)
{
	enum { SET_BYTES = 8, NO_SUCH_HOW = -1 };
	syscall(SYS_rt_sigprocmask, NO_SUCH_HOW, page, NULL, SET_BYTES);
}

/** Frames of the pages that are in memory, by mapping them. */
static void find_frames(struct look *l, uint64_t offset, size_t n)
{
	for (size_t i = 0; i < n; i++)
		l->entry[i] = 0;
	if (!l->frames || l->pagemap < 0)
		return;
	char *map = mmap(NULL, n * 4096, PROT_READ, MAP_SHARED, l->fd, (off_t)offset);
	if (map == MAP_FAILED)
		return;
	madvise(map, n * 4096, MADV_RANDOM);
	for (size_t i = 0; i < n; i++)
		if (l->in_core[i] & 1)
			touch(map + i * 4096);
	ssize_t got = pread(l->pagemap, l->entry, n * 8, (off_t)((uintptr_t)map / 4096 * 8));
	for (size_t i = got > 0 ? (size_t)got / 8 : 0; i < n; i++)
		l->entry[i] = 0;
	munmap(map, n * 4096);
}

static void learn_frame(struct look *l, uint64_t entry, struct vm_cached_run *page)
{
	uint64_t pfn = entry & VM_PAGEMAP_PFN_MASK;
	if (!(entry >> 63) || !pfn)
		return;
	page->pfn = pfn;
	page->have_flags = vm_frames_read(l->frames, VM_FRAME_FLAGS, pfn, 1, &page->flags, NULL) == 1 &&
			   vm_frames_read(l->frames, VM_FRAME_COUNT, pfn, 1, &page->mapped, NULL) == 1;
}

static int look_piece(struct look *l, uint64_t offset, size_t n)
{
	void *map = mmap(NULL, n * 4096, PROT_NONE, MAP_SHARED, l->fd, (off_t)offset);
	if (map == MAP_FAILED)
		return -errno;
	int r = mincore(map, n * 4096, l->in_core) == 0 ? 0 : -errno;
	munmap(map, n * 4096);
	if (r < 0)
		return r;
	find_frames(l, offset, n);
	for (size_t i = 0; i < n && r == 0; i++) {
		if (!(l->in_core[i] & 1))
			continue;
		uint64_t at = offset + i * 4096, left = l->file->bytes - at;
		struct vm_cached_run page = { .offset = at, .bytes = left < 4096 ? left : 4096, .pfn = VM_PFN_NONE };
		l->file->cached += page.bytes;
		learn_frame(l, l->entry[i], &page);
		r = put(l, &page);
	}
	return r;
}

static bool cachestat_of(int fd, uint64_t from, uint64_t bytes, struct vm_cachestat *cs)
{
	struct vm_cachestat_range range = { .off = from, .len = bytes };
	return syscall(VM_NR_CACHESTAT, fd, &range, cs, 0) == 0;
}

static void read_cachestat(int fd, struct vm_cached_file *out)
{
	struct vm_cachestat cs;
	if (!cachestat_of(fd, 0, out->bytes, &cs))
		return;
	out->have_stat = true;
	out->dirty = cs.nr_dirty * 4096;
	out->writeback = cs.nr_writeback * 4096;
	out->evicted = cs.nr_evicted * 4096;
	out->recently_evicted = cs.nr_recently_evicted * 4096;
}

/** End of the part from `from` on of which nothing is in memory, as far as cachestat(2) tells; else `from`. */
static uint64_t skip_nothing(const struct look *l, uint64_t from)
{
	struct vm_cachestat cs;
	uint64_t step = FIRST_STEP;
	/* Where it was in memory once, shared memory may still have a copy of it on the way to swap. */
	while (l->file->have_stat && from < l->file->bytes && cachestat_of(l->fd, from, step, &cs) && !cs.nr_cache &&
	       !cs.nr_evicted) {
		from += step;
		step = step < LAST_STEP ? step * 2 : step;
	}
	return from;
}

/** The kernel's own rule (can_do_mincore() in mm/mincore.c): owners, and who may write. */
static bool may_ask(const char *path, const struct stat *st)
{
	return geteuid() == 0 || geteuid() == st->st_uid || faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

static int open_file(const char *path, struct vm_cached_file *out, struct vm_err *err)
{
	struct stat st;
	/* A FIFO or a device would do something when opened. */
	if (stat(path, &st) != 0)
		return vm_fail_os(err, errno, "cannot open '%s'", path);
	if (!S_ISREG(st.st_mode))
		return vm_fail(err, EINVAL, "'%s' is not a regular file", path);
	if (!may_ask(path, &st)) {
		vm_fail(err, EACCES, "the kernel doesn't tell what of '%s' is in memory", path);
		vm_hint(err, "only to its owner, and to who may write it; run with sudo");
		return -EACCES;
	}
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOATIME);
	if (fd < 0 && errno == EPERM)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) != 0) {
		int e = errno;
		if (fd >= 0)
			close(fd);
		return vm_fail_os(err, e, "cannot open '%s'", path);
	}
	out->bytes = (uint64_t)st.st_size;
	out->device = st.st_dev;
	out->inode = st.st_ino;
	return fd;
}

int vm_file_cached(const char *path, struct vm_frames *frames, struct vm_cached_file *out,
		   int (*take)(void *ctx, const struct vm_cached_run *run), void *ctx, struct vm_err *err)
{
	*out = (struct vm_cached_file){ 0 };
	vm_auto_close int fd = open_file(path, out, err);
	if (fd < 0)
		return fd;
	struct look *l = calloc(1, sizeof(*l));
	if (!l)
		return vm_fail(err, ENOMEM, "out of memory");
	vm_auto_close int pagemap = frames ? open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC) : -1;
	l->fd = fd;
	l->pagemap = pagemap;
	l->frames = frames;
	l->file = out;
	l->take = take;
	l->ctx = ctx;
	read_cachestat(fd, out);
	int r = 0;
	const uint64_t pages = (out->bytes + 4095) / 4096;
	for (uint64_t i = 0; r == 0 && (i = skip_nothing(l, i * 4096) / 4096) < pages; i += PIECE)
		r = look_piece(l, i * 4096, pages - i < PIECE ? (size_t)(pages - i) : PIECE);
	if (r == 0)
		r = flush(l);
	free(l);
	return r < 0 ? vm_fail_os(err, -r, "cannot look at '%s'", path) : r;
}
