#include "core/analysis/whynot.h"

const char *const vm_why_names[VM_WHY_NR] = {
	[VM_WHY_NO_THP] = "no-thp", [VM_WHY_SPECIAL] = "special", [VM_WHY_REFUSED] = "refused", [VM_WHY_DISABLED] = "disabled",
	[VM_WHY_SMALL] = "small", [VM_WHY_EDGE] = "edge", [VM_WHY_OFFSET] = "offset", [VM_WHY_NEVER] = "never",
	[VM_WHY_UNASKED] = "unasked", [VM_WHY_SHMEM_DENY] = "shmem-deny", [VM_WHY_SHMEM_NEVER] = "shmem-never",
	[VM_WHY_SHMEM_UNASKED] = "shmem-unasked", [VM_WHY_TMPFS_NEVER] = "tmpfs-never", [VM_WHY_TMPFS_UNASKED] = "tmpfs-unasked",
	[VM_WHY_FILE] = "file", [VM_WHY_COPY] = "copy", [VM_WHY_UNKNOWN] = "unknown", [VM_WHY_GUARD] = "guard", [VM_WHY_PROTECTED] = "protected",
	[VM_WHY_UFFD_HOLES] = "userfault", [VM_WHY_READONLY] = "readonly", [VM_WHY_HOLES] = "holes", [VM_WHY_SWAPPED] = "swapped", [VM_WHY_SHARED] = "shared",
	[VM_WHY_SPLIT] = "split", [VM_WHY_WAIT] = "wait",
};

const char *const vm_do_names[VM_DO_NR] = {
	[VM_DO_PRCTL] = "prctl", [VM_DO_ENABLE] = "enable", [VM_DO_SHMEM] = "shmem", [VM_DO_REMOUNT] = "remount", [VM_DO_SMALLER] = "smaller",
	[VM_DO_ADVISE] = "advise", [VM_DO_COLLAPSE] = "collapse", [VM_DO_MAX_NONE] = "max-none", [VM_DO_MAX_SWAP] = "max-swap",
	[VM_DO_MAX_SHARED] = "max-shared", [VM_DO_ALIGN] = "align", [VM_DO_REREAD] = "reread",
};

/** What fits nearly everywhere, and is large enough to matter. */
#define SMALLER UINT64_C(65536)

struct vm_whynot_machine vm_whynot_machine_of(const struct vm_hugesys *h, uint64_t page_bytes, enum vm_tri collapse)
{
	return (struct vm_whynot_machine){
		.page_bytes = page_bytes, .range_bytes = h->pmd_bytes, .anon = vm_hugesys_anon(h, h->pmd_bytes),
		.shmem = vm_hugesys_shmem(h, h->pmd_bytes), .shmem_all = h->shmem, .max_none = h->khugepaged.max_none,
		.small_bytes = h->pmd_bytes > SMALLER && vm_hugesys_size(h, SMALLER) ? SMALLER : 0, .small = vm_hugesys_anon(h, SMALLER),
		.max_swap = h->khugepaged.max_swap, .max_shared = h->khugepaged.max_shared, .collapse = collapse,
	};
}

/** Nothing that anybody could do at run time makes these huge. */
#define HOPELESS \
	(VM_WHY(NO_THP) | VM_WHY(SPECIAL) | VM_WHY(SMALL) | VM_WHY(EDGE) | VM_WHY(OFFSET) | VM_WHY(COPY) | VM_WHY(GUARD) | \
	 VM_WHY(PROTECTED) | VM_WHY(UFFD_HOLES) | VM_WHY(READONLY))

/** MADV_COLLAPSE looks at none of these (madvise_collapse(), TVA_FORCED_COLLAPSE). */
#define COLLAPSE_IGNORES \
	(VM_WHY(NEVER) | VM_WHY(UNASKED) | VM_WHY(SHMEM_NEVER) | VM_WHY(SHMEM_UNASKED) | VM_WHY(TMPFS_NEVER) | \
	 VM_WHY(TMPFS_UNASKED) | VM_WHY(HOLES) | VM_WHY(SWAPPED) | VM_WHY(SHARED) | VM_WHY(SPLIT) | VM_WHY(WAIT) | VM_WHY(UNKNOWN))

