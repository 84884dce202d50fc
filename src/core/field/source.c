/** Columns of a source, for --sources. */

#include <stdio.h>
#include <string.h>

#include "core/field/field.h"
#include "core/field/source_row.h"
#include "core/model/need.h"

#define GETTER(name) \
	static struct vm_value name(const struct vm_field *f, const void *row, struct vm_scratch *tmp)
#define UNUSED(x) ((void)(x))

GETTER(get_name)
{
	UNUSED(f), UNUSED(tmp);
	return VM_STR(((const struct vm_source_row *)row)->name);
}

GETTER(get_help)
{
	UNUSED(f), UNUSED(tmp);
	return VM_STR(((const struct vm_source_row *)row)->help);
}

static struct vm_value need_names(uint32_t needs, struct vm_scratch *tmp)
{
	size_t n = 0;
	tmp->text[0] = '\0';
	for (unsigned b = 0; b < VM_NEED_NR; b++)
		if (needs >> b & 1 && n < sizeof(tmp->text))
			n += (size_t)snprintf(tmp->text + n, sizeof(tmp->text) - n, "%s%s", n ? " " : "",
					      vm_need_info[b].name);
	return VM_LIST(tmp->text);
}

GETTER(get_provides)
{
	UNUSED(f);
	return need_names(((const struct vm_source_row *)row)->provides, tmp);
}

GETTER(get_chosen)
{
	UNUSED(f);
	return need_names(((const struct vm_source_row *)row)->chosen, tmp);
}

GETTER(get_usable)
{
	UNUSED(f), UNUSED(tmp);
	return VM_BOOL(((const struct vm_source_row *)row)->usable);
}

GETTER(get_why)
{
	UNUSED(f), UNUSED(tmp);
	return VM_STR(((const struct vm_source_row *)row)->why);
}

#define FIELD(name_, key_, type_, get_, help_) \
	{ .name = name_, .key = key_, .help = help_, .type = type_, \
	  .flags = VM_F_DEFAULT | VM_F_MACHINE, .get = get_, .source = "vmtop" }

static const struct vm_field fields[] = {
	{ .name = "SOURCE", .key = "source", .help = "name of the source", .type = VM_T_STR,
	  .flags = VM_F_DEFAULT | VM_F_MACHINE | VM_F_LABEL, .get = get_name, .source = "vmtop" },
	FIELD("WORKS", "usable", VM_T_BOOL, get_usable, "whether it works here"),
	FIELD("USED-FOR", "used_for", VM_T_LIST, get_chosen, "needs for which it is the first choice here"),
	FIELD("TELLS", "provides", VM_T_LIST, get_provides, "needs that it can meet"),
	FIELD("WHAT", "what", VM_T_STR, get_help, "what it reads"),
	FIELD("WHY-NOT", "why_not", VM_T_STR, get_why, "why it doesn't work"),
};

const struct vm_fieldset vm_source_fields = {
	.row = "source", .rows = "sources", .v = fields, .n = sizeof(fields) / sizeof(fields[0]),
};
