#include "core/source/pagemap.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/source/session.h"

/** A page of ours, with the descriptor of its entry. */
struct trial {
	int fd;
	char *page;
};

static bool begin(struct vm_session *s, struct trial *t)
{
	t->page = MAP_FAILED;
	t->fd = s->live ? vm_session_open_file(s, 0, "proc/self/pagemap") : -1;
	if (t->fd < 0)
		return false;
	t->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (t->page == MAP_FAILED)
		return false;
	*(volatile char *)t->page = 1;
	return true;
}

static void end(const struct trial *t)
{
	if (t->page != MAP_FAILED)
		munmap(t->page, 4096);
	vm_cleanup_close(&t->fd);
}

static bool is_soft_dirty(const struct trial *t)
{
	uint64_t entry = 0;
	return pread(t->fd, &entry, sizeof(entry), (off_t)((uintptr_t)t->page / 4096 * 8)) == sizeof(entry) &&
	       (vm_pagemap_state(entry) & VM_PG(SOFT_DIRTY));
}

bool vm_pagemap_has_soft_dirty(struct vm_session *s)
{
	struct trial t;
	const bool has = begin(s, &t) && is_soft_dirty(&t);
	end(&t);
	return has;
}

bool vm_pagemap_tells_writes(struct vm_session *s)
{
	struct trial t;
	vm_auto_close int clear = s->live ? vm_session_open_file(s, O_WRONLY, "proc/self/clear_refs") : -1;
	bool tells = clear >= 0 && begin(s, &t);
	if (clear < 0)
		return false;
	tells = tells && is_soft_dirty(&t) && pwrite(clear, "4", 1, 0) == 1 && !is_soft_dirty(&t);
	if (tells)
		*(volatile char *)t.page = 2;
	tells = tells && is_soft_dirty(&t);
	end(&t);
	return tells;
}
