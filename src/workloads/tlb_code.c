/** Translation of code addresses: jumps from page to page. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "workloads/kit.h"
#include "workloads/registry.h"
#include "workloads/tlbmemory.h"

enum { CODE_SIZE, CODE_JUMPS, CODE_SEED, CODE_HUGE, CODE_GEOMETRY, CODE_ROUNDS };

static const struct vm_param code_params[] = {
	{ "size", "bytes of code; a jump in each page", VM_P_SIZE, .def = "4M", .min = 1, .max = 64 << 20 },
	VM_TLB_ACCESSES_PARAM("4000000", "jumps at least, in whole rounds of the chain,"),
	{ "seed", "which order the chain has", VM_P_U64, .def = "1" },
	VM_TLB_HUGE_PARAM,
	VM_TLB_GEOMETRY_PARAM,
	VM_TLB_STEPS_PARAM,
	{ .name = NULL }
};

struct code {
	const struct vm_lab *lab;
	struct vm_tlb_memory m;
	struct vm_tlb_forms forms;
	uint64_t passes, rounds;
};

/** A jump is at another line of each page, so that the chain doesn't crowd a few sets of the caches. */
static char *spot(const struct code *s, size_t i)
{
	const uint64_t line = 64, lines = s->lab->page / line;
	return s->m.p + s->m.page[i] * s->lab->page + s->m.page[i] % lines * line;
}

/* ---- Machine code ------------------------------------------------------------------------------------------------- */

/* void f(uint64_t rounds): goes round the chain so often. */

#if defined(__x86_64__)
enum { HAVE_CODE = 1 };

/** At `at`, with the last page: count down, and back to `to` unless that was the last round; else: just jump there. */
static void put_jump(char *at, const char *to, bool last)
{
	static const unsigned char down[] = { 0x48, 0xff, 0xcf, 0x0f, 0x85 };   /* dec rdi; jnz */
	if (last) {
		memcpy(at, down, sizeof(down));
		at += sizeof(down);
	} else {
		*at++ = (char)0xe9;        /* jmp */
	}
	const int32_t distance = (int32_t)(to - (at + 4));
	memcpy(at, &distance, sizeof(distance));
	if (last)
		at[4] = (char)0xc3;        /* ret */
}
#elif defined(__aarch64__)
enum { HAVE_CODE = 1 };

static void put_jump(char *at, const char *to, bool last)
{
	uint32_t word[4] = { 0xf1000400, 0x54000040, 0, 0xd65f03c0 };   /* subs x0, x0, #1; b.eq +8; b; ret */
	uint32_t *branch = last ? &word[2] : &word[0];
	const char *from = last ? at + 8 : at;
	*branch = 0x14000000 | ((uint32_t)((to - from) / 4) & 0x03ffffff);
	memcpy(at, word, last ? sizeof(word) : sizeof(word[0]));
}
#else
enum { HAVE_CODE = 0 };

static void put_jump(char *at, const char *to, bool last)
{
	(void)at, (void)to, (void)last;
}
#endif

static void go_round(const struct code *s, uint64_t rounds)
{
	void (*f)(uint64_t) = (void (*)(uint64_t))(uintptr_t)spot(s, 0);
	f(rounds);
}

/* ---- The workload ------------------------------------------------------------------------------------------------- */

static int truth(const struct code *s, struct vm_truth *t, uint64_t passes, struct vm_err *err)
{
	const struct vm_tlb_walk w = { .p = s->m.p, .page = s->m.page, .n = s->m.n, .passes = passes };
	vm_truth_u64(t, "seed", s->lab->arg[CODE_SEED].u64);
	vm_truth_u64(t, "jumps", passes * s->m.n);
	vm_truth_u64(t, "passes", passes);
	vm_truth_tlb_memory(t, &s->m, "r-xp");
	return vm_truth_tlb(t, s->lab, &s->forms, &w, err);
}

/** Code, written and then made executable; a first round afterwards. */
static int write_code(struct code *s, struct vm_err *err)
{
	for (size_t i = 0; i < s->m.n; i++) {
		put_jump(spot(s, i), spot(s, i + 1 < s->m.n ? i + 1 : 0), i + 1 == s->m.n);
		vm_tlb_memory_note(&s->m, s->m.page[i]);
	}
	vm_tlb_memory_settle(&s->m);
	__builtin___clear_cache(s->m.p, s->m.p + s->m.size);
	if (mprotect(s->m.p, s->m.size, PROT_READ | PROT_EXEC) < 0)
		return vm_fail(err, EPERM, "the kernel refuses to make written memory executable: %s", strerror(errno));
	go_round(s, 1);
	return 0;
}

static int code_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	const struct vm_arg *arg = lab->arg;
	struct code *s = *state = calloc(1, sizeof(*s));
	if (!s)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	s->lab = lab;
	if (!HAVE_CODE)
		return vm_fail(err, ENOSYS, "no machine code for this architecture");
	int r = vm_tlb_forms_parse(arg[CODE_GEOMETRY].text, true, &s->forms, err);
	if (r == 0)
		r = vm_tlb_memory_map(&s->m, lab, arg[CODE_SIZE].u64, (enum vm_tlb_huge_word)arg[CODE_HUGE].u64, err);
	if (r < 0)
		return r;
	vm_tlb_order_mixed(&s->m, arg[CODE_SEED].u64);
	s->passes = (arg[CODE_JUMPS].u64 + s->m.n - 1) / s->m.n;
	r = write_code(s, err);
	if (r < 0)
		return r;
	char bytes[VM_NUMBUF];
	vm_truth_say(t, "%zu pages of code, %s, a jump in each; each step goes round %llu times", s->m.n,
	             vm_format_size(s->m.size, bytes), (unsigned long long)s->passes);
	/* The data side wrote these pages just now, and both sides share the second level. */
	return truth(s, t, 1, err);
}

static int code_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct code *s = state;
	char text[VM_NUMBUF];
	const uint64_t since = vm_clock_ns();
	go_round(s, s->passes);
	const uint64_t ns = vm_clock_ns() - since, jumps = s->passes * s->m.n;
	vm_truth_u64(t, "took_ns", ns);
	vm_truth_say(t, "%llu jumps in %s, %.2f ns each", (unsigned long long)jumps, vm_format_duration(ns, text),
	             (double)ns / (double)jumps);
	int r = truth(s, t, s->passes, err);
	return r < 0 ? r : ++s->rounds < s->lab->arg[CODE_ROUNDS].u64;
}

static void code_done(void *state)
{
	struct code *s = state;
	vm_tlb_memory_free(&s->m);
	free(s);
}

const struct vm_workload vm_workload_tlb_itlb = {
	.name = "tlb-itlb",
	.help = "translation: a chain of jumps through pages of code in random order",
	.shows = "vmtlb",
	.lesson = "Code has a first-level TLB of its own, with a few hundred entries, and shares the second level with data.  "
	          "Large programs that jump from library to library, and code that was compiled while it runs, miss it; "
	          "sorting functions by use or huge pages for code help.",
	.params = code_params,
	.make = code_make,
	.step = code_step,
	.done = code_done,
};
