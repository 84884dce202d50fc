/** core/model/container: containers by the names of their control groups. */
#include "core/model/container.h"

#include "unit.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void is(const char *cgroup, const char *want)
{
	char text[64];
	ck_assert_msg(vm_container_of(cgroup, text, sizeof(text)) == (*want != '\0'), "%s", cgroup);
	ck_assert_str_eq(text, want);
}

START_TEST(engines)
{
	is("/docker/" ID, "0123456789ab");
	is("/system.slice/docker-" ID ".scope", "0123456789ab");
	is("/system.slice/docker-" ID ".scope/init.scope", "0123456789ab");
	is("/kubepods.slice/kubepods-pod1.slice/cri-containerd-" ID ".scope", "0123456789ab");
	is("/kubepods/burstable/pod8c1/" ID, "0123456789ab");
	is("/kubepods.slice/kubepods-pod1.slice/crio-" ID ".scope", "0123456789ab");
	is("/machine.slice/libpod-" ID ".scope/container", "0123456789ab");
	is("/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:" ID, "0123456789ab");
	is("/machine.slice/libpod-conmon-" ID ".scope", "");
}
END_TEST

START_TEST(names)
{
	is("/lxc/web/init.scope", "web");
	is("/lxc.payload.web/system.slice/ssh.service", "web");
	is("/machine.slice/systemd-nspawn@deb.service/payload", "deb");
	is("/machine.slice/machine-qemu\\x2d1\\x2dvm.scope", "1\\x2dvm");
}
END_TEST

START_TEST(inside_of_each_other)
{
	is("/lxc/outer/docker/" ID, "0123456789ab");
}
END_TEST

START_TEST(none)
{
	is("", "");
	is("/", "");
	is("/user.slice/user-1000.slice/session-1.scope", "");
	is("/system.slice/docker.service", "");
	is("/system.slice/docker-0123.scope", "");
	is("/x" ID, "");
	is("/machine.slice", "");
	is("/lxc", "");
	is("//../..", "");
}
END_TEST

UNIT_MAIN("container", engines, names, inside_of_each_other, none)
