/** Readings of the machine's virtual memory: meminfo, vmstat, pressure, interrupts, huge pages; on a captured tree too. */
#ifndef VM_SOURCE_MACHINE_H
#define VM_SOURCE_MACHINE_H

#include <stdint.h>

#include "core/model/machine.h"

struct vm_err;
struct vm_session;
struct vm_source;

/**
 * Read `parts` (VM_MACH() bits; WALKS are read from what vm_machine_walks_open() opened).  What the kernel doesn't tell
 * stays unknown; parts that can't be read at all are in out->unmet.  `out` keeps its memory from reading to reading:
 * zero-initialise it once.  0, or -ENOMEM.
 */
int vm_machine_read(struct vm_session *s, uint32_t parts, struct vm_machine *out, struct vm_err *err);

/** For --sources. */
extern const struct vm_source *const vm_machine_sources[];

/* ---- Parsers: survive any bytes; what isn't there stays unknown --------------------------------------------------- */

void vm_machine_parse_meminfo(const char *text, struct vm_machine *m);

/** vmstat; counts of pages that are shown as bytes need their size. */
void vm_machine_parse_vmstat(const char *text, uint64_t page_bytes, struct vm_machine *m);

/** pressure/memory, io or cpu: `some` and `full` are the counters that its lines set; averages of memory are kept. */
void vm_machine_parse_pressure(const char *text, enum vm_machqty some, enum vm_machqty full, struct vm_machine *m);

/** interrupts: its line TLB, by CPU.  0 or -ENOMEM. */
int vm_machine_parse_interrupts(const char *text, struct vm_machine *m);

/** uptime: in ns; 0: makes no sense. */
uint64_t vm_parse_uptime(const char *text);

#endif
