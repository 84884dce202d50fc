/** vmtlb --ab: what the figures say, in sentences. */

#include "cli/vmtlb/ab.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/base/cleanup.h"
#include "core/base/str.h"
#include "core/field/tlb_ab.h"
#include "core/source/session.h"

struct findings {
	struct vmtlb_ab_finding *v;
	size_t n;
	const char *heading;       /* of those that follow */
};

__attribute__((format(printf, 3, 4)))
static void find(struct findings *f, const char *key, const char *fmt, ...)
{
	va_list ap;
	if (f->n == VMTLB_AB_FINDINGS)
		return;
	struct vmtlb_ab_finding *new = &f->v[f->n++];
	new->key = key;
	new->heading = f->heading;
	va_start(ap, fmt);
	vsnprintf(new->text, sizeof(new->text), fmt, ap);
	va_end(ap);
}

/* ---- Facts -------------------------------------------------------------------------------------------------------- */

bool vmtlb_ab_most(const struct vmtlb_ab *ab, enum vm_ab_side side, struct vm_ab_seen *out)
{
	*out = (struct vm_ab_seen){ 0 };
	for (size_t i = 0; i < ab->run.n; i++) {
		const struct vm_ab_seen *s = &ab->run.v[i].seen;
		if (ab->run.v[i].side != side)
			continue;
		out->samples += s->samples;
		out->denied |= s->denied;
		const uint64_t *from[] = { &s->huge_bytes, &s->anon_bytes, &s->rss_bytes, &s->hugetlb_bytes };
		uint64_t *to[] = { &out->huge_bytes, &out->anon_bytes, &out->rss_bytes, &out->hugetlb_bytes };
		for (size_t k = 0; k < vm_countof(to); k++)
			*to[k] = *from[k] > *to[k] ? *from[k] : *to[k];
	}
	return out->samples > 0;
}

/** Machine-wide counts of the runs with huge pages on; UINT64_MAX: not known. */
static struct vm_thp_counts machine_of_on(const struct vmtlb_ab *ab)
{
	struct vm_thp_counts sum = { 0 };
	for (size_t i = 0; i < ab->run.n; i++) {
		const struct vm_ab_run *run = &ab->run.v[i];
		if (run->side != VM_AB_ON)
			continue;
		if (run->machine_made == UINT64_MAX || run->machine_refused == UINT64_MAX)
			return (struct vm_thp_counts){ UINT64_MAX, UINT64_MAX, UINT64_MAX };
		sum.made += run->machine_made;
		sum.refused += run->machine_refused;
		sum.small_bytes += run->machine_small_bytes != UINT64_MAX ? run->machine_small_bytes : 0;
	}
	return sum;
}

/** No process of ON ever had as much memory as a huge page holds. */
static bool is_small(const struct vmtlb_ab *ab)
{
	for (size_t i = 0; i < ab->run.n; i++)
		if (ab->run.v[i].side == VM_AB_ON && !(ab->run.v[i].v[VM_AB_RSS] < (double)ab->thp.page_bytes))
			return false;
	return true;
}

enum vmtlb_ab_reach vmtlb_ab_reached(const struct vmtlb_ab *ab)
{
	struct vm_ab_seen on;
	if (vmtlb_ab_most(ab, VM_AB_ON, &on) && on.huge_bytes)
		return VMTLB_AB_REACHED;
	if (!ab->pairs)
		return VMTLB_AB_UNSEEN;
	if (is_small(ab))
		return VMTLB_AB_NONE;
	/* What was made for nobody, the program hasn't got; a look may just have come at the wrong moment. */
	return machine_of_on(ab).made == 0 ? VMTLB_AB_NONE : VMTLB_AB_UNSEEN;
}

/** Smaller huge pages are given, which nothing tells of a process. */
static bool may_have_small(const struct vmtlb_ab *ab)
{
	const uint64_t bytes = machine_of_on(ab).small_bytes;
	return ab->thp.small > VM_THP_NEVER && bytes > 0;
}

/** Of a trial that can't see so many per cent, nothing seen says nothing. */
enum { ROUGH = 10 };

