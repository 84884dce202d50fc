/** core/source/pages: runs from files that look like /proc/PID/pagemap, against what each entry says by itself. */
#include "core/source/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/base/vec.h"
#include "core/source/session.h"

#include "space.h"

#define PRESENT   (UINT64_C(1) << 63)
#define SWAPPED   (UINT64_C(1) << 62)
#define OF_FILE   (UINT64_C(1) << 61)
#define IS_GUARD  (UINT64_C(1) << 58)
#define UFFD_WP   (UINT64_C(1) << 57)
#define EXCLUSIVE (UINT64_C(1) << 56)
#define SOFT      (UINT64_C(1) << 55)

/** What the scans of these tests want. */
static const uint32_t all = VM_PG(PRESENT) | VM_PG(SWAP) | VM_PG(FILE) | VM_PG(EXCLUSIVE) | VM_PG(SOFT_DIRTY) |
			    VM_PG(UFFD_WP) | VM_PG(GUARD);

/* ---- A captured tree with a pagemap ------------------------------------------------------------------------------ */

struct tree {
	char dir[64];
	int fd;                    /* pagemap; -1: there is none */
	struct vm_session *s;
	struct vm_aspace *as;
};

static void make_file(const char *dir, const char *path, const char *text)
{
	char name[256];
	snprintf(name, sizeof(name), "%s/%s", dir, path);
	FILE *f = fopen(name, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static struct tree tree_new(const char *maps, const char *release, bool pagemap)
{
	static const char *const dirs[] = { "/proc", "/proc/42", "/proc/sys", "/proc/sys/kernel" };
	struct tree t = { .dir = "/tmp/vm-pages-XXXXXX", .fd = -1 };
	char name[256];
	ck_assert_ptr_nonnull(mkdtemp(t.dir));
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", t.dir, dirs[i]);
		ck_assert_int_eq(mkdir(name, 0700), 0);
	}
	make_file(t.dir, "proc/sys/kernel/osrelease", release);
	if (pagemap) {
		snprintf(name, sizeof(name), "%s/proc/42/pagemap", t.dir);
		t.fd = open(name, O_RDWR | O_CREAT, 0600);
		ck_assert_int_ge(t.fd, 0);
	}
	ck_assert_int_eq(vm_session_open(t.dir, &t.s, NULL), 0);
	t.as = space_of(maps);
	return t;
}

static void tree_free(struct tree *t)
{
	char command[128];
	vm_aspace_free(t->as);
	vm_session_close(t->s);
	if (t->fd >= 0)
		close(t->fd);
	snprintf(command, sizeof(command), "rm -r %s", t->dir);
	ck_assert_int_eq(system(command), 0);
}

static void put(struct tree *t, uint64_t addr, uint64_t entry)
{
	ck_assert_int_eq(pwrite(t->fd, &entry, 8, (off_t)(addr / 4096 * 8)), 8);
}

struct runs {
	VM_VEC(struct vm_page_run) list;
	size_t stop_after;         /* 0: never */
};

static int take(void *ctx, const struct vm_page_run *r, size_t n)
{
	struct runs *to = ctx;
	for (size_t i = 0; i < n; i++)
		ck_assert(vm_vec_push(&to->list, r[i]));
	return to->stop_after && to->list.n >= to->stop_after ? 77 : 0;
}

/** Each run as "START+PAGES:states[@frame]", addresses and frames in hex. */
static const char *scanned(struct tree *t, const struct vm_pages_query *q, struct vm_pages_info *info)
{
	static char out[8000];
	struct runs runs = { 0 };
	struct vm_err err = { 0 };
	size_t at = 0;
	int r = vm_pages_scan(t->s, 42, q, take, &runs, info, &err);
	ck_assert_msg(r == 0, "%d %s", r, err.what);
	out[0] = '\0';
	for (size_t i = 0; i < runs.list.n; i++) {
		const struct vm_page_run *p = &runs.list.v[i];
		at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%llx+%llu:", i ? " " : "", (unsigned long long)p->start,
				       (unsigned long long)(p->end - p->start) / 4096);
		for (unsigned b = 0; b < VM_PG_BIT_NR; b++)
			if (p->state >> b & 1)
				out[at++] = vm_pg_info[b].letter;
		out[at] = '\0';
		if (p->pfn != VM_PFN_NONE)
			at += (size_t)snprintf(out + at, sizeof(out) - at, "@%llx", (unsigned long long)p->pfn);
		if (p->state & VM_PG(SWAP) && !p->swap_offset)
			at += (size_t)snprintf(out + at, sizeof(out) - at, "#none");
		else if (p->state & VM_PG(SWAP))
			at += (size_t)snprintf(out + at, sizeof(out) - at, "#%u.%llx", p->swap_type,
					       (unsigned long long)p->swap_offset);
	}
	vm_vec_free(&runs.list);
	return out;
}

