/** Runs with huge pages off and on: what the machine's files, an environment and a program's mappings say; figures as text. */
#include <errno.h>
#include <math.h>

#include "core/base/err.h"
#include "core/field/tlb_ab.h"
#include "core/source/abrun.h"
#include "core/source/thp.h"

#include <unistd.h>

#include "unit.h"

START_TEST(policies)
{
	ck_assert_int_eq(vm_thp_parse_policy("always [madvise] never\n", VM_THP_NEVER), VM_THP_MADVISE);
	ck_assert_int_eq(vm_thp_parse_policy("[always] madvise never\n", VM_THP_NEVER), VM_THP_ALWAYS);
	ck_assert_int_eq(vm_thp_parse_policy("always madvise [never]\n", VM_THP_ALWAYS), VM_THP_NEVER);
	ck_assert_int_eq(vm_thp_parse_policy("always [inherit] madvise never\n", VM_THP_ALWAYS), VM_THP_ALWAYS);
	ck_assert_int_eq(vm_thp_parse_policy("always [inherit] madvise never\n", VM_THP_NEVER), VM_THP_NEVER);
	ck_assert_int_eq(vm_thp_parse_policy("always madvise never\n", VM_THP_NEVER), VM_THP_UNKNOWN);
	ck_assert_int_eq(vm_thp_parse_policy("", VM_THP_NEVER), VM_THP_UNKNOWN);
	ck_assert_str_eq(vm_thp_word(VM_THP_MADVISE), "madvise");
	ck_assert_ptr_null(vm_thp_word(VM_THP_ABSENT));
	ck_assert_ptr_null(vm_thp_word(VM_THP_UNKNOWN));
}
END_TEST

START_TEST(permissions)
{
	struct vm_err err = { 0 };
	struct vm_thp t = { .global = VM_THP_MADVISE, .huge = VM_THP_MADVISE, .small = VM_THP_NEVER };
	ck_assert_int_eq(vm_thp_permitted(&t, &err), 0);
	/* What can't be read may be allowed. */
	t = (struct vm_thp){ .global = VM_THP_UNKNOWN, .huge = VM_THP_UNKNOWN, .small = VM_THP_NEVER };
	ck_assert_int_eq(vm_thp_permitted(&t, &err), 0);
	t = (struct vm_thp){ .global = VM_THP_NEVER, .huge = VM_THP_NEVER, .small = VM_THP_MADVISE };
	ck_assert_int_eq(vm_thp_permitted(&t, &err), 0);
	t.small = VM_THP_NEVER;
	ck_assert_int_eq(vm_thp_permitted(&t, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.what, "transparent_hugepage/enabled says never"));
	ck_assert_ptr_nonnull(strstr(err.hint, "madvise"));
	t.global = VM_THP_ALWAYS;
	ck_assert_int_eq(vm_thp_permitted(&t, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.what, "/hugepages-.../enabled"));
	t.global = t.huge = VM_THP_ABSENT;
	ck_assert_int_eq(vm_thp_permitted(&t, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.what, "has no transparent huge pages"));
}
END_TEST

START_TEST(sums_of_counters)
{
	static const char *const made[] = { "thp_fault_alloc", "thp_collapse_alloc" };
	ck_u64_eq(vm_thp_parse_sum("pgfault 7\nthp_fault_alloc 10\nthp_fault_allocated 500\nthp_collapse_alloc 3\n", made, 2), 13);
	ck_u64_eq(vm_thp_parse_sum("thp_collapse_alloc 3", made, 2), 3);
	ck_u64_eq(vm_thp_parse_sum("pgfault 7\nnr_thp_fault_alloc 4\n", made, 2), UINT64_MAX);
	ck_u64_eq(vm_thp_parse_sum("thp_fault_alloc \nthp_collapse_alloc x\n", made, 2), UINT64_MAX);
	ck_u64_eq(vm_thp_parse_sum("thp_fault_alloc 99999999999999999999999999999999999999999\n", made, 2), UINT64_MAX);
	ck_u64_eq(vm_thp_parse_sum("", made, 2), UINT64_MAX);
	const struct vm_thp_counts from = { .made = 5, .refused = UINT64_MAX, .small_bytes = 9 };
	const struct vm_thp_counts to = { .made = 7, .refused = 3, .small_bytes = 8 };
	const struct vm_thp_counts d = vm_thp_since(&from, &to);
	ck_u64_eq(d.made, 2);
	ck_u64_eq(d.refused, UINT64_MAX);
	ck_u64_eq(d.small_bytes, UINT64_MAX);
}
END_TEST

