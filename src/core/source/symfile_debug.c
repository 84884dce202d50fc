/** Debug information that is kept apart from the program, and symbols that are packed inside it. */
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/str.h"
#include "core/source/session.h"
#include "core/source/symfile_part.h"

#if VM_HAVE_LZMA
#include <lzma.h>
#endif

/** What a file must be to belong to another one. */
struct wanted {
	const struct vm_symfile_with *with;
	const void *id;            /* build ID */
	size_t id_len;             /* 0: none */
	bool has_crc;
	uint32_t crc;              /* of the whole file, as .gnu_debuglink has it */
};

/** CRC-32 as Ethernet and .gnu_debuglink have it, a nibble at a time. */
static uint32_t crc_add(uint32_t crc, const uint8_t *p, size_t n)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	crc = ~crc;
	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

static bool has_crc(int fd, uint32_t want)
{
	enum { PIECE = 64 * 1024, LONGEST = 1024 * 1024 * 1024 };
	vm_auto_free uint8_t *buf = malloc(PIECE);
	uint32_t crc = 0;
	ssize_t n;
	for (off_t at = 0; buf && (n = pread(fd, buf, PIECE, at)) != 0 && at < LONGEST; at += n) {
		if (n < 0)
			return false;
		crc = crc_add(crc, buf, (size_t)n);
	}
	return buf && crc == want;
}

static bool has_id(const struct vm_elf *e, const struct wanted *w)
{
	const void *id;
	ssize_t n = dwelf_elf_gnu_build_id(e->elf, &id);
	return n > 0 && (size_t)n == w->id_len && memcmp(id, w->id, w->id_len) == 0;
}

/** Open that path below `root` if it is what is wanted; it can't lead outside by links. */
__attribute__((format(printf, 4, 5)))
static bool try_file(int root, const struct wanted *w, struct vm_elf *out, const char *fmt, ...)
{
	char path[sizeof(out->path)];
	va_list ap;
	va_start(ap, fmt);
	const int n = vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	if (root < 0 || n < 0 || (size_t)n >= sizeof(path))
		return false;
	const int fd = vm_open_captured(root, path, O_RDONLY, RESOLVE_IN_ROOT);
	if (fd < 0)
		return false;
	const bool right = w->id_len || !w->has_crc || has_crc(fd, w->crc);
	if (vm_elf_open(fd, root == w->with->root[0], w->with->copy_left, out) != 0)
		return false;
	if (right && (!w->id_len || has_id(out, w))) {
		snprintf(out->path, sizeof(out->path), "%s", path);
		out->root = root;
		return true;
	}
	vm_elf_close(out);
	return false;
}

/** Below usr/lib/debug, by build ID. */
static bool try_id(int root, const struct wanted *w, struct vm_elf *out)
{
	char hex[2 * 64 + 1];
	const uint8_t *id = w->id;
	if (w->id_len < 2 || w->id_len > 64)
		return false;
	for (size_t i = 0; i < w->id_len; i++)
		vm_put_hex(hex + 2 * i, id[i], 2);
	hex[2 * w->id_len] = '\0';
	return try_file(root, w, out, "usr/lib/debug/.build-id/%.2s/%s.debug", hex, hex + 2);
}

static int dir_length(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? (int)(slash - path) : 0;
}

static bool try_link(int root, const struct wanted *w, const char *path, const char *name, struct vm_elf *out)
{
	const int dir = dir_length(path);
	return try_file(root, w, out, "%.*s/%s", dir, path, name) ||
	       try_file(root, w, out, "%.*s/.debug/%s", dir, path, name) ||
	       try_file(root, w, out, "usr/lib/debug/%.*s/%s", dir, path, name);
}

