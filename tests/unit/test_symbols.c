/** core/source/symbols: addresses of this very program and its libraries, looked up as those of any process. */
#include "core/source/symbols.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/source/session.h"
#include "tmpdir.h"
#include "unit.h"

static struct vm_session *session;
static struct vm_symbols *symbols;
static char exe[4096];

static void setup(void)
{
	ck_assert_int_eq(vm_session_open("/", &session, NULL), 0);
	ck_assert_int_eq(vm_symbols_open(session, &symbols, NULL), 0);
	const ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	ck_assert_int_gt(n, 0);
	exe[n] = '\0';
}

static void teardown(void)
{
	vm_symbols_free(symbols);
	vm_session_close(session);
}

/** The mapping of this process that holds the address. */
static struct vm_code code_at(uint64_t ip)
{
	static char path[4096];
	struct vm_code c = { .pid = getpid(), .alive = true, .ip = ip, .path = path };
	char line[4400];
	FILE *f = fopen("/proc/self/maps", "re");
	ck_assert_ptr_nonnull(f);
	bool found = false;
	while (!found && fgets(line, sizeof(line), f)) {
		unsigned long long start, end, offset, inode;
		path[0] = '\0';
		if (sscanf(line, "%llx-%llx %*s %llx %x:%x %llu %4095[^\n]", &start, &end, &offset, &c.dev_major, &c.dev_minor,
			   &inode, path) < 6)
			continue;
		c.start = start, c.end = end, c.offset = offset, c.inode = inode;
		found = ip >= start && ip < end;
	}
	fclose(f);
	ck_assert(found);
	return c;
}

static struct vm_symbol find_one(const struct vm_code *c)
{
	struct vm_symbol s;
	ck_assert_uint_eq(vm_symbols_find(symbols, c, false, &s, 1), 1);
	return s;
}

static struct vm_symbol find_at(const void *p)
{
	const struct vm_code c = code_at((uintptr_t)p);
	return find_one(&c);
}

/* ---- This program ------------------------------------------------------------------------------------------------ */

static __attribute__((noinline)) int a_static_function(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x + 1;
}

int a_global_function(int x);
__attribute__((noinline)) int a_global_function(int x)
{
	__asm__ volatile("" : "+r"(x));
	return a_static_function(x) * 3;
}
int __a_global_function(int x) __attribute__((alias("a_global_function")));
int __a_global_function_too(int x) __attribute__((alias("a_global_function")));

/* Without a size, as those of assembly. */
__asm__(".text\n.globl a_label\na_label:\n\tnop\n\tnop\n\tnop\n\tnop\n.type a_sized, @function\na_sized:\n"
	"\tnop\n.size a_sized, . - a_sized\n\tnop\n\tnop\n"
	".type _ZN5place8functionIiEEvT_, @function\n_ZN5place8functionIiEEvT_:\n\tnop\n.size _ZN5place8functionIiEEvT_, 1\n");
extern const char a_label[];

static __attribute__((noinline)) void *here(void)
{
	return (char *)__builtin_return_address(0) - 1;
}

enum { INLINED_LINE = __LINE__ + 3 };
static inline __attribute__((always_inline)) void *an_inlined_function(void)
{
	void *at = here();
	__asm__ volatile("" : "+r"(at));
	return at;
}

enum { CALL_LINE = __LINE__ + 3 };
static __attribute__((noinline)) void *holds_an_inlined_function(void)
{
	void *at = an_inlined_function();
	__asm__ volatile("" : "+r"(at));
	return at;
}

START_TEST(own_functions)
{
	struct vm_symbol s = find_at((char *)a_static_function + 1);
	ck_assert_str_eq(s.function, "a_static_function");
	ck_assert_uint_eq(s.offset, 1);
	ck_assert_str_eq(s.object, strrchr(exe, '/') + 1);
	ck_assert(!s.inlined);
	/* Of three names the one without underscores. */
	s = find_at(a_global_function);
	ck_assert_str_eq(s.function, "a_global_function");
	ck_assert_uint_eq(s.offset, 0);
	ck_assert_int_eq(a_global_function(1), 6);
}
END_TEST

