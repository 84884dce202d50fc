/** core/analysis/whynot, whygroup: the kernel's rules about huge pages. */
#include "core/analysis/whynot.h"

#include "core/analysis/whygroup.h"
#include "core/model/vmflags.h"

#include "space.h"

enum { FULL = 512 };
#define M2 UINT64_C(0x200000)

/** A machine as distributions have it: madvise, khugepaged's defaults. */
static struct vm_whynot_machine machine(void)
{
	return (struct vm_whynot_machine){
		.page_bytes = 4096, .range_bytes = M2, .anon = VM_HUGE_MADVISE, .shmem = VM_HUGE_NEVER, .shmem_all = VM_HUGE_NEVER,
		.max_none = 511, .max_swap = 64, .max_shared = 256, .collapse = VM_TRI_YES,
	};
}

/** Anonymous memory of two ranges, for which was asked. */
static struct vm_whynot_mapping mapping(enum vm_huge_backing backing)
{
	return (struct vm_whynot_mapping){
		.backing = backing, .start = 10 * M2, .end = 12 * M2, .writable = true, .flags_known = true, .asked = true,
		.mount = VM_HUGE_NEVER,
	};
}

static struct vm_huge_range range(unsigned present)
{
	return (struct vm_huge_range){ .start = 10 * M2, .present = (uint16_t)present, .anon = (uint16_t)present };
}

static const struct vm_huge_read all_known = {
	.sizes_known = true, .entries_known = true, .ranges_known = true, .shared_known = true,
};

static struct vm_whynot ask(const struct vm_whynot_machine *w, const struct vm_whynot_mapping *m, const struct vm_huge_range *r)
{
	return vm_whynot_range(w, m, vm_whynot_mapping(w, m), r, &all_known);
}

START_TEST(nothing_is_wrong)
{
	const struct vm_whynot_machine w = machine();
	const struct vm_whynot_mapping m = mapping(VM_HUGE_B_ANON);
	struct vm_huge_range r = range(FULL);
	struct vm_whynot x = ask(&w, &m, &r);
	ck_assert_uint_eq(x.why, VM_WHY(WAIT));
	ck_assert_uint_eq(x.now, VM_DO(COLLAPSE));
	ck_assert_uint_eq(x.later, 0);
	ck_u64_eq(x.could_bytes, M2);
	ck_u64_eq(x.costs_bytes, 0);
	/* It is huge; nothing is there. */
	r.flags = VM_HUGE_R_HUGE;
	ck_assert_uint_eq(ask(&w, &m, &r).why, 0);
	r = range(0);
	r.swapped = 100;
	ck_assert_uint_eq(ask(&w, &m, &r).why, 0);
	ck_u64_eq(ask(&w, &m, &r).could_bytes, 0);
}
END_TEST

START_TEST(policies)
{
	static const struct {
		enum vm_huge_word anon;
		bool asked, refused;
		uint32_t why, later;
	} t[] = {
		{ VM_HUGE_ALWAYS, false, false, VM_WHY(WAIT), 0 },
		{ VM_HUGE_MADVISE, true, false, VM_WHY(WAIT), 0 },
		{ VM_HUGE_MADVISE, false, false, VM_WHY(UNASKED), VM_DO(ADVISE) },
		{ VM_HUGE_NEVER, true, false, VM_WHY(NEVER), VM_DO(ENABLE) | VM_DO(ADVISE) },
		{ VM_HUGE_ALWAYS, false, true, VM_WHY(REFUSED), VM_DO(ADVISE) },
		{ VM_HUGE_MADVISE, false, true, VM_WHY(REFUSED), VM_DO(ADVISE) },
		{ VM_HUGE_NEVER, false, true, VM_WHY(REFUSED) | VM_WHY(NEVER), VM_DO(ENABLE) | VM_DO(ADVISE) },
		/* A container that doesn't show the policy: nothing is said of it. */
		{ VM_HUGE_WORD_UNKNOWN, false, false, VM_WHY(UNKNOWN), 0 },
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct vm_whynot_machine w = machine();
		struct vm_whynot_mapping m = mapping(VM_HUGE_B_ANON);
		const struct vm_huge_range r = range(FULL);
		w.anon = t[i].anon;
		m.asked = t[i].asked;
		m.refused = t[i].refused;
		const struct vm_whynot x = ask(&w, &m, &r);
		ck_assert_uint_eq(x.why, t[i].why);
		ck_assert_uint_eq(x.later, t[i].later);
		/* Refusal is taken back first; MADV_COLLAPSE ignores policies. */
		ck_assert_uint_eq(x.now, VM_DO(COLLAPSE) | (t[i].refused ? VM_DO(ADVISE) : 0));
	}
}
END_TEST

