"""vmfault against what vmlab's workloads state of their page faults, and against the kernel's own counters.

Usage: faults.py BIN_DIR SCRATCH_DIR
"""

import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from truth import Lab, Mismatch, Skip

BIN, DIR = sys.argv[1], sys.argv[2]
PATIENCE = 120

RUNS = [
    "fault-storm", "threads-faults", "major-faults", "file-mkwrite", "shm-faults", "cow-faults", "children",
    "zero-then-write", "kernel-fault", "gup-faults", "swap-in", "huge-fault", "stack-growth-faults", "invalid", "uffd",
]


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
        key = (f["start"], f["end"], f["kind"], f.get("pid"), f["from"] == "gup")
        have = sums.setdefault(key, {**f, "least": 0, "most": 0, "labels": []})
        have["least"] += f.get("count", f.get("count_min", 0))
        have["most"] += f.get("count", f.get("count_max", 1 << 62))
        have["labels"].append(f["label"])
    return list(sums.values())


def anywhere(f, report):
    """No mapping holds what was touched: then the process's sum."""
    return not any(m["start"] and int(m["start"], 16) < int(f["end"], 16) and int(m["end"], 16) > int(f["start"], 16)
                   for m in report["mappings"])


def check_facts(name, report, lines):
    facts = together([dict(f, pid=f.get("pid", t["pid"]) if "processes" not in f else None)
                      for t in lines for f in t.get("faults", [])])
    expect(f"{name}: facts are stated", bool(facts), True)
    unseen = 0
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
            got = total_of(report, f["kind"])
        if not least <= got <= most:
            raise Mismatch(f"{what}: {got} instead of {least} to {most}")
    return unseen


def check_sums(name, report, unseen=0, execs=0):
    """Totals against the kernel's own counters; times against the clock."""
    own, faults = report["counters"], report["faults"]
    expect(f"{name}: lost", {k: v for k, v in report["lost"].items() if v}, {})
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


def check_step(name):
    """One step of a process that was there before: what came since."""
    with Lab(BIN, name, "--quiet", "--dir", DIR) as lab:
        lab.line()
        v = subprocess.Popen([tool("vmfault"), "-J", "-p", str(lab.pid), "-i", "100ms"], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        try:
            first = v.stdout.readline()
            line = lab.step()
            v.send_signal(signal.SIGINT)
            rest, said = v.communicate(timeout=PATIENCE)
        finally:
            if v.poll() is None:
                v.kill()
                v.wait()
        expect(f"{name}: exit status of vmfault ({said.decode(errors='replace').strip()})", v.returncode, 0)
    reports = [json.loads(one) for one in [first, *rest.splitlines()]]
    sums = reports[0]
    for r in reports[1:]:
        sums["mappings"] += r["mappings"]
        sums["kinds"] += r["kinds"]
    check_facts(name + " step", sums, [line])


def check_two():
    """Two at once: neither disturbs the other's counts."""
    a = subprocess.Popen([tool("vmfault"), "-J", "-a", "-i", "100ms"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        first = a.stdout.readline()
        report, out = run_vmfault([], [tool("vmlab"), "fault-storm", "--exit", "--quiet"])
        check_facts("two tracers", report, [json.loads(out.splitlines()[0])])
        check_sums("two tracers", report)
        a.send_signal(signal.SIGINT)
        rest = a.communicate(timeout=PATIENCE)[0]
    finally:
        if a.poll() is None:
            a.kill()
            a.wait()
    pid, seen = report["pids"][0], 0
    for one in [first, *rest.splitlines()]:
        seen += sum(m["faults"] for m in json.loads(one)["mappings"] if m["pid"] == pid)
    # It saw the process from its fork on, not only from its execve().
    if seen < report["faults"]["total"]:
        raise Mismatch(f"two tracers: {seen} faults of {report['faults']['total']} were seen by the other")


def programs():
    """How many of our programs the kernel holds; None: can't be told."""
    try:
        r = subprocess.run(["bpftool", "-j", "prog", "show"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=PATIENCE)
        return sum(p.get("name") in ("begin_user", "end_minor") for p in json.loads(r.stdout))
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
    before = programs()
    v = subprocess.Popen([tool("vmfault"), "-J", "-a", "-i", "50ms"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    v.stdout.readline()
    during = programs()
    v.kill()
    v.communicate()
    if before is None:
        print("skip: whether programs stay can't be told without bpftool")
        return
    expect("programs of a tracer", during > before, True)
    # The kernel frees them in its own time.
    for _ in range(100000):
        if programs() <= before:
            break
    expect("programs left behind", programs() <= before, True)
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
        if way == "perf":
            fact = json.loads(out.splitlines()[0])["faults"][0]
            expect("perf: in the mapping", count_in(report, fact, "minor-anon"), fact["count"])


def main():
    failed = skipped = 0
    checks = [(f"{n} run", lambda n=n: check_run(n)) for n in RUNS]
    checks += [(f"{n} step", lambda n=n: check_step(n)) for n in ("zero-then-write", "shm-faults", "threads-faults", "uffd")]
    checks += [("two tracers", check_two), ("killed target", check_killed_target), ("killed tracer", check_killed_tracer)]
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
