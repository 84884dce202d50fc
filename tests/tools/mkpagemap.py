#!/usr/bin/env python3
"""A captured tree with pagemap, kpageflags, kpagecount and kpagecgroup, from a description.

Usage: mkpagemap.py DESCRIPTION DEST

Lines of the description ('#' begins a comment; numbers of pages and frames and addresses are hexadecimal):

    kernel 6.18.0
    process 42 demo ppid=1 forked place=400000     what follows, up to the next one, is of it; no exec since its fork;
                                                    where its code begins
    map 10000000-10010000 rw-p 00000000 00:00 0 [heap]     a line of maps
    page 10000000 4 present exclusive pfn=1000             pages from an address on: frames follow each other
    page 10004000 2 swap type=1 slot=40                    swap slots do, too
    frame 1000 4 cgroup=7 count=2 lru anon                 flags of frames from a frame on, who pays, how often mapped

The files are sparse: a page anywhere in the address space costs a block.
"""
import os
import struct
import sys

PAGE = {"present": 63, "swap": 62, "file": 61, "guard": 58, "uffd-wp": 57, "exclusive": 56, "soft-dirty": 55}
FRAME = {"locked": 0, "referenced": 2, "uptodate": 3, "dirty": 4, "lru": 5, "active": 6, "mmap": 11, "anon": 12,
         "swapbacked": 14, "head": 15, "tail": 16, "huge": 17, "ksm": 21, "thp": 22, "zero": 24}


def put(f, index, values):
    f.seek(index * 8)
    f.write(struct.pack(f"<{len(values)}Q", *values))


def words(rest, bits):
    """Bits, and what stands behind an '='."""
    flags, values = 0, {}
    for word in rest:
        name, sep, value = word.partition("=")
        if sep:
            values[name] = int(value, 16)
        else:
            flags |= 1 << bits[name]
    return flags, values


class Process:
    """The files of one process."""

    def __init__(self, proc, pid, comm, *facts):
        self.pid, self.comm = pid, comm
        self.place = next((int(f.removeprefix("place="), 16) for f in facts if f.startswith("place=")), 0)
        self.flags = 0x40 if "forked" in facts else 0
        self.ppid = next((int(f.removeprefix("ppid=")) for f in facts if f.startswith("ppid=")), 0)
        self.of_pid = os.path.join(proc, pid)
        os.makedirs(self.of_pid)
        self.maps = open(os.path.join(self.of_pid, "maps"), "w", encoding="utf-8")
        self.pagemap = open(os.path.join(self.of_pid, "pagemap"), "wb")
        self.size = self.present = 0

    def map(self, *rest):
        fields, name = " ".join(rest[:5]), " ".join(rest[5:])
        self.maps.write(f"{fields:<73}{name}\n" if name else fields + " \n")
        start, end = (int(x, 16) for x in rest[0].split("-"))
        self.size += end - start

    def page(self, address, n, *rest):
        first, n = int(address, 16) // 4096, int(n, 16)
        flags, v = words(rest, PAGE)
        value = v.get("pfn", 0)
        step = 1 if value else 0
        if "slot" in v or "type" in v:
            value, step = v.get("slot", 0) << 5 | v.get("type", 0), 1 << 5
        put(self.pagemap, first, [flags | (value + i * step) for i in range(n)])
        self.present += n if "present" in rest else 0

    def close(self):
        self.maps.close()
        self.pagemap.close()
        stat = [self.pid, f"({self.comm})", "S"] + ["0"] * 49
        stat[3], stat[8], stat[22], stat[23] = str(self.ppid), str(self.flags), str(self.size), str(self.present)
        if self.place:
            stat[25], stat[26], stat[27] = str(self.place), str(self.place + 4096), str(0x7ffe00000000 + self.place)
        with open(os.path.join(self.of_pid, "stat"), "w", encoding="utf-8") as f:
            f.write(" ".join(stat) + "\n")


def main():
    source, dest = sys.argv[1:]
    lines = [line.split("#")[0].split() for line in open(source, encoding="utf-8")]
    lines = [line for line in lines if line]
    proc = os.path.join(dest, "proc")
    os.makedirs(os.path.join(proc, "sys/kernel"))
    kernel = next((w[1] for w in lines if w[0] == "kernel"), "6.18.0")
    with open(os.path.join(proc, "sys/kernel/osrelease"), "w", encoding="utf-8") as f:
        f.write(kernel + "\n")
    process, counts = None, False
    with open(os.path.join(proc, "kpageflags"), "wb") as kpageflags, \
            open(os.path.join(proc, "kpagecount"), "wb") as kpagecount, \
            open(os.path.join(proc, "kpagecgroup"), "wb") as kpagecgroup:
        for kind, *rest in lines:
            if kind == "process":
                if process:
                    process.close()
                process = Process(proc, *rest)
            elif kind == "map":
                process.map(*rest)
            elif kind == "page":
                process.page(*rest)
            elif kind == "frame":
                first, n = int(rest[0], 16), int(rest[1], 16)
                flags, v = words(rest[2:], FRAME)
                put(kpageflags, first, [flags] * n)
                counts |= "count" in v
                put(kpagecount, first, [v.get("count", 0)] * n)
                put(kpagecgroup, first, [v.get("cgroup", 0)] * n)
    process.close()
    if not counts:
        os.remove(os.path.join(proc, "kpagecount"))


main()
