#include "core/analysis/layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/vec.h"
#include "core/model/aspace.h"
#include "core/model/kind.h"

static enum vm_block_class class_of(enum vm_kind kind)
{
	switch (kind) {
	case VM_KIND_TEXT:
	case VM_KIND_RODATA:
	case VM_KIND_DATA:
	case VM_KIND_BSS:
		return VM_BLOCK_PROGRAM;
	case VM_KIND_LIBTEXT:
	case VM_KIND_LIBRODATA:
	case VM_KIND_LIBDATA:
	case VM_KIND_LIBBSS:
		return VM_BLOCK_LIBS;
	case VM_KIND_HEAP:
		return VM_BLOCK_HEAP;
	case VM_KIND_STACK:
		return VM_BLOCK_STACK;
	case VM_KIND_TSTACK:
		return VM_BLOCK_TSTACKS;
	case VM_KIND_FILE:
		return VM_BLOCK_FILES;
	case VM_KIND_SHMEM:
	case VM_KIND_SYSV:
	case VM_KIND_MEMFD:
		return VM_BLOCK_SHARED;
	case VM_KIND_VDSO:
	case VM_KIND_VVAR:
	case VM_KIND_VSYSCALL:
	case VM_KIND_SPECIAL:
	case VM_KIND_DEVICE:
		return VM_BLOCK_KERNEL;
	case VM_KIND_RESERVE:
		return VM_BLOCK_RESERVE;
	default:
		return VM_BLOCK_ANON;
	}
}

static struct vm_block block_of(const struct vm_mapping *m)
{
	return (struct vm_block){
		.start = m->start, .end = m->end, .mapped = m->end - m->start,
		.rss = m->q[VM_Q_RSS] + m->q[VM_Q_PRIVATE_HUGETLB] + m->q[VM_Q_SHARED_HUGETLB], .swap = m->q[VM_Q_SWAP], .have_rss = m->have & VM_HAVE(VM_Q_RSS),
		.class = class_of(m->kind), .kind = m->kind, .mappings = 1, .files = m->inode != 0,
		.name = m->name,
	};
}

static void join(struct vm_block *a, const struct vm_block *b)
{
	if (strcmp(a->name, b->name) != 0)
		a->files += b->files;
	else if (a->files == 0)
		a->files = b->files;
	if (!a->name[0])
		a->name = b->name;
	a->end = b->end;
	a->mapped += b->mapped;
	a->rss += b->rss;
	a->swap += b->swap;
	a->have_rss = a->have_rss && b->have_rss;
	a->mappings += b->mappings;
	if (a->class != b->class)
		a->class = VM_BLOCK_MIXED;
	else if (a->kind != b->kind && a->class == VM_BLOCK_ANON)
		a->kind = VM_KIND_ANON;
}

static bool stands_alone(const struct vm_block *b)
{
	return b->class == VM_BLOCK_PROGRAM || b->class == VM_BLOCK_HEAP || b->class == VM_BLOCK_STACK ||
	       b->kind == VM_KIND_VSYSCALL;
}

/** Step 0: parts of one object. */
static bool same_object(const struct vm_block *a, const struct vm_block *b)
{
	if (b->start != a->end)
		return false;
	if (a->class == VM_BLOCK_PROGRAM || b->class == VM_BLOCK_PROGRAM)
		return a->kind == b->kind;
	/* A guard belongs to the stack above it. */
	if (a->kind == VM_KIND_GUARD && b->class == VM_BLOCK_TSTACKS && a->mappings == 1)
		return true;
	if (stands_alone(a) || stands_alone(b))
		return false;
	if (a->kind == VM_KIND_VVAR || b->kind == VM_KIND_VDSO)
		return a->class == b->class;
	if (a->name[0] && b->name[0])
		return strcmp(a->name, b->name) == 0;
	return a->class == b->class;
}

/** Steps 1 and on: whole classes, then everything that is near. */
static bool near_enough(const struct vm_block *a, const struct vm_block *b, unsigned step)
{
	uint64_t gap = b->start - a->end;
	if (stands_alone(a) || stands_alone(b))
		return a->class == b->class && a->kind == b->kind && gap == 0;
	if (step == 1)
		return a->class == b->class && gap < UINT64_C(1) << 30;
	if (step == 2)
		return gap < UINT64_C(2) << 20;
	return gap < UINT64_C(1) << (20 + 4 * (step - 2) < 56 ? 20 + 4 * (step - 2) : 56);
}

static size_t merge(struct vm_block *v, size_t n, unsigned step)
{
	size_t to = 0;
	for (size_t i = 0; i < n; i++) {
		bool with_last = to && (step == 0 ? same_object(&v[to - 1], &v[i]) : near_enough(&v[to - 1], &v[i], step));
		if (with_last) {
			bool stack = step == 0 && v[to - 1].kind == VM_KIND_GUARD && v[i].class == VM_BLOCK_TSTACKS;
			join(&v[to - 1], &v[i]);
			if (stack) {
				v[to - 1].class = VM_BLOCK_TSTACKS;
				v[to - 1].kind = v[i].kind;
			}
		} else {
			v[to++] = v[i];
		}
	}
	return to;
}

long vm_layout_blocks(const struct vm_aspace *as, size_t most, struct vm_block **out)
{
	struct vm_block *v = malloc((as->nmaps + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < as->nmaps; i++)
		v[i] = block_of(&as->map[i]);
	size_t n = as->nmaps;
	for (unsigned step = 0; step < 14 && (step == 0 || n > most); step++)
		n = merge(v, n, step);
	*out = v;
	return (long)n;
}

unsigned vm_layout_lines(uint64_t bytes)
{
	unsigned lines = 1;
	for (uint64_t b = bytes >> 17; b > 0; b >>= 5)
		lines++;
	return lines;
}

enum vm_half vm_address_half(uint64_t addr, bool five_levels)
{
	uint64_t end = vm_user_end(five_levels);
	return addr < end ? VM_HALF_USER : addr >= -end ? VM_HALF_KERNEL : VM_HALF_NONE;
}
