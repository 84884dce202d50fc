#include "core/source/damon.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/source/session.h"
#include "core/source/source.h"

#define KDAMONDS "sys/kernel/mm/damon/admin/kdamonds"
#define CONTEXT "0/contexts/0/"
#define SCHEME CONTEXT "schemes/0/"

enum { SAMPLES = 20, REGIONS_LEAST = 10, REGIONS_MOST = 1000, LEAST_SAMPLE_US = 100 };

struct vm_damon {
	struct vm_session *s;
	pid_t pid;
	bool made, started;
	uint64_t samples;
};

/* ---- Files --------------------------------------------------------------------------------------------------------- */

static int put(const struct vm_damon *d, const char *file, const char *value)
{
	vm_auto_close int fd = vm_session_open_file(d->s, O_WRONLY | O_TRUNC, KDAMONDS "/%s", file);
	if (fd < 0)
		return fd;
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

static int put_number(const struct vm_damon *d, const char *file, uint64_t n)
{
	char text[24];
	snprintf(text, sizeof(text), "%" PRIu64, n);
	return put(d, file, text);
}

static bool get_number(const struct vm_damon *d, uint64_t *n, const char *file)
{
	char *end;
	if (vm_session_slurp(d->s, &d->s->scratch, KDAMONDS "/%s", file) <= 0)
		return false;
	errno = 0;
	*n = strtoull(d->s->scratch.s, &end, 0);
	return end != d->s->scratch.s && errno == 0;
}

/* ---- Starting ------------------------------------------------------------------------------------------------------ */

/** Nobody must be there: writing to nr_kdamonds would remove what is. */
static int check_free(const struct vm_damon *d, struct vm_err *err)
{
	uint64_t n;
	vm_auto_close int fd = vm_session_open_file(d->s, O_RDONLY, KDAMONDS "/nr_kdamonds");
	if (fd == -ENOENT)
		return vm_fail(err, EOPNOTSUPP, "this kernel has no DAMON for users (CONFIG_DAMON_SYSFS)");
	if (fd < 0) {
		vm_fail_os(err, -fd, "cannot read DAMON's files");
		vm_hint(err, "run with sudo");
		return fd;
	}
	if (!get_number(d, &n, "nr_kdamonds"))
		return vm_fail(err, EIO, "cannot read DAMON's files");
	if (n)
		return vm_fail(err, EBUSY, "somebody has a DAMON session here (%" PRIu64 " in " KDAMONDS "): it isn't touched", n);
	return 0;
}

struct setting {
	const char *file, *value;
};

static int put_all(const struct vm_damon *d, const struct setting *v, size_t n, struct vm_err *err)
{
	for (size_t i = 0; i < n; i++) {
		int r = put(d, v[i].file, v[i].value);
		if (r == -EINVAL && strcmp(v[i].value, "vaddr") == 0)
			return vm_fail(err, EOPNOTSUPP, "this kernel's DAMON doesn't monitor processes (CONFIG_DAMON_VADDR)");
		if (r < 0)
			return vm_fail_os(err, -r, "cannot write %s to DAMON's %s", v[i].value, v[i].file);
	}
	return 0;
}

/** Every region is told by a scheme that does nothing to any. */
static int set_up(struct vm_damon *d, uint64_t aggregation_ns, struct vm_err *err)
{
	char pid[16], sample[24], aggregation[24], update[24], least[16], most[16];
	uint64_t sample_us = aggregation_ns / 1000 / SAMPLES;
	sample_us = sample_us < LEAST_SAMPLE_US ? LEAST_SAMPLE_US : sample_us;
	const uint64_t aggregation_us = aggregation_ns / 1000 < sample_us ? sample_us : aggregation_ns / 1000;
	d->samples = aggregation_us / sample_us;
	snprintf(pid, sizeof(pid), "%d", d->pid);
	snprintf(sample, sizeof(sample), "%" PRIu64, sample_us);
	snprintf(aggregation, sizeof(aggregation), "%" PRIu64, aggregation_us);
	snprintf(update, sizeof(update), "%" PRIu64, aggregation_us < 1000000 ? 1000000 : aggregation_us);
	snprintf(least, sizeof(least), "%d", REGIONS_LEAST);
	snprintf(most, sizeof(most), "%d", REGIONS_MOST);
	const struct setting all[] = {
		{ "0/contexts/nr_contexts", "1" }, { CONTEXT "operations", "vaddr" },
		{ CONTEXT "monitoring_attrs/intervals/sample_us", sample }, { CONTEXT "monitoring_attrs/intervals/aggr_us", aggregation },
		{ CONTEXT "monitoring_attrs/intervals/update_us", update },
		{ CONTEXT "monitoring_attrs/nr_regions/max", most }, { CONTEXT "monitoring_attrs/nr_regions/min", least },
		{ CONTEXT "targets/nr_targets", "1" }, { CONTEXT "targets/0/pid_target", pid },
		{ CONTEXT "schemes/nr_schemes", "1" }, { SCHEME "action", "stat" },
		{ SCHEME "access_pattern/sz/min", "0" }, { SCHEME "access_pattern/sz/max", "18446744073709551615" },
		{ SCHEME "access_pattern/nr_accesses/min", "0" }, { SCHEME "access_pattern/nr_accesses/max", "4294967295" },
		{ SCHEME "access_pattern/age/min", "0" }, { SCHEME "access_pattern/age/max", "4294967295" },
	};
	return put_all(d, all, sizeof(all) / sizeof(all[0]), err);
}

/** The kernel's own users want it for themselves alone: modules that are on, damon_stat from the boot on where it's built so. */
static int busy(struct vm_damon *d, struct vm_err *err)
{
	static const char *const modules[] = { "damon_stat", "damon_reclaim", "damon_lru_sort" };
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
		if (vm_session_slurp(d->s, &d->s->scratch, "sys/module/%s/parameters/enabled", modules[i]) <= 0 ||
		    d->s->scratch.s[0] != 'Y')
			continue;
		vm_fail(err, EBUSY, "DAMON is busy: the kernel's own %s is on", modules[i]);
		vm_hint(err, "whoever administers this machine can stop it: echo N >/sys/module/%s/parameters/enabled", modules[i]);
		return -EBUSY;
	}
	return vm_fail(err, EBUSY, "DAMON is busy: somebody else in the kernel runs it");
}

