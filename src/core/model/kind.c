#include "core/model/kind.h"

#include <string.h>
#include <sys/mman.h>

#include "core/model/aspace.h"
#include "core/model/vmflags.h"

const struct vm_kind_info vm_kinds[VM_KIND_NR] = {
	[VM_KIND_UNKNOWN] = { "-", "not told: what it is for wasn't asked" },
	[VM_KIND_ANON] = { "anon", "anonymous memory: malloc, mmap, named or not" },
	[VM_KIND_TEXT] = { "text", "code of the program" },
	[VM_KIND_RODATA] = { "rodata", "constants of the program, and data made read-only after relocation" },
	[VM_KIND_DATA] = { "data", "initialised variables of the program" },
	[VM_KIND_BSS] = { "bss", "zero-initialised variables of the program, beyond the file" },
	[VM_KIND_LIBTEXT] = { "libtext", "code of shared libraries" },
	[VM_KIND_LIBRODATA] = { "librodata", "constants of shared libraries" },
	[VM_KIND_LIBDATA] = { "libdata", "initialised variables of shared libraries" },
	[VM_KIND_LIBBSS] = { "libbss", "zero-initialised variables of shared libraries" },
	[VM_KIND_HEAP] = { "heap", "the brk heap" },
	[VM_KIND_STACK] = { "stack", "stack of the first thread, and other memory that grows down" },
	[VM_KIND_TSTACK] = { "tstack", "stacks of other threads" },
	[VM_KIND_FILE] = { "file", "other mapped files" },
	[VM_KIND_SHMEM] = { "shmem", "shared memory: POSIX, shared anonymous" },
	[VM_KIND_SYSV] = { "sysv", "System V shared memory" },
	[VM_KIND_MEMFD] = { "memfd", "memory files of memfd_create(2)" },
	[VM_KIND_HUGETLB] = { "hugetlb", "pages of a hugetlb pool" },
	[VM_KIND_DEVICE] = { "device", "device memory" },
	[VM_KIND_VDSO] = { "vdso", "kernel code that runs in user mode" },
	[VM_KIND_VVAR] = { "vvar", "kernel data for the vdso" },
	[VM_KIND_VSYSCALL] = { "vsyscall", "the legacy system call page" },
	[VM_KIND_SPECIAL] = { "special", "other mappings of the kernel's own" },
	[VM_KIND_GUARD] = { "guard", "inaccessible pages that catch overruns, up to 1M" },
	[VM_KIND_RESERVE] = { "reserve", "inaccessible address space set aside, above 1M" },
	[VM_KIND_PROGRAM] = { "program", "a sum: all parts of the program" },
	[VM_KIND_LIBRARY] = { "library", "a sum: all parts of a shared library" },
	[VM_KIND_MIXED] = { "mixed", "a sum: mappings of several kinds" },
};

/** What is known of the ELF file whose mappings are being passed. */
struct loaded {
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	const struct vm_object *object;   /* NULL: its segments were not read */
	bool program;                     /* the executable, not a library */
	bool is_elf;
	bool placed;                      /* `bias` is known */
	uint64_t bias;                    /* where it was loaded, less where it was linked to */
	uint64_t end;                     /* of its last mapping */
};

