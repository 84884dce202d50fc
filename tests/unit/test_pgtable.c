/** core/model/pgtable: entries as kernels wrote them, and what they mean. */
#include "core/model/pgtable.h"

#include <stdio.h>

#include "core/base/buf.h"

#include "unit.h"

#define BIT(n) (UINT64_C(1) << (n))

static struct vm_pt_geometry geometry(const struct vm_pt_arch *arch, unsigned levels, unsigned version, unsigned lacks)
{
	struct vm_pt_geometry g = {
		.arch = arch, .levels = levels, .version = version, .max_pfn = 0x680000, .phys_bits = 46,
	};
	vm_swap_types_of(version, lacks, &g.swap);
	return g;
}

/** "KIND@frame:states [bits]". */
static const char *told(const struct vm_pt_geometry *g, unsigned level, uint64_t raw)
{
	static const char *const kinds[] = {
		[VM_PTE_EMPTY] = "empty", [VM_PTE_TABLE] = "table", [VM_PTE_PAGE] = "page", [VM_PTE_NONE] = "none",
		[VM_PTE_SWAP] = "swap", [VM_PTE_MIGRATION] = "migration", [VM_PTE_HWPOISON] = "hwpoison",
		[VM_PTE_DEVICE] = "device", [VM_PTE_GUARD] = "guard", [VM_PTE_MARKER] = "marker", [VM_PTE_BAD] = "bad",
	};
	static char out[300];
	struct vm_pte p;
	struct vm_buf bits = { 0 };
	vm_pte_decode(g, level, raw, &p);
	ck_u64_eq(p.raw, raw);
	ck_assert_uint_eq(p.level, level);
	size_t n = (size_t)snprintf(out, sizeof(out), "%s", kinds[p.kind]);
	if (p.pfn != VM_PFN_NONE)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "@%llx", (unsigned long long)p.pfn);
	out[n++] = ':';
	for (unsigned b = 0; b < VM_PG_BIT_NR; b++)
		if (p.state >> b & 1)
			out[n++] = vm_pg_info[b].letter;
	vm_pte_put_bits(g, &p, &bits);
	snprintf(out + n, sizeof(out) - n, " [%s]", vm_buf_str(&bits));
	vm_buf_free(&bits);
	return out;
}

struct entry {
	unsigned level;
	uint64_t raw;
	const char *want;
};

static void check_all(const struct vm_pt_geometry *g, const struct entry *e, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ck_assert_str_eq(told(g, e[i].level, e[i].raw), e[i].want);
}
#define CHECK(g, e) check_all(g, e, sizeof(e) / sizeof((e)[0]))

/* ---- x86-64 ------------------------------------------------------------------------------------------------------ */

