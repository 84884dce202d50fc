/**
 * A machine with a PMU, as far as perf_event_open(2) goes: LD_PRELOAD this under a program that calls it by syscall(2), such
 * as vmtlb and perf.  What is asked for by software events goes to the kernel, unless it is to fail.
 *
 * FAKEPMU_ROOT=DIR      files of DIR stand in for those of the same path below / (sys/bus/event_source/..., proc/cpuinfo)
 * FAKEPMU_COUNTS=LIST   what events count in a second: "0xe12=118300000,hw:0x0=41200000000,cache:0x3=7", "10:0xe08=3" of
 *                       the device of that type; others: 0
 * FAKEPMU_RUNNING=N     per cent of the time that every event runs (default: 100); LIST "0xe12=0,*=50" by event
 * FAKEPMU_SECONDS=S     how long events are enabled from their first reading on (default: 1); each further reading adds as much
 * FAKEPMU_GROUP=N       events of a group besides cycles and instructions at most, beyond which they are refused (EINVAL)
 * FAKEPMU_ERRNO=LIST    what fails: "sw=EACCES,hw=ENOENT,cache=ENOENT,raw=EINVAL,kernel=EACCES,cpu=EACCES,other=EACCES,0xe12=EBUSY";
 *                       kernel: whatever counts kernel mode; cpu: whole CPUs; other: processes other than the caller's;
 *                       sampling: hardware events that sample; all: everything
 * FAKEPMU_SAMPLES=LIST  what the kernel samples instead of hardware events, so that they come through its ring:
 *                       "0x11d0=page-faults,*=cpu-clock"; without it, none ever comes
 * FAKEPMU_PRECISE=N     how exact the instruction of a sample may be asked to be (precise_ip; default: 0), beyond: EOPNOTSUPP
 * FAKEPMU_LOG=FILE      a line for each event that was asked for
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FDS = 65536 };

struct fake {
	bool used, enabled, leads;
	uint32_t type;
	uint64_t config, format;
	int leader;
	unsigned members;          /* of the group that it leads, cycles and instructions left out */
	unsigned readings;
};

static struct fake fakes[FDS];

static long (*real_syscall)(long number, ...);
static ssize_t (*real_read)(int fd, void *buf, size_t n);
static int (*real_ioctl)(int fd, unsigned long request, ...);
static int (*real_close)(int fd);
static int (*real_openat)(int dir, const char *path, int flags, ...);

__attribute__((constructor)) static void find_real(void)
{
	*(void **)&real_syscall = dlsym(RTLD_NEXT, "syscall");
	*(void **)&real_read = dlsym(RTLD_NEXT, "read");
	*(void **)&real_ioctl = dlsym(RTLD_NEXT, "ioctl");
	*(void **)&real_close = dlsym(RTLD_NEXT, "close");
	*(void **)&real_openat = dlsym(RTLD_NEXT, "openat");
}

/* ---- What the environment says ------------------------------------------------------------------------------------ */

/** The value behind "key=" in a list with commas; NULL. */
static const char *lookup(const char *list, const char *key)
{
	const size_t n = strlen(key);
	for (const char *p = list; p && *p; p = strchr(p, ','), p += p != NULL)
		if (strncmp(p, key, n) == 0 && p[n] == '=')
			return p + n + 1;
	return NULL;
}

static const char *class_of(uint32_t type)
{
	return type == PERF_TYPE_SOFTWARE ? "sw" : type == PERF_TYPE_HARDWARE ? "hw" : type == PERF_TYPE_HW_CACHE ? "cache" : "raw";
}

/** Of an event: by its type or class and number, by its number, or of all ("*"). */
static const char *value_of(const char *variable, uint32_t type, uint64_t config)
{
	char key[64];
	const char *list = getenv(variable), *v = NULL;
	snprintf(key, sizeof(key), "%u:0x%llx", type, (unsigned long long)config);
	v = lookup(list, key);
	snprintf(key, sizeof(key), "%s:0x%llx", class_of(type), (unsigned long long)config);
	v = v ? v : lookup(list, key);
	snprintf(key, sizeof(key), "0x%llx", (unsigned long long)config);
	v = v || type == PERF_TYPE_HARDWARE || type == PERF_TYPE_HW_CACHE ? v : lookup(list, key);
	return v ? v : lookup(list, "*");
}

static int errno_called(const char *name)
{
	static const struct { const char *name; int code; } known[] = {
		{ "EACCES", EACCES }, { "EPERM", EPERM }, { "ENOENT", ENOENT }, { "ENOSYS", ENOSYS }, { "EINVAL", EINVAL },
		{ "EOPNOTSUPP", EOPNOTSUPP }, { "EBUSY", EBUSY }, { "EMFILE", EMFILE }, { "ENFILE", ENFILE }, { "ENODEV", ENODEV },
		{ "ENOSPC", ENOSPC }, { "ESRCH", ESRCH }, { "ENOMEM", ENOMEM }, { "E2BIG", E2BIG },
	};
	const size_t n = strcspn(name, ",");
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].name) == n && strncmp(known[i].name, name, n) == 0)
			return known[i].code;
	fprintf(stderr, "fakepmu: no errno is called %.*s\n", (int)n, name);
	abort();
}

