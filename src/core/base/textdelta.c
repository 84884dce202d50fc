/**
 * A text is words and numbers in turn: unit 0 is what stands before the first number, unit 1 that number with the spaces
 * before it, unit 2 what stands before the second one, and so on; what is behind the last number is a word as well.
 *
 * A delta is a row of changes: how many units were passed over, and the new word or by how much the number grew.
 */
#include "core/base/textdelta.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "core/base/str.h"
#include "core/base/varint.h"

/** A word and the number behind it. */
struct unit {
	const char *word;
	size_t word_len;
	bool number;               /* false: the text ends with the word */
	uint64_t value;
	size_t spaces, digits;
};

struct scan {
	const char *s;
	size_t len, at;
};

enum { DIGITS_MAX = 20, SPACES_MAX = 64 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/** Numbers that come out as they went in: no leading zeros, no more than 64 bits. */
static bool take_value(const char *s, size_t digits, uint64_t *value)
{
	uint64_t v = 0;
	if (digits > DIGITS_MAX || (digits > 1 && *s == '0'))
		return false;
	for (size_t i = 0; i < digits; i++)
		if (__builtin_mul_overflow(v, (uint64_t)10, &v) || __builtin_add_overflow(v, (uint64_t)(s[i] - '0'), &v))
			return false;
	*value = v;
	return true;
}

/** False: the text was at its end, and its last word has been had. */
static bool next(struct scan *sc, struct unit *u)
{
	const char *s = sc->s;
	size_t at = sc->at, digits;
	if (at > sc->len)
		return false;
	*u = (struct unit){ .word = s + at };
	for (; at < sc->len; at += digits ? digits : 1) {
		digits = 0;
		while (at + digits < sc->len && is_digit(s[at + digits]))
			digits++;
		if (!digits || !take_value(s + at, digits, &u->value))
			continue;
		const char *from = s + at;
		while (from > u->word && from[-1] == ' ' && (size_t)(s + at - from) < SPACES_MAX)
			from--;
		u->word_len = (size_t)(from - u->word);
		u->number = true;
		u->spaces = (size_t)(s + at - from);
		u->digits = digits;
		sc->at = at + digits;
		return true;
	}
	u->word_len = sc->len - sc->at;
	/* Behind the end: only now is it over. */
	sc->at = sc->len + 1;
	return true;
}

/** How many spaces stand before the number if nothing else is said: columns keep their width, single spaces stay. */
static size_t usual_spaces(const struct unit *old, size_t digits)
{
	const size_t width = old->spaces + old->digits;
	return old->spaces < 2 ? old->spaces : width > digits ? width - digits : 1;
}

static bool same_word(const struct unit *a, const struct unit *b)
{
	return a->word_len == b->word_len && memcmp(a->word, b->word, a->word_len) == 0;
}

/** What is between the last change and this one, and whether more than usual is said. */
static void put_head(struct vm_buf *out, uint64_t *passed, unsigned flag)
{
	vm_varint_put(out, *passed << 1 | flag);
	*passed = 0;
}

static void put_changes(struct vm_buf *out, const struct unit *a, const struct unit *b, uint64_t *passed)
{
	if (same_word(a, b)) {
		++*passed;
	} else {
		put_head(out, passed, 0);
		vm_varint_put(out, b->word_len);
		vm_buf_add(out, b->word, b->word_len);
	}
	if (!a->number)
		return;
	const bool odd = usual_spaces(a, b->digits) != b->spaces;
	if (a->value == b->value && !odd) {
		++*passed;
		return;
	}
	put_head(out, passed, odd);
	vm_varint_put(out, vm_zigzag(b->value - a->value));
	if (odd)
		vm_varint_put(out, b->spaces);
}

bool vm_textdelta_make(const char *from, size_t from_len, const char *to, size_t to_len, struct vm_buf *out)
{
	struct scan x = { .s = from, .len = from_len }, y = { .s = to, .len = to_len };
	struct unit a, b;
	const size_t before = out->n;
	uint64_t passed = 0;
	bool more = true, fits = true;
	while (fits && more) {
		more = next(&x, &a);
		fits = more == next(&y, &b) && (!more || a.number == b.number);
		if (fits && more)
			put_changes(out, &a, &b, &passed);
		fits = fits && out->n - before <= to_len;
	}
	if (fits && !out->failed)
		return true;
	out->n = before;
	return false;
}

/** The next change that a delta tells. */
struct change {
	const char *delta;
	size_t len, at;
	bool there;
	uint64_t passed;           /* units yet to be passed over */
	bool flag;
};

static bool next_change(struct change *c)
{
	uint64_t head;
	c->there = c->at < c->len;
	if (!c->there)
		return true;
	if (!vm_varint_take(c->delta, c->len, &c->at, &head))
		return false;
	c->passed = head >> 1;
	c->flag = head & 1;
	return true;
}

/** Whether the change is of this unit. */
static bool is_due(struct change *c)
{
	if (!c->there)
		return false;
	if (c->passed == 0)
		return true;
	c->passed--;
	return false;
}

static bool apply_word(struct change *c, const struct unit *u, struct vm_buf *out)
{
	uint64_t len;
	if (!is_due(c)) {
		vm_buf_add(out, u->word, u->word_len);
		return true;
	}
	if (c->flag || !vm_varint_take(c->delta, c->len, &c->at, &len) || len > c->len - c->at)
		return false;
	vm_buf_add(out, c->delta + c->at, (size_t)len);
	c->at += (size_t)len;
	return next_change(c);
}

static bool apply_number(struct change *c, const struct unit *u, struct vm_buf *out)
{
	char text[VM_NUMBUF];
	uint64_t grown = 0, spaces = u->spaces;
	const bool due = is_due(c);
	if (due && !vm_varint_take(c->delta, c->len, &c->at, &grown))
		return false;
	const char *digits = vm_format_u64(u->value + vm_unzigzag(grown), text);
	if (due)
		spaces = usual_spaces(u, strlen(digits));
	if (due && c->flag && (!vm_varint_take(c->delta, c->len, &c->at, &spaces) || spaces > SPACES_MAX))
		return false;
	vm_buf_add_fill(out, ' ', (size_t)spaces);
	vm_buf_add_str(out, digits);
	return !due || next_change(c);
}

int vm_textdelta_apply(const char *from, size_t from_len, const char *delta, size_t delta_len, struct vm_buf *out)
{
	struct scan sc = { .s = from, .len = from_len };
	struct change c = { .delta = delta, .len = delta_len };
	struct unit u;
	bool fits = next_change(&c);
	while (fits && next(&sc, &u))
		fits = apply_word(&c, &u, out) && (!u.number || apply_number(&c, &u, out));
	if (out->failed)
		return -ENOMEM;
	return fits && !c.there ? 0 : -EBADMSG;
}
