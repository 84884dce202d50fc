#include "core/source/tlbmodel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/cleanup.h"
#include "core/base/err.h"
#include "core/source/session.h"
#include "core/source/tlbmodel_image.h"
#include "core/source/tlbmodel_qemu.h"
#include "core/source/tlbresult.h"

/* Of notes so much is kept. */
enum { NOTES_MOST = 2000, VM_TLBMODEL_PAGE = 4096 };

struct vm_tlbmodel {
	enum vm_tlb_engine engine;
	char directory[PATH_MAX];
	char results[PATH_MAX], logs[PATH_MAX];   /* below it */
	char parts[PATH_MAX];      /* what Valgrind loads */
	int image;                 /* of QEMU's engine; -1: none */
	char **command;
	bool qemu_command;         /* freed by vm_qemu_command_free() */
	struct vm_buf model;       /* the TLBs, as engines are told */
};

#define HARMFUL " \t\n:%"

/* ---- The directory ------------------------------------------------------------------------------------------------ */

static void remove_tree(const char *path)
{
	DIR *d = opendir(path);
	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(d), e->d_name, 0) != 0 && (errno == EISDIR || errno == EPERM)) {
			char below[PATH_MAX];
			if (snprintf(below, sizeof(below), "%s/%s", path, e->d_name) < (int)sizeof(below))
				remove_tree(below);
		}
	}
	if (d)
		closedir(d);
	rmdir(path);
}

static int make_below(const struct vm_tlbmodel *m, const char *name, char path[PATH_MAX], struct vm_err *err)
{
	if (snprintf(path, PATH_MAX, "%s/%s", m->directory, name) >= PATH_MAX)
		return vm_fail_os(err, ENAMETOOLONG, "cannot make a directory in %s", m->directory);
	return mkdir(path, 0700) == 0 ? 0 : vm_fail_os(err, errno, "cannot make %s", path);
}

static int make_directory(struct vm_tlbmodel *m, struct vm_err *err)
{
	const char *tmp = getenv("TMPDIR");
	char path[PATH_MAX];
	/* Of such names, Valgrind's options and LD_PRELOAD make something else. */
	if (!tmp || !*tmp || strpbrk(tmp, HARMFUL))
		tmp = "/tmp";
	if (snprintf(path, sizeof(path), "%s/vmtlb-XXXXXX", tmp) >= (int)sizeof(path))
		return vm_fail_os(err, ENAMETOOLONG, "cannot make a directory in %s", tmp);
	if (!mkdtemp(path))
		return vm_fail_os(err, errno, "cannot make a directory in %s", tmp);
	/* Programs change their directory: the path must hold from everywhere. */
	if (!realpath(path, m->directory)) {
		const int code = errno;
		rmdir(path);
		m->directory[0] = '\0';
		return vm_fail_os(err, code, "cannot find %s", path);
	}
	int r = make_below(m, "results", m->results, err);
	if (r == 0)
		r = make_below(m, "logs", m->logs, err);
	return r;
}

/* ---- What belongs to us ------------------------------------------------------------------------------------------- */

/** A file of ours that an engine loads: below the prefix, or below the build, as the command that runs. */
static int find_part(const char *name, char path[PATH_MAX])
{
	char exe[PATH_MAX];
	const ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n <= 0)
		return n < 0 ? -errno : -ENOENT;
	exe[n] = '\0';
	char *slash = strrchr(exe, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	if (snprintf(path, PATH_MAX, "%s/" VM_ENGINES_FROM_BIN "/%s", exe, name) >= PATH_MAX)
		return -ENAMETOOLONG;
	return access(path, R_OK) == 0 ? 0 : -errno;
}

static void put_shape(struct vm_buf *b, struct vm_tlb_shape s)
{
	vm_buf_addf(b, ",%u,%u,%d", s.sets, s.ways, s.hashed);
}

