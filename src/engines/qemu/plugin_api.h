// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * What we call of QEMU's interface for plugins, and what it calls of ours; no Debian package brings a header.
 *
 * Known are versions 0 and 1 of it (QEMU 4.2 to 8.2) and 2 to 6 (QEMU 9.0 to 11.0).  All that is declared here is the
 * same in these.  Version 7 passes other arguments to callbacks.
 * Source: QEMU's documentation "QEMU TCG Plugins", and the list of changes at the head of its qemu-plugin.h.
 */
#ifndef VM_ENGINES_QEMU_PLUGIN_API_H
#define VM_ENGINES_QEMU_PLUGIN_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VM_QEMU_EXPORT __attribute__((visibility("default")))

/** The last version in which callbacks have the arguments that we expect. */
enum { VM_QEMU_API_LAST = 6 };

struct qemu_plugin_tb;             /* a translated block of instructions */
struct qemu_plugin_insn;

/** The emulator, as it presents itself. */
struct qemu_info {
	const char *target_name;   /* "x86_64" */
	struct {
		int min, cur;      /* versions of the interface */
	} version;
	bool system_emulation;
	int smp_vcpus, max_vcpus;
};

/* Callbacks must not touch the program's registers, and say so. */
enum { QEMU_PLUGIN_CB_NO_REGS = 0 };
enum { QEMU_PLUGIN_MEM_RW = 3 };

typedef void (*qemu_tb_fn)(uint64_t id, struct qemu_plugin_tb *tb);
typedef void (*qemu_exec_fn)(unsigned vcpu, void *userdata);
typedef void (*qemu_mem_fn)(unsigned vcpu, uint32_t info, uint64_t addr, void *userdata);
typedef void (*qemu_vcpu_fn)(uint64_t id, unsigned vcpu);
typedef void (*qemu_exit_fn)(uint64_t id, void *userdata);
typedef void (*qemu_syscall_fn)(uint64_t id, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3,
				uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8);
typedef void (*qemu_syscall_ret_fn)(uint64_t id, unsigned vcpu, int64_t number, int64_t result);

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, qemu_tb_fn fn);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, qemu_exec_fn fn, int flags, void *userdata);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, qemu_exec_fn fn, int flags, void *userdata);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, qemu_mem_fn fn, int flags, int rw, void *userdata);
void qemu_plugin_register_vcpu_init_cb(uint64_t id, qemu_vcpu_fn fn);
void qemu_plugin_register_vcpu_exit_cb(uint64_t id, qemu_vcpu_fn fn);
void qemu_plugin_register_vcpu_syscall_cb(uint64_t id, qemu_syscall_fn fn);
void qemu_plugin_register_vcpu_syscall_ret_cb(uint64_t id, qemu_syscall_ret_fn fn);
void qemu_plugin_register_atexit_cb(uint64_t id, qemu_exit_fn fn, void *userdata);

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
bool qemu_plugin_mem_is_store(uint32_t info);
unsigned qemu_plugin_mem_size_shift(uint32_t info);

/** Since version 2 only, whence NULL in older ones. */
int qemu_plugin_num_vcpus(void) __attribute__((weak));

/* What QEMU looks for in a plugin. */
extern VM_QEMU_EXPORT int qemu_plugin_version;
VM_QEMU_EXPORT int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv);

#endif
