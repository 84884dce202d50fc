#include "core/source/pmu_table.h"

#include <linux/perf_event.h>
#include <string.h>

#include "core/base/cleanup.h"
#include "core/model/tlbcount.h"

#define IS(side, of) .what = VM_TC_##side * VM_TC_OFS + VM_TC_##of
#define CYCLES .what = VM_TC_CYCLES
#define INSTRUCTIONS .what = VM_TC_INSTRUCTIONS

#define RETIRED_UOPS "retired micro-operations, not instructions"
#define BOTH "loads and stores together"

/* ---- Intel -------------------------------------------------------------------------------------------------------- */

/* The last byte is the event, the one before it the unit mask; 1 << 24: count the cycles in which there is at least one. */
#define ACTIVE 0x1000000

#define INTEL_FIXED \
	{ CYCLES, .config = 0x3c, .name = "UNHALTED_CORE_CYCLES" }, { INSTRUCTIONS, .config = 0xc0, .name = "INSTRUCTION_RETIRED" }
#define INTEL_RETIRED(group, note_) \
	{ IS(LOAD, ACCESSES), .precise = true, .config = 0x81d0, .name = group ":ALL_LOADS", .note = note_ }, \
	{ IS(STORE, ACCESSES), .precise = true, .config = 0x82d0, .name = group ":ALL_STORES", .note = note_ }, \
	{ IS(LOAD, WALKS_RETIRED), .precise = true, .config = 0x11d0, .name = group ":STLB_MISS_LOADS", .note = note_ }, \
	{ IS(STORE, WALKS_RETIRED), .precise = true, .config = 0x12d0, .name = group ":STLB_MISS_STORES", .note = note_ }
#define INTEL_WALKS(side, event, code) \
	{ IS(side, WALKS), .config = 0x0e00 | (code), .name = event ":WALK_COMPLETED" }, \
	{ IS(side, WALKS_4K), .config = 0x0200 | (code), .name = event ":WALK_COMPLETED_4K" }, \
	{ IS(side, WALKS_2M), .config = 0x0400 | (code), .name = event ":WALK_COMPLETED_2M_4M" }
#define INTEL_WALKS_1G(side, event, code, unknown) \
	{ IS(side, WALKS_1G), .config = 0x0800 | (code), .name = event ":WALK_COMPLETED_1G", .not_pfm = unknown }
#define INTEL_ACTIVE(side, event, code) \
	{ IS(side, WALK_CYCLES), .config = ACTIVE | 0x1000 | (code), .name = event ":WALK_ACTIVE" }, \
	{ IS(side, STLB_HITS), .config = 0x2000 | (code), .name = event ":STLB_HIT" }
/* Haswell and Broadwell count how long walks took; with a threshold of one, the cycles in which there was any. */
#define INTEL_DURATION(side, event, code) \
	{ IS(side, WALK_CYCLES), .config = ACTIVE | 0x1000 | (code), .name = event ":WALK_DURATION:c=1" }, \
	{ IS(side, STLB_HITS), .config = 0x6000 | (code), .name = event ":STLB_HIT" }, \
	{ IS(side, WALKS_STARTED), .config = 0x0100 | (code), .name = event ":MISS_CAUSES_A_WALK" }
#define INTEL_FRONTEND(code) \
	{ IS(FETCH, WALKS_RETIRED), .precise = true, .config = code, .config1 = 0x15, .name = "FRONTEND_RETIRED:STLB_MISS" }

/* perf: x86/haswell/virtual-memory.json, cache.json; libpfm4: intel_hsw_events.h. */
static const struct vm_pmu_row haswell[] = {
	INTEL_FIXED, INTEL_RETIRED("MEM_UOPS_RETIRED", RETIRED_UOPS),
	INTEL_WALKS(LOAD, "DTLB_LOAD_MISSES", 0x08), INTEL_DURATION(LOAD, "DTLB_LOAD_MISSES", 0x08),
	INTEL_WALKS(STORE, "DTLB_STORE_MISSES", 0x49), INTEL_DURATION(STORE, "DTLB_STORE_MISSES", 0x49),
	INTEL_WALKS(FETCH, "ITLB_MISSES", 0x85), INTEL_DURATION(FETCH, "ITLB_MISSES", 0x85),
};

