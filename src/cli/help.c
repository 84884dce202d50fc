#include "cli/help.h"

#include <string.h>

#include "cli/command.h"
#include "cli/common.h"
#include "core/field/field.h"

enum { HELP_COLUMN = 32 };

static void print_opts(const char *title, const struct vm_opt *o, FILE *out)
{
	if (!o || !o->name)
		return;
	fprintf(out, "\n%s:\n", title);
	for (; o->name; o++) {
		char left[96];
		snprintf(left, sizeof(left), "%s%s--%s%s%s", o->short_name ? "-" : "    ",
			 o->short_name ? (char[]){ (char)o->short_name, ',', ' ', '\0' } : "", o->name, o->arg ? " " : "",
			 o->arg ? o->arg : "");
		if (strlen(left) + 4 > HELP_COLUMN)
			fprintf(out, "  %s\n  %*s%s\n", left, HELP_COLUMN, "", o->help);
		else
			fprintf(out, "  %-*s%s\n", HELP_COLUMN, left, o->help);
	}
}

static void print_columns(const struct vm_fieldset *set, FILE *out)
{
	fprintf(out, set->fixed ? "\nFigures of each %s:\n" : "\nColumns of a %s (* shown without -o):\n", set->row);
	for (size_t i = 0; i < set->n; i++)
		fprintf(out, "  %c %-17s %s\n", !set->fixed && (set->v[i].flags & VM_F_DEFAULT) ? '*' : ' ', set->v[i].name,
			set->v[i].help);
	for (const struct vm_field_group *g = set->groups; g && g->name; g++)
		fprintf(out, "%s    %-17s %s\n", g == set->groups ? "  Groups of them:\n" : "", g->name, g->help);
}

void vm_print_help(const struct vm_command *cmd, FILE *out)
{
	fprintf(out, "Usage: %s [OPTION]... %s\n\n%s.\n", cmd->name, cmd->operands, cmd->brief);
	print_opts("Options", cmd->opts, out);
	if (cmd->fields)
		print_opts("Output", vm_output_opts, out);
	if (cmd->no_session)
		fputs("\nGeneral:\n  -h, --help                      show this help\n"
		      "  -V, --version                   show version and built-in parts\n", out);
	else
		print_opts("General", vm_general_opts, out);
	for (size_t i = 0; cmd->fields && cmd->fields[i]; i++)
		print_columns(cmd->fields[i], out);
	if (cmd->examples) {
		fputs("\nExamples:\n", out);
		for (const struct vm_example *e = cmd->examples; e->cmd; e++)
			fprintf(out, "  %-46s %s\n", e->cmd, e->what);
	}
	fprintf(out, "\nExit status: 0 done; 1 failed; 2 wrong usage; 3 no such process; 4 not permitted; 5 done in\n"
		     "part (with --strict).  More in %s(1) and vmtop-suite(7).\n", cmd->name);
}

void vm_print_version(const struct vm_command *cmd, FILE *out)
{
	/* Optional libraries that a command calls; those that are only looked for are no part yet. */
	static const struct { const char *name; int have; } parts[] = {
		{ "tui", VM_HAVE_TUI },
	};
	fprintf(out, "%s (vmtop) %s", cmd->name, VM_VERSION);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		fprintf(out, " %c%s", parts[i].have ? '+' : '-', parts[i].name);
	fputs("\nLicence GPL-2.0-or-later; there is no warranty.\n", out);
}
