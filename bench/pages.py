#!/usr/bin/env python3
"""Pages of a process: page tables by eBPF against the quickest pagemap reader, page-types, and what the target feels.

GIB=16 bench/pages.py [BIN]     so much touched memory of 4K pages (default: half of what is available, at most 16)

page-types is built from Debian's linux-source package, which is fetched and unpacked into a temporary directory.
"""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import pairs

GIB = 1 << 30


def run(argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


class Workload:
    """One of vmlab's, ended with the block."""

    def __init__(self, bins, *words):
        self.argv = [os.path.join(bins, "vmlab"), *words, "--quiet"]

    def __enter__(self):
        self.lab = subprocess.Popen(self.argv, stdout=subprocess.PIPE, text=True)
        self.truth = json.loads(self.lab.stdout.readline())
        return self

    def __exit__(self, *exc):
        self.lab.send_signal(signal.SIGTERM)
        self.lab.wait()


def available():
    with open("/proc/meminfo", encoding="ascii") as f:
        for line in f:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0


def build_page_types(tmp):
    """Path of the built program, or None."""
    try:
        name = run(["apt-cache", "depends", "linux-source"]).split("Depends: ")[1].split()[0]
        subprocess.run(["apt-get", "-qq", "download", name], cwd=tmp, check=True, capture_output=True)
        deb = next(f for f in os.listdir(tmp) if f.endswith(".deb"))
        subprocess.run(["dpkg", "-x", deb, "source"], cwd=tmp, check=True)
        tar = os.path.join(tmp, "source/usr/src", name + ".tar.xz")
        wanted = [f"{name}/{p}" for p in ("tools/vm/*", "tools/mm/*", "tools/lib/*", "tools/include/*", "tools/build/*",
                                          "tools/scripts/*", "include/uapi/linux/*")]
        subprocess.run(["tar", "xf", tar, "--wildcards", *wanted], cwd=tmp, capture_output=True)
        for place in ("mm", "vm"):
            tools = os.path.join(tmp, name, "tools", place)
            if os.path.isdir(tools):
                subprocess.run(["make", "page-types"], cwd=tools, check=True, capture_output=True)
                return os.path.join(tools, "page-types")
    except (subprocess.CalledProcessError, IndexError, StopIteration, FileNotFoundError) as e:
        print(f"page-types can't be built: {e}")
    return None


def verdict(what, figure, ok, target):
    print(f"{what:<66} {figure}  (target {target}) {'ok' if ok else 'MISSED'}")
    return ok


def build_walk(tmp, bins):
    """The walk in a loop, with the libraries that the commands were made from."""
    walk = os.path.join(tmp, "walk")
    libs = [os.path.join(bins, "..", f"libvm{layer}.a") for layer in ("source", "model", "base")]
    subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-I", os.path.join(pairs.ROOT, "src"), "-o", walk,
                    os.path.join(pairs.ROOT, "bench", "walk.c"), *libs, "-lbpf", "-lm", "-lpthread"], check=True)
    return walk


def said(argv):
    return {key: int(value) for key, value in (line.split() for line in run(argv).splitlines())}


def walk_alone(walk, readers, pid, gib, most_ns):
    """The best of passes in one process, as both say themselves, in turns."""
    ours, ratios = [], []
    for _ in range(5):
        us, peer = said([walk, pid, "9"]), said([readers, "-n", "5", pid])
        ours.append(us["best_ns"] / us["present"])
        ratios.append(peer["best_ns"] / us["best_ns"])
    ns, ratio = statistics.median(ours), statistics.median(ratios)
    ok = verdict(f"walk alone of {gib} GiB, a 4K page", f"{ns:6.2f} ns", ns <= most_ns, f"{most_ns} ns")
    return verdict("walk alone, pagemap of the same", f"{ratio:6.2f}x faster", ratio >= 10, "10x") and ok


