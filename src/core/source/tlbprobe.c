#include "core/source/tlbprobe.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/source/session.h"
#include "core/source/tlbprobe_part.h"

/** Of the time that a probe may take, until when what is done. */
#define MS UINT64_C(1000000)
static const uint64_t DATA_UNTIL = 300 * MS, CODE_UNTIL = 350 * MS, HUGE_UNTIL = 560 * MS, ALL_UNTIL = 780 * MS;

/* ---- What is known ------------------------------------------------------------------------------------------------ */

static void forget(struct vm_tlb_known *k)
{
	*k = (struct vm_tlb_known){ .geometry = vm_tlb_geometry_default(), .hit_ns = (double)NAN, .stlb_hit_ns = (double)NAN,
				    .walk_ns = (double)NAN };
}

/** What follows from the knees. */
static void conclude(struct vm_tlb_probe *p)
{
	struct vm_tlb_known *k = &p->known;
	k->by = VM_TLB_BY_PROBE;
	k->dtlb_entries = (unsigned)lround(p->dtlb.at);
	k->stlb_entries = (unsigned)lround(p->stlb.at);
	k->itlb_entries = (unsigned)lround(p->itlb.at);
	k->trusted = !*p->doubt;
	k->geometry = vm_tlb_geometry_default();
	if (vm_tlb_cpu_geometry(&k->geometry))
		return;
	if (k->dtlb_entries)
		k->geometry.l1d[VM_TLB_4K] = vm_tlb_shape_of(VM_TLB_L1D, &p->dtlb);
	if (k->stlb_entries)
		k->geometry.stlb = vm_tlb_shape_of(VM_TLB_STLB, &p->stlb);
	if (k->itlb_entries)
		k->geometry.l1i[VM_TLB_4K] = vm_tlb_shape_of(VM_TLB_L1I, &p->itlb);
}

/** From the cache; what couldn't be trusted only if `any`. */
static bool remember(struct vm_session *s, bool any, struct vm_tlb_probe *p)
{
	if (vm_tlb_cache_read(s, p) != 0 || (*p->doubt && !any))
		return false;
	p->from_cache = true;
	conclude(p);
	return true;
}

void vm_tlb_known(struct vm_session *s, struct vm_tlb_known *out)
{
	forget(out);
	if (!s->live)
		return;
	struct vm_tlb_probe *p = malloc(sizeof(*p));
	if (p && remember(s, true, p))
		*out = p->known;
	else if (vm_tlb_cpu_geometry(&out->geometry))
		out->by = VM_TLB_BY_CPU;
	free(p);
}

/* ---- Doubt -------------------------------------------------------------------------------------------------------- */

/** Ticks that the hypervisor gave to others while this CPU had work; 0 if it isn't told. */
static unsigned long long stolen_ticks(struct vm_session *s, unsigned cpu)
{
	char name[32];
	unsigned long long steal = 0;
	if (vm_session_slurp(s, &s->scratch, "proc/stat") <= 0)
		return 0;
	snprintf(name, sizeof(name), "\ncpu%u ", cpu);
	const char *line = strstr(s->scratch.s, name);
	if (!line || sscanf(line + strlen(name), "%*u %*u %*u %*u %*u %*u %*u %20llu", &steal) != 1)
		return 0;
	return steal;
}

/** How far quartiles are apart, as a share, of the middle one of all points. */
static double scatter(const struct vm_tlb_curve *c)
{
	double v[VM_TLB_POINTS_MAX];
	for (size_t i = 0; i < c->n; i++)
		v[i] = (c->v[i].high - c->v[i].low) / c->v[i].ns;
	return vm_tlb_quantile(v, c->n, 0.5);
}

__attribute__((format(printf, 2, 3)))
static void doubt(struct vm_tlb_probe *p, const char *fmt, ...)
{
	va_list ap;
	const size_t n = strlen(p->doubt);
	const int head = snprintf(p->doubt + n, sizeof(p->doubt) - n, "%s", n ? "; " : "");
	if (head < 0 || n + (size_t)head >= sizeof(p->doubt))
		return;
	va_start(ap, fmt);
	vsnprintf(p->doubt + n + head, sizeof(p->doubt) - n - (size_t)head, fmt, ap);
	va_end(ap);
}

