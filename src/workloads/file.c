/** Memory behind files: private copies of its pages, and pages written back to the disk. */
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/str.h"
#include "workloads/kit.h"
#include "workloads/registry.h"

enum { FILE_SIZE, FILE_SHARE };

enum { CHUNK = 64 * 1024 };

struct file {
	struct vm_tmpfile tmp;
	struct vm_region r;
};

static struct file *file_new(void)
{
	struct file *f = calloc(1, sizeof(*f));
	if (f)
		f->tmp.fd = -1;
	return f;
}

static void file_done(void *state)
{
	struct file *f = state;
	vm_region_unmap(&f->r);
	vm_tmpfile_remove(&f->tmp);
	free(f);
}

/** A filled file of that size, mapped with `prot` and `flags`. */
static int file_map(struct file *f, const struct vm_lab *lab, int flags, struct vm_truth *t,
                    struct vm_err *err)
{
	uint64_t size = vm_pages_up(lab, lab->arg[FILE_SIZE].u64);
	int r = vm_tmpfile_open(&f->tmp, lab, err);
	if (r < 0)
		return r;
	if (f->tmp.in_memory)
		vm_truth_say(t, "%s is on a memory file system: its pages are shmem, no disk is below "
		             "them; see --dir", f->tmp.path);
	r = vm_tmpfile_fill(&f->tmp, size, 1, err);
	if (r < 0)
		return r;
	return vm_region_map(&f->r, lab, size, PROT_READ | PROT_WRITE, flags, f->tmp.fd, err);
}

static void truth_file(const struct file *f, struct vm_truth *t)
{
	struct stat st;
	vm_truth_str(t, "path", f->tmp.path);
	vm_truth_bool(t, "in_memory", f->tmp.in_memory);
	if (fstat(f->tmp.fd, &st) == 0) {
		vm_truth_u64(t, "inode", st.st_ino);
		vm_truth_u64(t, "file_bytes", (uint64_t)st.st_size);
	}
}

/* file-private */

static const struct vm_param private_params[] = {
	{ "size", "bytes of the file and of its mapping", VM_P_SIZE, .def = "8M", .min = 1 },
	{ "write", "share of the mapping to write to, after reading all of it", VM_P_RATIO, .def = "25%" },
	{ .name = NULL }
};

static int private_make(const struct vm_lab *lab, struct vm_truth *t, void **state,
                        struct vm_err *err)
{
	struct file *f = *state = file_new();
	if (!f)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	int res = file_map(f, lab, MAP_PRIVATE, t, err);
	if (res < 0)
		return res;
	uint64_t written = vm_pages_share(lab, f->r.size, lab->arg[FILE_SHARE].ratio);
	vm_peek(lab, f->r.p, f->r.size);
	vm_touch(lab, f->r.p, written);

	truth_file(f, t);
	vm_truth_array_begin(t, "mappings");
	vm_truth_mapping_begin(t, "file", f->r.p, f->r.size);
	vm_truth_str(t, "perm", "rw-p");
	vm_truth_str(t, "name", f->tmp.path);
	vm_truth_u64(t, "offset_bytes", 0);
	vm_truth_u64(t, "anon_bytes", written);
	/* What wasn't written is clean, and the kernel may take clean pages back whenever it likes. */
	vm_truth_u64(t, "rss_bytes_min", written);
	vm_truth_u64(t, "rss_bytes_max", f->r.size);
	vm_truth_u64(t, "uss_bytes_min", written);
	vm_truth_u64(t, "uss_bytes_max", f->r.size);
	vm_truth_object_end(t);
	vm_truth_array_end(t);
	char a[VM_NUMBUF], b[VM_NUMBUF];
	vm_truth_say(t, "read %s of a file and wrote to %s of the private mapping: those pages are "
	             "copies now, the file is unchanged", vm_format_size(f->r.size, a),
	             vm_format_size(written, b));
	return 0;
}

const struct vm_workload vm_workload_file_private = {
	.name = "file-private",
	.help = "a file mapped privately, some pages copied by writing",
	.shows = "vmmap,vmpage",
	.lesson = "The mapping carries a file's name, but the pages written to belong to the process "
	          "alone: they are anonymous, need swap to be evicted, and never reach the file.  "
	          "Compare ANON with RSS; the rest is page cache that costs nothing extra.",
	.params = private_params,
	.make = private_make,
	.done = file_done,
};

/* file-shared */

static const struct vm_param shared_params[] = {
	{ "size", "bytes of the file and of its mapping", VM_P_SIZE, .def = "8M", .min = 1 },
	{ "write", "share of the mapping to write to and to msync", VM_P_RATIO, .def = "50%" },
	{ .name = NULL }
};

