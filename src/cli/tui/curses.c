/**
 * The terminal, by ncurses.  The only file that includes it.
 *
 * Signals are let in while we wait for input and at no other time, so ncurses is never interrupted in the
 * middle of its work: not by a resize, not by SIGTSTP, not by the signals that end us.  SIGTSTP has a handler of
 * ours because ncurses ignores it while it draws, and what is ignored is lost.  Crashes come when they like: their handler writes what was prepared beforehand with
 * write(2) and tcsetattr(3), both async-signal-safe, and lets the signal do the rest.
 */
#include "cli/tui/term.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

/* ncurses has macros for names like move, erase and clear; they stay in this file. */
#define NCURSES_NOMACROS
#include <curses.h>
#include <term.h>

#include "cli/tui/canvas.h"
#include "core/base/clock.h"
#include "core/base/err.h"

static const int end_signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };
static const int crash_signals[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL };
enum { NEND = sizeof(end_signals) / sizeof(end_signals[0]), NCRASH = sizeof(crash_signals) / sizeof(crash_signals[0]) };

/*
 * Globals, because signal handlers have no argument: what came, and what gives the terminal back.
 */
static volatile sig_atomic_t ended_by, was_continued, to_be_stopped;
static struct {
	int fd;
	char text[512];
	size_t n;
	struct termios termios;
	bool have_termios;
} restore;

struct vm_curses {
	SCREEN *screen;
	FILE *in;                  /* /dev/tty, where standard input is no terminal */
	int in_fd;
	bool utf8;
	attr_t attr[VM_TINT_NR];
	short pair[VM_TINT_NR];
	bool caught;
	sigset_t while_waiting, before;
	struct sigaction old_end[NEND], old_crash[NCRASH], old_cont, old_stop;
	stack_t old_stack;
	void *stack;
	uint64_t click_ns;
	int click_x, click_y;
	/** What ncurses was handed last, so that it is handed only what changed. */
	struct vm_cell *shown;
	int shown_w, shown_h;
};

static void on_end(int sig)
{
	ended_by = sig;
}

static void on_cont(int sig)
{
	(void)sig;
	was_continued = 1;
}

static void on_stop(int sig)
{
	(void)sig;
	to_be_stopped = 1;
}

static void on_crash(int sig)
{
	size_t done = 0;
	while (done < restore.n) {
		ssize_t n = write(restore.fd, restore.text + done, restore.n - done);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (restore.have_termios)
		tcsetattr(restore.fd, TCSANOW, &restore.termios);
	/* SA_RESETHAND and SA_NODEFER: this ends us, with the right status and a core dump if wanted. */
	raise(sig);
}

static int collect(int ch)
{
	if (restore.n < sizeof(restore.text))
		restore.text[restore.n++] = (char)ch;
	return ch;
}

/** What curses would write on leaving, kept ready for the handler of crashes. */
static void prepare_restore(void)
{
	static const char *const caps[] = { "sgr0", "op", "rmkx", "cnorm", "rmcup" };
	restore.fd = STDOUT_FILENO;
	restore.n = 0;
	restore.have_termios = tcgetattr(restore.fd, &restore.termios) == 0;
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		const char *s = tigetstr(caps[i]);
		if (s && s != (const char *)-1)
			tputs(s, 1, collect);
	}
	/* Mouse reports off: what ncurses turns on has no terminfo name. */
	const char *mouse = tigetstr("kmous");
	if (mouse && mouse != (const char *)-1)
		for (const char *s = "\033[?1000l\033[?1002l\033[?1003l\033[?1006l"; *s; s++)
			collect(*s);
	collect('\r');
	collect('\n');
}

