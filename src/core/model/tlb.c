#include "core/model/tlb.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/err.h"

unsigned vm_tlb_size_shift(enum vm_tlb_size size)
{
	static const unsigned shift[] = { [VM_TLB_4K] = 12, [VM_TLB_2M] = 21, [VM_TLB_1G] = 30 };
	return shift[size];
}

/** As a Golden Cove core was measured (16x6 and 128x16, hashed), and its manual says of the others. */
struct vm_tlb_geometry vm_tlb_geometry_default(void)
{
	return (struct vm_tlb_geometry){
		.l1d = { { .sets = 16, .ways = 6 }, { .sets = 8, .ways = 4 }, { .sets = 1, .ways = 8 } },
		.l1i = { { .sets = 32, .ways = 8 }, { .sets = 4, .ways = 8 }, { .sets = 0, .ways = 0 } },
		.stlb = { .sets = 128, .ways = 16, .hashed = true }, .stlb_1g = { .sets = 128, .ways = 8 },
		.pmd_cache = 32, .pud_cache = 8, .pgd_cache = 4,
	};
}

/* ---- The geometry as text ----------------------------------------------------------------------------------------- */

/** A part of it: a buffer, or the entries of a page-walk cache. */
struct part {
	const char *name;
	size_t at;                 /* in struct vm_tlb_geometry */
	bool is_cache, needed;
};

#define AT(member) offsetof(struct vm_tlb_geometry, member)

static const struct part parts[] = {
	{ .name = "l1d", .at = AT(l1d[VM_TLB_4K]), .needed = true }, { .name = "l1d-2m", .at = AT(l1d[VM_TLB_2M]) },
	{ .name = "l1d-1g", .at = AT(l1d[VM_TLB_1G]) }, { .name = "l1i", .at = AT(l1i[VM_TLB_4K]), .needed = true },
	{ .name = "l1i-2m", .at = AT(l1i[VM_TLB_2M]) }, { .name = "l1i-1g", .at = AT(l1i[VM_TLB_1G]) },
	{ .name = "stlb", .at = AT(stlb) }, { .name = "stlb-1g", .at = AT(stlb_1g) },
	{ .name = "pmd", .at = AT(pmd_cache), .is_cache = true }, { .name = "pud", .at = AT(pud_cache), .is_cache = true },
	{ .name = "pgd", .at = AT(pgd_cache), .is_cache = true },
};

enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

/** Digits at **s, before `end`; false: there are none, or they say more than `most`. */
static bool take_number(const char **s, const char *end, unsigned most, unsigned *out)
{
	unsigned v = 0;
	const char *p = *s;
	for (; p < end && *p >= '0' && *p <= '9' && v <= most; p++)
		v = v * 10 + (unsigned)(*p - '0');
	const bool ok = p > *s && v <= most;
	*s = p;
	*out = v;
	return ok;
}

/** "16x6", "128x16h", "0". */
static bool take_shape(const char *s, const char *end, struct vm_tlb_shape *out)
{
	struct vm_tlb_shape t = { 0 };
	if (!take_number(&s, end, VM_TLB_SETS_MAX, &t.sets))
		return false;
	if (s == end && t.sets == 0) {
		*out = t;
		return true;
	}
	if (s == end || *s++ != 'x' || !take_number(&s, end, VM_TLB_WAYS_MAX, &t.ways) || !t.ways)
		return false;
	t.hashed = s < end && *s == 'h';
	s += t.hashed;
	*out = t;
	return s == end && t.sets > 0 && (t.sets & (t.sets - 1)) == 0;
}

static int bad_part(struct vm_err *err, const struct part *p, const char *s, size_t n)
{
	vm_fail(err, EINVAL, "'%.*s' is no part of a TLB geometry", n < 60 ? (int)n : 60, s);
	if (!p)
		vm_hint(err, "parts: l1d, l1d-2m, l1d-1g, l1i, l1i-2m, l1i-1g, stlb, stlb-1g, pmd, pud, pgd, as in l1d=16x6,stlb=128x16h");
	else if (p->is_cache)
		vm_hint(err, "%s=ENTRIES, up to %d", p->name, VM_TLB_WAYS_MAX);
	else
		vm_hint(err, "%s=SETSxWAYS, sets a power of two up to %d, ways up to %d, h behind them for hashed%s", p->name,
			VM_TLB_SETS_MAX, VM_TLB_WAYS_MAX, p->needed ? "" : "; or 0 for none");
	return -EINVAL;
}

