/** core/source/zones: /proc/zoneinfo, line by line. */
#include "core/source/zones.h"

#include <unistd.h>

#include "core/source/session.h"

#include "unit.h"

/** Zones of the lines, each to its end. */
static size_t parse(const char *const *line, size_t n, struct vm_zone *out, size_t most)
{
	struct vm_zone_parser p = { 0 };
	size_t found = 0;
	for (size_t i = 0; i < n; i++)
		if (vm_zone_parse_line(&p, line[i]) && found < most)
			out[found++] = p.zone;
	return found;
}
#define PARSE(lines, out) parse(lines, sizeof(lines) / sizeof((lines)[0]), out, sizeof(out) / sizeof((out)[0]))

START_TEST(golden)
{
	static const char *const lines[] = {
		"Node 0, zone      DMA\n", "  per-node stats\n", "      nr_inactive_anon 12\n", "  pages free     3840\n",
		"        boost    0\n", "        spanned  4095\n", "        present  3998\n", "        managed  3840\n",
		"    cpu: 0\n", "              count:    0\n", "  node_unreclaimable:  0\n", "  start_pfn:           1\n",
		"Node 0, zone  Movable\n", "        spanned  0\n", "        present  0\n",
		"Node 1, zone   Normal\n", "        spanned  262144\n", "  start_pfn:           1048576\n",
		"Node 1, zone   Device\n", "        spanned  512\n",
	};
	struct vm_zone z[8];
	ck_assert_uint_eq(PARSE(lines, z), 2);
	ck_assert_str_eq(z[0].name, "DMA");
	ck_assert_int_eq(z[0].node, 0);
	ck_u64_eq(z[0].start_pfn, 1);
	ck_u64_eq(z[0].end_pfn, 4096);
	ck_assert_str_eq(z[1].name, "Normal");
	ck_assert_int_eq(z[1].node, 1);
	ck_u64_eq(z[1].start_pfn, 1048576);
	ck_u64_eq(z[1].end_pfn, 1310720);
}
END_TEST

START_TEST(nonsense)
{
	static const char *const lines[] = {
		"  start_pfn: 5\n", "        spanned  7\n", "  start_pfn: 5\n", "Node x, zone Normal\n", "        spanned  7\n",
		"  start_pfn: 5\n", "Node 0, zone Normal\n", "        spanned  18446744073709551615\n", "  start_pfn: 5\n", "",
		"        spanned  99999999999999999999999999999999999999999999999\n", "  start_pfn:5\n", "        spanned\n",
		"        spanned  0\n", "  start_pfn: 5\n",
	};
	struct vm_zone z[8];
	ck_assert_uint_eq(PARSE(lines, z), 0);
}
END_TEST

START_TEST(this_machine)
{
	struct vm_session *s;
	ck_assert_int_eq(vm_session_open("/", &s, NULL), 0);
	const uint64_t pages = (uint64_t)sysconf(_SC_PHYS_PAGES);
	ck_assert_uint_ge(vm_zones_end(s), pages);
	vm_session_close(s);
}
END_TEST

UNIT_MAIN("zones", golden, nonsense, this_machine)
