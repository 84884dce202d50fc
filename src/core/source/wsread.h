/**
 * Looking at which pages of a process are used and written, round by round (core/model/ws.h).
 *
 * A round begins with vm_ws_mark(), which clears what the method has to clear, and ends with a look, which gives runs of
 * pages whose VM_PG(ACCESSED) says that they were used, and VM_PG(SOFT_DIRTY) that they were written.
 */
#ifndef VM_SOURCE_WSREAD_H
#define VM_SOURCE_WSREAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/model/ws.h"
#include "core/source/damon.h"
#include "core/source/pages.h"
#include "core/source/tlbflush.h"

struct vm_aspace;
struct vm_err;
struct vm_session;
struct vm_wsread;

struct vm_ws_ask {
	enum vm_ws_method method;
	/** Writes are wanted; `clear`: what says so may be cleared. */
	bool writes, clear;
	enum vm_flush flush;
	uint64_t round_ns;         /* DAMON sums up by rounds */
};

/**
 * Find out what works, on pages of our own, and open what is needed.
 * 0; -ESRCH: there is no such process; -EACCES or -EPERM; -EOPNOTSUPP: the method doesn't work here, and why.
 */
int vm_ws_open(struct vm_session *s, pid_t pid, const struct vm_ws_ask *ask, struct vm_wsread **out, struct vm_err *err);
void vm_ws_close(struct vm_wsread *w);

const struct vm_ws_facts *vm_ws_facts(const struct vm_wsread *w);

/** A round begins.  *took_ns: what clearing took, the target's memory map being held.  0, -ESRCH, or another negative errno. */
int vm_ws_mark(struct vm_wsread *w, const struct vm_aspace *as, uint64_t *took_ns, struct vm_err *err);

/** Soft-dirty bits alone are cleared, if they are what tells writes. */
int vm_ws_mark_writes(struct vm_wsread *w, uint64_t *took_ns, struct vm_err *err);

/** Where facts.pages: look at all pages of what `as` maps.  0, take()'s value, -ESRCH: it has ended. */
int vm_ws_look(struct vm_wsread *w, const struct vm_aspace *as, vm_pages_take *take, void *ctx, uint64_t *took_ns,
	       struct vm_err *err);

/** Writes that vm_ws_look() doesn't give along have a look of their own; what it clears is cleared at the same time. */
bool vm_ws_writes_apart(const struct vm_wsread *w);
int vm_ws_look_at_writes(struct vm_wsread *w, const struct vm_aspace *as, vm_pages_take *take, void *ctx, uint64_t *took_ns,
			 struct vm_err *err);

/** Of DAMON: regions of the round that ends.  0, -ESRCH, or another negative errno. */
int vm_ws_regions(struct vm_wsread *w, struct vm_damon_regions *out, struct vm_err *err);

/** Mappings with what figures need; where facts.pages doesn't hold, with Referenced and the like of smaps. */
int vm_ws_mappings(struct vm_wsread *w, struct vm_aspace **out, struct vm_err *err);

#endif
