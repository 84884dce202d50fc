#include "core/source/faults.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/source/session.h"
#include "core/source/source.h"

const struct vm_fault_backend *const vm_fault_backends[] = {
	&vm_faults_ebpf,
	&vm_faults_perf,
	&vm_faults_counters,
	NULL,
};

struct vm_faults {
	const struct vm_fault_backend *backend;
	void *state;
	char why_not[768];
};

/** "ebpf: needs CAP_BPF; perf: ..." */
static void add_why(struct vm_faults *f, const char *name, const struct vm_err *why)
{
	const size_t n = strlen(f->why_not);
	snprintf(f->why_not + n, sizeof(f->why_not) - n, "%s%s: %s", n ? "; " : "", name, why->what);
}

static int open_named(struct vm_session *s, const struct vm_fault_ask *ask, struct vm_faults *f, struct vm_err *err)
{
	for (size_t i = 0; vm_fault_backends[i]; i++) {
		f->backend = vm_fault_backends[i];
		if (strcmp(f->backend->name, ask->backend) == 0)
			return f->backend->open(s, ask, &f->state, err);
	}
	return vm_fail(err, EINVAL, "there is no way '%s' of watching page faults", ask->backend);
}

static int open_best(struct vm_session *s, const struct vm_fault_ask *ask, struct vm_faults *f, struct vm_err *err)
{
	struct vm_err why = { 0 };
	int r = -EOPNOTSUPP;
	for (size_t i = 0; r < 0 && r != -ESRCH && vm_fault_backends[i]; i++) {
		f->backend = vm_fault_backends[i];
		why = (struct vm_err){ 0 };
		r = f->backend->open(s, ask, &f->state, &why);
		if (r < 0)
			add_why(f, f->backend->name, &why);
	}
	if (r < 0 && err)
		*err = why;
	return r;
}

int vm_faults_open(struct vm_session *s, const struct vm_fault_ask *ask, struct vm_faults **out, struct vm_err *err)
{
	struct vm_faults *f = calloc(1, sizeof(*f));
	if (!f)
		return vm_fail(err, ENOMEM, "out of memory");
	int r = !s->live ? vm_fail(err, EOPNOTSUPP, "page faults of a %s can't be watched", vm_session_kind(s)) :
		ask->backend ? open_named(s, ask, f, err) : open_best(s, ask, f, err);
	if (r < 0) {
		free(f);
		return r;
	}
	*out = f;
	return 0;
}

void vm_faults_close(struct vm_faults *f)
{
	if (!f)
		return;
	f->backend->close(f->state);
	free(f);
}

const struct vm_fault_backend *vm_faults_backend(const struct vm_faults *f)
{
	return f->backend;
}

bool vm_faults_tells_events(const struct vm_faults *f)
{
	return f->backend->events;
}

const char *vm_faults_why_not(const struct vm_faults *f)
{
	return f->why_not;
}

int vm_faults_poll(struct vm_faults *f, struct vm_err *err)
{
	return f->backend->poll(f->state, err);
}

int vm_faults_read(struct vm_faults *f, const struct vm_faultset **out, struct vm_err *err)
{
	int r = f->backend->read(f->state, err);
	if (r == 0)
		*out = f->backend->set(f->state);
	return r;
}

const struct vm_faultset *vm_faults_set(const struct vm_faults *f)
{
	return f->backend->set(f->state);
}

void vm_faults_stop(struct vm_faults *f)
{
	f->backend->stop(f->state);
}

/* ---- As sources -------------------------------------------------------------------------------------------------- */

static int probe_ebpf(struct vm_session *s, struct vm_err *err)
{
	return vm_faults_ebpf.probe(s, err);
}

static int probe_perf(struct vm_session *s, struct vm_err *err)
{
	return vm_faults_perf.probe(s, err);
}

static int probe_counters(struct vm_session *s, struct vm_err *err)
{
	return vm_faults_counters.probe(s, err);
}

static const struct vm_source
	by_ebpf = {
		.name = "ebpf", .help = "eBPF: kinds, times, places and stacks of every fault", .flags = VM_SRC_LIVE,
		.probe = probe_ebpf,
	},
	by_perf = {
		.name = "perf", .help = "perf's software events: where, and whether minor or major", .flags = VM_SRC_LIVE,
		.probe = probe_perf,
	},
	by_counters = {
		.name = "counters", .help = "/proc: how many faults, minor or major", .flags = VM_SRC_LIVE,
		.probe = probe_counters,
	};

const struct vm_source *const vm_fault_sources[] = { &by_ebpf, &by_perf, &by_counters, NULL };
