/** Translation of data addresses: page after page, at random, along a chain. */
#include <errno.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "workloads/kit.h"
#include "workloads/registry.h"
#include "workloads/tlbmemory.h"

struct tlb {
	const struct vm_lab *lab;
	struct vm_tlb_memory m;
	struct vm_tlb_forms forms;
	uint64_t accesses, passes; /* of a step */
	uint64_t rounds, most_rounds;
	uint64_t random;           /* where the sequence is */
};

/** The parameters that all of them have, wherever these stand. */
struct tlb_args {
	uint64_t size, accesses, rounds;
	enum vm_tlb_huge_word huge;
	const char *geometry;
};

static int tlb_begin(const struct vm_lab *lab, const struct tlb_args *a, void **state, struct vm_err *err)
{
	struct tlb *s = *state = calloc(1, sizeof(*s));
	if (!s)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	s->lab = lab;
	s->accesses = a->accesses;
	s->most_rounds = a->rounds;
	int r = vm_tlb_forms_parse(a->geometry, false, &s->forms, err);
	return r == 0 ? vm_tlb_memory_map(&s->m, lab, a->size, a->huge, err) : r;
}

static void tlb_done(void *state)
{
	struct tlb *s = state;
	vm_tlb_memory_free(&s->m);
	free(s);
}

/** Whole passes over the pages, so that each step begins where the one before did. */
static void whole_passes(struct tlb *s, uint64_t accesses_a_pass)
{
	s->passes = (s->accesses + accesses_a_pass - 1) / accesses_a_pass;
	s->accesses = s->passes * accesses_a_pass;
}

/** Write to each page, in their order. */
static void fill(struct tlb *s)
{
	for (size_t i = 0; i < s->m.n; i++) {
		vm_touch(s->lab, s->m.p + s->m.page[i] * s->lab->page, s->lab->page);
		vm_tlb_memory_note(&s->m, s->m.page[i]);
	}
	vm_tlb_memory_settle(&s->m);
}

/** `passes` as in struct vm_tlb_walk. */
static int truth(const struct tlb *s, struct vm_truth *t, uint64_t accesses, uint64_t passes, uint64_t at_random,
                 struct vm_err *err)
{
	const struct vm_tlb_walk w = { .p = s->m.p, .page = s->m.page, .n = s->m.n, .passes = passes, .at_random = at_random };
	vm_truth_u64(t, "accesses", accesses);
	if (passes)
		vm_truth_u64(t, "passes", passes);
	vm_truth_tlb_memory(t, &s->m, "rw-p");
	return vm_truth_tlb(t, s->lab, &s->forms, &w, err);
}

static int truth_filled(const struct tlb *s, struct vm_truth *t, struct vm_err *err)
{
	char bytes[VM_NUMBUF];
	vm_truth_say(t, "%zu pages, %s; each step makes %llu accesses", s->m.n, vm_format_size(s->m.n * s->lab->page, bytes),
	             (unsigned long long)s->accesses);
	return truth(s, t, s->m.n, 0, 0, err);
}

static int truth_step(struct tlb *s, struct vm_truth *t, uint64_t ns, uint64_t passes, uint64_t at_random, struct vm_err *err)
{
	char text[VM_NUMBUF];
	vm_truth_u64(t, "took_ns", ns);
	vm_truth_say(t, "%llu accesses in %s, %.2f ns each", (unsigned long long)s->accesses, vm_format_duration(ns, text),
	             (double)ns / (double)s->accesses);
	int r = truth(s, t, s->accesses, passes, at_random, err);
	return r < 0 ? r : ++s->rounds < s->most_rounds;
}

/* ---- tlb-stride --------------------------------------------------------------------------------------------------- */

enum { STRIDE_SIZE, STRIDE_STRIDE, STRIDE_ACCESSES, STRIDE_HUGE, STRIDE_GEOMETRY, STRIDE_ROUNDS };

static const struct vm_param stride_params[] = {
	{ "size", "bytes to pass over", VM_P_SIZE, .def = "64M", .min = 8 },
	{ "stride", "bytes from one access to the next", VM_P_SIZE, .def = "4K", .min = 8 },
	VM_TLB_ACCESSES_PARAM("4000000", "loads of 8 bytes at least, in whole passes,"),
	VM_TLB_HUGE_PARAM,
	VM_TLB_GEOMETRY_PARAM,
	VM_TLB_STEPS_PARAM,
	{ .name = NULL }
};

