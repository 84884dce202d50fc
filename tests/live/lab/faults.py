"""vmfault against what vmlab's workloads state of their page faults, and against the kernel's own counters.

Usage: faults.py BIN_DIR SCRATCH_DIR
"""

import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from truth import KERNEL, PAGE, Lab, Mismatch, Skip, is_sanitized

BIN, DIR = sys.argv[1], sys.argv[2]
SANITIZED = is_sanitized(os.path.join(BIN, "vmlab"))
PATIENCE = 120

RUNS = [
    "fault-storm", "threads-faults", "major-faults", "file-mkwrite", "shm-faults", "cow-faults", "children",
    "zero-then-write", "kernel-fault", "gup-faults", "swap-in", "huge-fault", "stack-growth-faults", "invalid", "uffd",
    "soft-dirty",
]
# Where all takes long: workloads that are watched in other ways than through their whole run.
WAYS = os.environ.get("VM_FAULTS_WAYS", "")
# These go on in steps.
STEPS = [n for n in RUNS if n != "soft-dirty"]


def left_out(report):
    """Faults that are counted, but not known more of, and told as lost: Linux 7.2 leaves programs out where another task was
    interrupted in one."""
    return report["lost"]["unmatched"] if KERNEL >= (7, 2) else 0


def expect(what, have, want):
    if have != want:
        raise Mismatch(f"{what}: {have} instead of {want}")


def tool(name):
    return os.path.join(BIN, name)


def run_vmfault(args, command=(), status=0):
    """vmfault's report on a command, and what the command wrote."""
    out = os.path.join(DIR, "report.json")
    r = subprocess.run([tool("vmfault"), "-J", "--output", out, *args, "--", *command], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=PATIENCE)
    if r.returncode == 77:
        raise Skip(r.stderr.decode(errors="replace").strip())
    expect("exit status of vmfault, which said " + r.stderr.decode(errors="replace").strip(), r.returncode, status)
    with open(out) as f:
        return json.load(f), r.stdout


def count_in(report, fact, kind):
    """Faults of a kind in the mappings that a fact speaks of."""
    start, end, n = int(fact["start"], 16), int(fact["end"], 16), 0
    for m in report["mappings"]:
        if "pid" in fact and m["pid"] != fact["pid"]:
            continue
        if m["start"] and int(m["start"], 16) < end and int(m["end"], 16) > start:
            n += m["kinds"].get(kind, 0)
    return n


def total_of(report, kind):
    return sum(k["count"] for k in report["kinds"] if k["kind"] == kind)


def together(facts):
    """Facts that vmfault can't tell apart, as one: the same kind in the same range of the same process."""
    sums = {}
    for f in facts:
        # What grows is one mapping, whatever range of it a line speaks of.
        where = (f["name"],) if "name" in f else (f["start"], f["end"])
        key = (where, f["kind"], f.get("pid"), f["from"] == "gup")
        have = sums.setdefault(key, {**f, "least": 0, "most": 0, "processes": 0, "labels": []})
        have["least"] += f.get("count", f.get("count_min", 0))
        have["most"] += f.get("count", f.get("count_max", 1 << 62))
        have["labels"].append(f["label"])
        have["processes"] += f.get("processes", 0)
    return list(sums.values())


def anywhere(f, report):
    """No mapping holds what was touched: then the process's sum."""
    return not any(m["start"] and int(m["start"], 16) < int(f["end"], 16) and int(m["end"], 16) > int(f["start"], 16)
                   for m in report["mappings"])


