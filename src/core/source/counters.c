#include "core/source/counters.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/source/counters_open.h"
#include "core/source/pmu.h"

/** What it counts on includes the idle tasks of all CPUs: they are in the root group. */
static bool has_idle(const struct vm_counters_ask *ask)
{
	return ask->whom == VM_OF_ALL || (ask->whom == VM_OF_CGROUP && !ask->cgroup[strspn(ask->cgroup, "/")]);
}

/** The clock of a CPU runs while it idles, too: it would tell how many CPUs there are, not what was used of them. */
static void leave_out_clock(struct vm_plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].software == VM_TC_TASK_CLOCK)
			p->v[i].why = -EOPNOTSUPP;
}

int vm_counters_open(struct vm_session *s, const struct vm_counters_ask *ask, struct vm_counters **out, struct vm_err *err)
{
	struct vm_counters *c = calloc(1, sizeof(*c));
	if (!c)
		return vm_fail(err, ENOMEM, "out of memory");
	c->s = s;
	c->pmu = ask->pmu;
	c->whom = ask->whom;
	c->children = ask->children;
	vm_plan_make(ask->pmu, ask->event, ask->nevents, &c->plan);
	if (has_idle(ask))
		leave_out_clock(&c->plan);
	const int r = vm_counters_open_all(c, ask, err);
	if (r < 0) {
		vm_counters_close(c);
		return r;
	}
	*out = c;
	return 0;
}

int vm_counters_enable(struct vm_counters *c, struct vm_err *err)
{
	int r = 0;
	c->began_ns = vm_clock_ns();
	if (c->whom == VM_OF_COMMAND)
		return 0;
	/* Threads that the list of threads didn't show, because it changed while it was read. */
	if (c->of_threads)
		r = vm_counters_list_again(c, err);
	for (size_t i = 0; r == 0 && i < c->event.n; i++)
		if (c->event.v[i].leads)
			ioctl(c->event.v[i].fd, PERF_EVENT_IOC_ENABLE, 0);
	return r;
}

void vm_counters_disable(struct vm_counters *c)
{
	for (size_t i = 0; i < c->event.n; i++)
		if (c->event.v[i].leads)
			ioctl(c->event.v[i].fd, PERF_EVENT_IOC_DISABLE, 0);
	c->ended_ns = vm_clock_ns();
}

/** perf_event_open(2), "Reading results", of an event by itself. */
struct reading { uint64_t value, enabled, running; };

static void add(struct vm_tc_count *to, int fd)
{
	struct reading v;
	if (read(fd, &v, sizeof(v)) != sizeof(v))
		return;
	to->raw += v.value;
	to->enabled_ns += v.enabled;
	to->running_ns += v.running;
}

void vm_counters_read(const struct vm_counters *c, struct vm_tc_set *out)
{
	size_t at[VM_TC_ENTRIES_MAX];
	*out = (struct vm_tc_set){ .wall_ns = (c->ended_ns ? c->ended_ns : vm_clock_ns()) - c->began_ns };
	for (size_t i = 0; i < c->plan.n; i++) {
		const struct vm_plan_slot *slot = &c->plan.v[i];
		const struct vm_tc_count count = { .group = slot->group, .opened = !slot->why };
		if (slot->software >= 0) {
			out->software[slot->software] = count;
			continue;
		}
		at[i] = out->n++;
		out->v[at[i]] = (struct vm_tc_entry){
			.name = slot->event->name, .note = slot->event->note, .what = slot->event->what, .core = slot->core, .c = count,
			.why = slot->why,
		};
	}
	for (size_t i = 0; i < c->event.n; i++) {
		const uint16_t slot = c->event.v[i].slot;
		const int software = c->plan.v[slot].software;
		add(software >= 0 ? &out->software[software] : &out->v[at[slot]].c, c->event.v[i].fd);
	}
}

void vm_counters_close(struct vm_counters *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->event.n; i++)
		close(c->event.v[i].fd);
	vm_vec_free(&c->event);
	vm_vec_free(&c->process);
	vm_perf_threads_free(&c->threads);
	free(c);
}
