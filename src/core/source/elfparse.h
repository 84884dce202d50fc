/** Parser of ELF headers.  Survives any bytes. */
#ifndef VM_SOURCE_ELFPARSE_H
#define VM_SOURCE_ELFPARSE_H

#include <stddef.h>

struct vm_segment;

enum { VM_SEGMENTS_MAX = 64 };

/**
 * Loadable segments of the ELF file of which data[0..len) is the beginning (ELF-64 and ELF-32 of this
 * machine's byte order).
 *
 * `seg` has room for VM_SEGMENTS_MAX.  Returns their number; 0 if it isn't an ELF program or library; -ENODATA if
 * the program headers lie beyond len (*need then says how many bytes of the file are needed).
 * *need is otherwise the length of the headers.
 */
int vm_parse_elf(const void *data, size_t len, struct vm_segment *seg, size_t *need);

#endif
