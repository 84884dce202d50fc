#include "core/source/symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/cleanup.h"
#include "core/base/demangle.h"
#include "core/base/err.h"
#include "core/base/intern.h"
#include "core/base/vec.h"
#include "core/source/jit.h"
#include "core/source/kallsyms.h"
#include "core/source/mapped.h"
#include "core/source/session.h"
#include "core/source/symfile.h"

/** A mapped file. */
struct object {
	uint64_t inode;
	uint32_t dev_major, dev_minor;
	struct vm_symfile *file;   /* NULL: can't be read */
	/** For which process it was tried in vain; 0: for ended ones. */
	pid_t tried;
	bool hopeless;             /* it isn't ELF: nobody need try again */
};

/** An address of an object that was looked up before: a slot is free while n is 0. */
struct site {
	const struct vm_symfile *file;
	uint64_t address;
	size_t first;              /* in `frame` */
	uint16_t n;
	bool inlines;
};

struct vm_symbols {
	struct vm_session *s;
	struct vm_intern texts;
	VM_VEC(struct object) object;
	size_t last;               /* of them, the one that was asked for last */
	/** By file and address; a power of two of slots. */
	struct site *site;
	size_t sites, site_slots;
	VM_VEC(struct vm_symbol) frame;
	struct vm_jits jits;
	struct vm_kallsyms kernel;
	bool kernel_read;
	struct vm_symfile *vdso;
	uint64_t vdso_bytes;       /* 0: not looked at yet */
	uint64_t copy_left;
};

int vm_symbols_open(struct vm_session *s, struct vm_symbols **out, struct vm_err *err)
{
	struct vm_symbols *y = calloc(1, sizeof(*y));
	if (!y)
		return vm_fail(err, ENOMEM, "out of memory");
	y->s = s;
	y->copy_left = UINT64_C(1) << 30;
	*out = y;
	return 0;
}

void vm_symbols_free(struct vm_symbols *y)
{
	if (!y)
		return;
	for (size_t i = 0; i < y->object.n; i++)
		vm_symfile_free(y->object.v[i].file);
	vm_symfile_free(y->vdso);
	vm_vec_free(&y->object);
	vm_vec_free(&y->frame);
	vm_jits_free(&y->jits);
	vm_kallsyms_free(&y->kernel);
	vm_intern_free(&y->texts);
	free(y->site);
	free(y);
}

const char *vm_symbols_missing(void)
{
	return vm_symfile_missing();
}

/* ---- Sites ------------------------------------------------------------------------------------------------------- */

static struct site *site_slot(struct site *slot, size_t slots, const struct site *key)
{
	const uint64_t mixed = (key->address ^ (uint64_t)(uintptr_t)key->file << 7 ^ key->inlines) *
			       UINT64_C(0x9e3779b97f4a7c15);
	size_t i = (size_t)(mixed >> 32) & (slots - 1);
	while (slot[i].n && (slot[i].file != key->file || slot[i].address != key->address ||
			     slot[i].inlines != key->inlines))
		i = (i + 1) & (slots - 1);
	return &slot[i];
}

/** Room for one more. */
static bool grow_sites(struct vm_symbols *y)
{
	if (y->sites * 2 < y->site_slots)
		return true;
	const size_t slots = y->site_slots ? y->site_slots * 2 : 1024;
	struct site *to = calloc(slots, sizeof(*to));
	if (!to)
		return false;
	for (size_t i = 0; i < y->site_slots; i++)
		if (y->site[i].n)
			*site_slot(to, slots, &y->site[i]) = y->site[i];
	free(y->site);
	y->site = to;
	y->site_slots = slots;
	return true;
}

static const char *keep(struct vm_symbols *y, const char *s, size_t len)
{
	return s && len ? vm_intern(&y->texts, s, len) : NULL;
}

static const char *function_name(struct vm_symbols *y, const struct vm_symfile_frame *f)
{
	static const char suffix[] = "@plt";
	enum { LONGEST = 4096 };
	char name[LONGEST + sizeof(suffix)];
	size_t len = f->length < LONGEST ? f->length : LONGEST;
	if (!f->function || !len)
		return NULL;
	if (vm_demangle(f->linkage ? f->linkage : f->function, f->linkage ? strlen(f->linkage) : len, name, LONGEST))
		len = strlen(name);
	else
		memcpy(name, f->function, len);
	if (f->plt) {
		memcpy(name + len, suffix, sizeof(suffix));
		len += sizeof(suffix) - 1;
	}
	return keep(y, name, len);
}

