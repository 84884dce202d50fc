/** core/field/filter: the grammar, the units, what isn't known. */
#include "core/field/filter.h"

#include <errno.h>

#include "core/base/err.h"
#include "rows.h"

static const struct row small = {
	.name = "small", .size = 4096, .share = 0.01, .gone = false, .addr = 0x400000, .wait = 1500000,
	.words = "rd wr mr", .rate = 0.5,
};
static const struct row large = {
	.name = "a large one", .size = 10 << 20, .share = 0.75, .gone = true, .addr = 0x7f0012345000,
	.wait = 2000000000, .words = "rd ex sd hg", .rate = 1200,
};
static const struct row unknown = { .name = NULL, .size = UNKNOWN_SIZE, .share = NAN, .words = NULL, .rate = NAN };
static const struct row empty = { .name = "", .size = 0, .share = 0, .words = "", .rate = 0 };

/** "S" where small passes, "L" large, "U" unknown, "E" empty; or the message. */
static const char *passing(const char *text)
{
	static char out[600];
	struct vm_filter *f = (void *)1;
	struct vm_err err = { 0 };
	int r = vm_filter_parse(&row_set, text, &f, &err);
	if (r < 0) {
		ck_assert_int_eq(r, -EINVAL);
		ck_assert_int_eq(err.code, EINVAL);
		ck_assert_msg(err.what[0], "'%s' fails without a word", text);
		snprintf(out, sizeof(out), "error: %s; %s", err.what, err.hint);
		return out;
	}
	snprintf(out, sizeof(out), "%s%s%s%s", vm_filter_accepts(f, &small) ? "S" : "",
		 vm_filter_accepts(f, &large) ? "L" : "", vm_filter_accepts(f, &unknown) ? "U" : "",
		 vm_filter_accepts(f, &empty) ? "E" : "");
	vm_filter_free(f);
	return out;
}

static void passes(const char *text, const char *want)
{
	const char *got = passing(text);
	ck_assert_msg(strcmp(got, want) == 0, "'%s': %s, expected %s", text, got, want);
}

static void refused(const char *text, const char *with)
{
	const char *got = passing(text);
	ck_assert_msg(strncmp(got, "error: ", 7) == 0 && strstr(got, with), "'%s': %s, expected '%s' in it", text,
		      got, with);
}

START_TEST(empty_accepts_all)
{
	struct vm_filter *f = (void *)1;
	ck_assert_int_eq(vm_filter_parse(&row_set, NULL, &f, NULL), 0);
	ck_assert_ptr_null(f);
	ck_assert_int_eq(vm_filter_parse(&row_set, "", &f, NULL), 0);
	ck_assert_ptr_null(f);
	ck_assert(vm_filter_accepts(NULL, &small));
	ck_assert_uint_eq(vm_filter_needs(NULL), 0);
	vm_filter_free(NULL);
	passes("  ", "SLUE");
}
END_TEST

START_TEST(sizes)
{
	passes("SIZE > 4K", "L");
	passes("SIZE >= 4K", "SL");
	passes("SIZE < 4K", "E");
	passes("SIZE <= 4096", "SE");
	passes("SIZE == 4K", "S");
	passes("SIZE != 4K", "LE");
	passes("SIZE == 10M", "L");
	passes("SIZE > 1.5M", "L");
	passes("SIZE>1M", "L");
	passes("size_bytes > 1MiB", "L");
	passes("SIZE == 0x1000", "S");
}
END_TEST

START_TEST(other_units)
{
	passes("MEM% > 50%", "L");
	passes("MEM% > 0.5", "L");
	passes("share <= 1/100", "SE");
	passes("WAIT > 1ms", "SL");
	passes("WAIT >= 2s", "L");
	passes("WAIT == 1500us", "S");
	passes("START == 0x400000", "S");
	passes("START == 400000", "S");
	passes("START > 7f0000000000", "L");
	passes("GONE == yes", "L");
	passes("GONE == no", "SUE");
	passes("GONE != yes", "SUE");
	passes("FLT/S > 0.4", "SL");
	passes("FLT/S > 1000", "L");
	/* A rate may be a fraction, and a share of one CPU may be above 1. */
	passes("FLT/S == 0.5", "S");
	passes("MEM% < 150%", "SLE");
}
END_TEST

START_TEST(texts)
{
	passes("NAME == small", "S");
	passes("NAME == 'a large one'", "L");
	passes("NAME == \"a large one\"", "L");
	passes("NAME != small", "LE");
	passes("NAME == ''", "E");
	passes("NAME =~ large", "L");
	passes("NAME =~ '^s.*l$'", "S");
	passes("NAME =~ '^(small|a large one)$'", "SL");
	passes("NAME !~ large", "SE");
	passes("NAME =~ ''", "SLE");
}
END_TEST

START_TEST(lists)
{
	passes("VMFLAGS == hg", "L");
	passes("VMFLAGS == rd", "SL");
	passes("VMFLAGS != hg", "SE");
	passes("VMFLAGS =~ sd", "L");
	passes("VMFLAGS == r", "");
	passes("VMFLAGS == d", "");
	passes("VMFLAGS == ''", "E");
	passes("VMFLAGS != ''", "SL");
}
END_TEST

START_TEST(bare_columns)
{
	passes("SIZE", "SL");
	passes("GONE", "L");
	passes("NAME", "SL");
	passes("VMFLAGS", "SL");
	passes("MEM%", "SL");
	passes("not GONE", "SUE");
	passes("not SIZE", "UE");
}
END_TEST

