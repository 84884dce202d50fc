/** Equal pages, merged by the kernel. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/str.h"
#include "workloads/keeper.h"
#include "workloads/kit.h"
#include "workloads/pages.h"
#include "workloads/registry.h"

#define KSM_DIR "/sys/kernel/mm/ksm/"

enum { KSM_GROUPS, KSM_EQUAL, KSM_OWN, KSM_PROCESSES };

/** The kernel's max_page_sharing is 256: more mappings than that have a second frame. */
enum { EQUAL_MOST = 128, CHILDREN_MOST = 31 };

static const struct vm_param ksm_params[] = {
	{ "groups", "groups of equal pages", VM_P_U64, .def = "4", .min = 1, .max = 64 },
	{ "equal", "pages of a group, all processes together at most 128", VM_P_U64, .def = "64", .min = 2, .max = EQUAL_MOST },
	{ "own", "pages that equal no other", VM_P_U64, .def = "64", .max = 1u << 16 },
	{ "processes", "that write the same: children besides the first one", VM_P_U64, .def = "1", .min = 1, .max = CHILDREN_MOST + 1 },
	{ .name = NULL }
};

struct ksm {
	const struct vm_lab *lab;
	struct vm_region r;
	uint64_t seed;             /* no other process has pages with this content */
	struct vm_child child[CHILDREN_MOST];
	uint64_t children;
	struct vm_keeper keeper;
	/** For the keeper: what the files said before, in the order of settings[]. */
	unsigned long long before[3];
	bool set[3];
};

/** Merging as fast as it goes, for the moment that it takes. */
static const struct {
	const char *path;
	unsigned long long value;
} settings[] = {
	{ KSM_DIR "sleep_millisecs", 1 }, { KSM_DIR "pages_to_scan", 20000 }, { KSM_DIR "run", 1 },
};

/** Runs in the keeper. */
static int ksm_start(void *arg, struct vm_err *err)
{
	struct ksm *k = arg;
	for (unsigned i = 0; i < vm_countof(settings); i++) {
		int r = vm_setting_read(settings[i].path, &k->before[i]);
		if (r == 0 && k->before[i] != settings[i].value) {
			r = vm_setting_write(settings[i].path, settings[i].value);
			k->set[i] = r == 0;
		}
		/* How fast it goes is the kernel's own decision where it advises itself. */
		if (r < 0 && i + 1 == vm_countof(settings))
			return vm_fail_os(err, r == -EACCES ? EPERM : -r, "cannot start merging (%s)", settings[i].path);
	}
	return 0;
}

/** Runs in the keeper: pages that are merged stay so. */
static void ksm_stop(void *arg)
{
	const struct ksm *k = arg;
	for (unsigned i = vm_countof(settings); i-- > 0;)
		if (k->set[i])
			vm_setting_write(settings[i].path, k->before[i]);
}

static const struct vm_kept merging = { .set = ksm_start, .put_back = ksm_stop };

static uint64_t equal_pages(const struct ksm *k)
{
	return k->lab->arg[KSM_GROUPS].u64 * k->lab->arg[KSM_EQUAL].u64;
}

/** Equal pages are alike in all processes; of the others each has its own. */
static void write_pages(const struct ksm *k, bool parent)
{
	const uint64_t page = k->lab->page, equal = k->lab->arg[KSM_EQUAL].u64;
	const uint64_t own = k->seed + (parent ? 0 : (uint64_t)getpid() << 24);
	for (uint64_t i = 0; i < k->r.size / page; i++)
		vm_pattern(k->r.p + i * page, 0, page, i < equal_pages(k) ? k->seed + i / equal : own + i);
}

