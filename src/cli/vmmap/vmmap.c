/**
 * vmmap(1): the address space of a process.
 * - columns: core/field/mapping.c, core/field/process.c;  facts: core/source
 * - groups: core/analysis/group;  picture: core/analysis/layout, layout.c;  --mm: mm.c
 */

#include "cli/vmmap/vmmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/analysis/group.h"
#include "core/analysis/layout.h"
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/model/kind.h"
#include "core/model/vmflags.h"
#include "core/source/capture.h"
#include "core/source/session.h"
#include "core/source/source.h"

enum { GROUP_MODE = 1, GROUP_WHERE };

#define AT(member) offsetof(struct vmmap_options, member)

static const char *const by_words[] = { "kind", "file", "perm", "name", "page", NULL };

static const struct vm_opt opts[] = {
	{ .name = "by", .arg = "kind|file|perm|name|page", .type = VM_OPT_ENUM, .at = AT(by), .words = by_words,
	  .group = GROUP_MODE, .help = "sum up mappings that have this in common",
	  .man = "Sums leave a cell unknown where one of the mappings has it unknown." },
	{ .name = "layout", .type = VM_OPT_FLAG, .at = AT(layout), .group = GROUP_MODE,
	  .help = "draw the address space to scale, top to bottom",
	  .man = "From the kernel half and the non\\-canonical hole down to the program's text, with sizes, gaps and "
		 "how much of each block is resident. A block gets a line more for each factor of 32 in size." },
	{ .name = "mm", .type = VM_OPT_FLAG, .at = AT(mm), .group = GROUP_MODE,
	  .help = "the kernel's mm_struct and vm_area_structs, as far as /proc and eBPF give them" },
	{ .name = "flags", .type = VM_OPT_FLAG, .at = AT(flags), .group = GROUP_MODE,
	  .help = "each mapping's VmFlags in words" },
	{ .short_name = 'a', .name = "address", .arg = "ADDR", .type = VM_OPT_STRING, .at = AT(address_text),
	  .help = "only the mapping that holds this address" },
	{ .short_name = 'A', .name = "after", .arg = "N", .type = VM_OPT_U64, .at = AT(after), .max = 1000000,
	  .help = "with --address: also N mappings above it" },
	{ .short_name = 'B', .name = "before", .arg = "N", .type = VM_OPT_U64, .at = AT(before), .max = 1000000,
	  .help = "with --address: also N mappings below it" },
	{ .name = "capture", .arg = "DIR", .type = VM_OPT_PATH, .at = AT(capture),
	  .help = "write all that is read into DIR, for --root",
	  .man = "DIR must be empty or not exist. It then holds what the kernel told of the processes, the headers of "
		 "their programs and libraries, and some machine figures; read it on any machine with "
		 "\\fB--root\\fP, also by vmtop(1). What is shown is read from there, so both answers are the same." },
	VM_OPT_END,
};

static const struct vmmap_options defaults = { .by = -1 };

static const struct vm_example examples[] = {
	{ "vmmap 4242", "all mappings, with totals by kind" },
	{ "vmmap --by file -s PSS 4242", "what each file and kind of memory costs" },
	{ "vmmap --layout 4242", "a picture of the address space" },
	{ "vmmap -a 7f3a12c05a10 -A 1 -B 1 4242", "what is at this address, and its neighbours" },
	{ "vmmap --filter 'DIRTY > 1M and KIND == anon' 4242", "large written anonymous mappings" },
	{ "vmmap -o +SWAP,LOCKED,VMFLAGS 4242", "more columns" },
	{ "vmmap -J 4242 | jq '.processes[0].totals'", "for scripts" },
	{ "vmmap --capture /tmp/c 4242; vmmap --root /tmp/c", "take it home and look there" },
	{ NULL, NULL },
};

static const struct vm_fieldset *const fieldsets[] = { &vm_mapping_fields, &vm_mm_fields, NULL };

/* ---- What is shown ------------------------------------------------------------------------------------ */

