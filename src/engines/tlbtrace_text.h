/**
 * What tlbtrace.h is told and tells, as text; include that.
 *
 * The option of an engine: numbers with commas between them, all of the geometry: 1 if huge pages are split, then sets,
 * ways and hashed of l1d (4K, 2M, 1G), l1i (likewise), stlb and stlb_1g, then the entries of the caches of PMD, PUD and PGD.
 *
 * The result, a line each, in this order; a file without its last line is incomplete:
 *
 *	vmtlb-trace 1
 *	engine TEXT                 program, version
 *	sizes TEXT                  how it knows the sizes of pages: "scan", "smaps", "assumed"
 *	pid N
 *	program TEXT
 *	policies N
 *	accesses INSTRUCTIONS LOADS STORES
 *	total
 *	d POLICY L1 WALKS WALKS_2M NEAR NEAR_2M REFS     of data, of what was named last; no line: all zeros
 *	c POLICY ...                                     of code
 *	mapping ID START END OFFSET PERM CAN_2M MAJOR MINOR INODE PAGES REGIONS_2M PAGES_2M REGIONS_HUGE PAGES_HUGE NAME
 *	site IP MAPPING             the id of its mapping, or "-"
 *	end
 *
 * Addresses and offsets are hexadecimal, other numbers decimal.  In texts, bytes up to space, backslash and 127 are
 * "\ooo"; an empty one is "-", a text of "-" is "\055".
 */
#ifndef VM_ENGINES_TLBTRACE_TEXT_H
#define VM_ENGINES_TLBTRACE_TEXT_H

/* ---- The option --------------------------------------------------------------------------------------------------- */

/** The next number of the list; *ok: there was one, not above `most`. */
static inline unsigned vm_tlbtrace_number(const char **text, unsigned most, bool *ok)
{
	uint64_t v = 0;
	const char *p = *text;
	if (*p < '0' || *p > '9')
		*ok = false;
	for (; *p >= '0' && *p <= '9' && v <= most; p++)
		v = v * 10 + (unsigned)(*p - '0');
	*ok &= v <= most;
	*text = *p == ',' ? p + 1 : p;
	return (unsigned)v;
}

static inline struct vm_tlb_shape vm_tlbtrace_shape(const char **text, bool *ok)
{
	struct vm_tlb_shape s;
	s.sets = vm_tlbtrace_number(text, VM_TLB_SETS_MAX, ok);
	s.ways = vm_tlbtrace_number(text, VM_TLB_WAYS_MAX, ok);
	s.hashed = vm_tlbtrace_number(text, 1, ok);
	*ok &= (s.sets & (s.sets - 1)) == 0;
	return s;
}

/** Begin, zeroed but for ops and ctx.  false: the option isn't one. */
static inline bool vm_tlbtrace_init(struct vm_tlbtrace *c, const char *option)
{
	bool ok = true;
	struct vm_tlb_geometry *g = &c->geometry;
	c->split = vm_tlbtrace_number(&option, 1, &ok);
	for (int i = 0; i < VM_TLB_SIZES; i++)
		g->l1d[i] = vm_tlbtrace_shape(&option, &ok);
	for (int i = 0; i < VM_TLB_SIZES; i++)
		g->l1i[i] = vm_tlbtrace_shape(&option, &ok);
	g->stlb = vm_tlbtrace_shape(&option, &ok);
	g->stlb_1g = vm_tlbtrace_shape(&option, &ok);
	g->pmd_cache = vm_tlbtrace_number(&option, VM_TLB_WAYS_MAX, &ok);
	g->pud_cache = vm_tlbtrace_number(&option, VM_TLB_WAYS_MAX, &ok);
	g->pgd_cache = vm_tlbtrace_number(&option, VM_TLB_WAYS_MAX, &ok);
	if (!ok || *option)
		return false;
	c->policies = c->split ? VM_TLB_POLICIES : VM_TLB_ALL_2M_WHOLE;
	c->epoch = 1;
	c->region_buckets = c->site_buckets = VM_TLBTRACE_BUCKETS;
	c->region = c->ops->alloc(c->ctx, c->region_buckets * sizeof(struct vm_tlbtrace_region *));
	c->site = c->ops->alloc(c->ctx, c->site_buckets * sizeof(struct vm_tlbtrace_site *));
	return true;
}

