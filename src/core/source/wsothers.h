/** Who else clears accessed bits on this machine, as far as it shows. */
#ifndef VM_SOURCE_WSOTHERS_H
#define VM_SOURCE_WSOTHERS_H

#include <stdint.h>

struct vm_buf;
struct vm_session;

struct vm_ws_others {
	/** Pages that reclaim has looked at since boot, which ages them (pgscan_* in vmstat); UINT64_MAX: not known. */
	uint64_t scanned;
};

void vm_ws_others_read(struct vm_session *s, struct vm_ws_others *out);

/** Names of the kernel's monitors (DAMON) that run: "kdamond.0, kdamond.1"; nothing if there are none. */
void vm_ws_others_damon(struct vm_session *s, struct vm_buf *names);

#endif
