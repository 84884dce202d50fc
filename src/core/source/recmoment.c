/** Texts that mean a moment of a recording. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/source/recording.h"

#define SECOND INT64_C(1000000000)

static int64_t first_ns(const struct vm_recording *r)
{
	return vm_recording_moment(r, 0)->real_ns;
}

static int64_t last_ns(const struct vm_recording *r)
{
	return vm_recording_moment(r, vm_recording_count(r) - 1)->real_ns;
}

static bool parse_epoch(const char *text, int64_t *ns)
{
	char *end;
	double v = strtod(text, &end);
	if (end == text || *end || !(v >= 0 && v < 9e9))
		return false;
	*ns = (int64_t)(v * (double)SECOND);
	return true;
}

/** Seconds may be followed by a fraction, and that by Z. */
static bool finish(const char *rest, struct tm *tm, int64_t *ns)
{
	double fraction = 0;
	if (*rest == '.') {
		char *end;
		fraction = strtod(rest, &end);
		rest = end;
	}
	bool utc = *rest == 'Z';
	if (rest[utc])
		return false;
	tm->tm_isdst = -1;
	time_t t = utc ? timegm(tm) : mktime(tm);
	*ns = (int64_t)t * SECOND + (int64_t)(fraction * (double)SECOND);
	return t != (time_t)-1;
}

static bool parse_date(const char *text, int64_t *ns)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d" };
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = { 0 };
		const char *rest = strptime(text, forms[i], &tm);
		if (rest && finish(rest, &tm, ns))
			return true;
	}
	return false;
}

/** A time of day: of the recording's first one, or the next one if that was before its beginning. */
static bool parse_time(const struct vm_recording *r, const char *text, int64_t *ns)
{
	static const char *const forms[] = { "%H:%M:%S", "%H:%M" };
	time_t begin = (time_t)(first_ns(r) / SECOND);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm;
		localtime_r(&begin, &tm);
		tm.tm_sec = 0;
		const char *rest = strptime(text, forms[i], &tm);
		struct tm next = tm;
		if (!rest || !finish(rest, &tm, ns))
			continue;
		if (*ns >= first_ns(r) / SECOND * SECOND)
			return true;
		next.tm_mday++;
		return finish(rest, &next, ns);
	}
	return false;
}

static bool parse_when(const struct vm_recording *r, const char *text, int64_t *ns)
{
	uint64_t span;
	if (*text == '@')
		return parse_epoch(text + 1, ns);
	if (*text == '+' || *text == '-') {
		if (vm_parse_duration(text + 1, &span) != 0 || span > INT64_MAX / 2)
			return false;
		*ns = *text == '+' ? first_ns(r) + (int64_t)span : last_ns(r) - (int64_t)span;
		return true;
	}
	return parse_date(text, ns) || parse_time(r, text, ns);
}

void vm_moment_text(const struct vm_rec_moment *m, bool fraction, char to[static VM_MOMENT_TEXT])
{
	time_t t = (time_t)(m->real_ns / SECOND);
	struct tm tm;
	to[0] = '\0';
	if (!localtime_r(&t, &tm))
		return;
	size_t n = strftime(to, VM_MOMENT_TEXT, "%Y-%m-%d %H:%M:%S", &tm);
	if (fraction)
		snprintf(to + n, VM_MOMENT_TEXT - n, ".%03d", (int)(m->real_ns % SECOND / 1000000));
}

static int fail_range(const struct vm_recording *r, const char *text, struct vm_err *err)
{
	char from[VM_MOMENT_TEXT], to[VM_MOMENT_TEXT];
	vm_moment_text(vm_recording_moment(r, 0), false, from);
	vm_moment_text(vm_recording_moment(r, vm_recording_count(r) - 1), false, to);
	vm_fail(err, ERANGE, "'%s' is not in the recording", text);
	vm_hint(err, "it has %zu moments, from %s to %s", vm_recording_count(r), from, to);
	return -ERANGE;
}

/** The last moment that isn't later; clocks may have been set back meanwhile, so all are looked at. */
static bool find_time(const struct vm_recording *r, int64_t ns, size_t *moment)
{
	bool found = false;
	for (size_t i = 0; i < vm_recording_count(r); i++) {
		int64_t at = vm_recording_moment(r, i)->real_ns;
		if (at > ns || (found && at < vm_recording_moment(r, *moment)->real_ns))
			continue;
		*moment = i;
		found = true;
	}
	return found;
}

int vm_recording_find(const struct vm_recording *r, const char *text, size_t *moment, struct vm_err *err)
{
	uint64_t number;
	int64_t ns;
	if (*text == '#') {
		if (vm_parse_u64(text + 1, &number) == 0) {
			if (number == 0 || number > vm_recording_count(r))
				return fail_range(r, text, err);
			*moment = (size_t)number - 1;
			return 0;
		}
	} else if (parse_when(r, text, &ns)) {
		/* What was typed to the second means all of it. */
		if (ns > last_ns(r) + SECOND || !find_time(r, ns + (ns % SECOND ? 0 : SECOND - 1), moment))
			return fail_range(r, text, err);
		return 0;
	}
	vm_fail(err, EINVAL, "'%s' is not a moment", text);
	vm_hint(err, "#NUMBER, +90s, -5m, 14:05:30, 2026-11-28T14:05:30, or @SECONDS since 1970");
	return -EINVAL;
}
