/** Faults that come of fork(2): pages that are copied or needn't be, and children that hardly live. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/str.h"
#include "workloads/faults.h"
#include "workloads/registry.h"

/* cow-faults */

enum { COW_SIZE, COW_ROUNDS };

static const struct vm_param cow_params[] = {
	{ "size", "bytes of each mapping", VM_P_SIZE, .def = "1M", .min = 16384 },
	VM_ROUNDS_PARAM,
	{ .name = NULL }
};

/**
 * The shared region has four quarters, in pages: the parent writes to the first half and has it copied, which leaves the
 * child alone with its pages; the child writes to the first three quarters; after its end the parent is alone with what
 * it hasn't written to.
 */
struct cow {
	const struct vm_lab *lab;
	struct vm_region anon, read, fresh;  /* own memory; a file's that are read first, or written at once */
	struct vm_tmpfile file;
	struct vm_child child;
	uint64_t rounds;
};

static uint64_t half(const struct cow *c)
{
	return c->anon.size / c->lab->page / 2 * c->lab->page;
}

static uint64_t quarter(const struct cow *c)
{
	return c->anon.size / c->lab->page / 4 * c->lab->page;
}

/** Runs in the child. */
static int write_as_child(char order, void *arg)
{
	struct cow *c = arg;
	(void)order;
	vm_touch(c->lab, c->anon.p, half(c) + quarter(c));
	return 0;
}

/** With its pid, since it is gone then. */
static int fork_and_write(struct cow *c, pid_t *pid, struct vm_err *err)
{
	vm_touch(c->lab, c->anon.p, c->anon.size);
	int r = vm_child_start(&c->child, write_as_child, c, err);
	if (r < 0)
		return r;
	*pid = c->child.pid;
	vm_touch(c->lab, c->anon.p, half(c));
	r = vm_child_order(&c->child, 'w', err);
	vm_child_end(&c->child);
	vm_touch(c->lab, c->anon.p + half(c), c->anon.size - half(c));
	return r;
}

static uint64_t write_to_file(const struct cow *c)
{
	const uint64_t windows = vm_peek_windows(c->lab, &c->read);
	vm_touch(c->lab, c->read.p, c->read.size);
	vm_touch(c->lab, c->fresh.p, c->fresh.size);
	return windows;
}

static void cow_truth(const struct cow *c, struct vm_truth *t, pid_t child, uint64_t windows)
{
	const uint64_t page = c->lab->page, pages = c->anon.size / page, two = half(c) / page, one = quarter(c) / page;
	vm_truth_array_begin(t, "faults");
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "before fork", VM_FAULTS_IN(&c->anon), .kind = "anon-first",
	               .count = pages });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "parent, shared", VM_FAULTS_IN(&c->anon), .kind = "cow",
	               .count = two });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "parent, alone", VM_FAULTS_IN(&c->anon), .kind = "cow-reuse",
	               .count = pages - two });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "child, alone", VM_FAULTS_IN(&c->anon), .kind = "cow-reuse",
	               .count = two, .pid = child });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "child, shared", VM_FAULTS_IN(&c->anon), .kind = "cow",
	               .count = one, .pid = child });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "file, read", VM_FAULTS_IN(&c->read),
	               .kind = c->file.in_memory ? "shmem" : "file-cache", .count = windows });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "file, then written", VM_FAULTS_IN(&c->read), .kind = "cow",
	               .count = pages });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "file, written at once", VM_FAULTS_IN(&c->fresh), .kind = "cow",
	               .count = pages });
	vm_truth_array_end(t);
	vm_truth_say(t, "the parent copied %llu pages and had %llu for itself; of a file it copied %llu",
	             (unsigned long long)two, (unsigned long long)(pages - two), (unsigned long long)(2 * pages));
}

static int drop_all(const struct cow *c, struct vm_err *err)
{
	int r = vm_region_drop(&c->anon, err);
	if (r == 0)
		r = vm_region_drop(&c->read, err);
	return r < 0 ? r : vm_region_drop(&c->fresh, err);
}

static int cow_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct cow *c = state;
	cpu_set_t cpus;
	pid_t child = 0;
	struct vm_meter m;
	/* All of the file is in the cache. */
	int r = vm_tmpfile_fill(&c->file, c->read.size, 1, err);
	if (r == 0)
		r = drop_all(c, err);
	if (r < 0)
		return r;
	vm_pin(&cpus);
	vm_meter_begin(&m, RUSAGE_SELF);
	r = fork_and_write(c, &child, err);
	const uint64_t windows = write_to_file(c);
	vm_meter_end(&m, RUSAGE_SELF);
	vm_unpin(&cpus);
	if (r < 0)
		return r;
	vm_truth_meter(t, &m);
	cow_truth(c, t, child, windows);
	return ++c->rounds < c->lab->arg[COW_ROUNDS].u64;
}

static int map_all(struct cow *c, const struct vm_lab *lab, struct vm_err *err)
{
	const uint64_t size = vm_pages_up(lab, lab->arg[COW_SIZE].u64);
	const int prot = PROT_READ | PROT_WRITE;
	int r = vm_region_map(&c->anon, lab, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
	if (r == 0)
		r = vm_tmpfile_open(&c->file, lab, err);
	if (r == 0)
		r = vm_tmpfile_fill(&c->file, size, 1, err);
	if (r == 0)
		r = vm_region_map(&c->read, lab, size, prot, MAP_PRIVATE, c->file.fd, err);
	if (r == 0)
		r = vm_region_map(&c->fresh, lab, size, prot, MAP_PRIVATE, c->file.fd, err);
	return r;
}

static int cow_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct cow *c = *state = calloc(1, sizeof(*c));
	if (!c)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	c->lab = lab;
	c->file.fd = -1;
	int r = map_all(c, lab, err);
	if (r == 0)
		r = cow_step(c, t, err);
	return r < 0 ? r : 0;
}

