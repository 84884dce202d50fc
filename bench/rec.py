#!/usr/bin/env python3
"""2 000 processes, each twentieth of which does something in every 5 seconds: what vmrec takes, and how long its file gets.

As root the processes are in a PID namespace of their own, so that what else runs doesn't count; and it is measured once more
without capabilities, where each process has to be read to find out whether it did anything.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pairs

PROCESSES, ACTIVE, INTERVAL, FRAMES = 2000, 100, 5.0, 24
MOST_CPU, MOST_BYTES = 1.0, 3 << 20
# A whole frame comes when those since the last one are so many times as long: KEY_TIMES in recwriter.c.
KEY_TIMES = 8


def live(seed):
    """Grow, shrink and sleep: now and then, forever."""
    dice, held = random.Random(seed), bytearray(1 << 20)
    while True:
        time.sleep(dice.random() * 2 * INTERVAL)
        for _ in range(dice.randrange(20)):
            held += bytes(4096 * dice.randrange(4))
        if len(held) > 4 << 20:
            held = bytearray(1 << 20)


class Crowd:
    def __enter__(self):
        self.pids = []
        for i in range(PROCESSES):
            pid = os.fork()
            if pid == 0:
                if i < ACTIVE:
                    live(i)
                os.execvp("sleep", ["sleep", "100000"])
            self.pids.append(pid)
        return self

    def __exit__(self, *exc):
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
        for pid in self.pids:
            os.waitpid(pid, 0)


def measure(argv, path):
    """Percent of a CPU, bytes an hour, bytes of a whole frame: once the first frame is written."""
    rec = subprocess.Popen(argv)
    while not os.path.exists(path) or os.path.getsize(path) < 1000:
        time.sleep(0.1)
    time.sleep(INTERVAL / 2)
    cpu, size, start, whole = pairs.cpu_so_far(rec.pid), os.path.getsize(path), time.monotonic(), os.path.getsize(path)
    time.sleep(FRAMES * INTERVAL)
    seconds = time.monotonic() - start
    used, grown = pairs.cpu_so_far(rec.pid) - cpu, os.path.getsize(path) - size
    rec.send_signal(signal.SIGINT)
    rec.wait()
    hour = grown * 3600 / seconds * (1 + 1 / KEY_TIMES) + whole
    return 100 * used / seconds, hour, whole


def report(what, argv, path):
    cpu, hour, whole = measure(argv, path)
    ok = cpu < MOST_CPU and hour < MOST_BYTES
    print(f"{what:<40} {cpu:5.2f} % of a CPU (target below {MOST_CPU:g}), {hour / (1 << 20):5.2f} MiB an hour (below "
          f"{MOST_BYTES >> 20}), a whole frame {whole / 1024:.0f} KiB   {'ok' if ok else 'MISSED'}", flush=True)
    return ok


def inside():
    vmrec = os.path.join(pairs.bin_dir(), "vmrec")
    ok = True
    with tempfile.TemporaryDirectory() as tmp, Crowd():
        os.chmod(tmp, 0o777)
        time.sleep(2)
        path = os.path.join(tmp, "r")
        ok &= report("vmrec 5", [vmrec, "-q", "-o", path, f"{INTERVAL:g}"], path)
        if os.geteuid() == 0 and shutil.which("setpriv"):
            copy, path = os.path.join(tmp, "vmrec"), os.path.join(tmp, "u")
            shutil.copy(vmrec, copy)
            nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]
            ok &= report("the same, without capabilities", [*nobody, copy, "-q", "-o", path, f"{INTERVAL:g}"], path)
        if shutil.which("atop"):
            path = os.path.join(tmp, "atop")
            cpu, hour, _ = measure(["atop", "-w", path, f"{INTERVAL:g}"], path)
            print(f"{'atop -w, 5':<40} {cpu:5.2f} % of a CPU, {hour / (1 << 20):5.2f} MiB an hour")
        else:
            print("atop is not installed")
    return 0 if ok else 1


def main():
    if os.geteuid() == 0 and "--inside" not in sys.argv:
        return subprocess.run(["unshare", "-pf", "--mount-proc", sys.executable, os.path.abspath(__file__), pairs.bin_dir(),
                               "--inside"], check=False).returncode
    return inside()


if __name__ == "__main__":
    sys.exit(main())
