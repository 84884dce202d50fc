/** Documentation made from the tables: blocks of the man page, completions of three shells. */

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "cli/command.h"
#include "cli/common.h"
#include "cli/help.h"
#include "core/base/err.h"
#include "core/field/field.h"
#include "core/model/kind.h"
#include "core/model/vmflags.h"

/** Calls fn for every option of the command, the common ones included. */
static void each_opt(const struct vm_command *cmd, void (*fn)(const struct vm_command *, const struct vm_opt *, FILE *),
		     FILE *out)
{
	const struct vm_opt *sets[] = {
		cmd->opts, cmd->fields ? vm_output_opts : NULL, vm_general_opts,
	};
	for (size_t s = 0; s < sizeof(sets) / sizeof(sets[0]); s++)
		for (const struct vm_opt *o = sets[s]; o && o->name; o++)
			if (!cmd->no_session || s == 0 || strcmp(o->name, "help") == 0 || strcmp(o->name, "version") == 0)
				fn(cmd, o, out);
}

void vm_man_sentence(const char *s, FILE *out)
{
	if (*s == '.' || *s == '\'')
		fputs("\\&", out);
	for (bool first = true; *s; s++, first = false) {
		if (*s == '-')
			fputs("\\-", out);
		else if (*s == '\\')
			fputc('\\', out);
		else
			fputc(first ? toupper((unsigned char)*s) : *s, out);
	}
}

/** Sentences in mdoc, which are a line each so that the formatter can space them. */
static void man_text(const char *s, FILE *out)
{
	for (; *s; s++) {
		fputc(*s, out);
		if (*s != '.' || s[1] != ' ')
			continue;
		const char *next = s + 1 + strspn(s + 1, " ");
		if (isupper((unsigned char)*next)) {
			fputc('\n', out);
			s = next - 1;
		}
	}
	fputc('\n', out);
}

static void man_opt(const struct vm_command *cmd, const struct vm_opt *o, FILE *out)
{
	(void)cmd;
	fputs(".It ", out);
	if (o->short_name)
		fprintf(out, "Fl %c , ", o->short_name);
	fprintf(out, "Fl \\-%s", o->name);
	if (o->arg)
		fprintf(out, " Ar %s", o->arg);
	fputc('\n', out);
	vm_man_sentence(o->help, out);
	fputs(".\n", out);
	if (o->man)
		man_text(o->man, out);
}

static void man_options(const struct vm_command *cmd, FILE *out)
{
	fputs(".Bl -tag -width Ds\n", out);
	each_opt(cmd, man_opt, out);
	fputs(".El\n", out);
}

static void man_groups(const struct vm_fieldset *set, FILE *out)
{
	if (!set->groups)
		return;
	fputs(".Pp\nGroups:\n.Bl -tag -width reclaim -compact\n", out);
	for (const struct vm_field_group *g = set->groups; g->name; g++) {
		fprintf(out, ".It Cm %s\n", g->name);
		vm_man_sentence(g->help, out);
		fputs(":\n", out);
		/* One after the other, so that lines can be broken. */
		for (const char *p = g->columns; *p; p++)
			fputs(*p == ',' ? ", " : (char[]){ *p, '\0' }, out);
		fputs(".\n", out);
	}
	fputs(".El\n", out);
}

static void man_columns(const struct vm_command *cmd, FILE *out)
{
	for (size_t i = 0; cmd->fields && cmd->fields[i]; i++) {
		const struct vm_fieldset *set = cmd->fields[i];
		fputs(i ? ".Pp\n" : "", out);
		fprintf(out, set->fixed ? "Figures of each %s.\n" : i ? "Columns of a %s.\n"
			: "Columns of a %s; those marked with * are shown without\n.Fl o .\n"
			  "Behind each stands its JSON key and where the kernel tells it.\n", set->row);
		man_groups(set, out);
		fputs(".Pp\n.Bl -tag -width \"PRHUGETLB *\" -compact\n", out);
		for (size_t k = 0; k < set->n; k++) {
			const struct vm_field *f = &set->v[k];
			fprintf(out, ".It Cm %s%s\n", f->name, !set->fixed && (f->flags & VM_F_DEFAULT) ? " *" : "");
			vm_man_sentence(f->help, out);
			fprintf(out, "\n.Pq Li %s ; No %s .\n", f->key, f->source);
		}
		fputs(".El\n", out);
	}
}

