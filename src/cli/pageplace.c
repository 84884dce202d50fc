#include "cli/pageplace.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "cli/render/report.h"
#include "cli/render/text.h"
#include "core/analysis/translate.h"
#include "core/base/err.h"
#include "core/model/aspace.h"
#include "core/model/kind.h"
#include "core/model/pageflags.h"
#include "core/source/capture.h"
#include "core/source/frames.h"
#include "core/source/pages.h"
#include "core/source/session.h"
#include "core/source/swaps.h"

/** Where text stands beside its heading; columns of a line at most, and at least. */
enum { MARGIN = 11, WIDTH = 80, WIDTH_LEAST = 30 };

/** In lines that fit the terminal, but aren't too long to read. */
static void wrap(struct vm_report *r, const char *heading, const char *text)
{
	const unsigned has = r->style.width ? r->style.width : WIDTH;
	vm_report_wrap(r, MARGIN, heading, text, has > WIDTH ? WIDTH : has < WIDTH_LEAST ? WIDTH_LEAST : has);
}

static int keep_run(void *ctx, const struct vm_page_run *runs, size_t n)
{
	struct vm_place *p = ctx;
	if (n) {
		p->run = runs[0];
		p->have_run = true;
	}
	return 0;
}

/** What pagemap knows: whether it is exclusive, of a file; without page tables all that is known. */
static void read_pagemap(struct vm_session *s, struct vm_place *p, const struct vm_aspace *as)
{
	const uint64_t page = p->addr & ~UINT64_C(4095);
	const struct vm_pages_query q = {
		.from = page, .to = page + 4096, .frames = true, .via = VM_VIA_PAGEMAP, .as = as,
		.want = VM_PG(PRESENT) | VM_PG(SWAP) | VM_PG(FILE) | VM_PG(EXCLUSIVE) | VM_PG(ZERO) | VM_PG(GUARD),
	};
	struct vm_pages_info info;
	struct vm_err why = { 0 };
	int r = vm_pages_scan(s, as->proc.pid, &q, keep_run, p, &info, &why);
	if (r == 0 && !p->have_run && p->m) {
		p->have_run = true;
		p->run = (struct vm_page_run){ .start = page, .end = page + 4096, .pfn = VM_PFN_NONE, .known = q.want };
	}
	if (r < 0)
		p->why_frame = why;
	else if (info.frames_withheld && !p->have_path)
		vm_fail(&p->why_frame, EPERM, "frames need CAP_SYS_ADMIN; run with sudo");
}

static void find_frame(struct vm_place *p)
{
	p->pfn = VM_PFN_NONE;
	if (p->have_path && (p->leaf.kind == VM_PTE_PAGE || p->leaf.kind == VM_PTE_NONE))
		p->pfn = p->leaf.pfn +
			 (p->addr & ((UINT64_C(1) << vm_pt_shift(&p->g, p->leaf.level)) - 1)) / 4096;
	else if (!p->have_path && p->have_run)
		p->pfn = p->run.pfn;
}

static void read_frame(struct vm_place *p, struct vm_frames *f)
{
	if (p->pfn == VM_PFN_NONE || !f)
		return;
	p->have_flags = vm_frames_read(f, VM_FRAME_FLAGS, p->pfn, 1, &p->flags, NULL) == 1;
	p->have_count = vm_frames_read(f, VM_FRAME_COUNT, p->pfn, 1, &p->count, NULL) == 1;
	p->have_cgroup = vm_frames_read(f, VM_FRAME_CGROUP, p->pfn, 1, &p->cgroup, NULL) == 1;
}

