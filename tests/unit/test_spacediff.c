/** core/analysis/spacediff: which mapping is which, what happened to it, and what the columns make of it. */
#include "core/analysis/spacediff.h"

#include <math.h>
#include <stdio.h>

#include "core/field/diff.h"

#include "space.h"

/** A space from maps, with a layout of its own unless both have the same `stack`. */
static struct vm_aspace *space(const char *text, uint64_t stack)
{
	struct vm_aspace *as = space_of(text);
	vm_proc_set(&as->proc, VM_P_START_STACK, stack);
	vm_proc_set(&as->proc, VM_P_START_CODE, 1);
	vm_aspace_classify(as);
	return as;
}

static const char *cell(const struct vm_diff_row *row, const char *column, char text[static 64])
{
	struct vm_scratch tmp;
	const struct vm_field *f = &vm_diff_fields.v[vm_field_find(&vm_diff_fields, column, strlen(column))];
	return vm_value_text(vm_field_get(f, row, &tmp), f->unit, false, text, 64);
}

/** Each row that isn't the same as "START:state:how:SIZE+:RSS+", one behind the other. */
static const char *changes(struct vm_aspace *a, struct vm_aspace *b)
{
	static char out[4000];
	struct vm_diff d;
	size_t n = 0;
	ck_assert_int_eq(vm_diff_spaces(a, b, 10, &d), 0);
	out[0] = '\0';
	for (size_t i = 0; i < d.rows.n; i++) {
		const struct vm_diff_row *row = &d.rows.v[i];
		char start[64], how[64], size[64], rss[64];
		if (row->state != VM_DIFF_SAME)
			n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s:%s:%s:%s:%s", n ? ", " : "", cell(row, "START", start),
					      vm_diff_state_words[row->state], cell(row, "HOW", how), cell(row, "SIZE+", size),
					      cell(row, "RSS+", rss));
	}
	vm_diff_free(&d);
	vm_aspace_free(a);
	vm_aspace_free(b);
	return out;
}

#define SMAPS(head, rss) head "\nRss: " #rss " kB\nSwap: 0 kB\n"
#define PROGRAM "10000-20000 r-xp 0 8:1 5 /bin/prog\n"

START_TEST(same)
{
	static const char text[] = PROGRAM SMAPS("30000-40000 rw-p 0 0:0 0 [heap]", 8);
	ck_assert_str_eq(changes(space(text, 7), space(text, 7)), "");
	ck_assert_str_eq(changes(space(text, 7), space(text, 8)), "");
	ck_assert_str_eq(changes(space("", 7), space("", 7)), "");
}
END_TEST

START_TEST(by_address)
{
	/* A heap grows, an unnamed mapping shrinks in place, another comes and one goes. */
	ck_assert_str_eq(changes(space(SMAPS("30000-40000 rw-p 0 0:0 0 [heap]", 8) SMAPS("50000-60000 rw-p 0 0:0 0", 64)
				       "80000-90000 rw-p 0 0:0 0\n", 7),
				 space(SMAPS("30000-48000 rw-p 0 0:0 0 [heap]", 16) SMAPS("50000-60000 rw-p 0 0:0 0", 32)
				       "a0000-a1000 rw-p 0 0:0 0\n", 7)),
			 "000000030000:grown::+32.0K:+8.0K, 000000050000:shrunk::0:-32.0K, "
			 "0000000a0000:shrunk:moved:-60.0K:-");
	/* mprotect(2) splits, and what is unmapped in the middle is gone. */
	ck_assert_str_eq(changes(space("30000-60000 rw-p 0 0:0 0\n", 7),
				 space("30000-40000 rw-p 0 0:0 0\n40000-50000 r--p 0 0:0 0\n50000-60000 rw-p 0 0:0 0\n", 7)),
			 "000000030000:changed:split perm:0:-");
	/* An arena opens some of its reserve: both are what they were. */
	ck_assert_str_eq(changes(space("30000-38000 rw-p 0 0:0 0\n38000-80000 ---p 0 0:0 0\n", 7),
				 space("30000-50000 rw-p 0 0:0 0\n50000-80000 ---p 0 0:0 0\n", 7)),
			 "000000030000:grown::+96.0K:-, 000000050000:shrunk::-96.0K:-");
	ck_assert_str_eq(changes(space("30000-40000 rw-p 0 0:0 0\n50000-60000 rw-p 0 0:0 0\n", 7),
				 space("30000-60000 rw-p 0 0:0 0\n", 7)),
			 "000000030000:grown:merged:+64.0K:-");
	/* Another file at the same place is another mapping; the same one, unlinked, is not. */
	ck_assert_str_eq(changes(space("30000-40000 rw-s 0 8:1 5 /a\n", 7), space("30000-40000 rw-s 0 8:1 6 /a\n", 7)),
			 "000000030000:new::+64.0K:-, 000000030000:gone::-64.0K:-");
	ck_assert_str_eq(changes(space("30000-40000 rw-s 0 8:1 5 /a\n", 7), space("30000-40000 rw-s 0 8:1 5 /a (deleted)\n", 7)), "");
	/* A window on a file that shows another part of it. */
	ck_assert_str_eq(changes(space("30000-40000 r--s 0 8:1 5 /a\n", 7), space("30000-40000 r--s 10000 8:1 5 /a\n", 7)),
			 "000000030000:changed:offset:0:-");
}
END_TEST

