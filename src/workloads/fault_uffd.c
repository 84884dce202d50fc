/** Faults that a thread of the program handles itself: userfaultfd(2). */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "workloads/faults.h"
#include "workloads/registry.h"

/* Linux 5.11; missing from older headers. */
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

enum { UFFD_SIZE, UFFD_ROUNDS };

static const struct vm_param uffd_params[] = {
	{ "size", "bytes of each of the two mappings", VM_P_SIZE, .def = "256K", .min = 1 },
	VM_ROUNDS_PARAM,
	{ .name = NULL }
};

struct uffd {
	const struct vm_lab *lab;
	struct vm_region missing, protected;
	char *source;              /* the page that is put where one is missing */
	int fd, stop;              /* -1: none */
	bool can_protect;          /* this kernel has write protection (Linux 5.7) */
	pthread_t id;
	bool started;
	atomic_uint_fast64_t handled;
	uint64_t rounds;
};

/* ---- The handler ------------------------------------------------------------------------------------------------- */

static int resolve(struct uffd *u, const struct uffd_msg *m)
{
	const uint64_t page = u->lab->page, at = m->arg.pagefault.address / page * page;
	if (m->event != UFFD_EVENT_PAGEFAULT)
		return 0;
	u->handled++;
	if (m->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP)
		return ioctl(u->fd, UFFDIO_WRITEPROTECT, &(struct uffdio_writeprotect){ .range = { at, page }, .mode = 0 });
	return ioctl(u->fd, UFFDIO_COPY, &(struct uffdio_copy){ .dst = at, .src = (uintptr_t)u->source, .len = page });
}

/** Whoever waits for us must not wait for ever: without the descriptor the kernel handles faults as it would anyway. */
static void *handle(void *arg)
{
	struct uffd *u = arg;
	for (;;) {
		struct uffd_msg m;
		struct pollfd fd[] = { { .fd = u->fd, .events = POLLIN }, { .fd = u->stop, .events = POLLIN } };
		if (poll(fd, vm_countof(fd), -1) < 0 && errno != EINTR)
			break;
		if (fd[1].revents)
			return NULL;
		if (!fd[0].revents)
			continue;
		ssize_t n = read(u->fd, &m, sizeof(m));
		if (n != (ssize_t)sizeof(m) && errno == EAGAIN)
			continue;
		if (n != (ssize_t)sizeof(m) || resolve(u, &m) < 0)
			break;
	}
	close(u->fd);
	u->fd = -1;
	return NULL;
}

/* ---- Registering ------------------------------------------------------------------------------------------------- */

/** Faults of user mode are all that anybody may handle. */
static int open_uffd(struct uffd *u, struct vm_err *err)
{
	u->fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (u->fd < 0 && errno == EINVAL)
		u->fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (u->fd >= 0)
		return 0;
	if (errno == ENOSYS)
		return vm_fail(err, ENOSYS, "this kernel has no userfaultfd (CONFIG_USERFAULTFD)");
	if (errno != EPERM)
		return vm_fail_os(err, errno, "userfaultfd failed");
	vm_fail(err, EPERM, "userfaultfd is not permitted");
	vm_hint(err, "run as root, or see vm.unprivileged_userfaultfd");
	return -EPERM;
}

/** What it can is asked once for each descriptor. */
static int begin_uffd(struct uffd *u, struct vm_err *err)
{
	int r = open_uffd(u, err);
	if (r < 0)
		return r;
	u->can_protect = ioctl(u->fd, UFFDIO_API, &(struct uffdio_api){ .api = UFFD_API,
	                       .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP }) == 0;
	if (u->can_protect)
		return 0;
	close(u->fd);
	r = open_uffd(u, err);
	if (r == 0 && ioctl(u->fd, UFFDIO_API, &(struct uffdio_api){ .api = UFFD_API }) < 0)
		r = vm_fail_os(err, errno, "userfaultfd failed");
	return r;
}

static int watch_region(const struct uffd *u, const struct vm_region *r, uint64_t mode, struct vm_err *err)
{
	struct uffdio_register reg = { .range = { (uintptr_t)r->p, r->size }, .mode = mode };
	return ioctl(u->fd, UFFDIO_REGISTER, &reg) < 0 ? vm_fail_os(err, errno, "cannot register memory with userfaultfd") : 0;
}

static int register_all(struct uffd *u, struct vm_truth *t, struct vm_err *err)
{
	int r = watch_region(u, &u->missing, UFFDIO_REGISTER_MODE_MISSING, err);
	if (r == 0 && u->can_protect && watch_region(u, &u->protected, UFFDIO_REGISTER_MODE_WP, NULL) < 0)
		u->can_protect = false;
	if (!u->can_protect)
		vm_truth_say(t, "left out: write protection; this kernel has none (Linux 5.7)");
	return r;
}

