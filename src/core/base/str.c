#include "core/base/str.h"

#include <endian.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

static int parse_base(const char *s, unsigned base, uint64_t *out)
{
	uint64_t v = 0;
	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		unsigned d = (unsigned)digit_value(*s);
		if (d >= base)
			return -EINVAL;
		if (__builtin_mul_overflow(v, (uint64_t)base, &v) || __builtin_add_overflow(v, (uint64_t)d, &v))
			return -ERANGE;
	}
	*out = v;
	return 0;
}

static bool has_0x(const char *s)
{
	return s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
}

int vm_parse_u64(const char *s, uint64_t *out)
{
	return has_0x(s) ? parse_base(s + 2, 16, out) : parse_base(s, 10, out);
}

int vm_parse_hex(const char *s, uint64_t *out)
{
	return parse_base(has_0x(s) ? s + 2 : s, 16, out);
}

int vm_parse_range(const char *s, uint64_t *from, uint64_t *to)
{
	char first[24];
	const char *dash = strchr(s, '-');
	const size_t n = dash ? (size_t)(dash - s) : 0;
	uint64_t a, b;
	if (!n || n >= sizeof(first))
		return -EINVAL;
	memcpy(first, s, n);
	first[n] = '\0';
	int r = vm_parse_hex(first, &a);
	if (r == 0)
		r = vm_parse_hex(dash + 1, &b);
	if (r < 0 || a >= b)
		return r < 0 ? r : -EINVAL;
	*from = a;
	*to = b;
	return 0;
}

/** Digits at s, up to nine of them; NULL if there are none, or more. */
static const char *parse_index(const char *s, unsigned *v)
{
	const char *p = s;
	for (*v = 0; *p >= '0' && *p <= '9' && p - s < 9; p++)
		*v = *v * 10 + (unsigned)(*p - '0');
	return p == s || (*p >= '0' && *p <= '9') ? NULL : p;
}

const char *vm_parse_list(const char *s, unsigned *first, unsigned *last)
{
	unsigned from, to;
	const char *p = parse_index(s, &from);
	to = from;
	if (p && *p == '-')
		p = parse_index(p + 1, &to);
	if (!p || to < from || (*p && *p != ',' && *p != '\n'))
		return NULL;
	*first = from;
	*last = to;
	return *p == ',' ? p + 1 : p + strlen(p);
}

/** The decimal number at s ("12", "1.5"), locale-free; NULL if there is none. */
static const char *parse_decimal(const char *s, double *v)
{
	const char *p = s;
	double whole = 0, scale = 1;
	while (*p >= '0' && *p <= '9')
		whole = whole * 10 + (*p++ - '0');
	bool any = p != s;
	if (*p == '.') {
		const char *frac = ++p;
		for (; *p >= '0' && *p <= '9'; p++) {
			scale /= 10;
			whole += (*p - '0') * scale;
		}
		any = any || p != frac;
	}
	*v = whole;
	return any ? p : NULL;
}

int vm_parse_size(const char *s, uint64_t *bytes)
{
	if (vm_parse_u64(s, bytes) == 0)
		return 0;
	double v;
	const char *unit = parse_decimal(s, &v);
	if (!unit)
		return -EINVAL;
	static const char units[] = "KMGTPE";
	const char *u = *unit && *unit != ' ' ? strchr(units, *unit & ~0x20) : NULL;
	unsigned shift = 0;
	if (u) {
		shift = 10 * (unsigned)(u - units + 1);
		unit++;
		if (*unit == 'i')
			unit++;
	}
	if (*unit == 'B' || (*unit == 'b' && !unit[1]))
		unit++;
	if (*unit)
		return -EINVAL;
	v = ldexp(v, (int)shift);
	if (!(v < 18446744073709549568.0))
		return -ERANGE;
	/* Whole numbers stay exact beyond 2^53. */
	uint64_t whole = 0;
	const char *p = s;
	while (*p >= '0' && *p <= '9')
		whole = whole * 10 + (uint64_t)(*p++ - '0');
	*bytes = *p == '.' ? (uint64_t)(v + 0.5) : whole << shift;
	return 0;
}