START_TEST(x86_pages)
{
	const struct vm_pt_geometry g = geometry(&vm_pt_x86_64, 4, 618, 0);
	static const struct entry e[] = {
		{ VM_PT_PTE, 0, "empty: [empty]" },
		{ VM_PT_PGD - 1, 0x123d5a067, "table@123d5a: [P RW US A D]" },
		{ VM_PT_PMD, 0x138606067, "table@138606: [P RW US A D]" },
		/* Written, read, executed. */
		{ VM_PT_PTE, 0x8000000137397067, "page@137397:pWAD [P RW US A D NX]" },
		{ VM_PT_PTE, 0x00000001064a9025, "page@1064a9:pXA [P US A]" },
		/* Made read-only after it was written: the dirty bit is saved. */
		{ VM_PT_PTE, 0x84000001295d1025, "page@1295d1:pAD [P US A SAVED_DIRTY NX]" },
		/* The page of zeros, and the huge one: of Linux 6.18, and of 6.1. */
		{ VM_PT_PTE, 0x8000000003b34225, "page@3b34:pAS [P US A SPECIAL NX]" },
		{ VM_PT_PMD, 0x8000000116a002a5, "page@116a00:pAS [P US A PS SPECIAL NX]" },
		{ VM_PT_PMD, 0x8000000116a000a5, "page@116a00:pA [P US A PS NX]" },
		{ VM_PT_PMD, 0x8000000106c000e7, "page@106c00:pWAD [P RW US A D PS NX]" },
		{ VM_PT_PUD, 0x80000001400000e7, "page@140000:pWAD [P RW US A D PS NX]" },
		/* Bit 7 of a PTE is PAT, of huge pages it is bit 12, which is no part of the frame. */
		{ VM_PT_PTE, 0x80000001373970f5, "page@137397:pAD [P US PCD A D PAT NX]" },
		{ VM_PT_PMD, 0x8000000106c010e7, "page@106c00:pWAD [P RW US A D PS PAT NX]" },
		{ VM_PT_PUD, 0x80000001400010e7, "page@140000:pWAD [P RW US A D PS PAT NX]" },
		{ VM_PT_PMD, 0x138607067, "table@138607: [P RW US A D]" },
		/* Soft-dirty, userfaultfd, a protection key. */
		{ VM_PT_PTE, 0x8000000137397c67, "page@137397:pduWAD [P RW US A D UFFD_WP SOFT_DIRTY NX]" },
		{ VM_PT_PTE, 0xa800000137397067, "page@137397:pWAD [P RW US A D PKEY=5 NX]" },
		/* Of the kernel's half. */
		{ VM_PT_PTE, 0x8000000000001163, "page@1:pWAD [P RW A D G NX]" },
	};
	CHECK(&g, e);
}
END_TEST

START_TEST(x86_protection_keys)
{
	const struct vm_pt_geometry g = geometry(&vm_pt_x86_64, 4, 618, 0);
	struct vm_pte p;
	for (unsigned key = 0; key < 16; key++) {
		vm_pte_decode(&g, VM_PT_PTE, 0x8000000137397067 | (uint64_t)key << 59, &p);
		ck_assert_uint_eq(p.pkey, key);
		ck_u64_eq(p.pfn, 0x137397);
	}
}
END_TEST

START_TEST(x86_pages_that_arent_valid)
{
	const struct vm_pt_geometry g = geometry(&vm_pt_x86_64, 4, 618, 0);
	static const struct entry e[] = {
		/* PROT_NONE: the frame is inverted; no access is possible, whatever NX and RW say. */
		{ VM_PT_PTE, 0x040ffffed6a2f120, "none@1295d0:pADN [PROT_NONE or NUMA hint: A G SAVED_DIRTY]" },
		{ VM_PT_PMD, 0x040ffffebc0001a0, "none@143e00:pADN [PROT_NONE or NUMA hint: A PS G SAVED_DIRTY]" },
		/* A huge page while it is split: PS alone makes it present. */
		{ VM_PT_PMD, 0x800ffffef92000e6, "none@106c00:pADN [PROT_NONE or NUMA hint: RW US A D PS NX]" },
	};
	CHECK(&g, e);
	/* The CPU's erratum: A and D alone are nothing. */
	ck_assert_str_eq(told(&g, VM_PT_PTE, 0x60), "empty: [empty]");
	ck_assert_str_eq(told(&g, VM_PT_PMD, 0x20), "empty: [empty]");
}
END_TEST

START_TEST(x86_bit_58_by_version)
{
	const struct vm_pt_geometry old = geometry(&vm_pt_x86_64, 4, 601, 0), mid = geometry(&vm_pt_x86_64, 4, 612, 0),
				    new = geometry(&vm_pt_x86_64, 4, 702, 0), any = { .arch = &vm_pt_x86_64, .levels = 4 };
	/* A clean page of DAX before Linux 6.6, a dirty one that is write-protected since. */
	ck_assert_str_eq(told(&old, VM_PT_PTE, 0x84000001295d1025), "page@1295d1:pA [P US A DEVMAP NX]");
	ck_assert_str_eq(told(&mid, VM_PT_PTE, 0x84000001295d1025), "page@1295d1:pAD [P US A SAVED_DIRTY NX]");
	ck_assert_str_eq(told(&mid, VM_PT_PTE, 0x82000001295d1025), "page@1295d1:pA [P US A DEVMAP NX]");
	ck_assert_str_eq(told(&new, VM_PT_PTE, 0x82000001295d1025), "page@1295d1:pA [P US A NX]");
	ck_assert_str_eq(told(&any, VM_PT_PTE, 0x84000001295d1025), "page@1295d1:pAD [P US A SAVED_DIRTY NX]");
}
END_TEST

