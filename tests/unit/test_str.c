/** core/base/str: numbers, sizes, durations, shares, UTF-8, edit distance at their edges. */
#include "core/base/str.h"

#include <errno.h>
#include <math.h>

#include "unit.h"

#define SENTINEL UINT64_C(0xdeadbeef)

typedef int (*parser)(const char *s, uint64_t *out);

static void good(parser parse, const char *s, uint64_t want)
{
	uint64_t v = SENTINEL;
	int r = parse(s, &v);
	ck_assert_msg(r == 0 && v == want, "'%s': returned %d, %llu; expected %llu", s, r,
		      (unsigned long long)v, (unsigned long long)want);
}

static void bad(parser parse, const char *s, int want)
{
	uint64_t v = SENTINEL;
	int r = parse(s, &v);
	ck_assert_msg(r == want && v == SENTINEL, "'%s': returned %d, %llu; expected %d", s, r,
		      (unsigned long long)v, want);
}

START_TEST(ranges)
{
	static const char *const bad[] = { "", "-", "1", "1-", "-1", "2-1", "1-1", "1-2-3", "x-2", "1-x", "11111111111111111-2",
					   "0x00000000000000000000001-2" };
	uint64_t from = 7, to = 3;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_int_lt(vm_parse_range(bad[i], &from, &to), 0);
		ck_assert(from == 7 && to == 3);
	}
	ck_assert_int_eq(vm_parse_range("7f0000000000-0x7f0000200000", &from, &to), 0);
	ck_u64_eq(from, 0x7f0000000000);
	ck_u64_eq(to, 0x7f0000200000);
}
END_TEST

START_TEST(lists)
{
	unsigned first = 7, last = 7;
	const char *p = vm_parse_list("0-3,8,10-11\n", &first, &last);
	ck_assert_uint_eq(first, 0);
	ck_assert_uint_eq(last, 3);
	p = vm_parse_list(p, &first, &last);
	ck_assert_uint_eq(first, 8);
	ck_assert_uint_eq(last, 8);
	p = vm_parse_list(p, &first, &last);
	ck_assert_uint_eq(first, 10);
	ck_assert_uint_eq(last, 11);
	ck_assert_ptr_null(vm_parse_list(p, &first, &last));
	static const char *const bad[] = { "", "\n", "x", "-3", "3-", "3-2", "3 4", "0-1x", "1234567890", "1-99999999999" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!vm_parse_list(bad[i], &first, &last), "'%s' was taken", bad[i]);
	ck_assert_uint_eq(first, 10);
}
END_TEST

START_TEST(u64)
{
	good(vm_parse_u64, "0", 0);
	good(vm_parse_u64, "007", 7);
	good(vm_parse_u64, "0x1f", 31);
	good(vm_parse_u64, "0XFF", 255);
	good(vm_parse_u64, "18446744073709551615", UINT64_MAX);
	good(vm_parse_u64, "0xffffffffffffffff", UINT64_MAX);
	bad(vm_parse_u64, "18446744073709551616", -ERANGE);
	bad(vm_parse_u64, "0x10000000000000000", -ERANGE);
	bad(vm_parse_u64, "99999999999999999999999", -ERANGE);
	bad(vm_parse_u64, "", -EINVAL);
	bad(vm_parse_u64, "0x", -EINVAL);
	bad(vm_parse_u64, "-1", -EINVAL);
	bad(vm_parse_u64, "+1", -EINVAL);
	bad(vm_parse_u64, " 1", -EINVAL);
	bad(vm_parse_u64, "1 ", -EINVAL);
	bad(vm_parse_u64, "12a", -EINVAL);
}
END_TEST

START_TEST(hex)
{
	good(vm_parse_hex, "7f0012345000", 0x7f0012345000);
	good(vm_parse_hex, "0x7F0012345000", 0x7f0012345000);
	good(vm_parse_hex, "ffffffffff600000", 0xffffffffff600000);
	bad(vm_parse_hex, "10000000000000000", -ERANGE);
	bad(vm_parse_hex, "", -EINVAL);
	bad(vm_parse_hex, "0x", -EINVAL);
	bad(vm_parse_hex, "g", -EINVAL);
	bad(vm_parse_hex, "12 ", -EINVAL);
}
END_TEST

