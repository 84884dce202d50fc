/** core/source/tlbprobe*: the cache of what was timed, chains, and a probe of this machine. */
#include "core/source/tlbprobe.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/source/session.h"
#include "core/source/tlbprobe_part.h"
#include "tmpdir.h"
#include "unit.h"

enum { PATH_SIZE = 128 };

static const double UNKNOWN = (double)NAN;

static struct vm_session *live(void)
{
	struct vm_session *s;
	ck_assert_int_eq(vm_session_open("/", &s, NULL), 0);
	return s;
}

/* ---- The cache's text --------------------------------------------------------------------------------------------- */

static struct vm_tlb_probe example(void)
{
	struct vm_tlb_probe p = {
		.known = { .hit_ns = 1.75, .stlb_hit_ns = 1.5, .walk_ns = 7.25, .huge_pages_split = VM_TLB_SPLIT_YES, .ncosts = 2,
			   .cost = { { 262144, 0, UNKNOWN }, { 524288, 1.5, 1.25 } } },
		.cpu = "GenuineIntel family 6 model 167 stepping 1", .hypervisor = "KVM", .on_cpu = 1, .page_bytes = 4096,
		.data = { .n = 2, .v = { { 8, 1.75, 1.5, 2 }, { 16, 2, 2, 2 } } }, .code = { .n = 1, .v = { { 8, 0.25, 0.25, 0.5 } } },
		.dtlb = { 104, 103, 105 }, .stlb = { 2048, 2000, 2100 }, .few_lines_ns = 1.75, .many_lines_ns = UNKNOWN,
		.few_lines = 50, .many_lines = 200, .took_ns = 500000000, .at_s = 1800000000,
		.doubt = "times scatter by 20 %", .no_code = "jumps can't be timed; here: \"x\"",
	};
	return p;
}

static struct vm_buf text_of(const struct vm_tlb_probe *p)
{
	struct vm_buf b = { 0 };
	vm_tlb_cache_put(&b, "key", p);
	vm_buf_str(&b);
	return b;
}

static void is_same(const struct vm_tlb_probe *a, const struct vm_tlb_probe *b)
{
	struct vm_buf x = text_of(a), y = text_of(b);
	ck_assert_str_eq(x.s, y.s);
	vm_buf_free(&x);
	vm_buf_free(&y);
}

START_TEST(there_and_back)
{
	const struct vm_tlb_probe p = example();
	struct vm_tlb_probe q;
	struct vm_buf b = text_of(&p);
	ck_assert(vm_tlb_cache_parse(b.s, b.n, "key", &q));
	is_same(&p, &q);
	ck_assert_double_eq(q.known.hit_ns, 1.75);
	ck_assert(isnan(q.many_lines_ns) && isnan(q.known.cost[0].ns_2m));
	ck_assert_str_eq(q.doubt, p.doubt);
	ck_assert_str_eq(q.no_huge, "");
	ck_assert_double_eq(q.itlb.at, 0);
	ck_assert(!q.from_cache);
	vm_buf_free(&b);
}
END_TEST

START_TEST(of_another_boot)
{
	const struct vm_tlb_probe p = example();
	struct vm_tlb_probe q;
	struct vm_buf b = text_of(&p);
	ck_assert(!vm_tlb_cache_parse(b.s, b.n, "kex", &q));
	ck_assert(!vm_tlb_cache_parse(b.s, b.n, "ke", &q));
	ck_assert(!vm_tlb_cache_parse(b.s, b.n, "keyy", &q));
	vm_buf_free(&b);
}
END_TEST

