/**
 * vmtop's screens get their data here: the one place where cli/tui meets the sources.
 */

#include "cli/vmtop/vmtop.h"

#include <errno.h>

#include "core/base/err.h"

#if VM_HAVE_TUI

#include <fcntl.h>
#include <langinfo.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/hugelook.h"
#include "cli/layout.h"
#include "cli/tui/app.h"
#include "cli/tui/config.h"
#include "cli/tui/feed.h"
#include "cli/tui/keys.h"
#include "cli/tui/settings.h"
#include "cli/tui/term.h"
#include "cli/vmtop/machine.h"
#include "cli/vmtop/shared.h"
#include "cli/vmtop/parts.h"
#include "core/analysis/layout.h"
#include "core/base/clock.h"
#include "core/model/aspace.h"
#include "core/source/capture.h"
#include "core/source/nodes.h"
#include "core/source/recording.h"
#include "core/source/session.h"
#include "core/source/source.h"

struct live {
	struct vmtop *v;
	struct vm_aspace *space;
	/** The open process's photograph is taken again when this comes. */
	uint64_t space_due_ns;
	uint32_t space_needs;
	/** Its totals, read at every refresh. */
	struct vm_proc totals;
	/** A moment of the recording has been shown. */
	bool shown;
	struct vm_arena texts;
	/** Its pages by size, taken again when this comes. */
	struct vm_huge_world world;
	struct vm_huge_look look;
	bool looked;
	uint64_t look_due_ns;
	struct vmtop_shared shared;
	struct vmtop_machine machine;
	struct vmtop_pages pages;
	struct vmtop_faults faults;
	struct vmtop_tlb tlb;
	/** Of a recording: the session forgets its own with each moment. */
	struct vm_nodes nodes;
	struct vm_config config;
	char config_path[PATH_MAX];
	bool have_config;
};

static void drop_space(struct live *lv)
{
	vm_aspace_free(lv->space);
	lv->space = NULL;
	lv->space_due_ns = 0;
}

/** Between two photographs: the small files only, which cost next to nothing. */
static int refresh_totals(struct live *lv, const struct vm_want *want, struct vm_err *err)
{
	const uint32_t needs = VM_NEED(STAT) | VM_NEED(STATUS) | VM_NEED(USER) | VM_NEED(LIMITS) |
			       (want->space_needs & (VM_NEED(CAPS) | VM_NEED(FAULTTIME)));
	struct vm_proc p;
	vm_arena_reset(&lv->texts);
	int r = vm_proc_read(lv->v->s, want->pid, needs, &lv->texts, &p, err);
	if (r == 0 && p.start != want->start)
		r = -ESRCH;
	if (r < 0)
		return r;
	vm_proc_keep_rollup(&p, &lv->space->proc);
	p.cmdline = lv->space->proc.cmdline;
	p.numa = lv->space->proc.numa;
	p.unmet |= lv->space->proc.unmet;
	memcpy(p.why, lv->space->proc.why, sizeof(p.why));
	lv->totals = p;
	return 0;
}

/** The open process, as often as the budget pays for: reading smaps burdens it as rollups do. */
static int refresh_space(struct live *lv, const struct vm_want *want, struct vm_err *err)
{
	struct vm_aspace *as;
	uint64_t now = vm_clock_ns();
	bool other = lv->space && (lv->space->proc.pid != want->pid || lv->space->proc.start != want->start);
	if (other)
		drop_space(lv);
	if (lv->space && now < lv->space_due_ns && !(want->space_needs & ~lv->space_needs))
		return refresh_totals(lv, want, err);
	int r = vm_snapshot(lv->v->s, want->pid, want->space_needs, 0, 0, &as, err);
	/* Where the layout can't be read (another user's), there still are totals. */
	if (r < 0 && r != -ESRCH) {
		const uint32_t layout = VM_NEED(LAYOUT) | VM_NEED(SMAPS) | VM_NEED(FLAGS) | VM_NEED_KIND;
		int plain = vm_snapshot(lv->v->s, want->pid, want->space_needs & ~layout, 0, 0, &as, NULL);
		if (plain < 0)
			return r;
	} else if (r == -ESRCH) {
		return r;
	}
	if (as->proc.start != want->start) {
		vm_aspace_free(as);
		return -ESRCH;
	}
	drop_space(lv);
	lv->space = as;
	lv->totals = as->proc;
	lv->space_needs = want->space_needs;
	lv->space_due_ns = now + (uint64_t)((double)as->took_ns / want->budget);
	return r;
}

