/** vmhuge --collapse: the one thing here that changes its target. */

#include "cli/vmhuge/vmhuge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/hugelook.h"
#include "cli/launch.h"
#include "cli/render/text.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/model/aspace.h"
#include "core/source/hugecollapse.h"
#include "core/source/session.h"

enum { WIDTH = 79, MARGIN = 10, FAILURES = 8 };

struct outcome {
	unsigned tried, made;
	bool interrupted;
	struct failure { int code; unsigned ranges; const struct vm_huge_range *first; } failure[FAILURES];
	unsigned failures;
	uint64_t took_ns;
};

/** What madvise_collapse_errno() in mm/khugepaged.c means by it. */
static const char *meaning(int code)
{
	switch (code) {
	case ENOMEM:
		return "no huge page was to be had: free memory isn't in one piece, compacted or not";
	case EBUSY:
		return "a limit of its memory cgroup forbids it";
	case EAGAIN:
		return "pages are held by somebody just now (I/O, migration, pinned memory): try again";
	case EINVAL:
		return "not this memory";
	default:
		return strerror(code);
	}
}

/** With the first of the reasons that it should have, by what is known of its first range. */
static void put_meaning(struct vm_buf *b, const struct vm_huge_world *w, const struct vm_huge_look *p, const struct failure *f)
{
	const size_t i = f->first->mapping;
	const bool disabled = vm_proc_has(&p->as->proc, VM_P_THP_ENABLED) && !p->as->proc.q[VM_P_THP_ENABLED];
	const struct vm_whynot_mapping m = vm_whynot_facts(&p->space, i, disabled, (enum vm_tri)p->why.large_folios[i]);
	const struct vm_whynot x = vm_whynot_range(&w->machine, &m, vm_whynot_mapping(&w->machine, &m), f->first, &p->space.read);
	const struct vm_why_group g = { .why = x.why, .present_min = f->first->present, .present_max = f->first->present };
	vm_buf_add_str(b, meaning(f->code));
	/* What it could have overcome is no reason. */
	if (f->code == EINVAL && x.why && x.now != VM_DO(COLLAPSE)) {
		vm_buf_add_str(b, ": ");
		vm_huge_put_why(b, w, &g, (enum vm_why)__builtin_ctz(x.why));
	}
}

static void note_failure(struct outcome *o, int code, const struct vm_huge_range *at)
{
	unsigned i = 0;
	while (i < o->failures && o->failure[i].code != code)
		i++;
	if (i == FAILURES)
		return;
	if (i == o->failures) {
		o->failures++;
		o->failure[i].code = code;
		o->failure[i].first = at;
	}
	o->failure[i].ranges++;
}

/* ---- Doing it ----------------------------------------------------------------------------------------------------- */

/** 0, -ESRCH, -EPERM or -EACCES: nothing can be changed at all. */
static int collapse(const struct vm_huge_look *p, int process, struct outcome *o, struct vm_err *err)
{
	struct vm_signals signals;
	const uint64_t began = vm_clock_ns();
	int r = vm_signals_open(&signals, err);
	for (size_t i = 0; i < p->space.ranges.n && r == 0 && !o->interrupted; i++) {
		const struct vm_huge_range *g = &p->space.ranges.v[i];
		if ((g->flags & VM_HUGE_R_HUGE) || !g->present)
			continue;
		const int e = vm_huge_collapse(process, g->start, p->space.range_bytes);
		if (e == -ESRCH) {
			r = vm_fail(err, ESRCH, "process %d ended meanwhile", p->as->proc.pid);
		} else if (e == -EPERM || e == -EACCES) {
			r = vm_fail(err, EPERM, "may not change process %d", p->as->proc.pid);
			vm_hint(err, "needs CAP_SYS_NICE, and CAP_SYS_PTRACE or the same user; run with sudo");
		} else {
			o->tried++;
			o->made += e == 0;
		}
		if (r == 0 && e < 0)
			note_failure(o, -e, g);
		o->interrupted = vm_signals_take(&signals, NULL);
	}
	vm_signals_close(&signals);
	o->took_ns = vm_clock_ns() - began;
	return r;
}

/* ---- What changed ------------------------------------------------------------------------------------------------- */

static void say(struct vmhuge *v, const struct vm_huge_world *w, const struct vm_huge_look *before, const struct vm_huge_look *after,
		const struct outcome *o)
{
	char a[VM_NUMBUF], b[VM_NUMBUF], c[VM_NUMBUF], d[VM_NUMBUF];
	struct vm_buf name = { 0 };
	vm_text_put(&name, before->as->proc.comm);
	vm_report_say(&v->report, "%d %s   %s by MADV_COLLAPSE in %s%s\n", before->as->proc.pid, vm_buf_str(&name),
		      o->made ? "CHANGED" : "nothing changed", vm_format_duration(o->took_ns, a), o->interrupted ? ", interrupted" : "");
	vm_buf_free(&name);
	vm_report_say(&v->report, "ranges    %u of %u that were not huge are now\n", o->made, o->tried);
	vm_report_say(&v->report, "huge      %s, was %s\nresident  %s, was %s\n", vm_format_size(after->space.total.huge, a),
		      vm_format_size(before->space.total.huge, b), vm_format_size(after->space.total.resident, c),
		      vm_format_size(before->space.total.resident, d));
	for (unsigned i = 0; i < o->failures; i++) {
		struct vm_buf text = { 0 };
		vm_buf_addf(&text, "%u ranges, the first at %llx: ", o->failure[i].ranges,
			    (unsigned long long)o->failure[i].first->start);
		put_meaning(&text, w, before, &o->failure[i]);
		vm_report_wrap(&v->report, MARGIN, "left", vm_buf_str(&text), WIDTH);
		vm_buf_free(&text);
	}
}

