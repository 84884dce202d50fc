#include "core/analysis/tlbestimate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Prices ------------------------------------------------------------------------------------------------------- */

struct vm_tlb_footprint vm_tlb_footprint(const struct vm_tlb_result *r, size_t program, enum vm_tlb_policy policy)
{
	const bool possible = policy == VM_TLB_ALL_2M || policy == VM_TLB_ALL_2M_WHOLE;
	const struct vm_tlb_program *p = &r->program.v[program];
	uint64_t pages = 0, regions = 0;
	for (size_t i = p->mapping; i < p->mapping + p->mappings; i++) {
		const struct vm_tlb_mapping *m = &r->mapping.v[i];
		const uint64_t in_regions = policy == VM_TLB_ALL_4K ? 0 : possible ? m->pages_2m : m->pages_huge;
		pages += m->pages - in_regions;
		regions += policy == VM_TLB_ALL_4K ? 0 : possible ? m->regions_2m : m->regions_huge;
	}
	return (struct vm_tlb_footprint){ .bytes = { pages << 12, regions << 21 } };
}

static double share_beyond(double entries, double pages)
{
	return pages > entries ? 1 - entries / pages : 0;
}

double vm_tlb_walk_ns(const struct vm_tlb_known *k, uint64_t bytes, bool pages_2m)
{
	const bool whole = pages_2m && k->huge_pages_split != VM_TLB_SPLIT_YES;
	const double pages = (double)bytes / (double)(UINT64_C(1) << vm_tlb_size_shift(whole ? VM_TLB_2M : VM_TLB_4K));
	const double walked = share_beyond(vm_tlb_entries(k->geometry.stlb), pages);
	const double missed = share_beyond(vm_tlb_entries(k->geometry.l1d[whole ? VM_TLB_2M : VM_TLB_4K]), pages);
	const double access_ns = vm_tlb_cost_ns(k, bytes, pages_2m);
	if (walked < 0.5 || isnan(access_ns))
		return k->walk_ns;
	const double hits_ns = isnan(k->stlb_hit_ns) ? 0 : (missed - walked) * k->stlb_hit_ns;
	return access_ns > hits_ns ? (access_ns - hits_ns) / walked : 0;
}

struct vm_tlb_prices vm_tlb_prices(const struct vm_tlb_known *k, const struct vm_tlb_footprint *f, enum vm_tlb_policy policy)
{
	struct vm_tlb_prices p = { .stlb_hit_ns = k->stlb_hit_ns };
	for (int huge = 0; huge < 2; huge++) {
		/* Where 2M pages are split, nothing was timed of whole ones: their tables are small, and in the caches. */
		const bool untimed = huge && policy == VM_TLB_ALL_2M_WHOLE;
		p.far_ns[huge] = untimed ? k->walk_ns : vm_tlb_walk_ns(k, f->bytes[huge], huge);
		p.near_ns[huge] = p.far_ns[huge] < k->walk_ns ? p.far_ns[huge] : k->walk_ns;
	}
	return p;
}

/** n at that price. */
static double times(uint64_t n, double ns)
{
	return n ? (double)n * ns : 0;
}

double vm_tlb_cost(const struct vm_tlb_prices *p, const struct vm_tlb_tally *t)
{
	const uint64_t near_4k = t->near - t->near_2m, walks_4k = t->walks - t->walks_2m;
	return times(t->l1 - t->walks, p->stlb_hit_ns) + times(near_4k, p->near_ns[0]) + times(walks_4k - near_4k, p->far_ns[0]) +
	       times(t->near_2m, p->near_ns[1]) + times(t->walks_2m - t->near_2m, p->far_ns[1]);
}

/* ---- Policies ----------------------------------------------------------------------------------------------------- */

static void add_program(struct vm_tlb_policy_row *row, const struct vm_tlb_result *r, size_t i, const struct vm_tlb_known *k)
{
	const struct vm_tlb_program *g = &r->program.v[i];
	const struct vm_tlb_footprint f = vm_tlb_footprint(r, i, row->policy);
	const struct vm_tlb_prices prices = vm_tlb_prices(k, &f, row->policy);
	row->instructions += g->instructions;
	row->loads += g->loads;
	row->stores += g->stores;
	row->data_ns += vm_tlb_cost(&prices, &g->data.policy[row->policy]);
	row->code_ns += vm_tlb_cost(&prices, &g->code.policy[row->policy]);
}

size_t vm_tlb_policy_rows(const struct vm_tlb_result *r, const struct vm_tlb_known *k, struct vm_tlb_policy_row *rows)
{
	struct vm_tlb_tallies data = { 0 }, code = { 0 };
	for (size_t i = 0; i < r->program.n; i++) {
		vm_tlb_tallies_add(&data, &r->program.v[i].data);
		vm_tlb_tallies_add(&code, &r->program.v[i].code);
	}
	for (unsigned p = 0; p < r->policies; p++) {
		rows[p] = (struct vm_tlb_policy_row){ .policy = (enum vm_tlb_policy)p, .data = data.policy[p], .code = code.policy[p] };
		for (size_t i = 0; i < r->program.n; i++)
			add_program(&rows[p], r, i, k);
		const double as_is = rows[VM_TLB_AS_IS].data_ns + rows[VM_TLB_AS_IS].code_ns;
		rows[p].saved = as_is > 0 ? 1 - (rows[p].data_ns + rows[p].code_ns) / as_is : (double)NAN;
	}
	return r->policies;
}