START_TEST(unknown_flags_are_no_reason)
{
	const struct vm_whynot_machine w = machine();
	struct vm_whynot_mapping m = mapping(VM_HUGE_B_ANON);
	const struct vm_huge_range r = range(FULL);
	m.flags_known = m.asked = false;
	ck_assert_uint_eq(ask(&w, &m, &r).why, VM_WHY(UNKNOWN));
	ck_assert_uint_eq(ask(&w, &m, &r).now, VM_DO(COLLAPSE));
	ck_assert_uint_eq(vm_whynot_whole(&w, &m, 0, 4096).why, VM_WHY(UNKNOWN));
}
END_TEST

START_TEST(the_whole_process)
{
	const struct vm_whynot_machine w = machine();
	struct vm_whynot_mapping m = mapping(VM_HUGE_B_ANON);
	const struct vm_huge_range r = range(FULL);
	m.disabled = true;
	const struct vm_whynot x = ask(&w, &m, &r);
	ck_assert_uint_eq(x.why, VM_WHY(DISABLED));
	ck_assert_uint_eq(x.now, VM_DO(PRCTL) | VM_DO(COLLAPSE));
	ck_assert_uint_eq(x.later, VM_DO(PRCTL));
}
END_TEST

START_TEST(shared_memory)
{
	static const struct {
		enum vm_huge_backing backing;
		enum vm_huge_word all, word;
		bool asked;
		uint32_t why, now, later;
	} t[] = {
		{ VM_HUGE_B_SHMEM, VM_HUGE_NEVER, VM_HUGE_NEVER, true, VM_WHY(SHMEM_NEVER), VM_DO(COLLAPSE), VM_DO(SHMEM) | VM_DO(ADVISE) },
		{ VM_HUGE_B_SHMEM, VM_HUGE_ADVISE, VM_HUGE_ADVISE, false, VM_WHY(SHMEM_UNASKED), VM_DO(COLLAPSE), VM_DO(ADVISE) },
		{ VM_HUGE_B_SHMEM, VM_HUGE_ADVISE, VM_HUGE_ADVISE, true, VM_WHY(WAIT), VM_DO(COLLAPSE), 0 },
		{ VM_HUGE_B_SHMEM, VM_HUGE_DENY, VM_HUGE_DENY, true, VM_WHY(SHMEM_DENY), VM_DO(SHMEM) | VM_DO(COLLAPSE),
		  VM_DO(SHMEM) | VM_DO(ADVISE) },
		{ VM_HUGE_B_TMPFS, VM_HUGE_NEVER, VM_HUGE_NEVER, true, VM_WHY(TMPFS_NEVER), VM_DO(COLLAPSE),
		  VM_DO(REMOUNT) | VM_DO(ADVISE) },
		{ VM_HUGE_B_TMPFS, VM_HUGE_NEVER, VM_HUGE_ADVISE, false, VM_WHY(TMPFS_UNASKED), VM_DO(COLLAPSE), VM_DO(ADVISE) },
		{ VM_HUGE_B_TMPFS, VM_HUGE_NEVER, VM_HUGE_ALWAYS, false, VM_WHY(WAIT), VM_DO(COLLAPSE), 0 },
		/* Top-level words reach mounts too. */
		{ VM_HUGE_B_TMPFS, VM_HUGE_FORCE, VM_HUGE_NEVER, false, VM_WHY(WAIT), VM_DO(COLLAPSE), 0 },
		{ VM_HUGE_B_TMPFS, VM_HUGE_DENY, VM_HUGE_ALWAYS, false, VM_WHY(SHMEM_DENY), VM_DO(SHMEM) | VM_DO(COLLAPSE),
		  VM_DO(SHMEM) | VM_DO(ADVISE) },
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct vm_whynot_machine w = machine();
		struct vm_whynot_mapping m = mapping(t[i].backing);
		struct vm_huge_range r = range(100);
		r.anon = 0;
		w.shmem_all = t[i].all;
		w.shmem = m.mount = t[i].word;
		m.asked = t[i].asked;
		const struct vm_whynot x = ask(&w, &m, &r);
		ck_assert_uint_eq(x.why, t[i].why);
		ck_assert_uint_eq(x.now, t[i].now);
		ck_assert_uint_eq(x.later, t[i].later);
		/* What the page cache lacks isn't known from here. */
		ck_u64_eq(x.costs_bytes, 0);
		ck_u64_eq(x.could_bytes, 100 * 4096);
	}
}
END_TEST