static void catch_signals(struct vm_curses *cu)
{
	sigset_t block;
	cu->caught = true;
	sigemptyset(&block);
	sigaddset(&block, SIGWINCH);
	sigaddset(&block, SIGTSTP);
	sigaddset(&block, SIGCONT);
	for (size_t i = 0; i < NEND; i++)
		sigaddset(&block, end_signals[i]);
	sigprocmask(SIG_BLOCK, &block, &cu->before);
	cu->while_waiting = cu->before;
	for (int sig = 1; sig < NSIG; sig++)
		if (sigismember(&block, sig) == 1)
			sigdelset(&cu->while_waiting, sig);

	struct sigaction sa = { .sa_handler = on_end };
	for (size_t i = 0; i < NEND; i++) {
		sigaction(end_signals[i], NULL, &cu->old_end[i]);
		/* nohup(1) and background jobs of plain shells ignore some: so do we. */
		if (cu->old_end[i].sa_handler != SIG_IGN)
			sigaction(end_signals[i], &sa, NULL);
	}
	sa.sa_handler = on_cont;
	sigaction(SIGCONT, &sa, &cu->old_cont);
	sa.sa_handler = on_stop;
	sigaction(SIGTSTP, NULL, &cu->old_stop);
	if (cu->old_stop.sa_handler != SIG_IGN)
		sigaction(SIGTSTP, &sa, NULL);

	/* A stack of its own: the crash may be an overflow of the usual one. */
	size_t size = (size_t)SIGSTKSZ < 65536 ? 65536 : (size_t)SIGSTKSZ;
	cu->stack = malloc(size);
	stack_t st = { .ss_sp = cu->stack, .ss_size = size };
	bool own = cu->stack && sigaltstack(&st, &cu->old_stack) == 0;
	sa = (struct sigaction){ .sa_handler = on_crash,
				 .sa_flags = SA_RESETHAND | SA_NODEFER | (own ? SA_ONSTACK : 0) };
	for (size_t i = 0; i < NCRASH; i++)
		sigaction(crash_signals[i], &sa, &cu->old_crash[i]);
}

static void release_signals(struct vm_curses *cu)
{
	for (size_t i = 0; i < NCRASH; i++)
		sigaction(crash_signals[i], &cu->old_crash[i], NULL);
	for (size_t i = 0; i < NEND; i++)
		sigaction(end_signals[i], &cu->old_end[i], NULL);
	sigaction(SIGCONT, &cu->old_cont, NULL);
	sigaction(SIGTSTP, &cu->old_stop, NULL);
	if (cu->stack)
		sigaltstack(&cu->old_stack, NULL);
	free(cu->stack);
	sigprocmask(SIG_SETMASK, &cu->before, NULL);
}

/** A look: colours as RGB, of the 256, of the 8, and without. */
struct look {
	int fg_rgb, bg_rgb;
	short fg256, bg256, fg8, bg8;
	attr_t color, mono;
};

/* Okabe and Ito's palette, which all kinds of colour vision tell apart: https://jfly.uni-koeln.de/color/ */
enum {
	RGB_ORANGE = 0xe69f00, RGB_SKY = 0x56b4e9, RGB_GREEN = 0x009e73, RGB_YELLOW = 0xf0e442, RGB_BLUE = 0x0072b2,
	RGB_VERMILION = 0xd55e00, RGB_PURPLE = 0xcc79a7, RGB_GREY = 0x8a8a8a, RGB_BLACK = 0x000000, RGB_WHITE = 0xffffff,
};

