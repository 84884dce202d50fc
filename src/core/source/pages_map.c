/** Pages from /proc/PID/pagemap: eight bytes a page, populated or not. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/model/aspace.h"
#include "core/model/pgtable.h"
#include "core/source/equals.h"
#include "core/source/kernel.h"
#include "core/source/pagemap.h"
#include "core/source/pages.h"
#include "core/source/session.h"
#include "core/source/uapi.h"

enum { BATCH = 512, PIECE = 32 * 1024, REGIONS = 512 };
/** So many runs of a piece are handed over before its other pages are counted, if that is all that is wanted. */
enum { RUNS_MOST = 64, KINDS = 64 };
/** Mappings from here on are looked through by PAGEMAP_SCAN first if most of the space is empty. */
#define SPARSE_FROM (UINT64_C(64) << 20)

#define BIT(n) (UINT64_C(1) << (n))
enum { TYPE_BITS = 5 };
/** What only the type of a slot tells from swap. */
#define NOT_SWAP (VM_PG(MIGRATION) | VM_PG(HWPOISON) | VM_PG(DEVICE) | VM_PG(MARKER))

struct scan {
	struct vm_session *s;
	const struct vm_pages_query *q;
	struct vm_pages_info *info;
	vm_pages_take *take;
	void *ctx;
	int fd;
	bool anonymous;            /* the mapping that is being read */
	bool sparse;               /* look for what is there first */
	bool soft_dirty;           /* the kernel keeps such bits */
	uint64_t zero_pfn;         /* 0: not known */
	bool mark_zeros;           /* frames are withheld: zero_pfn is a mark that PAGEMAP_SCAN's answer puts */
	uint64_t flags;            /* bits of entries that matter */
	uint64_t bytes;            /* read */
	bool frames_seen, present_seen, slots_withheld;
	size_t n;
	struct vm_page_run run[BATCH];
	uint64_t entry[PIECE];
};

static int flush(struct scan *s)
{
	size_t n = s->n;
	s->n = 0;
	return n ? s->take(s->ctx, s->run, n) : 0;
}

static int put(struct scan *s, const struct vm_page_run *r)
{
	struct vm_page_run *last = s->n ? &s->run[s->n - 1] : NULL;
	/* Goes on from the piece that was read before. */
	if (last && vm_page_run_follows(last, r, s->q->frames)) {
		last->end = r->end;
		return 0;
	}
	int e = s->n == BATCH ? flush(s) : 0;
	s->run[s->n++] = *r;
	return e;
}

/** What isn't swap, though the kernel says so: bit 62 is set for migration, hwpoison and markers too. */
static void tell_swap(struct scan *s, uint64_t e, struct vm_page_run *r)
{
	const uint64_t v = e & VM_PAGEMAP_PFN_MASK;
	const unsigned type = v & (BIT(TYPE_BITS) - 1);
	r->pfn = VM_PFN_NONE;
	if (r->state & VM_PG(GUARD)) {
		r->state &= ~VM_PG(SWAP);
		return;
	}
	r->swap_type = (uint8_t)type;
	r->swap_offset = v >> TYPE_BITS;
	if (type < VM_SWAP_AREAS_LEAST) {
		/* The first slot of an area is its header: slots are withheld as frames are, and types with them. */
		if (v == 0) {
			r->known &= ~NOT_SWAP;
			s->slots_withheld = true;
		}
		return;
	}
	const struct vm_swap_types *t = vm_kernel_swap_types(s->s);
	const enum vm_pte_kind kind = vm_swap_kind(t, type);
	if (kind == VM_PTE_SWAP)
		return;
	r->state &= ~VM_PG(SWAP);
	r->state |= kind == VM_PTE_DEVICE ? VM_PG(DEVICE) : kind == VM_PTE_MIGRATION ? VM_PG(MIGRATION)
		  : kind == VM_PTE_HWPOISON ? VM_PG(HWPOISON) : vm_marker_state(t, type, r->swap_offset);
}