START_TEST(sizes)
{
	good(vm_parse_size, "0", 0);
	good(vm_parse_size, "4096", 4096);
	good(vm_parse_size, "0x1000", 4096);
	good(vm_parse_size, "64K", 65536);
	good(vm_parse_size, "64k", 65536);
	good(vm_parse_size, "64KB", 65536);
	good(vm_parse_size, "64KiB", 65536);
	good(vm_parse_size, "64kib", 65536);
	good(vm_parse_size, "10B", 10);
	good(vm_parse_size, "2M", 2097152);
	good(vm_parse_size, "1.5G", 1610612736);
	good(vm_parse_size, ".5K", 512);
	good(vm_parse_size, "1.K", 1024);
	good(vm_parse_size, "1T", UINT64_C(1) << 40);
	good(vm_parse_size, "1P", UINT64_C(1) << 50);
	good(vm_parse_size, "15E", UINT64_C(15) << 60);
	good(vm_parse_size, "18446744073709551615", UINT64_MAX);
	/* Beyond 2^53, still exact. */
	good(vm_parse_size, "9007199254740993K", UINT64_C(9007199254740993) << 10);
	good(vm_parse_size, "0.1K", 102);
	bad(vm_parse_size, "16E", -ERANGE);
	bad(vm_parse_size, "18446744073709551616", -ERANGE);
	bad(vm_parse_size, "99999999999999999999999999K", -ERANGE);
	bad(vm_parse_size, "", -EINVAL);
	bad(vm_parse_size, "K", -EINVAL);
	bad(vm_parse_size, ".", -EINVAL);
	bad(vm_parse_size, "-1K", -EINVAL);
	bad(vm_parse_size, "1Z", -EINVAL);
	bad(vm_parse_size, "1KK", -EINVAL);
	bad(vm_parse_size, "1 K", -EINVAL);
	bad(vm_parse_size, "0 ", -EINVAL);
	bad(vm_parse_size, "1 ", -EINVAL);
	bad(vm_parse_size, "1K ", -EINVAL);
	bad(vm_parse_size, "1i", -EINVAL);
	bad(vm_parse_size, "1.2.3", -EINVAL);
	bad(vm_parse_size, "1\xff", -EINVAL);
	bad(vm_parse_size, "nan", -EINVAL);
	bad(vm_parse_size, "inf", -EINVAL);
	bad(vm_parse_size, "1e3", -EINVAL);
}
END_TEST

START_TEST(durations)
{
	good(vm_parse_duration, "0", 0);
	good(vm_parse_duration, "1", 1000000000);
	good(vm_parse_duration, "0.5", 500000000);
	good(vm_parse_duration, "2s", 2000000000);
	good(vm_parse_duration, "500ms", 500000000);
	good(vm_parse_duration, "1.5us", 1500);
	good(vm_parse_duration, "7ns", 7);
	good(vm_parse_duration, "1m", UINT64_C(60000000000));
	good(vm_parse_duration, "1min", UINT64_C(60000000000));
	good(vm_parse_duration, "2h", UINT64_C(7200000000000));
	good(vm_parse_duration, "1d", UINT64_C(86400000000000));
	bad(vm_parse_duration, "200000d", -ERANGE);
	bad(vm_parse_duration, "99999999999999999999", -ERANGE);
	bad(vm_parse_duration, "", -EINVAL);
	bad(vm_parse_duration, "s", -EINVAL);
	bad(vm_parse_duration, "-1s", -EINVAL);
	bad(vm_parse_duration, "1 s", -EINVAL);
	bad(vm_parse_duration, "1S", -EINVAL);
	bad(vm_parse_duration, "1sec", -EINVAL);
}
END_TEST

START_TEST(ratios)
{
	static const struct { const char *s; int r; double want; } tab[] = {
		{ "0", 0, 0 }, { "1", 0, 1 }, { "0.5", 0, 0.5 }, { "50%", 0, 0.5 }, { "100%", 0, 1 },
		{ "0%", 0, 0 }, { "1/2", 0, 0.5 }, { "3/4", 0, 0.75 }, { "0/7", 0, 0 }, { "12.5%", 0, 0.125 },
		{ "101%", -ERANGE, 0 }, { "2", -ERANGE, 0 }, { "3/2", -ERANGE, 0 },
		{ "", -EINVAL, 0 }, { "%", -EINVAL, 0 }, { "1/0", -EINVAL, 0 }, { "0/0", -EINVAL, 0 },
		{ "1/", -EINVAL, 0 }, { "/2", -EINVAL, 0 }, { "50%%", -EINVAL, 0 }, { "1/2%", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 }, { "nan", -EINVAL, 0 },
	};
	for (size_t i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		double v = -5;
		int r = vm_parse_ratio(tab[i].s, &v);
		ck_assert_msg(r == tab[i].r, "'%s' returned %d, expected %d", tab[i].s, r, tab[i].r);
		ck_assert_msg(r ? v == -5 : fabs(v - tab[i].want) < 1e-12, "'%s' gave %g", tab[i].s, v);
	}
}
END_TEST

/* Both sides overflow a double: infinity by infinity is no share. */
START_TEST(ratio_of_giants)
{
	char s[1000];
	memset(s, '9', sizeof(s));
	s[400] = '/';
	s[900] = '\0';
	double v = -5;
	ck_assert_int_lt(vm_parse_ratio(s, &v), 0);
	ck_assert(v == -5);
}
END_TEST

