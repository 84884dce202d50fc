"""Debian's cloud kernels, of whichever suite, by the machine's own apt sources.

The sources are rewritten for another suite in a private tree; neither the machine's package lists nor
its packages change.  An unpacked kernel stays in the cache and is used again without asking anybody.
"""

import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

SUITES = {"5.10": "bullseye", "6.1": "bookworm", "6.12": "trixie", "sid": "sid"}
PACKAGE = "linux-image-cloud-amd64"
APT_SECONDS = 600


class Unavailable(Exception):
    """Something that this machine or its package sources don't have."""


class Kernel:
    def __init__(self, directory):
        self.image = directory / "vmlinuz"
        self.modules = directory / "modules"
        self.release = (directory / "release").read_text(encoding="utf-8").strip()


def default_cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(base) / "vmtop" / "vm"


def get(name, cache, update=False):
    """The kernel of that name, from the cache or else from the package sources."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock = open(cache / f"{name}.lock", "w", encoding="utf-8")
    except OSError as e:
        raise Unavailable(f"no place to keep kernels (--cache names another): {e}") from e
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kernel = cache / name
        if update or not kernel.exists():
            with tempfile.TemporaryDirectory(dir=cache, prefix=f".{name}-") as work:
                fetched = fetch(SUITES[name], pathlib.Path(work))
                shutil.rmtree(kernel, ignore_errors=True)
                fetched.rename(kernel)
        return Kernel(kernel)


def fetch(suite, work):
    """Download and unpack; returns a directory of vmlinuz, modules and release."""
    for tool in ("apt-get", "apt-cache", "apt-config", "dpkg-deb"):
        if not shutil.which(tool):
            raise Unavailable(f"{tool} is not installed")
    apt = Apt(suite, work / "apt")
    depends = apt.depends(PACKAGE)
    image = next((d for d in depends if re.match(r"linux-image-\d", d)), None)
    if not image:
        raise Unavailable(f"no {PACKAGE} in {suite}")
    # From 7.2 on the image is a package without files, beside one of the binary and one of the modules.
    packages = [image] + [d for d in apt.depends(image) if re.match(r"linux-(binary|modules)-\d", d)]
    return unpack(apt.download(packages), work)


def unpack(debs, work):
    tree, out = work / "tree", work / "kernel"
    for deb in debs:
        run(["dpkg-deb", "-x", str(deb), str(tree)])
    images = [*tree.glob("boot/vmlinuz-*"), *tree.glob("usr/lib/modules/*/vmlinuz")]
    modules = [*tree.glob("lib/modules/*/kernel"), *tree.glob("usr/lib/modules/*/kernel")]
    if len(images) != 1 or len(modules) != 1:
        names = ", ".join(d.name for d in debs)
        raise Unavailable(f"{names}: {len(images)} kernels, {len(modules)} trees of modules")
    out.mkdir()
    images[0].rename(out / "vmlinuz")
    (out / "release").write_text(modules[0].parent.name + "\n", encoding="utf-8")
    modules[0].rename(out / "modules")
    return out


class Apt:
    """apt with a configuration, lists and a cache of its own, for one suite."""

    def __init__(self, suite, directory):
        self.suite, self.directory = suite, directory
        for d in ("parts", "sources", "lists/partial", "archives/partial"):
            (directory / d).mkdir(parents=True)
        (directory / "status").touch()
        (directory / "sources" / "vm.sources").write_text(rewrite(suite), encoding="utf-8")
        (directory / "apt.conf").write_text(self.configuration(), encoding="utf-8")
        self.call(["apt-get", "-qq", "update"])

    def configuration(self):
        """How the machine fetches, and nothing else of its configuration: no hooks, no pins."""
        fetching = [s for s in run(["apt-config", "dump"]).splitlines()
                    if s.startswith("Acquire::") and not s.startswith("Acquire::IndexTargets")]
        d = self.directory
        own = {"Dir::Etc::Parts": d / "parts", "Dir::Etc::Main": "/dev/null", "Dir::Etc::SourceList": "/dev/null",
               "Dir::Etc::SourceParts": d / "sources", "Dir::Etc::Preferences": "/dev/null",
               "Dir::Etc::PreferencesParts": d / "parts", "Dir::State": d, "Dir::State::Lists": d / "lists",
               "Dir::State::Status": d / "status", "Dir::Cache": d, "Dir::Cache::Archives": d / "archives",
               "APT::Architecture": "amd64", "APT::Architectures": "amd64", "APT::Sandbox::User": "root",
               "APT::Update::Error-Mode": "any",
               "Acquire::Languages": "none", "Acquire::Retries": "1", "Acquire::http::Timeout": "20",
               "Acquire::https::Timeout": "20"}
        return "\n".join(fetching + [f'{k} "{v}";' for k, v in own.items()]) + "\n"

    def call(self, command, **kw):
        return run(command, env={**os.environ, "APT_CONFIG": str(self.directory / "apt.conf"), "LC_ALL": "C"}, **kw)

    def depends(self, package):
        out = self.call(["apt-cache", "show", "--no-all-versions", package])
        fields = [s for s in out.splitlines() if re.match("(Pre-)?Depends:", s)]
        return [d.split()[0] for s in fields for d in re.split("[,|]", s.split(":", 1)[1])]

    def download(self, packages):
        self.call(["apt-get", "-qq", "download", *packages], cwd=self.directory)
        return sorted(self.directory.glob("*.deb"))


def run(command, **kw):
    """Standard output of a command; Unavailable with its last complaint if it fails."""
    try:
        r = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=APT_SECONDS,
                           check=False, **kw)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise Unavailable(f"{command[0]}: {e}") from e
    if r.returncode:
        lines = [s for s in r.stderr.splitlines() if s.strip()]
        said = next((s for s in lines if s.startswith("E:")), lines[-1] if lines else "no message")
        raise Unavailable(f"{' '.join(command[:2])}: {said}")
    return r.stdout


# The machine's sources.

def stanzas():
    """Every entry of the machine's sources as a dictionary of deb822 fields, lower-case keys."""
    files = [pathlib.Path("/etc/apt/sources.list"), *sorted(pathlib.Path("/etc/apt/sources.list.d").glob("*"))]
    for f in files:
        try:
            text = f.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if f.suffix == ".list":
            yield from filter(None, map(one_line, text.splitlines()))
        elif f.suffix == ".sources":
            yield from filter(None, map(deb822, re.split(r"\n\s*\n", text)))


