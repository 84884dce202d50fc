/** Which container a process is in, told from the path of its control group. */
#ifndef VM_MODEL_CONTAINER_H
#define VM_MODEL_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>

/**
 * The innermost container that the path names: the first 12 digits of an ID (Docker, containerd, CRI-O, Podman, with systemd's
 * names or without), or the name that LXC, Incus, systemd-nspawn and libvirt give.  False, and an empty text: none.
 */
bool vm_container_of(const char *cgroup, char *out, size_t size);

#endif