static const char *key_column(int by)
{
	static const char *const columns[] = {
		[VM_BY_KIND] = "KIND", [VM_BY_FILE] = "MAPPING", [VM_BY_PERM] = "PERM",
		[VM_BY_NAME] = "MAPPING", [VM_BY_PAGE] = "PAGE",
	};
	return columns[by];
}

static bool is_text_key(int by)
{
	return by == VM_BY_FILE || by == VM_BY_NAME;
}

/** Columns of groups: the key, then the user's or the usual ones; a long key stands last. */
static int group_columns(struct vmmap *v, int by, const char *wanted, struct vm_view *view, struct vm_err *err)
{
	char spec[1024];
	const char *usual = vm_common_sink(v->common)->machine
		? "COUNT,SIZE,RSS,PSS,USS,DIRTY,PSSDIRTY,SHCLEAN,SHDIRTY,PRCLEAN,PRDIRTY,REFD,ANON,KSM,LAZYFREE,THP,"
		  "SHMEMTHP,FILETHP,SHHUGETLB,PRHUGETLB,SWAP,SWAPPSS,LOCKED"
		: "COUNT,SIZE,RSS,PSS,USS,DIRTY,THP,SWAP";
	const char *key = by == VM_BY_FILE || by == VM_BY_NAME ? "KIND" : key_column(by);
	bool add = wanted && *wanted == '+';
	snprintf(spec, sizeof(spec), "%s,%s%s%s%s%s", key, !wanted || add ? usual : "", add ? "," : "",
		 wanted ? wanted + add : "", is_text_key(by) ? "," : "", is_text_key(by) ? "MAPPING" : "");
	view->set = &vm_mapping_fields;
	view->name = "groups";
	view->key = &view->set->v[vm_field_find(view->set, key_column(by), strlen(key_column(by)))];
	return vm_columns_parse(view->set, spec, 0, &view->cols, err);
}

/** Members of a process in a document: what costs no more than the mappings do. */
static void process_columns(struct vmmap *v)
{
	struct vm_columns *cols = &v->process_view.cols;
	uint32_t cheap = VM_NEED(STAT) | VM_NEED(STATUS) | VM_NEED(CMDLINE);
	if (v->needs & VM_NEED(SMAPS))
		cheap |= VM_NEED(ROLLUP);
	v->process_view.set = &vm_process_fields;
	cols->n = 0;
	for (size_t i = 0; i < vm_process_fields.n; i++) {
		const struct vm_field *f = &vm_process_fields.v[i];
		if ((f->flags & VM_F_MACHINE) && !(f->needs & ~cheap)) {
			cols->at[cols->n++] = (uint8_t)i;
			v->needs |= f->needs;
		}
	}
}

static int choose(struct vmmap *v, struct vm_err *err)
{
	const struct vmmap_options *o = v->o;
	bool machine = vm_common_sink(v->common)->machine;
	int r = vm_choice_parse(v->common, &vm_mapping_fields, &v->choice, err);
	if (r < 0)
		return r;
	v->needs = v->choice.needs | VM_NEED(LAYOUT) | VM_NEED(STAT);
	if (o->by >= 0) {
		r = group_columns(v, o->by, v->common->columns, &v->group_view, err);
		v->needs = vm_columns_needs(&vm_mapping_fields, &v->group_view.cols) |
			   vm_filter_needs(v->choice.filter) | VM_NEED(LAYOUT) | VM_NEED(STAT);
		if (o->by == VM_BY_FILE || o->by == VM_BY_NAME)
			v->needs |= VM_NEED_KIND;
	}
	if (r == 0)
		r = group_columns(v, VM_BY_KIND, "COUNT,SIZE,RSS,PSS,USS,SWAP", &v->total_view, err);
	if (r == 0 && machine)
		r = group_columns(v, VM_BY_KIND, NULL, &v->total_view, err);
	v->total_view.name = "totals";
	if (r == 0)
		r = vm_columns_parse(&vm_mm_fields, NULL, VM_F_DEFAULT, &v->mm_view.cols, err);
	v->mm_view.set = &vm_mm_fields;
	v->mm_view.name = "mm";
	if (r < 0)
		return r;
	if (o->layout)
		v->needs = VM_NEED_KIND | VM_NEED(LAYOUT) | VM_NEED(SMAPS) | VM_NEED(STAT);
	if (o->mm)
		v->needs = vmmap_mm_needs(v);
	if (o->flags)
		v->needs |= VM_NEED(FLAGS) | VM_NEED_KIND;
	if (vm_common_sink(v->common)->document)
		process_columns(v);
	/* What every heading shows. */
	if (!machine)
		v->needs |= VM_NEED(STATUS) | VM_NEED(CMDLINE);
	if (v->needs & VM_NEED(SMAPS) && !machine)
		v->needs |= VM_NEED(ROLLUP);
	return 0;
}

