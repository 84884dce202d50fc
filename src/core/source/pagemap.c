#include "core/source/pagemap.h"

#include <sys/mman.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/source/session.h"

bool vm_pagemap_has_soft_dirty(struct vm_session *s)
{
	uint64_t entry = 0;
	vm_auto_close int fd = vm_session_open_file(s, 0, "proc/self/pagemap");
	if (!s->live || fd < 0)
		return false;
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return false;
	*(volatile char *)page = 1;
	bool has = pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)page / 4096 * 8)) == sizeof(entry) &&
		   (vm_pagemap_state(entry) & VM_PG(SOFT_DIRTY));
	munmap(page, 4096);
	return has;
}
