/** Address spaces: maps, smaps, and single ranges by PROCMAP_QUERY. */

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/model/aspace.h"
#include "core/source/maps.h"
#include "core/source/session.h"
#include "core/source/snap.h"
#include "core/source/uapi.h"

/**
 * What is read at a time stays in the cache until it is parsed.  (A second thread that parses beside the reading one
 * gains nothing: 30 000 mappings take 40 ms either way on an idle machine, since each line of text crosses from one
 * processor's cache to the other's; and on a busy one it waits for its turn: 125 ms against 40.)  No line of the
 * kernel's is longer than REST: a path has at most 4096 bytes, each of which may be printed as four.
 */
enum { PIECE = 128 * 1024, REST = 24 * 1024, TRIES = 4 };

/** A file on its way through the parser. */
struct intake {
	struct vm_snap *sn;
	struct vm_maps_parser parser;
	struct vm_tee *tee;
	size_t bytes;
	/** The beginning of a line whose end is still to come. */
	char rest[REST];
	size_t nrest;
};

/** Parse data[0..len), with the rest of the piece before put in front of it. */
static void take(struct intake *in, char *data, size_t len, bool last)
{
	vm_tee_write(in->tee, data, len);
	in->bytes += len;
	data -= in->nrest;
	memcpy(data, in->rest, in->nrest);
	len += in->nrest;
	size_t used = vm_maps_feed(&in->parser, data, len, last);
	in->nrest = len - used;
	/* No kernel wrote this. */
	if (in->nrest > sizeof(in->rest))
		in->nrest = 0;
	memcpy(in->rest, data + used, in->nrest);
}

