// SPDX-License-Identifier: GPL-2.0-or-later
/**
 * A plugin for QEMU's emulators of single programs: all that a program accesses goes through the TLB model.
 *
 * Options: model=NUMBERS (tlbtrace_text.h), directory=DIR, program=TEXT, and image=FD, a memfd of vmtlb's (image.h).  When a
 * process ends or calls execve(2), it writes DIR/PID-N, which was there from its beginning, and empty; a process that forked
 * off has a file of its own, and begins with nothing counted.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engines/qemu/guest.h"
#include "engines/qemu/image.h"
#include "engines/qemu/plugin_api.h"

enum { VCPUS_MAX = 65536, BLOCK_BUCKETS = 1 << 16, ABOUT = 64, STORES = 1 << 15, SIZES = STORES - 1 };

/** Instructions that are run in one go. */
struct block {
	uint64_t addr;
	struct vm_tlbtrace_site *site;
	struct block *next;
	unsigned instructions;
};

/** QEMU's callbacks have no place for a context of ours, so there is one here. */
static struct engine {
	struct vm_tlbimage *image;
	struct vm_tlbtrace *core;  /* the one in the image */
	/** The head of the image; in processes that forked off, still the first one's. */
	struct vm_tlbimage *shared;
	struct vm_guest guest;
	pthread_mutex_t lock;
	const char *directory;
	int fd;                    /* the result, while it is written */
	bool child;                /* forked off */
	struct vm_tlbimage *copy;  /* of the image, for a child that forks off now */
	struct vm_tlbtrace_thread *thread[VCPUS_MAX];
	struct vm_tlbimage_queue *queue[VCPUS_MAX];
	struct block *block[BLOCK_BUCKETS];
	uint64_t about[ABOUT];
} e;

/** The system call that a thread is in. */
static __thread struct {
	unsigned vcpu;
	uint64_t arg[4];
} at;

/**
 * Emulators refuse a plugin for a version that isn't within theirs, and up to 8.2 they know version 1, from 9.0 on they
 * begin with 2.  They look when the constructors have run.
 */
int qemu_plugin_version = 1;

__attribute__((constructor))
static void choose_version(void)
{
	if (qemu_plugin_num_vcpus)
		qemu_plugin_version = 2;
}

/* ---- What the core needs ------------------------------------------------------------------------------------------ */

static void *alloc(void *ctx, size_t bytes)
{
	struct vm_tlbimage *image = e.image;
	(void)ctx;
	bytes = (bytes + 63) & ~(size_t)63;
	if (bytes <= image->bytes - image->used) {
		void *const to = (char *)image + image->used;
		image->used += bytes;
		return to;
	}
	image->broken = 1;
	void *const to = calloc(1, bytes);
	if (to)
		return to;
	fputs("vmtlb: no memory left for the model\n", stderr);
	abort();
}

static void drop(void *ctx, void *memory)
{
	const char *const at_ = memory, *const begin = (const char *)e.image;
	(void)ctx;
	if (at_ < begin || at_ >= begin + e.image->bytes)
		free(memory);
}

static bool place(void *ctx, uint64_t addr, struct vm_tlbtrace_place *out)
{
	(void)ctx;
	return vm_guest_place(&e.guest, addr, out);
}

static enum vm_tlb_size page_size(void *ctx, uint64_t addr)
{
	bool anew;
	const enum vm_tlb_size size = vm_guest_page_size(&e.guest, addr, &anew);
	(void)ctx;
	e.core->epoch += anew;
	snprintf(e.image->sizes, sizeof(e.image->sizes), "%s", vm_guest_sizes(&e.guest));
	return size;
}

static void put(void *ctx, const char *bytes, size_t n)
{
	(void)ctx;
	while (n && e.fd >= 0) {
		const ssize_t done = write(e.fd, bytes, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			close(e.fd);
			e.fd = -1;
			break;
		}
		bytes += done;
		n -= (size_t)done;
	}
}

static void lock(void *ctx)
{
	(void)ctx;
	pthread_mutex_lock(&e.lock);
}

static void unlock(void *ctx)
{
	(void)ctx;
	pthread_mutex_unlock(&e.lock);
}

static const struct vm_tlbtrace_ops ops = {
	.alloc = alloc, .free = drop, .place = place, .page_size = page_size, .write = put,
};

/* ---- The result --------------------------------------------------------------------------------------------------- */