START_TEST(impossible_entries)
{
	struct vm_pt_geometry g = geometry(&vm_pt_x86_64, 5, 618, 0);
	static const struct entry e[] = {
		/* Tables are in memory, pages may be a device's, nothing is beyond the address lines. */
		{ VM_PT_PMD, 0x67ffff067, "table@67ffff: [P RW US A D]" },
		{ VM_PT_PMD, UINT64_C(0x680000) << 12 | 0x067, "bad@680000: [impossible]" },
		{ VM_PT_PTE, UINT64_C(0x680000) << 12 | 0x067, "page@680000:pWXAD [P RW US A D]" },
		{ VM_PT_PTE, BIT(46) | 0x067, "bad@400000000: [impossible]" },
		{ VM_PT_PTE, BIT(51) | 0x267, "bad@8000000000: [impossible]" },
		/* PS above the PUD. */
		{ VM_PT_P4D, 0x1400000e7, "bad@0: [impossible]" },
		{ VM_PT_PGD, 0x1400000e7, "bad@0: [impossible]" },
	};
	CHECK(&g, e);
	/* Nothing is known of the machine: nothing is impossible but that. */
	g.max_pfn = g.phys_bits = 0;
	ck_assert_str_eq(told(&g, VM_PT_PTE, BIT(51) | 0x067), "page@8000000000:pWXAD [P RW US A D]");
	ck_assert_str_eq(told(&g, VM_PT_PMD, BIT(51) | 0x067), "table@8000000000: [P RW US A D]");
}
END_TEST

/* ---- Swap and its like ------------------------------------------------------------------------------------------- */

/** As __swp_entry() does it on x86-64. */
static uint64_t swap_entry(unsigned type, uint64_t offset)
{
	return ~offset << 14 >> 5 | (uint64_t)type << 59;
}

START_TEST(x86_swap)
{
	const struct vm_pt_geometry g = geometry(&vm_pt_x86_64, 4, 618, 0);
	struct vm_pte p;
	/* Area 0, slot 0x1234, exclusive. */
	ck_assert_str_eq(told(&g, VM_PT_PTE, swap_entry(0, 0x1234) | BIT(3)), "swap:s [swap type 0 offset 0x1234 exclusive]");
	ck_assert_str_eq(told(&g, VM_PT_PTE, swap_entry(3, 1) | BIT(1) | BIT(2)),
			 "swap:sdu [swap type 3 offset 0x1 uffd-wp soft-dirty]");
	for (unsigned type = 0; type < g.swap.first; type++) {
		for (unsigned shift = 0; shift < 50; shift++) {
			vm_pte_decode(&g, VM_PT_PTE, swap_entry(type, BIT(shift)), &p);
			ck_assert_int_eq(p.kind, VM_PTE_SWAP);
			ck_assert_uint_eq(p.swap_type, type);
			ck_u64_eq(p.swap_offset, BIT(shift));
		}
	}
}
END_TEST

