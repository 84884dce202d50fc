#!/usr/bin/env python3
"""What counting costs the program that is counted, in turns with the same program alone.

PAIRS=41 bench/count.py [BIN]      so many pairs (default: 21)

Figures are the program's own CPU time, so that other load hardly matters; "again" is the program against itself: what of
a figure is noise.  Without a PMU only the kernel's own events are counted; a million page faults (storm.c) are the worst
case for these, since each is counted three times.
"""

import os
import statistics
import subprocess
import sys
import tempfile

import pairs


def build(tmp, name):
    to = os.path.join(tmp, name)
    subprocess.run(["cc", "-O2", "-pthread", "-o", to, os.path.join(pairs.ROOT, "bench", name + ".c")], check=True)
    return to


def cost(argv):
    """The first number that it prints."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return float(done.stdout.split()[0])


def compare(what, watched, alone, n, most=None):
    ratios = sorted(cost(watched) / cost(alone) if i % 2 else 1 / (cost(alone) / cost(watched)) for i in range(n))
    ratio, low, high = statistics.median(ratios), ratios[n // 4], ratios[3 * n // 4]
    ok = most is None or ratio <= most
    target = f"(target {100 * (most - 1):.0f} %) {'ok' if ok else 'MISSED'}" if most else ""
    print(f"{what:<56} {100 * (ratio - 1):+6.2f} %   quartiles {100 * (low - 1):+.2f} .. {100 * (high - 1):+.2f}   {target}", flush=True)
    return ok


def main():
    vmtlb = os.path.join(pairs.bin_dir(), "vmtlb")
    n = int(os.environ.get("PAIRS", "21"))
    with tempfile.TemporaryDirectory() as tmp:
        steady, storm = build(tmp, "steady"), [build(tmp, "storm"), "16384", "16"]
        ok = compare("loads and sums, again", [steady], [steady], n)
        ok &= compare("loads and sums, counted", [vmtlb, "--output", os.devnull, "--", steady], [steady], n, 1.01)
        ok &= compare("loads and sums, counted, a sample each 100 ms",
                      [vmtlb, "--output", os.devnull, "-i", "100ms", "--", steady], [steady], n, 1.01)
        compare("page faults in a row, again", storm, storm, n)
        compare("page faults in a row, counted", [vmtlb, "--output", os.devnull, "--", *storm], storm, n)
    return 0 if ok else 1


sys.exit(main())
