/**
 * A program whose TLB misses follow from its arguments: it reads the first word of each of PAGES pages, in order, ROUNDS
 * times.  More pages than a buffer holds, in order, make every access of an LRU buffer miss; fewer miss once a page.
 *
 *	walks PAGES ROUNDS [exit STATUS | kill SIGNAL | exec PROGRAM | fork CHILDREN | threads THREADS]
 *	walks PAGES READS random 0      any of the pages, as often
 *
 * Children and threads do as many rounds more as their number says, each over pages of its own.  The pages lie at the same
 * addresses in every run, so that hashed buffers choose the same sets.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, THREADS_MAX = 16 };
#define BASE UINT64_C(0x10000000000)
#define APART UINT64_C(0x1000000000)

struct walk {
	volatile char *at;
	size_t pages;
	int rounds;
};

static volatile char *map(int number, size_t pages)
{
	void *const at = (void *)(BASE + (uintptr_t)number * APART);
	void *const m = mmap(at, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (m != at || madvise(m, pages * PAGE, MADV_NOHUGEPAGE) != 0) {
		perror("walks: mmap");
		exit(99);
	}
	return m;
}

static void *walk(void *walk_)
{
	const struct walk *w = walk_;
	for (int r = 0; r < w->rounds; r++)
		for (size_t p = 0; p < w->pages; p++)
			(void)w->at[p * PAGE];
	return NULL;
}

/** Xorshift (Marsaglia 2003). */
static int jump(const struct walk *w)
{
	uint64_t x = UINT64_C(88172645463325252);
	for (int r = 0; r < w->rounds; r++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		(void)w->at[x % w->pages * PAGE];
	}
	return 0;
}

static void in_children(struct walk w, int n)
{
	const int rounds = w.rounds;
	for (int i = 1; i <= n; i++) {
		w.rounds = rounds + i;
		if (fork() == 0) {
			walk(&w);
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
}

static void in_threads(const struct walk *w, int n)
{
	pthread_t thread[THREADS_MAX];
	static struct walk own[THREADS_MAX];
	for (int i = 0; i < n && i < THREADS_MAX; i++) {
		own[i] = (struct walk){ map(i + 1, w->pages), w->pages, w->rounds + i + 1 };
		if (pthread_create(&thread[i], NULL, walk, &own[i]) != 0)
			exit(99);
	}
	for (int i = 0; i < n && i < THREADS_MAX; i++)
		pthread_join(thread[i], NULL);
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 99;
	struct walk w = { NULL, strtoul(argv[1], NULL, 10), atoi(argv[2]) };
	const char *const then = argc > 3 ? argv[3] : "", *const what = argc > 4 ? argv[4] : "0";
	w.at = map(0, w.pages);
	if (strcmp(then, "random") == 0)
		return jump(&w);
	walk(&w);
	if (strcmp(then, "exit") == 0)
		return atoi(what);
	if (strcmp(then, "kill") == 0)
		raise(atoi(what));
	else if (strcmp(then, "exec") == 0)
		execl(what, what, (char *)NULL);
	else if (strcmp(then, "fork") == 0)
		in_children(w, atoi(what));
	else if (strcmp(then, "threads") == 0)
		in_threads(&w, atoi(what));
	return 0;
}
