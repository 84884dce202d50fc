#include "core/source/wpscan.h"

#include <errno.h>
#include <sys/ioctl.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/source/session.h"
#include "core/source/uapi.h"

/** With more the kernel gives a stale walk_end (see pages_scan.c). */
enum { REGIONS = 512 };

/** TASK_SIZE_MAX of 4 levels; beyond it nothing lies unless it was asked for there. */
static const uint64_t end_of_space = (UINT64_C(1) << 47) - 4096;

static struct vm_pm_scan question(struct vm_page_region *region, size_t n)
{
	return (struct vm_pm_scan){
		.size = sizeof(struct vm_pm_scan), .end = end_of_space, .vec = (uint64_t)(uintptr_t)region, .vec_len = n,
		.category_mask = VM_PAGE_IS_WPALLOWED | VM_PAGE_IS_PRESENT, .return_mask = VM_PAGE_IS_WRITTEN | VM_PAGE_IS_HUGE,
	};
}

bool vm_wpscan_has(struct vm_session *s, pid_t pid)
{
	struct vm_page_region region;
	struct vm_pm_scan arg = question(&region, 1);
	vm_auto_close int fd = s->live ? vm_session_open_file(s, 0, "proc/%d/pagemap", pid) : -1;
	arg.max_pages = 1;
	return fd >= 0 && ioctl(fd, VM_PAGEMAP_SCAN, &arg) > 0;
}

static struct vm_page_run run_of(const struct vm_page_region *g)
{
	return (struct vm_page_run){
		.start = g->start, .end = g->end, .pfn = VM_PFN_NONE, .known = VM_PG(PRESENT) | VM_PG(WRITTEN),
		.state = VM_PG(PRESENT) | (g->categories & VM_PAGE_IS_WRITTEN ? VM_PG(WRITTEN) : 0),
		.shift = g->categories & VM_PAGE_IS_HUGE ? 21 : 12,
	};
}

int vm_wpscan(struct vm_session *s, pid_t pid, bool protect, vm_pages_take *take, void *ctx, struct vm_err *err)
{
	struct vm_page_region region[REGIONS];
	vm_auto_close int fd = vm_session_open_file(s, 0, "proc/%d/pagemap", pid);
	if (fd < 0)
		return vm_fail_os(err, -fd, "cannot open /proc/%d/pagemap", pid);
	for (uint64_t from = 0; from < end_of_space;) {
		struct vm_pm_scan arg = question(region, REGIONS);
		arg.start = from;
		arg.flags = protect ? VM_PM_SCAN_WP_MATCHING : 0;
		const int n = ioctl(fd, VM_PAGEMAP_SCAN, &arg);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vm_fail_os(err, errno, "PAGEMAP_SCAN of %d", pid);
		for (int i = 0; i < n; i++) {
			const struct vm_page_run run = run_of(&region[i]);
			int r = take(ctx, &run, 1);
			if (r)
				return r;
		}
		if (arg.walk_end <= from)
			break;
		from = arg.walk_end;
	}
	return 0;
}
