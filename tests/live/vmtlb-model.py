"""vmtlb --model, by Valgrind's engine, against what vmlab's workloads state; see vmtlb-model.sh.

Usage: vmtlb-model.py BIN_DIR SCRATCH
"""

import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lab"))
from truth import is_sanitized  # noqa: E402

BIN, SCRATCH = sys.argv[1:3]
VMTLB, VMLAB = os.path.join(BIN, "vmtlb"), os.path.join(BIN, "vmlab")
GEOMETRY = "l1d=16x6,l1d-2m=8x4,l1i=32x8,l1i-2m=4x8,stlb=128x16h"
REPORT = os.path.join(SCRATCH, "report")
failed = []


def fail(what):
    print("FAIL:", what)
    failed.append(what)


def check(what, got, want):
    if got != want:
        fail(f"{what}: {got} instead of {want}")


def nothing_left(what):
    left = os.listdir(os.environ["TMPDIR"])
    if left:
        fail(f"{what}: left {left}")


def run(argv, *options, status=0, stdin=None, env=None):
    """The document, and what the program printed."""
    cmd = [VMTLB, "--model", "--engine", "valgrind", "-J", "--output", REPORT, *options, "--", *argv]
    done = subprocess.run(cmd, capture_output=True, text=True, check=False, timeout=600, input=stdin, env=env)
    nothing_left(" ".join(argv))
    if done.returncode != status:
        fail(f"{' '.join(argv)}: status {done.returncode} instead of {status}: {done.stderr}")
    try:
        with open(REPORT, encoding="utf-8") as f:
            return json.load(f), done.stdout
    except (OSError, ValueError) as e:
        fail(f"{' '.join(argv)}: no report: {e}: {done.stderr}")
        sys.exit(1)


# ---- What workloads state --------------------------------------------------------------------------------------------

def stated(truths, page_bytes, what):
    """Least and most, over all lines; exact figures are both."""
    low = high = 0
    for t in truths:
        form = [f for f in t["tlb"] if f["page_bytes"] == page_bytes]
        if not form:
            return None
        low += form[0].get(what, form[0].get(what + "_min"))
        high += form[0].get(what, form[0].get(what + "_max"))
    return low, high


def within(what, got, bounds):
    if bounds and not bounds[0] <= got <= bounds[1]:
        fail(f"{what}: {got} isn't within {bounds[0]} to {bounds[1]}")


def workload(*args):
    name = " ".join(args)
    document, out = run([VMLAB, *args, "--steps", "1", "--rounds", "1", "--quiet", "--exit"], "--geometry", GEOMETRY)
    truths = [json.loads(line) for line in out.splitlines()]
    m = truths[-1]["mappings"][0]
    start, end = int(m["start"], 16), int(m["end"], 16)
    rows = [r for r in document["mappings"] if r["start"] and start <= int(r["start"], 16) < end and r["perm"] == m["perm"]]
    if len(rows) != 1:
        # Neighbours of the same kind are one mapping.
        rows = [r for r in document["mappings"] if r["start"] and int(r["start"], 16) <= start < int(r["end"], 16)
                and r["perm"] == m["perm"]]
    if len(rows) != 1:
        fail(f"{name}: {len(rows)} rows at {m['start']}")
        return
    row = rows[0]
    # Pages of code were written as data first, in a mapping that could be written.
    code = m["perm"] == "r-xp"
    lines = truths[1:] if code and truths[0]["step"] == 0 and not truths[0].get("jumps") else truths
    within(f"{name}: 4K walks", row["walks_all_4k"], stated(lines, 4096, "walks"))
    within(f"{name}: 2M walks", row["walks_all_2m"], stated(lines, 2 << 20, "walks"))
    huge = m["thp_bytes"] == m["size_bytes"]
    if m["thp_bytes"] not in (0, m["size_bytes"]):
        print(f"{name}: {m['thp_bytes']} of {m['size_bytes']} bytes are huge: pages as they are have no closed form")
        return
    within(f"{name}: misses as pages are", row["l1_misses"], stated(lines, 2 << 20 if huge else 4096, "l1_misses"))
    within(f"{name}: walks as pages are", row["walks"], stated(lines, 2 << 20 if huge else 4096, "walks"))
    if huge and row["huge_bytes"] < m["size_bytes"]:
        fail(f"{name}: {row['huge_bytes']} huge bytes of {m['size_bytes']}")


