"""Start vmlab's workloads and compare what they state with /proc.

Used by the live tests: `with Lab(bin, "cow", "--size", "4M") as lab: ...`.  Nothing here knows a
particular workload; the meaning of the arrays in a truth line is in src/workloads/workload.h.
"""

import ctypes
import json
import os
import re
import select
import signal
import struct
import subprocess
import time

PAGE = os.sysconf("SC_PAGESIZE")
# (6, 12) and so on
KERNEL = tuple(int(n) for n in re.match(r"(\d+)\.(\d+)", os.uname().release).groups())
PATIENCE = 60  # seconds; only a broken test ever waits that long


class Mismatch(Exception):
    pass


def some(workloads):
    """Where time is short, VM_WORKLOADS_EVERY: only every so many-th."""
    return workloads[::int(os.environ.get("VM_WORKLOADS_EVERY", "1"))]


def swap_is_on():
    with open("/proc/meminfo") as f:
        return any(l.startswith("SwapTotal:") and int(l.split()[1]) for l in f)


SMAPS_KEYS = {
    "Size": "size_bytes", "Rss": "rss_bytes", "Pss": "pss_bytes", "Anonymous": "anon_bytes",
    "Shared_Clean": "shared_clean_bytes", "Shared_Dirty": "shared_dirty_bytes",
    "Private_Clean": "private_clean_bytes", "Private_Dirty": "private_dirty_bytes",
    "Locked": "locked_bytes", "Swap": "swap_bytes", "AnonHugePages": "thp_bytes", "ShmemPmdMapped": "shmem_thp_bytes",
    "Private_Hugetlb": "private_hugetlb_bytes", "Shared_Hugetlb": "shared_hugetlb_bytes",
}
HEAD = re.compile(rb"([0-9a-f]+)-([0-9a-f]+) (....) ([0-9a-f]+) \S+ \d+ *(.*)$")


def smaps(pid):
    """All mappings of a process, in order, with the keys of vmmap's JSON."""
    out = []
    with open(f"/proc/{pid}/smaps", "rb") as f:
        for line in f.read().split(b"\n"):
            m = HEAD.match(line)
            if m:
                name = m[5].replace(rb"\012", b"\n")
                out.append({"start": int(m[1], 16), "end": int(m[2], 16), "perm": m[3].decode(),
                            "offset_bytes": int(m[4], 16), "name": os.fsdecode(name)})
                continue
            key, _, value = line.partition(b":")
            if key.decode() in SMAPS_KEYS:
                out[-1][SMAPS_KEYS[key.decode()]] = int(value.split()[0]) * 1024
    for m in out:
        m["uss_bytes"] = m.get("private_clean_bytes", 0) + m.get("private_dirty_bytes", 0)
    return out


