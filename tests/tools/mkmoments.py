#!/usr/bin/env python3
"""Captured trees of one process at several moments, made of nothing: what changed in between is known.

Usage: mkmoments.py DEST

- before, after: process 500, ten minutes apart; after it holds 501, a fork of it, as well
- restarted: another process 500, of other addresses
- leak00 ... leak19, a minute apart: 1 MiB a minute more in the heap; memory limit 1 GiB, RLIMIT_AS
- saw00 ... saw44: 4 MiB more and more, given back every five minutes; sawleak00 ...: and 512 KiB of it kept
"""

import os
import sys

KEYS = ["Size", "KernelPageSize", "MMUPageSize", "Rss", "Pss", "Pss_Dirty", "Shared_Clean", "Shared_Dirty",
        "Private_Clean", "Private_Dirty", "Referenced", "Anonymous", "LazyFree", "AnonHugePages", "ShmemPmdMapped",
        "FilePmdMapped", "Shared_Hugetlb", "Private_Hugetlb", "Swap", "SwapPss", "Locked"]
ANON = "rd wr mr mw me ac"


def m(start, kib, perm, name="", inode=0, offset=0, rss=0, flags=None, swap=0, thp=0, locked=0):
    """A mapping: sizes in KiB."""
    flags = flags or {"r-xp": "rd ex mr mw me", "r--p": "rd mr mw me"}.get(perm, ANON)
    clean = rss if inode and "w" not in perm else 0
    return {"start": start, "end": start + kib * 1024, "perm": perm, "name": name, "inode": inode, "offset": offset,
            "flags": flags, "Size": kib, "KernelPageSize": 4, "MMUPageSize": 4, "Rss": rss, "Pss": rss,
            "Pss_Dirty": rss - clean, "Private_Clean": clean, "Private_Dirty": rss - clean, "Referenced": rss,
            "Anonymous": rss - clean, "AnonHugePages": thp, "Swap": swap, "SwapPss": swap, "Locked": locked}


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)


def process(tree, pid, maps, start=4242, stack=0x7ffc00010000, code=0x400000):
    comm = "server"
    d = f"{tree}/proc/{pid}"
    lines = []
    for x in sorted(maps, key=lambda x: x["start"]):
        head = (f"{x['start']:08x}-{x['end']:08x} {x['perm']} {x['offset']:08x} {'fe:00' if x['inode'] else '00:00'} "
                f"{x['inode']} ")
        lines.append((head.ljust(73) + x["name"] if x["name"] else head) + "\n" +
                     "".join("%-16s%8d kB\n" % (k + ":", x.get(k, 0)) for k in KEYS) +
                     f"THPeligible:           0\nVmFlags: {x['flags']} \n")
    write(d + "/smaps", "".join(lines))
    size, rss, anon, swap = (sum(x[k] for x in maps) for k in ("Size", "Rss", "Anonymous", "Swap"))
    write(d + "/stat", f"{pid} ({comm}) S 1 {pid} {pid} 0 -1 4194304 {rss // 4} 0 12 0 5000 700 0 0 20 0 3 0 {start} "
          f"{size * 1024} {rss // 4} 18446744073709551615 {code} {code + 65536} {stack} 0 0 0 0 4096 16800975 0 0 0 17 0 0 0 0 0 0 "
          f"{code + 0x21000} {code + 0x22000} {code + 0x1c00000} {stack + 4096} {stack + 4352} {stack + 4352} {stack + 8100} 0\n")
    write(d + "/status", f"Name:\t{comm}\nState:\tS (sleeping)\nTgid:\t{pid}\nPid:\t{pid}\nPPid:\t1\nUid:\t1000\t1000\t1000\t1000\n"
          f"VmPeak:\t{size} kB\nVmSize:\t{size} kB\nVmLck:\t0 kB\nVmPin:\t0 kB\nVmHWM:\t{rss} kB\nVmRSS:\t{rss} kB\n"
          f"RssAnon:\t{anon} kB\nRssFile:\t{rss - anon} kB\nRssShmem:\t0 kB\nVmData:\t{anon} kB\nVmStk:\t132 kB\n"
          f"VmExe:\t64 kB\nVmLib:\t1 kB\nVmPTE:\t{40 + size // 512} kB\nVmSwap:\t{swap} kB\nHugetlbPages:\t0 kB\nThreads:\t3\n")
    write(d + "/cmdline", "/usr/bin/server\0--port\08080\0")
    write(d + "/cgroup", "0::/app.slice/server.service\n")
    write(d + "/limits", "Limit                     Soft Limit           Hard Limit           Units     \n"
          "Max address space         2147483648           unlimited            bytes     \n"
          "Max data size             unlimited            unlimited            bytes     \n")
    for thread in range(3):
        write(f"{d}/task/{pid + thread}/syscall", f"0 0x0 0x0 0x0 0x0 0x0 0x0 {stack - 256:#x} 0x0\n")


