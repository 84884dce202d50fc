#include "core/source/tlbresult.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/base/buf.h"

enum { FIRST_LINE, IN_HEAD, IN_BODY, AT_END };

/** A file under way. */
struct reader {
	struct vm_tlb_result *to;
	const char *at, *end;      /* what is left of a line */
	int state;
	/** What was there before, and so much more since. */
	size_t programs, mappings, sites;
	struct vm_tlb_program program;
	struct vm_tlb_tallies *data, *code;   /* of what was named last */
	unsigned policies;
	enum vm_tlb_sizes_by sizes_by;
	char engine[sizeof(((struct vm_tlb_result *)NULL)->engine)];
	struct vm_buf text;
	bool no_memory;
};

/* ---- Words -------------------------------------------------------------------------------------------------------- */

static bool take_word(struct reader *r, const char **word, size_t *n)
{
	if (r->at == r->end)
		return false;
	const char *space = memchr(r->at, ' ', (size_t)(r->end - r->at));
	*word = r->at;
	*n = (size_t)((space ? space : r->end) - r->at);
	r->at = space ? space + 1 : r->end;
	return *n > 0;
}

static int digit_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

static bool take_number(struct reader *r, unsigned base, uint64_t most, uint64_t *out)
{
	const char *word;
	size_t n;
	uint64_t v = 0;
	if (!take_word(r, &word, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		const unsigned digit = (unsigned)digit_of(word[i]);
		if (digit >= base || v > (most - digit) / base || digit > most)
			return false;
		v = v * base + digit;
	}
	*out = v;
	return true;
}

static bool take_u64(struct reader *r, uint64_t *out)
{
	return take_number(r, 10, UINT64_MAX, out);
}

static bool take_addr(struct reader *r, uint64_t *out)
{
	return take_number(r, 16, UINT64_MAX, out);
}

/** A text whose bytes may be escaped; into r->text, and NUL behind it. */
static bool take_text(struct reader *r)
{
	const char *word;
	size_t n;
	r->text.n = 0;
	if (!take_word(r, &word, &n))
		return false;
	if (n == 1 && *word == '-')
		n = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned c = (unsigned char)word[i];
		if (c == '\\') {
			if (n - i < 4)
				return false;
			c = 0;
			for (size_t k = 1; k <= 3; k++)
				c = c * 8 + (unsigned)digit_of(word[i + k]);
			i += 3;
		}
		if (c == 0 || c > UCHAR_MAX)
			return false;
		vm_buf_add_char(&r->text, (char)c);
	}
	vm_buf_str(&r->text);
	r->no_memory |= r->text.failed;
	return !r->text.failed;
}

static const char *keep_text(struct reader *r)
{
	const char *kept = vm_arena_strndup(&r->to->texts, vm_buf_str(&r->text), r->text.n);
	r->no_memory |= kept == NULL;
	return kept;
}

/* ---- Lines -------------------------------------------------------------------------------------------------------- */

static bool take_tally(struct reader *r, struct vm_tlb_tallies *to)
{
	uint64_t p;
	struct vm_tlb_tally t;
	if (!to || !r->policies || !take_number(r, 10, r->policies - 1, &p))
		return false;
	if (!take_u64(r, &t.l1) || !take_u64(r, &t.walks) || !take_u64(r, &t.walks_2m) || !take_u64(r, &t.near) ||
	    !take_u64(r, &t.near_2m) || !take_u64(r, &t.refs))
		return false;
	to->policy[p] = t;
	return t.walks <= t.l1 && t.walks_2m <= t.walks && t.near <= t.walks && t.near_2m <= t.walks_2m && t.near_2m <= t.near &&
	       t.near - t.near_2m <= t.walks - t.walks_2m;
}

static bool take_prot(struct reader *r, struct vm_tlb_mapping *m)
{
	const char *word;
	size_t n;
	if (!take_word(r, &word, &n) || n != 4)
		return false;
	m->prot = (uint8_t)((word[0] == 'r' ? PROT_READ : 0) | (word[1] == 'w' ? PROT_WRITE : 0) | (word[2] == 'x' ? PROT_EXEC : 0));
	m->shared = word[3] == 's';
	return true;
}

