#!/usr/bin/env python3
"""CPU time of vmtop, top and htop at one refresh a second with 2 000 processes, and of vmtop with 5 000; how soon its first
screen is there.  All on terminals of their own."""

import fcntl
import os
import pty
import select
import shutil
import struct
import sys
import termios
import time

import pairs

# Processes count as at rest after five seconds.
SETTLE, MEASURE, ROUNDS, STARTS = 8.0, 8.0, 3, 9
CHEAP = "PID,S,VSZ,RSS,MINFLT/S,MAJFLT/S,COMM"


class Screen:
    """A program on a terminal of 160x50."""

    def __init__(self, argv):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execvp(argv[0], argv)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))

    def drain(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                try:
                    os.read(self.fd, 65536)
                except OSError:
                    return

    def until(self, text):
        """Seconds from now until all of the text was written."""
        start, got = time.monotonic(), b""
        while text not in got:
            if not select.select([self.fd], [], [], 30)[0]:
                sys.exit("there is no screen")
            got += os.read(self.fd, 65536)
        return time.monotonic() - start

    def close(self):
        os.kill(self.pid, 15)
        self.drain(0.5)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def measure(argv):
    """CPU milliseconds a second, once the screen has settled."""
    s = Screen(argv)
    s.drain(SETTLE)
    before, start = pairs.cpu_so_far(s.pid), time.monotonic()
    s.drain(MEASURE)
    used = (pairs.cpu_so_far(s.pid) - before) / (time.monotonic() - start)
    s.close()
    return used * 1e3


def first_screen(argv, last=b"Help"):
    """Milliseconds until its last line, the keys, is drawn: the median of some starts."""
    took = []
    for _ in range(STARTS):
        s = Screen(argv)
        took.append(s.until(last))
        s.close()
    return sorted(took)[len(took) // 2] * 1e3


def verdict(what, value, unit, most):
    ok = value < most
    print(f"{what:<46} {value:6.1f} {unit} (target below {most:g}) {'ok' if ok else 'MISSED'}")
    return ok


def compare_with_peers(vmtop):
    """With 2 000 processes: less than top, and than htop."""
    programs = {"vmtop": [vmtop, "-d", "1"], "vmtop, cheap columns": [vmtop, "-d", "1", "-o", CHEAP],
                "top": ["top", "-d", "1"], "htop": ["htop", "-d", "10"]}
    results = {name: [] for name in programs}
    for _ in range(ROUNDS):
        for name, argv in programs.items():
            if shutil.which(argv[0]):
                results[name].append(measure(argv))
    median = {name: sorted(r)[len(r) // 2] for name, r in results.items() if r}
    for name in programs:
        print(f"{name:<24} " + (f"{median[name]:6.1f} ms of CPU a second" if name in median else "not installed"))
    ok = True
    for peer in ("top", "htop"):
        if peer in median:
            ok &= verdict(f"vmtop / {peer}", median["vmtop"] / median[peer], "x", 1)
    return ok


def as_nobody(argv):
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *argv]


def main():
    vmtop = os.path.join(pairs.bin_dir(), "vmtop")
    cheap = [vmtop, "-d", "1", "-o", CHEAP]
    ok = verdict("first screen", first_screen([vmtop]), "ms", 100)
    with pairs.Processes(2000):
        ok &= verdict("first screen, 2 000 processes", first_screen([vmtop]), "ms", 100)
        print(f"{'that of top':<46} {first_screen(['top'], b'%MEM'):6.1f} ms")
        ok &= compare_with_peers(vmtop)
        with pairs.Processes(3000):
            ok &= verdict("5 000 processes, cheap columns", measure(cheap) / 10, "% of a CPU", 5)
            if os.getuid() == 0:
                ok &= verdict("the same without privilege, so without eBPF", measure(as_nobody(cheap)) / 10, "% of a CPU", 5)
            print(f"{'all usual columns':<46} {measure([vmtop, '-d', '1']) / 10:6.1f} % of a CPU, 2 of them for PSS and USS")
            print(f"{'first screen, 5 000 processes':<46} {first_screen([vmtop]):6.1f} ms")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