START_TEST(labels_of_assembly)
{
	struct vm_symbol s = find_at(a_label + 3);
	ck_assert_str_eq(s.function, "a_label");
	ck_assert_uint_eq(s.offset, 3);
	s = find_at(a_label + 4);
	ck_assert_str_eq(s.function, "a_sized");
	/* It ends after 1 byte; of C++ the name in the source. */
	s = find_at(a_label + 5);
	ck_assert_ptr_null(s.function);
	s = find_at(a_label + 7);
	ck_assert_str_eq(s.function, "place::function");
}
END_TEST

START_TEST(source_lines)
{
	const struct vm_symbol s = find_at(here());
	ck_assert_str_eq(s.function, "source_lines_fn");
	ck_assert_ptr_nonnull(s.source);
	ck_assert_str_eq(strrchr(s.source, '/'), "/test_symbols.c");
	ck_assert_uint_eq(s.line, __LINE__ - 4);
}
END_TEST

START_TEST(inlined_frames)
{
	const struct vm_code c = code_at((uintptr_t)holds_an_inlined_function());
	struct vm_symbol s[8];
	for (int again = 0; again < 2; again++) {
		ck_assert_uint_eq(vm_symbols_find(symbols, &c, true, s, 8), 2);
		ck_assert_str_eq(s[0].function, "an_inlined_function");
		ck_assert(s[0].inlined);
		ck_assert_uint_eq(s[0].line, INLINED_LINE);
		ck_assert_str_eq(s[1].function, "holds_an_inlined_function");
		ck_assert(!s[1].inlined);
		ck_assert_uint_eq(s[1].line, CALL_LINE);
		ck_u64_eq(s[1].offset, c.ip - (uintptr_t)holds_an_inlined_function);
		ck_assert_ptr_eq(s[0].object, s[1].object);
	}
	/* Not asked for, and no room for: the function that holds it. */
	ck_assert_uint_eq(vm_symbols_find(symbols, &c, false, s, 8), 1);
	ck_assert_str_eq(s[0].function, "holds_an_inlined_function");
	ck_assert_uint_eq(s[0].line, INLINED_LINE);
	ck_assert_uint_eq(vm_symbols_find(symbols, &c, true, s, 1), 1);
	ck_assert_str_eq(s[0].function, "holds_an_inlined_function");
	ck_assert(!s[0].inlined);
}
END_TEST

/** Stubs stand in the program's code before its functions; the one that is named after getppid() must do as it. */
START_TEST(plt_stubs)
{
	const struct vm_code own = code_at((uintptr_t)a_global_function);
	struct vm_code c = own;
	pid_t (*stub)(void) = NULL;
	for (c.ip = own.start; c.ip < own.end && !stub; c.ip += 8) {
		const struct vm_symbol s = find_one(&c);
		if (s.function && strcmp(s.function, "getppid@plt") == 0) {
			ck_assert_uint_eq(s.offset, 0);
			stub = (pid_t (*)(void))(uintptr_t)c.ip;
		}
	}
	ck_assert_int_ne(getppid(), 0);
	ck_assert_ptr_nonnull(stub);
	ck_assert_int_eq(stub(), getppid());
}
END_TEST

/* ---- What others made -------------------------------------------------------------------------------------------- */

START_TEST(functions_of_libraries)
{
	static const char *const names[] = { "malloc", "free", "read", "puts", "qsort_r", "getpid" };
	void *libc = dlopen("libc.so.6", RTLD_LAZY);
	ck_assert_ptr_nonnull(libc);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct vm_symbol s = find_at(dlsym(libc, names[i]));
		ck_assert_str_eq(s.function, names[i]);
		ck_assert_uint_eq(s.offset, 0);
		ck_assert_str_eq(s.object, "libc.so.6");
	}
	dlclose(libc);
}
END_TEST

