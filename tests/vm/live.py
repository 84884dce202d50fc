"""The live suite (tests/live) in a machine under test: what runs there, how small, and what doesn't.

QEMU translates every instruction: all takes ten to thirty times as long as on the machine below.
"""

# Sizes, by the environment variables that the scripts know.
SETTINGS = {
    "chaos.sh": {"VM_CHAOS_SECONDS": "10"},
    "interrupts.sh": {"VM_INTERRUPTED_RUNS": "8"},
    "vmfault-truth.sh": {"VM_FAULTS_WAYS": "cow-faults"},
    "vmfault-heard.sh": {"VM_HEARD_RUNS": "1"},
    "vmlock-truth.sh": {"VM_LOCK_EVERY": "3", "VM_LOCK_MAPS": "30000"},
    "vmtlb-hot.sh": {"VM_HOT_WALKS": "none"},
    "vanish.sh": {"VM_VANISH_RUNS": "60"},
}

# Not there, and why.
ELSEWHERE = {
    "vmtlb-ab.sh": "whole programs in pairs, minutes for each pair here; that huge pages go on and off is the same everywhere",
    "vmfault-cli.sh": "the command line, which is the same under all kernels; takes four minutes here",
    "vmtlb-engines.sh": "simulators of other processors, which don't depend on the kernel",
    "vmtlb-model.sh": "a simulator's figures, which don't depend on the kernel",
    "vmtlb-probe.sh": "QEMU has no TLB whose misses could be timed",
}

# Under one kernel (--whole) is enough, and why.
ONCE = {
    "chaos.sh": "reads whatever moves",
    "interrupts.sh": "signals to the commands",
    "long-table.sh": "a long list of mappings",
    "vmfault-heard.sh": "a race that takes many tries",
    "vmtlb-count.sh": "mostly a PMU that isn't there",
    "vmtlb-hot.sh": "takes long; tests/vm/guest/tlbhot.sh looks at its ways",
    "vmtlb-sites.sh": "mostly a PMU that isn't there",
}


def chosen(directory, whole):
    """Names of the scripts to run, with their settings; and of the others, with the reasons."""
    names = sorted(f.name for f in directory.glob("*.sh"))
    without = ELSEWHERE if whole else {**ELSEWHERE, **{n: f"{why}: with --whole" for n, why in ONCE.items()}}
    run = [(n, SETTINGS.get(n, {})) for n in names if n not in without]
    return run, [(n, without[n]) for n in names if n in without]
