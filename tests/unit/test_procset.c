/** core/model/procset and core/source/sweep: whose turn it is, what is carried over, who is dropped. */
#include "core/model/procset.h"

#include <signal.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/source/session.h"
#include "core/source/sweep.h"
#include "unit.h"

/** Tests run in processes of their own: each has an empty one. */
static struct vm_procset set;

/** A row in the sample that is being made. */
static struct vm_proc *add(pid_t pid, uint64_t start, uint64_t taken_ns)
{
	struct vm_proclist *l = vm_procset_now(&set);
	struct vm_proc p;
	vm_proc_init(&p, pid);
	p.start = start;
	p.state = 'S';
	p.taken_ns = taken_ns;
	ck_assert(vm_vec_push(&l->rows, p));
	ck_assert(vm_vec_push(&l->notes, (struct vm_procnote){ 0 }));
	return &l->rows.v[l->rows.n - 1];
}

START_TEST(rates_need_the_same_process)
{
	vm_procset_begin(&set);
	vm_proc_set(add(1, 10, 1000000000), VM_P_MINFLT, 100);
	vm_proc_set(add(2, 10, 1000000000), VM_P_MINFLT, 100);
	vm_proc_set(add(4, 10, 1000000000), VM_P_MINFLT, 100);
	vm_procset_end(&set);
	ck_assert(isnan(vm_procset_now(&set)->rows.v[0].minflt_rate));

	vm_procset_begin(&set);
	vm_proc_set(add(1, 10, 3000000000), VM_P_MINFLT, 150);
	vm_proc_set(add(2, 99, 3000000000), VM_P_MINFLT, 150);
	vm_proc_set(add(3, 10, 3000000000), VM_P_MINFLT, 150);
	vm_proc_set(add(4, 10, 3000000000), VM_P_MINFLT, 100);
	vm_procset_end(&set);
	const struct vm_proc *v = vm_procset_now(&set)->rows.v;
	ck_assert_double_eq(v[0].minflt_rate, 25);
	ck_assert_msg(isnan(v[1].minflt_rate), "the number was reused by another process");
	ck_assert_msg(isnan(v[2].minflt_rate), "the process is new");
	ck_assert_double_eq(v[3].minflt_rate, 0);
}
END_TEST

START_TEST(rows_are_found)
{
	vm_procset_begin(&set);
	for (pid_t pid = 2; pid <= 40; pid += 2)
		add(pid, (uint64_t)pid, 1);
	const struct vm_proclist *l = vm_procset_now(&set);
	ck_assert_uint_eq(vm_proclist_find(l, 1, 0), 0);
	ck_assert_uint_eq(vm_proclist_find(l, 2, 0), 0);
	ck_assert_uint_eq(vm_proclist_find(l, 3, 0), 1);
	ck_assert_uint_eq(vm_proclist_find(l, 40, 3), 19);
	ck_assert_uint_eq(vm_proclist_find(l, 41, 19), 20);
	ck_assert_uint_eq(vm_proclist_find(l, 41, 20), 20);
	ck_assert_ptr_nonnull(vm_proclist_get(l, 12, 12));
	ck_assert_ptr_null(vm_proclist_get(l, 12, 13));
	ck_assert_ptr_null(vm_proclist_get(l, 13, 13));
}
END_TEST

/** A sample that is about to be made, as the one before with figures of smaps_rollup. */
static struct vm_proclist *begin_dear(void)
{
	struct vm_proclist *l = vm_procset_begin(&set);
	set.list[0].needs = set.list[1].needs = VM_NEED(ROLLUP);
	return l;
}

static size_t planned(void)
{
	size_t n = 0;
	for (size_t i = 0; i < set.plan.n; i++)
		n += set.plan.v[i].dear;
	return n;
}

static const pid_t pids[] = { 1, 2, 3, 4, 5, 6 };

START_TEST(never_read_come_first_then_the_oldest)
{
	const uint64_t s = 1000000000;
	begin_dear();
	for (size_t i = 0; i < 5; i++)
		add(pids[i], 1, 100 * s)->rollup_ns = 50 * s + (5 - i) * s;
	vm_procset_now(&set)->rows.v[1].rollup_ns = 0;
	begin_dear()->taken_ns = 101 * s;
	set.dear_cost_ns = 1000;
	/* 2 and the new 6 were never read; of the others 5 is the oldest. */
	ck_assert_int_eq(vm_procset_plan(&set, pids, 6, 3000, NULL, 0), 0);
	ck_assert_uint_eq(planned(), 3);
	ck_assert(set.plan.v[1].dear && set.plan.v[5].dear && set.plan.v[4].dear);
	/* A row in sight is asked before an older one out of sight, if the difference is small. */
	const pid_t sight[] = { 4 };
	ck_assert_int_eq(vm_procset_plan(&set, pids, 6, 3000, sight, 1), 0);
	ck_assert(set.plan.v[3].dear && set.plan.v[3].in_sight && !set.plan.v[4].dear);
}
END_TEST

