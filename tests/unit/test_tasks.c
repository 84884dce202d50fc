/** core/source/tasks: records of a pass over all tasks become processes as fs/proc shows them. */
#include "core/source/tasks.h"

#include "core/model/process.h"
#include "unit.h"

enum { HZ = 100, KTHREAD = VM_PF_KTHREAD, WORKER = 0x20 };

/** Records one after the other, as the iterator writes them. */
struct records {
	_Alignas(8) char s[4096];
	size_t n;
};

static struct vm_task process(pid_t pid, unsigned threads)
{
	struct vm_task t = { .tgid = pid, .tid = pid, .threads = threads };
	memcpy(t.comm, "demo", 5);
	return t;
}

static struct vm_task_thread thread(pid_t tgid, pid_t tid, unsigned threads)
{
	return (struct vm_task_thread){ .tgid = tgid, .tid = tid, .threads = threads };
}

static void put(struct records *r, const void *record, size_t size)
{
	ck_assert_uint_le(r->n + size, sizeof(r->s));
	memcpy(r->s + r->n, record, size);
	r->n += size;
}
#define PUT(r, x) put((r), &(x), sizeof(x))

static struct vm_proc shown(const struct vm_task *t, uint32_t want)
{
	const struct vm_task_entry e = { .task = t, .pid = t->tgid };
	struct vm_proc p;
	vm_proc_init(&p, t->tgid);
	vm_task_to_proc(&e, want, 4096, HZ, &p);
	return p;
}

START_TEST(threads_add_up)
{
	struct records r = { .n = 0 };
	struct vm_task_entry e[8];
	struct vm_task a = process(10, 3), b = process(30, 1);
	a.min_flt = 1, a.gone_min_flt = 10, a.maj_flt = 2, a.gone_maj_flt = 20, a.runtime_ns = 5, a.gone_runtime_ns = 50;
	/* A thread's number may be below its process's: numbers go round. */
	struct vm_task_thread low = thread(10, 4, 3), high = thread(10, 31, 3);
	low.min_flt = 100, low.maj_flt = 200, low.runtime_ns = 500, low.gone_flt = 30;
	high.min_flt = 1000, high.maj_flt = 2000, high.runtime_ns = 5000, high.gone_flt = 30;
	PUT(&r, low);
	PUT(&r, a);
	PUT(&r, b);
	PUT(&r, high);
	ck_assert_uint_eq(vm_tasks_fold(r.s, r.n, e, 8), 2);
	ck_assert_int_eq(e[0].pid, 10);
	ck_u64_eq(e[0].min_flt, 1111);
	ck_u64_eq(e[0].maj_flt, 2222);
	ck_u64_eq(e[0].runtime_ns, 5555);
	ck_assert(!e[0].unsteady);
	ck_assert_int_eq(e[1].pid, 30);
	ck_assert(!e[1].unsteady);
}
END_TEST

START_TEST(threads_that_come_and_go_are_noticed)
{
	struct vm_task_entry e[8];
	struct records missing = { .n = 0 }, ended = { .n = 0 }, begun = { .n = 0 };
	struct vm_task a = process(10, 2);
	PUT(&missing, a);
	ck_assert_uint_eq(vm_tasks_fold(missing.s, missing.n, e, 8), 1);
	ck_assert(e[0].unsteady);
	struct vm_task_thread after = thread(10, 11, 2);
	after.gone_flt = 7;
	PUT(&ended, a);
	PUT(&ended, after);
	ck_assert_uint_eq(vm_tasks_fold(ended.s, ended.n, e, 8), 1);
	ck_assert(e[0].unsteady);
	struct vm_task_thread third = thread(10, 11, 3);
	PUT(&begun, a);
	PUT(&begun, third);
	ck_assert_uint_eq(vm_tasks_fold(begun.s, begun.n, e, 8), 1);
	ck_assert(e[0].unsteady);
}
END_TEST