static void man_examples(const struct vm_command *cmd, FILE *out)
{
	fputs(".Bl -tag -width Ds\n", out);
	for (const struct vm_example *e = cmd->examples; e && e->cmd; e++) {
		fprintf(out, ".It Li \"%s\"\n", e->cmd);
		vm_man_sentence(e->what, out);
		fputs(".\n", out);
	}
	fputs(".El\n", out);
}

static void man_kinds(const struct vm_command *cmd, FILE *out)
{
	(void)cmd;
	fputs(".Bl -tag -width librodata -compact\n", out);
	for (unsigned i = VM_KIND_UNKNOWN + 1; i < VM_KIND_NR; i++) {
		fprintf(out, ".It Li %s\n", vm_kinds[i].name);
		vm_man_sentence(vm_kinds[i].help, out);
		fputs(".\n", out);
	}
	fputs(".El\n", out);
}

static void man_vmflags(const struct vm_command *cmd, FILE *out)
{
	(void)cmd;
	fputs(".Bl -tag -width Ds -compact\n", out);
	for (unsigned i = 0; i < VM_VMF_COUNT; i++) {
		const struct vm_vmflag *f = &vm_vmflags[i];
		fprintf(out, ".It Li \\&%s%s%s\n", f->code, i == VM_VMF_UNKNOWN ? "" : " Pq Dv ",
			i == VM_VMF_UNKNOWN ? "" : f->name);
		vm_man_sentence(f->words, out);
		fputs(": ", out);
		fputs(f->sentence, out);
		fputs(".\n", out);
	}
	fputs(".El\n", out);
}

/** Words that complete the option's argument, separated by blanks; none: "". */
static void put_words(const struct vm_opt *o, FILE *out)
{
	for (size_t i = 0; o->words && o->words[i]; i++)
		fprintf(out, "%s%s", i ? " " : "", o->words[i]);
}

/** Whether an earlier kind of rows has a column of that name. */
static bool named_before(const struct vm_command *cmd, size_t set, const char *name)
{
	for (size_t i = 0; i < set; i++)
		if (!cmd->fields[i]->fixed && vm_field_find(cmd->fields[i], name, strlen(name)) >= 0)
			return true;
	return false;
}

/** Columns of all kinds of rows, each name once: which of them a command line will show isn't known yet. */
static void put_column_names(const struct vm_command *cmd, FILE *out)
{
	const char *blank = "";
	for (size_t i = 0; cmd->fields[i]; i++) {
		const struct vm_fieldset *set = cmd->fields[i];
		if (set->fixed)
			continue;
		for (size_t k = 0; k < set->n; k++) {
			if (named_before(cmd, i, set->v[k].name))
				continue;
			fprintf(out, "%s%s", blank, set->v[k].name);
			blank = " ";
		}
	}
	/* All kinds of rows that have groups have those of the first one, or some of them. */
	for (const struct vm_field_group *g = cmd->fields[0]->groups; g && g->name; g++)
		fprintf(out, " %s", g->name);
}

/** What the shells can complete themselves, by the name that --help gives the argument. */
struct known {
	const char *arg, *bash, *zsh, *fish;
};

static const struct known *known_arg(const struct vm_opt *o)
{
	static const struct known known[] = {
		{ "PID", "-W \"$(cd /proc && echo [0-9]*)\"", "_sequence _pids", "(__fish_complete_pids)" },
		{ "USER", "-u", "_users", "(__fish_complete_users)" },
		{ "COMMAND", "-c", "_command_names -e", "(__fish_complete_command)" },
	};
	for (size_t i = 0; o->arg && i < sizeof(known) / sizeof(known[0]); i++)
		if (strncmp(o->arg, known[i].arg, strlen(known[i].arg)) == 0)
			return &known[i];
	return NULL;
}

static bool takes_pids(const struct vm_command *cmd)
{
	return strstr(cmd->operands, "PID") != NULL;
}

/** The one command whose operand is a name that it can list. */
static bool lists_operands(const struct vm_command *cmd)
{
	return strcmp(cmd->name, "vmlab") == 0;
}