START_TEST(functions_of_the_vdso)
{
	void *vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
	if (!vdso)
		return;
	void *at = dlsym(vdso, "__vdso_clock_gettime");
	ck_assert_ptr_nonnull(at);
	const struct vm_symbol s = find_at((char *)at + 2);
	ck_assert_str_eq(s.function, "clock_gettime");
	ck_assert_uint_eq(s.offset, 2);
	ck_assert_str_eq(s.object, "[vdso]");
	struct vm_code c = code_at((uintptr_t)at);
	c.start -= 4096;
	ck_assert_ptr_null(find_one(&c).function);
}
END_TEST

START_TEST(places_without_names)
{
	struct vm_buf b = { 0 };
	struct vm_code c = { .pid = getpid(), .alive = true, .ip = 0x1234, .start = 0x1000, .end = 0x2000, .path = "" };
	struct vm_symbol s = find_one(&c);
	vm_symbol_put(&b, &s);
	c.path = "[heap]";
	s = find_one(&c);
	vm_buf_add_char(&b, ' ');
	vm_symbol_put(&b, &s);
	c.path = "/no/such/libfoo.so (deleted)";
	c.inode = 5, c.offset = 0x10000;
	s = find_one(&c);
	vm_buf_add_char(&b, ' ');
	vm_symbol_put(&b, &s);
	c = code_at((uintptr_t)a_static_function);
	c.ip += 3;
	s = find_one(&c);
	s.object = "test";
	vm_buf_add_char(&b, ' ');
	vm_symbol_put(&b, &s);
	ck_assert_str_eq(vm_buf_str(&b), "[anon]+0x234 [heap]+0x234 libfoo.so+0x10234 a_static_function+0x3 (test)");
	vm_buf_free(&b);
}
END_TEST

/* ---- Files that change ------------------------------------------------------------------------------------------- */

/** Map the part of the copy that holds a_global_function(): what is there as its mapping would have it. */
static struct vm_code map_copy(const char *path)
{
	const struct vm_code own = code_at((uintptr_t)a_global_function);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	char *at = mmap(NULL, own.end - own.start, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, (off_t)own.offset);
	ck_assert_ptr_ne(at, MAP_FAILED);
	close(fd);
	return code_at((uintptr_t)at + (own.ip - own.start));
}

START_TEST(deleted_files)
{
	char path[128];
	make_dir();
	snprintf(path, sizeof(path), "%s/prog", dir);
	ck_assert(shell("cp '%s' %s", exe, path));
	struct vm_code c = map_copy(path);
	ck_assert_int_eq(unlink(path), 0);
	c = code_at(c.ip);
	ck_assert_ptr_nonnull(strstr(c.path, " (deleted)"));
	const struct vm_symbol s = find_one(&c);
	ck_assert_str_eq(s.object, "prog");
	char link[64];
	snprintf(link, sizeof(link), "/proc/self/map_files/%llx-%llx", (unsigned long long)c.start, (unsigned long long)c.end);
	if (access(link, R_OK) == 0)
		ck_assert_str_eq(s.function, "a_global_function");
	else
		ck_assert_ptr_null(s.function);
	clear_dir();
}
END_TEST

START_TEST(files_that_were_replaced)
{
	char path[128];
	make_dir();
	snprintf(path, sizeof(path), "%s/prog", dir);
	ck_assert(shell("cp '%s' %s", exe, path));
	struct vm_code c = map_copy(path);
	/* Another file of that name: nothing of it may be told. */
	ck_assert(shell("cp /bin/true %s/new && mv %s/new %s", dir, dir, path));
	c.alive = false;
	ck_assert_ptr_null(find_one(&c).function);
	/* That it was tried in vain for an ended process doesn't keep from trying for one that lives. */
	c = code_at(c.ip);
	const char *function = find_one(&c).function;
	ck_assert(!function || strcmp(function, "a_global_function") == 0);
	clear_dir();
}
END_TEST

START_TEST(ended_processes)
{
	struct vm_code c = code_at((uintptr_t)a_global_function);
	c.alive = false;
	c.pid = 1;
	ck_assert_str_eq(find_one(&c).function, "a_global_function");
}
END_TEST

/* ---- Trees ------------------------------------------------------------------------------------------------------- */

