/** What translation costs at growing footprints, and whether huge pages are what they seem. */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/model/process.h"
#include "core/model/system.h"
#include "core/source/procparse.h"
#include "core/source/session.h"
#include "core/source/source.h"
#include "core/source/tlbprobe_part.h"

#define MIB ((size_t)1 << 20)
#define HUGE (2 * MIB)

/** A server in trouble needs its memory itself. */
enum { SHARE = 16, PRESSED = 32, CALM_PERCENT = 1 };
static const size_t BYTES_FIRST = MIB / 4, BYTES_MOST = 512 * MIB;

/** Accesses of a sample; of small footprints as many passes as that takes. */
enum { ACCESSES = 4096, SAMPLES = 4, ROUNDS_LEAST = 2, ROUNDS = 4, ALL = SAMPLES * ROUNDS };

/** Time that is left for base pages at least. */
#define LEFT_NS UINT64_C(120000000)

/** How much times may scatter although nothing is added. */
static const double NOISE_NS = 1;

/* ---- How much memory ---------------------------------------------------------------------------------------------- */

static bool read_number(struct vm_session *s, const char *mount, const char *group, const char *file, uint64_t *to)
{
	if (vm_session_slurp(s, &s->scratch, "sys/fs/cgroup%s%s/%s", mount, group, file) <= 0)
		return false;
	s->scratch.s[strcspn(s->scratch.s, "\n")] = '\0';
	return vm_parse_u64(s->scratch.s, to) == 0;
}

static uint64_t room_of(struct vm_session *s, const char *group)
{
	static const struct { const char *mount, *most, *now; } version[] = {
		{ "", "memory.max", "memory.current" }, { "/memory", "memory.limit_in_bytes", "memory.usage_in_bytes" },
	};
	uint64_t most, now;
	for (size_t i = 0; i < vm_countof(version); i++)
		if (read_number(s, version[i].mount, group, version[i].most, &most) &&
		    read_number(s, version[i].mount, group, version[i].now, &now))
			return now < most ? most - now : 0;
	return UINT64_MAX;
}

/** Room below the limits of our control group and of those above it. */
static uint64_t group_room(struct vm_session *s)
{
	char path[1024];
	uint64_t room = UINT64_MAX;
	if (vm_session_slurp(s, &s->scratch, "proc/self/cgroup") <= 0)
		return room;
	const char *own = vm_parse_cgroup(s->scratch.s);
	if (!own || strlen(own) >= sizeof(path))
		return room;
	memcpy(path, own, strlen(own) + 1);
	for (char *end = path + strlen(path); end; end = strrchr(path, '/')) {
		*end = '\0';
		const uint64_t here = room_of(s, path);
		room = here < room ? here : room;
	}
	return room;
}

size_t vm_tlb_memory_limit(struct vm_session *s, char why[VM_TLB_REASON])
{
	struct vm_system sys;
	char text[VM_NUMBUF];
	why[0] = '\0';
	if (vm_system_read(s, &sys, NULL) != 0 || !vm_system_has(&sys, VM_S_MEM_AVAILABLE)) {
		snprintf(why, VM_TLB_REASON, "how much memory is available isn't known");
		return PRESSED * MIB;
	}
	const uint64_t available = sys.q[VM_S_MEM_AVAILABLE], room = group_room(s);
	const uint64_t least = room < available ? room : available;
	size_t most = BYTES_MOST;
	while (most > least / SHARE && most > BYTES_FIRST)
		most /= 2;
	if (most < BYTES_MOST)
		snprintf(why, VM_TLB_REASON, "only %s of memory are available%s, and no more than a %uth is taken",
			 vm_format_size(least, text), room < available ? " to this control group" : "", (unsigned)SHARE);
	if (sys.psi_some10 > CALM_PERCENT && most > PRESSED * MIB) {
		most = PRESSED * MIB;
		snprintf(why, VM_TLB_REASON, "programs wait for memory here %.0f %% of the time", sys.psi_some10);
	}
	return most;
}

/* ---- Huge pages --------------------------------------------------------------------------------------------------- */

/** Bytes of ours in huge pages; 0 if that can't be told. */
static uint64_t huge_bytes(struct vm_session *s)
{
	struct vm_proc p;
	vm_proc_init(&p, getpid());
	if (vm_session_slurp(s, &s->scratch, "proc/self/smaps_rollup") <= 0 || !vm_parse_rollup(s->scratch.s, &p) ||
	    !vm_proc_has(&p, VM_P_THP))
		return 0;
	return p.q[VM_P_THP];
}

static void say_no_huge(struct vm_session *s, char why[VM_TLB_REASON])
{
	const bool readable = vm_session_slurp(s, &s->scratch, "sys/kernel/mm/transparent_hugepage/enabled") > 0;
	if (!readable)
		snprintf(why, VM_TLB_REASON, "the kernel has no transparent huge pages");
	else if (strstr(s->scratch.s, "[never]"))
		snprintf(why, VM_TLB_REASON, "the policy of transparent huge pages is 'never'");
	else if (prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1)
		snprintf(why, VM_TLB_REASON, "transparent huge pages are disabled for this process (prctl)");
	else
		snprintf(why, VM_TLB_REASON, "the kernel gave no huge pages: memory is fragmented, or limited");
}

