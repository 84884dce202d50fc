"""A disk with a small Debian on it, the built commands and the tests: what the live suite needs.

The files are those of this machine's own packages.  They are on ext4, as on most machines: pages of its
files can be written back and reclaimed, those of an initramfs cannot.
"""

import os
import pathlib
import re
import shutil
import subprocess

from initramfs import ACCOUNTS, libraries
from kernels import Unavailable

# What live tests call; and what these packages depend on.
PACKAGES = ("bash", "busybox-static", "coreutils", "dash", "diffutils", "findutils", "grep", "jq", "libc-bin", "mawk", "mount",
            "procps", "python3", "sed", "util-linux")
UNUSED = re.compile(r"/usr/share/(doc|man|locale|info|i18n|lintian|bug|perl5|bash-completion)/|/usr/lib/x86_64-linux-gnu/gconv/"
                    r"|/usr/lib/locale/(?!C\.utf8)")
FREE_MIB = 512
TOP = "vmtop"  # the checkout's place on the disk


def installed():
    """Of each installed package the alternatives of each of its dependencies; of each virtual one, who provides it."""
    form = "${Package}\t${db:Status-Status}\t${Pre-Depends},${Depends}\t${Provides}\n"
    try:
        r = subprocess.run(["dpkg-query", "-W", "-f", form], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as e:
        raise Unavailable(f"what packages this machine has: {e}") from e
    depends, provided = {}, {}
    for line in r.stdout.splitlines():
        name, status, needs, gives = line.split("\t")
        if status == "installed":
            depends[name] = [[a.split()[0].split(":")[0] for a in group.split("|")]
                             for group in needs.split(",") if group.strip()]
            provided.update((g.split()[0], name) for g in gives.split(",") if g.strip())
    return depends, provided


def closure(wanted):
    """These packages and all that they depend on."""
    depends, provided = installed()
    missing = [p for p in wanted if p not in depends]
    if missing:
        raise Unavailable(f"not installed: {' '.join(missing)}")
    found, open_ends = set(), list(wanted)
    while open_ends:
        name = open_ends.pop()
        if name in found:
            continue
        found.add(name)
        for alternatives in depends[name]:
            names = [a if a in depends else provided.get(a) for a in alternatives]
            open_ends += [n for n in names if n][:1]
    return sorted(found)


class Tree:
    """A root directory in the making; names in it are those of this machine, symbolic links followed as here."""

    def __init__(self, directory):
        self.directory = directory
        for d in ("dev", "proc", "sys", "run", "tmp", "root", "etc", "usr", "var/tmp", "mnt", "vm/scripts"):
            (directory / d).mkdir(parents=True)
        for d in ("tmp", "var/tmp"):
            (directory / d).chmod(0o1777)
        for link in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
            if os.path.islink(f"/{link}"):
                (directory / link).symlink_to(os.readlink(f"/{link}"))

    def add(self, path, name=None):
        """A file or link of this machine, by the same name unless told otherwise."""
        parent, base = os.path.split(str(name or path))
        target = self.directory / os.path.realpath(parent).lstrip("/") / base
        if os.path.lexists(target) or not os.path.lexists(path):
            return
        if os.path.isdir(path) and not os.path.islink(path):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target, follow_symlinks=False)

    def program(self, path, name):
        self.add(path, name)
        for library in libraries(path):
            self.add(library)
            self.add(os.path.realpath(library))


def add_packages(tree):
    r = subprocess.run(["dpkg-query", "-L", *closure(PACKAGES)], capture_output=True, text=True, check=True)
    for path in r.stdout.splitlines():
        if path.startswith("/") and not UNUSED.match(path):
            tree.add(path)
    for path in sorted(tree.directory.glob("usr/lib/python3*/**/*.py")):  # no package owns what was made of it
        name = path.relative_to(tree.directory)
        for compiled in (pathlib.Path("/") / name.parent / "__pycache__").glob(f"{name.stem}.*.pyc"):
            tree.add(compiled)
    # Names that packages choose among each other.
    for name in ("awk", "which"):
        link = f"/usr/bin/{name}"
        while os.path.islink(link):
            tree.add(link)
            link = os.path.join(os.path.dirname(link), os.readlink(link))


def add_checkout(tree, checkout, build):
    """The tests and what they read, and what was built, in the same places to each other."""
    for part in ("tests/live", "tests/tools", "tests/fixtures", "src/core/model"):
        shutil.copytree(checkout / part, tree.directory / TOP / part, symlinks=True,
                        ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["/usr/bin/python3", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash",
                    str(tree.directory / TOP / "tests")], check=True)
    for pattern in ("bin/*", "tests/toucher", "tests/*.so"):
        for path in build.glob(pattern):
            if path.is_file():
                tree.program(path, f"/{TOP}/build/{path.relative_to(build)}")


def build_image(path, directory):
    size = sum(f.lstat().st_size + 4096 for f in directory.rglob("*")) + (FREE_MIB << 20)
    mkfs = shutil.which("mke2fs", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not mkfs:
        raise Unavailable("e2fsprogs is not installed")
    r = subprocess.run([mkfs, "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-E", "root_owner=0:0", "-d", str(directory),
                        str(path), f"{size >> 10}k"], capture_output=True, text=True, check=False)
    if r.returncode:
        raise Unavailable(f"mke2fs: {r.stderr.strip()}")


def build(path, work, checkout, binaries, commands, files):
    """Write the image.  `binaries`: the directory of the built commands, for the tests; `commands`: what is to be found in
    PATH; `files`: what else there is, by its name there."""
    tree = Tree(work / "root")
    for name, text in ACCOUNTS.items():
        (tree.directory / "etc" / name).write_text(text, encoding="utf-8")
    add_packages(tree)
    add_checkout(tree, checkout, pathlib.Path(binaries).resolve().parent)
    for command in commands:
        tree.program(command, f"/usr/bin/{os.path.basename(command)}")
    for name, source in files.items():
        tree.add(source, name)
    build_image(path, tree.directory)
    shutil.rmtree(tree.directory)