/** Numbers, as engines/tlbtrace_text.h says. */
static void put_model(struct vm_buf *b, const struct vm_tlb_known *k)
{
	const struct vm_tlb_geometry *g = &k->geometry;
	vm_buf_add_char(b, k->huge_pages_split == VM_TLB_SPLIT_YES ? '1' : '0');
	for (int i = 0; i < VM_TLB_SIZES; i++)
		put_shape(b, g->l1d[i]);
	for (int i = 0; i < VM_TLB_SIZES; i++)
		put_shape(b, g->l1i[i]);
	put_shape(b, g->stlb);
	put_shape(b, g->stlb_1g);
	vm_buf_addf(b, ",%u,%u,%u", g->pmd_cache, g->pud_cache, g->pgd_cache);
}

/* ---- Valgrind ----------------------------------------------------------------------------------------------------- */

#if defined(__x86_64__)
# define VALGRIND_PLATFORM "amd64-linux"
#else
# define VALGRIND_PLATFORM "arm64-linux"
#endif

/** Its own parts are here, one of which is this. */
#define VALGRIND_PART "vgpreload_core-" VALGRIND_PLATFORM ".so"

static bool find_valgrind_parts(char path[PATH_MAX])
{
	static const char *const usual[] = { "/usr/libexec/valgrind", "/usr/lib/valgrind", "/usr/local/libexec/valgrind",
					     "/usr/lib/x86_64-linux-gnu/valgrind", "/usr/lib/aarch64-linux-gnu/valgrind" };
	const char *given = getenv("VALGRIND_LIB");
	for (size_t i = 0; i <= sizeof(usual) / sizeof(usual[0]); i++) {
		const char *dir = i ? usual[i - 1] : given;
		char part[PATH_MAX];
		if (!dir || snprintf(part, sizeof(part), "%s/" VALGRIND_PART, dir) >= (int)sizeof(part) || access(part, R_OK) != 0)
			continue;
		return snprintf(path, PATH_MAX, "%s", dir) < PATH_MAX;
	}
	return false;
}

struct valgrind {
	char launcher[PATH_MAX];
	/** Where the tool is; where Valgrind's own parts are, unless there are links to them in `tool`. */
	char tool[PATH_MAX], parts[PATH_MAX];
};

static int find_valgrind(struct valgrind *v, struct vm_err *err)
{
	static const char name[] = "vmtlb-" VALGRIND_PLATFORM;
	char part[PATH_MAX];
	if (find_part("valgrind/vmtlb-" VALGRIND_PLATFORM, v->tool) < 0) {
		vm_fail(err, EOPNOTSUPP, "this vmtlb has no tool for Valgrind");
		vm_hint(err, "it is built where Debian's package valgrind is, on amd64 and arm64");
		return -EOPNOTSUPP;
	}
	v->tool[strlen(v->tool) - strlen(name) - 1] = '\0';
	const bool linked = !strpbrk(v->tool, HARMFUL) && find_part("valgrind/" VALGRIND_PART, part) == 0;
	v->parts[0] = '\0';
	/* Debian's "valgrind" is a script that changes the program's environment, and starts this. */
	if (vm_find_in_path("valgrind.bin", v->launcher, sizeof(v->launcher)) == 0 ||
	    vm_find_in_path("valgrind", v->launcher, sizeof(v->launcher)) == 0)
		if (linked || find_valgrind_parts(v->parts))
			return 0;
	vm_fail(err, EOPNOTSUPP, "Valgrind isn't here, which would run the program");
	vm_hint(err, "install Debian's package valgrind");
	return -EOPNOTSUPP;
}

static int link_into(const struct vm_tlbmodel *m, const char *dir, const char *name)
{
	char from[PATH_MAX], to[PATH_MAX];
	if (snprintf(from, sizeof(from), "%s/%s", dir, name) >= (int)sizeof(from) ||
	    snprintf(to, sizeof(to), "%s/%s", m->parts, name) >= (int)sizeof(to))
		return -ENAMETOOLONG;
	return symlink(from, to) == 0 ? 0 : -errno;
}

