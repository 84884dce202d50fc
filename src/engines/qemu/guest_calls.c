// SPDX-License-Identifier: GPL-2.0-or-later
#include "engines/qemu/guest.h"

#include <string.h>
#include <sys/mman.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

enum { CALLS_MAX = 14 };

/** Numbers of system calls on a family of machines; from the tables of the Linux kernel. */
struct vm_guest_numbers {
	const char *machines;      /* with a space before and behind each */
	struct { int16_t number, call; } v[CALLS_MAX];
};

static const struct vm_guest_numbers numbers[] = {
	{ " x86_64 ",
	  { { 9, VM_GUEST_MAP }, { 11, VM_GUEST_UNMAP }, { 25, VM_GUEST_MOVE }, { 12, VM_GUEST_BRK }, { 10, VM_GUEST_PROTECT },
	    { 28, VM_GUEST_ADVISE }, { 30, VM_GUEST_ATTACH }, { 67, VM_GUEST_DETACH }, { 59, VM_GUEST_EXEC },
	    { 322, VM_GUEST_EXEC } } },
	{ " i386 ",
	  { { 90, VM_GUEST_MAP_OLD }, { 192, VM_GUEST_MAP }, { 91, VM_GUEST_UNMAP }, { 163, VM_GUEST_MOVE }, { 45, VM_GUEST_BRK },
	    { 125, VM_GUEST_PROTECT }, { 219, VM_GUEST_ADVISE }, { 397, VM_GUEST_ATTACH }, { 398, VM_GUEST_DETACH },
	    { 11, VM_GUEST_EXEC }, { 358, VM_GUEST_EXEC } } },
	{ " arm armeb ",
	  { { 192, VM_GUEST_MAP }, { 91, VM_GUEST_UNMAP }, { 163, VM_GUEST_MOVE }, { 45, VM_GUEST_BRK }, { 125, VM_GUEST_PROTECT },
	    { 220, VM_GUEST_ADVISE }, { 305, VM_GUEST_ATTACH }, { 306, VM_GUEST_DETACH }, { 11, VM_GUEST_EXEC },
	    { 387, VM_GUEST_EXEC } } },
	/* The table that new machines share (asm-generic/unistd.h). */
	{ " aarch64 aarch64_be riscv64 riscv32 loongarch64 hexagon or1k ",
	  { { 222, VM_GUEST_MAP }, { 215, VM_GUEST_UNMAP }, { 216, VM_GUEST_MOVE }, { 214, VM_GUEST_BRK },
	    { 226, VM_GUEST_PROTECT }, { 233, VM_GUEST_ADVISE }, { 196, VM_GUEST_ATTACH }, { 197, VM_GUEST_DETACH },
	    { 221, VM_GUEST_EXEC }, { 281, VM_GUEST_EXEC } } },
	{ " ppc ppc64 ppc64le ",
	  { { 90, VM_GUEST_MAP }, { 192, VM_GUEST_MAP }, { 91, VM_GUEST_UNMAP }, { 163, VM_GUEST_MOVE }, { 45, VM_GUEST_BRK },
	    { 125, VM_GUEST_PROTECT }, { 205, VM_GUEST_ADVISE }, { 397, VM_GUEST_ATTACH }, { 398, VM_GUEST_DETACH },
	    { 11, VM_GUEST_EXEC }, { 362, VM_GUEST_EXEC } } },
	{ " s390x ",
	  { { 90, VM_GUEST_MAP_OLD }, { 91, VM_GUEST_UNMAP }, { 163, VM_GUEST_MOVE }, { 45, VM_GUEST_BRK },
	    { 125, VM_GUEST_PROTECT }, { 219, VM_GUEST_ADVISE }, { 397, VM_GUEST_ATTACH }, { 398, VM_GUEST_DETACH },
	    { 11, VM_GUEST_EXEC }, { 354, VM_GUEST_EXEC } } },
	{ " mips mipsel ",
	  { { 4090, VM_GUEST_MAP }, { 4210, VM_GUEST_MAP }, { 4091, VM_GUEST_UNMAP }, { 4167, VM_GUEST_MOVE },
	    { 4045, VM_GUEST_BRK }, { 4125, VM_GUEST_PROTECT }, { 4218, VM_GUEST_ADVISE }, { 4397, VM_GUEST_ATTACH },
	    { 4398, VM_GUEST_DETACH }, { 4011, VM_GUEST_EXEC }, { 4356, VM_GUEST_EXEC } } },
	{ " mips64 mips64el ",
	  { { 5009, VM_GUEST_MAP }, { 5011, VM_GUEST_UNMAP }, { 5024, VM_GUEST_MOVE }, { 5012, VM_GUEST_BRK },
	    { 5010, VM_GUEST_PROTECT }, { 5027, VM_GUEST_ADVISE }, { 5029, VM_GUEST_ATTACH }, { 5065, VM_GUEST_DETACH },
	    { 5057, VM_GUEST_EXEC }, { 5316, VM_GUEST_EXEC } } },
};

