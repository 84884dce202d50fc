/** engines/qemu: the memory of this very process as that of a guest; and the image that outlives one. */
#include "engines/qemu/guest.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/source/tlbmodel_image.h"
#include "engines/qemu/image.h"
#include "tmpdir.h"
#include "unit.h"

enum { PAGE = 4096, CALL_MMAP = 9, CALL_MUNMAP = 11, CALL_BRK = 12, CALL_MREMAP = 25, CALL_MADVISE = 28, CALL_EXECVE = 59 };

static char *map(size_t bytes)
{
	char *const m = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(m, MAP_FAILED);
	return m;
}

static void forget(struct vm_guest *g)
{
	free(g->map);
	free(g->names);
	free(g->smap);
}

/* ---- Mappings ----------------------------------------------------------------------------------------------------- */

START_TEST(mappings_are_found_at_the_guests_addresses)
{
	struct vm_guest g;
	struct vm_tlbtrace_place p;
	char *const m = map(16 * PAGE);
	const uint64_t at = (uintptr_t)m;
	/* Around it, nothing can grow together with it. */
	ck_assert_int_eq(mprotect(m, PAGE, PROT_NONE), 0);
	ck_assert_int_eq(mprotect(m + 15 * PAGE, PAGE, PROT_READ | PROT_EXEC), 0);
	vm_guest_init(&g, "x86_64");
	g.base = 0x1000;
	ck_assert(vm_guest_place(&g, at - 0x1000 + 5 * PAGE, &p));
	ck_u64_eq(p.start, at - 0x1000 + PAGE);
	ck_u64_eq(p.end, at - 0x1000 + 15 * PAGE);
	ck_assert(p.read && p.write && !p.exec && !p.shared && p.can_2m);
	ck_assert_str_eq(p.name, "");
	ck_assert(!vm_guest_place(&g, 0, &p));
	g.base = 0;
	ck_assert(vm_guest_place(&g, (uintptr_t)&forget, &p));
	ck_assert(p.exec && !p.can_2m && p.inode);
	ck_assert_ptr_nonnull(strstr(p.name, "test_qemu_guest"));
	munmap(m, 16 * PAGE);
	forget(&g);
}
END_TEST

START_TEST(stack_and_heap_have_names)
{
	struct vm_guest g;
	struct vm_tlbtrace_place p;
	struct vm_guest_change change[2];
	char *const m = map(8 * PAGE);
	const uint64_t at = (uintptr_t)m;
	const uint64_t arg[4] = { 0 };
	ck_assert_int_eq(mprotect(m, PAGE, PROT_NONE), 0);
	ck_assert_int_eq(mprotect(m + 3 * PAGE, 2 * PAGE, PROT_NONE), 0);
	ck_assert_int_eq(mprotect(m + 7 * PAGE, PAGE, PROT_NONE), 0);
	vm_guest_init(&g, "x86_64");
	g.stack_at = at + 2 * PAGE + 100;
	ck_assert_uint_eq(vm_guest_changes(&g, VM_GUEST_BRK, arg, (int64_t)(at + 5 * PAGE), change), 0);
	ck_assert_uint_eq(vm_guest_changes(&g, VM_GUEST_BRK, arg, (int64_t)(at + 7 * PAGE), change), 1);
	ck_u64_eq(change[0].from, at + 5 * PAGE);
	ck_u64_eq(change[0].to, at + 7 * PAGE);
	ck_assert(!change[0].gone);
	ck_assert(vm_guest_place(&g, at + PAGE, &p));
	ck_assert_str_eq(p.name, "[stack]");
	ck_assert(vm_guest_place(&g, at + 6 * PAGE, &p));
	ck_assert_str_eq(p.name, "[heap]");
	ck_assert_uint_eq(vm_guest_changes(&g, VM_GUEST_BRK, arg, (int64_t)(at + 6 * PAGE), change), 1);
	ck_assert(change[0].gone);
	ck_u64_eq(change[0].from, at + 6 * PAGE);
	munmap(m, 8 * PAGE);
	forget(&g);
}
END_TEST

START_TEST(memory_that_grows_downwards_stays_the_same)
{
	struct vm_guest g;
	struct vm_tlbtrace_place before, after;
	char *const m = map(16 * PAGE);
	const uint64_t at = (uintptr_t)m;
	ck_assert_int_eq(mprotect(m, 8 * PAGE, PROT_NONE), 0);
	ck_assert_int_eq(mprotect(m + 15 * PAGE, PAGE, PROT_NONE), 0);
	vm_guest_init(&g, "x86_64");
	ck_assert(vm_guest_place(&g, at + 9 * PAGE, &before));
	ck_assert_int_eq(mprotect(m + 4 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE), 0);
	g.stale = true;
	ck_assert(vm_guest_place(&g, at + 5 * PAGE, &after));
	ck_u64_eq(after.start, at + 4 * PAGE);
	ck_u64_eq(after.key, before.key);
	munmap(m, 16 * PAGE);
	forget(&g);
}
END_TEST

