/** What we may do, and what we are confined to. */

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/cleanup.h"
#include "core/base/str.h"
#include "core/model/process.h"
#include "core/source/cgroupfs.h"
#include "core/source/doctor_part.h"
#include "core/source/session.h"
#include "core/source/source.h"

/* ---- Capabilities ------------------------------------------------------------------------------------------------- */

static const struct { unsigned number; const char *name; } caps[] = {
	{ CAP_SYS_ADMIN, "SYS_ADMIN" }, { CAP_SYS_PTRACE, "SYS_PTRACE" }, { CAP_PERFMON, "PERFMON" }, { CAP_BPF, "BPF" },
	{ CAP_SYS_RESOURCE, "SYS_RESOURCE" }, { CAP_IPC_LOCK, "IPC_LOCK" }, { CAP_SYS_NICE, "SYS_NICE" },
};

static void put_caps(struct vm_buf *b, uint64_t have, bool those)
{
	bool any = false;
	for (size_t i = 0; i < vm_countof(caps); i++) {
		if ((have >> caps[i].number & 1) != those)
			continue;
		vm_buf_addf(b, "%s%s", any ? ", " : "", caps[i].name);
		any = true;
	}
}

static void check_capabilities(struct vm_session *s, struct vm_finding *f)
{
	struct vm_proc p;
	struct vm_arena texts = { 0 };
	struct vm_buf b = { 0 };
	unsigned n = 0;
	int r = vm_proc_read(s, getpid(), VM_NEED(CAPS), &texts, &p, NULL);
	vm_arena_free(&texts);
	if (r < 0 || !vm_proc_has(&p, VM_P_CAPS)) {
		vm_found(f, VM_VERDICT_ABSENT, "they can't be read");
		return;
	}
	for (size_t i = 0; i < vm_countof(caps); i++)
		n += p.q[VM_P_CAPS] >> caps[i].number & 1;
	const bool elsewhere = vm_proc_has(&p, VM_P_FIRST_USER_NS) && !p.q[VM_P_FIRST_USER_NS];
	if (n == vm_countof(caps))
		vm_buf_add_str(&b, "all that matter here");
	else if (n > vm_countof(caps) / 2)
		vm_buf_add_str(&b, "all that matter here but ");
	if (n < vm_countof(caps) && n)
		put_caps(&b, p.q[VM_P_CAPS], n <= vm_countof(caps) / 2);
	else if (!n)
		vm_buf_add_str(&b, "none");
	vm_buf_addf(&b, " (user %u)%s", (unsigned)geteuid(), elsewhere ? ", of a user namespace: they don't count outside of it" : "");
	const bool all = n == vm_countof(caps) && !elsewhere;
	vm_found(f, all ? VM_VERDICT_WORKS : n ? VM_VERDICT_PARTLY : VM_VERDICT_DENIED, "%s", vm_buf_str(&b));
	b.n = 0;
	if (n < vm_countof(caps)) {
		put_caps(&b, p.q[VM_P_CAPS], false);
		vm_found_why(f, "not effective: %s", vm_buf_str(&b));
		vm_found_fix(f, n ? "who started this left them out: setpriv --dump shows which are bounded" : "run with sudo");
	}
	vm_buf_free(&b);
}

const struct vm_check vm_check_capabilities = {
	.info = { "capabilities", "what this user may do", "reading those that are effective", "all", "what needs none" },
	.live = true, .run = check_capabilities,
};

/* ---- ptrace ------------------------------------------------------------------------------------------------------- */

