#include "core/analysis/tablefill.h"

#include "core/model/aspace.h"
#include "core/model/page.h"

enum { RANGE_PAGES = 512 };
#define RANGE ((uint64_t)RANGE_PAGES * 4096)

static void add_pages(struct vm_table_fill *f, uint64_t range, uint64_t pages)
{
	if (range != f->range)
		f->pages = 0;
	f->range = range;
	f->pages += pages;
	if (f->pages == RANGE_PAGES)
		f->full++;
}

void vm_table_fill_add(struct vm_table_fill *f, const struct vm_page_run *r, uint64_t pages, const struct vm_mapping *m)
{
	const bool anonymous = (r->known & VM_PG(FILE)) && !(r->state & (VM_PG(FILE) | VM_PG(ZERO) | VM_PG(SPECIAL)));
	const bool all = pages == (r->end - r->start) / 4096;
	if (r->shift != 12 || !(r->state & VM_PG(PRESENT)) || !anonymous || !m)
		return;
	for (uint64_t at = r->start; at < r->end;) {
		const uint64_t range = at & ~(RANGE - 1), end = range + RANGE < r->end ? range + RANGE : r->end;
		if (range >= m->start && range + RANGE <= m->end)
			add_pages(f, range, all ? (end - at) / 4096 : pages);
		at = end;
	}
}
