/** core/field/page: columns of runs, and what a way of reading can't tell. */
#include "core/field/page.h"

#include <string.h>

#include "core/analysis/translate.h"
#include "core/base/buf.h"

#include "unit.h"

/** A column of the run as text; "-": no value. */
static const char *cell(const struct vm_page_run *r, const char *name)
{
	static char out[64];
	static struct vm_scratch tmp;
	const struct vm_run_row row = { .run = *r };
	int at = vm_field_find(&vm_run_fields, name, strlen(name));
	ck_assert_int_ge(at, 0);
	const struct vm_field *f = &vm_run_fields.v[at];
	struct vm_value v = f->get(f, &row, &tmp);
	if (v.type == VM_T_U64)
		snprintf(out, sizeof(out), "%llu", (unsigned long long)v.u64);
	else
		snprintf(out, sizeof(out), "%s", v.type == VM_T_ABSENT ? "-" : v.str);
	return out;
}

START_TEST(slots_are_known_or_absent)
{
	struct vm_page_run r = {
		.start = 0x1000, .end = 0x2000, .pfn = VM_PFN_NONE, .state = VM_PG(SWAP), .known = VM_PG(SWAP) | VM_PG(PRESENT),
		.swap_type = 1, .swap_offset = 0x20,
	};
	ck_assert_str_eq(cell(&r, "SLOT"), "0x20");
	ck_assert_str_eq(cell(&r, "SWAPTYPE"), "1");
	r.swap_offset = 0;
	ck_assert_str_eq(cell(&r, "SLOT"), "-");
	ck_assert_str_eq(cell(&r, "SWAPTYPE"), "-");
	r.state = VM_PG(PRESENT);
	r.swap_offset = 0x20;
	ck_assert_str_eq(cell(&r, "SLOT"), "-");
}
END_TEST

START_TEST(keys_are_told_by_page_tables)
{
	struct vm_page_run r = { .end = 0x1000, .state = VM_PG(PRESENT), .known = VM_PG(PRESENT) | VM_PG(NONE), .pkey = 3 };
	ck_assert_str_eq(cell(&r, "PKEY"), "3");
	r.known = VM_PG(PRESENT);
	ck_assert_str_eq(cell(&r, "PKEY"), "-");
}
END_TEST

START_TEST(a_slot_in_words)
{
	struct vm_buf b = { 0 };
	vm_say_state(VM_PG(SWAP), NULL, "/swap", 0, 0x12, &b);
	ck_assert_str_eq(vm_buf_str(&b), "in swap: area 0 (/swap), slot 0x12; a touch reads it back");
	vm_buf_free(&b);
	vm_say_state(VM_PG(SWAP), NULL, NULL, 0, 0, &b);
	ck_assert_str_eq(vm_buf_str(&b), "in swap; a touch reads it back");
	vm_buf_free(&b);
}
END_TEST

UNIT_MAIN("runs", slots_are_known_or_absent, keys_are_told_by_page_tables, a_slot_in_words)
