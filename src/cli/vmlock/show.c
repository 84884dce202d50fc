/** vmlock: one process, in words, or as a member of the document's "processes". */

#include "cli/vmlock/vmlock.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/err.h"
#include "core/model/aspace.h"
#include "core/model/vmflags.h"
#include "core/source/session.h"

enum { MARGIN = 26, WIDTH = 80 };

/** What every line needs. */
#define NEEDS \
	(VM_NEED(STAT) | VM_NEED(STATUS) | VM_NEED(LIMITS) | VM_NEED(CAPS) | VM_NEED(MM) | VM_NEED(USER) | VM_NEED(CMDLINE) | \
	 VM_NEED(MAPCOUNT) | VM_NEED_KIND)

static bool has_memory(const struct vm_proc *p)
{
	return !p->kthread && p->state != 'Z';
}

/** A line: what, how much, and a remark. */
static void line(struct vmlock *v, const char *name, const char *value, const char *remark)
{
	struct vm_buf heading = { 0 };
	vm_buf_addf(&heading, "%-13s %9s  ", name, value);
	vm_report_wrap(&v->report, MARGIN, vm_buf_str(&heading), remark, WIDTH);
	vm_buf_free(&heading);
}

static const char *figure(const struct vmlock *v, const struct vm_proc *p, enum vm_pqty q, char text[static VMLOCK_TEXT])
{
	return vm_proc_has(p, q) ? vmlock_size(v, p->q[q], text) : "-";
}

/** "VmLck, in 2 mappings; 256.0K of it not resident, 256.0K locked on fault" */
static void say_locked(struct vmlock *v, const struct vm_proc *p)
{
	char size[VMLOCK_TEXT], text[VMLOCK_TEXT];
	struct vm_buf remark = { 0 };
	vm_buf_add_str(&remark, "VmLck");
	if (vm_proc_has(p, VM_P_LOCKED_MAPS) && p->q[VM_P_LOCKED_MAPS])
		vm_buf_addf(&remark, ", in %llu mapping%s", (unsigned long long)p->q[VM_P_LOCKED_MAPS],
			    p->q[VM_P_LOCKED_MAPS] == 1 ? "" : "s");
	if (vm_proc_has(p, VM_P_LOCKED_ABSENT) && p->q[VM_P_LOCKED_ABSENT])
		vm_buf_addf(&remark, "; %s of it not resident", vmlock_size(v, p->q[VM_P_LOCKED_ABSENT], text));
	if (vm_proc_has(p, VM_P_LOCKED_ONFAULT) && p->q[VM_P_LOCKED_ONFAULT])
		vm_buf_addf(&remark, "; %s locked page by page when touched", vmlock_size(v, p->q[VM_P_LOCKED_ONFAULT], text));
	line(v, "locked", figure(v, p, VM_P_LOCKED, size), vm_buf_str(&remark));
	vm_buf_free(&remark);
	if (!vm_proc_has(p, VM_P_LOCKED_ABSENT) || !vm_proc_has(p, VM_P_LOCKED))
		return;
	const uint64_t mapped = p->q[VM_P_LOCKED_ABSENT] + p->q[VM_P_LOCKED_RSS];
	if (p->q[VM_P_LOCKED] > mapped)
		line(v, "", vmlock_size(v, p->q[VM_P_LOCKED] - mapped, size),
		     "of it in no locked mapping: drivers count there, too (VFIO)");
}

static void say_limit(struct vmlock *v, const struct vm_proc *p)
{
	char size[VMLOCK_TEXT], text[VMLOCK_TEXT];
	struct vm_buf remark = { 0 };
	uint64_t room;
	vm_buf_addf(&remark, "RLIMIT_MEMLOCK, soft; hard %s", figure(v, p, VM_P_MEMLOCK_HARD, text));
	line(v, "limit", figure(v, p, VM_P_MEMLOCK_SOFT, size), vm_buf_str(&remark));
	remark.n = 0;
	const bool known = vm_proc_lock_headroom(p, &room);
	vm_buf_add_str(&remark, "more may be locked now");
	if (known && room == 0 && p->q[VM_P_LOCKED] > p->q[VM_P_MEMLOCK_PAGES])
		vm_buf_add_str(&remark, ": more is locked than the limit allows, which was lowered since, or held no more then");
	line(v, "headroom", known ? vmlock_size(v, room, size) : "-", vm_buf_str(&remark));
	vm_buf_free(&remark);
}

