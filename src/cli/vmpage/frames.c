/** Page frames: what one holds and who maps it; all of the machine's by their flags. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/pageplace.h"
#include "cli/vmpage/vmpage.h"
#include "core/analysis/translate.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/base/tally.h"
#include "core/base/vec.h"
#include "core/model/aspace.h"
#include "core/source/frames.h"
#include "core/source/rmap.h"

/* ---- --pfn ------------------------------------------------------------------------------------------------------- */

struct hits {
	VM_VEC(struct vm_rmap_row) rows;
	struct vm_arena texts;
};

static int keep_hit(void *ctx, const struct vm_rmap_hit *hit)
{
	struct hits *h = ctx;
	const char *name = hit->m ? hit->m->name : "";
	const char *comm = vm_arena_strndup(&h->texts, hit->comm, strlen(hit->comm));
	const char *mapping = vm_arena_strndup(&h->texts, name, strlen(name));
	if (!comm || !mapping)
		return -ENOMEM;
	const struct vm_rmap_row row = {
		.pfn = hit->pfn, .address = hit->address, .pid = hit->pid, .comm = comm, .mapping = mapping,
		.shift = hit->run->shift, .state = hit->run->state, .known = hit->run->known,
	};
	return vm_vec_push(&h->rows, row) ? 0 : -ENOMEM;
}

struct frame {
	uint64_t pfn, flags, count, cgroup;
	bool have_flags, have_count, have_cgroup;
};

static void read_frame(struct vm_frames *f, uint64_t pfn, struct frame *out)
{
	*out = (struct frame){ .pfn = pfn };
	out->have_flags = vm_frames_read(f, VM_FRAME_FLAGS, pfn, 1, &out->flags, NULL) == 1;
	out->have_count = vm_frames_read(f, VM_FRAME_COUNT, pfn, 1, &out->count, NULL) == 1;
	out->have_cgroup = vm_frames_read(f, VM_FRAME_CGROUP, pfn, 1, &out->cgroup, NULL) == 1;
}

static void say_frame(struct vmpage *v, struct vm_frames *f, const struct frame *x)
{
	struct vm_buf b = { 0 };
	const struct vm_zone *z = vm_frames_zone(f, x->pfn);
	vm_buf_addf(&b, "frame 0x%llx   physical 0x%llx", (unsigned long long)x->pfn, (unsigned long long)x->pfn * 4096);
	if (z)
		vm_buf_addf(&b, "   node %d, zone %s", z->node, z->name);
	vm_buf_add_str(&b, "\n");
	if (x->have_flags) {
		vm_say_frame(x->flags, x->count, x->have_count, &b);
		vm_buf_add_str(&b, "\nflags: ");
		vm_kpf_put_names(&b, x->flags, ' ');
		vm_buf_add_str(&b, "\n");
	} else {
		vm_buf_add_str(&b, "there is no such frame\n");
	}
	const char *path = x->have_cgroup && x->cgroup ? vm_frames_cgroup(f, x->cgroup) : NULL;
	if (path)
		vm_buf_addf(&b, "cgroup: %s\n", path);
	vm_report_say(&v->report, "%s", vm_buf_str(&b));
	if (v->o->legend)
		vm_place_say_flags(&v->report, x->flags);
	vm_buf_free(&b);
}

static void json_or_null(struct vm_json *j, const char *key, bool have, uint64_t v)
{
	vm_json_key(j, key);
	if (have)
		vm_json_u64(j, v);
	else
		vm_json_null(j);
}

static void json_frame(struct vmpage *v, struct vm_frames *f, const struct frame *x)
{
	struct vm_json *j = &v->report.json;
	const struct vm_zone *z = vm_frames_zone(f, x->pfn);
	const char *path = x->have_cgroup && x->cgroup ? vm_frames_cgroup(f, x->cgroup) : NULL;
	vm_json_key(j, "pfn");
	vm_json_addr(j, x->pfn);
	vm_json_key(j, "physical");
	vm_json_addr(j, x->pfn * 4096);
	vm_json_key(j, "flags");
	if (x->have_flags) {
		vm_json_array_begin(j);
		for (unsigned i = 0; i < 64; i++)
			if (x->flags >> i & 1 && vm_kpf_info[i].name)
				vm_json_str(j, vm_kpf_info[i].name);
		vm_json_array_end(j);
	} else {
		vm_json_null(j);
	}
	json_or_null(j, "map_count", x->have_count, x->count);
	json_or_null(j, "node", z != NULL, z ? (uint64_t)z->node : 0);
	vm_json_key(j, "zone");
	if (z)
		vm_json_str(j, z->name);
	else
		vm_json_null(j);
	vm_json_key(j, "cgroup");
	if (path)
		vm_json_str(j, path);
	else
		vm_json_null(j);
}