/**
 * Valgrind looks for tools and for its own parts in one directory.  That of our tool, where a link to the part that is
 * needed lies beside it: programs that outlive us find it, too.  Else one of links, which goes away with us.
 */
static int join_parts(struct vm_tlbmodel *m, const struct valgrind *v, struct vm_err *err)
{
	if (!v->parts[0]) {
		memcpy(m->parts, v->tool, sizeof(m->parts));
		return 0;
	}
	int r = make_below(m, "valgrind", m->parts, err);
	if (r < 0)
		return r;
	r = link_into(m, v->parts, VALGRIND_PART);
	if (r == 0)
		r = link_into(m, v->tool, "vmtlb-" VALGRIND_PLATFORM);
	return r == 0 ? 0 : vm_fail_os(err, -r, "cannot link Valgrind's parts into %s", m->parts);
}

static int set_valgrind_command(struct vm_tlbmodel *m, const struct valgrind *v, char **argv)
{
	struct vm_buf own[3] = { { 0 } };
	const char *const fixed[] = { v->launcher, "--command-line-only=yes", "-q", "--tool=vmtlb", "--trace-children=yes",
				      "--vgdb=no" };
	const size_t nfixed = sizeof(fixed) / sizeof(fixed[0]), nown = sizeof(own) / sizeof(own[0]);
	size_t n = 0, given = 0;
	vm_buf_addf(&own[0], "--log-file=%s/%%p", m->logs);
	vm_buf_addf(&own[1], "--vmtlb-model=%s", vm_buf_str(&m->model));
	vm_buf_addf(&own[2], "--vmtlb-directory=%s", m->results);
	while (argv[given])
		given++;
	m->command = calloc(nfixed + nown + given + 1, sizeof(*m->command));
	bool ok = m->command != NULL;
	for (size_t i = 0; ok && i < nfixed + nown + given; i++) {
		const size_t k = i - nfixed;
		m->command[n] = strdup(i < nfixed ? fixed[i] : k < nown ? vm_buf_str(&own[k]) : argv[k - nown]);
		ok = m->command[n++] != NULL;
	}
	for (size_t i = 0; i < nown; i++)
		vm_buf_free(&own[i]);
	return ok ? 0 : -ENOMEM;
}

static int open_valgrind(struct vm_tlbmodel *m, char **argv, struct vm_err *err)
{
	const long page = sysconf(_SC_PAGESIZE);
	struct valgrind v;
	if (page != VM_TLBMODEL_PAGE)
		return vm_fail(err, EOPNOTSUPP, "the model is of pages of 4K; this machine's have %ld bytes", page);
	int r = find_valgrind(&v, err);
	if (r == 0)
		r = make_directory(m, err);
	if (r == 0)
		r = join_parts(m, &v, err);
	if (r < 0)
		return r;
	m->engine = VM_TLB_ENGINE_VALGRIND;
	return set_valgrind_command(m, &v, argv) == 0 ? 0 : vm_fail(err, ENOMEM, "out of memory");
}

/* ---- QEMU --------------------------------------------------------------------------------------------------------- */

static int open_qemu(struct vm_tlbmodel *m, char **argv, struct vm_err *err)
{
	struct vm_qemu q;
	char plugin[PATH_MAX], image[32], directory[PATH_MAX + 16], program[PATH_MAX + 16];
	struct vm_buf model = { 0 };
	if (find_part("vmtlb-qemu.so", plugin) < 0)
		return vm_fail(err, EOPNOTSUPP, "this vmtlb has no plugin for QEMU");
	int r = vm_qemu_find(argv[0], &q, err);
	if (r == 0)
		r = make_directory(m, err);
	if (r == 0)
		r = m->image = vm_tlbimage_open(err);
	if (r < 0)
		return r;
	vm_buf_addf(&model, "model=%s", vm_buf_str(&m->model));
	snprintf(image, sizeof(image), "image=%d", m->image);
	snprintf(directory, sizeof(directory), "directory=%s", m->results);
	snprintf(program, sizeof(program), "program=%s", q.program);
	const char *const options[] = { vm_buf_str(&model), directory, program, image, NULL };
	m->engine = VM_TLB_ENGINE_QEMU;
	m->qemu_command = true;
	m->command = model.failed ? NULL : vm_qemu_command(&q, plugin, options, argv);
	vm_buf_free(&model);
	return m->command ? 0 : vm_fail(err, ENOMEM, "out of memory");
}

