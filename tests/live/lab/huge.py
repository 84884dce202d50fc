"""What vmhuge shows of workloads' memory, against what they state, and against pagemap and kpageflags read by hand.

Usage: huge.py BIN_DIR SCRATCH_DIR
"""

import collections
import json
import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from target import THP, Obey, Settings
from truth import PAGE, Lab, Mismatch, Skip, expect, smaps, some

BIN, DIR = sys.argv[1], sys.argv[2]
VMHUGE = os.path.join(BIN, "vmhuge")
HUGE = 2 << 20

WORKLOADS = [
    "thp",
    "thp --count 9",
    "mthp",
    "mthp --page 16K --count 100",
    "mthp --page 1M --count 2",
    "hugetlb --count 3 --touch 2/3",
    "hugetlb --count 2 --touch 50% --share shared",
    "hugetlb --page 1G --count 1 --touch 100%",
    "huge-holes",
    "huge-holes --ranges 3 --touch 7 --where spread --advice nohuge",
    "fragment --size 6M --every 3",
    "shm --size 5M --touch 50%",
    "many-mappings --count 500",
    "ksm --groups 2 --equal 20 --own 5",
    "file-shared --size 3M",
    "swap --size 3M",
]
WAYS = ["auto", "page-tables", "pagemap", "pagemap-scan"]


