/** What workloads are made of: lone mappings, touched pages, children, temporary files, /proc. */
#ifndef VM_WORKLOADS_KIT_H
#define VM_WORKLOADS_KIT_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/err.h"
#include "workloads/workload.h"

/* Arithmetic of pages. */

/** `bytes` rounded up to whole pages. */
static inline uint64_t vm_pages_up(const struct vm_lab *lab, uint64_t bytes)
{
	return (bytes + lab->page - 1) / lab->page * lab->page;
}

/** That share of `bytes`, in whole pages, rounded to the nearest. */
uint64_t vm_pages_share(const struct vm_lab *lab, uint64_t bytes, double ratio);

/**
 * What smaps prints as Pss for `bytes` of base pages that `sharers` processes map: the kernel
 * divides each page with 12 fractional bits and prints whole KiB.
 */
uint64_t vm_pss(const struct vm_lab *lab, uint64_t bytes, unsigned sharers);

/**
 * A mapping that stays alone: one inaccessible page on either side keeps the kernel from merging
 * it with a neighbour, so its smaps entry is exactly ours.  No transparent huge pages, no KSM.
 * Zero-initialised means none.
 */
struct vm_region {
	char *p;
	uint64_t size;       /* bytes, whole pages */
	uint64_t page;
};

/** mmap(2) with `prot`, `flags` and `fd` at offset 0.  0 or a negative errno; *r is then none. */
int vm_region_map(struct vm_region *r, const struct vm_lab *lab, uint64_t size, int prot, int flags,
                  int fd, struct vm_err *err);
void vm_region_unmap(struct vm_region *r);

/** Write to every page of [p, p+bytes); no two pages get the same content. */
void vm_touch(const struct vm_lab *lab, void *p, uint64_t bytes);
/** Read from every page. */
void vm_peek(const struct vm_lab *lab, const void *p, uint64_t bytes);

/** No transparent huge pages in this whole process: for heaps and stacks, which have no region. */
void vm_no_huge_pages(void);
/** Use all of RLIMIT_MEMLOCK that we may; returns it, in bytes or RLIM_INFINITY. */
uint64_t vm_raise_memlock(void);

/* Truth in the common form. */

/** Open an object of "mappings": label, start, end, size; the caller adds facts and closes it. */
void vm_truth_mapping_begin(struct vm_truth *t, const char *label, const void *p, uint64_t size);
/** A whole object of "mappings": private anonymous memory with `touched` bytes of its own. */
void vm_truth_anon_mapping(struct vm_truth *t, const char *label, const struct vm_region *r,
                           const char *perm, uint64_t touched);
/** A whole object of "ranges". */
void vm_truth_range(struct vm_truth *t, const char *label, const void *p, uint64_t size,
                    uint64_t present);

/* Children. */

/** A child process that does what it is told, and dies when we die.  Zero-initialised: none. */
struct vm_child {
	pid_t pid;
	int to, from;
};

/**
 * Fork; the child runs work(order, arg) for each order it gets and ends when there are no more.
 * A negative result of work() ends it.  0 or a negative errno.
 */
int vm_child_start(struct vm_child *c, int (*work)(char order, void *arg), void *arg,
                   struct vm_err *err);
/** Give an order and wait until it is done.  0 or a negative errno. */
int vm_child_order(struct vm_child *c, char order, struct vm_err *err);
/** End it and reap it; harmless when there is none. */
void vm_child_end(struct vm_child *c);

/* Temporary files. */

struct vm_tmpfile {
	int fd;                  /* -1: none */
	char path[PATH_MAX];     /* "" once removed */
	bool in_memory;          /* on tmpfs or ramfs: there is no disk below it */
};

/** A new file in lab->dir, open for reading and writing.  0 or a negative errno. */
int vm_tmpfile_open(struct vm_tmpfile *f, const struct vm_lab *lab, struct vm_err *err);
/** Unlink and close. */
void vm_tmpfile_remove(struct vm_tmpfile *f);

/** Deterministic content: byte `offset` of every file with that seed is the same. */
void vm_pattern(void *to, uint64_t offset, uint64_t bytes, uint64_t seed);
/** Write `size` bytes of the pattern of `seed` to the file, and then to the disk.  0 or a negative errno. */
int vm_tmpfile_fill(const struct vm_tmpfile *f, uint64_t size, uint64_t seed, struct vm_err *err);
/** CRC-32 as in zlib and gzip; start with 0 and feed the result back in. */
uint32_t vm_crc32(uint32_t crc, const void *p, uint64_t bytes);

/* What the kernel says, for comparing by eye.  UINT64_MAX: not known. */

struct vm_usage {
	uint64_t vmrss;          /* status VmRSS, what ps and top print */
	uint64_t vmlck, vmpte;   /* status VmLck, VmPTE */
	uint64_t rss, pss, uss;  /* smaps_rollup */
};

void vm_usage_read(pid_t pid, struct vm_usage *u);
/** A whole object of "processes". */
void vm_truth_process(struct vm_truth *t, const char *role, pid_t pid, const struct vm_usage *u);

/** Bounds of the first to the last mapping of this process with that name ("[heap]"). */
int vm_own_mapping(const char *name, uint64_t *start, uint64_t *end);

#endif
