/** Pages in swap, of which there is some for as long as that takes. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "core/base/str.h"
#include "workloads/kit.h"
#include "workloads/pages.h"
#include "workloads/registry.h"
#include "workloads/swapfile.h"

enum { SWAP_SIZE, SWAP_EVERY, SWAP_OUT };

static const struct vm_param swap_params[] = {
	{ "size", "bytes to map and to write to", VM_P_SIZE, .def = "4M", .min = 1, .max = UINT64_C(1) << 36 },
	{ "every", "length of the pattern, in pages", VM_P_U64, .def = "4", .min = 1, .max = 1u << 20 },
	{ "out", "pages of it to swap out, from its start", VM_P_U64, .def = "3", .min = 1, .max = 1u << 20 },
	{ .name = NULL }
};

struct swap {
	struct vm_region r;
	struct vm_swapfile swap;
};

static void swap_truth(const struct swap *s, struct vm_truth *t, uint64_t every, uint64_t out, uint64_t swapped)
{
	const uint64_t bytes = swapped * s->r.page;
	vm_truth_str(t, "path", s->swap.file.path);
	vm_truth_u64(t, "swapped_bytes", bytes);
	vm_truth_array_begin(t, "mappings");
	vm_truth_mapping_begin(t, "swapped", s->r.p, s->r.size);
	vm_truth_str(t, "perm", "rw-p");
	/* Where there is swap the kernel may use it for the others as well. */
	vm_truth_u64(t, "rss_bytes_max", s->r.size - bytes);
	vm_truth_u64(t, "swap_bytes_min", bytes);
	vm_truth_object_end(t);
	vm_truth_array_end(t);
	vm_truth_array_begin(t, "pages");
	vm_truth_pages(t, &(struct vm_pages_fact){ .label = "swapped out", .p = s->r.p, .size = s->r.size, .every = every,
	               .count = out, .state = "swap", .without = "present file zero guard marker" });
	vm_truth_pages(t, &(struct vm_pages_fact){ .label = "others", .p = s->r.p, .size = s->r.size, .every = every,
	               .first = out, .count = every - out, .state = "present exclusive", .without = "file zero guard" });
	vm_truth_array_end(t);
	char a[VM_NUMBUF], b[VM_NUMBUF];
	vm_truth_say(t, "%s of %s went to swap, into %s", vm_format_size(bytes, a), vm_format_size(s->r.size, b),
	             s->swap.file.path);
}

static int swap_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	const struct vm_swap_pattern pattern = { .every = lab->arg[SWAP_EVERY].u64, .out = lab->arg[SWAP_OUT].u64 };
	const uint64_t size = lab->arg[SWAP_SIZE].u64;
	if (pattern.out > pattern.every)
		return vm_fail(err, EINVAL, "--out must fit into --every");
	struct swap *s = *state = calloc(1, sizeof(*s));
	if (!s)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	int r = vm_swapfile_start(&s->swap, lab, size, err);
	if (r == 0)
		r = vm_region_map(&s->r, lab, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
	if (r < 0)
		return r;
	vm_touch(lab, s->r.p, s->r.size);
	r = vm_swap_out(lab, &s->r, &pattern, err);
	if (r == 0)
		swap_truth(s, t, pattern.every, pattern.out, vm_swap_pattern_pages(&s->r, &pattern));
	return r;
}

static void swap_done(void *state)
{
	struct swap *s = state;
	/* Our own pages needn't be read back. */
	vm_region_unmap(&s->r);
	vm_swapfile_end(&s->swap);
	free(s);
}

const struct vm_workload vm_workload_swap = {
	.name = "swap",
	.help = "pages in swap, in a pattern",
	.shows = "vmpage,vmmap",
	.lesson = "A page in swap still costs: an entry that tells the swap area and the slot, the slot itself, and a read "
	          "from the disk at the next touch.  RSS falls, SWAP grows, and the mapping is as before.  A swap file "
	          "is made for it, used by the whole machine meanwhile, and removed at the end.",
	.params = swap_params,
	.make = swap_make,
	.done = swap_done,
};
