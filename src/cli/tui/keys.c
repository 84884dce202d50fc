#include "cli/tui/keys.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "cli/tui/term.h"

#define F(n) VM_KEY_F(n)
#define CTRL(c) VM_KEY_CTRL(c)

const struct vm_key vm_keys[] = {
	{ { F(1), 'h', '?' }, "F1 h ?", "Help", "this help", VM_EVERYWHERE & ~VM_IN_TEXT, VM_ACT_HELP },
	{ { VM_KEY_ENTER, '\n' }, "Enter", "Open",
	  "open the process, or show all of the mapping",
	  VM_IN_LISTS | VM_IN_MENU, VM_ACT_OPEN },
	{ { F(2), 'S' }, "F2 S", "Columns", "choose the columns and their order", VM_IN_LISTS, VM_ACT_COLUMNS },
	{ { F(3), '/' }, "F3 /", "Search", "search the rows for a text, while you type", VM_IN_LISTS, VM_ACT_SEARCH },
	{ { 'n' }, "n", NULL, "next row that the search finds", VM_IN_LISTS, VM_ACT_NEXT },
	{ { 'N' }, "N", NULL, "previous row that the search finds", VM_IN_LISTS, VM_ACT_PREVIOUS },
	{ { F(4), '\\' }, "F4 \\", "Filter",
	  "show only rows that hold a text, or for which an expression holds: RSS > 10M and USER == root",
	  VM_IN_LISTS, VM_ACT_FILTER },
	{ { F(6) }, "F6", "Sort", "choose the column to sort by", VM_IN_LISTS, VM_ACT_SORT_MENU },
	{ { '<', ',' }, "<", NULL, "sort by the column to the left", VM_IN_LISTS, VM_ACT_SORT_LEFT },
	{ { '>', '.' }, ">", NULL, "sort by the column to the right", VM_IN_LISTS, VM_ACT_SORT_RIGHT },
	{ { 'I' }, "I", NULL, "invert the order", VM_IN_LISTS, VM_ACT_INVERT },
	{ { 'M', 'R' }, "M R", NULL, "sort by RSS", VM_IN_LISTS, VM_ACT_SORT_RSS },
	{ { 'P' }, "P", NULL, "sort by PSS", VM_IN_LISTS, VM_ACT_SORT_PSS },
	{ { 'U' }, "U", NULL, "sort by USS", VM_IN_LISTS, VM_ACT_SORT_USS },
	{ { 'V' }, "V", NULL, "sort by size of the address space", VM_IN_LISTS, VM_ACT_SORT_VSZ },
	{ { 'w' }, "w", NULL, "sort by swapped memory", VM_IN_LISTS, VM_ACT_SORT_SWAP },
	{ { 'f' }, "f", NULL, "sort by minor faults a second", VM_IN_PROCS, VM_ACT_SORT_FAULTS },
	{ { 'g' }, "g", NULL, "sort by growth of RSS a second", VM_IN_PROCS, VM_ACT_SORT_GROWTH },
	{ { '#' }, "#", NULL, "sort by process ID, or address", VM_IN_LISTS, VM_ACT_SORT_PID },
	{ { 'u' }, "u", "User", "show one user's processes", VM_IN_PROCS, VM_ACT_USER },
	{ { 'k', 'K' }, "k K", NULL, "show or hide kernel threads", VM_IN_PROCS, VM_ACT_KERNEL },
	{ { ' ' }, "Space", "Tag", "tag the row; the footer sums up the tagged ones", VM_IN_LISTS, VM_ACT_TAG },
	{ { 'c' }, "c", NULL, "remove all tags", VM_IN_LISTS, VM_ACT_UNTAG },
	{ { 'Z', 'z' }, "Z z", "Pause", "pause and go on", VM_IN_LISTS | VM_IN_PROCESS, VM_ACT_PAUSE },
	{ { 'd', 's' }, "d s", NULL, "set the interval", VM_IN_LISTS | VM_IN_PROCESS, VM_ACT_DELAY },
	{ { 'r', CTRL('L'), F(5) }, "F5 r", NULL, "refresh now, even while paused",
	  VM_IN_LISTS | VM_IN_PROCESS, VM_ACT_REFRESH },
	{ { 'b' }, "b", NULL, "exact numbers, in bytes, and back", VM_IN_LISTS | VM_IN_PROCESS, VM_ACT_EXACT },
	{ { 'x' }, "x", NULL, "write the rows shown to a JSON file in the current directory", VM_IN_LISTS,
	  VM_ACT_EXPORT },
	{ { VM_KEY_TAB }, "Tab", "Tab", "next tab", VM_IN_PROCESS, VM_ACT_TAB_NEXT },
	{ { VM_KEY_BACKTAB }, "Shift-Tab", NULL, "previous tab", VM_IN_PROCESS, VM_ACT_TAB_PREVIOUS },
	{ { VM_KEY_UP, CTRL('P') }, "Up", NULL, "one row up", VM_EVERYWHERE, VM_ACT_UP },
	{ { VM_KEY_DOWN, CTRL('N') }, "Down", NULL, "one row down", VM_EVERYWHERE, VM_ACT_DOWN },
	{ { VM_KEY_PGUP, CTRL('B') }, "PgUp", NULL, "one page up", VM_EVERYWHERE, VM_ACT_PAGE_UP },
	{ { VM_KEY_PGDN, CTRL('F') }, "PgDn", NULL, "one page down", VM_EVERYWHERE, VM_ACT_PAGE_DOWN },
	{ { VM_KEY_HOME, CTRL('A') }, "Home", NULL, "first row", VM_EVERYWHERE, VM_ACT_FIRST },
	{ { VM_KEY_END, CTRL('E') }, "End", NULL, "last row", VM_EVERYWHERE, VM_ACT_LAST },
	{ { VM_KEY_LEFT }, "Left", NULL, "show the columns to the left", VM_IN_LISTS, VM_ACT_LEFT },
	{ { VM_KEY_RIGHT }, "Right", NULL, "show the columns to the right", VM_IN_LISTS, VM_ACT_RIGHT },
	{ { ' ' }, "Space", "Toggle", "in the column menu: show or hide the column", VM_IN_COLUMNS, VM_ACT_TOGGLE },
	{ { '[', '-' }, "[ -", "Earlier", "in the column menu: move the column to the left", VM_IN_COLUMNS,
	  VM_ACT_MOVE_UP },
	{ { ']', '+' }, "] +", "Later", "in the column menu: move the column to the right", VM_IN_COLUMNS,
	  VM_ACT_MOVE_DOWN },
	{ { 'd' }, "d", "Defaults", "in the column menu: the usual columns", VM_IN_COLUMNS, VM_ACT_RESET },
	{ { 'q' }, "q", "Quit", "quit", VM_IN_PROCS, VM_ACT_QUIT },
	{ { 'q', VM_KEY_ESC, VM_KEY_LEFT }, "q Esc", "Back", "back", VM_IN_TEXT | VM_IN_MENU, VM_ACT_BACK },
	{ { 'q', VM_KEY_ESC }, "q Esc", "Back", "back to the processes", VM_IN_PROCESS, VM_ACT_BACK },
	{ { F(10), 'Q' }, "F10 Q", NULL, "quit", VM_EVERYWHERE, VM_ACT_QUIT },
};

const size_t vm_keys_n = sizeof(vm_keys) / sizeof(vm_keys[0]);

enum vm_action vm_key_action(int code, unsigned scope)
{
	for (size_t i = 0; i < vm_keys_n; i++) {
		if (!(vm_keys[i].scope & scope))
			continue;
		for (unsigned k = 0; k < 4 && vm_keys[i].code[k]; k++)
			if (vm_keys[i].code[k] == code)
				return vm_keys[i].action;
	}
	return VM_ACT_NONE;
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

void vm_keys_write_man(const struct vm_key *keys, size_t n, FILE *out)
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
