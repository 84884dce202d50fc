/**
 * vmpage(1): pages, page tables and page frames.
 * - addresses: explain.c, entry.c, watch.c;  spaces: space.c, grid.c;
 *   frames: frames.c, file.c;  its part of the manual: doc.c
 * - columns: core/field/page.c, frame.c;  facts: core/source/pages.h, walker.h, frames.h
 */

#include "cli/vmpage/vmpage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/render/text.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/base/vec.h"
#include "core/model/aspace.h"
#include "core/source/session.h"
#include "core/source/source.h"

enum { GROUP_MODE = 1, WIDTH = 80 };
/** Of 52 bits of a physical address. */
enum { MOST_PFN_BITS = 52 - 12 };

#define AT(member) offsetof(struct vmpage_options, member)

static const char *const by_words[] = { "mapping", "kind", "file", "size", "flags", "cgroup", "zone", NULL };
static const char *const arch_words[] = { "x86-64", "arm64", NULL };

static const struct vm_opt opts[] = {
	{ .name = "explain", .type = VM_OPT_FLAG, .at = AT(explain), .group = GROUP_MODE,
	  .help = "split addresses into their parts; no process is needed" },
	{ .name = "watch", .type = VM_OPT_FLAG, .at = AT(watch), .group = GROUP_MODE,
	  .help = "show how the page of one address changes, a line a change",
	  .man = "Looks every \\fB--interval\\fP; what changes and changes back in between isn't seen. Of the "
		 "frame, flags that say what befell it are watched too: locked, merged, dirty, being written. Ends with the process, after \\fB--count\\fP changes, or when interrupted." },
	{ .name = "by", .arg = "mapping|kind|file|size|flags|cgroup|zone", .type = VM_OPT_ENUM, .at = AT(by), .words = by_words,
	  .group = GROUP_MODE, .help = "sum up a process's pages that have this in common",
	  .man = "\\fBflags\\fP, \\fBcgroup\\fP and \\fBzone\\fP look at each page's frame, as does \\fB--bits\\fP; with "
		 "\\fB--system\\fP they group all frames." },
	{ .name = "runs", .type = VM_OPT_FLAG, .at = AT(runs), .group = GROUP_MODE,
	  .help = "runs of equal pages, with their frames" },
	{ .name = "grid", .type = VM_OPT_FLAG, .at = AT(grid), .group = GROUP_MODE,
	  .help = "draw the pages as a picture, with the borders of mappings" },
	{ .name = "pfn", .type = VM_OPT_FLAG, .at = AT(pfn), .group = GROUP_MODE,
	  .help = "the operands are page frames: what they hold, and who maps them" },
	{ .name = "system", .type = VM_OPT_FLAG, .at = AT(system),
	  .help = "all page frames of the machine, by their flags" },
	{ .name = "file", .arg = "PATH", .type = VM_OPT_PATH, .at = AT(file),
	  .help = "which pages of a file are in memory; more files may follow",
	  .man = "Nothing is read from disk: the file is mapped without access, and mincore(2) tells what is there. With "
		 "privilege the pages that are in memory are mapped for a moment, one by one, for their frames." },
	{ .name = "range", .arg = "A-B", .type = VM_OPT_STRING, .at = AT(range),
	  .help = "only these addresses of the process, hexadecimal" },
	{ .name = "bits", .arg = "SPEC", .type = VM_OPT_STRING, .at = AT(bits),
	  .help = "only pages whose frames have these flags, as page-types -b",
	  .man = "\"lru,mmap\": one of them; \"lru,~active\": lru and not active; \"lru,active=lru\": of the two only "
		 "lru; \"=uptodate,lru\": exactly these; 0x... for several bits at once." },
	{ .name = "cgroup", .arg = "PATH", .type = VM_OPT_STRING, .at = AT(cgroup),
	  .help = "only pages charged to this memory cgroup (or one below it)" },
	{ .name = "via", .arg = "auto|page-tables|pagemap|pagemap-scan|mincore", .type = VM_OPT_ENUM, .at = AT(via),
	  .words = vm_via_names, .help = "how to read pages (default: the best way that works)" },
	{ .name = "legend", .type = VM_OPT_FLAG, .at = AT(legend),
	  .help = "explain the bits of entries and the flags of frames that are shown" },
	{ .name = "arch", .arg = "x86-64|arm64", .type = VM_OPT_STRING, .words = arch_words, .at = AT(arch),
	  .help = "with --explain: whose page tables" },
	{ .short_name = 'd', .name = "interval", .arg = "TIME", .type = VM_OPT_TIME, .at = AT(interval_ns), .min = 1,
	  .help = "with --watch: look this often (default: 10ms)" },
	{ .short_name = 'c', .name = "count", .arg = "N", .type = VM_OPT_U64, .at = AT(count), .min = 1,
	  .help = "with --watch: end after N changes" },
	VM_OPT_END,
};