START_TEST(pages_have_the_size_that_the_kernel_gives)
{
	const size_t bytes = (size_t)4 << 20;
	struct vm_guest g;
	char *const m = map(bytes), *const aligned = (char *)(((uintptr_t)m + (2 << 20) - 1) & ~(uintptr_t)((2 << 20) - 1));
	vm_guest_init(&g, "x86_64");
	const uint64_t huge[4] = { (uintptr_t)aligned, 2 << 20, MADV_HUGEPAGE };
	const uint64_t small[4] = { (uintptr_t)aligned, 2 << 20, MADV_NOHUGEPAGE };
	struct vm_guest_change change[2];
	bool anew;
	ck_assert_uint_eq(vm_guest_changes(&g, VM_GUEST_ADVISE, small, 0, change), 1);
	ck_assert(!change[0].gone);
	aligned[0] = 1;
	ck_assert_int_eq(vm_guest_page_size(&g, (uintptr_t)aligned, &anew), VM_TLB_4K);
	ck_assert_int_eq(madvise(aligned, 2 << 20, MADV_DONTNEED), 0);
	ck_assert_uint_eq(vm_guest_changes(&g, VM_GUEST_ADVISE, huge, 0, change), 1);
	aligned[0] = 1;
	/* What smaps tells of the mapping has to agree with what a scan tells of the page. */
	const bool scans = g.scans;
	const enum vm_tlb_size size = vm_guest_page_size(&g, (uintptr_t)aligned, &anew);
	g.scans = false;
	if (scans)
		ck_assert_int_eq(vm_guest_page_size(&g, (uintptr_t)aligned, &anew), size);
	ck_assert(anew);
	g.base = 0x1000;
	ck_assert_int_eq(vm_guest_page_size(&g, (uintptr_t)aligned - 0x1000, &anew), VM_TLB_4K);
	ck_assert_str_eq(vm_guest_sizes(&g), "assumed");
	munmap(m, bytes);
	forget(&g);
}
END_TEST

/* ---- System calls ------------------------------------------------------------------------------------------------- */

START_TEST(calls_by_machine)
{
	struct vm_guest g;
	vm_guest_init(&g, "x86_64");
	ck_assert_int_eq(vm_guest_call(&g, CALL_MMAP), VM_GUEST_MAP);
	ck_assert_int_eq(vm_guest_call(&g, CALL_EXECVE), VM_GUEST_EXEC);
	ck_assert_int_eq(vm_guest_call(&g, 0), VM_GUEST_NOTHING);
	ck_assert(!g.narrow);
	vm_guest_init(&g, "aarch64");
	ck_assert_int_eq(vm_guest_call(&g, 222), VM_GUEST_MAP);
	ck_assert_int_eq(vm_guest_call(&g, CALL_MMAP), VM_GUEST_NOTHING);
	vm_guest_init(&g, "i386");
	ck_assert_int_eq(vm_guest_call(&g, 90), VM_GUEST_MAP_OLD);
	ck_assert(g.narrow);
	vm_guest_init(&g, "64");
	ck_assert(!g.numbers);
	ck_assert_int_eq(vm_guest_call(&g, CALL_MMAP), VM_GUEST_NOTHING);
}
END_TEST

START_TEST(changes_of_calls)
{
	struct vm_guest g;
	struct vm_guest_change c[2];
	const uint64_t arg[4] = { 0x10000, 0x1800, 0x3000 };
	vm_guest_init(&g, "x86_64");
	ck_assert_uint_eq(vm_guest_changes(&g, VM_GUEST_MAP, arg, 0x7f0000000000, c), 1);
	ck_u64_eq(c[0].from, 0x7f0000000000);
	ck_u64_eq(c[0].to, 0x7f0000002000);
	ck_assert(c[0].gone);
	ck_assert_uint_eq(vm_guest_changes(&g, VM_GUEST_MAP, arg, -12, c), 0);
	ck_assert_uint_eq(vm_guest_changes(&g, VM_GUEST_UNMAP, arg, 0, c), 1);
	ck_u64_eq(c[0].from, 0x10000);
	ck_u64_eq(c[0].to, 0x12000);
	ck_assert_uint_eq(vm_guest_changes(&g, VM_GUEST_MOVE, arg, 0x50000, c), 2);
	ck_u64_eq(c[1].from, 0x50000);
	ck_u64_eq(c[1].to, 0x53000);
	g.narrow = true;
	ck_assert_uint_eq(vm_guest_changes(&g, VM_GUEST_MAP, arg, (int32_t)0xf0000000, c), 1);
	ck_u64_eq(c[0].from, 0xf0000000);
}
END_TEST

/* ---- The image ---------------------------------------------------------------------------------------------------- */

static const char model[] = "0,16,6,0,8,4,0,1,8,0,32,8,0,4,8,0,0,0,0,128,16,1,128,8,0,32,8,4";

