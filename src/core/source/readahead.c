#include "core/source/readahead.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

/** Few and large: waking the other thread costs 10 us and more on a virtual machine. */
enum { PIECE = 512 * 1024, PIECES = 3 };

struct piece {
	long len;                  /* 0: end; negative errno: failed */
	char room[VM_READAHEAD_ROOM];
	char data[PIECE];
};

struct vm_readahead {
	int fd;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/** Pieces made and used so far; piece n is in ring[n % PIECES]. */
	unsigned long made, used;
	bool holding;              /* the consumer works on the piece `used` */
	bool stop;
	struct piece ring[PIECES];
};

/** Fill the piece: the kernel gives a page at a time, and waking up for each would cost more. */
static void fill(int fd, struct piece *p)
{
	size_t n = 0;
	while (n < PIECE) {
		ssize_t got = read(fd, p->data + n, PIECE - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && n == 0) {
			p->len = -errno;
			return;
		}
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	p->len = (long)n;
}

static void *reader(void *arg)
{
	struct vm_readahead *ra = arg;
	for (;;) {
		pthread_mutex_lock(&ra->lock);
		while (ra->made - ra->used == PIECES && !ra->stop)
			pthread_cond_wait(&ra->changed, &ra->lock);
		bool stop = ra->stop;
		struct piece *p = &ra->ring[ra->made % PIECES];
		pthread_mutex_unlock(&ra->lock);
		if (stop)
			return NULL;
		fill(ra->fd, p);
		bool last = p->len <= 0;
		pthread_mutex_lock(&ra->lock);
		ra->made++;
		pthread_cond_signal(&ra->changed);
		pthread_mutex_unlock(&ra->lock);
		if (last)
			return NULL;
	}
}

struct vm_readahead *vm_readahead_start(int fd)
{
	struct vm_readahead *ra = malloc(sizeof(*ra));
	if (!ra)
		return NULL;
	ra->fd = fd;
	ra->made = ra->used = 0;
	ra->holding = ra->stop = false;
	pthread_mutex_init(&ra->lock, NULL);
	pthread_cond_init(&ra->changed, NULL);
	/* Signals are for the thread that handles them. */
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = pthread_create(&ra->thread, NULL, reader, ra);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0) {
		free(ra);
		return NULL;
	}
	return ra;
}

long vm_readahead_next(struct vm_readahead *ra, char **data)
{
	pthread_mutex_lock(&ra->lock);
	if (ra->holding) {
		ra->used++;
		ra->holding = false;
		pthread_cond_signal(&ra->changed);
	}
	while (ra->made == ra->used)
		pthread_cond_wait(&ra->changed, &ra->lock);
	struct piece *p = &ra->ring[ra->used % PIECES];
	/* The last piece stays, so that asking again gives the same answer. */
	ra->holding = p->len > 0;
	pthread_mutex_unlock(&ra->lock);
	*data = p->data;
	return p->len;
}

void vm_readahead_stop(struct vm_readahead *ra)
{
	if (!ra)
		return;
	pthread_mutex_lock(&ra->lock);
	ra->stop = true;
	pthread_cond_signal(&ra->changed);
	pthread_mutex_unlock(&ra->lock);
	pthread_join(ra->thread, NULL);
	pthread_mutex_destroy(&ra->lock);
	pthread_cond_destroy(&ra->changed);
	free(ra);
}
