/** Files: which of their pages are in memory. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/vmpage/vmpage.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/base/vec.h"
#include "core/model/aspace.h"
#include "core/source/frames.h"
#include "core/source/pagecache.h"
#include "core/source/session.h"
#include "core/source/source.h"

enum { BAR = 60 };

struct cached {
	const char *path;
	struct vm_cached_file file;
	VM_VEC(struct vm_cached_row) rows;
	/** Of the pages whose frames are known. */
	uint64_t dirty, writeback, mapped, active;
	bool have_flags;
};

static int keep_run(void *ctx, const struct vm_cached_run *run)
{
	struct cached *c = ctx;
	const struct vm_cached_row row = {
		.file = c->path, .offset = run->offset, .bytes = run->bytes, .pfn = run->pfn, .flags = run->flags,
		.mapped = run->mapped, .have_flags = run->have_flags,
	};
	if (run->have_flags) {
		c->have_flags = true;
		c->dirty += run->flags & (UINT64_C(1) << VM_KPF_DIRTY) ? run->bytes : 0;
		c->writeback += run->flags & (UINT64_C(1) << VM_KPF_WRITEBACK) ? run->bytes : 0;
		c->active += run->flags & (UINT64_C(1) << VM_KPF_ACTIVE) ? run->bytes : 0;
		c->mapped += run->mapped ? run->bytes : 0;
	}
	return vm_vec_push(&c->rows, row) ? 0 : -ENOMEM;
}

/** The file from left to right: each cell full, in part, or not at all in memory. */
static void say_bar(struct vmpage *v, const struct cached *c)
{
	uint64_t in[BAR] = { 0 };
	struct vm_buf b = { 0 };
	const uint64_t pages = (c->file.bytes + 4095) / 4096, cells = pages < BAR ? pages : BAR;
	for (size_t i = 0; i < c->rows.n; i++)
		for (uint64_t p = c->rows.v[i].offset / 4096, e = p + (c->rows.v[i].bytes + 4095) / 4096; p < e; p++)
			in[p * cells / pages]++;
	for (uint64_t k = 0; k < cells; k++) {
		uint64_t first = (k * pages + cells - 1) / cells, next = ((k + 1) * pages + cells - 1) / cells;
		vm_buf_add_char(&b, in[k] == 0 ? '.' : in[k] >= next - first ? '#' : '+');
	}
	vm_report_say(&v->report, "[%s]\n", vm_buf_str(&b));
	vm_buf_free(&b);
}

static void say_file(struct vmpage *v, const struct cached *c)
{
	char a[VM_NUMBUF], b[VM_NUMBUF];
	struct vm_buf name = { 0 };
	vm_text_put(&name, c->path);
	vm_report_say(&v->report, "%s   %s of %s in memory (%.1f %%)\n", vm_buf_str(&name),
		      vm_format_size(c->file.cached, a), vm_format_size(c->file.bytes, b),
		      c->file.bytes ? 100.0 * (double)c->file.cached / (double)c->file.bytes : 0.0);
	if (c->file.have_stat)
		vm_report_say(&v->report, "dirty %s, being written %s", vm_format_size(c->file.dirty, a),
			      vm_format_size(c->file.writeback, b));
	else if (c->have_flags)
		vm_report_say(&v->report, "dirty %s, being written %s", vm_format_size(c->dirty, a),
			      vm_format_size(c->writeback, b));
	if (c->have_flags)
		vm_report_say(&v->report, "%smapped %s, active %s", c->file.have_stat ? ", " : ", ",
			      vm_format_size(c->mapped, a), vm_format_size(c->active, b));
	if (c->file.have_stat)
		vm_report_say(&v->report, ", evicted before %s (%s of it lately)", vm_format_size(c->file.evicted, a),
			      vm_format_size(c->file.recently_evicted, b));
	if (c->file.have_stat || c->have_flags)
		vm_report_say(&v->report, "\n");
	if (c->file.bytes)
		say_bar(v, c);
	vm_buf_free(&name);
}

static void json_or_null(struct vm_json *j, const char *key, bool have, uint64_t v)
{
	vm_json_key(j, key);
	if (have)
		vm_json_u64(j, v);
	else
		vm_json_null(j);
}

static void json_file(struct vmpage *v, const struct cached *c)
{
	struct vm_json *j = &v->report.json;
	const struct vm_cached_file *f = &c->file;
	vm_json_key(j, "path");
	vm_json_str(j, c->path);
	json_or_null(j, "size_bytes", true, f->bytes);
	json_or_null(j, "cached_bytes", true, f->cached);
	json_or_null(j, "dirty_bytes", f->have_stat || c->have_flags, f->have_stat ? f->dirty : c->dirty);
	json_or_null(j, "writeback_bytes", f->have_stat || c->have_flags, f->have_stat ? f->writeback : c->writeback);
	json_or_null(j, "mapped_bytes", c->have_flags, c->mapped);
	json_or_null(j, "active_bytes", c->have_flags, c->active);
	json_or_null(j, "evicted_bytes", f->have_stat, f->evicted);
	json_or_null(j, "recently_evicted_bytes", f->have_stat, f->recently_evicted);
}

