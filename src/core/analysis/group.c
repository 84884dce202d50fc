#include "core/analysis/group.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/vec.h"
#include "core/model/aspace.h"
#include "core/model/kind.h"

/** What the key of a mapping is: a number, and a text where that matters. */
struct key {
	uint64_t number;
	const char *text;
};

static bool has_file(const struct vm_mapping *m)
{
	return m->inode != 0 && m->name[0] != '\0';
}

static struct key key_of(const struct vm_mapping *m, enum vm_group_by by)
{
	switch (by) {
	case VM_BY_KIND:
		return (struct key){ m->kind, "" };
	case VM_BY_FILE:
		return has_file(m) ? (struct key){ VM_KIND_NR, m->name } : (struct key){ m->kind, "" };
	case VM_BY_PERM:
		return (struct key){ (uint64_t)m->prot << 1 | m->shared, "" };
	case VM_BY_NAME:
		return (struct key){ m->name[0] ? (uint64_t)VM_KIND_NR : m->kind, m->name };
	default:
		return (struct key){ m->have & VM_HAVE(VM_Q_KPAGE) ? m->q[VM_Q_KPAGE] : 0, "" };
	}
}

static uint64_t hash(struct key k)
{
	/* FNV-1a over the text, mixed with the number. */
	uint64_t h = UINT64_C(14695981039346656037) ^ k.number * UINT64_C(0x9e3779b97f4a7c15);
	for (const char *s = k.text; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(1099511628211);
	return h ^ h >> 29;
}

/** Open-addressing table of group numbers. */
struct table {
	uint32_t *slot;            /* 0: free; else 1 + index of the group */
	size_t mask;
};

static size_t find_slot(const struct table *t, const struct vm_sum *groups, struct key k, enum vm_group_by by)
{
	size_t i = hash(k) & t->mask;
	for (; t->slot[i]; i = (i + 1) & t->mask) {
		struct key other = key_of(&groups[t->slot[i] - 1].m, by);
		if (other.number == k.number && strcmp(other.text, k.text) == 0)
			break;
	}
	return i;
}

/** Room for one more than the n groups. */
static bool grow(struct table *t, const struct vm_sum *groups, size_t n, enum vm_group_by by)
{
	if (t->slot && (n + 1) * 2 <= t->mask)
		return true;
	struct table bigger = { .mask = t->slot ? t->mask * 4 + 3 : 63 };
	bigger.slot = calloc(bigger.mask + 1, sizeof(*bigger.slot));
	if (!bigger.slot)
		return false;
	for (size_t g = 0; g < n; g++)
		bigger.slot[find_slot(&bigger, groups, key_of(&groups[g].m, by), by)] = (uint32_t)g + 1;
	free(t->slot);
	*t = bigger;
	return true;
}

/** A group shows its key and nothing else of its first member. */
static void start_group(struct vm_sum *g, const struct vm_mapping *first)
{
	memset(g, 0, sizeof(*g));
	vm_sum_add(g, first);
	g->m.differs |= VM_DIFFERS_RANGE;
	g->m.flags = 0;
	g->m.have_flags = false;
}

long vm_group_mappings(const struct vm_mapping *const *maps, size_t n, enum vm_group_by by, struct vm_sum **out)
{
	VM_VEC(struct vm_sum) groups = { 0 };
	struct table t = { 0 };
	bool ok = grow(&t, groups.v, 0, by);
	for (size_t i = 0; ok && i < n; i++) {
		struct key k = key_of(maps[i], by);
		size_t at = find_slot(&t, groups.v, k, by);
		if (t.slot[at]) {
			vm_sum_add(&groups.v[t.slot[at] - 1], maps[i]);
			continue;
		}
		ok = vm_vec_reserve(&groups, 1) && grow(&t, groups.v, groups.n, by);
		if (!ok)
			break;
		at = find_slot(&t, groups.v, k, by);
		start_group(&groups.v[groups.n++], maps[i]);
		t.slot[at] = (uint32_t)groups.n;
	}
	free(t.slot);
	if (!ok) {
		vm_vec_free(&groups);
		return -ENOMEM;
	}
	for (size_t i = 0; i < groups.n; i++)
		vm_sum_settle(&groups.v[i]);
	*out = groups.v;
	return (long)groups.n;
}

void vm_sum_mappings(const struct vm_mapping *const *maps, size_t n, struct vm_sum *sum)
{
	memset(sum, 0, sizeof(*sum));
	sum->m.name = "";
	vm_sum_settle(sum);
	for (size_t i = 0; i < n; i++)
		vm_sum_add(sum, maps[i]);
}
