/** What translation costs at growing footprints, and whether huge pages are what they seem. */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

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

enum { TIMED = 8192, ACCESSES = 4096, REPEATS = 3, TRIES = 6 };

/* ---- How much memory ---------------------------------------------------------------------------------------------- */

/** Room below the limits of our control group and those above it; version 2 only.  SIZE_MAX: none. */
static uint64_t group_room(struct vm_session *s)
{
	char path[1024];
	uint64_t room = UINT64_MAX, most, now;
	if (vm_session_slurp(s, &s->scratch, "proc/self/cgroup") <= 0)
		return room;
	const char *own = vm_parse_cgroup(s->scratch.s);
	if (!own || strlen(own) >= sizeof(path))
		return room;
	memcpy(path, own, strlen(own) + 1);
	for (;;) {
		if (vm_session_slurp(s, &s->scratch, "sys/fs/cgroup%s/memory.max", path) > 0) {
			s->scratch.s[strcspn(s->scratch.s, "\n")] = '\0';
			if (vm_parse_u64(s->scratch.s, &most) == 0 &&
			    vm_session_slurp(s, &s->scratch, "sys/fs/cgroup%s/memory.current", path) > 0) {
				s->scratch.s[strcspn(s->scratch.s, "\n")] = '\0';
				if (vm_parse_u64(s->scratch.s, &now) == 0 && (now > most ? 0 : most - now) < room)
					room = now > most ? 0 : most - now;
			}
		}
		char *slash = strrchr(path, '/');
		if (!slash || !*path)
			return room;
		*slash = '\0';
	}
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
	struct vm_tlb_order order;
	size_t page;
	uint64_t huge_before;      /* bytes that were in huge pages anyway */
};

static double chain(struct cost *c, const struct vm_tlb_area *a, size_t n)
{
	return n <= TIMED ? vm_tlb_chain_ns(c->w, a, &c->order, n, ACCESSES) : vm_tlb_chain_once_ns(c->w, a, &c->order, n, TIMED);
}

/** One line in each page, without what as many lines cost that lie together. */
static double translation_ns(struct cost *c, const struct vm_tlb_area *a, size_t bytes)
{
	const size_t n = bytes / c->page;
	double spread[TRIES], packed[TRIES];
	unsigned k = 0;
	for (unsigned i = 0; i < TRIES && k < REPEATS && !vm_tlb_watch_over(c->w, vm_clock_ns()); i++) {
		vm_tlb_order_spread(&c->order, n, c->page, &c->w->random);
		spread[k] = chain(c, a, n);
		vm_tlb_order_packed(&c->order, n, &c->w->random);
		packed[k] = chain(c, a, n);
		k += isfinite(spread[k]) && isfinite(packed[k]);
	}
	if (!k)
		return (double)NAN;
	const double added = vm_tlb_quantile(spread, k, 0.5) - vm_tlb_quantile(packed, k, 0.5);
	return added > 0 ? added : 0;
}

/** Costs with pages of one size, as far as memory and time go; where that was. */
static size_t measure_pages(struct cost *c, struct vm_tlb_area *a, size_t most, struct vm_tlb_known *k)
{
	const bool huge = a->memory == VM_TLB_HUGE;
	uint64_t last_ns = 0;
	size_t done = 0;
	for (size_t i = 0, bytes = BYTES_FIRST; bytes <= most && i < VM_TLB_COSTS_MAX; i++, bytes *= 2) {
		const uint64_t from = vm_clock_ns();
		const size_t populated = huge && bytes < HUGE ? HUGE : bytes;
		/* Twice the memory takes twice the time. */
		if (from + 2 * last_ns >= c->w->deadline_ns || vm_tlb_area_populate(a, populated) != 0)
			break;
		if (huge && huge_bytes(c->s) < c->huge_before + populated / 8 * 7)
			break;
		const double ns = translation_ns(c, a, bytes);
		if (!isfinite(ns))
			break;
		if (i == k->ncosts)
			k->cost[k->ncosts++] = (struct vm_tlb_cost){ .bytes = bytes, .ns_4k = (double)NAN, .ns_2m = (double)NAN };
		*(huge ? &k->cost[i].ns_2m : &k->cost[i].ns_4k) = ns;
		last_ns = vm_clock_ns() - from;
		done = bytes;
	}
	return done;
}