static const char *capable_remark(const struct vm_proc *p)
{
	switch (vm_proc_lock_capable(p)) {
	case VM_YES:
		return "effective, in the first user namespace: no limit holds";
	case VM_UNSURE:
		return "not known";
	default:
		return p->q[VM_P_CAPS] >> VM_CAP_IPC_LOCK & 1
			       ? "effective in a user namespace of its own only, where mlock(2) doesn't ask"
			       : "not effective: the limit holds";
	}
}

static const char *mlockall_value(enum vm_mlockall state)
{
	static const char *const words[] = { "-", "no", "future", "onfault" };
	return words[state];
}

static const char *mlockall_remark(enum vm_mlockall state)
{
	static const char *const words[] = {
		"whether new mappings are locked isn't known",
		"new mappings aren't locked (MCL_FUTURE)",
		"every new mapping is locked and filled (MCL_FUTURE)",
		"every new mapping is locked, its pages when touched (MCL_FUTURE, MCL_ONFAULT)",
	};
	return words[state];
}

static void say_rights(struct vmlock *v, const struct vm_proc *p)
{
	const enum vm_answer capable = vm_proc_lock_capable(p);
	const enum vm_mlockall state = vm_proc_mlockall(p);
	uint64_t room;
	char size[VMLOCK_TEXT];
	line(v, "CAP_IPC_LOCK", capable == VM_YES ? "yes" : capable == VM_NO ? "no" : "-", capable_remark(p));
	line(v, "mlockall", mlockall_value(state), mlockall_remark(state));
	if (state > VM_MLOCKALL_NO && vm_proc_lock_headroom(p, &room) && room != UINT64_MAX)
		line(v, "", vmlock_size(v, room, size),
		     "more, and mmap(2) fails with EAGAIN, malloc(3) with ENOMEM; a locked stack that has to grow further "
		     "ends in SIGSEGV");
}

/** How much of what could be locked is: MCL_CURRENT leaves no other trace. */
static void say_current(struct vmlock *v, const struct vm_aspace *as)
{
	size_t lockable = 0, locked = 0;
	char text[VMLOCK_TEXT], remark[120];
	for (size_t i = 0; i < as->nmaps; i++) {
		lockable += vm_lock_possible(&as->map[i]);
		locked += (as->map[i].flags & VM_VMF(LO)) != 0;
	}
	if (!lockable || (as->proc.unmet & VM_NEED(FLAGS)))
		return;
	snprintf(text, sizeof(text), "%zu", lockable);
	if (locked >= lockable)
		snprintf(remark, sizeof(remark), "mappings can be locked, and all of them are, as after MCL_CURRENT");
	else
		snprintf(remark, sizeof(remark), "mappings can be locked; %zu %s", locked, locked == 1 ? "is" : "are");
	line(v, "", text, remark);
}

static void say_maps(struct vmlock *v, const struct vm_proc *p)
{
	char text[VMLOCK_TEXT], remark[120];
	if (!vm_proc_has(p, VM_P_MAP_COUNT)) {
		line(v, "mappings", "-", "not known");
		return;
	}
	snprintf(text, sizeof(text), "%llu", (unsigned long long)p->q[VM_P_MAP_COUNT]);
	if (p->max_map_count)
		snprintf(remark, sizeof(remark), "of %llu that vm.max_map_count allows (%.1f%%)",
			 (unsigned long long)p->max_map_count, 100 * (double)p->q[VM_P_MAP_COUNT] / (double)p->max_map_count);
	else
		snprintf(remark, sizeof(remark), "vm.max_map_count isn't known");
	line(v, "mappings", text, remark);
}

