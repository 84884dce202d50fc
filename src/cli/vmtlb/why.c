/** vmtlb: why something isn't counted, and what would help, on standard error. */

#include "cli/vmtlb/count.h"

#include <stdio.h>

enum { WIDTH = 80, MARGIN = 7 };

static void say(struct vm_report *r, const char *what, const char *fix)
{
	vm_report_wrap(r, MARGIN, "vmtlb:", what, WIDTH);
	if (fix[0])
		vm_report_wrap(r, MARGIN, "  fix:", fix, WIDTH);
}

void vmtlb_complain(const char *what, const char *fix, const char *instead)
{
	struct vm_report out;
	struct vm_style style = { .headings = true };
	if (vm_report_open(&out, vm_sinks[0], &style, stderr) < 0)
		return;
	say(&out, what, fix);
	if (instead[0])
		vm_report_wrap(&out, MARGIN, "  try:", instead, WIDTH);
	vm_report_close(&out, NULL);
}

static void say_table(struct vm_report *out, const struct vmtlb_counting *c)
{
	char text[400];
	const struct vm_pmu *p = &c->pmu;
	if (p->masked) {
		say(out, "this CPU has features that its model number doesn't have: the hypervisor hides the model. Events are taken "
		    "for those of Golden Cove; the kernel and other tools that go by the number count other events here.", "");
	} else if (p->core[0].by == VM_PMU_BY_GENERIC) {
		const char *kernel = p->core[0].kernel_name;
		snprintf(text, sizeof(text), "%s%s%s: counting the kernel's generic events, which say less", p->hypervisor && kernel[0] ?
			 "the hypervisor shows another CPU than the kernel goes by" : "the events of this CPU are not known",
			 kernel[0] ? ", which is " : "", kernel);
		say(out, text, "");
	} else if (p->mistaken[0]) {
		snprintf(text, sizeof(text), "libpfm4 takes this CPU for %s; events are those of %s", p->mistaken, p->core[0].table);
		say(out, text, "");
	}
}

/** That software events are refused as well: of a machine without hardware counters. */
static void say_software(struct vm_report *out, const struct vmtlb_counting *c)
{
	struct vm_pmu_reason r;
	char text[sizeof(r.what) + 64];
	if (!vm_pmu_software_reason(&c->pmu, &r))
		return;
	snprintf(text, sizeof(text), "besides, %s: page faults aren't counted either", r.what);
	say(out, text, r.fix);
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
	if (c->pmu.state == VM_PMU_NONE)
		say_software(&out, c);
	if (c->pmu.state == VM_PMU_READY)
		say_table(&out, c);
	vm_report_close(&out, NULL);
}

void vmtlb_say_refused(const struct vmtlb_counting *c)
{
	if (c->refused.code)
		fprintf(stderr, "vmtlb: %s%s%s; the program runs without being counted\n", c->refused.what,
			c->refused.hint[0] ? "; " : "", c->refused.hint);
}
