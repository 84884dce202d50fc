"""Every page of every workload: page tables, pagemap and PAGEMAP_SCAN agree, with each other, with the kernel's raw
pagemap and with what the workload states.

Usage: pages.py BIN_DIR SCRATCH_DIR
"""

import array
import bisect
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from truth import KERNEL, PAGE, Lab, Mismatch, Skip, some, swap_is_on

BIN, DIR = sys.argv[1], sys.argv[2]
VMPAGE = os.path.join(BIN, "vmpage")

WORKLOADS = [
    "anon --size 2M --touch 3/4",
    "mmap --size 256K",
    "zero-page --size 512K --write 25%",
    "file-private --size 1M --write 1/2",
    "file-shared --size 1M",
    "shm --size 1M --type sysv --touch 50%",
    "memfd --size 1M",
    "brk --size 1M",
    "thread-stacks --threads 3 --stack 512K --touch 64K",
    "cow --size 2M --write 3/8",
    "mlock --size 256K",
    "many-mappings --count 300",
    "sparse",
    "page-pattern --size 3M",
    "page-pattern --size 1M --every 2 --write 1 --read 0",
    "page-pattern --size 1M --every 3 --write 0 --read 3",
    "soft-dirty --size 512K",
    "working-set --size 512K",
    "guard --size 512K",
    "guard --size 300K --every 3 --guards 2",
    "prot-none --size 512K --protect 1/3",
    "pkey --size 512K",
    "mremap --size 5M",
    "thp --count 3",
    "mthp --count 3",
    "huge-holes --ranges 2 --where spread",
    "fragment --size 4M --every 3",
    "hugetlb --count 4",
    "hugetlb --count 2 --touch 50% --share shared",
    "hugetlb --page 1G --count 1 --touch 100%",
    "swap --size 1M",
    "swap --size 600K --every 1 --out 1",
    "ksm --groups 3 --equal 50 --own 20",
    "ksm --groups 3 --equal 20 --own 20 --processes 3",
    "chaos --threads 1 --children 0",
]
# Nothing else of it stands still.
ONLY_TRUTH = {"chaos"}
# Mappings beyond this are left to vmpage: raw pagemap tells each page of them, populated or not.
RAW_MOST = 2 << 30


def told_by(via, frames):
    """Words that this way of reading can tell here."""
    if via == "page-tables":
        return {"present", "swap", "file", "exclusive", "guard", "zero", "prot-none", "migration", "marker", "soft-dirty"}
    words = {"present", "swap", "file", "soft-dirty"}
    if via == "pagemap":
        words |= {"exclusive", "migration", "marker"}
    if via == "pagemap-scan" or frames or KERNEL >= (6, 7):
        words.add("zero")
    if KERNEL >= (6, 15):
        words.add("guard")
    return words


def hints():
    """Words that entries of any page may have for a while: the kernel asks by a fault which node uses it."""
    try:
        with open("/proc/sys/kernel/numa_balancing", encoding="utf-8") as f:
            return set() if f.read().strip() == "0" else {"prot-none"}
    except OSError:
        return set()


class Moved(Mismatch):
    """Frames changed between two looks, which the kernel may do at any time."""


# ---- One way of reading ----

