/** The ways of reading pages and frames as sources, for --sources: each is tried on a page of our own. */

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/model/aspace.h"
#include "core/source/frames.h"
#include "core/source/pages.h"
#include "core/source/session.h"
#include "core/source/source.h"

struct seen {
	unsigned runs;
	bool frame;
};

static int look(void *ctx, const struct vm_page_run *run, size_t n)
{
	struct seen *seen = ctx;
	for (size_t i = 0; i < n; i++) {
		seen->runs++;
		seen->frame |= run[i].pfn != VM_PFN_NONE;
	}
	return 0;
}

static int read_own_page(struct vm_session *s, enum vm_pages_via via, bool frames, const char *page, struct vm_err *err)
{
	struct vm_aspace *as;
	struct vm_pages_info info = { 0 };
	struct seen seen = { 0 };
	const uint64_t at = (uint64_t)(uintptr_t)page;
	int r = vm_snapshot(s, getpid(), VM_NEED(LAYOUT), at, at + 4096, &as, err);
	if (r < 0)
		return r;
	const struct vm_pages_query q = {
		.from = at, .to = at + 4096, .want = VM_PG(PRESENT), .frames = frames, .via = via, .as = as,
	};
	r = vm_pages_scan(s, getpid(), &q, look, &seen, &info, err);
	if (r == 0 && !seen.runs)
		r = vm_fail(err, ENODATA, "a page of ours that is in memory isn't shown");
	else if (r == 0 && frames && (info.frames_withheld || !seen.frame))
		r = vm_fail(err, EPERM, "frames are withheld: needs CAP_SYS_ADMIN");
	vm_aspace_free(as);
	return r;
}

static int try_way(struct vm_session *s, enum vm_pages_via via, bool frames, struct vm_err *err)
{
	if (!s->live)
		return vm_fail(err, EOPNOTSUPP, "a %s has it for some processes at most", vm_session_kind(s));
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return vm_fail_os(err, errno, "cannot map a page");
	*(volatile char *)page = 1;
	int r = read_own_page(s, via, frames, page, err);
	munmap(page, 4096);
	return r;
}

static int probe_tables(struct vm_session *s, struct vm_err *err)
{
	return try_way(s, VM_VIA_TABLES, true, err);
}

static int probe_pagemap(struct vm_session *s, struct vm_err *err)
{
	return try_way(s, VM_VIA_PAGEMAP, false, err);
}

static int probe_pagemap_frames(struct vm_session *s, struct vm_err *err)
{
	return try_way(s, VM_VIA_PAGEMAP, true, err);
}

static int probe_scan(struct vm_session *s, struct vm_err *err)
{
	return try_way(s, VM_VIA_SCAN, false, err);
}

static int probe_mincore(struct vm_session *s, struct vm_err *err)
{
	return try_way(s, VM_VIA_MINCORE, false, err);
}

static int probe_fact(struct vm_session *s, enum vm_frame_fact fact, struct vm_err *err)
{
	struct vm_frames *f;
	uint64_t value;
	int r = vm_frames_open(s, &f, err);
	if (r < 0)
		return r;
	long n = vm_frames_read(f, fact, 0, 1, &value, err);
	vm_frames_close(f);
	return n < 0 ? (int)n : 0;
}

static int probe_flags(struct vm_session *s, struct vm_err *err)
{
	return probe_fact(s, VM_FRAME_FLAGS, err);
}

static int probe_count(struct vm_session *s, struct vm_err *err)
{
	return probe_fact(s, VM_FRAME_COUNT, err);
}

static int probe_cgroup(struct vm_session *s, struct vm_err *err)
{
	return probe_fact(s, VM_FRAME_CGROUP, err);
}

#define SOURCE(name_, help_, needs_, flags_, probe_) \
	{ .name = name_, .help = help_, .provides = needs_, .primary = needs_, .flags = flags_, .probe = probe_ }

const struct vm_source
	vm_src_tables = SOURCE("page-tables", "eBPF, page tables themselves: every bit of every entry", VM_NEED(PAGES) |
			   VM_NEED(FRAMES) | VM_NEED(TABLES), VM_SRC_LIVE, probe_tables),
	vm_src_pagemap = SOURCE("pagemap", "/proc/PID/pagemap: present, swapped, file, exclusive, soft-dirty", VM_NEED(PAGES), 0,
			    probe_pagemap),
	vm_src_pagemap_frames = SOURCE("pagemap-frames", "/proc/PID/pagemap: frames", VM_NEED(FRAMES), 0, probe_pagemap_frames),
	vm_src_scan = SOURCE("pagemap-scan", "PAGEMAP_SCAN ioctl (Linux 6.7): present, swapped, file, zeros, written",
			 VM_NEED(PAGES), VM_SRC_LIVE, probe_scan),
	vm_src_mincore = SOURCE("mincore", "mincore(2): what of our own memory is there", VM_NEED(PAGES), VM_SRC_LIVE,
			    probe_mincore),
	vm_src_kpageflags = SOURCE("kpageflags", "/proc/kpageflags: flags of frames", VM_NEED(KPAGEFLAGS), 0, probe_flags),
	vm_src_kpagecount = SOURCE("kpagecount", "/proc/kpagecount: how often frames are mapped", VM_NEED(KPAGECOUNT), 0, probe_count),
	vm_src_kpagecgroup = SOURCE("kpagecgroup", "/proc/kpagecgroup: memory cgroups of frames", VM_NEED(KPAGECGROUP), 0, probe_cgroup);

const struct vm_source *const vm_page_sources[] = {
	&vm_src_tables, &vm_src_pagemap, &vm_src_pagemap_frames, &vm_src_scan, &vm_src_mincore, &vm_src_kpageflags, &vm_src_kpagecount, &vm_src_kpagecgroup, NULL,
};