static bool starts(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

static bool is_anonymous(const struct vm_mapping *m)
{
	return m->inode == 0 && (!m->name[0] || starts(m->name, "[anon:"));
}

static int kind_of_bracket(const char *name)
{
	static const struct { const char *start; enum vm_kind kind; } brackets[] = {
		{ "[heap]", VM_KIND_HEAP },
		{ "[stack]", VM_KIND_STACK },
		{ "[stack:", VM_KIND_TSTACK },
		{ "[vdso]", VM_KIND_VDSO },
		{ "[vvar", VM_KIND_VVAR },
		{ "[vsyscall]", VM_KIND_VSYSCALL },
		{ "[vectors]", VM_KIND_VSYSCALL },
		{ "[anon:", VM_KIND_ANON },
		{ "[anon_shmem:", VM_KIND_SHMEM },
	};
	for (size_t i = 0; i < sizeof(brackets) / sizeof(brackets[0]); i++)
		if (starts(name, brackets[i].start))
			return brackets[i].kind;
	return VM_KIND_SPECIAL;
}

/** Kind told by the name alone; -1: it isn't. */
static int kind_of_name(const struct vm_mapping *m)
{
	const char *name = m->name;
	if (name[0] == '[')
		return kind_of_bracket(name);
	if (starts(name, "/anon_hugepage"))
		return VM_KIND_HUGETLB;
	if (starts(name, "/memfd:"))
		return VM_KIND_MEMFD;
	if (starts(name, "/SYSV") && strspn(name + 5, "0123456789abcdefABCDEF") == 8 && (!name[13] || name[13] == ' '))
		return VM_KIND_SYSV;
	/* Mapped privately, /dev/zero gives anonymous memory (mmap_zero() in drivers/char/mem.c). */
	if (strcmp(name, "/dev/zero") == 0 && !m->shared)
		return VM_KIND_ANON;
	if (starts(name, "/dev/shm/") || starts(name, "/dev/zero") || starts(name, "/drm mm object"))
		return VM_KIND_SHMEM;
	if (starts(name, "/dev/hugepages/"))
		return VM_KIND_HUGETLB;
	if (starts(name, "/dev/") || starts(name, "/dmabuf") || starts(name, "anon_inode:"))
		return VM_KIND_DEVICE;
	if (name[0] && name[0] != '/' && m->inode == 0)
		return VM_KIND_SPECIAL;
	return -1;
}

static bool is_hugetlb(const struct vm_mapping *m)
{
	return (m->have_flags && (m->flags & VM_VMF(HT))) || m->q[VM_Q_PRIVATE_HUGETLB] ||
	       m->q[VM_Q_SHARED_HUGETLB];
}

static const struct vm_object *find_object(const struct vm_aspace *as, const struct vm_mapping *m)
{
	for (size_t i = 0; i < as->objects.n; i++) {
		const struct vm_object *o = &as->objects.v[i];
		if (o->inode == m->inode && o->dev_major == m->dev_major && o->dev_minor == m->dev_minor)
			return o;
	}
	return NULL;
}

/** How far the file was moved by its loader, if the mapping shows a part of this segment. */
static uint64_t bias_of(const struct vm_mapping *m, const struct vm_segment *s, uint64_t mask)
{
	return m->start - (s->vaddr & mask) - (m->offset - (s->offset & mask));
}

/** The segment that the mapping shows a part of; NULL if it isn't one as the loader makes them. */
static const struct vm_segment *find_segment(const struct loaded *ld, const struct vm_mapping *m, uint64_t page)
{
	const uint64_t mask = ~(page - 1);
	const struct vm_object *o = ld->object;
	const struct vm_segment *best = NULL;
	unsigned least = 0;
	for (uint32_t i = 0; i < o->nsegs; i++) {
		const struct vm_segment *s = &o->seg[i];
		uint64_t from = s->offset & mask, to = (s->offset + s->filesz + page - 1) & mask;
		if (m->offset < from || m->offset >= to || m->offset + (m->end - m->start) > to)
			continue;
		/* Neighbouring segments share a page of the file: the place decides, then the permissions. */
		unsigned off = (s->prot ^ m->prot) & (PROT_EXEC | PROT_WRITE);
		if (ld->placed && bias_of(m, s, mask) != ld->bias)
			off += PROT_READ | PROT_WRITE | PROT_EXEC;
		if (!best || off < least) {
			best = s;
			least = off;
		}
	}
	return best;
}

static int elf_kind(const struct loaded *ld, enum vm_kind of_program)
{
	return ld->program ? (int)of_program : (int)(of_program - VM_KIND_TEXT + VM_KIND_LIBTEXT);
}

static int kind_of_segment(struct loaded *ld, const struct vm_mapping *m, uint64_t page)
{
	const struct vm_segment *s = find_segment(ld, m, page);
	if (!s)
		return m->prot ? VM_KIND_FILE : VM_KIND_GUARD;
	ld->bias = bias_of(m, s, ~(page - 1));
	ld->placed = true;
	if (m->prot & PROT_EXEC)
		return elf_kind(ld, VM_KIND_TEXT);
	if (m->prot & PROT_WRITE)
		return elf_kind(ld, VM_KIND_DATA);
	return m->prot ? elf_kind(ld, VM_KIND_RODATA) : VM_KIND_GUARD;
}

static bool same_file(const struct loaded *ld, const struct vm_mapping *m)
{
	return ld->is_elf && ld->inode == m->inode && ld->dev_major == m->dev_major &&
	       ld->dev_minor == m->dev_minor;
}

/** Without segments: a file whose neighbouring mappings include an executable one is a program. */
static bool has_code_nearby(const struct vm_aspace *as, size_t i)
{
	const struct vm_mapping *m = &as->map[i];
	for (size_t j = i; j < as->nmaps && as->map[j].inode == m->inode; j++)
		if (as->map[j].prot & PROT_EXEC)
			return true;
	return false;
}

static bool holds_start_code(const struct vm_aspace *as, const struct vm_mapping *m)
{
	const struct vm_proc *p = &as->proc;
	uint64_t code = p->q[VM_P_START_CODE];
	if (!vm_proc_has(p, VM_P_START_CODE) || !code)
		return false;
	const struct vm_mapping *first = vm_aspace_at(as, code);
	return first && first->inode == m->inode && first->dev_major == m->dev_major &&
	       first->dev_minor == m->dev_minor;
}

static void enter_file(const struct vm_aspace *as, size_t i, struct loaded *ld)
{
	const struct vm_mapping *m = &as->map[i];
	const struct vm_object *o = find_object(as, m);
	*ld = (struct loaded){
		.dev_major = m->dev_major, .dev_minor = m->dev_minor, .inode = m->inode, .object = o,
		.is_elf = o ? o->nsegs > 0 : has_code_nearby(as, i),
		.program = (o && o->executable) || holds_start_code(as, m),
	};
}

static int kind_of_file(const struct vm_aspace *as, size_t i, struct loaded *ld, uint64_t page)
{
	const struct vm_mapping *m = &as->map[i];
	if (!same_file(ld, m))
		enter_file(as, i, ld);
	ld->end = m->end;
	if (!ld->is_elf || m->shared)
		return VM_KIND_FILE;
	if (ld->object)
		return kind_of_segment(ld, m, page);
	if (m->prot & PROT_EXEC)
		return elf_kind(ld, VM_KIND_TEXT);
	if (m->prot & PROT_WRITE)
		return elf_kind(ld, VM_KIND_DATA);
	return m->prot ? elf_kind(ld, VM_KIND_RODATA) : VM_KIND_GUARD;
}

/** Behind the file's part of a writable segment; all of one that has none, as lld makes them. */
static bool is_bss_of(const struct loaded *ld, const struct vm_mapping *m, uint64_t page)
{
	const uint64_t mask = ~(page - 1);
	for (uint32_t i = 0; ld->placed && i < ld->object->nsegs; i++) {
		const struct vm_segment *s = &ld->object->seg[i];
		uint64_t end = (ld->bias + s->vaddr + s->memsz + page - 1) & mask;
		uint64_t start = (ld->bias + s->vaddr + s->filesz + (s->filesz ? page - 1 : 0)) & mask;
		if ((s->prot & PROT_WRITE) && m->start >= start && m->end <= end)
			return true;
	}
	return false;
}

static bool is_bss(const struct vm_aspace *as, size_t i, const struct loaded *ld, uint64_t page)
{
	const struct vm_mapping *m = &as->map[i];
	if (!ld->is_elf)
		return false;
	if (ld->object)
		return is_bss_of(ld, m, page);
	const struct vm_mapping *before = i ? &as->map[i - 1] : NULL;
	return before && before->end == m->start && before->inode == ld->inode &&
	       (before->kind == VM_KIND_DATA || before->kind == VM_KIND_LIBDATA);
}

static bool holds_stack_pointer(const struct vm_aspace *as, const struct vm_mapping *m)
{
	for (size_t i = 0; i < as->threads.n; i++)
		if (as->threads.v[i].sp >= m->start && as->threads.v[i].sp < m->end)
			return true;
	return false;
}

/** Some threads of the process have a stack pointer that we don't know. */
static bool threads_unknown(const struct vm_aspace *as)
{
	const struct vm_proc *p = &as->proc;
	if (!vm_proc_has(p, VM_P_THREADS) || p->q[VM_P_THREADS] < 2)
		return false;
	size_t known = 0;
	for (size_t i = 0; i < as->threads.n; i++)
		known += as->threads.v[i].sp != 0;
	return known < p->q[VM_P_THREADS];
}

static bool looks_like_thread_stack(const struct vm_aspace *as, size_t i)
{
	const struct vm_mapping *m = &as->map[i], *below = i ? m - 1 : NULL;
	/* glibc starts its arenas at multiples of 64M, and they begin writable (malloc/arena.c). */
	const uint64_t arena_mask = (UINT64_C(64) << 20) - 1;
	return below && below->end == m->start && below->prot == 0 && is_anonymous(below) &&
	       below->end - below->start <= VM_GUARD_MAX && m->end - m->start >= 16384 &&
	       (m->start & arena_mask) != 0;
}

static int kind_of_anonymous(const struct vm_aspace *as, size_t i, const struct loaded *ld, bool guess_stacks,
			     uint64_t page)
{
	const struct vm_mapping *m = &as->map[i];
	if (m->prot == 0)
		return m->end - m->start <= VM_GUARD_MAX ? VM_KIND_GUARD : VM_KIND_RESERVE;
	if (m->shared)
		return VM_KIND_SHMEM;
	if (m->have_flags && (m->flags & VM_VMF(GD)))
		return VM_KIND_STACK;
	if (!m->name[0] && is_bss(as, i, ld, page))
		return elf_kind(ld, VM_KIND_BSS);
	if (!(m->prot & PROT_WRITE))
		return VM_KIND_ANON;
	if (holds_stack_pointer(as, m) || (guess_stacks && looks_like_thread_stack(as, i)))
		return VM_KIND_TSTACK;
	return VM_KIND_ANON;
}

void vm_aspace_classify(struct vm_aspace *as)
{
	const struct vm_proc *p = &as->proc;
	uint64_t page = vm_proc_has(p, VM_P_PAGE_BYTES) ? p->q[VM_P_PAGE_BYTES] : 4096;
	if (page == 0 || (page & (page - 1)))
		page = 4096;
	bool guess_stacks = threads_unknown(as);
	struct loaded ld = { 0 };
	for (size_t i = 0; i < as->nmaps; i++) {
		struct vm_mapping *m = &as->map[i];
		int kind = kind_of_name(m);
		if (is_hugetlb(m))
			kind = VM_KIND_HUGETLB;
		else if (kind < 0 && m->inode == 0)
			kind = kind_of_anonymous(as, i, &ld, guess_stacks, page);
		else if (kind == VM_KIND_ANON)
			kind = kind_of_anonymous(as, i, &ld, guess_stacks, page);
		else if (kind < 0 && m->have_flags && (m->flags & VM_VMF(IO)))
			kind = VM_KIND_DEVICE;
		else if (kind < 0)
			kind = kind_of_file(as, i, &ld, page);
		m->kind = (uint8_t)kind;
	}
}

static bool is_within(enum vm_kind kind, enum vm_kind first, enum vm_kind last, enum vm_kind sum)
{
	return (kind >= first && kind <= last) || kind == sum;
}

enum vm_kind vm_kind_join(enum vm_kind a, enum vm_kind b)
{
	if (a == b)
		return a;
	if (is_within(a, VM_KIND_TEXT, VM_KIND_BSS, VM_KIND_PROGRAM) &&
	    is_within(b, VM_KIND_TEXT, VM_KIND_BSS, VM_KIND_PROGRAM))
		return VM_KIND_PROGRAM;
	if (is_within(a, VM_KIND_LIBTEXT, VM_KIND_LIBBSS, VM_KIND_LIBRARY) &&
	    is_within(b, VM_KIND_LIBTEXT, VM_KIND_LIBBSS, VM_KIND_LIBRARY))
		return VM_KIND_LIBRARY;
	return VM_KIND_MIXED;
}
