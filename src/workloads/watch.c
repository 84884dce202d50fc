#include "workloads/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/cleanup.h"
#include "core/base/err.h"

/** What is known of the commands: the rest take one process as their last operand. */
static const struct known {
	const char *name, *option;      /* option: put before the pid */
	bool interactive, many;
} known[] = {
	{ "vmtop", "-p", true, false },
	{ "vmfault", "-p", true, false },
	{ "vmmap", NULL, false, true },
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static const struct known *known_command(const char *path)
{
	for (size_t i = 0; i < vm_countof(known); i++)
		if (strcmp(known[i].name, base_name(path)) == 0)
			return &known[i];
	return NULL;
}

/** Cut the next word out of *line, in place; NULL at the end.  *open: a quote wasn't closed. */
static char *next_word(char **line, bool *open)
{
	char *s = *line + strspn(*line, " \t\n");
	if (!*s)
		return NULL;
	char *word = s, *to = s, quote = 0;
	for (; *s && (quote || !strchr(" \t\n", *s)); s++) {
		if (quote ? *s == quote : *s == '"' || *s == '\'')
			quote = quote ? 0 : *s;
		else if (*s == '\\' && quote != '\'' && s[1])
			*to++ = *++s;
		else
			*to++ = *s;
	}
	*open = quote;
	*line = *s ? s + 1 : s;
	*to = '\0';
	return word;
}

int vm_watch_parse(struct vm_watch *w, const char *line, struct vm_err *err)
{
	*w = (struct vm_watch){ .text = strdup(line) };
	if (!w->text)
		return vm_fail_os(err, ENOMEM, "cannot keep the command");
	char *rest = w->text, *word;
	bool open = false;
	while ((word = next_word(&rest, &open))) {
		/* An option, a pid for each process and the end must still fit. */
		if (w->words >= VM_WATCH_WORDS / 2)
			return vm_fail(err, EINVAL, "--watch: too many words");
		w->placed |= strstr(word, "{}") != NULL;
		w->word[w->words++] = word;
	}
	if (open)
		return vm_fail(err, EINVAL, "--watch: a quote is not closed");
	if (w->words == 0 || !w->word[0][0])
		return vm_fail(err, EINVAL, "--watch needs a command, such as 'vmmap --by kind'");
	const struct known *k = known_command(w->word[0]);
	w->interactive = k && k->interactive;
	for (size_t i = 1; i < w->words; i++)
		if (strcmp(w->word[i], "--once") == 0 || strcmp(w->word[i], "--help") == 0)
			w->interactive = false;
	w->many = k && k->many && !w->placed;
	return 0;
}

void vm_watch_free(struct vm_watch *w)
{
	free(w->text);
	*w = (struct vm_watch){ 0 };
}

/** The words with every {} replaced by the pid, or the pids behind them. */
struct command {
	const char *argv[VM_WATCH_WORDS + 1];
	size_t n;
	char text[VM_WATCH_WORDS / 2][16];
	char *made[VM_WATCH_WORDS];      /* words that we allocated */
	size_t mades;
};

static void command_free(struct command *c)
{
	for (size_t i = 0; i < c->mades; i++)
		free(c->made[i]);
}

static char *put_pid(const char *word, const char *pid)
{
	const char *at = strstr(word, "{}");
	char *s = NULL;
	if (asprintf(&s, "%.*s%s%s", (int)(at - word), word, pid, at + 2) < 0)
		return NULL;
	return s;
}

static int command_fill(struct command *c, const struct vm_watch *w, const pid_t *pids,
                        size_t npids)
{
	size_t use = w->many ? npids : 1;
	if (use > vm_countof(c->text))
		use = vm_countof(c->text);
	for (size_t i = 0; i < use; i++)
		snprintf(c->text[i], sizeof(c->text[i]), "%d", (int)pids[i]);
	for (size_t i = 0; i < w->words; i++) {
		c->argv[c->n] = w->word[i];
		if (strstr(w->word[i], "{}")) {
			c->argv[c->n] = c->made[c->mades++] = put_pid(w->word[i], c->text[0]);
			if (!c->argv[c->n])
				return -ENOMEM;
		}
		c->n++;
	}
	const struct known *k = known_command(w->word[0]);
	if (k && k->option && !w->placed)
		c->argv[c->n++] = k->option;
	for (size_t i = 0; i < use && !w->placed && c->n < VM_WATCH_WORDS; i++)
		c->argv[c->n++] = c->text[i];
	c->argv[c->n] = NULL;
	return 0;
}

/** "DIR/NAME" beside our own executable, if there is such a program; else NAME for PATH. */
static const char *locate(const char *name, char path[static PATH_MAX])
{
	if (strchr(name, '/'))
		return name;
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	if (n <= 0)
		return name;
	path[n] = '\0';
	char *slash = strrchr(path, '/');
	size_t room = PATH_MAX - (size_t)(slash + 1 - path);
	if (!slash || strlen(name) >= room)
		return name;
	strcpy(slash + 1, name);
	return access(path, X_OK) == 0 ? path : name;
}

__attribute__((noreturn))
static void run_command(const char *path, const struct command *c, pid_t parent, int report)
{
	sigset_t none;
	sigemptyset(&none);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() == parent)
		execvp(path, (char *const *)(uintptr_t)c->argv);     /* it takes const words, but says not */
	int code = errno;
	if (write(report, &code, sizeof(code)) < 0)
		_exit(126);
	_exit(127);
}

static void print_label(FILE *out, const struct command *c)
{
	fputs("\n$", out);
	for (size_t i = 0; i < c->n; i++)
		fprintf(out, strpbrk(c->argv[i], " \t'\"\\$*?<>|&;()") ? " '%s'" : " %s", c->argv[i]);
	fputc('\n', out);
	fflush(out);
}

static pid_t start(const struct command *c, struct vm_err *err)
{
	char path[PATH_MAX];
	const char *exe = locate(c->argv[0], path);
	int report[2];
	if (pipe2(report, O_CLOEXEC) < 0)
		return vm_fail_os(err, errno, "cannot make a pipe");
	pid_t self = getpid(), pid = fork();
	int code = errno;
	if (pid == 0)
		run_command(exe, c, self, report[1]);
	close(report[1]);
	if (pid < 0) {
		close(report[0]);
		return vm_fail_os(err, code, "cannot fork");
	}
	/* The pipe closes by itself when exec succeeds. */
	bool failed = read(report[0], &code, sizeof(code)) == (ssize_t)sizeof(code);
	close(report[0]);
	if (!failed)
		return pid;
	waitpid(pid, NULL, 0);
	/* Whatever was wrong with the command, it isn't that a process may not be read. */
	vm_fail_os(err, code, "--watch: cannot run %s", c->argv[0]);
	return -ENOEXEC;
}

pid_t vm_watch_start(const struct vm_watch *w, const pid_t *pids, size_t npids, FILE *out,
                     struct vm_err *err)
{
	struct command c = { .n = 0 };
	pid_t pid = command_fill(&c, w, pids, npids);
	if (pid < 0)
		vm_fail_os(err, ENOMEM, "cannot keep the command");
	if (pid == 0 && !w->interactive)
		print_label(out, &c);
	fflush(out);
	if (pid == 0)
		pid = start(&c, err);
	command_free(&c);
	return pid;
}
