/**
 * Ways to make CPUs forget the translations of another process.
 *
 * clear_refs: on kernels without soft-dirty bits, writing 4 to /proc/PID/clear_refs does nothing but flush_tlb_mm(); with
 * them it write-protects all pages and forgets which were written, so there it is done only if it was asked for.
 * switches: x86 keeps the translations of the last few address spaces of each CPU (TLB_NR_DYN_ASIDS in
 * arch/x86/mm/tlb.c); if so many processes of ours run in turn where the target runs, it comes back to an empty TLB.
 * It changes nothing of the target; kernels and CPUs that keep more translations show in vm_flush_works().
 *
 * Not used: changing the target's CPUs, which it can see, and process_madvise(MADV_COLD), which makes its pages the first
 * to be reclaimed.
 */
#ifndef VM_SOURCE_TLBFLUSH_H
#define VM_SOURCE_TLBFLUSH_H

#include <stdbool.h>
#include <sys/types.h>

struct vm_err;
struct vm_session;

enum vm_flush { VM_FLUSH_AUTO, VM_FLUSH_NONE, VM_FLUSH_CLEAR_REFS, VM_FLUSH_SWITCHES };
/** "auto", "none", "clear-refs", "switches"; ended by NULL. */
extern const char *const vm_flush_words[];

enum { VM_FLUSH_RUNNERS = 8 };

/** Zero-initialised: nothing was started. */
struct vm_flusher {
	/** Our processes, which pass on a word in a ring, and its two ends; 0: none. */
	pid_t runner[VM_FLUSH_RUNNERS];
	int to, from;
};

/** Start what switches needs.  0 or a negative errno. */
int vm_flusher_start(struct vm_flusher *f, struct vm_err *err);
void vm_flusher_stop(struct vm_flusher *f);

/** Flush by that way: clear_refs is the target's, open for writing.  0, -ESRCH: it is gone; another negative errno. */
int vm_flush(struct vm_session *s, struct vm_flusher *f, enum vm_flush way, pid_t pid, int clear_refs, struct vm_err *err);

#endif
