#include "core/source/zones.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/str.h"
#include "core/source/session.h"

/** A number behind `key` and blanks at the beginning of a line, which is indented. */
static bool number_of(const char *line, const char *key, uint64_t *v)
{
	const size_t n = strlen(key);
	char text[VM_NUMBUF];
	line += strspn(line, " ");
	if (strncmp(line, key, n) != 0 || line[n] != ' ')
		return false;
	line += n + strspn(line + n, " ");
	const size_t digits = strspn(line, "0123456789");
	if (digits >= sizeof(text))
		return false;
	memcpy(text, line, digits);
	text[digits] = '\0';
	return vm_parse_u64(text, v) == 0;
}

/** "Node 0, zone   Normal", "        spanned  262144", "  start_pfn:           1048576", in this order. */
bool vm_zone_parse_line(struct vm_zone_parser *p, const char *line)
{
	struct vm_zone *z = &p->zone;
	uint64_t v;
	if (strncmp(line, "Node ", 5) == 0) {
		p->spanned = 0;
		if (sscanf(line, "Node %9d, zone %15s", &z->node, z->name) != 2)
			*p = (struct vm_zone_parser){ 0 };
		return false;
	}
	if (number_of(line, "spanned", &v)) {
		p->spanned = v;
		return false;
	}
	/* Of a zone without memory it isn't printed. */
	if (!p->spanned || !z->name[0] || !number_of(line, "start_pfn:", &v) || v > UINT64_MAX - p->spanned)
		return false;
	z->start_pfn = v;
	z->end_pfn = v + p->spanned;
	p->spanned = 0;
	return true;
}

int vm_zones_read(struct vm_session *s, int (*take)(void *ctx, const struct vm_zone *z), void *ctx)
{
	/* By lines: with hundreds of processors the file has megabytes. */
	char line[256];
	struct vm_zone_parser p = { 0 };
	int fd = vm_session_open_file(s, 0, "proc/zoneinfo"), r = 0;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	if (!f) {
		if (fd >= 0)
			close(fd);
		return fd < 0 ? fd : -ENOMEM;
	}
	while (r == 0 && fgets(line, sizeof(line), f))
		if (vm_zone_parse_line(&p, line))
			r = take(ctx, &p.zone);
	fclose(f);
	return r;
}

static int take_end(void *ctx, const struct vm_zone *z)
{
	uint64_t *end = ctx;
	*end = z->end_pfn > *end ? z->end_pfn : *end;
	return 0;
}

uint64_t vm_zones_end(struct vm_session *s)
{
	uint64_t end = 0;
	vm_zones_read(s, take_end, &end);
	return end;
}