static void drop_look(struct live *lv)
{
	vm_huge_look_free(&lv->look);
	vm_huge_world_free(&lv->world);
	lv->look = (struct vm_huge_look){ 0 };
	lv->world = (struct vm_huge_world){ 0 };
	lv->looked = false;
	lv->look_due_ns = 0;
}

/** Every page is looked at: as often as the budget pays for. */
static void refresh_look(struct live *lv, const struct vm_want *want, struct vm_frame *frame)
{
	const uint64_t now = vm_clock_ns();
	const bool other = lv->looked && (lv->look.as->proc.pid != want->pid || lv->look.as->proc.start != want->start);
	if (!want->huge || !want->pid || frame->space_error || other)
		drop_look(lv);
	if (want->huge && want->pid && !frame->space_error && now >= lv->look_due_ns) {
		drop_look(lv);
		frame->huge_trouble = (struct vm_err){ 0 };
		int r = vm_huge_world_read(lv->v->s, &lv->world, &frame->huge_trouble);
		if (r == 0)
			r = vm_huge_look_read(lv->v->s, &lv->world, &(struct vm_huge_ask){ .pid = want->pid }, &lv->look,
					      &frame->huge_trouble);
		if (r < 0)
			drop_look(lv);
		lv->looked = r == 0;
		lv->look_due_ns = now + (uint64_t)((double)(vm_clock_ns() - now) / want->budget);
	}
	frame->huge = lv->looked ? &lv->look.space : NULL;
	frame->huge_why = lv->looked ? &lv->look.why : NULL;
}

static int sweep_all(struct vmtop *v, const struct vm_want *want, struct vm_err *err)
{
	struct vm_sweep sweep = vmtop_sweep(v, want->needs);
	sweep.bare_kthreads = !want->kernel;
	/* What is recorded burdens nobody. */
	if (!vm_session_recording(v->s)) {
		sweep.lazy = true;
		sweep.budget_ns = (uint64_t)((double)want->interval_ns * want->budget);
		/* The first screen doesn't wait for them: which rows are in sight isn't known yet. */
		if (!v->set.ticks && !v->o->script)
			sweep.budget_ns /= 10;
		sweep.first = want->sight;
		sweep.nfirst = want->nsight;
	}
	return vm_sweep(v->s, &v->set, &sweep, err);
}

/** What was shown is of another moment than the one that is asked for. */
static void forget_shown(struct live *lv, struct vm_frame *frame)
{
	vm_procset_forget(&lv->v->set);
	vmtop_machine_restart(&lv->machine);
	frame->sys = (struct vm_system){ .psi_some10 = NAN };
	frame->machine = NULL;
	frame->rates = NULL;
	frame->nodes = NULL;
	frame->hugesys = NULL;
}

/** Rates are against the moment before, whichever way one comes from; where that can't be read there are none. */
static int go_to_moment(struct live *lv, const struct vm_want *want, struct vm_frame *frame, struct vm_err *err)
{
	struct vm_session *s = lv->v->s;
	const bool next = lv->shown && vm_session_moment(s) + 1 == want->moment;
	if (!next)
		vmtop_machine_restart(&lv->machine);
	if (want->moment && !next) {
		struct vm_err ignored;
		int r = vm_session_seek(s, want->moment - 1, &ignored);
		if (r == 0)
			r = vm_system_read(s, &frame->sys, &ignored);
		if (r == 0)
			r = vmtop_machine_refresh(&lv->machine, s, want, frame, &ignored);
		if (r == 0 && want->needs)
			r = sweep_all(lv->v, want, &ignored);
		if (r < 0)
			forget_shown(lv, frame);
	}
	if (!want->moment)
		forget_shown(lv, frame);
	lv->space_due_ns = lv->look_due_ns = 0;
	const int r = vm_session_seek(s, want->moment, err);
	lv->shown = r == 0;
	if (r < 0)
		forget_shown(lv, frame);
	return r;
}

