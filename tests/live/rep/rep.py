"""What vmrep says against what the kernel says, and against page faults whose number is known.

Usage: rep.py VMREP
"""

import datetime
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios

VMREP = sys.argv[1]
PAGE = os.sysconf("SC_PAGE_SIZE")
failed = 0


def check(ok, what):
    global failed
    if not ok:
        print(f"FAIL: {what}")
        failed = 1


def vmstat():
    """All counters of /proc/vmstat."""
    with open("/proc/vmstat", encoding="ascii") as f:
        return {k: int(v) for k, v in (line.split() for line in f)}


def meminfo():
    with open("/proc/meminfo", encoding="ascii") as f:
        return {line.split(":")[0]: int(line.split()[1]) for line in f}


def run(*args, status=0):
    p = subprocess.run([VMREP, *args], capture_output=True, text=True, check=False)
    check(p.returncode == status, f"vmrep {' '.join(args)}: status {p.returncode}: {p.stderr}")
    return p.stdout


# A process that touches N new pages each time it is told, and says so.
TOUCHER = """
import mmap, sys
print(flush=True)
for line in sys.stdin:
    n = int(line)
    m = mmap.mmap(-1, n * 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    m.madvise(mmap.MADV_NOHUGEPAGE) if hasattr(mmap, "MADV_NOHUGEPAGE") else None
    for i in range(n):
        m[i * 4096] = 1
    print(flush=True)
"""


def lines_past_now(stream, time_of):
    """Documents up to the first that was read from the kernel after now: those before may wait in the pipe."""
    now = datetime.datetime.now(datetime.timezone.utc)
    docs = []
    while not docs or datetime.datetime.fromisoformat(time_of(docs[-1])) <= now:
        docs.append(json.loads(stream.readline()))
    return docs