static const char narrow_machines[] = " i386 arm armeb riscv32 hexagon or1k ppc mips mipsel mipsn32 mipsn32el m68k sparc "
				      "sparc32plus hppa sh4 sh4eb xtensa xtensaeb microblaze microblazeel cris nios2 ";

static bool named_in(const char *list, const char *machine)
{
	const size_t n = strlen(machine);
	for (const char *at = list; (at = strstr(at, machine)); at++)
		if (at > list && at[-1] == ' ' && at[n] == ' ')
			return true;
	return false;
}

void vm_guest_init(struct vm_guest *g, const char *machine)
{
	*g = (struct vm_guest){ .stale = true, .scans = true, .narrow = named_in(narrow_machines, machine) };
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (named_in(numbers[i].machines, machine))
			g->numbers = &numbers[i];
}

enum vm_guest_call vm_guest_call(const struct vm_guest *g, int64_t number)
{
	for (size_t i = 0; g->numbers && i < CALLS_MAX && g->numbers->v[i].call; i++)
		if (g->numbers->v[i].number == number)
			return (enum vm_guest_call)g->numbers->v[i].call;
	return VM_GUEST_NOTHING;
}

/* ---- What calls change -------------------------------------------------------------------------------------------- */

static uint64_t page_up(uint64_t addr)
{
	return (addr + VM_TLBTRACE_PAGE - 1) & ~(uint64_t)(VM_TLBTRACE_PAGE - 1);
}

/** Numbers of linux/mman.h that unmap pages; other advice is about sizes, or changes nothing. */
static bool unmaps(int advice)
{
	enum { DONTNEED_LOCKED = 24 };
	return advice == MADV_DONTNEED || advice == MADV_FREE || advice == MADV_REMOVE || advice == MADV_PAGEOUT ||
	       advice == DONTNEED_LOCKED;
}

static unsigned advised(const struct vm_guest *g, const uint64_t arg[4], struct vm_guest_change *out)
{
	const int advice = (int)arg[2];
	const bool huge = advice == MADV_HUGEPAGE || advice == MADV_NOHUGEPAGE || advice == MADV_COLLAPSE;
	*out = (struct vm_guest_change){ arg[0], page_up(arg[0] + arg[1]), unmaps(advice) };
	/* That it can't be done is what the program would have seen. */
	if (huge)
		(void)madvise((void *)(uintptr_t)(arg[0] + g->base), arg[1], advice);
	return huge || out->gone;
}

/** The mapping of an address, as a change. */
static unsigned all_of(struct vm_guest *g, uint64_t addr, struct vm_guest_change *out)
{
	struct vm_tlbtrace_place p;
	if (!vm_guest_place(g, addr, &p))
		return 0;
	*out = (struct vm_guest_change){ p.start, p.end, true };
	return 1;
}

static unsigned broken_off(struct vm_guest *g, uint64_t end, struct vm_guest_change *out)
{
	const uint64_t before = g->heap_end ? g->heap_end : end;
	if (!g->heap_start)
		g->heap_start = end;
	g->heap_end = end;
	*out = (struct vm_guest_change){ page_up(end < before ? end : before), page_up(end < before ? before : end), end < before };
	return out->from < out->to;
}

unsigned vm_guest_changes(struct vm_guest *g, enum vm_guest_call call, const uint64_t arg[4], int64_t result,
			  struct vm_guest_change out[2])
{
	const uint64_t at = g->narrow ? (uint32_t)result : (uint64_t)result;
	if (result < 0 && result >= -4095)
		return 0;
	g->stale |= call != VM_GUEST_NOTHING && call != VM_GUEST_EXEC;
	switch (call) {
	case VM_GUEST_MAP:
		out[0] = (struct vm_guest_change){ at, page_up(at + arg[1]), true };
		return 1;
	case VM_GUEST_UNMAP:
		out[0] = (struct vm_guest_change){ arg[0], page_up(arg[0] + arg[1]), true };
		return 1;
	case VM_GUEST_MOVE:
		out[0] = (struct vm_guest_change){ arg[0], page_up(arg[0] + arg[1]), true };
		out[1] = (struct vm_guest_change){ at, page_up(at + arg[2]), true };
		return 2;
	case VM_GUEST_PROTECT:
		out[0] = (struct vm_guest_change){ arg[0], page_up(arg[0] + arg[1]), false };
		return 1;
	case VM_GUEST_BRK:
		return broken_off(g, at, out);
	case VM_GUEST_ADVISE:
		return advised(g, arg, out);
	case VM_GUEST_MAP_OLD:
	case VM_GUEST_ATTACH:
		return all_of(g, at, out);
	case VM_GUEST_DETACH:
		/* It is gone already, but what was read of mappings before still knows it. */
		g->stale = false;
		const unsigned n = all_of(g, arg[0], out);
		g->stale = true;
		return n;
	default:
		return 0;
	}
}
