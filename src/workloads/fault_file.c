/** Faults in mappings of files and of shared memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/str.h"
#include "workloads/faults.h"
#include "workloads/registry.h"

enum { FILE_SIZE, FILE_ROUNDS };

/** A file, or a memfd, and what maps it. */
struct file {
	const struct vm_lab *lab;
	struct vm_tmpfile tmp;
	struct vm_region a, b, c;
	uint64_t rounds;
};

static struct file *file_new(const struct vm_lab *lab, void **state)
{
	struct file *f = *state = calloc(1, sizeof(*f));
	if (f) {
		f->lab = lab;
		f->tmp.fd = -1;
	}
	return f;
}

static void file_done(void *state)
{
	struct file *f = state;
	vm_region_unmap(&f->a);
	vm_region_unmap(&f->b);
	vm_region_unmap(&f->c);
	vm_tmpfile_remove(&f->tmp);
	free(f);
}

static int file_more(struct file *f)
{
	return ++f->rounds < f->lab->arg[FILE_ROUNDS].u64;
}

/** A filled file with a disk below it, mapped twice. */
static int map_file(struct file *f, int prot, const char *without_disk, struct vm_err *err)
{
	const uint64_t size = vm_pages_up(f->lab, f->lab->arg[FILE_SIZE].u64);
	int r = vm_tmpfile_open(&f->tmp, f->lab, err);
	if (r < 0)
		return r;
	if (f->tmp.in_memory) {
		vm_fail(err, ENOSYS, "%s is on a memory file system: %s", f->lab->dir, without_disk);
		vm_hint(err, "another directory may be on a disk: --dir");
		return -ENOSYS;
	}
	r = vm_tmpfile_fill(&f->tmp, size, 1, err);
	if (r == 0)
		r = vm_region_map(&f->a, f->lab, size, prot, MAP_SHARED, f->tmp.fd, err);
	return r < 0 ? r : vm_region_map(&f->b, f->lab, size, prot, MAP_SHARED, f->tmp.fd, err);
}

static int drop_both(const struct file *f, struct vm_err *err)
{
	int r = vm_region_drop(&f->a, err);
	return r < 0 ? r : vm_region_drop(&f->b, err);
}

/* major-faults */

static const struct vm_param major_params[] = {
	{ "size", "bytes of the file and of its mappings", VM_P_SIZE, .def = "4M", .min = 1, .max = UINT64_C(1) << 36 },
	VM_ROUNDS_PARAM,
	{ .name = NULL }
};

/** How many pages of the region are in the page cache, or a negative errno. */
static long in_cache(const struct vm_lab *lab, const struct vm_region *r)
{
	const uint64_t pages = r->size / lab->page;
	vm_auto_free unsigned char *v = malloc(pages);
	long n = 0;
	if (!v)
		return -ENOMEM;
	if (mincore(r->p, r->size, v) < 0)
		return -errno;
	for (uint64_t i = 0; i < pages; i++)
		n += v[i] & 1;
	return n;
}

/** Our own file leaves the page cache; pages that somebody else looks at just then stay for now. */
static int evict(const struct file *f, struct vm_err *err)
{
	enum { TIMES = 1000, PAUSE_NS = 1000000 };
	long n = 0;
	int r = drop_both(f, err);
	for (unsigned i = 0; i < TIMES && r == 0; i++) {
		r = -posix_fadvise(f->tmp.fd, 0, 0, POSIX_FADV_DONTNEED);
		n = r < 0 ? r : in_cache(f->lab, &f->a);
		if (n <= 0)
			break;
		vm_clock_sleep_until(vm_clock_ns() + PAUSE_NS);
	}
	if (n < 0)
		return vm_fail_os(err, (int)-n, "cannot drop %s from the page cache", f->tmp.path);
	return n ? vm_fail(err, ENOSYS, "%ld pages of %s stay in the page cache", n, f->tmp.path) : 0;
}