/* ---- The machine ----------------------------------------------------------------------------------------- */

static void learn_machine(struct vmmap *v)
{
	vm_read_arch(v->s, v->arch, sizeof(v->arch));
	v->have_levels = vm_read_paging_levels(v->s, &v->five_levels) == 0;
}

/* ---- Heading ---------------------------------------------------------------------------------------------- */

static const char *title(const struct vm_proc *p)
{
	return p->cmdline && p->cmdline[0] ? p->cmdline : p->comm;
}

static void put_figure(struct vm_buf *b, const struct vmmap *v, const char *name, const struct vm_proc *p,
		       enum vm_pqty q)
{
	if (b->n)
		vm_buf_add(b, "  ", 2);
	vm_buf_add_str(b, name);
	vm_buf_add_char(b, ' ');
	vm_value_put(b, vm_proc_has(p, q) ? VM_U64(p->q[q]) : VM_ABSENT, VM_U_BYTES, v->common->bytes);
}

static void put_huge(struct vm_buf *line, const struct vmmap *v, const char *name, uint64_t bytes)
{
	vm_buf_addf(line, "%s%s ", line->n ? "  " : "", name);
	vm_value_put(line, VM_U64(bytes), VM_U_BYTES, v->common->bytes);
}

/** Pages of hugetlb pools by size: there are at most a handful of sizes. */
static void put_hugetlb(struct vm_buf *line, const struct vmmap *v, const struct vm_aspace *as)
{
	enum { SIZES = 8 };
	uint64_t size[SIZES], sum[SIZES];
	size_t n = 0;
	for (size_t i = 0; i < as->nmaps; i++) {
		const uint64_t *q = as->map[i].q;
		uint64_t bytes = q[VM_Q_PRIVATE_HUGETLB] + q[VM_Q_SHARED_HUGETLB];
		size_t at = 0;
		while (at < n && size[at] != q[VM_Q_KPAGE])
			at++;
		if (!bytes || at == SIZES)
			continue;
		if (at == n) {
			size[n] = q[VM_Q_KPAGE];
			sum[n++] = 0;
		}
		sum[at] += bytes;
	}
	for (size_t k = 0; k < n; k++) {
		char text[VM_NUMBUF];
		put_huge(line, v, "HUGETLB", sum[k]);
		vm_buf_addf(line, " in pages of %s", vm_format_size(size[k], text));
	}
}

/** Huge pages, by kind and size, where there are any. */
static void say_huge(struct vmmap *v, const struct vm_aspace *as)
{
	static const struct { const char *name; enum vm_qty q; } kinds[] = {
		{ "THP", VM_Q_THP }, { "SHMEM THP", VM_Q_SHMEM_THP }, { "FILE THP", VM_Q_FILE_THP },
	};
	const uint64_t *all = as->total.q;
	struct vm_buf line = { 0 };
	for (size_t k = 0; k < vm_countof(kinds); k++)
		if (all[kinds[k].q])
			put_huge(&line, v, kinds[k].name, all[kinds[k].q]);
	if (all[VM_Q_PRIVATE_HUGETLB] || all[VM_Q_SHARED_HUGETLB])
		put_hugetlb(&line, v, as);
	if (line.n)
		vm_report_say(&v->report, "%s\n", vm_buf_str(&line));
	vm_buf_free(&line);
}

