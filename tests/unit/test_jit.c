/** core/source/jit and kallsyms by way of core/source/symbols: code that was made at run time, and the kernel's. */
#include "core/source/symbols.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/source/session.h"
#include "tmpdir.h"
#include "unit.h"

static struct vm_session *session;
static struct vm_symbols *symbols;

static void open_root(const char *root)
{
	vm_symbols_free(symbols);
	vm_session_close(session);
	ck_assert_int_eq(vm_session_open(root, &session, NULL), 0);
	ck_assert_int_eq(vm_symbols_open(session, &symbols, NULL), 0);
}

static void open_tree(void)
{
	open_root(dir);
}

static void setup(void)
{
	open_root("/");
}

static void teardown(void)
{
	vm_symbols_free(symbols);
	vm_session_close(session);
	symbols = NULL;
	session = NULL;
}

static struct vm_symbol find_one(const struct vm_code *c)
{
	struct vm_symbol s;
	ck_assert_uint_eq(vm_symbols_find(symbols, c, false, &s, 1), 1);
	return s;
}

static struct vm_code made_code(pid_t pid, uint64_t ip)
{
	return (struct vm_code){ .pid = pid, .alive = true, .ip = ip, .start = 0x10000, .end = 0x90000, .path = "" };
}

/** The map of a process in a container: named by its number there, below its root. */
START_TEST(jit_maps_of_containers)
{
	make_dir();
	ck_assert(shell("cd %s && mkdir -p proc/42/root/tmp tmp && cat >proc/42/root/tmp/perf-7.map <<'.'\n"
			"10000 100 first\n10100 80 a function (of \"many\") words\n0x10080 0x100 over both\nbad line\n"
			"10400 0 empty\n10400 ffffffffffffffff up to the end\n.\n"
			"printf 'Name:\\tx\\nNSpid:\\t42\\t7\\nUid:\\t5\\t5\\t5\\t5\\n' >proc/42/status\n"
			"printf '42 (x) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 77 0 0 0\\n' >proc/42/stat\n"
			"echo 10000 100 not this >tmp/perf-42.map", dir));
	open_tree();
	struct vm_code c = made_code(42, 0x10010);
	struct vm_symbol s = find_one(&c);
	ck_assert_str_eq(s.function, "first");
	ck_assert_uint_eq(s.offset, 0x10);
	ck_assert_str_eq(s.object, "[jit]");
	c.ip = 0x10110;
	s = find_one(&c);
	ck_assert_str_eq(s.function, "over both");
	ck_assert_uint_eq(s.offset, 0x90);
	c.ip = 0x10180;
	ck_assert_ptr_null(find_one(&c).function);
	c.ip = 0x10400;
	ck_assert_str_eq(find_one(&c).function, "up to the end");
	c.path = "/memfd:code (deleted)";
	c.ip = 0x10000;
	ck_assert_str_eq(find_one(&c).function, "first");
	clear_dir();
}
END_TEST

/** Our own, as it grows; and one that isn't ours to write. */
START_TEST(jit_maps_that_grow)
{
	char path[64];
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	FILE *f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	struct vm_code c = made_code(getpid(), 0x10000);
	fputs("10000 10 one\n20000 10 par", f);
	fflush(f);
	ck_assert_str_eq(find_one(&c).function, "one");
	c.ip = 0x20000;
	ck_assert_ptr_null(find_one(&c).function);
	fputs("tly\n10000 8 two\n", f);
	fflush(f);
	ck_assert_str_eq(find_one(&c).function, "partly");
	c.ip = 0x10000;
	ck_assert_str_eq(find_one(&c).function, "two");
	c.ip = 0x10008;
	ck_assert_str_eq(find_one(&c).function, "one");
	/* Begun anew. */
	ck_assert_int_eq(ftruncate(fileno(f), 0), 0);
	rewind(f);
	fputs("10000 9 x\n", f);
	fclose(f);
	ck_assert_str_eq(find_one(&c).function, "x");
	ck_assert_int_eq(unlink(path), 0);
	/* What was read stays known when the process has ended. */
	c.alive = false;
	ck_assert_str_eq(find_one(&c).function, "x");
}
END_TEST

START_TEST(jit_maps_of_strangers)
{
	char path[64];
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	FILE *f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	fputs("10000 10 one\n", f);
	fclose(f);
	struct vm_code c = made_code(getpid(), 0x10000);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(path, 65534, 65534), 0);
		ck_assert_ptr_null(find_one(&c).function);
		ck_assert_int_eq(chown(path, 0, 0), 0);
	}
	/* Of an earlier process of this number. */
	const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	ck_assert_int_eq(utimensat(AT_FDCWD, path, old, 0), 0);
	open_root("/");
	ck_assert_ptr_null(find_one(&c).function);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

/* ---- The kernel -------------------------------------------------------------------------------------------------- */

START_TEST(kernel_functions)
{
	make_dir();
	ck_assert(shell("cd %s && mkdir proc && printf '%%s\\n' '0000000000000000 A fixed_percpu_data' 'ffffffff81000000 T _stext' "
			"'ffffffff81000100 t helper' 'ffffffff81000200 T _etext' 'ffffffff81000200 D data' "
			"'ffffffff81000100 T __helper' 'ffffffffc0000000 t in_module\t[mod]' >proc/kallsyms", dir));
	open_tree();
	uint64_t offset = 0;
	ck_assert_str_eq(vm_symbols_kernel(symbols, 0xffffffff81000010, &offset), "_stext");
	ck_u64_eq(offset, 0x10);
	ck_assert_str_eq(vm_symbols_kernel(symbols, 0xffffffff81000100, &offset), "__helper");
	ck_assert_str_eq(vm_symbols_kernel(symbols, 0xffffffffc0000001, &offset), "in_module");
	ck_assert_ptr_null(vm_symbols_kernel(symbols, 0xffffffff80000000, &offset));
	ck_assert_ptr_null(vm_symbols_kernel(symbols, 0xffffffffc8000000, &offset));
	clear_dir();
}
END_TEST

START_TEST(kernel_without_addresses)
{
	make_dir();
	ck_assert(shell("cd %s && mkdir proc && printf '%%s\\n' '0000000000000000 T _stext' >proc/kallsyms", dir));
	open_tree();
	uint64_t offset;
	ck_assert_ptr_null(vm_symbols_kernel(symbols, 0x10, &offset));
	clear_dir();
}
END_TEST

int main(void)
{
	mallopt(M_PERTURB, 0xa5);
	Suite *suite = suite_create("jit");
	TCase *tcase = tcase_create("all");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, jit_maps_of_containers);
	tcase_add_test(tcase, jit_maps_that_grow);
	tcase_add_test(tcase, jit_maps_of_strangers);
	tcase_add_test(tcase, kernel_functions);
	tcase_add_test(tcase, kernel_without_addresses);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
