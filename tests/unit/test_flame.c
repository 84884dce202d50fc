/** cli/render/flame: stacks merged, folded, drawn; names of any bytes. */
#include "cli/render/flame.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

static struct vm_flame *flame;

/** An empty one for each test. */
static void begin(void)
{
	vm_flame_free(flame);
	flame = vm_flame_new();
	ck_assert_ptr_nonnull(flame);
}

/** Add "a;b;c", all of a class; the names are gone afterwards. */
static void add_class(const char *path, uint64_t weight, enum vm_flame_class class)
{
	struct vm_flame_frame frame[200];
	char *copy = strdup(path), *rest = copy;
	size_t n = 0;
	for (char *name; (name = strsep(&rest, ";"));)
		frame[n++] = (struct vm_flame_frame){ name, class };
	ck_assert_int_eq(vm_flame_add(flame, frame, n, weight), 0);
	memset(copy, 'X', strlen(path));
	free(copy);
}

static void add(const char *path, uint64_t weight)
{
	add_class(path, weight, VM_FLAME_PROGRAM);
}

static char *folded(void)
{
	char *s = NULL;
	size_t n;
	FILE *f = open_memstream(&s, &n);
	ck_assert_int_eq(vm_flame_folded(flame, f), 0);
	fclose(f);
	return s;
}

static char *svg(const char *title, const char *subtitle, enum vm_flame_unit unit)
{
	const struct vm_flame_text text = { title, subtitle, unit };
	char *s = NULL;
	size_t n;
	FILE *f = open_memstream(&s, &n);
	ck_assert_int_eq(vm_flame_svg(flame, &text, f), 0);
	fclose(f);
	return s;
}

static void has(const char *s, const char *part)
{
	ck_assert_msg(strstr(s, part), "'%s' isn't in:\n%.4000s", part, s);
}

static size_t count(const char *s, const char *part)
{
	size_t n = 0;
	for (; (s = strstr(s, part)); s++)
		n++;
	return n;
}

/**
 * The frames of a picture, by a program of tests/tools, which also checks what holds for every picture.  NULL where
 * there is no such interpreter.
 */
static char *checked(const char *picture, const char *interpreter, const char *tool, const char *args)
{
	char path[] = "/tmp/test_flame.XXXXXX", command[600];
	const int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, picture, strlen(picture)), (ssize_t)strlen(picture));
	close(fd);
	snprintf(command, sizeof(command), "%s '" VM_FIXTURES "/../tools/%s' %s %s 2>&1", interpreter, tool, path,
		 args);
	char *s = NULL;
	size_t n;
	FILE *in = popen(command, "r"), *to = open_memstream(&s, &n);
	for (int c; (c = fgetc(in)) != EOF;)
		fputc(c, to);
	fclose(to);
	const int status = pclose(in);
	unlink(path);
	if (WEXITSTATUS(status) == 127) {
		printf("skip: %s isn't installed\n", interpreter);
		free(s);
		return NULL;
	}
	ck_assert_msg(status == 0, "%s", s);
	return s;
}

static void frames_are(const char *picture, const char *expected)
{
	char *got = checked(picture, "python3", "flame_svg.py", "");
	if (got && expected)
		ck_assert_str_eq(got, expected);
	free(got);
}

START_TEST(stacks_are_merged)
{
	begin();
	add("main;a;b", 3);
	add("main;c", 10);
	add("main;a", 2);
	add("main;a;b", 1);
	add("start", 10);
	ck_u64_eq(vm_flame_total(flame), 26);
	/* The biggest first, equal ones by name, a frame's own weight before what it calls. */
	char *s = folded();
	ck_assert_str_eq(s, "main;c 10\nmain;a 2\nmain;a;b 4\nstart 10\n");
	free(s);
	/* And more may be added afterwards. */
	add("main;a;z", 20);
	s = folded();
	ck_assert_str_eq(s, "main;a 2\nmain;a;z 20\nmain;a;b 4\nmain;c 10\nstart 10\n");
	free(s);
}
END_TEST