/** Mappings that the kernel counts and no process that can be looked at has. */
static void say_rest(struct vmpage *v, const struct frame *x, size_t found, const struct vm_rmap_info *info)
{
	struct vm_buf b = { 0 };
	if (x->have_count && x->count > found)
		vm_buf_addf(&b, "mapped %llu times, %zu found: the others are processes that ended, or are hidden from here%s",
			    (unsigned long long)x->count, found, info->failed ? ", or could not be read" : "");
	else if (found == 0)
		vm_buf_add_str(&b, "no process maps it");
	if (b.n)
		vmpage_wrap(v, 0, "", vm_buf_str(&b));
	vm_buf_free(&b);
}

static int show_frame(struct vmpage *v, struct vm_frames *f, uint64_t pfn, const struct hits *h,
		      const struct vm_rmap_info *info, const struct vm_choice *c, struct vm_err *err)
{
	struct frame x;
	struct vm_rmap_row *rows = calloc(h->rows.n + 1, sizeof(*rows));
	size_t n = 0;
	if (!rows)
		return vm_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < h->rows.n; i++)
		if (h->rows.v[i].pfn == pfn)
			rows[n++] = h->rows.v[i];
	read_frame(f, pfn, &x);
	int r = 0;
	if (vm_report_is_document(&v->report)) {
		vm_json_object_begin(&v->report.json);
		json_frame(v, f, &x);
		r = vmpage_list(v, c, rows, n, sizeof(*rows), NULL, err);
		vm_json_object_end(&v->report.json);
	} else {
		say_frame(v, f, &x);
		if (n || vm_report_is_machine(&v->report))
			r = vmpage_list(v, c, rows, n, sizeof(*rows), NULL, err);
		if (x.have_flags)
			say_rest(v, &x, n, info);
	}
	free(rows);
	return r;
}

static void say_failed(struct vmpage *v, const struct vm_rmap_info *info)
{
	struct vm_buf b = { 0 };
	vm_buf_addf(&b, "%u process%s could not be looked through (%s)", info->failed, info->failed == 1 ? "" : "es",
		    info->first->what);
	vmpage_wrap(v, 0, "", vm_buf_str(&b));
	vm_buf_free(&b);
}

