/** core/source/elfparse: headers of programs and libraries, honest, cut and forged. */
#include "core/source/elfparse.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#include "core/model/aspace.h"
#include "unit.h"

struct file64 {
	Elf64_Ehdr h;
	Elf64_Phdr p[4];
};

static struct file64 program(void)
{
	struct file64 f = {
		.h = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_DYN, .e_machine = EM_X86_64, .e_phoff = sizeof(Elf64_Ehdr), .e_phnum = 4,
			.e_phentsize = sizeof(Elf64_Phdr),
		},
		.p = {
			{ .p_type = PT_PHDR, .p_vaddr = 0x40, .p_memsz = 224, .p_flags = PF_R },
			{ .p_type = PT_LOAD, .p_offset = 0, .p_vaddr = 0, .p_filesz = 0x1648, .p_memsz = 0x1648,
			  .p_flags = PF_R | PF_X },
			{ .p_type = PT_LOAD, .p_offset = 0x1db0, .p_vaddr = 0x2db0, .p_filesz = 0x260,
			  .p_memsz = 0x12a8, .p_flags = PF_R | PF_W },
			{ .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W },
		},
	};
	return f;
}

START_TEST(golden)
{
	struct file64 f = program();
	struct vm_segment seg[VM_SEGMENTS_MAX];
	size_t need = 0;
	ck_assert_int_eq(vm_parse_elf(&f, sizeof(f), seg, &need), 2);
	ck_assert_uint_eq(need, sizeof(f));
	ck_u64_eq(seg[0].vaddr, 0);
	ck_u64_eq(seg[0].filesz, 0x1648);
	ck_assert_int_eq(seg[0].prot, PROT_READ | PROT_EXEC);
	ck_u64_eq(seg[1].vaddr, 0x2db0);
	ck_u64_eq(seg[1].offset, 0x1db0);
	ck_u64_eq(seg[1].filesz, 0x260);
	ck_u64_eq(seg[1].memsz, 0x12a8);
	ck_assert_int_eq(seg[1].prot, PROT_READ | PROT_WRITE);
}
END_TEST

START_TEST(thirty_two_bits)
{
	struct { Elf32_Ehdr h; Elf32_Phdr p[2]; } f = {
		.h = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC, .e_phoff = sizeof(Elf32_Ehdr), .e_phnum = 2, .e_phentsize = sizeof(Elf32_Phdr),
		},
		.p = {
			{ .p_type = PT_LOAD, .p_offset = 0, .p_vaddr = 0x8048000, .p_filesz = 0x500, .p_memsz = 0x500,
			  .p_flags = PF_R | PF_X },
			{ .p_type = PT_LOAD, .p_offset = 0x1000, .p_vaddr = 0x804a000, .p_filesz = 0x10, .p_memsz = 0x2000,
			  .p_flags = PF_R | PF_W },
		},
	};
	struct vm_segment seg[VM_SEGMENTS_MAX];
	size_t need;
	ck_assert_int_eq(vm_parse_elf(&f, sizeof(f), seg, &need), 2);
	ck_u64_eq(seg[0].vaddr, 0x8048000);
	ck_u64_eq(seg[1].memsz, 0x2000);
	ck_u64_eq(seg[1].filesz, 0x10);
	ck_assert_int_eq(seg[1].prot, PROT_READ | PROT_WRITE);
}
END_TEST

START_TEST(cut_short)
{
	struct file64 f = program();
	struct vm_segment seg[VM_SEGMENTS_MAX];
	size_t need;
	for (size_t len = 0; len < sizeof(f); len++) {
		/* A copy of its own, so that reading beyond it is seen. */
		char *copy = malloc(len ? len : 1);
		memcpy(copy, &f, len);
		int r = vm_parse_elf(copy, len, seg, &need);
		ck_assert_int_eq(r, len < sizeof(Elf64_Ehdr) ? 0 : -ENODATA);
		if (r == -ENODATA)
			ck_assert_uint_eq(need, sizeof(f));
		else
			ck_assert_uint_le(need, len);
		free(copy);
	}
}
END_TEST

