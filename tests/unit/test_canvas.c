/** cli/tui/canvas: clipping, widths, bars, harmless text. */

#include "cli/tui/canvas.h"

#include <locale.h>

#include "unit.h"

static struct vm_canvas canvas;
static struct vm_buf out;

static void set_up(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	canvas.utf8 = true;
	ck_assert_int_eq(vm_canvas_reset(&canvas, 10, 2), 0);
}

static const char *dump(void)
{
	out.n = 0;
	vm_canvas_dump(&canvas, &out);
	return vm_buf_str(&out);
}

START_TEST(text_is_clipped)
{
	set_up();
	ck_assert_int_eq(vm_canvas_text(&canvas, 0, 0, 4, VM_TINT_NORMAL, "abcdef"), 4);
	vm_canvas_text(&canvas, 8, 1, 10, VM_TINT_NORMAL, "xyz");
	vm_canvas_text(&canvas, 0, 7, 10, VM_TINT_NORMAL, "nowhere");
	vm_canvas_text(&canvas, -1, 1, 10, VM_TINT_NORMAL, "Ab");
	ck_assert_str_eq(dump(), "abcd\nb       xy\n");
}
END_TEST

START_TEST(control_characters_do_nothing)
{
	set_up();
	vm_canvas_text(&canvas, 0, 0, 10, VM_TINT_NORMAL, "a\033[2J");
	vm_canvas_text(&canvas, 0, 1, 10, VM_TINT_NORMAL, "\xc2\x9b" "1m");
	const char *text = dump();
	ck_assert_ptr_null(strchr(text, '\033'));
	ck_assert_str_eq(text, "a\\033[2J\n\\302\\2331m\n");
}
END_TEST

START_TEST(wide_characters_are_not_halved)
{
	set_up();
	/* 日本 take two columns each. */
	ck_assert_int_eq(vm_canvas_text(&canvas, 0, 0, 3, VM_TINT_NORMAL, "日本"), 2);
	ck_assert_int_eq(vm_canvas_text_width(&canvas, "日本x"), 5);
	vm_canvas_text(&canvas, 9, 1, 2, VM_TINT_NORMAL, "日");
	ck_assert_str_eq(dump(), "日\n\n");
	/* Writing over one half blanks the other. */
	vm_canvas_text(&canvas, 1, 0, 1, VM_TINT_NORMAL, "x");
	ck_assert_str_eq(dump(), " x\n\n");
}
END_TEST

START_TEST(combining_characters_take_no_column)
{
	set_up();
	ck_assert_int_eq(vm_canvas_text(&canvas, 0, 0, 10, VM_TINT_NORMAL, "e\xcc\x81x"), 2);
	ck_assert_str_eq(dump(), "ex\n\n");
}
END_TEST

START_TEST(ascii_terminals_get_ascii)
{
	set_up();
	canvas.utf8 = false;
	vm_canvas_text(&canvas, 0, 0, 10, VM_TINT_NORMAL, "naïve");
	const struct vm_bar_part part = { 1, VM_TINT_BAR_ANON, 'a' };
	vm_canvas_bar(&canvas, 0, 1, 10, 2, &part, 1);
	ck_assert_str_eq(dump(), "na?ve\n[aaaa    ]\n");
}
END_TEST

START_TEST(right_aligned)
{
	set_up();
	vm_canvas_right(&canvas, 2, 0, 6, VM_TINT_NORMAL, "12.3M");
	vm_canvas_right(&canvas, 0, 1, 3, VM_TINT_NORMAL, "12345");
	ck_assert_str_eq(dump(), "   12.3M\n123\n");
}
END_TEST

START_TEST(bars_end_on_eighths)
{
	set_up();
	const struct vm_bar_part part = { 0.5, VM_TINT_BAR_ANON, 'a' };
	vm_canvas_bar(&canvas, 0, 0, 9, 2, &part, 1);
	/* A quarter of 7 columns is one column and six eighths. */
	ck_assert_str_eq(dump(), "[█▊     ]\n\n");
}
END_TEST

START_TEST(bars_never_overflow)
{
	set_up();
	const struct vm_bar_part parts[] = { { 3, VM_TINT_BAR_ANON, 'a' }, { 3, VM_TINT_BAR_FILE, 'f' } };
	canvas.utf8 = false;
	vm_canvas_bar(&canvas, 0, 0, 10, 4, parts, 2);
	vm_canvas_bar(&canvas, 0, 1, 10, 0, parts, 2);
	ck_assert_str_eq(dump(), "[aaaaaaff]\n[        ]\n");
	vm_canvas_bar(&canvas, 0, 1, 2, 1, parts, 2);
}
END_TEST

START_TEST(no_cells_no_crash)
{
	set_up();
	ck_assert_int_eq(vm_canvas_reset(&canvas, 0, 5), 0);
	vm_canvas_text(&canvas, 0, 0, 10, VM_TINT_NORMAL, "abc");
	vm_canvas_tint(&canvas, -3, -3, 100, VM_TINT_SELECT);
	ck_assert_int_eq(vm_canvas_reset(&canvas, -1, -1), 0);
	ck_assert_str_eq(dump(), "");
}
END_TEST

UNIT_MAIN("canvas", text_is_clipped, control_characters_do_nothing, wide_characters_are_not_halved,
	  combining_characters_take_no_column, ascii_terminals_get_ascii, right_aligned,
	  bars_end_on_eighths, bars_never_overflow, no_cells_no_crash)