int vm_place_look(struct vm_session *s, struct vm_place *p, const struct vm_aspace *as, int via, struct vm_frames *f,
		  struct vm_err *err)
{
	struct vm_walker *w = NULL;
	bool five = false;
	p->m = vm_aspace_at(as, p->addr);
	/* Without the walker: the machine's own layout. */
	vm_read_paging_levels(s, &five);
	p->g = (struct vm_pt_geometry){ .arch = &vm_pt_x86_64, .levels = five ? 5 : 4 };
	int r = via == VM_VIA_AUTO || via == VM_VIA_TABLES ? vm_walker_get(s, &w, &p->why)
		: vm_fail(&p->why, EOPNOTSUPP, "--via %s", vm_via_names[via]);
	if (r == 0) {
		p->g = *vm_walker_geometry(w);
		if (vm_pt_half(&p->g, p->addr) != VM_ADDR_NONCANONICAL) {
			r = vm_walk_one(w, as->proc.pid, p->addr, &p->path, &p->why);
			if (r == -ESRCH)
				return vm_fail(err, ESRCH, "%s", p->why.what);
			p->have_path = r == 0;
		}
	} else if (via == VM_VIA_TABLES) {
		*err = p->why;
		return r;
	}
	if (p->have_path)
		vm_pte_decode(&p->g, p->path.step[p->path.n - 1].level, p->path.step[p->path.n - 1].entry, &p->leaf);
	if (vm_pt_half(&p->g, p->addr) == VM_ADDR_USER)
		read_pagemap(s, p, as);
	find_frame(p);
	read_frame(p, f);
	unsigned type = p->have_path ? p->leaf.swap_type : p->run.swap_type;
	bool swapped = p->have_path ? p->leaf.kind == VM_PTE_SWAP : p->have_run && (p->run.state & VM_PG(SWAP)) &&
								p->run.swap_offset;
	if (!swapped || !vm_swap_area_name(s, type, p->swap, sizeof(p->swap)))
		p->swap[0] = '\0';
	return 0;
}

size_t vm_place_steps(const struct vm_place *p, bool names, struct vm_step_row *rows, struct vm_buf *bits)
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
static void say_unknown(struct vm_report *r, const char *what, const struct vm_err *why)
{
	struct vm_buf b = { 0 };
	vm_buf_addf(&b, "%s: %s%s%s", what, why->what, why->hint[0] ? "; " : "", why->hint);
	wrap(r, "unknown", vm_buf_str(&b));
	vm_buf_free(&b);
}

void vm_place_say_mapping(struct vm_report *r, const struct vm_place *p, const struct vm_aspace *as)
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
	vm_report_say(r, "%s\n", vm_buf_str(&b));
	b.n = 0;
	for (unsigned l = p->g.levels; l-- > 0;)
		vm_buf_addf(&b, "%s %u %s ", vm_pt_level_name(&p->g, l), vm_pt_index(&p->g, l, p->addr),
			    r->style.utf8 ? "\xc2\xb7" : "-");
	vm_report_say(r, "           %soffset 0x%llx\n", vm_buf_str(&b), (unsigned long long)(p->addr & 4095));
	b.n = 0;
	if (p->m && p->m->kind == VM_KIND_VSYSCALL)
		wrap(r, "", "kernel half: the same in every process, and the only page of it that user mode may call");
	else if (vm_pt_half(&p->g, p->addr) != VM_ADDR_USER) {
		vm_say_half(&p->g, p->addr, &b);
		wrap(r, "", vm_buf_str(&b));
	}
	vm_buf_free(&b);
}