/** What a time says; differences that may be our doing are none. */
static enum vm_pairs_verdict judge(const struct vmtlb_ab *ab, enum vm_ab_measure m)
{
	const struct vm_pairs *p = &ab->of[m];
	const enum vm_pairs_verdict verdict = vm_pairs_verdict(p, VMTLB_AB_LEAST);
	if (ab->changed)
		return VM_PAIRS_UNDECIDED;
	const bool tiny = fabs(p->share) * VMTLB_AB_SHARE < 1;
	if (verdict == VM_PAIRS_SAME && 100 * vm_pairs_resolution(p) > ROUGH)
		return VM_PAIRS_UNDECIDED;
	return tiny && (verdict == VM_PAIRS_LESS || verdict == VM_PAIRS_MORE) ? VM_PAIRS_SAME : verdict;
}

const char *vmtlb_ab_word(const struct vmtlb_ab *ab, enum vm_ab_measure m)
{
	if (vmtlb_ab_reached(ab) == VMTLB_AB_NONE && !may_have_small(ab))
		return "no_huge_pages";
	switch (judge(ab, m)) {
	case VM_PAIRS_LESS:
		return "helps";
	case VM_PAIRS_MORE:
		return "hurts";
	case VM_PAIRS_SAME:
		return "same";
	default:
		return "undecided";
	}
}

/* ---- Times -------------------------------------------------------------------------------------------------------- */

/** "3.1 % less". */
static const char *change(double share, char buf[static VM_NUMBUF])
{
	snprintf(buf, VM_NUMBUF, "%.1f %% %s", 100 * fabs(share), share < 0 ? "less" : "more");
	return buf;
}

static void judge_time(struct findings *f, const struct vmtlb_ab *ab, enum vm_ab_measure m)
{
	const struct vm_pairs *p = &ab->of[m];
	const char *name = vm_ab_name(m), *key = m == VM_AB_WALL ? "wall" : "cpu";
	char by[VM_NUMBUF], low[VM_NUMBUF], high[VM_NUMBUF], range[128];
	const enum vm_pairs_verdict verdict = judge(ab, m);
	if (isnan(p->share) || ab->changed || vm_pairs_verdict(p, VMTLB_AB_LEAST) == VM_PAIRS_UNDECIDED)
		return;
	change(p->share, by);
	snprintf(range, sizeof(range), "with %.1f %% confidence between %s and %s", 100 * p->confidence,
		 change(p->share_low, low), change(p->share_high, high));
	if (verdict == VM_PAIRS_UNDECIDED)
		find(f, key, "%s: nothing certain; most likely %s, %s: take more pairs, or a quieter machine", name, by, range);
	else if (verdict == VM_PAIRS_SAME)
		find(f, key, "%s: no difference was seen; it is %s, and what is below about %.1f %%, %zu pairs that vary as these can't "
		     "show", name, range, 100 * vm_pairs_resolution(p), p->n);
	else
		find(f, key, "%s: huge pages %s; %s, %s", name, verdict == VM_PAIRS_LESS ? "help" : "hurt", by, range);
}

static void judge_times(struct findings *f, const struct vmtlb_ab *ab)
{
	const struct vm_pairs *p = &ab->of[VM_AB_WALL];
	if (ab->changed)
		find(f, "changed", "the machine's policy of huge pages was changed meanwhile: the runs are not alike, so nothing is "
		     "said of their times");
	else if (vm_pairs_verdict(p, VMTLB_AB_LEAST) == VM_PAIRS_UNDECIDED)
		find(f, "undecided", "%zu pair%s of runs can't tell a difference from chance: take --pairs 6, or more", p->n,
		     p->n == 1 ? "" : "s");
	judge_time(f, ab, VM_AB_WALL);
	judge_time(f, ab, VM_AB_CPU);
}

/* ---- Memory and faults -------------------------------------------------------------------------------------------- */

static void judge_memory(struct findings *f, const struct vmtlb_ab *ab)
{
	const struct vm_pairs *p = &ab->of[VM_AB_RSS];
	char by[VM_NUMBUF], text[VM_NUMBUF];
	const enum vm_pairs_verdict verdict = vm_pairs_verdict(p, VMTLB_AB_LEAST);
	if (isnan(p->share))
		return;
	if (verdict == VM_PAIRS_LESS || verdict == VM_PAIRS_MORE)
		find(f, "memory", "the biggest process had %s %s resident (%s)",
		     vm_ab_text(VM_AB_RSS, fabs(p->difference), false, false, text, sizeof(text)),
		     verdict == VM_PAIRS_MORE ? "more" : "less", change(p->share, by));
}

static void judge_faults(struct findings *f, const struct vmtlb_ab *ab)
{
	const struct vm_pairs *p = &ab->of[VM_AB_MINOR];
	char by[VM_NUMBUF];
	if (vm_pairs_verdict(p, VMTLB_AB_LEAST) == VM_PAIRS_LESS && !isnan(p->share))
		find(f, "faults", "%.0f fewer page faults (%s)", -p->difference, change(p->share, by));
}

