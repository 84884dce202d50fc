/** Columns of what works and what doesn't. */

#include "core/field/doctor.h"

#include "core/field/define.h"

static struct vm_value text(const char *s)
{
	return s && s[0] ? VM_STR(s) : VM_ABSENT;
}

PLAIN(get_name, vm_check_row, VM_STR(row->check->name))
PLAIN(get_what, vm_check_row, text(row->check->what))
PLAIN(get_state, vm_check_row, VM_STR(vm_verdict_name[row->finding.verdict]))
PLAIN(get_found, vm_check_row, text(row->finding.found))
PLAIN(get_why, vm_check_row, text(row->finding.why))
PLAIN(get_fix, vm_check_row, text(row->finding.fix))
PLAIN(get_how, vm_check_row, text(row->check->how))
PLAIN(get_instead, vm_check_row, text(row->check->instead))
PLAIN(get_used_by, vm_check_row, text(row->check->used_by))
PLAIN(get_took, vm_check_row, VM_U64(row->took_ns))

/** For alerts: 1 where all is well or nothing could be wrong, 0 where something is missing. */
GETTER(get_ok)
{
	ROW(vm_check_row);
	const enum vm_verdict v = row->finding.verdict;
	return v == VM_VERDICT_UNTRIED ? VM_ABSENT : VM_BOOL(v == VM_VERDICT_FACT || v == VM_VERDICT_WORKS);
}

#define M VM_F_MACHINE
#define D (VM_F_DEFAULT | VM_F_MACHINE)
#define TEXT(name_, key_, flags_, get_, source_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = VM_T_STR, .flags = flags_, .get = get_, .source = source_ }

static const struct vm_field fields[] = {
	TEXT("CHECK", "name", D | VM_F_LABEL, get_name, "the table of checks", "name of the check, an operand of vmdoctor"),
	TEXT("STATE", "state", D, get_state, "the try", "fact, works, partly, denied (a permission is missing), absent, untried"),
	{ .name = "OK", .key = "ok", .help = "whether nothing is missing", .type = VM_T_BOOL, .flags = M, .get = get_ok,
	  .source = "the try" },
	TEXT("FOUND", "found", D | VM_F_TRUNC, get_found, "the try", "what was seen, in short"),
	TEXT("WHY", "why", M, get_why, "the try", "the same in a sentence"),
	TEXT("FIX", "fix", M, get_fix, "the try", "what would give it"),
	TEXT("INSTEAD", "instead", M, get_instead, "the table of checks", "what is used where it isn't to be had"),
	TEXT("USEDBY", "used_by", M, get_used_by, "the table of checks", "commands that want it"),
	TEXT("WHAT", "what", M, get_what, "the table of checks", "what is checked"),
	TEXT("HOW", "how", M, get_how, "the table of checks", "how it is tried"),
	{ .name = "TOOK", .key = "took_ns", .help = "how long that took", .type = VM_T_U64, .unit = VM_U_NS, .flags = M | VM_F_DESC,
	  .get = get_took, .source = "clock_gettime(2)" },
};
FIELDS(vm_check_fields, "check", "checks", fields);
