#include "core/source/kernel.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/model/pgtable.h"
#include "core/model/system.h"
#include "core/source/session.h"
#include "core/source/source.h"

unsigned vm_kernel_version(struct vm_session *s)
{
	struct vm_system system;
	unsigned major = 0, minor = 0;
	vm_system_identify(s, &system);
	if (sscanf(system.kernel, "%3u.%2u", &major, &minor) != 2)
		return 0;
	return major * 100 + minor;
}

/* ---- Configuration ----------------------------------------------------------------------------------------------- */

/** Where struct btf_header says that the strings are (include/uapi/linux/btf.h). */
struct btf_head {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t hdr_len, type_off, type_len, str_off, str_len;
};
enum { BTF_MAGIC = 0xeb9f, BTF_STRINGS_MOST = 64 << 20 };

/** Reads `n` bytes from `at` on: sysfs gives a page at a time. */
static bool read_part(int fd, char *to, size_t n, off_t at)
{
	size_t have = 0;
	for (ssize_t got; have < n && (got = pread(fd, to + have, n - have, at + (off_t)have)) > 0;)
		have += (size_t)got;
	return have == n;
}

/** Is it among the names of the kernel's functions and types?  What there is no BTF for counts as yes. */
static bool btf_names(struct vm_session *s, const char *name)
{
	struct btf_head h;
	vm_auto_close int fd = vm_session_open_file(s, 0, "sys/kernel/btf/vmlinux");
	if (fd < 0 || pread(fd, &h, sizeof(h), 0) != sizeof(h) || h.magic != BTF_MAGIC || h.str_len > BTF_STRINGS_MOST)
		return true;
	const size_t at = (size_t)h.hdr_len + h.str_off;
	/* Linux 6.16 maps it, which takes a tenth of the time. */
	char *map = mmap(NULL, at + h.str_len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map != MAP_FAILED) {
		const bool found = memmem(map + at, h.str_len, name, strlen(name));
		munmap(map, at + h.str_len);
		return found;
	}
	vm_auto_free char *text = malloc(h.str_len + 1u);
	return !text || !read_part(fd, text, h.str_len, (off_t)at) || memmem(text, h.str_len, name, strlen(name));
}

/** CONFIG_MEMORY_FAILURE makes this file. */
static bool has_memory_failure(struct vm_session *s)
{
	vm_auto_close int fd = vm_session_open_file(s, 0, "proc/sys/vm/memory_failure_early_kill");
	return fd != -ENOENT;
}

const struct vm_swap_types *vm_kernel_swap_types(struct vm_session *s)
{
	if (s->swap_types)
		return s->swap_types;
	static const struct vm_swap_types none;
	struct vm_swap_types *t = vm_arena_alloc(&s->arena, sizeof(*t));
	if (!t)
		return &none;
	const unsigned version = vm_kernel_version(s);
	unsigned lacks = 0;
	if (s->live && !has_memory_failure(s))
		lacks |= VM_LACKS_HWPOISON;
	/* CONFIG_DEVICE_PRIVATE compiles these functions. */
	if (s->live && !btf_names(s, version >= 514 ? "make_device_exclusive" : "migrate_vma_setup"))
		lacks |= VM_LACKS_DEVICE;
	vm_swap_types_of(version, lacks, t);
	s->swap_types = t;
	return t;
}

bool vm_kernel_permits(uint64_t capabilities)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	if (syscall(SYS_capget, &head, data) != 0)
		return true;
	const uint64_t have = (uint64_t)data[1].effective << 32 | data[0].effective;
	return (have & VM_CAP(SYS_ADMIN)) || (have & capabilities) == capabilities;
}

bool vm_kernel_counts_shared_writes(const struct vm_session *s)
{
	struct rusage before, after;
	vm_auto_close int fd = memfd_create("vmtop", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)s->page_bytes) != 0)
		return false;
	char *p = mmap(NULL, s->page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return false;
	getrusage(RUSAGE_THREAD, &before);
	*(volatile char *)p = 1;
	getrusage(RUSAGE_THREAD, &after);
	munmap(p, s->page_bytes);
	return after.ru_majflt > before.ru_majflt;
}
