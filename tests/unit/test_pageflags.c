/** core/model/pageflags: names of page frames' flags, and conditions on them. */
#include "core/model/pageflags.h"

#include <errno.h>

#include "core/base/buf.h"
#include "core/base/err.h"

#include "unit.h"

#define LRU VM_KPF(LRU)
#define MMAP VM_KPF(MMAP)
#define ACTIVE VM_KPF(ACTIVE)

START_TEST(every_flag_has_a_name)
{
	/* include/uapi/linux/kernel-page-flags.h and include/linux/kernel-page-flags.h, Linux 5.10 to 7.2. */
	static const struct { unsigned bit; const char *name; char letter; } want[] = {
		{ 0, "locked", 'L' }, { 1, "error", 'E' }, { 2, "referenced", 'R' }, { 3, "uptodate", 'U' }, { 4, "dirty", 'D' },
		{ 5, "lru", 'l' }, { 6, "active", 'A' }, { 7, "slab", 'S' }, { 8, "writeback", 'W' }, { 9, "reclaim", 'I' },
		{ 10, "buddy", 'B' }, { 11, "mmap", 'M' }, { 12, "anonymous", 'a' }, { 13, "swapcache", 's' },
		{ 14, "swapbacked", 'b' }, { 15, "compound_head", 'H' }, { 16, "compound_tail", 'T' }, { 17, "huge", 'G' },
		{ 18, "unevictable", 'u' }, { 19, "hwpoison", 'X' }, { 20, "nopage", 'n' }, { 21, "ksm", 'x' }, { 22, "thp", 't' },
		{ 23, "offline", 'o' }, { 24, "zero_page", 'z' }, { 25, "idle_page", 'i' }, { 26, "pgtable", 'g' },
		{ 32, "reserved", 'r' }, { 33, "mlocked", 'm' }, { 34, "owner_2", 'd' }, { 35, "private", 'P' },
		{ 36, "private_2", 'p' }, { 37, "owner_private", 'O' }, { 38, "arch", 'h' }, { 39, "uncached", 'c' },
		{ 40, "softdirty", 'f' }, { 41, "arch_2", 'H' }, { 42, "arch_3", 'J' },
	};
	uint64_t named = 0;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const struct vm_kpf_info *f = &vm_kpf_info[want[i].bit];
		ck_assert_str_eq(f->name, want[i].name);
		ck_assert_int_eq(f->letter, want[i].letter);
		ck_assert_str_ne(f->sentence, "");
		named |= UINT64_C(1) << want[i].bit;
	}
	for (unsigned b = 0; b < 64; b++)
		ck_assert((vm_kpf_info[b].name != NULL) == (named >> b & 1));
}
END_TEST

START_TEST(names_and_letters)
{
	struct vm_buf b = { 0 };
	vm_kpf_put_names(&b, VM_KPF(UPTODATE) | LRU | UINT64_C(1) << 43 | UINT64_C(1) << 63, ' ');
	ck_assert_str_eq(vm_buf_str(&b), "uptodate lru bit43 bit63");
	b.n = 0;
	vm_kpf_put_letters(&b, VM_KPF(UPTODATE) | LRU | VM_KPF(ARCH_3));
	ck_assert_str_eq(vm_buf_str(&b), "___U_l_______________________________J");
	vm_buf_free(&b);
}
END_TEST

START_TEST(conditions)
{
	static const struct { const char *spec; uint64_t mask, bits; bool any; } t[] = {
		{ "lru", LRU, LRU, true },
		{ "lru,mmap", LRU | MMAP, LRU | MMAP, true },
		{ "lru,~active", LRU | ACTIVE, LRU, false },
		{ "~active", ACTIVE, 0, false },
		{ "lru,active=lru", LRU | ACTIVE, LRU, false },
		{ "lru=", LRU, 0, false },
		{ "=lru,mmap", UINT64_MAX, LRU | MMAP, false },
		{ "=", UINT64_MAX, 0, false },
		{ "0x20,MMAP", LRU | MMAP, LRU | MMAP, true },
		{ "anon", VM_KPF(ANON), VM_KPF(ANON), true },
		{ "mappedtodisk", VM_KPF(OWNER_2), VM_KPF(OWNER_2), true },
		{ "arch", VM_KPF(ARCH), VM_KPF(ARCH), true },
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct vm_kpf_match m;
		struct vm_err err = { 0 };
		ck_assert_msg(vm_kpf_match_parse(t[i].spec, &m, &err) == 0, "%s: %s", t[i].spec, err.what);
		ck_u64_eq(m.mask, t[i].mask);
		ck_u64_eq(m.bits, t[i].bits);
		ck_assert_int_eq(m.any, t[i].any);
	}
}
END_TEST

START_TEST(mistakes)
{
	static const struct { const char *spec, *what, *hint; } t[] = {
		{ "", "missing", "" },
		{ "lur", "no page flag 'lur'", "'lru'" },
		{ "swap", "page-types' own", "no frame" },
		{ "readahead", "page-types' own", "reclaim,~writeback" },
		{ "lru,,mmap", "no page flag ''", "" },
		{ "un", "no page flag 'un'", "" },
		{ "0x", "no page flag '0x'", "" },
		{ "0xg", "no page flag '0xg'", "" },
		{ "lru=mmap", "must be among", "" },
		{ "lru=~lru", "without ~", "" },
		{ "~lru,mmap=mmap", "without ~", "" },
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct vm_kpf_match m;
		struct vm_err err = { 0 };
		ck_assert_int_eq(vm_kpf_match_parse(t[i].spec, &m, &err), -EINVAL);
		ck_assert_msg(strstr(err.what, t[i].what), "%s: %s", t[i].spec, err.what);
		ck_assert_msg(strstr(err.hint, t[i].hint), "%s: %s", t[i].spec, err.hint);
	}
}
END_TEST

START_TEST(what_matches)
{
	static const struct { const char *spec; uint64_t flags; bool want; } t[] = {
		{ "lru,mmap", MMAP, true }, { "lru,mmap", ACTIVE, false }, { "lru,~active", LRU | MMAP, true },
		{ "lru,~active", LRU | ACTIVE, false }, { "lru,~active", 0, false }, { "=lru", LRU, true },
		{ "=lru", LRU | MMAP, false }, { "=", 0, true }, { "=", LRU, false }, { "lru,active=lru", LRU | MMAP, true },
		{ "lru,~lru", LRU, true },
	};
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct vm_kpf_match m;
		ck_assert_int_eq(vm_kpf_match_parse(t[i].spec, &m, NULL), 0);
		ck_assert_msg(vm_kpf_matches(&m, t[i].flags) == t[i].want, "%s", t[i].spec);
	}
}
END_TEST

UNIT_MAIN("pageflags", every_flag_has_a_name, names_and_letters, conditions, mistakes, what_matches)
