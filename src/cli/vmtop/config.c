/** The file of vmtop's settings: where it is, and how it is read and replaced. */

#include "cli/vmtop/vmtop.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/source/session.h"

/** More than that nobody writes by hand. */
enum { CONFIG_MOST = 1 << 20 };

bool vmtop_config_path(char *path, size_t size)
{
	const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n = -1;
	/* Relative ones are to be ignored, says the XDG Base Directory Specification. */
	if (base && *base == '/')
		n = snprintf(path, size, "%s/vmtop/config", base);
	else if (home && *home == '/')
		n = snprintf(path, size, "%s/.config/vmtop/config", home);
	return n > 0 && (size_t)n < size;
}

int vmtop_config_read(const char *path, struct vm_buf *out, struct vm_err *err)
{
	char part[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : vm_fail_os(err, errno, "cannot read the settings in %s", path);
	ssize_t n = 0;
	while (out->n < CONFIG_MOST && (n = read(fd, part, sizeof(part))) > 0)
		vm_buf_add(out, part, (size_t)n);
	int r = n < 0 ? vm_fail_os(err, errno, "cannot read the settings in %s", path) : 0;
	if (n > 0)
		r = vm_fail(err, EFBIG, "the settings in %s are too long", path);
	close(fd);
	return r;
}

/** The directories above the file, as the specification wants them. */
static void make_directories(const char *path)
{
	char part[PATH_MAX];
	snprintf(part, sizeof(part), "%s", path);
	for (char *s = part + 1; (s = strchr(s, '/')); s++) {
		*s = '\0';
		mkdir(part, 0700);
		*s = '/';
	}
}

int vmtop_config_save(const char *path, const char *text, size_t len, struct vm_err *err)
{
	char real[PATH_MAX], temporary[PATH_MAX + 8];
	make_directories(path);
	/* Who keeps the file elsewhere, and a link here, keeps the link. */
	if (!realpath(path, real))
		snprintf(real, sizeof(real), "%s", path);
	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", real);
	struct stat old;
	const mode_t mode = stat(real, &old) == 0 ? old.st_mode & 0777 : 0600;
	int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return vm_fail_os(err, errno, "cannot write %s", path);
	int r = vm_write_all(fd, text, len);
	if (r == 0 && fsync(fd) < 0 && errno != EINVAL)
		r = -errno;
	if (r == 0 && fchmod(fd, mode) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	/* Complete, or as it was. */
	if (r == 0 && rename(temporary, real) < 0)
		r = -errno;
	if (r < 0) {
		unlink(temporary);
		return vm_fail_os(err, -r, "cannot write %s", path);
	}
	return 0;
}
