/** Records of src/bpf/tasks.bpf.c to rows of processes, as fs/proc makes them. */

#include <string.h>

#include "core/model/process.h"
#include "core/source/tasks.h"

/** include/linux/sched.h, the same since Linux 4.14 (before 6.1 without the last two). */
enum {
	STATE_UNINTERRUPTIBLE = 0x2, STATE_REPORTED = 0x7f, STATE_REPORT_IDLE = 0x80, STATE_NOLOAD = 0x400,
	STATE_RTLOCK_WAIT = 0x1000, STATE_FROZEN = 0x8000,
	WORKER = 0x20,              /* PF_WQ_WORKER */
};

/** task_state_to_char(). */
static char state_letter(const struct vm_task *t)
{
	static const char letters[] = "RSDTtXZPI";
	const unsigned idle = STATE_UNINTERRUPTIBLE | STATE_NOLOAD;
	unsigned state = (t->state | t->exit_state) & STATE_REPORTED;
	if ((t->state & idle) == idle)
		state = STATE_REPORT_IDLE;
	if (t->state & (STATE_RTLOCK_WAIT | STATE_FROZEN))
		state = STATE_UNINTERRUPTIBLE;
	return letters[state ? 32 - __builtin_clz(state) : 0];
}

bool vm_task_name_is_cut(const struct vm_task *t)
{
	return (t->flags & VM_PF_KTHREAD) &&
	       ((t->flags & WORKER) || strnlen(t->comm, VM_TASK_COMM) == VM_TASK_COMM - 1);
}

uint64_t vm_task_start(const struct vm_task *t, uint64_t ticks_per_second)
{
	return t->start_ns / (1000000000 / ticks_per_second);
}

static uint64_t resident_pages(const struct vm_task *t)
{
	return (uint64_t)(t->rss[0] + t->rss[1] + t->rss[3]);
}

static void put_stat(const struct vm_task_entry *e, uint64_t page, uint64_t ticks_per_second, struct vm_proc *p)
{
	const struct vm_task *t = e->task;
	memcpy(p->comm, t->comm, VM_TASK_COMM);
	p->comm[VM_TASK_COMM] = '\0';
	p->state = state_letter(t);
	p->ppid = t->ppid;
	p->kthread = t->flags & VM_PF_KTHREAD;
	p->forked = t->flags & VM_PF_FORKNOEXEC;
	p->start = vm_task_start(t, ticks_per_second);
	p->cpu_ns = e->runtime_ns;
	vm_proc_set(p, VM_P_MINFLT, e->min_flt);
	vm_proc_set(p, VM_P_MAJFLT, e->maj_flt);
	vm_proc_set(p, VM_P_CMINFLT, t->child_min_flt);
	vm_proc_set(p, VM_P_CMAJFLT, t->child_maj_flt);
	vm_proc_set(p, VM_P_THREADS, t->threads);
	vm_proc_set(p, VM_P_VSZ, t->has_mm ? t->total_vm * page : 0);
	vm_proc_set(p, VM_P_RSS, t->has_mm ? resident_pages(t) * page : 0);
	vm_proc_set(p, VM_P_RSSLIM, t->rss_limit);
}

static void put_addresses(const struct vm_task *t, struct vm_proc *p)
{
	const struct { enum vm_pqty q; uint64_t v; } address[] = {
		{ VM_P_START_CODE, t->start_code }, { VM_P_END_CODE, t->end_code }, { VM_P_START_DATA, t->start_data },
		{ VM_P_END_DATA, t->end_data }, { VM_P_START_BRK, t->start_brk }, { VM_P_START_STACK, t->start_stack },
		{ VM_P_ARG_START, t->arg_start }, { VM_P_ARG_END, t->arg_end }, { VM_P_ENV_START, t->env_start },
		{ VM_P_ENV_END, t->env_end },
	};
	for (size_t i = 0; t->has_mm && i < sizeof(address) / sizeof(address[0]); i++)
		if (address[i].v > 1)
			vm_proc_set(p, address[i].q, address[i].v);
}

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/** task_mem() in fs/proc/task_mmu.c. */
static void put_status(const struct vm_task *t, uint64_t page, struct vm_proc *p)
{
	p->uid = t->uid;
	p->has_uid = true;
	vm_proc_set(p, VM_P_THREADS, t->threads);
	vm_proc_set(p, VM_P_CAPS, t->caps);
	if (!t->has_mm)
		return;
	uint64_t exec = t->exec_vm * page;
	uint64_t text = ((t->end_code + page - 1) & ~(page - 1)) - (t->start_code & ~(page - 1));
	if (text > exec)
		text = exec;
	vm_proc_set(p, VM_P_PEAK, max(t->total_vm, t->hiwater_vm) * page);
	vm_proc_set(p, VM_P_VSZ, t->total_vm * page);
	vm_proc_set(p, VM_P_LOCKED, t->locked_vm * page);
	vm_proc_set(p, VM_P_PINNED, t->pinned_vm * page);
	vm_proc_set(p, VM_P_HWM, max(resident_pages(t), t->hiwater_rss) * page);
	vm_proc_set(p, VM_P_RSS, resident_pages(t) * page);
	vm_proc_set(p, VM_P_FILE, (uint64_t)t->rss[0] * page);
	vm_proc_set(p, VM_P_ANON, (uint64_t)t->rss[1] * page);
	vm_proc_set(p, VM_P_SWAP, (uint64_t)t->rss[2] * page);
	vm_proc_set(p, VM_P_SHMEM, (uint64_t)t->rss[3] * page);
	vm_proc_set(p, VM_P_DATA, t->data_vm * page);
	vm_proc_set(p, VM_P_STACK, t->stack_vm * page);
	vm_proc_set(p, VM_P_EXE, text);
	vm_proc_set(p, VM_P_LIB, exec - text);
	vm_proc_set(p, VM_P_PAGE_TABLES, t->page_tables & ~UINT64_C(1023));
	vm_proc_set(p, VM_P_HUGETLB, t->hugetlb * page);
}

