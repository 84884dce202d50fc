#!/bin/sh
# vmshare against what workloads state by construction, and against raw page frames, map counts and PSS of the kernel.
# Usage: vmshare-truth.sh BIN_DIR
set -u
here=$(CDPATH="" cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}

skip() {
	echo "skip: $1"
	exit 77
}

[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
[ -x /usr/bin/python3 ] || skip "python3 is not installed"
[ -x "$bin/vmshare" ] || skip "no vmshare in $bin that this user may run"

scratch=$(mktemp -d) || skip "no directory for temporary files"
trap 'rm -rf "$scratch"' EXIT
/usr/bin/python3 -B "$here/lab/sharing.py" "$bin"
status=$?
# shellcheck source=tests/tools/reach.sh
. "$here/../tools/reach.sh"
as_nobody_too $status "$here" vmshare-truth.sh "$bin"
