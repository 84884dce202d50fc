#include "cli/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/source/session.h"

/** What can't be emptied (a pipe, a terminal) has nothing to lose. */
static bool empty(struct vm_outfile *f)
{
	f->emptied = f->emptied || ftruncate(f->fd, 0) == 0 || errno == EINVAL;
	return f->emptied;
}

static ssize_t put(void *file, const char *s, size_t n)
{
	struct vm_outfile *f = file;
	/* fopencookie(3) takes 0 for a failure, and its reason from errno. */
	if (!empty(f))
		return 0;
	const int r = vm_write_all(f->fd, s, n);
	errno = r < 0 ? -r : errno;
	return r < 0 ? 0 : (ssize_t)n;
}

int vm_outfile_open(struct vm_outfile *f, const char *path, struct vm_err *err)
{
	*f = (struct vm_outfile){ .fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666) };
	if (f->fd < 0)
		return vm_fail_os(err, errno, "cannot write %s", path);
	f->out = fopencookie(f, "w", (cookie_io_functions_t){ .write = put });
	if (f->out)
		return 0;
	close(f->fd);
	return vm_fail_os(err, ENOMEM, "cannot write %s", path);
}

void vm_outfile_close(struct vm_outfile *f, bool whole)
{
	if (!f->out)
		return;
	fclose(f->out);
	if (whole)
		empty(f);
	close(f->fd);
	f->out = NULL;
}
