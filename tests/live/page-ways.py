"""All ways of reading a process's pages agree, page by page.  Usage: page-ways.py VMPAGE"""
import ctypes
import json
import mmap
import signal
import subprocess
import sys

PAGE = 4096
GIB = 1 << 30
vmpage = sys.argv[1]
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
MAP_NORESERVE, MADV_HUGEPAGE, MADV_NOHUGEPAGE = 0x4000, 14, 15
PR_SET_THP_DISABLE = 41


def memory(size, advice, prot=mmap.PROT_READ | mmap.PROT_WRITE):
    at = libc.mmap(None, size, prot, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    if at == ctypes.c_void_p(-1).value:
        sys.exit("mmap failed")
    libc.madvise(at, size, advice)
    return at


def touch(at, write):
    if write:
        ctypes.memset(at, 1, 1)
    else:
        ctypes.string_at(at, 1)


def child():
    # Over the borders of tables of every level but the highest, a few pages in each of them.
    sparse = memory(1300 * GIB, MADV_NOHUGEPAGE)
    for i in range(1300):
        touch(sparse + i * GIB + i % 512 * PAGE, True)
    edge = (sparse + 512 * GIB) & ~(512 * GIB - 1)
    for at in (edge - PAGE, edge, edge + 511 * GIB, edge + 512 * GIB - PAGE, edge + 512 * GIB):
        touch(at, True)
    # Noise: not there, zero, written.
    noise = memory(64 << 20, MADV_NOHUGEPAGE)
    for i in range(0, 64 << 20, PAGE):
        kind = i // PAGE * 2654435761 >> 7 & 3
        if kind:
            touch(noise + i, kind > 1)
    huge = memory(16 << 20, MADV_HUGEPAGE)
    for i in range(0, 16 << 20, PAGE):
        touch(huge + i, True)
    # Huge pages of zeros.
    zeros = memory(16 << 20, MADV_HUGEPAGE)
    for i in range(0, 16 << 20, 2 << 20):
        touch(zeros + i, False)
    # Where no huge pages were free, khugepaged would make some between two looks.
    libc.prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
    print("ready", flush=True)
    signal.pause()


def pages(pid, via):
    """State and frame of every page, or None where the way doesn't work."""
    p = subprocess.run([vmpage, "--runs", "--via", via, "-J", "-o", "START,END,PFN,STATE", str(pid)],
                       capture_output=True, text=True)
    if p.returncode:
        return p.stderr.strip(), None
    out = {}
    for r in json.loads(p.stdout)["runs"]:
        state = frozenset(r["state"])
        pfn = int(r["pfn"], 16) if r["pfn"] else None
        for i, at in enumerate(range(int(r["start"], 16), int(r["end"], 16), PAGE)):
            out[at] = (pfn + (0 if "zero" in state else i) if pfn is not None else None, state)
    return "", out


def compare(what, a, b, states, frames):
    wrong = 0
    for at in sorted(a.keys() | b.keys()):
        x, y = a.get(at), b.get(at)
        # Pages that the kernel doesn't count ([vvar]) show in page tables only.
        if (x and "special" in x[1] and "zero" not in x[1]) or (y and "special" in y[1] and "zero" not in y[1]):
            continue
        # Whether others map a page of a file too may change meanwhile.
        these = states - {"exclusive"} if x and "file" in x[1] else states
        same = x and y and x[1] & these == y[1] & these and (not frames or x[0] == y[0])
        if not same:
            wrong += 1
            if wrong < 5:
                print(f"{what}: {at:x} is {x} and {y}")
    print(f"{what}: {len(a)} and {len(b)} pages, {wrong} differ")
    return wrong


def main():
    # A program of its own: pages that it shared with us would change hands meanwhile.
    target = subprocess.Popen([sys.executable, "-B", __file__, vmpage, "child"], stdout=subprocess.PIPE)
    pid = target.pid
    try:
        target.stdout.readline()
        why, by_map = pages(pid, "pagemap")
        if by_map is None:
            print(f"skip: {why}")
            return 77
        wrong = tried = 0
        for via, states in (("page-tables", {"present", "swap", "file", "exclusive", "zero"}),
                            ("pagemap-scan", {"present", "swap", "file"})):
            why, got = pages(pid, via)
            if got is None:
                print(f"without {via}: {why}")
                continue
            tried += 1
            frames = via == "page-tables" and any(p for p, _ in by_map.values())
            wrong += compare(f"{via} against pagemap", got, by_map, states if frames else states - {"zero"}, frames)
        if len(by_map) < 1300 + 16384 // 4 * 3:
            print(f"only {len(by_map)} pages")
            return 1
        if not tried:
            print("skip: there is only one way of reading pages here")
            return 77
        return 1 if wrong else 0
    finally:
        target.kill()
        target.wait()


sys.exit(child() if len(sys.argv) > 2 else main())
