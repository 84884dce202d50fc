/** core/field/field: columns, text, order; and what every real table must obey. */
#include "core/field/field.h"

#include <ctype.h>
#include <errno.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "rows.h"

START_TEST(find)
{
	ck_assert_int_eq(vm_field_find(&row_set, "SIZE", 4), 1);
	ck_assert_int_eq(vm_field_find(&row_set, "size", 4), 1);
	ck_assert_int_eq(vm_field_find(&row_set, "Size_Bytes", 10), 1);
	ck_assert_int_eq(vm_field_find(&row_set, "mem%", 4), 2);
	ck_assert_int_eq(vm_field_find(&row_set, "flt/s", 5), 7);
	ck_assert_int_eq(vm_field_find(&row_set, "SIZES", 4), 1);
	ck_assert_int_eq(vm_field_find(&row_set, "SIZES", 5), -1);
	ck_assert_int_eq(vm_field_find(&row_set, "SIZ", 3), -1);
	ck_assert_int_eq(vm_field_find(&row_set, "", 0), -1);
	char text[200];
	memset(text, 'x', sizeof(text));
	ck_assert_int_eq(vm_field_find(&row_set, text, sizeof(text)), -1);
}
END_TEST

START_TEST(suggest)
{
	ck_assert_pstr_eq(vm_field_suggest(&row_set, "SIZ"), "SIZE");
	ck_assert_pstr_eq(vm_field_suggest(&row_set, "NAEM"), "NAME");
	ck_assert_pstr_eq(vm_field_suggest(&row_set, "size_byte"), "SIZE");
	ck_assert_pstr_eq(vm_field_suggest(&row_set, "strat"), "START");
	ck_assert_ptr_null(vm_field_suggest(&row_set, "completely-else"));
	ck_assert_ptr_null(vm_field_suggest(&row_set, "x"));
	ck_assert_ptr_null(vm_field_suggest(&row_set, ""));
}
END_TEST

/** The columns that `spec` chooses, as names, or the message. */
static const char *columns(const char *spec, unsigned flag)
{
	static char text[600];
	struct vm_columns cols = { .n = 77 };
	struct vm_err err = { 0 };
	int r = vm_columns_parse(&row_set, spec, flag, &cols, &err);
	if (r < 0) {
		ck_assert_int_eq(r, -EINVAL);
		ck_assert_uint_eq(cols.n, 77);
		snprintf(text, sizeof(text), "error: %s; %s", err.what, err.hint);
		return text;
	}
	text[0] = '\0';
	for (size_t i = 0; i < cols.n; i++) {
		strcat(text, i ? " " : "");
		strcat(text, row_table[cols.at[i]].name);
	}
	return text;
}

START_TEST(columns_parse)
{
	ck_assert_str_eq(columns(NULL, VM_F_DEFAULT), "NAME SIZE");
	ck_assert_str_eq(columns("", VM_F_DEFAULT), "NAME SIZE");
	ck_assert_str_eq(columns(NULL, VM_F_MACHINE), "NAME");
	ck_assert_str_eq(columns("START,NAME", VM_F_DEFAULT), "START NAME");
	ck_assert_str_eq(columns("start, name", VM_F_DEFAULT), "START NAME");
	ck_assert_str_eq(columns("NAME,NAME,name", VM_F_DEFAULT), "NAME");
	ck_assert_str_eq(columns("+GONE", VM_F_DEFAULT), "NAME SIZE GONE");
	ck_assert_str_eq(columns("+GONE,START", VM_F_DEFAULT), "NAME SIZE GONE START");
	ck_assert_str_eq(columns("+SIZE", VM_F_DEFAULT), "NAME SIZE");
	ck_assert_str_eq(columns("-NAME", VM_F_DEFAULT), "SIZE");
	ck_assert_str_eq(columns("all,-SIZE,-MADE", VM_F_DEFAULT), "NAME MEM% GONE START WAIT VMFLAGS FLT/S");
	ck_assert_str_eq(columns("ALL", VM_F_DEFAULT), "NAME SIZE MEM% GONE START WAIT VMFLAGS FLT/S MADE");
	ck_assert_str_eq(columns("START,,NAME,", VM_F_DEFAULT), "START NAME");
	ck_assert_str_eq(columns("NAME,-NAME,SIZE", VM_F_DEFAULT), "SIZE");
	ck_assert_str_eq(columns("NAME,-all,SIZE", VM_F_DEFAULT), "SIZE");
}
END_TEST

