// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * vmtlb --model's tool for Valgrind: runs a program and feeds its accesses to a model of TLBs (engines/tlbtrace.h).
 *
 * It is linked with Valgrind's core, which is "GPL version 2 or any later version", as this project is (COPYING).
 */

#include "engines/valgrind/vmtlb_buffer.h"

#include "pub_tool_libcassert.h"
#include "pub_tool_libcbase.h"
#include "pub_tool_libcfile.h"
#include "pub_tool_libcprint.h"
#include "pub_tool_libcproc.h"
#include "pub_tool_mallocfree.h"
#include "pub_tool_options.h"
#include "pub_tool_threadstate.h"
#include "pub_tool_vki.h"
#include "pub_tool_vkiscnums.h"

#include "config.h"
#include "engines/valgrind/vmtlb_pages.h"

/** Valgrind's functions take no context. */
static struct {
	struct vm_tlbtrace core;
	struct vm_tlbtrace_thread **threads;
	struct vmtlb_pages pages;
	const HChar *model, *directory;
	HChar *result;             /* path of the result */
	Int out;                   /* it, while it is written */
} tool;

/* ---- What the model asks ------------------------------------------------------------------------------------------ */

static void *ask_alloc(void *ctx, size_t bytes)
{
	return VG_(calloc)("vmtlb", 1, bytes);
}

static void ask_free(void *ctx, void *memory)
{
	VG_(free)(memory);
}

static bool ask_place(void *ctx, uint64_t addr, struct vm_tlbtrace_place *p)
{
	return vmtlb_pages_place(&tool.pages, addr, p);
}

static enum vm_tlb_size ask_page_size(void *ctx, uint64_t addr)
{
	bool anew;
	const enum vm_tlb_size size = vmtlb_pages_size(&tool.pages, addr, &anew);
	tool.core.epoch += anew;
	return size;
}

static void ask_write(void *ctx, const char *bytes, size_t n)
{
	while (n > 0) {
		const Int done = VG_(write)(tool.out, bytes, (Int)n);
		if (done <= 0)
			return;
		bytes += done;
		n -= (size_t)done;
	}
}

static const struct vm_tlbtrace_ops ops = {
	.alloc = ask_alloc, .free = ask_free, .place = ask_place, .page_size = ask_page_size, .write = ask_write,
};

/* ---- Results ------------------------------------------------------------------------------------------------------ */

/** A file of its own for each program that a process becomes; empty until there is a result. */
static void name_result(void)
{
	const SizeT size = VG_(strlen)(tool.directory) + 64;
	VG_(free)(tool.result);
	tool.result = VG_(malloc)("vmtlb.result", size);
	for (UInt n = 0; n < 100000; n++) {
		VG_(snprintf)(tool.result, (Int)size, "%s/%d-%u", tool.directory, VG_(getpid)(), n);
		const SysRes r = VG_(open)(tool.result, VKI_O_WRONLY | VKI_O_CREAT | VKI_O_EXCL, 0600);
		if (!sr_isError(r)) {
			VG_(close)((Int)sr_Res(r));
			return;
		}
		if (sr_Err(r) != VKI_EEXIST)
			break;
	}
	/* The program goes on without: its directory may be out of its reach, or gone. */
	VG_(umsg)("vmtlb: cannot write %s\n", tool.result);
	VG_(free)(tool.result);
	tool.result = NULL;
}

static void write_result(void)
{
	HChar program[VKI_PATH_MAX];
	if (!tool.result)
		return;
	vmtlb_buffer_take();
	VG_(client_fname)(program, sizeof(program), False);
	const struct vm_tlbtrace_about about = {
		.engine = "valgrind-" VERSION, .sizes = vmtlb_pages_source(&tool.pages), .program = program,
		.pid = (unsigned)VG_(getpid)(),
	};
	const SysRes r = VG_(open)(tool.result, VKI_O_WRONLY | VKI_O_TRUNC, 0);
	if (sr_isError(r))
		return;
	tool.out = (Int)sr_Res(r);
	vm_tlbtrace_write(&tool.core, &about);
	VG_(close)(tool.out);
}

static void fini(Int status)
{
	write_result();
}

/* ---- Threads and processes ---------------------------------------------------------------------------------------- */

static void on_start(ThreadId tid, ULong blocks)
{
	struct vm_tlbtrace_thread **t = &tool.threads[tid];
	if (!*t)
		*t = vm_tlbtrace_thread(&tool.core);
	vmtlb_buffer_switch(*t);
}

static void on_thread_exit(ThreadId tid)
{
	if (!tool.threads[tid])
		return;
	vmtlb_buffer_take();
	vm_tlbtrace_thread_ended(tool.threads[tid]);
	tool.threads[tid] = NULL;
}

static void before_fork(ThreadId tid)
{
	vmtlb_buffer_take();
}

static void on_fork_child(ThreadId tid)
{
	for (UInt i = 0; i < VG_N_THREADS; i++)
		if (i != tid)
			tool.threads[i] = NULL;
	vm_tlbtrace_forked(&tool.core, tool.threads[tid]);
	vmtlb_buffer_switch(tool.threads[tid]);
	vmtlb_pages_open(&tool.pages);
	name_result();
}

