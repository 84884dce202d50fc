#!/bin/sh
# vmfault chooses processes that make threads and children all the time, and such that gain privileges: is each fault
# told exactly once?  Usage: vmfault-heard.sh BIN_DIR
set -u
here=$(CDPATH="" cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}

skip() {
	echo "skip: $1"
	exit 77
}

[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
command -v python3 >/dev/null || skip "python3 is not installed"
"$bin/vmfault" --via ebpf --output /dev/null -- true 2>/dev/null || skip "this user may not watch faults by eBPF"
scratch=$(mktemp -d) || skip "no directory for temporary files"
trap 'rm -rf "$scratch"' EXIT
python3 -B "$here/vmfault-heard.py" "$bin" "$scratch"
