/** core/source/maps: golden values, any chunking, hostile text. */
#include "core/source/maps.h"

#include <stdio.h>
#include <sys/mman.h>

#include "core/base/buf.h"
#include "core/model/vmflags.h"
#include "space.h"

static const char golden[] =
	"55d0c3a00000-55d0c3c1f000 r-xp 00002000 fe:00 247134                     /usr/bin/cat\n"
	"Size:               2172 kB\n"
	"KernelPageSize:        4 kB\n"
	"MMUPageSize:          64 kB\n"
	"Rss:                1780 kB\n"
	"Pss:                 421 kB\n"
	"Pss_Dirty:             3 kB\n"
	"Shared_Clean:       1700 kB\n"
	"Shared_Dirty:          5 kB\n"
	"Private_Clean:        60 kB\n"
	"Private_Dirty:        15 kB\n"
	"Referenced:         1779 kB\n"
	"Anonymous:            14 kB\n"
	"KSM:                   7 kB\n"
	"LazyFree:              8 kB\n"
	"AnonHugePages:      2048 kB\n"
	"ShmemPmdMapped:     4096 kB\n"
	"FilePmdMapped:      6144 kB\n"
	"Shared_Hugetlb:     8192 kB\n"
	"Private_Hugetlb:   10240 kB\n"
	"Swap:                 11 kB\n"
	"SwapPss:              10 kB\n"
	"Locked:              420 kB\n"
	"THPeligible:           1\n"
	"ProtectionKey:         3\n"
	"VmFlags: rd ex mr mw me sd hg \n"
	"7f2a40000000-7f2a48000000 rw-s 00000000 00:01 4294967297                 /dev/zero (deleted)\n"
	"Size:             131072 kB\n"
	"Rss:                   0 kB\n"
	"VmFlags: rd wr sh mr mw me ms zq \n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

START_TEST(golden_values)
{
	struct vm_aspace *as = space_of(golden);
	ck_assert_uint_eq(as->nmaps, 3);
	const struct vm_mapping *m = &as->map[0];
	ck_u64_eq(m->start, 0x55d0c3a00000);
	ck_u64_eq(m->end, 0x55d0c3c1f000);
	ck_u64_eq(m->offset, 0x2000);
	ck_u64_eq(m->inode, 247134);
	ck_assert_uint_eq(m->dev_major, 0xfe);
	ck_assert_uint_eq(m->dev_minor, 0);
	ck_assert_int_eq(m->prot, PROT_READ | PROT_EXEC);
	ck_assert(!m->shared);
	ck_assert(!m->deleted);
	ck_assert_str_eq(m->name, "/usr/bin/cat");
	ck_assert_uint_eq(m->count, 1);
	static const struct { enum vm_qty q; uint64_t v; } want[] = {
		{ VM_Q_KPAGE, 4096 }, { VM_Q_MMUPAGE, 65536 }, { VM_Q_RSS, 1780 << 10 },
		{ VM_Q_PSS, 421 << 10 }, { VM_Q_PSS_DIRTY, 3 << 10 }, { VM_Q_SHARED_CLEAN, 1700 << 10 },
		{ VM_Q_SHARED_DIRTY, 5 << 10 }, { VM_Q_PRIVATE_CLEAN, 60 << 10 },
		{ VM_Q_PRIVATE_DIRTY, 15 << 10 }, { VM_Q_REFERENCED, 1779 << 10 }, { VM_Q_ANON, 14 << 10 },
		{ VM_Q_KSM, 7 << 10 }, { VM_Q_LAZYFREE, 8 << 10 }, { VM_Q_THP, 2 << 20 },
		{ VM_Q_SHMEM_THP, 4 << 20 }, { VM_Q_FILE_THP, 6 << 20 }, { VM_Q_SHARED_HUGETLB, 8 << 20 },
		{ VM_Q_PRIVATE_HUGETLB, 10 << 20 }, { VM_Q_SWAP, 11 << 10 }, { VM_Q_SWAP_PSS, 10 << 10 },
		{ VM_Q_LOCKED, 420 << 10 }, { VM_Q_THP_ELIGIBLE, 1 }, { VM_Q_PKEY, 3 },
		{ VM_Q_USS, (75 << 10) + (10 << 20) }, { VM_Q_DIRTY, 20 << 10 },
	};
	/* The size is told by the range. */
	ck_assert_uint_eq(sizeof(want) / sizeof(want[0]), VM_Q_NR - 1);
	ck_u64_eq(vm_mapping_size(m), 0x21f000);
	ck_assert(!(m->have & VM_HAVE(VM_Q_SIZE)));
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		ck_assert(m->have & VM_HAVE(want[i].q));
		ck_u64_eq(m->q[want[i].q], want[i].v);
	}
	ck_assert(m->have_flags);
	ck_u64_eq(m->flags, VM_VMF(RD) | VM_VMF(EX) | VM_VMF(MR) | VM_VMF(MW) | VM_VMF(ME) | VM_VMF(SD) | VM_VMF(HG));

	m = &as->map[1];
	ck_assert(m->shared);
	ck_assert(m->deleted);
	ck_assert_int_eq(m->prot, PROT_READ | PROT_WRITE);
	ck_assert_str_eq(m->name, "/dev/zero (deleted)");
	ck_u64_eq(m->inode, 4294967297);
	ck_assert_uint_eq(m->dev_minor, 1);
	/* Nothing from the mapping before leaks into what wasn't said of this one. */
	ck_assert_uint_eq(m->have, VM_HAVE(VM_Q_RSS));
	ck_u64_eq(m->q[VM_Q_RSS], 0);
	ck_u64_eq(m->q[VM_Q_PSS], 0);
	/* "zq" is of a future kernel. */
	ck_u64_eq(m->flags, VM_VMF(RD) | VM_VMF(WR) | VM_VMF(SH) | VM_VMF(MR) | VM_VMF(MW) | VM_VMF(ME) |
			    VM_VMF(MS) | VM_VMF(UNKNOWN));

	m = &as->map[2];
	ck_u64_eq(m->end, 0xffffffffff601000);
	ck_assert_int_eq(m->prot, PROT_EXEC);
	ck_assert_str_eq(m->name, "[vsyscall]");
	ck_assert_uint_eq(m->have, 0);
	ck_u64_eq(vm_mapping_size(m), 4096);
	ck_assert(!m->have_flags);
	vm_aspace_free(as);
}
END_TEST

