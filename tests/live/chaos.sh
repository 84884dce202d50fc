#!/bin/sh
# vmpage on a process that maps, unmaps, forks and dies at full speed.  Usage: chaos.sh BIN_DIR
# VM_CHAOS_SECONDS: for how long (default 15).
set -u
here=$(CDPATH="" cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}

skip() {
	echo "skip: $1"
	exit 77
}

[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
[ -x "$bin/vmpage" ] || skip "no vmpage in $bin that this user may run"
[ "$(id -u)" = 0 ] || skip "page tables can be read by root only"
command -v python3 >/dev/null || skip "python3 is not installed"
exec python3 -B "$here/lab/chaos.py" "$bin"