/** Ask the file, and remember.  False when memory is out. */
static bool look_up(struct vm_symbols *y, struct vm_symfile *file, struct site *site)
{
	struct vm_symfile_frame frame[VM_SYMBOL_FRAMES];
	const size_t n = vm_symfile_find(file, site->address, site->inlines, frame, VM_SYMBOL_FRAMES);
	site->first = y->frame.n;
	if (!vm_vec_reserve(&y->frame, n))
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct vm_symfile_frame *f = &frame[i];
		y->frame.v[y->frame.n++] = (struct vm_symbol){
			.function = function_name(y, f), .offset = f->offset, .object_offset = site->address,
			.source = f->source ? keep(y, f->source, strlen(f->source)) : NULL, .line = f->line,
			.inlined = f->inlined,
		};
	}
	site->n = (uint16_t)n;
	return true;
}

/** Frames of an address of a file; out[0] names its object already.  How many. */
static size_t find_in_file(struct vm_symbols *y, struct vm_symfile *file, uint64_t offset, bool inlines,
			   struct vm_symbol *out, size_t max)
{
	struct site key = { .file = file, .inlines = inlines };
	if (!vm_symfile_address(file, offset, &key.address) || !grow_sites(y))
		return 1;
	struct site *site = site_slot(y->site, y->site_slots, &key);
	if (!site->n) {
		if (!look_up(y, file, &key))
			return 1;
		*site = key;
		y->sites++;
	}
	const char *object = out[0].object;
	const struct vm_symbol *from = &y->frame.v[site->first];
	const size_t n = site->n < max ? site->n : max;
	for (size_t i = 0; i < n; i++) {
		/* The last one is the function that holds the others. */
		out[i] = i + 1 < n ? from[i] : from[site->n - 1];
		out[i].object = object;
	}
	return n;
}

/* ---- Objects ----------------------------------------------------------------------------------------------------- */

/** Length of the path without what the kernel appends when its file is gone. */
static size_t path_length(const char *path)
{
	static const char deleted[] = " (deleted)";
	const size_t len = strlen(path), tail = sizeof(deleted) - 1;
	return len > tail && strcmp(path + len - tail, deleted) == 0 ? len - tail : len;
}

/** The process's root, unless it is ours. */
static int open_root(struct vm_symbols *y, const struct vm_code *c)
{
	struct stat theirs, ours;
	int fd = c->alive ? vm_session_open_file(y->s, O_PATH | O_DIRECTORY, "proc/%d/root", c->pid) : -1;
	if (fd >= 0 && fstat(fd, &theirs) == 0 && fstat(y->s->root_fd, &ours) == 0 &&
	    theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino) {
		close(fd);
		return -1;
	}
	return fd;
}

static void open_object(struct vm_symbols *y, struct object *o, const struct vm_code *c)
{
	const struct vm_mapped m = {
		.pid = c->pid, .alive = c->alive, .start = c->start, .end = c->end, .path = c->path,
		.dev_major = c->dev_major, .dev_minor = c->dev_minor, .inode = c->inode,
	};
	char from[8300];
	o->tried = c->alive ? c->pid : 0;
	int fd = vm_open_mapped(y->s, &m, from, sizeof(from));
	vm_auto_free char *path = strndup(c->path, path_length(c->path));
	if (fd < 0 || !path) {
		if (fd >= 0)
			close(fd);
		return;
	}
	vm_auto_close int root = open_root(y, c);
	const struct vm_symfile_with with = {
		.root = { root, y->s->root_fd }, .path = path, .copy_left = &y->copy_left,
	};
	o->hopeless = vm_symfile_open(fd, &with, &o->file) == -ENOEXEC;
}

