/** Memory policies: text of numa_maps to data, and data to words. */

#include <stdio.h>
#include <string.h>

#include "core/base/str.h"
#include "core/model/numa.h"

const char *const vm_mpol_words[VM_MPOL_NR + 1] = {
	"unknown", "default", "local", "preferred", "preferred-many", "bind", "interleave", "weighted-interleave", NULL,
};

/** As mpol_to_str() in mm/mempolicy.c writes them. */
static const char *const kernel_words[VM_MPOL_NR] = {
	[VM_MPOL_DEFAULT] = "default", [VM_MPOL_LOCAL] = "local", [VM_MPOL_PREFERRED] = "prefer",
	[VM_MPOL_PREFERRED_MANY] = "prefer (many)", [VM_MPOL_BIND] = "bind", [VM_MPOL_INTERLEAVE] = "interleave",
	[VM_MPOL_WEIGHTED] = "weighted interleave",
};

unsigned vm_nodemask_count(const struct vm_nodemask *m)
{
	unsigned n = 0;
	for (size_t i = 0; i < sizeof(m->w) / sizeof(m->w[0]); i++)
		n += (unsigned)__builtin_popcountll(m->w[i]);
	return n;
}

bool vm_nodemask_empty(const struct vm_nodemask *m)
{
	uint64_t any = 0;
	for (size_t i = 0; i < sizeof(m->w) / sizeof(m->w[0]); i++)
		any |= m->w[i];
	return any == 0;
}

bool vm_nodemask_parse(const char *text, size_t len, struct vm_nodemask *out)
{
	char copy[256];
	unsigned first, last;
	*out = (struct vm_nodemask){ 0 };
	if (len == 0 || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	const char *s = copy;
	while (*s && (s = vm_parse_list(s, &first, &last)) && last < VM_NODES_MAX)
		for (unsigned id = first; id <= last; id++)
			vm_nodemask_add(out, id);
	return s && *s == '\0' && copy[len - 1] != ',' && !vm_nodemask_empty(out);
}

void vm_nodemask_put(struct vm_buf *b, const struct vm_nodemask *m)
{
	const char *before = "";
	for (unsigned id = 0; id < VM_NODES_MAX; id++) {
		unsigned last = id;
		if (!vm_nodemask_has(m, id))
			continue;
		while (vm_nodemask_has(m, last + 1))
			last++;
		vm_buf_addf(b, "%s%u", before, id);
		if (last > id)
			vm_buf_addf(b, "-%u", last);
		before = ",";
		id = last;
	}
}

static bool is_word(const char *s, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(s, word, len) == 0;
}

/** "static|balancing" */
static unsigned parse_flags(const char *s, const char *end)
{
	static const struct { const char *word; unsigned flag; } known[] = {
		{ "static", VM_MPOL_STATIC }, { "relative", VM_MPOL_RELATIVE }, { "balancing", VM_MPOL_BALANCING },
	};
	unsigned flags = 0;
	while (s < end) {
		const char *bar = memchr(s, '|', (size_t)(end - s));
		const char *stop = bar ? bar : end;
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (is_word(s, (size_t)(stop - s), known[i].word))
				flags |= known[i].flag;
		s = bar ? bar + 1 : end;
	}
	return flags;
}

void vm_policy_parse(const char *text, size_t len, struct vm_policy *out)
{
	const char *end = text + len;
	const char *colon = memchr(text, ':', len);
	const char *mode_end = colon ? colon : end;
	const char *equals = memchr(text, '=', (size_t)(mode_end - text));
	*out = (struct vm_policy){ 0 };
	if (equals)
		out->flags = parse_flags(equals + 1, mode_end);
	mode_end = equals ? equals : mode_end;
	for (unsigned m = VM_MPOL_DEFAULT; m < VM_MPOL_NR; m++)
		if (is_word(text, (size_t)(mode_end - text), kernel_words[m]))
			out->mode = (enum vm_mpol)m;
	if (colon && !vm_nodemask_parse(colon + 1, (size_t)(end - colon - 1), &out->nodes))
		out->mode = VM_MPOL_UNKNOWN;
	/* Before Linux 5.14 memory for whoever asks was "prefer" without nodes. */
	if (out->mode == VM_MPOL_PREFERRED && vm_nodemask_empty(&out->nodes))
		out->mode = VM_MPOL_LOCAL;
}

void vm_policy_put(struct vm_buf *b, const struct vm_policy *p)
{
	vm_buf_add_str(b, vm_mpol_words[p->mode]);
	if (!vm_nodemask_empty(&p->nodes)) {
		vm_buf_add_char(b, ' ');
		vm_nodemask_put(b, &p->nodes);
	}
	if (p->flags & VM_MPOL_STATIC)
		vm_buf_add_str(b, " static");
	if (p->flags & VM_MPOL_RELATIVE)
		vm_buf_add_str(b, " relative");
	if (p->flags & VM_MPOL_BALANCING)
		vm_buf_add_str(b, " balancing");
}

static void put_weights(struct vm_buf *b, const struct vm_policy *p, const struct vm_nodes *nodes)
{
	const char *before = " (";
	for (size_t i = 0; i < nodes->nodes.n; i++) {
		const struct vm_node *n = &nodes->nodes.v[i];
		if (!vm_nodemask_has(&p->nodes, n->id))
			continue;
		if (vm_node_has(n, VM_N_WEIGHT))
			vm_buf_addf(b, "%s%llu", before, (unsigned long long)n->q[VM_N_WEIGHT]);
		else
			vm_buf_addf(b, "%s?", before);
		before = ":";
	}
	if (*before == ':')
		vm_buf_add_char(b, ')');
}

void vm_policy_explain(struct vm_buf *b, const struct vm_policy *p, const struct vm_nodes *nodes)
{
	static const char *const says[VM_MPOL_NR] = {
		[VM_MPOL_UNKNOWN] = "a policy that this version doesn't know",
		[VM_MPOL_DEFAULT] = "on the node of the CPU that first touches a page; when it is full, on the nearest other",
		[VM_MPOL_LOCAL] = "on the node of the CPU that first touches a page, whatever the task's policy says",
		[VM_MPOL_PREFERRED] = "on %s; when it is full, on the nearest other",
		[VM_MPOL_PREFERRED_MANY] = "on the nearest of %s; when they are full, on others",
		[VM_MPOL_BIND] = "only on %s: when there is no room, the allocation fails",
		[VM_MPOL_INTERLEAVE] = "page by page in turn on %s",
		[VM_MPOL_WEIGHTED] = "in turn on %s by weight",
	};
	struct vm_buf where = { 0 };
	vm_buf_add_str(&where, vm_nodemask_count(&p->nodes) == 1 ? "node " : "nodes ");
	vm_nodemask_put(&where, &p->nodes);
	const char *s = says[p->mode], *hole = strstr(s, "%s");
	vm_buf_add(b, s, hole ? (size_t)(hole - s) : strlen(s));
	if (hole) {
		vm_buf_add(b, where.s, where.n);
		vm_buf_add_str(b, hole + 2);
	}
	if (p->mode == VM_MPOL_WEIGHTED)
		put_weights(b, p, nodes);
	if (p->flags & VM_MPOL_STATIC)
		vm_buf_add_str(b, "; static: these nodes, also when the cpuset changes");
	if (p->flags & VM_MPOL_RELATIVE)
		vm_buf_add_str(b, "; relative: counted within the cpuset");
	if (p->flags & VM_MPOL_BALANCING)
		vm_buf_add_str(b, "; balancing: pages may move to who uses them");
	vm_buf_free(&where);
}