/* ---- System calls ------------------------------------------------------------------------------------------------- */

static Bool changes_memory(UInt call)
{
	switch (call) {
	case __NR_mmap: case __NR_munmap: case __NR_mremap: case __NR_brk: case __NR_mprotect: case __NR_madvise:
	case __NR_shmat: case __NR_shmdt: case __NR_remap_file_pages:
		return True;
	default:
		return False;
	}
}

static void pre_syscall(ThreadId tid, UInt call, UWord *args, UInt n)
{
	if (call == __NR_execve || call == __NR_execveat)
		write_result();
	else if (changes_memory(call))
		vmtlb_buffer_take();
}

static void changed(Addr from, SizeT length, Bool gone)
{
	vm_tlbtrace_changed(&tool.core, from & ~(Addr)(VKI_PAGE_SIZE - 1), from + length, gone);
}

/** Numbers of linux/mman.h that unmap pages; all other advice is about what size they should have, or is no change. */
static Bool is_unmapping(UWord advice)
{
	enum { DONTNEED = 4, FREE = 8, REMOVE = 9, PAGEOUT = 21, DONTNEED_LOCKED = 24 };
	return advice == DONTNEED || advice == FREE || advice == REMOVE || advice == PAGEOUT || advice == DONTNEED_LOCKED;
}

static void post_brk(Addr now)
{
	const Addr was = tool.pages.program_break;
	if (was)
		changed(was < now ? was : now, was < now ? now - was : was - now, now < was);
	tool.pages.program_break = now;
}

static void post_syscall(ThreadId tid, UInt call, UWord *args, UInt n, SysRes result)
{
	if (sr_isError(result))
		return;
	switch (call) {
	case __NR_mmap:
		changed(sr_Res(result), args[1], True);
		break;
	case __NR_munmap:
		changed(args[0], args[1], True);
		break;
	case __NR_mremap:
		changed(args[0], args[1], True);
		changed(sr_Res(result), args[2], True);
		break;
	case __NR_mprotect:
		changed(args[0], args[1], False);
		break;
	case __NR_madvise:
		changed(args[0], args[1], is_unmapping(args[2]));
		break;
	case __NR_brk:
		post_brk(sr_Res(result));
		break;
	case __NR_shmat:
	case __NR_shmdt:
	case __NR_remap_file_pages:
		/* How far isn't said; seldom. */
		changed(0, (SizeT)1 << 47, call == __NR_shmdt || call == __NR_remap_file_pages);
		break;
	default:
		break;
	}
}

/* ---- The tool ----------------------------------------------------------------------------------------------------- */

static Bool process_option(const HChar *arg)
{
	const HChar *sizes = NULL;
	if (VG_STR_CLO(arg, "--vmtlb-sizes", sizes)) {
		tool.pages.no_scan = VG_(strcmp)(sizes, "smaps") == 0;
		return tool.pages.no_scan || VG_(strcmp)(sizes, "scan") == 0;
	}
	return VG_STR_CLO(arg, "--vmtlb-model", tool.model) || VG_STR_CLO(arg, "--vmtlb-directory", tool.directory);
}

static void print_usage(void)
{
	VG_(printf)("    --vmtlb-model=NUMBERS       geometry of the TLBs\n"
		    "    --vmtlb-directory=DIR       where results are written\n"
		    "    --vmtlb-sizes=scan|smaps    how page sizes are asked [scan, where the kernel has PAGEMAP_SCAN]\n"
		    "    It is started by vmtlb --model.\n");
}

static void print_debug_usage(void)
{
	VG_(printf)("    (none)\n");
}

static void post_clo_init(void)
{
	tool.core.ops = &ops;
	if (!tool.model || !tool.directory || !vm_tlbtrace_init(&tool.core, tool.model)) {
		VG_(fmsg)("vmtlb: needs --vmtlb-model and --vmtlb-directory; it is started by vmtlb --model\n");
		VG_(exit)(1);
	}
	vmtlb_buffer_open(&tool.core);
	tool.threads = VG_(calloc)("vmtlb.threads", VG_N_THREADS, sizeof(struct vm_tlbtrace_thread *));
	vmtlb_pages_open(&tool.pages);
	name_result();
	VG_(atfork)(before_fork, NULL, on_fork_child);
}

static void pre_clo_init(void)
{
	VG_(details_name)("vmtlb");
	VG_(details_version)(VM_VERSION);
	VG_(details_description)("a model of TLBs");
	VG_(details_copyright_author)("part of vmtop, GPL-2.0-or-later, with Valgrind's core");
	VG_(details_bug_reports_to)("vmtop");
	VG_(details_avg_translation_sizeB)(300);
	VG_(basic_tool_funcs)(post_clo_init, vmtlb_instrument, fini);
	VG_(needs_command_line_options)(process_option, print_usage, print_debug_usage);
	VG_(needs_syscall_wrapper)(pre_syscall, post_syscall);
	VG_(track_start_client_code)(on_start);
	VG_(track_pre_thread_ll_exit)(on_thread_exit);
}

VG_DETERMINE_INTERFACE_VERSION(pre_clo_init)
