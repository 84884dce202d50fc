/** core/model/kind: what each mapping of a hand-made space is. */
#include "core/model/kind.h"

#include <ctype.h>
#include <stdio.h>
#include <sys/mman.h>

#include "core/model/vmflags.h"
#include "space.h"

/** The kinds of all mappings, separated by blanks. */
static const char *kinds_of(struct vm_aspace *as)
{
	static char text[2000];
	size_t n = 0;
	vm_aspace_classify(as);
	for (size_t i = 0; i < as->nmaps; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? " " : "",
				      vm_kinds[as->map[i].kind].name);
	return text;
}

static void check_kinds(const char *maps, const char *want)
{
	struct vm_aspace *as = space_of(maps);
	ck_assert_str_eq(kinds_of(as), want);
	vm_aspace_free(as);
}

static void check_one(const char *line, const char *want)
{
	char text[4096];
	snprintf(text, sizeof(text), "%s\n", line);
	struct vm_aspace *as = space_of(text);
	ck_assert_uint_eq(as->nmaps, 1);
	vm_aspace_classify(as);
	ck_assert_msg(strcmp(vm_kinds[as->map[0].kind].name, want) == 0, "'%s' is %s, expected %s", line,
		      vm_kinds[as->map[0].kind].name, want);
	vm_aspace_free(as);
}

START_TEST(every_kind_has_a_name)
{
	for (unsigned i = 0; i < VM_KIND_NR; i++) {
		ck_assert_ptr_nonnull(vm_kinds[i].name);
		ck_assert_ptr_nonnull(vm_kinds[i].help);
		for (const char *p = vm_kinds[i].name; *p; p++)
			ck_assert(i == VM_KIND_UNKNOWN ? *p == '-' : islower((unsigned char)*p));
		for (unsigned k = 0; k < i; k++)
			ck_assert_str_ne(vm_kinds[i].name, vm_kinds[k].name);
	}
}
END_TEST

START_TEST(by_name)
{
	check_one("55d0c4e21000-55d0c4f10000 rw-p 00000000 00:00 0 [heap]", "heap");
	check_one("7ffc0c4e2000-7ffc0c503000 rw-p 00000000 00:00 0 [stack]", "stack");
	check_one("7f0000000000-7f0000002000 rw-s 00000000 00:01 5 /dev/zero (deleted)", "shmem");
	check_one("7f0000000000-7f0000002000 rw-p 00000000 00:06 5 /dev/zero", "anon");
	check_one("7f0000000000-7f0000800000 rw-p 00000000 00:00 0 [stack:1234]", "tstack");
	check_one("7ffc0c5f0000-7ffc0c5f4000 r--p 00000000 00:00 0 [vvar]", "vvar");
	check_one("7ffc0c5f4000-7ffc0c5f6000 r--p 00000000 00:00 0 [vvar_vclock]", "vvar");
	check_one("7ffc0c5f6000-7ffc0c5f8000 r-xp 00000000 00:00 0 [vdso]", "vdso");
	check_one("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]", "vsyscall");
	check_one("ffff0000-ffff1000 r-xp 00000000 00:00 0 [vectors]", "vsyscall");
	check_one("7f0000000000-7f0000001000 r-xp 00000000 00:00 0 [uprobes]", "special");
	check_one("7f0000000000-7f0000001000 rw-p 00000000 00:00 0 [anon:jemalloc]", "anon");
	check_one("7f0000000000-7f0000001000 rw-s 00000000 00:01 1027 [anon_shmem:pool]", "shmem");
	check_one("7f0000000000-7f0000001000 rw-s 00000000 00:01 32768 /SYSV0052e2c1 (deleted)", "sysv");
	check_one("7f0000000000-7f0000001000 rw-s 00000000 00:01 2068 /memfd:wayland-shm (deleted)", "memfd");
	check_one("7f0000000000-7f0000001000 rw-s 00000000 00:01 12 /dev/zero (deleted)", "shmem");
	check_one("7f0000000000-7f0000001000 rw-s 00000000 00:1a 3 /dev/shm/sem.x", "shmem");
	check_one("7f0000000000-7f0000200000 rw-s 00000000 00:0f 77 /anon_hugepage (deleted)", "hugetlb");
	check_one("7f0000000000-7f0000200000 rw-s 00000000 00:2a 77 /dev/hugepages/dpdk0", "hugetlb");
	check_one("7f0000000000-7f0000200000 rw-s 00000000 00:05 501 /dev/dri/renderD128", "device");
	check_one("7f0000000000-7f0000200000 rw-s 00000000 00:0e 1 anon_inode:[perf_event]", "device");
	check_one("7f0000000000-7f0000200000 rw-s 00000000 00:0c 9 /dmabuf:", "device");
	check_one("7f0000000000-7f0000001000 r--p 00000000 fe:00 9 /usr/share/zoneinfo/UTC", "file");
	check_one("7f0000000000-7f0000001000 r--s 00000000 fe:00 9 /usr/lib/x86_64-linux-gnu/gconv/c.cache", "file");
}
END_TEST

