"""What vmtop shows of page faults: of a process that faults when it is told to, and of one that doesn't.

Usage: topfaults.py BIN_DIR
"""

import ctypes
import json
import mmap
import os
import shutil
import signal
import subprocess
import sys
import tempfile

from truth import Mismatch, Skip, expect

PAGE = mmap.PAGESIZE
PAGES = 2000
COLUMNS = "PID,MINFLT,MINFLT/S,MAJFLT/S,FAULT%"
PR_SET_PDEATHSIG, PR_SET_THP_DISABLE = 1, 41
LOOKS = 1000  # more than any working vmtop needs


class Target:
    """A process that touches PAGES pages for each byte it is sent, and answers when it is done."""

    def __init__(self):
        self.orders, theirs = os.pipe(), os.pipe()
        self.answers = theirs
        self.pid = os.fork()
        if self.pid == 0:
            self.serve()
        os.close(self.orders[0])
        os.close(theirs[1])
        self.wait()

    def serve(self):
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
        os.close(self.orders[1])
        while True:
            os.write(self.answers[1], b".")
            if not os.read(self.orders[0], 1):
                os._exit(0)
            m = mmap.mmap(-1, PAGES * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            for at in range(0, PAGES * PAGE, PAGE):
                m[at] = 1
            m.close()

    def wait(self):
        """Until it has answered and sleeps."""
        os.read(self.answers[0], 1)
        state = ""
        while state != "S":
            with open(f"/proc/{self.pid}/stat") as f:
                state = f.read().rsplit(")", 1)[1].split()[0]

    def fault(self):
        os.write(self.orders[1], b".")
        self.wait()

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


class Vmtop:
    def __init__(self, *argv):
        self.p = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def look(self):
        line = self.p.stdout.readline()
        if not line:
            raise Mismatch(f"vmtop ended: {self.p.stderr.read()}")
        return {row["pid"]: row for row in json.loads(line)["processes"]}

    def end(self, sig):
        self.p.send_signal(sig)
        err = self.p.communicate()[1]
        return self.p.returncode, err


def works(bins):
    """Whether faults can be timed here, or why they can't."""
    out = subprocess.run([f"{bins}/vmtop", "--sources", "-J"], capture_output=True, check=True).stdout
    source = next(s for s in json.loads(out)["sources"] if s["source"] == "fault-time")
    return source["usable"], source["why_not"]


def check_rates(bins, timed):
    busy, idle = Target(), Target()
    vmtop = Vmtop(f"{bins}/vmtop", "--format", "ndjson", "-o", COLUMNS, "-p", f"{busy.pid},{idle.pid}", "0.05")
    first = vmtop.look()
    for pid in (busy.pid, idle.pid):
        for key in ("minor_faults_per_second", "major_faults_per_second", "fault_time_share"):
            expect("first sample", key, None, first[pid][key])
    # It is at rest before and after, so all of it falls between two looks, whichever they are.
    seen = rate = share = 0
    busy.fault()
    for _ in range(LOOKS):
        rows = vmtop.look()
        seen = rows[busy.pid]["minor_faults"] - first[busy.pid]["minor_faults"]
        rate = max(rate, rows[busy.pid]["minor_faults_per_second"])
        if timed:
            share = max(share, rows[busy.pid]["fault_time_share"])
            expect("idle", "fault_time_share", 0, rows[idle.pid]["fault_time_share"])
        expect("idle", "minor_faults_per_second", 0, rows[idle.pid]["minor_faults_per_second"])
        expect("idle", "major_faults_per_second", 0, rows[idle.pid]["major_faults_per_second"])
        if seen >= PAGES:
            break
    code, err = vmtop.end(signal.SIGINT)
    if seen < PAGES or rate <= 0 or (timed and share <= 0):
        raise Mismatch(f"{PAGES} faults: seen {seen}, at most {rate}/s, share {share}; {code} {err}")
    busy.close()
    idle.close()
    print(f"{PAGES} faults: {seen} seen, at most {rate:.0f}/s, {100 * share:.1f} % of the time")


def program_ids(pid):
    """Of eBPF programs that the process holds."""
    ids = set()
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        with open(f"/proc/{pid}/fdinfo/{fd}") as f:
            ids |= {int(l.split()[1]) for l in f if l.startswith("prog_id:")}
    return ids


def check_killed(bins):
    if not shutil.which("bpftool"):
        print("bpftool is not installed: what is left after a kill wasn't looked at")
        return
    vmtop = Vmtop(f"{bins}/vmtop", "--format", "ndjson", "-o", COLUMNS, "-p", str(os.getpid()), "0.05")
    vmtop.look()
    ids = program_ids(vmtop.p.pid)
    if not ids:
        raise Mismatch("vmtop holds no programs while it times faults")
    vmtop.end(signal.SIGKILL)
    # Programs are freed a little later.
    for _ in range(LOOKS):
        left = {i for i in ids if subprocess.run(["bpftool", "prog", "show", "id", str(i)], capture_output=True,
                                                 check=False).returncode == 0}
        if not left:
            print(f"{len(ids)} programs, none left after SIGKILL")
            return
    raise Mismatch(f"programs left after SIGKILL: {left}")


def check_nobody(bins):
    """Without permission it isn't known, and the reason is told."""
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]
    with tempfile.TemporaryDirectory() as d:
        os.chmod(d, 0o755)
        vmtop = shutil.copy(f"{bins}/vmtop", d)
        if os.getuid() != 0 or subprocess.run([*nobody, vmtop, "--version"], capture_output=True, check=False).returncode:
            print("can't become another user here")
            return
        argv = [*nobody, vmtop, "--format", "ndjson", "-o", COLUMNS, "-p", "self", "0.05", "2"]
        r = subprocess.run(argv, capture_output=True, text=True, check=False)
        argv.insert(-2, "--strict")
        strict = subprocess.run(argv, capture_output=True, text=True, check=False)
    expect("nobody", "exit status", (0, 5), (r.returncode, strict.returncode))
    last = json.loads(r.stdout.split("\n")[1])
    expect("nobody", "fault_time_share", None, last["processes"][0]["fault_time_share"])
    expect("nobody", "unmet", ["faulttime"], list(last["unmet"]))
    if last["processes"][0]["minor_faults_per_second"] is None:
        raise Mismatch("nobody: the rate isn't known")
    if r.stderr.count("\n") != 1 or "time in page faults" not in r.stderr or "CAP_BPF" not in r.stderr:
        raise Mismatch(f"nobody: said {r.stderr}")


def check_once(bins):
    """One sample has no rates, and says so once."""
    r = subprocess.run([f"{bins}/vmtop", "--once", "-J", "-o", COLUMNS, "-p", "self"], capture_output=True, text=True,
                       check=True)
    row = json.loads(r.stdout)["processes"][0]
    expect("--once", "rates", [None] * 3, [row[k] for k in ("minor_faults_per_second", "major_faults_per_second",
                                                            "fault_time_share")])
    expect("--once", "standard error", "vmtop: MINFLT/S, MAJFLT/S, FAULT%: known from the second sample on; "
           "give an INTERVAL\n", r.stderr)


def main():
    bins = sys.argv[1]
    timed, why = works(bins)
    try:
        check_once(bins)
        check_rates(bins, timed)
        if timed:
            check_nobody(bins)
            check_killed(bins)
        else:
            raise Skip(f"faults can't be timed here: {why}")
    except Mismatch as e:
        print(f"FAIL {e}")
        return 1
    except Skip as e:
        print(f"skip: {e}")
        return 77
    return 0


if __name__ == "__main__":
    sys.exit(main())
