/** The limit of locked memory, and what the kernel answers on both sides of it. */
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/str.h"
#include "workloads/kit.h"
#include "workloads/registry.h"

enum { LIMIT_BYTES, LIMIT_LOCKED };

static const struct vm_param limit_params[] = {
	{ "limit", "soft RLIMIT_MEMLOCK", VM_P_SIZE, .def = "32K", .min = 1, .max = UINT64_C(1) << 30 },
	{ "locked", "share of it to lock beforehand", VM_P_RATIO, .def = "50%" },
	{ .name = NULL }
};

struct limit {
	struct vm_region held;       /* locked */
	uint64_t limit, page;
	unsigned step;
};

/** Without it the limit holds; we give it up for good. */
static int drop_ipc_lock(struct vm_err *err)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	if (syscall(SYS_capget, &head, data) != 0)
		return vm_fail_os(err, errno, "cannot read the capabilities");
	data[0].effective &= ~(1u << CAP_IPC_LOCK);
	data[0].permitted &= ~(1u << CAP_IPC_LOCK);
	data[0].inheritable &= ~(1u << CAP_IPC_LOCK);
	if (syscall(SYS_capset, &head, data) != 0)
		return vm_fail_os(err, errno, "cannot give up CAP_IPC_LOCK");
	return 0;
}

static int set_limit(uint64_t bytes, struct vm_err *err)
{
	struct rlimit lim;
	getrlimit(RLIMIT_MEMLOCK, &lim);
	if (bytes > lim.rlim_max)
		return vm_fail(err, EPERM, "the hard RLIMIT_MEMLOCK is lower: use a smaller --limit");
	lim.rlim_cur = bytes;
	return setrlimit(RLIMIT_MEMLOCK, &lim) < 0 ? vm_fail_os(err, errno, "cannot set RLIMIT_MEMLOCK") : 0;
}

static const char *error_name(int error)
{
	return error == 0 ? "none" : error == EPERM ? "EPERM" : error == ENOMEM ? "ENOMEM" : error == EAGAIN ? "EAGAIN" : "other";
}

/** Ask for that much, and give it back. */
static int try_mlock(uint64_t size)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return errno;
	/* By number: sanitizers turn the library's mlock() into nothing. */
	const int error = syscall(SYS_mlock, p, size) < 0 ? errno : 0;
	munmap(p, size);
	return error;
}

static int try_map_locked(uint64_t size)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	if (p == MAP_FAILED)
		return errno;
	munmap(p, size);
	return 0;
}

static void truth_answer(struct vm_truth *t, const char *call, uint64_t size, int error)
{
	vm_truth_object_begin(t);
	vm_truth_str(t, "call", call);
	vm_truth_u64(t, "size_bytes", size);
	vm_truth_str(t, "error", error_name(error));
	vm_truth_object_end(t);
}

static void state_limit(const struct limit *l, struct vm_truth *t)
{
	const uint64_t pages = l->limit / l->page * l->page;
	const uint64_t room = pages > l->held.size ? pages - l->held.size : 0;
	vm_truth_u64(t, "memlock_limit_bytes", l->limit);
	vm_truth_u64(t, "vmlck_bytes", l->held.size);
	vm_truth_u64(t, "headroom_bytes", room);
	vm_truth_bool(t, "cap_ipc_lock", false);
	vm_truth_array_begin(t, "mappings");
	if (l->held.size) {
		vm_truth_mapping_begin(t, "held", l->held.p, l->held.size);
		vm_truth_str(t, "perm", "rw-p");
		vm_truth_u64(t, "rss_bytes", l->held.size);
		vm_truth_u64(t, "locked_bytes", l->held.size);
		vm_truth_object_end(t);
	}
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "answers");
	if (room)
		truth_answer(t, "mlock", room, try_mlock(room));
	const int beyond = try_mlock(room + l->page);
	truth_answer(t, "mlock", room + l->page, beyond);
	const int mapped = try_map_locked(room + l->page);
	truth_answer(t, "mmap", room + l->page, mapped);
	vm_truth_array_end(t);
	char a[VM_NUMBUF], b[VM_NUMBUF];
	vm_truth_say(t, "%s of %s locked; of one page more than is left mlock(2) says %s, mmap(2) with MAP_LOCKED %s",
	             vm_format_size(l->held.size, a), vm_format_size(l->limit, b), error_name(beyond), error_name(mapped));
}

static int limit_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct limit *l = *state = calloc(1, sizeof(*l));
	if (!l)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	l->page = lab->page;
	l->limit = lab->arg[LIMIT_BYTES].u64;
	int r = drop_ipc_lock(err);
	if (r == 0)
		r = set_limit(l->limit, err);
	const uint64_t pages = l->limit / lab->page * lab->page;
	const uint64_t held = r == 0 ? vm_pages_share(lab, pages, lab->arg[LIMIT_LOCKED].ratio) : 0;
	if (held) {
		r = vm_region_map(&l->held, lab, held, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
		if (r == 0 && syscall(SYS_mlock, l->held.p, held) < 0)
			r = vm_fail_os(err, errno, "mlock failed within the limit");
	}
	if (r == 0)
		state_limit(l, t);
	return r;
}

/** None at all, then as much as may be. */
static int limit_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct limit *l = state;
	struct rlimit lim;
	getrlimit(RLIMIT_MEMLOCK, &lim);
	/* The sizes that are tried must fit into memory. */
	const uint64_t most = UINT64_C(64) << 20;
	l->limit = ++l->step == 1 ? 0 : lim.rlim_max < most ? lim.rlim_max : most;
	int r = set_limit(l->limit, err);
	if (r < 0)
		return r;
	state_limit(l, t);
	return l->step == 1;
}

static void limit_done(void *state)
{
	struct limit *l = state;
	vm_region_unmap(&l->held);
	free(l);
}

const struct vm_workload vm_workload_mlock_limit = {
	.name = "mlock-limit",
	.help = "a limit of locked memory, half used up, and what the kernel says beyond it",
	.shows = "vmlock",
	.lesson = "RLIMIT_MEMLOCK is compared with VmLck, the size of all locked mappings, in whole pages.  Beyond it mlock(2) "
	          "says ENOMEM, which looks as if memory were short, mmap(2) with MAP_LOCKED EAGAIN, and where the limit is 0 "
	          "both say EPERM.  The first step sets it to 0, the second to the hard one: what is locked stays so.  Try "
	          "vmlock --explain SIZE on it.  CAP_IPC_LOCK, which would free it from all that, is given up.",
	.params = limit_params,
	.make = limit_make,
	.step = limit_step,
	.done = limit_done,
};
