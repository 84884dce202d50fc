"""A machine: QEMU by TCG, what it is made of, and what comes out of its serial ports.

The first port is the kernel's console.  The second carries results: output of the scripts, between lines
that begin with a word made up for this boot.
"""

import os
import re
import secrets
import subprocess
import threading
import time

# KASLR is what the kernel does unless told otherwise; so are five levels where the processor has LA57, and programs at
# random addresses.  These cost QEMU a third to a half of its time: it translates a library again for each address that it
# has, so but for some tests (live.py) one machine does it for all.
MACHINES = {
    "plain": {"levels": 4, "kaslr": False},
    "kaslr": {"levels": 4, "kaslr": True},
    "la57": {"levels": 5, "kaslr": False},
    "la57-kaslr": {"levels": 5, "kaslr": True, "aslr": True},
    # A node is the list of its CPUs.
    "numa2": {"levels": 4, "kaslr": True, "nodes": [[0], [1]], "distances": [[10, 21], [21, 10]]},
    "numa4": {"levels": 4, "kaslr": True, "nodes": [[0], [1], [2], [3]], "distances": [
        [10, 12, 20, 30], [12, 10, 30, 20], [20, 30, 10, 12], [30, 20, 12, 10]]},
    "numa-memonly": {"levels": 4, "kaslr": True, "nodes": [[0, 1], []], "distances": [[10, 20], [20, 10]]},
}
MEMORY_MIB = 1024
BOOT_SECONDS = 180
GRACE_SECONDS = 60  # beyond what a script may take by the machine's own clock
COMPLAINTS = re.compile(r"BUG: |kernel BUG at|WARNING: CPU|Oops: |general protection fault|Kernel panic"
                        r"|unable to handle|bad page state|Bad rss-counter")


class Boot:
    """What one boot gave: results as (name, status or None, (seconds, CPU seconds), output), and the console."""

    def __init__(self):
        self.results, self.console, self.finished = [], "", False

    def complaints(self):
        return [s.strip() for s in self.console.splitlines() if COMPLAINTS.search(s)]


def levels(machine, kernel_name):
    """Debian's 5.10 is built without five levels."""
    return 4 if kernel_name == "5.10" else MACHINES[machine]["levels"]


def environment(machine, kernel_name, seconds):
    m = MACHINES[machine]
    return {"VM_TOKEN": secrets.token_hex(8), "VM_SECONDS": seconds, "VM_KERNEL": kernel_name, "VM_MACHINE": machine,
            "VM_LEVELS": levels(machine, kernel_name), "VM_KASLR": int(m["kaslr"]), "VM_NODES": len(m.get("nodes", [None]))}


def command(machine, kernel_name, kernel, initramfs, console, disk=None):
    m = MACHINES[machine]
    cpu = "max" + ("" if m["levels"] == 5 else ",la57=off")
    if kernel_name == "6.12":
        cpu += ",-cx16"  # double faults in cmpxchg16b under QEMU 7.2
    # With a thread for each CPU, QEMU 7.2 at times runs code as it was before the kernel patched it, as it does when the
    # first perf event or tracepoint is opened: machines hang, or trap on an int3 that isn't there any more.
    accel = "tcg,thread=single"
    options = "console=ttyS0 loglevel=5 panic=-1 nowatchdog rcupdate.rcu_cpu_stall_suppress=1"
    argv = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
            "-machine", "pc", "-accel", accel, "-cpu", cpu,
            "-smp", processors(m), "-m", str(MEMORY_MIB),
            "-kernel", str(kernel.image), "-initrd", str(initramfs),
            "-append", options + ("" if m["kaslr"] else " nokaslr") + ("" if m.get("aslr") else " norandmaps"),
            "-serial", f"file:{console}", "-serial", "stdio"]
    if disk:
        argv += ["-drive", f"file={disk},format=raw,if=virtio,cache=unsafe"]
    return argv + memory_nodes(m)


def processors(m):
    nodes = m.get("nodes", [[0, 1]])
    count = sum(len(cpus) for cpus in nodes)
    return f"{count},sockets={sum(1 for cpus in nodes if cpus)}"


def memory_nodes(m):
    nodes, argv = m.get("nodes", []), []
    for node, cpus in enumerate(nodes):
        size = MEMORY_MIB // len(nodes)
        argv += ["-object", f"memory-backend-ram,id=m{node},size={size}M", "-numa",
                 f"node,nodeid={node},memdev=m{node}" + "".join(f",cpus={cpu}" for cpu in cpus)]
    for src, row in enumerate(m.get("distances", [])):
        for dst, value in enumerate(row):
            argv += ["-numa", f"dist,src={src},dst={dst},val={value}"]
    return argv


class Watchdog:
    """Ends a machine that says nothing for too long: one that hangs doesn't end its scripts either."""

    def __init__(self, process):
        self.process, self.timer = process, None

    def again(self, seconds):
        if self.timer:
            self.timer.cancel()
        self.timer = threading.Timer(seconds, self.process.kill)
        self.timer.daemon = True
        self.timer.start()

    def stop(self):
        self.timer.cancel()


def run(argv, token, seconds, console, tell):
    """Boot, and read results until power-off.  `seconds`: what a script may take; `tell` is called with each result as it
    comes."""
    boot = Boot()
    # QEMU ends with us, whatever we die of.
    with subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *argv], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as qemu:
        watchdog = Watchdog(qemu)
        watchdog.again(BOOT_SECONDS)
        try:
            read_results(qemu, token, boot, tell, lambda: watchdog.again(seconds + GRACE_SECONDS))
        finally:
            watchdog.stop()
            qemu.kill()
    with open(console, encoding="utf-8", errors="replace") as f:
        boot.console = f.read().replace("\r", "")
    return boot


def clock(pid):
    """Now, and what the process has used of CPUs, which tells more where other work is done."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            used = sum(int(ticks) for ticks in f.read().rpartition(")")[2].split()[11:13])
    except OSError:
        used = 0
    return time.monotonic(), used / os.sysconf("SC_CLK_TCK")


def read_results(qemu, token, boot, tell, lives):
    name, began, output = None, (0, 0), []

    def result(status):
        took = tuple(max(0, now - then) for now, then in zip(clock(qemu.pid), began))
        boot.results.append((name, status, took, output))
        tell(*boot.results[-1])

    for raw in qemu.stdout:
        line = raw.decode(errors="replace").rstrip("\r\n")
        text, mark, said = line.partition(token)
        if text:
            output.append(text)
        if not mark:
            continue
        lives()
        word, *rest = said.split()
        if word == "begin":
            name, began, output = rest[0], clock(qemu.pid), []
        elif word == "end":
            name = rest[0]
            result(int(rest[1]))
            name, output = None, []
        elif word == "done":
            boot.finished = True
    if name:
        result(None)