/* Nothing is told by colour alone: bars have a legend, and levels an attribute where there are no colours. */
static const struct look looks[VM_TINT_NR] = {
	[VM_TINT_NORMAL] = { -1, -1, -1, -1, -1, -1, A_NORMAL, A_NORMAL },
	[VM_TINT_DIM] = { RGB_GREY, -1, 245, -1, -1, -1, A_NORMAL, A_NORMAL },
	[VM_TINT_BOLD] = { -1, -1, -1, -1, -1, -1, A_BOLD, A_BOLD },
	[VM_TINT_HEAD] = { RGB_BLACK, RGB_SKY, 16, 74, COLOR_BLACK, COLOR_CYAN, A_NORMAL, A_REVERSE },
	[VM_TINT_HEAD_SORT] = { RGB_BLACK, RGB_ORANGE, 16, 214, COLOR_BLACK, COLOR_YELLOW, A_NORMAL,
				A_REVERSE | A_BOLD | A_UNDERLINE },
	[VM_TINT_SELECT] = { RGB_WHITE, RGB_BLUE, 231, 25, COLOR_WHITE, COLOR_BLUE, A_BOLD, A_REVERSE },
	[VM_TINT_TAG] = { RGB_YELLOW, -1, 220, -1, COLOR_YELLOW, -1, A_BOLD, A_BOLD },
	[VM_TINT_TITLE] = { -1, -1, -1, -1, -1, -1, A_BOLD, A_BOLD },
	[VM_TINT_KEY] = { -1, -1, -1, -1, -1, -1, A_BOLD, A_BOLD },
	[VM_TINT_KEY_TEXT] = { RGB_BLACK, RGB_SKY, 16, 74, COLOR_BLACK, COLOR_CYAN, A_NORMAL, A_REVERSE },
	[VM_TINT_PROMPT] = { -1, -1, -1, -1, -1, -1, A_NORMAL, A_NORMAL },
	[VM_TINT_WARN] = { RGB_ORANGE, -1, 208, -1, COLOR_YELLOW, -1, A_BOLD, A_BOLD },
	[VM_TINT_WARM] = { RGB_YELLOW, -1, 220, -1, COLOR_YELLOW, -1, A_NORMAL, A_BOLD },
	[VM_TINT_HOT] = { RGB_VERMILION, -1, 202, -1, COLOR_RED, -1, A_BOLD, A_BOLD | A_UNDERLINE },
	[VM_TINT_BAR_ANON] = { RGB_ORANGE, -1, 214, -1, COLOR_YELLOW, -1, A_NORMAL, A_NORMAL },
	[VM_TINT_BAR_FILE] = { RGB_SKY, -1, 74, -1, COLOR_CYAN, -1, A_NORMAL, A_NORMAL },
	[VM_TINT_BAR_SHMEM] = { RGB_GREEN, -1, 36, -1, COLOR_GREEN, -1, A_NORMAL, A_NORMAL },
	[VM_TINT_BAR_KERNEL] = { RGB_PURPLE, -1, 175, -1, COLOR_MAGENTA, -1, A_NORMAL, A_NORMAL },
	[VM_TINT_BAR_OTHER] = { RGB_GREY, -1, 245, -1, COLOR_WHITE, -1, A_NORMAL, A_NORMAL },
	[VM_TINT_BAR_SWAP] = { RGB_VERMILION, -1, 166, -1, COLOR_RED, -1, A_NORMAL, A_NORMAL },
	[VM_TINT_BAR_TABLES] = { RGB_YELLOW, -1, 220, -1, COLOR_YELLOW, -1, A_BOLD, A_NORMAL },
	[VM_TINT_BAR_TAKEN] = { RGB_VERMILION, -1, 166, -1, COLOR_RED, -1, A_NORMAL, A_NORMAL },
	[VM_TINT_BAR_POOLS] = { RGB_BLUE, -1, 25, -1, COLOR_BLUE, -1, A_NORMAL, A_NORMAL },
};

/** Terminal types with direct colour: a number is red, green and blue, 8 bits each. */
static bool has_direct_color(void)
{
	return COLORS >= 1 << 24 && tigetflag("RGB") > 0;
}

static void choose_colors(const struct look *l, int *fg, int *bg)
{
	*fg = has_direct_color() ? l->fg_rgb : COLORS >= 256 ? l->fg256 : l->fg8;
	*bg = has_direct_color() ? l->bg_rgb : COLORS >= 256 ? l->bg256 : l->bg8;
}

static bool set_looks(struct vm_curses *cu, bool color)
{
	color = color && has_colors() && start_color() == OK && COLOR_PAIRS > VM_TINT_NR;
	bool defaults = color && use_default_colors() == OK;
	for (int t = 0; t < VM_TINT_NR; t++) {
		const struct look *l = &looks[t];
		int fg, bg;
		cu->attr[t] = color ? l->color : l->mono;
		cu->pair[t] = 0;
		if (!color)
			continue;
		choose_colors(l, &fg, &bg);
		if (fg < 0 && bg < 0)
			continue;
		if (!defaults)
			fg = fg < 0 ? COLOR_WHITE : fg, bg = bg < 0 ? COLOR_BLACK : bg;
		cu->pair[t] = (short)(t + 1);
		init_extended_pair(t + 1, fg, bg);
	}
	return color;
}