/* Names that only look like the kernel's. */
START_TEST(by_name_not_fooled)
{
	check_one("7f0000000000-7f0000001000 rw-s 00000000 fe:00 9 /home/u/[heap]", "file");
	check_one("7f0000000000-7f0000001000 rw-s 00000000 fe:00 9 /SYSVinit", "file");
	check_one("7f0000000000-7f0000001000 rw-s 00000000 fe:00 9 /SYSV12345678/file", "file");
	check_one("7f0000000000-7f0000001000 rw-s 00000000 fe:00 9 /srv/memfd:x", "file");
	check_one("7f0000000000-7f0000001000 rw-s 00000000 fe:00 9 /devices/x", "file");
}
END_TEST

START_TEST(anonymous)
{
	check_one("7f0000000000-7f0000001000 rw-p 00000000 00:00 0 ", "anon");
	check_one("7f0000000000-7f0000001000 r-xp 00000000 00:00 0 ", "anon");
	check_one("7f0000000000-7f0000001000 ---p 00000000 00:00 0 ", "guard");
	check_one("7f0000000000-7f0000100000 ---p 00000000 00:00 0 ", "guard");
	check_one("7f0000000000-7f0000101000 ---p 00000000 00:00 0 ", "reserve");
	check_one("7f0000000000-7f0003f00000 ---p 00000000 00:00 0 ", "reserve");
	check_one("7f0000000000-7f0000001000 ---p 00000000 00:00 0 [anon:scudo:primary]", "guard");
}
END_TEST

START_TEST(by_flags)
{
	check_kinds("7f0000000000-7f0000200000 rw-p 00000000 00:0f 12 /mnt/huge/x\n"
		    "VmFlags: rd wr mr mw me ms de ht \n"
		    "7f0000200000-7f0000221000 rw-p 00000000 00:00 0 \n"
		    "VmFlags: rd wr mr mw me gd ac \n"
		    "7f0000300000-7f0000301000 rw-s 00000000 00:30 12 /mnt/bar0\n"
		    "VmFlags: rd wr sh mr mw me ms pf io de dd \n",
		    "hugetlb stack device");
	check_kinds("7f0000000000-7f0000200000 rw-p 00000000 00:00 0 \n"
		    "Private_Hugetlb:    2048 kB\n", "hugetlb");
}
END_TEST