static const char two_maps[] = "10000-20000 rw-p 00000000 08:01 5 /f\n"
			       "20000-28000 rw-p 00000000 08:01 6 /g\n";

/* ---- Runs -------------------------------------------------------------------------------------------------------- */

START_TEST(neighbours_are_one_run)
{
	struct tree t = tree_new(two_maps, "6.18.0\n", true);
	struct vm_pages_info info;
	struct vm_pages_query q = { .want = all, .as = t.as };
	for (uint64_t a = 0x12000; a < 0x16000; a += 4096)
		put(&t, a, PRESENT | EXCLUSIVE | (0x100 + (a >> 12) * 7));
	put(&t, 0x16000, PRESENT | OF_FILE | 0x999);
	ck_assert_str_eq(scanned(&t, &q, &info), "12000+4:px 16000+1:pf");
	ck_assert_int_eq(info.via, VM_VIA_PAGEMAP);
	ck_assert_uint_eq(info.unknown, 0);
	ck_assert(!info.partial && !info.frames_withheld);
	/* What nobody wants doesn't part them. */
	q.want = VM_PG(PRESENT);
	ck_assert_str_eq(scanned(&t, &q, &info), "12000+5:px");
	tree_free(&t);
}
END_TEST

START_TEST(frames_part_runs)
{
	struct tree t = tree_new(two_maps, "6.18.0\n", true);
	struct vm_pages_info info;
	struct vm_pages_query q = { .want = all, .frames = true, .as = t.as };
	for (uint64_t a = 0x12000; a < 0x18000; a += 4096)
		put(&t, a, PRESENT | (a < 0x15000 ? 0x500 + (a >> 12) : 0x700 - (a >> 12)));
	ck_assert_str_eq(scanned(&t, &q, &info), "12000+3:p@512 15000+1:p@6eb 16000+1:p@6ea 17000+1:p@6e9");
	tree_free(&t);
}
END_TEST

START_TEST(borders_part_runs)
{
	struct tree t = tree_new(two_maps, "6.18.0\n", true);
	struct vm_pages_info info;
	struct vm_pages_query q = { .want = all, .frames = true, .as = t.as };
	for (uint64_t a = 0x1e000; a < 0x22000; a += 4096)
		put(&t, a, PRESENT | (a >> 12));
	ck_assert_str_eq(scanned(&t, &q, &info), "1e000+2:p@1e 20000+2:p@20");
	q.from = 0x1f000;
	q.to = 0x21000;
	ck_assert_str_eq(scanned(&t, &q, &info), "1f000+1:p@1f 20000+1:p@20");
	tree_free(&t);
}
END_TEST

START_TEST(bit_62_is_not_always_swap)
{
	struct tree t = tree_new(two_maps, "6.18.0\n", true);
	struct vm_pages_info info;
	struct vm_pages_query q = { .want = all, .frames = true, .as = t.as };
	put(&t, 0x10000, SWAPPED | (0x40 << 5) | 1);
	put(&t, 0x11000, SWAPPED | (0x41 << 5) | 1);
	put(&t, 0x12000, SWAPPED | (0x42 << 5) | 2);
	put(&t, 0x13000, SWAPPED | (0x50 << 5) | 2);
	put(&t, 0x14000, SWAPPED | UFFD_WP | (1 << 5) | 31);
	put(&t, 0x15000, SWAPPED | IS_GUARD | (4 << 5) | 31);
	put(&t, 0x16000, SWAPPED | (0x1234 << 5) | 30);
	put(&t, 0x17000, SWAPPED | (0x1234 << 5) | 26);
	ck_assert_str_eq(scanned(&t, &q, &info),
			 "10000+2:s#1.40 12000+1:s#2.42 13000+1:s#2.50 14000+1:uM 15000+1:G 16000+1:V 17000+1:m");
	/* Without slots only the device parts them. */
	q.frames = false;
	ck_assert_str_eq(scanned(&t, &q, &info), "10000+2:s#1.40 12000+2:s#2.42 14000+1:uM 15000+1:G 16000+1:V 17000+1:m");
	tree_free(&t);
}
END_TEST

