/** One address of a process: the way from it to its frame. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/vmpage.h"
#include "cli/render/text.h"
#include "core/analysis/translate.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/model/aspace.h"
#include "core/model/kind.h"
#include "core/source/capture.h"
#include "core/source/frames.h"
#include "core/source/pages.h"
#include "core/source/session.h"
#include "core/source/source.h"
#include "core/source/swaps.h"
#include "core/source/walker.h"

/** Where text stands beside its heading. */
enum { MARGIN = 11 };

/** All that is known of one address. */
struct place {
	uint64_t addr;
	struct vm_pt_geometry g;
	const struct vm_mapping *m;
	struct vm_walk_path path;
	bool have_path, have_run, have_flags, have_count, have_cgroup;
	struct vm_pte leaf;
	struct vm_page_run run;    /* as pagemap has it */
	uint64_t pfn;              /* of the base page at addr; VM_PFN_NONE: unknown, or none */
	uint64_t flags, count, cgroup;
	char swap[256];
	/** Why there is no path; why there is no frame. */
	struct vm_err why, why_frame;
};

static int keep_run(void *ctx, const struct vm_page_run *runs, size_t n)
{
	struct place *p = ctx;
	if (n) {
		p->run = runs[0];
		p->have_run = true;
	}
	return 0;
}

/** What pagemap knows: whether it is exclusive, of a file; without page tables all that is known. */
static void read_pagemap(struct vmpage *v, struct place *p, const struct vm_aspace *as, pid_t pid)
{
	const uint64_t page = p->addr & ~UINT64_C(4095);
	const struct vm_pages_query q = {
		.from = page, .to = page + 4096, .frames = true, .via = VM_VIA_PAGEMAP, .as = as,
		.want = VM_PG(PRESENT) | VM_PG(SWAP) | VM_PG(FILE) | VM_PG(EXCLUSIVE) | VM_PG(ZERO) | VM_PG(GUARD),
	};
	struct vm_pages_info info;
	struct vm_err why = { 0 };
	int r = vm_pages_scan(v->s, pid, &q, keep_run, p, &info, &why);
	if (r == 0 && !p->have_run && p->m) {
		p->have_run = true;
		p->run = (struct vm_page_run){ .start = page, .end = page + 4096, .pfn = VM_PFN_NONE, .known = q.want };
	}
	if (r < 0)
		p->why_frame = why;
	else if (info.frames_withheld && !p->have_path)
		vm_fail(&p->why_frame, EPERM, "frames need CAP_SYS_ADMIN; run with sudo");
}

static void find_frame(struct place *p)
{
	p->pfn = VM_PFN_NONE;
	if (p->have_path && (p->leaf.kind == VM_PTE_PAGE || p->leaf.kind == VM_PTE_NONE))
		p->pfn = p->leaf.pfn +
			 (p->addr & ((UINT64_C(1) << vm_pt_shift(&p->g, p->leaf.level)) - 1)) / 4096;
	else if (!p->have_path && p->have_run)
		p->pfn = p->run.pfn;
}

static void read_frame(struct place *p, struct vm_frames *f)
{
	if (p->pfn == VM_PFN_NONE || !f)
		return;
	p->have_flags = vm_frames_read(f, VM_FRAME_FLAGS, p->pfn, 1, &p->flags, NULL) == 1;
	p->have_count = vm_frames_read(f, VM_FRAME_COUNT, p->pfn, 1, &p->count, NULL) == 1;
	p->have_cgroup = vm_frames_read(f, VM_FRAME_CGROUP, p->pfn, 1, &p->cgroup, NULL) == 1;
}

