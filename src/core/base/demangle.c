#include "core/base/demangle.h"

#include <string.h>

#include "core/base/cleanup.h"

/** Deeper than any name that means something. */
enum { DEPTH_MAX = 64 };

struct parser {
	const char *at, *end;
	char *out;
	size_t n, size;
	/** > 0: what is read isn't written, since it is a parameter or an argument. */
	unsigned silent;
	unsigned depth;
	bool failed;
	/** The last component that was written, for constructors. */
	size_t last, last_len;
};

static bool parse_name(struct parser *p);
static bool parse_type(struct parser *p);
static bool parse_encoding(struct parser *p);

static char peek(const struct parser *p, size_t ahead)
{
	return (size_t)(p->end - p->at) > ahead ? p->at[ahead] : '\0';
}

static bool take(struct parser *p, char c)
{
	if (peek(p, 0) != c || !c)
		return false;
	p->at++;
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool fail(struct parser *p)
{
	p->failed = true;
	return false;
}

static void put(struct parser *p, const char *s, size_t len)
{
	if (p->silent)
		return;
	if (len >= p->size - p->n) {
		fail(p);
		return;
	}
	memcpy(p->out + p->n, s, len);
	p->n += len;
}

/** A component of a qualified name. */
static void put_component(struct parser *p, const char *s, size_t len)
{
	if (p->silent)
		return;
	if (p->n)
		put(p, "::", 2);
	p->last = p->n;
	p->last_len = len;
	put(p, s, len);
}

static void put_word(struct parser *p, const char *word)
{
	put_component(p, word, strlen(word));
}

/** Digits, at most as many as make sense for a length. */
static bool parse_number(struct parser *p, size_t *v)
{
	if (!is_digit(peek(p, 0)))
		return fail(p);
	for (*v = 0; is_digit(peek(p, 0)); p->at++) {
		if (*v > 1000 * 1000)
			return fail(p);
		*v = *v * 10 + (size_t)(*p->at - '0');
	}
	return true;
}

/** What Rust writes for characters that aren't letters. */
static void put_rust(struct parser *p, const char *s, size_t len)
{
	static const struct { const char *from, *to; } escapes[] = {
		{ "$LT$", "<" }, { "$GT$", ">" }, { "$RF$", "&" }, { "$BP$", "*" }, { "$LP$", "(" }, { "$RP$", ")" },
		{ "$C$", "," }, { "$u7b$", "{" }, { "$u7d$", "}" }, { "$u20$", " " }, { "$u27$", "'" }, { "$u5b$", "[" },
		{ "$u5d$", "]" }, { "$u3b$", ";" }, { "$u2b$", "+" }, { "$u22$", "\"" }, { "..", "::" },
	};
	if (len > 1 && s[0] == '_' && s[1] == '$')
		s++, len--;
	put_component(p, "", 0);
	while (len) {
		size_t used = 1;
		const char *to = NULL;
		for (size_t i = 0; i < vm_countof(escapes) && !to; i++) {
			const size_t n = strlen(escapes[i].from);
			if (n <= len && memcmp(s, escapes[i].from, n) == 0) {
				to = escapes[i].to;
				used = n;
			}
		}
		put(p, to ? to : s, to ? strlen(to) : 1);
		s += used;
		len -= used;
	}
}

/** "h" and 16 hexadecimal digits, at the end of Rust's names. */
static bool is_rust_hash(const struct parser *p, const char *s, size_t len)
{
	size_t n = 1;
	while (n < len && (is_digit(s[n]) || (s[n] >= 'a' && s[n] <= 'f')))
		n++;
	return len == 17 && s[0] == 'h' && n == len && s + len < p->end && s[len] == 'E';
}

static bool parse_source_name(struct parser *p)
{
	static const char unnamed[] = "_GLOBAL__N";
	size_t len;
	if (!parse_number(p, &len) || len == 0 || len > (size_t)(p->end - p->at))
		return fail(p);
	const char *s = p->at;
	p->at += len;
	if (is_rust_hash(p, s, len))
		return true;
	if (len >= sizeof(unnamed) - 1 && memcmp(s, unnamed, sizeof(unnamed) - 1) == 0)
		put_word(p, "(anonymous namespace)");
	else if (memchr(s, '$', len) || memchr(s, '.', len))
		put_rust(p, s, len);
	else
		put_component(p, s, len);
	return true;
}

/** "_", or a number in whatever base and "_". */
static bool parse_sequence(struct parser *p)
{
	while (is_digit(peek(p, 0)) || (peek(p, 0) >= 'A' && peek(p, 0) <= 'Z'))
		p->at++;
	return take(p, '_') || fail(p);
}

static bool parse_literal(struct parser *p)
{
	if (peek(p, 0) == '_' && peek(p, 1) == 'Z') {
		p->at += 2;
		if (!parse_encoding(p))
			return false;
	} else {
		if (!parse_type(p))
			return false;
		while (p->at < p->end && *p->at != 'E')
			p->at++;
	}
	return take(p, 'E') || fail(p);
}

/** Types or template arguments up to an E. */
static bool parse_arguments(struct parser *p)
{
	p->silent++;
	bool good = ++p->depth < DEPTH_MAX;
	while (good && !take(p, 'E')) {
		if (take(p, 'L'))
			good = parse_literal(p);
		else if (take(p, 'J'))
			good = parse_arguments(p);
		else
			good = parse_type(p);
	}
	p->depth--;
	p->silent--;
	return good || fail(p);
}

static bool parse_substitution(struct parser *p)
{
	static const struct { char c; const char *is; } known[] = {
		{ 't', "std" }, { 'a', "std::allocator" }, { 'b', "std::basic_string" }, { 's', "std::string" },
		{ 'i', "std::istream" }, { 'o', "std::ostream" }, { 'd', "std::iostream" },
	};
	for (size_t i = 0; i < vm_countof(known); i++) {
		if (!take(p, known[i].c))
			continue;
		put_word(p, known[i].is);
		const char *tail = strrchr(known[i].is, ':');
		if (!p->silent && tail) {
			p->last_len = strlen(tail + 1);
			p->last = p->n - p->last_len;
		}
		return true;
	}
	/* What was named before isn't kept: nothing stands before the function's own name. */
	return p->silent ? parse_sequence(p) : fail(p);
}

static bool put_constructor(struct parser *p, const char *before)
{
	char name[256];
	if (p->silent)
		return true;
	if (!p->last_len || p->last_len >= sizeof(name))
		return fail(p);
	memcpy(name, p->out + p->last, p->last_len);
	const size_t len = p->last_len;
	put(p, "::", 2);
	put(p, before, strlen(before));
	put(p, name, len);
	return !p->failed;
}

/** Constructors and destructors; `*is`: it was one. */
static bool parse_constructor(struct parser *p, bool *is)
{
	const char kind = peek(p, 0), which = peek(p, 1);
	*is = (kind == 'C' && (which == 'I' || (which >= '1' && which <= '5'))) ||
	      (kind == 'D' && which >= '0' && which <= '5');
	if (!*is)
		return true;
	p->at += which == 'I' && is_digit(peek(p, 2)) ? 3 : 2;
	if (which == 'I') {
		p->silent++;
		const bool good = parse_type(p);
		p->silent--;
		if (!good)
			return false;
	}
	return put_constructor(p, kind == 'D' ? "~" : "");
}

static bool parse_operator(struct parser *p)
{
	static const char table[][2][12] = {
		{ "nw", " new" }, { "na", " new[]" }, { "dl", " delete" }, { "da", " delete[]" }, { "aw", " co_await" },
		{ "ps", "+" }, { "ng", "-" }, { "ad", "&" }, { "de", "*" }, { "co", "~" }, { "pl", "+" }, { "mi", "-" },
		{ "ml", "*" }, { "dv", "/" }, { "rm", "%" }, { "an", "&" }, { "or", "|" }, { "eo", "^" }, { "aS", "=" },
		{ "pL", "+=" }, { "mI", "-=" }, { "mL", "*=" }, { "dV", "/=" }, { "rM", "%=" }, { "aN", "&=" },
		{ "oR", "|=" }, { "eO", "^=" }, { "ls", "<<" }, { "rs", ">>" }, { "lS", "<<=" }, { "rS", ">>=" },
		{ "eq", "==" }, { "ne", "!=" }, { "lt", "<" }, { "gt", ">" }, { "le", "<=" }, { "ge", ">=" },
		{ "ss", "<=>" }, { "nt", "!" }, { "aa", "&&" }, { "oo", "||" }, { "pp", "++" }, { "mm", "--" },
		{ "cm", "," }, { "pm", "->*" }, { "pt", "->" }, { "cl", "()" }, { "ix", "[]" }, { "qu", "?" },
	};
	const char a = peek(p, 0), b = peek(p, 1);
	p->at += a && b ? 2 : 0;
	if (a == 'c' && b == 'v') {
		put_word(p, "operator (cast)");
		p->silent++;
		const bool good = parse_type(p);
		p->silent--;
		return good;
	}
	if (a == 'l' && b == 'i') {
		put_word(p, "operator\"\"");
		return parse_source_name(p);
	}
	for (size_t i = 0; a && b && i < vm_countof(table); i++) {
		if (table[i][0][0] == a && table[i][0][1] == b) {
			put_word(p, "operator");
			put(p, table[i][1], strlen(table[i][1]));
			return true;
		}
	}
	return fail(p);
}

/** "Ut_", "Ul...E_": types without a name. */
static bool parse_unnamed(struct parser *p)
{
	if (take(p, 't')) {
		put_word(p, "{unnamed}");
		return parse_sequence(p);
	}
	if (!take(p, 'l'))
		return fail(p);
	put_word(p, "{lambda}");
	return parse_arguments(p) && parse_sequence(p);
}

static bool parse_unqualified(struct parser *p)
{
	bool constructor;
	while (take(p, 'L') || take(p, 'F'))
		;
	if (is_digit(peek(p, 0))) {
		if (!parse_source_name(p))
			return false;
	} else if (take(p, 'U')) {
		if (!parse_unnamed(p))
			return false;
	} else {
		if (!parse_constructor(p, &constructor) || (!constructor && !parse_operator(p)))
			return false;
	}
	/* Tags such as [abi:cxx11]. */
	p->silent++;
	while (!p->failed && take(p, 'B'))
		parse_source_name(p);
	p->silent--;
	return !p->failed;
}

static bool parse_nested(struct parser *p)
{
	take(p, 'H');
	while (take(p, 'r') || take(p, 'V') || take(p, 'K'))
		;
	if (!take(p, 'R'))
		take(p, 'O');
	while (!p->failed && !take(p, 'E')) {
		if (take(p, 'S'))
			parse_substitution(p);
		else if (take(p, 'I'))
			parse_arguments(p);
		else if (take(p, 'M'))
			continue;
		else if (p->silent && take(p, 'T'))
			parse_sequence(p);
		else if (p->silent && peek(p, 0) == 'D' && (peek(p, 1) == 't' || peek(p, 1) == 'T'))
			fail(p);
		else
			parse_unqualified(p);
	}
	return !p->failed;
}

/** A name inside a function: that function, its parameters, E, and the name. */
static bool parse_local(struct parser *p)
{
	if (!parse_encoding(p))
		return false;
	if (!take(p, 'E'))
		return fail(p);
	if (take(p, 's')) {
		put_word(p, "{string}");
	} else {
		if (take(p, 'd') && !parse_sequence(p))
			return false;
		if (!parse_name(p))
			return false;
	}
	/* Which one of several of that name: "_5" or "__12_". */
	if (!take(p, '_'))
		return true;
	if (take(p, '_'))
		return parse_sequence(p);
	p->at += is_digit(peek(p, 0));
	return true;
}

static bool parse_name_inside(struct parser *p)
{
	if (take(p, 'N'))
		return parse_nested(p);
	if (take(p, 'Z'))
		return parse_local(p);
	if (take(p, 'S')) {
		const bool std = peek(p, 0) == 't';
		if (!parse_substitution(p) || (std && !parse_unqualified(p)))
			return false;
	} else if (!parse_unqualified(p)) {
		return false;
	}
	return !take(p, 'I') || parse_arguments(p);
}

static bool parse_name(struct parser *p)
{
	if (++p->depth >= DEPTH_MAX)
		return fail(p);
	const bool good = parse_name_inside(p);
	p->depth--;
	return good;
}

/** A name and, where they are of interest for what follows, its parameters: up to an E. */
static bool parse_encoding(struct parser *p)
{
	if (!parse_name(p))
		return false;
	p->silent++;
	while (!p->failed && p->at < p->end && *p->at != 'E' && *p->at != '.')
		parse_type(p);
	p->silent--;
	return !p->failed;
}

/** D and another letter. */
static bool parse_d_type(struct parser *p)
{
	const char c = peek(p, 0);
	if (!c)
		return fail(p);
	p->at++;
	if (strchr("defhisuacn", c))
		return true;
	size_t number;
	switch (c) {
	case 'p': return parse_type(p);
	case 'o': return parse_type(p);
	case 'F':
		if (!parse_number(p, &number))
			return false;
		return take(p, '_') || take(p, 'b') || take(p, 'x') || fail(p);
	case 'v':
		return (parse_number(p, &number) && take(p, '_') && parse_type(p)) || fail(p);
	default: return fail(p);
	}
}

static bool parse_array(struct parser *p)
{
	size_t number;
	if (peek(p, 0) != '_' && !parse_number(p, &number))
		return false;
	return (take(p, '_') && parse_type(p)) || fail(p);
}

static bool parse_type_inside(struct parser *p)
{
	const char c = peek(p, 0);
	if (!c)
		return fail(p);
	if (is_digit(c) || c == 'N' || c == 'Z')
		return parse_name(p);
	p->at++;
	if (strchr("vwbcahstijlmxynofdegz", c))
		return true;
	switch (c) {
	case 'P': case 'R': case 'O': case 'K': case 'V': case 'r': case 'C': case 'G': return parse_type(p);
	case 'D': return parse_d_type(p);
	case 'A': return parse_array(p);
	case 'M': return parse_type(p) && parse_type(p);
	case 'u': return parse_source_name(p);
	case 'U': return parse_source_name(p) && (!take(p, 'I') || parse_arguments(p)) && parse_type(p);
	case 'F':
		take(p, 'Y');
		return parse_arguments(p);
	case 'S':
		if (peek(p, 0) == 't') {
			p->at--;
			return parse_name(p);
		}
		return parse_substitution(p) && (!take(p, 'I') || parse_arguments(p));
	case 'T':
		if (take(p, 's') || take(p, 'u') || take(p, 'e'))
			return parse_name(p);
		return parse_sequence(p) && (!take(p, 'I') || parse_arguments(p));
	default: return fail(p);
	}
}

static bool parse_type(struct parser *p)
{
	if (p->failed || ++p->depth >= DEPTH_MAX)
		return fail(p);
	const bool good = parse_type_inside(p);
	p->depth--;
	return good;
}

/** Of thunks, which adjust `this`: "Th16_", "Tv0_n24_". */
static bool parse_thunk(struct parser *p)
{
	const bool is_virtual = p->at[1] == 'v';
	p->at += 2;
	for (int i = 0; i < 1 + is_virtual; i++) {
		take(p, 'n');
		if (!parse_sequence(p))
			return false;
	}
	return true;
}

bool vm_demangle(const char *name, size_t len, char *out, size_t size)
{
	struct parser p = { .at = name, .end = name + len, .out = out, .size = size };
	if (len < 3 || size < 1 || memcmp(name, "_Z", 2) != 0)
		return false;
	p.at += 2;
	const bool thunk = peek(&p, 0) == 'T' && (peek(&p, 1) == 'h' || peek(&p, 1) == 'v');
	if ((thunk && !parse_thunk(&p)) || !parse_name(&p))
		return false;
	if (thunk)
		put(&p, " (thunk)", 8);
	/* What follows are parameters, and what compilers append. */
	const char *suffix = memchr(p.at, '.', (size_t)(p.end - p.at));
	if (suffix)
		put(&p, suffix, (size_t)(p.end - suffix));
	if (p.failed || p.n == 0 || memchr(out, '\0', p.n))
		return false;
	out[p.n] = '\0';
	return true;
}