/* perf: x86/broadwell; libpfm4: intel_bdw_events.h. */
static const struct vm_pmu_row broadwell[] = {
	INTEL_FIXED, INTEL_RETIRED("MEM_UOPS_RETIRED", RETIRED_UOPS),
	INTEL_WALKS(LOAD, "DTLB_LOAD_MISSES", 0x08), INTEL_DURATION(LOAD, "DTLB_LOAD_MISSES", 0x08),
	INTEL_WALKS(STORE, "DTLB_STORE_MISSES", 0x49), INTEL_DURATION(STORE, "DTLB_STORE_MISSES", 0x49),
	INTEL_WALKS(FETCH, "ITLB_MISSES", 0x85), INTEL_DURATION(FETCH, "ITLB_MISSES", 0x85),
	INTEL_WALKS_1G(LOAD, "DTLB_LOAD_MISSES", 0x08, false), INTEL_WALKS_1G(STORE, "DTLB_STORE_MISSES", 0x49, false),
	INTEL_WALKS_1G(FETCH, "ITLB_MISSES", 0x85, false),
};

/* perf: x86/skylake, skylakex, cascadelakex; libpfm4: intel_skl_events.h. */
static const struct vm_pmu_row skylake[] = {
	INTEL_FIXED, INTEL_RETIRED("MEM_INST_RETIRED", NULL), INTEL_FRONTEND(0x01c6),
	INTEL_WALKS(LOAD, "DTLB_LOAD_MISSES", 0x08), INTEL_ACTIVE(LOAD, "DTLB_LOAD_MISSES", 0x08),
	INTEL_WALKS(STORE, "DTLB_STORE_MISSES", 0x49), INTEL_ACTIVE(STORE, "DTLB_STORE_MISSES", 0x49),
	INTEL_WALKS(FETCH, "ITLB_MISSES", 0x85), INTEL_ACTIVE(FETCH, "ITLB_MISSES", 0x85),
	INTEL_WALKS_1G(LOAD, "DTLB_LOAD_MISSES", 0x08, false), INTEL_WALKS_1G(STORE, "DTLB_STORE_MISSES", 0x49, false),
	INTEL_WALKS_1G(FETCH, "ITLB_MISSES", 0x85, false),
};

/* perf: x86/icelake, icelakex; libpfm4: intel_icl_events.h, which lacks walks to pages of 1G. */
static const struct vm_pmu_row icelake[] = {
	INTEL_FIXED, INTEL_RETIRED("MEM_INST_RETIRED", NULL), INTEL_FRONTEND(0x01c6),
	INTEL_WALKS(LOAD, "DTLB_LOAD_MISSES", 0x08), INTEL_ACTIVE(LOAD, "DTLB_LOAD_MISSES", 0x08),
	INTEL_WALKS(STORE, "DTLB_STORE_MISSES", 0x49), INTEL_ACTIVE(STORE, "DTLB_STORE_MISSES", 0x49),
	INTEL_WALKS(FETCH, "ITLB_MISSES", 0x85), INTEL_ACTIVE(FETCH, "ITLB_MISSES", 0x85),
	INTEL_WALKS_1G(LOAD, "DTLB_LOAD_MISSES", 0x08, true), INTEL_WALKS_1G(STORE, "DTLB_STORE_MISSES", 0x49, true),
};

#define GOLDEN_COVE(frontend) \
	INTEL_FIXED, INTEL_RETIRED("MEM_INST_RETIRED", NULL), INTEL_FRONTEND(frontend), \
	INTEL_WALKS(LOAD, "DTLB_LOAD_MISSES", 0x12), INTEL_ACTIVE(LOAD, "DTLB_LOAD_MISSES", 0x12), \
	INTEL_WALKS(STORE, "DTLB_STORE_MISSES", 0x13), INTEL_ACTIVE(STORE, "DTLB_STORE_MISSES", 0x13), \
	INTEL_WALKS(FETCH, "ITLB_MISSES", 0x11), INTEL_ACTIVE(FETCH, "ITLB_MISSES", 0x11), \
	INTEL_WALKS_1G(LOAD, "DTLB_LOAD_MISSES", 0x12, false), INTEL_WALKS_1G(STORE, "DTLB_STORE_MISSES", 0x13, false)