START_TEST(moved)
{
	/* Of the same size; of other sizes only where there is no choice. */
	ck_assert_str_eq(changes(space("30000-40000 rw-p 0 0:0 0\n", 7), space("70000-80000 rw-p 0 0:0 0\n", 7)),
			 "000000070000:changed:moved:0:-");
	ck_assert_str_eq(changes(space("30000-40000 rw-p 0 0:0 0\n", 7), space("70000-90000 rw-p 0 0:0 0\n", 7)),
			 "000000070000:grown:moved:+64.0K:-");
	ck_assert_str_eq(changes(space("30000-40000 rw-p 0 0:0 0\n", 7),
				 space("70000-90000 rw-p 0 0:0 0\nb0000-c8000 rw-p 0 0:0 0\n", 7)),
			 "000000030000:gone::-64.0K:-, 000000070000:new::+128.0K:-, 0000000b0000:new::+96.0K:-");
	/* Into space that was reserved for it. */
	ck_assert_str_eq(changes(space("30000-40000 rw-p 0 0:0 0\n70000-a0000 ---p 0 0:0 0\n", 7),
				 space("70000-80000 rw-p 0 0:0 0\n80000-a0000 ---p 0 0:0 0\n", 7)),
			 "000000070000:changed:moved:0:-, 000000080000:shrunk::-64.0K:-");
	/* Other permissions: another mapping. */
	ck_assert_str_eq(changes(space("30000-40000 rw-p 0 0:0 0\n", 7), space("70000-80000 r--p 0 0:0 0\n", 7)),
			 "000000030000:gone::-64.0K:-, 000000070000:new::+64.0K:-");
}
END_TEST

/** Another process of the program: nothing is where it was. */
START_TEST(by_likeness)
{
	static const char one[] = "10000-20000 r--p 0 8:1 5 /bin/prog\n20000-30000 r-xp 10000 8:1 5 /bin/prog\n"
				  "30000-34000 rw-p 20000 8:1 5 /bin/prog\n34000-38000 rw-p 0 0:0 0\n"
				  "50000-60000 rw-p 0 0:0 0 [heap]\n70000-80000 rw-p 0 0:0 0\n90000-a0000 rw-p 0 0:0 0\n";
	static const char other[] = "510000-520000 r--p 0 8:1 5 /bin/prog\n520000-530000 r-xp 10000 8:1 5 /bin/prog\n"
				    "530000-534000 rw-p 20000 8:1 5 /bin/prog\n534000-538000 rw-p 0 0:0 0\n"
				    "550000-570000 rw-p 0 0:0 0 [heap]\n670000-680000 rw-p 0 0:0 0\n690000-6b0000 rw-p 0 0:0 0\n"
				    "6c0000-6d8000 rw-p 0 0:0 0\n";
	/* One anonymous mapping is as large as one of before; the other two stand against what is left. */
	ck_assert_str_eq(changes(space(one, 7), space(other, 8)),
			 "000000550000:grown::+64.0K:-, -:grown::+160.0K:-");
}
END_TEST

