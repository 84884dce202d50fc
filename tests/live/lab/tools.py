"""What vmmap and vmtop show of every workload: equal to its stated truth and to /proc.

Usage: tools.py BIN_DIR.  The target sits still, so everything but file pages (which the kernel may
reclaim at any moment) must be equal to the byte.
"""

import json
import os
import subprocess
import sys
import tempfile

from truth import Lab, Mismatch, Skip, check_keys, expect, smaps, some, status, swap_is_on

WORKLOADS = [
    ["anon", "--size", "4M"],
    ["mmap"],
    ["file-private", "--size", "1M"],
    ["file-shared", "--size", "1M"],
    ["shm", "--type", "sysv", "--size", "1M"],
    ["shm", "--type", "posix", "--size", "1M"],
    ["shm", "--type", "anon", "--size", "1M"],
    ["memfd", "--size", "2M"],
    ["brk", "--size", "1M"],
    ["malloc-threshold"],
    ["stack-growth"],
    ["thread-stacks"],
    ["zero-page"],
    ["cow", "--size", "2M"],
    ["mlock", "--size", "1M"],
    ["many-mappings", "--count", "500"],
    ["sparse"],
    ["page-pattern", "--size", "1M"],
    ["guard", "--size", "256K"],
    ["prot-none", "--size", "256K"],
    ["mremap", "--size", "256K"],
    ["thp", "--count", "1"],
    ["hugetlb", "--count", "2"],
    ["ksm"],
]

# What the mapping that holds an address of the truth must be called: workload, label, kind.
KINDS = {
    ("anon", "anon"): "anon",
    ("brk", "heap"): "heap",
    ("stack-growth", "stack"): "stack",
    ("memfd", None): "memfd",
    ("shm sysv", None): "sysv",
    ("shm posix", None): "shmem",
    ("shm anon", None): "shmem",
    ("file-private", "file"): "file",
    ("file-shared", None): "file",
}
# Only every so many-th workload is captured.
CAPTURES = int(os.environ.get("VM_CAPTURE_EVERY", "1"))
FIGURES = ["size_bytes", "rss_bytes", "pss_bytes", "anon_bytes", "shared_clean_bytes", "shared_dirty_bytes",
           "private_clean_bytes", "private_dirty_bytes", "locked_bytes", "swap_bytes", "uss_bytes"]


def run_json(argv):
    r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if r.returncode != 0:
        raise Mismatch(f"{argv}: exit status {r.returncode}: {r.stderr.decode(errors='replace')}")
    return json.loads(r.stdout)


def comparable(m):
    """Figures to compare byte by byte.  vmmap itself maps the files of libraries while it looks, and the kernel's pages,
    which Linux 7.2 counts like those: how many share them is another then."""
    if swap_is_on():
        return ["size_bytes"]
    shared = ("pss_", "uss_", "shared_", "private_")
    everyones = m["name"].startswith(("/", "[vvar", "[vdso"))
    return [k for k in FIGURES if not (everyones and k.startswith(shared))]


def compare_with_kernel(label, shown, kernel):
    expect(label, "number of mappings", len(kernel), len(shown))
    n = 0
    for want, have in zip(kernel, shown):
        where = f'{label}: {want["start"]:x} {want["name"]}'
        expect(where, "start", f'{want["start"]:#x}', have["start"])
        expect(where, "end", f'{want["end"]:#x}', have["end"])
        expect(where, "perm", want["perm"], have["perm"])
        expect(where, "name", want["name"], have["name"])
        expect(where, "offset_bytes", want["offset_bytes"], have["offset_bytes"])
        n += 5
        for key in comparable(want):
            expect(where, key, want[key], have[key])
            n += 1
    return n


def steady_look(vmmap, pid):
    """What vmmap and the kernel say, of a moment in which the kernel said the same before and after.

    PSS moves with everyone who maps the same pages, and reclaim comes when it likes.
    """
    for _ in range(100):
        before = smaps(pid)
        process = run_json([vmmap, "-J", str(pid)])["processes"][0]
        if smaps(pid) == before:
            return process, before
    raise Mismatch(f"process {pid} never sat still")


def compare_totals(label, process):
    for key in FIGURES:
        expect(label, f"sum of {key}", sum(m[key] for m in process["mappings"]),
               sum(t[key] for t in process["totals"]))
    expect(label, "count", len(process["mappings"]), sum(t["count"] for t in process["totals"]))
    return len(FIGURES) + 1