START_TEST(records_may_be_cut)
{
	struct records r = { .n = 0 };
	struct vm_task_entry e[8];
	struct vm_task a = process(10, 1), b = process(11, 1);
	PUT(&r, a);
	PUT(&r, b);
	for (size_t n = 0; n < r.n; n++)
		ck_assert_uint_eq(vm_tasks_fold(r.s, n, e, 8), n >= sizeof(a));
	/* Never more than there is room for; a thread without its process is nobody's. */
	ck_assert_uint_eq(vm_tasks_fold(r.s, r.n, e, 1), 1);
	r.n = 0;
	struct vm_task_thread orphan = thread(9, 12, 2);
	PUT(&r, orphan);
	ck_assert_uint_eq(vm_tasks_fold(r.s, r.n, e, 8), 0);
}
END_TEST

START_TEST(states_have_letters)
{
	static const struct { unsigned state, exit_state; char letter; } states[] = {
		{ 0, 0, 'R' }, { 1, 0, 'S' }, { 2, 0, 'D' }, { 4, 0, 'T' }, { 8, 0, 't' }, { 0x80, 0x10, 'X' },
		{ 0x80, 0x20, 'Z' }, { 0x40, 0, 'P' }, { 0x402, 0, 'I' }, { 0x102, 0, 'D' }, { 0x2001, 0, 'S' },
		{ 0x8000, 0, 'D' }, { 0x1000, 0, 'D' },
	};
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct vm_task t = process(1, 1);
		t.state = states[i].state;
		t.exit_state = states[i].exit_state;
		ck_assert_int_eq(shown(&t, VM_NEED(STAT)).state, states[i].letter);
	}
}
END_TEST

START_TEST(names_are_as_in_stat)
{
	struct vm_task t = process(1, 1);
	memcpy(t.comm, "a\nb\\c (d)", 10);
	ck_assert_str_eq(shown(&t, VM_NEED(STAT)).comm, "a\nb\\c (d)");
	memset(t.comm, 'x', sizeof(t.comm));
	ck_assert_uint_eq(strlen(shown(&t, VM_NEED(STAT)).comm), sizeof(t.comm));
	memcpy(t.comm, "a\nb\\c (d)", 10);
	ck_assert(!vm_task_name_is_cut(&t));
	t.flags = KTHREAD | WORKER;
	ck_assert(vm_task_name_is_cut(&t));
	t.flags = KTHREAD;
	memcpy(t.comm, "fifteen letters", 16);
	ck_assert(vm_task_name_is_cut(&t));
	memcpy(t.comm, "fourteen lette", 15);
	ck_assert(!vm_task_name_is_cut(&t));
}
END_TEST

START_TEST(memory_is_as_in_status)
{
	struct vm_task t = process(1, 4);
	t.uid = 1000;
	t.has_mm = 1;
	t.total_vm = 100, t.hiwater_vm = 90, t.hiwater_rss = 50, t.exec_vm = 10;
	t.start_code = 0x1234, t.end_code = 0x5001;
	t.rss[0] = 5, t.rss[1] = 20, t.rss[2] = 3, t.rss[3] = 2;
	t.page_tables = 12288;
	struct vm_proc p = shown(&t, VM_NEED(STATUS) | VM_NEED(STATM));
	ck_assert(p.has_uid && p.uid == 1000);
	ck_u64_eq(p.q[VM_P_PEAK], 100 * 4096);
	ck_u64_eq(p.q[VM_P_RSS], 27 * 4096);
	ck_u64_eq(p.q[VM_P_HWM], 50 * 4096);
	ck_u64_eq(p.q[VM_P_FILE], 5 * 4096);
	ck_u64_eq(p.q[VM_P_ANON], 20 * 4096);
	ck_u64_eq(p.q[VM_P_SWAP], 3 * 4096);
	ck_u64_eq(p.q[VM_P_SHMEM], 2 * 4096);
	ck_u64_eq(p.q[VM_P_SHARED], 7 * 4096);
	/* From 0x1000 to 0x6000. */
	ck_u64_eq(p.q[VM_P_EXE], 5 * 4096);
	ck_u64_eq(p.q[VM_P_LIB], 5 * 4096);
	ck_u64_eq(p.q[VM_P_PAGE_TABLES], 12288);
	/* Code of a program that is just being loaded: not more than there is. */
	t.exec_vm = 2;
	p = shown(&t, VM_NEED(STATUS));
	ck_u64_eq(p.q[VM_P_EXE], 2 * 4096);
	ck_u64_eq(p.q[VM_P_LIB], 0);
}
END_TEST

