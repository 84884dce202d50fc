"""vmtop on pseudo-terminals of several types: which colours it asks for, and how much it writes.  terminal.py BINDIR MKTREE"""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time

BIN, MKTREE = sys.argv[1], sys.argv[2]
ROWS, COLUMNS = 24, 80
TYPES = r"""vm-direct|direct colour,
	RGB, colors#0x1000000, pairs#0x7fff, am, bce, mir, msgr, xenl, cols#80, lines#24, it#8, bold=\E[1m, clear=\E[H\E[2J, cr=\r,
	cub1=^H, cud1=\n, cuf1=\E[C, cup=\E[%i%p1%d;%p2%dH, cuu1=\E[A, ed=\E[J, el=\E[K, home=\E[H, op=\E[39;49m, rev=\E[7m,
	sgr0=\E[m, smul=\E[4m, rmul=\E[24m, ind=\n,
	setaf=\E[%?%p1%{8}%<%t3%p1%d%e38\:2\:\:%p1%{65536}%/%d\:%p1%{256}%/%{255}%&%d\:%p1%{255}%&%d%;m,
	setab=\E[%?%p1%{8}%<%t4%p1%d%e48\:2\:\:%p1%{65536}%/%d\:%p1%{256}%/%{255}%&%d\:%p1%{255}%&%d%;m,
vm-eight|8 colours,
	colors#8, pairs#64, am, bce, mir, msgr, xenl, cols#80, lines#24, it#8, bold=\E[1m, clear=\E[H\E[2J, cr=\r,
	cub1=^H, cud1=\n, cuf1=\E[C, cup=\E[%i%p1%d;%p2%dH, cuu1=\E[A, ed=\E[J, el=\E[K, home=\E[H, op=\E[39;49m, rev=\E[7m,
	sgr0=\E[m, smul=\E[4m, rmul=\E[24m, ind=\n, setaf=\E[3%p1%dm, setab=\E[4%p1%dm,
vm-many|256 colours,
	colors#256, pairs#0x7fff, am, bce, mir, msgr, xenl, cols#80, lines#24, it#8, bold=\E[1m, clear=\E[H\E[2J, cr=\r,
	cub1=^H, cud1=\n, cuf1=\E[C, cup=\E[%i%p1%d;%p2%dH, cuu1=\E[A, ed=\E[J, el=\E[K, home=\E[H, op=\E[39;49m, rev=\E[7m,
	sgr0=\E[m, smul=\E[4m, rmul=\E[24m, ind=\n,
	setaf=\E[%?%p1%{8}%<%t3%p1%d%e%p1%{16}%<%t9%p1%{8}%-%d%e38;5;%p1%d%;m,
	setab=\E[%?%p1%{8}%<%t4%p1%d%e%p1%{16}%<%t10%p1%{8}%-%d%e48;5;%p1%d%;m,
"""
failed = 0


def check(what, ok, detail=""):
    global failed
    if not ok:
        print(f"FAILED: {what} {detail}")
        failed = 1


class Screen:
    """vmtop on a terminal of its own."""

    def __init__(self, term, args, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
            os.environ.update(env, TERM=term)
            os.execv(f"{BIN}/vmtop", ["vmtop", *args])

    def read(self, seconds):
        """What comes within that time, as soon as something does; b"": nothing, None: the terminal was left."""
        if not select.select([self.fd], [], [], max(seconds, 0))[0]:
            return b""
        try:
            return os.read(self.fd, 65536) or None
        except OSError:
            return None

    def until(self, text, seconds=60):
        """What is written until `text` is; that it doesn't come in time is a failure."""
        got, deadline = b"", time.monotonic() + seconds
        while text not in got:
            left = deadline - time.monotonic()
            more = self.read(left) if left > 0 else b""
            if not more and (more is None or time.monotonic() >= deadline):
                check(f"{text!r} comes" + ("" if more is None else " in time"), False, repr(got[-300:]))
                break
            got += more
        return got

    def key(self, keys):
        os.write(self.fd, keys)

    def refreshes(self):
        """How often vmtop has read the machine: its calls of read(2), as the kernel counts them."""
        with open(f"/proc/{self.pid}/io", encoding="ascii") as f:
            return int(re.search(r"syscr: (\d+)", f.read())[1])

    def end(self):
        """Leave it.  What else it wrote."""
        self.key(b"Q")
        rest, deadline = b"", time.monotonic() + 60
        while (more := self.read(deadline - time.monotonic())):
            rest += more
        if more is not None:
            check("it ends in time", False)
            os.kill(self.pid, 9)
        status = os.waitpid(self.pid, 0)[1]
        check("it ends well", status == 0, str(status))
        os.close(self.fd)
        return rest


def colours(text):
    """The kinds of colours that were asked for."""
    kinds = set()
    for m in re.findall(rb"\x1b\[([0-9;:]*)m", text):
        if b"8:2:" in m or b"8;2;" in m:
            kinds.add("direct")
        elif b"8;5;" in m or re.search(rb"(^|;)(9|10)[0-7]($|;)", m):
            kinds.add("256")
        elif re.search(rb"(^|;)[34][1-7]($|;)", m):
            kinds.add("8")   # black is the same in all of them
    return kinds


def main():
    with tempfile.TemporaryDirectory() as tmp:
        root, info = f"{tmp}/root", f"{tmp}/info"
        subprocess.run(["sh", MKTREE, root], check=True)
        with open(f"{tmp}/terms", "w", encoding="ascii") as f:
            f.write(TYPES)
        subprocess.run(["tic", "-x", "-o", info, f"{tmp}/terms"], check=True)
        env = {"TERMINFO": info, "LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": f"{tmp}/config"}
        os.environ.pop("NO_COLOR", None)
        last = b"vil"   # of the last process's name

        for term, want in (("vm-eight", {"8"}), ("vm-many", {"256"}), ("vm-direct", {"direct"})):
            s = Screen(term, ["--root", root], env)
            got = s.until(last)
            s.key(b"h")
            got += s.until(b"sort-menu")
            check(f"colours of {term}", colours(got) == want, str(colours(got)))
            s.end()
            s = Screen(term, ["--root", root], env | {"NO_COLOR": "1"})
            check(f"NO_COLOR on {term}", colours(s.until(last)) == set())
            s.end()

        # Refreshes in which nothing changes write nothing; a key writes what it changes; nothing is cleared.
        s = Screen("vm-many", ["--root", root, "-d", "0.05", "-o", "PID,VSZ,RSS,COMMAND"], env)
        first = s.until(last)
        check("the first screen is all of it", len(first) >= 400, str(len(first)))
        # Rates of the second sample are there: from now on nothing changes.
        if b"0.0/s" not in first:
            s.until(b"0.0/s")
        s.key(b"i")
        s.until(b"shows the keys")
        s.key(b"\x0ei")
        moved = s.until(b"shows the keys")
        check("a row down is less than a quarter of the screen", len(moved) < ROWS * COLUMNS / 4 * 3, str(len(moved)))
        check("nothing is cleared", b"\x1b[2J" not in moved and b"\x1b[H\x1b[J" not in moved)
        before, deadline = s.refreshes(), time.monotonic() + 60
        rest = b""
        # A refresh reads some dozens of files.
        while s.refreshes() < before + 500 and time.monotonic() < deadline:
            rest += s.read(0.05) or b""
        check("it refreshes", s.refreshes() >= before + 500)
        check("refreshes without change write nothing", rest == b"", repr(rest[:200]))
        s.key(b"m")
        s.until(b"unexplained")
        s.end()
    return failed


sys.exit(main())
