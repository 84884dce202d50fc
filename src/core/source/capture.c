#include "core/source/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/model/aspace.h"
#include "core/model/nodes.h"
#include "core/model/system.h"
#include "core/source/nodes.h"
#include "core/source/session.h"
#include "core/source/source.h"

/** Of cpuinfo the first processor is enough; on large machines the file takes long. */
enum { CPUINFO = 6000 };

int vm_read_paging_levels(struct vm_session *s, bool *five)
{
	char text[CPUINFO + 1];
	vm_auto_close int fd = vm_session_open_file(s, O_RDONLY, "proc/cpuinfo");
	if (fd < 0)
		return -ENODATA;
	size_t n = 0;
	for (ssize_t got; n < CPUINFO && (got = read(fd, text + n, CPUINFO - n)) > 0;)
		n += (size_t)got;
	text[n] = '\0';
	vm_session_tee_file(s, "proc/cpuinfo", text, n);
	char *flags = strstr(text, "\nflags\t");
	if (!flags)
		return -ENODATA;
	char *end = strchr(flags + 1, '\n');
	if (end)
		*end = '\0';
	*five = strstr(flags, " la57") != NULL;
	return 0;
}

void vm_read_arch(struct vm_session *s, char *to, size_t size)
{
	struct utsname u;
	to[0] = '\0';
	if (vm_session_slurp(s, &s->scratch, "proc/sys/kernel/arch") > 0)
		snprintf(to, size, "%.*s", (int)strcspn(s->scratch.s, "\n"), s->scratch.s);
	else if (s->live && uname(&u) == 0) {
		/* That file came with Linux 6.1. */
		snprintf(to, size, "%s", u.machine);
		vm_session_tee_file(s, "proc/sys/kernel/arch", to, strlen(to));
	}
}

static void write_page_size(struct vm_session *s)
{
	char text[VM_NUMBUF];
	const int n = snprintf(text, sizeof(text), "%llu\n", (unsigned long long)s->page_bytes);
	vm_session_tee_file(s, "pagesize", text, (size_t)n);
}

static void write_time(struct vm_session *s)
{
	char text[40];
	struct timespec ts;
	struct tm tm;
	/* What is captured of a tree or recording is as old as that; reading copies it. */
	if (!s->live) {
		vm_session_slurp(s, &s->scratch, "captured");
		return;
	}
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	size_t n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ\n", &tm);
	vm_session_tee_file(s, "captured", text, n);
}

void vm_capture_machine(struct vm_session *s)
{
	struct vm_system sys;
	struct vm_nodes nodes;
	bool five;
	char arch[65];
	vm_system_read(s, &sys, NULL);
	vm_read_paging_levels(s, &five);
	vm_read_arch(s, arch, sizeof(arch));
	vm_nodes_read(s, &nodes, NULL);
	vm_nodes_free(&nodes);
	vm_session_read_boot(s);
	write_page_size(s);
	write_time(s);
}

uint64_t vm_captured_ns(struct vm_session *s)
{
	struct tm tm = { 0 };
	if (s->live || vm_session_slurp(s, &s->scratch, "captured") <= 0 || !strptime(s->scratch.s, "%Y-%m-%dT%H:%M:%S", &tm))
		return 0;
	const time_t seconds = timegm(&tm);
	return seconds > 0 ? (uint64_t)seconds * 1000000000 : 0;
}

/**
 * Each set of needs makes the registry choose other files: maps for the layout alone, smaps, and
 * smaps_rollup where no smaps was read.
 */
int vm_capture_process(struct vm_session *s, pid_t pid, struct vm_err *err)
{
	const uint32_t all = ((UINT32_C(1) << VM_NEED_NR) - 1) & ~VM_NEED(FRAMES);
	struct vm_aspace *as;
	struct vm_proc p;
	struct vm_arena texts = { 0 };
	int r = vm_snapshot(s, pid, VM_NEED_KIND & ~VM_NEED(FLAGS), 0, 0, &as, err);
	if (r < 0)
		return r;
	vm_aspace_free(as);
	r = vm_proc_read(s, pid, VM_NEED(ROLLUP), &texts, &p, err);
	vm_arena_free(&texts);
	if (r == 0)
		r = vm_snapshot(s, pid, all, 0, 0, &as, err);
	if (r == 0)
		vm_aspace_free(as);
	return r;
}

static bool is_unreadable(int r)
{
	return r == -ESRCH || r == -EACCES || r == -EPERM;
}

/** 0 if at least one of them can be read, else why the last one can't. */
static int find_readable(struct vm_session *s, const pid_t *pids, size_t n, struct vm_err *err)
{
	int r = -ESRCH;
	for (size_t i = 0; i < n && r < 0; i++) {
		struct vm_aspace *as;
		r = vm_snapshot(s, pids[i], VM_NEED(LAYOUT), 0, 0, &as, err);
		if (r == 0)
			vm_aspace_free(as);
	}
	return r;
}

int vm_capture(struct vm_session *s, const char *dir, const pid_t *pids, size_t n, struct vm_err *err)
{
	/* Nothing is made for processes of which none can be read. */
	int r = find_readable(s, pids, n, err);
	if (r == 0)
		r = vm_session_capture(s, dir, err);
	if (r < 0)
		return r;
	vm_capture_machine(s);
	size_t done = 0;
	for (size_t i = 0; i < n; i++) {
		r = vm_capture_process(s, pids[i], err);
		done += r == 0;
		if (r < 0 && !is_unreadable(r))
			break;
	}
	close(s->capture_fd);
	s->capture_fd = -1;
	if (done == 0 || (r < 0 && !is_unreadable(r)))
		return r;
	return s->capture_error ? vm_fail_os(err, s->capture_error, "cannot write the capture in '%s'", dir) : 0;
}
