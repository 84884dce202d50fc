/** vmfault: faults over time, as a sparkline and as pictures. */

#include "cli/vmfault/vmfault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/render/heat.h"
#include "cli/render/histogram.h"
#include "cli/render/strokes.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"

enum { STEP_NS = 50000000, ROWS = 16, WIDTH = 80 };

void vmfault_series_free(struct vmfault *v)
{
	struct vmfault_series *s = &v->series;
	free(s->latency);
	for (size_t i = 0; i < s->block.n; i++)
		free(s->block.v[i].count);
	vm_vec_free(&s->block);
	vm_map_free(&s->blocks);
}

void vmfault_series_restart(struct vmfault *v, const struct vm_faultset *f)
{
	struct vmfault_series *s = &v->series;
	s->last = vm_fault_total_row(f).c.count;
	s->n = 0;
	s->step_ns = STEP_NS;
	s->began_ns = vm_clock_ns();
	s->next_ns = s->began_ns + STEP_NS;
	for (size_t i = 0; i < s->block.n; i++)
		memset(s->block.v[i].count, 0, VMFAULT_STEPS * sizeof(uint32_t));
}

/** Twice as long steps, half as many. */
static void halve(struct vmfault_series *s)
{
	for (size_t i = 0; i < VMFAULT_STEPS / 2; i++) {
		s->faults[i] = s->faults[2 * i] + s->faults[2 * i + 1];
		if (s->latency) {
			s->latency[i] = s->latency[2 * i];
			vm_histo_merge(&s->latency[i], &s->latency[2 * i + 1]);
		}
		for (size_t b = 0; b < s->block.n; b++)
			s->block.v[b].count[i] = s->block.v[b].count[2 * i] + s->block.v[b].count[2 * i + 1];
	}
	s->n = VMFAULT_STEPS / 2;
	s->step_ns *= 2;
	for (size_t b = 0; b < s->block.n; b++)
		memset(s->block.v[b].count + s->n, 0, (VMFAULT_STEPS - s->n) * sizeof(uint32_t));
}

static struct vmfault_block *block_of(struct vmfault_series *s, const struct vm_fault_block *b)
{
	const uint64_t key = vm_mix64(b->address) ^ b->space;
	uint32_t at;
	if (vm_map_get(&s->blocks, key, &at))
		return &s->block.v[at];
	struct vmfault_block new = { .space = b->space, .address = b->address, .count = calloc(VMFAULT_STEPS, sizeof(uint32_t)) };
	if (!new.count)
		return NULL;
	if (!vm_vec_push(&s->block, new)) {
		free(new.count);
		return NULL;
	}
	return vm_map_put(&s->blocks, key, (uint32_t)s->block.n - 1) ? &s->block.v[s->block.n - 1] : NULL;
}

/** The back end counts per CPU: several of its blocks are one of ours. */
static int take_blocks(struct vmfault_series *s, const struct vm_faultset *f)
{
	for (size_t i = 0; i < s->block.n; i++)
		s->block.v[i].count[s->n] = 0;
	for (size_t i = 0; i < f->block.n; i++) {
		struct vmfault_block *b = block_of(s, &f->block.v[i]);
		if (!b)
			return -ENOMEM;
		b->count[s->n] += (uint32_t)f->block.v[i].count;
	}
	for (size_t i = 0; i < s->block.n; i++) {
		struct vmfault_block *b = &s->block.v[i];
		const uint64_t all = b->count[s->n];
		b->count[s->n] = (uint32_t)(all - b->before);
		b->before = all;
	}
	return 0;
}

static int take_latency(struct vmfault_series *s, const struct vm_faultset *f)
{
	if (!s->latency)
		s->latency = calloc(VMFAULT_STEPS, sizeof(*s->latency));
	if (!s->latency)
		return -ENOMEM;
	struct vm_histo all = { { 0 } };
	for (unsigned k = 0; k < VM_FAULT_KIND_NR; k++)
		if (f->kind[k].timed)
			vm_histo_merge(&all, &f->histo[k]);
	for (unsigned i = 0; i < VM_HISTO_BUCKETS; i++)
		s->latency[s->n].count[i] = all.count[i] - s->before.count[i];
	s->before = all;
	return 0;
}

