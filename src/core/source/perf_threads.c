#include "core/source/perf_threads.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/source/session.h"
#include "core/source/source.h"

/** The last number that was given to a thread: the end of loadavg. */
static pid_t read_youngest(struct vm_session *s)
{
	if (vm_session_slurp(s, &s->scratch, "proc/loadavg") <= 0)
		return 0;
	const char *blank = strrchr(s->scratch.s, ' ');
	return blank ? (pid_t)strtol(blank + 1, NULL, 10) : 0;
}

static int attach_one(struct vm_perf_threads *t, pid_t pid, pid_t tid, bool again)
{
	uint32_t known;
	if (vm_map_get(&t->tried, (uint64_t)tid, &known) || (again && !t->every && t->youngest && tid > t->youngest))
		return 0;
	if (!vm_map_put(&t->tried, (uint64_t)tid, 0))
		return -ENOMEM;
	const int r = t->attach(t->ctx, pid, tid);
	return r == -ESRCH ? 0 : r < 0 ? r : 1;
}

static int attach_process(struct vm_perf_threads *t, pid_t pid, bool again)
{
	char path[64];
	struct vm_pids tids = { 0 };
	int added = 0;
	snprintf(path, sizeof(path), "proc/%d/task", pid);
	int r = vm_list_numbers(t->s, &tids, NULL, path);
	r = r == -ENOMEM ? r : tids.n == 0 ? -ESRCH : 0;
	for (size_t i = 0; r == 0 && i < tids.n; i++) {
		const int one = attach_one(t, pid, tids.v[i], again);
		r = one < 0 ? one : 0;
		added += one > 0;
	}
	vm_vec_free(&tids);
	return r < 0 ? r : added;
}

int vm_perf_threads_attach(struct vm_perf_threads *t, const pid_t *pids, size_t n)
{
	const bool again = t->tried.n > 0;
	int added = 0;
	size_t there = 0;
	if (!again)
		t->youngest = read_youngest(t->s);
	for (size_t i = 0; i < n; i++) {
		const int r = attach_process(t, pids[i], again);
		if (r < 0 && r != -ESRCH)
			return r;
		there += r >= 0;
		added += r > 0 ? r : 0;
	}
	return there && (added || again) ? added : -ESRCH;
}

void vm_perf_threads_free(struct vm_perf_threads *t)
{
	vm_map_free(&t->tried);
}
