#include "core/field/filter.h"

#include <errno.h>
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/field/field.h"

enum op { OP_TRUE, OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_MATCH, OP_NOMATCH, OP_NOT, OP_AND, OP_OR };

/** Nested at most this deep, so that no input can exhaust the stack. */
enum { DEPTH_MAX = 64, NODES_MAX = 512 };

struct node {
	enum op op;
	struct node *left, *right;         /* NOT (left), AND, OR */
	const struct vm_field *field;      /* the rest */
	uint64_t u64;
	int64_t i64;
	double f64;
	char *text;
	regex_t regex;
	bool has_regex;
};

struct vm_filter {
	struct node *root;
	/** All nodes, so that freeing needs no recursion. */
	struct node *all[NODES_MAX];
	size_t n;
};

struct parser {
	const struct vm_fieldset *set;
	const char *s;
	struct vm_filter *f;
	struct vm_err *err;
	unsigned depth;
	int code;                          /* negative errno once it failed */
};

static struct node *fail_at(struct parser *p, const char *what)
{
	if (p->code == 0)
		p->code = vm_fail(p->err, EINVAL, "filter: %s at '%.40s'", what, *p->s ? p->s : "end");
	return NULL;
}

static struct node *new_node(struct parser *p, enum op op)
{
	if (p->f->n == NODES_MAX)
		return fail_at(p, "too many conditions");
	struct node *n = calloc(1, sizeof(*n));
	if (!n) {
		p->code = vm_fail(p->err, ENOMEM, "out of memory");
		return NULL;
	}
	n->op = op;
	p->f->all[p->f->n++] = n;
	return n;
}

static void skip_blanks(struct parser *p)
{
	p->s += strspn(p->s, " \t\n");
}

static bool is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '%' ||
	       c == '/' || c == '.' || c == ':' || c == '-' || c == '+' || c == '*' || c == '[' || c == ']' ||
	       (unsigned char)c >= 0x80;
}

static size_t word_length(const char *s)
{
	size_t n = 0;
	while (is_word_char(s[n]))
		n++;
	return n;
}

static bool take_keyword(struct parser *p, const char *word)
{
	skip_blanks(p);
	size_t n = strlen(word);
	if (strncasecmp(p->s, word, n) != 0 || is_word_char(p->s[n]))
		return false;
	p->s += n;
	return true;
}

static bool take_symbol(struct parser *p, const char *symbol)
{
	skip_blanks(p);
	size_t n = strlen(symbol);
	if (strncmp(p->s, symbol, n) != 0)
		return false;
	p->s += n;
	return true;
}

static enum op take_operator(struct parser *p)
{
	static const struct { const char *text; enum op op; } ops[] = {
		{ "==", OP_EQ }, { "!=", OP_NE }, { "<=", OP_LE }, { ">=", OP_GE }, { "=~", OP_MATCH },
		{ "!~", OP_NOMATCH }, { "<", OP_LT }, { ">", OP_GT }, { "=", OP_EQ },
	};
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (take_symbol(p, ops[i].text))
			return ops[i].op;
	return OP_TRUE;
}

/** A word or a quoted text, in new memory. */
static char *take_literal(struct parser *p)
{
	skip_blanks(p);
	const char *from = p->s;
	size_t n;
	if (*from == '\'' || *from == '"') {
		const char *end = strchr(from + 1, *from);
		if (!end) {
			fail_at(p, "a quote is not closed");
			return NULL;
		}
		n = (size_t)(end - ++from);
		p->s = end + 1;
	} else {
		n = word_length(from);
		if (n == 0) {
			fail_at(p, "a value is missing");
			return NULL;
		}
		p->s += n;
	}
	char *text = strndup(from, n);
	if (!text && p->code == 0)
		p->code = vm_fail(p->err, ENOMEM, "out of memory");
	return text;
}

static int parse_number(const struct vm_field *f, const char *text, uint64_t *u64, double *f64)
{
	int r;
	switch (f->unit) {
	case VM_U_ADDR:
		r = vm_parse_hex(text, u64);
		break;
	case VM_U_NS:
		r = vm_parse_duration(text, u64);
		break;
	case VM_U_RATIO:
		*u64 = 0;
		r = vm_parse_ratio(text, f64);
		/* Shares of one CPU may be above 1: "250%". */
		if (r == -ERANGE && text[strlen(text) - 1] == '%') {
			*f64 = strtod(text, NULL) / 100;
			r = 0;
		}
		return r;
	default:
		r = strcmp(text, "unlimited") == 0 ? (*u64 = UINT64_MAX, 0) : vm_parse_size(text, u64);
		break;
	}
	*f64 = (double)*u64;
	/* Fractions make sense where the column has them. */
	if (r != 0 && f->type == VM_T_F64) {
		char *end;
		*f64 = strtod(text, &end);
		r = *end || end == text || !isfinite(*f64) ? -EINVAL : 0;
	} else if (f->type == VM_T_F64 && strchr(text, '.') && f->unit != VM_U_NS) {
		char *end;
		double v = strtod(text, &end);
		if (!*end)
			*f64 = v;
	}
	return r;
}

