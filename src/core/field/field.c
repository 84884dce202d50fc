#include "core/field/field.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/str.h"

static bool same_word(const char *full, const char *word, size_t len)
{
	char copy[64];
	if (len >= sizeof(copy))
		return false;
	memcpy(copy, word, len);
	copy[len] = '\0';
	return vm_streq_nocase(full, copy);
}

int vm_field_find(const struct vm_fieldset *set, const char *name, size_t len)
{
	for (size_t i = 0; i < set->n; i++)
		if (same_word(set->v[i].name, name, len) || same_word(set->v[i].key, name, len))
			return (int)i;
	return -1;
}

const char *vm_field_suggest(const struct vm_fieldset *set, const char *name)
{
	const char *best = NULL;
	unsigned least = 4;
	for (size_t i = 0; i < set->n; i++) {
		const char *const names[] = { set->v[i].name, set->v[i].key };
		for (size_t k = 0; k < 2; k++) {
			unsigned d = vm_edit_distance(name, names[k]);
			if (d < least && d < strlen(name)) {
				least = d;
				best = set->v[i].name;
			}
		}
	}
	return best;
}

static int unknown_column(const struct vm_fieldset *set, const char *word, size_t len, struct vm_err *err)
{
	char name[64];
	snprintf(name, sizeof(name), "%.*s", (int)(len < 63 ? len : 63), word);
	const char *near = vm_field_suggest(set, name);
	vm_fail(err, EINVAL, "there is no column '%s' of a %s", name, set->row);
	if (near)
		vm_hint(err, "did you mean %s?", near);
	else
		vm_hint(err, "--help lists the columns");
	return -EINVAL;
}

static void add_column(struct vm_columns *cols, size_t field)
{
	for (size_t i = 0; i < cols->n; i++)
		if (cols->at[i] == field)
			return;
	if (cols->n < VM_COLUMNS_MAX)
		cols->at[cols->n++] = (uint8_t)field;
}

static void drop_column(struct vm_columns *cols, size_t field)
{
	size_t to = 0;
	for (size_t i = 0; i < cols->n; i++)
		if (cols->at[i] != field)
			cols->at[to++] = cols->at[i];
	cols->n = to;
}

static void add_all(const struct vm_fieldset *set, struct vm_columns *cols, unsigned flag)
{
	for (size_t i = 0; i < set->n; i++)
		if (!flag || (set->v[i].flags & flag))
			add_column(cols, i);
}

/** Groups are in lower case, so that "swap" is one and "SWAP" a column. */
static const struct vm_field_group *find_group(const struct vm_fieldset *set, const char *word, size_t len)
{
	for (const struct vm_field_group *g = set->groups; g && g->name; g++)
		if (strlen(g->name) == len && memcmp(g->name, word, len) == 0)
			return g;
	return NULL;
}

/** A group's columns, or those from one to another. */
static void take_group(const struct vm_fieldset *set, const struct vm_field_group *g, void (*take)(struct vm_columns *, size_t),
		       struct vm_columns *cols)
{
	for (const char *p = g->columns; *p;) {
		const size_t len = strcspn(p, ","), first = strcspn(p, ",-");
		const int from = vm_field_find(set, p, first);
		const int to = first < len ? vm_field_find(set, p + first + 1, len - first - 1) : from;
		for (int i = from; i >= 0 && i <= to; i++)
			take(cols, (size_t)i);
		p += len;
		p += *p == ',';
	}
}

int vm_columns_parse(const struct vm_fieldset *set, const char *spec, unsigned default_flag,
		     struct vm_columns *out, struct vm_err *err)
{
	struct vm_columns cols = { .n = 0 };
	if (!spec || !*spec || *spec == '+' || *spec == '-')
		add_all(set, &cols, default_flag);
	for (const char *p = spec ? spec : ""; *p;) {
		size_t len = strcspn(p, ", ");
		bool drop = *p == '-';
		size_t skip = *p == '+' || *p == '-';
		const char *word = p + skip;
		size_t wlen = len - (len ? skip : 0);
		p += len;
		p += strspn(p, ", ");
		if (wlen == 0)
			continue;
		if (same_word("all", word, wlen)) {
			if (drop)
				cols.n = 0;
			else
				add_all(set, &cols, 0);
			continue;
		}
		const struct vm_field_group *g = find_group(set, word, wlen);
		int i = g ? 0 : vm_field_find(set, word, wlen);
		if (i < 0)
			return unknown_column(set, word, wlen, err);
		if (g)
			take_group(set, g, drop ? drop_column : add_column, &cols);
		else if (drop)
			drop_column(&cols, (size_t)i);
		else
			add_column(&cols, (size_t)i);
	}
	if (cols.n == 0)
		return vm_fail(err, EINVAL, "no column is left in '%s'", spec ? spec : "");
	*out = cols;
	return 0;
}

