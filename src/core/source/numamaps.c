#include "core/source/numamaps.h"

#include <string.h>

/** No architecture has larger ones. */
#define MOST_PAGE (UINT64_C(1) << 40)

/** More than any address space holds: what says so makes no sense. */
#define MOST_PAGES (UINT64_C(1) << 44)
#define MOST_BYTES (UINT64_C(1) << 60)

void vm_numa_begin(struct vm_numa_parser *p, int (*take)(void *ctx, const struct vm_numa_line *line), void *ctx)
{
	p->take = take;
	p->ctx = ctx;
	p->result = 0;
	p->any = false;
	p->last = 0;
}

static bool take_hex(const char **s, const char *end, uint64_t *v)
{
	const char *from = *s, *p = from;
	uint64_t x = 0;
	for (; p < end && p - from <= 16; p++) {
		const bool digit = *p >= '0' && *p <= '9', letter = *p >= 'a' && *p <= 'f';
		if (!digit && !letter)
			break;
		x = x << 4 | (uint64_t)(*p - (digit ? '0' : 'a' - 10));
	}
	*s = p;
	*v = x;
	return p != from && p - from <= 16;
}

/** Digits up to the end of the word. */
static bool word_number(const char *s, const char *end, uint64_t *v)
{
	uint64_t x = 0;
	if (s == end || end - s > 19)
		return false;
	for (; s < end; s++) {
		if (*s < '0' || *s > '9')
			return false;
		x = x * 10 + (uint64_t)(*s - '0');
	}
	*v = x;
	return true;
}

static bool starts_with(const char *s, const char *end, const char *with, size_t n)
{
	return (size_t)(end - s) >= n && memcmp(s, with, n) == 0;
}
#define STARTS(s, end, literal) starts_with(s, end, literal, sizeof(literal) - 1)

/** Shared memory shows as a file without a file system that one could see. */
static uint8_t class_of_file(const char *s, const char *end)
{
	return STARTS(s, end, "/dev/shm/") || STARTS(s, end, "/memfd:") || STARTS(s, end, "/SYSV") ||
	       STARTS(s, end, "/dev/zero") ? VM_NUMA_SHMEM : VM_NUMA_FILE;
}

/** "N0=1234" */
static void take_node(struct vm_numa_line *l, const char *s, const char *end)
{
	uint64_t node, pages;
	const char *equals = memchr(s, '=', (size_t)(end - s));
	if (!equals || !word_number(s + 1, equals, &node) || !word_number(equals + 1, end, &pages) || node >= VM_NODES_MAX ||
	    pages > MOST_PAGES || l->non == VM_NODES_MAX)
		return;
	l->on[l->non++] = (struct vm_node_pages){ (uint16_t)node, pages };
	l->m.pages += pages;
}

/** "anon=12" and the like. */
static void take_figure(struct vm_numa_map *m, const char *s, const char *end)
{
	const struct { const char *key; size_t len; uint64_t *to; } known[] = {
		{ "anon=", 5, &m->anon }, { "dirty=", 6, &m->dirty }, { "mapped=", 7, &m->mapped },
		{ "mapmax=", 7, &m->mapmax }, { "active=", 7, &m->active }, { "swapcache=", 10, &m->swapcache },
		{ "writeback=", 10, &m->writeback }, { "kernelpagesize_kB=", 18, &m->page_bytes },
	};
	uint64_t v;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (*s != known[i].key[0] || !starts_with(s, end, known[i].key, known[i].len))
			continue;
		if (!word_number(s + known[i].len, end, &v))
			return;
		*known[i].to = v;
		m->has_active = m->has_active || known[i].to == &m->active;
		return;
	}
}

static void take_word(struct vm_numa_line *l, const char *s, const char *end)
{
	if (*s == 'N')
		take_node(l, s, end);
	else if (STARTS(s, end, "file="))
		l->m.class = class_of_file(s + 5, end);
	else if (end - s == 4 && memcmp(s, "heap", 4) == 0)
		l->m.class = VM_NUMA_HEAP;
	else if (end - s == 5 && memcmp(s, "stack", 5) == 0)
		l->m.class = VM_NUMA_STACK;
	else if (end - s == 4 && memcmp(s, "huge", 4) == 0)
		l->m.class = VM_NUMA_HUGE;
	else
		take_figure(&l->m, s, end);
}

/** Where the policy ends: two have a blank in their name. */
static const char *end_of_policy(const char *s, const char *end)
{
	const char *from = s;
	if (STARTS(s, end, "weighted interleave"))
		from += 19;
	else if (STARTS(s, end, "prefer (many)"))
		from += 13;
	const char *blank = memchr(from, ' ', (size_t)(end - from));
	return blank ? blank : end;
}

static void take_line(struct vm_numa_parser *p, const char *s, const char *end)
{
	struct vm_numa_line *l = &p->line;
	l->m = (struct vm_numa_map){ .class = VM_NUMA_ANON };
	l->non = 0;
	if (!take_hex(&s, end, &l->m.start) || s == end || *s++ != ' ' || (p->any && l->m.start <= p->last))
		return;
	l->policy = s;
	s = end_of_policy(s, end);
	l->policy_len = (size_t)(s - l->policy);
	if (l->policy_len == 0)
		return;
	while (s < end) {
		const char *word = s + 1;
		const char *blank = memchr(word, ' ', (size_t)(end - word));
		s = blank ? blank : end;
		if (s > word)
			take_word(l, word, s);
	}
	uint64_t bytes;
	if (__builtin_mul_overflow(l->m.page_bytes, (uint64_t)1024, &l->m.page_bytes) || l->m.page_bytes > MOST_PAGE ||
	    __builtin_mul_overflow(l->m.page_bytes, l->m.pages, &bytes) || bytes > MOST_BYTES)
		return;
	p->any = true;
	p->last = l->m.start;
	p->result = p->take(p->ctx, l);
}

size_t vm_numa_feed(struct vm_numa_parser *p, const char *text, size_t len, bool last)
{
	const char *s = text, *end = text + len;
	while (s < end && p->result == 0) {
		const char *eol = memchr(s, '\n', (size_t)(end - s));
		if (!eol && !last)
			break;
		take_line(p, s, eol ? eol : end);
		s = eol ? eol + 1 : end;
	}
	return (size_t)(s - text);
}
