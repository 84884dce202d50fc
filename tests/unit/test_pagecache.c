/** core/source/pagecache: what of a file is in memory, of files that are sparse and that change meanwhile. */
#include "core/source/pagecache.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/source/frames.h"
#include "core/source/session.h"

#include "unit.h"

struct file {
	char path[64];
	int fd;
};

static struct file file_new(void)
{
	struct file f = { .path = "/var/tmp/vm-cached-XXXXXX" };
	f.fd = mkstemp(f.path);
	ck_assert_int_ge(f.fd, 0);
	return f;
}

static void file_free(struct file *f)
{
	unlink(f->path);
	close(f->fd);
}

struct found {
	uint64_t bytes, first, last;
};

static int take(void *ctx, const struct vm_cached_run *run)
{
	struct found *f = ctx;
	f->first = f->bytes ? f->first : run->offset;
	ck_assert(!f->bytes || run->offset >= f->last);
	f->last = run->offset + run->bytes;
	f->bytes += run->bytes;
	return 0;
}

START_TEST(pages_far_apart)
{
	struct file f = file_new();
	struct found found = { 0 };
	struct vm_cached_file out;
	struct vm_err err = { 0 };
	const uint64_t far = UINT64_C(1) << 40;
	if (pwrite(f.fd, "x", 1, 4096) == 1 && pwrite(f.fd, "x", 1, (off_t)far + 100) == 1) {
		ck_assert_msg(vm_file_cached(f.path, NULL, &out, take, &found, &err) == 0, "%s", err.what);
		ck_u64_eq(out.bytes, far + 101);
		/* The first has its page, the last what the file has of it; what is read ahead may add to it. */
		ck_assert(found.first <= 4096);
		ck_u64_eq(found.last, far + 101);
		ck_u64_eq(found.bytes, out.cached);
		ck_assert(out.cached >= 4096 + 101 && out.cached < UINT64_C(1) << 30);
	}
	file_free(&f);
}
END_TEST

/** The file grows and shrinks for as long as its reader looks. */
static pid_t change_file(int fd)
{
	enum { PAGES = 2000 };
	pid_t pid = fork();
	if (pid == 0) {
		static char text[PAGES * 4096];
		const pid_t parent = getppid();
		while (getppid() == parent)
			if (pwrite(fd, text, sizeof(text), 0) < 0 || ftruncate(fd, 4096) < 0)
				_exit(1);
		_exit(0);
	}
	return pid;
}

START_TEST(a_file_that_is_cut_meanwhile)
{
	enum { LOOKS = 2000 };
	struct vm_session *s;
	struct vm_frames *frames = NULL;
	struct file f = file_new();
	ck_assert_int_eq(vm_session_open("/", &s, NULL), 0);
	/* Frames need privilege; without, pages aren't touched. */
	vm_frames_open(s, &frames, NULL);
	pid_t pid = change_file(f.fd);
	for (unsigned i = 0; i < LOOKS; i++) {
		struct found found = { 0 };
		struct vm_cached_file out;
		vm_file_cached(f.path, frames, &out, take, &found, NULL);
		ck_u64_eq(found.bytes, out.cached);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	vm_frames_close(frames);
	vm_session_close(s);
	file_free(&f);
}
END_TEST

UNIT_MAIN("pagecache", pages_far_apart, a_file_that_is_cut_meanwhile)
