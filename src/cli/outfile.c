#include "cli/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/base/err.h"

/** What can't be emptied (a pipe, a terminal) has nothing to lose. */
static bool empty(struct vm_outfile *f)
{
	f->emptied = f->emptied || ftruncate(f->fd, 0) == 0 || errno == EINVAL;
	return f->emptied;
}

static ssize_t put(void *file, const char *s, size_t n)
{
	struct vm_outfile *f = file;
	const ssize_t written = empty(f) ? write(f->fd, s, n) : -1;
	/* What fopencookie(3) wants of a failure. */
	return written < 0 ? 0 : written;
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
