/** Chains of loads, of which each address depends on the load before. */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/source/tlbprobe_part.h"

enum { LINE = 64, LINES = 64, ALIASED = 64 };   /* ALIASED: pages of memory behind an aliased area */

#define HUGE ((size_t)2 << 20)

/* ---- Memory ------------------------------------------------------------------------------------------------------- */

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

int vm_tlb_area_open(struct vm_tlb_area *a, enum vm_tlb_memory memory, size_t bytes)
{
	*a = (struct vm_tlb_area){ .memory = memory, .bytes = bytes, .fd = -1, .map_bytes = bytes + HUGE };
	if (memory == VM_TLB_ALIAS) {
		a->fd = memfd_create("vmtlb", MFD_CLOEXEC);
		if (a->fd < 0 || ftruncate(a->fd, (off_t)(ALIASED * page_bytes())) != 0)
			goto failed;
	}
	a->map = mmap(NULL, a->map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (a->map == MAP_FAILED)
		goto failed;
	a->base = (char *)(((uintptr_t)a->map + HUGE - 1) & ~(HUGE - 1));
	/* Kernels without huge pages refuse, and there it is as it should be. */
	if (memory != VM_TLB_ALIAS)
		madvise(a->base, bytes, memory == VM_TLB_HUGE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	return 0;
failed:;
	const int why = errno;
	a->map = NULL;
	vm_tlb_area_close(a);
	return -why;
}

void vm_tlb_area_close(struct vm_tlb_area *a)
{
	if (a->map)
		munmap(a->map, a->map_bytes);
	if (a->fd >= 0)
		close(a->fd);
	*a = (struct vm_tlb_area){ .fd = -1 };
}

/** The same pages once more, in one mapping for all of them. */
static int alias(struct vm_tlb_area *a, size_t bytes)
{
	const size_t block = ALIASED * page_bytes();
	for (; a->populated < bytes; a->populated += block)
		if (mmap(a->base + a->populated, block, PROT_READ, MAP_SHARED | MAP_FIXED | MAP_POPULATE, a->fd, 0) == MAP_FAILED)
			return -errno;
	return 0;
}

int vm_tlb_area_populate(struct vm_tlb_area *a, size_t bytes, uint64_t until_ns)
{
	const size_t page = page_bytes();
	if (bytes > a->bytes)
		return -EINVAL;
	if (a->memory == VM_TLB_ALIAS)
		return alias(a, bytes);
	/* Written to: pages that were only read would all be the one page of zeros. */
	for (; a->populated < bytes; a->populated += page) {
		if (a->populated % HUGE == 0 && vm_clock_ns() >= until_ns)
			return -ETIME;
		*(volatile char *)(a->base + a->populated) = 0;
	}
	return 0;
}

void vm_tlb_area_split(struct vm_tlb_area *a)
{
	/* Nothing is to become huge again. */
	madvise(a->base, a->bytes, MADV_NOHUGEPAGE);
	for (size_t at = 0; at < a->populated; at += HUGE) {
		/* Protecting a part of a huge page makes the kernel map its parts (change_pmd_range() in mm/mprotect.c). */
		mprotect(a->base + at, page_bytes(), PROT_READ);
		mprotect(a->base + at, page_bytes(), PROT_READ | PROT_WRITE);
	}
}

/* ---- Orders ------------------------------------------------------------------------------------------------------- */

int vm_tlb_order_open(struct vm_tlb_order *o, size_t most)
{
	o->most = most;
	o->bytes = (most * sizeof(*o->at) + HUGE - 1) & ~(HUGE - 1);
	void *at = aligned_alloc(HUGE, o->bytes);
	if (!at)
		return -ENOMEM;
	o->at = at;
	madvise(o->at, o->bytes, MADV_HUGEPAGE);
	return 0;
}

void vm_tlb_order_close(struct vm_tlb_order *o)
{
	free(o->at);
	o->at = NULL;
}

/** Fisher and Yates. */
static void shuffle(uint32_t *v, size_t n, uint64_t *random)
{
	for (size_t i = n; i > 1; i--) {
		const uint32_t k = vm_tlb_random(random, (uint32_t)i), x = v[k];
		v[k] = v[i - 1];
		v[i - 1] = x;
	}
}

void vm_tlb_order_spread(struct vm_tlb_order *o, size_t pages, size_t page, uint64_t *random)
{
	for (size_t i = 0; i < pages; i++)
		o->at[i] = (uint32_t)(i * page + i % LINES * LINE);
	shuffle(o->at, pages, random);
}

void vm_tlb_order_pack(struct vm_tlb_order *o, size_t n, size_t page)
{
	for (size_t i = 0; i < n; i++)
		o->at[i] = (uint32_t)(o->at[i] / page * LINE);
}

/* ---- Timing ------------------------------------------------------------------------------------------------------- */

/** Sanitizers' own memory would take part in what is measured. */
#define BARE __attribute__((noinline, no_sanitize("address", "undefined")))

/** `passes` times through the chain.  The memory holds zeros, which nobody but us knows. */
BARE static uint64_t follow(const char *base, const uint32_t *at, size_t n, size_t passes)
{
	uint64_t x = 0;
	while (passes--)
		for (size_t i = 0; i < n; i++)
			x = *(const volatile uint64_t *)(base + at[i] + x);
	return x;
}

/** `zero` is what the warm-up loaded: the first load waits for that, too. */
static double time_it(struct vm_tlb_watch *w, const char *base, const uint32_t *at, size_t n, size_t passes, uint64_t zero,
		      const struct rusage *before)
{
	struct rusage after;
	const uint64_t from = vm_clock_ns();
	zero += follow(base + zero, at, n, passes);
	const uint64_t took = vm_clock_ns() - from + zero;
	getrusage(RUSAGE_THREAD, &after);
	w->samples++;
	if (after.ru_nivcsw != before->ru_nivcsw || took <= w->clock_ns) {
		w->interrupted++;
		return (double)NAN;
	}
	return (double)(took - w->clock_ns) / (double)(n * passes);
}

double vm_tlb_chain_ns(struct vm_tlb_watch *w, const struct vm_tlb_area *a, const struct vm_tlb_order *o, size_t n,
		       size_t accesses)
{
	struct rusage before;
	getrusage(RUSAGE_THREAD, &before);
	const uint64_t zero = follow(a->base, o->at, n, 1);
	return time_it(w, a->base, o->at, n, (accesses + n - 1) / n, zero, &before);
}

double vm_tlb_chain_once_ns(struct vm_tlb_watch *w, const struct vm_tlb_area *a, const struct vm_tlb_order *o, size_t from,
			    size_t n)
{
	struct rusage before;
	getrusage(RUSAGE_THREAD, &before);
	return time_it(w, a->base, o->at + from, n, 1, 0, &before);
}

BARE void vm_tlb_chain_touch(const struct vm_tlb_area *a, const struct vm_tlb_order *o, size_t n)
{
	/* These loads don't wait for each other. */
	for (size_t i = 0; i < n; i++)
		(void)*(const volatile uint64_t *)(a->base + o->at[i]);
}