/* As /bin/cat: five mappings of the program, its bss behind the data, heap, a library with bss. */
#define PROGRAM \
	"55d0c3a00000-55d0c3a02000 r--p 00000000 fe:00 100 /usr/bin/x\n" \
	"55d0c3a02000-55d0c3a07000 r-xp 00002000 fe:00 100 /usr/bin/x\n" \
	"55d0c3a07000-55d0c3a0a000 r--p 00007000 fe:00 100 /usr/bin/x\n" \
	"55d0c3a0a000-55d0c3a0b000 r--p 00009000 fe:00 100 /usr/bin/x\n" \
	"55d0c3a0b000-55d0c3a0c000 rw-p 0000a000 fe:00 100 /usr/bin/x\n" \
	"55d0c3a0c000-55d0c3a0e000 rw-p 00000000 00:00 0 \n" \
	"55d0c4e21000-55d0c4f10000 rw-p 00000000 00:00 0 [heap]\n"
#define LIBRARY \
	"7f2a40000000-7f2a40026000 r--p 00000000 fe:00 200 /usr/lib/libc.so.6\n" \
	"7f2a40026000-7f2a4017b000 r-xp 00026000 fe:00 200 /usr/lib/libc.so.6\n" \
	"7f2a4017b000-7f2a401ce000 r--p 0017b000 fe:00 200 /usr/lib/libc.so.6\n" \
	"7f2a401ce000-7f2a401d2000 r--p 001ce000 fe:00 200 /usr/lib/libc.so.6\n" \
	"7f2a401d2000-7f2a401d4000 rw-p 001d2000 fe:00 200 /usr/lib/libc.so.6\n" \
	"7f2a401d4000-7f2a401e1000 rw-p 00000000 00:00 0 \n" \
	"7f2a40300000-7f2a40301000 rw-p 00000000 00:00 0 \n"

static const struct vm_segment program_segs[] = {
	{ 0x0, 0x0, 0x1648, 0x1648, PROT_READ },
	{ 0x2000, 0x2000, 0x4a00, 0x4a00, PROT_READ | PROT_EXEC },
	{ 0x7000, 0x7000, 0x2100, 0x2100, PROT_READ },
	/* RELRO and data in one segment; memsz beyond filesz: bss up to 0xd800 */
	{ 0xa9d0, 0x99d0, 0x900, 0x2e30, PROT_READ | PROT_WRITE },
};
static const struct vm_segment library_segs[] = {
	{ 0x0, 0x0, 0x25f00, 0x25f00, PROT_READ },
	{ 0x26000, 0x26000, 0x154f00, 0x154f00, PROT_READ | PROT_EXEC },
	{ 0x17b000, 0x17b000, 0x52f00, 0x52f00, PROT_READ },
	{ 0x1ce000, 0x1ce000, 0x5f00, 0x12b00, PROT_READ | PROT_WRITE },
};

static void add_object(struct vm_aspace *as, uint64_t inode, bool executable, const struct vm_segment *seg,
		       uint32_t n)
{
	struct vm_object o = {
		.inode = inode, .dev_major = 0xfe, .dev_minor = 0, .executable = executable, .nsegs = n, .seg = seg,
	};
	ck_assert(vm_vec_push(&as->objects, o));
}

START_TEST(with_segments)
{
	struct vm_aspace *as = space_of(PROGRAM LIBRARY);
	add_object(as, 100, true, program_segs, 4);
	add_object(as, 200, false, library_segs, 4);
	ck_assert_str_eq(kinds_of(as),
			 "rodata text rodata rodata data bss heap "
			 "librodata libtext librodata librodata libdata libbss anon");
	vm_aspace_free(as);
}
END_TEST

/* An anonymous mapping behind the data that the segment doesn't reach is malloc's, not bss. */
START_TEST(bss_ends_where_the_segment_ends)
{
	static const struct vm_segment no_bss[] = {
		{ 0x26000, 0x26000, 0x154f00, 0x154f00, PROT_READ | PROT_EXEC },
		{ 0x1ce000, 0x1ce000, 0x5f00, 0x5f00, PROT_READ | PROT_WRITE },
	};
	struct vm_aspace *as = space_of(LIBRARY);
	add_object(as, 200, false, no_bss, 2);
	ck_assert_str_eq(kinds_of(as), "file libtext file librodata libdata anon anon");
	vm_aspace_free(as);
}
END_TEST