static bool path_of_result(char *path, size_t size)
{
	const struct vm_tlbimage *image = e.image;
	return snprintf(path, size, "%s/%u-%u", e.directory, image->pid, image->number) < (int)size;
}

/** A file of its own for each process; empty until there is a result. */
static bool name_result(void)
{
	char path[PATH_MAX];
	int fd = -1;
	for (e.image->number = 0; fd < 0 && path_of_result(path, sizeof(path)); e.image->number += fd < 0) {
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0 && errno != EEXIST)
			return false;
	}
	return fd >= 0 && close(fd) == 0;
}

/** The program must neither see a descriptor of ours nor be able to close it: the file is open while it is written. */
static void write_result(void)
{
	const struct vm_tlbtrace_about about = { .engine = e.image->engine, .sizes = e.image->sizes, .program = e.image->program,
						 .pid = e.image->pid };
	char path[PATH_MAX];
	/* An emulator that couldn't load the program ends as usual. */
	if (vm_tlbimage_ran(e.core) && path_of_result(path, sizeof(path)))
		e.fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (e.fd < 0)
		return;
	vm_tlbtrace_write(e.core, &about);
	if (e.fd < 0)
		return;
	e.image->written = close(e.fd) == 0;
	e.fd = -1;
}

/* ---- Execution ---------------------------------------------------------------------------------------------------- */

static void drain(unsigned vcpu)
{
	lock(NULL);
	vm_tlbimage_drain(e.core, e.queue[vcpu]);
	unlock(NULL);
}

/** To be modelled; from here on, its page is the latest of its set. */
static inline void enqueue(unsigned vcpu, struct vm_tlbtrace_filter *f, struct vm_tlbtrace_site *site, uint64_t addr)
{
	const uint64_t page = addr >> VM_TLBTRACE_PAGE_SHIFT, number = addr >> VM_TLBSIM_PMD_SHIFT;
	struct vm_tlbimage_queue *q = e.queue[vcpu];
	f->page[page & f->page_mask] = page;
	f->region[number & f->region_mask] = number;
	q->v[q->n].addr = addr;
	q->v[q->n].site = site;
	if (__builtin_expect(++q->n == VM_TLBIMAGE_QUEUE, 0))
		drain(vcpu);
}

/* What isn't told at once is left to functions of their own, so that the others need no stack. */

static __attribute__((noinline)) void fetch_slow(unsigned vcpu, struct vm_tlbtrace_site *site, uint64_t addr)
{
	enqueue(vcpu, &e.thread[vcpu]->code, site, addr);
}

static inline void fetch(unsigned vcpu, struct vm_tlbtrace_site *site, uint64_t addr)
{
	if (__builtin_expect(!vm_tlbtrace_told(&e.thread[vcpu]->code, addr), 0))
		fetch_slow(vcpu, site, addr);
}

static void run_block(unsigned vcpu, void *block)
{
	const struct block *b = block;
	e.thread[vcpu]->instructions += b->instructions;
	fetch(vcpu, b->site, b->addr);
}

/** Within a block, instructions go on on another page. */
static void next_page(unsigned vcpu, void *site_)
{
	struct vm_tlbtrace_site *site = site_;
	fetch(vcpu, site, site->ip);
}

/** An instruction goes on on another page. */
static void next_page_within(unsigned vcpu, void *site_)
{
	struct vm_tlbtrace_site *site = site_;
	fetch(vcpu, site, (site->ip | (VM_TLBTRACE_PAGE - 1)) + 1);
}

/**
 * What QEMU says of an access, which takes two calls, is kept: its number from bit 16 on, whether it stores in bit 15, and
 * its size.  Callbacks for loads or stores alone would spare that, but QEMU 7.2 calls both.
 */
static uint64_t ask_about(uint32_t info)
{
	return (uint64_t)info << 16 | (qemu_plugin_mem_is_store(info) ? STORES : 0) | 1U << qemu_plugin_mem_size_shift(info);
}

static inline uint64_t *kept_about(uint32_t info)
{
	return &e.about[(info ^ info >> 16) % ABOUT];
}