/** What was cut short or has other bytes is none, or another good one; it never is nonsense. */
START_TEST(any_bytes)
{
	const struct vm_tlb_probe p = example();
	struct vm_tlb_probe q;
	struct vm_buf b = text_of(&p);
	uint64_t random = 1;
	for (size_t n = 0; n < b.n; n++)
		ck_assert(!vm_tlb_cache_parse(b.s, n, "key", &q));
	for (unsigned i = 0; i < 20000; i++) {
		char *copy = malloc(b.n);
		memcpy(copy, b.s, b.n);
		for (unsigned k = 0; k <= i % 4; k++)
			copy[vm_tlb_random(&random, (uint32_t)b.n)] = (char)vm_tlb_random(&random, 256);
		if (vm_tlb_cache_parse(copy, b.n, "key", &q)) {
			ck_assert(q.data.n <= VM_TLB_POINTS_MAX && q.known.ncosts <= VM_TLB_COSTS_MAX);
			ck_assert(q.known.huge_pages_split <= VM_TLB_SPLIT_YES);
			ck_assert(isnan(q.known.hit_ns) || (q.known.hit_ns >= 0 && q.known.hit_ns <= 1e9));
			for (const char *s = q.doubt; *s; s++)
				ck_assert(*s >= ' ' && *s <= '~');
		}
		free(copy);
	}
	vm_buf_free(&b);
}
END_TEST

static bool reads(const char *from, const char *to)
{
	const struct vm_tlb_probe p = example();
	struct vm_tlb_probe q;
	struct vm_buf b = text_of(&p), c = { 0 };
	const char *at = strstr(b.s, from);
	ck_assert_ptr_nonnull(at);
	vm_buf_add(&c, b.s, (size_t)(at - b.s));
	vm_buf_add_str(&c, to);
	vm_buf_add_str(&c, at + strlen(from));
	vm_buf_str(&c);
	const bool good = vm_tlb_cache_parse(c.s, c.n, "key", &q);
	vm_buf_free(&b);
	vm_buf_free(&c);
	return good;
}

START_TEST(nonsense)
{
	ck_assert(reads("hit 1.75\n", "hit 1.76\n"));
	ck_assert(!reads("hit 1.75\n", "hit -1\n"));
	ck_assert(!reads("hit 1.75\n", "hit inf\n"));
	ck_assert(!reads("hit 1.75\n", "hit 1e300\n"));
	ck_assert(!reads("hit 1.75\n", "hit nan\n"));
	ck_assert(!reads("hit 1.75\n", "hit \n"));
	ck_assert(!reads("hit 1.75\n", "hat 1.75\n"));
	ck_assert(!reads("hit 1.75\n", "hit 1.75\nhit 1.7\n"));
	ck_assert(!reads("split 2", "split 3"));
	ck_assert(!reads("on_cpu 1\n", "on_cpu -1\n"));
	ck_assert(!reads("on_cpu 1\n", "on_cpu 99999999999999999999\n"));
	ck_assert(!reads("dtlb 104", "dtlb -"));
	ck_assert(!reads("data 16", "data 8"));
	ck_assert(!reads("data 8 ", "data 0 "));
	ck_assert(!reads("cost 524288", "cost 262144"));
	ck_assert(!reads("vmtop tlb 1", "vmtop tlb 2"));
	ck_assert(!reads("end\n", "end\nend\n"));
	ck_assert(!reads("end\n", "end"));
	ck_assert(!reads("hypervisor KVM", "hypervisor \033[31mKVM"));
	ck_assert(!reads("hypervisor KVM", "hypervisor a name that is much longer than there is room for in it"));
	ck_assert(!reads("doubt times", "doubt t\xc3\xa4mes"));
}
END_TEST

START_TEST(too_many_points)
{
	struct vm_buf b = { 0 };
	const struct vm_tlb_probe p = example();
	struct vm_tlb_probe q;
	struct vm_buf t = text_of(&p);
	t.n -= strlen("end\n");
	vm_buf_add(&b, t.s, t.n);
	for (unsigned i = 100; i < 100 + VM_TLB_POINTS_MAX; i++)
		vm_buf_addf(&b, "data %u 1 1 1\n", i);
	vm_buf_add_str(&b, "end\n");
	vm_buf_str(&b);
	ck_assert(!vm_tlb_cache_parse(b.s, b.n, "key", &q));
	vm_buf_free(&b);
	vm_buf_free(&t);
}
END_TEST

/* ---- The cache's file --------------------------------------------------------------------------------------------- */

