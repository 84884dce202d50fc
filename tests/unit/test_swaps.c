/** core/source/swaps: names of swap areas by their number. */
#include "core/source/swaps.h"

#include "unit.h"

#define HEADING "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
static const char three[] = HEADING "/dev/sda2                               partition\t1048572\t\t0\t\t-2\n"
				    "/var/a\\040swap\\134file\\012\\011           file\t\t1048572\t\t0\t\t-3\n"
				    "/swapfile                               file\t\t1048572\t\t0\t\t-4\n";

START_TEST(by_number)
{
	char name[64];
	ck_assert(vm_swaps_find(three, 0, name, sizeof(name)));
	ck_assert_str_eq(name, "/dev/sda2");
	ck_assert(vm_swaps_find(three, 1, name, sizeof(name)));
	ck_assert_str_eq(name, "/var/a swap\\file\n\t");
	ck_assert(vm_swaps_find(three, 2, name, sizeof(name)));
	ck_assert_str_eq(name, "/swapfile");
	ck_assert(!vm_swaps_find(three, 3, name, sizeof(name)));
}
END_TEST

START_TEST(a_single_one_is_it)
{
	char name[64];
	/* Number 0 was switched off. */
	static const char one[] = HEADING "/swapfile                               file\t\t1048572\t\t0\t\t-4\n";
	ck_assert(vm_swaps_find(one, 1, name, sizeof(name)));
	ck_assert_str_eq(name, "/swapfile");
}
END_TEST

START_TEST(nonsense)
{
	static const char *const texts[] = { "", "\n", HEADING, HEADING "\n", HEADING " x\n", "no heading" };
	char name[8];
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (unsigned type = 0; type < 3; type++)
			ck_assert(!vm_swaps_find(texts[i], type, name, sizeof(name)));
	/* A name that doesn't fit is none; half of an escape, and a NUL, stay as they are. */
	ck_assert(!vm_swaps_find(three, 0, name, sizeof(name)));
	ck_assert(vm_swaps_find(HEADING "\\04 x\n", 0, name, sizeof(name)));
	ck_assert_str_eq(name, "\\04");
	ck_assert(vm_swaps_find(HEADING "\\000x y\n", 0, name, sizeof(name)));
	ck_assert_str_eq(name, "\\000x");
}
END_TEST

UNIT_MAIN("swaps", by_number, a_single_one_is_it, nonsense)
