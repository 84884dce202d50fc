#include "core/source/frames.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/vec.h"
#include "core/model/pageflags.h"
#include "core/source/pagemap.h"
#include "core/source/session.h"

enum { DEPTH = 64 };
/** Frames beyond have no offset in a file. */
#define END_OF_FILES (INT64_MAX / 8)

struct cgroup {
	uint64_t inode;
	const char *path;
};

struct vm_frames {
	struct vm_session *s;
	int fd[VM_FRAME_NR];
	/** This kernel says of every anonymous page that it was merged. */
	bool all_merged;
	bool cgroups_read;
	VM_VEC(struct vm_zone) zones;
	VM_VEC(struct cgroup) cgroups;
	struct vm_arena texts;
};

static const char *const files[VM_FRAME_NR] = { "proc/kpageflags", "proc/kpagecount", "proc/kpagecgroup" };

static int by_start(const void *a, const void *b)
{
	const struct vm_zone *x = a, *y = b;
	return (x->start_pfn > y->start_pfn) - (x->start_pfn < y->start_pfn);
}

static int keep_zone(void *ctx, const struct vm_zone *z)
{
	struct vm_frames *f = ctx;
	return vm_vec_push(&f->zones, *z) ? 0 : -ENOMEM;
}

static void read_zones(struct vm_frames *f)
{
	vm_zones_read(f->s, keep_zone, f);
	if (f->zones.n)
		qsort(f->zones.v, f->zones.n, sizeof(f->zones.v[0]), by_start);
}

/**
 * Linux 6.10 to 6.17 take the mark of anonymous pages for that of merged ones (stable_page_flags() in fs/proc/page.c).  A page
 * of ours that nobody can have merged shows it.
 */
static bool marks_all_as_merged(struct vm_frames *f)
{
	uint64_t entry = 0, flags = 0;
	vm_auto_close int fd = f->s->live ? vm_session_open_file(f->s, 0, "proc/self/pagemap") : -1;
	char *page = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return false;
	*(volatile char *)page = 1;
	const bool known = pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)page / 4096 * 8)) == sizeof(entry) && entry >> 63;
	const uint64_t pfn = entry & VM_PAGEMAP_PFN_MASK;
	const bool marked = known && pfn && vm_frames_read(f, VM_FRAME_FLAGS, pfn, 1, &flags, NULL) == 1 && flags & VM_KPF(KSM);
	munmap(page, 4096);
	return marked;
}

int vm_frames_open(struct vm_session *s, struct vm_frames **out, struct vm_err *err)
{
	struct vm_frames *f = calloc(1, sizeof(*f));
	if (!f)
		return vm_fail(err, ENOMEM, "out of memory");
	f->s = s;
	for (unsigned i = 0; i < VM_FRAME_NR; i++)
		f->fd[i] = vm_session_open_file(s, 0, "%s", files[i]);
	int r = f->fd[VM_FRAME_FLAGS];
	if (r < 0) {
		vm_frames_close(f);
		if (r == -ENOENT && !s->live)
			return vm_fail(err, ENOENT, "page frames (kpageflags) are %s", vm_session_lacks(s));
		vm_fail_os(err, -r, "cannot open /proc/kpageflags");
		if (r == -EACCES || r == -EPERM)
			vm_hint(err, "needs CAP_SYS_ADMIN; run with sudo");
		return r;
	}
	read_zones(f);
	f->all_merged = marks_all_as_merged(f);
	*out = f;
	return 0;
}

void vm_frames_close(struct vm_frames *f)
{
	if (!f)
		return;
	for (unsigned i = 0; i < VM_FRAME_NR; i++)
		if (f->fd[i] >= 0)
			close(f->fd[i]);
	vm_vec_free(&f->zones);
	vm_vec_free(&f->cgroups);
	vm_arena_free(&f->texts);
	free(f);
}

