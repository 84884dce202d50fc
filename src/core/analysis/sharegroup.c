#include "core/analysis/sharegroup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = VM_CHUNK_WORDS, FRAMES = VM_CHUNK_FRAMES };

/** A piece that several members have, or what is left of it. */
struct part {
	struct vm_chunk_bits bits;
	uint32_t members;
};

/** Who has it: in the order of the members' list of the chunk. */
struct holder {
	uint32_t member, part;
};

/** Frames of one kind that are mapped equally often. */
struct class {
	struct vm_chunk_bits bits;
	uint64_t key, count;
	enum vm_share_kind kind;
	unsigned first, last;      /* words */
};

struct work {
	struct vm_sharegroup *g;
	vm_frame_facts *facts;
	void *ctx;
	/** By layer and member: next chunk of the set; behind the layers, next of those mapped more often. */
	size_t *at;
	struct vm_map seen;        /* piece, or hash of bits, to part */
	VM_VEC(struct part) parts;
	VM_VEC(struct holder) holders;
	VM_VEC(struct part) rests;
	VM_VEC(struct holder) rest_holders;
	VM_VEC(struct class) classes;
	struct vm_chunk_bits all, twice, ours, once_mapped;
	struct vm_chunk_bits kind[VM_SK_NR];
	uint64_t flags[FRAMES], count[FRAMES];
	uint32_t mapped[FRAMES];   /* by members */
};

/* ---- Bits -------------------------------------------------------------------------------------------------------- */

static uint64_t bits_of(uint64_t w)
{
	return (uint64_t)__builtin_popcountll(w);
}

static uint64_t count_and(const struct vm_chunk_bits *a, const struct vm_chunk_bits *b, unsigned first, unsigned last)
{
	uint64_t n = 0;
	for (unsigned i = first; i <= last; i++)
		n += bits_of(a->w[i] & b->w[i]);
	return n;
}

static uint64_t count_and3(const struct vm_chunk_bits *a, const struct vm_chunk_bits *b, const struct vm_chunk_bits *c)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < WORDS; i++)
		n += bits_of(a->w[i] & b->w[i] & c->w[i]);
	return n;
}

static bool set_has(const struct vm_chunk_bits *b, unsigned i)
{
	return b->w[i / 64] >> i % 64 & 1;
}

static bool is_empty(const struct vm_chunk_bits *b)
{
	uint64_t some = 0;
	for (unsigned i = 0; i < WORDS; i++)
		some |= b->w[i];
	return !some;
}

static uint64_t hash(const struct vm_chunk_bits *b)
{
	uint64_t h = 0;
	for (unsigned i = 0; i < WORDS; i++)
		h = vm_mix64(h ^ b->w[i]) + i;
	return h;
}

/* ---- Who has what of a chunk --------------------------------------------------------------------------------------- */

static const struct vm_frame_chunk *chunk_at(const struct work *w, unsigned layer, size_t member, uint32_t chunk)
{
	const struct vm_frameset *s = &w->g->members.v[member].mapped.layer[layer];
	const size_t at = w->at[layer * w->g->members.n + member];
	return at < s->chunks.n && s->chunks.v[at].chunk == chunk ? &s->chunks.v[at] : NULL;
}

static bool next_chunk(const struct work *w, uint32_t *chunk)
{
	bool any = false;
	for (size_t i = 0; i < w->g->members.n; i++) {
		const struct vm_frameset *s = &w->g->members.v[i].mapped.layer[0];
		if (w->at[i] < s->chunks.n && (!any || s->chunks.v[w->at[i]].chunk < *chunk)) {
			*chunk = s->chunks.v[w->at[i]].chunk;
			any = true;
		}
	}
	return any;
}

