"""Every workload of vmlab: what it states is what /proc shows, and nothing of it stays behind.

Usage: workloads.py BIN_DIR SCRATCH_DIR
"""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lru
from truth import (PAGE, Lab, Mismatch, Skip, adopt_orphans, check_truth, children, expect, is_sanitized,
                   present_bytes, smaps, some, status, wait_gone)

BIN, DIR = sys.argv[1], sys.argv[2]
SANITIZED = is_sanitized(os.path.join(BIN, "vmlab"))

# Small, and each choice of each parameter at least once.
RUNS = [
    "anon --size 2M",
    "anon --size 1000001 --touch 1/3 --label here",
    "anon --size 64K --touch 0",
    "mmap --size 256K",
    "zero-page --size 512K --write 25%",
    "file-private --size 1M --write 1/2",
    "file-private --size 5000 --write 0",
    "file-shared --size 1M --write 25%",
    "file-shared --size 70000 --write 100%",
    "shm --size 1M",
    "shm --size 1M --touch 50% --type sysv --sharers 2",
    "shm --size 1M --type anon --sharers 0",
    "shm --size 64K --unlink late --sharers 6",
    "memfd --size 1M",
    "memfd --size 1M --touch 75% --write 75%",
    "brk --size 1M --touch 30%",
    "malloc-threshold",
    "malloc-threshold --threshold 32K",
    "malloc-threshold --threshold 1M",
    "leak --rate 512K --limit 2M",
    "leak --rate 256K --limit 1M --where mmap",
    "sawtooth --rise 100K --rises 3 --teeth 2",
    "sawtooth --rise 64K --rises 1 --teeth 3 --leak 5000",
    "stack-growth --depth 512K --times 2",
    "thread-stacks --threads 3 --stack 512K --touch 64K",
    "thread-stacks --threads 2 --stack 1M --touch 300K --guard 64K",
    "cow --size 2M",
    "cow --size 1M --write 25%",
    "mlock --size 256K",
    "mlock --size 256K --lock 100% --mode onfault",
    "mlock-onfault --size 256K",
    "mlock-onfault --size 1M --touch 1/3",
    "mlock-limit",
    "mlock-limit --limit 100000 --locked 1/3",
    "mlock-limit --limit 4095 --locked 0",
    "mlockall --size 128K --mode current",
    "mlockall --size 128K --mode future",
    "mlockall --size 128K --mode both",
    "mlockall --size 128K --mode onfault",
    "many-mappings --count 501",
    "many-mappings --count 64 --each 16K --touch 50%",
    "sparse",
    "sparse --size 16G --pages 5 --mode none",
    "page-pattern --size 1M",
    "page-pattern --size 300K --every 10 --write 3 --read 7",
    "page-pattern --size 300K --every 1 --write 0 --read 0",
    "soft-dirty --size 256K",
    "working-set --size 1M",
    "working-set --size 300K --every 7 --hot 3 --warm 2 --write 0 --track uffd",
    "guard --size 256K",
    "guard --size 250K --every 3 --guards 2",
    "prot-none --size 256K",
    "prot-none --size 128K --protect 100%",
    "pkey --size 256K --protect 1/4",
    "mremap --size 1M",
    "thp",
    "thp --count 1",
    "mthp",
    "mthp --page 16K --count 200",
    "mthp --page 1M --count 2",
    "huge-holes",
    "huge-holes --ranges 1 --touch 512 --protect yes",
    "huge-holes --ranges 2 --touch 7 --where spread --advice nohuge",
    "fragment --size 6M",
    "fragment --size 4M --every 5",
    "hugetlb --count 2",
    "hugetlb --count 3 --touch 1/3 --share shared",
    "hugetlb --page 1G --count 1 --touch 100%",
    "swap --size 1M",
    "swap --size 500K --every 1 --out 1",
    "ksm",
    "ksm --groups 2 --equal 2 --own 0",
    "ksm --groups 2 --equal 5 --own 3 --processes 3",
    "fork-family --size 512K",
    "fork-family --size 200K --children 7 --write 60% --parent 100% --shm 16K --file 40K",
    "chaos",
    "chaos --threads 1 --children 0 --held 100K",
    "fault-storm --size 2M",
    "fault-storm --size 1M --threads 7 --churn 3 --rounds 2",
    "fault-storm --size 64K --threads 1 --churn 0",
    "threads-faults --threads 3 --pages 10",
    "major-faults --size 256K",
    "file-mkwrite --size 256K",
    "shm-faults --size 256K",
    "cow-faults --size 256K",
    "children --count 40 --rounds 2",
    "children --count 3 --pages 100 --together 1 --rounds 2",
    "zero-then-write --size 256K",
    "kernel-fault --size 256K",
    "gup-faults --size 60K",
    "swap-in --size 1M",
    "huge-fault",
    "huge-fault --count 1 --pool 0",
    "stack-growth-faults --depth 512K",
    "invalid",
    "invalid --pages 3 --rounds 6",
    "uffd --size 128K",
    "tlb-stride --size 1M --accesses 20000 --rounds 2",
    "tlb-stride --size 300K --stride 24 --accesses 50000 --rounds 2",
    "tlb-stride --size 8M --stride 20K --accesses 20000 --rounds 2 --huge default",
    "tlb-stride --size 6M --stride 4K --accesses 5000 --rounds 2 --huge advise --geometry l1d-2m=1x2,stlb=4x1",
    "tlb-stride --size 1M --accesses 9000 --rounds 3 --geometry l1d=4x2,l1d-2m=1x1,stlb=8x4h,pmd=32",
    "tlb-random --size 4M --accesses 60000 --rounds 2 --geometry stlb=16x8",
    "tlb-random --size 64K --accesses 5000 --rounds 2 --seed 7 --huge default",
    "tlb-random --size 4M --accesses 5000 --rounds 2 --huge advise",
    "tlb-chase --size 400K --accesses 20000 --rounds 3",
    "tlb-chase --size 6M --accesses 9000 --rounds 2 --seed 5 --geometry stlb=64x6h,l1d-2m=1x2",
    "tlb-chase --size 4K --accesses 100 --rounds 2",
    "tlb-chase --size 4M --accesses 5000 --rounds 2 --huge advise",
    "tlb-itlb --size 1200K --accesses 9000 --rounds 2",
    "tlb-itlb --size 2M --accesses 3000 --rounds 2 --seed 3 --geometry l1i=4x4,stlb=16x4",
    "tlb-itlb --size 4K --accesses 10 --rounds 2 --huge default",
    "tlb-itlb --size 4M --accesses 3000 --rounds 2 --huge advise",
    "numa-bind --size 1M",
    "numa-bind --size 300K --node first --flags static",
    "numa-preferred --size 1M",
    "numa-preferred --size 1M --node 0 --way many",
    "numa-interleave --size 1M",
    "numa-weighted --size 1M",
    "numa-local --size 1M",
    "numa-local --size 1M --node last",
    "numa-misplaced --size 1M",
    "numa-migrate --size 1M",
]

