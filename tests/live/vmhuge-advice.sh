#!/bin/sh
# Each advice of vmhuge is followed, and what it promised must come true.  Usage: vmhuge-advice.sh BIN_DIR
# Policies of the machine are changed for moments, and put back whatever happens; as root also as a user without privilege.
set -u
here=$(CDPATH="" cd -- "$(dirname -- "$0")" && pwd)
bin=${1:-${VM_BIN:-}}
thp=/sys/kernel/mm/transparent_hugepage

skip() {
	echo "skip: $1"
	exit 77
}

[ -n "$bin" ] || { echo "usage: $0 BIN_DIR" >&2; exit 2; }
command -v python3 >/dev/null || skip "python3 is not installed"
[ -x "$bin/vmhuge" ] || skip "no vmhuge in $bin that this user may run"
[ -r $thp/enabled ] || skip "this kernel has no transparent huge pages"
scratch=$(mktemp -d) || skip "no directory for temporary files"

settings="enabled shmem_enabled khugepaged/scan_sleep_millisecs khugepaged/alloc_sleep_millisecs khugepaged/pages_to_scan
	khugepaged/max_ptes_none khugepaged/max_ptes_swap khugepaged/max_ptes_shared
	$(cd $thp && ls -d hugepages-*/enabled 2>/dev/null)"
for s in $settings; do
	# The word in brackets, or the number.
	sed -e 's/.*\[\(.*\)\].*/\1/' $thp/"$s" >"$scratch/$(echo "$s" | tr / _)" 2>/dev/null
done
restore() {
	for s in $settings; do
		[ ! -w $thp/"$s" ] || cat "$scratch/$(echo "$s" | tr / _)" >$thp/"$s"
	done
	umount -l "$scratch/tmpfs" 2>/dev/null
	rm -rf "$scratch"
}
trap restore EXIT
trap 'exit 1' INT TERM

python3 -B "$here/lab/advice.py" "$bin" "$scratch"
status=$?
# shellcheck source=tests/tools/reach.sh
. "$here/../tools/reach.sh"
as_nobody_too $status "$here" vmhuge-advice.sh "$bin"
