/** A build without elfutils: addresses of files have no names. */
#include "core/source/symfile.h"

#include <errno.h>
#include <unistd.h>

const char *vm_symfile_missing(void)
{
	return "built without elfutils";
}

int vm_symfile_open(int fd, const struct vm_symfile_with *with, struct vm_symfile **out)
{
	(void)with, (void)out;
	close(fd);
	return -EOPNOTSUPP;
}

int vm_symfile_of_image(const void *image, size_t size, struct vm_symfile **out)
{
	(void)image, (void)size, (void)out;
	return -EOPNOTSUPP;
}

void vm_symfile_free(struct vm_symfile *f)
{
	(void)f;
}

bool vm_symfile_address(const struct vm_symfile *f, uint64_t offset, uint64_t *address)
{
	(void)f, (void)offset, (void)address;
	return false;
}

size_t vm_symfile_find(struct vm_symfile *f, uint64_t address, bool inlines, struct vm_symfile_frame *out, size_t max)
{
	(void)f, (void)address, (void)inlines, (void)max;
	out[0] = (struct vm_symfile_frame){ .function = NULL };
	return 1;
}
