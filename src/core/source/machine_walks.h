/** Page walks of all CPUs, by their counters, for a reading of the machine. */
#ifndef VM_SOURCE_MACHINE_WALKS_H
#define VM_SOURCE_MACHINE_WALKS_H

struct vm_err;
struct vm_machine;
struct vm_machine_walks;
struct vm_session;

/**
 * Count from now on, on the CPUs that are online; they end with vm_machine_walks_close().
 * 0, or a negative errno with the reason: there are no counters (-ENODEV), they may not be used (-EACCES) ...
 */
int vm_machine_walks_open(struct vm_session *s, struct vm_machine_walks **out, struct vm_err *err);

/** VM_M_WALKS, VM_M_WALK_CYCLES and VM_M_CYCLES, as far as the CPU counts them. */
void vm_machine_walks_read(struct vm_machine_walks *w, struct vm_machine *m);

/** NULL is accepted. */
void vm_machine_walks_close(struct vm_machine_walks *w);

#endif
