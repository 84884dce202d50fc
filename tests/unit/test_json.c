/** core/base/json: commas, indentation, numbers, streams that fail. */
#include "core/base/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "unit.h"

static void make(struct vm_json *j)
{
	vm_json_object_begin(j);
	vm_json_key(j, "a");
	vm_json_u64(j, 1);
	vm_json_key(j, "list");
	vm_json_array_begin(j);
	vm_json_i64(j, -2);
	vm_json_str(j, "x\"y");
	vm_json_object_begin(j);
	vm_json_object_end(j);
	vm_json_array_begin(j);
	vm_json_array_end(j);
	vm_json_null(j);
	vm_json_array_end(j);
	vm_json_key(j, "t");
	vm_json_bool(j, true);
	vm_json_key(j, "f");
	vm_json_bool(j, false);
	vm_json_key(j, "addr");
	vm_json_addr(j, 0x7f0012345000);
	vm_json_object_end(j);
}

START_TEST(keys_with_values)
{
	struct vm_json j = { 0 };
	vm_json_object_begin(&j);
	vm_json_put_str(&j, "s", "x");
	vm_json_put_str(&j, "empty", "");
	vm_json_put_str(&j, "null", NULL);
	vm_json_put_u64(&j, "n", 7);
	vm_json_put_known(&j, "known", true, 0);
	vm_json_put_known(&j, "unknown", false, 7);
	vm_json_put_f64(&j, "nan", (double)NAN);
	vm_json_put_bool(&j, "b", true);
	vm_json_object_end(&j);
	ck_assert_int_eq(vm_json_finish(&j), 0);
	ck_assert_str_eq(vm_buf_str(&j.buf), "{\"s\":\"x\",\"empty\":null,\"null\":null,\"n\":7,\"known\":0,\"unknown\":null,"
			 "\"nan\":null,\"b\":true}\n");
	vm_buf_free(&j.buf);
}
END_TEST

START_TEST(one_line)
{
	struct vm_json j = { 0 };
	make(&j);
	ck_assert_int_eq(vm_json_finish(&j), 0);
	ck_assert_str_eq(vm_buf_str(&j.buf),
			 "{\"a\":1,\"list\":[-2,\"x\\\"y\",{},[],null],\"t\":true,\"f\":false,"
			 "\"addr\":\"0x7f0012345000\"}\n");
	vm_buf_free(&j.buf);
}
END_TEST

START_TEST(indented)
{
	struct vm_json j = { .indent = 2 };
	make(&j);
	ck_assert_int_eq(vm_json_finish(&j), 0);
	ck_assert_str_eq(vm_buf_str(&j.buf),
			 "{\n  \"a\": 1,\n  \"list\": [\n    -2,\n    \"x\\\"y\",\n    {},\n    [],\n    null\n  ],\n"
			 "  \"t\": true,\n  \"f\": false,\n  \"addr\": \"0x7f0012345000\"\n}\n");
	vm_buf_free(&j.buf);
}
END_TEST

static void check_text(struct vm_json *j, const char *want)
{
	ck_assert_str_eq(vm_buf_str(&j->buf), want);
	vm_buf_free(&j->buf);
	*j = (struct vm_json){ 0 };
}

START_TEST(numbers)
{
	struct vm_json j = { 0 };
	vm_json_u64(&j, UINT64_MAX);
	check_text(&j, "18446744073709551615");
	vm_json_i64(&j, INT64_MIN);
	check_text(&j, "-9223372036854775808");
	vm_json_i64(&j, INT64_MAX);
	check_text(&j, "9223372036854775807");
	vm_json_i64(&j, 0);
	check_text(&j, "0");
	vm_json_f64(&j, 0.5);
	check_text(&j, "0.5");
	vm_json_f64(&j, NAN);
	check_text(&j, "null");
	vm_json_f64(&j, INFINITY);
	check_text(&j, "null");
	vm_json_f64(&j, -INFINITY);
	check_text(&j, "null");
	vm_json_addr(&j, 0);
	check_text(&j, "\"0x0\"");
	vm_json_addr(&j, UINT64_MAX);
	check_text(&j, "\"0xffffffffffffffff\"");
	vm_json_str(&j, NULL);
	check_text(&j, "null");
}
END_TEST

/* NaN as the value of a key and as an item: still one value, one comma. */
START_TEST(null_numbers_keep_the_commas)
{
	struct vm_json j = { 0 };
	vm_json_object_begin(&j);
	vm_json_key(&j, "a");
	vm_json_f64(&j, NAN);
	vm_json_key(&j, "b");
	vm_json_array_begin(&j);
	vm_json_f64(&j, NAN);
	vm_json_str(&j, NULL);
	vm_json_array_end(&j);
	vm_json_object_end(&j);
	check_text(&j, "{\"a\":null,\"b\":[null,null]}");
}
END_TEST

START_TEST(streams_long_documents)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	struct vm_json j = { .out = f };
	vm_json_array_begin(&j);
	for (unsigned i = 0; i < 50000; i++)
		vm_json_u64(&j, i);
	ck_assert_uint_lt(j.buf.n, 70000);
	vm_json_array_end(&j);
	ck_assert_int_eq(vm_json_finish(&j), 0);
	fclose(f);
	const char *p = text;
	ck_assert_int_eq(*p++, '[');
	for (unsigned i = 0; i < 50000; i++) {
		char *end;
		ck_assert_uint_eq(strtoul(p, &end, 10), i);
		ck_assert_int_eq(*end, i == 49999 ? ']' : ',');
		p = end + 1;
	}
	ck_assert_str_eq(p, "\n");
	free(text);
}
END_TEST

START_TEST(full_disk_is_an_error)
{
	FILE *f = fopen("/dev/full", "w");
	ck_assert_ptr_nonnull(f);
	struct vm_json j = { .out = f };
	vm_json_str(&j, "x");
	ck_assert_int_eq(vm_json_finish(&j), -ENOSPC);
	fclose(f);
	/* Also where an earlier piece failed and the last one would fit into the stream's buffer. */
	f = fopen("/dev/full", "w");
	j = (struct vm_json){ .out = f };
	vm_json_array_begin(&j);
	for (unsigned i = 0; i < 50000; i++)
		vm_json_u64(&j, i);
	vm_json_array_end(&j);
	ck_assert_int_eq(vm_json_finish(&j), -ENOSPC);
	fclose(f);
}
END_TEST

UNIT_MAIN("json", keys_with_values, one_line, indented, numbers, null_numbers_keep_the_commas,
	  streams_long_documents, full_disk_is_an_error)
