#include "cli/tui/config.h"

#include <stdlib.h>
#include <string.h>

static void free_line(struct vm_config_line *l)
{
	free(l->text);
	free(l->name);
	free(l->value);
}

void vm_config_free(struct vm_config *c)
{
	for (size_t i = 0; i < c->lines.n; i++)
		free_line(&c->lines.v[i]);
	vm_vec_free(&c->lines);
}

static bool is_blank(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\r';
}

/** Without blanks at both ends. */
static char *trimmed(const char *s, size_t n)
{
	while (n && is_blank(*s))
		s++, n--;
	while (n && is_blank(s[n - 1]))
		n--;
	return strndup(s, n);
}

static void add(struct vm_config *c, struct vm_config_line line)
{
	if (!line.text || !vm_vec_push(&c->lines, line))
		free_line(&line);
}

static void take_line(struct vm_config *c, const char *s, size_t n)
{
	struct vm_config_line line = { .text = strndup(s, n) };
	const char *equals = memchr(s, '=', n);
	size_t skip = 0;
	while (skip < n && is_blank(s[skip]))
		skip++;
	if (skip < n && s[skip] != '#' && equals && equals > s + skip) {
		line.name = trimmed(s, (size_t)(equals - s));
		line.value = trimmed(equals + 1, n - (size_t)(equals + 1 - s));
	}
	line.known = skip == n || s[skip] == '#';
	if (line.name && !line.value) {
		free(line.name);
		line.name = NULL;
	}
	add(c, line);
}

void vm_config_parse(struct vm_config *c, const char *text, size_t len)
{
	for (const char *s = text, *end = text + len; s < end;) {
		const char *newline = memchr(s, '\n', (size_t)(end - s));
		const size_t n = newline ? (size_t)(newline - s) : (size_t)(end - s);
		take_line(c, s, n);
		s += n + (newline != NULL);
	}
}

static struct vm_config_line *find(struct vm_config *c, const char *name)
{
	struct vm_config_line *found = NULL;
	for (size_t i = 0; i < c->lines.n; i++) {
		struct vm_config_line *l = &c->lines.v[i];
		if (l->name && strcmp(l->name, name) == 0) {
			l->known = true;
			found = l;
		}
	}
	return found;
}

const char *vm_config_get(struct vm_config *c, const char *name)
{
	const struct vm_config_line *l = find(c, name);
	return l ? l->value : NULL;
}

const struct vm_config_line *vm_config_next(struct vm_config *c, const char *prefix, size_t *at)
{
	while (*at < c->lines.n) {
		struct vm_config_line *l = &c->lines.v[(*at)++];
		if (l->name && strncmp(l->name, prefix, strlen(prefix)) == 0) {
			l->known = true;
			return l;
		}
	}
	return NULL;
}

void vm_config_say(struct vm_config *c, const char *text)
{
	add(c, (struct vm_config_line){ .text = strdup(text), .known = true });
}

void vm_config_set(struct vm_config *c, const char *name, const char *value, const char *comment)
{
	struct vm_buf b = { 0 };
	struct vm_config_line *l = find(c, name);
	if (l && strcmp(l->value, value) == 0)
		return;
	vm_buf_addf(&b, "%s = %s", name, value);
	struct vm_config_line line = { .text = strdup(vm_buf_str(&b)), .name = strdup(name), .value = strdup(value), .known = true };
	vm_buf_free(&b);
	if (!line.text || !line.name || !line.value) {
		free_line(&line);
		return;
	}
	if (l) {
		free_line(l);
		*l = line;
		return;
	}
	if (comment)
		vm_config_say(c, comment);
	add(c, line);
}

void vm_config_remove(struct vm_config *c, const char *name)
{
	size_t to = 0;
	for (size_t i = 0; i < c->lines.n; i++) {
		struct vm_config_line *l = &c->lines.v[i];
		if (l->name && strcmp(l->name, name) == 0)
			free_line(l);
		else
			c->lines.v[to++] = *l;
	}
	c->lines.n = to;
}

size_t vm_config_unknown(const struct vm_config *c, const char **text, size_t *more)
{
	size_t first = 0;
	*more = 0;
	for (size_t i = 0; i < c->lines.n; i++) {
		if (c->lines.v[i].known)
			continue;
		*more += first != 0;
		if (!first) {
			first = i + 1;
			*text = c->lines.v[i].name ? c->lines.v[i].name : c->lines.v[i].text;
		}
	}
	return first;
}

void vm_config_put(const struct vm_config *c, struct vm_buf *out)
{
	for (size_t i = 0; i < c->lines.n; i++) {
		vm_buf_add_str(out, c->lines.v[i].text);
		vm_buf_add_char(out, '\n');
	}
}
