/** Bits that tell what is used or written: each goes once round on a page of a child of ours. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/linecut.h"
#include "core/source/doctor_part.h"
#include "core/source/pagemap.h"
#include "core/source/session.h"
#include "core/source/source.h"

/* ---- A child with a page ------------------------------------------------------------------------------------------ */

/** It has a page of its own at `page`, and writes to it each time it is told. */
struct child {
	pid_t pid;
	int to, from;              /* a byte there makes it write, one comes back when it has */
	char *page;
	size_t size;
};

static void be_child(char *page, int in, int out)
{
	char c;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	do {
		*(volatile char *)page = (char)(*(volatile char *)page + 1);
	} while (write(out, "", 1) == 1 && read(in, &c, 1) == 1);
	_exit(0);
}

/** Have it write once; false: it is gone. */
static bool have_written(const struct child *c)
{
	char b;
	return write(c->to, "", 1) == 1 && read(c->from, &b, 1) == 1;
}

static void child_end(struct child *c)
{
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
	if (c->to >= 0)
		close(c->to);
	if (c->from >= 0)
		close(c->from);
	if (c->page)
		munmap(c->page, c->size);
}

static int child_begin(struct vm_session *s, struct child *c, struct vm_err *err)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 };
	char b;
	*c = (struct child){ .pid = -1, .to = -1, .from = -1, .size = s->page_bytes };
	char *page = mmap(NULL, c->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return vm_fail_os(err, errno, "cannot map a page");
	c->page = page;
	if (pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0)
		c->pid = fork();
	if (c->pid == 0)
		be_child(page, in[0], out[1]);
	const int code = errno;
	if (in[0] >= 0)
		close(in[0]);
	if (out[1] >= 0)
		close(out[1]);
	c->to = in[1];
	c->from = out[0];
	if (c->pid < 0)
		return vm_fail_os(err, code, "cannot start a child");
	return read(c->from, &b, 1) == 1 ? 0 : vm_fail(err, ECHILD, "a child of ours ended at once");
}

static int clear_refs(struct vm_session *s, const struct child *c, const char *what, struct vm_err *err)
{
	vm_auto_close int fd = vm_session_open_file(s, O_WRONLY, "proc/%d/clear_refs", c->pid);
	if (fd < 0)
		return vm_fail_os(err, -fd, "cannot open clear_refs of a child of ours");
	if (write(fd, what, 1) != 1)
		return vm_fail_os(err, errno, "cannot write %s to clear_refs of a child of ours", what);
	return 0;
}

/** The pagemap entry of its page. */
static int read_entry(struct vm_session *s, const struct child *c, uint64_t *entry, struct vm_err *err)
{
	vm_auto_close int fd = vm_session_open_file(s, O_RDONLY, "proc/%d/pagemap", c->pid);
	const off_t at = (off_t)((uintptr_t)c->page / c->size * sizeof(*entry));
	if (fd < 0)
		return vm_fail_os(err, -fd, "cannot open pagemap of a child of ours");
	return pread(fd, entry, sizeof(*entry), at) == sizeof(*entry) ? 0 : vm_fail_os(err, errno, "cannot read pagemap");
}

/* ---- Soft-dirty --------------------------------------------------------------------------------------------------- */

static int is_soft_dirty(struct vm_session *s, const struct child *c, struct vm_err *err)
{
	uint64_t entry;
	const int r = read_entry(s, c, &entry, err);
	return r < 0 ? r : (vm_pagemap_state(entry) & VM_PG(SOFT_DIRTY)) != 0;
}

/** Written, cleared, written again. */
static int round_of_soft_dirty(struct vm_session *s, const struct child *c, struct vm_err *err)
{
	const int before = is_soft_dirty(s, c, err);
	if (before < 0)
		return before;
	if (!before)
		return vm_fail(err, EOPNOTSUPP, "a page that was just written isn't marked: the kernel keeps no soft-dirty bits "
			       "(CONFIG_MEM_SOFT_DIRTY)");
	int r = clear_refs(s, c, "4", err);
	const int cleared = r < 0 ? r : is_soft_dirty(s, c, err);
	if (cleared < 0)
		return cleared;
	const int after = have_written(c) ? is_soft_dirty(s, c, err) : vm_fail(err, ECHILD, "a child of ours ended");
	if (after < 0)
		return after;
	return !cleared && after ? 0 : vm_fail(err, EOPNOTSUPP, "the mark of a page %s", cleared ? "stays when it is cleared"
					       : "doesn't come back when the page is written");
}

