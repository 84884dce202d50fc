/** core/source/damon, pageidle: what is written to and read from files that look like the kernel's. */
#include "core/source/damon.h"
#include "core/source/pageidle.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/source/session.h"

#include "tmpdir.h"
#include "unit.h"

static struct vm_session *open_dir(void)
{
	struct vm_session *s;
	ck_assert_int_eq(vm_session_open(dir, &s, NULL), 0);
	return s;
}

/* ---- DAMON --------------------------------------------------------------------------------------------------------- */

#define ADMIN "sys/kernel/mm/damon/admin/kdamonds"

/** The files as they are after one kdamond, context, target and scheme was made; `n` kdamonds are there before. */
static void make_damon(unsigned n)
{
	make_dir();
	ck_assert(shell("mkdir -p '%s/proc' && cd '%s' && mkdir -p " ADMIN "/0/contexts/0/monitoring_attrs/intervals "
			ADMIN "/0/contexts/0/monitoring_attrs/nr_regions " ADMIN "/0/contexts/0/targets/0 && cd " ADMIN
			" && echo %u >nr_kdamonds && echo off >0/state && cd 0/contexts && touch nr_contexts 0/operations "
			"0/monitoring_attrs/intervals/sample_us 0/monitoring_attrs/intervals/aggr_us 0/monitoring_attrs/intervals/update_us "
			"0/monitoring_attrs/nr_regions/min 0/monitoring_attrs/nr_regions/max 0/targets/nr_targets 0/targets/0/pid_target "
			"&& mkdir 0/schemes && touch 0/schemes/nr_schemes && for k in sz nr_accesses age; do "
			"mkdir -p 0/schemes/0/access_pattern/$k && touch 0/schemes/0/access_pattern/$k/min 0/schemes/0/access_pattern/$k/max; done "
			"&& touch 0/schemes/0/action && mkdir 0/schemes/0/tried_regions", dir, dir, n));
}

static void make_region(unsigned i, uint64_t start, uint64_t end, unsigned accesses, unsigned age)
{
	ck_assert(shell("cd '%s/" ADMIN "/0/contexts/0/schemes/0/tried_regions' && mkdir %u && echo %llu >%u/start && echo %llu >%u/end "
			"&& echo %u >%u/nr_accesses && echo %u >%u/age", dir, i, (unsigned long long)start, i, (unsigned long long)end, i,
			accesses, i, age, i));
}

static bool holds(const char *file, const char *value)
{
	return shell("[ \"$(cat '%s/" ADMIN "/%s')\" = '%s' ]", dir, file, value);
}

START_TEST(damon)
{
	make_damon(0);
	struct vm_session *s = open_dir();
	struct vm_damon *d;
	struct vm_damon_regions regions = { .samples = 0 };
	struct vm_err err = { 0 };
	ck_assert_int_eq(vm_damon_open(s, 4242, 100000000, &d, &err), 0);
	ck_assert(holds("nr_kdamonds", "1") && holds("0/state", "on") && holds("0/contexts/0/operations", "vaddr"));
	ck_assert(holds("0/contexts/0/targets/0/pid_target", "4242") && holds("0/contexts/0/schemes/0/action", "stat"));
	ck_assert(holds("0/contexts/0/monitoring_attrs/intervals/sample_us", "5000"));
	ck_assert(holds("0/contexts/0/monitoring_attrs/intervals/aggr_us", "100000"));
	/* In the order of their addresses, whatever their numbers; what is broken is left out. */
	make_region(2, 0x1000, 0x5000, 3, 7);
	make_region(10, 0x9000, 0x9000, 3, 7);
	make_region(0, 0x5000, 0x9000, 0, 40);
	ck_assert(shell("mkdir '%s/" ADMIN "/0/contexts/0/schemes/0/tried_regions/5'", dir));
	ck_assert_int_eq(vm_damon_read(d, &regions, &err), 0);
	ck_assert_uint_eq(regions.region.n, 2);
	ck_u64_eq(regions.samples, 20);
	ck_u64_eq(regions.region.v[0].start, 0x1000);
	ck_u64_eq(regions.region.v[0].accesses, 3);
	ck_u64_eq(regions.region.v[1].age, 40);
	/* The file took what was written; the kernel's says on as long as it runs. */
	ck_assert(holds("0/state", "update_schemes_tried_regions"));
	ck_assert_int_eq(vm_damon_read(d, &regions, &err), -ESRCH);
	vm_damon_close(d);
	ck_assert(holds("nr_kdamonds", "0") && holds("0/state", "off"));
	vm_vec_free(&regions.region);
	vm_session_close(s);
	clear_dir();
}
END_TEST