static void put_state(struct vm_json *j, const char *key, const struct vm_huge_look *p)
{
	vm_json_key(j, key);
	vm_json_object_begin(j);
	vm_json_put_u64(j, "resident_bytes", p->space.total.resident);
	vm_json_put_u64(j, "huge_bytes", p->space.total.huge);
	vm_json_object_end(j);
}

static void put_bound(struct vm_json *j, const char *key, bool known, uint64_t addr)
{
	vm_json_key(j, key);
	if (known)
		vm_json_addr(j, addr);
	else
		vm_json_null(j);
}

static void put_failure(struct vm_json *j, const struct vm_huge_world *w, const struct vm_huge_look *p, const struct failure *f)
{
	const char *error = strerrorname_np(f->code);
	struct vm_buf text = { 0 };
	put_meaning(&text, w, p, f);
	vm_json_object_begin(j);
	vm_json_key(j, "error");
	vm_json_str(j, error ? error : "?");
	vm_json_key(j, "what");
	vm_json_str(j, vm_buf_str(&text));
	vm_json_put_u64(j, "ranges", f->ranges);
	put_bound(j, "first", true, f->first->start);
	vm_json_object_end(j);
	vm_buf_free(&text);
}

static void put(struct vmhuge *v, const struct vm_huge_world *w, const struct vm_huge_look *before, const struct vm_huge_look *after,
		const struct outcome *o)
{
	struct vm_json *j = &v->report.json;
	vm_json_put_u64(j, "pid", (uint64_t)before->as->proc.pid);
	vm_json_key(j, "comm");
	vm_json_str(j, before->as->proc.comm);
	put_bound(j, "start", v->to, v->from);
	put_bound(j, "end", v->to, v->to);
	vm_json_put_u64(j, "tried_ranges", o->tried);
	vm_json_put_u64(j, "collapsed_ranges", o->made);
	vm_json_key(j, "interrupted");
	vm_json_bool(j, o->interrupted);
	put_state(j, "before", before);
	put_state(j, "after", after);
	vm_json_key(j, "failures");
	vm_json_array_begin(j);
	for (unsigned i = 0; i < o->failures; i++)
		put_failure(j, w, before, &o->failure[i]);
	vm_json_array_end(j);
}

static int show(struct vmhuge *v, const struct vm_huge_world *w, const struct vm_huge_look *before,
		const struct vm_huge_look *after, const struct outcome *o, struct vm_err *err)
{
	int r = vmhuge_report_begin(v, "collapse", err);
	if (r < 0)
		return r;
	if (vm_report_is_document(&v->report))
		put(v, w, before, after, o);
	else
		say(v, w, before, after, o);
	return vmhuge_report_end(v, err);
}

/* ---- The run ------------------------------------------------------------------------------------------------------ */

/** Whole ranges only: the kernel takes no others. */
static int choose_ranges(struct vmhuge *v, uint64_t range_bytes, struct vm_err *err)
{
	uint64_t from, to;
	char text[VM_NUMBUF];
	if (!range_bytes)
		return vm_fail(err, EOPNOTSUPP, "this kernel has no transparent huge pages");
	if (!v->to)
		return 0;
	vm_huge_whole(v->from, v->to, range_bytes, &from, &to);
	if (from == to) {
		vm_fail(err, EINVAL, "--collapse: %llx-%llx holds no whole range of %s", (unsigned long long)v->from,
			(unsigned long long)v->to, vm_format_size(range_bytes, text));
		vm_hint(err, "ranges begin at multiples of 0x%llx", (unsigned long long)range_bytes);
		return -EINVAL;
	}
	v->from = from;
	v->to = to;
	return 0;
}

static int run(struct vmhuge *v, struct vm_huge_world *w, struct vm_huge_look *before, struct vm_huge_look *after,
	       struct vm_err *err)
{
	struct outcome o = { 0 };
	int r = choose_ranges(v, w->machine.range_bytes, err);
	if (r < 0)
		return r;
	const int process = vm_huge_collapse_open(v->s, v->pids[0], err);
	if (process < 0)
		return process;
	r = vm_huge_look_read(v->s, w, &(struct vm_huge_ask){ v->pids[0], v->from, v->to, v->o->via }, before, err);
	if (r == 0)
		r = collapse(before, process, &o, err);
	close(process);
	if (r == 0)
		r = vm_huge_look_read(v->s, w, &(struct vm_huge_ask){ v->pids[0], v->from, v->to, v->o->via }, after, err);
	if (r == 0)
		r = show(v, w, before, after, &o, err);
	if (r == 0 && o.tried && !o.made)
		return vm_fail(err, EIO, "none of %u ranges became huge: %s", o.tried, meaning(o.failure[0].code));
	if (r == 0 && o.made < o.tried && v->common->strict)
		v->exit_status = VM_EXIT_PARTIAL;
	return r;
}

int vmhuge_collapse(struct vmhuge *v, struct vm_err *err)
{
	struct vm_huge_world w;
	struct vm_huge_look before = { 0 }, after = { 0 };
	int r = vm_huge_world_read(v->s, &w, err);
	if (r == 0)
		r = run(v, &w, &before, &after, err);
	vm_huge_look_free(&before);
	vm_huge_look_free(&after);
	vm_huge_world_free(&w);
	return r;
}
