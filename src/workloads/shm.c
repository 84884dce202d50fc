/** Memory in files of the kernel's own tmpfs: POSIX and System V segments, memfds. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/str.h"
#include "workloads/kit.h"
#include "workloads/registry.h"

/* shm */

enum { SHM_SIZE, SHM_TOUCH, SHM_TYPE, SHM_SHARERS, SHM_UNLINK };
enum { TYPE_POSIX, TYPE_SYSV, TYPE_ANON };
enum { UNLINK_EARLY, UNLINK_LATE };
enum { SHARERS_MAX = 64 };

static const char *const shm_types[] = { "posix", "sysv", "anon", NULL };
static const char *const unlink_words[] = { "early", "late", NULL };

static const struct vm_param shm_params[] = {
	{ "size", "bytes of the segment", VM_P_SIZE, .def = "8M", .min = 1 },
	{ "touch", "share of it that every process writes to", VM_P_RATIO, .def = "100%" },
	{ "type", "shm_open, shmget or MAP_SHARED|MAP_ANONYMOUS", VM_P_WORD, .def = "posix", shm_types },
	{ "sharers", "further processes that map and touch it", VM_P_U64, .def = "1", .max = SHARERS_MAX },
	{ "unlink", "posix: remove its name at once or at the end", VM_P_WORD, .def = "early",
	  unlink_words },
	{ .name = NULL }
};

struct shm {
	const struct vm_lab *lab;
	struct vm_region r;
	uint64_t touched;
	char file[64];           /* name for shm_unlink; "" when none is left to remove */
	char shown[96];          /* as maps names it */
	struct vm_child child[SHARERS_MAX];
	size_t children;
};

static int posix_map(struct shm *s, uint64_t size, struct vm_err *err)
{
	/* The time keeps clear of what a killed vmlab with our pid may have left behind. */
	snprintf(s->file, sizeof(s->file), "/vmlab-%d-%" PRIx64, (int)getpid(), vm_clock_ns());
	vm_auto_close int fd = shm_open(s->file, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0) {
		int code = errno;
		s->file[0] = '\0';
		return vm_fail_os(err, code, "cannot create a POSIX shared memory object");
	}
	bool early = s->lab->arg[SHM_UNLINK].u64 == UNLINK_EARLY;
	snprintf(s->shown, sizeof(s->shown), "/dev/shm%s%s", s->file, early ? " (deleted)" : "");
	if (early) {
		shm_unlink(s->file);
		s->file[0] = '\0';
	}
	if (ftruncate(fd, (off_t)size) < 0)
		return vm_fail_os(err, errno, "cannot size the shared memory object");
	return vm_region_map(&s->r, s->lab, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, err);
}

