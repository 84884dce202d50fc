#include "core/source/perf_record.h"

#include <linux/perf_event.h>
#include <string.h>
#if defined(__x86_64__) || defined(__aarch64__)
#include <asm/perf_regs.h>
#endif

/** Behind each record but samples: pid, tid, time, id (perf_event__output_id_sample()). */
enum { TRAILER = 24, TRAILER_TIME = 8 };

uint64_t vm_perf_sample_type(const struct vm_perf_form *form, bool marked)
{
	return PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR |
	       (form->stacks ? PERF_SAMPLE_CALLCHAIN : 0) | (form->user_ip ? PERF_SAMPLE_REGS_USER : 0) |
	       (form->page_size ? PERF_SAMPLE_DATA_PAGE_SIZE : 0) | (form->period ? PERF_SAMPLE_PERIOD : 0) |
	       (form->data_source ? PERF_SAMPLE_DATA_SRC : 0) | (marked ? PERF_SAMPLE_WEIGHT : 0);
}

uint64_t vm_perf_user_regs(void)
{
#if defined(__x86_64__)
	return UINT64_C(1) << PERF_REG_X86_IP;
#elif defined(__aarch64__)
	return UINT64_C(1) << PERF_REG_ARM64_PC;
#else
	return 0;
#endif
}

/** Gives zeros, and remembers it, when it is at the end. */
struct cursor {
	const unsigned char *p, *end;
	bool failed;
};

static size_t left(const struct cursor *c)
{
	return (size_t)(c->end - c->p);
}

static void get(struct cursor *c, void *to, size_t n)
{
	if (left(c) < n || c->failed) {
		c->failed = true;
		memset(to, 0, n);
		return;
	}
	memcpy(to, c->p, n);
	c->p += n;
}

static uint64_t u64(struct cursor *c)
{
	uint64_t v;
	get(c, &v, sizeof(v));
	return v;
}

static uint32_t u32(struct cursor *c)
{
	uint32_t v;
	get(c, &v, sizeof(v));
	return v;
}

static pid_t number(struct cursor *c)
{
	return (pid_t)u32(c);
}

/** A text that ends within the record. */
static const char *text(struct cursor *c)
{
	if (!c->failed && memchr(c->p, 0, left(c)))
		return (const char *)c->p;
	c->failed = true;
	return "";
}

/** Between the addresses of the chain stand marks of what follows: kernel, user space, guests. */
static void parse_chain(struct cursor *c, struct vm_perf_record *out)
{
	const uint64_t n = u64(c);
	if (c->failed || n > left(c) / 8) {
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

static void parse_sample(struct cursor *c, const struct vm_perf_form *form, struct vm_perf_record *out)
{
	out->id = u64(c);
	out->ip = u64(c);
	out->pid = number(c);
	out->tid = number(c);
	out->time_ns = u64(c);
	out->address = u64(c);
	if (form->period)
		out->period = u64(c);
	if (form->stacks)
		parse_chain(c, out);
	/* No registers: the thread has no user space (PERF_SAMPLE_REGS_ABI_NONE). */
	if (form->user_ip && u64(c) != PERF_SAMPLE_REGS_ABI_NONE)
		out->user_ip = u64(c);
	/* The mark is the one member of these that comes before what is left. */
	out->marked = left(c) > (size_t)8 * (form->page_size + form->data_source);
	if (out->marked)
		u64(c);
	if (form->data_source)
		out->data_source = u64(c);
	if (form->page_size)
		out->page_size = u64(c);
	if (!out->user_ip)
		out->user_ip = !out->kernel ? out->ip : out->depth ? out->stack[0] : 0;
}

static void parse_mapping(struct cursor *c, struct vm_perf_record *out)
{
	out->pid = number(c);
	out->tid = number(c);
	out->start = u64(c);
	out->length = u64(c);
	out->offset = u64(c);
	out->dev_major = u32(c);
	out->dev_minor = u32(c);
	out->inode = u64(c);
	u64(c);                    /* generation of the inode */
	out->prot = u32(c);
	out->flags = u32(c);
	out->name = text(c);
	c->failed |= !out->length || out->start + out->length < out->start;
}

static void parse_task(struct cursor *c, struct vm_perf_record *out)
{
	out->pid = number(c);
	out->parent = number(c);
	out->tid = number(c);
	out->parent_tid = number(c);
	u64(c);                    /* the time again */
}

static void parse_comm(struct cursor *c, struct vm_perf_record *out)
{
	out->pid = number(c);
	out->tid = number(c);
	out->name = text(c);
}

static void parse_body(struct cursor *c, const struct vm_perf_form *form, struct vm_perf_record *out)
{
	switch (out->type) {
	case PERF_RECORD_SAMPLE:
		parse_sample(c, form, out);
		break;
	case PERF_RECORD_MMAP2:
		parse_mapping(c, out);
		break;
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT:
		parse_task(c, out);
		break;
	case PERF_RECORD_COMM:
		parse_comm(c, out);
		break;
	case PERF_RECORD_LOST:
		out->id = u64(c);
		out->lost = u64(c);
		break;
	case PERF_RECORD_THROTTLE:
		u64(c);            /* the time again */
		out->id = u64(c);
		break;
	default:
		c->failed = true;
	}
}

size_t vm_perf_record_parse(const void *data, size_t size, const struct vm_perf_form *form, struct vm_perf_record *out)
{
	struct perf_event_header h;
	*out = (struct vm_perf_record){ .name = "" };
	if (size < sizeof(h))
		return 0;
	memcpy(&h, data, sizeof(h));
	if (h.size < sizeof(h) || h.size > size || h.size % 8)
		return 0;
	const unsigned char *p = data;
	struct cursor c = { .p = p + sizeof(h), .end = p + h.size };
	if (h.type != PERF_RECORD_SAMPLE) {
		if (left(&c) < TRAILER)
			return h.size;
		c.end -= TRAILER;
		memcpy(&out->time_ns, c.end + TRAILER_TIME, sizeof(out->time_ns));
	}
	out->type = h.type;
	out->kernel = h.type == PERF_RECORD_SAMPLE && (h.misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_KERNEL;
	out->exec = h.type == PERF_RECORD_COMM && (h.misc & PERF_RECORD_MISC_COMM_EXEC);
	/* A build id would stand in the place of device and inode; it isn't asked for. */
	parse_body(&c, form, out);
	if (c.failed)
		out->type = 0;
	return h.size;
}
