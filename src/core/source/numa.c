/** Where the pages of a process are, by numa_maps, and where its threads run: two sources. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/model/aspace.h"
#include "core/model/numa.h"
#include "core/source/nodes.h"
#include "core/source/numamaps.h"
#include "core/source/procparse.h"
#include "core/source/session.h"
#include "core/source/snap.h"

/** The sum of this process, made when first asked for; NULL when memory is out. */
static struct vm_numa_sum *sum_of(struct vm_snap *sn, const struct vm_nodes *nodes)
{
	if (!sn->proc->numa)
		sn->proc->numa = vm_numa_sum_new(sn->arena, nodes);
	return sn->proc->numa;
}

/* ---- Threads ------------------------------------------------------------------------------------------------------ */

enum { CPUS = 8192 };

/** What is known of the CPUs that threads may run on; most threads of a process may run on the same. */
struct places {
	struct vm_snap *sn;
	const struct vm_nodes *nodes;
	struct vm_numa_sum *sum;
	uint64_t mask[CPUS / 64];
	bool any;
};

static void add_allowed(struct places *p, unsigned cpu)
{
	const long node = vm_nodes_of_cpu(p->nodes, cpu);
	if (node >= 0)
		vm_nodemask_add(&p->sum->may_run, p->nodes->nodes.v[node].id);
}

/** By the call: no file is opened and parsed for each thread. */
static bool ask_allowed(struct places *p, pid_t tid)
{
	uint64_t mask[CPUS / 64] = { 0 };
	if (sched_getaffinity(tid, sizeof(mask), (cpu_set_t *)mask) != 0)
		return false;
	if (p->any && memcmp(mask, p->mask, sizeof(mask)) == 0)
		return true;
	for (unsigned cpu = 0; cpu < CPUS && cpu < p->nodes->node_of_cpu.n; cpu++)
		if (mask[cpu / 64] >> (cpu % 64) & 1)
			add_allowed(p, cpu);
	memcpy(p->mask, mask, sizeof(mask));
	p->any = true;
	return true;
}

/** "Cpus_allowed_list:	0-3" of status. */
static bool read_allowed(struct places *p, const char *text)
{
	const char *s = strstr(text, "\nCpus_allowed_list:\t");
	unsigned first, last;
	if (!s)
		return false;
	for (s += 20; *s && *s != '\n';) {
		const char *next = vm_parse_list(s, &first, &last);
		if (!next)
			break;
		for (unsigned cpu = first; cpu <= last && cpu < p->nodes->node_of_cpu.n; cpu++)
			add_allowed(p, cpu);
		/* The list ends with its line, not with the text. */
		s += strcspn(s, ",\n");
		s += *s == ',';
	}
	return true;
}

static void take_allowed(struct places *p, pid_t tid, bool alone)
{
	struct vm_session *s = p->sn->s;
	if (s->live && !vm_session_copies(s) && ask_allowed(p, tid))
		return;
	if (alone ? vm_snap_slurp(p->sn, &s->scratch, "status") >= 0
		  : vm_session_slurp(s, &s->scratch, "proc/%d/task/%d/status", p->sn->pid, tid) >= 0)
		read_allowed(p, s->scratch.s);
}

static void take_thread(struct places *p, int cpu, uint64_t cpu_ns)
{
	const long node = cpu < 0 ? -1 : vm_nodes_of_cpu(p->nodes, (unsigned)cpu);
	if (node < 0)
		return;
	p->sum->threads[node]++;
	p->sum->ticks[node] += cpu_ns / 10000000;
}

static int each_thread(struct places *p, struct vm_err *err)
{
	struct vm_session *s = p->sn->s;
	struct vm_pids tids = { 0 };
	struct vm_buf path = { 0 };
	vm_buf_addf(&path, "proc/%d/task", p->sn->pid);
	int r = path.failed ? -ENOMEM : vm_list_numbers(s, &tids, err, vm_buf_str(&path));
	for (size_t i = 0; r == 0 && i < tids.n; i++) {
		struct vm_proc thread;
		vm_proc_init(&thread, tids.v[i]);
		/* A thread may end meanwhile. */
		if (vm_session_slurp(s, &s->scratch, "proc/%d/task/%d/stat", p->sn->pid, tids.v[i]) < 0 ||
		    !vm_parse_stat(s->scratch.s, s->page_bytes, s->ticks_per_second, false, &thread))
			continue;
		take_thread(p, thread.cpu, thread.cpu_ns);
		take_allowed(p, tids.v[i], false);
	}
	vm_buf_free(&path);
	vm_vec_free(&tids);
	return r == -ENOENT ? -ESRCH : r;
}