def one_line(line):
    """deb [signed-by=FILE] URI SUITE COMPONENT..."""
    m = re.match(r"\s*deb\s+(?:\[([^]]*)\]\s*)?(\S+)\s+(\S+)\s+([^#]+)", line)
    if not m:
        return None
    options = dict(o.split("=", 1) for o in (m[1] or "").split() if "=" in o)
    return {"types": "deb", "uris": m[2], "suites": m[3], "components": m[4].strip(), **options}


def deb822(text):
    fields, key = {}, None
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace() and key:
            fields[key] += "\n" + line
        elif ":" in line:
            key, value = line.split(":", 1)
            key = key.strip().lower()
            fields[key] = value.strip()
    usable = "deb" in fields.get("types", "").split() and fields.get("enabled", "yes").lower() != "no"
    return fields if usable and "uris" in fields else None


def rewrite(suite):
    """The machine's entries for its own suite, as entries for another."""
    own = own_suite()
    out = []
    for s in stanzas():
        suites = set(s.get("suites", "").split())
        wanted = []
        if suites & {own, f"{own}-updates"}:
            wanted.append(suite)
        if suites & {f"{own}-security", f"{own}/updates"} and suite != "sid":
            wanted.append(f"{suite}-security")
        if wanted:
            fields = {"Types": "deb", "URIs": s["uris"], "Suites": " ".join(wanted), "Components": "main"}
            fields.update({k: s[k.lower()] for k in ("Signed-By", "Trusted") if k.lower() in s})
            out.append("".join(f"{k}: {v}\n" for k, v in fields.items()))
    if not out:
        raise Unavailable(f"no apt source of Debian's suite '{own}' to derive those of '{suite}' from")
    return "\n".join(out)


def own_suite():
    """The name by which the sources call this machine's suite."""
    with open("/etc/os-release", encoding="utf-8") as f:
        release = dict(line.strip().split("=", 1) for line in f if "=" in line)
    if release.get("ID", "").strip('"') != "debian":
        raise Unavailable("this machine isn't Debian: its package sources have no Debian kernels")
    names = {name for s in stanzas() for name in s.get("suites", "").split()}
    codename = release.get("VERSION_CODENAME", "").strip('"')
    known = (codename, "stable", "oldstable", "testing", "sid", "unstable")
    return next((n for n in known if n and n in names), codename)
