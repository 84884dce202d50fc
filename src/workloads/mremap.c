/** Pages that change their address and nothing else. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "core/base/str.h"
#include "workloads/kit.h"
#include "workloads/pages.h"
#include "workloads/registry.h"

enum { MOVE_SIZE };

static const struct vm_param move_params[] = {
	{ "size", "bytes to write to and to move", VM_P_SIZE, .def = "4M", .min = 8192 },
	{ .name = NULL }
};

enum phase { TOUCHED, MOVED, MOVED_BACK, SHRUNK };

static const char *const phase_name[] = {
	[TOUCHED] = "touched",
	[MOVED] = "moved",
	[MOVED_BACK] = "moved back, the mapping kept",
	[SHRUNK] = "shrunk",
};

struct move {
	const struct vm_lab *lab;
	/** Where the pages are by turns. */
	struct vm_region home, away;
	uint64_t size;             /* of what is mapped now */
	enum phase phase;
	bool kept;                 /* at `away` there is still a mapping */
};

static const struct vm_region *at(const struct move *m)
{
	return m->phase == MOVED ? &m->away : &m->home;
}

static void move_truth(const struct move *m, struct vm_truth *t)
{
	const struct vm_region here = { .p = at(m)->p, .size = m->size, .page = m->lab->page };
	vm_truth_str(t, "phase", phase_name[m->phase]);
	vm_truth_array_begin(t, "mappings");
	vm_truth_anon_mapping(t, "pages", &here, "rw-p", here.size);
	if (m->kept)
		vm_truth_anon_mapping(t, "left behind", &m->away, "rw-p", 0);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "pages");
	vm_truth_pages(t, &(struct vm_pages_fact){ .label = "pages", .p = here.p, .size = here.size, .frames = "moved",
	               VM_PAGES_OWN });
	if (m->kept)
		vm_truth_pages(t, &(struct vm_pages_fact){ .label = "left behind", .p = m->away.p, .size = m->away.size,
		               VM_PAGES_NONE });
	vm_truth_array_end(t);
	char text[VM_NUMBUF];
	vm_truth_say(t, "%s: %s at %p", phase_name[m->phase], vm_format_size(here.size, text), (void *)here.p);
}

static int move_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct move *m = *state = calloc(1, sizeof(*m));
	if (!m)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	m->lab = lab;
	const uint64_t size = lab->arg[MOVE_SIZE].u64;
	int r = vm_region_map(&m->home, lab, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
	if (r == 0)
		r = vm_region_map(&m->away, lab, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
	if (r < 0)
		return r;
	m->size = m->home.size;
	vm_touch(lab, m->home.p, m->size);
	move_truth(m, t);
	return 0;
}

/** Move all of it back; the mapping at the old place stays, without pages. */
static int move_back(struct move *m)
{
	const int flags = MREMAP_MAYMOVE | MREMAP_FIXED;
	m->kept = mremap(m->away.p, m->size, m->size, flags | MREMAP_DONTUNMAP, m->home.p) != MAP_FAILED;
	/* Before Linux 5.7 the mapping moves as well. */
	if (m->kept || mremap(m->away.p, m->size, m->size, flags, m->home.p) != MAP_FAILED)
		return 0;
	return -errno;
}

static int move_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct move *m = state;
	const uint64_t half = vm_pages_up(m->lab, m->size / 2);
	int r = 0;
	m->phase++;
	switch (m->phase) {
	case MOVED:
		if (mremap(m->home.p, m->size, m->size, MREMAP_MAYMOVE | MREMAP_FIXED, m->away.p) == MAP_FAILED)
			r = -errno;
		break;
	case MOVED_BACK:
		r = move_back(m);
		break;
	default:
		if (mremap(m->home.p, m->size, half, 0) == MAP_FAILED)
			r = -errno;
		m->size = half;
		break;
	}
	if (r < 0)
		return vm_fail_os(err, -r, "cannot mremap");
	move_truth(m, t);
	return m->phase != SHRUNK;
}

static void move_done(void *state)
{
	struct move *m = state;
	vm_region_unmap(&m->home);
	vm_region_unmap(&m->away);
	free(m);
}

const struct vm_workload vm_workload_mremap = {
	.name = "mremap",
	.help = "pages that move to another address, and back",
	.shows = "vmpage,vmmap",
	.lesson = "mremap() moves page-table entries, not memory: the addresses change and the frames stay, whatever the "
	          "size.  With MREMAP_DONTUNMAP the old mapping stays too, without pages.  Compare the frames in "
	          "vmpage --runs before and after each step.",
	.params = move_params,
	.make = move_make,
	.step = move_step,
	.done = move_done,
};
