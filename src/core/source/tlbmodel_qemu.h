/**
 * QEMU's emulators of single programs (package qemu-user), as an engine of the TLB model: which of them runs a program,
 * and how it is told to.
 */
#ifndef VM_SOURCE_TLBMODEL_QEMU_H
#define VM_SOURCE_TLBMODEL_QEMU_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct vm_err;

/** An emulator, and the program for it. */
struct vm_qemu {
	char machine[16];          /* as QEMU calls it: "x86_64", "aarch64" */
	bool foreign;              /* another machine than this one */
	char emulator[PATH_MAX];
	char program[PATH_MAX];    /* the ELF file: what was named, or the interpreter of a script */
	/** Of a script: what its first line puts before its name ("" if nothing), and its path. */
	char script_arg[256], script[PATH_MAX];
	/** Below which a foreign program finds its libraries, or "". */
	char root[PATH_MAX];
};

/** As execvp(3): a name without a slash is looked for in PATH, and one that can't be executed is passed over.  0, -ENOENT,
    -EACCES, -ENAMETOOLONG ... */
int vm_find_in_path(const char *name, char *path, size_t size);

/** The program alone, and for which machine it is; out->emulator isn't looked for.  0, -ENOENT, -EACCES, -ENOEXEC. */
int vm_qemu_program(const char *name, struct vm_qemu *out, struct vm_err *err);

/**
 * Look for them.  `name` is found as execvp(3) does.
 * 0; -ENOENT, -EACCES, -ENOEXEC: no such program, or none that can be executed; -EOPNOTSUPP: no emulator for it here, or
 * one without plugins: err says what would bring it.
 */
int vm_qemu_find(const char *name, struct vm_qemu *out, struct vm_err *err);

/**
 * The command that runs argv (NULL at its end) under the emulator with that plugin; `options` are "key=value" texts, NULL
 * at their end.  NULL without memory; freed by vm_qemu_command_free().
 */
char **vm_qemu_command(const struct vm_qemu *q, const char *plugin, const char *const *options, char *const *argv);
void vm_qemu_command_free(char **command);

#endif
