/** Names of any bytes: what people see holds no control character, JSON is valid and gives the bytes back. */
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/field/field.h"

#include "fuzz.h"

static void check_printable(const char *s, size_t len)
{
	for (size_t used; len; s += used, len -= used) {
		uint32_t c = vm_utf8_next(s, len, &used);
		HOLDS(c >= 0x20 && !(c >= 0x7f && c < 0xa0));
	}
}

static unsigned hex4(const char *s)
{
	unsigned v = 0;
	for (int i = 0; i < 4; i++)
		v = v * 16 + (unsigned)(s[i] <= '9' ? s[i] - '0' : s[i] - 'a' + 10);
	return v;
}

/** The bytes that a JSON string stands for, \udcNN being byte 0xNN (PEP 383). */
static size_t unquote(const char *s, size_t len, char *to)
{
	size_t n = 0;
	HOLDS(len >= 2 && s[0] == '"' && s[len - 1] == '"');
	for (size_t i = 1; i < len - 1; i++) {
		HOLDS(s[i] != '"' && (unsigned char)s[i] >= 0x20);
		if (s[i] != '\\') {
			to[n++] = s[i];
			continue;
		}
		HOLDS(i + 1 < len - 1);
		char c = s[++i];
		if (c == 'u') {
			HOLDS(i + 4 < len - 1);
			unsigned code = hex4(s + i + 1);
			HOLDS(code < 0x80 || (code >= 0xdc80 && code <= 0xdcff));
			to[n++] = (char)(code & 0xff);
			i += 4;
		} else {
			HOLDS(strchr("\"\\nrt", c));
			to[n++] = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
		}
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct vm_buf b = { 0 };
	vm_text_put(&b, text);
	HOLDS(!b.failed);
	if (b.n)
		check_printable(b.s, b.n);
	b.n = 0;
	vm_buf_add_json_str(&b, (const char *)data, size);
	for (size_t i = 0, used; i < b.n; i += used)
		HOLDS(vm_utf8_next(b.s + i, b.n - i, &used));
	char *back = malloc(b.n);
	HOLDS(unquote(b.s, b.n, back) == size && (!size || memcmp(back, data, size) == 0));
	free(back);
	vm_buf_free(&b);

	struct vm_err err;
	vm_fail(&err, 1, "%s", text);
	check_printable(err.what, strlen(err.what));
	vm_fail_os(&err, 2, "'%s'", text);
	check_printable(err.what, strlen(err.what));
	vm_hint(&err, "%s", text);
	check_printable(err.hint, strlen(err.hint));

	size_t n = vm_unescape_newlines(text, size);
	HOLDS(n <= size);
	free(text);
	return 0;
}
