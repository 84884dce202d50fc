/** Names of linkers: what is written fits and ends, however little room there is. */
#include "core/base/demangle.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { ROOM = 4096 };
	char *name = fuzz_bytes(data, size), *out = malloc(ROOM);
	if (!out)
		exit(0);
	if (vm_demangle(name, size, out, ROOM)) {
		const size_t len = strlen(out);
		HOLDS(len > 0 && len < ROOM);
		/* Just enough room, and too little. */
		char *exact = malloc(len + 1);
		if (!exact)
			exit(0);
		HOLDS(vm_demangle(name, size, exact, len + 1) && strcmp(exact, out) == 0);
		HOLDS(!vm_demangle(name, size, exact, len));
		free(exact);
	}
	free(out);
	free(name);
	return 0;
}
