/** Faults in anonymous memory: zeros read and written, by the kernel, and by nobody at all. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/str.h"
#include "workloads/faults.h"
#include "workloads/registry.h"

/* Linux 5.14; missing from older headers. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum { ANON_SIZE, ANON_ROUNDS };

/** Up to two regions of one size. */
struct anon {
	const struct vm_lab *lab;
	struct vm_region a, b;
	int pipe[2];
	uint64_t rounds;
};

static int anon_begin(const struct vm_lab *lab, bool two, void **state, struct vm_err *err)
{
	struct anon *s = *state = calloc(1, sizeof(*s));
	if (!s)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	s->lab = lab;
	s->pipe[0] = s->pipe[1] = -1;
	const uint64_t size = lab->arg[ANON_SIZE].u64;
	int r = vm_region_map(&s->a, lab, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
	if (r == 0 && two)
		r = vm_region_map(&s->b, lab, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
	return r;
}

static int anon_more(struct anon *s)
{
	return ++s->rounds < s->lab->arg[ANON_ROUNDS].u64;
}

static void anon_done(void *state)
{
	struct anon *s = state;
	for (unsigned i = 0; i < vm_countof(s->pipe); i++)
		if (s->pipe[i] >= 0)
			close(s->pipe[i]);
	vm_region_unmap(&s->a);
	vm_region_unmap(&s->b);
	free(s);
}

/* zero-then-write */

static const struct vm_param zero_params[] = {
	{ "size", "bytes to read and then to write to", VM_P_SIZE, .def = "1M", .min = 1 },
	VM_ROUNDS_PARAM,
	{ .name = NULL }
};

static int zero_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct anon *s = state;
	const uint64_t pages = s->a.size / s->lab->page;
	struct vm_meter m;
	vm_meter_begin(&m, RUSAGE_SELF);
	int r = vm_region_drop(&s->a, err);
	if (r < 0)
		return r;
	vm_peek(s->lab, s->a.p, s->a.size);
	vm_touch(s->lab, s->a.p, s->a.size);
	vm_meter_end(&m, RUSAGE_SELF);
	vm_truth_meter(t, &m);
	vm_truth_array_begin(t, "mappings");
	vm_truth_anon_mapping(t, "zeros", &s->a, "rw-p", s->a.size);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "faults");
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "read", VM_FAULTS_IN(&s->a), .kind = "zero-page", .count = pages });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "written", VM_FAULTS_IN(&s->a), .kind = "zero-write",
	               .count = pages });
	vm_truth_array_end(t);
	vm_truth_say(t, "each of %llu pages was read, then written: two faults each", (unsigned long long)pages);
	return anon_more(s);
}

static int zero_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	int r = anon_begin(lab, false, state, err);
	if (r == 0)
		r = zero_step(*state, t, err);
	return r < 0 ? r : 0;
}

const struct vm_workload vm_workload_zero_then_write = {
	.name = "zero-then-write",
	.help = "faults: memory is read before it is written",
	.shows = "vmfault",
	.lesson = "The first read of anonymous memory maps the one page of zeros, the first write then takes a real page: two "
	          "faults a page where a write alone would have been one.  calloc() and large arrays that are scanned "
	          "before they are filled do that.",
	.params = zero_params,
	.make = zero_make,
	.step = zero_step,
	.done = anon_done,
};

/* kernel-fault */

static const struct vm_param kernel_params[] = {
	{ "size", "bytes that the kernel reads, and writes", VM_P_SIZE, .def = "1M", .min = 1 },
	VM_ROUNDS_PARAM,
	{ .name = NULL }
};

/** Page by page, so that the pipe never fills: from untouched memory into the pipe, from there into untouched memory. */
static int through_pipe(const struct anon *s, struct vm_err *err)
{
	const size_t page = s->lab->page;
	for (uint64_t at = 0; at < s->a.size; at += page)
		if (write(s->pipe[1], s->a.p + at, page) != (ssize_t)page || read(s->pipe[0], s->b.p + at, page) != (ssize_t)page)
			return vm_fail_os(err, errno, "cannot use a pipe");
	return 0;
}

