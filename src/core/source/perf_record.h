/**
 * Records of perf events, as the kernel writes them into rings (include/uapi/linux/perf_event.h).
 *
 * Parsing survives any bytes: what doesn't hold together is passed over.
 */
#ifndef VM_SOURCE_PERF_RECORD_H
#define VM_SOURCE_PERF_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { VM_PERF_STACK_DEPTH = 127 };

/** What samples hold besides the rest; sample_id_all is on. */
struct vm_perf_form {
	bool stacks;               /* PERF_SAMPLE_CALLCHAIN, of user space */
	bool user_ip;              /* PERF_SAMPLE_REGS_USER with vm_perf_user_regs() */
	bool page_size;            /* PERF_SAMPLE_DATA_PAGE_SIZE (Linux 5.11) */
	bool period;               /* PERF_SAMPLE_PERIOD */
	bool data_source;          /* PERF_SAMPLE_DATA_SRC */
};

/**
 * sample_type of such events.  Samples of `marked` ones are told from the others by a member more that says nothing: since
 * Linux 6.2 events that happen at once share what samples say of them, the number of the event as well.
 */
uint64_t vm_perf_sample_type(const struct vm_perf_form *form, bool marked);

/** sample_regs_user that asks for the instruction pointer alone; 0: not known on this architecture. */
uint64_t vm_perf_user_regs(void);

/** A record, as far as it is of interest.  Texts and stacks are those of the parsed bytes. */
struct vm_perf_record {
	uint32_t type;             /* PERF_RECORD_* */
	bool kernel;               /* a sample from kernel mode */
	bool exec;                 /* PERF_RECORD_COMM: by execve(2) */
	pid_t pid, tid;
	pid_t parent, parent_tid;  /* PERF_RECORD_FORK, PERF_RECORD_EXIT */
	/** Of a sample, of a PERF_RECORD_THROTTLE only the first; `id` may be that of another event, even of another program's; `ip` is a kernel address if `kernel`. */
	uint64_t id, ip, address;
	bool marked;
	uint64_t user_ip;          /* of the program, from kernel mode too; 0: not known */
	uint64_t page_size;        /* of the page at `address` when the record was written; 0: not known */
	uint64_t period;           /* events that it stands for; 0: not known */
	uint64_t data_source;      /* union perf_mem_data_src; 0: not known */
	/** User-space part of the stack, innermost first. */
	const uint64_t *stack;
	unsigned depth;
	uint64_t time_ns;
	uint64_t lost;             /* PERF_RECORD_LOST */
	/** PERF_RECORD_MMAP2; prot and flags as in mmap(2). */
	uint64_t start, length, offset, inode;
	uint32_t dev_major, dev_minor, prot, flags;
	const char *name;          /* of a mapping or a thread; never NULL */
};

/**
 * The record at `data`, of which `size` bytes are there.  Returns how many it is long, 0 if it isn't whole or can't be
 * one; of a type that isn't of interest, or of contents that make no sense, out->type is 0 then.  `data` is aligned to 8.
 */
size_t vm_perf_record_parse(const void *data, size_t size, const struct vm_perf_form *form, struct vm_perf_record *out);

#endif
