#include "core/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void make_printable(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

int vm_fail(struct vm_err *err, int code, const char *fmt, ...)
{
	if (err) {
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(err->what, sizeof(err->what), fmt, ap);
		va_end(ap);
		make_printable(err->what);
		err->code = code;
		err->hint[0] = '\0';
	}
	return -code;
}

int vm_fail_os(struct vm_err *err, int code, const char *fmt, ...)
{
	if (err) {
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(err->what, sizeof(err->what), fmt, ap);
		va_end(ap);
		size_t len = strlen(err->what);
		snprintf(err->what + len, sizeof(err->what) - len, ": %s", strerror(code));
		make_printable(err->what);
		err->code = code;
		err->hint[0] = '\0';
	}
	return -code;
}

void vm_hint(struct vm_err *err, const char *fmt, ...)
{
	if (!err)
		return;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(err->hint, sizeof(err->hint), fmt, ap);
	va_end(ap);
	make_printable(err->hint);
}
