#include "core/source/abrun.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/model/process.h"
#include "core/source/procparse.h"
#include "core/source/session.h"

/* ---- Off and on --------------------------------------------------------------------------------------------------- */

int vm_ab_apply(enum vm_ab_side side)
{
	if (side == VM_AB_AS_IS)
		return 0;
	return prctl(PR_SET_THP_DISABLE, side == VM_AB_OFF ? 1L : 0L, 0L, 0L, 0L) == 0 ? 0 : errno;
}

int vm_ab_probe(struct vm_err *err)
{
	/* Bit 0: off; what is above are the flags that it was set with (Linux 6.18). */
	const int before = prctl(PR_GET_THP_DISABLE, 0L, 0L, 0L, 0L);
	const int code = before < 0 ? errno : vm_ab_apply(VM_AB_OFF);
	if (code == EINVAL)
		return vm_fail(err, EOPNOTSUPP, "this kernel can't turn huge pages off for one program (PR_SET_THP_DISABLE, "
			       "Linux 3.15)");
	if (code)
		return vm_fail_os(err, code, "the kernel doesn't let huge pages be turned off (prctl PR_SET_THP_DISABLE)");
	prctl(PR_SET_THP_DISABLE, (long)(before & 1), (long)(before & ~1), 0L, 0L);
	return 0;
}

bool vm_ab_malloc_listens(void)
{
	enum { MAJOR = 2, MINOR = 35 };
	char version[64];
	unsigned major, minor;
	if (confstr(_CS_GNU_LIBC_VERSION, version, sizeof(version)) == 0 || sscanf(version, "glibc %3u.%3u", &major, &minor) != 2)
		return false;
	return major > MAJOR || (major == MAJOR && minor >= MINOR);
}

bool vm_ab_tunables(const char *now, struct vm_buf *out)
{
	static const char name[] = VM_AB_TUNABLE "=";
	for (const char *at = now; at && *at; at = strchr(at, ':'), at += at != NULL)
		if (strncmp(at, name, sizeof(name) - 1) == 0)
			return false;
	if (now && *now)
		vm_buf_addf(out, "%s:", now);
	vm_buf_addf(out, "%s1", name);
	return true;
}

char **vm_ab_environment(const char *tunables, struct vm_buf *entry)
{
	static const char name[] = "GLIBC_TUNABLES=";
	size_t n = 0, to = 0;
	while (environ[n])
		n++;
	char **copy = calloc(n + 2, sizeof(*copy));
	vm_buf_addf(entry, "%s%s", name, tunables);
	vm_buf_str(entry);
	if (!copy || entry->failed) {
		free(copy);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], name, sizeof(name) - 1) != 0)
			copy[to++] = environ[i];
	copy[to] = entry->s;
	return copy;
}

/* ---- Parsers ------------------------------------------------------------------------------------------------------ */

void vm_ab_parse_maps(const char *maps, struct vm_ab_program *out)
{
	static const char *const other[] = { "jemalloc", "tcmalloc", "mimalloc", "hoard", "snmalloc" };
	out->known = *maps != '\0';
	out->glibc = strstr(maps, "/libc.so.6\n") || strstr(maps, "/libc-2.");
	out->allocator[0] = '\0';
	for (size_t i = 0; i < vm_countof(other); i++) {
		char library[32];
		snprintf(library, sizeof(library), "/lib%s", other[i]);
		if (strstr(maps, library))
			snprintf(out->allocator, sizeof(out->allocator), "%s", other[i]);
	}
}

/* ---- Looking ------------------------------------------------------------------------------------------------------ */

/** Looks are so far apart at most: memory that is held for shorter may be missed. */
enum { STEP_MAX_NS = 250000000, PROCESSES_MAX = 1024 };

static uint64_t own_cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void vm_ab_watch_start(struct vm_ab_watch *w, struct vm_session *s, pid_t pid, uint64_t first_ns, unsigned share)
{
	w->s = s;
	w->pid = pid;
	w->seen = (struct vm_ab_seen){ 0 };
	w->program = (struct vm_ab_program){ 0 };
	w->share = share;
	w->biggest_rss = 0;
	w->began_ns = vm_clock_ns();
	w->step_ns = first_ns;
	w->next_ns = w->began_ns + first_ns;
}

void vm_ab_watch_free(struct vm_ab_watch *w)
{
	vm_vec_free(&w->pids);
	vm_buf_free(&w->text);
}

