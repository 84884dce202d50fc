/** Processes by name. */

#include <errno.h>
#include <regex.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/source/session.h"
#include "core/source/source.h"

int vm_proc_find(struct vm_session *s, const char *pattern, struct vm_pids *out, struct vm_err *err)
{
	struct vm_pids all = { 0 };
	regex_t re;
	out->n = 0;
	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return vm_fail(err, EINVAL, "'%s' is not a regular expression", pattern);
	int r = vm_proc_list(s, &all, err);
	for (size_t i = 0; r == 0 && i < all.n; i++) {
		if (all.v[i] == getpid() || vm_session_slurp(s, &s->scratch, "proc/%d/comm", all.v[i]) <= 0)
			continue;
		s->scratch.s[strcspn(s->scratch.s, "\n")] = '\0';
		if (regexec(&re, s->scratch.s, 0, NULL, 0) == 0 && !vm_vec_push(out, all.v[i]))
			r = vm_fail(err, ENOMEM, "out of memory");
	}
	if (r == 0 && !out->n)
		r = vm_fail(err, ESRCH, "no process is called '%s'", pattern);
	regfree(&re);
	vm_vec_free(&all);
	return r;
}
