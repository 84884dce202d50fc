#include "core/source/tlbmodel_qemu.h"

#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/err.h"

/* ---- Programs ----------------------------------------------------------------------------------------------------- */

/** Is it a file that may be executed?  0 or a negative errno. */
static int executable(const char *path)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return -errno;
	return S_ISREG(st.st_mode) && access(path, X_OK) == 0 ? 0 : -EACCES;
}

int vm_find_in_path(const char *name, char *path, size_t size)
{
	const char *dir = getenv("PATH");
	int r = -ENOENT;
	if (strchr(name, '/'))
		return snprintf(path, size, "%s", name) < (int)size ? executable(path) : -ENAMETOOLONG;
	if (!dir)
		dir = "/bin:/usr/bin";
	for (const char *end; *name && dir; dir = *end ? end + 1 : NULL) {
		end = strchrnul(dir, ':');
		const int len = (int)(end - dir);
		if (snprintf(path, size, "%.*s%s%s", len, dir, len ? "/" : "", name) >= (int)size)
			continue;
		const int found = executable(path);
		if (found == 0)
			return 0;
		if (found == -EACCES)
			r = found;
	}
	return r;
}

static long read_head(const char *path, void *head, size_t size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	const ssize_t n = read(fd, head, size);
	const long r = n < 0 ? -errno : n;
	close(fd);
	return r;
}

/**
 * "#!/bin/sh -e": the interpreter becomes the program, the script its argument.  A file that is no program at all is one
 * for the shell, as for execvp(3).
 */
static int take_script(struct vm_qemu *q, char *line)
{
	char interpreter[PATH_MAX] = "/bin/sh";
	/* The script of a script: Linux allows it, and nobody does it. */
	if (q->script[0])
		return -ENOEXEC;
	memcpy(q->script, q->program, sizeof(q->script));
	if (line[0] == '#' && line[1] == '!') {
		line[strcspn(line, "\n")] = '\0';
		line += 2 + strspn(line + 2, " \t");
		const size_t len = strcspn(line, " \t");
		if (len == 0 || len >= sizeof(interpreter))
			return -ENOEXEC;
		memcpy(interpreter, line, len);
		interpreter[len] = '\0';
		line += len + strspn(line + len, " \t");
		size_t left = strlen(line);
		while (left && strchr(" \t", line[left - 1]))
			left--;
		snprintf(q->script_arg, sizeof(q->script_arg), "%.*s", (int)left, line);
	}
	memcpy(q->program, interpreter, sizeof(q->program));
	return executable(q->program);
}

/* ---- Machines ----------------------------------------------------------------------------------------------------- */