static uint64_t stride_of(const struct tlb *s)
{
	return s->lab->arg[STRIDE_STRIDE].u64;
}

static int stride_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	const struct vm_arg *arg = lab->arg;
	const uint64_t stride = arg[STRIDE_STRIDE].u64;
	if (stride % 8)
		return vm_fail(err, EINVAL, "--stride '%s': must be a multiple of 8", arg[STRIDE_STRIDE].text);
	int r = tlb_begin(lab, &(struct tlb_args){ arg[STRIDE_SIZE].u64, arg[STRIDE_ACCESSES].u64, arg[STRIDE_ROUNDS].u64,
	                  (enum vm_tlb_huge_word)arg[STRIDE_HUGE].u64, arg[STRIDE_GEOMETRY].text }, state, err);
	if (r < 0)
		return r;
	struct tlb *s = *state;
	for (uint64_t at = 0; at < s->m.size; at += stride)
		if (!s->m.n || s->m.page[s->m.n - 1] != at / lab->page)
			s->m.page[s->m.n++] = at / lab->page;
	whole_passes(s, (s->m.size + stride - 1) / stride);
	fill(s);
	vm_truth_u64(t, "stride_bytes", stride);
	return truth_filled(s, t, err);
}

/** Nothing but these loads touches memory: what is counted is what is stated. */
__attribute__((noinline))
static void pass_over(const char *p, const char *end, uint64_t stride, uint64_t passes)
{
	for (; passes; passes--)
		for (const char *at = p; at < end; at += stride)
			(void)*(const volatile uint64_t *)at;
}

static int stride_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct tlb *s = state;
	const uint64_t since = vm_clock_ns();
	pass_over(s->m.p, s->m.p + s->m.size, stride_of(s), s->passes);
	const uint64_t ns = vm_clock_ns() - since;
	vm_truth_u64(t, "stride_bytes", stride_of(s));
	return truth_step(s, t, ns, s->passes, 0, err);
}

const struct vm_workload vm_workload_tlb_stride = {
	.name = "tlb-stride",
	.help = "translation: loads at equal distances, pass after pass",
	.shows = "vmtlb",
	.lesson = "Each page needs its translation once in a pass.  With --stride 8 that is one load in 512 and costs nothing to "
	          "speak of; with --stride 4K it is every load, and as soon as the pages are more than the TLB holds, every "
	          "load misses: the least recently used translation is always the next one needed.  --huge advise makes "
	          "512 pages one, where the machine really has huge pages.  Wide strides miss earlier: their pages fall "
	          "into few sets.",
	.params = stride_params,
	.make = stride_make,
	.step = stride_step,
	.done = tlb_done,
};

/* ---- tlb-random --------------------------------------------------------------------------------------------------- */

enum { RANDOM_SIZE, RANDOM_ACCESSES, RANDOM_SEED, RANDOM_HUGE, RANDOM_GEOMETRY, RANDOM_ROUNDS };

static const struct vm_param random_params[] = {
	{ "size", "bytes to choose among", VM_P_SIZE, .def = "64M", .min = 8 },
	VM_TLB_ACCESSES_PARAM("4000000", "loads of 8 bytes"),
	{ "seed", "where the sequence of random numbers begins", VM_P_U64, .def = "1" },
	VM_TLB_HUGE_PARAM,
	VM_TLB_GEOMETRY_PARAM,
	VM_TLB_STEPS_PARAM,
	{ .name = NULL }
};

static int random_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	const struct vm_arg *arg = lab->arg;
	int r = tlb_begin(lab, &(struct tlb_args){ arg[RANDOM_SIZE].u64, arg[RANDOM_ACCESSES].u64, arg[RANDOM_ROUNDS].u64,
	                  (enum vm_tlb_huge_word)arg[RANDOM_HUGE].u64, arg[RANDOM_GEOMETRY].text }, state, err);
	if (r < 0)
		return r;
	struct tlb *s = *state;
	s->random = arg[RANDOM_SEED].u64;
	vm_tlb_order_all(&s->m);
	fill(s);
	vm_truth_u64(t, "seed", arg[RANDOM_SEED].u64);
	return truth_filled(s, t, err);
}

