"""vmtop's tab Pages: what its cells show of a mapping of which vmlab touched a part, in each colour.

Usage: toppages.py BIN_DIR
"""

import os
import re
import subprocess
import sys
import tempfile

from truth import KERNEL, PAGE, Lab, Mismatch, Skip, expect

PAGES, TOUCHED = 256, 64
MAPPINGS = 300  # more than any workload has
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all")
LINE = re.compile(r"^([0-9a-f]{12})[\u250c\u2502](\S+)")


def screens(bins, prefix, pid, keys, scratch):
    """What vmtop shows at each `show`."""
    script = os.path.join(scratch, "keys")
    with open(script, "w", encoding="ascii") as f:
        f.write(keys)
    os.chmod(script, 0o644)
    env = {**os.environ, "LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": scratch}
    r = subprocess.run([*prefix, os.path.join(bins, "vmtop"), "-p", str(pid), "--script", script], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, env=env, check=False)
    if b"built without ncurses" in r.stderr:
        raise Skip("vmtop is built without screens")
    if r.returncode:
        raise Mismatch(f"vmtop ended with {r.returncode}: {r.stderr.decode(errors='replace').strip()}")
    return r.stdout.decode()


def cells(shown, start, end):
    """The cells of one mapping, which all screens together show."""
    found = {}
    for line in shown.splitlines():
        m = LINE.match(line)
        if m and start <= int(m[1], 16) < end:
            # Other mappings of the line are behind a border.
            found[int(m[1], 16)] = m[2].split("\u2502")[0]
    return "".join(found[a] for a in sorted(found))


def check(label, bins, prefix, pid, start, scratch):
    """In cells of a page: state, present, and what is dirty and used where page tables can be read."""
    end = start + PAGES * PAGE
    keys = ["key Enter 3", "key " + "+ " * 20, "key Home", "show"] + ["key n", "show"] * MAPPINGS
    shown = screens(bins, prefix, pid, "\n".join(keys) + "\n", scratch)
    expect(label, "states", "A" * TOUCHED + "\u00b7" * (PAGES - TOUCHED), cells(shown, start, end))
    by = re.search(r"; by (\S+)$", shown, re.M)[1]
    for color, name in enumerate(("state", "present", "swapped", "huge", "shared", "dirty", "accessed")):
        shown = screens(bins, prefix, pid, "\n".join(keys[:2] + ["key " + "c " * color, "show"][:2 * bool(color)] + keys[2:]) + "\n",
                        scratch)
        if f"by {name}" not in shown:
            raise Mismatch(f"{label}: {name} isn't shown")
        have = cells(shown, start, end)[:TOUCHED]
        want = {"state": "A", "present": "\u2588", "swapped": "-", "huge": "-", "shared": "-"}.get(name)
        # Before there was PAGEMAP_SCAN, pagemap didn't tell by which entries pages are mapped.
        if name == "huge" and by == "pagemap" and KERNEL < (6, 7):
            want = "?"
        if name == "dirty":
            want = "\u2588" if by == "page-tables" else None
        if want:
            expect(label, name, want * TOUCHED, have)
        # Used or not is the kernel's to say: some thread may have cleared the bits.
        elif name == "accessed" and by == "page-tables":
            expect(label, "used is known", True, not set(have) - set("-\u2588"))
        elif name == "accessed":
            expect(label, "used isn't known", "?" * TOUCHED, have)
            expect(label, "why", True, "only page tables tell" in shown)
    return by


def check_page(label, bins, pid, start, scratch):
    """Enter on a cell: the page that vmpage shows."""
    keys = "\n".join(["key Enter 3"] + ["key n", "show"] * MAPPINGS)
    shown = screens(bins, (), pid, keys + "\n", scratch)
    at = next((i for i, s in enumerate(re.findall(r"^ ([0-9a-f]+)-[0-9a-f]+ .*", shown, re.M)) if int(s, 16) == start), None)
    if at is None:
        raise Mismatch(f"{label}: the cursor never came to {start:x}")
    shown = screens(bins, (), pid, "\n".join(["key Enter 3"] + ["key n"] * (at + 1) + ["key Enter", "show"]) + "\n", scratch)
    r = subprocess.run([os.path.join(bins, "vmpage"), str(pid), f"{start:x}"], stdout=subprocess.PIPE, check=True)
    pfn = re.search(r"physical +0x([0-9a-f]+)", r.stdout.decode())
    if pfn:
        expect(label, "frame", True, f"0x{pfn[1]} " in shown)
    expect(label, "address", True, f"0x{start:x} " in shown)


def main():
    bins = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)
        args = ("anon", "--size", str(PAGES * PAGE), "--touch", f"{100 * TOUCHED // PAGES}%")
        try:
            with Lab(bins, *args) as lab:
                start = int(lab.line()["mappings"][0]["start"], 16)
                by = check("ourselves", bins, (), lab.pid, start, scratch)
                check_page("one page", bins, lab.pid, start, scratch)
            print(f"by {by}: as vmlab says")
            if os.geteuid() == 0 and subprocess.run([*NOBODY, "test", "-x", os.path.join(bins, "vmtop")], check=False).returncode == 0:
                with Lab(bins, *args, prefix=NOBODY) as lab:
                    start = int(lab.line()["mappings"][0]["start"], 16)
                    by = check("nobody", bins, NOBODY, lab.pid, start, scratch)
                print(f"by {by}, as nobody: as vmlab says")
        except Mismatch as e:
            print(f"FAIL {e}")
            return 1
        except Skip as e:
            print(f"skip: {e}")
            return 77
    return 0


if __name__ == "__main__":
    sys.exit(main())
