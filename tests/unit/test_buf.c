/** core/base/buf: appending, failing once and for all, JSON strings of any bytes. */
#include "core/base/buf.h"

#include "unit.h"

START_TEST(appends)
{
	struct vm_buf b = { 0 };
	ck_assert_str_eq(vm_buf_str(&b), "");
	vm_buf_add_str(&b, "ab");
	vm_buf_add_char(&b, 'c');
	vm_buf_add(&b, "defgh", 2);
	vm_buf_add_fill(&b, '-', 3);
	vm_buf_add_u64(&b, 0);
	vm_buf_add_char(&b, ' ');
	vm_buf_add_u64(&b, UINT64_MAX);
	vm_buf_addf(&b, " %s=%d", "x", -1);
	ck_assert_str_eq(vm_buf_str(&b), "abcde---0 18446744073709551615 x=-1");
	ck_assert_uint_eq(b.n, strlen("abcde---0 18446744073709551615 x=-1"));
	ck_assert(!b.failed);
	vm_buf_free(&b);
	ck_assert_ptr_null(b.s);
}
END_TEST

START_TEST(empty_pieces_of_an_empty_buffer)
{
	struct vm_buf b = { 0 };
	vm_buf_add(&b, "", 0);
	vm_buf_add_str(&b, "");
	vm_buf_add_fill(&b, 'x', 0);
	vm_buf_addf(&b, "%s", "");
	ck_assert_uint_eq(b.n, 0);
	ck_assert(!b.failed);
	ck_assert_str_eq(vm_buf_str(&b), "");
	vm_buf_free(&b);
}
END_TEST

START_TEST(grows)
{
	struct vm_buf b = { 0 };
	for (int i = 0; i < 100000; i++)
		vm_buf_add_char(&b, (char)('a' + i % 26));
	ck_assert_uint_eq(b.n, 100000);
	for (int i = 0; i < 100000; i++)
		ck_assert_int_eq(b.s[i], 'a' + i % 26);
	vm_buf_free(&b);
}
END_TEST

START_TEST(the_nul_is_not_counted)
{
	struct vm_buf b = { 0 };
	vm_buf_add_str(&b, "ab");
	ck_assert_str_eq(vm_buf_str(&b), "ab");
	vm_buf_add_str(&b, "cd");
	ck_assert_str_eq(vm_buf_str(&b), "abcd");
	vm_buf_free(&b);
}
END_TEST

START_TEST(failure_sticks)
{
	struct vm_buf b = { 0 };
	vm_buf_add_str(&b, "ab");
	ck_assert(!vm_buf_reserve(&b, SIZE_MAX - 2));
	ck_assert(b.failed);
	vm_buf_add_str(&b, "cd");
	ck_assert(b.failed);
	ck_assert_str_eq(vm_buf_str(&b), "abcd");
	vm_buf_free(&b);
	ck_assert(!b.failed);
}
END_TEST

static void check_json(const char *s, size_t len, const char *want)
{
	struct vm_buf b = { 0 };
	vm_buf_add_json_str(&b, s, len);
	ck_assert_str_eq(vm_buf_str(&b), want);
	vm_buf_free(&b);
}
#define JSON(literal, want) check_json(literal, sizeof(literal) - 1, want)

START_TEST(json_strings)
{
	JSON("", "\"\"");
	JSON("plain /path with blanks", "\"plain /path with blanks\"");
	JSON("quote\" back\\slash", "\"quote\\\" back\\\\slash\"");
	JSON("\n\r\t", "\"\\n\\r\\t\"");
	JSON("\b\f\001\037", "\"\\u0008\\u000c\\u0001\\u001f\"");
	JSON("a\0b", "\"a\\u0000b\"");
	JSON("\177", "\"\\u007f\"");
	JSON("/a/b", "\"/a/b\"");
}
END_TEST

START_TEST(json_utf8)
{
	JSON("\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80", "\"\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80\"");
	/* Not UTF-8: each byte as \udcNN, PEP 383. */
	JSON("\xff", "\"\\udcff\"");
	JSON("\x80", "\"\\udc80\"");
	JSON("a\xe2\x82", "\"a\\udce2\\udc82\"");
	JSON("\xc0\x80", "\"\\udcc0\\udc80\"");                    /* overlong NUL */
	JSON("\xed\xa0\x80", "\"\\udced\\udca0\\udc80\"");         /* surrogate */
	JSON("\xf4\x90\x80\x80", "\"\\udcf4\\udc90\\udc80\\udc80\""); /* above Unicode */
	JSON("\xe2\x28\xa1", "\"\\udce2(\\udca1\"");
}
END_TEST

UNIT_MAIN("buf", appends, empty_pieces_of_an_empty_buffer, grows, the_nul_is_not_counted, failure_sticks,
	  json_strings, json_utf8)
