/** What faulttime.bpf.c and core/source/faulttime.c share. */
#ifndef VM_BPF_FAULTTIME_H
#define VM_BPF_FAULTTIME_H

/** Of a process, since its faults are looked at. */
struct vm_fault_time {
	unsigned long long ns;             /* in faults that have ended, added up over its threads */
	unsigned long long minor, major;   /* such faults */
};

struct vm_fault_time_state {
	/** A process that faulted found no room: a process that isn't known need not be one without faults. */
	unsigned full;
	unsigned reserved;
};

#endif
