/** Copy-on-write between a parent and its child, and what each way of counting says about it. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/str.h"
#include "workloads/kit.h"
#include "workloads/pages.h"
#include "workloads/registry.h"

enum { COW_SIZE, COW_WRITE };

static const struct vm_param cow_params[] = {
	{ "size", "bytes that the parent writes to before it forks", VM_P_SIZE, .def = "32M", .min = 1 },
	{ "write", "share of them that the child writes to", VM_P_RATIO, .def = "50%" },
	{ .name = NULL }
};

enum phase { BEFORE_FORK, AFTER_FORK, AFTER_WRITE, AFTER_EXIT };

static const char *const phase_name[] = {
	[BEFORE_FORK] = "before fork",
	[AFTER_FORK] = "after fork",
	[AFTER_WRITE] = "after the child wrote",
	[AFTER_EXIT] = "after the child's exit",
};

struct cow {
	const struct vm_lab *lab;
	struct vm_region r;
	uint64_t written;
	struct vm_child child;
	enum phase phase;
};

/** Runs in the child. */
static int write_share(char order, void *arg)
{
	struct cow *c = arg;
	(void)order;
	vm_touch(c->lab, c->r.p, c->written);
	return 0;
}

/** What smaps must say about the region in either process: both are alike in every phase. */
static void truth_region(const struct cow *c, struct vm_truth *t, const char *label, pid_t pid)
{
	uint64_t own = c->phase == AFTER_FORK ? 0 : c->phase == AFTER_WRITE ? c->written : c->r.size;
	uint64_t shared = c->r.size - own;
	vm_truth_mapping_begin(t, label, c->r.p, c->r.size);
	vm_truth_u64(t, "pid", (uint64_t)pid);
	vm_truth_str(t, "perm", "rw-p");
	vm_truth_u64(t, "rss_bytes", c->r.size);
	vm_truth_u64(t, "pss_bytes", own + vm_pss(c->lab, shared, 2));
	vm_truth_u64(t, "uss_bytes", own);
	vm_truth_u64(t, "shared_dirty_bytes", shared);
	vm_truth_u64(t, "private_dirty_bytes", own);
	vm_truth_u64(t, "anon_bytes", c->r.size);
	vm_truth_object_end(t);
}

/** Each page of either process: written ones have copies, the others one frame for both. */
static void truth_pages(const struct cow *c, struct vm_truth *t, const char *label, pid_t pid)
{
	const bool shared = c->phase == AFTER_FORK, copied = pid != getpid() && c->phase == AFTER_WRITE;
	struct vm_pages_fact fact = { .label = label, .pid = pid, .p = c->r.p, .size = c->written, VM_PAGES_OWN };
	if (shared) {
		fact.state = "present";
		fact.without = "exclusive file zero swap guard prot-none";
	}
	fact.frames = copied ? NULL : "written to by the child";
	vm_truth_pages(t, &fact);
	fact.p = c->r.p + c->written;
	fact.size = c->r.size - c->written;
	fact.frames = "never copied";
	if (c->phase == AFTER_WRITE) {
		fact.state = "present";
		fact.without = "exclusive file zero swap guard prot-none";
	}
	vm_truth_pages(t, &fact);
}

static void say_line(const struct cow *c, struct vm_truth *t, const char *name, uint64_t parent,
                     uint64_t child)
{
	char a[VM_NUMBUF], b[VM_NUMBUF], s[VM_NUMBUF];
	if (parent == UINT64_MAX || child == UINT64_MAX)
		return;
	vm_truth_say(t, "    %-5s  parent %7s   child %7s   sum %7s", name, vm_format_size(parent, a),
	             c->child.pid > 0 ? vm_format_size(child, b) : "-",
	             vm_format_size(parent + child, s));
}

