"""vmtlb's counting.  Usage: count.py DIR_OF_PROGRAMS SCRATCH"""
import ctypes
import glob
import json
import os
import re
import signal
import struct
import subprocess
import sys
import time

import machine

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
from truth import KERNEL

BIN, SCRATCH = sys.argv[1:3]
HERE = os.path.dirname(os.path.abspath(__file__))
VMTLB, TOUCHER = os.path.join(BIN, "vmtlb"), os.path.join(BIN, "toucher")
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]
ROOT = os.geteuid() == 0
failures, notes = [], []


def check(ok, what):
    if not ok:
        failures.append(what)
        print("FAIL:", what)


class Run:
    """A run of vmtlb that ends by itself."""

    def __init__(self, *args, env=None, before=(), preexec=None, **options):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("FAKEPMU")}
        # As the kernel does it, of whom the software events are.
        if env and "FAKEPMU_ROOT" in env and not ROOT:
            env = {**env, "FAKEPMU_ERRNO": env.get("FAKEPMU_ERRNO", "") + ",kernel=EACCES"}
        done = subprocess.run([*before, VMTLB, *args], env={**clean, "COLUMNS": "80", **(env or {})}, capture_output=True, text=True,
                              errors="replace", timeout=100, preexec_fn=preexec, check=False, stdin=subprocess.DEVNULL, **options)
        self.out, self.err, self.status = done.stdout, done.stderr, done.returncode
        self.flat = re.sub(r"\s+", " ", self.err)
        self.name = "vmtlb " + " ".join(args)

    def json(self):
        try:
            return json.loads(self.out)
        except ValueError as e:
            check(False, f"{self.name}: no JSON ({e}): {self.out[:200]!r} {self.err[:300]!r}")
            return {}


def fake(name, **more):
    return {**machine.make(SCRATCH, name), "LD_PRELOAD": os.path.join(BIN, "libfakepmu.so"),
            "ASAN_OPTIONS": "verify_asan_link_order=0", **more}


# ---- A PMU that isn't there ----

def normal(text):
    """What differs from run to run, and with how vmtlb was built."""
    text = re.sub(r"^true: \S+, \S+ CPUs used", "true: TIME", text)
    text = re.sub(r"^Software:.*\n( .*\n)*", "", text, flags=re.M)
    return re.sub(r"^events of .*\n(?:(?!TLB).*\n)*", "", text, flags=re.M)


def golden():
    for name in machine.MACHINES:
        run = Run("--", "true", env=fake(name, FAKEPMU_RUNNING="50"))
        path = os.path.join(HERE, name + ".out")
        got = normal(run.out)
        if os.environ.get("VM_UPDATE_GOLDEN"):
            with open(path, "w", encoding="utf-8") as f:
                f.write(got)
        with open(path, encoding="utf-8") as f:
            want = f.read()
        check(run.status == 0 and got == want, f"{name}: got\n{got}instead of\n{want}{run.err}")
        long = [line for line in (run.out + run.err).splitlines() if len(line) > 80]
        check(not long, f"{name}: longer than 80 columns: {long}")


def scaling():
    """Half of the time: the count is doubled, and that is said; at no time: it isn't zero."""
    run = Run("-J", "--", "true", env=fake("spr", FAKEPMU_RUNNING="0xe11=0,*=50")).json()
    load, fetch = run["sides"][0], run["sides"][2]
    walks = [e for e in run["events"] if e["means"] == "load_walks"][0]
    check(walks["raw"] * 2 == walks["count"] == load["walks"] == 118_300_000, f"scaling: {walks}")
    check(walks["running_ns"] * 2 == walks["enabled_ns"] and load["counted_share"] == 0.5, f"times: {walks}")
    check(fetch["walks"] is None and fetch["walks_per_kinst"] is None and fetch["cycles_per_walk"] is None, f"never ran: {fetch}")
    check(run["events"][0]["note"] is not None, "an event without a note")
    ratios = (load["walks_per_kinst"], load["cycles_per_walk"], load["cycle_share"], load["walk_ratio"])
    wanted = (118.3e6 / 33.4e6, 3691.52e6 / 118.3e6, 3691.52e6 / 41.2e9, 118.3e6 / 9810e6)
    check(all(abs(a - b) < 1e-3 * b for a, b in zip(ratios, wanted)), f"ratios: {ratios}, {wanted}")
    # With three events in a group accesses stand in another one than walks: no ratio of what ran too little.
    for share, known in (("20", False), ("30", True)):
        load = Run("-J", "--", "true", env=fake("spr", FAKEPMU_RUNNING=share, FAKEPMU_GROUP="3")).json()["sides"][0]
        check((load["walk_ratio"] is not None) == known, f"across groups at {share} %: {load}")
        check(load["walks_per_kinst"] is not None, f"in one group at {share} %: {load}")
    ceiling = Run("-J", "--", "true", env=fake("spr")).json()
    share = (3691.52e6 + 333.72e6 + 16.48e6) / 41.2e9
    check(abs(ceiling["ceiling_share"] - share) < 1e-6, f"ceiling: {ceiling['ceiling_share']}, {share}")
    check(abs(ceiling["ceiling_speedup"] - 1 / (1 - share)) < 1e-6, f"speed-up: {ceiling['ceiling_speedup']}")