/* As ld.lld links: segments share pages of the file, and each is moved by another page. */
START_TEST(segments_share_pages)
{
	static const struct vm_segment segs[] = {
		{ 0x0, 0x0, 0x18bec, 0x18bec, PROT_READ },
		{ 0x19bf0, 0x18bf0, 0x170, 0x170, PROT_READ | PROT_EXEC },
		{ 0x1ad60, 0x18d60, 0x1d0, 0x12a0, PROT_READ | PROT_WRITE },
		{ 0x1bf30, 0x18f30, 0x2c, 0x800060, PROT_READ | PROT_WRITE },
	};
	struct vm_aspace *as = space_of(
		"55d0c3a00000-55d0c3a19000 r--p 00000000 fe:00 100 /usr/bin/x\n"
		"55d0c3a19000-55d0c3a1a000 r-xp 00018000 fe:00 100 /usr/bin/x\n"
		"55d0c3a1a000-55d0c3a1b000 r--p 00018000 fe:00 100 /usr/bin/x\n"
		"55d0c3a1b000-55d0c3a1c000 rw-p 00018000 fe:00 100 /usr/bin/x\n"
		"55d0c3a1c000-55d0c421c000 rw-p 00000000 00:00 0 \n"
		"55d0c4500000-55d0c4501000 rw-p 00000000 00:00 0 \n");
	add_object(as, 100, true, segs, 4);
	ck_assert_str_eq(kinds_of(as), "rodata text rodata data bss anon");
	vm_aspace_free(as);
}
END_TEST

/* A segment that has no part in the file: all of it is bss. */
START_TEST(bss_only_segment)
{
	static const struct vm_segment segs[] = {
		{ 0x400000, 0x0, 0x1b4, 0x1b4, PROT_READ },
		{ 0x401000, 0x1000, 0x77, 0x77, PROT_READ | PROT_EXEC },
		{ 0x402000, 0x0, 0x0, 0x800000, PROT_READ | PROT_WRITE },
	};
	struct vm_aspace *as = space_of("00400000-00401000 r--p 00000000 fe:00 100 /usr/bin/x\n"
					"00401000-00402000 r-xp 00001000 fe:00 100 /usr/bin/x\n"
					"00402000-00c02000 rw-p 00000000 00:00 0 \n"
					"00c02000-00c04000 rw-p 00000000 00:00 0 \n");
	add_object(as, 100, true, segs, 3);
	ck_assert_str_eq(kinds_of(as), "rodata text bss anon");
	vm_aspace_free(as);
}
END_TEST

START_TEST(without_segments)
{
	struct vm_aspace *as = space_of(PROGRAM LIBRARY);
	vm_proc_set(&as->proc, VM_P_START_CODE, 0x55d0c3a02000);
	ck_assert_str_eq(kinds_of(as),
			 "rodata text rodata rodata data bss heap "
			 "librodata libtext librodata librodata libdata libbss anon");
	vm_aspace_free(as);
	/* Nothing tells the program from a library then. */
	check_kinds(PROGRAM, "librodata libtext librodata librodata libdata libbss heap");
}
END_TEST

/* Same inode on another device, and a data file between: not the library. */
START_TEST(files_are_told_by_device_and_inode)
{
	check_kinds("7f2a40000000-7f2a40026000 r-xp 00000000 fe:00 200 /usr/lib/a.so\n"
		    "7f2a40026000-7f2a40027000 r--p 00000000 fe:01 200 /data/b\n"
		    "7f2a40027000-7f2a40028000 rw-p 00000000 00:00 0 \n",
		    "libtext file anon");
}
END_TEST

/* A file mapped shared is a file even if it is the program. */
START_TEST(shared_is_a_file)
{
	check_kinds("7f2a40000000-7f2a40026000 r-xs 00000000 fe:00 200 /usr/lib/a.so\n", "file");
}
END_TEST

