/** vmfault: rows and pictures by what instructions and stacks are called. */

#include "cli/vmfault/vmfault.h"

#include <errno.h>
#include <string.h>

#include "cli/render/flame.h"
#include "core/base/err.h"
#include "core/base/str.h"

/* ---- Stacks ------------------------------------------------------------------------------------------------------- */

/** Names of a stack, outermost first. */
static void frames_of(struct vmfault *v, const struct vm_faultset *f, const struct vm_fault_group *g, bool leaf,
		      struct vm_siteframes *to)
{
	vm_siteframes_set(to, &v->names, f, g->space, g->stack, g->ip);
	if (g->kernel)
		vm_siteframes_push(to, "[kernel]", VM_FLAME_KERNEL);
	if (leaf)
		vm_siteframes_push(to, vm_fault_kinds[g->kind].name, VM_FLAME_FAULT);
}

bool vmfault_by_stack(struct vmfault *v, const struct vm_faultset *f, struct vm_fault_places *p)
{
	struct vm_siteframes frames = { 0 };
	bool ok = true;
	for (size_t i = 0; ok && i < f->group.n; i++) {
		size_t len;
		frames_of(v, f, &f->group.v[i], false, &frames);
		const char *stack = vm_siteframes_join(&frames, &len);
		bool is_new;
		struct vm_fault_place_row *r = vm_fault_place(p, vm_sitename_hash(stack, len), &is_new);
		ok = r != NULL;
		if (ok && is_new)
			r->place = vm_arena_strndup(&p->arena, stack, len);
		if (ok)
			vm_fault_place_add(r, f, &f->group.v[i]);
	}
	vm_siteframes_free(&frames);
	vm_fault_places_finish(p, f);
	return ok;
}

static int fill_flame(struct vmfault *v, const struct vm_faultset *f, struct vm_flame *flame)
{
	struct vm_siteframes frames = { 0 };
	int r = 0;
	for (size_t i = 0; r == 0 && i < f->group.n; i++) {
		const struct vm_fault_group *g = &f->group.v[i];
		frames_of(v, f, g, true, &frames);
		r = vm_siteframes_add(&frames, flame, v->o->weight ? g->ns : g->count);
	}
	vm_siteframes_free(&frames);
	return r;
}

static int write_svg(struct vmfault *v, const struct vm_faultset *f, struct vm_flame *flame, struct vm_err *err)
{
	char subtitle[160];
	char total[VM_NUMBUF];
	FILE *out = fopen(v->o->svg, "we");
	if (!out)
		return vm_fail_os(err, errno, "cannot write %s", v->o->svg);
	snprintf(subtitle, sizeof(subtitle), "%s of page faults in %s", v->o->weight ? "time" : "number",
		 vm_format_duration(f->now_ns - f->began_ns, total));
	const struct vm_flame_text text = {
		.title = v->child.name ? v->child.name : "page faults", .subtitle = subtitle,
		.unit = v->o->weight ? VM_FLAME_NS : VM_FLAME_FAULTS,
	};
	int r = vm_flame_svg(flame, &text, out);
	if (fclose(out) != 0 && r == 0)
		r = -errno;
	return r < 0 ? vm_fail_os(err, -r, "cannot write %s", v->o->svg) : 0;
}

int vmfault_flame(struct vmfault *v, const struct vm_faultset *f, struct vm_err *err)
{
	struct vm_flame *flame = vm_flame_new();
	int r = flame ? fill_flame(v, f, flame) : -ENOMEM;
	if (r < 0)
		r = vm_fail_os(err, -r, "cannot add up stacks");
	if (r == 0 && v->o->svg)
		r = write_svg(v, f, flame, err);
	if (r == 0 && v->o->folded) {
		r = vm_flame_folded(flame, v->out);
		r = r < 0 ? vm_fail_os(err, -r, "cannot write the stacks") : 0;
	}
	vm_flame_free(flame);
	return r;
}
