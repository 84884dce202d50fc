/** Sharing of the open process, for vmtop's tab. */
#ifndef VM_CLI_VMTOP_SHARED_H
#define VM_CLI_VMTOP_SHARED_H

#include "cli/sharing.h"
#include "cli/tui/feed_shared.h"

struct vmtop_shared {
	struct vm_session *s;
	struct vm_shared_feed feed;
	struct vm_shared seen;
	bool known;
	/** The last look, the family at the look before, and who has its pages, if that was asked. */
	struct vm_sharing x;
	struct vm_sharing_family family, before;
	struct vm_sharing_who who;
	struct vm_share_sharer_row *rows;
	uint32_t needs;
	/** When it was looked at, and when it will be again. */
	uint64_t taken_ns, due_ns;
};

/** `feed` is ready then.  vmtop_shared_end() it. */
void vmtop_shared_begin(struct vmtop_shared *h, struct vm_session *s);
void vmtop_shared_end(struct vmtop_shared *h);

#endif
