/** ELF files opened, and their sections read with care. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "core/source/symfile_part.h"

/** Nobody but us and root can cut the file short, which would kill who looks at a mapping of it (SIGBUS). */
static bool is_safe_to_map(int fd)
{
	struct stat st;
	struct statfs fs;
	return fstat(fd, &st) == 0 && (st.st_uid == 0 || st.st_uid == geteuid()) && !(st.st_mode & 022) &&
	       fstatfs(fd, &fs) == 0 && fs.f_type != FUSE_SUPER_MAGIC;
}

static bool is_program(Elf *elf)
{
	GElf_Ehdr h;
	return elf && elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &h) && (h.e_type == ET_EXEC || h.e_type == ET_DYN);
}

int vm_elf_open(int fd, bool foreign, uint64_t *copy_left, struct vm_elf *out)
{
	const bool copied = foreign || !is_safe_to_map(fd);
	*out = (struct vm_elf){ .fd = fd, .copy_left = copy_left, .copied = copied, .root = -1 };
	elf_version(EV_CURRENT);
	out->elf = elf_begin(fd, out->copied ? ELF_C_READ : ELF_C_READ_MMAP, NULL);
	if (!is_program(out->elf)) {
		vm_elf_close(out);
		return -ENOEXEC;
	}
	if (!out->copied) {
		/* The mapping holds the file, also against another one that takes its inode's number. */
		elf_cntl(out->elf, ELF_C_FDDONE);
		close(fd);
		out->fd = -1;
	}
	return 0;
}

int vm_elf_of_image(void *image, size_t size, struct vm_elf *out)
{
	*out = (struct vm_elf){ .fd = -1, .root = -1 };
	elf_version(EV_CURRENT);
	out->elf = elf_memory(image, size);
	if (is_program(out->elf))
		return 0;
	vm_elf_close(out);
	return -ENOEXEC;
}

void vm_elf_close(struct vm_elf *e)
{
	elf_end(e->elf);
	if (e->fd >= 0)
		close(e->fd);
	free(e->image);
	*e = (struct vm_elf){ .fd = -1, .root = -1 };
}

Elf_Scn *vm_elf_section(const struct vm_elf *e, const char *name, GElf_Shdr *sh)
{
	size_t strings;
	if (!e->elf || elf_getshdrstrndx(e->elf, &strings) != 0)
		return NULL;
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(e->elf, scn));) {
		const char *is = gelf_getshdr(scn, sh) ? elf_strptr(e->elf, strings, sh->sh_name) : NULL;
		if (is && strcmp(is, name) == 0)
			return sh->sh_type == SHT_NOBITS ? NULL : scn;
	}
	return NULL;
}

bool vm_elf_may_use(const struct vm_elf *e, uint64_t bytes)
{
	if (!e->copied)
		return true;
	if (bytes > *e->copy_left)
		return false;
	*e->copy_left -= bytes;
	return true;
}

Elf_Data *vm_elf_data(const struct vm_elf *e, Elf_Scn *scn)
{
	GElf_Shdr sh;
	if (!scn || !gelf_getshdr(scn, &sh) || sh.sh_type == SHT_NOBITS || !vm_elf_may_use(e, sh.sh_size))
		return NULL;
	Elf_Data *d = elf_getdata(scn, NULL);
	return d && d->d_buf && d->d_size ? d : NULL;
}
