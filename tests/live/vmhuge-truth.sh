#!/bin/sh
# Sizes of pages by vmhuge in all ways of reading, against what vmlab's workloads state and against kpageflags by hand.
# Usage: vmhuge-truth.sh BIN_DIR; as root also as a user without privilege
set -u
here=$(CDPATH="" cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}

skip() {
	echo "skip: $1"
	exit 77
}

[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
command -v python3 >/dev/null || skip "python3 is not installed"
[ -x "$bin/vmhuge" ] || skip "no vmhuge in $bin that this user may run"
scratch=$(mktemp -d) || skip "no directory for temporary files"
trap 'rm -rf "$scratch"' EXIT
python3 -B "$here/lab/huge.py" "$bin" "$scratch"
status=$?
# shellcheck source=tests/tools/reach.sh
. "$here/../tools/reach.sh"
as_nobody_too $status "$here" vmhuge-truth.sh "$bin"