static bool is_shmem(enum vm_huge_backing b)
{
	return b == VM_HUGE_B_SHMEM || b == VM_HUGE_B_TMPFS;
}

/* ---- Policies ----------------------------------------------------------------------------------------------------- */

static uint32_t anon_policy(const struct vm_whynot_machine *w, const struct vm_whynot_mapping *m)
{
	if (w->anon == VM_HUGE_NEVER)
		return VM_WHY(NEVER);
	if (!vm_huge_word(w->anon))
		return VM_WHY(UNKNOWN);
	/* Who takes a refusal back asks at the same time. */
	if (m->refused)
		return 0;
	if (w->anon == VM_HUGE_MADVISE && !m->flags_known)
		return VM_WHY(UNKNOWN);
	return w->anon == VM_HUGE_MADVISE && !m->asked ? VM_WHY(UNASKED) : 0;
}

static uint32_t shmem_policy(const struct vm_whynot_machine *w, const struct vm_whynot_mapping *m)
{
	const bool tmpfs = m->backing == VM_HUGE_B_TMPFS;
	const enum vm_huge_word word = tmpfs ? m->mount : w->shmem;
	if (w->shmem_all == VM_HUGE_DENY)
		return VM_WHY(SHMEM_DENY);
	if (tmpfs && w->shmem_all == VM_HUGE_FORCE)
		return 0;
	if (word == VM_HUGE_NEVER)
		return tmpfs ? VM_WHY(TMPFS_NEVER) : VM_WHY(SHMEM_NEVER);
	if (!vm_huge_word(word) || (word == VM_HUGE_ADVISE && !m->flags_known))
		return VM_WHY(UNKNOWN);
	if (word == VM_HUGE_ADVISE && !m->asked && !m->refused)
		return tmpfs ? VM_WHY(TMPFS_UNASKED) : VM_WHY(SHMEM_UNASKED);
	return 0;
}

uint32_t vm_whynot_mapping(const struct vm_whynot_machine *w, const struct vm_whynot_mapping *m)
{
	uint32_t why = 0;
	if (!w->range_bytes)
		return VM_WHY(NO_THP);
	if (m->backing == VM_HUGE_B_SPECIAL)
		return VM_WHY(SPECIAL);
	if (m->backing == VM_HUGE_B_HUGETLB)
		return 0;
	if (m->refused)
		why |= VM_WHY(REFUSED);
	if (m->disabled)
		why |= VM_WHY(DISABLED);
	if (m->backing != VM_HUGE_B_ANON && (m->start - m->offset) % w->range_bytes)
		why |= VM_WHY(OFFSET);
	if (m->backing == VM_HUGE_B_ANON)
		why |= anon_policy(w, m);
	else if (is_shmem(m->backing))
		why |= shmem_policy(w, m);
	else if (m->eligible != VM_TRI_YES)
		why |= VM_WHY(FILE);
	return why;
}

/* ---- What to do --------------------------------------------------------------------------------------------------- */

/** For MADV_COLLAPSE: what must come first. */
static uint32_t what_now(const struct vm_whynot_machine *w, uint32_t why)
{
	uint32_t now = VM_DO(COLLAPSE);
	if (w->collapse == VM_TRI_NO || (why & (HOPELESS | VM_WHY(FILE))))
		return 0;
	if (why & VM_WHY(DISABLED))
		now |= VM_DO(PRCTL);
	/* It refuses what MADV_NOHUGEPAGE was called for, and shared memory that is denied. */
	if (why & VM_WHY(REFUSED))
		now |= VM_DO(ADVISE);
	if (why & VM_WHY(SHMEM_DENY))
		now |= VM_DO(SHMEM);
	return now;
}

