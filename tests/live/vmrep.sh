#!/bin/sh
# vmrep against the kernel's own counters and against page faults of a known number; on a terminal, stopped, interrupted.
# Usage: vmrep.sh BIN_DIR
set -u
here=$(CDPATH="" cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}

skip() {
	echo "skip: $1"
	exit 77
}

[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
command -v python3 >/dev/null || skip "python3 is not installed"
[ -x "$bin/vmrep" ] || skip "no vmrep in $bin that this user may run"
scratch=$(mktemp -d) || skip "no directory for temporary files"
trap 'rm -rf "$scratch"' EXIT
# Nobody has to reach them.
chmod 755 "$scratch"
mkdir "$scratch/bin" && cp "$bin/vmrep" "$scratch/bin/" || exit 1
python3 -B "$here/rep/rep.py" "$scratch/bin/vmrep"
status=$?
# shellcheck source=tests/tools/reach.sh
. "$here/../tools/reach.sh"
as_nobody_too $status "$here" vmrep.sh "$scratch/bin"
