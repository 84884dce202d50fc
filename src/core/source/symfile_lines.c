/** DWARF: source lines, and functions that were inlined. */
#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "core/source/symfile_part.h"

enum {
	/** Of all units; programs with millions of functions have fewer. */
	RANGES_MAX = 16 * 1024 * 1024,
	/** Memory for each, and for each byte of line tables: what strangers' files are charged with. */
	RANGE_BYTES = 128, LINE_BYTES = 32,
	/** How deep blocks and inlined functions are looked into; real ones reach some 20 levels. */
	DEPTH_MAX = 96,
	NO_PARENT = UINT32_MAX,
};

/** A function or an inlined one. */
struct node {
	Dwarf_Off at;
	uint32_t parent;           /* index, or NO_PARENT */
	bool inlined;
};

struct unit {
	Dwarf_Die die;
	bool walked;
	enum { LINES_UNKNOWN, LINES_USED, LINES_TOO_LONG } lines;
	VM_VEC(struct node) node;  /* parents before their children */
	struct vm_spans spans;     /* id: index of node; the innermost one */
};

struct vm_lines {
	Dwarf *dwarf, *alt;
	VM_VEC(struct unit) unit;
	struct vm_spans spans;     /* id: index of unit */
	const struct vm_elf *of;
	const Elf_Data *table;     /* .debug_line, or NULL */
	size_t ranges_left;
};


/** What dwarf_begin_elf() reads at once, unpacked. */
static uint64_t debug_bytes(const struct vm_elf *e)
{
	size_t strings;
	uint64_t sum = 0;
	GElf_Shdr sh;
	GElf_Chdr packed;
	if (elf_getshdrstrndx(e->elf, &strings) != 0)
		return UINT64_MAX;
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(e->elf, scn));) {
		const char *name = gelf_getshdr(scn, &sh) ? elf_strptr(e->elf, strings, sh.sh_name) : NULL;
		if (!name || sh.sh_type == SHT_NOBITS)
			continue;
		if (strncmp(name, ".zdebug_", 8) == 0)
			return UINT64_MAX;
		uint64_t bytes = sh.sh_size;
		if (gelf_getchdr(scn, &packed) && __builtin_add_overflow(bytes, packed.ch_size, &bytes))
			return UINT64_MAX;
		if (strncmp(name, ".debug_", 7) == 0 && __builtin_add_overflow(sum, bytes, &sum))
			return UINT64_MAX;
	}
	return sum;
}

/** Append the addresses of a function or unit, as far as there may be more. */
static bool add_ranges(struct vm_lines *l, Dwarf_Die *die, uint32_t id, struct vm_spans *raw)
{
	Dwarf_Addr base = 0, start, end;
	for (ptrdiff_t at = 0; (at = dwarf_ranges(die, at, &base, &start, &end)) > 0;) {
		if (!l->ranges_left || !vm_elf_may_use(l->of, RANGE_BYTES))
			return true;
		l->ranges_left--;
		if (!vm_vec_push(raw, (struct vm_span){ start, end, id }))
			return false;
	}
	return true;
}

/** Which units hold which addresses.  Split ones are looked at without the files that they were split off to. */
static bool find_units(struct vm_lines *l)
{
	struct vm_spans raw = { 0 };
	struct unit u = { .walked = false };
	uint8_t type;
	bool done = true;
	for (Dwarf_CU *cu = NULL; done && dwarf_get_units(l->dwarf, cu, &cu, NULL, &type, &u.die, NULL) == 0;)
		if (type == DW_UT_compile || type == DW_UT_skeleton)
			done = add_ranges(l, &u.die, (uint32_t)l->unit.n, &raw) && vm_vec_push(&l->unit, u);
	done = done && vm_spans_flatten(raw.v, raw.n, &l->spans);
	vm_spans_free(&raw);
	return done;
}

