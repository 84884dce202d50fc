#!/bin/bash
# Page tables, pagemap and PAGEMAP_SCAN tell the same of each page of a process that stands still.
# Usage: page-ways.sh BIN_DIR
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}

skip() {
	echo "skip: $1"
	exit 77
}

[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
[ -x "$bin/vmpage" ] || skip "no vmpage in $bin that this user may run"
command -v python3 >/dev/null || skip "python3 is not installed"
exec python3 -B "$here/page-ways.py" "$bin/vmpage"
