/** vmlock --explain: facts of a process, the kernel's rules applied to them, and the answer as words or JSON. */

#include "cli/vmlock/vmlock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/model/aspace.h"
#include "core/model/vmflags.h"
#include "core/source/cgroupfs.h"
#include "core/source/kernel.h"
#include "core/source/mapped.h"
#include "core/source/session.h"

enum { MARGIN = 17, WIDTH = 80 };

#define NEEDS \
	(VM_NEED(STAT) | VM_NEED(STATUS) | VM_NEED(LIMITS) | VM_NEED(CAPS) | VM_NEED(USER) | VM_NEED(CMDLINE) | \
	 VM_NEED(CGROUP) | VM_NEED(MAPCOUNT))

static int parse_address(struct vmlock *v, struct vm_err *err)
{
	if (!v->o->address)
		return 0;
	if (vm_parse_hex(v->o->address, &v->ask.start) != 0) {
		vm_fail(err, EINVAL, "--address: '%s' is not an address", v->o->address);
		vm_hint(err, "hexadecimal, with or without 0x");
		return -EINVAL;
	}
	if (v->ask.start >> 63)
		return vm_fail(err, EINVAL, "--address: 0x%llx is in the kernel's half, which is no part of a process",
			       (unsigned long long)v->ask.start);
	v->ask.placed = true;
	return 0;
}

int vmlock_explain_parse(struct vmlock *v, struct vm_err *err)
{
	const char *text = v->o->explain;
	const bool current = strcmp(text, "current") == 0, future = strcmp(text, "future") == 0;
	if (current || future) {
		v->ask.call = current ? VM_LOCK_CURRENT : VM_LOCK_FUTURE;
		if (v->o->address || v->o->onfault)
			return vm_fail(err, EINVAL, "--%s goes with --explain SIZE", v->o->address ? "address" : "onfault");
		return 0;
	}
	v->ask.call = v->o->onfault ? VM_LOCK_ONFAULT : VM_LOCK_NOW;
	if (vm_parse_size(text, &v->ask.size) != 0) {
		vm_fail(err, EINVAL, "--explain: '%s' is not a size", text);
		vm_hint(err, "as in 4096, 64K, 2M; or current, or future");
		return -EINVAL;
	}
	if (v->ask.size > VM_LOCK_SIZE_MAX)
		return vm_fail(err, EINVAL, "--explain: '%s' is more than any address space has", text);
	return parse_address(v, err);
}

/* ---- Facts --------------------------------------------------------------------------------------------------------- */

static void take(const struct vm_proc *p, enum vm_pqty q, unsigned bit, uint64_t *to, struct vm_lock_facts *f)
{
	if (!vm_proc_has(p, q))
		return;
	*to = p->q[q];
	f->have |= bit;
}

static void take_machine(struct vmlock *v, const struct vm_proc *p, struct vm_lock_facts *f)
{
	if (vm_system_has(&v->sys, VM_S_MAX_MAP_COUNT)) {
		f->max_maps = v->sys.q[VM_S_MAX_MAP_COUNT];
		f->have |= VM_LF_MAX_MAPS;
	}
	if (vm_system_has(&v->sys, VM_S_MEM_AVAILABLE)) {
		f->available = v->sys.q[VM_S_MEM_AVAILABLE] + v->sys.q[VM_S_SWAP_FREE];
		f->have |= VM_LF_AVAILABLE;
	}
	struct vm_cgroup_limit limit;
	if (p->cgroup && vm_cgroup_memory_limit(v->s, p->cgroup, &limit)) {
		f->cgroup_room = limit.room;
		f->have |= VM_LF_CGROUP;
	}
}

/** How long a mapped file is.  False: that can't be seen, or it is none that has a length. */
static bool file_length(struct vmlock *v, const struct vm_mapping *m, uint64_t *bytes)
{
	enum { PATH = 4200 };
	char from[PATH];
	struct stat st;
	const struct vm_mapped file = {
		.pid = m->pid, .alive = true, .start = m->start, .end = m->end, .dev_major = m->dev_major,
		.dev_minor = m->dev_minor, .inode = m->inode, .path = m->name,
	};
	/* Which file has that name in a captured tree isn't known. */
	if (!v->s->live || (m->flags & VM_VMF(HT)))
		return false;
	vm_auto_close int fd = vm_open_mapped(v->s, &file, from, sizeof(from));
	if (fd < 0 || fstat(fd, &st) != 0)
		return false;
	*bytes = (uint64_t)st.st_size;
	return true;
}

