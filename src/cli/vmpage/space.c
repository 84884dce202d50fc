/** All pages of a process: by state, in groups, or run by run; and its page tables. */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/vmpage/vmpage.h"
#include "core/analysis/group.h"
#include "core/analysis/tablefill.h"
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/base/vec.h"
#include "core/model/aspace.h"
#include "core/model/kind.h"
#include "core/source/frames.h"
#include "core/source/ksm.h"
#include "core/source/session.h"
#include "core/source/source.h"

/** Facts of frames are read in windows of so many neighbours, and kept: frames of neighbouring pages are often near. */
enum { WINDOW = 32, WINDOWS = 4096 };

enum { UNKNOWN_SIZE = 64 };

struct window {
	uint64_t base;             /* 1 + first frame; 0: nothing was read */
	uint64_t value[WINDOW];
	unsigned n;
};

/** A group by something of the frames. */
struct frame_group {
	uint64_t key;
	struct vm_page_sum sum;
};

struct space {
	struct vmpage *v;
	const struct vm_aspace *as;
	struct vm_pages_info info;
	/** A sum for each mapping, and one for what lies outside. */
	struct vm_page_sum *sum;
	size_t at;                 /* mapping of the last run */
	struct vm_table_fill fill;
	/** --runs. */
	bool keep_runs;
	VM_VEC(struct vm_run_row) runs;
	/** --by size|flags|cgroup|zone: groups that aren't sums of mappings. */
	bool keyed;
	VM_VEC(struct frame_group) groups;
	size_t group;              /* the last one */
	/** --bits, --cgroup and most of the above: facts of the frames. */
	bool want_flags, want_cgroup;
	struct vm_frames *frames;
	struct window *windows[2]; /* flags, cgroups */
};

/* ---- Runs as they come ------------------------------------------------------------------------------------------- */

static struct vm_page_sum *sum_of(struct space *s, uint64_t addr, const struct vm_mapping **m)
{
	const struct vm_aspace *as = s->as;
	while (s->at < as->nmaps && as->map[s->at].end <= addr)
		s->at++;
	bool in = s->at < as->nmaps && as->map[s->at].start <= addr;
	*m = in ? &as->map[s->at] : NULL;
	return &s->sum[in ? s->at : as->nmaps];
}

static struct vm_page_sum *group_of(struct space *s, uint64_t key)
{
	if (s->group < s->groups.n && s->groups.v[s->group].key == key)
		return &s->groups.v[s->group].sum;
	for (s->group = 0; s->group < s->groups.n; s->group++)
		if (s->groups.v[s->group].key == key)
			return &s->groups.v[s->group].sum;
	if (!vm_vec_push(&s->groups, ((struct frame_group){ .key = key })))
		return NULL;
	return &s->groups.v[s->group].sum;
}

/** Pages of a run, all of which passed the conditions. */
static int count_run(struct space *s, const struct vm_page_run *r, uint64_t pages, uint64_t flags, bool have_flags, uint64_t key)
{
	const struct vm_mapping *m;
	struct vm_page_sum *sum = sum_of(s, r->start, &m);
	vm_page_sum_add(sum, r, pages * 4096);
	vm_table_fill_add(&s->fill, r, pages, m);
	if (s->keyed) {
		sum = group_of(s, key);
		if (!sum)
			return -ENOMEM;
		vm_page_sum_add(sum, r, pages * 4096);
	}
	if (!s->keep_runs)
		return 0;
	const struct vm_run_row row = { .run = *r, .m = m, .flags = flags, .have_flags = have_flags };
	return vm_vec_push(&s->runs, row) ? 0 : -ENOMEM;
}

static bool in_cgroup(struct space *s, uint64_t inode)
{
	const char *want = s->v->o->cgroup, *path = inode ? vm_frames_cgroup(s->frames, inode) : NULL;
	size_t n = strlen(want);
	while (n > 1 && want[n - 1] == '/')
		n--;
	return path && (n == 1 || (strncmp(path, want, n) == 0 && (path[n] == '\0' || path[n] == '/')));
}

