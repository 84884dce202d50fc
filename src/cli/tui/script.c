/** A terminal on paper: keys from a file, screens saved as text.  For tests and demonstrations. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/tui/canvas.h"
#include "cli/tui/term.h"
#include "core/base/err.h"
#include "core/base/str.h"

struct vm_script {
	FILE *in;
	char path[256];
	unsigned line;
	int w, h;
	/** The screen as drawn last. */
	struct vm_buf screen;
	/** Keys of the current line that are still to be pressed; ticks still to pass. */
	char rest[1024];
	const char *next;
	bool typing;
	unsigned ticks;
};

static const struct { const char *name; int key; } names[] = {
	{ "Up", VM_KEY_UP }, { "Down", VM_KEY_DOWN }, { "Left", VM_KEY_LEFT }, { "Right", VM_KEY_RIGHT },
	{ "PgUp", VM_KEY_PGUP }, { "PgDn", VM_KEY_PGDN }, { "Home", VM_KEY_HOME }, { "End", VM_KEY_END },
	{ "Enter", VM_KEY_ENTER }, { "Esc", VM_KEY_ESC }, { "Tab", VM_KEY_TAB }, { "Shift-Tab", VM_KEY_BACKTAB },
	{ "Space", ' ' }, { "Backspace", VM_KEY_BACKSPACE }, { "Delete", VM_KEY_DELETE },
	{ "Shift-Left", VM_KEY_SHIFT_LEFT }, { "Shift-Right", VM_KEY_SHIFT_RIGHT },
};

/** "F4", "Up", "^L", "x": 0 if there is no such key. */
static int key_of(const char *word)
{
	size_t used, len = strlen(word);
	uint32_t ch = vm_utf8_next(word, len, &used);
	if (ch && used == len)
		return (int)ch;
	if (word[0] == '^' && len == 2)
		return VM_KEY_CTRL(word[1]);
	uint64_t n;
	if (word[0] == 'F' && vm_parse_u64(word + 1, &n) == 0 && n >= 1 && n <= 24)
		return VM_KEY_F((int)n);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].name, word) == 0)
			return names[i].key;
	return 0;
}

static void get_size(void *ctx, int *w, int *h)
{
	const struct vm_script *sc = ctx;
	*w = sc->w;
	*h = sc->h;
}

static void draw(void *ctx, const struct vm_canvas *c)
{
	struct vm_script *sc = ctx;
	sc->screen.n = 0;
	vm_canvas_dump(c, &sc->screen);
}

static int wrong(const struct vm_script *sc, const char *what, const char *word, struct vm_err *err)
{
	return vm_fail(err, EINVAL, "%s:%u: %s '%s'", sc->path, sc->line, what, word);
}

static int write_screen(const struct vm_script *sc, FILE *out, const char *name, struct vm_err *err)
{
	errno = 0;
	if (fwrite(sc->screen.s, 1, sc->screen.n, out) != sc->screen.n || fflush(out) != 0)
		return vm_fail_os(err, errno ? errno : EIO, "cannot write the screen to %s", name);
	return 0;
}

static int save(const struct vm_script *sc, const char *name, struct vm_err *err)
{
	FILE *f = fopen(name, "we");
	if (!f)
		return vm_fail_os(err, errno, "cannot save the screen to '%s'", name);
	int r = write_screen(sc, f, name, err);
	fclose(f);
	return r;
}

/** The next key of a `key` or `type` line; false: none is left. */
static int next_key(struct vm_script *sc, struct vm_event *ev, struct vm_err *err)
{
	*ev = (struct vm_event){ .type = VM_EV_KEY };
	if (sc->typing) {
		size_t used;
		ev->key = (int)vm_utf8_next(sc->next, strlen(sc->next), &used);
		sc->next += used;
	} else {
		char word[32];
		size_t n = strcspn(sc->next, " ");
		snprintf(word, sizeof(word), "%.*s", (int)(n < 31 ? n : 31), sc->next);
		sc->next += n;
		sc->next += strspn(sc->next, " ");
		ev->key = key_of(word);
		if (!ev->key)
			return wrong(sc, "there is no key", word, err);
	}
	if (!*sc->next)
		sc->next = NULL;
	return 1;
}

static int set_size(struct vm_script *sc, const char *arg, struct vm_event *ev, struct vm_err *err)
{
	int w, h;
	char more;
	if (sscanf(arg, "%dx%d%c", &w, &h, &more) != 2 || w < 1 || h < 1 || w > 1000 || h > 1000)
		return wrong(sc, "not a size like 80x24:", arg, err);
	sc->w = w;
	sc->h = h;
	*ev = (struct vm_event){ .type = VM_EV_RESIZE };
	return 1;
}

