#!/usr/bin/env python3
"""CPU time of vmtop, top and htop at one refresh a second with 2 000 processes, on terminals of their own."""

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

SETTLE, MEASURE, ROUNDS = 3.0, 8.0, 3


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

    def cpu(self):
        with open(f"/proc/{self.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        os.kill(self.pid, 15)
        self.drain(0.5)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def measure(argv):
    """CPU milliseconds a second, once the screen has settled."""
    s = Screen(argv)
    s.drain(SETTLE)
    before, start = s.cpu(), time.monotonic()
    s.drain(MEASURE)
    used = (s.cpu() - before) / (time.monotonic() - start)
    s.close()
    return used * 1e3


def main():
    programs = {
        "vmtop": [os.path.join(pairs.bin_dir(), "vmtop"), "-d", "1"],
        "vmtop, cheap columns": [os.path.join(pairs.bin_dir(), "vmtop"), "-d", "1", "-o",
                                 "PID,S,VSZ,RSS,MINFLT/S,MAJFLT/S,COMM"],
        "top": ["top", "-d", "1"],
        "htop": ["htop", "-d", "10"],
    }
    results = {name: [] for name in programs}
    with pairs.Processes(2000):
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
            ratio = median["vmtop"] / median[peer]
            ok &= ratio < 1
            print(f"vmtop / {peer:<16} {ratio:6.2f}x (target below 1) {'ok' if ratio < 1 else 'MISSED'}")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
