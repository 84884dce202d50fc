/** vmmap --layout: the address space to scale; and --address: what lies there. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/vmmap/vmmap.h"
#include "cli/layout.h"
#include "core/analysis/layout.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/model/kind.h"

static int layout_json(struct vmmap *v, const struct vm_block *b, size_t n)
{
	struct vm_json *j = &v->report.json;
	vm_json_key(j, "blocks");
	vm_json_array_begin(j);
	for (size_t i = 0; i < n; i++) {
		struct vm_buf label = { 0 };
		vm_layout_label(&label, &b[i]);
		vm_json_object_begin(j);
		vm_json_key(j, "start");
		vm_json_addr(j, b[i].start);
		vm_json_key(j, "end");
		vm_json_addr(j, b[i].end);
		vm_json_key(j, "label");
		vm_json_str(j, vm_buf_str(&label));
		vm_json_key(j, "kind");
		vm_json_str(j, vm_kinds[b[i].kind].name);
		vm_json_key(j, "mappings");
		vm_json_u64(j, b[i].mappings);
		vm_json_key(j, "mapped_bytes");
		vm_json_u64(j, b[i].mapped);
		vm_json_key(j, "rss_bytes");
		if (b[i].have_rss)
			vm_json_u64(j, b[i].rss);
		else
			vm_json_null(j);
		vm_json_object_end(j);
		vm_buf_free(&label);
	}
	vm_json_array_end(j);
	return 0;
}

int vmmap_layout(struct vmmap *v, const struct vm_aspace *as, struct vm_err *err)
{
	struct vm_block *b = NULL;
	long n = vm_layout_blocks(as, VM_LAYOUT_BLOCKS, &b);
	if (n < 0)
		return vm_fail(err, ENOMEM, "out of memory");
	if (vm_report_is_document(&v->report)) {
		layout_json(v, b, (size_t)n);
		free(b);
		return 0;
	}
	if (vm_report_is_machine(&v->report)) {
		free(b);
		return vm_fail(err, EINVAL, "--layout is a picture: it has no CSV or OpenMetrics form");
	}
	const bool x86 = strcmp(v->arch, "x86_64") == 0 && v->have_levels;
	const struct vm_layout_style style = {
		.utf8 = v->report.style.utf8, .color = v->report.style.color, .user_end = x86 ? vm_user_end(v->five_levels) : 0,
	};
	struct vm_buf out = { 0 };
	vm_layout_put(&out, b, (size_t)n, &style);
	vm_report_put(&v->report, out.s, out.n);
	vm_buf_free(&out);
	free(b);
	return 0;
}

static void say_gap(struct vmmap *v, const struct vm_aspace *as, uint64_t addr)
{
	size_t at = vm_aspace_find(as, addr);
	char size[VM_NUMBUF];
	vm_report_say(&v->report, "%012llx is not mapped", (unsigned long long)addr);
	if (at > 0 && as->map[at - 1].end == addr)
		vm_report_say(&v->report, "; a mapping ends right below");
	else if (at > 0)
		vm_report_say(&v->report, "; a mapping ends %s below", vm_format_size(addr - as->map[at - 1].end, size));
	/* The gate page lies in the other half. */
	if (at < as->nmaps && as->map[at].kind != VM_KIND_VSYSCALL)
		vm_report_say(&v->report, "; the next begins %s above", vm_format_size(as->map[at].start - addr, size));
	vm_report_say(&v->report, "\n");
}

void vmmap_say_address(struct vmmap *v, const struct vm_aspace *as, uint64_t addr)
{
	const struct vm_mapping *m = vm_aspace_at(as, addr);
	enum vm_half half = vm_address_half(addr, v->have_levels && v->five_levels);
	if (m) {
		vm_report_say(&v->report, "%012llx is 0x%llx bytes into the mapping", (unsigned long long)addr,
			      (unsigned long long)(addr - m->start));
		if (m->inode)
			vm_report_say(&v->report, ", at 0x%llx of its file",
				      (unsigned long long)(m->offset + (addr - m->start)));
		vm_report_say(&v->report, "\n");
	} else if (strcmp(v->arch, "x86_64") == 0 && half == VM_HALF_KERNEL) {
		vm_report_say(&v->report, "%016llx lies in the kernel half: no process can map it\n",
			      (unsigned long long)addr);
	} else if (strcmp(v->arch, "x86_64") == 0 && half == VM_HALF_NONE) {
		vm_report_say(&v->report, "%016llx is not canonical: bits %d to 63 of an address must be equal\n",
			      (unsigned long long)addr, v->have_levels && v->five_levels ? 56 : 47);
	} else {
		say_gap(v, as, addr);
	}
}