/** --by size: log2 of the page size; 0: not in memory, UNKNOWN_SIZE. */
static uint64_t size_key(const struct vm_page_run *r)
{
	return !(r->state & VM_PG(PRESENT)) ? 0 : r->shift ? r->shift : UNKNOWN_SIZE;
}

static uint64_t key_of(struct space *s, const struct vm_page_run *r, uint64_t flags, uint64_t cgroup)
{
	if (s->v->o->by == VMPAGE_BY_FLAGS)
		return flags;
	if (s->v->o->by == VMPAGE_BY_CGROUP)
		return cgroup;
	if (s->v->o->by == VMPAGE_BY_SIZE)
		return size_key(r);
	const struct vm_zone *z = vm_frames_zone(s->frames, r->pfn), *all;
	return z && vm_frames_zones(s->frames, &all) ? (uint64_t)(z - all) : UINT64_MAX;
}

/** A fact of the frames from `pfn` on; *n of them, at least 1, or NULL. */
static const uint64_t *facts(struct space *s, enum vm_frame_fact fact, uint64_t pfn, size_t *n)
{
	const uint64_t base = pfn / WINDOW * WINDOW;
	struct window *w = &s->windows[fact == VM_FRAME_CGROUP][base / WINDOW % WINDOWS];
	if (w->base != base + 1) {
		long got = vm_frames_read(s->frames, fact, base, WINDOW, w->value, NULL);
		w->base = base + 1;
		w->n = got > 0 ? (unsigned)got : 0;
	}
	*n = w->n > pfn - base ? (size_t)(w->n - (pfn - base)) : 0;
	return *n ? &w->value[pfn - base] : NULL;
}

static int count_frames(struct space *s, const struct vm_page_run *part, uint64_t flags, bool have_flags, uint64_t cgroup)
{
	if ((s->v->have_bits && !(have_flags && vm_kpf_matches(&s->v->bits, flags))) ||
	    (s->v->o->cgroup && !in_cgroup(s, cgroup)))
		return 0;
	return count_run(s, part, (part->end - part->start) / 4096, flags, have_flags,
			 s->keyed ? key_of(s, part, flags, cgroup) : 0);
}

/** Cut a run where its frames differ in what is asked of them. */
static int count_by_frames(struct space *s, const struct vm_page_run *r)
{
	static const uint64_t none = 0;
	const bool zero = r->state & VM_PG(ZERO) && r->shift <= 12;
	struct vm_page_run part = *r;
	uint64_t flags = 0, cgroup = 0;
	bool have = false;
	int e = 0;
	if (r->pfn == VM_PFN_NONE)
		return s->v->have_bits || s->v->o->cgroup || s->v->o->by > VMPAGE_BY_SIZE
			? 0 : count_run(s, r, (r->end - r->start) / 4096, 0, false, size_key(r));
	for (uint64_t at = r->start; at < r->end && e == 0;) {
		const uint64_t pfn = zero ? r->pfn : r->pfn + (at - r->start) / 4096;
		size_t nf, nc = WINDOW;
		const uint64_t *f = facts(s, VM_FRAME_FLAGS, pfn, &nf), *c = &none;
		if (s->want_cgroup)
			c = facts(s, VM_FRAME_CGROUP, pfn, &nc);
		const uint64_t new_flags = f ? *f : 0, new_cgroup = c ? *c : 0;
		if (at > r->start && (new_flags != flags || new_cgroup != cgroup || have != (f != NULL))) {
			part.end = at;
			e = count_frames(s, &part, flags, have, cgroup);
			part.start = at;
			part.pfn = pfn;
		}
		flags = new_flags;
		cgroup = new_cgroup;
		have = f != NULL;
		size_t same = 1;
		while (f && c && same < nf && same < nc && f[same] == flags && (!s->want_cgroup || c[same] == cgroup))
			same++;
		at = zero || (r->end - at) / 4096 < same ? r->end : at + same * 4096;
	}
	part.end = r->end;
	return e ? e : count_frames(s, &part, flags, have, cgroup);
}