/** Where its first segment goes. */
static bool load_address(const struct vm_elf *e, uint64_t *address)
{
	size_t n;
	GElf_Phdr ph;
	for (int i = 0; elf_getphdrnum(e->elf, &n) == 0 && (size_t)i < n; i++) {
		if (gelf_getphdr(e->elf, i, &ph) && ph.p_type == PT_LOAD) {
			*address = ph.p_vaddr & -(ph.p_align ? ph.p_align : 1);
			return true;
		}
	}
	return false;
}

bool vm_debug_file(const struct vm_elf *main, const struct vm_symfile_with *with, struct vm_elf *out)
{
	struct wanted w = { .with = with };
	GElf_Word crc = 0;
	const ssize_t n = dwelf_elf_gnu_build_id(main->elf, &w.id);
	const char *link = dwelf_elf_gnu_debuglink(main->elf, &crc);
	bool found = false;
	w.id_len = n > 0 ? (size_t)n : 0;
	w.has_crc = link;
	w.crc = crc;
	if (link && (strchr(link, '/') || !*link))
		link = NULL;
	for (size_t i = 0; i < 2 && !found; i++)
		found = try_id(with->root[i], &w, out) ||
			(link && with->path && try_link(with->root[i], &w, with->path, link, out));
	uint64_t here, there;
	/* Both differ if the file was prelinked after its debug information was taken out. */
	if (found && load_address(main, &here) && load_address(out, &there))
		out->bias = here - there;
	return found;
}

bool vm_debug_alt(const struct vm_elf *debug, const struct vm_symfile_with *with, struct vm_elf *out, bool *needed)
{
	struct wanted w = { .with = with };
	GElf_Shdr sh;
	Elf_Scn *scn = vm_elf_section(debug, ".gnu_debugaltlink", &sh);
	*needed = scn;
	const Elf_Data *d = vm_elf_data(debug, scn);
	const char *name = d ? d->d_buf : NULL;
	const size_t len = d ? strnlen(name, d->d_size) : 0;
	if (!d || len == d->d_size || len + 1 == d->d_size)
		return false;
	w.id = name + len + 1;
	w.id_len = d->d_size - len - 1;
	const char *beside = debug->root >= 0 ? debug->path : with->path ? with->path : "";
	const int dir = *name == '/' ? 0 : dir_length(beside);
	for (size_t i = 0; i < 2; i++)
		if (try_file(with->root[i], &w, out, "%.*s/%s", dir, beside, name) || try_id(with->root[i], &w, out))
			return true;
	return false;
}

#if VM_HAVE_LZMA
/** Unpacked, or NULL; *size. */
static void *unpack(const Elf_Data *d, size_t *size)
{
	enum { DECODER = 64 * 1024 * 1024, MOST = 64 * 1024 * 1024 };
	lzma_stream z = LZMA_STREAM_INIT;
	struct vm_buf to = { 0 };
	lzma_ret r = lzma_stream_decoder(&z, DECODER, 0);
	z.next_in = d->d_buf;
	z.avail_in = d->d_size;
	while (r == LZMA_OK && to.n < MOST && vm_buf_reserve(&to, 64 * 1024)) {
		const size_t room = to.cap - to.n;
		z.next_out = (uint8_t *)to.s + to.n;
		z.avail_out = room;
		r = lzma_code(&z, LZMA_FINISH);
		to.n += room - z.avail_out;
	}
	lzma_end(&z);
	if (r == LZMA_STREAM_END) {
		*size = to.n;
		return to.s;
	}
	vm_buf_free(&to);
	return NULL;
}
#endif

bool vm_debug_packed(const struct vm_elf *main, struct vm_elf *out)
{
#if VM_HAVE_LZMA
	GElf_Shdr sh;
	size_t size;
	const Elf_Data *d = vm_elf_data(main, vm_elf_section(main, ".gnu_debugdata", &sh));
	void *image = d ? unpack(d, &size) : NULL;
	if (!image)
		return false;
	if (vm_elf_of_image(image, size, out) == 0) {
		out->image = image;
		return true;
	}
	free(image);
#else
	(void)main, (void)out;
#endif
	return false;
}
