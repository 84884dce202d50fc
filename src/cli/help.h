/** --help, --version and --print-doc: the tables as text. */
#ifndef VM_CLI_HELP_H
#define VM_CLI_HELP_H

#include <stdio.h>

struct vm_command;
struct vm_err;

void vm_print_help(const struct vm_command *cmd, FILE *out);
void vm_print_version(const struct vm_command *cmd, FILE *out);

/**
 * Blocks of documentation made from the tables: man-options, man-columns, man-examples, man-kinds,
 * man-vmflags; completions for bash, zsh and fish.  -EINVAL if there is no such kind.
 */
int vm_print_doc(const struct vm_command *cmd, const char *kind, FILE *out, struct vm_err *err);

/** A sentence in mdoc, without its full stop: capital first, no line that begins with a control character. */
void vm_man_sentence(const char *s, FILE *out);

#endif
