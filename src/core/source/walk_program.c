#include "core/source/walk_program.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "bpf/walk.h"
#include "bpf/walk.light.h"
#include "bpf/walk.skel.h"
#include "core/base/err.h"
#include "core/source/bpf.h"

/**
 * The light form is loaded by a program in the kernel, which finds its own types: half the time, since the kernel's
 * 5 MB of BTF need not be read from sysfs page by page.  It takes Linux 5.17.
 */
static int load_light(struct vm_walk_program *p)
{
	p->light = walk_light__open();
	if (!p->light)
		return -errno;
	int r = walk_light__load(p->light);
	if (r < 0) {
		walk_light__destroy(p->light);
		p->light = NULL;
		return r;
	}
	p->walk_fd = p->light->progs.walk.prog_fd;
	p->calibrate_fd = p->light->progs.calibrate.prog_fd;
	p->tables_fd = p->light->maps.tables.map_fd;
	p->metas_fd = p->light->maps.metas.map_fd;
	p->control = &p->light->bss->control;
	return 0;
}

static int print_nothing(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static int load_full(struct vm_walk_program *p)
{
	libbpf_set_print(print_nothing);
	p->full = walk_bpf__open();
	if (!p->full)
		return -errno;
	int r = walk_bpf__load(p->full);
	if (r < 0)
		return r;
	p->walk_fd = bpf_program__fd(p->full->progs.walk);
	p->calibrate_fd = bpf_program__fd(p->full->progs.calibrate);
	p->tables_fd = bpf_map__fd(p->full->maps.tables);
	p->metas_fd = bpf_map__fd(p->full->maps.metas);
	p->control = &p->full->bss->control;
	return 0;
}

int vm_walk_program_load(struct vm_walk_program *p, struct vm_session *s, struct vm_err *err)
{
	memset(p, 0, sizeof(*p));
	int r = vm_bpf_allowed(s, true, err);
	if (r < 0)
		return r;
	if (load_light(p) == 0)
		return 0;
	r = load_full(p);
	return r < 0 ? vm_bpf_fail(err, -r, "the page-table program") : 0;
}

void vm_walk_program_free(struct vm_walk_program *p)
{
	if (p->light)
		walk_light__destroy(p->light);
	walk_bpf__destroy(p->full);
}
