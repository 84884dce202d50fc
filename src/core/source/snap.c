#include "core/source/snap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/cleanup.h"
#include "core/base/str.h"
#include "core/source/session.h"

int vm_snap_open(struct vm_snap *sn)
{
	int fd;
	if (sn->direct && sn->s->proc_fd >= 0)
		return 0;
	/* A recording has a process if it has its stat. */
	if (sn->s->replay) {
		fd = vm_session_open_file(sn->s, O_RDONLY, "proc/%d/stat", sn->pid);
		if (fd >= 0)
			close(fd);
		return fd == -ENOENT || fd == -EISDIR ? -ESRCH : fd < 0 ? fd : 0;
	}
	if (sn->s->proc_fd >= 0) {
		char name[16];
		snprintf(name, sizeof(name), "%d", sn->pid);
		fd = openat(sn->s->proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	} else {
		fd = vm_session_open_file(sn->s, O_PATH | O_DIRECTORY, "proc/%d", sn->pid);
	}
	if (fd < 0)
		return fd == -ENOENT ? -ESRCH : fd;
	sn->dir_fd = fd;
	return 0;
}

void vm_snap_close(struct vm_snap *sn)
{
	if (sn->dir_fd >= 0)
		close(sn->dir_fd);
	sn->dir_fd = -1;
}

/** Decimal digits without a NUL; their number. */
static size_t put_u64(char *to, uint64_t v)
{
	char num[VM_NUMBUF];
	const char *digits = vm_format_u64(v, num);
	size_t n = strlen(digits);
	memcpy(to, digits, n);
	return n;
}

static int open_in(const struct vm_snap *sn, const char *name)
{
	int fd;
	if (sn->s->replay) {
		return vm_session_open_file(sn->s, O_RDONLY, "proc/%d/%s", sn->pid, name);
	} else if (sn->dir_fd < 0 && sn->s->live) {
		char path[64];
		char *p = path + put_u64(path, (uint64_t)sn->pid);
		*p++ = '/';
		size_t n = strlen(name);
		if (n >= sizeof(path) - (size_t)(p - path))
			return -ENAMETOOLONG;
		memcpy(p, name, n + 1);
		fd = openat(sn->s->proc_fd, path, O_RDONLY | O_CLOEXEC);
	} else if (sn->s->live) {
		fd = openat(sn->dir_fd, name, O_RDONLY | O_CLOEXEC);
	} else {
		return vm_open_captured(sn->dir_fd, name, O_RDONLY, RESOLVE_BENEATH);
	}
	return fd < 0 ? -errno : fd;
}

int vm_snap_file(struct vm_snap *sn, const char *name)
{
	int fd = open_in(sn, name);
	if (fd != -ENOENT || !sn->s->live)
		return fd;
	/* Files of a process that ended are not there either. */
	int alive = open_in(sn, "stat");
	if (alive < 0)
		return -ESRCH;
	close(alive);
	return -ENOENT;
}

struct vm_tee vm_snap_tee(struct vm_snap *sn, const char *name)
{
	if (!vm_session_copies(sn->s))
		return (struct vm_tee){ .fd = -1 };
	char path[320];
	snprintf(path, sizeof(path), "proc/%d/%s", sn->pid, name);
	return vm_session_tee(sn->s, path);
}

long vm_snap_slurp(struct vm_snap *sn, struct vm_buf *to, const char *name)
{
	if (sn->s->replay)
		return vm_session_slurp(sn->s, to, "proc/%d/%s", sn->pid, name);
	vm_auto_close int fd = vm_snap_file(sn, name);
	if (fd < 0)
		return fd;
	to->n = 0;
	long n = vm_read_at_once(fd, to);
	if (n >= 0 && vm_session_copies(sn->s)) {
		vm_auto_tee struct vm_tee tee = vm_snap_tee(sn, name);
		vm_tee_write(&tee, to->s, to->n);
	}
	return n;
}
