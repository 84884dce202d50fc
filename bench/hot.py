#!/usr/bin/env python3
"""vmtlb --hot: what it costs its target, in turns with the same program left alone.

PAIRS=11 bench/hot.py [BIN]     so many pairs (default: 7)

The target (touches.c) does the same work with and without being looked at; that is counted in CPU time of its thread.
Bits are cleared and read three times a sample; a page that it then uses has its bit set again by the CPU, those that are
left after the last window too.  "told" is what vmtlb says of pages of its own.  Less than a hundredth of "alone" is noise.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile

import pairs

SAMPLES = 7
# What, arguments of the target.
TARGETS = [
    ("1 MiB at random", ["random", "1", "400000000"]),
    ("16 MiB at random", ["random", "16", "100000000"]),
    ("64 MiB at random", ["random", "64", "60000000"]),
    ("512 MiB at random", ["random", "512", "40000000"]),
    ("256 MiB in order", ["in-order", "256", "300000000"]),
    ("64 MiB of huge pages at random", ["random", "64", "100000000", "huge"]),
]


def build(tmp):
    to = os.path.join(tmp, "touches")
    subprocess.run(["cc", "-O2", "-o", to, os.path.join(pairs.ROOT, "bench", "touches.c")], check=True)
    return to


def apart():
    """Who looks and who is looked at have a CPU each."""
    cpus = sorted(os.sched_getaffinity(0))
    return (cpus[0], cpus[-1])


def run(argv, cpus, look):
    """CPU nanoseconds of the target, and what vmtlb said."""
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          preexec_fn=lambda: os.sched_setaffinity(0, {cpus[1]})) as target:
        target.stdout.readline()
        target.stdin.write("\n")
        target.stdin.flush()
        report = None
        if look:
            said = subprocess.run([*look, "-p", str(target.pid)], capture_output=True, text=True, check=True,
                                  preexec_fn=lambda: os.sched_setaffinity(0, {cpus[0]}))
            report = json.loads(said.stdout)
        alive = target.poll() is None
        ns = int(target.stdout.readline())
    if report and (not alive or report["samples"] != SAMPLES):
        raise SystemExit("the target ended too early: more touches are needed")
    return ns, report


def main():
    n = int(os.environ.get("PAIRS", "7"))
    look = [os.path.join(pairs.bin_dir(), "vmtlb"), "--hot", "--clear-refs", "-J", "--samples", str(SAMPLES)]
    cpus = apart()
    print(f"{'target':<32}{'alone':>9}{'more':>9}{'a sample':>10}{'bits':>8}{'a bit':>8}{'told':>7}{'clearing':>10}")
    with tempfile.TemporaryDirectory() as tmp:
        touches = build(tmp)
        for what, arguments in TARGETS:
            argv = [touches, *arguments]
            run(argv, cpus, None)
            rows = [(run(argv, cpus, None)[0], run(argv, cpus, look)) for _ in range(n)]
            alone = statistics.median(a for a, _ in rows)
            more = statistics.median(b - a for a, (b, _) in rows)
            cost = [r["cost"] for _, (_, r) in rows]
            pages = 0 if "huge" in arguments else int(arguments[1]) * 256
            bits = (statistics.median(c["set_again"] for c in cost) + pages) / SAMPLES
            told = statistics.median(c["set_again_each_ns"] for c in cost)
            clear = statistics.median(r["windows"]["walked"]["clear_ns"] for _, (_, r) in rows)
            print(f"{what:<32}{alone / 1e6:>6.0f} ms{more / 1e6:>6.1f} ms{more / SAMPLES / 1e6:>7.2f} ms{bits:>8.0f}"
                  f"{more / SAMPLES / bits:>5.0f} ns{told:>4.0f} ns{clear / 1e3:>7.0f} us", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