def present_bytes(pid, start, end):
    """Bytes of a range that have a page-table entry (or were swapped out)."""
    n = (end - start) // PAGE
    with open(f"/proc/{pid}/pagemap", "rb") as f:
        f.seek(start // PAGE * 8)
        data = f.read(n * 8)
    wanted = 1 << 63 | (1 << 62 if swap_is_on() else 0)
    return sum(1 for (e,) in struct.iter_unpack("<Q", data) if e & wanted) * PAGE


def status(pid, key):
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith(key + ":"):
                return int(line.split()[1]) * 1024
    return None


def children(pid):
    """Living children, found by their parent's number: /proc/PID/task/*/children is optional."""
    out = []
    for d in os.listdir("/proc"):
        if d.isdigit():
            try:
                with open(f"/proc/{d}/stat", "rb") as f:
                    rest = f.read().rpartition(b")")[2].split()
            except OSError:
                continue
            if int(rest[1]) == pid and rest[0] != b"Z":
                out.append(int(d))
    return out


def wait_gone(pid, what):
    """Until that process, which needn't be our child, has ended."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if not select.select([fd], [], [], PATIENCE)[0]:
            raise Mismatch(f"{what} (process {pid}) is still alive")
    finally:
        os.close(fd)
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass  # somebody else's to reap


def adopt_orphans():
    """Grandchildren whose parent dies become ours to reap: not every init does that."""
    PR_SET_CHILD_SUBREAPER = 36
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def expect(label, key, want, have):
    if want != have:
        raise Mismatch(f"{label}: {key} is {have}, should be {want}")


def check_keys(label, fact, have):
    """Each key of a fact that smaps knows; _min and _max are bounds."""
    may_swap = swap_is_on()
    for key, want in fact.items():
        base, _, bound = key.rpartition("_")
        if bound in ("min", "max") and base in have:
            ok = have[base] >= want if bound == "min" else have[base] <= want
            if not ok and not may_swap:
                raise Mismatch(f"{label}: {base} is {have[base]}, {bound} {want}")
        elif key in have and key not in ("start", "end"):
            got = have[key]
            if may_swap and key in ("rss_bytes", "anon_bytes"):
                got = max(got, min(want, got + have.get("swap_bytes", 0)))
            expect(label, key, want, got)


def check_truth(t):
    """Compare one line with /proc; returns how many facts there were."""
    n = 0
    cache = {}

    def of(fact):
        pid = fact.get("pid", t["pid"])
        if pid not in cache:
            cache[pid] = smaps(pid)
        return pid, cache[pid], int(fact["start"], 16), int(fact["end"], 16)

    for fact in t.get("mappings", []):
        _, maps, start, end = of(fact)
        label = f'{t["workload"]}: mapping {fact["label"]}'
        found = [m for m in maps if m["start"] == start]
        if not found:
            raise Mismatch(f"{label}: nothing starts at {start:x}")
        expect(label, "end", f"{end:x}", f'{found[0]["end"]:x}')
        check_keys(label, fact, found[0])
        n += len(fact)
    for fact in t.get("areas", []):
        _, maps, start, end = of(fact)
        label = f'{t["workload"]}: area {fact["label"]}'
        inside = [m for m in maps if m["start"] >= start and m["end"] <= end]
        expect(label, "count", fact["count"], len(inside))
        total = {k: sum(m.get(k, 0) for m in inside) for k in SMAPS_KEYS.values()}
        check_keys(label, fact, total)
        n += len(fact)
    for fact in t.get("ranges", []):
        pid, _, start, end = of(fact)
        label = f'{t["workload"]}: range {fact["label"]}'
        expect(label, "present_bytes", fact["present_bytes"], present_bytes(pid, start, end))
        n += 1
    return n


def is_sanitized(program):
    """Built with AddressSanitizer: it maps, touches and reuses memory of its own beside the program's."""
    with open(program, "rb") as f:
        return b"__asan_init" in f.read()


class Skip(Exception):
    pass


class Lab:
    """A running workload; ended by pid when the block ends, whatever happened."""

    def __init__(self, bin_dir, *args, prefix=()):
        self.p = subprocess.Popen([*prefix, os.path.join(bin_dir, "vmlab"), *args],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  stdin=subprocess.DEVNULL)
        self.rest = b""
        self.pid = None

    def line(self):
        """The next truth."""
        while b"\n" not in self.rest:
            if not select.select([self.p.stdout], [], [], PATIENCE)[0]:
                raise Mismatch("no truth came")
            more = os.read(self.p.stdout.fileno(), 1 << 16)
            if not more:
                code = self.p.wait(PATIENCE)
                said = self.p.stderr.read().decode(errors="replace").strip()
                raise Skip(said) if code == 77 else Mismatch(f"ended with {code}: {said}")
            self.rest += more
        one, _, self.rest = self.rest.partition(b"\n")
        t = json.loads(one)
        self.pid = t["pid"]
        return t

    def settle(self):
        """Wait until it waits: what it does after it told the truth is over."""
        give_up, last = time.monotonic() + PATIENCE, None
        while time.monotonic() < give_up:
            with open(f"/proc/{self.pid}/stat", encoding="utf-8", errors="replace") as f:
                now = f.read().rpartition(")")[2].split()
            # State, minor faults, time in user and in kernel mode.
            now = now[0], now[7], now[11], now[12]
            if now[0] == "S" and now == last:
                return
            last = now
            time.sleep(0.01)
        raise Mismatch("it doesn't come to rest")

    def step(self):
        os.kill(self.pid, signal.SIGUSR1)
        return self.line()

    def end(self, sig=signal.SIGTERM):
        """End it; its exit status."""
        self.p.send_signal(sig)
        return self.p.wait(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.p.poll() is None:
            # It has files to remove, and may have changed the machine.
            self.p.terminate()
            try:
                self.p.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.p.kill()
                self.p.wait()
        self.p.stdout.close()
        self.p.stderr.close()
