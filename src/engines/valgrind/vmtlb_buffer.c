// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * The buffer, and the code that writes it.  A word is
 *	RUN | pointer        a stretch of instructions of one page begins (struct run)
 *	an address           its next access; 0: one that was conditional, and wasn't done
 *	LEFT | instructions  it was left before its end, after so many instructions
 * and what was written behind the last exit that was passed doesn't count, as of blocks that a fault cut short.
 */

#include "engines/valgrind/vmtlb_buffer.h"

#include "pub_tool_libcassert.h"
#include "pub_tool_libcbase.h"
#include "pub_tool_machine.h"
#include "pub_tool_mallocfree.h"
#include "pub_tool_vki.h"

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

/** Translated code and what it calls know no other place. */
static struct {
	UWord *next;               /* where the next block writes */
	UWord word[BUFFER_WORDS + 1];
	struct vm_tlbtrace *core;
	struct vm_tlbtrace_thread *thread;   /* whose accesses are in it; NULL: none ran yet */
	struct run *run[RUN_BUCKETS];
} buffer;

/* ---- The buffer --------------------------------------------------------------------------------------------------- */

/** One that may miss, or wasn't done, or crosses pages. */
static __attribute__((noinline)) void take_access(const struct event *e, Addr addr)
{
	struct vm_tlbtrace_thread *const t = buffer.thread;
	if (addr) {
		vm_tlbtrace_data(buffer.core, t, e->site, addr, e->size);
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

void vmtlb_buffer_take(void)
{
	struct vm_tlbtrace_thread *const t = buffer.thread;
	ULong instructions = 0, loads = 0, stores = 0;
	if (!t)
		return;
	*buffer.next = RUN;
	for (const UWord *at = buffer.word; *at != RUN;) {
		const struct run *run = (const struct run *)(*at & ~LEFT);
		const UWord *const first = at + 1;
		vm_tlbtrace_fetch(buffer.core, t, run->code, run->addr);
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
	buffer.next = buffer.word;
}

void vmtlb_buffer_open(struct vm_tlbtrace *core)
{
	buffer.core = core;
	buffer.next = buffer.word;
}

void vmtlb_buffer_switch(struct vm_tlbtrace_thread *t)
{
	if (t == buffer.thread)
		return;
	vmtlb_buffer_take();
	buffer.thread = t;
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
	addStmtToIRSB(b->out, IRStmt_Store(Iend_LE, word((Addr)&buffer.next), place_of_word(b, words)));
}

/** Empty the buffer if a block may not fit, and load where to write. */
static void begin_block(struct block *b)
{
	IRExpr *next = word((Addr)&buffer.next);
	IRExpr *now = named(b, Ity_I64, IRExpr_Load(Iend_LE, Ity_I64, next));
	IRExpr *full = named(b, Ity_I1, IRExpr_Binop(Iop_CmpLT64U, word((Addr)(buffer.word + BUFFER_WORDS - BLOCK_WORDS)), now));
	IRDirty *empty = unsafeIRDirty_0_N(0, "vmtlb_buffer_take", VG_(fnptr_to_fnentry)(vmtlb_buffer_take), mkIRExprVec_0());
	empty->guard = full;
	empty->mFx = Ifx_Modify;
	empty->mAddr = next;
	empty->mSize = sizeof(buffer.next);
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
	for (const struct run *r = buffer.run[hash]; r; r = r->next)
		if (is_run(r, b))
			return r;
	const SizeT events = sizeof(struct event) * (b->events + 1);
	struct run *r = VG_(calloc)("vmtlb.run", 1, sizeof(*r) + events);
	r->next = buffer.run[hash];
	r->addr = b->addr;
	r->code = vm_tlbtrace_site(buffer.core, b->addr, true);
	r->instructions = b->instructions;
	r->events = b->events;
	VG_(memcpy)(r->event, b->event, events);
	buffer.run[hash] = r;
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
	e->site = vm_tlbtrace_site(buffer.core, b->ip, false);
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

IRSB *vmtlb_instrument(VgCallbackClosure *closure, IRSB *in, const VexGuestLayout *layout, const VexGuestExtents *extents,
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
