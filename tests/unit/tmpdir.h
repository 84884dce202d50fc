/** A directory for one test, and shell commands that fill it. */
#ifndef VM_TESTS_TMPDIR_H
#define VM_TESTS_TMPDIR_H

#include <check.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

/** A new directory, removed by clear_dir(). */
static char dir[64];

static inline void make_dir(void)
{
	snprintf(dir, sizeof(dir), "/tmp/vm-unit-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

__attribute__((format(printf, 1, 2)))
static inline bool shell(const char *fmt, ...)
{
	char text[8192];
	va_list ap;
	va_start(ap, fmt);
	const int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ck_assert_int_lt(n, (int)sizeof(text));
	const int status = system(text);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static inline void clear_dir(void)
{
	ck_assert(shell("rm -rf '%s'", dir));
}

#endif
