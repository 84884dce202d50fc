#include "core/source/perf_ring.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/thread.h"
#include "core/source/perf_event.h"

/** Records that nobody takes are kept up to this, over all rings; beyond it the kernel counts them as lost. */
#define KEPT_MOST ((size_t)256 << 20)

/** What doesn't fill half of a ring, which wakes us, is taken out after this. */
enum { EVERY_MS = 100 };

struct ring {
	/** An event of ours that never happens: it holds the ring, whatever becomes of those that write to it.  Or -1. */
	int fd;
	struct perf_event_mmap_page *head;
	unsigned char *data;
	size_t size;               /* a power of two */
	struct vm_buf in;          /* taken out by whoever holds the lock */
	/** What is being handed over; records before `at` were, the one there is `next`, `length` long. */
	struct vm_buf out;
	size_t at, length;
	struct vm_perf_record next;
};

struct vm_perf_rings {
	struct ring *ring;
	size_t n;
	/** CLOCK_MONOTONIC when rings were emptied the time before. */
	uint64_t emptied_ns;
	pthread_mutex_t lock;
	pthread_t thread;
	bool has_thread;
	int stop;                  /* an eventfd */
	struct pollfd *wait;       /* the rings, and `stop` */
};

/* ---- Taking out -------------------------------------------------------------------------------------------------- */

/** All that is there, if it may be kept. */
static void empty(struct ring *r, size_t kept_most)
{
	const uint64_t to = __atomic_load_n(&r->head->data_head, __ATOMIC_ACQUIRE), from = r->head->data_tail;
	const size_t n = (size_t)(to - from), at = (size_t)from & (r->size - 1);
	if (!n || n > r->size || r->in.n + n > kept_most || !vm_buf_reserve(&r->in, n)) {
		r->in.failed = false;
		return;
	}
	const size_t first = n < r->size - at ? n : r->size - at;
	vm_buf_add(&r->in, (const char *)r->data + at, first);
	vm_buf_add(&r->in, (const char *)r->data, n - first);
	__atomic_store_n(&r->head->data_tail, to, __ATOMIC_RELEASE);
}

static void empty_all(struct vm_perf_rings *rs)
{
	for (size_t i = 0; i < rs->n; i++)
		if (rs->ring[i].head)
			empty(&rs->ring[i], KEPT_MOST / rs->n);
}

static void *keep_empty(void *arg)
{
	struct vm_perf_rings *rs = arg;
	struct pollfd *stop = &rs->wait[rs->n];
	while (poll(rs->wait, rs->n + 1, EVERY_MS) >= 0 || errno == EINTR) {
		if (stop->revents)
			break;
		pthread_mutex_lock(&rs->lock);
		empty_all(rs);
		pthread_mutex_unlock(&rs->lock);
	}
	return NULL;
}

/* ---- Handing over ------------------------------------------------------------------------------------------------ */

/** On to the next record of interest; length 0: there is none. */
static void advance(struct ring *r, const struct vm_perf_form *form)
{
	do {
		r->at += r->length;
		r->length = vm_perf_record_parse(r->out.s + r->at, r->out.n - r->at, form, &r->next);
	} while (r->length && !r->next.type);
	/* Rings hold whole records only: what isn't one can't be followed by any. */
	if (!r->length)
		r->at = r->out.n;
}

/** Put what was taken out behind what is left. */
static bool take_over(struct ring *r)
{
	const size_t rest = r->out.n - r->at;
	if (!rest) {
		struct vm_buf emptied = r->out;
		r->out = r->in;
		r->in = emptied;
		r->in.n = 0;
	} else {
		memmove(r->out.s, r->out.s + r->at, rest);
		r->out.n = rest;
		vm_buf_add(&r->out, r->in.s, r->in.n);
		r->in.n = 0;
	}
	r->at = r->length = 0;
	return !r->out.failed;
}

/** The ring with the earliest record, and until when it stays that. */
static struct ring *earliest(struct vm_perf_rings *rs, uint64_t *until)
{
	struct ring *first = NULL;
	*until = UINT64_MAX;
	for (size_t i = 0; i < rs->n; i++) {
		struct ring *r = &rs->ring[i];
		if (!r->length)
			continue;
		if (!first || r->next.time_ns < first->next.time_ns) {
			*until = first ? first->next.time_ns : UINT64_MAX;
			first = r;
		} else if (r->next.time_ns < *until) {
			*until = r->next.time_ns;
		}
	}
	return first;
}

/** What is handed over now. */
struct due {
	uint64_t until_ns, now_ns;
};

/** From the future comes what another program's clock says: since Linux 6.2 events that happen at once share the time. */
static bool is_due(const struct due *due, const struct ring *r)
{
	return r->next.time_ns <= due->until_ns || r->next.time_ns > due->now_ns;
}

