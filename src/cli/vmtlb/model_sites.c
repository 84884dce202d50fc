/** vmtlb --model: what instructions are called. */

#include "cli/vmtlb/model.h"

#include <errno.h>

#include "core/base/err.h"

/** An instruction by the mapping that held it; the process has ended. */
static struct vm_code code_of(const struct vm_tlb_result *r, const struct vm_tlb_site *s)
{
	const struct vm_tlb_mapping *m = &r->mapping.v[s->mapping];
	return (struct vm_code){
		.pid = r->program.v[s->program].pid, .ip = s->ip, .start = m->start, .end = m->end, .offset = m->offset,
		.path = m->name, .dev_major = m->dev_major, .dev_minor = m->dev_minor, .inode = m->inode,
	};
}

/** Into `b`: what it is called. */
static void put_name(struct vmtlb_model_run *r, const struct vm_tlb_site *s, struct vm_symbol *symbol, struct vm_buf *b)
{
	b->n = 0;
	if (s->mapping == SIZE_MAX) {
		vm_buf_addf(b, "0x%llx", (unsigned long long)s->ip);
		return;
	}
	const struct vm_code c = code_of(&r->result, s);
	vm_symbols_find(r->symbols, &c, false, symbol, 1);
	vm_symbol_put(b, symbol);
}

static bool add_site(struct vmtlb_model_run *r, const struct vm_tlb_site *s, struct vm_buf *b)
{
	struct vm_symbol symbol = { .source = NULL };
	bool is_new;
	put_name(r, s, &symbol, b);
	struct vm_tlb_place_row *row = vm_tlb_place(&r->sites, vm_tlb_place_hash(vm_buf_str(b), s->code), &is_new);
	if (!row || b->failed)
		return false;
	if (is_new) {
		row->place = vm_arena_strndup(&r->sites.arena, vm_buf_str(b), b->n);
		row->source = symbol.source;
		row->line = symbol.line;
		row->ip = s->ip;
		row->code = s->code;
	}
	vm_tlb_place_add(&r->sites, row, s->program, &s->misses);
	return row->place != NULL;
}

int vmtlb_model_sites(struct vmtlb_model_run *r, struct vm_err *err)
{
	struct vm_buf b = { 0 };
	int e = vm_symbols_open(r->v->s, &r->symbols, err);
	if (e < 0)
		return e;
	bool ok = true;
	for (size_t i = 0; ok && i < r->result.site.n; i++)
		ok = add_site(r, &r->result.site.v[i], &b);
	vm_buf_free(&b);
	vm_tlb_places_finish(&r->sites);
	return ok ? 0 : vm_fail(err, ENOMEM, "out of memory");
}
