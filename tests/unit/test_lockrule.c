/** core/analysis/lockrule, core/model/memlock: mlock(2) on paper, where no live machine can be brought to. */
#include "core/analysis/lockrule.h"

#include <errno.h>

#include "space.h"

enum { PAGE = 4096, K = 1024, M = 1024 * 1024 };

/** A process that may lock 64 KiB and has locked 16 of them, of 10 mappings of 20. */
static struct vm_lock_facts facts(void)
{
	return (struct vm_lock_facts){
		.have = VM_LF_LIMIT | VM_LF_LOCKED | VM_LF_VSZ | VM_LF_MAPS | VM_LF_MAX_MAPS | VM_LF_AVAILABLE,
		.page = PAGE, .capable = VM_NO, .limit = 64 * K, .locked = 16 * K, .vsz = M, .maps = 10, .max_maps = 20,
		.available = M,
	};
}

static struct vm_lock_verdict judge(struct vm_lock_ask ask, const struct vm_lock_facts *f)
{
	struct vm_lock_verdict v;
	vm_lock_judge(&ask, f, &v);
	return v;
}

static void expect(const struct vm_lock_verdict *v, enum vm_answer succeeds, enum vm_lock_test fails, int error)
{
	ck_assert_int_eq(v->succeeds, succeeds);
	ck_assert_int_eq(v->fails, fails);
	ck_assert_int_eq(v->error, error);
}

static void sized(uint64_t size, const struct vm_lock_facts *f, enum vm_answer succeeds, enum vm_lock_test fails, int error)
{
	struct vm_lock_verdict v = judge((struct vm_lock_ask){ VM_LOCK_NOW, .size = size }, f);
	expect(&v, succeeds, fails, error);
}

START_TEST(limit)
{
	struct vm_lock_facts f = facts();
	sized(48 * K, &f, VM_YES, VM_LT_NR, 0);
	sized(48 * K + 1, &f, VM_NO, VM_LT_LIMIT, ENOMEM);
	sized(0, &f, VM_YES, VM_LT_NR, 0);
	/* Part of a page counts for nothing in the limit, and for all in the size. */
	f.limit = 64 * K - 1;
	sized(44 * K, &f, VM_YES, VM_LT_NR, 0);
	sized(44 * K + 1, &f, VM_NO, VM_LT_LIMIT, ENOMEM);
	f.limit = PAGE - 1;
	f.locked = 0;
	sized(1, &f, VM_NO, VM_LT_LIMIT, ENOMEM);
	f.limit = 0;
	sized(1, &f, VM_NO, VM_LT_PERMISSION, EPERM);
	sized(0, &f, VM_NO, VM_LT_PERMISSION, EPERM);
	f.limit = UINT64_MAX;
	sized(512 * K, &f, VM_YES, VM_LT_NR, 0);
	f.capable = VM_YES;
	f.limit = 0;
	sized(512 * K, &f, VM_YES, VM_LT_NR, 0);
}
END_TEST

START_TEST(not_known)
{
	struct vm_lock_facts f = facts();
	f.capable = VM_UNSURE;
	sized(48 * K, &f, VM_YES, VM_LT_NR, 0);
	sized(49 * K, &f, VM_UNSURE, VM_LT_NR, 0);
	f.limit = 0;
	sized(1, &f, VM_UNSURE, VM_LT_NR, 0);
	f = facts();
	f.have &= ~(unsigned)VM_LF_LIMIT;
	sized(1, &f, VM_UNSURE, VM_LT_NR, 0);
	f.capable = VM_YES;
	sized(1, &f, VM_YES, VM_LT_NR, 0);
	f = facts();
	f.have &= ~(unsigned)(VM_LF_MAPS | VM_LF_AVAILABLE);
	sized(1, &f, VM_UNSURE, VM_LT_NR, 0);
	/* What fails for sure does so whatever else isn't known. */
	sized(M, &f, VM_NO, VM_LT_LIMIT, ENOMEM);
}
END_TEST

START_TEST(alignment)
{
	struct vm_lock_facts f = facts();
	ck_assert(judge((struct vm_lock_ask){ VM_LOCK_NOW, .size = 48 * K }, &f).only_if_aligned);
	ck_assert(!judge((struct vm_lock_ask){ VM_LOCK_NOW, .size = 44 * K }, &f).only_if_aligned);
	ck_assert(!judge((struct vm_lock_ask){ VM_LOCK_NOW, .size = 44 * K + 1 }, &f).only_if_aligned);
	ck_assert(judge((struct vm_lock_ask){ VM_LOCK_NOW, .size = 44 * K + 2 }, &f).only_if_aligned);
	f.capable = VM_YES;
	ck_assert(!judge((struct vm_lock_ask){ VM_LOCK_NOW, .size = 48 * K }, &f).only_if_aligned);

	uint64_t start, end;
	const struct vm_lock_ask odd = { VM_LOCK_NOW, .size = 2, .start = 0x1fff, .placed = true };
	ck_assert(vm_lock_round(&odd, PAGE, &start, &end));
	ck_u64_eq(start, 0x1000);
	ck_u64_eq(end, 0x3000);
	const struct vm_lock_ask high = { VM_LOCK_NOW, .size = 2 * PAGE, .start = UINT64_MAX - PAGE, .placed = true };
	ck_assert(!vm_lock_round(&high, PAGE, &start, &end));
}
END_TEST

