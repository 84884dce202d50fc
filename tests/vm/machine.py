"""A machine: QEMU by TCG, what it is made of, and what comes out of its serial ports.

The first port is the kernel's console.  The second carries results: output of the scripts, between lines
that begin with a word made up for this boot.
"""

import re
import secrets
import subprocess
import threading
import time

# KASLR is what the kernel does unless told otherwise; so are five levels where the processor has LA57.
MACHINES = {
    "plain": {"levels": 4, "kaslr": False},
    "kaslr": {"levels": 4, "kaslr": True},
    "la57": {"levels": 5, "kaslr": False},
    "la57-kaslr": {"levels": 5, "kaslr": True},
    # A node is the list of its CPUs.
    "numa2": {"levels": 4, "kaslr": True, "nodes": [[0], [1]]},
    "numa4": {"levels": 4, "kaslr": True, "nodes": [[0], [1], [2], [3]], "distances": [
        [10, 12, 20, 30], [12, 10, 30, 20], [20, 30, 10, 12], [30, 20, 12, 10]]},
    "numa-memonly": {"levels": 4, "kaslr": True, "nodes": [[0, 1], []], "distances": [[10, 20], [20, 10]]},
}
MEMORY_MIB = 1024
BOOT_SECONDS = 180
COMPLAINTS = re.compile(r"BUG: |kernel BUG at|WARNING: CPU|Oops: |general protection fault|Kernel panic"
                        r"|unable to handle|bad page state|Bad rss-counter")


class Boot:
    """What one boot gave: results as (name, status or None, seconds, output), and the console."""

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


def command(machine, kernel_name, kernel, initramfs, console):
    m = MACHINES[machine]
    cpu = "max" + ("" if m["levels"] == 5 else ",la57=off")
    if kernel_name == "6.12":
        cpu += ",-cx16"  # double faults in cmpxchg16b under QEMU 7.2
    options = "console=ttyS0 loglevel=5 panic=-1 nowatchdog rcupdate.rcu_cpu_stall_suppress=1"
    argv = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
            "-machine", "pc", "-accel", "tcg", "-cpu", cpu,
            "-smp", processors(m), "-m", str(MEMORY_MIB),
            "-kernel", str(kernel.image), "-initrd", str(initramfs),
            "-append", options + ("" if m["kaslr"] else " nokaslr"),
            "-serial", f"file:{console}", "-serial", "stdio"]
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


def run(argv, token, names, seconds, console):
    """Boot, and read results until power-off.  `names` are the scripts, `seconds` what each may take."""
    boot = Boot()
    # QEMU ends with us, whatever we die of.
    with subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *argv], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as qemu:
        limit = threading.Timer(BOOT_SECONDS + len(names) * (seconds + 10), qemu.kill)
        limit.start()
        try:
            read_results(qemu.stdout, token, boot)
        finally:
            limit.cancel()
            qemu.kill()
    with open(console, encoding="utf-8", errors="replace") as f:
        boot.console = f.read().replace("\r", "")
    return boot


def read_results(stream, token, boot):
    name, began, output = None, 0, []
    for raw in stream:
        line = raw.decode(errors="replace").rstrip("\r\n")
        text, mark, said = line.partition(token)
        if text:
            output.append(text)
        if not mark:
            continue
        word, *rest = said.split()
        if word == "begin":
            name, began, output = rest[0], time.monotonic(), []
        elif word == "end":
            boot.results.append((rest[0], int(rest[1]), time.monotonic() - began, output))
            name, output = None, []
        elif word == "done":
            boot.finished = True
    if name:
        boot.results.append((name, None, time.monotonic() - began, output))
