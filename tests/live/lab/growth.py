"""vmdiff against workloads whose growth is known: rates of leaks, no alarm on sawteeth, what moved and what came.

Usage: growth.py BIN_DIR SCRATCH_DIR

VM_DIFF_WATCHED=none: nothing that needs a machine on which a workload and who watches it get their turns in time.
"""

import json
import os
import subprocess
import sys
import threading
import time

from truth import PATIENCE, Lab, Mismatch, Skip, expect, is_sanitized

BIN, DIR = sys.argv[1], sys.argv[2]
VMDIFF, VMMAP, VMLAB = (os.path.join(BIN, n) for n in ("vmdiff", "vmmap", "vmlab"))
SANITIZED = is_sanitized(VMLAB)
# What a sanitizer keeps of freed memory would grow beside what is stated.
NO_QUARANTINE = "quarantine_size_mb=0:thread_local_quarantine_size_kb=0"
LAB_ENV = {**os.environ, "ASAN_OPTIONS": ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), NO_QUARANTINE]))}
EVERY, SAMPLES = 0.25, 60
K = 1024


def documents(*args, statuses=(0,)):
    r = subprocess.run([VMDIFF, *args], capture_output=True, check=False)
    if r.returncode not in statuses:
        raise Mismatch(f"vmdiff {' '.join(args)}: status {r.returncode}: {r.stderr.decode(errors='replace')}")
    return [json.loads(line) for line in r.stdout.splitlines()], r.returncode


class Watched:
    """A workload that goes on by itself, its truth in a file, and vmdiff that watches it."""

    def __init__(self, name, *args, options=()):
        self.name = f"{name} {' '.join(args)}"
        self.path = os.path.join(DIR, f"truth-{len(os.listdir(DIR))}")
        with open(self.path, "wb") as out:
            self.lab = subprocess.Popen([VMLAB, name, *args, "-q"], stdin=subprocess.DEVNULL, stdout=out, env=LAB_ENV)
        give_up = time.monotonic() + PATIENCE
        while not self.lines():
            if self.lab.poll() is not None or time.monotonic() > give_up:
                raise Mismatch(f"{self.name}: no truth came")
            time.sleep(0.01)
        # Into a file: what isn't read at once from a pipe would make it wait.
        with open(f"{self.path}-diff", "wb") as out:
            self.diff = subprocess.Popen([VMDIFF, "--format", "ndjson", "--fail-on-growth", "-e", str(EVERY), *options,
                                          str(self.lab.pid), str(SAMPLES)], stdout=out)

    def lines(self, of=""):
        with open(self.path + of, "rb") as f:
            return [json.loads(line) for line in f.read().split(b"\n")[:-1]]

    def result(self):
        """The last document, all verdicts on memory before it, the exit status, and the last truth."""
        self.diff.wait(SAMPLES * EVERY + PATIENCE)
        docs = self.lines("-diff")
        expect(self.name, "samples", SAMPLES, docs[-1]["samples"])
        return docs[-1], [figure(d)["verdict"] for d in docs], self.diff.returncode, self.lines()[-1]

    def end(self):
        for p in (self.diff, self.lab):
            if p.poll() is None:
                p.terminate()
                p.wait(PATIENCE)


def figure(doc, name="memory"):
    return next(f for f in doc["figures"] if f["figure"] == name)


def near(what, have, want, by):
    if abs(have - want) > by * want:
        raise Mismatch(f"{what}: {have:.0f} bytes a second, should be {want:.0f}")
    return f"{100 * (have / want - 1):+.2f} %"


def check_leak(w, group):
    doc, _, status, truth = w.result()
    want = truth["rate_bytes_per_second"]
    memory = figure(doc)
    expect(w.name, "verdict", "growing", memory["verdict"])
    expect(w.name, "status", 6, status)
    off = near(w.name, memory["rate_per_second"], want, 0.02)
    where = max(doc["groups"], key=lambda g: g["rate_per_second"])
    expect(w.name, "what grows", [group, "growing"], [where["kind"], where["verdict"]])
    near(f"{w.name}: {group}", where["rate_per_second"], want, 0.02)
    for limit in doc["limits"]:
        if limit["figure"] == "memory":
            expect(w.name, limit["limit"], True,
                   abs(limit["seconds"] - limit["room"] / memory["rate_per_second"]) <= 1 + limit["seconds"] / 100)
    print(f"{w.name}: {want:.0f} bytes a second, found {off}")