START_TEST(every_budget_reads_something)
{
	begin_dear();
	set.dear_cost_ns = 1000000;
	ck_assert_int_eq(vm_procset_plan(&set, pids, 6, 1, NULL, 0), 0);
	ck_assert_uint_eq(planned(), 1);
	ck_assert_int_eq(vm_procset_plan(&set, pids, 6, UINT64_MAX, NULL, 0), 0);
	ck_assert_uint_eq(planned(), 6);
	ck_assert_int_eq(vm_procset_plan(&set, pids, 0, 1, NULL, 0), 0);
	ck_assert_uint_eq(planned(), 0);
}
END_TEST

START_TEST(at_rest_refused_and_kernel_threads_wait)
{
	const uint64_t s = 1000000000;
	begin_dear();
	for (size_t i = 0; i < 6; i++)
		add(pids[i], 1, 100 * s)->rollup_ns = 99 * s;
	struct vm_proclist *l = vm_procset_now(&set);
	l->rows.v[0].kthread = true;
	l->rows.v[1].unmet = VM_NEED(ROLLUP);
	l->rows.v[2].state = 'Z';
	l->notes.v[3].active_ns = 100 * s;       /* ran since it was read */
	l->rows.v[4].rollup_ns = 100 * s - VM_REREAD_NS;
	begin_dear()->taken_ns = 101 * s;
	ck_assert_int_eq(vm_procset_plan(&set, pids, 6, 1000 * s, NULL, 0), 0);
	ck_assert_uint_eq(planned(), 2);
	ck_assert(set.plan.v[3].dear && set.plan.v[4].dear);
}
END_TEST

START_TEST(progress_counts_what_can_be_known)
{
	const uint64_t s = 1000000000;
	begin_dear();
	add(1, 1, 9 * s)->rollup_ns = 6 * s;
	add(2, 1, 9 * s)->rollup_ns = 8 * s;
	add(3, 1, 9 * s);
	add(4, 1, 9 * s)->kthread = true;
	add(5, 1, 9 * s)->unmet = VM_NEED(ROLLUP);
	struct vm_progress pr = vm_procset_progress(&set);
	ck_assert_uint_eq(pr.wanted, 3);
	ck_assert_uint_eq(pr.known, 2);
	ck_assert_uint_eq(pr.refused, 1);
	ck_assert_uint_eq(pr.oldest_ns, 3 * s);
}
END_TEST

/* ---- Sweeps over this machine ------------------------------------------------------------------------- */

static struct vm_session *open_live(void)
{
	struct vm_session *s;
	struct vm_err err = { 0 };
	ck_assert_msg(vm_session_open("/", &s, &err) == 0, "%s", err.what);
	return s;
}

static const uint32_t needs = VM_NEED(STAT) | VM_NEED(STATUS) | VM_NEED(USER) | VM_NEED(CMDLINE) | VM_NEED(ROLLUP);

START_TEST(sweep_sees_ourselves)
{
	struct vm_session *s = open_live();
	const struct vm_sweep o = { .needs = needs, .budget_ns = UINT64_MAX, .bare_kthreads = true };
	ck_assert_int_eq(vm_sweep(s, &set, &o, NULL), 0);
	const struct vm_proclist *l = vm_procset_now(&set);
	size_t at = vm_proclist_find(l, getpid(), 0);
	ck_assert(at < l->rows.n && l->rows.v[at].pid == getpid());
	const struct vm_proc *p = &l->rows.v[at];
	ck_assert_ptr_nonnull(p->user);
	ck_assert_ptr_nonnull(strstr(p->cmdline, "test_procset"));
	ck_assert(vm_proc_has(p, VM_P_PSS) && p->q[VM_P_USS] > 0 && p->q[VM_P_USS] <= p->q[VM_P_PSS]);
	for (size_t i = 1; i < l->rows.n; i++)
		ck_assert_int_lt(l->rows.v[i - 1].pid, l->rows.v[i].pid);
	vm_session_close(s);
}
END_TEST

