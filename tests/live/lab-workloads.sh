#!/bin/sh
# Every workload of vmlab against /proc.  Usage: lab-workloads.sh BIN_DIR (or VM_BIN=BIN_DIR)
# Works as root and as a user without capabilities; needs no writable working directory.
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
has_built vmlab
has python3
[ -r /proc/self/smaps ] || skip "this kernel has no /proc/PID/smaps"

make_scratch
run_everywhere lab/workloads.py "$bin" "$scratch"
