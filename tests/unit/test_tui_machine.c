/** cli/tui: the Machine screen, its graphs and what they remember, and what vmtop says that it costs. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/tui/app.h"
#include "cli/tui/canvas.h"
#include "cli/tui/feed.h"
#include "cli/tui/term.h"
#include "cli/tui/trends.h"
#include "core/base/clock.h"
#include "core/field/machine.h"
#include "unit.h"

/* ---- A machine in which each refresh brings 100 more page faults a second ----------------------------------------- */

static struct vm_procset set;
static struct vm_machine machine;
static struct vm_machine_rates rates;
static uint32_t wanted;
static bool whole, costs, unknown;
static unsigned refreshes;

static void make_figures(void)
{
	refreshes++;
	vm_machine_set(&machine, VM_M_TOTAL, UINT64_C(16) << 30);
	vm_machine_set(&machine, VM_M_FREE, UINT64_C(4) << 30);
	vm_machine_set(&machine, VM_M_AVAILABLE, UINT64_C(8) << 30);
	vm_machine_set(&machine, VM_M_ANON, UINT64_C(5) << 30);
	vm_machine_set(&machine, VM_M_PGFAULT, refreshes * (refreshes + 1) / 2 * 100);
	machine.boot_ns = refreshes * UINT64_C(1000000000);
	machine.uptime_ns = machine.boot_ns;
	machine.unmet = VM_MACH(PSI);
	machine.why[VM_MACH_PSI] = ENOENT;
	if (refreshes == 1)
		ck_assert_int_eq(vm_machine_rates_begin(&rates, &machine), 0);
	else
		ck_assert_int_eq(vm_machine_rates_next(&rates, &machine), 0);
}

static int refresh(void *ctx, const struct vm_want *want, struct vm_frame *frame, struct vm_err *err)
{
	(void)ctx, (void)err;
	wanted = want->machine;
	whole = want->machine_whole;
	frame->procs = &set;
	frame->sys = (struct vm_system){ .psi_some10 = NAN };
	make_figures();
	frame->machine = unknown ? NULL : &machine;
	frame->rates = unknown ? NULL : &rates;
	/* A quarter of the time, long enough that the way between the clocks doesn't matter. */
	const uint64_t until = vm_clock_ns() + 20000000;
	while (costs && vm_clock_ns() < until)
		;
	frame->own_cpu_ns = costs ? vm_clock_ns() / 4 : 0;
	return 0;
}

static struct {
	int w, h;
	const char *keys;
	struct vm_buf screen;
} fake = { .w = 80, .h = 24 };

static void get_size(void *ctx, int *w, int *h)
{
	(void)ctx;
	*w = fake.w;
	*h = fake.h;
}

static void draw(void *ctx, const struct vm_canvas *c)
{
	(void)ctx;
	fake.screen.n = 0;
	vm_canvas_dump(c, &fake.screen);
}

/** T: a tick; E: End; others as they are. */
static int wait_event(void *ctx, uint64_t deadline_ns, struct vm_event *ev, struct vm_err *err)
{
	(void)ctx, (void)deadline_ns, (void)err;
	const int key = *fake.keys ? *fake.keys++ : 0;
	*ev = (struct vm_event){ .type = !key ? VM_EV_END : key == 'T' ? VM_EV_TICK : VM_EV_KEY, .key = key == 'E' ? VM_KEY_END : key };
	return 0;
}

static const char *play(bool utf8, const char *keys)
{
	const struct vm_feed feed = { .refresh = refresh };
	const struct vm_term term = { .utf8 = utf8, .size = get_size, .draw = draw, .wait = wait_event };
	const struct vm_app_opts o = { .interval_ns = 1000000000 };
	struct vm_err err = { 0 };
	fake.keys = keys;
	refreshes = 0;
	machine = (struct vm_machine){ 0 };
	vm_machine_rates_free(&rates);
	rates = (struct vm_machine_rates){ 0 };
	ck_assert_msg(vm_app_run(&o, &feed, &term, &err) == 0, "%s", err.what);
	return vm_buf_str(&fake.screen);
}

static void has(const char *screen, const char *text)
{
	ck_assert_msg(strstr(screen, text), "'%s' is not on the screen:\n%s", text, screen);
}

/* ---- The screen --------------------------------------------------------------------------------------------------- */

START_TEST(figures_and_reasons)
{
	const char *s = play(false, "mTTT");
	has(s, "anon 5.0G 31.2%");
	has(s, "unexplained 7.0G 43.8%");
	has(s, "free 4.0G 25.0%");
	has(s, "page tables -");
	/* The fifth reading: 500 since the one before, 1500 in five seconds; graphs know of all. */
	has(s, "faults     all              500      500      300");
	has(s, "LAST 4.0s");
	has(s, "-+*#\n");
	has(s, "this kernel doesn't tell");
	unknown = true;
	has(play(false, "m"), "Nothing is known");
	unknown = false;
}
END_TEST

START_TEST(graphs_have_a_past_when_first_seen)
{
	play(false, "TTTT");
	ck_assert(wanted & VM_MACH(VMSTAT));
	/* What is dear is read only where it is seen. */
	ck_assert(!(wanted & VM_MACH(SHOOTDOWNS)) && !whole);
	has(play(true, "TTTTm"), "LAST 5.0s");
	ck_assert((wanted & VM_MACH(SHOOTDOWNS)) && whole);
	play(true, "mq");
	ck_assert(!whole);
}
END_TEST

START_TEST(every_size)
{
	for (fake.h = 1; fake.h < 70; fake.h += fake.h < 26 ? 1 : 11)
		for (fake.w = 1; fake.w < 200; fake.w += fake.w < 24 ? 1 : 13) {
			const char *s = play(fake.w & 1, "mTTbTTEb");
			ck_assert(fake.w < 20 || fake.h < 5 || strstr(s, "Mem["));
		}
	fake.w = 80, fake.h = 24;
}
END_TEST

