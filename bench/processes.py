#!/usr/bin/env python3
"""2 000 processes: vmtop --once against the kernel's own cost, ps and smem."""

import os
import subprocess
import sys
import tempfile

import pairs

CHEAP = "PID,PPID,S,VSZ,RSS,MINFLT,MAJFLT,COMM"
PS = "pid,ppid,s,vsz,rss,min_flt,maj_flt,comm"
DEAR = "PID,RSS,PSS,USS,COMM"
MIB = 1024 * 1024


def main():
    vmtop = os.path.join(pairs.bin_dir(), "vmtop")
    ok = True
    with tempfile.TemporaryDirectory() as tmp, pairs.Processes(2000):
        rollups = os.path.join(tmp, "rollups")
        subprocess.run(["cc", "-O2", "-o", rollups, os.path.join(pairs.ROOT, "bench", "rollups.c")], check=True)
        n = 11
        dear = [vmtop, "--once", "-o", DEAR]
        ok &= pairs.report("PSS and USS / every smaps_rollup, one buffer", dear, [rollups], n, most=1.4)
        ok &= pairs.report("usual columns / every smaps_rollup, one buffer", [vmtop, "--once"], [rollups], n)
        ok &= pairs.report("PSS and USS, smem", dear, ["smem", "-c", "pid rss pss uss name"], 3, least=10)
        ok &= pairs.report("cheap columns / ps -eo of the same", [vmtop, "--once", "-k", "-o", CHEAP],
                           ["ps", "-eo", PS], n, most=1.0)
        ok &= pairs.report("JSON / every smaps_rollup, one buffer", [vmtop, "--once", "-J"], [rollups], n)
        rss = pairs.peak_rss(dear)
        print(f"{'peak RSS of vmtop --once with PSS and USS':<66} {rss / MIB:8.1f} MiB "
              f"(target below 30) {'ok' if rss < 30 * MIB else 'MISSED'}")
        ok &= rss < 30 * MIB
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
