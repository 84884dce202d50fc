/** cli/render/heat: counts over two axes as shades, for every kind of terminal. */
#include "cli/render/heat.h"

#include <stdio.h>

#include "cli/render/report.h"
#include "cli/render/text.h"
#include "unit.h"

static struct vm_buf buf;

static const char *draw(const struct vm_heat *h, unsigned width, bool utf8, bool color)
{
	const struct vm_style style = { .width = width, .utf8 = utf8, .color = color };
	buf.n = 0;
	vm_heat_put(&buf, h, &style);
	ck_assert(!buf.failed);
	return vm_buf_str(&buf);
}

static const uint64_t ramp[] = { 0, 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000 };

START_TEST(shades_follow_the_logarithm)
{
	const struct vm_heat h = { .title = "over time", .unit = "faults", .count = ramp, .rows = 1, .cols = 10 };
	ck_assert_str_eq(draw(&h, 12, false, false),
			 "over time\n"
			 " | .:-=+*#%@\n"
			 " +----------\n"
			 "faults in a cell: 1 .:-=+*#%@ 100000000, log scale\n");
	const char *s = draw(&h, 12, true, false);
	ck_assert_ptr_nonnull(strstr(s, " │ ░░▒▒▓▓███\n └──────────\n"));
	ck_assert_ptr_nonnull(strstr(s, ": 1 ░▒▓█ 100000000, log scale\n"));
}
END_TEST

START_TEST(colors_draw_two_rows_in_a_line)
{
	const uint64_t c[] = { 0, 0, 7, 1,
			       0, 7, 0, 1 };
	const struct vm_heat h = { .unit = "faults", .count = c, .rows = 2, .cols = 4 };
	/* Nothing, lower half only, upper half only, both alike. */
	const char *s = draw(&h, 10, true, true);
	ck_assert_ptr_nonnull(strstr(s, " │  \033[38;5;220m▄▄▀▀\033[38;5;18m\033[48;5;18m▀▀\033[39m\033[49m\n"));
	/* Without UTF-8 the ground has the colour, a row a line. */
	s = draw(&h, 10, false, true);
	ck_assert_ptr_nonnull(strstr(s, " |    \033[48;5;220m  \033[48;5;18m  \033[49m\n"
				     " |  \033[48;5;220m  \033[49m  \033[48;5;18m  \033[49m\n"));
}
END_TEST

/** Relative luminance of a colour of the 6x6x6 cube (IEC 61966-2-1). */
static double luminance(unsigned color)
{
	static const double level[] = { 0, 0.1144, 0.2423, 0.4287, 0.6795, 1 };
	color -= 16;
	return 0.2126 * level[color / 36] + 0.7152 * level[color / 6 % 6] + 0.0722 * level[color % 6];
}

START_TEST(colors_are_in_order_of_brightness)
{
	const struct vm_heat h = { .unit = "faults", .count = ramp, .rows = 1, .cols = 10 };
	const char *s = strstr(draw(&h, 80, true, true), "in a cell: 1");
	double before = 0;
	unsigned n = 0, color;
	ck_assert_ptr_nonnull(s);
	for (; (s = strstr(s, "\033[38;5;")); s++, n++) {
		ck_assert_int_eq(sscanf(s, "\033[38;5;%um", &color), 1);
		ck_assert_msg(luminance(color) > before * 1.1, "colour %u is no brighter than the one before", color);
		before = luminance(color);
	}
	ck_assert_uint_eq(n, 8);
}
END_TEST

START_TEST(too_many_are_added_up)
{
	uint64_t c[100 * 100];
	for (size_t i = 0; i < 100 * 100; i++)
		c[i] = 1;
	const struct vm_heat h = {
		.unit = "faults", .count = c, .rows = 100, .cols = 100, .max_lines = 10, .row_bytes = 4096, .col_ns = 1000000,
	};
	const char *s = draw(&h, 52, false, false);
	/* Ten rows by two columns in each. */
	ck_assert_ptr_nonnull(strstr(s, "faults in a cell of 40.0K by 2.0ms: 1 .:-=+*#%@ 20, log scale\n"));
	size_t lines = 0;
	for (; strncmp(s, " |@@", 4) == 0; s = strchr(s, '\n') + 1) {
		ck_assert_uint_eq(strspn(s + 2, "@"), 50);
		lines++;
	}
	ck_assert_uint_eq(lines, 10);
	/* Two rows a line: half as many to a cell. */
	ck_assert_ptr_nonnull(strstr(draw(&h, 52, true, true), "faults in a cell of 20.0K by 2.0ms: 1 "));
	c[0] = c[1] = UINT64_MAX;
	ck_assert_ptr_nonnull(strstr(draw(&h, 52, false, false), "18446744073709551615, log scale"));
}
END_TEST

