/**
 * A target that is looked at: touches 4 GiB of 4K pages, says so, waits for a line, then prints how long an mmap(2)
 * with its munmap(2) took it in the mean, in ns, over two seconds.  Stays on the first CPU that it may use.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096 };
#define TOUCHED (UINT64_C(4) << 30)
#define TWO_SECONDS UINT64_C(2000000000)

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void stay_on_one_cpu(void)
{
	cpu_set_t all, one;
	CPU_ZERO(&one);
	sched_getaffinity(0, sizeof(all), &all);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &all)) {
			CPU_SET(cpu, &one);
			sched_setaffinity(0, sizeof(one), &one);
			return;
		}
	}
}

int main(void)
{
	char line[16];
	char *memory = mmap(NULL, TOUCHED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED || madvise(memory, TOUCHED, MADV_NOHUGEPAGE) != 0)
		return 1;
	for (uint64_t at = 0; at < TOUCHED; at += PAGE)
		memory[at] = 1;
	stay_on_one_cpu();
	puts("ready");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	uint64_t from = now(), n = 0, took = 0;
	for (; took < TWO_SECONDS; n++) {
		void *p = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED || munmap(p, 16 * PAGE) != 0)
			return 1;
		took = now() - from;
	}
	printf("%.1f\n", (double)took / (double)n);
	fflush(stdout);
	pause();
	return 0;
}