static void cow_done(void *state)
{
	struct cow *c = state;
	vm_child_end(&c->child);
	vm_region_unmap(&c->anon);
	vm_region_unmap(&c->read);
	vm_region_unmap(&c->fresh);
	vm_tmpfile_remove(&c->file);
	free(c);
}

const struct vm_workload vm_workload_cow_faults = {
	.name = "cow-faults",
	.help = "faults: copy-on-write with a copy and without one",
	.shows = "vmfault,vmshare",
	.lesson = "After fork() every page is write-protected in both processes, and the first write to each is a fault.  "
	          "While the other one has the page it is copied; who is alone with it gets it back without a copy, which "
	          "is quicker.  Private mappings of files are copied always: the original belongs to the file.",
	.params = cow_params,
	.make = cow_make,
	.step = cow_step,
	.done = cow_done,
};

/* children */

enum { CHILDREN_COUNT, CHILDREN_PAGES, CHILDREN_TOGETHER, CHILDREN_ROUNDS };

static const struct vm_param children_params[] = {
	{ "count", "how many", VM_P_U64, .def = "1000", .min = 1, .max = 1u << 20 },
	{ "pages", "pages that each touches", VM_P_U64, .def = "4", .min = 1, .max = 1u << 20 },
	{ "together", "how many live at a time", VM_P_U64, .def = "8", .min = 1, .max = 256 },
	VM_ROUNDS_PARAM,
	{ .name = NULL }
};

struct children {
	const struct vm_lab *lab;
	struct vm_region r;        /* mapped before, touched by children only */
	pid_t *pid;                /* as many as live together; 0: none */
	uint64_t rounds;
};

/** Wait for one of ours, and for no other child of this process.  0 if it ended well. */
static int reap(pid_t *pid)
{
	int status = 0;
	if (*pid <= 0)
		return 0;
	while (waitpid(*pid, &status, 0) < 0 && errno == EINTR)
		;
	*pid = 0;
	return status ? -ECHILD : 0;
}

static int one_child(const struct children *c, pid_t *pid, struct vm_err *err)
{
	const pid_t parent = getpid();
	if (reap(pid) < 0)
		return vm_fail(err, ECHILD, "a child process failed");
	*pid = fork();
	if (*pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		vm_touch(c->lab, c->r.p, c->r.size);
		_exit(0);
	}
	return *pid < 0 ? vm_fail_os(err, errno, "cannot fork") : 0;
}

static int children_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct children *c = state;
	const uint64_t count = c->lab->arg[CHILDREN_COUNT].u64, pages = c->lab->arg[CHILDREN_PAGES].u64;
	const uint64_t together = c->lab->arg[CHILDREN_TOGETHER].u64;
	struct vm_meter own, theirs;
	vm_meter_begin(&own, RUSAGE_SELF);
	vm_meter_begin(&theirs, RUSAGE_CHILDREN);
	int r = 0;
	for (uint64_t i = 0; i < count && r == 0; i++)
		r = one_child(c, &c->pid[i % together], err);
	for (uint64_t i = 0; i < together; i++)
		if (reap(&c->pid[i]) < 0 && r == 0)
			r = vm_fail(err, ECHILD, "a child process failed");
	if (r < 0)
		return r;
	vm_meter_end(&own, RUSAGE_SELF);
	vm_meter_end(&theirs, RUSAGE_CHILDREN);
	vm_truth_meter(t, &own);
	vm_truth_u64(t, "children", count);
	vm_truth_u64(t, "children_minor_faults", theirs.minor);
	vm_truth_u64(t, "children_major_faults", theirs.major);
	vm_truth_array_begin(t, "faults");
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "children", VM_FAULTS_IN(&c->r), .kind = "anon-first",
	               .count = count * pages, .processes = count });
	vm_truth_array_end(t);
	vm_truth_say(t, "%llu children lived, touched %llu pages each and ended", (unsigned long long)count,
	             (unsigned long long)pages);
	return ++c->rounds < c->lab->arg[CHILDREN_ROUNDS].u64;
}

static int children_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct children *c = *state = calloc(1, sizeof(*c));
	if (!c)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	c->lab = lab;
	c->pid = calloc(lab->arg[CHILDREN_TOGETHER].u64, sizeof(*c->pid));
	if (!c->pid)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	int r = vm_region_map(&c->r, lab, lab->arg[CHILDREN_PAGES].u64 * lab->page, PROT_READ | PROT_WRITE,
	                      MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
	if (r == 0)
		r = children_step(c, t, err);
	return r < 0 ? r : 0;
}

static void children_done(void *state)
{
	struct children *c = state;
	vm_region_unmap(&c->r);
	free(c->pid);
	free(c);
}

const struct vm_workload vm_workload_children = {
	.name = "children",
	.help = "faults: a thousand children that touch a few pages and end",
	.shows = "vmfault",
	.lesson = "A short-lived process costs faults before it does anything: pages shared with its parent are copied at the "
	          "first write.  Whoever looks at /proc once a second misses all of them; vmfault -- COMMAND follows each "
	          "from its first fault to its last, and misses none.",
	.params = children_params,
	.make = children_make,
	.step = children_step,
	.done = children_done,
};