START_TEST(the_dead_are_dropped)
{
	struct vm_session *s = open_live();
	pid_t child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	const pid_t two[] = { getpid(), child };
	struct vm_sweep o = { .needs = needs, .budget_ns = 1000000000, .lazy = true, .only = two, .nonly = 2 };
	ck_assert_int_eq(vm_sweep(s, &set, &o, NULL), 0);
	ck_assert_uint_eq(vm_procset_now(&set)->rows.n, 2);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	ck_assert_int_eq(vm_sweep(s, &set, &o, NULL), 0);
	ck_assert_uint_eq(vm_procset_now(&set)->rows.n, 1);
	ck_assert_int_eq(vm_procset_now(&set)->rows.v[0].pid, getpid());
	vm_session_close(s);
}
END_TEST

static bool is_listed(pid_t pid)
{
	const struct vm_proclist *l = vm_procset_now(&set);
	const size_t at = vm_proclist_find(l, pid, 0);
	return at < l->rows.n && l->rows.v[at].pid == pid;
}

/** Also where the list of before is used again because nobody seems to have come or gone. */
START_TEST(who_comes_and_goes_is_seen_at_once)
{
	struct vm_session *s = open_live();
	const struct vm_sweep o = { .needs = VM_NEED(STAT), .budget_ns = 1, .lazy = true };
	for (int i = 0; i < 12; i++) {
		ck_assert_int_eq(vm_sweep(s, &set, &o, NULL), 0);
		pid_t child = fork();
		if (child == 0) {
			pause();
			_exit(0);
		}
		for (int k = 0; k < 4; k++) {
			ck_assert_int_eq(vm_sweep(s, &set, &o, NULL), 0);
			ck_assert(is_listed(child) && is_listed(getpid()));
		}
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		ck_assert_int_eq(vm_sweep(s, &set, &o, NULL), 0);
		ck_assert(!is_listed(child) && is_listed(getpid()));
	}
	vm_session_close(s);
}
END_TEST

