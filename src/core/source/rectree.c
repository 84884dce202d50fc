#include "core/source/rectree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void free_entry(struct vm_rec_entry *e)
{
	free(e->path);
	free(e->data);
}

void vm_rec_tree_free(struct vm_rec_tree *t)
{
	for (size_t i = 0; i < t->entries.n; i++)
		free_entry(&t->entries.v[i]);
	vm_vec_free(&t->entries);
	vm_map_free(&t->by_hash);
	memset(t, 0, sizeof(*t));
}

static uint64_t hash_path(const char *path, size_t len)
{
	return vm_mix64(vm_fnv1a(VM_FNV1A_BASIS, path, len));
}

/** The entry, or NULL and in *free_hash the key that it would get: paths of one hash stand at the keys behind it. */
static struct vm_rec_entry *look_up(struct vm_rec_tree *t, const char *path, size_t len, uint64_t *free_hash)
{
	uint64_t hash = hash_path(path, len);
	uint32_t at;
	for (; vm_map_get(&t->by_hash, hash, &at); hash++) {
		struct vm_rec_entry *e = &t->entries.v[at];
		if (e->path_len == len && memcmp(e->path, path, len) == 0)
			return e;
	}
	*free_hash = hash;
	return NULL;
}

struct vm_rec_entry *vm_rec_tree_find(struct vm_rec_tree *t, const char *path, size_t len)
{
	uint64_t hash;
	return look_up(t, path, len, &hash);
}

static struct vm_rec_entry *add(struct vm_rec_tree *t, const char *path, size_t len, uint64_t hash)
{
	char *copy = malloc(len + 1);
	if (!copy || !vm_vec_reserve(&t->entries, 1) || !vm_map_put(&t->by_hash, hash, (uint32_t)t->entries.n)) {
		free(copy);
		return NULL;
	}
	memcpy(copy, path, len);
	copy[len] = '\0';
	struct vm_rec_entry *e = &t->entries.v[t->entries.n++];
	*e = (struct vm_rec_entry){ .path = copy, .path_len = len };
	return e;
}

static bool make_room(struct vm_rec_entry *e, size_t len)
{
	if (len <= e->cap)
		return true;
	char *data = realloc(e->data, len);
	if (!data)
		return false;
	e->data = data;
	e->cap = len;
	return true;
}

bool vm_rec_entry_holds(const struct vm_rec_entry *e, enum vm_rec_kind kind, const void *data, size_t len)
{
	return e->there && e->kind == kind && e->len == len && (len == 0 || memcmp(e->data, data, len) == 0);
}

int vm_rec_entry_set(struct vm_rec_entry *e, enum vm_rec_kind kind, const void *data, size_t len)
{
	e->seen = true;
	if (vm_rec_entry_holds(e, kind, data, len))
		return 0;
	if (!make_room(e, len))
		return -ENOMEM;
	if (len)
		memcpy(e->data, data, len);
	e->len = len;
	e->kind = kind;
	e->there = e->changed = true;
	return 1;
}

int vm_rec_tree_set(struct vm_rec_tree *t, const char *path, size_t path_len, enum vm_rec_kind kind, const void *data,
		    size_t len, struct vm_rec_entry **entry)
{
	uint64_t hash;
	struct vm_rec_entry *e = look_up(t, path, path_len, &hash);
	if (!e && !(e = add(t, path, path_len, hash)))
		return -ENOMEM;
	if (entry)
		*entry = e;
	return vm_rec_entry_set(e, kind, data, len);
}

bool vm_rec_entry_remove(struct vm_rec_entry *e)
{
	if (!e->there)
		return false;
	e->there = false;
	e->changed = true;
	e->len = 0;
	return true;
}

void vm_rec_tree_settle(struct vm_rec_tree *t)
{
	for (size_t i = 0; i < t->entries.n; i++)
		t->entries.v[i].changed = false;
}

static bool is_kept(const struct vm_rec_entry *e)
{
	return e->there || e->changed;
}

bool vm_rec_tree_compact(struct vm_rec_tree *t)
{
	struct vm_map fresh = { 0 };
	uint32_t to = 0;
	for (size_t i = 0; i < t->entries.n; i++) {
		const struct vm_rec_entry *e = &t->entries.v[i];
		uint64_t hash = hash_path(e->path, e->path_len);
		uint32_t other;
		while (is_kept(e) && vm_map_get(&fresh, hash, &other))
			hash++;
		if (is_kept(e) && !vm_map_put(&fresh, hash, to++)) {
			vm_map_free(&fresh);
			return false;
		}
	}
	to = 0;
	for (size_t i = 0; i < t->entries.n; i++) {
		if (is_kept(&t->entries.v[i]))
			t->entries.v[to++] = t->entries.v[i];
		else
			free_entry(&t->entries.v[i]);
	}
	t->entries.n = to;
	vm_map_free(&t->by_hash);
	t->by_hash = fresh;
	return true;
}
