#include "core/source/perfmap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/** More than any program makes: V8 writes some 100 000 lines an hour. */
enum { LINES_MAX = 4 * 1024 * 1024, NAMES_MAX = 256 * 1024 * 1024 };

/** The number at *s in base 16, with or without 0x, and the blanks behind it. */
static bool take_hex(char **s, uint64_t *v)
{
	char *end;
	if (strspn(*s, "0123456789abcdefABCDEFx") == 0)
		return false;
	*v = strtoull(*s, &end, 16);
	if (end == *s || *end != ' ')
		return false;
	*s = end + strspn(end, " ");
	return true;
}

static void take_line(void *ctx, char *line, size_t len)
{
	struct vm_perfmap *m = ctx;
	uint64_t start, size;
	const char *name = line;
	(void)len;
	if (!take_hex(&line, &start) || !take_hex(&line, &size) || size == 0 || !*line)
		return;
	name = line;
	const size_t name_len = strlen(name);
	if (m->code.n >= LINES_MAX || m->names.n + name_len + 1 > NAMES_MAX ||
	    !vm_buf_reserve(&m->names, name_len + 1))
		return;
	const uint64_t end = size > UINT64_MAX - start ? UINT64_MAX : start + size;
	if (vm_vec_push(&m->code, (struct vm_span){ start, end, (uint32_t)m->names.n }))
		vm_buf_add(&m->names, name, name_len + 1);
}

void vm_perfmap_feed(struct vm_perfmap *m, const char *data, size_t len)
{
	vm_linecut_feed(&m->cut, data, len, take_line, m);
}

/** Spans hold indices of lines while they are sorted, for where the function begins. */
static void sort(struct vm_perfmap *m)
{
	m->sorted = m->code.n;
	m->spans.n = 0;
	struct vm_span *v = malloc(m->code.n * sizeof(*v) + 1);
	for (size_t i = 0; v && i < m->code.n; i++)
		v[i] = (struct vm_span){ m->code.v[i].start, m->code.v[i].end, (uint32_t)i };
	if (v)
		vm_spans_flatten(v, m->code.n, &m->spans);
	free(v);
}

const char *vm_perfmap_find(struct vm_perfmap *m, uint64_t address, uint64_t *offset)
{
	if (m->sorted != m->code.n)
		sort(m);
	const struct vm_span *in = vm_spans_find(&m->spans, address);
	if (!in)
		return NULL;
	const struct vm_span *code = &m->code.v[in->id];
	*offset = address - code->start;
	return m->names.s + code->id;
}

void vm_perfmap_free(struct vm_perfmap *m)
{
	vm_linecut_free(&m->cut);
	vm_buf_free(&m->names);
	vm_vec_free(&m->code);
	vm_spans_free(&m->spans);
	*m = (struct vm_perfmap){ .sorted = 0 };
}