static void assert_same(const struct vm_aspace *a, const struct vm_aspace *b)
{
	ck_assert_uint_eq(a->nmaps, b->nmaps);
	for (size_t i = 0; i < a->nmaps; i++) {
		struct vm_mapping x = a->map[i], y = b->map[i];
		ck_assert_str_eq(x.name, y.name);
		ck_assert_mem_eq(x.q, y.q, VM_Q_NR * sizeof(*x.q));
		x.name = y.name = "";
		x.q = y.q = NULL;
		ck_assert_mem_eq(&x, &y, sizeof(x));
	}
}

/** Feed `step` bytes more each time; the parser sees what it left over and the new ones. */
static struct vm_aspace *space_in_steps(const char *text, size_t step)
{
	struct vm_aspace *as = space_new();
	struct vm_maps_parser p;
	size_t len = strlen(text), from = 0;
	vm_maps_begin(&p, as);
	for (size_t to = 0; to < len;) {
		to = to + step < len ? to + step : len;
		/* A copy of its own, so that reading beyond it is seen. */
		char *piece = malloc(to - from + 1);
		memcpy(piece, text + from, to - from);
		char *exact = realloc(piece, to - from ? to - from : 1);
		size_t used = vm_maps_feed(&p, exact, to - from, to == len);
		ck_assert_uint_le(used, to - from);
		from += used;
		free(exact);
	}
	ck_assert_uint_eq(from, len);
	ck_assert_int_eq(vm_maps_end(&p), 0);
	return as;
}

START_TEST(any_chunking)
{
	struct vm_aspace *whole = space_of(golden);
	for (size_t step = 1; step < 200; step++) {
		struct vm_aspace *as = space_in_steps(golden, step);
		assert_same(whole, as);
		vm_aspace_free(as);
	}
	vm_aspace_free(whole);
}
END_TEST

static void put_figures(struct vm_buf *b, unsigned kib, bool swap)
{
	vm_buf_addf(b, "Size:           %8u kB\nRss:            %8u kB\nPss:            %8u kB\n"
		       "Shared_Clean:          0 kB\nPrivate_Clean:         0 kB\nPrivate_Dirty:  %8u kB\n",
		    kib, kib, kib / 2, kib / 4);
	if (swap)
		vm_buf_addf(b, "Swap:           %8u kB\n", kib);
}

