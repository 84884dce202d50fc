// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * vmtlb --model's tool for Valgrind: runs a program and feeds its accesses to a model of TLBs (engines/tlbtrace.h).
 *
 * It is linked with Valgrind's core, which is "GPL version 2 or any later version", as this project is (COPYING).
 *
 * Translated code doesn't call for each access: it writes addresses into a buffer, which is emptied between blocks.
 * A word of the buffer is
 *	RUN | pointer        a stretch of instructions of one page begins (struct run)
 *	an address           its next access; 0: one that was conditional, and wasn't done
 *	LEFT | instructions  it was left before its end, after so many instructions
 * and what was written behind the last exit that was passed doesn't count, as of blocks that a fault cut short.
 */

#include "pub_tool_basics.h"
#include "pub_tool_aspacemgr.h"
#include "pub_tool_libcassert.h"
#include "pub_tool_libcbase.h"
#include "pub_tool_libcfile.h"
#include "pub_tool_libcprint.h"
#include "pub_tool_libcproc.h"
#include "pub_tool_machine.h"
#include "pub_tool_mallocfree.h"
#include "pub_tool_options.h"
#include "pub_tool_threadstate.h"
#include "pub_tool_tooliface.h"
#include "pub_tool_vki.h"
#include "pub_tool_vkiscnums.h"

#include "config.h"
#include "engines/valgrind/vmtlb_pages.h"

#include "engines/tlbtrace.h"

enum {
	BUFFER_WORDS = 4096,
	BLOCK_WORDS = 2048,        /* that a block may write: 100 instructions, and many accesses of each */
	WIDE = 64,                 /* bytes; larger accesses are told by both of their ends */
	RUN_BUCKETS = 1 << 14,
};

#define RUN (UINT64_C(1) << 63)
#define LEFT (UINT64_C(3) << 62)

/** The next access of a run. */
struct event {
	struct vm_tlbtrace_site *site;
	UShort size;
	UShort loads, stores;      /* how many were before it */
};

/** Instructions of one page in a row, with their accesses. */
struct run {
	struct run *next;          /* with the same hash */
	Addr addr;                 /* of the first one, or where the page begins */
	struct vm_tlbtrace_site *code;
	UInt instructions, events;
	struct event event[];      /* one more, which holds the sums */
};

/** Valgrind's functions take no context. */
static struct {
	UWord *next;               /* where the next block writes */
	UWord buffer[BUFFER_WORDS + 1];
	struct vm_tlbtrace core;
	struct vm_tlbtrace_thread *thread;   /* whose accesses are in the buffer */
	struct vm_tlbtrace_thread **threads;
	struct run *run[RUN_BUCKETS];
	struct vmtlb_pages pages;
	const HChar *model, *directory;
	HChar *result;             /* path of the result */
	Int out;                   /* it, while it is written */
} tool;

/* ---- The buffer --------------------------------------------------------------------------------------------------- */

/** One that may miss, or wasn't done, or crosses pages. */
static __attribute__((noinline)) void take_access(const struct event *e, Addr addr)
{
	struct vm_tlbtrace_thread *const t = tool.thread;
	if (addr) {
		vm_tlbtrace_data(&tool.core, t, e->site, addr, e->size);
		return;
	}
	t->loads -= e[1].loads - e->loads;
	t->stores -= e[1].stores - e->stores;
}

/** Accesses of a run, from `at` up to the first word that isn't one; returns that. */
static inline const UWord *take_accesses(const struct vm_tlbtrace_filter *f, const struct run *run, const UWord *at)
{
	const UWord *const first = at;
	for (; (Word)*at >= 0; at++)
		if (UNLIKELY(!vm_tlbtrace_told(f, *at) || *at % VKI_PAGE_SIZE > VKI_PAGE_SIZE - WIDE))
			take_access(&run->event[at - first], *at);
	return at;
}