START_TEST(files)
{
	const struct vm_whynot_machine w = machine();
	struct vm_whynot_mapping m = mapping(VM_HUGE_B_FILE);
	struct vm_huge_range r = range(FULL);
	r.anon = 0;
	struct vm_whynot x = ask(&w, &m, &r);
	ck_assert_uint_eq(x.why, VM_WHY(FILE));
	ck_assert_uint_eq(x.now | x.later, 0);
	ck_u64_eq(x.could_bytes, 0);
	m.large_folios = VM_TRI_YES;
	x = ask(&w, &m, &r);
	ck_assert_uint_eq(x.later, VM_DO(REREAD));
	ck_u64_eq(x.could_bytes, M2);
	/* The kernel itself says that khugepaged would. */
	m.eligible = VM_TRI_YES;
	x = ask(&w, &m, &r);
	ck_assert_uint_eq(x.why, VM_WHY(WAIT));
	ck_assert_uint_eq(x.now, VM_DO(COLLAPSE));
	/* Private copies of its pages never are, whatever is done. */
	r.anon = 1;
	x = ask(&w, &m, &r);
	ck_assert_uint_eq(x.why, VM_WHY(COPY));
	ck_assert_uint_eq(x.now | x.later, 0);
	r.anon = 0;
	m.offset = 4096;
	x = ask(&w, &m, &r);
	ck_assert_uint_eq(x.why, VM_WHY(OFFSET));
	ck_assert_uint_eq(x.now | x.later, 0);
}
END_TEST

START_TEST(limits_of_khugepaged)
{
	struct vm_whynot_machine w = machine();
	const struct vm_whynot_mapping m = mapping(VM_HUGE_B_ANON);
	struct vm_huge_range r = range(1);
	struct vm_whynot x = ask(&w, &m, &r);
	/* 511 holes are as many as the default permits. */
	ck_assert_uint_eq(x.why, VM_WHY(WAIT));
	ck_u64_eq(x.could_bytes, 4096);
	ck_u64_eq(x.costs_bytes, M2 - 4096);
	w.max_none = 510;
	x = ask(&w, &m, &r);
	ck_assert_uint_eq(x.why, VM_WHY(HOLES));
	ck_assert_uint_eq(x.now, VM_DO(COLLAPSE));
	ck_assert_uint_eq(x.later, VM_DO(MAX_NONE));
	w.max_none = VM_HUGE_UNKNOWN;
	ck_assert_uint_eq(ask(&w, &m, &r).why, VM_WHY(WAIT));
	/* Pages in swap are no holes. */
	w.max_none = 0;
	r = range(448);
	r.swapped = 64;
	ck_assert_uint_eq(ask(&w, &m, &r).why, VM_WHY(WAIT));
	r = range(447);
	r.swapped = 65;
	x = ask(&w, &m, &r);
	ck_assert_uint_eq(x.why, VM_WHY(SWAPPED));
	ck_assert_uint_eq(x.later, VM_DO(MAX_SWAP));
	r = range(FULL);
	r.shared = 256;
	ck_assert_uint_eq(ask(&w, &m, &r).why, VM_WHY(WAIT));
	r.shared = 257;
	x = ask(&w, &m, &r);
	ck_assert_uint_eq(x.why, VM_WHY(SHARED));
	ck_assert_uint_eq(x.later, VM_DO(MAX_SHARED));
	/* The limit can't be as high as that. */
	r.shared = FULL;
	x = ask(&w, &m, &r);
	ck_assert_uint_eq(x.now, VM_DO(COLLAPSE));
	ck_assert_uint_eq(x.later, 0);
	/* Nobody told who else maps them. */
	struct vm_huge_read known = all_known;
	known.shared_known = false;
	ck_assert_uint_eq(vm_whynot_range(&w, &m, 0, &r, &known).why, VM_WHY(WAIT));
}
END_TEST

