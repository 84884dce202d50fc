#define _FILE_OFFSET_BITS 64
#include "workloads/kit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/str.h"

uint64_t vm_pages_share(const struct vm_lab *lab, uint64_t bytes, double ratio)
{
	uint64_t pages = bytes / lab->page;
	return (uint64_t)((double)pages * ratio + 0.5) * lab->page;
}

uint64_t vm_pss(const struct vm_lab *lab, uint64_t bytes, unsigned sharers)
{
	uint64_t one = (lab->page << 12) / sharers;
	return ((one * (bytes / lab->page)) >> 12) / 1024 * 1024;
}

int vm_region_map(struct vm_region *r, const struct vm_lab *lab, uint64_t size, int prot, int flags,
                  int fd, struct vm_err *err)
{
	char text[VM_NUMBUF];
	*r = (struct vm_region){ 0 };
	/* Neither rounding nor the fences may overflow, on 32 bits either. */
	if (size > SIZE_MAX / 2)
		return vm_fail_os(err, ENOMEM, "cannot map %s", vm_format_size(size, text));
	size = vm_pages_up(lab, size);
	/* The fence must differ from what it fences. */
	int fence = prot == PROT_NONE ? PROT_READ : PROT_NONE;
	size_t outer = size + 2 * lab->page;
	char *base = mmap(NULL, outer, fence, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return vm_fail_os(err, errno, "cannot map %s", vm_format_size(size, text));
	char *p = mmap(base + lab->page, size, prot, flags | MAP_FIXED, fd, 0);
	if (p == MAP_FAILED) {
		int code = errno;
		munmap(base, outer);
		return vm_fail_os(err, code, "cannot map %s", vm_format_size(size, text));
	}
	/* Kernels without THP or KSM refuse the question; then there is nothing to switch off. */
	madvise(p, size, MADV_NOHUGEPAGE);
	madvise(p, size, MADV_UNMERGEABLE);
	*r = (struct vm_region){ .p = p, .size = size, .page = lab->page };
	return 0;
}

void vm_region_unmap(struct vm_region *r)
{
	if (r->p)
		munmap(r->p - r->page, r->size + 2 * r->page);
	*r = (struct vm_region){ 0 };
}

void vm_touch(const struct vm_lab *lab, void *p, uint64_t bytes)
{
	for (char *at = p, *end = at + bytes; at < end; at += lab->page)
		*(volatile uint64_t *)at = (uint64_t)(uintptr_t)at ^ UINT64_C(0x9e3779b97f4a7c15);
}

void vm_peek(const struct vm_lab *lab, const void *p, uint64_t bytes)
{
	for (const char *at = p, *end = at + bytes; at < end; at += lab->page)
		(void)*(const volatile char *)at;
}

void vm_no_huge_pages(void)
{
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

uint64_t vm_raise_memlock(void)
{
	struct rlimit lim = { 0 };
	getrlimit(RLIMIT_MEMLOCK, &lim);
	lim.rlim_cur = lim.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &lim);
	getrlimit(RLIMIT_MEMLOCK, &lim);
	return lim.rlim_cur;
}

void vm_truth_mapping_begin(struct vm_truth *t, const char *label, const void *p, uint64_t size)
{
	vm_truth_object_begin(t);
	vm_truth_str(t, "label", label);
	vm_truth_addr(t, "start", (uintptr_t)p);
	vm_truth_addr(t, "end", (uintptr_t)p + size);
	vm_truth_u64(t, "size_bytes", size);
}

void vm_truth_anon_mapping(struct vm_truth *t, const char *label, const struct vm_region *r,
                           const char *perm, uint64_t touched)
{
	vm_truth_mapping_begin(t, label, r->p, r->size);
	vm_truth_str(t, "perm", perm);
	vm_truth_u64(t, "rss_bytes", touched);
	vm_truth_u64(t, "pss_bytes", touched);
	vm_truth_u64(t, "uss_bytes", touched);
	vm_truth_u64(t, "anon_bytes", touched);
	vm_truth_u64(t, "private_dirty_bytes", touched);
	vm_truth_object_end(t);
}

void vm_truth_range(struct vm_truth *t, const char *label, const void *p, uint64_t size,
                    uint64_t present)
{
	vm_truth_mapping_begin(t, label, p, size);
	vm_truth_u64(t, "present_bytes", present);
	vm_truth_object_end(t);
}

/* Children. */

__attribute__((noreturn))
static void child_main(int in, int out, int (*work)(char order, void *arg), void *arg)
{
	char order;
	while (read(in, &order, 1) == 1)
		if (work(order, arg) < 0 || write(out, &order, 1) != 1)
			_exit(1);
	_exit(0);
}

int vm_child_start(struct vm_child *c, int (*work)(char order, void *arg), void *arg,
                   struct vm_err *err)
{
	int to[2], from[2];
	*c = (struct vm_child){ 0 };
	if (pipe2(to, O_CLOEXEC) < 0)
		return vm_fail_os(err, errno, "cannot make a pipe");
	if (pipe2(from, O_CLOEXEC) < 0) {
		int code = errno;
		close(to[0]);
		close(to[1]);
		return vm_fail_os(err, code, "cannot make a pipe");
	}
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);      /* it died before we asked to be told */
		close(to[1]);
		close(from[0]);
		child_main(to[0], from[1], work, arg);
	}
	int code = errno;
	close(to[0]);
	close(from[1]);
	if (pid < 0) {
		close(to[1]);
		close(from[0]);
		return vm_fail_os(err, code, "cannot fork");
	}
	*c = (struct vm_child){ .pid = pid, .to = to[1], .from = from[0] };
	return 0;
}

