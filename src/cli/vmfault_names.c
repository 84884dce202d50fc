/** vmfault: what instructions and stacks are called. */

#include "cli/vmfault.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "cli/render/flame.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/source/symbols.h"

static uint64_t hash_text(const char *s, size_t n)
{
	/* FNV-1a, 64 bits. */
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * UINT64_C(0x100000001b3);
	return h;
}

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

void vmfault_note_code(void *ctx, const struct vm_faultset *f, const struct vm_fault_mapping *m)
{
	struct vmfault *v = ctx;
	struct vm_symbol unused;
	if (m->space >= f->space.n || !m->name || !v->symbols)
		return;
	const struct vm_code c = code_at(&f->space.v[m->space], m, m->start);
	vm_symbols_find(v->symbols, &c, false, &unused, 1);
}

static bool name_site(struct vmfault *v, const struct vm_faultset *f, uint32_t space, uint64_t ip, struct vmfault_site *to)
{
	struct vm_symbol s[VM_SYMBOL_FRAMES];
	const struct vm_fault_mapping *m = vm_faultset_mapping(f, space, ip);
	const struct vm_fault_space *p = space < f->space.n ? &f->space.v[space] : NULL;
	struct vm_buf b = { 0 };
	const char *source = NULL;
	to->class = VM_FLAME_OTHER;
	if (!m || !p || !m->name) {
		vm_buf_addf(&b, "0x%llx", (unsigned long long)ip);
	} else {
		const struct vm_code c = code_at(p, m, ip);
		const size_t n = vm_symbols_find(v->symbols, &c, v->o->inlines, s, VM_SYMBOL_FRAMES);
		put_symbols(&b, s, n);
		source = s[0].source;
		to->line = s[0].line;
		to->class = class_of(m, &s[0]);
	}
	to->text = vm_arena_strndup(&v->names, vm_buf_str(&b), b.n);
	to->source = source;
	to->key = hash_text(vm_buf_str(&b), b.n);
	vm_buf_free(&b);
	return to->text != NULL;
}

size_t vmfault_site(struct vmfault *v, const struct vm_faultset *f, uint32_t space, uint64_t ip)
{
	const uint64_t key = vm_mix64(ip) ^ space;
	struct vmfault_site site = { 0 };
	uint32_t at;
	if (vm_map_get(&v->site_map, key, &at))
		return at;
	if (!name_site(v, f, space, ip, &site) || !vm_vec_push(&v->sites, site) ||
	    !vm_map_put(&v->site_map, key, (uint32_t)v->sites.n - 1))
		return SIZE_MAX;
	return v->sites.n - 1;
}

bool vmfault_by_site(struct vmfault *v, const struct vm_faultset *f, struct vm_fault_places *p)
{
	for (size_t i = 0; i < f->group.n; i++) {
		const struct vm_fault_group *g = &f->group.v[i];
		const size_t at = g->ip ? vmfault_site(v, f, g->space, g->ip) : SIZE_MAX;
		bool is_new;
		struct vm_fault_place_row *r = vm_fault_place(p, at == SIZE_MAX ? 0 : v->sites.v[at].key, &is_new);
		if (!r)
			return false;
		if (is_new && at != SIZE_MAX) {
			r->place = v->sites.v[at].text;
			r->source = v->sites.v[at].source;
			r->line = v->sites.v[at].line;
			r->ip = g->ip;
		}
		vm_fault_place_add(r, f, g);
	}
	vm_fault_places_finish(p, f);
	return true;
}

/* ---- Stacks ------------------------------------------------------------------------------------------------------- */

enum { DEPTH = 160, LEAST = 4096 };

/** Frames under way: names in one buffer, so that they are told apart when all are there. */
struct frames {
	struct vm_buf names;
	size_t from[DEPTH];
	enum vm_flame_class class[DEPTH];
	size_t n;
};

/** Functions merge whatever their offsets. */
static void push_frame(struct frames *to, const char *name, size_t len, enum vm_flame_class class)
{
	const char *offset = memmem(name, len, "+0x", 3), *file = memchr(name, '(', len);
	if (to->n == DEPTH)
		return;
	if (offset && file && offset < file)
		len = (size_t)(offset - name);
	to->from[to->n] = to->names.n;
	to->class[to->n++] = class;
	vm_buf_add(&to->names, name, len);
	vm_buf_add_char(&to->names, '\0');
}

/** A site; what was inlined there follows what holds it. */
static void push_site(struct frames *to, const struct vmfault_site *site)
{
	static const char between[] = " < ";
	size_t end = strlen(site->text);
	for (size_t at = end; at-- > 0;)
		if (at && strncmp(site->text + at, between, sizeof(between) - 1) == 0) {
			push_frame(to, site->text + at + sizeof(between) - 1, end - at - (sizeof(between) - 1), site->class);
			end = at;
		}
	push_frame(to, site->text, end, site->class);
}

