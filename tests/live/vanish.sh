#!/bin/bash
# A process ends, or executes another program, in the middle of being read: VM_VANISH_RUNS times (1000).
# Usage: vanish.sh BIN_DIR
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has_built vmmap
has python3
[ -r /proc/self/smaps ] || skip "this kernel has no /proc/PID/smaps"
# Programs are told from each other by where they lie.
[ "$(cat /proc/sys/kernel/randomize_va_space)" != 0 ] || skip "all programs lie at the same addresses (randomize_va_space is 0)"
exec python3 -B "$here/vanish.py" "$bin/vmmap" "${VM_VANISH_RUNS:-1000}"
