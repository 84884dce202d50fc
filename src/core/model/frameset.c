#include "core/model/frameset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/** RUNS: pairs of first frame and last frame; LIST: frames; BITS: all words. */
enum { FORM_RUNS, FORM_LIST, FORM_BITS };
enum { BITS_NUMBERS = VM_CHUNK_FRAMES / 16 };
/** Up to so many frames are kept by the set itself: shared or not, that is less than a piece costs in the pool. */
enum { SMALL = 24 };

/* ---- Making ------------------------------------------------------------------------------------------------------ */

/** The bits of a chunk in a layer, cleared if it is new; NULL when memory is out. */
static struct vm_chunk_bits *chunk_bits(struct vm_framelayer *l, uint32_t chunk)
{
	uint32_t at;
	if (l->last && l->last_chunk == chunk)
		return &l->bits.v[l->last - 1];
	if (!vm_map_get(&l->at, chunk, &at)) {
		at = (uint32_t)l->chunk.n;
		if (!vm_vec_reserve(&l->bits, 1) || !vm_vec_push(&l->chunk, chunk) || !vm_map_put(&l->at, chunk, at))
			return NULL;
		l->bits.v[l->bits.n++] = (struct vm_chunk_bits){ .w = { 0 } };
	}
	l->last_chunk = chunk;
	l->last = at + 1;
	return &l->bits.v[at];
}

/** Add the frames of `mask` in one word; what was there goes into the layer above. */
static int add_word(struct vm_framebuild *b, uint32_t chunk, unsigned word, uint64_t mask)
{
	for (unsigned i = 0; i < VM_FRAME_LAYERS && mask; i++) {
		struct vm_chunk_bits *bits = chunk_bits(&b->layer[i], chunk);
		if (!bits)
			return -ENOMEM;
		const uint64_t again = bits->w[word] & mask;
		bits->w[word] |= mask;
		mask = again;
	}
	for (; mask; mask &= mask - 1)
		if (!vm_vec_push(&b->more, (uint64_t)chunk * VM_CHUNK_FRAMES + word * 64 + (unsigned)__builtin_ctzll(mask)))
			return -ENOMEM;
	return 0;
}

int vm_framebuild_add(struct vm_framebuild *b, uint64_t pfn, uint64_t n)
{
	if (pfn >= VM_FRAMES_MOST || n > VM_FRAMES_MOST - pfn)
		return 0;
	while (n) {
		const unsigned bit = pfn % 64;
		const uint64_t here = 64 - bit < n ? 64 - bit : n;
		const uint64_t mask = (here == 64 ? UINT64_MAX : (UINT64_C(1) << here) - 1) << bit;
		int r = add_word(b, (uint32_t)(pfn >> VM_CHUNK_SHIFT), (unsigned)(pfn % VM_CHUNK_FRAMES / 64), mask);
		if (r < 0)
			return r;
		pfn += here;
		n -= here;
	}
	return 0;
}

enum { NEAR = 2048 };

/** As chunk_bits() of the first layer, for frames that follow each other in no order. */
static struct vm_chunk_bits *near_bits(struct vm_framebuild *b, uint32_t chunk)
{
	struct vm_frame_near *near = &b->near[chunk % NEAR];
	if (near->at && near->chunk == chunk)
		return &b->layer[0].bits.v[near->at - 1];
	struct vm_chunk_bits *bits = chunk_bits(&b->layer[0], chunk);
	if (bits)
		*near = (struct vm_frame_near){ .chunk = chunk, .at = b->layer[0].last };
	return bits;
}

