/**
 * By which pages an address space is backed: page tables or pagemap, joined with the flags of frames.
 *
 * | what is read | tells | needs |
 * |---|---|---|
 * | page tables (core/source/pages.h) | entries and frames, without a lock | CAP_BPF, CAP_PERFMON |
 * | pagemap, PAGEMAP_SCAN (Linux 6.7) | frames; which ranges one entry maps | ptrace access; frames CAP_SYS_ADMIN |
 * | kpageflags | folios: where they begin and end | CAP_SYS_ADMIN |
 * | smaps | how much of a mapping is mapped by entries of 2M, and nothing smaller | ptrace access |
 */
#ifndef VM_SOURCE_HUGESCAN_H
#define VM_SOURCE_HUGESCAN_H

#include <stdint.h>
#include <sys/types.h>

#include "core/model/hugespace.h"
#include "core/source/hugefs.h"
#include "core/source/pages.h"

struct vm_err;
struct vm_session;

struct vm_hugescan_query {
	pid_t pid;
	/** Page aligned [from, to); 0, 0: all of it. */
	uint64_t from, to;
	enum vm_pages_via via;     /* AUTO: the best that works */
	uint64_t range_bytes;      /* what one entry of the second level maps */
};

/** What reading has in common for several processes, near in time. */
struct vm_hugescanner;

/** Both are borrowed until it is closed.  NULL when memory is out. */
struct vm_hugescanner *vm_hugescanner_open(struct vm_session *s, const struct vm_hugefs *fs, const struct vm_hugesys *sys);
void vm_hugescanner_close(struct vm_hugescanner *x);

/**
 * Read the pages of `as`, a snapshot of the process with its layout; figures of smaps that are in it are used where nothing
 * better works.  Free *out with vm_huge_space_free() in any case.
 * 0; -ESRCH; -EACCES or -EPERM; -EOPNOTSUPP: the asked way doesn't work here.
 */
int vm_hugescan(struct vm_hugescanner *x, const struct vm_hugescan_query *q, const struct vm_aspace *as, struct vm_huge_space *out,
		struct vm_err *err);

#endif