static void bash_flag(const struct vm_command *cmd, const struct vm_opt *o, FILE *out)
{
	(void)cmd;
	if (o->short_name)
		fprintf(out, " -%c", o->short_name);
	fprintf(out, " --%s", o->name);
}

static void bash_case(const struct vm_command *cmd, const struct vm_opt *o, FILE *out)
{
	if (!o->arg)
		return;
	fputs("\t", out);
	if (o->short_name)
		fprintf(out, "-%c|", o->short_name);
	fprintf(out, "--%s)\n", o->name);
	if (o->columns && cmd->fields) {
		fputs("\t\tlocal word=${cur##*[,+-]}\n"
		      "\t\tmapfile -t COMPREPLY < <(compgen -P \"${cur%\"$word\"}\" -W \"", out);
		put_column_names(cmd, out);
		fputs("\" -- \"${word^^}\")\n\t\tcompopt -o nospace\n", out);
	} else if (o->words) {
		fputs("\t\tmapfile -t COMPREPLY < <(compgen -W \"", out);
		put_words(o, out);
		fputs("\" -- \"$cur\")\n", out);
	} else if (o->type == VM_OPT_PATH) {
		fputs("\t\tcompopt -o filenames\n\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n", out);
	} else if (known_arg(o)) {
		fprintf(out, "\t\tmapfile -t COMPREPLY < <(compgen %s -- \"$cur\")\n", known_arg(o)->bash);
	} else {
		fputs("\t\tCOMPREPLY=()\n", out);
	}
	fputs("\t\treturn\n\t\t;;\n", out);
}

static void doc_bash(const struct vm_command *cmd, FILE *out)
{
	fprintf(out, "# Completion of %s; written by %s --print-doc bash.\n# shellcheck shell=bash\n\n_%s()\n{\n"
		     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
		     "\t# --option=argument comes as three words.\n"
		     "\tif [[ $cur == = ]]; then\n\t\tcur=\n"
		     "\telif [[ $prev == = ]]; then\n\t\tprev=${COMP_WORDS[COMP_CWORD-2]}\n\tfi\n\tcase $prev in\n",
		cmd->name, cmd->name, cmd->name);
	each_opt(cmd, bash_case, out);
	fputs("\tesac\n", out);
	if (lists_operands(cmd))
		fputs("\tlocal word name=\n\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
		      "\t\t[[ $word == -* ]] || { name=$word; break; }\n\tdone\n"
		      "\tif [[ -n $name ]]; then\n"
		      "\t\tword=$(vmlab \"$name\" --help 2>/dev/null | grep -o '^  --[a-z-]*')\n"
		      "\t\tmapfile -t COMPREPLY < <(compgen -W \"$word\" -- \"$cur\")\n\t\treturn\n\tfi\n", out);
	fputs("\tif [[ $cur == -* ]]; then\n\t\tmapfile -t COMPREPLY < <(compgen -W \"", out);
	each_opt(cmd, bash_flag, out);
	fputs("\" -- \"$cur\")\n\telse\n", out);
	if (takes_pids(cmd))
		fputs("\t\tlocal pids\n\t\tpids=$(cd /proc && echo [0-9]*)\n"
		      "\t\tmapfile -t COMPREPLY < <(compgen -W \"self $pids\" -- \"$cur\")\n", out);
	else if (lists_operands(cmd))
		fputs("\t\tmapfile -t COMPREPLY < <(compgen -W \"$(vmlab --list --names 2>/dev/null)\" -- \"$cur\")\n", out);
	else
		fputs("\t\tCOMPREPLY=()\n", out);
	fprintf(out, "\tfi\n}\ncomplete -F _%s %s\n", cmd->name, cmd->name);
}

/** Text in single quotes for zsh and fish. */
static void put_quoted(const char *s, const char *also, FILE *out)
{
	for (; *s; s++) {
		if (*s == '\'')
			fputs("'\\''", out);
		else if (strchr(also, *s))
			fprintf(out, "\\%c", *s);
		else
			fputc(*s, out);
	}
}

