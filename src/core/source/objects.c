/** What lies behind the mappings: segments of programs and libraries, stacks of threads. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/model/aspace.h"
#include "core/source/elfparse.h"
#include "core/source/mapped.h"
#include "core/source/session.h"
#include "core/source/snap.h"

enum { HEADERS = 4096, HEADERS_MAX = 256 * 1024 };

static int read_segments(struct vm_snap *sn, int fd, const char *path, struct vm_object *o)
{
	struct vm_segment seg[VM_SEGMENTS_MAX];
	size_t len = HEADERS, need = 0;
	vm_auto_free char *data = malloc(len);
	if (!data)
		return -ENOMEM;
	ssize_t got = pread(fd, data, len, 0);
	if (got < 0)
		return -EIO;
	int n = vm_parse_elf(data, (size_t)got, seg, &need);
	if (n == -ENODATA && need <= HEADERS_MAX) {
		char *more = realloc(data, need);
		if (!more)
			return -ENOMEM;
		data = more;
		got = pread(fd, data, need, 0);
		n = got < 0 ? -EIO : vm_parse_elf(data, (size_t)got, seg, &need);
	}
	if (n < 0)
		return n;
	vm_session_tee_file(sn->s, path, data, need < (size_t)got ? need : (size_t)got);
	struct vm_segment *keep = vm_arena_alloc(&sn->as->arena, (size_t)n * sizeof(*keep) + 1);
	if (!keep)
		return -ENOMEM;
	memcpy(keep, seg, (size_t)n * sizeof(*keep));
	o->seg = keep;
	o->nsegs = (uint32_t)n;
	return 0;
}

static bool known_object(const struct vm_aspace *as, const struct vm_mapping *m)
{
	/* Mappings of one file stand together, so the last one is nearly always it. */
	for (size_t i = as->objects.n; i-- > 0;) {
		const struct vm_object *o = &as->objects.v[i];
		if (o->inode == m->inode && o->dev_major == m->dev_major && o->dev_minor == m->dev_minor)
			return true;
	}
	return false;
}

/** Only files with code: data files have no segments, and a process may map 10^4 of them. */
static int fill_elf(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	(void)want;
	char exe[4200], path[8300];
	if (!sn->as)
		return -ENODATA;
	long exe_len = vm_session_readlink(sn->s, exe, sizeof(exe), "proc/%d/exe", sn->pid);
	for (size_t i = 0; i < sn->as->nmaps; i++) {
		const struct vm_mapping *m = &sn->as->map[i];
		if (!(m->prot & PROT_EXEC) || !m->inode || m->name[0] != '/' || known_object(sn->as, m))
			continue;
		const struct vm_mapped file = {
			.pid = sn->pid, .alive = true, .start = m->start, .end = m->end, .path = m->name,
			.dev_major = m->dev_major, .dev_minor = m->dev_minor, .inode = m->inode,
		};
		vm_auto_close int fd = vm_open_mapped(sn->s, &file, path, sizeof(path));
		struct vm_object o = {
			.inode = m->inode, .dev_major = m->dev_major, .dev_minor = m->dev_minor,
			.executable = exe_len > 0 && strcmp(exe, m->name) == 0,
		};
		int r = fd < 0 ? fd : read_segments(sn, fd, path, &o);
		if (r == -ENOMEM || r == -EMFILE || r == -ENFILE)
			return vm_fail_os(err, -r, "cannot read the programs of %d", sn->pid);
		/* An unreadable file is left to the classification by permissions. */
		if (r < 0)
			continue;
		if (!vm_vec_push(&sn->as->objects, o))
			return vm_fail(err, ENOMEM, "out of memory");
	}
	return 0;
}

const struct vm_source vm_src_elf = {
	.name = "elf", .help = "ELF headers of the mapped programs, through /proc/PID/root or map_files",
	.provides = VM_NEED(OBJECTS), .primary = VM_NEED(OBJECTS), .fill = fill_elf,
};

/**
 * "202 0x7f... 0x80 0x2 0x0 0x0 0xffffffff 0x7ffc9b1e1c40 0x7f2f1c2d3a6f": number, six arguments, stack
 * pointer, program counter; "running" without any (proc_pid_syscall() in fs/proc/base.c).
 */
static uint64_t stack_pointer(char *text)
{
	char *words[10];
	size_t n = 0;
	char *save = NULL;
	for (char *w = strtok_r(text, " \n", &save); w && n < 10; w = strtok_r(NULL, " \n", &save))
		words[n++] = w;
	uint64_t sp;
	return n >= 3 && vm_parse_hex(words[n - 2], &sp) == 0 ? sp : 0;
}

static int take_thread(struct vm_snap *sn, const char *name, struct vm_err *err)
{
	uint64_t tid;
	if (vm_parse_u64(name, &tid) != 0)
		return 0;
	long n = vm_session_slurp(sn->s, &sn->s->scratch, "proc/%d/task/%s/syscall", sn->pid, name);
	if (n == -EACCES || n == -EPERM)
		return vm_fail_os(err, (int)-n, "cannot read /proc/%d/task/%s/syscall", sn->pid, name);
	struct vm_thread t = { .tid = (pid_t)tid, .sp = n > 0 ? stack_pointer(sn->s->scratch.s) : 0 };
	return vm_vec_push(&sn->as->threads, t) ? 0 : vm_fail(err, ENOMEM, "out of memory");
}

static int fill_threads(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	(void)want;
	if (!sn->as)
		return -ENODATA;
	if (vm_proc_has(sn->proc, VM_P_THREADS) && sn->proc->q[VM_P_THREADS] < 2)
		return 0;
	struct vm_buf names = { 0 };
	int r = vm_session_list(sn->s, &names, "proc/%d/task", sn->pid);
	if (r < 0)
		vm_fail_os(err, -r, "cannot list the threads of %d", sn->pid);
	for (const char *name = NULL; r == 0 && (name = vm_next_name(&names, name));)
		r = take_thread(sn, name, err);
	vm_buf_free(&names);
	return r;
}

const struct vm_source vm_src_threads = {
	.name = "syscall", .help = "/proc/PID/task/TID/syscall: stack pointers of waiting threads",
	.provides = VM_NEED(THREADS), .primary = VM_NEED(THREADS), .fill = fill_threads,
};
