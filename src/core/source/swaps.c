#include "core/source/swaps.h"

#include <string.h>

#include "core/base/str.h"
#include "core/source/session.h"

bool vm_swap_area_name(struct vm_session *s, unsigned type, char *name, size_t size)
{
	if (vm_session_slurp(s, &s->scratch, "proc/swaps") <= 0)
		return false;
	/* A heading, then the areas by number; those of areas that were switched off are not listed, so with gaps
	   the name would be another one's: there is no telling from here. */
	const char *line = strchr(s->scratch.s, '\n');
	for (unsigned i = 0; line && i < type; i++)
		line = strchr(line + 1, '\n');
	if (!line || !line[1])
		return false;
	line++;
	size_t n = strcspn(line, " \t\n");
	if (n == 0 || n >= size)
		return false;
	memcpy(name, line, n);
	name[n] = '\0';
	name[vm_unescape_newlines(name, n)] = '\0';
	return true;
}
