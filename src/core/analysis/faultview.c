#include "core/analysis/faultview.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- By kind ------------------------------------------------------------------------------------------------------ */

static double part(uint64_t some, uint64_t all)
{
	return all ? (double)some / (double)all : NAN;
}

/** Of everything; without a kind. */
static struct vm_fault_count sum_of_all(const struct vm_faultset *f)
{
	struct vm_fault_count sum = vm_faultset_resolved(f);
	for (unsigned k = VM_FAULT_FIRST_INVALID; k < VM_FAULT_KIND_NR; k++) {
		const struct vm_fault_count *c = &f->kind[k];
		sum.count += c->count;
		sum.kernel += c->kernel;
		sum.ns += c->ns;
		sum.timed += c->timed;
		sum.max_ns = c->max_ns > sum.max_ns ? c->max_ns : sum.max_ns;
	}
	return sum;
}

/** What was interpolated can't be longer than the longest. */
static uint64_t percentile(const struct vm_histo *h, double share, const struct vm_fault_count *c)
{
	if (!c->timed)
		return UINT64_MAX;
	const uint64_t p = vm_histo_percentile(h, share);
	return p > c->max_ns ? c->max_ns : p;
}

static struct vm_fault_kind_row row_of(const struct vm_faultset *f, unsigned kind, const struct vm_fault_count *c,
				       const struct vm_histo *h, const struct vm_fault_count *all)
{
	return (struct vm_fault_kind_row){
		.kind = kind, .c = *c, .p50_ns = percentile(h, 0.5, c), .p90_ns = percentile(h, 0.9, c),
		.p99_ns = percentile(h, 0.99, c), .share = part(c->count, all->count),
		.time_share = all->timed ? part(c->ns, all->ns) : NAN, .mode_known = vm_faultset_knows_mode(f),
		.bytes_known = vm_faultset_knows_bytes(f),
	};
}

size_t vm_fault_kind_rows(const struct vm_faultset *f, bool all, struct vm_fault_kind_row *rows)
{
	const struct vm_fault_count sum = sum_of_all(f);
	size_t n = 0;
	for (unsigned k = 0; k < VM_FAULT_KIND_NR; k++)
		if (all || f->kind[k].count)
			rows[n++] = row_of(f, k, &f->kind[k], &f->histo[k], &sum);
	return n;
}

struct vm_fault_kind_row vm_fault_total_row(const struct vm_faultset *f)
{
	const struct vm_fault_count sum = sum_of_all(f);
	struct vm_histo h = { { 0 } };
	for (unsigned k = 0; k < VM_FAULT_KIND_NR; k++)
		if (f->kind[k].timed)
			vm_histo_merge(&h, &f->histo[k]);
	return row_of(f, VM_FAULT_KIND_NR, &sum, &h, &sum);
}

/* ---- By place ----------------------------------------------------------------------------------------------------- */

void vm_fault_places_free(struct vm_fault_places *p)
{
	vm_vec_free(&p->row);
	vm_map_free(&p->by_key);
	vm_arena_free(&p->arena);
}

struct vm_fault_place_row *vm_fault_place(struct vm_fault_places *p, uint64_t key, bool *is_new)
{
	uint32_t at;
	*is_new = !vm_map_get(&p->by_key, key, &at);
	if (*is_new) {
		at = (uint32_t)p->row.n;
		if (!vm_vec_push(&p->row, (struct vm_fault_place_row){ 0 }) || !vm_map_put(&p->by_key, key, at))
			return NULL;
	}
	return &p->row.v[at];
}

void vm_fault_place_add(struct vm_fault_place_row *r, const struct vm_faultset *f, const struct vm_fault_group *g)
{
	const struct vm_fault_space *s = g->space < f->space.n ? &f->space.v[g->space] : NULL;
	const pid_t pid = s ? s->pid : 0;
	if (!r->count) {
		r->pid = pid;
		r->comm = s ? s->comm : NULL;
	} else if (r->pid != pid) {
		r->pid = 0;
		if (!r->comm || !s || strcmp(r->comm, s->comm) != 0)
			r->comm = NULL;
	}
	r->count += g->count;
	r->kernel += g->kernel ? g->count : 0;
	r->ns += g->ns;
	r->max_ns = g->max_ns > r->max_ns ? g->max_ns : r->max_ns;
	r->kinds[g->kind] += g->count;
	r->timed = f->have_times;
	r->mode_known = vm_faultset_knows_mode(f);
}

void vm_fault_places_finish(struct vm_fault_places *p, const struct vm_faultset *f)
{
	const struct vm_fault_count sum = sum_of_all(f);
	for (size_t i = 0; i < p->row.n; i++) {
		struct vm_fault_place_row *r = &p->row.v[i];
		/* Counters of threads may hold what could not be watched. */
		r->share = r->count <= sum.count ? part(r->count, sum.count) : NAN;
		r->time_share = sum.timed ? part(r->ns, sum.ns) : NAN;
	}
}

