/** cli/tui: screens as text, from rows made here and keys pressed here. */
#include "cli/tui/app.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <sys/mman.h>

#include "cli/tui/canvas.h"
#include "cli/tui/feed.h"
#include "cli/tui/keys.h"
#include "cli/tui/tab.h"
#include "cli/tui/term.h"
#include "core/analysis/whygroup.h"
#include "core/field/field.h"
#include "core/model/aspace.h"
#include "core/model/hugespace.h"
#include "core/model/kind.h"
#include "core/model/vmflags.h"
#include "unit.h"

/* ---- A machine ------------------------------------------------------------------------------------------- */

static struct vm_procset set;
static struct vm_aspace space;
static int space_error;
static unsigned refreshes;
static uint32_t last_needs;
static struct vm_huge_space *huge;
static unsigned huge_looks;
static size_t exported;

static struct vm_proc *add(pid_t pid, const char *comm, const char *cmdline, const char *user, uint64_t rss_mib)
{
	struct vm_proclist *l = vm_procset_now(&set);
	struct vm_proc p;
	vm_proc_init(&p, pid);
	p.start = (uint64_t)pid * 10;
	p.state = 'S';
	p.has_uid = true;
	p.user = user;
	p.cmdline = cmdline;
	p.taken_ns = 1;
	snprintf(p.comm, sizeof(p.comm), "%s", comm);
	vm_proc_set(&p, VM_P_RSS, rss_mib << 20);
	vm_proc_set(&p, VM_P_VSZ, rss_mib << 21);
	vm_proc_set(&p, VM_P_SWAP, 0);
	ck_assert(vm_vec_push(&l->rows, p));
	return &l->rows.v[l->rows.n - 1];
}

static void set_pss(struct vm_proc *p, uint64_t mib)
{
	vm_proc_set(p, VM_P_PSS, mib << 20);
	vm_proc_set(p, VM_P_USS, mib << 20);
	p->rollup_ns = 1;
}

static void make_machine(void)
{
	vm_procset_now(&set)->needs = VM_NEED(STAT) | VM_NEED(ROLLUP);
	set_pss(add(1, "init", "/sbin/init", "root", 10), 4);
	add(2, "kthreadd", "", "root", 0)->kthread = true;
	set_pss(add(300, "postgres", "postgres: writer", "postgres", 80), 20);
	add(301, "postgres", "postgres: checkpointer", "postgres", 60);
	set_pss(add(400, "evil", "evil\033[2J\n\xff name", "mallory", 5), 5);
	set_pss(add(500, "bash", "-bash", "ann", 6), 1);
}

static void add_mapping(uint64_t start, uint64_t pages, uint8_t prot, enum vm_kind kind, const char *name)
{
	struct vm_mapping *m = vm_aspace_add(&space);
	m->start = start;
	m->end = start + pages * 4096;
	m->prot = prot;
	m->kind = (uint8_t)kind;
	m->name = name;
	m->flags = VM_VMF(RD) | VM_VMF(MR);
	m->have_flags = true;
	uint64_t *q = vm_aspace_add_figures(&space, m);
	q[VM_Q_RSS] = pages * 2048;
	q[VM_Q_PSS] = pages * 1024;
	m->have = VM_HAVE(VM_Q_RSS) | VM_HAVE(VM_Q_PSS);
	vm_mapping_derive(m, q);
}

/** Sizes of pages are looked at once; the next look fails, and what was seen is gone. */
static void look_at_pages(const struct vm_want *want, struct vm_frame *frame)
{
	static uint32_t from[3];
	static const struct vm_why_space why = { .from = from };
	if (huge)
		vm_huge_space_free(huge);
	free(huge);
	huge = NULL;
	if (want->huge && frame->space && huge_looks) {
		huge_looks--;
		huge = calloc(1, sizeof(*huge));
		ck_assert(huge && vm_huge_space_begin(huge, &space, 4096, 2 << 20) == 0);
		for (size_t i = 0; i < space.nmaps; i++)
			huge->map[i].resident = 4096;
	}
	frame->huge = huge;
	frame->huge_why = &why;
}