int vm_child_order(struct vm_child *c, char order, struct vm_err *err)
{
	char answer;
	if (write(c->to, &order, 1) != 1 || read(c->from, &answer, 1) != 1)
		return vm_fail(err, ECHILD, "child process %d ended too early", (int)c->pid);
	return 0;
}

void vm_child_end(struct vm_child *c)
{
	if (c->pid <= 0)
		return;
	close(c->to);
	close(c->from);
	/* It sleeps in read(); killing it is as good as telling it, and can't hang. */
	kill(c->pid, SIGKILL);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*c = (struct vm_child){ 0 };
}

/* Temporary files. */

int vm_tmpfile_open(struct vm_tmpfile *f, const struct vm_lab *lab, struct vm_err *err)
{
	*f = (struct vm_tmpfile){ .fd = -1 };
	/* Absolute and without links, as /proc/PID/maps will print it. */
	vm_auto_free char *dir = realpath(lab->dir, NULL);
	if (!dir)
		return vm_fail_os(err, errno, "cannot use the directory %s", lab->dir);
	int n = snprintf(f->path, sizeof(f->path), "%s/vmlab-XXXXXX", dir);
	if (n < 0 || (size_t)n >= sizeof(f->path)) {
		f->path[0] = '\0';
		return vm_fail(err, ENAMETOOLONG, "the path of --dir is too long");
	}
	f->fd = mkostemp(f->path, O_CLOEXEC);
	if (f->fd < 0) {
		int code = errno;
		f->path[0] = '\0';
		return vm_fail_os(err, code, "cannot create a file in %s", lab->dir);
	}
	struct statfs fs;
	f->in_memory = fstatfs(f->fd, &fs) == 0
	               && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
	return 0;
}

void vm_tmpfile_remove(struct vm_tmpfile *f)
{
	if (f->fd >= 0)
		close(f->fd);
	if (f->path[0])
		unlink(f->path);
	*f = (struct vm_tmpfile){ .fd = -1 };
}

void vm_pattern(void *to, uint64_t offset, uint64_t bytes, uint64_t seed)
{
	unsigned char *p = to;
	for (uint64_t i = 0; i < bytes; i++) {
		/* splitmix64 of the word's number: cheap, and no two words look alike */
		uint64_t z = ((offset + i) / 8 + seed * 0x10001) * UINT64_C(0x9e3779b97f4a7c15);
		z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
		z ^= z >> 27;
		p[i] = (unsigned char)(z >> (8 * ((offset + i) % 8)));
	}
}

