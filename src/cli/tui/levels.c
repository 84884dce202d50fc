#include "cli/tui/levels.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/str.h"

const struct vm_threshold vm_usual_levels[] = {
	{ "RSS", 0.10, 0.30, true }, { "PSS", 0.10, 0.30, true }, { "USS", 0.10, 0.30, true }, { "MEM%", 0.10, 0.30, false },
	{ "ANON", 0.10, 0.30, true }, { "SWAP", 0.01, 0.05, true }, { "SWAPPSS", 0.01, 0.05, true }, { "PTE", 0.005, 0.02, true },
	{ "LOCKED", 0.05, 0.20, true }, { "PINNED", 0.05, 0.20, true },
	/* Minor faults cost about a microsecond each; major ones wait for a disk. */
	{ "MINFLT/S", 10000, 100000, false }, { "MAJFLT/S", 5, 50, false }, { "FAULT%", 0.05, 0.25, false },
	{ "RSS/S", 4 << 20, 64 << 20, false }, { "MAPS%", 0.5, 0.9, false }, { "MISPL%", 0.1, 0.5, false },
	{ "", 0, 0, false },
};

void vm_levels_free(struct vm_levels *l)
{
	vm_vec_free(&l->own);
}

const struct vm_threshold *vm_levels_find(const struct vm_levels *l, const char *column)
{
	for (size_t i = 0; i < l->own.n; i++)
		if (strcasecmp(l->own.v[i].column, column) == 0)
			return &l->own.v[i];
	for (const struct vm_threshold *t = vm_usual_levels; *t->column; t++)
		if (strcasecmp(t->column, column) == 0)
			return t;
	return NULL;
}

enum vm_level vm_level_of(const struct vm_levels *l, const struct vm_threshold *t, struct vm_value v)
{
	if (!t || (v.type != VM_T_U64 && v.type != VM_T_F64) || (t->of_memory && !l->mem_total))
		return VM_LEVEL_NONE;
	double x = v.type == VM_T_U64 ? (double)v.u64 : v.f64;
	if (t->of_memory)
		x /= (double)l->mem_total;
	return x >= t->hot ? VM_LEVEL_HOT : x >= t->warm ? VM_LEVEL_WARM : VM_LEVEL_NONE;
}

/** "30%", "4G", "0.3". */
static bool parse_bound(const char *text, double *out, bool *share)
{
	uint64_t bytes;
	*share = strchr(text, '%') != NULL;
	if (vm_parse_ratio(text, out) == 0)
		return *out >= 0;
	if (vm_parse_size(text, &bytes) < 0)
		return false;
	*out = (double)bytes;
	return true;
}

bool vm_levels_set(struct vm_levels *l, const char *column, const char *text)
{
	struct vm_threshold t = { .warm = INFINITY, .hot = INFINITY };
	char warm[24], hot[24], more;
	bool share[2];
	snprintf(t.column, sizeof(t.column), "%s", column);
	if (strcmp(text, "none") != 0) {
		if (sscanf(text, "%23s %23s %c", warm, hot, &more) != 2 || !parse_bound(warm, &t.warm, &share[0]) ||
		    !parse_bound(hot, &t.hot, &share[1]) || share[0] != share[1] || t.hot < t.warm)
			return false;
		/* Shares of columns that are shares already, and of columns that tell bytes. */
		t.of_memory = share[0] && !strchr(column, '%');
	}
	for (size_t i = 0; i < l->own.n; i++)
		if (strcasecmp(l->own.v[i].column, column) == 0) {
			l->own.v[i] = t;
			return true;
		}
	return vm_vec_push(&l->own, t);
}
