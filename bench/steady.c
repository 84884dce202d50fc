/**
 * Work that is the same each time: loads at random from 128 KiB, sums, and a system call now and then.
 *
 *     steady [MILLIONS]    of loads (default: 40)
 *
 * Prints the nanoseconds of CPU time that it took.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { WORDS = 128 << 10 >> 3, MILLION = 1000000, SYSCALL_EVERY = 1 << 14 };

int main(int argc, char **argv)
{
	const uint64_t n = (argc > 1 ? strtoull(argv[1], NULL, 10) : 40) * MILLION;
	uint64_t *words = malloc(WORDS * sizeof(*words)), x = 88172645463325252u, sum = 0;
	struct timespec from, to;
	if (!words)
		return 1;
	for (uint64_t i = 0; i < WORDS; i++)
		words[i] = i;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (uint64_t i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		sum += words[x % WORDS];
		if (i % SYSCALL_EVERY == 0)
			sum += (uint64_t)getppid();
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	fprintf(stderr, "%llu\n", (unsigned long long)sum);
	printf("%lld\n", (long long)(to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec);
	return 0;
}
