#!/bin/sh
# vmtop's columns about page faults: their rates and time of a process that faults and of one that doesn't; what is
# told without permission; nothing is left when vmtop is killed.
# Usage: vmtop-faults.sh BIN_DIR
set -u
here=$(CDPATH="" cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}
[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
[ -x "$bin/vmtop" ] || { echo "skip: vmtop isn't built"; exit 77; }
command -v python3 >/dev/null || { echo "skip: python3 is not installed"; exit 77; }
exec python3 -B "$here/lab/topfaults.py" "$bin"