/** Needs that come later are read at once, not carried over from a row that lacks them. */
START_TEST(new_needs_are_met_at_once)
{
	struct vm_session *s = open_live();
	pid_t child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	usleep(20000);
	struct vm_sweep o = { .needs = VM_NEED(STAT), .budget_ns = 1000000000, .lazy = true, .only = &child,
			      .nonly = 1 };
	for (int i = 0; i < 12; i++)
		ck_assert_int_eq(vm_sweep(s, &set, &o, NULL), 0);
	o.needs = needs;
	for (int i = 0; i < 12; i++) {
		ck_assert_int_eq(vm_sweep(s, &set, &o, NULL), 0);
		const struct vm_proc *p = &vm_procset_now(&set)->rows.v[0];
		ck_assert(vm_proc_has(p, VM_P_SWAP) && p->user && p->cmdline && vm_proc_has(p, VM_P_PSS));
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	vm_session_close(s);
}
END_TEST

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void write_stat(const char *dir, int pid, unsigned long minflt, unsigned long rss)
{
	char text[512];
	snprintf(text, sizeof(text), "%d (ab) cd) S 1 1 1 0 -1 4194304 %lu 0 0 0 0 0 0 0 20 0 1 0 77 1000000 %lu "
		 "18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n", pid, minflt, rss);
	write_file(dir, "stat", text);
}

/** A captured tree below root, a template of mkdtemp(3), with process 8: its directory goes into dir. */
static struct vm_session *open_tree(char *root, char *dir, size_t size)
{
	struct vm_session *s;
	ck_assert_ptr_nonnull(mkdtemp(root));
	snprintf(dir, size, "%s/proc", root);
	mkdir(dir, 0700);
	snprintf(dir, size, "%s/proc/8", root);
	mkdir(dir, 0700);
	ck_assert_int_eq(vm_session_open(root, &s, NULL), 0);
	return s;
}

static void close_tree(struct vm_session *s, const char *root)
{
	const char *const names[] = { "proc/8/stat", "proc/8/status", "proc/8", "proc", "" };
	vm_session_close(s);
	for (size_t i = 0; i < 5; i++) {
		char path[96];
		snprintf(path, sizeof(path), "%s/%s", root, names[i]);
		remove(path);
	}
}

/** A captured tree in which a process changes: what stands still is lent, what moves is read. */
START_TEST(only_rows_at_rest_are_lent)
{
	char root[] = "/tmp/vm-procset-XXXXXX", dir[64];
	struct vm_session *s = open_tree(root, dir, sizeof(dir));
	write_stat(dir, 8, 5, 3);
	write_file(dir, "status", "Name:\tab\nUid:\t0\t0\t0\t0\nVmRSS:\t 16 kB\nVmSwap:\t 8 kB\nThreads:\t1\n");
	const struct vm_sweep o = { .needs = VM_NEED(STAT) | VM_NEED(STATUS), .budget_ns = 1, .lazy = true };
	ck_assert_int_eq(vm_sweep(s, &set, &o, NULL), 0);
	const struct vm_proc *p = &vm_procset_now(&set)->rows.v[0];
	ck_assert_str_eq(p->comm, "ab) cd");
	ck_assert_uint_eq(p->q[VM_P_SWAP], 8192);
	/* status changes, stat doesn't: seen within a few refreshes. */
	write_file(dir, "status", "Name:\tab\nUid:\t0\t0\t0\t0\nVmRSS:\t 20 kB\nVmSwap:\t 4 kB\nThreads:\t1\n");
	unsigned lent = 0;
	do {
		ck_assert_int_eq(vm_sweep(s, &set, &o, NULL), 0);
		p = &vm_procset_now(&set)->rows.v[0];
		ck_assert_uint_eq(p->q[VM_P_RSS] + p->q[VM_P_SWAP], 24 * 1024);
		lent++;
	} while (p->q[VM_P_SWAP] != 4096 && lent < 20);
	ck_assert_uint_le(lent, 8);
	/* A fault shows in stat: status is read at once. */
	write_stat(dir, 8, 6, 3);
	write_file(dir, "status", "Name:\tab\nUid:\t0\t0\t0\t0\nVmRSS:\t 24 kB\nVmSwap:\t 0 kB\nThreads:\t1\n");
	ck_assert_int_eq(vm_sweep(s, &set, &o, NULL), 0);
	ck_assert_uint_eq(vm_procset_now(&set)->rows.v[0].q[VM_P_SWAP], 0);
	close_tree(s, root);
}
END_TEST

/** After how many refreshes a fault of process 8 is seen, when it has been at rest for long, out of sight among `n`. */
static unsigned refreshes_until_seen(struct vm_session *s, const char *dir, size_t n)
{
	/* All but the first have vanished before they could be read. */
	pid_t *crowd = calloc(n, sizeof(*crowd));
	ck_assert_ptr_nonnull(crowd);
	for (size_t i = 0; i < n; i++)
		crowd[i] = i ? 100000 + (pid_t)i : 8;
	const struct vm_sweep o = { .needs = VM_NEED(STAT), .budget_ns = 1, .lazy = true, .only = crowd, .nonly = n };
	unsigned most = 0;
	write_stat(dir, 8, 0, 3);
	vm_procset_forget(&set);
	ck_assert_int_eq(vm_sweep(s, &set, &o, NULL), 0);
	for (unsigned long faults = 1; faults <= 8; faults++) {
		struct vm_proclist *l = vm_procset_now(&set);
		l->notes.v[0].active_ns = 0;
		l->rows.v[0].taken_ns = UINT64_C(60000000000);
		write_stat(dir, 8, faults, 3);
		unsigned took = 0;
		do {
			ck_assert_int_eq(vm_sweep(s, &set, &o, NULL), 0);
			took++;
		} while (vm_procset_now(&set)->rows.v[0].q[VM_P_MINFLT] != faults && took < 20);
		most = took > most ? took : most;
	}
	free(crowd);
	return most;
}

START_TEST(rows_at_rest_wait_the_longer_the_more_there_are)
{
	char root[] = "/tmp/vm-procset-XXXXXX", dir[64];
	struct vm_session *s = open_tree(root, dir, sizeof(dir));
	ck_assert_uint_eq(refreshes_until_seen(s, dir, 2000), 2);
	ck_assert_uint_eq(refreshes_until_seen(s, dir, 2001), 4);
	close_tree(s, root);
}
END_TEST

UNIT_MAIN("procset", rates_need_the_same_process, rows_are_found, never_read_come_first_then_the_oldest,
	  every_budget_reads_something, at_rest_refused_and_kernel_threads_wait, progress_counts_what_can_be_known,
	  sweep_sees_ourselves, the_dead_are_dropped, who_comes_and_goes_is_seen_at_once, new_needs_are_met_at_once,
	  only_rows_at_rest_are_lent, rows_at_rest_wait_the_longer_the_more_there_are)
