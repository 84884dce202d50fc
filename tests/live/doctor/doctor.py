"""What vmdoctor claims, done by other means: by this program itself, or by the command that wants it.

Usage: doctor.py BIN
"""

import ctypes
import fcntl
import json
import mmap
import os
import re
import shutil
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
from truth import adopt_orphans, children

BIN = sys.argv[1]
PAGE = os.sysconf("SC_PAGE_SIZE")
ROOT = os.geteuid() == 0
libc = ctypes.CDLL(None, use_errno=True)
failed = 0


def check(ok, what):
    global failed
    if not ok:
        print(f"FAIL: {what}")
        failed = 1


def command(name, *args, env=None, prefix=()):
    path = os.path.join(BIN, name)
    if not os.access(path, os.X_OK):
        return None
    return subprocess.run([*prefix, path, *args], capture_output=True, text=True, check=False, env={**os.environ, **(env or {})})


def doctor(*args, env=None, prefix=()):
    p = command("vmdoctor", "-J", *args, env=env, prefix=prefix)
    try:
        doc = json.loads(p.stdout)
    except ValueError:
        print(f"FAIL: vmdoctor {args}: {p.returncode} {p.stderr}")
        sys.exit(1)
    return {c["name"]: c for c in doc["checks"]}, p.returncode


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read()
    except OSError:
        return None


def agrees(name, works, how):
    """`works`: whether it did for us; None: we can't tell."""
    if works is None:
        print(f"note: {name} isn't compared: {how}")
        return
    c = checks[name]
    claims = c["state"] in ("works", "partly")
    check(claims == works, f"{name}: {c['state']} ({c['found']}), but {how} {'works' if works else 'fails'}")


# ---- What this program can do itself ---------------------------------------------------------------------------------