def check_nothing_else(name, report, facts):
    """In mappings that are a stated range, no other kind occurred, and the kernel met what is its own."""
    ranges = {}
    for f in facts:
        # What grows, and what several processes have in common, has no mapping of its own.
        if "name" not in f and not f["processes"]:
            ranges.setdefault((f["pid"], f["start"], f["end"]), []).append(f)
    for (pid, start, end), stated in ranges.items():
        found = [m for m in report["mappings"] if (m["pid"], m["start"], m["end"]) == (pid, start, end)]
        raised = [f for f in stated if f["from"] != "gup"]
        kinds = {k for m in found for k, n in m["kinds"].items() if n}
        if found:
            what = f"{name}: {', '.join(l for f in stated for l in f['labels'])}"
            least, most = ({f["kind"] for f in raised if f[n]} for n in ("least", "most"))
            if not least <= kinds <= most:
                raise Mismatch(f"{what}: kinds: {kinds} instead of {most}, of which {least} are certain")
            kernel = sum(m["kernel_faults"] for m in found)
            expect(what + ": by the kernel", kernel, sum(f["least"] for f in raised if f["from"] == "kernel"))


def check_threads(name, report, lines):
    """Each thread's faults are those that it saw itself, and what the kernel counted for it."""
    stated = {}
    for line in lines:
        for th in line.get("fault_threads", []):
            stated[th["tid"]] = stated.get(th["tid"], 0) + th["minor_faults"]
    for tid, n in stated.items():
        rows = [t for t in report["threads"] if t["tid"] == tid]
        have, own = (sum(t[k] for t in rows) for k in ("minor_faults", "own_minor_faults"))
        if have < n:
            raise Mismatch(f"{name}: thread {tid} made {n} faults, {have} are shown")
        expect(f"{name}: the kernel's own count of thread {tid}", own, have)


