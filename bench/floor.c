/**
 * What the kernel takes for programs on the two ends of a page fault that do nothing: no watcher can take less.
 *
 *     floor [--clock|--beside] COMMAND [ARG...]
 *
 * Runs COMMAND with an empty program on the tracepoint page_fault_user and another one on its own minor faults (a software
 * event with a period of 1); --clock: each reads the clock and forgets it, as who measures times must; --beside: the
 * faults that end in the other program are those of this process, not COMMAND's, as if it were not the one watched.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static int fail(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	return 1;
}

/** [Read the clock and] return 0. */
static int load(enum bpf_prog_type type, int clock, int tracepoint)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_ktime_get_ns },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts);
	if (tracepoint) {
		opts.expected_attach_type = BPF_TRACE_RAW_TP;
		opts.attach_btf_id = (__u32)tracepoint;
	}
	return bpf_prog_load(type, "floor", "GPL", clock ? insns : insns + 1, clock ? 3 : 2, &opts);
}

static int attach(int clock, pid_t pid)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_PAGE_FAULTS_MIN, .sample_period = 1,
		.inherit = 1,
	};
	const int point = libbpf_find_vmlinux_btf_id("page_fault_user", BPF_TRACE_RAW_TP);
	const int begin = point > 0 ? load(BPF_PROG_TYPE_TRACING, clock, point) : -1;
	const int end = load(BPF_PROG_TYPE_PERF_EVENT, clock, 0);
	const int event = (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (begin < 0 || end < 0 || event < 0 || ioctl(event, PERF_EVENT_IOC_SET_BPF, end) != 0 ||
	    bpf_raw_tracepoint_open(NULL, begin) < 0)
		return -1;
	return 0;
}

int main(int argc, char **argv)
{
	const int clock = argc > 1 && strcmp(argv[1], "--clock") == 0;
	const int beside = argc > 1 && strcmp(argv[1], "--beside") == 0;
	char **command = argv + 1 + clock + beside;
	int go[2], status = 0;
	char byte;
	if (argc < 2 || !*command || pipe(go) != 0)
		return 2;
	const pid_t pid = fork();
	if (pid == 0) {
		close(go[1]);
		if (read(go[0], &byte, 1) == 1)
			execvp(command[0], command);
		_exit(127);
	}
	if (pid < 0 || attach(clock, beside ? 0 : pid) != 0)
		return fail("cannot attach");
	close(go[0]);
	if (write(go[1], "", 1) != 1 || waitpid(pid, &status, 0) != pid)
		return fail("cannot run");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
