#include "core/base/json.h"

#include <errno.h>
#include <math.h>

#include "core/base/str.h"

enum { FLUSH_AT = 60 * 1024 };

static void flush(struct vm_json *j)
{
	if (!j->out || !j->buf.n)
		return;
	if (fwrite(j->buf.s, 1, j->buf.n, j->out) != j->buf.n && !j->error)
		j->error = errno;
	j->buf.n = 0;
}

static void new_line(struct vm_json *j)
{
	if (!j->indent)
		return;
	vm_buf_add_char(&j->buf, '\n');
	vm_buf_add_fill(&j->buf, ' ', (size_t)j->indent * j->depth);
}

/** What comes in front of a value or key: a comma, a line break. */
static void lead(struct vm_json *j)
{
	if (j->keyed) {
		j->keyed = false;
		return;
	}
	if (j->depth == 0) {
		j->begun |= 1;
		return;
	}
	uint64_t bit = UINT64_C(1) << j->depth;
	if (j->begun & bit)
		vm_buf_add_char(&j->buf, ',');
	j->begun |= bit;
	new_line(j);
	if (j->buf.n >= FLUSH_AT)
		flush(j);
}

static void begin(struct vm_json *j, char c)
{
	lead(j);
	vm_buf_add_char(&j->buf, c);
	j->depth++;
	j->begun &= ~(UINT64_C(1) << j->depth);
}

static void end(struct vm_json *j, char c)
{
	bool filled = j->begun & (UINT64_C(1) << j->depth);
	j->depth--;
	if (filled)
		new_line(j);
	vm_buf_add_char(&j->buf, c);
}

void vm_json_object_begin(struct vm_json *j)
{
	begin(j, '{');
}

void vm_json_object_end(struct vm_json *j)
{
	end(j, '}');
}

void vm_json_array_begin(struct vm_json *j)
{
	begin(j, '[');
}

void vm_json_array_end(struct vm_json *j)
{
	end(j, ']');
}

void vm_json_key(struct vm_json *j, const char *key)
{
	lead(j);
	vm_buf_add_char(&j->buf, '"');
	vm_buf_add_str(&j->buf, key);
	if (j->indent)
		vm_buf_add(&j->buf, "\": ", 3);
	else
		vm_buf_add(&j->buf, "\":", 2);
	j->keyed = true;
}

void vm_json_u64(struct vm_json *j, uint64_t v)
{
	lead(j);
	vm_buf_add_u64(&j->buf, v);
}

void vm_json_i64(struct vm_json *j, int64_t v)
{
	lead(j);
	if (v < 0)
		vm_buf_add_char(&j->buf, '-');
	vm_buf_add_u64(&j->buf, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void vm_json_f64(struct vm_json *j, double v)
{
	if (!isfinite(v)) {
		vm_json_null(j);
		return;
	}
	lead(j);
	vm_buf_addf(&j->buf, "%.10g", v);
}

void vm_json_bool(struct vm_json *j, bool v)
{
	lead(j);
	vm_buf_add_str(&j->buf, v ? "true" : "false");
}

void vm_json_null(struct vm_json *j)
{
	lead(j);
	vm_buf_add(&j->buf, "null", 4);
}

void vm_json_str(struct vm_json *j, const char *s)
{
	if (!s) {
		vm_json_null(j);
		return;
	}
	lead(j);
	vm_buf_add_json_str(&j->buf, s, strlen(s));
}

void vm_json_words(struct vm_json *j, const char *words)
{
	vm_json_array_begin(j);
	for (const char *s = words; *s;) {
		size_t n = strcspn(s, " ");
		if (n) {
			lead(j);
			vm_buf_add_json_str(&j->buf, s, n);
		}
		s += n + (s[n] == ' ');
	}
	vm_json_array_end(j);
}

void vm_json_addr(struct vm_json *j, uint64_t addr)
{
	char text[20] = "\"0x";
	size_t n = 3 + vm_put_hex(text + 3, addr, 1);
	text[n++] = '"';
	lead(j);
	vm_buf_add(&j->buf, text, n);
}

void vm_json_put_str(struct vm_json *j, const char *key, const char *s)
{
	vm_json_key(j, key);
	vm_json_str(j, s && *s ? s : NULL);
}

void vm_json_put_u64(struct vm_json *j, const char *key, uint64_t v)
{
	vm_json_key(j, key);
	vm_json_u64(j, v);
}

void vm_json_put_known(struct vm_json *j, const char *key, bool known, uint64_t v)
{
	vm_json_key(j, key);
	if (known)
		vm_json_u64(j, v);
	else
		vm_json_null(j);
}

void vm_json_put_f64(struct vm_json *j, const char *key, double v)
{
	vm_json_key(j, key);
	vm_json_f64(j, v);
}

void vm_json_put_bool(struct vm_json *j, const char *key, bool v)
{
	vm_json_key(j, key);
	vm_json_bool(j, v);
}

int vm_json_finish(struct vm_json *j)
{
	/* Where nothing was written there is no line to end. */
	if (j->begun & 1)
		vm_buf_add_char(&j->buf, '\n');
	int r = j->buf.failed ? -ENOMEM : 0;
	if (j->out) {
		flush(j);
		vm_buf_free(&j->buf);
		errno = 0;
		if (j->error || fflush(j->out) != 0 || ferror(j->out))
			return j->error ? -j->error : errno ? -errno : -EIO;
	}
	return r;
}
