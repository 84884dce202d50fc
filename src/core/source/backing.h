/** What is behind a mapping: by its name, and by the device that its file is on. */
#ifndef VM_SOURCE_BACKING_H
#define VM_SOURCE_BACKING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/vec.h"
#include "core/model/faultset.h"

struct vm_session;

/** Devices of file systems in memory: shared memory (tmpfs, memfd, SysV, /dev/zero), and pages of the hugetlb pool. */
struct vm_backing_dev {
	uint32_t major, minor;
	enum vm_fault_backing backing;
};
struct vm_backings {
	VM_VEC(struct vm_backing_dev) dev;
};

/** Those of the mounts in our namespace, and of the kernel's own mounts on a live machine.  False when memory is out. */
bool vm_backings_read(struct vm_session *s, struct vm_backings *out);
void vm_backings_free(struct vm_backings *b);

/** mountinfo to devices of tmpfs and hugetlbfs.  False when memory is out. */
bool vm_parse_mountinfo(const char *text, struct vm_backings *out);

/** By m->name, inode, device and shared; never VM_FAULT_B_NONE. */
enum vm_fault_backing vm_backing_of(const struct vm_backings *b, const struct vm_fault_mapping *m);

#endif