def machine(tree, seconds):
    write(tree + "/captured", f"2026-03-01T{10 + seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z\n")
    write(tree + "/proc/sys/kernel/hostname", "fixture-moments\n")
    write(tree + "/proc/sys/kernel/osrelease", "6.12.0-fixture\n")
    write(tree + "/proc/sys/vm/max_map_count", "65530\n")
    write(tree + "/proc/meminfo", "MemTotal:        8000000 kB\nMemFree:         1000000 kB\nMemAvailable:    4000000 kB\n"
          "SwapTotal:       1000000 kB\nSwapFree:         500000 kB\n")


def program(base=0x400000):
    return [m(base, 64, "r-xp", "/usr/bin/server", 77, rss=60), m(base + 0x20000, 4, "r--p", "/usr/bin/server", 77, 0x10000, rss=4),
            m(base + 0x21000, 4, "rw-p", "/usr/bin/server", 77, 0x11000, rss=4), m(base + 0x22000, 16, "rw-p", rss=8)]


def library(at):
    return [m(at, 400, "r-xp", "/usr/lib/libbig.so", 88, rss=300), m(at + 0x64000, 16, "rw-p", "/usr/lib/libbig.so", 88, 0x64000, rss=16)]


def moments(dest):
    anon = 0x7f0000000000
    stack = [m(0x7ffc00000000, 132, "rw-p", "[stack]", rss=40, flags=ANON + " gd")]
    before = program() + library(0x7f1000000000) + stack + [
        m(0x2000000, 400, "rw-p", "[heap]", rss=200),
        m(anon, 1024, "rw-p", rss=1000),                              # shrinks where it is
        m(anon + 0x1000000, 256, "rw-p", rss=128),                    # is split by mprotect
        m(anon + 0x2000000, 512, "rw-p", rss=512),                    # moves, and grows
        m(anon + 0x3000000, 64, "rw-p", rss=64),                      # is locked
        m(anon + 0x4000000, 2048, "rw-p", rss=2048),                  # goes to swap
        m(anon + 0x5000000, 4096, "rw-p", rss=4096),                  # becomes huge
        m(anon + 0x6000000, 80, "r--s", "/srv/data (deleted)", 99, rss=80, flags="rd mr me ms"),    # gone
    ]
    after = program() + library(0x7f1000000000) + stack + [
        m(0x2000000, 800, "rw-p", "[heap]", rss=600),
        m(anon, 768, "rw-p", rss=768),
        m(anon + 0x1000000, 64, "rw-p", rss=64), m(anon + 0x1010000, 64, "r--p", rss=0), m(anon + 0x1020000, 128, "rw-p", rss=64),
        m(anon + 0x2800000, 1024, "rw-p", rss=1000),
        m(anon + 0x3000000, 64, "rw-p", rss=64, flags=ANON + " lo", locked=64),
        m(anon + 0x4000000, 2048, "rw-p", rss=48, swap=2000),
        m(anon + 0x5000000, 4096, "rw-p", rss=4096, thp=4096),
        m(anon + 0x7000000, 3000, "rw-s", "/dev/shm/new", 5, rss=1500, flags="rd wr sh mr mw me ms"),
    ]
    machine(dest + "/before", 0)
    process(dest + "/before", 500, before)
    machine(dest + "/after", 600)
    process(dest + "/after", 500, after)
    process(dest + "/after", 501, after[:-1], start=60000)
    machine(dest + "/restarted", 1200)
    process(dest + "/restarted", 500, program(0x55d000000000) + library(0x7f9000000000) + [
        m(0x7ffd00000000, 132, "rw-p", "[stack]", rss=44, flags=ANON + " gd"),
        m(0x55d010000000, 420, "rw-p", "[heap]", rss=220),
        m(0x7f8000000000, 1024, "rw-p", rss=900), m(0x7f8001000000, 333, "rw-p", rss=300)],
        start=99999, stack=0x7ffd00010000, code=0x55d000000000)


def series(dest, name, count, tooth, kept):
    for i in range(count):
        tree = f"{dest}/{name}{i:02}"
        machine(tree, 60 * i)
        rise, rises = tooth
        used = rise * (i % rises) if rises else rise * i
        held = kept * (i // rises) if rises else 0
        process(tree, 500, program() + library(0x7f1000000000) + [
            m(0x2000000, 512 + (0 if rises else used), "rw-p", "[heap]", rss=300 + (0 if rises else used)),
            m(0x7f0000000000, 65536, "rw-p", rss=4 + (used + held if rises else 0))])


def main():
    dest = sys.argv[1]
    moments(dest)
    series(dest, "leak", 20, (1024, 0), 0)
    series(dest, "saw", 45, (4096, 5), 0)
    series(dest, "sawleak", 45, (4096, 5), 512)


main()
