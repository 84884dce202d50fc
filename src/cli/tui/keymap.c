#include "cli/tui/keymap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/err.h"

int vm_keymap_init(struct vm_keymap *m)
{
	size_t n = vm_keys_n + vm_scrub_keys_n;
	for (size_t t = 0; t < vm_tabs_n; t++)
		n += vm_tabs[t]->nkeys;
	m->v = calloc(n, sizeof(*m->v));
	m->text = calloc(n, sizeof(*m->text));
	if (!m->v || !m->text)
		return -ENOMEM;
	memcpy(m->v, vm_keys, vm_keys_n * sizeof(*m->v));
	memcpy(m->v + vm_keys_n, vm_scrub_keys, vm_scrub_keys_n * sizeof(*m->v));
	m->n = vm_keys_n + vm_scrub_keys_n;
	for (size_t t = 0; t < vm_tabs_n; t++) {
		m->tab[t] = m->n;
		for (size_t i = 0; i < vm_tabs[t]->nkeys; i++)
			m->v[m->n++] = vm_tabs[t]->keys[i];
	}
	m->tab[vm_tabs_n] = m->n;
	return 0;
}

void vm_keymap_free(struct vm_keymap *m)
{
	free(m->v);
	free(m->text);
}

const struct vm_key *vm_keymap_common(const struct vm_keymap *m, size_t *n)
{
	*n = vm_keys_n;
	return m->v;
}

const struct vm_key *vm_keymap_scrub(const struct vm_keymap *m, size_t *n)
{
	*n = vm_scrub_keys_n;
	return m->v + vm_keys_n;
}

const struct vm_key *vm_keymap_tab(const struct vm_keymap *m, size_t tab, size_t *n)
{
	*n = m->tab[tab + 1] - m->tab[tab];
	return m->v + m->tab[tab];
}

/** The text follows the keys. */
static void retell(struct vm_keymap *m, size_t at)
{
	struct vm_key *k = &m->v[at];
	struct vm_buf b = { 0 };
	for (unsigned i = 0; i < VM_KEY_CODES && k->code[i]; i++) {
		if (i)
			vm_buf_add_char(&b, ' ');
		vm_key_put(&b, k->code[i]);
	}
	snprintf(m->text[at], sizeof(m->text[at]), "%s", vm_buf_str(&b));
	k->keys = m->text[at];
	vm_buf_free(&b);
}

static void take_away(struct vm_keymap *m, size_t at, int code)
{
	struct vm_key *k = &m->v[at];
	unsigned to = 0;
	for (unsigned i = 0; i < VM_KEY_CODES && k->code[i]; i++)
		if (k->code[i] != code)
			k->code[to++] = k->code[i];
	if (to == VM_KEY_CODES || !k->code[to])
		return;
	for (; to < VM_KEY_CODES; to++)
		k->code[to] = 0;
	retell(m, at);
}

/** Whose it is: 0 of all, 1 of recordings, then the tabs. */
static size_t group_of(const struct vm_keymap *m, size_t at)
{
	size_t tab = 0;
	if (at < vm_keys_n + vm_scrub_keys_n)
		return at >= vm_keys_n;
	while (at >= m->tab[tab + 1])
		tab++;
	return 2 + tab;
}

/** May both be pressed in one place?  Recordings' and tabs' own keys go before the common ones, and lose nothing to them. */
static bool collide(const struct vm_keymap *m, size_t a, size_t b)
{
	const size_t group = group_of(m, a);
	return group == group_of(m, b) && (group >= 2 || (m->v[a].scope & m->v[b].scope));
}

/** Words to codes; false: *word is none, or there are too many. */
static bool parse(const char *keys, int code[static VM_KEY_CODES], char word[static 32])
{
	unsigned n = 0;
	memset(code, 0, VM_KEY_CODES * sizeof(*code));
	if (strcmp(keys, "none") == 0)
		return true;
	for (const char *s = keys + strspn(keys, " "); *s; s += strspn(s, " ")) {
		const size_t len = strcspn(s, " ");
		snprintf(word, 32, "%.*s", (int)(len < 31 ? len : 31), s);
		s += len;
		if (n == VM_KEY_CODES || !(code[n++] = vm_key_code(word)))
			return false;
	}
	snprintf(word, 32, "%s", "");
	return n > 0;
}

int vm_keymap_set(struct vm_keymap *m, const char *name, const char *keys, struct vm_err *err)
{
	int code[VM_KEY_CODES];
	char word[32];
	size_t at = 0;
	while (at < m->n && strcmp(m->v[at].name, name) != 0)
		at++;
	if (at == m->n)
		return vm_fail(err, EINVAL, "no key is called '%s'", name);
	if (!parse(keys, code, word))
		return vm_fail(err, EINVAL, "there is no key '%s'", word);
	memcpy(m->v[at].code, code, sizeof(code));
	for (size_t i = 0; i < m->n; i++)
		for (unsigned k = 0; k < VM_KEY_CODES && code[k] && i != at; k++)
			if (collide(m, at, i))
				take_away(m, i, code[k]);
	retell(m, at);
	return 0;
}
