/** A process's working set: how it is looked at, and what a round of looking found. */
#ifndef VM_MODEL_WS_H
#define VM_MODEL_WS_H

#include <stdbool.h>
#include <stdint.h>

/** How it is known which pages are used. */
enum vm_ws_method {
	VM_WS_WATCH,       /* accessed bits are read, and never cleared */
	VM_WS_CLEAR,       /* they are cleared by clear_refs when a round begins */
	VM_WS_IDLE,        /* frames are marked idle when a round begins: /sys/kernel/mm/page_idle/bitmap */
	VM_WS_DAMON,       /* the kernel's monitor tells regions: Documentation/mm/damon */
	VM_WS_METHODS,
};

/** How it is known which are written. */
enum vm_ws_writes {
	VM_WS_WRITES_NONE,         /* it isn't */
	VM_WS_WRITES_DIRTY,        /* dirty bits of page-table entries, which nobody clears: bounds */
	VM_WS_WRITES_SOFT_DIRTY,   /* soft-dirty bits, cleared by clear_refs when a round begins */
	VM_WS_WRITES_UFFD,         /* the process itself has userfaultfd(2) write-protect it: PAGEMAP_SCAN */
	VM_WS_WRITES_NR,
};

struct vm_ws_method_info {
	const char *name;          /* "accessed-bits" */
	const char *how;           /* "accessed bits of page tables, never cleared" */
	const char *effect;        /* what it does to the target; NULL: nothing */
};
extern const struct vm_ws_method_info vm_ws_methods[VM_WS_METHODS], vm_ws_writes[VM_WS_WRITES_NR];

enum { VM_WS_WHY = 200 };

/** What works of it here. */
struct vm_ws_facts {
	enum vm_ws_method method;
	enum vm_ws_writes writes;
	/** Page by page; else figures of mappings, by smaps, and why. */
	bool pages;
	char why_not_pages[VM_WS_WHY];
	/** Why writes aren't known, or not exactly; "": they are, or weren't asked for. */
	char why_not_writes[VM_WS_WHY];
	/** Pages that stay in TLBs are seen as unused: none flushes, and why. */
	bool hides;
	char why_hides[VM_WS_WHY];
	/** The kernel keeps soft-dirty bits: tried. */
	bool soft_dirty;
	/** What the first use of a page costs the target because a bit has to be set again; NAN: nothing, or not known. */
	double set_again_ns;
};

/** A round: from one end of looking to the next. */
struct vm_ws_round {
	uint64_t number;           /* 1 is the first */
	uint64_t at_ns;            /* its end, since it was begun to look */
	uint64_t ns;               /* its length */
	uint64_t resident_bytes;
	uint64_t used_bytes, used_most_bytes;
	uint64_t written_bytes, written_most_bytes;   /* VM_WS_UNKNOWN: not known */
	uint64_t cleared_bytes;    /* whose bits somebody else has cleared meanwhile */
	/** What it took: clearing holds the target's memory map; reading does where it isn't by page tables. */
	uint64_t clear_ns, read_ns, locked_ns;
	uint64_t set_again;        /* entries whose bits its CPUs have set again */
	uint64_t cost_ns;          /* for the target, about: lock and bits */
};

#define VM_WS_UNKNOWN UINT64_MAX

#endif
