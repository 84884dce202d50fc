#!/usr/bin/env python3
"""2 000 processes, and one with 60 000 mappings: vmnuma against reading every numa_maps, and numastat."""

import ctypes
import mmap
import os
import subprocess
import sys
import tempfile

import pairs

MAPPINGS = 60000


def many_mappings():
    """A child with that many mappings of a page each, every other one touched; ended by its pid."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mmap.restype = ctypes.c_void_p
        libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        at = libc.mmap(None, ctypes.c_size_t(MAPPINGS * 4096), 3, 0x22, -1, ctypes.c_long(0))
        for i in range(0, MAPPINGS, 2):
            libc.mprotect(at + i * 4096, 4096, mmap.PROT_READ)
            ctypes.c_char.from_address(at + (i + 1) * 4096).value = b"x"
        os.write(w, b"x")
        os.read(os.pipe()[0], 1)
        os._exit(0)
    os.close(w)
    os.read(r, 1)
    return pid


def main():
    vmnuma = os.path.join(pairs.bin_dir(), "vmnuma")
    ok = True
    with tempfile.TemporaryDirectory() as tmp:
        reader = os.path.join(tmp, "numamaps")
        subprocess.run(["cc", "-O2", "-o", reader, os.path.join(pairs.ROOT, "bench", "numamaps.c")], check=True)
        with pairs.Processes(2000):
            ok &= pairs.report("2 000 processes, -a / every numa_maps, one buffer", [vmnuma, "-a"], [reader], 11, most=1.3)
            ok &= pairs.report("JSON / every numa_maps, one buffer", [vmnuma, "-a", "-J"], [reader], 5)
            ok &= pairs.report("-a, numastat -p sleep", [vmnuma, "-a"], ["numastat", "-p", "sleep"], 3)
        limit = int(open("/proc/sys/vm/max_map_count").read())
        if limit < MAPPINGS + 1000:
            print(f"one process of {MAPPINGS} mappings: vm.max_map_count is {limit}")
            return 0 if ok else 1
        pid = many_mappings()
        try:
            cat = ["cat", f"/proc/{pid}/numa_maps"]
            ok &= pairs.report(f"{MAPPINGS} mappings, -p PID / cat numa_maps", [vmnuma, "-p", str(pid)], cat, 11)
            ok &= pairs.report(f"{MAPPINGS} mappings, a row each / cat numa_maps", [vmnuma, str(pid)], cat, 11)
            ok &= pairs.report("the same, 8 samples of each by move_pages", [vmnuma, "--sample", "8", str(pid)], cat, 3)
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
