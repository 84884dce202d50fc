#include "core/source/hugecollapse.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/source/hugesys.h"
#include "core/source/session.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

bool vm_huge_collapse_permitted(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	return syscall(SYS_capget, &head, data) == 0 && (data[CAP_TO_INDEX(CAP_SYS_NICE)].effective & CAP_TO_MASK(CAP_SYS_NICE));
}

/** A page in memory that nobody may write; not a huge one, whatever the policy. */
static void make_readonly(char *p, uint64_t bytes)
{
	const int off = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	*(volatile char *)p = 1;
	prctl(PR_SET_THP_DISABLE, off > 0, 0, 0, 0);
	mprotect(p, bytes, PROT_READ);
}

int vm_huge_collapse_wants_writable(struct vm_session *s, uint64_t bytes)
{
	if (!s->live || !bytes)
		return -EOPNOTSUPP;
	/* Before there was MADV_COLLAPSE, all kernels did. */
	if (vm_hugesys_collapses(s) < 0)
		return 1;
	char *p = mmap(NULL, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	char *at = p + (bytes - (uintptr_t)p % bytes) % bytes;
	make_readonly(at, bytes);
	int r = madvise(at, bytes, MADV_COLLAPSE) == 0 ? 0 : -errno;
	/* It is the entry, if nothing else was in the way. */
	if (r == -EINVAL && mprotect(at, bytes, PROT_READ | PROT_WRITE) == 0) {
		*(volatile char *)at = 2;
		r = madvise(at, bytes, MADV_COLLAPSE) == 0 ? 1 : -errno;
	}
	munmap(p, 2 * bytes);
	return r;
}

int vm_huge_collapse_open(struct vm_session *s, pid_t pid, struct vm_err *err)
{
	if (!s->live)
		return vm_fail(err, EOPNOTSUPP, "a %s can't be changed", vm_session_kind(s));
	if (vm_hugesys_collapses(s) < 0)
		return vm_fail(err, EOPNOTSUPP, "this kernel has no MADV_COLLAPSE (Linux 6.1)");
	const long fd = syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0 && (errno == ESRCH || errno == EINVAL))
		return vm_fail(err, ESRCH, "there is no process %d", pid);
	return fd < 0 ? vm_fail_os(err, errno, "cannot open process %d", pid) : (int)fd;
}

int vm_huge_collapse(int process, uint64_t start, uint64_t bytes)
{
	const struct iovec range = { .iov_base = (void *)(uintptr_t)start, .iov_len = bytes };
	return syscall(SYS_process_madvise, process, &range, 1, MADV_COLLAPSE, 0) < 0 ? -errno : 0;
}