/* ---- Places ------------------------------------------------------------------------------------------------------- */

bool vm_tlb_places_open(struct vm_tlb_places *p, const struct vm_tlb_result *r, const struct vm_tlb_known *k)
{
	*p = (struct vm_tlb_places){ .result = r };
	p->prices = calloc(r->program.n + 1, sizeof(*p->prices) * VM_TLB_POLICIES);
	for (size_t i = 0; p->prices && i < r->program.n; i++)
		for (unsigned y = 0; y < r->policies; y++) {
			const struct vm_tlb_footprint f = vm_tlb_footprint(r, i, (enum vm_tlb_policy)y);
			p->prices[i * VM_TLB_POLICIES + y] = vm_tlb_prices(k, &f, (enum vm_tlb_policy)y);
		}
	return p->prices != NULL;
}

void vm_tlb_places_free(struct vm_tlb_places *p)
{
	vm_vec_free(&p->row);
	vm_map_free(&p->by_key);
	vm_arena_free(&p->arena);
	free(p->prices);
}

struct vm_tlb_place_row *vm_tlb_place(struct vm_tlb_places *p, uint64_t key, bool *is_new)
{
	uint32_t at;
	*is_new = !vm_map_get(&p->by_key, key, &at);
	if (*is_new) {
		const struct vm_tlb_place_row row = { .policies = p->result->policies };
		at = (uint32_t)p->row.n;
		if (!vm_vec_push(&p->row, row) || !vm_map_put(&p->by_key, key, at))
			return NULL;
	}
	return &p->row.v[at];
}

void vm_tlb_place_add(struct vm_tlb_places *p, struct vm_tlb_place_row *row, size_t program, const struct vm_tlb_tallies *t)
{
	const pid_t pid = p->result->program.v[program].pid;
	row->pid = !row->used || row->pid == pid ? pid : 0;
	row->used = true;
	vm_tlb_tallies_add(&row->misses, t);
	for (unsigned y = 0; y < row->policies; y++)
		row->ns[y] += vm_tlb_cost(&p->prices[program * VM_TLB_POLICIES + y], &t->policy[y]);
}

uint64_t vm_tlb_place_hash(const char *text, uint64_t more)
{
	return vm_fnv1a(VM_FNV1A_BASIS ^ vm_mix64(more), text, strlen(text));
}

/** Files, and what the kernel names, are the same wherever they lie. */
static uint64_t key_of_mapping(const struct vm_tlb_mapping *m, size_t index)
{
	return m->name[0] == '/' ? vm_tlb_place_hash(m->name, m->prot) : vm_mix64(index + 1);
}

static bool any_miss(const struct vm_tlb_mapping *m)
{
	uint64_t any = 0;
	for (int y = 0; y < VM_TLB_POLICIES; y++)
		any |= m->data.policy[y].l1 | m->code.policy[y].l1;
	return any != 0;
}

bool vm_tlb_places_by_mapping(struct vm_tlb_places *p)
{
	for (size_t i = 0; i < p->result->mapping.n; i++) {
		const struct vm_tlb_mapping *m = &p->result->mapping.v[i];
		bool is_new;
		if (!any_miss(m))
			continue;
		struct vm_tlb_place_row *row = vm_tlb_place(p, key_of_mapping(m, i), &is_new);
		if (!row)
			return false;
		row->merged |= !is_new;
		row->m = m;
		row->pages += m->pages;
		row->regions_2m += m->regions_2m;
		row->regions_huge += m->regions_huge;
		vm_tlb_place_add(p, row, m->program, &m->data);
		vm_tlb_place_add(p, row, m->program, &m->code);
	}
	vm_tlb_places_finish(p);
	return true;
}

/** By cost where it is known, by walks, by misses: as pages are. */
static int dearest_first(const void *a_, const void *b_)
{
	const struct vm_tlb_place_row *a = a_, *b = b_;
	const struct vm_tlb_tally *x = &a->misses.policy[VM_TLB_AS_IS], *y = &b->misses.policy[VM_TLB_AS_IS];
	if (a->ns[VM_TLB_AS_IS] < b->ns[VM_TLB_AS_IS] || a->ns[VM_TLB_AS_IS] > b->ns[VM_TLB_AS_IS])
		return a->ns[VM_TLB_AS_IS] < b->ns[VM_TLB_AS_IS] ? 1 : -1;
	if (x->walks != y->walks)
		return x->walks < y->walks ? 1 : -1;
	if (x->l1 != y->l1)
		return x->l1 < y->l1 ? 1 : -1;
	return (a->ip > b->ip) - (a->ip < b->ip);
}

void vm_tlb_places_finish(struct vm_tlb_places *p)
{
	uint64_t walks = 0;
	for (size_t i = 0; i < p->result->program.n; i++) {
		const struct vm_tlb_program *g = &p->result->program.v[i];
		walks += g->data.policy[VM_TLB_AS_IS].walks + g->code.policy[VM_TLB_AS_IS].walks;
	}
	for (size_t i = 0; i < p->row.n; i++) {
		struct vm_tlb_place_row *row = &p->row.v[i];
		row->share = walks ? (double)row->misses.policy[VM_TLB_AS_IS].walks / (double)walks : (double)NAN;
	}
	if (p->row.n)
		qsort(p->row.v, p->row.n, sizeof(*p->row.v), dearest_first);
}