/** Symbols of a captured tree at `dir`. */
static void open_tree(void)
{
	teardown();
	ck_assert_int_eq(vm_session_open(dir, &session, NULL), 0);
	ck_assert_int_eq(vm_symbols_open(session, &symbols, NULL), 0);
}

/** a_static_function() in the tree's /bin/prog. */
static struct vm_symbol find_in_tree(void)
{
	struct vm_code c = code_at((uintptr_t)a_static_function);
	c.alive = false;
	c.path = "/bin/prog";
	return find_one(&c);
}

static bool have_binutils(void)
{
	return shell("command -v objcopy >/dev/null && command -v readelf >/dev/null && command -v nm >/dev/null");
}

START_TEST(debug_files)
{
	if (!have_binutils())
		return;
	make_dir();
	ck_assert(shell("cd %s && mkdir -p proc bin/.debug && objcopy --only-keep-debug '%s' debug && objcopy -S '%s' bin/prog", dir, exe,
			exe));
	open_tree();
	const struct vm_symbol none = find_in_tree();
	ck_assert_ptr_null(none.function);
	ck_assert_ptr_null(none.source);
	/* By its link, next to it; it must be the right one. */
	ck_assert(shell("cd %s && cp debug bin/.debug/prog.debug && cd bin/.debug && objcopy --add-gnu-debuglink=prog.debug ../prog", dir));
	open_tree();
	ck_assert_str_eq(find_in_tree().function, "a_static_function");
	ck_assert_ptr_nonnull(find_in_tree().source);
	ck_assert(shell("cd %s && objcopy --only-keep-debug /bin/true bin/.debug/prog.debug", dir));
	open_tree();
	ck_assert_ptr_null(find_in_tree().function);
	/* By its build ID. */
	if (shell("cd %s && id=$(readelf -n bin/prog | sed -n 's/.*Build ID: //p') && [ -n \"$id\" ] && "
		  "d=usr/lib/debug/.build-id/$(echo $id | cut -c1-2) && mkdir -p $d && mv debug $d/$(echo $id | cut -c3-).debug",
		  dir)) {
		open_tree();
		ck_assert_str_eq(find_in_tree().function, "a_static_function");
	}
	clear_dir();
}
END_TEST

/** Of a process with a root of its own, below which links stay. */
START_TEST(files_of_containers)
{
	if (!have_binutils())
		return;
	make_dir();
	ck_assert(shell("cd %s && mkdir -p proc/42/root/bin proc/42/root/usr/lib/debug/bin && cd proc/42/root && "
			"objcopy --only-keep-debug '%s' d && objcopy -S '%s' bin/prog && objcopy --add-gnu-debuglink=d bin/prog && "
			"mv d bin/real && ln -s /bin/real usr/lib/debug/bin/d", dir, exe, exe));
	open_tree();
	struct vm_code c = code_at((uintptr_t)holds_an_inlined_function());
	c.pid = 42;
	c.path = "/bin/prog";
	struct vm_symbol s[4];
	ck_assert_uint_eq(vm_symbols_find(symbols, &c, true, s, 4), 2);
	ck_assert_str_eq(s[0].function, "an_inlined_function");
	ck_assert_uint_eq(s[0].line, INLINED_LINE);
	ck_assert_str_eq(s[1].function, "holds_an_inlined_function");
	clear_dir();
}
END_TEST

/** Without a build ID the checksum decides. */
START_TEST(debug_files_by_checksum)
{
	if (!have_binutils())
		return;
	make_dir();
	ck_assert(shell("cd %s && mkdir -p proc bin usr/lib/debug/bin && objcopy -R .note.gnu.build-id '%s' all 2>/dev/null && "
			"objcopy --only-keep-debug all usr/lib/debug/bin/d && objcopy -S all bin/prog && "
			"objcopy --add-gnu-debuglink=usr/lib/debug/bin/d bin/prog", dir, exe));
	open_tree();
	ck_assert_str_eq(find_in_tree().function, "a_static_function");
	ck_assert(shell("cd %s && echo >> usr/lib/debug/bin/d", dir));
	open_tree();
	ck_assert_ptr_null(find_in_tree().function);
	clear_dir();
}
END_TEST

