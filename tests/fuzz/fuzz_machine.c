/** /proc/meminfo, vmstat, pressure/memory and sys/vm/max_map_count. */
#include <math.h>

#include "core/model/system.h"
#include "core/source/procparse.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct vm_system mem = { 0 }, stat = { 0 };
	vm_parse_meminfo(text, &mem);
	vm_parse_vmstat(text, &stat);
	for (unsigned q = 0; q < VM_S_NR; q++) {
		HOLDS(vm_system_has(&mem, q) || mem.q[q] == 0);
		HOLDS(vm_system_has(&stat, q) || stat.q[q] == 0);
		HOLDS(!vm_system_has(&mem, q) || q < VM_S_PGFAULT);
		HOLDS(!vm_system_has(&stat, q) || q >= VM_S_PGFAULT);
	}
	HOLDS(vm_parse_max_map_count(text, &mem) == vm_system_has(&mem, VM_S_MAX_MAP_COUNT));
	double psi = vm_parse_psi(text);
	HOLDS(isnan(psi) || psi >= 0);
	free(text);
	return 0;
}