static int refresh(void *ctx, const struct vm_want *want, struct vm_frame *frame, struct vm_err *err)
{
	struct live *lv = ctx;
	struct vmtop *v = lv->v;
	int r = 0, gone = vm_session_recording(v->s) ? go_to_moment(lv, want, frame, err) : 0;
	frame->sys_before = frame->sys;
	if (gone == 0)
		r = vm_system_read(v->s, &frame->sys, err);
	if (gone == 0 && r == 0)
		r = vmtop_machine_refresh(&lv->machine, v->s, want, frame, err);
	if (want->needs && gone == 0) {
		int swept = sweep_all(v, want, err);
		r = swept < 0 ? swept : r;
	}
	frame->procs = &v->set;
	frame->space_error = -gone;
	if (want->pid && gone == 0) {
		struct vm_err why;
		frame->space_error = -refresh_space(lv, want, &why);
	} else {
		drop_space(lv);
	}
	frame->space = lv->space;
	frame->totals = lv->space ? &lv->totals : NULL;
	refresh_look(lv, want, frame);
	/* What a script shows must be the same every time. */
	if (v->s->live && !v->o->script)
		frame->own_cpu_ns = vm_clock_cpu_ns();
	return gone < 0 ? gone : r;
}

static void explain_huge(void *ctx, const struct vm_why_group *g, vm_huge_say *say, void *say_ctx)
{
	struct live *lv = ctx;
	if (lv->looked)
		vm_huge_explain(&lv->world, &lv->look, g, say, say_ctx);
}

static int picture(void *ctx, const struct vm_aspace *as, bool utf8, struct vm_buf *out, struct vm_err *err)
{
	const struct live *lv = ctx;
	struct vm_layout_style style = { .utf8 = utf8 };
	struct vm_block *b = NULL;
	char arch[24];
	bool five;
	const long n = vm_layout_blocks(as, VM_LAYOUT_BLOCKS, &b);
	if (n < 0)
		return vm_fail(err, ENOMEM, "out of memory");
	vm_read_arch(lv->v->s, arch, sizeof(arch));
	if (strcmp(arch, "x86_64") == 0 && vm_read_paging_levels(lv->v->s, &five) == 0)
		style.user_end = vm_user_end(five);
	vm_layout_put(out, b, (size_t)n, &style);
	free(b);
	return 0;
}

/** A new file in the current directory; never an existing one, never through a link. */
static int export(void *ctx, const struct vm_fieldset *set, const struct vm_columns *cols,
		  const void *const *rows, size_t n, char *name, size_t size, struct vm_err *err)
{
	struct live *lv = ctx;
	struct vm_view view = { .set = set, .cols = *cols, .name = set->rows };
	time_t now = time(NULL);
	struct tm tm;
	char stamp[32];
	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm);
	snprintf(name, size, "vmtop-%s-%s.json", set->rows, stamp);
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!f) {
		int r = vm_fail_os(err, errno, "cannot write %s", name);
		if (fd >= 0)
			close(fd);
		return r;
	}
	int r = vmtop_report(lv->v, vm_sinks[1], f, &view, rows, n, err);
	if (fclose(f) != 0 && r == 0)
		r = vm_fail_os(err, errno, "cannot write %s", name);
	return r;
}

static void tell_when(void *ctx, size_t moment, struct vm_when *out)
{
	const struct live *lv = ctx;
	const struct vm_recording *rec = vm_session_recording(lv->v->s);
	const struct vm_rec_moment *m = vm_recording_moment(rec, moment);
	vm_moment_text(m, false, out->text);
	out->since_first_ns = m->real_ns - vm_recording_moment(rec, 0)->real_ns;
}

/** The nodes that columns are made for: they stay as long as the screens do. */
static const struct vm_nodes *known_nodes(struct live *lv)
{
	if (!vm_session_recording(lv->v->s))
		return vm_nodes_known(lv->v->s);
	return vm_nodes_read(lv->v->s, &lv->nodes, NULL) == 0 ? &lv->nodes : NULL;
}

static void look_back(void *ctx, size_t from, size_t to, uint32_t machine, vm_feed_past *take, void *take_ctx)
{
	struct live *lv = ctx;
	const struct vm_want want = { .machine = machine };
	struct vm_frame frame = { 0 };
	struct vm_err err;
	vmtop_machine_restart(&lv->machine);
	for (size_t i = from; i < to; i++) {
		/* Of a broken moment nothing is known, nor how the next one differs from it. */
		if (vm_session_seek(lv->v->s, i, &err) < 0)
			vmtop_machine_restart(&lv->machine);
		else if (vmtop_machine_refresh(&lv->machine, lv->v->s, &want, &frame, &err) == 0)
			take(take_ctx, i, frame.machine, frame.rates);
	}
	/* The session is elsewhere now. */
	lv->shown = false;
}

