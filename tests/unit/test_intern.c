/** core/base/intern and linecut: texts kept once, streams cut into lines. */
#include "core/base/intern.h"

#include "core/base/linecut.h"
#include "unit.h"

START_TEST(equal_texts_share_a_pointer)
{
	struct vm_intern t = { 0 };
	enum { N = 5000 };
	const char *first[N];
	char text[32];
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < N; i++) {
			const int n = snprintf(text, sizeof(text), "text %d and more", i);
			const char *s = vm_intern(&t, text, (size_t)n - 9);
			ck_assert_uint_eq(strlen(s), (size_t)n - 9);
			ck_assert(strncmp(s, text, (size_t)n - 9) == 0);
			if (round)
				ck_assert_ptr_eq(s, first[i]);
			first[i] = s;
		}
	}
	ck_assert_uint_eq(t.n, N);
	ck_assert_str_eq(vm_intern(&t, "", 0), "");
	/* The beginning of one that is there, and one that has it as its beginning. */
	ck_assert_str_eq(vm_intern(&t, "text 1", 5), "text ");
	ck_assert_str_eq(vm_intern(&t, "text 1x", 7), "text 1x");
	vm_intern_free(&t);
}
END_TEST

/** Lines one behind the other, each in brackets; of long ones their length. */
static void take(void *ctx, char *line, size_t len)
{
	ck_assert_uint_eq(line[len], '\0');
	if (len > 20)
		vm_buf_addf(ctx, "[%zu]", len);
	else
		vm_buf_addf(ctx, "[%s]", line);
}

START_TEST(lines_of_any_pieces)
{
	char text[3000] = "one\n\ntwo words\n";
	size_t n = strlen(text);
	memset(text + n, 'x', 2000);
	n += 2000;
	memcpy(text + n, "\nlast\npart", 10);
	n += 10;
	for (size_t piece = 1; piece <= n; piece += piece < 20 ? 1 : 397) {
		struct vm_linecut c = { 0 };
		struct vm_buf out = { 0 };
		for (size_t at = 0; at < n; at += piece)
			vm_linecut_feed(&c, text + at, piece < n - at ? piece : n - at, take, &out);
		ck_assert_str_eq(vm_buf_str(&out), "[one][][two words][1024][last]");
		vm_linecut_feed(&c, "ly\n", 3, take, &out);
		ck_assert_str_eq(vm_buf_str(&out), "[one][][two words][1024][last][partly]");
		vm_linecut_free(&c);
		vm_buf_free(&out);
	}
}
END_TEST

UNIT_MAIN("intern", equal_texts_share_a_pointer, lines_of_any_pieces)
