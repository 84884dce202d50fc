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
random=/proc/sys/kernel/randomize_va_space
# Programs are told from each other by where they lie.
if [ "$(cat $random)" = 0 ]; then
	[ -w $random ] || skip "all programs lie at the same addresses here ($random)"
	trap 'echo 0 >$random' EXIT
	trap 'exit 1' INT TERM
	echo 2 >$random
fi
python3 -B "$here/vanish.py" "$bin/vmmap" "${VM_VANISH_RUNS:-1000}"
