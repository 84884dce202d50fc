/** Functions that processes made at run time, by the maps that they write of them (perfmap.h). */
#ifndef VM_SOURCE_JIT_H
#define VM_SOURCE_JIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/vec.h"

struct vm_session;

/** Of several processes.  Zero-initialised is empty and valid. */
struct vm_jits { VM_VEC(struct vm_jit *) of; };

/**
 * The function of process `pid` that holds the address, until the next call, and how far behind its beginning that is;
 * NULL: not known.
 *
 * The map is /tmp/perf-PID.map in the process's root, with its number in its own namespace of PIDs, else that in our own
 * root.  It must belong to the process's user, to root or to us, and be no older than the process.  It is read on
 * when it grew; whether it or the process is another one by now is looked at ten times a second.
 */
const char *vm_jit_find(struct vm_jits *j, struct vm_session *s, pid_t pid, bool alive, uint64_t address,
			uint64_t *offset);

void vm_jits_free(struct vm_jits *j);

#endif
