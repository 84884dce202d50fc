#!/usr/bin/env python3
"""Fixtures: captured /proc trees without traces of the machine they came from, and trees of machines that
no one had at hand.

  mkfixtures.py sanitize CAPTURE DEST    a tree that `vmmap --capture` wrote, with neutral names and numbers
  mkfixtures.py older TREE VERSION DEST  the same tree as an older kernel would have shown it (5.10, 6.1, 6.12)
  mkfixtures.py container TREE DEST      the same processes as a container shows them
  mkfixtures.py made DEST                hand-made trees: hostile, future, broken, locks (into DEST/NAME)

What each kernel shows: fs/proc/task_mmu.c and fs/proc/array.c of that version.
"""
import os
import re
import shutil
import struct
import sys

PIDS = [1001, 1002, 1003, 1004, 1005, 1006]


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape"))


def edit(path, function):
    if os.path.exists(path):
        write(path, function(read(path)))


def pids_of(tree):
    return sorted(int(d) for d in os.listdir(tree + "/proc") if d.isdigit())


# ---- sanitize ---------------------------------------------------------------------------------------

CPUINFO = (b"processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu vme de pse tsc msr pae mce cx8 apic sep "
           b"mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 syscall nx pdpe1gb lm nopl pni ssse3 cx16 "
           b"sse4_1 sse4_2 popcnt aes avx avx2 erms\n")


def renumber_stat(data, ids, new):
    head, tail = data[:data.rindex(b")")], data[data.rindex(b")"):].split(b" ")
    tail[2] = str(ids.get(int(tail[2]), 1)).encode()        # parent
    tail[3] = tail[4] = str(new).encode()                   # process group, session
    return str(new).encode() + head[head.index(b" "):] + b" ".join(tail)


def renumber_status(data, ids, new):
    lines = []
    for line in data.split(b"\n"):
        key = line.split(b":")[0]
        if key in (b"Tgid", b"Pid", b"NStgid", b"NSpid", b"NSpgid", b"NSsid"):
            line = key + b":\t%d" % new
        elif key == b"PPid":
            line = key + b":\t%d" % ids.get(int(line.split()[1]), 1)
        elif key in (b"SigQ", b"Mems_allowed", b"Cpus_allowed", b"Cpus_allowed_list"):
            continue
        lines.append(line)
    return b"\n".join(lines)


def sanitize(capture, dest):
    shutil.copytree(capture, dest, symlinks=True)
    old = [p for p in pids_of(dest) if p != 2]
    ids = dict(zip(old, PIDS))
    ids[2] = 2
    for p in pids_of(dest):
        d = "%s/proc/%d" % (dest, p)
        edit(d + "/stat", lambda b, p=p: renumber_stat(b, ids, ids[p]))
        edit(d + "/status", lambda b, p=p: renumber_status(b, ids, ids[p]))
        cgroup = b"0::/\n" if p == 2 else b"0::/user.slice/user-1000.slice/session-3.scope\n"
        edit(d + "/cgroup", lambda _, c=cgroup: c)
        task = d + "/task"
        for i, tid in enumerate(sorted(os.listdir(task), key=int) if os.path.isdir(task) else []):
            os.rename("%s/%s" % (task, tid), "%s/new%d" % (task, ids[p] + (100 + i if i else 0)))
        for tid in os.listdir(task) if os.path.isdir(task) else []:
            os.rename("%s/%s" % (task, tid), "%s/%s" % (task, tid[3:]))
        os.rename(d, "%s/proc/new%d" % (dest, ids[p]))
    for p in list(ids.values()):
        os.rename("%s/proc/new%d" % (dest, p), "%s/proc/%d" % (dest, p))
    version = os.path.basename(dest).split("-")[-1]
    write(dest + "/proc/sys/kernel/hostname", "fixture-%s\n" % version)
    write(dest + "/proc/sys/kernel/osrelease", "%s.0-fixture\n" % version)
    write(dest + "/proc/sys/kernel/arch", "x86_64\n")
    write(dest + "/proc/cpuinfo", CPUINFO)
    write(dest + "/captured", "2026-01-02T03:04:05Z\n")
    write(dest + "/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/:/bin/false\n")


# ---- older kernels ----------------------------------------------------------------------------------