static void get_size(void *ctx, int *w, int *h)
{
	(void)ctx;
	*w = COLS;
	*h = LINES;
}

static bool same_cell(const struct vm_cell *a, const struct vm_cell *b)
{
	return a->ch == b->ch && a->tint == b->tint && a->width == b->width;
}

/** The first and the last cell to be handed over; whole lines where characters are wide, since these overlap. */
static bool find_change(const struct vm_cell *row, const struct vm_cell *old, int w, int *from, int *to)
{
	bool wide = false;
	*from = w;
	*to = 0;
	for (int x = 0; x < w; x++) {
		wide = wide || row[x].width != 1 || (old && old[x].width != 1);
		if (old && same_cell(&row[x], &old[x]))
			continue;
		*from = *from < x ? *from : x;
		*to = x;
	}
	if (*from == w)
		return false;
	if (wide)
		*from = 0, *to = w - 1;
	return true;
}

static void draw_row(struct vm_curses *cu, int y, const struct vm_cell *row, int from, int to)
{
	for (int x = from; x <= to; x++) {
		if (!row[x].width)
			continue;
		const wchar_t text[2] = { (wchar_t)row[x].ch, 0 };
		cchar_t ch;
		setcchar(&ch, text, cu->attr[row[x].tint], cu->pair[row[x].tint], NULL);
		mvadd_wch(y, x, &ch);
	}
}

/** Remember what was handed over; without memory for it, all is handed over the next time. */
static void remember(struct vm_curses *cu, const struct vm_canvas *c)
{
	const size_t size = (size_t)c->w * (size_t)c->h * sizeof(*c->cell);
	if (!cu->shown || c->w != cu->shown_w || c->h != cu->shown_h) {
		free(cu->shown);
		cu->shown = size ? malloc(size) : NULL;
		cu->shown_w = c->w;
		cu->shown_h = c->h;
	}
	if (cu->shown)
		memcpy(cu->shown, c->cell, size);
}

static void draw(void *ctx, const struct vm_canvas *c)
{
	struct vm_curses *cu = ctx;
	const bool known = cu->shown && c->w == cu->shown_w && c->h == cu->shown_h;
	for (int y = 0; y < c->h; y++) {
		const size_t at = (size_t)y * (size_t)c->w;
		int from, to;
		if (find_change(c->cell + at, known ? cu->shown + at : NULL, c->w, &from, &to))
			draw_row(cu, y, c->cell + at, from, to);
	}
	remember(cu, c);
	refresh();
}

/** The terminal's size may change while we are stopped or busy: ask, rather than trust a signal. */
static bool resized(void)
{
	struct winsize ws;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) != 0 || !ws.ws_row || !ws.ws_col ||
	    (ws.ws_row == LINES && ws.ws_col == COLS))
		return false;
	resizeterm(ws.ws_row, ws.ws_col);
	return true;
}

static const struct { int curses, ours; } special[] = {
	{ KEY_UP, VM_KEY_UP }, { KEY_DOWN, VM_KEY_DOWN }, { KEY_LEFT, VM_KEY_LEFT }, { KEY_RIGHT, VM_KEY_RIGHT },
	{ KEY_PPAGE, VM_KEY_PGUP }, { KEY_NPAGE, VM_KEY_PGDN }, { KEY_HOME, VM_KEY_HOME }, { KEY_END, VM_KEY_END },
	{ KEY_BTAB, VM_KEY_BACKTAB }, { KEY_DC, VM_KEY_DELETE }, { KEY_BACKSPACE, VM_KEY_BACKSPACE },
	{ KEY_ENTER, VM_KEY_ENTER }, { KEY_SLEFT, VM_KEY_SHIFT_LEFT }, { KEY_SRIGHT, VM_KEY_SHIFT_RIGHT },
};