static int by_number(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static int show_frames(struct vmpage *v, struct vm_frames *f, const uint64_t *pfn, size_t n, const struct vm_choice *c,
		       struct vm_err *err)
{
	struct hits h = { 0 };
	struct vm_err first = { 0 };
	struct vm_rmap_info info = { .first = &first };
	uint64_t *sorted = calloc(n + 1, sizeof(*sorted));
	if (!sorted)
		return vm_fail(err, ENOMEM, "out of memory");
	memcpy(sorted, pfn, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_number);
	/* One that is named twice is looked for once. */
	size_t unique = 0;
	for (size_t i = 0; i < n; i++)
		if (!unique || sorted[unique - 1] != sorted[i])
			sorted[unique++] = sorted[i];
	int r = vm_rmap(v->s, sorted, unique, keep_hit, &h, &info, err);
	if (r == -ENOMEM)
		vm_fail(err, ENOMEM, "out of memory");
	const bool document = vm_report_is_document(&v->report);
	if (r == 0)
		vm_document_begin(&v->report, v->s, "vmpage/1");
	if (r == 0 && document) {
		vm_json_key(&v->report.json, "processes_looked_through");
		vm_json_u64(&v->report.json, info.looked);
		vm_json_key(&v->report.json, "processes_unreadable");
		vm_json_u64(&v->report.json, info.failed);
		vm_json_key(&v->report.json, "frames");
		vm_json_array_begin(&v->report.json);
	}
	for (size_t i = 0; i < n && r == 0; i++) {
		if (i)
			vm_report_say(&v->report, "\n");
		r = show_frame(v, f, pfn[i], &h, &info, c, err);
	}
	if (r == 0 && info.failed)
		say_failed(v, &info);
	if (document && r == 0)
		vm_json_array_end(&v->report.json);
	if (r == 0)
		vm_document_end(&v->report, v->s, vm_clock_ns() - v->began);
	free(sorted);
	vm_vec_free(&h.rows);
	vm_arena_free(&h.texts);
	return r;
}

int vmpage_pfns(struct vmpage *v, const uint64_t *pfn, size_t n, struct vm_err *err)
{
	struct vm_choice choice = { 0 };
	struct vm_frames *f = NULL;
	int r = vmpage_choose(v, &vm_rmap_fields, "mappings", NULL, &choice, err);
	if (r == 0)
		r = vm_frames_open(v->s, &f, err);
	if (r == 0)
		r = show_frames(v, f, pfn, n, &choice, err);
	vm_frames_close(f);
	vm_choice_free(&choice);
	return r;
}

/* ---- --system ---------------------------------------------------------------------------------------------------- */

enum { PIECE = 64 * 1024 };

/** Set by ^C: what was counted so far is shown. */
static volatile sig_atomic_t interrupted;

static void interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

struct census {
	struct vmpage *v;
	struct vm_frames *f;
	struct vm_tally tally;
	uint64_t looked, end;
	bool by_cgroup, progress;
	uint64_t last_ns;
	uint64_t flags[PIECE], cgroup[PIECE];
};

static bool in_cgroup(struct vm_frames *f, const char *want, uint64_t inode)
{
	const char *path = inode ? vm_frames_cgroup(f, inode) : NULL;
	size_t n = strlen(want);
	while (n > 1 && want[n - 1] == '/')
		n--;
	return path && (n == 1 || (strncmp(path, want, n) == 0 && (path[n] == '\0' || path[n] == '/')));
}

static bool count_piece(struct census *c, size_t n, uint64_t zone)
{
	const struct vmpage_options *o = c->v->o;
	const bool plain = !c->v->have_bits && !o->cgroup && o->by != VMPAGE_BY_CGROUP && o->by != VMPAGE_BY_ZONE;
	for (size_t i = 0; i < n;) {
		size_t j = i + 1;
		while (j < n && c->flags[j] == c->flags[i] && (plain || c->cgroup[j] == c->cgroup[i]))
			j++;
		uint64_t key = o->by == VMPAGE_BY_CGROUP ? c->cgroup[i] : o->by == VMPAGE_BY_ZONE ? zone : c->flags[i];
		bool match = plain || ((!c->v->have_bits || vm_kpf_matches(&c->v->bits, c->flags[i])) &&
				       (!o->cgroup || in_cgroup(c->f, o->cgroup, c->cgroup[i])));
		if (match && !vm_tally_add(&c->tally, key, j - i))
			return false;
		i = j;
	}
	return true;
}

static void show_progress(struct census *c, bool done)
{
	uint64_t now = vm_clock_ns();
	if (!c->progress || (!done && now - c->last_ns < 200000000))
		return;
	/* Only where it takes long enough to be read. */
	if (c->last_ns == 0 && !done) {
		c->last_ns = now;
		return;
	}
	if (done && c->last_ns)
		fprintf(stderr, "\r\033[K");
	else if (!done)
		fprintf(stderr, "\r%llu of %llu frames", (unsigned long long)c->looked, (unsigned long long)c->end);
	c->last_ns = now;
}

static int count_range(struct census *c, uint64_t from, uint64_t to, uint64_t zone, struct vm_err *err)
{
	while (from < to && !interrupted) {
		size_t want = to - from < PIECE ? (size_t)(to - from) : PIECE;
		long n = vm_frames_read(c->f, VM_FRAME_FLAGS, from, want, c->flags, err);
		if (n > 0 && c->by_cgroup) {
			long m = vm_frames_read(c->f, VM_FRAME_CGROUP, from, (size_t)n, c->cgroup, err);
			n = m < n ? m : n;
		}
		if (n < 0)
			return (int)n;
		if (n == 0)
			break;
		if (!count_piece(c, (size_t)n, zone))
			return vm_fail(err, ENOMEM, "out of memory");
		from += (uint64_t)n;
		c->looked += (uint64_t)n;
		show_progress(c, false);
	}
	return 0;
}

static int count_all(struct census *c, struct vm_err *err)
{
	const struct vm_zone *zones;
	size_t n = vm_frames_zones(c->f, &zones);
	int r = 0;
	c->end = vm_frames_end(c->f);
	/* Holes between zones are not memory; page-types counts them as "nopage". */
	for (size_t i = 0; i < n && r == 0; i++)
		r = count_range(c, zones[i].start_pfn, zones[i].end_pfn, i, err);
	if (n == 0)
		r = count_range(c, 0, UINT64_MAX, 0, err);
	show_progress(c, true);
	return r;
}

static const char *group_name(struct census *c, uint64_t key, struct vm_arena *texts)
{
	const struct vm_zone *zones;
	char text[64] = "(none)";
	if (c->v->o->by == VMPAGE_BY_ZONE && key < vm_frames_zones(c->f, &zones))
		snprintf(text, sizeof(text), "node %d, zone %s", zones[key].node, zones[key].name);
	else if (c->v->o->by == VMPAGE_BY_CGROUP && key) {
		const char *path = vm_frames_cgroup(c->f, key);
		if (path)
			return path;
		snprintf(text, sizeof(text), "inode %llu", (unsigned long long)key);
	}
	const char *kept = vm_arena_strndup(texts, text, strlen(text));
	return kept ? kept : "";
}

static int show_system(struct census *c, struct vm_choice *choice, struct vm_err *err)
{
	struct vmpage *v = c->v;
	struct vm_arena texts = { 0 };
	const bool groups = v->o->by == VMPAGE_BY_CGROUP || v->o->by == VMPAGE_BY_ZONE;
	struct vm_frames_row *rows = calloc(c->tally.n + 1, sizeof(*rows)), total = { 0 };
	uint64_t seen = 0;
	size_t n = 0;
	if (!rows)
		return vm_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < c->tally.size; i++) {
		const struct vm_tally_slot *s = &c->tally.slot[i];
		if (!s->count)
			continue;
		rows[n].flags = s->key;
		rows[n].frames = s->count;
		rows[n].name = groups ? group_name(c, s->key, &texts) : NULL;
		seen |= s->key;
		total.frames += rows[n++].frames;
	}
	if (!choice->sort.field)
		vm_sort_parse(choice->view.set, "FRAMES", &choice->sort, NULL);
	if (interrupted)
		fprintf(stderr, "vmpage: interrupted: %llu of %llu frames counted\n", (unsigned long long)c->looked,
			(unsigned long long)c->end);
	vm_document_begin(&v->report, v->s, "vmpage/1");
	if (vm_report_is_document(&v->report)) {
		vm_json_key(&v->report.json, "frames_counted");
		vm_json_u64(&v->report.json, c->looked);
		vm_json_key(&v->report.json, "partial");
		vm_json_bool(&v->report.json, interrupted);
	}
	int r = vmpage_list(v, choice, rows, n, sizeof(*rows), &total, err);
	if (r == 0 && v->o->legend && !groups) {
		vm_report_say(&v->report, "\n");
		vm_place_say_flags(&v->report, seen);
	}
	vm_document_end(&v->report, v->s, vm_clock_ns() - v->began);
	free(rows);
	vm_arena_free(&texts);
	return r;
}