START_TEST(what_stops_everybody)
{
	static const struct { unsigned flags; bool userfault; unsigned present; uint32_t why; } t[] = {
		{ VM_HUGE_R_GUARD, false, FULL, VM_WHY(GUARD) }, { VM_HUGE_R_WP, true, FULL, VM_WHY(PROTECTED) },
		{ 0, true, 511, VM_WHY(UFFD_HOLES) },
	};
	const struct vm_whynot_machine w = machine();
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct vm_whynot_mapping m = mapping(VM_HUGE_B_ANON);
		struct vm_huge_range r = range(t[i].present);
		m.userfault = t[i].userfault;
		r.flags = (uint8_t)t[i].flags;
		const struct vm_whynot x = ask(&w, &m, &r);
		ck_assert_uint_eq(x.why, t[i].why);
		ck_assert_uint_eq(x.now | x.later, 0);
		ck_u64_eq(x.could_bytes, 0);
	}
	/* A userfaultfd alone is in nobody's way. */
	struct vm_whynot_mapping m = mapping(VM_HUGE_B_ANON);
	const struct vm_huge_range r = range(FULL);
	m.userfault = true;
	ck_assert_uint_eq(ask(&w, &m, &r).why, VM_WHY(WAIT));
}
END_TEST

START_TEST(read_only)
{
	struct vm_whynot_machine w = machine();
	struct vm_whynot_mapping m = mapping(VM_HUGE_B_ANON);
	struct vm_huge_range r = range(FULL);
	struct vm_huge_read known = all_known;
	/* What may be written isn't known of the entries. */
	w.wants_writable = VM_TRI_YES;
	ck_assert_uint_eq(vm_whynot_range(&w, &m, 0, &r, &known).why, VM_WHY(WAIT));
	/* But of pages that are all shared none may be written. */
	r.shared = FULL;
	ck_assert(vm_whynot_range(&w, &m, 0, &r, &known).why & VM_WHY(READONLY));
	ck_assert_uint_eq(vm_whynot_range(&w, &m, 0, &r, &known).now, 0);
	r.shared = FULL - 1;
	ck_assert(!(vm_whynot_range(&w, &m, 0, &r, &known).why & VM_WHY(READONLY)));
	r.shared = 0;
	known.writes_known = true;
	struct vm_whynot x = vm_whynot_range(&w, &m, 0, &r, &known);
	ck_assert_uint_eq(x.why, VM_WHY(READONLY));
	ck_assert_uint_eq(x.now | x.later, 0);
	r.flags = VM_HUGE_R_WRITABLE;
	ck_assert_uint_eq(vm_whynot_range(&w, &m, 0, &r, &known).why, VM_WHY(WAIT));
	/* Of a mapping that may not be written no entry may. */
	m.writable = false;
	known.writes_known = false;
	r.flags = 0;
	ck_assert_uint_eq(vm_whynot_range(&w, &m, 0, &r, &known).why, VM_WHY(READONLY));
	/* Newer kernels don't care; of those that aren't known nothing is said. */
	w.wants_writable = VM_TRI_NO;
	ck_assert_uint_eq(vm_whynot_range(&w, &m, 0, &r, &known).now, VM_DO(COLLAPSE));
	w.wants_writable = VM_TRI_UNKNOWN;
	ck_assert_uint_eq(vm_whynot_range(&w, &m, 0, &r, &known).why, VM_WHY(WAIT));
}
END_TEST

START_TEST(split_pages)
{
	const struct vm_whynot_machine w = machine();
	const struct vm_whynot_mapping m = mapping(VM_HUGE_B_ANON);
	struct vm_huge_range r = range(FULL);
	r.flags = VM_HUGE_R_WHOLE;
	const struct vm_whynot x = ask(&w, &m, &r);
	ck_assert_uint_eq(x.why, VM_WHY(SPLIT) | VM_WHY(WAIT));
	ck_assert_uint_eq(x.now, VM_DO(COLLAPSE));
	ck_u64_eq(x.could_bytes, M2);
}
END_TEST