static int sysv_map(struct shm *s, uint64_t size, struct vm_err *err)
{
	/* First the fenced place, then the segment over it: shmat can't be asked for fences. */
	int r = vm_region_map(&s->r, s->lab, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
	if (r < 0)
		return r;
	int id = shmget(IPC_PRIVATE, size, IPC_CREAT | 0600);
	if (id < 0)
		return vm_fail_os(err, errno, "cannot create a System V segment");
	void *p = shmat(id, s->r.p, SHM_REMAP);
	int code = errno;
	/* Marked now, it goes with its last user, whatever kills us. */
	shmctl(id, IPC_RMID, NULL);
	if (p == (void *)-1)
		return vm_fail_os(err, code, "cannot attach the System V segment");
	madvise(p, size, MADV_NOHUGEPAGE);
	strcpy(s->shown, "/SYSV00000000 (deleted)");
	return 0;
}

static int anon_map(struct shm *s, uint64_t size, struct vm_err *err)
{
	strcpy(s->shown, "/dev/zero (deleted)");
	return vm_region_map(&s->r, s->lab, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
	                     err);
}

static int sharer(char order, void *arg)
{
	struct shm *s = arg;
	(void)order;
	vm_touch(s->lab, s->r.p, s->touched);
	return 0;
}

static int add_sharers(struct shm *s, struct vm_err *err)
{
	for (uint64_t i = 0; i < s->lab->arg[SHM_SHARERS].u64; i++) {
		int r = vm_child_start(&s->child[s->children], sharer, s, err);
		if (r < 0)
			return r;
		s->children++;
		r = vm_child_order(&s->child[s->children - 1], 't', err);
		if (r < 0)
			return r;
	}
	return 0;
}

static void truth_shared(const struct shm *s, struct vm_truth *t, pid_t pid, const char *label)
{
	unsigned users = (unsigned)s->children + 1;
	vm_truth_mapping_begin(t, label, s->r.p, s->r.size);
	vm_truth_u64(t, "pid", (uint64_t)pid);
	vm_truth_str(t, "perm", "rw-s");
	vm_truth_str(t, "name", s->shown);
	vm_truth_u64(t, "rss_bytes", s->touched);
	vm_truth_u64(t, "pss_bytes", vm_pss(s->lab, s->touched, users));
	vm_truth_u64(t, "uss_bytes", users == 1 ? s->touched : 0);
	vm_truth_u64(t, "anon_bytes", 0);
	vm_truth_object_end(t);
}

static int shm_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	static int (*const map[])(struct shm *s, uint64_t size, struct vm_err *err) = {
		[TYPE_POSIX] = posix_map, [TYPE_SYSV] = sysv_map, [TYPE_ANON] = anon_map,
	};
	struct shm *s = *state = calloc(1, sizeof(*s));
	if (!s)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	s->lab = lab;
	int r = map[lab->arg[SHM_TYPE].u64](s, vm_pages_up(lab, lab->arg[SHM_SIZE].u64), err);
	if (r < 0)
		return r;
	s->touched = vm_pages_share(lab, s->r.size, lab->arg[SHM_TOUCH].ratio);
	vm_touch(lab, s->r.p, s->touched);
	r = add_sharers(s, err);
	if (r < 0)
		return r;
	vm_truth_str(t, "type", shm_types[lab->arg[SHM_TYPE].u64]);
	vm_truth_u64(t, "segment_bytes", s->r.size);
	vm_truth_u64(t, "physical_bytes", s->touched);
	vm_truth_array_begin(t, "mappings");
	truth_shared(s, t, getpid(), "segment");
	for (size_t i = 0; i < s->children; i++)
		truth_shared(s, t, s->child[i].pid, "segment of a sharer");
	vm_truth_array_end(t);
	char a[VM_NUMBUF], b[VM_NUMBUF];
	vm_truth_say(t, "%zu processes map and touched the same %s: each has it in its RSS, each has %s "
	             "of it in its PSS", s->children + 1, vm_format_size(s->touched, a),
	             vm_format_size(vm_pss(lab, s->touched, (unsigned)s->children + 1), b));
	return 0;
}

static size_t shm_others(const void *state, pid_t *pids, size_t max)
{
	const struct shm *s = state;
	size_t n = 0;
	for (; n < s->children && n < max; n++)
		pids[n] = s->child[n].pid;
	return n;
}

static void shm_done(void *state)
{
	struct shm *s = state;
	for (size_t i = 0; i < s->children; i++)
		vm_child_end(&s->child[i]);
	vm_region_unmap(&s->r);
	if (s->file[0])
		shm_unlink(s->file);
	free(s);
}

const struct vm_workload vm_workload_shm = {
	.name = "shm",
	.help = "a shared segment (POSIX, System V, anonymous), its users",
	.shows = "vmmap,vmshare,vmtop",
	.lesson = "Every process that touched the segment has all of it in its RSS, so the sum of RSS "
	          "counts it once for each.  PSS divides each page by the number of its users: the sum "
	          "of PSS is what the segment costs.  The three kinds differ in name only: all are "
	          "files of the kernel's own tmpfs.",
	.params = shm_params,
	.make = shm_make,
	.others = shm_others,
	.done = shm_done,
};

