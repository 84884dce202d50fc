#include "cli/sitenames.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "core/analysis/faultview.h"
#include "core/source/symbols.h"

int vm_sitenames_open(struct vm_sitenames *n, struct vm_session *s, bool inlines, struct vm_err *err)
{
	n->inlines = inlines;
	return vm_symbols_open(s, &n->symbols, err);
}

void vm_sitenames_free(struct vm_sitenames *n)
{
	vm_map_free(&n->map);
	vm_vec_free(&n->site);
	vm_arena_free(&n->arena);
	vm_symbols_free(n->symbols);
	*n = (struct vm_sitenames){ 0 };
}

uint64_t vm_sitename_hash(const char *s, size_t n)
{
	return vm_fnv1a(VM_FNV1A_BASIS, s, n);
}

/* ---- Sites -------------------------------------------------------------------------------------------------------- */

static enum vm_flame_class class_of(const struct vm_fault_mapping *m, const struct vm_symbol *s)
{
	if (strcmp(s->object, "[jit]") == 0 || strcmp(s->object, "[anon]") == 0)
		return VM_FLAME_JIT;
	if (!m || !m->name)
		return VM_FLAME_OTHER;
	return strstr(m->name, ".so") || m->name[0] == '[' ? VM_FLAME_LIBRARY : VM_FLAME_PROGRAM;
}

/** Function and file; what was inlined there in front, "inner < outer". */
static void put_symbols(struct vm_buf *b, const struct vm_symbol *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			vm_buf_add_str(b, " < ");
		vm_symbol_put(b, &s[i]);
	}
}

static struct vm_code code_at(const struct vm_fault_space *p, const struct vm_fault_mapping *m, uint64_t ip)
{
	return (struct vm_code){
		.pid = p->pid, .alive = !p->ended, .ip = ip, .start = m->start, .end = m->end, .offset = m->offset, .path = m->name,
		.dev_major = m->dev_major, .dev_minor = m->dev_minor, .inode = m->inode,
	};
}

void vm_sitenames_note_code(void *ctx, const struct vm_faultset *f, const struct vm_fault_mapping *m)
{
	struct vm_sitenames *n = ctx;
	struct vm_symbol unused;
	if (m->space >= f->space.n || !m->name || !n->symbols)
		return;
	const struct vm_code c = code_at(&f->space.v[m->space], m, m->start);
	vm_symbols_find(n->symbols, &c, false, &unused, 1);
}

static void name_site(struct vm_sitenames *n, const struct vm_faultset *f, uint32_t space, uint64_t ip, struct vm_buf *b,
		      struct vm_sitename *to)
{
	struct vm_symbol s[VM_SYMBOL_FRAMES];
	const struct vm_fault_mapping *m = vm_faultset_mapping(f, space, ip);
	const struct vm_fault_space *p = space < f->space.n ? &f->space.v[space] : NULL;
	to->class = VM_FLAME_OTHER;
	if (!m || !p || !m->name) {
		vm_buf_addf(b, "0x%llx", (unsigned long long)ip);
		return;
	}
	const struct vm_code c = code_at(p, m, ip);
	const size_t found = vm_symbols_find(n->symbols, &c, n->inlines, s, VM_SYMBOL_FRAMES);
	put_symbols(b, s, found);
	to->source = s[0].source;
	to->line = s[0].line;
	to->class = class_of(m, &s[0]);
}

/** Keep a name that was made; its text is in `b`, which is freed. */
static const struct vm_sitename *keep(struct vm_sitenames *n, uint64_t key, struct vm_sitename site, struct vm_buf *b)
{
	site.text = vm_arena_strndup(&n->arena, vm_buf_str(b), b->n);
	site.key = vm_sitename_hash(vm_buf_str(b), b->n);
	vm_buf_free(b);
	if (!site.text || !vm_vec_push(&n->site, site) || !vm_map_put(&n->map, key, (uint32_t)n->site.n - 1))
		return NULL;
	return &n->site.v[n->site.n - 1];
}

const struct vm_sitename *vm_sitename(struct vm_sitenames *n, const struct vm_faultset *f, uint32_t space, uint64_t ip)
{
	const uint64_t key = vm_mix64(ip) ^ space;
	struct vm_sitename site = { 0 };
	struct vm_buf b = { 0 };
	uint32_t at;
	if (vm_map_get(&n->map, key, &at))
		return &n->site.v[at];
	name_site(n, f, space, ip, &b, &site);
	return keep(n, key, site, &b);
}

const struct vm_sitename *vm_sitename_kernel(struct vm_sitenames *n, uint64_t ip)
{
	const uint64_t key = vm_mix64(ip) ^ VM_FAULT_NONE;
	const struct vm_sitename site = { .class = VM_FLAME_KERNEL };
	struct vm_buf b = { 0 };
	uint64_t offset;
	uint32_t at;
	if (vm_map_get(&n->map, key, &at))
		return &n->site.v[at];
	const char *function = vm_symbols_kernel(n->symbols, ip, &offset);
	if (function)
		vm_buf_addf(&b, "%s+0x%llx ([kernel])", function, (unsigned long long)offset);
	else
		vm_buf_add_str(&b, "[kernel]");
	return keep(n, key, site, &b);
}