/* ---- Costs -------------------------------------------------------------------------------------------------------- */

struct cost {
	struct vm_session *s;
	struct vm_tlb_watch *w;
	struct vm_tlb_probe *p;
	struct vm_tlb_order order;
	struct vm_tlb_area area;
	size_t page, most;
	uint64_t huge_before;      /* bytes of ours that were in huge pages anyway */
};

/** Samples of a chain through n places; how many of them were not disturbed. */
static unsigned sample(struct cost *c, size_t n, double *to)
{
	unsigned k = 0;
	if (n <= SAMPLES * ACCESSES) {
		for (unsigned i = 0; i < SAMPLES; i++) {
			to[k] = vm_tlb_chain_ns(c->w, &c->area, &c->order, n, ACCESSES);
			k += isfinite(to[k]);
		}
		return k;
	}
	vm_tlb_chain_touch(&c->area, &c->order, n);
	for (unsigned i = 0; i < SAMPLES; i++) {
		to[k] = vm_tlb_chain_once_ns(c->w, &c->area, &c->order, i * ACCESSES, ACCESSES);
		k += isfinite(to[k]);
	}
	return k;
}

/** The times of a chain: a quarter of them is below `low`, half of them within `range`. */
struct times {
	double v[ALL];
	unsigned n;
	double low, range;
};

static void add_samples(struct cost *c, size_t n, struct times *t)
{
	t->n += sample(c, n, t->v + t->n);
	t->low = vm_tlb_quantile(t->v, t->n, 0.25);
	t->range = vm_tlb_quantile(t->v, t->n, 0.75) - t->low;
}

/**
 * One line in each page, without what as many lines cost that lie together.  What disturbs makes it take longer, so that a
 * quarter of the samples are below what is taken.  NAN: they scatter by more than that, or all were disturbed.
 */
static double translation_ns(struct cost *c, size_t bytes)
{
	const size_t n = bytes / c->page;
	struct times spread = { .n = 0 }, packed = { .n = 0 };
	for (unsigned i = 0; i < ROUNDS && (!i || !vm_tlb_watch_over(c->w, vm_clock_ns())); i++) {
		vm_tlb_order_spread(&c->order, n, c->page, &c->w->random);
		add_samples(c, n, &spread);
		vm_tlb_order_pack(&c->order, n, c->page);
		add_samples(c, n, &packed);
		const double added = spread.low - packed.low;
		if (i + 1 >= ROUNDS_LEAST && spread.range + packed.range <= fmax(added, NOISE_NS))
			return fmax(added, 0);
	}
	return (double)NAN;
}

static bool all_huge(struct cost *c)
{
	return huge_bytes(c->s) >= c->huge_before + c->area.populated / 8 * 7;
}

/** Costs of one size of pages, as far as memory, huge pages and time go. */
static void measure_pages(struct cost *c, bool huge)
{
	struct vm_tlb_known *k = &c->p->known;
	uint64_t last_ns = 0;
	for (size_t i = 0, bytes = BYTES_FIRST; bytes <= c->most && i < VM_TLB_COSTS_MAX; i++, bytes *= 2) {
		const uint64_t from = vm_clock_ns();
		/* Twice the memory takes twice the time. */
		if (from + 2 * last_ns >= c->w->deadline_ns ||
		    vm_tlb_area_populate(&c->area, bytes < HUGE ? HUGE : bytes, c->w->deadline_ns) != 0 || (huge && !all_huge(c)))
			return;
		const double ns = translation_ns(c, bytes);
		if (i == k->ncosts)
			k->cost[k->ncosts++] = (struct vm_tlb_cost){ .bytes = bytes, .ns_4k = (double)NAN, .ns_2m = (double)NAN };
		*(huge ? &k->cost[i].ns_2m : &k->cost[i].ns_4k) = ns;
		last_ns = vm_clock_ns() - from;
	}
}

/* ---- The test for split pages ------------------------------------------------------------------------------------- */

/** A line in each of some base pages' worth of one huge page: real ones take one entry, split ones one for each. */
static double lines_ns(struct cost *c, unsigned lines)
{
	double v[ALL];
	unsigned k = 0;
	for (unsigned i = 0; i < ALL; i++) {
		vm_tlb_order_spread(&c->order, HUGE / c->page, c->page, &c->w->random);
		v[k] = vm_tlb_chain_ns(c->w, &c->area, &c->order, lines, ACCESSES);
		k += isfinite(v[k]);
	}
	return vm_tlb_quantile(v, k, 0.5);
}