struct vm_lines *vm_lines_open(const struct vm_elf *e, const struct vm_elf *alt)
{
	if (e->copied && (!vm_elf_may_use(e, debug_bytes(e)) || (alt->elf && !vm_elf_may_use(alt, debug_bytes(alt)))))
		return NULL;
	struct vm_lines *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->of = e;
	l->ranges_left = RANGES_MAX;
	l->dwarf = dwarf_begin_elf(e->elf, DWARF_C_READ, NULL);
	if (l->dwarf && alt->elf) {
		l->alt = dwarf_begin_elf(alt->elf, DWARF_C_READ, NULL);
		dwarf_setalt(l->dwarf, l->alt);
	}
	/* Unpacked by now, if it was packed. */
	GElf_Shdr sh;
	Elf_Scn *lines = vm_elf_section(e, ".debug_line", &sh);
	l->table = lines ? elf_getdata(lines, NULL) : NULL;
	if (l->dwarf && (l->alt || !alt->elf) && find_units(l))
		return l;
	vm_lines_free(l);
	return NULL;
}

void vm_lines_free(struct vm_lines *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->unit.n; i++) {
		vm_vec_free(&l->unit.v[i].node);
		vm_spans_free(&l->unit.v[i].spans);
	}
	vm_vec_free(&l->unit);
	vm_spans_free(&l->spans);
	dwarf_end(l->dwarf);
	dwarf_end(l->alt);
	free(l);
}

/** Note what it is, and tell whether functions may be inside. */
static bool look_at(struct vm_lines *l, struct unit *u, Dwarf_Die *die, uint32_t *parent, struct vm_spans *raw)
{
	switch (dwarf_tag(die)) {
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine: {
		const size_t before = raw->n;
		const struct node node = { dwarf_dieoffset(die), *parent, dwarf_tag(die) == DW_TAG_inlined_subroutine };
		if (!add_ranges(l, die, (uint32_t)u->node.n, raw) || raw->n == before || u->node.n >= NO_PARENT ||
		    !vm_vec_push(&u->node, node))
			return false;
		*parent = (uint32_t)u->node.n - 1;
		return true;
	}
	case DW_TAG_lexical_block: case DW_TAG_try_block: case DW_TAG_catch_block: case DW_TAG_with_stmt:
	case DW_TAG_namespace: case DW_TAG_module:
	case DW_TAG_class_type: case DW_TAG_structure_type: case DW_TAG_union_type:
		return true;
	default:
		return false;
	}
}

/** The next entry of the same parent; files that lead back end here. */
static bool next_sibling(Dwarf_Die *die)
{
	const Dwarf_Off here = dwarf_dieoffset(die);
	return dwarf_siblingof(die, die) == 0 && dwarf_dieoffset(die) > here;
}

/** All functions of a unit, once: the innermost ones on top, since they come after those that hold them. */
static void walk(struct vm_lines *l, struct unit *u)
{
	Dwarf_Die at[DEPTH_MAX];
	uint32_t parent[DEPTH_MAX + 1] = { NO_PARENT };
	struct vm_spans raw = { 0 };
	u->walked = true;
	bool more = dwarf_child(&u->die, &at[0]) == 0;
	for (int depth = 0; more;) {
		parent[depth + 1] = parent[depth];
		if (look_at(l, u, &at[depth], &parent[depth + 1], &raw) && depth + 1 < DEPTH_MAX &&
		    dwarf_child(&at[depth], &at[depth + 1]) == 0) {
			depth++;
			continue;
		}
		while (more && !next_sibling(&at[depth]))
			more = depth-- > 0;
	}
	vm_spans_flatten(raw.v, raw.n, &u->spans);
	vm_spans_free(&raw);
}

static bool is_our_order(const struct vm_elf *e)
{
	const char *ident = elf_getident(e->elf, NULL);
	return ident && ident[EI_DATA] == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB);
}

