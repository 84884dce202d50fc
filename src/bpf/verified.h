/** What programs need to pass the verifiers of kernels from 5.10 on. */
#ifndef VM_BPF_VERIFIED_H
#define VM_BPF_VERIFIED_H

/** A function that is verified once, whatever calls it: loops are nested by way of such. */
#define GLOBAL __attribute__((noinline, weak))

/**
 * Bound an index below `n`, a power of two, where it is used: the compiler would make a running pointer of it, which no
 * verifier takes.
 */
#define INDEX(x, n) asm volatile("%0 &= %1" : "+r"(x) : "i"((n) - 1))

#endif