static int take_runs(void *ctx, const struct vm_page_run *runs, size_t n)
{
	struct space *s = ctx;
	int r = 0;
	for (size_t i = 0; i < n && r == 0; i++)
		r = s->frames ? count_by_frames(s, &runs[i])
			      : count_run(s, &runs[i], (runs[i].end - runs[i].start) / 4096, 0, false, size_key(&runs[i]));
	return r;
}

static int take_count(void *ctx, const struct vm_page_run *of, uint64_t pages)
{
	return count_run(ctx, of, pages, 0, false, size_key(of));
}

/* ---- Scanning ---------------------------------------------------------------------------------------------------- */

static bool has_column(const struct vm_choice *c, const char *name)
{
	int at = vm_field_find(c->view.set, name, strlen(name));
	for (size_t i = 0; i < c->view.cols.n; i++)
		if (c->view.cols.at[i] == at)
			return true;
	return false;
}

static int scan(struct space *s, pid_t pid, const struct vm_choice *runs, struct vm_err *err)
{
	const struct vmpage_options *o = s->v->o;
	const struct vm_pages_query q = {
		.from = s->v->from, .to = s->v->to, .via = (enum vm_pages_via)o->via, .as = s->as,
		.want = ((UINT32_C(1) << VM_PG_BIT_NR) - 1) & ~VM_PG(WRITTEN),
		.frames = s->frames || (s->keep_runs && (has_column(runs, "PFN") || has_column(runs, "SLOT"))),
		.raw = s->keep_runs && has_column(runs, "ENTRY"),
		.count = s->keep_runs ? NULL : take_count,
	};
	int r = vm_pages_scan(s->v->s, pid, &q, take_runs, s, &s->info, err);
	/* What is asked of the frames would be told of none. */
	if (r == 0 && s->info.frames_withheld && s->frames) {
		vm_fail(err, EPERM, "frames need CAP_SYS_ADMIN, or CAP_BPF and CAP_PERFMON");
		vm_hint(err, "run with sudo");
		return -EPERM;
	}
	if (r == 0 && s->info.frames_withheld && s->keep_runs && has_column(runs, "PFN"))
		vm_session_note(s->v->s, VM_NEED_BIT_FRAMES, EPERM, pid);
	return r == -ENOMEM ? vm_fail(err, ENOMEM, "out of memory") : r;
}

static int open_frames(struct space *s, pid_t pid, struct vm_err *err)
{
	const struct vmpage_options *o = s->v->o;
	s->keyed = o->by >= VMPAGE_BY_SIZE;
	s->want_cgroup = o->cgroup || o->by == VMPAGE_BY_CGROUP;
	if (o->by <= VMPAGE_BY_SIZE && !s->v->have_bits && !o->cgroup && !s->want_flags)
		return 0;
	for (unsigned i = 0; i <= s->want_cgroup; i++)
		if (!(s->windows[i] = calloc(WINDOWS, sizeof(*s->windows[i]))))
			return vm_fail(err, ENOMEM, "out of memory");
	int r = vm_frames_open(s->v->s, &s->frames, err);
	/* A column may stay empty; what pages are chosen or grouped by can't. */
	if ((r == -EACCES || r == -EPERM) && o->by <= VMPAGE_BY_SIZE && !s->v->have_bits && !o->cgroup) {
		vm_session_note(s->v->s, VM_NEED_BIT_FRAMES, -r, pid);
		return 0;
	}
	return r;
}

/* ---- Showing ----------------------------------------------------------------------------------------------------- */

/** States that the way of reading can't tell: that isn't zero, though no page was seen. */
static uint32_t untold(const struct space *s, uint32_t unknown)
{
	const uint32_t sizes = UINT32_C(1) << VM_C_4K | UINT32_C(1) << VM_C_2M | UINT32_C(1) << VM_C_1G;
	uint32_t states = unknown & sizes;
	for (unsigned c = 0; c < VM_C_NR; c++)
		if (vm_census_info[c].takes & s->info.unknown)
			states |= UINT32_C(1) << c;
	/* Where some pages were left out, so was what isn't there. */
	return s->frames ? states | UINT32_C(1) << VM_C_UNTOUCHED : states;
}

