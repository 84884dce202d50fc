/** cli/tui: what rates were, and which figures are worth a look. */
#include <math.h>

#include "cli/tui/canvas.h"
#include "cli/tui/history.h"
#include "cli/tui/levels.h"
#include "core/field/field.h"
#include "core/model/process.h"
#include "unit.h"

/* ---- History ------------------------------------------------------------------------------------------------------ */

static struct vm_history h;
static struct vm_columns cols;
static struct vm_proc rows[3];

static uint64_t key(const void *row)
{
	return (uint64_t)((const struct vm_proc *)row)->pid;
}

static const struct vm_field *column(const char *name)
{
	return &vm_process_fields.v[vm_field_find(&vm_process_fields, name, strlen(name))];
}

static void choose(const char *spec)
{
	ck_assert_int_eq(vm_columns_parse(&vm_process_fields, spec, VM_F_DEFAULT, &cols, NULL), 0);
}

/** A refresh with these processes, whose rate of minor faults is `rate`. */
static void add(double rate, size_t n, const pid_t *pids)
{
	for (size_t i = 0; i < n; i++) {
		vm_proc_init(&rows[i], pids[i]);
		rows[i].minflt_rate = rate + (double)i;
	}
	vm_history_add(&h, &vm_process_fields, &cols, rows, n, sizeof(rows[0]), key);
}

START_TEST(values_move_on)
{
	choose("PID,MINFLT/S,RSS");
	for (int i = 1; i <= VM_HISTORY_LENGTH + 3; i++)
		add(i * 10, 2, (const pid_t[]){ 7, 9 });
	const float *v = vm_history_get(&h, column("MINFLT/S"), 9);
	ck_assert_ptr_nonnull(v);
	for (int i = 0; i < VM_HISTORY_LENGTH; i++)
		ck_assert_float_eq(v[i], (float)((i + 4) * 10 + 1));
	ck_assert(vm_history_has(&h, column("MINFLT/S")));
	ck_assert(!vm_history_has(&h, column("RSS")));
	ck_assert(!vm_history_has(&h, column("RSS/S")));
	ck_assert_ptr_null(vm_history_get(&h, column("RSS/S"), 9));
	ck_assert_ptr_null(vm_history_get(&h, column("MINFLT/S"), 8));
}
END_TEST

START_TEST(rows_come_and_go)
{
	choose("MINFLT/S");
	add(1, 1, (const pid_t[]){ 7 });
	add(2, 2, (const pid_t[]){ 5, 7 });
	const float *v = vm_history_get(&h, column("MINFLT/S"), 5);
	ck_assert(isnan(v[VM_HISTORY_LENGTH - 2]));
	ck_assert_float_eq(v[VM_HISTORY_LENGTH - 1], 2);
	ck_assert_float_eq(vm_history_get(&h, column("MINFLT/S"), 7)[VM_HISTORY_LENGTH - 2], 1);
	add(3, 1, (const pid_t[]){ 5 });
	ck_assert_ptr_null(vm_history_get(&h, column("MINFLT/S"), 7));
	/* Who comes back begins anew. */
	add(4, 1, (const pid_t[]){ 7 });
	ck_assert(isnan(vm_history_get(&h, column("MINFLT/S"), 7)[VM_HISTORY_LENGTH - 2]));
}
END_TEST

START_TEST(other_columns_begin_anew)
{
	choose("MINFLT/S");
	add(1, 1, (const pid_t[]){ 7 });
	choose("CPU%,MINFLT/S");
	add(2, 1, (const pid_t[]){ 7 });
	ck_assert(isnan(vm_history_get(&h, column("MINFLT/S"), 7)[VM_HISTORY_LENGTH - 2]));
	ck_assert(isnan(vm_history_get(&h, column("CPU%"), 7)[VM_HISTORY_LENGTH - 1]));
	choose("PID");
	add(3, 1, (const pid_t[]){ 7 });
	ck_assert_ptr_null(vm_history_get(&h, column("MINFLT/S"), 7));
}
END_TEST

/** As many rows as there are, however long it goes on. */
START_TEST(it_does_not_grow)
{
	choose("MINFLT/S");
	for (int i = 0; i < 64; i++)
		add(i, 2, (const pid_t[]){ 2 * i + 1, 2 * i + 2 });
	const size_t cap = h.gen[0].past.cap, size = h.gen[0].at.size;
	for (int i = 64; i < 5000; i++)
		add(i, 2, (const pid_t[]){ 2 * i + 1, 2 * i + 2 });
	ck_assert_uint_eq(h.gen[0].past.cap, cap);
	ck_assert_uint_eq(h.gen[0].at.size, size);
}
END_TEST

