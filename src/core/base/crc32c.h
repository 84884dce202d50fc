/** Check sums of what is written to disk. */
#ifndef VM_BASE_CRC32C_H
#define VM_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/** CRC-32C (Castagnoli 1993; polynomial 0x1edc6f41, as in RFC 3720) of data[0..len); 0 of nothing. */
uint32_t vm_crc32c(const void *data, size_t len);

#endif