START_TEST(columns_refused)
{
	ck_assert_str_eq(columns("SZIE", VM_F_DEFAULT),
			 "error: there is no column 'SZIE' of a row; did you mean SIZE?");
	ck_assert_str_eq(columns("NAME,completely-else", VM_F_DEFAULT),
			 "error: there is no column 'completely-else' of a row; --help lists the columns");
	ck_assert_str_eq(columns("+SZIE", VM_F_DEFAULT),
			 "error: there is no column 'SZIE' of a row; did you mean SIZE?");
	ck_assert_str_eq(columns("-NAME,-SIZE", VM_F_DEFAULT), "error: no column is left in '-NAME,-SIZE'; ");
	ck_assert_str_eq(columns("-all", VM_F_DEFAULT), "error: no column is left in '-all'; ");
	ck_assert_str_eq(columns(",", VM_F_DEFAULT), "error: no column is left in ','; ");
	ck_assert_str_eq(columns("\033[31m", VM_F_DEFAULT),
			 "error: there is no column '?[31m' of a row; --help lists the columns");
}
END_TEST

START_TEST(columns_needs)
{
	struct vm_columns cols;
	ck_assert_int_eq(vm_columns_parse(&row_set, "GONE", 0, &cols, NULL), 0);
	ck_assert_uint_eq(vm_columns_needs(&row_set, &cols), 0);
	ck_assert_int_eq(vm_columns_parse(&row_set, "NAME,MEM%", 0, &cols, NULL), 0);
	ck_assert_uint_eq(vm_columns_needs(&row_set, &cols), NEED_A | NEED_B | NEED_C);
}
END_TEST

static void shows(struct vm_value v, enum vm_unit unit, bool exact, const char *want)
{
	char buf[300];
	ck_assert_str_eq(vm_value_text(v, unit, exact, buf, sizeof(buf)), want);
}

START_TEST(text_of_numbers)
{
	shows(VM_ABSENT, VM_U_BYTES, false, "-");
	shows(VM_ABSENT, VM_U_NONE, true, "-");
	shows(VM_U64(0), VM_U_BYTES, false, "0");
	shows(VM_U64(12897485), VM_U_BYTES, false, "12.3M");
	shows(VM_U64(12897485), VM_U_BYTES, true, "12897485");
	shows(VM_U64(UINT64_MAX), VM_U_BYTES, false, "unlimited");
	shows(VM_U64(UINT64_MAX), VM_U_COUNT, false, "18446744073709551615");
	shows(VM_U64(5), VM_U_COUNT, false, "5");
	shows(VM_U64(0x400000), VM_U_ADDR, false, "000000400000");
	shows(VM_U64(0x7f0012345000), VM_U_ADDR, true, "7f0012345000");
	/* 12 or 16 digits, nothing between. */
	shows(VM_U64(UINT64_C(0x4000000000000)), VM_U_ADDR, false, "0004000000000000");
	shows(VM_U64(UINT64_C(0xffffffffff600000)), VM_U_ADDR, false, "ffffffffff600000");
	shows(VM_U64(1500), VM_U_NS, false, "1.5us");
	shows(VM_U64(1500), VM_U_NS, true, "1500");
	shows(VM_F64(0.125), VM_U_RATIO, false, "12.5");
	shows(VM_F64(0.125), VM_U_RATIO, true, "0.125000");
	shows(VM_F64(1), VM_U_RATIO, false, "100.0");
	shows(VM_F64(NAN), VM_U_RATIO, false, "-");
	shows(VM_F64(INFINITY), VM_U_PERSEC, false, "-");
	shows(VM_F64(0), VM_U_PERSEC, false, "0.0");
	shows(VM_F64(3.14), VM_U_PERSEC, false, "3.1");
	shows(VM_F64(1234.5), VM_U_PERSEC, true, "1234.500");
	shows(VM_F64(81204), VM_U_PERSEC, false, "81204");
	shows(VM_F64(-2048), VM_U_BYTES_PERSEC, false, "-2.0K");
	shows(VM_F64(1536), VM_U_BYTES_PERSEC, false, "1.5K");
	shows(VM_BOOL(true), VM_U_NONE, false, "yes");
	shows(VM_BOOL(false), VM_U_NONE, true, "no");
	shows(VM_LIST("rd wr"), VM_U_NONE, false, "rd wr");
}
END_TEST