static void *image_alloc(void *ctx, size_t bytes)
{
	struct vm_tlbimage *image = ctx;
	void *const to = (char *)image + image->used;
	image->used += (bytes + 63) & ~(size_t)63;
	return to;
}

static void image_free(void *ctx, void *memory)
{
	(void)ctx, (void)memory;
}

static bool image_place(void *ctx, uint64_t addr, struct vm_tlbtrace_place *p)
{
	(void)ctx, (void)addr;
	*p = (struct vm_tlbtrace_place){ .start = 0x100000, .end = 0x300000, .key = 0x100000, .name = "a name" };
	return true;
}

static enum vm_tlb_size image_size(void *ctx, uint64_t addr)
{
	(void)ctx, (void)addr;
	return VM_TLB_4K;
}

/** A process that counts `pages` pages, of which the last ones wait, and is killed. */
static void be_killed(int fd, unsigned pages, unsigned waiting)
{
	static const struct vm_tlbtrace_ops ops = { .alloc = image_alloc, .free = image_free, .place = image_place,
						    .page_size = image_size };
	struct vm_tlbimage *image = mmap(NULL, VM_TLBIMAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	image->base = (uintptr_t)image;
	image->bytes = VM_TLBIMAGE_BYTES;
	image->used = (sizeof(*image) + 63) & ~(uint64_t)63;
	image->pid = 4242;
	image->execs = 3;
	image->core.ops = &ops;
	image->core.ctx = image;
	image->magic = VM_TLBIMAGE_MAGIC;
	if (!vm_tlbtrace_init(&image->core, model))
		_exit(1);
	struct vm_tlbimage_queue *q = image->queues = image_alloc(image, sizeof(*q));
	struct vm_tlbtrace_site *site = vm_tlbtrace_site(&image->core, 0x1234, false);
	q->thread = vm_tlbtrace_thread(&image->core);
	for (unsigned i = 0; i < pages; i++) {
		q->thread->instructions += 2;
		q->thread->loads++;
		q->v[q->n].addr = 0x100000 + i * PAGE;
		q->v[q->n++].site = site;
		if (i + 1 == pages - waiting)
			vm_tlbimage_drain(&image->core, q);
	}
	raise(SIGKILL);
}

static void slurp(const char *name, char *text, size_t size)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	text[fread(text, 1, size - 1, f)] = '\0';
	fclose(f);
}

START_TEST(a_killed_process_leaves_its_counts)
{
	struct vm_tlbimage_end end;
	struct vm_err err;
	char text[4096];
	int status;
	make_dir();
	const int fd = vm_tlbimage_open(&err);
	ck_assert_int_ge(fd, 0);
	const pid_t pid = fork();
	if (pid == 0)
		be_killed(fd, 100, 7);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(vm_tlbimage_end(fd, dir, &end, &err), 0);
	ck_assert(end.began && end.written);
	ck_assert_uint_eq(end.execs, 3);
	slurp("4242-0", text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "accesses 200 100 0\ntotal\nd 0 100 100 "));
	ck_assert_ptr_nonnull(strstr(text, " a\\040name\n"));
	ck_assert_str_eq(text + strlen(text) - 4, "end\n");
	close(fd);
	clear_dir();
}
END_TEST

START_TEST(a_program_that_never_ran_isnt_counted)
{
	struct vm_tlbimage_end end;
	struct vm_err err;
	make_dir();
	const int fd = vm_tlbimage_open(&err);
	const pid_t pid = fork();
	if (pid == 0)
		be_killed(fd, 0, 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(vm_tlbimage_end(fd, dir, &end, &err), 0);
	ck_assert(!end.began && !end.written);
	close(fd);
	clear_dir();
}
END_TEST

START_TEST(an_image_that_was_overwritten_harms_nobody)
{
	struct vm_tlbimage_end end;
	struct vm_err err;
	make_dir();
	const int fd = vm_tlbimage_open(&err);
	ck_assert_int_eq(vm_tlbimage_end(fd, dir, &end, &err), 0);
	ck_assert(!end.began);
	struct vm_tlbimage *image = mmap(NULL, sizeof(*image), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memset(image, 0x55, sizeof(*image));
	image->magic = VM_TLBIMAGE_MAGIC;
	image->written = image->broken = 0;
	image->used = sizeof(*image);
	image->base = UINT64_C(0x300000000000);
	ck_assert_int_eq(vm_tlbimage_end(fd, dir, &end, &err), 0);
	ck_assert(end.began && !end.written);
	close(fd);
	clear_dir();
}
END_TEST

UNIT_MAIN("qemu_guest", mappings_are_found_at_the_guests_addresses, stack_and_heap_have_names,
	  memory_that_grows_downwards_stays_the_same, pages_have_the_size_that_the_kernel_gives, calls_by_machine,
	  changes_of_calls, a_killed_process_leaves_its_counts, a_program_that_never_ran_isnt_counted,
	  an_image_that_was_overwritten_harms_nobody)