/** All that was written becomes accesses of the thread that ran. */
static void take_all(void)
{
	struct vm_tlbtrace_thread *const t = tool.thread;
	ULong instructions = 0, loads = 0, stores = 0;
	*tool.next = RUN;
	for (const UWord *at = tool.buffer; *at != RUN;) {
		const struct run *run = (const struct run *)(*at & ~LEFT);
		const UWord *const first = at + 1;
		vm_tlbtrace_fetch(&tool.core, t, run->code, run->addr);
		at = take_accesses(&t->data, run, first);
		const struct event *sum = &run->event[at - first];
		loads += sum->loads;
		stores += sum->stores;
		const Bool left = (*at & LEFT) == LEFT;
		instructions += left ? *at & ~LEFT : run->instructions;
		at += left;
	}
	t->instructions += instructions;
	t->loads += loads;
	t->stores += stores;
	tool.next = tool.buffer;
}

/* ---- Translation -------------------------------------------------------------------------------------------------- */

/** A block that is being translated. */
struct block {
	IRSB *out;
	IRExpr *base;              /* where it writes its words */
	UInt words;                /* so far */
	Addr ip;                   /* of the instruction */
	/** The run that is being made. */
	Addr page;                 /* 0: none yet */
	Addr addr;
	UInt instructions, events, loads, stores;
	UInt header;               /* index of the statement that writes its first word */
	struct event event[BLOCK_WORDS];
};

static IRExpr *word(ULong v)
{
	return IRExpr_Const(IRConst_U64(v));
}

static IRExpr *named(struct block *b, IRType type, IRExpr *e)
{
	const IRTemp t = newIRTemp(b->out->tyenv, type);
	addStmtToIRSB(b->out, IRStmt_WrTmp(t, e));
	return IRExpr_RdTmp(t);
}

/** base + 8 * words */
static IRExpr *place_of_word(struct block *b, UInt words)
{
	return words ? named(b, Ity_I64, IRExpr_Binop(Iop_Add64, b->base, word(8 * words))) : b->base;
}

/** What is written here is kept if the exit that follows is taken, or if there is none but the end. */
static void write_next(struct block *b, UInt words)
{
	addStmtToIRSB(b->out, IRStmt_Store(Iend_LE, word((Addr)&tool.next), place_of_word(b, words)));
}

/** Empty the buffer if a block may not fit, and load where to write. */
static void begin_block(struct block *b)
{
	IRExpr *next = word((Addr)&tool.next);
	IRExpr *now = named(b, Ity_I64, IRExpr_Load(Iend_LE, Ity_I64, next));
	IRExpr *full = named(b, Ity_I1, IRExpr_Binop(Iop_CmpLT64U, word((Addr)(tool.buffer + BUFFER_WORDS - BLOCK_WORDS)), now));
	IRDirty *empty = unsafeIRDirty_0_N(0, "take_all", VG_(fnptr_to_fnentry)(take_all), mkIRExprVec_0());
	empty->guard = full;
	empty->mFx = Ifx_Modify;
	empty->mAddr = next;
	empty->mSize = sizeof(tool.next);
	addStmtToIRSB(b->out, IRStmt_Dirty(empty));
	b->base = named(b, Ity_I64, IRExpr_Load(Iend_LE, Ity_I64, next));
}

static ULong hash_of(const struct block *b)
{
	return vm_tlbtrace_bucket(b->addr ^ (ULong)b->instructions << 48 ^ (ULong)b->events << 56, RUN_BUCKETS);
}

static Bool is_run(const struct run *r, const struct block *b)
{
	if (r->addr != b->addr || r->instructions != b->instructions || r->events != b->events)
		return False;
	for (UInt i = 0; i <= r->events; i++)
		if (r->event[i].site != b->event[i].site || r->event[i].size != b->event[i].size ||
		    r->event[i].loads != b->event[i].loads || r->event[i].stores != b->event[i].stores)
			return False;
	return True;
}

/** The record of the run that was made; code that is translated again gets the same. */
static const struct run *keep_run(struct block *b)
{
	const ULong hash = hash_of(b);
	b->event[b->events] = (struct event){ .loads = (UShort)b->loads, .stores = (UShort)b->stores };
	for (const struct run *r = tool.run[hash]; r; r = r->next)
		if (is_run(r, b))
			return r;
	const SizeT events = sizeof(struct event) * (b->events + 1);
	struct run *r = VG_(calloc)("vmtlb.run", 1, sizeof(*r) + events);
	r->next = tool.run[hash];
	r->addr = b->addr;
	r->code = vm_tlbtrace_site(&tool.core, b->addr, true);
	r->instructions = b->instructions;
	r->events = b->events;
	VG_(memcpy)(r->event, b->event, events);
	tool.run[hash] = r;
	return r;
}