/** Until none of these pages is ours alone. */
static int await_merging(const struct ksm *k, uint64_t pages, struct vm_err *err)
{
	enum { TIMES = 6000, PAUSE_NS = 5000000 };
	long own = -1;
	for (unsigned i = 0; i < TIMES; i++) {
		own = vm_own_pages(k->lab, k->r.p, pages, VM_OWN_EXCLUSIVE);
		if (own <= 0)
			break;
		vm_clock_sleep_until(vm_clock_ns() + PAUSE_NS);
	}
	if (own < 0)
		return vm_fail(err, ENOSYS, "cannot read /proc/self/pagemap");
	return own ? vm_fail(err, EBUSY, "the kernel left %ld of %llu pages unmerged", own, (unsigned long long)pages) : 0;
}

/** Runs in a child: write, and wait until it is merged. */
static int act(char order, void *arg)
{
	const struct ksm *k = arg;
	if (order == 'w')
		write_pages(k, false);
	return order == 'w' ? 0 : await_merging(k, equal_pages(k), NULL);
}

static int start_children(struct ksm *k, struct vm_err *err)
{
	const uint64_t wanted = k->lab->arg[KSM_PROCESSES].u64 - 1;
	int r = 0;
	while (k->children < wanted && r == 0) {
		r = vm_child_start(&k->child[k->children], act, k, err);
		k->children += r == 0;
	}
	return r;
}

static int tell_children(struct ksm *k, char order, struct vm_err *err)
{
	int r = 0;
	for (uint64_t i = 0; i < k->children && r == 0; i++)
		r = vm_child_order(&k->child[i], order, err);
	return r;
}

/** The first one is this process. */
static pid_t pid_of(const struct ksm *k, uint64_t i)
{
	return i ? k->child[i - 1].pid : getpid();
}

static void truth_mapping(const struct ksm *k, struct vm_truth *t, uint64_t i)
{
	vm_truth_mapping_begin(t, "merged", k->r.p, k->r.size);
	vm_truth_u64(t, "pid", (uint64_t)pid_of(k, i));
	vm_truth_str(t, "perm", "rw-p");
	vm_truth_u64(t, "rss_bytes", k->r.size);
	vm_truth_u64(t, "anon_bytes", k->r.size);
	vm_truth_u64(t, "uss_bytes", k->r.size - equal_pages(k) * k->lab->page);
	vm_truth_object_end(t);
}

static void truth_pages(const struct ksm *k, struct vm_truth *t, uint64_t i)
{
	const uint64_t group = k->lab->arg[KSM_EQUAL].u64 * k->lab->page, merged = equal_pages(k) * k->lab->page;
	char name[32];
	for (uint64_t g = 0; g < k->lab->arg[KSM_GROUPS].u64; g++) {
		snprintf(name, sizeof(name), "group %llu", (unsigned long long)g);
		vm_truth_pages(t, &(struct vm_pages_fact){ .label = "equal", .pid = pid_of(k, i), .p = k->r.p + g * group,
		               .size = group, .one_frame = true, .frames = name, .state = "present",
		               .without = "exclusive file zero swap guard" });
	}
	vm_truth_pages(t, &(struct vm_pages_fact){ .label = "own", .pid = pid_of(k, i), .p = k->r.p + merged,
	               .size = k->r.size - merged, VM_PAGES_OWN });
}

static void truth_pairs(const struct ksm *k, struct vm_truth *t)
{
	vm_truth_array_begin(t, "pairs");
	for (uint64_t i = 0; i <= k->children; i++)
		for (uint64_t j = i + 1; j <= k->children; j++) {
			vm_truth_object_begin(t);
			vm_truth_addr(t, "start", (uintptr_t)k->r.p);
			vm_truth_addr(t, "end", (uintptr_t)k->r.p + k->r.size);
			vm_truth_u64(t, "pid", (uint64_t)pid_of(k, i));
			vm_truth_u64(t, "with_pid", (uint64_t)pid_of(k, j));
			vm_truth_str(t, "kind", "ksm");
			vm_truth_u64(t, "shared_bytes", k->lab->arg[KSM_GROUPS].u64 * k->lab->page);
			vm_truth_object_end(t);
		}
	vm_truth_array_end(t);
}

