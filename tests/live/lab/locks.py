"""vmlock against the kernel: the verdict of --explain and what mlock(2) really says, for many sizes and ranges around
every limit; what would help really helps; and what vmlock shows of vmlab's workloads.

Usage: locks.py BIN_DIR

VM_LOCK_EVERY: of the limits only every so many-th is tried (default 1: all).
VM_LOCK_MAPS: where vm.max_map_count is more, so many mappings aren't made (default 300000).
"""

import json
import os
import re
import resource
import subprocess
import sys

from truth import PAGE, Lab, Mismatch, Skip, expect, is_sanitized, smaps, some, status

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = sys.argv[1]
VMLOCK = os.path.join(BIN, "vmlock")
SANITIZED = is_sanitized(os.path.join(BIN, "vmlab"))
K, M = 1 << 10, 1 << 20
CAP_IPC_LOCK, CAP_SYS_RESOURCE = 14, 24
EVERY = int(os.environ.get("VM_LOCK_EVERY", "1"))
MAPS = int(os.environ.get("VM_LOCK_MAPS", "300000"))


def caps():
    with open("/proc/self/status") as f:
        return int(next(l for l in f if l.startswith("CapEff")).split()[1], 16)


HARD = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]


class Worker:
    """lockworker.py, perhaps under another program."""

    def __init__(self, *prefix):
        self.p = subprocess.Popen([*prefix, "/usr/bin/python3", "-B", os.path.join(HERE, "lockworker.py")],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        first = self.p.stdout.readline()
        if not first:
            raise Skip(f"cannot start {' '.join(prefix)}")
        self.pid = int(first)

    def ask(self, *words):
        self.p.stdin.write(" ".join(str(w) for w in words) + "\n")
        self.p.stdin.flush()
        answer = self.p.stdout.readline().strip()
        return int(answer) if re.fullmatch(r"-?\d+", answer) else answer

    def map(self, *words):
        p = self.ask(*words)
        if not isinstance(p, int):
            raise Skip(f"{words}: {p}")
        return p

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        try:
            self.p.stdin.close()
        except BrokenPipeError:
            pass
        self.p.stdout.close()
        self.p.wait()


def run(*args, statuses=(0,)):
    r = subprocess.run([VMLOCK, *args], capture_output=True, check=False)
    if r.returncode not in statuses:
        raise Mismatch(f"vmlock {' '.join(args)}: status {r.returncode}: {r.stderr.decode(errors='replace')}")
    return r


def explain(pid, size, *more):
    r = run("--explain", str(size), "-J", *more, str(pid), statuses=(0, 1))
    e = json.loads(r.stdout)["processes"][0]["explain"]
    expect(f"--explain {size}", "exit status", 1 if e["would_succeed"] is False else 0, r.returncode)
    return e


def at(p):
    return ("-a", f"{p:x}")


def agree(label, e, answer):
    """A verdict that isn't open must be the kernel's; one that is open names what it can be."""
    if e["would_succeed"] is None:
        return
    expect(label, "would_succeed", answer == "none", e["would_succeed"])
    expect(label, "error", None if answer == "none" else answer, e["error"])


def sure(label, e, answer):
    expect(label, "is open", False, e["would_succeed"] is None)
    agree(label, e, answer)


# ---- Sizes around the limit ---------------------------------------------------------------------------------------

def sizes(limit, locked):
    room = max(0, limit // PAGE * PAGE - locked)
    around = {0, 1, PAGE - 1, PAGE, PAGE + 1, room - PAGE, room - 1, room, room + 1, room + PAGE, 2 * room + PAGE, limit}
    return sorted(n for n in around if 0 <= n <= 64 * M)


def new_mappings(w, label):
    """A mapping of its own, from a page on, and one byte behind it, which takes a page more."""
    n = 0
    for limit in (0, 1, PAGE - 1, PAGE, 3 * PAGE + 7, 64 * K, M, min(HARD, 8 * M))[::EVERY]:
        if limit > HARD:
            continue
        w.ask("limit", limit)
        for share in (0, 0.4, 1):
            held = int(limit * share) // PAGE * PAGE
            q = w.map("map", held or PAGE)
            expect(f"{label}: held", "answer", "none", w.ask("mlock", q, held) if held else "none")
            for size in sizes(limit, held):
                what = f"{label}: limit {limit}, held {held}, {size}"
                p = w.map("map", size + 2 * PAGE)
                e = explain(w.pid, size)
                answer = w.ask("mlock", p, size)
                sure(what, e, answer)
                w.ask("munlock", p, size + 2 * PAGE)
                if e["only_if_aligned"]:
                    expect(what, "not aligned", "ENOMEM", w.ask("mlock", p + PAGE - 1, size))
                    w.ask("munlock", p, size + 2 * PAGE)
                placed = explain(w.pid, size, *at(p + 5))
                sure(f"{what}, placed", placed, w.ask("mlock", p + 5, size))
                w.ask("munmap", p, size + 2 * PAGE)
                n += 2
            w.ask("munmap", q, held or PAGE)
    w.ask("limit", min(HARD, 8 * M))
    return n


def headroom(w, label):
    """What can be locked is what HEADROOM says, to the page."""
    w.ask("limit", M)
    p = w.map("map", 4 * M)
    w.ask("mlock", p, 300 * K)
    shown = json.loads(run("-J", str(w.pid)).stdout)["processes"][0]
    expect(label, "locked_bytes", status(w.pid, "VmLck"), shown["locked_bytes"])
    expect(label, "memlock_limit_bytes", M, shown["memlock_limit_bytes"])
    room = shown["memlock_headroom_bytes"]
    expect(label, "cap_ipc_lock", room == "unlimited", shown["cap_ipc_lock"])
    most = 2 * M if room == "unlimited" else room
    expect(label, "beyond the headroom", "none" if room == "unlimited" else "ENOMEM", w.ask("mlock", p + M, most + PAGE))
    w.ask("munlock", p + M, 3 * M)
    expect(label, "the headroom", "none", w.ask("mlock", p + M, most))
    w.ask("munmap", p, 4 * M)
    w.ask("limit", min(HARD, 8 * M))
    return 5


# ---- What is in the range -------------------------------------------------------------------------------------------

def ranges(w, label):
    n, size = 0, 16 * PAGE

    def both(what, p, length, *, open_to=None):
        """Both calls; each leaves nothing locked."""
        nonlocal n
        for call, option in (("mlock", ()), ("onfault", ("--onfault",))):
            e = explain(w.pid, length, *at(p), *option)
            before = status(w.pid, "VmLck")
            answer = w.ask(call, p, length)
            (agree if open_to else sure)(f"{label}: {what}, {call}", e, answer)
            if answer == "none" and e["counted_bytes"] is not None and what not in ("hugetlb", "[vvar]", "[vdso]"):
                expect(f"{label}: {what}, {call}", "newly locked", e["counted_bytes"], status(w.pid, "VmLck") - before)
            w.ask("munlock", p, length)
            n += 1

    p = w.map("map", size)
    both("all mapped", p, size)
    both("the middle", p + PAGE, 3 * PAGE)
    w.ask("mlock", p, 4 * PAGE)
    e = explain(w.pid, size, *at(p))
    expect(label, "counted anew", 12 * PAGE, e["counted_bytes"])
    w.ask("munlock", p, size)
    w.ask("munmap", p + 8 * PAGE, PAGE)
    both("a hole", p, size)
    both("up to a hole", p, 8 * PAGE)
    both("only a hole", p + 8 * PAGE, PAGE)
    both("from a hole", p + 8 * PAGE, 2 * PAGE)
    w.ask("munmap", p, size)

    p = w.map("map", size)
    w.ask("protect", p + 3 * PAGE, 2 * PAGE, 0)
    both("no access to a part", p, size)
    both("no access to all", p + 3 * PAGE, PAGE)
    w.ask("protect", p + 3 * PAGE, 2 * PAGE, 1)
    both("read only", p, size)
    w.ask("munmap", p, size)

    p = w.map("map-file", size, 5 * PAGE + 1)
    files_known = caps() & (1 << 21 | 1 << 40)
    both("behind the end of a file", p, size, open_to=None if files_known else "ENOMEM")
    both("up to the end of a file", p, 6 * PAGE, open_to=None if files_known else "ENOMEM")
    w.ask("truncate", p, size)
    both("a longer file", p, size, open_to=None if files_known else "ENOMEM")
    w.ask("munmap", p, size)

    for m in smaps(w.pid):
        if m["name"] in ("[vvar]", "[vdso]", "[heap]"):
            both(m["name"], m["start"], min(m["end"] - m["start"], 8 * PAGE))
    try:
        p = w.map("map-huge", 2 * M)
        both("hugetlb", p, 2 * M, open_to="ENOMEM")
        w.ask("munmap", p, 2 * M)
    except Skip:
        pass
    both("nothing at all", 1 << 20, PAGE)
    return n


def too_many(w, label):
    """As many mappings as there may be: parts can't be split off any more, whole ones can be locked."""
    with open("/proc/sys/vm/max_map_count") as f:
        most = int(f.read())
    if most > MAPS:
        raise Skip(f"vm.max_map_count is {most}: making so many mappings takes long")
    p = w.map("map", 8 * PAGE)
    room = most - json.loads(run("-J", "-o", "MAPS", str(w.pid)).stdout)["processes"][0]["map_count"]
    w.ask("many", room + 8)
    count = json.loads(run("-J", "-o", "MAPS,MAPS%", str(w.pid)).stdout)["processes"][0]
    if count["map_count"] < most - 1:
        raise Mismatch(f"{label}: only {count['map_count']} mappings of {most}")
    expect(label, "map_count_share", round(count["map_count"] / most, 3), round(count["map_count_share"], 3))
    n = 0
    for what, start, pages, failing in (("the middle", p + 2 * PAGE, 2, True), ("its beginning", p, 2, True), ("all", p, 8, False)):
        # The mapping may have been joined with a neighbour.
        m = next(m for m in smaps(w.pid) if m["start"] <= p < m["end"])
        if what == "all":
            start, pages = m["start"], (m["end"] - m["start"]) // PAGE
        elif what == "its beginning":
            start = m["start"]
        e = explain(w.pid, pages * PAGE, *at(start))
        answer = w.ask("mlock", start, pages * PAGE)
        agree(f"{label}: {what}", e, answer)
        if what != "its beginning":
            expect(f"{label}: {what}", "fails", "ENOMEM" if failing else "none", answer)
            expect(f"{label}: {what}", "test", "map_count" if failing else None, e["fails"])
        w.ask("munlock", start, pages * PAGE)
        n += 1
    return n


def everything(w, label):
    """mlockall(2)."""
    n = 0
    for limit in (0, PAGE, min(HARD, 8 * M)):
        w.ask("limit", limit)
        for word, flags in (("current", 1), ("future", 2)):
            e = explain(w.pid, word)
            sure(f"{label}: {word}, limit {limit}", e, w.ask("mlockall", flags))
            if e["would_succeed"]:
                shown = json.loads(run("-J", str(w.pid)).stdout)["processes"][0]
                if shown["mlockall"] is not None:
                    expect(f"{label}: {word}", "mlockall", "future" if word == "future" else "no", shown["mlockall"])
            w.ask("munlockall")
            n += 1
    w.ask("limit", min(HARD, 8 * M))
    return n


def new_mappings_locked(w, label):
    """After MCL_FUTURE: as much more as HEADROOM says, and a page more is EAGAIN."""
    expect(label, "mlockall", "none", w.ask("mlockall", 2))
    shown = json.loads(run("-J", str(w.pid)).stdout)["processes"][0]
    room = shown["memlock_headroom_bytes"]
    n = 1
    if shown["mlockall"] is not None:
        expect(label, "mlockall", "future", shown["mlockall"])
        if room != "unlimited" and "EAGAIN" not in run(str(w.pid)).stdout.decode():
            raise Mismatch(f"{label}: nothing is said of EAGAIN")
        n += 2
    if room != "unlimited":
        expect(label, "beyond the headroom", "EAGAIN", w.ask("map", room + PAGE))
        # The process takes some for itself.
        room = json.loads(run("-J", str(w.pid)).stdout)["processes"][0]["memlock_headroom_bytes"]
        p = w.map("map", room)
        expect(label, "headroom", 0, json.loads(run("-J", str(w.pid)).stdout)["processes"][0]["memlock_headroom_bytes"])
        w.ask("munmap", p, room)
        n += 3
    w.ask("munlockall")
    return n


def charged(w, label):
    """What perf's ring buffer charges the user with is there, and is gone with it; beyond, it is pinned."""
    before = json.loads(run("-J", str(w.pid)).stdout)["processes"][0]
    if before["user_charged_bytes"] is None:
        raise Skip("what users are charged with can't be read here")
    p = w.ask("ring", 64)
    if not isinstance(p, int):
        raise Skip(f"perf_event_open: {p}")
    ring = 65 * PAGE
    # Others may charge the same user meanwhile: what counts is that it happens at all.
    for _ in range(50):
        have = json.loads(run("-J", str(w.pid)).stdout)["processes"][0]
        w.ask("unring")
        after = json.loads(run("-J", str(w.pid)).stdout)["processes"][0]
        more = have["user_charged_bytes"] + have["pinned_bytes"] - after["user_charged_bytes"] - after["pinned_bytes"]
        expect(label, "pinned_bytes", 0, after["pinned_bytes"])
        w.ask("ring", 64)
        if more == ring:
            return 3
    raise Mismatch(f"{label}: a ring of {ring} bytes changes what is charged by {more}")


def groups():
    """Directories in which a control group with a limit of memory can be made, and the names of its files."""
    if os.path.exists("/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        yield "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
    try:
        with open("/sys/fs/cgroup/cgroup.subtree_control") as f:
            if "memory" in f.read().split():
                yield "/sys/fs/cgroup", "memory.max"
    except OSError:
        pass


def in_a_group(w, label):
    """Memory that a control group doesn't have: the OOM killer, or EAGAIN; what it has is no trouble."""
    for where, limit in groups():
        group = os.path.join(where, f"vmlock-test-{os.getpid()}")
        try:
            os.mkdir(group)
            break
        except OSError:
            pass
    else:
        raise Skip("no control group with a limit of memory can be made here")
    try:
        with open(os.path.join(group, limit), "w") as f:
            f.write(str(64 * M))
        with open(os.path.join(group, "cgroup.procs"), "w") as f:
            f.write(str(w.pid))
        p = w.map("map", 256 * M)
        sure(f"{label}: little", explain(w.pid, 16 * M), w.ask("mlock", p, 16 * M))
        w.ask("munlock", p, 16 * M)
        e = explain(w.pid, 256 * M)
        expect(label, "error", ("EAGAIN", "memory"), (e["error"], e["fails"]))
        try:
            answer = w.ask("mlock", p, 256 * M)
        except BrokenPipeError:
            answer = ""
        if answer not in ("", "EAGAIN"):
            raise Mismatch(f"{label}: it can be locked: {answer}")
        return 4
    finally:
        w.p.kill()
        w.p.wait()
        os.rmdir(group)


# ---- What would help --------------------------------------------------------------------------------------------------

def follow(w, label):
    """Each piece of advice that can be followed here is, and then the kernel agrees."""
    n = 0
    limited = not json.loads(run("-J", str(w.pid)).stdout)["processes"][0]["cap_ipc_lock"]
    p = w.map("map", 4 * M)
    if limited:
        for limit in (0, 256 * K):
            w.ask("limit", limit)
            e = explain(w.pid, M)
            expect(label, "before", "EPERM" if limit == 0 else "ENOMEM", w.ask("mlock", p, M))
            command = next(f["command"] for f in e["fixes"] if (f["command"] or "").startswith("prlimit"))
            subprocess.run(command.split(), check=True)
            expect(f"{label}: {command}", "after", "none", w.ask("mlock", p, M))
            expect(f"{label}: {command}", "one page more", "ENOMEM", w.ask("mlock", p, M + PAGE))
            w.ask("munlock", p, 4 * M)
            n += 1
        w.ask("limit", 256 * K)
        what = next(f["what"] for f in explain(w.pid, M, "-b")["fixes"] if f["what"].startswith("lock at most"))
        most = int(re.search(r"\d+", what)[0])
        expect(f"{label}: {what}", "after", "none", w.ask("mlock", p, most))
        expect(f"{label}: {what}", "one page more", "ENOMEM", w.ask("mlock", p + 2 * M, PAGE))
        w.ask("munlock", p, 4 * M)
        w.ask("limit", min(HARD, 8 * M))
        n += 1
    w.ask("protect", p + PAGE, PAGE, 0)
    fixes = [f["what"] for f in explain(w.pid, 4 * PAGE, *at(p))["fixes"]]
    # Before Linux 5.18 that doesn't help, and then isn't said.
    on_fault = w.ask("onfault", p, 4 * PAGE)
    w.ask("munlock", p, 4 * PAGE)
    expect(label, "advice for PROT_NONE", [True, on_fault == "none"],
           ["mprotect" in fixes[0], any("MLOCK_ONFAULT" in f for f in fixes)])
    expect(label, "before", "ENOMEM", w.ask("mlock", p, 4 * PAGE))
    w.ask("munlock", p, 4 * PAGE)
    w.ask("protect", p + PAGE, PAGE, 3)
    expect(label, "after mprotect", "none", w.ask("mlock", p, 4 * PAGE))
    w.ask("munmap", p, 4 * M)
    return n + 2


# ---- What vmlock shows of workloads ------------------------------------------------------------------------------------

def look(t, label):
    shown = json.loads(run("-J", str(t["pid"])).stdout)["processes"][0]
    kernel = [m for m in smaps(t["pid"]) if m.get("locked_bytes") or any(
        int(f["start"], 16) == m["start"] and f.get("locked") for f in t["mappings"])]
    n = 0
    for key in ("memlock_limit_bytes", "cap_ipc_lock", "mlockall", "on_fault_bytes", "locked_absent_bytes"):
        if key in t and shown[key] is not None:
            expect(label, key, t[key], shown[key])
            n += 1
    if "headroom_bytes" in t:
        expect(label, "headroom", t["headroom_bytes"], shown["memlock_headroom_bytes"])
    expect(label, "locked_bytes", status(t["pid"], "VmLck"), shown["locked_bytes"])
    expect(label, "pinned_bytes", status(t["pid"], "VmPin"), shown["pinned_bytes"])
    # The kernel counts the pages of a call in 32 bits (mlock_fixup() in mm/mlock.c); a sanitizer's shadow has more.
    if not SANITIZED:
        expect(label, "VmLck", sum(m["size_bytes"] for m in shown["mappings"]), shown["locked_bytes"])
    expect(label, "locked_rss_bytes", sum(m["rss_bytes"] for m in shown["mappings"]), shown["locked_rss_bytes"])
    by_start = {m["start"]: m for m in shown["mappings"]}
    for m in kernel:
        have = by_start.get(f'{m["start"]:#x}')
        if have is None:
            raise Mismatch(f"{label}: the locked mapping at {m['start']:x} isn't shown")
        expect(label, "absent_bytes", m["size_bytes"] - m["rss_bytes"], have["absent_bytes"])
    for fact in t["mappings"]:
        if fact.get("locked") is False and fact["start"] in by_start:
            raise Mismatch(f"{label}: {fact['start']} isn't locked, but shown")
    for a in t.get("answers", []):
        if a["call"] == "mlock":
            sure(f"{label}: {a}", explain(t["pid"], a["size_bytes"]), a["error"])
            n += 1
    return n + 4 + len(kernel)


def workload(words):
    with Lab(BIN, *words.split(), "--quiet") as lab:
        t = lab.line()
        n = look(t, words)
        while t["more_steps"]:
            t = lab.step()
            n += look(t, words)
        return n


def in_the_list():
    """Who locks is first of the list, with the same figures."""
    with Lab(BIN, "mlock", "--size", "2M", "--lock", "100%", "--mode", "onfault", "--touch", "25%", "--quiet") as lab:
        t = lab.line()
        for _ in range(20):
            rows = json.loads(run("-J").stdout)["processes"]
            mine = [r for r in rows if r["pid"] == t["pid"]]
            expect("list", "rows", 1, len(mine))
            expect("list", "locked_bytes", 2 * M, mine[0]["locked_bytes"])
            expect("list", "locked_absent_bytes", 2 * M - 2 * M // 4, mine[0]["locked_absent_bytes"])
            locked = [r["locked_bytes"] or 0 for r in rows]
            expect("list", "order", sorted(locked, reverse=True), locked)
        maps = json.loads(run("-J", "--mappings", "-p", str(t["pid"])).stdout)["mappings"]
        expect("--mappings", "mappings", [(t["mappings"][0]["start"], "onfault", 2 * M)],
               [(m["start"], m["lock"], m["size_bytes"]) for m in maps])
    return 7


WORKLOADS = ["mlock", "mlock --mode onfault --lock 100%", "mlock-onfault", "mlock-limit", "mlock-limit --limit 100000",
             "mlockall --size 256K --mode current", "mlockall --size 256K --mode future",
             "mlockall --size 256K --mode onfault"]


def as_whom():
    """Ways to be: name, and what starts a process so."""
    yield "as we are", ()
    if caps() >> CAP_IPC_LOCK & 1:
        yield "without CAP_IPC_LOCK", ("setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock")
    yield "root of a user namespace", ("unshare", "-Ur")


def own_namespace(w, label):
    """CAP_IPC_LOCK is there, and doesn't count."""
    shown = json.loads(run("-J", str(w.pid)).stdout)["processes"][0]
    with open(f"/proc/{w.pid}/status") as f:
        caps_there = int(next(l for l in f if l.startswith("CapEff")).split()[1], 16)
    expect(label, "CAP_IPC_LOCK in status", 1, caps_there >> CAP_IPC_LOCK & 1)
    expect(label, "cap_ipc_lock", False, shown["cap_ipc_lock"])
    if "user namespace" not in run("--explain", "1T", str(w.pid), statuses=(1,)).stdout.decode():
        raise Mismatch(f"{label}: nothing is said of the user namespace")
    return 3


def with_worker(prefix, label, fn):
    with Worker(*prefix) as w:
        return fn(w, label)


def main():
    tests = []
    for label, prefix in as_whom():
        for fn in (new_mappings, headroom, ranges, too_many, everything, new_mappings_locked, follow):
            tests.append((f"{fn.__name__.replace('_', ' ')} {label}", with_worker, (prefix, label, fn)))
    tests.append(("user namespace", with_worker, (("unshare", "-Ur"), "user namespace", own_namespace)))
    tests.append(("charged to the user", with_worker, ((), "charged", charged)))
    if caps() >> CAP_IPC_LOCK & 1:
        tests.append(("in a control group", with_worker, ((), "control group", in_a_group)))
    tests += [(words, workload, (words,)) for words in some(WORKLOADS)]
    tests.append(("in the list", in_the_list, ()))
    failed = skipped = 0
    for name, fn, args in tests:
        try:
            print(f"ok    {name}: {fn(*args)} facts")
        except Skip as e:
            skipped += 1
            print(f"skip  {name}: {e}")
        except (Mismatch, OSError, ValueError, KeyError, StopIteration, subprocess.CalledProcessError) as e:
            failed += 1
            print(f"FAIL  {name}: {type(e).__name__}: {e}")
        sys.stdout.flush()
    print(f"{len(tests) - failed - skipped} ok, {failed} failed, {skipped} skipped")
    return 1 if failed else 77 if skipped == len(tests) else 0


if __name__ == "__main__":
    sys.exit(main())
