#include "workloads/tlbform.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/str.h"

/* ---- Shapes as text ----------------------------------------------------------------------------------------------- */

enum { SETS_MAX = 1 << 16, WAYS_MAX = 1 << 12 };

/** "128x16h". */
static bool parse_form(const char *s, size_t len, struct vm_tlb_form *f)
{
	char text[32], end = 0;
	unsigned sets, ways;
	if (len >= sizeof(text))
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	const bool hashed = len && text[len - 1] == 'h';
	if (hashed)
		text[len - 1] = '\0';
	if (sscanf(text, "%5ux%4u%c", &sets, &ways, &end) != 2 || !sets || sets > SETS_MAX || (sets & (sets - 1)) || !ways ||
	    ways > WAYS_MAX)
		return false;
	*f = (struct vm_tlb_form){ .sets = sets, .ways = ways, .hashed = hashed };
	return true;
}

int vm_tlb_forms_parse(const char *text, bool code, struct vm_tlb_forms *f, struct vm_err *err)
{
	const struct { const char *name; struct vm_tlb_form *form; } part[] = {
		{ code ? "l1i" : "l1d", &f->first }, { code ? "l1i-2m" : "l1d-2m", &f->first_2m }, { "stlb", &f->second },
	};
	f->first = code ? (struct vm_tlb_form){ 32, 8, false } : (struct vm_tlb_form){ 16, 6, false };
	f->first_2m = code ? (struct vm_tlb_form){ 4, 8, false } : (struct vm_tlb_form){ 8, 4, false };
	f->second = (struct vm_tlb_form){ 128, 16, true };
	for (const char *s = text; *s; ) {
		const size_t len = strcspn(s, ","), name = strcspn(s, "=,");
		for (size_t i = 0; i < vm_countof(part); i++)
			if (name < len && strlen(part[i].name) == name && memcmp(s, part[i].name, name) == 0 &&
			    !parse_form(s + name + 1, len - name - 1, part[i].form))
				return vm_fail(err, EINVAL, "--geometry: '%.*s' must be %s=SETSxWAYS, SETS a power of two", (int)len, s,
				               part[i].name);
		if (name == len)
			return vm_fail(err, EINVAL, "--geometry: '%.*s' must be NAME=SETSxWAYS", (int)len, s);
		s += len + (s[len] == ',');
	}
	return 0;
}

static void truth_form(struct vm_truth *t, const char *key, const struct vm_tlb_form *f)
{
	char text[VM_NUMBUF];
	snprintf(text, sizeof(text), "%ux%u%s", f->sets, f->ways, f->hashed ? "h" : "");
	vm_truth_str(t, key, text);
}

/* ---- Pages in sets ------------------------------------------------------------------------------------------------ */

static unsigned set_of(const struct vm_tlb_form *f, uint64_t page)
{
	const uint64_t next = f->hashed ? page >> __builtin_ctz(f->sets) : 0;
	return (unsigned)((page ^ next) & (f->sets - 1));
}

/** Pages of one size, each once, and how many of them each set of each level is to hold. */
struct sets {
	uint64_t *page;
	size_t n;
	uint64_t *first, *second;
	uint64_t *turning;         /* of the second level: of pages that the first one doesn't hold */
};

