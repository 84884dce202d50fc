/** Conditions on page flags: never a crash, an error always has words, and names come back as the flags they name. */
#include <errno.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/model/pageflags.h"

#include "fuzz.h"

static void check_condition(const char *text)
{
	struct vm_kpf_match m;
	struct vm_err err = { 0 };
	int r = vm_kpf_match_parse(text, &m, &err);
	HOLDS(r == 0 || (r == -EINVAL && err.code == EINVAL && err.what[0]));
	if (r < 0)
		return;
	HOLDS(!(m.bits & ~m.mask));
	HOLDS(vm_kpf_matches(&m, m.bits) || (m.any && !m.bits));
	HOLDS(!m.any || !vm_kpf_matches(&m, ~m.mask));
}

static void check_names(uint64_t flags)
{
	struct vm_buf b = { 0 };
	struct vm_kpf_match m;
	size_t letters = 0;
	for (unsigned i = 0; i < 64; i++) {
		flags &= vm_kpf_info[i].name ? UINT64_MAX : ~(UINT64_C(1) << i);
		letters += vm_kpf_info[i].name != NULL;
	}
	vm_buf_add_char(&b, '=');
	vm_kpf_put_names(&b, flags, ',');
	HOLDS(vm_kpf_match_parse(vm_buf_str(&b), &m, NULL) == 0);
	HOLDS(m.mask == UINT64_MAX && m.bits == flags && vm_kpf_matches(&m, flags));
	b.n = 0;
	vm_kpf_put_letters(&b, flags);
	HOLDS(b.n == letters);
	vm_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	uint64_t flags = 0;
	check_condition(text);
	memcpy(&flags, data, size < 8 ? size : 8);
	check_names(flags);
	free(text);
	return 0;
}
