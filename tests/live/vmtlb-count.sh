#!/bin/sh
# vmtlb's counting: with a PMU that isn't there, with the kernel's own events, and where it is refused.
# Usage: vmtlb-count.sh BIN_DIR
set -u
here=$(CDPATH="" cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}

skip() {
	echo "skip: $1"
	exit 77
}

[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
command -v python3 >/dev/null || skip "python3 is not installed"
[ -x "$bin/vmtlb" ] || skip "no vmtlb in $bin that this user may run"
# What it needs besides is beside it, where an earlier run has put it, or among the tests' programs.
tools=$bin/../tests
[ -x "$bin/toucher" ] && tools=$bin
[ -x "$tools/toucher" ] || skip "the tests' programs aren't built"
scratch=$(mktemp -d) || skip "no directory for temporary files"
trap 'rm -rf "$scratch"' EXIT
# Nobody has to reach them.
chmod 755 "$scratch"
mkdir "$scratch/bin" && cp "$bin/vmtlb" "$tools/toucher" "$tools/libfakepmu.so" "$scratch/bin/" || exit 1
python3 -B "$here/count/count.py" "$scratch/bin" "$scratch"
status=$?
# shellcheck source=tests/tools/reach.sh
. "$here/../tools/reach.sh"
as_nobody_too $status "$here" vmtlb-count.sh "$scratch/bin"
