/** Memory of which a known part is used, at known times. */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/clock.h"
#include "core/base/str.h"
#include "workloads/kit.h"
#include "workloads/registry.h"

/* Linux 5.11 and 6.7; missing from older headers. */
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif
#ifndef UFFD_FEATURE_WP_UNPOPULATED
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif
#ifndef UFFD_FEATURE_WP_ASYNC
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif

enum { WS_SIZE, WS_EVERY, WS_HOT, WS_WARM, WS_WRITE, WS_PERIOD, WS_WARM_PERIOD, WS_TRACK };
enum { TRACK_NO, TRACK_UFFD };

static const char *const track_words[] = { "no", "uffd", NULL };

static const struct vm_param ws_params[] = {
	{ "size", "bytes to map and to write to at first", VM_P_SIZE, .def = "64M", .min = 1, .max = UINT64_C(1) << 40 },
	{ "every", "length of the pattern, in pages", VM_P_U64, .def = "8", .min = 1, .max = 1u << 30 },
	{ "hot", "pages of it in use all the time, from its start", VM_P_U64, .def = "2", .max = 1u << 30 },
	{ "warm", "pages behind these that are used at times", VM_P_U64, .def = "1", .max = 1u << 30 },
	{ "write", "hot pages that are written to, from its start; the others are read", VM_P_U64, .def = "1", .max = 1u << 30 },
	{ "period", "milliseconds from one pass over the hot pages to the next", VM_P_U64, .def = "10", .min = 1, .max = 1u << 30 },
	{ "warm-period", "milliseconds between passes over the warm pages", VM_P_U64, .def = "1000", .min = 1, .max = 1u << 30 },
	{ "track", "let userfaultfd(2) keep what was written", VM_P_WORD, .def = "no", track_words },
	{ .name = NULL }
};

struct working_set {
	const struct vm_lab *lab;
	struct vm_region r;
	int uffd;                  /* -1: none */
	pthread_t id;
	bool started;
	atomic_bool stop;
	/** Where the pattern begins, in pages; each step moves it on. */
	atomic_uint_fast64_t from;
};

/* ---- The thread that uses it --------------------------------------------------------------------------------------- */

/** Of each `every` pages: `count` from the `first` of the pattern on. */
static void use(struct working_set *w, uint64_t first, uint64_t count, bool write)
{
	const uint64_t pages = w->r.size / w->lab->page, every = w->lab->arg[WS_EVERY].u64;
	const uint64_t from = atomic_load(&w->from) + first;
	for (uint64_t i = 0; i < pages && !atomic_load_explicit(&w->stop, memory_order_relaxed); i++) {
		/* Where the pattern is wrapped page i is the (i - from)th of it. */
		if ((i + every - from % every) % every >= count)
			continue;
		volatile char *p = w->r.p + i * w->lab->page;
		if (write)
			*p = (char)(*p + 1);
		else
			(void)*p;
	}
}

static void pause_ms(uint64_t ms)
{
	const struct timespec t = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };
	nanosleep(&t, NULL);
}

static void *use_all(void *arg)
{
	struct working_set *w = arg;
	const struct vm_arg *a = w->lab->arg;
	const uint64_t hot = a[WS_HOT].u64, written = a[WS_WRITE].u64, warm_ns = a[WS_WARM_PERIOD].u64 * 1000000;
	for (uint64_t next = 0; !atomic_load(&w->stop);) {
		const uint64_t now = vm_clock_ns();
		use(w, 0, written, true);
		use(w, written, hot - written, false);
		if (now >= next) {
			use(w, hot, a[WS_WARM].u64, false);
			next = now + warm_ns;
		}
		pause_ms(a[WS_PERIOD].u64);
	}
	return NULL;
}

/* ---- The truth ----------------------------------------------------------------------------------------------------- */

/** Pages at `first` to before `first + count` of the pattern, wherever that begins by now. */
static uint64_t bytes_of(const struct working_set *w, uint64_t first, uint64_t count)
{
	const uint64_t pages = w->r.size / w->lab->page, every = w->lab->arg[WS_EVERY].u64;
	const uint64_t from = (atomic_load(&w->from) + first) % every;
	uint64_t n = pages / every * count;
	for (uint64_t i = pages / every * every; i < pages; i++)
		n += (i + every - from) % every < count;
	return n * w->lab->page;
}

