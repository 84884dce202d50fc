/**
 * vmfault: what the figures mean, where they mean something.
 *
 * Each sentence needs a share of the time (or of the faults) that makes it worth reading, and names its evidence.
 */

#include "cli/vmfault/vmfault.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/base/str.h"

/** Less than this of the wall time spent in faults isn't worth a change; of them, less than that isn't the cause. */
static const double WORTH_OF_WALL = 0.01, WORTH_OF_FAULTS = 0.25;

struct verdict {
	struct vmfault *v;
	struct vmfault_finding *out;
	size_t n, max;
	double wall_ns, all_ns, all;
	bool timed;
};

__attribute__((format(printf, 2, 3)))
static const char *keep(struct vmfault *v, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	const int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	const char *kept = vm_arena_strndup(&v->texts, text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1);
	return kept ? kept : "";
}

static void add(struct verdict *d, const char *key, const char *text, const char *evidence)
{
	if (d->n < d->max)
		d->out[d->n++] = (struct vmfault_finding){ .key = key, .text = text, .evidence = evidence };
}

/** Sums of a class of kinds. */
static struct vm_fault_count sum_of(const struct vm_faultset *f, enum vm_fault_class class)
{
	struct vm_fault_count sum = { 0 };
	for (unsigned k = 0; k < VM_FAULT_KIND_NR; k++)
		if (vm_fault_kinds[k].class == class) {
			sum.count += f->kind[k].count;
			sum.ns += f->kind[k].ns;
			sum.bytes += f->kind[k].bytes;
		}
	return sum;
}

/** Of the time where it is known, else of the number. */
static double weight(const struct verdict *d, const struct vm_fault_count *c)
{
	return d->timed ? (d->all_ns > 0 ? (double)c->ns / d->all_ns : 0) : d->all > 0 ? (double)c->count / d->all : 0;
}

static const char *cost(const struct verdict *d, const struct vm_fault_count *c)
{
	char ns[VM_NUMBUF], bytes[VM_NUMBUF], n[VM_NUMBUF];
	if (!d->timed)
		return keep(d->v, "%s faults", vm_format_u64(c->count, n));
	return keep(d->v, "%s faults, %s, took %s: %.1f %% of the wall time", vm_format_u64(c->count, n),
		    vm_format_size(c->bytes, bytes), vm_format_duration(c->ns, ns), 100.0 * (double)c->ns / d->wall_ns);
}

/** The mapping that has most faults of a class, by name; "" if none stands out. */
static const char *main_mapping(struct verdict *d, const struct vm_faultset *f, enum vm_fault_class class)
{
	struct vm_fault_places p = { 0 };
	const struct vm_fault_place_row *best = NULL;
	uint64_t most = 0, all = 0;
	if (!vm_fault_by_mapping(f, &p)) {
		vm_fault_places_free(&p);
		return "";
	}
	for (size_t i = 0; i < p.row.n; i++) {
		uint64_t n = 0;
		for (unsigned k = 0; k < VM_FAULT_KIND_NR; k++)
			n += vm_fault_kinds[k].class == class ? p.row.v[i].kinds[k] : 0;
		all += n;
		if (n > most) {
			most = n;
			best = &p.row.v[i];
		}
	}
	const char *name = "";
	if (best && best->m && most * 2 > all)
		name = keep(d->v, " of %.200s", !best->m->name ? "an unnamed mapping" : *best->m->name ? best->m->name :
			    keep(d->v, "anonymous memory at %llx", (unsigned long long)best->start));
	vm_fault_places_free(&p);
	return name;
}

/** A huge page comes with one fault of 512; memory that was kept, with none. */
static void first_touch(struct verdict *d, const struct vm_faultset *f)
{
	const struct vm_fault_count c = sum_of(f, VM_FAULT_C_FIRST);
	const double share = weight(d, &c);
	char saved[VM_NUMBUF];
	if (share < WORTH_OF_FAULTS)
		return;
	const bool shared = f->kind[VM_FAULT_SHMEM].count * 2 > c.count;
	add(d, "first-touch",
	    keep(d->v, "%.0f %% of the %s is first touch%s: %s would save up to %s", share * 100, d->timed ? "time" : "faults",
		 main_mapping(d, f, VM_FAULT_C_FIRST), shared ? "memory that is kept and used again, MAP_POPULATE or huge pages "
		 "(shmem_enabled, hugetlb)" : "memory that is kept and used again (a larger malloc arena, M_TRIM_THRESHOLD), "
		 "MAP_POPULATE or huge pages", d->timed ? vm_format_duration(c.ns, saved) : "as many faults"), cost(d, &c));
}

