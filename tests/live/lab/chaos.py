"""vmpage reads a process that changes at full speed: nothing impossible, nothing missing silently, no crash, no hold-up.

Usage: chaos.py BIN_DIR.  VM_CHAOS_SECONDS: how long it is read (default 15).
"""

import json
import os
import re
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from truth import PAGE, Lab, Mismatch, Skip, children, swap_is_on

BIN = sys.argv[1]
SECONDS = float(os.environ.get("VM_CHAOS_SECONDS", "15"))
HUGE = 2 << 20
COLUMNS = "START,END,PFN,STATE,PAGE,PKEY"
# What pages of the workload can be; "migration" and "swap" are the kernel's doing.
WORDS = {"present", "file", "exclusive", "soft-dirty", "zero", "writable", "executable", "accessed", "dirty", "prot-none",
         "special", "migration", "swap"}
# How much longer mmap() may take while the process is read, on average and at worst, than while it isn't.  The readers
# want processor time as well, and a machine has few: what a lock costs is far beyond that.
MEAN_MOST, LONGEST_MOST = 10, 30


def memory_end():
    """Frames from here on don't exist."""
    with open("/proc/iomem") as f:
        return max(int(m[1], 16) for m in re.finditer(r"-([0-9a-f]+) : System RAM", f.read())) // PAGE + 1


def user_end():
    with open("/proc/cpuinfo") as f:
        return 1 << (56 if re.search(r"^flags.*\bla57\b", f.read(), re.M) else 47)