START_TEST(headers_far_away)
{
	struct file64 f = program();
	struct vm_segment seg[VM_SEGMENTS_MAX];
	size_t need;
	f.h.e_phoff = 100000;
	ck_assert_int_eq(vm_parse_elf(&f, sizeof(f), seg, &need), -ENODATA);
	ck_assert_uint_eq(need, 100000 + 4 * sizeof(Elf64_Phdr));
	f.h.e_phoff = UINT64_MAX - 8;
	ck_assert_int_eq(vm_parse_elf(&f, sizeof(f), seg, &need), 0);
}
END_TEST

START_TEST(not_programs)
{
	struct vm_segment seg[VM_SEGMENTS_MAX];
	size_t need;
	struct file64 f = program();
	f.h.e_ident[0] = 'E';
	ck_assert_int_eq(vm_parse_elf(&f, sizeof(f), seg, &need), 0);
	f = program();
	f.h.e_ident[EI_DATA] = ELFDATA2MSB;
	ck_assert_int_eq(vm_parse_elf(&f, sizeof(f), seg, &need), 0);
	f = program();
	f.h.e_ident[EI_CLASS] = 9;
	ck_assert_int_eq(vm_parse_elf(&f, sizeof(f), seg, &need), 0);
	f = program();
	f.h.e_type = ET_REL;
	ck_assert_int_eq(vm_parse_elf(&f, sizeof(f), seg, &need), 0);
	f = program();
	f.h.e_type = ET_CORE;
	ck_assert_int_eq(vm_parse_elf(&f, sizeof(f), seg, &need), 0);
	f = program();
	f.h.e_phentsize = 55;
	ck_assert_int_eq(vm_parse_elf(&f, sizeof(f), seg, &need), 0);
	f = program();
	f.h.e_phnum = 0;
	ck_assert_int_eq(vm_parse_elf(&f, sizeof(f), seg, &need), 0);
	char script[100] = "#!/bin/sh\n";
	ck_assert_int_eq(vm_parse_elf(script, sizeof(script), seg, &need), 0);
}
END_TEST

START_TEST(too_many_segments)
{
	size_t n = 500, len = sizeof(Elf64_Ehdr) + n * sizeof(Elf64_Phdr);
	struct file64 head = program();
	char *data = calloc(1, len);
	head.h.e_phnum = (Elf64_Half)n;
	memcpy(data, &head.h, sizeof(head.h));
	for (size_t i = 0; i < n; i++) {
		Elf64_Phdr p = { .p_type = PT_LOAD, .p_vaddr = i << 12, .p_flags = PF_R };
		memcpy(data + sizeof(Elf64_Ehdr) + i * sizeof(p), &p, sizeof(p));
	}
	struct vm_segment seg[VM_SEGMENTS_MAX];
	size_t need;
	ck_assert_int_eq(vm_parse_elf(data, len, seg, &need), VM_SEGMENTS_MAX);
	ck_u64_eq(seg[VM_SEGMENTS_MAX - 1].vaddr, (VM_SEGMENTS_MAX - 1) << 12);
	free(data);
}
END_TEST

/* This very program has code and writable data. */
START_TEST(ourselves)
{
	static char data[65536];
	FILE *f = fopen("/proc/self/exe", "rb");
	ck_assert_ptr_nonnull(f);
	size_t len = fread(data, 1, sizeof(data), f), need;
	fclose(f);
	struct vm_segment seg[VM_SEGMENTS_MAX];
	int n = vm_parse_elf(data, len, seg, &need);
	ck_assert_int_ge(n, 2);
	int code = 0, writable = 0;
	for (int i = 0; i < n; i++) {
		code += seg[i].prot == (PROT_READ | PROT_EXEC);
		writable += seg[i].prot == (PROT_READ | PROT_WRITE);
		ck_assert(seg[i].memsz >= seg[i].filesz);
	}
	ck_assert_int_ge(code, 1);
	ck_assert_int_ge(writable, 1);
}
END_TEST

UNIT_MAIN("elfparse", golden, thirty_two_bits, cut_short, headers_far_away, not_programs, too_many_segments,
	  ourselves)
