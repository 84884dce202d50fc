// SPDX-License-Identifier: GPL-2.0-or-later
#include "engines/valgrind/vmtlb_smaps.h"

#include "pub_tool_basics.h"
#include "pub_tool_libcbase.h"
#include "pub_tool_libcfile.h"
#include "pub_tool_libcproc.h"
#include "pub_tool_mallocfree.h"
#include "pub_tool_vki.h"

/* Of the time, reading takes one part; and it isn't done again within so many milliseconds. */
enum { PARTS = 20, PAUSE_MS = 20 };

enum { CHUNK = 16384, LINE = 256 };

static struct vmtlb_smap *new_mapping(struct vmtlb_smaps *s)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 64;
		s->v = VG_(realloc)("vmtlb.smaps", s->v, s->cap * sizeof(*s->v));
	}
	s->v[s->n] = (struct vmtlb_smap){ .page = 4 };
	return &s->v[s->n++];
}

static bool begins(const HChar *line, const HChar *with)
{
	return VG_(strncmp)(line, with, VG_(strlen)(with)) == 0;
}

static uint64_t kib_behind(const HChar *line, const HChar *key)
{
	line += VG_(strlen)(key);
	while (*line == ' ')
		line++;
	return VG_(strtoull10)(line, NULL);
}

/** "7f0000000000-7f0000200000 rw-p ...", or "Rss:  1024 kB". */
static void take_line(struct vmtlb_smaps *s, const HChar *line)
{
	static const HChar *const huge[] = { "AnonHugePages:", "ShmemPmdMapped:", "FilePmdMapped:", "Shared_Hugetlb:",
					     "Private_Hugetlb:" };
	if (VG_(isdigit)(line[0]) || (line[0] >= 'a' && line[0] <= 'f')) {
		HChar *dash;
		struct vmtlb_smap *m = new_mapping(s);
		m->start = VG_(strtoull16)(line, &dash);
		m->end = *dash == '-' ? VG_(strtoull16)(dash + 1, NULL) : m->start;
		return;
	}
	if (!s->n)
		return;
	struct vmtlb_smap *m = &s->v[s->n - 1];
	if (begins(line, "Rss:"))
		m->rss = kib_behind(line, "Rss:");
	else if (begins(line, "KernelPageSize:"))
		m->page = kib_behind(line, "KernelPageSize:");
	for (UInt i = 0; i < sizeof(huge) / sizeof(huge[0]); i++)
		if (begins(line, huge[i]))
			m->huge += kib_behind(line, huge[i]);
}

static void read_all(struct vmtlb_smaps *s, Int fd)
{
	HChar *chunk = VG_(malloc)("vmtlb.smaps", CHUNK), line[LINE];
	UInt used = 0;
	Int n;
	while ((n = VG_(read)(fd, chunk, CHUNK)) > 0)
		for (Int i = 0; i < n; i++) {
			/* Of longer lines, names that nobody needs, the end is left out. */
			if (chunk[i] != '\n') {
				line[used] = chunk[i];
				used += used < LINE - 1;
				continue;
			}
			line[used] = '\0';
			take_line(s, line);
			used = 0;
		}
	VG_(free)(chunk);
}

bool vmtlb_smaps_refresh(struct vmtlb_smaps *s)
{
	const UInt now = VG_(read_millisecond_timer)();
	if (s->v && now - s->read_ms < PAUSE_MS + PARTS * s->took_ms)
		return false;
	const Int fd = VG_(fd_open)("/proc/self/smaps", VKI_O_RDONLY, 0);
	if (fd < 0)
		return false;
	s->n = 0;
	read_all(s, fd);
	VG_(close)(fd);
	s->read_ms = VG_(read_millisecond_timer)();
	s->took_ms = s->read_ms - now;
	return true;
}

const struct vmtlb_smap *vmtlb_smaps_find(const struct vmtlb_smaps *s, uint64_t addr)
{
	UInt low = 0, high = s->n;
	while (low < high) {
		const UInt mid = (low + high) / 2;
		if (s->v[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->n && s->v[low].start <= addr ? &s->v[low] : NULL;
}

enum vm_tlb_size vmtlb_smaps_size(const struct vmtlb_smaps *s, uint64_t addr)
{
	const struct vmtlb_smap *m = vmtlb_smaps_find(s, addr);
	if (!m)
		return VM_TLB_4K;
	/* Pages of hugetlbfs aren't in Rss. */
	if (m->page > 4)
		return m->page >= 1 << 20 ? VM_TLB_1G : VM_TLB_2M;
	return 2 * m->huge > m->rss ? VM_TLB_2M : VM_TLB_4K;
}
