#include "core/source/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/source/session.h"

enum { SILENT_MS = 1000 };

/** Nothing that writes to it can change what the next run reads. */
enum { SEALS = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL };

static int copy_all(int from, int to, uint64_t *bytes, struct vm_err *err)
{
	char data[65536];
	ssize_t n;
	while ((n = read(from, data, sizeof(data))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vm_fail_os(err, errno, "cannot read standard input");
		const int r = vm_write_all(to, data, (size_t)n);
		if (r < 0)
			return vm_fail_os(err, -r, "cannot keep standard input for the runs");
		*bytes += (uint64_t)n;
	}
	return 0;
}

static int make_copy(struct vm_spool *sp, int from, struct vm_err *err)
{
	sp->fd = memfd_create("stdin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (sp->fd < 0)
		return vm_fail_os(err, errno, "cannot keep standard input for the runs");
	const int r = copy_all(from, sp->fd, &sp->bytes, err);
	if (r < 0)
		vm_spool_close(sp);
	else
		fcntl(sp->fd, F_ADD_SEALS, SEALS);
	return r;
}

int vm_spool_open(struct vm_spool *sp, int fd, void (*waits)(void *ctx), void *ctx, struct vm_err *err)
{
	struct stat st;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	*sp = (struct vm_spool){ .kind = VM_SPOOL_SHARED, .fd = fd };
	/* One that is closed, or can't be read, is the program's own affair. */
	const int mode = fcntl(fd, F_GETFL);
	if (mode < 0 || (mode & O_ACCMODE) == O_WRONLY || fstat(fd, &st) != 0)
		return 0;
	if (S_ISREG(st.st_mode)) {
		sp->kind = VM_SPOOL_FILE;
		sp->start = lseek(fd, 0, SEEK_CUR);
		return 0;
	}
	if (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode))
		return 0;
	sp->kind = VM_SPOOL_COPY;
	if (poll(&p, 1, SILENT_MS) == 0)
		waits(ctx);
	return make_copy(sp, fd, err);
}

void vm_spool_rewind(const struct vm_spool *sp)
{
	if (sp->kind != VM_SPOOL_SHARED)
		lseek(sp->fd, sp->start, SEEK_SET);
}

void vm_spool_close(struct vm_spool *sp)
{
	if (sp->kind == VM_SPOOL_COPY && sp->fd >= 0)
		close(sp->fd);
	sp->fd = -1;
}
