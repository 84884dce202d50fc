"""JSON of vmmap on the captured trees: valid by the schema, and its sums are sums.

Usage: invariants.py VMMAP FIXTURES SCHEMAS
"""

import json
import os
import subprocess
import sys

import jsonschema

# What `broken` holds can't all be read; these trees can.
WHOLE = ["linux-6.18", "linux-6.12", "linux-6.1", "linux-5.10", "hostile", "future"]
MODES = [
    [],
    ["-o", "all"],
    ["--by", "kind"],
    ["--by", "file"],
    ["--by", "perm"],
    ["--by", "name"],
    ["--by", "page"],
    ["--mm"],
    ["--flags"],
    ["--layout"],
    ["--filter", "RSS > 8K"],
    ["-s", "RSS"],
    ["--format", "ndjson"],
]
NOT_SUMS = {"offset_bytes", "page_bytes", "mmu_page_bytes"}
failures = 0


def fail(text):
    global failures
    failures += 1
    if failures < 20:
        print("FAIL " + text)


def run(vmmap, *arguments):
    # Not text: what isn't UTF-8 must not get here at all.
    r = subprocess.run([vmmap, *arguments], capture_output=True, check=False)
    try:
        return r.returncode, json.loads(r.stdout.decode("utf-8")), r.stderr.decode("utf-8")
    except ValueError as e:
        fail(f"{' '.join(arguments)}: {e}")
        return r.returncode, None, ""


def total(rows, key):
    """The sum of a column; None if one of the rows doesn't know it."""
    values = [r.get(key) for r in rows]
    return None if None in values else sum(values)


def sum_keys(rows):
    return {k for r in rows for k in r if (k.endswith("_bytes") and k not in NOT_SUMS) or k == "count"}


def compare(where, key, got, wanted):
    if got != wanted:
        fail(f"{where}: {key} is {got}, not {wanted}")


def check_mappings(where, mappings):
    last = 0
    for m in mappings:
        start, end = int(m["start"], 16), int(m["end"], 16)
        if not last <= start < end:
            fail(f"{where}: {m['start']}-{m['end']} is not behind what comes before")
        last = end
        compare(where, "size of " + m["start"], m["size_bytes"], end - start)
        known = {k: v for k, v in m.items() if v is not None}
        parts = ["private_clean_bytes", "private_dirty_bytes", "private_hugetlb_bytes"]
        if all(k in known for k in parts):
            compare(where, "uss of " + m["start"], m["uss_bytes"], sum(m[k] for k in parts))
        if "shared_dirty_bytes" in known and "private_dirty_bytes" in known:
            compare(where, "dirty", m["dirty_bytes"], m["shared_dirty_bytes"] + m["private_dirty_bytes"])
        if m["kind"] != "vdso" and "rss_bytes" in known and known.get("pss_bytes", 0) > m["rss_bytes"]:
            fail(f"{where}: PSS above RSS at {m['start']}")
        if m["deleted"] != m["name"].endswith(" (deleted)"):
            fail(f"{where}: deleted is {m['deleted']} of {m['name']!r}")
        if "shared_dirty_bytes" in known and "rss_bytes" in known:
            four = sum(m[k] for k in ("shared_clean_bytes", "shared_dirty_bytes", "private_clean_bytes",
                                      "private_dirty_bytes"))
            # The vdso's pages have no owner (Linux counts them as resident only).
            if m["kind"] not in ("vdso", "vvar"):
                compare(where, "four parts at " + m["start"], four, m["rss_bytes"])


def check_process(where, p, plain, whole):
    """plain: the process as the list without options gives it; whole: its files are."""
    mappings = plain["mappings"]
    for key in sum_keys(p.get("totals", [])):
        rows = p["mappings"] if "mappings" in p and all(key in m for m in p["mappings"]) else None
        if rows is not None:
            compare(where, f"total of {key}", total(p["totals"], key), total(rows, key))
    if "groups" in p:
        for key in sum_keys(p["groups"]):
            compare(where, f"sum of groups' {key}", total(p["groups"], key), total(mappings, key))
    if whole and "mm" in p and plain["mappings"]:
        size = sum(m["size_bytes"] for m in mappings if m["kind"] != "vsyscall")
        compare(where, "total_vm", p["mm"]["total_vm_bytes"], size)
        compare(where, "map_count", p["mm"]["map_count"], len([m for m in mappings if m["kind"] != "vsyscall"]))
        heap = [m["end"] for m in mappings if m["kind"] == "heap"]
        if heap:
            compare(where, "brk", int(p["mm"]["brk"], 16), int(heap[-1], 16))


def main():
    vmmap, fixtures, schemas = sys.argv[1:4]
    with open(os.path.join(schemas, "vmmap-1.json"), encoding="utf-8") as f:
        validator = jsonschema.Draft202012Validator(json.load(f))
    documents = 0
    for tree in sorted(os.listdir(fixtures)):
        root = os.path.join(fixtures, tree)
        _, plain, _ = run(vmmap, "--root", root, "-J")
        if plain is None:
            continue
        by_pid = {p["pid"]: p for p in plain["processes"]}
        for p in plain["processes"]:
            if tree in WHOLE:
                check_mappings(f"{tree} {p['pid']}", p["mappings"])
            sizes = sum(m["size_bytes"] for m in p["mappings"] if m["kind"] != "vsyscall")
            if tree in WHOLE and p["mappings"]:
                compare(f"{tree} {p['pid']}", "vsz_bytes", p["vsz_bytes"], sizes)
        for mode in MODES:
            where = f"{tree} {' '.join(mode)}"
            arguments = ["--root", root, *mode] + ([] if "--format" in mode else ["-J"])
            status, document, err = run(vmmap, *arguments)
            documents += 1
            if document is None:
                continue
            for error in list(validator.iter_errors(document))[:3]:
                fail(f"{where}: /{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}")
            if tree in WHOLE:
                compare(where, "status", status, 0)
                # What only a running kernel's structures tell is told as missing, in a line, and nothing else is.
                live_only = {"mm": "--mm" in mode, "areas": "--mm" in mode or "all" in " ".join(mode)}
                missing = sorted(need for need, wanted in live_only.items() if wanted)
                compare(where, "what is missing", sorted(document["unmet"]), missing)
                compare(where, "lines about it", err.count("\n"), len(missing))
            for p in document["processes"]:
                check_process(f"{where} {p['pid']}", p, by_pid[p["pid"]], tree in WHOLE)
    # Names come back byte by byte (bytes that aren't UTF-8 as PEP 383 has them).
    _, hostile, _ = run(vmmap, "--root", os.path.join(fixtures, "hostile"), "-J", "100")
    with open(os.path.join(fixtures, "hostile/proc/100/maps"), "rb") as f:
        wanted = [line[73:].replace(b"\\012", b"\n") for line in f.read().split(b"\n")[:-1]]
    got = [m["name"].encode("utf-8", "surrogateescape") for m in hostile["processes"][0]["mappings"]]
    if got != wanted:
        fail(f"names: {[(g, w) for g, w in zip(got, wanted) if g != w][:3]}")
    compare("hostile 100", "comm", hostile["processes"][0]["comm"], "a) S 1 (b\nc")
    print(f"{documents} documents, {failures} failures")
    return 1 if failures or not documents else 0


sys.exit(main())
