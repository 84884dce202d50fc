/**
 * A target of vmtlb --hot: touches pages, and says how long that took.
 *
 *     touches random|in-order MIB TOUCHES [huge]
 *
 * Prints a line when its memory is there, waits for one on standard input, and prints the CPU time of the touches in
 * nanoseconds.  In order it reads 64 bytes of each line of a page, and a page is 64 touches.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { PAGE = 4096, LINE = 64, HUGE = 2 << 20 };

static uint64_t cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void at_random(const volatile char *p, uint64_t bytes, uint64_t n)
{
	const uint64_t pages = bytes / PAGE;
	uint64_t x = 88172645463325252u;
	while (n--) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		(void)p[x % pages * PAGE + (x >> 50) % (PAGE / LINE) * LINE];
	}
}

static void in_order(const volatile char *p, uint64_t bytes, uint64_t n)
{
	for (uint64_t at = 0; n--; at = at + LINE < bytes ? at + LINE : 0)
		(void)p[at];
}

int main(int argc, char **argv)
{
	const uint64_t bytes = argc > 3 ? strtoull(argv[2], NULL, 10) << 20 : 0, n = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
	char *p = bytes ? mmap(NULL, bytes + HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;
	if (p == MAP_FAILED || !n) {
		fprintf(stderr, "usage: touches random|in-order MIB TOUCHES [huge]\n");
		return 2;
	}
	p += HUGE - (uintptr_t)p % HUGE;
	madvise(p, bytes, argc > 4 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	memset(p, 1, bytes);
	puts("ready");
	fflush(stdout);
	if (getchar() == EOF)
		return 1;
	const uint64_t began = cpu_ns();
	(strcmp(argv[1], "random") == 0 ? at_random : in_order)(p, bytes, n);
	printf("%llu\n", (unsigned long long)(cpu_ns() - began));
	return 0;
}