uint32_t vm_columns_needs(const struct vm_fieldset *set, const struct vm_columns *cols)
{
	uint32_t needs = 0;
	for (size_t i = 0; i < cols->n; i++)
		needs |= set->v[cols->at[i]].needs;
	return needs;
}

static void put_octal(struct vm_buf *out, unsigned char c)
{
	const char esc[4] = { '\\', (char)('0' + (c >> 6)), (char)('0' + (c >> 3 & 7)), (char)('0' + (c & 7)) };
	vm_buf_add(out, esc, 4);
}

/** C0 and C1 are terminal commands; the bidirectional controls make a line read as another. */
static bool is_unsafe(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f || c == 0x061c ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

void vm_text_put(struct vm_buf *out, const char *s)
{
	const char *run = s;
	while (*run >= 0x20 && *run < 0x7f)
		run++;
	vm_buf_add(out, s, (size_t)(run - s));
	for (size_t len = strlen(run); len;) {
		size_t used;
		uint32_t c = vm_utf8_next(run, len, &used);
		if (is_unsafe(c)) {
			for (size_t i = 0; i < used; i++)
				put_octal(out, (unsigned char)run[i]);
		} else {
			vm_buf_add(out, run, used);
		}
		run += used;
		len -= used;
	}
}

static void put_f64(struct vm_buf *out, double v, enum vm_unit unit, bool exact)
{
	char num[VM_NUMBUF];
	if (!isfinite(v)) {
		vm_buf_add_char(out, '-');
	} else if (unit == VM_U_RATIO) {
		vm_buf_addf(out, exact ? "%.6f" : "%.1f", exact ? v : v * 100);
	} else if (unit == VM_U_FINE && !exact) {
		vm_buf_addf(out, "%.2f", v);
	} else if (unit == VM_U_BYTES_PERSEC && !exact) {
		if (v < 0)
			vm_buf_add_char(out, '-');
		vm_buf_add_str(out, vm_format_size((uint64_t)fabs(v), num));
	} else {
		vm_buf_addf(out, exact ? "%.3f" : v < 9.95 ? "%.1f" : "%.0f", v);
	}
}

static void put_u64(struct vm_buf *out, uint64_t v, enum vm_unit unit, bool exact)
{
	char num[VM_NUMBUF];
	if (unit == VM_U_ADDR) {
		if (vm_buf_reserve(out, 16))
			out->n += vm_put_hex(out->s + out->n, v, v >> 48 ? 16 : 12);
	} else if (unit == VM_U_BYTES && v == UINT64_MAX) {
		vm_buf_add_str(out, "unlimited");
	} else if (unit == VM_U_BYTES && !exact) {
		vm_buf_add_str(out, vm_format_size(v, num));
	} else if (unit == VM_U_NS && !exact) {
		vm_buf_add_str(out, vm_format_duration(v, num));
	} else if (unit == VM_U_AMOUNT && !exact) {
		vm_buf_add_str(out, vm_format_amount(v, num));
	} else {
		vm_buf_add_u64(out, v);
	}
}

static void put_i64(struct vm_buf *out, int64_t v, enum vm_unit unit, bool exact)
{
	if (v < 0)
		vm_buf_add_char(out, '-');
	else if (v > 0 && !exact)
		vm_buf_add_char(out, '+');
	put_u64(out, v < 0 ? -(uint64_t)v : (uint64_t)v, unit, exact);
}

void vm_value_put(struct vm_buf *out, struct vm_value v, enum vm_unit unit, bool exact)
{
	switch (v.type) {
	case VM_T_ABSENT:
		vm_buf_add_char(out, '-');
		break;
	case VM_T_U64:
		put_u64(out, v.u64, unit, exact);
		break;
	case VM_T_I64:
		put_i64(out, v.i64, unit, exact);
		break;
	case VM_T_F64:
		put_f64(out, v.f64, unit, exact);
		break;
	case VM_T_BOOL:
		vm_buf_add_str(out, v.b ? "yes" : "no");
		break;
	case VM_T_STR:
	case VM_T_LIST:
		vm_text_put(out, v.str);
		break;
	}
}

static size_t u64_length(uint64_t v, enum vm_unit unit, bool exact)
{
	if (unit == VM_U_ADDR)
		return v >> 48 ? 16 : 12;
	if (unit == VM_U_BYTES && !exact && v != UINT64_MAX)
		return vm_size_width(v);
	return vm_u64_width(v);
}

/** All eight bytes are from 0x20 to 0x7e: none is below, none is 0x7f or has its high bit set. */
static bool eight_plain(const char *s)
{
	const uint64_t each = UINT64_C(0x0101010101010101), high = each * 0x80;
	uint64_t v;
	memcpy(&v, s, sizeof(v));
	return !(((v - each * 0x20) | (v + each) | v) & high);
}

bool vm_text_is_plain(const char *s, size_t *len)
{
	size_t n = strlen(s), i = 0;
	while (n - i >= 8 && eight_plain(s + i))
		i += 8;
	while (i < n && s[i] >= 0x20 && s[i] < 0x7f)
		i++;
	*len = i;
	return i == n;
}

size_t vm_value_length(struct vm_value v, enum vm_unit unit, bool exact)
{
	size_t len;
	if (v.type == VM_T_U64 && unit != VM_U_NS && unit != VM_U_AMOUNT && v.u64 != UINT64_MAX)
		return u64_length(v.u64, unit, exact);
	if (v.type == VM_T_ABSENT)
		return 1;
	if (v.type == VM_T_BOOL)
		return v.b ? 3 : 2;
	if ((v.type == VM_T_STR || v.type == VM_T_LIST) && vm_text_is_plain(v.str, &len))
		return len;
	struct vm_buf out = { 0 };
	vm_value_put(&out, v, unit, exact);
	len = out.n;
	vm_buf_free(&out);
	return len;
}

const char *vm_value_text(struct vm_value v, enum vm_unit unit, bool exact, char *buf, size_t size)
{
	struct vm_buf out = { 0 };
	vm_value_put(&out, v, unit, exact);
	size_t n = out.n < size - 1 ? out.n : size - 1;
	if (n)
		memcpy(buf, out.s, n);
	buf[n] = '\0';
	vm_buf_free(&out);
	return buf;
}

static bool is_absent(struct vm_value v)
{
	return v.type == VM_T_ABSENT || (v.type == VM_T_F64 && isnan(v.f64));
}

int vm_value_compare(struct vm_value a, struct vm_value b)
{
	if (is_absent(a) || is_absent(b))
		return is_absent(a) - is_absent(b);
	switch (a.type) {
	case VM_T_U64:
		return (a.u64 > b.u64) - (a.u64 < b.u64);
	case VM_T_I64:
		return (a.i64 > b.i64) - (a.i64 < b.i64);
	case VM_T_F64:
		return (a.f64 > b.f64) - (a.f64 < b.f64);
	case VM_T_BOOL:
		return a.b - b.b;
	default:
		return strcmp(a.str, b.str);
	}
}

int vm_sort_parse(const struct vm_fieldset *set, const char *spec, struct vm_sort *out, struct vm_err *err)
{
	struct vm_sort sort = { 0 };
	if (spec && *spec) {
		sort.reverse = *spec == '-';
		const char *name = spec + (*spec == '-' || *spec == '+');
		int i = vm_field_find(set, name, strlen(name));
		if (i < 0)
			return unknown_column(set, name, strlen(name), err);
		sort.field = &set->v[i];
	}
	*out = sort;
	return 0;
}

struct sort_item {
	struct vm_value key;
	const void *row;
	size_t order;
};

/** Absent cells come last whatever the direction. */
static int compare_items(const void *pa, const void *pb, void *descending)
{
	const struct sort_item *a = pa, *b = pb;
	int c = vm_value_compare(a->key, b->key);
	if (*(bool *)descending && !is_absent(a->key) && !is_absent(b->key))
		c = -c;
	return c ? c : (a->order > b->order) - (a->order < b->order);
}

int vm_sort_rows(const struct vm_sort *sort, const void **rows, size_t n)
{
	if (!sort->field || n < 2)
		return 0;
	struct sort_item *items = calloc(n, sizeof(*items));
	/* Texts made by a getter must outlive the comparison, so each row keeps its own. */
	bool texts = sort->field->type == VM_T_STR || sort->field->type == VM_T_LIST;
	struct vm_scratch *tmp = calloc(texts ? n : 1, sizeof(*tmp));
	int r = -ENOMEM;
	if (items && tmp) {
		for (size_t i = 0; i < n; i++)
			items[i] = (struct sort_item){
				.key = vm_field_get(sort->field, rows[i], texts ? &tmp[i] : tmp),
				.row = rows[i], .order = i,
			};
		bool descending = !!(sort->field->flags & VM_F_DESC) != sort->reverse;
		qsort_r(items, n, sizeof(*items), compare_items, &descending);
		for (size_t i = 0; i < n; i++)
			rows[i] = items[i].row;
		r = 0;
	}
	free(items);
	free(tmp);
	return r;
}
