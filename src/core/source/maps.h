/** Parser of /proc/PID/maps and smaps: text to mappings.  Survives any bytes. */
#ifndef VM_SOURCE_MAPS_H
#define VM_SOURCE_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model/aspace.h"


enum { VM_SMAPS_LINES = 40, VM_SMAPS_BLOCK = 1024 };

/** State between pieces of text; set up by vm_maps_begin(). */
struct vm_maps_parser {
	struct vm_aspace *as;
	/** End of the last mapping taken: what begins below it is out of order and dropped. */
	uint64_t last_end;
	/** A mapping is open: figures that follow belong to it. */
	bool open;
	/** Figures of the open mapping, if any was read; and the last ones that were kept: mappings with equal
	    figures (nothing resident, or one page) share them. */
	bool figures;
	uint64_t q[VM_Q_NR];
	const uint64_t *kept;
	/** Place of the next line within its mapping, and what stood in each place last time: the kernel
	    prints the same lines in the same order for every mapping. */
	unsigned line;
	struct vm_usual_line {
		/** The key as the kernel pads it, 16 bytes; zeros: nothing learnt. */
		uint64_t key[2];
		uint32_t have;     /* bit of the figure */
		uint8_t index;     /* of the line in the parser's table */
		uint8_t qty;
	} usual[VM_SMAPS_LINES];
	/** The lines of figures of a mapping as they were printed, up to its flags, and what came of them: the next one often has
	    the same. */
	struct {
		char text[VM_SMAPS_BLOCK];
		size_t len;            /* 0: nothing learnt */
		const uint64_t *q;
		uint32_t have, derived; /* bits of the lines, and with what follows from them */
	} block;
	/** Where the figures of the open mapping begin in the text being fed; NULL: not in there. */
	const char *from;
	bool learnt, repeated;     /* the block is that of the open mapping; it has the figures of the block */
	/** Bit of two letters of VmFlags, VM_VMF_UNKNOWN where there is none. */
	uint8_t flag[26 * 26];
	bool failed;               /* memory ran out */
};

void vm_maps_begin(struct vm_maps_parser *p, struct vm_aspace *as);

/**
 * Take complete lines from text[0..len); returns how many bytes they were.  Call again with the rest and
 * more behind it; with `last`, what is left counts as a line.  Lines that make no sense are passed over.
 */
size_t vm_maps_feed(struct vm_maps_parser *p, const char *text, size_t len, bool last);

/** Complete the last mapping.  0 or -ENOMEM. */
int vm_maps_end(struct vm_maps_parser *p);

#endif
