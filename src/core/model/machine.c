#include "core/model/machine.h"

#include <errno.h>
#include <math.h>
#include <string.h>

void vm_machine_free(struct vm_machine *m)
{
	vm_vec_free(&m->shootdowns);
	*m = (struct vm_machine){ 0 };
}

const char *vm_machine_reason(enum vm_machpart part, int code, enum vm_machine_from from)
{
	if (code == EBADMSG)
		return "its file makes no sense";
	if (code != ENOENT && code != ENODATA && code != EOPNOTSUPP)
		return strerror(code);
	if (from != VM_FROM_LIVE)
		return from == VM_FROM_TREE ? "not in the captured tree" : "not in the recording";
	return part == VM_MACH_PSI ? "this kernel doesn't tell: built without CONFIG_PSI, or booted without psi=1" :
				     "this kernel doesn't tell";
}

/* ---- Made of others ----------------------------------------------------------------------------------------------- */

/** A sum, known if one of its members is: kernels have the more members the newer they are. */
static void add_up(struct vm_machine *m, enum vm_machqty to, const enum vm_machqty *of, size_t n)
{
	uint64_t sum = 0;
	bool any = false;
	for (size_t i = 0; i < n; i++) {
		sum += vm_machine_has(m, of[i]) ? m->q[of[i]] : 0;
		any = any || vm_machine_has(m, of[i]);
	}
	if (any)
		vm_machine_set(m, to, sum);
}

static void subtract(struct vm_machine *m, enum vm_machqty to, uint64_t from, bool known, enum vm_machqty less)
{
	if (known && vm_machine_has(m, less))
		vm_machine_set(m, to, from > m->q[less] ? from - m->q[less] : 0);
}

void vm_machine_derive(struct vm_machine *m)
{
	static const enum vm_machqty scan[] = { VM_M_PGSCAN_KSWAPD, VM_M_PGSCAN_DIRECT, VM_M_PGSCAN_OTHER };
	static const enum vm_machqty steal[] = { VM_M_PGSTEAL_KSWAPD, VM_M_PGSTEAL_DIRECT, VM_M_PGSTEAL_OTHER };
	add_up(m, VM_M_PGSCAN, scan, 3);
	add_up(m, VM_M_PGSTEAL, steal, 3);
	subtract(m, VM_M_USED, m->q[VM_M_TOTAL], vm_machine_has(m, VM_M_TOTAL), VM_M_AVAILABLE);
	subtract(m, VM_M_SWAP, m->q[VM_M_SWAP_TOTAL], vm_machine_has(m, VM_M_SWAP_TOTAL), VM_M_SWAP_FREE);
	subtract(m, VM_M_FILE, m->q[VM_M_CACHED] + m->q[VM_M_BUFFERS],
		 vm_machine_has(m, VM_M_CACHED) && vm_machine_has(m, VM_M_BUFFERS), VM_M_SHMEM);
}

/* ---- Between two instants ----------------------------------------------------------------------------------------- */

uint64_t vm_counter_increase(uint64_t from, uint64_t to, bool words32)
{
	if (to >= from)
		return to - from;
	/* More than half a turn is a step back that looks like one. */
	const uint32_t turned = (uint32_t)to - (uint32_t)from;
	return words32 && from <= UINT32_MAX && turned <= INT32_MAX ? turned : UINT64_MAX;
}

static double per_second(uint64_t n, uint64_t ns)
{
	return ns ? (double)n * 1e9 / (double)ns : NAN;
}

/** All but shootdowns, which are counted by CPU. */
static bool is_plain(unsigned q)
{
	return q != VM_M_SHOOTDOWNS;
}

/** Of pressure and of the CPUs' counters, which aren't words of the kernel's. */
static bool is_word(unsigned q)
{
	return q < VM_M_KHUGEPAGED_SCANS;
}

/** The unit that the kernel counts in: KiB, pages (mm/vmstat.c). */
static uint64_t unit_of(const struct vm_machine *m, unsigned q)
{
	if (q == VM_M_PGPGIN || q == VM_M_PGPGOUT)
		return 1024;
	return (q == VM_M_PSWPIN || q == VM_M_PSWPOUT) && m->page_bytes ? m->page_bytes : 1;
}

static void begin_at(struct vm_machine_base *b, const struct vm_machine *m, unsigned q)
{
	*b = (struct vm_machine_base){ .from = m->q[q], .at_ns = m->boot_ns, .known = vm_machine_has(m, q) };
}

static int keep_shootdowns(struct vm_machine_rates *r, const struct vm_machine *m)
{
	r->shootdowns.n = 0;
	for (size_t i = 0; i < m->shootdowns.n; i++)
		if (!vm_vec_push(&r->shootdowns, m->shootdowns.v[i]))
			return -ENOMEM;
	return 0;
}

int vm_machine_rates_begin(struct vm_machine_rates *r, const struct vm_machine *m)
{
	r->since_boot = true;
	r->elapsed_ns = m->uptime_ns;
	r->at_ns = m->boot_ns;
	r->boot = m->boot;
	for (unsigned q = 0; q < VM_M_NR; q++) {
		begin_at(&r->base[q], m, q);
		r->a_second[q] = q >= VM_M_COUNTERS && vm_machine_has(m, q) ? per_second(m->q[q], m->uptime_ns) : NAN;
	}
	/* They count since they were opened. */
	r->a_second[VM_M_WALKS] = r->a_second[VM_M_WALK_CYCLES] = r->a_second[VM_M_CYCLES] = NAN;
	return keep_shootdowns(r, m);
}

