/** Totals of a process: the small files of /proc/PID. */

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/model/aspace.h"
#include "core/model/process.h"
#include "core/source/procparse.h"
#include "core/source/session.h"
#include "core/source/snap.h"

/** Longer command lines are cut: they are kept for every process, and a process can make up any (prctl(2)). */
enum { CMDLINE_MAX = 128 * 1024 };

/** The file as text in the session's scratch buffer; NULL and *r if it can't be read. */
static const char *read_text(struct vm_snap *sn, const char *name, int *r, struct vm_err *err)
{
	long n = vm_snap_slurp(sn, &sn->s->scratch, name);
	if (n >= 0)
		return sn->s->scratch.s;
	*r = (int)n;
	if (n != -ESRCH)
		vm_fail_os(err, (int)-n, "cannot read /proc/%d/%s", sn->pid, name);
	return NULL;
}

static int nonsense(const struct vm_snap *sn, const char *name, struct vm_err *err)
{
	return vm_fail(err, EBADMSG, "/proc/%d/%s makes no sense", sn->pid, name);
}

static int fill_stat(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	int r = 0;
	const char *text = read_text(sn, "stat", &r, err);
	if (!text)
		return r;
	if (!vm_parse_stat(text, sn->s->page_bytes, sn->s->ticks_per_second, want & VM_NEED(MMADDR), sn->proc))
		return nonsense(sn, "stat", err);
	/* The kernel shows addresses as 0 or 1 to those who may not ptrace. */
	if ((want & VM_NEED(MMADDR)) && !vm_proc_has(sn->proc, VM_P_START_STACK) && !sn->proc->kthread &&
	    sn->proc->state != 'Z')
		return vm_fail_os(err, EACCES, "addresses in /proc/%d/stat", sn->pid);
	return 0;
}

const struct vm_source vm_src_stat = {
	.name = "stat", .help = "/proc/PID/stat: state, faults, VSZ, RSS, addresses",
	.provides = VM_NEED(STAT) | VM_NEED(MMADDR), .primary = VM_NEED(STAT) | VM_NEED(MMADDR),
	.fill = fill_stat,
};

static int fill_status(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	(void)want;
	int r = 0;
	const char *text = read_text(sn, "status", &r, err);
	if (!text)
		return r;
	return vm_parse_status(text, sn->proc) ? 0 : nonsense(sn, "status", err);
}

const struct vm_source vm_src_status = {
	.name = "status", .help = "/proc/PID/status: RSS by type, peaks, locked, page tables, user",
	.provides = VM_NEED(STATUS), .primary = VM_NEED(STATUS), .fill = fill_status,
};

static int fill_statm(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	(void)want;
	int r = 0;
	const char *text = read_text(sn, "statm", &r, err);
	if (!text)
		return r;
	return vm_parse_statm(text, sn->s->page_bytes, sn->proc) ? 0 : nonsense(sn, "statm", err);
}

const struct vm_source vm_src_statm = {
	.name = "statm", .help = "/proc/PID/statm: shared and data pages",
	.provides = VM_NEED(STATM), .primary = VM_NEED(STATM), .fill = fill_statm,
};

static int fill_smaps_sums(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	(void)want, (void)err;
	if (!sn->as || !(sn->met & VM_NEED(SMAPS)))
		return -ENODATA;
	vm_aspace_sum_to_proc(sn->as);
	return 0;
}

const struct vm_source vm_src_smaps_sums = {
	.name = "smaps-sums", .help = "sums of smaps, where that was read anyway",
	.provides = VM_NEED(ROLLUP), .primary = VM_NEED(ROLLUP), .fill = fill_smaps_sums,
};

static int fill_rollup(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	(void)want;
	int r = 0;
	uint64_t at = vm_session_clock(sn->s);
	const char *text = read_text(sn, "smaps_rollup", &r, err);
	if (!text)
		return r;
	if (!vm_parse_rollup(text, sn->proc))
		return nonsense(sn, "smaps_rollup", err);
	sn->proc->rollup_ns = at;
	return 0;
}

const struct vm_source vm_src_rollup = {
	.name = "smaps_rollup", .help = "/proc/PID/smaps_rollup: PSS, USS and other sums (Linux 4.14)",
	.provides = VM_NEED(ROLLUP), .primary = VM_NEED(ROLLUP), .fill = fill_rollup,
};

static int fill_cmdline(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	(void)want;
	int r = 0;
	if (!read_text(sn, "cmdline", &r, err))
		return r;
	struct vm_buf *b = &sn->s->scratch;
	size_t n = vm_parse_cmdline(b->s, b->n < CMDLINE_MAX ? b->n : CMDLINE_MAX);
	sn->proc->cmdline = vm_arena_strndup(sn->arena, b->s, n);
	return sn->proc->cmdline ? 0 : vm_fail(err, ENOMEM, "out of memory");
}

const struct vm_source vm_src_cmdline = {
	.name = "cmdline", .help = "/proc/PID/cmdline: the command line",
	.provides = VM_NEED(CMDLINE), .primary = VM_NEED(CMDLINE), .fill = fill_cmdline,
};

