/** /proc/zoneinfo by lines, and /proc/swaps. */
#include "core/source/swaps.h"
#include "core/source/zones.h"

#include "fuzz.h"

static void check_zones(char *text)
{
	struct vm_zone_parser p = { 0 };
	char *rest = text;
	for (char *line; (line = strsep(&rest, "\n"));) {
		if (!vm_zone_parse_line(&p, line))
			continue;
		HOLDS(p.zone.start_pfn < p.zone.end_pfn);
		HOLDS(memchr(p.zone.name, '\0', sizeof(p.zone.name)) && p.zone.name[0]);
	}
}

static void check_swaps(const char *text, unsigned type)
{
	char name[40];
	memset(name, 'x', sizeof(name));
	if (!vm_swaps_find(text, type, name, sizeof(name)))
		return;
	HOLDS(memchr(name, '\0', sizeof(name)) && name[0]);
	HOLDS(strchr(text, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	for (unsigned type = 0; type < 4; type++)
		check_swaps(text, type);
	check_zones(text);
	free(text);
	return 0;
}