/** All counts are in. */
static void settle(struct space *s, struct vm_page_sum *total)
{
	const size_t n = s->as->nmaps;
	*total = (struct vm_page_sum){ 0 };
	for (size_t i = 0; i <= n; i++) {
		vm_page_sum_end(&s->sum[i]);
		vm_page_sum_join(total, &s->sum[i]);
	}
	const uint32_t states = untold(s, total->unknown);
	/* What is told of most pages but not of some: those changed meanwhile. */
	s->info.partial |= (total->unknown & ~states) != 0;
	total->unknown = states;
	for (size_t i = 0; i <= n; i++)
		s->sum[i].unknown = states;
	for (size_t i = 0; i < s->groups.n; i++)
		s->groups.v[i].sum.unknown = states | UINT32_C(1) << VM_C_UNTOUCHED;
}

/** States that are always of interest; the others are shown where there are any. */
static bool is_usual(unsigned c)
{
	return c == VM_C_PRESENT || c == VM_C_ANON || c == VM_C_FILE || c == VM_C_SWAP || c == VM_C_EXCLUSIVE ||
	       c == VM_C_UNTOUCHED;
}

static size_t state_rows(struct space *s, pid_t pid, const struct vm_page_sum *total, bool all, struct vm_state_row *rows)
{
	size_t n = 0;
	uint64_t merged = 0, bytes;
	bool ksm = vm_ksm_merging(s->v->s, pid, &merged) == 0 && s->v->to == 0 && !s->frames;
	for (unsigned c = 0; c < VM_C_NR; c++) {
		bool known = c == VM_C_KSM ? ksm : !(total->unknown >> c & 1);
		bytes = c == VM_C_KSM ? merged * 4096 : total->bytes[c];
		if (!all && !is_usual(c) && (!known || !bytes))
			continue;
		rows[n++] = (struct vm_state_row){
			.name = vm_census_info[c].name, .help = vm_census_info[c].help, .bytes = bytes, .known = known,
			.share = c < VM_C_SWAP && total->bytes[VM_C_PRESENT]
				? (double)bytes / (double)total->bytes[VM_C_PRESENT] : NAN,
		};
	}
	return n;
}

static int show_tables(struct space *s, struct vm_err *err)
{
	struct vm_level_row rows[VM_PT_LEVELS];
	struct vm_choice c = { .view = { .set = &vm_level_fields, .name = "tables" } };
	const bool machine = vm_report_is_machine(&s->v->report);
	const struct vm_pt_geometry g = { .arch = &vm_pt_x86_64, .levels = s->info.levels };
	size_t n = 0;
	vm_columns_parse(&vm_level_fields, NULL, machine ? VM_F_MACHINE : VM_F_DEFAULT, &c.view.cols, NULL);
	for (unsigned l = s->info.levels; l-- > 0;)
		rows[n++] = (struct vm_level_row){ .name = vm_pt_level_name(&g, l), .level = l, .t = s->info.tables[l] };
	return vmpage_list(s->v, &c, rows, n, sizeof(rows[0]), NULL, err);
}

static void say_tables_sum(struct space *s, const struct vm_page_sum *total)
{
	char a[VM_NUMBUF], b[VM_NUMBUF], c[VM_NUMBUF];
	uint64_t tables = 0, mapped = 0;
	for (unsigned l = 0; l < s->info.levels; l++)
		tables += s->info.tables[l].tables * 4096;
	uint64_t mib = total->bytes[VM_C_PRESENT] >> 20;
	vm_report_say(&s->v->report, "page tables %s", vm_format_size(tables, a));
	for (size_t i = 0; i < s->as->nmaps; i++)
		mapped += vm_mapping_size(&s->as->map[i]) >> 10;
	if (mib)
		vm_report_say(&s->v->report, ", %s for each MiB in memory", vm_format_size(tables / mib, b));
	if (mapped >> 10)
		vm_report_say(&s->v->report, ", %s for each mapped", vm_format_size(tables / (mapped >> 10), b));
	vm_report_say(&s->v->report, "\n");
	if (s->fill.full)
		vm_report_say(&s->v->report, "2M pages would free %s: %llu ranges of 2M are full of anonymous 4K pages\n",
			      vm_format_size(s->fill.full * 4096, c), (unsigned long long)s->fill.full);
}

