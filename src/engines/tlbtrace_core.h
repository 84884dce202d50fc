/** The functions of tlbtrace.h; include that. */
#ifndef VM_ENGINES_TLBTRACE_CORE_H
#define VM_ENGINES_TLBTRACE_CORE_H

enum { VM_TLBTRACE_PAGE = 4096, VM_TLBTRACE_PAGE_SHIFT = 12, VM_TLBTRACE_REGION_PAGES = 512 };

/* ---- Records ------------------------------------------------------------------------------------------------------ */

static inline void *vm_tlbtrace_new(struct vm_tlbtrace *c, struct vm_tlbtrace_pool *pool, size_t bytes)
{
	if (!pool->left) {
		pool->slab = c->ops->alloc(c->ctx, bytes * VM_TLBTRACE_SLAB);
		pool->left = VM_TLBTRACE_SLAB;
	}
	return pool->slab + bytes * (VM_TLBTRACE_SLAB - pool->left--);
}

/** Fibonacci hashing: the upper bits of the product (Knuth, The Art of Computer Programming, 6.4). */
static inline size_t vm_tlbtrace_bucket(uint64_t key, size_t buckets)
{
	return (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (buckets - 1);
}

static inline void vm_tlbtrace_grow_regions(struct vm_tlbtrace *c)
{
	const size_t to = c->region_buckets * 4;
	struct vm_tlbtrace_region **bucket = c->ops->alloc(c->ctx, to * sizeof(struct vm_tlbtrace_region *));
	for (size_t i = 0; i < c->region_buckets; i++)
		for (struct vm_tlbtrace_region *r = c->region[i], *next; r; r = next) {
			const size_t b = vm_tlbtrace_bucket(r->number, to);
			next = r->next;
			r->next = bucket[b];
			bucket[b] = r;
		}
	c->ops->free(c->ctx, c->region);
	c->region = bucket;
	c->region_buckets = to;
}

/** The region, if something of it was touched before. */
static inline struct vm_tlbtrace_region *vm_tlbtrace_region_of(const struct vm_tlbtrace *c, uint64_t number)
{
	struct vm_tlbtrace_region *r = c->region[vm_tlbtrace_bucket(number, c->region_buckets)];
	while (r && r->number != number)
		r = r->next;
	return r;
}

static inline struct vm_tlbtrace_region *vm_tlbtrace_region(struct vm_tlbtrace *c, struct vm_tlbtrace_thread *t, uint64_t number)
{
	struct vm_tlbtrace_region **at_hand = &t->near[number % VM_TLBTRACE_NEAR];
	if (*at_hand && (*at_hand)->number == number)
		return *at_hand;
	struct vm_tlbtrace_region *r = vm_tlbtrace_region_of(c, number);
	if (!r) {
		if (c->nregions++ > c->region_buckets)
			vm_tlbtrace_grow_regions(c);
		struct vm_tlbtrace_region **bucket = &c->region[vm_tlbtrace_bucket(number, c->region_buckets)];
		r = vm_tlbtrace_new(c, &c->region_pool, sizeof(*r));
		r->number = number;
		r->next = *bucket;
		*bucket = r;
	}
	*at_hand = r;
	return r;
}

static inline bool vm_tlbtrace_same_text(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static inline const char *vm_tlbtrace_keep_text(struct vm_tlbtrace *c, const char *text)
{
	size_t n = 0;
	while (text[n])
		n++;
	char *to = c->ops->alloc(c->ctx, n + 1);
	for (size_t i = 0; i < n; i++)
		to[i] = text[i];
	return to;
}

/** The record of the mapping that holds an address now; NULL: it isn't known. */
static inline struct vm_tlbtrace_mapping *vm_tlbtrace_mapping(struct vm_tlbtrace *c, uint64_t addr)
{
	struct vm_tlbtrace_place p;
	if (!c->ops->place(c->ctx, addr, &p))
		return NULL;
	struct vm_tlbtrace_mapping **bucket = &c->by_key[vm_tlbtrace_bucket(p.key, VM_TLBTRACE_BUCKETS)], *m = *bucket;
	while (m && (m->place.key != p.key || m->place.offset != p.offset || m->place.inode != p.inode ||
		     m->place.exec != p.exec || !vm_tlbtrace_same_text(m->place.name, p.name)))
		m = m->alike;
	if (m) {
		/* The latest says how it lies; the longest, how long it was. */
		m->place.start = p.start < m->place.start ? p.start : m->place.start;
		m->place.end = p.end > m->place.end ? p.end : m->place.end;
		return m;
	}
	m = c->ops->alloc(c->ctx, sizeof(*m));
	m->place = p;
	m->place.name = vm_tlbtrace_keep_text(c, p.name);
	m->id = c->nmappings++;
	m->next = c->mappings;
	c->mappings = m;
	m->alike = *bucket;
	*bucket = m;
	return m;
}

/** The same for an address of a region with several, by what this thread found before. */
static inline struct vm_tlbtrace_mapping *vm_tlbtrace_mapping_at(struct vm_tlbtrace *c, struct vm_tlbtrace_thread *t, uint64_t addr)
{
	const uint64_t page = addr >> VM_TLBTRACE_PAGE_SHIFT, at = page % VM_TLBTRACE_NEAR;
	if (t->place[at].page != page || !t->place[at].mapping) {
		t->place[at].page = page;
		t->place[at].mapping = vm_tlbtrace_mapping(c, addr);
	}
	return t->place[at].mapping;
}

static inline void vm_tlbtrace_grow_sites(struct vm_tlbtrace *c)
{
	const size_t to = c->site_buckets * 4;
	struct vm_tlbtrace_site **bucket = c->ops->alloc(c->ctx, to * sizeof(struct vm_tlbtrace_site *));
	for (size_t i = 0; i < c->site_buckets; i++)
		for (struct vm_tlbtrace_site *s = c->site[i], *next; s; s = next) {
			const size_t b = vm_tlbtrace_bucket(s->ip, to);
			next = s->next;
			s->next = bucket[b];
			bucket[b] = s;
		}
	c->ops->free(c->ctx, c->site);
	c->site = bucket;
	c->site_buckets = to;
}

/** The record of an instruction: of what it accesses, or (code) of what fetching it needs.  Stays where it is. */
static inline struct vm_tlbtrace_site *vm_tlbtrace_site(struct vm_tlbtrace *c, uint64_t ip, bool code)
{
	struct vm_tlbtrace_site *s;
	if (c->ops->lock)
		c->ops->lock(c->ctx);
	for (s = c->site[vm_tlbtrace_bucket(ip, c->site_buckets)]; s && (s->ip != ip || s->code != code); s = s->next)
		;
	if (!s) {
		if (c->nsites++ > c->site_buckets)
			vm_tlbtrace_grow_sites(c);
		struct vm_tlbtrace_site **bucket = &c->site[vm_tlbtrace_bucket(ip, c->site_buckets)];
		s = vm_tlbtrace_new(c, &c->site_pool, sizeof(*s));
		*s = (struct vm_tlbtrace_site){ .ip = ip, .code = code, .next = *bucket, .mapping = vm_tlbtrace_mapping(c, ip) };
		*bucket = s;
	}
	if (c->ops->unlock)
		c->ops->unlock(c->ctx);
	return s;
}

/* ---- Threads ------------------------------------------------------------------------------------------------------ */

static inline void vm_tlbtrace_filter_clear(struct vm_tlbtrace_filter *f)
{
	for (int i = 0; i < VM_TLBTRACE_FILTER; i++)
		f->page[i] = f->region[i] = UINT64_MAX;
}

/**
 * A page that was the latest among those with the same lowest bits, and its region likewise, is the latest of its set
 * whichever size it has: to touch it again changes nothing.  That needs sets chosen by lowest bits, and a buffer for each
 * size; else the filter knows one page, the very latest.
 */
static inline void vm_tlbtrace_filter_init(struct vm_tlbtrace_filter *f, const struct vm_tlb_shape l1[VM_TLB_SIZES])
{
	const struct vm_tlb_shape *page = &l1[VM_TLB_4K], *region = &l1[VM_TLB_2M];
	const bool plain = !page->hashed && !region->hashed && vm_tlb_entries(*page) && vm_tlb_entries(*region);
	f->page_mask = plain ? (page->sets < VM_TLBTRACE_FILTER ? page->sets : VM_TLBTRACE_FILTER) - 1 : 0;
	f->region_mask = plain ? (region->sets < VM_TLBTRACE_FILTER ? region->sets : VM_TLBTRACE_FILTER) - 1 : 0;
	vm_tlbtrace_filter_clear(f);
}

static inline void vm_tlbtrace_copy(uint64_t *to, const uint64_t *from, size_t words)
{
	for (size_t i = 0; i < words; i++)
		to[i] = from[i];
}

static inline void vm_tlbtrace_pages_clear(struct vm_tlbtrace_thread *t)
{
	for (int i = 0; i < VM_TLBTRACE_PAGES; i++)
		t->page[i].epoch = 0;
	for (int i = 0; i < VM_TLBTRACE_NEAR; i++)
		t->place[i].mapping = NULL;
}

/** Empty TLBs; all policies have met the same sizes so far. */
static inline void vm_tlbtrace_thread_reset(const struct vm_tlbtrace *c, struct vm_tlbtrace_thread *t)
{
	vm_tlbtrace_filter_init(&t->data, c->geometry.l1d);
	vm_tlbtrace_filter_init(&t->code, c->geometry.l1i);
	vm_tlbsim_clear(&t->tlb[VM_TLB_ALL_4K]);
	vm_tlbwalk_clear(&t->walk[VM_TLB_ALL_4K]);
	for (unsigned p = 0; p < VM_TLB_POLICIES; p++)
		t->tlb_of[p] = t->walk_of[p] = VM_TLB_ALL_4K;
	t->own[0] = VM_TLB_ALL_4K;
	t->owns = 1;
	vm_tlbtrace_pages_clear(t);
}

/** A new thread. */
static inline struct vm_tlbtrace_thread *vm_tlbtrace_thread(struct vm_tlbtrace *c)
{
	struct vm_tlbtrace_thread *t;
	if (c->ops->lock)
		c->ops->lock(c->ctx);
	for (t = c->threads; t && !t->ended; t = t->next)
		;
	if (!t) {
		t = c->ops->alloc(c->ctx, sizeof(*t));
		for (unsigned p = 0; p < c->policies; p++) {
			const size_t tlb = vm_tlbsim_words(&c->geometry), walk = vm_tlbwalk_words(&c->geometry);
			uint64_t *memory = c->ops->alloc(c->ctx, (tlb + walk) * sizeof(uint64_t));
			vm_tlbsim_init(&t->tlb[p], &c->geometry, c->split && p != VM_TLB_ALL_2M_WHOLE, memory);
			vm_tlbwalk_init(&t->walk[p], &c->geometry, memory + tlb);
		}
		t->next = c->threads;
		c->threads = t;
	}
	t->ended = false;
	vm_tlbtrace_thread_reset(c, t);
	if (c->ops->unlock)
		c->ops->unlock(c->ctx);
	return t;
}

/** It counts no more; what it counted is kept. */
static inline void vm_tlbtrace_thread_ended(struct vm_tlbtrace_thread *t)
{
	t->ended = true;
}

/* ---- Accesses ----------------------------------------------------------------------------------------------------- */

static inline unsigned vm_tlbtrace_touched(const struct vm_tlbtrace_region *r)
{
	unsigned pages = 0;
	for (int w = 0; w < 8; w++)
		for (uint64_t bits = r->touched[w]; bits; bits &= bits - 1)
			pages++;
	return pages;
}

/** All of a region is of another mapping than before, as when its protection was changed: so are its pages. */
static inline void vm_tlbtrace_move(const struct vm_tlbtrace_region *r, struct vm_tlbtrace_mapping *from,
				    struct vm_tlbtrace_mapping *to)
{
	if (!from || !to || from == to)
		return;
	from->pages -= vm_tlbtrace_touched(r);
	to->pages += vm_tlbtrace_touched(r);
}

/** What is known of the region of an address, as of now. */
static inline void vm_tlbtrace_know(struct vm_tlbtrace *c, struct vm_tlbtrace_region *r, uint64_t addr)
{
	if (!r->known) {
		const uint64_t start = r->number << VM_TLBSIM_PMD_SHIFT, end = start + (UINT64_C(1) << VM_TLBSIM_PMD_SHIFT);
		struct vm_tlbtrace_place p;
		const bool whole = c->ops->place(c->ctx, addr, &p) && p.start <= start && p.end >= end;
		struct vm_tlbtrace_mapping *was = r->mapping;
		r->mapping = whole ? vm_tlbtrace_mapping(c, addr) : NULL;
		vm_tlbtrace_move(r, was, r->mapping);
		r->can_2m = whole && p.can_2m;
		r->known = true;
		r->epoch = c->epoch - 1;
	}
	if (r->epoch != c->epoch) {
		r->size = c->ops->page_size(c->ctx, addr);
		r->epoch = c->epoch;
	}
}

/** A policy that meets another size than the one whose TLBs it has shared gets TLBs of its own. */
static inline void vm_tlbtrace_part(struct vm_tlbtrace_thread *t, enum vm_tlb_policy p)
{
	const struct vm_tlbsim *tlb = &t->tlb[VM_TLB_ALL_4K];
	const struct vm_tlbwalk *walk = &t->walk[VM_TLB_ALL_4K];
	if (t->tlb_of[p] != p && !t->tlb[p].split) {
		vm_tlbtrace_copy(t->tlb[p].memory, tlb->memory, tlb->words);
		t->tlb_of[p] = p;
		t->own[t->owns++] = p;
	}
	if (t->walk_of[p] != p) {
		vm_tlbtrace_copy(t->walk[p].memory, walk->memory, walk->words);
		t->walk_of[p] = p;
	}
}

/** The page of an address, with the sizes that each policy gives it. */
static inline const struct vm_tlbtrace_page *vm_tlbtrace_page(struct vm_tlbtrace *c, struct vm_tlbtrace_thread *t, uint64_t addr)
{
	const uint64_t number = addr >> VM_TLBTRACE_PAGE_SHIFT;
	struct vm_tlbtrace_page *p = &t->page[number % VM_TLBTRACE_PAGES];
	if (__builtin_expect(p->number == number && p->epoch == c->epoch, 1))
		return p;
	struct vm_tlbtrace_region *r = vm_tlbtrace_region(c, t, addr >> VM_TLBSIM_PMD_SHIFT);
	vm_tlbtrace_know(c, r, addr);
	p->number = number;
	p->epoch = c->epoch;
	p->region = r;
	p->size[VM_TLB_AS_IS] = (uint8_t)r->size;
	p->size[VM_TLB_ALL_4K] = VM_TLB_4K;
	p->size[VM_TLB_ALL_2M] = p->size[VM_TLB_ALL_2M_WHOLE] = r->can_2m || r->size != VM_TLB_4K ? VM_TLB_2M : VM_TLB_4K;
	for (unsigned i = 0; i < c->policies; i++)
		if (p->size[i] != VM_TLB_4K)
			vm_tlbtrace_part(t, (enum vm_tlb_policy)i);
	uint64_t *touched = &r->touched[number % VM_TLBTRACE_REGION_PAGES / 64];
	const uint64_t bit = UINT64_C(1) << number % 64;
	if (!(*touched & bit)) {
		struct vm_tlbtrace_mapping *m = r->mapping ? r->mapping : vm_tlbtrace_mapping_at(c, t, addr);
		*touched |= bit;
		if (m)
			m->pages++;
	}
	return p;
}

/** What an access met, by policy. */
struct vm_tlbtrace_met {
	enum vm_tlbsim_where where;
	struct vm_tlbwalk_cost cost;
	bool huge;
};

static inline void vm_tlbtrace_add(struct vm_tlb_tallies *to, const struct vm_tlbtrace_met *met, unsigned policies)
{
	for (unsigned p = 0; p < policies; p++) {
		struct vm_tlb_tally *t = &to->policy[p];
		if (met[p].where == VM_TLBSIM_L1)
			continue;
		t->l1++;
		if (met[p].where == VM_TLBSIM_STLB)
			continue;
		t->walks++;
		t->walks_2m += met[p].huge;
		t->near += met[p].cost.near;
		t->near_2m += met[p].cost.near && met[p].huge;
		t->refs += met[p].cost.refs;
	}
}

/** It missed in the first level of those whose bit is set in `missed`: on to the second, and to walks. */
static inline void vm_tlbtrace_missed(struct vm_tlbtrace *c, struct vm_tlbtrace_thread *t, struct vm_tlbtrace_site *site,
				      uint64_t addr, const struct vm_tlbtrace_page *page, unsigned missed)
{
	/* Those that are shared come first. */
	static const enum vm_tlb_policy order[] = { VM_TLB_ALL_4K, VM_TLB_AS_IS, VM_TLB_ALL_2M, VM_TLB_ALL_2M_WHOLE };
	struct vm_tlbtrace_met met[VM_TLB_POLICIES];
	for (unsigned i = 0; i < c->policies; i++) {
		const enum vm_tlb_policy p = order[i], of = t->tlb_of[p];
		const enum vm_tlb_size size = (enum vm_tlb_size)page->size[p];
		met[p].huge = size != VM_TLB_4K;
		if (!(missed >> of & 1))
			met[p].where = VM_TLBSIM_L1;
		else if (of != p)
			met[p].where = met[of].where;
		else
			met[p].where = vm_tlbsim_second(&t->tlb[p], addr, size) ? VM_TLBSIM_STLB : VM_TLBSIM_WALK;
		/* Who shares page-walk caches shares TLBs as well. */
		if (met[p].where == VM_TLBSIM_WALK)
			met[p].cost = t->walk_of[p] == p ? vm_tlbwalk(&t->walk[p], addr, size) : met[t->walk_of[p]].cost;
	}
	struct vm_tlbtrace_mapping *m = page->region->mapping ? page->region->mapping : vm_tlbtrace_mapping_at(c, t, addr);
	vm_tlbtrace_add(site->code ? &c->code : &c->data, met, c->policies);
	vm_tlbtrace_add(&site->misses, met, c->policies);
	if (m)
		vm_tlbtrace_add(site->code ? &m->code : &m->data, met, c->policies);
}

/** An access to one page that isn't told inline. */
static __attribute__((noinline, unused))
void vm_tlbtrace_slow(struct vm_tlbtrace *c, struct vm_tlbtrace_thread *t, struct vm_tlbtrace_site *site, uint64_t addr)
{
	unsigned missed = 0;
	if (c->ops->lock)
		c->ops->lock(c->ctx);
	if (__builtin_expect(++c->slow % VM_TLBTRACE_REFRESH == 0, 0))
		c->epoch++;
	const struct vm_tlbtrace_page *page = vm_tlbtrace_page(c, t, addr);
	for (unsigned i = 0; i < t->owns; i++) {
		const enum vm_tlb_policy p = t->own[i];
		missed |= (unsigned)!vm_tlbsim_first(&t->tlb[p], site->code, addr, (enum vm_tlb_size)page->size[p]) << p;
	}
	if (missed)
		vm_tlbtrace_missed(c, t, site, addr, page, missed);
	struct vm_tlbtrace_filter *f = site->code ? &t->code : &t->data;
	const bool giant = page->size[VM_TLB_AS_IS] == VM_TLB_1G;
	const uint64_t number = addr >> VM_TLBSIM_PMD_SHIFT;
	f->page[page->number & f->page_mask] = giant ? UINT64_MAX : page->number;
	f->region[number & f->region_mask] = giant ? UINT64_MAX : number;
	if (c->ops->unlock)
		c->ops->unlock(c->ctx);
}

static inline bool vm_tlbtrace_told(const struct vm_tlbtrace_filter *f, uint64_t addr)
{
	const uint64_t page = addr >> VM_TLBTRACE_PAGE_SHIFT, number = addr >> VM_TLBSIM_PMD_SHIFT;
	return f->page[page & f->page_mask] == page && f->region[number & f->region_mask] == number;
}

/** An access to data by the instruction `site`; the engine has counted it. */
static inline void vm_tlbtrace_data(struct vm_tlbtrace *c, struct vm_tlbtrace_thread *t, struct vm_tlbtrace_site *site,
				    uint64_t addr, unsigned size)
{
	if (__builtin_expect(!vm_tlbtrace_told(&t->data, addr), 0))
		vm_tlbtrace_slow(c, t, site, addr);
	/* An access that crosses pages needs all of them. */
	const uint64_t last = addr + size - 1;
	for (uint64_t a = addr | (VM_TLBTRACE_PAGE - 1); __builtin_expect(a < last, 0); a += VM_TLBTRACE_PAGE)
		if (!vm_tlbtrace_told(&t->data, a + 1))
			vm_tlbtrace_slow(c, t, site, a + 1);
}

/** Instructions are fetched from the page of `addr`; `site` is of code. */
static inline void vm_tlbtrace_fetch(struct vm_tlbtrace *c, struct vm_tlbtrace_thread *t, struct vm_tlbtrace_site *site,
				     uint64_t addr)
{
	if (__builtin_expect(!vm_tlbtrace_told(&t->code, addr), 0))
		vm_tlbtrace_slow(c, t, site, addr);
}

/* ---- Changes ------------------------------------------------------------------------------------------------------ */

/**
 * Something is otherwise in [from, to): mapped, protected, advised; or (gone) unmapped, so that translations are too.
 * Call it when the kernel has done it.  Other threads must not be within vm_tlbtrace_data() or _fetch().
 */
static inline void vm_tlbtrace_changed(struct vm_tlbtrace *c, uint64_t from, uint64_t to, bool gone)
{
	const uint64_t first = from >> VM_TLBSIM_PMD_SHIFT, last = (to - 1) >> VM_TLBSIM_PMD_SHIFT;
	if (from >= to)
		return;
	if (last - first < c->region_buckets) {
		for (uint64_t n = first; n <= last; n++) {
			struct vm_tlbtrace_region *r = vm_tlbtrace_region_of(c, n);
			if (r)
				r->known = false;
		}
	} else {
		for (size_t i = 0; i < c->region_buckets; i++)
			for (struct vm_tlbtrace_region *r = c->region[i]; r; r = r->next)
				r->known &= r->number < first || r->number > last;
	}
	for (struct vm_tlbtrace_thread *t = c->threads; t; t = t->next) {
		vm_tlbtrace_pages_clear(t);
		vm_tlbtrace_filter_clear(&t->data);
		vm_tlbtrace_filter_clear(&t->code);
		for (unsigned p = 0; gone && p < c->policies; p++)
			if (t->tlb_of[p] == p)
				vm_tlbsim_forget(&t->tlb[p], from, to);
	}
}

/** In the child of a fork: it begins with nothing counted and empty TLBs; `t` is its only thread. */
static inline void vm_tlbtrace_forked(struct vm_tlbtrace *c, struct vm_tlbtrace_thread *t)
{
	static const struct vm_tlb_tallies none;
	c->data = c->code = none;
	for (struct vm_tlbtrace_mapping *m = c->mappings; m; m = m->next) {
		m->data = m->code = none;
		m->pages = 0;
	}
	for (size_t i = 0; i < c->site_buckets; i++)
		for (struct vm_tlbtrace_site *s = c->site[i]; s; s = s->next)
			s->misses = none;
	for (size_t i = 0; i < c->region_buckets; i++)
		for (struct vm_tlbtrace_region *r = c->region[i]; r; r = r->next)
			for (int w = 0; w < 8; w++)
				r->touched[w] = 0;
	for (struct vm_tlbtrace_thread *i = c->threads; i; i = i->next) {
		i->instructions = i->loads = i->stores = 0;
		i->ended = i != t;
		vm_tlbtrace_thread_reset(c, i);
	}
}

#endif