static void shows(uint64_t bytes, const char *want)
{
	char buf[VM_NUMBUF];
	ck_assert_str_eq(vm_format_size(bytes, buf), want);
}

START_TEST(format_size)
{
	shows(0, "0");
	shows(1, "1");
	shows(1023, "1023");
	shows(1024, "1.0K");
	shows(4096, "4.0K");
	shows(1536, "1.5K");
	shows(10 * 1024, "10.0K");
	shows(1000 * 1024, "1000.0K");
	shows(1023 * 1024, "1023.0K");
	shows(1023 * 1024 + 972, "1023.9K");
	shows(1024 * 1024 - 1, "1.0M");                /* rounds up into the next unit */
	shows(1024 * 1024, "1.0M");
	shows((UINT64_C(12) << 20) + 312 * 1024, "12.3M");
	shows(UINT64_C(1) << 30, "1.0G");
	shows(UINT64_C(1) << 40, "1.0T");
	shows(UINT64_C(1) << 47, "128.0T");
	shows(UINT64_C(1) << 56, "64.0P");
	shows(UINT64_C(1) << 63, "8.0E");
	shows(UINT64_MAX, "16.0E");
}
END_TEST

START_TEST(format_size_never_long)
{
	char buf[VM_NUMBUF];
	for (unsigned shift = 0; shift < 64; shift++)
		for (int d = -2; d <= 2; d++)
			ck_assert_uint_le(strlen(vm_format_size((UINT64_C(1) << shift) + (uint64_t)(int64_t)d, buf)), 7);
}
END_TEST

START_TEST(format_u64)
{
	char buf[VM_NUMBUF];
	ck_assert_str_eq(vm_format_u64(0, buf), "0");
	ck_assert_str_eq(vm_format_u64(9, buf), "9");
	ck_assert_str_eq(vm_format_u64(10, buf), "10");
	ck_assert_str_eq(vm_format_u64(UINT64_MAX, buf), "18446744073709551615");
}
END_TEST

static const struct { uint64_t n; const char *text; } amount[] = {
	{ 0, "0" }, { 9999, "9999" }, { 10000, "10.0K" }, { 12345, "12.3K" }, { 999949, "999.9K" }, { 999950, "1.00M" },
	{ 1234567, "1.23M" }, { 9994999, "9.99M" }, { 9996000, "10.0M" }, { 412000000, "412.0M" },
	{ UINT64_C(9810000000), "9.81G" }, { UINT64_MAX, "18.4E" },
};

START_TEST(format_amount)
{
	char buf[VM_NUMBUF];
	for (size_t i = 0; i < sizeof(amount) / sizeof(amount[0]); i++)
		ck_assert_str_eq(vm_format_amount(amount[i].n, buf), amount[i].text);
}
END_TEST

START_TEST(format_duration)
{
	char buf[VM_NUMBUF];
	ck_assert_str_eq(vm_format_duration(0, buf), "0ns");
	ck_assert_str_eq(vm_format_duration(850, buf), "850ns");
	ck_assert_str_eq(vm_format_duration(999, buf), "999ns");
	ck_assert_str_eq(vm_format_duration(12300, buf), "12.3us");
	ck_assert_str_eq(vm_format_duration(4100000, buf), "4.1ms");
	ck_assert_str_eq(vm_format_duration(2000000000, buf), "2.0s");
	ck_assert_uint_lt(strlen(vm_format_duration(UINT64_MAX, buf)), VM_NUMBUF);
}
END_TEST

static void check_hex(uint64_t v, unsigned digits, const char *want)
{
	char buf[VM_NUMBUF];
	memset(buf, '#', sizeof(buf));
	size_t n = vm_put_hex(buf, v, digits);
	ck_assert_uint_eq(n, strlen(want));
	ck_assert_mem_eq(buf, want, n);
	ck_assert_int_eq(buf[n], '#');
}

START_TEST(put_hex)
{
	check_hex(0, 0, "0");
	check_hex(0, 1, "0");
	check_hex(0, 4, "0000");
	check_hex(0xf, 1, "f");
	check_hex(0x10, 1, "10");
	check_hex(0x400000, 12, "000000400000");
	check_hex(0x7f0012345000, 12, "7f0012345000");
	check_hex(UINT64_C(0x4000000000000), 12, "4000000000000");
	check_hex(UINT64_MAX, 12, "ffffffffffffffff");
	check_hex(UINT64_C(1) << 63, 1, "8000000000000000");
}
END_TEST

static void unescapes(const char *from, const char *want)
{
	char buf[200];
	size_t n = strlen(from);
	memcpy(buf, from, n);
	n = vm_unescape_newlines(buf, n);
	ck_assert_uint_eq(n, strlen(want));
	ck_assert_mem_eq(buf, want, n);
}