# First version that prints the line in smaps or smaps_rollup.
LINES = {b"Pss_Dirty": (6, 0), b"KSM": (6, 7)}
# VmFlags that the kernel printed up to, or from, a version.
STATUS = {b"untag_mask": (6, 4), b"x86_Thread_features": (6, 6), b"x86_Thread_features_locked": (6, 6),
          b"Kthread": (6, 10), b"SpeculationIndirectBranch": (5, 17)}


def older_smaps(version):
    def convert(data):
        lines, executable = [], False
        for line in data.split(b"\n"):
            key = line.split(b":")[0]
            if key in LINES and version < LINES[key]:
                continue
            if re.match(rb"[0-9a-f]+-[0-9a-f]+ ", line):
                # An executable and its interpreter could not be written to (MAP_DENYWRITE, before 5.15).
                executable = b"/usr/bin/" in line or b"ld-linux" in line or b"/usr/local/bin/" in line
                line = line.replace(b"ld-linux-x86-64.so.2", b"ld-2.31.so") if version < (5, 15) else line
            if line.startswith(b"THPeligible:") and version < (6, 5):
                line = b"THPeligible:    " + line.split()[1]
            if line.startswith(b"VmFlags:") and version < (5, 15) and executable:
                line = line.rstrip().replace(b" me", b" me dw") + b" "
            lines.append(line)
        return b"\n".join(lines)
    return convert


def without_vclock(data):
    """[vvar_vclock] came with Linux 6.14: before, [vvar] was one mapping."""
    blocks = re.split(rb"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", data)
    out = []
    for b in blocks:
        if b"[vvar_vclock]" in b:
            end = re.match(rb"[0-9a-f]+-([0-9a-f]+) ", b).group(1)
            out[-1] = re.sub(rb"^([0-9a-f]+)-[0-9a-f]+", rb"\1-" + end, out[-1])
            out[-1] = re.sub(rb"(?m)^Size: .*$", b"Size:                 24 kB", out[-1])
            continue
        out.append(b)
    return b"".join(out)


def older_status(version):
    def convert(data):
        return b"\n".join(line for line in data.split(b"\n")
                          if version >= STATUS.get(line.split(b":")[0], (0, 0)))
    return convert


def older(tree, version_text, dest):
    version = tuple(int(n) for n in version_text.split("."))
    shutil.copytree(tree, dest, symlinks=True)
    for p in pids_of(dest):
        d = "%s/proc/%d" % (dest, p)
        for name in ("smaps", "smaps_rollup", "maps"):
            edit(d + "/" + name, older_smaps(version))
            edit(d + "/" + name, without_vclock)
        edit(d + "/status", older_status(version))
        ld = d + "/root/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
        if version < (5, 15) and os.path.exists(ld):
            os.rename(ld, os.path.dirname(ld) + "/ld-2.31.so")
    write(dest + "/proc/sys/kernel/hostname", "fixture-%s\n" % version_text)
    write(dest + "/proc/sys/kernel/osrelease", "%s.0-fixture\n" % version_text)
    if version < (6, 1):        # /proc/sys/kernel/arch came with 6.1
        os.unlink(dest + "/proc/sys/kernel/arch")


def container(tree, dest):
    """Overlay file systems, a control group of the container, no smaps (hidden by its runtime), no passwd."""
    shutil.copytree(tree, dest, symlinks=True)
    for p in (1001, 1003, 1004, 2):
        shutil.rmtree("%s/proc/%d" % (dest, p))
    os.rename(dest + "/proc/1002", dest + "/proc/1")
    d = dest + "/proc/1"
    edit(d + "/stat", lambda b: renumber_stat(b, {1003: 0, 1: 0}, 1).replace(b") S 1 ", b") S 0 "))
    edit(d + "/status", lambda b: renumber_status(b, {}, 1).replace(b"PPid:\t1", b"PPid:\t0").replace(
        b"Uid:\t0\t0\t0\t0", b"Uid:\t1000\t1000\t1000\t1000"))
    edit(d + "/maps", lambda b: re.sub(rb" fe:00 (\d+)", rb" 00:35 \1", b))
    write(d + "/cgroup", "0::/system.slice/docker-" + "0123456789abcdef" * 4 + ".scope\n")
    for name in ("smaps", "smaps_rollup"):
        os.unlink(d + "/" + name)
    write(dest + "/proc/sys/kernel/hostname", "0123456789ab\n")
    os.unlink(dest + "/etc/passwd")
    os.unlink(dest + "/captured")


# ---- hand-made --------------------------------------------------------------------------------------

