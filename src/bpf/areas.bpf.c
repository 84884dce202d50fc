/**
 * The vm_area_structs of a process, or of all.  A program of its own, since it loads in a fraction of the time that the one
 * over tasks takes.
 */
#include "kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "areas.h"

struct vm_areas_control control;
struct vm_task_vma area;

SEC("iter/task_vma")
int areas(struct bpf_iter__task_vma *ctx)
{
	struct task_struct *task = ctx->task;
	struct vm_area_struct *vma = ctx->vma;
	/* Threads that share no open files with the first one are visited on their own: the same mappings once more. */
	if (!task || !vma || task->pid != task->tgid || (control.tgid && task->tgid != control.tgid))
		return 0;
	area.tgid = task->tgid;
	area.start = vma->vm_start;
	area.end = vma->vm_end;
	area.flags = vma->vm_flags;
	area.pgoff = vma->vm_pgoff;
	area.has_anon_vma = vma->anon_vma != (void *)0;
	bpf_seq_write(ctx->meta->seq, &area, sizeof(area));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