static int parse_part(const char *s, size_t n, struct vm_tlb_geometry *g, struct vm_err *err)
{
	const char *end = s + n, *value = memchr(s, '=', n);
	const struct part *p = NULL;
	for (size_t i = 0; value && i < PARTS && !p; i++)
		if (strlen(parts[i].name) == (size_t)(value - s) && memcmp(parts[i].name, s, (size_t)(value - s)) == 0)
			p = &parts[i];
	if (!p)
		return bad_part(err, NULL, s, n);
	void *at = (char *)g + p->at;
	struct vm_tlb_shape shape;
	unsigned entries;
	value++;
	if (p->is_cache) {
		if (!take_number(&value, end, VM_TLB_WAYS_MAX, &entries) || value != end)
			return bad_part(err, p, s, n);
		*(unsigned *)at = entries;
		return 0;
	}
	if (!take_shape(value, end, &shape) || (p->needed && !vm_tlb_entries(shape)))
		return bad_part(err, p, s, n);
	*(struct vm_tlb_shape *)at = shape;
	return 0;
}

int vm_tlb_geometry_parse(const char *text, struct vm_tlb_geometry *g, struct vm_err *err)
{
	struct vm_tlb_geometry result = *g;
	int r = 0;
	for (;;) {
		const size_t n = strcspn(text, ",");
		r = parse_part(text, n, &result, err);
		if (r < 0)
			return r;
		if (!text[n])
			break;
		text += n + 1;
	}
	*g = result;
	return 0;
}

void vm_tlb_geometry_put(struct vm_buf *b, const struct vm_tlb_geometry *g)
{
	for (size_t i = 0; i < PARTS; i++) {
		const void *at = (const char *)g + parts[i].at;
		const struct vm_tlb_shape *t = at;
		vm_buf_addf(b, "%s%s=", i ? "," : "", parts[i].name);
		if (parts[i].is_cache)
			vm_buf_add_u64(b, *(const unsigned *)at);
		else if (vm_tlb_entries(*t))
			vm_buf_addf(b, "%ux%u%s", t->sets, t->ways, t->hashed ? "h" : "");
		else
			vm_buf_add_char(b, '0');
	}
}

/* ---- What misses cost --------------------------------------------------------------------------------------------- */

double vm_tlb_cost_ns(const struct vm_tlb_known *k, uint64_t bytes, bool pages_2m)
{
	const struct vm_tlb_cost *before = NULL;
	for (size_t i = 0; i < k->ncosts; i++) {
		const struct vm_tlb_cost *c = &k->cost[i];
		const double ns = pages_2m ? c->ns_2m : c->ns_4k;
		if (isnan(ns))
			continue;
		if (c->bytes >= bytes && !before)
			return ns;
		if (c->bytes >= bytes) {
			const double from = pages_2m ? before->ns_2m : before->ns_4k;
			const double at = (log2((double)bytes) - log2((double)before->bytes)) /
					  (log2((double)c->bytes) - log2((double)before->bytes));
			return from + at * (ns - from);
		}
		before = c;
	}
	return before ? (pages_2m ? before->ns_2m : before->ns_4k) : (double)NAN;
}

struct vm_tlb_capacity vm_tlb_capacity_of(const struct vm_tlb_known *k)
{
	const struct vm_tlb_geometry *g = &k->geometry;
	const unsigned own = vm_tlb_entries(g->stlb_1g);
	/* The default is for models. */
	if (k->by == VM_TLB_BY_DEFAULT || (k->by == VM_TLB_BY_PROBE && !k->stlb_entries))
		return (struct vm_tlb_capacity){ 0 };
	return (struct vm_tlb_capacity){
		.entries = vm_tlb_entries(g->stlb), .entries_1g = own ? own : vm_tlb_entries(g->l1d[VM_TLB_1G]),
		.split = k->huge_pages_split == VM_TLB_SPLIT_YES,
	};
}