/* ---- Either ------------------------------------------------------------------------------------------------------- */

/** Valgrind if it is there and the program is one for it; else QEMU if it is there; what is wrong is said of Valgrind. */
static int open_any(struct vm_tlbmodel *m, bool foreign, char **argv, struct vm_err *err)
{
	struct vm_err other = { 0 };
	const int r = foreign ? -EOPNOTSUPP : open_valgrind(m, argv, err);
	if (r != -EOPNOTSUPP)
		return r;
	const int q = open_qemu(m, argv, &other);
	if (q == 0)
		return 0;
	if (!err->code)
		*err = other;
	return -err->code;
}

static int open_engine(struct vm_tlbmodel *m, enum vm_tlb_engine which, const struct vm_qemu *program, char **argv,
		       struct vm_err *err)
{
	struct vm_err why = { 0 };
	int r;
	if (which == VM_TLB_ENGINE_VALGRIND && program->foreign) {
		r = vm_fail(&why, EOPNOTSUPP, "Valgrind can't run '%s', a program for %s", argv[0], program->machine);
		vm_hint(&why, "--engine qemu can");
	} else {
		r = which == VM_TLB_ENGINE_VALGRIND ? open_valgrind(m, argv, &why) :
		    which == VM_TLB_ENGINE_QEMU ? open_qemu(m, argv, &why) : open_any(m, program->foreign, argv, &why);
	}
	if (r < 0 && err)
		*err = why;
	return r;
}

int vm_tlbmodel_open(enum vm_tlb_engine which, const struct vm_tlb_known *k, char **argv, struct vm_tlbmodel **out,
		     bool *no_program, struct vm_err *err)
{
	struct vm_qemu program;
	int r = vm_qemu_program(argv[0], &program, err);
	*no_program = r < 0;
	if (r < 0)
		return r;
	struct vm_tlbmodel *m = calloc(1, sizeof(*m));
	if (!m)
		return vm_fail(err, ENOMEM, "out of memory");
	m->image = -1;
	put_model(&m->model, k);
	r = open_engine(m, which, &program, argv, err);
	if (r < 0)
		vm_tlbmodel_close(m);
	else
		*out = m;
	return r;
}

char **vm_tlbmodel_command(const struct vm_tlbmodel *m)
{
	return m->command;
}

const char *vm_tlbmodel_engine(const struct vm_tlbmodel *m)
{
	return m->engine == VM_TLB_ENGINE_QEMU ? "qemu" : "valgrind";
}

int vm_tlbmodel_prepare(void *model)
{
	const struct vm_tlbmodel *m = model;
	/* Between fork and exec of a program with one thread. */
	if (m->engine == VM_TLB_ENGINE_VALGRIND)
		return setenv("VALGRIND_LIB", m->parts, 1) == 0 && unsetenv("VALGRIND_OPTS") == 0 ? 0 : errno;
	return fcntl(m->image, F_SETFD, 0) == 0 ? 0 : errno;
}

/* ---- Results ------------------------------------------------------------------------------------------------------ */

static int read_file(int dir, const char *name, struct vm_buf *to)
{
	to->n = 0;
	const int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	struct stat st;
	int r = fstat(fd, &st) == 0 ? 0 : -errno;
	if (r == 0 && !vm_buf_reserve(to, (size_t)st.st_size + 1))
		r = -ENOMEM;
	while (r == 0 && to->n < (size_t)st.st_size) {
		const ssize_t n = read(fd, to->s + to->n, (size_t)st.st_size - to->n);
		if (n <= 0)
			break;
		to->n += (size_t)n;
	}
	close(fd);
	return r;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strverscmp((*a)->d_name, (*b)->d_name);
}