static bool take_mapping(struct reader *r)
{
	struct vm_tlb_mapping m = { .program = r->programs };
	uint64_t id, can_2m, major, minor;
	if (!take_u64(r, &id) || !take_addr(r, &m.start) || !take_addr(r, &m.end) || !take_addr(r, &m.offset) || !take_prot(r, &m))
		return false;
	if (!take_number(r, 10, 1, &can_2m) || !take_number(r, 10, UINT32_MAX, &major) || !take_number(r, 10, UINT32_MAX, &minor) ||
	    !take_u64(r, &m.inode) || !take_u64(r, &m.pages) || !take_u64(r, &m.regions_2m) || !take_u64(r, &m.pages_2m) ||
	    !take_u64(r, &m.regions_huge) || !take_u64(r, &m.pages_huge) || !take_text(r))
		return false;
	/* Engines count them down or up, whichever they like; sites name them by these numbers. */
	m.id = id;
	m.can_2m = can_2m;
	m.dev_major = (uint32_t)major;
	m.dev_minor = (uint32_t)minor;
	m.name = keep_text(r);
	if (m.start >= m.end || m.pages_2m > m.pages || m.pages_huge > m.pages || !m.name)
		return false;
	r->no_memory |= !vm_vec_push(&r->to->mapping, m);
	if (r->no_memory)
		return false;
	r->data = &r->to->mapping.v[r->to->mapping.n - 1].data;
	r->code = &r->to->mapping.v[r->to->mapping.n - 1].code;
	return true;
}

static bool take_site(struct reader *r)
{
	struct vm_tlb_site s = { .program = r->programs, .mapping = SIZE_MAX };
	uint64_t id;
	if (!take_addr(r, &s.ip))
		return false;
	if (r->end - r->at == 1 && *r->at == '-') {
		r->at = r->end;
	} else {
		if (!take_u64(r, &id) || id >= SIZE_MAX)
			return false;
		s.mapping = (size_t)id;
	}
	r->no_memory |= !vm_vec_push(&r->to->site, s);
	if (r->no_memory)
		return false;
	r->data = r->code = &r->to->site.v[r->to->site.n - 1].misses;
	return true;
}

static bool take_head(struct reader *r, const char *word, size_t n)
{
	uint64_t v;
	const size_t engine = sizeof(r->engine);
	if (n == 6 && memcmp(word, "engine", n) == 0) {
		if (!take_text(r) || r->text.n >= engine)
			return false;
		memcpy(r->engine, vm_buf_str(&r->text), r->text.n + 1);
		return true;
	}
	if (n == 5 && memcmp(word, "sizes", n) == 0) {
		if (!take_text(r))
			return false;
		r->sizes_by = strcmp(vm_buf_str(&r->text), "scan") == 0 ? VM_TLB_SIZES_SCAN :
			      strcmp(vm_buf_str(&r->text), "smaps") == 0 ? VM_TLB_SIZES_SMAPS : VM_TLB_SIZES_ASSUMED;
		return true;
	}
	if (n == 3 && memcmp(word, "pid", n) == 0) {
		if (!take_number(r, 10, INT_MAX, &v))
			return false;
		r->program.pid = (pid_t)v;
		return true;
	}
	if (n == 7 && memcmp(word, "program", n) == 0)
		return take_text(r) && (r->program.name = keep_text(r)) != NULL;
	if (n == 8 && memcmp(word, "policies", n) == 0) {
		if (!take_number(r, 10, VM_TLB_POLICIES, &v))
			return false;
		r->policies = (unsigned)v;
		return true;
	}
	if (n == 8 && memcmp(word, "accesses", n) == 0)
		return take_u64(r, &r->program.instructions) && take_u64(r, &r->program.loads) && take_u64(r, &r->program.stores);
	if (n == 5 && memcmp(word, "total", n) == 0 && r->policies && r->program.name) {
		r->state = IN_BODY;
		r->data = &r->program.data;
		r->code = &r->program.code;
		return true;
	}
	return false;
}