static int look(struct vmpage *v, struct place *p, const struct vm_aspace *as, pid_t pid, struct vm_frames *f,
		struct vm_err *err)
{
	struct vm_walker *w = NULL;
	bool five = false;
	p->m = vm_aspace_at(as, p->addr);
	/* Without the walker: the machine's own layout. */
	vm_read_paging_levels(v->s, &five);
	p->g = (struct vm_pt_geometry){ .arch = &vm_pt_x86_64, .levels = five ? 5 : 4 };
	int r = v->o->via == VM_VIA_AUTO || v->o->via == VM_VIA_TABLES ? vm_walker_get(v->s, &w, &p->why)
		: vm_fail(&p->why, EOPNOTSUPP, "--via %s", vm_via_names[v->o->via]);
	if (r == 0) {
		p->g = *vm_walker_geometry(w);
		if (vm_pt_half(&p->g, p->addr) != VM_ADDR_NONCANONICAL) {
			r = vm_walk_one(w, pid, p->addr, &p->path, &p->why);
			if (r == -ESRCH)
				return vm_fail(err, ESRCH, "%s", p->why.what);
			p->have_path = r == 0;
		}
	} else if (v->o->via == VM_VIA_TABLES) {
		*err = p->why;
		return r;
	}
	if (p->have_path)
		vm_pte_decode(&p->g, p->path.step[p->path.n - 1].level, p->path.step[p->path.n - 1].entry, &p->leaf);
	if (vm_pt_half(&p->g, p->addr) == VM_ADDR_USER)
		read_pagemap(v, p, as, pid);
	find_frame(p);
	read_frame(p, f);
	unsigned type = p->have_path ? p->leaf.swap_type : p->run.swap_type;
	bool swapped = p->have_path ? p->leaf.kind == VM_PTE_SWAP : p->have_run && (p->run.state & VM_PG(SWAP)) &&
								p->run.swap_offset;
	if (!swapped || !vm_swap_area_name(v->s, type, p->swap, sizeof(p->swap)))
		p->swap[0] = '\0';
	return 0;
}

/** `names`: bits by name only, for programs. */
static size_t step_rows(const struct place *p, bool names, struct vm_step_row *rows, struct vm_buf *bits)
{
	size_t n = 0;
	for (unsigned l = p->g.levels; l-- > 0; n++) {
		rows[n] = (struct vm_step_row){
			.level = vm_pt_level_name(&p->g, l), .address = p->addr, .index = vm_pt_index(&p->g, l, p->addr),
			.bits = "",
		};
		if (!p->have_path || n >= p->path.n)
			continue;
		rows[n].have_entry = true;
		rows[n].table = p->path.step[n].table;
		rows[n].entry = p->path.step[n].entry;
		vm_pte_decode(&p->g, l, rows[n].entry, &rows[n].pte);
		bits[n].n = 0;
		(names ? vm_pte_put_names : vm_pte_put_bits)(&p->g, &rows[n].pte, &bits[n]);
		rows[n].bits = vm_buf_str(&bits[n]);
	}
	/* Levels below a huge page or an empty entry don't take part. */
	return p->have_path ? p->path.n : n;
}

/** What isn't known, and why; what would help. */
static void say_unknown(struct vmpage *v, const char *what, const struct vm_err *why)
{
	struct vm_buf b = { 0 };
	vm_buf_addf(&b, "%s: %s%s%s", what, why->what, why->hint[0] ? "; " : "", why->hint);
	vmpage_wrap(v, MARGIN, "unknown", vm_buf_str(&b));
	vm_buf_free(&b);
}

static void say_mapping(struct vmpage *v, const struct place *p, const struct vm_aspace *as)
{
	struct vm_buf b = { 0 };
	vm_buf_addf(&b, "address    0x%llx   ", (unsigned long long)p->addr);
	if (p->m) {
		vm_buf_addf(&b, "%s ", vm_mapping_perm(p->m));
		vm_text_put(&b, p->m->name[0] ? p->m->name : "anonymous");
	} else {
		vm_buf_add_str(&b, "in no mapping");
	}
	vm_buf_addf(&b, "   %d ", as->proc.pid);
	vm_text_put(&b, as->proc.comm);
	vm_report_say(&v->report, "%s\n", vm_buf_str(&b));
	b.n = 0;
	for (unsigned l = p->g.levels; l-- > 0;)
		vm_buf_addf(&b, "%s %u %s ", vm_pt_level_name(&p->g, l), vm_pt_index(&p->g, l, p->addr),
			    v->report.style.utf8 ? "\xc2\xb7" : "-");
	vm_report_say(&v->report, "           %soffset 0x%llx\n", vm_buf_str(&b), (unsigned long long)(p->addr & 4095));
	b.n = 0;
	if (p->m && p->m->kind == VM_KIND_VSYSCALL)
		vmpage_wrap(v, MARGIN, "", "kernel half: the same in every process, and the only page of it that user mode may call");
	else if (vm_pt_half(&p->g, p->addr) != VM_ADDR_USER) {
		vm_say_half(&p->g, p->addr, &b);
		vmpage_wrap(v, MARGIN, "", vm_buf_str(&b));
	}
	vm_buf_free(&b);
}

