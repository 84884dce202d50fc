/** vmhuge without a process: policies, sizes, pools and counters of the machine. */

#include "cli/vmhuge/vmhuge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/field/huge_machine.h"
#include "core/source/hugesys.h"
#include "core/source/session.h"

enum { MARGIN = 14, WIDTH = 79 };

/* ---- In words ----------------------------------------------------------------------------------------------------- */

static void put_size(struct vm_buf *b, const char *before, uint64_t bytes)
{
	char text[VM_NUMBUF];
	vm_buf_addf(b, "%s%s", before, bytes == VM_HUGE_UNKNOWN ? "-" : vm_format_size(bytes, text));
}

/** Lines that end here: as many of them as the width wants. */
static void say(struct vmhuge *v, const char *heading, struct vm_buf *text)
{
	if (text->n)
		vm_report_wrap(&v->report, MARGIN, heading, vm_buf_str(text), WIDTH);
	text->n = 0;
}

/** Of sizes whose word is this: "64.0K, 2.0M". */
static size_t put_sizes(struct vm_buf *b, const struct vm_hugesys *h, enum vm_huge_word w, bool shmem)
{
	size_t n = 0;
	for (size_t i = 0; i < h->sizes.n; i++) {
		const uint64_t bytes = h->sizes.v[i].bytes;
		if ((shmem ? vm_hugesys_shmem(h, bytes) : vm_hugesys_anon(h, bytes)) == w)
			put_size(b, n++ ? ", " : "", bytes);
	}
	return n;
}

/** Who gets which sizes: "2.0M: who asks (madvise)". */
static void put_policy(struct vm_buf *b, const struct vm_hugesys *h, bool shmem)
{
	static const struct { enum vm_huge_word w; const char *words; } who[] = {
		{ VM_HUGE_ALWAYS, "everybody (always)" }, { VM_HUGE_FORCE, "everybody (force)" },
		{ VM_HUGE_WITHIN_SIZE, "what lies within the file's size, and who asks (within_size)" },
		{ VM_HUGE_MADVISE, "who asks with madvise(MADV_HUGEPAGE) (madvise)" },
		{ VM_HUGE_ADVISE, "who asks with madvise(MADV_HUGEPAGE) (advise)" },
	};
	const size_t begin = b->n;
	struct vm_buf sizes = { 0 };
	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
		sizes.n = 0;
		if (put_sizes(&sizes, h, who[i].w, shmem))
			vm_buf_addf(b, "%s%s for %s", b->n > begin ? "; " : "", vm_buf_str(&sizes), who[i].words);
	}
	vm_buf_free(&sizes);
	if (b->n == begin)
		vm_buf_add_str(b, (shmem ? h->shmem : h->enabled) == VM_HUGE_WORD_UNKNOWN ? "not known" : "nobody (never)");
}

static void say_policy(struct vmhuge *v, const struct vm_hugesys *h)
{
	static const char *const defrag[VM_HUGE_WORDS] = {
		[VM_HUGE_ALWAYS] = "every fault reclaims and compacts for it",
		[VM_HUGE_DEFER] = "no fault waits: kswapd and kcompactd make room in the background",
		[VM_HUGE_DEFER_MADVISE] = "who asked waits for it, others don't",
		[VM_HUGE_MADVISE] = "who asked waits for it; others take what is free",
		[VM_HUGE_NEVER] = "a fault takes what is free",
	};
	struct vm_buf b = { 0 };
	put_policy(&b, h, false);
	say(v, "anonymous", &b);
	put_policy(&b, h, true);
	vm_buf_add_str(&b, "; files of a tmpfs by its mount option huge=");
	say(v, "shared memory", &b);
	if (vm_huge_word(h->defrag)) {
		vm_buf_addf(&b, "%s: %s", vm_huge_word(h->defrag), defrag[h->defrag] ? defrag[h->defrag] : "");
		say(v, "defrag", &b);
	}
	if (h->zero_page != VM_HUGE_UNKNOWN) {
		vm_buf_add_str(&b, h->zero_page ? "what is only read shares a huge page of zeros" : "no huge page of zeros");
		say(v, "zero page", &b);
	}
	if (h->shrink_underused != VM_HUGE_UNKNOWN) {
		vm_buf_addf(&b, "huge pages that are mostly zeros %s split when memory is short",
			    h->shrink_underused ? "are" : "aren't");
		say(v, "underused", &b);
	}
	vm_buf_free(&b);
}

static void put_count(struct vm_buf *b, const char *before, uint64_t n, const char *behind)
{
	if (n != VM_HUGE_UNKNOWN)
		vm_buf_addf(b, "%s%llu%s", before, (unsigned long long)n, behind);
}

