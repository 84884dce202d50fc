/** vmlock --explain: the sentences, and what would help. */

#include "cli/vmlock/vmlock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/source/session.h"

static bool is_capable_elsewhere(const struct vm_proc *p)
{
	return vm_proc_lock_capable(p) == VM_NO && vm_proc_has(p, VM_P_CAPS) && p->q[VM_P_CAPS] >> VM_CAP_IPC_LOCK & 1;
}

/* ---- Reasons ----------------------------------------------------------------------------------------------------- */

static void say_permission(const struct vm_proc *p, const struct vm_lock_facts *f, enum vm_answer passed, struct vm_buf *b)
{
	if (f->capable == VM_YES)
		vm_buf_add_str(b, "CAP_IPC_LOCK is effective");
	else if (passed == VM_UNSURE)
		vm_buf_add_str(b, "neither its limit nor its capabilities are known");
	else if (passed == VM_NO)
		vm_buf_add_str(b, "RLIMIT_MEMLOCK is 0, and CAP_IPC_LOCK isn't effective: EPERM");
	else
		vm_buf_add_str(b, "RLIMIT_MEMLOCK isn't 0");
	if (is_capable_elsewhere(p))
		vm_buf_add_str(b, "; it has CAP_IPC_LOCK in a user namespace of its own only, where the kernel doesn't ask");
}

static void say_limit(const struct vmlock *v, const struct vm_proc *p, const struct vm_lock_facts *f,
		      const struct vm_lock_verdict *verdict, struct vm_buf *b)
{
	const struct vm_lock_result *r = &verdict->test[VM_LT_LIMIT];
	char locked[VMLOCK_TEXT], more[VMLOCK_TEXT], sum[VMLOCK_TEXT], limit[VMLOCK_TEXT], hard[VMLOCK_TEXT];
	if (v->ask.call == VM_LOCK_CURRENT)
		vm_buf_addf(b, "%s of address space", vmlock_size(v, r->wanted, sum));
	else
		vm_buf_addf(b, "%s locked + %s %s = %s", vmlock_size(v, f->locked, locked),
			    vmlock_size(v, verdict->counted, more),
			    !v->ask.placed ? "asked for" : f->have & VM_LF_RANGE ? "that isn't yet" : "that may not be yet",
			    vmlock_size(v, r->wanted, sum));
	vmlock_size(v, r->there, limit);
	if (!(f->have & VM_LF_LIMIT)) {
		vm_buf_add_str(b, f->capable == VM_YES ? "; CAP_IPC_LOCK frees it from the limit" : "; its limit isn't known");
		return;
	}
	vm_buf_addf(b, ", %s %s of RLIMIT_MEMLOCK (soft%s%s)", r->wanted > r->there ? "more than the" : "within the", limit,
		    vm_proc_has(p, VM_P_MEMLOCK_HARD) ? "; hard " : "",
		    vm_proc_has(p, VM_P_MEMLOCK_HARD) ? vmlock_size(v, p->q[VM_P_MEMLOCK_HARD], hard) : "");
	if (r->passed == VM_NO)
		vm_buf_add_str(b, ": ENOMEM");
	else if (r->passed == VM_UNSURE && f->capable == VM_NO)
		vm_buf_add_str(b, ": ENOMEM, unless parts of it are locked already, which may not be read");
	else if (r->passed == VM_UNSURE)
		vm_buf_add_str(b, ": ENOMEM, unless CAP_IPC_LOCK is effective, which isn't known");
	else if (r->wanted > r->there)
		vm_buf_add_str(b, ", but CAP_IPC_LOCK frees it from that");
}

static void say_mapped(const struct vmlock *v, const struct vm_lock_facts *f, const struct vm_lock_verdict *verdict,
		       struct vm_buf *b)
{
	const enum vm_answer passed = verdict->test[VM_LT_MAPPED].passed;
	char size[VMLOCK_TEXT];
	if (passed == VM_UNSURE)
		vm_buf_add_str(b, "what is mapped there may not be read");
	else if (passed == VM_NO)
		vm_buf_addf(b, "nothing is mapped at %012llx, %s in all: ENOMEM%s", (unsigned long long)f->range.first_unmapped,
			    vmlock_size(v, f->range.unmapped, size),
			    verdict->fails == VM_LT_MAPPED ? "; what lies before that is locked all the same" : "");
	else
		vm_buf_add_str(b, "all of it is mapped");
	if (passed == VM_YES && f->range.passed_over)
		vm_buf_addf(b, "; %s (devices, hugetlb and the like) is passed over, but counts in the test of the limit",
			    vmlock_size(v, f->range.passed_over, size));
}

