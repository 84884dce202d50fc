"""A process that does to its own memory what it is told: a line of Python on standard input, its value as a line of JSON.

Nothing of its own is in the way of what is mapped: its memory is what the lines make.
"""

import ctypes
import json
import os
import signal
import sys

PROT_NONE, PROT_READ, PROT_WRITE = 0, 1, 2
MAP_SHARED, MAP_PRIVATE, MAP_FIXED, MAP_ANONYMOUS, MAP_NORESERVE = 1, 2, 16, 32, 0x4000
ADVICE = {"DONTNEED": 4, "MERGEABLE": 12, "HUGEPAGE": 14, "NOHUGEPAGE": 15, "PAGEOUT": 21, "COLLAPSE": 25, "GUARD": 102}
PR_SET_THP_DISABLE = 41
PAGE, HUGE = 4096, 2 << 20

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4


def call(result):
    return 0 if result == 0 else -ctypes.get_errno()


def reserve(size, offset=0):
    """Inaccessible addresses of which the first `size` begin `offset` bytes behind a multiple of HUGE."""
    p = libc.mmap(None, size + 4 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    return (p + HUGE - 1) // HUGE * HUGE + HUGE + offset


def anon(size, offset=0):
    return libc.mmap(reserve(size, offset), size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)


def file(path, size, shared=True, write=True, at=0, offset=0):
    """A file, made if it isn't there; "" for memfd."""
    fd = os.memfd_create("obey") if not path else os.open(path, (os.O_RDWR | os.O_CREAT) if write else os.O_RDONLY, 0o600)
    if write:
        os.ftruncate(fd, max(size + at, os.fstat(fd).st_size))
    p = libc.mmap(reserve(size, offset), size, PROT_READ | (PROT_WRITE if write else 0),
                  (MAP_SHARED if shared else MAP_PRIVATE) | MAP_FIXED, fd, at)
    os.close(fd)
    return p


def touch(p, size, step=PAGE, value=1):
    """Write to a page of each `step` bytes: base pages, whatever the policy."""
    libc.prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
    for at in range(0, size, step):
        ctypes.memset(p + at, value, 1)
    libc.prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0)
    return 0


def write(p, size, step=PAGE):
    """The same, as the policy has it."""
    for at in range(0, size, step):
        ctypes.memset(p + at, 1, 1)
    return 0


def read(p, size, step=PAGE):
    return sum(ctypes.c_ubyte.from_address(p + at).value for at in range(0, size, step)) & 0


def fresh(path, size, piece=PAGE):
    """A new file of that size, written in pieces, on the disk and, if they are small, not in the page cache."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    for _ in range(0, size, piece):
        os.write(fd, b"x" * piece)
    os.fsync(fd)
    if piece > PAGE:
        os.close(fd)
        return 0
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)
    return 0


def uncache(path):
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)
    return 0


def madvise(p, size, advice):
    return call(libc.madvise(p, size, ADVICE[advice.removeprefix("MADV_")]))


def protect(p, size, prot):
    return call(libc.mprotect(p, size, prot))


def unmap(p, size):
    return call(libc.munmap(p, size))


def prctl(option, *args):
    return call(libc.prctl(option, *args, *[0] * (4 - len(args))))


# As vmhuge spells them, whose advice is among the lines.
MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_COLLAPSE = "HUGEPAGE", "NOHUGEPAGE", "COLLAPSE"
children = []


def fork(p=0, size=0, step=PAGE):
    """A child that only stays; first it writes to, and so copies, one page of each `step` bytes."""
    copied, done = os.pipe()
    pid = os.fork()
    if pid == 0:
        write(p, size, step)
        os.close(done)
        while True:
            signal.pause()
    children.append(pid)
    os.close(done)
    os.read(copied, 1)
    os.close(copied)
    return pid


def main():
    for line in sys.stdin:
        try:
            value = eval(line, globals())  # pylint: disable=eval-used
        except Exception as e:  # whatever it is, who asked must hear of it
            value = f"{type(e).__name__}: {e}"
        print(json.dumps(value), flush=True)
    for pid in children:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