START_TEST(x86_markers)
{
	const struct vm_pt_geometry g = geometry(&vm_pt_x86_64, 4, 618, 0), lts = geometry(&vm_pt_x86_64, 4, 601, 0);
	/* As Linux 6.18 wrote it. */
	ck_assert_str_eq(told(&g, VM_PT_PTE, 0xfffffffffffff600), "guard:G [guard marker]");
	ck_assert_str_eq(told(&g, VM_PT_PTE, swap_entry(31, 1)), "marker:uM [marker uffd-wp]");
	ck_assert_str_eq(told(&g, VM_PT_PTE, swap_entry(31, 2)), "marker:HM [marker poisoned]");
	/* Of Linux 6.1 the last type is another. */
	ck_assert_str_eq(told(&lts, VM_PT_PTE, swap_entry(30, 1)), "marker:uM [marker uffd-wp]");
	ck_assert_str_eq(told(&lts, VM_PT_PTE, swap_entry(31, 0)), "marker:HM [marker poisoned]");
}
END_TEST

START_TEST(swap_types_by_version)
{
	static const struct { unsigned version, lacks, first, hwpoison, migration, migration_n, device, device_n, marker, error; } t[] = {
		{ 510, 0, 27, 27, 28, 2, 30, 2, 0, 0 },
		{ 515, 0, 25, 25, 26, 2, 28, 4, 0, 0 },
		{ 601, 0, 22, 22, 23, 3, 26, 4, 30, 31 },
		{ 602, 0, 23, 23, 24, 3, 27, 4, 31, 0 },
		{ 612, 0, 23, 23, 24, 3, 27, 4, 31, 0 },
		{ 618, 0, 24, 24, 25, 3, 28, 3, 31, 0 },
		{ 702, 0, 24, 24, 25, 3, 28, 3, 31, 0 },
		{ 618, VM_LACKS_DEVICE, 27, 27, 28, 3, 31, 0, 31, 0 },
		{ 618, VM_LACKS_HWPOISON, 25, 0, 25, 3, 28, 3, 31, 0 },
		{ 618, VM_LACKS_DEVICE | VM_LACKS_HWPOISON, 28, 0, 28, 3, 31, 0, 31, 0 },
		{ 510, VM_LACKS_DEVICE | VM_LACKS_HWPOISON, 30, 0, 30, 2, 32, 0, 0, 0 },
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct vm_swap_types s;
		vm_swap_types_of(t[i].version, t[i].lacks, &s);
		ck_assert_uint_eq(s.first, t[i].first);
		ck_assert_uint_ge(s.first, VM_SWAP_AREAS_LEAST);
		ck_assert_uint_eq(s.hwpoison, t[i].hwpoison);
		ck_assert_uint_eq(s.migration, t[i].migration);
		ck_assert_uint_eq(s.migration_n, t[i].migration_n);
		ck_assert_uint_eq(s.device, t[i].device);
		ck_assert_uint_eq(s.device_n, t[i].device_n);
		ck_assert_uint_eq(s.marker, t[i].marker);
		ck_assert_uint_eq(s.swap_error, t[i].error);
		/* Each type has one meaning, and the number of each is right. */
		unsigned n[VM_PTE_BAD + 1] = { 0 };
		for (unsigned type = 0; type < 32; type++)
			n[vm_swap_kind(&s, type)]++;
		ck_assert_uint_eq(n[VM_PTE_SWAP], t[i].first);
		ck_assert_uint_eq(n[VM_PTE_HWPOISON], t[i].hwpoison != 0);
		ck_assert_uint_eq(n[VM_PTE_MIGRATION], t[i].migration_n);
		ck_assert_uint_eq(n[VM_PTE_DEVICE], t[i].device_n);
		ck_assert_uint_eq(n[VM_PTE_MARKER], (t[i].marker != 0) + (t[i].error != 0));
	}
}
END_TEST

