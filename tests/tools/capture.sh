#!/bin/bash
# Make a fixture of processes of this machine: tests/tools/capture.sh NAME PID...
# The tree is written to tests/fixtures/NAME without traces of this machine; look at it before committing.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
vmmap=${VM_BIN:-$here/../../build/bin}/vmmap
[ $# -ge 2 ] || { echo "usage: $0 NAME PID..." >&2; exit 2; }
name=$1
shift
raw=$(mktemp -d) || exit 1
trap 'rm -rf "$raw"' EXIT
"$vmmap" --capture "$raw/tree" "$@" >/dev/null || exit 1
python3 "$here/mkfixtures.py" sanitize "$raw/tree" "$here/../fixtures/$name"
