"""Every fault once: events of threads are inherited, and added to those that exist, while more are being made.

VM_HEARD_RUNS: how often a busy process is watched for each of three times (default 5).
"""

import json
import mmap
import os
import shutil
import subprocess
import sys
import threading

PAGES = 32
# What NUMA balancing makes inaccessible, get_user_pages() may be the first to touch: a fault without an event.
try:
    with open("/proc/sys/kernel/numa_balancing", encoding="ascii") as settings:
        UNSEEN = 0 if settings.read().strip() == "0" else 5
except OSError:
    UNSEEN = 0
RUNS = int(os.environ.get("VM_HEARD_RUNS", "5"))
# A thread that ends wakes who may wait for it by way of get_user_pages(): where a fork has protected that page in the instant
# between (mm_release() in kernel/fork.c), it can be copied without an event.  One fault, in one run of many.
RARELY = 1


def touch():
    with mmap.mmap(-1, PAGES * 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as m:
        for i in range(PAGES):
            m[i * 4096] = 1


def be_busy():
    """Threads and processes, each of which faults and ends."""
    def threads():
        while True:
            t = threading.Thread(target=touch)
            t.start()
            t.join()

    for _ in range(3):
        threading.Thread(target=threads, daemon=True).start()
    while True:
        pid = os.fork()
        if pid == 0:
            touch()
            os._exit(0)
        os.waitpid(pid, 0)


class Check:
    def __init__(self, bins, scratch):
        self.bins, self.scratch, self.failed = bins, scratch, False

    def watch(self, *options):
        path = os.path.join(self.scratch, "report")
        subprocess.run([os.path.join(self.bins, "vmfault"), "--via", "ebpf", "-J", "--output", path, *options],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(path, encoding="utf-8") as f:
            return json.load(f)

    def say(self, ok, text):
        print("ok" if ok else "FAILED", text)
        self.failed |= not ok

    def busy(self):
        rare = 0
        with subprocess.Popen([sys.executable, "-B", __file__]) as target:
            try:
                for time in ("30ms", "150ms", "400ms") * RUNS:
                    # Unknown where a thread has ended before its counters were read.
                    for _ in range(5):
                        d = self.watch("-p", str(target.pid), "-d", time)
                        own, faults = d["counters"], d["faults"]
                        if None not in (own["minor_faults"], own["major_faults"]):
                            break
                    else:
                        self.say(False, f"{time} of a busy process: its own counters are never known")
                        continue
                    unseen = own["minor_faults"] - faults["minor"]
                    rare += UNSEEN < unseen <= UNSEEN + RARELY
                    self.say(0 <= unseen <= UNSEEN + RARELY * (rare <= 1) and faults["major"] == own["major_faults"],
                             f"{time} of a busy process: {faults['minor']} minor faults, by its own counters "
                             f"{own['minor_faults']}; lost {d['lost']}")
            finally:
                target.kill()

    def privileged(self):
        """Its events are taken from a thread that executes what is somebody else's with the set-user-ID bit."""
        lab = os.path.join(self.scratch, "lab")
        shutil.copy(os.path.join(self.bins, "vmlab"), lab)
        os.chmod(self.scratch, 0o755)
        os.chown(lab, 1, 1)
        os.chmod(lab, 0o4755)
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]
        work = [lab, "anon", "--size", "64M", "--exit", "--quiet"]
        if subprocess.run([*nobody, *work], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode:
            print("not here: a program with the set-user-ID bit")
            return
        d = self.watch("--", *nobody, *work)
        own, faults = d["counters"], d["faults"]
        # Arguments of exec are put where they belong by get_user_pages().
        unseen = own["minor_faults"] - faults["minor"]
        self.say(0 <= unseen < 50, f"a set-user-ID program: {faults['minor']} minor faults, by its own counters "
                 f"{own['minor_faults']}; lost {d['lost']}")


def main():
    if len(sys.argv) == 1:
        be_busy()
    c = Check(*sys.argv[1:])
    c.busy()
    if os.geteuid() == 0:
        c.privileged()
    return c.failed


if __name__ == "__main__":
    sys.exit(main())
