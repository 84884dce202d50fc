/** vmshare --family and --watch: processes that came from one another by fork(). */

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "cli/launch.h"
#include "cli/vmshare/vmshare.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/source/session.h"

static void note(struct vmshare *v, const struct vm_sharing_family *f)
{
	if (!f->compared && f->kin.n)
		vm_session_note(v->s, VM_NEED_BIT_FRAMES, f->why.code ? f->why.code : ENOTSUP, f->kin.v[0].proc->pid);
}

static const char *reason(const struct vm_sharing_family *f, char *text, size_t size)
{
	snprintf(text, size, "%s%s%s", f->why.what[0] ? f->why.what : "frames aren't to be had", f->why.hint[0] ? "; " : "", f->why.hint);
	return text;
}

static void json_sums(struct vmshare *v, const struct vm_sharing_family *f)
{
	struct vm_json *j = &v->report.json;
	char why[sizeof(f->why.what) + sizeof(f->why.hint) + 4];
	vm_json_key(j, "not_compared_because");
	if (f->compared)
		vm_json_null(j);
	else
		vm_json_str(j, reason(f, why, sizeof(why)));
	vm_json_key(j, "family_sums");
	if (!f->compared) {
		vm_json_null(j);
		return;
	}
	vm_json_object_begin(j);
	vmshare_json_kinds(v, "frames", f->group.all.frames, f->merged_hidden);
	vmshare_json_kinds(v, "shared", f->group.all.shared, f->merged_hidden);
	vm_json_put_u64(j, "only_shown_bytes", f->group.all.ours);
	vm_json_object_end(j);
}

/** What the family has in memory, and what of it is in common. */
static void say_sums(struct vmshare *v, const struct vm_sharing_family *f)
{
	char all[VMSHARE_TEXT], shared[VMSHARE_TEXT], rss[VMSHARE_TEXT];
	uint64_t sum = 0;
	vm_report_say(&v->report, "fork family: %zu process%s", f->kin.n, f->kin.n == 1 ? "" : "es");
	for (size_t i = 0; i < f->kin.n; i++)
		sum += f->rows[i].sum ? f->rows[i].sum->kind[VM_SK_ANON] : 0;
	if (f->compared)
		vm_report_say(&v->report, ", %s of anonymous memory (%s if nothing were shared), %s of it shared",
			      vmshare_size(v, f->group.all.frames[VM_SK_ANON], all), vmshare_size(v, sum, rss),
			      vmshare_size(v, f->group.all.shared[VM_SK_ANON], shared));
	vm_report_say(&v->report, "\n");
	if (!f->compared) {
		char why[sizeof(f->why.what) + sizeof(f->why.hint) + 4];
		struct vm_buf b = { 0 };
		vm_buf_addf(&b, "What they share with each other isn't known: %s", reason(f, why, sizeof(why)));
		vmshare_wrap(v, vm_buf_str(&b));
		vm_buf_free(&b);
	}
}

int vmshare_put_family(struct vmshare *v, const struct vm_sharing_family *f, enum vmshare_place place, struct vm_err *err)
{
	const bool table = !vm_report_is_machine(&v->report);
	struct vm_common common = *v->common;
	const struct vm_common *typed = v->common;
	if (vm_report_is_document(&v->report))
		json_sums(v, f);
	else if (f->kin.n < 2 && place == VMSHARE_BELOW)
		return 0;
	note(v, f);
	if (table && v->style.headings) {
		if (place == VMSHARE_BELOW)
			vm_report_say(&v->report, "\n");
		say_sums(v, f);
	}
	if (place == VMSHARE_WATCHED && table && !common.columns)
		common.columns = "MEMBER,PSS,USS,WITHPARENT,BROKEN,RISK,BREAKING,PEAK,COMMAND";
	v->common = &common;
	int r = vmshare_list(v, &vm_share_member_fields, place != VMSHARE_BELOW, NULL, f->rows, f->kin.n, sizeof(f->rows[0]), 0, err);
	v->common = typed;
	return r;
}

static int show(struct vmshare *v, struct vm_err *err)
{
	struct vm_sharing_family f;
	int r = vm_sharing_family_read(v->s, v->pids.v[0], v->range, 0, &f, err);
	if (r == 0)
		r = vmshare_put_family(v, &f, VMSHARE_ALONE, err);
	vm_sharing_family_free(&f);
	return r;
}

const struct vmshare_mode vmshare_family = { .name = "family", .set = &vm_share_member_fields, .show = show };

/* ---- --watch -------------------------------------------------------------------------------------------------------- */