/* Figures that repeat those of the mapping before are taken as a whole where they come in one piece.  They must be the same as
   where no piece is large enough, whatever is printed in between and behind. */
START_TEST(repeated_figures)
{
	struct vm_buf b = { 0 };
	unsigned state = 1;
	for (unsigned i = 0; i < 300; i++) {
		state = state * 1103515245u + 12345u;
		const unsigned kind = state >> 16;
		vm_buf_addf(&b, "%x000-%x000 rw-p 00000000 00:00 0 \n", i + 1, i + 2);
		if (kind % 7)
			put_figures(&b, 4 << kind / 7 % 3, kind / 21 % 8 == 0);
		if (kind % 5)
			vm_buf_addf(&b, "VmFlags: rd%s \n", kind % 2 ? " wr" : "");
		if (kind / 168 % 6 == 0)
			vm_buf_addf(&b, "Locked:         %8u kB\n", kind % 3 * 4);
	}
	struct vm_aspace *apart = space_in_steps(vm_buf_str(&b), 50);
	ck_assert_uint_eq(apart->nmaps, 300);
	for (size_t step = 300; step < b.n + 4000; step += 617) {
		struct vm_aspace *as = space_in_steps(vm_buf_str(&b), step);
		assert_same(apart, as);
		ck_assert_mem_eq(apart->total.q, as->total.q, sizeof(as->total.q));
		ck_assert_uint_eq(apart->total.m.have, as->total.m.have);
		vm_aspace_free(as);
	}
	vm_aspace_free(apart);
	vm_buf_free(&b);
}
END_TEST

/* Short lines in front of what looks like a figure's end at its usual place. */
START_TEST(any_chunking_of_odd_lines)
{
	static const char odd[] =
		"1000-2000 rw-p 0 0:0 0 /x\n"
		"Rss: 1 kB\nPss: 222222222 kB\nSwap:                  5 kB\n"
		"Locked: 7 kB\n\n\nAnonymous:\nKSM:          kB\nTHPeligible:           1\n";
	struct vm_aspace *whole = space_of(odd);
	ck_u64_eq(whole->map[0].q[VM_Q_RSS], 1024);
	ck_u64_eq(whole->map[0].q[VM_Q_PSS], UINT64_C(222222222) * 1024);
	ck_u64_eq(whole->map[0].q[VM_Q_SWAP], 5120);
	ck_u64_eq(whole->map[0].q[VM_Q_LOCKED], 7168);
	ck_u64_eq(whole->map[0].q[VM_Q_THP_ELIGIBLE], 1);
	ck_assert(!(whole->map[0].have & (VM_HAVE(VM_Q_ANON) | VM_HAVE(VM_Q_KSM))));
	for (size_t step = 1; step < 60; step++) {
		struct vm_aspace *as = space_in_steps(odd, step);
		assert_same(whole, as);
		vm_aspace_free(as);
	}
	vm_aspace_free(whole);
}
END_TEST

START_TEST(no_newline_at_the_end)
{
	struct vm_aspace *as = space_of("1000-2000 rw-p 00000000 00:00 0 \nRss:                   8 kB");
	ck_assert_uint_eq(as->nmaps, 1);
	ck_u64_eq(as->map[0].q[VM_Q_RSS], 8192);
	vm_aspace_free(as);
	as = space_of("1000-2000 rw-p 00000000 00:00 0 /a/b");
	ck_assert_str_eq(as->map[0].name, "/a/b");
	vm_aspace_free(as);
}
END_TEST

/* What could not be told apart is dropped; what follows it is not misattributed. */
START_TEST(overlapping_and_unordered)
{
	struct vm_aspace *as = space_of(
		"1000-3000 rw-p 00000000 00:00 0 \nRss: 1 kB\n"
		"2000-4000 rw-p 00000000 00:00 0 \nRss: 2 kB\n"
		"0-1000 rw-p 00000000 00:00 0 \nRss: 3 kB\n"
		"5000-5000 rw-p 00000000 00:00 0 \nRss: 4 kB\n"
		"7000-6000 rw-p 00000000 00:00 0 \nRss: 5 kB\n"
		"3000-4000 rw-p 00000000 00:00 0 \nRss: 6 kB\n");
	ck_assert_uint_eq(as->nmaps, 2);
	ck_u64_eq(as->map[0].start, 0x1000);
	ck_u64_eq(as->map[0].q[VM_Q_RSS], 1024);
	ck_u64_eq(as->map[1].start, 0x3000);
	ck_u64_eq(as->map[1].q[VM_Q_RSS], 6144);
	vm_aspace_free(as);
}
END_TEST

