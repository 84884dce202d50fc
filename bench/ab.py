#!/usr/bin/env python3
"""vmtlb --ab: what looking at the runs takes, and whether another judge of the same program says the same.

The judge makes the same runs by itself (prctl, the tunable of malloc, wait4) without looking at them, in turns with
vmtlb's.  Programs read memory at random, so that huge pages may help; how much differs from machine to machine.
"""

import ctypes
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import pairs

PR_SET_THP_DISABLE = 41
SIZES = [(64, 2_000_000), (256, 2_000_000), (1024, 4_000_000)]
PAIRS = 10


def judge_once(argv, on):
    """Wall-clock seconds of a run."""
    env = dict(os.environ)
    if on:
        env["GLIBC_TUNABLES"] = "glibc.malloc.hugetlb=1"
    libc = ctypes.CDLL(None)
    start = time.perf_counter()
    subprocess.run(argv, env=env, check=True, stdin=subprocess.DEVNULL,
                   preexec_fn=lambda: libc.prctl(PR_SET_THP_DISABLE, 0 if on else 1, 0, 0, 0))
    return time.perf_counter() - start


def judge(argv, count):
    ratios = []
    for i in range(count):
        times = {on: judge_once(argv, on) for on in ((False, True) if i % 2 == 0 else (True, False))}
        ratios.append(times[True] / times[False])
    return statistics.median(ratios)


def by_vmtlb(argv, count):
    out = subprocess.run([os.path.join(pairs.bin_dir(), "vmtlb"), "--ab", "--pairs", str(count), "-J", "--", *argv],
                         check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout
    return json.loads(out)


def main():
    ok = True
    with tempfile.TemporaryDirectory() as scratch:
        program = os.path.join(scratch, "random")
        subprocess.run(["cc", "-O2", "-o", program, os.path.join(pairs.ROOT, "bench", "random.c")], check=True)
        for mib, reads in SIZES:
            argv = [program, str(mib), str(reads)]
            ours, theirs = [], []
            for _ in range(2):
                ours.append(by_vmtlb(argv, PAIRS // 2))
                theirs.append(judge(argv, PAIRS // 2))
            wall = [m for d in ours for m in d["measures"] if m["name"] == "wall_ns"]
            counted = [r for d in ours for r in d["runs"] if r["pair"]]
            looking = sum(r["sampling_ns"] for r in counted) / sum(r["wall_ns"] for r in counted)
            gain = statistics.median(1 + m["share"] for m in wall)
            good = looking <= 0.005
            ok = ok and good
            print(f"{mib:5} MiB at random, time with huge pages: {gain:5.2f} by vmtlb, {statistics.median(theirs):5.2f} by the judge; "
                  f"huge {max(d['huge_bytes_on'] or 0 for d in ours) >> 20} MiB; looking takes {100 * looking:.2f} % "
                  f"(target 0.5 %) {'ok' if good else 'MISSED'}")
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