START_TEST(markers_are_told_by_their_slot)
{
	struct tree t = tree_new(two_maps, "6.18.0\n", true);
	struct vm_pages_info info;
	struct vm_pages_query q = { .want = all & ~VM_PG(UFFD_WP), .as = t.as };
	/* Poisoned; a guard before Linux 6.15 said so in a bit of its own; of hugetlb, without the bit of swap. */
	put(&t, 0x10000, SWAPPED | UFFD_WP | (1 << 5) | 31);
	put(&t, 0x11000, SWAPPED | (2 << 5) | 31);
	put(&t, 0x12000, SWAPPED | (4 << 5) | 31);
	put(&t, 0x14000, UFFD_WP);
	ck_assert_str_eq(scanned(&t, &q, &info), "10000+1:uM 11000+1:HM 12000+1:G 14000+1:uM");
	tree_free(&t);
	/* Of Linux 6.1 it is the last type but one. */
	t = tree_new(two_maps, "6.1.0-40-amd64\n", true);
	q.as = t.as;
	put(&t, 0x10000, SWAPPED | UFFD_WP | (1 << 5) | 30);
	put(&t, 0x11000, SWAPPED | 31);
	put(&t, 0x12000, SWAPPED | (0x1234 << 5) | 29);
	ck_assert_str_eq(scanned(&t, &q, &info), "10000+1:uM 11000+1:HM 12000+1:V");
	tree_free(&t);
}
END_TEST

START_TEST(frames_may_be_withheld)
{
	struct tree t = tree_new(two_maps, "6.18.0\n", true);
	struct vm_pages_info info;
	struct vm_pages_query q = { .want = all, .frames = true, .as = t.as };
	put(&t, 0x10000, PRESENT | SOFT);
	put(&t, 0x11000, PRESENT | SOFT);
	ck_assert_str_eq(scanned(&t, &q, &info), "10000+2:pd");
	ck_assert(info.frames_withheld);
	/* Nothing is in memory: nobody withheld anything. */
	put(&t, 0x10000, 0);
	put(&t, 0x11000, SWAPPED | 32);
	ck_assert_str_eq(scanned(&t, &q, &info), "11000+1:s#0.1");
	ck_assert(!info.frames_withheld);
	tree_free(&t);
}
END_TEST

START_TEST(slots_may_be_withheld)
{
	struct tree t = tree_new(two_maps, "6.18.0\n", true);
	struct vm_pages_info info;
	struct vm_pages_query q = { .want = all | VM_PG(MIGRATION), .frames = true, .as = t.as };
	put(&t, 0x10000, SWAPPED);
	put(&t, 0x11000, SWAPPED);
	put(&t, 0x12000, SWAPPED | IS_GUARD);
	ck_assert_str_eq(scanned(&t, &q, &info), "10000+2:s#none 12000+1:G");
	ck_assert_uint_eq(info.unknown, VM_PG(MIGRATION));
	/* Guards alone are known for what they are. */
	put(&t, 0x10000, 0);
	put(&t, 0x11000, 0);
	ck_assert_str_eq(scanned(&t, &q, &info), "12000+1:G");
	ck_assert_uint_eq(info.unknown, 0);
	tree_free(&t);
}
END_TEST

START_TEST(soft_dirty_of_nothing_is_nothing)
{
	struct tree t = tree_new(two_maps, "6.18.0\n", true);
	struct vm_pages_info info;
	struct vm_pages_query q = { .want = all, .as = t.as };
	/* The kernel says so of all pages of a new mapping. */
	for (uint64_t a = 0x10000; a < 0x20000; a += 4096)
		put(&t, a, SOFT);
	put(&t, 0x18000, SOFT | PRESENT);
	ck_assert_str_eq(scanned(&t, &q, &info), "18000+1:pd");
	tree_free(&t);
}
END_TEST

START_TEST(the_page_of_zeros_isnt_known_from_a_file)
{
	struct tree t = tree_new(two_maps, "6.18.0\n", true);
	struct vm_pages_info info;
	struct vm_pages_query q = { .want = all | VM_PG(ZERO), .as = t.as };
	put(&t, 0x10000, PRESENT | 0x77);
	ck_assert_str_eq(scanned(&t, &q, &info), "10000+1:p");
	ck_assert_uint_eq(info.unknown, VM_PG(ZERO));
	tree_free(&t);
}
END_TEST

