/** /proc/PID/smaps_rollup. */
#include "core/model/process.h"
#include "core/source/procparse.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct vm_proc p;
	vm_proc_init(&p, 1);
	bool ok = vm_parse_rollup(text, &p);
	HOLDS(ok || (!p.have[0] && !p.have[1]));
	HOLDS(ok == (strchr(text, '\n') && strstr(text, "\nRss:")));
	for (unsigned q = 0; q < VM_P_NR; q++)
		HOLDS(vm_proc_has(&p, q) || p.q[q] == 0);
	HOLDS(vm_proc_has(&p, VM_P_USS) == (vm_proc_has(&p, VM_P_PRIVATE_CLEAN) && vm_proc_has(&p, VM_P_PRIVATE_DIRTY)));
	free(text);
	return 0;
}
