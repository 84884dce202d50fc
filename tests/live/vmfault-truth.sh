#!/bin/sh
# Page faults of vmlab's workloads, by vmfault, against what is stated.  Usage: vmfault-truth.sh BIN_DIR
set -u
here=$(CDPATH="" cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}

skip() {
	echo "skip: $1"
	exit 77
}

[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
command -v python3 >/dev/null || skip "python3 is not installed"
[ -x "$bin/vmfault" ] || skip "no vmfault in $bin that this user may run"
scratch=$(mktemp -d) || skip "no directory for temporary files"
trap 'rm -rf "$scratch"' EXIT
python3 -B "$here/lab/faults.py" "$bin" "$scratch"
status=$?
# shellcheck source=tests/tools/reach.sh
. "$here/../tools/reach.sh"
as_nobody_too $status "$here" vmfault-truth.sh "$bin"