static int major_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct file *f = state;
	const uint64_t pages = f->a.size / f->lab->page;
	struct vm_meter m;
	int r = evict(f, err);
	if (r < 0)
		return r;
	vm_meter_begin(&m, RUSAGE_SELF);
	const uint64_t since = vm_clock_ns();
	vm_peek(f->lab, f->a.p, f->a.size);
	const uint64_t read = vm_clock_ns();
	const uint64_t windows = vm_peek_windows(f->lab, &f->b);
	const uint64_t end = vm_clock_ns();
	vm_meter_end(&m, RUSAGE_SELF);
	vm_truth_meter(t, &m);
	vm_truth_u64(t, "from_disk_ns", read - since);
	vm_truth_u64(t, "from_cache_ns", end - read);
	vm_truth_str(t, "path", f->tmp.path);
	vm_truth_array_begin(t, "faults");
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "from disk", VM_FAULTS_IN(&f->a), .kind = "file-disk",
	               .count = pages });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "in cache", VM_FAULTS_IN(&f->b), .kind = "file-cache",
	               .count = windows });
	vm_truth_array_end(t);
	char a[VM_NUMBUF], b[VM_NUMBUF];
	vm_truth_say(t, "%llu pages from the disk in %s, a fault each; from the cache in %s, by %llu faults",
	             (unsigned long long)pages, vm_format_duration(read - since, a), vm_format_duration(end - read, b),
	             (unsigned long long)windows);
	return file_more(f);
}

static int major_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct file *f = file_new(lab, state);
	if (!f)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	int r = map_file(f, PROT_READ, "nothing is read from a disk", err);
	if (r < 0)
		return r;
	/* No page but the one that is asked for is read (filemap_fault() in mm/filemap.c). */
	if (madvise(f->a.p, f->a.size, MADV_RANDOM) < 0)
		return vm_fail_os(err, errno, "cannot madvise");
	r = major_step(f, t, err);
	return r < 0 ? r : 0;
}

const struct vm_workload vm_workload_major_faults = {
	.name = "major-faults",
	.help = "faults: a file is read from the disk, page by page, then from the cache",
	.shows = "vmfault,vmtop",
	.lesson = "A fault that has to wait for a disk is a major one.  Here a file of our own is dropped from the page cache "
	          "first, and MADV_RANDOM keeps the kernel from reading ahead: a major fault a page.  The second mapping "
	          "finds all in the cache: minor faults, and one maps 16 pages (fault-around).  Compare their times.",
	.params = major_params,
	.make = major_make,
	.step = major_step,
	.done = file_done,
};

/* file-mkwrite */

static const struct vm_param write_params[] = {
	{ "size", "bytes of the file and of its mappings", VM_P_SIZE, .def = "1M", .min = 1, .max = UINT64_C(1) << 36 },
	VM_ROUNDS_PARAM,
	{ .name = NULL }
};

/** Writeback makes the file's pages clean, and read-only in all page tables. */
static int sync_file(const struct file *f, struct vm_err *err)
{
	return msync(f->a.p, f->a.size, MS_SYNC) < 0 ? vm_fail_os(err, errno, "cannot msync %s", f->tmp.path) : 0;
}

static int write_twice(const struct file *f, uint64_t *windows, struct vm_err *err)
{
	*windows = vm_peek_windows(f->lab, &f->a);
	vm_touch(f->lab, f->a.p, f->a.size);
	int r = sync_file(f, err);
	if (r < 0)
		return r;
	vm_touch(f->lab, f->a.p, f->a.size);
	r = sync_file(f, err);
	vm_touch(f->lab, f->b.p, f->b.size);
	return r;
}

static int write_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct file *f = state;
	const uint64_t pages = f->a.size / f->lab->page;
	uint64_t windows = 0;
	struct vm_meter m;
	/* Clean, and all of it in the cache. */
	int r = vm_tmpfile_fill(&f->tmp, f->a.size, 1, err);
	if (r == 0)
		r = drop_both(f, err);
	if (r < 0)
		return r;
	vm_meter_begin(&m, RUSAGE_SELF);
	r = write_twice(f, &windows, err);
	vm_meter_end(&m, RUSAGE_SELF);
	if (r < 0)
		return r;
	vm_truth_meter(t, &m);
	vm_truth_str(t, "path", f->tmp.path);
	vm_truth_array_begin(t, "faults");
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "read", VM_FAULTS_IN(&f->a), .kind = "file-cache",
	               .count = windows });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "written, synced, written", VM_FAULTS_IN(&f->a),
	               .kind = "file-mkwrite", .count = 2 * pages });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "written at once", VM_FAULTS_IN(&f->b), .kind = "file-mkwrite",
	               .count = pages });
	vm_truth_array_end(t);
	vm_truth_say(t, "%llu pages: a fault each to make them writable, and again after they went to the disk",
	             (unsigned long long)pages);
	return file_more(f);
}