/** Settle what is doubtful about files in the range. */
static void look_at_files(struct vmlock *v, const struct vm_aspace *as, uint64_t start, uint64_t end,
			  struct vm_lock_range *range)
{
	bool sure = true;
	for (size_t i = vm_aspace_find(as, start); range->doubtful && i < as->nmaps && as->map[i].start < end; i++) {
		const struct vm_mapping *m = &as->map[i];
		uint64_t bytes;
		if (!m->inode && !(m->flags & VM_VMF(HT)))
			continue;
		if (file_length(v, m, &bytes))
			vm_lock_file_end(m, start, end, bytes, v->s->page_bytes, range);
		else
			sure = false;
	}
	range->doubtful = !sure;
}

static void take_facts(struct vmlock *v, const struct vm_aspace *as, struct vm_lock_facts *f)
{
	const struct vm_proc *p = &as->proc;
	uint64_t start, end;
	*f = (struct vm_lock_facts){ .page = v->s->page_bytes, .capable = vm_proc_lock_capable(p) };
	take(p, VM_P_MEMLOCK_SOFT, VM_LF_LIMIT, &f->limit, f);
	take(p, VM_P_LOCKED, VM_LF_LOCKED, &f->locked, f);
	take(p, VM_P_VSZ, VM_LF_VSZ, &f->vsz, f);
	take(p, VM_P_MAP_COUNT, VM_LF_MAPS, &f->maps, f);
	take_machine(v, p, f);
	if (!v->ask.placed || (p->unmet & (VM_NEED(SMAPS) | VM_NEED(FLAGS) | VM_NEED(LAYOUT))))
		return;
	v->ask.kernel = vm_kernel_version(v->s);
	if (vm_lock_round(&v->ask, f->page, &start, &end)) {
		vm_lock_look(as, start, end, &v->ask, &f->range);
		look_at_files(v, as, start, end, &f->range);
		f->have |= VM_LF_RANGE;
	}
}

/* ---- The answer ---------------------------------------------------------------------------------------------------- */

static const char *const call_names[] = {
	[VM_LOCK_NOW] = "mlock(2)", [VM_LOCK_ONFAULT] = "mlock2(2) with MLOCK_ONFAULT",
	[VM_LOCK_CURRENT] = "mlockall(2) with MCL_CURRENT", [VM_LOCK_FUTURE] = "mlockall(2) with MCL_FUTURE",
};
static const char *const call_keys[] = {
	[VM_LOCK_NOW] = "mlock", [VM_LOCK_ONFAULT] = "mlock_onfault",
	[VM_LOCK_CURRENT] = "mlockall_current", [VM_LOCK_FUTURE] = "mlockall_future",
};

static const char *errno_name(int error)
{
	return error == EPERM ? "EPERM" : error == ENOMEM ? "ENOMEM" : error == EAGAIN ? "EAGAIN" : NULL;
}

static void say_title(struct vmlock *v, const struct vm_proc *p, const struct vm_lock_verdict *verdict)
{
	struct vm_buf b = { 0 };
	char size[VMLOCK_TEXT];
	if (v->pids.n)
		vmlock_title(v, p, &b);
	else
		vm_buf_add_str(&b, "a program started from here");
	vm_report_say(&v->report, "%s\n", vm_buf_str(&b));
	b.n = 0;
	vm_buf_add_str(&b, call_names[v->ask.call]);
	if (v->ask.call == VM_LOCK_NOW || v->ask.call == VM_LOCK_ONFAULT)
		vm_buf_addf(&b, " of %s (%llu page%s)", vmlock_size(v, v->ask.size, size),
			    (unsigned long long)(verdict->bytes / v->s->page_bytes), verdict->bytes == v->s->page_bytes ? "" : "s");
	if (v->ask.placed)
		vm_buf_addf(&b, " at %012llx", (unsigned long long)v->ask.start);
	if (verdict->succeeds == VM_YES)
		vm_buf_addf(&b, ": yes%s", verdict->only_if_aligned ? ", if it begins at a page" : "");
	else if (verdict->succeeds == VM_NO)
		vm_buf_addf(&b, ": no, %s%s", errno_name(verdict->error),
			    verdict->fails == VM_LT_MEMORY ? " or the OOM killer" : "");
	else
		vm_buf_add_str(&b, ": can't be told for sure");
	vm_report_wrap(&v->report, 0, "", vm_buf_str(&b), WIDTH);
	vm_report_say(&v->report, "\n");
	vm_buf_free(&b);
}

static const char *passed_word(enum vm_answer passed)
{
	return passed == VM_YES ? "yes" : passed == VM_NO ? "NO" : "?";
}

static void say_tests(struct vmlock *v, const struct vm_proc *p, const struct vm_lock_facts *f,
		      const struct vm_lock_verdict *verdict)
{
	struct vm_buf text = { 0 };
	for (unsigned t = 0; t < VM_LT_NR; t++) {
		if (!verdict->test[t].asked)
			continue;
		char heading[MARGIN + 1];
		snprintf(heading, sizeof(heading), "%-11s %-3s  ", vm_lock_test_names[t], passed_word(verdict->test[t].passed));
		text.n = 0;
		vmlock_reason(v, p, f, verdict, t, &text);
		vm_report_wrap(&v->report, MARGIN, heading, vm_buf_str(&text), WIDTH);
	}
	vm_buf_free(&text);
}