/** Machines of ELF files by the names of their emulators; 0 bits and '\0': any. */
static const struct machine {
	uint16_t machine;
	uint8_t bits;
	char order;                /* 'l'ittle, 'b'ig */
	const char *name;
	const char *triplet;       /* as Debian's libraries for it are found: below /usr/TRIPLET */
} machines[] = {
	{ EM_X86_64, 64, 'l', "x86_64", "x86_64-linux-gnu" },
	{ EM_386, 32, 'l', "i386", "i686-linux-gnu" },
	{ EM_AARCH64, 64, 'l', "aarch64", "aarch64-linux-gnu" },
	{ EM_AARCH64, 64, 'b', "aarch64_be", NULL },
	{ EM_ARM, 32, 'l', "arm", "arm-linux-gnueabihf" },
	{ EM_ARM, 32, 'b', "armeb", NULL },
	{ EM_RISCV, 64, 'l', "riscv64", "riscv64-linux-gnu" },
	{ EM_RISCV, 32, 'l', "riscv32", NULL },
	{ EM_PPC, 32, 'b', "ppc", "powerpc-linux-gnu" },
	{ EM_PPC64, 64, 'b', "ppc64", "powerpc64-linux-gnu" },
	{ EM_PPC64, 64, 'l', "ppc64le", "powerpc64le-linux-gnu" },
	{ EM_S390, 64, 'b', "s390x", "s390x-linux-gnu" },
	{ EM_MIPS, 32, 'b', "mips", "mips-linux-gnu" },
	{ EM_MIPS, 32, 'l', "mipsel", "mipsel-linux-gnu" },
	{ EM_MIPS, 64, 'b', "mips64", "mips64-linux-gnuabi64" },
	{ EM_MIPS, 64, 'l', "mips64el", "mips64el-linux-gnuabi64" },
	{ 258 /* EM_LOONGARCH */, 64, 'l', "loongarch64", "loongarch64-linux-gnu" },
	{ EM_68K, 32, 'b', "m68k", "m68k-linux-gnu" },
	{ EM_SPARC, 32, 'b', "sparc", NULL },
	{ EM_SPARC32PLUS, 32, 'b', "sparc32plus", NULL },
	{ EM_SPARCV9, 64, 'b', "sparc64", "sparc64-linux-gnu" },
	{ EM_FAKE_ALPHA, 64, 'l', "alpha", "alpha-linux-gnu" },
	{ EM_ALPHA, 64, 'l', "alpha", "alpha-linux-gnu" },
	{ EM_PARISC, 32, 'b', "hppa", "hppa-linux-gnu" },
	{ EM_SH, 32, 'l', "sh4", "sh4-linux-gnu" },
	{ EM_SH, 32, 'b', "sh4eb", NULL },
	{ EM_OPENRISC, 32, 'b', "or1k", NULL },
	{ EM_XTENSA, 32, 'l', "xtensa", NULL },
	{ EM_XTENSA, 32, 'b', "xtensaeb", NULL },
	{ EM_MICROBLAZE, 32, 'l', "microblazeel", NULL },
	{ EM_MICROBLAZE, 32, 'b', "microblaze", NULL },
};

static const struct machine *machine_of(const unsigned char *head, long len)
{
	if (len < (long)sizeof(Elf32_Ehdr) || memcmp(head, ELFMAG, SELFMAG) != 0)
		return NULL;
	const char order = head[EI_DATA] == ELFDATA2MSB ? 'b' : 'l';
	const unsigned bits = head[EI_CLASS] == ELFCLASS64 ? 64 : 32;
	uint16_t machine;
	memcpy(&machine, head + offsetof(Elf32_Ehdr, e_machine), sizeof(machine));
	machine = order == 'b' ? be16toh(machine) : le16toh(machine);
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		if (machines[i].machine == machine && machines[i].bits == bits && machines[i].order == order)
			return &machines[i];
	return NULL;
}

/* ---- Emulators ---------------------------------------------------------------------------------------------------- */

/** An emulator that can load plugins knows, by name, what they call. */
static bool takes_plugins(const char *path)
{
	static const char name[] = "qemu_plugin_register_vcpu_mem_cb";
	struct stat st;
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	void *file = fstat(fd, &st) == 0 && st.st_size > 0 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) :
		     MAP_FAILED;
	close(fd);
	if (file == MAP_FAILED)
		return false;
	const bool takes = memmem(file, (size_t)st.st_size, name, sizeof(name) - 1) != NULL;
	munmap(file, (size_t)st.st_size);
	return takes;
}

static int find_emulator(struct vm_qemu *q, struct vm_err *err)
{
	char name[sizeof(q->machine) + 8];
	snprintf(name, sizeof(name), "qemu-%s", q->machine);
	if (vm_find_in_path(name, q->emulator, sizeof(q->emulator)) < 0) {
		vm_fail(err, EOPNOTSUPP, "no %s is here, which would run '%s'", name, q->program);
		vm_hint(err, "Debian's package qemu-user has it");
		return -EOPNOTSUPP;
	}
	if (takes_plugins(q->emulator))
		return 0;
	vm_fail(err, EOPNOTSUPP, "%s can't load plugins", q->emulator);
	vm_hint(err, "Debian 13 builds it without; one that is configured with --enable-plugins will do, found in PATH");
	return -EOPNOTSUPP;
}