def machine(dest, name, release, five_levels=False):
    write(dest + "/proc/sys/kernel/hostname", name + "\n")
    write(dest + "/proc/sys/kernel/osrelease", release + "\n")
    write(dest + "/proc/sys/kernel/arch", "x86_64\n")
    write(dest + "/proc/cpuinfo", CPUINFO.replace(b" erms\n", b" erms la57\n") if five_levels else CPUINFO)
    write(dest + "/proc/meminfo", "MemTotal:       16000000 kB\nMemFree:         8000000 kB\n"
          "MemAvailable:   12000000 kB\nBuffers:          100000 kB\nCached:          3000000 kB\n"
          "SwapTotal:       2000000 kB\nSwapFree:        1500000 kB\nAnonPages:       2000000 kB\n"
          "Shmem:            200000 kB\nSlab:             400000 kB\nPageTables:        30000 kB\n"
          "Committed_AS:    5000000 kB\nAnonHugePages:    500000 kB\nHugetlb:               0 kB\n")
    write(dest + "/proc/vmstat", "pswpin 10\npswpout 20\npgfault 3000\npgmajfault 40\n")
    write(dest + "/proc/pressure/memory", "some avg10=1.25 avg60=0.50 avg300=0.10 total=12345\n"
          "full avg10=0.25 avg60=0.10 avg300=0.00 total=2345\n")
    write(dest + "/captured", "2026-01-02T03:04:05Z\n")


KEYS = ["Size", "KernelPageSize", "MMUPageSize", "Rss", "Pss", "Pss_Dirty", "Shared_Clean", "Shared_Dirty",
        "Private_Clean", "Private_Dirty", "Referenced", "Anonymous", "KSM", "LazyFree", "AnonHugePages",
        "ShmemPmdMapped", "FilePmdMapped", "Shared_Hugetlb", "Private_Hugetlb", "Swap", "SwapPss", "Locked"]


