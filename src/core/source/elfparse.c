#include "core/source/elfparse.h"

#include <elf.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "core/model/aspace.h"

struct layout {
	uint64_t phoff;
	uint32_t phnum, phentsize;
	int is64;
};

static int read_header(const char *data, size_t len, struct layout *l)
{
	if (len < sizeof(Elf64_Ehdr) || memcmp(data, ELFMAG, SELFMAG) != 0)
		return 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	if (data[EI_DATA] != ELFDATA2LSB)
		return 0;
#else
	if (data[EI_DATA] != ELFDATA2MSB)
		return 0;
#endif
	if (data[EI_CLASS] == ELFCLASS64) {
		Elf64_Ehdr h;
		memcpy(&h, data, sizeof(h));
		*l = (struct layout){ h.e_phoff, h.e_phnum, h.e_phentsize, 1 };
		return (h.e_type == ET_EXEC || h.e_type == ET_DYN) && h.e_phentsize == sizeof(Elf64_Phdr);
	}
	if (data[EI_CLASS] == ELFCLASS32) {
		Elf32_Ehdr h;
		memcpy(&h, data, sizeof(h));
		*l = (struct layout){ h.e_phoff, h.e_phnum, h.e_phentsize, 0 };
		return (h.e_type == ET_EXEC || h.e_type == ET_DYN) && h.e_phentsize == sizeof(Elf32_Phdr);
	}
	return 0;
}

static uint8_t prot_of(uint32_t flags)
{
	return (uint8_t)((flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) |
			 (flags & PF_X ? PROT_EXEC : 0));
}

int vm_parse_elf(const void *data, size_t len, struct vm_segment *seg, size_t *need)
{
	const char *bytes = data;
	struct layout l;
	*need = len < sizeof(Elf64_Ehdr) ? len : sizeof(Elf64_Ehdr);
	if (!read_header(bytes, len, &l))
		return 0;
	uint64_t size = (uint64_t)l.phnum * l.phentsize;
	if (l.phoff > (UINT64_C(1) << 32))
		return 0;
	*need = (size_t)(l.phoff + size);
	if (*need < sizeof(Elf64_Ehdr))
		*need = sizeof(Elf64_Ehdr);
	if (l.phoff + size > len)
		return -ENODATA;
	int n = 0;
	for (uint32_t i = 0; i < l.phnum && n < VM_SEGMENTS_MAX; i++) {
		const char *at = bytes + l.phoff + (size_t)i * l.phentsize;
		if (l.is64) {
			Elf64_Phdr p;
			memcpy(&p, at, sizeof(p));
			if (p.p_type == PT_LOAD)
				seg[n++] = (struct vm_segment){ p.p_vaddr, p.p_offset, p.p_filesz, p.p_memsz,
								prot_of(p.p_flags) };
		} else {
			Elf32_Phdr p;
			memcpy(&p, at, sizeof(p));
			if (p.p_type == PT_LOAD)
				seg[n++] = (struct vm_segment){ p.p_vaddr, p.p_offset, p.p_filesz, p.p_memsz,
								prot_of(p.p_flags) };
		}
	}
	return n;
}
