/**
 * Flame graphs: stacks with weights, merged from the outermost frame on, as lines for other tools or as a picture.
 *
 * The picture (SVG) is one file that needs nothing else.  Without a script it is a static picture, in which each frame
 * has its name, weight and share as a tooltip; where scripts run, a click zooms, and words can be searched for.
 * Outermost frames are on top, the biggest on the left.
 */
#ifndef VM_RENDER_FLAME_H
#define VM_RENDER_FLAME_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** What kind of code a frame is: its colour. */
enum vm_flame_class {
	VM_FLAME_PROGRAM, VM_FLAME_LIBRARY, VM_FLAME_JIT, VM_FLAME_KERNEL,
	VM_FLAME_FAULT,            /* not code: the kind of the page fault, as the innermost frame */
	VM_FLAME_OTHER,            /* such as a thread or a process as the outermost frame */
	VM_FLAME_CLASSES,
};

struct vm_flame_frame {
	const char *name;          /* any bytes; NULL or "": not known, shown as "[unknown]" */
	enum vm_flame_class class;
};

/** What the weights are. */
enum vm_flame_unit { VM_FLAME_FAULTS, VM_FLAME_NS };

/** Stacks that were added; merged when they are written. */
struct vm_flame;

/** An empty one; NULL when memory is out.  Free it with vm_flame_free(). */
struct vm_flame *vm_flame_new(void);
void vm_flame_free(struct vm_flame *f);

/**
 * Add a stack of `n` frames, outermost first; names are copied.  A weight of 0, or no frames, adds nothing.
 * 0; -ENOMEM or, if all weights don't fit into 64 bits, -EOVERFLOW: nothing was added then.
 */
int vm_flame_add(struct vm_flame *f, const struct vm_flame_frame *frame, size_t n, uint64_t weight);

/** Of all stacks that were added. */
uint64_t vm_flame_total(const struct vm_flame *f);

/**
 * "outer;inner;innermost WEIGHT" for each stack that has a weight of its own, as tools for flame graphs read it.  A
 * semicolon in a name becomes a colon, a blank an underscore; control characters and bytes that aren't UTF-8 become
 * \ooo as in tables.  0, or the negative errno of memory or writing.
 */
int vm_flame_folded(struct vm_flame *f, FILE *out);

struct vm_flame_text {
	const char *title, *subtitle;  /* any bytes; NULL: none */
	enum vm_flame_unit unit;
};

/**
 * The picture.  Frames of less than a 3000th of all are left out, and the picture says how much of the weight that
 * concerns.  0, or the negative errno of memory or writing.
 */
int vm_flame_svg(struct vm_flame *f, const struct vm_flame_text *text, FILE *out);

#endif