START_TEST(what_it_costs_is_said)
{
	costs = true;
	for (fake.w = 80; fake.w < 200; fake.w += 40) {
		const char *list = play(false, "T");
		const char *at = strstr(list, "vmtop ");
		double share = 0;
		ck_assert_msg(at && sscanf(at, "vmtop %lf %%", &share) == 1, "%s", list);
		ck_assert_msg(share > 20 && share < 30, "%f", share);
		has(play(false, "mT"), "vmtop 2");
	}
	/* Of one reading nothing is known. */
	ck_assert(!strstr(play(false, ""), "vmtop "));
	fake.w = 80;
	costs = false;
	ck_assert(!strstr(play(false, "TT"), "vmtop "));
}
END_TEST

/* ---- What the graphs remember ------------------------------------------------------------------------------------- */

static size_t faults_at(void)
{
	size_t i = 0;
	while (strcmp(vm_trends[i].column, "FLT/S") != 0)
		i++;
	return i;
}

static void remember(struct vm_trends *t, unsigned from, unsigned to)
{
	struct vm_machine m = { 0 };
	struct vm_machine_rates r = { 0 };
	const struct vm_machine_row row = { .m = &m, .rates = &r };
	for (unsigned i = from; i < to; i++) {
		r.a_second[VM_M_PGFAULT] = i;
		vm_trends_add(t, &row, i * UINT64_C(1000000000), i);
	}
}

START_TEST(a_ring)
{
	struct vm_trends t = { 0 };
	float v[VM_TREND_LENGTH + 2];
	ck_assert_int_eq(vm_trends_init(&t), 0);
	for (size_t i = 0; i < vm_trends_n; i++)
		ck_assert_str_eq(t.field[i]->name, vm_trends[i].column);
	ck_assert_int_eq(vm_trends_span(&t, 10), 0);
	vm_trends_get(&t, faults_at(), v, 3);
	ck_assert(isnan(v[0]) && isnan(v[2]));
	remember(&t, 0, 5);
	vm_trends_get(&t, faults_at(), v, 7);
	ck_assert(isnan(v[1]) && v[2] == 0 && v[6] == 4);
	ck_assert_int_eq(vm_trends_span(&t, 3), 2000000000);
	ck_assert_int_eq(vm_trends_span(&t, 30), 4000000000);
	remember(&t, 5, VM_TREND_LENGTH + 100);
	vm_trends_get(&t, faults_at(), v, VM_TREND_LENGTH + 2);
	ck_assert(isnan(v[0]) && isnan(v[1]) && v[2] == 100 && v[VM_TREND_LENGTH + 1] == VM_TREND_LENGTH + 99);
	vm_trends_free(&t);
}
END_TEST

START_TEST(moments_of_a_recording)
{
	struct vm_trends t = { 0 };
	float v[4];
	ck_assert_int_eq(vm_trends_init(&t), 0);
	remember(&t, 0, 6);
	/* Back by one: those before it lead there.  On: it follows. */
	vm_trends_go_to(&t, 4);
	ck_assert_int_eq(t.n, 4);
	vm_trends_get(&t, faults_at(), v, 1);
	ck_assert(v[0] == 3);
	vm_trends_go_to(&t, 4);
	ck_assert_int_eq(t.n, 4);
	/* A leap: nothing leads there. */
	vm_trends_go_to(&t, 9);
	ck_assert_int_eq(t.n, 0);
	remember(&t, 9, 10);
	vm_trends_go_to(&t, 0);
	ck_assert_int_eq(t.n, 0);
	vm_trends_free(&t);
}
END_TEST

/* ---- Graphs ------------------------------------------------------------------------------------------------------- */

static const char *graph(bool utf8, int w, int h, const float *v, double full)
{
	static struct vm_buf b;
	struct vm_canvas c = { .utf8 = utf8 };
	b.n = 0;
	ck_assert_int_eq(vm_canvas_reset(&c, w, h), 0);
	vm_canvas_graph(&c, 0, 0, w, h, v, full, VM_TINT_NORMAL);
	vm_canvas_dump(&c, &b);
	vm_canvas_free(&c);
	return vm_buf_str(&b);
}

START_TEST(heights)
{
	const float v[] = { NAN, 0, 0.001F, 1, 4, 8, 100, -3 };
	ck_assert_str_eq(graph(true, 8, 1, v, 8), "  ▁▁▄██\n");
	ck_assert_str_eq(graph(false, 8, 1, v, 8), "  ..=##\n");
	ck_assert_str_eq(graph(false, 8, 2, v, 8), "     ##\n  .:###\n");
	/* Two values in a column, four dots in a line. */
	ck_assert_int_eq((int)vm_canvas_graph_values(&(struct vm_canvas){ .utf8 = true }, 4, 2), 8);
	ck_assert_int_eq((int)vm_canvas_graph_values(&(struct vm_canvas){ .utf8 = true }, 4, 1), 4);
	ck_assert_int_eq((int)vm_canvas_graph_values(&(struct vm_canvas){ .utf8 = false }, 4, 2), 4);
	ck_assert_str_eq(graph(true, 4, 2, v, 8), "  ⢸⡇\n ⣀⣿⡇\n");
	ck_assert_str_eq(graph(true, 2, 1, v, 0), "\n");
}
END_TEST

UNIT_MAIN("tui_machine", figures_and_reasons, graphs_have_a_past_when_first_seen, every_size, what_it_costs_is_said, a_ring,
	  moments_of_a_recording, heights)
