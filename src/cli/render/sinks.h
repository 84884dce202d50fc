/** The sinks, each in a file of its own; vm_sinks[] in report.c orders them. */
#ifndef VM_RENDER_SINKS_H
#define VM_RENDER_SINKS_H

#include "cli/render/report.h"

extern const struct vm_sink vm_sink_table, vm_sink_json, vm_sink_ndjson, vm_sink_csv, vm_sink_openmetrics;

/** Write r->text to the stream if it has grown large, or in any case. */
void vm_report_flush(struct vm_report *r, bool all);

#endif
