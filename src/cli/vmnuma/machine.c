/** vmnuma: the machine's nodes, their memory and counters; balancing between them. */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/vmnuma/vmnuma.h"
#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/source/numacalls.h"
#include "core/source/session.h"

#define MEMORY "NODE,SIZE,FREE,USED,USED%,FILE,ANON,CPUS"
#define COUNTERS "NODE,HIT,MISS,FOREIGN,INTERLV,LOCAL,OTHER,LOCAL%"
#define RATES "NODE,FREE,USED%,HIT/S,MISS/S,FOREIGN/S,INTERLV/S,LOCAL/S,OTHER/S"

/* ---- Rows --------------------------------------------------------------------------------------------------------- */

/** All nodes as one, for the last row. */
struct total {
	struct vm_node now, before;
	struct vm_nodes all, prev;
	struct vm_node_row row;
};

static void add_up(const struct vmnuma *v, struct total *t)
{
	*t = (struct total){ 0 };
	vm_nodes_total(&v->nodes, &t->now);
	t->all = (struct vm_nodes){ .nodes = { .v = &t->now, .n = 1 }, .taken_ns = v->nodes.taken_ns };
	t->row = (struct vm_node_row){ .nodes = &t->all };
	if (!v->again)
		return;
	vm_nodes_total(&v->prev, &t->before);
	t->prev = (struct vm_nodes){ .nodes = { .v = &t->before, .n = 1 }, .taken_ns = v->prev.taken_ns };
	t->row.prev = &t->prev;
}

static int list_nodes(struct vmnuma *v, bool chosen, const char *spec, struct vm_err *err)
{
	const size_t n = v->nodes.nodes.n;
	struct total total;
	vm_auto_free struct vm_node_row *rows = calloc(n + 1, sizeof(*rows));
	if (!rows)
		return vm_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		rows[i] = (struct vm_node_row){ .nodes = &v->nodes, .prev = v->again ? &v->prev : NULL, .at = i };
	add_up(v, &total);
	return vmnuma_list(v, &vm_node_fields, chosen, vm_report_is_machine(&v->report) ? NULL : spec, rows, n, sizeof(*rows),
			   n > 1 ? &total.row : NULL, err);
}

/* ---- In words ----------------------------------------------------------------------------------------------------- */

static const char *balancing_word(const struct vm_nodes *n)
{
	static const char *const words[] = { "off", "between nodes", "between tiers", "between nodes and tiers" };
	return n->balancing < 0 ? NULL : n->balancing < 4 ? words[n->balancing] : "unknown mode";
}

static void say_setting(struct vmnuma *v, const char *what, const char *word)
{
	if (word)
		vm_report_say(&v->report, "   %s %s", what, word);
}

static void say_heading(struct vmnuma *v)
{
	const struct vm_nodes *n = &v->nodes;
	const size_t all = n->nodes.n, memory = vm_nodes_with_memory(n), cpus = vm_nodes_with_cpus(n);
	vm_report_say(&v->report, "%zu node%s", all, all == 1 ? "" : "s");
	if (memory < all)
		vm_report_say(&v->report, ", %zu without memory", all - memory);
	if (cpus < all)
		vm_report_say(&v->report, ", %zu without CPUs", all - cpus);
	say_setting(v, "balancing", balancing_word(n));
	say_setting(v, "demotion", n->demotion == VM_UNSURE ? NULL : n->demotion == VM_YES ? "on" : "off");
	say_setting(v, "zone reclaim", n->zone_reclaim < 0 ? NULL : n->zone_reclaim ? "on" : "off");
	vm_report_say(&v->report, "\n");
	vmnuma_say_single(v);
}

static void say_distances(struct vmnuma *v)
{
	const struct vm_nodes *n = &v->nodes;
	if (n->nodes.n < 2)
		return;
	vm_report_say(&v->report, "\nDISTANCE");
	for (size_t i = 0; i < n->nodes.n; i++)
		vm_report_say(&v->report, " %4u", n->nodes.v[i].id);
	vm_report_say(&v->report, "\n");
	for (size_t i = 0; i < n->nodes.n; i++) {
		vm_report_say(&v->report, "%8u", n->nodes.v[i].id);
		for (size_t k = 0; n->nodes.v[i].distance && k < n->nodes.n; k++)
			if (n->nodes.v[i].distance[k])
				vm_report_say(&v->report, " %4u", n->nodes.v[i].distance[k]);
			else
				vm_report_say(&v->report, "    -");
		vm_report_say(&v->report, "\n");
	}
}

/** "node 0: 3, node 1: 1" where they differ; what is the same everywhere says nothing. */
static void say_differing(struct vmnuma *v, const char *heading, enum vm_nodeqty q)
{
	const struct vm_nodes *n = &v->nodes;
	bool differ = false;
	for (size_t i = 0; i < n->nodes.n; i++)
		differ = differ || vm_node_has(&n->nodes.v[i], q) != vm_node_has(&n->nodes.v[0], q) ||
			 n->nodes.v[i].q[q] != n->nodes.v[0].q[q];
	if (!differ)
		return;
	vm_report_say(&v->report, "%s", heading);
	for (size_t i = 0; i < n->nodes.n; i++)
		if (vm_node_has(&n->nodes.v[i], q))
			vm_report_say(&v->report, "%s node %u: %llu", i ? "," : "", n->nodes.v[i].id,
				      (unsigned long long)n->nodes.v[i].q[q]);
	vm_report_say(&v->report, "\n");
}

