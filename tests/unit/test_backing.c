/** core/source/backing and cgroupfs: what is behind a mapping, mountinfo, memory.stat. */
#include "core/source/backing.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/source/cgroupfs.h"
#include "core/source/session.h"

#include "tmpdir.h"
#include "unit.h"

static const char mounts[] =
	"22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
	"23 22 0:21 / /tmp\\040x rw shared:2 - tmpfs tmpfs rw,size=1k\n"
	"24 22 0:22 / /dev/hugepages rw - hugetlbfs none rw,pagesize=2M\n"
	"25 22 0:21 /sub /var rw master:1 propagate_from:2 - tmpfs tmpfs rw\n"
	"26 22 0:23 / /proc rw - proc tmpfs rw\n"
	"no numbers - tmpfs x\n27 22 0:24 / /cut off - tmpf";

static enum vm_fault_backing of(const struct vm_backings *b, const char *name, uint32_t minor, bool file, bool shared)
{
	const struct vm_fault_mapping m = { .name = name, .inode = file, .dev_minor = minor, .shared = shared };
	return vm_backing_of(b, &m);
}

START_TEST(names_and_devices)
{
	struct vm_backings b = { 0 };
	ck_assert(vm_parse_mountinfo(mounts, &b));
	ck_assert_uint_eq(b.dev.n, 2);
	ck_assert_int_eq(of(&b, "/tmp x/f", 21, true, true), VM_FAULT_B_SHMEM);
	ck_assert_int_eq(of(&b, "/dev/shm/f", 21, true, false), VM_FAULT_B_SHMEM);
	ck_assert_int_eq(of(&b, "/dev/hugepages/f", 22, true, true), VM_FAULT_B_HUGETLB);
	ck_assert_int_eq(of(&b, "/proc/kcore", 23, true, true), VM_FAULT_B_FILE);
	ck_assert_int_eq(of(&b, "/bin/sh", 1, true, false), VM_FAULT_B_FILE);
	ck_assert_int_eq(of(&b, "/dev/dri/card0", 5, true, true), VM_FAULT_B_DEVICE);
	ck_assert_int_eq(of(&b, "/dev/zero (deleted)", 1, true, true), VM_FAULT_B_SHMEM);
	ck_assert_int_eq(of(&b, "/dev/zero", 6, true, false), VM_FAULT_B_ANON);
	ck_assert_int_eq(of(&b, "", 0, false, false), VM_FAULT_B_ANON);
	ck_assert_int_eq(of(&b, "[heap]", 0, false, false), VM_FAULT_B_ANON);
	ck_assert_int_eq(of(&b, "[stack]", 0, false, false), VM_FAULT_B_ANON);
	ck_assert_int_eq(of(&b, "[anon:x]", 0, false, false), VM_FAULT_B_ANON);
	ck_assert_int_eq(of(&b, "[vdso]", 0, false, false), VM_FAULT_B_DEVICE);
	ck_assert_int_eq(of(&b, "[vvar_vclock]", 0, false, false), VM_FAULT_B_DEVICE);
	vm_backings_free(&b);
}
END_TEST

START_TEST(of_this_machine)
{
	struct vm_session *s;
	struct vm_backings b = { 0 };
	struct stat st;
	ck_assert_int_eq(vm_session_open("/", &s, NULL), 0);
	ck_assert(vm_backings_read(s, &b));
	int fd = memfd_create("x", MFD_CLOEXEC);
	ck_assert_int_eq(fstat(fd, &st), 0);
	struct vm_fault_mapping m = {
		.name = "/memfd:x (deleted)", .inode = st.st_ino, .dev_major = major(st.st_dev), .dev_minor = minor(st.st_dev),
	};
	ck_assert_int_eq(vm_backing_of(&b, &m), VM_FAULT_B_SHMEM);
	close(fd);
	fd = memfd_create("x", MFD_CLOEXEC | MFD_HUGETLB);
	if (fd >= 0 && fstat(fd, &st) == 0) {
		m.dev_major = major(st.st_dev);
		m.dev_minor = minor(st.st_dev);
		ck_assert_int_eq(vm_backing_of(&b, &m), VM_FAULT_B_HUGETLB);
		close(fd);
	}
	vm_backings_free(&b);
	vm_session_close(s);
}
END_TEST