/** For khugepaged and new memory. */
static uint32_t what_later(uint32_t why, const struct vm_whynot_mapping *m)
{
	static const struct { uint32_t why, what; } rule[] = {
		{ VM_WHY(DISABLED), VM_DO(PRCTL) }, { VM_WHY(REFUSED), VM_DO(ADVISE) },
		{ VM_WHY(NEVER), VM_DO(ENABLE) | VM_DO(ADVISE) }, { VM_WHY(UNASKED), VM_DO(ADVISE) },
		{ VM_WHY(SHMEM_DENY), VM_DO(SHMEM) | VM_DO(ADVISE) }, { VM_WHY(SHMEM_NEVER), VM_DO(SHMEM) | VM_DO(ADVISE) },
		{ VM_WHY(SHMEM_UNASKED), VM_DO(ADVISE) }, { VM_WHY(TMPFS_NEVER), VM_DO(REMOUNT) | VM_DO(ADVISE) },
		{ VM_WHY(TMPFS_UNASKED), VM_DO(ADVISE) }, { VM_WHY(HOLES), VM_DO(MAX_NONE) }, { VM_WHY(SWAPPED), VM_DO(MAX_SWAP) },
		{ VM_WHY(SHARED), VM_DO(MAX_SHARED) },
	};
	uint32_t later = 0;
	if (why & HOPELESS)
		return 0;
	if (why & VM_WHY(FILE))
		return m->large_folios == VM_TRI_YES ? VM_DO(REREAD) | (why & VM_WHY(DISABLED) ? VM_DO(PRCTL) : 0) : 0;
	for (unsigned i = 0; i < sizeof(rule) / sizeof(rule[0]); i++)
		later |= why & rule[i].why ? rule[i].what : 0;
	return later;
}

/* ---- Ranges ------------------------------------------------------------------------------------------------------- */

static bool exceeds(unsigned n, uint64_t limit)
{
	return limit != VM_HUGE_UNKNOWN && n > limit;
}

bool vm_whynot_readonly(const struct vm_whynot_mapping *m, const struct vm_huge_range *r, const struct vm_huge_read *known)
{
	if (m->backing != VM_HUGE_B_ANON || !m->writable)
		return m->backing == VM_HUGE_B_ANON;
	/* Who shares a page of private memory copies it first: its entry can't be written. */
	return known->writes_known ? !(r->flags & VM_HUGE_R_WRITABLE) : known->shared_known && r->present && r->shared >= r->present;
}

static uint32_t limits(const struct vm_whynot_machine *w, const struct vm_whynot_mapping *m, const struct vm_huge_range *r,
		       const struct vm_huge_read *known)
{
	const unsigned full = (unsigned)(w->range_bytes / w->page_bytes), there = (unsigned)r->present + r->swapped;
	const unsigned holes = there < full ? full - there : 0;
	uint32_t why = 0;
	/* Of a file it is the page cache that counts, whatever of it this process has touched. */
	if (m->backing == VM_HUGE_B_ANON) {
		why |= m->userfault && holes ? VM_WHY(UFFD_HOLES) : exceeds(holes, w->max_none) ? VM_WHY(HOLES) : 0;
		why |= w->wants_writable == VM_TRI_YES && vm_whynot_readonly(m, r, known) ? VM_WHY(READONLY) : 0;
		why |= exceeds(r->swapped, w->max_swap) ? VM_WHY(SWAPPED) : 0;
		why |= known->shared_known && exceeds(r->shared, w->max_shared) ? VM_WHY(SHARED) : 0;
	}
	return why | (r->flags & VM_HUGE_R_GUARD ? VM_WHY(GUARD) : 0) | (r->flags & VM_HUGE_R_WP ? VM_WHY(PROTECTED) : 0) |
	       (r->flags & VM_HUGE_R_WHOLE ? VM_WHY(SPLIT) : 0);
}