static void put_counter(struct vm_buf *b, const struct vmnuma *v, enum vm_numacounter c)
{
	char text[VM_NUMBUF];
	if (v->again) {
		const double rate = vm_nodes_rate(&v->nodes, &v->prev, c);
		vm_value_put(b, isnan(rate) ? VM_ABSENT : VM_F64(rate), VM_U_PERSEC, v->common->bytes);
		vm_buf_add_str(b, "/s");
	} else if (vm_nodes_has(&v->nodes, c)) {
		vm_buf_add_str(b, v->common->bytes ? vm_format_u64(v->nodes.counter[c], text)
						   : vm_format_amount(v->nodes.counter[c], text));
	} else {
		vm_buf_add_char(b, '-');
	}
}

static double local_hints(const struct vmnuma *v)
{
	const enum vm_numacounter all = VM_NC_HINT_FAULTS, local = VM_NC_HINT_FAULTS_LOCAL;
	if (!vm_nodes_has(&v->nodes, all) || !vm_nodes_has(&v->nodes, local))
		return NAN;
	const uint64_t n = v->nodes.counter[all] - (v->again ? v->prev.counter[all] : 0);
	const uint64_t near = v->nodes.counter[local] - (v->again ? v->prev.counter[local] : 0);
	return n && near <= n ? (double)near / (double)n : NAN;
}

static void say_balancing(struct vmnuma *v)
{
	static const struct { enum vm_numacounter c; const char *what; } words[] = {
		{ VM_NC_PTE_UPDATES, "entries marked" }, { VM_NC_HUGE_PTE_UPDATES, "huge ones" },
		{ VM_NC_HINT_FAULTS, "hint faults" }, { VM_NC_PAGES_MIGRATED, "pages moved" },
	};
	struct vm_buf b = { 0 };
	const double near = local_hints(v);
	if (!vm_nodes_has(&v->nodes, VM_NC_HINT_FAULTS))
		return;
	for (size_t i = 0; i < vm_countof(words); i++) {
		if (i)
			vm_buf_add_str(&b, ", ");
		put_counter(&b, v, words[i].c);
		vm_buf_addf(&b, " %s", words[i].what);
		if (words[i].c == VM_NC_HINT_FAULTS && !isnan(near))
			vm_buf_addf(&b, " (%.1f %% local)", near * 100);
	}
	vm_report_say(&v->report, "balancing: %s\n", vm_buf_str(&b));
	b.n = 0;
	put_counter(&b, v, VM_NC_MIGRATE_SUCCESS);
	vm_buf_add_str(&b, " pages, ");
	put_counter(&b, v, VM_NC_MIGRATE_FAIL);
	vm_report_say(&v->report, "moved for any reason: %s failed\n", vm_buf_str(&b));
	vm_buf_free(&b);
}

static void say_own_policy(struct vmnuma *v)
{
	struct vm_policy p;
	struct vm_nodemask may;
	struct vm_buf b = { 0 };
	if (!v->s->live || v->nodes.nodes.n < 2 || vm_numa_own_policy(&p, &may, NULL) != 0)
		return;
	vm_policy_put(&b, &p);
	vm_buf_add_str(&b, "; may allocate on nodes ");
	vm_nodemask_put(&b, &may);
	vm_report_say(&v->report, "policy of this shell: %s\n", vm_buf_str(&b));
	vm_buf_free(&b);
}

/* ---- Documents ---------------------------------------------------------------------------------------------------- */

static void json_tristate(struct vm_json *j, enum vm_answer t)
{
	if (t == VM_UNSURE)
		vm_json_null(j);
	else
		vm_json_bool(j, t == VM_YES);
}

static void json_counters(struct vmnuma *v, struct vm_json *j)
{
	static const struct { const char *key, *rate; } keys[VM_NC_NR] = {
		[VM_NC_PTE_UPDATES] = { "pte_updates", "pte_updates_per_second" },
		[VM_NC_HUGE_PTE_UPDATES] = { "huge_pte_updates", "huge_pte_updates_per_second" },
		[VM_NC_HINT_FAULTS] = { "hint_faults", "hint_faults_per_second" },
		[VM_NC_HINT_FAULTS_LOCAL] = { "hint_faults_local", "hint_faults_local_per_second" },
		[VM_NC_PAGES_MIGRATED] = { "pages_migrated", "pages_migrated_per_second" },
		[VM_NC_MIGRATE_SUCCESS] = { "migrate_success", "migrate_success_per_second" },
		[VM_NC_MIGRATE_FAIL] = { "migrate_fail", "migrate_fail_per_second" },
	};
	for (unsigned c = 0; c < VM_NC_NR; c++) {
		vm_json_put_known(j, keys[c].key, vm_nodes_has(&v->nodes, c), v->nodes.counter[c]);
		vm_json_put_f64(j, keys[c].rate, v->again ? vm_nodes_rate(&v->nodes, &v->prev, c) : NAN);
	}
}

