#include "cli/opt.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/base/vec.h"

/** Long options without a letter get values from here on. */
enum { LONG_ONLY = 256 };

struct flat {
	const struct vm_opt *opt;
	void *to;
	bool given;
};

struct parser {
	VM_VEC(struct flat) opts;
	VM_VEC(struct option) longs;
	VM_VEC(char) letters;
};

static void parser_free(struct parser *p)
{
	vm_vec_free(&p->opts);
	vm_vec_free(&p->longs);
	vm_vec_free(&p->letters);
}

static bool add_opt(struct parser *p, const struct vm_opt *o, void *to)
{
	int value = o->short_name ? o->short_name : LONG_ONLY + (int)p->opts.n;
	struct option l = {
		.name = o->name, .has_arg = o->arg ? required_argument : no_argument, .val = value,
	};
	bool ok = vm_vec_push(&p->opts, (struct flat){ .opt = o, .to = to }) && vm_vec_push(&p->longs, l);
	if (o->short_name) {
		ok = ok && vm_vec_push(&p->letters, (char)o->short_name);
		if (o->arg)
			ok = ok && vm_vec_push(&p->letters, ':');
	}
	return ok;
}

static bool build(struct parser *p, const struct vm_optset *sets, size_t nsets, bool stop_at_operand)
{
	bool ok = vm_vec_push(&p->letters, stop_at_operand ? '+' : ':');
	if (stop_at_operand)
		ok = ok && vm_vec_push(&p->letters, ':');
	for (size_t s = 0; s < nsets; s++)
		for (const struct vm_opt *o = sets[s].v; o && o->name; o++)
			ok = ok && add_opt(p, o, sets[s].to);
	return ok && vm_vec_push(&p->longs, (struct option){ 0 }) && vm_vec_push(&p->letters, '\0');
}

static struct flat *find(struct parser *p, int value)
{
	for (size_t i = 0; i < p->opts.n; i++) {
		int letter = p->opts.v[i].opt->short_name;
		if (letter ? letter == value : LONG_ONLY + (int)i == value)
			return &p->opts.v[i];
	}
	return NULL;
}

static int bad_argument(const struct vm_opt *o, const char *text, int code, const char *wanted, struct vm_err *err)
{
	vm_fail(err, EINVAL, code == -ERANGE ? "--%s: '%s' is out of range" : "--%s: '%s' is not %s", o->name, text,
		wanted);
	if (o->type == VM_OPT_U64 && o->max)
		vm_hint(err, "%s from %llu to %llu", o->arg, (unsigned long long)o->min, (unsigned long long)o->max);
	return -EINVAL;
}

static int store_number(const struct vm_opt *o, void *at, const char *text, struct vm_err *err)
{
	static const struct { int (*parse)(const char *, uint64_t *); const char *wanted; } parsers[] = {
		[VM_OPT_U64] = { vm_parse_u64, "a whole number" },
		[VM_OPT_SIZE] = { vm_parse_size, "a size like 4096, 64K or 2M" },
		[VM_OPT_TIME] = { vm_parse_duration, "a time like 2, 0.5, 500ms or 1m" },
		[VM_OPT_ADDR] = { vm_parse_hex, "an address like 7f3a12c05a10" },
	};
	uint64_t v;
	int r = parsers[o->type].parse(text, &v);
	if (r == 0 && (v < o->min || (o->max && v > o->max)))
		r = -ERANGE;
	if (r < 0)
		return bad_argument(o, text, r, parsers[o->type].wanted, err);
	*(uint64_t *)at = v;
	return 0;
}

static int store_word(const struct vm_opt *o, int *at, const char *text, struct vm_err *err)
{
	const char *near = NULL;
	unsigned least = 4;
	for (int i = 0; o->words && o->words[i]; i++) {
		if (strcmp(o->words[i], text) == 0) {
			*at = i;
			return 0;
		}
		unsigned d = vm_edit_distance(o->words[i], text);
		if (d < least) {
			least = d;
			near = o->words[i];
		}
	}
	vm_fail(err, EINVAL, "--%s: '%s' is not one of %s", o->name, text, o->arg);
	if (near)
		vm_hint(err, "did you mean %s?", near);
	return -EINVAL;
}

