#!/bin/sh
# vmmap and vmtop against vmlab's stated truth, and against /proc.  Usage: vmmap-truth.sh BIN_DIR
set -u
here=$(CDPATH="" cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}

skip() {
	echo "skip: $1"
	exit 77
}

[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
command -v python3 >/dev/null || skip "python3 is not installed"
[ -x "$bin/vmmap" ] || skip "no vmmap in $bin that this user may run"

scratch=$(mktemp -d) || skip "no directory for temporary files"
trap 'rm -rf "$scratch"' EXIT
python3 -B "$here/lab/tools.py" "$bin"
status=$?
if [ "$(id -u)" != 0 ] || [ $status != 0 ]; then
	exit $status
fi

# Root hides what ordinary users meet: once more without its powers, from a place that they can reach.
# shellcheck source=tests/tools/reach.sh
. "$here/../tools/reach.sh"
their_bin=$(reachable "$bin")
their_tests=$(reachable "$here")
echo "as uid 65534:"
setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all "$their_tests/vmmap-truth.sh" "$their_bin"