/* Sapphire and Emerald Rapids, the big cores of Alder and Raptor Lake.  perf: x86/sapphirerapids, emeraldrapids, alderlake
   (cpu_core); libpfm4: intel_spr_events.h. */
static const struct vm_pmu_row golden_cove[] = { GOLDEN_COVE(0x01c6) };
/* Granite Rapids, the big cores of Meteor Lake.  perf: x86/graniterapids, meteorlake (cpu_core). */
static const struct vm_pmu_row redwood_cove[] = { GOLDEN_COVE(0x03c6) };

/* The small cores of Alder and Raptor Lake.  perf: x86/alderlake (cpu_atom); libpfm4 4.13 has none of them. */
static const struct vm_pmu_row gracemont[] = {
	INTEL_FIXED,
	{ IS(LOAD, ACCESSES), .precise = true, .config = 0x81d0, .name = "MEM_UOPS_RETIRED:ALL_LOADS", .note = RETIRED_UOPS },
	{ IS(STORE, ACCESSES), .precise = true, .config = 0x82d0, .name = "MEM_UOPS_RETIRED:ALL_STORES", .note = RETIRED_UOPS },
	{ IS(LOAD, WALKS), .config = 0x0e08, .name = "DTLB_LOAD_MISSES:WALK_COMPLETED" },
	{ IS(STORE, WALKS), .config = 0x0e49, .name = "DTLB_STORE_MISSES:WALK_COMPLETED" },
	{ IS(FETCH, WALKS), .config = 0x0e85, .name = "ITLB_MISSES:WALK_COMPLETED" },
};

/* Sierra Forest and Grand Ridge, the small cores of Meteor Lake.  perf: x86/sierraforest. */
static const struct vm_pmu_row crestmont[] = {
	INTEL_FIXED,
	{ IS(LOAD, ACCESSES), .precise = true, .config = 0x81d0, .name = "MEM_UOPS_RETIRED:ALL_LOADS", .note = RETIRED_UOPS },
	{ IS(STORE, ACCESSES), .precise = true, .config = 0x82d0, .name = "MEM_UOPS_RETIRED:ALL_STORES", .note = RETIRED_UOPS },
	INTEL_WALKS(LOAD, "DTLB_LOAD_MISSES", 0x08), INTEL_WALKS(STORE, "DTLB_STORE_MISSES", 0x49),
	INTEL_WALKS(FETCH, "ITLB_MISSES", 0x85),
	{ IS(LOAD, STLB_HITS), .config = 0x2008, .name = "DTLB_LOAD_MISSES:STLB_HIT" },
	{ IS(STORE, STLB_HITS), .config = 0x2049, .name = "DTLB_STORE_MISSES:STLB_HIT" },
	{ IS(FETCH, STLB_HITS), .config = 0x2085, .name = "ITLB_MISSES:STLB_HIT" },
};

#define RETIRED_LOADS "all retired loads"
#define RETIRED_STORES "all retired stores"
#define INTEL_STLB_HITS "fetches that missed the first level and hit the second: not all fetches"
#define STARTED "page walks that were begun, also those that were given up"
#define COMPLETED "page walks that came to their end"

/* hsw_hw_cache_event_ids. */
static const struct vm_pmu_generic generic_haswell[] = {
	{ VM_PMU_DTLB_LOADS, IS(LOAD, ACCESSES), RETIRED_LOADS },
	{ VM_PMU_DTLB_LOAD_MISSES, IS(LOAD, WALKS_STARTED), STARTED },
	{ VM_PMU_DTLB_STORES, IS(STORE, ACCESSES), RETIRED_STORES },
	{ VM_PMU_DTLB_STORE_MISSES, IS(STORE, WALKS_STARTED), STARTED },
	{ VM_PMU_ITLB_LOADS, IS(FETCH, STLB_HITS), INTEL_STLB_HITS },
	{ VM_PMU_ITLB_LOAD_MISSES, IS(FETCH, WALKS_STARTED), STARTED },
};