class Run:
    """Pages that have everything in common, as vmpage --runs tells them."""

    def __init__(self, r):
        self.start, self.end = int(r["start"], 16), int(r["end"], 16)
        self.state = frozenset(r["state"])
        self.pfn = int(r["pfn"], 16) if r["pfn"] else None
        self.slot = (r["swap_type"], int(r["swap_offset"], 16)) if r["swap_offset"] else None
        self.page_bytes, self.pkey = r["page_bytes"], r["pkey"]

    def pfn_at(self, at):
        """The frame that pagemap would tell for this address."""
        if self.pfn is None:
            return None
        if "zero" not in self.state:
            return self.pfn + (at - self.start) // PAGE
        huge = self.page_bytes is not None and self.page_bytes > PAGE
        return self.pfn + (at % self.page_bytes // PAGE if huge else 0)

    def slot_at(self, at):
        return (self.slot[0], self.slot[1] + (at - self.start) // PAGE) if self.slot else None


class Way:
    def __init__(self, via, runs, frames):
        self.via, self.runs, self.frames = via, runs, frames
        self.starts = [r.start for r in runs]
        self.told = told_by(via, frames)
        for a, b in zip(runs, runs[1:]):
            if a.end > b.start:
                raise Mismatch(f"{via}: runs overlap at {b.start:x}")

    def at(self, addr):
        i = bisect.bisect_right(self.starts, addr) - 1
        return self.runs[i] if i >= 0 and addr < self.runs[i].end else None

    def pieces(self, start, end):
        """(from, to, run or None), without gaps."""
        i = max(bisect.bisect_right(self.starts, start) - 1, 0)
        while start < end:
            while i < len(self.runs) and self.runs[i].end <= start:
                i += 1
            r = self.runs[i] if i < len(self.runs) and self.runs[i].start < end else None
            if r and r.start <= start:
                to = min(r.end, end)
            else:
                to, r = (r.start if r else end), None
            yield start, to, r
            start = to


def read_way(pid, via):
    """A Way, or None and why it can't be had."""
    p = subprocess.run([VMPAGE, "--runs", "--via", via, "-J", "-o", "START,END,PFN,STATE,PAGE,PKEY,SWAPTYPE,SLOT", str(pid)],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    said = p.stderr.decode(errors="replace").strip()
    if p.returncode in (1, 4):
        return None, said
    if p.returncode:
        raise Mismatch(f"vmpage --via {via}: exit status {p.returncode}: {said}")
    runs = [Run(r) for r in json.loads(p.stdout)["runs"]]
    return Way(via, runs, any(r.pfn for r in runs)), ""


# ---- The kernel's own words ----

def raw_pagemap(pid):
    """(start, entries) of each mapping of the user half."""
    out = []
    with open(f"/proc/{pid}/maps", "rb") as f:
        ranges = [tuple(int(x, 16) for x in line.split()[0].split(b"-")) for line in f]
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as f:
        for start, end in ranges:
            if start >> 63 or end - start > RAW_MOST:
                continue
            f.seek(start // PAGE * 8)
            data = b""
            while len(data) < (end - start) // PAGE * 8:
                more = f.read((end - start) // PAGE * 8 - len(data))
                if not more:
                    break
                data += more
            out.append((start, data))
    return out


def raw_word(e, run):
    """What vmpage must say of an entry: state, frame, slot."""
    present, swap, low = e >> 63 & 1, e >> 62 & 1 and not e >> 63 & 1, e & (1 << 55) - 1
    state = set()
    if present:
        state.add("present")
    if swap and not e >> 58 & 1 and low & 31 < 23:
        state.add("swap")
    # The huge page of zeros has no file, whatever pagemap says.
    if e >> 61 & 1 and not (run and "zero" in run.state):
        state.add("file")
    if e >> 56 & 1:
        state.add("exclusive")
    if e >> 58 & 1 and KERNEL >= (6, 15):
        state.add("guard")
    return state, low if present and low else None, (low & 31, low >> 5) if "swap" in state else None


def check_raw(way, raw):
    """The way by pagemap against pagemap itself; returns how many pages there were."""
    words = {"present", "swap", "file", "exclusive"} | ({"guard"} if KERNEL >= (6, 15) else set())
    n = 0
    for start, data in raw:
        for i, e in enumerate(array.array("Q", data)):
            at = start + i * PAGE
            run = way.at(at)
            if not run and not e >> 62 and not e >> 58 & 1:
                continue
            n += 1
            state, pfn, slot = raw_word(e, run)
            # Who else maps a page of a file changes with every command that is run.
            these = words - {"exclusive"} if "file" in state else words
            have = run.state & these if run else set()
            if have != state & these or (pfn and run.pfn_at(at) != pfn) or (slot and run.slot_at(at) != slot):
                raise Mismatch(f"{at:x}: pagemap has {e:#x}, vmpage says {sorted(have)} "
                               f"{run and run.pfn_at(at)} {run and run.slot_at(at)}")
    return n


# ---- Ways against each other ----

def is_uncounted(run):
    """Pages that the kernel doesn't count ([vvar]) show in page tables only."""
    return run and "special" in run.state and "zero" not in run.state


def compare_piece(a, b, at, end, x, y):
    words = a.told & b.told
    if not (x and y):
        # A run of what only one of them can tell.
        seen = x or y
        if seen.state & words:
            raise Mismatch(f"{at:x}-{end:x}: {a.via} says {x and sorted(x.state)}, {b.via} {y and sorted(y.state)}")
        return 0
    # Who else maps a page of a file changes meanwhile; of a page of 1G pagemap says wrongly now and then that it is
    # shared (Linux 6.18).
    if "file" in x.state or 1 << 30 in (x.page_bytes, y.page_bytes):
        words -= {"exclusive"}
    same = x.state & words == y.state & words
    if same and a.frames and b.frames:
        same = x.pfn_at(at) == y.pfn_at(at) and x.pfn_at(end - PAGE) == y.pfn_at(end - PAGE)
    if same and x.slot and y.slot:
        same = x.slot_at(at) == y.slot_at(at)
    if not same:
        raise Mismatch(f"{at:x}-{end:x}: {a.via} says {sorted(x.state)} {x.pfn_at(at)} {x.slot}, "
                       f"{b.via} {sorted(y.state)} {y.pfn_at(at)} {y.slot}")
    return (end - at) // PAGE


def compare_ways(a, b):
    """Pages on which both agree."""
    edges = sorted({e for w in (a, b) for r in w.runs for e in (r.start, r.end)})
    n = 0
    for at, end in zip(edges, edges[1:]):
        x, y = a.at(at), b.at(at)
        if (x or y) and not is_uncounted(x) and not is_uncounted(y):
            n += compare_piece(a, b, at, end, x, y)
    return n


# ---- Ways against the truth ----

def ranges_of(fact):
    """Addresses that the fact speaks of."""
    start, end = int(fact["start"], 16), int(fact["end"], 16)
    every = fact.get("every_pages", 0) * PAGE
    if not every:
        return [(start, end)]
    first, size = fact["first_page"] * PAGE, fact["pages"] * PAGE
    return [(a, min(a + size, end)) for a in range(start + first, end, every)]


def check_piece(label, way, fact, at, run):
    state = run.state if run else frozenset()
    wanted, without = set(fact["state"].split()), set(fact.get("without", "").split()) - hints()
    if swap_is_on() and "present" in wanted and "swap" in state:
        return
    if wanted & way.told - state or without & state:
        raise Mismatch(f'{label}: {at:x} is {sorted(state)}, should be {sorted(wanted)} without {sorted(without)}')
    if way.via != "page-tables" or "present" not in wanted:
        return
    if fact.get("page_bytes", run.page_bytes) != run.page_bytes:
        raise Mismatch(f'{label}: {at:x} is mapped by {run.page_bytes} bytes, should be {fact["page_bytes"]}')
    if fact.get("pkey", 0) != run.pkey:
        raise Mismatch(f'{label}: {at:x} has key {run.pkey}, should have {fact.get("pkey", 0)}')


def frames_of(way, fact):
    out = []
    for start, end in ranges_of(fact):
        for a, b, run in way.pieces(start, end):
            out += [run.pfn_at(at) if run else None for at in range(a, b, PAGE)]
    return out


def check_frames(label, way, fact, known):
    frames = frames_of(way, fact)
    if fact.get("one_frame") and len(set(frames)) != 1:
        raise Mismatch(f"{label}: {len(set(frames))} frames, should be one")
    name = fact.get("frames")
    if name is None or (swap_is_on() and None in frames):
        return
    before = known.setdefault(name, frames)
    n = min(len(before), len(frames))
    if before[:n] != frames[:n]:
        raise Moved(f"{label}: not the frames that '{name}' had")


def check_truth(name, ways, facts, known):
    n = 0
    for fact in facts:
        for way in ways:
            label = f'{name}: {fact["label"]} by {way.via}'
            for start, end in ranges_of(fact):
                for a, b, run in way.pieces(start, end):
                    check_piece(label, way, fact, a, run)
                    n += (b - a) // PAGE
            if way.frames:
                check_frames(label, way, fact, known)
    return n


# ---- One look ----

def still(pid):
    """The ways, read at a moment when the kernel's own answer was the same before and after."""
    for _ in range(50):
        before = raw_pagemap(pid)
        ways = [read_way(pid, via) for via in ("page-tables", "pagemap", "pagemap-scan")]
        if same_pages(before, raw_pagemap(pid)):
            return before, [w for w, _ in ways if w], [why for w, why in ways if not w]
    raise Mismatch(f"process {pid} never stood still")


def same_pages(a, b):
    """But for whether others map pages of files too: the commands themselves do."""
    exclusive, file = 1 << 56, 1 << 61
    if a == b:
        return True
    return len(a) == len(b) and all(
        x == y or (x[0] == y[0] and len(x[1]) == len(y[1]) and all(
            e == f or (e & file and e & ~exclusive == f & ~exclusive)
            for e, f in zip(array.array("Q", x[1]), array.array("Q", y[1]))))
        for x, y in zip(a, b))


def look(name, t, known):
    """Pages that were compared."""
    n = 0
    facts = t.get("pages", [])
    for pid in sorted({t["pid"]} | {f["pid"] for f in facts if "pid" in f}):
        mine = [f for f in facts if f.get("pid", t["pid"]) == pid]
        if name in ONLY_TRUTH:
            ways = [w for w, _ in (read_way(pid, via) for via in ("page-tables", "pagemap", "pagemap-scan")) if w]
        else:
            raw, ways, _ = still(pid)
            by_map = next((w for w in ways if w.via == "pagemap"), None)
            if by_map:
                n += check_raw(by_map, raw)
            for i, a in enumerate(ways):
                for b in ways[i + 1:]:
                    n += compare_ways(a, b)
        if len(ways) < 2:
            raise Skip("there is only one way of reading pages here")
        n += check_truth(name, ways, mine, known)
    return n


def run_one(words):
    name, n, known = words[0], 0, {}
    with Lab(BIN, *words, "--dir", DIR, "--quiet") as lab:
        t = lab.line()
        while True:
            n += look(name, t, known)
            if not t["more_steps"] or t["step"] >= 4:
                return n
            t = lab.step()


def try_one(words):
    """The kernel moves memory when it likes to: that is no one's mistake."""
    for attempt in range(5):
        try:
            return run_one(words)
        except Moved as e:
            if attempt == 4:
                raise
            print(f"again: {e}")
    return 0


def main():
    failed = done = 0
    with Lab(BIN, "anon", "--size", "64K", "--quiet") as lab:
        for via in ("page-tables", "pagemap", "pagemap-scan"):
            way, why = read_way(lab.line()["pid"] if lab.pid is None else lab.pid, via)
            print(f"{via}: {'with frames' if way and way.frames else 'no frames' if way else why}")
    for line in some(WORKLOADS):
        try:
            print(f"ok   {line}: {try_one(line.split())} pages")
            done += 1
        except Skip as e:
            print(f"skip {line}: {e}")
        except Mismatch as e:
            failed += 1
            print(f"FAIL {line}: {e}")
        sys.stdout.flush()
    if not failed and not done:
        print("skip: no workload could be compared")
    return 1 if failed else 0 if done else 77


if __name__ == "__main__":
    sys.exit(main())
