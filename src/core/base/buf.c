#include "core/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/str.h"

bool vm_buf_reserve(struct vm_buf *b, size_t extra)
{
	if (b->cap - b->n >= extra)
		return true;
	size_t to = b->cap ? b->cap : 256;
	while (to - b->n < extra) {
		if (to > SIZE_MAX / 2) {
			b->failed = true;
			return false;
		}
		to *= 2;
	}
	char *s = realloc(b->s, to);
	if (!s) {
		b->failed = true;
		return false;
	}
	b->s = s;
	b->cap = to;
	return true;
}

bool vm_buf_reserve_now(struct vm_buf *b, size_t extra)
{
	if (!vm_buf_reserve(b, extra))
		return false;
#ifdef MADV_POPULATE_WRITE
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)(b->s + b->n) + page - 1) & -page;
	uintptr_t end = (uintptr_t)(b->s + b->n + extra) & -page;
	/* Before Linux 5.14 they come one by one. */
	if (end > from)
		(void)madvise((void *)from, end - from, MADV_POPULATE_WRITE);
#endif
	return true;
}

void vm_buf_free(struct vm_buf *b)
{
	free(b->s);
	*b = (struct vm_buf){ 0 };
}

void vm_buf_add_fill(struct vm_buf *b, char c, size_t n)
{
	if (n == 0 || !vm_buf_reserve(b, n))
		return;
	memset(b->s + b->n, c, n);
	b->n += n;
}

void vm_buf_add_u64(struct vm_buf *b, uint64_t v)
{
	char num[VM_NUMBUF];
	const char *p = vm_format_u64(v, num);
	vm_buf_add(b, p, (size_t)(num + VM_NUMBUF - 1 - p));
}

void vm_buf_addf(struct vm_buf *b, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n >= 0 && vm_buf_reserve(b, (size_t)n + 1)) {
		vsnprintf(b->s + b->n, (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
}

const char *vm_buf_str(struct vm_buf *b)
{
	if (!vm_buf_reserve(b, 1))
		return "";
	b->s[b->n] = '\0';
	return b->s;
}

static void add_escape(struct vm_buf *b, unsigned code)
{
	char u[6] = "\\u";
	vm_put_hex(u + 2, code, 4);
	vm_buf_add(b, u, 6);
}

static void add_special(struct vm_buf *b, unsigned char c)
{
	const char *short_form = c == '"' ? "\\\"" : c == '\\' ? "\\\\" : c == '\n' ? "\\n" :
				 c == '\t' ? "\\t" : c == '\r' ? "\\r" : NULL;
	if (short_form)
		vm_buf_add(b, short_form, 2);
	else
		add_escape(b, c);
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void vm_buf_add_json_str(struct vm_buf *b, const char *s, size_t len)
{
	vm_buf_add_char(b, '"');
	for (size_t i = 0; i < len;) {
		size_t from = i;
		while (i < len && is_plain((unsigned char)s[i]))
			i++;
		vm_buf_add(b, s + from, i - from);
		if (i == len)
			break;
		unsigned char c = (unsigned char)s[i];
		size_t used = 1;
		if (c < 0x80)
			add_special(b, c);
		else if (vm_utf8_next(s + i, len - i, &used))
			vm_buf_add(b, s + i, used);
		else
			add_escape(b, 0xdc00u + c);
		i += used;
	}
	vm_buf_add_char(b, '"');
}