static void zsh_spec(const struct vm_command *cmd, const struct vm_opt *o, const char *word, FILE *out)
{
	fprintf(out, "\t\t'%s[", word);
	put_quoted(o->help, "[]:", out);
	fputs("]", out);
	if (o->arg) {
		fputc(':', out);
		put_quoted(o->name, "[]:", out);
		fputc(':', out);
		if (o->columns && cmd->fields) {
			fputs("_values -s , column ", out);
			put_column_names(cmd, out);
		} else if (o->words) {
			fputc('(', out);
			put_words(o, out);
			fputc(')', out);
		} else if (o->type == VM_OPT_PATH) {
			fputs("_files", out);
		} else if (known_arg(o)) {
			fputs(known_arg(o)->zsh, out);
		} else {
			fputc(' ', out);
		}
	}
	fputs("' \\\n", out);
}

static void zsh_opt(const struct vm_command *cmd, const struct vm_opt *o, FILE *out)
{
	char word[80];
	if (o->short_name) {
		snprintf(word, sizeof(word), "-%c%s", o->short_name, o->arg ? "+" : "");
		zsh_spec(cmd, o, word, out);
	}
	snprintf(word, sizeof(word), "--%s%s", o->name, o->arg ? "=" : "");
	zsh_spec(cmd, o, word, out);
}

static void doc_zsh(const struct vm_command *cmd, FILE *out)
{
	fprintf(out, "#compdef %s\n# Written by %s --print-doc zsh.\n\n_%s()\n{\n\t_arguments -s \\\n", cmd->name, cmd->name,
		cmd->name);
	each_opt(cmd, zsh_opt, out);
	if (lists_operands(cmd))
		fputs("\t\t'1:workload:($(vmlab --list --names 2>/dev/null))' \\\n\t\t'*: : '\n", out);
	else
		fputs(takes_pids(cmd) ? "\t\t'*:process:_pids'\n" : "\t\t'*: : '\n", out);
	fprintf(out, "}\n\n_%s \"$@\"\n", cmd->name);
}

static void fish_opt(const struct vm_command *cmd, const struct vm_opt *o, FILE *out)
{
	fprintf(out, "complete -c %s", cmd->name);
	if (o->short_name)
		fprintf(out, " -s %c", o->short_name);
	fprintf(out, " -l %s", o->name);
	if (o->arg)
		fputs(o->type == VM_OPT_PATH ? " -r -F" : " -x", out);
	if (o->columns && cmd->fields) {
		fputs(" -a '(__fish_append , ", out);
		put_column_names(cmd, out);
		fputs(")'", out);
	} else if (o->words) {
		fputs(" -a '", out);
		put_words(o, out);
		fputs("'", out);
	} else if (known_arg(o)) {
		fprintf(out, " -a '%s'", known_arg(o)->fish);
	}
	fputs(" -d '", out);
	for (const char *s = o->help; *s; s++)
		fprintf(out, *s == '\'' ? "\\%c" : "%c", *s);
	fputs("'\n", out);
}

static void doc_fish(const struct vm_command *cmd, FILE *out)
{
	fprintf(out, "# Completion of %s; written by %s --print-doc fish.\ncomplete -c %s -f\n", cmd->name, cmd->name,
		cmd->name);
	if (takes_pids(cmd))
		fprintf(out, "complete -c %s -a '(__fish_complete_pids)'\n", cmd->name);
	if (lists_operands(cmd))
		fprintf(out, "complete -c %s -a '(vmlab --list --names 2>/dev/null)'\n", cmd->name);
	each_opt(cmd, fish_opt, out);
}

int vm_print_doc(const struct vm_command *cmd, const char *kind, FILE *out, struct vm_err *err)
{
	static const struct { const char *kind; void (*print)(const struct vm_command *, FILE *); } docs[] = {
		{ "man-options", man_options }, { "man-columns", man_columns }, { "man-examples", man_examples },
		{ "man-kinds", man_kinds }, { "man-vmflags", man_vmflags },
		{ "bash", doc_bash }, { "zsh", doc_zsh }, { "fish", doc_fish },
	};
	for (size_t i = 0; i < sizeof(docs) / sizeof(docs[0]); i++) {
		if (strcmp(docs[i].kind, kind) == 0) {
			docs[i].print(cmd, out);
			return 0;
		}
	}
	if (cmd->print_doc && cmd->print_doc(kind, out))
		return 0;
	return vm_fail(err, EINVAL, "there is no documentation '%s'", kind);
}