def vmhuge(pid, *args):
    """The document of one process, or None and what was said."""
    p = subprocess.run([VMHUGE, "-J", *args, str(pid)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    said = p.stderr.decode(errors="replace").strip()
    if p.returncode in (1, 4):
        return None, said
    if p.returncode:
        raise Mismatch(f"vmhuge {' '.join(args)}: exit status {p.returncode}: {said}")
    return json.loads(p.stdout)["processes"][0], said


# ---- What is stated ----

def inside(rows, fact):
    start, end = int(fact["start"], 16), int(fact["end"], 16)
    return [r for r in rows if start <= int(r["start"], 16) < end]


def check_fact(via, fact, p):
    """Figures of mappings; what this way of reading can't tell is unknown, not zero."""
    label, rows = f"{via}: {fact['label']}", inside(p["mappings"], fact)
    n = 0
    for key in ("resident_bytes", "huge_bytes"):
        if key != "huge_bytes" or p["entries_known"]:
            expect(label, key, fact[key], sum(r[key] for r in rows))
            n += 1
    # The kernel may have split a huge page of which a part isn't mapped: then its parts are base pages.
    whole = fact["aligned_bytes"] + fact["unaligned_bytes"]
    for key, want in (("large_bytes", whole), ("partly_bytes", fact["partly_bytes"])):
        have = [r[key] for r in rows]
        if not p["sizes_known"]:
            expect(label, key, [None] * len(rows), have)
        elif key == "partly_bytes" and sum(have) > want or key == "large_bytes" and sum(have) != want:
            raise Mismatch(f"{label}: {key} is {sum(have)}, should be {want}")
        n += 1
    return n


def check_ranges(via, fact, pid):
    """Ranges one by one."""
    if "ranges" not in fact:
        return 0
    p, _ = vmhuge(pid, "--ranges", "--via", via)
    rows = inside(p["ranges"], fact)
    expect(f"{via}: {fact['label']}", "ranges", fact["ranges"], len(rows))
    for r in rows:
        expect(f"{via}: {fact['label']} at {r['start']}", "present_pages", fact["present_pages"], r["present_pages"])
    return len(rows)


# ---- By hand ----

def read_words(f, index, n):
    f.seek(index * 8)
    data = f.read(n * 8)
    return struct.unpack(f"<{len(data) // 8}Q", data)


class Frames:
    """kpageflags, as they are now: what was read is kept for one look at a process."""
    HEAD, TAIL, THP, ZERO = 1 << 15, 1 << 16, 1 << 22, 1 << 24

    def __init__(self):
        self.f = open("/proc/kpageflags", "rb", buffering=0)
        self.known = {}

    def large(self, pfn):
        """0, HEAD or TAIL of a folio that can be huge."""
        block = pfn // 512 * 512
        if block not in self.known:
            self.known[block] = read_words(self.f, block, 512)
        at = self.known[block]
        flags = at[pfn - block] if pfn - block < len(at) else 0
        return flags & (self.HEAD | self.TAIL) if flags & self.THP and not flags & self.ZERO else 0


def by_hand(pid, frames):
    """Bytes by (how, size) of all that base pages map, from raw pagemap and kpageflags; huge pages by smaps."""
    out = collections.Counter()
    frames.known.clear()
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as f:
        for m in smaps(pid):
            if m["start"] >> 63 or m["end"] - m["start"] > 1 << 30 or "/anon_hugepage" in m["name"]:
                continue
            entries = read_words(f, m["start"] // PAGE, (m["end"] - m["start"]) // PAGE)
            huge = m.get("thp_bytes", 0) + m.get("shmem_thp_bytes", 0)
            out.update(mapping_by_hand(m["start"] // PAGE, entries, frames))
            out["aligned", HUGE] -= huge
            out["entry", HUGE] += huge
    return {k: v for k, v in out.items() if v}


def mapping_by_hand(first, entries, frames):
    out = collections.Counter()
    pfn = [e & (1 << 55) - 1 if e >> 63 else None for e in entries] + [None]
    i = 0
    while i < len(entries):
        if pfn[i] is None or not frames.large(pfn[i]):
            i += 1
            continue
        j = i + 1
        while pfn[j] is not None and pfn[j] == pfn[j - 1] + 1 and frames.large(pfn[j]) & Frames.TAIL:
            j += 1
        n = j - i
        whole = frames.large(pfn[i]) & Frames.HEAD and not frames.large(pfn[j - 1] + 1) & Frames.TAIL
        how = "partly" if not whole else "unaligned" if (first + i) % n else "aligned"
        out[how, 0 if how == "partly" else n * PAGE] += n * PAGE
        i = j
    return out


def check_by_hand(via, pid, p, frames):
    """The same of vmhuge, but for base pages; files on which others work may move meanwhile."""
    have = collections.Counter()
    for s in p["sizes"]:
        if s["how"] != "small" and (s["how"] != "entry" or s["page_bytes"] == HUGE):
            have[s["how"], s["page_bytes"] or 0] += s["anon_bytes"] + s["file_bytes"] + s["shmem_bytes"]
    want = by_hand(pid, frames)
    have = {k: v for k, v in have.items() if v}
    if want != have:
        raise Mismatch(f"{via}: by hand {want}, vmhuge says {have}")
    return len(want)


def exclusive(pid, start, size):
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as f:
        return [e >> 56 & 1 for e in read_words(f, start // PAGE, size // PAGE)]


def check_torn(frames):
    """Folios of which some pages are shared, as the entries say, and others not: they are whole for all that."""
    size, settings = 1 << 20, Settings()
    try:
        settings.write(THP + "hugepages-64kB/enabled", "madvise")
        with Obey() as o:
            p = o(f"anon({size})")
            o.call(f"madvise({p}, {size}, 'HUGEPAGE')")
            o(f"write({p}, {size})")
            o(f"fork({p}, {size}, {2 * PAGE})")
            pid = o.p.pid
            if sorted(set(exclusive(pid, p, size))) != [0, 1]:
                raise Skip("this kernel doesn't tell which pages are shared")
            told, n = set(), 0
            for via in WAYS:
                n += again(4, lambda via=via: check_torn_way(via, pid, frames, told))
            return n
    finally:
        settings.restore()


def check_torn_way(via, pid, frames, told):
    p, said = vmhuge(pid, "--via", via)
    if not p:
        told.add(said)
        return 0
    if not p["sizes_known"]:
        return 0
    whole = sum(s["anon_bytes"] for s in p["sizes"] if s["how"] == "aligned")
    if whole < 1 << 20:
        raise Mismatch(f"{via}: {whole} bytes in whole folios, of 1M of which every other page is shared")
    return check_by_hand(via, pid, p, frames)


# ---- The run ----

def again(times, check):
    """What moves between two looks must not make them differ time after time."""
    for k in range(times):
        try:
            return check()
        except Mismatch:
            if k == times - 1:
                raise
    return 0


def check_way(via, t, frames, told):
    p, said = vmhuge(t["pid"], "--via", via)
    if not p:
        told.add(f"{via}: {said}")
        return 0
    n = sum(check_fact(via, f, p) + check_ranges(via, f, t["pid"]) for f in t.get("huge", []))
    if frames and p["sizes_known"]:
        n += check_by_hand(via, t["pid"], p, frames)
    return n


def check_vmtop(pid):
    """The share in vmtop is that of the kernel's sums, which move meanwhile; and switched off is switched off."""
    out = subprocess.run([os.path.join(BIN, "vmtop"), "--once", "-p", str(pid), "-J", "-o", "thp_share,thp_disabled"],
                         stdout=subprocess.PIPE, check=True).stdout
    row = json.loads(out)["processes"][0]
    p, _ = vmhuge(pid)
    if not p or not p["entries_known"] or row["thp_share"] is None:
        return 0
    pool = sum(s["hugetlb_bytes"] for s in p["sizes"])
    want = (p["huge_bytes"] - pool) / (p["resident_bytes"] - pool)
    if abs(want - row["thp_share"]) > 0.02:
        raise Mismatch(f"vmtop: {row['thp_share']} of its memory is in huge pages, vmhuge says {want}")
    if row["thp_disabled"]:
        raise Mismatch("vmtop: huge pages are switched off for it")
    return 2


def main():
    facts, failed, skipped, told = 0, 0, [], set()
    try:
        frames = Frames()
    except OSError:
        frames = None
    if frames and os.geteuid() == 0:
        try:
            facts += check_torn(frames)
        except (Skip, OSError) as e:
            skipped.append(f"folios shared in part: {e}")
        except Mismatch as e:
            print(f"FAIL folios shared in part: {e}")
            failed += 1
    for words in some(WORKLOADS):
        try:
            with Lab(BIN, *words.split(), "--dir", DIR, "--quiet") as lab:
                t = lab.line()
                facts += again(4, lambda t=t: check_vmtop(t["pid"]))
                for via in WAYS:
                    facts += again(4, lambda via=via, t=t: check_way(via, t, frames, told))
        except Skip as e:
            skipped.append(f"{words}: {e}")
        except Mismatch as e:
            # The pool is the machine's: others may have taken what was set aside.
            if words.startswith("hugetlb") and "Cannot allocate memory" in str(e):
                skipped.append(f"{words}: {e}")
                continue
            print(f"FAIL {words}: {e}")
            failed += 1
    for s in skipped:
        print(f"left out: {s}")
    for s in sorted(told):
        print(f"not read {s}")
    print(f"vmhuge: {facts} facts of {len(some(WORKLOADS)) + 1 - len(skipped)} states, {failed} failed")
    return 1 if failed else 0 if facts else 77


if __name__ == "__main__":
    sys.exit(main())