static __attribute__((noinline)) void access_slow(unsigned vcpu, uint32_t info, uint64_t addr, struct vm_tlbtrace_site *site)
{
	struct vm_tlbtrace_thread *t = e.thread[vcpu];
	const uint64_t known = ask_about(info), last = addr + (known & SIZES) - 1;
	__atomic_store_n(kept_about(info), known, __ATOMIC_RELAXED);
	*(known & STORES ? &t->stores : &t->loads) += 1;
	if (!vm_tlbtrace_told(&t->data, addr))
		enqueue(vcpu, &t->data, site, addr);
	if ((addr ^ last) >> VM_TLBTRACE_PAGE_SHIFT && !vm_tlbtrace_told(&t->data, last))
		enqueue(vcpu, &t->data, site, last);
}

static void access_data(unsigned vcpu, uint32_t info, uint64_t addr, void *site)
{
	struct vm_tlbtrace_thread *t = e.thread[vcpu];
	const uint64_t known = __atomic_load_n(kept_about(info), __ATOMIC_RELAXED), last = addr + (known & SIZES) - 1;
	const bool plain = known >> 16 == info && known && !((addr ^ last) >> VM_TLBTRACE_PAGE_SHIFT);
	if (__builtin_expect(plain && vm_tlbtrace_told(&t->data, addr), 1))
		*(known & STORES ? &t->stores : &t->loads) += 1;
	else
		access_slow(vcpu, info, addr, site);
}

/** The first store of a program goes to its stack: until then, accesses come here. */
static void access_until_store(unsigned vcpu, uint32_t info, uint64_t addr, void *site)
{
	if (!e.guest.stack_at && qemu_plugin_mem_is_store(info)) {
		e.guest.stack_at = addr;
		e.guest.stale = true;
	}
	access_data(vcpu, info, addr, site);
}

/* ---- Translation -------------------------------------------------------------------------------------------------- */

static struct vm_tlbtrace_site *site_of(uint64_t ip, bool code)
{
	lock(NULL);
	struct vm_tlbtrace_site *site = vm_tlbtrace_site(e.core, ip, code);
	unlock(NULL);
	return site;
}

/** The record of a block; one that is translated again has it already.  Under QEMU's lock of translation. */
static struct block *block_of(uint64_t addr, unsigned instructions)
{
	struct block **bucket = &e.block[vm_tlbtrace_bucket(addr, BLOCK_BUCKETS)];
	struct block *b = *bucket;
	while (b && (b->addr != addr || b->instructions != instructions))
		b = b->next;
	if (b)
		return b;
	struct vm_tlbtrace_site *site = site_of(addr, true);
	lock(NULL);
	b = alloc(NULL, sizeof(*b));
	*b = (struct block){ .addr = addr, .site = site, .next = *bucket, .instructions = instructions };
	*bucket = b;
	unlock(NULL);
	return b;
}

static void translate_insn(struct qemu_plugin_insn *insn, uint64_t *page)
{
	const uint64_t ip = qemu_plugin_insn_vaddr(insn), last = ip + qemu_plugin_insn_size(insn) - 1;
	struct vm_tlbtrace_site *site = site_of(ip, false);
	if (ip >> VM_TLBTRACE_PAGE_SHIFT != *page)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, next_page, QEMU_PLUGIN_CB_NO_REGS, site_of(ip, true));
	if (last >> VM_TLBTRACE_PAGE_SHIFT != ip >> VM_TLBTRACE_PAGE_SHIFT)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, next_page_within, QEMU_PLUGIN_CB_NO_REGS, site_of(ip, true));
	*page = last >> VM_TLBTRACE_PAGE_SHIFT;
	qemu_plugin_register_vcpu_mem_cb(insn, e.guest.stack_at ? access_data : access_until_store, QEMU_PLUGIN_CB_NO_REGS,
					 QEMU_PLUGIN_MEM_RW, site);
}

static void translate(uint64_t id, struct qemu_plugin_tb *tb)
{
	const size_t n = qemu_plugin_tb_n_insns(tb);
	(void)id;
	if (!n)
		return;
	struct qemu_plugin_insn *first = qemu_plugin_tb_get_insn(tb, 0);
	const uint64_t addr = qemu_plugin_insn_vaddr(first);
	uint64_t page = addr >> VM_TLBTRACE_PAGE_SHIFT;
	const void *here = qemu_plugin_insn_haddr(first);
	if (here)
		e.guest.base = (uintptr_t)here - addr;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, run_block, QEMU_PLUGIN_CB_NO_REGS, block_of(addr, (unsigned)n));
	for (size_t i = 0; i < n; i++)
		translate_insn(qemu_plugin_tb_get_insn(tb, i), &page);
}

