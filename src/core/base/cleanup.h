/** Scope guards: what a function opens, its closing brace closes. */
#ifndef VM_BASE_CLEANUP_H
#define VM_BASE_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void vm_cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void vm_cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void vm_cleanup_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void vm_cleanup_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define vm_auto_free  __attribute__((cleanup(vm_cleanup_free)))
#define vm_auto_close __attribute__((cleanup(vm_cleanup_close)))
#define vm_auto_file  __attribute__((cleanup(vm_cleanup_file)))
#define vm_auto_dir   __attribute__((cleanup(vm_cleanup_dir)))

#define vm_countof(a) (sizeof(a) / sizeof((a)[0]))

#endif