/* A comparison with what isn't known is false, its negation by != too; `not` of it is true. */
START_TEST(unknown_cells)
{
	passes("SIZE == 4K or SIZE != 4K", "SLE");
	passes("MEM% < 2 or MEM% >= 2", "error: filter: '2' is not a value of column MEM%; ");
	passes("MEM% < 1 or MEM% >= 1", "SLE");
	passes("NAME == x or NAME != x", "SLE");
	passes("NAME =~ x or NAME !~ x", "SLE");
	passes("not SIZE == 4K", "LUE");
	passes("not SIZE > 0", "UE");
	passes("not NAME =~ .", "UE");
}
END_TEST

START_TEST(logic)
{
	passes("SIZE > 1M and NAME =~ large", "L");
	passes("SIZE > 1M or NAME == small", "SL");
	passes("SIZE > 1M OR NAME == small", "SL");
	passes("not SIZE > 1M and NAME == small", "S");
	passes("not (SIZE > 1M or NAME == small)", "UE");
	passes("not not SIZE > 1M", "L");
	passes("NAME == small or NAME == 'a large one' and GONE", "SL");
	passes("(NAME == small or NAME == 'a large one') and GONE", "L");
	passes("((((SIZE == 4K))))", "S");
	passes("not(SIZE)", "UE");
	passes("SIZE==4K and(GONE or NAME==small)", "S");
	passes("\tSIZE\n==\n4K  ", "S");
	passes("GONE and GONE and GONE and SIZE", "L");
}
END_TEST

START_TEST(refuses)
{
	refused("SZIE > 5", "there is no column 'SZIE'");
	refused("SZIE > 5", "did you mean SIZE?");
	refused("SIZE >", "'end'");
	refused("SIZE > x", "'x'");
	refused("SIZE > -1", "'-1'");
	refused("SIZE > 99999999999999999999", "SIZE");
	refused("SIZE 5", "'5'");
	refused("SIZE > 5 SIZE", "'SIZE'");
	refused("and", "column");
	refused("SIZE and", "column");
	refused("SIZE or", "column");
	refused("not", "column");
	refused("(SIZE", ")");
	refused("SIZE)", "')'");
	refused("()", "column");
	refused("NAME == 'open", "quote");
	refused("NAME =~ '('", "regular expression");
	refused("SIZE =~ 5", "text");
	refused("GONE == maybe", "yes or no");
	refused("> 5", "column");
	refused("SIZE => 5", "");
	refused("SIZE & 5", "");
	refused("WAIT > 5 parsecs", "");
	refused("MEM% > half", "");
	refused("\033[2J", "column");
	ck_assert_ptr_null(strchr(passing("\033[2J"), '\033'));
}
END_TEST

START_TEST(failure_leaves_no_filter)
{
	struct vm_filter *f = (void *)1;
	ck_assert_int_eq(vm_filter_parse(&row_set, "NOPE", &f, NULL), -EINVAL);
	ck_assert(f == NULL || f == (void *)1);
}
END_TEST

START_TEST(deep_and_long)
{
	char *text = calloc(1, 400000);
	memset(text, '(', 100000);
	passing(text);
	memset(text, 0, 400000);
	for (size_t i = 0; i < 50000; i++)
		memcpy(text + 4 * i, "not ", 4);
	strcat(text, "SIZE");
	passing(text);
	memset(text, 0, 400000);
	for (size_t i = 0; i < 30000; i++)
		memcpy(text + 9 * i, "SIZE and ", 9);
	strcat(text, "SIZE");
	passing(text);
	free(text);
	/* What people write fits. */
	passes("((((((((((((((((SIZE == 4K))))))))))))))))", "S");
	char chain[4000] = "NAME == small";
	for (int i = 0; i < 100; i++)
		strcat(chain, " or NAME == n");
	passes(chain, "S");
}
END_TEST

START_TEST(needs)
{
	static const struct { const char *text; uint32_t needs; } tab[] = {
		{ "NAME == x", NEED_A }, { "SIZE", NEED_B }, { "NAME == x and (not SIZE or MEM% > 1%)", 7 },
		{ "GONE", 0 },
	};
	for (size_t i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		struct vm_filter *f;
		ck_assert_int_eq(vm_filter_parse(&row_set, tab[i].text, &f, NULL), 0);
		ck_assert_uint_eq(vm_filter_needs(f), tab[i].needs);
		vm_filter_free(f);
	}
}
END_TEST

START_TEST(uses)
{
	struct vm_filter *f;
	ck_assert(!vm_filter_uses(NULL, &row_set.v[0]));
	ck_assert_int_eq(vm_filter_parse(&row_set, "NAME == x and (not SIZE or MEM% > 1%)", &f, NULL), 0);
	static const struct { const char *name; bool used; } tab[] = {
		{ "NAME", true }, { "SIZE", true }, { "MEM%", true }, { "GONE", false },
	};
	for (size_t i = 0; i < sizeof(tab) / sizeof(tab[0]); i++) {
		int at = vm_field_find(&row_set, tab[i].name, strlen(tab[i].name));
		ck_assert_int_eq(vm_filter_uses(f, &row_set.v[at]), tab[i].used);
	}
	vm_filter_free(f);
}
END_TEST

UNIT_MAIN("filter", empty_accepts_all, sizes, other_units, texts, lists, bare_columns, unknown_cells, logic,
	  refuses, failure_leaves_no_filter, deep_and_long, needs, uses)
