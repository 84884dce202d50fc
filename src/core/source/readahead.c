#include "core/source/readahead.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/thread.h"

/**
 * Small enough for all to stay in the cache, and for little to be left to do when the last one was read; no
 * smaller, since waking the other thread costs 10 us and more on a virtual machine.
 */
enum { PIECE = 64 * 1024, PIECES = 4 };

struct piece {
	size_t len;
	char room[VM_READAHEAD_ROOM];
	char data[PIECE];
};

struct ring {
	void (*take)(void *ctx, char *data, size_t len);
	void *ctx;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/** Pieces made and taken so far; piece n is in piece[n % PIECES]. */
	unsigned long made, taken;
	bool ended;                /* no more will be made */
	struct piece piece[PIECES];
};

static void *consume(void *arg)
{
	struct ring *r = arg;
	pthread_mutex_lock(&r->lock);
	for (;;) {
		while (r->made == r->taken && !r->ended)
			pthread_cond_wait(&r->changed, &r->lock);
		if (r->made == r->taken)
			break;
		struct piece *p = &r->piece[r->taken % PIECES];
		pthread_mutex_unlock(&r->lock);
		r->take(r->ctx, p->data, p->len);
		pthread_mutex_lock(&r->lock);
		r->taken++;
		pthread_cond_signal(&r->changed);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/** Fill the piece: the kernel gives a page at a time.  0, or the negative errno of a failed read. */
static int fill(int fd, struct piece *p)
{
	p->len = 0;
	while (p->len < PIECE) {
		ssize_t got = read(fd, p->data + p->len, PIECE - p->len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		p->len += (size_t)got;
	}
	return 0;
}

static int produce(struct ring *r, int fd)
{
	for (;;) {
		pthread_mutex_lock(&r->lock);
		while (r->made - r->taken == PIECES)
			pthread_cond_wait(&r->changed, &r->lock);
		pthread_mutex_unlock(&r->lock);
		struct piece *p = &r->piece[r->made % PIECES];
		int e = fill(fd, p);
		bool last = e < 0 || p->len < PIECE;
		pthread_mutex_lock(&r->lock);
		r->made += p->len > 0;
		r->ended = last;
		pthread_mutex_unlock(&r->lock);
		/* Not before: it would wake up to wait for the lock. */
		pthread_cond_signal(&r->changed);
		if (last)
			return e;
	}
}

int vm_read_ahead(int fd, void (*take)(void *ctx, char *data, size_t len), void *ctx)
{
	pthread_t thread;
	struct ring *r = malloc(sizeof(*r));
	if (!r)
		return -EAGAIN;
	r->take = take;
	r->ctx = ctx;
	r->made = r->taken = 0;
	r->ended = false;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	int e = -EAGAIN;
	if (vm_thread_start(&thread, consume, r)) {
		e = produce(r, fd);
		pthread_join(thread, NULL);
	}
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->changed);
	free(r);
	return e;
}