static const struct vmpage_options defaults = { .by = -1, .interval_ns = 10000000 };

static const struct vm_example examples[] = {
	{ "vmpage 4242", "all pages by state, and the page tables" },
	{ "vmpage 4242 7f3a12c05a10", "the way from one address to its frame, entry by entry" },
	{ "vmpage --explain 7f3a12c05a10", "which part of an address is an index into which table" },
	{ "vmpage --by mapping -s RSS 4242", "which mapping has how many pages of what" },
	{ "vmpage --runs --range 7f3a12c00000-7f3a12d00000 4242", "runs of equal pages" },
	{ "vmpage --grid 4242", "a picture" },
	{ "vmpage --pfn 1ce848", "who maps this frame" },
	{ "vmpage --system --bits lru,~active", "frames on inactive lists" },
	{ "vmpage --file /var/lib/db/table", "what of a file is cached" },
	{ "vmpage --watch 4242 7f3a12c05a10", "see copy-on-write happen" },
	{ NULL, NULL },
};

static const struct vm_fieldset *const fieldsets[] = {
	&vm_state_fields, &vm_page_sum_fields, &vm_run_fields, &vm_step_fields, &vm_split_fields, &vm_frames_fields,
	&vm_rmap_fields, &vm_cached_fields, &vm_level_fields, NULL,
};

/* ---- What the modes share ---------------------------------------------------------------------------------------- */

int vmpage_choose(struct vmpage *v, const struct vm_fieldset *set, const char *name, const char *label,
		  struct vm_choice *out, struct vm_err *err)
{
	struct vm_common common = *v->common;
	if (!common.columns && vm_report_is_machine(&v->report) && !vm_report_is_document(&v->report))
		common.columns = label;
	int r = vm_choice_parse(&common, set, out, err);
	out->view.name = name;
	return r;
}

int vmpage_list(struct vmpage *v, const struct vm_choice *c, const void *rows, size_t n, size_t size, const void *total,
		struct vm_err *err)
{
	size_t kept;
	const void **list = vm_choice_apply(c, rows, n, size, &kept);
	/* A sum of all says nothing of those that a filter left. */
	int r = list ? vm_report_list(&v->report, &c->view, list, kept, kept == n ? total : NULL) : -ENOMEM;
	free(list);
	return r < 0 ? vm_fail_os(err, -r, "cannot write the rows") : 0;
}

void vmpage_wrap(struct vmpage *v, int margin, const char *heading, const char *text)
{
	vm_report_wrap(&v->report, margin, heading, text, WIDTH);
}

void vmpage_fill(struct vmpage *v, struct vm_buf *line, const char *between, const char *word)
{
	if (line->n && vm_text_width(line->s, line->n) + strlen(between) + vm_text_width(word, strlen(word)) >= WIDTH) {
		vm_report_say(&v->report, "%s%.*s\n", vm_buf_str(line), (int)strcspn(between, " "), between);
		line->n = 0;
	}
	vm_buf_addf(line, "%s%s", line->n ? between : "", word);
}

void vmpage_filled(struct vmpage *v, struct vm_buf *line)
{
	if (line->n)
		vm_report_say(&v->report, "%s\n", vm_buf_str(line));
	vm_buf_free(line);
}

static void say_heading(struct vmpage *v, const struct vm_aspace *as, const struct vm_pages_info *info)
{
	char took[VM_NUMBUF], longest[VM_NUMBUF];
	struct vm_buf name = { 0 };
	vm_text_put(&name, as->proc.comm);
	vm_report_say(&v->report, "%d %s   read via %s", as->proc.pid, vm_buf_str(&name), vm_via_names[info->via]);
	if (v->s->live)
		vm_report_say(&v->report, " in %s (%s)", vm_format_duration(info->took_ns, took), !info->holds_lock ? "no lock"
			      : info->via == VM_VIA_TABLES ? "mmap lock for pagemap's part" : "under its mmap lock");
	if (v->s->live && info->longest_run_ns)
		vm_report_say(&v->report, ", %s at a time", vm_format_duration(info->longest_run_ns, longest));
	vm_report_say(&v->report, "\n");
	if (info->why_not[0] && v->s->live)
		vm_report_say(&v->report, "not via %s\n", info->why_not);
	if (info->partial)
		vm_report_say(&v->report, "NOT ALL: it changed while it was read\n");
	vm_buf_free(&name);
}

