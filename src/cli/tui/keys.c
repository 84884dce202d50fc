#include "cli/tui/keys.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/tui/canvas.h"
#include "cli/tui/tab.h"
#include "cli/tui/term.h"
#include "core/base/buf.h"
#include "core/base/str.h"

#define F(n) VM_KEY_F(n)
#define CTRL(c) VM_KEY_CTRL(c)

const struct vm_key vm_keys[] = {
	{ "help", { F(1), 'h', '?' }, "F1 h ?", "Help", "this help", VM_EVERYWHERE & ~VM_IN_TEXT, VM_ACT_HELP },
	{ "open", { VM_KEY_ENTER, '\n' }, "Enter", "Open",
	  "open the process, or show all of the mapping",
	  VM_IN_LISTS | VM_IN_MENU, VM_ACT_OPEN },
	{ "columns", { F(2), 'S' }, "F2 S", "Columns", "choose the columns and their order", VM_IN_LISTS, VM_ACT_COLUMNS },
	{ "search", { F(3), '/' }, "F3 /", "Search", "search the rows for a text, while you type", VM_IN_LISTS, VM_ACT_SEARCH },
	{ "next", { 'n' }, "n", NULL, "next row that the search finds", VM_IN_LISTS, VM_ACT_NEXT },
	{ "previous", { 'N' }, "N", NULL, "previous row that the search finds", VM_IN_LISTS, VM_ACT_PREVIOUS },
	{ "filter", { F(4), '\\' }, "F4 \\", "Filter",
	  "show only rows that hold a text, or for which an expression holds: RSS > 10M and USER == root",
	  VM_IN_LISTS, VM_ACT_FILTER },
	{ "tree", { F(5), 't' }, "F5 t", "Tree", "processes below their parents, or as a list", VM_IN_PROCS, VM_ACT_TREE },
	{ "fold", { '+', '-' }, "+ -", NULL, "in the tree: fold the processes below this one, which then shows their sums; unfold", VM_IN_PROCS,
	  VM_ACT_FOLD },
	{ "fold-all", { '*' }, "*", NULL, "in the tree: fold all, unfold all", VM_IN_PROCS, VM_ACT_FOLD_ALL },
	{ "sparks", { '~' }, "~", NULL, "show or hide what rates were, in columns of rates", VM_IN_PROCS, VM_ACT_SPARKS },
	{ "sort-menu", { F(6) }, "F6", "Sort", "choose the column to sort by", VM_IN_LISTS, VM_ACT_SORT_MENU },
	{ "sets", { F(7), 'v' }, "F7 v", "Sets", "choose among sets of columns", VM_IN_PROCS, VM_ACT_SETS },
	{ "sort-left", { '<', ',' }, "<", NULL, "sort by the column to the left", VM_IN_LISTS, VM_ACT_SORT_LEFT },
	{ "sort-right", { '>', '.' }, ">", NULL, "sort by the column to the right", VM_IN_LISTS, VM_ACT_SORT_RIGHT },
	{ "invert", { 'I' }, "I", NULL, "invert the order", VM_IN_LISTS, VM_ACT_INVERT },
	{ "sort-rss", { 'M', 'R' }, "M R", NULL, "sort by RSS", VM_IN_LISTS, VM_ACT_SORT_RSS },
	{ "sort-pss", { 'P' }, "P", NULL, "sort by PSS", VM_IN_LISTS, VM_ACT_SORT_PSS },
	{ "sort-uss", { 'U' }, "U", NULL, "sort by USS", VM_IN_LISTS, VM_ACT_SORT_USS },
	{ "sort-vsz", { 'V' }, "V", NULL, "sort by size of the address space", VM_IN_LISTS, VM_ACT_SORT_VSZ },
	{ "sort-swap", { 'w' }, "w", NULL, "sort by swapped memory", VM_IN_LISTS, VM_ACT_SORT_SWAP },
	{ "sort-faults", { 'f' }, "f", NULL, "sort by minor faults a second", VM_IN_PROCS, VM_ACT_SORT_FAULTS },
	{ "sort-growth", { 'g' }, "g", NULL, "sort by growth of RSS a second", VM_IN_PROCS, VM_ACT_SORT_GROWTH },
	{ "sort-pid", { '#' }, "#", NULL, "sort by process ID, or address", VM_IN_LISTS, VM_ACT_SORT_PID },
	{ "machine", { F(8), 'm' }, "F8 m", "Machine", "the machine: what its memory is used for, and what happens there", VM_IN_PROCS,
	  VM_ACT_MACHINE },
	{ "user", { 'u' }, "u", "User", "show one user's processes", VM_IN_PROCS, VM_ACT_USER },
	{ "kernel", { 'k', 'K' }, "k K", NULL, "show or hide kernel threads", VM_IN_PROCS, VM_ACT_KERNEL },
	{ "tag", { ' ' }, "Space", "Tag", "tag the row; the footer sums up the tagged ones", VM_IN_LISTS, VM_ACT_TAG },
	{ "untag", { 'c' }, "c", NULL, "remove all tags", VM_IN_LISTS, VM_ACT_UNTAG },
	{ "pause", { 'Z', 'z' }, "Z z", "Pause", "pause and go on", VM_IN_LISTS | VM_IN_TAB | VM_IN_MACHINE, VM_ACT_PAUSE },
	{ "delay", { 'd', 's' }, "d s", NULL, "set the interval", VM_IN_LISTS | VM_IN_TAB | VM_IN_MACHINE, VM_ACT_DELAY },
	{ "refresh", { 'r', CTRL('L') }, "r", NULL, "refresh now, even while paused",
	  VM_IN_LISTS | VM_IN_TAB | VM_IN_MACHINE, VM_ACT_REFRESH },
	{ "exact", { 'b' }, "b", NULL, "exact numbers, in bytes, and back", VM_IN_LISTS | VM_IN_TAB | VM_IN_MACHINE, VM_ACT_EXACT },
	{ "export", { 'x' }, "x", NULL, "write the rows shown to a JSON file in the current directory", VM_IN_LISTS,
	  VM_ACT_EXPORT },
	{ "save", { 'W' }, "W", NULL, "save the settings", VM_IN_LISTS | VM_IN_TAB | VM_IN_MACHINE, VM_ACT_SAVE },
	{ "layout", { 'L' }, "L", NULL, "a picture of the process's address space, to scale", VM_IN_PROCS | VM_IN_TAB, VM_ACT_LAYOUT },
	{ "tab-next", { VM_KEY_TAB }, "Tab", "Tab", "next tab", VM_IN_TAB, VM_ACT_TAB_NEXT },
	{ "tab-previous", { VM_KEY_BACKTAB }, "Shift-Tab", NULL, "previous tab", VM_IN_TAB, VM_ACT_TAB_PREVIOUS },
	{ "tab-number", { '1', '2', '3', '4', '5', '6', '7', '8', '9' }, "1-9", NULL,
	  "go to a tab by its number", VM_IN_TAB, VM_ACT_TAB_NUMBER },
	{ "up", { VM_KEY_UP, CTRL('P') }, "Up", NULL, "one row up", VM_EVERYWHERE, VM_ACT_UP },
	{ "down", { VM_KEY_DOWN, CTRL('N') }, "Down", NULL, "one row down", VM_EVERYWHERE, VM_ACT_DOWN },
	{ "page-up", { VM_KEY_PGUP, CTRL('B') }, "PgUp", NULL, "one page up", VM_EVERYWHERE, VM_ACT_PAGE_UP },
	{ "page-down", { VM_KEY_PGDN, CTRL('F') }, "PgDn", NULL, "one page down", VM_EVERYWHERE, VM_ACT_PAGE_DOWN },
	{ "first", { VM_KEY_HOME, CTRL('A') }, "Home", NULL, "first row", VM_EVERYWHERE, VM_ACT_FIRST },
	{ "last", { VM_KEY_END, CTRL('E') }, "End", NULL, "last row", VM_EVERYWHERE, VM_ACT_LAST },
	{ "left", { VM_KEY_LEFT }, "Left", NULL, "show the columns to the left", VM_IN_LISTS, VM_ACT_LEFT },
	{ "right", { VM_KEY_RIGHT }, "Right", NULL, "show the columns to the right", VM_IN_LISTS, VM_ACT_RIGHT },
	{ "toggle", { ' ' }, "Space", "Toggle", "in the column menu: show or hide the column", VM_IN_COLUMNS, VM_ACT_TOGGLE },
	{ "move-up", { '[', '-' }, "[ -", "Earlier", "in the column menu: move the column to the left", VM_IN_COLUMNS,
	  VM_ACT_MOVE_UP },
	{ "move-down", { ']', '+' }, "] +", "Later", "in the column menu: move the column to the right", VM_IN_COLUMNS,
	  VM_ACT_MOVE_DOWN },
	{ "reset", { 'd' }, "d", "Defaults", "in the column menu: the usual columns", VM_IN_COLUMNS, VM_ACT_RESET },
	{ "keep", { 's' }, "s", "Keep", "in the column menu: keep these columns under a name, for F7", VM_IN_COLUMNS, VM_ACT_KEEP },
	{ "drop", { VM_KEY_DELETE, 'd' }, "Delete d", "Drop", "in the menu of sets: forget one of your own", VM_IN_SETS, VM_ACT_DROP },
	{ "quit-list", { 'q' }, "q", "Quit", "quit", VM_IN_PROCS, VM_ACT_QUIT },
	{ "back", { 'q', VM_KEY_ESC, VM_KEY_LEFT }, "q Esc", "Back", "back", VM_IN_TEXT | VM_IN_MENU, VM_ACT_BACK },
	{ "figures", { VM_KEY_ENTER, '\n' }, "Enter", "Figures", "all figures of the machine, as vmrep has them", VM_IN_MACHINE, VM_ACT_OPEN },
	{ "leave-machine", { 'q', VM_KEY_ESC, F(8), 'm' }, "q Esc F8", "Back", "back to the processes", VM_IN_MACHINE, VM_ACT_BACK },
	{ "leave-process", { 'q', VM_KEY_ESC }, "q Esc", "Back", "back to the processes", VM_IN_TAB, VM_ACT_BACK },
	{ "quit", { F(10), 'Q' }, "F10 Q", NULL, "quit", VM_EVERYWHERE, VM_ACT_QUIT },
};

