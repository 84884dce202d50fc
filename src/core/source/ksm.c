#include "core/source/ksm.h"

#include <errno.h>
#include <stdlib.h>

#include "core/source/session.h"

int vm_ksm_merging(struct vm_session *s, pid_t pid, uint64_t *pages)
{
	long n = vm_session_slurp(s, &s->scratch, "proc/%d/ksm_merging_pages", pid);
	if (n < 0)
		return (int)n;
	char *end;
	*pages = strtoull(s->scratch.s, &end, 10);
	return end == s->scratch.s ? -EBADMSG : 0;
}
