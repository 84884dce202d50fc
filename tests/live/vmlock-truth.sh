#!/bin/sh
# vmlock's verdicts against what mlock(2) really says, and its figures against vmlab's stated truth and /proc.
# Usage: vmlock-truth.sh BIN_DIR
set -u
here=$(CDPATH="" cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}

skip() {
	echo "skip: $1"
	exit 77
}

[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
[ -x /usr/bin/python3 ] || skip "python3 is not installed"
[ -x "$bin/vmlock" ] || skip "no vmlock in $bin that this user may run"

scratch=$(mktemp -d) || skip "no directory for temporary files"
trap 'rm -rf "$scratch"' EXIT
/usr/bin/python3 -B "$here/lab/locks.py" "$bin"
status=$?
# shellcheck source=tests/tools/reach.sh
. "$here/../tools/reach.sh"
as_nobody_too $status "$here" vmlock-truth.sh "$bin"
