#!/usr/bin/env python3
"""One process with 30 000 mappings: what vmmap adds to the kernel's own cost, and what pmap takes."""

import json
import os
import subprocess
import sys

import pairs

SMAPS = ("START,SIZE,PAGE,MMUPAGE,RSS,PSS,PSSDIRTY,SHCLEAN,SHDIRTY,PRCLEAN,PRDIRTY,REFD,ANON,KSM,LAZYFREE,THP,"
         "SHMEMTHP,FILETHP,SHHUGETLB,PRHUGETLB,SWAP,SWAPPSS,LOCKED,ELIGIBLE,PKEY,VMFLAGS,MAPPING")
LAYOUT = "START,END,PERM,OFFSET,DEVICE,INODE,MAPPING"


def main():
    bins = pairs.bin_dir()
    vmmap = os.path.join(bins, "vmmap")
    lab = subprocess.Popen([os.path.join(bins, "vmlab"), "many-mappings", "--count", "30000", "--quiet"],
                           stdout=subprocess.PIPE)
    ok = True
    try:
        pid = str(json.loads(lab.stdout.readline())["pid"])
        smaps, maps = f"/proc/{pid}/smaps", f"/proc/{pid}/maps"
        n = 15
        ok &= pairs.report("all smaps columns / cat smaps", [vmmap, "-o", SMAPS, pid], ["cat", smaps], n, most=1.3)
        ok &= pairs.report("all smaps columns, CSV / cat smaps", [vmmap, "--csv", "-o", SMAPS, pid],
                           ["cat", smaps], n)
        ok &= pairs.report("usual columns / cat smaps", [vmmap, pid], ["cat", smaps], n)
        ok &= pairs.report("every column there is / cat smaps", [vmmap, "-o", "all", pid], ["cat", smaps], n)
        ok &= pairs.report("JSON / cat smaps", [vmmap, "-J", pid], ["cat", smaps], n)
        ok &= pairs.report("all smaps columns, pmap -X", [vmmap, "-o", SMAPS, pid], ["pmap", "-X", pid], 5, least=5)
        ok &= pairs.report("layout columns / cat maps", [vmmap, "-o", LAYOUT, pid], ["cat", maps], n, most=2)
        ok &= pairs.report("one address, layout columns / cat maps",
                           [vmmap, "-a", "1000", "-o", LAYOUT, pid], ["cat", maps], n)
    finally:
        lab.terminate()
        lab.wait()
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
