#!/bin/sh
# vmtlb's counting: with a PMU that isn't there, with the kernel's own events, and where it is refused.
# Usage: vmtlb-count.sh BIN_DIR
set -u
here=$(CDPATH="" cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}
build=${VM_BUILD:-$bin/..}

skip() {
	echo "skip: $1"
	exit 77
}

[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
command -v python3 >/dev/null || skip "python3 is not installed"
[ -x "$bin/vmtlb" ] || skip "no vmtlb in $bin that this user may run"
scratch=$(mktemp -d) || skip "no directory for temporary files"
trap 'rm -rf "$scratch"' EXIT
# Nobody has to reach them.
chmod 755 "$scratch"
mkdir "$scratch/bin" && cp "$bin/vmtlb" "$build/tests/toucher" "$build/tests/libfakepmu.so" "$scratch/bin/" || exit 1
python3 -B "$here/count/count.py" "$scratch/bin" "$scratch"
