#include "core/source/perf_ring.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

uint64_t vm_perf_sample_type(bool stacks)
{
	return PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR |
	       (stacks ? PERF_SAMPLE_CALLCHAIN : 0);
}

/* ---- One record --------------------------------------------------------------------------------------------------- */

/** A cursor that gives zeros, and remembers it, when it is at the end. */
struct cursor {
	const unsigned char *p, *end;
	bool failed;
};

static bool has(struct cursor *c, size_t n)
{
	if ((size_t)(c->end - c->p) < n)
		c->failed = true;
	return !c->failed;
}

static uint64_t u64(struct cursor *c)
{
	uint64_t v = 0;
	if (has(c, sizeof(v))) {
		memcpy(&v, c->p, sizeof(v));
		c->p += sizeof(v);
	}
	return v;
}

static uint32_t u32(struct cursor *c)
{
	uint32_t v = 0;
	if (has(c, sizeof(v))) {
		memcpy(&v, c->p, sizeof(v));
		c->p += sizeof(v);
	}
	return v;
}

/** A text that is ended within the record. */
static const char *text(struct cursor *c)
{
	const char *s = (const char *)c->p;
	if (!memchr(c->p, 0, (size_t)(c->end - c->p)))
		c->failed = true;
	return c->failed ? "" : s;
}

/** The chain has markers of the contexts between the addresses. */
static void parse_chain(struct cursor *c, struct vm_perf_record *out)
{
	uint64_t n = u64(c);
	if (c->failed || n > (size_t)(c->end - c->p) / 8) {
		c->failed = true;
		return;
	}
	const uint64_t *ip = (const void *)c->p;
	uint64_t from = 0;
	while (from < n && ip[from] != (uint64_t)PERF_CONTEXT_USER)
		from++;
	from += from < n;
	uint64_t to = from;
	while (to < n && ip[to] < (uint64_t)PERF_CONTEXT_MAX && to - from < VM_PERF_STACK_DEPTH)
		to++;
	out->stack = ip + from;
	out->depth = (unsigned)(to - from);
	c->p += n * 8;
}

