/** Processes by name. */

#include <errno.h>
#include <regex.h>
#include <string.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/model/process.h"
#include "core/source/procparse.h"
#include "core/source/session.h"
#include "core/source/source.h"

/** The name of a process into s->scratch; in a captured tree stat alone has it. */
static bool read_name(struct vm_session *s, pid_t pid)
{
	struct vm_proc p;
	if (vm_session_slurp(s, &s->scratch, "proc/%d/comm", pid) > 0) {
		s->scratch.s[strcspn(s->scratch.s, "\n")] = '\0';
		return true;
	}
	vm_proc_init(&p, pid);
	if (s->live || vm_session_slurp(s, &s->scratch, "proc/%d/stat", pid) <= 0 ||
	    !vm_parse_stat(s->scratch.s, s->page_bytes, s->ticks_per_second, false, &p))
		return false;
	s->scratch.n = 0;
	vm_buf_add_str(&s->scratch, p.comm);
	vm_buf_str(&s->scratch);
	return true;
}

int vm_proc_find(struct vm_session *s, const char *pattern, struct vm_pids *out, struct vm_err *err)
{
	struct vm_pids all = { 0 };
	regex_t re;
	out->n = 0;
	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return vm_fail(err, EINVAL, "'%s' is not a regular expression", pattern);
	int r = vm_proc_list(s, &all, err);
	for (size_t i = 0; r == 0 && i < all.n; i++) {
		if ((s->live && all.v[i] == getpid()) || !read_name(s, all.v[i]))
			continue;
		if (regexec(&re, s->scratch.s, 0, NULL, 0) == 0 && !vm_vec_push(out, all.v[i]))
			r = vm_fail(err, ENOMEM, "out of memory");
	}
	if (r == 0 && !out->n)
		r = vm_fail(err, ESRCH, "no process is called '%s'", pattern);
	regfree(&re);
	vm_vec_free(&all);
	return r;
}
