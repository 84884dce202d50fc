#include "core/source/cgroupfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/source/session.h"
#include "core/source/source.h"

/** Deeper trees of groups than this are not followed. */
enum { DEPTH = 32 };

/** Version 2; of version 1 what has what we look for; version 2 beside it. */
static const char *const mounts[] = { "sys/fs/cgroup", "sys/fs/cgroup/memory", "sys/fs/cgroup/unified" };
static const char *const unified_mounts[] = { "sys/fs/cgroup", "sys/fs/cgroup/unified" };
static const char *const perf_mounts[] = { "sys/fs/cgroup", "sys/fs/cgroup/perf_event", "sys/fs/cgroup/unified" };

static bool find_line(const char *text, const char *key, uint64_t *value)
{
	const size_t len = strlen(key);
	for (const char *s = text; s; s = strchr(s, '\n')) {
		s += *s == '\n';
		if (strncmp(s, key, len) != 0 || s[len] != ' ')
			continue;
		char *end;
		errno = 0;
		*value = strtoull(s + len + 1, &end, 10);
		return errno == 0 && end != s + len + 1;
	}
	return false;
}

bool vm_parse_memory_stat(const char *text, uint64_t *faults, uint64_t *major)
{
	/* In version 1 lines without "total_" leave out the groups below. */
	return (find_line(text, "total_pgfault", faults) && find_line(text, "total_pgmajfault", major)) ||
	       (find_line(text, "pgfault", faults) && find_line(text, "pgmajfault", major));
}

int vm_cgroup_faults(struct vm_session *s, const char *path, uint64_t *faults, uint64_t *major, struct vm_err *err)
{
	for (size_t i = 0; i < vm_countof(mounts); i++)
		if (vm_session_slurp(s, &s->scratch, "%s/%s/memory.stat", mounts[i], path) > 0 &&
		    vm_parse_memory_stat(s->scratch.s, faults, major))
			return 0;
	return vm_fail(err, ENOENT, "the memory controller has no group '%s'", path);
}

/** A number of a file; "max", and what version 1 says for it, is UINT64_MAX. */
static bool read_number(struct vm_session *s, const char *mount, const char *path, int len, const char *file, uint64_t *v)
{
	if (vm_session_slurp(s, &s->scratch, "%s%.*s/%s", mount, len, path, file) <= 0)
		return false;
	char *end;
	if (strncmp(s->scratch.s, "max", 3) == 0) {
		*v = UINT64_MAX;
		return true;
	}
	*v = strtoull(s->scratch.s, &end, 10);
	if (*v > UINT64_MAX / 4)
		*v = UINT64_MAX;
	return end != s->scratch.s;
}

bool vm_parse_memory_cache(const char *text, uint64_t *cache)
{
	uint64_t file, shmem;
	if (!(find_line(text, "total_cache", &file) && find_line(text, "total_shmem", &shmem)) &&
	    !(find_line(text, "file", &file) && find_line(text, "shmem", &shmem)))
		return false;
	*cache = file > shmem ? file - shmem : 0;
	return true;
}

/** Of one group: its limit less what it holds and can't drop. */
static bool read_room(struct vm_session *s, const char *mount, const char *path, int len, struct vm_cgroup_limit *out)
{
	uint64_t limit, used, cache;
	if (!(read_number(s, mount, path, len, "memory.max", &limit) &&
	      read_number(s, mount, path, len, "memory.current", &used)) &&
	    !(read_number(s, mount, path, len, "memory.limit_in_bytes", &limit) &&
	      read_number(s, mount, path, len, "memory.usage_in_bytes", &used)))
		return false;
	if (vm_session_slurp(s, &s->scratch, "%s%.*s/memory.stat", mount, len, path) > 0 &&
	    vm_parse_memory_cache(s->scratch.s, &cache))
		used -= cache < used ? cache : used;
	*out = (struct vm_cgroup_limit){
		.room = limit == UINT64_MAX ? limit : limit > used ? limit - used : 0, .limit = limit, .path_len = len,
	};
	return true;
}

bool vm_cgroup_memory_limit(struct vm_session *s, const char *path, struct vm_cgroup_limit *out)
{
	*out = (struct vm_cgroup_limit){ .room = UINT64_MAX, .limit = UINT64_MAX };
	for (size_t i = 0; i < vm_countof(mounts); i++) {
		bool any = false;
		/* "/a/b", "/a", "": as far up as it is seen from here; the root of version 2 has no limit. */
		for (int len = (int)strlen(path); len >= 0; len--) {
			struct vm_cgroup_limit level;
			if ((path[len] != '/' && path[len] != '\0') || !read_room(s, mounts[i], path, len, &level))
				continue;
			any = true;
			*out = level.room < out->room ? level : *out;
		}
		if (any)
			return true;
	}
	return false;
}

