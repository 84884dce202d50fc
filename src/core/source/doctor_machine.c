/** How the machine is: kernel, paging, TLB, huge pages, nodes. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/cleanup.h"
#include "core/base/str.h"
#include "core/model/system.h"
#include "core/source/doctor_part.h"
#include "core/source/nodes.h"
#include "core/source/numacalls.h"
#include "core/source/perf_event.h"
#include "core/source/session.h"
#include "core/source/source.h"
#include "core/source/thp.h"
#include "core/source/tlbprobe.h"
#include "core/source/tlbprobe_part.h"
#include "core/source/walker.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* ---- Kernel ------------------------------------------------------------------------------------------------------- */

static void put_cpus(struct vm_session *s, struct vm_buf *b)
{
	struct vm_perf_online online = { 0 };
	if (vm_perf_online(s, &online, NULL) == 0 && online.n)
		vm_buf_addf(b, ", %zu CPU%s", online.n, online.n == 1 ? "" : "s");
	vm_vec_free(&online);
}

static void check_kernel(struct vm_session *s, struct vm_finding *f)
{
	struct vm_system sys = { 0 };
	struct vm_buf b = { 0 };
	struct utsname u;
	struct vm_tlb_cpu cpu = { 0 };
	char size[VM_NUMBUF];
	if (vm_system_read(s, &sys, NULL) < 0)
		vm_system_identify(s, &sys);
	vm_buf_addf(&b, "Linux %s", sys.kernel[0] ? sys.kernel : "of an unknown release");
	if (s->live && uname(&u) == 0)
		vm_buf_addf(&b, ", %s", u.machine);
	if (s->live)
		put_cpus(s, &b);
	if (vm_system_has(&sys, VM_S_MEM_TOTAL))
		vm_buf_addf(&b, ", %s", vm_format_size(sys.q[VM_S_MEM_TOTAL], size));
	if (s->live)
		vm_tlb_cpu_read(s, &cpu);
	if (cpu.virtual)
		vm_buf_addf(&b, ", in %s", cpu.hypervisor);
	vm_found(f, VM_VERDICT_FACT, "%s", vm_buf_str(&b));
	vm_found_why(f, "%s", cpu.model);
	vm_buf_free(&b);
}

const struct vm_check vm_check_kernel = {
	.info = { "kernel", "the kernel and what it runs on", "uname(2), CPUID, meminfo", "all", "" }, .run = check_kernel,
};

/* ---- Paging ------------------------------------------------------------------------------------------------------- */

