#include "core/analysis/group.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/cleanup.h"
#include "core/base/map.h"
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
	/* Over the text, mixed with the number. */
	const uint64_t h = vm_fnv1a(VM_FNV1A_BASIS ^ k.number * UINT64_C(0x9e3779b97f4a7c15), k.text, strlen(k.text));
	return h ^ h >> 29;
}

/** Open-addressing table of group numbers. */
struct table {
	uint32_t *slot;            /* 0: free; else 1 + number of the group */
	size_t mask;
	/** The first mapping of each group. */
	VM_VEC(const struct vm_mapping *) first;
	enum vm_group_by by;
};

static size_t find_slot(const struct table *t, struct key k)
{
	size_t i = hash(k) & t->mask;
	for (; t->slot[i]; i = (i + 1) & t->mask) {
		struct key other = key_of(t->first.v[t->slot[i] - 1], t->by);
		if (other.number == k.number && strcmp(other.text, k.text) == 0)
			break;
	}
	return i;
}

/** Room for one more group. */
static bool grow(struct table *t)
{
	if (!vm_vec_reserve(&t->first, 1))
		return false;
	if (t->slot && (t->first.n + 1) * 2 <= t->mask)
		return true;
	t->mask = t->slot ? t->mask * 4 + 3 : 63;
	free(t->slot);
	t->slot = calloc(t->mask + 1, sizeof(*t->slot));
	for (size_t g = 0; t->slot && g < t->first.n; g++)
		t->slot[find_slot(t, key_of(t->first.v[g], t->by))] = (uint32_t)g + 1;
	return t->slot;
}

long vm_group_assign(const struct vm_mapping *const *maps, size_t n, enum vm_group_by by, uint32_t *of)
{
	struct table t = { .by = by };
	bool ok = true;
	for (size_t i = 0; i < n && (ok = grow(&t)); i++) {
		size_t at = find_slot(&t, key_of(maps[i], by));
		if (!t.slot[at]) {
			t.first.v[t.first.n++] = maps[i];
			t.slot[at] = (uint32_t)t.first.n;
		}
		of[i] = t.slot[at] - 1;
	}
	long groups = ok ? (long)t.first.n : -ENOMEM;
	free(t.slot);
	vm_vec_free(&t.first);
	return groups;
}

/** A group shows its key and nothing else of its first member. */
static void start_group(struct vm_sum *g, const struct vm_mapping *first)
{
	vm_sum_add(g, first);
	g->m.differs |= VM_DIFFERS_RANGE;
	g->m.flags = 0;
	g->m.have_flags = false;
}

long vm_group_mappings(const struct vm_mapping *const *maps, size_t n, enum vm_group_by by, struct vm_sum **out)
{
	vm_auto_free uint32_t *of = malloc((n + !n) * sizeof(*of));
	long groups = of ? vm_group_assign(maps, n, by, of) : -ENOMEM;
	struct vm_sum *sum = groups >= 0 ? calloc((size_t)groups + !groups, sizeof(*sum)) : NULL;
	if (!sum)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct vm_sum *g = &sum[of[i]];
		if (g->m.count == 0)
			start_group(g, maps[i]);
		else
			vm_sum_add(g, maps[i]);
	}
	for (long g = 0; g < groups; g++)
		vm_sum_settle(&sum[g]);
	*out = sum;
	return groups;
}

void vm_sum_mappings(const struct vm_mapping *const *maps, size_t n, struct vm_sum *sum)
{
	memset(sum, 0, sizeof(*sum));
	sum->m.name = "";
	vm_sum_settle(sum);
	for (size_t i = 0; i < n; i++)
		vm_sum_add(sum, maps[i]);
}
