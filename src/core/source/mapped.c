#include "core/source/mapped.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "core/base/cleanup.h"
#include "core/source/session.h"

enum { PATH_SIZE = 4200 };

static bool is_mapped(const struct stat *st, const struct vm_mapped *m)
{
	const bool comparable = major(st->st_dev) && m->dev_major;
	return st->st_ino == m->inode && (!comparable || st->st_dev == makedev(m->dev_major, m->dev_minor));
}

/** By way of overlayfs even inodes differ on older kernels: then the kernel's link says the same path as maps. */
static bool links_to_path(struct vm_session *s, const char *link, const struct vm_mapped *m)
{
	char to[PATH_SIZE];
	return vm_session_readlink(s, to, sizeof(to), "%s", link) > 0 && strcmp(to, m->path) == 0;
}

static int open_if_mapped(struct vm_session *s, const char *path, const struct vm_mapped *m, bool link)
{
	struct stat st;
	if (!s->live)
		return vm_session_open_file(s, O_RDONLY | O_NONBLOCK, "%s", path);
	/* A path may meanwhile name a FIFO or device: look before opening. */
	vm_auto_close int look = vm_session_open_file(s, O_PATH, "%s", path);
	if (look < 0)
		return look;
	if (fstat(look, &st) != 0 || !S_ISREG(st.st_mode) ||
	    (!is_mapped(&st, m) && !(link && links_to_path(s, path, m))))
		return -ESTALE;
	char self[32];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", look);
	int fd = open(self, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int vm_open_mapped(struct vm_session *s, const struct vm_mapped *m, char *from, size_t size)
{
	int fd = -ESRCH;
	if (m->path[0] != '/')
		return -ENOENT;
	if (m->alive) {
		snprintf(from, size, "proc/%d/root%s", m->pid, m->path);
		fd = open_if_mapped(s, from, m, false);
		if (fd >= 0)
			return fd;
		snprintf(from, size, "proc/%d/map_files/%llx-%llx", m->pid, (unsigned long long)m->start,
			 (unsigned long long)m->end);
		fd = open_if_mapped(s, from, m, true);
		if (fd >= 0)
			return fd;
	}
	snprintf(from, size, "%s", m->path + strspn(m->path, "/"));
	const int last = open_if_mapped(s, from, m, false);
	return last >= 0 || !m->alive ? last : fd;
}
