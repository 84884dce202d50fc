#include "cli/vmtop/machine.h"

#include <errno.h>

#include "cli/tui/feed.h"
#include "core/base/err.h"
#include "core/source/hugesys.h"
#include "core/source/machine.h"
#include "core/source/nodes.h"

static void drop_whole(struct vmtop_machine *m)
{
	vm_nodes_free(&m->nodes);
	vm_hugesys_free(&m->huge);
	m->nodes = (struct vm_nodes){ 0 };
	m->huge = (struct vm_hugesys){ 0 };
}

void vmtop_machine_restart(struct vmtop_machine *m)
{
	vm_machine_rates_free(&m->rates);
	m->rates = (struct vm_machine_rates){ 0 };
	m->begun = false;
}

void vmtop_machine_free(struct vmtop_machine *m)
{
	drop_whole(m);
	vmtop_machine_restart(m);
	vm_machine_free(&m->now);
}

static int read_whole(struct vmtop_machine *m, struct vm_session *s, struct vm_frame *frame, struct vm_err *err)
{
	drop_whole(m);
	int r = vm_nodes_read(s, &m->nodes, err);
	if (r == 0)
		r = vm_hugesys_read(s, true, &m->huge, err);
	frame->nodes = r == 0 ? &m->nodes : NULL;
	frame->hugesys = r == 0 ? &m->huge : NULL;
	return r;
}

int vmtop_machine_refresh(struct vmtop_machine *m, struct vm_session *s, const struct vm_want *want, struct vm_frame *frame,
			  struct vm_err *err)
{
	frame->machine = NULL;
	frame->rates = NULL;
	frame->nodes = NULL;
	frame->hugesys = NULL;
	if (!want->machine)
		return 0;
	int r = vm_machine_read(s, want->machine, &m->now, err);
	if (r < 0)
		return r;
	r = m->begun ? vm_machine_rates_next(&m->rates, &m->now) : vm_machine_rates_begin(&m->rates, &m->now);
	if (r < 0)
		return vm_fail(err, ENOMEM, "out of memory");
	m->begun = true;
	frame->machine = &m->now;
	frame->rates = &m->rates;
	return want->machine_whole ? read_whole(m, s, frame, err) : 0;
}