START_TEST(memory_stat)
{
	uint64_t faults = 0, major = 0;
	ck_assert(vm_parse_memory_stat("anon 5\npgfault 12\npgmajfault 3\n", &faults, &major));
	ck_u64_eq(faults, 12);
	ck_u64_eq(major, 3);
	/* Version 1: with the groups below. */
	ck_assert(vm_parse_memory_stat("pgfault 12\npgmajfault 3\ntotal_pgfault 20\ntotal_pgmajfault 4", &faults, &major));
	ck_u64_eq(faults, 20);
	ck_u64_eq(major, 4);
	ck_assert(!vm_parse_memory_stat("", &faults, &major));
	ck_assert(!vm_parse_memory_stat("pgfault\npgmajfault x\n", &faults, &major));
	ck_assert(!vm_parse_memory_stat("xpgfault 1\npgmajfault 1\n", &faults, &major));
	ck_assert(!vm_parse_memory_stat("pgfault 99999999999999999999999\npgmajfault 1\n", &faults, &major));
}
END_TEST

/** What is left to a group: the least of what it and those above it leave, and which of them that is. */
static uint64_t room_of(const char *path, int *whose)
{
	struct vm_session *s;
	struct vm_cgroup_limit limit;
	ck_assert_int_eq(vm_session_open(dir, &s, NULL), 0);
	if (!vm_cgroup_memory_limit(s, path, &limit))
		limit = (struct vm_cgroup_limit){ .room = 2, .path_len = -1 };
	vm_session_close(s);
	if (whose)
		*whose = limit.path_len;
	return limit.room;
}

START_TEST(groups_of_a_process)
{
	const char *text = "9:name=systemd:/\n4:memory:/a/b\n0::/user.slice/x\n";
	ck_assert(vm_cgroup_holds(text, "/a/b"));
	ck_assert(vm_cgroup_holds(text, "a/b/"));
	ck_assert(vm_cgroup_holds(text, "/a"));
	ck_assert(vm_cgroup_holds(text, "user.slice"));
	ck_assert(vm_cgroup_holds(text, "/"));
	ck_assert(!vm_cgroup_holds(text, "/a/b/c"));
	ck_assert(!vm_cgroup_holds(text, "/a/bb"));
	ck_assert(!vm_cgroup_holds(text, "/us"));
	ck_assert(!vm_cgroup_holds(text, "b"));
	ck_assert(vm_cgroup_holds("0::/x", "x"));
	ck_assert(!vm_cgroup_holds("", "/"));
	ck_assert(!vm_cgroup_holds("0:\n0::/x", "/y"));
	ck_assert(!vm_cgroup_holds("no group at all\n::", "/"));
}
END_TEST

START_TEST(memory_room)
{
	make_dir();
	ck_assert(shell("mkdir -p %s/proc %s/sys/fs/cgroup/a/b %s/sys/fs/cgroup/memory/v1", dir, dir, dir));
	ck_u64_eq(room_of("/a/b", NULL), 2);
	ck_assert(shell("cd %s/sys/fs/cgroup; echo max >a/b/memory.max; echo 5000 >a/b/memory.current; echo 9000 >a/memory.max; "
			"echo 8000 >a/memory.current; printf 'anon 1\nfile 700\nshmem 200\n' >a/memory.stat", dir));
	ck_u64_eq(room_of("/a", NULL), 1500);
	int whose;
	ck_u64_eq(room_of("/a/b", &whose), 1500);
	ck_assert_int_eq(whose, 2);
	ck_assert(shell("echo 5100 >%s/sys/fs/cgroup/a/b/memory.max", dir));
	ck_u64_eq(room_of("/a/b", NULL), 100);
	ck_u64_eq(room_of("/a/none", NULL), 1500);
	ck_assert(shell("echo 6000 >%s/sys/fs/cgroup/a/b/memory.current", dir));
	ck_u64_eq(room_of("/a/b", NULL), 0);
	/* Version 1 counts the groups below in. */
	ck_assert(shell("rm -r %s/sys/fs/cgroup/a; cd %s/sys/fs/cgroup/memory; echo 9223372036854771712 >memory.limit_in_bytes; "
			"echo 1 >memory.usage_in_bytes; echo 4096 >v1/memory.limit_in_bytes; echo 4000 >v1/memory.usage_in_bytes; "
			"printf 'cache 1\nshmem 0\ntotal_cache 50\ntotal_shmem 46\n' >v1/memory.stat", dir, dir));
	ck_u64_eq(room_of("/v1", NULL), 100);
	ck_u64_eq(room_of("/", NULL), UINT64_MAX);
	clear_dir();
	uint64_t cache;
	ck_assert(!vm_parse_memory_cache("anon 5\n", &cache));
	ck_assert(vm_parse_memory_cache("file 5\nshmem 9\n", &cache));
	ck_u64_eq(cache, 0);
}
END_TEST

UNIT_MAIN("backing", groups_of_a_process, names_and_devices, of_this_machine, memory_stat, memory_room)
