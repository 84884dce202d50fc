/** ELF headers: the first byte says how much of the file is there. */
#include <errno.h>

#include "core/model/aspace.h"
#include "core/source/elfparse.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vm_segment seg[VM_SEGMENTS_MAX];
	char *bytes = fuzz_bytes(data, size);
	size_t need = 12345;
	memset(seg, 0xee, sizeof(seg));
	int n = vm_parse_elf(bytes, size, seg, &need);
	if (n == -ENODATA)
		HOLDS(need > size);
	else
		HOLDS(n >= 0 && n <= VM_SEGMENTS_MAX);
	if (n > 0)
		HOLDS(need <= size);
	for (int i = 0; i < n; i++)
		HOLDS(seg[i].prot < 8);
	/* Exactly what it asks for is enough. */
	if (n > 0) {
		char *exact = fuzz_bytes(data, need);
		struct vm_segment again[VM_SEGMENTS_MAX];
		size_t same;
		memset(again, 0xee, sizeof(again));
		HOLDS(vm_parse_elf(exact, need, again, &same) == n);
		HOLDS(same == need && memcmp(again, seg, sizeof(seg)) == 0);
		free(exact);
	}
	free(bytes);
	return 0;
}
