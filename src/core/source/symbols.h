/**
 * What the addresses of instructions are called: functions of programs and libraries (symbols.c, symfile.h), code that
 * was made at run time (jit.h), the vdso, the kernel (kallsyms.h).
 *
 * Names are as the files and processes say, which may hold any bytes but NUL.  Not for several threads at once.
 */
#ifndef VM_SOURCE_SYMBOLS_H
#define VM_SOURCE_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct vm_buf;
struct vm_err;
struct vm_session;

/** What was opened and found so far; owns all texts that are returned, until it is freed. */
struct vm_symbols;

/** `s` must outlive it.  0 or a negative errno.  Opens nothing yet. */
int vm_symbols_open(struct vm_session *s, struct vm_symbols **out, struct vm_err *err);
void vm_symbols_free(struct vm_symbols *y);

/** Why files tell no names of functions in this build, or NULL: they do. */
const char *vm_symbols_missing(void);

/** Where an instruction is. */
struct vm_code {
	pid_t pid;
	bool alive;                /* the process; if it has ended, the path is all that is left */
	uint64_t ip;
	/** The mapping that holds it, as /proc/PID/maps tells it. */
	uint64_t start, end, offset;
	const char *path;          /* "" for anonymous memory; "[vdso]"; may end in " (deleted)" */
	uint32_t dev_major, dev_minor;
	uint64_t inode;
};

/** What it is. */
struct vm_symbol {
	/** NULL: not known; "malloc@plt": the stub that leads to malloc.  Of C++ and Rust the qualified name, without
	    parameters and template arguments (core/base/demangle.h). */
	const char *function;
	uint64_t offset;           /* from the function's beginning; 0 for inlined ones */
	/** Base name of the file; "[anon]", "[jit]", "[vdso]" and the like for what is none. */
	const char *object;
	/** Address as the file's symbols count (addr2line(1) takes it); else offset in the file, or in the mapping. */
	uint64_t object_offset;
	const char *source;        /* source file; NULL: not known */
	unsigned line;             /* in it; 0: not known */
	bool inlined;              /* into the next one */
};

/** Inlined functions that are told of one place at most. */
enum { VM_SYMBOL_FRAMES = 64 };

/**
 * What the instruction is, into out[0..max), max at least 1: with `inlines`, where there is debug information, the
 * functions that were inlined there, innermost first, and the function that holds them last.  Returns how many, at
 * least 1: the object and the offset in it are always known.  What isn't certainly the mapped file isn't looked into.
 */
size_t vm_symbols_find(struct vm_symbols *y, const struct vm_code *c, bool inlines, struct vm_symbol *out, size_t max);

/** A function of the kernel, its modules included; NULL: not known, as where the kernel withholds addresses. */
const char *vm_symbols_kernel(struct vm_symbols *y, uint64_t ip, uint64_t *offset);

/** Append "malloc+0x1a (libc.so.6)", "push_back (inlined)" or "libfoo.so+0x1234"; bytes as they are. */
void vm_symbol_put(struct vm_buf *b, const struct vm_symbol *s);

#endif