START_TEST(nothing)
{
	begin();
	char *s = folded();
	ck_assert_str_eq(s, "");
	free(s);
	const struct vm_flame_frame one = { "x", VM_FLAME_KERNEL };
	ck_assert_int_eq(vm_flame_add(flame, &one, 0, 5), 0);
	ck_assert_int_eq(vm_flame_add(flame, &one, 1, 0), 0);
	ck_u64_eq(vm_flame_total(flame), 0);
	s = svg(NULL, NULL, VM_FLAME_NS);
	frames_are(s, "0\t0\t0\to\tall\t\n");
	free(s);
	vm_flame_free(NULL);
}
END_TEST

START_TEST(weights_that_dont_fit_are_refused)
{
	begin();
	add("a", UINT64_MAX - 1);
	const struct vm_flame_frame b = { "b", VM_FLAME_PROGRAM };
	ck_assert_int_eq(vm_flame_add(flame, &b, 1, 2), -EOVERFLOW);
	ck_assert_int_eq(vm_flame_add(flame, &b, 1, 1), 0);
	ck_u64_eq(vm_flame_total(flame), UINT64_MAX);
	char *s = folded();
	ck_assert_str_eq(s, "a 18446744073709551614\nb 1\n");
	free(s);
}
END_TEST

static const char hostile[] = "<a href=\"x\">'&amp;]]>;\n\t\033[2J\xff\xc3\x28 \xe2\x80\xae\xef\xbf\xbf\xef\xbf\xbd \xc3\xa4</title>";

START_TEST(hostile_names_fold_safely)
{
	begin();
	const struct vm_flame_frame frame[] = { { "", 0 }, { NULL, 0 }, { hostile, 0 }, { "operator new(unsigned long)", 0 } };
	ck_assert_int_eq(vm_flame_add(flame, frame, 4, 7), 0);
	char *s = folded();
	ck_assert_str_eq(s, "[unknown];[unknown];<a_href=\"x\">'&amp:]]>:\\012\\011\\033[2J\\377\\303(_\\342\\200\\256"
			 "\xef\xbf\xbf\xef\xbf\xbd_\xc3\xa4</title>;operator_new(unsigned_long) 7\n");
	/* Semicolons part frames, the last blank parts the weight. */
	ck_assert_uint_eq(count(s, ";"), 3);
	ck_assert_uint_eq(count(s, " "), 1);
	free(s);
}
END_TEST

START_TEST(hostile_names_are_drawn_safely)
{
	begin();
	const struct vm_flame_frame frame = { hostile, VM_FLAME_JIT };
	ck_assert_int_eq(vm_flame_add(flame, &frame, 1, 1), 0);
	char *s = svg(hostile, hostile, VM_FLAME_FAULTS);
	ck_assert_uint_eq(count(s, "</title>"), 3);
	ck_assert_uint_eq(count(s, "]]>"), 2);
	const char *const shown = "<a href=\"x\">'&amp;]]>;\\012\\011\\033[2J\\377\\303( \\342\\200\\256"
				  "\xef\xbf\xbd\xef\xbf\xbd \xc3\xa4</title>";
	char expected[512];
	snprintf(expected, sizeof(expected), "0\t0\t1\to\tall\tall\n1\t0\t1\tj\t%s\t%s\n", shown, shown);
	/* The checker looks for links in the whole picture: here one is in a name. */
	for (char *at = s; (at = strstr(at, "href"));)
		memcpy(at, "herf", 4);
	for (char *at = expected; (at = strstr(at, "href"));)
		memcpy(at, "herf", 4);
	frames_are(s, expected);
	free(s);
}
END_TEST

START_TEST(every_byte)
{
	begin();
	for (unsigned a = 1; a < 256; a++) {
		char name[] = { (char)a, 'x', (char)(a * 7), (char)(a * 31), '\0' };
		const struct vm_flame_frame frame = { name, VM_FLAME_LIBRARY };
		ck_assert_int_eq(vm_flame_add(flame, &frame, 1, 1), 0);
	}
	char *s = svg("every byte", NULL, VM_FLAME_FAULTS);
	frames_are(s, NULL);
	free(s);
	s = folded();
	ck_assert_uint_eq(count(s, "\n"), 255);
	ck_assert_uint_eq(count(s, " 1\n"), 255);
	ck_assert_uint_eq(count(s, " "), 255);
	free(s);
}
END_TEST