static void tell(struct scan *s, uint64_t e, struct vm_page_run *r)
{
	uint64_t pfn = e & VM_PAGEMAP_PFN_MASK;
	r->state = vm_pagemap_state(e);
	r->known = VM_PAGEMAP_TELLS | NOT_SWAP;
	if (!s->soft_dirty)
		r->known &= ~VM_PG(SOFT_DIRTY);
	/* Of what isn't wanted a run has what its first entry happens to have. */
	r->known &= s->q->want | VM_PG_KIND;
	r->pfn = VM_PFN_NONE;
	if (r->state & VM_PG(SWAP)) {
		tell_swap(s, e, r);
	} else if (r->state & VM_PG(PRESENT)) {
		s->present_seen = true;
		s->frames_seen |= pfn != 0 && !s->mark_zeros;
		if (pfn && s->q->frames && !s->mark_zeros)
			r->pfn = pfn;
		if (s->zero_pfn && (pfn || s->mark_zeros)) {
			r->known |= VM_PG(ZERO);
			r->state |= pfn == s->zero_pfn ? VM_PG(ZERO) : 0;
		}
	} else if (r->state & VM_PG(UFFD_WP)) {
		/* Of hugetlb pages it doesn't count as swap. */
		r->state |= VM_PG(MARKER);
	}
}

/** Pages that are neither present nor anything else that counts. */
static bool is_nothing(uint64_t e)
{
	return !(e >> 57 & 1) && !(e >> 58 & 1) && !(e >> 62);
}

/** Might be the page of zeros: those look like any shared anonymous page but for their frame. */
static bool may_be_zero(const struct scan *s, uint64_t e)
{
	return s->zero_pfn && (s->q->want & VM_PG(ZERO)) && (e & (BIT(63) | BIT(61) | BIT(56))) == BIT(63);
}

/** Nothing but anonymous memory is in it: the kernel's own ([vdso], [uprobes]) have files' pages though no file. */
static bool is_anonymous(const struct vm_mapping *m)
{
	return m->inode == 0 && !m->shared && strncmp(m->name, "[v", 2) != 0 && strncmp(m->name, "[u", 2) != 0;
}

/** In such a mapping what seems to be of a file is the huge page of zeros, of which each is the same frames. */
static void tell_huge_zero(const struct scan *s, struct vm_page_run *r)
{
	enum { SHIFT = 21 };
	if (!s->anonymous || (r->state & (VM_PG(PRESENT) | VM_PG(FILE))) != (VM_PG(PRESENT) | VM_PG(FILE)))
		return;
	r->state ^= VM_PG(FILE) | VM_PG(ZERO);
	r->known |= s->q->want & VM_PG(ZERO);
	r->shift = SHIFT;
	if (r->pfn != VM_PFN_NONE)
		r->pfn -= r->start / 4096 % (1 << (SHIFT - 12));
}

static int put_entry(struct scan *s, uint64_t e, uint64_t start, uint64_t end)
{
	struct vm_page_run r = { .start = start, .end = end };
	tell(s, e, &r);
	tell_huge_zero(s, &r);
	return put(s, &r);
}

/** Present pages counted by kind, and the others handed over as runs. */
static int count_entries(struct scan *s, uint64_t at, size_t from, size_t n)
{
	/* The bits that matter, and below them whether it is the page of zeros: no key is 0. */
	struct { uint64_t key, entry, n; } slot[KINDS] = { 0 };
	const uint64_t zero_pfn = s->q->want & VM_PG(ZERO) ? s->zero_pfn : 0;
	int r = 0;
	for (size_t i = from; i < n && r == 0; i++) {
		const uint64_t e = s->entry[i];
		const uint64_t key = (e & s->flags) | (zero_pfn && (e & VM_PAGEMAP_PFN_MASK) == zero_pfn);
		const size_t at_slot = key * UINT64_C(0x9e3779b97f4a7c15) >> 58;
		if (slot[at_slot].key == key && slot[at_slot].n) {
			slot[at_slot].n++;
		} else if (e >> 63 && !slot[at_slot].n) {
			slot[at_slot].key = key;
			slot[at_slot].entry = e;
			slot[at_slot].n = 1;
		} else if (!is_nothing(e)) {
			r = put_entry(s, e, at + i * 4096, at + (i + 1) * 4096);
		}
	}
	/* Ascending: what was found before comes before. */
	r = r ? r : flush(s);
	for (unsigned i = 0; i < KINDS && r == 0; i++) {
		struct vm_page_run run = { .start = at + from * 4096, .end = at + n * 4096 };
		tell(s, slot[i].entry, &run);
		tell_huge_zero(s, &run);
		if (slot[i].n)
			r = s->q->count(s->ctx, &run, slot[i].n);
	}
	return r;
}

