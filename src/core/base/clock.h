/** Time. */
#ifndef VM_BASE_CLOCK_H
#define VM_BASE_CLOCK_H

#include <stdint.h>

/** CLOCK_MONOTONIC in nanoseconds. */
uint64_t vm_clock_ns(void);

/** CLOCK_BOOTTIME, which goes on while the machine sleeps, and CLOCK_REALTIME, the date since 1970; in nanoseconds. */
uint64_t vm_clock_boot_ns(void);
uint64_t vm_clock_real_ns(void);

/** CPU time that this process has used so far, its threads included, in nanoseconds. */
uint64_t vm_clock_cpu_ns(void);

/**
 * Sleep until CLOCK_MONOTONIC reaches `deadline_ns`.
 * Returns 0, or -EINTR if a signal came first.
 */
int vm_clock_sleep_until(uint64_t deadline_ns);

#endif