static void say_fixes(struct vmlock *v, const struct vmlock_fix *fix, size_t n)
{
	if (n)
		vm_report_say(&v->report, "\n%s\n", n > 1 ? "What would help, one of:" : "What would help:");
	for (size_t i = 0; i < n; i++) {
		vm_report_wrap(&v->report, 2, "", fix[i].what, WIDTH);
		if (fix[i].command[0])
			vm_report_say(&v->report, "      %s\n", fix[i].command);
	}
}

static void say_note(struct vmlock *v, const char *text)
{
	vm_report_say(&v->report, "\n");
	vm_report_wrap(&v->report, 0, "", text, WIDTH);
}

/** What the verdict doesn't say, and is asked next. */
static void say_notes(struct vmlock *v, const struct vm_proc *p, const struct vm_lock_verdict *verdict)
{
	char size[VMLOCK_TEXT], text[300];
	uint64_t room;
	if (verdict->only_if_aligned)
		say_note(v, "A range that doesn't begin at a page can take one page more, which is beyond the limit.");
	if (v->ask.call == VM_LOCK_FUTURE && vm_proc_lock_headroom(p, &room) && room != UINT64_MAX) {
		snprintf(text, sizeof(text),
			 "From then on every new mapping is locked: %s more, and mmap(2) fails with EAGAIN, brk(2) and so malloc(3) "
			 "with ENOMEM; a locked stack (MCL_CURRENT) that has to grow further ends in SIGSEGV.", vmlock_size(v, room, size));
		say_note(v, text);
	}
	if (v->ask.call == VM_LOCK_CURRENT)
		say_note(v, "What can't be filled is no error of mlockall(2): vmlock PID shows it as not resident.");
	if (verdict->fails == VM_LT_LIMIT && v->ask.call != VM_LOCK_CURRENT)
		say_note(v, "mmap(2) with MAP_LOCKED says EAGAIN where mlock(2) says ENOMEM. The limit holds for each process "
			    "alone: what others of the user lock isn't added up.");
}

/** What is wanted and what there is, of those tests that compare sizes or counts. */
static void json_figures(struct vmlock *v, const struct vm_lock_facts *f, const struct vm_lock_result *r, enum vm_lock_test t)
{
	struct vm_json *j = &v->report.json;
	const bool bytes = t == VM_LT_LIMIT || t == VM_LT_MEMORY;
	const unsigned of_maps = VM_LF_MAPS | VM_LF_MAX_MAPS;
	const bool limit = t != VM_LT_LIMIT || (f->have & VM_LF_LIMIT);
	const struct { const char *key; uint64_t v; bool known; } figure[] = {
		{ "needed_bytes", r->wanted, bytes },
		{ "available_bytes", r->there, bytes && limit && (t == VM_LT_LIMIT || r->there != UINT64_MAX) },
		{ "needed_mappings", r->wanted, t == VM_LT_SPLITS && (f->have & of_maps) == of_maps },
		{ "available_mappings", r->there, t == VM_LT_SPLITS && (f->have & VM_LF_MAX_MAPS) },
	};
	for (size_t i = 0; i < vm_countof(figure); i++) {
		vm_json_key(j, figure[i].key);
		if (!figure[i].known)
			vm_json_null(j);
		else if (figure[i].v == UINT64_MAX)
			vm_json_str(j, "unlimited");
		else
			vm_json_u64(j, figure[i].v);
	}
}

static void json_result(struct vmlock *v, const struct vm_proc *p, const struct vm_lock_facts *f,
			const struct vm_lock_verdict *verdict, enum vm_lock_test t)
{
	const struct vm_lock_result *r = &verdict->test[t];
	struct vm_json *j = &v->report.json;
	struct vm_buf text = { 0 };
	vm_json_object_begin(j);
	vm_json_key(j, "test");
	vm_json_str(j, vm_lock_test_names[t]);
	vm_json_key(j, "passed");
	if (r->passed == VM_UNSURE)
		vm_json_null(j);
	else
		vm_json_bool(j, r->passed == VM_YES);
	json_figures(v, f, r, t);
	vm_json_key(j, "why");
	vmlock_reason(v, p, f, verdict, t, &text);
	vm_json_str(j, vm_buf_str(&text));
	vm_json_object_end(j);
	vm_buf_free(&text);
}

