/**
 * Chains of jumps from page to page, for the TLB of instructions.
 *
 * All chains are made at once, in the same pages: each has a line of its own in each page, so that nothing is written any
 * more once the pages may be executed.
 */

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/model/tlbfit.h"
#include "core/source/tlbprobe_part.h"

#if defined(__x86_64__) || defined(__aarch64__)

/** LINES chains at most.  More lines than PAGES_MOST don't fit into the L1 cache of most CPUs. */
enum { LINE = 64, LINES = 64, PAGES_MOST = 768, JUMPS = 4096 };
#define BYTES_MOST ((size_t)16 << 20)

/** Points from 8 pages on, each so much further. */
static const double STEP = 1.15;

typedef void chain_fn(unsigned long passes);

#ifdef __x86_64__
static char *put_jump(char *at, const char *to)
{
	const int32_t off = (int32_t)(to - (at + 5));
	*at = (char)0xe9;                               /* jmp to */
	memcpy(at + 1, &off, sizeof(off));
	return at + 5;
}

static void put_end(char *at, const char *first)
{
	static const char dec[] = { (char)0xff, (char)0xcf, 0x74, 5 };   /* dec %edi; jz behind the jump */
	memcpy(at, dec, sizeof(dec));
	*put_jump(at + sizeof(dec), first) = (char)0xc3;   /* ret */
}
#else
static void put_word(char *at, uint32_t word)
{
	memcpy(at, &word, sizeof(word));
}

static char *put_jump(char *at, const char *to)
{
	put_word(at, 0x14000000u | ((uint32_t)((to - at) / 4) & 0x3ffffffu));   /* b to */
	return at + 4;
}

static void put_end(char *at, const char *first)
{
	put_word(at, 0x71000400u);                      /* subs w0, w0, #1 */
	put_word(at + 4, 0x54000040u);                  /* b.eq behind the jump */
	put_word(put_jump(at + 8, first), 0xd65f03c0u);    /* ret */
}
#endif

struct code {
	char *base;
	size_t page, bytes;
	chain_fn *enter[LINES];
};

static char *line_of(const struct code *c, unsigned page, unsigned chain)
{
	return c->base + page * c->page + (page + chain) % LINES * LINE;
}

static void put_chain(struct code *c, unsigned chain, unsigned pages, uint64_t *random)
{
	uint16_t order[PAGES_MOST];
	for (unsigned i = 0; i < pages; i++)
		order[i] = (uint16_t)i;
	for (unsigned i = pages; i > 1; i--) {
		const uint32_t k = vm_tlb_random(random, i);
		const uint16_t x = order[k];
		order[k] = order[i - 1];
		order[i - 1] = x;
	}
	char *first = line_of(c, order[0], chain);
	for (unsigned i = 0; i + 1 < pages; i++)
		put_jump(line_of(c, order[i], chain), line_of(c, order[i + 1], chain));
	put_end(line_of(c, order[pages - 1], chain), first);
	memcpy(&c->enter[chain], &first, sizeof(first));
}

/** Sanitizers of calls look for what compilers put before functions. */
__attribute__((no_sanitize("undefined")))
static double measure(struct vm_tlb_watch *w, chain_fn *enter, unsigned pages)
{
	struct rusage before, after;
	const unsigned long passes = JUMPS / pages + 1;
	getrusage(RUSAGE_THREAD, &before);
	enter(2);
	const uint64_t from = vm_clock_ns();
	enter(passes);
	const uint64_t took = vm_clock_ns() - from;
	getrusage(RUSAGE_THREAD, &after);
	w->samples++;
	if (after.ru_nivcsw != before.ru_nivcsw || took <= w->clock_ns) {
		w->interrupted++;
		return (double)NAN;
	}
	return (double)(took - w->clock_ns) / (double)(passes * pages);
}

static size_t plan(struct vm_tlb_set *set, size_t page)
{
	const unsigned most = BYTES_MOST / page < PAGES_MOST ? (unsigned)(BYTES_MOST / page) : PAGES_MOST;
	for (double at = 8; (unsigned)at <= most && set->n < LINES; at *= STEP)
		set->v[set->n++] = (struct vm_tlb_series){ .pages = (unsigned)at };
	return set->n ? set->v[set->n - 1].pages * page : 0;
}

int vm_tlb_code_measure(struct vm_tlb_watch *w, struct vm_tlb_set *out, unsigned repeats)
{
	struct code c = { .page = (size_t)sysconf(_SC_PAGESIZE) };
	out->n = 0;
	c.bytes = plan(out, c.page);
	c.base = mmap(NULL, c.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (c.base == MAP_FAILED)
		return -errno;
	madvise(c.base, c.bytes, MADV_NOHUGEPAGE);
	for (unsigned i = 0; i < out->n; i++)
		put_chain(&c, i, out->v[i].pages, &w->random);
	__builtin___clear_cache(c.base, c.base + c.bytes);
	const int r = mprotect(c.base, c.bytes, PROT_READ | PROT_EXEC) == 0 ? 0 : -errno;
	for (unsigned k = 0; r == 0 && k < repeats && !vm_tlb_watch_over(w, vm_clock_ns()); k++)
		for (size_t i = 0; i < out->n; i++)
			out->v[i].ns[out->v[i].n++] = measure(w, c.enter[i], out->v[i].pages);
	munmap(c.base, c.bytes);
	return r;
}

#else

int vm_tlb_code_measure(struct vm_tlb_watch *w, struct vm_tlb_set *out, unsigned repeats)
{
	(void)w, (void)repeats;
	out->n = 0;
	return -EOPNOTSUPP;
}

#endif
