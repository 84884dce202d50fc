"""What ctest found, in every configuration: a line each, then failures and skips with their reasons.

Usage: summary.py DIR CONFIGURATION...
DIR holds CONFIGURATION-PART.xml (JUnit, by ctest), or CONFIGURATION-PART.failed or .skipped with the reason why there is none.
"""

import glob
import os
import re
import sys
import xml.etree.ElementTree as tree


def reason(case):
    """The line of its output that tells why it was skipped, else the last one."""
    lines = [s.strip() for s in (case.findtext("system-out") or "").splitlines() if s.strip()]
    told = [s for s in lines if s.lower().startswith("skip")]
    return told[-1] if told else lines[-1] if lines else "no reason given"


def partial_skips(case):
    """Skips inside a test that passed otherwise."""
    lines = (case.findtext("system-out") or "").splitlines()
    return [s.strip() for s in lines if re.match(r"\s*(skip(ped)?(:| )|not repeated)", s, re.IGNORECASE)]


def read(directory, name):
    """Of one configuration: passed, failed and skipped as lists of (test, remark); partial skips."""
    passed, broken, skipped, partial = [], [], [], []
    for ending, column in ((".failed", broken), (".skipped", skipped)):
        for why in sorted(glob.glob(os.path.join(directory, f"{name}-*{ending}"))):
            with open(why, encoding="utf-8") as f:
                column.append((os.path.basename(why)[len(name) + 1:-len(ending)], f.read()))
    for part in sorted(glob.glob(os.path.join(directory, name + "-*.xml"))):
        for case in tree.parse(part).getroot().iter("testcase"):
            status, test = case.get("status"), case.get("name")
            if status == "run":
                passed.append((test, ""))
                partial += [(test, s) for s in dict.fromkeys(partial_skips(case))]
            elif status in ("notrun", "disabled"):
                skipped.append((test, reason(case)))
            else:
                broken.append((test, f'after {float(case.get("time") or 0):.0f} s'))
    return passed, broken, skipped, partial


def main():
    total = [0, 0, 0]
    lines, remarks = [], []
    for name in sys.argv[2:]:
        passed, broken, skipped, partial = read(sys.argv[1], name)
        counts = [len(passed), len(broken), len(skipped)]
        total = [a + b for a, b in zip(total, counts)]
        lines.append(f"{name:10} {counts[0]:4} passed {counts[1]:4} failed {counts[2]:4} skipped")
        remarks += [f"FAILED     {name}: {test} {why}" for test, why in broken]
        remarks += [f"skipped    {name}: {test}: {why}" for test, why in skipped]
        remarks += [f"in part    {name}: {test}: {why}" for test, why in partial]
    print("\n==== summary")
    print("\n".join(lines + remarks))
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] or not total[0] else 0


sys.exit(main())
