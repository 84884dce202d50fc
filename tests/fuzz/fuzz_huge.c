/** What the kernel says of huge pages: policies, counters, free blocks, mounts. */
#include "core/source/hugefs.h"
#include "core/source/hugesys.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct vm_hugefs f = { 0 };
	HOLDS(vm_huge_parse_word(text) < VM_HUGE_WORDS);
	vm_huge_parse_count(text, "thp_fault_alloc");
	vm_huge_parse_memory(text, "AnonHugePages");
	const uint64_t some = vm_huge_parse_buddyinfo(text, 4096, UINT64_C(2) << 20), all = vm_huge_parse_buddyinfo(text, 4096, 4096);
	HOLDS((some == VM_HUGE_UNKNOWN) == (all == VM_HUGE_UNKNOWN));
	if (vm_hugefs_parse(text, &f) == 0)
		for (size_t i = 0; i < f.mounts.n; i++) {
			const struct vm_hugefs_mount *m = &f.mounts.v[i];
			HOLDS(memchr(m->type, '\0', sizeof(m->type)) && memchr(m->at, '\0', sizeof(m->at)));
			HOLDS(m->huge < VM_HUGE_WORDS && m->backing <= VM_HUGE_B_SPECIAL);
		}
	vm_hugefs_free(&f);
	free(text);
	return 0;
}