/** The run is complete: its first word is known now. */
static void end_run(struct block *b)
{
	if (!b->page)
		return;
	IRStmt *header = b->out->stmts[b->header];
	header->Ist.Store.data = word(RUN | (Addr)keep_run(b));
	b->page = 0;
}

static void begin_run(struct block *b, Addr addr)
{
	end_run(b);
	b->page = addr / VKI_PAGE_SIZE;
	b->addr = addr;
	b->instructions = b->events = b->loads = b->stores = 0;
	IRExpr *at = place_of_word(b, b->words++);
	b->header = (UInt)b->out->stmts_used;
	addStmtToIRSB(b->out, IRStmt_Store(Iend_LE, at, word(0)));
}

static void add_instruction(struct block *b, Addr addr, UInt length)
{
	const Addr last = addr + (length ? length : 1) - 1;
	if (!b->base)
		begin_block(b);
	b->ip = addr;
	if (addr / VKI_PAGE_SIZE != b->page)
		begin_run(b, addr);
	if (last / VKI_PAGE_SIZE != b->page)
		begin_run(b, last & ~(Addr)(VKI_PAGE_SIZE - 1));
	b->instructions++;
}

static void add_event(struct block *b, IRExpr *addr, UInt size, UInt loads, UInt stores)
{
	tl_assert(b->words < BLOCK_WORDS - 2);
	struct event *e = &b->event[b->events++];
	e->site = vm_tlbtrace_site(&tool.core, b->ip, false);
	e->size = (UShort)size;
	e->loads = (UShort)b->loads;
	e->stores = (UShort)b->stores;
	b->loads += loads;
	b->stores += stores;
	addStmtToIRSB(b->out, IRStmt_Store(Iend_LE, place_of_word(b, b->words++), addr));
}

/** An access to [addr, addr + size), done if `guard` is; NULL: always. */
static void add_access(struct block *b, IRExpr *addr, Int size, Bool load, Bool store, IRExpr *guard)
{
	IRExpr *end = NULL;
	if (size > WIDE)
		end = named(b, Ity_I64, IRExpr_Binop(Iop_Add64, addr, word((ULong)size - 1)));
	if (guard) {
		addr = named(b, Ity_I64, IRExpr_ITE(guard, addr, word(0)));
		end = end ? named(b, Ity_I64, IRExpr_ITE(guard, end, word(0))) : NULL;
	}
	if (load)
		add_event(b, addr, end ? 1 : (UInt)size, 1, 0);
	if (store)
		add_event(b, addr, end ? 1 : (UInt)size, 0, 1);
	if (end)
		add_event(b, end, 1, 0, 0);
}

static IRExpr *unless_always(IRExpr *guard)
{
	return guard->tag == Iex_Const && guard->Iex.Const.con->Ico.U1 ? NULL : guard;
}

static Int size_of(const struct block *b, IRExpr *e)
{
	return sizeofIRType(typeOfIRExpr(b->out->tyenv, e));
}

static void add_exit(struct block *b)
{
	addStmtToIRSB(b->out, IRStmt_Store(Iend_LE, place_of_word(b, b->words), word(LEFT | b->instructions)));
	write_next(b, b->words + 1);
}

static Int size_of_load(IRLoadGOp op)
{
	IRType result, loaded;
	typeOfIRLoadGOp(op, &result, &loaded);
	return sizeofIRType(loaded);
}

static void add_cas(struct block *b, const IRCAS *cas)
{
	const Int halves = cas->dataHi ? 2 : 1;
	add_access(b, cas->addr, halves * size_of(b, cas->dataLo), True, True, NULL);
}