/* memfd */

enum { MEMFD_SIZE, MEMFD_TOUCH, MEMFD_WRITE };

static const struct vm_param memfd_params[] = {
	{ "size", "bytes of the memfd and of its mapping", VM_P_SIZE, .def = "8M", .min = 1 },
	{ "touch", "share of it touched through the mapping, from its start", VM_P_RATIO, .def = "50%" },
	{ "write", "share of it written with write(2) only, at its end", VM_P_RATIO, .def = "25%" },
	{ .name = NULL }
};

struct memfd {
	struct vm_region r;
	int fd;
};

static int write_tail(int fd, uint64_t from, uint64_t to, struct vm_err *err)
{
	char buf[4096];
	for (uint64_t at = from; at < to;) {
		size_t n = to - at < sizeof(buf) ? to - at : sizeof(buf);
		vm_pattern(buf, at, n, 3);
		ssize_t w = pwrite(fd, buf, n, (off_t)at);
		if (w <= 0)
			return vm_fail_os(err, w < 0 ? errno : ENOSPC, "cannot write to the memfd");
		at += (uint64_t)w;
	}
	return 0;
}

static int memfd_make(const struct vm_lab *lab, struct vm_truth *t, void **state,
                      struct vm_err *err)
{
	struct memfd *m = *state = calloc(1, sizeof(*m));
	if (!m)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	uint64_t size = vm_pages_up(lab, lab->arg[MEMFD_SIZE].u64);
	m->fd = memfd_create("vmlab", MFD_CLOEXEC);
	if (m->fd < 0)
		return vm_fail_os(err, errno, "cannot create a memfd");
	if (ftruncate(m->fd, (off_t)size) < 0)
		return vm_fail_os(err, errno, "cannot size the memfd");
	int r = vm_region_map(&m->r, lab, size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, err);
	if (r < 0)
		return r;
	uint64_t touched = vm_pages_share(lab, size, lab->arg[MEMFD_TOUCH].ratio);
	uint64_t written = vm_pages_share(lab, size, lab->arg[MEMFD_WRITE].ratio);
	vm_touch(lab, m->r.p, touched);
	r = write_tail(m->fd, size - written, size, err);
	if (r < 0)
		return r;
	uint64_t both = touched + written < size ? touched + written : size;
	vm_truth_u64(t, "file_bytes", size);
	vm_truth_u64(t, "physical_bytes", both);
	vm_truth_array_begin(t, "mappings");
	vm_truth_mapping_begin(t, "memfd", m->r.p, m->r.size);
	vm_truth_str(t, "perm", "rw-s");
	vm_truth_str(t, "name", "/memfd:vmlab (deleted)");
	vm_truth_u64(t, "rss_bytes", touched);
	vm_truth_u64(t, "pss_bytes", touched);
	vm_truth_u64(t, "uss_bytes", touched);
	vm_truth_u64(t, "anon_bytes", 0);
	vm_truth_object_end(t);
	vm_truth_array_end(t);
	char a[VM_NUMBUF], b[VM_NUMBUF];
	vm_truth_say(t, "the memfd holds %s, but RSS knows only the %s touched through the mapping",
	             vm_format_size(both, a), vm_format_size(touched, b));
	return 0;
}

static void memfd_done(void *state)
{
	struct memfd *m = state;
	vm_region_unmap(&m->r);
	if (m->fd >= 0)
		close(m->fd);
	free(m);
}

const struct vm_workload vm_workload_memfd = {
	.name = "memfd",
	.help = "a memfd filled through its mapping and with write(2)",
	.shows = "vmmap,vmtop",
	.lesson = "A memfd is a file without a name whose content lives in memory as long as a "
	          "descriptor or mapping exists.  What was written with write(2) occupies memory "
	          "(Shmem in /proc/meminfo) and is in nobody's RSS: memory that no process view shows.",
	.params = memfd_params,
	.make = memfd_make,
	.done = memfd_done,
};
