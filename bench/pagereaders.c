/**
 * The plainest quick readers of a process's pages, as peers: none of this project's code.
 *
 *     pagereaders [-s] [-n TIMES] [-r FROM-TO] PID...
 *
 * Counts what /proc/PID/pagemap tells: large preads of what is mapped, one pass without branches over the entries.
 * -s counts with PAGEMAP_SCAN (Linux 6.7) instead; -r keeps to a range.  Prints the counts and, of TIMES passes, the
 * shortest and the median time.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/ioctl.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, PIECE = 64 * 1024, REGIONS = 512, MOST_PASSES = 1000 };
enum { PRESENT, SWAPPED, FILES, EXCLUSIVE, SOFT_DIRTY, NO_FRAME, FACTS };

static const char *const names[FACTS] = { "present", "swapped", "file", "exclusive", "soft_dirty", "no_frame" };

/* struct pm_scan_arg and struct page_region of include/uapi/linux/fs.h, which older headers lack. */
struct scan_arg {
	__u64 size, flags, start, end, walk_end, vec, vec_len, max_pages, inverted, mask, anyof, returned;
};
struct region {
	__u64 start, end, categories;
};
#define SCAN _IOWR('f', 16, struct scan_arg)
enum { IS_FILE = 0x04, IS_PRESENT = 0x08, IS_SWAPPED = 0x10, IS_PFNZERO = 0x20, IS_SOFT_DIRTY = 0x80 };

struct range {
	uint64_t start, end;
};

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int open_file(int pid, const char *name)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

/** Ranges of maps below the kernel's half, cut to `only`; neighbours come together.  Ended by an empty one. */
static struct range *read_maps(int pid, struct range only)
{
	size_t n = 0, cap = 64;
	struct range *v = malloc(cap * sizeof(*v)), r;
	FILE *f = fdopen(open_file(pid, "maps"), "r");
	char line[8192];
	while (v && f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &r.start, &r.end) != 2 || r.start >> 63)
			continue;
		r.start = r.start < only.start ? only.start : r.start;
		r.end = r.end > only.end ? only.end : r.end;
		if (r.start >= r.end)
			continue;
		if (n && v[n - 1].end == r.start) {
			v[n - 1].end = r.end;
			continue;
		}
		if (n + 1 == cap)
			v = realloc(v, (cap *= 2) * sizeof(*v));
		if (v)
			v[n++] = r;
	}
	if (f)
		fclose(f);
	if (v)
		v[n] = (struct range){ 0 };
	return v;
}

/** Only what is set is added, so that the compiler makes vector instructions of it. */
static void count_entries(const uint64_t *e, size_t n, uint64_t *count)
{
	uint64_t c[FACTS] = { 0 };
	for (size_t i = 0; i < n; i++) {
		uint64_t v = e[i], present = v >> 63;
		c[PRESENT] += present;
		c[SWAPPED] += v >> 62 & 1;
		c[FILES] += v >> 61 & present;
		c[EXCLUSIVE] += v >> 56 & 1;
		c[SOFT_DIRTY] += v >> 55 & 1;
		c[NO_FRAME] += present & (uint64_t)((v & ((UINT64_C(1) << 55) - 1)) == 0);
	}
	for (int i = 0; i < FACTS; i++)
		count[i] += c[i];
}

static void by_pagemap(int fd, const struct range *r, uint64_t *count)
{
	static uint64_t entry[PIECE];
	for (; r->end; r++) {
		for (uint64_t at = r->start; at < r->end;) {
			uint64_t pages = (r->end - at) / PAGE;
			size_t want = pages < PIECE ? (size_t)pages : PIECE;
			ssize_t got = pread(fd, entry, want * 8, (off_t)(at / PAGE * 8));
			if (got <= 0)
				break;
			count_entries(entry, (size_t)got / 8, count);
			at += (uint64_t)got / 8 * PAGE;
		}
	}
}

static void by_scan(int fd, const struct range *r, uint64_t *count)
{
	static struct region region[REGIONS];
	for (; r->end; r++) {
		for (uint64_t at = r->start; at < r->end;) {
			struct scan_arg a = {
				.size = sizeof(a), .start = at, .end = r->end, .vec = (uint64_t)(uintptr_t)region,
				.vec_len = REGIONS, .anyof = IS_PRESENT | IS_SWAPPED,
				.returned = IS_PRESENT | IS_SWAPPED | IS_FILE | IS_PFNZERO | IS_SOFT_DIRTY,
			};
			int n = ioctl(fd, SCAN, &a);
			if (n < 0) {
				perror("PAGEMAP_SCAN");
				exit(errno == ENOTTY ? 77 : 1);
			}
			for (int i = 0; i < n; i++) {
				uint64_t pages = (region[i].end - region[i].start) / PAGE, c = region[i].categories;
				count[PRESENT] += c & IS_PRESENT ? pages : 0;
				count[SWAPPED] += c & IS_SWAPPED ? pages : 0;
				count[FILES] += c & IS_FILE && c & IS_PRESENT ? pages : 0;
				count[SOFT_DIRTY] += c & IS_SOFT_DIRTY ? pages : 0;
			}
			if (a.walk_end <= at)
				break;
			at = a.walk_end;
		}
	}
}

static int by_time(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	struct range only = { 0, UINT64_MAX };
	bool scan = false;
	int times = 1;
	for (int c; (c = getopt(argc, argv, "sn:r:")) != -1;) {
		if (c == 's')
			scan = true;
		else if (c == 'n')
			times = atoi(optarg);
		else if (c != 'r' || sscanf(optarg, "%" SCNx64 "-%" SCNx64, &only.start, &only.end) != 2)
			return 2;
	}
	if (optind == argc || times < 1 || times > MOST_PASSES) {
		fprintf(stderr, "usage: pagereaders [-s] [-n TIMES] [-r FROM-TO] PID...\n");
		return 2;
	}
	uint64_t took[MOST_PASSES], count[FACTS];
	for (int i = 0; i < times; i++) {
		uint64_t began = now();
		memset(count, 0, sizeof(count));
		for (int k = optind; k < argc; k++) {
			int pid = atoi(argv[k]);
			struct range *r = read_maps(pid, only);
			int fd = open_file(pid, "pagemap");
			if (!r)
				return 1;
			if (scan)
				by_scan(fd, r, count);
			else
				by_pagemap(fd, r, count);
			close(fd);
			free(r);
		}
		took[i] = now() - began;
	}
	qsort(took, (size_t)times, sizeof(took[0]), by_time);
	for (int i = 0; i < FACTS; i++)
		if (!scan || (i != EXCLUSIVE && i != NO_FRAME))
			printf("%s %" PRIu64 "\n", names[i], count[i]);
	printf("best_ns %" PRIu64 "\nmedian_ns %" PRIu64 "\n", took[0], took[times / 2]);
	return 0;
}
