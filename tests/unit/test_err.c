/** core/base/err: one clause, one hint, nothing that can drive a terminal. */
#include "core/base/err.h"

#include <errno.h>

#include "unit.h"

START_TEST(fail_fills_and_returns_negative)
{
	struct vm_err err = { .code = 1, .what = "old", .hint = "old hint" };
	ck_assert_int_eq(vm_fail(&err, EINVAL, "bad %s %d", "thing", 7), -EINVAL);
	ck_assert_int_eq(err.code, EINVAL);
	ck_assert_str_eq(err.what, "bad thing 7");
	ck_assert_str_eq(err.hint, "");
}
END_TEST

START_TEST(fail_os_adds_the_kernels_words)
{
	struct vm_err err = { 0 };
	ck_assert_int_eq(vm_fail_os(&err, EACCES, "cannot read /proc/%d/smaps", 42), -EACCES);
	ck_assert_int_eq(err.code, EACCES);
	ck_assert_str_eq(err.what, "cannot read /proc/42/smaps: Permission denied");
}
END_TEST

START_TEST(null_is_accepted)
{
	ck_assert_int_eq(vm_fail(NULL, ESRCH, "x"), -ESRCH);
	ck_assert_int_eq(vm_fail_os(NULL, EPERM, "x"), -EPERM);
	vm_hint(NULL, "y");
}
END_TEST

START_TEST(hint_follows_failure)
{
	struct vm_err err = { 0 };
	vm_fail(&err, EPERM, "no");
	vm_hint(&err, "run with %s", "sudo");
	ck_assert_str_eq(err.what, "no");
	ck_assert_str_eq(err.hint, "run with sudo");
	vm_fail(&err, EIO, "again");
	ck_assert_str_eq(err.hint, "");
}
END_TEST

START_TEST(controls_become_question_marks)
{
	struct vm_err err = { 0 };
	vm_fail(&err, EINVAL, "%s", "a\nb\tc\033[2Jd\177e");
	ck_assert_str_eq(err.what, "a?b?c?[2Jd?e");
	vm_fail_os(&err, ENOENT, "%s", "x\ry");
	ck_assert_str_eq(err.what, "x?y: No such file or directory");
	vm_hint(&err, "%s", "\001\002z");
	ck_assert_str_eq(err.hint, "??z");
}
END_TEST

/* U+009B is CSI, and a lone 0x9b is too on a terminal in an 8-bit character set. */
START_TEST(c1_controls_and_broken_utf8_too)
{
	struct vm_err err = { 0 };
	vm_fail(&err, EINVAL, "%s", "a\xc2\x9b" "2Jb");
	ck_assert_str_eq(err.what, "a??2Jb");
	vm_fail(&err, EINVAL, "%s", "a\x9b" "b\xff" "c\xe2\x82");
	ck_assert_str_eq(err.what, "a?b?c??");
	vm_fail(&err, EINVAL, "%s", "Gr\xc3\xbc\xc3\x9f" "e \xe2\x82\xac");
	ck_assert_str_eq(err.what, "Gr\xc3\xbc\xc3\x9f" "e \xe2\x82\xac");
}
END_TEST

START_TEST(long_texts_are_cut)
{
	char text[1000];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	struct vm_err err = { 0 };
	vm_fail(&err, EINVAL, "%s", text);
	ck_assert_uint_eq(strlen(err.what), sizeof(err.what) - 1);
	vm_fail_os(&err, EINVAL, "%s", text);
	ck_assert_uint_eq(strlen(err.what), sizeof(err.what) - 1);
	vm_hint(&err, "%s", text);
	ck_assert_uint_eq(strlen(err.hint), sizeof(err.hint) - 1);
	ck_assert_int_eq(err.code, EINVAL);
}
END_TEST

/* A cut in the middle of a character must not leave half of it. */
START_TEST(cut_keeps_utf8_whole)
{
	char text[1000] = "";
	for (size_t i = 0; i + 3 < sizeof(text); i += 3)
		memcpy(text + i, "\xe2\x82\xac", 4);
	struct vm_err err = { 0 };
	vm_fail(&err, EINVAL, "%s", text);
	size_t n = strlen(err.what), whole = (sizeof(err.what) - 1) / 3 * 3;
	ck_assert_uint_eq(n, sizeof(err.what) - 1);
	ck_assert_mem_eq(err.what, text, whole);
	for (size_t i = whole; i < n; i++)
		ck_assert_int_eq(err.what[i], '?');
}
END_TEST

UNIT_MAIN("err", fail_fills_and_returns_negative, fail_os_adds_the_kernels_words, null_is_accepted,
	  hint_follows_failure, controls_become_question_marks, c1_controls_and_broken_utf8_too,
	  long_texts_are_cut, cut_keeps_utf8_whole)