START_TEST(x86_pages_on_their_way)
{
	const struct vm_pt_geometry g = geometry(&vm_pt_x86_64, 4, 618, 0), bare = geometry(&vm_pt_x86_64, 4, 618,
		VM_LACKS_DEVICE | VM_LACKS_HWPOISON), five = geometry(&vm_pt_x86_64, 5, 618, 0),
		lts = geometry(&vm_pt_x86_64, 4, 510, 0);
	const uint64_t pfn = 0x123456;
	ck_assert_str_eq(told(&g, VM_PT_PTE, swap_entry(25, pfn)), "migration@123456:m [migration (read)]");
	ck_assert_str_eq(told(&g, VM_PT_PTE, swap_entry(26, pfn)), "migration@123456:m [migration (read, exclusive)]");
	ck_assert_str_eq(told(&g, VM_PT_PMD, swap_entry(27, 0x123400)), "migration@123400:m [migration (write)]");
	ck_assert_str_eq(told(&lts, VM_PT_PTE, swap_entry(29, pfn)), "migration@123456:m [migration (write)]");
	/* A kernel without device memory: the same types mean something else. */
	ck_assert_str_eq(told(&g, VM_PT_PTE, swap_entry(28, pfn)), "device@123456:V [device type 28]");
	ck_assert_str_eq(told(&bare, VM_PT_PTE, swap_entry(28, pfn)), "migration@123456:m [migration (read)]");
	ck_assert_str_eq(told(&bare, VM_PT_PTE, swap_entry(30, pfn)), "migration@123456:m [migration (write)]");
	ck_assert_str_eq(told(&g, VM_PT_PTE, swap_entry(24, pfn)), "hwpoison@123456:H [hwpoison]");
	ck_assert_str_eq(told(&bare, VM_PT_PTE, swap_entry(24, pfn)), "swap:s [swap type 24 offset 0x123456]");
	/* Above the frame there are the accessed and the dirty bit; how high depends on the levels. */
	ck_assert_str_eq(told(&g, VM_PT_PTE, swap_entry(27, pfn | BIT(34) | BIT(35))), "migration@123456:m [migration (write)]");
	ck_assert_str_eq(told(&five, VM_PT_PTE, swap_entry(27, pfn | BIT(40) | BIT(41))), "migration@123456:m [migration (write)]");
	ck_assert_str_eq(told(&five, VM_PT_PTE, swap_entry(27, pfn | BIT(34))), "bad@400123456: [impossible]");
}
END_TEST

/* ---- Geometry ---------------------------------------------------------------------------------------------------- */

START_TEST(addresses_of_4_and_5_levels)
{
	const struct vm_pt_geometry four = geometry(&vm_pt_x86_64, 4, 618, 0), five = geometry(&vm_pt_x86_64, 5, 618, 0);
	const uint64_t a = 0x7f3a12c05a10, high = 0x00ab4c3d2e1f0123;
	static const unsigned want4[] = { 5, 150, 232, 254 }, want5[] = { 0x1f0, 0x170, 0xf4, 0x98, 0xab };
	for (unsigned l = 0; l < 4; l++)
		ck_assert_uint_eq(vm_pt_index(&four, l, a), want4[l]);
	for (unsigned l = 0; l < 5; l++)
		ck_assert_uint_eq(vm_pt_index(&five, l, high), want5[l]);
	ck_assert_str_eq(vm_pt_level_name(&four, 3), "PGD");
	ck_assert_str_eq(vm_pt_level_name(&five, 3), "P4D");
	ck_assert_str_eq(vm_pt_level_name(&five, 4), "PGD");
	static const struct { uint64_t addr; enum vm_addr_half four, five; } half[] = {
		{ 0, VM_ADDR_USER, VM_ADDR_USER },
		{ 0x00007fffffffffff, VM_ADDR_USER, VM_ADDR_USER },
		{ 0x0000800000000000, VM_ADDR_NONCANONICAL, VM_ADDR_USER },
		{ 0x00ffffffffffffff, VM_ADDR_NONCANONICAL, VM_ADDR_USER },
		{ 0x0100000000000000, VM_ADDR_NONCANONICAL, VM_ADDR_NONCANONICAL },
		{ 0xfeffffffffffffff, VM_ADDR_NONCANONICAL, VM_ADDR_NONCANONICAL },
		{ 0xff00000000000000, VM_ADDR_NONCANONICAL, VM_ADDR_KERNEL },
		{ 0xffff7fffffffffff, VM_ADDR_NONCANONICAL, VM_ADDR_KERNEL },
		{ 0xffff800000000000, VM_ADDR_KERNEL, VM_ADDR_KERNEL },
		{ UINT64_MAX, VM_ADDR_KERNEL, VM_ADDR_KERNEL },
	};
	for (size_t i = 0; i < sizeof(half) / sizeof(half[0]); i++) {
		ck_assert_int_eq(vm_pt_half(&four, half[i].addr), half[i].four);
		ck_assert_int_eq(vm_pt_half(&five, half[i].addr), half[i].five);
	}
	ck_assert(vm_pt_has_kernel(&four));
	ck_assert_uint_eq(vm_pt_user_bits(&four), 47);
	ck_assert_uint_eq(vm_pt_user_bits(&five), 56);
}
END_TEST

