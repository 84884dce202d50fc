/** Faults that bring pages back from swap. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "workloads/faults.h"
#include "workloads/registry.h"
#include "workloads/swapfile.h"

enum { IN_SIZE, IN_ROUNDS };

static const struct vm_param in_params[] = {
	{ "size", "bytes that go to swap and come back", VM_P_SIZE, .def = "4M", .min = 1, .max = UINT64_C(1) << 36 },
	VM_ROUNDS_PARAM,
	{ .name = NULL }
};

struct swap_in {
	const struct vm_lab *lab;
	struct vm_swapfile swap;
	struct vm_region r;
	uint64_t rounds;
};

static int in_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct swap_in *s = state;
	const uint64_t pages = s->r.size / s->lab->page;
	const bool first = s->rounds == 0;
	struct vm_meter m, back;
	vm_meter_begin(&m, RUSAGE_SELF);
	if (first)
		vm_touch(s->lab, s->r.p, s->r.size);
	int r = vm_swap_out(s->lab, &s->r, &(const struct vm_swap_pattern){ .every = pages, .out = pages }, err);
	if (r < 0)
		return r;
	vm_meter_begin(&back, RUSAGE_SELF);
	const uint64_t since = vm_clock_ns();
	vm_peek(s->lab, s->r.p, s->r.size);
	const uint64_t ns = vm_clock_ns() - since;
	vm_meter_end(&back, RUSAGE_SELF);
	vm_meter_end(&m, RUSAGE_SELF);
	vm_truth_meter(t, &m);
	vm_truth_u64(t, "swap_in_ns", ns);
	vm_truth_str(t, "path", s->swap.file.path);
	/* How far the kernel reads ahead is its own decision: those that it has read are minor faults. */
	const uint64_t major = back.major < pages ? back.major : pages;
	vm_truth_array_begin(t, "faults");
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "made", VM_FAULTS_IN(&s->r), .kind = "anon-first",
	               .count = first ? pages : 0 });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "from disk", VM_FAULTS_IN(&s->r), .kind = "swap-in",
	               .count = major });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "read ahead", VM_FAULTS_IN(&s->r), .kind = "swap-cache",
	               .count = pages - major });
	vm_truth_array_end(t);
	char a[VM_NUMBUF];
	vm_truth_say(t, "%llu pages came back in %s: %llu waited for the disk, %llu had been read ahead",
	             (unsigned long long)pages, vm_format_duration(ns, a), (unsigned long long)major,
	             (unsigned long long)(pages - major));
	return ++s->rounds < s->lab->arg[IN_ROUNDS].u64;
}

static int in_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct swap_in *s = *state = calloc(1, sizeof(*s));
	if (!s)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	s->lab = lab;
	int r = vm_swapfile_start(&s->swap, lab, lab->arg[IN_SIZE].u64, err);
	if (r == 0)
		r = vm_region_map(&s->r, lab, lab->arg[IN_SIZE].u64, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		                  err);
	if (r == 0)
		r = in_step(s, t, err);
	return r < 0 ? r : 0;
}

static void in_done(void *state)
{
	struct swap_in *s = state;
	vm_region_unmap(&s->r);
	vm_swapfile_end(&s->swap);
	free(s);
}

const struct vm_workload vm_workload_swap_in = {
	.name = "swap-in",
	.help = "faults: pages come back from swap",
	.shows = "vmfault,vmtop,vmpage",
	.lesson = "A page in swap comes back at the next touch, and whoever touches it waits for the disk: a major fault.  The "
	          "kernel reads its neighbours as well (vm.page-cluster), so that most touches find their page in memory: "
	          "minor ones.  A swap file is made for it, used by the whole machine meanwhile, and removed at the end.",
	.params = in_params,
	.make = in_make,
	.step = in_step,
	.done = in_done,
};
