/**
 * Symbols and lines of one ELF file, by elfutils: what its addresses are called.
 *
 * The file may be a stranger's: nothing of it is believed.  Not for several threads at once.
 */
#ifndef VM_SOURCE_SYMFILE_H
#define VM_SOURCE_SYMFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm_symfile;

/** What opening one may use. */
struct vm_symfile_with {
	/** Directories, O_PATH, below which the file's path and /usr/lib/debug are looked for: the root of the process
	    unless it is ours, and ours; -1: none.  What a process with its own root maps is a stranger's. */
	int root[2];
	/** The file's path below root[0]. */
	const char *path;
	/** Bytes of memory that may still be used for files that strangers could have made; shared by all of them, and
	    outlives them. */
	uint64_t *copy_left;
};

/** A frame; texts are the file's and live as long as it. */
struct vm_symfile_frame {
	const char *function;      /* NULL: not known */
	size_t length;             /* of `function`, which need not end in NUL */
	const char *linkage;       /* what the linker calls it, where that is another name; or NULL */
	bool plt;                  /* the stub that leads to `function` */
	uint64_t offset;           /* from the function's beginning; 0 for inlined ones */
	const char *source;        /* or NULL */
	unsigned line;             /* 0: not known */
	bool inlined;
};

/** NULL, or why this build can't. */
const char *vm_symfile_missing(void);

/**
 * Read what there is of symbols: the file's own (.symtab, else .dynsym with those of .gnu_debugdata), and those of a
 * separate debug file if its own are stripped.  That is looked for by build ID and by .gnu_debuglink, and must bear the
 * same build ID or checksum.  `fd` is taken over, also on failure.  0, or -ENOEXEC (not an ELF program or library) or
 * another negative errno.
 */
int vm_symfile_open(int fd, const struct vm_symfile_with *with, struct vm_symfile **out);

/** The same of an image in memory, which must outlive it. */
int vm_symfile_of_image(const void *image, size_t size, struct vm_symfile **out);
void vm_symfile_free(struct vm_symfile *f);

/** The address, as the file's symbols count, of what stands at an offset of the file.  False: it isn't loaded. */
bool vm_symfile_address(const struct vm_symfile *f, uint64_t offset, uint64_t *address);

/**
 * What the address is: innermost frame first; with `inlines`, where there is debug information, those of inlined
 * functions before that of the function that holds them.  At most `max` (>= 1), of which the last is then the function.
 * Returns how many, at least 1.
 */
size_t vm_symfile_find(struct vm_symfile *f, uint64_t address, bool inlines, struct vm_symfile_frame *out, size_t max);

#endif