static void say_splits(const struct vmlock *v, const struct vm_lock_facts *f, enum vm_answer passed, struct vm_buf *b)
{
	const unsigned most = v->ask.placed ? f->range.most_splits : 2;
	if (!(f->have & VM_LF_MAPS) || !(f->have & VM_LF_MAX_MAPS)) {
		vm_buf_add_str(b, !(f->have & VM_LF_MAPS) ? "the number of its mappings isn't known" : "vm.max_map_count isn't known");
		return;
	}
	vm_buf_addf(b, "%llu mappings of %llu that vm.max_map_count allows; ", (unsigned long long)f->maps,
		    (unsigned long long)f->max_maps);
	if (passed == VM_UNSURE && v->ask.placed)
		vm_buf_addf(b, "%u more by splitting, unless a part can be joined to its neighbour, would be too many: ENOMEM", most);
	else if (passed == VM_UNSURE)
		vm_buf_add_str(b, "a part of a mapping can't be split off, which is ENOMEM; whole mappings can be locked");
	else if (most == 0)
		vm_buf_add_str(b, "none has to be split");
	else
		vm_buf_addf(b, "%s%u more by splitting%s", v->ask.placed ? "" : "at most ", most, passed == VM_NO ? ": ENOMEM" : "");
}

static void say_access(const struct vmlock *v, const struct vm_lock_facts *f, const struct vm_lock_verdict *verdict,
		       struct vm_buf *b)
{
	const enum vm_answer passed = verdict->test[VM_LT_ACCESS].passed;
	const struct vm_lock_range *r = &f->range;
	char size[VMLOCK_TEXT];
	if (!(f->have & VM_LF_RANGE))
		vm_buf_add_str(b, "what is mapped there may not be read");
	else if (passed == VM_YES)
		vm_buf_add_str(b, v->ask.call == VM_LOCK_ONFAULT ? "nothing has to be filled now" : "its pages can be filled");
	else if (passed == VM_UNSURE)
		vm_buf_add_str(b, "some are of files, and may lie behind their end, or of a hugetlb pool, which may be empty: "
				  "that would be ENOMEM");
	if (r->forbidden)
		vm_buf_addf(b, "%s from %012llx on is PROT_NONE", vmlock_size(v, r->forbidden, size),
			    (unsigned long long)r->first_forbidden);
	if (r->beyond)
		vm_buf_addf(b, "%s%s from %012llx on is behind the end of its file", r->forbidden ? "; " : "",
			    vmlock_size(v, r->beyond, size), (unsigned long long)r->first_beyond);
	if (r->forbidden || r->beyond)
		vm_buf_addf(b, ": ENOMEM%s",
			    verdict->fails == VM_LT_ACCESS ? ", after all of the range has been marked as locked and counted" : "");
}

static void say_memory(const struct vmlock *v, const struct vm_lock_facts *f, const struct vm_lock_result *r, struct vm_buf *b)
{
	char wanted[VMLOCK_TEXT], there[VMLOCK_TEXT];
	const bool group = (f->have & VM_LF_CGROUP) && r->there == f->cgroup_room;
	vm_buf_addf(b, "%s%s to be filled at once", v->ask.placed && r->wanted ? "at most " : "", vmlock_size(v, r->wanted, wanted));
	if (r->there == UINT64_MAX)
		vm_buf_add_str(b, r->wanted ? "; how much there is isn't known" : "");
	else
		vm_buf_addf(b, ", of %s available %s", vmlock_size(v, r->there, there),
			    group ? "to its control group" : "with swap");
	if (r->passed == VM_NO)
		vm_buf_add_str(b, ": the OOM killer comes, or EAGAIN, and what was filled stays locked");
	else if (r->passed == VM_UNSURE && r->wanted > r->there)
		vm_buf_add_str(b, "; what is there already may not be read");
}

void vmlock_reason(const struct vmlock *v, const struct vm_proc *p, const struct vm_lock_facts *f,
		   const struct vm_lock_verdict *verdict, enum vm_lock_test t, struct vm_buf *out)
{
	const struct vm_lock_result *r = &verdict->test[t];
	switch (t) {
	case VM_LT_PERMISSION:
		say_permission(p, f, r->passed, out);
		break;
	case VM_LT_LIMIT:
		say_limit(v, p, f, verdict, out);
		break;
	case VM_LT_MAPPED:
		say_mapped(v, f, verdict, out);
		break;
	case VM_LT_SPLITS:
		say_splits(v, f, r->passed, out);
		break;
	case VM_LT_ACCESS:
		say_access(v, f, verdict, out);
		break;
	default:
		say_memory(v, f, r, out);
	}
}

/* ---- What would help ----------------------------------------------------------------------------------------------- */

struct fixes {
	struct vmlock_fix *v;
	size_t n;
};

__attribute__((format(printf, 3, 4)))
static void add(struct fixes *fixes, const char *what, const char *command, ...)
{
	if (fixes->n == VMLOCK_FIXES)
		return;
	struct vmlock_fix *f = &fixes->v[fixes->n++];
	va_list ap;
	snprintf(f->what, sizeof(f->what), "%s", what);
	f->command[0] = '\0';
	if (!command)
		return;
	va_start(ap, command);
	vsnprintf(f->command, sizeof(f->command), command, ap);
	va_end(ap);
}

/** The limit that is wanted, whole KiB for shells. */
static uint64_t kib(uint64_t bytes)
{
	return (bytes + 1023) / 1024;
}