/** End of the entries from `from` on that go on like `e`, which isn't present. */
static size_t end_of_swap(const struct scan *s, uint64_t e, size_t from, size_t n)
{
	const uint64_t kind = s->flags | BIT(57) | (BIT(TYPE_BITS) - 1);
	/* What isn't swap is told by all of the entry. */
	if ((e & (BIT(TYPE_BITS) - 1)) >= VM_SWAP_AREAS_LEAST)
		return s->q->frames ? from : vm_end_of_equals(s->entry, from, n, e, 0, kind | VM_PAGEMAP_PFN_MASK);
	/* Slots follow each other from the sixth bit on. */
	const uint64_t step = s->q->frames && (e & VM_PAGEMAP_PFN_MASK) ? BIT(TYPE_BITS) : 0;
	return vm_end_of_equals(s->entry, from, n, e + step, step, kind | (step ? VM_PAGEMAP_PFN_MASK : 0));
}

static int put_entries(struct scan *s, uint64_t at, size_t n)
{
	const uint64_t mask = s->flags | (s->q->frames ? VM_PAGEMAP_PFN_MASK : 0);
	size_t left = s->q->count && !s->q->frames ? RUNS_MOST : n + 1;
	for (size_t i = 0; i < n; left--) {
		const uint64_t e = s->entry[i];
		size_t j = i + 1;
		if (!left)
			return count_entries(s, at, i, n);
		if (is_nothing(e)) {
			i = vm_end_of_equals(s->entry, j, n, e, 0, UINT64_MAX);
			continue;
		}
		if (!(e >> 63)) {
			j = end_of_swap(s, e, j, n);
		} else if (may_be_zero(s, e)) {
			bool zero = (e & VM_PAGEMAP_PFN_MASK) == s->zero_pfn;
			while (j < n && ((s->entry[j] ^ e) & s->flags) == 0 &&
			       ((s->entry[j] & VM_PAGEMAP_PFN_MASK) == s->zero_pfn) == zero &&
			       (zero || !s->q->frames || s->entry[j] == s->entry[j - 1] + 1))
				j++;
		} else {
			uint64_t step = s->q->frames && (e & VM_PAGEMAP_PFN_MASK) ? 1 : 0;
			j = vm_end_of_equals(s->entry, j, n, e + step, step, mask);
		}
		int err = put_entry(s, e, at + i * 4096, at + j * 4096);
		if (err)
			return err;
		i = j;
	}
	return 0;
}

/** What is left of the entries are frames. */
static int list_frames(struct scan *s, size_t n)
{
	uint64_t present = 0, frames = 0;
	for (size_t i = 0; i < n; i++) {
		const uint64_t e = s->entry[i], pfn = e >> 63 ? e & VM_PAGEMAP_PFN_MASK : 0;
		/* Of no file, but said to be of one: the huge page of zeros. */
		const bool nobodys = pfn == s->zero_pfn || (s->anonymous && e >> 61 & 1);
		present |= e;
		frames |= pfn;
		s->entry[i] = nobodys ? 0 : pfn;
	}
	s->present_seen |= present >> 63;
	s->frames_seen |= frames != 0;
	return s->q->list(s->ctx, s->entry, n);
}

enum { ZERO_MARK = 1 };

