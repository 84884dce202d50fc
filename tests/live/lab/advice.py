"""Every advice of vmhuge is followed to the letter, and the coverage must rise by what it said; where it gives none, the kernel
must refuse.

Usage: advice.py BIN_DIR SCRATCH_DIR.  Settings that are changed are put back; so does the script that calls this.
"""

import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from target import THP, Obey, Settings
from truth import Lab, Mismatch, Skip

BIN, DIR = sys.argv[1], sys.argv[2]
VMHUGE = os.path.join(BIN, "vmhuge")
HUGE, PAGE = 2 << 20, 4096
PATIENCE = 30   # seconds for khugepaged, which is told to hurry
ROOT = os.geteuid() == 0


SET = Settings()


def hurry():
    """khugepaged looks at all memory several times a second."""
    SET.write("khugepaged/scan_sleep_millisecs", 50)
    SET.write("khugepaged/alloc_sleep_millisecs", 100)
    SET.write("khugepaged/pages_to_scan", 1 << 20)


def vmhuge(*args):
    p = subprocess.run([VMHUGE, "-J", *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if p.returncode:
        raise Mismatch(f"vmhuge {args}: status {p.returncode}: {p.stderr.strip()}")
    return json.loads(p.stdout)


def look(o, p, size):
    """What is said of [p, p+size): its groups of reasons, and how much of it is huge."""
    doc = vmhuge("--range", f"{p:x}-{p + size:x}", o.p.pid)["processes"][0]
    return doc["groups"], doc["huge_bytes"], doc["resident_bytes"]


# ---- Following advice ----

def follow(o, p, what, how):
    """Do to the letter what was said."""
    if how.startswith("vmhuge --collapse"):
        words = how.split()
        subprocess.run([VMHUGE, *words[1:]], stdout=subprocess.DEVNULL, check=True)
    elif how.startswith("echo "):
        m = re.fullmatch(r"echo (\S+) > (\S+)", how)
        SET.write(m[2], m[1])
    elif how.startswith("mount "):
        subprocess.run(how.split(), check=True)
    elif how.startswith(("madvise(", "prctl(")):
        for _ in range(2 if ", twice" in how else 1):
            o.call(re.match(r"\w+\([^)]*\)", how)[0])
    else:
        raise Mismatch(f"nobody knows how to: {what}: {how} (at {p:x})")


def wait_for(o, p, size, least):
    """khugepaged comes by: until so much is huge."""
    end = time.monotonic() + PATIENCE
    huge = -1
    while time.monotonic() < end:
        # It takes what was used; what clears accessed bits meanwhile must not keep it away.
        o(f"read({p}, {size})")
        _, huge, _ = look(o, p, size)
        if huge >= least:
            return huge
        time.sleep(0.1)
    raise Mismatch(f"khugepaged made {huge} bytes huge in {PATIENCE} s, {least} were to be won")


def check_gain(before, huge, resident, group):
    _, huge_before, resident_before = before
    gain, cost = huge - huge_before, resident - resident_before
    if gain < group["could_bytes"]:
        raise Mismatch(f"{group['could_bytes']} bytes were to be won, {gain} were")
    if cost > group["costs_bytes"]:
        raise Mismatch(f"it took {cost} bytes, at most {group['costs_bytes']} were told")


def expect_reasons(before, reasons):
    groups = [g for g in before[0] if set(reasons) <= set(g["reasons"])]
    if len(groups) != 1:
        raise Mismatch(f"expected reasons {reasons}, got {[g['reasons'] for g in before[0]]}")
    return groups[0]


def advised(o, p, size, reasons, when, touch=None):
    """These reasons are given, and the remedies of `when` work.  `touch`: what must be done for memory from then on."""
    before = look(o, p, size)
    g = expect_reasons(before, reasons)
    if not g[when]:
        raise Mismatch(f"{reasons}: nothing is advised {when}")
    if not g["could_bytes"]:
        raise Mismatch(f"{reasons}: nothing is to be won")
    for a in g[when]:
        follow(o, p, a["do"], a["how"])
    if when == "later" or not any(a["do"] == "collapse" for a in g[when]):
        if touch:
            touch()
        wait_for(o, p, size, before[1] + g["could_bytes"])
    _, huge, resident = look(o, p, size)
    check_gain(before, huge, resident, g)


def hopeless(o, p, size, reasons):
    """No advice is given for what is there, and the kernel refuses indeed."""
    g = expect_reasons(look(o, p, size), reasons)
    # Smaller pages, for what is touched later, are another matter.
    if g["now"] or g["could_bytes"] or not {a["do"] for a in g["later"]} <= {"smaller", "advise"}:
        raise Mismatch(f"{reasons}: advice is given: {g}")
    start = (p + HUGE - 1) // HUGE * HUGE
    if o(f"madvise({start}, {HUGE}, 'COLLAPSE')") == 0:
        raise Mismatch(f"{reasons}: but the kernel collapses it")


# ---- Cases ----

def unasked_now(o):
    p = o(f"anon({4 * HUGE})")
    o(f"touch({p}, {4 * HUGE}, {2 * PAGE})")
    advised(o, p, 4 * HUGE, ["unasked"], "now")


def unasked_later(o):
    hurry()
    p = o(f"anon({4 * HUGE})")
    o(f"touch({p}, {4 * HUGE})")
    advised(o, p, 4 * HUGE, ["unasked"], "later")


def refused(when):
    def case(o):
        if when == "later":
            hurry()
        p = o(f"anon({2 * HUGE})")
        o(f"touch({p}, {2 * HUGE})")
        o.call(f"madvise({p}, {2 * HUGE}, 'NOHUGEPAGE')")
        advised(o, p, 2 * HUGE, ["refused"], when)
    return case


def disabled(when):
    def case(o):
        if when == "later":
            hurry()
        p = o(f"anon({2 * HUGE})")
        o(f"touch({p}, {2 * HUGE})")
        o.call("prctl(PR_SET_THP_DISABLE, 1)")
        advised(o, p, 2 * HUGE, ["disabled"], when)
    return case


def never(when):
    def case(o):
        if when == "later":
            hurry()
        p = o(f"anon({2 * HUGE})")
        o(f"touch({p}, {2 * HUGE})")
        SET.write("enabled", "never")
        advised(o, p, 2 * HUGE, ["never"], when)
    return case


def holes(when):
    def case(o):
        if when == "later":
            hurry()
        SET.write("khugepaged/max_ptes_none", 100)
        p = o(f"anon({2 * HUGE})")
        o(f"touch({p}, {2 * HUGE}, {4 * PAGE})")
        o.call(f"madvise({p}, {2 * HUGE}, 'HUGEPAGE')")
        advised(o, p, 2 * HUGE, ["holes"], when)
    return case


def shared(when):
    def case(o):
        if when == "later":
            hurry()
        p = o(f"anon({2 * HUGE})")
        o(f"touch({p}, {2 * HUGE})")
        o("fork()")
        # Some of each range is the parent's own again: khugepaged's limit can't be as high as all of it.
        o(f"[touch({p} + i * {HUGE}, 10 * {PAGE}) for i in range(2)][0]")
        o.call(f"madvise({p}, {2 * HUGE}, 'HUGEPAGE')")
        advised(o, p, 2 * HUGE, ["shared"], when)
    return case


def all_shared(o):
    """Beyond any limit of khugepaged's; and no page may be written before it's copied, which some kernels want."""
    p = o(f"anon({HUGE})")
    o(f"touch({p}, {HUGE})")
    o("fork()")
    o.call(f"madvise({p}, {HUGE}, 'HUGEPAGE')")
    group = expect_reasons(look(o, p, HUGE), ["shared"])
    if group["later"]:
        raise Mismatch("a limit is advised that the kernel doesn't take")
    if "readonly" in group["reasons"]:
        hopeless(o, p, HUGE, ["shared"])
    else:
        advised(o, p, HUGE, ["shared"], "now")


def swapped(when):
    def case(o):
        # A workload that swaps has the machine swap for as long as it lives.
        with Lab(BIN, "swap", "--size", "8M", "--dir", DIR, "--quiet") as lab:
            lab.line()
            p = o(f"anon({2 * HUGE})")
            o(f"touch({p}, {2 * HUGE})")
            o(f"[madvise({p} + i * {HUGE}, 100 * {PAGE}, 'PAGEOUT') for i in range(2)][0]")
            if when == "later":
                hurry()
            o.call(f"madvise({p}, {2 * HUGE}, 'HUGEPAGE')")
            before = look(o, p, 2 * HUGE)
            if not any("swapped" in g["reasons"] for g in before[0]):
                raise Skip("the kernel doesn't swap these pages out")
            g = expect_reasons(before, ["swapped"])
            for a in g[when]:
                follow(o, p, a["do"], a["how"])
            # Reading would bring it back: khugepaged must.
            end = time.monotonic() + PATIENCE
            while look(o, p, 2 * HUGE)[1] < 2 * HUGE:
                if time.monotonic() > end:
                    raise Mismatch("what was swapped out didn't become huge")
                o(f"read({p + 100 * PAGE}, {HUGE - 100 * PAGE}) + read({p + HUGE + 100 * PAGE}, {HUGE - 100 * PAGE})")
                time.sleep(0.05)
    return case


def split(o):
    """A huge page whose entry was split, and is whole again."""
    p = o(f"anon({HUGE})")
    o.call(f"madvise({p}, {HUGE}, 'HUGEPAGE')")
    o(f"write({p}, {HUGE})")
    if look(o, p, HUGE)[1] != HUGE:
        raise Skip("the kernel had no huge page to give")
    o.call(f"protect({p}, {HUGE // 2}, PROT_READ)")
    o.call(f"protect({p}, {HUGE // 2}, PROT_READ | PROT_WRITE)")
    advised(o, p, HUGE, ["split"] if ROOT else ["wait"], "now")


def waiting(o):
    # The first that comes may wake it: then it does one page's worth, and sleeps for long.
    SET.write("khugepaged/pages_to_scan", 1)
    SET.write("khugepaged/scan_sleep_millisecs", 3600000)
    p = o(f"anon({8 * HUGE})")
    o(f"touch({p}, {8 * HUGE})")
    o.call(f"madvise({p}, {8 * HUGE}, 'HUGEPAGE')")
    before = -1
    while before != look(o, p, 8 * HUGE)[1]:
        before = look(o, p, 8 * HUGE)[1]
        time.sleep(0.3)
    if before == 8 * HUGE:
        raise Skip("khugepaged came by at once")
    advised(o, p, 8 * HUGE, ["wait"], "now")


def memfd(setting, reasons, when):
    def case(o):
        SET.write("shmem_enabled", setting)
        if when == "later":
            hurry()
        p = o(f"file('', {2 * HUGE})")
        o(f"touch({p}, {2 * HUGE})")
        advised(o, p, 2 * HUGE, reasons, when)
    return case


def tmpfs(mounted, reasons, when):
    def case(o):
        at = os.path.join(DIR, "tmpfs")
        os.makedirs(at, exist_ok=True)
        if subprocess.run(["mount", "-t", "tmpfs", *(["-o", mounted] if mounted else []), "vmhuge-test", at], check=False,
                          stderr=subprocess.DEVNULL).returncode:
            raise Skip("no tmpfs may be mounted")
        try:
            if when == "later":
                hurry()
            p = o(f"file({at + '/f'!r}, {2 * HUGE})")
            o(f"touch({p}, {2 * HUGE})")
            advised(o, p, 2 * HUGE, reasons, when)
            o.call(f"unmap({p}, {2 * HUGE})")
        finally:
            subprocess.run(["umount", "-l", at], check=False)
    return case


def aligned(o):
    """The ends of a mapping: map it again, aligned, as the advice says."""
    p = o(f"anon({2 * HUGE}, {HUGE // 2})")
    o(f"touch({p}, {2 * HUGE})")
    g = expect_reasons(look(o, p, 2 * HUGE), ["edge"])
    if "align" not in [a["do"] for a in g["later"]]:
        raise Mismatch(f"alignment isn't advised: {g}")
    q = o(f"anon({2 * HUGE})")
    o.call(f"madvise({q}, {2 * HUGE}, 'HUGEPAGE')")
    o(f"write({q}, {2 * HUGE})")
    _, huge, _ = look(o, q, 2 * HUGE)
    # One whole range lay in the first one already.
    if huge < HUGE + g["could_bytes"]:
        raise Mismatch(f"aligned, {huge} bytes are huge: {HUGE} + {g['could_bytes']} were expected")


def reread(o):
    """A file: huge pages come with the page cache, if advice comes before reading."""
    path, size = os.path.join(DIR, "file"), 4 * HUGE
    # Another file, written in one piece, has larger folios if this file system's page cache can hold any.
    o(f"fresh({path + '2'!r}, {HUGE // 2}, {HUGE // 2})")
    q = o(f"file({path + '2'!r}, {HUGE // 2}, False, False)")
    o(f"read({q}, {HUGE // 2})")
    o(f"fresh({path!r}, {size})")
    p = o(f"file({path!r}, {size}, False, False)")
    o(f"read({p}, {size})")
    # What else is mapped of the file system shows what its page cache can hold.
    doc = vmhuge(o.p.pid)["processes"][0]
    m = next(m for m in doc["mappings"] if int(m["start"], 16) == p)
    if "file" not in m["why"]:
        raise Skip(f"its pages are huge anyway, or more is in the way: {m['why']}")
    if not m["could_bytes"]:
        raise Skip("this file system's page cache shows no large folios: nothing is advised")
    if not any(a["do"] == "reread" for g in doc["groups"] if "file" in g["reasons"] for a in g["later"]):
        raise Mismatch("something is to be won, but nothing is advised")
    o.call(f"unmap({p}, {size})")
    o(f"uncache({path!r})")
    q = o(f"file({path!r}, {size}, False, False)")
    o.call(f"madvise({q}, {size}, 'HUGEPAGE')")
    o(f"read({q}, {size})")
    _, huge, _ = look(o, q, size)
    if huge < m["huge_bytes"] + m["could_bytes"]:
        raise Mismatch(f"read again, {huge} bytes are huge, {m['could_bytes']} were to be won")
    os.unlink(path)
    os.unlink(path + "2")


def heaps(doc):
    """The C library may make several of it."""
    return [m for m in doc["mappings"] if m["name"] == "[heap]"]


def malloc(o):
    """The advice for heaps: the C library asks, if a variable says so."""
    o("(globals().__setitem__('kept', [bytearray(1000) for _ in range(40000)]), 0)[1]")
    doc = vmhuge(o.p.pid)["processes"][0]
    heap = heaps(doc)
    if sum(m["size_bytes"] for m in heap) < 2 * HUGE or not any("unasked" in m["why"] for m in heap):
        raise Skip("this C library's heap isn't one that advice is given for")
    how = [a["how"] for g in doc["groups"] if "unasked" in g["reasons"] for a in g["later"] if "GLIBC_TUNABLES" in a["how"]]
    if not how:
        raise Mismatch("no variable is named for the heap")
    name, value = re.search(r"(GLIBC_TUNABLES)=(\S+)", how[0]).groups()
    with Obey(**{name: value, "PYTHONMALLOC": "malloc"}) as again:
        again("(globals().__setitem__('kept', [bytearray(1000) for _ in range(40000)]), 0)[1]")
        before, after = (sum(m["huge_bytes"] for m in x) for x in (heap, heaps(vmhuge(again.p.pid)["processes"][0])))
        if after <= before:
            raise Mismatch(f"with the variable {after} bytes of the heap are huge, {before} before")


def smaller(o):
    """Too small for a huge page: a smaller size, for what is touched from then on."""
    size = 8 * 65536
    p = o(f"anon({size})")
    o(f"touch({p}, {size // 2})")
    g = expect_reasons(look(o, p, size)[0:1], ["small"])
    if not g["later"]:
        raise Skip("this kernel has no smaller sizes, or gives them already")
    for a in g["later"]:
        follow(o, p, a["do"], a["how"])
    o(f"write({p + size // 2}, {size // 2})")
    m = vmhuge("--range", f"{p:x}-{p + size:x}", o.p.pid)["processes"][0]["mappings"][0]
    if m["large_bytes"] is not None and m["large_bytes"] < size // 2:
        raise Mismatch(f"{m['large_bytes']} bytes are in larger pages, {size // 2} were touched since")


def guard(o):
    p = o(f"anon({HUGE})")
    o(f"touch({p}, {HUGE})")
    if o(f"madvise({p + 7 * PAGE}, {PAGE}, 'GUARD')"):
        raise Skip("this kernel has no guard pages")
    hopeless(o, p, HUGE, ["guard"])


def small(o):
    p = o(f"anon({HUGE - PAGE})")
    o(f"touch({p}, {HUGE - PAGE})")
    hopeless(o, p, HUGE - PAGE, ["small"])


def readonly(o):
    """Some kernels collapse only where a page may be written: then nothing is advised."""
    p = o(f"anon({HUGE})")
    o(f"touch({p}, {HUGE})")
    o.call(f"protect({p}, {HUGE}, PROT_READ)")
    if any("readonly" in g["reasons"] for g in look(o, p, HUGE)[0]):
        hopeless(o, p, HUGE, ["readonly"])
    else:
        advised(o, p, HUGE, ["unasked"], "now")


def across(o):
    """Two mappings share the range."""
    p = o(f"anon({HUGE})")
    o(f"touch({p}, {HUGE})")
    o.call(f"protect({p}, {HUGE // 2}, PROT_READ)")
    hopeless(o, p, HUGE // 2, ["small"])


def offset(o):
    p = o(f"file('', {2 * HUGE}, True, True, {PAGE})")
    o(f"touch({p}, {2 * HUGE})")
    hopeless(o, p, 2 * HUGE, ["offset"])


def copies(o):
    p = o(f"file('', {HUGE}, False)")
    o(f"touch({p}, {HUGE})")
    hopeless(o, p, HUGE, ["copy"])


CASES = [
    ("unasked: collapse", unasked_now), ("unasked: advise", unasked_later),
    ("refused: collapse", refused("now")), ("refused: advise", refused("later")),
    ("disabled: collapse", disabled("now")), ("disabled: khugepaged", disabled("later")),
    ("never: collapse", never("now")), ("never: enable", never("later")),
    ("holes: collapse", holes("now")), ("holes: limit", holes("later")),
    ("shared: collapse", shared("now")), ("shared: limit", shared("later")), ("shared all: collapse", all_shared),
    ("swapped: collapse", swapped("now")), ("swapped: limit", swapped("later")),
    ("split", split), ("wait", waiting),
    ("memfd, never: collapse", memfd("never", ["shmem-never"], "now")),
    ("memfd, never: enable", memfd("never", ["shmem-never"], "later")),
    ("memfd, advise: advise", memfd("advise", ["shmem-unasked"], "later")),
    ("memfd, deny: collapse", memfd("deny", ["shmem-deny"], "now")),
    ("memfd, deny: enable", memfd("deny", ["shmem-deny"], "later")),
    ("tmpfs: collapse", tmpfs("", ["tmpfs-never"], "now")), ("tmpfs: remount", tmpfs("", ["tmpfs-never"], "later")),
    ("tmpfs, advise: advise", tmpfs("huge=advise", ["tmpfs-unasked"], "later")),
    ("small: a smaller size", smaller), ("edge: align", aligned), ("file: read again", reread), ("heap: the C library", malloc),
    ("none for: guard pages", guard), ("read-only", readonly), ("none for: small", small), ("none for: two mappings", across),
    ("none for: offset", offset), ("none for: private copies", copies),
]


def policy():
    p = vmhuge()["policy"]
    return p["enabled"], p["shmem_enabled"]


def run_case(case):
    """Others may change the machine's policy meanwhile: then it is tried again."""
    for k in range(3):
        try:
            if policy()[0] != "madvise":
                SET.write("enabled", "madvise")
            with Obey() as o:
                case(o)
            return
        except Mismatch:
            if k == 2:
                raise
        finally:
            SET.restore()


def main():
    failed, done, skipped = 0, 0, []
    wanted = sys.argv[3:]
    for name, case in CASES:
        if wanted and not any(w in name for w in wanted):
            continue
        try:
            run_case(case)
            done += 1
        except Skip as e:
            skipped.append(f"{name}: {e}")
        except Mismatch as e:
            print(f"FAIL {name}: {e}")
            failed += 1
    for s in skipped:
        print(f"left out: {s}")
    print(f"advice: {done} followed, {failed} failed, {len(skipped)} left out")
    return 1 if failed else 0 if done else 77


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        SET.restore()
