/** Names of the kernel's code: /proc/kallsyms.  The parser survives any bytes. */
#ifndef VM_SOURCE_KALLSYMS_H
#define VM_SOURCE_KALLSYMS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/linecut.h"
#include "core/base/vec.h"

struct vm_session;

/** Zero-initialised is empty and valid. */
struct vm_kallsyms {
	struct vm_linecut cut;
	struct vm_buf names;
	VM_VEC(struct vm_kallsym { uint64_t address; uint32_t name; char type; }) sym;
};

/** Lines of the file, and sort them after the last ones. */
void vm_kallsyms_feed(struct vm_kallsyms *k, const char *data, size_t len);
void vm_kallsyms_sort(struct vm_kallsyms *k);

/** Read and sort it all (some 0.1 s).  Where addresses are withheld (kptr_restrict in proc(5)) none is found later. */
void vm_kallsyms_read(struct vm_kallsyms *k, struct vm_session *s);

/** The function of that address and how far behind its beginning that is; NULL: not known. */
const char *vm_kallsyms_find(const struct vm_kallsyms *k, uint64_t address, uint64_t *offset);

void vm_kallsyms_free(struct vm_kallsyms *k);

#endif
