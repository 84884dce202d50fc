/** /proc/PID/limits. */
#include "core/model/process.h"
#include "core/source/procparse.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct vm_proc p;
	vm_proc_init(&p, 1);
	bool ok = vm_parse_limits(text, &p);
	HOLDS(ok == (p.have[0] || p.have[1]));
	HOLDS(vm_proc_has(&p, VM_P_MEMLOCK_SOFT) == vm_proc_has(&p, VM_P_MEMLOCK_HARD));
	free(text);
	return 0;
}