def check_children(name, report, facts):
    """Each of the children has its row, with what each of them touched."""
    for f in facts:
        if f["processes"]:
            each = {}
            for m in report["mappings"]:
                if (m["start"], m["end"]) == (f["start"], f["end"]):
                    each[m["pid"]] = each.get(m["pid"], 0) + m["kinds"].get(f["kind"], 0)
            missing = left_out(report)
            if not f["processes"] - missing <= len(each) <= f["processes"]:
                raise Mismatch(f"{name}: children with faults of their own: {len(each)} instead of {f['processes']}")
            if not missing:
                expect(f"{name}: faults of each", set(each.values()), {f["least"] // f["processes"]})


def check_facts(name, report, lines):
    facts = together([dict(f, pid=f.get("pid", t["pid"]) if "processes" not in f else None)
                      for t in lines for f in t.get("faults", [])])
    expect(f"{name}: facts are stated", bool(facts), True)
    if SANITIZED:
        return sum(f["least"] for f in facts if f["from"] == "gup")
    unseen = 0
    check_nothing_else(name, report, facts)
    check_children(name, report, facts)
    check_threads(name, report, lines)
    for f in facts:
        if f["pid"] is None:
            del f["pid"]
        what = f"{name}: {', '.join(f['labels'])}: {f['kind']}"
        if f["from"] == "gup":
            unseen += f["least"]
            expect(what + " seen", count_in(report, f, f["kind"]), 0)
            continue
        got, least, most = count_in(report, f, f["kind"]), f["least"], f["most"]
        # What isn't mapped has no row of its own.
        if got == 0 and anywhere(f, report):
            same = [g for g in facts if g["kind"] == f["kind"] and anywhere(g, report)]
            least, most = sum(g["least"] for g in same), sum(g["most"] for g in same)
            # That a fault was given up is seen at the thread's next one, or at its end.
            least -= f["kind"] == "unresolved" and name.endswith(" step")
            got = total_of(report, f["kind"])
        if not least - left_out(report) <= got <= most:
            raise Mismatch(f"{what}: {got} instead of {least} to {most}")
    return unseen


def check_sums(name, report, unseen=0, execs=0):
    """Totals against the kernel's own counters; times against the clock."""
    own, faults = report["counters"], report["faults"]
    told = {"unmatched": left_out(report)}
    expect(f"{name}: lost", {k: v for k, v in report["lost"].items() if v != told.get(k, 0)}, {})
    expect(f"{name}: sum of kinds", sum(k["count"] for k in report["kinds"]), faults["total"])
    expect(f"{name}: minor", faults["minor"] + unseen + execs, own["minor_faults"])
    expect(f"{name}: major", faults["major"], own["major_faults"])
    expect(f"{name}: unseen", own["minor_unseen"], unseen + execs)
    expect(f"{name}: threads", sum(t["minor_faults"] for t in report["threads"]), faults["minor"])
    threads = max(1, len(report["threads"]))
    if report["fault_time_ns"] > report["wall_ns"] * threads:
        raise Mismatch(f"{name}: {report['fault_time_ns']} ns in faults within {report['wall_ns']} ns")


def check_run(name):
    """From its first instruction to its end."""
    report, out = run_vmfault([], [tool("vmlab"), name, "--exit", "--quiet", "--dir", DIR])
    if report["source"] != "ebpf":
        raise Skip(f"no eBPF here: {report['why_not']}")
    lines = [json.loads(line) for line in out.splitlines() if line.strip()]
    unseen = check_facts(name, report, lines)
    # Workloads may use get_user_pages() themselves, as mlock() does; only one states how often.
    own = report["counters"]["minor_unseen"]
    check_sums(name, report, unseen, 0 if name == "gup-faults" else own - unseen)
    if name in ("fault-storm", "zero-then-write", "shm-faults", "children", "threads-faults"):
        expect(f"{name}: faults that raised no event", own, 0)


class Watch:
    """vmfault with a report every 100 ms; running, and watching, when the block begins."""

    def __init__(self, *args):
        self.p = subprocess.Popen([tool("vmfault"), "-J", *args, "-i", "100ms"], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        self.first = self.p.stdout.readline()

    def end(self):
        """All reports together, as far as these are sums."""
        self.p.send_signal(signal.SIGINT)
        rest, said = self.p.communicate(timeout=PATIENCE)
        expect(f"exit status of vmfault, which said {said.decode(errors='replace').strip()}", self.p.returncode, 0)
        reports = [json.loads(one) for one in [self.first, *rest.splitlines()]]
        sums = reports[0]
        for r in reports[1:]:
            for rows in ("mappings", "kinds", "threads"):
                sums[rows] += r[rows]
            for counts in ("faults", "counters", "lost"):
                for k, v in r[counts].items():
                    known = v is not None and sums[counts][k] is not None
                    sums[counts][k] = sums[counts][k] + v if known else None
        return sums

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.p.poll() is None:
            self.p.kill()
        self.p.communicate()


def check_step(name):
    """Two steps of a process that was there before: what came since."""
    with Lab(BIN, name, "--quiet", "--dir", DIR) as lab:
        lab.line()
        lab.settle()
        with Watch("-p", str(lab.pid)) as w:
            lines = [lab.step(), lab.step()]
            lab.settle()
            report = w.end()
    unseen = check_facts(name + " step", report, lines)
    expect(f"{name} step: lost", {k: v for k, v in report["lost"].items() if v}, {})
    own, faults = report["counters"], report["faults"]
    expect(f"{name} step: minor", faults["minor"] + unseen, own["minor_faults"])
    expect(f"{name} step: major", faults["major"], own["major_faults"])
    expect(f"{name} step: unseen", own["minor_unseen"], unseen)


def check_trace(name):
    """Every fault, one by one: as many as are stated, and each page as often as it must be."""
    out = os.path.join(DIR, "trace.json")
    command = [tool("vmlab"), name, "--exit", "--quiet", "--dir", DIR]
    r = subprocess.run([tool("vmfault"), "--trace", "-J", "--output", out, "--", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
    if r.returncode == 77:
        raise Skip(r.stderr.decode(errors="replace").strip())
    expect(f"{name} trace: exit status, with {r.stderr.decode(errors='replace').strip()}", r.returncode, 0)
    line = json.loads(r.stdout.splitlines()[0])
    with open(out) as f:
        events = [json.loads(one) for one in f]
    for fact in together([dict(f, pid=f.get("pid", line["pid"])) for f in line["faults"]
                          if f["from"] != "gup" and f["kind"] != "unresolved"]):
        start, end = int(fact["start"], 16), int(fact["end"], 16)
        mine = [e for e in events if e["pid"] == fact["pid"] and e["kind"] == fact["kind"]
                and start <= int(e["address"], 16) < end]
        what = f"{name} trace: {', '.join(fact['labels'])}: {fact['kind']}"
        if not fact["least"] <= len(mine) <= fact["most"]:
            raise Mismatch(f"{what}: {len(mine)} instead of {fact['least']} to {fact['most']}")
        if fact["least"] == fact["most"] and fact["label"] != "churn":
            pages = {int(e["address"], 16) // PAGE for e in mine}
            expect(what + ": pages", len(pages), min(fact["least"], (end - start) // PAGE))
        by_kernel = len(mine) if fact["from"] == "kernel" else 0
        expect(what + ": met by the kernel", sum(e["kernel"] for e in mine), by_kernel)


def check_churn():
    """Many threads, and mappings that come and go under them: exact, and where is known."""
    sizes = "--size 64M --threads 8 --churn 4 --steps 2".split()
    report, out = run_vmfault([], [tool("vmlab"), "fault-storm", *sizes, "--exit", "--quiet"])
    check_facts("churn", report, [json.loads(one) for one in out.splitlines()])
    check_sums("churn", report)
    unknown = sum(m["faults"] for m in report["mappings"] if m["start"] is None)
    if unknown * 1000 > report["faults"]["total"]:
        raise Mismatch(f"churn: the mapping of {unknown} faults of {report['faults']['total']} isn't known")


def check_perf(name):
    """Without eBPF: how many in each mapping, and how many of these were major."""
    report, out = run_vmfault(["--via", "perf"], [tool("vmlab"), name, "--exit", "--quiet", "--dir", DIR])
    line, ranges = json.loads(out.splitlines()[0]), {}
    for f in line["faults"]:
        if "name" in f or "processes" in f or f["kind"] == "unresolved" or f["kind"].startswith("invalid"):
            continue
        key = (f.get("pid", line["pid"]), f["start"], f["end"])
        ranges[key] = ranges.get(key, 0) + (f["count"] if f["from"] != "gup" else 0)
    for (pid, start, end), n in ranges.items():
        have = sum(m["faults"] for m in report["mappings"] if m["pid"] == pid and m["start"]
                   and int(start, 16) <= int(m["start"], 16) < int(end, 16))
        expect(f"{name} by perf: {start} to {end}", have, n)
    expect(f"{name} by perf: lost", {k: v for k, v in report["lost"].items() if v}, {})
    # They aren't known where a child's end wasn't seen in time.
    if report["counters"]["major_faults"] is not None:
        expect(f"{name} by perf: major", report["faults"]["major"], report["counters"]["major_faults"])


def check_two():
    """Two at once: neither disturbs the other's counts."""
    with Watch("-a") as all_of_them:
        report, out = run_vmfault([], [tool("vmlab"), "fault-storm", "--exit", "--quiet"])
        check_facts("two tracers", report, [json.loads(out.splitlines()[0])])
        check_sums("two tracers", report)
        # A leak checker's process at the end is a child of its own.
        family = {t["pid"] for t in report["threads"]}
        sums = all_of_them.end()
    seen = sum(m["faults"] for m in sums["mappings"] if m["pid"] in family)
    # It saw the process from its fork on, not only from its execve().
    if seen < report["faults"]["total"]:
        raise Mismatch(f"two tracers: {seen} faults of {report['faults']['total']} were seen by the other, which saw "
                       f"{sums['faults']} and lost {sums['lost']}; by thread {[t for t in sums['threads'] if t['pid'] in family]}")


def programs_of(pid):
    """Numbers of the programs that a process holds; others may watch at the same time."""
    ids = set()
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            with open(f"/proc/{pid}/fdinfo/{fd}") as f:
                ids |= {int(line.split()[1]) for line in f if line.startswith("prog_id:")}
        except FileNotFoundError:
            continue
    return ids


def programs():
    """Numbers of all programs that the kernel holds; None: can't be told."""
    try:
        r = subprocess.run(["bpftool", "-j", "prog", "show"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                           timeout=PATIENCE)
        return {p["id"] for p in json.loads(r.stdout)}
    except (OSError, ValueError):
        return None


def check_killed_target():
    """It dies while it faults: the report is whole all the same."""
    script = '"$1" fault-storm --size 512M --quiet >/dev/null & p=$!; n=0; while [ $n -lt 20000 ]; do n=$((n+1)); done; ' \
             'kill -9 $p; wait $p 2>/dev/null; kill -9 $$'
    report, _ = run_vmfault([], ["sh", "-c", script, "sh", tool("vmlab")], 128 + signal.SIGKILL)
    check_sums("killed target", report, report["counters"]["minor_unseen"])
    expect("killed target: exit status told", report["exit_status"], 128 + signal.SIGKILL)


def check_killed_tracer():
    """Nothing of it stays."""
    with Watch("-a") as w:
        own = programs_of(w.p.pid)
        w.p.kill()
    if programs() is None:
        raise Skip("whether programs stay can't be told without bpftool")
    expect("it had programs", bool(own), True)
    # The kernel frees them in its own time.
    for _ in range(100000):
        if not own & programs():
            break
    expect("programs left behind", own & programs(), set())
    for event in ("page_fault_user", "page_fault_kernel"):
        path = f"/sys/kernel/tracing/events/exceptions/{event}/enable"
        if os.path.exists(path):
            with open(path) as f:
                expect(f"{event} enabled", f.read().strip(), "0")


def check_others():
    """Without eBPF: totals are those of the kernel, whatever the way."""
    for way in ("perf", "counters"):
        try:
            report, out = run_vmfault(["--via", way], [tool("vmlab"), "fault-storm", "--exit", "--quiet"])
        except Mismatch as e:
            if "needs CAP_PERFMON" in str(e) or "need CAP_PERFMON" in str(e):
                print(f"skip: {way}: not permitted here")
                continue
            raise
        stated = sum(f["count"] for f in json.loads(out.splitlines()[0])["faults"])
        expect(f"{way}: source", report["source"], way)
        if report["faults"]["total"] < stated:
            raise Mismatch(f"{way}: {report['faults']['total']} faults of {stated}")
        expect(f"{way}: times are not known", report["fault_time_ns"], None)
        if way == "perf" and not SANITIZED:
            fact = json.loads(out.splitlines()[0])["faults"][0]
            expect("perf: in the mapping", count_in(report, fact, "minor-anon"), fact["count"])


def main():
    failed = skipped = 0
    checks = [(f"{n} run", lambda n=n: check_run(n)) for n in RUNS]
    if SANITIZED:
        print("skip: exact counts of mappings: the sanitizer's own memory and faults are among the workloads'")
    if WAYS:
        print(f"skip: step by step, traced, and by perf only {WAYS} (VM_FAULTS_WAYS)")
    for way, names, check in (("step", STEPS, check_step), ("trace", [n for n in RUNS if n != "children"], check_trace),
                              ("by perf", RUNS, check_perf)):
        checks += [(f"{n} {way}", lambda n=n, check=check: check(n)) for n in names
                   if not SANITIZED and (not WAYS or n in WAYS.split())]
    checks += [("churn", check_churn), ("two tracers", check_two), ("killed target", check_killed_target),
               ("killed tracer", check_killed_tracer)]
    probe, _ = run_vmfault([], ["true"])
    if probe["source"] != "ebpf":
        print(f"skip: kinds and times: {probe['why_not']}")
        checks, skipped = [], len(checks)
    for what, check in [*checks, ("other ways", check_others)]:
        try:
            check()
            print(f"ok: {what}")
        except Skip as e:
            skipped += 1
            print(f"skip: {what}: {e}")
        except Mismatch as e:
            failed += 1
            print(f"FAILED: {what}: {e}")
    print(f"{failed} failed, {skipped} skipped")
    return 1 if failed else 0


sys.exit(main())
