#include "workloads/pages.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "workloads/kit.h"

static void put_pattern(struct vm_truth *t, const struct vm_pages_fact *f)
{
	if (!f->every)
		return;
	vm_truth_u64(t, "every_pages", f->every);
	vm_truth_u64(t, "first_page", f->first);
	vm_truth_u64(t, "pages", f->count);
}

void vm_truth_pages(struct vm_truth *t, const struct vm_pages_fact *f)
{
	if (!f->size || (f->every && !f->count))
		return;
	vm_truth_mapping_begin(t, f->label, f->p, f->size);
	if (f->pid)
		vm_truth_u64(t, "pid", (uint64_t)f->pid);
	put_pattern(t, f);
	vm_truth_str(t, "state", f->state);
	if (f->without)
		vm_truth_str(t, "without", f->without);
	if (f->page_bytes)
		vm_truth_u64(t, "page_bytes", f->page_bytes);
	if (f->pkey)
		vm_truth_u64(t, "pkey", (uint64_t)f->pkey);
	if (f->frames)
		vm_truth_str(t, "frames", f->frames);
	if (f->one_frame)
		vm_truth_bool(t, "one_frame", true);
	vm_truth_object_end(t);
}

long vm_own_pages(const struct vm_lab *lab, const void *p, uint64_t n, uint64_t bits)
{
	enum { PIECE = 512 };
	uint64_t entry[PIECE], at = (uintptr_t)p / lab->page;
	long found = 0;
	vm_auto_close int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	while (n) {
		const size_t want = n < PIECE ? n : PIECE;
		ssize_t got = fd < 0 ? -1 : pread(fd, entry, want * sizeof(*entry), (off_t)(at * sizeof(*entry)));
		if (got < (ssize_t)sizeof(*entry))
			return -1;
		const size_t k = (size_t)got / sizeof(*entry);
		for (size_t i = 0; i < k; i++)
			found += (entry[i] & bits) != 0;
		at += k;
		n -= k;
	}
	return found;
}