/** Before the statement itself: what it accesses, and where it may leave. */
static void add_before(struct block *b, IRStmt *st)
{
	switch (st->tag) {
	case Ist_IMark:
		add_instruction(b, st->Ist.IMark.addr, st->Ist.IMark.len);
		break;
	case Ist_WrTmp:
		if (st->Ist.WrTmp.data->tag == Iex_Load)
			add_access(b, st->Ist.WrTmp.data->Iex.Load.addr, sizeofIRType(st->Ist.WrTmp.data->Iex.Load.ty), True, False, NULL);
		break;
	case Ist_Store:
		add_access(b, st->Ist.Store.addr, size_of(b, st->Ist.Store.data), False, True, NULL);
		break;
	case Ist_LoadG: {
		const IRLoadG *l = st->Ist.LoadG.details;
		add_access(b, l->addr, size_of_load(l->cvt), True, False, unless_always(l->guard));
		break;
	}
	case Ist_StoreG: {
		const IRStoreG *s = st->Ist.StoreG.details;
		add_access(b, s->addr, size_of(b, s->data), False, True, unless_always(s->guard));
		break;
	}
	case Ist_CAS:
		add_cas(b, st->Ist.CAS.details);
		break;
	case Ist_LLSC: {
		IRExpr *stored = st->Ist.LLSC.storedata;
		const Int size = stored ? size_of(b, stored) : sizeofIRType(typeOfIRTemp(b->out->tyenv, st->Ist.LLSC.result));
		add_access(b, st->Ist.LLSC.addr, size, !stored, stored != NULL, NULL);
		break;
	}
	case Ist_Dirty: {
		const IRDirty *d = st->Ist.Dirty.details;
		if (d->mFx != Ifx_None)
			add_access(b, d->mAddr, d->mSize, d->mFx != Ifx_Write, d->mFx != Ifx_Read, unless_always(d->guard));
		break;
	}
	case Ist_Exit:
		add_exit(b);
		break;
	default:
		break;
	}
}

static IRSB *instrument(VgCallbackClosure *closure, IRSB *in, const VexGuestLayout *layout, const VexGuestExtents *extents,
			const VexArchInfo *host, IRType guest_word, IRType host_word)
{
	struct block *b = VG_(malloc)("vmtlb.block", sizeof(*b));
	Int i = 0;
	tl_assert(guest_word == Ity_I64 && host_word == Ity_I64);
	b->out = deepCopyIRSBExceptStmts(in);
	b->base = NULL;
	b->words = 0;
	b->page = 0;
	/* What is before the first instruction isn't the program's. */
	for (; i < in->stmts_used && (!in->stmts[i] || in->stmts[i]->tag != Ist_IMark); i++)
		addStmtToIRSB(b->out, in->stmts[i]);
	for (; i < in->stmts_used; i++) {
		if (!in->stmts[i] || in->stmts[i]->tag == Ist_NoOp)
			continue;
		add_before(b, in->stmts[i]);
		addStmtToIRSB(b->out, in->stmts[i]);
	}
	if (b->base)
		write_next(b, b->words);
	end_run(b);
	IRSB *out = b->out;
	VG_(free)(b);
	return out;
}

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
	VG_(fmsg)("vmtlb: cannot write %s\n", tool.result);
	VG_(exit)(1);
}

static void write_result(void)
{
	HChar program[VKI_PATH_MAX];
	take_all();
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
	if (*t == tool.thread)
		return;
	if (tool.thread)
		take_all();
	tool.thread = *t;
}

static void on_thread_exit(ThreadId tid)
{
	if (!tool.threads[tid])
		return;
	if (tool.threads[tid] == tool.thread)
		take_all();
	vm_tlbtrace_thread_ended(tool.threads[tid]);
	tool.threads[tid] = NULL;
}

static void before_fork(ThreadId tid)
{
	take_all();
}

static void on_fork_child(ThreadId tid)
{
	for (UInt i = 0; i < VG_N_THREADS; i++)
		if (i != tid)
			tool.threads[i] = NULL;
	vm_tlbtrace_forked(&tool.core, tool.threads[tid]);
	tool.thread = tool.threads[tid];
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
		take_all();
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
	tool.next = tool.buffer;
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
	VG_(basic_tool_funcs)(post_clo_init, instrument, fini);
	VG_(needs_command_line_options)(process_option, print_usage, print_debug_usage);
	VG_(needs_syscall_wrapper)(pre_syscall, post_syscall);
	VG_(track_start_client_code)(on_start);
	VG_(track_pre_thread_ll_exit)(on_thread_exit);
}

VG_DETERMINE_INTERFACE_VERSION(pre_clo_init)
