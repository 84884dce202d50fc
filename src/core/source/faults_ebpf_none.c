/** A build without BPF: faults are watched by other means. */

#include <errno.h>

#include "core/base/err.h"
#include "core/source/faults.h"

static int probe(struct vm_session *s, struct vm_err *err)
{
	(void)s;
	return vm_fail(err, EOPNOTSUPP, "built without BPF");
}

static int open_none(struct vm_session *s, const struct vm_fault_ask *ask, void **state, struct vm_err *err)
{
	(void)ask, (void)state;
	return probe(s, err);
}

const struct vm_fault_backend vm_faults_ebpf = {
	.name = "ebpf", .help = "eBPF: kinds, times, places and stacks of every fault", .probe = probe, .open = open_none,
};
