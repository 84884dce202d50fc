#include "core/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/str.h"

/** C1 controls (U+0080 to U+009F) are terminal commands too; a cut may leave half a character. */
static void make_printable(char *s)
{
	for (size_t len = strlen(s), used; len; s += used, len -= used) {
		uint32_t c = vm_utf8_next(s, len, &used);
		if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			memset(s, '?', used);
	}
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