/** As pass_over(): registers, and these loads. */
__attribute__((noinline))
static uint64_t at_random(const uint64_t *p, uint64_t words, uint64_t accesses, uint64_t state)
{
	for (; accesses; accesses--)
		(void)((const volatile uint64_t *)p)[vm_tlb_random_below(&state, words)];
	return state;
}

static int random_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct tlb *s = state;
	const uint64_t since = vm_clock_ns();
	s->random = at_random((const uint64_t *)(const void *)s->m.p, s->m.size / sizeof(uint64_t), s->accesses, s->random);
	const uint64_t ns = vm_clock_ns() - since;
	vm_truth_u64(t, "seed", s->lab->arg[RANDOM_SEED].u64);
	return truth_step(s, t, ns, 0, s->accesses, err);
}

const struct vm_workload vm_workload_tlb_random = {
	.name = "tlb-random",
	.help = "translation: loads at random, independent of each other",
	.shows = "vmtlb",
	.lesson = "A TLB of E entries knows E of P pages, so that a share of 1 - E/P of the loads misses: nothing up to E pages, "
	          "and nearly all of them soon after.  The CPU works at several misses at once here; compare with "
	          "tlb-chase, where each waits for the one before.",
	.params = random_params,
	.make = random_make,
	.step = random_step,
	.done = tlb_done,
};

/* ---- tlb-chase ---------------------------------------------------------------------------------------------------- */

static const struct vm_param chase_params[] = {
	{ "size", "bytes whose pages are chained", VM_P_SIZE, .def = "64M", .min = 8 },
	VM_TLB_ACCESSES_PARAM("2000000", "loads at least, in whole rounds of the chain,"),
	{ "seed", "which order the chain has", VM_P_U64, .def = "1" },
	VM_TLB_HUGE_PARAM,
	VM_TLB_GEOMETRY_PARAM,
	VM_TLB_STEPS_PARAM,
	{ .name = NULL }
};

/** A node is at another line of each page, so that the chain doesn't crowd a few sets of the caches. */
static uint64_t **node(const struct tlb *s, size_t i)
{
	const uint64_t line = 64, lines = s->lab->page / line;
	return (uint64_t **)(void *)(s->m.p + s->m.page[i] * s->lab->page + s->m.page[i] % lines * line);
}

static int chase_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	const struct vm_arg *arg = lab->arg;
	int r = tlb_begin(lab, &(struct tlb_args){ arg[RANDOM_SIZE].u64, arg[RANDOM_ACCESSES].u64, arg[RANDOM_ROUNDS].u64,
	                  (enum vm_tlb_huge_word)arg[RANDOM_HUGE].u64, arg[RANDOM_GEOMETRY].text }, state, err);
	if (r < 0)
		return r;
	struct tlb *s = *state;
	vm_tlb_order_mixed(&s->m, arg[RANDOM_SEED].u64);
	/* In the chain's order: it is a first round, of stores. */
	for (size_t i = 0; i < s->m.n; i++) {
		*(uint64_t **volatile *)node(s, i) = node(s, i + 1 < s->m.n ? i + 1 : 0);
		vm_tlb_memory_note(&s->m, s->m.page[i]);
	}
	vm_tlb_memory_settle(&s->m);
	whole_passes(s, s->m.n);
	vm_truth_u64(t, "seed", arg[RANDOM_SEED].u64);
	return truth_filled(s, t, err);
}

/** As pass_over(); each load's address is what the one before got. */
__attribute__((noinline))
static void chase(void *const *at, uint64_t accesses)
{
	for (; accesses; accesses--)
		at = *(void *const *const volatile *)at;
}

static int chase_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct tlb *s = state;
	const uint64_t since = vm_clock_ns();
	chase((void *const *)node(s, 0), s->accesses);
	const uint64_t ns = vm_clock_ns() - since;
	vm_truth_u64(t, "seed", s->lab->arg[RANDOM_SEED].u64);
	return truth_step(s, t, ns, s->passes, 0, err);
}

const struct vm_workload vm_workload_tlb_chase = {
	.name = "tlb-chase",
	.help = "translation: a chain of pointers through pages in random order",
	.shows = "vmtlb",
	.lesson = "The next address is known only when the load before has come, so that each miss is waited for in full: what a "
	          "linked list, a tree or a hash table does.  One node lies in each page.  The chain goes round and round, "
	          "so that it either fits into the TLB or misses with each step.",
	.params = chase_params,
	.make = chase_make,
	.step = chase_step,
	.done = tlb_done,
};
