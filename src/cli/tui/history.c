#include "cli/tui/history.h"

#include <math.h>
#include <string.h>

#include "core/field/field.h"

void vm_history_free(struct vm_history *h)
{
	for (unsigned i = 0; i < 2; i++) {
		vm_map_free(&h->gen[i].at);
		vm_vec_free(&h->gen[i].past);
	}
}

static void clear(struct vm_generation *g)
{
	vm_map_clear(&g->at);
	g->past.n = 0;
}

/** Where the columns changed, what was kept is of others: it begins anew. */
static void choose_fields(struct vm_history *h, const struct vm_fieldset *set, const struct vm_columns *cols)
{
	const struct vm_field *field[VM_HISTORY_FIELDS] = { NULL };
	size_t n = 0;
	for (size_t i = 0; i < cols->n && n < VM_HISTORY_FIELDS; i++)
		if (set->v[cols->at[i]].flags & VM_F_RATE)
			field[n++] = &set->v[cols->at[i]];
	if (n == h->nfields && memcmp(field, h->field, sizeof(field)) == 0)
		return;
	memcpy(h->field, field, sizeof(field));
	h->nfields = n;
	clear(&h->gen[0]);
	clear(&h->gen[1]);
}

static void begin(struct vm_past *p)
{
	for (size_t f = 0; f < VM_HISTORY_FIELDS; f++)
		for (size_t i = 0; i < VM_HISTORY_LENGTH; i++)
			p->v[f][i] = NAN;
}

static void append(const struct vm_history *h, struct vm_past *p, const void *row)
{
	for (size_t f = 0; f < h->nfields; f++) {
		struct vm_scratch tmp;
		const struct vm_value v = vm_field_get(h->field[f], row, &tmp);
		memmove(p->v[f], p->v[f] + 1, (VM_HISTORY_LENGTH - 1) * sizeof(p->v[f][0]));
		p->v[f][VM_HISTORY_LENGTH - 1] = v.type == VM_T_F64 ? (float)v.f64 : NAN;
	}
}

void vm_history_add(struct vm_history *h, const struct vm_fieldset *set, const struct vm_columns *cols, const void *rows, size_t n,
		    size_t size, uint64_t (*key)(const void *row))
{
	choose_fields(h, set, cols);
	if (!h->nfields)
		return;
	const struct vm_generation *old = &h->gen[h->now];
	struct vm_generation *new = &h->gen[h->now ^= 1];
	clear(new);
	if (!vm_vec_reserve(&new->past, n))
		return;
	for (size_t i = 0; i < n; i++) {
		const void *row = (const char *)rows + i * size;
		uint32_t at;
		struct vm_past *p = &new->past.v[i];
		if (vm_map_get(&old->at, key(row), &at))
			*p = old->past.v[at];
		else
			begin(p);
		append(h, p, row);
		/* Without memory for its place the row has no past. */
		(void)vm_map_put(&new->at, key(row), (uint32_t)i);
	}
	new->past.n = n;
}

static size_t index_of(const struct vm_history *h, const struct vm_field *f)
{
	size_t i = 0;
	while (i < h->nfields && h->field[i] != f)
		i++;
	return i;
}

bool vm_history_has(const struct vm_history *h, const struct vm_field *f)
{
	return index_of(h, f) < h->nfields;
}

const float *vm_history_get(const struct vm_history *h, const struct vm_field *f, uint64_t key)
{
	const size_t at = index_of(h, f);
	uint32_t row;
	if (at == h->nfields || !vm_map_get(&h->gen[h->now].at, key, &row))
		return NULL;
	return h->gen[h->now].past.v[row].v[at];
}
