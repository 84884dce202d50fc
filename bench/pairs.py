"""Run commands in turns and compare their times."""

import ctypes
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def bin_dir():
    return os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else os.path.join(ROOT, "build", "bin")


def once(argv):
    """Wall-clock seconds of one run, its output thrown away."""
    with open(os.devnull, "w") as null:
        start = time.perf_counter()
        subprocess.run(argv, stdout=null, stderr=null, check=False)
        return time.perf_counter() - start


def cpu_of_run(argv):
    """Seconds of user and system time of one run, and of what it ran itself; its output thrown away."""
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as p:
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode:
        raise subprocess.CalledProcessError(p.returncode, argv)
    return usage.ru_utime + usage.ru_stime


def cpu_so_far(pid):
    """Seconds that all threads of a process have run, to a nanosecond: clock_getcpuclockid(3)."""
    clock = ctypes.c_int()
    if ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock)):
        raise ProcessLookupError(f"no process {pid}")
    return time.clock_gettime(clock.value)


def peak_rss(argv):
    """Bytes of the largest resident set of one run."""
    pid = os.posix_spawn(argv[0], argv, os.environ,
                         file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
    _, _, usage = os.wait4(pid, 0)
    return usage.ru_maxrss * 1024


def compare(ours, theirs, pairs):
    """Median seconds of both, and the median of the ratios ours/theirs."""
    once(ours), once(theirs)
    a, b, ratios = [], [], []
    for _ in range(pairs):
        x, y = once(ours), once(theirs)
        a.append(x)
        b.append(y)
        ratios.append(x / y)
    return statistics.median(a), statistics.median(b), statistics.median(ratios)


def report(what, ours, theirs, pairs, most=None, least=None):
    """`most`: ours may take at most that many times theirs; `least`: theirs takes at least so many of ours."""
    if not shutil.which(theirs[0]):
        print(f"{what:<66} {theirs[0]} is not installed")
        return True
    a, b, ratio = compare(ours, theirs, pairs)
    if least:
        ok = 1 / ratio >= least
        print(f"{what:<66} {a * 1e3:8.1f} ms {b * 1e3:9.1f} ms   {1 / ratio:6.2f}x faster  "
              f"(target {least}x) {'ok' if ok else 'MISSED'}")
    else:
        ok = most is None or ratio <= most
        target = f"(target {most}x) {'ok' if ok else 'MISSED'}" if most else ""
        print(f"{what:<66} {a * 1e3:8.1f} ms {b * 1e3:9.1f} ms   {ratio:6.2f}x         {target}")
    return ok


class Processes:
    """`n` sleeping processes, ended with the block."""

    def __init__(self, n):
        self.n = n
        self.pids = []

    def __enter__(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NPROC)
        if soft != resource.RLIM_INFINITY and soft < self.n + 200:
            resource.setrlimit(resource.RLIMIT_NPROC, (hard, hard))
        sleep = shutil.which("sleep")
        for _ in range(self.n):
            self.pids.append(os.posix_spawn(sleep, ["sleep", "100000"], os.environ))
        return self

    def __exit__(self, *exc):
        for pid in self.pids:
            os.kill(pid, 15)
        for pid in self.pids:
            os.waitpid(pid, 0)
