#!/usr/bin/env python3
"""vmws against what it replaces: clear_refs, a wait, and the sum of Referenced in smaps, as wss.pl does it.

PAIRS=11 bench/ws.py [BIN]     so many pairs (default: 5)

Both look at the same working set (vmlab working-set), of which it is known how much is hot, in turns and for the same time.
"error" is how far each is from that; "a round" is what it takes to clear and to read, and for how long the target's memory
map is held.  Where somebody else clears accessed bits, such as DAMON, both see less.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import time

import pairs

SECONDS = 0.4
# Bytes, and of each 8 pages those that are hot.
SETS = [("256K", 2), ("4M", 2), ("64M", 2), ("1G", 2), ("1G", 8)]


def referenced(pid, start):
    """Of the mapping alone; wss.pl adds up all of them.  Bytes, and the time that reading took."""
    began = time.monotonic()
    with open(f"/proc/{pid}/smaps", encoding="utf-8", errors="replace") as f:
        text = f.read()
    took = time.monotonic() - began
    part = text[text.index(f"{start:x}-"):]
    return int(re.search(r"Referenced:\s+(\d+) kB", part)[1]) * 1024, took


def peer(pid, start):
    began = time.monotonic()
    with open(f"/proc/{pid}/clear_refs", "w", encoding="utf-8") as f:
        f.write("1")
    cleared = time.monotonic() - began
    time.sleep(SECONDS)
    used, took = referenced(pid, start)
    return used, cleared + took, cleared + took


def ours(vmws, pid, start):
    said = subprocess.run([vmws, "--clear-refs", "-J", "-p", str(pid), "-w", f"{SECONDS}s", "-d", f"{SECONDS * 1.5}s"],
                          capture_output=True, text=True, check=True)
    process = json.loads(said.stdout)["processes"][0]
    rounds = process["rounds"]
    used = next(m["used_bytes"] for m in process["mappings"] if int(m["start"], 16) == start)
    take = statistics.median(r["clear_ns"] + r["read_ns"] for r in rounds)
    return used, take / 1e9, statistics.median(r["locked_ns"] for r in rounds) / 1e9


def measure(binary, size, hot, n):
    lab = [os.path.join(binary, "vmlab"), "working-set", "--quiet", "--size", size, "--hot", str(hot), "--warm", "0", "--write", "0",
           "--period", "5"]
    with subprocess.Popen(lab, stdout=subprocess.PIPE, text=True) as target:
        truth = json.loads(target.stdout.readline())
        start = int(truth["mappings"][0]["start"], 16)
        rows = []
        for _ in range(n):
            rows.append((peer(target.pid, start), ours(os.path.join(binary, "vmws"), target.pid, start)))
        target.terminate()
    middle = [[statistics.median(row[who][i] for row in rows) for i in range(3)] for who in range(2)]
    ratio = statistics.median(b[1] / a[1] for a, b in rows)
    lock = statistics.median(b[2] / a[2] for a, b in rows)
    return truth["hot_bytes"], middle, ratio, lock


def main():
    n = int(os.environ.get("PAIRS", "5"))
    print(f"{'memory':>8}{'hot':>8}{'smaps':>10}{'vmws':>10}{'error':>9}{'error':>8}   {'a round':>10}{'a round':>10}{'ratio':>7}{'lock':>7}")
    missed = False
    for size, hot in SETS:
        bytes_hot, (a, b), ratio, lock = measure(pairs.bin_dir(), size, hot, n)
        errors = [(x[0] - bytes_hot) / bytes_hot * 100 for x in (a, b)]
        verdict = "ok" if abs(errors[1]) <= 2 else "MISSED"
        missed |= verdict != "ok"
        print(f"{size:>8}{bytes_hot >> 10:>7}K{a[0] / 1024:>9.0f}K{b[0] / 1024:>9.0f}K{errors[0]:>8.1f}%{errors[1]:>7.1f}% {verdict:<3}"
              f"{a[1] * 1e3:>7.2f} ms{b[1] * 1e3:>7.2f} ms{ratio:>7.2f}{lock:>7.2f}", flush=True)
    return missed


if __name__ == "__main__":
    sys.exit(main())