START_TEST(nonsense_is_passed_over)
{
	static const char *const lines[] = {
		"", "\n\n\n", "garbage\n", "Rss: 5 kB\n", "1000\n", "1000-\n", "1000-2000\n", "1000-2000 rw-p\n",
		"1000-2000 rw-p 0\n", "1000-2000 rw-p 0 0:0\n", "1000-2000 rw-p 0 0:0 \n", "1000-2000 rw 0 0:0 0\n",
		"1000-2000  rw-p 0 0:0 0\n", "1000 2000 rw-p 0 0:0 0\n", "-2000 rw-p 0 0:0 0\n",
		"10000000000000000-20000000000000000 rw-p 0 0:0 0\n", "1000-2000 rw-p 0 00 0\n", "1000-2000 rw-",
		"a", "1", "VmFlags: rd\n",
	};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct vm_aspace *as = space_of(lines[i]);
		ck_assert_msg(as->nmaps == 0, "'%s' became a mapping", lines[i]);
		vm_aspace_free(as);
	}
}
END_TEST

START_TEST(numbers_too_large_are_not_known)
{
	struct vm_aspace *as = space_of(
		"1000-2000 rw-p 00000000 00:00 0 \n"
		"Rss:  18014398509481983 kB\n"               /* (2^64 - 1) / 1024 */
		"Pss:  18014398509481984 kB\n"               /* * 1024 = 2^64 */
		"Swap: 18446744073709551616 kB\n"            /* 2^64, 20 digits */
		"Locked: 99999999999999999999 kB\n"
		"Anonymous: 184467440737095516160 kB\n"      /* 21 digits */
		"SwapPss: -1 kB\n"
		"ProtectionKey: 18446744073709551616\n");
	const struct vm_mapping *m = &as->map[0];
	ck_u64_eq(m->q[VM_Q_RSS], UINT64_C(18014398509481983) * 1024);
	ck_assert_uint_eq(m->have, VM_HAVE(VM_Q_RSS));
	vm_aspace_free(as);
	/* The largest inode there can be, and one beyond. */
	as = space_of("1000-2000 rw-p 0 0:0 18446744073709551615 /a\n2000-3000 rw-p 0 0:0 18446744073709551616 /b\n");
	ck_assert_uint_eq(as->nmaps, 1);
	ck_u64_eq(as->map[0].inode, UINT64_MAX);
	vm_aspace_free(as);
}
END_TEST

START_TEST(five_level_addresses)
{
	struct vm_aspace *as = space_of(
		"4000000000000-4000000200000 rw-p 00000000 00:00 0 \n"
		"fffffffde000-ffffffffff000 rw-p 00000000 00:00 0                        [stack]\n");
	ck_assert_uint_eq(as->nmaps, 1);
	ck_u64_eq(as->map[0].start, UINT64_C(0x4000000000000));
	vm_aspace_free(as);
	as = space_of("7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 \n"
		      "fffffffffde000-fffffffffff000 rw-p 00000000 00:00 0                      [stack]\n");
	ck_assert_uint_eq(as->nmaps, 2);
	ck_u64_eq(as->map[1].start, UINT64_C(0xfffffffffde000));
	ck_u64_eq(as->map[1].end, UINT64_C(0xfffffffffff000));
	vm_aspace_free(as);
}
END_TEST

static void check_name(const char *as_written, const char *want, bool deleted)
{
	char line[9000];
	snprintf(line, sizeof(line), "1000-2000 r--p 00000000 fe:00 12                         %s\n", as_written);
	struct vm_aspace *as = space_of(line);
	ck_assert_uint_eq(as->nmaps, 1);
	ck_assert_str_eq(as->map[0].name, want);
	ck_assert_int_eq(as->map[0].deleted, deleted);
	vm_aspace_free(as);
}