static void say_figures(const struct cow *c, struct vm_truth *t, const struct vm_usage *parent,
                        const struct vm_usage *child, uint64_t physical)
{
	char a[VM_NUMBUF];
	vm_truth_say(t, "%s: the memory really occupies %s", phase_name[c->phase],
	             vm_format_size(physical, a));
	say_line(c, t, "VmRSS", parent->vmrss, child->vmrss);
	say_line(c, t, "PSS", parent->pss, child->pss);
	say_line(c, t, "USS", parent->uss, child->uss);
}

static void truth_sum(struct vm_truth *t, const char *key, uint64_t a, uint64_t b)
{
	if (a != UINT64_MAX && b != UINT64_MAX)
		vm_truth_u64(t, key, a + b);
}

static void cow_truth(const struct cow *c, struct vm_truth *t)
{
	bool two = c->child.pid > 0;
	struct vm_usage parent, child = { 0 };
	vm_usage_read(getpid(), &parent);
	if (two)
		vm_usage_read(c->child.pid, &child);
	uint64_t physical = c->r.size + (c->phase == AFTER_WRITE ? c->written : 0);

	vm_truth_str(t, "phase", phase_name[c->phase]);
	vm_truth_u64(t, "physical_bytes", physical);
	vm_truth_array_begin(t, "mappings");
	truth_region(c, t, "parent", getpid());
	if (two)
		truth_region(c, t, "child", c->child.pid);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "pages");
	truth_pages(c, t, "parent", getpid());
	if (two)
		truth_pages(c, t, "child", c->child.pid);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "processes");
	vm_truth_process(t, "parent", getpid(), &parent);
	if (two)
		vm_truth_process(t, "child", c->child.pid, &child);
	vm_truth_array_end(t);
	truth_sum(t, "sum_vmrss_bytes", parent.vmrss, child.vmrss);
	truth_sum(t, "sum_pss_bytes", parent.pss, child.pss);
	truth_sum(t, "sum_uss_bytes", parent.uss, child.uss);
	say_figures(c, t, &parent, &child, physical);
}

static int cow_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct cow *c = *state = calloc(1, sizeof(*c));
	if (!c)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	c->lab = lab;
	int r = vm_region_map(&c->r, lab, lab->arg[COW_SIZE].u64, PROT_READ | PROT_WRITE,
	                      MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
	if (r < 0)
		return r;
	c->written = vm_pages_share(lab, c->r.size, lab->arg[COW_WRITE].ratio);
	vm_touch(lab, c->r.p, c->r.size);
	cow_truth(c, t);
	return 0;
}

static int cow_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct cow *c = state;
	int r = 0;
	c->phase++;
	switch (c->phase) {
	case AFTER_FORK:
		r = vm_child_start(&c->child, write_share, c, err);
		break;
	case AFTER_WRITE:
		r = vm_child_order(&c->child, 'w', err);
		break;
	default:
		vm_child_end(&c->child);
		break;
	}
	if (r < 0)
		return r;
	cow_truth(c, t);
	return c->phase != AFTER_EXIT;
}

static size_t cow_others(const void *state, pid_t *pids, size_t max)
{
	const struct cow *c = state;
	if (c->child.pid <= 0 || max == 0)
		return 0;
	pids[0] = c->child.pid;
	return 1;
}

static void cow_done(void *state)
{
	struct cow *c = state;
	vm_child_end(&c->child);
	vm_region_unmap(&c->r);
	free(c);
}

const struct vm_workload vm_workload_cow = {
	.name = "cow",
	.help = "parent and child sharing pages until one writes",
	.shows = "vmmap,vmshare,vmtop,vmfault",
	.lesson = "fork() copies no memory: both processes map the same pages, and the first write to "
	          "one makes a copy.  VmRSS counts every page once for each process, so after the fork "
	          "the sum doubles though nothing was copied, and when the child does copy, RSS does not "
	          "move at all.  PSS divides shared pages by their users: its sum is what the two "
	          "really occupy.  USS is what would come free if that process ended.",
	.params = cow_params,
	.make = cow_make,
	.step = cow_step,
	.others = cow_others,
	.done = cow_done,
};
