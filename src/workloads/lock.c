/** Memory that must stay in RAM: mlock and mlockall. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/str.h"
#include "workloads/kit.h"
#include "workloads/registry.h"

/** Describe why locking failed; what the limit or a missing capability forbids is -EPERM. */
static int lock_failed(struct vm_err *err, int code, const char *call, uint64_t limit)
{
	char text[VM_NUMBUF];
	if (code != ENOMEM && code != EPERM && code != EAGAIN)
		return vm_fail_os(err, code, "%s failed", call);
	vm_fail(err, EPERM, "%s refused: RLIMIT_MEMLOCK is %s and CAP_IPC_LOCK is missing", call,
	        vm_format_size(limit, text));
	vm_hint(err, "raise the limit (ulimit -l), lock less (--size), or run as root");
	return -EPERM;
}

static void truth_limit(struct vm_truth *t, uint64_t limit)
{
	if (limit != RLIM_INFINITY)
		vm_truth_u64(t, "memlock_limit_bytes", limit);
}

static void truth_locked(struct vm_truth *t, const char *label, const char *p, uint64_t size,
                         uint64_t rss, bool locked)
{
	vm_truth_mapping_begin(t, label, p, size);
	vm_truth_str(t, "perm", "rw-p");
	vm_truth_bool(t, "locked", locked);
	vm_truth_u64(t, "rss_bytes", rss);
	vm_truth_u64(t, "pss_bytes", rss);
	vm_truth_u64(t, "anon_bytes", rss);
	/* smaps counts the resident part of a locked mapping, status (VmLck) its size. */
	vm_truth_u64(t, "locked_bytes", locked ? rss : 0);
	vm_truth_object_end(t);
}

static void truth_self(struct vm_truth *t, const char *role)
{
	struct vm_usage u;
	vm_usage_read(getpid(), &u);
	vm_truth_array_begin(t, "processes");
	vm_truth_process(t, role, getpid(), &u);
	vm_truth_array_end(t);
}

/* mlock */

enum { LOCK_SIZE, LOCK_SHARE, LOCK_TOUCH, LOCK_MODE };
enum { MODE_LOCK, MODE_ONFAULT };

static const char *const lock_modes[] = { "lock", "onfault", NULL };

static const struct vm_param lock_params[] = {
	{ "size", "bytes to map", VM_P_SIZE, .def = "1M", .min = 1 },
	{ "lock", "share of it to lock, from its start", VM_P_RATIO, .def = "50%" },
	{ "touch", "share of it to write to beforehand, from its start", VM_P_RATIO, .def = "25%" },
	{ "mode", "lock: make all pages resident; onfault: each when it is touched", VM_P_WORD,
	  .def = "lock", lock_modes },
	{ .name = NULL }
};

