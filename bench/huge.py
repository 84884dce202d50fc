#!/usr/bin/env python3
"""vmhuge against thpmaps of the kernel tree: the same answer, and how much quicker.

Usage: huge.py [BIN [THPMAPS]]; THPMAPS, or the environment's, is the script tools/mm/thpmaps of a kernel tree (Linux 6.9).
"""

import collections
import json
import os
import re
import subprocess
import sys

import pairs

PYTHON = "/usr/bin/python3"      # the system's: numpy is a package of it


def peer():
    """thpmaps, or why there is none."""
    path = sys.argv[2] if len(sys.argv) > 2 else os.environ.get("THPMAPS", "")
    if not os.path.exists(path):
        return None, "thpmaps (tools/mm/thpmaps of a kernel tree; name it as second argument)"
    if subprocess.run([PYTHON, "-c", "import numpy"], capture_output=True, check=False).returncode:
        return None, "thpmaps: python3-numpy is not installed"
    return [PYTHON, path], None


def by_thpmaps(thpmaps, pid):
    """KiB by thpmaps's labels."""
    out = subprocess.run([*thpmaps, "--pid", pid, "--rollup"], capture_output=True, text=True, check=True).stdout
    return collections.Counter({k: int(v) for k, v in re.findall(r"^(\S+):\s+(\d+) kB", out, re.M) if int(v)})


def by_vmhuge(vmhuge, pid):
    """The same of vmhuge."""
    out = collections.Counter()
    doc = json.loads(subprocess.run([vmhuge, "-J", pid], capture_output=True, text=True, check=True).stdout)
    for s in doc["processes"][0]["sizes"]:
        size = f"{(s['page_bytes'] or 0) // 1024}kB"
        for what in ("anon", "file", "shmem"):
            label = {"entry": f"pmd-aligned-{size}", "partly": "pte-partial"}.get(s["how"], f"pte-{s['how']}-{size}")
            # thpmaps names neither base pages nor folios of two.
            if s["how"] != "small" and size != "8kB" and s[f"{what}_bytes"]:
                out[f"{'anon' if what == 'anon' else 'file'}-thp-{label}"] += s[f"{what}_bytes"] // 1024
    return out


def compare(vmhuge, thpmaps, pid):
    ours, theirs = by_vmhuge(vmhuge, pid), by_thpmaps(thpmaps, pid)
    same = ours == theirs
    print(f"    the same answer: {'yes' if same else 'NO'}: {dict(theirs)}")
    if not same:
        print(f"    vmhuge: {dict(ours)}")
    return same


def one(bins, title, workload, thpmaps, missing):
    vmhuge = os.path.join(bins, "vmhuge")
    lab = subprocess.Popen([os.path.join(bins, "vmlab"), *workload, "--quiet"], stdout=subprocess.PIPE)
    try:
        pid = str(json.loads(lab.stdout.readline())["pid"])
        if not thpmaps:
            print(f"{title}: left out: {missing}")
            return True
        ok = compare(vmhuge, thpmaps, pid)
        ok &= pairs.report(f"{title}: table, thpmaps", [vmhuge, pid], [*thpmaps, "--pid", pid], 5, least=10)
        ok &= pairs.report(f"{title}: table, thpmaps --rollup", [vmhuge, pid], [*thpmaps, "--pid", pid, "--rollup"], 5, least=10)
        ok &= pairs.report(f"{title}: JSON, thpmaps", [vmhuge, "-J", pid], [*thpmaps, "--pid", pid], 5)
        return ok
    finally:
        lab.terminate()
        lab.wait()


def main():
    bins = pairs.bin_dir()
    thpmaps, missing = peer()
    ok = one(bins, "60 000 mappings", ["many-mappings", "--count", "60000"], thpmaps, missing)
    ok &= one(bins, "4 GiB of base pages", ["anon", "--size", "4G"], thpmaps, missing)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