/** Up to `room` bytes, fewer at the end of the file only: the kernel gives a page at a time. */
static ssize_t fill(int fd, char *to, size_t room)
{
	size_t have = 0;
	while (have < room) {
		ssize_t n = read(fd, to + have, room - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

/** All of the file through the parser, in pieces, so that memory doesn't grow with its length. */
static int parse_stream(struct vm_snap *sn, int fd, struct vm_tee *tee, size_t *bytes)
{
	struct intake in = { .sn = sn, .tee = tee };
	char room[REST + PIECE], *data = room + REST;
	ssize_t n;
	vm_maps_begin(&in.parser, sn->as);
	do {
		n = fill(fd, data, PIECE);
		if (n < 0)
			return (int)n;
		take(&in, data, (size_t)n, n < PIECE);
	} while (n == PIECE);
	*bytes = in.bytes;
	return vm_maps_end(&in.parser);
}

/**
 * The kernel ends the file early, without an error, when the address space goes away meanwhile (exit or
 * exec); a file that starts over with nothing tells it.
 */
static bool space_is_gone(const struct vm_snap *sn, int fd)
{
	char byte[64];
	return sn->s->live && (lseek(fd, 0, SEEK_SET) < 0 || read(fd, byte, sizeof(byte)) <= 0);
}

static int read_space(struct vm_snap *sn, const char *name, struct vm_err *err)
{
	for (int i = 0; i < TRIES; i++) {
		vm_auto_close int fd = vm_snap_file(sn, name);
		if (fd == -ESRCH)
			return fd;
		if (fd < 0)
			return vm_fail_os(err, -fd, "cannot read /proc/%d/%s", sn->pid, name);
		vm_auto_tee struct vm_tee tee = vm_snap_tee(sn, name);
		size_t bytes;
		vm_aspace_clear(sn->as);
		int r = parse_stream(sn, fd, &tee, &bytes);
		if (r < 0)
			return r == -ESRCH ? r : vm_fail_os(err, -r, "cannot read /proc/%d/%s", sn->pid, name);
		if (bytes == 0)
			return sn->s->live ? -ESRCH : 0;
		if (sn->as->nmaps == 0)
			return vm_fail(err, EBADMSG, "/proc/%d/%s makes no sense", sn->pid, name);
		if (!space_is_gone(sn, fd))
			return 0;
	}
	return -ESRCH;
}

static int fill_maps(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	(void)want;
	return read_space(sn, "maps", err);
}

static int fill_smaps(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	(void)want;
	return read_space(sn, "smaps", err);
}

const struct vm_source vm_src_maps = {
	.name = "maps", .help = "/proc/PID/maps: ranges, permissions, files",
	.provides = VM_NEED(LAYOUT), .primary = VM_NEED(LAYOUT), .fill = fill_maps,
};

const struct vm_source vm_src_smaps = {
	.name = "smaps", .help = "/proc/PID/smaps: every figure of every mapping",
	.provides = VM_NEED(LAYOUT) | VM_NEED(SMAPS) | VM_NEED(FLAGS),
	.primary = VM_NEED(SMAPS) | VM_NEED(FLAGS), .fill = fill_smaps,
};

static int probe_procmap(struct vm_session *s, struct vm_err *err)
{
	vm_auto_close int fd = vm_session_open_file(s, 0, "proc/self/maps");
	if (fd < 0)
		return vm_fail_os(err, -fd, "cannot open /proc/self/maps");
	struct vm_procmap_query q = { .size = sizeof(q), .query_flags = VM_PROCMAP_COVERING_OR_NEXT };
	if (ioctl(fd, VM_PROCMAP_QUERY, &q) != 0)
		return vm_fail_os(err, errno, "the kernel has no PROCMAP_QUERY (Linux 6.11)");
	return 0;
}

static int add_query(struct vm_snap *sn, const struct vm_procmap_query *q, const char *name)
{
	struct vm_mapping *m = vm_aspace_add(sn->as);
	if (!m)
		return -ENOMEM;
	m->start = q->vma_start;
	m->end = q->vma_end;
	m->offset = q->vma_offset;
	m->inode = q->inode;
	m->dev_major = q->dev_major;
	m->dev_minor = q->dev_minor;
	m->prot = (uint8_t)(((q->vma_flags & VM_PROCMAP_READABLE) ? PROT_READ : 0) |
			    ((q->vma_flags & VM_PROCMAP_WRITABLE) ? PROT_WRITE : 0) |
			    ((q->vma_flags & VM_PROCMAP_EXECUTABLE) ? PROT_EXEC : 0));
	m->shared = q->vma_flags & VM_PROCMAP_SHARED;
	size_t len = q->vma_name_size ? q->vma_name_size - 1 : 0;
	static const char deleted[] = " (deleted)";
	m->deleted = len >= sizeof(deleted) - 1 &&
		     strcmp(name + len - (sizeof(deleted) - 1), deleted) == 0;
	m->name = vm_arena_strndup(&sn->as->arena, name, len);
	if (!m->name)
		return -ENOMEM;
	return 0;
}

static int fill_procmap(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	(void)want;
	vm_auto_close int fd = vm_snap_file(sn, "maps");
	if (fd < 0)
		return fd == -ESRCH ? fd : vm_fail_os(err, -fd, "cannot read /proc/%d/maps", sn->pid);
	char name[4097];
	for (uint64_t at = sn->from;;) {
		struct vm_procmap_query q = {
			.size = sizeof(q), .query_flags = VM_PROCMAP_COVERING_OR_NEXT, .query_addr = at,
			.vma_name_size = sizeof(name), .vma_name_addr = (uint64_t)(uintptr_t)name,
		};
		if (ioctl(fd, VM_PROCMAP_QUERY, &q) != 0) {
			/* ENOENT: nothing at or above; the gate page isn't a VMA and is left to maps. */
			if (errno == ENOENT)
				return 0;
			return errno == ESRCH ? -ESRCH : vm_fail_os(err, errno, "PROCMAP_QUERY of %d", sn->pid);
		}
		if (q.vma_start >= sn->to)
			return 0;
		int r = add_query(sn, &q, name);
		if (r < 0)
			return vm_fail_os(err, -r, "cannot keep the mappings of %d", sn->pid);
		at = q.vma_end;
	}
}

const struct vm_source vm_src_procmap = {
	.name = "procmap-query", .help = "ioctl PROCMAP_QUERY: mappings of one range (Linux 6.11)",
	.provides = VM_NEED(LAYOUT), .primary = VM_NEED(LAYOUT), .flags = VM_SRC_LIVE | VM_SRC_RANGE,
	.probe = probe_procmap, .fill = fill_procmap,
};