static int no_dots(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/** Each file of a directory, in the order of names, to `take`, until that fails. */
static int each_file(const char *path, int (*take)(void *ctx, const struct vm_buf *file), void *ctx)
{
	struct dirent **names;
	struct vm_buf file = { 0 };
	const int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = dir < 0 ? -1 : scandir(path, &names, no_dots, by_name);
	int r = n < 0 ? -errno : 0;
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = read_file(dir, names[i]->d_name, &file);
		if (r == 0)
			r = take(ctx, &file);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	if (dir >= 0)
		close(dir);
	vm_buf_free(&file);
	return r;
}

static int take_result(void *ctx, const struct vm_buf *file)
{
	struct vm_tlb_result *to = ctx;
	const int r = vm_tlb_result_parse(file->s ? file->s : "", file->n, to);
	to->lost += r == -EBADMSG;
	return r == -EBADMSG ? 0 : r;
}

/** Lines of Valgrind's log, without "==4242== ". */
static int take_log(void *ctx, const struct vm_buf *file)
{
	struct vm_buf *to = ctx;
	const char *at = file->s, *end = at + file->n;
	while (at < end && to->n < NOTES_MOST) {
		const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end, *mark = at;
		if (stop - at > 4 && at[0] == at[1] && strchr("=*-", at[0]))
			while (++mark < stop && *mark != ' ')
				;
		while (mark < stop && *mark == ' ')
			mark++;
		vm_buf_add(to, mark, (size_t)(stop - mark));
		if (stop > mark)
			vm_buf_add_char(to, '\n');
		at = stop + 1;
	}
	return 0;
}

int vm_tlbmodel_read(struct vm_tlbmodel *m, struct vm_tlb_result *out, struct vm_buf *notes, struct vm_err *err)
{
	struct vm_tlbimage_end end = { .began = true };
	int r = 0;
	if (m->image >= 0)
		r = vm_tlbimage_end(m->image, m->results, &end, err);
	if (r < 0)
		return r;
	if (!end.began)
		return vm_fail(err, ENODATA, "%s ended before it ran the program; it says why", m->command[0]);
	r = each_file(m->results, take_result, out);
	if (r == 0)
		r = each_file(m->logs, take_log, notes);
	if (r < 0)
		return vm_fail_os(err, -r, "cannot read the results in %s", m->results);
	out->not_followed = end.execs;
	if (out->program.n)
		return 0;
	if (!end.began)
		return vm_fail(err, ENODATA, "%s ended before it ran the program", m->command[0]);
	const char *note = vm_buf_str(notes);
	return vm_fail(err, ENODATA, "%s told nothing of the program%s%.*s", vm_tlbmodel_engine(m), *note ? ": " : "",
		       (int)strcspn(note, "\n"), note);
}

void vm_tlbmodel_ended(const struct vm_tlbmodel *m, pid_t pid)
{
	const char *tmp = getenv("TMPDIR");
	char begins[40];
	const int len = snprintf(begins, sizeof(begins), "valgrind_proc_%d_", pid);
	if (m->engine != VM_TLB_ENGINE_VALGRIND || pid <= 0)
		return;
	DIR *d = opendir(tmp && *tmp ? tmp : "/tmp");
	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
		if (strncmp(e->d_name, begins, (size_t)len) == 0)
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}

void vm_tlbmodel_close(struct vm_tlbmodel *m)
{
	if (!m)
		return;
	if (m->qemu_command)
		vm_qemu_command_free(m->command);
	for (char **c = m->qemu_command ? NULL : m->command; c && *c; c++)
		free(*c);
	if (!m->qemu_command)
		free(m->command);
	if (m->image >= 0)
		close(m->image);
	if (m->directory[0])
		remove_tree(m->directory);
	vm_buf_free(&m->model);
	free(m);
}