long vm_frames_read(struct vm_frames *f, enum vm_frame_fact fact, uint64_t pfn, size_t n, uint64_t *out,
		    struct vm_err *err)
{
	size_t done = 0;
	if (f->fd[fact] < 0)
		return vm_fail_os(err, -f->fd[fact], "cannot open /%s", files[fact]);
	if (n > END_OF_FILES || pfn > END_OF_FILES - n)
		return 0;
	while (done < n) {
		ssize_t got = pread(f->fd[fact], out + done, (n - done) * 8, (off_t)((pfn + done) * 8));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return done ? (long)done : vm_fail_os(err, errno, "cannot read /%s", files[fact]);
		if (got < 8)
			break;
		done += (size_t)got / 8;
	}
	for (size_t i = 0; fact == VM_FRAME_FLAGS && f->all_merged && i < done; i++)
		out[i] &= ~VM_KPF(KSM);
	return (long)done;
}

bool vm_frames_hide_merged(const struct vm_frames *f)
{
	return f->all_merged;
}

uint64_t vm_frames_end(struct vm_frames *f)
{
	uint64_t end = 0;
	for (size_t i = 0; i < f->zones.n; i++)
		end = f->zones.v[i].end_pfn > end ? f->zones.v[i].end_pfn : end;
	return end;
}

size_t vm_frames_zones(struct vm_frames *f, const struct vm_zone **out)
{
	*out = f->zones.v;
	return f->zones.n;
}

const struct vm_zone *vm_frames_zone(struct vm_frames *f, uint64_t pfn)
{
	for (size_t i = 0; i < f->zones.n; i++)
		if (f->zones.v[i].start_pfn <= pfn && pfn < f->zones.v[i].end_pfn)
			return &f->zones.v[i];
	return NULL;
}

/* ---- Cgroups ----------------------------------------------------------------------------------------------------- */

static int by_inode(const void *a, const void *b)
{
	const struct cgroup *x = a, *y = b;
	return (x->inode > y->inode) - (x->inode < y->inode);
}

static void add_cgroup(struct vm_frames *f, int dir, const char *path)
{
	struct stat st;
	if (fstat(dir, &st) != 0)
		return;
	const char *kept = vm_arena_strndup(&f->texts, path, strlen(path));
	if (kept)
		vm_vec_push(&f->cgroups, ((struct cgroup){ .inode = st.st_ino, .path = kept }));
}

/** The tree below `dir`, whose path is path[0..len); takes `dir` over. */
static void read_tree(struct vm_frames *f, int dir, char *path, size_t size, unsigned depth)
{
	size_t len = strlen(path);
	add_cgroup(f, dir, len ? path : "/");
	vm_auto_dir DIR *d = fdopendir(dir);
	if (!d) {
		close(dir);
		return;
	}
	for (const struct dirent *e; depth && (e = readdir(d));) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.' || len + strlen(e->d_name) + 2 > size)
			continue;
		int sub = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub < 0)
			continue;
		snprintf(path + len, size - len, "/%s", e->d_name);
		read_tree(f, sub, path, size, depth - 1);
		path[len] = '\0';
	}
}

static void read_cgroups(struct vm_frames *f)
{
	/* Version 2, or the memory controller of version 1, or beside it. */
	static const char *const mounts[] = { "sys/fs/cgroup", "sys/fs/cgroup/memory", "sys/fs/cgroup/unified" };
	f->cgroups_read = true;
	for (unsigned i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		char path[4096] = "";
		int control = vm_session_open_file(f->s, O_PATH, "%s/%s", mounts[i],
						   i == 1 ? "memory.usage_in_bytes" : "cgroup.controllers");
		if (control < 0)
			continue;
		close(control);
		int dir = vm_session_open_file(f->s, O_DIRECTORY, "%s", mounts[i]);
		if (dir >= 0)
			read_tree(f, dir, path, sizeof(path), DEPTH);
	}
	if (f->cgroups.n)
		qsort(f->cgroups.v, f->cgroups.n, sizeof(f->cgroups.v[0]), by_inode);
}

const char *vm_frames_cgroup(struct vm_frames *f, uint64_t inode)
{
	if (!f->cgroups_read)
		read_cgroups(f);
	struct cgroup key = { .inode = inode };
	const struct cgroup *found = f->cgroups.n ? bsearch(&key, f->cgroups.v, f->cgroups.n, sizeof(key), by_inode) : NULL;
	return found ? found->path : NULL;
}