class Own:
    """A page of our own that is in memory."""

    def __init__(self):
        self.map = mmap.mmap(-1, PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.map[0] = 1
        self.at = ctypes.addressof(ctypes.c_char.from_buffer(self.map))

    def entry(self):
        with open("/proc/self/pagemap", "rb") as f:
            f.seek(self.at // PAGE * 8)
            return struct.unpack("Q", f.read(8))[0]


def pagemap_scan(own):
    """PAGEMAP_SCAN of that page: Linux 6.7."""
    vec = ctypes.create_string_buffer(24)
    arg = bytearray(struct.pack("12Q", 96, 0, own.at, own.at + PAGE, 0, ctypes.addressof(vec), 1, 0, 0, 0, 8, 8))
    try:
        with open("/proc/self/pagemap", "rb") as f:
            return fcntl.ioctl(f, 0xC0606610, arg) == 1
    except OSError:
        return False


def procmap_query(own):
    """PROCMAP_QUERY of its mapping: Linux 6.11."""
    arg = bytearray(104)
    struct.pack_into("3Q", arg, 0, 104, 0, own.at)
    try:
        with open("/proc/self/maps", "rb") as f:
            return fcntl.ioctl(f, 0xC0686611, arg) == 0
    except OSError:
        return False


def soft_dirty(own):
    """Of ourselves: written, cleared, written."""
    def marked():
        return own.entry() >> 55 & 1
    if not marked():
        return False
    with open("/proc/self/clear_refs", "w", encoding="ascii") as f:
        f.write("4")
    if marked():
        return False
    own.map[0] = 2
    return bool(marked())


def perf(config, kernel):
    """perf_event_open(2) of a software event."""
    attr = ctypes.create_string_buffer(136)
    struct.pack_into("IIQ", attr, 0, 1, 136, config)
    struct.pack_into("Q", attr, 40, 1 | (0 if kernel else 1 << 5) | 1 << 6)
    fd = libc.syscall({"x86_64": 298, "aarch64": 241}[os.uname().machine], attr, 0, -1, -1, 0)
    if fd >= 0:
        os.close(fd)
    return fd >= 0


def can_open(path):
    try:
        with open(path, "rb") as f:
            f.read(1)
        return True
    except OSError:
        return False


def can_mlock(own):
    ok = libc.mlock(ctypes.c_void_p(own.at), ctypes.c_size_t(PAGE)) == 0
    libc.munlock(ctypes.c_void_p(own.at), ctypes.c_size_t(PAGE))
    return ok


def test_by_hand():
    own = Own()
    agrees("pagemap", bool(own.entry() >> 63), "/proc/self/pagemap")
    agrees("pagemap-pfn", (own.entry() & ((1 << 55) - 1)) != 0, "a frame in pagemap")
    agrees("pagemap-scan", pagemap_scan(own), "PAGEMAP_SCAN by hand")
    agrees("procmap-query", procmap_query(own), "PROCMAP_QUERY by hand")
    agrees("kpageflags", can_open("/proc/kpageflags"), "/proc/kpageflags")
    agrees("soft-dirty", soft_dirty(own), "a round of soft-dirty")
    agrees("psi", can_open("/proc/pressure/memory"), "/proc/pressure/memory")
    agrees("btf", can_open("/sys/kernel/btf/vmlinux"), "/sys/kernel/btf/vmlinux")
    agrees("memlock", can_mlock(own), "mlock(2)")
    agrees("perf", perf(9, False), "perf_event_open(2)")
    check((checks["perf"]["state"] == "works") == perf(9, True), f"perf in kernel mode: {checks['perf']}")
    check(checks["page-idle"]["state"] != "absent" or not os.path.exists("/sys/kernel/mm/page_idle/bitmap"), "page-idle is there")
    damon = os.path.isdir("/sys/kernel/mm/damon")
    check((checks["damon"]["state"] == "absent") == (not damon), f"damon: {checks['damon']}")


def test_facts():
    found = checks["paging"]["found"]
    cpuinfo = read("/proc/cpuinfo") or ""
    if os.uname().machine == "x86_64":
        la57 = re.search(r"^flags\s*:.*\bla57\b", cpuinfo, re.M) is not None
        check(found.startswith("5 levels, 56-bit" if la57 else "4 levels, 47-bit"), f"paging: {found}, la57 is {la57}")
    check(f"Linux {os.uname().release}," in checks["kernel"]["found"], f"kernel: {checks['kernel']['found']}")
    check((", in " in checks["kernel"]["found"]) == ("hypervisor" in cpuinfo) or os.uname().machine != "x86_64", "a hypervisor or none")
    thp = read("/sys/kernel/mm/transparent_hugepage/enabled")
    if thp:
        check(checks["thp"]["found"].startswith(re.search(r"\[(\w+)\]", thp).group(1)), f"thp: {checks['thp']['found']}")
    pools = {int(d[10:-2]) for d in os.listdir("/sys/kernel/mm/hugepages")} if os.path.isdir("/sys/kernel/mm/hugepages") else set()
    check(len(re.findall(r"\d+\.\d[MG]:", checks["hugetlb"]["found"])) == len(pools), f"hugetlb: {checks['hugetlb']['found']}, {pools}")
    caps = int(re.search(r"^CapEff:\s*(\w+)", read("/proc/self/status"), re.M).group(1), 16)
    for bit, name in ((21, "SYS_ADMIN"), (19, "SYS_PTRACE"), (38, "PERFMON"), (39, "BPF"), (24, "SYS_RESOURCE")):
        lacks = name in (checks["capabilities"]["why"] or "")
        check(lacks == (not caps >> bit & 1), f"CAP_{name}: {checks['capabilities']}")
    nodes = re.search(r"(\d+) node", checks["numa"]["found"])
    online = len([d for d in os.listdir("/sys/devices/system/node") if re.fullmatch(r"node\d+", d)]) \
        if os.path.isdir("/sys/devices/system/node") else 1
    check(int(nodes.group(1)) == online, f"numa: {checks['numa']['found']}, {online} are online")


# ---- What the other commands do --------------------------------------------------------------------------------------

def test_commands():
    me = str(os.getpid())
    p = command("vmpage", "--via", "page-tables", "-J", me)
    agrees("page-tables", p and p.returncode == 0, "vmpage --via page-tables")
    agrees("page-offset", p and p.returncode == 0, "vmpage --via page-tables")
    p = command("vmfault", "-J", "--", "true")
    agrees("bpf-faults", p and json.loads(p.stdout)["source"] == "ebpf", "vmfault by eBPF")
    p = command("vmtlb", "-J", "--", "true")
    agrees("pmu", p and json.loads(p.stdout)["counters"]["state"] == "ready", "vmtlb's counting")
    p = command("vmtlb", "-J", "--", "true")
    if p and checks["pmu"]["state"] != "works":
        said = json.loads(p.stdout)["counters"]["why"]
        check(said == checks["pmu"]["why"], f"pmu: {checks['pmu']['why']!r}, vmtlb says {said!r}")
    p = command("vmpage", "-J", "--sources", me)
    usable = {r["source"]: r["usable"] for r in json.loads(p.stdout)["sources"]} if p and p.returncode == 0 else {}
    for name, source in (("pagemap-pfn", "pagemap-frames"), ("page-tables", "page-tables"), ("procmap-query", "procmap-query"),
                         ("bpf-iterators", "iter-task")):
        if source in usable:
            agrees(name, usable[source], f"--sources, {source}")


def test_fake_pmu():
    """With counters that a library plays, they are there."""
    library = os.path.join(BIN, "libfakepmu.so")
    if not os.path.exists(library) or "libasan" in (shutil.which("ldd") and subprocess.run(
            ["ldd", os.path.join(BIN, "vmdoctor")], capture_output=True, text=True, check=False).stdout or ""):
        print("note: no library that plays counters")
        return
    fake, _ = doctor("pmu", env={"LD_PRELOAD": library})
    check(fake["pmu"]["state"] in ("works", "partly"), f"with counters that are played: {fake['pmu']}")


# ---- Exit statuses ---------------------------------------------------------------------------------------------------

def test_status():
    by_state = {}
    for name, c in checks.items():
        by_state.setdefault(c["state"], name)
    for state, wanted in (("works", 0), ("fact", 0), ("partly", 1), ("absent", 1), ("denied", 4)):
        if state in by_state:
            p = command("vmdoctor", by_state[state])
            check(p.returncode == wanted, f"{by_state[state]}, which is {state}: status {p.returncode} instead of {wanted}")
    if "denied" in by_state and "works" in by_state:
        check(command("vmdoctor", by_state["denied"], by_state["works"]).returncode == 4, "one that is denied among others")
    if "denied" in by_state and "absent" in by_state:
        check(command("vmdoctor", by_state["denied"], by_state["absent"]).returncode == 1, "one that is absent among others")
    check(command("vmdoctor").returncode == 0, "all of them: status isn't 0")
    missing = any(c["ok"] is False for c in checks.values())
    check(command("vmdoctor", "--strict").returncode == (5 if missing else 0), "--strict")


def test_screen():
    text = command("vmdoctor", env={"COLUMNS": "80"}).stdout
    lines = text.splitlines()
    check(all(len(line) <= 80 for line in lines), f"longer than 80 columns: {max(lines, key=len)!r}")
    check(len(lines) <= 24, f"{len(lines)} lines don't fit a screen of 24")
    for name in checks:
        check(re.search(rf"(^|[\s,]){re.escape(name)}($|[\s,])", text, re.M), f"{name} isn't on the screen")
    for c in checks.values():
        check(c["state"] not in ("denied", "absent") or c["why"] or c["found"], f"no reason: {c}")
        check(c["state"] != "denied" or c["fix"], f"denied, and nothing is said to help: {c}")


# ---- Elsewhere -------------------------------------------------------------------------------------------------------

def test_user_namespace():
    prefix = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc")
    if not shutil.which("unshare") or subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        print("note: no namespaces of our own to be had here")
        return
    inside, _ = doctor(prefix=prefix)
    check("pid" in inside["container"]["found"] and "user" in inside["container"]["found"], f"in namespaces: {inside['container']}")
    check("namespace" in inside["capabilities"]["found"], f"in a user namespace: {inside['capabilities']}")
    for name in ("pagemap-pfn", "bpf-iterators"):
        check(inside[name]["state"] in ("denied", "absent"), f"in a user namespace: {inside[name]}")


def test_privileges():
    """What root has and nobody hasn't differs, and in that direction only."""
    if not ROOT or not shutil.which("setpriv"):
        return
    theirs, _ = doctor(prefix=("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"))
    better = [n for n in checks if checks[n]["ok"] and not theirs[n]["ok"]]
    worse = [n for n in checks if theirs[n]["ok"] and not checks[n]["ok"]]
    check({"pagemap-pfn", "kpageflags"} <= set(better) or checks["pagemap-pfn"]["state"] != "works", f"only root has {better}")
    check(not worse, f"nobody has what root hasn't: {worse}")


STATE = ["/proc/sys/vm/nr_hugepages", "/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/perf_event_paranoid",
         "/proc/sys/vm/compact_memory", "/sys/kernel/mm/transparent_hugepage/enabled", "/sys/kernel/mm/ksm/run",
         "/sys/kernel/mm/damon/admin/kdamonds/nr_kdamonds"]


def test_nothing_changed():
    # What it would leave behind becomes ours.
    adopt_orphans()
    before = [read(path) for path in STATE]
    p = command("vmdoctor", "-J")
    check(p.returncode == 0 and p.stderr == "", f"{p.returncode} {p.stderr}")
    check([read(path) for path in STATE] == before, "a setting was changed")
    left = [read(f"/proc/{pid}/comm") for pid in children(os.getpid())]
    check(not left, f"processes are left: {left}")


checks, _status = doctor()
for test in (test_by_hand, test_facts, test_commands, test_fake_pmu, test_status, test_screen, test_user_namespace, test_privileges,
             test_nothing_changed):
    test()
sys.exit(failed)
