/** cli/vmtlb_picture: a curve of access times in the terminal. */
#include "cli/vmtlb/picture.h"

#include "cli/render/report.h"
#include "cli/render/text.h"
#include "core/base/buf.h"
#include "unit.h"

enum { LINES = 4 };

static struct vm_buf buf;

static struct vm_tlb_curve stairs(void)
{
	struct vm_tlb_curve c = { .n = 0 };
	for (unsigned pages = 8; pages <= 8192; pages *= 2) {
		const double ns = pages <= 64 ? 2 : pages <= 1024 ? 4 : 8;
		c.v[c.n++] = (struct vm_tlb_point){ .pages = pages, .ns = ns, .low = ns, .high = ns };
	}
	return c;
}

static const char *draw(const struct vm_tlb_curve *c, const struct vmtlb_mark *mark, size_t marks, unsigned width, bool utf8)
{
	const struct vm_style style = { .width = width, .utf8 = utf8 };
	buf.n = 0;
	vmtlb_picture_put(&buf, c, mark, marks, LINES, &style);
	return vm_buf_str(&buf);
}

/** No line is wider; how many there are. */
static unsigned lines_of(const char *s, size_t width)
{
	unsigned n = 0;
	for (; *s; s += strcspn(s, "\n") + 1, n++)
		ck_assert_uint_le(vm_text_width(s, strcspn(s, "\n")), width);
	return n;
}

START_TEST(plain_letters)
{
	const struct vm_tlb_curve c = stairs();
	const struct vmtlb_mark mark[] = { { 90, "A" }, { 1448, "B" } };
	const char *s = draw(&c, mark, 2, 40, false);
	ck_assert_uint_eq(lines_of(s, 40), LINES + 3);
	for (const char *p = s; *p; p++)
		ck_assert(*p == '\n' || (*p >= ' ' && *p <= '~'));
	ck_assert(strncmp(s, "   8 +", 6) == 0);
	ck_assert_ptr_nonnull(strstr(s, "\n   4 +"));
	ck_assert_ptr_nonnull(strstr(s, "\n   0 ++"));
	ck_assert_ptr_nonnull(strstr(s, "\n      8"));
	ck_assert_ptr_nonnull(strstr(s, " 8K pages\n"));
	ck_assert_ptr_nonnull(strstr(s, "^ A 90"));
	ck_assert_ptr_nonnull(strstr(s, "^ B 1448\n"));
	/* The bottom line is full, the top one only at its end. */
	const char *bottom = strstr(s, "   0 +");
	ck_assert(bottom[-2] == '#' && s[6] == ' ');
}
END_TEST

START_TEST(all_widths)
{
	const struct vm_tlb_curve c = stairs();
	const struct vmtlb_mark mark[] = { { 8, "L1 dTLB" }, { 9, "next" }, { 0, "none" }, { 8192, "the last of them" } };
	for (unsigned width = 20; width <= 200; width++) {
		for (int utf8 = 0; utf8 <= 1; utf8++) {
			const char *s = draw(&c, mark, 4, width, utf8);
			ck_assert_uint_ge(lines_of(s, width), LINES + 3);
			ck_assert_ptr_null(strstr(s, "none"));
		}
	}
	ck_assert_uint_le(lines_of(draw(&c, mark, 4, 0, true), 80), LINES + 6);
	ck_assert_uint_ge(lines_of(draw(&c, mark, 0, 3, true), 20), LINES + 2);
}
END_TEST

START_TEST(few_points)
{
	struct vm_tlb_curve c = stairs();
	c.n = 1;
	ck_assert_str_eq(draw(&c, NULL, 0, 80, true), "");
	c.n = 0;
	ck_assert_str_eq(draw(&c, NULL, 0, 80, true), "");
	c.n = 2;
	ck_assert_uint_eq(lines_of(draw(&c, NULL, 0, 80, true), 80), LINES + 2);
	/* Tenths of a nanosecond have their decimals. */
	c.v[0].ns = c.v[1].ns = 0.3;
	ck_assert_ptr_nonnull(strstr(draw(&c, NULL, 0, 80, false), " 0.4 +"));
}
END_TEST

UNIT_MAIN("tlbpicture", plain_letters, all_widths, few_points)
