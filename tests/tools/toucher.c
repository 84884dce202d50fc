/**
 * Touches pages, in numbers that are known: page faults, one each.
 *
 * toucher command SELF THREAD CHILD   touch so many pages in the program, in a thread, in a child; end
 * toucher attached THREADS PAGES      start threads, print "ready", wait for a line, have each touch so many pages and one
 *                                     more thread and a child that come late, print "done", wait for the end of input
 * toucher stride PAGES ROUNDS         load from one line of each page in turn, so many rounds; prints the loads
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t page;
static pthread_barrier_t begin, end;

static char *map(size_t pages)
{
	char *p = mmap(NULL, pages * page + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		exit(1);
	madvise(p, pages * page, MADV_NOHUGEPAGE);
	return p;
}

static void touch(char *p, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		*(volatile char *)(p + i * page) = 1;
}

/** In the caller's stack is what it needs: nothing else is touched for the first time. */
struct work { char *memory; size_t pages; };

static void *touch_now(void *arg)
{
	const struct work *w = arg;
	touch(w->memory, w->pages);
	return NULL;
}

static void *touch_later(void *arg)
{
	const struct work *w = arg;
	pthread_barrier_wait(&begin);
	touch(w->memory, w->pages);
	pthread_barrier_wait(&end);
	return NULL;
}

static void in_thread(size_t pages)
{
	pthread_t thread;
	struct work w = { map(pages), pages };
	if (pthread_create(&thread, NULL, touch_now, &w) != 0)
		exit(1);
	pthread_join(thread, NULL);
}

static void in_child(size_t pages)
{
	char *p = map(pages);
	const pid_t child = fork();
	if (child == 0) {
		touch(p, pages);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static int command(char **argv)
{
	const size_t self = strtoul(argv[2], NULL, 10);
	touch(map(self), self);
	in_thread(strtoul(argv[3], NULL, 10));
	in_child(strtoul(argv[4], NULL, 10));
	return 0;
}

static void wait_for_line(void)
{
	char byte;
	while (read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n')
		;
}

static void say(const char *word)
{
	const ssize_t n = write(STDOUT_FILENO, word, strlen(word));
	(void)n;
}

static int attached(char **argv)
{
	const size_t threads = strtoul(argv[2], NULL, 10), pages = strtoul(argv[3], NULL, 10);
	struct work *w = calloc(threads, sizeof(*w));
	pthread_barrier_init(&begin, NULL, (unsigned)threads + 1);
	pthread_barrier_init(&end, NULL, (unsigned)threads + 1);
	for (size_t i = 0; i < threads; i++) {
		pthread_t thread;
		w[i] = (struct work){ map(pages), pages };
		if (pthread_create(&thread, NULL, touch_later, &w[i]) != 0)
			return 1;
	}
	say("ready\n");
	wait_for_line();
	pthread_barrier_wait(&begin);
	pthread_barrier_wait(&end);
	in_thread(pages);
	in_child(pages);
	say("done\n");
	wait_for_line();
	return 0;
}

static int stride(char **argv)
{
	const size_t pages = strtoul(argv[2], NULL, 10), rounds = strtoul(argv[3], NULL, 10);
	char *p = map(pages);
	touch(p, pages);
	/* A line of its own in each page, so that they don't all want the same set of the cache; an order that no prefetcher
	   knows.  Odd steps reach all of a power of two. */
	const size_t step = (pages / 2 + pages / 8) | 1;
	for (size_t r = 0; r < rounds; r++)
		for (size_t i = 0, at = 0; i < pages; i++, at = (at + step) % pages)
			(void)*(volatile char *)(p + at * page + at % (page / 64) * 64);
	printf("%zu\n", pages * rounds);
	return 0;
}

int main(int argc, char **argv)
{
	page = (size_t)sysconf(_SC_PAGESIZE);
	if (argc == 5 && strcmp(argv[1], "command") == 0)
		return command(argv);
	if (argc == 4 && strcmp(argv[1], "attached") == 0)
		return attached(argv);
	if (argc == 4 && strcmp(argv[1], "stride") == 0)
		return stride(argv);
	fprintf(stderr, "usage: toucher command SELF THREAD CHILD | attached THREADS PAGES | stride PAGES ROUNDS\n");
	return 2;
}
