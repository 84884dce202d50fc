/** cli/render/strokes and histogram: bars, sparklines, steps of a logarithm, a distribution. */
#include "cli/render/strokes.h"


#include "cli/render/histogram.h"
#include "cli/render/report.h"
#include "cli/render/text.h"
#include "unit.h"

static struct vm_buf buf;

static const char *bar(double share, size_t width, bool utf8)
{
	buf.n = 0;
	const size_t columns = vm_bar_put(&buf, share, width, utf8);
	const char *s = vm_buf_str(&buf);
	ck_assert_uint_eq(columns, utf8 ? vm_text_width(s, buf.n) : buf.n);
	return s;
}

static const char *spark(const uint64_t *v, size_t n, size_t width, bool utf8)
{
	buf.n = 0;
	ck_assert_uint_eq(vm_spark_put(&buf, v, n, width, utf8), n < width ? n : width);
	return vm_buf_str(&buf);
}

START_TEST(bars)
{
	ck_assert_str_eq(bar(0.5, 4, true), "██");
	ck_assert_str_eq(bar(0.5, 3, true), "█▌");
	ck_assert_str_eq(bar(1, 3, true), "███");
	ck_assert_str_eq(bar(7, 2, true), "██");
	ck_assert_str_eq(bar(0.5, 4, false), "##");
	ck_assert_str_eq(bar(1.0 / 8, 1, true), "▏");
	ck_assert_str_eq(bar(7.0 / 8, 1, true), "▉");
	for (int e = 1; e <= 80; e++)
		ck_assert_uint_eq(vm_bar_put(&buf, e / 80.0, 10, true), (size_t)(e + 7) / 8);
}
END_TEST

START_TEST(bars_of_nothing_and_of_little)
{
	ck_assert_str_eq(bar(0, 10, true), "");
	ck_assert_str_eq(bar(-1, 10, false), "");
	ck_assert_str_eq(bar(0.0 / 0.0, 10, false), "");
	ck_assert_str_eq(bar(0.5, 0, true), "");
	ck_assert_str_eq(bar(1e-9, 10, true), "▏");
	ck_assert_str_eq(bar(1e-9, 10, false), "#");
}
END_TEST