def check_sawtooth(w):
    doc, verdicts, status, _ = w.result()
    memory = figure(doc)
    print(f"{w.name}: {memory['verdict']}, {memory['drops']} drops; p {memory['p_up_minima']}")
    return "growing" if "growing" in verdicts[SAMPLES // 2:] or status != 0 else memory["verdict"]


def check_leaking_sawtooth(w):
    doc, _, status, truth = w.result()
    memory = figure(doc)
    expect(w.name, "verdict", "growing", memory["verdict"])
    expect(w.name, "status", 6, status)
    low, high, want = memory["rate_low_per_second"], memory["rate_high_per_second"], truth["leak_bytes_per_second"]
    if not low * 0.9 <= want <= high * 1.1:
        raise Mismatch(f"{w.name}: {low:.0f} to {high:.0f} bytes a second, should be {want:.0f}")
    print(f"{w.name}: {want:.0f} bytes a second, found {memory['rate_per_second']:.0f} ({low:.0f} to {high:.0f})")


SAWTEETH = {
    # slower than the samples, as fast as they are, and faster
    "slow": ("--rise", "256K", "--rises", "19", "--step", "60ms"),
    "as fast as the samples": ("--rise", "1M", "--rises", "4", "--step", "50ms"),
    "fast": ("--rise", "1M", "--rises", "3", "--step", "15ms"),
    # three teeth in all
    "few": ("--rise", "256K", "--rises", "49", "--step", "100ms"),
}


def watch_all():
    leaks = [("heap", "leak", "--rate", "64K", "--block", "1000", "--limit", "1G", "--step", "20ms"),
             ("anon", "leak", "--rate", "256K", "--limit", "1G", "--step", "80ms", "--where", "mmap")]
    if SANITIZED:
        # Its malloc takes from mappings of its own.
        leaks.pop(0)
    watched = []
    try:
        for args in [*leaks, ("", "sawtooth", "--rise", "256K", "--rises", "9", "--leak", "256K", "--step", "20ms"),
                     *(("", "sawtooth", *a) for a in SAWTEETH.values())]:
            watched.append(Watched(*args[1:]))
        for (kind, *_), w in zip(leaks, watched):
            check_leak(w, kind)
        check_leaking_sawtooth(watched[len(leaks)])
        alarms = [a for a, w in zip(SAWTEETH.values(), watched[len(leaks) + 1:]) if check_sawtooth(w) == "growing"]
    finally:
        for w in watched:
            w.end()
    # One alarm in a hundred is what the test is made for; the same one twice in a row isn't.
    for args in alarms:
        print(f"{args}: once more")
        w = Watched("sawtooth", *args)
        try:
            if check_sawtooth(w) == "growing":
                raise Mismatch(f"{w.name}: taken for a leak, twice")
        finally:
            w.end()


class Pulse(threading.Thread):
    """How long this machine kept someone waiting who asked for a hundredth of a second."""

    def __init__(self):
        super().__init__(daemon=True)
        self.worst, self.over = 0.0, threading.Event()
        self.start()

    def run(self):
        last = time.monotonic()
        while not self.over.wait(0.01):
            now = time.monotonic()
            self.worst, last = max(self.worst, now - last), now


def watch():
    """Where the machine stands still for a second, so do the workloads, and truth isn't what was stated: then again."""
    if os.environ.get("VM_DIFF_WATCHED") == "none":
        raise Skip("rates need a machine that keeps time (VM_DIFF_WATCHED)")
    for _ in range(3):
        pulse = Pulse()
        try:
            return watch_all()
        except Mismatch as e:
            if pulse.worst < 1:
                raise
            print(f"the machine stood still for {pulse.worst:.1f} s: {e}")
        finally:
            pulse.over.set()
            pulse.join()
    raise Skip("the machine is too busy")


def capture(pid, name):
    path = os.path.join(DIR, name)
    subprocess.run([VMMAP, "--capture", path, str(pid)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return path


MOVER = """
import ctypes, sys
libc = ctypes.CDLL(None)
libc.mmap.restype = libc.mremap.restype = ctypes.c_void_p
size, word = ctypes.c_size_t(1 << 20), ctypes.c_void_p
def new(size):
    return libc.mmap(None, ctypes.c_size_t(size), 3, 0x22, -1, ctypes.c_long(0))
hole = new(3 << 20)
here = new(3 << 20)
for edge in (here, here + (2 << 20)):
    libc.mprotect(word(edge), size, 0)
ctypes.memset(here + (1 << 20), 1, 1 << 20)
libc.munmap(word(hole), ctypes.c_size_t(3 << 20))
print(hex(here + (1 << 20)), hex(hole + (1 << 20)), flush=True)
sys.stdin.readline()
libc.mremap(word(here + (1 << 20)), size, size, 3, word(hole + (1 << 20)))
print(flush=True)
sys.stdin.readline()
"""


def moved():
    """mremap(2) moves a mapping: no memory is lost or won."""
    with subprocess.Popen(["/usr/bin/python3", "-c", MOVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as p:
        here, there = p.stdout.readline().split()
        before = capture(p.pid, "before-mremap")
        p.stdin.write("\n")
        p.stdin.flush()
        p.stdout.readline()
        (doc,), _ = documents("--format", "ndjson", before)
        p.stdin.close()
    row = next((m for m in doc["mappings"] if m["start_after"] == there), None)
    expect("mremap", "found", True, row is not None)
    expect("mremap", "from", here, row["start_before"])
    expect("mremap", "how", True, "moved" in row["how"])
    expect("mremap", "growth", 0, row["memory_growth_bytes"])


def lost():
    """A mapping of 640K more, all of it touched; live, and between captures."""
    with Lab(BIN, "leak", "--rate", "640K", "--limit", "2M", "--where", "mmap", "-q") as lab:
        lab.line()
        before = capture(lab.pid, "before-leak")
        new = lab.step()["mappings"][0]
        (doc,), status = documents("--format", "ndjson", "--fail-on-growth", before, statuses=(6,))
        after = capture(lab.pid, "after-leak")
        (same,), _ = documents("--format", "ndjson", before, after)
        for d in (doc, same):
            row = next(m for m in d["mappings"] if m["start_after"] == new["start"])
            expect("leak", "state", "new", row["state"])
            expect("leak", "size", 640 * K, row["size_growth_bytes"])
            expect("leak", "memory", 640 * K, row["memory_growth_bytes"])
            expect("leak", "process", True, d["growth"]["vsz_bytes"] >= 640 * K)
        (nothing,), _ = documents("--format", "ndjson", "--fail-on-growth", after, after)
        expect("leak", "changed", [], nothing["mappings"])
    r = subprocess.run([VMDIFF, before], capture_output=True, check=False)
    expect("leak", "status once it has ended", 3, r.returncode)


def vanishing():
    """What ends while it is watched is reported as it was."""
    with Lab(BIN, "anon", "--size", "64K", "-q") as lab:
        lab.line()
        p = subprocess.Popen([VMDIFF, "--format", "ndjson", "-e", "20ms", str(lab.pid)], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        for _ in range(3):
            p.stdout.readline()
        lab.end()
        out, err = p.communicate(timeout=PATIENCE)
        expect("a process that ends", "status", 0, p.returncode)
        expect("a process that ends", "said", True, "has ended" in err)
        expect("a process that ends", "verdict", True, json.loads(out.splitlines()[-1])["samples"] >= 3)


def main():
    failed = False
    for test in (moved, lost, vanishing, watch):
        try:
            test()
            print(f"ok {test.__name__}")
        except Skip as e:
            print(f"skip: {test.__name__}: {e}")
        except Mismatch as e:
            print(f"FAILED {test.__name__}: {e}")
            failed = True
    return failed


sys.exit(main())