static int mlock_make(const struct vm_lab *lab, struct vm_truth *t, void **state,
                      struct vm_err *err)
{
	struct vm_region *r = *state = calloc(1, sizeof(*r));
	if (!r)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	uint64_t limit = vm_raise_memlock();
	int res = vm_region_map(r, lab, lab->arg[LOCK_SIZE].u64, PROT_READ | PROT_WRITE,
	                        MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
	if (res < 0)
		return res;
	uint64_t locked = vm_pages_share(lab, r->size, lab->arg[LOCK_SHARE].ratio);
	uint64_t touched = vm_pages_share(lab, r->size, lab->arg[LOCK_TOUCH].ratio);
	bool onfault = lab->arg[LOCK_MODE].u64 == MODE_ONFAULT;
	vm_touch(lab, r->p, touched);
	/* By number: sanitizers turn the library's mlock() into nothing. */
	if (syscall(SYS_mlock2, r->p, locked, onfault ? MLOCK_ONFAULT : 0) < 0)
		return lock_failed(err, errno, "mlock", limit);

	uint64_t in = touched < locked ? touched : locked, out = touched - in;
	truth_limit(t, limit);
	vm_truth_u64(t, "vmlck_bytes", locked);
	vm_truth_array_begin(t, "mappings");
	if (locked)
		truth_locked(t, "locked", r->p, locked, onfault ? in : locked, true);
	if (locked < r->size)
		truth_locked(t, "not locked", r->p + locked, r->size - locked, out, false);
	vm_truth_array_end(t);
	truth_self(t, "locker");
	char a[VM_NUMBUF], b[VM_NUMBUF];
	vm_truth_say(t, "locked %s; resident now: %s of it", vm_format_size(locked, a),
	             vm_format_size(onfault ? in : locked, b));
	return 0;
}

static void mlock_done(void *state)
{
	struct vm_region *r = state;
	vm_region_unmap(r);
	free(r);
}

const struct vm_workload vm_workload_mlock = {
	.name = "mlock",
	.help = "a mapping, a share of it locked in memory",
	.shows = "vmlock,vmmap",
	.lesson = "mlock() makes every page of the range resident at once and splits the mapping in two, "
	          "since the lock is a property of a whole mapping.  With --mode onfault only touched "
	          "pages are held.  VmLck counts the size of locked mappings, LOCKED in smaps what is "
	          "resident of them.",
	.params = lock_params,
	.make = mlock_make,
	.done = mlock_done,
};

/* mlock-onfault */

enum { ONFAULT_SIZE, ONFAULT_TOUCH };

static const struct vm_param onfault_params[] = {
	{ "size", "bytes to map and to lock", VM_P_SIZE, .def = "1M", .min = 1 },
	{ "touch", "share of it to write to with each step", VM_P_RATIO, .def = "25%" },
	{ .name = NULL }
};

struct onfault {
	struct vm_region r;
	const struct vm_lab *lab;
	uint64_t each, touched;
};

static void truth_onfault(const struct onfault *o, struct vm_truth *t)
{
	vm_truth_u64(t, "vmlck_bytes", o->r.size);
	vm_truth_u64(t, "on_fault_bytes", o->r.size);
	vm_truth_u64(t, "locked_absent_bytes", o->r.size - o->touched);
	vm_truth_array_begin(t, "mappings");
	truth_locked(t, "on fault", o->r.p, o->r.size, o->touched, true);
	vm_truth_array_end(t);
	char a[VM_NUMBUF], b[VM_NUMBUF];
	vm_truth_say(t, "VmLck is %s; resident now: %s of it", vm_format_size(o->r.size, a), vm_format_size(o->touched, b));
}

static int onfault_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct onfault *o = *state = calloc(1, sizeof(*o));
	if (!o)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	o->lab = lab;
	uint64_t limit = vm_raise_memlock();
	int res = vm_region_map(&o->r, lab, lab->arg[ONFAULT_SIZE].u64, PROT_READ | PROT_WRITE,
	                        MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
	if (res < 0)
		return res;
	if (syscall(SYS_mlock2, o->r.p, o->r.size, MLOCK_ONFAULT) < 0)
		return lock_failed(err, errno, "mlock2", limit);
	o->each = vm_pages_share(lab, o->r.size, lab->arg[ONFAULT_TOUCH].ratio);
	if (!o->each)
		o->each = lab->page;
	truth_limit(t, limit);
	truth_onfault(o, t);
	return 0;
}

static int onfault_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct onfault *o = state;
	(void)err;
	const uint64_t left = o->r.size - o->touched, now = o->each < left ? o->each : left;
	vm_touch(o->lab, o->r.p + o->touched, now);
	o->touched += now;
	truth_onfault(o, t);
	return o->touched < o->r.size;
}

static void onfault_done(void *state)
{
	struct onfault *o = state;
	vm_region_unmap(&o->r);
	free(o);
}

const struct vm_workload vm_workload_mlock_onfault = {
	.name = "mlock-onfault",
	.help = "a mapping locked page by page, as each is touched",
	.shows = "vmlock,vmmap",
	.lesson = "mlock2() with MLOCK_ONFAULT fills nothing: all of the mapping counts against RLIMIT_MEMLOCK at once, but "
	          "only what was touched is resident and stays so.  vmlock shows the rest as ABSENT.  Each step touches a "
	          "share more.",
	.params = onfault_params,
	.make = onfault_make,
	.step = onfault_step,
	.done = onfault_done,
};

/* mlockall */

enum { ALL_SIZE, ALL_TOUCH, ALL_MODE };

static const struct all_mode {
	int flags;
	bool before, after;       /* which mapping ends up locked */
} all_mode[] = {
	{ MCL_CURRENT, true, false },
	{ MCL_FUTURE, false, true },
	{ MCL_CURRENT | MCL_FUTURE, true, true },
	{ MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT, true, true },
};

static const char *const all_modes[] = { "current", "future", "both", "onfault", NULL };