START_TEST(a_file_in_anonymous_memory_is_the_huge_page_of_zeros)
{
	struct tree t = tree_new("200000-800000 rw-p 00000000 00:00 0 \n800000-900000 r-xp 00000000 00:00 0 [vdso]\n"
				 "900000-a00000 rw-s 00000000 00:01 7 /dev/zero (deleted)\n", "6.18.0\n", true);
	struct vm_pages_info info;
	struct vm_pages_query q = { .want = all | VM_PG(ZERO), .frames = true, .as = t.as };
	for (uint64_t i = 0; i < 512; i++) {
		put(&t, 0x200000 + i * 4096, PRESENT | OF_FILE | (0x4000 + i));
		put(&t, 0x400000 + i * 4096, PRESENT | OF_FILE | (0x4000 + i));
	}
	put(&t, 0x800000, PRESENT | OF_FILE | 0x99);
	put(&t, 0x900000, PRESENT | OF_FILE | 0x9a);
	ck_assert_str_eq(scanned(&t, &q, &info), "200000+1024:pz@4000 800000+1:pf@99 900000+1:pf@9a");
	/* From the middle of one on it is the same frame. */
	q.from = 0x280000;
	q.to = 0x500000;
	ck_assert_str_eq(scanned(&t, &q, &info), "280000+640:pz@4000");
	tree_free(&t);
}
END_TEST

/* ---- Against each entry by itself -------------------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return *state >> 33;
}

static uint32_t told(uint64_t e)
{
	uint32_t s = 0;
	if (e & PRESENT)
		s |= VM_PG(PRESENT);
	else if ((e & SWAPPED) && (e & 31) < 26)
		s |= VM_PG(SWAP);
	return s | (e & OF_FILE ? VM_PG(FILE) : 0) | (e & EXCLUSIVE ? VM_PG(EXCLUSIVE) : 0);
}

START_TEST(every_page_says_what_its_entry_says)
{
	enum { PAGES = 70000 };
	static uint64_t entry[PAGES];
	const uint64_t base = 0x10000000;
	char maps[200];
	uint64_t seed = (uint64_t)_i + 1;
	/* Mappings end where pieces of the reader don't. */
	snprintf(maps, sizeof(maps), "10000000-14001000 rw-p 00000000 08:01 5 /f\n14001000-%llx rw-p 00000000 08:01 6 /g\n",
		 (unsigned long long)base + PAGES * 4096);
	struct tree t = tree_new(maps, "6.18.0\n", true);
	for (size_t i = 0; i < PAGES;) {
		static const uint64_t kinds[] = { 0, PRESENT, PRESENT | EXCLUSIVE, PRESENT | OF_FILE, SWAPPED, SWAPPED | OF_FILE };
		uint64_t kind = kinds[next_random(&seed) % 6];
		size_t n = 1 + next_random(&seed) % (_i % 2 ? 5 : 3000), first = next_random(&seed);
		for (size_t k = 0; k < n && i < PAGES; k++, i++)
			entry[i] = kind & PRESENT ? kind | (first + k) : kind ? kind | (first + k) << 5 | first % 3 : 0;
	}
	ck_assert_int_eq(pwrite(t.fd, entry, sizeof(entry), (off_t)(base / 4096 * 8)), sizeof(entry));
	struct runs runs = { 0 };
	struct vm_pages_info info;
	struct vm_pages_query q = { .want = all, .frames = _i < 2, .as = t.as };
	ck_assert_int_eq(vm_pages_scan(t.s, 42, &q, take, &runs, &info, NULL), 0);
	size_t page = 0;
	for (size_t i = 0; i < runs.list.n; i++) {
		const struct vm_page_run *r = &runs.list.v[i];
		for (; base + page * 4096 < r->start; page++)
			ck_u64_eq(entry[page], 0);
		for (uint64_t k = 0; base + page * 4096 < r->end; page++, k++) {
			ck_u64_eq(r->state & r->known, told(entry[page]));
			uint64_t value = entry[page] & ((UINT64_C(1) << 55) - 1);
			if (q.frames && (entry[page] & PRESENT))
				ck_u64_eq(r->pfn + k, value);
			if (q.frames && (entry[page] & SWAPPED))
				ck_u64_eq((r->swap_offset + k) << 5 | r->swap_type, value);
		}
		ck_assert(r->start >= 0x14001000 || r->end <= 0x14001000);
		/* Runs are as long as they can be. */
		if (i && r->start != 0x14001000)
			ck_assert(!vm_page_run_follows(r - 1, r, q.frames));
	}
	for (; page < PAGES; page++)
		ck_u64_eq(entry[page], 0);
	vm_vec_free(&runs.list);
	tree_free(&t);
}
END_TEST

