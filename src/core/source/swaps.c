#include "core/source/swaps.h"

#include <string.h>

#include "core/base/str.h"
#include "core/source/session.h"

/** Blanks, newlines and backslashes of a path are octal numbers (seq_file_path() in mm/swapfile.c). */
static size_t unescape(char *s, size_t len)
{
	size_t to = 0;
	for (size_t i = 0; i < len; i++) {
		const bool octal = s[i] == '\\' && len - i >= 4 && s[i + 1] >= '0' && s[i + 1] <= '1' &&
				   s[i + 2] >= '0' && s[i + 2] <= '7' && s[i + 3] >= '0' && s[i + 3] <= '7';
		const char c = (char)((s[i + octal] - '0') * 64 + (s[i + 2 * octal] - '0') * 8 + (s[i + 3 * octal] - '0'));
		s[to++] = octal && c ? c : s[i];
		i += octal && c ? 3 : 0;
	}
	return to;
}

bool vm_swaps_find(const char *text, unsigned type, char *name, size_t size)
{
	const char *found = NULL;
	unsigned areas = 0;
	/* A heading, then the areas by number. */
	for (const char *line = strchr(text, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
		if (areas == type || areas == 0)
			found = line + 1;
		areas++;
	}
	/* A single one is it, whatever numbers there were before. */
	const size_t n = found ? strcspn(found, " \t\n") : 0;
	if ((areas != 1 && type >= areas) || n == 0 || n >= size)
		return false;
	memcpy(name, found, n);
	name[unescape(name, n)] = '\0';
	return true;
}

bool vm_swap_area_name(struct vm_session *s, unsigned type, char *name, size_t size)
{
	return vm_session_slurp(s, &s->scratch, "proc/swaps") > 0 && vm_swaps_find(s->scratch.s, type, name, size);
}
