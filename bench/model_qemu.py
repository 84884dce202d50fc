#!/usr/bin/env python3
"""The engines of vmtlb --model: what each takes of what the program takes by itself, in turns.

PAIRS=7 bench/model_qemu.py [BIN]     so many turns (default: 5)

CPU time of the program and of what runs it, so that other load hardly matters; the median of the turns' ratios.
"""

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile

import pairs

RANDOM = """
#include <stdint.h>
#include <sys/mman.h>
int main(void)
{
	const uint64_t bytes = 64 << 20;
	char *p = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t x = 88172645463325252u, sum = 0;
	for (uint64_t i = 0; i < bytes; i += 4096)
		p[i] = 1;
	for (int i = 0; i < 40000000; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		sum += *(volatile uint64_t *)(p + (x & (bytes - 8)));
	}
	return sum == 1;
}
"""


def write_text(path, size):
    """Words at random, few of them often: packed neither too well nor too badly."""
    chance = random.Random(1)
    words = ["".join(chance.choices("etaoinshrdlu", k=chance.randint(2, 10))) for _ in range(4096)]
    with open(path, "w", encoding="ascii") as f:
        f.write(" ".join(words[int(chance.expovariate(0.01)) % 4096] for _ in range(size // 5))[:size])


def compare(vmtlb, what, argv, engines, turns):
    ratios = {engine: [] for engine in engines}
    native = []
    for _ in range(turns):
        alone = pairs.cpu_of_run(argv)
        native.append(alone)
        for engine in engines:
            ratios[engine].append(pairs.cpu_of_run([vmtlb, "--model", "--engine", engine, "--", *argv]) / alone)
    median = {engine: statistics.median(r) for engine, r in ratios.items()}
    figures = "   ".join(f"{engine} {median[engine]:5.1f}x" for engine in engines)
    print(f"{what:<36} {statistics.median(native) * 1e3:8.1f} ms   {figures}", flush=True)
    return median


def main():
    vmtlb = os.path.join(pairs.bin_dir(), "vmtlb")
    turns = int(os.environ.get("PAIRS", "5"))
    engines = [e for e, needs in (("valgrind", "valgrind"), ("qemu", "qemu-" + os.uname().machine)) if shutil.which(needs)]
    if "qemu" not in engines:
        print("qemu-user is not installed")
        return 0
    ok = True
    with tempfile.TemporaryDirectory() as tmp:
        source, program, data = (os.path.join(tmp, name) for name in ("random.c", "random", "data"))
        with open(source, "w", encoding="ascii") as f:
            f.write(RANDOM)
        subprocess.run(["cc", "-O2", "-o", program, source], check=True)
        write_text(data, 5000000)
        for what, argv, most in (("random 64 MiB, 40 M loads", [program], 15), ("gzip of 5 MB", ["gzip", "-c", data], 20)):
            median = compare(vmtlb, what, argv, engines, turns)
            hit = median["qemu"] <= most
            ok &= hit
            print(f"{'':<36} (target {most}x) {'ok' if hit else 'MISSED'}")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
