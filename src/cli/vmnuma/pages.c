/** vmnuma --address: the node of each page in a range, by move_pages(2), which asks and moves nothing. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/vmnuma/vmnuma.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/source/numacalls.h"
#include "core/source/session.h"

enum { BATCH = 4096 };

/** More would fill the screen for hours: a terabyte of pages of 4K. */
#define MOST_BYTES (UINT64_C(1) << 40)

struct runs {
	struct vm_numa_run_row *v;
	size_t n, cap;
};

static int parse_range(const struct vmnuma *v, uint64_t *from, uint64_t *to, struct vm_err *err)
{
	const char *text = v->o->address;
	const uint64_t page = v->s->page_bytes;
	if (vm_parse_hex(text, from) == 0) {
		*to = *from + 1;
	} else if (vm_parse_range(text, from, to) != 0) {
		vm_fail(err, EINVAL, "--address: '%s' is neither an address nor a range", text);
		vm_hint(err, "as in 7f0000000000 or 7f0000000000-7f0000200000");
		return -EINVAL;
	}
	if (*from >> 63 || *to >> 63)
		return vm_fail(err, EINVAL, "--address: %s is in the kernel's half, which is no part of a process", text);
	*from &= ~(page - 1);
	*to = (*to + page - 1) & ~(page - 1);
	if (*to - *from > MOST_BYTES)
		return vm_fail(err, EINVAL, "--address: a range of at most 1T");
	return 0;
}

static bool add_page(struct runs *r, uint64_t addr, uint64_t page, int status)
{
	struct vm_numa_run_row *last = r->n ? &r->v[r->n - 1] : NULL;
	if (last && last->status == status && last->end == addr) {
		last->end += page;
		return true;
	}
	return vm_vec_push(r, (struct vm_numa_run_row){ .start = addr, .end = addr + page, .status = status });
}

static int ask(struct vmnuma *v, uint64_t from, uint64_t to, struct runs *out, struct vm_err *err)
{
	const uint64_t page = v->s->page_bytes;
	uint64_t addr[BATCH];
	int status[BATCH];
	for (uint64_t at = from; at < to;) {
		size_t n = 0;
		for (; n < BATCH && at < to; at += page)
			addr[n++] = at;
		int r = vm_numa_query(v->pids.v[0], addr, status, n, err);
		if (r < 0)
			return r;
		for (size_t i = 0; i < n; i++)
			if (!add_page(out, addr[i], page, status[i]))
				return vm_fail(err, ENOMEM, "out of memory");
	}
	return 0;
}

static int show(struct vmnuma *v, struct vm_err *err)
{
	struct runs runs = { 0 };
	uint64_t from, to;
	if (!v->s->live)
		return vm_fail(err, EOPNOTSUPP, "--address asks the running kernel, not a %s", vm_session_kind(v->s));
	int r = parse_range(v, &from, &to, err);
	if (r == 0)
		r = ask(v, from, to, &runs, err);
	if (r == 0 && vm_report_is_document(&v->report)) {
		vm_json_put_u64(&v->report.json, "pid", (uint64_t)v->pids.v[0]);
	}
	if (r == 0)
		r = vmnuma_list(v, &vm_numa_run_fields, true, NULL, runs.v, runs.n, sizeof(runs.v[0]), NULL, err);
	vm_vec_free(&runs);
	return r;
}

const struct vmnuma_mode vmnuma_pages = { .name = "pages", .set = &vm_numa_run_fields, .show = show };
