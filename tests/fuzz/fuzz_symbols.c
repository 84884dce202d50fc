/** Maps of JITs and /proc/kallsyms: pieces of any length give what the whole gives; offsets stay inside functions. */
#include "core/source/kallsyms.h"
#include "core/source/perfmap.h"

#include "fuzz.h"

static void feed(void (*to)(void *ctx, const char *data, size_t len), void *ctx, const char *text, size_t size,
		 size_t piece)
{
	for (size_t at = 0; at < size; at += piece) {
		/* Exactly its length, so that reading beyond it is seen. */
		const size_t n = piece < size - at ? piece : size - at;
		char *bytes = fuzz_bytes((const uint8_t *)text + at, n);
		to(ctx, bytes, n);
		free(bytes);
	}
}

static void feed_map(void *ctx, const char *data, size_t len)
{
	vm_perfmap_feed(ctx, data, len);
}

static void feed_kernel(void *ctx, const char *data, size_t len)
{
	vm_kallsyms_feed(ctx, data, len);
}

static bool same(const char *a, uint64_t a_offset, const char *b, uint64_t b_offset)
{
	return a && b ? strcmp(a, b) == 0 && a_offset == b_offset : a == b;
}

/** What the last line that holds the address says. */
static const char *last_of(const struct vm_perfmap *m, uint64_t address, uint64_t *offset)
{
	for (size_t i = m->code.n; i-- > 0;) {
		const struct vm_span *s = &m->code.v[i];
		if (address >= s->start && address < s->end) {
			*offset = address - s->start;
			return m->names.s + s->id;
		}
	}
	return NULL;
}

static void check_maps(const char *text, size_t size, size_t piece)
{
	struct vm_perfmap whole = { 0 }, parts = { 0 };
	feed(feed_map, &whole, text, size, size);
	feed(feed_map, &parts, text, size, piece);
	HOLDS(whole.code.n == parts.code.n);
	for (size_t i = 0; i < whole.code.n && i < 50; i++) {
		const uint64_t at[] = { whole.code.v[i].start, whole.code.v[i].end - 1, whole.code.v[i].end,
					whole.code.v[i].start - 1 };
		for (size_t k = 0; k < sizeof(at) / sizeof(at[0]); k++) {
			uint64_t a = 0, b = 0, c = 0;
			const char *x = vm_perfmap_find(&whole, at[k], &a), *y = vm_perfmap_find(&parts, at[k], &b);
			HOLDS(same(x, a, y, b));
			HOLDS(same(x, a, last_of(&whole, at[k], &c), c));
			HOLDS(!x || *x);
		}
	}
	vm_perfmap_free(&whole);
	vm_perfmap_free(&parts);
}

static void check_kernel(const char *text, size_t size, size_t piece)
{
	struct vm_kallsyms whole = { 0 }, parts = { 0 };
	feed(feed_kernel, &whole, text, size, size);
	feed(feed_kernel, &parts, text, size, piece);
	HOLDS(whole.sym.n == parts.sym.n);
	vm_kallsyms_sort(&whole);
	vm_kallsyms_sort(&parts);
	for (size_t i = 0; i < whole.sym.n && i < 100; i++) {
		const uint64_t at = whole.sym.v[i].address;
		uint64_t a = 0, b = 0;
		const char *x = vm_kallsyms_find(&whole, at + i, &a), *y = vm_kallsyms_find(&parts, at + i, &b);
		HOLDS(same(x, a, y, b));
		HOLDS(!x || (*x && a <= i));
	}
	vm_kallsyms_free(&whole);
	vm_kallsyms_free(&parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	const size_t piece = data[0] % 40u + 1;
	check_maps((const char *)data + 1, size - 1, piece);
	check_kernel((const char *)data + 1, size - 1, piece);
	return 0;
}