static void json_heading(struct vmpage *v, const struct vm_aspace *as, const struct vm_pages_info *info)
{
	struct vm_json *j = &v->report.json;
	vm_document_begin(&v->report, v->s, "vmpage/1");
	vm_json_key(j, "pid");
	vm_json_u64(j, (uint64_t)as->proc.pid);
	vm_json_key(j, "comm");
	vm_json_str(j, as->proc.comm);
	vm_json_key(j, "via");
	vm_json_str(j, vm_via_names[info->via]);
	vm_json_key(j, "why_not");
	vm_json_str(j, info->why_not[0] ? info->why_not : NULL);
	vm_json_key(j, "partial");
	vm_json_bool(j, info->partial);
	vm_json_key(j, "read_ns");
	if (v->s->live)
		vm_json_u64(j, info->took_ns);
	else
		vm_json_null(j);
	vm_json_key(j, "longest_run_ns");
	if (info->longest_run_ns)
		vm_json_u64(j, info->longest_run_ns);
	else
		vm_json_null(j);
	vm_json_key(j, "holds_mmap_lock");
	vm_json_bool(j, info->holds_lock);
}

void vmpage_heading(struct vmpage *v, const struct vm_aspace *as, const struct vm_pages_info *info)
{
	if (vm_report_is_document(&v->report))
		json_heading(v, as, info);
	else
		say_heading(v, as, info);
}

int vmpage_mappings(struct vmpage *v, pid_t pid, uint64_t from, uint64_t to, struct vm_aspace **as, struct vm_err *err)
{
	/* VmFlags would tell a little more of the kinds, but the kernel looks at every page for them. */
	uint32_t needs = VM_NEED(STAT) | VM_NEED(LAYOUT);
	if (to == 0)
		needs |= VM_NEED(OBJECTS) | VM_NEED(THREADS) | VM_NEED(MMADDR);
	return vm_snapshot(v->s, pid, needs, from, to, as, err);
}

/* ---- The command ------------------------------------------------------------------------------------------------- */

struct numbers {
	uint64_t *v;
	size_t n, cap;
};

static int parse_hexes(int argc, char **argv, const char *what, struct numbers *out, struct vm_err *err)
{
	for (int i = 0; i < argc; i++) {
		uint64_t x;
		if (vm_parse_hex(argv[i], &x) != 0) {
			vm_fail(err, EINVAL, "'%s' is not %s", argv[i], what);
			vm_hint(err, "hexadecimal, with or without 0x");
			return -EINVAL;
		}
		if (!vm_vec_push(out, x))
			return vm_fail(err, ENOMEM, "out of memory");
	}
	return 0;
}

static int parse_range(struct vmpage *v, struct vm_err *err)
{
	const char *text = v->o->range;
	if (!text)
		return 0;
	if (vm_parse_range(text, &v->from, &v->to) != 0) {
		vm_fail(err, EINVAL, "--range: '%s' is not a range of addresses", text);
		vm_hint(err, "as in 7f0000000000-7f0000200000");
		return -EINVAL;
	}
	if (v->from >> 63)
		return vm_fail(err, EINVAL, "--range: 0x%llx is in the kernel's half, which is no part of a process",
			       (unsigned long long)v->from);
	v->from &= ~UINT64_C(4095);
	v->to = v->to > UINT64_MAX - 4095 ? UINT64_MAX & ~UINT64_C(4095) : (v->to + 4095) & ~UINT64_C(4095);
	return 0;
}

static int check_options(struct vmpage *v, struct vm_err *err)
{
	const struct vmpage_options *o = v->o;
	const bool frames = o->pfn || o->file || o->explain || o->watch;
	if (o->bits) {
		int r = vm_kpf_match_parse(o->bits, &v->bits, err);
		if (r < 0)
			return r;
		v->have_bits = true;
	}
	if (o->arch && !o->explain)
		return vm_fail(err, EINVAL, "--arch goes with --explain");
	if (o->arch && strcmp(o->arch, "x86-64") != 0 && strcmp(o->arch, "arm64") != 0)
		return vm_fail(err, EINVAL, "--arch: '%s' is neither x86-64 nor arm64", o->arch);
	if (o->system && (frames || o->runs || o->grid || o->range || (o->by >= 0 && o->by < VMPAGE_BY_FLAGS)))
		return vm_fail(err, EINVAL, "--system goes with --by flags|cgroup|zone, --bits and --cgroup only");
	if (frames && (o->range || o->bits || o->cgroup))
		return vm_fail(err, EINVAL, "--range, --bits and --cgroup choose pages of a process or of --system");
	return parse_range(v, err);
}