static int kernel_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct anon *s = state;
	const uint64_t pages = s->a.size / s->lab->page;
	struct vm_meter m;
	vm_meter_begin(&m, RUSAGE_SELF);
	int r = vm_region_drop(&s->a, err);
	if (r == 0)
		r = vm_region_drop(&s->b, err);
	if (r == 0)
		r = through_pipe(s, err);
	if (r < 0)
		return r;
	vm_meter_end(&m, RUSAGE_SELF);
	vm_truth_meter(t, &m);
	vm_truth_array_begin(t, "faults");
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "written from", VM_FAULTS_IN(&s->a), .kind = "zero-page",
	               .from = "kernel", .count = pages });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "read into", VM_FAULTS_IN(&s->b), .kind = "anon-first",
	               .from = "kernel", .count = pages });
	vm_truth_array_end(t);
	vm_truth_say(t, "write(2) from and read(2) into untouched memory: the kernel met %llu faults each",
	             (unsigned long long)pages);
	return anon_more(s);
}

static int kernel_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	int r = anon_begin(lab, true, state, err);
	if (r < 0)
		return r;
	struct anon *s = *state;
	if (pipe2(s->pipe, O_CLOEXEC) < 0)
		return vm_fail_os(err, errno, "cannot make a pipe");
	r = kernel_step(s, t, err);
	return r < 0 ? r : 0;
}

const struct vm_workload vm_workload_kernel_fault = {
	.name = "kernel-fault",
	.help = "faults: the kernel touches memory first, in read(2) and write(2)",
	.shows = "vmfault",
	.lesson = "A system call that copies to or from memory that nobody has touched yet faults as the program would, in "
	          "kernel mode: the address is the program's, the instruction the kernel's.  The time counts as system "
	          "time of read(2), and no profile of the program shows it.",
	.params = kernel_params,
	.make = kernel_make,
	.step = kernel_step,
	.done = anon_done,
};

/* gup-faults */

static const struct vm_param gup_params[] = {
	{ "size", "bytes to lock, and to populate", VM_P_SIZE, .def = "256K", .min = 1 },
	VM_ROUNDS_PARAM,
	{ .name = NULL }
};

/** By number: sanitizers turn the library's functions into nothing. */
static int lock_again(const struct anon *s, struct vm_err *err)
{
	syscall(SYS_munlock, s->a.p, s->a.size);
	int r = vm_region_drop(&s->a, err);
	if (r < 0)
		return r;
	if (syscall(SYS_mlock, s->a.p, s->a.size) == 0)
		return 0;
	vm_fail(err, EPERM, "mlock refused: CAP_IPC_LOCK is missing, and RLIMIT_MEMLOCK is too low");
	vm_hint(err, "lock less (--size), raise the limit (ulimit -l), or run as root");
	return -EPERM;
}

static int gup_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct anon *s = state;
	const uint64_t pages = s->a.size / s->lab->page;
	struct vm_meter m;
	vm_meter_begin(&m, RUSAGE_SELF);
	int r = lock_again(s, err);
	if (r == 0)
		r = vm_region_drop(&s->b, err);
	if (r < 0)
		return r;
	const bool populated = madvise(s->b.p, s->b.size, MADV_POPULATE_WRITE) == 0;
	if (!populated)
		vm_truth_say(t, "this kernel has no MADV_POPULATE_WRITE (Linux 5.14): left out");
	vm_meter_end(&m, RUSAGE_SELF);
	vm_truth_meter(t, &m);
	vm_truth_array_begin(t, "faults");
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "mlock", VM_FAULTS_IN(&s->a), .kind = "anon-first", .from = "gup",
	               .count = pages });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "populate", VM_FAULTS_IN(&s->b), .kind = "anon-first",
	               .from = "gup", .count = populated ? pages : 0 });
	vm_truth_array_end(t);
	vm_truth_say(t, "the kernel made the pages itself: %llu minor faults are counted, and none was raised",
	             (unsigned long long)m.minor);
	return anon_more(s);
}

static int gup_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	vm_raise_memlock();
	int r = anon_begin(lab, true, state, err);
	if (r == 0)
		r = gup_step(*state, t, err);
	return r < 0 ? r : 0;
}

const struct vm_workload vm_workload_gup_faults = {
	.name = "gup-faults",
	.help = "faults that are counted but never raised: mlock, MADV_POPULATE_WRITE",
	.shows = "vmfault,vmtop",
	.lesson = "mlock, MAP_POPULATE, MADV_POPULATE_WRITE, direct I/O and pinned buffers have the kernel walk the pages itself "
	          "(get_user_pages).  Each page counts as a minor fault of the process, but there is no exception and no "
	          "event: vmfault shows them as the difference to the process's own counters.",
	.params = gup_params,
	.make = gup_make,
	.step = gup_step,
	.done = anon_done,
};