static int gather(struct work *w, uint32_t chunk)
{
	const struct vm_framepool *pool = &w->g->pool;
	w->parts.n = w->holders.n = 0;
	vm_map_clear(&w->seen);
	for (size_t i = 0; i < w->g->members.n; i++) {
		const struct vm_frame_chunk *c = chunk_at(w, 0, i, chunk);
		uint32_t part = (uint32_t)w->parts.n;
		if (!c)
			continue;
		const bool small = c->piece & VM_PIECE_SMALL;
		if (small || !vm_map_get(&w->seen, c->piece, &part)) {
			struct part p = { .members = 0 };
			vm_frameset_bits(pool, &w->g->members.v[i].mapped.layer[0], c, &p.bits);
			if (!vm_vec_push(&w->parts, p) || (!small && !vm_map_put(&w->seen, c->piece, part)))
				return -ENOMEM;
		}
		w->parts.v[part].members++;
		if (!vm_vec_push(&w->holders, ((struct holder){ .member = (uint32_t)i, .part = part })))
			return -ENOMEM;
	}
	return 0;
}

/** Frames that one member has, and those that two have. */
static void unite(struct work *w)
{
	w->all = w->twice = (struct vm_chunk_bits){ .w = { 0 } };
	for (size_t i = 0; i < w->parts.n; i++) {
		const struct part *p = &w->parts.v[i];
		for (unsigned k = 0; k < WORDS; k++) {
			w->twice.w[k] |= p->members > 1 ? p->bits.w[k] : w->all.w[k] & p->bits.w[k];
			w->all.w[k] |= p->bits.w[k];
		}
	}
}

/* ---- The frames themselves ----------------------------------------------------------------------------------------- */

static int read_facts(struct work *w, uint32_t chunk)
{
	for (unsigned i = 0, end; i < WORDS; i = end) {
		end = i + 1;
		if (!w->all.w[i])
			continue;
		while (end < WORDS && w->all.w[end])
			end++;
		int r = w->facts(w->ctx, (uint64_t)chunk * FRAMES + i * 64, (end - i) * 64, w->flags + i * 64, w->count + i * 64);
		if (r < 0)
			return r;
	}
	return 0;
}

static int classify(struct work *w)
{
	struct class *c = NULL;
	w->classes.n = 0;
	vm_map_clear(&w->seen);
	for (unsigned i = 0; i < WORDS; i++)
		for (uint64_t left = w->all.w[i]; left; left &= left - 1) {
			const unsigned frame = i * 64 + (unsigned)__builtin_ctzll(left);
			const enum vm_share_kind kind = vm_share_kind(w->flags[frame]);
			const uint64_t key = w->count[frame] * VM_SK_NR + kind;
			uint32_t at = (uint32_t)w->classes.n;
			if (!c || c->key != key) {
				if (!vm_map_get(&w->seen, key, &at)) {
					const struct class fresh = { .key = key, .kind = kind, .count = w->count[frame], .first = i };
					if (!vm_vec_push(&w->classes, fresh) || !vm_map_put(&w->seen, key, at))
						return -ENOMEM;
				}
				c = &w->classes.v[at];
			}
			c->bits.w[i] |= left & -left;
			c->last = i;
		}
	memset(w->kind, 0, sizeof(w->kind));
	for (size_t k = 0; k < w->classes.n; k++)
		for (unsigned i = w->classes.v[k].first; i <= w->classes.v[k].last; i++)
			w->kind[w->classes.v[k].kind].w[i] |= w->classes.v[k].bits.w[i];
	return 0;
}

static void add_mapped(struct work *w, const struct vm_chunk_bits *bits, uint32_t times)
{
	for (unsigned i = 0; i < WORDS; i++)
		for (uint64_t left = bits->w[i]; left; left &= left - 1)
			w->mapped[i * 64 + (unsigned)__builtin_ctzll(left)] += times;
}

/** Bytes of each class that the bits have, into a sum. */
static void add_classes(const struct work *w, const struct vm_chunk_bits *bits, struct vm_share_sum *sum)
{
	for (size_t k = 0; k < w->classes.n; k++) {
		const struct class *c = &w->classes.v[k];
		const uint64_t n = count_and(bits, &c->bits, c->first, c->last);
		if (n)
			vm_share_sum_count(sum, c->kind, c->count, n);
	}
}

