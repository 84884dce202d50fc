#!/usr/bin/env python3
"""vmtlb --model with Valgrind: what it takes of what the program takes by itself, in turns; what lackey takes instead.

PAIRS=7 bench/model.py [BIN]     so many turns (default: 5)

CPU time, so that other load hardly matters; medians of the turns' ratios.  Three policies are modelled in one pass; on a
machine whose host splits huge pages four are.  bench/model_qemu.py compares the engines.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile

import model_qemu
import pairs

FEW, MANY = 200000, 20000000


class Bench:
    def __init__(self, tmp):
        self.vmtlb = os.path.join(pairs.bin_dir(), "vmtlb")
        self.tmp = tmp
        self.turns = int(os.environ.get("PAIRS", "5"))
        self.ok = True
        # Whatever is known of this machine, or nothing: the model of a plain one.
        self.env = dict(os.environ, XDG_CACHE_HOME=os.path.join(tmp, "cache"))

    def path(self, name):
        return os.path.join(self.tmp, name)

    def build(self, name, text, *options):
        source = self.path(name + ".c")
        with open(source, "w", encoding="ascii") as f:
            f.write(text)
        subprocess.run(["cc", "-O2", *options, "-o", self.path(name), source], check=True)
        return self.path(name)

    def say(self, what, figures, ok=True, target=None):
        verdict = f"  (target {target}) {'ok' if ok else 'MISSED'}" if target else ""
        print(f"{what:<52} {figures}{verdict}", flush=True)
        self.ok &= ok

    def model(self, *argv):
        before = model_qemu.resource.getrusage(model_qemu.resource.RUSAGE_CHILDREN)
        subprocess.run([self.vmtlb, "--model", "--engine", "valgrind", "--", *argv], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=True, env=self.env)
        after = model_qemu.resource.getrusage(model_qemu.resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def programs(self):
        program = self.build("random", model_qemu.RANDOM)
        data = self.path("data")
        model_qemu.write_text(data, 5000000)
        for what, argv, most in (("random 64 MiB, 40 M loads", [program], 15), ("gzip of 5 MB", ["gzip", "-c", data], 20)):
            rows = [(model_qemu.cpu(argv), self.model(*argv)) for _ in range(self.turns)]
            ratio = statistics.median(b / a for a, b in rows)
            self.say(what, f"{statistics.median(a for a, _ in rows) * 1e3:7.0f} ms   {ratio:5.1f}x", ratio <= most,
                     f"at most {most}x")

    def simulator(self):
        path = self.path("tlbsim")
        subprocess.run(["cc", "-O2", "-I", os.path.join(pairs.ROOT, "src"), "-o", path,
                        os.path.join(pairs.ROOT, "bench", "tlbsim.c")], check=True)
        for what, pages, least in (("first-level hits", 96, 90), ("second-level hits", 1024, None), ("half of them walks", 4096, None),
                                   ("walks", 262144, None)):
            rates = [float(subprocess.run([path, str(pages), "20000000"], capture_output=True, text=True, check=True).stdout.split()[0])
                     for _ in range(self.turns)]
            rate = statistics.median(rates)
            self.say(f"simulator alone: {what}, at random", f"{rate:5.0f} M/s", least is None or rate >= least,
                     f"at least {least} M/s" if least else None)

    def lackey(self):
        """Nanoseconds of a load by the difference of many and few, so that starting up isn't counted."""
        loads = model_qemu.RANDOM.replace("40000000", "atoi(v[1])").replace("main(void)", "main(int c, char **v)")
        program = self.build("loads", "#include <stdlib.h>\n" + loads)
        trace = ["sh", "-c", '"$@" 2>&1 | cat >/dev/null', "sh", "valgrind", "--tool=lackey", "--trace-mem=yes", "--basic-counts=no",
                 program]
        ratios = []
        for _ in range(max(1, self.turns // 3)):
            theirs = (model_qemu.cpu([*trace, str(2 * FEW)]) - model_qemu.cpu([*trace, str(FEW)])) / FEW
            ours = (self.model(program, str(MANY)) - self.model(program, "1")) / MANY
            ratios.append(theirs / ours)
        ratio = statistics.median(ratios)
        self.say("random 64 MiB: lackey's trace through a pipe takes", f"{ratio:5.0f}x", ratio >= 50, "at least 50x")


def main():
    if not shutil.which("valgrind"):
        print("valgrind is not installed")
        return 0
    with tempfile.TemporaryDirectory() as tmp:
        b = Bench(tmp)
        b.simulator()
        b.programs()
        b.lackey()
    return 0 if b.ok else 1


if __name__ == "__main__":
    sys.exit(main())
