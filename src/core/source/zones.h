/** Zones of memory: /proc/zoneinfo (mm/vmstat.c). */
#ifndef VM_SOURCE_ZONES_H
#define VM_SOURCE_ZONES_H

#include <stdbool.h>
#include <stdint.h>

struct vm_session;

/** Frames from start on, before end, of one node. */
struct vm_zone {
	uint64_t start_pfn, end_pfn;
	int node;
	char name[16];          /* "DMA32", "Normal" */
};

struct vm_zone_parser {
	struct vm_zone zone;
	uint64_t spanned;
};

/** One line of the file, with or without its end; true: it was the last of p->zone that matters. */
bool vm_zone_parse_line(struct vm_zone_parser *p, const char *line);

/** Hand over all zones that have memory, in the kernel's order.  0, take()'s other value, or a negative errno. */
int vm_zones_read(struct vm_session *s, int (*take)(void *ctx, const struct vm_zone *z), void *ctx);

/** First frame behind all memory; 0: unknown. */
uint64_t vm_zones_end(struct vm_session *s);

#endif