START_TEST(sparks)
{
	struct vm_canvas c = { 0 };
	struct vm_buf b = { 0 };
	const float v[] = { NAN, 0, 1, 4, -8, 8 };
	ck_assert_int_eq(vm_canvas_reset(&c, 8, 1), 0);
	vm_canvas_spark(&c, 1, 0, v, 6, 0, VM_TINT_NORMAL);
	vm_canvas_dump(&c, &b);
	ck_assert_str_eq(vm_buf_str(&b), "   :+##\n");
	ck_assert_int_eq(c.cell[5].tint, VM_TINT_DIM);
	ck_assert_int_eq(c.cell[6].tint, VM_TINT_NORMAL);
	/* Little is little: the floor is the least that fills it. */
	c.utf8 = true;
	ck_assert_int_eq(vm_canvas_reset(&c, 8, 1), 0);
	vm_canvas_spark(&c, 1, 0, v, 6, 1000, VM_TINT_NORMAL);
	b.n = 0;
	vm_canvas_dump(&c, &b);
	ck_assert_str_eq(vm_buf_str(&b), "   ▁▁▁▁\n");
	vm_buf_free(&b);
	vm_canvas_free(&c);
}
END_TEST

/* ---- Levels ------------------------------------------------------------------------------------------------------- */

static struct vm_levels levels;

static void is(const char *name, struct vm_value v, enum vm_level want)
{
	const enum vm_level level = vm_level_of(&levels, vm_levels_find(&levels, column(name)->name), v);
	ck_assert_msg(level == want, "%s: %d", name, level);
}

START_TEST(usual_levels)
{
	is("RSS", VM_U64(UINT64_C(8) << 30), VM_LEVEL_NONE);
	levels.mem_total = UINT64_C(10) << 30;
	is("RSS", VM_U64(UINT64_C(900) << 20), VM_LEVEL_NONE);
	is("RSS", VM_U64(UINT64_C(1) << 30), VM_LEVEL_WARM);
	is("RSS", VM_U64(UINT64_C(4) << 30), VM_LEVEL_HOT);
	is("RSS", VM_ABSENT, VM_LEVEL_NONE);
	is("MAJFLT/S", VM_F64(5), VM_LEVEL_WARM);
	is("MAJFLT/S", VM_F64(500), VM_LEVEL_HOT);
	is("PID", VM_U64(4000000), VM_LEVEL_NONE);
}
END_TEST

/** Whoever renames a column must not lose its level. */
START_TEST(usual_levels_are_of_columns)
{
	for (const struct vm_threshold *t = vm_usual_levels; *t->column; t++)
		ck_assert_msg(vm_field_find(&vm_process_fields, t->column, strlen(t->column)) >= 0 || strcmp(t->column, "MISPL%") == 0,
			      "%s", t->column);
}
END_TEST

START_TEST(own_levels)
{
	levels.mem_total = UINT64_C(10) << 30;
	ck_assert(vm_levels_set(&levels, "RSS", "1M 2M"));
	is("RSS", VM_U64(1 << 20), VM_LEVEL_WARM);
	is("RSS", VM_U64(2 << 20), VM_LEVEL_HOT);
	ck_assert(vm_levels_set(&levels, "rss", "50% 90%"));
	is("RSS", VM_U64(2 << 20), VM_LEVEL_NONE);
	is("RSS", VM_U64(UINT64_C(6) << 30), VM_LEVEL_WARM);
	ck_assert(vm_levels_set(&levels, "MEM%", "50% 90%"));
	is("MEM%", VM_F64(0.6), VM_LEVEL_WARM);
	ck_assert(vm_levels_set(&levels, "RSS", "none"));
	is("RSS", VM_U64(UINT64_C(9) << 30), VM_LEVEL_NONE);
	ck_assert(vm_levels_set(&levels, "MINFLT/S", "10 20"));
	is("MINFLT/S", VM_F64(11), VM_LEVEL_WARM);
	static const char *const wrong[] = { "", "1", "2M 1M", "1 2 3", "a b", "10% 1G", "-1 5" };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(!vm_levels_set(&levels, "RSS", wrong[i]), "%s", wrong[i]);
}
END_TEST

UNIT_MAIN("tui_rows", values_move_on, rows_come_and_go, other_columns_begin_anew, it_does_not_grow, sparks, usual_levels,
	  usual_levels_are_of_columns, own_levels)