/** `allowed`: the hard limit is high enough. */
static void raise_running(const struct vmlock *v, const struct vm_proc *p, uint64_t bytes, bool allowed, struct fixes *fixes)
{
	const unsigned long long n = bytes;
	if (!v->pids.n && allowed)
		add(fixes, "raise the soft limit in the shell that starts it: the hard one allows that to everyone", "ulimit -S -l %llu",
		    (unsigned long long)kib(bytes));
	else if (allowed)
		add(fixes, "raise its soft limit: the hard one allows that to its user", "prlimit --pid %d --memlock=%llu:",
		    p->pid, n);
	else if (v->pids.n)
		add(fixes, "raise its limit, for which it takes CAP_SYS_RESOURCE", "prlimit --pid %d --memlock=%llu:%llu", p->pid, n, n);
}

static void raise_limit(const struct vmlock *v, const struct vm_proc *p, uint64_t bytes, struct fixes *fixes)
{
	const bool allowed = vm_proc_has(p, VM_P_MEMLOCK_HARD) && bytes <= p->q[VM_P_MEMLOCK_HARD];
	raise_running(v, p, bytes, allowed, fixes);
	add(fixes, "have it started with a higher limit, by systemd", "LimitMEMLOCK=%lluK", (unsigned long long)kib(bytes));
	add(fixes, "or by pam_limits at the next login, in limits.conf", "%s - memlock %llu", p->user ? p->user : "USER", (unsigned long long)kib(bytes));
	if (!allowed)
		add(fixes, "or by a shell of root's", "ulimit -l %llu", (unsigned long long)kib(bytes));
	else if (v->pids.n)
		add(fixes, "or by the shell that starts it", "ulimit -S -l %llu", (unsigned long long)kib(bytes));
	if (is_capable_elsewhere(p) || (vm_proc_has(p, VM_P_FIRST_USER_NS) && !p->q[VM_P_FIRST_USER_NS])) {
		add(fixes, "no capability helps within its user namespace: what starts the container has to raise the limit", NULL);
		return;
	}
	add(fixes, "give it CAP_IPC_LOCK, by systemd, which frees it from every limit", "AmbientCapabilities=CAP_IPC_LOCK");
	add(fixes, "or its program, for everyone who runs it", "setcap cap_ipc_lock=ep PROGRAM");
}

static void help_limit(const struct vmlock *v, const struct vm_proc *p, const struct vm_lock_facts *f,
		       const struct vm_lock_verdict *verdict, struct fixes *fixes)
{
	char size[VMLOCK_TEXT], what[120];
	uint64_t room;
	if (v->ask.call != VM_LOCK_CURRENT && !v->ask.placed && vm_proc_lock_headroom(p, &room) && room) {
		snprintf(what, sizeof(what), "lock at most %s more, from the beginning of a page on", vmlock_size(v, room, size));
		add(fixes, what, NULL);
	}
	uint64_t wanted = verdict->limit_wanted;
	if (wanted < f->page)
		wanted = f->page;
	raise_limit(v, p, wanted, fixes);
}

static void help_splits(const struct vm_lock_facts *f, struct fixes *fixes)
{
	add(fixes, "lock whole mappings: only parts of them have to be split off", NULL);
	add(fixes, "raise the limit of mappings", "sysctl -w vm.max_map_count=%llu", (unsigned long long)f->max_maps * 2);
}

static void help_memory(const struct vmlock *v, const struct vm_lock_facts *f, const struct vm_lock_result *r,
			struct fixes *fixes)
{
	char size[VMLOCK_TEXT], what[120];
	snprintf(what, sizeof(what), "lock much less than %s", vmlock_size(v, r->there, size));
	add(fixes, what, NULL);
	add(fixes, "lock pages when they are touched: mlock2(2) with MLOCK_ONFAULT", NULL);
	if ((f->have & VM_LF_CGROUP) && r->there == f->cgroup_room)
		add(fixes, "raise memory.max of its control group, by systemd", "MemoryMax=");
}

size_t vmlock_fixes(const struct vmlock *v, const struct vm_proc *p, const struct vm_lock_facts *f,
		    const struct vm_lock_verdict *verdict, struct vmlock_fix fix[static VMLOCK_FIXES])
{
	struct fixes fixes = { .v = fix };
	switch (verdict->fails) {
	case VM_LT_PERMISSION:
	case VM_LT_LIMIT:
		help_limit(v, p, f, verdict, &fixes);
		break;
	case VM_LT_MAPPED:
		add(&fixes, "lock only what is mapped, or map the rest before", NULL);
		break;
	case VM_LT_SPLITS:
		help_splits(f, &fixes);
		break;
	case VM_LT_ACCESS:
		if (f->range.forbidden)
			add(&fixes, "make it accessible before, with mprotect(2)", NULL);
		if (f->range.beyond)
			add(&fixes, "make the file longer before, with ftruncate(2), or lock no more than it has", NULL);
		if (!f->range.forbidden || !vm_lock_walks_on_fault(v->ask.kernel))
			add(&fixes, "lock pages when they are touched: mlock2(2) with MLOCK_ONFAULT", NULL);
		break;
	case VM_LT_MEMORY:
		help_memory(v, f, &verdict->test[VM_LT_MEMORY], &fixes);
		break;
	default:
		break;
	}
	return fixes.n;
}
