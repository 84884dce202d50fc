#include "core/base/parallel.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

struct half {
	void (*fn)(void *ctx, unsigned half, size_t from, size_t to);
	void *ctx;
	size_t from, to;
};

static void *second(void *arg)
{
	const struct half *h = arg;
	h->fn(h->ctx, 1, h->from, h->to);
	return NULL;
}

void vm_in_halves(size_t n, size_t least, void (*fn)(void *ctx, unsigned half, size_t from, size_t to), void *ctx)
{
	struct half h = { fn, ctx, n / 2, n };
	pthread_t thread;
	sigset_t all, before;
	bool started = false;
	if (n >= least) {
		/* Signals are for the thread that handles them. */
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		started = pthread_create(&thread, NULL, second, &h) == 0;
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	fn(ctx, 0, 0, n / 2);
	if (started)
		pthread_join(thread, NULL);
	else
		second(&h);
}