static void judge(struct vm_tlb_probe *p, const struct vm_tlb_watch *w, double stolen, bool moved)
{
	const double noise = scatter(&p->data);
	if (!(p->dtlb.at > 0))
		doubt(p, "times show no step");
	else if (!(p->stlb.at > 0))
		doubt(p, "times show no second step");
	if (vm_tlb_knee_spread(&p->dtlb) > 0.25)
		doubt(p, "repeats differ on the L1 dTLB: %.0f to %.0f", p->dtlb.low, p->dtlb.high);
	if (vm_tlb_knee_spread(&p->stlb) > 0.3)
		doubt(p, "repeats differ on the STLB: %.0f to %.0f", p->stlb.low, p->stlb.high);
	if (noise > 0.2)
		doubt(p, "times scatter by %.0f %%", noise * 100);
	if (w->interrupted * 4 > w->samples)
		doubt(p, "other programs interrupted %u %% of the samples", w->interrupted * 100 / (w->samples ? w->samples : 1));
	if (stolen > 0.1)
		doubt(p, "the hypervisor took the CPU away for %.0f %% of the time", stolen * 100);
	if (moved)
		doubt(p, "it was moved to another CPU meanwhile");
}

/* ---- The probe ---------------------------------------------------------------------------------------------------- */

/** Stay on this CPU.  false: we mayn't. */
static bool pin(cpu_set_t *before)
{
	cpu_set_t one;
	const int cpu = sched_getcpu();
	if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof(*before), before) != 0)
		return false;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one) == 0;
}

static void name_machine(struct vm_session *s, struct vm_tlb_probe *p)
{
	struct vm_tlb_cpu cpu;
	vm_tlb_cpu_read(s, &cpu);
	snprintf(p->cpu, sizeof(p->cpu), "%s", cpu.model);
	snprintf(p->hypervisor, sizeof(p->hypervisor), "%s", cpu.hypervisor);
}

static int measure(struct vm_session *s, struct vm_tlb_probe *p)
{
	struct vm_tlb_watch w;
	const uint64_t from = vm_clock_ns();
	const unsigned long long steal = stolen_ticks(s, p->on_cpu);
	const size_t most = vm_tlb_memory_limit(s, p->no_more);
	vm_tlb_watch_begin(&w, from + DATA_UNTIL);
	int r = vm_tlb_measure_data(&w, most, p);
	if (r < 0)
		return r;
	w.deadline_ns = from + CODE_UNTIL;
	vm_tlb_measure_code(&w, p);
	w.deadline_ns = from + ALL_UNTIL;
	vm_tlb_measure_costs(s, &w, most, from + HUGE_UNTIL, p);
	p->took_ns = vm_clock_ns() - from;
	const double stolen = (double)(stolen_ticks(s, p->on_cpu) - steal) * 1e9 / (double)s->ticks_per_second;
	judge(p, &w, stolen / (double)p->took_ns, sched_getcpu() != (int)p->on_cpu);
	return 0;
}

/** Keep it, unless there is something better: measured with more memory, with huge pages, without doubt. */
static void keep(struct vm_session *s, const struct vm_tlb_probe *p)
{
	struct vm_tlb_probe *before = malloc(sizeof(*before));
	if (before && (!remember(s, true, before) || p->known.trusted > before->known.trusted ||
		       (p->known.trusted == before->known.trusted && p->known.ncosts >= before->known.ncosts &&
			!p->known.huge_pages_split <= !before->known.huge_pages_split)))
		vm_tlb_cache_write(s, p);
	free(before);
}

int vm_tlb_probe(struct vm_session *s, bool fresh, struct vm_tlb_probe *out, struct vm_err *err)
{
	cpu_set_t before;
	if (!s->live)
		return vm_fail(err, EOPNOTSUPP, "timing needs a live machine: a %s holds files only", vm_session_kind(s));
	if (!fresh && remember(s, false, out))
		return 0;
	*out = (struct vm_tlb_probe){ .at_s = (uint64_t)time(NULL) };
	forget(&out->known);
	const bool pinned = pin(&before);
	const int cpu = sched_getcpu();
	out->on_cpu = cpu < 0 ? 0 : (unsigned)cpu;
	name_machine(s, out);
	const int r = measure(s, out);
	if (r == 0) {
		conclude(out);
		/* The key names the kind of core, so we still must be there. */
		keep(s, out);
	}
	if (pinned)
		sched_setaffinity(0, sizeof(before), &before);
	return r < 0 ? vm_fail_os(err, -r, "cannot have the memory that is measured") : 0;
}
