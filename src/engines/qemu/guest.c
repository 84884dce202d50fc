// SPDX-License-Identifier: GPL-2.0-or-later
#include "engines/qemu/guest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Mappings ----------------------------------------------------------------------------------------------------- */

bool vm_guest_reserve(void **v, size_t *cap, size_t n, size_t each)
{
	if (n <= *cap)
		return true;
	const size_t want = *cap ? *cap * 2 : 256;
	void *const more = realloc(*v, (want > n ? want : n) * each);
	if (!more)
		return false;
	*v = more;
	*cap = want > n ? want : n;
	return true;
}

/** Its name, without the kernel's escapes for newlines; where it begins in g->names. */
static bool keep_name(struct vm_guest *g, const char *name, uint32_t *at)
{
	const size_t n = strcspn(name, "\n");
	if (!vm_guest_reserve((void **)&g->names, &g->names_cap, g->names_n + n + 1, 1))
		return false;
	*at = (uint32_t)g->names_n;
	for (size_t i = 0; i < n; i++) {
		const bool newline = n - i >= 4 && memcmp(name + i, "\\012", 4) == 0;
		g->names[g->names_n++] = newline ? '\n' : name[i];
		i += newline ? 3 : 0;
	}
	g->names[g->names_n++] = '\0';
	return true;
}

static bool parse(struct vm_guest *g, const char *line, struct vm_guest_mapping *m)
{
	char perm[5];
	int name = 0;
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n", &m->start, &m->end, perm, &m->offset,
		   &m->dev_major, &m->dev_minor, &m->inode, &name) < 7)
		return false;
	m->read = perm[0] == 'r';
	m->write = perm[1] == 'w';
	m->exec = perm[2] == 'x';
	m->shared = perm[3] == 's';
	m->key = m->start;
	return keep_name(g, line + name, &m->name);
}

/** Anonymous memory that has grown or shrunk stays what it was: it has the key of the one it overlaps most. */
static void take_over_keys(struct vm_guest_mapping *map, size_t n, const struct vm_guest_mapping *old, size_t nold)
{
	size_t from = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t most = 0;
		while (from < nold && old[from].end <= map[i].start)
			from++;
		for (size_t j = from; map[i].inode == 0 && j < nold && old[j].start < map[i].end; j++) {
			const uint64_t start = old[j].start > map[i].start ? old[j].start : map[i].start;
			const uint64_t end = old[j].end < map[i].end ? old[j].end : map[i].end;
			if (old[j].inode || end - start <= most)
				continue;
			most = end - start;
			map[i].key = old[j].key;
		}
	}
}

static void read_maps(struct vm_guest *g)
{
	struct vm_guest_mapping *old = g->map, m = { .start = 0 };
	const size_t nold = g->nmaps;
	char *line = NULL;
	size_t size = 0;
	FILE *f = fopen("/proc/self/maps", "re");
	if (!f)
		return;
	g->map = NULL;
	g->nmaps = g->maps_cap = g->names_n = 0;
	while (getline(&line, &size, f) > 0) {
		if (!parse(g, line, &m) || !vm_guest_reserve((void **)&g->map, &g->maps_cap, g->nmaps + 1, sizeof(m)))
			break;
		g->map[g->nmaps++] = m;
	}
	free(line);
	fclose(f);
	take_over_keys(g->map, g->nmaps, old, nold);
	free(old);
	g->stale = false;
}

const struct vm_guest_mapping *vm_guest_find(const struct vm_guest *g, uint64_t at)
{
	size_t low = 0, high = g->nmaps;
	while (low < high) {
		const size_t mid = (low + high) / 2;
		if (g->map[mid].end <= at)
			low = mid + 1;
		else
			high = mid;
	}
	return low < g->nmaps && g->map[low].start <= at ? &g->map[low] : NULL;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/** Anonymous memory has no name here, also where the kernel would name it if the program ran by itself. */
static const char *name_of(const struct vm_guest *g, const struct vm_guest_mapping *m)
{
	const char *name = g->names + m->name;
	if (name[0] || m->inode)
		return name;
	if (g->stack_at && g->stack_at + g->base >= m->start && g->stack_at + g->base < m->end)
		return "[stack]";
	/* The heap may follow zeroed data without a gap. */
	if (g->heap_start < g->heap_end && g->heap_start + g->base < m->end && g->heap_end + g->base > m->start)
		return "[heap]";
	return name;
}

bool vm_guest_place(struct vm_guest *g, uint64_t addr, struct vm_tlbtrace_place *out)
{
	const struct vm_guest_mapping *m = g->stale ? NULL : vm_guest_find(g, addr + g->base);
	if (!m) {
		read_maps(g);
		m = vm_guest_find(g, addr + g->base);
	}
	if (!m)
		return false;
	const char *const name = name_of(g, m), *const own = g->names + m->name;
	const bool memory = m->inode == 0 ? own[0] != '[' || begins(own, "[anon") :
			    begins(own, "/memfd:") || begins(own, "/SYSV") || begins(own, "/dev/zero") || begins(own, "/dev/shm/");
	*out = (struct vm_tlbtrace_place){
		.start = m->start - g->base, .end = m->end - g->base, .offset = m->offset, .key = m->key - g->base,
		.read = m->read, .write = m->write, .exec = m->exec, .shared = m->shared, .can_2m = memory,
		.dev_major = m->dev_major, .dev_minor = m->dev_minor, .inode = m->inode, .name = name,
	};
	return true;
}

void vm_guest_forked(struct vm_guest *g)
{
	g->stale = true;
	g->nsmaps = 0;
	g->smaps_ns = 0;
}