/* skl_hw_cache_event_ids. */
static const struct vm_pmu_generic generic_skylake[] = {
	{ VM_PMU_DTLB_LOADS, IS(LOAD, ACCESSES), RETIRED_LOADS },
	{ VM_PMU_DTLB_LOAD_MISSES, IS(LOAD, WALKS), COMPLETED },
	{ VM_PMU_DTLB_STORES, IS(STORE, ACCESSES), RETIRED_STORES },
	{ VM_PMU_DTLB_STORE_MISSES, IS(STORE, WALKS), COMPLETED },
	{ VM_PMU_ITLB_LOADS, IS(FETCH, STLB_HITS), INTEL_STLB_HITS },
	{ VM_PMU_ITLB_LOAD_MISSES, IS(FETCH, WALKS), COMPLETED },
};

/* glc_hw_cache_event_ids: no iTLB accesses. */
static const struct vm_pmu_generic generic_golden_cove[] = {
	{ VM_PMU_DTLB_LOADS, IS(LOAD, ACCESSES), RETIRED_LOADS },
	{ VM_PMU_DTLB_LOAD_MISSES, IS(LOAD, WALKS), COMPLETED },
	{ VM_PMU_DTLB_STORES, IS(STORE, ACCESSES), RETIRED_STORES },
	{ VM_PMU_DTLB_STORE_MISSES, IS(STORE, WALKS), COMPLETED },
	{ VM_PMU_ITLB_LOAD_MISSES, IS(FETCH, WALKS), COMPLETED },
};

/* ---- AMD ---------------------------------------------------------------------------------------------------------- */

#define DTLB "L1_DTLB_MISS"
#define ITLB "L1_ITLB_MISS_L2_ITLB_MISS"
#define COALESCED "with coalesced 16K pages"

#define ZEN_DATA \
	{ CYCLES, .config = 0x76, .name = "CYCLES_NOT_IN_HALT" }, { INSTRUCTIONS, .config = 0xc0, .name = "RETIRED_INSTRUCTIONS" }, \
	{ IS(DATA, ACCESSES), .config = 0x0729, .name = "LS_DISPATCH:LD_DISPATCH:STORE_DISPATCH:LD_ST_DISPATCH", \
	  .note = "dispatched, also on the wrong path" }, \
	{ IS(DATA, STLB_HITS), .config = 0x0f45, .name = DTLB ":TLB_RELOAD_4K_L2_HIT:TLB_RELOAD_COALESCED_PAGE_HIT:" \
	  "TLB_RELOAD_2M_L2_HIT:TLB_RELOAD_1G_L2_HIT", .note = BOTH }, \
	{ IS(DATA, WALKS), .config = 0xf045, .name = DTLB ":TLB_RELOAD_4K_L2_MISS:TLB_RELOAD_COALESCED_PAGE_MISS:" \
	  "TLB_RELOAD_2M_L2_MISS:TLB_RELOAD_1G_L2_MISS", .note = BOTH }, \
	{ IS(DATA, WALKS_4K), .config = 0x3045, .name = DTLB ":TLB_RELOAD_4K_L2_MISS:TLB_RELOAD_COALESCED_PAGE_MISS", \
	  .note = COALESCED }, \
	{ IS(DATA, WALKS_2M), .config = 0x4045, .name = DTLB ":TLB_RELOAD_2M_L2_MISS" }, \
	{ IS(DATA, WALKS_1G), .config = 0x8045, .name = DTLB ":TLB_RELOAD_1G_L2_MISS" }, \
	{ IS(FETCH, STLB_HITS), .config = 0x84, .name = "L1_ITLB_MISS_L2_ITLB_HIT" }, \
	{ IS(FETCH, WALKS_2M), .config = 0x0285, .name = ITLB ":IF2M" }, { IS(FETCH, WALKS_1G), .config = 0x0485, .name = ITLB ":IF1G" }

/* perf: x86/amdzen1, amdzen2; libpfm4: amd64_events_fam17h_zen1.h, _zen2.h. */
static const struct vm_pmu_row zen[] = {
	ZEN_DATA, { IS(FETCH, WALKS), .config = 0x0785, .name = ITLB ":IF4K:IF2M:IF1G" },
	{ IS(FETCH, WALKS_4K), .config = 0x0185, .name = ITLB ":IF4K" },
};