START_TEST(groups)
{
	struct vm_aspace *a = space("30000-40000 rw-p 0 0:0 0 [heap]\n50000-60000 rw-p 0 0:0 0\n", 7);
	struct vm_aspace *b = space("30000-40000 rw-p 0 0:0 0 [heap]\n50000-60000 rw-p 0 0:0 0\n80000-90000 rw-p 0 0:0 0\n", 7);
	struct vm_diff d;
	char text[64];
	ck_assert_int_eq(vm_diff_groups(a, b, VM_BY_KIND, NAN, &d), 0);
	ck_assert_uint_eq(d.rows.n, 2);
	ck_assert_int_eq(d.rows.v[0].state, VM_DIFF_SAME);
	ck_assert_int_eq(d.rows.v[1].state, VM_DIFF_GROWN);
	ck_assert_str_eq(cell(&d.rows.v[1], "COUNT+", text), "+1");
	ck_assert_str_eq(cell(&d.rows.v[1], "SIZE+", text), "+64.0K");
	ck_assert_str_eq(cell(&d.rows.v[1], "START", text), "-");
	ck_assert_str_eq(cell(&d.rows.v[1], "RATE", text), "-");
	const struct vm_diff_row *rows[] = { &d.rows.v[0], &d.rows.v[1] };
	struct vm_diff_row total;
	struct vm_sum before, after;
	vm_diff_sum(rows, 2, &before, &after, &total);
	ck_assert_int_eq(total.state, VM_DIFF_GROWN);
	ck_assert_str_eq(cell(&total, "SIZE+", text), "+64.0K");
	ck_assert_str_eq(cell(&total, "COUNT.B", text), "3");
	vm_diff_free(&d);
	vm_aspace_free(a);
	vm_aspace_free(b);
}
END_TEST

/** Every figure of a mapping that can be summed up has its three columns. */
START_TEST(columns)
{
	for (size_t i = 0; i < vm_mapping_fields.n; i++) {
		const struct vm_field *f = &vm_mapping_fields.v[i];
		static const char *const ends[] = { ".A", ".B", "+" };
		for (size_t k = 0; (f->flags & VM_F_SUM) && k < 3; k++) {
			char name[40];
			snprintf(name, sizeof(name), "%s%s", f->name, ends[k]);
			const int at = vm_field_find(&vm_diff_fields, name, strlen(name));
			ck_assert_msg(at >= 0, "there is no column %s", name);
			ck_assert_msg((vm_diff_fields.v[at].needs & f->needs) == f->needs, "%s needs less than %s", name, f->name);
		}
	}
	ck_assert_uint_le(vm_diff_fields.n, VM_COLUMNS_MAX);
}
END_TEST

/** As many as a space may have, each moved: still in a moment, and nothing lost. */
START_TEST(many)
{
	enum { N = 30000 };
	struct vm_aspace *side[2];
	for (unsigned s = 0; s < 2; s++) {
		side[s] = space_new();
		vm_proc_set(&side[s]->proc, VM_P_START_STACK, s);
		for (uint64_t i = 0; i < N; i++) {
			struct vm_mapping *m = vm_aspace_add(side[s]);
			ck_assert_ptr_nonnull(m);
			m->start = (1 + s + 2 * i) << 20;
			m->end = m->start + 4096 * (1 + i % 7);
			m->name = "";
			m->prot = i % 3 ? 3 : 1;
		}
	}
	struct vm_diff d;
	ck_assert_int_eq(vm_diff_spaces(side[0], side[1], NAN, &d), 0);
	ck_assert_uint_eq(d.rows.n, N);
	for (size_t i = 0; i < d.rows.n; i++)
		ck_assert_int_eq(d.rows.v[i].state, VM_DIFF_SAME);
	vm_diff_free(&d);
	vm_aspace_free(side[0]);
	vm_aspace_free(side[1]);
}
END_TEST

UNIT_MAIN("spacediff", same, by_address, moved, by_likeness, groups, columns, many)