START_TEST(sparklines)
{
	const uint64_t v[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	ck_assert_str_eq(spark(v, 9, 20, true), " ▁▂▃▄▅▆▇█");
	const uint64_t w[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	ck_assert_str_eq(spark(w, 10, 10, false), " .:-=+*#%@");
	const uint64_t big[] = { 0, UINT64_MAX, UINT64_MAX / 2, 1 };
	ck_assert_str_eq(spark(big, 4, 4, true), " █▄▁");
}
END_TEST

START_TEST(sparklines_of_nothing)
{
	const uint64_t v[] = { 0, 0, 0 };
	ck_assert_str_eq(spark(v, 3, 5, true), "   ");
	ck_assert_str_eq(spark(v, 0, 5, true), "");
	ck_assert_str_eq(spark(NULL, 0, 5, true), "");
	ck_assert_str_eq(spark(v, 3, 0, true), "");
}
END_TEST

START_TEST(a_peak_is_not_lost)
{
	uint64_t v[1000] = { 0 };
	for (size_t at = 0; at < 1000; at++) {
		v[at] = 5;
		const char *s = spark(v, 1000, 7, false);
		ck_assert_uint_eq(strlen(s), 7);
		ck_assert_ptr_nonnull(strchr(s, '@'));
		/* Equal parts, in order. */
		ck_assert_uint_eq((size_t)(strchr(s, '@') - s), (at * 7 + 6) / 1000);
		v[at] = 0;
	}
}
END_TEST

START_TEST(steps_of_a_logarithm)
{
	ck_assert_uint_eq(vm_log_step(0, 100, 9), 0);
	ck_assert_uint_eq(vm_log_step(0, 0, 9), 0);
	ck_assert_uint_eq(vm_log_step(1, 100, 9), 1);
	ck_assert_uint_eq(vm_log_step(10, 100, 9), 5);
	ck_assert_uint_eq(vm_log_step(99, 100, 9), 9);
	ck_assert_uint_eq(vm_log_step(9, 10000, 4), 1);
	ck_assert_uint_eq(vm_log_step(10, 10000, 4), 2);
	ck_assert_uint_eq(vm_log_step(1000, 10000, 4), 4);
	ck_assert_uint_eq(vm_log_step(100, 100, 9), 9);
	ck_assert_uint_eq(vm_log_step(1, 1, 9), 9);
	ck_assert_uint_eq(vm_log_step(5, 5, 0), 0);
	ck_assert_uint_eq(vm_log_step(UINT64_MAX - 1, UINT64_MAX, 4), 4);
	unsigned before = 0;
	for (uint64_t v = 1; v <= 5000; v++) {
		const unsigned s = vm_log_step(v, 5000, 8);
		ck_assert(s >= before && s >= 1 && s <= 8);
		before = s;
	}
	ck_assert_uint_eq(before, 8);
}
END_TEST

START_TEST(shades)
{
	unsigned n;
	ck_assert_str_eq(vm_shades(true, &n)[0], " ");
	ck_assert_uint_eq(n, 4);
	ck_assert_str_eq(vm_shades(true, &n)[n], "█");
	ck_assert_str_eq(vm_shades(false, &n)[n], "@");
	ck_assert_uint_eq(n, 9);
}
END_TEST

static const char *histogram(const struct vm_histogram_row *row, size_t n, unsigned width, bool utf8)
{
	const struct vm_style style = { .width = width, .utf8 = utf8 };
	buf.n = 0;
	vm_histogram_put(&buf, row, n, &style);
	return vm_buf_str(&buf);
}

START_TEST(a_distribution)
{
	const struct vm_histogram_row row[] = {
		{ 256, 512, 0 }, { 512, 1024, 3 }, { 1024, 2048, 12 }, { 2048, 4096, 0 }, { 4096, 8192, 1 }, { 8192, 16384, 0 },
	};
	ck_assert_str_eq(histogram(row, 6, 32, false),
			 "512ns-1.0us |  3 | ###\n"
			 "1.0us-2.0us | 12 | #############\n"
			 "2.0us-4.1us |  0 |\n"
			 "4.1us-8.2us |  1 | #\n");
	ck_assert_str_eq(histogram(row, 6, 32, true),
			 "512ns-1.0us │  3 │ ███▎\n"
			 "1.0us-2.0us │ 12 │ █████████████\n"
			 "2.0us-4.1us │  0 │\n"
			 "4.1us-8.2us │  1 │ █▏\n");
	ck_assert_str_eq(histogram(row, 1, 80, true), "");
	ck_assert_str_eq(histogram(row, 0, 80, true), "");
}
END_TEST

START_TEST(a_distribution_fills_its_width)
{
	const struct vm_histogram_row row[] = { { 1000, 2000, UINT64_MAX }, { 999000, 1000000000, 7 } };
	for (unsigned width = 60; width < 200; width += 7) {
		const char *s = histogram(row, 2, width, true);
		ck_assert_uint_eq(vm_text_width(s, strcspn(s, "\n")), width);
	}
	/* 80 where there is no width. */
	const char *s = histogram(row, 2, 0, true);
	ck_assert_uint_eq(vm_text_width(s, strcspn(s, "\n")), 80);
	/* Too narrow: a short bar all the same. */
	ck_assert_ptr_nonnull(strstr(histogram(row, 2, 5, false), "| ########\n"));
}
END_TEST

UNIT_MAIN("strokes", bars, bars_of_nothing_and_of_little, sparklines, sparklines_of_nothing, a_peak_is_not_lost,
	  steps_of_a_logarithm, shades, a_distribution, a_distribution_fills_its_width)