static int mouse(const struct vm_script *sc, const char *command, const char *arg, struct vm_event *ev,
		 struct vm_err *err)
{
	char way[8] = "";
	*ev = (struct vm_event){ .type = VM_EV_CLICK, .twice = strcmp(command, "double-click") == 0 };
	if (strcmp(command, "wheel") == 0) {
		ev->type = VM_EV_WHEEL;
		if (sscanf(arg, "%7s %d %d", way, &ev->x, &ev->y) < 1)
			return wrong(sc, "up or down, not", arg, err);
		ev->turn = strcmp(way, "up") == 0 ? -1 : 1;
		return 1;
	}
	if (sscanf(arg, "%d %d", &ev->x, &ev->y) != 2)
		return wrong(sc, "not a place like '10 3':", arg, err);
	return 1;
}

static int start_keys(struct vm_script *sc, const char *arg, bool typing)
{
	snprintf(sc->rest, sizeof(sc->rest), "%s", arg);
	sc->next = *sc->rest ? sc->rest : NULL;
	sc->typing = typing;
	return 0;
}

/** Do a line: 1 if it made an event, 0 if not, or a negative errno. */
static int run_line(struct vm_script *sc, char *line, struct vm_event *ev, struct vm_err *err)
{
	size_t n = strcspn(line, " ");
	char *arg = line + n + (line[n] == ' ');
	bool had_arg = line[n] == ' ';
	line[n] = '\0';
	if (!*line || *line == '#')
		return 0;
	if (strcmp(line, "key") == 0)
		return start_keys(sc, arg, false);
	if (strcmp(line, "type") == 0)
		return start_keys(sc, arg, true);
	if (strcmp(line, "size") == 0)
		return set_size(sc, arg, ev, err);
	if (strcmp(line, "show") == 0)
		return write_screen(sc, stdout, "standard output", err);
	if (strcmp(line, "save") == 0 && had_arg)
		return save(sc, arg, err);
	if (strcmp(line, "click") == 0 || strcmp(line, "double-click") == 0 || strcmp(line, "wheel") == 0)
		return mouse(sc, line, arg, ev, err);
	if (strcmp(line, "tick") == 0) {
		uint64_t count = 1;
		if (had_arg && (vm_parse_u64(arg, &count) != 0 || count > 1000))
			return wrong(sc, "not a number of ticks:", arg, err);
		sc->ticks = (unsigned)count;
		return 0;
	}
	return wrong(sc, "there is no command", line, err);
}

static int wait_event(void *ctx, uint64_t deadline_ns, struct vm_event *ev, struct vm_err *err)
{
	(void)deadline_ns;
	struct vm_script *sc = ctx;
	for (;;) {
		if (sc->next) {
			int r = next_key(sc, ev, err);
			return r < 0 ? r : 0;
		}
		if (sc->ticks) {
			sc->ticks--;
			*ev = (struct vm_event){ .type = VM_EV_TICK };
			return 0;
		}
		char line[1024];
		if (!fgets(line, sizeof(line), sc->in)) {
			*ev = (struct vm_event){ .type = VM_EV_END };
			return 0;
		}
		sc->line++;
		line[strcspn(line, "\n")] = '\0';
		int r = run_line(sc, line, ev, err);
		if (r)
			return r < 0 ? r : 0;
	}
}

static void close_script(void *ctx)
{
	struct vm_script *sc = ctx;
	if (sc->in && sc->in != stdin)
		fclose(sc->in);
	vm_buf_free(&sc->screen);
	free(sc);
}

static int ended_by(void *ctx)
{
	(void)ctx;
	return 0;
}

int vm_script_open(const char *path, bool utf8, struct vm_term *out, struct vm_err *err)
{
	struct vm_script *sc = calloc(1, sizeof(*sc));
	if (!sc)
		return vm_fail(err, ENOMEM, "out of memory");
	sc->in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	if (!sc->in) {
		free(sc);
		return vm_fail_os(err, errno, "cannot open the script '%s'", path);
	}
	snprintf(sc->path, sizeof(sc->path), "%s", path);
	sc->w = 80;
	sc->h = 24;
	*out = (struct vm_term){
		.ctx = sc, .utf8 = utf8, .size = get_size, .draw = draw, .wait = wait_event, .close = close_script,
		.ended_by = ended_by,
	};
	return 0;
}