int vm_parse_duration(const char *s, uint64_t *ns)
{
	static const struct { const char *name; double ns; } units[] = {
		{ "", 1e9 }, { "s", 1e9 }, { "ms", 1e6 }, { "us", 1e3 }, { "ns", 1 },
		{ "m", 60e9 }, { "min", 60e9 }, { "h", 3600e9 }, { "d", 86400e9 },
	};
	double v;
	const char *unit = parse_decimal(s, &v);
	if (!unit)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(unit, units[i].name) != 0)
			continue;
		v *= units[i].ns;
		if (!(v < 9e18))
			return -ERANGE;
		*ns = (uint64_t)(v + 0.5);
		return 0;
	}
	return -EINVAL;
}

int vm_parse_ratio(const char *s, double *ratio)
{
	double a, b = 1;
	const char *p = parse_decimal(s, &a);
	if (!p)
		return -EINVAL;
	if (*p == '%') {
		b = 100;
		p++;
	} else if (*p == '/') {
		p = parse_decimal(p + 1, &b);
		if (!p || b == 0)
			return -EINVAL;
	}
	if (*p)
		return -EINVAL;
	/* Written so that infinity by infinity fails too. */
	if (!(a / b <= 1))
		return -ERANGE;
	*ratio = a / b;
	return 0;
}

const char *vm_format_u64(uint64_t v, char buf[static VM_NUMBUF])
{
	char *p = buf + VM_NUMBUF - 1;
	*p = '\0';
	do {
		*--p = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return p;
}

size_t vm_u64_width(uint64_t v)
{
	size_t n = 1;
	for (; v >= 10; v /= 10)
		n++;
	return n;
}

/** A size in its unit: whole part, tenths, and the power of 1024. */
struct scaled {
	unsigned whole, tenths, unit;
};

/** Rounded half up, in integers, so that every machine prints the same. */
static struct scaled scale(uint64_t bytes)
{
	unsigned u = bytes ? (63u - (unsigned)__builtin_clzll(bytes)) / 10 : 0;
	if (u == 0)
		return (struct scaled){ (unsigned)bytes, 0, 0 };
	unsigned shift = 10 * u;
	uint64_t rest = bytes & ((UINT64_C(1) << shift) - 1);
	struct scaled s = {
		(unsigned)(bytes >> shift), (unsigned)(((rest >> (shift - 10)) * 10 + 512) >> 10), u,
	};
	if (s.tenths == 10) {
		s.whole++;
		s.tenths = 0;
		if (s.whole == 1024 && u < 6) {
			s.whole = 1;
			s.unit++;
		}
	}
	return s;
}

size_t vm_size_width(uint64_t bytes)
{
	struct scaled s = scale(bytes);
	size_t digits = s.whole < 10 ? 1 : s.whole < 100 ? 2 : s.whole < 1000 ? 3 : 4;
	return s.unit ? digits + 3 : digits;
}

const char *vm_format_size(uint64_t bytes, char buf[static VM_NUMBUF])
{
	struct scaled s = scale(bytes);
	char *p = buf + VM_NUMBUF - 1;
	*p = '\0';
	if (s.unit) {
		*--p = "BKMGTPE"[s.unit];
		*--p = (char)('0' + s.tenths);
		*--p = '.';
	}
	do {
		*--p = (char)('0' + s.whole % 10);
		s.whole /= 10;
	} while (s.whole);
	return p;
}

const char *vm_format_amount(uint64_t n, char buf[static VM_NUMBUF])
{
	double v = (double)n;
	unsigned unit = 0;
	if (n < 10000) {
		snprintf(buf, VM_NUMBUF, "%u", (unsigned)n);
		return buf;
	}
	/* What would be rounded up to 1000 belongs to the next unit. */
	for (; v >= 999.95; unit++)
		v /= 1000;
	snprintf(buf, VM_NUMBUF, v < 9.995 ? "%.2f%c" : "%.1f%c", v, " KMGTPE"[unit]);
	return buf;
}

const char *vm_format_duration(uint64_t ns, char buf[static VM_NUMBUF])
{
	if (ns < 1000)
		snprintf(buf, VM_NUMBUF, "%uns", (unsigned)ns);
	else if (ns < 1000000)
		snprintf(buf, VM_NUMBUF, "%.1fus", (double)ns / 1e3);
	else if (ns < 1000000000)
		snprintf(buf, VM_NUMBUF, "%.1fms", (double)ns / 1e6);
	else
		snprintf(buf, VM_NUMBUF, "%.1fs", (double)ns / 1e9);
	return buf;
}

/** Eight hexadecimal digits at once: a nibble to each byte, then '0' or 'a' - 10 added to all. */
static void put_hex8(char to[static 8], uint32_t v)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t x = v;
	x = (x << 16 | x) & UINT64_C(0x0000ffff0000ffff);
	x = (x << 8 | x) & UINT64_C(0x00ff00ff00ff00ff);
	x = (x << 4 | x) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	x = x + ones * '0' + ((x + ones * 6) >> 4 & ones) * ('a' - 10 - '0');
	x = htobe64(x);
	memcpy(to, &x, 8);
}

