#!/usr/bin/env python3
"""A captured tree, or a part of one, from a description: small files by name.

Usage: mkfiles.py DESCRIPTION DEST

    sys/kernel/mm/x = 7             a file of one line ('#' begins a comment where a name would stand)
    proc/meminfo:                   a file of all the lines below that begin with a tab
    <tab>MemTotal:  4 kB
"""
import os
import sys


def main():
    source, dest = sys.argv[1:]
    name = None
    for line in open(source, encoding="utf-8"):
        if line.startswith("\t"):
            with open(name, "a", encoding="utf-8") as f:
                f.write(line[1:])
        elif line.strip() and not line.startswith("#"):
            left, one, value = line.strip().partition(" = ")
            name = os.path.join(dest, left.removesuffix(":"))
            os.makedirs(os.path.dirname(name), exist_ok=True)
            with open(name, "w", encoding="utf-8") as f:
                f.write(value + "\n" if one else "")


if __name__ == "__main__":
    main()
