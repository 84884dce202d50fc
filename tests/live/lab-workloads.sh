#!/bin/sh
# Every workload of vmlab against /proc.  Usage: lab-workloads.sh BIN_DIR (or VM_BIN=BIN_DIR)
# Works as root and as a user without capabilities; needs no writable working directory.
set -u
here=$(CDPATH="" cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}

skip() {
	echo "skip: $1"
	exit 77
}

[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
[ -x "$bin/vmlab" ] || skip "no vmlab in $bin that this user may run"
command -v python3 >/dev/null || skip "python3 is not installed"
[ -r /proc/self/smaps ] || skip "this kernel has no /proc/PID/smaps"

scratch=$(mktemp -d) || skip "no directory for temporary files"
trap 'rm -rf "$scratch"' EXIT
python3 -B "$here/lab/workloads.py" "$bin" "$scratch"
status=$?
# shellcheck source=tests/tools/reach.sh
. "$here/../tools/reach.sh"
as_nobody_too $status "$here" lab-workloads.sh "$bin"