static void ksm_truth(const struct ksm *k, struct vm_truth *t)
{
	const uint64_t page = k->lab->page, merged = (k->children + 1) * equal_pages(k) * page;
	const uint64_t left = k->lab->arg[KSM_GROUPS].u64 * page;
	char a[VM_NUMBUF], b[VM_NUMBUF];
	vm_truth_u64(t, "merged_bytes", merged);
	vm_truth_u64(t, "saved_bytes", merged - left);
	vm_truth_array_begin(t, "mappings");
	for (uint64_t i = 0; i <= k->children; i++)
		truth_mapping(k, t, i);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "pages");
	for (uint64_t i = 0; i <= k->children; i++)
		truth_pages(k, t, i);
	vm_truth_array_end(t);
	truth_pairs(k, t);
	vm_truth_say(t, "%s are %s of memory now", vm_format_size(merged, a), vm_format_size(left, b));
}

/** The memory is offered before the children are there, and they before the keeper, who ends when nobody has its line. */
static int offer(struct ksm *k, struct vm_err *err)
{
	if (madvise(k->r.p, k->r.size, MADV_MERGEABLE) < 0)
		return vm_fail_os(err, errno == EINVAL ? ENOSYS : errno, "the kernel doesn't merge these pages");
	int r = start_children(k, err);
	return r < 0 ? r : vm_keeper_start(&k->keeper, &merging, k, err);
}

static int write_and_merge(struct ksm *k, struct vm_err *err)
{
	int r = tell_children(k, 'w', err);
	if (r < 0)
		return r;
	write_pages(k, true);
	r = await_merging(k, equal_pages(k), err);
	return r < 0 ? r : tell_children(k, 'm', err);
}

static int ksm_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	const uint64_t pages = lab->arg[KSM_GROUPS].u64 * lab->arg[KSM_EQUAL].u64 + lab->arg[KSM_OWN].u64;
	if (access(KSM_DIR "run", F_OK) < 0)
		return vm_fail(err, ENOSYS, "this kernel doesn't merge pages (CONFIG_KSM)");
	if (lab->arg[KSM_EQUAL].u64 * lab->arg[KSM_PROCESSES].u64 > EQUAL_MOST)
		return vm_fail(err, EINVAL, "--equal: times --processes it may be %d at most", EQUAL_MOST);
	struct ksm *k = *state = calloc(1, sizeof(*k));
	if (!k)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	k->lab = lab;
	k->seed = (uint64_t)getpid() << 20 ^ vm_clock_ns();
	int r = vm_region_map(&k->r, lab, pages * lab->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
	if (r == 0)
		r = offer(k, err);
	if (r == 0)
		r = write_and_merge(k, err);
	vm_keeper_end(&k->keeper);
	if (r == 0)
		ksm_truth(k, t);
	return r;
}

static size_t ksm_others(const void *state, pid_t *pids, size_t max)
{
	const struct ksm *k = state;
	size_t n = 0;
	for (; n < k->children && n < max; n++)
		pids[n] = k->child[n].pid;
	return n;
}

static void ksm_done(void *state)
{
	struct ksm *k = state;
	for (uint64_t i = k->children; i > 0; i--)
		vm_child_end(&k->child[i - 1]);
	vm_keeper_end(&k->keeper);
	vm_region_unmap(&k->r);
	free(k);
}

const struct vm_workload vm_workload_ksm = {
	.name = "ksm",
	.help = "equal pages merged into one frame (KSM)",
	.shows = "vmpage,vmmap,vmshare",
	.lesson = "The kernel looks for equal pages in memory that was offered with MADV_MERGEABLE and keeps one of them, "
	          "read-only, until somebody writes.  RSS doesn't notice: it counts every page that is mapped.  USS and "
	          "PSS do, and vmpage shows one frame at many addresses.  Processes that have nothing to do with each other share "
	          "such frames, too: vmshare shows them apart from what was forked.",
	.params = ksm_params,
	.make = ksm_make,
	.others = ksm_others,
	.done = ksm_done,
};