/** The last page below 2^bits but one, which the user half ends before or begins behind. */
static bool can_map_below(unsigned bits, uint64_t page)
{
	const uint64_t at = (UINT64_C(1) << bits) - 2 * page;
	void *p = mmap((void *)(uintptr_t)at, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (p == MAP_FAILED)
		return errno == EEXIST;
	munmap(p, page);
	return (uintptr_t)p == at;
}

static unsigned user_bits(uint64_t page)
{
	unsigned bits = sizeof(void *) == 8 ? 57 : 32;
	while (bits > 20 && !can_map_below(bits, page))
		bits--;
	return bits;
}

/** A level translates as many bits as its tables, of a page, have entries of 8 bytes; x86 gives half to the kernel. */
static unsigned levels_of(unsigned bits, uint64_t page)
{
	const unsigned shift = (unsigned)__builtin_ctzll(page), each = shift - 3;
#ifdef __x86_64__
	bits++;
#endif
	return (bits - shift + each - 1) / each;
}

/** "address sizes : 48 bits physical, 57 bits virtual": what the CPU could, whatever the kernel does. */
static void put_cpu_bits(struct vm_session *s, struct vm_buf *b)
{
	if (vm_session_slurp(s, &s->scratch, "proc/cpuinfo") <= 0)
		return;
	const char *line = strstr(s->scratch.s, "\naddress sizes");
	line = line ? strchr(line, ':') : NULL;
	unsigned physical, virtual;
	if (line && sscanf(line, ": %3u bits physical, %3u bits virtual", &physical, &virtual) == 2)
		vm_buf_addf(b, "; CPU: %u/%u bits", physical, virtual);
}

static void check_paging(struct vm_session *s, struct vm_finding *f)
{
	struct vm_buf b = { 0 };
	char size[VM_NUMBUF];
	const uint64_t page = s->live ? (uint64_t)sysconf(_SC_PAGESIZE) : s->page_bytes;
	if (s->live) {
		const unsigned bits = user_bits(page);
		vm_buf_addf(&b, "%u levels, %u-bit user space, %s pages", levels_of(bits, page), bits, vm_format_size(page, size));
		vm_found_why(f,
			 "the highest address that mmap(2) takes is just below 2^%u; behind \"CPU\" are the bits of physical and virtual "
			     "addresses that it could do", bits);
	} else {
		vm_buf_addf(&b, "pages of %s", vm_format_size(page, size));
	}
	put_cpu_bits(s, &b);
	vm_found(f, VM_VERDICT_FACT, "%s", vm_buf_str(&b));
	vm_buf_free(&b);
}

const struct vm_check vm_check_paging = {
	.info = { "paging", "levels of page tables, address bits, page size", "mapping a page below each power of two",
		 "vmpage, vmmap", "" },
	.run = check_paging,
};

static void check_direct_map(struct vm_session *s, struct vm_finding *f)
{
	struct vm_err err = { 0 };
	struct vm_walker *w;
	uint64_t end;
	if (!vm_found_bpf(f))
		return;
	const int r = vm_walker_get(s, &w, &err);
	vm_found_result(f, r, &err, "CAP_BPF, CAP_PERFMON");
	if (r < 0)
		return;
	const uint64_t base = vm_walker_direct_map(w, &end);
	vm_found(f, VM_VERDICT_WORKS, "0x%llx, by a page of ours that was found there", (unsigned long long)base);
	vm_found_why(f, "a random cookie in a page of ours was read back at this address plus its physical one; memory ends at 0x%llx",
		     (unsigned long long)end);
}

const struct vm_check vm_check_direct_map = {
	.info = { "page-offset", "where the kernel maps all memory (page_offset_base)",
		 "finding a cookie of ours from the page tables, by eBPF",
		  "vmpage (page tables)", "pagemap" },
	.live = true, .run = check_direct_map,
};

/* ---- TLB ---------------------------------------------------------------------------------------------------------- */

static void put_entries(struct vm_buf *b, const char *what, unsigned n)
{
	if (n)
		vm_buf_addf(b, " %s %u", what, n);
}

static void check_tlb(struct vm_session *s, struct vm_finding *f)
{
	struct vm_tlb_known k;
	struct vm_tlb_geometry told = vm_tlb_geometry_default();
	struct vm_tlb_cpu cpu;
	struct vm_buf b = { 0 };
	vm_tlb_cpu_read(s, &cpu);
	vm_tlb_known(s, &k);
	const bool by_cpu = vm_tlb_cpu_geometry(&told);
	if (by_cpu) {
		vm_buf_add_str(&b, "by CPUID: ");
		vm_tlb_geometry_put(&b, &told);
	} else {
		vm_buf_addf(&b, "none by CPUID%s", cpu.virtual ? " (virtual machine)" : "");
	}
	if (k.by == VM_TLB_BY_PROBE) {
		vm_buf_add_str(&b, "; timed");
		put_entries(&b, "dTLB", k.dtlb_entries);
		put_entries(&b, "STLB", k.stlb_entries);
		put_entries(&b, "iTLB", k.itlb_entries);
	} else {
		vm_buf_add_str(&b, "; not timed since boot");
	}
	vm_found(f, by_cpu || k.by == VM_TLB_BY_PROBE ? VM_VERDICT_WORKS : VM_VERDICT_PARTLY, "%s", vm_buf_str(&b));
	if (cpu.virtual)
		vm_found_why(f, "what a hypervisor shows of a CPU may be of another one, so that it isn't believed");
	if (k.by != VM_TLB_BY_PROBE)
		vm_found_fix(f, "vmtlb --probe, half a second without privileges");
	vm_buf_free(&b);
}

const struct vm_check vm_check_tlb = {
	.info = { "tlb", "how many translations the CPU keeps", "CPUID leaf 0x18, 0x80000005, 6 and 19; what vmtlb --probe timed",
		  "vmtlb, REACH% of vmtop", "vmtlb --probe times them" },
	.live = true, .run = check_tlb,
};

/* ---- Huge pages --------------------------------------------------------------------------------------------------- */

/** Nothing is reserved and nothing touched: only whether the kernel knows the size. */
static bool takes_size(uint64_t bytes)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_HUGETLB | __builtin_ctzll(bytes) << 26;
	void *p = mmap(NULL, bytes, PROT_NONE, flags, -1, 0);
	if (p == MAP_FAILED)
		return false;
	munmap(p, bytes);
	return true;
}

