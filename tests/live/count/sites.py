"""vmtlb --sites and --stacks.  Usage: sites.py DIR_OF_PROGRAMS SCRATCH"""
import json
import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lab"))
import machine
from truth import Lab, Mismatch, Skip, is_sanitized

BIN, SCRATCH = sys.argv[1:3]
VMTLB, VMLAB, FAKE = (os.path.join(BIN, name) for name in ("vmtlb", "vmlab", "libfakepmu.so"))
SANITIZED = is_sanitized(VMTLB)
# Without elfutils files tell no names.
NAMES = os.environ.get("VM_HAVE_DW", "1") == "1"
PATIENCE = 120
PAGES = 2048
# Touches each page once, with a store; loads of pages that are there follow.
STRIDE = [VMLAB, "tlb-stride", "--size", f"{PAGES * 4}K", "--accesses", "20000", "--steps", "1", "--exit", "--quiet"]
EXACT = ["--event", "page-faults", "--period", "1"]


def expect(what, have, want):
    if have != want:
        raise Mismatch(f"{what}: {have} instead of {want}")


def between(what, least, have, most):
    if not least <= have <= most:
        raise Mismatch(f"{what}: {have} instead of {least} to {most}")


class Run:
    """A run of vmtlb that ends by itself; what the program wrote is in `out` if the report went elsewhere."""

    def __init__(self, *args, env=None):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("FAKEPMU")}
        done = subprocess.run([VMTLB, *args], env={**clean, "COLUMNS": "80", **(env or {})}, capture_output=True, text=True,
                              errors="replace", timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL)
        self.out, self.err, self.status = done.stdout, done.stderr, done.returncode
        self.said = re.sub(r"\s+", " ", self.err)


def report_on(args, command, env=None, status=0):
    """The document, and what the program wrote."""
    path = os.path.join(SCRATCH, "report.json")
    run = Run("-J", "--output", path, *args, "--", *command, env=env)
    expect(f"exit status, with {run.err!r}", run.status, status)
    with open(path, encoding="utf-8") as f:
        return json.load(f), run


def fake(name, **more):
    """A machine whose hardware events are others of the kernel's: FAKEPMU_SAMPLES."""
    if not os.path.exists(FAKE):
        raise Skip("libfakepmu.so isn't here")
    return {**machine.make(SCRATCH, name), "LD_PRELOAD": FAKE, "ASAN_OPTIONS": "verify_asan_link_order=0", **more}


def without_fake(command):
    """The programs that vmtlb starts are none of it."""
    return ["env", "-u", "LD_PRELOAD", *command]


def region(report, out):
    """Samples in the memory whose pages are known."""
    line = json.loads(out.splitlines()[0])
    where = line["mappings"][0]
    rows = [m for m in report["mappings"] if m["pid"] == line["pid"] and m["start"] and
            int(where["start"], 16) <= int(m["start"], 16) < int(where["end"], 16)]
    expect("rows of one mapping", len(rows), 1)
    return rows[0]


def expect_pages(what, have, pages):
    """Sanitizers use the same addresses for memory of their own, before and after."""
    between(what, pages, have, pages + (1000 if SANITIZED else 0))


def check_sums(report, whole=True):
    """Each sample is in one site, and those with an address in one mapping; together they stand for what was counted, if it
    is all that was."""
    events = report["events"]
    expect("lost", report["lost_samples"], 0)
    expect("samples", report["samples"], sum(e["samples"] for e in events))
    expect("samples by site", sum(s["samples"] for s in report["sites"]), report["samples"])
    expect("samples by mapping", sum(m["samples"] for m in report["mappings"] or []), sum(e["addressed_samples"] for e in events))
    if report["samples"] and whole:
        counted, rows = sum(e["events_counted"] for e in events if e["samples"]), len(report["sites"])
        between("events by site", counted - rows, sum(s["events"] for s in report["sites"]), counted + rows)
    if report["samples"]:
        between("shares", 0.999, sum(s["share"] for s in report["sites"]), 1.001)


