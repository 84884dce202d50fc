/** Whose doings are measured. */
#ifndef VM_MODEL_WHOM_H
#define VM_MODEL_WHOM_H

enum vm_whom {
	VM_OF_PIDS,      /* with all their threads */
	VM_OF_CGROUP,    /* and those below it */
	VM_OF_ALL,       /* but ourselves */
	VM_OF_COMMAND,   /* a child that waits: from its execve(2) on */
};

#endif
