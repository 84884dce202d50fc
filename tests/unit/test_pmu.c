/** Encodings of events: as the manuals have them, by libpfm4 and by our own table; and which table is chosen for a machine. */

#include "unit.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/source/perf_event.h"
#include "core/source/pmu.h"
#include "core/source/pmu_encode.h"
#include "core/source/pmu_table.h"
#include "core/source/session.h"
#include "tmpdir.h"

#define IS(side, of) vm_tc_what_of(side, of)

/** Golden values, written down apart from the tables: by libpfm4's PMU, or a family's name where it has none. */
static const struct golden {
	const char *pmu;
	unsigned what;
	uint64_t config;
} golden[] = {
	{ "hsw", IS(LOAD, WALKS), 0xe08 }, { "hsw", IS(LOAD, WALK_CYCLES), 0x1001008 }, { "hsw", IS(LOAD, STLB_HITS), 0x6008 },
	{ "hsw", IS(STORE, WALKS), 0xe49 }, { "hsw", IS(FETCH, WALKS), 0xe85 }, { "hsw", IS(LOAD, WALKS_STARTED), 0x108 },
	{ "hsw_ep", IS(LOAD, WALKS), 0xe08 }, { "bdw", IS(LOAD, WALKS), 0xe08 }, { "bdw_ep", IS(LOAD, WALK_CYCLES), 0x1001008 },
	{ "bdw", IS(LOAD, STLB_HITS), 0x6008 }, { "bdw", IS(LOAD, WALKS_1G), 0x808 },
	{ "skl", IS(LOAD, WALKS), 0xe08 }, { "skl", IS(LOAD, WALK_CYCLES), 0x1001008 }, { "skl", IS(LOAD, STLB_HITS), 0x2008 },
	{ "skx", IS(STORE, WALKS), 0xe49 }, { "clx", IS(FETCH, WALKS), 0xe85 }, { "clx", IS(FETCH, WALK_CYCLES), 0x1001085 },
	{ "icl", IS(LOAD, WALKS), 0xe08 }, { "icl", IS(LOAD, WALK_CYCLES), 0x1001008 }, { "icx", IS(LOAD, STLB_HITS), 0x2008 },
	{ "icx", IS(STORE, WALKS), 0xe49 }, { "icx", IS(FETCH, WALKS), 0xe85 }, { "icx", IS(FETCH, WALK_CYCLES), 0x1001085 },
	{ "spr", IS(LOAD, WALKS), 0xe12 }, { "spr", IS(LOAD, WALK_CYCLES), 0x1001012 }, { "spr", IS(LOAD, STLB_HITS), 0x2012 },
	{ "spr", IS(STORE, WALKS), 0xe13 }, { "spr", IS(FETCH, WALKS), 0xe11 }, { "spr", IS(FETCH, WALK_CYCLES), 0x1001011 },
	{ "spr", IS(LOAD, WALKS_4K), 0x212 }, { "spr", IS(LOAD, WALKS_2M), 0x412 }, { "spr", IS(LOAD, WALKS_1G), 0x812 },
	{ "spr", IS(LOAD, ACCESSES), 0x81d0 }, { "spr", IS(STORE, ACCESSES), 0x82d0 }, { "spr", IS(LOAD, WALKS_RETIRED), 0x11d0 },
	{ "spr", VM_TC_CYCLES, 0x3c }, { "spr", VM_TC_INSTRUCTIONS, 0xc0 },
	{ "amd64_fam17h_zen1", IS(DATA, WALKS), 0xf045 }, { "amd64_fam17h_zen2", IS(DATA, WALKS), 0xf045 },
	{ "amd64_fam17h_zen2", IS(FETCH, WALKS), 0x785 }, { "amd64_fam19h_zen3", IS(DATA, STLB_HITS), 0xf45 },
	{ "amd64_fam19h_zen3", IS(FETCH, WALKS), 0xf85 }, { "amd64_fam19h_zen4", IS(DATA, WALKS), 0xf045 },
	{ "amd64_fam19h_zen4", IS(FETCH, STLB_HITS), 0x84 }, { "amd64_fam19h_zen4", VM_TC_CYCLES, 0x76 },
	{ "amd64_fam19h_zen4", VM_TC_INSTRUCTIONS, 0xc0 },
	/* What libpfm4 4.13 lacks. */
	{ "Redwood Cove", IS(LOAD, WALKS), 0xe12 }, { "Redwood Cove", IS(FETCH, WALKS_RETIRED), 0x3c6 },
	{ "Gracemont", IS(LOAD, WALKS), 0xe08 }, { "Gracemont", IS(STORE, WALKS), 0xe49 }, { "Gracemont", IS(FETCH, WALKS), 0xe85 },
	{ "Zen 5", IS(DATA, WALKS), 0xf045 }, { "Zen 5", IS(FETCH, WALKS), 0xf85 },
	{ "Neoverse", IS(DATA, WALKS), 0x34 }, { "Neoverse", IS(FETCH, WALKS), 0x35 }, { "Neoverse", IS(DATA, ACCESSES), 0x25 },
	{ "Neoverse", IS(DATA, L1_MISSES), 0x05 }, { "Neoverse", IS(FETCH, ACCESSES), 0x26 },
	{ "Neoverse", IS(FETCH, L1_MISSES), 0x02 }, { "Neoverse", VM_TC_CYCLES, 0x11 }, { "Neoverse", VM_TC_INSTRUCTIONS, 0x08 },
};