/** What one member's copying comes to, in words. */
static void say_outlook(struct vmshare *v, const struct vm_share_member_row *row, const struct vm_share_member_row *was, double seconds)
{
	char left[VMSHARE_TEXT], rate[VMSHARE_TEXT], cost[VMSHARE_TEXT], most[VMSHARE_TEXT], time[VM_NUMBUF];
	struct vm_cow_outlook o;
	struct vm_buf b = { 0 };
	const uint64_t broken = row->with_parent ? row->cow.broken : 0, rest = vm_sharing_breakable(row);
	/* Where members are compared, what breaks is told of the child. */
	if (isnan(row->rate) || !row->sum || (row->counted && !row->with_parent))
		return;
	vm_cow_predict(rest, broken, row->rate, was ? was->rate : NAN, seconds, &o);
	vm_buf_addf(&b, "%d %s: ", row->proc->pid, row->proc->comm);
	if (row->rate <= 0)
		vm_buf_addf(&b, "nothing breaks; the %s that are shared could", vmshare_size(v, rest, left));
	else
		vm_buf_addf(&b, "%s a second %s; at this rate the %s that are left are copied in %s, and it has cost %s then",
			    vmshare_size(v, (uint64_t)row->rate, rate), row->with_parent ? "break" : "are copied or dropped",
			    vmshare_size(v, rest, left), vm_format_duration((uint64_t)(o.seconds * 1e9), time),
			    vmshare_size(v, (uint64_t)o.most, most));
	if (row->rate > 0 && o.slowing && o.likely < o.most)
		vm_buf_addf(&b, "; but it slows down: about %s are likely in the end", vmshare_size(v, (uint64_t)o.likely, cost));
	struct vm_buf clean = { 0 };
	vm_text_put(&clean, vm_buf_str(&b));
	vmshare_wrap(v, vm_buf_str(&clean));
	vm_buf_free(&clean);
	vm_buf_free(&b);
}

static const struct vm_share_member_row *row_before(const struct vm_sharing_family *prev, const struct vm_proc *p)
{
	for (size_t i = 0; prev && i < prev->kin.n; i++)
		if (vm_proc_same(prev->rows[i].proc, p))
			return &prev->rows[i];
	return NULL;
}

static int put_sample(struct vmshare *v, struct vm_sharing_family *f, const struct vm_sharing_family *prev, uint64_t began,
		      struct vm_err *err)
{
	int r = vm_report_open(&v->report, v->sink, &v->style, v->out);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot begin the report");
	const bool document = vm_report_is_document(&v->report), table = !vm_report_is_machine(&v->report);
	vm_document_begin(&v->report, v->s, "vmshare/1");
	if (document) {
		vm_json_put_str(&v->report.json, "mode", "watch");
		vm_json_put_u64(&v->report.json, "since_ns", f->taken_ns - began);
	}
	if (table && prev)
		vm_report_say(&v->report, "\n");
	r = vmshare_put_family(v, f, VMSHARE_WATCHED, err);
	for (size_t i = 0; i < f->kin.n && table && prev && r == 0; i++)
		say_outlook(v, &f->rows[i], row_before(prev, f->rows[i].proc), (double)(f->taken_ns - prev->taken_ns) / 1e9);
	vm_document_end(&v->report, v->s, vm_clock_ns() - f->taken_ns);
	const int closed = vm_report_close(&v->report, r == 0 ? err : NULL);
	r = r < 0 ? r : closed;
	return r == 0 && fflush(v->out) != 0 ? vm_fail_os(err, errno, "cannot write the output") : r;
}

static int watch(struct vmshare *v, struct vm_signals *signals, struct vm_err *err)
{
	struct vm_sharing_family now, prev = { .taken_ns = 0 };
	uint64_t began = vm_clock_ns(), due = began, samples = 0;
	int r = 0;
	do {
		r = vm_sharing_family_read(v->s, v->pids.v[0], v->range, 0, &now, err);
		if (r == 0) {
			if (samples)
				vm_sharing_family_rates(&now, &prev);
			r = put_sample(v, &now, samples ? &prev : NULL, began, err);
		}
		vm_sharing_family_free(&prev);
		prev = now;
		due += v->interval_ns;
		samples++;
	} while (r == 0 && (!v->count || samples < v->count) && !vm_signals_wait_until(signals, NULL, due));
	vm_sharing_family_free(&prev);
	/* It has been watched as long as it was there. */
	if (r == -ESRCH && samples) {
		fprintf(stderr, "vmshare: %s any more\n", err->what);
		r = 0;
	}
	return r;
}

static int show_watch(struct vmshare *v, struct vm_err *err)
{
	struct vm_signals signals;
	v->sink = vm_common_sink_of_lines(v->common);
	int r = vm_signals_open(&signals, err);
	if (r < 0)
		return r;
	r = watch(v, &signals, err);
	vm_signals_close(&signals);
	return r;
}

const struct vmshare_mode vmshare_watch = { .name = "watch", .set = &vm_share_member_fields, .lines = true, .show = show_watch };