static bool take_body(struct reader *r, const char *word, size_t n)
{
	if (n == 1 && (*word == 'd' || *word == 'c')) {
		if (r->data == r->code && r->data)
			r->to->site.v[r->to->site.n - 1].code = *word == 'c';
		return take_tally(r, *word == 'd' ? r->data : r->code);
	}
	if (n == 7 && memcmp(word, "mapping", n) == 0)
		return take_mapping(r);
	if (n == 4 && memcmp(word, "site", n) == 0)
		return take_site(r);
	if (n == 3 && memcmp(word, "end", n) == 0) {
		r->state = AT_END;
		return true;
	}
	return false;
}

static bool take_line(struct reader *r, const char *line, size_t len)
{
	static const char first[] = "vmtlb-trace 1";
	const char *word;
	size_t n;
	r->at = line;
	r->end = line + len;
	if (r->state == FIRST_LINE) {
		r->state = IN_HEAD;
		return len == sizeof(first) - 1 && memcmp(line, first, len) == 0;
	}
	if (r->state == AT_END || !take_word(r, &word, &n))
		return false;
	const bool ok = r->state == IN_HEAD ? take_head(r, word, n) : take_body(r, word, n);
	return ok && r->at == r->end;
}

/* ---- Files -------------------------------------------------------------------------------------------------------- */

struct id_of {
	uint64_t id;
	size_t index;
};

static int by_id(const void *a_, const void *b_)
{
	const struct id_of *a = a_, *b = b_;
	return (a->id > b->id) - (a->id < b->id);
}

/** Sites named mappings by the engine's numbers; now by our indices. */
static bool link_sites(struct reader *r)
{
	const size_t n = r->to->mapping.n - r->mappings;
	struct id_of *ids = malloc((n + 1) * sizeof(*ids));
	if (!ids) {
		r->no_memory = true;
		return false;
	}
	for (size_t i = 0; i < n; i++)
		ids[i] = (struct id_of){ r->to->mapping.v[r->mappings + i].id, r->mappings + i };
	qsort(ids, n, sizeof(*ids), by_id);
	bool ok = true;
	for (size_t i = r->sites; ok && i < r->to->site.n; i++) {
		struct vm_tlb_site *s = &r->to->site.v[i];
		const struct id_of want = { .id = s->mapping };
		if (s->mapping == SIZE_MAX)
			continue;
		const struct id_of *found = bsearch(&want, ids, n, sizeof(*ids), by_id);
		ok = found != NULL;
		s->mapping = found ? found->index : SIZE_MAX;
	}
	free(ids);
	return ok;
}

static bool keep(struct reader *r)
{
	struct vm_tlb_result *to = r->to;
	if (r->state != AT_END || !link_sites(r))
		return false;
	if (to->program.n && to->policies != r->policies)
		return false;
	r->program.mapping = r->mappings;
	r->program.mappings = to->mapping.n - r->mappings;
	r->no_memory |= !vm_vec_push(&to->program, r->program);
	if (r->no_memory)
		return false;
	to->policies = r->policies;
	/* Of several, the one that knows least. */
	to->sizes_by = to->program.n == 1 || r->sizes_by < to->sizes_by ? r->sizes_by : to->sizes_by;
	memcpy(to->engine, r->engine, sizeof(to->engine));
	return true;
}

int vm_tlb_result_parse(const char *text, size_t len, struct vm_tlb_result *to)
{
	struct reader r = { .to = to, .programs = to->program.n, .mappings = to->mapping.n, .sites = to->site.n };
	bool ok = true;
	while (ok && len > 0) {
		const char *newline = memchr(text, '\n', len);
		const size_t n = newline ? (size_t)(newline - text) : len;
		ok = newline && take_line(&r, text, n);
		text += n + (newline != NULL);
		len -= n + (newline != NULL);
	}
	ok = ok && keep(&r);
	if (!ok) {
		to->mapping.n = r.mappings;
		to->site.n = r.sites;
	}
	vm_buf_free(&r.text);
	return ok ? 0 : r.no_memory ? -ENOMEM : -EBADMSG;
}