class Toucher:
    def __init__(self):
        self.p = subprocess.Popen([sys.executable, "-c", TOUCHER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.p.stdout.readline()

    def touch(self, n):
        self.p.stdin.write(f"{n}\n")
        self.p.stdin.flush()
        self.p.stdout.readline()

    def end(self):
        self.p.kill()
        self.p.wait()


# ---- Totals: each counter lies between two readings of the kernel's own file -----------------------------------------

def test_totals():
    before = vmstat()
    doc = json.loads(run("-J", "--totals"))
    after = vmstat()
    compared = 0
    for row in doc["totals"]:
        m = re.fullmatch(r"vmstat: ([a-z_]+)", row["source"])
        if not m or not row["counter"] or m.group(1) not in before:
            continue
        unit = {"pgpgin": 1024, "pgpgout": 1024, "pswpin": PAGE, "pswpout": PAGE}.get(m.group(1), 1)
        low, high = before[m.group(1)] * unit, after[m.group(1)] * unit
        check(low <= row["value"] <= high, f"{row['name']}: {row['value']} is not within {low} .. {high}")
        compared += 1
    check(compared >= 30, f"only {compared} counters could be compared")
    sums = {"ALLOC/S": "pgalloc_", "STALL/S": "allocstall_"}
    for row in doc["totals"]:
        prefix = sums.get(row["name"])
        if prefix and row["value"] is not None:
            low, high = (sum(v for k, v in s.items() if k.startswith(prefix)) for s in (before, after))
            check(low <= row["value"] <= high, f"{row['name']}: {row['value']} is not within {low} .. {high}")


def test_levels():
    """Levels that don't move by themselves are the kernel's to the byte."""
    info = meminfo()
    m = json.loads(run("-J", "-o", "all"))["machine"]
    check(m["total_bytes"] == info["MemTotal"] * 1024, f"total_bytes: {m['total_bytes']} instead of {info['MemTotal'] * 1024}")
    parts = ("free_bytes", "file_bytes", "anon_bytes", "shmem_bytes", "slab_bytes", "page_tables_bytes", "unexplained_bytes",
             "hugetlb_bytes", "percpu_bytes")
    check(sum(m[p] or 0 for p in parts) <= m["total_bytes"], "the parts are more than the whole")


# ---- Rates -----------------------------------------------------------------------------------------------------------

def test_since_boot():
    before = vmstat()["pgfault"]
    doc = json.loads(run("-J"))
    after = vmstat()["pgfault"]
    count = doc["machine"]["page_faults_per_second"] * doc["elapsed_ns"] / 1e9
    check(before - 1 <= count <= after + 1, f"faults since boot: {count} is not within {before} .. {after}")


def test_machine_rates():
    """All lines together have the faults that were made between the first and the last, and no more than the machine had."""
    toucher = Toucher()
    before = vmstat()["pgfault"]
    p = subprocess.Popen([VMREP, "-J", "-o", "TIME,FLT/S", "0.1"], stdout=subprocess.PIPE, text=True)
    docs = [json.loads(p.stdout.readline())]
    toucher.touch(30000)
    docs += lines_past_now(p.stdout, lambda doc: doc["machine"]["time"])
    p.send_signal(signal.SIGINT)
    p.stdout.close()
    check(p.wait() == 0, f"interrupted: status {p.returncode}")
    after = vmstat()["pgfault"]
    toucher.end()
    check([d["since_boot"] for d in docs] == [True] + [False] * (len(docs) - 1), "only the first line is since boot")
    count = sum(d["machine"]["page_faults_per_second"] * d["elapsed_ns"] / 1e9 for d in docs[1:])
    check(30000 <= round(count) <= after - before, f"faults: {count} instead of 30000 .. {after - before}")


def test_process_rates():
    """Rates of a process are the increase of its counters, to the last fault."""
    toucher = Toucher()
    args = [VMREP, "-J", "-p", str(toucher.p.pid), "0.1"]
    p = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    rows = [json.loads(p.stdout.readline())["processes"][0]]
    for n in (1000, 7000):
        toucher.touch(n)
        rows += [d["processes"][0] for d in lines_past_now(p.stdout, lambda doc: doc["processes"][0]["time"])]
    for a, b in zip(rows, rows[1:]):
        count = b["minor_faults_per_second"] * b["elapsed_seconds"]
        check(abs(count - (b["minor_faults"] - a["minor_faults"])) < 0.5, f"rate: {count} faults, the counter says "
              f"{b['minor_faults'] - a['minor_faults']}")
    check(rows[-1]["minor_faults"] - rows[0]["minor_faults"] >= 8000, "the faults that were made aren't there")
    check(rows[-1]["rss_bytes"] - rows[0]["rss_bytes"] >= 7000 * 4096 * 0.9, "nor is the memory")
    whole = rows[0]["minor_faults_per_second"] * rows[0]["elapsed_seconds"]
    check(abs(whole - rows[0]["minor_faults"]) < 0.5, f"since it started: {whole} instead of {rows[0]['minor_faults']}")
    # It ends: that is told, and no failure.
    toucher.end()
    error = p.stderr.read()
    check(p.wait() == 0, f"its process ended: status {p.returncode}")
    check(f"there is no process {toucher.p.pid} any more" in error, f"its process ended: {error!r}")


def test_stopped():
    """Lines that were missed don't come in a burst, and the one after says how long it is of."""
    p = subprocess.Popen([VMREP, "-J", "-y", "-o", "FLT/S", "0.1"], stdout=subprocess.PIPE, text=True)
    p.stdout.readline()
    p.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, p.pid, os.WSTOPPED | os.WNOWAIT)
    # It has to be stopped for as long as several lines take.
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    signal.sigwait([signal.SIGALRM])
    p.send_signal(signal.SIGCONT)
    docs = [json.loads(p.stdout.readline()) for _ in range(5)]
    p.kill()
    p.wait()
    check(docs[0]["elapsed_ns"] > 400e6 or docs[1]["elapsed_ns"] > 400e6, f"the time it was stopped is in no line: {docs}")
    # The late one may come just before the next one is due.
    check(sum(d["elapsed_ns"] < 50e6 for d in docs) <= 1, f"lines came in a burst: {[d['elapsed_ns'] for d in docs]}")


# ---- A terminal ------------------------------------------------------------------------------------------------------

def on_terminal(rows, cols, *args):
    """What it writes to a terminal of that size, and to standard error."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
    env = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
    env.update(TERM="xterm", NO_COLOR="1")
    with subprocess.Popen([VMREP, *args], stdout=side, stderr=subprocess.PIPE, env=env) as p:
        os.close(side)
        text = b""
        while True:
            try:
                piece = os.read(main, 4096)
            except OSError:
                break
            if not piece:
                break
            text += piece
        error = p.stderr.read().decode()
    os.close(main)
    return text.decode().replace("\r\n", "\n").splitlines(), error


def test_terminal():
    lines, error = on_terminal(10, 80, "0.001", "20")
    check(error == "", f"on a terminal of 80 columns: {error}")
    check(all(len(line) <= 80 for line in lines), f"longer than 80 columns: {max(lines, key=len)!r}")
    headings = [i for i, line in enumerate(lines) if "FREE" in line]
    check(headings == [0, 9, 18], f"headings in lines {headings} of a terminal of 10 lines")
    check(len(lines) == 23, f"{len(lines)} lines instead of 20 and 3 headings")
    lines, error = on_terminal(24, 40, "-o", "mem,fault")
    check(all(len(line) <= 40 for line in lines) and "no room for" in error, f"40 columns: {lines}, {error!r}")
    lines, error = on_terminal(24, 40, "-w", "-o", "mem,fault")
    check(len(lines[0]) > 200 and error == "", f"wide: {lines}, {error!r}")
    # Elsewhere the headings come once.
    check(run("0.001", "60").count("FREE") == 1, "headings of a file")


def test_forms():
    text = run("--csv", "-o", "TIME,FLT/S,PSI%", "0.01", "3").splitlines()
    check(len(text) == 4 and text[0].startswith("time,") and all(t.startswith("20") for t in text[1:]), f"CSV: {text}")
    text = run("-t", "-o", "FREE", "0.01", "2").splitlines()
    check(all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}([+-]\d\d:\d\d|Z) ", t) for t in text[1:]), f"-t: {text}")
    text = run("-t", "--utc", "-o", "FREE").splitlines()
    check(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", text[1]), f"--utc: {text}")
    check(run("-o", "FREE", "--filter", "FREE < 1") == "", "a line that the filter refuses")
    blocks = run("-p", f"{os.getpid()},{os.getppid()}", "-o", "PID,RSS", "0.01", "2").split("\n\n")
    check(len(blocks) == 2 and all(b.split()[0] == "PID" for b in blocks), f"blocks: {blocks}")
    check(f"\n{os.getpid()}" not in run("-a", "-o", "PPID", "--filter", f"PPID == {os.getpid()}"), "-a shows vmrep itself")


def test_peer():
    """What vmstat shows of memory that doesn't move."""
    if not shutil.which("vmstat"):
        print("note: vmstat is not installed: not compared with it")
        return
    text = subprocess.run(["vmstat", "-s"], capture_output=True, text=True, check=True).stdout
    total = int(re.search(r"(\d+) K total memory", text).group(1)) * 1024
    swap = int(re.search(r"(\d+) K total swap", text).group(1)) * 1024
    rows = {r["name"]: r["value"] for r in json.loads(run("-J", "--totals"))["totals"]}
    check((rows["TOTAL"], rows["SWTOTAL"]) == (total, swap), f"vmstat: {total}, {swap}; vmrep: {rows['TOTAL']}, {rows['SWTOTAL']}")
    paged = int(re.search(r"(\d+) K paged in|(\d+) pages paged in", text).group(0).split()[0]) * 1024
    check(paged <= rows["IN/S"], f"paged in: vmstat said {paged}, then vmrep {rows['IN/S']}")


signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
for test in (test_totals, test_levels, test_since_boot, test_machine_rates, test_process_rates, test_stopped, test_terminal, test_forms,
             test_peer):
    test()
sys.exit(failed)