def groups():
    """What the kernel is asked for: never more than four TLB events beside each other, three where the watchdog sits."""
    log = os.path.join(SCRATCH, "log")

    def asked(**more):
        if os.path.exists(log):
            os.remove(log)
        run = Run("--", "true", env=fake("spr", FAKEPMU_LOG=log, **more))
        check(run.status == 0, f"groups: {run.err}")
        lines = [line for line in open(log, encoding="ascii") if line.startswith("raw") and " pid other " in line]
        sizes, all_events = [], []
        for line in lines:
            event = line.split()[1]
            if " leads " in line:
                sizes.append(0)
            sizes[-1] += event not in ("0x3c", "0xc0")
            all_events.append(event)
            check("inherit 1" in line and ("exec 1" in line) == (" leads " in line), f"attributes: {line}")
        return sizes, sorted(e for e in all_events if e not in ("0x3c", "0xc0"))

    plain, events = asked()
    check(plain == [4, 4, 3, 3], f"groups: {plain}")
    env = fake("spr")
    path = os.path.join(env["FAKEPMU_ROOT"], "proc/sys/kernel/nmi_watchdog")
    with open(path, "w", encoding="ascii") as f:
        f.write("1\n")
    # fake() would write it anew.
    saved, machine.make = machine.make, lambda directory, name: {k: v for k, v in env.items() if k.startswith("FAKEPMU")}
    watched, same = asked()
    machine.make = saved
    check(max(watched) == 3 and same == events, f"groups beside the watchdog: {watched}")
    for room in (1, 2, 3):
        sizes, same = asked(FAKEPMU_GROUP=str(room))
        check(max(sizes) == room and same == events, f"groups where {room} fit: {sizes}")


def events_by_name():
    env = fake("spr", FAKEPMU_COUNTS="cache:0x3=1000000,cache:0x10003=20300,cache:0x4=5,cache:0x10004=2,0xe08=77,hw:0x1=2030000")
    run = Run("-e", "dTLB-loads,dTLB-load-misses,instructions,iTLB-load-misses,r0e08", "-J", "--", "true", env=env).json()
    rows = {row["event"]: row for row in run["events"]}
    check(rows["dTLB-load-misses"]["means"] == "load_walks" and rows["dTLB-load-misses"]["count"] == 20300, f"by name: {rows}")
    check(abs(rows["dTLB-load-misses"]["access_ratio"] - 0.0203) < 1e-6, f"ratio by name: {rows['dTLB-load-misses']}")
    check(abs(rows["dTLB-load-misses"]["per_kinst"] - 10) < 1e-6, f"by instructions: {rows['dTLB-load-misses']}")
    check(rows["r0e08"]["count"] == 77, f"raw: {rows['r0e08']}")
    # The same name, another meaning, and no ratio of what doesn't belong together.
    amd = Run("-e", "dTLB-loads,dTLB-load-misses", "-J", "--", "true", env=fake("zen4")).json()["events"]
    check(amd[0]["means"] == "data_l1_misses" and amd[1]["access_ratio"] is None, f"on AMD: {amd}")
    for name, hint in (("dTLB-lods", "dTLB-loads"), ("page-fault", "page-faults"), ("", "names no event")):
        run = Run("-e", name, "--", "touch", os.path.join(SCRATCH, "started"), env=fake("spr"))
        check(run.status == 2 and hint in run.err and run.err.count("\n") == 1, f"-e {name}: {run.status} {run.err}")
    check(not os.path.exists(os.path.join(SCRATCH, "started")), "a wrong event, and the command was started")


# ---- Errors ----