static void check_soft_dirty(struct vm_session *s, struct vm_finding *f)
{
	struct child c;
	struct vm_err err = { 0 };
	int r = child_begin(s, &c, &err);
	if (r == 0)
		r = round_of_soft_dirty(s, &c, &err);
	child_end(&c);
	vm_found_result(f, r, &err, "to be the same user");
	if (r == 0)
		vm_found(f, VM_VERDICT_WORKS, "a page of a child was marked, cleared and marked again");
	else if (r == -EOPNOTSUPP)
		vm_found(f, VM_VERDICT_ABSENT, "no CONFIG_MEM_SOFT_DIRTY");
}

const struct vm_check vm_check_soft_dirty = {
	.info = { "soft-dirty", "which pages were written since", "writing a page of a child, clearing, writing again", "vmpage, vmws",
		  "PAGEMAP_SCAN" },
	.live = true, .run = check_soft_dirty,
};

/* ---- Accessed bits ------------------------------------------------------------------------------------------------ */

struct referenced {
	unsigned long start;
	bool here;                 /* the line belongs to the child's page */
	long kib;                  /* -1: not met */
};

static void take_line(void *ctx, char *line, size_t len)
{
	struct referenced *x = ctx;
	unsigned long from, to;
	(void)len;
	if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
		x->here = from <= x->start && x->start < to;
	else if (x->here && strncmp(line, "Referenced:", 11) == 0)
		x->kib = strtol(line + 11, NULL, 10);
}

/** Referenced of the mapping of its page, in bytes; other pages of it are none of the child's own. */
static long referenced(struct vm_session *s, const struct child *c, struct vm_err *err)
{
	struct referenced x = { .start = (unsigned long)(uintptr_t)c->page, .kib = -1 };
	struct vm_linecut cut = { 0 };
	vm_auto_close int fd = vm_session_open_file(s, O_RDONLY, "proc/%d/smaps", c->pid);
	char piece[4096];
	ssize_t n;
	if (fd < 0)
		return vm_fail_os(err, -fd, "cannot open smaps of a child of ours");
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		vm_linecut_feed(&cut, piece, (size_t)n, take_line, &x);
	vm_linecut_free(&cut);
	return x.kib < 0 ? vm_fail(err, ENODATA, "smaps tells nothing of a page of a child of ours") : x.kib * 1024;
}

static int round_of_accessed(struct vm_session *s, const struct child *c, struct vm_err *err)
{
	int r = clear_refs(s, c, "1", err);
	const long cleared = r < 0 ? r : referenced(s, c, err);
	if (cleared < 0)
		return (int)cleared;
	/* Clearing leaves the TLB alone: what it still translates is used without being marked (accessed.h).  Clearing soft-dirty
	 * bits doesn't; else a CPU that idles between the child's turns may keep its translations for as long as it likes. */
	long after = cleared;
	for (unsigned i = 0; i < 64 && after <= cleared; i++) {
		usleep(1000);
		r = clear_refs(s, c, "4", err);
		after = r < 0 ? r : have_written(c) ? referenced(s, c, err) : vm_fail(err, ECHILD, "a child of ours ended");
	}
	if (after < 0)
		return (int)after;
	return after > cleared ? 0 : vm_fail(err, EOPNOTSUPP, "a page that a child of ours uses isn't marked as accessed again");
}

static void check_accessed(struct vm_session *s, struct vm_finding *f)
{
	struct child c;
	struct vm_err err = { 0 };
	struct vm_pids daemons = { 0 };
	int r = child_begin(s, &c, &err);
	if (r == 0)
		r = round_of_accessed(s, &c, &err);
	child_end(&c);
	vm_found_result(f, r, &err, "to be the same user");
	if (r == 0)
		vm_found(f, VM_VERDICT_WORKS, "a page of a child was cleared and marked again");
	if (r == 0 && vm_proc_find(s, "^kdamond", &daemons, NULL) == 0 && daemons.n) {
		vm_found(f, VM_VERDICT_PARTLY, "works, but DAMON clears them, too");
		vm_found_why(f, "%zu kernel thread%s of DAMON (kdamond) clear%s accessed bits all the time: what was used shows as unused",
			     daemons.n, daemons.n == 1 ? "" : "s", daemons.n == 1 ? "s" : "");
		vm_found_fix(f, "whoever started it can stop it: /sys/kernel/mm/damon/admin, or a module's parameter \"enabled\"");
	}
	vm_vec_free(&daemons);
}

const struct vm_check vm_check_accessed = {
	.info = { "accessed-bits", "which pages were used since (clear_refs)", "clearing those of a child that goes on using a page",
		  "vmtlb --hot, vmws", "sampling by perf" },
	.live = true, .run = check_accessed,
};

/* ---- Idle page tracking ------------------------------------------------------------------------------------------- */