static int process_mode(struct vmpage *v, int argc, char **argv, struct vm_err *err)
{
	struct numbers addr = { 0 };
	pid_t pid;
	if (argc == 0) {
		vm_fail(err, EINVAL, "name a process");
		vm_hint(err, "vmpage PID, vmpage PID ADDR, or --explain ADDR; --help tells more");
		return -EINVAL;
	}
	int r = vm_parse_pid(argv[0], &pid, err);
	if (r == 0)
		r = parse_hexes(argc - 1, argv + 1, "an address", &addr, err);
	if (r == 0 && v->o->watch && addr.n != 1)
		r = vm_fail(err, EINVAL, "--watch takes a process and one address");
	else if (r == 0 && addr.n && !v->o->watch && (v->o->runs || v->o->grid || v->o->by >= 0 || v->o->range || v->o->bits ||
						     v->o->cgroup))
		r = vm_fail(err, EINVAL, "addresses don't go with options for the whole space; --range A-B does");
	if (r == 0 && v->o->watch)
		r = vmpage_watch(v, pid, addr.v[0], err);
	else if (r == 0 && addr.n)
		r = vmpage_entries(v, pid, addr.v, addr.n, err);
	else if (r == 0 && v->o->grid)
		r = vmpage_grid(v, pid, err);
	else if (r == 0)
		r = vmpage_space(v, pid, err);
	vm_vec_free(&addr);
	return r;
}

static int number_mode(struct vmpage *v, int argc, char **argv, struct vm_err *err)
{
	struct numbers x = { 0 };
	const bool pfn = v->o->pfn;
	int r = argc ? 0 : vm_fail(err, EINVAL, pfn ? "name a page frame" : "name an address");
	if (r == 0)
		r = parse_hexes(argc, argv, pfn ? "a page frame number" : "an address", &x, err);
	for (size_t i = 0; i < x.n && pfn && r == 0; i++)
		if (x.v[i] >> MOST_PFN_BITS)
			r = vm_fail(err, EINVAL, "0x%llx is no page frame: physical addresses have 52 bits at most",
				    (unsigned long long)x.v[i]);
	if (r == 0)
		r = pfn ? vmpage_pfns(v, x.v, x.n, err) : vmpage_explain(v, x.v, x.n, err);
	vm_vec_free(&x);
	return r;
}

static int file_mode(struct vmpage *v, int argc, char **argv, struct vm_err *err)
{
	char **paths = calloc((size_t)argc + 1, sizeof(*paths));
	if (!paths)
		return vm_fail(err, ENOMEM, "out of memory");
	paths[0] = (char *)(uintptr_t)v->o->file;
	for (int i = 0; i < argc; i++)
		paths[i + 1] = argv[i];
	int r = vmpage_files(v, paths, (size_t)argc + 1, err);
	free(paths);
	return r;
}

static int run(struct vm_ctx *ctx, const void *opts_, int argc, char **argv, struct vm_err *err)
{
	struct vmpage v = { .s = ctx->s, .common = ctx->common, .o = opts_, .began = vm_clock_ns() };
	struct vm_style style;
	int r = check_options(&v, err);
	if (r < 0)
		return r;
	vm_common_style(ctx->common, ctx->out, &style);
	vm_report_open(&v.report, vm_common_sink(ctx->common), &style, ctx->out);
	if (v.o->explain || v.o->pfn)
		r = number_mode(&v, argc, argv, err);
	else if (v.o->file)
		r = file_mode(&v, argc, argv, err);
	else if (v.o->system)
		r = argc ? vm_fail(err, EINVAL, "--system takes no operands, '%s' is one", argv[0]) : vmpage_system(&v, err);
	else
		r = process_mode(&v, argc, argv, err);
	int closed = vm_report_close(&v.report, r == 0 ? err : NULL);
	return r < 0 ? r : closed;
}

const struct vm_command vm_command = {
	.name = "vmpage",
	.brief = "Show pages, page tables and page frames: from an address to the bits of its entries",
	.operands = "[PID [ADDR...]]",
	.opts = opts,
	.fields = fieldsets,
	.examples = examples,
	.opts_size = sizeof(struct vmpage_options),
	.defaults = &defaults,
	.sources = vm_page_sources,
	.run = run,
	.print_doc = vmpage_print_doc,
};
