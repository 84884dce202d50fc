/** core/source/tlbmodel_qemu: which emulator runs a file, and the command that is made. */
#include "core/source/tlbmodel_qemu.h"

#include <elf.h>
#include <errno.h>
#include <unistd.h>

#include "core/base/err.h"
#include "tmpdir.h"
#include "unit.h"

/** A file that begins like a program of that machine. */
static void program(const char *name, unsigned char class, unsigned char order, unsigned machine)
{
	char path[128];
	unsigned char head[64] = { 0x7f, 'E', 'L', 'F', class, order, EV_CURRENT };
	head[18 + (order == ELFDATA2MSB)] = (unsigned char)machine;
	head[18 + (order != ELFDATA2MSB)] = (unsigned char)(machine >> 8);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(head, sizeof(head), 1, f), 1);
	fclose(f);
	ck_assert(shell("/bin/chmod 755 %s", path));
}

static void emulator(const char *machine, bool plugins)
{
	ck_assert(shell("echo '%s' > %s/qemu-%s; /bin/chmod 755 %s/qemu-%s",
			plugins ? "name of qemu_plugin_register_vcpu_mem_cb" : "no names", dir, machine, dir, machine));
}

static int find(const char *name, struct vm_qemu *q, struct vm_err *err)
{
	*err = (struct vm_err){ .code = 0 };
	return vm_qemu_find(name, q, err);
}

static void begin(void)
{
	make_dir();
	setenv("PATH", dir, 1);
}

static void end(void)
{
	setenv("PATH", "/usr/bin:/bin", 1);
	clear_dir();
}

static bool within_dir(const char *path, const char *name)
{
	char want[128];
	snprintf(want, sizeof(want), "%s/%s", dir, name);
	return strcmp(path, want) == 0;
}

START_TEST(machines_by_their_header)
{
	static const struct { const char *machine; unsigned char class, order; unsigned number; } known[] = {
		{ "x86_64", ELFCLASS64, ELFDATA2LSB, EM_X86_64 }, { "i386", ELFCLASS32, ELFDATA2LSB, EM_386 },
		{ "aarch64", ELFCLASS64, ELFDATA2LSB, EM_AARCH64 }, { "arm", ELFCLASS32, ELFDATA2LSB, EM_ARM },
		{ "riscv64", ELFCLASS64, ELFDATA2LSB, EM_RISCV }, { "riscv32", ELFCLASS32, ELFDATA2LSB, EM_RISCV },
		{ "ppc64", ELFCLASS64, ELFDATA2MSB, EM_PPC64 }, { "ppc64le", ELFCLASS64, ELFDATA2LSB, EM_PPC64 },
		{ "s390x", ELFCLASS64, ELFDATA2MSB, EM_S390 }, { "mipsel", ELFCLASS32, ELFDATA2LSB, EM_MIPS },
		{ "loongarch64", ELFCLASS64, ELFDATA2LSB, 258 },
	};
	struct vm_qemu q;
	struct vm_err err;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		begin();
		emulator(known[i].machine, true);
		program("prog", known[i].class, known[i].order, known[i].number);
		ck_assert_msg(find("prog", &q, &err) == 0, "%s: %s", known[i].machine, err.what);
		ck_assert_str_eq(q.machine, known[i].machine);
		ck_assert(within_dir(q.program, "prog"));
		end();
	}
}
END_TEST

START_TEST(what_is_missing_is_said)
{
	struct vm_qemu q;
	struct vm_err err;
	begin();
	program("prog", ELFCLASS64, ELFDATA2LSB, EM_AARCH64);
	program("other", ELFCLASS64, ELFDATA2MSB, EM_S390);
	program("x32", ELFCLASS32, ELFDATA2LSB, EM_X86_64);
	ck_assert_int_eq(find("prog", &q, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.what, "qemu-aarch64"));
	ck_assert_ptr_nonnull(strstr(err.hint, "qemu-user"));
	emulator("aarch64", false);
	ck_assert_int_eq(find("prog", &q, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.what, "plugins"));
	ck_assert_int_eq(vm_qemu_program("other", &q, &err), 0);
	ck_assert(q.foreign);
	ck_assert_int_eq(vm_qemu_program("/proc/self/exe", &q, &err), 0);
	ck_assert(!q.foreign);
	ck_assert_int_eq(find("x32", &q, &err), -ENOEXEC);
	ck_assert_int_eq(find("nowhere", &q, &err), -ENOENT);
	ck_assert_int_eq(find("", &q, &err), -ENOENT);
	ck_assert_int_eq(find("/", &q, &err), -EACCES);
	ck_assert(shell("/bin/chmod 644 %s/prog", dir));
	ck_assert_int_eq(find("prog", &q, &err), -EACCES);
	end();
}
END_TEST

START_TEST(scripts_are_run_by_their_interpreter)
{
	struct vm_qemu q;
	struct vm_err err;
	begin();
	emulator("x86_64", true);
	program("interp", ELFCLASS64, ELFDATA2LSB, EM_X86_64);
	ck_assert(shell("printf '#! %s/interp  -x -y \\nbody' > %s/one; printf '#!%s/interp' > %s/two; /bin/chmod 755 %s/*",
			dir, dir, dir, dir, dir));
	ck_assert_int_eq(find("one", &q, &err), 0);
	ck_assert(within_dir(q.program, "interp") && within_dir(q.script, "one"));
	ck_assert_str_eq(q.script_arg, "-x -y");
	ck_assert_int_eq(find("two", &q, &err), 0);
	ck_assert(within_dir(q.program, "interp") && within_dir(q.script, "two"));
	ck_assert_str_eq(q.script_arg, "");
	ck_assert(shell("printf '#!%s/one' > %s/three; printf '#!' > %s/four; /bin/chmod 755 %s/*", dir, dir, dir, dir));
	ck_assert_int_eq(find("three", &q, &err), -ENOEXEC);
	ck_assert_int_eq(find("four", &q, &err), -ENOEXEC);
	end();
}
END_TEST

static void is_command(char **command, const char *want)
{
	char text[1024] = "";
	for (char **c = command; *c; c++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", c == command ? "" : "|", *c);
	ck_assert_str_eq(text, want);
	vm_qemu_command_free(command);
}

START_TEST(commands_escape_what_options_are_parted_by)
{
	const char *const options[] = { "model=1,2", "directory=/a,b", NULL };
	char name[] = "prog", one[] = "-a", two[] = "b,c", *const argv[] = { name, one, two, NULL };
	struct vm_qemu q = { .machine = "x86_64", .emulator = "/usr/bin/qemu-x86_64", .program = "/bin/prog" };
	is_command(vm_qemu_command(&q, "/lib/p.so", options, argv),
		   "/usr/bin/qemu-x86_64|-0|prog|-plugin|file=/lib/p.so,model=1,,2,directory=/a,,b|/bin/prog|-a|b,c");
	strcpy(q.script, "/home/s");
	strcpy(q.script_arg, "-e");
	strcpy(q.root, "/usr/x");
	is_command(vm_qemu_command(&q, "/lib/p.so", options + 2, argv),
		   "/usr/bin/qemu-x86_64|-L|/usr/x|-plugin|file=/lib/p.so|/bin/prog|-e|/home/s|-a|b,c");
}
END_TEST

UNIT_MAIN("tlbmodel_qemu", machines_by_their_header, what_is_missing_is_said, scripts_are_run_by_their_interpreter,
	  commands_escape_what_options_are_parted_by)