/** Pinned memory, and what is counted by user. */
static void say_pinned(struct vmlock *v, const struct vm_proc *p)
{
	char size[VMLOCK_TEXT];
	line(v, "pinned", figure(v, p, VM_P_PINNED, size), "VmPin: RDMA, io_uring and the like; no part of VmLck");
	if (vm_proc_has(p, VM_P_USER_CHARGED))
		line(v, "user", figure(v, p, VM_P_USER_CHARGED, size),
		     "charged to its user by io_uring, perf, XDP and others, all processes together");
	if (vm_proc_has(p, VM_P_USER_SHM_LOCKED))
		line(v, "", figure(v, p, VM_P_USER_SHM_LOCKED, size), "of shared memory locked by its user with SHM_LOCK");
}

static void say_process(struct vmlock *v, const struct vm_aspace *as)
{
	const struct vm_proc *p = &as->proc;
	struct vm_buf title = { 0 };
	vmlock_title(v, p, &title);
	vm_report_say(&v->report, "%s\n\n", vm_buf_str(&title));
	vm_buf_free(&title);
	if (!has_memory(p)) {
		vm_report_say(&v->report, "%s\n", p->kthread ? "a kernel thread: it has no user memory"
							       : "a zombie: it has ended and has no memory any more");
		return;
	}
	say_locked(v, p);
	say_limit(v, p);
	say_rights(v, p);
	say_current(v, as);
	say_pinned(v, p);
	say_maps(v, p);
}

static int show_mappings(struct vmlock *v, const struct vm_aspace *as, struct vm_err *err)
{
	size_t n = 0;
	if (as->proc.unmet & VM_NEED(SMAPS)) {
		if (vm_report_is_document(&v->report)) {
			vm_json_key(&v->report.json, v->locked_view.name);
			vm_json_null(&v->report.json);
		}
		return 0;
	}
	const void **rows = calloc(as->nmaps + 1, sizeof(*rows));
	if (!rows)
		return vm_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < as->nmaps; i++)
		if (as->map[i].flags & VM_VMF(LO))
			rows[n++] = &as->map[i];
	int r = 0;
	if (n)
		vm_report_say(&v->report, "\n");
	if (n || vm_report_is_document(&v->report))
		r = vm_report_list(&v->report, &v->locked_view, rows, n, NULL);
	free(rows);
	return r < 0 ? vm_fail_os(err, -r, "cannot write the mappings") : 0;
}

static int show(struct vmlock *v, pid_t pid, bool first, struct vm_err *err)
{
	struct vm_aspace *as;
	int r = vmlock_look(v, pid, NEEDS | v->choice.needs, &as, err);
	if (r < 0)
		return r;
	if (has_memory(&as->proc))
		vm_proc_note_unmet(v->s, &as->proc);
	if (vm_report_is_document(&v->report)) {
		vm_json_object_begin(&v->report.json);
		vm_report_members(&v->report, &v->choice.view, &as->proc);
		r = show_mappings(v, as, err);
		vm_json_object_end(&v->report.json);
	} else {
		if (!first)
			vm_report_say(&v->report, "\n");
		say_process(v, as);
		r = show_mappings(v, as, err);
	}
	vm_aspace_free(as);
	return r;
}

int vmlock_each(struct vmlock *v, const pid_t *pids, size_t n,
		int (*fn)(struct vmlock *v, pid_t pid, bool first, struct vm_err *err), struct vm_err *err)
{
	int result = 0;
	if (vm_report_is_document(&v->report)) {
		vm_json_key(&v->report.json, "processes");
		vm_json_array_begin(&v->report.json);
	}
	for (size_t i = 0; i < n; i++) {
		struct vm_err why = { 0 };
		int r = fn(v, pids[i], i == 0, &why);
		if (r == 0)
			continue;
		if (result)
			fprintf(stderr, "vmlock: %s\n", why.what);
		else
			*err = why;
		result = result ? result : r;
	}
	if (vm_report_is_document(&v->report))
		vm_json_array_end(&v->report.json);
	return result;
}

int vmlock_show_all(struct vmlock *v, struct vm_err *err)
{
	return vmlock_each(v, v->pids.v, v->pids.n, show, err);
}