START_TEST(packed_symbols)
{
	if (!VM_HAVE_LZMA || !have_binutils() || !shell("command -v xz >/dev/null"))
		return;
	make_dir();
	ck_assert(shell("cd %s && mkdir -p proc bin && nm '%s' --format=posix --defined-only | "
			"awk '$2 == \"t\" { print $1 }' > keep && objcopy --only-keep-debug '%s' debug && "
			"objcopy -S --keep-symbols=keep debug mini && xz mini && "
			"objcopy -S --add-section .gnu_debugdata=mini.xz '%s' bin/prog", dir, exe, exe, exe));
	open_tree();
	ck_assert_str_eq(find_in_tree().function, "a_static_function");
	clear_dir();
}
END_TEST

/** Programs cut short, and with bytes changed: whatever is told, it ends and nothing crashes. */
START_TEST(broken_files)
{
	make_dir();
	ck_assert(shell("cd %s && mkdir -p proc bin && cp '%s' all", dir, exe));
	char from[128], to[128];
	snprintf(from, sizeof(from), "%s/all", dir);
	snprintf(to, sizeof(to), "%s/bin/prog", dir);
	FILE *f = fopen(from, "re");
	struct stat st;
	ck_assert(f && fstat(fileno(f), &st) == 0);
	const size_t size = (size_t)st.st_size;
	unsigned char *bytes = malloc(size);
	ck_assert(bytes && fread(bytes, 1, size, f) == size);
	fclose(f);
	unsigned seed = 7;
	for (int round = 0; round < 60; round++) {
		const size_t len = round % 3 ? size : (size_t)rand_r(&seed) % size;
		unsigned char *bad = malloc(size);
		ck_assert_ptr_nonnull(bad);
		memcpy(bad, bytes, size);
		for (int i = 0; i < 40; i++) {
			/* Mostly headers: of the file and segments in front, of sections at its end. */
			const size_t r = (size_t)rand_r(&seed);
			bad[i % 4 == 0 ? r % 900 + 16 : i % 4 == 1 ? size - 1 - r % 3000 : r % size] = (unsigned char)rand_r(&seed);
		}
		f = fopen(to, "we");
		ck_assert(f && fwrite(bad, 1, len, f) == len && fclose(f) == 0);
		/* Both ways of reading: one's own file is mapped, what others may write is copied. */
		ck_assert_int_eq(chmod(to, round % 2 ? 0644 : 0666), 0);
		free(bad);
		open_tree();
		find_in_tree();
		struct vm_code c = code_at((uintptr_t)here());
		c.alive = false;
		c.path = "/bin/prog";
		struct vm_symbol s[8];
		ck_assert_uint_ge(vm_symbols_find(symbols, &c, true, s, 8), 1);
	}
	free(bytes);
	clear_dir();
}
END_TEST

START_TEST(a_build_without_elfutils)
{
	struct vm_code c = code_at((uintptr_t)a_static_function);
	const struct vm_symbol s = find_one(&c);
	ck_assert_ptr_null(s.function);
	ck_u64_eq(s.object_offset, c.ip - c.start + c.offset);
	ck_assert_ptr_nonnull(vm_symbols_missing());
}
END_TEST

int main(void)
{
	const TTest *const of_files[] = {
		own_functions, labels_of_assembly, source_lines, inlined_frames, plt_stubs, functions_of_libraries,
		functions_of_the_vdso, places_without_names, deleted_files, files_that_were_replaced, ended_processes,
		debug_files, files_of_containers, debug_files_by_checksum, packed_symbols, broken_files,
	};
	mallopt(M_PERTURB, 0xa5);
	Suite *suite = suite_create("symbols");
	TCase *tcase = tcase_create("all");
	tcase_set_timeout(tcase, 120);
	tcase_add_checked_fixture(tcase, setup, teardown);
	for (size_t i = 0; i < sizeof(of_files) / sizeof(of_files[0]) && VM_HAVE_DW; i++)
		tcase_add_test(tcase, of_files[i]);
	if (!VM_HAVE_DW)
		tcase_add_test(tcase, a_build_without_elfutils);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