static struct object *find_object(struct vm_symbols *y, const struct vm_code *c)
{
	for (size_t i = 0; i < y->object.n; i++) {
		const size_t at = (y->last + i) % y->object.n;
		const struct object *o = &y->object.v[at];
		if (o->inode == c->inode && o->dev_major == c->dev_major && o->dev_minor == c->dev_minor) {
			y->last = at;
			return &y->object.v[at];
		}
	}
	return NULL;
}

/** The file that is mapped there, opened once; NULL: it can't be read. */
static struct vm_symfile *object_of(struct vm_symbols *y, const struct vm_code *c)
{
	struct object *o = find_object(y, c);
	if (!o) {
		const struct object fresh = { c->inode, c->dev_major, c->dev_minor, .tried = -1 };
		if (!vm_vec_push(&y->object, fresh))
			return NULL;
		o = &y->object.v[y->object.n - 1];
	}
	if (!o->file && !o->hopeless && o->tried != (c->alive ? c->pid : 0))
		open_object(y, o, c);
	return o->file;
}

/** Our own vdso is that of other processes too: the kernel has one of each size. */
static struct vm_symfile *vdso_of(struct vm_symbols *y, const struct vm_code *c)
{
	if (!y->vdso_bytes) {
		const ElfW(Ehdr) *h = (const ElfW(Ehdr) *)getauxval(AT_SYSINFO_EHDR);
		y->vdso_bytes = 1;
		if (h && y->s->live) {
			const uint64_t bytes = h->e_shoff + (uint64_t)h->e_shnum * h->e_shentsize;
			y->vdso_bytes = (bytes + y->s->page_bytes - 1) & -y->s->page_bytes;
			vm_symfile_of_image(h, bytes, &y->vdso);
		}
	}
	/* Those of 32-bit processes are below 4 GiB. */
	const bool same = c->end - c->start == y->vdso_bytes && (sizeof(void *) == 4 || c->start >> 32);
	return same ? y->vdso : NULL;
}

/* ---- All of them ------------------------------------------------------------------------------------------------- */

static bool starts_with(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/** Memory that has the form of a file, and may hold code that was made at run time. */
static bool is_shared_memory(const char *path)
{
	return starts_with(path, "/memfd:") || starts_with(path, "/dev/zero") || starts_with(path, "/SYSV") ||
	       starts_with(path, "/anon_hugepage") || starts_with(path, "/dev/shm/");
}

static void set_place(struct vm_symbols *y, const struct vm_code *c, struct vm_symbol *out)
{
	*out = (struct vm_symbol){ .object = "[anon]", .object_offset = c->ip - c->start };
	if (!*c->path)
		return;
	size_t len = path_length(c->path);
	const char *name = *c->path == '/' ? memrchr(c->path, '/', len) : NULL;
	name = name ? name + 1 : c->path;
	len -= (size_t)(name - c->path);
	out->object = keep(y, name, len);
	if (!out->object)
		out->object = "?";
	if (*c->path == '/')
		out->object_offset += c->offset;
}

static bool find_jit(struct vm_symbols *y, const struct vm_code *c, struct vm_symbol *out)
{
	uint64_t offset;
	const char *name = vm_jit_find(&y->jits, y->s, c->pid, c->alive, c->ip, &offset);
	if (!name || !(name = keep(y, name, strlen(name))))
		return false;
	out->function = name;
	out->offset = offset;
	out->object = "[jit]";
	return true;
}

size_t vm_symbols_find(struct vm_symbols *y, const struct vm_code *c, bool inlines, struct vm_symbol *out, size_t max)
{
	const bool is_file = *c->path == '/', vdso = strcmp(c->path, "[vdso]") == 0;
	set_place(y, c, out);
	if ((!is_file || is_shared_memory(c->path)) && !vdso && find_jit(y, c, out))
		return 1;
	struct vm_symfile *file = is_file && c->inode ? object_of(y, c) : vdso ? vdso_of(y, c) : NULL;
	return file ? find_in_file(y, file, out->object_offset, inlines, out, max) : 1;
}

const char *vm_symbols_kernel(struct vm_symbols *y, uint64_t ip, uint64_t *offset)
{
	if (!y->kernel_read)
		vm_kallsyms_read(&y->kernel, y->s);
	y->kernel_read = true;
	return vm_kallsyms_find(&y->kernel, ip, offset);
}
