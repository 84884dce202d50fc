/**
 * A moment of a recording as a tree of files, in memory: what a session's readers open, list and follow.
 *
 * Directories are what paths begin with: all paths stand in one sorted row, and those below a directory stand together.
 */
#include "core/source/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/source/recording.h"
#include "core/source/session.h"

/** As many links one after the other as the kernel follows (MAXSYMLINKS in include/linux/namei.h), and the longest path. */
enum { LINKS_MAX = 40, PATH_SIZE = 8192 };

struct vm_replay {
	struct vm_recording *rec;
	size_t moment;
	/** Paths of all that is there, ascending. */
	VM_VEC(const char *) sorted;
};

static const struct vm_rec_entry *entry_at(const struct vm_replay *rp, const char *path, size_t len)
{
	const struct vm_rec_entry *e = vm_rec_tree_find(vm_recording_tree(rp->rec), path, len);
	return e && e->there ? e : NULL;
}

/**
 * `path` with the link at path[0..at) followed; what leads up from the root stays there, as with RESOLVE_IN_ROOT.
 * -ENAMETOOLONG.
 */
static int follow(const struct vm_rec_entry *link, char path[PATH_SIZE], size_t at)
{
	char text[PATH_SIZE], *save = NULL;
	size_t dir = at, n = 0;
	while (dir && path[dir - 1] != '/')
		dir--;
	if (link->len && link->data[0] == '/')
		dir = 0;
	int len = snprintf(text, sizeof(text), "%.*s%.*s%s", (int)dir, path, (int)link->len, link->data, path + at);
	if (len < 0 || len >= PATH_SIZE)
		return -ENAMETOOLONG;
	path[0] = '\0';
	for (const char *part = strtok_r(text, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
		if (strcmp(part, ".") == 0)
			continue;
		if (strcmp(part, "..") == 0) {
			while (n && path[--n] != '/')
				;
			path[n] = '\0';
			continue;
		}
		n += (size_t)snprintf(path + n, PATH_SIZE - n, "%s%s", n ? "/" : "", part);
	}
	return 0;
}

/** A link among the directories of the path, or NULL; its length in *at. */
static const struct vm_rec_entry *link_above(const struct vm_replay *rp, const char *path, size_t *at)
{
	for (const char *slash = path; (slash = strchr(slash + 1, '/'));) {
		const struct vm_rec_entry *e = entry_at(rp, path, (size_t)(slash - path));
		if (!e)
			continue;
		*at = (size_t)(slash - path);
		return e->kind == VM_REC_LINK ? e : NULL;
	}
	return NULL;
}

/** The file or, if `last` links aren't to be followed, the link.  -ENOENT, -ELOOP. */
static int resolve(const struct vm_replay *rp, char path[PATH_SIZE], bool follow_last, const struct vm_rec_entry **out)
{
	for (unsigned i = 0; i < LINKS_MAX; i++) {
		size_t at = strlen(path);
		const struct vm_rec_entry *e = entry_at(rp, path, at);
		if (e && (e->kind == VM_REC_FILE || !follow_last)) {
			*out = e;
			return 0;
		}
		const struct vm_rec_entry *link = e ? e : link_above(rp, path, &at);
		int r = link ? follow(link, path, at) : -ENOENT;
		if (r < 0)
			return r;
	}
	return -ELOOP;
}

/** The first path that doesn't come before this text. */
static size_t lower_bound(const struct vm_replay *rp, const char *text)
{
	size_t from = 0, to = rp->sorted.n;
	while (from < to) {
		const size_t middle = from + (to - from) / 2;
		if (strcmp(rp->sorted.v[middle], text) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

static bool is_dir(const struct vm_replay *rp, const char *path)
{
	char prefix[PATH_SIZE];
	int n = snprintf(prefix, sizeof(prefix), "%s/", path);
	const size_t at = n < PATH_SIZE ? lower_bound(rp, prefix) : rp->sorted.n;
	return at < rp->sorted.n && strncmp(rp->sorted.v[at], prefix, (size_t)n) == 0;
}

/** -EISDIR: it is a directory. */
static int find(const struct vm_replay *rp, const char *path, bool follow_last, const struct vm_rec_entry **out)
{
	char copy[PATH_SIZE];
	int n = snprintf(copy, sizeof(copy), "%s", path);
	if (n < 0 || n >= PATH_SIZE)
		return -ENAMETOOLONG;
	n = resolve(rp, copy, follow_last, out);
	return n == -ENOENT && is_dir(rp, copy) ? -EISDIR : n;
}

int vm_replay_list(const struct vm_replay *rp, const char *path, struct vm_buf *names)
{
	char text[PATH_SIZE];
	int n = snprintf(text, sizeof(text), "%s/", path);
	if (n < 0 || n >= PATH_SIZE)
		return -ENAMETOOLONG;
	const size_t len = (size_t)n, first = lower_bound(rp, text);
	for (size_t i = first; i < rp->sorted.n && strncmp(rp->sorted.v[i], text, len) == 0;) {
		const char *name = rp->sorted.v[i] + len;
		const size_t part = strcspn(name, "/");
		vm_buf_add(names, name, part);
		vm_buf_add_char(names, '\0');
		/* Behind all that is below it: '0' is the character behind '/'. */
		if (name[part] && snprintf(text + len, sizeof(text) - len, "%.*s0", (int)part, name) < (int)(sizeof(text) - len))
			i = lower_bound(rp, text);
		else
			i++;
		text[len] = '\0';
	}
	if (names->failed)
		return -ENOMEM;
	return first < rp->sorted.n && names->n ? 0 : -ENOENT;
}

int vm_replay_open(const struct vm_replay *rp, const char *path, int flags)
{
	const struct vm_rec_entry *e;
	int r = find(rp, path, !(flags & O_NOFOLLOW), &e);
	if (r < 0)
		return r;
	if (flags & O_DIRECTORY)
		return -ENOTDIR;
	if ((flags & O_ACCMODE) != O_RDONLY)
		return -EROFS;
	vm_auto_close int fd = memfd_create("vmtop-replay", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = vm_write_all(fd, e->data, e->len);
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	const int out = fd;
	if (r == 0)
		fd = -1;
	return r < 0 ? r : out;
}

long vm_replay_slurp(const struct vm_replay *rp, const char *path, struct vm_buf *to)
{
	const struct vm_rec_entry *e;
	int r = find(rp, path, true, &e);
	if (r < 0)
		return r;
	if (!vm_buf_reserve(to, e->len + 1))
		return -ENOMEM;
	vm_buf_add(to, e->data, e->len);
	to->s[to->n] = '\0';
	return (long)e->len;
}

long vm_replay_readlink(const struct vm_replay *rp, const char *path, char *buf, size_t size)
{
	const struct vm_rec_entry *e;
	int r = find(rp, path, false, &e);
	if (r < 0)
		return r;
	if (e->kind != VM_REC_LINK)
		return -EINVAL;
	const size_t n = e->len < size - 1 ? e->len : size - 1;
	memcpy(buf, e->data, n);
	buf[n] = '\0';
	return (long)n;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/** Read the moment, and put what is there into order. */
static int go_to(struct vm_replay *rp, size_t moment, struct vm_err *err)
{
	int r = vm_recording_read(rp->rec, moment, err);
	if (r < 0)
		return r;
	const struct vm_rec_tree *t = vm_recording_tree(rp->rec);
	rp->sorted.n = 0;
	if (!vm_vec_reserve(&rp->sorted, t->entries.n))
		return vm_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < t->entries.n; i++)
		if (t->entries.v[i].there)
			rp->sorted.v[rp->sorted.n++] = t->entries.v[i].path;
	if (rp->sorted.n)
		qsort(rp->sorted.v, rp->sorted.n, sizeof(*rp->sorted.v), compare);
	rp->moment = moment;
	return 0;
}

static void free_replay(struct vm_replay *rp)
{
	vm_vec_free(&rp->sorted);
	vm_recording_close(rp->rec);
	free(rp);
}

/** What the session knows of the moment that it has come to. */
static void arrive(struct vm_session *s)
{
	const struct vm_rec_moment *m = vm_recording_moment(s->replay->rec, s->replay->moment);
	s->replay_ns = m->boot_ns;
	s->replay_real_ns = m->real_ns > 0 ? (uint64_t)m->real_ns : 0;
	s->replay_boot = vm_session_read_boot(s);
	vm_session_learn_page(s);
}

static void note_broken(struct vm_session *s, const struct vm_err *why)
{
	char text[sizeof(why->what) + 80];
	snprintf(text, sizeof(text), "%s: it is left out, and what rests upon it", why->what);
	vm_session_note_other(s, "moments", "moments of the recording", text);
}

/** The last one that can be read, from `moment` back. */
static int go_back(struct vm_session *s, size_t moment, struct vm_err *err)
{
	struct vm_err why = { 0 };
	int r = go_to(s->replay, moment, err);
	if (r == -EBADMSG && err)
		why = *err;
	while (r == -EBADMSG && vm_recording_broken(s->replay->rec) > 0)
		r = go_to(s->replay, vm_recording_broken(s->replay->rec) - 1, err);
	if (r == 0 && why.what[0])
		note_broken(s, &why);
	return r;
}

static int open_recording(struct vm_recording *rec, size_t moment, bool back, struct vm_session **out, struct vm_err *err)
{
	struct vm_replay *rp = calloc(1, sizeof(*rp));
	struct vm_session *s = rp ? vm_session_new() : NULL;
	if (!s) {
		vm_recording_close(rec);
		free(rp);
		return vm_fail(err, ENOMEM, "out of memory");
	}
	rp->rec = rec;
	s->replay = rp;
	s->replay_free = free_replay;
	int r = back ? go_back(s, moment, err) : go_to(rp, moment, err);
	if (r < 0) {
		vm_session_close(s);
		return r;
	}
	arrive(s);
	*out = s;
	return 0;
}

int vm_session_open_recording(struct vm_recording *rec, size_t moment, struct vm_session **out, struct vm_err *err)
{
	return open_recording(rec, moment, false, out, err);
}

int vm_session_open_last(struct vm_recording *rec, struct vm_session **out, struct vm_err *err)
{
	return open_recording(rec, vm_recording_count(rec) - 1, true, out, err);
}

struct vm_recording *vm_session_recording(const struct vm_session *s)
{
	return s->replay ? s->replay->rec : NULL;
}

size_t vm_session_moment(const struct vm_session *s)
{
	return s->replay ? s->replay->moment : 0;
}

int vm_session_seek(struct vm_session *s, size_t moment, struct vm_err *err)
{
	struct vm_replay *rp = s->replay;
	const size_t was = rp->moment;
	int r = go_to(rp, moment, err);
	/* What is held is of none now. */
	struct vm_err ignored;
	if (r < 0 && go_to(rp, was, &ignored) < 0)
		rp->sorted.n = 0;
	vm_session_forget(s);
	arrive(s);
	return r;
}

/** `moment`, or the next one that can be read. */
static int go_on(struct vm_session *s, size_t moment, struct vm_err *err)
{
	const struct vm_recording *rec = s->replay->rec;
	struct vm_err why = { 0 };
	int r = vm_session_seek(s, moment, &why);
	while (r == -EBADMSG && (moment = vm_recording_next_whole(rec, moment + 1)) < vm_recording_count(rec)) {
		note_broken(s, &why);
		r = vm_session_seek(s, moment, &why);
	}
	if (r < 0 && err)
		*err = why;
	return r;
}

int vm_session_begin(struct vm_session *s, struct vm_err *err)
{
	return go_on(s, 0, err);
}

int vm_session_advance(struct vm_session *s, uint64_t ns, struct vm_err *err)
{
	const struct vm_recording *rec = s->replay->rec;
	const uint64_t due = s->replay_ns + ns;
	size_t to = s->replay->moment;
	/* Another run's clock may have begun anew with the machine: its first moment is as good as any. */
	do {
		if (++to >= vm_recording_count(rec))
			return -ENODATA;
	} while (vm_recording_moment(rec, to)->boot_ns < due && vm_recording_moment(rec, to)->boot_ns >= s->replay_ns);
	struct vm_err why = { 0 };
	const int r = go_on(s, to, &why);
	if (r == -EBADMSG) {
		note_broken(s, &why);
		return -ENODATA;
	}
	if (r < 0 && err)
		*err = why;
	return r;
}
