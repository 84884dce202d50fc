"""A process that locks what it is told, and says what the kernel answered.

Each line of standard input is a request: words; numbers are decimal.  Each answer is a line: a number, or the name of an
errno.  Addresses are those of the process itself.  It uses no more than one page that it hasn't touched beforehand.
"""

import ctypes
import errno
import os
import resource
import struct
import sys

MAP_PRIVATE, MAP_SHARED, MAP_ANONYMOUS, MAP_LOCKED, MAP_HUGETLB = 2, 1, 0x20, 0x2000, 0x40000
SYS_MLOCK, SYS_MLOCK2, SYS_PERF_EVENT_OPEN = {"x86_64": (149, 325, 298), "aarch64": (228, 284, 241)}[os.uname().machine]
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
for name in ("munlock", "munmap", "mprotect"):
    getattr(libc, name).argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * (name == "mprotect")


def said(result):
    return "none" if result == 0 else errno.errorcode[ctypes.get_errno()]


def mapped(p):
    return errno.errorcode[ctypes.get_errno()] if p in (None, 2 ** 64 - 1) else p


def mmap(size, prot, flags, fd=-1):
    return mapped(libc.mmap(None, size, prot, flags, fd, 0))


def of_file(size, length):
    """A shared mapping of `size` of a file in memory that is `length` long."""
    fd = os.memfd_create("locks")
    os.ftruncate(fd, length)
    p = mmap(size, 3, MAP_SHARED, fd)
    FILES[p] = fd
    return p


def many(n):
    """So many mappings of a page each, more or less: neighbours differ, and can't be joined."""
    p = mmap((n + 2) * 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS)
    for i in range(0, n + 2, 2):
        if libc.mprotect(p + i * 4096, 4096, 1) != 0:
            break
    return p


def ring(pages):
    """perf's ring buffer of so many pages, and one more for its head; of an event of our own: task-clock."""
    attr = struct.pack("<IIQ", 1, 128, 1) + bytes(24) + struct.pack("<Q", 1 << 5) + bytes(128 - 48)
    fd = libc.syscall(SYS_PERF_EVENT_OPEN, attr, 0, -1, -1, 0)
    if fd < 0:
        return errno.errorcode[ctypes.get_errno()]
    p = mmap((pages + 1) * 4096, 3, MAP_SHARED, fd)
    RING.append((p, (pages + 1) * 4096, fd))
    return p


def unring():
    p, size, fd = RING.pop()
    libc.munmap(p, size)
    os.close(fd)
    return 0


FILES = {}
RING = []
REQUESTS = {
    "map": lambda n: mmap(n, 3, MAP_PRIVATE | MAP_ANONYMOUS),
    "map-locked": lambda n: mmap(n, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED),
    "map-huge": lambda n: mmap(n, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB),
    "map-file": of_file,
    "many": many,
    "ring": ring,
    "unring": unring,
    "truncate": lambda p, n: said(os.ftruncate(FILES[p], n) or 0),
    "mlock": lambda p, n: said(libc.syscall(SYS_MLOCK, ctypes.c_void_p(p), ctypes.c_size_t(n))),
    "onfault": lambda p, n: said(libc.syscall(SYS_MLOCK2, ctypes.c_void_p(p), ctypes.c_size_t(n), 1)),
    "munlock": lambda p, n: said(libc.munlock(p, n)),
    "munmap": lambda p, n: said(libc.munmap(p, n)),
    "protect": lambda p, n, prot: said(libc.mprotect(p, n, prot)),
    "mlockall": lambda flags: said(libc.mlockall(flags)),
    "munlockall": lambda: said(libc.munlockall()),
    "limit": lambda n: resource.setrlimit(resource.RLIMIT_MEMLOCK, (n, resource.getrlimit(resource.RLIMIT_MEMLOCK)[1])) or 0,
    "touch": lambda p, n: [ctypes.c_char.from_address(p + i) and ctypes.memset(p + i, 1, 1) for i in range(0, n, 4096)] and 0,
}

print(os.getpid(), flush=True)
for line in sys.stdin:
    word, *numbers = line.split()
    print(REQUESTS[word](*(int(n) for n in numbers)), flush=True)