#define THREADS \
	"7f0000000000-7f0000021000 rw-p 00000000 00:00 0 \n" \
	"7f0000021000-7f0004000000 ---p 00000000 00:00 0 \n" \
	"7f0004fff000-7f0005000000 ---p 00000000 00:00 0 \n" \
	"7f0005000000-7f0005800000 rw-p 00000000 00:00 0 \n" \
	"7f0005fff000-7f0006000000 ---p 00000000 00:00 0 \n" \
	"7f0006000000-7f0006800000 rw-p 00000000 00:00 0 \n"

static struct vm_aspace *threaded(uint64_t threads)
{
	struct vm_aspace *as = space_of(THREADS);
	vm_proc_set(&as->proc, VM_P_THREADS, threads);
	return as;
}

START_TEST(thread_stacks_by_stack_pointer)
{
	struct vm_aspace *as = threaded(2);
	struct vm_thread main_thread = { 42, 0x7ffc00000000 }, other = { 43, 0x7f00057ffe40 };
	ck_assert(vm_vec_push(&as->threads, main_thread));
	ck_assert(vm_vec_push(&as->threads, other));
	/* All are known, so nothing is guessed. */
	ck_assert_str_eq(kinds_of(as), "anon reserve guard tstack guard anon");
	vm_aspace_free(as);
}
END_TEST

START_TEST(thread_stacks_by_their_guards)
{
	struct vm_aspace *as = threaded(3);
	ck_assert_str_eq(kinds_of(as), "anon reserve guard tstack guard tstack");
	vm_aspace_free(as);
	/* One thread: it lives on [stack]. */
	as = threaded(1);
	ck_assert_str_eq(kinds_of(as), "anon reserve guard anon guard anon");
	vm_aspace_free(as);
	/* Number of threads not known: no guess. */
	check_kinds(THREADS, "anon reserve guard anon guard anon");
}
END_TEST

/* The edges of a stack: its first byte is in, its end isn't. */
START_TEST(stack_pointer_edges)
{
	for (int at_end = 0; at_end < 2; at_end++) {
		struct vm_aspace *as = threaded(1);
		struct vm_thread t = { 43, at_end ? 0x7f0005800000 : 0x7f0005000000 };
		ck_assert(vm_vec_push(&as->threads, t));
		ck_assert_str_eq(kinds_of(as), at_end ? "anon reserve guard anon guard anon"
						      : "anon reserve guard tstack guard anon");
		vm_aspace_free(as);
	}
}
END_TEST

START_TEST(large_pages)
{
	static const struct vm_segment segs[] = {
		{ 0x10000, 0x0, 0x8000, 0x8000, PROT_READ | PROT_EXEC },
		{ 0x2f000, 0xf000, 0x2000, 0x22000, PROT_READ | PROT_WRITE },
	};
	/* 64K pages, as on arm64: the data's page begins at file offset 0. */
	struct vm_aspace *as = space_of("aaaa00010000-aaaa00020000 r-xp 00000000 fe:00 100 /x\n"
					"aaaa00020000-aaaa00040000 rw-p 00000000 fe:00 100 /x\n"
					"aaaa00040000-aaaa00060000 rw-p 00000000 00:00 0 \n");
	vm_proc_set(&as->proc, VM_P_PAGE_BYTES, 65536);
	add_object(as, 100, true, segs, 2);
	ck_assert_str_eq(kinds_of(as), "text data bss");
	vm_aspace_free(as);
}
END_TEST

START_TEST(empty_space)
{
	check_kinds("", "");
}
END_TEST

UNIT_MAIN("kind", every_kind_has_a_name, by_name, by_name_not_fooled, anonymous, by_flags, with_segments,
	  bss_ends_where_the_segment_ends, segments_share_pages, bss_only_segment, without_segments,
	  files_are_told_by_device_and_inode, shared_is_a_file,
	  thread_stacks_by_stack_pointer, thread_stacks_by_their_guards, stack_pointer_edges, large_pages,
	  empty_space)