static void test_split(struct cost *c)
{
	struct vm_tlb_probe *p = c->p;
	const double entries = p->dtlb.at;
	const unsigned all = (unsigned)(HUGE / c->page);
	/* Of lines in a cache of 32 KiB no more than 512 have room; with twice the entries nearly all miss. */
	p->few_lines = (unsigned)(entries / 2);
	p->many_lines = (unsigned)(2.1 * entries) < all * 7 / 8 ? (unsigned)(2.1 * entries) : all * 7 / 8;
	if (!p->few_lines || p->many_lines < entries * 1.5) {
		snprintf(p->no_huge, sizeof(p->no_huge), "the L1 dTLB isn't known, or has room for all parts of a huge page");
		return;
	}
	p->few_lines_ns = lines_ns(c, p->few_lines);
	p->many_lines_ns = lines_ns(c, p->many_lines);
	p->known.huge_pages_split = vm_tlb_split_of(p->few_lines_ns, p->many_lines_ns, p->known.hit_ns, p->known.stlb_hit_ns);
	if (p->known.huge_pages_split == VM_TLB_SPLIT_UNKNOWN)
		snprintf(p->no_huge, sizeof(p->no_huge), "times of a huge page are between those of split and of whole ones");
}

/* ---- All ---------------------------------------------------------------------------------------------------------- */

static void measure_huge(struct cost *c)
{
	c->huge_before = huge_bytes(c->s);
	if (c->most < HUGE)
		snprintf(c->p->no_huge, sizeof(c->p->no_huge), "there is too little memory for huge pages");
	else if (vm_tlb_area_populate(&c->area, HUGE, UINT64_MAX) != 0 || !all_huge(c))
		say_no_huge(c->s, c->p->no_huge);
	else {
		test_split(c);
		measure_pages(c, true);
	}
}

/** Small pages come from the same memory: what differs then is nothing but the page tables. */
static void measure_small(struct cost *c)
{
	vm_tlb_area_split(&c->area);
	/* It didn't work: begin again. */
	if (huge_bytes(c->s) > c->huge_before + c->area.populated / 8) {
		vm_tlb_area_close(&c->area);
		if (vm_tlb_area_open(&c->area, VM_TLB_SMALL, c->most) != 0)
			return;
	}
	measure_pages(c, false);
}

/** Footprints at the end of which nothing is known. */
static void drop_unknown(struct vm_tlb_known *k)
{
	while (k->ncosts && !isfinite(k->cost[k->ncosts - 1].ns_4k) && !isfinite(k->cost[k->ncosts - 1].ns_2m))
		k->ncosts--;
}

static void say_where_it_ended(struct vm_tlb_probe *p, size_t most)
{
	char text[VM_NUMBUF];
	const struct vm_tlb_known *k = &p->known;
	uint64_t small = 0, huge = 0;
	for (size_t i = 0; i < k->ncosts; i++) {
		small = isfinite(k->cost[i].ns_4k) ? k->cost[i].bytes : small;
		huge = isfinite(k->cost[i].ns_2m) ? k->cost[i].bytes : huge;
	}
	if (!k->ncosts)
		snprintf(p->no_more, sizeof(p->no_more), "no memory was to be had");
	else if (small < most && !*p->no_more)
		snprintf(p->no_more, sizeof(p->no_more), "for more than %s there was no time left, or times scattered too much",
			 vm_format_size(small, text));
	else if (huge < small && !*p->no_huge && !*p->no_more)
		snprintf(p->no_more, sizeof(p->no_more), "for more than %s in huge pages there was no memory or no time left, "
			 "or times scattered too much", vm_format_size(huge, text));
}

void vm_tlb_measure_costs(struct vm_session *s, struct vm_tlb_watch *w, size_t most, uint64_t huge_until_ns,
			  struct vm_tlb_probe *p)
{
	struct cost c = { .s = s, .w = w, .p = p, .most = most, .page = (size_t)sysconf(_SC_PAGESIZE) };
	const uint64_t until_ns = w->deadline_ns;
	p->few_lines_ns = p->many_lines_ns = (double)NAN;
	/* Addresses may be limited as well (RLIMIT_AS). */
	while (vm_tlb_area_open(&c.area, VM_TLB_HUGE, c.most) != 0 && c.most > BYTES_FIRST)
		c.most /= 2;
	if (c.area.base && vm_tlb_order_open(&c.order, c.most / c.page + HUGE / c.page) == 0) {
		w->deadline_ns = huge_until_ns;
		measure_huge(&c);
		/* However long that took: small pages are those that most programs have. */
		w->deadline_ns = vm_clock_ns() + LEFT_NS > until_ns ? vm_clock_ns() + LEFT_NS : until_ns;
		measure_small(&c);
	} else {
		snprintf(p->no_huge, sizeof(p->no_huge), "there is no memory for them");
	}
	vm_tlb_area_close(&c.area);
	vm_tlb_order_close(&c.order);
	drop_unknown(&p->known);
	say_where_it_ended(p, most);
}