static void parse_sample(struct cursor *c, uint16_t misc, bool stacks, struct vm_perf_record *out)
{
	out->kernel = (misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_KERNEL;
	out->id = u64(c);
	out->ip = u64(c);
	out->pid = (pid_t)u32(c);
	out->tid = (pid_t)u32(c);
	out->time_ns = u64(c);
	out->address = u64(c);
	if (stacks)
		parse_chain(c, out);
}

static void parse_mapping(struct cursor *c, struct vm_perf_record *out)
{
	out->pid = (pid_t)u32(c);
	out->tid = (pid_t)u32(c);
	out->start = u64(c);
	out->length = u64(c);
	out->offset = u64(c);
	out->dev_major = u32(c);
	out->dev_minor = u32(c);
	out->inode = u64(c);
	u64(c);
	out->prot = u32(c);
	out->flags = u32(c);
	out->name = text(c);
	/* A build id in the place of the device and inode isn't asked for. */
	c->failed |= out->start + out->length < out->start;
}

static void parse_task(struct cursor *c, struct vm_perf_record *out)
{
	out->pid = (pid_t)u32(c);
	out->parent = (pid_t)u32(c);
	out->tid = (pid_t)u32(c);
	u32(c);
	u64(c);
}

bool vm_perf_record_parse(const void *data, size_t size, bool stacks, struct vm_perf_record *out)
{
	struct perf_event_header head;
	*out = (struct vm_perf_record){ .name = "" };
	if (size < sizeof(head))
		return false;
	memcpy(&head, data, sizeof(head));
	if (head.size < sizeof(head) || head.size > size)
		return false;
	/* Behind each but samples: pid, tid, time, id (perf_event__output_id_sample()). */
	enum { TRAILER = 24, TRAILER_TIME = 16 };
	const unsigned char *behind = (const unsigned char *)data + head.size;
	if (head.type != PERF_RECORD_SAMPLE && head.size >= sizeof(head) + TRAILER) {
		memcpy(&out->time_ns, behind - TRAILER_TIME, sizeof(out->time_ns));
		head.size -= TRAILER;
	}
	struct cursor c = { .p = (const unsigned char *)data + sizeof(head), .end = (const unsigned char *)data + head.size };
	out->type = head.type;
	switch (head.type) {
	case PERF_RECORD_SAMPLE:
		parse_sample(&c, head.misc, stacks, out);
		break;
	case PERF_RECORD_MMAP2:
		parse_mapping(&c, out);
		break;
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT:
		parse_task(&c, out);
		break;
	case PERF_RECORD_COMM:
		out->exec = head.misc & PERF_RECORD_MISC_COMM_EXEC;
		out->pid = (pid_t)u32(&c);
		out->tid = (pid_t)u32(&c);
		out->name = text(&c);
		break;
	case PERF_RECORD_LOST:
		out->id = u64(&c);
		out->lost = u64(&c);
		break;
	default:
		return false;
	}
	return !c.failed;
}

/* ---- The ring ----------------------------------------------------------------------------------------------------- */

int vm_perf_ring_map(struct vm_perf_ring *r, int fd, size_t most)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int code = EPERM;
	/* What one may lock is an unprivileged user's limit (perf_event_mlock_kb): as much as there is. */
	for (size_t size = most; size >= page; size /= 2) {
		void *p = mmap(NULL, page + size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (p != MAP_FAILED) {
			r->base = p;
			r->size = size;
			return 0;
		}
		code = errno;
	}
	return -code;
}

void vm_perf_ring_unmap(struct vm_perf_ring *r)
{
	if (r->base)
		munmap(r->base, (size_t)sysconf(_SC_PAGESIZE) + r->size);
	r->base = NULL;
}

/** Parse on to the next record of interest. */
static void advance(struct vm_perf_ring *r, bool stacks)
{
	const unsigned char *data = (const unsigned char *)r->base + sysconf(_SC_PAGESIZE);
	r->has_next = false;
	while (!r->has_next && r->end - r->tail >= sizeof(struct perf_event_header) && r->end - r->tail <= r->size) {
		const size_t at = (size_t)(r->tail & (r->size - 1)), left = r->size - at;
		struct perf_event_header h;
		memcpy(&h, data + at, sizeof(h));
		if (h.size < sizeof(h) || h.size > r->end - r->tail) {
			r->tail = r->end;
			break;
		}
		const void *record = data + at;
		if (h.size > left) {
			memcpy(r->whole, data + at, left);
			memcpy((unsigned char *)r->whole + left, data, h.size - left);
			record = r->whole;
		}
		r->has_next = vm_perf_record_parse(record, h.size, stacks, &r->next);
		r->tail += h.size;
	}
}

static void begin(struct vm_perf_ring *r, bool stacks)
{
	const struct perf_event_mmap_page *head = r->base;
	r->tail = head->data_tail;
	r->end = __atomic_load_n(&head->data_head, __ATOMIC_ACQUIRE);
	advance(r, stacks);
}

static struct vm_perf_ring *earliest(struct vm_perf_ring *const *rings, size_t n)
{
	struct vm_perf_ring *first = NULL;
	for (size_t i = 0; i < n; i++)
		if (rings[i] && rings[i]->has_next && (!first || rings[i]->next.time_ns < first->next.time_ns))
			first = rings[i];
	return first;
}

int vm_perf_rings_read(struct vm_perf_ring *const *rings, size_t n, bool stacks,
		       int (*take)(void *ctx, const struct vm_perf_record *rec), void *ctx)
{
	int result = 0;
	for (size_t i = 0; i < n; i++)
		if (rings[i])
			begin(rings[i], stacks);
	for (struct vm_perf_ring *r; result == 0 && (r = earliest(rings, n));) {
		result = take(ctx, &r->next);
		advance(r, stacks);
	}
	for (size_t i = 0; i < n; i++)
		if (rings[i])
			__atomic_store_n(&((struct perf_event_mmap_page *)rings[i]->base)->data_tail, rings[i]->end, __ATOMIC_RELEASE);
	return result;
}