/* ---- Stacks ------------------------------------------------------------------------------------------------------- */

enum { LEAST = 4096 };

static void push(struct vm_siteframes *to, const char *name, size_t len, enum vm_flame_class class)
{
	const char *offset = memmem(name, len, "+0x", 3), *file = memchr(name, '(', len);
	if (to->n == VM_SITENAME_DEPTH)
		return;
	if (offset && file && offset < file)
		len = (size_t)(offset - name);
	to->from[to->n] = to->names.n;
	to->class[to->n++] = class;
	vm_buf_add(&to->names, name, len);
	vm_buf_add_char(&to->names, '\0');
}

void vm_siteframes_push(struct vm_siteframes *to, const char *name, enum vm_flame_class class)
{
	push(to, name, strlen(name), class);
}

/** A site; what was inlined there follows what holds it. */
static void push_site(struct vm_siteframes *to, const struct vm_sitename *site)
{
	static const char between[] = " < ";
	size_t end = strlen(site->text);
	for (size_t at = end; at-- > 0;)
		if (at && strncmp(site->text + at, between, sizeof(between) - 1) == 0) {
			push(to, site->text + at + sizeof(between) - 1, end - at - (sizeof(between) - 1), site->class);
			end = at;
		}
	push(to, site->text, end, site->class);
}

static void push_ip(struct vm_siteframes *to, struct vm_sitenames *n, const struct vm_faultset *f, uint32_t space, uint64_t ip)
{
	const struct vm_sitename *site = vm_sitename(n, f, space, ip);
	if (site)
		push_site(to, site);
}

/**
 * How many of its addresses are return addresses, or the innermost instruction.  Where frame pointers are used for
 * other things, what they lead to is no address, or none of code; nor is what follows.
 */
static unsigned sound_depth(const struct vm_faultset *f, uint32_t space, const struct vm_fault_stack *st)
{
	unsigned n = st->n ? 1 : 0;
	for (; n < st->n; n++) {
		if (st->ip[n] < LEAST || st->ip[n] >> 56)
			break;
		const struct vm_fault_mapping *m = vm_faultset_mapping(f, space, st->ip[n] - 1);
		if (m && !(m->prot & PROT_EXEC))
			break;
	}
	return n;
}

void vm_siteframes_set(struct vm_siteframes *to, struct vm_sitenames *n, const struct vm_faultset *f, uint32_t space,
		       uint32_t stack, uint64_t ip)
{
	const struct vm_fault_space *s = space < f->space.n ? &f->space.v[space] : NULL;
	to->n = to->names.n = 0;
	vm_siteframes_push(to, s && s->comm[0] ? s->comm : "?", VM_FLAME_OTHER);
	if (stack < f->stack.n) {
		const struct vm_fault_stack *st = &f->stack.v[stack];
		/* A return address is behind its call; the innermost is the instruction itself. */
		for (unsigned i = sound_depth(f, space, st); i-- > 0;)
			push_ip(to, n, f, space, st->ip[i] - (i > 0));
	} else if (ip) {
		push_ip(to, n, f, space, ip);
	}
}

const char *vm_siteframes_join(struct vm_siteframes *to, size_t *len)
{
	for (size_t k = 1; k < to->n; k++)
		to->names.s[to->from[k] - 1] = ';';
	*len = to->names.n ? to->names.n - 1 : 0;
	return vm_buf_str(&to->names);
}

int vm_siteframes_add(const struct vm_siteframes *to, struct vm_flame *flame, uint64_t weight)
{
	struct vm_flame_frame frame[VM_SITENAME_DEPTH];
	if (to->names.failed)
		return -ENOMEM;
	for (size_t k = 0; k < to->n; k++)
		frame[k] = (struct vm_flame_frame){ .name = to->names.s + to->from[k], .class = to->class[k] };
	return vm_flame_add(flame, frame, to->n, weight);
}

void vm_siteframes_free(struct vm_siteframes *to)
{
	vm_buf_free(&to->names);
}

bool vm_sitenames_faults(struct vm_sitenames *n, const struct vm_faultset *f, struct vm_fault_places *p)
{
	for (size_t i = 0; i < f->group.n; i++) {
		const struct vm_fault_group *g = &f->group.v[i];
		const struct vm_sitename *site = g->ip ? vm_sitename(n, f, g->space, g->ip) : NULL;
		bool is_new;
		struct vm_fault_place_row *r = vm_fault_place(p, site ? site->key : 0, &is_new);
		if (!r)
			return false;
		if (is_new && site) {
			r->place = site->text;
			r->source = site->source;
			r->line = site->line;
			r->ip = g->ip;
		}
		vm_fault_place_add(r, f, g);
	}
	vm_fault_places_finish(p, f);
	return true;
}