START_TEST(memory)
{
	struct vm_lock_facts f = facts();
	f.capable = VM_YES;
	sized(M, &f, VM_YES, VM_LT_NR, 0);
	sized(M + 1, &f, VM_NO, VM_LT_MEMORY, EAGAIN);
	/* Nothing is filled on fault. */
	struct vm_lock_verdict v = judge((struct vm_lock_ask){ VM_LOCK_ONFAULT, .size = 2 * M }, &f);
	expect(&v, VM_YES, VM_LT_NR, 0);
	ck_assert(!v.test[VM_LT_MEMORY].asked);
	f.have |= VM_LF_CGROUP;
	f.cgroup_room = 512 * K;
	sized(512 * K, &f, VM_YES, VM_LT_NR, 0);
	sized(513 * K, &f, VM_NO, VM_LT_MEMORY, EAGAIN);
	/* The group's limit is reason enough, whatever the machine has. */
	f.have &= ~(unsigned)VM_LF_AVAILABLE;
	sized(513 * K, &f, VM_NO, VM_LT_MEMORY, EAGAIN);
}
END_TEST

START_TEST(all_of_it)
{
	struct vm_lock_facts f = facts();
	struct vm_lock_verdict v = judge((struct vm_lock_ask){ .call = VM_LOCK_CURRENT }, &f);
	expect(&v, VM_NO, VM_LT_LIMIT, ENOMEM);
	/* The size of the address space counts, not what is locked. */
	f.limit = M;
	f.locked = 64 * M;
	v = judge((struct vm_lock_ask){ .call = VM_LOCK_CURRENT }, &f);
	expect(&v, VM_YES, VM_LT_NR, 0);
	f.limit = 1;
	v = judge((struct vm_lock_ask){ .call = VM_LOCK_FUTURE }, &f);
	expect(&v, VM_YES, VM_LT_NR, 0);
	f.limit = 0;
	v = judge((struct vm_lock_ask){ .call = VM_LOCK_FUTURE }, &f);
	expect(&v, VM_NO, VM_LT_PERMISSION, EPERM);
}
END_TEST

/** 0x10000: 16 pages, 4 of them there; a hole; 0x30000: no access; 0x40000 locked, 0x50000 beside it; a file; a device. */
static const char space[] =
	"10000-20000 rw-p 0 00:00 0 \nRss: 16 kB\nAnonymous: 16 kB\nVmFlags: rd wr mr mw me ac \n"
	"30000-34000 ---p 0 00:00 0 \nRss: 0 kB\nVmFlags: mr mw me \n"
	"40000-50000 rw-p 0 00:00 0 \nRss: 64 kB\nAnonymous: 64 kB\nVmFlags: rd wr mr mw me lo ac \n"
	"50000-60000 rw-p 0 00:00 0 \nRss: 64 kB\nAnonymous: 64 kB\nVmFlags: rd wr mr mw me ac \n"
	"60000-70000 r--s 1000 fe:00 7 /f\nRss: 4 kB\nVmFlags: rd mr me ms \n"
	"70000-72000 r--p 0 00:00 0 [vvar]\nRss: 0 kB\nVmFlags: rd mr pf io de dd \n"
	"80000-90000 rw-p 0 00:00 0 \nRss: 0 kB\nVmFlags: rd wr mr mw me lo lf ac \n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\nRss: 0 kB\nVmFlags: ex \n";

static struct vm_lock_range look(uint64_t start, uint64_t end, enum vm_lock_call call)
{
	struct vm_lock_range r;
	struct vm_aspace *as = space_of(space);
	vm_lock_look(as, start, end, call, &r);
	vm_aspace_free(as);
	return r;
}

