/** The eBPF program of walker.h, loaded. */
#ifndef VM_SOURCE_WALK_PROGRAM_H
#define VM_SOURCE_WALK_PROGRAM_H

struct vm_err;
struct vm_session;
struct vm_walk_control;
struct walk_bpf;
struct walk_light;

struct vm_walk_program {
	int walk_fd, calibrate_fd, tables_fd, metas_fd;
	/** Shared with the program. */
	struct vm_walk_control *control;
	/** One of them holds it. */
	struct walk_light *light;
	struct walk_bpf *full;
};

/** 0, or a negative errno with the reason in words. */
int vm_walk_program_load(struct vm_walk_program *p, struct vm_session *s, struct vm_err *err);
void vm_walk_program_free(struct vm_walk_program *p);

#endif