static int refresh(void *ctx, const struct vm_want *want, struct vm_frame *frame, struct vm_err *err)
{
	(void)ctx, (void)err;
	refreshes++;
	last_needs = want->needs;
	frame->procs = &set;
	frame->sys = (struct vm_system){ .psi_some10 = NAN };
	frame->space_error = space_error;
	if (want->pid && !space_error && space.proc.pid != want->pid) {
		vm_aspace_clear(&space);
		space.proc = *vm_proclist_get(vm_procset_now(&set), want->pid, want->start);
		add_mapping(0x400000, 16, PROT_READ | PROT_EXEC, VM_KIND_TEXT, "/usr/bin/thing");
		add_mapping(0x7f0000000000, 64, PROT_READ | PROT_WRITE, VM_KIND_ANON, "");
	}
	frame->space = space.nmaps ? &space : NULL;
	frame->totals = space.nmaps ? &space.proc : NULL;
	look_at_pages(want, frame);
	return 0;
}

/** The rows that are to be written. */
static int take_export(void *ctx, const struct vm_fieldset *fields, const struct vm_columns *cols, const void *const *rows, size_t n,
		       char *name, size_t size, struct vm_err *err)
{
	(void)ctx, (void)fields, (void)cols, (void)rows, (void)err;
	exported = n;
	snprintf(name, size, "somewhere");
	return 0;
}

/* ---- A terminal ------------------------------------------------------------------------------------------ */

/** Keys to press: characters, and these. */
#define ENTER "\r"
#define ESC "\033"
#define TAB "\t"
#define UP "\x01"
#define DOWN "\x02"
#define TICK "\x03"
#define F2 "\x04"
#define F3 "\x05"
#define F4 "\x06"
#define F6 "\x07"
#define DIE "\x0e"