static void say_khugepaged(struct vmhuge *v, const struct vm_hugesys *h)
{
	const struct vm_khugepaged *k = &h->khugepaged;
	char sleep[VM_NUMBUF], wait[VM_NUMBUF];
	struct vm_buf b = { 0 };
	const enum vm_huge_word pmd = vm_hugesys_anon(h, h->pmd_bytes);
	if (k->pages_to_scan == VM_HUGE_UNKNOWN || k->scan_sleep_ms == VM_HUGE_UNKNOWN)
		return;
	vm_buf_addf(&b, "%s%llu pages every %s; leaves ranges with more than", pmd == VM_HUGE_NEVER ? "asleep (never); else " : "",
		    (unsigned long long)k->pages_to_scan, vm_format_duration(k->scan_sleep_ms * 1000000, sleep));
	put_count(&b, " ", k->max_none, " holes,");
	put_count(&b, " ", k->max_swap, " pages in swap,");
	put_count(&b, " ", k->max_shared, " shared pages");
	if (k->defrag != VM_HUGE_UNKNOWN)
		vm_buf_addf(&b, "; %s for room", k->defrag ? "compacts" : "doesn't compact");
	if (k->alloc_sleep_ms != VM_HUGE_UNKNOWN)
		vm_buf_addf(&b, ", pauses %s where there is none", vm_format_duration(k->alloc_sleep_ms * 1000000, wait));
	say(v, "khugepaged", &b);
	put_count(&b, "since boot ", k->collapsed, " ranges collapsed");
	put_count(&b, b.n ? ", " : "since boot ", k->full_scans, " passes over all memory");
	say(v, "", &b);
	vm_buf_free(&b);
}

static void say_memory(struct vmhuge *v, const struct vm_hugesys *h)
{
	const struct vm_huge_memory *m = &h->memory;
	struct vm_buf b = { 0 };
	put_size(&b, "anonymous ", m->anon);
	put_size(&b, ", shared memory ", m->shmem);
	put_size(&b, ", files ", m->file);
	put_size(&b, ", hugetlb ", m->hugetlb);
	put_size(&b, "; of memory ", m->total);
	say(v, "in use", &b);
	if (m->free_blocks != VM_HUGE_UNKNOWN) {
		put_size(&b, "", m->free_blocks);
		put_size(&b, " in blocks of ", h->pmd_bytes);
		put_size(&b, " or more; of free memory ", m->free);
		say(v, "free", &b);
	}
	if (m->direct_4k != VM_HUGE_UNKNOWN || m->direct_2m != VM_HUGE_UNKNOWN) {
		put_size(&b, "4K entries ", m->direct_4k);
		put_size(&b, ", 2M ", m->direct_2m);
		put_size(&b, ", 1G ", m->direct_1g);
		vm_buf_add_str(&b, " (how the kernel maps memory for itself)");
		say(v, "direct map", &b);
	}
	vm_buf_free(&b);
}

/* ---- For programs ------------------------------------------------------------------------------------------------- */

static void json_count(struct vm_json *j, const char *key, uint64_t n)
{
	vm_json_put_known(j, key, n != VM_HUGE_UNKNOWN, n);
}

static void json_flag(struct vm_json *j, const char *key, uint64_t n)
{
	vm_json_key(j, key);
	if (n == VM_HUGE_UNKNOWN)
		vm_json_null(j);
	else
		vm_json_bool(j, n != 0);
}

static void json_khugepaged(struct vm_json *j, const struct vm_khugepaged *k)
{
	vm_json_key(j, "khugepaged");
	vm_json_object_begin(j);
	json_count(j, "pages_to_scan", k->pages_to_scan);
	json_count(j, "scan_sleep_ms", k->scan_sleep_ms);
	json_count(j, "alloc_sleep_ms", k->alloc_sleep_ms);
	json_count(j, "max_ptes_none", k->max_none);
	json_count(j, "max_ptes_swap", k->max_swap);
	json_count(j, "max_ptes_shared", k->max_shared);
	json_flag(j, "defrag", k->defrag);
	json_count(j, "collapsed", k->collapsed);
	json_count(j, "full_scans", k->full_scans);
	vm_json_object_end(j);
}