static const struct vm_pmu_family *family_of_pfm(const char *pmu)
{
	for (size_t i = 0; vm_pmu_families[i]; i++) {
		if (strcmp(vm_pmu_families[i]->name, pmu) == 0)
			return vm_pmu_families[i];
		for (size_t k = 0; k < VM_PMU_PFM_NAMES && vm_pmu_families[i]->pfm[k]; k++)
			if (strcmp(vm_pmu_families[i]->pfm[k], pmu) == 0)
				return vm_pmu_families[i];
	}
	ck_abort_msg("no family has %s", pmu);
}

static const struct vm_pmu_row *row_of(const struct vm_pmu_family *f, unsigned what)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->row[i].what == what)
			return &f->row[i];
	ck_abort_msg("%s has no event for %s", f->name, vm_tc_key(what));
}

START_TEST(our_table)
{
	for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
		const struct vm_pmu_row *row = row_of(family_of_pfm(golden[i].pmu), golden[i].what);
		ck_assert_msg(row->config == golden[i].config, "%s %s: 0x%llx, expected 0x%llx", golden[i].pmu,
			      vm_tc_key(golden[i].what), (unsigned long long)row->config, (unsigned long long)golden[i].config);
	}
}
END_TEST

/** Each row of each family, by each of libpfm4's PMUs that this build has: the same number as ours. */
START_TEST(table_and_libpfm_agree)
{
	unsigned compared = 0;
	for (size_t i = 0; vm_pmu_families[i]; i++) {
		const struct vm_pmu_family *f = vm_pmu_families[i];
		for (size_t k = 0; k < VM_PMU_PFM_NAMES && f->pfm[k]; k++) {
			for (size_t r = 0; vm_pmu_pfm_knows(f->pfm[k]) && r < f->n; r++) {
				char name[192];
				struct vm_pmu_event e;
				struct vm_err err = { 0 };
				snprintf(name, sizeof(name), "%s::%s", f->pfm[k], f->row[r].name);
				if (f->row[r].not_pfm)
					continue;
				ck_assert_msg(vm_pmu_pfm_encode(name, &e, &err) == 0, "%s: %s", name, err.what);
				ck_assert_msg(e.config == f->row[r].config && e.config1 == f->row[r].config1,
					      "%s: libpfm4 0x%llx 0x%llx, ours 0x%llx 0x%llx", name, (unsigned long long)e.config,
					      (unsigned long long)e.config1, (unsigned long long)f->row[r].config,
					      (unsigned long long)f->row[r].config1);
				ck_assert_msg(e.precise == f->row[r].precise, "%s: precise %d", name, e.precise);
				compared++;
			}
		}
	}
	if (VM_HAVE_PFM)
		ck_assert_uint_gt(compared, 150);
}
END_TEST

