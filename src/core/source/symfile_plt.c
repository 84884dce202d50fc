/**
 * Stubs of the procedure linkage table have no symbols.  Each jumps to where a slot of the global offset table points:
 * the slot is read from its code, and the relocation of the slot names the target.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/cleanup.h"
#include "core/source/symfile_part.h"

struct stub {
	uint64_t start, end;
	uint64_t slot;             /* address in the global offset table */
	struct vm_plt_name name;
};

struct stubs {
	VM_VEC(struct stub) v;
	unsigned machine;
	uint64_t got;              /* what i386 counts from in position-independent code */
	/** How many relocations may still be looked at: headers of sections may all name the same ones. */
	size_t left;
};

static uint32_t read32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return v;
}

/** x86: "jmp *slot" behind perhaps an endbr64 or endbr32 and a bnd prefix; false for other code. */
static bool x86_slot(const struct stubs *s, const uint8_t *code, size_t size, uint64_t at, uint64_t *slot)
{
	static const uint8_t endbr[] = { 0xf3, 0x0f, 0x1e };
	size_t i = size >= 4 && memcmp(code, endbr, sizeof(endbr)) == 0 ? 4 : 0;
	i += i < size && code[i] == 0xf2;
	if (i + 6 > size || code[i] != 0xff || (code[i + 1] != 0x25 && code[i + 1] != 0xa3))
		return false;
	const uint32_t disp = read32(code + i + 2);
	if (s->machine == EM_X86_64)
		*slot = at + i + 6 + (uint64_t)(int64_t)(int32_t)disp;
	else
		*slot = code[i + 1] == 0x25 ? disp : (uint32_t)(s->got + disp);
	return s->machine == EM_386 || code[i + 1] == 0x25;
}

static bool add_x86(struct stubs *s, const uint8_t *code, size_t size, const GElf_Shdr *sh)
{
	const size_t step = sh->sh_entsize == 8 ? 8 : 16;
	for (size_t i = 0; i + step <= size; i += step) {
		struct stub stub = { .start = sh->sh_addr + i, .end = sh->sh_addr + i + step };
		if (x86_slot(s, code + i, step, stub.start, &stub.slot) && !vm_vec_push(&s->v, stub))
			return false;
	}
	return true;
}

/** arm64: "adrp x16, page; ldr x17, [x16, #offset]", perhaps behind a "bti c". */
static bool add_arm64(struct stubs *s, const uint8_t *code, size_t size, const GElf_Shdr *sh)
{
	enum { BTI_C = 0xd503245f, STUB = 16 };
	for (size_t i = 0; i + 8 <= size; i += 4) {
		const uint32_t adrp = read32(code + i), ldr = read32(code + i + 4);
		if ((adrp & 0x9f00001f) != 0x90000010 || (ldr & 0xffc003ff) != 0xf9400211)
			continue;
		const uint32_t pages = (adrp >> 5 & 0x7ffff) << 2 | (adrp >> 29 & 3);
		const int64_t signed_pages = (int64_t)((uint64_t)pages << 43) >> 43;
		const uint64_t at = sh->sh_addr + i;
		const bool bti = i >= 4 && read32(code + i - 4) == BTI_C;
		struct stub stub = {
			.start = bti ? at - 4 : at, .end = at + STUB,
			.slot = (at & ~UINT64_C(0xfff)) + (uint64_t)signed_pages * 4096 + (ldr >> 10 & 0xfff) * 8,
		};
		if (!vm_vec_push(&s->v, stub))
			return false;
	}
	return true;
}

static bool find_stubs(struct stubs *s, const struct vm_elf *e)
{
	static const char *const sections[] = { ".plt", ".plt.sec", ".plt.got" };
	GElf_Ehdr h;
	GElf_Shdr sh;
	if (!gelf_getehdr(e->elf, &h))
		return false;
	s->machine = h.e_machine;
	if (vm_elf_section(e, ".got.plt", &sh) || vm_elf_section(e, ".got", &sh))
		s->got = sh.sh_addr;
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		Elf_Scn *scn = vm_elf_section(e, sections[i], &sh);
		const Elf_Data *d = vm_elf_data(e, scn);
		if (!d)
			continue;
		if (s->machine == EM_X86_64 || s->machine == EM_386 ? !add_x86(s, d->d_buf, d->d_size, &sh) :
		    s->machine == EM_AARCH64 && !add_arm64(s, d->d_buf, d->d_size, &sh))
			return false;
	}
	return true;
}

static int by_slot(const void *a, const void *b)
{
	const struct stub *x = a, *y = b;
	return x->slot < y->slot ? -1 : x->slot > y->slot;
}

struct relocation {
	uint64_t slot, symbol, addend;
	bool has_addend;
};

