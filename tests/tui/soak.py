"""Thousands of refreshes of vmtop, through all of its screens: neither memory nor open files grow.  soak.py BINDIR

The script comes through a pipe, so that vmtop stands still while it is looked at.  VM_SOAK: how many refreshes (2000)."""

import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "live", "lab"))
from truth import is_sanitized

REFRESHES = int(os.environ.get("VM_SOAK", "2000"))
ROUNDS = 16
# What is pressed in each round, before and behind its refreshes: all screens, orders, a filter, tags, sets of columns, a picture.
# Not the tab Faults: a thread that begins to watch takes longer than a round, and cleans up on its own time.
KEYS = ["m", "Esc", "t", "t", "P", "M", "k", "k", "F7 Down Enter", "F7 Home Enter", "Enter", "2", "3", "5", "6", "7", "8", "Esc", "L",
        "Esc Esc", "Space Down Space", "c", "\\ 1 Enter", "\\ Backspace Enter", "m Down Enter", "Esc Esc", "h", "Esc"]
GROWTH = 256 << 10     # what an allocator may make of it


def look(pid, mark):
    """Bytes that it alone has in memory, and how many files it has open, but for the mark."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        anon = next(int(line.split()[1]) * 1024 for line in f if line.startswith("RssAnon:"))
    files = 0
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            files += os.readlink(f"/proc/{pid}/fd/{fd}") != mark
        except FileNotFoundError:
            pass
    return anon, files


def soak(vmtop, options, tmp, refreshes, rounds, pause=lambda: time.sleep(0.01)):
    """A look behind each round, at which it stands still; `pause` is called again and again while it doesn't."""
    pipe = f"{tmp}/script"
    os.mkfifo(pipe)
    with open(os.devnull, "w", encoding="ascii") as null:
        p = subprocess.Popen([vmtop, "--script", pipe, *options], stdout=null, env=os.environ | {"XDG_CONFIG_HOME": tmp})
    with open(pipe, "w", encoding="ascii") as f:
        for r in range(rounds):
            ticks = refreshes // rounds // len(KEYS) + 1
            f.write("".join(f"key {keys}\ntick {ticks}\n" for keys in KEYS) + f"save {tmp}/mark.{r}\n")
            f.flush()
            deadline = time.monotonic() + 600
            while not os.path.exists(f"{tmp}/mark.{r}") and p.poll() is None and time.monotonic() < deadline:
                pause()
            if p.poll() is not None or time.monotonic() >= deadline:
                sys.exit(f"FAILED: vmtop {' '.join(options)} didn't get through round {r}: status {p.poll()}")
            yield look(p.pid, f"{tmp}/mark.{r}")
    if p.wait() != 0:
        sys.exit(f"FAILED: vmtop ended with {p.returncode}")
    os.unlink(pipe)
    for r in range(rounds):
        os.unlink(f"{tmp}/mark.{r}")


def main():
    vmtop, failed = f"{sys.argv[1]}/vmtop", 0
    with tempfile.TemporaryDirectory() as tmp:
        root = f"{tmp}/root"
        subprocess.run(["sh", os.path.join(os.path.dirname(__file__), "mktree.sh"), root], check=True)
        for options in (["--root", root], ["-p", f"{os.getpid()},{os.getppid()}"]):
            seen = list(soak(vmtop, options, tmp, REFRESHES, ROUNDS))
            # In the first rounds it takes what it needs.
            early, late = max(s[0] for s in seen[:ROUNDS // 4]), max(s[0] for s in seen[-ROUNDS // 4:])
            files = {s[1] for s in seen[1:]}
            if len(files) != 1:
                print(f"FAILED: {options[0]}: open files: {[s[1] for s in seen]}")
                failed = 1
            # Sanitizers keep what was freed.
            if late > early + GROWTH and not is_sanitized(vmtop):
                print(f"FAILED: {options[0]}: grows, KiB: {[s[0] >> 10 for s in seen]}")
                failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