static uint64_t read_count(struct vm_session *s, unsigned long kib, const char *file)
{
	if (vm_session_slurp(s, &s->scratch, "sys/kernel/mm/hugepages/hugepages-%lukB/%s", kib, file) <= 0)
		return 0;
	return strtoull(s->scratch.s, NULL, 10);
}

static int by_number(const void *a, const void *b)
{
	const unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;
	return (x > y) - (x < y);
}

enum { SIZES_MAX = 8 };

static size_t list_sizes(struct vm_session *s, unsigned long kib[static SIZES_MAX])
{
	struct vm_buf names = { 0 };
	size_t n = 0;
	vm_session_list(s, &names, "sys/kernel/mm/hugepages");
	for (const char *name = NULL; n < SIZES_MAX && (name = vm_next_name(&names, name));)
		n += sscanf(name, "hugepages-%12lukB", &kib[n]) == 1 && kib[n] && (kib[n] & (kib[n] - 1)) == 0;
	vm_buf_free(&names);
	qsort(kib, n, sizeof(kib[0]), by_number);
	return n;
}

static void check_hugetlb(struct vm_session *s, struct vm_finding *f)
{
	unsigned long kib[SIZES_MAX];
	struct vm_buf b = { 0 };
	char size[VM_NUMBUF];
	bool works = true, any = false;
	const size_t n = list_sizes(s, kib);
	for (size_t i = 0; i < n; i++) {
		const uint64_t pages = read_count(s, kib[i], "nr_hugepages"), free = read_count(s, kib[i], "free_hugepages");
		vm_buf_addf(&b, "%s%s: ", i ? ", " : "pools of ", vm_format_size((uint64_t)kib[i] * 1024, size));
		vm_buf_addf(&b, pages ? "%llu, %llu free" : "none", (unsigned long long)pages, (unsigned long long)free);
		works = works && (!s->live || takes_size((uint64_t)kib[i] * 1024));
		any = any || pages;
	}
	if (!n) {
		vm_found(f, VM_VERDICT_ABSENT, "%s", s->live ? "not in this kernel (CONFIG_HUGETLBFS)" : vm_session_lacks(s));
	} else {
		vm_found(f, !s->live ? VM_VERDICT_FACT : works ? VM_VERDICT_WORKS : VM_VERDICT_PARTLY, "%s", vm_buf_str(&b));
		if (!works)
			vm_found_why(f, "mmap(2) refuses to map pages of one of these sizes");
		else if (!any)
			vm_found_why(f, "mmap(2) takes these sizes, but there are no pages of them to use");
		if (!any)
			vm_found_fix(f, "sysctl vm.nr_hugepages=N; of 1G at boot: hugepagesz=1G hugepages=N");
	}
	vm_buf_free(&b);
}

const struct vm_check vm_check_hugetlb = {
	.info = { "hugetlb", "pools of huge pages and their sizes", "mapping one of each size, untouched", "vmhuge, vmmap",
		 "transparent ones" },
	.run = check_hugetlb,
};

