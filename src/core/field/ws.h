/** Columns of working sets: rows of core/analysis/wset.h and rounds of core/model/ws.h. */
#ifndef VM_FIELD_WS_H
#define VM_FIELD_WS_H

#include "core/analysis/wset.h"
#include "core/field/field.h"

extern const struct vm_fieldset vm_ws_mapping_fields;   /* struct vm_ws_row */
extern const struct vm_fieldset vm_ws_process_fields;   /* struct vm_ws_process */
extern const struct vm_fieldset vm_ws_window_fields;    /* struct vm_ws_window */
extern const struct vm_fieldset vm_ws_round_fields;     /* struct vm_ws_round */

#endif
