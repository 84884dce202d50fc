/**
 * Rings of perf events: records that the kernel writes and we read (include/uapi/linux/perf_event.h).
 *
 * Parsing survives any bytes: what doesn't hold together is passed over.
 */
#ifndef VM_SOURCE_PERF_RING_H
#define VM_SOURCE_PERF_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** What samples hold, beside the numbers of process and thread. */
enum { VM_PERF_STACK_DEPTH = 127 };

/** A record, as far as it is of interest; texts and stacks live until the next one is read. */
struct vm_perf_record {
	uint32_t type;             /* PERF_RECORD_* */
	bool kernel;               /* a sample from kernel mode */
	bool exec;                 /* PERF_RECORD_COMM: by execve(2) */
	pid_t pid, tid, parent;
	uint64_t id, ip, time_ns, address;
	uint64_t lost;             /* PERF_RECORD_LOST */
	/** PERF_RECORD_MMAP2 */
	uint64_t start, length, offset, inode;
	uint32_t dev_major, dev_minor, prot, flags;
	const char *name;          /* of a mapping or a process */
	/** User-space part of the stack, innermost first. */
	const uint64_t *stack;
	unsigned depth;
};

/** sample_type of the events whose records these functions read; with `stacks` PERF_SAMPLE_CALLCHAIN as well. */
uint64_t vm_perf_sample_type(bool stacks);

/**
 * Parse one record of `size` bytes at `data`, of events with vm_perf_sample_type(stacks) and sample_id_all.  False: it
 * makes no sense, or is of a type that isn't of interest.  `data` must be aligned to 8 bytes.
 */
bool vm_perf_record_parse(const void *data, size_t size, bool stacks, struct vm_perf_record *out);

/** A mapped ring. */
struct vm_perf_ring {
	void *base;                /* NULL: none */
	size_t size;               /* of the data, a power of two */
	/** While it is read: how far, the record that is next, and whether there is one. */
	uint64_t tail, end;
	struct vm_perf_record next;
	bool has_next;
	/** A record that goes over the end is put together here. */
	uint64_t whole[65536 / 8];
};

/** Map the ring of an event: as large as is allowed, of at most `most` bytes.  0 or a negative errno. */
int vm_perf_ring_map(struct vm_perf_ring *r, int fd, size_t most);
void vm_perf_ring_unmap(struct vm_perf_ring *r);

/** Hand over all that is there in several rings (NULL: none), in the order of time.  0, or what take() returned other than 0. */
int vm_perf_rings_read(struct vm_perf_ring *const *rings, size_t n, bool stacks,
		       int (*take)(void *ctx, const struct vm_perf_record *rec), void *ctx);

#endif