/* ---- Threads, system calls, processes ----------------------------------------------------------------------------- */

static void thread_begins(uint64_t id, unsigned vcpu)
{
	(void)id;
	if (vcpu >= VCPUS_MAX) {
		fputs("vmtlb: too many threads for the model\n", stderr);
		abort();
	}
	lock(NULL);
	e.thread[vcpu] = vm_tlbtrace_thread(e.core);
	if (!e.queue[vcpu]) {
		e.queue[vcpu] = alloc(NULL, sizeof(struct vm_tlbimage_queue));
		e.queue[vcpu]->next = e.image->queues;
		e.image->queues = e.queue[vcpu];
	}
	e.queue[vcpu]->thread = e.thread[vcpu];
	unlock(NULL);
}

static void thread_ends(uint64_t id, unsigned vcpu)
{
	(void)id;
	drain(vcpu);
	lock(NULL);
	vm_tlbtrace_thread_ended(e.thread[vcpu]);
	unlock(NULL);
}

static void call_begins(uint64_t id, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
			uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8)
{
	(void)id, (void)a5, (void)a6, (void)a7, (void)a8;
	at.vcpu = vcpu;
	at.arg[0] = a1;
	at.arg[1] = a2;
	at.arg[2] = a3;
	at.arg[3] = a4;
	const enum vm_guest_call call = vm_guest_call(&e.guest, number);
	if (call != VM_GUEST_NOTHING)
		drain(vcpu);
	if (call != VM_GUEST_EXEC)
		return;
	/* If it succeeds, there is no later moment. */
	lock(NULL);
	__atomic_add_fetch(&e.shared->execs, 1, __ATOMIC_RELAXED);
	write_result();
	unlock(NULL);
}

static void call_ends(uint64_t id, unsigned vcpu, int64_t number, int64_t result)
{
	struct vm_guest_change change[2];
	const enum vm_guest_call call = vm_guest_call(&e.guest, number);
	(void)id, (void)vcpu;
	if (call == VM_GUEST_NOTHING)
		return;
	lock(NULL);
	if (call == VM_GUEST_EXEC) {
		__atomic_sub_fetch(&e.shared->execs, 1, __ATOMIC_RELAXED);
		e.image->written = 0;
	}
	const unsigned n = vm_guest_changes(&e.guest, call, at.arg, result, change);
	for (unsigned i = 0; i < n; i++)
		vm_tlbtrace_changed(e.core, change[i].from, change[i].to, change[i].gone);
	unlock(NULL);
}

static void process_ends(uint64_t id, void *userdata)
{
	(void)id, (void)userdata;
	/* No thread runs any more. */
	for (unsigned i = 0; i < VCPUS_MAX && e.queue[i]; i++)
		drain(i);
	lock(NULL);
	write_result();
	unlock(NULL);
}

/**
 * What the parent counts goes on in the image; the child goes on in a copy of it, at the same address, made while nothing
 * changes.
 */
static void fork_begins(void)
{
	drain(at.vcpu);
	lock(NULL);
	const uint64_t used = e.image->used, had = e.image->bytes;
	const uint64_t bytes = used + VM_TLBIMAGE_LEAST < had ? (used + VM_TLBIMAGE_LEAST) & ~UINT64_C(0xfff) : had;
	/* A child's is its own already. */
	if (e.child)
		return;
	e.copy = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (e.copy == MAP_FAILED) {
		fputs("vmtlb: no memory left for the model of a process that forks\n", stderr);
		abort();
	}
	memcpy(e.copy, e.image, used);
	e.copy->bytes = bytes;
}

static void fork_ends(void)
{
	if (!e.child)
		munmap(e.copy, e.copy->bytes);
	unlock(NULL);
}

static void leave_image(void)
{
	munmap(e.image, e.image->bytes);
	if (mremap(e.copy, e.copy->bytes, e.copy->bytes, MREMAP_MAYMOVE | MREMAP_FIXED, e.image) != e.image)
		abort();
}

static void forked(void)
{
	if (!e.child)
		leave_image();
	e.child = true;
	e.image->pid = (uint32_t)getpid();
	e.image->written = 0;
	for (unsigned i = 0; i < VCPUS_MAX && e.queue[i]; i++)
		e.queue[i]->n = 0;
	vm_guest_forked(&e.guest);
	vm_tlbtrace_forked(e.core, e.thread[at.vcpu]);
	(void)name_result();
	unlock(NULL);
}