/** "12 34 ": the children that a thread has made. */
static void add_children_of(struct vm_ab_watch *w, pid_t pid, pid_t tid)
{
	if (vm_session_slurp(w->s, &w->text, "proc/%d/task/%d/children", pid, tid) <= 0)
		return;
	char *rest = NULL;
	for (char *word = strtok_r(w->text.s, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
		uint64_t child;
		if (vm_parse_u64(word, &child) == 0 && child <= INT32_MAX && w->pids.n < PROCESSES_MAX)
			vm_vec_push(&w->pids, (pid_t)child);
	}
}

static void add_children(struct vm_ab_watch *w, pid_t pid)
{
	struct vm_pids tids = { 0 };
	char path[64];
	snprintf(path, sizeof(path), "proc/%d/task", pid);
	vm_list_numbers(w->s, &tids, NULL, path);
	for (size_t i = 0; i < tids.n; i++)
		add_children_of(w, pid, tids.v[i]);
	vm_vec_free(&tids);
}

static uint64_t known(const struct vm_proc *p, enum vm_pqty q)
{
	return vm_proc_has(p, q) ? p->q[q] : 0;
}

static void raise_to(uint64_t *most, uint64_t v)
{
	if (v > *most)
		*most = v;
}

/** Of the biggest process; looked at anew when it has doubled: a shell becomes the program that it starts. */
static void know_program(struct vm_ab_watch *w, pid_t pid, uint64_t rss)
{
	if (!w->curious || rss < 2 * w->biggest_rss)
		return;
	w->biggest_rss = rss;
	if (vm_session_slurp(w->s, &w->text, "proc/%d/maps", pid) > 0)
		vm_ab_parse_maps(w->text.s, &w->program);
	if (vm_session_slurp(w->s, &w->text, "proc/%d/status", pid) > 0)
		w->program.refuses = strstr(w->text.s, "\nTHP_enabled:\t0\n") != NULL;
}

/** Add a process to what is seen of this moment. */
static void look_at(struct vm_ab_watch *w, pid_t pid, struct vm_ab_seen *now)
{
	struct vm_proc p;
	vm_proc_init(&p, pid);
	const long n = vm_session_slurp(w->s, &w->text, "proc/%d/smaps_rollup", pid);
	if (n == -EACCES || n == -EPERM)
		w->seen.denied = true;
	if (n <= 0 || !vm_parse_rollup(w->text.s, &p))
		return;
	now->samples = 1;
	now->anon_huge_bytes += known(&p, VM_P_THP);
	now->shmem_huge_bytes += known(&p, VM_P_SHMEM_THP);
	now->file_huge_bytes += known(&p, VM_P_FILE_THP);
	now->hugetlb_bytes += known(&p, VM_P_SHARED_HUGETLB) + known(&p, VM_P_PRIVATE_HUGETLB);
	now->rss_bytes += known(&p, VM_P_RSS);
	now->anon_bytes += known(&p, VM_P_ANONYMOUS);
	know_program(w, pid, known(&p, VM_P_RSS));
}

static void look(struct vm_ab_watch *w)
{
	struct vm_ab_seen now = { 0 }, *most = &w->seen;
	w->pids.n = 0;
	/* Ours, among which are those whose parents have ended; then theirs, as the list grows. */
	add_children(w, getpid());
	/* A kernel without CONFIG_PROC_CHILDREN tells of none. */
	if (!w->pids.n && !vm_vec_push(&w->pids, w->pid))
		return;
	for (size_t i = 0; i < w->pids.n; i++) {
		add_children(w, w->pids.v[i]);
		look_at(w, w->pids.v[i], &now);
	}
	most->samples += now.samples;
	raise_to(&most->anon_huge_bytes, now.anon_huge_bytes);
	raise_to(&most->shmem_huge_bytes, now.shmem_huge_bytes);
	raise_to(&most->file_huge_bytes, now.file_huge_bytes);
	raise_to(&most->huge_bytes, now.anon_huge_bytes + now.shmem_huge_bytes + now.file_huge_bytes);
	raise_to(&most->hugetlb_bytes, now.hugetlb_bytes);
	raise_to(&most->rss_bytes, now.rss_bytes);
	raise_to(&most->anon_bytes, now.anon_bytes);
}

void vm_ab_watch_look(struct vm_ab_watch *w)
{
	const uint64_t began = vm_clock_ns();
	if (began < w->next_ns)
		return;
	const uint64_t before = own_cpu_ns();
	look(w);
	const uint64_t cost = own_cpu_ns() - before;
	w->seen.cost_ns += cost;
	w->step_ns = w->step_ns + w->step_ns / 2 < STEP_MAX_NS ? w->step_ns + w->step_ns / 2 : STEP_MAX_NS;
	/* Of all the time until then looking has had no more than its share, the next look included if it takes as long. */
	const uint64_t fair = w->began_ns + (w->seen.cost_ns + cost) * w->share, step = began + w->step_ns;
	w->next_ns = fair > step ? fair : step;
}
