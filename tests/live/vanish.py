"""Processes that end, or become another program, while they are being read.

Usage: vanish.py VMMAP RUNS

A parent with a few thousand mappings makes children of its own size. vmmap reads a child; at a random
moment of that the child is killed, or executes another program. Whatever vmmap then says must be true of
one moment: everything of the old program, everything of the new one, or that the process is gone. Never
a list that is cut short, sums that don't fit the list, or zeros.
"""

import errno
import json
import mmap
import os
import random
import re
import signal
import subprocess
import sys
import time

MAPPINGS = 3000
GONE = 3
MODES = [
    ["-J"],
    ["-b"],
    ["-J", "--mm"],
    ["-b", "--by", "file"],
    ["-J", "-o", "START,END,SIZE,KIND"],
    ["--layout"],
    ["-J", "--flags"],
]


def grow():
    """Mappings that don't merge, since their neighbours differ in permissions."""
    kept = []
    for i in range(MAPPINGS):
        prot = mmap.PROT_READ | (mmap.PROT_WRITE if i % 2 else 0)
        kept.append(mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=prot))
    return kept


def child(program):
    """A child that waits; at SIGUSR1 it becomes `program`. Returns when it is ready."""
    ready, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ready)
        signal.signal(signal.SIGUSR1, lambda *_: os.execv(program[0], program))
        os.write(tell, b".")
        os.close(tell)
        while True:
            signal.pause()
    os.close(tell)
    os.read(ready, 1)
    os.close(ready)
    return pid


def ranges(pid):
    with open(f"/proc/{pid}/maps") as f:
        return [line.split()[0] for line in f if "[vsyscall]" not in line]


def gate_pages():
    """One, where the kernel has the legacy system call page: a line more than there are mappings."""
    with open("/proc/self/maps") as f:
        return sum("[vsyscall]" in line for line in f)


def size_of(listed):
    return sum(int(b, 16) - int(a, 16) for a, b in (r.split("-") for r in listed))


GATE = gate_pages()


class Wrong(Exception):
    pass


def same_age(listed, old, new_program):
    """Is the list all of the old program (True) or of the new one (False)? Nothing between."""
    if listed == old:
        return True
    if not new_program:
        raise Wrong(f"{len(listed)} mappings instead of {len(old)}")
    # The new program may still be loading, so its list isn't known; but it shares no range with the old one.
    if not listed or set(listed) & set(old) or len(listed) > len(old) // 2:
        raise Wrong(f"{len(listed)} mappings, {len(set(listed) & set(old))} of them of the old program")
    return False


def check_size(what, size, old, is_old, new_program):
    """A sum of the address space is that of the program whose mappings are shown."""
    if is_old is not False and size == old:
        return True
    if is_old is True or not new_program or not 0 < size < old // 2:
        raise Wrong(f"{what} {size}; the old program has {old}, the mappings are of the {'old' if is_old else 'new'} one")
    return False


def check_json(text, old, new_program):
    document = json.loads(text)
    if len(document["processes"]) != 1:
        raise Wrong(f"{len(document['processes'])} processes")
    p = document["processes"][0]
    is_old = None
    if "mm" in p:
        mm = p["mm"]
        is_old = check_size("map_count", mm["map_count"], len(old), None, new_program)
        check_size("total_vm", mm["total_vm_bytes"], size_of(old), is_old, new_program)
        if not new_program and not (mm["start_stack"] and mm["rss_bytes"]):
            raise Wrong("zeros in mm")
    elif "mappings" in p:
        shown = [m for m in p["mappings"] if int(m["start"], 16) < 1 << 63]
        listed = [f"{int(m['start'], 16):08x}-{int(m['end'], 16):08x}" for m in shown]
        is_old = same_age(listed, old, new_program)
    if p.get("vsz_bytes") is not None:
        check_size("VSZ", p["vsz_bytes"], size_of(old), is_old, new_program)
    if p["rss_bytes"] == 0:
        raise Wrong("RSS 0")
    # Without eBPF nobody's users are known.
    unmet = {need: u for need, u in document["unmet"].items() if need not in ("mm", "areas") or u["why"] != os.strerror(errno.EOPNOTSUPP)}
    if unmet:
        raise Wrong(f"unmet: {unmet}")