START_TEST(hostile_names)
{
	check_name("/tmp/a b  c", "/tmp/a b  c", false);
	check_name("/tmp/trailing  ", "/tmp/trailing  ", false);
	check_name("/tmp/new\\012line", "/tmp/new\nline", false);
	check_name("/tmp/back\\slash\\134", "/tmp/back\\slash\\134", false);
	check_name("/tmp/tab\there", "/tmp/tab\there", false);
	check_name("/tmp/\"quoted\" 'n", "/tmp/\"quoted\" 'n", false);
	check_name("/tmp/\xff\xfe", "/tmp/\xff\xfe", false);
	check_name("/tmp/gone (deleted)", "/tmp/gone (deleted)", true);
	/* A file really called so, then removed: the last suffix is the kernel's. */
	check_name("/tmp/x (deleted) (deleted)", "/tmp/x (deleted) (deleted)", true);
	check_name("/tmp/x (deleted)y", "/tmp/x (deleted)y", false);
	check_name("/tmp/1000-2000 rw-p 00000000 00:00 0", "/tmp/1000-2000 rw-p 00000000 00:00 0", false);
	check_name("/tmp/Rss: 5 kB", "/tmp/Rss: 5 kB", false);
	char path[4096];
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	check_name(path, path, false);
}
END_TEST

/* Names of neighbours are shared in memory: only where they are the same to the last byte. */
START_TEST(neighbours_names)
{
	struct vm_aspace *as = space_of("1000-2000 r--p 0 fe:00 12 /a/bc\n2000-3000 r--p 0 fe:00 12 /a/bc\n"
					"3000-4000 r--p 0 fe:00 13 /a/b\n4000-5000 r--p 0 fe:00 14 /a/bcd\n"
					"5000-6000 r--p 0 fe:00 14 /n\\012\n6000-7000 r--p 0 fe:00 14 /n\\012\n");
	ck_assert_uint_eq(as->nmaps, 6);
	ck_assert_ptr_eq(as->map[0].name, as->map[1].name);
	ck_assert_str_eq(as->map[1].name, "/a/bc");
	ck_assert_str_eq(as->map[2].name, "/a/b");
	ck_assert_str_eq(as->map[3].name, "/a/bcd");
	ck_assert_str_eq(as->map[4].name, "/n\n");
	ck_assert_str_eq(as->map[5].name, "/n\n");
	vm_aspace_free(as);
}
END_TEST

/* Bytes of zero, as a damaged capture may hold. */
START_TEST(nul_bytes)
{
	static const char text[] = "1000-2000 r--p 0 fe:00 12 /a\n2000-3000 r--p 0 fe:00 12 /a\0\0\0\0\0\0\0\n"
				   "Rss:\0 5 kB\n3000-4000 r--p 0 fe:00 12 /b\n";
	struct vm_aspace *as = space_new();
	struct vm_maps_parser p;
	vm_maps_begin(&p, as);
	ck_assert_uint_eq(vm_maps_feed(&p, text, sizeof(text) - 1, true), sizeof(text) - 1);
	ck_assert_int_eq(vm_maps_end(&p), 0);
	ck_assert_uint_eq(as->nmaps, 3);
	ck_assert_str_eq(as->map[1].name, "/a");
	ck_assert_str_eq(as->map[2].name, "/b");
	ck_assert(!(as->map[1].have & VM_HAVE(VM_Q_RSS)));
	vm_aspace_free(as);
}
END_TEST

/* Linux 5.10 has no Pss_Dirty and no KSM; a future kernel may have more, in any order. */
START_TEST(other_kernels)
{
	struct vm_aspace *as = space_of(
		"1000-2000 rw-p 00000000 00:00 0 \n"
		"Size:                  4 kB\nRss:                   4 kB\nPss:                   2 kB\n"
		"Pss_Fancy:            99 kB\nSwap:                  3 kB\nNovel:                 yes\n"
		"Referenced:            1 kB\nSizeOfTea:            77 kB\n"
		"2000-3000 rw-p 00000000 00:00 0 \n"
		"Size:                  4 kB\nPss:                  12 kB\nRss:                  14 kB\n"
		"Swap:                 13 kB\nReferenced:           11 kB\n");
	ck_assert_uint_eq(as->nmaps, 2);
	const uint32_t have = VM_HAVE(VM_Q_RSS) | VM_HAVE(VM_Q_PSS) | VM_HAVE(VM_Q_SWAP) |
			      VM_HAVE(VM_Q_REFERENCED);
	for (int i = 0; i < 2; i++) {
		const struct vm_mapping *m = &as->map[i];
		ck_assert_uint_eq(m->have, have);
		ck_u64_eq(vm_mapping_size(m), 4096);
		ck_u64_eq(m->q[VM_Q_RSS], (uint64_t)(4 + 10 * i) * 1024);
		ck_u64_eq(m->q[VM_Q_PSS], (uint64_t)(2 + 10 * i) * 1024);
		ck_u64_eq(m->q[VM_Q_SWAP], (uint64_t)(3 + 10 * i) * 1024);
		ck_u64_eq(m->q[VM_Q_REFERENCED], (uint64_t)(1 + 10 * i) * 1024);
	}
	vm_aspace_free(as);
}
END_TEST