int vmfault_series_step(struct vmfault *v, struct vm_err *err)
{
	struct vmfault_series *s = &v->series;
	const uint64_t now = vm_clock_ns();
	const struct vm_faultset *f = vm_faults_set(v->faults);
	if (!s->step_ns) {
		s->step_ns = STEP_NS;
		s->began_ns = f->began_ns;
		s->next_ns = f->began_ns + STEP_NS;
	}
	if (now < s->next_ns)
		return 0;
	int r = v->o->heat ? vm_faults_read(v->faults, &f, err) : 0;
	if (r < 0)
		return r;
	const uint64_t all = vm_fault_total_row(f).c.count;
	/* Where we came late, nobody knows when in between: evenly. */
	size_t late = (size_t)((now - s->next_ns) / s->step_ns);
	late = late < VMFAULT_STEPS - 1 - s->n ? late : VMFAULT_STEPS - 1 - s->n;
	const uint64_t each = (all - s->last) / (late + 1);
	for (size_t i = 0; i < late; i++)
		s->faults[s->n++] = each;
	s->faults[s->n] = all - s->last - each * late;
	s->last = all;
	if (v->o->heat) {
		r = take_latency(s, f);
		if (r == 0)
			r = take_blocks(s, f);
	}
	s->n++;
	if (s->n == VMFAULT_STEPS)
		halve(s);
	s->next_ns = s->began_ns + (s->n + 1) * s->step_ns;
	return r < 0 ? vm_fail(err, ENOMEM, "out of memory") : 0;
}

void vmfault_say_series(struct vmfault *v)
{
	const struct vmfault_series *s = &v->series;
	char step[VM_NUMBUF], rate[VM_NUMBUF];
	struct vm_buf b = { 0 };
	uint64_t most = 0;
	if (s->n < 2)
		return;
	for (size_t i = 0; i < s->n; i++)
		most = s->faults[i] > most ? s->faults[i] : most;
	if (!most)
		return;
	vm_spark_put(&b, s->faults, s->n, WIDTH - 32, v->report.style.utf8);
	const double per_second = (double)most * 1e9 / (double)s->step_ns;
	vm_report_say(&v->report, "TIME   %s  max %s/s, %s a step\n", vm_buf_str(&b), vm_format_u64((uint64_t)per_second, rate),
		      vm_format_duration(s->step_ns, step));
	vm_buf_free(&b);
}

void vmfault_say_histogram(struct vmfault *v, const struct vm_faultset *f)
{
	struct vm_histogram_row row[VM_HISTO_TOP];
	struct vm_histo all = { { 0 } };
	struct vm_buf b = { 0 };
	for (unsigned k = 0; k < VM_FAULT_KIND_NR; k++)
		if (f->kind[k].timed)
			vm_histo_merge(&all, &f->histo[k]);
	for (unsigned i = 0; i < VM_HISTO_TOP; i++)
		row[i] = (struct vm_histogram_row){ .low = i ? UINT64_C(1) << i : 0, .high = UINT64_C(2) << i };
	for (unsigned i = 0; i < VM_HISTO_BUCKETS; i++) {
		const uint64_t low = vm_histo_low(i);
		row[low ? 63 - (unsigned)__builtin_clzll(low) : 0].count += all.count[i];
	}
	vm_histogram_put(&b, row, VM_HISTO_TOP, &v->report.style);
	vm_report_put(&v->report, vm_buf_str(&b), b.n);
	vm_buf_free(&b);
}

/* ---- Heat --------------------------------------------------------------------------------------------------------- */

