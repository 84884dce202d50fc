#!/usr/bin/env python3
"""Make a recording of trees, as docs/recording.md describes it: nothing of it comes from the program that is tested.

mkrec.py OUT MOMENT...   MOMENT is SECONDS=DIR: what DIR holds is what was there SECONDS after the first second of 2026.

Nothing is packed, so that builds without zstd read it too.  The first frame is whole, the others tell what changed; an
index follows.  Options before OUT: --version N, --no-index, --cut BYTES (off the end), --flip OFFSET (a bit of that byte),
--whole N (the Nth frame is whole, too), --break N (a bit of what it holds is another one).
"""
import argparse
import os
import struct

YEAR_2026 = 1767225600
KEY, DELTA, INDEX = 1, 2, 3
NEW, NEW_LINK, WHOLE, LINK, CHANGED, GONE = range(6)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def varint(v):
    out = bytearray()
    while v >= 0x80:
        out.append(v & 0x7f | 0x80)
        v >>= 7
    out.append(v)
    return bytes(out)


def read_tree(top):
    """Paths below `top` to (is a link, bytes), in order of their names."""
    found = {}
    for base, dirs, files in os.walk(top):
        for name in files + [d for d in dirs if os.path.islink(os.path.join(base, d))]:
            path = os.path.join(base, name)
            short = os.path.relpath(path, top)
            if os.path.islink(path):
                found[short] = True, os.readlink(path).encode()
            else:
                with open(path, "rb") as f:
                    found[short] = False, f.read()
    return dict(sorted(found.items()))


def block(kind, number, real_ns, boot_ns, ops, data):
    head = struct.pack("<4sBBHQqQIIIII8x", b"VMRB", kind, 0, 0, number, real_ns, boot_ns, len(ops), len(ops), len(data), len(data),
                       crc32c(ops + data))
    return head + struct.pack("<I", crc32c(head)) + ops + data


class Frames:
    """Knows what the frame before held, and the numbers of its files."""

    def __init__(self):
        self.held, self.numbers = {}, {}

    def frame(self, tree, whole):
        ops, data, last = bytearray(), bytearray(), 0
        if whole:
            self.held, self.numbers = {}, {}

        def step(path):
            nonlocal last
            by = self.numbers[path] - last
            last = self.numbers[path]
            return by << 1 if by >= 0 else (-by << 1) - 1

        for path in list(self.held):
            if path not in tree:
                ops += varint(step(path) << 3 | GONE)
                del self.held[path]
        for path, (is_link, text) in tree.items():
            if self.held.get(path) == (is_link, text):
                continue
            if path in self.numbers:
                ops += varint(step(path) << 3 | (LINK if is_link else WHOLE))
            else:
                self.numbers[path] = len(self.numbers)
                name = os.fsencode(path)
                ops += varint(NEW_LINK if is_link else NEW) + varint(len(name)) + name
            ops += varint(len(text))
            data += text
            self.held[path] = is_link, text
        return bytes(ops), bytes(data)


def make(moments, version, index, whole=(), broken=()):
    head = b"VMREC\r\n\x1a" + struct.pack("<I", version)
    out = bytearray(head + struct.pack("<I", crc32c(head)))
    frames, elements = Frames(), b""
    for number, (seconds, tree) in enumerate(moments):
        ns = round(seconds * 1e9)
        real_ns, boot_ns = YEAR_2026 * 10**9 + ns, 1000 * 10**9 + ns
        key, at = number == 0 or number + 1 in whole, len(out)
        elements += struct.pack("<QqQ", at | (1 << 63 if key else 0), real_ns, boot_ns)
        out += block(KEY if key else DELTA, number, real_ns, boot_ns, *frames.frame(tree, key))
        if number + 1 in broken:
            out[at + 64] ^= 1
    if index:
        at = len(out)
        out += block(INDEX, len(moments), 0, 0, elements, b"")
        tail = b"VMRT" + struct.pack("<Q", at)
        out += tail + struct.pack("<I", crc32c(tail))
    return out


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--version", type=int, default=1)
    p.add_argument("--no-index", action="store_true")
    p.add_argument("--cut", type=int, default=0)
    p.add_argument("--flip", type=int)
    p.add_argument("--whole", type=int, action="append", default=[])
    p.add_argument("--break", type=int, action="append", default=[], dest="broken")
    p.add_argument("out")
    p.add_argument("moments", nargs="+")
    a = p.parse_args()
    moments = []
    for text in a.moments:
        seconds, _, top = text.partition("=")
        moments.append((float(seconds), read_tree(top)))
    out = make(moments, a.version, not a.no_index, a.whole, a.broken)
    if a.flip is not None:
        out[a.flip] ^= 1
    with open(a.out, "wb") as f:
        f.write(out[:len(out) - a.cut])


main()
