#include "core/source/session.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/model/nodes.h"
#include "core/source/replay.h"

enum { PATH_SIZE = 8192 };

/** No text of /proc that is read in one piece is as long, but those that a process makes up: it may say that
    its command line is a terabyte of its memory (PR_SET_MM_MAP in prctl(2)). */
enum { TEXT_MAX = 1024 * 1024 };

/** No machine that runs Linux has smaller or bigger base pages. */
enum { PAGE_LEAST = 4096, PAGE_MOST = 262144 };

struct vm_session *vm_session_new(void)
{
	struct vm_session *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->root_fd = s->proc_fd = s->capture_fd = -1;
	s->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	s->ticks_per_second = 100;
	memset(s->probed, 0xff, sizeof(s->probed));
	return s;
}

void vm_session_learn_page(struct vm_session *s)
{
	uint64_t bytes;
	if (vm_session_slurp(s, &s->scratch, "pagesize") <= 0)
		return;
	s->scratch.s[strcspn(s->scratch.s, "\n")] = '\0';
	if (vm_parse_u64(s->scratch.s, &bytes) == 0 && bytes >= PAGE_LEAST && bytes <= PAGE_MOST && !(bytes & (bytes - 1)))
		s->page_bytes = bytes;
}

int vm_session_open(const char *root, struct vm_session **out, struct vm_err *err)
{
	struct vm_session *s = vm_session_new();
	if (!s)
		return vm_fail(err, ENOMEM, "out of memory");
	s->live = strcmp(root, "/") == 0;
	s->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;
	if (s->root_fd < 0) {
		r = vm_fail_os(err, errno, "cannot open the root directory '%s'", root);
	} else {
		int proc = vm_session_open_file(s, O_PATH | O_DIRECTORY, "proc");
		if (proc < 0) {
			r = vm_fail_os(err, -proc, "'%s' has no directory proc", root);
		} else {
			if (s->live)
				s->proc_fd = proc;
			else
				close(proc);
			if (!s->live)
				vm_session_learn_page(s);
			*out = s;
			return 0;
		}
	}
	vm_session_close(s);
	return r;
}

int vm_session_no_process(const struct vm_session *s, pid_t pid, struct vm_err *err)
{
	return vm_fail(err, ESRCH, "there is no process %d%s%s", pid, s->live ? "" : " in the ",
		       s->live ? "" : vm_session_kind(s));
}

void vm_session_note_other(struct vm_session *s, const char *name, const char *what, const char *why)
{
	for (size_t i = 0; i < s->unmet_other.n; i++)
		if (strcmp(s->unmet_other.v[i].name, name) == 0)
			return;
	struct vm_unmet_other u = { .name = name, .what = what };
	snprintf(u.why, sizeof(u.why), "%s", why);
	vm_vec_push(&s->unmet_other, u);
}

void vm_session_close(struct vm_session *s)
{
	if (!s)
		return;
	if (s->root_fd >= 0)
		close(s->root_fd);
	if (s->proc_fd >= 0)
		close(s->proc_fd);
	if (s->capture_fd >= 0)
		close(s->capture_fd);
	if (s->walker)
		s->walker_free(s->walker);
	if (s->tasks)
		s->tasks_free(s->tasks);
	if (s->areas)
		s->areas_free(s->areas);
	if (s->faulttime)
		s->faulttime_free(s->faulttime);
	if (s->replay)
		s->replay_free(s->replay);
	vm_session_forget(s);
	vm_vec_free(&s->users);
	vm_vec_free(&s->unmet_other);
	vm_arena_free(&s->arena);
	vm_buf_free(&s->scratch);
	free(s);
}

void vm_session_forget(struct vm_session *s)
{
	if (s->nodes)
		vm_nodes_free(s->nodes);
	free(s->nodes);
	s->nodes = NULL;
	s->swap_types = NULL;
	s->users.n = 0;
}

uint64_t vm_session_clock(const struct vm_session *s)
{
	return s->replay ? s->replay_ns : vm_clock_ns();
}

/** The digits of a UUID, as many as fit. */
static uint64_t boot_number(const char *text)
{
	uint64_t v = 0;
	for (; isxdigit((unsigned char)*text) || *text == '-'; text++)
		if (*text != '-')
			v = v << 4 | (uint64_t)(*text <= '9' ? *text - '0' : (*text | 0x20) - 'a' + 10);
	return v;
}

uint64_t vm_session_read_boot(struct vm_session *s)
{
	return vm_session_slurp(s, &s->scratch, "proc/sys/kernel/random/boot_id") > 0 ? boot_number(s->scratch.s) : 0;
}

uint64_t vm_session_boot_ns(const struct vm_session *s)
{
	return s->live ? vm_clock_boot_ns() : s->replay ? s->replay_ns : 0;
}

uint64_t vm_session_real_ns(const struct vm_session *s)
{
	return s->live ? vm_clock_real_ns() : s->replay ? s->replay_real_ns : 0;
}