/* ---- The test for split pages ------------------------------------------------------------------------------------- */

/** A line in each of some base pages' worth of one huge page: real ones take one entry, split ones one for each. */
static double lines_ns(struct cost *c, struct vm_tlb_area *a, unsigned lines)
{
	double v[TRIES];
	unsigned k = 0;
	for (unsigned i = 0; i < TRIES; i++) {
		vm_tlb_order_spread(&c->order, HUGE / c->page, c->page, &c->w->random);
		v[k] = vm_tlb_chain_ns(c->w, a, &c->order, lines, ACCESSES);
		k += isfinite(v[k]);
	}
	return vm_tlb_quantile(v, k, 0.5);
}

static void test_split(struct cost *c, struct vm_tlb_area *a, struct vm_tlb_probe *p)
{
	const double entries = p->dtlb.at;
	const unsigned all = (unsigned)(HUGE / c->page);
	/* Of lines in a cache of 32 KiB no more than 512 have room; twice the entries miss nearly always. */
	p->few_lines = (unsigned)(entries / 2);
	p->many_lines = (unsigned)(2.1 * entries) < all * 7 / 8 ? (unsigned)(2.1 * entries) : all * 7 / 8;
	if (!p->few_lines || p->many_lines < entries * 1.5) {
		snprintf(p->no_huge, sizeof(p->no_huge), "the L1 dTLB isn't known, or has room for the parts of a huge page");
		return;
	}
	p->few_lines_ns = lines_ns(c, a, p->few_lines);
	p->many_lines_ns = lines_ns(c, a, p->many_lines);
	p->known.huge_pages_split = vm_tlb_split_of(p->few_lines_ns, p->many_lines_ns, p->known.hit_ns, p->known.stlb_hit_ns);
	if (p->known.huge_pages_split == VM_TLB_SPLIT_UNKNOWN)
		snprintf(p->no_huge, sizeof(p->no_huge), "times of a huge page are between those of split and of whole ones");
}

static void measure_huge(struct cost *c, size_t most, struct vm_tlb_probe *p)
{
	struct vm_tlb_area a;
	if (most < HUGE || vm_tlb_area_open(&a, VM_TLB_HUGE, most) != 0) {
		snprintf(p->no_huge, sizeof(p->no_huge), "there is too little memory for huge pages");
		return;
	}
	c->huge_before = huge_bytes(c->s);
	if (vm_tlb_area_populate(&a, HUGE) != 0 || huge_bytes(c->s) < c->huge_before + HUGE) {
		say_no_huge(c->s, p->no_huge);
	} else {
		test_split(c, &a, p);
		measure_pages(c, &a, most, &p->known);
	}
	vm_tlb_area_close(&a);
}

void vm_tlb_measure_costs(struct vm_session *s, struct vm_tlb_watch *w, size_t most_bytes, struct vm_tlb_probe *p)
{
	struct cost c = { .s = s, .w = w, .page = (size_t)sysconf(_SC_PAGESIZE) };
	struct vm_tlb_area a;
	size_t done = 0;
	char text[VM_NUMBUF];
	p->few_lines_ns = p->many_lines_ns = (double)NAN;
	if (vm_tlb_order_open(&c.order, most_bytes / c.page + HUGE / c.page) != 0) {
		snprintf(p->no_more, sizeof(p->no_more), "out of memory");
		return;
	}
	if (vm_tlb_area_open(&a, VM_TLB_SMALL, most_bytes) == 0) {
		done = measure_pages(&c, &a, most_bytes, &p->known);
		vm_tlb_area_close(&a);
	}
	if (done < most_bytes)
		snprintf(p->no_more, sizeof(p->no_more), "beyond %s it would have taken too long", vm_format_size(done, text));
	measure_huge(&c, most_bytes, p);
	vm_tlb_order_close(&c.order);
}
