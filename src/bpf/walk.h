/** What walk.bpf.c and core/source/walker.c share. */
#ifndef VM_BPF_WALK_H
#define VM_BPF_WALK_H

enum {
	VM_WALK_ENTRIES = 512,      /* of a table */
	VM_WALK_LEVELS = 5,
	/** Tables that one run copies at most: 512 KiB, which are still in the cache when they are decoded. */
	VM_WALK_TABLES = 128,
	VM_WALK_COOKIE = 32,
};

/** Geometry of the running kernel's page tables; the program knows nothing else of the architecture. */
struct vm_walk_geometry {
	unsigned levels;
	unsigned reserved;
	/** An entry names a table if (entry & table_mask) == table_value, its address is entry & frame_mask. */
	unsigned long long table_mask, table_value, frame_mask;
	/** Bits of such an entry that the CPU changes on its own (accessed). */
	unsigned long long volatile_mask;
	/** Physical addresses from here on are not read. */
	unsigned long long max_pa;
	/** Kernel address of physical address 0: the direct map. */
	unsigned long long base;
};

struct vm_walk_control {
	struct vm_walk_geometry g;
	/* ---- Asked ---- */
	/** Process, or 0: the iterator was told. */
	int tgid;
	unsigned reserved;
	/** Address space of the first run: another one is not walked.  0: any. */
	unsigned long long mm;
	/** Addresses without the sign bits above the top level; end is exclusive. */
	unsigned long long cur, end;
	/* ---- Answered ---- */
	unsigned n;                 /* tables copied in this run */
	unsigned level;             /* level of the table that is being scanned */
	unsigned slot[VM_WALK_LEVELS + 3];   /* and where the tables of the path are */
	unsigned served;            /* a task with an address space was found */
	unsigned done;              /* all of [cur, end) was walked */
	unsigned gone;              /* the address space was left meanwhile: nothing of this run counts */
	unsigned errors;            /* tables that could not be read */
	unsigned retried;           /* entries that changed while their table was copied */
	unsigned reserved2;
	/* ---- Calibration ---- */
	unsigned long long probe;   /* address of our own cookie */
	unsigned long long pgd;     /* kernel address of our own top-level table */
	unsigned long long tries;
	unsigned char cookie[VM_WALK_COOKIE];
};

/** Where a copied table comes from. */
struct vm_walk_meta {
	unsigned long long start;   /* address that its first entry translates */
	unsigned long long pa;
	unsigned level;
	unsigned reserved;
};

#endif
