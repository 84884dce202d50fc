/** Pages from page tables: the quick back end of vm_pages_scan(). */

#include <errno.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/source/pagemap.h"
#include "core/source/pages.h"
#include "core/source/session.h"
#include "core/source/tables.h"
#include "core/source/walker.h"

static size_t read_pagemap(void *of, uint64_t at, size_t n, uint64_t *entry)
{
	const int *fd = of;
	ssize_t got = pread(*fd, entry, n * sizeof(*entry), (off_t)(at * sizeof(*entry)));
	return got > 0 ? (size_t)got / sizeof(*entry) : 0;
}

static int scan_tables(struct vm_session *s, pid_t pid, const struct vm_pages_query *q, vm_pages_take *take,
		       void *ctx, struct vm_pages_info *info, struct vm_err *err)
{
	struct vm_walker *w;
	struct vm_walk_stats stats;
	int r = vm_walker_get(s, &w, err);
	if (r < 0)
		return r == -ESRCH ? -EOPNOTSUPP : r;
	vm_auto_close int pagemap = q->as ? vm_session_open_file(s, 0, "proc/%d/pagemap", pid) : -1;
	const struct vm_tables_setup setup = {
		.geometry = vm_walker_geometry(w), .query = q, .zero_pfn = vm_walker_zero_pfn(w),
		.soft_dirty = vm_pagemap_has_soft_dirty(s), .take = take, .ctx = ctx,
		.pagemap = pagemap >= 0 ? read_pagemap : NULL, .of = &pagemap, .info = info,
	};
	struct vm_tables *tables = vm_tables_begin(&setup);
	if (!tables)
		return vm_fail(err, ENOMEM, "out of memory");
	r = vm_walk(w, pid, q->from, q->to, vm_tables_take, tables, &stats, err);
	r = vm_tables_end(tables, r);
	info->partial |= stats.partial;
	info->took_ns = stats.took_ns;
	info->longest_run_ns = stats.longest_ns;
	return r;
}

const struct vm_pages_backend vm_pages_by_tables = {
	.via = VM_VIA_TABLES, .tells = ~VM_PG(WRITTEN), .tells_frames = true, .scan = scan_tables,
};
