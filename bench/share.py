#!/usr/bin/env python3
"""200 processes that share 2 GiB: vmshare's matrix against merely reading their pagemaps; how much memory it takes.

Environment: VM_SHARE_SIZE (bytes) and VM_SHARE_PROCESSES make it smaller.
"""

import ctypes
import mmap
import os
import random
import subprocess
import sys
import tempfile

import pairs

SIZE = int(os.environ.get("VM_SHARE_SIZE", 2 << 30))
PROCESSES = int(os.environ.get("VM_SHARE_PROCESSES", 200))
PAGE = 4096
MADV_NOHUGEPAGE = 15


class Family:
    """Processes that map the same memory: `shared` of one file in memory, else forked; ended by their pids."""

    def __init__(self, shared, broken=0.0, scattered=False):
        self.shared, self.broken, self.scattered = shared, broken, scattered
        self.pids = []

    def child(self, m, seed, done):
        libc = ctypes.CDLL(None)
        libc.prctl(1, 9)
        base = ctypes.addressof(ctypes.c_char.from_buffer(m))
        if self.shared:
            m[::PAGE]
        rng = random.Random(seed)
        for i in rng.sample(range(SIZE // PAGE), int(self.broken * SIZE / PAGE)):
            ctypes.c_ubyte.from_address(base + i * PAGE).value = 1
        os.write(done, b"x")
        os.read(os.pipe()[0], 1)
        os._exit(0)

    def fill(self, m):
        """In the order of addresses, or in none: then frames don't follow each other."""
        order = list(range(0, SIZE, PAGE))
        if self.scattered:
            random.Random(1).shuffle(order)
        for i in order:
            m[i] = 1

    def __enter__(self):
        m = mmap.mmap(-1, SIZE, mmap.MAP_ANONYMOUS | (mmap.MAP_SHARED if self.shared else mmap.MAP_PRIVATE))
        m.madvise(MADV_NOHUGEPAGE)
        self.fill(m)
        r, w = os.pipe()
        for i in range(PROCESSES):
            pid = os.fork()
            if pid == 0:
                self.child(m, i, w)
            self.pids.append(pid)
        got = 0
        while got < PROCESSES:
            got += len(os.read(r, 4096))
        self.m = m
        return self

    def __exit__(self, *exc):
        for pid in self.pids:
            os.kill(pid, 9)
        for pid in self.pids:
            os.waitpid(pid, 0)


# A child of whoever has much memory starts with that as its peak: a small process has to start it.
PEAK = """import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=False, close_fds=False, preexec_fn=lambda: None)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"""


def peak(argv):
    return float(subprocess.run([sys.executable, "-c", PEAK, *argv], stdout=subprocess.PIPE, check=True).stdout)


def main():
    vmshare = os.path.join(pairs.bin_dir(), "vmshare")
    ok = True
    with tempfile.TemporaryDirectory() as tmp:
        reader = os.path.join(tmp, "pagereaders")
        subprocess.run(["cc", "-O3", "-o", reader, os.path.join(pairs.ROOT, "bench", "pagereaders.c")], check=True)
        for what, family in (("forked", Family(False)), ("forked, frames in no order", Family(False, scattered=True)),
                             ("forked, 0.2 % broken by each", Family(False, 0.002, True)), ("of a file in memory", Family(True))):
            with family:
                pids = [str(p) for p in family.pids]
                label = f"{PROCESSES} processes, {SIZE >> 20} MiB {what}: vmshare / pagemaps"
                ok &= pairs.report(label, [vmshare, "-b", *pids], [reader, *pids], 3, most=2)
                print(f"  {'vmshare at most in memory':<64} {peak([vmshare, '-b', *pids]):8.1f} MiB")
                if family.scattered:
                    continue
                # All other processes of the machine are looked through as well.
                ok &= pairs.report(f"{label.partition(':')[0]}: --who / pagemaps", [vmshare, "--who", pids[0]], [reader, *pids], 3)
                print(f"  {'vmshare --who at most in memory':<64} {peak([vmshare, '--who', pids[0]]):8.1f} MiB")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