/* ---- Counting ---------------------------------------------------------------------------------------------------- */

struct tally {
	uint64_t pages[8];
	size_t runs, counts;
};

static void tally(struct tally *t, const struct vm_page_run *r, uint64_t pages)
{
	const uint32_t s = r->state & r->known;
	t->pages[(s & VM_PG(PRESENT) ? 1 : 0) | (s & VM_PG(FILE) ? 2 : 0) | (s & VM_PG(EXCLUSIVE) ? 4 : 0)] += pages;
}

static int tally_runs(void *ctx, const struct vm_page_run *r, size_t n)
{
	struct tally *t = ctx;
	for (size_t i = 0; i < n; i++)
		tally(t, &r[i], (r[i].end - r[i].start) / 4096);
	t->runs += n;
	return 0;
}

static int tally_count(void *ctx, const struct vm_page_run *of, uint64_t pages)
{
	tally(ctx, of, pages);
	((struct tally *)ctx)->counts++;
	return 0;
}

START_TEST(counting_gives_what_runs_give)
{
	enum { PAGES = 40000 };
	struct tree t = tree_new("10000000-20000000 rw-p 00000000 08:01 5 /f\n", "6.18.0\n", true);
	static const uint64_t kinds[] = { 0, PRESENT, PRESENT | EXCLUSIVE, PRESENT | OF_FILE, SWAPPED | 1 << 5, UFFD_WP };
	static uint64_t entry[PAGES];
	uint64_t seed = 3;
	for (size_t i = 0; i < PAGES; i++) {
		entry[i] = kinds[next_random(&seed) % 6];
		entry[i] |= entry[i] & PRESENT ? 1 + next_random(&seed) % 1000 : 0;
	}
	ck_assert_int_eq(pwrite(t.fd, entry, sizeof(entry), 0x10000000 / 4096 * 8), sizeof(entry));
	struct tally got[2] = { 0 };
	for (unsigned k = 0; k < 2; k++) {
		struct vm_pages_info info;
		struct vm_pages_query q = { .want = all, .as = t.as, .count = k ? tally_count : NULL };
		ck_assert_int_eq(vm_pages_scan(t.s, 42, &q, tally_runs, &got[k], &info, NULL), 0);
	}
	ck_assert_uint_eq(got[0].counts, 0);
	ck_assert_uint_gt(got[1].counts, 0);
	ck_assert_uint_lt(got[1].runs, got[0].runs / 2);
	for (unsigned i = 0; i < 8; i++)
		ck_u64_eq(got[1].pages[i], got[0].pages[i]);
	tree_free(&t);
}
END_TEST

/* ---- What goes wrong --------------------------------------------------------------------------------------------- */

START_TEST(a_taker_can_stop_it)
{
	struct tree t = tree_new(two_maps, "6.18.0\n", true);
	struct runs runs = { .stop_after = 1 };
	struct vm_pages_info info;
	struct vm_pages_query q = { .want = all, .as = t.as };
	put(&t, 0x10000, PRESENT | 1);
	put(&t, 0x20000, PRESENT | 1);
	ck_assert_int_eq(vm_pages_scan(t.s, 42, &q, take, &runs, &info, NULL), 77);
	ck_assert_uint_eq(runs.list.n, 1);
	vm_vec_free(&runs.list);
	tree_free(&t);
}
END_TEST

START_TEST(a_tree_without_pagemap)
{
	struct tree t = tree_new(two_maps, "6.18.0\n", false);
	struct runs runs = { 0 };
	struct vm_pages_info info;
	struct vm_err err = { 0 };
	struct vm_pages_query q = { .want = all, .as = t.as };
	ck_assert_int_lt(vm_pages_scan(t.s, 42, &q, take, &runs, &info, &err), 0);
	ck_assert_str_ne(err.what, "");
	/* Each way says why it doesn't work. */
	for (int via = VM_VIA_TABLES; via < VM_VIA_NR; via++) {
		q.via = (enum vm_pages_via)via;
		err = (struct vm_err){ 0 };
		int r = vm_pages_scan(t.s, 42, &q, take, &runs, &info, &err);
		ck_assert_int_eq(r, via == VM_VIA_PAGEMAP ? -ENOENT : -EOPNOTSUPP);
		ck_assert_int_eq(err.code, -r);
		ck_assert_str_ne(err.what, "");
	}
	ck_assert_uint_eq(runs.list.n, 0);
	tree_free(&t);
}
END_TEST