static int fill_cpus(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	(void)want;
	struct places p = { .sn = sn, .nodes = vm_nodes_known(sn->s) };
	p.sum = p.nodes ? sum_of(sn, p.nodes) : NULL;
	if (!p.sum)
		return vm_fail(err, ENOMEM, "out of memory");
	struct vm_proc *proc = sn->proc;
	int r = 0;
	/* eBPF told of the process, but not of its CPU. */
	if (proc->cpu < 0 && vm_snap_slurp(sn, &sn->s->scratch, "stat") >= 0) {
		struct vm_proc again;
		vm_proc_init(&again, sn->pid);
		if (vm_parse_stat(sn->s->scratch.s, sn->s->page_bytes, sn->s->ticks_per_second, false, &again))
			proc->cpu = again.cpu;
	}
	if (proc->cpu >= 0 && vm_proc_has(proc, VM_P_THREADS) && proc->q[VM_P_THREADS] == 1) {
		take_thread(&p, proc->cpu, proc->cpu_ns);
		take_allowed(&p, sn->pid, true);
	} else {
		r = each_thread(&p, err);
	}
	if (!p.nodes->told)
		vm_nodemask_add(&p.sum->may_run, p.nodes->nodes.v[0].id);
	p.sum->have_threads = r == 0;
	return r;
}

const struct vm_source vm_src_cpus = {
	.name = "task-stat", .help = "/proc/PID/task/TID/stat, sched_getaffinity(2): CPUs of the threads",
	.provides = VM_NEED(CPUS), .primary = VM_NEED(CPUS), .fill = fill_cpus,
};

/* ---- Pages -------------------------------------------------------------------------------------------------------- */

enum { PIECE = 64 * 1024, POLICY_MEMO = 64 };

/** numa_maps on its way into sums, and into the address space where one is read. */
struct intake {
	struct vm_snap *sn;
	const struct vm_numa_rules rules;
	struct vm_numa_sum *sum;
	struct vm_numa_maps *maps;     /* NULL: sums only */
	/** The policy of the line before, as text and parsed: most lines have the same. */
	char text[POLICY_MEMO];
	size_t text_len;
	struct vm_policy policy;
	uint32_t policy_at;
	bool stack;                    /* the first thread's was among the lines */
};

static bool same_policy(const struct vm_policy *a, const struct vm_policy *b)
{
	return a->mode == b->mode && a->flags == b->flags && memcmp(&a->nodes, &b->nodes, sizeof(a->nodes)) == 0;
}

/** Into in->policy, and for the address space its place among those that there are. */
static int know_policy(struct intake *in, const struct vm_numa_line *l)
{
	if (in->text_len == l->policy_len && memcmp(in->text, l->policy, l->policy_len) == 0)
		return 0;
	vm_policy_parse(l->policy, l->policy_len, &in->policy);
	in->text_len = l->policy_len < POLICY_MEMO ? l->policy_len : 0;
	memcpy(in->text, l->policy, in->text_len);
	if (!in->maps)
		return 0;
	for (in->policy_at = 0; in->policy_at < in->maps->policies.n; in->policy_at++)
		if (same_policy(&in->maps->policies.v[in->policy_at], &in->policy))
			return 0;
	return vm_vec_push(&in->maps->policies, in->policy) ? 0 : -ENOMEM;
}

static void add_up(struct intake *in, const struct vm_numa_line *l)
{
	const struct vm_numa_map *m = &l->m;
	struct vm_numa_sum *sum = in->sum;
	for (size_t i = 0; i < l->non; i++) {
		const long at = vm_nodes_index(in->rules.nodes, l->on[i].node);
		const uint64_t bytes = l->on[i].pages * m->page_bytes;
		if (at >= 0)
			sum->bytes[m->class * sum->nnodes + (size_t)at] += bytes;
		else
			sum->elsewhere += bytes;
	}
	if (!vm_numa_governed(m) || !m->pages)
		return;
	const uint64_t misplaced = vm_numa_misplaced(&in->policy, &in->rules, l->on, l->non, m->page_bytes / in->sn->s->page_bytes);
	if (misplaced == VM_NODE_UNKNOWN)
		return;
	sum->judged += m->pages * m->page_bytes;
	sum->misplaced += misplaced * m->page_bytes;
}

static int take_line(void *ctx, const struct vm_numa_line *l)
{
	struct intake *in = ctx;
	in->stack = in->stack || l->m.class == VM_NUMA_STACK;
	int r = know_policy(in, l);
	if (r < 0)
		return r;
	add_up(in, l);
	if (!in->maps)
		return 0;
	struct vm_numa_map m = l->m;
	m.policy = in->policy_at;
	m.first = (uint32_t)in->maps->on.n;
	m.n = (uint32_t)l->non;
	if (!vm_vec_reserve(&in->maps->on, l->non) || !vm_vec_push(&in->maps->maps, m))
		return -ENOMEM;
	for (size_t i = 0; i < l->non; i++)
		in->maps->on.v[in->maps->on.n++] = l->on[i];
	return 0;
}

