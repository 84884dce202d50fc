/**
 * A process with one mapping of each sort, to be captured as a fixture:
 *   cc -pthread -o target target.c && ./target DIR
 * It makes its files in DIR, prints its process ID when all is in place, and waits for the end of its
 * standard input.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

static char zeroed[3 << 20];
static char filled[100000] = { 1 };

static void *map(size_t size, int prot, int flags, int fd)
{
	void *p = mmap(NULL, size, prot, flags, fd, 0);
	if (p == MAP_FAILED) {
		fprintf(stderr, "mmap of %zu: %s\n", size, strerror(errno));
		return NULL;
	}
	return p;
}

static void touch(void *p, size_t size)
{
	for (size_t i = 0; p && i < size; i += 4096)
		((volatile char *)p)[i] = 1;
}

/** A file of `size` bytes, mapped; removed afterwards if `gone`. */
static void map_file(const char *name, size_t size, int flags, int gone)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)size) != 0) {
		fprintf(stderr, "%s: %s\n", name, strerror(errno));
		return;
	}
	touch(map(size, PROT_READ | PROT_WRITE, flags, fd), size / 2);
	close(fd);
	if (gone)
		unlink(name);
}

static void *sleeper(void *arg)
{
	volatile char local[20000];
	memset((char *)local, 1, sizeof(local));
	pthread_barrier_wait(arg);
	while (pause() == -1)
		;
	return NULL;
}

int main(int argc, char **argv)
{
	const int private = MAP_PRIVATE | MAP_ANONYMOUS;
	if (argc != 2 || chdir(argv[1]) != 0)
		return 2;
	touch(zeroed, sizeof(zeroed) / 2);
	touch(filled, sizeof(filled));
	touch(malloc(50000), 50000);
	touch(malloc(5 << 20), 1 << 20);

	/* Transparent huge pages: an aligned piece, advised. */
	char *thp = map(8 << 20, PROT_READ | PROT_WRITE, private, -1);
	madvise(thp, 8 << 20, MADV_HUGEPAGE);
	touch(thp, 8 << 20);
	char *nohuge = map(64 << 10, PROT_READ | PROT_WRITE, private, -1);
	madvise(nohuge, 64 << 10, MADV_NOHUGEPAGE);
	map(2 << 20, PROT_NONE, private, -1);
	map(1 << 30, PROT_NONE, private | MAP_NORESERVE, -1);
	char *locked = map(256 << 10, PROT_READ | PROT_WRITE, private, -1);
	if (mlock(locked, 256 << 10) != 0)
		perror("mlock");
	touch(map(4 << 20, PROT_READ | PROT_WRITE, private | MAP_HUGETLB, -1), 2 << 20);
	touch(map(512 << 10, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1), 128 << 10);
	char *named = map(128 << 10, PROT_READ | PROT_WRITE, private, -1);
	touch(named, 8192);
	if (prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, named, 128 << 10, "arena of names") != 0)
		perror("PR_SET_VMA_ANON_NAME");
	char *lazy = map(64 << 10, PROT_READ | PROT_WRITE, private, -1);
	touch(lazy, 64 << 10);
	madvise(lazy, 64 << 10, MADV_FREE);
	char *mergeable = map(64 << 10, PROT_READ | PROT_WRITE, private, -1);
	madvise(mergeable, 64 << 10, MADV_MERGEABLE);
	madvise(mergeable, 64 << 10, MADV_DONTDUMP);
	map(64 << 10, PROT_READ | PROT_EXEC, private, -1);
	map(128 << 10, PROT_READ | PROT_WRITE, private | MAP_GROWSDOWN, -1);

	int memfd = memfd_create("a memfd", 0);
	if (memfd >= 0 && ftruncate(memfd, 256 << 10) == 0)
		touch(map(256 << 10, PROT_READ | PROT_WRITE, MAP_SHARED, memfd), 64 << 10);
	int id = shmget(0x52e2c1, 192 << 10, IPC_CREAT | 0600);
	if (id >= 0) {
		touch(shmat(id, NULL, 0), 32 << 10);
		shmctl(id, IPC_RMID, NULL);
	}
	int posix = shm_open("/fixture-shm", O_RDWR | O_CREAT, 0600);
	if (posix >= 0 && ftruncate(posix, 128 << 10) == 0)
		touch(map(128 << 10, PROT_READ | PROT_WRITE, MAP_SHARED, posix), 16 << 10);
	shm_unlink("/fixture-shm");

	map_file("plain data", 100 << 10, MAP_SHARED, 0);
	map_file("removed", 64 << 10, MAP_PRIVATE, 1);
	map_file("new\nline", 64 << 10, MAP_SHARED, 0);
	map_file("back\\slash \"quote\" 'apostrophe'\ttab", 64 << 10, MAP_SHARED, 0);
	map_file("not utf-8 \xff\xfe", 64 << 10, MAP_SHARED, 0);
	map_file("Gr\xc3\xbc\xc3\x9f" "e \xe6\xbc\xa2\xe5\xad\x97", 64 << 10, MAP_SHARED, 0);
	map_file("looks (deleted)", 64 << 10, MAP_SHARED, 0);
	map_file("\033[31mred", 64 << 10, MAP_SHARED, 1);

	pthread_barrier_t ready;
	pthread_barrier_init(&ready, NULL, 4);
	for (int i = 0; i < 3; i++) {
		pthread_t t;
		pthread_create(&t, NULL, sleeper, &ready);
	}
	pthread_barrier_wait(&ready);

	prctl(PR_SET_NAME, "a) (b\nc d");
	printf("%d\n", getpid());
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
