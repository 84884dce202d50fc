#include "core/source/doctor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/source/doctor_part.h"
#include "core/source/session.h"
#include "core/source/source.h"

const struct vm_check *const vm_checks[] = {
	&vm_check_kernel, &vm_check_paging, &vm_check_direct_map, &vm_check_tlb, &vm_check_hugetlb, &vm_check_thp, &vm_check_numa,
	&vm_check_capabilities, &vm_check_ptrace, &vm_check_container, &vm_check_memlock, &vm_check_lockdown,
	&vm_check_others, &vm_check_procmap, &vm_check_pagemap, &vm_check_scan, &vm_check_pfn, &vm_check_kpage, &vm_check_tables,
	&vm_check_soft_dirty, &vm_check_accessed, &vm_check_idle, &vm_check_damon, &vm_check_psi,
	&vm_check_btf, &vm_check_iterators, &vm_check_fault_programs, &vm_check_perf, &vm_check_pmu,
	NULL,
};

size_t vm_checks_count(void)
{
	size_t n = 0;
	while (vm_checks[n])
		n++;
	return n;
}

int vm_check_find(const char *name)
{
	for (int i = 0; vm_checks[i]; i++)
		if (strcmp(vm_checks[i]->info.name, name) == 0)
			return i;
	return -1;
}

void vm_check_run(struct vm_session *s, const struct vm_check *c, struct vm_check_row *out)
{
	*out = (struct vm_check_row){ .check = &c->info };
	const uint64_t began = vm_clock_ns();
	if (c->live && !s->live)
		vm_found(&out->finding, VM_VERDICT_UNTRIED, "a %s can't be tried", vm_session_kind(s));
	else
		c->run(s, &out->finding);
	out->took_ns = vm_clock_ns() - began;
}

/* ---- What checks say ---------------------------------------------------------------------------------------------- */

void vm_found(struct vm_finding *f, enum vm_verdict verdict, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	f->verdict = verdict;
	vsnprintf(f->found, sizeof(f->found), fmt, ap);
	va_end(ap);
}

void vm_found_why(struct vm_finding *f, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(f->why, sizeof(f->why), fmt, ap);
	va_end(ap);
}

void vm_found_fix(struct vm_finding *f, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(f->fix, sizeof(f->fix), fmt, ap);
	va_end(ap);
}

void vm_found_result(struct vm_finding *f, int r, const struct vm_err *err, const char *needs)
{
	if (r == 0) {
		vm_found(f, VM_VERDICT_WORKS, "works");
		return;
	}
	vm_found_why(f, "%s", err->what);
	if (r == -EACCES || r == -EPERM) {
		vm_found(f, VM_VERDICT_DENIED, "needs %s", needs);
		vm_found_fix(f, "%s", err->hint[0] ? err->hint : "run with sudo");
	} else {
		vm_found(f, VM_VERDICT_ABSENT, r == -ENOENT || r == -ENOTTY ? "not in this kernel" : "%.100s", err->what);
		vm_found_fix(f, "%s", err->hint);
	}
}

bool vm_found_bpf(struct vm_finding *f)
{
	if (VM_HAVE_BPF)
		return true;
	vm_found(f, VM_VERDICT_ABSENT, "built without BPF");
	vm_found_fix(f, "build with libbpf, clang and bpftool (-DVM_BPF=ON)");
	return false;
}

void vm_found_source(struct vm_session *s, const struct vm_source *src, const char *needs, struct vm_finding *f)
{
	struct vm_err err = { 0 };
	vm_found_result(f, src ? vm_source_usable(s, src, &err) : -EOPNOTSUPP, &err, needs);
}

const struct vm_source *vm_source_named(const struct vm_source *const *list, const char *name)
{
	for (; *list; list++)
		if (strcmp((*list)->name, name) == 0)
			return *list;
	return NULL;
}