/** All of it below 4G: a 32-bit program, or one that might as well be. */
static bool is_32bit(const struct vm_aspace *as)
{
	size_t n = as->nmaps;
	if (n && strcmp(as->map[n - 1].name, "[vsyscall]") == 0)
		n--;
	return n && as->map[n - 1].end <= UINT64_C(1) << 32;
}

static void say_heading(struct vmmap *v, const struct vm_aspace *as)
{
	const struct vm_proc *p = &as->proc;
	struct vm_buf name = { 0 }, line = { 0 };
	vm_text_put(&name, title(p));
	if (v->report.style.width && name.n > v->report.style.width * 2u)
		name.n = v->report.style.width * 2u;
	vm_report_say(&v->report, "%d %s", p->pid, vm_buf_str(&name));
	if (v->arch[0])
		vm_report_say(&v->report, "   %s", v->arch);
	if (is_32bit(as))
		vm_report_say(&v->report, "%s32-bit addresses", v->arch[0] ? ", " : "   ");
	else if (v->have_levels)
		vm_report_say(&v->report, "%s%d-level paging, %d-bit user space", v->arch[0] ? ", " : "   ",
			      v->five_levels ? 5 : 4, v->five_levels ? 56 : 47);
	vm_report_say(&v->report, "\n");
	if (p->kthread)
		vm_report_say(&v->report, "a kernel thread: it has no user memory\n");
	else if (p->state == 'Z')
		vm_report_say(&v->report, "a zombie: it has ended and has no memory any more\n");
	put_figure(&line, v, "VSZ", p, VM_P_VSZ);
	put_figure(&line, v, "RSS", p, VM_P_RSS);
	if (v->needs & VM_NEED(ROLLUP)) {
		put_figure(&line, v, "PSS", p, VM_P_PSS);
		put_figure(&line, v, "USS", p, VM_P_USS);
	}
	if (v->needs & VM_NEED(STATUS)) {
		put_figure(&line, v, "SWAP", p, VM_P_SWAP);
		put_figure(&line, v, "LOCKED", p, VM_P_LOCKED);
		put_figure(&line, v, "PAGE TABLES", p, VM_P_PAGE_TABLES);
	}
	if (vm_proc_has(p, VM_P_MINFLT))
		vm_buf_addf(&line, "  FAULTS %llu minor, %llu major", (unsigned long long)p->q[VM_P_MINFLT],
			    (unsigned long long)p->q[VM_P_MAJFLT]);
	vm_report_say(&v->report, "%s\n", vm_buf_str(&line));
	if (v->needs & VM_NEED(SMAPS))
		say_huge(v, as);
	vm_buf_free(&name);
	vm_buf_free(&line);
}

/* ---- Modes -------------------------------------------------------------------------------------------------- */

/** The largest first: by PSS where known, else by RSS, else by size. */
static void sort_groups(const struct vmmap *v, const void **rows, size_t n)
{
	struct vm_sort sort = v->choice.sort;
	if (!sort.field)
		vm_sort_parse(&vm_mapping_fields,
			      v->needs & VM_NEED(SMAPS) ? "PSS" : "SIZE", &sort, NULL);
	vm_sort_rows(&sort, rows, n);
}

static int show_groups(struct vmmap *v, const struct vm_view *view, const struct vm_mapping *const *maps, size_t n,
		       enum vm_group_by by, struct vm_err *err)
{
	struct vm_sum *groups = NULL, total;
	long count = vm_group_mappings(maps, n, by, &groups);
	const void **rows = count >= 0 ? malloc(((size_t)count + 1) * sizeof(*rows)) : NULL;
	int r = -ENOMEM;
	if (rows) {
		for (long i = 0; i < count; i++) {
			/* What is folded by kind is named by it; what sums up several names has none. */
			struct vm_mapping *g = &groups[i].m;
			if (!is_text_key((int)by) || (!(g->inode && g->name[0]) && !(by == VM_BY_NAME && g->name[0])))
				g->name = "";
			rows[i] = g;
		}
		sort_groups(v, rows, (size_t)count);
		vm_sum_mappings(maps, n, &total);
		r = vm_report_list(&v->report, view, rows, (size_t)count, &total.m);
	}
	free(rows);
	free(groups);
	return r < 0 ? vm_fail_os(err, -r, "cannot sum up the mappings") : 0;
}

