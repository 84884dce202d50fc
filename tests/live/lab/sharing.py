"""vmshare against what vmlab's workloads state by construction, and against the kernel's own files.

Usage: sharing.py BIN_DIR

VM_SHARE_CHILDREN: how many are many (default 30).
"""

import array
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from truth import PAGE, Lab, Mismatch, Skip, children, expect, is_sanitized, swap_is_on

BIN = sys.argv[1]
DIR = tempfile.mkdtemp(prefix="vmshare-")
VMSHARE = os.path.join(BIN, "vmshare")
KINDS = ("file", "shmem", "anon", "ksm", "hugetlb")
TRIES = 40
MANY = os.environ.get("VM_SHARE_CHILDREN", "30")


def own_frame():
    """The frame of a page of this program, which nobody merges; 0: withheld."""
    with open("/proc/self/pagemap", "rb") as f:
        f.seek(id(DIR) // PAGE * 8)
        return int.from_bytes(f.read(8), "little") & (1 << 55) - 1


def frames_are_known():
    """Whether this user may see page frames and their map counts."""
    try:
        with open("/proc/kpagecount", "rb") as f:
            return len(f.read(8)) == 8 and own_frame() != 0
    except OSError:
        return False


FRAMES = frames_are_known()


def merged_are_hidden():
    """Linux 6.10 to 6.17 mark all anonymous pages as merged."""
    return bool(kpage("kpageflags", own_frame()) >> 21 & 1)


def vmshare(*args, status=0):
    p = subprocess.run([VMSHARE, "-J", *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    said = p.stderr.decode(errors="replace").strip()
    if p.returncode != status:
        raise Mismatch(f"vmshare {args}: exit status {p.returncode}: {said}")
    return json.loads(p.stdout) if p.stdout else {"said": said}


def until_right(check, *args):
    """The kernel moves pages when it likes: a look may fall into such a moment, not all of them."""
    for i in range(TRIES):
        try:
            return check(*args)
        except Mismatch:
            if i + 1 == TRIES:
                raise


# ---- What workloads state ----

def check_range(pids, start, end, facts):
    """The matrix of a range is what was stated, and nothing else."""
    doc = vmshare("--pairs", "--range", f"{start:x}-{end:x}", *pids)
    have = {(p["pid1"], p["pid2"]): p for p in doc["pairs"]}
    want = {tuple(sorted((f["pid"], f["with_pid"]))): f for f in facts}
    expect(f"{start:x}", "pairs", set(itertools.combinations(sorted(pids), 2)), set(want))
    for pair, f in want.items():
        row = have.pop(pair, None)
        holds = "anon" if HIDDEN and f["kind"] == "ksm" else f["kind"]
        for kind in KINDS:
            size = None if HIDDEN and kind == "ksm" and row else f["shared_bytes"] if kind == holds else 0
            expect(f"{start:x} {pair}", kind, size, row[f"{kind}_bytes"] if row else 0)
    expect(f"{start:x}", "pairs that share", {}, have)


def check_pairs(t):
    ranges = {}
    for f in t["pairs"]:
        ranges.setdefault((int(f["start"], 16), int(f["end"], 16)), []).append(f)
    for (start, end), facts in ranges.items():
        pids = {f["pid"] for f in facts} | {f["with_pid"] for f in facts}
        until_right(check_range, pids, start, end, facts)
    return len(t["pairs"])


# What no frame is needed for.
WITHOUT_FRAMES = {"pid", "parent_pid", "at_risk_bytes", "uss_bytes", "many_bytes"}


def check_family_once(t):
    start, end = t["family"][0]["start"], t["family"][0]["end"]
    for fact in t["family"]:
        doc = vmshare("--family", "--range", f"{start}-{end}", fact["pid"])
        have = {m["pid"]: m for m in doc["family"]}
        expect("family", "members", {f["pid"] for f in t["family"]}, set(have))
        for f in t["family"]:
            for key, want in f.items():
                if key in ("start", "end"):
                    continue
                known = FRAMES or key in WITHOUT_FRAMES
                expect(f'member {f["pid"]}', key, want if known else None, have[f["pid"]][key])
        # From whichever member it is looked at, it is the same.
        if FRAMES:
            expect("family", "anonymous frames", t["physical_bytes"], doc["family_sums"]["frames"]["anon_bytes"])


def check_region(t):
    """The mapping as one process has it: by counts, and as smaps says."""
    for f in t["family"]:
        doc = vmshare(f["pid"])
        m = next(m for m in doc["mappings"] if int(m["start"], 16) == int(f["start"], 16))
        for key in ("at_risk_bytes", "many_bytes"):
            expect(f'mapping of {f["pid"]}', key, f[key], m[key])
        expect(f'mapping of {f["pid"]}', "once_bytes", f["uss_bytes"], m["once_bytes"])
        expect(f'mapping of {f["pid"]}', "shared by smaps", f["many_bytes"], m["shared_clean_bytes"] + m["shared_dirty_bytes"])
        if FRAMES and not 0 <= m["counted_pss_bytes"] - m["pss_bytes"] < 1024:
            raise Mismatch(f'PSS counted {m["counted_pss_bytes"]}, the kernel has {m["pss_bytes"]}')
        if not FRAMES:
            expect("mapping", "counted_pss_bytes", None, m["counted_pss_bytes"])


def family(*words):
    n = 0
    with Lab(BIN, "fork-family", *words, "--dir", DIR, "--quiet") as lab:
        t = lab.line()
        while True:
            if FRAMES:
                n += check_pairs(t)
            until_right(check_family_once, t)
            until_right(check_region, t)
            n += sum(len(f) for f in t["family"])
            if not t["more_steps"]:
                return n
            t = lab.step()


def ksm():
    with Lab(BIN, "ksm", "--groups", "3", "--equal", "9", "--own", "5", "--processes", "3", "--quiet") as lab:
        t = lab.line()
        n = check_pairs(t)
        start = int(t["mappings"][0]["start"], 16)

        def check():
            doc = vmshare(t["pid"])
            m = next(m for m in doc["mappings"] if int(m["start"], 16) == start)
            expect("ksm", "bytes", None if HIDDEN else 3 * 9 * PAGE, m["ksm_bytes"])
            expect("ksm", "kinds", None if HIDDEN else 3 * 9 * PAGE, doc["process"]["kinds"]["ksm_bytes"])
            # A merged page is copied whoever else maps it.
            expect("ksm", "at risk", 3 * 9 * PAGE, m["at_risk_bytes"])
            expect("ksm", "counts", ["1:5", "17-32:27"], m["counts"])
        until_right(check)
        return n + 3


# ---- The kernel's own files ----

def frames_of(pid):
    """What a process maps, by raw pagemap: frame to how often; without what the kernel doesn't count as mapped: [vvar] before
    Linux 7, and the pages of zeros."""
    out = {}
    with open(f"/proc/{pid}/maps", "rb") as f:
        ranges = [(*(int(x, 16) for x in line.split()[0].split(b"-")), b"[vvar" in line) for line in f]
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as f:
        for start, end, may_be_hidden in ranges:
            if start >> 63:
                continue
            f.seek(start // PAGE * 8)
            for e in array.array("Q", f.read((end - start) // PAGE * 8)):
                if e >> 63:
                    pfn = e & (1 << 55) - 1
                    if may_be_hidden and not kpage("kpagecount", pfn):
                        continue
                    out[pfn] = out.get(pfn, 0) + 1
    return out


def kpage(name, pfn):
    with open(f"/proc/{name}", "rb", buffering=0) as f:
        f.seek(pfn * 8)
        return int.from_bytes(f.read(8), "little")


def is_zero(pfn):
    return kpage("kpageflags", pfn) >> 24 & 1


def check_raw_once(pids):
    """All pairs of whole processes against sets of frames that are made here."""
    before = {p: frames_of(p) for p in pids}
    doc = vmshare("--pairs", *pids)
    if {p: frames_of(p) for p in pids} != before:
        raise Mismatch("pages moved")
    have = {(p["pid1"], p["pid2"]): p["shared_bytes"] for p in doc["pairs"]}
    for a, b in itertools.combinations(sorted(pids), 2):
        both = [f for f in before[a].keys() & before[b].keys() if not is_zero(f)]
        expect("raw", (a, b), len(both) * PAGE, have.get((a, b), 0))


def check_pss_once(pids):
    """Sums over pages of size / map count are the kernel's PSS, but for its rounding to KiB.  vmshare asks the kernel itself:
    while it runs, it maps libraries as well."""
    if len(pids) == 1:
        row = vmshare(*pids)["process"]
        rows = [{"pid": row["pid"], "kernel_rss_bytes": row["rss_bytes"], "kernel_pss_bytes": row["pss_bytes"],
                 "rss_bytes": row["counted_rss_bytes"], "pss_bytes": row["counted_pss_bytes"]}]
    else:
        rows = vmshare("-o", "PID,RSS,PSS,KERNELRSS,KERNELPSS", *pids)["processes"]
        expect("group", "processes", sorted(pids), sorted(r["pid"] for r in rows))
    for row in rows:
        expect(row["pid"], "RSS", row["kernel_rss_bytes"], row["rss_bytes"])
        if not 0 <= row["pss_bytes"] - row["kernel_pss_bytes"] < 1024:
            raise Mismatch(f'{row["pid"]}: PSS {row["pss_bytes"]}, the kernel has {row["kernel_pss_bytes"]}')


def kernel(*words):
    if is_sanitized(os.path.join(BIN, "vmlab")):
        raise Skip("AddressSanitizer maps terabytes, of which raw pagemap would be read page by page")
    with Lab(BIN, *words, "--dir", DIR, "--quiet") as lab:
        t = lab.line()
        while t["more_steps"] and words[0] in ("cow", "fork-family") and t["step"] < 1:
            t = lab.step()
        pids = [t["pid"], *children(t["pid"])]
        if len(pids) > 1:
            until_right(check_raw_once, pids)
        until_right(check_pss_once, pids)
        return len(pids)


TWICE = """
import mmap, os, sys, time
f = os.memfd_create("twice"); os.ftruncate(f, 64 * 4096)
maps = [mmap.mmap(f, 64 * 4096) for _ in range(int(sys.argv[1]))]
for m in maps:
    for i in range(64): m[i * 4096] = 1
print(os.getpid(), flush=True); time.sleep(600)
"""


def mapped_often(times):
    """A frame that one process maps several times counts each time in RSS and PSS, and once among frames."""
    with subprocess.Popen([sys.executable, "-c", TWICE, str(times)], stdout=subprocess.PIPE) as p:
        try:
            pid = int(p.stdout.readline())

            def check():
                doc = vmshare("-a", "-o", "PID,RSS,FRAMES")
                row = next(r for r in doc["processes"] if r["pid"] == pid)
                expect(pid, "RSS beyond frames", (times - 1) * 64 * PAGE, row["rss_bytes"] - row["frames_bytes"])
                doc = vmshare(pid)
                maps = [m for m in doc["mappings"] if "memfd:twice" in m["name"]]
                expect(pid, "mappings", times, len(maps))
                for m in maps:
                    expect(pid, "most mapped", times, m["most_mapped"])
                    # Of these mappings only: libraries are mapped by others, who come and go.
                    for pss in (m["counted_pss_bytes"], m["pss_bytes"]):
                        expect(pid, "PSS to the KiB", 64 * PAGE // times // 1024, pss // 1024)
            until_right(check)
        finally:
            p.kill()
    return 2 + 3 * times


def lookup():
    """--pfn finds each process that has a frame, as often as the kernel counts."""
    with Lab(BIN, "fork-family", "--size", "64K", "--children", "3", "--dir", DIR, "--quiet") as lab:
        t = lab.line()
        f = t["family"][0]

        def check():
            run = vmshare("--runs", "--range", f'{f["start"]}-{f["end"]}', t["pid"])["runs"][0]
            expect("run", "map count", 4, run["map_count"])
            doc = vmshare("--pfn", run["pfn"])
            expect("frame", "processes", {m["pid"] for m in t["family"]}, {m["pid"] for m in doc["mappings"]})
            for m in doc["mappings"]:
                expect("frame", "address", int(run["start"], 16), int(m["address"], 16))
        until_right(check)
    return 2


def check_who_once(pid, starts):
    """Of each mapping of a process: who has how much of it, and the same in short."""
    rows = vmshare("--who", pid)["sharers"]
    mappings = {m["start"]: m for m in vmshare("-o", "START,SHARERS,WITH", pid)["mappings"]}
    for start, sharers in starts.items():
        have = [r for r in rows if r["start"] == start]
        expect(f"{start} of {pid}", "sharers", sharers, {r["pid"]: r["shared_bytes"] for r in have})
        expect(f"{start} of {pid}", "no more than is shared", True, all(r["shared_bytes"] <= r["many_bytes"] for r in have))
        expect(f"{start} of {pid}", "WITH", set(map(str, sharers)), set(mappings[start]["shared_with"]))
        expect(f"{start} of {pid}", "SHARERS", len(sharers), mappings[start]["sharers"])


def who():
    """--who tells of each mapping what the pairs of the construction say, of the family and of nobody else."""
    with Lab(BIN, "fork-family", "--size", "1M", "--children", "3", "--write", "50%", "--dir", DIR, "--quiet") as lab:
        t = lab.line()
        n = 0
        while True:
            want = {}
            for f in t["pairs"]:
                for pid, other in ((f["pid"], f["with_pid"]), (f["with_pid"], f["pid"])):
                    if f["shared_bytes"]:
                        want.setdefault(pid, {}).setdefault(f["start"], {})[other] = f["shared_bytes"]
            for pid, starts in want.items():
                until_right(check_who_once, pid, starts)
                n += sum(len(sharers) for sharers in starts.values())
            if not t["more_steps"]:
                return n
            t = lab.step()


def watch():
    """What a step breaks is what the rates say: bytes a second times seconds."""
    with Lab(BIN, "fork-family", "--size", "4M", "--children", "2", "--write", "50%", "--dir", DIR, "--quiet") as lab:
        t = lab.line()
        f = t["family"][0]
        with subprocess.Popen([VMSHARE, "--watch", "-J", "--range", f'{f["start"]}-{f["end"]}', str(t["pid"]), "0.2"],
                              stdout=subprocess.PIPE) as p:
            try:
                first = json.loads(p.stdout.readline())
                t = lab.step()
                want = {m["pid"]: m["broken_bytes"] for m in t["family"] if "broken_bytes" in m}
                broke, last = {pid: 0 for pid in want}, first
                for _ in range(200):
                    doc = json.loads(p.stdout.readline())
                    seconds = (doc["since_ns"] - last["since_ns"]) / 1e9
                    for m in doc["family"]:
                        if m["pid"] in broke:
                            broke[m["pid"]] += m["breaking_bytes_per_second"] * seconds
                            now = m["broken_bytes"]
                            # Nothing is predicted of what doesn't break: a look may come before the step.
                            if FRAMES and m["breaking_bytes_per_second"]:
                                expect(m["pid"], "predicted at least", True, m["predicted_peak_bytes"] >= now)
                    last = doc
                    if all(abs(broke[pid] - want[pid]) <= 1 for pid in want):
                        break
                else:
                    raise Mismatch(f"broke {broke}, should be {want}")
            finally:
                p.terminate()
                # While it writes, the pipe must stay.
                p.stdout.read()
        expect("watch", "exit status", 0, p.returncode)
        return len(want)


def refused():
    """Without the right to frames there is no matrix, and it is said why."""
    with Lab(BIN, "fork-family", "--size", "64K", "--children", "1", "--dir", DIR, "--quiet") as lab:
        t = lab.line()
        pids = [m["pid"] for m in t["family"]]
        doc = vmshare(*pids)
        expect("matrix", "pairs", None, doc["pairs"])
        expect("matrix", "group", None, doc["group"])
        expect("matrix", "reason", True, "CAP_SYS_ADMIN" in doc["no_pairs_because"] and "frames" in doc["unmet"])
        for row in doc["processes"]:
            for key in ("rss_bytes", "pss_bytes", "uss_bytes"):
                expect("process", key, True, row[key] > 0)
            expect("process", "shared_bytes", None, row["shared_bytes"])
        vmshare("--pairs", *pids, status=4)
        vmshare("--pfn", "1", status=4)
        vmshare("--who", pids[0], status=4)
    return 6


HIDDEN = FRAMES and merged_are_hidden()
TESTS = [
    ("family", lambda: family("--size", "1M"), False),
    ("family, large shares", lambda: family("--size", "600K", "--children", "3", "--write", "70%", "--parent", "100%"), False),
    ("family, all written", lambda: family("--size", "300K", "--children", "6", "--write", "100%", "--parent", "50%"), False),
    ("family, one child", lambda: family("--size", "300K", "--children", "1", "--write", "10%", "--parent", "0", "--shm", "64K"), False),
    ("family, many children", lambda: family("--size", "256K", "--children", MANY, "--shm", "16K", "--file", "16K"), False),
    ("ksm", ksm, True),
    ("frames and PSS, family", lambda: kernel("fork-family", "--size", "2M"), True),
    ("frames and PSS, shm", lambda: kernel("shm", "--size", "1M", "--sharers", "3"), True),
    ("frames and PSS, thp", lambda: kernel("thp", "--count", "2"), True),
    ("frames and PSS, hugetlb", lambda: kernel("hugetlb", "--count", "2", "--share", "shared"), True),
    ("frames and PSS, file", lambda: kernel("file-private", "--size", "1M", "--write", "1/2"), True),
    ("frames and PSS, zero pages", lambda: kernel("zero-page", "--size", "512K", "--write", "25%"), True),
    ("mapped twice", lambda: mapped_often(2), True),
    ("mapped seven times", lambda: mapped_often(7), True),
    ("lookup", lookup, True),
    ("who", who, True),
    ("watch", watch, False),
]


def main():
    failed = skipped = 0
    tests = [t for t in TESTS if FRAMES or not t[2]] + ([] if FRAMES else [("refused", refused, False)])
    for name, test, _ in tests:
        try:
            print(f"ok    {name}: {test()} facts")
        except Skip as e:
            skipped += 1
            print(f"skip  {name}: {e}")
        except (Mismatch, subprocess.TimeoutExpired, OSError, ValueError, KeyError, TypeError, StopIteration) as e:
            failed += 1
            print(f"FAIL  {name}: {type(e).__name__}: {e}")
        sys.stdout.flush()
    os.rmdir(DIR)
    if swap_is_on():
        print("note: swap is on, pages may be missing")
    return 1 if failed else 77 if skipped == len(tests) else 0


sys.exit(main())