static int translate(int key)
{
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (special[i].curses == key)
			return special[i].ours;
	if (key >= KEY_F(1) && key <= KEY_F(24))
		return VM_KEY_F(key - KEY_F(0));
	return VM_KEY_OTHER;
}

static bool take_mouse(struct vm_curses *cu, struct vm_event *ev)
{
	enum { DOUBLE_CLICK_NS = 400000000 };
	MEVENT m;
	if (getmouse(&m) != OK)
		return false;
	*ev = (struct vm_event){ .x = m.x, .y = m.y };
	if (m.bstate & (BUTTON4_PRESSED | BUTTON5_PRESSED)) {
		ev->type = VM_EV_WHEEL;
		ev->turn = m.bstate & BUTTON4_PRESSED ? -1 : 1;
		return true;
	}
	if (!(m.bstate & (BUTTON1_PRESSED | BUTTON1_CLICKED | BUTTON1_DOUBLE_CLICKED)))
		return false;
	uint64_t now = vm_clock_ns();
	ev->type = VM_EV_CLICK;
	ev->twice = (m.bstate & BUTTON1_DOUBLE_CLICKED) ||
		    (now - cu->click_ns < DOUBLE_CLICK_NS && m.x == cu->click_x && m.y == cu->click_y);
	cu->click_ns = ev->twice ? 0 : now;
	cu->click_x = m.x;
	cu->click_y = m.y;
	return true;
}

/** An event that is already there. */
static bool take_input(struct vm_curses *cu, struct vm_event *ev)
{
	wint_t ch;
	for (int r; (r = get_wch(&ch)) != ERR;) {
		if (r == KEY_CODE_YES && ch == KEY_MOUSE) {
			if (take_mouse(cu, ev))
				return true;
			continue;
		}
		if (r == KEY_CODE_YES && ch == KEY_RESIZE) {
			cu->shown_w = cu->shown_h = 0;
			*ev = (struct vm_event){ .type = VM_EV_RESIZE };
			return true;
		}
		*ev = (struct vm_event){ .type = VM_EV_KEY, .key = r == KEY_CODE_YES ? translate((int)ch) : (int)ch };
		if (ev->key == '\b')
			ev->key = VM_KEY_BACKSPACE;
		return true;
	}
	return false;
}

/** Give the terminal back, stop, and take it again when we go on. */
static void stop(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL }, ours;
	sigset_t tstp, blocked;
	to_be_stopped = 0;
	def_prog_mode();
	endwin();
	sigaction(SIGTSTP, &dfl, &ours);
	raise(SIGTSTP);
	sigemptyset(&tstp);
	sigaddset(&tstp, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &tstp, &blocked);
	/* Here we stand still. */
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	sigaction(SIGTSTP, &ours, NULL);
	reset_prog_mode();
	was_continued = 1;
}

/** Something other than input happened. */
static bool take_signal(struct vm_curses *cu, struct vm_event *ev)
{
	/* ppoll(2) lets no signal in when there is input at once: an endless paste must not hold off SIGTERM. */
	sigset_t blocked;
	sigprocmask(SIG_SETMASK, &cu->while_waiting, &blocked);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	if (ended_by) {
		*ev = (struct vm_event){ .type = VM_EV_END };
		return true;
	}
	if (to_be_stopped)
		stop();
	bool again = was_continued;
	was_continued = 0;
	/* Whoever ran meanwhile may have left anything on the screen. */
	if (again)
		clearok(curscr, TRUE);
	const bool other_size = resized();
	if (!other_size && !again)
		return false;
	/* ncurses cuts or fills its own picture. */
	if (other_size)
		cu->shown_w = cu->shown_h = 0;
	*ev = (struct vm_event){ .type = VM_EV_RESIZE };
	return true;
}

