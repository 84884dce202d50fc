/** vmdiff: figures of one process at many moments. */
#ifndef VM_CLI_VMDIFF_TREND_H
#define VM_CLI_VMDIFF_TREND_H

#include "cli/vmdiff/vmdiff.h"
#include "core/base/arena.h"
#include "core/base/vec.h"
#include "core/field/trend.h"

/** Figures of the process, as far as they are known. */
enum vmdiff_figure {
	VMDIFF_MEMORY, VMDIFF_VSZ, VMDIFF_DATA, VMDIFF_PTE, VMDIFF_MAPS, VMDIFF_THREADS, VMDIFF_FIGURES,
};

/** Memory of the mappings that have something in common. */
struct vmdiff_group {
	/** How they are known; its figures are those of the first one. */
	struct vm_sum *key;
	VM_VEC(double) y;
};

struct vmdiff_trend {
	/** Seconds since the first sample. */
	VM_VEC(double) t;
	/** NAN: not known. */
	VM_VEC(double) figure[VMDIFF_FIGURES];
	VM_VEC(struct vmdiff_group) groups;
	struct vm_arena keys;
	/** Of so many samples one is kept: when there are too many, every other one is dropped. */
	size_t stride, looked;
	uint64_t first_ns;
	bool has_groups;
};

/** Add what the process is at this moment; the moments come in order.  0, -EINVAL, -ENOMEM. */
int vmdiff_trend_add(struct vmdiff *v, struct vmdiff_trend *trend, const struct vmdiff_moment *m, struct vm_err *err);
void vmdiff_trend_free(struct vmdiff_trend *trend);

/** What a figure says so far; false: it isn't known. */
bool vmdiff_trend_figure(const struct vmdiff_trend *trend, enum vmdiff_figure f, struct vm_trend_row *row);

/** All of it, with the limits that are known at `last`: in words, or as members of the document. */
int vmdiff_trend_show(struct vmdiff *v, const struct vmdiff_trend *trend, const struct vmdiff_moment *last, struct vm_err *err);

enum { VMDIFF_LIMITS = 5, VMDIFF_LIMIT_NAME = 200 };

/** Limits of the process and what is left, with the rates of figure[VMDIFF_FIGURES]; the soonest first.  How many. */
size_t vmdiff_limits(const struct vmdiff_moment *m, const struct vm_trend_row *figure, const bool *known,
		     char name[VMDIFF_LIMITS][VMDIFF_LIMIT_NAME], struct vm_limit_row row[VMDIFF_LIMITS]);

#endif
