/** The parts of an address: no process is needed. */

#include <errno.h>
#include <string.h>

#include "cli/vmpage/vmpage.h"
#include "core/analysis/translate.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/str.h"

const char *const vmpage_half_names[] = { "user", "kernel", "non-canonical" };

static size_t split(const struct vm_pt_geometry *g, uint64_t addr, struct vm_split_row *rows)
{
	size_t n = 0;
	for (unsigned l = g->levels; l-- > 0;) {
		const unsigned shift = vm_pt_shift(g, l);
		rows[n++] = (struct vm_split_row){
			.address = addr, .levels = g->levels, .part = vm_pt_level_name(g, l), .high = shift + 8, .low = shift,
			.value = vm_pt_index(g, l, addr), .covers = UINT64_C(1) << shift,
			.base = addr & ~((UINT64_C(1) << shift) - 1),
		};
	}
	rows[n++] = (struct vm_split_row){
		.address = addr, .levels = g->levels, .part = "offset", .high = 11, .low = 0, .value = addr & 4095,
		.covers = 1, .base = addr,
	};
	return n;
}

static int explain_one(struct vmpage *v, const struct vm_choice *c, const struct vm_pt_geometry *g, uint64_t addr,
		       struct vm_err *err)
{
	struct vm_split_row rows[VM_PT_LEVELS + 1];
	struct vm_buf words = { 0 };
	vm_report_say(&v->report, "\n");
	vm_buf_addf(&words, "%u levels, %u-bit addresses: ", g->levels, 12 + 9 * g->levels);
	vm_say_half(g, addr, &words);
	vmpage_wrap(v, 0, "", vm_buf_str(&words));
	vm_buf_free(&words);
	return vmpage_list(v, c, rows, split(g, addr, rows), sizeof(rows[0]), NULL, err);
}

static void explain_json(struct vmpage *v, const struct vm_pt_geometry *g, uint64_t addr)
{
	struct vm_json *j = &v->report.json;
	vm_json_object_begin(j);
	vm_json_key(j, "levels");
	vm_json_u64(j, g->levels);
	vm_json_key(j, "half");
	vm_json_str(j, vmpage_half_names[vm_pt_half(g, addr)]);
	vm_json_key(j, "parts");
	vm_json_array_begin(j);
	struct vm_split_row rows[VM_PT_LEVELS + 1];
	size_t n = split(g, addr, rows);
	for (size_t i = 0; i < n; i++) {
		vm_json_object_begin(j);
		vm_json_key(j, "part");
		vm_json_str(j, rows[i].part);
		vm_json_key(j, "index");
		vm_json_u64(j, rows[i].value);
		vm_json_key(j, "high_bit");
		vm_json_u64(j, rows[i].high);
		vm_json_key(j, "low_bit");
		vm_json_u64(j, rows[i].low);
		vm_json_key(j, "base");
		vm_json_addr(j, rows[i].base);
		vm_json_key(j, "covers_bytes");
		vm_json_u64(j, rows[i].covers);
		vm_json_object_end(j);
	}
	vm_json_array_end(j);
	vm_json_object_end(j);
}

int vmpage_explain(struct vmpage *v, const uint64_t *addr, size_t n, struct vm_err *err)
{
	const bool arm = v->o->arch && strcmp(v->o->arch, "arm64") == 0;
	const struct vm_pt_geometry g[] = {
		{ .arch = arm ? &vm_pt_arm64 : &vm_pt_x86_64, .levels = 4 },
		{ .arch = &vm_pt_x86_64, .levels = 5 },
	};
	const size_t layouts = arm ? 1 : 2;
	struct vm_choice choice = { 0 };
	int r = vmpage_choose(v, &vm_split_fields, "parts", NULL, &choice, err);
	bool document = vm_report_is_document(&v->report);
	if (r == 0 && document) {
		vm_document_begin(&v->report, v->s, "vmpage/1");
		vm_json_key(&v->report.json, "addresses");
		vm_json_array_begin(&v->report.json);
	}
	for (size_t i = 0; i < n && r == 0; i++) {
		char text[24];
		vm_put_hex(text, addr[i], 16);
		text[16] = '\0';
		vm_report_say(&v->report, "%s0x%s\n", i ? "\n" : "", text);
		if (document) {
			vm_json_object_begin(&v->report.json);
			vm_json_key(&v->report.json, "address");
			vm_json_addr(&v->report.json, addr[i]);
			vm_json_key(&v->report.json, "layouts");
			vm_json_array_begin(&v->report.json);
		}
		for (size_t k = 0; k < layouts && r == 0; k++) {
			if (document)
				explain_json(v, &g[k], addr[i]);
			else
				r = explain_one(v, &choice, &g[k], addr[i], err);
		}
		if (document) {
			vm_json_array_end(&v->report.json);
			vm_json_object_end(&v->report.json);
		}
	}
	if (r == 0 && document) {
		vm_json_array_end(&v->report.json);
		vm_document_end(&v->report, v->s, vm_clock_ns() - v->began);
	}
	vm_choice_free(&choice);
	return r;
}