/** Processes that have mapped the file, whatever of it they use. */
static int show_users(struct vmpage *v, const struct cached *c, struct vm_err *err)
{
	struct vm_pids pids = { 0 };
	const bool document = vm_report_is_document(&v->report);
	struct vm_json *j = &v->report.json;
	size_t unreadable = 0;
	int r = vm_proc_list_dir(v->s, &pids, err);
	if (document) {
		vm_json_key(j, "mapped_by");
		vm_json_array_begin(j);
	}
	for (size_t i = 0; i < pids.n && r == 0; i++) {
		struct vm_aspace *as;
		int e = vm_snapshot(v->s, pids.v[i], VM_NEED(LAYOUT) | VM_NEED(STAT), 0, 0, &as, NULL);
		unreadable += e == -EACCES || e == -EPERM;
		if (e < 0)
			continue;
		uint64_t bytes = 0;
		for (size_t k = 0; k < as->nmaps; k++) {
			const struct vm_mapping *m = &as->map[k];
			/* Of a file that was unlinked the name goes on with " (deleted)". */
			if (m->inode == c->file.inode && strcmp(m->name, c->path) == 0)
				bytes += vm_mapping_size(m);
		}
		if (bytes && document) {
			vm_json_object_begin(j);
			vm_json_key(j, "pid");
			vm_json_u64(j, (uint64_t)as->proc.pid);
			vm_json_key(j, "comm");
			vm_json_str(j, as->proc.comm);
			vm_json_key(j, "mapped_bytes");
			vm_json_u64(j, bytes);
			vm_json_object_end(j);
		} else if (bytes) {
			char text[VM_NUMBUF];
			vm_report_say(&v->report, "%7d %-16s maps %s of it\n", as->proc.pid, as->proc.comm,
				      vm_format_size(bytes, text));
		}
		vm_aspace_free(as);
	}
	if (document)
		vm_json_array_end(j);
	if (unreadable)
		vm_report_say(&v->report, "%zu process%s could not be asked%s\n", unreadable, unreadable == 1 ? "" : "es",
			      geteuid() ? "; run with sudo" : "");
	vm_vec_free(&pids);
	return r;
}

static int show_file(struct vmpage *v, const char *path, struct vm_frames *f, const struct vm_choice *choice,
		     struct vm_err *err)
{
	char *real = realpath(path, NULL);
	struct cached c = { .path = real ? real : path };
	int r = vm_file_cached(path, f, &c.file, keep_run, &c, err);
	if (r == -ENOMEM)
		vm_fail(err, ENOMEM, "out of memory");
	const bool document = vm_report_is_document(&v->report);
	if (r == 0 && document) {
		vm_json_object_begin(&v->report.json);
		json_file(v, &c);
		r = vmpage_list(v, choice, c.rows.v, c.rows.n, sizeof(*c.rows.v), NULL, err);
		if (r == 0)
			r = show_users(v, &c, err);
		vm_json_object_end(&v->report.json);
	} else if (r == 0) {
		say_file(v, &c);
		if (v->o->runs || vm_report_is_machine(&v->report))
			r = vmpage_list(v, choice, c.rows.v, c.rows.n, sizeof(*c.rows.v), NULL, err);
		if (r == 0 && !vm_report_is_machine(&v->report))
			r = show_users(v, &c, err);
	}
	vm_vec_free(&c.rows);
	free(real);
	return r;
}

int vmpage_files(struct vmpage *v, char **path, size_t n, struct vm_err *err)
{
	struct vm_choice choice = { 0 };
	struct vm_frames *f = NULL;
	if (!v->s->live)
		return vm_fail(err, EOPNOTSUPP, "--file looks at this machine's memory, not at a %s's", vm_session_kind(v->s));
	int r = vmpage_choose(v, &vm_cached_fields, "cached", "+FILE", &choice, err);
	if (r < 0)
		return r;
	/* Without privilege there are no frames, but there is the rest. */
	vm_frames_open(v->s, &f, NULL);
	vm_document_begin(&v->report, v->s, "vmpage/1");
	if (vm_report_is_document(&v->report)) {
		vm_json_key(&v->report.json, "files");
		vm_json_array_begin(&v->report.json);
	}
	for (size_t i = 0; i < n && r == 0; i++) {
		if (i)
			vm_report_say(&v->report, "\n");
		r = show_file(v, path[i], f, &choice, err);
	}
	if (vm_report_is_document(&v->report))
		vm_json_array_end(&v->report.json);
	vm_document_end(&v->report, v->s, vm_clock_ns() - v->began);
	vm_frames_close(f);
	vm_choice_free(&choice);
	return r;
}
