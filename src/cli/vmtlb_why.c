/** vmtlb: why something isn't counted, and what would help, on standard error. */

#include "cli/vmtlb_count.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 80, MARGIN = 7 };

static void say(struct vm_report *r, const char *what, const char *fix)
{
	vm_report_wrap(r, MARGIN, "vmtlb:", what, WIDTH);
	if (fix[0])
		vm_report_wrap(r, MARGIN, "  fix:", fix, WIDTH);
}

static void say_table(struct vm_report *out, const struct vmtlb_counting *c)
{
	char text[400];
	const struct vm_pmu *p = &c->pmu;
	if (p->masked) {
		say(out, "this CPU has features that its model number doesn't have: the hypervisor hides the model. Events are taken "
		    "for those of Golden Cove; the kernel and other tools that go by the number count other events here.", "");
	} else if (p->core[0].by == VM_PMU_BY_GENERIC) {
		snprintf(text, sizeof(text), "events of this CPU are not known%s%s%s: counting the kernel's generic events, which say less",
			 p->core[0].kernel_name[0] ? " (the kernel calls it " : "", p->core[0].kernel_name,
			 p->core[0].kernel_name[0] ? ")" : "");
		say(out, text, "");
	} else if (p->mistaken[0]) {
		snprintf(text, sizeof(text), "libpfm4 takes this CPU for %s; events are those of %s", p->mistaken, p->core[0].table);
		say(out, text, "");
	}
}

/** That software events are refused as well: of a machine without hardware counters. */
static void say_software(struct vm_report *out, const struct vmtlb_counting *c)
{
	struct vm_pmu without = c->pmu;
	struct vm_pmu_reason r;
	/* Then it would be a question of permissions alone. */
	without.devices_shown = false;
	without.state = c->pmu.software == -EACCES ? VM_PMU_FORBIDDEN : VM_PMU_FILTERED;
	if (vm_pmu_reason(&without, &r)) {
		char text[900], *end = strstr(r.what, "; whether");
		if (end)
			*end = '\0';
		snprintf(text, sizeof(text), "besides, %s: page faults aren't counted either", r.what);
		say(out, text, r.fix);
	}
}

void vmtlb_why(const struct vmtlb_counting *c)
{
	struct vm_report out;
	struct vm_pmu_reason r;
	struct vm_style style = { .headings = true };
	if (vm_report_open(&out, vm_sinks[0], &style, stderr) < 0)
		return;
	if (vm_pmu_reason(&c->pmu, &r))
		say(&out, r.what, r.fix);
	if (c->pmu.state == VM_PMU_NONE && c->pmu.software < 0)
		say_software(&out, c);
	if (c->pmu.state == VM_PMU_READY)
		say_table(&out, c);
	if (!c->counters && c->refused.code)
		say(&out, c->refused.what, c->refused.hint);
	vm_report_close(&out, NULL);
}