def check_text(text, old, new_program):
    head = re.search(r"VSZ (\S+)  RSS (\S+)", text)
    if not head or head[2] in ("0", "-"):
        raise Wrong("no RSS")
    is_old = None
    total = re.search(r"TOTAL +(\d+) +(\d+) ", text)
    if total:
        is_old = check_size("COUNT", int(total[1]) - GATE, len(old), None, new_program)
        check_size("TOTAL", int(total[2]) - GATE * mmap.PAGESIZE, size_of(old), is_old, new_program)
    if head[1].isdigit():
        check_size("VSZ", int(head[1]), size_of(old), is_old, new_program)


def spin_until(deadline):
    """A random moment of the reading is what is wanted: nothing is waited for."""
    while time.monotonic() < deadline:
        pass


def main():
    vmmap, runs = sys.argv[1], int(sys.argv[2])
    seed = int(os.environ.get("VM_SEED", "0")) or random.randrange(1 << 30)
    chance = random.Random(seed)
    program = ["/bin/sleep", "100000"]
    kept = grow()

    # How long each mode takes, so that the moments fall into it.
    took = {}
    for mode in MODES:
        pid = child(program)
        began = time.monotonic()
        subprocess.run([vmmap, *mode, str(pid)], stdout=subprocess.DEVNULL, check=True)
        took[str(mode)] = time.monotonic() - began
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    count = {"full": 0, "gone": 0, "zombie": 0}
    failures = 0
    for run in range(runs):
        mode = MODES[run % len(MODES)]
        execs = run % 2 == 1
        pid = child(program)
        before = ranges(pid)
        reader = subprocess.Popen([vmmap, *mode, str(pid)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        spin_until(time.monotonic() + chance.random() * took[str(mode)] * 1.2)
        os.kill(pid, signal.SIGUSR1 if execs else signal.SIGKILL)
        if not execs:
            os.waitpid(pid, 0)
        out, err = (b.decode("utf-8", "replace") for b in reader.communicate())
        if execs:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        try:
            if reader.returncode == GONE:
                if "there is no process" not in err or ("-J" not in mode and out.strip()):
                    raise Wrong(f"exit 3, but said: {err[:200]!r}")
                if "-J" in mode and json.loads(out)["processes"]:
                    raise Wrong("exit 3 with a process")
                if execs:
                    raise Wrong("a process that was there all the time is said to be gone")
                count["gone"] += 1
                continue
            if reader.returncode != 0:
                raise Wrong(f"status {reader.returncode}: {err[:200]!r}")
            # A zombie has no memory and says so: its status tells none.
            if not execs and ("a zombie" in out or re.search(r'"vsz_bytes": 0,.*"anon_bytes": null', out, re.S)):
                count["zombie"] += 1
                continue
            (check_json if "-J" in mode else check_text)(out, before, execs)
            # What no eBPF tells here is told as missing.
            err = "".join(line for line in err.splitlines(True) if "not supported here" not in line)
            if err.strip():
                raise Wrong(f"said: {err[:200]!r}")
            count["full"] += 1
        except (Wrong, ValueError, KeyError) as e:
            failures += 1
            if failures <= 10:
                print(f"run {run} (seed {seed}): {' '.join(mode)}, {'exec' if execs else 'kill'}: {e}")
    del kept
    print(f"{runs} runs, seed {seed}: {count['full']} full answers, {count['gone']} gone, "
          f"{count['zombie']} zombies, {failures} wrong")
    # The moment is random, but of so many runs some of each sort must have hit.
    if runs >= 200 and (not count["full"] or not count["gone"]):
        print("the test did not test: the child never ended early, or always")
        failures += 1
    return 1 if failures else 0


sys.exit(main())
