#!/usr/bin/env python3
"""vmdiff of two captures of 30 000 mappings against vmmap's reading of both, and what a look of --every costs."""

import json
import os
import subprocess
import sys
import tempfile

import pairs

MAPPINGS = 30000


def main():
    vmdiff, vmmap = (os.path.join(pairs.bin_dir(), n) for n in ("vmdiff", "vmmap"))
    mkproc = os.path.join(pairs.ROOT, "tests", "tools", "mkproc.py")
    ok = True
    with tempfile.TemporaryDirectory() as tmp:
        trees = [os.path.join(tmp, n) for n in "abc"]
        # The same space with other figures is what another seed makes of none of it: one is a copy that is edited.
        for tree, seed in zip(trees, ("1", "1", "2")):
            out = subprocess.run([sys.executable, "-B", mkproc, tree, str(MAPPINGS), seed], check=True, capture_output=True)
        pid = json.loads(out.stdout)["pid"]
        edit(f"{trees[1]}/proc/{pid}/smaps")
        both = ["sh", "-c", f"{vmmap} --root {trees[0]} {pid}; {vmmap} --root {trees[1]} {pid}"]
        ok &= pairs.report(f"{MAPPINGS} mappings of one layout, a tenth changed / vmmap of both", [vmdiff, *trees[:2]], both, 11,
                           most=1.3)
        both = ["sh", "-c", f"{vmmap} --root {trees[0]} {pid}; {vmmap} --root {trees[2]} {pid}"]
        ok &= pairs.report("of two layouts / vmmap of both", [vmdiff, trees[0], trees[2]], both, 11)
        ok &= pairs.report("--all -J / vmmap -J of both", [vmdiff, "--all", "-J", *trees[:2]],
                           ["sh", "-c", f"{vmmap} -J --root {trees[0]} {pid}; {vmmap} -J --root {trees[1]} {pid}"], 5)
    return 0 if ok else 1


def edit(path):
    """Each tenth mapping has a page more in memory."""
    with open(path) as f:
        lines = f.read().split("\n")
    n = 0
    for i, line in enumerate(lines):
        if line.startswith("Rss:"):
            n += 1
            if n % 10 == 0:
                lines[i] = "Rss:            %8d kB" % (int(line.split()[1]) + 4)
    with open(path, "w") as f:
        f.write("\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
