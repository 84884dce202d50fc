#include "core/source/hugefs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/model/aspace.h"
#include "core/model/vmflags.h"
#include "core/source/session.h"

#ifndef MFD_HUGE_SHIFT
#define MFD_HUGE_SHIFT 26
#endif

static bool starts(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool is_word(const char *s, size_t n, const char *word)
{
	return n == strlen(word) && memcmp(s, word, n) == 0;
}

/** The option huge= among a tmpfs's (shmem_show_options() in mm/shmem.c; the kernel leaves out "never"). */
static enum vm_huge_word huge_option(const char *options, size_t n)
{
	static const struct { const char *word; enum vm_huge_word w; } known[] = {
		{ "huge=always", VM_HUGE_ALWAYS }, { "huge=within_size", VM_HUGE_WITHIN_SIZE }, { "huge=advise", VM_HUGE_ADVISE },
		{ "huge=never", VM_HUGE_NEVER }, { "huge=deny", VM_HUGE_DENY }, { "huge=force", VM_HUGE_FORCE },
	};
	for (size_t i = 0; i < n;) {
		size_t len = 0;
		while (i + len < n && options[i + len] != ',')
			len++;
		for (size_t k = 0; k < vm_countof(known); k++)
			if (is_word(options + i, len, known[k].word))
				return known[k].w;
		i += len + 1;
	}
	return VM_HUGE_NEVER;
}

/** "36 35 98:0 /root /mount/point options tag:1 - type source super,options" */
static bool parse_line(const char *line, size_t n, struct vm_hugefs_mount *out)
{
	const char *end = line + n, *word[32];
	size_t len[32], words = 0, dash = 0;
	for (const char *p = line; p < end && words < vm_countof(word); p += p < end) {
		word[words] = p;
		while (p < end && *p != ' ')
			p++;
		len[words] = (size_t)(p - word[words]);
		if (words > 5 && !dash && is_word(word[words], len[words], "-"))
			dash = words;
		words++;
	}
	*out = (struct vm_hugefs_mount){ .backing = VM_HUGE_B_FILE, .huge = VM_HUGE_WORD_ABSENT };
	if (!dash || dash + 3 >= words || sscanf(word[2], "%u:%u", &out->major, &out->minor) != 2)
		return false;
	snprintf(out->type, sizeof(out->type), "%.*s", (int)len[dash + 1], word[dash + 1]);
	snprintf(out->at, sizeof(out->at), "%.*s", (int)len[4], word[4]);
	if (strcmp(out->type, "tmpfs") == 0 || strcmp(out->type, "devtmpfs") == 0) {
		out->backing = VM_HUGE_B_TMPFS;
		out->huge = huge_option(word[dash + 3], len[dash + 3]);
	} else if (strcmp(out->type, "hugetlbfs") == 0) {
		out->backing = VM_HUGE_B_HUGETLB;
	}
	return true;
}

int vm_hugefs_parse(const char *mountinfo, struct vm_hugefs *out)
{
	struct vm_hugefs_mount mount;
	for (const char *line = mountinfo; *line;) {
		const size_t n = strcspn(line, "\n");
		if (parse_line(line, n, &mount) && !vm_vec_push(&out->mounts, mount))
			return -ENOMEM;
		line += n + (line[n] == '\n');
	}
	return 0;
}

/** The kernel mounts some for itself: a file of ours is made there, for a moment and without memory. */
static bool add_own(struct vm_hugefs *f, unsigned flags, enum vm_huge_backing backing)
{
	struct stat st;
	vm_auto_close int fd = memfd_create("", MFD_CLOEXEC | flags);
	if (fd < 0 || fstat(fd, &st) != 0)
		return true;
	const struct vm_hugefs_mount own = {
		.major = major(st.st_dev), .minor = minor(st.st_dev), .backing = backing, .huge = VM_HUGE_WORD_ABSENT,
	};
	return vm_vec_push(&f->mounts, own);
}

int vm_hugefs_read(struct vm_session *s, struct vm_hugefs *out)
{
	/* Of all sizes that x86 and arm64 have: 64K, 2M, 32M, 512M, 1G, 16G (log2 in bits 26 on, memfd_create(2)). */
	static const unsigned sizes[] = { 0, 16, 21, 25, 29, 30, 34 };
	*out = (struct vm_hugefs){ 0 };
	if (vm_session_slurp(s, &s->scratch, "proc/self/mountinfo") > 0 && vm_hugefs_parse(s->scratch.s, out) < 0)
		return -ENOMEM;
	for (size_t i = 0; s->live && i < vm_countof(sizes); i++)
		if (!add_own(out, MFD_HUGETLB | sizes[i] << MFD_HUGE_SHIFT, VM_HUGE_B_HUGETLB))
			return -ENOMEM;
	return !s->live || add_own(out, 0, VM_HUGE_B_SHMEM) ? 0 : -ENOMEM;
}

void vm_hugefs_free(struct vm_hugefs *f)
{
	vm_vec_free(&f->mounts);
}

const struct vm_hugefs_mount *vm_hugefs_of(const struct vm_hugefs *f, const struct vm_mapping *m)
{
	for (size_t i = 0; m->inode && i < f->mounts.n; i++)
		if (f->mounts.v[i].major == m->dev_major && f->mounts.v[i].minor == m->dev_minor)
			return &f->mounts.v[i];
	return NULL;
}

/** By flags, where they are known: memory of devices, and what may not be moved (VM_SPECIAL in include/linux/mm.h). */
static bool is_special(const struct vm_mapping *m)
{
	uint64_t flags;
	return vm_mapping_huge_flags(m, &flags) && (flags & (VM_VMF(IO) | VM_VMF(PF) | VM_VMF(MM) | VM_VMF(DE)));
}

static enum vm_huge_backing by_name(const struct vm_mapping *m)
{
	/* Mapped privately, /dev/zero gives anonymous memory (mmap_zero() in drivers/char/mem.c). */
	if (starts(m->name, "/dev/zero"))
		return m->shared ? VM_HUGE_B_SHMEM : VM_HUGE_B_ANON;
	if (starts(m->name, "/anon_hugepage") || starts(m->name, "/dev/hugepages/"))
		return VM_HUGE_B_HUGETLB;
	if (starts(m->name, "/memfd:") || starts(m->name, "/SYSV"))
		return VM_HUGE_B_SHMEM;
	if (starts(m->name, "/dev/shm/"))
		return VM_HUGE_B_TMPFS;
	if (starts(m->name, "/dev/") || starts(m->name, "/dmabuf") || starts(m->name, "anon_inode:"))
		return VM_HUGE_B_SPECIAL;
	if (m->inode)
		return VM_HUGE_B_FILE;
	/* Mappings of the kernel's own: [vdso], [vvar], [uprobes]. */
	if (m->name[0] == '[' && strcmp(m->name, "[heap]") != 0 && !starts(m->name, "[stack") && !starts(m->name, "[anon"))
		return starts(m->name, "[anon_shmem") ? VM_HUGE_B_SHMEM : VM_HUGE_B_SPECIAL;
	return VM_HUGE_B_ANON;
}

void vm_hugefs_classify(const struct vm_hugefs *f, struct vm_huge_space *h)
{
	for (size_t i = 0; i < h->as->nmaps; i++) {
		const struct vm_mapping *m = &h->as->map[i];
		const struct vm_hugefs_mount *mount = vm_hugefs_of(f, m);
		uint64_t flags;
		enum vm_huge_backing b = by_name(m);
		if (mount && (b == VM_HUGE_B_FILE || b == VM_HUGE_B_TMPFS))
			b = mount->backing;
		if (vm_mapping_huge_flags(m, &flags) && (flags & VM_VMF(HT)))
			b = VM_HUGE_B_HUGETLB;
		else if (b != VM_HUGE_B_HUGETLB && is_special(m))
			b = VM_HUGE_B_SPECIAL;
		h->map[i].backing = (uint8_t)b;
		h->map[i].mount = (uint8_t)(mount ? mount->huge : VM_HUGE_WORD_UNKNOWN);
	}
}