START_TEST(arm64_addresses)
{
	const struct vm_pt_geometry g = geometry(&vm_pt_arm64, 4, 612, 0);
	ck_assert(!vm_pt_has_kernel(&g));
	ck_assert_uint_eq(vm_pt_user_bits(&g), 48);
	/* Libraries and stacks are up there. */
	ck_assert_int_eq(vm_pt_half(&g, 0x0000ffffb7e8f000), VM_ADDR_USER);
	ck_assert_int_eq(vm_pt_half(&g, 0x0001000000000000), VM_ADDR_NONCANONICAL);
	ck_assert_int_eq(vm_pt_half(&g, 0xfffeffffffffffff), VM_ADDR_NONCANONICAL);
	ck_assert_int_eq(vm_pt_half(&g, 0xffff000000000000), VM_ADDR_KERNEL);
	ck_assert_uint_eq(vm_pt_index(&g, 3, 0x0000ffffb7e8f000), 511);
}
END_TEST

/* ---- arm64 ------------------------------------------------------------------------------------------------------- */

START_TEST(arm64_pages)
{
	const struct vm_pt_geometry g = geometry(&vm_pt_arm64, 4, 612, 0);
	static const struct entry e[] = {
		{ VM_PT_PTE, 0, "empty: [empty]" },
		{ VM_PT_PMD, 0x0800000101234003, "table@101234: [VALID TABLE PXN_TABLE]" },
		/* Clean and writable where hardware keeps dirty bits: DBM, read-only until it is written. */
		{ VM_PT_PTE, 0x00e8000101234fd3 & ~BIT(55), "page@101234:pWA [VALID PAGE ATTR=4 USER RDONLY SH=3 AF NG DBM PXN UXN]" },
		{ VM_PT_PTE, 0x0068000101234f53, "page@101234:pWAD [VALID PAGE ATTR=4 USER SH=3 AF NG DBM PXN UXN]" },
		{ VM_PT_PTE, 0x00e8000101234f53, "page@101234:pWAD [VALID PAGE ATTR=4 USER SH=3 AF NG DBM PXN UXN DIRTY]" },
		/* Write-protected after it was written. */
		{ VM_PT_PTE, 0x00e0000101234fd3, "page@101234:pAD [VALID PAGE ATTR=4 USER RDONLY SH=3 AF NG PXN UXN DIRTY]" },
		/* Code: privileged mode may not execute it. */
		{ VM_PT_PTE, 0x0020000101234fd3, "page@101234:pXA [VALID PAGE ATTR=4 USER RDONLY SH=3 AF NG PXN]" },
		/* Not accessed; one of 16 of a large folio; BTI. */
		{ VM_PT_PTE, 0x00f4000101234bd3, "page@101234:pD [VALID PAGE ATTR=4 USER RDONLY SH=3 NG GP CONT PXN UXN DIRTY]" },
		{ VM_PT_PTE, 0x0160000003b34fd3, "page@3b34:pAS [VALID PAGE ATTR=4 USER RDONLY SH=3 AF NG PXN UXN SPECIAL]" },
		{ VM_PT_PTE, 0x34e0000101234fd3, "page@101234:puAD [VALID PAGE ATTR=4 USER RDONLY SH=3 AF NG PXN UXN DIRTY UFFD_WP "
		  "PO_IDX=3]" },
		/* Blocks of 2M and 1G. */
		{ VM_PT_PMD, 0x00e8000140000f51, "page@140000:pWAD [VALID ATTR=4 USER SH=3 AF NG DBM PXN UXN DIRTY]" },
		{ VM_PT_PUD, 0x00e8000140000f51, "page@140000:pWAD [VALID ATTR=4 USER SH=3 AF NG DBM PXN UXN DIRTY]" },
		{ VM_PT_PGD - 1, 0x00e8000140000f51, "bad@0: [impossible]" },
		/* A page descriptor without its second bit is reserved. */
		{ VM_PT_PTE, 0x00e8000101234f51, "bad@101234: [impossible]" },
		/* PROT_NONE: not valid, and NG says that it holds a page. */
		{ VM_PT_PTE, 0x00e8000101234fd2, "none@101234:pADN [PROT_NONE or NUMA hint: PAGE ATTR=4 USER RDONLY SH=3 AF NG DBM PXN "
		  "UXN DIRTY]" },
	};
	CHECK(&g, e);
}
END_TEST