/* perf: x86/amdzen3, amdzen4, amdzen5; libpfm4: amd64_events_fam19h_zen3.h, _zen4.h. */
static const struct vm_pmu_row zen3[] = {
	ZEN_DATA, { IS(FETCH, WALKS), .config = 0x0f85, .name = ITLB ":IF4K:IF2M:IF1G:COALESCED4K" },
	{ IS(FETCH, WALKS_4K), .config = 0x0985, .name = ITLB ":IF4K:COALESCED4K", .note = COALESCED },
};

/* amd_hw_cache_event_ids_f17h. */
static const struct vm_pmu_generic generic_zen[] = {
	{ VM_PMU_DTLB_LOADS, IS(DATA, L1_MISSES), "loads and stores that missed the first level: not all of them" },
	{ VM_PMU_DTLB_LOAD_MISSES, IS(DATA, WALKS), "page walks of loads and stores" },
	{ VM_PMU_ITLB_LOADS, IS(FETCH, STLB_HITS), "fetches that missed the first level and hit the second: not all fetches" },
	{ VM_PMU_ITLB_LOAD_MISSES, IS(FETCH, WALKS), "page walks" },
};

/* amd_hw_cache_event_ids: before Zen. */
static const struct vm_pmu_generic generic_amd[] = {
	{ VM_PMU_DTLB_LOADS, IS(DATA, ACCESSES), "accesses to the data cache" },
	{ VM_PMU_DTLB_LOAD_MISSES, IS(DATA, WALKS), "loads and stores that missed both levels" },
	{ VM_PMU_ITLB_LOADS, IS(FETCH, ACCESSES), "fetches of instructions" },
	{ VM_PMU_ITLB_LOAD_MISSES, IS(FETCH, WALKS), "fetches that missed both levels" },
};

/* ---- Arm ---------------------------------------------------------------------------------------------------------- */

#define REFILLS "missed the first level, wherever else it was found: not page walks"

/* Events of the architecture (Arm ARM, "Common event numbers"), which these cores have: perf: arm64/arm/neoverse-n1/tlb.json,
   neoverse-n2-v2. */
static const struct vm_pmu_row neoverse[] = {
	{ CYCLES, .config = 0x11, .name = "CPU_CYCLES" }, { INSTRUCTIONS, .config = 0x08, .name = "INST_RETIRED" },
	{ IS(DATA, ACCESSES), .config = 0x25, .name = "L1D_TLB", .note = "operations on memory, also on the wrong path" },
	{ IS(DATA, L1_MISSES), .config = 0x05, .name = "L1D_TLB_REFILL", .note = BOTH },
	{ IS(DATA, WALKS), .config = 0x34, .name = "DTLB_WALK", .note = BOTH },
	{ IS(FETCH, ACCESSES), .config = 0x26, .name = "L1I_TLB" },
	{ IS(FETCH, L1_MISSES), .config = 0x02, .name = "L1I_TLB_REFILL" },
	{ IS(FETCH, WALKS), .config = 0x35, .name = "ITLB_WALK" },
};

/* armv8_pmuv3_perf_cache_map. */
static const struct vm_pmu_generic generic_arm[] = {
	{ VM_PMU_DTLB_LOADS, IS(DATA, ACCESSES), BOTH },
	{ VM_PMU_DTLB_LOAD_MISSES, IS(DATA, L1_MISSES), REFILLS },
	{ VM_PMU_ITLB_LOADS, IS(FETCH, ACCESSES), NULL },
	{ VM_PMU_ITLB_LOAD_MISSES, IS(FETCH, L1_MISSES), REFILLS },
};

/* ---- Families ----------------------------------------------------------------------------------------------------- */

#define ROWS(r) .row = r, .n = vm_countof(r)
#define GENERIC(g) .generic = g, .ngeneric = vm_countof(g)