START_TEST(range)
{
	struct vm_lock_range r = look(0x10000, 0x20000, VM_LOCK_NOW);
	ck_u64_eq(r.unmapped, 0);
	ck_u64_eq(r.to_fill, 48 * K);
	ck_assert_uint_eq(r.most_splits, 0);

	r = look(0x11000, 0x12000, VM_LOCK_NOW);
	ck_assert_uint_eq(r.most_splits, 2);
	ck_u64_eq(r.to_fill, PAGE);

	r = look(0x1f000, 0x41000, VM_LOCK_NOW);
	ck_u64_eq(r.unmapped, 0x10000 + 0xc000);
	ck_u64_eq(r.first_unmapped, 0x20000);
	ck_u64_eq(r.forbidden, 0x4000);
	ck_u64_eq(r.first_forbidden, 0x30000);
	ck_u64_eq(r.locked, 0x1000);
	ck_assert_uint_eq(r.most_splits, 1);

	/* Without access nothing is filled, and on fault nothing has to be. */
	ck_u64_eq(look(0x30000, 0x34000, VM_LOCK_ONFAULT).forbidden, 0);

	/* The beginning of a mapping behind one that is locked could become part of that. */
	r = look(0x50000, 0x51000, VM_LOCK_NOW);
	ck_assert_uint_eq(r.most_splits, 1);
	ck_assert_uint_eq(r.least_splits, 0);
	r = look(0x50000, 0x51000, VM_LOCK_ONFAULT);
	ck_assert_uint_eq(r.least_splits, 1);
	r = look(0x5f000, 0x60000, VM_LOCK_NOW);
	ck_assert_uint_eq(r.least_splits, 1);
	/* From now to on fault is a change of flags, too. */
	ck_assert_uint_eq(look(0x41000, 0x42000, VM_LOCK_NOW).most_splits, 0);
	ck_assert_uint_eq(look(0x41000, 0x42000, VM_LOCK_ONFAULT).most_splits, 2);

	r = look(0x70000, 0x72000, VM_LOCK_NOW);
	ck_u64_eq(r.passed_over, 0x2000);
	ck_u64_eq(r.to_fill, 0);
	ck_assert(!r.doubtful);
	ck_u64_eq(look(0xffffffffff600000, 0xffffffffff601000, VM_LOCK_NOW).unmapped, PAGE);
}
END_TEST

START_TEST(ends_of_files)
{
	struct vm_aspace *as = space_of(space);
	const struct vm_mapping *m = vm_aspace_at(as, 0x60000);
	struct vm_lock_range r = look(0x60000, 0x70000, VM_LOCK_NOW);
	ck_assert(r.doubtful);
	/* The file is mapped from its second page on, so its 17th page is the last that is mapped. */
	vm_lock_file_end(m, 0x60000, 0x70000, 17 * PAGE, PAGE, &r);
	ck_u64_eq(r.beyond, 0);
	vm_lock_file_end(m, 0x60000, 0x70000, 16 * PAGE + 1, PAGE, &r);
	ck_u64_eq(r.beyond, 0);
	vm_lock_file_end(m, 0x60000, 0x70000, 16 * PAGE, PAGE, &r);
	ck_u64_eq(r.beyond, PAGE);
	ck_u64_eq(r.first_beyond, 0x6f000);
	r = (struct vm_lock_range){ 0 };
	vm_lock_file_end(m, 0x61000, 0x62000, 1, PAGE, &r);
	ck_u64_eq(r.beyond, PAGE);
	ck_u64_eq(r.first_beyond, 0x61000);
	vm_aspace_free(as);
}
END_TEST

static struct vm_lock_verdict placed(uint64_t start, uint64_t end, struct vm_lock_facts f)
{
	f.range = look(start, end, VM_LOCK_NOW);
	f.have |= VM_LF_RANGE;
	return judge((struct vm_lock_ask){ VM_LOCK_NOW, .size = end - start, .start = start, .placed = true }, &f);
}

START_TEST(what_is_there)
{
	struct vm_lock_facts f = facts();
	struct vm_lock_verdict v = placed(0x10000, 0x18000, f);
	expect(&v, VM_YES, VM_LT_NR, 0);
	v = placed(0x1f000, 0x21000, f);
	expect(&v, VM_NO, VM_LT_MAPPED, ENOMEM);
	v = placed(0x30000, 0x34000, f);
	expect(&v, VM_NO, VM_LT_ACCESS, ENOMEM);
	/* What is locked already isn't counted again. */
	f.locked = 64 * K;
	v = placed(0x40000, 0x50000, f);
	expect(&v, VM_YES, VM_LT_NR, 0);
	v = placed(0x40000, 0x51000, f);
	expect(&v, VM_NO, VM_LT_LIMIT, ENOMEM);
	ck_u64_eq(v.counted, PAGE);
	f = facts();
	f.maps = f.max_maps = 20;
	v = placed(0x11000, 0x12000, f);
	expect(&v, VM_NO, VM_LT_SPLITS, ENOMEM);
	f.maps = 19;
	v = placed(0x11000, 0x12000, f);
	expect(&v, VM_NO, VM_LT_SPLITS, ENOMEM);
	f.maps = 18;
	v = placed(0x11000, 0x12000, f);
	expect(&v, VM_YES, VM_LT_NR, 0);
	f.maps = 21;
	v = placed(0x10000, 0x18000, f);
	expect(&v, VM_NO, VM_LT_SPLITS, ENOMEM);
	v = placed(0x50000, 0x51000, f);
	expect(&v, VM_UNSURE, VM_LT_NR, 0);
	/* What may not be read isn't an answer; what may be locked already isn't too much. */
	f = facts();
	v = judge((struct vm_lock_ask){ VM_LOCK_NOW, .size = M, .start = 0x10000, .placed = true }, &f);
	expect(&v, VM_UNSURE, VM_LT_NR, 0);
}
END_TEST