struct vm_whynot vm_whynot_range(const struct vm_whynot_machine *w, const struct vm_whynot_mapping *m, uint32_t of_mapping,
				 const struct vm_huge_range *r, const struct vm_huge_read *known)
{
	const unsigned full = (unsigned)(w->range_bytes / w->page_bytes);
	struct vm_whynot out = { 0 };
	if ((r->flags & VM_HUGE_R_HUGE) || !r->present)
		return out;
	out.why = of_mapping | limits(w, m, r, known);
	if (m->backing != VM_HUGE_B_ANON && r->anon)
		out.why = (out.why | VM_WHY(COPY)) & ~(VM_WHY(FILE) | COLLAPSE_IGNORES);
	if (!(out.why & ~VM_WHY(SPLIT)))
		out.why |= VM_WHY(WAIT);
	out.now = what_now(w, out.why);
	out.later = what_later(out.why, m);
	/* The limit itself goes no further than one less than all (max_ptes_shared_store() in mm/khugepaged.c). */
	if ((out.why & VM_WHY(SHARED)) && r->shared >= full)
		out.later = 0;
	if (out.now || out.later || (out.why & VM_WHY(WAIT))) {
		out.could_bytes = r->present * w->page_bytes;
		out.costs_bytes = m->backing == VM_HUGE_B_ANON && r->present < full ? (full - r->present) * w->page_bytes : 0;
	}
	return out;
}

/** How much more of it whole ranges would hold, were the mapping to begin at one. */
static uint64_t by_aligning(const struct vm_whynot_machine *w, const struct vm_whynot_mapping *m)
{
	uint64_t from, to;
	vm_huge_whole(m->start, m->end, w->range_bytes, &from, &to);
	return (m->end - m->start) / w->range_bytes * w->range_bytes - (to - from);
}

/** Smaller pages would fit: for memory that is touched from then on. */
static uint32_t by_smaller(const struct vm_whynot_machine *w, const struct vm_whynot_mapping *m)
{
	uint64_t from, to;
	if (!w->small_bytes || m->backing != VM_HUGE_B_ANON || !m->flags_known || m->refused || m->disabled || m->stack)
		return 0;
	vm_huge_whole(m->start, m->end, w->small_bytes, &from, &to);
	if (from == to)
		return 0;
	return w->small == VM_HUGE_NEVER ? VM_DO(SMALLER) | (m->asked ? 0 : VM_DO(ADVISE))
	     : w->small == VM_HUGE_MADVISE && !m->asked ? VM_DO(ADVISE) : 0;
}

struct vm_whynot vm_whynot_edges(const struct vm_whynot_machine *w, const struct vm_whynot_mapping *m, uint32_t of_mapping,
				 uint64_t edges)
{
	const uint32_t first = VM_WHY(NO_THP) | VM_WHY(SPECIAL);
	struct vm_whynot out = { 0 };
	if (!edges)
		return out;
	if (of_mapping & first) {
		out.why = of_mapping & first;
		return out;
	}
	const bool small = m->end - m->start < w->range_bytes;
	out.why = small ? VM_WHY(SMALL) : VM_WHY(EDGE);
	/* Where mappings of files begin, the loader decides, and what they lack first is a page cache of huge pages. */
	if (!small && m->backing == VM_HUGE_B_ANON && by_aligning(w, m)) {
		const uint64_t more = by_aligning(w, m);
		out.later = VM_DO(ALIGN) | what_later(of_mapping, m);
		out.could_bytes = edges < more ? edges : more;
	} else {
		out.later = by_smaller(w, m);
	}
	return out;
}

struct vm_whynot vm_whynot_whole(const struct vm_whynot_machine *w, const struct vm_whynot_mapping *m, uint32_t of_mapping,
				 uint64_t bytes)
{
	uint64_t from, to;
	struct vm_whynot out = { 0 };
	if (!bytes || m->backing == VM_HUGE_B_HUGETLB)
		return out;
	vm_huge_whole(m->start, m->end, w->range_bytes ? w->range_bytes : w->page_bytes, &from, &to);
	if (from == to)
		return vm_whynot_edges(w, m, of_mapping, bytes);
	out.why = of_mapping ? of_mapping : VM_WHY(UNKNOWN);
	out.now = what_now(w, out.why);
	out.later = what_later(out.why, m);
	return out;
}
