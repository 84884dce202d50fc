#!/usr/bin/env python3
"""A captured tree of a machine that no one had at hand: two memory nodes, the second without CPUs, slower and with less
weight; processes under every memory policy, one of them with a hostile name, one that may not be looked at.

Usage: mknuma.py DEST

What the kernel writes: show_numa_map() in fs/proc/task_mmu.c, node_read_meminfo() in drivers/base/node.c.
"""

import os
import sys

PAGE = 4096
MEMINFO = ["MemTotal", "MemFree", "MemUsed", "SwapCached", "Active", "Inactive", "Unevictable", "Dirty", "FilePages", "Mapped",
           "AnonPages", "Shmem", "PageTables", "Slab", "AnonHugePages"]
NODES = [  # kB in the order of MEMINFO; numastat; vmstat of tiers
    ([524288, 131072, 393216, 0, 200000, 100000, 64, 128, 120000, 40000, 180000, 2048, 1024, 30000, 4096],
     [90000, 512, 100, 640, 90000, 512], [7, 3, 2]),
    ([1048576, 1000000, 48576, 0, 20000, 10000, 0, 0, 12000, 4000, 18000, 0, 256, 3000, 0],
     [1000, 100, 512, 630, 0, 1100], [0, 0, 0]),
]
COUNTERS = ["numa_hit", "numa_miss", "numa_foreign", "interleave_hit", "local_node", "other_node"]

# Mappings of 501: start, pages, permissions, inode, name, and the rest of the line of numa_maps.
POLICIES = [
    (0x5500_0000_0000, 10, "r-xp", 11, "/usr/bin/server", "default file=/usr/bin/server mapped=10 N0=6 N1=4"),
    (0x5500_0010_0000, 512, "rw-p", 0, "[heap]", "default heap anon=512 dirty=512 N0=512"),
    (0x7000_0000_0000, 2048, "rw-p", 0, "", "bind:0 anon=2048 dirty=2048 active=100 N1=2048"),
    (0x7000_0100_0000, 1024, "rw-p", 0, "", "interleave:0-1 anon=1024 dirty=1024 N0=512 N1=512"),
    (0x7000_0200_0000, 2048, "rw-p", 0, "", "weighted interleave:0-1 anon=2048 dirty=2048 N0=1536 N1=512"),
    (0x7000_0300_0000, 100, "rw-p", 0, "", "prefer:1 anon=100 dirty=100 swapcache=3 N1=100"),
    (0x7000_0400_0000, 10, "rw-p", 0, "", "prefer (many):0-1 anon=10 dirty=10 N0=10"),
    (0x7000_0500_0000, 256, "rw-p", 0, "", "local anon=256 dirty=256 N0=256"),
    (0x7000_0600_0000, 8, "rw-p", 0, "", "bind=static|balancing:0-1 anon=5 dirty=5 N0=5"),
    (0x7000_0700_0000, 8, "---p", 0, "", "interleave=relative:0-1"),
    (0x7000_0800_0000, 1024, "rw-p", 77, "/anon_hugepage (deleted)",
     "interleave:0-1 file=/anon_hugepage\\040(deleted) huge anon=2 dirty=2 N0=1 N1=1"),
    (0x7000_0900_0000, 64, "rw-s", 12, "/dev/shm/segment", "default file=/dev/shm/segment dirty=64 mapmax=3 active=0 N0=64"),
    (0x7fff_0000_0000, 33, "rw-p", 0, "[stack]", "default stack anon=3 dirty=3 N0=3"),
]
SPREAD = [
    (0x400000, 4, "r-xp", 21, "/opt/we ird\\012x=y/prog", "default file=/opt/we\\040ird\\012x\\075y/prog mapped=4 mapmax=9 N1=4"),
    (0x600000, 300, "rw-p", 0, "[heap]", "default heap anon=300 dirty=300 N0=200 N1=100"),
    (0x7fff_0000_0000, 33, "rw-p", 0, "[stack]", "default stack anon=2 dirty=2 N0=2"),
]


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def stat(pid, comm, threads, cpu, ticks, state="S", flags=4194304):
    numbers = [1, pid, pid, 0, -1, flags, 100, 0, 0, 0, ticks, 0, 0, 0, 20, 0, threads, 0, 1000 + pid, 9000000, 900,
               2 ** 64 - 1, 0x400000, 0x500000, 0x7fff00020000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 17, cpu, 0, 0, 0, 0, 0,
               0x600000, 0x601000, 0x700000, 0x7fff00020100, 0x7fff00020110, 0x7fff00020110, 0x7fff00020ff0, 0]
    return f"{pid} ({comm}) {state} " + " ".join(map(str, numbers)) + "\n"


def status(pid, comm, threads, cpus):
    return (f"Name:\t{comm}\nState:\tS (sleeping)\nTgid:\t{pid}\nPid:\t{pid}\nPPid:\t1\nUid:\t1000\t1000\t1000\t1000\n"
            f"VmPeak:\t    9000 kB\nVmSize:\t    9000 kB\nVmRSS:\t    3600 kB\nRssAnon:\t    3000 kB\nRssFile:\t     600 kB\n"
            f"RssShmem:\t       0 kB\nVmSwap:\t       0 kB\nHugetlbPages:\t       0 kB\nThreads:\t{threads}\n"
            f"Cpus_allowed_list:\t{cpus}\nMems_allowed_list:\t0-1\n")


