/** Memory that is used more and more and given back, again and again; and what stays each time. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "core/base/str.h"
#include "workloads/kit.h"
#include "workloads/registry.h"

enum { SAW_RISE, SAW_RISES, SAW_TEETH, SAW_LEAK };

static const struct vm_param saw_params[] = {
	{ "rise", "bytes that each step uses more", VM_P_SIZE, .def = "1M", .min = 1, .max = UINT64_C(1) << 40 },
	{ "rises", "steps until all of it is given back, which is a step, too", VM_P_U64, .def = "9", .min = 1, .max = 1000000 },
	{ "teeth", "how often in all", VM_P_U64, .def = "1000", .min = 1, .max = 1000000 },
	{ "leak", "bytes that stay for good each time", VM_P_SIZE, .def = "0", .max = UINT64_C(1) << 40 },
	{ .name = NULL }
};

struct saw {
	const struct vm_lab *lab;
	struct vm_region tooth, floor;
	uint64_t rise, leak;             /* in whole pages */
	uint64_t used, kept, teeth;
};

static void truth_saw(const struct saw *s, struct vm_truth *t)
{
	const uint64_t rises = s->lab->arg[SAW_RISES].u64, step = s->lab->step_ns;
	vm_truth_u64(t, "in_use_bytes", s->used + s->kept);
	vm_truth_u64(t, "kept_bytes", s->kept);
	vm_truth_u64(t, "top_bytes", s->rise * rises + s->kept);
	vm_truth_u64(t, "teeth", s->teeth);
	if (step) {
		vm_truth_u64(t, "period_ns", (rises + 1) * step);
		vm_truth_f64(t, "leak_bytes_per_second", (double)s->leak * 1e9 / (double)((rises + 1) * step));
	}
	vm_truth_array_begin(t, "mappings");
	vm_truth_anon_mapping(t, "tooth", &s->tooth, "rw-p", s->used);
	if (s->leak)
		vm_truth_anon_mapping(t, "floor", &s->floor, "rw-p", s->kept);
	vm_truth_array_end(t);
}

static int saw_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct saw *s = *state = calloc(1, sizeof(*s));
	if (!s)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	s->lab = lab;
	s->rise = vm_pages_up(lab, lab->arg[SAW_RISE].u64);
	s->leak = vm_pages_up(lab, lab->arg[SAW_LEAK].u64);
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	uint64_t tooth, floor;
	if (__builtin_mul_overflow(s->rise, lab->arg[SAW_RISES].u64, &tooth) ||
	    __builtin_mul_overflow(s->leak, lab->arg[SAW_TEETH].u64, &floor) || tooth > INT64_MAX || floor > INT64_MAX)
		return vm_fail(err, EINVAL, "that is more than an address space");
	int r = vm_region_map(&s->tooth, lab, tooth, PROT_READ | PROT_WRITE, flags, -1, err);
	if (r == 0 && s->leak)
		r = vm_region_map(&s->floor, lab, floor, PROT_READ | PROT_WRITE, flags, -1, err);
	if (r < 0)
		return r;
	truth_saw(s, t);
	vm_truth_say(t, "nothing used yet; each step (SIGUSR1 or --step 1s) uses more or gives back");
	return 0;
}

static int saw_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct saw *s = state;
	char a[VM_NUMBUF], b[VM_NUMBUF];
	if (s->used < s->tooth.size) {
		vm_touch(s->lab, s->tooth.p + s->used, s->rise);
		s->used += s->rise;
	} else {
		if (madvise(s->tooth.p, s->tooth.size, MADV_DONTNEED) < 0)
			return vm_fail_os(err, errno, "cannot give memory back");
		s->used = 0;
		s->teeth++;
		if (s->leak)
			vm_touch(s->lab, s->floor.p + s->kept, s->leak);
		s->kept += s->leak;
	}
	truth_saw(s, t);
	vm_truth_say(t, "%s in use, of which %s stay", vm_format_size(s->used + s->kept, a), vm_format_size(s->kept, b));
	return s->teeth < s->lab->arg[SAW_TEETH].u64;
}

static void saw_done(void *state)
{
	struct saw *s = state;
	vm_region_unmap(&s->tooth);
	vm_region_unmap(&s->floor);
	free(s);
}

const struct vm_workload vm_workload_sawtooth = {
	.name = "sawtooth",
	.help = "memory that is used up and given back, again and again",
	.shows = "vmdiff,vmtop",
	.lesson = "Caches and garbage collectors make RSS rise for a while and drop: whoever looks at a rise alone takes it for a "
	          "leak.  What counts is what remains after the drops.  vmdiff --every says sawtooth; with --leak it says "
	          "growing, as soon as there are enough drops to tell.",
	.params = saw_params,
	.make = saw_make,
	.step = saw_step,
	.done = saw_done,
};
