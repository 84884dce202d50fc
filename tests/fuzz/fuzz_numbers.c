/** Sizes, durations, shares, addresses: on failure the output is untouched, and text comes back as it was. */
#include <errno.h>

#include "core/base/str.h"

#include "fuzz.h"

static void check(int (*parse)(const char *, uint64_t *), const char *text)
{
	uint64_t v = 0x5ca1ab1e;
	int r = parse(text, &v);
	HOLDS(r == 0 || r == -EINVAL || r == -ERANGE);
	HOLDS(r == 0 || v == 0x5ca1ab1e);
}

static void round_trip(uint64_t v)
{
	char num[VM_NUMBUF], hex[VM_NUMBUF];
	uint64_t back;
	const char *p = vm_format_u64(v, num);
	HOLDS(p >= num && p < num + VM_NUMBUF);
	HOLDS(vm_parse_u64(p, &back) == 0 && back == v);
	HOLDS(vm_parse_size(p, &back) == 0 && back == v);
	size_t n = vm_put_hex(hex, v, 12);
	HOLDS(n >= 12 && n <= 16);
	hex[n] = '\0';
	HOLDS(vm_parse_hex(hex, &back) == 0 && back == v);
	const char *size = vm_format_size(v, num);
	HOLDS(strlen(size) <= 7);
	/* What people see is near to the number: within a rounding of its last digit. */
	if (vm_parse_size(size, &back) == 0) {
		uint64_t off = back > v ? back - v : v - back;
		HOLDS(off <= v / 16);
	}
	HOLDS(strlen(vm_format_duration(v, num)) < VM_NUMBUF);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	check(vm_parse_u64, text);
	check(vm_parse_hex, text);
	check(vm_parse_size, text);
	check(vm_parse_duration, text);
	uint64_t from = 7, to = 3;
	int ranged = vm_parse_range(text, &from, &to);
	HOLDS(ranged == 0 ? from < to : from == 7 && to == 3);
	HOLDS(ranged == 0 || ranged == -EINVAL || ranged == -ERANGE);
	double share = -1;
	int r = vm_parse_ratio(text, &share);
	HOLDS(r == 0 ? share >= 0 && share <= 1 : share == -1);
	uint64_t v = 0;
	memcpy(&v, data, size < 8 ? size : 8);
	round_trip(v);
	for (unsigned shift = 0; shift < 64; shift += 9)
		round_trip(v >> shift);
	unsigned d = vm_edit_distance(text, "page_tables_bytes");
	HOLDS(d <= 48);
	HOLDS(vm_edit_distance("page_tables_bytes", text) == d);
	HOLDS((d == 0) == vm_streq_nocase(text, "page_tables_bytes"));
	free(text);
	return 0;
}