size_t vm_put_hex(char *to, uint64_t v, unsigned digits)
{
	char few[8];
	unsigned n = v ? (unsigned)(67 - __builtin_clzll(v)) / 4 : 1;
	if (n < digits)
		n = digits < 16 ? digits : 16;
	if (n <= 2) {
		to[0] = "0123456789abcdef"[n == 2 ? v >> 4 : v];
		to[n - 1] = "0123456789abcdef"[v & 15];
		return n;
	}
	if (n >= 8) {
		/* The first eight and the last eight, some of them twice. */
		put_hex8(to, (uint32_t)(v >> 4 * (n - 8)));
		put_hex8(to + n - 8, (uint32_t)v);
		return n;
	}
	put_hex8(few, (uint32_t)v);
	memcpy(to, few + 8 - n, n);
	return n;
}

size_t vm_unescape_newlines(char *s, size_t len)
{
	size_t to = 0;
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\\' && len - i >= 4 && memcmp(s + i, "\\012", 4) == 0) {
			s[to++] = '\n';
			i += 3;
		} else {
			s[to++] = s[i];
		}
	}
	return to;
}

uint32_t vm_utf8_next(const char *s, size_t len, size_t *used)
{
	const unsigned char *p = (const unsigned char *)s;
	*used = 1;
	if (!len)
		return 0;
	if (p[0] < 0x80)
		return p[0];
	unsigned n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || len < n)
		return 0;
	uint32_t c = p[0] & (0xffu >> (n + 1));
	for (unsigned i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	/* No overlong forms, surrogates or values beyond Unicode (RFC 3629). */
	if ((n == 3 && c < 0x800) || (n == 4 && c < 0x10000) || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*used = n;
	return c;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool vm_streq_nocase(const char *a, const char *b)
{
	for (; *a && lower(*a) == lower(*b); a++, b++)
		;
	return *a == *b;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;
	return m < c ? m : c;
}

unsigned vm_edit_distance(const char *a, const char *b)
{
	enum { MAX = 48 };
	size_t n = strlen(a), m = strlen(b);
	if (n > MAX || m > MAX)
		return MAX;
	unsigned row[3][MAX + 1];
	for (unsigned j = 0; j <= m; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= n; i++) {
		unsigned *cur = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];
		cur[0] = i;
		for (unsigned j = 1; j <= m; j++) {
			unsigned cost = lower(a[i - 1]) != lower(b[j - 1]);
			cur[j] = min3(up[j] + 1, cur[j - 1] + 1, up[j - 1] + cost);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]) && up2[j - 2] + 1 < cur[j])
				cur[j] = up2[j - 2] + 1;
		}
	}
	return row[n % 3][m];
}