/** What members map once more, and once more again. */
static void add_layers(struct work *w, uint32_t chunk)
{
	for (size_t i = 0; i < w->g->members.n; i++) {
		struct vm_group_member *m = &w->g->members.v[i];
		for (unsigned layer = 1; layer < VM_FRAME_LAYERS; layer++) {
			const struct vm_frame_chunk *c = chunk_at(w, layer, i, chunk);
			struct vm_chunk_bits bits;
			if (!c)
				break;
			vm_frameset_bits(&w->g->pool, &m->mapped.layer[layer], c, &bits);
			add_classes(w, &bits, &m->sum.sum);
			add_mapped(w, &bits, 1);
			w->at[layer * w->g->members.n + i]++;
		}
		size_t *at = &w->at[VM_FRAME_LAYERS * w->g->members.n + i];
		for (; *at < m->mapped.more.n && m->mapped.more.v[*at].pfn / FRAMES == chunk; ++*at) {
			const struct vm_frame_more *more = &m->mapped.more.v[*at];
			const unsigned frame = (unsigned)(more->pfn % FRAMES);
			vm_share_sum_count(&m->sum.sum, vm_share_kind(w->flags[frame]), w->count[frame], more->times);
			w->mapped[frame] += (uint32_t)more->times;
		}
	}
}

/** Frames that nobody else maps; those that have one mapping and two members. */
static void find_ours(struct work *w)
{
	w->ours = w->once_mapped = (struct vm_chunk_bits){ .w = { 0 } };
	for (size_t k = 0; k < w->classes.n; k++) {
		const struct class *c = &w->classes.v[k];
		for (unsigned i = c->first; i <= c->last; i++)
			for (uint64_t left = c->bits.w[i]; left; left &= left - 1) {
				const unsigned frame = i * 64 + (unsigned)__builtin_ctzll(left);
				if (w->mapped[frame] >= c->count)
					w->ours.w[i] |= left & -left;
				if (c->count == 1 && set_has(&w->twice, frame))
					w->once_mapped.w[i] |= left & -left;
			}
	}
}

/* ---- Sums -------------------------------------------------------------------------------------------------------- */

/** What bits have in common with what is shared, ours and so on. */
static void sum_bits(const struct work *w, const struct vm_chunk_bits *bits, struct vm_group_sum *out)
{
	for (unsigned k = 0; k < VM_SK_NR; k++) {
		out->frames[k] += count_and(bits, &w->kind[k], 0, WORDS - 1) * 4096;
		out->shared[k] += count_and3(bits, &w->kind[k], &w->twice) * 4096;
	}
	out->ours += count_and(bits, &w->ours, 0, WORDS - 1) * 4096;
	out->twins += count_and(bits, &w->once_mapped, 0, WORDS - 1) * 4096;
}

static void join(struct vm_group_sum *to, const struct vm_group_sum *from)
{
	vm_share_sum_join(&to->sum, &from->sum);
	for (unsigned k = 0; k < VM_SK_NR; k++) {
		to->frames[k] += from->frames[k];
		to->shared[k] += from->shared[k];
	}
	to->ours += from->ours;
	to->twins += from->twins;
}

static int add_sums(struct work *w)
{
	struct vm_group_sum *of = calloc(w->parts.n + 1, sizeof(*of));
	if (!of)
		return -ENOMEM;
	for (size_t i = 0; i < w->parts.n; i++) {
		add_classes(w, &w->parts.v[i].bits, &of[i].sum);
		sum_bits(w, &w->parts.v[i].bits, &of[i]);
	}
	for (size_t i = 0; i < w->holders.n; i++)
		join(&w->g->members.v[w->holders.v[i].member].sum, &of[w->holders.v[i].part]);
	add_classes(w, &w->all, &w->g->all.sum);
	sum_bits(w, &w->all, &w->g->all);
	free(of);
	return 0;
}

/* ---- Pairs ------------------------------------------------------------------------------------------------------- */

static int by_part(const void *a, const void *b)
{
	const struct holder *x = a, *y = b;
	return x->part != y->part ? (x->part > y->part) - (x->part < y->part) : (x->member > y->member) - (x->member < y->member);
}