int vm_tmpfile_fill(const struct vm_tmpfile *f, uint64_t size, uint64_t seed, struct vm_err *err)
{
	/* A page at a time: of what is written at once the kernel may make one folio, and map all of it by one fault. */
	enum { CHUNK = 4096 };
	char buf[CHUNK];
	/* Ask for the room first: a full disk should be noticed before it is full. */
	if (fallocate(f->fd, 0, 0, (off_t)size) < 0 && errno != EOPNOTSUPP && errno != ENOSYS)
		return vm_fail_os(err, errno, "cannot make room in %s", f->path);
	for (uint64_t at = 0; at < size; at += CHUNK) {
		size_t n = size - at < CHUNK ? size - at : CHUNK;
		vm_pattern(buf, at, n, seed);
		ssize_t w = pwrite(f->fd, buf, n, (off_t)at);
		if (w != (ssize_t)n)
			return vm_fail_os(err, w < 0 ? errno : ENOSPC, "cannot write %s", f->path);
	}
	/* From here on its pages are clean, so nobody else's writeback moves our numbers. */
	if (fsync(f->fd) < 0)
		return vm_fail_os(err, errno, "cannot sync %s", f->path);
	return 0;
}

uint32_t vm_crc32(uint32_t crc, const void *p, uint64_t bytes)
{
	const unsigned char *s = p;
	crc = ~crc;
	while (bytes--) {
		crc ^= *s++;
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1)));
	}
	return ~crc;
}

/* What the kernel says. */

/** Add up the lines "KEY   123 kB" of a file; UINT64_MAX where there is none. */
static void read_kib_lines(const char *path, const char *const *key, uint64_t *const *to)
{
	vm_auto_file FILE *f = fopen(path, "re");
	if (!f)
		return;
	char line[256];
	while (fgets(line, sizeof(line), f)) {
		for (size_t i = 0; key[i]; i++) {
			size_t len = strlen(key[i]);
			uint64_t kib;
			if (strncmp(line, key[i], len) != 0 || line[len] != ':'
			    || sscanf(line + len + 1, "%" SCNu64, &kib) != 1)
				continue;
			*to[i] = (*to[i] == UINT64_MAX ? 0 : *to[i]) + kib * 1024;
		}
	}
}

void vm_usage_read(pid_t pid, struct vm_usage *u)
{
	static const char *const in_status[] = { "VmRSS", "VmLck", "VmPTE", NULL };
	static const char *const in_rollup[] = { "Rss", "Pss", "Private_Clean", "Private_Dirty",
	                                         "Private_Hugetlb", NULL };
	*u = (struct vm_usage){ UINT64_MAX, UINT64_MAX, UINT64_MAX,
	                        UINT64_MAX, UINT64_MAX, UINT64_MAX };
	uint64_t *const status[] = { &u->vmrss, &u->vmlck, &u->vmpte };
	uint64_t *const rollup[] = { &u->rss, &u->pss, &u->uss, &u->uss, &u->uss };
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	read_kib_lines(path, in_status, status);
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	read_kib_lines(path, in_rollup, rollup);
}

static void truth_known(struct vm_truth *t, const char *key, uint64_t v)
{
	if (v != UINT64_MAX)
		vm_truth_u64(t, key, v);
}

void vm_truth_process(struct vm_truth *t, const char *role, pid_t pid, const struct vm_usage *u)
{
	vm_truth_object_begin(t);
	vm_truth_str(t, "role", role);
	vm_truth_u64(t, "pid", (uint64_t)pid);
	truth_known(t, "vmrss_bytes", u->vmrss);
	truth_known(t, "rss_bytes", u->rss);
	truth_known(t, "pss_bytes", u->pss);
	truth_known(t, "uss_bytes", u->uss);
	truth_known(t, "locked_bytes", u->vmlck);
	truth_known(t, "page_tables_bytes", u->vmpte);
	vm_truth_object_end(t);
}

int vm_own_mapping(const char *name, uint64_t *start, uint64_t *end)
{
	vm_auto_file FILE *f = fopen("/proc/self/maps", "re");
	if (!f)
		return -errno;
	vm_auto_free char *line = NULL;
	size_t cap = 0;
	bool found = false;
	while (getline(&line, &cap, f) > 0) {
		uint64_t from, to;
		int at = 0;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %*s %n", &from, &to, &at) != 2
		    || at == 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		if (strcmp(line + at, name) != 0)
			continue;
		if (!found)
			*start = from;
		*end = to;
		found = true;
	}
	return found ? 0 : -ENOENT;
}