/* ---- The result --------------------------------------------------------------------------------------------------- */

struct vm_tlbtrace_out {
	struct vm_tlbtrace *c;
	size_t n;
	char b[4096];
};

/** What an engine says of itself and of the process. */
struct vm_tlbtrace_about {
	const char *engine, *sizes, *program;
	unsigned pid;
};

static inline void vm_tlbtrace_put(struct vm_tlbtrace_out *o, char ch)
{
	if (o->n == sizeof(o->b)) {
		o->c->ops->write(o->c->ctx, o->b, o->n);
		o->n = 0;
	}
	o->b[o->n++] = ch;
}

static inline void vm_tlbtrace_put_raw(struct vm_tlbtrace_out *o, const char *text)
{
	while (*text)
		vm_tlbtrace_put(o, *text++);
}

/** A number behind a space. */
static inline void vm_tlbtrace_put_number(struct vm_tlbtrace_out *o, uint64_t v, unsigned base)
{
	char digits[24];
	unsigned n = 0;
	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	vm_tlbtrace_put(o, ' ');
	while (n)
		vm_tlbtrace_put(o, digits[--n]);
}

static inline void vm_tlbtrace_put_text(struct vm_tlbtrace_out *o, const char *text)
{
	vm_tlbtrace_put(o, ' ');
	if (!*text)
		vm_tlbtrace_put(o, '-');
	const bool dash = text[0] == '-' && !text[1];
	for (; *text; text++) {
		const unsigned char ch = (unsigned char)*text;
		if (ch > ' ' && ch != '\\' && ch != 127 && !dash) {
			vm_tlbtrace_put(o, *text);
			continue;
		}
		vm_tlbtrace_put(o, '\\');
		for (int shift = 6; shift >= 0; shift -= 3)
			vm_tlbtrace_put(o, (char)('0' + (ch >> shift & 7)));
	}
}

static inline void vm_tlbtrace_put_tallies(struct vm_tlbtrace_out *o, char kind, const struct vm_tlb_tallies *t)
{
	for (unsigned p = 0; p < o->c->policies; p++) {
		const struct vm_tlb_tally *v = &t->policy[p];
		const uint64_t number[] = { p, v->l1, v->walks, v->walks_2m, v->near, v->near_2m, v->refs };
		if (!v->l1)
			continue;
		vm_tlbtrace_put(o, kind);
		for (size_t i = 0; i < sizeof(number) / sizeof(number[0]); i++)
			vm_tlbtrace_put_number(o, number[i], 10);
		vm_tlbtrace_put(o, '\n');
	}
}

static inline bool vm_tlbtrace_any(const struct vm_tlb_tallies *t)
{
	uint64_t any = 0;
	for (unsigned p = 0; p < VM_TLB_POLICIES; p++)
		any |= t->policy[p].l1;
	return any != 0;
}

/** Sum up regions by mapping. */
static inline void vm_tlbtrace_sum_regions(struct vm_tlbtrace *c)
{
	for (struct vm_tlbtrace_mapping *m = c->mappings; m; m = m->next)
		m->regions_2m = m->pages_2m = m->regions_huge = m->pages_huge = 0;
	for (size_t i = 0; i < c->region_buckets; i++)
		for (const struct vm_tlbtrace_region *r = c->region[i]; r; r = r->next) {
			const unsigned pages = vm_tlbtrace_touched(r);
			const bool huge = r->size != VM_TLB_4K;
			if (!r->mapping || !pages)
				continue;
			r->mapping->regions_2m += r->can_2m || huge;
			r->mapping->pages_2m += r->can_2m || huge ? pages : 0;
			r->mapping->regions_huge += huge;
			r->mapping->pages_huge += huge ? pages : 0;
		}
	/* Pages that were touched when they were of another mapping, before mprotect(2) or before this one grew around them. */
	for (struct vm_tlbtrace_mapping *m = c->mappings; m; m = m->next) {
		const uint64_t least = m->pages_2m > m->pages_huge ? m->pages_2m : m->pages_huge;
		if (m->pages < least)
			m->pages = least;
	}
}

