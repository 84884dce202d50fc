/** Threads that work beside the one that starts them. */
#ifndef VM_BASE_THREAD_H
#define VM_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/**
 * Start fn(arg) in a thread that takes no signals (these are for the thread that knows what to do about them)
 * and runs on any processor of the process but the one on which the caller is now.  False if no thread is to
 * be had.
 *
 * The scheduler likes to wake a thread where the one runs that woke it, and lets them take turns there until
 * its next tick, with another processor idle: longer than all of our work takes.
 */
bool vm_thread_start(pthread_t *thread, void *(*fn)(void *arg), void *arg);

#endif