/** That the unit's line table, which is read as a whole, isn't longer than it may be. */
static bool may_read_lines(struct vm_lines *l, struct unit *u)
{
	Dwarf_Attribute attr;
	Dwarf_Word at;
	uint32_t length;
	if (u->lines != LINES_UNKNOWN)
		return u->lines == LINES_USED;
	u->lines = LINES_TOO_LONG;
	if (!l->of->copied) {
		u->lines = LINES_USED;
	} else if (l->table && dwarf_formudata(dwarf_attr(&u->die, DW_AT_stmt_list, &attr), &at) == 0 &&
		   at < l->table->d_size && l->table->d_size - at >= sizeof(length)) {
		memcpy(&length, (const char *)l->table->d_buf + at, sizeof(length));
		/* In the 64-bit form and in the other byte order it counts as all that follows. */
		const bool told = is_our_order(l->of) && length < l->table->d_size - at;
		const uint64_t most = told ? length : l->table->d_size - at;
		if (vm_elf_may_use(l->of, most * LINE_BYTES))
			u->lines = LINES_USED;
	}
	return u->lines == LINES_USED;
}

static void set_line(struct unit *u, uint64_t address, struct vm_symfile_frame *f)
{
	int line;
	Dwarf_Line *found = dwarf_getsrc_die(&u->die, address);
	if (!found)
		return;
	f->source = dwarf_linesrc(found, NULL, NULL);
	if (dwarf_lineno(found, &line) == 0 && line > 0)
		f->line = (unsigned)line;
}

/** Where an inlined function was called: the place in the frame that it was inlined into. */
static void set_call(struct unit *u, Dwarf_Die *inlined, struct vm_symfile_frame *f)
{
	Dwarf_Attribute attr;
	Dwarf_Word file, line;
	Dwarf_Files *files;
	size_t n;
	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attr), &file) == 0 &&
	    dwarf_getsrcfiles(&u->die, &files, &n) == 0 && file < n)
		f->source = dwarf_filesrc(files, file, NULL, NULL);
	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attr), &line) == 0 && line <= UINT32_MAX)
		f->line = (unsigned)line;
}

static void set_function(Dwarf_Die *die, struct vm_symfile_frame *f)
{
	Dwarf_Attribute attr;
	f->function = dwarf_diename(die);
	f->length = f->function ? strlen(f->function) : 0;
	/* Of C++ it tells the class as well. */
	f->linkage = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &attr));
}

/** From the innermost function outwards; out[0] has the place of the address already.  The number of frames. */
static size_t add_inlined(struct vm_lines *l, struct unit *u, uint64_t address, struct vm_symfile_frame *out,
			  size_t max)
{
	if (!u->walked)
		walk(l, u);
	const struct vm_span *in = vm_spans_find(&u->spans, address);
	size_t n = 1;
	for (uint32_t i = in ? in->id : NO_PARENT; i != NO_PARENT; i = u->node.v[i].parent) {
		const struct node *node = &u->node.v[i];
		struct vm_symfile_frame *f = &out[n - 1];
		Dwarf_Die die;
		Dwarf_Addr entry;
		if (!dwarf_offdie(l->dwarf, node->at, &die))
			break;
		set_function(&die, f);
		if (!node->inlined) {
			if (dwarf_entrypc(&die, &entry) == 0 && entry <= address)
				f->offset = address - entry;
			break;
		}
		/* The last one stands for the function itself. */
		struct vm_symfile_frame outer = { 0 };
		set_call(u, &die, &outer);
		f->inlined = n < max;
		n += n < max;
		out[n - 1] = outer;
	}
	return n;
}

size_t vm_lines_find(struct vm_lines *l, uint64_t address, bool inlines, struct vm_symfile_frame *out, size_t max)
{
	address -= l->of->bias;
	out[0] = (struct vm_symfile_frame){ 0 };
	const struct vm_span *in = vm_spans_find(&l->spans, address);
	if (!in)
		return 1;
	struct unit *u = &l->unit.v[in->id];
	const bool lines = may_read_lines(l, u);
	if (lines)
		set_line(u, address, &out[0]);
	return inlines && lines ? add_inlined(l, u, address, out, max) : 1;
}
