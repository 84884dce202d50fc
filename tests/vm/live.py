"""The live suite (tests/live) in a machine under test: what runs there, how small, and what doesn't.

QEMU translates every instruction: all takes ten to thirty times as long as on the machine below.
"""

# Sizes, by the environment variables that the scripts know.
SETTINGS = {
    "chaos.sh": {"VM_CHAOS_SECONDS": "10"},
    "interrupts.sh": {"VM_INTERRUPTED_RUNS": "8"},
    "vmdiff-truth.sh": {"VM_DIFF_WATCHED": "none"},
    "vmfault-truth.sh": {"VM_FAULTS_WAYS": "cow-faults"},
    "vmfault-heard.sh": {"VM_HEARD_RUNS": "1"},
    "vmlock-truth.sh": {"VM_LOCK_EVERY": "4", "VM_LOCK_MAPS": "30000"},
    "vmnuma.sh": {"VM_NUMA_CHURN": "60"},
    "vmshare-truth.sh": {"VM_SHARE_CHILDREN": "8"},
    "vmtlb-hot.sh": {"VM_HOT_WALKS": "none"},
    "vmmap-truth.sh": {"VM_CAPTURE_EVERY": "8"},
    "vanish.sh": {"VM_VANISH_RUNS": "60"},
}

# Programs at random addresses on every machine: these tell programs from each other by where they lie, or look at few of them.
RANDOM = {
    "chaos.sh", "vanish.sh", "vmfault-heard.sh", "vmfault-truth.sh", "vmhuge-advice.sh", "vmshare-truth.sh", "vmtlb-count.sh",
    "vmtlb-hot.sh", "vmtlb-sites.sh", "vmws.sh",
}

# And where not the whole suite runs: it does so under one kernel.
FEWER = {
    "lab-workloads.sh": {"VM_WORKLOADS_EVERY": "3"},
    "vmhuge-truth.sh": {"VM_WORKLOADS_EVERY": "3"},
    "vmmap-truth.sh": {"VM_WORKLOADS_EVERY": "3"},
    "vmpage-truth.sh": {"VM_WORKLOADS_EVERY": "3"},
}

# Not there, and why.
ELSEWHERE = {
    "vmtlb-engines.sh": "simulators of other processors, which don't depend on the kernel",
    "vmtlb-model.sh": "a simulator's figures, which don't depend on the kernel",
}

# With --whole only, and why.
SLOW = {
    "vmtlb-ab.sh": "whole programs in pairs; that huge pages go on and off is the same everywhere",
    "vmfault-cli.sh": "the command line, which is the same under all kernels; takes minutes here",
    "vmtlb-probe.sh": "QEMU has no TLB whose misses could be timed",
}

# Under each kernel.  The others, the rest, run under one, and under all of them with --whole: there is no time for everything.
EACH = {
    "lab-workloads.sh", "lowpriv.sh", "page-ways.sh", "vanish.sh", "vmdiff-truth.sh", "vmhuge-truth.sh", "vmmap-truth.sh",
    "vmnuma.sh", "vmpage-caps.sh", "vmpage-truth.sh", "vmrec.sh", "vmtop-faults.sh",
}


def chosen(directory, whole, rest):
    """Names of the scripts to run, with their settings; and of the others, with the reasons."""
    names = sorted(f.name for f in directory.glob("*.sh") if not rest or f.name not in EACH)
    without = dict(ELSEWHERE) if whole else {**ELSEWHERE, **SLOW}
    if not whole and not rest:
        without.update((n, "under one kernel only, but with --whole") for n in names if n not in EACH and n not in without)
    fewer = {} if whole else FEWER
    run = [(n, {**SETTINGS.get(n, {}), **fewer.get(n, {}), **({"VM_RANDOM": "1"} if n in RANDOM else {})})
           for n in names if n not in without]
    return run, [(n, without[n]) for n in names if n in without]