/** What is left of the parts where only frames that two members have count; equal ones are one again. */
static int find_rests(struct work *w)
{
	uint32_t *rest = malloc((w->parts.n + 1) * sizeof(*rest));
	int r = rest ? 0 : -ENOMEM;
	w->rests.n = w->rest_holders.n = 0;
	vm_map_clear(&w->seen);
	for (size_t i = 0; i < w->parts.n && r == 0; i++) {
		struct part p = { .members = 0 };
		for (unsigned k = 0; k < WORDS; k++)
			p.bits.w[k] = w->parts.v[i].bits.w[k] & w->twice.w[k];
		rest[i] = UINT32_MAX;
		if (is_empty(&p.bits))
			continue;
		uint64_t h = hash(&p.bits);
		while (vm_map_get(&w->seen, h, &rest[i]) && memcmp(&w->rests.v[rest[i]].bits, &p.bits, sizeof(p.bits)) != 0) {
			rest[i] = UINT32_MAX;
			h++;
		}
		if (rest[i] != UINT32_MAX)
			continue;
		rest[i] = (uint32_t)w->rests.n;
		if (!vm_vec_push(&w->rests, p) || !vm_map_put(&w->seen, h, rest[i]))
			r = -ENOMEM;
	}
	for (size_t i = 0; i < w->holders.n && r == 0; i++) {
		const struct holder h = { .member = w->holders.v[i].member, .part = rest[w->holders.v[i].part] };
		if (h.part == UINT32_MAX)
			continue;
		w->rests.v[h.part].members++;
		r = vm_vec_push(&w->rest_holders, h) ? 0 : -ENOMEM;
	}
	if (w->rest_holders.n)
		qsort(w->rest_holders.v, w->rest_holders.n, sizeof(w->rest_holders.v[0]), by_part);
	free(rest);
	return r;
}

static void add_pair(struct work *w, const struct holder *a, size_t na, const struct holder *b, size_t nb, const uint32_t *pages)
{
	for (size_t i = 0; i < na; i++)
		for (size_t j = a == b ? i + 1 : 0; j < nb; j++) {
			uint32_t *to = w->g->pairs[vm_pair_index(a[i].member, b[j].member)];
			for (unsigned k = 0; k < VM_SK_NR; k++)
				to[k] += pages[k];
		}
}

/** Frames that two rests have, by kind; whether there are any. */
static bool intersect(const struct work *w, const struct part *a, const struct part *b, const bool *kinds, uint32_t *pages)
{
	struct vm_chunk_bits both;
	uint64_t some = 0;
	for (unsigned k = 0; k < WORDS; k++) {
		both.w[k] = a->bits.w[k] & b->bits.w[k];
		some |= both.w[k];
	}
	for (unsigned k = 0; k < VM_SK_NR; k++)
		pages[k] = some && kinds[k] ? (uint32_t)count_and(&both, &w->kind[k], 0, WORDS - 1) : 0;
	return some;
}

static int add_pairs(struct work *w)
{
	bool kinds[VM_SK_NR];
	uint32_t pages[VM_SK_NR];
	int r = find_rests(w);
	if (r < 0)
		return r;
	for (unsigned k = 0; k < VM_SK_NR; k++)
		kinds[k] = count_and(&w->twice, &w->kind[k], 0, WORDS - 1) > 0;
	const struct holder *a = w->rest_holders.v;
	for (size_t i = 0; i < w->rests.n; i++) {
		const size_t na = w->rests.v[i].members;
		const struct holder *b = a;
		for (size_t j = i; j < w->rests.n; j++) {
			const size_t nb = w->rests.v[j].members;
			if ((i != j || na > 1) && intersect(w, &w->rests.v[i], &w->rests.v[j], kinds, pages))
				add_pair(w, a, na, b, nb, pages);
			b += nb;
		}
		a += na;
	}
	return 0;
}

/* ---- Clusters ---------------------------------------------------------------------------------------------------- */

