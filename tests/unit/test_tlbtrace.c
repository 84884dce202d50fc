/** engines/tlbtrace: an engine of ours, against TLBs that are simulated one by one; what it writes, read again. */
#include "engines/tlbtrace.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>

#include "core/base/buf.h"
#include "core/source/tlbresult.h"

#include "unit.h"

#define HUGE_BYTES (UINT64_C(1) << 21)

enum { PAGE = 4096, MAPPINGS = 5 };

/** A process: some mappings, some of whose blocks of 2M are huge pages. */
struct engine {
	struct vm_tlbtrace core;
	struct vm_tlbtrace_place place[MAPPINGS];
	bool gone[MAPPINGS];
	/** Bytes from the beginning of the first mapping that are huge pages. */
	uint64_t huge;
	unsigned asked;
	struct vm_buf written;
};

/** What was allocated: engines end with their process, and free next to nothing before. */
static struct block { struct block *next; max_align_t memory[]; } *blocks;

static void *get(void *ctx, size_t bytes)
{
	(void)ctx;
	struct block *b = calloc(1, sizeof(*b) + bytes);
	b->next = blocks;
	blocks = b;
	return b->memory;
}

static void drop(void *ctx, void *memory)
{
	(void)ctx, (void)memory;
}

static void free_all(void)
{
	for (struct block *b = blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	blocks = NULL;
}

static bool place(void *ctx, uint64_t addr, struct vm_tlbtrace_place *out)
{
	const struct engine *e = ctx;
	for (int i = 0; i < MAPPINGS; i++)
		if (!e->gone[i] && e->place[i].start <= addr && addr < e->place[i].end) {
			*out = e->place[i];
			return true;
		}
	return false;
}

static enum vm_tlb_size size_of(void *ctx, uint64_t addr)
{
	struct engine *e = ctx;
	e->asked++;
	return addr >= e->place[0].start && addr - e->place[0].start < e->huge ? VM_TLB_2M : VM_TLB_4K;
}

static void put(void *ctx, const char *bytes, size_t n)
{
	struct engine *e = ctx;
	vm_buf_add(&e->written, bytes, n);
}

static const struct vm_tlbtrace_ops ops = { .alloc = get, .free = drop, .place = place, .page_size = size_of, .write = put };

static const char plain[] = "0,16,6,0,8,4,0,1,8,0,32,8,0,4,8,0,0,0,0,128,16,1,128,8,0,32,8,4";

static struct engine *engine_new(const char *option, uint64_t huge)
{
	static const struct { uint64_t start, bytes; bool can_2m; const char *name; } m[MAPPINGS] = {
		{ 8 * HUGE_BYTES, 8 * HUGE_BYTES, true, "" }, { 32 * HUGE_BYTES + 5 * PAGE, 3 * HUGE_BYTES, true, "[heap]" },
		{ 64 * HUGE_BYTES, 40 * PAGE, false, "/usr/lib/li b\\c.so" }, { 64 * HUGE_BYTES + 40 * PAGE, 9 * PAGE, true, "-" },
		{ 96 * HUGE_BYTES, 2 * HUGE_BYTES, false, "/usr/bin/prog\n" },
	};
	struct engine *e = get(NULL, sizeof(*e));
	for (int i = 0; i < MAPPINGS; i++)
		e->place[i] = (struct vm_tlbtrace_place){
			.start = m[i].start, .end = m[i].start + m[i].bytes, .key = m[i].start, .can_2m = m[i].can_2m, .name = m[i].name,
			.read = true, .write = i < 2, .exec = i == 4, .shared = i == 3, .offset = i == 4 ? PAGE : 0, .dev_major = 254,
			.inode = i == 2 ? 77 : 0,
		};
	e->huge = huge;
	e->core.ops = &ops;
	e->core.ctx = e;
	ck_assert(vm_tlbtrace_init(&e->core, option));
	return e;
}

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* ---- Against single TLBs ------------------------------------------------------------------------------------------ */

/** One policy, without filters, shared TLBs or pages at hand. */
struct plain_model {
	struct vm_tlbsim tlb;
	struct vm_tlbwalk walk;
	struct vm_tlb_tally data, code;
};

static void plain_touch(struct plain_model *m, bool code, uint64_t addr, enum vm_tlb_size size)
{
	struct vm_tlb_tally *t = code ? &m->code : &m->data;
	const enum vm_tlbsim_where at = vm_tlbsim_access(&m->tlb, code, addr, size);
	t->l1 += at != VM_TLBSIM_L1;
	if (at != VM_TLBSIM_WALK)
		return;
	const struct vm_tlbwalk_cost cost = vm_tlbwalk(&m->walk, addr, size);
	t->walks++;
	t->walks_2m += size != VM_TLB_4K;
	t->near += cost.near;
	t->near_2m += cost.near && size != VM_TLB_4K;
	t->refs += cost.refs;
}

static enum vm_tlb_size size_by(const struct engine *e, enum vm_tlb_policy p, uint64_t addr)
{
	const struct vm_tlbtrace_place *first = &e->place[0], *heap = &e->place[1];
	const bool huge = addr >= first->start && addr - first->start < e->huge;
	const uint64_t block = addr & ~(HUGE_BYTES - 1);
	const bool whole = (block >= first->start && block + HUGE_BYTES <= first->end) ||
			   (block >= heap->start && block + HUGE_BYTES <= heap->end);
	if (p == VM_TLB_AS_IS)
		return huge ? VM_TLB_2M : VM_TLB_4K;
	return p == VM_TLB_ALL_4K ? VM_TLB_4K : whole ? VM_TLB_2M : VM_TLB_4K;
}

static void same_tally(const struct vm_tlb_tally *a, const struct vm_tlb_tally *b)
{
	ck_u64_eq(a->l1, b->l1);
	ck_u64_eq(a->walks, b->walks);
	ck_u64_eq(a->walks_2m, b->walks_2m);
	ck_u64_eq(a->near, b->near);
	ck_u64_eq(a->near_2m, b->near_2m);
	ck_u64_eq(a->refs, b->refs);
}

/** Where a program goes: mostly near where it was, now and then anywhere. */
static uint64_t wander(const struct engine *e, uint64_t *x, uint64_t was)
{
	const uint64_t r = next_random(x);
	if (r % 4)
		return was;
	const struct vm_tlbtrace_place *p = &e->place[(r >> 8) % MAPPINGS];
	const uint64_t bytes = r >> 16 & 1 ? p->end - p->start : (p->end - p->start) / 16 + PAGE;
	return p->start + (r >> 20) % bytes;
}

static void compare(const char *option, uint64_t huge)
{
	struct engine *e = engine_new(option, huge);
	struct vm_tlbtrace_thread *t = vm_tlbtrace_thread(&e->core);
	struct vm_tlbtrace_site *data = vm_tlbtrace_site(&e->core, e->place[4].start, false);
	struct vm_tlbtrace_site *code = vm_tlbtrace_site(&e->core, e->place[4].start, true);
	struct plain_model m[VM_TLB_POLICIES] = { 0 };
	uint64_t x = 4711, at = e->place[0].start, at_code = e->place[4].start;
	for (unsigned p = 0; p < e->core.policies; p++) {
		const struct vm_tlb_geometry *g = &e->core.geometry;
		vm_tlbsim_init(&m[p].tlb, g, e->core.split && p != VM_TLB_ALL_2M_WHOLE, calloc(vm_tlbsim_words(g), sizeof(uint64_t)));
		vm_tlbwalk_init(&m[p].walk, g, calloc(vm_tlbwalk_words(g), sizeof(uint64_t)));
	}
	for (unsigned i = 0; i < 400000; i++) {
		const bool is_code = next_random(&x) % 8 == 0;
		uint64_t *addr = is_code ? &at_code : &at;
		*addr = wander(e, &x, *addr);
		if (is_code)
			vm_tlbtrace_fetch(&e->core, t, code, *addr);
		else
			vm_tlbtrace_data(&e->core, t, data, *addr, 1);
		for (unsigned p = 0; p < e->core.policies; p++)
			plain_touch(&m[p], is_code, *addr, size_by(e, (enum vm_tlb_policy)p, *addr));
	}
	for (unsigned p = 0; p < e->core.policies; p++) {
		same_tally(&e->core.data.policy[p], &m[p].data);
		same_tally(&e->core.code.policy[p], &m[p].code);
		same_tally(&data->misses.policy[p], &m[p].data);
		ck_u64_eq(e->core.data.policy[p].l1 > 0, 1);
		free(m[p].tlb.memory);
		free(m[p].walk.memory);
	}
	/* Most were told inline, or what is inline tells too little. */
	ck_assert_uint_lt(e->core.slow, 200000);
	free_all();
}

START_TEST(policies_in_one_pass_are_as_each_alone)
{
	static const char *const option[] = {
		plain, "1,16,6,0,8,4,0,1,8,0,32,8,0,4,8,0,0,0,0,128,16,1,128,8,0,32,8,4",
		"0,1,64,0,0,0,0,0,0,0,1,48,0,0,0,0,0,0,0,256,5,0,0,0,0,0,0,0", "0,16,4,1,4,2,1,1,4,0,8,4,1,1,8,0,0,0,0,64,8,0,1,16,0,24,3,1",
		"1,2,2,0,1,1,0,1,1,0,2,1,0,1,1,0,0,0,0,8,2,1,1,1,0,1,1,1",
	};
	for (size_t i = 0; i < sizeof(option) / sizeof(option[0]); i++) {
		compare(option[i], 0);
		compare(option[i], 3 * HUGE_BYTES);
		compare(option[i], 8 * HUGE_BYTES);
	}
}
END_TEST

/* ---- The rest ----------------------------------------------------------------------------------------------------- */

START_TEST(options_that_are_none)
{
	static const char *const wrong[] = {
		"", "0", "2,16,6,0,8,4,0,1,8,0,32,8,0,4,8,0,0,0,0,128,16,1,128,8,0,32,8,4", "0,12,6,0,8,4,0,1,8,0,32,8,0,4,8,0,0,0,0,128,16,1,128,8,0,32,8,4",
		"0,16,6,0,8,4,0,1,8,0,32,8,0,4,8,0,0,0,0,128,16,1,128,8,0,32,8,4,1", "0,16,6,0,8,4,0,1,8,0,32,8,0,4,8,0,0,0,0,128,16,1,128,8,0,32,8,4x",
		"0,16,6,0,8,4,0,1,8,0,32,8,0,4,8,0,0,0,0,128,16,1,128,8,0,32,8,", "0,16,9999,0,8,4,0,1,8,0,32,8,0,4,8,0,0,0,0,128,16,1,128,8,0,32,8,4",
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct engine *e = get(NULL, sizeof(*e));
		e->core.ops = &ops;
		ck_assert(!vm_tlbtrace_init(&e->core, wrong[i]));
		free_all();
	}
}
END_TEST

START_TEST(accesses_across_pages_need_all_of_them)
{
	struct engine *e = engine_new(plain, 0);
	struct vm_tlbtrace_thread *t = vm_tlbtrace_thread(&e->core);
	struct vm_tlbtrace_site *s = vm_tlbtrace_site(&e->core, 1, false);
	const struct vm_tlb_tally *n = &e->core.data.policy[VM_TLB_ALL_4K];
	vm_tlbtrace_data(&e->core, t, s, e->place[0].start + PAGE - 8, 8);
	ck_u64_eq(n->l1, 1);
	vm_tlbtrace_data(&e->core, t, s, e->place[0].start + PAGE - 8, 9);
	ck_u64_eq(n->l1, 2);
	vm_tlbtrace_data(&e->core, t, s, e->place[0].start + PAGE - 1, 2 * PAGE + 2);
	ck_u64_eq(n->l1, 4);
	free_all();
}
END_TEST

START_TEST(what_is_unmapped_is_forgotten)
{
	struct engine *e = engine_new(plain, 0);
	struct vm_tlbtrace_thread *t = vm_tlbtrace_thread(&e->core);
	struct vm_tlbtrace_site *s = vm_tlbtrace_site(&e->core, 1, false);
	const struct vm_tlb_tallies *n = &e->core.data;
	const uint64_t a = e->place[0].start;
	vm_tlbtrace_data(&e->core, t, s, a, 8);
	vm_tlbtrace_data(&e->core, t, s, a + PAGE, 8);
	ck_u64_eq(n->policy[VM_TLB_ALL_4K].walks, 2);
	ck_u64_eq(n->policy[VM_TLB_ALL_2M].walks, 1);
	vm_tlbtrace_changed(&e->core, a, a + PAGE, true);
	vm_tlbtrace_data(&e->core, t, s, a, 8);
	vm_tlbtrace_data(&e->core, t, s, a + PAGE, 8);
	ck_u64_eq(n->policy[VM_TLB_ALL_4K].walks, 3);
	ck_u64_eq(n->policy[VM_TLB_ALL_2M].walks, 2);
	/* Advice: sizes are asked again, and nothing is forgotten. */
	const unsigned asked = e->asked;
	vm_tlbtrace_changed(&e->core, 0, UINT64_MAX, false);
	vm_tlbtrace_data(&e->core, t, s, a, 8);
	ck_assert_uint_gt(e->asked, asked);
	ck_u64_eq(n->policy[VM_TLB_ALL_4K].walks, 3);
	free_all();
}
END_TEST

START_TEST(page_sizes_are_asked_again_now_and_then)
{
	struct engine *e = engine_new(plain, 0);
	struct vm_tlbtrace_thread *t = vm_tlbtrace_thread(&e->core);
	struct vm_tlbtrace_site *s = vm_tlbtrace_site(&e->core, 1, false);
	const uint64_t a = e->place[0].start;
	/* Pages of one set: none is told inline. */
	for (unsigned i = 0; i < VM_TLBTRACE_REFRESH + 64; i++) {
		if (i == VM_TLBTRACE_REFRESH / 2)
			e->huge = HUGE_BYTES;
		vm_tlbtrace_data(&e->core, t, s, a + i % 7 * 16 * PAGE, 8);
	}
	ck_u64_eq(e->asked, 2);
	ck_u64_eq(e->core.data.policy[VM_TLB_AS_IS].walks_2m, 1);
	free_all();
}
END_TEST

START_TEST(threads_have_their_own)
{
	struct engine *e = engine_new(plain, 0);
	struct vm_tlbtrace_thread *one = vm_tlbtrace_thread(&e->core), *two = vm_tlbtrace_thread(&e->core);
	struct vm_tlbtrace_site *s = vm_tlbtrace_site(&e->core, 1, false);
	vm_tlbtrace_data(&e->core, one, s, e->place[0].start, 8);
	vm_tlbtrace_data(&e->core, two, s, e->place[0].start, 8);
	vm_tlbtrace_data(&e->core, one, s, e->place[0].start, 8);
	ck_u64_eq(e->core.data.policy[VM_TLB_ALL_4K].walks, 2);
	/* A thread that takes the place of another begins with nothing, and what that counted stays. */
	two->loads = 5;
	vm_tlbtrace_thread_ended(two);
	ck_assert_ptr_eq(vm_tlbtrace_thread(&e->core), two);
	ck_u64_eq(two->loads, 5);
	vm_tlbtrace_data(&e->core, two, s, e->place[0].start, 8);
	ck_u64_eq(e->core.data.policy[VM_TLB_ALL_4K].walks, 3);
	free_all();
}
END_TEST

static void run_a_little(struct engine *e, struct vm_tlbtrace_thread *t)
{
	struct vm_tlbtrace_site *data = vm_tlbtrace_site(&e->core, e->place[4].start + 3, false);
	struct vm_tlbtrace_site *fetch = vm_tlbtrace_site(&e->core, e->place[4].start, true);
	struct vm_tlbtrace_site *unknown = vm_tlbtrace_site(&e->core, 17, false);
	t->instructions = 1000;
	t->loads = 20;
	t->stores = 3;
	vm_tlbtrace_fetch(&e->core, t, fetch, e->place[4].start);
	for (int i = 0; i < MAPPINGS; i++)
		vm_tlbtrace_data(&e->core, t, data, e->place[i].start, 8);
	vm_tlbtrace_data(&e->core, t, unknown, e->place[0].start + 5 * HUGE_BYTES, 8);
}

static const struct vm_tlbtrace_about about = { .engine = "ours-1", .sizes = "scan", .program = "a b", .pid = 4242 };

START_TEST(what_is_written_can_be_read)
{
	struct engine *e = engine_new(plain, HUGE_BYTES);
	struct vm_tlb_result r = { .lost = 0 };
	run_a_little(e, vm_tlbtrace_thread(&e->core));
	vm_tlbtrace_write(&e->core, &about);
	ck_assert_int_eq(vm_tlb_result_parse(e->written.s, e->written.n, &r), 0);
	ck_assert_str_eq(r.engine, "ours-1");
	ck_assert_uint_eq(r.sizes_by, VM_TLB_SIZES_SCAN);
	ck_assert_uint_eq(r.policies, 3);
	ck_assert_uint_eq(r.program.n, 1);
	const struct vm_tlb_program *p = &r.program.v[0];
	ck_assert_int_eq(p->pid, 4242);
	ck_assert_str_eq(p->name, "a b");
	ck_u64_eq(p->instructions, 1000);
	ck_u64_eq(p->loads, 20);
	ck_u64_eq(p->stores, 3);
	for (unsigned y = 0; y < r.policies; y++) {
		same_tally(&p->data.policy[y], &e->core.data.policy[y]);
		same_tally(&p->code.policy[y], &e->core.code.policy[y]);
	}
	ck_u64_eq(p->data.policy[VM_TLB_AS_IS].walks_2m, 1);
	ck_u64_eq(p->data.policy[VM_TLB_ALL_2M].walks_2m, 2);
	ck_assert_uint_eq(r.mapping.n, MAPPINGS);
	for (size_t i = 0; i < r.mapping.n; i++) {
		const struct vm_tlb_mapping *m = &r.mapping.v[i];
		const struct vm_tlbtrace_place *want = NULL;
		for (int k = 0; k < MAPPINGS; k++)
			want = e->place[k].start == m->start ? &e->place[k] : want;
		ck_assert_ptr_nonnull(want);
		ck_assert_str_eq(m->name, want->name);
		ck_u64_eq(m->end, want->end);
		ck_u64_eq(m->offset, want->offset);
		ck_u64_eq(m->inode, want->inode);
		ck_assert_int_eq(m->shared, want->shared);
		ck_assert_int_eq(m->can_2m, want->can_2m);
		ck_assert_uint_eq(m->prot, PROT_READ | (want->write ? PROT_WRITE : 0) | (want->exec ? PROT_EXEC : 0));
		ck_u64_eq(m->pages, want == &e->place[0] ? 2 : 1);
		ck_u64_eq(m->regions_2m, want == &e->place[0] ? 2 : 0);
		ck_u64_eq(m->regions_huge, want == &e->place[0]);
	}
	ck_assert_uint_eq(r.site.n, 3);
	for (size_t i = 0; i < r.site.n; i++) {
		const struct vm_tlb_site *s = &r.site.v[i];
		if (s->ip == 17)
			ck_assert_uint_eq(s->mapping, SIZE_MAX);
		else
			ck_assert_str_eq(r.mapping.v[s->mapping].name, "/usr/bin/prog\n");
		ck_assert_int_eq(s->code, s->ip == e->place[4].start);
		ck_u64_eq(s->misses.policy[VM_TLB_ALL_4K].l1, s->ip == e->place[4].start + 3 ? MAPPINGS : 1);
	}
	vm_tlb_result_free(&r);
	vm_buf_free(&e->written);
	free_all();
}
END_TEST

START_TEST(a_child_begins_with_nothing)
{
	struct engine *e = engine_new(plain, 0);
	struct vm_tlb_result r = { .lost = 0 };
	struct vm_tlbtrace_thread *t = vm_tlbtrace_thread(&e->core);
	run_a_little(e, vm_tlbtrace_thread(&e->core));
	run_a_little(e, t);
	vm_tlbtrace_forked(&e->core, t);
	vm_tlbtrace_data(&e->core, t, vm_tlbtrace_site(&e->core, 17, false), e->place[0].start, 8);
	vm_tlbtrace_write(&e->core, &about);
	ck_assert_int_eq(vm_tlb_result_parse(e->written.s, e->written.n, &r), 0);
	ck_u64_eq(r.program.v[0].instructions, 0);
	ck_u64_eq(r.program.v[0].data.policy[VM_TLB_ALL_4K].walks, 1);
	ck_u64_eq(r.program.v[0].code.policy[VM_TLB_ALL_4K].walks, 0);
	ck_assert_uint_eq(r.site.n, 1);
	uint64_t pages = 0;
	for (size_t i = 0; i < r.mapping.n; i++)
		pages += r.mapping.v[i].pages;
	ck_u64_eq(pages, 1);
	vm_tlb_result_free(&r);
	vm_buf_free(&e->written);
	free_all();
}
END_TEST

START_TEST(results_that_make_no_sense)
{
	static const char head[] = "vmtlb-trace 1\nengine x\nsizes scan\npid 1\nprogram p\npolicies 3\naccesses 1 2 3\ntotal\n";
	static const char *const wrong[] = {
		"", "d 0 1 1 0 0 0 1\n", "end", "end\nend\n", "d 3 1 1 0 0 0 1\nend\n", "d 0 1 2 0 0 0 1\nend\n", "d 0 1 1 2 0 0 1\nend\n",
		"d 0 1 1 0 0 1 1\nend\n", "d 0 2 2 1 2 0 1\nend\n", "d 0 1 1 0 0 0\nend\n", "d 0 1 1 0 0 0 1 1\nend\n", "x\nend\n", "site 5 9\nend\n",
		"site g -\nend\n", "mapping 0 2000 1000 0 rw-p 1 0 0 0 0 0 0 0 0 -\nend\n", "mapping 0 1000 2000 0 rw-p 1 0 0 0 0 0 0 0 0 \\999\nend\n",
		"mapping 0 1000 2000 0 rw-p 1 0 0 0 0 0 0 0 0 \\000\nend\n", "mapping 0 1000 2000 0 rw-p 1 0 0 0 0 0 0 0 0 a b\nend\n",
		"mapping 0 1000 2000 0 rw-p 1 4294967296 0 0 0 0 0 0 0 -\nend\n", "d 0 18446744073709551616 1 0 0 0 1\nend\n",
		"mapping 0 1000 2000 0 rw-p 1 0 0 0 1 0 2 0 0 -\nend\n", "total\nend\n", "\nend\n",
	};
	struct vm_tlb_result r = { .lost = 0 };
	char text[512];
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(text, sizeof(text), "%s%s", head, wrong[i]);
		ck_assert_int_eq(vm_tlb_result_parse(text, strlen(text), &r), -EBADMSG);
		ck_assert_uint_eq(r.program.n + r.mapping.n + r.site.n, 0);
	}
	snprintf(text, sizeof(text), "%smapping 7 1000 2000 0 rw-p 1 0 0 0 1 0 0 0 0 \\055\nsite 5 7\nc 2 3 2 1 1 1 2\nend\n", head);
	ck_assert_int_eq(vm_tlb_result_parse(text, strlen(text), &r), 0);
	ck_assert_str_eq(r.mapping.v[0].name, "-");
	ck_assert_uint_eq(r.site.v[0].mapping, 0);
	ck_assert(r.site.v[0].code);
	/* Another number of policies can't be added up with it. */
	text[strlen("vmtlb-trace 1\nengine x\nsizes scan\npid 1\nprogram p\npolicies ")] = '4';
	ck_assert_int_eq(vm_tlb_result_parse(text, strlen(text), &r), -EBADMSG);
	ck_assert_uint_eq(r.program.n, 1);
	ck_assert_uint_eq(r.mapping.n, 1);
	vm_tlb_result_free(&r);
}
END_TEST

UNIT_MAIN("tlbtrace", policies_in_one_pass_are_as_each_alone, options_that_are_none, accesses_across_pages_need_all_of_them,
	  what_is_unmapped_is_forgotten, page_sizes_are_asked_again_now_and_then, threads_have_their_own,
	  what_is_written_can_be_read, a_child_begins_with_nothing, results_that_make_no_sense)