static void json_own_policy(struct vmnuma *v, struct vm_json *j)
{
	struct vm_policy p;
	struct vm_nodemask may;
	struct vm_buf b = { 0 };
	const bool known = v->s->live && vm_numa_own_policy(&p, &may, NULL) == 0;
	if (known)
		vm_policy_put(&b, &p);
	vm_json_put_str(&v->report.json, "own_policy", known ? vm_buf_str(&b) : NULL);
	b.n = 0;
	if (known)
		vm_nodemask_put(&b, &may);
	vm_json_put_str(j, "may_allocate_on", known ? vm_buf_str(&b) : NULL);
	vm_buf_free(&b);
}

static void json_machine(struct vmnuma *v)
{
	struct vm_json *j = &v->report.json;
	const struct vm_nodes *n = &v->nodes;
	vm_json_put_bool(j, "numa", n->told);
	vm_json_put_str(&v->report.json, "balancing_mode", balancing_word(n));
	vm_json_key(j, "demotion");
	json_tristate(j, n->demotion);
	vm_json_key(j, "zone_reclaim");
	json_tristate(j, n->zone_reclaim < 0 ? VM_UNSURE : n->zone_reclaim ? VM_YES : VM_NO);
	json_own_policy(v, j);
	vm_json_key(j, "balancing");
	vm_json_object_begin(j);
	json_counters(v, j);
	vm_json_object_end(j);
	vm_json_key(j, "distances");
	vm_json_array_begin(j);
	for (size_t i = 0; i < n->nodes.n; i++) {
		vm_json_array_begin(j);
		for (size_t k = 0; n->nodes.v[i].distance && k < n->nodes.n; k++)
			if (n->nodes.v[i].distance[k])
				vm_json_u64(j, n->nodes.v[i].distance[k]);
			else
				vm_json_null(j);
		vm_json_array_end(j);
	}
	vm_json_array_end(j);
}

/* ---- Modes -------------------------------------------------------------------------------------------------------- */

static int show_machine(struct vmnuma *v, struct vm_err *err)
{
	if (vm_report_is_document(&v->report))
		json_machine(v);
	if (vm_report_is_machine(&v->report) || v->common->columns || !v->style.headings)
		return list_nodes(v, true, v->again ? RATES : MEMORY, err);
	if (!v->reports)
		say_heading(v);
	int r = list_nodes(v, true, v->again ? RATES : MEMORY, err);
	if (r == 0 && !v->again && v->nodes.told) {
		say_distances(v);
		vm_report_say(&v->report, "\nPages allocated since boot:\n");
		r = list_nodes(v, false, COUNTERS, err);
		say_differing(v, "memory tier:", VM_N_TIER);
		say_differing(v, "interleave weight:", VM_N_WEIGHT);
		say_own_policy(v);
	}
	say_balancing(v);
	return r;
}

static int show_counters(struct vmnuma *v, struct vm_err *err)
{
	if (vm_report_is_document(&v->report))
		json_machine(v);
	return list_nodes(v, true, v->again ? "NODE,HIT/S,MISS/S,FOREIGN/S,INTERLV/S,LOCAL/S,OTHER/S" : COUNTERS, err);
}

static bool is_zero(const struct vm_node_item *item, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (item->v[i] && item->v[i] != VM_NODE_UNKNOWN)
			return false;
	return true;
}

static int show_memory(struct vmnuma *v, struct vm_err *err)
{
	const struct vm_nodes *n = &v->nodes;
	const struct vm_fieldset *set = vm_numa_columns(&vm_node_item_fields, n, &v->arena);
	vm_auto_free struct vm_node_item_row *rows = calloc(n->items.n + 1, sizeof(*rows));
	size_t count = 0;
	if (!set || !rows)
		return vm_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < n->items.n; i++)
		if (vm_report_is_machine(&v->report) || v->o->zeros || !is_zero(&n->items.v[i], n->nodes.n))
			rows[count++] = (struct vm_node_item_row){
				.cells = { .on = n->items.v[i].v, .nodes = n }, .name = n->items.v[i].name,
			};
	if (!n->items.n)
		vmnuma_say_single(v);
	if (!n->items.n && !vm_report_is_machine(&v->report))
		return 0;
	return vmnuma_list(v, set, true, NULL, rows, count, sizeof(*rows), NULL, err);
}

const struct vmnuma_mode vmnuma_machine = { .name = "machine", .set = &vm_node_fields, .rates = true, .show = show_machine };
const struct vmnuma_mode vmnuma_counters = { .name = "counters", .set = &vm_node_fields, .rates = true, .show = show_counters };
const struct vmnuma_mode vmnuma_memory = { .name = "memory", .set = &vm_node_item_fields, .show = show_memory };