static bool has_sums(const struct vm_view *view)
{
	for (size_t i = 0; i < view->cols.n; i++)
		if (view->set->v[view->cols.at[i]].flags & VM_F_SUM)
			return true;
	return false;
}

static int show_list(struct vmmap *v, const struct vm_aspace *as, const struct vm_mapping *const *maps, size_t n,
		     struct vm_err *err)
{
	bool people = !vm_report_is_machine(&v->report) && v->report.style.headings && n > 1 && !v->o->have_address;
	bool kinds = v->needs & VM_NEED(OBJECTS);
	struct vm_sum some;
	const struct vm_sum *sum = &as->total;
	/* Without kinds there is one total, below the list. */
	bool total = people && !kinds && has_sums(&v->choice.view);
	if (total && n != as->total.m.count) {
		vm_sum_mappings(maps, n, &some);
		sum = &some;
	}
	int r = vm_report_list(&v->report, &v->choice.view, (const void *const *)maps, n, total ? &sum->m : NULL);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot write the mappings");
	if (!kinds || !(vm_report_is_document(&v->report) || (people && (v->needs & VM_NEED(SMAPS)))))
		return 0;
	vm_report_say(&v->report, "\n");
	return show_groups(v, &v->total_view, maps, n, VM_BY_KIND, err);
}

static int show_flags(struct vmmap *v, const struct vm_mapping *const *maps, size_t n, struct vm_err *err)
{
	if (vm_report_is_machine(&v->report)) {
		struct vm_view view = { .set = &vm_mapping_fields, .name = "mappings" };
		vm_columns_parse(view.set, "START,END,PERM,VMFLAGS,KIND,MAPPING", 0, &view.cols, NULL);
		int r = vm_report_list(&v->report, &view, (const void *const *)maps, n, NULL);
		return r < 0 ? vm_fail_os(err, -r, "cannot write the flags") : 0;
	}
	uint64_t seen = 0;
	for (size_t i = 0; i < n; i++) {
		const struct vm_mapping *m = maps[i];
		struct vm_buf line = { 0 };
		vm_text_put(&line, m->name[0] ? m->name : vm_kinds[m->kind].name);
		const int digits = m->end >> 48 ? 16 : 12;
		vm_report_say(&v->report, "%0*llx-%0*llx %s\n", digits, (unsigned long long)m->start, digits,
			      (unsigned long long)m->end, vm_buf_str(&line));
		line.n = 0;
		for (unsigned b = 0; m->have_flags && b < VM_VMF_COUNT; b++)
			if (m->flags >> b & 1)
				vm_buf_addf(&line, "%s%s", line.n ? ", " : "", vm_vmflags[b].words);
		vm_report_say(&v->report, "    %s\n", m->have_flags ? vm_buf_str(&line) : "-");
		seen |= m->flags;
		vm_buf_free(&line);
	}
	vm_report_say(&v->report, "\n");
	for (unsigned b = 0; b < VM_VMF_COUNT; b++)
		if (seen >> b & 1)
			vm_report_say(&v->report, "%s  %-24s %s\n", vm_vmflags[b].code, vm_vmflags[b].words,
				      vm_vmflags[b].sentence);
	return 0;
}

/** With --address: the mappings around it only. */
static void narrow(const struct vmmap *v, const struct vm_aspace *as, size_t *first, size_t *end)
{
	*first = 0;
	*end = as->nmaps;
	if (!v->o->have_address)
		return;
	size_t at = vm_aspace_find(as, v->o->address);
	bool hit = at < as->nmaps && as->map[at].start <= v->o->address;
	*first = at > v->o->before ? at - v->o->before : 0;
	*end = at + v->o->after + (hit ? 1 : 0);
	if (*end > as->nmaps)
		*end = as->nmaps;
}

