/** The machine's memory nodes, from sysfs and /proc; on a captured tree too. */
#ifndef VM_SOURCE_NODES_H
#define VM_SOURCE_NODES_H

#include "core/model/nodes.h"

struct vm_err;
struct vm_session;

/**
 * Read all of it.  What the kernel doesn't tell stays unknown; where it tells of no nodes at all, there is one, of all CPUs
 * and all memory, and out->told is false.  0, or -ENOMEM.  Free with vm_nodes_free(), also on failure.
 */
int vm_nodes_read(struct vm_session *s, struct vm_nodes *out, struct vm_err *err);

/** Only which nodes there are, what CPUs and memory they have, and their weights; cached in the session.  NULL: no memory. */
const struct vm_nodes *vm_nodes_known(struct vm_session *s);

/** Parsers, which survive any bytes: nodeN/meminfo, numastat and vmstat into node `at`, distances, /proc/vmstat. */
int vm_parse_node_meminfo(const char *text, struct vm_nodes *n, size_t at);
void vm_parse_node_counters(const char *text, struct vm_node *node);
void vm_parse_numa_vmstat(const char *text, struct vm_nodes *n);
int vm_parse_node_cpus(const char *text, struct vm_nodes *n, size_t at);

#endif