static void say_page(struct vmpage *v, const struct place *p, struct vm_frames *f)
{
	struct vm_buf b = { 0 };
	if (p->have_path)
		vm_say_leaf(&p->g, &p->leaf, p->m, p->swap[0] ? p->swap : NULL, &b);
	else if (p->have_run)
		vm_say_state(p->run.state, p->m, p->swap[0] ? p->swap : NULL, p->run.swap_type, p->run.swap_offset, &b);
	else if (!p->m && vm_pt_half(&p->g, p->addr) == VM_ADDR_USER)
		vm_buf_add_str(&b, "no mapping holds the address: a touch is a SIGSEGV");
	if (b.n)
		vmpage_wrap(v, MARGIN, p->have_path ? "entry" : "state", vm_buf_str(&b));
	if (p->pfn != VM_PFN_NONE) {
		const struct vm_zone *z = f ? vm_frames_zone(f, p->pfn) : NULL;
		vm_report_say(&v->report, "physical   0x%llx", (unsigned long long)(p->pfn * 4096 + (p->addr & 4095)));
		if (z)
			vm_report_say(&v->report, "   node %d, zone %s", z->node, z->name);
		vm_report_say(&v->report, "\n");
	}
	if (p->have_flags) {
		b.n = 0;
		vm_say_frame(p->flags, p->count, p->have_count, &b);
		if (p->have_run && (p->run.known & p->run.state & VM_PG(EXCLUSIVE)))
			vm_buf_add_str(&b, ", exclusive");
		vmpage_wrap(v, MARGIN, "page", vm_buf_str(&b));
		b.n = 0;
		vm_buf_add_str(&b, "flags: ");
		vm_kpf_put_names(&b, p->flags, ' ');
		vmpage_wrap(v, MARGIN, "", vm_buf_str(&b));
	}
	if (p->have_cgroup) {
		const char *path = p->cgroup ? vm_frames_cgroup(f, p->cgroup) : NULL;
		if (path)
			vmpage_wrap(v, MARGIN, "cgroup", path);
		else if (p->cgroup)
			vm_report_say(&v->report, "cgroup     inode %llu\n", (unsigned long long)p->cgroup);
	}
	vm_buf_free(&b);
}

/** What is missing, and what would give it: once for the person, on standard output beside what it explains. */
static void say_missing(struct vmpage *v, const struct place *p, const struct vm_err *why_frames)
{
	if (!p->have_path && p->why.what[0])
		say_unknown(v, "entries", &p->why);
	if (p->why_frame.what[0])
		say_unknown(v, "frame", &p->why_frame);
	else if (p->pfn != VM_PFN_NONE && !p->have_flags && why_frames->what[0])
		say_unknown(v, "page flags", why_frames);
}

/** Has one of the entries on the way this bit? */
static bool is_seen(const struct place *p, const struct vm_pte_bit *b)
{
	for (unsigned i = 0; i < p->path.n; i++) {
		struct vm_pte e;
		vm_pte_decode(&p->g, p->path.step[i].level, p->path.step[i].entry, &e);
		if (vm_pte_has_bit(&p->g, &e, b))
			return true;
	}
	return false;
}

static void say_legend(struct vmpage *v, const struct place *p)
{
	if (p->have_path)
		vm_report_say(&v->report, "\n");
	for (const struct vm_pte_bit *b = vm_pt_bits(p->g.arch); p->have_path && b->name; b++)
		if (is_seen(p, b))
			vm_report_say(&v->report, "%-12s %s: %s\n", b->name, b->words, b->sentence);
	if (p->have_flags) {
		vm_report_say(&v->report, "\n");
		vmpage_flags_legend(v, p->flags);
	}
}

static void json_hex(struct vm_json *j, const char *key, uint64_t v, bool have)
{
	vm_json_key(j, key);
	if (have)
		vm_json_addr(j, v);
	else
		vm_json_null(j);
}

/** Where in swap it is; null: it isn't there. */
static void json_swap(struct vm_json *j, const struct place *p)
{
	const bool by_run = !p->have_path && p->have_run && (p->run.state & VM_PG(SWAP));
	vm_json_key(j, "swap");
	if (!by_run && !(p->have_path && p->leaf.kind == VM_PTE_SWAP)) {
		vm_json_null(j);
		return;
	}
	vm_json_object_begin(j);
	vm_json_key(j, "area");
	vm_json_u64(j, by_run ? p->run.swap_type : p->leaf.swap_type);
	vm_json_key(j, "name");
	vm_json_str(j, p->swap[0] ? p->swap : NULL);
	json_hex(j, "slot", by_run ? p->run.swap_offset : p->leaf.swap_offset, true);
	vm_json_object_end(j);
}

