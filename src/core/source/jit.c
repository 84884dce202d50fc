#include "core/source/jit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/model/process.h"
#include "core/source/perfmap.h"
#include "core/source/procparse.h"
#include "core/source/session.h"

enum { CHECK_NS = 100 * 1000 * 1000, PIECE = 64 * 1024 };

struct vm_jit {
	pid_t pid;
	/** The process: when it started (as in struct vm_proc), its number in its own namespace, its users. */
	uint64_t start;
	uint64_t inner_pid;
	uint64_t uid[4];
	int fd;                    /* its map, or -1 */
	dev_t dev;
	ino_t ino;
	off_t done;                /* how much of it was read */
	uint64_t checked;          /* vm_clock_ns() */
	struct vm_perfmap map;
};

static void forget_map(struct vm_jit *j)
{
	if (j->fd >= 0)
		close(j->fd);
	j->fd = -1;
	j->done = 0;
	vm_perfmap_free(&j->map);
}

/** Numbers behind "\nKEY:\t"; how many. */
static size_t status_numbers(const char *status, const char *key, uint64_t *v, size_t max)
{
	const char *at = strstr(status, key);
	size_t n = 0;
	if (!at)
		return 0;
	for (at += strlen(key); n < max && *at == '\t'; n++) {
		char *end;
		v[n] = strtoull(at, &end, 10);
		if (end == at)
			break;
		at = end;
	}
	return n;
}

/** Who the process is now; false: it is gone. */
static bool look_at_process(struct vm_jit *j, struct vm_session *s)
{
	struct vm_proc p;
	vm_proc_init(&p, j->pid);
	if (vm_session_slurp(s, &s->scratch, "proc/%d/stat", j->pid) <= 0 ||
	    !vm_parse_stat(s->scratch.s, s->page_bytes, s->ticks_per_second, false, &p))
		return false;
	if (p.start != j->start)
		forget_map(j);
	j->start = p.start;
	if (vm_session_slurp(s, &s->scratch, "proc/%d/status", j->pid) <= 0)
		return false;
	/* The name stands first and may hold anything but a newline. */
	uint64_t pid[32];
	const size_t n = status_numbers(s->scratch.s, "\nNSpid:", pid, 32);
	j->inner_pid = n ? pid[n - 1] : (uint64_t)j->pid;
	return status_numbers(s->scratch.s, "\nUid:", j->uid, 4) == 4;
}

static bool is_theirs(const struct vm_jit *j, const struct stat *st)
{
	bool known = st->st_uid == 0 || st->st_uid == geteuid();
	for (int i = 0; i < 4; i++)
		known |= st->st_uid == j->uid[i];
	return known;
}

/** Written before the process began, by another one of the same number. */
static bool is_stale(const struct vm_jit *j, const struct vm_session *s, const struct stat *st)
{
	struct timespec now, up;
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	const int64_t boot = now.tv_sec - up.tv_sec, began = boot + (int64_t)(j->start / s->ticks_per_second);
	/* Both times are cut to seconds. */
	return st->st_mtime + 2 < began;
}

static int open_map(const struct vm_jit *j, struct vm_session *s, int root, uint64_t pid, struct stat *st)
{
	char path[64];
	snprintf(path, sizeof(path), "tmp/perf-%llu.map", (unsigned long long)pid);
	int fd = root < 0 ? root : vm_open_captured(root, path, O_RDONLY, RESOLVE_IN_ROOT);
	if (fd < 0)
		return fd;
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode) && (!s->live || (is_theirs(j, st) && !is_stale(j, s, st))))
		return fd;
	close(fd);
	return -EPERM;
}

/** Open the map, if there is one and it isn't open. */
static void find_map(struct vm_jit *j, struct vm_session *s)
{
	struct stat st;
	vm_auto_close int root = vm_session_open_file(s, O_PATH | O_DIRECTORY, "proc/%d/root", j->pid);
	int fd = open_map(j, s, root, j->inner_pid, &st);
	if (fd < 0)
		fd = open_map(j, s, s->root_fd, (uint64_t)j->pid, &st);
	if (fd >= 0 && j->fd >= 0 && st.st_dev == j->dev && st.st_ino == j->ino) {
		close(fd);
		return;
	}
	forget_map(j);
	j->fd = fd;
	if (fd >= 0) {
		j->dev = st.st_dev;
		j->ino = st.st_ino;
	}
}

static void read_on(struct vm_jit *j)
{
	struct stat st;
	if (j->fd < 0 || fstat(j->fd, &st) != 0 || st.st_size == j->done)
		return;
	if (st.st_size < j->done) {
		/* It was begun anew. */
		j->done = 0;
		vm_perfmap_free(&j->map);
	}
	vm_auto_free char *piece = malloc(PIECE);
	while (piece && j->done < st.st_size) {
		const ssize_t n = pread(j->fd, piece, PIECE, j->done);
		if (n <= 0)
			return;
		vm_perfmap_feed(&j->map, piece, (size_t)n);
		j->done += n;
	}
}

static struct vm_jit *of_process(struct vm_jits *js, pid_t pid, bool alive)
{
	for (size_t i = 0; i < js->of.n; i++)
		if (js->of.v[i]->pid == pid)
			return js->of.v[i];
	struct vm_jit *j = alive ? calloc(1, sizeof(*j)) : NULL;
	if (!j)
		return NULL;
	j->pid = pid;
	j->fd = -1;
	if (!vm_vec_push(&js->of, j)) {
		free(j);
		return NULL;
	}
	return j;
}

const char *vm_jit_find(struct vm_jits *js, struct vm_session *s, pid_t pid, bool alive, uint64_t address,
			uint64_t *offset)
{
	struct vm_jit *j = of_process(js, pid, alive);
	if (!j)
		return NULL;
	const uint64_t now = vm_clock_ns();
	if (alive && (!j->checked || now - j->checked > CHECK_NS)) {
		j->checked = now;
		if (look_at_process(j, s))
			find_map(j, s);
	}
	read_on(j);
	return vm_perfmap_find(&j->map, address, offset);
}

void vm_jits_free(struct vm_jits *js)
{
	for (size_t i = 0; i < js->of.n; i++) {
		forget_map(js->of.v[i]);
		free(js->of.v[i]);
	}
	vm_vec_free(&js->of);
}