START_TEST(a_picture)
{
	begin();
	add_class("main;work", 600, VM_FLAME_PROGRAM);
	const struct vm_flame_frame kind[] = {
		{ "main", VM_FLAME_PROGRAM }, { "malloc", VM_FLAME_LIBRARY }, { "anonymous, first", VM_FLAME_FAULT },
	};
	ck_assert_int_eq(vm_flame_add(flame, kind, 2, 300), 0);
	ck_assert_int_eq(vm_flame_add(flame, kind, 3, 100), 0);
	char *s = svg("Page faults", "of process 42", VM_FLAME_FAULTS);
	has(s, "<text class=\"title\" x=\"10\" y=\"26\">Page faults</text>");
	has(s, ">of process 42</text>");
	has(s, ">main\n1000 faults, 100.00 %</title>");
	has(s, ">program</text>");
	has(s, ">kind of fault</text>");
	ck_assert_ptr_null(strstr(s, ">kernel</text>"));
	frames_are(s, "0\t0\t1000\to\tall\tall\n"
		   "1\t0\t1000\tp\tmain\tmain\n"
		   "2\t0\t600\tp\twork\twork\n"
		   "2\t600\t400\tl\tmalloc\tmalloc\n"
		   "3\t600\t100\tf\tanonymous, first\tanonymous, fir…\n");
	free(s);
}
END_TEST

/** A tree with a function that is called by way of itself. */
static void add_tree(void)
{
	add("main;load;parse;load", 300);
	add("main;load", 100);
	add("main;free_all", 590);
	add("other", 10);
}

static void script_shows(const char *steps, const char *expected)
{
	char *s = svg("t", NULL, VM_FLAME_FAULTS), *got = checked(s, "node", "flame_svg.js", steps);
	if (got)
		ck_assert_str_eq(got, expected);
	free(got);
	free(s);
}

START_TEST(a_click_zooms)
{
	begin();
	add_tree();
	/* The frame, what is below it, and faintly what is above it. */
	script_shows("click=load", "click=load\nshow all\nall 10 1180 \"all\" above\nmain 10 1180 \"main\" above\n"
		     "load 10 1180 \"load\"\nparse 10 885 \"parse\"\nload 10 885 \"load\"\n");
	script_shows("click=other", "click=other\nshow all\nall 10 1180 \"all\" above\nother 10 1180 \"other\"\n");
	const char *const whole = "all 10 1180 \"all\"\nmain 10 1168 \"main\"\nfree_all 10 696 \"free_all\"\n"
				  "load 706 472 \"load\"\nparse 706 354 \"parse\"\nload 706 354 \"load\"\nother 1178 11\n";
	char text[2000];
	snprintf(text, sizeof(text), "click=other\nshow all\nall 10 1180 \"all\" above\nother 10 1180 \"other\"\nreset\n%s",
		 whole);
	script_shows("click=other reset", text);
	snprintf(text, sizeof(text), "click=other\nshow all\nall 10 1180 \"all\" above\nother 10 1180 \"other\"\n"
		 "key=Escape\n%s", whole);
	script_shows("click=other key=Escape", text);
}
END_TEST

START_TEST(a_search_sums_up)
{
	begin();
	add_tree();
	/* What is below a frame that was found is part of it. */
	script_shows("search=LOAD", "search=LOAD\nfound: 400 faults, 40.00 %\nall 10 1180 \"all\"\nmain 10 1168 \"main\"\n"
		     "free_all 10 696 \"free_all\"\nload 706 472 \"load\" hit\nparse 706 354 \"parse\"\n"
		     "load 706 354 \"load\" hit\nother 1178 11\n");
	script_shows("click=other search=e_al key=/",
		     "click=other\nshow all\nall 10 1180 \"all\" above\nother 10 1180 \"other\"\n"
		     "search=e_al\nfound: 590 faults, 59.00 %\nshow all\nall 10 1180 \"all\" above\nother 10 1180 \"other\"\n"
		     "key=/\nfound: 590 faults, 59.00 %\nshow all\nall 10 1180 \"all\" above\nother 10 1180 \"other\"\n"
		     "the search has the keys\n");
}
END_TEST

START_TEST(windows_of_other_widths)
{
	begin();
	add("a_function_with_a_long_name", 1);
	add("other", 1);
	script_shows("width=420 over=other out",
		     "width=420\nall 10 400 \"all\"\na_function_with_a_long_name 10 200 \"a_function_with_a_long_na…\"\n"
		     "other 210 200 \"other\"\n"
		     "over=other\nother  1 fault, 50.00 %\nall 10 400 \"all\"\n"
		     "a_function_with_a_long_name 10 200 \"a_function_with_a_long_na…\"\nother 210 200 \"other\"\n"
		     "out\nall 10 400 \"all\"\na_function_with_a_long_name 10 200 \"a_function_with_a_long_na…\"\n"
		     "other 210 200 \"other\"\n");
}
END_TEST

