/** vmdiff: moments, as they are named on the command line. */

#include "cli/vmdiff/vmdiff.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/model/aspace.h"
#include "core/source/capture.h"
#include "core/source/recording.h"
#include "core/source/session.h"
#include "core/source/source.h"

static bool is_number(const char *text)
{
	return text[0] && text[strspn(text, "0123456789")] == '\0';
}

static bool is_directory(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_file(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/** The path before text[len]; NULL when memory is out. */
static bool is_file_before(const char *text, size_t len)
{
	char *path = strndup(text, len);
	const bool yes = path && is_file(path);
	free(path);
	return yes;
}

/** Of "FILE@TIME", the @; times may have one of their own.  NULL: it is something else. */
static const char *find_time(const char *text)
{
	const char *at = is_directory(text) ? NULL : strchr(text, '@');
	while (at && !is_file_before(text, (size_t)(at - text)))
		at = strchr(at + 1, '@');
	return at;
}

/** ":PID" at the end, or NULL. */
static const char *find_pid(const char *text)
{
	const char *colon = strrchr(text, ':');
	return colon && is_number(colon + 1) ? colon : NULL;
}

static bool is_process(const char *text)
{
	return is_number(text) || strcmp(text, "self") == 0;
}

bool vmdiff_is_recording(const struct vmdiff *v, const char *text)
{
	const char *colon = find_pid(text);
	if (is_process(text))
		return v->s->replay && !v->common->at;
	return is_file(text) || (colon && !is_directory(text) && is_file_before(text, (size_t)(colon - text)));
}

static uint64_t now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/** "PATH" or "PATH:PID": what is there under the whole name goes first. */
static int split_path(const char *text, struct vmdiff_moment *m, struct vm_err *err)
{
	const char *colon = is_directory(text) || is_file(text) ? NULL : find_pid(text);
	if (colon) {
		int r = vm_parse_pid(colon + 1, &m->pid, err);
		if (r < 0)
			return r;
	}
	m->path = strndup(text, colon ? (size_t)(colon - text) : strlen(text));
	return m->path ? 0 : vm_fail(err, ENOMEM, "out of memory");
}

/** "TIME" or "TIME:PID": what is a time as a whole is one, so that 14:05:30 is no process 30. */
static int find_moment(const struct vm_recording *rec, const char *text, size_t *moment, struct vmdiff_moment *m, struct vm_err *err)
{
	struct vm_err why = { 0 };
	int r = vm_recording_find(rec, text, moment, &why);
	const char *colon = find_pid(text);
	if (r == -EINVAL && colon) {
		char *time = strndup(text, (size_t)(colon - text));
		if (!time)
			return vm_fail(err, ENOMEM, "out of memory");
		r = vm_recording_find(rec, time, moment, &why);
		free(time);
		if (r == 0)
			return vm_parse_pid(colon + 1, &m->pid, err);
	}
	if (r < 0)
		*err = why;
	return r;
}

/** `time` NULL: the first moment that can be read. */
static int open_recording(struct vmdiff_moment *m, const char *time, struct vm_err *err)
{
	struct vm_recording *rec;
	size_t moment = 0;
	m->from = VMDIFF_RECORDING;
	int r = vm_recording_open(m->path, &rec, err);
	if (r < 0)
		return r;
	r = time ? find_moment(rec, time, &moment, m, err) : 0;
	if (r < 0) {
		vm_recording_close(rec);
		return r;
	}
	r = time ? vm_session_open_recording(rec, moment, &m->s, err) : vm_session_open_last(rec, &m->s, err);
	m->own = r == 0;
	return r == 0 && !time ? vm_session_begin(m->s, err) : r;
}

int vmdiff_moment_open(struct vmdiff *v, const char *text, struct vmdiff_moment *m, struct vm_err *err)
{
	*m = (struct vmdiff_moment){ .text = text, .s = v->s };
	if (is_process(text)) {
		m->from = v->s->replay ? VMDIFF_RECORDING : VMDIFF_LIVE;
		m->path = v->s->replay ? strdup(v->common->replay) : NULL;
		return v->s->replay && !m->path ? vm_fail(err, ENOMEM, "out of memory") : vm_parse_pid(text, &m->pid, err);
	}
	if (v->s->replay && !is_directory(text) && !is_file(text) && !find_time(text) && !vmdiff_is_recording(v, text)) {
		m->path = strdup(v->common->replay);
		return m->path ? open_recording(m, text, err) : vm_fail(err, ENOMEM, "out of memory");
	}
	const char *at = find_time(text);
	if (at) {
		m->path = strndup(text, (size_t)(at - text));
		return m->path ? open_recording(m, at + 1, err) : vm_fail(err, ENOMEM, "out of memory");
	}
	int r = split_path(text, m, err);
	if (r < 0)
		return r;
	if (is_file(m->path))
		return open_recording(m, NULL, err);
	m->from = VMDIFF_CAPTURE;
	if (!is_directory(m->path)) {
		vm_fail(err, EINVAL, "'%s' is neither a process, a capture nor a recording's moment", text);
		vm_hint(err, "a process ID; the directory that vmmap --capture wrote, or DIR:PID; FILE@TIME or FILE@TIME:PID of vmrec");
		return -EINVAL;
	}
	r = vm_session_open(m->path, &m->s, err);
	m->own = r == 0;
	return r;
}

static const char *from_word(const struct vmdiff_moment *m)
{
	static const char *const words[] = { [VMDIFF_CAPTURE] = "capture", [VMDIFF_RECORDING] = "recording" };
	return m->path ? words[m->from] : m->s->live ? "live" : "tree";
}

static bool holds(const struct vm_pids *pids, pid_t pid)
{
	for (size_t i = 0; i < pids->n; i++)
		if (pids->v[i] == pid)
			return true;
	return false;
}

static int ambiguous(const struct vmdiff_moment *m, const struct vm_pids *pids, struct vm_err *err)
{
	struct vm_buf list = { 0 };
	for (size_t i = 0; i < pids->n && i < 8; i++)
		vm_buf_addf(&list, "%s%d", i ? ", " : "", pids->v[i]);
	vm_fail(err, EINVAL, "the %s '%s' holds %zu processes", from_word(m), m->path, pids->n);
	vm_hint(err, "name one, as in %.40s:%d; there are %s%s", m->text, pids->v[0], vm_buf_str(&list), pids->n > 8 ? " ..." : "");
	vm_buf_free(&list);
	return -EINVAL;
}

int vmdiff_moment_settle(struct vmdiff_moment *m, pid_t like, struct vm_err *err)
{
	struct vm_pids pids = { 0 };
	if (m->pid)
		return 0;
	int r = vm_proc_list_dir(m->s, &pids, err);
	if (r == 0 && pids.n == 0)
		r = vm_fail(err, ESRCH, "the %s '%s' holds no process", from_word(m), m->path);
	else if (r == 0 && pids.n > 1 && !(like && holds(&pids, like)))
		r = ambiguous(m, &pids, err);
	else if (r == 0)
		m->pid = pids.n == 1 ? pids.v[0] : like;
	vm_vec_free(&pids);
	return r;
}

static uint64_t time_of(struct vm_session *s)
{
	const struct vm_recording *rec = vm_session_recording(s);
	if (rec)
		return (uint64_t)vm_recording_moment(rec, vm_session_moment(s))->real_ns;
	return s->live ? now_ns() : vm_captured_ns(s);
}

int vmdiff_moment_read(struct vmdiff *v, struct vmdiff_moment *m, struct vm_err *err)
{
	struct vm_err why = { 0 };
	int r = vm_snapshot(m->s, m->pid, v->needs, 0, 0, &m->as, &why);
	if (r < 0) {
		if (m->path && r == -ESRCH)
			vm_fail(&why, ESRCH, "there is no process %d in the %s '%s'", m->pid, from_word(m), m->own ? m->text : m->path);
		*err = why;
		return r;
	}
	m->time_ns = time_of(m->s);
	m->boot = vm_session_read_boot(m->s);
	return 0;
}

/** What is missing in several captures of a process is told once. */
static void keep_unmet(struct vmdiff *v, const struct vm_session *s)
{
	for (unsigned b = 0; b < VM_NEED_NR; b++) {
		const struct vm_unmet *from = &s->unmet[b];
		struct vm_unmet *to = &v->unmet[b];
		if (!to->count)
			*to = *from;
		else if (from->count && from->first != to->first)
			to->count++;
	}
	for (size_t i = 0; i < s->unmet_other.n; i++)
		vm_session_note_other(v->s, s->unmet_other.v[i].name, s->unmet_other.v[i].what, s->unmet_other.v[i].why);
}

void vmdiff_moment_close(struct vmdiff *v, struct vmdiff_moment *m)
{
	vm_aspace_free(m->as);
	if (m->own) {
		keep_unmet(v, m->s);
		vm_session_close(m->s);
	}
	free(m->path);
	*m = (struct vmdiff_moment){ 0 };
}

bool vmdiff_same_process(const struct vmdiff_moment *a, const struct vmdiff_moment *b)
{
	const struct vm_proc *p = &a->as->proc, *q = &b->as->proc;
	if (a->boot && b->boot && a->boot != b->boot)
		return false;
	return p->pid == q->pid && p->state && q->state && p->start == q->start;
}

const char *vmdiff_span(double seconds, char text[static VM_NUMBUF])
{
	const uint64_t s = (uint64_t)llround(seconds);
	if (s < 60)
		snprintf(text, VM_NUMBUF, "%.3gs", seconds);
	else if (s < 3600)
		snprintf(text, VM_NUMBUF, "%um %us", (unsigned)(s / 60), (unsigned)(s % 60));
	else if (s < 86400)
		snprintf(text, VM_NUMBUF, "%uh %um", (unsigned)(s / 3600), (unsigned)(s / 60 % 60));
	else if (s < 100 * UINT64_C(31557600))
		snprintf(text, VM_NUMBUF, "%ud %uh", (unsigned)(s / 86400), (unsigned)(s / 3600 % 24));
	else
		snprintf(text, VM_NUMBUF, "more than a century");
	return text;
}

double vmdiff_seconds(const struct vmdiff_moment *a, const struct vmdiff_moment *b)
{
	if (!a->time_ns || !b->time_ns || !vmdiff_same_process(a, b))
		return NAN;
	return ((double)b->time_ns - (double)a->time_ns) / 1e9;
}

/** For people, or as in documents. */
static void put_time(struct vm_buf *out, uint64_t ns, bool people)
{
	const time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	gmtime_r(&seconds, &tm);
	vm_buf_addf(out, "%04d-%02d-%02d%c%02d:%02d:%02d%s", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, people ? ' ' : 'T',
		    tm.tm_hour, tm.tm_min, tm.tm_sec, people ? " UTC" : "Z");
}

void vmdiff_moment_put(const struct vmdiff_moment *m, struct vm_buf *out)
{
	if (m->path) {
		vm_buf_addf(out, "%s ", from_word(m));
		vm_text_put(out, m->path);
	} else {
		vm_buf_add_str(out, m->s->live ? "live" : vm_session_kind(m->s));
	}
	if (m->time_ns) {
		vm_buf_add_str(out, ", ");
		put_time(out, m->time_ns, true);
	}
}

void vmdiff_moment_json(struct vmdiff *v, const char *key, const struct vmdiff_moment *m)
{
	struct vm_json *j = &v->report.json;
	const struct vm_proc *p = &m->as->proc;
	struct vm_buf time = { 0 };
	if (m->time_ns)
		put_time(&time, m->time_ns, false);
	vm_json_key(j, key);
	vm_json_object_begin(j);
	vm_json_put_str(j, "from", from_word(m));
	vm_json_put_str(j, "path", m->path);
	vm_json_put_str(j, "time", vm_buf_str(&time));
	vm_json_put_u64(j, "pid", (uint64_t)p->pid);
	vm_json_put_known(j, "start_ticks", p->state != 0, p->start);
	vm_json_put_str(j, "comm", p->comm);
	vm_json_put_str(j, "cmdline", p->cmdline);
	vm_document_unmet(&v->report, m->s);
	vm_json_object_end(j);
	vm_buf_free(&time);
}
