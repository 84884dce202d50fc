/** /proc/PID/cgroup and cmdline. */
#include "core/source/procparse.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	const char *path = vm_parse_cgroup(text);
	HOLDS(!path || (path > text && path <= text + size && path[-1] == ':'));
	HOLDS(!path || !strchr(path, '\n'));
	free(text);

	char *bytes = fuzz_bytes(data, size);
	size_t n = vm_parse_cmdline(bytes, size);
	HOLDS(n <= size);
	HOLDS(!memchr(bytes, '\0', n));
	/* What was cut off was nothing but ends of arguments. */
	for (size_t i = n; i < size; i++)
		HOLDS(data[i] == '\0');
	for (size_t i = 0; i < n; i++)
		HOLDS(bytes[i] == (data[i] ? (char)data[i] : ' '));
	free(bytes);
	return 0;
}