# Steps of those that would go on for ever.
MOST_STEPS = {"chaos": 2}

# Facts that only one workload states.

def check_malloc(t, _):
    maps = smaps(t["pid"])
    lo, hi = int(t.get("heap_start", "0"), 16), int(t.get("heap_end", "0"), 16)
    for r in t.get("ranges", []):
        at = int(r["address"], 16)
        name = next(m["name"] for m in maps if m["start"] <= at < m["end"])
        expect(r["label"], "heap", r["where"] == "heap", name == "[heap]")
        expect(r["label"], "between the breaks", r["where"] == "heap", lo <= at < hi)
        expect(r["label"], "side", r["where"] == "mmap", r["asked_bytes"] >= t["threshold_bytes"])
    for r in t.get("unmapped", []):
        lo, hi = int(r["start"], 16), int(r["end"], 16)
        if any(m["start"] < hi and lo < m["end"] for m in maps):
            raise Mismatch(f"freed block at {lo:x} is still mapped")


def check_shared_file(t, _):
    with open(t["path"], "rb") as f:
        expect("file-shared", "crc32", t["crc32_expected"], zlib.crc32(f.read()))
    expect("file-shared", "crc32_read", t["crc32_expected"], t["crc32_read"])
    if t["read_by"] == "direct" and not t["in_memory"]:
        expect("file-shared", "on_disk", True, t["on_disk"])


