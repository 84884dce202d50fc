/**
 * Nothing but first-touch faults: every page of a mapping, again and again, dropped in between.
 *
 *     storm [PAGES [ROUNDS]]              one thread
 *     storm --churn PAGES ROUNDS THREADS  several, each in mappings of its own that it makes and unmaps meanwhile
 *
 * Prints nanoseconds per fault: of a quiet round (nine of ten took longer) and of the median one; and how many pages were
 * touched.  No huge pages, nothing read, one fault a page.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { PAGE = 4096, MOST = 4096, CHURN_PAGES = 16 };

struct job {
	size_t pages, rounds;
	double took[MOST];         /* nanoseconds per fault, of each round */
};

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static char *get(size_t bytes)
{
	char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		exit(1);
	madvise(at, bytes, MADV_NOHUGEPAGE);
	return at;
}

static void touch(char *at, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		((volatile char *)at)[i * PAGE] = 1;
}

static void storm(struct job *j)
{
	char *at = get(j->pages * PAGE);
	for (size_t k = 0; k < j->rounds; k++) {
		const uint64_t began = now_ns();
		touch(at, j->pages);
		j->took[k] = (double)(now_ns() - began) / (double)j->pages;
		madvise(at, j->pages * PAGE, MADV_DONTNEED);
	}
}

/** The layout is never at rest: each round, and every few pages within it, there is another mapping. */
static void *churn(void *job)
{
	struct job *j = job;
	for (size_t k = 0; k < j->rounds; k++) {
		const uint64_t began = now_ns();
		for (size_t n = 0; n < j->pages; n += CHURN_PAGES) {
			char *at = get(CHURN_PAGES * PAGE);
			touch(at, CHURN_PAGES);
			munmap(at, CHURN_PAGES * PAGE);
		}
		j->took[k] = (double)(now_ns() - began) / (double)j->pages;
	}
	return NULL;
}

static int compare(const void *a_, const void *b_)
{
	const double *a = a_, *b = b_;
	return (*a > *b) - (*a < *b);
}

static void say(struct job *j, size_t threads)
{
	qsort(j->took, j->rounds, sizeof(*j->took), compare);
	printf("%.0f %.0f %zu\n", j->took[j->rounds / 10], j->took[j->rounds / 2], j->pages * j->rounds * threads);
}

int main(int argc, char **argv)
{
	enum { THREADS = 64 };
	static struct job jobs[THREADS];
	const int churns = argc > 1 && strcmp(argv[1], "--churn") == 0;
	const size_t pages = argc > 1 + churns ? strtoul(argv[1 + churns], NULL, 10) : 16384;
	const size_t rounds = argc > 2 + churns ? strtoul(argv[2 + churns], NULL, 10) : 64;
	const size_t threads = argc > 3 + churns ? strtoul(argv[3 + churns], NULL, 10) : 1;
	pthread_t id[THREADS];
	if (!pages || !rounds || rounds > MOST || !threads || threads > THREADS)
		return 2;
	for (size_t i = 0; i < threads; i++)
		jobs[i] = (struct job){ .pages = pages, .rounds = rounds };
	if (!churns) {
		storm(&jobs[0]);
	} else {
		for (size_t i = 0; i < threads; i++)
			if (pthread_create(&id[i], NULL, churn, &jobs[i]) != 0)
				return 1;
		for (size_t i = 0; i < threads; i++)
			pthread_join(id[i], NULL);
	}
	say(&jobs[0], threads);
	return 0;
}
