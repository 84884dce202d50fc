/** What can be seen of mappings, pages and frames. */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/source/doctor_part.h"
#include "core/source/frames.h"
#include "core/source/pages.h"
#include "core/source/session.h"
#include "core/source/snap.h"
#include "core/source/source.h"

#define ADMIN "CAP_SYS_ADMIN"
#define BPF "CAP_BPF and CAP_PERFMON"

static void check_page_source(struct vm_session *s, const char *name, const char *needs, struct vm_finding *f)
{
	vm_found_source(s, vm_source_named(vm_page_sources, name), needs, f);
}

static void check_pagemap(struct vm_session *s, struct vm_finding *f)
{
	check_page_source(s, "pagemap", "to be the same user", f);
}

const struct vm_check vm_check_pagemap = {
	.info = { "pagemap", "states of pages: present, swapped, exclusive", "finding a page of ours in /proc/self/pagemap", "vmpage, vmtlb --hot",
		  "mincore(2) for ourselves, sums of smaps for others" },
	.live = true, .run = check_pagemap,
};

static void check_pfn(struct vm_session *s, struct vm_finding *f)
{
	check_page_source(s, "pagemap-frames", ADMIN, f);
}

const struct vm_check vm_check_pfn = {
	.info = { "pagemap-pfn", "frames (PFN) in pagemap", "asking for that of a page of ours", "vmpage, vmshare", "page tables by eBPF" },
	.live = true, .run = check_pfn,
};

static void check_scan(struct vm_session *s, struct vm_finding *f)
{
	check_page_source(s, "pagemap-scan", "to be the same user", f);
}

const struct vm_check vm_check_scan = {
	.info = { "pagemap-scan", "PAGEMAP_SCAN: ranges of pages by state (Linux 6.7)", "finding a page of ours by it", "vmpage", "pagemap" },
	.live = true, .run = check_scan,
};

static void check_tables(struct vm_session *s, struct vm_finding *f)
{
	check_page_source(s, "page-tables", BPF, f);
}

const struct vm_check vm_check_tables = {
	.info = { "page-tables", "page tables themselves, by eBPF", "walking those of a page of ours", "vmpage, vmtlb --hot",
		  "pagemap: no tables, no accessed bits" },
	.live = true, .run = check_tables,
};

static void check_procmap(struct vm_session *s, struct vm_finding *f)
{
	vm_found_source(s, &vm_src_procmap, "to be the same user", f);
}

const struct vm_check vm_check_procmap = {
	.info = { "procmap-query", "PROCMAP_QUERY: one mapping by address (Linux 6.11)", "asking for a mapping of ours", "vmmap --address, vmpage",
		  "maps, read to the end" },
	.live = true, .run = check_procmap,
};

/** Flags, map counts and control groups of one frame: the first that any zone has. */
static void check_kpage(struct vm_session *s, struct vm_finding *f)
{
	struct vm_frames *frames;
	struct vm_err err = { 0 }, first = { 0 };
	uint64_t value;
	static const char *const names[VM_FRAME_NR] = { "flags", "counts", "control groups" };
	int r = vm_frames_open(s, &frames, &err);
	if (r < 0) {
		vm_found_result(f, r, &err, ADMIN);
		return;
	}
	const struct vm_zone *zone;
	const uint64_t pfn = vm_frames_zones(frames, &zone) ? zone[0].start_pfn : 1;
	const char *lacks = NULL;
	for (unsigned fact = 0; fact < VM_FRAME_NR; fact++) {
		const long n = vm_frames_read(frames, fact, pfn, 1, &value, &err);
		if (n < 0 && !lacks) {
			lacks = names[fact];
			first = err;
		}
	}
	vm_frames_close(frames);
	if (!lacks) {
		vm_found(f, VM_VERDICT_WORKS, "flags, map counts and control groups of frames");
		return;
	}
	vm_found(f, VM_VERDICT_PARTLY, "no %s of frames", lacks);
	vm_found_why(f, "%s", first.what);
}

const struct vm_check vm_check_kpage = {
	.info = { "kpageflags", "flags, map counts, control groups of frames", "reading those of one frame", "vmpage, vmshare",
		  "nothing: frames stay numbers" },
	.live = true, .run = check_kpage,
};

/* ---- Processes of others ------------------------------------------------------------------------------------------ */

/** The first process is root's, and in a container still of another user unless we are root there. */
static void check_others(struct vm_session *s, struct vm_finding *f)
{
	vm_auto_close int fd = vm_session_open_file(s, O_RDONLY, "proc/1/smaps");
	vm_auto_close int stat = vm_session_open_file(s, O_RDONLY, "proc/1/stat");
	char c;
	const ssize_t n = fd < 0 ? -1 : read(fd, &c, 1);
	const int code = fd < 0 ? -fd : n < 0 ? errno : 0;
	if (code == 0) {
		vm_found(f, VM_VERDICT_WORKS, "memory of other users' processes can be seen");
	} else if (stat < 0) {
		vm_found(f, VM_VERDICT_DENIED, "processes of others are hidden");
		vm_found_why(f, "/proc/1 isn't shown: mounted with hidepid, see proc(5)");
		vm_found_fix(f, "run with sudo; or be in the group that hidepid's gid= names");
	} else {
		vm_found(f, VM_VERDICT_DENIED, "needs CAP_SYS_PTRACE");
		vm_found_why(f, "of other users' processes only totals are told: /proc/1/smaps can't be read");
		vm_found_fix(f, "run with sudo");
	}
}

const struct vm_check vm_check_others = {
	.info = { "others", "memory of other users' processes", "reading the mappings of process 1", "all", "totals: stat, statm, status" },
	.live = true, .run = check_others,
};