bool vm_fault_by_mapping(const struct vm_faultset *f, struct vm_fault_places *p)
{
	uint32_t *into = vm_faultset_unite(f);
	bool ok = into != NULL;
	for (size_t i = 0; ok && i < f->group.n; i++) {
		const struct vm_fault_group *g = &f->group.v[i];
		const size_t at = vm_faultset_mapping_index(f, g->space, g->mapping);
		const bool known = at < f->mapping.n;
		const uint64_t key = known ? (uint64_t)g->space << 32 | into[at] : (uint64_t)g->space << 32 | UINT32_MAX;
		bool is_new;
		struct vm_fault_place_row *r = vm_fault_place(p, key, &is_new);
		ok = r != NULL;
		if (!ok)
			break;
		if (known) {
			const struct vm_fault_mapping *m = &f->mapping.v[at];
			r->m = r->m ? r->m : m;
			r->place = m->name;
			r->start = is_new || m->start < r->start ? m->start : r->start;
			r->end = m->end > r->end ? m->end : r->end;
		}
		vm_fault_place_add(r, f, g);
	}
	free(into);
	vm_fault_places_finish(p, f);
	return ok;
}

/** A number for a file, or a name, and what may be done with it. */
static uint64_t file_key(const struct vm_fault_mapping *m)
{
	uint64_t h = m->prot | (uint64_t)m->shared << 3 | (uint64_t)m->backing << 4;
	if (m->inode)
		return vm_mix64(vm_mix64(h ^ m->inode << 8) ^ (uint64_t)m->dev_major << 32 ^ m->dev_minor);
	for (const char *s = m->name; s && *s; s++)
		h = vm_mix64(h ^ (unsigned char)*s);
	return vm_mix64(~h);
}

bool vm_fault_by_file(const struct vm_faultset *f, struct vm_fault_places *p)
{
	for (size_t i = 0; i < f->group.n; i++) {
		const struct vm_fault_group *g = &f->group.v[i];
		const size_t at = vm_faultset_mapping_index(f, g->space, g->mapping);
		const struct vm_fault_mapping *m = at < f->mapping.n ? &f->mapping.v[at] : NULL;
		bool is_new;
		struct vm_fault_place_row *r = vm_fault_place(p, m ? file_key(m) : 0, &is_new);
		if (!r)
			return false;
		r->merged = true;
		r->m = r->m ? r->m : m;
		r->place = r->m ? r->m->name : NULL;
		vm_fault_place_add(r, f, g);
	}
	vm_fault_places_finish(p, f);
	return true;
}

bool vm_fault_by_thread(const struct vm_faultset *f, struct vm_fault_places *p)
{
	for (size_t i = 0; i < f->thread.n; i++) {
		const struct vm_fault_thread *t = &f->thread.v[i];
		const struct vm_fault_place_row r = {
			.pid = t->pid, .tid = t->tid, .comm = t->comm, .place = t->comm, .is_thread = true, .ended = t->ended,
			.count = t->minor + t->major + t->invalid + t->unresolved, .ns = t->ns, .timed = f->have_times,
			.minor = t->minor, .major = t->major, .invalid = t->invalid, .cpu_ns = t->cpu_ns,
			.invalid_known = vm_faultset_knows_invalid(f), .own_minor = t->own_minor, .own_major = t->own_major, .own_known = t->own_known,
			.max_ns = UINT64_MAX,
		};
		if (!vm_vec_push(&p->row, r))
			return false;
	}
	vm_fault_places_finish(p, f);
	return true;
}

unsigned vm_fault_place_kind(const struct vm_fault_place_row *r)
{
	unsigned most = 0;
	for (unsigned k = 1; k < VM_FAULT_KIND_NR; k++)
		if (r->kinds[k] > r->kinds[most])
			most = k;
	return most;
}

/* ---- Since -------------------------------------------------------------------------------------------------------- */

void vm_fault_mark_free(struct vm_fault_mark *m)
{
	vm_vec_free(&m->group);
	vm_vec_free(&m->thread);
}

bool vm_fault_mark_set(struct vm_fault_mark *m, const struct vm_faultset *f)
{
	m->at_ns = f->now_ns;
	m->own_minor = f->own_minor;
	m->own_major = f->own_major;
	m->cpu_ns = f->cpu_ns;
	memcpy(m->kind, f->kind, sizeof(m->kind));
	memcpy(m->histo, f->histo, sizeof(m->histo));
	m->group.n = m->thread.n = 0;
	if (!vm_vec_reserve(&m->group, f->group.n) || !vm_vec_reserve(&m->thread, f->thread.n))
		return false;
	if (f->group.n)
		memcpy(m->group.v, f->group.v, f->group.n * sizeof(*f->group.v));
	if (f->thread.n)
		memcpy(m->thread.v, f->thread.v, f->thread.n * sizeof(*f->thread.v));
	m->group.n = f->group.n;
	m->thread.n = f->thread.n;
	return true;
}