int vmpage_system(struct vmpage *v, struct vm_err *err)
{
	struct vm_choice choice = { 0 };
	struct vm_common common = *v->common;
	const bool groups = v->o->by == VMPAGE_BY_CGROUP || v->o->by == VMPAGE_BY_ZONE;
	struct census *c = calloc(1, sizeof(*c));
	if (!c)
		return vm_fail(err, ENOMEM, "out of memory");
	if (groups && !common.columns)
		common.columns = "FRAMES,SIZE,GROUP";
	int r = vm_choice_parse(&common, &vm_frames_fields, &choice, err);
	choice.view.name = "frames";
	c->v = v;
	c->by_cgroup = v->o->cgroup || v->o->by == VMPAGE_BY_CGROUP;
	c->progress = isatty(STDERR_FILENO);
	if (r == 0)
		r = vm_frames_open(v->s, &c->f, err);
	struct sigaction act = { .sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND }, before;
	if (r == 0) {
		sigaction(SIGINT, &act, &before);
		r = count_all(c, err);
		sigaction(SIGINT, &before, NULL);
	}
	if (r == 0)
		r = show_system(c, &choice, err);
	vm_frames_close(c->f);
	vm_tally_free(&c->tally);
	free(c);
	vm_choice_free(&choice);
	return r;
}