static void json_words(struct vm_json *j, const char *key, void (*say)(const struct place *, struct vm_buf *),
		       const struct place *p)
{
	struct vm_buf b = { 0 };
	say(p, &b);
	vm_json_key(j, key);
	if (b.n)
		vm_json_str(j, vm_buf_str(&b));
	else
		vm_json_null(j);
	vm_buf_free(&b);
}

static void leaf_words(const struct place *p, struct vm_buf *b)
{
	if (p->have_path)
		vm_say_leaf(&p->g, &p->leaf, p->m, p->swap[0] ? p->swap : NULL, b);
	else if (p->have_run)
		vm_say_state(p->run.state, p->m, p->swap[0] ? p->swap : NULL, p->run.swap_type, p->run.swap_offset, b);
}

static void json_flags(struct vm_json *j, uint64_t flags)
{
	vm_json_key(j, "flags");
	vm_json_array_begin(j);
	for (unsigned i = 0; i < 64; i++)
		if (flags >> i & 1 && vm_kpf_info[i].name)
			vm_json_str(j, vm_kpf_info[i].name);
	vm_json_array_end(j);
}

static void json_page(struct vmpage *v, const struct place *p, struct vm_frames *f)
{
	struct vm_json *j = &v->report.json;
	const struct vm_zone *z = f && p->pfn != VM_PFN_NONE ? vm_frames_zone(f, p->pfn) : NULL;
	vm_json_key(j, "page");
	if (!p->have_flags) {
		vm_json_null(j);
		return;
	}
	vm_json_object_begin(j);
	json_flags(j, p->flags);
	vm_json_key(j, "map_count");
	if (p->have_count)
		vm_json_u64(j, p->count);
	else
		vm_json_null(j);
	vm_json_key(j, "exclusive");
	if (p->have_run && (p->run.known & VM_PG(EXCLUSIVE)))
		vm_json_bool(j, p->run.state & VM_PG(EXCLUSIVE));
	else
		vm_json_null(j);
	vm_json_key(j, "node");
	if (z)
		vm_json_i64(j, z->node);
	else
		vm_json_null(j);
	vm_json_key(j, "zone");
	if (z)
		vm_json_str(j, z->name);
	else
		vm_json_null(j);
	const char *path = p->have_cgroup && p->cgroup ? vm_frames_cgroup(f, p->cgroup) : NULL;
	vm_json_key(j, "cgroup");
	if (path)
		vm_json_str(j, path);
	else
		vm_json_null(j);
	vm_json_object_end(j);
}

/** As say_missing(). */
static void json_missing(struct vm_json *j, const struct place *p, const struct vm_err *why_frames)
{
	const bool flags = p->pfn != VM_PFN_NONE && !p->have_flags;
	vm_json_key(j, "why_not");
	vm_json_object_begin(j);
	vm_json_key(j, "entries");
	vm_json_str(j, !p->have_path && p->why.what[0] ? p->why.what : NULL);
	vm_json_key(j, "frame");
	vm_json_str(j, p->why_frame.what[0] ? p->why_frame.what : NULL);
	vm_json_key(j, "page");
	vm_json_str(j, flags && why_frames->what[0] ? why_frames->what : NULL);
	vm_json_object_end(j);
}