static struct {
	int w, h;
	const char *keys;
	struct vm_event mouse;
	bool has_mouse;
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

static int wait_event(void *ctx, uint64_t deadline_ns, struct vm_event *ev, struct vm_err *err)
{
	static const int special[] = {
		[1] = VM_KEY_UP, [2] = VM_KEY_DOWN, [4] = VM_KEY_F(2), [5] = VM_KEY_F(3), [6] = VM_KEY_F(4),
		[7] = VM_KEY_F(6),
	};
	(void)ctx, (void)deadline_ns, (void)err;
	int key = (unsigned char)*fake.keys;
	if (!key) {
		*ev = fake.mouse;
		ev->type = fake.has_mouse ? fake.mouse.type : VM_EV_END;
		fake.has_mouse = false;
		return 0;
	}
	fake.keys++;
	*ev = (struct vm_event){ .type = key == 3 ? VM_EV_TICK : VM_EV_KEY, .key = key };
	if (key < 8 && special[key])
		ev->key = special[key];
	if (key == 0x0e) {
		*ev = (struct vm_event){ .type = VM_EV_TICK };
		space_error = ESRCH;
	}
	return 0;
}

static const char *play_with(const struct vm_app_opts *o, const char *keys)
{
	const struct vm_feed feed = { .refresh = refresh, .export = take_export };
	const struct vm_term term = { .utf8 = false, .size = get_size, .draw = draw, .wait = wait_event };
	struct vm_err err = { 0 };
	if (!vm_procset_now(&set)->rows.n)
		make_machine();
	fake.keys = keys;
	ck_assert_msg(vm_app_run(o, &feed, &term, &err) == 0, "%s", err.what);
	return vm_buf_str(&fake.screen);
}

/** The screen after these keys. */
static const char *play(const char *keys)
{
	const struct vm_app_opts o = { .interval_ns = 1000000000 };
	return play_with(&o, keys);
}

static void has(const char *screen, const char *text)
{
	ck_assert_msg(strstr(screen, text), "'%s' is not on the screen:\n%s", text, screen);
}

static void lacks(const char *screen, const char *text)
{
	ck_assert_msg(!strstr(screen, text), "'%s' is on the screen:\n%s", text, screen);
}

static void before(const char *screen, const char *a, const char *b)
{
	has(screen, a);
	has(screen, b);
	ck_assert_msg(strstr(screen, a) < strstr(screen, b), "'%s' is not before '%s':\n%s", a, b, screen);
}

/* ---- The list -------------------------------------------------------------------------------------------- */

START_TEST(biggest_first_and_no_kernel_threads)
{
	const char *s = play("");
	before(s, "writer", "checkpointer");
	before(s, "checkpointer", "/sbin/init");
	lacks(s, "kthreadd");
	has(s, "5 processes");
	has(s, "PSS: 4 of 5 read");
	has(s, "RSSv");
}
END_TEST

START_TEST(hostile_names_are_harmless)
{
	const char *s = play("");
	lacks(s, "\033");
	has(s, "evil\\033[2J\\012\\377 name");
}
END_TEST

START_TEST(unknown_is_not_zero)
{
	const char *s = play("P");
	/* Not read yet: neither 0 nor first. */
	before(s, "evil", "checkpointer");
	before(s, "-bash", "checkpointer");
	before(play("PI"), "evil", "checkpointer");
}
END_TEST

START_TEST(sort_keys)
{
	before(play("#"), "/sbin/init", "writer");
	before(play("I"), "evil", "writer");
	has(play("<"), "VSZv");
	has(play(">"), "PSSv");
	has(play("P"), "PSSv");
	has(play(F6 DOWN ENTER), "PSSv");
	before(play("V"), "writer", "checkpointer");
}
END_TEST

START_TEST(plain_filter)
{
	const char *s = play(F4 "checkp");
	has(s, "Filter: checkp");
	has(s, "checkpointer");
	lacks(s, "writer");
	s = play("\\POST" ENTER);
	has(s, "2 of 5 processes");
	has(s, "filter: POST");
	s = play("\\300" ENTER);
	has(s, "1 of 5");
	has(play("\\nonsense" ENTER), "No row passes the filter");
	has(play("\\post" ENTER "\\" ESC), "2 of 5");
	lacks(play("\\post" ENTER "\\\x15" ENTER), "filter:");
}
END_TEST

START_TEST(expression_filter)
{
	const char *s = play("\\RSS > 50M and USER == postgres" ENTER);
	has(s, "2 of 5");
	/* Half an expression says what is missing, and doesn't close. */
	s = play("\\RSS >" ENTER);
	has(s, "Filter: RSS >");
	has(s, "checkpointer");
	has(play("\\NOSUCH == 1" ENTER), "NOSUCH");
	/* Escape gives the old list back. */
	s = play("\\RSS > 50M" ESC);
	lacks(s, "filter:");
	has(s, "-bash");
}
END_TEST

START_TEST(search)
{
	/* What Enter opens tells where the search went. */
	has(play("/check" ENTER ENTER), "301 postgres: checkpointer");
	has(play("/postgres" ENTER "n" ENTER), "301 postgres");
	has(play("/postgres" ENTER "nn" ENTER), "300 postgres");
	has(play("/postgres" ENTER "N" ENTER), "301 postgres");
	has(play("/zzz"), "not found");
	has(play(DOWN DOWN "/-bash" ESC ENTER), "1 /sbin/init");
}
END_TEST

START_TEST(selection_sticks_to_its_process)
{
	has(play(DOWN "I" ENTER), "301 postgres");
	/* The first line is the first line, whoever is there. */
	has(play("I" ENTER), "400 evil");
}
END_TEST

START_TEST(tags_are_summed_up)
{
	const char *s = play("  ");
	has(s, "2 tagged       280.0M 140.0M  20.0M  20.0M      0");
	lacks(play("  c"), "tagged");
	lacks(play(" " UP " "), "tagged");
}
END_TEST

/** The texts of the rows, one behind the other. */
static const char *names(const char *screen)
{
	enum { COLUMNS_BEFORE = 8 };
	static char out[4096];
	size_t n = 0;
	out[0] = '\0';
	for (const char *s = strstr(screen, "PID USER"); s && (s = strchr(s, '\n'));) {
		const char *end = strchr(++s, '\n');
		if (!end || end - s < 20 || *s == 'F')
			continue;
		for (int i = 0; i < COLUMNS_BEFORE; i++) {
			s += strspn(s, " ");
			s += strcspn(s, " ");
		}
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%.*s|", (int)(end - s - 1), s + 1);
	}
	return out;
}

static void set_parent(pid_t pid, pid_t parent)
{
	struct vm_proclist *l = vm_procset_now(&set);
	if (!l->rows.n)
		make_machine();
	l->rows.v[vm_proclist_find(l, pid, 0)].ppid = parent;
}

START_TEST(tree)
{
	set_parent(300, 1);
	set_parent(301, 300);
	set_parent(400, 300);
	set_parent(500, 1);
	ck_assert_str_eq(names(play("t")),
			 "/sbin/init||-postgres: writer|| |-postgres: checkpointer|| `-evil\\033[2J\\012\\377 name|`--bash|");
	/* Sorted among siblings. */
	ck_assert_str_eq(names(play("tI")),
			 "/sbin/init||--bash|`-postgres: writer|  |-evil\\033[2J\\012\\377 name|  `-postgres: checkpointer|");
	/* Folded: sums of what adds up, 5 + 60 + 80 MiB. */
	const char *s = play("t" DOWN "-");
	has(s, "|-+2 postgres: writer");
	has(s, "145.0M");
	lacks(s, "checkpointer");
	has(s, "5 processes");
	/* From below; and open again. */
	has(play("t" DOWN DOWN DOWN "-"), "|-+2 postgres: writer");
	has(play("t" DOWN "-+"), "checkpointer");
	lacks(play("t*"), "checkpointer");
	has(play("t**"), "checkpointer");
	/* Tags inside count. */
	has(play("t" DOWN DOWN " " UP "-"), "1 tagged");
	has(play("tt"), "400 mallory");
}
END_TEST

START_TEST(tree_of_what_cannot_be)
{
	set_parent(300, 301);
	set_parent(301, 300);
	set_parent(400, 400);
	set_parent(500, 4711);
	const char *s = names(play("t"));
	has(s, "postgres: writer|");
	has(s, "`-postgres: checkpointer|");
	has(s, "-bash|");
	has(s, "init|");
	has(play("t*-"), "5 processes");
}
END_TEST

START_TEST(kernel_threads_and_users)
{
	const char *s = play("k");
	has(s, "kthreadd");
	has(s, "shown");
	s = play("u" DOWN ENTER);
	has(s, "user ann");
	has(s, "-bash");
	lacks(s, "writer");
	has(play("u" DOWN ENTER "u" ENTER), "writer");
}
END_TEST

START_TEST(columns)
{
	const char *s = play(F2);
	has(s, "[x] PID");
	has(s, "[ ] PPID");
	s = play("S" DOWN " " ESC);
	lacks(s, "USER");
	/* A new column is read at once. */
	play(F2 "\r" ESC);
	s = play(F2 DOWN DOWN DOWN DOWN DOWN DOWN DOWN DOWN DOWN DOWN DOWN DOWN " " ESC);
	has(s, "THREADS");
	s = play(F2 DOWN "[" ESC);
	before(s, "USER", "PID");
	before(play(F2 DOWN "[d" ESC), "PID", "USER");
}
END_TEST

START_TEST(options_choose)
{
	const struct vm_app_opts o = {
		.interval_ns = 1000000000, .columns = "PID,CGROUP,COMM", .sort = "-PID", .filter = "RSS > 9M",
		.exact = true,
	};
	const char *s = play_with(&o, "");
	has(s, "CGROUP");
	before(s, "301", "300");
	has(s, "3 of 5");
	ck_assert(last_needs & VM_NEED(CGROUP));
	ck_assert_msg(!(last_needs & VM_NEED(ROLLUP)), "what isn't shown isn't read");
	const struct vm_app_opts wrong = { .interval_ns = 1, .columns = "NOPE" };
	const struct vm_feed feed = { .refresh = refresh };
	const struct vm_term term = { .size = get_size, .draw = draw, .wait = wait_event };
	struct vm_err err = { 0 };
	ck_assert_int_eq(vm_app_run(&wrong, &feed, &term, &err), -EINVAL);
	has(err.what, "NOPE");
}
END_TEST

START_TEST(pause_holds)
{
	refreshes = 0;
	has(play("Z" TICK TICK TICK), "PAUSED");
	ck_assert_uint_eq(refreshes, 1);
	refreshes = 0;
	lacks(play(TICK "Z" TICK "Z"), "PAUSED");
	ck_assert_uint_eq(refreshes, 3);
	refreshes = 0;
	play("Zr");
	ck_assert_uint_eq(refreshes, 2);
}
END_TEST

START_TEST(interval)
{
	has(play("d0.001" ENTER), "at least 0.05");
	lacks(play("d0.5" ENTER), "Interval:");
	lacks(play("dabc" ESC), "Interval:");
}
END_TEST

START_TEST(exact_numbers)
{
	has(play("b"), "83886080");
	has(play("bb"), "80.0M");
}
END_TEST

START_TEST(mouse)
{
	play("");
	fake.mouse = (struct vm_event){ .type = VM_EV_CLICK, .x = 1, .y = 5 };
	fake.has_mouse = true;
	has(play(""), "PID^");
	/* The third row: after the headings at line 5. */
	fake.mouse = (struct vm_event){ .type = VM_EV_CLICK, .x = 3, .y = 8, .twice = true };
	fake.has_mouse = true;
	has(play(""), "1 /sbin/init");
	fake.mouse = (struct vm_event){ .type = VM_EV_WHEEL, .x = 3, .y = 8, .turn = 1 };
	fake.has_mouse = true;
	play("");
	fake.mouse = (struct vm_event){ .type = VM_EV_CLICK, .x = 300, .y = -4, .twice = true };
	fake.has_mouse = true;
	has(play(""), "writer");
}
END_TEST

START_TEST(unknown_keys_say_so)
{
	has(play("%"), "does nothing here");
}
END_TEST

/* ---- A process ------------------------------------------------------------------------------------------- */

START_TEST(overview)
{
	const char *s = play(ENTER);
	has(s, "300 postgres: writer");
	has(s, "Overview");
	has(s, "VSZ 160.0M");
	has(s, "PSS 20.0M");
	has(s, "text");
	has(s, "anonymous memory");
	has(s, "2 mappings");
	has(play(ENTER "q"), "5 processes");
}
END_TEST

START_TEST(mappings)
{
	const char *s = play(ENTER TAB);
	before(s, "000000400000", "7f0000000000");
	has(s, "/usr/bin/thing");
	before(play(ENTER TAB "M"), "7f0000000000", "000000400000");
	s = play(ENTER TAB "\\KIND == anon" ENTER);
	has(s, "1 of 2 mappings");
	lacks(s, "thing");
	fake.w = 58;
	has(play(ENTER TAB), "</thing");
	fake.w = 80;
	s = play(ENTER TAB ENTER);
	has(s, "Mapping 000000400000-000000410000 of process 300");
	has(s, "first byte behind it");
	play(ENTER TAB ENTER "\x02");
	s = play(ENTER TAB ENTER ESC);
	has(s, "thing");
}
END_TEST

START_TEST(flags_in_words)
{
	fake.h = 70;
	const char *s = play(ENTER TAB ENTER);
	has(s, "mr VM_MAYREAD");
}
END_TEST

START_TEST(a_process_that_ends_keeps_its_last_figures)
{
	const char *s = play(ENTER DIE);
	has(s, "has ended");
	has(s, "VSZ 160.0M");
	s = play(ENTER DIE "q");
	has(s, "writer");
}
END_TEST

START_TEST(a_process_that_was_gone_before)
{
	space_error = ESRCH;
	const char *s = play(ENTER TAB TICK);
	has(s, "has ended");
	has(s, "No rows");
}
END_TEST

START_TEST(what_may_not_be_read_is_said)
{
	space_error = EACCES;
	has(play(ENTER), "Not permitted");
}
END_TEST

START_TEST(rows_of_a_look_go_with_it)
{
	huge_looks = 1;
	has(play(ENTER "6"), "/usr/bin/thing");
	huge_looks = 1;
	play(ENTER "6x");
	ck_assert_uint_eq(exported, 2);
	/* The next look fails: nothing is left to be sorted or written. */
	huge_looks = 1;
	has(play(ENTER "6" TICK "Ix"), "Not read yet");
	ck_assert_uint_eq(exported, 0);
}
END_TEST

/* ---- Help, keys, sizes ------------------------------------------------------------------------------------- */

START_TEST(help)
{
	const char *s = play("?");
	has(s, "Help");
	has(s, "F4 \\");
	fake.h = 200;
	s = play("h");
	for (size_t i = 0; i < vm_process_fields.n; i++)
		has(s, vm_process_fields.v[i].name);
	for (size_t i = 0; i < vm_keys_n; i++) {
		ck_assert_msg(strlen(vm_keys[i].keys) <= 9, "%s", vm_keys[i].keys);
		has(s, vm_keys[i].keys);
	}
	has(play("hq"), "5 processes");
}
END_TEST

START_TEST(no_key_means_two_things)
{
	const unsigned scopes[] = { VM_IN_PROCS, VM_IN_TAB, VM_IN_TAB | VM_IN_TAB_LIST, VM_IN_TAB | VM_IN_TAB_PAGE, VM_IN_TEXT, VM_IN_MENU };
	for (size_t sc = 0; sc < sizeof(scopes) / sizeof(scopes[0]); sc++)
		for (size_t i = 0; i < vm_keys_n; i++)
			for (unsigned k = 0; k < VM_KEY_CODES && vm_keys[i].code[k] && (vm_keys[i].scope & scopes[sc]); k++)
				ck_assert_msg(vm_key_action(vm_keys, vm_keys_n, vm_keys[i].code[k], scopes[sc]) ==
					      vm_keys[i].action,
					      "%s", vm_keys[i].keys);
}
END_TEST

START_TEST(tabs_have_a_key_and_a_name_each)
{
	for (size_t t = 0; t < vm_tabs_n; t++) {
		const char key[] = { '\r', (char)vm_tabs[t]->key, '\0' };
		has(play(key), vm_tabs[t]->name);
		for (size_t u = 0; u < t; u++) {
			ck_assert_int_ne(vm_tabs[t]->key, vm_tabs[u]->key);
			ck_assert_str_ne(vm_tabs[t]->name, vm_tabs[u]->name);
		}
		for (size_t i = 0; i < vm_tabs[t]->nkeys; i++) {
			ck_assert(vm_tabs[t]->keys[i].action >= VM_ACT_OWN);
			ck_assert(vm_tabs[t]->keys[i].scope & VM_IN_TAB);
		}
	}
	/* A number goes there directly, one without a tab nowhere. */
	has(play(ENTER "2"), "/usr/bin/thing");
	has(play(ENTER "29"), "/usr/bin/thing");
	has(play(ENTER "21"), "WHAT IT IS");
}
END_TEST

START_TEST(every_size)
{
	for (fake.h = 1; fake.h < 30; fake.h++) {
		for (fake.w = 1; fake.w < 90; fake.w += fake.w < 24 ? 1 : 13) {
			static const char *const walks[] = {
				"", "/x", "  ", F2 DOWN "q", ENTER, ENTER TAB, ENTER TAB ENTER DOWN, "h", "\\RSS >",
			};
			for (size_t i = 0; i < sizeof(walks) / sizeof(walks[0]); i++)
				play(walks[i]);
			const char *s = play("");
			if (fake.w < 20 || fake.h < 5)
				ck_assert(fake.w < 10 || strstr(s, "too small"));
			else
				has(s, "PID");
		}
	}
}
END_TEST

START_TEST(no_processes)
{
	add(2, "kthreadd", "", "root", 0)->kthread = true;
	const char *s = play(ENTER "Pn " DOWN "F");
	has(s, "0 processes");
	has(s, "No rows");
}
END_TEST

UNIT_MAIN("tui", biggest_first_and_no_kernel_threads, hostile_names_are_harmless, unknown_is_not_zero, sort_keys,
	  plain_filter, expression_filter, search, selection_sticks_to_its_process, tags_are_summed_up, tree, tree_of_what_cannot_be,
	  kernel_threads_and_users, columns, options_choose, pause_holds, interval, exact_numbers, mouse,
	  unknown_keys_say_so, overview, mappings, flags_in_words, a_process_that_ends_keeps_its_last_figures,
	  a_process_that_was_gone_before, what_may_not_be_read_is_said, rows_of_a_look_go_with_it, help, no_key_means_two_things,
	  tabs_have_a_key_and_a_name_each, every_size,
	  no_processes)
