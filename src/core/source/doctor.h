/**
 * Checks of what this machine gives: each is tried, on ourselves or a child of ours, and leaves nothing changed.
 *
 * No check goes by a version or a configuration where it can be done.
 */
#ifndef VM_SOURCE_DOCTOR_H
#define VM_SOURCE_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "core/model/doctor.h"

struct vm_err;
struct vm_session;

struct vm_check {
	struct vm_check_info info;
	bool live;                 /* of a captured tree it can't be told */
	/** Fill *out, which is empty. */
	void (*run)(struct vm_session *s, struct vm_finding *out);
};

/** All checks in the order in which they are told; facts about the machine first. */
extern const struct vm_check *const vm_checks[];
size_t vm_checks_count(void);

/** By its name; -1: there is none. */
int vm_check_find(const char *name);

/** Run one of them. */
void vm_check_run(struct vm_session *s, const struct vm_check *c, struct vm_check_row *out);

#endif
