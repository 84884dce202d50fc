#include "core/model/share.h"

#include <string.h>
#include <sys/mman.h>

#include "core/model/aspace.h"
#include "core/model/kind.h"
#include "core/model/page.h"
#include "core/model/pageflags.h"

const char *const vm_share_kinds[VM_SK_NR] = { "anon", "ksm", "shmem", "file", "hugetlb" };

const struct vm_share_class vm_share_classes[VM_SHARE_CLASSES] = {
	{ 0, 0 }, { 1, 1 }, { 2, 2 }, { 3, 3 }, { 4, 4 }, { 5, 8 }, { 9, 16 }, { 17, 32 }, { 33, 64 }, { 65, 128 }, { 129, 256 },
	{ 257, UINT64_MAX },
};

unsigned vm_share_class_of(uint64_t count)
{
	unsigned c = 0;
	while (count > vm_share_classes[c].most)
		c++;
	return c;
}

enum vm_share_kind vm_share_kind(uint64_t flags)
{
	/* Merged pages are anonymous too; anonymous ones that may be dropped (MADV_FREE) aren't backed by swap. */
	return flags & VM_KPF(HUGE) ? VM_SK_HUGETLB : flags & VM_KPF(KSM) ? VM_SK_KSM : flags & VM_KPF(ANON) ? VM_SK_ANON :
	       flags & VM_KPF(SWAPBACKED) ? VM_SK_SHMEM : VM_SK_FILE;
}

enum vm_share_kind vm_share_piece_kind(const struct vm_share_piece *p)
{
	if (p->counted)
		return vm_share_kind(p->flags);
	if (p->m->kind == VM_KIND_HUGETLB)
		return VM_SK_HUGETLB;
	if (p->known & VM_PG(FILE) ? !(p->state & VM_PG(FILE)) : !p->m->inode && !p->m->shared)
		return VM_SK_ANON;
	return p->m->kind == VM_KIND_SHMEM || p->m->kind == VM_KIND_SYSV || p->m->kind == VM_KIND_MEMFD ? VM_SK_SHMEM : VM_SK_FILE;
}

int vm_share_piece_shared(const struct vm_share_piece *p)
{
	if (p->counted)
		return p->count > 1;
	return p->known & VM_PG(EXCLUSIVE) ? !(p->state & VM_PG(EXCLUSIVE)) : -1;
}

uint64_t vm_share_piece_risk(const struct vm_share_piece *p)
{
	const enum vm_share_kind kind = vm_share_piece_kind(p);
	if (p->m->shared || !(p->m->prot & PROT_WRITE) || !(p->state & VM_PG(PRESENT)) || p->state & VM_PG(ZERO))
		return 0;
	/* The page of a file stays the file's, and a merged one is never written to, whoever else maps it. */
	const bool copies = kind == VM_SK_FILE || kind == VM_SK_SHMEM || kind == VM_SK_KSM || vm_share_piece_shared(p) == 1;
	return copies ? p->end - p->start : 0;
}

uint64_t vm_share_sum_pss(const struct vm_share_sum *s)
{
	uint64_t pss = 0;
	for (unsigned i = 0; i < VM_SHARE_CLASSES; i++)
		pss += s->class_pss[i];
	return pss >> VM_PSS_SHIFT;
}

void vm_share_sum_count(struct vm_share_sum *s, enum vm_share_kind kind, uint64_t count, uint64_t pages)
{
	s->kind[kind] += pages * 4096;
	if (kind == VM_SK_HUGETLB)
		return;
	const unsigned c = vm_share_class_of(count);
	*(count > 1 ? &s->many : &s->once) += pages * 4096;
	s->class_bytes[c] += pages * 4096;
	s->class_pss[c] += pages * vm_share_pss(count);
	s->most = count > s->most ? count : s->most;
}

void vm_share_sum_add(struct vm_share_sum *s, const struct vm_share_piece *p)
{
	const uint64_t bytes = p->end - p->start;
	if (p->state & VM_PG(SWAP))
		s->swap += bytes;
	if (!(p->state & VM_PG(PRESENT)))
		return;
	/* What the kernel doesn't count as memory of anybody's. */
	if (p->state & VM_PG(ZERO)) {
		s->zero += bytes;
		return;
	}
	if (p->known & VM_PG(SPECIAL) && p->state & VM_PG(SPECIAL))
		return;
	const enum vm_share_kind kind = vm_share_piece_kind(p);
	s->risk += vm_share_piece_risk(p);
	if (p->counted) {
		vm_share_sum_count(s, kind, p->count, bytes / 4096);
		return;
	}
	s->kind[kind] += bytes;
	if (kind == VM_SK_HUGETLB)
		return;
	const int shared = vm_share_piece_shared(p);
	*(shared < 0 ? &s->unknown : shared ? &s->many : &s->once) += bytes;
	s->uncounted += bytes;
}

void vm_share_sum_join(struct vm_share_sum *to, const struct vm_share_sum *from)
{
	for (unsigned i = 0; i < VM_SK_NR; i++)
		to->kind[i] += from->kind[i];
	for (unsigned i = 0; i < VM_SHARE_CLASSES; i++) {
		to->class_bytes[i] += from->class_bytes[i];
		to->class_pss[i] += from->class_pss[i];
	}
	to->once += from->once;
	to->many += from->many;
	to->unknown += from->unknown;
	to->zero += from->zero;
	to->swap += from->swap;
	to->risk += from->risk;
	to->uncounted += from->uncounted;
	to->most = from->most > to->most ? from->most : to->most;
}
