#include "core/base/parallel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/thread.h"

/**
 * How long each waits awake for the other before it sleeps.  On a virtual machine waking a processor can
 * take longer than the work.
 */
enum { AWAKE_NS = 300 * 1000 };

struct vm_helper {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/** Rounds of work asked for and done. */
	atomic_uint asked, done;
	bool stop;
	void (*fn)(void *ctx, unsigned part, size_t from, size_t to);
	void *ctx;
	size_t from, to;
};

/** Until *value is `wanted`. */
static void wait_for(struct vm_helper *h, atomic_uint *value, unsigned wanted)
{
	uint64_t until = vm_clock_ns() + AWAKE_NS;
	do {
		for (int i = 0; i < 100; i++)
			if (atomic_load(value) == wanted)
				return;
	} while (vm_clock_ns() < until);
	pthread_mutex_lock(&h->lock);
	while (atomic_load(value) != wanted)
		pthread_cond_wait(&h->changed, &h->lock);
	pthread_mutex_unlock(&h->lock);
}

static void announce(struct vm_helper *h, atomic_uint *value)
{
	pthread_mutex_lock(&h->lock);
	atomic_fetch_add(value, 1);
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&h->lock);
}

static void *help(void *arg)
{
	struct vm_helper *h = arg;
	for (unsigned round = 1;; round++) {
		wait_for(h, &h->asked, round);
		if (h->stop)
			return NULL;
		h->fn(h->ctx, 1, h->from, h->to);
		announce(h, &h->done);
	}
}

struct vm_helper *vm_helper_start(void)
{
	struct vm_helper *h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->changed, NULL);
	if (!vm_thread_start(&h->thread, help, h)) {
		free(h);
		return NULL;
	}
	return h;
}

void vm_helper_share(struct vm_helper *h, size_t n, void (*fn)(void *ctx, unsigned part, size_t from, size_t to),
		     void *ctx)
{
	size_t middle = n / 16 * 9 + n % 16 / 2;
	if (!h) {
		fn(ctx, 0, 0, middle);
		fn(ctx, 1, middle, n);
		return;
	}
	h->fn = fn;
	h->ctx = ctx;
	h->from = middle;
	h->to = n;
	announce(h, &h->asked);
	fn(ctx, 0, 0, middle);
	wait_for(h, &h->done, atomic_load(&h->asked));
}

void vm_helper_stop(struct vm_helper *h)
{
	if (!h)
		return;
	h->stop = true;
	announce(h, &h->asked);
	pthread_join(h->thread, NULL);
	pthread_mutex_destroy(&h->lock);
	pthread_cond_destroy(&h->changed);
	free(h);
}