const size_t vm_keys_n = sizeof(vm_keys) / sizeof(vm_keys[0]);

enum vm_action vm_key_action(const struct vm_key *keys, size_t n, int code, unsigned scope)
{
	for (size_t i = 0; i < n; i++) {
		if (!(keys[i].scope & scope))
			continue;
		for (unsigned k = 0; k < VM_KEY_CODES && keys[i].code[k]; k++)
			if (keys[i].code[k] == code)
				return keys[i].action;
	}
	return VM_ACT_NONE;
}

static const struct { const char *name; int key; } key_names[] = {
	{ "Up", VM_KEY_UP }, { "Down", VM_KEY_DOWN }, { "Left", VM_KEY_LEFT }, { "Right", VM_KEY_RIGHT },
	{ "PgUp", VM_KEY_PGUP }, { "PgDn", VM_KEY_PGDN }, { "Home", VM_KEY_HOME }, { "End", VM_KEY_END },
	{ "Enter", VM_KEY_ENTER }, { "Esc", VM_KEY_ESC }, { "Tab", VM_KEY_TAB }, { "Shift-Tab", VM_KEY_BACKTAB },
	{ "Space", ' ' }, { "Backspace", VM_KEY_BACKSPACE }, { "Delete", VM_KEY_DELETE },
	{ "Shift-Left", VM_KEY_SHIFT_LEFT }, { "Shift-Right", VM_KEY_SHIFT_RIGHT },
};
enum { KEY_NAMES = sizeof(key_names) / sizeof(key_names[0]) };