static int start(struct vm_damon *d, uint64_t aggregation_ns, struct vm_err *err)
{
	int r = check_free(d, err);
	if (r < 0)
		return r;
	r = put_number(d, "nr_kdamonds", 1);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot make a DAMON session");
	d->made = true;
	r = set_up(d, aggregation_ns, err);
	if (r < 0)
		return r;
	r = put(d, "0/state", "on");
	if (r == -EBUSY)
		return busy(d, err);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot start DAMON on process %d", d->pid);
	d->started = true;
	return 0;
}

int vm_damon_open(struct vm_session *s, pid_t pid, uint64_t aggregation_ns, struct vm_damon **out, struct vm_err *err)
{
	struct vm_damon *d = calloc(1, sizeof(*d));
	if (!d)
		return vm_fail(err, ENOMEM, "out of memory");
	d->s = s;
	d->pid = pid;
	int r = start(d, aggregation_ns, err);
	if (r < 0)
		vm_damon_close(d);
	else
		*out = d;
	return r;
}

void vm_damon_close(struct vm_damon *d)
{
	if (!d)
		return;
	if (d->started)
		put(d, "0/state", "off");
	if (d->made)
		put_number(d, "nr_kdamonds", 0);
	free(d);
}

/* ---- Reading ------------------------------------------------------------------------------------------------------- */

static bool read_region(const struct vm_damon *d, int number, struct vm_damon_region *r)
{
	const struct { const char *file; uint64_t *to; } member[] = {
		{ "start", &r->start }, { "end", &r->end }, { "nr_accesses", &r->accesses }, { "age", &r->age },
	};
	for (size_t i = 0; i < sizeof(member) / sizeof(member[0]); i++) {
		char path[96];
		snprintf(path, sizeof(path), SCHEME "tried_regions/%d/%s", number, member[i].file);
		if (!get_number(d, member[i].to, path))
			return false;
	}
	return r->start < r->end;
}

static int by_start(const void *a_, const void *b_)
{
	const struct vm_damon_region *a = a_, *b = b_;
	return a->start < b->start ? -1 : a->start > b->start;
}

static bool is_on(const struct vm_damon *d)
{
	return vm_session_slurp(d->s, &d->s->scratch, KDAMONDS "/0/state") >= 2 && strncmp(d->s->scratch.s, "on", 2) == 0;
}

int vm_damon_read(struct vm_damon *d, struct vm_damon_regions *out, struct vm_err *err)
{
	struct vm_pids numbers = { 0 };
	out->region.n = 0;
	out->samples = d->samples;
	/* It ends with its process. */
	if (!is_on(d))
		return vm_fail(err, ESRCH, "process %d has ended", d->pid);
	int r = put(d, "0/state", "update_schemes_tried_regions");
	if (r < 0 && !is_on(d))
		return vm_fail(err, ESRCH, "process %d has ended", d->pid);
	if (r < 0)
		return vm_fail(err, r == -EINVAL ? EOPNOTSUPP : -r, "DAMON doesn't tell its regions (Linux 6.2)");
	r = vm_list_numbers(d->s, &numbers, err, KDAMONDS "/" SCHEME "tried_regions");
	/* The list is made for processes, of which none has the number 0. */
	for (size_t i = 0; r == 0 && i <= numbers.n; i++) {
		struct vm_damon_region g;
		if (read_region(d, i ? numbers.v[i - 1] : 0, &g) && !vm_vec_push(&out->region, g))
			r = vm_fail(err, ENOMEM, "out of memory");
	}
	vm_vec_free(&numbers);
	if (r == 0 && out->region.n)
		qsort(out->region.v, out->region.n, sizeof(*out->region.v), by_start);
	return r;
}
