#include "core/source/backing.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/source/session.h"

static bool starts(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool add(struct vm_backings *b, uint32_t major, uint32_t minor, enum vm_fault_backing backing)
{
	for (size_t i = 0; i < b->dev.n; i++)
		if (b->dev.v[i].major == major && b->dev.v[i].minor == minor)
			return true;
	return vm_vec_push(&b->dev, ((struct vm_backing_dev){ major, minor, backing }));
}

/** "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - tmpfs none rw" (proc_pid_mountinfo(5)); blanks in names are escaped. */
bool vm_parse_mountinfo(const char *text, struct vm_backings *out)
{
	for (const char *line = text; *line;) {
		const char *end = strchrnul(line, '\n'), *type = memmem(line, (size_t)(end - line), " - ", 3);
		unsigned major, minor;
		enum vm_fault_backing backing = VM_FAULT_B_NONE;
		if (type && starts(type + 3, "tmpfs "))
			backing = VM_FAULT_B_SHMEM;
		else if (type && starts(type + 3, "hugetlbfs "))
			backing = VM_FAULT_B_HUGETLB;
		if (backing && sscanf(line, "%*u %*u %9u:%9u ", &major, &minor) == 2 && !add(out, major, minor, backing))
			return false;
		line = end + (*end == '\n');
	}
	return true;
}

/** The kernel mounts some for itself: a file of ours is made there, for a moment and without memory. */
static bool add_own(struct vm_backings *b, unsigned flags, enum vm_fault_backing backing)
{
	struct stat st;
	vm_auto_close int fd = memfd_create("", MFD_CLOEXEC | flags);
	return fd < 0 || fstat(fd, &st) != 0 || add(b, major(st.st_dev), minor(st.st_dev), backing);
}

bool vm_backings_read(struct vm_session *s, struct vm_backings *out)
{
	/* Of all sizes that x86 and arm64 have: 64K, 2M, 32M, 512M, 1G, 16G (log2 in bits 26 on, memfd_create(2)). */
	static const unsigned sizes[] = { 0, 16, 21, 25, 29, 30, 34 };
	if (vm_session_slurp(s, &s->scratch, "proc/self/mountinfo") > 0 && !vm_parse_mountinfo(s->scratch.s, out))
		return false;
	if (!s->live)
		return true;
	for (size_t i = 0; i < vm_countof(sizes); i++)
		if (!add_own(out, MFD_HUGETLB | sizes[i] << MAP_HUGE_SHIFT, VM_FAULT_B_HUGETLB))
			return false;
	return add_own(out, 0, VM_FAULT_B_SHMEM);
}

void vm_backings_free(struct vm_backings *b)
{
	vm_vec_free(&b->dev);
}

enum vm_fault_backing vm_backing_of(const struct vm_backings *b, const struct vm_fault_mapping *m)
{
	/* Mapped privately, /dev/zero gives anonymous memory (mmap_zero() in drivers/char/mem.c). */
	if (starts(m->name, "/dev/zero"))
		return m->shared ? VM_FAULT_B_SHMEM : VM_FAULT_B_ANON;
	if ((starts(m->name, "/dev/") && !starts(m->name, "/dev/shm/") && !starts(m->name, "/dev/hugepages/")) ||
	    starts(m->name, "/dmabuf") || starts(m->name, "anon_inode:"))
		return VM_FAULT_B_DEVICE;
	if (m->inode) {
		for (size_t i = 0; i < b->dev.n; i++)
			if (b->dev.v[i].major == m->dev_major && b->dev.v[i].minor == m->dev_minor)
				return b->dev.v[i].backing;
		return VM_FAULT_B_FILE;
	}
	/* Mappings of the kernel's own: [vdso], [vvar], [uprobes]. */
	if (m->name[0] == '[' && strcmp(m->name, "[heap]") != 0 && !starts(m->name, "[stack") && !starts(m->name, "[anon"))
		return VM_FAULT_B_DEVICE;
	return VM_FAULT_B_ANON;
}
