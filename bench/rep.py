#!/usr/bin/env python3
"""vmrep: one line, all figures, CPU time of a sample, 2 000 processes; against vmstat, ps, and reading the same files."""

import os
import statistics
import subprocess
import sys
import tempfile

import pairs

SAMPLES = 400


def per_sample(what, ours, floor, most):
    """CPU time of SAMPLES samples, without starting and ending."""
    ratios, times = [], []
    for _ in range(9):
        a = pairs.cpu_of_run([*ours, "0.001", str(SAMPLES)]) - pairs.cpu_of_run([*ours, "0.001", "1"])
        b = pairs.cpu_of_run(floor)
        times.append(a / SAMPLES * 1e6)
        ratios.append(a / b)
    ratio = statistics.median(ratios)
    ok = ratio <= most
    print(f"{what:<66} {statistics.median(times):8.0f} us {'':12}  {ratio:6.2f}x         (target {most}x) {'ok' if ok else 'MISSED'}")
    return ok


def main():
    vmrep = os.path.join(pairs.bin_dir(), "vmrep")
    ok = pairs.report("one line / vmstat", [vmrep], ["vmstat"], 21, most=1.5)
    ok &= pairs.report("--totals / vmstat -s", [vmrep, "--totals"], ["vmstat", "-s"], 21, most=2)
    with tempfile.TemporaryDirectory() as tmp:
        reader = os.path.join(tmp, "repfiles")
        subprocess.run(["cc", "-O2", "-o", reader, os.path.join(pairs.ROOT, "bench", "repfiles.c")], check=True)
        usual = [reader, str(SAMPLES), "/proc/vmstat", "/proc/meminfo", "/proc/pressure/memory", "/proc/pressure/io",
                 "/proc/pressure/cpu", "/proc/uptime"]
        ok &= per_sample("CPU time of a line / reading its files", [vmrep], usual, 6)
        ok &= per_sample("CPU time of a line of all columns, CSV / the same files", [vmrep, "--csv", "-o", "all,-WALK/S,-WALK%"], usual, 12)
    with pairs.Processes(2000):
        ps = ["ps", "-eo", "pid,min_flt,maj_flt,vsz,rss,pmem,args"]
        ok &= pairs.report("2 000 processes, -a / ps with the same columns", [vmrep, "-a"], ps, 9, most=1)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
