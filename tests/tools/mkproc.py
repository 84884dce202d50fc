#!/usr/bin/env python3
"""A captured tree of one large process, made of nothing: as a Java server, with 10^4 mappings.

Usage: mkproc.py DEST [MAPPINGS [SEED]]

Prints the truth as one JSON line: how many mappings and how much of each figure were written. The same
numbers come for the same seed.
"""

import json
import os
import random
import struct
import sys

KEYS = ["Size", "KernelPageSize", "MMUPageSize", "Rss", "Pss", "Pss_Dirty", "Shared_Clean", "Shared_Dirty",
        "Private_Clean", "Private_Dirty", "Referenced", "Anonymous", "KSM", "LazyFree", "AnonHugePages",
        "ShmemPmdMapped", "FilePmdMapped", "Shared_Hugetlb", "Private_Hugetlb", "Swap", "SwapPss", "Locked"]
PID = 7000


def mappings(count, chance):
    """(start, end, perm, inode, name, figures in kB, flags), ascending."""
    at = 0x400000

    def one(pages, perm, name="", inode=0, rss_share=1.0, shared_by=1, flags="rd wr mr mw me ac", gap=0):
        nonlocal at
        start, at = at, at + pages * 4096
        rss = int(pages * rss_share) * 4
        if name and inode:
            dirty, clean = (rss if "w" in perm else 0), (0 if "w" in perm else rss)
        else:
            dirty, clean = rss, 0
        shared = clean if shared_by > 1 else 0
        figures = {"Size": pages * 4, "KernelPageSize": 4, "MMUPageSize": 4, "Rss": rss,
                   "Pss": rss - shared + shared // shared_by, "Pss_Dirty": dirty, "Shared_Clean": shared,
                   "Private_Clean": clean - shared, "Private_Dirty": dirty, "Referenced": rss,
                   "Anonymous": dirty}
        yield start, at, perm, inode, name, figures, flags
        at += gap * 4096

    yield from one(1, "r--p", "/usr/lib/jvm/bin/java", 11, flags="rd mr mw me")
    yield from one(1, "r-xp", "/usr/lib/jvm/bin/java", 11, flags="rd ex mr mw me", gap=1)
    yield from one(1, "rw-p", "/usr/lib/jvm/bin/java", 11, gap=1000)
    yield from one(2000, "rw-p", "[heap]", rss_share=0.7, gap=100000)
    left, n = count - 6, 0
    at = 0x700000000000
    while left > 0:
        n += 1
        sort = chance.randrange(10)
        if sort < 5 and left >= 2:          # a thread: its guard and its stack
            yield from one(4, "---p", rss_share=0, flags="mr mw me nr")
            yield from one(252, "rw-p", rss_share=chance.random(), gap=chance.randrange(2))
            left -= 2
        elif sort < 7 and left >= 3:        # a library
            name = f"/usr/lib/jvm/lib/lib{n % 40:02}.so"
            for perm, pages in (("r--p", 8), ("r-xp", chance.randrange(1, 200)), ("rw-p", 4)):
                yield from one(pages, perm, name, 100 + n % 40, chance.random(), chance.choice([1, 3]),
                               {"r--p": "rd mr mw me", "r-xp": "rd ex mr mw me", "rw-p": "rd wr mr mw me ac"}[perm])
            at += 4096
            left -= 3
        elif sort < 8:                      # a jar
            yield from one(chance.randrange(1, 3000), "r--s", f"/srv/app/lib/module {n}.jar", 5000 + n,
                           chance.random(), 2, "rd mr me ms", gap=1)
            left -= 1
        else:                               # pieces of the collector's tables
            yield from one(chance.randrange(1, 64), chance.choice(["rw-p", "---p"]), rss_share=0,
                           gap=chance.randrange(2))
            left -= 1
    yield from one(33, "rw-p", "[stack]", rss_share=0.5, flags="rd wr mr mw me gd ac", gap=10)
    yield from one(2, "r-xp", "[vdso]", rss_share=0, flags="rd ex mr mw me de")


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data.encode() if isinstance(data, str) else data)