static const struct vm_pmu_family
	/* Of these only generic events are known; the kernel's meanings are those of Haswell. */
	family_sandy_bridge = { "Sandy Bridge", { "snb", "snb_ep", "ivb", "ivb_ep" }, { "sandybridge", "ivybridge" }, VM_PMU_INTEL,
				.row = NULL, GENERIC(generic_haswell) },
	family_haswell = { "Haswell", { "hsw", "hsw_ep" }, { "haswell" }, VM_PMU_INTEL, ROWS(haswell), GENERIC(generic_haswell) },
	family_broadwell = { "Broadwell", { "bdw", "bdw_ep" }, { "broadwell" }, VM_PMU_INTEL, ROWS(broadwell),
			     GENERIC(generic_haswell) },
	family_skylake = { "Skylake", { "skl", "skx", "clx" }, { "skylake" }, VM_PMU_INTEL, ROWS(skylake),
			   GENERIC(generic_skylake) },
	family_icelake = { "Ice Lake", { "icl", "icx" }, { "icelake" }, VM_PMU_INTEL, ROWS(icelake), GENERIC(generic_skylake) },
	family_golden_cove = { "Golden Cove", { "spr", "emr", "adl_glc" }, { "sapphire_rapids", "alderlake_hybrid" },
			       VM_PMU_INTEL, ROWS(golden_cove), GENERIC(generic_golden_cove) },
	/* Before Linux 6.11 it was called as the one before. */
	family_redwood_cove = { "Redwood Cove", { "gnr" }, { "granite_rapids", "meteorlake_hybrid", "sapphire_rapids" },
				VM_PMU_INTEL, ROWS(redwood_cove), GENERIC(generic_golden_cove) },
	family_gracemont = { "Gracemont", { "adl_grt" }, { "gracemont", "alderlake_hybrid" }, VM_PMU_INTEL, ROWS(gracemont), .generic = NULL },
	family_crestmont = { "Crestmont", { "srf" }, { "crestmont", "meteorlake_hybrid" }, VM_PMU_INTEL, ROWS(crestmont), .generic = NULL },
	family_before_zen = { "AMD before Zen", { NULL }, { NULL }, VM_PMU_AMD, .row = NULL, GENERIC(generic_amd) },
	family_zen1 = { "Zen", { "amd64_fam17h_zen1" }, { NULL }, VM_PMU_AMD, ROWS(zen), GENERIC(generic_zen) },
	family_zen2 = { "Zen 2", { "amd64_fam17h_zen2" }, { NULL }, VM_PMU_AMD, ROWS(zen), GENERIC(generic_zen) },
	family_zen3 = { "Zen 3", { "amd64_fam19h_zen3" }, { NULL }, VM_PMU_AMD, ROWS(zen3), GENERIC(generic_zen) },
	family_zen4 = { "Zen 4", { "amd64_fam19h_zen4" }, { NULL }, VM_PMU_AMD, ROWS(zen3), GENERIC(generic_zen) },
	family_zen5 = { "Zen 5", { "amd64_fam1ah_zen5" }, { NULL }, VM_PMU_AMD, ROWS(zen3), GENERIC(generic_zen) },
	family_neoverse = { "Neoverse", { "arm_n1", "arm_n2", "arm_v1", "arm_v2" }, { NULL }, VM_PMU_ARM, ROWS(neoverse),
			    GENERIC(generic_arm) },
	/* What the kernel calls so hasn't changed since Skylake. */
	unknown_intel = { "Intel", { NULL }, { NULL }, VM_PMU_INTEL, GENERIC(generic_golden_cove) },
	unknown_amd = { "AMD", { NULL }, { NULL }, VM_PMU_AMD, GENERIC(generic_zen) },
	unknown_arm = { "Arm", { NULL }, { NULL }, VM_PMU_ARM, GENERIC(generic_arm) },
	unknown_other = { "CPU", { NULL }, { NULL }, VM_PMU_OTHER, .generic = NULL };

const struct vm_pmu_family *const vm_pmu_families[] = {
	&family_sandy_bridge, &family_haswell, &family_broadwell, &family_skylake, &family_icelake, &family_golden_cove, &family_redwood_cove,
	&family_gracemont, &family_crestmont, &family_before_zen, &family_zen1, &family_zen2, &family_zen3, &family_zen4, &family_zen5, &family_neoverse, NULL,
};