class Loop:
    """A command again and again beside the measured thing; None: nothing."""

    def __init__(self, argv):
        self.argv = argv

    def __enter__(self):
        self.shell = self.argv and subprocess.Popen(
            ["sh", "-c", 'while "$@" >/dev/null 2>&1; do :; done', "sh", *self.argv], start_new_session=True)

    def __exit__(self, *exc):
        if self.shell:
            os.killpg(self.shell.pid, signal.SIGKILL)
            self.shell.wait()


def felt_by_target(disturbed, argv):
    """Mean ns of an mmap and munmap of a process with 4 GiB of pages, while another CPU looks at it."""
    target = subprocess.Popen([disturbed], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        target.stdout.readline()
        with Loop(argv and [w if w != "PID" else str(target.pid) for w in argv]):
            time.sleep(0.3)
            target.stdin.write("go\n")
            target.stdin.flush()
            return float(target.stdout.readline())
    finally:
        target.kill()
        target.wait()


def stalls(vmpage, readers, disturbed):
    quiet, walked = [], []
    for _ in range(5):
        quiet.append(felt_by_target(disturbed, None))
        walked.append(felt_by_target(disturbed, [vmpage, "PID"]))
    ratio = statistics.median(w / q for w, q in zip(walked, quiet))
    ok = verdict("mmap and munmap of a target of 4 GiB, looked at by vmpage", f"{ratio:6.2f}x as long", ratio <= 1.3, "1.3x")
    peer = felt_by_target(disturbed, [readers, "-n", "20", "PID"]) / statistics.median(quiet)
    print(f"{'the same, looked at by a pagemap reader':<66} {peer:6.2f}x as long")
    return ok


def main():
    bins = pairs.bin_dir()
    vmpage = os.path.join(bins, "vmpage")
    gib = int(os.environ.get("GIB", max(1, min(16, available() // 2 // GIB))))
    ok = True
    with tempfile.TemporaryDirectory() as tmp:
        readers, disturbed = os.path.join(tmp, "pagereaders"), os.path.join(tmp, "disturbed")
        for program in (readers, disturbed):
            subprocess.run(["cc", "-O3", "-o", program, os.path.join(pairs.ROOT, "bench", os.path.basename(program) + ".c")],
                           check=True)
        walk = build_walk(tmp, bins)
        page_types = build_page_types(tmp)
        with Workload(bins, "anon", "--size", "4G") as w:
            ok &= walk_alone(walk, readers, str(w.truth["pid"]), 4, 2)
        with Workload(bins, "anon", "--size", f"{gib}G") as w:
            pid = str(w.truth["pid"])
            print(f"{gib} GiB of 4K pages")
            # Tables of that much memory don't stay in the CPU's caches, as those of 4 GiB do.
            ok &= walk_alone(walk, readers, pid, gib, 3)
            ok &= pairs.report("vmpage PID as a whole, pagemap reader", [vmpage, pid], [readers, "-n", "1", pid], 7, least=3)
            ok &= pairs.report("vmpage --via pagemap, pagemap reader", [vmpage, "--via", "pagemap", pid],
                               [readers, "-n", "1", pid], 5, most=1.2)
            if page_types:
                ok &= pairs.report("vmpage PID as a whole, page-types -p", [vmpage, pid], [page_types, "-p", pid], 3, least=20)
        with Workload(bins, "sparse", "--size", "1T", "--pages", "2000") as w:
            pid = str(w.truth["pid"])
            pairs.once([vmpage, pid])
            ms = statistics.median(pairs.once([vmpage, pid]) for _ in range(9)) * 1e3
            ok &= verdict("1 TiB, 2000 pages touched, as a whole", f"{ms:6.1f} ms", ms < 40, "40 ms")
        ok &= stalls(vmpage, readers, disturbed)
        if page_types:
            ok &= pairs.report("vmpage --system / page-types", [vmpage, "--system"], [page_types], 5, most=1)
    return 0 if ok else 1


if __name__ == "__main__":
    if not shutil.which("cc"):
        sys.exit("cc is not installed")
    sys.exit(main())
