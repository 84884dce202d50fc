/** Inside of core/source/symfile*.c: an ELF file and those that belong to it. */
#ifndef VM_SOURCE_SYMFILE_PART_H
#define VM_SOURCE_SYMFILE_PART_H

#include <elfutils/libdw.h>
#include <gelf.h>

#include "core/base/buf.h"
#include "core/base/spans.h"
#include "core/base/vec.h"
#include "core/source/symfile.h"

/** One ELF file.  Zero-initialised with fd -1 it is none. */
struct vm_elf {
	Elf *elf;
	int fd;                    /* kept while it is needed; else -1 */
	void *image;               /* ours: what was unpacked, or NULL */
	bool copied;               /* parts are copied when they are used, since strangers could cut the file short */
	uint64_t *copy_left;       /* for such files: see struct vm_symfile_with */
	/** Add to its addresses for those of the main file. */
	uint64_t bias;
	/** Its path below the root it was found in; "" unless it is a debug file. */
	char path[4200];
	int root;
};

/** Open an ELF program, library or debug file; takes `fd` over.  `foreign`: copy it anyway.  0, or a negative errno. */
int vm_elf_open(int fd, bool foreign, uint64_t *copy_left, struct vm_elf *out);
int vm_elf_of_image(void *image, size_t size, struct vm_elf *out);
void vm_elf_close(struct vm_elf *e);

/** The section of that name that has contents, or NULL. */
Elf_Scn *vm_elf_section(const struct vm_elf *e, const char *name, GElf_Shdr *sh);

/** Contents of a section, or NULL: there are none, or they are more than may be copied. */
Elf_Data *vm_elf_data(const struct vm_elf *e, Elf_Scn *scn);

/** That `bytes` of memory may be used for the file, and are counted from now on. */
bool vm_elf_may_use(const struct vm_elf *e, uint64_t bytes);

/** A symbol of code.  Sorted by start, better names last. */
struct vm_sym {
	uint64_t start, end;
	uint32_t name;             /* offset in names[table] */
	uint8_t table, type, bind;
	bool sized;
};

struct vm_sym_names { const char *s; size_t size; };

struct vm_symbols_of_code {
	VM_VEC(struct vm_sym) sym;
	struct vm_spans spans;     /* id: index of sym */
	struct vm_sym_names names[4];
	unsigned tables;
};

/** Add the symbols of a table (SHT_SYMTAB, SHT_DYNSYM), if the file has it; false if it hasn't or it can't be read. */
bool vm_syms_add(struct vm_symbols_of_code *s, const struct vm_elf *e, GElf_Word type);

/** After the last of them. */
bool vm_syms_sort(struct vm_symbols_of_code *s);
const struct vm_sym *vm_syms_find(const struct vm_symbols_of_code *s, uint64_t address);
/** Its name, without a version; *len. */
const char *vm_syms_name(const struct vm_symbols_of_code *s, const struct vm_sym *sym, size_t *len);
void vm_syms_free(struct vm_symbols_of_code *s);

/** Stubs of the procedure linkage table, named after what they lead to. */
struct vm_plt {
	bool tried;
	struct vm_spans spans;     /* id: index of `name` */
	VM_VEC(struct vm_plt_name { const char *s; size_t len; }) name;
};
/** NULL if the address isn't in a stub whose target is known.  `syms` names targets that are code of the file itself. */
const struct vm_plt_name *vm_plt_find(struct vm_plt *p, const struct vm_elf *e, const struct vm_symbols_of_code *syms,
				      uint64_t address, uint64_t *start);
void vm_plt_free(struct vm_plt *p);

/** Lines and inlined functions. */
struct vm_lines;
/** `alt`: the file that dwz moved common parts to; may be none.  NULL: there are none, or memory is out. */
struct vm_lines *vm_lines_open(const struct vm_elf *e, const struct vm_elf *alt);
void vm_lines_free(struct vm_lines *l);
/** Frames as vm_symfile_find(); the last one has no function if DWARF knows of none. */
size_t vm_lines_find(struct vm_lines *l, uint64_t address, bool inlines, struct vm_symfile_frame *out, size_t max);

/** Separate files (symfile_debug.c).  False: none was found. */
bool vm_debug_file(const struct vm_elf *main, const struct vm_symfile_with *with, struct vm_elf *out);
/** `needed`: this file refers to another one; false then means that its debug information is of no use. */
bool vm_debug_alt(const struct vm_elf *debug, const struct vm_symfile_with *with, struct vm_elf *out, bool *needed);
/** Symbols packed in .gnu_debugdata. */
bool vm_debug_packed(const struct vm_elf *main, struct vm_elf *out);

#endif
