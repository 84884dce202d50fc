#!/bin/sh
# vmtop's tab Pages against what vmlab says of its pages, as root and without privilege: cell by cell.
# Usage: vmtop-pages.sh BIN_DIR
set -u
here=$(CDPATH="" cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}
[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
[ -x "$bin/vmtop" ] || { echo "skip: vmtop isn't built"; exit 77; }
[ -x "$bin/vmlab" ] || { echo "skip: vmlab isn't built"; exit 77; }
command -v python3 >/dev/null || { echo "skip: python3 is not installed"; exit 77; }
exec python3 -B "$here/lab/toppages.py" "$bin"