PARANOID3 = {"proc/sys/kernel/perf_event_paranoid": "3\n"}
SECCOMP = {"proc/self/status": "Name:\tvmtlb\nSeccomp:\t2\n"}
# name, FAKEPMU_ERRNO, files, sysfs shows a PMU, state, reason, words, status of -p
ERRORS = [
    ("no PMU in sysfs", "hw=ENOENT", {}, False, "none", "no_pmu", "no hardware counters", 0),
    ("no PMU, sysfs shows one", "hw=ENOENT,raw=ENOENT", {}, True, "none", "no_pmu", "no hardware counters", 0),
    # With CAP_PERFMON the sysctl isn't what refuses.
    ("paranoid 3, as Debian", "all=EACCES", PARANOID3, True, "forbidden", "security_module" if ROOT else "paranoid",
     "security module" if ROOT else "kernel.perf_event_paranoid=2", 4),
    ("no PMU and paranoid 3", "all=EACCES", PARANOID3, False, "none", "no_pmu", "being root does not change it", 4),
    ("a module", "all=EACCES", {}, True, "forbidden", "security_module", "security module", 4),
    ("lockdown", "all=EPERM", {}, True, "filtered", "security_module", "lockdown", 4),
    ("seccomp, EPERM", "all=EPERM", SECCOMP, True, "filtered", "seccomp", "EPERM, and \"Seccomp: 2\"", 4),
    ("seccomp, ENOSYS", "all=ENOSYS", SECCOMP, True, "filtered", "seccomp", "ENOSYS, and \"Seccomp: 2\"", 1),
    ("seccomp, EACCES", "all=EACCES", SECCOMP, True, "filtered", "seccomp", "EACCES, and \"Seccomp: 2\"", 4),
    ("no perf events", "all=ENOSYS", {}, True, "no_perf_events", "no_perf", "CONFIG_PERF_EVENTS", 1),
    ("user mode only", "kernel=EACCES", {}, True, "ready", "user_only", "user mode only", 0),
    ("busy", "hw=EBUSY", {}, True, "failed", "busy", "reserved the counters", 0),
    ("descriptors", "hw=EMFILE", {}, True, "failed", "failed", "ulimit -n", 0),
    ("not supported", "hw=EOPNOTSUPP", {}, True, "none", "no_pmu", "no hardware counters", 0),
]
# What is only refused of the target, once we know that counters work.
OF_TARGETS = [("EACCES", 4, "refuses to have it counted" if ROOT else "CAP_PERFMON"), ("EMFILE", 1, "ulimit -n"), ("ESRCH", 3, "there is no process"),
              ("EBUSY", 0, "EBUSY"), ("EOPNOTSUPP", 0, "EOPNOTSUPP"), ("ENOSPC", 0, "ENOSPC")]


def error_machine(files, device):
    env = fake("spr")
    root = os.path.join(SCRATCH, "errors")
    subprocess.run(["rm", "-rf", root], check=True)
    subprocess.run(["cp", "-r", env["FAKEPMU_ROOT"], root], check=True)
    if not device:
        subprocess.run(["rm", "-r", root + "/sys/bus/event_source/devices/cpu"], check=True)
    for path, text in files.items():
        os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
        with open(os.path.join(root, path), "w", encoding="ascii") as f:
            f.write(text)
    return {**env, "FAKEPMU_ROOT": root}


def errors():
    sleeper = subprocess.Popen(["sleep", "1000"])
    for name, what, files, device, state, reason, words, status in ERRORS:
        env = {**error_machine(files, device), "FAKEPMU_ERRNO": what}
        run = Run("-J", "--", "sh", "-c", "exit 7", env=env)
        doc = run.json()
        counters = doc.get("counters", {})
        check(run.status == 7, f"{name}: the program's status is {run.status}: {run.err}")
        check((counters.get("state"), counters.get("reason")) == (state, reason), f"{name}: {counters}")
        check(words in run.flat or words in run.out, f"{name}: says {run.flat}, and not {words}")
        check(run.flat.startswith("vmtlb: ") and "\n\n" not in run.err, f"{name}: {run.err!r}")
        soft = doc.get("software", {}).get("page_faults")
        refused = any(part.startswith("all=") for part in what.split(","))
        check((soft is None) == refused, f"{name}: page faults {soft}")
        run = Run("-p", str(sleeper.pid), "-d", "20ms", env=env)
        check(run.status == status, f"{name}: -p ends with {run.status} instead of {status}: {run.err}")
    for code, status, words in OF_TARGETS:
        env = {**error_machine({}, True), "FAKEPMU_ERRNO": f"other={code}"}
        run = Run("-p", str(sleeper.pid), "-d", "20ms", env=env)
        check(run.status == status and words in run.flat + run.out, f"of a target, {code}: {run.status} {run.flat} {run.out}")
        run = Run("--", "sh", "-c", "exit 7", env=env)
        check(run.status == 7, f"of a program, {code}: {run.status} {run.flat}")
    env = {**error_machine({}, True), "FAKEPMU_ERRNO": "cpu=EACCES"}
    run = Run("-a", "-d", "20ms", env=env)
    check(run.status == 4 and "at most 0" in run.flat, f"-a: {run.status} {run.flat}")
    # One event that this CPU doesn't have: the others are counted.
    doc = Run("-J", "--", "true", env={**error_machine({}, True), "FAKEPMU_ERRNO": "0xe11=ENOENT"}).json()
    check(doc["sides"][2]["walks"] is None and doc["sides"][0]["walks"] == 118_300_000, f"without one event: {doc['sides']}")
    sleeper.kill()
    sleeper.wait()


