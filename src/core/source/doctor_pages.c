/** What can be seen of mappings, pages and frames. */

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/cleanup.h"
#include "core/model/process.h"
#include "core/source/doctor_part.h"
#include "core/source/frames.h"
#include "core/source/kernel.h"
#include "core/source/pages.h"
#include "core/source/session.h"
#include "core/source/snap.h"
#include "core/source/source.h"

#define ADMIN "CAP_SYS_ADMIN"
#define BPF "CAP_BPF, CAP_PERFMON"

static void check_page_source(struct vm_session *s, const char *name, const char *needs, struct vm_finding *f)
{
	vm_found_source(s, vm_source_named(vm_page_sources, name), needs, f);
}

static void check_pagemap(struct vm_session *s, struct vm_finding *f)
{
	check_page_source(s, "pagemap", "to be the same user", f);
}

const struct vm_check vm_check_pagemap = {
	.info = { "pagemap", "states of pages: present, swapped, exclusive", "finding a page of ours in /proc/self/pagemap",
		 "vmpage, vmtlb --hot",
		  "sums of smaps, mincore(2)" },
	.live = true, .run = check_pagemap,
};

static void check_pfn(struct vm_session *s, struct vm_finding *f)
{
	check_page_source(s, "pagemap-frames", ADMIN, f);
}

const struct vm_check vm_check_pfn = {
	.info = { "pagemap-pfn", "frames (PFN) in pagemap", "asking for that of a page of ours", "vmpage, vmshare",
		 "page tables by eBPF" },
	.live = true, .run = check_pfn,
};

static void check_scan(struct vm_session *s, struct vm_finding *f)
{
	check_page_source(s, "pagemap-scan", "to be the same user", f);
}

const struct vm_check vm_check_scan = {
	.info = { "pagemap-scan", "PAGEMAP_SCAN: ranges of pages by state (Linux 6.7)", "finding a page of ours by it", "vmpage",
		 "pagemap" },
	.live = true, .run = check_scan,
};

static void check_tables(struct vm_session *s, struct vm_finding *f)
{
	if (vm_found_bpf(f))
		check_page_source(s, "page-tables", BPF, f);
}

const struct vm_check vm_check_tables = {
	.info = { "page-tables", "page tables themselves, by eBPF", "walking those of a page of ours", "vmpage, vmtlb --hot",
		  "pagemap" },
	.live = true, .run = check_tables,
};

static void check_procmap(struct vm_session *s, struct vm_finding *f)
{
	vm_found_source(s, &vm_src_procmap, "to be the same user", f);
}

const struct vm_check vm_check_procmap = {
	.info = { "procmap-query", "PROCMAP_QUERY: one mapping by address (Linux 6.11)", "asking for a mapping of ours",
		 "vmmap --address, vmpage",
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
		  "nothing" },
	.live = true, .run = check_kpage,
};

/* ---- Processes of others ------------------------------------------------------------------------------------------ */

struct reach {
	unsigned all, refused;
	pid_t first;               /* of those that refuse */
};

/** Processes with memory, but us: can their mappings be read? */
static struct reach reach_others(struct vm_session *s)
{
	struct reach x = { 0 };
	struct vm_pids pids = { 0 };
	struct vm_arena texts = { 0 };
	struct vm_proc p;
	vm_proc_list_dir(s, &pids, NULL);
	for (size_t i = 0; i < pids.n; i++) {
		if (pids.v[i] == getpid() || vm_proc_read(s, pids.v[i], VM_NEED(STAT), &texts, &p, NULL) < 0 || p.kthread || p.state == 'Z')
			continue;
		vm_auto_close int fd = vm_session_open_file(s, O_RDONLY, "proc/%d/maps", pids.v[i]);
		const bool refused = fd == -EACCES || fd == -EPERM;
		x.all += fd >= 0 || refused;
		x.first = refused && !x.refused ? pids.v[i] : x.first;
		x.refused += refused;
	}
	vm_arena_free(&texts);
	vm_vec_free(&pids);
	return x;
}

static void check_others(struct vm_session *s, struct vm_finding *f)
{
	const struct reach x = reach_others(s);
	vm_auto_close int stat = vm_session_open_file(s, O_RDONLY, "proc/1/stat");
	if (stat < 0) {
		vm_found(f, VM_VERDICT_DENIED, "processes of others are hidden");
		vm_found_why(f, "/proc/1 isn't shown: /proc is mounted with hidepid, see proc(5)");
		vm_found_fix(f, "run with sudo; or be in the group that its option gid names");
	} else if (!x.refused) {
		vm_found(f, VM_VERDICT_WORKS, "all %u processes", x.all);
	} else if (vm_kernel_permits(VM_CAP(SYS_PTRACE))) {
		vm_found(f, VM_VERDICT_PARTLY, "all but %u of %u processes, such as %d", x.refused, x.all, x.first);
		vm_found_why(f, "the kernel refuses some in spite of CAP_SYS_PTRACE: they have capabilities that we lack, or a security module "
			     "protects them");
	} else {
		vm_found(f, VM_VERDICT_DENIED, "needs CAP_SYS_PTRACE");
		vm_found_why(f, "the memory of %u of %u processes can't be seen, only their totals", x.refused, x.all);
		vm_found_fix(f, "run with sudo");
	}
}

const struct vm_check vm_check_others = {
	.info = { "others", "memory of other users' processes", "opening the mappings of all processes", "all", "totals only" },
	.live = true, .run = check_others,
};