/* ---- Whether it was a trial of huge pages at all ------------------------------------------------------------------ */

/** True: too small for huge pages, whatever else is so. */
static bool say_small(struct findings *f, const struct vmtlb_ab *ab)
{
	const uint64_t page = ab->thp.page_bytes;
	const double rss = ab->of[VM_AB_RSS].b, faults = ab->of[VM_AB_MINOR].a, base = (double)ab->v->s->page_bytes;
	char had[VM_NUMBUF], huge[VM_NUMBUF];
	if (rss < (double)page)
		find(f, "why_small", "it is small: no process had more than %s resident, and a huge page is %s",
		     vm_format_size((uint64_t)rss, had), vm_format_size(page, huge));
	else if (faults * base < (double)page)
		find(f, "why_small", "it is small: %.0f page faults brought at most %s of anonymous memory, and a huge page is %s",
		     faults, vm_format_size((uint64_t)(faults * base), had), vm_format_size(page, huge));
	else
		return false;
	return true;
}

/** Why a program that may have huge pages got none: what is known, and else what is likely. */
static void say_why_none(struct findings *f, const struct vmtlb_ab *ab)
{
	const struct vm_thp_counts machine = machine_of_on(ab);
	const struct vm_ab_program *prog = &ab->program;
	struct vm_ab_seen first;
	const bool seen = vmtlb_ab_most(ab, VM_AB_AS_IS, &first);
	const bool must_ask = ab->thp.huge == VM_THP_MADVISE;
	char size[VM_NUMBUF], of[VM_NUMBUF];
	if (machine.refused && machine.refused != UINT64_MAX)
		find(f, "why_fragmented", "the machine refused %llu huge pages meanwhile for want of free memory in one piece",
		     (unsigned long long)machine.refused);
	if (say_small(f, ab))
		return;
	if (prog->refuses)
		find(f, "why_refuses", "it turns huge pages off for itself (PR_SET_THP_DISABLE)");
	if (seen && first.anon_bytes < first.rss_bytes / 2)
		find(f, "why_files", "most of its memory is of files, not anonymous: %s of %s seen",
		     vm_format_size(first.rss_bytes - first.anon_bytes, size), vm_format_size(first.rss_bytes, of));
	if (must_ask && !vm_ab_malloc_listens())
		find(f, "why_libc", "huge pages are for memory that asks (policy madvise), and this machine's C library can't be told to "
		     "ask: it isn't glibc 2.35 or newer");
	else if (must_ask && prog->known && *prog->allocator)
		find(f, "why_allocator", "huge pages are for memory that asks (policy madvise), and its malloc is %s's, which has "
		     "settings of its own for that", prog->allocator);
	else if (must_ask && prog->known && !prog->glibc)
		find(f, "why_static", "huge pages are for memory that asks (policy madvise), and it doesn't use the C library's malloc: "
		     "it is linked statically, or of another language or library (Go, Java, musl)");
	else if (must_ask)
		find(f, "why_asks", "huge pages are for memory that asks (policy madvise): a program with a malloc of its own, set-uid, "
		     "or that maps its memory itself doesn't hear GLIBC_TUNABLES; one may also forbid them (MADV_NOHUGEPAGE)");
}

/** Though it had some. */
static void say_refused(struct findings *f, const struct vmtlb_ab *ab)
{
	const struct vm_thp_counts machine = machine_of_on(ab);
	if (machine.refused && machine.refused != UINT64_MAX)
		find(f, "refused", "the machine refused %llu more meanwhile for want of free memory in one piece",
		     (unsigned long long)machine.refused);
}

