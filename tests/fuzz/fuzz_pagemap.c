/**
 * /proc/PID/pagemap to runs of pages: runs ascend inside the mappings, each page of each is what its entry says, and
 * counting gives what runs give.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/model/aspace.h"
#include "core/model/pgtable.h"
#include "core/source/maps.h"
#include "core/source/pages.h"
#include "core/source/session.h"

#include "fuzz.h"

enum { PAGES = 640, BASE = 0x10000 };

static char dir[] = "/tmp/vm-fuzz-pagemap-XXXXXX";

/** A captured tree whose pagemap the input is. */
struct tree {
	struct vm_session *s;
	struct vm_aspace *as;
	int fd;
};

static void remove_tree(void)
{
	static const char *const paths[] = { "proc/42/pagemap", "proc/42", "proc/sys/kernel/osrelease", "proc/sys/kernel",
					     "proc/sys", "proc" };
	char name[128];
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		snprintf(name, sizeof(name), "%s/%s", dir, paths[i]);
		remove(name);
	}
	remove(dir);
}

static int make(const char *path, const char *text)
{
	char name[128];
	snprintf(name, sizeof(name), "%s/%s", dir, path);
	if (!text)
		return mkdir(name, 0700);
	int fd = open(name, O_RDWR | O_CREAT, 0600);
	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -1 : fd;
}

static void tree_make(struct tree *t)
{
	static const char maps[] = "10000-21000 rw-p 00000000 08:01 5 /f\n21000-80000 rw-p 00000000 00:00 0 \n"
				   "80000-290000 rw-s 00000000 00:01 6 /dev/zero\n";
	struct vm_maps_parser p;
	t->as = calloc(1, sizeof(*t->as));
	if (!t->as || !mkdtemp(dir) || make("proc", NULL) || make("proc/42", NULL) || make("proc/sys", NULL) ||
	    make("proc/sys/kernel", NULL) || make("proc/sys/kernel/osrelease", "6.18.0\n") < 0)
		exit(1);
	atexit(remove_tree);
	t->fd = make("proc/42/pagemap", "");
	vm_proc_init(&t->as->proc, 42);
	vm_maps_begin(&p, t->as);
	vm_maps_feed(&p, maps, sizeof(maps) - 1, true);
	vm_maps_end(&p);
	if (t->fd < 0 || vm_session_open(dir, &t->s, NULL) < 0)
		exit(1);
}

struct check {
	const struct vm_pages_query *q;
	const struct vm_aspace *as;
	const uint64_t *entry;
	uint64_t last;
	uint64_t pages[1u << 10];
};

/** Kinds of pages by what counting keeps apart. */
static void count(struct check *c, const struct vm_page_run *r, uint64_t pages)
{
	const uint32_t s = r->state & r->known & c->q->want;
	c->pages[s & 0x7f] += pages;
	c->pages[0x80 + (s >> VM_PG_BIT_MIGRATION & 15)] += pages;
}

static void check_page(const struct check *c, const struct vm_page_run *r, uint64_t at)
{
	const uint64_t e = c->entry[(at - BASE) / 4096], value = e & ((UINT64_C(1) << 55) - 1);
	const struct vm_mapping *m = vm_aspace_at(c->as, at);
	HOLDS(m && m->start <= r->start && r->end <= m->end);
	/* In anonymous memory what seems to be of a file is the huge page of zeros. */
	const bool huge_zero = m->inode == 0 && (e >> 62 & 1) == 0 && (e >> 61 & 5) == 5;
	if (!(e >> 62 & 1))
		HOLDS(!(e >> 63) == !(r->state & VM_PG(PRESENT)));
	HOLDS(e >> 62 || e >> 57 & 3);
	if (!huge_zero && (r->known & VM_PG(FILE)))
		HOLDS((e >> 61 & 1) == !!(r->state & VM_PG(FILE)));
	if (r->state & VM_PG(SWAP))
		HOLDS(r->swap_type == (value & 31) && r->swap_type < 24);
	if ((r->state & VM_PG(SWAP)) && c->q->frames && r->swap_offset)
		HOLDS(r->swap_offset + (at - r->start) / 4096 == value >> 5);
	if (c->q->frames && (r->state & VM_PG(PRESENT)) && !huge_zero && !(r->state & VM_PG(ZERO)))
		HOLDS(r->pfn == VM_PFN_NONE ? value == 0 : r->pfn + (at - r->start) / 4096 == value);
}

static int take(void *ctx, const struct vm_page_run *r, size_t n)
{
	struct check *c = ctx;
	for (size_t i = 0; i < n; i++) {
		HOLDS(r[i].start < r[i].end && r[i].start >= c->last && r[i].start >= BASE);
		c->last = r[i].end;
		HOLDS(r[i].end <= BASE + PAGES * 4096u);
		for (uint64_t at = r[i].start; at < r[i].end; at += 4096)
			check_page(c, &r[i], at);
		count(c, &r[i], (r[i].end - r[i].start) / 4096);
	}
	return 0;
}

static int take_count(void *ctx, const struct vm_page_run *of, uint64_t pages)
{
	HOLDS(pages && pages <= (of->end - of->start) / 4096);
	count(ctx, of, pages);
	return 0;
}

/** Entries: mostly what kernels write. */
static void fill(uint64_t *entry, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < PAGES && size >= 4;) {
		const unsigned n = data[3] % 40 + 1u, kind = data[0] & (data[0] & 0x80 ? 0xb7 : 0xf7);
		uint64_t e = (uint64_t)kind << 56 | (uint64_t)(data[2] & 0x80) << 48 |
			     (data[0] & 0x80 ? data[1] * 16u + 1 : (data[1] % 32u) | (uint64_t)data[2] % 8 << 5);
		const uint64_t step = !(data[0] & 8) ? 0 : data[0] & 0x80 ? 1 : 32;
		for (unsigned k = 0; k < n && i < PAGES; k++)
			entry[i++] = e + step * k;
		data += 4;
		size -= 4;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tree t;
	static struct check runs, counted;
	static uint64_t entry[PAGES];
	if (size < 4)
		return 0;
	if (!t.s)
		tree_make(&t);
	struct vm_pages_query q = {
		.want = data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16, .frames = data[3] & 1, .as = t.as,
		.via = VM_VIA_PAGEMAP,
	};
	memset(entry, 0, sizeof(entry));
	fill(entry, data + 4, size - 4);
	if (pwrite(t.fd, entry, sizeof(entry), BASE / 4096 * 8) != sizeof(entry))
		exit(1);
	struct vm_pages_info info;
	runs = (struct check){ .q = &q, .as = t.as, .entry = entry };
	counted = runs;
	HOLDS(vm_pages_scan(t.s, 42, &q, take, &runs, &info, NULL) == 0);
	q.count = take_count;
	HOLDS(vm_pages_scan(t.s, 42, &q, take, &counted, &info, NULL) == 0);
	for (size_t i = 0; i < sizeof(runs.pages) / sizeof(runs.pages[0]); i++)
		HOLDS(runs.pages[i] == counted.pages[i]);
	return 0;
}
