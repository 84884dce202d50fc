#!/bin/sh
# vmdiff: leaks at a known rate, sawteeth, what moved, came and went, against what vmlab states.
# Usage: vmdiff-truth.sh BIN_DIR
set -u
here=$(CDPATH="" cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}

skip() {
	echo "skip: $1"
	exit 77
}

[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
[ -x /usr/bin/python3 ] || skip "python3 is not installed"
[ -x "$bin/vmdiff" ] || skip "no vmdiff in $bin that this user may run"

scratch=$(mktemp -d) || skip "no directory for temporary files"
trap 'rm -rf "$scratch"' EXIT
/usr/bin/python3 -B "$here/lab/growth.py" "$bin" "$scratch"
status=$?
# shellcheck source=tests/tools/reach.sh
. "$here/../tools/reach.sh"
as_nobody_too $status "$here" vmdiff-truth.sh "$bin"
