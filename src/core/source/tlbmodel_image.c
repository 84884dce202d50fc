#include "core/source/tlbmodel_image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/source/session.h"
#include "engines/qemu/image.h"

enum { PATIENCE_S = 30, NOT_BEGUN = 2 };

int vm_tlbimage_open(struct vm_err *err)
{
	const int fd = memfd_create("vmtlb-model", MFD_CLOEXEC);
	if (fd < 0)
		return vm_fail_os(err, errno, "cannot make memory for the model");
	uint64_t bytes = VM_TLBIMAGE_BYTES;
	struct rlimit limit;
	/* Beyond this limit, a signal would end us. */
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < bytes)
		bytes = limit.rlim_cur & ~UINT64_C(0xfff);
	if (bytes >= VM_TLBIMAGE_LEAST && ftruncate(fd, (off_t)bytes) == 0)
		return fd;
	const int code = bytes < VM_TLBIMAGE_LEAST ? EFBIG : errno;
	close(fd);
	return vm_fail_os(err, code, "cannot make memory for the model");
}

/** The writer of a result: its context is the descriptor. */
static void put(void *ctx, const char *bytes, size_t n)
{
	const int *const fd = ctx;
	if (vm_write_all(*fd, bytes, n) < 0)
		_exit(1);
}

static void *alloc(void *ctx, size_t bytes)
{
	void *const to = calloc(1, bytes);
	(void)ctx;
	if (!to)
		_exit(1);
	return to;
}

static void drop(void *ctx, void *memory)
{
	/* It lies in the image, or is the last that we do. */
	(void)ctx, (void)memory;
}

static bool no_place(void *ctx, uint64_t addr, struct vm_tlbtrace_place *out)
{
	(void)ctx, (void)addr, (void)out;
	return false;
}

static enum vm_tlb_size page_size(void *ctx, uint64_t addr)
{
	(void)ctx, (void)addr;
	return VM_TLB_4K;
}

/**
 * The result, from an image that lies where its process had it.  Whatever the program did to its memory, it may have done to
 * the image: so this runs in a process of its own, which may fail.
 */
static _Noreturn void write_result(int fd, const struct vm_tlbimage *head, const char *path)
{
	/* Of the last accesses, which weren't modelled yet, nothing new can be known. */
	static const struct vm_tlbtrace_ops ops = { .alloc = alloc, .free = drop, .place = no_place, .page_size = page_size,
						    .write = put };
	const int flags = MAP_PRIVATE | MAP_FIXED_NOREPLACE;
	alarm(PATIENCE_S);
	struct vm_tlbimage *image = mmap((void *)(uintptr_t)head->base, head->used, PROT_READ | PROT_WRITE, flags, fd, 0);
	int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if ((uintptr_t)image != head->base || to < 0)
		_exit(1);
	image->core.ops = &ops;
	image->core.ctx = &to;
	const struct vm_tlbtrace_about about = { .engine = head->engine, .sizes = head->sizes, .program = head->program,
						 .pid = head->pid };
	if (!vm_tlbimage_ran(&image->core))
		_exit(NOT_BEGUN);
	for (struct vm_tlbimage_queue *q = image->queues; q; q = q->next)
		vm_tlbimage_drain(&image->core, q);
	vm_tlbtrace_write(&image->core, &about);
	_exit(close(to) == 0 ? 0 : 1);
}

/** 0: it is written; or the exit status of the process that tried. */
static int salvage(int fd, const struct vm_tlbimage *head, const char *path)
{
	int status = 1;
	const pid_t pid = fork();
	if (pid == 0)
		write_result(fd, head, path);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int vm_tlbimage_end(int fd, const char *directory, struct vm_tlbimage_end *out, struct vm_err *err)
{
	struct vm_tlbimage head;
	char path[PATH_MAX];
	*out = (struct vm_tlbimage_end){ .began = false };
	if (pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head))
		return vm_fail_os(err, errno ? errno : EIO, "cannot read what the model counted");
	if (head.magic != VM_TLBIMAGE_MAGIC)
		return 0;
	head.engine[sizeof(head.engine) - 1] = head.sizes[sizeof(head.sizes) - 1] = head.program[sizeof(head.program) - 1] = '\0';
	*out = (struct vm_tlbimage_end){
		.began = true, .written = head.written, .execs = head.execs,
	};
	if (!head.written && !head.broken && head.used >= sizeof(head) && head.used <= VM_TLBIMAGE_BYTES &&
	    snprintf(path, sizeof(path), "%s/%u-%u", directory, head.pid, head.number) < (int)sizeof(path)) {
		const int r = salvage(fd, &head, path);
		out->written = r == 0;
		out->began = r != NOT_BEGUN;
	}
	return 0;
}
