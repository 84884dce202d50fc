/** What is behind a mapping, as far as huge pages are concerned: file systems, and what a tmpfs was mounted with. */
#ifndef VM_SOURCE_HUGEFS_H
#define VM_SOURCE_HUGEFS_H

#include <stdint.h>

#include "core/base/vec.h"
#include "core/model/hugespace.h"
#include "core/model/hugesys.h"

struct vm_session;

struct vm_hugefs_mount {
	uint32_t major, minor;
	enum vm_huge_backing backing;
	enum vm_huge_word huge;    /* option huge= of a tmpfs; NEVER without one */
	char type[16];             /* "ext4" */
	char at[112];              /* where it is mounted; "": the kernel's own */
};

struct vm_hugefs {
	VM_VEC(struct vm_hugefs_mount) mounts;
};

/** The mounts of our namespace, and the kernel's own of shared memory and hugetlb.  0 or -ENOMEM; free in either case. */
int vm_hugefs_read(struct vm_session *s, struct vm_hugefs *out);
void vm_hugefs_free(struct vm_hugefs *f);

/** The mount that a mapping's file is on; NULL: no file, or a mount that isn't seen from here. */
const struct vm_hugefs_mount *vm_hugefs_of(const struct vm_hugefs *f, const struct vm_mapping *m);

/** Set map[i].backing of every mapping. */
void vm_hugefs_classify(const struct vm_hugefs *f, struct vm_huge_space *h);

/** Lines of mountinfo (Documentation/filesystems/proc.rst).  0 or -ENOMEM. */
int vm_hugefs_parse(const char *mountinfo, struct vm_hugefs *out);

#endif