static int round_of_idle(struct vm_session *s, int fd, const struct child *c, struct vm_err *err)
{
	uint64_t entry, word, bit;
	int r = read_entry(s, c, &entry, err);
	const uint64_t pfn = r < 0 ? 0 : entry & VM_PAGEMAP_PFN_MASK;
	if (r == 0 && !pfn)
		return vm_fail(err, EPERM, "the frame of a page of ours is withheld");
	bit = UINT64_C(1) << pfn % 64;
	const off_t at = (off_t)(pfn / 64 * 8);
	/* Only bits that are set in what is written are changed. */
	if (r == 0 && pwrite(fd, &bit, sizeof(bit), at) != sizeof(bit))
		return vm_fail_os(err, errno, "cannot mark a page of ours as idle");
	if (r == 0 && pread(fd, &word, sizeof(word), at) != sizeof(word))
		return vm_fail_os(err, errno, "cannot read whether a page of ours is idle");
	return r < 0 ? r : word & bit ? 0 : vm_fail(err, EOPNOTSUPP, "a page that was marked as idle isn't");
}

static void check_idle(struct vm_session *s, struct vm_finding *f)
{
	struct child c;
	struct vm_err err = { 0 };
	vm_auto_close int fd = vm_session_open_file(s, O_RDWR, "sys/kernel/mm/page_idle/bitmap");
	if (fd == -ENOENT) {
		vm_found(f, VM_VERDICT_ABSENT, "no CONFIG_IDLE_PAGE_TRACKING");
		return;
	}
	int r = fd < 0 ? vm_fail_os(&err, -fd, "cannot open /sys/kernel/mm/page_idle/bitmap") : child_begin(s, &c, &err);
	if (fd >= 0) {
		r = r < 0 ? r : round_of_idle(s, fd, &c, &err);
		child_end(&c);
	}
	vm_found_result(f, r, &err, "CAP_SYS_ADMIN");
}

const struct vm_check vm_check_idle = {
	.info = { "page-idle", "idle page tracking, by frame", "marking the frame of a page of ours as idle", "vmws", "accessed bits" },
	.live = true, .run = check_idle,
};

/* ---- DAMON -------------------------------------------------------------------------------------------------------- */

#define DAMON "sys/kernel/mm/damon/admin/kdamonds"

struct operations {
	bool virtual, physical;
};

static void take_symbol(void *ctx, char *line, size_t len)
{
	struct operations *x = ctx;
	(void)len;
	x->virtual |= strstr(line, " damon_va_") != NULL;
	x->physical |= strstr(line, " damon_pa_") != NULL;
}

/** Which kinds of memory it was built for, by the names of its functions: making a monitor would change the machine. */
static struct operations damon_operations(struct vm_session *s)
{
	struct operations x = { 0 };
	struct vm_linecut cut = { 0 };
	vm_auto_close int fd = vm_session_open_file(s, O_RDONLY, "proc/kallsyms");
	char piece[65536];
	for (ssize_t n; fd >= 0 && (n = read(fd, piece, sizeof(piece))) > 0;)
		vm_linecut_feed(&cut, piece, (size_t)n, take_symbol, &x);
	vm_linecut_free(&cut);
	return x;
}

static void check_damon(struct vm_session *s, struct vm_finding *f)
{
	vm_auto_close int fd = vm_session_open_file(s, O_RDWR, DAMON "/nr_kdamonds");
	if (fd == -ENOENT) {
		vm_found(f, VM_VERDICT_ABSENT, "no CONFIG_DAMON_SYSFS");
		return;
	}
	if (fd < 0) {
		struct vm_err err = { 0 };
		vm_found_result(f, vm_fail_os(&err, -fd, "cannot open /" DAMON "/nr_kdamonds"), &err, "to be root");
		return;
	}
	const struct operations x = damon_operations(s);
	if (x.virtual) {
		vm_found(f, VM_VERDICT_WORKS, "of processes%s; no monitor was made to prove it", x.physical ? " and of frames" : "");
	} else if (x.physical) {
		vm_found(f, VM_VERDICT_PARTLY, "of frames only, not of processes");
		vm_found_why(f, "the kernel was built without CONFIG_DAMON_VADDR");
	} else {
		vm_found(f, VM_VERDICT_PARTLY, "there, but of what isn't known");
		vm_found_why(f, "/proc/kallsyms names no functions of it; a monitor wasn't made, which would change the machine");
	}
}

const struct vm_check vm_check_damon = {
	.info = { "damon", "DAMON: how often regions are used", "opening its files for writing; no monitor is made", "vmws",
		 "accessed bits" },
	.live = true, .run = check_damon,
};
