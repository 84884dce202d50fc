/** Parser of /proc/PID/numa_maps.  Survives any bytes. */
#ifndef VM_SOURCE_NUMAMAPS_H
#define VM_SOURCE_NUMAMAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model/numa.h"

/** A line, as show_numa_map() in fs/proc/task_mmu.c writes it. */
struct vm_numa_line {
	/** Its `policy`, `first` and `n` are the taker's to set; page_bytes is 0 where no page is there. */
	struct vm_numa_map m;
	/** "interleave:0-1"; points into the text that was fed. */
	const char *policy;
	size_t policy_len;
	size_t non;
	struct vm_node_pages on[VM_NODES_MAX];
};

struct vm_numa_parser {
	/** Called for each line, in ascending order of addresses; others are passed over.  Non-zero ends the parsing. */
	int (*take)(void *ctx, const struct vm_numa_line *line);
	void *ctx;
	int result;                /* the first non-zero one of take() */
	bool any;
	uint64_t last;             /* start of the line before */
	struct vm_numa_line line;
};

void vm_numa_begin(struct vm_numa_parser *p, int (*take)(void *ctx, const struct vm_numa_line *line), void *ctx);

/**
 * Take complete lines from text[0..len); returns how many bytes they were.  Call again with the rest and more behind it;
 * with `last`, what is left counts as a line.
 */
size_t vm_numa_feed(struct vm_numa_parser *p, const char *text, size_t len, bool last);

#endif
