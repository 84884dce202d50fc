/**
 * Maps of code that was made at run time: /tmp/perf-PID.map, "START SIZE NAME" in hexadecimal, a line for each function
 * as it is made (tools/perf/Documentation/jit-interface.txt in the kernel's sources).  Survives any bytes.
 */
#ifndef VM_SOURCE_PERFMAP_H
#define VM_SOURCE_PERFMAP_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/linecut.h"
#include "core/base/spans.h"

/** Zero-initialised is empty and valid. */
struct vm_perfmap {
	struct vm_linecut cut;
	struct vm_buf names;
	/** As the lines stand: where two overlap, memory was used again, and the later one holds. */
	VM_VEC(struct vm_span) code;    /* id: offset of the name in `names` */
	struct vm_spans spans;
	size_t sorted;             /* how many of `code` are in `spans` */
};

/** More of the file.  Lines that make no sense are passed over, as are all when it grows beyond what is sane. */
void vm_perfmap_feed(struct vm_perfmap *m, const char *data, size_t len);

/** The function that holds the address, until more is fed, and how far behind its beginning that is; NULL: none. */
const char *vm_perfmap_find(struct vm_perfmap *m, uint64_t address, uint64_t *offset);

void vm_perfmap_free(struct vm_perfmap *m);

#endif
