#include "core/source/symfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/source/symfile_part.h"

struct segment {
	uint64_t offset, end;      /* in the file */
	uint64_t address;
	bool code;
};

struct vm_symfile {
	struct vm_elf main, debug, alt, packed;
	VM_VEC(struct segment) segment;
	struct vm_symbols_of_code syms;
	struct vm_plt plt;
	/** Opened when a line is asked for first. */
	struct vm_lines *lines;
	const struct vm_elf *lines_of;   /* NULL: nothing has any, or they were opened already */
};

const char *vm_symfile_missing(void)
{
	return NULL;
}

static void read_segments(struct vm_symfile *f)
{
	size_t n;
	GElf_Phdr ph;
	if (elf_getphdrnum(f->main.elf, &n) != 0)
		return;
	for (int i = 0; i < INT32_MAX && (size_t)i < n; i++) {
		if (!gelf_getphdr(f->main.elf, i, &ph) || ph.p_type != PT_LOAD || ph.p_filesz > UINT64_MAX - ph.p_offset)
			continue;
		const struct segment s = { ph.p_offset, ph.p_offset + ph.p_filesz, ph.p_vaddr, ph.p_flags & PF_X };
		if (!vm_vec_push(&f->segment, s))
			return;
	}
}

static bool has_section(const struct vm_elf *e, const char *name)
{
	GElf_Shdr sh;
	return vm_elf_section(e, name, &sh);
}

static bool has_lines(const struct vm_elf *e)
{
	return has_section(e, ".debug_info") || has_section(e, ".zdebug_info");
}

/** The debug information, and what it refers to. */
static void find_lines(struct vm_symfile *f, const struct vm_symfile_with *with)
{
	bool needed = false;
	f->lines_of = has_lines(&f->main) ? &f->main : has_lines(&f->debug) ? &f->debug : NULL;
	/* libdw would look for the other file by itself, and open whatever bears its name. */
	if (f->lines_of && !vm_debug_alt(f->lines_of, with, &f->alt, &needed) && needed)
		f->lines_of = NULL;
}

static void read_symbols(struct vm_symfile *f, const struct vm_symfile_with *with)
{
	const bool own = vm_syms_add(&f->syms, &f->main, SHT_SYMTAB);
	if (!own || !has_lines(&f->main))
		vm_debug_file(&f->main, with, &f->debug);
	if (!own) {
		vm_syms_add(&f->syms, &f->main, SHT_DYNSYM);
		if (!vm_syms_add(&f->syms, &f->debug, SHT_SYMTAB) && vm_debug_packed(&f->main, &f->packed))
			vm_syms_add(&f->syms, &f->packed, SHT_SYMTAB);
	}
	vm_syms_sort(&f->syms);
	find_lines(f, with);
}

static struct vm_symfile *new_symfile(void)
{
	struct vm_symfile *f = calloc(1, sizeof(*f));
	if (f)
		f->main.fd = f->debug.fd = f->alt.fd = f->packed.fd = -1;
	return f;
}

static int opened(struct vm_symfile *f, int r, const struct vm_symfile_with *with, struct vm_symfile **out)
{
	if (r != 0) {
		vm_symfile_free(f);
		return r;
	}
	read_segments(f);
	read_symbols(f, with);
	*out = f;
	return 0;
}

int vm_symfile_open(int fd, const struct vm_symfile_with *with, struct vm_symfile **out)
{
	struct vm_symfile *f = new_symfile();
	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	return opened(f, vm_elf_open(fd, with->root[0] >= 0, with->copy_left, &f->main), with, out);
}

int vm_symfile_of_image(const void *image, size_t size, struct vm_symfile **out)
{
	const struct vm_symfile_with nowhere = { .root = { -1, -1 } };
	struct vm_symfile *f = new_symfile();
	if (!f)
		return -ENOMEM;
	return opened(f, vm_elf_of_image((void *)(uintptr_t)image, size, &f->main), &nowhere, out);
}

void vm_symfile_free(struct vm_symfile *f)
{
	if (!f)
		return;
	vm_lines_free(f->lines);
	vm_plt_free(&f->plt);
	vm_syms_free(&f->syms);
	vm_vec_free(&f->segment);
	vm_elf_close(&f->packed);
	vm_elf_close(&f->alt);
	vm_elf_close(&f->debug);
	vm_elf_close(&f->main);
	free(f);
}

bool vm_symfile_address(const struct vm_symfile *f, uint64_t offset, uint64_t *address)
{
	const struct segment *found = NULL;
	for (size_t i = 0; i < f->segment.n; i++) {
		const struct segment *s = &f->segment.v[i];
		if (offset >= s->offset && offset < s->end && (!found || (s->code && !found->code)))
			found = s;
	}
	if (found)
		*address = found->address + (offset - found->offset);
	return found;
}

static void set_symbol(struct vm_symfile *f, uint64_t address, struct vm_symfile_frame *frame)
{
	const struct vm_sym *sym = vm_syms_find(&f->syms, address);
	uint64_t start;
	frame->linkage = NULL;
	if (sym) {
		frame->function = vm_syms_name(&f->syms, sym, &frame->length);
		frame->offset = address - sym->start;
		return;
	}
	const struct vm_plt_name *name = vm_plt_find(&f->plt, &f->main, &f->syms, address, &start);
	if (name) {
		frame->function = name->s;
		frame->length = name->len;
		frame->offset = address - start;
		frame->plt = true;
	}
}

size_t vm_symfile_find(struct vm_symfile *f, uint64_t address, bool inlines, struct vm_symfile_frame *out, size_t max)
{
	if (f->lines_of) {
		f->lines = vm_lines_open(f->lines_of, &f->alt);
		f->lines_of = NULL;
	}
	size_t n = 1;
	out[0] = (struct vm_symfile_frame){ 0 };
	if (f->lines)
		n = vm_lines_find(f->lines, address, inlines, out, max);
	/* What the linker calls it, not what it is called in the source. */
	set_symbol(f, address, &out[n - 1]);
	return n;
}