def smap(start, end, perm, name, figures, flags, dev="fe:00", inode=0, offset=0, extra=""):
    """A mapping as smaps shows it; figures in kB by key, others 0."""
    figures = dict({"Size": (end - start) // 1024, "KernelPageSize": 4, "MMUPageSize": 4}, **figures)
    head = "%08x-%08x %s %08x %s %d " % (start, end, perm, offset, dev if inode else "00:00", inode)
    text = (head.ljust(73) + name if name else head) + "\n"
    for key in KEYS:
        text += "%-16s%8d kB\n" % (key + ":", figures.get(key, 0))
    return text + extra + "THPeligible:    %8d\nVmFlags: %s \n" % (0, flags)


def process(dest, pid, comm, mappings, cmdline=b"", cgroup="/", threads=1, rss_kib=0, state="S"):
    d = "%s/proc/%d" % (dest, pid)
    smaps = "".join(mappings)
    maps = "".join(line + "\n" for line in smaps.split("\n") if re.match("[0-9a-f]+-[0-9a-f]+ [-r]", line))
    sums = {}
    for key, kib in re.findall(r"(?m)^([A-Za-z_]+): +(\d+) kB$", smaps):
        sums[key] = sums.get(key, 0) + int(kib)
    write(d + "/smaps", smaps)
    write(d + "/maps", maps)
    rollup = [k for k in KEYS[3:]]
    write(d + "/smaps_rollup", "00400000-7fffffff000 ---p 00000000 00:00 0                          [rollup]\n" +
          "".join("%-16s%8d kB\n" % (k + ":", sums.get(k, 0)) for k in rollup))
    size = sums.get("Size", 0) - (4 if "[vsyscall]" in smaps else 0)
    rss = sums.get("Rss", 0)
    raw = comm.encode("utf-8", "surrogateescape")
    write(d + "/stat", b"%d (%s) %s 1 %d %d 0 -1 4194304 500 0 7 0 30 10 0 0 20 0 %d 0 12345 %d %d "
          b"18446744073709551615 4194304 4202496 140737488350000 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 6291456 6295552 "
          b"7340032 140737488350100 140737488350200 140737488350200 140737488350300 0\n"
          % (pid, raw, state.encode(), pid, pid, threads, size * 1024, rss // 4))
    name = raw.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
    write(d + "/status", b"Name:\t%s\nUmask:\t0022\nState:\t%s (sleeping)\nTgid:\t%d\nPid:\t%d\nPPid:\t1\n"
          b"Uid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\nVmPeak:\t%8d kB\nVmSize:\t%8d kB\n"
          b"VmLck:\t       0 kB\nVmPin:\t       0 kB\nVmHWM:\t%8d kB\nVmRSS:\t%8d kB\nRssAnon:\t%8d kB\n"
          b"RssFile:\t%8d kB\nRssShmem:\t       0 kB\nVmData:\t     100 kB\nVmStk:\t     132 kB\n"
          b"VmExe:\t       8 kB\nVmLib:\t       0 kB\nVmPTE:\t      40 kB\nVmSwap:\t%8d kB\n"
          b"HugetlbPages:\t       0 kB\nThreads:\t%d\n"
          % (name, state.encode(), pid, pid, size + 100, size, rss + 50, rss, sums.get("Anonymous", 0),
             rss - sums.get("Anonymous", 0), sums.get("Swap", 0), threads))
    write(d + "/statm", "%d %d %d 2 0 25 0\n" % (size // 4, rss // 4, (rss - sums.get("Anonymous", 0)) // 4))
    write(d + "/limits", "Limit                     Soft Limit           Hard Limit           Units     \n"
          "Max data size             unlimited            unlimited            bytes     \n"
          "Max stack size            8388608              unlimited            bytes     \n"
          "Max locked memory         8388608              8388608              bytes     \n"
          "Max address space         unlimited            unlimited            bytes     \n")
    write(d + "/auxv", struct.pack("<12Q", 33, 0x7ffff7fc1000, 6, 4096, 3, 0x400040, 7, 0, 9, 0x401000, 0, 0))
    write(d + "/cmdline", cmdline)
    write(d + "/cgroup", "0::%s\n" % cgroup)
    os.symlink("/srv/x", d + "/exe")


def hostile(dest):
    """Names that try to break tables, terminals, JSON and parsers."""
    machine(dest, "fixture-hostile", "6.12.0-fixture")
    anon = dict(Rss=8, Pss=8, Pss_Dirty=8, Private_Dirty=8, Referenced=8, Anonymous=8)
    clean = dict(Rss=4, Pss=2, Shared_Clean=4, Referenced=4)
    names = [
        "/srv/new\\012line", "/srv/tab\there", "/srv/quote\"and'apostrophe", "/srv/back\\slash\\134",
        "/srv/esc\x1b[31mred\x1b[0m", "/srv/csi\udcc2\udc9b2J", "/srv/not-utf-8\udcff\udcfe", "/srv/cut\udce2\udc82",
        "/srv/Gr\u00fc\u00dfe \u6f22\u5b57 \U0001f600", "/srv/combining e\u0301", "/srv/looks (deleted)",
        "/srv/is (deleted) (deleted)", "/srv/two  blanks ", "/srv/comma,semi;colon:", "/srv/{\"json\": null}",
        "/srv/<xml>&amp;", "/srv/$(reboot)`id`", "/srv/00400000-00401000 r-xp 00000000 00:00 0", "/srv/Rss: 99 kB",
        "/srv/\u202etxt.exe", "/srv/=HYPERLINK(1)", "/srv/\r\x08\x07bell", "/srv/\x7fdel",
        "/" + "/".join(["d" * 255] * 15) + "/" + "f" * 240,
    ]
    maps = [smap(0x400000, 0x402000, "r-xp", "/srv/x", clean, "rd ex mr mw me", inode=10)]
    at = 0x10000000
    for i, n in enumerate(names):
        maps.append(smap(at, at + 0x2000, "r--s", n, clean, "rd mr me ms", inode=100 + i))
        at += 0x10000
    maps.append(smap(0x7fff00000000, 0x7fff00021000, "rw-p", "[stack]", anon, "rd wr mr mw me gd ac"))
    process(dest, 100, "a) S 1 (b\nc", maps, b"/srv/x\0arg with blank\0new\nline\0\x1b[31m\0\xff\xfe\0\"q\"\0", "/a b/c\td")
    process(dest, 101, "(((", maps[:1] + maps[-1:], b"")
    process(dest, 102, "\udcff\udcfe\x1b[2J", maps[:1] + maps[-1:], b"\0\0\0")
    process(dest, 103, "", maps[:1] + maps[-1:], b"x" * 5000)


def future(dest):
    """A kernel that does not exist yet: keys and flags nobody knows, 57-bit addresses."""
    machine(dest, "fixture-future", "9.9.0-fixture", five_levels=True)
    figures = dict(Rss=64, Pss=64, Pss_Dirty=64, Private_Dirty=64, Referenced=64, Anonymous=64)
    extra = "AnonMTHP:             16 kB\nNovel_Figure:          5 kB\nNovelWord:           yes\n"
    maps = [
        smap(0x400000, 0x402000, "r-xp", "/srv/x", dict(Rss=8, Pss=8, Private_Clean=8), "rd ex mr mw me q1", inode=10,
             extra=extra),
        smap(0x700000, 0x721000, "rw-p", "[heap]", figures, "rd wr mr mw me ac zz gu", extra=extra),
        smap(0x7ffff7fc1000, 0x7ffff7fc3000, "r-xp", "[vdso]", dict(Rss=4), "rd ex mr mw me de"),
        smap(0x4000000000000, 0x4000000200000, "rw-p", "", figures, "rd wr mr mw me ac hg", extra=extra),
        smap(0x10000000000000, 0x10000000001000, "rw-p", "[anon:future arena]", dict(Rss=4, Pss=4, Private_Dirty=4),
             "rd wr sl"),
        smap(0xffffffffde0000, 0xfffffffffff000, "rw-p", "[stack]", figures, "rd wr mr mw me gd ac"),
        smap(0xffffffffff600000, 0xffffffffff601000, "--xp", "[vsyscall]", {}, "ex"),
    ]
    process(dest, 200, "tomorrow", maps, b"/srv/x\0", "/system.slice/tomorrow.service")


def broken(dest):
    """Files cut short, empty, missing, full of rubbish."""
    machine(dest, "fixture-broken", "6.1.0-fixture")
    anon = dict(Rss=8, Pss=8, Pss_Dirty=8, Private_Dirty=8, Referenced=8, Anonymous=8)
    maps = [smap(0x400000, 0x402000, "r-xp", "/srv/x", dict(Rss=8, Pss=8, Private_Clean=8), "rd ex", inode=10),
            smap(0x700000, 0x721000, "rw-p", "[heap]", anon, "rd wr ac"),
            smap(0x7fff00000000, 0x7fff00021000, "rw-p", "[stack]", anon, "rd wr gd")]
    for pid, comm in ((300, "cut-smaps"), (301, "no-smaps"), (302, "no-maps"), (303, "empty-files"), (304, "rubbish"),
                      (305, "cut-stat"), (306, "no-stat"), (307, "bad-order"), (308, "only-stat")):
        process(dest, pid, comm, maps, b"/srv/x\0")
    d = dest + "/proc/"
    edit(d + "300/smaps", lambda b: b[:len(b) * 2 // 3])
    for name in ("301/smaps", "301/smaps_rollup", "302/smaps", "302/maps", "302/smaps_rollup", "306/stat"):
        os.unlink(d + name)
    for name in ("smaps", "maps", "smaps_rollup", "statm", "limits", "auxv", "cmdline", "cgroup"):
        write(d + "303/" + name, b"")
        write(d + "304/" + name, bytes((i * 7 + 13) & 0xff for i in range(3000)))
        os.unlink(d + "308/" + name)
    os.unlink(d + "308/status")
    os.unlink(d + "308/exe")
    write(d + "304/status", b"Name:\trubbish\n\xff\xfe\0\0Uid:\n")
    edit(d + "305/stat", lambda b: b[:60])
    edit(d + "307/smaps", lambda b: b + maps[0].encode() + maps[1].replace("00700000-00721000", "00710000-00730000").encode())
    write(dest + "/proc/meminfo", b"MemTotal: lots\n")


def lock(dest, pid, locked=0, pinned=0, soft="8388608", hard="8388608", caps=0, user_ns="user:[4026531837]", uid_map=None,
         uid=1000):
    """What a process may lock; sizes in kB, limits as the kernel prints them."""
    d = "%s/proc/%d" % (dest, pid)
    edit(d + "/status", lambda b: b.replace(b"VmLck:\t       0", b"VmLck:\t%8d" % locked).replace(
        b"VmPin:\t       0", b"VmPin:\t%8d" % pinned).replace(b"Uid:\t1000\t1000\t1000\t1000", b"Uid:\t%d\t%d\t%d\t%d" % (
            (uid,) * 4)) + b"CapInh:\t0000000000000000\nCapPrm:\t%016x\nCapEff:\t%016x\n" % (caps, caps))
    edit(d + "/limits", lambda b: re.sub(rb"(?m)^Max locked memory .*$", b"Max locked memory         %-20s %-20s bytes     " % (
        soft.encode(), hard.encode()), b))
    if user_ns:
        os.makedirs(d + "/ns")
        os.symlink(user_ns, d + "/ns/user")
    if uid_map:
        write(d + "/uid_map", uid_map)


def locks(dest):
    """Processes on all sides of their limits, on a machine that allows 12 mappings each."""
    machine(dest, "fixture-locks", "6.12.0-fixture")
    edit(dest + "/proc/meminfo", lambda b: b + b"Unevictable:        3000 kB\nMlocked:            2500 kB\n")
    write(dest + "/proc/sys/vm/max_map_count", "12\n")
    write(dest + "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n")
    text = smap(0x400000, 0x402000, "r-xp", "/srv/x", dict(Rss=8, Pss=8, Private_Clean=8), "rd ex mr mw me", inode=10)
    stack = smap(0x7fff00000000, 0x7fff00021000, "rw-p", "[stack]", dict(Rss=8, Pss=8, Private_Dirty=8, Anonymous=8),
                 "rd wr mr mw me gd ac")

    def anon(at, kib, there, flags, perm="rw-p", name="", **more):
        locked = there if " lo" in flags else 0
        figures = dict(Rss=there, Pss=there, Private_Dirty=there, Anonymous=there, Locked=locked)
        return smap(at, at + kib * 1024, perm, name, figures, flags, **more)

    plain = "rd wr mr mw me ac"
    process(dest, 400, "store", [
        text, anon(0x10000000, 1024, 1024, "rd wr mr mw me lo ac"), anon(0x10100000, 64, 16, plain),
        anon(0x20000000, 512, 128, "rd wr mr mw me lo lf ac"), anon(0x30000000, 64, 0, "mr mw me", perm="---p"),
        anon(0x30010000, 64, 64, plain), anon(0x40000000, 2048, 0, "rd wr sh mr mw me ms de ht", perm="rw-s",
                                              name="/anon_hugepage (deleted)", inode=77, dev="00:0f"),
        smap(0x50000000, 0x50010000, "rw-s", "/srv/data", dict(Rss=32, Pss=32, Shared_Clean=32), "rd wr sh mr mw me ms",
             inode=11), stack], b"/srv/store\0--big\0", rss_kib=1500)
    lock(dest, 400, locked=1536)
    process(dest, 401, "wire", [text, anon(0x10000000, 16, 16, "rd wr mr mw me lo ac"), stack], b"/srv/wire\0")
    lock(dest, 401, locked=16 + 4096, pinned=640, soft="65536", hard="unlimited", caps=1 << 14, uid=0)
    process(dest, 402, "boxed", [text, anon(0x10000000, 64, 64, plain), stack], b"/srv/boxed\0")
    lock(dest, 402, caps=0x1ffffffffff, user_ns="user:[4026532180]", soft="65536", hard="65536", uid=100000)
    process(dest, 403, "forbidden", [text, stack], b"/srv/forbidden\0")
    lock(dest, 403, soft="0", hard="8388608", uid=1001)
    process(dest, 404, "crowded", [text, *(anon(0x10000000 + i * 0x40000, 64, 64, plain) for i in range(10)), stack],
            b"/srv/crowded\0")
    lock(dest, 404, uid=1001)
    process(dest, 405, "free", [text, stack], b"/srv/free\0")
    lock(dest, 405, soft="unlimited", hard="unlimited", user_ns=None, uid_map="         0          0 4294967295\n")
    process(dest, 406, "silent", [text, stack], b"/srv/silent\0")
    lock(dest, 406, caps=1 << 14, user_ns=None)
    process(dest, 407, "guest", [text, stack], b"/srv/guest\0")
    lock(dest, 407, caps=1 << 14, user_ns=None, uid_map="         0     100000      65536\n", soft="5000", hard="5000")
    process(dest, 408, "gone", [], b"", state="Z")


def main():
    args = sys.argv[1:]
    if len(args) == 3 and args[0] == "sanitize":
        sanitize(args[1], args[2])
    elif len(args) == 4 and args[0] == "older":
        older(args[1], args[2], args[3])
    elif len(args) == 3 and args[0] == "container":
        container(args[1], args[2])
    elif len(args) == 2 and args[0] == "made":
        for make in (hostile, future, broken, locks):
            make(args[1] + "/" + make.__name__)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