static void push_ip(struct vmfault *v, const struct vm_faultset *f, uint32_t space, uint64_t ip, struct frames *to)
{
	const size_t at = vmfault_site(v, f, space, ip);
	if (at != SIZE_MAX)
		push_site(to, &v->sites.v[at]);
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

/** Names of a stack, outermost first. */
static void frames_of(struct vmfault *v, const struct vm_faultset *f, const struct vm_fault_group *g, bool leaf,
		      struct frames *to)
{
	const struct vm_fault_space *s = g->space < f->space.n ? &f->space.v[g->space] : NULL;
	const char *comm = s && s->comm[0] ? s->comm : "?";
	to->n = to->names.n = 0;
	push_frame(to, comm, strlen(comm), VM_FLAME_OTHER);
	if (g->stack < f->stack.n) {
		const struct vm_fault_stack *st = &f->stack.v[g->stack];
		/* A return address is behind its call; the innermost is the instruction itself. */
		for (unsigned i = sound_depth(f, g->space, st); i-- > 0;)
			push_ip(v, f, g->space, st->ip[i] - (i > 0), to);
	} else if (g->ip) {
		push_ip(v, f, g->space, g->ip, to);
	}
	if (g->kernel)
		push_frame(to, "[kernel]", strlen("[kernel]"), VM_FLAME_KERNEL);
	if (leaf)
		push_frame(to, vm_fault_kinds[g->kind].name, strlen(vm_fault_kinds[g->kind].name), VM_FLAME_FAULT);
}

bool vmfault_by_stack(struct vmfault *v, const struct vm_faultset *f, struct vm_fault_places *p)
{
	struct frames frames = { 0 };
	struct vm_buf *b = &frames.names;
	bool ok = true;
	for (size_t i = 0; ok && i < f->group.n; i++) {
		frames_of(v, f, &f->group.v[i], false, &frames);
		for (size_t k = 1; k < frames.n; k++)
			b->s[frames.from[k] - 1] = ';';
		bool is_new;
		struct vm_fault_place_row *r = vm_fault_place(p, hash_text(vm_buf_str(b), b->n), &is_new);
		ok = r != NULL;
		if (ok && is_new)
			r->place = vm_arena_strndup(&p->arena, vm_buf_str(b), b->n - 1);
		if (ok)
			vm_fault_place_add(r, f, &f->group.v[i]);
	}
	vm_buf_free(b);
	vm_fault_places_finish(p, f);
	return ok;
}

static int fill_flame(struct vmfault *v, const struct vm_faultset *f, struct vm_flame *flame)
{
	struct vm_flame_frame frame[DEPTH];
	struct frames frames = { 0 };
	int r = 0;
	for (size_t i = 0; r == 0 && i < f->group.n; i++) {
		const struct vm_fault_group *g = &f->group.v[i];
		frames_of(v, f, g, true, &frames);
		for (size_t k = 0; k < frames.n; k++)
			frame[k] = (struct vm_flame_frame){ .name = frames.names.s + frames.from[k], .class = frames.class[k] };
		r = vm_flame_add(flame, frame, frames.n, v->o->weight ? g->ns : g->count);
	}
	vm_buf_free(&frames.names);
	return r;
}

static int write_svg(struct vmfault *v, const struct vm_faultset *f, struct vm_flame *flame, struct vm_err *err)
{
	char subtitle[160];
	char total[VM_NUMBUF];
	FILE *out = fopen(v->o->svg, "we");
	if (!out)
		return vm_fail_os(err, errno, "cannot write %s", v->o->svg);
	snprintf(subtitle, sizeof(subtitle), "%s of page faults in %s", v->o->weight ? "time" : "number",
		 vm_format_duration(f->now_ns - f->began_ns, total));
	const struct vm_flame_text text = {
		.title = v->child.name ? v->child.name : "page faults", .subtitle = subtitle,
		.unit = v->o->weight ? VM_FLAME_NS : VM_FLAME_FAULTS,
	};
	int r = vm_flame_svg(flame, &text, out);
	if (fclose(out) != 0 && r == 0)
		r = -errno;
	return r < 0 ? vm_fail_os(err, -r, "cannot write %s", v->o->svg) : 0;
}

int vmfault_flame(struct vmfault *v, const struct vm_faultset *f, struct vm_err *err)
{
	struct vm_flame *flame = vm_flame_new();
	int r = flame ? fill_flame(v, f, flame) : -ENOMEM;
	if (r < 0)
		r = vm_fail_os(err, -r, "cannot add up stacks");
	if (r == 0 && v->o->svg)
		r = write_svg(v, f, flame, err);
	if (r == 0 && v->o->folded) {
		r = vm_flame_folded(flame, v->out);
		r = r < 0 ? vm_fail_os(err, -r, "cannot write the stacks") : 0;
	}
	vm_flame_free(flame);
	return r;
}

void vmfault_names_free(struct vmfault *v)
{
	vm_map_free(&v->site_map);
	vm_vec_free(&v->sites);
	vm_arena_free(&v->names);
	vm_symbols_free(v->symbols);
}
