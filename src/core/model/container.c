#include "core/model/container.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/** Engines write IDs of 64 hexadecimal digits; people and their tools use the first 12 of them. */
enum { ID_DIGITS = 64, SHORT_ID = 12 };

/** A part of the path, without the suffix of a unit. */
struct part {
	const char *s;
	size_t n;
};

static bool take_prefix(struct part *p, const char *prefix)
{
	const size_t n = strlen(prefix);
	if (p->n < n || strncmp(p->s, prefix, n) != 0)
		return false;
	p->s += n;
	p->n -= n;
	return true;
}

static bool take_suffix(struct part *p, const char *suffix)
{
	const size_t n = strlen(suffix);
	if (p->n < n || strncmp(p->s + p->n - n, suffix, n) != 0)
		return false;
	p->n -= n;
	return true;
}

/** Does it end in an ID that stands alone, or behind "docker-", "cri-containerd-", "libpod-" and their kin? */
static bool has_id(const struct part *p, struct part *id)
{
	if (p->n < ID_DIGITS)
		return false;
	*id = (struct part){ p->s + p->n - ID_DIGITS, SHORT_ID };
	for (size_t i = 0; i < ID_DIGITS; i++)
		if (!isxdigit((unsigned char)id->s[i]))
			return false;
	return p->n == ID_DIGITS || id->s[-1] == '-' || id->s[-1] == ':';
}

/** Names: what machined registers, and what LXC's tools make.  systemd escapes a dash in them. */
static bool has_name(struct part p, const struct part *before, bool scope, struct part *name)
{
	static const char *const prefixes[] = { "lxc.payload.", "systemd-nspawn@", "machine-qemu\\x2d", "machine-lxc\\x2d", "machine-" };
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if ((i == 0 || scope) && take_prefix(&p, prefixes[i])) {
			*name = p;
			return p.n > 0;
		}
	*name = p;
	return before->n == 3 && strncmp(before->s, "lxc", 3) == 0 && p.n > 0;
}

bool vm_container_of(const char *cgroup, char *out, size_t size)
{
	struct part before = { "", 0 }, found = { "", 0 };
	for (const char *s = cgroup; *s;) {
		s += *s == '/';
		struct part p = { s, strcspn(s, "/") }, hit;
		s += p.n;
		struct part whole = p;
		const bool scope = take_suffix(&p, ".scope") || take_suffix(&p, ".service");
		/* Podman's monitor lives beside the container, not in it. */
		const bool monitor = strncmp(p.s, "libpod-conmon-", 14) == 0 || strncmp(p.s, "crio-conmon-", 12) == 0;
		if (!monitor && (has_id(&p, &hit) || has_name(p, &before, scope, &hit)))
			found = hit;
		before = whole;
	}
	snprintf(out, size, "%.*s", (int)found.n, found.s);
	return found.n > 0;
}