/** The file through the parser, in pieces; *bytes is its length. */
static int parse_stream(struct intake *in, int fd, struct vm_tee *tee, size_t *bytes)
{
	struct vm_numa_parser parser;
	struct vm_buf *b = &in->sn->s->scratch;
	*bytes = b->n = 0;
	vm_numa_begin(&parser, take_line, in);
	for (;;) {
		if (!vm_buf_reserve(b, PIECE))
			return -ENOMEM;
		const ssize_t n = read(fd, b->s + b->n, PIECE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		vm_tee_write(tee, b->s + b->n, (size_t)n);
		*bytes += (size_t)n;
		b->n += (size_t)n;
		const size_t used = vm_numa_feed(&parser, b->s, b->n, n == 0);
		if (parser.result || n == 0)
			return parser.result;
		/* No line of the kernel's is as long as a piece. */
		b->n = b->n - used > PIECE ? 0 : b->n - used;
		memmove(b->s, b->s + used, b->n);
	}
}

/**
 * The kernel ends the file early when the process ends meanwhile: then it starts over with nothing.  Above the stack no
 * mapping has pages that count, so whoever saw it saw all.
 */
static bool is_gone(const struct intake *in, int fd)
{
	char byte[64];
	return in->sn->s->live && !in->stack && (lseek(fd, 0, SEEK_SET) < 0 || read(fd, byte, sizeof(byte)) <= 0);
}

/** A kernel without NUMA has one node, and what is resident is there. */
static int all_on_one(struct vm_snap *sn, struct vm_numa_sum *sum)
{
	static const struct { enum vm_pqty q; enum vm_numa_class class; } parts[] = {
		{ VM_P_ANON, VM_NUMA_ANON }, { VM_P_FILE, VM_NUMA_FILE }, { VM_P_SHMEM, VM_NUMA_SHMEM },
		{ VM_P_HUGETLB, VM_NUMA_HUGE },
	};
	for (size_t i = 0; i < vm_countof(parts); i++) {
		if (!vm_proc_has(sn->proc, parts[i].q))
			return -ENODATA;
		sum->bytes[parts[i].class * sum->nnodes] = sn->proc->q[parts[i].q];
	}
	sum->have_pages = true;
	return 0;
}

/** Forget what a first reading told. */
static int begin(struct intake *in)
{
	struct vm_snap *sn = in->sn;
	struct vm_numa_sum *sum = in->sum;
	memset(sum->bytes, 0, sum->nnodes * VM_NUMA_CLASSES * sizeof(*sum->bytes));
	sum->elsewhere = sum->judged = sum->misplaced = 0;
	sum->have_pages = false;
	in->text_len = 0;
	in->stack = false;
	if (!sn->as)
		return 0;
	if (!sn->as->numa && !(sn->as->numa = calloc(1, sizeof(*sn->as->numa))))
		return -ENOMEM;
	in->maps = sn->as->numa;
	in->maps->maps.n = in->maps->on.n = in->maps->policies.n = 0;
	return 0;
}

static int fill_numa(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	(void)want;
	const struct vm_nodes *nodes = vm_nodes_known(sn->s);
	struct vm_numa_sum *sum = nodes ? sum_of(sn, nodes) : NULL;
	if (!sum)
		return vm_fail(err, ENOMEM, "out of memory");
	struct intake in = { .sn = sn, .rules = { .nodes = nodes, .may_run = sum->may_run }, .sum = sum };
	size_t bytes;
	int r = begin(&in);
	vm_auto_close int fd = r < 0 ? r : vm_snap_file(sn, "numa_maps");
	if (fd == -ENOENT && !nodes->told && all_on_one(sn, sum) == 0)
		return 0;
	if (fd < 0)
		return fd == -ESRCH ? fd : vm_fail_os(err, -fd, "cannot read /proc/%d/numa_maps", sn->pid);
	vm_auto_tee struct vm_tee tee = vm_snap_tee(sn, "numa_maps");
	r = parse_stream(&in, fd, &tee, &bytes);
	if (r == 0 && bytes && is_gone(&in, fd))
		r = -ESRCH;
	if (r < 0)
		return r == -ESRCH ? r : vm_fail_os(err, -r, "cannot read /proc/%d/numa_maps", sn->pid);
	sum->have_pages = true;
	return 0;
}

const struct vm_source vm_src_numa_maps = {
	.name = "numa_maps", .help = "/proc/PID/numa_maps: pages by memory node, policies",
	.provides = VM_NEED(NUMA), .primary = VM_NEED(NUMA), .fill = fill_numa,
};
