/** A leak at a known rate. */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/str.h"
#include "core/base/vec.h"
#include "workloads/kit.h"
#include "workloads/registry.h"

enum { LEAK_RATE, LEAK_BLOCK, LEAK_LIMIT, LEAK_WHERE };
enum { WHERE_HEAP, WHERE_MMAP };

static const char *const where_words[] = { "heap", "mmap", NULL };

static const struct vm_param leak_params[] = {
	{ "rate", "bytes lost with each step", VM_P_SIZE, .def = "1M", .min = 1 },
	{ "block", "heap: bytes of one lost block", VM_P_SIZE, .def = "1K", .min = 16, .max = 64 << 10 },
	{ "limit", "lose no more than this in all", VM_P_SIZE, .def = "16M", .min = 1 },
	{ "where", "lose malloc'ed blocks or whole mappings", VM_P_WORD, .def = "heap", where_words },
	{ .name = NULL }
};

/** Lost blocks are chained through their own bytes, so that bookkeeping doesn't grow with them. */
struct block {
	struct block *next;
};

struct leak {
	const struct vm_lab *lab;
	struct block *block;             /* the last one lost */
	VM_VEC(struct vm_region) region;
	uint64_t blocks;
	uint64_t lost;
	uint64_t taken;                  /* with malloc's own part of each block */
	uint64_t steps;
};

static int lose_blocks(struct leak *l, uint64_t rate, struct vm_err *err)
{
	uint64_t bytes = l->lab->arg[LEAK_BLOCK].u64, blocks = rate / bytes + (rate % bytes != 0);
	for (uint64_t i = 0; i < blocks; i++) {
		struct block *b = malloc(bytes);
		if (!b)
			return vm_fail_os(err, ENOMEM, "cannot leak more");
		memset(b, 0xa5, bytes);
		b->next = l->block;
		l->block = b;
		l->blocks++;
		l->lost += bytes;
		l->taken += malloc_usable_size(b) + sizeof(size_t);
	}
	return 0;
}

static int lose_mapping(struct leak *l, uint64_t rate, struct vm_err *err)
{
	struct vm_region r;
	int res = vm_region_map(&r, l->lab, rate, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	                        -1, err);
	if (res < 0)
		return res;
	if (!vm_vec_push(&l->region, r)) {
		vm_region_unmap(&r);
		return vm_fail_os(err, ENOMEM, "cannot leak more");
	}
	vm_touch(l->lab, r.p, r.size);
	l->lost += r.size;
	l->taken += r.size;
	return 0;
}

static void truth_leak(const struct leak *l, struct vm_truth *t)
{
	vm_truth_u64(t, "leaked_bytes", l->lost);
	vm_truth_u64(t, "leaked_blocks", l->blocks + l->region.n);
	vm_truth_u64(t, "taken_bytes", l->taken);
	if (l->lab->step_ns && l->steps)
		vm_truth_f64(t, "rate_bytes_per_second", (double)l->taken * 1e9 / ((double)l->steps * (double)l->lab->step_ns));
	vm_truth_array_begin(t, "mappings");
	for (size_t i = 0; i < l->region.n; i++)
		vm_truth_anon_mapping(t, "lost", &l->region.v[i], "rw-p", l->region.v[i].size);
	vm_truth_array_end(t);
	struct vm_usage u;
	vm_usage_read(getpid(), &u);
	vm_truth_array_begin(t, "processes");
	vm_truth_process(t, "leaker", getpid(), &u);
	vm_truth_array_end(t);
}

static int leak_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct leak *l = *state = calloc(1, sizeof(*l));
	if (!l)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	l->lab = lab;
	vm_no_huge_pages();
	truth_leak(l, t);
	char text[VM_NUMBUF];
	vm_truth_say(t, "nothing lost yet; each step (SIGUSR1 or --step 1s) loses %s",
	             vm_format_size(lab->arg[LEAK_RATE].u64, text));
	return 0;
}

static int leak_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct leak *l = state;
	uint64_t limit = l->lab->arg[LEAK_LIMIT].u64, rate = l->lab->arg[LEAK_RATE].u64;
	if (rate > limit)
		rate = limit;
	int r = l->lab->arg[LEAK_WHERE].u64 == WHERE_HEAP ? lose_blocks(l, rate, err)
	                                                  : lose_mapping(l, rate, err);
	if (r < 0)
		return r;
	l->steps++;
	truth_leak(l, t);
	char a[VM_NUMBUF];
	vm_truth_say(t, "lost %s so far", vm_format_size(l->lost, a));
	return l->lost < limit && limit - l->lost >= rate;
}

static void leak_done(void *state)
{
	struct leak *l = state;
	for (struct block *b = l->block, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	for (size_t i = 0; i < l->region.n; i++)
		vm_region_unmap(&l->region.v[i]);
	vm_vec_free(&l->region);
	free(l);
}

const struct vm_workload vm_workload_leak = {
	.name = "leak",
	.help = "a known number of bytes lost with each step",
	.shows = "vmtop,vmmap,vmdiff",
	.lesson = "A leak shows as private anonymous memory that only grows: in [heap] when small blocks "
	          "are lost, as more and more mappings with --where mmap.  Watch RSS grow by --rate for "
	          "each step, a little faster for small blocks because malloc keeps a header for each: with --step "
	          "the rate of both together is stated.",
	.params = leak_params,
	.make = leak_make,
	.step = leak_step,
	.done = leak_done,
};
