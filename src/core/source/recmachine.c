#include "core/source/recmachine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/cleanup.h"
#include "core/source/capture.h"
#include "core/source/machine.h"
#include "core/source/session.h"

#define NODES "sys/devices/system/node"

/** Figures that change by themselves, besides those of vmrep. */
static const char *const figures[] = {
	"proc/zoneinfo", "proc/buddyinfo", "proc/stat", "proc/loadavg", "proc/swaps",
};

/** Directories of such, with those in them. */
static const char *const figure_dirs[] = {
	"sys/kernel/mm/ksm", "sys/kernel/mm/hugepages", "sys/kernel/mm/transparent_hugepage",
};

/** What somebody has to set. */
static const char *const setting_dirs[] = {
	"proc/sys/vm", "sys/kernel/mm/lru_gen", "sys/kernel/mm/numa", "sys/kernel/mm/swap", "sys/module/zswap/parameters",
};

/** To be written only, or doing something when read: Documentation/admin-guide/sysctl/vm.rst. */
static const char *const left_out[] = { "compact_memory", "drop_caches", "stat_refresh" };

/** hugepages-64kB/stats/anon_fault_alloc is three deep. */
enum { DEPTH = 3 };

static bool is_left_out(const char *name)
{
	for (size_t i = 0; i < vm_countof(left_out); i++)
		if (strcmp(name, left_out[i]) == 0)
			return true;
	return false;
}

static void read_dir(struct vm_session *s, const char *dir, unsigned depth)
{
	struct vm_buf names = { 0 };
	char path[512];
	vm_session_list(s, &names, "%s", dir);
	for (const char *name = NULL; (name = vm_next_name(&names, name));) {
		if (is_left_out(name) || snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
			continue;
		/* A directory opens, and can't be read. */
		if (vm_session_slurp(s, &s->scratch, "%s", path) == -EISDIR && depth > 1)
			read_dir(s, path, depth - 1);
	}
	vm_buf_free(&names);
}

/** Pools of huge pages, node by node. */
static void read_node_pools(struct vm_session *s)
{
	struct vm_buf names = { 0 };
	char dir[64];
	vm_session_list(s, &names, NODES);
	for (const char *name = NULL; (name = vm_next_name(&names, name));)
		if (strncmp(name, "node", 4) == 0 && snprintf(dir, sizeof(dir), NODES "/%.15s/hugepages", name) > 0)
			read_dir(s, dir, 2);
	vm_buf_free(&names);
}

void vm_rec_read_machine(struct vm_session *s, bool all)
{
	struct vm_machine m = { 0 };
	vm_capture_machine(s);
	/* What isn't there isn't recorded. */
	vm_machine_read(s, VM_MACH_FILES, &m, NULL);
	vm_machine_free(&m);
	for (size_t i = 0; i < vm_countof(figures); i++)
		vm_session_slurp(s, &s->scratch, "%s", figures[i]);
	for (size_t i = 0; i < vm_countof(figure_dirs); i++)
		read_dir(s, figure_dirs[i], DEPTH);
	read_node_pools(s);
	for (size_t i = 0; all && i < vm_countof(setting_dirs); i++)
		read_dir(s, setting_dirs[i], DEPTH);
}