START_TEST(each_meaning_once)
{
	for (size_t i = 0; vm_pmu_families[i]; i++) {
		const struct vm_pmu_family *f = vm_pmu_families[i];
		ck_assert_uint_le(f->n, VM_PMU_EVENTS_MAX);
		for (size_t a = 0; a < f->n; a++)
			for (size_t b = 0; b < a; b++)
				ck_assert_msg(f->row[a].what != f->row[b].what, "%s: %s and %s", f->name, f->row[a].name, f->row[b].name);
	}
}
END_TEST

/* ---- Which machine gets which table ------------------------------------------------------------------------------- */

static void put(const char *path, const char *text)
{
	char full[512];
	snprintf(full, sizeof(full), "%s/%s", dir, path);
	for (char *slash = full + strlen(dir) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = '\0';
		mkdir(full, 0777);
	}
	FILE *f = fopen(full, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void device(const char *name, const char *type, const char *kernel_name)
{
	char path[128];
	snprintf(path, sizeof(path), "sys/bus/event_source/devices/%s/type", name);
	put(path, type);
	snprintf(path, sizeof(path), "sys/bus/event_source/devices/%s/caps/pmu_name", name);
	if (kernel_name)
		put(path, kernel_name);
}

static void cpu(const char *vendor, unsigned family, unsigned model, const char *flags)
{
	char text[512];
	snprintf(text, sizeof(text), "processor\t: 0\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: x\n"
		 "flags\t\t: fpu vme %s\n\nprocessor\t: 1\n", vendor, family, model, flags);
	put("proc/cpuinfo", text);
}

static void identify(struct vm_pmu *p)
{
	struct vm_session *s;
	ck_assert_int_eq(vm_session_open(dir, &s, NULL), 0);
	ck_assert_int_eq(vm_pmu_identify(s, p, NULL), 0);
	vm_session_close(s);
}

static const struct {
	const char *vendor;
	unsigned family, model;
	const char *flags, *kernel_name;
	enum vm_pmu_by by;         /* with libpfm4 */
	const char *table;
	uint64_t walks;            /* 0: none */
} machine[] = {
	{ "GenuineIntel", 6, 63, "", "haswell\n", VM_PMU_BY_LIBPFM, "hsw", 0xe08 },
	{ "GenuineIntel", 6, 85, "", "skylake\n", VM_PMU_BY_LIBPFM, "skl", 0xe08 },
	{ "GenuineIntel", 6, 106, "", "icelake\n", VM_PMU_BY_LIBPFM, "icl", 0xe08 },
	{ "GenuineIntel", 6, 143, "amx_tile avx512_fp16", "sapphire_rapids\n", VM_PMU_BY_LIBPFM, "spr", 0xe12 },
	{ "GenuineIntel", 6, 207, "amx_tile", "sapphire_rapids\n", VM_PMU_BY_LIBPFM, "spr", 0xe12 },
	{ "GenuineIntel", 6, 173, "amx_tile", "granite_rapids\n", VM_PMU_BY_TABLE, "Redwood Cove", 0xe12 },
	{ "GenuineIntel", 6, 173, "amx_tile hypervisor", "sapphire_rapids\n", VM_PMU_BY_TABLE, "Redwood Cove", 0xe12 },
	/* A model that hides what it is; one that only the kernel takes for another; one that nobody knows. */
	{ "GenuineIntel", 6, 167, "hypervisor amx_tile", "icelake\n", VM_PMU_BY_LIBPFM, "spr", 0xe12 },
	{ "GenuineIntel", 6, 85, "hypervisor", "icelake\n", VM_PMU_BY_GENERIC, "Ice Lake", PERF_COUNT_HW_CACHE_DTLB | 1 << 16 },
	{ "GenuineIntel", 6, 85, "", "generic_arch_v5\n", VM_PMU_BY_LIBPFM, "skl", 0xe08 },
	{ "GenuineIntel", 6, 250, "hypervisor", "generic_arch_v6\n", VM_PMU_BY_GENERIC, "Intel", PERF_COUNT_HW_CACHE_DTLB | 1 << 16 },
	{ "GenuineIntel", 6, 42, "", "sandybridge\n", VM_PMU_BY_GENERIC, "Sandy Bridge", 0 },
	{ "AuthenticAMD", 23, 1, "", NULL, VM_PMU_BY_LIBPFM, "amd64_fam17h_zen1", 0xf045 },
	{ "AuthenticAMD", 23, 49, "hypervisor", NULL, VM_PMU_BY_LIBPFM, "amd64_fam17h_zen2", 0xf045 },
	{ "AuthenticAMD", 25, 33, "", NULL, VM_PMU_BY_LIBPFM, "amd64_fam19h_zen3", 0xf045 },
	{ "AuthenticAMD", 25, 17, "", NULL, VM_PMU_BY_LIBPFM, "amd64_fam19h_zen4", 0xf045 },
	{ "AuthenticAMD", 26, 2, "", NULL, VM_PMU_BY_TABLE, "Zen 5", 0xf045 },
	{ "HygonGenuine", 24, 1, "", NULL, VM_PMU_BY_LIBPFM, "amd64_fam17h_zen1", 0xf045 },
	{ "AuthenticAMD", 21, 2, "", NULL, VM_PMU_BY_GENERIC, "AMD before Zen", PERF_COUNT_HW_CACHE_DTLB | 1 << 16 },
	{ "CentaurHauls", 6, 2, "", NULL, VM_PMU_BY_GENERIC, "CPU", 0 },
};

static const struct vm_pmu_event *walks(const struct vm_pmu_core *c)
{
	const struct vm_pmu_event *e = vm_pmu_event(c, IS(LOAD, WALKS));
	return e ? e : vm_pmu_event(c, IS(DATA, WALKS));
}

START_TEST(machines)
{
	for (size_t i = 0; i < sizeof(machine) / sizeof(machine[0]); i++) {
		static struct vm_pmu p;
		make_dir();
		cpu(machine[i].vendor, machine[i].family, machine[i].model, machine[i].flags);
		device("cpu", "4\n", machine[i].kernel_name);
		identify(&p);
		ck_assert_uint_eq(p.ncores, 1);
		const struct vm_pmu_core *c = &p.core[0];
		const struct vm_pmu_event *e = walks(c);
		if (VM_HAVE_PFM || machine[i].by != VM_PMU_BY_LIBPFM) {
			ck_assert_msg(c->by == machine[i].by, "machine %zu: by %d", i, c->by);
			ck_assert_msg(strcmp(c->table, machine[i].table) == 0, "machine %zu: %s", i, c->table);
		} else {
			ck_assert_int_eq(c->by, VM_PMU_BY_TABLE);
		}
		ck_assert_msg((e != NULL) == (machine[i].walks != 0), "machine %zu", i);
		ck_assert_msg(!e || e->config == machine[i].walks, "machine %zu: 0x%llx", i, (unsigned long long)(e ? e->config : 0));
		ck_assert(p.masked == (machine[i].model == 167));
		clear_dir();
	}
}
END_TEST

START_TEST(hybrid)
{
	static struct vm_pmu p;
	make_dir();
	cpu("GenuineIntel", 6, 0xb7, "");
	device("cpu_core", "4\n", "alderlake_hybrid\n");
	device("cpu_atom", "10\n", "alderlake_hybrid\n");
	identify(&p);
	ck_assert_uint_eq(p.ncores, 2);
	const struct vm_pmu_event *big = vm_pmu_event(&p.core[0], IS(LOAD, WALKS));
	const struct vm_pmu_event *small = vm_pmu_event(&p.core[1], IS(LOAD, WALKS));
	ck_u64_eq(big->config, 0xe12);
	ck_assert_uint_eq(big->type, 4);
	ck_u64_eq(small->config, 0xe08);
	ck_assert_uint_eq(small->type, 10);
	ck_assert_ptr_null(vm_pmu_event(&p.core[1], IS(LOAD, WALK_CYCLES)));
	/* Generic events name the kind of core in their upper half. */
	struct vm_pmu_event e;
	ck_assert_int_eq(vm_pmu_encode(&p, "dTLB-loads", &e, NULL), 0);
	ck_u64_eq(e.config, UINT64_C(4) << 32 | PERF_COUNT_HW_CACHE_DTLB);
	clear_dir();
}
END_TEST

START_TEST(arm)
{
	static struct vm_pmu p;
	make_dir();
	put("proc/cpuinfo", "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\n"
	    "CPU architecture: 8\nCPU variant\t: 0x3\nCPU part\t: 0xd0c\nCPU revision\t: 1\n");
	device("armv8_pmuv3_0", "8\n", NULL);
	identify(&p);
	ck_assert_uint_eq(p.ncores, 1);
	const struct vm_pmu_event *e = vm_pmu_event(&p.core[0], IS(DATA, WALKS));
	ck_u64_eq(e->config, 0x34);
	ck_assert_uint_eq(e->type, 8);
	/* What can be sampled of loads is what counts loads and stores. */
	ck_assert_ptr_eq(vm_pmu_event_to_sample(&p.core[0], VM_TC_LOAD), e);
	ck_assert_int_eq(vm_pmu_encode(&p, "dTLB-load-misses", (struct vm_pmu_event[1]){ 0 }, NULL), 0);
	clear_dir();
}
END_TEST

/* ---- Names -------------------------------------------------------------------------------------------------------- */

static const struct { const char *name; uint32_t type; uint64_t config; } named[] = {
	{ "dTLB-loads", PERF_TYPE_HW_CACHE, 0x3 }, { "dTLB-load-misses", PERF_TYPE_HW_CACHE, 0x10003 },
	{ "dTLB-stores", PERF_TYPE_HW_CACHE, 0x103 }, { "dTLB-store-misses", PERF_TYPE_HW_CACHE, 0x10103 },
	{ "iTLB-loads", PERF_TYPE_HW_CACHE, 0x4 }, { "iTLB-load-misses", PERF_TYPE_HW_CACHE, 0x10004 },
	{ "ITLB-LOAD-MISSES", PERF_TYPE_HW_CACHE, 0x10004 }, { "cycles", PERF_TYPE_HARDWARE, 0 },
	{ "page-faults", PERF_TYPE_SOFTWARE, 2 }, { "r01c2", PERF_TYPE_RAW, 0x1c2 },
#if VM_HAVE_PFM
	{ "spr::DTLB_LOAD_MISSES:WALK_COMPLETED", PERF_TYPE_RAW, 0xe12 },
	{ "DTLB_LOAD_MISSES:WALK_COMPLETED", PERF_TYPE_RAW, 0xe12 },
#endif
};

START_TEST(names)
{
	static struct vm_pmu p;
	struct vm_pmu_event e;
	struct vm_err err = { 0 };
	make_dir();
	cpu("GenuineIntel", 6, 143, "amx_tile");
	device("cpu", "4\n", "sapphire_rapids\n");
	identify(&p);
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		ck_assert_msg(vm_pmu_encode(&p, named[i].name, &e, &err) == 0, "%s: %s", named[i].name, err.what);
		ck_assert_msg(e.type == named[i].type && e.config == named[i].config, "%s: %u 0x%llx", named[i].name, e.type,
			      (unsigned long long)e.config);
	}
	/* With the meaning that they have on this CPU. */
	ck_assert_int_eq(vm_pmu_encode(&p, "dTLB-load-misses", &e, NULL), 0);
	ck_assert_uint_eq(e.what, IS(LOAD, WALKS));
	ck_assert_int_eq(vm_pmu_encode(&p, "iTLB-loads", &e, NULL), 0);
	ck_assert_uint_eq(e.what, VM_TC_NONE);
	ck_assert_int_eq(vm_pmu_encode(&p, "dTLB-lods", &e, &err), -EINVAL);
	ck_assert_str_eq(err.hint, "did you mean dTLB-loads?");
	ck_assert_int_eq(vm_pmu_encode(&p, "", &e, &err), -EINVAL);
#if VM_HAVE_PFM
	ck_assert_int_eq(vm_pmu_encode(&p, "DTLB_LOAD_MISSES:WALK_COMPLETET", &e, &err), -EINVAL);
	ck_assert_str_eq(err.hint, "did you mean DTLB_LOAD_MISSES:WALK_COMPLETED?");
	ck_assert_int_eq(vm_pmu_encode(&p, "DTLB_LOAD_MISSES", &e, &err), -EINVAL);
	ck_assert_int_eq(vm_pmu_encode(&p, "spr::MEM_INST_RETIRED:STLB_MISS_LOADS", &e, &err), 0);
	ck_assert(e.precise);
	ck_assert_uint_eq(e.what, IS(LOAD, WALKS_RETIRED));
#endif
	clear_dir();
}
END_TEST

START_TEST(scaling)
{
	struct vm_tc_count c = { .raw = 50000, .enabled_ns = 100, .running_ns = 50, .opened = true };
	ck_assert_double_eq(vm_tc_scaled(&c), 100000);
	ck_assert_double_eq(vm_tc_share(&c), 0.5);
	c.running_ns = 0;
	ck_assert_double_nan(vm_tc_scaled(&c));
	ck_assert(!vm_tc_counted(&c));
	c = (struct vm_tc_count){ .raw = UINT64_C(1) << 60, .enabled_ns = 7, .running_ns = 7, .opened = true };
	ck_assert_double_eq(vm_tc_scaled(&c), (double)(UINT64_C(1) << 60));
	c.opened = false;
	ck_assert_double_nan(vm_tc_scaled(&c));
}
END_TEST

static void on_cpu(int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(set), &set), 0);
}

