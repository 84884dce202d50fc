/** All pages of a process: by state, in groups, or run by run; and its page tables. */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/vmpage.h"
#include "core/analysis/tablefill.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/base/vec.h"
#include "core/model/aspace.h"
#include "core/model/kind.h"
#include "core/source/frames.h"
#include "core/source/ksm.h"
#include "core/source/source.h"

enum { PIECE = 4096 };

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
	/** --bits, --cgroup, --by flags|cgroup|zone: facts of the frames. */
	bool by_frame;
	bool want_flags;
	struct vm_frames *frames;
	VM_VEC(struct frame_group) groups;
	uint64_t value[2][PIECE];
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
	for (size_t i = s->groups.n; i-- > 0;)
		if (s->groups.v[i].key == key)
			return &s->groups.v[i].sum;
	if (!vm_vec_push(&s->groups, ((struct frame_group){ .key = key })))
		return NULL;
	return &s->groups.v[s->groups.n - 1].sum;
}

/** A run, all of which passed the conditions. */
static int count_run(struct space *s, const struct vm_page_run *r, uint64_t flags, bool have_flags, uint64_t key)
{
	const struct vm_mapping *m;
	vm_page_sum_add(sum_of(s, r->start, &m), r);
	vm_table_fill_add(&s->fill, r, m);
	if (s->by_frame) {
		struct vm_page_sum *g = group_of(s, key);
		if (!g)
			return -ENOMEM;
		vm_page_sum_add(g, r);
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

static uint64_t key_of(struct space *s, uint64_t flags, uint64_t cgroup, uint64_t pfn)
{
	if (s->v->o->by == VMPAGE_BY_FLAGS)
		return flags;
	if (s->v->o->by == VMPAGE_BY_CGROUP)
		return cgroup;
	const struct vm_zone *z = vm_frames_zone(s->frames, pfn), *all;
	return z && vm_frames_zones(s->frames, &all) ? (uint64_t)(z - all) : UINT64_MAX;
}

/** Cut a run where its frames differ in what is asked of them. */
static int count_by_frames(struct space *s, struct vm_page_run r)
{
	const bool want_cgroup = s->v->o->cgroup || s->v->o->by == VMPAGE_BY_CGROUP;
	const uint64_t end = r.end, first = r.start, pfn = r.pfn;
	const bool zero = r.state & VM_PG(ZERO) && r.shift <= 12;
	if (pfn == VM_PFN_NONE)
		return 0;
	while (r.start < end) {
		size_t n = (size_t)((end - r.start) / 4096);
		uint64_t at = zero ? pfn : pfn + (r.start - first) / 4096;
		n = zero ? 1 : n < PIECE ? n : PIECE;
		memset(s->value, 0, sizeof(s->value));
		bool have = vm_frames_read(s->frames, VM_FRAME_FLAGS, at, n, s->value[0]) == (long)n;
		if (want_cgroup && vm_frames_read(s->frames, VM_FRAME_CGROUP, at, n, s->value[1]) != (long)n)
			return 0;
		const uint64_t piece = r.start, stop = zero ? end : piece + n * 4096;
		for (size_t i = 0; i < n;) {
			size_t j = i + 1;
			while (j < n && s->value[0][j] == s->value[0][i] && s->value[1][j] == s->value[1][i])
				j++;
			struct vm_page_run part = r;
			part.start = piece + i * 4096;
			part.end = zero ? stop : piece + j * 4096;
			part.pfn = at + i;
			bool match = (!s->v->have_bits || (have && vm_kpf_matches(&s->v->bits, s->value[0][i]))) &&
				     (!s->v->o->cgroup || in_cgroup(s, s->value[1][i]));
			int e = match ? count_run(s, &part, s->value[0][i], have,
						  s->by_frame ? key_of(s, s->value[0][i], s->value[1][i], part.pfn) : 0) : 0;
			if (e)
				return e;
			i = j;
		}
		r.start = stop;
	}
	return 0;
}

static int take_runs(void *ctx, const struct vm_page_run *runs, size_t n)
{
	struct space *s = ctx;
	int r = 0;
	for (size_t i = 0; i < n && r == 0; i++)
		r = s->frames ? count_by_frames(s, runs[i]) : count_run(s, &runs[i], 0, false, 0);
	return r;
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
	};
	int r = vm_pages_scan(s->v->s, pid, &q, take_runs, s, &s->info, err);
	return r == -ENOMEM ? vm_fail(err, ENOMEM, "out of memory") : r;
}

static int open_frames(struct space *s, struct vm_err *err)
{
	const struct vmpage_options *o = s->v->o;
	s->by_frame = o->by >= VMPAGE_BY_FLAGS;
	if (!s->by_frame && !s->v->have_bits && !o->cgroup && !s->want_flags)
		return 0;
	return vm_frames_open(s->v->s, &s->frames, err);
}

/* ---- Showing ----------------------------------------------------------------------------------------------------- */

static void say_heading(struct space *s)
{
	struct vmpage *v = s->v;
	const struct vm_proc *p = &s->as->proc;
	char took[VM_NUMBUF];
	struct vm_buf name = { 0 };
	vm_text_put(&name, p->comm);
	vm_report_say(&v->report, "%d %s   read via %s in %s%s%s\n", p->pid, vm_buf_str(&name),
		      vm_via_names[s->info.via], vm_format_duration(s->info.took_ns, took),
		      s->info.holds_lock ? ", pagemap's part under the process's mmap lock" : ", without a lock",
		      s->info.partial ? "; NOT ALL: it changed meanwhile" : "");
	if (s->info.why_not[0])
		vm_report_say(&v->report, "not via %s\n", s->info.why_not);
	vm_report_say(&v->report, "\n");
	vm_buf_free(&name);
}

static void json_heading(struct space *s)
{
	struct vm_json *j = &s->v->report.json;
	vm_document_begin(&s->v->report, s->v->s, "vmpage/1");
	vm_json_key(j, "pid");
	vm_json_u64(j, (uint64_t)s->as->proc.pid);
	vm_json_key(j, "comm");
	vm_json_str(j, s->as->proc.comm);
	vm_json_key(j, "via");
	vm_json_str(j, vm_via_names[s->info.via]);
	vm_json_key(j, "why_not");
	if (s->info.why_not[0])
		vm_json_str(j, s->info.why_not);
	else
		vm_json_null(j);
	vm_json_key(j, "partial");
	vm_json_bool(j, s->info.partial);
	vm_json_key(j, "read_ns");
	vm_json_u64(j, s->info.took_ns);
	vm_json_key(j, "holds_mmap_lock");
	vm_json_bool(j, s->info.holds_lock);
}

static void total_of(const struct space *s, struct vm_page_sum *total)
{
	*total = (struct vm_page_sum){ 0 };
	for (size_t i = 0; i <= s->as->nmaps; i++)
		vm_page_sum_join(total, &s->sum[i]);
	/* What the way of reading can't tell isn't zero, though no page was seen. */
	for (unsigned c = 0; c < VM_C_NR; c++)
		if (vm_census_info[c].takes & s->info.unknown)
			total->unknown |= UINT32_C(1) << c;
}

/** States that are always of interest; the others are shown where there are any. */
static bool is_usual(unsigned c)
{
	return c == VM_C_PRESENT || c == VM_C_ANON || c == VM_C_FILE || c == VM_C_SWAP || c == VM_C_2M || c == VM_C_EXCLUSIVE;
}

static size_t state_rows(struct space *s, pid_t pid, const struct vm_page_sum *total, bool all, struct vm_state_row *rows)
{
	size_t n = 0;
	uint64_t merged = 0, bytes;
	bool ksm = vm_ksm_merging(s->v->s, pid, &merged) == 0 && s->v->to == 0 && !s->frames;
	for (unsigned c = 0; c < VM_C_NR; c++) {
		bool known = c == VM_C_KSM ? ksm : !(total->unknown >> c & 1);
		bytes = c == VM_C_KSM ? merged * 4096 : total->bytes[c];
		if (!all && !is_usual(c) && known && !bytes)
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
	uint64_t tables = 0;
	for (unsigned l = 0; l < s->info.levels; l++)
		tables += s->info.tables[l].tables * 4096;
	uint64_t mib = total->bytes[VM_C_PRESENT] >> 20;
	vm_report_say(&s->v->report, "\npage tables %s", vm_format_size(tables, a));
	if (mib)
		vm_report_say(&s->v->report, ", %s for each MiB in memory", vm_format_size(tables / mib, b));
	vm_report_say(&s->v->report, "; %llu ranges of 2M are full of anonymous 4K pages: huge pages there would free %s\n",
		      (unsigned long long)s->fill.full, vm_format_size(s->fill.full * 4096, c));
}

static void json_tables_sum(struct space *s)
{
	struct vm_json *j = &s->v->report.json;
	vm_json_key(j, "full_2m_ranges");
	vm_json_u64(j, s->fill.full);
	vm_json_key(j, "tables_freed_by_2m_bytes");
	vm_json_u64(j, s->fill.full * 4096);
}

static int show_states(struct space *s, pid_t pid, const struct vm_choice *c, struct vm_err *err)
{
	struct vm_state_row rows[VM_C_NR];
	struct vm_page_sum total;
	const bool document = vm_report_is_document(&s->v->report), machine = vm_report_is_machine(&s->v->report);
	total_of(s, &total);
	int r = vmpage_list(s->v, c, rows, state_rows(s, pid, &total, machine, rows), sizeof(rows[0]), NULL, err);
	/* Tables of a part of the space, and rows of another kind in a list for programs, would mislead. */
	const bool whole = s->info.levels && s->v->to == 0 && !s->frames;
	if (r == 0 && whole && (document || !machine)) {
		vm_report_say(&s->v->report, "\n");
		r = show_tables(s, err);
		say_tables_sum(s, &total);
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
	switch (s->v->o->by) {
	case VMPAGE_BY_FLAGS:
		vm_kpf_put_names(&b, g->key, ' ');
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

/** Sums of mappings that have their kind or file in common, behind each other in `out`; their number. */
static size_t join_mappings(const struct space *s, struct vm_page_sum *out)
{
	size_t n = 0;
	for (size_t i = 0; i < s->as->nmaps; i++) {
		const char *name = mapping_group(s, &s->as->map[i]);
		size_t k = 0;
		while (k < n && strcmp(out[k].name, name) != 0)
			k++;
		if (k == n)
			out[n++] = (struct vm_page_sum){ .name = name };
		vm_page_sum_join(&out[k], &s->sum[i]);
	}
	return n;
}

static int show_groups(struct space *s, const struct vm_choice *c, struct vm_err *err)
{
	struct vm_arena texts = { 0 };
	struct vm_page_sum total, *rows = calloc(s->as->nmaps + s->groups.n + 1, sizeof(*rows));
	size_t n = 0;
	if (!rows)
		return vm_fail(err, ENOMEM, "out of memory");
	if (s->v->o->by == VMPAGE_BY_MAPPING) {
		for (size_t i = 0; i < s->as->nmaps; i++)
			if (s->v->to == 0 || (s->as->map[i].end > s->v->from && s->as->map[i].start < s->v->to))
				rows[n++] = s->sum[i];
	} else if (s->v->o->by < VMPAGE_BY_FLAGS) {
		n = join_mappings(s, rows);
	} else {
		for (; n < s->groups.n; n++) {
			name_group(s, &s->groups.v[n], &texts);
			rows[n] = s->groups.v[n].sum;
		}
	}
	total_of(s, &total);
	for (size_t i = 0; i < n; i++)
		rows[i].unknown |= total.unknown;
	total.name = "";
	int r = vmpage_list(s->v, c, rows, n, sizeof(*rows), &total, err);
	free(rows);
	vm_arena_free(&texts);
	return r;
}

static int prepare(struct space *s, pid_t pid, struct vm_choice *c, struct vm_aspace **as, struct vm_err *err)
{
	struct vmpage *v = s->v;
	const bool groups = v->o->by >= 0;
	const struct vm_fieldset *set = v->o->runs ? &vm_run_fields : groups ? &vm_page_sum_fields : &vm_state_fields;
	struct vm_common common = *v->common;
	/* Groups by something of the frames have no mapping. */
	if (groups && v->o->by != VMPAGE_BY_MAPPING && !common.columns && !vm_common_sink(&common)->machine)
		common.columns = v->o->by < VMPAGE_BY_FLAGS ? "SIZE,RSS,ANON,FILE,EXCL,DIRTY,2M,SWAP,MAPPING"
							    : "RSS,ANON,FILE,EXCL,DIRTY,2M,MAPPING";
	const struct vm_common *users = v->common;
	v->common = &common;
	int r = vmpage_choose(v, set, v->o->runs ? "runs" : groups ? "groups" : "states", c, err);
	v->common = users;
	if (r < 0)
		return r;
	s->keep_runs = v->o->runs;
	s->want_flags = s->keep_runs && has_column(c, "FLAGS");
	r = vmpage_mappings(v, pid, 0, 0, as, err);
	if (r == 0)
		r = open_frames(s, err);
	if (r < 0)
		return r;
	s->as = *as;
	s->sum = calloc((*as)->nmaps + 1, sizeof(*s->sum));
	if (!s->sum)
		return vm_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < (*as)->nmaps; i++) {
		s->sum[i].m = &(*as)->map[i];
		s->sum[i].count = 1;
		s->sum[i].mapped = vm_mapping_size(s->sum[i].m);
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
		if (vm_report_is_document(&v->report))
			json_heading(s);
		else
			say_heading(s);
		if (v->o->runs)
			r = vmpage_list(v, &choice, s->runs.v, s->runs.n, sizeof(*s->runs.v), NULL, err);
		else if (v->o->by >= 0)
			r = show_groups(s, &choice, err);
		else
			r = show_states(s, pid, &choice, err);
		vm_document_end(&v->report, v->s, vm_clock_ns() - v->began);
	}
	vm_frames_close(s->frames);
	vm_vec_free(&s->runs);
	vm_vec_free(&s->groups);
	free(s->sum);
	free(s);
	vm_aspace_free(as);
	vm_choice_free(&choice);
	return r;
}
