/** ELF files with symbols and DWARF: whatever they hold, looking addresses up in them ends and stays inside. */
#include "core/source/symfile.h"

#include "fuzz.h"

/** Touch all that a frame refers to. */
static void check(const struct vm_symfile_frame *f, bool last)
{
	HOLDS(!f->function || memchr(f->function, '\1', f->length) || f->length < SIZE_MAX / 2);
	HOLDS(!f->source || strlen(f->source) < SIZE_MAX / 2);
	HOLDS(f->inlined == !last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { FRAMES = 5, PLACES = 64 };
	struct vm_symfile *f = NULL;
	struct vm_symfile_frame frame[FRAMES];
	/* elfutils turns what is in foreign byte order where it stands. */
	char *bytes = fuzz_bytes(data, size);
	if (vm_symfile_of_image(bytes, size, &f) == 0) {
		for (size_t i = 0; i < PLACES; i++) {
			uint64_t address;
			if (!vm_symfile_address(f, size * i / PLACES, &address))
				continue;
			const size_t n = vm_symfile_find(f, address, true, frame, FRAMES);
			HOLDS(n >= 1 && n <= FRAMES);
			for (size_t k = 0; k < n; k++)
				check(&frame[k], k + 1 == n);
			HOLDS(vm_symfile_find(f, address, false, frame, 1) == 1);
			check(&frame[0], true);
		}
		vm_symfile_free(f);
	}
	free(bytes);
	return 0;
}