/* ---- The beginning ------------------------------------------------------------------------------------------------ */

static bool map_image(int fd)
{
	const int prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_NORESERVE | (fd < 0 ? MAP_ANONYMOUS : 0);
	struct stat st;
	uint64_t bytes = fd >= 0 && fstat(fd, &st) == 0 ? (uint64_t)st.st_size : VM_TLBIMAGE_BYTES;
	struct rlimit limit;
	/* Not all that the program may have. */
	while (getrlimit(RLIMIT_AS, &limit) == 0 && bytes > VM_TLBIMAGE_LEAST && bytes > limit.rlim_cur / 4)
		bytes /= 2;
	struct vm_tlbimage *image = mmap((void *)VM_TLBIMAGE_HINT, bytes, prot, flags, fd, 0);
	if (image == MAP_FAILED)
		return false;
	/* An old length of 0 makes another mapping of the same pages. */
	e.shared = mremap(image, 0, VM_TLBIMAGE_HEAD, MREMAP_MAYMOVE);
	if (e.shared == MAP_FAILED)
		return false;
	e.image = image;
	e.core = &image->core;
	image->base = (uintptr_t)image;
	image->bytes = bytes;
	image->used = (sizeof(*image) + 63) & ~(uint64_t)63;
	image->pid = (uint32_t)getpid();
	if (fd >= 0)
		close(fd);
	return true;
}

/** What follows "key=" in the options; NULL: it isn't there. */
static const char *option(int argc, char **argv, const char *key)
{
	const size_t n = strlen(key);
	for (int i = 0; i < argc; i++)
		if (strncmp(argv[i], key, n) == 0 && argv[i][n] == '=')
			return argv[i] + n + 1;
	return NULL;
}

/** -1: it is none. */
static int descriptor(const char *text)
{
	char *end;
	const long n = text ? strtol(text, &end, 10) : -1;
	return n >= 0 && n <= INT_MAX && *text && !*end ? (int)n : -1;
}

static bool begin(const struct qemu_info *info, int argc, char **argv)
{
	const char *const model = option(argc, argv, "model"), *const directory = option(argc, argv, "directory");
	const char *const image = option(argc, argv, "image"), *const program = option(argc, argv, "program");
	if (!model || !directory || directory[0] != '/') {
		fputs("vmtlb: the plugin needs model=NUMBERS and directory=DIR, an absolute path; it is used by vmtlb --model\n", stderr);
		return false;
	}
	if (!map_image(descriptor(image))) {
		perror("vmtlb: no memory for the model");
		return false;
	}
	snprintf(e.image->engine, sizeof(e.image->engine), "qemu-%s, plugin API %d", info->target_name, info->version.cur);
	snprintf(e.image->program, sizeof(e.image->program), "%s", program ? program : "");
	vm_guest_init(&e.guest, info->target_name);
	e.core->ops = &ops;
	e.fd = -1;
	pthread_mutex_init(&e.lock, NULL);
	if (!vm_tlbtrace_init(e.core, model)) {
		fputs("vmtlb: model=NUMBERS isn't as vmtlb gives it\n", stderr);
		return false;
	}
	e.directory = directory;
	if (!name_result()) {
		fprintf(stderr, "vmtlb: cannot write into %s: %s\n", directory, strerror(errno));
		return false;
	}
	e.image->magic = VM_TLBIMAGE_MAGIC;
	return true;
}

int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv)
{
	if (info->version.cur > VM_QEMU_API_LAST || info->system_emulation) {
		if (info->system_emulation)
			fputs("vmtlb: this plugin is for QEMU's emulators of single programs\n", stderr);
		else
			fprintf(stderr, "vmtlb: this QEMU is too new: version %d of its plugin interface isn't known, up to %d are\n",
				info->version.cur, VM_QEMU_API_LAST);
		return 1;
	}
	if (!begin(info, argc, argv) || pthread_atfork(fork_begins, fork_ends, forked) != 0)
		return 1;
	qemu_plugin_register_vcpu_init_cb(id, thread_begins);
	qemu_plugin_register_vcpu_exit_cb(id, thread_ends);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	qemu_plugin_register_vcpu_syscall_cb(id, call_begins);
	qemu_plugin_register_vcpu_syscall_ret_cb(id, call_ends);
	qemu_plugin_register_atexit_cb(id, process_ends, NULL);
	return 0;
}
