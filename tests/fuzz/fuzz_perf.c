/** Records of perf events, as many as there are, and the mappings that they make; mountinfo and memory.stat. */
#include <linux/perf_event.h>

#include "core/model/spacemaps.h"
#include "core/source/backing.h"
#include "core/source/cgroupfs.h"
#include "core/source/perf_record.h"

#include "fuzz.h"

enum { SPACES = 8 };

static bool is_inside(const char *data, size_t size, const void *p, size_t n)
{
	const char *at = p;
	return n == 0 || (at >= data && at <= data + size && n <= (size_t)(data + size - at));
}

static void check_record(const char *data, size_t size, const struct vm_perf_record *r)
{
	if (*r->name)
		HOLDS(is_inside(data, size, r->name, strnlen(r->name, size) + 1));
	HOLDS(r->depth <= VM_PERF_STACK_DEPTH && is_inside(data, size, r->stack, r->depth * sizeof(*r->stack)));
	HOLDS(r->type != PERF_RECORD_MMAP2 || r->start < r->start + r->length);
}

static void make(struct vm_spacemaps *maps, const struct vm_perf_record *r)
{
	const uint32_t space = (uint32_t)r->pid % SPACES;
	uint64_t key;
	if (r->type == PERF_RECORD_MMAP2) {
		const struct vm_fault_mapping m = {
			.space = space, .start = r->start, .end = r->start + r->length, .offset = r->offset, .inode = r->inode,
			.prot = r->prot & 7, .name = r->name,
		};
		HOLDS(vm_spacemaps_map(maps, &m));
		const struct vm_fault_mapping *hit = vm_spacemaps_hit(maps, space, m.start, &key);
		HOLDS(hit && hit->start <= m.start && m.start < hit->end && hit->start <= key && key < hit->end);
		HOLDS(strcmp(hit->name, r->name) == 0 && hit->inode == m.inode && hit->prot == m.prot);
	} else if (r->type == PERF_RECORD_FORK) {
		HOLDS(vm_spacemaps_fork(maps, space, (uint32_t)r->parent % SPACES));
	} else if (r->type == PERF_RECORD_EXIT) {
		vm_spacemaps_end(maps, space);
	} else if (r->type == PERF_RECORD_SAMPLE) {
		const struct vm_fault_mapping *hit = vm_spacemaps_hit(maps, space, r->address, &key);
		HOLDS(!hit || (hit->start <= r->address && r->address < hit->end));
	}
}

static void check_texts(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct vm_backings b = { 0 };
	uint64_t faults, major;
	HOLDS(vm_parse_mountinfo(text, &b));
	for (size_t i = 0; i < b.dev.n; i++)
		HOLDS(b.dev.v[i].backing == VM_FAULT_B_SHMEM || b.dev.v[i].backing == VM_FAULT_B_HUGETLB);
	const struct vm_fault_mapping m = { .name = text, .inode = size, .shared = size & 1 };
	HOLDS(vm_backing_of(&b, &m) != VM_FAULT_B_NONE);
	vm_parse_memory_stat(text, &faults, &major);
	vm_parse_memory_cache(text, &faults);
	vm_backings_free(&b);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vm_spacemaps maps = { 0 };
	struct vm_perf_record r;
	if (size < 1)
		return 0;
	const struct vm_perf_form form = { .stacks = data[0] & 1, .user_ip = data[0] & 2, .page_size = data[0] & 4 };
	char *bytes = fuzz_bytes(data + 1, --size);
	for (size_t at = 0, n; (n = vm_perf_record_parse(bytes + at, size - at, &form, &r)) != 0; at += n) {
		HOLDS(n >= 8 && n % 8 == 0 && n <= size - at);
		check_record(bytes + at, n, &r);
		make(&maps, &r);
	}
	vm_spacemaps_free(&maps);
	check_texts(data + 1, size);
	free(bytes);
	return 0;
}