static bool is_empty_dir(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	vm_auto_dir DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
	if (!d)
		return false;
	for (const struct dirent *e; (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			return false;
	return true;
}

/** -EIO whatever the reason: that this may not be written says nothing of what may be read. */
static int cannot_capture(int code, const char *what, const char *dir, struct vm_err *err)
{
	vm_fail_os(err, code, "cannot %s the directory '%s'", what, dir);
	return -EIO;
}

int vm_session_capture(struct vm_session *s, const char *dir, struct vm_err *err)
{
	if (mkdir(dir, 0777) != 0 && errno != EEXIST)
		return cannot_capture(errno, "make", dir, err);
	vm_auto_close int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return cannot_capture(errno, "open", dir, err);
	if (!is_empty_dir(fd)) {
		vm_fail(err, EEXIST, "the directory '%s' is not empty", dir);
		vm_hint(err, "name one that doesn't exist yet");
		return -EEXIST;
	}
	s->capture_fd = fd;
	fd = -1;
	return 0;
}

static int open_captured(int dir_fd, const char *path, int flags, unsigned resolve)
{
	struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC), .resolve = resolve };
	int fd = (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

int vm_open_captured(int dir_fd, const char *path, int flags, unsigned resolve)
{
	if (!(flags & (O_PATH | O_DIRECTORY))) {
		/* Opening a FIFO waits for its other end, and devices may do anything. */
		struct stat st;
		vm_auto_close int look = open_captured(dir_fd, path, O_PATH, resolve);
		if (look < 0)
			return look;
		if (fstat(look, &st) != 0 || !S_ISREG(st.st_mode))
			return -EBADMSG;
		flags |= O_NONBLOCK;
	}
	return open_captured(dir_fd, path, flags, resolve);
}

static int open_below(struct vm_session *s, int flags, const char *path)
{
	if (s->replay)
		return vm_replay_open(s->replay, path, flags);
	/* A capture holds links like /etc/mtab -> /proc/mounts: they must stay inside it. */
	if (!s->live)
		return vm_open_captured(s->root_fd, path, flags, RESOLVE_IN_ROOT);
	int fd = openat(s->root_fd, path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

__attribute__((format(printf, 2, 0)))
static int format_path(char path[PATH_SIZE], const char *fmt, va_list ap)
{
	int n = vsnprintf(path, PATH_SIZE, fmt, ap);
	return n < 0 || n >= PATH_SIZE ? -ENAMETOOLONG : 0;
}

int vm_session_open_file(struct vm_session *s, int flags, const char *fmt, ...)
{
	char path[PATH_SIZE];
	va_list ap;
	va_start(ap, fmt);
	int r = format_path(path, fmt, ap);
	va_end(ap);
	return r ? r : open_below(s, flags, path);
}

long vm_read_all(int fd, struct vm_buf *to)
{
	size_t before = to->n;
	while (to->n - before < TEXT_MAX) {
		if (!vm_buf_reserve(to, 4096))
			return -ENOMEM;
		ssize_t n = read(fd, to->s + to->n, to->cap - to->n - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		to->n += (size_t)n;
	}
	to->s[to->n] = '\0';
	return (long)(to->n - before);
}

long vm_read_at_once(int fd, struct vm_buf *to)
{
	enum { ROOM = 16 * 1024 };
	if (!vm_buf_reserve(to, ROOM))
		return -ENOMEM;
	size_t room = to->cap - to->n - 1;
	ssize_t n;
	do {
		n = read(fd, to->s + to->n, room);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	to->n += (size_t)n;
	to->s[to->n] = '\0';
	if ((size_t)n < room)
		return n;
	long more = vm_read_all(fd, to);
	return more < 0 ? more : n + more;
}

int vm_write_all(int fd, const void *data, size_t len)
{
	const char *from = data;
	while (len) {
		const ssize_t n = write(fd, from, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		from += n;
		len -= (size_t)n;
	}
	return 0;
}

long vm_session_slurp(struct vm_session *s, struct vm_buf *to, const char *fmt, ...)
{
	char path[PATH_SIZE];
	va_list ap;
	va_start(ap, fmt);
	int r = format_path(path, fmt, ap);
	va_end(ap);
	if (r)
		return r;
	to->n = 0;
	long n;
	if (s->replay) {
		n = vm_replay_slurp(s->replay, path, to);
	} else {
		vm_auto_close int fd = open_below(s, O_RDONLY, path);
		n = fd < 0 ? fd : vm_read_all(fd, to);
	}
	if (n >= 0)
		vm_session_tee_file(s, path, to->s, to->n);
	return n;
}

static int list_dir(int fd, struct vm_buf *names)
{
	vm_auto_dir DIR *d = fdopendir(fd);
	if (!d) {
		close(fd);
		return -ENOMEM;
	}
	for (const struct dirent *e; (e = readdir(d));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			vm_buf_add(names, e->d_name, strlen(e->d_name) + 1);
	return names->failed ? -ENOMEM : 0;
}

int vm_session_list(struct vm_session *s, struct vm_buf *names, const char *fmt, ...)
{
	char path[PATH_SIZE];
	va_list ap;
	va_start(ap, fmt);
	int r = format_path(path, fmt, ap);
	va_end(ap);
	if (r)
		return r;
	names->n = 0;
	if (s->replay)
		return vm_replay_list(s->replay, path, names);
	int fd = open_below(s, O_RDONLY | O_DIRECTORY, path);
	return fd < 0 ? fd : list_dir(fd, names);
}

const char *vm_next_name(const struct vm_buf *names, const char *name)
{
	name = name ? name + strlen(name) + 1 : names->s;
	return names->n && name < names->s + names->n ? name : NULL;
}

long vm_session_readlink(struct vm_session *s, char *buf, size_t size, const char *fmt, ...)
{
	char path[PATH_SIZE];
	va_list ap;
	va_start(ap, fmt);
	int r = format_path(path, fmt, ap);
	va_end(ap);
	if (r)
		return r;
	if (s->replay) {
		long len = vm_replay_readlink(s->replay, path, buf, size);
		if (len >= 0)
			vm_session_tee_link(s, path, buf);
		return len;
	}
	/* The last component isn't followed, so a plain readlinkat stays below the root if its parent does. */
	vm_auto_close int fd = open_below(s, O_PATH | O_NOFOLLOW, path);
	if (fd < 0)
		return fd;
	ssize_t n = readlinkat(fd, "", buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	vm_session_tee_link(s, path, buf);
	return n;
}

static void capture_failed(struct vm_session *s, int code)
{
	if (!s->capture_error)
		s->capture_error = code;
}

/** Parts of the paths are names of mapped files as maps tells them, and a memfd may be named "../../x". */
static bool leads_up(const char *path)
{
	for (const char *s = path; (s = strstr(s, "..")); s++)
		if ((s == path || s[-1] == '/') && (s[2] == '/' || s[2] == '\0'))
			return true;
	return false;
}

static void make_parents(struct vm_session *s, char *path)
{
	for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (*path && mkdirat(s->capture_fd, path, 0777) != 0 && errno != EEXIST)
			capture_failed(s, errno);
		*slash = '/';
	}
}

static int open_copy(struct vm_session *s, const char *path)
{
	vm_auto_free char *copy = strdup(path);
	if (!copy)
		return -1;
	make_parents(s, copy);
	int fd = openat(s->capture_fd, copy, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		capture_failed(s, errno);
	return fd;
}

void vm_session_copy_to(struct vm_session *s, const struct vm_copies *to)
{
	s->copies = to;
}

struct vm_tee vm_session_tee(struct vm_session *s, const char *path)
{
	struct vm_tee t = { .s = s, .fd = -1 };
	if (!vm_session_copies(s) || leads_up(path))
		return t;
	if (s->copies)
		t.path = strdup(path);
	else
		t.fd = open_copy(s, path);
	return t;
}

void vm_tee_write(struct vm_tee *t, const void *data, size_t len)
{
	if (t->path)
		vm_buf_add(&t->text, data, len);
	const int r = t->fd >= 0 ? vm_write_all(t->fd, data, len) : 0;
	if (r < 0)
		capture_failed(t->s, -r);
}

static void hand_over(struct vm_session *s, const char *path, bool link, const void *data, size_t len)
{
	int r = s->copies->take(s->copies->ctx, path, link, data, len);
	if (r < 0)
		capture_failed(s, -r);
}

void vm_tee_end(struct vm_tee *t)
{
	if (t->fd >= 0)
		close(t->fd);
	if (t->path && t->s->copies && !t->text.failed)
		hand_over(t->s, t->path, false, t->text.s, t->text.n);
	vm_buf_free(&t->text);
	free(t->path);
	t->fd = -1;
	t->path = NULL;
}

void vm_session_tee_file(struct vm_session *s, const char *path, const void *data, size_t len)
{
	if (s->copies && !leads_up(path)) {
		hand_over(s, path, false, data, len);
	} else if (s->capture_fd >= 0) {
		vm_auto_tee struct vm_tee t = vm_session_tee(s, path);
		vm_tee_write(&t, data, len);
	}
}

void vm_session_tee_link(struct vm_session *s, const char *path, const char *target)
{
	if (!vm_session_copies(s) || leads_up(path))
		return;
	if (s->copies) {
		hand_over(s, path, true, target, strlen(target));
		return;
	}
	vm_auto_free char *copy = strdup(path);
	if (!copy)
		return;
	make_parents(s, copy);
	if (symlinkat(target, s->capture_fd, copy) != 0 && errno != EEXIST)
		capture_failed(s, errno);
}

void vm_session_note(struct vm_session *s, enum vm_need_bit need, int why, pid_t pid)
{
	struct vm_unmet *u = &s->unmet[need];
	if (!u->count++) {
		u->why = why;
		u->first = pid;
	}
}
