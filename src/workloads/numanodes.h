/** Memory nodes as workloads need them: which there are, their CPUs and weights, and policies by system call. */
#ifndef VM_WORKLOADS_NUMANODES_H
#define VM_WORKLOADS_NUMANODES_H

#include <stdbool.h>
#include <stdint.h>
#include <sched.h>

#include "workloads/kit.h"

/** More nodes than that aren't used. */
enum { VM_LAB_NODES = 64 };

/** Modes of mbind(2); names of ours, since headers lack the newer ones. */
enum vm_lab_mpol { VM_LAB_DEFAULT, VM_LAB_PREFERRED, VM_LAB_BIND, VM_LAB_INTERLEAVE, VM_LAB_LOCAL, VM_LAB_MANY, VM_LAB_WEIGHTED };
enum { VM_LAB_STATIC = 1 << 15, VM_LAB_RELATIVE = 1 << 14 };

struct vm_lab_nodes {
	/** Those that have memory on which this process may allocate, ascending. */
	unsigned id[VM_LAB_NODES];
	unsigned n;
};

/** 0; -ENOSYS: a kernel without NUMA. */
int vm_lab_nodes_find(struct vm_lab_nodes *out, struct vm_err *err);

/** "last", "first", or a number that is among them; -EINVAL names the text. */
int vm_lab_node_choose(const struct vm_lab_nodes *nodes, const char *text, unsigned *id, struct vm_err *err);

/** The CPUs of a node on which this thread may run; false: there are none. */
bool vm_lab_node_cpus(unsigned id, cpu_set_t *cpus);

/** A node with CPUs on which this thread may run, other than `but` (-1: any); -1: there is none. */
long vm_lab_node_with_cpus(long but);

/** Its weight in weighted interleaving; 1 where the kernel doesn't tell. */
uint64_t vm_lab_node_weight(unsigned id);

/** "0-1" of the nodes. */
void vm_lab_nodes_text(const struct vm_lab_nodes *nodes, char *to, size_t size);

/** mbind(2), of all of the region; no pages are moved.  0 or a negative errno. */
int vm_lab_bind(const struct vm_region *r, int mode, const struct vm_lab_nodes *nodes, struct vm_err *err);

/** Move the pages of the region to a node, move_pages(2); how many are there then, or a negative errno. */
long vm_lab_move(const struct vm_lab *lab, const struct vm_region *r, unsigned node, struct vm_err *err);

#endif