/* The kernel escapes newlines only, so any other backslash stands for itself. */
START_TEST(unescape)
{
	unescapes("", "");
	unescapes("/plain", "/plain");
	unescapes("/a\\012b", "/a\nb");
	unescapes("\\012\\012", "\n\n");
	unescapes("/a\\134b\\040c", "/a\\134b\\040c");
	unescapes("/a\\", "/a\\");
	unescapes("/a\\01", "/a\\01");
	unescapes("\\\\012", "\\\n");
}
END_TEST

static void utf8(const char *s, size_t len, uint32_t want, size_t want_used)
{
	size_t used = 99;
	ck_assert_uint_eq(vm_utf8_next(s, len, &used), want);
	ck_assert_uint_eq(used, want_used);
}
#define UTF8(s, want, used) utf8(s, sizeof(s) - 1, want, used)

START_TEST(utf8_next)
{
	UTF8("a", 'a', 1);
	UTF8("\xc3\xbc", 0xfc, 2);
	UTF8("\xc2\x80", 0x80, 2);
	UTF8("\xdf\xbf", 0x7ff, 2);
	UTF8("\xe0\xa0\x80", 0x800, 3);
	UTF8("\xe2\x82\xac", 0x20ac, 3);
	UTF8("\xed\x9f\xbf", 0xd7ff, 3);
	UTF8("\xee\x80\x80", 0xe000, 3);
	UTF8("\xef\xbf\xbf", 0xffff, 3);
	UTF8("\xf0\x90\x80\x80", 0x10000, 4);
	UTF8("\xf4\x8f\xbf\xbf", 0x10ffff, 4);
}
END_TEST

START_TEST(utf8_refused)
{
	utf8("", 0, 0, 1);
	UTF8("\x80", 0, 1);
	UTF8("\xbf\x80", 0, 1);
	UTF8("\xc0\x80", 0, 1);
	UTF8("\xc1\xbf", 0, 1);
	UTF8("\xc3", 0, 1);
	UTF8("\xc3(", 0, 1);
	UTF8("\xe0\x9f\xbf", 0, 1);
	UTF8("\xe2\x82", 0, 1);
	UTF8("\xe2\x28\xac", 0, 1);
	UTF8("\xed\xa0\x80", 0, 1);
	UTF8("\xf0\x8f\xbf\xbf", 0, 1);
	UTF8("\xf4\x90\x80\x80", 0, 1);
	UTF8("\xf5\x80\x80\x80", 0, 1);
	UTF8("\xff", 0, 1);
}
END_TEST

START_TEST(edit_distance)
{
	ck_assert_uint_eq(vm_edit_distance("", ""), 0);
	ck_assert_uint_eq(vm_edit_distance("rss", "RSS"), 0);
	ck_assert_uint_eq(vm_edit_distance("", "abc"), 3);
	ck_assert_uint_eq(vm_edit_distance("abc", ""), 3);
	ck_assert_uint_eq(vm_edit_distance("PSS", "RSS"), 1);
	ck_assert_uint_eq(vm_edit_distance("RS", "RSS"), 1);
	ck_assert_uint_eq(vm_edit_distance("RSSS", "RSS"), 1);
	ck_assert_uint_eq(vm_edit_distance("SRS", "RSS"), 1);      /* two neighbours swapped */
	ck_assert_uint_eq(vm_edit_distance("ca", "abc"), 3);       /* restricted, not full, Damerau */
	ck_assert_uint_eq(vm_edit_distance("kitten", "sitting"), 3);
	ck_assert_uint_eq(vm_edit_distance("abcd", "badc"), 2);
	char s[100];
	memset(s, 'x', sizeof(s));
	s[48] = '\0';
	ck_assert_uint_eq(vm_edit_distance(s, ""), 48);
	s[48] = 'x';
	s[99] = '\0';
	ck_assert_uint_ge(vm_edit_distance(s, "x"), 48);
}
END_TEST

START_TEST(nocase)
{
	ck_assert(vm_streq_nocase("", ""));
	ck_assert(vm_streq_nocase("AbC", "aBc"));
	ck_assert(!vm_streq_nocase("ab", "abc"));
	ck_assert(!vm_streq_nocase("abc", "ab"));
	ck_assert(!vm_streq_nocase("[", "{"));
	ck_assert(!vm_streq_nocase("@", "`"));
}
END_TEST

UNIT_MAIN("str", ranges, lists, u64, hex, sizes, durations, ratios, ratio_of_giants, format_size, format_size_never_long,
	  format_u64, format_amount, format_duration, put_hex, unescape, utf8_next, utf8_refused, edit_distance, nocase)