static int failure(const struct perf_event_attr *a, pid_t pid, int cpu)
{
	const char *list = getenv("FAKEPMU_ERRNO"), *by_number = value_of("FAKEPMU_ERRNO", a->type, a->config);
	const struct { bool applies; const char *key; } why[] = {
		{ true, "all" }, { true, class_of(a->type) }, { !a->exclude_kernel, "kernel" }, { cpu >= 0 && pid < 0, "cpu" },
		{ pid > 0 && pid != getpid(), "other" }, { a->type != PERF_TYPE_SOFTWARE && a->sample_period, "sampling" },
	};
	for (size_t i = 0; i < sizeof(why) / sizeof(why[0]); i++) {
		const char *name = why[i].applies ? lookup(list, why[i].key) : NULL;
		if (name)
			return errno_called(name);
	}
	return by_number ? errno_called(by_number) : 0;
}

/* ---- Events ------------------------------------------------------------------------------------------------------- */

static bool is_base(const struct perf_event_attr *a)
{
	return a->type == PERF_TYPE_HARDWARE || a->config == 0x3c || a->config == 0xc0 || a->config == 0x76;
}

static void log_event(const struct perf_event_attr *a, pid_t pid, int cpu, int group, int result)
{
	const char *path = getenv("FAKEPMU_LOG");
	FILE *f = path ? fopen(path, "ae") : NULL;
	if (!f)
		return;
	fprintf(f, "%s 0x%llx pid %s cpu %d %s inherit %d exec %d kernel %d -> %s\n", class_of(a->type), (unsigned long long)a->config,
		pid < 0 ? "all" : pid == 0 ? "self" : "other", cpu, group < 0 ? "leads" : "follows", a->inherit, a->enable_on_exec,
		!a->exclude_kernel, result < 0 ? strerrorname_np(-result) : "ok");
	fclose(f);
}

/** The kernel's order: what the event is, whether there is room in its group. */
static int open_fake(const struct perf_event_attr *a, pid_t pid, int cpu, int group, unsigned long flags)
{
	const char *room = getenv("FAKEPMU_GROUP");
	struct fake *leader = group >= 0 && group < FDS && fakes[group].used ? &fakes[group] : NULL;
	int code = failure(a, pid, cpu);
	if (!code && group >= 0 && !leader)
		code = EBADF;
	if (!code && room && leader && !is_base(a) && leader->members >= strtoul(room, NULL, 10))
		code = EINVAL;
	/* The real kernel knows whether there is such a process. */
	if (!code && pid > 0) {
		struct perf_event_attr dummy = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(dummy), .config = PERF_COUNT_SW_DUMMY,
			.exclude_kernel = 1, .exclude_hv = 1, .disabled = 1 };
		const long fd = real_syscall(SYS_perf_event_open, &dummy, pid, cpu, -1, flags);
		code = fd < 0 ? errno : 0;
		if (fd >= 0)
			real_close((int)fd);
	}
	const int fd = code ? -1 : open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd >= FDS)
		abort();
	if (fd < 0)
		return -(code ? code : errno);
	fakes[fd] = (struct fake){
		.used = true, .enabled = !a->disabled || a->enable_on_exec, .leads = group < 0, .type = a->type, .config = a->config,
		.format = a->read_format, .leader = group < 0 ? fd : group,
	};
	if (!is_base(a))
		fakes[fakes[fd].leader].members++;
	return fd;
}

/** What stands in for a sampled event; -1: nothing. */
static int stand_in(const struct perf_event_attr *a)
{
	static const struct { const char *name; int config; } known[] = {
		{ "page-faults", PERF_COUNT_SW_PAGE_FAULTS }, { "minor-faults", PERF_COUNT_SW_PAGE_FAULTS_MIN },
		{ "major-faults", PERF_COUNT_SW_PAGE_FAULTS_MAJ }, { "cpu-clock", PERF_COUNT_SW_CPU_CLOCK },
		{ "nothing", PERF_COUNT_SW_DUMMY },
	};
	const char *name = a->sample_type ? value_of("FAKEPMU_SAMPLES", a->type, a->config) : NULL;
	const size_t n = name ? strcspn(name, ",") : 0;
	for (size_t i = 0; n && i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i].name) == n && strncmp(known[i].name, name, n) == 0)
			return known[i].config;
	return -1;
}

