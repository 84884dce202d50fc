#include "core/analysis/sharewho.h"

#include <errno.h>
#include <stdlib.h>

int vm_who_begin(struct vm_who *w, size_t mappings)
{
	*w = (struct vm_who){ .mappings = mappings };
	w->of = calloc(mappings + 1, sizeof(*w->of));
	w->bytes = calloc(mappings + 1, sizeof(*w->bytes));
	w->sharers = calloc(mappings + 1, sizeof(*w->sharers));
	return w->of && w->bytes && w->sharers ? 0 : -ENOMEM;
}

/** What was added since the last one belongs to the mapping that is being built. */
static int end_mapping(struct vm_who *w)
{
	struct vm_frames_mapped *m = &w->of[w->building];
	int r = vm_framebuild_end(&w->build, &w->pool, m);
	for (size_t i = 0; i < m->layer[0].chunks.n && r == 0; i++) {
		const struct vm_who_chunk c = {
			.chunk = m->layer[0].chunks.v[i].chunk, .mapping = (uint32_t)w->building, .at = (uint32_t)i,
		};
		r = vm_vec_push(&w->chunks, c) ? 0 : -ENOMEM;
	}
	return r;
}

int vm_who_add(struct vm_who *w, size_t mapping, uint64_t pfn, uint64_t n)
{
	int r = mapping == w->building ? 0 : end_mapping(w);
	w->building = mapping;
	return r < 0 ? r : vm_framebuild_add(&w->build, pfn, n);
}

static int by_chunk(const void *a, const void *b)
{
	const struct vm_who_chunk *x = a, *y = b;
	return x->chunk != y->chunk ? (x->chunk > y->chunk) - (x->chunk < y->chunk) : (x->mapping > y->mapping) - (x->mapping < y->mapping);
}

int vm_who_ready(struct vm_who *w)
{
	int r = w->mappings ? end_mapping(w) : 0;
	vm_framebuild_free(&w->build);
	if (r == 0 && w->chunks.n)
		qsort(w->chunks.v, w->chunks.n, sizeof(w->chunks.v[0]), by_chunk);
	return r;
}

/** The most are kept, in no order yet. */
static int keep(struct vm_sharers *s, struct vm_sharer one)
{
	size_t least = 0;
	s->all++;
	if (s->most.n < VM_SHARERS_KEPT)
		return vm_vec_push(&s->most, one) ? 0 : -ENOMEM;
	for (size_t i = 1; i < s->most.n; i++)
		if (s->most.v[i].bytes < s->most.v[least].bytes)
			least = i;
	if (one.bytes > s->most.v[least].bytes)
		s->most.v[least] = one;
	return 0;
}

static uint64_t count_common(const struct vm_chunk_bits *a, const struct vm_chunk_bits *b)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < VM_CHUNK_WORDS; i++)
		n += (uint64_t)__builtin_popcountll(a->w[i] & b->w[i]);
	return n;
}

/** Bytes that are in common, by mapping; whether there are any. */
static bool intersect(struct vm_who *w, const struct vm_framepool *pool, const struct vm_frameset *set)
{
	bool any = false;
	for (size_t i = 0, k = 0; i < set->chunks.n && k < w->chunks.n; i++) {
		struct vm_chunk_bits theirs, ours;
		const uint32_t chunk = set->chunks.v[i].chunk;
		while (k < w->chunks.n && w->chunks.v[k].chunk < chunk)
			k++;
		if (k < w->chunks.n && w->chunks.v[k].chunk == chunk)
			vm_frameset_bits(pool, set, &set->chunks.v[i], &theirs);
		for (; k < w->chunks.n && w->chunks.v[k].chunk == chunk; k++) {
			const struct vm_who_chunk *c = &w->chunks.v[k];
			const struct vm_frameset *of = &w->of[c->mapping].layer[0];
			vm_frameset_bits(&w->pool, of, &of->chunks.v[c->at], &ours);
			const uint64_t n = count_common(&ours, &theirs);
			w->bytes[c->mapping] += n * 4096;
			any |= n > 0;
		}
	}
	return any;
}

int vm_who_compare(struct vm_who *w, const struct vm_who_process *p, const struct vm_framepool *pool,
		   const struct vm_frames_mapped *mapped)
{
	int r = 0;
	if (!intersect(w, pool, &mapped->layer[0]))
		return 0;
	if (!vm_vec_push(&w->processes, *p))
		r = -ENOMEM;
	for (size_t i = 0; i < w->mappings; i++) {
		if (w->bytes[i] && r == 0)
			r = keep(&w->sharers[i], (struct vm_sharer){ .process = (uint32_t)w->processes.n - 1, .bytes = w->bytes[i] });
		w->bytes[i] = 0;
	}
	return r;
}

/** The same for both: the one that was compared first, which is the one with the lower number. */
static int by_bytes(const void *a, const void *b)
{
	const struct vm_sharer *x = a, *y = b;
	return x->bytes != y->bytes ? (x->bytes < y->bytes) - (x->bytes > y->bytes) : (x->process > y->process) - (x->process < y->process);
}

void vm_who_end(struct vm_who *w)
{
	for (size_t i = 0; i < w->mappings; i++)
		if (w->sharers[i].most.n)
			qsort(w->sharers[i].most.v, w->sharers[i].most.n, sizeof(struct vm_sharer), by_bytes);
}

void vm_who_free(struct vm_who *w)
{
	for (size_t i = 0; w->of && i < w->mappings; i++)
		vm_frames_mapped_free(&w->of[i]);
	for (size_t i = 0; w->sharers && i < w->mappings; i++)
		vm_vec_free(&w->sharers[i].most);
	vm_framebuild_free(&w->build);
	vm_framepool_free(&w->pool);
	vm_vec_free(&w->chunks);
	vm_vec_free(&w->processes);
	free(w->of);
	free(w->bytes);
	free(w->sharers);
	*w = (struct vm_who){ .mappings = 0 };
}
