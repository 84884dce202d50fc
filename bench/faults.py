#!/usr/bin/env python3
"""Page faults: what vmfault costs those it watches and those it doesn't, in turns with the same program unwatched.

PAIRS=21 bench/faults.py [BIN]     so many pairs (default: 11)

Each is a million first-touch faults in a row (storm.c), counted in CPU time of the thread, so that other load hardly
matters.  "floor" is what empty programs at both ends of a fault cost, and such that read the clock (floor.c).
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import pairs

FAULTS = 16384 * 64
FEWER = ["16384", "8"]
CHURN = ["--churn", "16384", "8", "8"]


def wait_until_watching(pid):
    """Until its programs are attached, which is before it waits for signals; a moment more until it is settled."""
    while b"signalfd" not in subprocess.run(["ls", "-l", f"/proc/{pid}/fd"], capture_output=True, check=False).stdout:
        time.sleep(0.02)
    time.sleep(0.2)


class Bench:
    def __init__(self, tmp):
        self.vmfault = os.path.join(pairs.bin_dir(), "vmfault")
        self.tmp = tmp
        self.storm = self.build("storm", "-pthread")
        self.floor = self.build("floor", "-lbpf")
        self.pairs = int(os.environ.get("PAIRS", "11"))
        self.ok = True

    def build(self, name, *libs):
        to = os.path.join(self.tmp, name)
        subprocess.run(["cc", "-O2", "-o", to, os.path.join(pairs.ROOT, "bench", name + ".c"), *libs], check=True)
        return to

    def path(self, name):
        return os.path.join(self.tmp, name)

    def run(self, *watcher, storm=()):
        """Nanoseconds a fault, and what the watcher said on standard error."""
        done = subprocess.run([*watcher, self.storm, *storm], capture_output=True, text=True, check=True)
        return float(done.stdout.split()[0]), done.stderr

    def ns(self, *watcher, storm=()):
        return self.run(*watcher, storm=storm)[0]

    def compare(self, what, watched, most=None, n=None):
        """Median nanoseconds more than unwatched."""
        self.ns(), watched()
        rows = [(self.ns(), watched()) for _ in range(n or self.pairs)]
        ratio = statistics.median(b / a for a, b in rows)
        bare = statistics.median(a for a, _ in rows)
        more = statistics.median(b - a for a, b in rows)
        self.say(what, f"{bare:6.0f} ns  {more:+6.0f} ns  {(ratio - 1) * 100:+6.1f} %", most is None or ratio <= 1 + most / 100,
                 f"at most +{most} %" if most is not None else None)
        return more

    def say(self, what, figures, ok, target):
        verdict = f"  (target {target}) {'ok' if ok else 'MISSED'}" if target else ""
        print(f"{what:<58} {figures}{verdict}", flush=True)
        self.ok &= ok

    # What the kernel takes, whatever is watched.

    def floors(self):
        try:
            self.compare("floor: empty programs", lambda: self.ns(self.floor))
            self.compare("floor: programs that read the clock", lambda: self.ns(self.floor, "--clock"))
            self.compare("floor: empty programs, watching another process", lambda: self.ns(self.floor, "--beside"))
        except subprocess.CalledProcessError as e:
            print("floor:", e.stderr.strip())

    # What vmfault takes.

    def watched(self, via="ebpf"):
        return self.ns(self.vmfault, "--via", via, "--output", self.path("report"), "--")

    def traced(self):
        ns, said = self.run(self.vmfault, "--trace", "--output", self.path("trace"), "--")
        faults, lost = map(int, re.search(r"(\d+) faults, (\d+) lost", said).groups())
        with open(self.path("trace"), "rb") as f:
            lines = sum(1 for _ in f)
        # One line is the heading.
        self.traces.append((faults, lost, lines - 1))
        return ns

    def trace(self):
        self.traces = []
        more = self.compare("a traced program, a line for each fault", self.traced, most=35)
        lost = sum(t[1] for t in self.traces)
        same = all(faults >= FAULTS and faults == lines for faults, _, lines in self.traces)
        self.say("  its lines", f"{self.traces[0][2]} a run, {'as many as' if same else 'NOT as many as'} faults, {lost} lost",
                 same and lost == 0, "all, 0 lost")
        return more

    def beside(self, *options):
        """Another process's cost while vmfault watches one that sleeps."""
        sleeper = subprocess.Popen(["sleep", "1000"])
        watcher = subprocess.Popen([self.vmfault, "-p", str(sleeper.pid), *options], stdout=subprocess.DEVNULL)
        try:
            wait_until_watching(watcher.pid)
            return self.ns()
        finally:
            watcher.terminate()
            watcher.wait()
            sleeper.terminate()
            sleeper.wait()

    def perf_trace(self, ours):
        file = self.path("perf")
        lost = []

        def perf():
            ns = self.ns("perf", "trace", "-F", "all", "--no-syscalls", "-o", file, storm=FEWER)
            with open(file, errors="replace", encoding="utf-8") as f:
                lost.append(sum(int(m.group(1)) for m in (re.search(r"LOST (\d+)", line) for line in f) if m))
            return ns

        if not shutil.which("perf"):
            print("perf is not installed")
            return
        # It takes a minute for a million.
        more = self.compare("the same by perf trace -F all, an eighth of the faults", perf, n=3)
        self.say("  vmfault --trace / perf trace", f"{more / ours:6.2f}x less added, perf lost {sum(lost)} in {len(lost)} runs",
                 more / ours >= 4, "4x")

    def churn(self, via):
        """Threads that map and unmap all the time: is each fault counted, and is its mapping known?"""
        vmfault = [self.vmfault, "--via", via, "-J"]
        done = subprocess.run([*vmfault, "--output", self.path("json"), "--", self.storm, *CHURN],
                              capture_output=True, text=True, check=True)
        with open(self.path("json"), encoding="utf-8") as f:
            d = json.load(f)
        faults, own = d["faults"], d["counters"]
        touched = int(done.stdout.split()[2])
        # perf's events begin with the program, the kernel's counters before its execve(2), which takes a few of its own.
        minor = own["minor_faults"] - faults["minor"]
        equal = faults["major"] == own["major_faults"] and 0 <= minor <= (16 if via == "perf" else 0)
        self.say(f"8 threads that map and unmap, by {via}: faults", f"{faults['total']}, by the target's own counters "
                 f"{own['minor_faults'] + own['major_faults']}", equal and faults["total"] >= touched,
                 "equal" if via == "ebpf" else "equal, but for execve(2)")
        subprocess.run([*vmfault, "--trace", "--output", self.path("trace"), "--", self.storm, *CHURN],
                       capture_output=True, check=True)
        n = known = 0
        with open(self.path("trace"), encoding="utf-8") as f:
            for line in f:
                n += 1
                known += '"mapping":null' not in line
        self.say("  their mappings", f"{known / n * 100:.3f} % of {n} known", known / n >= 0.999, "99.9 %")


def main():
    with tempfile.TemporaryDirectory() as tmp:
        b = Bench(tmp)
        b.floors()
        b.compare("a watched program", b.watched, most=25)
        traced = b.trace()
        b.compare("another process, while a sleeping one is watched", b.beside, most=5)
        b.perf_trace(traced)
        b.compare("a watched program, by perf events", lambda: b.watched("perf"))
        b.churn("ebpf")
        b.churn("perf")
    return 0 if b.ok else 1


if __name__ == "__main__":
    sys.exit(main())