/** Where Debian's packages for cross compilation put libraries; what the user says in QEMU_LD_PREFIX comes first. */
static void find_root(struct vm_qemu *q, const struct machine *m)
{
	char dir[128];
	if (!q->foreign || !m->triplet || getenv("QEMU_LD_PREFIX"))
		return;
	snprintf(dir, sizeof(dir), "/usr/%s", m->triplet);
	if (access(dir, X_OK) == 0)
		snprintf(q->root, sizeof(q->root), "%s", dir);
}

int vm_qemu_program(const char *name, struct vm_qemu *out, struct vm_err *err)
{
	union {
		unsigned char bytes[512];
		char text[512];
	} head;
	struct utsname here;
	*out = (struct vm_qemu){ .machine = "" };
	int r = vm_find_in_path(name, out->program, sizeof(out->program));
	while (r == 0) {
		const long len = read_head(out->program, &head, sizeof(head) - 1);
		if (len < 0) {
			r = (int)len;
			break;
		}
		head.bytes[len] = '\0';
		const struct machine *m = machine_of(head.bytes, len);
		if (m) {
			snprintf(out->machine, sizeof(out->machine), "%s", m->name);
			out->foreign = uname(&here) == 0 && strcmp(here.machine, m->name) != 0;
			find_root(out, m);
			return 0;
		}
		r = len >= SELFMAG && memcmp(head.bytes, ELFMAG, SELFMAG) == 0 ? -ENOEXEC : take_script(out, head.text);
	}
	return vm_fail_os(err, -r, "cannot execute '%s'", name);
}

int vm_qemu_find(const char *name, struct vm_qemu *out, struct vm_err *err)
{
	const int r = vm_qemu_program(name, out, err);
	return r == 0 ? find_emulator(out, err) : r;
}

/* ---- Commands ----------------------------------------------------------------------------------------------------- */

/** Options of a plugin are parted by commas; one inside of them is doubled. */
static void add_escaped(struct vm_buf *b, const char *text)
{
	for (; *text; text++) {
		vm_buf_add_char(b, *text);
		if (*text == ',')
			vm_buf_add_char(b, ',');
	}
}

static char *plugin_option(const char *plugin, const char *const *options)
{
	struct vm_buf b = { .s = NULL };
	vm_buf_add_str(&b, "file=");
	add_escaped(&b, plugin);
	for (; *options; options++) {
		vm_buf_add_char(&b, ',');
		add_escaped(&b, *options);
	}
	vm_buf_add_char(&b, '\0');
	if (b.failed) {
		vm_buf_free(&b);
		return NULL;
	}
	return b.s;
}

char **vm_qemu_command(const struct vm_qemu *q, const char *plugin, const char *const *options, char *const *argv)
{
	char *const option = plugin_option(plugin, options);
	const char *words[16];
	size_t n = 0, given = 0;
	words[n++] = q->emulator;
	if (q->root[0]) {
		words[n++] = "-L";
		words[n++] = q->root;
	}
	if (!q->script[0]) {
		words[n++] = "-0";
		words[n++] = argv[0];
	}
	words[n++] = "-plugin";
	words[n++] = option;
	words[n++] = q->program;
	if (q->script_arg[0])
		words[n++] = q->script_arg;
	if (q->script[0])
		words[n++] = q->script;
	while (argv[given])
		given++;
	char **command = option ? calloc(n + given + 1, sizeof(*command)) : NULL;
	bool failed = !command;
	for (size_t i = 0; !failed && i < n + given - 1; i++)
		failed = !(command[i] = strdup(i < n ? words[i] : argv[i - n + 1]));
	free(option);
	if (!failed)
		return command;
	vm_qemu_command_free(command);
	return NULL;
}

void vm_qemu_command_free(char **command)
{
	for (char **c = command; c && *c; c++)
		free(*c);
	free(command);
}
