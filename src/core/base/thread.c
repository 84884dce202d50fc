#include "core/base/thread.h"

#include <sched.h>
#include <signal.h>

/** Nothing happens where there is one processor only, or more than the set has room for. */
static void keep_apart(pthread_attr_t *attr)
{
	cpu_set_t set;
	int here = sched_getcpu();
	if (here < 0 || here >= CPU_SETSIZE || sched_getaffinity(0, sizeof(set), &set) != 0)
		return;
	CPU_CLR((size_t)here, &set);
	if (CPU_COUNT(&set))
		pthread_attr_setaffinity_np(attr, sizeof(set), &set);
}

bool vm_thread_start(pthread_t *thread, void *(*fn)(void *arg), void *arg)
{
	pthread_attr_t attr;
	sigset_t all, before;
	if (pthread_attr_init(&attr) != 0)
		return false;
	keep_apart(&attr);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int e = pthread_create(thread, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return e == 0;
}