int vm_key_code(const char *word)
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
	for (size_t i = 0; i < KEY_NAMES; i++)
		if (strcmp(key_names[i].name, word) == 0)
			return key_names[i].key;
	return 0;
}

void vm_key_put(struct vm_buf *b, int code)
{
	for (size_t i = 0; i < KEY_NAMES; i++)
		if (key_names[i].key == code) {
			vm_buf_add_str(b, key_names[i].name);
			return;
		}
	if (code > VM_KEY_F0 && code <= VM_KEY_F(24))
		vm_buf_addf(b, "F%d", code - VM_KEY_F0);
	else if (code < 32)
		vm_buf_addf(b, "^%c", code + '@');
	else
		vm_utf8_put(b, (uint32_t)code);
}

/** Text for mdoc: nothing in it is a request or an escape. */
static void write_plain(const char *s, bool sentence, FILE *out)
{
	/* A delimiter alone isn't taken for text. */
	if (*s == '.' || *s == '\'' || (*s && !s[1] && strchr("()[]|,:;?!", *s)))
		fputs("\\&", out);
	for (const char *p = s; *p; p++) {
		if (*p == '\\')
			fputs("\\e", out);
		else if (*p == '-')
			fputs("\\-", out);
		else
			fputc(sentence && p == s ? toupper((unsigned char)*p) : *p, out);
	}
}

static void write_keys(const struct vm_key *keys, size_t n, FILE *out)
{
	fputs(".Bl -tag -width \"Shift-Tab\" -compact\n", out);
	for (size_t i = 0; i < n; i++) {
		fputs(".It Li \"", out);
		write_plain(keys[i].keys, false, out);
		fputs("\"\n", out);
		write_plain(keys[i].help, true, out);
		fputs(".\n", out);
	}
	fputs(".El\n", out);
}

void vm_keys_write_man(FILE *out)
{
	write_keys(vm_keys, vm_keys_n, out);
	for (size_t t = 0; t < vm_tabs_n; t++)
		if (vm_tabs[t]->nkeys) {
			fprintf(out, ".Pp\nIn the tab %s:\n.Pp\n", vm_tabs[t]->name);
			write_keys(vm_tabs[t]->keys, vm_tabs[t]->nkeys, out);
		}
	fputs(".Pp\nIn a recording these mean something else:\n.Pp\n", out);
	write_keys(vm_scrub_keys, vm_scrub_keys_n, out);
}
