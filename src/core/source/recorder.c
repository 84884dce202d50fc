#include "core/source/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/map.h"
#include "core/base/vec.h"
#include "core/source/capture.h"
#include "core/source/recmachine.h"
#include "core/source/recwriter.h"
#include "core/source/session.h"
#include "core/source/tasks.h"

/**
 * Tasks are looked at by eBPF from so many on; each process is read all the same every so many frames, and what is set on
 * the machine; and PSS may take as long in the first frame.
 */
enum { TASKS_FROM = 64, LOOK_AGAIN = 32, SETTINGS_EVERY = 12 };
#define FIRST_PSS_NS UINT64_C(2000000000)

/** A process of the frame before. */
struct known {
	pid_t pid;
	uint64_t start;            /* field 22 of stat: another process may have got the number */
	uint64_t memory;           /* its size, resident pages and faults, mixed: has any changed? */
	uint64_t pss_of;           /* the same, when PSS was read last; 0: never */
	uint64_t signature;        /* of what the pass over all tasks told when stat was read last; 0: nothing */
	char comm[20];
	bool detailed;             /* more of it is in the recording than the usual files */
	bool seen;
};

struct vm_recorder {
	struct vm_session *s;
	struct vm_rec_writer *w;
	struct vm_recorder_options o;
	/** What the session's readers read. */
	struct vm_copies copies;
	struct vm_rec_tree taken;
	VM_VEC(struct known) known;
	struct vm_map by_pid;      /* to its index */
	size_t turn;               /* whose PSS is next */
	uint64_t frames;
	/** Looks at all tasks, so that only those are read that did something; NULL: it can't be had here. */
	struct vm_session *tasks_session;
	struct vm_tasks *tasks;
	VM_VEC(uint32_t) users;    /* who are in `passwd` */
	struct vm_buf passwd;
	struct vm_buf text;
	char path[600];
};

static const char *const usual_files[] = { "stat", "status", "statm", "cmdline", "cgroup", "limits", "exe", "smaps_rollup" };

/* ---- What the session's readers read: the machine, and processes in detail ------------------------------------------ */

static int take_copy(void *ctx, const char *path, bool link, const void *data, size_t len)
{
	struct vm_recorder *r = ctx;
	int e = vm_rec_tree_set(&r->taken, path, strlen(path), link ? VM_REC_LINK : VM_REC_FILE, data, len, NULL);
	return e < 0 ? e : 0;
}

/** Into the frame; of a file that was read twice, as it was the second time. */
static int put_taken(struct vm_recorder *r)
{
	int e = -r->s->capture_error;
	for (size_t i = 0; e == 0 && i < r->taken.entries.n; i++) {
		const struct vm_rec_entry *t = &r->taken.entries.v[i];
		e = vm_rec_put(r->w, t->path, t->kind, t->data, t->len);
	}
	vm_rec_tree_free(&r->taken);
	r->s->capture_error = 0;
	return e;
}

/* ---- Processes ------------------------------------------------------------------------------------------------------- */