static int wait_event(void *ctx, uint64_t deadline_ns, struct vm_event *ev, struct vm_err *err)
{
	struct vm_curses *cu = ctx;
	/* Input that never comes although it is announced: the end of the file, time and again.  (A few
	   times it is the beginning of a key's sequence.) */
	enum { EMPTY_MAX = 50 };
	for (unsigned empty = 0; empty < EMPTY_MAX;) {
		if (take_signal(cu, ev) || take_input(cu, ev))
			return 0;
		uint64_t now = vm_clock_ns();
		if (deadline_ns != UINT64_MAX && now >= deadline_ns) {
			*ev = (struct vm_event){ .type = VM_EV_TICK };
			return 0;
		}
		uint64_t left = deadline_ns - now;
		struct timespec ts = { .tv_sec = (time_t)(left / 1000000000), .tv_nsec = (long)(left % 1000000000) };
		struct pollfd fd = { .fd = cu->in_fd, .events = POLLIN };
		int r = ppoll(&fd, 1, deadline_ns == UINT64_MAX ? NULL : &ts, &cu->while_waiting);
		if (r < 0 && errno != EINTR)
			return vm_fail_os(err, errno, "cannot wait for keys");
		/* The terminal went away without a signal (or with one that nohup(1) ignores). */
		if (r > 0 && (fd.revents & (POLLERR | POLLHUP | POLLNVAL)))
			break;
		empty += r > 0;
	}
	*ev = (struct vm_event){ .type = VM_EV_END };
	return 0;
}

static int get_ended_by(void *ctx)
{
	(void)ctx;
	return ended_by;
}

static void free_curses(struct vm_curses *cu)
{
	if (cu->screen) {
		mousemask(0, NULL);
		endwin();
		delscreen(cu->screen);
	}
	if (cu->caught)
		release_signals(cu);
	if (cu->in && cu->in != stdin)
		fclose(cu->in);
	free(cu->shown);
	free(cu);
}

static void close_curses(void *ctx)
{
	free_curses(ctx);
}

static int no_terminal(const char *why, struct vm_err *err)
{
	const char *term = getenv("TERM");
	vm_fail(err, ENOTTY, "no screen on terminal type '%s': %s", term ? term : "", why);
	vm_hint(err, "--once prints the same as a table");
	return -ENOTTY;
}

/** Does this terminal type exist, and can it be drawn on?  Then it is the current one, to be deleted. */
static int check_type(struct vm_err *err)
{
	int status;
	if (setupterm(NULL, STDOUT_FILENO, &status) != OK)
		return no_terminal("it isn't known", err);
	const char *cup = tigetstr("cup");
	if (cup && cup != (const char *)-1)
		return 0;
	del_curterm(cur_term);
	return no_terminal("it can't move the cursor", err);
}

static void set_up_screen(struct vm_curses *cu)
{
	set_escdelay(25);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL);
	mouseinterval(0);
	cu->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

int vm_curses_open(bool color, struct vm_term *out, struct vm_err *err)
{
	int r = check_type(err);
	if (r < 0)
		return r;
	struct vm_curses *cu = calloc(1, sizeof(*cu));
	if (!cu)
		return vm_fail(err, ENOMEM, "out of memory");
	/* Keys come from the terminal even if standard input is a file. */
	cu->in = isatty(STDIN_FILENO) ? stdin : fopen("/dev/tty", "re");
	if (!cu->in) {
		free_curses(cu);
		return no_terminal("there is nothing to read keys from", err);
	}
	cu->in_fd = fileno(cu->in);
	ended_by = was_continued = to_be_stopped = 0;
	prepare_restore();
	/* newterm() looks its type up by itself. */
	del_curterm(cur_term);
	/* Before ncurses looks: it takes over SIGINT and SIGTERM where nobody else has. */
	catch_signals(cu);
	cu->screen = newterm(NULL, stdout, cu->in);
	if (!cu->screen) {
		free_curses(cu);
		return no_terminal("ncurses can't use it", err);
	}
	set_up_screen(cu);
	*out = (struct vm_term){
		.ctx = cu, .utf8 = cu->utf8, .color = set_looks(cu, color), .size = get_size, .draw = draw,
		.wait = wait_event, .close = close_curses, .ended_by = get_ended_by,
	};
	return 0;
}