START_TEST(nothing_and_one)
{
	const uint64_t c[] = { 0, 0, 0, 0 };
	const uint64_t one[] = { 0, 1, 0, 0 };
	struct vm_heat h = { .unit = "faults", .count = c, .rows = 2, .cols = 2 };
	ck_assert_str_eq(draw(&h, 12, false, false), " |          \n |          \n +----------\nfaults in a cell: none\n");
	h.count = one;
	ck_assert_str_eq(draw(&h, 12, false, false),
			 " |     @@@@@\n |          \n +----------\nfaults in a cell: @ 1\n");
	h.rows = 0;
	ck_assert_str_eq(draw(&h, 12, false, false), "");
}
END_TEST

START_TEST(ticks)
{
	const uint64_t c[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	const struct vm_heat_tick rows[] = { { 0, "stack" }, { 2, "libc" }, { 3, "heap" } };
	const struct vm_heat_tick cols[] = { { 0, "0s" }, { 1, "1s" } };
	struct vm_heat h = {
		.unit = "faults", .count = c, .rows = 4, .cols = 2,
		.row_tick = rows, .row_ticks = 3, .col_tick = cols, .col_ticks = 2,
	};
	ck_assert_str_eq(draw(&h, 23, false, false),
			 "stack +@@@@@@@@@@@@@@@@\n"
			 "      |@@@@@@@@@@@@@@@@\n"
			 " libc +@@@@@@@@@@@@@@@@\n"
			 " heap +@@@@@@@@@@@@@@@@\n"
			 "      ++-------+-------\n"
			 "       0s      1s\n"
			 "faults in a cell: @ 1\n");
	/* Two rows a line: two ticks fall on the second. */
	h.max_lines = 2;
	const char *s = draw(&h, 23, true, false);
	ck_assert_ptr_nonnull(strstr(s, "stack ┤████"));
	ck_assert_ptr_nonnull(strstr(s, "\n…c +1 ┤████"));
	ck_assert_ptr_nonnull(strstr(s, "\n      └┬───────┬───────\n"));
	/* The one that has more. */
	const uint64_t heap[8] = { 1, 1, 1, 1, 1, 1, 1, 2 };
	h.count = heap;
	ck_assert_ptr_nonnull(strstr(draw(&h, 23, true, false), "\n…p +1 ┤"));
}
END_TEST

START_TEST(hostile_words)
{
	const uint64_t c[4] = { 1, 1, 1, 1 };
	const struct vm_heat_tick rows[] = { { 0, "\033[2J\xff a very long name that can't be shown" }, { 9, "beyond" } };
	const struct vm_heat_tick cols[] = { { 0, "\n" }, { 1, "too long by far to be shown in so little room" }, { 77, "x" } };
	const struct vm_heat h = {
		.title = "a\nb", .unit = "faults", .count = c, .rows = 2, .cols = 2,
		.row_tick = rows, .row_ticks = 2, .col_tick = cols, .col_ticks = 3,
	};
	const char *s = draw(&h, 40, false, false);
	ck_assert_ptr_null(strchr(s, '\033'));
	ck_assert_ptr_eq(strstr(s, "a\\012b\n..'t be shown +@"), s);
	ck_assert_ptr_null(strstr(s, "beyond"));
	ck_assert_ptr_null(strstr(s, "too long"));
	ck_assert_ptr_nonnull(strstr(s, " \\012\n"));
	for (; *s; s += strcspn(s, "\n") + 1)
		ck_assert_uint_le(strcspn(s, "\n"), 40);
}
END_TEST

START_TEST(never_wider_than_the_terminal)
{
	uint64_t c[40 * 300] = { 3 };
	const struct vm_heat_tick rows[] = { { 0, "7ffff7dd5000 libc.so.6" }, { 5, "[heap]" } };
	struct vm_heat_scale scale;
	struct vm_heat h = {
		.title = "address by time", .unit = "faults", .count = c, .rows = 40, .row_tick = rows, .row_ticks = 2,
		.col_tick = scale.tick,
	};
	for (unsigned width = 30; width < 220; width += 3)
		for (h.cols = 1; h.cols <= 300; h.cols = h.cols * 3 / 2 + 1) {
			vm_heat_time_scale(&scale, 60000000000, h.cols);
			h.col_ticks = scale.n;
			h.max_lines = width % 7 * 3;
			const char *s = draw(&h, width, true, false);
			size_t lines = 0;
			for (; strncmp(s, "faults in", 9); s += strcspn(s, "\n") + 1, lines++)
				ck_assert_uint_le(vm_text_width(s, strcspn(s, "\n")), width);
			ck_assert_uint_le(lines, (h.max_lines ? h.max_lines : 40) + 3);
		}
}
END_TEST

START_TEST(round_times)
{
	struct vm_heat_scale s;
	vm_heat_time_scale(&s, 10000000000, 100);
	ck_assert_uint_eq(s.n, 10);
	ck_assert_str_eq(s.tick[0].text, "0s");
	ck_assert_str_eq(s.tick[3].text, "3s");
	ck_assert_uint_eq(s.tick[3].at, 30);
	vm_heat_time_scale(&s, 1500000000, 30);
	ck_assert_uint_eq(s.n, 8);
	ck_assert_str_eq(s.tick[1].text, "200ms");
	ck_assert_uint_eq(s.tick[1].at, 4);
	ck_assert_str_eq(s.tick[5].text, "1s");
	for (uint64_t span = 1; span < UINT64_MAX / 3; span = span * 3 / 2 + 1) {
		vm_heat_time_scale(&s, span, 80);
		ck_assert(s.n >= 1 && s.n <= 13);
		ck_assert(span < 13 || s.n >= 5);
		for (size_t i = 0; i < s.n; i++) {
			ck_assert_uint_lt(s.tick[i].at, 80);
			ck_assert(i == 0 || s.tick[i].at > s.tick[i - 1].at);
		}
	}
	vm_heat_time_scale(&s, 0, 80);
	ck_assert_uint_eq(s.n, 0);
	vm_heat_time_scale(&s, 80, 0);
	ck_assert_uint_eq(s.n, 0);
}
END_TEST

START_TEST(rows_of_latencies)
{
	const struct vm_heat_latency l = { .low = 1000, .high = 1000000000, .rows = 12 };
	struct vm_heat_scale s;
	ck_assert_uint_eq(vm_heat_latency_row(&l, 0), 11);
	ck_assert_uint_eq(vm_heat_latency_row(&l, 1000), 11);
	ck_assert_uint_eq(vm_heat_latency_row(&l, 3000), 11);
	ck_assert_uint_eq(vm_heat_latency_row(&l, 3200), 10);
	ck_assert_uint_eq(vm_heat_latency_row(&l, 10000), 9);
	ck_assert_uint_eq(vm_heat_latency_row(&l, 999999999), 0);
	ck_assert_uint_eq(vm_heat_latency_row(&l, UINT64_MAX), 0);
	vm_heat_latency_scale(&s, &l);
	const char *const text[] = { "1s", "100ms", "10ms", "1ms", "100us", "10us", "1us" };
	const size_t at[] = { 0, 1, 3, 5, 7, 9, 11 };
	ck_assert_uint_eq(s.n, 7);
	for (size_t i = 0; i < s.n; i++) {
		ck_assert_str_eq(s.tick[i].text, text[i]);
		ck_assert_uint_eq(s.tick[i].at, at[i]);
	}
	const struct vm_heat_latency odd = { .low = 300, .high = 5000, .rows = 3 };
	vm_heat_latency_scale(&s, &odd);
	ck_assert_uint_eq(s.n, 1);
	ck_assert_str_eq(s.tick[0].text, "1us");
}
END_TEST

UNIT_MAIN("heat", shades_follow_the_logarithm, colors_draw_two_rows_in_a_line, colors_are_in_order_of_brightness,
	  too_many_are_added_up, nothing_and_one, ticks, hostile_words, never_wider_than_the_terminal, round_times,
	  rows_of_latencies)