/** A change may be below zero. */
static int parse_change(const struct vm_field *f, const char *text, int64_t *i64)
{
	const bool minus = *text == '-';
	uint64_t u64;
	double f64;
	int r = parse_number(f, text + (minus || *text == '+'), &u64, &f64);
	if (r == 0 && u64 > INT64_MAX)
		return -ERANGE;
	if (r == 0)
		*i64 = minus ? -(int64_t)u64 : (int64_t)u64;
	return r;
}

static struct node *set_literal(struct parser *p, struct node *n, char *text)
{
	bool is_text = n->field->type == VM_T_STR || n->field->type == VM_T_LIST;
	n->text = text;
	if (n->op == OP_MATCH || n->op == OP_NOMATCH) {
		if (!is_text)
			return fail_at(p, "=~ is for columns of text");
		if (regcomp(&n->regex, text, REG_EXTENDED | REG_NOSUB) != 0)
			return fail_at(p, "a regular expression makes no sense");
		n->has_regex = true;
		return n;
	}
	if (is_text)
		return n;
	if (n->field->type == VM_T_BOOL) {
		if (strcmp(text, "yes") == 0 || strcmp(text, "true") == 0 || strcmp(text, "1") == 0)
			n->u64 = 1;
		else if (strcmp(text, "no") != 0 && strcmp(text, "false") != 0 && strcmp(text, "0") != 0)
			return fail_at(p, "yes or no was expected before");
		return n;
	}
	if ((n->field->type == VM_T_I64 ? parse_change(n->field, text, &n->i64)
					: parse_number(n->field, text, &n->u64, &n->f64)) != 0) {
		if (p->code == 0)
			p->code = vm_fail(p->err, EINVAL, "filter: '%s' is not a value of column %s", text,
					  n->field->name);
		return NULL;
	}
	return n;
}

static struct node *parse_condition(struct parser *p)
{
	skip_blanks(p);
	/* Column names may hold / and %, never an operator. */
	size_t len = word_length(p->s);
	if (len == 0)
		return fail_at(p, "a column was expected");
	int i = vm_field_find(p->set, p->s, len);
	if (i < 0) {
		char word[64];
		snprintf(word, sizeof(word), "%.*s", (int)(len < 60 ? len : 60), p->s);
		const char *near = vm_field_suggest(p->set, word);
		if (p->code == 0)
			p->code = vm_fail(p->err, EINVAL, "filter: there is no column '%s' of a %s", word, p->set->row);
		if (near)
			vm_hint(p->err, "did you mean %s?", near);
		return NULL;
	}
	p->s += len;
	struct node *n = new_node(p, OP_TRUE);
	if (!n)
		return NULL;
	n->field = &p->set->v[i];
	n->op = take_operator(p);
	if (n->op == OP_TRUE)
		return n;
	char *text = take_literal(p);
	return text ? set_literal(p, n, text) : NULL;
}

static struct node *parse_or(struct parser *p);

static struct node *parse_not(struct parser *p)
{
	if (++p->depth > DEPTH_MAX)
		return fail_at(p, "nested too deep");
	struct node *n;
	if (take_keyword(p, "not")) {
		n = new_node(p, OP_NOT);
		struct node *inner = n ? parse_not(p) : NULL;
		if (n)
			n->left = inner;
		n = inner ? n : NULL;
	} else if (take_symbol(p, "(")) {
		n = parse_or(p);
		if (n && !take_symbol(p, ")"))
			n = fail_at(p, "a ) is missing");
	} else {
		n = parse_condition(p);
	}
	p->depth--;
	return n;
}

static struct node *parse_chain(struct parser *p, const char *word, enum op op, struct node *(*next)(struct parser *))
{
	struct node *left = next(p);
	while (left && take_keyword(p, word)) {
		struct node *n = new_node(p, op);
		struct node *right = n ? next(p) : NULL;
		if (!right)
			return NULL;
		n->left = left;
		n->right = right;
		left = n;
	}
	return left;
}

static struct node *parse_and(struct parser *p)
{
	return parse_chain(p, "and", OP_AND, parse_not);
}

