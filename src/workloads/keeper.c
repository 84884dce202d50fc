#include "workloads/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/str.h"

struct outcome {
	int r;
	struct vm_err err;
};

/** Signals that end a workload are blocked here as they are there: only the end of the socket counts. */
__attribute__((noreturn))
static void keep(int to, const struct vm_kept *what, void *arg)
{
	struct outcome o = { 0 };
	char none;
	o.r = what->set(arg, &o.err);
	if (write(to, &o, sizeof(o)) == (ssize_t)sizeof(o) && o.r == 0)
		while (read(to, &none, 1) < 0 && errno == EINTR)
			;
	what->put_back(arg);
	_exit(0);
}

int vm_keeper_start(struct vm_keeper *k, const struct vm_kept *what, void *arg, struct vm_err *err)
{
	int ends[2];
	struct outcome o;
	*k = (struct vm_keeper){ 0 };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return vm_fail_os(err, errno, "cannot make a socket");
	pid_t pid = fork();
	if (pid == 0) {
		close(ends[0]);
		keep(ends[1], what, arg);
	}
	int code = errno;
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return vm_fail_os(err, code, "cannot fork");
	}
	*k = (struct vm_keeper){ .pid = pid, .to = ends[0] };
	if (recv(k->to, &o, sizeof(o), MSG_WAITALL) != (ssize_t)sizeof(o))
		return vm_fail(err, ECHILD, "child process %d ended too early", (int)pid);
	if (o.r < 0)
		*err = o.err;
	return o.r;
}

void vm_keeper_end(struct vm_keeper *k)
{
	if (k->pid <= 0)
		return;
	close(k->to);
	while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*k = (struct vm_keeper){ 0 };
}

int vm_setting_read(const char *path, unsigned long long *v)
{
	vm_auto_file FILE *f = fopen(path, "re");
	if (!f)
		return -errno;
	return fscanf(f, "%llu", v) == 1 ? 0 : -EIO;
}

int vm_setting_write(const char *path, unsigned long long v)
{
	char text[VM_NUMBUF];
	vm_auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	int n = snprintf(text, sizeof(text), "%llu\n", v);
	return fd >= 0 && write(fd, text, (size_t)n) == n ? 0 : -errno;
}