static void ws_truth(const struct working_set *w, struct vm_truth *t)
{
	const struct vm_arg *a = w->lab->arg;
	const uint64_t hot = a[WS_HOT].u64, warm = a[WS_WARM].u64;
	const uint64_t hot_bytes = bytes_of(w, 0, hot), warm_bytes = bytes_of(w, hot, warm);
	char size[VM_NUMBUF], text[2][VM_NUMBUF];
	vm_truth_u64(t, "hot_bytes", hot_bytes);
	vm_truth_u64(t, "warm_bytes", warm_bytes);
	vm_truth_u64(t, "cold_bytes", w->r.size - hot_bytes - warm_bytes);
	vm_truth_u64(t, "written_bytes", bytes_of(w, 0, a[WS_WRITE].u64));
	vm_truth_u64(t, "period_ns", a[WS_PERIOD].u64 * 1000000);
	vm_truth_u64(t, "warm_period_ns", a[WS_WARM_PERIOD].u64 * 1000000);
	vm_truth_u64(t, "every_pages", a[WS_EVERY].u64);
	vm_truth_u64(t, "first_page", atomic_load(&w->from) % a[WS_EVERY].u64);
	vm_truth_array_begin(t, "mappings");
	vm_truth_anon_mapping(t, "working set", &w->r, "rw-p", w->r.size);
	vm_truth_array_end(t);
	vm_truth_say(t, "of %s, %s are used each %llu ms and %s each %llu ms", vm_format_size(w->r.size, size),
	             vm_format_size(hot_bytes, text[0]), (unsigned long long)a[WS_PERIOD].u64, vm_format_size(warm_bytes, text[1]),
	             (unsigned long long)a[WS_WARM_PERIOD].u64);
}

/* ---- Making it ----------------------------------------------------------------------------------------------------- */

/** Pages that are written lose their protection without anybody being told (Documentation/admin-guide/mm/userfaultfd.rst). */
static int track(struct working_set *w, struct vm_err *err)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED };
	struct uffdio_register reg = { .range = { (uintptr_t)w->r.p, w->r.size }, .mode = UFFDIO_REGISTER_MODE_WP };
	struct uffdio_writeprotect wp = { .range = reg.range, .mode = UFFDIO_WRITEPROTECT_MODE_WP };
	w->uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (w->uffd < 0)
		return vm_fail(err, errno == EPERM ? EPERM : ENOSYS, "userfaultfd(2) isn't to be had here");
	if (ioctl(w->uffd, UFFDIO_API, &api) < 0)
		return vm_fail(err, ENOSYS, "this kernel's userfaultfd doesn't keep what was written (Linux 6.7)");
	if (ioctl(w->uffd, UFFDIO_REGISTER, &reg) < 0 || ioctl(w->uffd, UFFDIO_WRITEPROTECT, &wp) < 0)
		return vm_fail_os(err, errno, "userfaultfd can't watch the mapping");
	return 0;
}

static int ws_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	const struct vm_arg *a = lab->arg;
	if (a[WS_HOT].u64 + a[WS_WARM].u64 > a[WS_EVERY].u64)
		return vm_fail(err, EINVAL, "--hot and --warm must fit into --every");
	if (a[WS_WRITE].u64 > a[WS_HOT].u64)
		return vm_fail(err, EINVAL, "--write can't be more than --hot");
	struct working_set *w = *state = calloc(1, sizeof(*w));
	if (!w)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	w->lab = lab;
	w->uffd = -1;
	int r = vm_region_map(&w->r, lab, a[WS_SIZE].u64, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, err);
	if (r < 0)
		return r;
	vm_touch(lab, w->r.p, w->r.size);
	r = a[WS_TRACK].u64 == TRACK_UFFD ? track(w, err) : 0;
	if (r < 0)
		return r;
	r = pthread_create(&w->id, NULL, use_all, w);
	if (r)
		return vm_fail_os(err, r, "cannot start a thread");
	w->started = true;
	ws_truth(w, t);
	return 0;
}

/** What was hot becomes cold, and what was behind it hot, until all pages had their turn. */
static int ws_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct working_set *w = state;
	const uint64_t by = w->lab->arg[WS_HOT].u64 + w->lab->arg[WS_WARM].u64;
	(void)err;
	atomic_fetch_add(&w->from, by);
	ws_truth(w, t);
	return by && atomic_load(&w->from) < w->lab->arg[WS_EVERY].u64;
}

static void ws_done(void *state)
{
	struct working_set *w = state;
	atomic_store(&w->stop, true);
	if (w->started)
		pthread_join(w->id, NULL);
	vm_cleanup_close(&w->uffd);
	vm_region_unmap(&w->r);
	free(w);
}

const struct vm_workload vm_workload_working_set = {
	.name = "working-set",
	.help = "a mapping with pages that are hot, warm and cold",
	.shows = "vmws,vmtlb",
	.lesson = "RSS says what is there, not what is in use: most of this memory is never touched again.  Some pages are used "
	          "all the time, some at times; which they are shows in their accessed bits.  vmws tells them apart, and how "
	          "sure it is; each step moves the hot pages on.",
	.params = ws_params,
	.make = ws_make,
	.step = ws_step,
	.done = ws_done,
};