def site_of(report, function):
    return sum(s["samples"] for s in report["sites"] if s["site"].startswith(function + "+"))


# ---- The kernel's own events ----

def every_event():
    report, run = report_on(["--sites", *EXACT], STRIDE)
    check_sums(report)
    event = report["events"][0]
    expect("event", (event["event"], event["skid"], event["period"], event["frequency_hz"]), ("page-faults", "none", 1, None))
    expect("samples of what was counted", event["samples"], event["events_counted"])
    row = region(report, run.out)
    expect_pages("samples in the region", row["samples"], PAGES)
    expect("permission", row["perm"], "rw-p")
    if NAMES and not SANITIZED:
        expect("samples at the stores", site_of(report, "vm_touch"), PAGES)


def every_hundredth():
    report, run = report_on(["--sites", "--event", "page-faults", "--period", "100"], STRIDE)
    cpus = os.cpu_count()
    event = report["events"][0]
    between("samples", event["events_counted"] // 100 - cpus, event["samples"], event["events_counted"] // 100 + cpus)
    row = region(report, run.out)
    # Where the counting begins is left to chance, on each CPU.
    between("estimate for the region", PAGES * 0.8, row["events"], PAGES * 1.2 + 100 * cpus)


def by_frequency():
    busy = [*STRIDE, "--size", "64M", "--accesses", "9000000"]
    report, _ = report_on(["--sites", "--event", "cpu-clock", "--frequency", "500"], busy)
    event = report["events"][0]
    expect("skid of a timer", event["skid"], "any")
    expect("frequency", (event["frequency_hz"], event["period"]), (500, None))
    expect("addresses", (event["addressed_samples"], report["mappings"]), (0, None))
    if not event["samples"]:
        raise Mismatch("no sample of a program that computes")
    text = Run("--sites", "--event", "cpu-clock", "--", *busy).out
    for words in ("tell no address of the data", "precise_ip 0"):
        expect(f"said: {words}", words in re.sub(r"\s+", " ", text), True)


def two_events():
    """Events that happen at the same time are told apart."""
    report, run = report_on(["--sites", "--event", "page-faults,minor-faults,major-faults", "--period", "1"], STRIDE)
    expect("events", [e["event"] for e in report["events"]], ["page-faults", "minor-faults", "major-faults"])
    both, minor, major = (e["samples"] for e in report["events"])
    expect("minor and major", minor + major, both)
    expect_pages("samples in the region", region(report, run.out)["samples"], 2 * PAGES)


def stacks():
    report, _ = report_on(["--stacks", *EXACT], STRIDE)
    expect("mode", report["mode"], "stacks")
    expect("samples by stack", sum(s["samples"] for s in report["stacks"]), report["samples"])
    expect("no sites", "sites" in report or "mappings" in report, False)
    between("stacks that begin with the program", 1, sum(s["stack"].startswith("vmlab") for s in report["stacks"]),
            len(report["stacks"]))
    path = os.path.join(SCRATCH, "folded")
    run = Run("--stacks", "--folded", "--output", path, *EXACT, "--", *STRIDE)
    expect("exit status", run.status, 0)
    total = 0
    with open(path, encoding="utf-8", errors="replace") as f:
        for line in f:
            if not re.fullmatch(r"[^ ]+(;[^ ]+)* [1-9][0-9]*", line.rstrip("\n")):
                raise Mismatch(f"a folded line: {line!r}")
            total += int(line.rsplit(" ", 1)[1])
    between("samples in folded stacks", PAGES, total, 4 * PAGES)
    if NAMES and not SANITIZED:
        with open(path, encoding="utf-8", errors="replace") as f:
            expect("samples of vm_touch", sum(int(line.split()[-1]) for line in f if "vm_touch" in line), PAGES)


def intervals():
    run = Run("-J", "--sites", *EXACT, "-i", "20ms", "--", VMLAB, "threads-faults", "--threads", "2", "--pages", "10", "--rounds", "9",
              "--steps", "8", "--exit", "--quiet")
    reports = [json.loads(line) for line in run.out.splitlines() if line.startswith('{"schema"')]
    expect("exit status", run.status, 0)
    # Nine rounds of 10 and 20 pages.
    between("samples in all intervals", 270, sum(r["samples"] for r in reports), 270 + (100000 if SANITIZED else 5000))
    expect("samples of what was counted in all intervals", sum(r["samples"] for r in reports),
           sum(r["events"][0]["events_counted"] for r in reports))
    for r in reports:
        check_sums(r, False)


# ---- Processes that are there ----

class Watch:
    """vmtlb with a report every 100 ms; running, and watching, when the block begins."""

    def __init__(self, *args):
        self.p = subprocess.Popen([VMTLB, "-J", "--sites", *EXACT, *args, "-i", "100ms"], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE)
        self.first = self.p.stdout.readline()

    def rest(self):
        rest, said = self.p.communicate(timeout=PATIENCE)
        expect(f"exit status of vmtlb, which said {said!r}", self.p.returncode, 0)
        return [json.loads(one) for one in [self.first, *rest.splitlines()]]

    def end(self):
        self.p.send_signal(signal.SIGINT)
        return self.rest()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.p.poll() is None:
            self.p.kill()
        self.p.communicate()


def samples_at(reports, start, end):
    return sum(m["samples"] for r in reports for m in r["mappings"] or []
               if m["start"] and start <= int(m["start"], 16) < end)


def attached():
    """Threads that were there before, each once, and what they touch in two steps."""
    with Lab(BIN, "threads-faults", "--threads", "3", "--pages", "40", "--rounds", "5", "--quiet") as lab:
        lab.line()
        with Watch("-p", str(lab.pid)) as w:
            lines = [lab.step(), lab.step()]
            reports = w.end()
    for fact in lines[1]["faults"]:
        expect(f"samples of {fact['label']}", samples_at(reports, int(fact["start"], 16), int(fact["end"], 16)), 2 * fact["count"])
    for r in reports:
        check_sums(r, False)


def vanished():
    """A target that ends ends the report, with what came until then."""
    with Lab(BIN, "threads-faults", "--threads", "1", "--pages", "40", "--rounds", "5", "--quiet") as lab:
        lab.line()
        with Watch("-p", str(lab.pid)) as w:
            lab.step()
            lab.end()
            reports = w.rest()
    between("samples", 40, sum(r["samples"] for r in reports), 10000)


def whole_machine():
    if os.geteuid() != 0:
        raise Skip("only root may sample all processes")
    with Watch("-a") as w:
        run = subprocess.run(STRIDE, capture_output=True, text=True, check=True, timeout=PATIENCE)
        reports = w.end()
    line = json.loads(run.stdout.splitlines()[0])
    where = line["mappings"][0]
    got = sum(m["samples"] for r in reports for m in r["mappings"] or [] if m["pid"] == line["pid"] and m["start"]
              and int(where["start"], 16) <= int(m["start"], 16) < int(where["end"], 16))
    expect_pages("samples in the region", got, PAGES)
    us = [m for r in reports for m in r["mappings"] or [] if m["pid"] == w.p.pid]
    expect("samples of vmtlb itself", us, [])


# ---- A PMU that isn't there ----

SPR = "0x11d0=minor-faults,0x12d0=major-faults,*=nothing"


def precise():
    """As exact as the CPU can; and what that means is said."""
    for most, skid, words in (("2", "none", ""), ("1", "constant", "precise_ip 1"), ("0", "any", "precise_ip 0")):
        env = fake("spr", FAKEPMU_SAMPLES=SPR, FAKEPMU_PRECISE=most)
        report, run = report_on(["--sites", "--period", "1"], without_fake(STRIDE), env)
        check_sums(report)
        expect("events", [(e["event"].split("::")[-1], e["side"], e["skid"]) for e in report["events"]],
               [("MEM_INST_RETIRED:STLB_MISS_LOADS", "load", skid), ("MEM_INST_RETIRED:STLB_MISS_STORES", "store", skid),
                ("FRONTEND_RETIRED:STLB_MISS", "fetch", skid)])
        row = region(report, run.out)
        expect_pages("samples in the region", row["samples"], PAGES)
        expect("the same as loads, and as events", (row["load_samples"], row["events"]), (row["samples"], row["samples"]))
        text = Run("--sites", "--", *without_fake(["true"]), env=env).out
        expect(f"said: {words}", words in re.sub(r"\s+", " ", text), True)


def several_machines():
    """Loads and stores in one event, or only the kernel's generic names; two kinds of cores."""
    for name, samples, events in (
            ("zen4", "0xf045=page-faults,*=nothing", {"data", "fetch"}),
            ("masked-generic", "cache:0x10003=page-faults,*=nothing", {"load", "store", "fetch"}),
            ("hybrid", "4:0x11d0=page-faults,*=nothing", {"load", "store", "fetch"})):
        report, run = report_on(["--sites", "--period", "1"], without_fake(STRIDE), fake(name, FAKEPMU_SAMPLES=samples))
        check_sums(report)
        expect_pages(f"{name}: samples in the region", region(report, run.out)["samples"], PAGES)
        if not {e["side"] for e in report["events"]} <= events:
            raise Mismatch(f"{name}: {report['events']}")


def ibs():
    """All operations are sampled; those that say nothing of a miss don't count.  Where it can't be had, the CPU's events."""
    if os.geteuid() != 0:
        raise Skip("only root may use IBS, which knows no modes")
    env = fake("zen4", FAKEPMU_SAMPLES="11:0x80000=page-faults,0xf045=page-faults,*=nothing")
    where = os.path.join(env["FAKEPMU_ROOT"], "sys/bus/event_source/devices/ibs_op")
    os.makedirs(where, exist_ok=True)
    with open(os.path.join(where, "type"), "w", encoding="ascii") as f:
        f.write("11\n")
    report, _ = report_on(["--sites", "--period", "16"], without_fake(STRIDE), env)
    event = report["events"][0]
    expect("event", (event["event"], event["filtered"], event["side"], event["skid"]), ("ibs_op", True, "data", "none"))
    expect("samples that count", event["samples"], 0)
    between("operations", PAGES, event["events_counted"], 100 * PAGES)
    report, run = report_on(["--sites", "--period", "1"], without_fake(STRIDE), {**env, "FAKEPMU_ERRNO": "11:0x80000=EINVAL"})
    expect("without it", [e["event"] for e in report["events"] if e["filtered"]], [])
    expect_pages("samples in the region", region(report, run.out)["samples"], PAGES)
    os.remove(os.path.join(where, "type"))


def refused():
    """Each refusal has its sentence; the program runs all the same, and its status is ours."""
    for errors, words in (
            ("sampling=EOPNOTSUPP", "raises no interrupt here (EOPNOTSUPP)"), ("raw=ENOENT", "none of the events that are known"),
            ("sampling=EINVAL", "the kernel doesn't sample"), ("raw=EBUSY", "others hold the CPU's counters"), ("all=EACCES", "refuses"), ("all=EPERM", "blocked (EPERM"),
            ("hw=ENOENT", "no hardware counters"), ("all=ENOSYS", "perf")):
        env = fake("spr", FAKEPMU_SAMPLES=SPR, FAKEPMU_PRECISE="2", FAKEPMU_ERRNO=errors)
        report, run = report_on(["--sites"], without_fake(["sh", "-c", "echo here; exit 7"]), env, 7)
        expect(f"{errors}: the program's output", run.out, "here\n")
        expect(f"{errors}: said {words}: {run.said}", words in run.said, True)
        expect(f"{errors}: what else there is", "--model" in run.said, True)
        expect(f"{errors}: unknown", (report["sites"], report["samples"], report["events"]), (None, None, []))
    # One of them is there.
    env = fake("spr", FAKEPMU_SAMPLES=SPR, FAKEPMU_PRECISE="2", FAKEPMU_ERRNO="0x12d0=EBUSY")
    report, _ = report_on(["--sites"], without_fake(["true"]), env)
    expect("not sampled", [(e["event"].split(":")[-1], e["error"]) for e in report["not_sampled"]], [("STLB_MISS_STORES", "EBUSY")])


def without_pmu():
    if any(name.startswith(("cpu", "armv8")) for name in os.listdir("/sys/bus/event_source/devices")):
        raise Skip("this machine has a PMU")
    report, run = report_on(["--sites"], ["sh", "-c", "exit 7"], status=7)
    expect("reason", (report["counters"]["state"], report["counters"]["reason"]), ("none", "no_pmu"))
    expect("said", "no hardware counters" in run.said and "--model" in run.said, True)
    run = Run("--sites", "-p", str(os.getpid()))
    expect("status and words for a process", (run.status, "--hot" in run.said), (1, True))


# ---- Usage ----

def usage():
    for args, status, words in (
            (["--sites"], 2, "name what to measure"), (["--sites", "--stacks", "--", "true"], 2, "--stacks"),
            (["--sites", "--folded", "--", "true"], 2, "--stacks"), (["--stacks", "--folded", "-J", "--", "true"], 2, "--folded"),
            (["--stacks", "--folded", "-i", "1s", "--", "true"], 2, "--folded"),
            (["--sites", "--period", "0", "--", "true"], 2, "--period"), (["--period", "7", "--", "true"], 2, "--sites"),
            (["--sites", "--period", "7", "--frequency", "7", "--", "true"], 2, "one of them"),
            (["--sites", "--event", "no-such-event", "--", "true"], 2, "no-such-event"),
            (["--sites", "--event", "page-faults,,", "--", "true"], 2, "page-faults,,"),
            (["--sites", "-o", "NOSUCH", "--", "true"], 2, "NOSUCH"), (["--stacks", "-o", "SITE", "--", "true"], 2, "SITE"),
            (["--sites", *EXACT, "--", "./no/such/program"], 127, "no/such/program"),
            (["--sites", *EXACT, "-p", "4194303"], 3, "4194303"), (["--sites", "-p", "4194303"], 3, "4194303")):
        run = Run(*args)
        expect(f"{args}: status, with {run.err!r}", run.status, status)
        expect(f"{args}: says {words}: {run.said}", words in run.said, True)
        expect(f"{args}: output", run.out, "")


def tables():
    """At most 80 columns; CSV is one table."""
    run = Run("--sites", *EXACT, "--top", "5", "--output", os.path.join(SCRATCH, "table"), "--", *STRIDE)
    expect("status", run.status, 0)
    with open(os.path.join(SCRATCH, "table"), encoding="utf-8") as f:
        lines = f.read().splitlines()
    expect("wide lines", [line for line in lines if len(line) > 80], [])
    for word in ("EVENT", "SITE", "MAPPING"):
        expect(f"tables with {word}", sum(word in line.split() for line in lines), 1)
    run = Run("--sites", "--csv", *EXACT, "--", "true")
    rows = run.out.splitlines()
    expect("columns of CSV", rows[0].startswith("samples,share,events,"), True)
    expect("headings of CSV", sum(row.startswith("samples,") for row in rows), 1)


def main():
    tests = (every_event, every_hundredth, by_frequency, two_events, stacks, intervals, attached, vanished, whole_machine, precise,
             several_machines, ibs, refused, without_pmu, usage, tables)
    failed = skipped = 0
    for test in tests:
        name = test.__name__.replace("_", " ")
        try:
            test()
            print(f"ok    {name}")
        except Skip as e:
            skipped += 1
            print(f"skip  {name}: {e}")
        except (Mismatch, subprocess.TimeoutExpired, subprocess.CalledProcessError, OSError, ValueError, KeyError, IndexError) as e:
            failed += 1
            print(f"FAIL  {name}: {type(e).__name__}: {e}")
        sys.stdout.flush()
    print(f"{len(tests) - failed - skipped} ok, {failed} failed, {skipped} skipped")
    return 1 if failed else 77 if skipped == len(tests) else 0


sys.exit(main())
