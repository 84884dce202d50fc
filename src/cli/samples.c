#include "cli/samples.h"

#include <errno.h>

#include "cli/common.h"
#include "cli/launch.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/source/recording.h"
#include "core/source/session.h"

int vm_check_samples(const struct vm_session *s, struct vm_err *err)
{
	return s->live || vm_session_recording(s) ? 0
		: vm_fail(err, EINVAL, "a captured tree is one sample only: it takes no interval");
}

int vm_begin_samples(const struct vm_common *c, struct vm_session *s, struct vm_err *err)
{
	return vm_session_recording(s) && !c->at ? vm_session_begin(s, err) : 0;
}

int vm_sample_before(struct vm_session *s, size_t *at, bool *there, struct vm_err *err)
{
	*at = vm_session_moment(s);
	*there = *at > 0;
	return *there ? vm_session_seek(s, *at - 1, err) : 0;
}

static uint64_t next_due(uint64_t due, uint64_t interval_ns)
{
	const uint64_t now = vm_clock_ns();
	due += interval_ns;
	return due < now ? due + (now - due + interval_ns - 1) / interval_ns * interval_ns : due;
}

int vm_next_sample(struct vm_session *s, struct vm_signals *signals, uint64_t interval_ns, uint64_t *due_ns, struct vm_err *err)
{
	if (vm_session_recording(s)) {
		if (signals && vm_signals_take(signals, NULL))
			return 1;
		const int r = vm_session_advance(s, interval_ns, err);
		return r == -ENODATA ? 1 : r;
	}
	*due_ns = next_due(*due_ns, interval_ns);
	if (signals)
		return vm_signals_wait_until(signals, NULL, *due_ns);
	while (vm_clock_sleep_until(*due_ns) != 0)
		;
	return 0;
}