START_TEST(text_of_hostile_strings)
{
	shows(VM_STR(""), VM_U_NONE, false, "");
	shows(VM_STR("/usr/bin/x y"), VM_U_NONE, false, "/usr/bin/x y");
	shows(VM_STR("a\nb\tc"), VM_U_NONE, false, "a\\012b\\011c");
	shows(VM_STR("\033[31mred"), VM_U_NONE, false, "\\033[31mred");
	shows(VM_STR("del\177"), VM_U_NONE, false, "del\\177");
	shows(VM_STR("\xc2\x9b" "2J"), VM_U_NONE, false, "\\302\\2332J");
	shows(VM_STR("\x9b"), VM_U_NONE, false, "\\233");
	shows(VM_STR("\xff\xfe!"), VM_U_NONE, false, "\\377\\376!");
	shows(VM_STR("Gr\xc3\xbc\xc3\x9f" "e"), VM_U_NONE, false, "Gr\xc3\xbc\xc3\x9f" "e");
	shows(VM_STR("back\\slash \"q\" 'r'"), VM_U_NONE, false, "back\\slash \"q\" 'r'");
	shows(VM_LIST("\n"), VM_U_NONE, true, "\\012");
}
END_TEST

/* Whatever two bytes a name holds: nothing that a terminal obeys comes out. */
START_TEST(no_control_character_ever)
{
	for (unsigned a = 1; a < 256; a++) {
		for (unsigned b = 0; b < 256; b++) {
			const char s[] = { (char)a, (char)b, '\0' };
			struct vm_buf out = { 0 };
			vm_text_put(&out, s);
			const char *t = vm_buf_str(&out);
			for (size_t len = strlen(t), used; len; len -= used, t += used) {
				uint32_t c = vm_utf8_next(t, len, &used);
				ck_assert(c >= 0x20 && c != 0x7f && !(c >= 0x80 && c < 0xa0));
			}
			vm_buf_free(&out);
		}
	}
}
END_TEST

START_TEST(text_is_cut_to_the_buffer)
{
	char buf[8];
	memset(buf, '#', sizeof(buf));
	ck_assert_str_eq(vm_value_text(VM_STR("abcdefghij"), VM_U_NONE, false, buf, 5), "abcd");
	ck_assert_int_eq(buf[5], '#');
	ck_assert_str_eq(vm_value_text(VM_STR("abcdefghij"), VM_U_NONE, false, buf, 1), "");
}
END_TEST

static int sign(int x)
{
	return (x > 0) - (x < 0);
}

static void ordered(struct vm_value a, struct vm_value b, int want)
{
	ck_assert_int_eq(sign(vm_value_compare(a, b)), want);
	ck_assert_int_eq(sign(vm_value_compare(b, a)), -want);
}