/** As __swp_entry() does it on arm64. */
static uint64_t arm64_swap(unsigned type, uint64_t offset)
{
	return (uint64_t)type << 6 | offset << 12;
}

START_TEST(arm64_swap_and_its_like)
{
	const struct vm_pt_geometry g = geometry(&vm_pt_arm64, 4, 618, 0);
	ck_assert_str_eq(told(&g, VM_PT_PTE, arm64_swap(2, 0x1234) | BIT(2)), "swap:s [swap type 2 offset 0x1234 exclusive]");
	ck_assert_str_eq(told(&g, VM_PT_PTE, arm64_swap(2, 0x1234) | BIT(3)), "swap:su [swap type 2 offset 0x1234 uffd-wp]");
	ck_assert_str_eq(told(&g, VM_PT_PTE, arm64_swap(31, 4)), "guard:G [guard marker]");
	ck_assert_str_eq(told(&g, VM_PT_PTE, arm64_swap(27, 0x101234 | BIT(36))), "migration@101234:m [migration (write)]");
	ck_assert_str_eq(told(&g, VM_PT_PTE, arm64_swap(24, 0x101234)), "hwpoison@101234:H [hwpoison]");
}
END_TEST

/* ---- What a bit adds --------------------------------------------------------------------------------------------- */

START_TEST(plain_pages_are_plain)
{
	static const struct vm_pt_arch *const archs[] = { &vm_pt_x86_64, &vm_pt_arm64 };
	for (size_t i = 0; i < 2; i++) {
		const struct vm_pt_geometry g = geometry(archs[i], 4, 618, 0);
		for (unsigned level = 0; level <= VM_PT_PUD; level++) {
			struct vm_pte p;
			vm_pte_decode(&g, level, vm_pt_plain_page(&g, level), &p);
			ck_assert_int_eq(p.kind, VM_PTE_PAGE);
			ck_u64_eq(p.pfn, 0);
			ck_assert_uint_eq(p.state, VM_PG(PRESENT));
			ck_u64_eq(vm_pt_frame_mask(&g, level) & (BIT(vm_pt_shift(&g, level)) - 1), 0);
		}
	}
}
END_TEST

UNIT_MAIN("pgtable", x86_pages, x86_protection_keys, x86_pages_that_arent_valid, x86_bit_58_by_version, impossible_entries,
	  x86_swap, x86_markers, swap_types_by_version, x86_pages_on_their_way, addresses_of_4_and_5_levels, arm64_addresses,
	  arm64_pages, arm64_swap_and_its_like, plain_pages_are_plain)
