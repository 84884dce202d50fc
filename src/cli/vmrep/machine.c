/** vmrep without a target: the machine, a line a sample; --totals: a list. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/vmrep/vmrep.h"
#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/field/machine.h"
#include "core/source/machine.h"
#include "core/source/machine_walks.h"
#include "core/source/recording.h"
#include "core/source/session.h"

struct machine {
	struct vm_machine now;
	struct vm_machine_rates rates;
	struct vm_machine_walks *walks;
	bool begun;
};

static int open_machine(struct vmrep *v, struct vm_err *err)
{
	v->set = v->o->wide ? &vm_machine_wide_fields : &vm_machine_fields;
	v->priv = calloc(1, sizeof(struct machine));
	return v->priv ? 0 : vm_fail(err, ENOMEM, "out of memory");
}

static void close_machine(struct vmrep *v)
{
	struct machine *m = v->priv;
	if (!m)
		return;
	vm_machine_walks_close(m->walks);
	vm_machine_rates_free(&m->rates);
	vm_machine_free(&m->now);
	free(m);
}

static enum vm_machine_from origin(const struct vmrep *v)
{
	return v->s->live ? VM_FROM_LIVE : vm_session_recording(v->s) ? VM_FROM_RECORDING : VM_FROM_TREE;
}

static bool chose_rates(const struct vm_view *view)
{
	for (size_t i = 0; i < view->cols.n; i++)
		if (view->set->v[view->cols.at[i]].flags & VM_F_RATE)
			return true;
	return false;
}

/** What is missing is told once, at the end. */
static void note_unmet(struct vmrep *v, const struct vm_machine *m)
{
	static const struct { const char *name, *what; } parts[VM_MACH_PARTS] = {
		[VM_MACH_MEMINFO] = { "meminfo", "levels of memory" }, [VM_MACH_VMSTAT] = { "vmstat", "counters of memory" },
		[VM_MACH_PSI] = { "psi", "pressure" }, [VM_MACH_SHOOTDOWNS] = { "shootdowns", "TLB shootdowns" },
		[VM_MACH_THP] = { "khugepaged", "khugepaged, and smaller huge pages" }, [VM_MACH_KSM] = { "ksm", "KSM" },
		[VM_MACH_WALKS] = { "page_walks", "page walks" },
	};
	for (unsigned p = 0; p < VM_MACH_WALKS; p++)
		if (m->unmet >> p & 1)
			vm_session_note_other(v->s, parts[p].name, parts[p].what, vm_machine_reason(p, m->why[p], origin(v)));
	if (!m->uptime_ns && chose_rates(&v->choice.view))
		vm_session_note_other(v->s, "uptime", "rates since boot",
			 v->s->live ? "the kernel doesn't tell how long it has been up" : vm_session_lacks(v->s));
}

static void open_walks(struct vmrep *v, struct machine *m)
{
	struct vm_err why = { 0 };
	char text[sizeof(why.what) + sizeof(why.hint) + 4];
	if (vm_machine_walks_open(v->s, &m->walks, &why) == 0)
		return;
	snprintf(text, sizeof(text), "%s%s%s", why.what, why.hint[0] ? "; " : "", why.hint);
	vm_session_note_other(v->s, "page_walks", "page walks", text);
}

static int read_machine(struct vmrep *v, struct vm_err *err)
{
	struct machine *m = v->priv;
	if (!m->begun && (v->choice.needs & VM_MACH(WALKS)))
		open_walks(v, m);
	int r = vm_machine_read(v->s, v->choice.needs, &m->now, err);
	if (r < 0)
		return r;
	if (m->walks)
		vm_machine_walks_read(m->walks, &m->now);
	r = m->begun ? vm_machine_rates_next(&m->rates, &m->now) : vm_machine_rates_begin(&m->rates, &m->now);
	m->begun = true;
	note_unmet(v, &m->now);
	vmrep_set_time(v, m->now.real_ns);
	return r < 0 ? vm_fail(err, ENOMEM, "out of memory") : 0;
}