int vm_perf_rings_read(struct vm_perf_rings *rs, bool all, const struct vm_perf_form *form, vm_perf_take *take, void *ctx)
{
	const uint64_t now = vm_clock_ns();
	const struct due due = { .until_ns = all || rs->n < 2 ? UINT64_MAX : rs->emptied_ns, .now_ns = now };
	bool ok = true;
	pthread_mutex_lock(&rs->lock);
	empty_all(rs);
	for (size_t i = 0; i < rs->n; i++)
		ok &= take_over(&rs->ring[i]);
	pthread_mutex_unlock(&rs->lock);
	rs->emptied_ns = now;
	for (size_t i = 0; i < rs->n; i++)
		advance(&rs->ring[i], form);
	int result = ok ? 0 : -ENOMEM;
	uint64_t until;
	for (struct ring *r; result == 0 && (r = earliest(rs, &until)) && is_due(&due, r);)
		do {
			result = take(ctx, &r->next);
			advance(r, form);
		} while (result == 0 && r->length && r->next.time_ns <= until && is_due(&due, r));
	return result;
}

/* ---- Opening ----------------------------------------------------------------------------------------------------- */

static int open_ring(unsigned cpu)
{
	struct perf_event_attr a = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(a), .config = PERF_COUNT_SW_DUMMY, .sample_period = 1,
		.exclude_kernel = 1, .exclude_hv = 1, .use_clockid = 1, .clockid = CLOCK_MONOTONIC,
	};
	return vm_perf_event_open(&a, 0, (int)cpu, 0);
}

static void unmap(struct ring *r)
{
	if (r->head)
		munmap(r->head, (size_t)sysconf(_SC_PAGESIZE) + r->size);
	r->head = NULL;
}

/** 0 or a negative errno. */
static int map(struct ring *r, size_t size)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, page + size, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	r->head = p;
	r->data = (unsigned char *)p + page;
	r->size = size;
	return 0;
}

/** All of the same size: what is allowed is allowed to all of them together. */
static int map_all(struct vm_perf_rings *rs, struct vm_err *err)
{
	int r = -EPERM;
	for (size_t size = VM_PERF_RING_MOST; r < 0 && size >= VM_PERF_RING_LEAST; size /= 2) {
		r = 0;
		for (size_t i = 0; r == 0 && i < rs->n; i++)
			r = rs->ring[i].fd < 0 ? 0 : map(&rs->ring[i], size);
		for (size_t i = 0; r < 0 && i < rs->n; i++)
			unmap(&rs->ring[i]);
	}
	if (r == 0)
		return 0;
	vm_fail_os(err, -r, "no memory can be locked for the rings of perf events");
	vm_hint(err, "raise kernel.perf_event_mlock_kb, or the limit of locked memory (ulimit -l)");
	return r;
}

static int open_all(struct vm_session *s, struct vm_perf_rings *rs, const unsigned *cpu, struct vm_err *err)
{
	for (size_t i = 0; i < rs->n; i++) {
		int fd = open_ring(cpu[i]);
		if (fd < 0 && fd != -ENODEV)
			return vm_perf_event_fail(s, fd, VM_PERF_OF_OURS, err);
		rs->ring[i].fd = rs->wait[i].fd = fd < 0 ? -1 : fd;
		rs->wait[i].events = POLLIN;
	}
	return map_all(rs, err);
}

int vm_perf_rings_open(struct vm_session *s, const unsigned *cpu, size_t n, struct vm_perf_rings **out, struct vm_err *err)
{
	struct vm_perf_rings *rs = calloc(1, sizeof(*rs));
	if (!rs)
		return vm_fail(err, ENOMEM, "out of memory");
	pthread_mutex_init(&rs->lock, NULL);
	rs->stop = eventfd(0, EFD_CLOEXEC);
	rs->ring = calloc(n + 1, sizeof(*rs->ring));
	rs->wait = calloc(n + 1, sizeof(*rs->wait));
	rs->n = rs->ring && rs->wait ? n : 0;
	for (size_t i = 0; i < rs->n; i++)
		rs->ring[i].fd = -1;
	int r = rs->n && rs->stop >= 0 ? open_all(s, rs, cpu, err) : vm_fail(err, ENOMEM, "out of memory");
	if (r < 0) {
		vm_perf_rings_close(rs);
		return r;
	}
	rs->wait[n] = (struct pollfd){ .fd = rs->stop, .events = POLLIN };
	/* Without a thread they are emptied when they are read. */
	rs->has_thread = vm_thread_start(&rs->thread, keep_empty, rs);
	*out = rs;
	return 0;
}

int vm_perf_rings_fd(const struct vm_perf_rings *rs, size_t i)
{
	return rs->ring[i].fd;
}

void vm_perf_rings_close(struct vm_perf_rings *rs)
{
	if (!rs)
		return;
	if (rs->has_thread && eventfd_write(rs->stop, 1) == 0)
		pthread_join(rs->thread, NULL);
	for (size_t i = 0; i < rs->n; i++) {
		struct ring *r = &rs->ring[i];
		unmap(r);
		if (r->fd >= 0)
			close(r->fd);
		vm_buf_free(&r->in);
		vm_buf_free(&r->out);
	}
	if (rs->stop >= 0)
		close(rs->stop);
	pthread_mutex_destroy(&rs->lock);
	free(rs->ring);
	free(rs->wait);
	free(rs);
}
