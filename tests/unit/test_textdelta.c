/** core/base/textdelta: what comes back is what went in, small changes are small, nonsense is refused. */
#include "core/base/textdelta.h"

#include <errno.h>
#include <stdio.h>

#include "core/base/map.h"
#include "core/base/varint.h"
#include "unit.h"

static struct vm_buf delta, back;

/** The length of the delta; 0: there is none. */
static size_t there_and_back(const char *from, const char *to)
{
	delta.n = back.n = 0;
	if (!vm_textdelta_make(from, strlen(from), to, strlen(to), &delta))
		return 0;
	ck_assert_int_eq(vm_textdelta_apply(from, strlen(from), delta.s, delta.n, &back), 0);
	ck_assert_msg(back.n == strlen(to) && memcmp(vm_buf_str(&back), to, back.n) == 0, "'%s' to '%s': came back as '%.*s'", from, to,
		      (int)back.n, back.s);
	return delta.n ? delta.n : SIZE_MAX;
}

START_TEST(small)
{
	/* SIZE_MAX: an empty delta. */
	ck_u64_eq(there_and_back("", ""), SIZE_MAX);
	ck_u64_eq(there_and_back("pgfault 12\npgmajfault 3\n", "pgfault 12\npgmajfault 3\n"), SIZE_MAX);
	ck_u64_eq(there_and_back("pgfault 12\npgmajfault 3\n", "pgfault 15\npgmajfault 3\n"), 2);
	ck_u64_eq(there_and_back("pgfault 12\npgmajfault 3\n", "pgfault 12\npgmajfault 2\n"), 2);
	ck_u64_eq(there_and_back("1 (a b) S 1 2 3", "1 (a b) R 1 2 3"), 2 + strlen(" (a b) R"));
	ck_u64_eq(there_and_back("x 18446744073709551615 y", "x 0 y"), 2);
	ck_u64_eq(there_and_back("x 0 y", "x 18446744073709551615 y"), 2);
}
END_TEST

START_TEST(columns)
{
	/* The column's end stays where it was; single spaces stay single. */
	ck_u64_eq(there_and_back("VmRSS:\t    9999 kB\n", "VmRSS:\t   10000 kB\n"), 2);
	ck_u64_eq(there_and_back("VmRSS:\t   10000 kB\n", "VmRSS:\t    9999 kB\n"), 2);
	ck_u64_eq(there_and_back("a 99 b", "a 100 b"), 2);
	ck_u64_eq(there_and_back("a 100 b", "a 99 b"), 2);
	ck_u64_eq(there_and_back("a\t99", "a\t100"), 2);
	/* A column that got full, and has room again. */
	ck_u64_eq(there_and_back("a:  99999999 kB", "a: 123456789 kB"), 5);
	ck_u64_eq(there_and_back("a: 123456789 kB", "a:  99999999 kB"), 6);
	ck_assert(there_and_back("a 5", "a                                                                                 5"));
}
END_TEST

START_TEST(words)
{
	/* Leading zeros, hexadecimal, more than 64 bits: no numbers, but texts that come back. */
	there_and_back("SigCgt:\t0000000180004a03\n", "SigCgt:\t0000000180004a07\n");
	there_and_back("55d000000000-55d000100000 r-xp 00000000", "55d000000000-55d000200000 r-xp 00000000");
	there_and_back("007 8", "008 8");
	there_and_back("99999999999999999999 1", "99999999999999999998 1");
	there_and_back("18446744073709551616 1", "18446744073709551615 1");
	/* Other forms have no delta. */
	ck_u64_eq(there_and_back("1 2 3", "1 2"), 0);
	ck_u64_eq(there_and_back("", "7"), 0);
	ck_u64_eq(there_and_back("a", "b 1"), 0);
}
END_TEST

static uint64_t state = 12345;

static unsigned any(unsigned below)
{
	return (unsigned)(vm_mix64(++state) % below);
}

START_TEST(random_texts)
{
	static const char letters[] = "0123456789 \t\nab()-";
	char from[40], to[40];
	unsigned made = 0;
	for (unsigned i = 0; i < 300000; i++) {
		const unsigned n = any(sizeof(from));
		for (unsigned k = 0; k < n; k++)
			from[k] = letters[any(sizeof(letters) - 1)];
		from[n] = '\0';
		memcpy(to, from, n + 1);
		for (unsigned k = any(4); n && k--;)
			to[any(n)] = letters[any(sizeof(letters) - 1)];
		made += there_and_back(from, to) != 0;
	}
	/* Not by never making one. */
	ck_assert_uint_gt(made, 50000);
}
END_TEST

START_TEST(nonsense)
{
	static const char from[] = "a 1 b 2 c";
	/* Beyond the end; a word that is longer than what is there; spaces without end; a flag on a word; cut off. */
	static const struct { const char *s; size_t len; } bad[] = {
		{ "\x0a\x01", 2 }, { "\x00\x05x", 3 }, { "\x03\x02\x7f", 3 }, { "\x01\x01x", 3 }, { "\x80", 1 }, { "\x00", 1 },
		{ "\x02", 1 }, { "\x03\x02", 2 }, { "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10 }, { "\x02\x02\x00", 3 },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		back.n = 0;
		ck_assert_msg(vm_textdelta_apply(from, strlen(from), bad[i].s, bad[i].len, &back) == -EBADMSG, "%zu was taken", i);
	}
}
END_TEST

START_TEST(varints)
{
	static const uint64_t v[] = { 0, 1, 127, 128, 16383, 16384, UINT32_MAX, INT64_MAX, UINT64_MAX };
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct vm_buf b = { 0 };
		uint64_t got = 7;
		size_t at = 0;
		vm_varint_put(&b, v[i]);
		for (size_t cut = 0; cut < b.n; cut++, at = 0)
			ck_assert(!vm_varint_take(b.s, cut, &at, &got) && got == 7);
		ck_assert(vm_varint_take(b.s, b.n, &at, &got));
		ck_u64_eq(got, v[i]);
		ck_u64_eq(at, b.n);
		ck_u64_eq(vm_unzigzag(vm_zigzag(v[i])), v[i]);
		vm_buf_free(&b);
	}
	ck_u64_eq(vm_zigzag((uint64_t)-1), 1);
	ck_u64_eq(vm_zigzag(1), 2);
	uint64_t got;
	size_t at = 0;
	ck_assert(!vm_varint_take("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, &at, &got));
}
END_TEST

UNIT_MAIN("textdelta", small, columns, words, random_texts, nonsense, varints)