def main():
    dest = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 10000
    chance = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    maps, smaps, sums, n = [], [], dict.fromkeys(KEYS, 0), 0
    for start, end, perm, inode, name, figures, flags in mappings(count, chance):
        head = f"{start:08x}-{end:08x} {perm} 00000000 {'fe:00' if inode else '00:00'} {inode} "
        head = (head.ljust(73) + name if name else head) + "\n"
        maps.append(head)
        smaps.append(head + "".join("%-16s%8d kB\n" % (k + ":", figures.get(k, 0)) for k in KEYS) +
                     f"THPeligible:           0\nVmFlags: {flags} \n")
        for key in KEYS:
            sums[key] += figures.get(key, 0)
        n += 1
    d = f"{dest}/proc/{PID}"
    write(d + "/maps", "".join(maps))
    write(d + "/smaps", "".join(smaps))
    write(d + "/smaps_rollup", "00400000-7fffffffffff ---p 00000000 00:00 0                          [rollup]\n" +
          "".join("%-16s%8d kB\n" % (k + ":", sums[k]) for k in KEYS[3:]))
    write(d + "/stat", f"{PID} (java) S 1 {PID} {PID} 0 -1 4194304 90000 0 12 0 5000 700 0 0 20 0 300 0 4242 "
          f"{sums['Size'] * 1024} {sums['Rss'] // 4} 18446744073709551615 4198400 4202496 140720000000000 0 0 0 0 "
          "4096 16800975 0 0 0 17 0 0 0 0 0 0 4206592 4207000 20000000 140720000001000 140720000001100 "
          "140720000001100 140720000001fff 0\n".replace("1fff", "1999"))
    write(d + "/status", f"Name:\tjava\nState:\tS (sleeping)\nTgid:\t{PID}\nPid:\t{PID}\nPPid:\t1\n"
          f"Uid:\t1000\t1000\t1000\t1000\nVmPeak:\t{sums['Size']} kB\nVmSize:\t{sums['Size']} kB\nVmLck:\t0 kB\n"
          f"VmPin:\t0 kB\nVmHWM:\t{sums['Rss']} kB\nVmRSS:\t{sums['Rss']} kB\nRssAnon:\t{sums['Anonymous']} kB\n"
          f"RssFile:\t{sums['Rss'] - sums['Anonymous']} kB\nRssShmem:\t0 kB\nVmData:\t1 kB\nVmStk:\t132 kB\n"
          "VmExe:\t4 kB\nVmLib:\t1 kB\nVmPTE:\t4000 kB\nVmSwap:\t0 kB\nHugetlbPages:\t0 kB\nThreads:\t300\n")
    write(d + "/statm", f"{sums['Size'] // 4} {sums['Rss'] // 4} 1 1 0 1 0\n")
    write(d + "/auxv", struct.pack("<4Q", 6, 4096, 0, 0))
    write(d + "/cmdline", b"/usr/lib/jvm/bin/java\0-Xmx8g\0-jar\0/srv/app/server.jar\0")
    write(d + "/cgroup", "0::/system.slice/app.service\n")
    write(dest + "/proc/sys/kernel/hostname", "fixture-java\n")
    write(dest + "/proc/sys/kernel/osrelease", "6.12.0-fixture\n")
    write(dest + "/proc/meminfo", "MemTotal:       16000000 kB\n")
    print(json.dumps({"pid": PID, "mappings": n, "size_bytes": sums["Size"] * 1024, "rss_bytes": sums["Rss"] * 1024,
                      "pss_bytes": sums["Pss"] * 1024, "anon_bytes": sums["Anonymous"] * 1024,
                      "uss_bytes": (sums["Private_Clean"] + sums["Private_Dirty"]) * 1024}))


main()