/** Frames are withheld from us: which of the `n` pages from `at` on are the page of zeros, PAGEMAP_SCAN tells too. */
static void put_marks(struct scan *s, uint64_t at, size_t n)
{
	const uint64_t end = at + n * 4096;
	struct vm_page_region region[REGIONS];
	uint64_t some = 0;
	/* The page of zeros is nobody's and of no file. */
	for (size_t i = 0; i < n; i++)
		some |= s->entry[i] & BIT(63) & ~(s->entry[i] << 2 | s->entry[i] << 7);
	for (uint64_t from = at; some && from < end;) {
		struct vm_pm_scan arg = {
			.size = sizeof(arg), .start = from, .end = end, .vec = (uint64_t)(uintptr_t)region, .vec_len = REGIONS,
			.category_mask = VM_PAGE_IS_PFNZERO, .return_mask = VM_PAGE_IS_PFNZERO,
		};
		int got = ioctl(s->fd, VM_PAGEMAP_SCAN, &arg);
		if (got < 0 && errno == EINTR)
			continue;
		for (int k = 0; k < got; k++)
			for (uint64_t a = region[k].start; a < region[k].end; a += 4096)
				if (s->entry[(a - at) / 4096] >> 63)
					s->entry[(a - at) / 4096] |= ZERO_MARK;
		if (got < 0 || arg.walk_end <= from)
			return;
		from = arg.walk_end;
	}
}

/** 0, take()'s value, or a negative errno; the process may end at any time. */
static int read_range(struct scan *s, uint64_t from, uint64_t to)
{
	while (from < to) {
		size_t want = (to - from) / 4096 < PIECE ? (size_t)((to - from) / 4096) : PIECE;
		ssize_t got = pread(s->fd, s->entry, want * 8, (off_t)(from / 4096 * 8));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		size_t n = (size_t)got / 8;
		/* Nothing more: the address space is gone (or the file of a capture ends). */
		if (n == 0) {
			s->info->partial |= s->s->live;
			return 0;
		}
		s->bytes += n * 8;
		if (s->mark_zeros)
			put_marks(s, from, n);
		int r = s->q->list && s->q->frames ? list_frames(s, n) : put_entries(s, from, n);
		if (r)
			return r;
		from += n * 4096;
	}
	return 0;
}

/** Only what PAGEMAP_SCAN finds populated. */
static int read_populated(struct scan *s, uint64_t from, uint64_t to)
{
	struct vm_page_region region[REGIONS];
	while (from < to) {
		struct vm_pm_scan arg = {
			.size = sizeof(arg), .start = from, .end = to, .vec = (uint64_t)(uintptr_t)region, .vec_len = REGIONS,
			.category_anyof_mask = VM_PAGE_IS_PRESENT | VM_PAGE_IS_SWAPPED, .return_mask = VM_PAGE_IS_PRESENT,
		};
		int n = ioctl(s->fd, VM_PAGEMAP_SCAN, &arg);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return read_range(s, from, to);
		for (int i = 0; i < n; i++) {
			int r = read_range(s, region[i].start, region[i].end);
			if (r)
				return r;
		}
		if (arg.walk_end <= from)
			break;
		from = arg.walk_end;
	}
	return 0;
}

static int read_mappings(struct scan *s)
{
	const struct vm_aspace *as = s->q->as;
	const uint64_t to = s->q->to ? s->q->to : UINT64_MAX;
	for (size_t i = 0; i < as->nmaps; i++) {
		const struct vm_mapping *m = &as->map[i];
		uint64_t a = m->start > s->q->from ? m->start : s->q->from, b = m->end < to ? m->end : to;
		/* The gate page lies beyond what pagemap covers. */
		if (a >= b || a >> 63)
			continue;
		s->anonymous = is_anonymous(m);
		int r = s->sparse && b - a >= SPARSE_FROM ? read_populated(s, a, b) : read_range(s, a, b);
		if (r)
			return r;
		/* So that no run crosses a border. */
		r = flush(s);
		if (r)
			return r;
	}
	return 0;
}

/** Much is mapped of which little is in memory. */
static bool is_sparse(const struct vm_aspace *as)
{
	const struct vm_proc *p = &as->proc;
	return vm_proc_has(p, VM_P_VSZ) && vm_proc_has(p, VM_P_RSS) && p->q[VM_P_VSZ] / 4 > p->q[VM_P_RSS];
}

