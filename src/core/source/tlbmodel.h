/**
 * Running a program under an engine of the TLB model: which one is there, how it is started, and what it told.
 *
 * Engines are programs of others that load a part of ours: Valgrind (package valgrind) and QEMU's emulators of single
 * programs (package qemu-user).  Results come by way of a private directory, which goes away with the model.
 */
#ifndef VM_SOURCE_TLBMODEL_H
#define VM_SOURCE_TLBMODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/model/tlb.h"
#include "core/model/tlbresult.h"

struct vm_err;
struct vm_buf;

enum vm_tlb_engine { VM_TLB_ENGINE_AUTO, VM_TLB_ENGINE_VALGRIND, VM_TLB_ENGINE_QEMU };

struct vm_tlbmodel;

/**
 * Find an engine that can run `argv` (NULL at its end, which must outlive the model) with these TLBs, and make its
 * directory.  0, or
 * - *no_program and -ENOENT, -EACCES, -ENOEXEC: the program can't be executed, whichever engine;
 * - -EOPNOTSUPP: no engine; the hint says which package brings one;
 * - another negative errno.
 */
int vm_tlbmodel_open(enum vm_tlb_engine which, const struct vm_tlb_known *k, char **argv, struct vm_tlbmodel **out,
		     bool *no_program, struct vm_err *err);

/** What to start instead of the program, NULL at its end; the model's. */
char **vm_tlbmodel_command(const struct vm_tlbmodel *m);

/** In the child, before its execve(2); as vm_launch_prepare.  0 or a positive errno. */
int vm_tlbmodel_prepare(void *model);

/** "valgrind" or "qemu". */
const char *vm_tlbmodel_engine(const struct vm_tlbmodel *m);

/**
 * When the program has ended: what it did, into *out, which was zeroed.  0; -ENODATA: the engine told nothing, and err says
 * what it says about it; or a negative errno.  `notes` gets what the engine complained of, a line each, any bytes.
 */
int vm_tlbmodel_read(struct vm_tlbmodel *m, struct vm_tlb_result *out, struct vm_buf *notes, struct vm_err *err);

/**
 * Process `pid`, which ran the command, has ended.  Valgrind that was killed while it began has left files of its own, named after
 * it, in $TMPDIR (coregrind/m_main.c): they are removed.
 */
void vm_tlbmodel_ended(const struct vm_tlbmodel *m, pid_t pid);

/** Remove the directory, whatever is in it.  NULL is fine. */
void vm_tlbmodel_close(struct vm_tlbmodel *m);

#endif