static const char *tunables(const char *now, struct vm_buf *b)
{
	b->n = 0;
	return vm_ab_tunables(now, b) ? vm_buf_str(b) : NULL;
}

START_TEST(what_malloc_is_told)
{
	struct vm_buf b = { 0 };
	ck_assert_str_eq(tunables(NULL, &b), "glibc.malloc.hugetlb=1");
	ck_assert_str_eq(tunables("", &b), "glibc.malloc.hugetlb=1");
	ck_assert_str_eq(tunables("glibc.malloc.check=3", &b), "glibc.malloc.check=3:glibc.malloc.hugetlb=1");
	ck_assert_str_eq(tunables("x.glibc.malloc.hugetlb=2", &b), "x.glibc.malloc.hugetlb=2:glibc.malloc.hugetlb=1");
	ck_assert_ptr_null(tunables("glibc.malloc.hugetlb=2", &b));
	ck_assert_ptr_null(tunables("glibc.malloc.check=3:glibc.malloc.hugetlb=0", &b));
	vm_buf_free(&b);
}
END_TEST

START_TEST(environments)
{
	struct vm_buf entry = { 0 };
	char *no[] = { NULL };
	char one[] = "A=1", old[] = "GLIBC_TUNABLES=old", other[] = "GLIBC_TUNABLES_X=1";
	char *some[] = { one, old, other, NULL };
	char **kept = environ;
	environ = no;
	char **copy = vm_ab_environment("new", &entry);
	ck_assert_str_eq(copy[0], "GLIBC_TUNABLES=new");
	ck_assert_ptr_null(copy[1]);
	free(copy);
	environ = some;
	entry.n = 0;
	copy = vm_ab_environment("new", &entry);
	ck_assert_ptr_eq(copy[0], one);
	ck_assert_ptr_eq(copy[1], other);
	ck_assert_str_eq(copy[2], "GLIBC_TUNABLES=new");
	ck_assert_ptr_null(copy[3]);
	free(copy);
	environ = kept;
	vm_buf_free(&entry);
}
END_TEST

START_TEST(kinds_of_programs)
{
	static const char glibc[] = "7f0000000000-7f0000001000 r-xp 00000000 08:01 1  /usr/lib/x86_64-linux-gnu/libc.so.6\n";
	static const char musl[] = "7f0000000000-7f0000001000 r-xp 00000000 08:01 1  /lib/ld-musl-x86_64.so.1\n";
	static const char other[] = "7f0000000000-7f0000001000 r-xp 00000000 08:01 1  /usr/lib/libjemalloc.so.2\n"
				    "7f0000000000-7f0000001000 r-xp 00000000 08:01 1  /lib/libc-2.31.so\n";
	struct vm_ab_program p = { .allocator = "x" };
	vm_ab_parse_maps(glibc, &p);
	ck_assert(p.known && p.glibc && !p.allocator[0]);
	vm_ab_parse_maps(musl, &p);
	ck_assert(p.known && !p.glibc && !p.allocator[0]);
	vm_ab_parse_maps(other, &p);
	ck_assert(p.known && p.glibc);
	ck_assert_str_eq(p.allocator, "jemalloc");
	vm_ab_parse_maps("", &p);
	ck_assert(!p.known && !p.glibc && !p.allocator[0]);
}
END_TEST

static const char *text(enum vm_ab_measure m, double v, bool sign, bool exact)
{
	static char buf[64];
	return vm_ab_text(m, v, sign, exact, buf, sizeof(buf));
}