int vm_framebuild_list(struct vm_framebuild *b, const uint64_t *pfn, size_t n)
{
	if (!b->near)
		b->near = calloc(NEAR, sizeof(*b->near));
	if (!b->near)
		return -ENOMEM;
	for (size_t i = 0, j; i < n; i = j) {
		const unsigned room = 64 - pfn[i] % 64;
		j = i + 1;
		if (pfn[i] == 0 || pfn[i] >= VM_FRAMES_MOST)
			continue;
		while (j < n && j - i < room && pfn[j] == pfn[i] + (j - i))
			j++;
		const uint32_t chunk = (uint32_t)(pfn[i] >> VM_CHUNK_SHIFT);
		const unsigned word = (unsigned)(pfn[i] % VM_CHUNK_FRAMES / 64);
		const uint64_t mask = UINT64_MAX >> (64 - (j - i)) << pfn[i] % 64;
		struct vm_chunk_bits *bits = near_bits(b, chunk);
		if (!bits)
			return -ENOMEM;
		if (!(bits->w[word] & mask))
			bits->w[word] |= mask;
		else if (add_word(b, chunk, word, mask) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* ---- Pieces ------------------------------------------------------------------------------------------------------ */

/** How many frames, and in how many runs. */
static void measure(const struct vm_chunk_bits *bits, unsigned *frames, unsigned *runs)
{
	uint64_t carry = 0;
	*frames = *runs = 0;
	for (unsigned i = 0; i < VM_CHUNK_WORDS; i++) {
		const uint64_t w = bits->w[i];
		*frames += (unsigned)__builtin_popcountll(w);
		/* A run begins where a bit is set and the one below isn't. */
		*runs += (unsigned)__builtin_popcountll(w & ~(w << 1 | carry));
		carry = w >> 63;
	}
}

static void put_runs(const struct vm_chunk_bits *bits, uint16_t *to)
{
	uint64_t carry = 0;
	size_t first = 0, last = 1;
	for (unsigned i = 0; i < VM_CHUNK_WORDS; i++) {
		const uint64_t w = bits->w[i], next = i + 1 < VM_CHUNK_WORDS ? bits->w[i + 1] & 1 : 0;
		for (uint64_t begins = w & ~(w << 1 | carry); begins; begins &= begins - 1, first += 2)
			to[first] = (uint16_t)(i * 64 + (unsigned)__builtin_ctzll(begins));
		for (uint64_t ends = w & ~(w >> 1 | next << 63); ends; ends &= ends - 1, last += 2)
			to[last] = (uint16_t)(i * 64 + (unsigned)__builtin_ctzll(ends));
		carry = w >> 63;
	}
}

static void put_list(const struct vm_chunk_bits *bits, uint16_t *to)
{
	for (unsigned i = 0; i < VM_CHUNK_WORDS; i++)
		for (uint64_t w = bits->w[i]; w; w &= w - 1)
			*to++ = (uint16_t)(i * 64 + (unsigned)__builtin_ctzll(w));
}

static bool add_piece(struct vm_framepool *pool, const struct vm_chunk_bits *bits, unsigned frames, unsigned runs)
{
	struct vm_frame_piece p = { .form = FORM_BITS, .n = BITS_NUMBERS, .frames = (uint16_t)frames };
	if (runs * 2 <= frames && runs * 2 < BITS_NUMBERS) {
		p.form = FORM_RUNS;
		p.n = (uint16_t)(runs * 2);
	} else if (frames < BITS_NUMBERS) {
		p.form = FORM_LIST;
		p.n = (uint16_t)frames;
	}
	uint16_t *data = vm_arena_alloc(&pool->arena, p.n * sizeof(*data));
	if (!data)
		return false;
	if (p.form == FORM_RUNS)
		put_runs(bits, data);
	else if (p.form == FORM_LIST)
		put_list(bits, data);
	else
		memcpy(data, bits->w, sizeof(bits->w));
	p.data = data;
	return vm_vec_push(&pool->pieces, p);
}

static void set_list(struct vm_chunk_bits *out, const uint16_t *frame, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out->w[frame[i] / 64] |= UINT64_C(1) << frame[i] % 64;
}

static void set_run(struct vm_chunk_bits *out, unsigned a, unsigned b)
{
	const uint64_t low = UINT64_MAX << a % 64, high = UINT64_MAX >> (63 - b % 64);
	if (a / 64 == b / 64) {
		out->w[a / 64] |= low & high;
		return;
	}
	out->w[a / 64] |= low;
	for (unsigned w = a / 64 + 1; w < b / 64; w++)
		out->w[w] = UINT64_MAX;
	out->w[b / 64] |= high;
}

static void piece_bits(const struct vm_frame_piece *p, struct vm_chunk_bits *out)
{
	if (p->form == FORM_BITS) {
		memcpy(out->w, p->data, sizeof(out->w));
		return;
	}
	*out = (struct vm_chunk_bits){ .w = { 0 } };
	if (p->form == FORM_LIST)
		set_list(out, p->data, p->n);
	for (size_t i = 0; p->form == FORM_RUNS && i < p->n; i += 2)
		set_run(out, p->data[i], p->data[i + 1]);
}

void vm_frameset_bits(const struct vm_framepool *pool, const struct vm_frameset *set, const struct vm_frame_chunk *c,
		      struct vm_chunk_bits *out)
{
	if (!(c->piece & VM_PIECE_SMALL)) {
		piece_bits(&pool->pieces.v[c->piece], out);
		return;
	}
	const uint16_t *small = &set->small.v[c->piece & ~VM_PIECE_SMALL];
	*out = (struct vm_chunk_bits){ .w = { 0 } };
	set_list(out, small + 1, small[0]);
}

static uint64_t hash_of(const struct vm_chunk_bits *bits)
{
	uint64_t h = 0;
	for (unsigned i = 0; i < VM_CHUNK_WORDS; i++)
		h = vm_mix64(h ^ bits->w[i]) + i;
	return h;
}

/** The number of a piece with these bits, new or not.  -ENOMEM. */
static int intern(struct vm_framepool *pool, const struct vm_chunk_bits *bits, unsigned frames, unsigned runs, uint32_t *piece)
{
	struct vm_chunk_bits there;
	for (uint64_t h = hash_of(bits);; h++) {
		if (!vm_map_get(&pool->by_hash, h, piece)) {
			*piece = (uint32_t)pool->pieces.n;
			return pool->pieces.n < VM_PIECE_SMALL && add_piece(pool, bits, frames, runs) &&
			       vm_map_put(&pool->by_hash, h, *piece) ? 0 : -ENOMEM;
		}
		piece_bits(&pool->pieces.v[*piece], &there);
		if (memcmp(&there, bits, sizeof(there)) == 0)
			return 0;
	}
}

/* ---- The end of making ------------------------------------------------------------------------------------------- */

static int by_chunk(const void *a, const void *b)
{
	const struct vm_frame_chunk *x = a, *y = b;
	return (x->chunk > y->chunk) - (x->chunk < y->chunk);
}

static int keep_small(struct vm_frameset *out, const struct vm_chunk_bits *bits, unsigned frames, uint32_t *piece)
{
	if (out->small.n >= VM_PIECE_SMALL || !vm_vec_reserve(&out->small, frames + 1))
		return -ENOMEM;
	*piece = (uint32_t)out->small.n | VM_PIECE_SMALL;
	out->small.v[out->small.n] = (uint16_t)frames;
	put_list(bits, out->small.v + out->small.n + 1);
	out->small.n += frames + 1;
	return 0;
}

static int keep_chunk(struct vm_frameset *out, struct vm_framepool *pool, uint32_t chunk, const struct vm_chunk_bits *bits)
{
	struct vm_frame_chunk c = { .chunk = chunk };
	unsigned frames, runs;
	measure(bits, &frames, &runs);
	out->frames += frames;
	int r = frames <= SMALL ? keep_small(out, bits, frames, &c.piece) : intern(pool, bits, frames, runs, &c.piece);
	return r == 0 && !vm_vec_push(&out->chunks, c) ? -ENOMEM : r;
}

static int end_layer(struct vm_framelayer *l, struct vm_framepool *pool, struct vm_frameset *out)
{
	int r = 0;
	for (size_t i = 0; i < l->chunk.n && r == 0; i++)
		r = keep_chunk(out, pool, l->chunk.v[i], &l->bits.v[i]);
	if (r < 0)
		return r;
	if (out->chunks.n)
		qsort(out->chunks.v, out->chunks.n, sizeof(out->chunks.v[0]), by_chunk);
	l->chunk.n = l->bits.n = 0;
	l->last = 0;
	vm_map_clear(&l->at);
	return 0;
}

static int by_number(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

int vm_framebuild_end(struct vm_framebuild *b, struct vm_framepool *pool, struct vm_frames_mapped *out)
{
	*out = (struct vm_frames_mapped){ 0 };
	for (unsigned i = 0; i < VM_FRAME_LAYERS; i++)
		if (end_layer(&b->layer[i], pool, &out->layer[i]) < 0)
			return -ENOMEM;
	if (b->near)
		memset(b->near, 0, NEAR * sizeof(*b->near));
	if (b->more.n)
		qsort(b->more.v, b->more.n, sizeof(b->more.v[0]), by_number);
	for (size_t i = 0, j; i < b->more.n; i = j) {
		for (j = i + 1; j < b->more.n && b->more.v[j] == b->more.v[i]; j++)
			;
		if (!vm_vec_push(&out->more, ((struct vm_frame_more){ .pfn = b->more.v[i], .times = j - i })))
			return -ENOMEM;
	}
	b->more.n = 0;
	return 0;
}

void vm_framebuild_free(struct vm_framebuild *b)
{
	for (unsigned i = 0; i < VM_FRAME_LAYERS; i++) {
		vm_map_free(&b->layer[i].at);
		vm_vec_free(&b->layer[i].bits);
		vm_vec_free(&b->layer[i].chunk);
	}
	vm_vec_free(&b->more);
	free(b->near);
	*b = (struct vm_framebuild){ 0 };
}

void vm_framepool_free(struct vm_framepool *pool)
{
	vm_arena_free(&pool->arena);
	vm_vec_free(&pool->pieces);
	vm_map_free(&pool->by_hash);
	*pool = (struct vm_framepool){ 0 };
}

void vm_frames_mapped_free(struct vm_frames_mapped *m)
{
	for (unsigned i = 0; i < VM_FRAME_LAYERS; i++) {
		vm_vec_free(&m->layer[i].chunks);
		vm_vec_free(&m->layer[i].small);
	}
	vm_vec_free(&m->more);
	*m = (struct vm_frames_mapped){ 0 };
}

/* ---- Asking ------------------------------------------------------------------------------------------------------ */

uint64_t vm_frames_times(const struct vm_framepool *pool, const struct vm_frames_mapped *m, uint64_t pfn)
{
	const struct vm_frame_chunk key = { .chunk = (uint32_t)(pfn >> VM_CHUNK_SHIFT) };
	uint64_t times = 0;
	for (unsigned i = 0; i < VM_FRAME_LAYERS && pfn < VM_FRAMES_MOST; i++) {
		const struct vm_frameset *s = &m->layer[i];
		const struct vm_frame_chunk *c = s->chunks.n ?
			bsearch(&key, s->chunks.v, s->chunks.n, sizeof(key), by_chunk) : NULL;
		struct vm_chunk_bits bits;
		if (!c)
			break;
		vm_frameset_bits(pool, s, c, &bits);
		times += bits.w[pfn % VM_CHUNK_FRAMES / 64] >> pfn % 64 & 1;
	}
	for (size_t i = 0; i < m->more.n; i++)
		if (m->more.v[i].pfn == pfn)
			times += m->more.v[i].times;
	return times;
}

size_t vm_framepool_bytes(const struct vm_framepool *pool)
{
	return pool->arena.used + pool->pieces.cap * sizeof(pool->pieces.v[0]) + pool->by_hash.size * sizeof(struct vm_map_slot);
}

size_t vm_frames_mapped_bytes(const struct vm_frames_mapped *m)
{
	size_t n = m->more.cap * sizeof(m->more.v[0]);
	for (unsigned i = 0; i < VM_FRAME_LAYERS; i++)
		n += m->layer[i].chunks.cap * sizeof(m->layer[i].chunks.v[0]) + m->layer[i].small.cap * sizeof(m->layer[i].small.v[0]);
	return n;
}