static void touch_pages(size_t pages)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(p, pages * page, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < pages; i++)
		*(volatile char *)(p + i * page) = 1;
	munmap(p, pages * page);
}

/** The kernel's own times: an event that is bound to a CPU on which the task is only half of the time. */
START_TEST(scaling_by_the_kernel)
{
	enum { HOPS = 40, PAGES = 500 };
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_PAGE_FAULTS, .exclude_kernel = 1, .exclude_hv = 1,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
	};
	cpu_set_t allowed;
	uint64_t v[3];
	if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0 || !CPU_ISSET(0, &allowed) || !CPU_ISSET(1, &allowed))
		return;
	const int fd = vm_perf_event_open(&attr, 0, 1, 0);
	/* Debian forbids even this. */
	if (fd == -EACCES || fd == -EPERM)
		return;
	ck_assert_int_ge(fd, 0);
	for (int i = 0; i < HOPS; i++) {
		on_cpu(i % 2);
		touch_pages(PAGES);
	}
	ck_assert_int_eq(read(fd, v, sizeof(v)), sizeof(v));
	close(fd);
	const struct vm_tc_count c = { .raw = v[0], .enabled_ns = v[1], .running_ns = v[2], .opened = true };
	ck_assert_uint_gt(c.running_ns, 0);
	ck_assert_uint_lt(c.running_ns, c.enabled_ns);
	/* Half of the faults were counted, all of them are meant; how long a half takes isn't up to us. */
	ck_assert_uint_ge(c.raw, HOPS / 2 * PAGES);
	ck_assert_uint_le(c.raw, HOPS / 2 * PAGES + 200);
	ck_assert_double_gt(vm_tc_scaled(&c), (double)c.raw * 1.1);
	ck_assert_double_lt(vm_tc_scaled(&c), HOPS * PAGES * 4.0);
}
END_TEST

START_TEST(meanings_have_names)
{
	ck_assert_str_eq(vm_tc_key(IS(LOAD, WALKS)), "load_walks");
	ck_assert_str_eq(vm_tc_key(IS(STORE, WALK_CYCLES)), "store_walk_cycles");
	ck_assert_str_eq(vm_tc_key(IS(DATA, WALKS_1G)), "data_walks_1g");
	ck_assert_str_eq(vm_tc_key(IS(FETCH, WALKS_RETIRED)), "fetch_walks_retired");
	ck_assert_str_eq(vm_tc_key(VM_TC_INSTRUCTIONS), "instructions");
	for (unsigned w = 0; w < VM_TC_WHATS; w++) {
		ck_assert_ptr_nonnull(vm_tc_key(w));
		ck_assert_ptr_nonnull(vm_tc_name(w));
	}
}
END_TEST

UNIT_MAIN("pmu", our_table, table_and_libpfm_agree, each_meaning_once, machines, hybrid, arm, names, scaling, scaling_by_the_kernel,
	  meanings_have_names)