/** What is left out of the table, and why. */
static void say_untold(struct space *s, const struct vm_page_sum *total)
{
	struct vm_buf line = { 0 };
	const bool kernel = (total->unknown >> VM_C_SOFT_DIRTY & 1) && s->info.via != VM_VIA_MINCORE;
	for (unsigned c = 0; c < VM_C_NR; c++) {
		if (!(total->unknown >> c & 1) || is_usual(c) || (c == VM_C_SOFT_DIRTY && kernel))
			continue;
		if (!line.n)
			vm_buf_addf(&line, "not known: %s", vm_census_info[c].name);
		else
			vmpage_fill(s->v, &line, ", ", vm_census_info[c].name);
	}
	vmpage_filled(s->v, &line);
	if (kernel)
		vm_report_say(&s->v->report, "not known: soft-dirty, of which this kernel keeps no bits\n");
}

static void json_tables_sum(struct space *s)
{
	struct vm_json *j = &s->v->report.json;
	vm_json_key(j, "full_2m_ranges");
	vm_json_u64(j, s->fill.full);
	vm_json_key(j, "tables_freed_by_2m_bytes");
	vm_json_u64(j, s->fill.full * 4096);
}

static int show_states(struct space *s, pid_t pid, const struct vm_choice *c, const struct vm_page_sum *total,
		       struct vm_err *err)
{
	struct vm_state_row rows[VM_C_NR];
	const bool document = vm_report_is_document(&s->v->report), machine = vm_report_is_machine(&s->v->report);
	int r = vmpage_list(s->v, c, rows, state_rows(s, pid, total, machine, rows), sizeof(rows[0]), NULL, err);
	/* Tables of a part of the space, and rows of another kind in a list for programs, would mislead. */
	const bool whole = s->info.levels && s->v->to == 0 && !s->frames;
	if (r == 0 && !machine)
		say_untold(s, total);
	if (r == 0 && whole && (document || !machine)) {
		vm_report_say(&s->v->report, "\n");
		r = show_tables(s, err);
		say_tables_sum(s, total);
		if (document)
			json_tables_sum(s);
	} else if (document) {
		vm_json_key(&s->v->report.json, "tables");
		vm_json_null(&s->v->report.json);
	}
	return r;
}

static void name_group(struct space *s, struct frame_group *g, struct vm_arena *texts)
{
	struct vm_buf b = { 0 };
	const struct vm_zone *zones;
	const char *path;
	char size[VM_NUMBUF];
	switch (s->v->o->by) {
	case VMPAGE_BY_FLAGS:
		vm_kpf_put_names(&b, g->key, ' ');
		break;
	case VMPAGE_BY_SIZE:
		if (g->key == UNKNOWN_SIZE)
			vm_buf_add_str(&b, "not known");
		else if (g->key)
			vm_buf_add_str(&b, vm_format_size(UINT64_C(1) << g->key, size));
		else
			vm_buf_add_str(&b, "not in memory");
		break;
	case VMPAGE_BY_CGROUP:
		path = g->key ? vm_frames_cgroup(s->frames, g->key) : "(none)";
		if (path)
			vm_buf_add_str(&b, path);
		else
			vm_buf_addf(&b, "inode %llu", (unsigned long long)g->key);
		break;
	default:
		if (g->key < vm_frames_zones(s->frames, &zones))
			vm_buf_addf(&b, "node %d, zone %s", zones[g->key].node, zones[g->key].name);
		else
			vm_buf_add_str(&b, "no zone");
	}
	const char *kept = vm_arena_strndup(texts, vm_buf_str(&b), b.n);
	g->sum.name = kept ? kept : "";
	vm_buf_free(&b);
}