static void copies(struct verdict *d, const struct vm_faultset *f)
{
	const struct vm_fault_count c = sum_of(f, VM_FAULT_C_COPY);
	const double share = weight(d, &c);
	if (share >= WORTH_OF_FAULTS)
		add(d, "copy-on-write",
		    keep(d->v, "%.0f %% of the %s is copy-on-write%s: pages are written after fork() or in private file mappings; "
			 "posix_spawn() or vfork() before exec, and fewer writes while a child lives, would save it", share * 100,
			 d->timed ? "time" : "faults", main_mapping(d, f, VM_FAULT_C_COPY)), cost(d, &c));
}

static void files(struct verdict *d, const struct vm_faultset *f)
{
	const struct vm_fault_count *disk = &f->kind[VM_FAULT_FILE_DISK];
	if (weight(d, disk) >= WORTH_OF_FAULTS)
		add(d, "file-disk",
		    keep(d->v, "%.0f %% of the %s waits for files from disk%s: MADV_WILLNEED or readahead() before use, or more "
			 "memory for the page cache, would hide it", weight(d, disk) * 100, d->timed ? "time" : "faults",
			 main_mapping(d, f, VM_FAULT_C_FILE)), cost(d, disk));
	const struct vm_fault_count *cache = &f->kind[VM_FAULT_FILE_CACHE];
	if (weight(d, cache) >= WORTH_OF_FAULTS)
		add(d, "file-cache",
		    keep(d->v, "%.0f %% of the %s maps file pages that are in memory already%s: a process that lives longer, "
			 "MAP_POPULATE or prelinking (fewer, larger libraries) would save it", weight(d, cache) * 100,
			 d->timed ? "time" : "faults", main_mapping(d, f, VM_FAULT_C_FILE)), cost(d, cache));
}

static void swap(struct verdict *d, const struct vm_faultset *f)
{
	const struct vm_fault_count c = sum_of(f, VM_FAULT_C_SWAP);
	if (weight(d, &c) >= WORTH_OF_FAULTS)
		add(d, "swap-in",
		    keep(d->v, "%.0f %% of the %s brings pages back from swap%s: the working set doesn't fit; more memory, a higher "
			 "memory.high of its cgroup, or zram instead of a disk", weight(d, &c) * 100, d->timed ? "time" : "faults",
			 main_mapping(d, f, VM_FAULT_C_SWAP)), cost(d, &c));
}

/** Huge pages that were wanted and didn't come, whatever share of the time they are. */
static void fallback(struct verdict *d, const struct vm_faultset *f)
{
	const struct vm_fault_count *c = &f->kind[VM_FAULT_THP_FALLBACK];
	const uint64_t given = f->kind[VM_FAULT_THP_ANON].count;
	if (c->count && c->count > given / 10)
		add(d, "thp-fallback",
		    keep(d->v, "%llu of %llu places where a huge page was allowed got small pages: memory is fragmented, or "
			 "transparent_hugepage/defrag doesn't let faults wait for it", (unsigned long long)c->count,
			 (unsigned long long)(c->count + given)), cost(d, c));
}

static void numa(struct verdict *d, const struct vm_faultset *f)
{
	const struct vm_fault_count *c = &f->kind[VM_FAULT_NUMA_HINT];
	if (weight(d, c) >= WORTH_OF_FAULTS)
		add(d, "numa-hint",
		    keep(d->v, "%.0f %% of the %s is NUMA balancing: bind threads and memory (numactl), or switch "
			 "kernel.numa_balancing off", weight(d, c) * 100, d->timed ? "time" : "faults"), cost(d, c));
}

size_t vmfault_verdict(struct vmfault *v, const struct vm_faultset *f, struct vmfault_finding *out, size_t max)
{
	const struct vm_fault_kind_row all = vm_fault_total_row(f);
	struct verdict d = {
		.v = v, .out = out, .max = max, .wall_ns = (double)(f->now_ns - f->began_ns), .all_ns = (double)all.c.ns,
		.all = (double)all.c.count, .timed = f->have_times,
	};
	const bool worth = d.timed ? d.wall_ns > 0 && d.all_ns / d.wall_ns >= WORTH_OF_WALL : all.c.count > 0 && f->have_kinds;
	if (!worth)
		return 0;
	swap(&d, f);
	files(&d, f);
	first_touch(&d, f);
	copies(&d, f);
	numa(&d, f);
	fallback(&d, f);
	return d.n;
}