def process(root, pid, comm, cmdline, mappings, threads, cpus):
    """`threads`: the CPU that each ran on last, and the clock ticks that it used."""
    at = f"{root}/proc/{pid}"
    write(f"{at}/stat", stat(pid, comm, len(threads), threads[0][0], sum(t for _, t in threads)))
    write(f"{at}/status", status(pid, comm, len(threads), cpus))
    write(f"{at}/cmdline", cmdline.replace(" ", "\0") + "\0")
    for i, (cpu, ticks) in enumerate(threads):
        write(f"{at}/task/{pid + 1000 * i}/stat", stat(pid + 1000 * i, comm, len(threads), cpu, ticks))
        write(f"{at}/task/{pid + 1000 * i}/status", status(pid + 1000 * i, comm, len(threads), cpus))
    write(f"{at}/maps", "".join(
        f"{start:012x}-{start + n * PAGE:012x} {perm} 00000000 00:{'01' if inode else '00'} {inode:<26} {name}".rstrip(" ")
        + "\n" for start, n, perm, inode, name, _ in mappings))
    if all(m[5] for m in mappings):
        write(f"{at}/numa_maps", "".join(
            f"{start:012x} {line}" + (f" kernelpagesize_kB={2048 if ' huge ' in line else 4}" if " N" in line else "") + "\n"
            for start, _, _, _, _, line in mappings))


def node(root, n):
    kb, counters, tiers = NODES[n]
    at = f"{root}/sys/devices/system/node/node{n}"
    write(f"{at}/meminfo", "".join(f"Node {n} {key + ':':<15} {v:8} kB\n" for key, v in zip(MEMINFO, kb))
          + "".join(f"Node {n} {key}:     {2 * (1 - n)}\n" for key in ("HugePages_Total", "HugePages_Free")))
    write(f"{at}/numastat", "".join(f"{key} {v}\n" for key, v in zip(COUNTERS, counters)))
    write(f"{at}/vmstat", "nr_free_pages 5\npgpromote_success {}\npgdemote_kswapd {}\npgdemote_direct {}\n".format(*tiers))
    write(f"{at}/distance", "10 21\n" if n == 0 else "21 10\n")
    write(f"{at}/cpulist", "0-3\n" if n == 0 else "\n")


def machine(root):
    write(f"{root}/captured", "2026-11-20T12:00:00Z\n")
    write(f"{root}/proc/sys/kernel/hostname", "twonodes\n")
    write(f"{root}/proc/sys/kernel/osrelease", "6.12.0\n")
    write(f"{root}/proc/sys/kernel/arch", "x86_64\n")
    write(f"{root}/proc/sys/kernel/numa_balancing", "3\n")
    write(f"{root}/proc/sys/vm/zone_reclaim_mode", "0\n")
    write(f"{root}/proc/meminfo", "MemTotal:        1572864 kB\nMemFree:         1131072 kB\nHugepagesize:       2048 kB\n")
    write(f"{root}/proc/vmstat", "pgfault 1\nnuma_pte_updates 12000\nnuma_huge_pte_updates 3\nnuma_hint_faults 4000\n"
          "numa_hint_faults_local 3000\nnuma_pages_migrated 700\npgmigrate_success 900\npgmigrate_fail 11\n")
    node(root, 0)
    node(root, 1)
    base = f"{root}/sys/devices/system/node"
    write(f"{base}/online", "0-1\n")
    write(f"{base}/has_memory", "0-1\n")
    write(f"{base}/node1/access0/initiators/read_bandwidth", "20000\n")
    write(f"{base}/node1/access0/initiators/read_latency", "250\n")
    for n, tier, weight in ((0, 4, 3), (1, 22, 1)):
        write(f"{root}/sys/devices/virtual/memory_tiering/memory_tier{tier}/nodelist", f"{n}\n")
        write(f"{root}/sys/kernel/mm/mempolicy/weighted_interleave/node{n}", f"{weight}\n")
    write(f"{root}/sys/kernel/mm/numa/demotion_enabled", "true\n")


def main():
    root = sys.argv[1]
    machine(root)
    process(root, 501, "server", "/usr/bin/server --nodes all", POLICIES, [(0, 300), (3, 100)], "0-3")
    process(root, 502, "e) \\ vil", "prog", SPREAD, [(2, 5)], "2")
    process(root, 503, "secret", "/usr/bin/secret", [(*m[:5], "") for m in SPREAD], [(1, 1)], "0-3")
    write(f"{root}/proc/2/stat", stat(2, "kthreadd", 1, 0, 0, flags=2129984))
    write(f"{root}/proc/2/cmdline", "")
    write(f"{root}/proc/2/status", "Name:\tkthreadd\nState:\tS (sleeping)\nUid:\t0\t0\t0\t0\nThreads:\t1\n")


if __name__ == "__main__":
    main()