static long open_instead_of(const struct perf_event_attr *a, int config, pid_t pid, int cpu, int group, unsigned long flags)
{
	const char *precise = getenv("FAKEPMU_PRECISE");
	struct perf_event_attr real = *a;
	int code = failure(a, pid, cpu);
	if (!code && a->precise_ip > (precise ? strtoul(precise, NULL, 10) : 0))
		code = EOPNOTSUPP;
	real.type = PERF_TYPE_SOFTWARE;
	real.config = (uint64_t)config;
	real.config1 = real.config2 = 0;
	real.precise_ip = 0;
	const long r = code ? -1 : real_syscall(SYS_perf_event_open, &real, pid, cpu, group, flags);
	return r < 0 ? -(code ? code : errno) : r;
}

static long open_event(struct perf_event_attr *a, pid_t pid, int cpu, int group, unsigned long flags)
{
	const int config = a->type == PERF_TYPE_SOFTWARE ? -1 : stand_in(a);
	long r;
	if (a->type == PERF_TYPE_SOFTWARE || a->type == PERF_TYPE_TRACEPOINT || a->type == PERF_TYPE_BREAKPOINT) {
		const int code = failure(a, pid, cpu);
		r = code ? -1 : real_syscall(SYS_perf_event_open, a, pid, cpu, group, flags);
		r = r < 0 ? -(code ? code : errno) : r;
	} else if (config >= 0) {
		r = open_instead_of(a, config, pid, cpu, group, flags);
	} else {
		r = open_fake(a, pid, cpu, group, flags);
	}
	log_event(a, pid, cpu, group, (int)(r < 0 ? r : 0));
	if (r < 0)
		errno = (int)-r;
	return r < 0 ? -1 : r;
}

static ssize_t read_fake(struct fake *f, void *buf, size_t n)
{
	const char *count = value_of("FAKEPMU_COUNTS", f->type, f->config), *share = getenv("FAKEPMU_RUNNING"),
		*seconds = getenv("FAKEPMU_SECONDS");
	const bool list = share && strchr(share, '=');
	const char *own = list ? value_of("FAKEPMU_RUNNING", f->type, f->config) : share;
	const double running = own ? strtod(own, NULL) / 100 : 1;
	const double s = f->enabled || fakes[f->leader].enabled ? (seconds ? strtod(seconds, NULL) : 1) * ++f->readings : 0;
	const uint64_t out[3] = {
		(uint64_t)((count ? strtod(count, NULL) : 0) * s * running + 0.5), (uint64_t)(s * 1e9), (uint64_t)(s * 1e9 * running),
	};
	const bool times = (f->format & 3) == 3;
	if (n < (times ? sizeof(out) : sizeof(out[0]))) {
		errno = ENOSPC;
		return -1;
	}
	memcpy(buf, out, times ? sizeof(out) : sizeof(out[0]));
	return (ssize_t)(times ? sizeof(out) : sizeof(out[0]));
}

/* ---- What stands in for libc's ------------------------------------------------------------------------------------ */

static int open_instead(int (*real)(int, const char *, int, ...), int dir, const char *path, int flags, unsigned mode)
{
	const char *root = getenv("FAKEPMU_ROOT");
	char instead[4096];
	snprintf(instead, sizeof(instead), "%s/%s", root ? root : "", path);
	const bool ours = root && path[0] != '/' && strcmp(path, "proc") != 0 && access(instead, F_OK) == 0;
	return real(dir, ours ? instead : path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	const unsigned mode = flags & O_CREAT ? va_arg(ap, unsigned) : 0;
	va_end(ap);
	return open_instead(real_openat, dir, path, flags, mode);
}

long syscall(long number, ...)
{
	va_list ap;
	long a[6];
	va_start(ap, number);
	for (size_t i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	/* The upper half of an int among the arguments is whatever was there. */
	if (number == SYS_perf_event_open)
		return open_event((struct perf_event_attr *)a[0], (pid_t)a[1], (int)a[2], (int)a[3], (unsigned long)a[4]);
	return real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

ssize_t read(int fd, void *buf, size_t n)
{
	return fd >= 0 && fd < FDS && fakes[fd].used ? read_fake(&fakes[fd], buf, n) : real_read(fd, buf, n);
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	va_start(ap, request);
	void *arg = va_arg(ap, void *);
	va_end(ap);
	if (fd < 0 || fd >= FDS || !fakes[fd].used)
		return real_ioctl(fd, request, arg);
	if (request == PERF_EVENT_IOC_ENABLE)
		fakes[fd].enabled = true;
	if (request == PERF_EVENT_IOC_ID)
		*(uint64_t *)arg = (uint64_t)fd + 1000;
	return 0;
}

int close(int fd)
{
	if (fd >= 0 && fd < FDS)
		fakes[fd].used = false;
	return real_close(fd);
}
