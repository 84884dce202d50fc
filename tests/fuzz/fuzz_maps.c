/**
 * /proc/PID/maps and smaps: mappings come out sorted and apart, sums follow from their parts, and it
 * makes no difference in which pieces the text arrives.
 */
#include "core/model/aspace.h"
#include "core/model/kind.h"
#include "core/source/maps.h"

#include "fuzz.h"

static struct vm_aspace *parse(const char *text, size_t len, size_t step)
{
	struct vm_aspace *as = calloc(1, sizeof(*as));
	struct vm_maps_parser p;
	size_t from = 0;
	if (!as)
		exit(0);
	vm_proc_init(&as->proc, 1);
	vm_maps_begin(&p, as);
	for (size_t to = 0; to < len;) {
		to = step < len - to ? to + step : len;
		size_t used = vm_maps_feed(&p, text + from, to - from, to == len);
		HOLDS(used <= to - from);
		from += used;
	}
	HOLDS(from == len);
	HOLDS(vm_maps_end(&p) == 0);
	return as;
}

static void check(const struct vm_aspace *as)
{
	uint64_t last = 0;
	for (size_t i = 0; i < as->nmaps; i++) {
		const struct vm_mapping *m = &as->map[i];
		HOLDS(m->start < m->end);
		HOLDS(m->start >= last);
		last = m->end;
		HOLDS(m->count == 1);
		HOLDS(vm_mapping_size(m) == m->end - m->start);
		HOLDS(m->name);
		HOLDS(m->kind < VM_KIND_NR);
		HOLDS(vm_aspace_at(as, m->start) == m);
		HOLDS(vm_aspace_at(as, m->end - 1) == m);
		for (unsigned q = 0; q < VM_Q_NR; q++)
			HOLDS((m->have & VM_HAVE(q)) || m->q[q] == 0);
		HOLDS(m->have_flags || m->flags == 0);
		if (m->have & VM_HAVE(VM_Q_DIRTY))
			HOLDS(m->q[VM_Q_DIRTY] == m->q[VM_Q_SHARED_DIRTY] + m->q[VM_Q_PRIVATE_DIRTY]);
	}
}

static void same(const struct vm_aspace *a, const struct vm_aspace *b)
{
	HOLDS(a->nmaps == b->nmaps);
	for (size_t i = 0; i < a->nmaps; i++) {
		struct vm_mapping x = a->map[i], y = b->map[i];
		HOLDS(strcmp(x.name, y.name) == 0);
		HOLDS(memcmp(x.q, y.q, VM_Q_NR * sizeof(*x.q)) == 0);
		x.name = y.name = NULL;
		HOLDS(memcmp(x.q, y.q, VM_Q_NR * sizeof(*x.q)) == 0);
		x.q = y.q = NULL;
		x.q = y.q = NULL;
		HOLDS(memcmp(&x, &y, sizeof(x)) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	char *text = fuzz_bytes(data + 1, size - 1);
	struct vm_aspace *whole = parse(text, size - 1, size), *pieces = parse(text, size - 1, data[0] % 64 + 1u);
	check(whole);
	same(whole, pieces);
	vm_proc_set(&whole->proc, VM_P_THREADS, data[0]);
	vm_aspace_classify(whole);
	vm_aspace_sum_to_proc(whole);
	check(whole);
	vm_aspace_free(whole);
	vm_aspace_free(pieces);
	free(text);
	return 0;
}