static inline void vm_tlbtrace_put_mapping(struct vm_tlbtrace_out *o, const struct vm_tlbtrace_mapping *m)
{
	const struct vm_tlbtrace_place *p = &m->place;
	vm_tlbtrace_put_raw(o, "mapping");
	vm_tlbtrace_put_number(o, m->id, 10);
	vm_tlbtrace_put_number(o, p->start, 16);
	vm_tlbtrace_put_number(o, p->end, 16);
	vm_tlbtrace_put_number(o, p->offset, 16);
	vm_tlbtrace_put(o, ' ');
	vm_tlbtrace_put(o, p->read ? 'r' : '-');
	vm_tlbtrace_put(o, p->write ? 'w' : '-');
	vm_tlbtrace_put(o, p->exec ? 'x' : '-');
	vm_tlbtrace_put(o, p->shared ? 's' : 'p');
	const uint64_t number[] = { p->can_2m, p->dev_major, p->dev_minor, p->inode, m->pages, m->regions_2m, m->pages_2m,
				    m->regions_huge, m->pages_huge };
	for (size_t i = 0; i < sizeof(number) / sizeof(number[0]); i++)
		vm_tlbtrace_put_number(o, number[i], 10);
	vm_tlbtrace_put_text(o, p->name);
	vm_tlbtrace_put(o, '\n');
	vm_tlbtrace_put_tallies(o, 'd', &m->data);
	vm_tlbtrace_put_tallies(o, 'c', &m->code);
}

static inline void vm_tlbtrace_put_head(struct vm_tlbtrace_out *o, const struct vm_tlbtrace_about *about)
{
	uint64_t instructions = 0, loads = 0, stores = 0;
	for (const struct vm_tlbtrace_thread *t = o->c->threads; t; t = t->next) {
		instructions += t->instructions;
		loads += t->loads;
		stores += t->stores;
	}
	vm_tlbtrace_put_raw(o, "vmtlb-trace 1\nengine");
	vm_tlbtrace_put_text(o, about->engine);
	vm_tlbtrace_put_raw(o, "\nsizes");
	vm_tlbtrace_put_text(o, about->sizes);
	vm_tlbtrace_put_raw(o, "\npid");
	vm_tlbtrace_put_number(o, about->pid, 10);
	vm_tlbtrace_put_raw(o, "\nprogram");
	vm_tlbtrace_put_text(o, about->program);
	vm_tlbtrace_put_raw(o, "\npolicies");
	vm_tlbtrace_put_number(o, o->c->policies, 10);
	vm_tlbtrace_put_raw(o, "\naccesses");
	vm_tlbtrace_put_number(o, instructions, 10);
	vm_tlbtrace_put_number(o, loads, 10);
	vm_tlbtrace_put_number(o, stores, 10);
	vm_tlbtrace_put_raw(o, "\ntotal\n");
	vm_tlbtrace_put_tallies(o, 'd', &o->c->data);
	vm_tlbtrace_put_tallies(o, 'c', &o->c->code);
}

/** All that was counted so far, through ops->write. */
static inline void vm_tlbtrace_write(struct vm_tlbtrace *c, const struct vm_tlbtrace_about *about)
{
	struct vm_tlbtrace_out o = { .c = c };
	vm_tlbtrace_sum_regions(c);
	vm_tlbtrace_put_head(&o, about);
	for (const struct vm_tlbtrace_mapping *m = c->mappings; m; m = m->next)
		vm_tlbtrace_put_mapping(&o, m);
	for (size_t i = 0; i < c->site_buckets; i++)
		for (const struct vm_tlbtrace_site *s = c->site[i]; s; s = s->next) {
			if (!vm_tlbtrace_any(&s->misses))
				continue;
			vm_tlbtrace_put_raw(&o, "site");
			vm_tlbtrace_put_number(&o, s->ip, 16);
			if (s->mapping)
				vm_tlbtrace_put_number(&o, s->mapping->id, 10);
			else
				vm_tlbtrace_put_raw(&o, " -");
			vm_tlbtrace_put(&o, '\n');
			vm_tlbtrace_put_tallies(&o, s->code ? 'c' : 'd', &s->misses);
		}
	vm_tlbtrace_put_raw(&o, "end\n");
	c->ops->write(c->ctx, o.b, o.n);
}

#endif
