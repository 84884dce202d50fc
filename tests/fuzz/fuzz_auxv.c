/** /proc/PID/auxv. */
#include "core/model/process.h"
#include "core/source/procparse.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *bytes = fuzz_bytes(data, size);
	struct vm_proc p;
	vm_proc_init(&p, 1);
	HOLDS(vm_parse_auxv(bytes, size, &p) == (p.have[0] || p.have[1]));
	free(bytes);
	return 0;
}
