/** Faults that end in a signal, which is survived. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "workloads/faults.h"
#include "workloads/registry.h"

/* Linux 6.13; missing from older headers. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef SEGV_PKUERR
#define SEGV_PKUERR 4
#endif

enum { INVALID_PAGES, INVALID_ROUNDS };

static const struct vm_param invalid_params[] = {
	{ "pages", "invalid accesses of each kind, one to each page", VM_P_U64, .def = "16", .min = 1, .max = 1u << 16 },
	VM_ROUNDS_PARAM,
	{ .name = NULL }
};

enum deed { READ, WRITE, EXECUTE, ASK_KERNEL };
enum place { HOLE, KERNEL, PLAIN, TOUCHED, FILE_END, KEYED, GUARDED };

/** What the kernel gives up shows by the thread's next fault: it isn't the last one. */
static const struct way {
	const char *label, *kind;
	enum place place;
	int prot;
	enum deed deed;
	int signal, code;          /* 0: none, the system call fails */
} ways[] = {
	{ "system call, EFAULT", "unresolved", PLAIN, PROT_NONE, ASK_KERNEL, 0, 0 },
	{ "unmapped", "invalid-unmapped", HOLE, PROT_NONE, READ, SIGSEGV, SEGV_MAPERR },
	{ "address of the kernel", "invalid-unmapped", KERNEL, PROT_NONE, READ, SIGSEGV, SEGV_MAPERR },
	{ "read-only, written", "invalid-permission", PLAIN, PROT_READ, WRITE, SIGSEGV, SEGV_ACCERR },
	{ "PROT_NONE, read", "invalid-permission", PLAIN, PROT_NONE, READ, SIGSEGV, SEGV_ACCERR },
	{ "data, executed", "invalid-permission", TOUCHED, PROT_READ | PROT_WRITE, EXECUTE, SIGSEGV, SEGV_ACCERR },
	{ "beyond the end of the file", "invalid-eof", FILE_END, PROT_READ, READ, SIGBUS, BUS_ADRERR },
	{ "protection key", "invalid-pkey", KEYED, PROT_READ | PROT_WRITE, READ, SIGSEGV, SEGV_PKUERR },
	{ "guard page", "invalid-guard", GUARDED, PROT_READ | PROT_WRITE, READ, SIGSEGV, SEGV_MAPERR },
};

enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

struct invalid {
	const struct vm_lab *lab;
	struct vm_region r[WAYS];  /* none where this machine has no such thing */
	struct vm_tmpfile file;
	int pkey;                  /* 0: none */
	uint64_t rounds;
};

/* ---- Surviving --------------------------------------------------------------------------------------------------- */

/** Where a handler returns to, and what it saw: handlers take no argument of ours. */
static _Thread_local struct escape {
	sigjmp_buf to;
	int signal, code;
} *escape;

static void survive(int signal, siginfo_t *si, void *context)
{
	(void)context;
	/* Another one than we asked for ends the process as it would without us. */
	if (!escape) {
		sigaction(signal, &(const struct sigaction){ .sa_handler = SIG_DFL }, NULL);
		return;
	}
	escape->signal = signal;
	escape->code = si->si_code;
	siglongjmp(escape->to, 1);
}

/** A sanitizer would look at the address first. */
__attribute__((noinline, no_sanitize("address", "undefined")))
static void access_it(enum deed deed, char *p, int fd)
{
	switch (deed) {
	case READ:
		(void)*(const volatile char *)p;
		break;
	case WRITE:
		*(volatile char *)p = 1;
		break;
	case EXECUTE:
		((void (*)(void))(uintptr_t)p)();
		break;
	case ASK_KERNEL:
		/* get_user() of an int: one instruction. */
		ioctl(fd, FIONBIO, p);
		break;
	}
}

/** Access each page of the region, or have the kernel do it for `fd`; how many did not end as they must. */
static uint64_t access_all(const struct way *w, const struct vm_region *r, int fd)
{
	struct escape here = { .signal = 0 };
	volatile uint64_t at = 0, others = 0;
	escape = &here;
	for (; at < r->size; at += r->page) {
		here.signal = here.code = 0;
		if (sigsetjmp(here.to, 1) == 0)
			access_it(w->deed, r->p + at, fd);
		if (here.signal != w->signal || (w->signal && here.code != w->code))
			others++;
	}
	escape = NULL;
	return others;
}

/* ---- The places -------------------------------------------------------------------------------------------------- */

/** A canonical address that is never a process's, with 4 levels of page tables or with 5; or NULL on other CPUs. */
static char *kernel_address(void)
{
#ifdef __x86_64__
	return (char *)(uintptr_t)UINT64_C(0xffff800000000000);
#else
	return NULL;
#endif
}

static int give_key(struct invalid *s, struct vm_region *r, const struct way *w, struct vm_truth *t, struct vm_err *err)
{
	s->pkey = pkey_alloc(0, 0);
	if (s->pkey > 0)
		return pkey_mprotect(r->p, r->size, w->prot, s->pkey) < 0 ? vm_fail_os(err, errno, "cannot give memory a key") : 0;
	vm_truth_say(t, "left out: %s; the CPU or the kernel has none", w->label);
	vm_region_unmap(r);
	return 0;
}

