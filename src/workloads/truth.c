#include "workloads/truth.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio_ext.h>
#include <unistd.h>

#include "workloads/workload.h"

void vm_truth_line_begin(struct vm_truth *t, unsigned step)
{
	vm_truth_line_drop(t);
	vm_json_object_begin(&t->json);
	vm_truth_str(t, "workload", t->workload);
	vm_truth_u64(t, "pid", (uint64_t)getpid());
	vm_truth_u64(t, "step", step);
}

int vm_truth_line_end(struct vm_truth *t)
{
	vm_json_object_end(&t->json);
	struct vm_buf *b = &t->json.buf;
	vm_buf_add_char(b, '\n');
	int r = b->failed ? -ENOMEM : 0;
	if (r == 0 && t->out) {
		errno = 0;
		if (fwrite(b->s, 1, b->n, t->out) != b->n || fflush(t->out) != 0)
			r = errno ? -errno : -EIO;
		/* It is told once, here: what can't be written mustn't be tried again at the end. */
		if (r < 0) {
			__fpurge(t->out);
			clearerr(t->out);
		}
	}
	vm_truth_line_drop(t);
	return r;
}

void vm_truth_line_drop(struct vm_truth *t)
{
	vm_buf_free(&t->json.buf);
	t->json = (struct vm_json){ 0 };
}

void vm_truth_f64(struct vm_truth *t, const char *key, double v)
{
	vm_json_put_f64(&t->json, key, v);
}

void vm_truth_u64(struct vm_truth *t, const char *key, uint64_t v)
{
	vm_json_key(&t->json, key);
	vm_json_u64(&t->json, v);
}

void vm_truth_addr(struct vm_truth *t, const char *key, uint64_t addr)
{
	vm_json_key(&t->json, key);
	vm_json_addr(&t->json, addr);
}

void vm_truth_str(struct vm_truth *t, const char *key, const char *s)
{
	vm_json_key(&t->json, key);
	vm_json_str(&t->json, s);
}

void vm_truth_bool(struct vm_truth *t, const char *key, bool v)
{
	vm_json_key(&t->json, key);
	vm_json_bool(&t->json, v);
}

void vm_truth_array_begin(struct vm_truth *t, const char *key)
{
	vm_json_key(&t->json, key);
	vm_json_array_begin(&t->json);
}

void vm_truth_object_begin(struct vm_truth *t)
{
	vm_json_object_begin(&t->json);
}

void vm_truth_object_end(struct vm_truth *t)
{
	vm_json_object_end(&t->json);
}

void vm_truth_array_end(struct vm_truth *t)
{
	vm_json_array_end(&t->json);
}

void vm_truth_say(struct vm_truth *t, const char *fmt, ...)
{
	if (t->quiet)
		return;
	va_list ap;
	va_start(ap, fmt);
	fprintf(stderr, "%s: ", t->workload);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}