START_TEST(a_file_that_ends_early)
{
	struct tree t = tree_new(two_maps, "6.18.0\n", true);
	struct vm_pages_info info;
	struct vm_pages_query q = { .want = all, .as = t.as };
	put(&t, 0x10000, PRESENT | 1);
	ck_assert_str_eq(scanned(&t, &q, &info), "10000+1:p");
	/* Cut inside an entry. */
	ck_assert_int_eq(ftruncate(t.fd, 0x10 * 8 + 3), 0);
	ck_assert_str_eq(scanned(&t, &q, &info), "");
	tree_free(&t);
}
END_TEST

/* ---- Ourselves, by every way that works here ---------------------------------------------------------------------- */

START_TEST(ourselves)
{
	struct vm_session *s;
	ck_assert_int_eq(vm_session_open("/", &s, NULL), 0);
	char maps[100];
	char *p = mmap(NULL, 16 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(p, MAP_FAILED);
	madvise(p, 16 * 4096, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < 16; i += 2)
		p[i * 4096] = 1;
	snprintf(maps, sizeof(maps), "%llx-%llx rw-p 00000000 00:00 0 \n", (unsigned long long)(uintptr_t)p,
		 (unsigned long long)(uintptr_t)p + 16 * 4096);
	struct vm_aspace *as = space_of(maps);
	unsigned worked = 0;
	for (int via = VM_VIA_AUTO; via < VM_VIA_NR; via++) {
		struct runs runs = { 0 };
		struct vm_pages_info info;
		struct vm_err err = { 0 };
		struct vm_pages_query q = {
			.want = VM_PG(PRESENT), .via = (enum vm_pages_via)via, .as = as,
			.from = as->map[0].start, .to = as->map[0].end,
		};
		int r = vm_pages_scan(s, getpid(), &q, take, &runs, &info, &err);
		if (r < 0) {
			ck_assert_str_ne(err.what, "");
			continue;
		}
		worked++;
		ck_assert_uint_eq(runs.list.n, 8);
		for (size_t i = 0; i < 8; i++) {
			ck_u64_eq(runs.list.v[i].start, as->map[0].start + i * 8192);
			ck_u64_eq(runs.list.v[i].end - runs.list.v[i].start, 4096);
			ck_assert_uint_eq(runs.list.v[i].state & VM_PG(PRESENT), VM_PG(PRESENT));
		}
		vm_vec_free(&runs.list);
	}
	/* mincore at the least, and whatever AUTO takes. */
	ck_assert_uint_ge(worked, 2);
	vm_aspace_free(as);
	munmap(p, 16 * 4096);
	vm_session_close(s);
}
END_TEST

int main(void)
{
	mallopt(M_PERTURB, 0xa5);
	Suite *suite = suite_create("pages");
	TCase *tcase = tcase_create("all");
	tcase_add_test(tcase, neighbours_are_one_run);
	tcase_add_test(tcase, frames_part_runs);
	tcase_add_test(tcase, borders_part_runs);
	tcase_add_test(tcase, bit_62_is_not_always_swap);
	tcase_add_test(tcase, markers_are_told_by_their_slot);
	tcase_add_test(tcase, frames_may_be_withheld);
	tcase_add_test(tcase, slots_may_be_withheld);
	tcase_add_test(tcase, soft_dirty_of_nothing_is_nothing);
	tcase_add_test(tcase, the_page_of_zeros_isnt_known_from_a_file);
	tcase_add_test(tcase, a_file_in_anonymous_memory_is_the_huge_page_of_zeros);
	tcase_add_loop_test(tcase, every_page_says_what_its_entry_says, 0, 4);
	tcase_add_test(tcase, counting_gives_what_runs_give);
	tcase_add_test(tcase, a_taker_can_stop_it);
	tcase_add_test(tcase, a_tree_without_pagemap);
	tcase_add_test(tcase, a_file_that_ends_early);
	tcase_add_test(tcase, ourselves);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