static void say_reach(struct findings *f, const struct vmtlb_ab *ab)
{
	struct vm_ab_seen on, off;
	const bool seen = vmtlb_ab_most(ab, VM_AB_ON, &on), seen_off = vmtlb_ab_most(ab, VM_AB_OFF, &off);
	char huge[VM_NUMBUF], anon[VM_NUMBUF];
	const enum vmtlb_ab_reach reach = vmtlb_ab_reached(ab);
	if (reach == VMTLB_AB_REACHED)
		find(f, "reached", "ON had up to %s in huge pages, of up to %s of anonymous memory that were seen",
		     vm_format_size(on.huge_bytes, huge), vm_format_size(on.anon_bytes, anon));
	else if (reach == VMTLB_AB_NONE)
		find(f, "none", "ON got no huge pages%s: both ways were the same, and a difference between them is chance",
		     may_have_small(ab) ? " of full size" : "");
	else
		find(f, "unseen", seen ? "no look at ON found huge pages; the machine made %s" :
		     "ON ended before a look was taken, so whether it got huge pages isn't known; the machine made %s",
		     machine_of_on(ab).made == UINT64_MAX ? "an unknown number meanwhile" : "some meanwhile, for whomsoever");
	if (reach == VMTLB_AB_REACHED)
		say_refused(f, ab);
	f->heading = "WHY";
	if (reach != VMTLB_AB_REACHED)
		say_why_none(f, ab);
	f->heading = "CARE";
	if (seen_off && off.huge_bytes)
		find(f, "off_had_some", "OFF wasn't off: it had up to %s in huge pages; the program itself takes PR_SET_THP_DISABLE back",
		     vm_format_size(off.huge_bytes, huge));
	if (seen_off && off.hugetlb_bytes)
		find(f, "hugetlb", "both ways it has up to %s of the hugetlb pool, which is huge whatever else is set",
		     vm_format_size(off.hugetlb_bytes, huge));
	if (may_have_small(ab))
		find(f, "small", "smaller huge pages (mTHP) are on, and off in OFF; what of them it had can't be seen of one process");
	if (on.denied)
		find(f, "denied", "some of its processes can't be looked at (another user's, or set-uid)");
}

/* ---- What to do --------------------------------------------------------------------------------------------------- */

/** Compared with how it is started anyway. */
static void advise(struct findings *f, const struct vmtlb_ab *ab)
{
	struct vm_ab_seen on, now;
	char number[VM_NUMBUF];
	if (!vmtlb_ab_most(ab, VM_AB_AS_IS, &now) || !vmtlb_ab_most(ab, VM_AB_ON, &on) || !on.huge_bytes)
		return;
	const bool has = now.huge_bytes >= on.huge_bytes / 2;
	const char *size = now.huge_bytes ? vm_format_size(now.huge_bytes, number) : "nothing";
	f->heading = "NOW";
	const enum vm_pairs_verdict verdict = judge(ab, VM_AB_WALL);
	if (has && verdict == VM_PAIRS_MORE)
		find(f, "now", "as it is started now it has %s in huge pages: what starts it can turn them off with "
		     "prctl(PR_SET_THP_DISABLE), it itself with madvise(MADV_NOHUGEPAGE)", size);
	else if (has)
		find(f, "now", "as it is started now it has %s in huge pages already", size);
	else if (ab->tunables.n)
		find(f, "now", "as it is started now it has %s in huge pages; what gave it more: GLIBC_TUNABLES=" VM_AB_TUNABLE "=1",
		     size);
	else
		find(f, "now", "as it is started now it has %s in huge pages%s", size,
		     ab->program.refuses ? ": PR_SET_THP_DISABLE is set by what starts it" : "");
}

static void say_disturbed(struct findings *f, const struct vmtlb_ab *ab)
{
	for (size_t i = 0; i < ab->run.n; i++)
		if (ab->run.v[i].left_some) {
			find(f, "left", "processes that it starts go on after it has ended: they aren't counted, and disturb the next run");
			return;
		}
}

static void say_deaf(struct findings *f, const struct vmtlb_ab *ab)
{
	size_t n = 0;
	for (size_t i = 0; i < ab->run.n; i++)
		n += ab->run.v[i].deaf;
	if (n && ab->heard)
		find(f, "deaf", "in %zu more run%s malloc didn't ask for huge pages though told to, as happens with glibc 2.35 and 2.36: "
		     "not counted, and run again", n, n == 1 ? "" : "s");
}

size_t vmtlb_ab_findings(const struct vmtlb_ab *ab, struct vmtlb_ab_finding out[static VMTLB_AB_FINDINGS])
{
	struct findings f = { .v = out, .heading = "VERDICT" };
	if (!ab->pairs)
		return 0;
	if (vmtlb_ab_reached(ab) != VMTLB_AB_NONE || may_have_small(ab)) {
		judge_times(&f, ab);
		f.heading = "COST";
		judge_memory(&f, ab);
		judge_faults(&f, ab);
		f.heading = "REACHED";
	}
	say_reach(&f, ab);
	say_deaf(&f, ab);
	say_disturbed(&f, ab);
	advise(&f, ab);
	return f.n;
}
