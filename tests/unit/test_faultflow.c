/** vmfault_explain: the flow of a page fault, and the counts beside it. */
#include "cli/vmfault/explain.h"

#include <stdio.h>

#include "cli/render/report.h"
#include "cli/render/sinks.h"
#include "cli/render/text.h"
#include "core/model/fault.h"
#include "unit.h"

static uint64_t count[VM_FAULT_KIND_NR], ns[VM_FAULT_KIND_NR];

static char *explained(const struct vm_sink *sink, bool counts, bool utf8, bool color)
{
	const struct vm_style style = { .headings = true, .width = 80, .utf8 = utf8, .color = color };
	struct vm_report r;
	char *s = NULL;
	size_t n;
	FILE *f = open_memstream(&s, &n);
	ck_assert_int_eq(vm_report_open(&r, sink, &style, f), 0);
	vmfault_explain(&r, count, ns, counts);
	ck_assert_int_eq(vm_report_close(&r, NULL), 0);
	fclose(f);
	return s;
}

/** What follows `what` in its line, and that. */
static const char *line_of(const char *s, const char *what, char line[static 256])
{
	const char *at = strstr(s, what);
	ck_assert_msg(at, "'%s' isn't in:\n%s", what, s);
	const char *end = strchr(at, '\n');
	snprintf(line, 256, "%.*s", (int)(end - at), at);
	return line;
}

START_TEST(each_kind_ends_in_one_place)
{
	for (unsigned k = 0; k < VM_FAULT_KIND_NR; k++)
		ck_assert_msg(vmfault_explained(k) == 1, "%s: %u places", vm_fault_kinds[k].key, vmfault_explained(k));
	char *s = explained(&vm_sink_table, false, true, false);
	for (unsigned k = 0; k < VM_FAULT_KIND_NR; k++)
		ck_assert_msg(strstr(s, vm_fault_kinds[k].name), "%s", vm_fault_kinds[k].name);
	free(s);
}
END_TEST

START_TEST(it_fits_a_terminal)
{
	for (int how = 0; how < 4; how++) {
		for (unsigned k = 0; k < VM_FAULT_KIND_NR; k++) {
			count[k] = UINT64_C(123456789);
			ns[k] = count[k] * 999949;
		}
		char *text = explained(&vm_sink_table, how & 1, how & 2, false);
		for (const char *s = text; *s; s += strcspn(s, "\n") + 1) {
			const size_t len = strcspn(s, "\n");
			ck_assert_msg(vm_text_width(s, len) <= 80, "%.*s", (int)len, s);
			ck_assert(len == 0 || s[len - 1] != ' ');
		}
		for (const char *s = text; !(how & 2) && *s; s++)
			ck_assert_msg((*s >= ' ' && *s < 0x7f) || *s == '\n', "%s", s);
		ck_assert_ptr_null(strchr(text, '\033'));
		free(text);
	}
}
END_TEST

START_TEST(counts_stand_beside_their_kinds)
{
	char line[256];
	count[VM_FAULT_ANON_FIRST] = 600;
	ns[VM_FAULT_ANON_FIRST] = 600 * 2000;
	count[VM_FAULT_ZERO_PAGE] = 200;
	ns[VM_FAULT_ZERO_PAGE] = 200 * 1000;
	/* What wasn't timed is no part of the mean. */
	count[VM_FAULT_COW] = 145;
	count[VM_FAULT_ZERO_WRITE] = 50;
	ns[VM_FAULT_ZERO_WRITE] = 50 * 3000;
	count[VM_FAULT_UNMAPPED] = 5;
	char *s = explained(&vm_sink_table, true, false, false);
	const struct { const char *what, *counts; } rows[] = {
		{ "#PF", " 1000 100.0 %" },
		{ "write > anonymous, first", " 600  60.0 %   2.0us" },
		{ "read > zero page", " 200  20.0 %   1.0us" },
		{ "do_anonymous_page()", " 800  80.0 %   1.8us" },
		{ "> copy-on-write  ", " 145  14.5 %" },
		{ "do_wp_page()", " 195  19.5 %   3.0us" },
		{ "> invalid: unmapped", " 5   0.5 %" },
		{ "do_swap_page()", " -" },
		{ "> spurious", " -" },
		{ "mm_account_fault()", " 995  99.5 %" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *got = line_of(s, rows[i].what, line);
		const size_t n = strlen(rows[i].counts);
		ck_assert_msg(strlen(got) > n && strcmp(got + strlen(got) - n, rows[i].counts) == 0, "%s", got);
	}
	free(s);
}
END_TEST

START_TEST(nothing_was_counted)
{
	char line[256];
	char *s = explained(&vm_sink_table, true, true, true);
	const char *got = line_of(s, "#PF", line);
	ck_assert_str_eq(got + strlen(got) - 2, " -");
	ck_assert_ptr_null(strstr(s, "nan"));
	free(s);
}
END_TEST

START_TEST(color_is_for_what_matters)
{
	count[VM_FAULT_ANON_FIRST] = 900;
	count[VM_FAULT_COW] = 50;
	char *s = explained(&vm_sink_table, true, true, true);
	size_t bold = 0;
	for (const char *at = s; (at = strstr(at, "\033[1m")); at++)
		bold++;
	ck_assert_uint_eq(bold, 1);
	ck_assert_ptr_nonnull(strstr(strstr(s, "\033[1m"), "anonymous, first"));
	free(s);
	/* Without counts nothing matters more. */
	s = explained(&vm_sink_table, false, true, true);
	ck_assert_ptr_null(strchr(s, '\033'));
	free(s);
}
END_TEST

START_TEST(it_is_for_people)
{
	char *s = explained(&vm_sink_csv, true, true, false);
	ck_assert_str_eq(s, "");
	free(s);
}
END_TEST

UNIT_MAIN("faultflow", each_kind_ends_in_one_place, it_fits_a_terminal, counts_stand_beside_their_kinds,
	  nothing_was_counted, color_is_for_what_matters, it_is_for_people)