START_TEST(figures)
{
	ck_assert_str_eq(text(VM_AB_WALL, 1.5e9, false, false), "1.5s");
	ck_assert_str_eq(text(VM_AB_WALL, -812e6, true, false), "-812.0ms");
	ck_assert_str_eq(text(VM_AB_RSS, 12.3 * 1048576, true, false), "+12.3M");
	ck_assert_str_eq(text(VM_AB_RSS, 4096, true, true), "+4096");
	ck_assert_str_eq(text(VM_AB_MINOR, 65536.4, false, false), "65536");
	ck_assert_str_eq(text(VM_AB_MINOR, -0.4, true, false), "0");
	ck_assert_str_eq(text(VM_AB_MINOR, 0, true, false), "0");
	ck_assert_str_eq(text(VM_AB_HUGE, NAN, true, false), "-");
}
END_TEST

static const char *cell(const struct vm_ab_row *row, const char *name)
{
	static struct vm_scratch tmp;
	static char buf[64];
	const int at = vm_field_find(&vm_ab_fields, name, strlen(name));
	ck_assert_int_ge(at, 0);
	return vm_value_text(vm_field_get(&vm_ab_fields.v[at], row, &tmp), vm_ab_fields.v[at].unit, row->exact, buf, sizeof(buf));
}

START_TEST(rows)
{
	struct vm_ab_row row = {
		.measure = VM_AB_WALL, .texts = true,
		.pairs = { .n = 6, .a = 2e9, .b = 1.5e9, .difference = -0.5e9, .low = -0.6e9, .high = -0.4e9, .confidence = 0.96875,
			   .share = -0.25, .share_low = -0.3, .share_high = 0.021 },
	};
	ck_assert_str_eq(cell(&row, "MEASURE"), "wall time");
	ck_assert_str_eq(cell(&row, "NAME"), "wall_ns");
	ck_assert_str_eq(cell(&row, "OFF"), "2.0s");
	ck_assert_str_eq(cell(&row, "DIFFERENCE"), "-500.0ms");
	ck_assert_str_eq(cell(&row, "%"), "-25.0");
	ck_assert_str_eq(cell(&row, "INTERVAL"), "-30.0 .. +2.1 %");
	ck_assert_str_eq(cell(&row, "CONFIDENCE"), "96.9");
	row.exact = true;
	ck_assert_str_eq(cell(&row, "DIFFERENCE"), "-500000000");
	row.texts = false;
	ck_assert_str_eq(cell(&row, "DIFFERENCE"), "-500000000.000");
	/* Unknown, and a share of nothing. */
	row = (struct vm_ab_row){
		.measure = VM_AB_HUGE, .pairs = { .n = 1, .a = 0, .b = 2097152, .difference = 2097152, .low = NAN, .high = NAN,
						    .share = NAN, .share_low = NAN, .share_high = NAN },
		.texts = true,
	};
	ck_assert_str_eq(cell(&row, "ON"), "2.0M");
	ck_assert_str_eq(cell(&row, "%"), "-");
	ck_assert_str_eq(cell(&row, "INTERVAL"), "-");
	ck_assert_str_eq(cell(&row, "LOW"), "-");
	ck_assert_str_eq(cell(&row, "CONFIDENCE"), "-");
	row.pairs.low = row.pairs.high = 2097152;
	ck_assert_str_eq(cell(&row, "INTERVAL"), "+2.0M .. +2.0M");
	row.pairs = (struct vm_pairs){ .share = NAN, .share_low = NAN, .share_high = NAN, .a = NAN, .b = NAN, .difference = NAN, .low = NAN, .high = NAN };
	ck_assert_str_eq(cell(&row, "OFF"), "-");
	ck_assert_str_eq(cell(&row, "DIFFERENCE"), "-");
	ck_assert_str_eq(cell(&row, "%"), "-");
	row.texts = false;
	ck_assert_str_eq(cell(&row, "OFF"), "-");
}
END_TEST

UNIT_MAIN("abrun", policies, permissions, sums_of_counters, what_malloc_is_told, environments, kinds_of_programs, figures, rows)