START_TEST(sums)
{
	struct vm_aspace *as = space_of(space);
	vm_lock_sum_to_proc(as);
	const struct vm_proc *p = &as->proc;
	ck_u64_eq(p->q[VM_P_LOCKED_MAPS], 2);
	ck_u64_eq(p->q[VM_P_LOCKED_RSS], 64 * K);
	ck_u64_eq(p->q[VM_P_LOCKED_ABSENT], 64 * K);
	ck_u64_eq(p->q[VM_P_LOCKED_ONFAULT], 64 * K);
	vm_aspace_free(as);
	/* maps alone doesn't tell. */
	as = space_of("10000-20000 rw-p 0 00:00 0 \n");
	vm_lock_sum_to_proc(as);
	ck_assert(!vm_proc_has(&as->proc, VM_P_LOCKED_MAPS));
	vm_aspace_free(as);
}
END_TEST

START_TEST(rights)
{
	struct vm_proc p;
	uint64_t room;
	vm_proc_init(&p, 1);
	ck_assert_int_eq(vm_proc_lock_capable(&p), VM_UNSURE);
	ck_assert(!vm_proc_lock_headroom(&p, &room));
	ck_assert_int_eq(vm_proc_mlockall(&p), VM_MLOCKALL_UNKNOWN);
	vm_proc_set(&p, VM_P_CAPS, ~(UINT64_C(1) << VM_CAP_IPC_LOCK));
	ck_assert_int_eq(vm_proc_lock_capable(&p), VM_NO);
	vm_proc_set(&p, VM_P_CAPS, UINT64_C(1) << VM_CAP_IPC_LOCK);
	ck_assert_int_eq(vm_proc_lock_capable(&p), VM_UNSURE);
	vm_proc_set(&p, VM_P_FIRST_USER_NS, 0);
	ck_assert_int_eq(vm_proc_lock_capable(&p), VM_NO);
	vm_proc_set(&p, VM_P_MEMLOCK_PAGES, 8 * K);
	ck_assert(!vm_proc_lock_headroom(&p, &room));
	vm_proc_set(&p, VM_P_LOCKED, 4 * K);
	ck_assert(vm_proc_lock_headroom(&p, &room));
	ck_u64_eq(room, 4 * K);
	vm_proc_set(&p, VM_P_LOCKED, 12 * K);
	ck_assert(vm_proc_lock_headroom(&p, &room));
	ck_u64_eq(room, 0);
	vm_proc_set(&p, VM_P_MEMLOCK_PAGES, UINT64_MAX);
	ck_assert(vm_proc_lock_headroom(&p, &room));
	ck_u64_eq(room, UINT64_MAX);
	vm_proc_set(&p, VM_P_MEMLOCK_PAGES, 0);
	vm_proc_set(&p, VM_P_FIRST_USER_NS, 1);
	ck_assert_int_eq(vm_proc_lock_capable(&p), VM_YES);
	ck_assert(vm_proc_lock_headroom(&p, &room));
	ck_u64_eq(room, UINT64_MAX);
	vm_proc_set(&p, VM_P_DEF_FLAGS, 0x70);
	ck_assert_int_eq(vm_proc_mlockall(&p), VM_MLOCKALL_NO);
	vm_proc_set(&p, VM_P_DEF_FLAGS, VM_RAW_LOCKED);
	ck_assert_int_eq(vm_proc_mlockall(&p), VM_MLOCKALL_FUTURE);
	vm_proc_set(&p, VM_P_DEF_FLAGS, VM_RAW_LOCKED | VM_RAW_LOCKONFAULT);
	ck_assert_int_eq(vm_proc_mlockall(&p), VM_MLOCKALL_ONFAULT);
}
END_TEST

UNIT_MAIN("lockrule", limit, not_known, alignment, memory, all_of_it, range, ends_of_files, what_is_there, sums, rights)
