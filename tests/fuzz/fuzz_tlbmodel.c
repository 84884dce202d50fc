/** Geometries of TLBs, and results of the engines of their model: all or nothing, and nothing that can't be. */
#include <errno.h>

#include "core/analysis/tlbestimate.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/source/tlbresult.h"

#include "fuzz.h"

static void check_geometry(const char *text)
{
	const struct vm_tlb_geometry was = vm_tlb_geometry_default();
	struct vm_tlb_geometry g = was, again = was;
	struct vm_err err = { 0 };
	struct vm_buf b = { 0 };
	const int r = vm_tlb_geometry_parse(text, &g, &err);
	HOLDS(r == 0 || (r == -EINVAL && err.code == EINVAL && err.what[0] && memcmp(&g, &was, sizeof(g)) == 0));
	vm_tlb_geometry_put(&b, &g);
	HOLDS(vm_tlb_geometry_parse(vm_buf_str(&b), &again, NULL) == 0);
	const size_t n = b.n;
	vm_tlb_geometry_put(&b, &again);
	HOLDS(b.n == 2 * n && memcmp(b.s, b.s + n, n) == 0);
	vm_buf_free(&b);
}

static void check_tallies(const struct vm_tlb_tallies *t)
{
	for (int p = 0; p < VM_TLB_POLICIES; p++) {
		const struct vm_tlb_tally *v = &t->policy[p];
		HOLDS(v->walks <= v->l1 && v->walks_2m <= v->walks && v->near <= v->walks && v->near_2m <= v->walks_2m);
	}
}

static void check_rows(const struct vm_tlb_result *r)
{
	const struct vm_tlb_known k = { .geometry = vm_tlb_geometry_default(), .hit_ns = 1, .stlb_hit_ns = 2, .walk_ns = 10 };
	struct vm_tlb_policy_row rows[VM_TLB_POLICIES];
	struct vm_tlb_places p;
	HOLDS(vm_tlb_policy_rows(r, &k, rows) <= VM_TLB_POLICIES);
	HOLDS(vm_tlb_places_open(&p, r, &k) && vm_tlb_places_by_mapping(&p));
	HOLDS(p.row.n <= r->mapping.n);
	vm_tlb_places_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *bytes = fuzz_bytes(data, size);
	struct vm_tlb_result result = { .lost = 0 };
	check_geometry(text);
	/* Twice: what is added to what is there. */
	const int r = vm_tlb_result_parse(bytes, size, &result);
	HOLDS(r == 0 || r == -EBADMSG);
	HOLDS(vm_tlb_result_parse(bytes, size, &result) == r);
	HOLDS(result.program.n == (r == 0 ? 2 : 0));
	HOLDS(r == 0 || result.mapping.n + result.site.n == 0);
	for (size_t i = 0; i < result.mapping.n; i++) {
		const struct vm_tlb_mapping *m = &result.mapping.v[i];
		HOLDS(m->start < m->end && m->name && m->program < result.program.n);
		check_tallies(&m->data);
		check_tallies(&m->code);
	}
	for (size_t i = 0; i < result.site.n; i++) {
		const struct vm_tlb_site *s = &result.site.v[i];
		HOLDS(s->mapping == SIZE_MAX || s->mapping < result.mapping.n);
		HOLDS(s->mapping == SIZE_MAX || result.mapping.v[s->mapping].program == s->program);
		check_tallies(&s->misses);
	}
	if (r == 0)
		check_rows(&result);
	vm_tlb_result_free(&result);
	free(text);
	free(bytes);
	return 0;
}