START_TEST(times)
{
	begin();
	add("a", 1500000);
	add("b", 750);
	char *s = svg("t", NULL, VM_FLAME_NS);
	has(s, ">a\n1.5ms, 99.95 %</title>");
	has(s, ">b\n750ns, 0.05 %</title>");
	free(s);
}
END_TEST

START_TEST(classes_keep_frames_apart)
{
	begin();
	add_class("memcpy", 2, VM_FLAME_LIBRARY);
	add_class("memcpy", 1, VM_FLAME_KERNEL);
	char *s = svg("t", NULL, VM_FLAME_FAULTS);
	frames_are(s, "0\t0\t3\to\tall\tall\n1\t0\t2\tl\tmemcpy\tmemcpy\n1\t2\t1\tk\tmemcpy\tmemcpy\n");
	free(s);
}
END_TEST

START_TEST(what_is_too_narrow_is_said)
{
	begin();
	add("big", 60000);
	for (int i = 0; i < 5; i++) {
		const char name[] = { 's', (char)('0' + i), ';', 'x', '\0' };
		add(name, 3);
	}
	char *s = svg("t", NULL, VM_FLAME_FAULTS);
	has(s, "too narrow to be drawn: 5 frames, 0.02 %");
	ck_assert_uint_eq(count(s, "<g data-o"), 2);
	free(s);
}
END_TEST

/** Numbers that are always the same (Marsaglia's xorshift). */
static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/** `n` stacks of up to `depth` frames that branch in two now and then. */
static void add_many(size_t n, size_t depth)
{
	uint32_t state = 12345;
	static char name[512][32];
	struct vm_flame_frame frame[200];
	for (size_t i = 0; i < 512; i++)
		snprintf(name[i], sizeof(name[i]), "function_number_%zu", i);
	for (size_t i = 0; i < n; i++) {
		const size_t deep = 1 + next_random(&state) % depth;
		for (size_t k = 0; k < deep; k++)
			frame[k] = (struct vm_flame_frame){
				name[(k * 4 + (next_random(&state) % 16 == 0)) % 512],
				(enum vm_flame_class)(k % VM_FLAME_CLASSES),
			};
		ck_assert_int_eq(vm_flame_add(flame, frame, deep, 1 + next_random(&state) % 1000), 0);
	}
}

START_TEST(many)
{
	begin();
	add_many(20000, 127);
	char *lines = folded(), *picture = svg("many", "and deep", VM_FLAME_NS);
	uint64_t sum = 0;
	/* No name has a blank. */
	for (const char *s = lines; (s = strchr(s, ' ')); s++)
		sum += strtoull(s, NULL, 10);
	ck_u64_eq(sum, vm_flame_total(flame));
	has(picture, "too narrow to be drawn: ");
	free(lines);
	free(picture);
}
END_TEST

START_TEST(deep)
{
	begin();
	add_many(50, 127);
	char *picture = svg("deep", NULL, VM_FLAME_NS);
	frames_are(picture, NULL);
	free(picture);
}
END_TEST

START_TEST(full_disks)
{
	begin();
	add_many(1000, 20);
	FILE *full = fopen("/dev/full", "w");
	const struct vm_flame_text text = { "t", NULL, VM_FLAME_NS };
	ck_assert_ptr_nonnull(full);
	setvbuf(full, NULL, _IONBF, 0);
	ck_assert_int_eq(vm_flame_svg(flame, &text, full), -ENOSPC);
	ck_assert_int_eq(vm_flame_folded(flame, full), -ENOSPC);
	fclose(full);
}
END_TEST

UNIT_MAIN("flame", stacks_are_merged, nothing, weights_that_dont_fit_are_refused, hostile_names_fold_safely, hostile_names_are_drawn_safely, every_byte, a_picture, a_click_zooms, a_search_sums_up, windows_of_other_widths, times, classes_keep_frames_apart, what_is_too_narrow_is_said, many, deep, full_disks)
