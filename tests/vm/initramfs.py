"""An initramfs in memory: busybox, jq, commands with their libraries, modules, scripts."""

import lzma
import os
import pathlib
import re
import shutil
import stat
import subprocess

from kernels import Unavailable


class Archive:
    """cpio, format newc.  Made in memory, so that it takes no privilege to put devices into it."""

    def __init__(self):
        self.parts, self.names = [], set()

    def _add(self, name, mode, data=b"", device=(0, 0)):
        name = name.strip("/")
        if name in self.names:
            return
        parent = os.path.dirname(name)
        if parent:
            self.directory(parent)
        self.names.add(name)
        self._entry(name, mode, data, device)

    def _entry(self, name, mode, data=b"", device=(0, 0)):
        encoded = os.fsencode(name) + b"\0"
        fields = (len(self.names), mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(encoded), 0)
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + encoded
        self.parts += [head, bytes(-len(head) % 4), data, bytes(-len(data) % 4)]

    def directory(self, name):
        self._add(name, stat.S_IFDIR | 0o755)

    def file(self, name, data, mode=0o644):
        self._add(name, stat.S_IFREG | mode, data)

    def copy(self, path, name=None):
        with open(path, "rb") as f:
            self.file(name or str(path), f.read(), 0o755 if os.access(path, os.X_OK) else 0o644)

    def link(self, name, to):
        self._add(name, stat.S_IFLNK | 0o777, os.fsencode(to))

    def character(self, name, major, minor):
        self._add(name, stat.S_IFCHR | 0o600, device=(major, minor))

    def write(self, path):
        self._entry("TRAILER!!!", 0)
        with open(path, "wb") as f:
            f.writelines(self.parts)


def libraries(program):
    """The shared objects that a program needs, its loader too."""
    r = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    if "not found" in r.stdout:
        raise Unavailable(f"{program}: ldd doesn't find all of its libraries")
    return [m[1] for m in re.finditer(r"(?:^|=>)\s*(/\S+) \(0x", r.stdout, re.MULTILINE)]


def add_program(archive, path, name):
    archive.copy(path, name)
    for library in libraries(path):
        archive.copy(library)


def add_busybox(archive):
    path = shutil.which("busybox")
    if not path:
        raise Unavailable("busybox is not installed")
    add_program(archive, path, "bin/busybox")
    archive.link("bin/sh", "busybox")


def add_jq(archive):
    path = shutil.which("jq")
    if not path:
        raise Unavailable("jq is not installed")
    add_program(archive, path, "bin/jq")


def module_order(kernel, names):
    """Files of those modules and of what they depend on, in the order of loading."""
    files = {f.name.split(".")[0].replace("-", "_"): f for f in kernel.modules.rglob("*.ko*")}
    order = {}

    def visit(name):
        name = name.replace("-", "_")
        if name in order or name not in files:
            return  # what isn't there as a file is built in, or the script will miss it
        data = read_module(files[name])
        for dependency in re.search(rb"\0depends=([^\0]*)", b"\0" + data)[1].decode().split(","):
            visit(dependency)
        order[name] = data

    for name in names:
        visit(name)
    return order


def read_module(path):
    data = pathlib.Path(path).read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def wanted_modules(script):
    """What a script asks for with a line '# modules: NAME...'."""
    m = re.search(r"^# modules: (.+)$", pathlib.Path(script).read_text(encoding="utf-8"), re.MULTILINE)
    return m[1].split() if m else []


ACCOUNTS = {"passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
            "group": "root:x:0:\nnogroup:x:65534:\n"}
DISK_MODULES = ["virtio_pci", "virtio_blk"]


def variables(environment):
    return "".join(f"export {k}='{v}'\n" for k, v in environment.items())


def build(path, kernel, commands, scripts, init, environment):
    """Write the initramfs.  `environment` becomes /vm/environment, sourced by init."""
    archive = Archive()
    for d in ("proc", "sys", "dev", "tmp", "run", "root", "mnt", "var/tmp", "vm/scripts"):
        archive.directory(d)
    archive.character("dev/console", 5, 1)
    for name, text in ACCOUNTS.items():
        archive.file(f"etc/{name}", text.encode())
    add_busybox(archive)
    archive.copy(init, "init")
    archive.file("vm/environment", variables(environment).encode())
    modules = [m for s in scripts for m in wanted_modules(s)]
    if environment["VM_DISK"]:
        modules += DISK_MODULES
    else:
        add_jq(archive)
        for command in sorted(commands):
            add_program(archive, command, f"usr/bin/{os.path.basename(command)}")
        for script in scripts:
            archive.copy(script, f"vm/scripts/{os.path.basename(script)}")
    modules = module_order(kernel, modules)
    for name, data in modules.items():
        archive.file(f"vm/modules/{name}.ko", data)
    archive.file("vm/modules/order", "".join(f"{name}\n" for name in modules).encode())
    archive.write(path)