static int json_place(struct vmpage *v, const struct place *p, const struct vm_choice *c, const void *rows, size_t n,
		      struct vm_frames *f, const struct vm_err *why_frames, struct vm_err *err)
{
	static const char *const kinds[] = {
		[VM_PTE_EMPTY] = "empty", [VM_PTE_TABLE] = "table", [VM_PTE_PAGE] = "page", [VM_PTE_NONE] = "prot-none",
		[VM_PTE_SWAP] = "swap", [VM_PTE_MIGRATION] = "migration", [VM_PTE_HWPOISON] = "hwpoison",
		[VM_PTE_DEVICE] = "device", [VM_PTE_GUARD] = "guard", [VM_PTE_MARKER] = "marker", [VM_PTE_BAD] = "impossible",
	};
	struct vm_json *j = &v->report.json;
	json_hex(j, "address", p->addr, true);
	vm_json_key(j, "half");
	vm_json_str(j, vmpage_half_names[vm_pt_half(&p->g, p->addr)]);
	vm_json_key(j, "mapping");
	if (p->m) {
		vm_json_object_begin(j);
		json_hex(j, "start", p->m->start, true);
		json_hex(j, "end", p->m->end, true);
		vm_json_key(j, "name");
		vm_json_str(j, p->m->name);
		vm_json_object_end(j);
	} else {
		vm_json_null(j);
	}
	int r = vmpage_list(v, c, rows, n, sizeof(struct vm_step_row), NULL, err);
	vm_json_key(j, "entry_kind");
	if (p->have_path)
		vm_json_str(j, kinds[p->leaf.kind]);
	else
		vm_json_null(j);
	vm_json_key(j, "page_bytes");
	if (p->have_path && p->leaf.kind == VM_PTE_PAGE)
		vm_json_u64(j, UINT64_C(1) << vm_pt_shift(&p->g, p->leaf.level));
	else
		vm_json_null(j);
	vm_json_key(j, "present");
	if (p->have_path)
		vm_json_bool(j, p->leaf.state & VM_PG(PRESENT));
	else if (p->have_run)
		vm_json_bool(j, p->run.state & VM_PG(PRESENT));
	else if (!p->m && vm_pt_half(&p->g, p->addr) == VM_ADDR_USER)
		vm_json_bool(j, false);
	else
		vm_json_null(j);
	json_swap(j, p);
	json_words(j, "words", leaf_words, p);
	json_hex(j, "pfn", p->pfn, p->pfn != VM_PFN_NONE);
	json_hex(j, "physical", p->pfn * 4096 + (p->addr & 4095), p->pfn != VM_PFN_NONE);
	json_page(v, p, f);
	json_missing(j, p, why_frames);
	return r;
}

static int show_place(struct vmpage *v, const struct place *p, const struct vm_aspace *as, const struct vm_choice *c,
		      struct vm_frames *f, const struct vm_err *why_frames, struct vm_err *err)
{
	struct vm_step_row rows[VM_PT_LEVELS];
	struct vm_buf bits[VM_PT_LEVELS] = { 0 };
	size_t n = step_rows(p, vm_report_is_machine(&v->report), rows, bits);
	int r;
	if (vm_report_is_document(&v->report)) {
		r = json_place(v, p, c, rows, n, f, why_frames, err);
	} else {
		say_mapping(v, p, as);
		r = vmpage_list(v, c, rows, n, sizeof(rows[0]), NULL, err);
		say_page(v, p, f);
		say_missing(v, p, why_frames);
		if (v->o->legend)
			say_legend(v, p);
	}
	for (unsigned i = 0; i < VM_PT_LEVELS; i++)
		vm_buf_free(&bits[i]);
	return r;
}

static int show_all(struct vmpage *v, const struct vm_aspace *as, const struct vm_choice *c, const uint64_t *addr, size_t n,
		    struct vm_err *err)
{
	const bool document = vm_report_is_document(&v->report);
	struct vm_frames *f = NULL;
	struct vm_err why_frames = { 0 };
	int r = 0;
	vm_frames_open(v->s, &f, &why_frames);
	vm_document_begin(&v->report, v->s, "vmpage/1");
	if (document) {
		vm_json_key(&v->report.json, "pid");
		vm_json_u64(&v->report.json, (uint64_t)as->proc.pid);
	}
	if (document && n > 1) {
		vm_json_key(&v->report.json, "pages");
		vm_json_array_begin(&v->report.json);
	}
	for (size_t i = 0; i < n && r == 0; i++) {
		struct place p = { .addr = addr[i] };
		r = look(v, &p, as, as->proc.pid, f, err);
		if (r < 0)
			break;
		if (document && n > 1)
			vm_json_object_begin(&v->report.json);
		else if (i)
			vm_report_say(&v->report, "\n");
		r = show_place(v, &p, as, c, f, &why_frames, err);
		if (document && n > 1)
			vm_json_object_end(&v->report.json);
	}
	if (document && n > 1)
		vm_json_array_end(&v->report.json);
	vm_document_end(&v->report, v->s, vm_clock_ns() - v->began);
	vm_frames_close(f);
	return r;
}

int vmpage_entries(struct vmpage *v, pid_t pid, const uint64_t *addr, size_t n, struct vm_err *err)
{
	struct vm_choice choice = { 0 };
	struct vm_aspace *as = NULL;
	int r = vmpage_choose(v, &vm_step_fields, "levels", "+ADDRESS", &choice, err);
	if (r == 0)
		r = vmpage_mappings(v, pid, 0, 0, &as, err);
	if (r == 0)
		r = show_all(v, as, &choice, addr, n, err);
	vm_aspace_free(as);
	vm_choice_free(&choice);
	return r;
}
