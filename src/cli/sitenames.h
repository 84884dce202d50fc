/** What instructions and stacks are called, for commands that show where things happen in programs. */
#ifndef VM_CLI_SITENAMES_H
#define VM_CLI_SITENAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/render/flame.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/map.h"
#include "core/base/vec.h"
#include "core/model/faultset.h"

struct vm_err;
struct vm_fault_places;
struct vm_session;
struct vm_symbols;

/** What an instruction is called. */
struct vm_sitename {
	const char *text, *source; /* source: file, or NULL */
	unsigned line;
	uint64_t key;              /* equal texts have equal ones */
	uint8_t class;             /* enum vm_flame_class */
};

/** All that were asked for so far.  Zero-initialised it is empty, and can be freed. */
struct vm_sitenames {
	struct vm_symbols *symbols;
	bool inlines;              /* functions that were inlined there, too */
	/** (space, ip) to the index. */
	struct vm_map map;
	VM_VEC(struct vm_sitename) site;
	struct vm_arena arena;
};

/** 0 or a negative errno. */
int vm_sitenames_open(struct vm_sitenames *n, struct vm_session *s, bool inlines, struct vm_err *err);
void vm_sitenames_free(struct vm_sitenames *n);

/** Of a program; good until the next call, its texts as long as `n`.  NULL: out of memory. */
const struct vm_sitename *vm_sitename(struct vm_sitenames *n, const struct vm_faultset *f, uint32_t space, uint64_t ip);
/** Of the kernel: "[kernel]" where addresses of its functions are withheld. */
const struct vm_sitename *vm_sitename_kernel(struct vm_sitenames *n, uint64_t ip);

/** Open the file of code while its process lives: later it may be out of reach.  `ctx` is a struct vm_sitenames. */
void vm_sitenames_note_code(void *ctx, const struct vm_faultset *f, const struct vm_fault_mapping *m);

/** Page faults by what their instructions are called.  False: out of memory. */
bool vm_sitenames_faults(struct vm_sitenames *n, const struct vm_faultset *f, struct vm_fault_places *p);

/** Texts that are equal have equal ones: FNV-1a, 64 bits. */
uint64_t vm_sitename_hash(const char *s, size_t n);

enum { VM_SITENAME_DEPTH = 160 };

/** Names of a stack, outermost first.  Zero-initialised it is empty; to be used again and again. */
struct vm_siteframes {
	struct vm_buf names;       /* each ended by NUL */
	size_t from[VM_SITENAME_DEPTH];
	enum vm_flame_class class[VM_SITENAME_DEPTH];
	size_t n;
};

/** Begin with the process's name, and then the functions of a stack (index in f->stack), or of `ip` where there is none. */
void vm_siteframes_set(struct vm_siteframes *to, struct vm_sitenames *n, const struct vm_faultset *f, uint32_t space,
		       uint32_t stack, uint64_t ip);
/** One more, the innermost so far; functions merge whatever their offsets. */
void vm_siteframes_push(struct vm_siteframes *to, const char *name, enum vm_flame_class class);
/** All of them as "outer;inner", *len long; it takes the place of the single names. */
const char *vm_siteframes_join(struct vm_siteframes *to, size_t *len);
/** As vm_flame_add(). */
int vm_siteframes_add(const struct vm_siteframes *to, struct vm_flame *flame, uint64_t weight);
void vm_siteframes_free(struct vm_siteframes *to);

#endif