static long read_own(struct vm_recorder *r, pid_t pid, const char *name)
{
	snprintf(r->path, sizeof(r->path), "proc/%d/%s", pid, name);
	int fd = openat(r->s->proc_fd, r->path + sizeof("proc/") - 1, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r->text.n = 0;
	long n = vm_read_at_once(fd, &r->text);
	close(fd);
	return n;
}

static int put_own(struct vm_recorder *r, pid_t pid, const char *name)
{
	return read_own(r, pid, name) < 0 ? 0 : vm_rec_put(r->w, r->path, VM_REC_FILE, r->text.s, r->text.n);
}

static int put_exe(struct vm_recorder *r, pid_t pid)
{
	char target[4096];
	snprintf(r->path, sizeof(r->path), "proc/%d/exe", pid);
	ssize_t n = readlinkat(r->s->proc_fd, r->path + sizeof("proc/") - 1, target, sizeof(target));
	return n < 0 ? 0 : vm_rec_put(r->w, r->path, VM_REC_LINK, target, (size_t)n);
}

/** Fields of stat behind the name, which may hold anything: fs/proc/array.c, proc(5). */
static bool take_stat(const char *text, size_t len, struct known *k)
{
	const char *open = memchr(text, '(', len), *close = memrchr(text, ')', len);
	unsigned long long f[25] = { 0 };
	if (!open || !close || close < open)
		return false;
	size_t n = (size_t)(close - open) - 1;
	snprintf(k->comm, sizeof(k->comm), "%.*s", (int)(n < 19 ? n : 19), open + 1);
	const char *s = close + 1;
	for (unsigned i = 3; i < 25 && *s == ' '; i++) {
		const char *end = strchr(++s, ' ');
		f[i] = strtoull(s, NULL, 10);
		if (!end)
			return false;
		s = end;
	}
	k->start = f[22];
	k->memory = vm_mix64(f[10] ^ vm_mix64(f[12] ^ vm_mix64(f[23] ^ vm_mix64(f[24] + 1)))) | 1;
	return true;
}

static bool is_same_text(struct vm_recorder *r)
{
	const struct vm_rec_entry *e = vm_rec_tree_find(vm_rec_writer_tree(r->w), r->path, strlen(r->path));
	return e && e->there && e->len == r->text.n && memcmp(e->data, r->text.s, r->text.n) == 0;
}

static void drop_usual(struct vm_recorder *r, pid_t pid)
{
	for (size_t i = 0; i < vm_countof(usual_files); i++) {
		snprintf(r->path, sizeof(r->path), "proc/%d/%s", pid, usual_files[i]);
		vm_rec_drop(r->w, r->path);
	}
}

/** Everything that was read of it. */
static void drop_all(struct vm_recorder *r, pid_t pid)
{
	struct vm_rec_tree *t = vm_rec_writer_tree(r->w);
	char prefix[24];
	size_t len = (size_t)snprintf(prefix, sizeof(prefix), "proc/%d/", pid);
	for (size_t i = 0; i < t->entries.n; i++)
		if (t->entries.v[i].there && strncmp(t->entries.v[i].path, prefix, len) == 0)
			vm_rec_drop(r->w, t->entries.v[i].path);
}

static void drop(struct vm_recorder *r, const struct known *k)
{
	if (k->detailed)
		drop_all(r, k->pid);
	else
		drop_usual(r, k->pid);
}

static struct known *find_known(struct vm_recorder *r, pid_t pid)
{
	uint32_t at;
	if (vm_map_get(&r->by_pid, (uint64_t)pid, &at))
		return &r->known.v[at];
	if (!vm_vec_push(&r->known, (struct known){ .pid = pid }))
		return NULL;
	if (!vm_map_put(&r->by_pid, (uint64_t)pid, (uint32_t)(r->known.n - 1))) {
		r->known.n--;
		return NULL;
	}
	return &r->known.v[r->known.n - 1];
}

/** The name of a process's user, as a line of passwd(5) that has nothing else.  `status` is in r->text. */
static int put_user(struct vm_recorder *r)
{
	const char *line = strstr(vm_buf_str(&r->text), "\nUid:\t");
	unsigned long effective;
	if (!line || sscanf(line, "\nUid:\t%*u %lu", &effective) != 1)
		return 0;
	for (size_t i = 0; i < r->users.n; i++)
		if (r->users.v[i] == effective)
			return 0;
	const struct passwd *pw = getpwuid((uid_t)effective);
	if (pw)
		vm_buf_addf(&r->passwd, "%s:x:%lu:\n", pw->pw_name, effective);
	return vm_vec_push(&r->users, (uint32_t)effective) && !r->passwd.failed ? 0 : -ENOMEM;
}

/** Another program, or another process: what names it is read anew. */
static int put_identity(struct vm_recorder *r, pid_t pid)
{
	int e = read_own(r, pid, "status") < 0 ? 0 : put_user(r);
	if (e == 0)
		e = put_own(r, pid, "cmdline");
	if (e == 0)
		e = put_own(r, pid, "cgroup");
	if (e == 0)
		e = put_own(r, pid, "limits");
	return e == 0 ? put_exe(r, pid) : e;
}

/**
 * Of all that stat and statm tell: as long as it is the same, they are.  What belongs to the user as a whole is left out,
 * and who else is just looking at the process (mm_users).  0: nothing is known.
 */
static uint64_t signature(const struct vm_recorder *r, pid_t pid)
{
	const struct vm_task_entry *e = r->tasks ? vm_tasks_find(r->tasks, pid) : NULL;
	if (!e || e->unsteady)
		return 0;
	struct vm_task t = *e->task;
	t.mm_users = t.mm_count = 0;
	uint64_t h = vm_fnv1a(VM_FNV1A_BASIS, &t, offsetof(struct vm_task, knows_charges));
	const uint64_t sums[] = { e->seen, e->min_flt, e->maj_flt, e->runtime_ns };
	return vm_fnv1a(h, sums, sizeof(sums)) | 1;
}

/** It has done nothing since.  Now and then it is looked at all the same. */
static bool rests(struct vm_recorder *r, pid_t pid, uint64_t sig)
{
	uint32_t at;
	if (!sig || (r->frames + (uint64_t)pid) % LOOK_AGAIN == 0 || !vm_map_get(&r->by_pid, (uint64_t)pid, &at))
		return false;
	struct known *k = &r->known.v[at];
	if (k->signature != sig)
		return false;
	k->seen = true;
	return true;
}

static int read_process(struct vm_recorder *r, pid_t pid, struct vm_recorder_frame *out)
{
	/* Taken before stat is read: what happens in between is seen next time. */
	struct known now = { .pid = pid, .signature = signature(r, pid) };
	if (rests(r, pid, now.signature)) {
		out->processes++;
		return 0;
	}
	if (read_own(r, pid, "stat") < 0 || !take_stat(vm_buf_str(&r->text), r->text.n, &now))
		return 0;
	struct known *k = find_known(r, pid);
	if (!k)
		return -ENOMEM;
	const bool other = k->start != now.start, renamed = other || strcmp(k->comm, now.comm) != 0;
	const bool same = !other && is_same_text(r);
	int e = same ? 0 : vm_rec_put(r->w, r->path, VM_REC_FILE, r->text.s, r->text.n);
	if (other)
		k->pss_of = 0;
	k->start = now.start;
	k->memory = now.memory;
	k->signature = now.signature;
	memcpy(k->comm, now.comm, sizeof(k->comm));
	k->seen = true;
	out->processes++;
	out->changed += !same;
	if (e == 0 && !same)
		e = put_own(r, pid, "status");
	if (e == 0 && !same)
		e = put_own(r, pid, "statm");
	return e == 0 && renamed ? put_identity(r, pid) : e;
}

/** Those whose memory changed since, one after the other, until the time is used up. */
static int read_pss(struct vm_recorder *r)
{
	const uint64_t until = vm_clock_ns() + (r->frames ? r->o.pss_budget_ns : FIRST_PSS_NS);
	for (size_t i = 0, n = r->known.n; i < n && vm_clock_ns() < until; i++) {
		struct known *k = &r->known.v[r->turn++ % n];
		if (!k->seen || k->pss_of == k->memory)
			continue;
		int e = put_own(r, k->pid, "smaps_rollup");
		if (e < 0)
			return e;
		k->pss_of = k->memory;
	}
	return 0;
}

static int read_detail(struct vm_recorder *r, struct vm_recorder_frame *out)
{
	for (size_t i = 0; i < r->known.n; i++) {
		struct vm_err ignored = { 0 };
		struct known *k = &r->known.v[i];
		if (!k->seen)
			continue;
		int e = vm_capture_process(r->s, k->pid, &ignored);
		if (e == -EACCES || e == -EPERM)
			out->refused++;
		else if (e < 0 && e != -ESRCH)
			return e;
		k->detailed = true;
	}
	return 0;
}

/** Processes that have ended leave the recording. */
static bool forget_gone(struct vm_recorder *r)
{
	size_t to = 0;
	for (size_t i = 0; i < r->known.n; i++) {
		if (r->known.v[i].seen)
			r->known.v[to++] = r->known.v[i];
		else
			drop(r, &r->known.v[i]);
	}
	if (to == r->known.n)
		return true;
	r->known.n = to;
	vm_map_clear(&r->by_pid);
	for (size_t i = 0; i < to; i++)
		if (!vm_map_put(&r->by_pid, (uint64_t)r->known.v[i].pid, (uint32_t)i))
			return false;
	return true;
}

/** A pass over all tasks, where there are many to be read and it can be had. */
static void look_at_tasks(struct vm_recorder *r, size_t n)
{
	if (!r->tasks && !r->frames && n >= TASKS_FROM) {
		if (vm_session_open("/", &r->tasks_session, NULL) < 0 || vm_tasks_get(r->tasks_session, &r->tasks, NULL) < 0)
			r->tasks = NULL;
	}
	if (r->tasks && vm_tasks_pass(r->tasks, NULL) < 0)
		r->tasks = NULL;
}

static int read_all(struct vm_recorder *r, const pid_t *pids, size_t n, struct vm_recorder_frame *out)
{
	int e = 0;
	for (size_t i = 0; i < r->known.n; i++)
		r->known.v[i].seen = false;
	vm_rec_read_machine(r->s, r->frames % SETTINGS_EVERY == 0);
	look_at_tasks(r, n);
	for (size_t i = 0; i < n && e == 0; i++)
		e = read_process(r, pids[i], out);
	if (e == 0 && !forget_gone(r))
		e = -ENOMEM;
	if (e == 0 && r->o.mappings)
		e = read_detail(r, out);
	if (e == 0)
		e = put_taken(r);
	if (e == 0 && r->passwd.n)
		e = vm_rec_put(r->w, "etc/passwd", VM_REC_FILE, r->passwd.s, r->passwd.n);
	return e == 0 && !r->o.mappings ? read_pss(r) : e;
}

int vm_recorder_frame(struct vm_recorder *r, const pid_t *pids, size_t n, struct vm_recorder_frame *out, struct vm_err *err)
{
	const uint64_t begun = vm_clock_ns(), real_ns = vm_clock_real_ns(), boot_ns = vm_clock_boot_ns();
	memset(out, 0, sizeof(*out));
	int e = read_all(r, pids, n, out);
	if (e < 0)
		return vm_fail_os(err, -e, "cannot make a frame");
	e = vm_rec_commit(r->w, (int64_t)real_ns, boot_ns, err);
	r->frames += e == 0;
	out->took_ns = vm_clock_ns() - begun;
	return e;
}

int vm_recorder_open(struct vm_session *s, struct vm_rec_writer *w, const struct vm_recorder_options *o,
		     struct vm_recorder **out, struct vm_err *err)
{
	struct vm_recorder *r = calloc(1, sizeof(*r));
	if (!r)
		return vm_fail(err, ENOMEM, "out of memory");
	r->s = s;
	r->w = w;
	r->o = *o;
	r->copies = (struct vm_copies){ .ctx = r, .take = take_copy };
	vm_session_copy_to(s, &r->copies);
	*out = r;
	return 0;
}

void vm_recorder_close(struct vm_recorder *r)
{
	if (!r)
		return;
	vm_session_copy_to(r->s, NULL);
	vm_rec_tree_free(&r->taken);
	vm_vec_free(&r->known);
	vm_map_free(&r->by_pid);
	vm_session_close(r->tasks_session);
	vm_vec_free(&r->users);
	vm_buf_free(&r->passwd);
	vm_buf_free(&r->text);
	free(r);
}
