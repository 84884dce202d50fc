/** Huge pages of a process, for vmhuge and vmtop: what is read of it, and what is said of it. */
#ifndef VM_CLI_HUGELOOK_H
#define VM_CLI_HUGELOOK_H

#include <sys/types.h>

#include "core/analysis/whygroup.h"
#include "core/analysis/whysay.h"
#include "core/base/buf.h"
#include "core/field/huge_process.h"
#include "core/model/hugesys.h"
#include "core/model/tlb.h"
#include "core/source/hugefs.h"

struct vm_err;
struct vm_session;

/** What processes have in common: read once. */
struct vm_huge_world {
	struct vm_hugesys sys;
	struct vm_hugefs fs;
	struct vm_hugescanner *scanner;
	struct vm_whynot_machine machine;
	bool tried_writable;       /* machine.wants_writable is found out when it first matters */
	struct vm_tlb_capacity tlb;
	bool may_collapse;         /* others' memory; else they must do it themselves */
	enum vm_tlb_split split;   /* does the host split huge pages into entries of 4K? */
};

/** 0, or a negative errno; free it in either case. */
int vm_huge_world_read(struct vm_session *s, struct vm_huge_world *w, struct vm_err *err);
void vm_huge_world_free(struct vm_huge_world *w);

/** A process that was read. */
struct vm_huge_look {
	struct vm_aspace *as;
	struct vm_huge_space space;
	struct vm_why_space why;
	struct vm_huge_process_row row;
};

struct vm_huge_ask {
	pid_t pid;
	uint64_t from, to;         /* 0, 0: all of it */
	int via;                   /* enum vm_pages_via */
};

/** 0, or a negative errno; free it in either case. */
int vm_huge_look_read(struct vm_session *s, struct vm_huge_world *w, const struct vm_huge_ask *ask, struct vm_huge_look *p,
		      struct vm_err *err);
void vm_huge_look_free(struct vm_huge_look *p);

/* ---- In words (hugewhy.c) -------------------------------------------------------------------------------------- */

/** A reason with its evidence: a clause. */
void vm_huge_put_why(struct vm_buf *b, const struct vm_huge_world *w, const struct vm_why_group *g, enum vm_why why);

/** A remedy: the exact call, command or setting, for the group's first mapping. */
void vm_huge_put_do(struct vm_buf *b, const struct vm_huge_world *w, const struct vm_huge_look *p, const struct vm_why_group *g,
		   enum vm_remedy what);

/** All that is to be said of a group, line by line. */
void vm_huge_explain(const struct vm_huge_world *w, const struct vm_huge_look *p, const struct vm_why_group *g, vm_huge_say *say,
		     void *ctx);

#endif
