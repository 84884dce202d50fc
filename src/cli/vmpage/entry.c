/** One address of a process: the way from it to its frame. */

#include "cli/pageplace.h"
#include "cli/vmpage/vmpage.h"
#include "core/analysis/translate.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/model/aspace.h"
#include "core/source/frames.h"

static void json_hex(struct vm_json *j, const char *key, uint64_t v, bool have)
{
	vm_json_key(j, key);
	if (have)
		vm_json_addr(j, v);
	else
		vm_json_null(j);
}

/** Where in swap it is; null: it isn't there. */
static void json_swap(struct vm_json *j, const struct vm_place *p)
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

static void json_words(struct vm_json *j, const char *key, void (*say)(const struct vm_place *, struct vm_buf *),
		       const struct vm_place *p)
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

static void leaf_words(const struct vm_place *p, struct vm_buf *b)
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

static void json_page(struct vmpage *v, const struct vm_place *p, struct vm_frames *f)
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
static void json_missing(struct vm_json *j, const struct vm_place *p, const struct vm_err *why_frames)
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

static int json_place(struct vmpage *v, const struct vm_place *p, const struct vm_choice *c, const void *rows, size_t n,
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

static int show_place(struct vmpage *v, const struct vm_place *p, const struct vm_aspace *as, const struct vm_choice *c,
		      struct vm_frames *f, const struct vm_err *why_frames, struct vm_err *err)
{
	struct vm_step_row rows[VM_PT_LEVELS];
	struct vm_buf bits[VM_PT_LEVELS] = { 0 };
	size_t n = vm_place_steps(p, vm_report_is_machine(&v->report), rows, bits);
	int r;
	if (vm_report_is_document(&v->report)) {
		r = json_place(v, p, c, rows, n, f, why_frames, err);
	} else {
		vm_place_say_mapping(&v->report, p, as);
		r = vmpage_list(v, c, rows, n, sizeof(rows[0]), NULL, err);
		vm_place_say_page(&v->report, p, f);
		vm_place_say_missing(&v->report, p, why_frames);
		if (v->o->legend)
			vm_place_say_legend(&v->report, p);
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
		struct vm_place p = { .addr = addr[i] };
		r = vm_place_look(v->s, &p, as, v->o->via, f, err);
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
