/** Symbol tables: from all that ELF files say, what an address is called. */
#include <stdlib.h>
#include <string.h>

#include "core/base/cleanup.h"
#include "core/source/symfile_part.h"

/** Sections that hold code.  False when memory is out. */
static bool find_code(const struct vm_elf *e, struct vm_spans *code)
{
	VM_VEC(struct vm_span) v = { 0 };
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(e->elf, scn));) {
		GElf_Shdr sh;
		if (!gelf_getshdr(scn, &sh) || !(sh.sh_flags & SHF_EXECINSTR) || sh.sh_size > UINT64_MAX - sh.sh_addr)
			continue;
		if (!vm_vec_push(&v, (struct vm_span){ sh.sh_addr, sh.sh_addr + sh.sh_size, 0 }))
			break;
	}
	const bool done = vm_spans_flatten(v.v, v.n, code);
	vm_vec_free(&v);
	return done;
}

static bool is_wanted(const GElf_Sym *sym, const char *name)
{
	const unsigned type = GELF_ST_TYPE(sym->st_info);
	if (sym->st_shndx == SHN_UNDEF || sym->st_shndx == SHN_ABS || sym->st_name == 0)
		return false;
	/* Without a type: labels of assembly, but not those that mark code and data for disassemblers. */
	return type == STT_FUNC || type == STT_GNU_IFUNC || (type == STT_NOTYPE && !strchr("$.", *name));
}

/** The table that stands behind st_name, NUL-terminated as a whole. */
static bool take_names(struct vm_symbols_of_code *s, const struct vm_elf *e, size_t link)
{
	const Elf_Data *names = vm_elf_data(e, elf_getscn(e->elf, link));
	if (!names || names->d_size > UINT32_MAX)
		return false;
	s->names[s->tables++] = (struct vm_sym_names){ names->d_buf, names->d_size };
	return true;
}

static bool add_all(struct vm_symbols_of_code *s, const struct vm_elf *e, Elf_Data *data, const struct vm_spans *code)
{
	const uint8_t table = (uint8_t)(s->tables - 1);
	const struct vm_sym_names names = s->names[table];
	GElf_Ehdr h;
	const size_t entry = gelf_fsize(e->elf, ELF_T_SYM, 1, EV_CURRENT);
	const bool thumb = gelf_getehdr(e->elf, &h) && h.e_machine == EM_ARM;
	for (size_t i = 0, n = data->d_size / entry; i < n && i < INT32_MAX; i++) {
		GElf_Sym sym;
		if (!gelf_getsym(data, (int)i, &sym) || sym.st_name >= names.size || !is_wanted(&sym, names.s + sym.st_name))
			continue;
		/* Bit 0 of a function's address says on ARM how it is encoded. */
		const uint64_t at = thumb ? sym.st_value & ~UINT64_C(1) : sym.st_value;
		const struct vm_span *in = vm_spans_find(code, at);
		if (!in)
			continue;
		const uint64_t end = sym.st_size && sym.st_size < in->end - at ? at + sym.st_size : in->end;
		if (!vm_vec_push(&s->sym, (struct vm_sym){
			.start = at + e->bias, .end = end + e->bias, .name = (uint32_t)sym.st_name, .table = table,
			.type = GELF_ST_TYPE(sym.st_info), .bind = GELF_ST_BIND(sym.st_info), .sized = sym.st_size }))
			return false;
	}
	return true;
}

bool vm_syms_add(struct vm_symbols_of_code *s, const struct vm_elf *e, GElf_Word type)
{
	GElf_Shdr sh;
	Elf_Scn *scn = NULL;
	do {
		scn = e->elf ? elf_nextscn(e->elf, scn) : NULL;
		if (!scn)
			return false;
	} while (!gelf_getshdr(scn, &sh) || sh.sh_type != type);
	if (s->tables == sizeof(s->names) / sizeof(s->names[0]))
		return false;
	Elf_Data *data = vm_elf_data(e, scn);
	struct vm_spans code = { 0 };
	if (!data || !take_names(s, e, sh.sh_link))
		return false;
	const bool done = find_code(e, &code) && add_all(s, e, data, &code);
	vm_spans_free(&code);
	return done;
}

const char *vm_syms_name(const struct vm_symbols_of_code *s, const struct vm_sym *sym, size_t *len)
{
	const struct vm_sym_names *names = &s->names[sym->table];
	const char *name = names->s + sym->name;
	*len = strnlen(name, names->size - sym->name);
	/* "memcpy@@GLIBC_2.14" */
	const char *version = memchr(name, '@', *len);
	if (version && version > name)
		*len = (size_t)(version - name);
	return name;
}

static size_t underscores(const char *s, size_t len)
{
	size_t n = 0;
	while (n < len && s[n] == '_')
		n++;
	return n;
}

/**
 * Which of two names for an address tells more: > 0 for `a`.  Visible from outside, functions rather than labels, names
 * as in the manual rather than those with underscores that C libraries give them as well, strong ones, short ones.
 */
static int better(const struct vm_symbols_of_code *s, const struct vm_sym *a, const struct vm_sym *b)
{
	const int visible = (a->bind != STB_LOCAL) - (b->bind != STB_LOCAL);
	if (visible)
		return visible;
	const int function = (a->type != STT_NOTYPE) - (b->type != STT_NOTYPE);
	if (function)
		return function;
	size_t alen, blen;
	const char *aname = vm_syms_name(s, a, &alen), *bname = vm_syms_name(s, b, &blen);
	const size_t aunder = underscores(aname, alen), bunder = underscores(bname, blen);
	if (aunder != bunder)
		return aunder < bunder ? 1 : -1;
	const int strong = (a->bind != STB_WEAK) - (b->bind != STB_WEAK);
	if (strong)
		return strong;
	if (alen != blen)
		return alen < blen ? 1 : -1;
	return memcmp(bname, aname, alen);
}

static int by_place(const void *a, const void *b, void *ctx)
{
	const struct vm_sym *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return better(ctx, x, y);
}

/** Labels reach up to what comes next. */
static void end_unsized(struct vm_symbols_of_code *s)
{
	uint64_t next = UINT64_MAX;
	for (size_t i = s->sym.n; i-- > 0;) {
		struct vm_sym *sym = &s->sym.v[i];
		if (i + 1 < s->sym.n && sym[1].start != sym->start)
			next = sym[1].start;
		if (!sym->sized && sym->end > next)
			sym->end = next;
	}
}

bool vm_syms_sort(struct vm_symbols_of_code *s)
{
	const size_t n = s->sym.n;
	if (n == 0)
		return true;
	qsort_r(s->sym.v, n, sizeof(s->sym.v[0]), by_place, s);
	end_unsized(s);
	/* What comes later has it: sized ones before labels, the innermost, the better name. */
	vm_auto_free struct vm_span *v = malloc(n * sizeof(*v));
	if (!v)
		return false;
	size_t k = 0;
	for (int sized = 0; sized < 2; sized++)
		for (size_t i = 0; i < n; i++)
			if (s->sym.v[i].sized == sized)
				v[k++] = (struct vm_span){ s->sym.v[i].start, s->sym.v[i].end, (uint32_t)i };
	return vm_spans_flatten(v, n, &s->spans);
}

const struct vm_sym *vm_syms_find(const struct vm_symbols_of_code *s, uint64_t address)
{
	const struct vm_span *in = vm_spans_find(&s->spans, address);
	return in ? &s->sym.v[in->id] : NULL;
}

void vm_syms_free(struct vm_symbols_of_code *s)
{
	vm_vec_free(&s->sym);
	vm_spans_free(&s->spans);
}