START_TEST(compare)
{
	ordered(VM_U64(1), VM_U64(2), -1);
	ordered(VM_U64(2), VM_U64(2), 0);
	ordered(VM_U64(UINT64_MAX), VM_U64(0), 1);
	ordered(VM_U64(UINT64_C(1) << 63), VM_U64(1), 1);
	ordered(VM_F64(-0.5), VM_F64(0.5), -1);
	ordered(VM_F64(1e300), VM_F64(1e299), 1);
	ordered(VM_BOOL(false), VM_BOOL(true), -1);
	ordered(VM_STR("a"), VM_STR("b"), -1);
	ordered(VM_STR("a"), VM_STR("a"), 0);
	ordered(VM_ABSENT, VM_U64(0), 1);
	ordered(VM_ABSENT, VM_STR(""), 1);
	ordered(VM_ABSENT, VM_ABSENT, 0);
	ordered(VM_F64(NAN), VM_F64(1e300), 1);
	ordered(VM_F64(NAN), VM_ABSENT, 0);
}
END_TEST

/** Names of the rows after sorting by `spec`. */
static const char *sorted(const char *spec, const struct row *v, size_t n)
{
	static char text[300];
	const void *rows[20];
	struct vm_sort sort;
	ck_assert_int_eq(vm_sort_parse(&row_set, spec, &sort, NULL), 0);
	for (size_t i = 0; i < n; i++)
		rows[i] = &v[i];
	ck_assert_int_eq(vm_sort_rows(&sort, rows, n), 0);
	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		strcat(text, ((const struct row *)rows[i])->name);
	return text;
}

START_TEST(sort_rows)
{
	static const struct row v[] = {
		{ .name = "c", .size = 5, .share = 0.1 }, { .name = "a", .size = UNKNOWN_SIZE, .share = NAN },
		{ .name = "e", .size = 9, .share = 0.1 }, { .name = "b", .size = 5, .share = 0.9 },
		{ .name = "d", .size = UNKNOWN_SIZE, .share = 0.1 }, { .name = "f", .size = 1, .share = NAN },
	};
	ck_assert_str_eq(sorted(NULL, v, 6), "caebdf");
	ck_assert_str_eq(sorted("", v, 6), "caebdf");
	/* Biggest first; equals keep their order; not known comes last. */
	ck_assert_str_eq(sorted("SIZE", v, 6), "ecbfad");
	ck_assert_str_eq(sorted("-SIZE", v, 6), "fcbead");
	ck_assert_str_eq(sorted("+size_bytes", v, 6), "ecbfad");
	ck_assert_str_eq(sorted("NAME", v, 6), "abcdef");
	ck_assert_str_eq(sorted("-NAME", v, 6), "fedcba");
	ck_assert_str_eq(sorted("MEM%", v, 6), "bcedaf");
	ck_assert_str_eq(sorted("-MEM%", v, 6), "cedbaf");
	/* Texts that the getter makes in its scratch. */
	ck_assert_str_eq(sorted("MADE", v, 6), "abcdef");
	ck_assert_str_eq(sorted("NAME", v, 1), "c");
	ck_assert_str_eq(sorted("NAME", v, 0), "");
}
END_TEST

START_TEST(sort_parse_refuses)
{
	struct vm_sort sort = { .reverse = true };
	struct vm_err err = { 0 };
	ck_assert_int_eq(vm_sort_parse(&row_set, "-SZIE", &sort, &err), -EINVAL);
	ck_assert_str_eq(err.what, "there is no column 'SZIE' of a row");
	ck_assert_str_eq(err.hint, "did you mean SIZE?");
	ck_assert(sort.reverse);
	ck_assert_ptr_null(sort.field);
}
END_TEST

static bool is_key(const char *s)
{
	if (!islower((unsigned char)*s))
		return false;
	for (; *s; s++)
		if (!islower((unsigned char)*s) && !isdigit((unsigned char)*s) && *s != '_')
			return false;
	return true;
}

static bool ends(const char *s, const char *with)
{
	size_t n = strlen(s), m = strlen(with);
	return n >= m && strcmp(s + n - m, with) == 0;
}