static bool get_relocation(Elf_Data *d, int i, bool rela, struct relocation *r)
{
	GElf_Rela with;
	GElf_Rel without;
	if (rela && gelf_getrela(d, i, &with))
		*r = (struct relocation){ with.r_offset, GELF_R_SYM(with.r_info), (uint64_t)with.r_addend, true };
	else if (!rela && gelf_getrel(d, i, &without))
		*r = (struct relocation){ .slot = without.r_offset, .symbol = GELF_R_SYM(without.r_info) };
	else
		return false;
	return true;
}

/** Symbols that relocations refer to. */
struct symbols {
	Elf_Data *symbol;          /* NULL: none */
	const Elf_Data *names;
};

static struct vm_plt_name name_of(const struct symbols *y, const struct vm_symbols_of_code *syms,
				  const struct relocation *r)
{
	struct vm_plt_name name = { 0 };
	GElf_Sym sym;
	if (r->symbol) {
		if (y->symbol && y->names && r->symbol < INT32_MAX && gelf_getsym(y->symbol, (int)r->symbol, &sym) &&
		    sym.st_name && sym.st_name < y->names->d_size) {
			name.s = (const char *)y->names->d_buf + sym.st_name;
			name.len = strnlen(name.s, y->names->d_size - sym.st_name);
		}
		return name;
	}
	/* Without a symbol: the address of the function that chooses one of several (GNU_IFUNC). */
	const struct vm_sym *chooser = r->has_addend ? vm_syms_find(syms, r->addend) : NULL;
	if (chooser && chooser->start == r->addend)
		name.s = vm_syms_name(syms, chooser, &name.len);
	return name;
}

static void take_relocations(struct stubs *s, const struct vm_elf *e, Elf_Scn *scn, const GElf_Shdr *sh,
			     const struct vm_symbols_of_code *syms)
{
	const bool rela = sh->sh_type == SHT_RELA;
	GElf_Shdr table;
	Elf_Data *d = vm_elf_data(e, scn);
	Elf_Scn *link = sh->sh_link ? elf_getscn(e->elf, sh->sh_link) : NULL;
	struct symbols y = { 0 };
	if (link && gelf_getshdr(link, &table)) {
		y.symbol = vm_elf_data(e, link);
		y.names = vm_elf_data(e, elf_getscn(e->elf, table.sh_link));
	}
	struct relocation r;
	for (int i = 0; d && s->left && get_relocation(d, i, rela, &r); i++, s->left--) {
		size_t low = 0, high = s->v.n;
		while (low < high) {
			const size_t mid = low + (high - low) / 2;
			if (s->v.v[mid].slot < r.slot)
				low = mid + 1;
			else
				high = mid;
		}
		for (; low < s->v.n && s->v.v[low].slot == r.slot && !s->v.v[low].name.s; low++)
			s->v.v[low].name = name_of(&y, syms, &r);
	}
}

static bool keep_named(struct vm_plt *p, const struct stubs *s)
{
	vm_auto_free struct vm_span *v = malloc(s->v.n * sizeof(*v) + 1);
	size_t n = 0;
	if (!v)
		return false;
	for (size_t i = 0; i < s->v.n; i++) {
		const struct stub *stub = &s->v.v[i];
		if (!stub->name.len)
			continue;
		v[n++] = (struct vm_span){ stub->start, stub->end, (uint32_t)p->name.n };
		if (!vm_vec_push(&p->name, stub->name))
			return false;
	}
	return vm_spans_flatten(v, n, &p->spans);
}

static void load(struct vm_plt *p, const struct vm_elf *e, const struct vm_symbols_of_code *syms)
{
	struct stubs s = { .left = 32 * 1024 * 1024 };
	if (find_stubs(&s, e) && s.v.n) {
		qsort(s.v.v, s.v.n, sizeof(s.v.v[0]), by_slot);
		for (Elf_Scn *scn = NULL; (scn = elf_nextscn(e->elf, scn));) {
			GElf_Shdr sh;
			if (gelf_getshdr(scn, &sh) && (sh.sh_type == SHT_RELA || sh.sh_type == SHT_REL) &&
			    (sh.sh_flags & SHF_ALLOC))
				take_relocations(&s, e, scn, &sh, syms);
		}
		keep_named(p, &s);
	}
	vm_vec_free(&s.v);
}

const struct vm_plt_name *vm_plt_find(struct vm_plt *p, const struct vm_elf *e, const struct vm_symbols_of_code *syms,
				      uint64_t address, uint64_t *start)
{
	if (!p->tried) {
		p->tried = true;
		load(p, e, syms);
	}
	const struct vm_span *in = vm_spans_find(&p->spans, address);
	if (!in)
		return NULL;
	*start = in->start;
	return &p->name.v[in->id];
}

void vm_plt_free(struct vm_plt *p)
{
	vm_spans_free(&p->spans);
	vm_vec_free(&p->name);
}