static void put_document(struct vmrep *v, const struct machine *m, const struct vm_machine_row *row)
{
	struct vm_json *j = &v->report.json;
	vm_document_begin(&v->report, v->s, "vmrep/1");
	vm_json_put_str(j, "mode", "machine");
	vm_json_put_bool(j, "since_boot", m->rates.since_boot);
	vm_json_put_known(j, "elapsed_ns", m->rates.elapsed_ns > 0, m->rates.elapsed_ns);
	vm_json_key(j, "machine");
	vm_json_object_begin(j);
	vm_report_members(&v->report, &v->choice.view, row);
	vm_json_object_end(j);
	vm_document_end(&v->report, v->s, vm_clock_ns() - v->began_ns);
}

static int show_machine(struct vmrep *v, bool *empty, struct vm_err *err)
{
	const struct machine *m = v->priv;
	const struct vm_machine_row row = { .m = &m->now, .rates = &m->rates, .time = v->time[0] ? v->time : NULL };
	const void *rows[] = { &row };
	*empty = !vm_filter_accepts(v->choice.filter, &row);
	if (*empty)
		return 0;
	if (vm_report_is_document(&v->report))
		put_document(v, m, &row);
	else if (vm_report_is_machine(&v->report))
		return vm_report_list(&v->report, &v->choice.view, rows, 1, NULL) < 0 ? vm_fail(err, ENOMEM, "out of memory") : 0;
	else
		vmrep_put_line(v, &row);
	return 0;
}

const struct vmrep_mode vmrep_machine = { .open = open_machine, .read = read_machine, .show = show_machine,
		 .close = close_machine };

/* ---- Totals ------------------------------------------------------------------------------------------------------- */

static int list_totals(struct vmrep *v, const struct vm_machine_row *row, struct vm_err *err)
{
	struct vm_machine_total_row rows[VM_COLUMNS_MAX];
	size_t n = 0, kept = 0;
	for (size_t i = 0; i < vm_machine_fields.n; i++)
		if (vm_machine_is_figure(&vm_machine_fields.v[i]) && !(vm_machine_fields.v[i].needs & VM_MACH(WALKS)))
			rows[n++] = (struct vm_machine_total_row){ .of = &vm_machine_fields.v[i], .row = row };
	vm_auto_free const void **list = vm_choice_apply(&v->choice, rows, n, sizeof(rows[0]), &kept);
	if (!list)
		return vm_fail(err, ENOMEM, "out of memory");
	if (vm_report_is_document(&v->report)) {
		vm_document_begin(&v->report, v->s, "vmrep/1");
		vm_json_put_str(&v->report.json, "mode", "totals");
		vm_json_put_known(&v->report.json, "uptime_ns", row->m->uptime_ns > 0, row->m->uptime_ns);
	}
	if (vm_report_list(&v->report, &v->choice.view, list, kept, NULL) < 0)
		return vm_fail(err, ENOMEM, "out of memory");
	vm_document_end(&v->report, v->s, vm_clock_ns() - v->began_ns);
	return 0;
}

static int open_totals(struct vmrep *v, struct vm_err *err)
{
	int r = open_machine(v, err);
	v->set = &vm_machine_total_fields;
	return r;
}

static int read_totals(struct vmrep *v, struct vm_err *err)
{
	v->choice.needs = VM_MACH_FILES;
	return read_machine(v, err);
}

static int show_totals(struct vmrep *v, bool *empty, struct vm_err *err)
{
	const struct machine *m = v->priv;
	const struct vm_machine_row row = { .m = &m->now, .rates = &m->rates };
	(void)empty;
	return list_totals(v, &row, err);
}

const struct vmrep_mode vmrep_totals = { .open = open_totals, .read = read_totals, .show = show_totals, .close = close_machine };
