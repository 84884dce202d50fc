"""A process that does what it is told (obey.py), and settings of the machine that are put back."""

import json
import os
import re
import signal
import subprocess
import sys

from truth import Mismatch, Skip

HERE = os.path.dirname(os.path.abspath(__file__))
THP = "/sys/kernel/mm/transparent_hugepage/"


class Settings:
    """Files of /sys that are put back."""

    def __init__(self):
        self.before = {}
        # Whoever ends us: `finally` must come.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    def read(self, path):
        with open(path, encoding="ascii") as f:
            text = f.read().strip()
        m = re.search(r"\[(\S+)\]", text)
        return m[1] if m else text

    def write(self, path, value):
        path = path if path.startswith("/") else THP + path
        if not os.access(path, os.W_OK):
            raise Skip(f"{path} may not be written")
        self.before.setdefault(path, self.read(path))
        try:
            with open(path, "w", encoding="ascii") as f:
                f.write(str(value))
        except OSError as e:
            raise Mismatch(f"{value} can't be written to {path}: {e}") from e

    def restore(self):
        for path, value in self.before.items():
            with open(path, "w", encoding="ascii") as f:
                f.write(value)
        self.before.clear()


class Obey:
    def __init__(self, **env):
        self.p = subprocess.Popen([sys.executable, "-B", "-S", os.path.join(HERE, "obey.py")], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True, env={**os.environ, **env})

    def __call__(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()
        value = json.loads(self.p.stdout.readline())
        if isinstance(value, str):
            raise Mismatch(f"{line}: {value}")
        return value

    def call(self, line):
        """A call that must succeed."""
        value = self(line)
        if value:
            raise Mismatch(f"{line}: {os.strerror(-value)}")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.p.stdin.close()
        self.p.wait()
        self.p.stdout.close()
