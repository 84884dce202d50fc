/** What a process may do, and how many mappings it has: facts that limits are held against. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/model/process.h"
#include "core/source/procparse.h"
#include "core/source/session.h"
#include "core/source/snap.h"

/** PROC_USER_INIT_INO in include/linux/proc_ns.h: the number of the first user namespace on every Linux. */
#define FIRST_USER_NS "user:[4026531837]"

/**
 * The link names the namespace, to those who may ptrace; uid_map is for everyone.  A namespace in which all users are
 * themselves could be one that root made so, which nobody does to confine anything.
 */
static int find_user_ns(struct vm_snap *sn)
{
	char link[64];
	bool first;
	long n = vm_session_readlink(sn->s, link, sizeof(link), "proc/%d/ns/user", sn->pid);
	if (n > 0) {
		first = strcmp(link, FIRST_USER_NS) == 0;
	} else {
		n = vm_snap_slurp(sn, &sn->s->scratch, "uid_map");
		if (n < 0)
			return (int)n;
		/* Kernels without user namespaces have no such file; nobody is in an empty map. */
		if (!vm_parse_id_map(sn->s->scratch.s, &first))
			first = false;
	}
	vm_proc_set(sn->proc, VM_P_FIRST_USER_NS, first);
	return 0;
}

static int fill_caps(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	(void)want;
	/* status was told by something else, or lent by the sample before. */
	if (!vm_proc_has(sn->proc, VM_P_CAPS)) {
		struct vm_proc p;
		vm_proc_init(&p, sn->pid);
		long n = vm_snap_slurp(sn, &sn->s->scratch, "status");
		if (n < 0)
			return (int)n;
		if (!vm_parse_status(sn->s->scratch.s, &p) || !vm_proc_has(&p, VM_P_CAPS))
			return vm_fail(err, EBADMSG, "/proc/%d/status tells of no capabilities", sn->pid);
		vm_proc_set(sn->proc, VM_P_CAPS, p.q[VM_P_CAPS]);
	}
	return find_user_ns(sn);
}

const struct vm_source vm_src_caps = {
	.name = "caps", .help = "/proc/PID/status, ns/user, else uid_map: capabilities and their user namespace",
	.provides = VM_NEED(CAPS), .primary = VM_NEED(CAPS), .fill = fill_caps,
};

/** Lines of maps, but the last if it is the gate page's, which is shown but no mapping of the process. */
static int count_lines(struct vm_snap *sn, uint64_t *lines)
{
	enum { CHUNK = 1 << 16 };
	static const char gate[] = "[vsyscall]\n";
	struct vm_buf *b = &sn->s->scratch;
	vm_auto_close int fd = vm_snap_file(sn, "maps");
	if (fd < 0)
		return fd;
	vm_auto_tee struct vm_tee tee = vm_snap_tee(sn, "maps");
	b->n = 0;
	if (!vm_buf_reserve(b, CHUNK))
		return -ENOMEM;
	char end[sizeof(gate)] = "";
	ssize_t n;
	*lines = 0;
	while ((n = read(fd, b->s, CHUNK)) > 0) {
		vm_tee_write(&tee, b->s, (size_t)n);
		for (const char *p = b->s; (p = memchr(p, '\n', (size_t)(b->s + n - p))); p++)
			++*lines;
		/* Whole lines only are handed out. */
		const size_t last = (size_t)n < sizeof(gate) - 1 ? (size_t)n : sizeof(gate) - 1;
		memcpy(end, b->s + n - last, last);
		end[last] = '\0';
	}
	if (n < 0)
		return -errno;
	if (*lines && strcmp(end, gate) == 0)
		--*lines;
	return 0;
}

static int fill_mapcount(struct vm_snap *sn, uint32_t want, struct vm_err *err)
{
	uint64_t n;
	(void)want, (void)err;
	/* Whoever reads the mappings counts them. */
	if (sn->as && (sn->met & VM_NEED(LAYOUT)) && sn->to == 0)
		return 0;
	int r = count_lines(sn, &n);
	if (r == 0)
		vm_proc_set(sn->proc, VM_P_MAP_COUNT, n);
	return r;
}

const struct vm_source vm_src_mapcount = {
	.name = "maps-lines", .help = "/proc/PID/maps, lines counted",
	.provides = VM_NEED(MAPCOUNT), .primary = VM_NEED(MAPCOUNT), .fill = fill_mapcount,
};