START_TEST(kept)
{
	struct vm_session *s = live();
	const struct vm_tlb_probe p = example();
	struct vm_tlb_probe q;
	struct stat st;
	char path[PATH_SIZE];
	make_dir();
	setenv("XDG_CACHE_HOME", dir, 1);
	ck_assert_int_eq(vm_tlb_cache_read(s, &q), -ENOENT);
	ck_assert_int_eq(vm_tlb_cache_write(s, &p), 0);
	ck_assert_int_eq(vm_tlb_cache_write(s, &p), 0);
	ck_assert_int_eq(vm_tlb_cache_read(s, &q), 0);
	is_same(&p, &q);
	snprintf(path, sizeof(path), "%s/vmtop/tlb", dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	/* Nobody else may have written it. */
	ck_assert_int_eq(chmod(path, 0666), 0);
	ck_assert_int_eq(vm_tlb_cache_read(s, &q), -EPERM);
	ck_assert_int_eq(vm_tlb_cache_write(s, &p), 0);
	ck_assert_int_eq(vm_tlb_cache_read(s, &q), 0);
	snprintf(path, sizeof(path), "%s/vmtop", dir);
	ck_assert_int_eq(chmod(path, 0777), 0);
	ck_assert_int_lt(vm_tlb_cache_read(s, &q), 0);
	ck_assert_int_lt(vm_tlb_cache_write(s, &p), 0);
	setenv("XDG_CACHE_HOME", "relative", 1);
	unsetenv("HOME");
	ck_assert_int_lt(vm_tlb_cache_write(s, &p), 0);
	clear_dir();
	vm_session_close(s);
}
END_TEST

START_TEST(links_are_not_followed)
{
	struct vm_session *s = live();
	const struct vm_tlb_probe p = example();
	struct vm_tlb_probe q;
	struct stat st;
	char path[PATH_SIZE], target[PATH_SIZE];
	make_dir();
	setenv("XDG_CACHE_HOME", dir, 1);
	/* The directory is a link to one of ours. */
	snprintf(target, sizeof(target), "%s/elsewhere", dir);
	snprintf(path, sizeof(path), "%s/vmtop", dir);
	ck_assert_int_eq(mkdir(target, 0700), 0);
	ck_assert_int_eq(symlink(target, path), 0);
	ck_assert_int_lt(vm_tlb_cache_write(s, &p), 0);
	ck_assert_int_eq(unlink(path), 0);
	/* The file is one: it is replaced, and what it points to stays. */
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(target, sizeof(target), "%s/victim", dir);
	snprintf(path, sizeof(path), "%s/vmtop/tlb", dir);
	const int fd = open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(symlink(target, path), 0);
	ck_assert_int_lt(vm_tlb_cache_read(s, &q), 0);
	ck_assert_int_eq(vm_tlb_cache_write(s, &p), 0);
	ck_assert_int_eq(stat(target, &st), 0);
	ck_assert_int_eq(st.st_size, 0);
	ck_assert_int_eq(vm_tlb_cache_read(s, &q), 0);
	/* A pipe doesn't make us wait. */
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_lt(vm_tlb_cache_read(s, &q), 0);
	clear_dir();
	vm_session_close(s);
}
END_TEST

START_TEST(root_in_the_house_of_another)
{
	struct vm_session *s = live();
	const struct vm_tlb_probe p = example();
	char path[PATH_SIZE], link[PATH_SIZE];
	make_dir();
	if (geteuid() != 0) {
		fprintf(stderr, "skip: needs root\n");
		clear_dir();
		vm_session_close(s);
		return;
	}
	snprintf(path, sizeof(path), "%s/bob", dir);
	snprintf(link, sizeof(link), "%s/link", dir);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	ck_assert_int_eq(chown(path, 65534, 65534), 0);
	setenv("XDG_CACHE_HOME", path, 1);
	ck_assert_int_eq(vm_tlb_cache_write(s, &p), -EPERM);
	unsetenv("XDG_CACHE_HOME");
	setenv("HOME", path, 1);
	ck_assert_int_eq(vm_tlb_cache_write(s, &p), -EPERM);
	ck_assert_int_eq(rmdir(path), 0);
	/* His link into one of ours. */
	ck_assert_int_eq(mkdir(path, 0755), 0);
	ck_assert_int_eq(symlink(path, link), 0);
	setenv("HOME", link, 1);
	ck_assert_int_lt(vm_tlb_cache_write(s, &p), 0);
	setenv("HOME", path, 1);
	ck_assert_int_eq(vm_tlb_cache_write(s, &p), 0);
	clear_dir();
	vm_session_close(s);
}
END_TEST

/* ---- Chains ------------------------------------------------------------------------------------------------------- */

START_TEST(orders)
{
	struct vm_tlb_order o;
	uint64_t random = 7;
	bool seen[512] = { false };
	ck_assert_int_eq(vm_tlb_order_open(&o, 512), 0);
	vm_tlb_order_spread(&o, 512, 4096, &random);
	for (unsigned i = 0; i < 512; i++) {
		const unsigned page = o.at[i] / 4096;
		ck_assert_uint_lt(page, 512);
		ck_assert(!seen[page]);
		seen[page] = true;
		ck_assert_uint_eq(o.at[i] % 4096, page % 64 * 64);
	}
	vm_tlb_order_pack(&o, 512, 4096);
	for (unsigned i = 0; i < 512; i++) {
		const unsigned line = o.at[i] / 64;
		ck_assert(line < 512 && o.at[i] % 64 == 0 && seen[line]);
		seen[line] = false;
	}
	vm_tlb_order_close(&o);
}
END_TEST

START_TEST(areas)
{
	struct vm_tlb_area a;
	const size_t bytes = 4u << 20;
	for (enum vm_tlb_memory m = VM_TLB_ALIAS; m <= VM_TLB_HUGE; m++) {
		ck_assert_int_eq(vm_tlb_area_open(&a, m, bytes), 0);
		ck_assert_uint_eq((uintptr_t)a.base % (2u << 20), 0);
		ck_assert_int_eq(vm_tlb_area_populate(&a, bytes / 2, UINT64_MAX), 0);
		ck_assert_int_eq(vm_tlb_area_populate(&a, bytes, UINT64_MAX), 0);
		ck_assert_int_eq(vm_tlb_area_populate(&a, bytes + 1, UINT64_MAX), -EINVAL);
		if (m == VM_TLB_HUGE)
			vm_tlb_area_split(&a);
		for (size_t i = 0; i < bytes; i += 64)
			ck_assert_uint_eq(*(const uint64_t *)(a.base + i), 0);
		vm_tlb_area_close(&a);
	}
	ck_assert_int_eq(vm_tlb_area_open(&a, VM_TLB_SMALL, bytes), 0);
	ck_assert_int_eq(vm_tlb_area_populate(&a, bytes, 0), -ETIME);
	vm_tlb_area_close(&a);
	ck_assert_int_eq(vm_tlb_area_open(&a, VM_TLB_SMALL, (size_t)1 << 60), -ENOMEM);
	ck_assert_ptr_null(a.base);
	vm_tlb_area_close(&a);
}
END_TEST

START_TEST(samples)
{
	struct vm_tlb_set set = { .n = 3, .v = {
		{ .pages = 8, .n = 3, .ns = { 1, 3, 2 } }, { .pages = 16, .n = 3, .ns = { UNKNOWN, UNKNOWN, UNKNOWN } },
		{ .pages = 32, .n = 3, .ns = { 5, UNKNOWN, 6 } },
	} };
	struct vm_tlb_curve c;
	vm_tlb_set_curve(&set, &c);
	ck_assert_uint_eq(c.n, 2);
	ck_assert_uint_eq(c.v[1].pages, 32);
	ck_assert_double_eq(c.v[0].ns, 2);
	ck_assert_double_eq(c.v[1].ns, 5.5);
	ck_assert(c.v[0].low < c.v[0].ns && c.v[0].high > c.v[0].ns);
	vm_tlb_set_repeat(&set, 1, &c);
	ck_assert_uint_eq(c.n, 2);
	ck_assert_double_eq(c.v[0].ns, 3);
	ck_assert_double_eq(c.v[1].ns, 5.5);
}
END_TEST

/* ---- This machine ------------------------------------------------------------------------------------------------- */

START_TEST(captured_trees_have_no_clock)
{
	struct vm_session *s;
	struct vm_tlb_probe p;
	struct vm_tlb_known k;
	struct vm_err err = { 0 };
	ck_assert_int_eq(vm_session_open(VM_FIXTURES "/linux-6.1", &s, NULL), 0);
	ck_assert_int_eq(vm_tlb_probe(s, true, &p, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.what, "captured"));
	memset(&k, 0xff, sizeof(k));
	vm_tlb_known(s, &k);
	ck_assert_int_eq(k.by, VM_TLB_BY_DEFAULT);
	ck_assert(isnan(k.hit_ns) && isnan(k.walk_ns) && k.ncosts == 0 && !k.trusted);
	ck_assert(vm_tlb_entries(k.geometry.stlb) > 0);
	vm_session_close(s);
}
END_TEST

/** No memfd without descriptors: distinct pages then, and what their lines cost is taken off. */
START_TEST(without_aliases)
{
	struct vm_tlb_probe p;
	struct vm_tlb_watch w;
	struct rlimit before, none;
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){ 0, before.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	memset(&p, 0, sizeof(p));
	vm_tlb_watch_begin(&w, vm_clock_ns() + UINT64_C(2000000000));
	ck_assert_int_eq(vm_tlb_measure_data(&w, (size_t)16 << 20, &p), 0);
	ck_assert_uint_gt(p.data.n, 10);
	/* 4096 pages of 4K. */
	ck_assert_uint_le(p.data.v[p.data.n - 1].pages, ((size_t)16 << 20) / p.page_bytes);
	/* Less memory than there are points for. */
	memset(&p, 0, sizeof(p));
	ck_assert_int_eq(vm_tlb_measure_data(&w, (size_t)256 << 10, &p), 0);
	ck_assert_double_eq(p.stlb.at, 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
}
END_TEST

START_TEST(a_probe)
{
	struct vm_session *s = live();
	struct vm_tlb_probe p, q;
	struct vm_tlb_known k;
	cpu_set_t before, after;
	make_dir();
	setenv("XDG_CACHE_HOME", dir, 1);
	vm_tlb_known(s, &k);
	ck_assert_int_ne(k.by, VM_TLB_BY_PROBE);
	sched_getaffinity(0, sizeof(before), &before);
	ck_assert_int_eq(vm_tlb_probe(s, false, &p, NULL), 0);
	sched_getaffinity(0, sizeof(after), &after);
	ck_assert(CPU_EQUAL(&before, &after));
	ck_assert(!p.from_cache && p.known.by == VM_TLB_BY_PROBE);
	/* Its time passes for others too: what it didn't come to is doubted. */
	ck_assert(p.data.n > 10 || *p.doubt);
	ck_assert(p.known.trusted == !*p.doubt);
	for (size_t i = 0; i < p.data.n; i++)
		ck_assert(p.data.v[i].low <= p.data.v[i].ns && p.data.v[i].ns <= p.data.v[i].high);
	vm_tlb_known(s, &k);
	ck_assert_int_eq(k.by, VM_TLB_BY_PROBE);
	ck_assert_uint_eq(k.stlb_entries, p.known.stlb_entries);
	ck_assert_mem_eq(&k.geometry, &p.known.geometry, sizeof(k.geometry));
	/* What can't be trusted is measured again. */
	ck_assert_int_eq(vm_tlb_probe(s, false, &q, NULL), 0);
	ck_assert(q.from_cache == p.known.trusted && q.known.by == VM_TLB_BY_PROBE);
	if (q.from_cache)
		is_same(&p, &q);
	/* Something better isn't replaced. */
	q = example();
	q.doubt[0] = '\0';
	q.known.ncosts = VM_TLB_COSTS_MAX;
	for (unsigned i = 0; i < VM_TLB_COSTS_MAX; i++)
		q.known.cost[i] = (struct vm_tlb_cost){ (uint64_t)4096 << i, 1, 1 };
	ck_assert_int_eq(vm_tlb_cache_write(s, &q), 0);
	ck_assert_int_eq(vm_tlb_probe(s, true, &p, NULL), 0);
	ck_assert(!p.from_cache);
	ck_assert_int_eq(vm_tlb_cache_read(s, &p), 0);
	is_same(&p, &q);
	clear_dir();
	vm_session_close(s);
}
END_TEST

UNIT_MAIN("tlbprobe", there_and_back, of_another_boot, any_bytes, nonsense, too_many_points, kept, links_are_not_followed,
	  root_in_the_house_of_another, orders, areas, samples, captured_trees_have_no_clock,
	  a_probe, without_aliases)