START_TEST(kernels_without)
{
	struct vm_whynot_machine w = machine();
	struct vm_whynot_mapping m = mapping(VM_HUGE_B_ANON);
	const struct vm_huge_range r = range(FULL);
	m.asked = false;
	w.collapse = VM_TRI_NO;
	struct vm_whynot x = ask(&w, &m, &r);
	ck_assert_uint_eq(x.now, 0);
	ck_assert_uint_eq(x.later, VM_DO(ADVISE));
	ck_u64_eq(x.could_bytes, M2);
	w.range_bytes = 0;
	ck_assert_uint_eq(vm_whynot_mapping(&w, &m), VM_WHY(NO_THP));
	const struct vm_whynot none = vm_whynot_whole(&w, &m, VM_WHY(NO_THP), M2);
	ck_assert_uint_eq(none.why, VM_WHY(NO_THP));
	ck_assert_uint_eq(none.now | none.later, 0);
}
END_TEST

START_TEST(edges)
{
	const struct vm_whynot_machine w = machine();
	struct vm_whynot_mapping m = mapping(VM_HUGE_B_ANON);
	m.end = m.start + M2 - 4096;
	struct vm_whynot x = vm_whynot_edges(&w, &m, 0, M2 - 4096);
	ck_assert_uint_eq(x.why, VM_WHY(SMALL));
	ck_assert_uint_eq(x.now | x.later, 0);
	/* Twice as long as a range, and one of them lies whole in it: aligned, both would. */
	m.start += M2 / 2;
	m.end = m.start + 2 * M2;
	m.asked = false;
	x = vm_whynot_edges(&w, &m, vm_whynot_mapping(&w, &m), M2);
	ck_assert_uint_eq(x.why, VM_WHY(EDGE));
	ck_assert_uint_eq(x.later, VM_DO(ALIGN) | VM_DO(ADVISE));
	ck_u64_eq(x.could_bytes, M2);
	/* What is resident is less than what would fit. */
	ck_u64_eq(vm_whynot_edges(&w, &m, 0, 8192).could_bytes, 8192);
	/* Three halves: aligning gains nothing. */
	m.end = m.start + 3 * M2 / 2;
	x = vm_whynot_edges(&w, &m, 0, M2 / 2);
	ck_assert_uint_eq(x.why, VM_WHY(EDGE));
	ck_assert_uint_eq(x.later, 0);
	ck_assert_uint_eq(vm_whynot_edges(&w, &m, 0, 0).why, 0);
	/* Smaller pages would fit, for what is touched later. */
	struct vm_whynot_machine small = machine();
	small.small_bytes = 65536;
	small.small = VM_HUGE_NEVER;
	m.asked = true;
	ck_assert_uint_eq(vm_whynot_edges(&small, &m, 0, 4096).later, VM_DO(SMALLER));
	small.small = VM_HUGE_MADVISE;
	ck_assert_uint_eq(vm_whynot_edges(&small, &m, 0, 4096).later, 0);
	m.asked = false;
	ck_assert_uint_eq(vm_whynot_edges(&small, &m, 0, 4096).later, VM_DO(ADVISE));
	m.stack = true;
	ck_assert_uint_eq(vm_whynot_edges(&small, &m, 0, 4096).later, 0);
	/* Of a file, the loader decides. */
	m.backing = VM_HUGE_B_FILE;
	m.end = m.start + 2 * M2;
	ck_assert_uint_eq(vm_whynot_edges(&w, &m, 0, M2).later, 0);
}
END_TEST

/* ---- Whole spaces ------------------------------------------------------------------------------------------------- */

/** Every range of a mapping, with so many pages each. */
static void fill(struct vm_huge_space *h, size_t m, unsigned present)
{
	const struct vm_mapping *v = &h->as->map[m];
	for (uint64_t at = v->start; at < v->end; at += M2) {
		bool no_memory;
		struct vm_huge_range *r = vm_huge_space_range(h, m, at, &no_memory);
		ck_assert_ptr_nonnull(r);
		r->present = r->anon = (uint16_t)present;
		ck_assert(vm_huge_space_add(h, m, VM_HUGE_ANON, VM_HUGE_SMALL, 0, present * UINT64_C(4096)));
	}
}

