#include "core/model/tlbcount.h"

#include <math.h>

/* By side, then by what of it; the rest as in the enumeration behind them. */
static const char *const names[VM_TC_WHATS] = {
	"loads", "first-level misses of loads", "second-level hits of loads", "page walks begun for loads",
	"page walks for loads", "page walks for loads, 4K", "page walks for loads, 2M", "page walks for loads, 1G",
	"cycles with page walks for loads", "loads that needed a page walk",
	"stores", "first-level misses of stores", "second-level hits of stores", "page walks begun for stores",
	"page walks for stores", "page walks for stores, 4K", "page walks for stores, 2M", "page walks for stores, 1G",
	"cycles with page walks for stores", "stores that needed a page walk",
	"loads and stores", "first-level misses of data", "second-level hits of data", "page walks begun for data",
	"page walks for data", "page walks for data, 4K", "page walks for data, 2M", "page walks for data, 1G",
	"cycles with page walks for data", "loads and stores that needed a page walk",
	"fetches", "first-level misses of fetches", "second-level hits of fetches", "page walks begun for fetches",
	"page walks for fetches", "page walks for fetches, 4K", "page walks for fetches, 2M", "page walks for fetches, 1G",
	"cycles with page walks for fetches", "instructions that needed a page walk",
	"cycles", "instructions", "",
};

static const char *const keys[VM_TC_WHATS] = {
	"load_accesses", "load_l1_misses", "load_stlb_hits", "load_walks_started", "load_walks", "load_walks_4k", "load_walks_2m",
	"load_walks_1g", "load_walk_cycles", "load_walks_retired",
	"store_accesses", "store_l1_misses", "store_stlb_hits", "store_walks_started", "store_walks", "store_walks_4k",
	"store_walks_2m", "store_walks_1g", "store_walk_cycles", "store_walks_retired",
	"data_accesses", "data_l1_misses", "data_stlb_hits", "data_walks_started", "data_walks", "data_walks_4k", "data_walks_2m",
	"data_walks_1g", "data_walk_cycles", "data_walks_retired",
	"fetch_accesses", "fetch_l1_misses", "fetch_stlb_hits", "fetch_walks_started", "fetch_walks", "fetch_walks_4k",
	"fetch_walks_2m", "fetch_walks_1g", "fetch_walk_cycles", "fetch_walks_retired",
	"cycles", "instructions", "other",
};

const char *vm_tc_name(unsigned what)
{
	return names[what];
}

const char *vm_tc_key(unsigned what)
{
	return keys[what];
}

double vm_tc_scaled(const struct vm_tc_count *c)
{
	if (!vm_tc_counted(c))
		return (double)NAN;
	/* Exact where nothing is to be scaled. */
	if (c->running_ns == c->enabled_ns)
		return (double)c->raw;
	return (double)c->raw * ((double)c->enabled_ns / (double)c->running_ns);
}

static void subtract(struct vm_tc_count *c, const struct vm_tc_count *before)
{
	c->raw -= before->raw < c->raw ? before->raw : c->raw;
	c->enabled_ns -= before->enabled_ns < c->enabled_ns ? before->enabled_ns : c->enabled_ns;
	c->running_ns -= before->running_ns < c->running_ns ? before->running_ns : c->running_ns;
}

void vm_tc_since(const struct vm_tc_set *now, const struct vm_tc_set *before, struct vm_tc_set *out)
{
	*out = *now;
	for (size_t i = 0; i < out->n && i < before->n; i++)
		subtract(&out->v[i].c, &before->v[i].c);
	for (unsigned i = 0; i < VM_TC_SOFTWARE; i++)
		subtract(&out->software[i], &before->software[i]);
	out->wall_ns -= before->wall_ns;
}
