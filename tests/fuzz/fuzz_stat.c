/** /proc/PID/stat and statm. */
#include "core/model/process.h"
#include "core/source/procparse.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct vm_proc with, without;
	vm_proc_init(&with, 1);
	vm_proc_init(&without, 1);
	bool ok = vm_parse_stat(text, 4096, 100, true, &with);
	HOLDS(vm_parse_stat(text, 4096, 100, false, &without) == ok);
	HOLDS(memchr(with.comm, '\0', sizeof(with.comm)));
	if (ok) {
		HOLDS(vm_proc_has(&with, VM_P_RSS) && vm_proc_has(&with, VM_P_VSZ));
		HOLDS(with.state);
		HOLDS(with.start == without.start && strcmp(with.comm, without.comm) == 0);
		HOLDS(with.q[VM_P_RSS] == UINT64_MAX || with.q[VM_P_RSS] % 4096 == 0);
		/* The name is the text between the outermost parentheses. */
		size_t n = strlen(with.comm);
		HOLDS(n == VM_COMM_MAX || strrchr(text, ')') == strchr(text, '(') + 1 + n);
		HOLDS(strncmp(strchr(text, '(') + 1, with.comm, n) == 0);
	}
	for (unsigned q = VM_P_START_CODE; q <= VM_P_ENV_END; q++)
		HOLDS(!vm_proc_has(&without, q) && (!vm_proc_has(&with, q) || with.q[q] > 1));
	vm_parse_stat(text, UINT64_MAX, 0, true, &with);
	vm_proc_init(&with, 1);
	if (vm_parse_statm(text, 4096, &with))
		HOLDS(vm_proc_has(&with, VM_P_SHARED) && vm_proc_has(&with, VM_P_DATA_STACK));
	else
		HOLDS(!vm_proc_has(&with, VM_P_SHARED));
	free(text);
	return 0;
}