static const struct vm_param all_params[] = {
	{ "size", "bytes of each of the two mappings", VM_P_SIZE, .def = "1M", .min = 1 },
	{ "touch", "share of each to write to", VM_P_RATIO, .def = "25%" },
	{ "mode", "what to lock", VM_P_WORD, .def = "current", all_modes },
	{ .name = NULL }
};

struct all {
	struct vm_region before, after;
};

static void truth_all(const struct vm_lab *lab, const char *label, const struct vm_region *r,
                      bool locked, struct vm_truth *t)
{
	bool onfault = all_mode[lab->arg[ALL_MODE].u64].flags & MCL_ONFAULT;
	uint64_t touched = vm_pages_share(lab, r->size, lab->arg[ALL_TOUCH].ratio);
	uint64_t rss = locked && !onfault ? r->size : touched;
	char text[VM_NUMBUF];
	truth_locked(t, label, r->p, r->size, rss, locked);
	vm_truth_say(t, "mapped %s the call: %s, %s resident", label, locked ? "locked" : "not locked",
	             vm_format_size(rss, text));
}

static int all_map(struct vm_region *r, const struct vm_lab *lab, struct vm_err *err)
{
	int res = vm_region_map(r, lab, lab->arg[ALL_SIZE].u64, PROT_READ | PROT_WRITE,
	                        MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
	if (res == 0)
		vm_touch(lab, r->p, vm_pages_share(lab, r->size, lab->arg[ALL_TOUCH].ratio));
	return res;
}

/**
 * Filling all that is mapped must not exhaust the machine: a sanitizer's shadow memory alone is
 * terabytes of address space.
 */
static int check_fits(const struct vm_lab *lab, struct vm_err *err)
{
	vm_auto_file FILE *f = fopen("/proc/self/statm", "re");
	uint64_t mapped;
	if (!f || fscanf(f, "%" SCNu64, &mapped) != 1)
		return vm_fail(err, ENOSYS, "cannot tell how much is mapped, so it won't be locked");
	char text[VM_NUMBUF];
	if (mapped > (uint64_t)sysconf(_SC_PHYS_PAGES) / 4)
		return vm_fail(err, ENOSYS, "%s are mapped, too much of this machine's memory to lock",
		               vm_format_size(mapped * lab->page, text));
	return 0;
}

static int mlockall_make(const struct vm_lab *lab, struct vm_truth *t, void **state,
                         struct vm_err *err)
{
	const struct all_mode *m = &all_mode[lab->arg[ALL_MODE].u64];
	if (m->flags == MCL_CURRENT || m->flags == (MCL_CURRENT | MCL_FUTURE)) {
		int fits = check_fits(lab, err);
		if (fits < 0)
			return fits;
	}
	struct all *a = *state = calloc(1, sizeof(*a));
	if (!a)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	uint64_t limit = vm_raise_memlock();
	int r = all_map(&a->before, lab, err);
	if (r < 0)
		return r;
	if (syscall(SYS_mlockall, m->flags) < 0)
		return lock_failed(err, errno, "mlockall", limit);
	r = all_map(&a->after, lab, err);
	if (r < 0)
		return r == -EAGAIN ? lock_failed(err, EAGAIN, "mmap after mlockall", limit) : r;

	truth_limit(t, limit);
	vm_truth_str(t, "mlockall", !(m->flags & MCL_FUTURE) ? "no" : m->flags & MCL_ONFAULT ? "onfault" : "future");
	vm_truth_array_begin(t, "mappings");
	truth_all(lab, "before", &a->before, m->before, t);
	truth_all(lab, "after", &a->after, m->after, t);
	vm_truth_array_end(t);
	truth_self(t, "locker");
	return 0;
}

static void mlockall_done(void *state)
{
	struct all *a = state;
	munlockall();
	vm_region_unmap(&a->before);
	vm_region_unmap(&a->after);
	free(a);
}

const struct vm_workload vm_workload_mlockall = {
	.name = "mlockall",
	.help = "a process locked now, from now on, or both",
	.shows = "vmlock,vmmap",
	.lesson = "Two mappings, one made before the call and one after it.  'current' fills and locks "
	          "the first, 'future' the second, 'onfault' locks both but fills neither.  Libraries "
	          "and stacks are locked too: compare VmLck with the size of the two.",
	.params = all_params,
	.make = mlockall_make,
	.done = mlockall_done,
};
