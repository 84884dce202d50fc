/**
 * A moment of a recording as a tree of files.  Readers open directories and list them, follow links and map files, so it
 * is a real one, in memory; only what differs from one moment to the next is written.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/source/recording.h"
#include "core/source/scratchdir.h"
#include "core/source/session.h"

struct vm_replay {
	struct vm_recording *rec;
	size_t moment;
	struct vm_scratch_dir dir;
};

/** The recording may be a stranger's: nothing is followed out of the directory, and no link at all. */
static int open_in(const struct vm_replay *rp, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC), .mode = flags & O_CREAT ? 0600 : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, rp->dir.fd, path, &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

/** Its directory, made where it isn't there, and the last part of its name; or a negative errno. */
static int open_parent(const struct vm_replay *rp, char *path, const char **name)
{
	char *slash = strrchr(path, '/');
	*name = slash ? slash + 1 : path;
	if (!slash)
		return fcntl(rp->dir.fd, F_DUPFD_CLOEXEC, 3);
	*slash = '\0';
	int fd = open_in(rp, path, O_PATH | O_DIRECTORY);
	if (fd == -ENOENT) {
		const char *last;
		vm_auto_free char *copy = strdup(path);
		vm_auto_close int above = copy ? open_parent(rp, copy, &last) : -ENOMEM;
		if (above < 0)
			fd = above;
		else if (mkdirat(above, last, 0700) != 0 && errno != EEXIST)
			fd = -errno;
		else
			fd = open_in(rp, path, O_PATH | O_DIRECTORY);
	}
	return fd;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_file(int parent, const char *name, const struct vm_rec_entry *e)
{
	vm_auto_close int fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : write_all(fd, e->data, e->len);
}

static int write_link(int parent, const char *name, const struct vm_rec_entry *e)
{
	vm_auto_free char *target = strndup(e->data ? e->data : "", e->len);
	if (!target)
		return -ENOMEM;
	return symlinkat(target, parent, name) == 0 ? 0 : -errno;
}

/** A file takes the place of what stood there; directories that become empty go, too. */
static int put_entry(const struct vm_replay *rp, const struct vm_rec_entry *e)
{
	const char *name;
	vm_auto_free char *path = strdup(e->path);
	vm_auto_close int parent = path ? open_parent(rp, path, &name) : -ENOMEM;
	if (parent < 0)
		return parent;
	if (unlinkat(parent, name, 0) != 0 && errno != ENOENT)
		return -errno;
	return e->kind == VM_REC_LINK ? write_link(parent, name, e) : write_file(parent, name, e);
}

static void remove_entry(const struct vm_replay *rp, const struct vm_rec_entry *e)
{
	vm_auto_free char *path = strdup(e->path);
	int flag = 0;
	while (path) {
		char *slash = strrchr(path, '/');
		if (!slash)
			return;
		*slash = '\0';
		vm_auto_close int parent = open_in(rp, path, O_PATH | O_DIRECTORY);
		if (parent < 0 || unlinkat(parent, slash + 1, flag) != 0)
			return;
		flag = AT_REMOVEDIR;
	}
}

static int write_changes(const struct vm_replay *rp, struct vm_err *err)
{
	struct vm_rec_tree *t = vm_recording_tree(rp->rec);
	for (size_t i = 0; i < t->entries.n; i++)
		if (t->entries.v[i].changed && !t->entries.v[i].there)
			remove_entry(rp, &t->entries.v[i]);
	for (size_t i = 0; i < t->entries.n; i++) {
		const struct vm_rec_entry *e = &t->entries.v[i];
		int r = e->changed && e->there ? put_entry(rp, e) : 0;
		if (r < 0)
			return vm_fail_os(err, -r, "cannot write '%s' in '%s'", e->path, rp->dir.path);
	}
	return 0;
}

static void free_replay(struct vm_replay *rp)
{
	vm_scratch_dir_close(&rp->dir);
	vm_recording_close(rp->rec);
	free(rp);
}

/** In memory, or on disk where a container's share of it is too small. */
static int begin(struct vm_replay *rp, size_t moment, struct vm_err *err)
{
	const char *places[] = { "/dev/shm", getenv("TMPDIR"), "/tmp" };
	int r = vm_recording_read(rp->rec, moment, err);
	if (r < 0)
		return r;
	rp->moment = moment;
	for (size_t i = 0; i < vm_countof(places); i++) {
		if (!places[i] || !*places[i])
			continue;
		r = vm_scratch_dir_open(&rp->dir, places[i], "vmtop-replay", err);
		if (r == 0)
			r = write_changes(rp, err);
		if (r == 0)
			return 0;
		vm_scratch_dir_close(&rp->dir);
	}
	return r;
}

int vm_session_open_recording(struct vm_recording *rec, size_t moment, struct vm_session **out, struct vm_err *err)
{
	struct vm_replay *rp = calloc(1, sizeof(*rp));
	if (!rp) {
		vm_recording_close(rec);
		return vm_fail(err, ENOMEM, "out of memory");
	}
	rp->rec = rec;
	rp->dir.fd = -1;
	int r = begin(rp, moment, err);
	if (r == 0)
		r = vm_session_open(rp->dir.path, out, err);
	if (r < 0) {
		free_replay(rp);
		return r;
	}
	(*out)->replay = rp;
	(*out)->replay_ns = vm_recording_moment(rec, moment)->boot_ns;
	(*out)->replay_free = free_replay;
	return 0;
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
	int r = vm_recording_read(rp->rec, moment, err);
	if (r < 0) {
		/* The files are still of the old moment, and what is held is of none: both are brought together again. */
		struct vm_err ignored;
		if (vm_recording_read(rp->rec, rp->moment, &ignored) == 0)
			vm_rec_tree_settle(vm_recording_tree(rp->rec));
		return r;
	}
	r = write_changes(rp, err);
	rp->moment = moment;
	s->replay_ns = vm_recording_moment(rp->rec, moment)->boot_ns;
	vm_session_forget(s);
	return r;
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
	return vm_session_seek(s, to, err);
}