static const char *mapping_group(const struct space *s, const struct vm_mapping *m)
{
	if (s->v->o->by == VMPAGE_BY_KIND)
		return vm_kinds[m->kind].name;
	return m->inode && m->name[0] ? m->name : vm_kinds[m->kind].name;
}

/** Sums of mappings that have their kind or file in common into `out`; their number, or -ENOMEM. */
static long join_mappings(const struct space *s, const struct vm_mapping *const *maps, size_t n, struct vm_page_sum *out)
{
	const enum vm_group_by by = s->v->o->by == VMPAGE_BY_KIND ? VM_BY_KIND : VM_BY_FILE;
	vm_auto_free uint32_t *of = malloc((n + 1) * sizeof(*of));
	long groups = of ? vm_group_assign(maps, n, by, of) : -ENOMEM;
	for (size_t i = 0; groups >= 0 && i < n; i++) {
		out[of[i]].name = mapping_group(s, maps[i]);
		vm_page_sum_join(&out[of[i]], &s->sum[maps[i] - s->as->map]);
	}
	return groups;
}

/** The mappings that the user half has in the range. */
static size_t mappings_of(const struct space *s, const struct vm_mapping **maps)
{
	const struct vmpage *v = s->v;
	size_t n = 0;
	for (size_t i = 0; i < s->as->nmaps; i++) {
		const struct vm_mapping *m = &s->as->map[i];
		if (!(m->start >> 63) && (v->to == 0 || (m->end > v->from && m->start < v->to)))
			maps[n++] = m;
	}
	return n;
}

static int show_groups(struct space *s, const struct vm_choice *c, struct vm_page_sum *total, struct vm_err *err)
{
	struct vm_arena texts = { 0 };
	const size_t most = s->as->nmaps + s->groups.n + 1;
	vm_auto_free struct vm_page_sum *rows = calloc(most, sizeof(*rows));
	vm_auto_free const struct vm_mapping **maps = calloc(most, sizeof(*maps));
	long n = rows && maps ? 0 : -ENOMEM;
	const size_t nmaps = n == 0 ? mappings_of(s, maps) : 0;
	if (n == 0 && s->keyed) {
		for (; n < (long)s->groups.n; n++) {
			name_group(s, &s->groups.v[n], &texts);
			rows[n] = s->groups.v[n].sum;
		}
	} else if (n == 0 && s->v->o->by == VMPAGE_BY_MAPPING) {
		for (; n < (long)nmaps; n++)
			rows[n] = s->sum[maps[n] - s->as->map];
	} else if (n == 0) {
		n = join_mappings(s, maps, nmaps, rows);
	}
	int r = n < 0 ? vm_fail(err, ENOMEM, "out of memory") : vmpage_list(s->v, c, rows, (size_t)n, sizeof(*rows), total, err);
	vm_arena_free(&texts);
	return r;
}

/** Of the mapping, what lies in the user half and in the range. */
static uint64_t mapped_bytes(const struct vmpage *v, const struct vm_mapping *m)
{
	const uint64_t start = m->start > v->from ? m->start : v->from, end = v->to && v->to < m->end ? v->to : m->end;
	return start < end && !(start >> 63) ? end - start : 0;
}

/** For people: short keys stand first, long ones last; groups by something of the frames have no address space. */
static const char *const group_columns[] = {
	[VMPAGE_BY_KIND] = "GROUP,SIZE,RSS,ANON,FILE,EXCL,DIRTY,2M,SWAP",
	[VMPAGE_BY_FILE] = "SIZE,RSS,ANON,FILE,EXCL,DIRTY,2M,SWAP,GROUP",
	[VMPAGE_BY_SIZE] = "GROUP,RSS,ANON,FILE,EXCL,DIRTY,SWAP",
	[VMPAGE_BY_FLAGS] = "RSS,ANON,FILE,GROUP",
	[VMPAGE_BY_CGROUP] = "RSS,ANON,FILE,EXCL,DIRTY,2M,GROUP",
	[VMPAGE_BY_ZONE] = "GROUP,RSS,ANON,FILE,EXCL,DIRTY,2M",
};

