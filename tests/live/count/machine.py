"""Machines that aren't there: what their files show, and what their counters count (tests/tools/fakepmu.c)."""
import os

GOLDEN_COVE = {
    "0x3c": 41_200_000_000, "0xc0": 33_400_000_000, "0x81d0": 9_810_000_000, "0x2012": 412_000_000, "0xe12": 118_300_000,
    "0x1001012": 3_691_520_000, "0x82d0": 3_020_000_000, "0x2013": 5_000_000, "0xe13": 11_900_000, "0x1001013": 333_720_000,
    "0x2011": 90_000, "0xe11": 400_000, "0x1001011": 16_480_000, "0x212": 117_900_000, "0x412": 400_000, "0x812": 0,
}
HASWELL = {
    "0x3c": 1_000_000_000, "0xc0": 2_000_000_000, "0x81d0": 500_000_000, "0x6008": 3_000_000, "0xe08": 1_000_000,
    "0x1001008": 30_000_000, "0x82d0": 200_000_000, "0x6049": 200_000, "0xe49": 100_000, "0x1001049": 2_000_000,
    "0x6085": 10_000, "0xe85": 5_000, "0x1001085": 100_000, "0x208": 990_000, "0x408": 10_000,
}
ZEN = {
    "0x76": 10_000_000_000, "0xc0": 20_000_000_000, "0x729": 9_000_000_000, "0xf45": 80_000_000, "0xf045": 20_000_000,
    "0x84": 1_000_000, "0xf85": 50_000, "0x3045": 19_000_000, "0x4045": 1_000_000, "0x8045": 0,
}
ARM = {
    "0x11": 3_000_000_000, "0x8": 6_000_000_000, "0x25": 2_500_000_000, "0x5": 50_000_000, "0x34": 10_000_000,
    "0x26": 1_500_000_000, "0x2": 900_000, "0x35": 90_000,
}
# Of the second kind of cores, which perf numbers 10.
SMALL = {"10:0x3c": 1_000_000_000, "10:0xc0": 1_500_000_000, "10:0xe08": 3_000_000, "10:0xe49": 100_000, "10:0xe85": 10_000,
         "10:0x81d0": 400_000_000, "10:0x82d0": 150_000_000}
# Generic events: cycles and instructions, dTLB-loads, dTLB-load-misses, iTLB-loads, iTLB-load-misses.
GENERIC = {"hw:0x0": 1_000_000_000, "hw:0x1": 900_000_000, "cache:0x3": 300_000_000, "cache:0x10003": 2_000_000,
           "cache:0x103": 100_000_000, "cache:0x10103": 40_000, "cache:0x4": 60_000, "cache:0x10004": 1_000}


def x86(vendor, family, model, flags=""):
    return (f"processor\t: 0\nvendor_id\t: {vendor}\ncpu family\t: {family}\nmodel\t\t: {model}\nmodel name\t: x\n"
            f"flags\t\t: fpu {flags}\n\n")


def pmu(name, number, kernel_name=None):
    files = {f"sys/bus/event_source/devices/{name}/type": f"{number}\n"}
    if kernel_name:
        files[f"sys/bus/event_source/devices/{name}/caps/pmu_name"] = kernel_name + "\n"
    return files


MACHINES = {
    "spr": ({"proc/cpuinfo": x86("GenuineIntel", 6, 143, "amx_tile"), **pmu("cpu", 4, "sapphire_rapids")}, GOLDEN_COVE),
    "hsw": ({"proc/cpuinfo": x86("GenuineIntel", 6, 60), **pmu("cpu", 4, "haswell")}, HASWELL),
    "zen4": ({"proc/cpuinfo": x86("AuthenticAMD", 25, 17), **pmu("cpu", 4)}, ZEN),
    "neoverse": ({"proc/cpuinfo": "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n",
                  **pmu("armv8_pmuv3_0", 8)}, ARM),
    "hybrid": ({"proc/cpuinfo": x86("GenuineIntel", 6, 0xb7), **pmu("cpu_core", 4, "alderlake_hybrid"),
                **pmu("cpu_atom", 10, "alderlake_hybrid")}, {**GOLDEN_COVE, **SMALL}),
    # A hypervisor that shows another model than the kernel goes by: generic events.
    "masked-generic": ({"proc/cpuinfo": x86("GenuineIntel", 6, 85, "hypervisor"), **pmu("cpu", 4, "icelake")}, GENERIC),
    "old-amd": ({"proc/cpuinfo": x86("AuthenticAMD", 21, 2), **pmu("cpu", 4)}, GENERIC),
    "generic-haswell": ({"proc/cpuinfo": x86("GenuineIntel", 6, 85, "hypervisor"), **pmu("cpu", 4, "haswell")}, GENERIC),
}


def make(directory, name):
    """The files of a machine below a directory of its own; returns the environment that makes programs see it."""
    files, counts = MACHINES[name]
    root = os.path.join(directory, name)
    for path, text in {"proc/sys/kernel/nmi_watchdog": "0\n", "proc/sys/kernel/perf_event_paranoid": "2\n", **files}.items():
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="ascii") as f:
            f.write(text)
    return {"FAKEPMU_ROOT": root, "FAKEPMU_COUNTS": ",".join(f"{k}={v}" for k, v in counts.items())}