START_TEST(groups)
{
	struct vm_aspace *as = space_of("10000000-10400000 rw-p 00000000 00:00 0 [heap]\n"
					"20000000-20800000 rw-p 00000000 00:00 0 \n"
					"30000000-30001000 rw-p 00000000 00:00 0 \n");
	const struct vm_whynot_machine w = machine();
	struct vm_huge_space h;
	struct vm_why_space y;
	for (size_t i = 0; i < as->nmaps; i++)
		as->map[i].have_flags = true;
	ck_assert_int_eq(vm_huge_space_begin(&h, as, 4096, M2), 0);
	fill(&h, 0, FULL);
	fill(&h, 1, 100);
	ck_assert(vm_huge_space_add(&h, 2, VM_HUGE_ANON, VM_HUGE_SMALL, 0, 4096));
	h.map[2].edges = 4096;
	h.read = all_known;
	vm_huge_space_end(&h);
	ck_assert_int_eq(vm_why_space_make(&w, &h, false, &y), 0);
	/* Both have the same reason, and are one group of the space; the small one has its own. */
	ck_assert_uint_eq(y.of_space.n, 2);
	const struct vm_why_group *g = &y.of_space.v[0];
	ck_assert_uint_eq(g->why, VM_WHY(UNASKED));
	ck_assert_uint_eq(g->mappings, 2);
	ck_u64_eq(g->ranges, 2 + 4);
	ck_u64_eq(g->bytes, 2 * M2 + 4 * 100 * 4096);
	ck_u64_eq(g->could_bytes, g->bytes);
	ck_u64_eq(g->costs_bytes, 4 * 412 * 4096);
	ck_assert_uint_eq(g->present_min, 100);
	ck_assert_uint_eq(g->present_max, FULL);
	ck_assert_uint_eq(y.of_space.v[1].why, VM_WHY(SMALL));
	ck_u64_eq(y.could_bytes, g->bytes);
	ck_u64_eq(y.now_bytes, g->bytes);
	/* Of each mapping its own. */
	ck_assert_uint_eq(y.from[1] - y.from[0], 1);
	ck_u64_eq(y.of_mapping.v[y.from[1]].ranges, 4);
	ck_u64_eq(y.of_mapping.v[y.from[1]].start, 0x20000000);
	ck_u64_eq(y.of_mapping.v[y.from[1]].end, 0x20800000);
	vm_why_space_free(&y);
	vm_huge_space_free(&h);
	vm_aspace_free(as);
}
END_TEST

START_TEST(large_folios_of_a_device)
{
	struct vm_aspace *as = space_of("10000000-10400000 r--p 00000000 08:01 5 /a\n"
					"20000000-20200000 r--p 00000000 08:01 6 /b\n"
					"30000000-30200000 r--p 00000000 08:02 7 /c\n");
	const struct vm_whynot_machine w = machine();
	struct vm_huge_space h;
	struct vm_why_space y;
	ck_assert_int_eq(vm_huge_space_begin(&h, as, 4096, M2), 0);
	for (size_t i = 0; i < 3; i++)
		h.map[i].backing = VM_HUGE_B_FILE;
	/* One file of the first device has a larger folio: so might the other. */
	ck_assert(vm_huge_space_add(&h, 0, VM_HUGE_FILE, VM_HUGE_ALIGNED, 4, 65536));
	h.read = all_known;
	vm_huge_space_end(&h);
	ck_assert_int_eq(vm_why_space_make(&w, &h, false, &y), 0);
	ck_assert_uint_eq(y.large_folios[0], VM_TRI_YES);
	ck_assert_uint_eq(y.large_folios[1], VM_TRI_YES);
	ck_assert_uint_eq(y.large_folios[2], VM_TRI_UNKNOWN);
	vm_why_space_free(&y);
	vm_huge_space_free(&h);
	vm_aspace_free(as);
}
END_TEST

UNIT_MAIN("whynot", nothing_is_wrong, policies, unknown_flags_are_no_reason, the_whole_process, shared_memory, files,
	  limits_of_khugepaged, what_stops_everybody, read_only, split_pages, kernels_without, edges, groups, large_folios_of_a_device)