static int find_moment(void *ctx, const char *text, size_t *moment, struct vm_err *err)
{
	const struct live *lv = ctx;
	return vm_recording_find(vm_session_recording(lv->v->s), text, moment, err);
}

bool vmtop_print_doc(const char *kind, FILE *out)
{
	if (strcmp(kind, "man-keys") == 0)
		vm_keys_write_man(out);
	else if (strcmp(kind, "man-settings") == 0)
		vm_settings_write_man(out);
	else
		return false;
	return true;
}

static int save(void *ctx, const char *text, size_t len, char *name, size_t size, struct vm_err *err)
{
	const struct live *lv = ctx;
	snprintf(name, size, "%s", lv->config_path);
	return vmtop_config_save(lv->config_path, text, len, err);
}

/** Settings that can't be read are told of, and not replaced by a save. */
static void read_config(struct live *lv, struct vm_err *err)
{
	struct vm_buf text = { 0 };
	lv->have_config = vmtop_config_path(lv->config_path, sizeof(lv->config_path)) &&
			  vmtop_config_read(lv->config_path, &text, err) == 0;
	if (lv->have_config)
		vm_config_parse(&lv->config, vm_buf_str(&text), text.n);
	vm_buf_free(&text);
}

int vmtop_live(struct vmtop *v, struct vm_err *err)
{
	struct live lv = { .v = v };
	struct vm_term term;
	struct vm_style style;
	struct vm_err unread = { 0 };
	read_config(&lv, &unread);
	vm_common_style(v->common, v->ctx->out, &style);
	int r = v->o->script ? vm_script_open(v->o->script, style.utf8, &term, err) :
			       vm_curses_open(style.color, &term, err);
	if (r < 0)
		return r;
	const struct vm_recording *rec = vm_session_recording(v->s);
	vmtop_shared_begin(&lv.shared, v->s);
	vmtop_pages_begin(&lv.pages, v);
	vmtop_faults_begin(&lv.faults, v);
	vmtop_tlb_begin(&lv.tlb, v);
	const struct vm_feed feed = {
		.ctx = &lv, .nodes = known_nodes(&lv), .page_bytes = v->s->page_bytes, .refresh = refresh,
		.pages = &lv.pages.feed, .faults = &lv.faults.feed, .tlb = &lv.tlb.feed, .shared = &lv.shared.feed,
		.explain_huge = explain_huge, .picture = picture, .save = save, .export = export, .when = tell_when,
		.look_back = look_back,
		.find = find_moment, .moments = rec ? vm_recording_count(rec) : 0, .moment = rec ? vm_session_moment(v->s) : 0,
	};
	const struct vm_app_opts opts = {
		.interval_ns = v->interval_ns, .config = lv.have_config ? &lv.config : NULL, .read_only = v->o->read_only,
		.note = unread.code ? unread.what : NULL,
		/* A script is played as fast as it goes: nothing must depend on time. */
		.budget = v->o->script ? 1 : v->budget, .fields = v->fields, .columns = v->common->columns, .sort = v->common->sort,
		.filter = v->common->filter, .kernel = v->o->kernel, .exact = v->common->bytes,
	};
	r = vm_app_run(&opts, &feed, &term, err);
	int sig = term.ended_by(term.ctx);
	term.close(term.ctx);
	vm_aspace_free(lv.space);
	drop_look(&lv);
	vmtop_shared_end(&lv.shared);
	vmtop_machine_free(&lv.machine);
	vmtop_pages_end(&lv.pages);
	vmtop_faults_end(&lv.faults);
	vmtop_tlb_end(&lv.tlb);
	vm_nodes_free(&lv.nodes);
	vm_arena_free(&lv.texts);
	vm_config_free(&lv.config);
	/* Our parent should see what ended us. */
	if (sig)
		raise(sig);
	return r;
}

#else

bool vmtop_print_doc(const char *kind, FILE *out)
{
	(void)kind, (void)out;
	return false;
}

int vmtop_live(struct vmtop *v, struct vm_err *err)
{
	(void)v;
	vm_fail(err, ENOTTY, "built without ncurses, so there is no screen");
	vm_hint(err, "--once prints the same as a table");
	return -ENOTTY;
}

#endif
