/** What a moment of a recording holds, in a few numbers. */

#include <string.h>

#include "core/source/recording.h"

static bool is_process_file(const struct vm_rec_entry *e, const char *name)
{
	static const char proc[] = "proc/";
	if (!e->there || strncmp(e->path, proc, sizeof(proc) - 1) != 0)
		return false;
	const char *pid = e->path + sizeof(proc) - 1;
	const size_t digits = strspn(pid, "0123456789");
	return digits && pid[digits] == '/' && strcmp(pid + digits + 1, name) == 0;
}

/** The first line of a file. */
static void copy_text(struct vm_rec_tree *t, const char *path, char *to, size_t size)
{
	const struct vm_rec_entry *e = vm_rec_tree_find(t, path, strlen(path));
	size_t n = e && e->there ? e->len : 0;
	if (n >= size)
		n = size - 1;
	if (n)
		memcpy(to, e->data, n);
	to[n] = '\0';
	to[strcspn(to, "\n")] = '\0';
}

void vm_recording_sum_up(struct vm_recording *r, struct vm_rec_summary *out)
{
	struct vm_rec_tree *t = vm_recording_tree(r);
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < t->entries.n; i++) {
		out->processes += is_process_file(&t->entries.v[i], "stat");
		out->with_mappings += is_process_file(&t->entries.v[i], "smaps");
	}
	copy_text(t, "proc/sys/kernel/hostname", out->host, sizeof(out->host));
	copy_text(t, "proc/sys/kernel/osrelease", out->kernel, sizeof(out->kernel));
}
