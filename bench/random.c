/**
 * Reads memory at random: random MIB READS.  The memory is from malloc(3) and written first; each read's address hangs on
 * the one before, so that translations can't overlap.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	const size_t bytes = strtoull(argv[1], NULL, 10) << 20;
	const uint64_t reads = strtoull(argv[2], NULL, 10);
	uint64_t x = UINT64_C(88172645463325252), sum = 0;
	unsigned char *p = malloc(bytes);
	if (!p || !bytes)
		return 1;
	memset(p, 1, bytes);
	for (uint64_t i = 0; i < reads; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		sum += p[(x + sum) % bytes];
	}
	return sum != reads;
}
