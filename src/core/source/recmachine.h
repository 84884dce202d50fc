/** What is recorded of the machine itself. */
#ifndef VM_SOURCE_RECMACHINE_H
#define VM_SOURCE_RECMACHINE_H

#include <stdbool.h>

struct vm_session;

/**
 * Read the machine's files, so that the session's copies get them: figures and, if `all`, what seldom changes, too.  What
 * isn't there or may not be read is left out.
 */
void vm_rec_read_machine(struct vm_session *s, bool all);

#endif