def check_memfd(t, _):
    where = f'/proc/{t["pid"]}/fd'
    fds = [f for f in os.listdir(where) if os.readlink(f"{where}/{f}").startswith("/memfd:vmlab")]
    expect("memfd", "blocks", t["physical_bytes"], os.stat(f"{where}/{fds[0]}").st_blocks * 512)


def check_threads(t, _):
    if not t["threads"]:
        raise Mismatch("no threads")
    for th in t["threads"]:
        os.stat(f'/proc/{t["pid"]}/task/{th["tid"]}')
        n = present_bytes(t["pid"], int(th["stack_start"], 16), int(th["stack_end"], 16))
        if not th["touched_bytes_min"] <= n <= th["touched_bytes_max"]:
            raise Mismatch(f'stack of thread {th["tid"]}: {n} bytes present')


def check_mlock(t, _):
    expect("mlock", "VmLck", t["vmlck_bytes"], status(t["pid"], "VmLck"))


def check_limit(t, _):
    """The limits and what is said on both sides of them: the rule in words."""
    expect("mlock-limit", "VmLck", t["vmlck_bytes"], status(t["pid"], "VmLck"))
    limit = t["memlock_limit_bytes"]
    expect("mlock-limit", "headroom", max(0, limit // PAGE * PAGE - t["vmlck_bytes"]), t["headroom_bytes"])
    for a in t["answers"]:
        beyond = {"mlock": "ENOMEM", "mmap": "EAGAIN"}[a["call"]]
        want = "EPERM" if limit == 0 else beyond if a["size_bytes"] > t["headroom_bytes"] else "none"
        expect(f'mlock-limit: {a["call"]} of {a["size_bytes"]}', "error", want, a["error"])


def check_leak(t, before):
    if not before:
        return
    grown = t["leaked_bytes"] - before["leaked_bytes"]
    # The kernel counts resident pages by CPU and adds up late: smaps_rollup doesn't.
    rss = [x["processes"][0]["rss_bytes"] for x in (before, t)]
    if not grown <= rss[1] - rss[0] + 65536 or not rss[1] - rss[0] <= grown * 1.2 + 262144:
        raise Mismatch(f"leak: {grown} bytes lost, RSS moved by {rss[1] - rss[0]}")


def check_cow(t, before):
    expect("cow", "physical", t["physical_bytes"],
           sum(m["pss_bytes"] for m in t["mappings"]))
    if t["step"] == 2:
        grown = t["sum_pss_bytes"] - before["sum_pss_bytes"]
        real = t["physical_bytes"] - before["physical_bytes"]
        if abs(grown - real) > 1 << 20:
            raise Mismatch(f"cow: the sum of PSS moved by {grown}, not by {real}")


def check_sparse(t, _):
    at = int(t["first_touched"], 16)
    for i in range(t["touched_pages"]):
        page = at + i * t["stride_bytes"]
        expect("sparse", "page", PAGE, present_bytes(t["pid"], page, page + PAGE))


def fault_kinds():
    """Keys of the kinds that there are; None where the source isn't at hand."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../src/core/model/fault.c")
    try:
        with open(path) as f:
            return set(re.findall(r'KIND\(\w+, "([^"]+)"', f.read()))
    except OSError:
        return None


def check_faults(t, before):
    """The kernel counted what is stated, and a few more of the program itself; none of those that are invalid."""
    name, kinds, least, most, forks = t["workload"], fault_kinds(), 0, 0, False
    for f in t["faults"]:
        if kinds and f["kind"] not in kinds:
            raise Mismatch(f'{name}: there is no kind of faults {f["kind"]}')
        counts = f["kind"] != "unresolved" and not f["kind"].startswith("invalid")
        forks |= "pid" in f or "processes" in f
        if counts and "pid" not in f and "processes" not in f:
            least += f.get("count", f.get("count_min"))
            most += f.get("count", f.get("count_max"))
    have = t["minor_faults"] + t["major_faults"]
    if have < least:
        raise Mismatch(f"{name}: {least} faults are stated, the kernel counted {have}")
    # The program's own code, libraries and stacks; by then it has used them.
    if before and not forks and not SANITIZED and have > most + 100:
        raise Mismatch(f"{name}: {most} faults are stated, the kernel counted {have}")
    for th in t.get("fault_threads", []):
        if th["minor_faults"] < th["pages"]:
            raise Mismatch(f'{name}: thread {th["tid"]} touched {th["pages"]} pages by {th["minor_faults"]} faults')
    if "children" in t:
        least = sum(f["count"] for f in t["faults"])
        if t["children_minor_faults"] < least:
            raise Mismatch(f'{name}: children made {least} faults, the kernel counted {t["children_minor_faults"]}')


def tlb_accesses(t, before):
    """Addresses of what this line's accesses were: of the filling, then of each step."""
    name, at = t["workload"], int(t["mappings"][0]["start"], 16)
    size = t["mappings"][0]["size_bytes"]
    if name == "tlb-stride":
        one = range(at, at + size, t["stride_bytes"] if before else max(PAGE, t["stride_bytes"]))
    elif name == "tlb-random" and before:
        one = [at + 8 * TLB["random"].below(size // 8) for _ in range(t["accesses"])]
    elif name == "tlb-random":
        one = range(at, at + size, PAGE)
    else:
        one = [at + p * PAGE for p in lru.mixed(t["touched_pages"], t["seed"])]
    return [a for _ in range(t.get("passes", 1)) for a in one]


TLB = {}


def check_tlb(t, before):
    """A simulated TLB misses as often as is stated; where something comes in between, too."""
    if not before:
        TLB.update(random=lru.Random(t.get("seed", 0)),
                   levels=[lru.Tlb(f["l1"], f["stlb"], f["page_bytes"]) for f in t["tlb"]])
    addresses, known = tlb_accesses(t, before), 0
    expect(t["workload"], "accesses", len(addresses), t.get("accesses", t.get("jumps")))
    for fact, tlb in zip(t["tlb"], TLB["levels"]):
        what, size = f'{t["workload"]}: pages of {fact["page_bytes"]}', fact["page_bytes"]
        for key, have in zip(("l1_misses", "walks"), tlb.run(addresses)):
            ok = lru.fits(fact, key, have)
            if ok is False:
                raise Mismatch(f"{what}: {have} {key} are simulated, stated is {fact}")
            known += ok is not None
        if before and t["step"] == 1:
            tlb.run(range(1 << 46, (1 << 46) + 50 * size, size))
    expect(t["workload"], "something is stated", True, known > 0)


SPECIAL = {
    "tlb-stride": check_tlb, "tlb-random": check_tlb, "tlb-chase": check_tlb, "tlb-itlb": check_tlb,
    "malloc-threshold": check_malloc, "file-shared": check_shared_file, "memfd": check_memfd,
    "thread-stacks": check_threads, "mlock": check_mlock, "mlock-onfault": check_mlock, "mlock-limit": check_limit,
    "leak": check_leak, "cow": check_cow,
    "sparse": check_sparse,
}


def left_behind():
    shm = [f for f in os.listdir("/dev/shm") if f.startswith("vmlab-")] \
        if os.path.isdir("/dev/shm") else []
    return os.listdir(DIR) + [f for f in shm if owned_by_the_dead(f)]


def owned_by_the_dead(name):
    """Other tests may run at the same time: theirs are alive."""
    return not os.path.exists(f'/proc/{name.split("-")[1]}')


def check_gone(kids):
    for pid in kids:
        wait_gone(pid, "a child")
    if left_behind():
        raise Mismatch(f"left behind: {left_behind()}")


def run_one(words):
    """Make it, step it to its end, end it with SIGTERM."""
    name, facts, before = words[0], 0, None
    with Lab(BIN, *words, "--dir", DIR, "--quiet") as lab:
        while True:
            t = lab.step() if before else lab.line()
            facts += check_truth(t)
            if name in SPECIAL:
                SPECIAL[name](t, before)
            if "faults" in t:
                check_faults(t, before)
                facts += len(t["faults"])
            before = t
            if not t["more_steps"] or t["step"] == MOST_STEPS.get(name):
                break
        kids = children(lab.pid)
        expect(name, "exit status", 0, lab.end())
        check_gone(kids)
    return facts


# Ways to end.

def parent_dies():
    """The parent is killed: the workload, its children and its files go."""
    for words in ("shm --size 64K --unlink late", "file-private --size 64K",
                  "cow --size 64K --steps 1"):
        script = '"$@" & wait'
        sh = subprocess.Popen(["sh", "-c", script, "sh", os.path.join(BIN, "vmlab"), *words.split(),
                               "--dir", DIR, "-q"], stdout=subprocess.PIPE)
        lines = 2 if "--steps" in words else 1
        t = [json.loads(sh.stdout.readline()) for _ in range(lines)][-1]
        kids = children(t["pid"])
        expect(words, "children", 0 if words.startswith("file") else 1, len(kids))
        sh.kill()
        sh.wait()
        wait_gone(t["pid"], words)
        sh.stdout.close()
        check_gone(kids)


def killed():
    """SIGKILL leaves no child either."""
    with Lab(BIN, "cow", "--size", "64K", "--steps", "1", "-q") as lab:
        lab.line()
        lab.line()
        kids = children(lab.pid)
        expect("cow", "children", 1, len(kids))
        lab.end(signal.SIGKILL)
        check_gone(kids)


def killed_with_swap():
    """What the machine lent goes back as well."""
    with Lab(BIN, "swap", "--size", "256K", "--dir", DIR, "-q") as lab:
        path = lab.line()["path"]
        with open("/proc/swaps") as f:
            expect("swap", "in use", True, path in f.read())
        kids = children(lab.pid)
        lab.end(signal.SIGKILL)
        check_gone(kids)
    with open("/proc/swaps") as f:
        expect("swap", "in use", False, path in f.read())


def other_signals():
    for sig in (signal.SIGINT, signal.SIGHUP):
        with Lab(BIN, "file-shared", "--size", "64K", "--dir", DIR, "-q") as lab:
            lab.line()
            expect(sig.name, "exit status", 0, lab.end(sig))
            check_gone([])


def vmlab(*args, **kw):
    return subprocess.run([os.path.join(BIN, "vmlab"), *args], stdin=subprocess.DEVNULL,
                          stdout=kw.get("stdout", subprocess.PIPE), stderr=subprocess.PIPE,
                          text=True, timeout=60)


# The frame.

def frame_exit():
    r = vmlab("cow", "--size", "64K", "--steps", "9", "--exit", "--quiet")
    expect("--exit", "status", 0, r.returncode)
    expect("--exit", "steps", [0, 1, 2, 3], [json.loads(l)["step"] for l in r.stdout.splitlines()])
    expect("--quiet", "stderr", "", r.stderr)


def frame_clock():
    with Lab(BIN, "leak", "--rate", "4K", "--limit", "16K", "--step", "1ms", "-q") as lab:
        t = lab.line()
        while t["more_steps"]:
            t = lab.line()
        expect("--step", "leaked", 16384, t["leaked_bytes"])
        expect("--step", "status", 0, lab.end())


def frame_watch():
    r = vmlab("cow", "--size", "64K", "--quiet", "--watch", "sh -c 'echo \"saw {}\"'")
    expect("--watch", "status", 0, r.returncode)
    saw = [l for l in r.stdout.splitlines() if l.startswith("saw ")]
    expect("--watch", "times", 4, len(saw))
    r = vmlab("anon", "--size", "64K", "-q", "--truth", "--watch", "sh -c 'exit 7'")
    expect("--watch", "status of the command", 7, r.returncode)
    json.loads(r.stdout.splitlines()[0])
    r = vmlab("anon", "--size", "64K", "-q", "--watch", "no-such-command-here")
    expect("--watch", "status without the command", 1, r.returncode)
    r = vmlab("anon", "--watch", "echo 'open")
    expect("--watch", "status with an open quote", 2, r.returncode)


def frame_watch_end():
    """SIGTERM ends the watched command as well."""
    with Lab(BIN, "anon", "--size", "64K", "-q", "--truth", "--watch",
             "sh -c 'echo; echo \"{\\\"pid\\\":$$}\"; exec sleep 1000'") as lab:
        lab.line()
        kids = []
        while not kids:
            kids = children(lab.pid)
        lab.end()
        check_gone(kids)


def frame_usage():
    for words, hint in ((["cwo"], "cow"), (["anon", "--sise", "1M"], "size"),
                        (["anon", "--size", "big"], "size"), (["shm", "--type", "x"], "sysv"),
                        (["anon", "--touch", "200%"], "share"), (["anon", "extra"], "extra"),
                        (["thread-stacks", "--threads", "0"], "at least"), ([], "--list")):
        r = vmlab(*words)
        expect(words, "status", 2, r.returncode)
        expect(words, "names the cure", True, hint in r.stderr)
        expect(words, "stdout", "", r.stdout)


def frame_list():
    listed = json.loads(vmlab("--list", "-J").stdout)["workloads"]
    names = {w["name"] for w in listed}
    table = vmlab("--list").stdout.splitlines()[1:]
    expect("--list", "names", names, {l.split()[0] for l in table})
    expect("this test", "workloads without a run", set(), names - {r.split()[0] for r in RUNS})
    expect("--names", "names", names, set(vmlab("--list", "--names").stdout.split()))
    for w in listed:
        r = vmlab(w["name"], "--help")
        expect(w["name"], "status of --help", 0, r.returncode)
        for p in w["params"]:
            expect(w["name"], f'--{p["name"]} in --help', True, f'--{p["name"]} ' in r.stdout)


def frame_full_disk():
    with open("/dev/full", "w") as full:
        r = vmlab("anon", "--size", "64K", stdout=full)
    expect("/dev/full", "status", 1, r.returncode)
    expect("/dev/full", "told", 1, r.stderr.count("No space left"))


def frame_denied():
    """What may not be locked is a skip with a reason."""
    with open("/proc/self/status") as f:
        caps = int(next(l for l in f if l.startswith("CapEff")).split()[1], 16)
    if caps >> 14 & 1:
        raise Skip("this user may lock as much as it likes")
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    if limit == resource.RLIM_INFINITY:
        raise Skip("this user may lock as much as it likes")
    r = vmlab("mlock", "--size", str(limit + (1 << 20)), "--touch", "0", "--lock", "100%")
    expect("mlock", "status", 77, r.returncode)
    expect("mlock", "reason", True, "RLIMIT_MEMLOCK" in r.stderr)


def main():
    adopt_orphans()
    tests = [(r, lambda r=r: run_one(r.split())) for r in some(RUNS)]
    tests += [(f.__name__.replace("_", " "), f) for f in (
        parent_dies, killed, killed_with_swap, other_signals, frame_exit, frame_clock, frame_watch, frame_watch_end,
        frame_usage, frame_list, frame_full_disk, frame_denied)]
    failed = skipped = 0
    for name, test in tests:
        try:
            facts = test()
            print(f"ok    {name}" + (f": {facts} facts" if facts else ""))
        except Skip as e:
            skipped += 1
            print(f"skip  {name}: {e}")
        except (Mismatch, subprocess.TimeoutExpired, OSError, ValueError, KeyError) as e:
            failed += 1
            print(f"FAIL  {name}: {type(e).__name__}: {e}")
        sys.stdout.flush()
    print(f"{len(tests) - failed - skipped} ok, {failed} failed, {skipped} skipped")
    return 1 if failed else 77 if skipped == len(tests) else 0


sys.exit(main())