static int add_clusters(struct work *w)
{
	struct two { struct vm_chunk_bits once, twice; } *of = calloc(w->g->clusters, sizeof(*of));
	if (!of)
		return -ENOMEM;
	for (size_t i = 0; i < w->holders.n; i++) {
		const uint32_t c = w->g->members.v[w->holders.v[i].member].cluster;
		const struct vm_chunk_bits *b = &w->parts.v[w->holders.v[i].part].bits;
		for (unsigned k = 0; k < WORDS && c < w->g->clusters; k++) {
			of[c].twice.w[k] |= of[c].once.w[k] & b->w[k];
			of[c].once.w[k] |= b->w[k];
		}
	}
	for (size_t i = 0; i < w->holders.n; i++) {
		struct vm_group_member *m = &w->g->members.v[w->holders.v[i].member];
		for (unsigned k = 0; k < VM_SK_NR && m->cluster < w->g->clusters; k++)
			m->sum.cluster[k] += count_and3(&w->parts.v[w->holders.v[i].part].bits, &of[m->cluster].twice, &w->kind[k]) * 4096;
	}
	free(of);
	return 0;
}

/* ---- All of it ------------------------------------------------------------------------------------------------------ */

static int compare_chunk(struct work *w, uint32_t chunk)
{
	int r = gather(w, chunk);
	if (r < 0)
		return r;
	unite(w);
	r = read_facts(w, chunk);
	if (r == 0)
		r = classify(w);
	if (r < 0)
		return r;
	memset(w->mapped, 0, sizeof(w->mapped));
	for (size_t i = 0; i < w->parts.n; i++)
		add_mapped(w, &w->parts.v[i].bits, w->parts.v[i].members);
	add_layers(w, chunk);
	find_ours(w);
	r = add_sums(w);
	if (r == 0 && w->g->pairs && !is_empty(&w->twice))
		r = add_pairs(w);
	if (r == 0 && w->g->clusters)
		r = add_clusters(w);
	for (size_t i = 0; i < w->holders.n; i++)
		w->at[w->holders.v[i].member]++;
	return r;
}

int vm_sharegroup_compare(struct vm_sharegroup *g, vm_frame_facts *facts, void *ctx)
{
	const size_t n = g->members.n;
	struct work *w = calloc(1, sizeof(*w));
	uint32_t chunk = 0;
	int r = -ENOMEM;
	if (w) {
		w->g = g;
		w->facts = facts;
		w->ctx = ctx;
		w->at = calloc(n * (VM_FRAME_LAYERS + 1) + 1, sizeof(*w->at));
		g->pairs = n <= VM_GROUP_PAIRS_MOST ? calloc(n * n / 2 + 1, sizeof(*g->pairs)) : NULL;
		r = w->at && (g->pairs || n > VM_GROUP_PAIRS_MOST) ? 0 : -ENOMEM;
	}
	while (r == 0 && next_chunk(w, &chunk))
		r = compare_chunk(w, chunk);
	if (w) {
		free(w->at);
		vm_map_free(&w->seen);
		vm_vec_free(&w->parts);
		vm_vec_free(&w->holders);
		vm_vec_free(&w->rests);
		vm_vec_free(&w->rest_holders);
		vm_vec_free(&w->classes);
	}
	free(w);
	return r;
}

long vm_sharegroup_member(struct vm_sharegroup *g)
{
	struct vm_group_member m = { .cluster = VM_NO_CLUSTER };
	if (vm_framebuild_end(&g->build, &g->pool, &m.mapped) < 0 || !vm_vec_push(&g->members, m)) {
		vm_frames_mapped_free(&m.mapped);
		return -ENOMEM;
	}
	return (long)g->members.n - 1;
}

uint64_t vm_sharegroup_pair(const struct vm_sharegroup *g, size_t a, size_t b, unsigned kind)
{
	const uint32_t *pages = g->pairs[vm_pair_index(a, b)];
	uint64_t n = 0;
	for (unsigned k = 0; k < VM_SK_NR; k++)
		n += kind == VM_SK_NR || kind == k ? pages[k] : 0;
	return n * 4096;
}

void vm_sharegroup_free(struct vm_sharegroup *g)
{
	for (size_t i = 0; i < g->members.n; i++)
		vm_frames_mapped_free(&g->members.v[i].mapped);
	vm_vec_free(&g->members);
	vm_framebuild_free(&g->build);
	vm_framepool_free(&g->pool);
	free(g->pairs);
	*g = (struct vm_sharegroup){ 0 };
}
