"""Both engines of vmtlb --model against programs whose misses follow from their arguments, and against each other.

Usage: engines.py BIN_DIR SCRATCH PROGRAMS: PROGRAMS has "walks", and "walks-MACHINE" where it could be built.
"""

import glob
import json
import os
import shutil
import signal
import subprocess
import sys

BASE, APART = 0x10000000000, 0x1000000000
GEOMETRY = "l1d=16x6,l1i=32x8,stlb=128x16h,pmd=32,pud=8,pgd=4"
AGREE = 0.0001
failed = []


def fail(what):
    print("FAIL:", what)
    failed.append(what)


class Engines:
    def __init__(self, bin_dir, scratch, programs):
        self.vmtlb = os.path.join(bin_dir, "vmtlb")
        self.scratch = scratch
        self.programs = programs
        self.names = []

    def program(self, name):
        return os.path.join(self.programs, name)

    def run(self, engine, argv, status=0, env=None):
        """The document, or None if it isn't there."""
        cmd = [self.vmtlb, "--model", *(["--engine", engine] if engine else []), "--geometry", GEOMETRY, "-J", "--output",
               os.path.join(self.scratch, "report"), "--", *argv]
        done = subprocess.run(cmd, capture_output=True, text=True, check=False, timeout=600, env=env)
        if done.returncode != status:
            fail(f"{engine}: {' '.join(argv)}: status {done.returncode} instead of {status}: {done.stderr}")
            return None
        try:
            with open(os.path.join(self.scratch, "report"), encoding="utf-8") as f:
                return json.load(f)
        except (OSError, ValueError) as e:
            fail(f"{engine}: {' '.join(argv)}: no report: {e}: {done.stderr}")
            return None

    def walks(self, engine, *args, status=0):
        return self.run(engine, [self.program("walks"), *map(str, args)], status)


def at(document, number=0):
    """Misses and walks of the pages that walks.c has at its fixed addresses, a pair for each process."""
    start = f"{BASE + number * APART:#x}"
    return sorted((m["l1_misses"], m["walks"]) for m in document["mappings"] if int(m["start"] or "0", 16) == int(start, 16))


def expect(engine, what, document, number, want):
    if document and at(document, number) != [(n, n) for n in want]:
        fail(f"{engine}: {what}: {at(document, number)} instead of {want}")


def one_program(e):
    for engine in e.names:
        expect(engine, "more pages than the second level holds", e.walks(engine, 4096, 10), 0, [40960])
        expect(engine, "a hundred thousand pages", e.walks(engine, 100000, 3), 0, [300000])
        few = e.walks(engine, 2000, 20)
        if few and [l1 for l1, _ in at(few)] != [40000]:
            fail(f"{engine}: pages that only the second level holds: {at(few)}")
        if few and not 2000 <= at(few)[0][1] < 4000:
            fail(f"{engine}: walks to pages that the second level holds: {at(few)}")


def processes(e):
    for engine in e.names:
        expect(engine, "children", e.walks(engine, 4096, 2, "fork", 3), 0, [4096 * r for r in (2, 3, 4, 5)])
        document = e.walks(engine, 4096, 2, "threads", 3)
        for thread in range(4):
            expect(engine, "threads", document, thread, [4096 * (2 + thread)])


def ends(e):
    for engine in e.names:
        e.walks(engine, 10, 1, "exit", 9, status=9)
        for sig in (signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT):
            document = e.walks(engine, 4096, 3, "kill", int(sig), status=128 + sig)
            expect(engine, f"ended by {sig.name}", document, 0, [3 * 4096])
    if "qemu" in e.names:
        document = e.walks("qemu", 4096, 3, "kill", int(signal.SIGKILL), status=128 + signal.SIGKILL)
        expect("qemu", "ended by SIGKILL", document, 0, [3 * 4096])
        document = e.walks("qemu", 4096, 3, "exec", "/bin/true")
        expect("qemu", "a program that became another", document, 0, [3 * 4096])


def agree(e):
    """Pages in an order that looks random: misses of hashed sets, of which no closed form is known."""
    if len(e.names) < 2:
        return
    both = [e.walks(engine, 16384, 1000000, "random", 0) for engine in e.names]
    if None in both:
        return
    for i, what in enumerate(("misses", "walks")):
        a, b = (at(document)[0][i] for document in both)
        if not a or abs(a - b) > AGREE * a:
            fail(f"the engines don't agree: {a} {what} and {b}")
        print(f"random: {what} {a} and {b}")


def machines(e):
    for machine in ("aarch64", "i386"):
        program = e.program("walks-" + machine)
        if not os.access(program, os.X_OK) or not shutil.which("qemu-" + machine):
            continue
        for engine in (None, "qemu"):
            document = e.run(engine, [program], status=7)
            if document and max((m["l1_misses"], m["walks"]) for m in document["mappings"]) != (40960, 40960):
                fail(f"{machine}: {document['mappings']}")


def refusals(e):
    """Emulators that can't do it: one clear line each."""
    fake = os.path.join(e.scratch, "fake")
    os.makedirs(fake, exist_ok=True)
    env = dict(os.environ, PATH=fake)
    emulator = os.path.join(fake, "qemu-" + os.uname().machine)
    for text, says in ((None, "qemu-user"), ("#!/bin/sh\n", "can't load plugins"),
                       ("#!/bin/sh\n# qemu_plugin_register_vcpu_mem_cb\necho too new >&2\nexit 1\n", "ended before it ran the program")):
        if text:
            with open(emulator, "w", encoding="ascii") as f:
                f.write(text)
            os.chmod(emulator, 0o755)
        done = subprocess.run([e.vmtlb, "--model", "--engine", "qemu", "--", "/bin/true"], capture_output=True, text=True,
                              check=False, env=env)
        if done.returncode != 1 or says not in done.stderr:
            fail(f"an emulator that can't: status {done.returncode}: {done.stderr}")


def told_to_end(e):
    """Whenever ^C or a terminal that goes away ends it: nothing stays behind."""
    scratch = os.path.join(e.scratch, "told")
    os.makedirs(scratch, exist_ok=True)
    env = dict(os.environ, TMPDIR=scratch)
    for engine in e.names:
        for sig in (signal.SIGINT, signal.SIGHUP):
            run = subprocess.Popen([e.vmtlb, "--model", "--engine", engine, "--", "sleep", "600"], start_new_session=True, env=env,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while run.poll() is None and not os.listdir(scratch):
                pass
            os.killpg(run.pid, sig)
            run.wait(timeout=60)
            if os.listdir(scratch) or run.returncode not in (1, 128 + sig):
                fail(f"{engine}: {sig.name}: status {run.returncode}, {os.listdir(scratch)} left")


def main():
    e = Engines(*sys.argv[1:4])
    tool = glob.glob(os.path.join(sys.argv[1], "..", "libexec", "vmtop", "valgrind", "vmtlb-*"))
    for engine, is_here in (("valgrind", tool and shutil.which("valgrind")), ("qemu", shutil.which("qemu-" + os.uname().machine))):
        if is_here:
            e.names.append(engine)
        else:
            print(f"no {engine} here")
    refusals(e)
    one_program(e)
    processes(e)
    ends(e)
    told_to_end(e)
    agree(e)
    machines(e)
    print("engines:", ", ".join(e.names), "failed" if failed else "agree")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
