/** Our own pages by mincore(2), where there is no pagemap: whether they are in memory, and nothing else. */

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/err.h"
#include "core/model/aspace.h"
#include "core/source/pages.h"
#include "core/source/session.h"

enum { PIECE = 64 * 1024 };

static int look(uint64_t from, uint64_t to, unsigned char *in_core, vm_pages_take *take,
		void *ctx)
{
	for (uint64_t at = from; at < to;) {
		size_t n = (to - at) / 4096 < PIECE ? (size_t)((to - at) / 4096) : PIECE;
		/* Mappings come and go, ours too. */
		if (mincore((void *)(uintptr_t)at, n * 4096, in_core) != 0)
			return errno == ENOMEM ? 0 : -errno;
		for (size_t i = 0; i < n;) {
			size_t j = i + 1;
			while (j < n && (in_core[j] & 1) == (in_core[i] & 1))
				j++;
			struct vm_page_run r = {
				.start = at + i * 4096, .end = at + j * 4096, .pfn = VM_PFN_NONE,
				.state = VM_PG(PRESENT), .known = VM_PG(PRESENT),
			};
			int e = in_core[i] & 1 ? take(ctx, &r, 1) : 0;
			if (e)
				return e;
			i = j;
		}
		at += n * 4096;
	}
	return 0;
}

static int scan_core(struct vm_session *s, pid_t pid, const struct vm_pages_query *q, vm_pages_take *take, void *ctx,
		     struct vm_pages_info *info, struct vm_err *err)
{
	if (!s->live || pid != getpid())
		return vm_fail(err, EOPNOTSUPP, "mincore tells of our own process only");
	if (!q->as)
		return vm_fail(err, EINVAL, "mincore needs to be told what is mapped");
	unsigned char *in_core = malloc(PIECE);
	int r = in_core ? 0 : -ENOMEM;
	const uint64_t to = q->to ? q->to : UINT64_MAX;
	for (size_t i = 0; i < q->as->nmaps && r == 0; i++) {
		const struct vm_mapping *m = &q->as->map[i];
		uint64_t a = m->start > q->from ? m->start : q->from, b = m->end < to ? m->end : to;
		if (a < b && !(a >> 63))
			r = look(a, b, in_core, take, ctx);
	}
	free(in_core);
	info->frames_withheld = q->frames;
	info->unknown = q->want & ~VM_PG(PRESENT);
	return r < 0 ? vm_fail_os(err, -r, "mincore") : r;
}

const struct vm_pages_backend vm_pages_by_mincore = {
	.via = VM_VIA_MINCORE, .tells = VM_PG(PRESENT), .scan = scan_core,
};
