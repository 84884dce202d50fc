#!/bin/sh
# Stopped and continued at any moment while it reads, a command gives the same answer.
# Usage: interrupts.sh BIN_DIR
set -u
here=$(CDPATH="" cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}
[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
command -v python3 >/dev/null || { echo "skip: python3 is not installed"; exit 77; }
exec python3 -B "$here/lab/interrupts.py" "$bin"
