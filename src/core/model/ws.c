#include "core/model/ws.h"

#include <stddef.h>

const struct vm_ws_method_info vm_ws_methods[VM_WS_METHODS] = {
	[VM_WS_WATCH] = { "accessed-bits", "accessed bits, read and never cleared", NULL },
	[VM_WS_CLEAR] = { "clear-refs", "accessed bits, cleared by clear_refs",
			  "reclaim, DAMON and other tools take its pages for unused meanwhile, and its CPUs set bits again" },
	[VM_WS_IDLE] = { "page-idle", "idle marks of page frames",
			 "other users of idle marks lose theirs, and its CPUs set accessed bits again" },
	[VM_WS_DAMON] = { "damon", "regions that the kernel's monitor (DAMON) samples",
			  "the monitor clears accessed bits of pages that it samples" },
};

const struct vm_ws_method_info vm_ws_writes[VM_WS_WRITES_NR] = {
	[VM_WS_WRITES_NONE] = { "none", "", NULL },
	[VM_WS_WRITES_DIRTY] = { "dirty-bits", "dirty bits, read and never cleared", NULL },
	[VM_WS_WRITES_SOFT_DIRTY] = { "soft-dirty", "soft-dirty bits, cleared by clear_refs",
				      "soft-dirty marks of others, such as CRIU, are lost, and the first write to each page faults" },
	[VM_WS_WRITES_UFFD] = { "pagemap-scan", "write protection by userfaultfd of the process itself",
				"it is protected again in each round: what the process itself keeps of its writes is lost" },
};
