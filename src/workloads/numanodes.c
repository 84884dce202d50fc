#include "workloads/numanodes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/str.h"

enum { MEMS_ALLOWED = 4 };     /* MPOL_F_MEMS_ALLOWED */
enum { MOST_NODES = 1024, WORD = 8 * sizeof(unsigned long) };

static bool read_text(const char *path, char *to, size_t size)
{
	vm_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd < 0 ? -1 : read(fd, to, size - 1);
	to[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool has_memory(unsigned id)
{
	char text[4096];
	unsigned first, last;
	if (!read_text("/sys/devices/system/node/has_memory", text, sizeof(text)))
		return true;
	for (const char *s = text; *s && (s = vm_parse_list(s, &first, &last));)
		if (id >= first && id <= last)
			return true;
	return false;
}

int vm_lab_nodes_find(struct vm_lab_nodes *out, struct vm_err *err)
{
	unsigned long mask[MOST_NODES / WORD] = { 0 };
	*out = (struct vm_lab_nodes){ .n = 0 };
	if (syscall(SYS_get_mempolicy, NULL, mask, MOST_NODES, NULL, MEMS_ALLOWED) != 0)
		return vm_fail(err, ENOSYS, "this kernel has no memory nodes (CONFIG_NUMA)");
	for (unsigned id = 0; id < MOST_NODES && out->n < VM_LAB_NODES; id++)
		if (mask[id / WORD] >> (id % WORD) & 1 && has_memory(id))
			out->id[out->n++] = id;
	return out->n ? 0 : vm_fail(err, ENOSYS, "no memory node is allowed here");
}

int vm_lab_node_choose(const struct vm_lab_nodes *nodes, const char *text, unsigned *id, struct vm_err *err)
{
	uint64_t v;
	if (strcmp(text, "last") == 0 || strcmp(text, "first") == 0) {
		*id = nodes->id[*text == 'l' ? nodes->n - 1 : 0];
		return 0;
	}
	if (vm_parse_u64(text, &v) != 0)
		return vm_fail(err, EINVAL, "--node '%s': must be a number of a node, first or last", text);
	for (unsigned i = 0; i < nodes->n; i++)
		if (nodes->id[i] == v) {
			*id = nodes->id[i];
			return 0;
		}
	return vm_fail(err, EINVAL, "--node '%s': there is no such node with memory", text);
}

bool vm_lab_node_cpus(unsigned id, cpu_set_t *cpus)
{
	char path[64], text[4096];
	cpu_set_t ours;
	unsigned first, last;
	CPU_ZERO(cpus);
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/cpulist", id);
	if (!read_text(path, text, sizeof(text)) || sched_getaffinity(0, sizeof(ours), &ours) != 0)
		return false;
	for (const char *s = text; *s && (s = vm_parse_list(s, &first, &last));)
		for (unsigned cpu = first; cpu <= last && cpu < CPU_SETSIZE; cpu++)
			if (CPU_ISSET(cpu, &ours))
				CPU_SET(cpu, cpus);
	return CPU_COUNT(cpus) > 0;
}

long vm_lab_node_with_cpus(long but)
{
	cpu_set_t cpus;
	for (unsigned id = 0; id < VM_LAB_NODES; id++)
		if ((long)id != but && vm_lab_node_cpus(id, &cpus))
			return (long)id;
	return -1;
}

uint64_t vm_lab_node_weight(unsigned id)
{
	char path[96], text[64];
	snprintf(path, sizeof(path), "/sys/kernel/mm/mempolicy/weighted_interleave/node%u", id);
	const unsigned long w = read_text(path, text, sizeof(text)) ? strtoul(text, NULL, 10) : 1;
	return w ? w : 1;
}

void vm_lab_nodes_text(const struct vm_lab_nodes *nodes, char *to, size_t size)
{
	size_t n = 0;
	to[0] = '\0';
	for (unsigned i = 0; i < nodes->n && n < size; i++) {
		unsigned last = i;
		while (last + 1 < nodes->n && nodes->id[last + 1] == nodes->id[last] + 1)
			last++;
		n += (size_t)snprintf(to + n, size - n, "%s%u", i ? "," : "", nodes->id[i]);
		if (last > i && n < size)
			n += (size_t)snprintf(to + n, size - n, "-%u", nodes->id[last]);
		i = last;
	}
}

int vm_lab_bind(const struct vm_region *r, int mode, const struct vm_lab_nodes *nodes, struct vm_err *err)
{
	unsigned long mask[MOST_NODES / WORD] = { 0 };
	for (unsigned i = 0; nodes && i < nodes->n; i++)
		mask[nodes->id[i] / WORD] |= 1ul << (nodes->id[i] % WORD);
	if (syscall(SYS_mbind, r->p, r->size, mode, nodes ? mask : NULL, nodes ? MOST_NODES : 0, 0) == 0)
		return 0;
	/* A mode that isn't known is as wrong as any other argument. */
	if (errno == EINVAL)
		return vm_fail(err, ENOSYS, "this kernel doesn't know this memory policy");
	return vm_fail_os(err, errno, "cannot set the memory policy");
}

long vm_lab_move(const struct vm_lab *lab, const struct vm_region *r, unsigned node, struct vm_err *err)
{
	enum { BATCH = 512 };
	void *page[BATCH];
	int to[BATCH], status[BATCH];
	long there = 0;
	for (uint64_t at = 0; at < r->size;) {
		unsigned long n = 0;
		for (; n < BATCH && at < r->size; n++, at += lab->page) {
			page[n] = r->p + at;
			to[n] = (int)node;
		}
		if (syscall(SYS_move_pages, 0, n, page, to, status, 2 /* MPOL_MF_MOVE */) < 0)
			return vm_fail_os(err, errno, "cannot move pages to node %u", node);
		for (unsigned long i = 0; i < n; i++)
			there += status[i] == (int)node;
	}
	return there;
}