void vm_place_say_page(struct vm_report *r, const struct vm_place *p, struct vm_frames *f)
{
	struct vm_buf b = { 0 };
	if (p->have_path)
		vm_say_leaf(&p->g, &p->leaf, p->m, p->swap[0] ? p->swap : NULL, &b);
	else if (p->have_run)
		vm_say_state(p->run.state, p->m, p->swap[0] ? p->swap : NULL, p->run.swap_type, p->run.swap_offset, &b);
	else if (!p->m && vm_pt_half(&p->g, p->addr) == VM_ADDR_USER)
		vm_buf_add_str(&b, "no mapping holds the address: a touch is a SIGSEGV");
	if (b.n)
		wrap(r, p->have_path ? "entry" : "state", vm_buf_str(&b));
	if (p->pfn != VM_PFN_NONE) {
		const struct vm_zone *z = f ? vm_frames_zone(f, p->pfn) : NULL;
		vm_report_say(r, "physical   0x%llx", (unsigned long long)(p->pfn * 4096 + (p->addr & 4095)));
		if (z)
			vm_report_say(r, "   node %d, zone %s", z->node, z->name);
		vm_report_say(r, "\n");
	}
	if (p->have_flags) {
		b.n = 0;
		vm_say_frame(p->flags, p->count, p->have_count, &b);
		if (p->have_run && (p->run.known & p->run.state & VM_PG(EXCLUSIVE)))
			vm_buf_add_str(&b, ", exclusive");
		wrap(r, "page", vm_buf_str(&b));
		b.n = 0;
		vm_buf_add_str(&b, "flags: ");
		vm_kpf_put_names(&b, p->flags, ' ');
		wrap(r, "", vm_buf_str(&b));
	}
	if (p->have_cgroup) {
		const char *path = p->cgroup ? vm_frames_cgroup(f, p->cgroup) : NULL;
		if (path)
			wrap(r, "cgroup", path);
		else if (p->cgroup)
			vm_report_say(r, "cgroup     inode %llu\n", (unsigned long long)p->cgroup);
	}
	vm_buf_free(&b);
}

/** What is missing, and what would give it: once for the person, on standard output beside what it explains. */
void vm_place_say_missing(struct vm_report *r, const struct vm_place *p, const struct vm_err *why_frames)
{
	if (!p->have_path && p->why.what[0])
		say_unknown(r, "entries", &p->why);
	if (p->why_frame.what[0])
		say_unknown(r, "frame", &p->why_frame);
	else if (p->pfn != VM_PFN_NONE && !p->have_flags && why_frames->what[0])
		say_unknown(r, "page flags", why_frames);
}

/** A line of a legend; on a terminal as many as it takes. */
__attribute__((format(printf, 3, 4)))
static void explain(struct vm_report *r, const char *name, const char *fmt, ...)
{
	char text[512], heading[32];
	const int margin = snprintf(heading, sizeof(heading), "%-12s ", name);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (r->style.width > (unsigned)margin + WIDTH_LEAST)
		vm_report_wrap(r, margin, heading, text, r->style.width);
	else
		vm_report_say(r, "%s%s\n", heading, text);
}

void vm_place_say_flags(struct vm_report *r, uint64_t flags)
{
	char name[32];
	for (unsigned i = 0; i < 64; i++)
		if (flags >> i & 1 && vm_kpf_info[i].name) {
			snprintf(name, sizeof(name), "%-14s %c", vm_kpf_info[i].name, vm_kpf_info[i].letter);
			explain(r, name, "%s", vm_kpf_info[i].sentence);
		}
}

/** Has one of the entries on the way this bit? */
static bool is_seen(const struct vm_place *p, const struct vm_pte_bit *b)
{
	for (unsigned i = 0; i < p->path.n; i++) {
		struct vm_pte e;
		vm_pte_decode(&p->g, p->path.step[i].level, p->path.step[i].entry, &e);
		if (vm_pte_has_bit(&p->g, &e, b))
			return true;
	}
	return false;
}

void vm_place_say_legend(struct vm_report *r, const struct vm_place *p)
{
	if (p->have_path)
		vm_report_say(r, "\n");
	for (const struct vm_pte_bit *b = vm_pt_bits(p->g.arch); p->have_path && b->name; b++)
		if (is_seen(p, b))
			explain(r, b->name, "%s: %s", b->words, b->sentence);
	if (p->have_flags) {
		vm_report_say(r, "\n");
		vm_place_say_flags(r, p->flags);
	}
}