static void json_answer(struct vmlock *v, const struct vm_lock_verdict *verdict)
{
	struct vm_json *j = &v->report.json;
	vm_json_key(j, "call");
	vm_json_str(j, call_keys[v->ask.call]);
	const bool sized = v->ask.call == VM_LOCK_NOW || v->ask.call == VM_LOCK_ONFAULT;
	const struct { const char *key; uint64_t v; bool known; } figure[] = {
		{ "size_bytes", v->ask.size, sized }, { "rounded_bytes", verdict->bytes, sized },
		{ "counted_bytes", verdict->counted, sized },
	};
	vm_json_key(j, "address");
	if (v->ask.placed)
		vm_json_addr(j, v->ask.start);
	else
		vm_json_null(j);
	for (size_t i = 0; i < vm_countof(figure); i++) {
		vm_json_key(j, figure[i].key);
		if (figure[i].known)
			vm_json_u64(j, figure[i].v);
		else
			vm_json_null(j);
	}
	vm_json_key(j, "would_succeed");
	if (verdict->succeeds == VM_UNSURE)
		vm_json_null(j);
	else
		vm_json_bool(j, verdict->succeeds == VM_YES);
	vm_json_key(j, "only_if_aligned");
	vm_json_bool(j, verdict->only_if_aligned);
	vm_json_key(j, "error");
	vm_json_str(j, errno_name(verdict->error));
	vm_json_key(j, "fails");
	vm_json_str(j, verdict->fails == VM_LT_NR ? NULL : vm_lock_test_names[verdict->fails]);
}

static void json_explain(struct vmlock *v, const struct vm_proc *p, const struct vm_lock_facts *f,
			 const struct vm_lock_verdict *verdict, const struct vmlock_fix *fix, size_t nfix)
{
	struct vm_json *j = &v->report.json;
	vm_json_object_begin(j);
	vm_report_members(&v->report, &v->choice.view, p);
	vm_json_key(j, "explain");
	vm_json_object_begin(j);
	json_answer(v, verdict);
	vm_json_key(j, "tests");
	vm_json_array_begin(j);
	for (unsigned t = 0; t < VM_LT_NR; t++)
		if (verdict->test[t].asked)
			json_result(v, p, f, verdict, t);
	vm_json_array_end(j);
	vm_json_key(j, "fixes");
	vm_json_array_begin(j);
	for (size_t i = 0; i < nfix; i++) {
		vm_json_object_begin(j);
		vm_json_key(j, "what");
		vm_json_str(j, fix[i].what);
		vm_json_key(j, "command");
		vm_json_str(j, fix[i].command[0] ? fix[i].command : NULL);
		vm_json_object_end(j);
	}
	vm_json_array_end(j);
	vm_json_object_end(j);
	vm_json_object_end(j);
}

static int explain(struct vmlock *v, pid_t pid, bool first, struct vm_err *err)
{
	struct vm_aspace *as;
	struct vm_lock_facts facts;
	struct vm_lock_verdict verdict;
	struct vmlock_fix fix[VMLOCK_FIXES];
	/* The mappings matter where there are some in the range. */
	const uint32_t needs = NEEDS | (vm_report_is_document(&v->report) ? v->choice.needs : 0);
	int r = v->ask.placed ? vmlock_look(v, pid, needs, &as, err) : vm_snapshot(v->s, pid, needs & ~VM_NEED(SMAPS), 0, 0, &as, err);
	if (r < 0)
		return r;
	const struct vm_proc *p = &as->proc;
	if (p->kthread || p->state == 'Z') {
		vm_aspace_free(as);
		return vm_fail(err, EINVAL, "process %d has no memory of its own", pid);
	}
	vm_proc_note_unmet(v->s, p);
	take_facts(v, as, &facts);
	vm_lock_judge(&v->ask, &facts, &verdict);
	const size_t n = vmlock_fixes(v, p, &facts, &verdict, fix);
	if (verdict.succeeds == VM_NO)
		v->status = VM_EXIT_FAILED;
	if (vm_report_is_document(&v->report)) {
		json_explain(v, p, &facts, &verdict, fix, n);
	} else {
		vm_report_say(&v->report, first ? "" : "\n");
		say_title(v, p, &verdict);
		say_tests(v, p, &facts, &verdict);
		say_fixes(v, fix, n);
		say_notes(v, p, &verdict);
	}
	vm_aspace_free(as);
	return 0;
}

int vmlock_explain_all(struct vmlock *v, struct vm_err *err)
{
	const pid_t self = getpid();
	if (v->pids.n)
		return vmlock_each(v, v->pids.v, v->pids.n, explain, err);
	if (v->ask.placed || v->ask.call == VM_LOCK_CURRENT || !v->s->live) {
		vm_fail(err, EINVAL, "name the process that is to lock");
		vm_hint(err, "-p PID");
		return -EINVAL;
	}
	return vmlock_each(v, &self, 1, explain, err);
}