static int fill_limits(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	(void)want;
	int r = 0;
	const char *text = read_text(sn, "limits", &r, err);
	if (!text)
		return r;
	if (!vm_parse_limits(text, sn->proc))
		return nonsense(sn, "limits", err);
	if (vm_proc_has(sn->proc, VM_P_MEMLOCK_SOFT)) {
		const uint64_t soft = sn->proc->q[VM_P_MEMLOCK_SOFT];
		vm_proc_set(sn->proc, VM_P_MEMLOCK_PAGES, soft == UINT64_MAX ? soft : soft / sn->s->page_bytes * sn->s->page_bytes);
	}
	return 0;
}

const struct vm_source vm_src_limits = {
	.name = "limits", .help = "/proc/PID/limits: resource limits",
	.provides = VM_NEED(LIMITS), .primary = VM_NEED(LIMITS), .fill = fill_limits,
};

static int fill_auxv(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	(void)want;
	int r = 0;
	if (!read_text(sn, "auxv", &r, err))
		return r;
	struct vm_buf *b = &sn->s->scratch;
	/* Empty for kernel threads and zombies; only an end while a program is being executed. */
	uint64_t first = 0;
	memcpy(&first, b->s, b->n < sizeof(first) ? b->n : sizeof(first));
	return first == AT_NULL || vm_parse_auxv(b->s, b->n, sn->proc) ? 0 : nonsense(sn, "auxv", err);
}

const struct vm_source vm_src_auxv = {
	.name = "auxv", .help = "/proc/PID/auxv: page size, entry, loader, vdso",
	.provides = VM_NEED(AUXV), .primary = VM_NEED(AUXV), .fill = fill_auxv,
};

static int fill_cgroup(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	(void)want;
	int r = 0;
	if (!read_text(sn, "cgroup", &r, err))
		return r;
	const char *path = vm_parse_cgroup(sn->s->scratch.s);
	if (path)
		sn->proc->cgroup = vm_arena_strndup(sn->arena, path, strlen(path));
	return 0;
}

const struct vm_source vm_src_cgroup = {
	.name = "cgroup", .help = "/proc/PID/cgroup: the control group",
	.provides = VM_NEED(CGROUP), .primary = VM_NEED(CGROUP), .fill = fill_cgroup,
};

static const char *find_name_in(char *passwd, uid_t uid)
{
	for (char *line = passwd, *next; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		char *colon = strchr(line, ':');
		char *number = colon ? strchr(colon + 1, ':') : NULL;
		char *end;
		if (!number || strtoul(number + 1, &end, 10) != uid || *end != ':')
			continue;
		*colon = '\0';
		return line;
	}
	return NULL;
}

/** Live, the name service knows; a captured tree may hold its machine's /etc/passwd. */
static const char *look_up_user(struct vm_session *s, uid_t uid)
{
	const char *name = NULL;
	char number[16];
	if (s->live) {
		const struct passwd *pw = getpwuid(uid);
		name = pw ? pw->pw_name : NULL;
	} else if (vm_session_slurp(s, &s->scratch, "etc/passwd") >= 0) {
		name = find_name_in(s->scratch.s, uid);
	}
	if (!name) {
		snprintf(number, sizeof(number), "%u", uid);
		name = number;
	}
	return vm_arena_strndup(&s->arena, name, strlen(name));
}

static bool find_uid_in(char *passwd, const char *name, uid_t *uid)
{
	size_t n = strlen(name);
	for (const char *line = passwd; line; line = (line = strchr(line, '\n')) ? line + 1 : NULL) {
		const char *number = strncmp(line, name, n) == 0 && line[n] == ':' ? strchr(line + n + 1, ':') : NULL;
		if (!number)
			continue;
		*uid = (uid_t)strtoul(number + 1, NULL, 10);
		return true;
	}
	return false;
}

int vm_user_find(struct vm_session *s, const char *name, uid_t *uid, struct vm_err *err)
{
	uint64_t number;
	if (vm_parse_u64(name, &number) == 0 && number < UINT32_MAX) {
		*uid = (uid_t)number;
		return 0;
	}
	if (s->live) {
		const struct passwd *pw = getpwnam(name);
		if (pw) {
			*uid = pw->pw_uid;
			return 0;
		}
	} else if (vm_session_slurp(s, &s->scratch, "etc/passwd") >= 0 && find_uid_in(s->scratch.s, name, uid)) {
		return 0;
	}
	return vm_fail(err, EINVAL, "there is no user '%s'", name);
}

int vm_proc_find_user(struct vm_session *s, struct vm_proc *p)
{
	for (size_t i = 0; i < s->users.n; i++) {
		if (s->users.v[i].uid == p->uid) {
			p->user = s->users.v[i].name;
			return 0;
		}
	}
	struct vm_user user = { .uid = p->uid, .name = look_up_user(s, p->uid) };
	if (!user.name || !vm_vec_push(&s->users, user))
		return -ENOMEM;
	p->user = user.name;
	return 0;
}

static int fill_user(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	(void)want;
	if (!sn->proc->has_uid)
		return -ENODATA;
	if (vm_proc_find_user(sn->s, sn->proc) < 0)
		return vm_fail(err, ENOMEM, "out of memory");
	return 0;
}

const struct vm_source vm_src_user = {
	.name = "passwd", .help = "name service, or etc/passwd of a captured tree: names of users",
	.provides = VM_NEED(USER), .primary = VM_NEED(USER), .fill = fill_user,
};