/* More lines a mapping than are learnt. */
START_TEST(many_lines)
{
	char text[10000];
	size_t n = (size_t)snprintf(text, sizeof(text), "1000-2000 rw-p 00000000 00:00 0 \n");
	for (int i = 0; i < 100; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "Future%03d:             5 kB\n", i);
	snprintf(text + n, sizeof(text) - n, "Rss:                   4 kB\nSwap:                  8 kB\n");
	struct vm_aspace *as = space_of(text);
	ck_u64_eq(as->map[0].q[VM_Q_RSS], 4096);
	ck_u64_eq(as->map[0].q[VM_Q_SWAP], 8192);
	vm_aspace_free(as);
}
END_TEST

START_TEST(every_flag)
{
	for (unsigned i = 0; i < VM_VMF_UNKNOWN; i++) {
		char text[200];
		snprintf(text, sizeof(text), "1000-2000 rw-p 00000000 00:00 0 \nVmFlags: %.2s \n", vm_vmflags[i].code);
		struct vm_aspace *as = space_of(text);
		ck_u64_eq(as->map[0].flags, UINT64_C(1) << i);
		vm_aspace_free(as);
	}
}
END_TEST

START_TEST(odd_flags)
{
	static const struct { const char *line; uint64_t want; } tab[] = {
		{ "VmFlags: ", 0 }, { "VmFlags: \n", 0 }, { "VmFlags: rd", VM_VMF(RD) },
		{ "VmFlags: rd lo ?? ac", VM_VMF(RD) | VM_VMF(LO) | VM_VMF(LF) | VM_VMF(AC) },
		{ "VmFlags: rd lo de ??", VM_VMF(RD) | VM_VMF(LO) | VM_VMF(DE) | VM_VMF(LF) },
		{ "VmFlags: rd lo ac ??", VM_VMF(RD) | VM_VMF(LO) | VM_VMF(AC) | VM_VMF(UNKNOWN) },
		{ "VmFlags: rd lo ?? ??", VM_VMF(RD) | VM_VMF(LO) | VM_VMF(LF) | VM_VMF(UNKNOWN) },
		{ "VmFlags: rd ?? lo q1", VM_VMF(RD) | VM_VMF(LO) | VM_VMF(UNKNOWN) },
		{ "VmFlags: rd ?? ac", VM_VMF(RD) | VM_VMF(AC) | VM_VMF(UNKNOWN) },
		{ "VmFlags: ?? rd", VM_VMF(UNKNOWN) | VM_VMF(RD) }, { "VmFlags: RD", VM_VMF(UNKNOWN) },
		{ "VmFlags: r", 0 }, { "VmFlags:rd wr", VM_VMF(RD) | VM_VMF(WR) },
		{ "VmFlags: \xff\xff", VM_VMF(UNKNOWN) },
	};
	for (size_t i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		char text[200];
		snprintf(text, sizeof(text), "1000-2000 rw-p 00000000 00:00 0 \n%s", tab[i].line);
		struct vm_aspace *as = space_of(text);
		ck_assert(as->map[0].have_flags);
		ck_u64_eq(as->map[0].flags, tab[i].want);
		vm_aspace_free(as);
	}
}
END_TEST

UNIT_MAIN("maps", golden_values, any_chunking, repeated_figures, any_chunking_of_odd_lines, no_newline_at_the_end,
	  overlapping_and_unordered, nonsense_is_passed_over, numbers_too_large_are_not_known,
	  five_level_addresses, hostile_names, neighbours_names, nul_bytes, other_kernels, many_lines, every_flag,
	  odd_flags)