static int by_number(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static void sets_free(struct sets *s)
{
	free(s->page);
	free(s->first);
}

static int sets_make(struct sets *s, const struct vm_tlb_walk *w, const struct vm_lab *lab, uint64_t page_bytes,
                     const struct vm_tlb_form *first, const struct vm_tlb_form *second)
{
	*s = (struct sets){ .page = malloc((w->n + 1) * sizeof(*s->page)),
	                    .first = calloc((size_t)first->sets + 2 * (size_t)second->sets, sizeof(*s->first)) };
	if (!s->page || !s->first) {
		sets_free(s);
		return -ENOMEM;
	}
	s->second = s->first + first->sets;
	s->turning = s->second + second->sets;
	for (size_t i = 0; i < w->n; i++)
		s->page[i] = ((uintptr_t)w->p + w->page[i] * lab->page) / page_bytes;
	qsort(s->page, w->n, sizeof(*s->page), by_number);
	for (size_t i = 0; i < w->n; i++)
		if (i == 0 || s->page[i] != s->page[i - 1])
			s->page[s->n++] = s->page[i];
	for (size_t i = 0; i < s->n; i++) {
		s->first[set_of(first, s->page[i])]++;
		s->second[set_of(second, s->page[i])]++;
	}
	for (size_t i = 0; i < s->n; i++)
		if (s->first[set_of(first, s->page[i])] > first->ways)
			s->turning[set_of(second, s->page[i])]++;
	return 0;
}

/* ---- In turn ------------------------------------------------------------------------------------------------------ */

struct bounds {
	uint64_t least, most;
};

static void truth_bounds(struct vm_truth *t, const char *key, struct bounds b)
{
	char min[32], max[32];
	if (b.least == b.most) {
		vm_truth_u64(t, key, b.least);
		return;
	}
	snprintf(min, sizeof(min), "%s_min", key);
	snprintf(max, sizeof(max), "%s_max", key);
	vm_truth_u64(t, min, b.least);
	vm_truth_u64(t, max, b.most);
}

/** Pages that a set holds may have been thrown out before by something else: they miss once more, at most. */
static struct bounds first_misses(const struct sets *s, const struct vm_tlb_form *f, uint64_t passes)
{
	struct bounds b = { 0, 0 };
	for (unsigned i = 0; i < f->sets; i++) {
		const bool held = s->first[i] <= f->ways;
		b.least += held ? 0 : passes * s->first[i];
		b.most += held ? s->first[i] : passes * s->first[i];
	}
	return b;
}

/**
 * Only pages that the first level doesn't hold are looked for in the second one, turn by turn.  Where these fit but those
 * that come by once don't, the latter upset the order of at most three passes.
 */
static struct bounds second_misses(const struct sets *s, const struct vm_tlb_form *f, uint64_t passes)
{
	struct bounds b = { 0, 0 };
	for (unsigned i = 0; i < f->sets; i++) {
		const uint64_t all = s->second[i], turning = s->turning[i], once = all - turning;
		if (turning > f->ways) {
			b.least += passes * turning;
			b.most += passes * turning + once;
		} else {
			b.most += all <= f->ways ? all : (passes < 3 ? passes : 3) * turning + once;
		}
	}
	return b;
}

static bool all_held(const struct sets *s, const struct vm_tlb_form *f)
{
	for (unsigned i = 0; i < f->sets; i++)
		if (s->first[i] > f->ways)
			return false;
	return true;
}

/** Pages in ascending order, or each once: they are visited one after the other. */
static bool in_turn(const struct vm_tlb_walk *w, const struct sets *s)
{
	bool ascending = true;
	for (size_t i = 1; i < w->n && ascending; i++)
		ascending = w->page[i] > w->page[i - 1];
	return ascending || s->n == w->n;
}

static void truth_turns(struct vm_truth *t, const struct sets *s, const struct vm_tlb_forms *f, bool huge,
                        const struct vm_tlb_walk *w)
{
	const struct vm_tlb_form *first = huge ? &f->first_2m : &f->first;
	const bool turns = in_turn(w, s);
	if (!turns && !all_held(s, first))
		return;
	const struct bounds new = { s->n, s->n };
	truth_bounds(t, "l1_misses", w->passes ? first_misses(s, first, w->passes) : new);
	truth_bounds(t, "walks", w->passes ? second_misses(s, &f->second, w->passes) : new);
}

/* ---- At random ---------------------------------------------------------------------------------------------------- */

/**
 * The share of pages that all sets together hold is the share of hits.  Bounds: six standard deviations, each entry
 * fetched once more, and a thousandth for what the form leaves out (the first level hides some accesses from the second).
 */
static void truth_share(struct vm_truth *t, const char *key, const uint64_t *held, const struct vm_tlb_form *f, size_t pages,
                        uint64_t accesses)
{
	uint64_t hits = 0;
	for (unsigned i = 0; i < f->sets; i++)
		hits += held[i] < f->ways ? held[i] : f->ways;
	const double n = (double)accesses, p = 1 - (double)hits / (double)pages, mean = n * p;
	const double off = 6 * sqrt(n * p * (1 - p)) + (double)hits + 0.001 * mean;
	char name[32];
	snprintf(name, sizeof(name), "%s_mean", key);
	vm_truth_u64(t, name, (uint64_t)(mean + 0.5));
	truth_bounds(t, key, (struct bounds){ mean > off ? (uint64_t)(mean - off) : 0, (uint64_t)fmin(mean + off, n) });
}

/* ---- Both page sizes ---------------------------------------------------------------------------------------------- */

static int truth_size(struct vm_truth *t, const struct vm_lab *lab, const struct vm_tlb_forms *f, const struct vm_tlb_walk *w,
                      uint64_t page_bytes)
{
	const bool huge = page_bytes != lab->page;
	const struct vm_tlb_form *first = huge ? &f->first_2m : &f->first;
	struct sets s;
	int r = sets_make(&s, w, lab, page_bytes, first, &f->second);
	if (r < 0)
		return r;
	vm_truth_object_begin(t);
	vm_truth_u64(t, "page_bytes", page_bytes);
	vm_truth_u64(t, "pages", s.n);
	truth_form(t, "l1", first);
	truth_form(t, "stlb", &f->second);
	if (w->at_random) {
		truth_share(t, "l1_misses", s.first, first, s.n, w->at_random);
		truth_share(t, "walks", s.second, &f->second, s.n, w->at_random);
	} else {
		truth_turns(t, &s, f, huge, w);
	}
	vm_truth_object_end(t);
	sets_free(&s);
	return 0;
}

int vm_truth_tlb(struct vm_truth *t, const struct vm_lab *lab, const struct vm_tlb_forms *f, const struct vm_tlb_walk *w,
                 struct vm_err *err)
{
	vm_truth_array_begin(t, "tlb");
	int r = truth_size(t, lab, f, w, lab->page);
	if (r == 0 && lab->page < VM_TLB_HUGE)
		r = truth_size(t, lab, f, w, VM_TLB_HUGE);
	vm_truth_array_end(t);
	return r < 0 ? vm_fail_os(err, -r, "cannot work out the truth") : 0;
}