/** An aligned piece of memory of ours becomes huge when it is touched, where that is to be had. */
static int get_huge_page(struct vm_session *s, uint64_t bytes)
{
	char *map = mmap(NULL, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return -errno;
	char *at = map + (bytes - (uintptr_t)map % bytes) % bytes;
	int r = madvise(at, bytes, MADV_HUGEPAGE) == 0 ? 0 : -errno;
	vm_auto_close int fd = vm_session_open_file(s, O_RDONLY, "proc/self/smaps");
	struct vm_buf text = { 0 };
	char head[40];
	if (r == 0)
		*(volatile char *)at = 1;
	if (r == 0 && (fd < 0 || vm_read_all(fd, &text) < 0))
		r = -EACCES;
	snprintf(head, sizeof(head), "%lx-", (unsigned long)(uintptr_t)at);
	const char *entry = r == 0 ? strstr(text.s, head) : NULL;
	const char *line = entry ? strstr(entry, "\nAnonHugePages:") : NULL;
	if (r == 0)
		r = line && strtoull(line + strlen("\nAnonHugePages:"), NULL, 10) >= bytes / 1024 ? 1 : 0;
	vm_buf_free(&text);
	munmap(map, 2 * bytes);
	return r;
}

static void check_thp(struct vm_session *s, struct vm_finding *f)
{
	struct vm_thp t;
	struct vm_err err = { 0 };
	char size[VM_NUMBUF];
	vm_thp_read(s, &t);
	const char *word = vm_thp_word(t.global);
	if (t.global == VM_THP_ABSENT || !word) {
		vm_found(f, VM_VERDICT_ABSENT, "%s", t.global == VM_THP_ABSENT && s->live
			 ? "not in this kernel (CONFIG_TRANSPARENT_HUGEPAGE)" : s->live ? "its settings can't be read" : vm_session_lacks(s));
		return;
	}
	const char *small = t.small == VM_THP_ALWAYS ? "smaller ones, too" : t.small == VM_THP_MADVISE ? "smaller ones by madvise" :
			    "no smaller ones";
	if (!s->live || !t.page_bytes || vm_thp_permitted(&t, &err) < 0) {
		vm_found(f, s->live ? VM_VERDICT_ABSENT : VM_VERDICT_FACT, "%s, %s", word, small);
		vm_found_why(f, "%s", err.what);
		vm_found_fix(f, "%s", err.hint);
		return;
	}
	const int got = get_huge_page(s, t.page_bytes);
	vm_found(f, got == 1 ? VM_VERDICT_WORKS : VM_VERDICT_PARTLY, "%s, %s; we were %s one of %s", word, small, got == 1 ? "given"
		 : "not given", vm_format_size(t.page_bytes, size));
	if (got != 1)
		vm_found_why(f, "memory of ours that asked for it got no huge page when it was touched: free memory is in pieces, or our "
			     "control group has none to give");
}

const struct vm_check vm_check_thp = {
	.info = { "thp", "transparent huge pages", "touching memory that asked for one", "vmhuge, vmtlb --ab", "" }, .run = check_thp,
};

/* ---- Nodes -------------------------------------------------------------------------------------------------------- */

/** On which node a page of ours is. */
static int ask_node(struct vm_err *err)
{
	int status = -ENOENT;
	const int code = vm_numa_calls_usable(err);
	if (code < 0)
		return code;
	const long page = sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return vm_fail_os(err, errno, "cannot map a page");
	*(volatile char *)p = 1;
	const uint64_t at = (uint64_t)(uintptr_t)p;
	int r = vm_numa_query(getpid(), &at, &status, 1, err);
	munmap(p, (size_t)page);
	return r < 0 ? r : status < 0 ? vm_fail_os(err, -status, "move_pages(2) doesn't tell the node of a page of ours") : 0;
}

static void check_numa(struct vm_session *s, struct vm_finding *f)
{
	struct vm_nodes nodes = { 0 };
	struct vm_err err = { 0 };
	if (vm_nodes_read(s, &nodes, &err) < 0) {
		vm_found(f, VM_VERDICT_ABSENT, "%s", err.what);
	} else {
		const size_t n = nodes.nodes.n;
		const int r = s->live ? ask_node(&err) : 0;
		const char *moves = !s->live ? "" : r == 0 ? "; pages tell theirs" : "; single pages don't tell theirs";
		vm_found(f, !nodes.told ? VM_VERDICT_ABSENT : !s->live ? VM_VERDICT_FACT : r == 0 ? VM_VERDICT_WORKS : VM_VERDICT_PARTLY,
			 "%s%zu node%s%s%s", nodes.told ? "" : "the kernel tells of no nodes: ", n, n == 1 ? "" : "s",
			 nodes.balancing > 0 ? ", balanced" : "", nodes.told ? moves : "");
		vm_found_why(f, "%s", err.what);
	}
	vm_nodes_free(&nodes);
}

const struct vm_check vm_check_numa = {
	.info = { "numa", "memory nodes", "asking for the node of a page of ours, move_pages(2)", "vmnuma",
		 "all memory is shown as one node" },
	.run = check_numa,
};
