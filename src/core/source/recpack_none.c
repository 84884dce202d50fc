/** Without libzstd recordings are written as they are, and packed ones can't be read. */

#include <errno.h>
#include <stdlib.h>

#include "core/source/recpack.h"

struct vm_packer {
	char none;
};

enum vm_rec_packing vm_pack_usual(void)
{
	return VM_REC_PLAIN;
}

struct vm_packer *vm_packer_new(void)
{
	return calloc(1, sizeof(struct vm_packer));
}

void vm_packer_free(struct vm_packer *p)
{
	free(p);
}

int vm_pack(struct vm_packer *p, struct vm_buf *to, const char *from, size_t len, const char *before, size_t before_len)
{
	(void)p, (void)before, (void)before_len;
	vm_buf_add(to, from, len);
	return to->failed ? -ENOMEM : 0;
}

int vm_unpack(struct vm_packer *p, enum vm_rec_packing packing, struct vm_buf *to, size_t len, const char *from,
	      size_t packed, const char *before, size_t before_len)
{
	(void)p, (void)before, (void)before_len;
	if (packing != VM_REC_PLAIN)
		return -ENOTSUP;
	if (packed != len)
		return -EBADMSG;
	vm_buf_add(to, from, packed);
	return to->failed ? -ENOMEM : 0;
}
