/** Yes, no, or not known. */
#ifndef VM_BASE_ANSWER_H
#define VM_BASE_ANSWER_H

enum vm_answer { VM_UNSURE = -1, VM_NO, VM_YES };

#endif
