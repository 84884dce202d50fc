#!/bin/bash
# A process ends, or executes another program, in the middle of being read: VM_VANISH_RUNS times (1000).
# Usage: vanish.sh BIN_DIR
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}

skip() {
	echo "skip: $1"
	exit 77
}

[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
[ -x "$bin/vmmap" ] || skip "no vmmap in $bin that this user may run"
command -v python3 >/dev/null || skip "python3 is not installed"
[ -r /proc/self/smaps ] || skip "this kernel has no /proc/PID/smaps"
# Programs are told from each other by where they lie.
[ "$(cat /proc/sys/kernel/randomize_va_space)" != 0 ] || skip "all programs lie at the same addresses (randomize_va_space is 0)"
exec python3 -B "$here/vanish.py" "$bin/vmmap" "${VM_VANISH_RUNS:-1000}"
