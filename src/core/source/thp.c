#include "core/source/thp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/source/session.h"

#define DIRECTORY "sys/kernel/mm/transparent_hugepage"

/* ---- Parsers ------------------------------------------------------------------------------------------------------ */

enum vm_thp_policy vm_thp_parse_policy(const char *text, enum vm_thp_policy inherited)
{
	const struct { const char *word; enum vm_thp_policy policy; } known[] = {
		{ "[always]", VM_THP_ALWAYS }, { "[madvise]", VM_THP_MADVISE }, { "[never]", VM_THP_NEVER },
		{ "[inherit]", inherited },
	};
	for (size_t i = 0; i < vm_countof(known); i++)
		if (strstr(text, known[i].word))
			return known[i].policy;
	return VM_THP_UNKNOWN;
}

static bool line_value(const char *line, const char *name, uint64_t *v)
{
	char digits[VM_NUMBUF];
	const size_t n = strlen(name);
	if (strncmp(line, name, n) != 0 || line[n] != ' ')
		return false;
	const size_t len = strcspn(line + n + 1, "\n");
	if (len >= sizeof(digits))
		return false;
	memcpy(digits, line + n + 1, len);
	digits[len] = '\0';
	return vm_parse_u64(digits, v) == 0;
}

uint64_t vm_thp_parse_sum(const char *vmstat, const char *const *names, size_t n)
{
	uint64_t sum = 0, v;
	bool any = false;
	for (const char *line = vmstat; line && *line; line = strchr(line, '\n'), line += line != NULL)
		for (size_t i = 0; i < n; i++)
			if (line_value(line, names[i], &v)) {
				sum += v;
				any = true;
			}
	return any ? sum : UINT64_MAX;
}

/* ---- The machine's ------------------------------------------------------------------------------------------------ */

const char *vm_thp_word(enum vm_thp_policy p)
{
	return p == VM_THP_ALWAYS ? "always" : p == VM_THP_MADVISE ? "madvise" : p == VM_THP_NEVER ? "never" : NULL;
}

static enum vm_thp_policy read_policy(struct vm_session *s, const char *below, enum vm_thp_policy inherited)
{
	const long n = vm_session_slurp(s, &s->scratch, DIRECTORY "/%senabled", below);
	return n >= 0 ? vm_thp_parse_policy(s->scratch.s, inherited) : n == -ENOENT ? VM_THP_ABSENT : VM_THP_UNKNOWN;
}

static uint64_t read_number(struct vm_session *s, const char *below, const char *file)
{
	uint64_t v;
	if (vm_session_slurp(s, &s->scratch, DIRECTORY "/%s%s", below, file) < 0)
		return UINT64_MAX;
	s->scratch.s[strcspn(s->scratch.s, "\n")] = '\0';
	return vm_parse_u64(s->scratch.s, &v) == 0 ? v : UINT64_MAX;
}

/** Call take() for the directory of each size: "hugepages-64kB/". */
static void each_size(struct vm_session *s, void (*take)(struct vm_session *s, const char *below, uint64_t bytes, void *ctx),
		      void *ctx)
{
	struct vm_buf names = { 0 };
	unsigned long kib;
	char below[64];
	int r = vm_session_list(s, &names, DIRECTORY);
	for (const char *name = NULL; r == 0 && (name = vm_next_name(&names, name));)
		if (sscanf(name, "hugepages-%9lukB", &kib) == 1) {
			snprintf(below, sizeof(below), "hugepages-%lukB/", kib);
			take(s, below, (uint64_t)kib * 1024, ctx);
		}
	vm_buf_free(&names);
}

static void take_policy(struct vm_session *s, const char *below, uint64_t bytes, void *ctx)
{
	struct vm_thp *t = ctx;
	const enum vm_thp_policy p = read_policy(s, below, t->global);
	if (bytes == t->page_bytes)
		t->huge = p;
	else if (bytes < t->page_bytes && p > t->small)
		t->small = p;
}

void vm_thp_read(struct vm_session *s, struct vm_thp *out)
{
	const uint64_t bytes = read_number(s, "", "hpage_pmd_size");
	*out = (struct vm_thp){ .small = VM_THP_NEVER, .page_bytes = bytes == UINT64_MAX ? 0 : bytes };
	out->global = out->huge = read_policy(s, "", VM_THP_UNKNOWN);
	each_size(s, take_policy, out);
}

int vm_thp_permitted(const struct vm_thp *t, struct vm_err *err)
{
	if (t->global == VM_THP_ABSENT)
		return vm_fail(err, EOPNOTSUPP, "this kernel has no transparent huge pages (CONFIG_TRANSPARENT_HUGEPAGE)");
	if (t->huge != VM_THP_NEVER || t->small > VM_THP_NEVER)
		return 0;
	const bool all = t->global == VM_THP_NEVER;
	vm_fail(err, EOPNOTSUPP, "this machine gives no huge pages to anyone: /" DIRECTORY "/%senabled says never",
		all ? "" : "hugepages-.../");
	vm_hint(err, "an administrator can write madvise there, for programs that ask");
	return -EOPNOTSUPP;
}

static void take_small(struct vm_session *s, const char *below, uint64_t bytes, void *ctx)
{
	uint64_t *sum = ctx;
	const uint64_t n = read_number(s, below, "stats/anon_fault_alloc");
	/* Those that a single entry maps are counted as huge pages. */
	if (n != UINT64_MAX && bytes < sum[1])
		sum[0] = (sum[0] == UINT64_MAX ? 0 : sum[0]) + n * bytes;
}

uint64_t vm_thp_small_bytes(struct vm_session *s)
{
	uint64_t small[2] = { UINT64_MAX, read_number(s, "", "hpage_pmd_size") };
	each_size(s, take_small, small);
	return small[0];
}

void vm_thp_count(struct vm_session *s, struct vm_thp_counts *out)
{
	static const char *const made[] = { "thp_fault_alloc", "thp_collapse_alloc", "thp_file_alloc" };
	static const char *const refused[] = { "thp_fault_fallback", "thp_file_fallback" };
	*out = (struct vm_thp_counts){ .made = UINT64_MAX, .refused = UINT64_MAX };
	if (vm_session_slurp(s, &s->scratch, "proc/vmstat") >= 0) {
		out->made = vm_thp_parse_sum(s->scratch.s, made, vm_countof(made));
		out->refused = vm_thp_parse_sum(s->scratch.s, refused, vm_countof(refused));
	}
	out->small_bytes = vm_thp_small_bytes(s);
}

static uint64_t since(uint64_t from, uint64_t to)
{
	return from == UINT64_MAX || to == UINT64_MAX || to < from ? UINT64_MAX : to - from;
}

struct vm_thp_counts vm_thp_since(const struct vm_thp_counts *from, const struct vm_thp_counts *to)
{
	return (struct vm_thp_counts){
		.made = since(from->made, to->made), .refused = since(from->refused, to->refused),
		.small_bytes = since(from->small_bytes, to->small_bytes),
	};
}