static int show(struct vmmap *v, const struct vm_aspace *as, struct vm_err *err)
{
	size_t first, end, n;
	narrow(v, as, &first, &end);
	const void **rows = vm_choice_apply(&v->choice, as->map + first, end - first, sizeof(*as->map), &n);
	if (!rows)
		return vm_fail(err, ENOMEM, "out of memory");
	const struct vm_mapping *const *maps = (const struct vm_mapping *const *)rows;
	int r;
	if (v->o->layout)
		r = vmmap_layout(v, as, err);
	else if (v->o->mm)
		r = vmmap_mm(v, as, err);
	else if (v->o->flags)
		r = show_flags(v, maps, n, err);
	else if (v->o->by >= 0)
		r = show_groups(v, &v->group_view, maps, n, (enum vm_group_by)v->o->by, err);
	else
		r = show_list(v, as, maps, n, err);
	free(rows);
	return r;
}

static int show_process(struct vmmap *v, pid_t pid, bool first, struct vm_err *err)
{
	struct vm_aspace *as = NULL;
	uint64_t from = 0, to = 0;
	if (v->o->have_address && !v->o->before && !v->o->after && v->o->address != UINT64_MAX) {
		from = v->o->address;
		to = from + 1;
	}
	int r = vm_snapshot(v->s, pid, v->needs, from, to, &as, err);
	/* Nothing is there: its neighbours are of interest. */
	if (r == 0 && to && !vm_aspace_at(as, from)) {
		vm_aspace_free(as);
		r = vm_snapshot(v->s, pid, v->needs, 0, 0, &as, err);
	}
	if (v->o->mm && (r == -EACCES || r == -EPERM)) {
		/* Only two of its figures need the mappings. */
		vm_session_note(v->s, VM_NEED_BIT_LAYOUT, -r, pid);
		r = vm_snapshot(v->s, pid, v->needs & ~VM_NEED(LAYOUT), 0, 0, &as, err);
	}
	if (r < 0)
		return r;
	vm_proc_note_unmet(v->s, &as->proc);
	if (vm_report_is_document(&v->report)) {
		vm_json_object_begin(&v->report.json);
		vm_report_members(&v->report, &v->process_view, &as->proc);
	} else {
		if (!first)
			vm_report_say(&v->report, "\n");
		say_heading(v, as);
		if (v->o->have_address)
			vmmap_say_address(v, as, v->o->address);
		vm_report_say(&v->report, as->nmaps ? "\n" : "");
	}
	/* A table of nothing would only repeat what the heading says. */
	if (as->nmaps || v->o->mm || vm_report_is_machine(&v->report))
		r = show(v, as, err);
	if (vm_report_is_document(&v->report))
		vm_json_object_end(&v->report.json);
	vm_aspace_free(as);
	return r;
}

/* ---- The command ---------------------------------------------------------------------------------------------- */

/** All operands; or, on a captured tree without any, all of its processes. */
static int targets(struct vmmap *v, int argc, char **argv, struct vm_pids *pids, struct vm_err *err)
{
	for (int i = 0; i < argc; i++) {
		pid_t pid;
		int r = vm_parse_pid(argv[i], &pid, err);
		if (r < 0)
			return r;
		if (!vm_vec_push(pids, pid))
			return vm_fail(err, ENOMEM, "out of memory");
	}
	if (pids->n)
		return 0;
	if (!v->s->live)
		return vm_proc_list_dir(v->s, pids, err);
	vm_fail(err, EINVAL, "name a process");
	vm_hint(err, "vmmap PID, or vmmap self; --help tells more");
	return -EINVAL;
}

/** One process after the other; one that is missing doesn't keep the others from being shown. */
static int show_all(struct vmmap *v, const struct vm_pids *pids, struct vm_err *err)
{
	int result = 0;
	uint64_t began = vm_clock_ns();
	vm_document_begin(&v->report, v->s, "vmmap/1");
	if (vm_report_is_document(&v->report)) {
		vm_json_key(&v->report.json, "processes");
		vm_json_array_begin(&v->report.json);
	}
	for (size_t i = 0; i < pids->n; i++) {
		struct vm_err why = { 0 };
		int r = show_process(v, pids->v[i], i == 0, &why);
		if (r == 0)
			continue;
		if (result && err)
			fprintf(stderr, "vmmap: %s\n", why.what);
		else if (err)
			*err = why;
		result = result ? result : r;
	}
	if (vm_report_is_document(&v->report))
		vm_json_array_end(&v->report.json);
	vm_document_end(&v->report, v->s, vm_clock_ns() - began);
	return result;
}

