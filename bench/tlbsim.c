/**
 * The simulator of vmtlb --model alone: accesses at random to so many pages, through one set of TLBs.
 *
 *	cc -O2 -Isrc -o tlbsim bench/tlbsim.c; tlbsim PAGES ACCESSES
 *
 * Prints millions of accesses a second of CPU time, and the shares that missed and that walked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/analysis/tlbsim.h"

enum { CHUNK = 1 << 20, BASE_PAGE = 0x4c00 };

static const struct vm_tlb_geometry geometry = {
	.l1d = { { .sets = 16, .ways = 6 }, { .sets = 8, .ways = 4 }, { .sets = 1, .ways = 8 } },
	.l1i = { { .sets = 32, .ways = 8 }, { .sets = 4, .ways = 8 } }, .stlb = { .sets = 128, .ways = 16, .hashed = true },
	.pmd_cache = 32, .pud_cache = 8, .pgd_cache = 4,
};

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
	struct vm_tlbsim tlb;
	struct vm_tlbwalk walker;
	if (argc != 3)
		return 2;
	const uint64_t pages = strtoull(argv[1], NULL, 10), accesses = strtoull(argv[2], NULL, 10);
	uint64_t *addr = malloc(CHUNK * sizeof(*addr)), *memory = calloc(vm_tlbsim_words(&geometry), sizeof(*memory));
	uint64_t *more = calloc(vm_tlbwalk_words(&geometry), sizeof(*more));
	uint64_t x = UINT64_C(88172645463325252), done = 0, missed = 0, walked = 0;
	if (!addr || !memory || !more || !pages || !accesses)
		return 1;
	for (int i = 0; i < CHUNK; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		addr[i] = (BASE_PAGE + (x >> 11) % pages) << 12;
	}
	vm_tlbsim_init(&tlb, &geometry, false, memory);
	vm_tlbwalk_init(&walker, &geometry, more);
	const double began = seconds();
	for (; done < accesses; done++) {
		const uint64_t a = addr[done % CHUNK];
		const enum vm_tlbsim_where at = vm_tlbsim_access(&tlb, false, a, VM_TLB_4K);
		missed += at != VM_TLBSIM_L1;
		if (at == VM_TLBSIM_WALK)
			walked += vm_tlbwalk(&walker, a, VM_TLB_4K).refs > 0;
	}
	const double took = seconds() - began;
	printf("%.1f %.5f %.5f\n", (double)done / took / 1e6, (double)missed / (double)done, (double)walked / (double)done);
	return 0;
}