static void check_table(const struct vm_fieldset *set)
{
	ck_assert_uint_le(set->n, VM_COLUMNS_MAX);
	for (size_t i = 0; i < set->n; i++) {
		const struct vm_field *f = &set->v[i];
		ck_assert_ptr_nonnull(f->get);
		ck_assert_msg(is_key(f->key), "%s has the key '%s'", f->name, f->key);
		ck_assert_msg(f->help && f->help[0] && f->help[strlen(f->help) - 1] != '.' && strlen(f->help) < 100,
			      "%s says '%s'", f->name, f->help ? f->help : "nothing");
		ck_assert_msg(f->source && f->source[0], "%s has no source", f->name);
		ck_assert_msg(!strpbrk(f->name, ", +\n"), "'%s' can't be typed after -o", f->name);
		ck_assert_msg(f->name[0] != '-', "'%s' can't be typed after -o", f->name);
		ck_assert_msg(f->type != VM_T_ABSENT, "%s has no type", f->name);
		/* Keys say their unit. */
		if (f->unit == VM_U_BYTES)
			ck_assert_msg(ends(f->key, "_bytes"), "%s has the key '%s'", f->name, f->key);
		if (f->unit == VM_U_NS)
			ck_assert_msg(ends(f->key, "_ns"), "%s has the key '%s'", f->name, f->key);
		if (ends(f->key, "_bytes"))
			ck_assert_msg(f->unit == VM_U_BYTES, "%s isn't bytes", f->name);
		if (f->flags & VM_F_SUM)
			ck_assert_msg(f->type == VM_T_U64 || f->type == VM_T_F64, "%s has no sum", f->name);
		/* A word means one column only. */
		for (size_t k = 0; k < set->n; k++) {
			if (k == i)
				continue;
			ck_assert_msg(!vm_streq_nocase(f->name, set->v[k].name), "%s stands twice", f->name);
			ck_assert_msg(strcmp(f->key, set->v[k].key) != 0, "%s stands twice", f->key);
			ck_assert_msg(!vm_streq_nocase(f->name, set->v[k].key), "%s is a name and a key", f->name);
		}
		ck_assert_int_eq(vm_field_find(set, f->name, strlen(f->name)), (int)i);
		ck_assert_int_eq(vm_field_find(set, f->key, strlen(f->key)), (int)i);
	}
}

START_TEST(real_tables)
{
	check_table(&vm_mapping_fields);
	check_table(&vm_process_fields);
	check_table(&vm_mm_fields);
	check_table(&vm_source_fields);
}
END_TEST

/* Keys that other programs were promised. */
START_TEST(promised_keys)
{
	static const char mapping[] =
		"start end size_bytes rss_bytes pss_bytes pss_dirty_bytes uss_bytes shared_clean_bytes "
		"shared_dirty_bytes private_clean_bytes private_dirty_bytes referenced_bytes anon_bytes thp_bytes "
		"swap_bytes swap_pss_bytes locked_bytes page_bytes perm kind offset_bytes device inode name vm_flags";
	static const char process[] =
		"pid start_ticks comm cmdline uid vsz_bytes rss_bytes pss_bytes uss_bytes swap_bytes swap_pss_bytes "
		"locked_bytes page_tables_bytes anon_bytes file_bytes shmem_bytes thp_bytes hugetlb_bytes "
		"minor_faults major_faults";
	static const struct { const struct vm_fieldset *set; const char *keys; } tab[] = {
		{ &vm_mapping_fields, mapping }, { &vm_process_fields, process },
	};
	for (size_t t = 0; t < 2; t++) {
		for (const char *p = tab[t].keys; *p;) {
			size_t len = strcspn(p, " ");
			int i = vm_field_find(tab[t].set, p, len);
			ck_assert_msg(i >= 0 && strlen(tab[t].set->v[i].key) == len &&
				      memcmp(tab[t].set->v[i].key, p, len) == 0, "no key %.*s", (int)len, p);
			ck_assert_msg(tab[t].set->v[i].flags & VM_F_MACHINE, "%.*s isn't in JSON", (int)len, p);
			p += len + (p[len] == ' ');
		}
	}
}
END_TEST

UNIT_MAIN("field", find, suggest, columns_parse, columns_refused, columns_needs, text_of_numbers,
	  text_of_hostile_strings, no_control_character_ever, text_is_cut_to_the_buffer, compare, sort_rows,
	  sort_parse_refuses, real_tables, promised_keys)