def sizes_by_smaps(parts, accesses):
    """Bytes that are huge by the kernel; walks, and those of them to huge pages, by the tool."""
    results = os.path.join(SCRATCH, f"results{accesses}")
    os.mkdir(results)
    cmd = ["valgrind", "-q", "--tool=vmtlb", "--vmtlb-sizes=smaps", f"--vmtlb-directory={results}",
           "--vmtlb-model=0,16,6,0,8,4,0,1,8,0,32,8,0,4,8,0,0,0,0,128,16,1,128,8,0,32,8,4", VMLAB, "tlb-stride", "--huge", "advise",
           "--accesses", str(accesses), "--rounds", "1", "--steps", "1", "--quiet", "--exit"]
    done = subprocess.run(cmd, capture_output=True, text=True, check=False, env=dict(os.environ, VALGRIND_LIB=parts))
    with open(os.path.join(results, os.listdir(results)[0]), encoding="utf-8") as f:
        text = f.read()
    if "\nsizes smaps\n" not in text or not text.endswith("\nend\n"):
        fail(f"page sizes by smaps: {done.stderr} {text[:200]}")
    as_is = [int(n) for n in text.split("\ntotal\nd 0 ")[1].split("\n")[0].split()]
    return json.loads(done.stdout.splitlines()[-1])["mappings"][0]["thp_bytes"], as_is[1], as_is[2]