static int show_runs(struct space *s, const struct vm_choice *c, struct vm_err *err)
{
	int r = vmpage_list(s->v, c, s->runs.v, s->runs.n, sizeof(*s->runs.v), NULL, err);
	uint32_t seen = 0;
	for (size_t i = 0; i < s->runs.n; i++)
		if (vm_filter_accepts(c->filter, &s->runs.v[i]))
			seen |= s->runs.v[i].run.state & s->runs.v[i].run.known;
	if (r < 0 || vm_report_is_machine(&s->v->report) || !has_column(c, "LETTERS") || !seen)
		return r;
	vm_report_say(&s->v->report, "\n");
	struct vm_buf line = { 0 };
	for (unsigned i = 0; i < VM_PG_BIT_NR; i++) {
		char word[32];
		snprintf(word, sizeof(word), "%c %s", vm_pg_info[i].letter, vm_pg_info[i].name);
		if (seen >> i & 1)
			vmpage_fill(s->v, &line, "  ", word);
	}
	vmpage_filled(s->v, &line);
	return r;
}

static int prepare(struct space *s, pid_t pid, struct vm_choice *c, struct vm_aspace **as, struct vm_err *err)
{
	struct vmpage *v = s->v;
	const bool groups = v->o->by >= 0;
	const struct vm_fieldset *set = v->o->runs ? &vm_run_fields : groups ? &vm_page_sum_fields : &vm_state_fields;
	struct vm_common common = *v->common;
	if (groups && !common.columns && !vm_common_sink(&common)->machine)
		common.columns = group_columns[v->o->by];
	const struct vm_common *users = v->common;
	v->common = &common;
	int r = vmpage_choose(v, set, v->o->runs ? "runs" : groups ? "groups" : "states", NULL, c, err);
	v->common = users;
	if (r < 0)
		return r;
	s->keep_runs = v->o->runs;
	s->want_flags = s->keep_runs && has_column(c, "FLAGS");
	r = vmpage_mappings(v, pid, 0, 0, as, err);
	if (r == 0)
		r = open_frames(s, pid, err);
	if (r < 0)
		return r;
	s->as = *as;
	s->sum = calloc((*as)->nmaps + 1, sizeof(*s->sum));
	if (!s->sum)
		return vm_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < (*as)->nmaps; i++) {
		s->sum[i].m = &(*as)->map[i];
		s->sum[i].count = 1;
		s->sum[i].mapped = mapped_bytes(v, s->sum[i].m);
	}
	return 0;
}

int vmpage_space(struct vmpage *v, pid_t pid, struct vm_err *err)
{
	struct vm_choice choice = { 0 };
	struct vm_aspace *as = NULL;
	struct space *s = calloc(1, sizeof(*s));
	if (!s)
		return vm_fail(err, ENOMEM, "out of memory");
	s->v = v;
	int r = prepare(s, pid, &choice, &as, err);
	if (r == 0)
		r = scan(s, pid, &choice, err);
	if (r == 0) {
		struct vm_page_sum total;
		settle(s, &total);
		vmpage_heading(v, as, &s->info);
		vm_report_say(&v->report, "\n");
		if (v->o->runs)
			r = show_runs(s, &choice, err);
		else if (v->o->by >= 0)
			r = show_groups(s, &choice, &total, err);
		else
			r = show_states(s, pid, &choice, &total, err);
		vm_document_end(&v->report, v->s, vm_clock_ns() - v->began);
	}
	vm_frames_close(s->frames);
	vm_vec_free(&s->runs);
	vm_vec_free(&s->groups);
	free(s->windows[0]);
	free(s->windows[1]);
	free(s->sum);
	free(s);
	vm_aspace_free(as);
	vm_choice_free(&choice);
	return r;
}