static void kinds_since(struct vm_faultset *out, const struct vm_fault_mark *m)
{
	for (unsigned k = 0; k < VM_FAULT_KIND_NR; k++) {
		struct vm_fault_count *c = &out->kind[k];
		const struct vm_fault_count *before = &m->kind[k];
		c->count -= before->count;
		c->kernel -= before->kernel;
		c->major -= before->major;
		c->bytes -= before->bytes;
		c->ns -= before->ns;
		c->timed -= before->timed;
		uint64_t longest = 0;
		for (unsigned i = 0; i < VM_HISTO_BUCKETS; i++) {
			out->histo[k].count[i] -= m->histo[k].count[i];
			longest = out->histo[k].count[i] ? vm_histo_high(i) : longest;
		}
		c->max_ns = longest < c->max_ns ? longest : c->max_ns;
	}
}

static uint64_t group_key(const struct vm_fault_group *g)
{
	uint64_t h = vm_mix64(g->ip ^ (uint64_t)g->space << 40 ^ g->kind);
	return vm_mix64(h ^ g->mapping ^ (uint64_t)g->stack << 20 ^ (uint64_t)g->kernel << 63);
}

static bool groups_since(struct vm_faultset *out, const struct vm_faultset *f, const struct vm_fault_mark *m)
{
	struct vm_map before = { 0 };
	bool ok = vm_vec_reserve(&out->group, f->group.n);
	for (size_t i = 0; ok && i < m->group.n; i++)
		ok = vm_map_put(&before, group_key(&m->group.v[i]), (uint32_t)i);
	for (size_t i = 0; ok && i < f->group.n; i++) {
		struct vm_fault_group g = f->group.v[i];
		uint32_t at;
		if (vm_map_get(&before, group_key(&g), &at)) {
			g.count -= m->group.v[at].count;
			g.ns -= m->group.v[at].ns;
		}
		if (g.count)
			out->group.v[out->group.n++] = g;
	}
	vm_map_free(&before);
	return ok;
}

static uint64_t thread_key(const struct vm_fault_thread *t)
{
	return (uint64_t)(uint32_t)t->pid << 32 | (uint32_t)t->tid;
}

static bool threads_since(struct vm_faultset *out, const struct vm_faultset *f, const struct vm_fault_mark *m)
{
	struct vm_map before = { 0 };
	bool ok = vm_vec_reserve(&out->thread, f->thread.n);
	for (size_t i = 0; ok && i < m->thread.n; i++)
		ok = vm_map_put(&before, thread_key(&m->thread.v[i]), (uint32_t)i);
	for (size_t i = 0; ok && i < f->thread.n; i++) {
		struct vm_fault_thread t = f->thread.v[i];
		uint32_t at;
		if (vm_map_get(&before, thread_key(&t), &at)) {
			const struct vm_fault_thread *b = &m->thread.v[at];
			/* What had ended by then is no part of the interval; a number that came again is another thread. */
			if (b->ended && t.ended)
				continue;
			if (t.minor >= b->minor && t.ns >= b->ns && !b->ended) {
				t.minor -= b->minor;
				t.major -= b->major;
				t.invalid -= b->invalid;
				t.unresolved -= b->unresolved;
				t.ns -= b->ns;
				t.own_minor -= b->own_minor;
				t.own_major -= b->own_major;
				t.cpu_ns = t.cpu_ns == UINT64_MAX || b->cpu_ns == UINT64_MAX ? UINT64_MAX : t.cpu_ns - b->cpu_ns;
			}
		}
		out->thread.v[out->thread.n++] = t;
	}
	vm_map_free(&before);
	return ok;
}

bool vm_fault_since(const struct vm_faultset *f, const struct vm_fault_mark *m, struct vm_faultset *out)
{
	*out = *f;
	memset(&out->group, 0, sizeof(out->group));
	memset(&out->thread, 0, sizeof(out->thread));
	memset(&out->arena, 0, sizeof(out->arena));
	out->began_ns = m->at_ns;
	out->own_minor -= m->own_minor;
	out->own_major -= m->own_major;
	out->cpu_ns = f->cpu_ns == UINT64_MAX || m->cpu_ns == UINT64_MAX ? UINT64_MAX : f->cpu_ns - m->cpu_ns;
	kinds_since(out, m);
	return groups_since(out, f, m) && threads_since(out, f, m);
}

void vm_fault_since_free(struct vm_faultset *out)
{
	vm_vec_free(&out->group);
	vm_vec_free(&out->thread);
}