static struct node *parse_or(struct parser *p)
{
	return parse_chain(p, "or", OP_OR, parse_and);
}

int vm_filter_parse(const struct vm_fieldset *set, const char *text, struct vm_filter **out, struct vm_err *err)
{
	*out = NULL;
	if (!text || !text[strspn(text, " \t\n")])
		return 0;
	struct vm_filter *f = calloc(1, sizeof(*f));
	if (!f)
		return vm_fail(err, ENOMEM, "out of memory");
	struct parser p = { .set = set, .s = text, .f = f, .err = err };
	f->root = parse_or(&p);
	skip_blanks(&p);
	if (f->root && *p.s)
		f->root = fail_at(&p, "and, or, or the end was expected");
	if (!f->root) {
		vm_filter_free(f);
		return p.code;
	}
	*out = f;
	return 0;
}

void vm_filter_free(struct vm_filter *f)
{
	for (size_t i = 0; f && i < f->n; i++) {
		if (f->all[i]->has_regex)
			regfree(&f->all[i]->regex);
		free(f->all[i]->text);
		free(f->all[i]);
	}
	free(f);
}

static bool is_unknown(struct vm_value v)
{
	return v.type == VM_T_ABSENT || (v.type == VM_T_F64 && isnan(v.f64));
}

static bool is_true(struct vm_value v)
{
	switch (v.type) {
	case VM_T_U64:
		return v.u64 != 0;
	case VM_T_I64:
		return v.i64 != 0;
	case VM_T_F64:
		return v.f64 != 0;
	case VM_T_BOOL:
		return v.b;
	case VM_T_STR:
	case VM_T_LIST:
		return v.str[0] != '\0';
	default:
		return false;
	}
}

/** A list equals a word that it holds. */
static bool list_holds(const char *list, const char *word)
{
	size_t n = strlen(word);
	if (n == 0)
		return list[0] == '\0';
	for (const char *s = list; (s = strstr(s, word)); s++)
		if ((s == list || s[-1] == ' ') && (s[n] == ' ' || s[n] == '\0'))
			return true;
	return false;
}

static int order(const struct node *n, struct vm_value v)
{
	switch (v.type) {
	case VM_T_U64:
		return (v.u64 > n->u64) - (v.u64 < n->u64);
	case VM_T_I64:
		return (v.i64 > n->i64) - (v.i64 < n->i64);
	case VM_T_F64:
		return (v.f64 > n->f64) - (v.f64 < n->f64);
	case VM_T_BOOL:
		return (int)v.b - (n->u64 != 0);
	case VM_T_LIST:
		return list_holds(v.str, n->text) ? 0 : strcmp(v.str, n->text) < 0 ? -1 : 1;
	default:
		return strcmp(v.str, n->text);
	}
}

static bool holds(const struct node *n, const void *row)
{
	struct vm_scratch tmp;
	struct vm_value v = vm_field_get(n->field, row, &tmp);
	if (is_unknown(v))
		return false;
	switch (n->op) {
	case OP_TRUE:
		return is_true(v);
	case OP_MATCH:
		return regexec(&n->regex, v.str, 0, NULL, 0) == 0;
	case OP_NOMATCH:
		return regexec(&n->regex, v.str, 0, NULL, 0) != 0;
	case OP_EQ:
		return order(n, v) == 0;
	case OP_NE:
		return order(n, v) != 0;
	case OP_LT:
		return order(n, v) < 0;
	case OP_LE:
		return order(n, v) <= 0;
	case OP_GT:
		return order(n, v) > 0;
	default:
		return order(n, v) >= 0;
	}
}

/** The recursion is bounded by NODES_MAX. */
static bool accepts(const struct node *n, const void *row)
{
	switch (n->op) {
	case OP_NOT:
		return !accepts(n->left, row);
	case OP_AND:
	case OP_OR: {
		bool left = accepts(n->left, row);
		if (n->op == OP_AND ? !left : left)
			return left;
		return accepts(n->right, row);
	}
	default:
		return holds(n, row);
	}
}

bool vm_filter_accepts(const struct vm_filter *f, const void *row)
{
	return !f || accepts(f->root, row);
}

bool vm_filter_uses(const struct vm_filter *f, const struct vm_field *field)
{
	for (size_t i = 0; f && i < f->n; i++)
		if (f->all[i]->field == field)
			return true;
	return false;
}

uint32_t vm_filter_needs(const struct vm_filter *f)
{
	uint32_t needs = 0;
	for (size_t i = 0; f && i < f->n; i++)
		if (f->all[i]->field)
			needs |= f->all[i]->field->needs;
	return needs;
}