/** Rows of CSV and OpenMetrics stand alone: with several processes each must say whose it is. */
static void add_pid(struct vm_view *view)
{
	view->cols.at[view->cols.n++] = (uint8_t)vm_field_find(view->set, "PID", 3);
}

/** What would be left aside in silence is refused. */
static int check_rows(const struct vmmap_options *o, const struct vm_common *c, struct vm_err *err)
{
	const char *mode = o->layout ? "layout" : o->mm ? "mm" : o->flags ? "flags" : NULL;
	if (mode && c->columns)
		return vm_fail(err, EINVAL, "--columns doesn't go with --%s", mode);
	if (mode && !o->flags && (c->sort || c->filter))
		return vm_fail(err, EINVAL, "--%s doesn't go with --%s, which shows all", c->sort ? "sort" : "filter", mode);
	return 0;
}

static int check_options(struct vmmap_options *o, struct vm_err *err)
{
	if (!o->address_text) {
		if (o->before || o->after)
			return vm_fail(err, EINVAL, "--before and --after go with --address");
		return 0;
	}
	if (o->layout || o->mm || o->by >= 0)
		return vm_fail(err, EINVAL, "--address goes with the list and with --flags only");
	if (vm_parse_hex(o->address_text, &o->address) != 0) {
		vm_fail(err, EINVAL, "--address: '%s' is not an address", o->address_text);
		vm_hint(err, "hexadecimal, with or without 0x");
		return -EINVAL;
	}
	o->have_address = true;
	return 0;
}

static int run(struct vm_ctx *ctx, const void *opts_, int argc, char **argv, struct vm_err *err)
{
	struct vmmap_options o = *(const struct vmmap_options *)opts_;
	struct vmmap v = { .s = ctx->s, .common = ctx->common, .o = &o };
	struct vm_pids pids = { 0 };
	struct vm_style style;
	struct vm_session *captured = NULL;
	int r = check_options(&o, err);
	if (r == 0)
		r = check_rows(&o, ctx->common, err);
	if (r == 0)
		r = targets(&v, argc, argv, &pids, err);
	if (r == 0)
		r = choose(&v, err);
	if (r == 0 && o.capture) {
		r = vm_capture(ctx->s, o.capture, pids.v, pids.n, err);
		if (r == 0)
			r = vm_session_open(o.capture, &captured, err);
		/* What is shown comes from the capture itself. */
		if (r == 0) {
			v.s = captured;
			captured = ctx->s;
			ctx->s = v.s;
		}
	}
	if (r == 0) {
		learn_machine(&v);
		vm_common_style(ctx->common, ctx->out, &style);
		const struct vm_sink *sink = vm_common_sink(ctx->common);
		if (pids.n > 1 && sink->machine && !sink->document && !ctx->common->columns) {
			add_pid(&v.choice.view);
			add_pid(&v.mm_view);
			if (o.by >= 0)
				add_pid(&v.group_view);
		}
		vm_report_open(&v.report, vm_common_sink(ctx->common), &style, ctx->out);
		r = show_all(&v, &pids, err);
		int closed = vm_report_close(&v.report, r == 0 ? err : NULL);
		r = r < 0 ? r : closed;
	}
	vm_session_close(captured);
	vm_choice_free(&v.choice);
	vm_vec_free(&pids);
	return r;
}

const struct vm_command vm_command = {
	.name = "vmmap",
	.brief = "Show the address space of a process: what is mapped where, and what it costs",
	.operands = "PID...",
	.opts = opts,
	.fields = fieldsets,
	.examples = examples,
	.opts_size = sizeof(struct vmmap_options),
	.defaults = &defaults,
	.run = run,
};