/** Model numbers: arch/x86/include/asm/intel-family.h, AMD's revision guides, Arm's MIDR_EL1 part numbers. */
static const struct {
	enum vm_pmu_vendor vendor;
	unsigned family, first, last;
	const struct vm_pmu_family *core, *small;
} cpus[] = {
	{ VM_PMU_INTEL, 6, 0x2a, 0x2a, &family_sandy_bridge, NULL }, { VM_PMU_INTEL, 6, 0x2d, 0x2d, &family_sandy_bridge, NULL },
	{ VM_PMU_INTEL, 6, 0x3a, 0x3a, &family_sandy_bridge, NULL }, { VM_PMU_INTEL, 6, 0x3e, 0x3e, &family_sandy_bridge, NULL },
	{ VM_PMU_INTEL, 6, 0x3c, 0x3c, &family_haswell, NULL }, { VM_PMU_INTEL, 6, 0x45, 0x46, &family_haswell, NULL },
	{ VM_PMU_INTEL, 6, 0x3f, 0x3f, &family_haswell, NULL },
	{ VM_PMU_INTEL, 6, 0x3d, 0x3d, &family_broadwell, NULL }, { VM_PMU_INTEL, 6, 0x47, 0x47, &family_broadwell, NULL },
	{ VM_PMU_INTEL, 6, 0x4f, 0x4f, &family_broadwell, NULL }, { VM_PMU_INTEL, 6, 0x56, 0x56, &family_broadwell, NULL },
	{ VM_PMU_INTEL, 6, 0x4e, 0x4e, &family_skylake, NULL }, { VM_PMU_INTEL, 6, 0x5e, 0x5e, &family_skylake, NULL },
	{ VM_PMU_INTEL, 6, 0x55, 0x55, &family_skylake, NULL }, { VM_PMU_INTEL, 6, 0x8e, 0x8e, &family_skylake, NULL },
	{ VM_PMU_INTEL, 6, 0x9e, 0x9e, &family_skylake, NULL }, { VM_PMU_INTEL, 6, 0xa5, 0xa6, &family_skylake, NULL },
	{ VM_PMU_INTEL, 6, 0x7d, 0x7e, &family_icelake, NULL }, { VM_PMU_INTEL, 6, 0x6a, 0x6a, &family_icelake, NULL },
	{ VM_PMU_INTEL, 6, 0x6c, 0x6c, &family_icelake, NULL }, { VM_PMU_INTEL, 6, 0x8c, 0x8d, &family_icelake, NULL },
	{ VM_PMU_INTEL, 6, 0xa7, 0xa7, &family_icelake, NULL },
	{ VM_PMU_INTEL, 6, 0x8f, 0x8f, &family_golden_cove, NULL }, { VM_PMU_INTEL, 6, 0xcf, 0xcf, &family_golden_cove, NULL },
	{ VM_PMU_INTEL, 6, 0xad, 0xae, &family_redwood_cove, NULL },
	{ VM_PMU_INTEL, 6, 0x97, 0x97, &family_golden_cove, &family_gracemont },
	{ VM_PMU_INTEL, 6, 0x9a, 0x9a, &family_golden_cove, &family_gracemont },
	{ VM_PMU_INTEL, 6, 0xb7, 0xb7, &family_golden_cove, &family_gracemont },
	{ VM_PMU_INTEL, 6, 0xba, 0xba, &family_golden_cove, &family_gracemont },
	{ VM_PMU_INTEL, 6, 0xbf, 0xbf, &family_golden_cove, &family_gracemont },
	{ VM_PMU_INTEL, 6, 0xaa, 0xaa, &family_redwood_cove, &family_crestmont },
	{ VM_PMU_INTEL, 6, 0xac, 0xac, &family_redwood_cove, &family_crestmont },
	{ VM_PMU_INTEL, 6, 0xbe, 0xbe, &family_gracemont, NULL }, { VM_PMU_INTEL, 6, 0xaf, 0xaf, &family_crestmont, NULL },
	{ VM_PMU_INTEL, 6, 0xb6, 0xb6, &family_crestmont, NULL },
	{ VM_PMU_AMD, 0x10, 0x00, 0xff, &family_before_zen, NULL }, { VM_PMU_AMD, 0x12, 0x00, 0xff, &family_before_zen, NULL },
	{ VM_PMU_AMD, 0x14, 0x00, 0xff, &family_before_zen, NULL }, { VM_PMU_AMD, 0x15, 0x00, 0xff, &family_before_zen, NULL },
	{ VM_PMU_AMD, 0x16, 0x00, 0xff, &family_before_zen, NULL },
	{ VM_PMU_AMD, 0x17, 0x00, 0x2f, &family_zen1, NULL }, { VM_PMU_AMD, 0x18, 0x00, 0x0f, &family_zen1, NULL },
	{ VM_PMU_AMD, 0x17, 0x30, 0xff, &family_zen2, NULL },
	{ VM_PMU_AMD, 0x19, 0x10, 0x1f, &family_zen4, NULL }, { VM_PMU_AMD, 0x19, 0x60, 0xaf, &family_zen4, NULL },
	{ VM_PMU_AMD, 0x19, 0x00, 0x5f, &family_zen3, NULL }, { VM_PMU_AMD, 0x1a, 0x00, 0xff, &family_zen5, NULL },
	/* MIDR_EL1: implementer, part. */
	{ VM_PMU_ARM, 0x41, 0xd0c, 0xd0c, &family_neoverse, NULL }, { VM_PMU_ARM, 0x41, 0xd49, 0xd49, &family_neoverse, NULL },
	{ VM_PMU_ARM, 0x41, 0xd40, 0xd40, &family_neoverse, NULL }, { VM_PMU_ARM, 0x41, 0xd4f, 0xd4f, &family_neoverse, NULL },
};