static int by_address(const void *a_, const void *b_)
{
	const struct vmfault_block *a = a_, *b = b_;
	if (a->space != b->space)
		return a->space < b->space ? -1 : 1;
	return a->address < b->address ? 1 : -1;
}

static void draw(struct vmfault *v, struct vm_heat *h)
{
	struct vm_heat_scale times;
	struct vm_buf b = { 0 };
	vm_heat_time_scale(&times, v->series.n * v->series.step_ns, v->series.n);
	h->col_tick = times.tick;
	h->col_ticks = times.n;
	h->cols = v->series.n;
	h->col_ns = v->series.step_ns;
	h->unit = "faults";
	vm_heat_put(&b, h, &v->report.style);
	vm_buf_add_char(&b, '\n');
	vm_report_put(&v->report, vm_buf_str(&b), b.n);
	vm_buf_free(&b);
}

static void draw_latency(struct vmfault *v)
{
	const struct vmfault_series *s = &v->series;
	const struct vm_heat_latency l = { .low = 250, .high = 1000000000, .rows = ROWS };
	struct vm_heat_scale scale;
	uint64_t *count = calloc(ROWS * s->n, sizeof(*count));
	if (!count || !s->latency) {
		free(count);
		return;
	}
	for (size_t i = 0; i < s->n; i++)
		for (unsigned k = 0; k < VM_HISTO_BUCKETS; k++)
			count[vm_heat_latency_row(&l, vm_histo_low(k)) * s->n + i] += s->latency[i].count[k];
	vm_heat_latency_scale(&scale, &l);
	struct vm_heat h = {
		.title = "latency of faults over time", .count = count, .rows = ROWS, .row_tick = scale.tick, .row_ticks = scale.n,
	};
	draw(v, &h);
	free(count);
}

/** Only blocks that had faults are rows: what lies between them would be nothing but blank. */
static void draw_addresses(struct vmfault *v, const struct vm_faultset *f)
{
	struct vmfault_series *s = &v->series;
	const size_t rows = s->block.n;
	uint64_t *count = calloc(rows * s->n + 1, sizeof(*count));
	struct vm_heat_tick *tick = calloc(rows + 1, sizeof(*tick));
	size_t ticks = 0;
	const struct vm_fault_mapping *last = NULL;
	if (count && tick && rows) {
		qsort(s->block.v, rows, sizeof(*s->block.v), by_address);
		for (size_t i = 0; i < rows; i++) {
			const struct vmfault_block *b = &s->block.v[i];
			/* A block may begin before the mapping does. */
			const uint64_t end = b->address + (UINT64_C(1) << f->block_shift) - 1;
			const struct vm_fault_mapping *m = vm_faultset_mapping(f, b->space, b->address);
			m = m ? m : vm_faultset_mapping(f, b->space, end);
			for (size_t k = 0; k < s->n; k++)
				count[i * s->n + k] = b->count[k];
			if (m != last || i == 0)
				tick[ticks++] = (struct vm_heat_tick){
					.at = i, .text = !m ? "?" : m->name && *m->name ? m->name : "[anon]",
				};
			last = m;
		}
		struct vm_heat h = {
			.title = "addresses of faults over time", .count = count, .rows = rows, .row_tick = tick, .row_ticks = ticks,
			.row_bytes = UINT64_C(1) << f->block_shift, .max_lines = ROWS * 2,
		};
		draw(v, &h);
		vm_map_clear(&s->blocks);
		for (size_t i = 0; i < rows; i++)
			vm_map_put(&s->blocks, vm_mix64(s->block.v[i].address) ^ s->block.v[i].space, (uint32_t)i);
	}
	free(count);
	free(tick);
}

void vmfault_say_heat(struct vmfault *v, const struct vm_faultset *f)
{
	if (v->series.n == 0) {
		vm_report_say(&v->report, "too short for a picture\n");
		return;
	}
	draw_addresses(v, f);
	if (f->have_times)
		draw_latency(v);
}
