/** The machine's files: meminfo, vmstat, pressure, interrupts, uptime; and rates between what two pieces of the input tell. */
#include <math.h>

#include "core/source/machine.h"

#include "fuzz.h"

static void read_all(const char *text, uint64_t ns, struct vm_machine *m)
{
	m->page_bytes = 4096;
	m->boot_ns = ns;
	m->uptime_ns = vm_parse_uptime(text);
	vm_machine_parse_meminfo(text, m);
	vm_machine_parse_vmstat(text, 4096, m);
	vm_machine_parse_pressure(text, VM_M_PSI_MEM_SOME, VM_M_PSI_MEM_FULL, m);
	HOLDS(vm_machine_parse_interrupts(text, m) == 0);
	vm_machine_derive(m);
	HOLDS(isnan(m->psi_mem_some.of10) || (m->psi_mem_some.of10 >= 0 && m->psi_mem_some.of10 <= 1.01));
	for (unsigned q = 0; q < VM_M_NR; q++)
		HOLDS(vm_machine_has(m, q) || m->q[q] == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *second = text + size / 2;
	struct vm_machine a = { 0 }, b = { 0 };
	struct vm_machine_rates r = { 0 };
	uint64_t part[VM_PART_NR], sum = 0;
	read_all(text, 1000000000, &a);
	read_all(second, 2000000000, &b);
	HOLDS(vm_machine_rates_begin(&r, &a) == 0);
	HOLDS(vm_machine_rates_next(&r, &b) == 0);
	HOLDS(vm_machine_rates_next(&r, &a) == 0);
	for (unsigned q = 0; q < VM_M_NR; q++)
		HOLDS(isnan(r.a_second[q]) || r.a_second[q] >= 0);
	/* Nonsense may claim more than there is. */
	if (vm_machine_parts(&a, part) && part[VM_PART_REST])
		for (unsigned i = 0; i < VM_PART_NR; i++)
			HOLDS(!__builtin_add_overflow(sum, part[i], &sum));
	vm_machine_rates_free(&r);
	vm_machine_free(&a);
	vm_machine_free(&b);
	free(text);
	return 0;
}