def libc_call(*args):
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.prctl(*[ctypes.c_ulong(a) if isinstance(a, int) else a for a in args])


def block_perf(code):
    """A seccomp filter, as containers have: perf_event_open fails with `code`."""
    number = {"x86_64": 298, "aarch64": 241}[os.uname().machine]

    def install():
        prog = b"".join(struct.pack("HBBI", *i) for i in (
            (0x20, 0, 0, 0),                      # the number of the call
            (0x15, 0, 1, number),
            (0x06, 0, 0, 0x00050000 | code),      # SECCOMP_RET_ERRNO
            (0x06, 0, 0, 0x7fff0000)))            # SECCOMP_RET_ALLOW
        buf = ctypes.create_string_buffer(prog)
        fprog = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 4, ctypes.addressof(buf)))
        libc_call(38, 1, 0, 0, 0)                 # PR_SET_NO_NEW_PRIVS
        if libc_call(22, 2, ctypes.byref(fprog), 0, 0) != 0:
            os._exit(99)
    return install


def has_pmu():
    return Run("-J", "--", "true").json()["counters"]["state"] == "ready"


def real_refusals():
    for code, name in ((1, "EPERM"), (38, "ENOSYS"), (13, "EACCES")):
        run = Run("-J", "--", "sh", "-c", "exit 7", preexec=block_perf(code))
        counters = run.json().get("counters", {})
        check(run.status == 7, f"a filter's {name}: {run.status} {run.err}")
        # Without a PMU in sysfs that comes first.
        first = counters.get("reason") in ("no_pmu", "seccomp")
        check(first and "Seccomp: 2" in run.flat and name in run.flat, f"a filter's {name}: {counters} {run.flat}")
    if not ROOT:
        notes.append("not root: other users' processes and capabilities weren't tried")
        return
    check(Run("-p", "1", "-d", "20ms", before=NOBODY).status == 4, "another user's process: not 4")
    run = Run("-p", "1", "-d", "20ms", before=NOBODY)
    check("cap_perfmon" in run.err.lower(), f"another user's process: {run.err}")
    run = Run("-a", "-d", "20ms", before=NOBODY)
    paranoid = int(open("/proc/sys/kernel/perf_event_paranoid", encoding="ascii").read())
    check(run.status == 4 or paranoid < 1, f"-a as nobody: {run.status} {run.err}")
    run = Run("-J", "--", "sh", "-c", "exit 7", before=NOBODY)
    doc = run.json()
    check(run.status == 7 and (paranoid != 2 or doc["counters"]["user_only"]), f"as nobody: {run.status} {doc}")
    # What Debian adds to the kernel: nothing at all at level 3.
    check(paranoid < 3 or set(doc["software"].values()) == {None}, f"as nobody: {doc['software']}")
    if paranoid >= 2:
        check(doc["software"]["context_switches"] is None, f"of user mode, switches aren't zero: {doc['software']}")
    if paranoid == 2:
        check(doc["software"]["page_faults"] > 0, f"as nobody: {doc['software']}")
    run = Run("-p", "1", "-d", "20ms", before=["unshare", "-Ur"])
    if "unshare failed" in run.err or "Operation not permitted" in run.err:
        notes.append("no user namespaces here")
    else:
        check(run.status == 4 and "user namespace" in run.flat, f"in a user namespace: {run.status} {run.err}")


# ---- The kernel's own events ----