/** Nothing of somebody else's session is written to. */
START_TEST(somebody)
{
	struct vm_damon *d;
	struct vm_err err = { 0 };
	make_damon(2);
	struct vm_session *s = open_dir();
	ck_assert(shell("cd '%s' && echo on >" ADMIN "/0/state && find . -type f -exec md5sum {} + | sort >/'%s'.before", dir, dir));
	ck_assert_int_eq(vm_damon_open(s, 4242, 100000000, &d, &err), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.what, "isn't touched"));
	ck_assert(shell("cd '%s' && find . -type f -exec md5sum {} + | sort | cmp - '%s'.before", dir, dir));
	vm_session_close(s);
	ck_assert(shell("rm '%s'.before", dir));
	clear_dir();
}
END_TEST

START_TEST(no_damon)
{
	struct vm_damon *d;
	struct vm_err err = { 0 };
	make_dir();
	ck_assert(shell("mkdir '%s/proc'", dir));
	struct vm_session *s = open_dir();
	ck_assert_int_eq(vm_damon_open(s, 4242, 100000000, &d, &err), -EOPNOTSUPP);
	ck_assert_int_eq(vm_pageidle_open(s, &err), -EOPNOTSUPP);
	vm_session_close(s);
	clear_dir();
}
END_TEST

/* ---- Idle marks ---------------------------------------------------------------------------------------------------- */

START_TEST(idle)
{
	enum { FRAMES = 200000, N = 3000 };
	static struct vm_idle_frame v[N];
	static uint64_t truth[FRAMES / 64], word[FRAMES / 64];
	struct vm_err err = { 0 };
	make_dir();
	ck_assert(shell("mkdir -p '%s/proc' '%s/sys/kernel/mm/page_idle' && head -c %d /dev/zero >'%s/sys/kernel/mm/page_idle/bitmap'", dir, dir,
			FRAMES / 8, dir));
	struct vm_session *s = open_dir();
	const int fd = vm_pageidle_open(s, &err);
	ck_assert_int_ge(fd, 0);
	srand(1);
	for (uint32_t i = 0; i < N; i++) {
		v[i] = (struct vm_idle_frame){ .pfn = (uint64_t)rand() % (i < N / 2 ? FRAMES : 5000), .which = i };
		truth[v[i].pfn / 64] |= UINT64_C(1) << v[i].pfn % 64;
	}
	ck_assert_int_eq(vm_pageidle_mark(fd, v, N, &err), 0);
	ck_assert_int_eq(pread(fd, word, sizeof(word), 0), sizeof(word));
	ck_assert_int_eq(memcmp(word, truth, sizeof(word)), 0);
	/* Uses clear bits. */
	for (size_t i = 0; i < FRAMES / 64; i++)
		word[i] &= UINT64_C(0x5555555555555555) << i % 2;
	ck_assert_int_eq(pwrite(fd, word, sizeof(word), 0), sizeof(word));
	for (uint32_t i = 0; i < N; i++)
		v[i].which = i;
	v[N - 1].pfn = UINT64_C(1) << 40;
	ck_assert_int_eq(vm_pageidle_read(fd, v, N, &err), 0);
	for (size_t i = 0; i < N; i++) {
		ck_assert(!i || v[i - 1].pfn <= v[i].pfn);
		const uint64_t p = v[i].pfn;
		ck_assert_int_eq(v[i].idle, p < FRAMES && (word[p / 64] >> p % 64 & 1));
	}
	close(fd);
	vm_session_close(s);
	clear_dir();
}
END_TEST

UNIT_MAIN("wssource", damon, somebody, no_damon, idle)
