"""Interrupt commands while they read: SIGSTOP and SIGCONT make system calls return early.

Usage: interrupts.py BIN_DIR.  VM_INTERRUPTED_RUNS: how many of each kind (default 40).
"""

import os
import signal
import subprocess
import sys

from truth import Lab

ROUNDS = int(os.environ.get("VM_INTERRUPTED_RUNS", "40"))
MOST = 400  # a command that is stopped for ever makes no way


def disturbed(argv):
    """Its output, stopped and continued as often as it lets us; and how often that was."""
    p = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    os.set_blocking(p.stdout.fileno(), False)
    out, times = b"", 0
    while p.poll() is None and times < MOST:
        p.send_signal(signal.SIGSTOP)
        p.send_signal(signal.SIGCONT)
        times += 1
        out += p.stdout.read() or b""
    os.set_blocking(p.stdout.fileno(), True)
    out += p.stdout.read()
    return out, p.wait(), times


def main():
    bins = sys.argv[1]
    failed = total = 0
    with Lab(bins, "many-mappings", "--count", "4000", "--quiet") as lab:
        pid = str(lab.line()["pid"])
        vmmap = os.path.join(bins, "vmmap")
        for columns in ("START,END,PERM,RSS,ANON,VMFLAGS", "START,END,PERM,INODE"):
            argv = [vmmap, "--csv", "-o", columns, pid]
            want = subprocess.run(argv, capture_output=True, check=True).stdout
            for _ in range(ROUNDS):
                out, code, times = disturbed(argv)
                total += times
                if code != 0 or out != want:
                    failed += 1
                    print(f"FAIL {columns}: exit status {code}, {len(out)} bytes instead of {len(want)}")
    print(f"{2 * ROUNDS} runs, stopped {total} times, {failed} with another answer")
    return 1 if failed or total < 2 * ROUNDS else 0


if __name__ == "__main__":
    sys.exit(main())