/** The checksum of the whole content as it ought to be, computed without looking at the file. */
static int crc_expected(uint64_t size, uint64_t written, uint32_t *crc)
{
	vm_auto_free char *buf = malloc(CHUNK);
	if (!buf)
		return -ENOMEM;
	*crc = 0;
	for (uint64_t at = 0; at < size;) {
		uint64_t limit = at < written ? written : size;
		uint64_t n = limit - at < CHUNK ? limit - at : CHUNK;
		vm_pattern(buf, at, n, at < written ? 2 : 1);
		*crc = vm_crc32(*crc, buf, n);
		at += n;
	}
	return 0;
}

/**
 * The checksum of what the disk holds, read through a descriptor of its own past the page cache.
 * *direct is false where the file system can't do that: then it is the page cache's content.
 */
static int crc_on_disk(const char *path, uint64_t size, uint32_t *crc, bool *direct)
{
	vm_auto_free char *buf = aligned_alloc(CHUNK, CHUNK);
	if (!buf)
		return -ENOMEM;
	vm_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT);
	*direct = fd >= 0 && pread(fd, buf, CHUNK, 0) > 0;
	if (!*direct) {
		if (fd >= 0)
			close(fd);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
	}
	*crc = 0;
	for (uint64_t at = 0; at < size;) {
		ssize_t n = pread(fd, buf, CHUNK, (off_t)at);
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		*crc = vm_crc32(*crc, buf, (uint64_t)n);
		at += (uint64_t)n;
	}
	return 0;
}

static int prove(const struct file *f, uint64_t written, struct vm_truth *t, struct vm_err *err)
{
	uint32_t want = 0, have = 0;
	bool direct = false;
	int r = crc_expected(f->r.size, written, &want);
	if (r == 0)
		r = crc_on_disk(f->tmp.path, f->r.size, &have, &direct);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot read %s back", f->tmp.path);
	vm_truth_u64(t, "crc32_expected", want);
	vm_truth_u64(t, "crc32_read", have);
	vm_truth_str(t, "read_by", direct ? "direct" : "page-cache");
	vm_truth_bool(t, "on_disk", direct && want == have && !f->tmp.in_memory);
	if (want != have)
		return vm_fail(err, EIO, "%s holds other bytes than were written (crc32 %08x, not %08x)",
		               f->tmp.path, have, want);
	vm_truth_say(t, "msync returned; crc32 %08x of the file, %s, is that of what was written", have,
	             direct ? "read from the disk past the page cache"
	                    : "read from the page cache (this file system has no direct reads)");
	return 0;
}

static int shared_make(const struct vm_lab *lab, struct vm_truth *t, void **state,
                       struct vm_err *err)
{
	struct file *f = *state = file_new();
	if (!f)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	int res = file_map(f, lab, MAP_SHARED, t, err);
	if (res < 0)
		return res;
	uint64_t written = vm_pages_share(lab, f->r.size, lab->arg[FILE_SHARE].ratio);
	vm_pattern(f->r.p, 0, written, 2);
	if (msync(f->r.p, f->r.size, MS_SYNC) < 0)
		return vm_fail_os(err, errno, "cannot msync %s", f->tmp.path);

	truth_file(f, t);
	vm_truth_u64(t, "written_bytes", written);
	res = prove(f, written, t, err);
	if (res < 0)
		return res;
	vm_truth_array_begin(t, "mappings");
	vm_truth_mapping_begin(t, "file", f->r.p, f->r.size);
	vm_truth_str(t, "perm", "rw-s");
	vm_truth_str(t, "name", f->tmp.path);
	vm_truth_u64(t, "offset_bytes", 0);
	vm_truth_u64(t, "anon_bytes", 0);
	/* Synced pages are clean: they may be taken back. */
	vm_truth_u64(t, "rss_bytes_max", f->r.size);
	vm_truth_u64(t, "uss_bytes_max", f->r.size);
	vm_truth_object_end(t);
	vm_truth_array_end(t);
	return 0;
}

const struct vm_workload vm_workload_file_shared = {
	.name = "file-shared",
	.help = "a file written through memory and proven on the disk",
	.shows = "vmmap,vmpage",
	.lesson = "Writes through a shared mapping change the file itself; msync(MS_SYNC) returns when "
	          "they are on the disk, which is checked here by reading the file past the page cache.  "
	          "ANON is 0, and 'private' in smaps only means that no other process maps the page.",
	.params = shared_params,
	.make = shared_make,
	.done = file_done,
};
