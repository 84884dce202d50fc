/** vmfault --trace: a line for each fault, made by hand, for there may be a million of them in a second. */

#include "cli/vmfault/vmfault.h"

#include <errno.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/json.h"
#include "core/base/str.h"

enum { FLUSH_BYTES = 64 * 1024, NAME_BYTES = 200 };

static void add_u64(struct vm_buf *b, uint64_t v, unsigned width)
{
	char num[VM_NUMBUF];
	const char *s = vm_format_u64(v, num);
	for (size_t n = strlen(s); n < width; n++)
		vm_buf_add_char(b, ' ');
	vm_buf_add_str(b, s);
}

static void add_hex(struct vm_buf *b, uint64_t v, unsigned digits)
{
	char hex[16];
	vm_buf_add(b, hex, vm_put_hex(hex, v, digits));
}

/** Seconds since the start, to the microsecond. */
static void add_time(struct vm_buf *b, uint64_t ns)
{
	char tail[8];
	add_u64(b, ns / 1000000000, 4);
	uint64_t us = ns / 1000 % 1000000;
	tail[0] = '.';
	for (int i = 6; i > 0; i--, us /= 10)
		tail[i] = (char)('0' + us % 10);
	vm_buf_add(b, tail, 7);
}

static void add_padded(struct vm_buf *b, const char *s, size_t width)
{
	const size_t n = strlen(s);
	vm_buf_add(b, s, n);
	for (size_t i = n; i < width; i++)
		vm_buf_add_char(b, ' ');
}

static void add_mapping(struct vm_buf *b, const struct vm_fault_event *e)
{
	if (!e->where) {
		vm_buf_add_str(b, e->mapping == UINT64_MAX ? "(no mapping)" : "?");
		return;
	}
	const char perm[5] = {
		e->where->prot & 1 ? 'r' : '-', e->where->prot & 2 ? 'w' : '-', e->where->prot & 4 ? 'x' : '-',
		e->where->shared ? 's' : 'p', ' ',
	};
	vm_buf_add(b, perm, sizeof(perm));
	const char *name = e->where->name;
	size_t len;
	if (!name)
		vm_buf_add_char(b, '?');
	else if (!*name)
		vm_buf_add_str(b, "[anon]");
	else if (vm_text_is_plain(name, &len))
		vm_buf_add(b, name, len);
	else
		vm_text_put(b, name);
}

static void put_line(struct vmfault *v, const struct vm_faultset *f, const struct vm_fault_event *e)
{
	char words[96];
	struct vm_buf *b = &v->line;
	add_time(b, e->at_ns > f->began_ns ? e->at_ns - f->began_ns : 0);
	add_u64(b, (uint64_t)e->tid, 8);
	if (e->ns == VM_FAULT_NO_TIME)
		vm_buf_add_str(b, "       -");
	else
		add_u64(b, e->ns, 8);
	vm_buf_add_char(b, ' ');
	add_hex(b, e->address, 12);
	vm_buf_add_char(b, ' ');
	add_padded(b, vm_fault_kinds[e->kind].key, 18);
	vm_buf_add_char(b, ' ');
	add_padded(b, e->have_error ? vm_fault_error_words(e->error, words, sizeof(words)) : e->major ? "major" : "-", 20);
	vm_buf_add_char(b, ' ');
	const struct vm_sitename *site = e->ip ? vm_sitename(&v->names, f, e->space, e->ip) : NULL;
	if (site)
		vm_text_put(b, site->text);
	else
		vm_buf_add_char(b, '-');
	vm_buf_add_str(b, "  ");
	add_mapping(b, e);
	vm_buf_add_char(b, '\n');
}

static void json_or_null(struct vm_json *j, const char *key, bool known, uint64_t v)
{
	vm_json_key(j, key);
	if (known)
		vm_json_u64(j, v);
	else
		vm_json_null(j);
}

static void json_address(struct vm_json *j, const char *key, bool known, uint64_t v)
{
	vm_json_key(j, key);
	if (known)
		vm_json_addr(j, v);
	else
		vm_json_null(j);
}

static void json_text(struct vm_json *j, const char *key, const char *s)
{
	vm_json_key(j, key);
	vm_json_str(j, s);
}

static void json_bool(struct vm_json *j, const char *key, bool b)
{
	vm_json_key(j, key);
	vm_json_bool(j, b);
}

static void put_object(struct vmfault *v, const struct vm_faultset *f, const struct vm_fault_event *e)
{
	struct vm_json j = { .buf = v->line };
	char words[96];
	const struct vm_sitename *site = e->ip ? vm_sitename(&v->names, f, e->space, e->ip) : NULL;
	vm_json_object_begin(&j);
	json_text(&j, "schema", "vmfault-event/1");
	json_or_null(&j, "time_ns", true, e->at_ns > f->began_ns ? e->at_ns - f->began_ns : 0);
	json_or_null(&j, "pid", true, (uint64_t)e->pid);
	json_or_null(&j, "tid", true, (uint64_t)e->tid);
	json_or_null(&j, "latency_ns", e->ns != VM_FAULT_NO_TIME, e->ns);
	json_address(&j, "address", true, e->address);
	json_text(&j, "kind", vm_fault_kinds[e->kind].key);
	json_bool(&j, "major", e->major);
	json_bool(&j, "kernel", e->kernel);
	json_or_null(&j, "error_code", e->have_error, e->error);
	json_text(&j, "error", e->have_error ? vm_fault_error_words(e->error, words, sizeof(words)) : NULL);
	json_address(&j, "ip", e->ip != 0, e->ip);
	json_address(&j, "kernel_ip", e->kernel_ip != 0, e->kernel_ip);
	json_text(&j, "site", site ? site->text : NULL);
	json_address(&j, "mapping_start", e->where != NULL, e->where ? e->where->start : 0);
	json_text(&j, "mapping", e->where ? e->where->name : NULL);
	json_address(&j, "entry_before", e->have_entries, e->old_entry);
	json_address(&j, "entry_after", e->have_entries, e->new_entry);
	vm_json_object_end(&j);
	v->line = j.buf;
	vm_buf_add_char(&v->line, '\n');
}

/** 0, or a negative errno that is kept. */
static int write_lines(struct vmfault *v)
{
	if (v->line.n && !v->unwritten &&
	    (fwrite(v->line.s, 1, v->line.n, v->out) != v->line.n || fflush(v->out) != 0))
		v->unwritten = errno ? errno : EIO;
	v->line.n = 0;
	return -v->unwritten;
}

int vmfault_trace_event(void *ctx, const struct vm_faultset *now, const struct vm_fault_event *e)
{
	struct vmfault *v = ctx;
	if (v->sink->document)
		put_object(v, now, e);
	else
		put_line(v, now, e);
	v->events++;
	return v->line.n < FLUSH_BYTES ? 0 : write_lines(v);
}

int vmfault_trace_poll(struct vmfault *v, struct vm_err *err)
{
	int r = vm_faults_poll(v->faults, err);
	if (r == 0)
		write_lines(v);
	return v->unwritten ? vm_fail_os(err, v->unwritten, "cannot write the trace") : r;
}

void vmfault_trace_heading(struct vmfault *v)
{
	if (v->style.headings && !v->sink->machine)
		vm_buf_add_str(&v->line, "       TIME     TID      NS ADDRESS      KIND               ACCESS               "
			       "SITE  MAPPING\n");
}