static int take_procs(int dir, struct vm_pids *out)
{
	struct vm_buf text = { 0 };
	vm_auto_close int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	long n = fd < 0 ? -errno : vm_read_all(fd, &text);
	for (char *s = text.s, *end; n > 0 && *s; s = end) {
		const long pid = strtol(s, &end, 10);
		if (end == s)
			break;
		/* 0: of another PID namespace. */
		if (pid > 0 && !vm_vec_push(out, (pid_t)pid))
			n = -ENOMEM;
		end += strspn(end, "\n");
	}
	vm_buf_free(&text);
	/* A threaded group has none of its own, a removed one has none any more. */
	return n == -EOPNOTSUPP || n == -ENODEV || n == -ENOENT ? 0 : n < 0 ? (int)n : 0;
}

/** Takes `dir` over. */
static int take_tree(int dir, unsigned depth, struct vm_pids *out)
{
	vm_auto_dir DIR *d = fdopendir(dir);
	if (!d) {
		close(dir);
		return -ENOMEM;
	}
	int r = take_procs(dirfd(d), out);
	for (const struct dirent *e; r == 0 && depth && (e = readdir(d));) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		int sub = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			r = take_tree(sub, depth - 1, out);
	}
	return r;
}

static int open_dir(struct vm_session *s, const char *mount, const char *path)
{
	vm_auto_close int procs = vm_session_open_file(s, O_PATH, "%s/%s/cgroup.procs", mount, path);
	return procs < 0 ? procs : vm_session_open_file(s, O_RDONLY | O_DIRECTORY, "%s/%s", mount, path);
}

static int open_first(struct vm_session *s, const char *const *mount, size_t n, const char *path)
{
	int dir = -ENOENT;
	for (size_t i = 0; dir < 0 && i < n; i++)
		dir = open_dir(s, mount[i], path);
	return dir;
}

bool vm_cgroup_holds(const char *text, const char *path)
{
	path += strspn(path, "/");
	size_t len = strlen(path);
	while (len && path[len - 1] == '/')
		len--;
	for (const char *line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		const char *at = strchr(line, ':');
		at = at ? strchr(at + 1, ':') : NULL;
		const char *end = strchrnul(line, '\n');
		if (!at || at > end || at[1] != '/')
			continue;
		at += 2;
		if (!len || ((size_t)(end - at) >= len && strncmp(at, path, len) == 0 && strchr("/\n", at[len])))
			return true;
	}
	return false;
}

/** Of a tree or recording: by what each process says.  -ENOENT: none is in it. */
static int pids_by_their_files(struct vm_session *s, const char *path, struct vm_pids *out, struct vm_err *err)
{
	size_t kept = 0;
	int r = vm_proc_list(s, out, err);
	for (size_t i = 0; r == 0 && i < out->n; i++)
		if (vm_session_slurp(s, &s->scratch, "proc/%d/cgroup", out->v[i]) > 0 && vm_cgroup_holds(s->scratch.s, path))
			out->v[kept++] = out->v[i];
	out->n = r == 0 ? kept : 0;
	vm_pids_sort(out);
	return r == 0 && !kept ? vm_fail(err, ENOENT, "no process in the %s is in the control group '%s'", vm_session_kind(s), path) : r;
}

int vm_cgroup_pids(struct vm_session *s, const char *path, struct vm_pids *out, struct vm_err *err)
{
	if (!s->live)
		return pids_by_their_files(s, path, out, err);
	int dir = open_first(s, mounts, vm_countof(mounts), path);
	out->n = 0;
	if (dir < 0)
		return vm_fail_os(err, -dir, "cannot open the control group '%s'", path);
	int r = take_tree(dir, DEPTH, out);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot read which processes are in the control group '%s'", path);
	vm_pids_sort(out);
	return 0;
}

int vm_cgroup_open_unified(struct vm_session *s, const char *path)
{
	return open_first(s, unified_mounts, vm_countof(unified_mounts), path);
}

int vm_cgroup_open_perf(struct vm_session *s, const char *path)
{
	return open_first(s, perf_mounts, vm_countof(perf_mounts), path);
}
