#!/usr/bin/env python3
"""50 000 refreshes of vmtop, every screen seen, processes coming and going: does it grow, in memory or in open files?"""

import os
import random
import subprocess
import sys
import tempfile
import time

import pairs

REFRESHES, ROUNDS = 50_000, 20
GROWTH = 512 << 10     # what the allocator may make of it
A_PROCESS = 8192       # what it may keep for each of as many processes as there ever were
# What is pressed in each round, before and behind its refreshes: screens, orders, filters, tags, sets of columns.
KEYS = ["m", "q", "t", "t", "P", "M", "k", "k", "F7 Down Enter", "F7 Home Enter", "Enter", "2", "3", "7", "q", "Space Down Space", "c",
        "m Down", "q"]


def script(path, marks):
    with open(path, "w", encoding="ascii") as f:
        each = REFRESHES // ROUNDS
        for r in range(ROUNDS):
            part = each // len(KEYS)
            for keys in KEYS:
                f.write(f"key {keys}\ntick {part}\n")
            f.write(f"tick {each - part * len(KEYS)}\nsave {marks}.{r}\n")


def look(pid):
    """Bytes that it alone has in memory, and how many files it has open."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        anon = next(int(line.split()[1]) * 1024 for line in f if line.startswith("RssAnon:"))
    return anon, len(os.listdir(f"/proc/{pid}/fd"))


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
    with tempfile.TemporaryDirectory() as tmp:
        script(f"{tmp}/keys", f"{tmp}/mark")
        start = time.monotonic()
        with open(os.devnull, "w", encoding="ascii") as null:
            p = subprocess.Popen([vmtop, "--script", f"{tmp}/keys"], stdout=null, env=os.environ | {"XDG_CONFIG_HOME": tmp})
        while p.poll() is None:
            churn(alive)
            time.sleep(0.05)
            most = max(most, processes())
            while len(seen) < ROUNDS and os.path.exists(f"{tmp}/mark.{len(seen)}"):
                try:
                    seen.append((*look(p.pid), most))
                except (OSError, StopIteration):
                    break
        for child in alive:
            child.kill()
            child.wait()
    if p.returncode or len(seen) < 4:
        sys.exit(f"vmtop ended with {p.returncode} after {len(seen)} looks")
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