static int make_place(struct invalid *s, unsigned i, struct vm_truth *t, struct vm_err *err)
{
	const struct way *w = &ways[i];
	struct vm_region *r = &s->r[i];
	const bool file = w->place == FILE_END;
	const uint64_t size = s->lab->arg[INVALID_PAGES].u64 * s->lab->page;
	if (w->place == KERNEL) {
		*r = (struct vm_region){ .p = kernel_address(), .size = size, .page = s->lab->page };
		return 0;
	}
	int res = file ? vm_tmpfile_open(&s->file, s->lab, err) : 0;
	if (res == 0)
		res = vm_region_map(r, s->lab, size, w->prot, file ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS,
		                    file ? s->file.fd : -1, err);
	if (res < 0)
		return res;
	if (w->place == GUARDED && madvise(r->p, size, MADV_GUARD_INSTALL) < 0) {
		vm_truth_say(t, "left out: %s; this kernel has no MADV_GUARD_INSTALL (Linux 6.13)", w->label);
		vm_region_unmap(r);
	}
	return w->place == KEYED ? give_key(s, r, w, t, err) : 0;
}

/** Nothing may be mapped into the hole meanwhile: it is one for as long as it is accessed. */
static int use_place(const struct invalid *s, unsigned i, struct vm_err *err)
{
	const struct way *w = &ways[i];
	const struct vm_region *r = &s->r[i];
	if (w->place == HOLE && munmap(r->p, r->size) < 0)
		return vm_fail_os(err, errno, "cannot unmap");
	const uint64_t others = access_all(w, r, s->file.fd);
	if (w->place == HOLE && mmap(r->p, r->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
	                             0) == MAP_FAILED)
		return vm_fail_os(err, errno, "cannot map");
	if (others)
		return vm_fail(err, EIO, "%llu accesses of the kind '%s' did not end as they must", (unsigned long long)others,
		               w->label);
	return 0;
}

/** Where there is no page an access is the kernel's business first, whatever it is for. */
static bool is_touched(const struct way *w)
{
	return w->place == TOUCHED || w->place == KEYED;
}

static void touch_places(const struct invalid *s)
{
	for (unsigned i = 0; i < WAYS; i++)
		if (s->r[i].p && is_touched(&ways[i]))
			vm_touch(s->lab, s->r[i].p, s->r[i].size);
	if (s->pkey > 0)
		pkey_set(s->pkey, PKEY_DISABLE_ACCESS);
}

/** All of them, with the handlers in place. */
static int use_all(const struct invalid *s, struct vm_err *err)
{
	const struct sigaction act = { .sa_sigaction = survive, .sa_flags = SA_SIGINFO };
	struct sigaction segv, bus;
	int r = 0;
	sigaction(SIGSEGV, &act, &segv);
	sigaction(SIGBUS, &act, &bus);
	for (unsigned i = 0; i < WAYS && r == 0; i++)
		if (s->r[i].p)
			r = use_place(s, i, err);
	sigaction(SIGSEGV, &segv, NULL);
	sigaction(SIGBUS, &bus, NULL);
	return r;
}

static int invalid_step(void *state, struct vm_truth *t, struct vm_err *err)
{
	struct invalid *s = state;
	struct vm_meter m;
	const bool first = s->rounds == 0;
	uint64_t n = 0;
	vm_meter_begin(&m, RUSAGE_SELF);
	if (first)
		touch_places(s);
	int r = use_all(s, err);
	vm_meter_end(&m, RUSAGE_SELF);
	if (r < 0)
		return r;
	vm_truth_meter(t, &m);
	vm_truth_array_begin(t, "faults");
	for (unsigned i = 0; i < WAYS; i++) {
		const struct vm_region *reg = &s->r[i];
		if (!reg->p)
			continue;
		const uint64_t pages = reg->size / reg->page;
		n += ways[i].signal ? pages : 0;
		vm_truth_fault(t, &(struct vm_faults_fact){ .label = ways[i].label, VM_FAULTS_IN(reg), .kind = ways[i].kind,
		               .from = ways[i].signal ? NULL : "kernel", .count = pages });
		vm_truth_fault(t, &(struct vm_faults_fact){ .label = "touched before", VM_FAULTS_IN(reg), .kind = "anon-first",
		               .count = first && is_touched(&ways[i]) ? pages : 0 });
	}
	vm_truth_array_end(t);
	vm_truth_u64(t, "invalid_faults", n);
	vm_truth_say(t, "%llu accesses ended in a signal, and none of them counts as a fault of the process",
	             (unsigned long long)n);
	return ++s->rounds < s->lab->arg[INVALID_ROUNDS].u64;
}

static int invalid_make(const struct vm_lab *lab, struct vm_truth *t, void **state, struct vm_err *err)
{
	struct invalid *s = *state = calloc(1, sizeof(*s));
	if (!s)
		return vm_fail_os(err, ENOMEM, "cannot keep the state");
	s->lab = lab;
	s->file.fd = -1;
	int r = 0;
	for (unsigned i = 0; i < WAYS && r == 0; i++)
		r = make_place(s, i, t, err);
	if (r == 0)
		r = invalid_step(s, t, err);
	return r < 0 ? r : 0;
}

static void invalid_done(void *state)
{
	struct invalid *s = state;
	for (unsigned i = 0; i < WAYS; i++)
		if (ways[i].place != KERNEL)
			vm_region_unmap(&s->r[i]);
	vm_tmpfile_remove(&s->file);
	if (s->pkey > 0)
		pkey_free(s->pkey);
	free(s);
}

const struct vm_workload vm_workload_invalid = {
	.name = "invalid",
	.help = "faults: accesses that end in SIGSEGV or SIGBUS, and are survived",
	.shows = "vmfault",
	.lesson = "Not every fault brings a page: where nothing is mapped, where the mapping forbids it, behind the end of a file, "
	          "or at a guard page it ends in a signal.  Programs may handle that, and garbage collectors and debuggers "
	          "live on it.  The kernel counts none of them as faults of the process; each costs as much, and the "
	          "signal more than that.  In a system call the same access is an EFAULT.",
	.params = invalid_params,
	.make = invalid_make,
	.step = invalid_step,
	.done = invalid_done,
};
