#include "core/base/linecut.h"

#include <string.h>

static void keep(struct vm_linecut *c, const char *s, size_t len)
{
	const size_t room = VM_LINE_MAX - c->rest.n;
	vm_buf_add(&c->rest, s, len < room ? len : room);
}

void vm_linecut_feed(struct vm_linecut *c, const char *data, size_t len, void (*take)(void *ctx, char *line, size_t len),
		     void *ctx)
{
	/* Room for a NUL behind the longest line, so that nothing fails below. */
	if (c->rest.cap <= VM_LINE_MAX && !vm_buf_reserve(&c->rest, VM_LINE_MAX + 1))
		return;
	while (len) {
		const char *newline = memchr(data, '\n', len);
		const size_t n = newline ? (size_t)(newline - data) : len;
		keep(c, data, n);
		if (!newline)
			return;
		c->rest.s[c->rest.n] = '\0';
		take(ctx, c->rest.s, c->rest.n);
		c->rest.n = 0;
		data += n + 1;
		len -= n + 1;
	}
}

void vm_linecut_free(struct vm_linecut *c)
{
	vm_buf_free(&c->rest);
}