/** Attach to a process of our own user that isn't a child of who tries: what Yama's scope 1 and more forbid. */
static int attach_to_sibling(pid_t sibling)
{
	const pid_t pid = fork();
	int status = 0;
	if (pid == 0) {
		const bool attached = ptrace(PTRACE_SEIZE, sibling, NULL, NULL) == 0;
		_exit(attached ? 0 : errno);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

static int try_ptrace(void)
{
	const pid_t sibling = fork();
	if (sibling == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	if (sibling < 0)
		return -errno;
	const int r = attach_to_sibling(sibling);
	kill(sibling, SIGKILL);
	waitpid(sibling, NULL, 0);
	return r;
}

static void check_ptrace(struct vm_session *s, struct vm_finding *f)
{
	static const char *const scopes[] = { "processes of the same user", "descendants only", "CAP_SYS_PTRACE only", "nobody" };
	const long n = vm_session_slurp(s, &s->scratch, "proc/sys/kernel/yama/ptrace_scope");
	const long scope = n > 0 ? strtol(s->scratch.s, NULL, 10) : -1;
	const int r = try_ptrace();
	char yama[80] = "no Yama";
	if (scope >= 0)
		snprintf(yama, sizeof(yama), "scope %ld (%s)", scope, scope < 4 ? scopes[scope] : "unknown");
	vm_found(f, r == 0 ? VM_VERDICT_WORKS : VM_VERDICT_DENIED, "%s: a sibling %s be traced", yama, r == 0 ? "can" : "can't");
	if (r < 0) {
		vm_found_why(f, "ptrace(2) of another process of ours: %s", strerror(-r));
		vm_found_fix(f, "%s",
			 scope > 0 ? "sysctl kernel.yama.ptrace_scope=0, or run with sudo" : "run outside of the sandbox that forbids it");
	}
}

const struct vm_check vm_check_ptrace = {
	.info = { "ptrace", "who may look into whom", "attaching one child of ours to another", "vmpage --via pagemap of others, gdb",
		 "" },
	.live = true, .run = check_ptrace,
};

/* ---- Containers --------------------------------------------------------------------------------------------------- */

/** Numbers of the first namespaces (include/linux/proc_ns.h), the same on every machine. */
static bool is_first(struct vm_session *s, const char *kind, unsigned long number)
{
	char link[64], first[64];
	snprintf(first, sizeof(first), "%s:[%lu]", kind, number);
	return vm_session_readlink(s, link, sizeof(link), "proc/self/ns/%s", kind) < 0 || strcmp(link, first) == 0;
}

/** "Seccomp: 2" of status: a filter is on us. */
static bool has_filter(struct vm_session *s)
{
	if (vm_session_slurp(s, &s->scratch, "proc/self/status") <= 0)
		return false;
	const char *line = strstr(s->scratch.s, "\nSeccomp:");
	return line && strtol(line + strlen("\nSeccomp:"), NULL, 10) == 2;
}

static void put_cgroup(struct vm_session *s, struct vm_buf *b, bool *limited)
{
	struct vm_proc p;
	struct vm_arena texts = { 0 };
	struct vm_cgroup_limit limit = { .room = UINT64_MAX };
	char size[VM_NUMBUF];
	const int r = vm_proc_read(s, getpid(), VM_NEED(CGROUP), &texts, &p, NULL);
	if (r < 0 || !p.cgroup || !vm_cgroup_memory_limit(s, p.cgroup, &limit))
		vm_buf_add_str(b, "; memory control group not seen");
	else if (limit.room == UINT64_MAX)
		vm_buf_add_str(b, "; no memory limit");
	else
		vm_buf_addf(b, "; memory limit leaves %s", vm_format_size(limit.room, size));
	*limited = r == 0 && p.cgroup && limit.room != UINT64_MAX;
	vm_arena_free(&texts);
}

static void check_container(struct vm_session *s, struct vm_finding *f)
{
	const bool pid = is_first(s, "pid", 0xEFFFFFFC), user = is_first(s, "user", 0xEFFFFFFD), time = is_first(s, "time", 0xEFFFFFFA);
	const bool filter = has_filter(s);
	struct vm_buf b = { 0 };
	bool limited = false;
	if (pid && user && time)
		vm_buf_add_str(&b, "none: the first namespaces");
	else
		vm_buf_addf(&b, "namespaces of its own:%s%s%s", pid ? "" : " pid", user ? "" : " user", time ? "" : " time");
	if (filter)
		vm_buf_add_str(&b, "; a seccomp filter");
	put_cgroup(s, &b, &limited);
	vm_found(f, pid && user && time && !filter && !limited ? VM_VERDICT_WORKS : VM_VERDICT_PARTLY, "%s", vm_buf_str(&b));
	if (!pid)
		vm_found_why(f, "processes outside aren't seen, and eBPF can't tell ours by their numbers");
	else if (filter)
		vm_found_why(f, "system calls such as perf_event_open(2) and bpf(2) may be refused, whoever asks");
	if (!pid || !user || filter)
		vm_found_fix(f, "run on the host; or docker run --pid host --privileged");
	vm_buf_free(&b);
}

const struct vm_check vm_check_container = {
	.info = { "container", "namespaces, seccomp, memory limit", "reading which ones we are in", "vmtop, vmrep", "" },
	.live = true, .run = check_container,
};

static void check_lockdown(struct vm_session *s, struct vm_finding *f)
{
	const long n = vm_session_slurp(s, &s->scratch, "sys/kernel/security/lockdown");
	if (n > 0 && strstr(s->scratch.s, "[confidentiality]")) {
		vm_found(f, VM_VERDICT_DENIED, "confidentiality: kernel memory can't be read");
		vm_found_why(f, "page tables can't be walked, nor page offsets found, whoever asks");
		vm_found_fix(f, "boot with lockdown=integrity, or without Secure Boot");
	} else if (n > 0) {
		vm_found(f, VM_VERDICT_WORKS, "%s: reading is allowed", strstr(s->scratch.s, "[integrity]") ? "integrity" : "none");
	} else {
		vm_found(f, VM_VERDICT_WORKS, n == -EACCES ? "it can't be seen" : "none (no such security module)");
	}
}

const struct vm_check vm_check_lockdown = {
	.info = { "lockdown", "whether the kernel keeps its memory from root", "reading its state; page-tables and page-offset try it",
		 "vmpage, vmfault",
		  "pagemap" },
	.live = true, .run = check_lockdown,
};

/* ---- Locked memory ------------------------------------------------------------------------------------------------ */

static void check_memlock(struct vm_session *s, struct vm_finding *f)
{
	struct rlimit lim;
	char size[VM_NUMBUF];
	char *p = mmap(NULL, s->page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const bool locked = p != MAP_FAILED && mlock(p, s->page_bytes) == 0;
	const int code = errno;
	if (p != MAP_FAILED)
		munmap(p, s->page_bytes);
	if (getrlimit(RLIMIT_MEMLOCK, &lim) != 0)
		lim.rlim_cur = 0;
	vm_found(f, locked ? VM_VERDICT_WORKS : VM_VERDICT_DENIED, "%s%s",
		 locked ? "a page of ours can be locked; limit " : "no page can be locked; limit ",
		 lim.rlim_cur == RLIM_INFINITY ? "none" : vm_format_size(lim.rlim_cur, size));
	if (!locked) {
		vm_found_why(f, "mlock(2) of a page: %s", strerror(code));
		vm_found_fix(f, "ulimit -l, limits.conf(5), LimitMEMLOCK= of systemd");
	}
}

const struct vm_check vm_check_memlock = {
	.info = { "memlock", "locking memory", "locking a page of ours for a moment", "vmlock; rings of perf",
		 "vmlock --explain tells the rest" },
	.live = true, .run = check_memlock,
};