/* ---- The faults -------------------------------------------------------------------------------------------------- */

static int write_protect(const struct uffd *u, struct vm_err *err)
{
	struct uffdio_writeprotect wp = {
		.range = { (uintptr_t)u->protected.p, u->protected.size }, .mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	return ioctl(u->fd, UFFDIO_WRITEPROTECT, &wp) < 0 ? vm_fail_os(err, errno, "cannot write-protect") : 0;
}

static int uffd_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct uffd *u = state;
	const uint64_t pages = u->missing.size / u->lab->page, wanted = u->can_protect ? 2 * pages : pages;
	const bool first = u->rounds == 0;
	struct vm_meter m;
	vm_meter_begin(&m, RUSAGE_SELF);
	if (first)
		vm_touch(u->lab, u->protected.p, u->protected.size);
	int r = vm_region_drop(&u->missing, err);
	if (r == 0 && u->can_protect)
		r = write_protect(u, err);
	if (r < 0)
		return r;
	u->handled = 0;
	vm_touch(u->lab, u->missing.p, u->missing.size);
	if (u->can_protect)
		vm_touch(u->lab, u->protected.p, u->protected.size);
	vm_meter_end(&m, RUSAGE_SELF);
	if (u->handled != wanted)
		return vm_fail(err, EIO, "%llu faults came to the handler instead of %llu", (unsigned long long)u->handled,
		               (unsigned long long)wanted);
	vm_truth_meter(t, &m);
	vm_truth_u64(t, "handled", wanted);
	vm_truth_array_begin(t, "faults");
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "missing", VM_FAULTS_IN(&u->missing), .kind = "uffd",
	               .count = pages });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "touched before", VM_FAULTS_IN(&u->protected),
	               .kind = "anon-first", .count = first ? pages : 0 });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "write-protected", VM_FAULTS_IN(&u->protected), .kind = "uffd",
	               .count = wanted - pages });
	vm_truth_array_end(t);
	vm_truth_say(t, "a thread of this program handled %llu faults: pages that were missing, and ones that it had protected",
	             (unsigned long long)wanted);
	return ++u->rounds < u->lab->arg[UFFD_ROUNDS].u64;
}

static int start_handler(struct uffd *u, struct vm_err *err)
{
	u->stop = eventfd(0, EFD_CLOEXEC);
	if (u->stop < 0)
		return vm_fail_os(err, errno, "cannot make an eventfd");
	int r = pthread_create(&u->id, NULL, handle, u);
	if (r != 0)
		return vm_fail_os(err, r, "cannot start a thread");
	u->started = true;
	return 0;
}

static int uffd_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	const int prot = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	struct uffd *u = *state = calloc(1, sizeof(*u));
	if (!u)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	u->lab = lab;
	u->fd = u->stop = -1;
	u->source = calloc(1, lab->page);
	if (!u->source)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	vm_pattern(u->source, 0, lab->page, 1);
	int r = begin_uffd(u, err);
	if (r == 0)
		r = vm_region_map(&u->missing, lab, lab->arg[UFFD_SIZE].u64, prot, flags, -1, err);
	if (r == 0)
		r = vm_region_map(&u->protected, lab, lab->arg[UFFD_SIZE].u64, prot, flags, -1, err);
	if (r == 0)
		r = register_all(u, t, err);
	if (r == 0)
		r = start_handler(u, err);
	if (r == 0)
		r = uffd_step(u, t, err);
	return r < 0 ? r : 0;
}

static void uffd_done(void *state)
{
	struct uffd *u = state;
	const uint64_t one = 1;
	if (u->started && write(u->stop, &one, sizeof(one)) == (ssize_t)sizeof(one))
		pthread_join(u->id, NULL);
	if (u->stop >= 0)
		close(u->stop);
	if (u->fd >= 0)
		close(u->fd);
	vm_region_unmap(&u->missing);
	vm_region_unmap(&u->protected);
	free(u->source);
	free(u);
}

const struct vm_workload vm_workload_uffd = {
	.name = "uffd",
	.help = "faults: a thread of the program handles them (userfaultfd)",
	.shows = "vmfault",
	.lesson = "With userfaultfd a program is its own pager: the thread that faults sleeps until another one has put a page "
	          "there, or has lifted the write protection.  Live migration, snapshots and some collectors work so.  The "
	          "time of the fault is the handler's: two switches of threads at least.",
	.params = uffd_params,
	.make = uffd_make,
	.step = uffd_step,
	.done = uffd_done,
};