static double next_rate(struct vm_machine_base *b, const struct vm_machine *m, unsigned q)
{
	if (!vm_machine_has(m, q))
		return NAN;
	const uint64_t unit = unit_of(m, q);
	const uint64_t n = b->known ? vm_counter_increase(b->from / unit, m->q[q] / unit, m->words32 && is_word(q)) : UINT64_MAX;
	if (n == UINT64_MAX && b->known && !b->behind) {
		b->behind = true;
		return NAN;
	}
	const double rate = n == UINT64_MAX ? NAN : per_second(n * unit, m->boot_ns - b->at_ns);
	begin_at(b, m, q);
	return rate;
}

static double shootdown_rate(const struct vm_machine_rates *r, const struct vm_machine *m, uint64_t ns)
{
	uint64_t n = 0;
	bool any = false;
	/* Both are in the order of the CPUs' numbers. */
	for (size_t i = 0, k = 0; i < m->shootdowns.n; i++) {
		const struct vm_cpu_count *c = &m->shootdowns.v[i];
		while (k < r->shootdowns.n && r->shootdowns.v[k].cpu < c->cpu)
			k++;
		if (k == r->shootdowns.n || r->shootdowns.v[k].cpu != c->cpu)
			continue;
		/* irq_tlb_count is an unsigned int (arch/x86/include/asm/hardirq.h). */
		const uint64_t more = vm_counter_increase(r->shootdowns.v[k].n, c->n, true);
		n += more == UINT64_MAX ? 0 : more;
		any = true;
	}
	return any ? per_second(n, ns) : NAN;
}

int vm_machine_rates_next(struct vm_machine_rates *r, const struct vm_machine *m)
{
	if (m->boot != r->boot || m->boot_ns < r->at_ns)
		return vm_machine_rates_begin(r, m);
	r->since_boot = false;
	r->elapsed_ns = m->boot_ns - r->at_ns;
	for (unsigned q = VM_M_COUNTERS; q < VM_M_NR; q++)
		if (is_plain(q))
			r->a_second[q] = next_rate(&r->base[q], m, q);
	r->a_second[VM_M_SHOOTDOWNS] = shootdown_rate(r, m, r->elapsed_ns);
	r->at_ns = m->boot_ns;
	return keep_shootdowns(r, m);
}

void vm_machine_rates_free(struct vm_machine_rates *r)
{
	vm_vec_free(&r->shootdowns);
}

/* ---- What it is made of ------------------------------------------------------------------------------------------- */

const char *const vm_mempart_name[VM_PART_NR] = {
	[VM_PART_ANON] = "anon", [VM_PART_FILE] = "file", [VM_PART_SHMEM] = "shmem", [VM_PART_SLAB] = "slab",
	[VM_PART_PAGE_TABLES] = "page tables", [VM_PART_KERNEL] = "kernel", [VM_PART_POOLS] = "huge pools",
	[VM_PART_FREE] = "free", [VM_PART_REST] = "unexplained",
};

uint32_t vm_machine_parts_known(const struct vm_machine *m)
{
	static const struct { enum vm_mempart part; enum vm_machqty q; } of[] = {
		{ VM_PART_ANON, VM_M_ANON }, { VM_PART_FILE, VM_M_FILE }, { VM_PART_SHMEM, VM_M_SHMEM }, { VM_PART_SLAB, VM_M_SLAB },
		{ VM_PART_PAGE_TABLES, VM_M_PAGE_TABLES }, { VM_PART_KERNEL, VM_M_VMALLOC }, { VM_PART_KERNEL, VM_M_KERNEL_STACK },
		{ VM_PART_KERNEL, VM_M_PERCPU }, { VM_PART_POOLS, VM_M_HUGETLB }, { VM_PART_FREE, VM_M_FREE },
	};
	uint32_t known = UINT32_C(1) << VM_PART_REST;
	for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		known |= (uint32_t)vm_machine_has(m, of[i].q) << of[i].part;
	return known;
}

bool vm_machine_parts(const struct vm_machine *m, uint64_t part[VM_PART_NR])
{
	/* q[] of what isn't known is 0.  Stacks are vmalloc()ed with CONFIG_VMAP_STACK, as nearly everywhere. */
	const uint64_t vmalloc = m->q[VM_M_VMALLOC], stacks = m->q[VM_M_KERNEL_STACK];
	part[VM_PART_ANON] = m->q[VM_M_ANON];
	part[VM_PART_FILE] = m->q[VM_M_FILE];
	part[VM_PART_SHMEM] = m->q[VM_M_SHMEM];
	part[VM_PART_SLAB] = m->q[VM_M_SLAB];
	part[VM_PART_PAGE_TABLES] = m->q[VM_M_PAGE_TABLES] + m->q[VM_M_SEC_PAGE_TABLES];
	part[VM_PART_KERNEL] = (vmalloc >= stacks ? vmalloc : vmalloc + stacks) + m->q[VM_M_PERCPU] + m->q[VM_M_ZSPAGES] +
			       m->q[VM_M_BALLOON];
	part[VM_PART_POOLS] = m->q[VM_M_HUGETLB];
	part[VM_PART_FREE] = m->q[VM_M_FREE];
	uint64_t sum = 0;
	for (unsigned i = 0; i < VM_PART_REST; i++)
		if (__builtin_add_overflow(sum, part[i], &sum))
			sum = UINT64_MAX;
	part[VM_PART_REST] = m->q[VM_M_TOTAL] > sum ? m->q[VM_M_TOTAL] - sum : 0;
	return vm_machine_has(m, VM_M_TOTAL);
}
