/** Failures as data: the library describes, the command prints. */
#ifndef VM_BASE_ERR_H
#define VM_BASE_ERR_H

/**
 * What went wrong, said once by the function that knew most.
 *
 * Every fallible function of the library returns 0 (or a count) on success and a negative errno on
 * failure.  Its last parameter is `struct vm_err *err`, which may be NULL; on failure it is filled,
 * on success it is left alone.  A caller that passes the failure up passes `err` up untouched.
 * Nothing here allocates: a vm_err lives on the stack and needs no free.
 */
struct vm_err {
	/** Positive errno; 0 while nothing has failed. */
	int code;
	/** One clause, no trailing period: "cannot read /proc/42/smaps". */
	char what[320];
	/** What the user can do about it, or "". */
	char hint[160];
};

/**
 * Fill *err (if any) and return -code, so that `return vm_fail(...)` reads well.
 * vm_fail() says all there is to say; vm_fail_os() adds ": Permission denied" and the like, and is
 * for codes that came from the kernel.  Control characters in the text, and bytes that aren't UTF-8,
 * become '?', so that a hostile file name can't write to the user's terminal.
 */
__attribute__((cold, format(printf, 3, 4)))
int vm_fail(struct vm_err *err, int code, const char *fmt, ...);
__attribute__((cold, format(printf, 3, 4)))
int vm_fail_os(struct vm_err *err, int code, const char *fmt, ...);

/** Add the remedy to a failure that is already described. */
__attribute__((cold, format(printf, 2, 3)))
void vm_hint(struct vm_err *err, const char *fmt, ...);

#endif