/** task_statm(); of processes without memory it is all zeros. */
static void put_statm(const struct vm_task *t, uint64_t page, struct vm_proc *p)
{
	vm_proc_set(p, VM_P_SHARED, t->has_mm ? (uint64_t)(t->rss[0] + t->rss[3]) * page : 0);
	vm_proc_set(p, VM_P_DATA_STACK, t->has_mm ? (t->data_vm + t->stack_vm) * page : 0);
}

static uint64_t not_negative(long long v)
{
	return v < 0 ? 0 : (uint64_t)v;
}

static void put_mm(const struct vm_task *t, uint64_t page, struct vm_proc *p)
{
	if (!t->has_mm)
		return;
	vm_proc_set(p, VM_P_MM_USERS, (uint64_t)t->mm_users);
	vm_proc_set(p, VM_P_MM_COUNT, (uint64_t)t->mm_count);
	vm_proc_set(p, VM_P_DEF_FLAGS, t->def_flags);
	vm_proc_set(p, VM_P_MAP_COUNT, t->map_count);
	vm_proc_set(p, VM_P_BRK, t->brk);
	if (t->knows_charges & VM_TASK_KNOWS_USER)
		vm_proc_set(p, VM_P_USER_CHARGED, not_negative(t->user_charged) * page);
	if (t->knows_charges & VM_TASK_KNOWS_UCOUNTS)
		vm_proc_set(p, VM_P_USER_SHM_LOCKED, not_negative(t->user_shm_locked) * page);
}

void vm_task_to_proc(const struct vm_task_entry *e, uint32_t want, uint64_t page_bytes, uint64_t ticks_per_second,
		     struct vm_proc *p)
{
	if (want & VM_NEED(STAT))
		put_stat(e, page_bytes, ticks_per_second, p);
	if (want & VM_NEED(MMADDR))
		put_addresses(e->task, p);
	if (want & VM_NEED(STATUS))
		put_status(e->task, page_bytes, p);
	if (want & VM_NEED(STATM))
		put_statm(e->task, page_bytes, p);
	if (want & VM_NEED(MM))
		put_mm(e->task, page_bytes, p);
	if (want & VM_NEED(CAPS)) {
		vm_proc_set(p, VM_P_CAPS, e->task->caps);
		vm_proc_set(p, VM_P_FIRST_USER_NS, e->task->user_ns_level == 0);
	}
	if ((want & VM_NEED(MAPCOUNT)) && e->task->has_mm)
		vm_proc_set(p, VM_P_MAP_COUNT, e->task->map_count);
}

/* ---- Threads to processes ---------------------------------------------------------------------------------------- */

/** The record at `at`, by its size; 0: cut, or nonsense. */
static size_t record_at(const char *at, size_t left)
{
	int id[2];
	if (left < sizeof(id))
		return 0;
	memcpy(id, at, sizeof(id));
	size_t size = id[0] == id[1] ? sizeof(struct vm_task) : sizeof(struct vm_task_thread);
	return size <= left && id[0] > 0 && id[1] > 0 ? size : 0;
}

const struct vm_task_entry *vm_task_entry_find(const struct vm_task_entry *e, size_t n, pid_t pid)
{
	size_t a = 0, b = n;
	while (a < b) {
		size_t mid = a + (b - a) / 2;
		if (e[mid].pid < pid)
			a = mid + 1;
		else
			b = mid;
	}
	return a < n && e[a].pid == pid ? &e[a] : NULL;
}

static void add_thread(struct vm_task_entry *e, const struct vm_task_thread *t)
{
	e->seen++;
	e->min_flt += t->min_flt;
	e->maj_flt += t->maj_flt;
	e->runtime_ns += t->runtime_ns;
	if (t->threads != e->task->threads || t->gone_flt != e->task->gone_min_flt + e->task->gone_maj_flt)
		e->unsteady = true;
}

static struct vm_task_entry begin(const struct vm_task *t)
{
	return (struct vm_task_entry){
		.task = t, .pid = t->tgid, .seen = 1, .min_flt = t->min_flt + t->gone_min_flt,
		.maj_flt = t->maj_flt + t->gone_maj_flt, .runtime_ns = t->runtime_ns + t->gone_runtime_ns,
	};
}

size_t vm_tasks_fold(const void *raw, size_t len, struct vm_task_entry *out, size_t cap)
{
	const char *at = raw, *end = at + len;
	size_t n = 0, size;
	/* The iterator goes by tid, so processes come in order; a thread's number may be below its process's. */
	for (const char *p = at; (size = record_at(p, (size_t)(end - p))) > 0; p += size) {
		const struct vm_task *t = (const void *)p;
		if (size == sizeof(*t) && n < cap && (n == 0 || out[n - 1].pid < t->tgid))
			out[n++] = begin(t);
	}
	for (const char *p = at; (size = record_at(p, (size_t)(end - p))) > 0; p += size) {
		const struct vm_task_thread *t = (const void *)p;
		const struct vm_task_entry *e = size == sizeof(*t) ? vm_task_entry_find(out, n, t->tgid) : NULL;
		if (e)
			add_thread(&out[e - out], t);
	}
	for (size_t i = 0; i < n; i++)
		out[i].unsteady |= out[i].seen != out[i].task->threads;
	return n;
}