def software_events():
    """How many of the kernel's own events we may count."""
    return sum(n is not None for n in Run("-J", "--", "true").json()["software"].values())


def faults(*args):
    return Run("-J", *args).json()["software"]["page_faults"]


def inherit():
    """Threads and children count, from execve on: what is added is found again."""
    none = faults("--", TOUCHER, "command", "0", "0", "0")
    for self, thread, child in ((1000, 0, 0), (0, 2000, 0), (0, 0, 3000), (1000, 2000, 3000)):
        n = faults("--", TOUCHER, "command", str(self), str(thread), str(child))
        extra = n - none - self - thread - child
        # Page tables and stacks lie differently each time.
        check(-20 <= extra <= 20, f"inherit {self} {thread} {child}: {extra} too many")


class Attached:
    def __init__(self, threads, pages, *args, preexec=None, events=None):
        self.target = subprocess.Popen([TOUCHER, "attached", str(threads), str(pages)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       text=True, bufsize=1, preexec_fn=preexec)
        assert self.target.stdout.readline() == "ready\n"
        whom = [] if "-g" in args else ["-p", str(self.target.pid)]
        self.vmtlb = subprocess.Popen([VMTLB, "-J", *whom, *args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.wait_for_events(events or software_events() * (threads + 1))
        self.target.stdin.write("\n")
        assert self.target.stdout.readline() == "done\n"

    def wait_for_events(self, wanted):
        """All have their events once vmtlb has that many open and sleeps."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            fds = glob.glob(f"/proc/{self.vmtlb.pid}/fd/*")
            events = sum(self.is_event(fd) for fd in fds)
            if events >= wanted and self.polls():
                return
            time.sleep(0.01)
        check(False, f"vmtlb never had {wanted} events")

    def polls(self):
        """By where the kernel waits, or, as Linux 5.10 doesn't tell that, in which call: poll or ppoll."""
        where = []
        for name in ("wchan", "syscall"):
            with open(f"/proc/{self.vmtlb.pid}/{name}", encoding="ascii") as f:
                where.append(f.read())
        calls = {"x86_64": ("7", "271"), "aarch64": ("73",)}[os.uname().machine]
        return "poll" in where[0] or where[0] == "0" and where[1].split()[0] in calls

    @staticmethod
    def is_event(fd):
        try:
            return "perf_event" in os.readlink(fd)
        except OSError:
            return False

    def end(self):
        self.vmtlb.send_signal(signal.SIGINT)
        out = self.vmtlb.communicate(timeout=60)[0]
        check(self.vmtlb.returncode == 0, f"^C: status {self.vmtlb.returncode}")
        self.target.stdin.close()
        self.target.wait()
        self.target.stdout.close()
        return json.loads(out)


def attach():
    """Threads that are there, one that comes, a child: to the page, but for what starting a thread and a child takes."""
    threads, pages = 4, 2000
    doc = Attached(threads, pages).end()
    extra = doc["software"]["minor_faults"] - (threads + 2) * pages
    check(0 <= extra <= 60, f"attach: {extra} too many")
    check(doc["wall_ns"] > 0 and doc["target"] == "pids", f"attach: {doc}")
    alone = Attached(threads, pages, "--no-children").end()
    # Before Linux 5.13 it comes all the same, and that is said.
    told = KERNEL >= (5, 13)
    said = "in spite of --no-children" in Run("--no-children", "-p", str(os.getpid()), "-d", "20ms").flat
    check(said != told, f"--no-children: {said} that children come, too")
    extra = alone["software"]["minor_faults"] - (threads + (1 if told else 2)) * pages
    check(0 <= extra <= 60, f"--no-children: {extra} too many")


def series():
    """A line a sample, ^C ends it, and the sum comes last: of objects, the sum of what the samples had."""
    target = subprocess.Popen([sys.executable, "-c", "import mmap\nwhile True:\n m = mmap.mmap(-1, 1 << 20)\n m[::4096] = bytes(256)"])
    run = Run("-p", str(target.pid), "50ms", "3")
    lines = run.out.splitlines()
    check(len(lines) == 4 and "FAULTS" in lines[0] and run.status == 0, f"three samples: {run.out}")
    docs = [json.loads(line) for line in Run("-J", "-p", str(target.pid), "50ms", "2").out.splitlines()]
    check([d["sample"] for d in docs] == [1, 2] and docs[0]["software"]["page_faults"] > 0, f"objects: {docs}")
    csv = Run("--csv", "-p", str(target.pid), "50ms", "2").out.splitlines()
    check(len(csv) == 3 and csv[0].startswith("time_s,"), f"CSV: {csv}")
    # No sum at the end, whose rows would be of another kind, or taken for a sample.
    csv = Run("--csv", "-i", "20ms", "--", "sleep", "0.1").out.splitlines()
    check(len(csv) > 2 and {len(line.split(",")) for line in csv} == {csv[0].count(",") + 1}, f"CSV: {csv}")
    vmtlb = subprocess.Popen([VMTLB, "-J", "-p", str(target.pid), "30ms"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    first = [json.loads(vmtlb.stdout.readline()) for _ in range(3)]
    vmtlb.send_signal(signal.SIGINT)
    rest = [json.loads(line) for line in vmtlb.communicate(timeout=60)[0].splitlines()]
    check(vmtlb.returncode == 0 and rest[-1]["sample"] is None, f"^C: {vmtlb.returncode} {[d['sample'] for d in rest]}")
    parts = sum(d["software"]["page_faults"] for d in first + rest[:-1])
    check(parts == rest[-1]["software"]["page_faults"], f"the sum of the samples is {parts}, of all {rest[-1]['software']}")
    # A target that vanishes ends it as well.
    vmtlb = subprocess.Popen([VMTLB, "-p", str(target.pid), "30ms"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    vmtlb.stdout.readline()
    target.kill()
    target.wait()
    out = vmtlb.communicate(timeout=60)[0]
    check(vmtlb.returncode == 0 and "process " in out, f"vanished: {vmtlb.returncode} {out}")
    check(Run("-p", "4194305").status == 3, "no such process: not 3")
    check(Run("-i", "20ms", "--", "sh", "-c", "sleep 0.1; exit 3").status == 3, "a program's status after a series")


def new_group():
    """A control group of our own below the hierarchy of version 2; None where that can't be."""
    for mount in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        if os.path.exists(mount + "/cgroup.controllers"):
            try:
                path = f"{mount}/vmtlb-test-{os.getpid()}"
                os.mkdir(path)
                return path
            except OSError:
                pass
    return None


def cgroup():
    path = new_group() if ROOT else None
    if not path:
        notes.append("no control group to count")
        return

    def join():
        with open(path + "/cgroup.procs", "w", encoding="ascii") as f:
            f.write(str(os.getpid()))
    try:
        run = Attached(2, 1500, "-g", "/" + os.path.basename(path), preexec=join, events=6 * os.cpu_count())
        doc = run.end()
        extra = doc["software"]["minor_faults"] - 4 * 1500
        check(doc["target"] == "cgroup" and 0 <= extra <= 80, f"a control group: {extra} too many; {doc}")
    finally:
        os.rmdir(path)
    check(Run("-g", "/no/such/group").status == 3, "no such control group: not 3")
    everyone = Run("-J", "-a", "-d", "50ms").json()
    check(everyone["software"]["context_switches"] > 0, f"all: {everyone['software']}")
    # A CPU's clock runs while it idles, too: that isn't what was used.
    check(everyone["software"]["task_clock_ns"] is None, f"all: {everyone['software']}")
    check("CPUs used" not in Run("-a", "-d", "50ms").out, "all: it says what CPUs were used")


def walks():
    """One walk for each access to so many pages that no TLB holds them, with a PMU."""
    if not has_pmu():
        notes.append("no PMU here: page walks of a stride weren't counted")
        return
    for _ in range(3):
        run = Run("-J", "--", TOUCHER, "stride", "65536", "40").json()
        sides = {row["side"]: row for row in run["sides"]}
        row = sides.get("load") or sides.get("data")
        ratio = (row["walks"] or row["walks_started"]) / (65536 * 40)
        if 0.9 <= ratio <= 1.2:
            return
    check(False, f"{ratio} walks for each access: {row}")


# The fake's events are the kernel's own, renamed.
if not ROOT and not software_events():
    print("skip: the kernel lets this user count nothing (kernel.perf_event_paranoid)")
    sys.exit(77)
# The fake stands in for what the kernel would say; the others hear the kernel itself.
for test in (golden, scaling, groups, events_by_name, errors, real_refusals):
    test()
if software_events():
    for test in (inherit, attach, series, cgroup, walks):
        test()
else:
    notes.append("the kernel lets this user count nothing: threads, children and series weren't tried")
for note in notes:
    print("note:", note)
print(f"{len(failures)} failures" if failures else "counting: all as it should be")
sys.exit(1 if failures else 0)
