#!/usr/bin/env python3
"""The TLB probe: how long it takes, and how well its repeats agree, on a quiet machine and on one whose CPUs are busy.

bench/probe.py [BIN] [REPEATS]

There is no peer that times TLBs: what counts is the time, and how far results are apart.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

SECONDS_MOST = 1.0
APART_MOST = 0.25


def probe(bins):
    """Seconds that it took, and what it found; nothing is kept from one to the next."""
    with tempfile.TemporaryDirectory() as cache:
        began = time.monotonic()
        done = subprocess.run([os.path.join(bins, "vmtlb"), "--probe", "--fresh", "-J"], check=True, capture_output=True,
                              env=dict(os.environ, XDG_CACHE_HOME=cache))
        return time.monotonic() - began, json.loads(done.stdout)


class Busy:
    """A process that never rests for each CPU, ended with the block."""

    def __enter__(self):
        self.loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in os.sched_getaffinity(0)]

    def __exit__(self, *exc):
        for loop in self.loops:
            loop.kill()
            loop.wait()


def apart(values):
    """How far the middle half lies from the median, as a share."""
    low, mid, high = statistics.quantiles(values, n=4)
    return max(high - mid, mid - low) / mid if mid else 0


def verdict(good):
    return "ok" if good else "MISSED"


def row(name, values, unit="", most=None):
    known = [v for v in values if v is not None]
    if len(known) < 2:
        print(f"  {name:22} known in {len(known)} of {len(values)}")
        return
    mark = "" if most is None else verdict(apart(known) <= most)
    print(f"  {name:22} median {statistics.median(known):8.4g} {unit:3} from {min(known):.4g} to {max(known):.4g}, "
          f"middle half within {100 * apart(known):.1f} %  {mark}")


def measure(bins, name, repeats, strict):
    runs = [probe(bins) for _ in range(repeats)]
    found = [f for _, f in runs]
    longest = max(seconds for seconds, _ in runs)
    print(f"{name}: {repeats} probes, {sum(f['trusted'] for f in found)} of them trust themselves")
    row("time", [seconds for seconds, _ in runs], "s")
    print(f"  {'longest':22} {longest:.3f} s  {verdict(longest < SECONDS_MOST)}")
    for key in ("dtlb_entries", "stlb_entries", "itlb_entries"):
        row(key, [f[key] for f in found], most=APART_MOST if strict else None)
    for key in ("hit_ns", "stlb_hit_ns", "walk_ns"):
        row(key, [f[key] for f in found], "ns")
    for size in sorted({c["bytes"] for f in found for c in f["costs"]}):
        for key in ("ns_4k", "ns_2m"):
            row(f"{size >> 10} KiB {key}", [next((c[key] for c in f["costs"] if c["bytes"] == size), None) for f in found], "ns")
    splits = [f["huge_pages_split"] for f in found]
    same = len({s for s in splits if s is not None}) <= 1
    print(f"  {'huge pages split':22} {splits.count(True)} yes, {splits.count(False)} no, {splits.count(None)} not known  "
          f"{verdict(same)}")


def main():
    bins = sys.argv[1] if len(sys.argv) > 1 else "build/bin"
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    measure(bins, "as the machine is", repeats, True)
    with Busy():
        measure(bins, "every CPU busy", repeats, False)


if __name__ == "__main__":
    main()
