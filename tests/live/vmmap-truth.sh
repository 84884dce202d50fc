#!/bin/sh
# vmmap and vmtop against vmlab's stated truth, and against /proc.  Usage: vmmap-truth.sh BIN_DIR
set -u
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}

skip() {
	echo "skip: $1"
	exit 77
}

[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
command -v python3 >/dev/null || skip "python3 is not installed"
[ -x "$bin/vmmap" ] || skip "no vmmap in $bin that this user may run"

python3 -B "$here/lab/tools.py" "$bin"
status=$?
if [ "$(id -u)" != 0 ] || [ $status != 0 ]; then
	exit $status
fi

# Root hides what ordinary users meet: once more without its powers.
if setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all \
	test -x "$bin/vmmap" -a -r "$here/lab/tools.py" 2>/dev/null; then
	echo "as uid 65534:"
	setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all "$0" "$bin"
else
	echo "not repeated without privilege: setpriv or access to $bin is missing"
fi