/** A page of ours that was only read. */
static uint64_t find_zero_pfn(struct vm_session *s)
{
	uint64_t entry = 0;
	vm_auto_close int fd = s->live ? vm_session_open_file(s, 0, "proc/self/pagemap") : -1;
	volatile char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return 0;
	(void)*page;
	if (fd < 0 || pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)page / 4096 * 8)) != sizeof(entry))
		entry = 0;
	munmap((void *)(uintptr_t)page, 4096);
	return entry >> 63 ? entry & VM_PAGEMAP_PFN_MASK : 0;
}

static uint64_t flags_of(uint32_t want)
{
	static const struct { uint32_t state; unsigned bit; } bits[] = {
		{ VM_PG(FILE), 61 }, { VM_PG(UFFD_WP), 57 }, { VM_PG(EXCLUSIVE), 56 },
		{ VM_PG(SOFT_DIRTY), 55 },
	};
	uint64_t flags = BIT(63) | BIT(62) | BIT(58);
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (want & bits[i].state)
			flags |= BIT(bits[i].bit);
	return flags;
}

static void learn_kernel(struct scan *s)
{
	s->zero_pfn = s->q->want & VM_PG(ZERO) ? find_zero_pfn(s->s) : 0;
	struct vm_pm_scan none = { .size = sizeof(none), .return_mask = VM_PAGE_IS_PFNZERO };
	if ((s->q->want & VM_PG(ZERO)) && !s->zero_pfn && s->s->live && ioctl(s->fd, VM_PAGEMAP_SCAN, &none) >= 0) {
		s->mark_zeros = true;
		s->zero_pfn = ZERO_MARK;
	}
	s->soft_dirty = !(s->q->want & VM_PG(SOFT_DIRTY)) || !s->s->live || vm_pagemap_has_soft_dirty(s->s);
}

static int scan_pagemap(struct vm_session *session, pid_t pid, const struct vm_pages_query *q, vm_pages_take *take,
			void *ctx, struct vm_pages_info *info, struct vm_err *err)
{
	if (!q->as)
		return vm_fail(err, EINVAL, "pagemap needs to be told what is mapped");
	vm_auto_close int fd = vm_session_open_file(session, 0, "proc/%d/pagemap", pid);
	if (fd == -ENOENT && !session->live)
		return vm_fail(err, ENOENT, "the pages (pagemap) of process %d are %s", pid, vm_session_lacks(session));
	if (fd < 0)
		return vm_fail_os(err, -fd, "cannot open /proc/%d/pagemap", pid);
	struct scan *s = calloc(1, sizeof(*s));
	if (!s)
		return vm_fail(err, ENOMEM, "out of memory");
	s->s = session;
	s->q = q;
	s->info = info;
	s->take = take;
	s->ctx = ctx;
	s->fd = fd;
	s->sparse = session->live && is_sparse(q->as);
	s->flags = flags_of(q->want);
	learn_kernel(s);
	info->holds_lock = true;
	int r = read_mappings(s);
	if (r == 0)
		r = flush(s);
	info->frames_withheld = (s->present_seen && !s->frames_seen) || s->slots_withheld;
	info->unknown = q->want & ((s->soft_dirty ? 0 : VM_PG(SOFT_DIRTY)) | (s->zero_pfn ? 0 : VM_PG(ZERO)) |
				  (s->slots_withheld ? NOT_SWAP : 0));
	bool nothing = s->bytes == 0 && session->live;
	free(s);
	if (r == 0 && nothing && info->partial)
		return vm_fail(err, ESRCH, "process %d has no address space", pid);
	return r < 0 ? vm_fail_os(err, -r, "cannot read /proc/%d/pagemap", pid) : r;
}

const struct vm_pages_backend vm_pages_by_pagemap = {
	.via = VM_VIA_PAGEMAP,
	.tells = VM_PAGEMAP_TELLS | VM_PG(ZERO) | NOT_SWAP,
	.tells_frames = true, .scan = scan_pagemap,
};
