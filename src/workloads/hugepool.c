#include "workloads/hugepool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/str.h"

/** A file of the pool, in base pages' sizes: "nr_hugepages", "free_hugepages", "resv_hugepages". */
static void pool_path(const struct vm_hugepool *h, const char *name, char *path, size_t size)
{
	snprintf(path, size, "/sys/kernel/mm/hugepages/hugepages-%llukB/%s", (unsigned long long)h->page / 1024, name);
}

static int pool_read(const struct vm_hugepool *h, const char *name, unsigned long long *v)
{
	char path[96];
	pool_path(h, name, path, sizeof(path));
	return vm_setting_read(path, v);
}

static int pool_resize(const struct vm_hugepool *h, unsigned long long v)
{
	char path[96];
	pool_path(h, "nr_hugepages", path, sizeof(path));
	return vm_setting_write(path, v);
}

/** Pages that a new mapping may have. */
static unsigned long long available(const struct vm_hugepool *h)
{
	unsigned long long free_pages = 0, reserved = 0;
	pool_read(h, "free_hugepages", &free_pages);
	pool_read(h, "resv_hugepages", &reserved);
	return free_pages > reserved ? free_pages - reserved : 0;
}

/** Runs in the keeper. */
static int borrow(void *arg, struct vm_err *err)
{
	struct vm_hugepool *h = arg;
	char text[VM_NUMBUF];
	unsigned long long before, after = 0;
	const unsigned long long there = available(h), missing = h->wanted - there;
	const char *size = vm_format_size(h->page, text);
	int r = pool_read(h, "nr_hugepages", &before);
	if (r == 0)
		r = pool_resize(h, before + missing);
	if (r < 0) {
		vm_fail(err, EPERM, "the pool has %llu free pages of %s, and may not be enlarged: %s", there, size, strerror(-r));
		vm_hint(err, "run as root, or have the pool enlarged (vm.nr_hugepages)");
		return -EPERM;
	}
	/* The kernel gives as many as it finds memory for. */
	if (pool_read(h, "nr_hugepages", &after) == 0 && after > before)
		h->borrowed = after - before;
	if (h->borrowed < missing)
		return vm_fail(err, EPERM, "the kernel finds no memory for %llu pages of %s, only for %llu", missing, size,
		               h->borrowed);
	return 0;
}

/** Runs in the keeper: others may have changed the pool meanwhile. */
static void give_back(void *arg)
{
	const struct vm_hugepool *h = arg;
	unsigned long long now;
	if (h->borrowed && pool_read(h, "nr_hugepages", &now) == 0)
		pool_resize(h, now > h->borrowed ? now - h->borrowed : 0);
}

static const struct vm_kept pool = { .set = borrow, .put_back = give_back };

bool vm_hugepool_exists(uint64_t page)
{
	unsigned long long total;
	return pool_read(&(const struct vm_hugepool){ .page = page }, "nr_hugepages", &total) == 0;
}

int vm_hugepool_borrow(struct vm_hugepool *h, uint64_t page, uint64_t count, struct vm_err *err)
{
	*h = (struct vm_hugepool){ .page = page, .wanted = count };
	return available(h) < count ? vm_keeper_start(&h->keeper, &pool, h, err) : 0;
}

void vm_hugepool_end(struct vm_hugepool *h)
{
	vm_keeper_end(&h->keeper);
}