static int store(const struct flat *f, const char *text, struct vm_err *err)
{
	void *at = (char *)f->to + f->opt->at;
	switch (f->opt->type) {
	case VM_OPT_FLAG:
		*(bool *)at = true;
		return 0;
	case VM_OPT_STRING:
	case VM_OPT_PATH:
		*(const char **)at = text;
		return 0;
	case VM_OPT_ENUM:
		return store_word(f->opt, at, text, err);
	default:
		return store_number(f->opt, at, text, err);
	}
}

static int check_group(struct parser *p, const struct flat *now, struct vm_err *err)
{
	for (size_t i = 0; now->opt->group && i < p->opts.n; i++) {
		const struct flat *f = &p->opts.v[i];
		if (f != now && f->given && f->opt->group == now->opt->group)
			return vm_fail(err, EINVAL, "--%s and --%s exclude each other", f->opt->name, now->opt->name);
	}
	return 0;
}

/** getopt says '?' for unknown and ambiguous ones alike; say which, and the nearest right name. */
static int unknown_option(struct parser *p, const char *word, int letter, struct vm_err *err)
{
	if (strncmp(word, "--", 2) != 0) {
		vm_fail(err, EINVAL, "there is no option -%c", letter);
		vm_hint(err, "--help lists the options");
		return -EINVAL;
	}
	char name[64];
	size_t len = strcspn(word + 2, "=");
	if (len >= sizeof(name))
		len = sizeof(name) - 1;
	memcpy(name, word + 2, len);
	name[len] = '\0';
	const char *near = NULL, *other = NULL;
	unsigned least = 4;
	for (size_t i = 0; i < p->opts.n; i++) {
		const struct vm_opt *o = p->opts.v[i].opt;
		if (strcmp(o->name, name) == 0)
			return vm_fail(err, EINVAL, "--%s takes no argument", name);
		if (strncmp(o->name, name, len) == 0) {
			other = near;
			near = o->name;
			least = 0;
			continue;
		}
		unsigned d = vm_edit_distance(o->name, name);
		if (d < least) {
			least = d;
			near = o->name;
		}
	}
	vm_fail(err, EINVAL, other ? "--%s may mean several options" : "there is no option --%s", name);
	if (other)
		vm_hint(err, "--%s or --%s?", other, near);
	else if (near)
		vm_hint(err, "did you mean --%s?", near);
	else
		vm_hint(err, "--help lists the options");
	return -EINVAL;
}

static int parse(struct parser *p, int argc, char **argv, struct vm_err *err)
{
	optind = 0;
	opterr = 0;
	for (;;) {
		int at = optind ? optind : 1;
		int c = getopt_long(argc, argv, p->letters.v, p->longs.v, NULL);
		if (c == -1)
			return optind;
		/* With operands in between, getopt has moved on: the word is the one it stands behind. */
		const char *word = argv[optind > at ? optind - 1 : at];
		if (c == '?')
			return unknown_option(p, word, optopt, err);
		if (c == ':')
			return vm_fail(err, EINVAL, "%s needs an argument", word);
		struct flat *f = find(p, c);
		if (!f)
			return unknown_option(p, word, c, err);
		int r = check_group(p, f, err);
		if (r == 0)
			r = store(f, optarg, err);
		if (r < 0)
			return r;
		f->given = true;
	}
}

int vm_opt_parse(const struct vm_optset *sets, size_t nsets, bool stop_at_operand, int argc, char **argv,
		 struct vm_err *err)
{
	struct parser p = { 0 };
	int r = build(&p, sets, nsets, stop_at_operand) ? parse(&p, argc, argv, err)
							: vm_fail(err, ENOMEM, "out of memory");
	parser_free(&p);
	return r;
}
