/** core/analysis/group: folding by each key, sums, many groups. */
#include "core/analysis/group.h"

#include <stdio.h>

#include "space.h"

/** Groups of the mappings that `text` describes, classified; each as "key:count:rss". */
static const char *grouped(const char *text, enum vm_group_by by)
{
	static char out[4000];
	struct vm_aspace *as = space_of(text);
	vm_aspace_classify(as);
	const struct vm_mapping *list[100];
	for (size_t i = 0; i < as->nmaps; i++)
		list[i] = &as->map[i];
	struct vm_sum *groups = NULL;
	long n = vm_group_mappings(list, as->nmaps, by, &groups);
	ck_assert_int_ge(n, 0);
	size_t at = 0;
	out[0] = '\0';
	for (long i = 0; i < n; i++) {
		const struct vm_mapping *g = &groups[i].m;
		at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%s:%u:", i ? " " : "",
				       by == VM_BY_FILE || by == VM_BY_NAME ? g->name
				       : by == VM_BY_KIND		    ? vm_kinds[g->kind].name
									    : "",
				       g->count);
		if (g->have & VM_HAVE(VM_Q_RSS))
			at += (size_t)snprintf(out + at, sizeof(out) - at, "%llu",
					       (unsigned long long)g->q[VM_Q_RSS] >> 10);
		else
			at += (size_t)snprintf(out + at, sizeof(out) - at, "?");
	}
	free(groups);
	vm_aspace_free(as);
	return out;
}

static const char sample[] =
	"1000-2000 r--p 0 fe:00 5 /a\nRss: 1 kB\nKernelPageSize: 4 kB\n"
	"2000-3000 r-xp 0 fe:00 6 /b\nRss: 2 kB\nKernelPageSize: 4 kB\n"
	"3000-4000 r--p 0 fe:00 5 /a\nRss: 4 kB\nKernelPageSize: 4 kB\n"
	"4000-5000 rw-p 0 00:00 0 [heap]\nRss: 8 kB\nKernelPageSize: 4 kB\n"
	"10000-11000 rw-p 0 00:00 0 \nRss: 16 kB\nKernelPageSize: 4 kB\n"
	"200000-400000 rw-p 0 00:0f 9 /anon_hugepage (deleted)\nRss: 32 kB\nKernelPageSize: 2048 kB\n"
	"500000-501000 rw-p 0 00:00 0 \nKernelPageSize: 4 kB\n";

START_TEST(each_key)
{
	ck_assert_str_eq(grouped(sample, VM_BY_KIND), "file:2:5 libtext:1:2 heap:1:8 anon:2:? hugetlb:1:32");
	ck_assert_str_eq(grouped(sample, VM_BY_PERM), ":2:5 :1:2 :4:?");
	ck_assert_str_eq(grouped(sample, VM_BY_NAME), "/a:2:5 /b:1:2 [heap]:1:8 :2:? /anon_hugepage (deleted):1:32");
	ck_assert_str_eq(grouped(sample, VM_BY_PAGE), ":6:? :1:32");
	ck_assert_str_eq(grouped("", VM_BY_KIND), "");
}
END_TEST

START_TEST(sum_of_all)
{
	struct vm_aspace *as = space_of(sample);
	const struct vm_mapping *list[10];
	for (size_t i = 0; i < as->nmaps; i++)
		list[i] = &as->map[i];
	struct vm_sum sum;
	vm_sum_mappings(list, 6, &sum);
	ck_assert_uint_eq(sum.m.count, 6);
	ck_u64_eq(sum.q[VM_Q_RSS], 63 << 10);
	ck_u64_eq(vm_mapping_size(&sum.m), 0x5000 + 0x200000);
	ck_assert(!(sum.m.have & VM_HAVE(VM_Q_KPAGE)));
	vm_sum_mappings(list, 7, &sum);
	ck_assert(!(sum.m.have & VM_HAVE(VM_Q_RSS)));
	vm_sum_mappings(list, 0, &sum);
	ck_assert_uint_eq(sum.m.count, 0);
	vm_aspace_free(as);
}
END_TEST

/* The table of groups grows on the way: every number of groups around its sizes. */
START_TEST(many_groups)
{
	for (size_t names = 1; names < 700; names += names < 140 ? 1 : 37) {
		size_t total = names * 3;
		struct vm_mapping *maps = calloc(total, sizeof(*maps));
		const struct vm_mapping **list = calloc(total, sizeof(*list));
		uint64_t (*q)[VM_Q_NR] = calloc(total, sizeof(*q));
		char (*name)[32] = calloc(names, sizeof(*name));
		for (size_t i = 0; i < names; i++)
			snprintf(name[i], sizeof(name[i]), "/f%zu", i);
		for (size_t i = 0; i < total; i++) {
			maps[i] = (struct vm_mapping){
				.start = i << 12, .end = (i + 1) << 12, .count = 1, .inode = i % names + 1,
				.name = name[i % names], .have = VM_HAVE(VM_Q_RSS),
				.q = q[i],
			};
			q[i][VM_Q_RSS] = i;
			list[i] = &maps[i];
		}
		struct vm_sum *groups = NULL;
		ck_assert_int_eq(vm_group_mappings(list, total, VM_BY_FILE, &groups), (long)names);
		for (size_t i = 0; i < names; i++) {
			ck_assert_str_eq(groups[i].m.name, name[i]);
			ck_assert_uint_eq(groups[i].m.count, 3);
			ck_u64_eq(groups[i].m.q[VM_Q_RSS], 3 * i + 3 * names);
		}
		free(groups);
		free(name);
		free(list);
		free(q);
		free(maps);
	}
}
END_TEST

UNIT_MAIN("group", each_key, sum_of_all, many_groups)
