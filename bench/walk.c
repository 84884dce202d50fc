/**
 * The page-table walk alone, again and again in one process, as pagereaders.c reads pagemap: counts a process's pages.
 *
 *     walk PID TIMES
 *
 * Prints how many are present and, of TIMES passes, the shortest and the median time.  Linked with the core.
 */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/source/pages.h"
#include "core/source/session.h"

enum { MOST = 1000 };

static int count(void *ctx, const struct vm_page_run *of, uint64_t pages)
{
	if (of->state & VM_PG(PRESENT))
		*(uint64_t *)ctx += pages;
	return 0;
}

static int take(void *ctx, const struct vm_page_run *run, size_t n)
{
	for (size_t i = 0; i < n; i++)
		count(ctx, &run[i], (run[i].end - run[i].start) / 4096);
	return 0;
}

static int compare(const void *pa, const void *pb)
{
	const uint64_t *a = pa, *b = pb;
	return (*a > *b) - (*a < *b);
}

int main(int argc, char **argv)
{
	static uint64_t took[MOST];
	struct vm_session *s;
	struct vm_err err = { 0 };
	int times = argc == 3 ? atoi(argv[2]) : 0;
	if (times < 1 || times > MOST) {
		fprintf(stderr, "usage: walk PID TIMES\n");
		return 2;
	}
	uint64_t present = 0;
	int r = vm_session_open("/", &s, &err);
	/* The first pass loads the program. */
	for (int i = -1; r == 0 && i < times; i++) {
		const struct vm_pages_query q = {
			.want = ((UINT32_C(1) << VM_PG_BIT_NR) - 1) & ~VM_PG(WRITTEN), .count = count, .via = VM_VIA_TABLES,
		};
		struct vm_pages_info info;
		present = 0;
		uint64_t from = vm_clock_ns();
		r = vm_pages_scan(s, atoi(argv[1]), &q, take, &present, &info, &err);
		if (i >= 0)
			took[i] = vm_clock_ns() - from;
	}
	if (r != 0) {
		fprintf(stderr, "walk: %s\n", err.what);
		return 1;
	}
	qsort(took, (size_t)times, sizeof(took[0]), compare);
	printf("present %llu\nbest_ns %llu\nmedian_ns %llu\n", (unsigned long long)present, (unsigned long long)took[0],
	       (unsigned long long)took[times / 2]);
	vm_session_close(s);
	return 0;
}