const struct vm_pmu_family *vm_pmu_family_of(enum vm_pmu_vendor vendor, unsigned family, unsigned model, unsigned core)
{
	for (size_t i = 0; i < vm_countof(cpus); i++)
		if (cpus[i].vendor == vendor && cpus[i].family == family && model >= cpus[i].first && model <= cpus[i].last)
			return core ? cpus[i].small : cpus[i].core;
	return NULL;
}

const struct vm_pmu_family *vm_pmu_family_called(const char *kernel_name)
{
	for (size_t i = 0; vm_pmu_families[i]; i++)
		for (size_t k = 0; k < VM_PMU_KERNEL_NAMES && vm_pmu_families[i]->kernel[k]; k++)
			if (strcmp(vm_pmu_families[i]->kernel[k], kernel_name) == 0)
				return vm_pmu_families[i];
	return NULL;
}

const struct vm_pmu_family *vm_pmu_family_unknown(enum vm_pmu_vendor vendor)
{
	static const struct vm_pmu_family *const unknown[] = {
		[VM_PMU_OTHER] = &unknown_other, [VM_PMU_INTEL] = &unknown_intel, [VM_PMU_AMD] = &unknown_amd,
		[VM_PMU_ARM] = &unknown_arm,
	};
	return unknown[vendor];
}

#define CACHE(id, op, result) \
	(PERF_COUNT_HW_CACHE_##id | PERF_COUNT_HW_CACHE_OP_##op << 8 | PERF_COUNT_HW_CACHE_RESULT_##result << 16)

const struct vm_pmu_generic_name vm_pmu_generic_names[VM_PMU_GENERICS] = {
	[VM_PMU_DTLB_LOADS] = { "dTLB-loads", CACHE(DTLB, READ, ACCESS) },
	[VM_PMU_DTLB_LOAD_MISSES] = { "dTLB-load-misses", CACHE(DTLB, READ, MISS) },
	[VM_PMU_DTLB_STORES] = { "dTLB-stores", CACHE(DTLB, WRITE, ACCESS) },
	[VM_PMU_DTLB_STORE_MISSES] = { "dTLB-store-misses", CACHE(DTLB, WRITE, MISS) },
	[VM_PMU_ITLB_LOADS] = { "iTLB-loads", CACHE(ITLB, READ, ACCESS) },
	[VM_PMU_ITLB_LOAD_MISSES] = { "iTLB-load-misses", CACHE(ITLB, READ, MISS) },
};
