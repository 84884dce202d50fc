#include "core/source/scratchdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"

void vm_remove_below(int dir_fd)
{
	int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	vm_auto_dir DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
	for (const struct dirent *e; d && (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 || unlinkat(dir_fd, e->d_name, 0) == 0)
			continue;
		vm_auto_close int below = openat(dir_fd, e->d_name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below < 0)
			continue;
		vm_remove_below(below);
		unlinkat(dir_fd, e->d_name, AT_REMOVEDIR);
	}
}

__attribute__((noreturn))
static void keep(const struct vm_scratch_dir *d, int fd)
{
	char byte;
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	/* Nobody shall wait for the end of a pipe because of this process: no reader of ours, and no other keeper. */
	const int dir = STDERR_FILENO;
	dup2(fd, STDIN_FILENO);
	close(STDOUT_FILENO);
	dup2(d->fd, dir);
	close_range(STDERR_FILENO + 1, ~0u, 0);
	while (read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR)
		;
	vm_remove_below(dir);
	rmdir(d->path);
	_exit(0);
}

static int start_keeper(struct vm_scratch_dir *d, struct vm_err *err)
{
	int fd[2];
	if (pipe2(fd, O_CLOEXEC) != 0)
		return vm_fail_os(err, errno, "cannot make a pipe");
	pid_t pid = fork();
	if (pid == 0) {
		close(fd[1]);
		keep(d, fd[0]);
	}
	int code = errno;
	close(fd[0]);
	if (pid < 0) {
		close(fd[1]);
		return vm_fail_os(err, code, "cannot start a process");
	}
	d->keeper_fd = fd[1];
	d->keeper = pid;
	return 0;
}

int vm_scratch_dir_open(struct vm_scratch_dir *d, const char *place, const char *name, struct vm_err *err)
{
	*d = (struct vm_scratch_dir){ .fd = -1, .keeper_fd = -1 };
	snprintf(d->path, sizeof(d->path), "%.200s/%.60s-XXXXXX", place, name);
	if (!mkdtemp(d->path))
		return vm_fail_os(err, errno, "cannot make a directory in '%s'", place);
	d->fd = open(d->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = d->fd >= 0 ? start_keeper(d, err) : vm_fail_os(err, errno, "cannot open '%s'", d->path);
	if (r < 0) {
		rmdir(d->path);
		if (d->fd >= 0)
			close(d->fd);
		d->fd = -1;
	}
	return r;
}

void vm_scratch_dir_close(struct vm_scratch_dir *d)
{
	if (d->fd < 0)
		return;
	close(d->keeper_fd);
	while (waitpid(d->keeper, NULL, 0) < 0 && errno == EINTR)
		;
	close(d->fd);
	d->fd = -1;
}