static void json_memory(struct vm_json *j, const struct vm_huge_memory *m)
{
	vm_json_key(j, "memory");
	vm_json_object_begin(j);
	json_count(j, "total_bytes", m->total);
	json_count(j, "free_bytes", m->free);
	json_count(j, "free_blocks_bytes", m->free_blocks);
	json_count(j, "anon_huge_bytes", m->anon);
	json_count(j, "shmem_huge_bytes", m->shmem);
	json_count(j, "shmem_mapped_bytes", m->shmem_mapped);
	json_count(j, "file_huge_bytes", m->file);
	json_count(j, "file_mapped_bytes", m->file_mapped);
	json_count(j, "hugetlb_bytes", m->hugetlb);
	vm_json_object_end(j);
	vm_json_key(j, "direct_map");
	vm_json_object_begin(j);
	json_count(j, "bytes_4k", m->direct_4k);
	json_count(j, "bytes_2m", m->direct_2m);
	json_count(j, "bytes_1g", m->direct_1g);
	vm_json_object_end(j);
}

static void json_machine(struct vm_json *j, const struct vm_hugesys *h)
{
	vm_json_key(j, "policy");
	vm_json_object_begin(j);
	json_count(j, "pmd_bytes", h->pmd_bytes ? h->pmd_bytes : VM_HUGE_UNKNOWN);
	vm_json_put_str(j, "enabled", vm_huge_word(h->enabled));
	vm_json_put_str(j, "defrag", vm_huge_word(h->defrag));
	vm_json_put_str(j, "shmem_enabled", vm_huge_word(h->shmem));
	json_flag(j, "use_zero_page", h->zero_page);
	json_flag(j, "shrink_underused", h->shrink_underused);
	vm_json_object_end(j);
	json_khugepaged(j, &h->khugepaged);
	json_memory(j, &h->memory);
}

/* ---- Tables ------------------------------------------------------------------------------------------------------- */

static int show_sizes(struct vmhuge *v, const struct vm_hugesys *h, const struct vm_hugesys *before, const char *columns,
		      struct vm_err *err)
{
	struct vm_huge_size_row *rows = calloc(h->sizes.n + 1, sizeof(*rows));
	if (!rows)
		return vm_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < h->sizes.n; i++) {
		const uint64_t bytes = h->sizes.v[i].bytes;
		rows[i] = (struct vm_huge_size_row){
			.size = &h->sizes.v[i], .before = before ? vm_hugesys_size(before, bytes) : NULL,
			.ns = before ? h->taken_ns - before->taken_ns : 0,
			.anon = vm_hugesys_anon(h, bytes), .shmem = vm_hugesys_shmem(h, bytes),
		};
	}
	if (h->sizes.n && !columns)
		vm_report_say(&v->report, "\n");
	int r = 0;
	if (h->sizes.n || v->sink->machine)
		r = vmhuge_list(v, &vm_huge_size_fields, true, columns, rows, h->sizes.n, sizeof(*rows), NULL, err);
	free(rows);
	return r;
}

static int show_pools(struct vmhuge *v, const struct vm_hugesys *h, struct vm_err *err)
{
	struct vm_huge_pool_row *rows = calloc(h->pools.n + 1, sizeof(*rows));
	if (!rows)
		return vm_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < h->pools.n; i++)
		rows[i].pool = &h->pools.v[i];
	if (h->pools.n)
		vm_report_say(&v->report, "\n");
	int r = 0;
	if (h->pools.n || v->sink->machine)
		r = vmhuge_list(v, &vm_huge_pool_fields, false, NULL, rows, h->pools.n, sizeof(*rows), NULL, err);
	free(rows);
	return r;
}

/** Something to tell people: since boot, or if there are `rates`, since the sample before. */
static bool has_happened(const struct vm_hugesys *h, const struct vm_hugesys *before, unsigned i, bool rates)
{
	return h->count[i] && h->count[i] != VM_HUGE_UNKNOWN && !(rates && before && before->count[i] == h->count[i]);
}

static int show_counts(struct vmhuge *v, const struct vm_hugesys *h, const struct vm_hugesys *before, const char *columns,
		       struct vm_err *err)
{
	struct vm_huge_count_row rows[VM_HUGE_COUNTS];
	const bool all = v->sink->machine || !v->o->top;
	size_t n = 0;
	for (unsigned i = 0; i < VM_HUGE_COUNTS; i++)
		if (all || has_happened(h, before, i, v->o->rates))
			rows[n++] = (struct vm_huge_count_row){
				.which = (enum vm_huge_count)i, .count = h->count[i],
				.before = before ? before->count[i] : VM_HUGE_UNKNOWN, .ns = before ? h->taken_ns - before->taken_ns : 0,
			};
	if (!n && !v->sink->machine) {
		vm_report_say(&v->report, v->o->rates ? "\nno counter moved\n" : "");
		return 0;
	}
	vm_report_say(&v->report, "\n");
	return vmhuge_list(v, &vm_huge_count_fields, false, columns, rows, n, sizeof(rows[0]), NULL, err);
}