def smaps():
    """Page sizes as before Linux 6.7: by the majority of each mapping."""
    parts = os.path.join(os.path.dirname(BIN), "libexec", "vmtop", "valgrind")
    if not os.path.exists(parts):
        print(f"no {parts}: page sizes by smaps aren't tried")
        return
    # smaps is read again after a while that is longer where reading takes longer: until then pages are as before.
    for accesses in (200000, 2000000, 20000000):
        thp, walks, huge = sizes_by_smaps(parts, accesses)
        if thp < 64 << 20 or (huge >= 32 and walks <= accesses // 10):
            break
    else:
        fail(f"page sizes by smaps: {walks} walks, {huge} of them to huge pages")
    if thp == 0:
        check("page sizes by smaps: walks to huge pages", huge, 0)


def workloads():
    few = ("--accesses", "200000")
    workload("tlb-stride", *few)
    workload("tlb-stride", "--stride", "64", "--size", "8M", *few)
    workload("tlb-stride", "--stride", "64K", "--size", "64M", *few)
    workload("tlb-stride", "--stride", "2M", "--size", "256M", *few)
    workload("tlb-stride", "--huge", "advise", "--size", "64M", *few)
    workload("tlb-random", *few)
    workload("tlb-random", "--huge", "advise", *few)
    workload("tlb-chase", *few)
    workload("tlb-chase", "--huge", "advise", *few)
    workload("tlb-itlb")


# ---- Programs and processes ------------------------------------------------------------------------------------------

def documents():
    document, out = run(["sh", "-c", "read x; echo $x; exit 7"], status=7, stdin="hello\n")
    check("standard input and output", out, "hello\n")
    for key, want in (("schema", "vmtlb/1"), ("mode", "model"), ("is_model", True), ("exit_status", 7), ("engine", "valgrind"),
                      ("geometry_by", "default"), ("costs_by", None), ("programs_lost", 0)):
        check(key, document[key], want)
    check("policies", [p["policy"] for p in document["policies"]], ["as_is", "all_4k", "all_2m"])
    check("costs without a probe", [p["cost_ns"] for p in document["policies"]], [None] * 3)
    for p in document["policies"]:
        check("accesses", p["accesses"], p["loads"] + p["stores"])
        check("misses", p["l1_misses"], p["stlb_hits"] + p["walks"])
        if not p["walks_2m"] <= p["walks"] <= p["l1_misses"] <= p["accesses"] <= p["instructions"] * 8:
            fail(f"figures that can't be: {p}")
    for what, rows in (("mappings", document["mappings"]), ("sites", document["sites"])):
        for key, total in (("l1_misses", "l1_misses"), ("walks", "walks")):
            have = sum(r[key] for r in rows)
            check(f"{key} of all {what}", have, document["policies"][0][total] + document["policies"][0]["code_" + total])
    document, _ = run(["true"], "--geometry", "l1d=1x64,pmd=0")
    check("geometry", document["geometry"], "l1d=1x64,l1d-2m=8x4,l1d-1g=1x8,l1i=32x8,l1i-2m=4x8,l1i-1g=0,stlb=128x16h,stlb-1g=128x8,"
          "pmd=0,pud=8,pgd=4")
    check("geometry_by", document["geometry_by"], "user")
    check("programs", [os.path.basename(p["program"]) for p in document["programs"]], ["true"])


def processes():
    document, _ = run(["sh", "-c", "ls / >/dev/null; (exec ls / >/dev/null) & wait; exec ls / >/dev/null"])
    names = sorted(os.path.basename(p["program"]) for p in document["programs"])
    check("programs", names.count("ls"), 3)
    check("instructions", sum(p["instructions"] for p in document["programs"]), document["policies"][0]["instructions"])
    # Processes that nobody waits for are waited for.
    document, _ = run(["sh", "-c", "(sh -c 'read x; ls / >/dev/null' <\"$0\" &) ; ( sleep 0.3; echo > \"$0\" ) >/dev/null 2>&1 & exit 3",
                       fifo()], status=3)
    if "ls" not in [os.path.basename(p["program"]) for p in document["programs"]]:
        fail(f"a program that was left behind isn't counted: {document['programs']}")
    check("programs that were lost", document["programs_lost"], 0)
    run(["sh", "-c", "kill -SEGV $$"], status=128 + signal.SIGSEGV)
    run(["sh", "-c", "kill -KILL $$"], status=128 + signal.SIGKILL)
    # Options and files of Valgrind's aren't the program's business, nor ours.
    env = dict(os.environ, VALGRIND_OPTS="--leak-check=full --nonsense")
    _, out = run(["sh", "-c", "echo \"$VALGRIND_OPTS\""], env=env)
    check("VALGRIND_OPTS", out, "\n")


def fifo():
    path = os.path.join(SCRATCH, "fifo")
    if not os.path.exists(path):
        os.mkfifo(path)
    return path


def interrupts():
    """^C reaches the program, a SIGTERM is passed on; both times there is a report, and nothing left."""
    for sig, whole_group in ((signal.SIGINT, True), (signal.SIGTERM, False)):
        loop = "echo begun; while :; do :; done"
        p = subprocess.Popen([VMTLB, "--model", "-J", "--output", REPORT, "--", "sh", "-c", loop], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, start_new_session=True)
        check("a program that begins", p.stdout.readline(), "begun\n")
        (os.killpg if whole_group else os.kill)(p.pid, sig)
        _, errors = p.communicate(timeout=100)
        check(f"status after {sig.name}", p.returncode, 128 + sig)
        with open(REPORT, encoding="utf-8") as f:
            document = json.load(f)
        if document["policies"][0]["accesses"] < 10000:
            fail(f"after {sig.name} only {document['policies'][0]['accesses']} accesses: {errors}")
        nothing_left(sig.name)


def wrong(status, says, *args, path=None):
    env = dict(os.environ, PATH=path) if path else None
    done = subprocess.run([VMTLB, "--model", *args], capture_output=True, text=True, check=False, env=env, timeout=100)
    if done.returncode != status or says not in done.stderr or done.stderr.count("\n") != 1 or done.stdout:
        fail(f"{' '.join(args)}: status {done.returncode}, '{done.stderr}' instead of {status}, '{says}'")
    nothing_left(" ".join(args))


def errors():
    wrong(127, "cannot execute 'no-such-program'", "--", "no-such-program")
    wrong(126, "cannot execute '/etc/passwd'", "--", "/etc/passwd")
    wrong(2, "'l1d=5x5'", "--geometry", "l1d=5x5", "--", "true")
    wrong(2, "name what to measure")
    wrong(1, "package valgrind", "--engine", "valgrind", "--", "/bin/true", path="/nowhere")


def table():
    done = subprocess.run([VMTLB, "--model", "--", "true"], capture_output=True, text=True, check=False)
    for text in ("a model, not a measurement", "assumed, as of a recent x86-64 core", "vmtlb --probe measures them", "VERDICT"):
        if text not in done.stdout:
            fail(f"the table doesn't say '{text}': {done.stdout}")


def main():
    errors()
    table()
    documents()
    processes()
    interrupts()
    if is_sanitized(VMLAB):
        print("skip: what workloads state: Valgrind runs no program with AddressSanitizer")
    else:
        workloads()
        smaps()
    print("failed" if failed else "all as stated")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