class Judge:
    def __init__(self, t):
        self.pid, held = t["pid"], t["pages"][0]
        self.held = (int(held["start"], 16), int(held["end"], 16))
        self.frames_end, self.user_end = memory_end(), user_end()
        self.frames = {}
        self.longest, self.partial, self.whole, self.runs, self.gone = [], 0, 0, 0, 0

    def run(self, what, r, before, partial):
        start, end, state = int(r["start"], 16), int(r["end"], 16), set(r["state"])
        pfn = int(r["pfn"], 16) if r["pfn"] else None
        pages = (end - start) // PAGE

        def impossible(why):
            raise Mismatch(f"{what}: {why}: {json.dumps(r)}")

        if not before <= start < end <= self.user_end or start % PAGE or end % PAGE:
            impossible("address")
        if not state or state - WORDS or ("swap" in state and not swap_is_on()):
            impossible("state")
        if ("present" in state) != (pfn is not None) and "migration" not in state:
            impossible("present without a frame, or the other way round")
        if pfn is not None and (pfn == 0 or pfn + (0 if "zero" in state else pages) > self.frames_end) \
                and "special" not in state:
            impossible("frame")
        if "zero" in state and state & {"exclusive", "dirty", "writable"}:
            impossible("page of zeros")
        if r["page_bytes"] not in (PAGE, HUGE) and pfn is not None:
            impossible("size of a page")
        if r["page_bytes"] == HUGE and pfn is not None and (pfn - (0 if "zero" in state else start // PAGE)) % 512:
            impossible("alignment of the frame")
        # Mappings are read before tables: a huge page across a border is one of another moment.
        if r["page_bytes"] == HUGE and (start % HUGE or end % HUGE) and not partial:
            impossible("alignment")
        return end

    def check_held(self, what, doc):
        """What stays as it is has the frames that it had, and is missing only from an answer that says so."""
        seen = {}
        for r in doc["runs"]:
            start, end = int(r["start"], 16), int(r["end"], 16)
            for at in range(max(start, self.held[0]), min(end, self.held[1]), PAGE):
                if "present" not in r["state"]:
                    raise Mismatch(f"{what}: {at:x} is written and stays, but: {r}")
                seen[at] = int(r["pfn"], 16) + (at - start) // PAGE
        missing = (self.held[1] - self.held[0]) // PAGE - len(seen)
        if missing and not doc["partial"]:
            raise Mismatch(f"{what}: {missing} pages of what stays are missing, and the answer says it is whole")
        return seen

    def document(self, pid, doc):
        what, before = f"process {pid}", 0
        for r in doc["runs"]:
            before = self.run(what, r, before, doc["partial"])
        self.runs += len(doc["runs"])
        self.partial += doc["partial"]
        self.whole += not doc["partial"]
        if doc["longest_run_ns"]:
            self.longest.append(doc["longest_run_ns"])
        return self.check_held(what, doc) if pid == self.pid else {}

    def look(self, pid, *modes):
        """The document, or None if the process is gone."""
        p = subprocess.run([os.path.join(BIN, "vmpage"), "-J", "--via", "page-tables", *modes, str(pid)],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if p.returncode == 0:
            return json.loads(p.stdout)
        if p.returncode == 3 and pid != self.pid:
            self.gone += 1
            return None
        raise Mismatch(f"vmpage {' '.join(modes)} {pid}: exit status {p.returncode}: {p.stderr.decode(errors='replace')}")

    def round(self):
        """The frames of what stays, as they were told."""
        doc = self.look(self.pid, "--runs", "-o", COLUMNS)
        seen = self.document(self.pid, doc)
        self.look(self.pid)
        for pid in children(self.pid):
            doc = self.look(pid, "--runs", "-o", COLUMNS)
            if doc:
                self.document(pid, doc)
        return seen


def frames_by_pagemap(judge):
    """The kernel's own word about what stays."""
    start, end = judge.held
    with open(f"/proc/{judge.pid}/pagemap", "rb") as f:
        f.seek(start // PAGE * 8)
        data = f.read((end - start) // PAGE * 8)
    entries = memoryview(data).cast("Q")
    return {start + i * PAGE: e & (1 << 55) - 1 for i, e in enumerate(entries)}


def read_for(judge, seconds):
    """Rounds until the time is over; checks each against pagemap where that was the same before and after.  Takes longer
    where none was, since a round of a slow machine is long."""
    rounds = compared = 0
    began = time.monotonic()
    while time.monotonic() < began + seconds * (1 if compared else 4) or not rounds:
        before = frames_by_pagemap(judge)
        seen = judge.round()
        if before == frames_by_pagemap(judge):
            wrong = {at for at, pfn in seen.items() if before[at] != pfn}
            if wrong:
                raise Mismatch(f"{len(wrong)} pages of what stays have another frame in page tables, first {min(wrong):x}")
            compared += len(seen)
        rounds += 1
    return rounds, compared


def available():
    """Skip where page tables can't be read; fail where that is the only thing that goes wrong."""
    p = subprocess.run([os.path.join(BIN, "vmpage"), "-J", "--via", "page-tables", str(os.getpid())],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if p.returncode:
        raise Skip(p.stderr.decode(errors="replace").strip())


def check_delays(quiet, busy, longest):
    mean = busy["mean_mmap_ns"] / quiet["mean_mmap_ns"]
    worst = busy["longest_mmap_ns"] / quiet["longest_mmap_ns"]
    typical = statistics.median(longest)
    print(f"mmap() in the process: {quiet['mean_mmap_ns']} ns on average, {quiet['longest_mmap_ns']} ns at worst; while it was "
          f"read {mean:.2f} times and {worst:.2f} times as long")
    print(f"the page-table program: at most {typical:.0f} ns at a time in most readings, {max(longest)} ns in the worst one")
    if mean > MEAN_MOST or worst > LONGEST_MOST:
        raise Mismatch(f"mmap() is held up: bounds are {MEAN_MOST} and {LONGEST_MOST}")
    if typical > quiet["longest_mmap_ns"]:
        raise Mismatch("one run of the page-table program is longer than the longest delay without it")


def main():
    available()
    with Lab(BIN, "chaos", "--quiet") as lab:
        judge = Judge(lab.line())
        # An interval of its own for each figure: first alone, then while it is read.
        lab.step()
        time.sleep(SECONDS / 4)
        quiet = lab.step()
        # A slow machine may need several times that until all of it has happened.
        for _ in range(10):
            rounds, compared = read_for(judge, SECONDS)
            busy = lab.step()
            if busy["deeds"] and busy["forks"] and compared:
                break
        if lab.end() != 0:
            raise Mismatch("the workload failed")
    print(f"{rounds} rounds, {judge.whole + judge.partial} readings ({judge.partial} told that they are not all), "
          f"{judge.gone} of processes that were gone; {judge.runs} runs, {compared} frames compared with pagemap")
    print(f"meanwhile {busy['deeds']} changes and {busy['forks']} forks")
    if not busy["deeds"] or not busy["forks"] or not compared:
        raise Mismatch("nothing went on")
    check_delays(quiet, busy, judge.longest)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Skip as e:
        print(f"skip: {e}")
        sys.exit(77)
    except Mismatch as e:
        print(f"FAIL {e}")
        sys.exit(1)