def compare_with_truth(name, t, pid, mappings):
    n = 0
    by_start = {m["start"]: m for m in mappings}
    for fact in t.get("mappings", []):
        if fact.get("pid", t["pid"]) != pid:
            continue
        label = f'{name}: {fact["label"]}'
        have = by_start.get(fact["start"])
        if have is None:
            raise Mismatch(f"{label}: vmmap shows nothing at {fact['start']}")
        check_keys(label, fact, have)
        n += len(fact)
        kind = KINDS.get((name, fact["label"]), KINDS.get((name, None)))
        if kind:
            expect(label, "kind", kind, have["kind"])
            n += 1
    for thread in t.get("threads", []):
        sp_map = [m for m in mappings if int(m["start"], 16) <= int(thread["stack_end"], 16) - 1 < int(m["end"], 16)]
        expect(f"{name}: thread {thread['tid']}", "kind", "tstack", sp_map[0]["kind"] if sp_map else None)
        n += 1
    return n


def compare_process(label, bins, pid, process):
    expect(label, "vsz_bytes", status(pid, "VmSize"), process["vsz_bytes"])
    expect(label, "locked_bytes", status(pid, "VmLck"), process["locked_bytes"])
    expect(label, "page_tables_bytes", status(pid, "VmPTE"), process["page_tables_bytes"])
    expect(label, "anon_bytes", status(pid, "RssAnon"), process["anon_bytes"])
    listed = run_json([os.path.join(bins, "vmtop"), "--once", "-J", "-p", str(pid)])["processes"]
    expect(label, "processes of vmtop", [pid], [p["pid"] for p in listed])
    for key in ("vsz_bytes", "locked_bytes", "page_tables_bytes", "anon_bytes", "start_ticks", "comm", "cmdline", "uid"):
        expect(f"{label}: vmtop", key, process[key], listed[0][key])
    # The roll-up is exact; the sum of mappings is low by less than 1 KiB for each of them.
    low, maps = listed[0]["pss_bytes"] - process["pss_bytes"], len(process["mappings"])
    if not swap_is_on() and not -(256 << 10) <= low <= (maps << 10) + (256 << 10):
        raise Mismatch(f"{label}: PSS of smaps is {low} below that of smaps_rollup, with {maps} mappings")
    return 13


def compare_capture(label, bins, pid, scratch):
    """What a capture says is the same on the spot and later."""
    tree = os.path.join(scratch, f"capture-{pid}-{len(os.listdir(scratch))}")
    vmmap = os.path.join(bins, "vmmap")
    # Not the JSON: it holds how long reading took.
    for extra in ([], ["--by", "file"], ["--mm"], ["--flags"], ["--layout"], ["-J"]):
        first = subprocess.run([vmmap, "--capture", tree, *extra, str(pid)], capture_output=True, check=False)
        again = subprocess.run([vmmap, "--root", tree, *extra, str(pid)], capture_output=True, check=False)
        if first.returncode or again.returncode:
            raise Mismatch(f"{label}: capture {extra}: {first.stderr.decode()} {again.stderr.decode()}")
        if first.stdout != again.stdout:
            raise Mismatch(f"{label}: the capture answers otherwise with {extra}")
        subprocess.run(["rm", "-rf", tree], check=True)
    return 6


def look(name, bins, t):
    n = 0
    vmmap = os.path.join(bins, "vmmap")
    pids = {t["pid"]} | {f["pid"] for f in t.get("mappings", []) if "pid" in f}
    for pid in sorted(pids):
        label = f"{name} ({pid})"
        process, kernel = steady_look(vmmap, pid)
        n += compare_with_kernel(label, process["mappings"], kernel)
        n += compare_totals(label, process)
        n += compare_with_truth(name, t, pid, process["mappings"])
        n += compare_process(label, bins, pid, process)
    return n


def main():
    bins = sys.argv[1]
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for i, args in enumerate(some(WORKLOADS)):
            name = args[0] if args[0] != "shm" else f"shm {args[2]}"
            try:
                with Lab(bins, *args, "--quiet") as lab:
                    t = lab.line()
                    n = look(name, bins, t)
                    if i % CAPTURES == 0:
                        n += compare_capture(name, bins, t["pid"], scratch)
                    while t.get("more_steps"):
                        t = lab.step()
                        n += look(name, bins, t)
                print(f"ok   {name}: {n} facts")
            except Skip as e:
                print(f"skip {name}: {e}")
            except Mismatch as e:
                failed += 1
                print(f"FAIL {e}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