START_TEST(without_memory_there_are_no_figures_of_it)
{
	struct vm_task t = process(1, 1);
	t.total_vm = 100;
	struct vm_proc p = shown(&t, VM_NEED(STAT) | VM_NEED(STATUS) | VM_NEED(STATM) | VM_NEED(MMADDR) | VM_NEED(MM));
	ck_u64_eq(p.q[VM_P_VSZ], 0);
	ck_u64_eq(p.q[VM_P_SHARED], 0);
	ck_assert(!vm_proc_has(&p, VM_P_PEAK) && !vm_proc_has(&p, VM_P_START_CODE) && !vm_proc_has(&p, VM_P_MM_USERS));
	/* Nothing that wasn't wanted. */
	t.has_mm = 1;
	p = shown(&t, VM_NEED(STATM));
	ck_assert(!p.state && !p.has_uid && !vm_proc_has(&p, VM_P_VSZ));
}
END_TEST

START_TEST(start_in_ticks)
{
	struct vm_task t = process(1, 1);
	t.start_ns = 12345678901;
	ck_u64_eq(vm_task_start(&t, HZ), 1234);
	ck_u64_eq(shown(&t, VM_NEED(STAT)).start, 1234);
}
END_TEST

START_TEST(rights_and_charges)
{
	struct vm_task t = process(10, 1);
	t.caps = 0x4000, t.user_ns_level = 1, t.has_mm = 1, t.map_count = 7, t.def_flags = 0x2000;
	t.user_charged = 3, t.user_shm_locked = -1;
	struct vm_proc p = shown(&t, VM_NEED(CAPS) | VM_NEED(MAPCOUNT));
	ck_u64_eq(p.q[VM_P_CAPS], 0x4000);
	ck_assert(vm_proc_has(&p, VM_P_FIRST_USER_NS));
	ck_u64_eq(p.q[VM_P_FIRST_USER_NS], 0);
	ck_u64_eq(p.q[VM_P_MAP_COUNT], 7);
	ck_assert(!vm_proc_has(&p, VM_P_DEF_FLAGS));
	/* What the kernel doesn't count isn't 0. */
	p = shown(&t, VM_NEED(MM));
	ck_assert(!vm_proc_has(&p, VM_P_USER_CHARGED));
	ck_assert(!vm_proc_has(&p, VM_P_USER_SHM_LOCKED));
	t.knows_charges = VM_TASK_KNOWS_USER | VM_TASK_KNOWS_UCOUNTS;
	p = shown(&t, VM_NEED(MM));
	ck_u64_eq(p.q[VM_P_USER_CHARGED], 3 * 4096);
	ck_u64_eq(p.q[VM_P_USER_SHM_LOCKED], 0);
	t.has_mm = 0;
	p = shown(&t, VM_NEED(MAPCOUNT));
	ck_assert(!vm_proc_has(&p, VM_P_MAP_COUNT));
}
END_TEST

UNIT_MAIN("tasks", threads_add_up, threads_that_come_and_go_are_noticed, records_may_be_cut, states_have_letters,
	  names_are_as_in_stat, memory_is_as_in_status, without_memory_there_are_no_figures_of_it, start_in_ticks, rights_and_charges)
