/** vmtlb --model. */

#include "cli/vmtlb.h"

#include <errno.h>

#include "core/base/err.h"

static int run(struct vmtlb *v, struct vm_err *err)
{
	(void)v;
	return vm_fail(err, EOPNOTSUPP, "not built yet");
}

const struct vmtlb_mode vmtlb_model = { .name = "model", .fields = &vm_source_fields, .run = run, .command = true };