static int write_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct file *f = file_new(lab, state);
	if (!f)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	int r = map_file(f, PROT_READ | PROT_WRITE, "its pages needn't be made writable", err);
	if (r == 0)
		r = write_step(f, t, err);
	return r < 0 ? r : 0;
}

const struct vm_workload vm_workload_file_mkwrite = {
	.name = "file-mkwrite",
	.help = "faults: pages of a shared file are made writable",
	.shows = "vmfault",
	.lesson = "The kernel must know which pages of a file are dirty, so those of a shared mapping are mapped read-only at "
	          "first: the first write to each is a fault in which the file system has a say (page_mkwrite) and may "
	          "wait for its journal.  Once the page is on the disk it is read-only again, and the next write faults "
	          "again: who writes to a mapped file all the time pays after each writeback.",
	.params = write_params,
	.make = write_make,
	.step = write_step,
	.done = file_done,
};

/* shm-faults */

static const struct vm_param shm_params[] = {
	{ "size", "bytes of the memfd and of each mapping", VM_P_SIZE, .def = "1M", .min = 1 },
	VM_ROUNDS_PARAM,
	{ .name = NULL }
};

static int shm_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct file *f = state;
	const uint64_t pages = f->a.size / f->lab->page;
	struct vm_meter m;
	vm_meter_begin(&m, RUSAGE_SELF);
	/* The pages themselves, from all page tables. */
	if (madvise(f->a.p, f->a.size, MADV_REMOVE) < 0 || madvise(f->c.p, f->c.size, MADV_REMOVE) < 0)
		return vm_fail_os(err, errno, "cannot give shared memory back");
	vm_touch(f->lab, f->a.p, f->a.size);
	const uint64_t windows = vm_peek_windows(f->lab, &f->b);
	vm_peek(f->lab, f->c.p, f->c.size);
	vm_meter_end(&m, RUSAGE_SELF);
	vm_truth_meter(t, &m);
	vm_truth_array_begin(t, "faults");
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "memfd, written", VM_FAULTS_IN(&f->a), .kind = "shmem",
	               .count = pages });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "memfd, mapped again", VM_FAULTS_IN(&f->b), .kind = "shmem",
	               .count = windows });
	vm_truth_fault(t, &(struct vm_faults_fact){ .label = "anonymous, only read", VM_FAULTS_IN(&f->c), .kind = "shmem",
	               .count = pages });
	vm_truth_array_end(t);
	vm_truth_say(t, "%llu pages made by writing, as many by reading; the first ones mapped again by %llu faults",
	             (unsigned long long)pages, (unsigned long long)windows);
	return file_more(f);
}

static int shm_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct file *f = file_new(lab, state);
	if (!f)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	const uint64_t size = vm_pages_up(lab, lab->arg[FILE_SIZE].u64);
	const int prot = PROT_READ | PROT_WRITE;
	f->tmp.fd = memfd_create("vmlab", MFD_CLOEXEC);
	if (f->tmp.fd < 0 || ftruncate(f->tmp.fd, (off_t)size) < 0)
		return vm_fail_os(err, errno, "cannot create a memfd");
	int r = vm_region_map(&f->a, lab, size, prot, MAP_SHARED, f->tmp.fd, err);
	if (r == 0)
		r = vm_region_map(&f->b, lab, size, prot, MAP_SHARED, f->tmp.fd, err);
	if (r == 0)
		r = vm_region_map(&f->c, lab, size, prot, MAP_SHARED | MAP_ANONYMOUS, -1, err);
	if (r == 0)
		r = shm_step(f, t, err);
	return r < 0 ? r : 0;
}

const struct vm_workload vm_workload_shm_faults = {
	.name = "shm-faults",
	.help = "faults: shared memory is made, and mapped where it exists",
	.shows = "vmfault",
	.lesson = "Shared memory is made page by page by whoever touches it first, and unlike private memory it is made even by "
	          "a read: there is no page of zeros here.  Whoever maps it later finds it in the page cache, and one "
	          "fault maps 16 pages.",
	.params = shm_params,
	.make = shm_make,
	.step = shm_step,
	.done = file_done,
};