/** CSV and OpenMetrics have one kind of rows. */
static bool one_kind(const struct vmhuge *v)
{
	return v->sink->machine && !v->sink->document;
}

static int show(struct vmhuge *v, const struct vm_hugesys *h, const struct vm_hugesys *before, struct vm_err *err)
{
	int r = vmhuge_report_begin(v, "machine", err);
	if (r < 0)
		return r;
	if (vm_report_is_document(&v->report)) {
		json_machine(&v->report.json, h);
	} else if (h->enabled == VM_HUGE_WORD_ABSENT) {
		if (v->s->live)
			vm_report_say(&v->report, "this kernel has no transparent huge pages (CONFIG_TRANSPARENT_HUGEPAGE)\n");
		else
			vm_report_say(&v->report, "policies of huge pages are %s\n", vm_session_lacks(v->s));
	} else {
		say_policy(v, h);
		say_khugepaged(v, h);
	}
	say_memory(v, h);
	r = show_sizes(v, h, before, NULL, err);
	if (r == 0 && !one_kind(v))
		r = show_pools(v, h, err);
	if (r == 0 && !one_kind(v))
		r = show_counts(v, h, before, NULL, err);
	int ended = vmhuge_report_end(v, r == 0 ? err : NULL);
	return r < 0 ? r : ended;
}

/* ---- Samples ------------------------------------------------------------------------------------------------------ */

struct samples {
	struct vmhuge *v;
	struct vmhuge_lines lines;
	struct vm_hugesys before;
	bool have_before;
};

static int show_line(struct samples *x, const struct vm_hugesys *h, uint64_t since_ns, struct vm_err *err)
{
	const struct vm_huge_sample_row row = { .now = h, .before = x->have_before ? &x->before : NULL, .since_ns = since_ns };
	int r = vm_report_open(&x->v->report, x->v->sink, &x->v->style, x->v->out);
	if (r == 0)
		r = vmhuge_lines_put(x->v, &x->lines, &row);
	int closed = vm_report_close(&x->v->report, r == 0 ? err : NULL);
	return r < 0 ? vm_fail_os(err, -r, "cannot write the sample") : closed;
}

/** Sizes and counters since the sample before. */
static int show_rates(struct samples *x, const struct vm_hugesys *h, uint64_t since_ns, struct vm_err *err)
{
	struct vmhuge *v = x->v;
	char time[VM_NUMBUF];
	int r = vmhuge_report_begin(v, "machine", err);
	if (r < 0)
		return r;
	vm_report_say(&v->report, "\nafter %s, each second:\n", vm_format_duration(since_ns, time));
	r = show_sizes(v, h, &x->before, "SIZE,NOW,PARTLY,FAULT/S,FALLBACK/S,SHM/S,SPLIT/S", err);
	if (r == 0 && !one_kind(v))
		r = show_counts(v, h, &x->before, "RATE,COUNTER,WHAT", err);
	int ended = vmhuge_report_end(v, r == 0 ? err : NULL);
	return r < 0 ? r : ended;
}

static int sample(void *ctx, unsigned nth, uint64_t since_ns, struct vm_err *err)
{
	struct samples *x = ctx;
	struct vm_hugesys h;
	(void)nth;
	int r = vm_hugesys_read(x->v->s, true, &h, err);
	if (r < 0)
		return r;
	if (x->v->interval_ns)
		x->v->began_ns = h.taken_ns;
	if (!x->v->interval_ns || x->v->sink->document || (x->v->o->rates && !x->have_before))
		r = show(x->v, &h, x->have_before ? &x->before : NULL, err);
	else if (x->v->o->rates)
		r = show_rates(x, &h, since_ns, err);
	else
		r = show_line(x, &h, since_ns, err);
	x->v->style.headings &= !x->v->sink->machine;
	if (x->have_before)
		vm_hugesys_free(&x->before);
	x->before = h;
	x->have_before = true;
	return r;
}

int vmhuge_machine(struct vmhuge *v, struct vm_err *err)
{
	struct samples x = { .v = v };
	int r = 0;
	const bool lines = v->interval_ns && !v->sink->document && !v->o->rates;
	if (lines)
		r = vmhuge_lines_begin(v, &vm_huge_sample_fields, NULL, &x.lines, err);
	if (r == 0)
		r = vmhuge_repeat(v, sample, &x, err);
	if (lines)
		vmhuge_lines_end(&x.lines);
	if (x.have_before)
		vm_hugesys_free(&x.before);
	return r;
}
