#!/usr/bin/env python3
"""50 000 refreshes of vmtop, every screen seen, processes coming and going: does it grow, in memory or in open files?"""

import os
import random
import subprocess
import sys
import tempfile
import time

import pairs

# The test of the same name: what it presses, and how it looks.
sys.path.insert(0, os.path.join(pairs.ROOT, "tests", "tui"))
from soak import soak

REFRESHES, ROUNDS = 50_000, 20
GROWTH = 512 << 10     # what the allocator may make of it
A_PROCESS = 8192       # what it may keep for each of as many processes as there ever were


def processes():
    return sum(name.isdigit() for name in os.listdir("/proc"))


def churn(alive):
    """One process less and one more."""
    if len(alive) > 40:
        p = alive.pop(random.randrange(len(alive)))
        p.kill()
        p.wait()
    alive.append(subprocess.Popen(["sleep", "1000"]))


def main():
    vmtop = os.path.join(pairs.bin_dir(), "vmtop")
    alive, seen, most = [], [], 0

    def pause():
        nonlocal most
        churn(alive)
        time.sleep(0.05)
        most = max(most, processes())

    start = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as tmp:
            for looked in soak(vmtop, [], tmp, REFRESHES, ROUNDS, pause):
                seen.append((*looked, most))
    finally:
        for child in alive:
            child.kill()
            child.wait()
    # In the first rounds it takes what it needs; the largest of a quarter of them is compared with that of the last quarter.
    quarter = len(seen) // 4
    early, late = max(s[0] for s in seen[1:1 + quarter]), max(s[0] for s in seen[-quarter:])
    more = seen[-1][2] - seen[quarter][2]
    files = {s[1] for s in seen[1:]}
    took = time.monotonic() - start
    print(f"{REFRESHES} refreshes in {took:.0f} s, {took / REFRESHES * 1e3:.2f} ms each")
    print("anonymous memory, KiB: " + " ".join(str(s[0] >> 10) for s in seen))
    most = GROWTH + more * A_PROCESS
    ok = late - early <= most
    print(f"growth: {(late - early) / 1024:.0f} KiB, with {more} processes more than before (target at most {most >> 10}) "
          f"{'ok' if ok else 'MISSED'}")
    print(f"open files: {min(files)} to {max(files)} {'ok' if max(files) - min(files) <= 3 else 'MISSED'}")
    return 0 if ok and max(files) - min(files) <= 3 else 1


if __name__ == "__main__":
    sys.exit(main())
