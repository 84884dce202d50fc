#include "core/source/recpack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

/** Level 3 is zstd's usual one; windows up to 512 MiB, so that all of a prefix is in reach. */
enum { LEVEL = 3, WINDOW_LEAST = 17, WINDOW_MOST = 29 };

struct vm_packer {
	ZSTD_CCtx *pack;
	ZSTD_DCtx *unpack;
};

enum vm_rec_packing vm_pack_usual(void)
{
	return VM_REC_ZSTD;
}

struct vm_packer *vm_packer_new(void)
{
	struct vm_packer *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->pack = ZSTD_createCCtx();
	p->unpack = ZSTD_createDCtx();
	if (!p->pack || !p->unpack) {
		vm_packer_free(p);
		return NULL;
	}
	ZSTD_CCtx_setParameter(p->pack, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_DCtx_setParameter(p->unpack, ZSTD_d_windowLogMax, WINDOW_MOST);
	return p;
}

void vm_packer_free(struct vm_packer *p)
{
	if (!p)
		return;
	ZSTD_freeCCtx(p->pack);
	ZSTD_freeDCtx(p->unpack);
	free(p);
}

static int window_for(size_t bytes)
{
	int log = WINDOW_LEAST;
	while (log < WINDOW_MOST && (size_t)1 << log < bytes)
		log++;
	return log;
}

int vm_pack(struct vm_packer *p, struct vm_buf *to, const char *from, size_t len, const char *before, size_t before_len)
{
	size_t room = ZSTD_compressBound(len);
	if (!vm_buf_reserve(to, room))
		return -ENOMEM;
	ZSTD_CCtx_setParameter(p->pack, ZSTD_c_windowLog, before_len ? window_for(len + before_len) : 0);
	ZSTD_CCtx_refPrefix(p->pack, before, before_len);
	size_t n = ZSTD_compress2(p->pack, to->s + to->n, room, from, len);
	if (ZSTD_isError(n))
		return -ENOMEM;
	to->n += n;
	return 0;
}

int vm_unpack(struct vm_packer *p, enum vm_rec_packing packing, struct vm_buf *to, size_t len, const char *from,
	      size_t packed, const char *before, size_t before_len)
{
	if (!vm_buf_reserve(to, len + 1))
		return -ENOMEM;
	if (packing == VM_REC_PLAIN) {
		if (packed != len)
			return -EBADMSG;
		vm_buf_add(to, from, packed);
		return 0;
	}
	if (packing != VM_REC_ZSTD)
		return -ENOTSUP;
	ZSTD_DCtx_refPrefix(p->unpack, before, before_len);
	size_t n = ZSTD_decompressDCtx(p->unpack, to->s + to->n, len + 1, from, packed);
	if (ZSTD_isError(n) || n != len)
		return -EBADMSG;
	to->n += n;
	return 0;
}
