/** The machine's own figures: meminfo, vmstat, pressure, names. */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/err.h"
#include "core/model/system.h"
#include "core/source/procparse.h"
#include "core/source/session.h"
#include "core/source/source.h"

static void read_name(struct vm_session *s, const char *file, char *to, size_t size)
{
	to[0] = '\0';
	if (vm_session_slurp(s, &s->scratch, "proc/sys/kernel/%s", file) < 0)
		return;
	snprintf(to, size, "%s", s->scratch.s);
	to[strcspn(to, "\n")] = '\0';
}

void vm_system_identify(struct vm_session *s, struct vm_system *out)
{
	read_name(s, "hostname", out->host, sizeof(out->host));
	read_name(s, "osrelease", out->kernel, sizeof(out->kernel));
}

int vm_system_read(struct vm_session *s, struct vm_system *out, struct vm_err *err)
{
	struct vm_system sys = { .taken_ns = vm_session_clock(s), .psi_some10 = NAN };
	vm_system_identify(s, &sys);
	long r = vm_session_slurp(s, &s->scratch, "proc/meminfo");
	if (r < 0)
		return vm_fail_os(err, (int)-r, "cannot read /proc/meminfo");
	vm_parse_meminfo(s->scratch.s, &sys);
	if (vm_session_slurp(s, &s->scratch, "proc/vmstat") >= 0)
		vm_parse_vmstat(s->scratch.s, &sys);
	if (vm_session_slurp(s, &s->scratch, "proc/pressure/memory") >= 0)
		sys.psi_some10 = vm_parse_psi(s->scratch.s);
	if (vm_session_slurp(s, &s->scratch, "proc/sys/vm/max_map_count") >= 0)
		vm_parse_max_map_count(s->scratch.s, &sys);
	*out = sys;
	return 0;
}
