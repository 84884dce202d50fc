/** /proc/PID/status and uid_map. */
#include "core/model/process.h"
#include "core/source/procparse.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct vm_proc p;
	vm_proc_init(&p, 1);
	HOLDS(vm_parse_status(text, &p) == p.has_uid);
	if (!p.has_uid)
		HOLDS(!p.have[0] && !p.have[1]);
	for (unsigned q = 0; q < VM_P_NR; q++) {
		if (!vm_proc_has(&p, q))
			HOLDS(p.q[q] == 0);
		else if (q != VM_P_THREADS && q != VM_P_CAPS && q != VM_P_THP_ENABLED)
			HOLDS(p.q[q] % 1024 == 0 || p.q[q] == UINT64_MAX);
	}
	bool whole;
	vm_parse_id_map(text, &whole);
	free(text);
	return 0;
}
